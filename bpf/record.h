/* SPDX-License-Identifier: MIT OR (GPL-2.0 OR BSD-2-Clause) */
/*
 * The records that a process running libhakmem shows to an observer.
 *
 * This header is the contract between alloc/ (which writes the records, on its cold path only) and
 * bpf/ and tools/ (which read them); docs/probes.md says it in prose. It uses only fixed-width
 * types, so that it can be compiled for BPF, for the allocator and for the tools.
 *
 * How an observer finds the records: the object that contains the allocator (libhakmem.so, or the
 * executable when linked with libhakmem.a) carries an ELF note, section .note.hakmem, owner
 * "hakmem", type HAK_NOTE_PROCESS, whose descriptor is a struct hak_note. It gives the link-time
 * address of the process record; add the load bias of the object. From there a list leads to the
 * record of each live thread.
 *
 * How to read consistently: `seq` of a record is odd while its owner changes it. Read seq, the
 * data, seq again; retry when it was odd or has changed. A thread's seq covers its own record and
 * its slots' base/limit/credit. The process record's seq covers the list of threads, `exited`, and
 * what other threads change in those of a thread that waits: a walk over threads is good when it
 * was even before and is the same afterwards.
 *
 * A class record is cumulative but lags: mallocs and frees since the thread's last cold visit of
 * that class are still in its slot. Exact figures of a running thread are
 *     used    = granted - max(slot.credit, 0)
 *     depth   = (slot.top - slot.base) / 8
 *     mallocs = record.mallocs + used
 *     frees   = record.frees + (depth - mark) + used
 */
#ifndef HAK_RECORD_H
#define HAK_RECORD_H

#ifdef __VMLINUX_H__
typedef __u8 hak_u8;
typedef __u32 hak_u32;
typedef __u64 hak_u64;
typedef __s64 hak_s64;
#else
#include <stdint.h>
typedef uint8_t hak_u8;
typedef uint32_t hak_u32;
typedef uint64_t hak_u64;
typedef int64_t hak_s64;
#endif

enum {
	HAK_RECORD_VERSION = 2, /* raised by any change of a layout below */
	HAK_CLASS_COUNT = 105,  /* class 0 and 104 size classes */
	HAK_NOTE_PROCESS = 1,   /* type of the ELF note */
	HAK_ARENA_SHARDS = 4,
};

#define HAK_RECORD_MAGIC 0x314d454d4b4148ull /* "HAKMEM1", little endian */
#define HAK_NOTE_OWNER   "hakmem"

/* Descriptor of the note. */
struct hak_note {
	hak_u32 version; /* HAK_RECORD_VERSION */
	hak_u32 bytes;   /* sizeof(struct hak_process_record) */
	hak_u64 process; /* link-time address of the struct hak_process_record */
};

/* Which path served a malloc. */
enum hak_route {
	HAK_ROUTE_MAGAZINE, /* the loaded magazine; never counted: mallocs minus all others */
	HAK_ROUTE_PREVIOUS, /* swap with the previous magazine */
	HAK_ROUTE_DEPOT,    /* exchange for a full magazine of the depot */
	HAK_ROUTE_SPAN,     /* magazine filled from spans */
	HAK_ROUTE_LARGE,    /* larger than the largest size class */
	HAK_ROUTE_ALIGNED,  /* alignment that no size class has */
	HAK_ROUTE_SAMPLED,  /* a sampled object */
	HAK_ROUTE_CHECKED,  /* block by block: HAKMEM_FASTLANE_DIRECT=0, or the thread is exiting */
	HAK_ROUTE_LIBC,     /* served by glibc (realloc of a foreign pointer) */
	HAK_ROUTE_COUNT,
};

/* How the allocator was told to work; in the process record. */
enum hak_mode {
	HAK_MODE_UNINITIALISED,
	HAK_MODE_NORMAL,
	HAK_MODE_CHECKED,    /* HAKMEM_FASTLANE_DIRECT=0 */
	HAK_MODE_FORCE_LIBC, /* HAKMEM_FORCE_LIBC_ALLOC=1; nothing is counted */
};

/*
 * One thread and class. All counts are cumulative since the thread started. Class 0 counts what
 * has no size class: large and over-aligned blocks, and foreign pointers handed to glibc.
 */
struct hak_class_record {
	hak_u64 mallocs;
	hak_u64 frees;
	hak_u64 route[HAK_ROUTE_COUNT]; /* mallocs by route; [HAK_ROUTE_MAGAZINE] stays 0 */
	hak_u64 cold_mallocs;           /* cold visits by a malloc, whatever the outcome */
	hak_u64 cold_frees;             /* cold visits by a free */
	hak_u64 refills;                /* times the stock came from the depot or from spans */
	hak_u64 refill_blocks;          /* blocks that these brought */
	hak_u64 fresh_blocks;           /* of these, blocks carved for the first time */
	hak_u64 flushes;                /* magazines handed to the depot or drained to spans */
	hak_u64 flush_blocks;           /* blocks that these took away */
	hak_s64 granted;                /* credit at the last grant */
	hak_s64 mark;                   /* depth of the loaded magazine at the last account */
};

