/* SPDX-License-Identifier: MIT */
#include "tools/profile/flame.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/base/clock.h"
#include "tools/capture/capture.h"
#include "tools/profile/profile.h"
#include "tools/symbols/code.h"
#include "tools/symbols/unwind.h"

enum {
	LIVE_MOST = 1 << 19, /* outstanding objects: at most 48 MiB of table */
	/* Of a stack, with all that can be inlined. */
	CALLS_MAX = UNWIND_FRAMES_MAX * UNWIND_INLINED_MAX + 1,
};

struct flame {
	const struct target *target;
	struct unwinder *unwinder;
	struct flame_config config;
	pthread_mutex_t lock; /* of what is below: one thread takes samples in, others look */
	struct stacks *stacks;
	struct heap *heap; /* NULL when frees are not needed */
	struct code *code;
	uint64_t truncated;
	double scale[FLAME_KINDS];
	uint64_t start_ns;                    /* since 1970 */
	struct capture_writer *capture;       /* NULL: none is taken */
	struct capture_call calls[CALLS_MAX]; /* of the sample at hand, the outermost first */
	size_t call_count;
};

static const struct {
	const char *name, *title, *unit;
} kinds[FLAME_KINDS] = {
        [FLAME_ALLOC] = {"alloc", "allocated bytes", "bytes"},
        [FLAME_LIVE] = {"live", "live bytes", "bytes"},
        [FLAME_TEMPORARY] = {"temporary", "temporary bytes", "bytes"},
        [FLAME_CPU] = {"cpu", "CPU time of the allocator", "ns"},
};

/* --- life ------------------------------------------------------------------------------------ */

bool flame_kinds__need_alloc(unsigned wanted)
{
	return wanted & ~(1u << FLAME_CPU);
}

bool flame_kinds__need_free(unsigned wanted)
{
	return wanted & (1u << FLAME_LIVE | 1u << FLAME_TEMPORARY);
}

struct flame *flame__new(const struct target *target, struct unwinder *unwinder,
                         const struct flame_config *config)
{
	struct flame *flame = calloc(1, sizeof(*flame));

	if (!flame)
		return NULL;
	flame->target = target;
	flame->unwinder = unwinder;
	flame->config = *config;
	for (int i = 0; i < FLAME_KINDS; i++)
		flame->scale[i] = 1;
	pthread_mutex_init(&flame->lock, NULL);
	flame->start_ns = clock__real_ns();
	flame->stacks = stacks__new();
	flame->code = code__new(target->pid);
	if (flame_kinds__need_free(config->kinds))
		flame->heap = heap__new(LIVE_MOST);
	if (!flame->stacks || !flame->code ||
	    (!flame->heap && flame_kinds__need_free(config->kinds))) {
		flame__free(flame);
		errno = ENOMEM;
		return NULL;
	}
	return flame;
}

void flame__free(struct flame *flame)
{
	if (!flame)
		return;
	stacks__free(flame->stacks);
	heap__free(flame->heap);
	code__free(flame->code);
	pthread_mutex_destroy(&flame->lock);
	free(flame);
}

void flame__set_capture(struct flame *flame, struct capture_writer *writer)
{
	flame->capture = writer;
}

/* --- names ----------------------------------------------------------------------------------- */

size_t flame__inner_frames(const struct target *target, const uint64_t *ips, size_t count)
{
	size_t inside = 0;

	/* ips beyond the first are return addresses, the call is before them. */
	while (inside < count && target__in_allocator(target, ips[inside] - (inside > 0)))
		inside++;
	return inside ? inside - 1 : 0;
}

/*
 * A hot path that jumps into its cold path has left no frame of its own. The cold path carries its
 * name: alloc_posix_memalign_cold; the longest part between underscores that names an entry is it.
 */
const char *flame__entry_name(const char *symbol, char *name, size_t size)
{
	if (!strncmp(symbol, "alloc_free_cold", 15) || !strncmp(symbol, "free_", 5))
		return "free";
	if (!strcmp(symbol, "alloc_move"))
		return "realloc";
	for (const char *start = symbol; start; start = strchr(start, '_')) {
		start += *start == '_';
		snprintf(name, size, "%s", start);
		for (char *end = name + strlen(name); end; end = strrchr(name, '_')) {
			*end = '\0';
			if (!strcmp(name, "new"))
				return "operator new";
			if (object__side(name) == SIDE_MALLOC)
				return name;
		}
	}
	return symbol;
}

static const struct object_function *ours(const struct target *target, uint64_t ip)
{
	return target->object->has_note && target__in_allocator(target, ip)
	               ? object__function(target->object, target__link_time(target, ip))
	               : NULL;
}

/* The leaf's name: ours as the program calls it, without the inside's. */
static const char *leaf_name(const struct flame *flame, uint64_t ip, const char *found, char *name,
                             size_t size)
{
	const struct object_function *function = ours(flame->target, ip);

	if (!function || function->side == SIDE_MALLOC)
		return found;
	return flame__entry_name(function->name, name, size);
}

const char *flame_kind__name(enum flame_kind kind)
{
	return kinds[kind].name;
}

