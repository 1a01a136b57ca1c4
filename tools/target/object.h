/* SPDX-License-Identifier: MIT */
/* An ELF object as hakprobe needs it: our note, the probes' notes, build-id, functions. */
#ifndef HAK_OBJECT_H
#define HAK_OBJECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/record.h"

/* What a function of the allocator is to its callers. */
enum object_side {
	SIDE_NONE,   /* not an entry: the allocator's inside, or another's function */
	SIDE_MALLOC, /* malloc, calloc, realloc, operator new, … */
	SIDE_FREE,   /* free, operator delete, … */
	SIDE_OTHER,  /* malloc_usable_size, mallinfo, … */
	SIDE_PROBE,  /* the site of a probe */
};

struct object_function {
	uint64_t start; /* link-time */
	uint64_t end;
	const char *name;
	enum object_side side;
};

/* Where a probe of ours is, in the file. */
struct object_site {
	char provider[16];
	char name[24];
	uint64_t address;   /* link-time, as is the semaphore's; 0 no semaphore */
	uint64_t semaphore; /* after object__read(): both are offsets in the file */
};

struct object_text {
	uint64_t address; /* link-time */
	uint64_t offset;  /* in the file */
	uint64_t bytes;
};

enum { OBJECT_SITES = 32, OBJECT_TEXTS = 16 };

struct object {
	bool has_note; /* .note.hakmem: the object contains the allocator */
	struct hak_note note;
	char build_id[64 + 1];                  /* hexadecimal; "" when there is none */
	size_t probes;                          /* stapsdt notes of our providers */
	struct object_site sites[OBJECT_SITES]; /* a probe may have several */
	size_t site_count;
	bool has_tally;      /* hakmem:tally is among them */
	bool has_alloc;      /* otel_memory:alloc is among them */
	bool has_free;       /* otel_memory:free is among them */
	bool has_cold;       /* hakmem:cold_end is among them */
	bool shared;         /* a library, whose whole text is the allocator's */
	uint64_t text_start; /* the allocator's text, link-time */
	uint64_t text_end;
	struct object_function *functions; /* by address */
	size_t function_count;
	char *names;
	struct object_text texts[OBJECT_TEXTS]; /* the segments that are executable */
	size_t text_count;
};

/* Of the open file `fd`, of which it takes a copy: 0, or -errno; -ENOEXEC when it is no ELF file.
 */
int object__read(struct object **object, int fd);

/* The same of the file that we see as `path`. */
int object__open(struct object **object, const char *path);

/* Accepts NULL. */
void object__free(struct object *object);

/* The function that `address` (link-time) lies in, or NULL. */
const struct object_function *object__function(const struct object *object, uint64_t address);

/*
 * What has to be added to a link-time address, when the object's text at file offset `offset` is
 * mapped at `start`. (Text alone: a page of the file at the border of two segments is mapped
 * twice.) 0, or -ENOEXEC when there is none.
 */
int object__bias(const struct object *object, uint64_t start, uint64_t offset, uint64_t *bias);

/* The first site of a probe, or NULL. */
const struct object_site *object__site(const struct object *object, const char *provider,
                                       const char *name);

/* The side of a function by its name. */
enum object_side object__side(const char *name);

#endif
