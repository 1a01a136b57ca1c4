/* SPDX-License-Identifier: MIT */
/*
 * Floor 4: arenas. Address space for spans, in runs of granules. The header granule of an arena
 * holds the span descriptors of its other 63 granules and the bitmaps of their blocks, which lie
 * close together, so that few pages of it are touched.
 *
 * Free granules are dirty (they keep their pages, for the next taker) until they were free from one
 * purge to the next; then they go back to the OS and are clean: their bytes read as zero. An arena
 * that is wholly free is unmapped then, but for the first pages of its header: who looks whose an
 * address is does so without a lock, and must find memory there. Its place is mapped again first.
 *
 * In front of the header there is nothing mapped: a block that overflows at the end of the arena
 * below faults. Where address space is short an arena is mapped in part.
 *
 * Arenas belong to shards, each with a lock of its own, so that threads that take and give large
 * blocks at the same time do not wait for each other.
 */
#ifndef HAK_ARENA_H
#define HAK_ARENA_H

#include "base.h"

enum span_kind {
	SPAN_NONE,    /* not handed out */
	SPAN_CLASS,   /* blocks of a size class */
	SPAN_SAMPLED, /* the same, but class 0 in the address map: each free is seen */
	SPAN_LARGE,   /* one large block */
};

enum {
	GRANULE_BLOCKS_MAX = GRANULE_SIZE / ALIGN_MIN,
	UNIT_BLOCKS = 512, /* whose bits are a cache line: a unit of bitmaps */
	UNIT_WORDS = UNIT_BLOCKS / 64,
	GRANULE_UNITS = GRANULE_BLOCKS_MAX / UNIT_BLOCKS,
};

/* A run of granules in use. The arena's maker; span.c and large.c are its users. */
struct span {
	struct span *next, *prev; /* in the class' list of spans with free blocks */
	uint64_t *bits;           /* of carved blocks: 1 = the span holds it, 0 = it is out */
	uint32_t first_offset;    /* of block 0 from the base: the colour */
	uint16_t capacity;        /* blocks */
	uint16_t first;  /* index of the block that is carved first; on from there, cyclically */
	uint16_t carved; /* so many blocks have been handed out before */
	uint16_t free;   /* bits set */
	uint16_t hint;   /* no bit is set in words below */
	uint8_t kind;    /* enum span_kind */
	uint8_t class;
	uint8_t granule; /* index of the first one in its arena */
	uint8_t granules;
	uint8_t sampled; /* large: the block was sampled */
	uint8_t listed;  /* is in its class' list */
	uint8_t quiet;   /* purges since a block came or went */
	uint8_t units;   /* that its bits take; 0: it has none */
	uint8_t ready;   /* index of the page up to which the kernel was asked for pages */
	bool clean;      /* there were none when the span was made */
};

static_assert(sizeof(struct span) <= 64, "one cache line");

/*
 * The header granule. Its first words are hot for all arenas alike, so descriptors and bitmaps
 * start at an offset that differs from arena to arena (colour), lest all headers fight for the same
 * sets.
 */
struct arena {
	uint64_t free;  /* granules not in use; granule 0 is never free */
	uint64_t dirty; /* of these, granules whose bytes may be other than zero */
	uint64_t aged;  /* of these, granules that were dirty at the last purge already */
	uint64_t all;   /* granules that are mapped, but for granule 0 */
	uint32_t shard; /* that it belongs to, for as long as it is mapped */
	uint16_t start; /* runs are looked for from this granule on: differs from arena to arena */
	uint16_t barrier;              /* bytes at its start that are not mapped */
	uint8_t head[ARENA_GRANULES];  /* first granule of the run that a granule belongs to */
	uint64_t units[GRANULE_UNITS]; /* of the bitmaps: 1 = in use */
	char body[GRANULE_SIZE - ARENA_BARRIER - (5 + GRANULE_UNITS) * sizeof(uint64_t) -
	          ARENA_GRANULES];
};

enum {
	ARENA_COLOURS = 64,
	ARENA_COLOUR_STEP = 64,
};

/* The arena that `p` lies in; `p` is in one of ours. */
static inline struct arena *arena_of(const void *p)
{
	return (struct arena *)(((uintptr_t)p & ~(uintptr_t)(ARENA_SIZE - 1)) + ARENA_BARRIER);
}

