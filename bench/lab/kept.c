/* SPDX-License-Identifier: MIT */
#include "bench/lab/kept.h"

json_object *kept_at(json_object *object, const char *key)
{
	return json_object_object_get(object, key);
}

const char *kept_text(json_object *object, const char *key)
{
	const char *text = json_object_get_string(kept_at(object, key));
	return text ? text : "-";
}

json_object *kept_arm(json_object *row, size_t index)
{
	return json_object_array_get_idx(kept_at(row, "arms"), index);
}

size_t kept_arms(json_object *row)
{
	return json_object_array_length(kept_at(row, "arms"));
}

size_t kept_samples(json_object *arm, const char *key, double values[VERDICT_ROUNDS_MOST])
{
	json_object *array = kept_at(arm, key);
	size_t count = array ? json_object_array_length(array) : 0;
	if (count > VERDICT_ROUNDS_MOST)
		count = VERDICT_ROUNDS_MOST;
	for (size_t i = 0; i < count; i++)
		values[i] = json_object_get_double(json_object_array_get_idx(array, i));
	return count;
}

struct interval kept_interval(json_object *arm, const char *key)
{
	double values[VERDICT_ROUNDS_MOST];
	size_t count = kept_samples(arm, key, values);
	return count ? stats_median_interval(values, count) : (struct interval){0};
}

double kept_least(json_object *arm, const char *key)
{
	double values[VERDICT_ROUNDS_MOST], least;
	size_t count = kept_samples(arm, key, values);
	least = count ? values[0] : 0;
	for (size_t i = 1; i < count; i++)
		least = values[i] < least ? values[i] : least;
	return least;
}

struct interval kept_ratio(json_object *a, json_object *b, const char *key)
{
	double first[VERDICT_ROUNDS_MOST], second[VERDICT_ROUNDS_MOST];
	size_t count = kept_samples(a, key, first), other = kept_samples(b, key, second);
	if (!count || count != other)
		return (struct interval){0};
	return verdict_ratio(first, second, count);
}

void kept_write_machine(FILE *out, json_object *result)
{
	json_object *machine = kept_at(result, "machine");
	fprintf(out, "%s, %s CPUs, Linux %s.\n\n", kept_text(machine, "cpu"),
	        kept_text(machine, "cpus"), kept_text(machine, "kernel"));
}
