/* SPDX-License-Identifier: MIT */
/* Captures (.hak): what has been read is followed to its ends. */
#include <string.h>
#include <zlib.h>

#include "tests/fuzz/input.h"
#include "tools/capture/capture.h"

/* Chance finds no checksum, and what lies behind it would never be reached: they are put right. */
static void put_checksums_right(uint8_t *file, size_t size)
{
	struct capture_chunk chunk;
	size_t at = sizeof(struct capture_header);

	while (at < size && size - at >= sizeof(chunk)) {
		memcpy(&chunk, file + at, sizeof(chunk));
		if (chunk.bytes > size - at - sizeof(chunk))
			return;
		chunk.crc = (uint32_t)crc32_z(0, file + at + sizeof(chunk), chunk.bytes);
		memcpy(file + at, &chunk, sizeof(chunk));
		at += sizeof(chunk) + chunk.bytes;
	}
}

static size_t follow(const struct capture *c)
{
	size_t sum = 0;

	for (uint64_t i = 0; i < c->end.samples; i++) {
		const struct capture_stack *stack = c->stacks[c->samples[i].stack];

		for (uint32_t k = 0; k < stack->count; k++)
			sum += strlen(c->names[stack->frames[k].name]);
		sum += strlen(c->names[c->samples[i].comm]);
	}
	for (uint64_t i = 0; i < c->end.modules; i++)
		sum += strlen(c->names[c->modules[i].path]) +
		       strlen(c->names[c->modules[i].build_id]);
	for (uint64_t i = 0; i < c->end.frees; i++)
		sum += c->frees[i].ptr;
	for (uint64_t i = 0; i < c->end.classes; i++)
		sum += c->classes[i].mallocs;
	return sum;
}

/* Keeps what is only looked at. */
volatile size_t sum;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct capture *capture;
	char why[200], value[100];
	uint8_t *file = malloc(size + 1);

	if (!file)
		return 0;
	memcpy(file, data, size);
	put_checksums_right(file, size);
	if (capture__read(&capture, input_path(file, size), why, sizeof(why)) == 0) {
		sum = follow(capture) + strlen(capture__info(capture, "pid", value, sizeof(value)));
		capture__free(capture);
	}
	free(file);
	return 0;
}
