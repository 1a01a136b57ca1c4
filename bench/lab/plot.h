/* SPDX-License-Identifier: MIT */
/* Plots by gnuplot: SVG or PNG, as the file's name ends. */
#ifndef BENCH_PLOT_H
#define BENCH_PLOT_H

#include <stdbool.h>
#include <stdio.h>

/*
 * A pipe to gnuplot with terminal and output set; NULL when there is none. The script that is
 * written to it must be complete when plot_end() is called, which says whether the plot was made.
 */
FILE *plot_begin(const char *path, int width, int height);
bool plot_end(FILE *gnuplot);

/* A name with what gnuplot would take for markup taken away. */
void plot_name(FILE *gnuplot, const char *name);

#endif
