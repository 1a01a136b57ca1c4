/* SPDX-License-Identifier: MIT */
/* pprof files, of anybody's; also without the compression, which is looked through. */
#include <string.h>

#include "tests/fuzz/input.h"
#include "tools/profile/import.h"

static int on_stack(void *context, const char *const *frames, size_t count, double weight)
{
	volatile size_t *sum = context;

	for (size_t i = 0; i < count; i++)
		*sum += strlen(frames[i]);
	return weight < 0; /* stops there */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	volatile size_t sum = 0;
	const char *unit;

	import_profile(input_path_with(".pb.gz", data, size), on_stack, (void *)&sum, &unit);
	return (int)(0 * strlen(unit));
}
