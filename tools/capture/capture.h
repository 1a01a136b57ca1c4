/* SPDX-License-Identifier: MIT */
/*
 * Raw captures (.hak): every sample with its stack, names resolved when it was taken, the modules
 * with their build-ids, and the totals; to be reported elsewhere. docs/capture.md is the format.
 */
#ifndef HAK_CAPTURE_H
#define HAK_CAPTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/stack.h"

enum { CAPTURE_VERSION = 1 };

/* The file's structures: little endian, as they are. */
struct capture_header {
	uint8_t magic[8];
	uint32_t version;
	uint32_t reserved;
};

#define CAPTURE_MAGIC "\x89HAK\r\n\x1a\n"

struct capture_chunk {
	uint32_t type;  /* enum capture_type */
	uint32_t crc;   /* CRC-32 of the payload, as zlib's */
	uint64_t bytes; /* of the payload, which follows */
};

enum capture_type {
	CAPTURE_INFO = 1,    /* text, a line KEY=VALUE each */
	CAPTURE_NAMES = 2,   /* strings, zero-terminated; numbered from 0 through all such chunks */
	CAPTURE_STACKS = 3,  /* struct capture_stack with its frames; numbered likewise */
	CAPTURE_SAMPLES = 4, /* struct capture_sample */
	CAPTURE_FREES = 5,   /* struct capture_free */
	CAPTURE_MODULES = 6, /* struct capture_module */
	CAPTURE_CLASSES = 7, /* struct capture_class */
	CAPTURE_END = 8,     /* struct capture_end; the last chunk */
};

enum { CAPTURE_TRUNCATED = 1 };                 /* of stacks: the outer frames are missing */
enum { CAPTURE_INLINED = 1, CAPTURE_CALL = 2 }; /* of frames; CALL: ip is a return address */

struct capture_frame {
	uint64_t ip;
	uint32_t name;
	uint32_t flags;
};

struct capture_stack {
	uint32_t count;
	uint32_t flags;
	struct capture_frame frames[]; /* the outermost first */
};

struct capture_sample {
	uint64_t time_ns; /* CLOCK_MONOTONIC */
	uint64_t ptr;
	uint64_t size;
	uint64_t weighted_bytes;
	uint32_t stack;
	uint32_t pid;
	uint32_t tid;
	uint32_t comm; /* a name: the thread's */
};

struct capture_free {
	uint64_t time_ns;
	uint64_t ptr;
};

struct capture_module {
	uint64_t start, end;
	uint64_t bias;     /* run-time address - address in the file */
	uint32_t path;     /* a name: as the process saw it */
	uint32_t build_id; /* a name: hexadecimal, "" when there is none */
};

struct capture_class {
	uint32_t class;
	uint32_t reserved;
	uint64_t size;           /* bytes of a block; 0: blocks without class */
	uint64_t mallocs, frees; /* while it was captured, exact */
};

struct capture_end {
	uint64_t names, stacks, samples, frees, modules, classes;
	uint64_t lost; /* events that are not here */
};

/* --- writing --------------------------------------------------------------------------------- */

struct capture_writer;

/* What a frame is called, before its name has a number. */
struct capture_call {
	uint64_t ip;
	const char *name;
	uint32_t flags;
};

/* Writes to a file beside `path`, which appears when all is there. NULL and errno on failure. */
struct capture_writer *capture_writer__new(const char *path);

/* Accepts NULL. Without finish nothing is left behind. */
void capture_writer__free(struct capture_writer *writer);

/* 0 or -errno. Calls are the outermost first. */
int capture_writer__sample(struct capture_writer *writer, const struct hak_sample_event *event,
                           const struct capture_call *calls, size_t count, bool truncated);
int capture_writer__freed(struct capture_writer *writer, uint64_t time_ns, uint64_t ptr);
int capture_writer__info(struct capture_writer *writer, const char *key, const char *value);
int capture_writer__module(struct capture_writer *writer, struct capture_module module,
                           const char *path, const char *build_id);
int capture_writer__class(struct capture_writer *writer, const struct capture_class *class);
int capture_writer__finish(struct capture_writer *writer, uint64_t lost);

/* --- reading --------------------------------------------------------------------------------- */

struct capture {
	char *info; /* all lines; zero-terminated */
	const char **names;
	struct capture_stack **stacks;
	struct capture_sample *samples;
	struct capture_free *frees;
	struct capture_module *modules;
	struct capture_class *classes;
	struct capture_end end; /* how many of each */
	void *pieces;           /* what names and stacks point into */
};

/* Reads and checks all of `path`. 0; else -errno, and `why` says in a few words what is wrong:
 * every number in a capture that has been read is within its table. */
int capture__read(struct capture **capture, const char *path, char *why, size_t size);

/* Accepts NULL. */
void capture__free(struct capture *capture);

/* The value of `key`, copied to `value`; "" when it is not there. */
const char *capture__info(const struct capture *capture, const char *key, char *value, size_t size);

#endif
