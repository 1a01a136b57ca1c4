/* SPDX-License-Identifier: MIT */
/* One JSON object a line; names and units are a contract, docs/hakprobe.md has them. */
#include "tools/view/view.h"

#include <json-c/json.h>
#include <math.h>

static void add_count(struct json_object *object, const char *name, uint64_t value)
{
	json_object_object_add(object, name, json_object_new_uint64(value));
}

static void add_signed(struct json_object *object, const char *name, int64_t value)
{
	json_object_object_add(object, name, json_object_new_int64(value));
}

/* A number with so many digits behind the point; null for NaN. */
static void add_number(struct json_object *object, const char *name, double value, int digits)
{
	char text[64];

	if (isnan(value) || isinf(value)) {
		json_object_object_add(object, name, NULL);
		return;
	}
	snprintf(text, sizeof(text), "%.*f", digits, value);
	json_object_object_add(object, name, json_object_new_double_s(value, text));
}

static void add_estimate(struct json_object *object, const char *name,
                         struct cost_estimate estimate)
{
	char error_name[64];

	add_number(object, name, estimate.value, 3);
	snprintf(error_name, sizeof(error_name), "%s_error", name);
	add_number(object, error_name, estimate.error, 3);
}

static struct json_object *totals(const struct reading *now)
{
	struct json_object *object = json_object_new_object();

	add_count(object, "mallocs", now->total.sum.mallocs);
	add_count(object, "frees", now->total.sum.frees);
	add_count(object, "cold", now->total.cold);
	add_count(object, "bytes", now->total.bytes);
	add_signed(object, "bytes_in_use", now->total.small_in_use + now->total.large_in_use);
	add_count(object, "rss", now->rss);
	add_count(object, "threads", now->threads);
	add_count(object, "samples", now->figures.samples);
	return object;
}

static int64_t in_use(const struct reading *reading)
{
	return reading->total.small_in_use + reading->total.large_in_use;
}

static struct json_object *interval(const struct report *report)
{
	const struct reading *now = report->now, *before = report->before;
	struct json_object *object = json_object_new_object();

	add_number(object, "seconds", report->seconds, 6);
	add_count(object, "mallocs", report->total.sum.mallocs);
	add_count(object, "frees", report->total.sum.frees);
	add_count(object, "cold", report->total.cold);
	add_count(object, "bytes", report->total.bytes);
	add_signed(object, "bytes_in_use", in_use(now) - in_use(before));
	add_signed(object, "rss", (int64_t)(now->rss - before->rss));
	add_signed(object, "threads", (int64_t)(now->threads - before->threads));
	add_count(object, "samples", report->figures.samples);
	return object;
}

static struct json_object *routes(const struct hak_class_record *record)
{
	struct json_object *object = json_object_new_object();

	for (int i = 0; i < HAK_ROUTE_COUNT; i++)
		add_count(object, figures__route_name(i), figures__route(record, i));
	return object;
}

static struct json_object *classes(const struct reading *now)
{
	struct json_object *list = json_object_new_array();

	for (unsigned i = 0; i < HAK_CLASS_COUNT; i++) {
		const struct hak_class_record *record = &now->figures.classes[i];
		struct json_object *object;

		if (!record->mallocs && !record->frees)
			continue;
		object = json_object_new_object();
		add_count(object, "class", i);
		add_count(object, "size", now->class_size[i]);
		add_count(object, "mallocs", record->mallocs);
		add_count(object, "frees", record->frees);
		add_count(object, "cold_mallocs", record->cold_mallocs);
		add_count(object, "cold_frees", record->cold_frees);
		add_count(object, "refills", record->refills);
		add_count(object, "refill_blocks", record->refill_blocks);
		add_count(object, "fresh_blocks", record->fresh_blocks);
		add_count(object, "flushes", record->flushes);
		add_count(object, "flush_blocks", record->flush_blocks);
		json_object_object_add(object, "routes", routes(record));
		json_object_array_add(list, object);
	}
	return list;
}

static struct json_object *memory(const struct reading *now)
{
	struct json_object *object = json_object_new_object();
	struct holdings holdings;
	struct hak_arenas arenas;

	reading__arenas(now, &arenas);
	reading__holdings(now, &holdings);
	add_number(object, "live", holdings.live, 0);
	add_number(object, "large", holdings.large, 0);
	add_number(object, "cached", holdings.cached, 0);
	add_number(object, "depot", holdings.depot, 0);
	add_number(object, "free", holdings.free, 0);
	add_number(object, "dirty", holdings.dirty, 0);
	add_number(object, "huge_cached", holdings.huge_cached, 0);
	add_number(object, "metadata", holdings.metadata, 0);
	add_number(object, "not_ours", holdings.not_ours, 0);
	add_number(object, "untouched", holdings.untouched, 0);
	add_count(object, "rss_file", now->rss_kinds.file + now->rss_kinds.shared);
	add_count(object, "purges", arenas.purges);
	add_count(object, "purged_bytes", arenas.purged_bytes);
	return object;
}

static struct json_object *cost(const struct report *report)
{
	const struct cost_zones *zones = &report->zones;
	struct json_object *object = json_object_new_object();

