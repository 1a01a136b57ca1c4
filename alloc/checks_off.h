/* SPDX-License-Identifier: MIT */
/* Floor 7: no checks. checks_on.h has the contracts. */
#ifndef HAK_CHECKS_OFF_H
#define HAK_CHECKS_OFF_H

#include "base.h"

enum { CHECKS_PAD = 0, CHECKS_RESERVE = 0 };

static inline bool checks_one_by_one(unsigned class)
{
	(void)class;
	return false;
}

hot_inline void *checks_issue(void *p, size_t slot)
{
	(void)slot;
	return p;
}

hot_inline void checks_retire(void *p, size_t slot)
{
	(void)p;
	(void)slot;
}

static inline void checks_prepare(unsigned class, void **cells, size_t n, size_t fresh,
                                  uint64_t random)
{
	(void)class;
	(void)cells;
	(void)n;
	(void)fresh;
	(void)random;
}

#endif
