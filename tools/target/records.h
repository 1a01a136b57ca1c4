/* SPDX-License-Identifier: MIT */
/*
 * Reads the records of a running process with process_vm_readv, without stopping it: consistent by
 * seq, thread by thread and, where a thread changes its record faster than it can be copied, class
 * by class.
 */
#ifndef HAK_RECORDS_H
#define HAK_RECORDS_H

#include <sys/types.h>

#include "tools/target/ledger.h"

/*
 * Brings the ledger up to date from the process record at `process`. 0, or -errno with the ledger
 * as it was: -EPERM not permitted, -ESRCH or -EFAULT the process is gone or has been replaced,
 * -EPROTO no record of this layout there, -EAGAIN threads came and went faster than they could be
 * read, -ELOOP its list has far more threads than the process, -EINTR we are to end. Takes a
 * moment, however the records are made.
 */
int records__read(struct ledger *ledger, pid_t pid, uint64_t process);

#endif
