/* SPDX-License-Identifier: MIT */
/* How much memory hakprobe takes at the most, whatever it is given to read. */
#ifndef HAK_MEMORY_H
#define HAK_MEMORY_H

/* Of memory that can be written; beyond it an allocation fails, which each that makes one expects.
 */
#define MEMORY_CEILING (2ull << 30)

/* From now on. A lower limit that is there already stays. */
void memory__set_ceiling(void);

#endif