const char *flame_kind__title(enum flame_kind kind)
{
	return kinds[kind].title;
}

const char *flame_kind__unit(enum flame_kind kind)
{
	return kinds[kind].unit;
}

/* --- samples in ------------------------------------------------------------------------------ */

/* The frames of one sample, named. */
struct walked {
	uint64_t ips[UNWIND_FRAMES_MAX];
	size_t count;
	const char *names[CALLS_MAX];        /* of all frames, the innermost first */
	size_t names_end[UNWIND_FRAMES_MAX]; /* of each: behind its last name, the function's own */
	bool complete;
	uint32_t wanted; /* bytes of stack that it should have had, where it ran out of it */
};

static void follow(struct flame *flame, hak_u32 tid, const struct hak_stack *stack,
                   struct walked *walked)
{
	walked->count = unwinder__unwind(flame->unwinder, (pid_t)tid, stack, walked->ips,
	                                 &walked->complete);
	walked->wanted = walked->complete ? 0 : unwinder__wanted(flame->unwinder);
}

/* Without the lock: what it takes to find a name is not known. */
static void find_names(struct flame *flame, struct walked *walked)
{
	size_t used = 0;

	for (size_t i = 0; i < walked->count; i++) {
		used += unwinder__symbols(flame->unwinder, walked->ips[i], i > 0,
		                          walked->names + used);
		walked->names_end[i] = used;
	}
}

static const char *name_of(const struct walked *walked, size_t i)
{
	return walked->names[walked->names_end[i] - 1];
}

/* Enters the function that the call at ips[i - 1] is in, and what is inlined there, all with its
 * address. */
static uint32_t enter_call(struct flame *flame, uint32_t stack, const struct walked *walked,
                           size_t i)
{
	const size_t first = i > 1 ? walked->names_end[i - 2] : 0;
	const char *const *names = walked->names + first;
	const uint64_t ip = walked->ips[i - 1] - (i > 1);
	const size_t n = walked->names_end[i - 1] - first;

	code__cover(flame->code, ip);
	for (size_t j = n; j > 0 && stack != STACKS_FAILED; j--) {
		flame->calls[flame->call_count++] = (struct capture_call){
		        walked->ips[i - 1], names[j - 1],
		        (i > 1 ? CAPTURE_CALL : 0) | (j < n ? CAPTURE_INLINED : 0)};
		stack = stacks__enter(flame->stacks, stack, names[j - 1], ip);
	}
	return stack;
}

/* Enters the frames ips[from] … ips[count - 1], the outermost first. */
static uint32_t enter_frames(struct flame *flame, const struct walked *walked, size_t from)
{
	uint32_t stack = STACKS_ROOT;

	flame->call_count = 0;
	if (!walked->complete) {
		stack = stacks__enter(flame->stacks, stack, PROFILE_TRUNCATED, 0);
		flame->truncated++;
	}
	for (size_t i = walked->count; i > from && stack != STACKS_FAILED; i--)
		stack = enter_call(flame, stack, walked, i);
	return stack;
}

static int enter_alloc(struct flame *flame, const struct hak_sample_event *event,
                       const struct walked *walked)
{
	const double weight = (double)event->weighted_bytes;
	const double count = event->size ? weight / (double)event->size : 1;
	const size_t inner = flame__inner_frames(flame->target, walked->ips, walked->count);
	struct heap_object object;
	const char *leaf;
	uint32_t stack;
	char name[128];
	int err;

	stack = enter_frames(flame, walked, inner + 1);
	leaf = leaf_name(flame, walked->ips[inner] - (inner > 0), name_of(walked, inner), name,
	                 sizeof(name));
	if (stack != STACKS_FAILED)
		stack = stacks__enter(flame->stacks, stack, leaf, walked->ips[inner] - (inner > 0));
	if (stack == STACKS_FAILED)
		return -ENOMEM;
	flame->calls[flame->call_count++] =
	        (struct capture_call){walked->ips[inner], leaf, inner > 0 ? CAPTURE_CALL : 0};
	err = stacks__add(flame->stacks, stack, FLAME_ALLOC, weight, count);
	if (!err && flame->capture)
		err = capture_writer__sample(flame->capture, event, flame->calls, flame->call_count,
		                             !walked->complete);
	if (err || !flame->heap || !event->ptr)
		return err;
	object = (struct heap_object){event->ptr, event->time_ns, weight, count, stack};
	return heap__enter(flame->heap, &object);
}

static int on_alloc(struct flame *flame, const struct hak_sample_event *event)
{
	struct walked walked;
	int err;

	follow(flame, event->tid, &event->stack, &walked);
	find_names(flame, &walked);
	pthread_mutex_lock(&flame->lock);
	err = enter_alloc(flame, event, &walked);
	pthread_mutex_unlock(&flame->lock);
	return err ? err : (int)walked.wanted;
}

