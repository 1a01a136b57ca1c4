/* SPDX-License-Identifier: MIT */
/*
 * hakprobe asks no server. libdw would load a client for debuginfod, and with it a library for the
 * network, as soon as the program starts and the environment names a server: before main().
 */
#ifndef HAK_OFFLINE_H
#define HAK_OFFLINE_H

/* Gives the environment back as it was, for a program that we run. Without this call, too, no such
 * library is loaded. */
void offline__restore(void);

#endif
