/* SPDX-License-Identifier: MIT */
/* Floor 4: glibc's exported malloc family, bound to ours. */
#ifndef HAK_BIND_H
#define HAK_BIND_H

#include "base.h"

/*
 * From now on whoever looks for malloc and its kin in libc itself finds ours. Once, before a
 * library can have been loaded with RTLD_DEEPBIND; calls nothing that could allocate or lock.
 * Without effect where there is no libc behind ours in the dynamic linker's order, or its table
 * cannot be written.
 */
void bind_libc(void);

/*
 * Law 5: asks the dynamic linker for the malloc behind ours, and says so when that is still libc's
 * (`announce`: says what it is in any case). May lock and allocate.
 */
void bind_prove(bool announce);

#endif
