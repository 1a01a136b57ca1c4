/* SPDX-License-Identifier: MIT */
/* `hakprobe doctor`: what this kernel, our privileges, the library and the target allow. */
#ifndef HAK_DOCTOR_H
#define HAK_DOCTOR_H

/* `doctor [-p PID]`: prints one line a finding. 0 when all that is needed works, else 1. */
int doctor_main(int argc, char **argv);

#endif
