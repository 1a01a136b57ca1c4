/* SPDX-License-Identifier: MIT */
/*
 * libhakrecord: preloaded, it writes down each allocation of a program (bench/trace/format.h) and
 * lets glibc serve it.
 *
 *   LD_PRELOAD=libhakrecord.so HAKRECORD_FILE=trace.%p.hak PROGRAM    (%p: the process id)
 *
 * An operation and its record are made under one lock, so that the order of the records is the
 * order of the operations. The file is mapped: what was recorded stays, however the program ends. A
 * forked child records nothing, unless it executes a program.
 */
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bench/trace/recorder/objects.h"
#include "bench/trace/format.h"

#define PUBLIC __attribute__((visibility("default")))

void *__libc_malloc(size_t);
void *__libc_calloc(size_t, size_t);
void *__libc_realloc(void *, size_t);
void *__libc_memalign(size_t, size_t);
void __libc_free(void *);

enum { WINDOW_RECORDS = 65536, WINDOW_BYTES = WINDOW_RECORDS * sizeof(struct trace_record) };

static struct {
	pthread_mutex_t lock;
	bool on;
	int file;
	struct trace_header *header;
	struct trace_record *window; /* WINDOW_RECORDS of the file */
	uint32_t used;               /* of the window */
	struct objects objects;
} recorder = {.lock = PTHREAD_MUTEX_INITIALIZER, .file = -1};

static __thread uint32_t thread_number __attribute__((tls_model("initial-exec"))); /* from 1 */

static void stop(const char *why)
{
	if (why)
		dprintf(STDERR_FILENO, "hakrecord: recording ends: %s\n", why);
	recorder.on = false;
}

static bool next_window(void)
{
	off_t start = (off_t)(sizeof(struct trace_header) +
	                      recorder.header->records * sizeof(struct trace_record));
	if (recorder.window)
		munmap(recorder.window, WINDOW_BYTES);
	recorder.window = NULL;
	if (ftruncate(recorder.file, start + WINDOW_BYTES))
		return false;
	void *window =
	        mmap(NULL, WINDOW_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, recorder.file, start);
	if (window == MAP_FAILED)
		return false;
	recorder.window = window;
	recorder.used = 0;
	return true;
}

static void record(enum trace_op op, uint32_t object, size_t size, unsigned align_bits)
{
	if (recorder.used == WINDOW_RECORDS && !next_window()) {
		stop("the file cannot grow");
		return;
	}
	struct trace_header *header = recorder.header;
	if (!thread_number)
		thread_number = ++header->threads;
	recorder.window[recorder.used++] = (struct trace_record){
	        .object = object,
	        .thread = (uint16_t)(thread_number - 1),
	        .op = (uint8_t)op,
	        .align_bits = (uint8_t)align_bits,
	        .size = size,
	};
	header->bytes += size;
	header->records++; /* last: a record counts when it is complete */
}

/* A block that was just made; `ended` is what realloc had before. Lock held. */
static void record_object(enum trace_op op, void *block, size_t size, unsigned align_bits,
                          uint32_t ended)
{
	if (recorder.header->objects == TRACE_NO_OBJECT ||
	    !objects_add(&recorder.objects, block, (uint32_t)recorder.header->objects)) {
		stop("too many objects");
		return;
	}
	record(op, ended, size, align_bits);
	recorder.header->objects++;
}

static void make(enum trace_op op, void *block, size_t size, unsigned align_bits)
{
	if (!block)
		recorder.header->skipped++;
	else
		record_object(op, block, size, align_bits, TRACE_NO_OBJECT);
}

static bool begin(void)
{
	pthread_mutex_lock(&recorder.lock);
	if (recorder.on)
		return true;
	pthread_mutex_unlock(&recorder.lock);
	return false;
}

static void end(void)
{
	pthread_mutex_unlock(&recorder.lock);
}

PUBLIC void *malloc(size_t size)
{
	if (!recorder.on || !begin())
		return __libc_malloc(size);
	void *block = __libc_malloc(size);
	make(TRACE_MALLOC, block, size, 0);
	end();
	return block;
}

PUBLIC void *calloc(size_t count, size_t size)
{
	if (!recorder.on || !begin())
		return __libc_calloc(count, size);
	void *block = __libc_calloc(count, size);
	make(TRACE_CALLOC, block, count * size, 0);
	end();
	return block;
}

PUBLIC void free(void *block)
{
	int saved = errno;
	if (!recorder.on || !begin()) {
		__libc_free(block);
		return;
	}
	uint32_t object = TRACE_NO_OBJECT;
	if (block && !objects_remove(&recorder.objects, block, &object))
		recorder.header->skipped++;
	else
		record(TRACE_FREE, object, 0, 0);
	__libc_free(block);
	end();
	errno = saved;
}

