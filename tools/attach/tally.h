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
struct attachments;

/* One of the set, whose life is its own (tools/attach/attach.h). NULL: no memory. */
struct attach_tally *attach_tally__new(struct attachments *all, const struct target *target,
                                       struct ledger *ledger);

/* Once loaded: whether the records are read as well: then tallies beyond a ceiling are passed over. */
void attach_tally__set_reads(struct attach_tally *attach, bool reads);

/* NULL gives zeros. */
struct hak_counters attach_tally__counters(const struct attach_tally *attach);

#endif
