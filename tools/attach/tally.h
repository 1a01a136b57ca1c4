/* SPDX-License-Identifier: MIT */
/* The attachment to hakmem:tally: keeps a ledger up to date,
 * at most ten hits a second and thread. */
#ifndef HAK_ATTACH_TALLY_H
#define HAK_ATTACH_TALLY_H

#include <stdbool.h>

#include "bpf/counters.h"
#include "tools/target/ledger.h"
#include "tools/target/target.h"

struct attach_tally;

/* Life: new, prepare, load, attach, consume …, free. Failures are told on stderr; 0 or -errno. */
struct attach_tally *attach_tally__new(const struct target *target, struct ledger *ledger);
int attach_tally__prepare(struct attach_tally *attach);
int attach_tally__load(struct attach_tally *attach);
int attach_tally__attach(struct attach_tally *attach);

/* Accepts NULL; detaches. */
void attach_tally__free(struct attach_tally *attach);

/* Whether the records are read as well: then tallies beyond a ceiling are passed over. */
void attach_tally__set_reads(struct attach_tally *attach, bool reads);

/* Readable when there are events to consume. */
int attach_tally__fd(const struct attach_tally *attach);
int attach_tally__consume(struct attach_tally *attach);

/* NULL gives zeros. */
struct hak_counters attach_tally__counters(const struct attach_tally *attach);

#endif
