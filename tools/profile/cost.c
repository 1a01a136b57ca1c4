/* SPDX-License-Identifier: MIT */
#include "tools/profile/cost.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tools/symbols/unwind.h"
#include "tools/target/maps.h"
#include "tools/target/target.h"

/* What an instruction pointer was found to be; looked up once. */
struct place {
	uint64_t ip;
	uint64_t flags;
	size_t function; /* + 1; 0: the place is free */
	enum zone zone;
};

/* What was before the interval is kept aside. */
struct entry {
	struct cost_function function; /* in the interval */
	uint64_t samples_before;
	uint64_t weight_before;
};

struct cost {
	const struct target *target;
	struct unwinder *unwinder;
	struct maps maps;     /* at the attach: for what the unwinder has no module */
	struct place *places; /* open addressing, a power of two */
	size_t place_count;
	size_t place_room;
	struct entry *entries;
	size_t entry_count;
	size_t entry_room;
	struct cost_zones zones;
};

struct cost *cost__new(const struct target *target, struct unwinder *unwinder)
{
	struct cost *cost = calloc(1, sizeof(*cost));

	if (!cost)
		return NULL;
	cost->target = target;
	cost->unwinder = unwinder;
	if (maps__read(&cost->maps, target->pid))
		memset(&cost->maps, 0, sizeof(cost->maps)); /* then modules have no names */
	return cost;
}

void cost__free(struct cost *cost)
{
	if (!cost)
		return;
	maps__clear(&cost->maps);
	free(cost->places);
	free(cost->entries);
	free(cost);
}

/* --- what an instruction pointer is ---------------------------------------------------------- */

static bool is_libc(const char *module)
{
	return !strncmp(module, "libc.so", 7) || !strncmp(module, "libc-2.", 7) ||
	       !strncmp(module, "libpthread", 10) || !strncmp(module, "ld-linux", 8) ||
	       !strncmp(module, "ld-musl", 7) || !strcmp(module, "[vdso]");
}

static const char *module_of(const struct cost *cost, uint64_t ip)
{
	const char *module = cost->unwinder ? unwinder__module(cost->unwinder, ip) : "[anon]";
	const struct mapping *mapping;
	const char *slash;

	if (strcmp(module, "[anon]") != 0)
		return module;
	mapping = maps__find(&cost->maps, ip);
	if (!mapping || !*mapping->path)
		return module;
	slash = strrchr(mapping->path, '/');
	return slash ? slash + 1 : mapping->path;
}

static enum zone zone_of(const struct target *target, const struct hak_ip_key *key,
                         const struct object_function *ours, const char *module)
{
	enum object_side side = ours ? ours->side : SIDE_NONE;

	if (side == SIDE_PROBE)
		return ZONE_PROBE;
	if (key->flags & HAK_IP_BELOW)
		return ZONE_OS;
	if (key->flags & HAK_IP_KERNEL)
		return ZONE_APPLICATION;
	if (target__in_allocator(target, key->ip))
		return side == SIDE_MALLOC  ? ZONE_MALLOC
		       : side == SIDE_FREE  ? ZONE_FREE
		       : side == SIDE_OTHER ? ZONE_OTHER
		                            : ZONE_COLD;
	return is_libc(module) ? ZONE_LIBC : ZONE_APPLICATION;
}

static void describe(const struct cost *cost, const struct hak_ip_key *key,
                     struct cost_function *function)
{
	const struct target *target = cost->target;
	const struct object_function *ours = NULL;

	memset(function, 0, sizeof(*function));
	function->kernel = key->flags & HAK_IP_KERNEL;
	if (target__in_allocator(target, key->ip))
		ours = object__function(target->object, target__link_time(target, key->ip));
	function->module = module_of(cost, key->ip);
	function->name = ours             ? ours->name
	                 : cost->unwinder ? unwinder__symbol(cost->unwinder, key->ip, false)
	                                  : "[unknown]";
	function->zone = zone_of(target, key, ours, function->module);
}

