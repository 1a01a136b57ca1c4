/* SPDX-License-Identifier: MIT */
/*
 * Floor 7: the checks of the build SECURE=1, on the hot path.
 *
 * Each block ends in a word that is not its user's. While the program has the block it is the
 * block's mark: a secret of the process and the block's address. While it is free it is zero, and
 * so are the block's first two words. So
 *   - a free of what has no mark (freed already, inside of a block, anything else) is refused;
 *   - what is written behind a block is noticed when it is freed;
 *   - what is written to a freed block's beginning or end is noticed when it is handed out again.
 * Zero is also what memory reads as that was given back to the OS and taken again.
 *
 * Reuse is delayed and in random order: the CHECKS_RESERVE blocks at the bottom of a magazine are
 * not handed out (no credit is granted for them), and a block that is freed changes places with one
 * of as many on top (tcache_delay).
 *
 * Large classes do without magazines, and are checked one by one (secure.h), which looks at every
 * byte.
 */
#ifndef HAK_CHECKS_ON_H
#define HAK_CHECKS_ON_H

#include "base.h"
#include "secure.h"
#include "size_class.h"

enum {
	CHECKS_PAD = SECURE_PAD, /* bytes of each block that are not its user's */
	CHECKS_RESERVE = 16,
};

/* Whether blocks of the class are never in stock. */
static inline bool checks_one_by_one(unsigned class)
{
	return size_class_size(class) > SECURE_STOCK_MAX;
}

hot_inline uint64_t *checks_word(void *p, size_t slot)
{
	size_t size = ((const struct size_class *)((const char *)size_classes + slot))->size;
	return (uint64_t *)((char *)p + size) - 1;
}

/* A block from a magazine, of the class with that slot offset, is handed out; aborts when it has
 * changed since it was freed. */
hot_inline void *checks_issue(void *p, size_t slot)
{
	const uint64_t *first = p;
	uint64_t *last = checks_word(p, slot);
	if (unlikely(first[0] | first[1] | *last))
		secure_changed(p);
	*last = secure_mark(p);
	return p;
}

/* A block of that class is freed; aborts when it is none, or is not whole. */
hot_inline void checks_retire(void *p, size_t slot)
{
	uint64_t *first = p, *last = checks_word(p, slot), mark = secure_mark(p);
	if (unlikely(!__atomic_compare_exchange_n(last, &mark, 0, false, __ATOMIC_ACQ_REL,
	                                          __ATOMIC_RELAXED)))
		secure_report(p);
	first[0] = first[1] = 0;
}

/* Makes blocks ready that came from spans, `fresh` of them never handed out before; aborts when
 * they have changed since. Their order becomes random. */
static inline void checks_prepare(unsigned class, void **cells, size_t n, size_t fresh,
                                  uint64_t random)
{
	for (size_t i = 0; i < n; i++) {
		secure_prepare(class, cells[i], fresh != 0);
		random = random * 6364136223846793005u + 1442695040888963407u;
		size_t k = (size_t)((random >> 32) * (i + 1) >> 32);
		void *p = cells[k];
		cells[k] = cells[i];
		cells[i] = p;
	}
}

#endif
