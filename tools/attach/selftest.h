/* SPDX-License-Identifier: MIT */
/* Two probe sites of hakprobe's own, made as the library's are, to try and to time uprobes on. */
#ifndef HAK_SELFTEST_H
#define HAK_SELFTEST_H

#include <stdint.h>

/* Pass the sites, with `value` where a probe's first argument stands. */
void selftest__begin(uint64_t value);
void selftest__end(uint64_t value);

/* Where they are in our own file, /proc/self/exe; 0 when that cannot be told. */
uint64_t selftest__begin_offset(void);
uint64_t selftest__end_offset(void);

#endif