/* The index of the function in the table, added when it is new; or -ENOMEM. */
static ssize_t enter_function(struct cost *cost, const struct cost_function *wanted)
{
	struct entry *grown;

	for (size_t i = 0; i < cost->entry_count; i++) {
		const struct cost_function *function = &cost->entries[i].function;

		if (function->zone == wanted->zone && function->kernel == wanted->kernel &&
		    !strcmp(function->name, wanted->name) &&
		    !strcmp(function->module, wanted->module))
			return (ssize_t)i;
	}
	if (cost->entry_count == cost->entry_room) {
		size_t room = cost->entry_room ? 2 * cost->entry_room : 256;

		grown = reallocarray(cost->entries, room, sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		cost->entries = grown;
		cost->entry_room = room;
	}
	cost->entries[cost->entry_count] = (struct entry){.function = *wanted};
	return (ssize_t)cost->entry_count++;
}

/* --- the table of places ---------------------------------------------------------------------- */

static struct place *find_place(struct place *places, size_t room, const struct hak_ip_key *key)
{
	size_t i = (key->ip * 0x9e3779b97f4a7c15ull + key->flags) >> 20;

	for (;; i++) {
		struct place *place = &places[i & (room - 1)];

		if (!place->function || (place->ip == key->ip && place->flags == key->flags))
			return place;
	}
}

static int grow_places(struct cost *cost)
{
	size_t room = cost->place_room ? 2 * cost->place_room : 1024;
	struct place *places = calloc(room, sizeof(*places));

	if (!places)
		return -ENOMEM;
	for (size_t i = 0; i < cost->place_room; i++) {
		const struct place *place = &cost->places[i];
		struct hak_ip_key key = {place->ip, place->flags};

		if (place->function)
			*find_place(places, room, &key) = *place;
	}
	free(cost->places);
	cost->places = places;
	cost->place_room = room;
	return 0;
}

int cost__add(struct cost *cost, const struct hak_ip_key *key, const struct hak_ip_count *count)
{
	struct cost_function wanted, *function;
	struct place *place;
	ssize_t index;

	if (2 * cost->place_count >= cost->place_room && grow_places(cost))
		return -ENOMEM;
	place = find_place(cost->places, cost->place_room, key);
	if (!place->function) {
		describe(cost, key, &wanted);
		index = enter_function(cost, &wanted);
		if (index < 0)
			return (int)index;
		*place = (struct place){key->ip, key->flags, (size_t)index + 1, wanted.zone};
		cost->place_count++;
	}
	function = &cost->entries[place->function - 1].function;
	function->samples += count->samples;
	function->weight += count->weight;
	cost->zones.samples[place->zone] += count->samples;
	cost->zones.weight[place->zone] += count->weight;
	return 0;
}

void cost__begin_interval(struct cost *cost)
{
	for (size_t i = 0; i < cost->entry_count; i++) {
		struct entry *entry = &cost->entries[i];

		entry->samples_before += entry->function.samples;
		entry->weight_before += entry->function.weight;
		entry->function.samples = 0;
		entry->function.weight = 0;
	}
}

const struct cost_zones *cost__zones(const struct cost *cost)
{
	return &cost->zones;
}

size_t cost__top(const struct cost *cost, bool since_start, struct cost_function *top, size_t max)
{
	size_t count = 0;

	for (size_t i = 0; i < cost->entry_count; i++) {
		struct cost_function function = cost->entries[i].function;
		size_t at;

		if (since_start) {
			function.samples += cost->entries[i].samples_before;
			function.weight += cost->entries[i].weight_before;
		}
		if (!function.weight)
			continue;
		for (at = count; at > 0 && top[at - 1].weight < function.weight; at--) {
			if (at < max)
				top[at] = top[at - 1];
		}
		if (at < max)
			top[at] = function;
		if (count < max)
			count++;
	}
	return count;
}

/* --- zones ------------------------------------------------------------------------------------ */

void cost_zones__subtract(struct cost_zones *difference, const struct cost_zones *now,
                          const struct cost_zones *before)
{
	for (int i = 0; i < ZONE_COUNT; i++) {
		difference->samples[i] = now->samples[i] - before->samples[i];
		difference->weight[i] = now->weight[i] - before->weight[i];
	}
}

uint64_t cost_zones__samples(const struct cost_zones *zones)
{
	uint64_t samples = 0;

	for (int i = 0; i < ZONE_COUNT; i++)
		samples += zones->samples[i];
	return samples;
}

struct cost_estimate cost_zones__share(const struct cost_zones *zones, enum zone zone)
{
	double all = 0, own = (double)zones->weight[zone];
	uint64_t samples = zones->samples[zone];

	for (int i = 0; i < ZONE_COUNT; i++)
		all += (double)zones->weight[i];
	if (all <= 0)
		return (struct cost_estimate){NAN, NAN};
	/* No sample at all is an upper bound of about one. */
	if (!samples)
		return (struct cost_estimate){0, 1.0 / (double)cost_zones__samples(zones)};
	return (struct cost_estimate){own / all, own / all / sqrt((double)samples)};
}

struct cost_estimate cost_zones__per(const struct cost_zones *zones, enum zone zone,
                                     uint64_t cpu_ns, uint64_t operations)
{
	struct cost_estimate share = cost_zones__share(zones, zone);

	if (!operations)
		return (struct cost_estimate){NAN, NAN};
	share.value *= (double)cpu_ns / (double)operations;
	share.error *= (double)cpu_ns / (double)operations;
	return share;
}

double cost_zones__wrapper(const struct cost_zones *zones)
{
	return cost_zones__share(zones, ZONE_MALLOC).value +
	       cost_zones__share(zones, ZONE_FREE).value +
	       cost_zones__share(zones, ZONE_OTHER).value;
}

const char *zone__name(enum zone zone)
{
	static const char *const names[ZONE_COUNT] = {
	        "wrapper, malloc side",
	        "wrapper, free side",
	        "wrapper, other",
	        "cold",
	        "os",
	        "libc",
	        "probe",
	        "application",
	};

	return names[zone];
}