	add_estimate(object, "wrapper_ns_per_malloc", report->per_malloc);
	add_estimate(object, "wrapper_ns_per_free", report->per_free);
	add_estimate(object, "cold_ns_per_visit", report->per_cold);
	add_number(object, "wrapper_share", cost_zones__wrapper(zones), 6);
	add_number(object, "cold_share", cost_zones__share(zones, ZONE_COLD).value, 6);
	add_number(object, "os_share", cost_zones__share(zones, ZONE_OS).value, 6);
	add_number(object, "probe_share", cost_zones__share(zones, ZONE_PROBE).value, 6);
	add_number(object, "libc_share", cost_zones__share(zones, ZONE_LIBC).value, 6);
	add_number(object, "application_share", cost_zones__share(zones, ZONE_APPLICATION).value,
	           6);
	add_count(object, "samples", cost_zones__samples(zones));
	add_count(object, "cpu_ns", report->cpu_ns);
	return object;
}

static struct json_object *probe(const struct report *report)
{
	struct json_object *object = json_object_new_object();

	add_count(object, "hits", report->hits);
	add_count(object, "lost", report->lost);
	add_number(object, "cpu_percent", 100 * report->own_share, 3);
	add_number(object, "target_percent", 100 * report->target_share, 3);
	add_count(object, "rss", report->now->own.rss);
	return object;
}

static struct json_object *governor(const struct report *report)
{
	const struct governor *governor = report->governor;
	struct json_object *object = json_object_new_object();

	json_object_object_add(object, "limiting",
	                       json_object_new_boolean(governor__is_limiting(governor)));
	add_number(object, "ceiling_percent", 100 * governor->ceiling, 3);
	add_number(object, "budget_percent", 100 * governor->budget, 3);
	add_number(object, "used_percent", 100 * governor->used, 3);
	add_count(object, "hz", (uint64_t)report->attachment->cost_hz);
	if (report->attachment->alloc)
		add_number(object, "stacks_share", governor->rate[GOVERN_STACKS], 6);
	if (report->attachment->latency || report->attachment->visits)
		add_number(object, "latency_share", governor->rate[GOVERN_LATENCY], 6);
	return object;
}

/* Buckets as [from, to, visits] in ns; `to` of the last one is null. */
static struct json_object *buckets(const struct hak_latency *cell)
{
	struct json_object *list = json_object_new_array();

	for (int i = 0; i < HAK_LATENCY_BUCKETS; i++) {
		struct json_object *bucket;

		if (!cell->buckets[i])
			continue;
		bucket = json_object_new_array();
		json_object_array_add(bucket, json_object_new_uint64(latency__bucket_low(i)));
		json_object_array_add(bucket,
		                      i == HAK_LATENCY_BUCKETS - 1
		                              ? NULL
		                              : json_object_new_uint64(latency__bucket_high(i)));
		json_object_array_add(bucket, json_object_new_uint64(cell->buckets[i]));
		json_object_array_add(list, bucket);
	}
	return list;
}

static struct json_object *latency(const struct report *report)
{
	struct json_object *object = json_object_new_object();
	struct json_object *list = json_object_new_array();

	for (int i = 0; i < HAK_LATENCY_CELLS; i++) {
		const struct hak_latency *cell = &report->latency.cells[i];
		struct json_object *row;

		if (!cell->visits)
			continue;
		row = json_object_new_object();
		json_object_object_add(
		        row, "operation",
		        json_object_new_string(i / HAK_ROUTE_COUNT ? "free" : "malloc"));
		json_object_object_add(
		        row, "route",
		        json_object_new_string(figures__route_name(i % HAK_ROUTE_COUNT)));
		add_count(row, "visits", cell->visits);
		add_count(row, "sum_ns", cell->sum_ns);
		add_number(row, "p50_ns", latency__quantile(cell, 0.5), 0);
		add_number(row, "p99_ns", latency__quantile(cell, 0.99), 0);
		json_object_object_add(row, "buckets", buckets(cell));
		json_object_array_add(list, row);
	}
	add_count(object, "seen", latency__visits(&report->latency));
	add_count(object, "visits", report->total.cold);
	add_count(object, "bias_ns", report->latency.bias_ns);
	json_object_object_add(object, "routes", list);
	return object;
}

static void show_interval(FILE *out, const struct report *report)
{
	struct json_object *object = json_object_new_object();

	add_number(object, "time", report->now->time, 6);
	add_count(object, "pid", (uint64_t)report->target->pid);
	json_object_object_add(object, "totals", totals(report->now));
	json_object_object_add(object, "interval", interval(report));
	json_object_object_add(object, "classes", classes(report->now));
	json_object_object_add(object, "routes", routes(&report->now->total.sum));
	json_object_object_add(object, "memory", memory(report->now));
	json_object_object_add(object, "cost", cost(report));
	json_object_object_add(object, "probe", probe(report));
	json_object_object_add(object, "governor", governor(report));
	if (report->attachment->latency)
		json_object_object_add(object, "latency", latency(report));
	fprintf(out, "%s\n", json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN));
	json_object_put(object);
}

const struct view view_json = {.interval = show_interval};
