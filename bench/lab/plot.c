/* SPDX-License-Identifier: MIT */
#include "bench/lab/plot.h"

#include <string.h>

FILE *plot_begin(const char *path, int width, int height)
{
	size_t length = strlen(path);
	bool png = length > 4 && !strcmp(path + length - 4, ".png");
	FILE *gnuplot = popen("gnuplot", "w");
	if (!gnuplot)
		return NULL;
	fprintf(gnuplot,
	        png ? "set terminal pngcairo size %d,%d font 'sans,11'\n"
	            : "set terminal svg size %d,%d dynamic background '#ffffff' font "
	              "'sans,12'\n",
	        width, height);
	fprintf(gnuplot,
	        "set output '%s'\nset grid y lc '#dddddd'\nset border 3\nset tics nomirror\n",
	        path);
	return gnuplot;
}

bool plot_end(FILE *gnuplot)
{
	return pclose(gnuplot) == 0;
}

void plot_name(FILE *gnuplot, const char *name)
{
	fputc('"', gnuplot);
	for (; *name; name++)
		fputc(strchr("\"\\{}^_@&~`$", *name) ? ' ' : *name, gnuplot);
	fputc('"', gnuplot);
}