static inline char *arena_body(struct arena *arena)
{
	uintptr_t index = (uintptr_t)arena >> ARENA_SHIFT;
	return (char *)(round_up((uintptr_t)arena->body, 64) +
	                index * 5 % ARENA_COLOURS * ARENA_COLOUR_STEP);
}

/* The span whose run contains `p`, which the address map says is in use for a class. */
static inline struct span *arena_class_span(const void *p)
{
	struct arena *arena = arena_of(p);
	unsigned granule = (unsigned)((uintptr_t)p >> GRANULE_SHIFT) % ARENA_GRANULES;
	return (struct span *)arena_body(arena) + arena->head[granule];
}

/*
 * Draws what addresses depend on. `live`: granule 1 of each arena is kept free of runs, for the
 * bits of live.h. Called once, before the first arena.
 */
void arena_init(bool live);

/* Bits that were drawn at start, for other things that addresses depend on. */
uint32_t arena_random(void);

/*
 * Takes a run of `granules` (1 .. 63). `*zeroed` tells whether its bytes read as zero. The span has
 * kind, granule and granules set. NULL when the OS or the window has no more.
 */
struct span *arena_take(unsigned granules, enum span_kind kind, bool *zeroed);

/* The same for what is growing: where as much again is free behind it, so that it can go on in
 * place. */
struct span *arena_take_growing(unsigned granules, enum span_kind kind, bool *zeroed);

/* The same at a multiple of `align` granules (a power of two up to 32) of the address space. */
struct span *arena_take_aligned(unsigned granules, unsigned align, enum span_kind kind,
                                bool *zeroed);

/* Gives a span of size class blocks the bits of `blocks` of them, all zero; it has none yet. And
 * takes them from it, before the run is given back. */
void arena_take_bits(struct span *span, unsigned blocks);
void arena_give_bits(struct span *span);

/* Gives the run back; its address map entries have been cleared by the caller. */
void arena_give(struct span *span);

/*
 * Makes the run `granules` (1 .. 63) long without moving it. False, nothing changed, when what
 * follows it is not free. Granules that are added may hold anything.
 */
bool arena_resize(struct span *span, unsigned granules);

/* The span in use whose run contains `p`; NULL when `p` is
 * not in one of ours. Any address is fine. */
struct span *arena_span_of(const void *p);

/* Tells whether `p` lies in an arena, in use or not. Any address is fine. */
bool arena_owns(const void *p);

/* First byte of the span's run. */
static inline char *span_base(const struct span *span)
{
	uintptr_t arena = (uintptr_t)span & ~(uintptr_t)(ARENA_SIZE - 1);
	return (char *)(arena + ((uintptr_t)span->granule << GRANULE_SHIFT));
}

static inline size_t span_bytes(const struct span *span)
{
	return (size_t)span->granules << GRANULE_SHIFT;
}

/* Gives those granules back to the OS that have been dirty since the last call; with `all`, every
 * one. Arenas that are wholly free then are unmapped. */
void arena_purge(bool all);

/* Unmaps every arena that is wholly free. For when the kernel refuses more. */
void arena_unmap_free(void);

/* Gives pages of a span in use back to the OS, `bytes` from `base`; what they held is lost. */
void arena_purge_pages(void *base, size_t bytes);

/* Bytes of clean granules that were ever taken: how often the heap grew instead of reusing. */
uint64_t arena_grown_bytes(void);

/* The gauges of all shards added up. While other threads run, a moment's figures. */
void arena_gauges(struct hak_arenas *sum);

/* The shard that the calling thread takes from, 0 ..
 * ARENA_SHARDS - 1; and lets it go to another. */
unsigned arena_own_shard(void);
void arena_prefer_shard(unsigned shard);

void arena_lock(void); /* for fork */
void arena_unlock(void);

/*
 * For checks, while no other thread runs. Whether an arena and the shards are in order; and the
 * arenas, and the runs in use of one, one by one.
 */
bool arena_is_valid(const struct arena *arena);
bool arena_shards_are_valid(void);
void arena_each(void (*visit)(struct arena *arena, void *about), void *about);
void arena_each_span(struct arena *arena, void (*visit)(struct span *span, void *about),
                     void *about);

#endif
