/* SPDX-License-Identifier: MIT OR (GPL-2.0 OR BSD-2-Clause) */
/* What a BPF program counts about itself; in its .bss, cumulative since it was loaded. */
#ifndef HAK_COUNTERS_H
#define HAK_COUNTERS_H

#include "record.h"

struct hak_counters {
	hak_u64 hits; /* times the program ran for the target */
	hak_u64 lost; /* events that found no room */
	hak_u64 ns;   /* time inside the program; the trap into the kernel comes on top */
};

#endif
