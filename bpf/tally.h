/* SPDX-License-Identifier: MIT OR (GPL-2.0 OR BSD-2-Clause) */
/*
 * Events of tally.bpf.c, in one ring buffer; each begins with its kind. A thread event carries the
 * slots as they were at the same instant, so that the figures can be brought up to date as record.h
 * says. A process event follows at most every HAK_PROCESS_EVERY_NS, for an observer that may not
 * read the process's memory itself.
 */
#ifndef HAK_TALLY_EVENT_H
#define HAK_TALLY_EVENT_H

#include "record.h"

#define HAK_PROCESS_EVERY_NS 200000000ull

enum hak_tally_kind {
	HAK_TALLY_THREAD = 1,
	HAK_TALLY_PROCESS = 2,
};

struct hak_thread_event {
	hak_u32 kind;
	hak_u32 slots_valid; /* 0: the slots could not be read */
	struct hak_tally_event tally;
	struct hak_slot slots[HAK_CLASS_COUNT];
};

struct hak_process_event {
	hak_u32 kind;
	hak_u32 pid;
	hak_u64 time_ns;
	struct hak_process_record process;
};

#endif
