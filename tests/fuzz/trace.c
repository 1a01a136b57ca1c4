/* SPDX-License-Identifier: MIT */
/* Recorded traces: each record of one that passes the check may be replayed. */
#include "bench/trace/reader.h"

#include <string.h>

#include "tests/fuzz/input.h"

/* Chance does not hit the sums either. */
static void put_sums_right(uint8_t *file, size_t size)
{
	struct trace_header header;
	struct trace_record record;

	memcpy(&header, file, sizeof(header));
	header.records = (size - sizeof(header)) / sizeof(record);
	header.objects = header.bytes = 0;
	for (uint64_t i = 0; i < header.records; i++) {
		memcpy(&record, file + sizeof(header) + i * sizeof(record), sizeof(record));
		header.objects += record.op < TRACE_OPS && trace_makes_object(record.op);
		header.bytes += record.size;
	}
	memcpy(file, &header, sizeof(header));
}

static void follow(const struct trace *trace)
{
	static unsigned char alive[1 << 16];
	uint64_t objects = 0;

	if (trace->header->objects > sizeof(alive))
		return;
	for (uint64_t i = 0; i < trace->header->records; i++) {
		const struct trace_record *record = &trace->records[i];
		bool ends = record->op == TRACE_REALLOC ||
		            (record->op == TRACE_FREE && record->object != TRACE_NO_OBJECT);

		if (ends && (record->object >= objects || !alive[record->object]))
			abort();
		if (ends)
			alive[record->object] = 0;
		if (trace_makes_object(record->op))
			alive[objects++] = 1;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct trace trace;
	uint8_t *file = malloc(size + 1);

	if (!file)
		return 0;
	memcpy(file, data, size);
	if (size > sizeof(struct trace_header) && data[size - 1] % 4)
		put_sums_right(file, size);
	if (!trace_open(&trace, input_path(file, size))) {
		follow(&trace);
		trace_close(&trace);
	}
	free(file);
	return 0;
}