static int on_free(struct flame *flame, const struct hak_sample_event *event)
{
	struct heap_object object;
	int err = 0;

	pthread_mutex_lock(&flame->lock);
	if (flame->heap && heap__leave(flame->heap, event->ptr, event->time_ns, &object) &&
	    event->time_ns <= object.time_ns + flame->config.within_ns)
		err = stacks__add(flame->stacks, object.stack, FLAME_TEMPORARY, object.weight,
		                  object.count);
	if (!err && flame->capture)
		err = capture_writer__freed(flame->capture, event->time_ns, event->ptr);
	pthread_mutex_unlock(&flame->lock);
	return err;
}

int flame__on_sample(void *context, const struct hak_sample_event *event)
{
	return event->kind == HAK_SAMPLE_FREE ? on_free(context, event) : on_alloc(context, event);
}

/*
 * The whole stack: the allocator's inside is what this graph is about. The entry that a cold path
 * was jumped to from is put in, so that all of malloc's time is under malloc.
 */
static uint32_t enter_inside(struct flame *flame, const struct walked *walked)
{
	const uint64_t *ips = walked->ips;
	const struct object_function *function;
	size_t outer = 0;
	const char *entry;
	uint32_t stack;
	char name[128];

	for (size_t i = 0; i < walked->count; i++) {
		if (target__in_allocator(flame->target, ips[i] - (i > 0)))
			outer = i + 1;
	}
	stack = enter_frames(flame, walked, outer);
	function = outer ? ours(flame->target, ips[outer - 1] - (outer > 1)) : NULL;
	entry = function && function->side == SIDE_NONE
	                ? flame__entry_name(function->name, name, sizeof(name))
	                : NULL;
	if (entry && entry != function->name && stack != STACKS_FAILED)
		stack = stacks__enter(flame->stacks, stack, entry, ips[outer - 1] - (outer > 1));
	for (size_t i = outer; i > 0 && stack != STACKS_FAILED; i--)
		stack = enter_call(flame, stack, walked, i);
	return stack;
}

int flame__on_cpu(void *context, const struct hak_cpu_event *event)
{
	struct flame *flame = context;
	struct walked walked;
	uint32_t stack;
	int err = -ENOMEM;

	follow(flame, event->tid, &event->stack, &walked);
	find_names(flame, &walked);
	pthread_mutex_lock(&flame->lock);
	stack = enter_inside(flame, &walked);
	if ((event->flags & HAK_IP_KERNEL) && stack != STACKS_FAILED)
		stack = stacks__enter(flame->stacks, stack, "[kernel]", 0);
	if (stack != STACKS_FAILED)
		err = stacks__add(flame->stacks, stack, FLAME_CPU, (double)event->weight, 1);
	pthread_mutex_unlock(&flame->lock);
	return err ? err : (int)walked.wanted;
}

/* --- what it adds up to ---------------------------------------------------------------------- */

struct settling {
	struct flame *flame;
	uint64_t now_ns;
};

static int count_live(const struct heap_object *object, void *context)
{
	const struct settling *settling = context;
	struct flame *flame = settling->flame;

	if (settling->now_ns - object->time_ns < flame->config.older_ns)
		return 0;
	return stacks__add(flame->stacks, object->stack, FLAME_LIVE, object->weight, object->count);
}

int flame__settle(struct flame *flame)
{
	struct settling settling = {flame, clock__mono_ns()};
	int err;

	if (!flame->heap)
		return 0;
	pthread_mutex_lock(&flame->lock);
	stacks__clear(flame->stacks, FLAME_LIVE);
	err = heap__walk(flame->heap, count_live, &settling);
	pthread_mutex_unlock(&flame->lock);
	return err;
}

void flame__set_scale(struct flame *flame, enum flame_kind kind, double scale)
{
	flame->scale[kind] = scale;
}

struct profile *flame__profile(struct flame *flame, enum flame_kind kind)
{
	struct profile *profile = profile__new(kinds[kind].title, kinds[kind].unit);
	int err;

	if (!profile)
		return NULL;
	pthread_mutex_lock(&flame->lock);
	err = stacks__fill(flame->stacks, kind, 1, profile);
	pthread_mutex_unlock(&flame->lock);
	if (!err)
		return profile;
	profile__free(profile);
	errno = -err;
	return NULL;
}

uint64_t flame__samples(const struct flame *flame, enum flame_kind kind)
{
	return stacks__total(flame->stacks, kind).samples;
}

uint64_t flame__truncated(const struct flame *flame)
{
	return flame->truncated;
}

double flame__weight(const struct flame *flame, enum flame_kind kind)
{
	return stacks__total(flame->stacks, kind).weight * flame->scale[kind];
}

const struct heap *flame__heap(const struct flame *flame)
{
	return flame->heap;
}

const struct stacks *flame__stacks(const struct flame *flame)
{
	return flame->stacks;
}

const struct target *flame__target(const struct flame *flame)
{
	return flame->target;
}

const struct flame_config *flame__config(const struct flame *flame)
{
	return &flame->config;
}

const double *flame__scales(const struct flame *flame)
{
	return flame->scale;
}

const struct code *flame__code(const struct flame *flame)
{
	return flame->code;
}

uint64_t flame__start_ns(const struct flame *flame)
{
	return flame->start_ns;
}
