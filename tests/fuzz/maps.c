/* SPDX-License-Identifier: MIT */
/* /proc/PID/maps, whose paths are the process's. */
#include <string.h>

#include "tests/fuzz/input.h"
#include "tools/target/maps.h"

/* Keeps what is only looked at. */
volatile size_t sum;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	FILE *text = size ? fmemopen((void *)data, size, "r") : NULL;
	struct maps maps;

	if (!text)
		return 0;
	if (!maps__parse(&maps, text)) {
		for (size_t i = 0; i < maps.count; i++)
			sum += strlen(maps.list[i].path) + !maps__find(&maps, maps.list[i].start);
		maps__clear(&maps);
	}
	fclose(text);
	return 0;
}
