/* SPDX-License-Identifier: MIT */
#include "bench/run/report.h"

#include <stdio.h>

#include "bench/run/json_text.h"
#include "bench/run/proof.h"
#include "bench/base/resources.h"

#define MIB(bytes) ((double)(bytes) / (1 << 20))

static void text_counters(const struct counters *counters, uint64_t ops)
{
	printf("per op    ");
	for (int i = 0; i < COUNTER_COUNT; i++) {
		if (counters->available[i] && ops)
			printf(" %s %.4g", counter_name(i), counters->value[i] / (double)ops);
		else
			printf(" %s n/a", counter_name(i));
		printf(i + 1 < COUNTER_COUNT ? "," : "\n");
	}
}

void report_text(const struct workload *workload, const struct bench_options *options,
                 const struct result *result)
{
	const struct bench_count *count = bench_counted();
	const struct bench_note *notes;
	size_t note_count = bench_notes(&notes);
	printf("workload   %s%s: %s; %u thread%s, seed %llu\n", workload->name,
	       options->null ? " --null" : "", workload->help, options->threads,
	       options->threads == 1 ? "" : "s", (unsigned long long)options->seed);
	printf("allocator  %s\n", options->null ? "none" : resources_allocator());
	printf("operations %llu in %.3f s\n", (unsigned long long)result->ops, result->seconds);
	printf("ops/s      %.0f\n", result->ops_per_second);
	printf("ns/op      %.2f wall, %.2f CPU\n", result->ns_per_op, result->cpu_ns_per_op);
	if (workload->whole) {
		uint64_t operations, bytes;
		trace_recorded(&operations, &bytes);
		printf("trace      replayed %llu operations, %llu bytes requested; recorded %llu, "
		       "%llu\n",
		       (unsigned long long)result->ops, (unsigned long long)result->requested_bytes,
		       (unsigned long long)operations, (unsigned long long)bytes);
	}
	text_counters(&result->counters, result->ops);
	printf("memory     peak RSS %.2f MiB, RSS at the end %.2f MiB, %llu page faults\n",
	       MIB(result->peak_rss_bytes), MIB(result->rss_bytes),
	       (unsigned long long)result->page_faults);
	if (count)
		printf("%-10s %llu %s\n", "counted", (unsigned long long)count->value, count->text);
	for (unsigned i = 0; options->threads > 1 && i < options->threads; i++) {
		const struct worker *worker = &result->workers[i];
		printf("thread %-3u %llu operations in %.3f s, %.2f ns/op\n", i,
		       (unsigned long long)worker->ops, (double)worker->wall_ns / 1e9,
		       worker->ops ? (double)worker->wall_ns / (double)worker->ops : 0.0);
	}
	for (size_t i = 0; i < note_count; i++)
		printf("after      %-12s RSS %7.2f MiB for %7.2f MiB live, %.2f x\n", notes[i].name,
		       MIB(notes[i].rss_bytes), MIB(notes[i].live_bytes),
		       notes[i].live_bytes
		               ? (double)notes[i].rss_bytes / (double)notes[i].live_bytes
		               : 0.0);
}

static void json_counters(const struct counters *counters, uint64_t ops)
{
	printf(",\"per_op\":{");
	for (int i = 0; i < COUNTER_COUNT; i++) {
		printf("%s\"%s\":", i ? "," : "", counter_name(i));
		if (counters->available[i] && ops)
			printf("%.6g", counters->value[i] / (double)ops);
		else
			printf("null");
	}
	printf("}");
}

void report_json(const struct workload *workload, const struct bench_options *options,
                 const struct result *result)
{
	const struct bench_count *count = bench_counted();
	const struct bench_note *notes;
	size_t note_count = bench_notes(&notes);
	printf("{\"workload\":\"%s\",\"null\":%s,\"allocator\":", workload->name,
	       options->null ? "true" : "false");
	json_string(options->null ? "none" : resources_allocator());
	printf(",\"threads\":%u,\"seed\":%llu,\"ops\":%llu,\"seconds\":%.6f,\"ops_per_second\":%.1f",
	       options->threads, (unsigned long long)options->seed, (unsigned long long)result->ops,
	       result->seconds, result->ops_per_second);
	printf(",\"ns_per_op\":%.4f,\"cpu_ns_per_op\":%.4f,\"peak_rss_bytes\":%llu,\"rss_bytes\":%"
	       "llu,\"page_faults\":%llu",
	       result->ns_per_op, result->cpu_ns_per_op, (unsigned long long)result->peak_rss_bytes,
	       (unsigned long long)result->rss_bytes, (unsigned long long)result->page_faults);
	if (workload->whole) {
		uint64_t operations, bytes;
		trace_recorded(&operations, &bytes);
		printf(",\"trace\":{\"requested_bytes\":%llu,\"recorded_ops\":%llu,"
		       "\"recorded_bytes\":%llu}",
		       (unsigned long long)result->requested_bytes, (unsigned long long)operations,
		       (unsigned long long)bytes);
	}
	json_counters(&result->counters, result->ops);
	printf(",\"workers\":[");
	for (unsigned i = 0; i < options->threads; i++)
		printf("%s{\"ops\":%llu,\"seconds\":%.6f}", i ? "," : "",
		       (unsigned long long)result->workers[i].ops,
		       (double)result->workers[i].wall_ns / 1e9);
	printf("],\"phases\":[");
	for (size_t i = 0; i < note_count; i++)
		printf("%s{\"name\":\"%s\",\"rss_bytes\":%llu,\"live_bytes\":%llu}", i ? "," : "",
		       notes[i].name, (unsigned long long)notes[i].rss_bytes,
		       (unsigned long long)notes[i].live_bytes);
	printf("]");
	if (count)
		printf(",\"%s\":%llu", count->name, (unsigned long long)count->value);
	printf(",\"proof\":");
	proof_print(false);
	printf("}\n");
}
