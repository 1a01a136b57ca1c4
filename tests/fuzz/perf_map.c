/* SPDX-License-Identifier: MIT */
/* perf maps: names are asked for at addresses made of the first 8 bytes, the rest is the file. */
#include <string.h>

#include "tests/fuzz/input.h"
#include "tools/base/intern.h"
#include "tools/symbols/perf_map.h"

/* Keeps what is only looked at. */
volatile size_t sum;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint64_t address;
	struct intern *names = intern__new();
	struct perf_map *map = names ? perf_map__new(getpid(), names) : NULL;
	FILE *text;

	if (map && size > sizeof(address)) {
		memcpy(&address, data, sizeof(address));
		text = fmemopen((void *)(data + sizeof(address)), size - sizeof(address), "r");
		if (text) {
			perf_map__parse(map, text);
			fclose(text);
		}
		for (int shift = 0; shift < 64; shift += 4) {
			const char *name = perf_map__name(map, address >> shift);

			sum += name ? strlen(name) : 0;
		}
	}
	perf_map__free(map);
	intern__free(names);
	return 0;
}
