/* SPDX-License-Identifier: MIT */
/*
 * Figures: records of one or many threads added up per size class, brought up to date from the
 * slots as bpf/record.h says. Everything counts up from the start of the process.
 */
#ifndef HAK_FIGURES_H
#define HAK_FIGURES_H

#include "bpf/record.h"

struct figures {
	struct hak_class_record classes[HAK_CLASS_COUNT]; /* granted and mark are not used */
	uint64_t large_bytes;
	uint64_t large_freed;
	uint64_t samples;
};

/* All classes in one. `bytes` counts blocks by their class's size. */
struct figures_total {
	struct hak_class_record sum;
	uint64_t cold;        /* cold visits of mallocs and frees */
	uint64_t bytes;       /* that mallocs gave out */
	int64_t small_in_use; /* bytes of live blocks of size classes */
	int64_t large_in_use; /* bytes of live blocks without */
};

/* Adds one class of a running thread; `slot` NULL when the thread has none any more. */
void figures__add_class(struct figures *figures, unsigned class,
                        const struct hak_class_record *record, const struct hak_slot *slot);

/* Adds a thread; `slots` NULL as above. */
void figures__add_thread(struct figures *figures, const struct hak_thread_record *record,
                         const struct hak_slot *slots);

void figures__add(struct figures *figures, const struct figures *other);

/* now - before, where a count that went back (read half-way through an operation) gives 0. */
void figures__subtract(struct figures *difference, const struct figures *now,
                       const struct figures *before);

void figures__total(struct figures_total *total, const struct figures *figures,
                    const uint64_t *class_size);

/* Mallocs by route; that of the magazine is what is left. */
uint64_t figures__route(const struct hak_class_record *record, enum hak_route route);

/* "magazine", "previous", … */
const char *figures__route_name(enum hak_route route);

#endif
