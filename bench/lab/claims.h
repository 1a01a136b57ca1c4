/* SPDX-License-Identifier: MIT */
/* What an arm claims to be, against what a process of it has proved. */
#ifndef BENCH_CLAIMS_H
#define BENCH_CLAIMS_H

#include "bench/lab/arm.h"

/*
 * Compares a proof (bench/run/proof.h) with the arm: malloc is in the arm's library and that file's
 * build is the one in memory; each HAKMEM_ setting reads back as given; the owner of a fresh block,
 * the mode and, if the proof tells, what becomes of a double free fit the settings. `table` is
 * libhakmem's table of options, which is needed for settings that are words (NULL: words are not
 * looked at).
 */
bool claims_hold(const struct arm *arm, json_object *proof, const char *table, char why[ARM_WHY]);

/* Number that an option's word stands for in the table; -1 when it is none of the option's. */
int claims_word(const char *table, const char *option, const char *word);

/* The dynamic linker's records in `directory`: malloc was bound to the arm's library everywhere. */
bool claims_bindings_hold(const struct arm *arm, const char *directory, char why[ARM_WHY]);
void claims_remove_bindings(const char *directory);

#endif
