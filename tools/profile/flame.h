/* SPDX-License-Identifier: MIT */
/*
 * Flame graphs: raw stacks of samples in, named and counted stacks out. Of files it knows nothing:
 * what is in it is read by who writes them (tools/export/flame.h).
 */
#ifndef HAK_FLAME_H
#define HAK_FLAME_H

#include <stdbool.h>
#include <stdint.h>

#include "bpf/cost.h"
#include "bpf/stack.h"
#include "tools/profile/heap.h"
#include "tools/profile/stacks.h"
#include "tools/target/target.h"

struct code;
struct flame;
struct profile;
struct unwinder;
struct capture_writer;

struct flame_config {
	unsigned kinds;     /* 1u << enum flame_kind, or-ed */
	uint64_t older_ns;  /* live: of at least this age */
	uint64_t within_ns; /* temporary: freed within this time */
	const char *route;  /* alloc: only what this route served; for titles; NULL all */
};

/* `target` and `unwinder` must live as long. NULL and errno on failure. */
struct flame *flame__new(const struct target *target, struct unwinder *unwinder,
                         const struct flame_config *config);

/* Accepts NULL. */
void flame__free(struct flame *flame);

/* From now on samples go to `writer` (may be NULL), too; before the first one. */
void flame__set_capture(struct flame *flame, struct capture_writer *writer);

/* Whether otel_memory:alloc, otel_memory:free, the stacks of CPU samples are needed for `kinds`. */
bool flame_kinds__need_alloc(unsigned kinds);
bool flame_kinds__need_free(unsigned kinds);

/* Takes in a sampled allocation, which is unwound, or a free; `flame` is a struct flame (an
 * alloc_fn). 0, -ENOMEM, or how many bytes of stack it should have had. */
int flame__on_sample(void *flame, const struct hak_sample_event *event);

/* Takes in a sample of CPU time (a cpu_fn); as above. */
int flame__on_cpu(void *flame, const struct hak_cpu_event *event);

/* What a unit of the weight of `kind`'s samples stands for, in its unit; 1 until set. */
void flame__set_scale(struct flame *flame, enum flame_kind kind, double scale);

/* Counts what is alive now, for what is below; again after more samples. 0 or -ENOMEM. */
int flame__settle(struct flame *flame);

/* What was taken in of `kind` so far, at any time; the caller
 * frees it. NULL and errno on failure. */
struct profile *flame__profile(struct flame *flame, enum flame_kind kind);

/* From here on only while no sample is taken in (session__drain()). */

uint64_t flame__samples(const struct flame *flame, enum flame_kind kind);
uint64_t flame__truncated(const struct flame *flame); /* stacks not unwound to the start */
double flame__weight(const struct flame *flame, enum flame_kind kind); /* bytes or ns */
const struct heap *flame__heap(const struct flame *flame); /* NULL when frees are not needed */
const struct stacks *flame__stacks(const struct flame *flame);

/* What it was made with. */
const struct target *flame__target(const struct flame *flame);
const struct flame_config *flame__config(const struct flame *flame);

const double *flame__scales(const struct flame *flame);    /* FLAME_KINDS of them */
const struct code *flame__code(const struct flame *flame); /* that the stacks go through */
uint64_t flame__start_ns(const struct flame *flame);       /* when it was made, since 1970 */

/* "alloc", …; what its graph is called; what it is in. */
const char *flame_kind__name(enum flame_kind kind);
const char *flame_kind__title(enum flame_kind kind);
const char *flame_kind__unit(enum flame_kind kind);

/*
 * How many of the innermost `count` frames to drop, so that the leaf is the allocator's outermost
 * frame: the function that the program called.
 */
size_t flame__inner_frames(const struct target *target, const uint64_t *ips, size_t count);

/* The name that a program calls the allocator by, given the outermost frame's symbol: malloc for
 * alloc_malloc_cold. */
const char *flame__entry_name(const char *symbol, char *name, size_t size);

#endif
