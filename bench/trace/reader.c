/* SPDX-License-Identifier: MIT */
#include "bench/trace/reader.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

bool trace_makes_object(enum trace_op op)
{
	return op != TRACE_FREE;
}

/* `alive` has a byte per object: not made, alive, ended. */
static const char *check_records(const struct trace *trace, unsigned char *alive)
{
	const struct trace_header *header = trace->header;
	uint64_t objects = 0, bytes = 0;
	for (uint64_t i = 0; i < header->records; i++) {
		const struct trace_record *record = &trace->records[i];
		bool ends = record->op == TRACE_REALLOC ||
		            (record->op == TRACE_FREE && record->object != TRACE_NO_OBJECT);
		if (record->op >= TRACE_OPS || record->thread >= header->threads ||
		    record->align_bits > 47)
			return "a record is malformed";
		if (ends && (record->object >= objects || alive[record->object] != 1))
			return "a record ends an object that is not alive";
		if (ends)
			alive[record->object] = 2;
		bytes += record->size;
		if (!trace_makes_object(record->op))
			continue;
		if (objects == header->objects)
			return "there are more objects than the header says";
		alive[objects++] = 1;
	}
	if (objects != header->objects || bytes != header->bytes)
		return "objects or bytes are not those of the header";
	return NULL;
}

static const char *check(const struct trace *trace)
{
	const struct trace_header *header = trace->header;
	if (memcmp(header->magic, TRACE_MAGIC, sizeof(header->magic)) != 0)
		return "it is no trace";
	if (header->records > (trace->mapped_bytes - sizeof(*header)) / sizeof(*trace->records))
		return "it is truncated";
	if (!header->records)
		return "it is empty";
	if (header->objects > header->records)
		return "there are more objects than records";
	size_t bytes = header->objects + 1;
	unsigned char *alive =
	        mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (alive == MAP_FAILED)
		return "there is no memory to check it";
	const char *wrong = check_records(trace, alive);
	munmap(alive, bytes);
	return wrong;
}

const char *trace_open(struct trace *trace, const char *path)
{
	struct stat stat;
	*trace = (struct trace){0};
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return strerror(errno);
	if (fstat(fd, &stat) || (size_t)stat.st_size < sizeof(struct trace_header)) {
		close(fd);
		return "it is no trace";
	}
	void *file = mmap(NULL, (size_t)stat.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	close(fd);
	if (file == MAP_FAILED)
		return "it cannot be mapped";
	trace->header = file;
	trace->records = (const void *)(trace->header + 1);
	trace->mapped_bytes = (size_t)stat.st_size;
	const char *wrong = check(trace);
	if (wrong)
		trace_close(trace);
	return wrong;
}

void trace_close(struct trace *trace)
{
	if (trace->header)
		munmap((void *)trace->header, trace->mapped_bytes);
	*trace = (struct trace){0};
}
