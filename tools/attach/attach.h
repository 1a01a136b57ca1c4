/* SPDX-License-Identifier: MIT */
/*
 * What all attachments share: their life, whom they watch, and words for failures.
 *
 * An attachment is a BPF program, or some, on one process. Its life is the same whatever it does:
 *
 *   new       attach_alloc__new() and the like: one of a set, in the order in which they attach
 *   prepare   its program is opened, and told whom it watches and what is wanted
 *   load      the kernel has verified it
 *   attach    its probes fire
 *   consume   its events are handed over, again and again
 *   free      its probes are gone, and then the program
 *
 * Here is what is the same; struct attach_kind is what is not.
 */
#ifndef HAK_ATTACH_H
#define HAK_ATTACH_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct attach;
struct attachments;
struct bpf_map;
struct bpf_object_skeleton;
struct ring_buffer;
struct target;

/* Whom a program watches. */
struct attach_whom {
	uint32_t pid;
	uint64_t ns_dev, ns_ino; /* of the pid namespace in which the pid means something */
};

/* 0 or -errno. */
int attach__whom(struct attach_whom *whom, pid_t pid);

/* Tells it to a program, by its skeleton, between open and load. */
#define attach__aim(bpf, whom)                                                                    \
	((void)((bpf)->rodata->hak_pid = (whom)->pid, (bpf)->rodata->hak_ns_dev = (whom)->ns_dev, \
	        (bpf)->rodata->hak_ns_ino = (whom)->ns_ino))

/* --- life ------------------------------------------------------------------------------------- */

struct attach_kind {
	const char *name;   /* "tally": its program, in messages */
	const char *events; /* "tallies'": whose its ring buffer is, likewise */

	/* Opens the program, tells it whom it watches and more. The skeleton; NULL and errno. */
	struct bpf_object_skeleton *(*open)(struct attach *attach, const struct attach_whom *whom);
	/* Sets the probes; attach__make_ring() first, where events are wanted. Tells failures. */
	int (*attach)(struct attach *attach);
	/* Takes the probes away. Not all of the above need have happened, here and below. */
	void (*detach)(struct attach *attach);
	void (*destroy)(struct attach *attach); /* the program, and what else it has */
};

/* Begins the struct of each kind. */
struct attach {
	const struct attach_kind *kind;
	const struct target *target;
	struct bpf_object_skeleton *skeleton;
	struct ring_buffer *ring; /* NULL: there are no events */
};

enum { ATTACHMENTS = 4 };

struct attachments {
	struct attach *list[ATTACHMENTS];
	size_t count;
};

/* `size` zero-filled bytes that begin with a struct attach, the last of the set; NULL: no memory. */
void *attach__new(struct attachments *all, const struct attach_kind *kind, size_t size,
                  const struct target *target);

/* 0 or -errno, and says what failed. */
int attach__make_ring(struct attach *attach, const struct bpf_map *map,
                      int (*on_event)(void *attach, void *event, size_t size));

/* Each does it with all of the set in turn, up to the first failure, which is told on stderr. 0 or
 * -errno. */
int attachments__prepare(struct attachments *all);
int attachments__load(struct attachments *all);
int attachments__attach(struct attachments *all);
int attachments__consume(struct attachments *all);

/* What is readable when there are events to consume; returns how many. */
size_t attachments__fds(const struct attachments *all, struct pollfd fds[ATTACHMENTS]);

/* Whatever has happened so far; the set is then empty. */
void attachments__free(struct attachments *all);

/* --- what is missing, what failed -------------------------------------------------------------- */

/* Routes libbpf's own log to stderr (`verbose`) or nowhere. */
void attach__set_verbose(bool verbose);

/*
 * Whether this process may load BPF programs and attach them, and the kernel can. 0, or says on
 * stderr precisely what is missing and returns -errno.
 */
int attach__check(void);

/* The same for attaching a uprobe, which newer kernels allow to CAP_SYS_ADMIN alone. */
int attach__failed_uprobe(const char *step, int err);

/* Says that `step` failed with `err` (negative) and what that means. Returns err. */
int attach__failed(const char *step, int err);

#endif