/* realloc(NULL) is a malloc, and realloc to nothing a free: so they are recorded. Lock held. */
static void *realloc_recorded(void *block, size_t size)
{
	uint32_t object = TRACE_NO_OBJECT;
	if (!block) {
		block = __libc_malloc(size);
		make(TRACE_MALLOC, block, size, 0);
		return block;
	}
	bool known = objects_remove(&recorder.objects, block, &object);
	void *moved = __libc_realloc(block, size);
	if (!known) { /* from before the recording: what comes out is new to it */
		recorder.header->skipped++;
		if (moved)
			make(TRACE_MALLOC, moved, size, 0);
	} else if (moved) {
		record_object(TRACE_REALLOC, moved, size, 0, object);
	} else if (!size) {
		record(TRACE_FREE, object, 0, 0);
	} else {
		recorder.header->skipped++;
		objects_add(&recorder.objects, block, object);
	}
	return moved;
}

PUBLIC void *realloc(void *block, size_t size)
{
	if (!recorder.on || !begin())
		return __libc_realloc(block, size);
	void *moved = realloc_recorded(block, size);
	end();
	return moved;
}

PUBLIC void *reallocarray(void *block, size_t count, size_t size)
{
	size_t bytes;
	if (__builtin_mul_overflow(count, size, &bytes)) {
		errno = ENOMEM;
		return NULL;
	}
	return realloc(block, bytes);
}

PUBLIC void *memalign(size_t align, size_t size)
{
	if (!recorder.on || !begin())
		return __libc_memalign(align, size);
	unsigned bits = 0;
	while (bits < 63 && (size_t)1 << bits < align)
		bits++;
	void *block = __libc_memalign(align, size);
	make(TRACE_MEMALIGN, block, size, bits);
	end();
	return block;
}

PUBLIC void *aligned_alloc(size_t align, size_t size)
{
	return memalign(align, size);
}

PUBLIC int posix_memalign(void **result, size_t align, size_t size)
{
	int saved = errno;
	if (!align || align & (align - 1) || align % sizeof(void *))
		return EINVAL;
	void *block = memalign(align, size);
	errno = saved;
	if (!block)
		return ENOMEM;
	*result = block;
	return 0;
}

PUBLIC void *valloc(size_t size)
{
	return memalign((size_t)getpagesize(), size);
}

PUBLIC void *pvalloc(size_t size)
{
	size_t page = (size_t)getpagesize();
	return memalign(page, (size + page - 1) & ~(page - 1));
}

/* glibc's own; another allocator that the program is linked with has a different one. */
PUBLIC size_t malloc_usable_size(void *block)
{
	/* glibc: the word in front of a block is its chunk's size and three flags. */
	if (!block)
		return 0;
	size_t chunk = ((const size_t *)block)[-1];
	size_t overhead = chunk & 2 ? 2 * sizeof(size_t) : sizeof(size_t);
	return (chunk & ~(size_t)7) - overhead;
}

/* --- begin and end ---------------------------------------------------------------------------- */

static void fork_prepare(void)
{
	pthread_mutex_lock(&recorder.lock);
}

static void fork_parent(void)
{
	pthread_mutex_unlock(&recorder.lock);
}

static void fork_child(void)
{
	stop(NULL);
	pthread_mutex_unlock(&recorder.lock);
}

/* HAKRECORD_FILE with %p replaced. */
static void file_name(char *path, size_t size)
{
	const char *pattern = getenv("HAKRECORD_FILE");
	if (!pattern)
		pattern = "trace.%p.hak";
	const char *percent = strstr(pattern, "%p");
	if (percent)
		snprintf(path, size, "%.*s%d%s", (int)(percent - pattern), pattern, (int)getpid(),
		         percent + 2);
	else
		snprintf(path, size, "%s", pattern);
}

__attribute__((constructor)) static void record_begins(void)
{
	char path[4096];
	file_name(path, sizeof(path));
	/* Never over a trace that is there: a program's children load this library as well. */
	recorder.file = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	if (recorder.file < 0 || ftruncate(recorder.file, sizeof(struct trace_header))) {
		dprintf(STDERR_FILENO, "hakrecord: %s: %m: nothing is recorded\n", path);
		return;
	}
	void *header = mmap(NULL, sizeof(struct trace_header), PROT_READ | PROT_WRITE, MAP_SHARED,
	                    recorder.file, 0);
	if (header == MAP_FAILED)
		return;
	recorder.header = header;
	memcpy(recorder.header->magic, TRACE_MAGIC, sizeof(recorder.header->magic));
	recorder.header->pid = (uint32_t)getpid();
	snprintf(recorder.header->program, sizeof(recorder.header->program), "%s",
	         program_invocation_short_name);
	pthread_atfork(fork_prepare, fork_parent, fork_child);
	recorder.on = next_window() && objects_open(&recorder.objects);
}

__attribute__((destructor)) static void record_ends(void)
{
	if (!recorder.on || !begin())
		return;
	stop(NULL);
	if (ftruncate(recorder.file,
	              (off_t)(sizeof(struct trace_header) +
	                      recorder.header->records * sizeof(struct trace_record))))
		dprintf(STDERR_FILENO, "hakrecord: ftruncate: %m\n");
	end();
}
