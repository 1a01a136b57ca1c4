/* SPDX-License-Identifier: MIT */
#include "tools/watch/recorder.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static int add_module(void *context, const struct unwind_module *module)
{
	struct capture_module entry = {
	        .start = module->start, .end = module->end, .bias = module->bias};

	return capture_writer__module(context, entry, module->path, module->build_id);
}

static int add_classes(struct capture_writer *writer, const struct reading *start,
                       const struct reading *now)
{
	struct figures figures;
	int err = 0;

	figures__subtract(&figures, &now->figures, &start->figures);
	for (unsigned i = 0; i < HAK_CLASS_COUNT && !err; i++) {
		struct capture_class class = {
		        .class = i,
		        .size = now->class_size[i],
		        .mallocs = figures.classes[i].mallocs,
		        .frees = figures.classes[i].frees,
		};

		if (class.mallocs || class.frees)
			err = capture_writer__class(writer, &class);
	}
	return err;
}

static int add_info(struct capture_writer *writer, const struct target *target,
                    enum unwind_mode mode, const struct reading *start, const struct reading *now)
{
	static const char *const modes[] = {"auto", "dwarf", "fp"};
	time_t begin = (time_t)start->time;
	char text[64];
	struct tm utc;
	int err;

	err = capture_writer__info(writer, "hakprobe", HAK_VERSION);
	if (!err)
		err = capture_writer__info(writer, "command", target->command);
	snprintf(text, sizeof(text), "%d", target->pid);
	if (!err)
		err = capture_writer__info(writer, "pid", text);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&begin, &utc));
	if (!err)
		err = capture_writer__info(writer, "time", text);
	snprintf(text, sizeof(text), "%.3f", (double)(now->mono_ns - start->mono_ns) / 1e9);
	if (!err)
		err = capture_writer__info(writer, "seconds", text);
	if (!err)
		err = capture_writer__info(writer, "unwinder", modes[mode]);
	snprintf(text, sizeof(text), "%llu", (unsigned long long)now->sample_bytes);
	return err ? err : capture_writer__info(writer, "sample_bytes", text);
}

int recorder__finish(struct capture_writer *writer, const struct target *target,
                     struct unwinder *unwinder, enum unwind_mode mode, const struct reading *start,
                     const struct reading *now, uint64_t lost)
{
	int err = add_info(writer, target, mode, start, now);

	if (!err)
		err = unwinder__each_module(unwinder, add_module, writer);
	if (!err)
		err = add_classes(writer, start, now);
	return err ? err : capture_writer__finish(writer, lost);
}