/* The hot state of one class in a thread's cache; lives in TLS. */
struct hak_slot {
	hak_u64 top;    /* address of the next free cell of the loaded magazine */
	hak_u64 limit;  /* address behind its last usable cell */
	hak_s64 credit; /* mallocs that may still be served without a cold visit */
	hak_u64 base;   /* address of its first cell */
};

/* One thread. */
struct hak_thread_record {
	hak_u64 next;     /* address of the next live thread's record, 0 at the end */
	hak_u64 seq;      /* odd while the owner changes the record */
	hak_u64 tid;      /* kernel thread id; 0 in the process record's `exited` */
	hak_u64 slots;    /* address of struct hak_slot[HAK_CLASS_COUNT]; 0 once the thread exits */
	hak_u64 start_ns; /* CLOCK_MONOTONIC */
	hak_u64 tally_ns; /* CLOCK_MONOTONIC_COARSE of the last hakmem:tally */
	hak_u64 large_bytes;  /* bytes (whole blocks) of class 0 mallocs, cumulative */
	hak_u64 large_freed;  /* bytes of class 0 frees, cumulative; libc's not included */
	hak_u64 samples;      /* otel_memory:alloc fired */
	hak_u64 cold_visits;  /* all cold visits; drives the tally clock */
	hak_u64 sample_bytes; /* mean sampling distance of this thread now; 0 = not sampling */
	hak_u64 reserved[5];
	struct hak_class_record classes[HAK_CLASS_COUNT];
};

/*
 * Gauges of a shard of the arenas and huge blocks, in bytes; add the shards up. A block counts in
 * the shard in which its memory is, whoever takes and frees it.
 */
struct hak_arenas {
	hak_u64 arena_bytes;       /* mapped by arenas (address space; touched or not) */
	hak_u64 span_bytes;        /* of these, in spans of size classes */
	hak_u64 large_bytes;       /* of these, in large blocks */
	hak_u64 dirty_bytes;       /* of these, free but not yet returned to the OS */
	hak_u64 purges;            /* times that memory went back to the OS */
	hak_u64 purged_bytes;      /* cumulative */
	hak_u64 grown_bytes;       /* cumulative: taken where there were no pages yet */
	hak_u64 huge_bytes;        /* mapped one by one for blocks too large for an arena */
	hak_u64 huge_cached_bytes; /* mapped, freed huge blocks kept for the next taker */
} __attribute__((aligned(64)));

/* Memory gauges, in bytes; changed on the cold path under locks, read without. */
struct hak_memory {
	struct hak_arenas arenas[HAK_ARENA_SHARDS];
	hak_u64 metadata_bytes;                /* magazines, thread records, barriers */
	hak_u64 depot_blocks[HAK_CLASS_COUNT]; /* blocks in full magazines of the depot */
	hak_u64 span_free[HAK_CLASS_COUNT];    /* free blocks that spans hold, carved or not */
};

struct hak_process_record {
	hak_u64 magic; /* HAK_RECORD_MAGIC */
	hak_u32 version;
	hak_u32 mode;                /* enum hak_mode */
	hak_u32 class_count;         /* HAK_CLASS_COUNT */
	hak_u32 route_count;         /* HAK_ROUTE_COUNT */
	hak_u32 class_record_bytes;  /* sizeof(struct hak_class_record) */
	hak_u32 thread_record_bytes; /* sizeof(struct hak_thread_record) */
	hak_u64 seq;                 /* odd while the thread list or `exited` changes */
	hak_u64 threads;             /* address of the first live thread's record */
	hak_u64 threads_live;
	hak_u64 threads_exited;
	hak_u64 start_ns;                    /* CLOCK_MONOTONIC of the first cold visit */
	hak_u64 sample_bytes;                /* HAKMEM_SAMPLE_BYTES: mean distance of samples */
	hak_u64 class_size[HAK_CLASS_COUNT]; /* block size in bytes; 0 for class 0 */
	struct hak_memory memory;
	struct hak_thread_record exited; /* sum of all threads that have exited */
};

/*
 * hakmem:tally(record, bytes) tells where the record of the calling thread is. BPF copies it
 * whole, in front of it this header.
 */
struct hak_tally_event {
	hak_u32 pid;
	hak_u32 tid;
	hak_u64 time_ns; /* bpf_ktime_get_ns() */
	struct hak_thread_record record;
};

#endif
