/* SPDX-License-Identifier: MIT */
/* ELF files of anybody's: notes, probes, symbols, and what unwinding and names make of the copy. */
#include <elfutils/libdw.h>
#include <fcntl.h>
#include <string.h>

#include "tests/fuzz/input.h"
#include "tools/target/image.h"
#include "tools/target/object.h"

/* Keeps what is only looked at. */
volatile size_t sum;

static void look_at(const struct object *object)
{
	uint64_t bias;

	sum += strlen(object->build_id) + object->site_count;
	for (size_t i = 0; i < object->function_count; i += 7) {
		const struct object_function *function = &object->functions[i];

		sum += strlen(function->name);
		sum += object__function(object, function->start) != NULL;
	}
	for (size_t i = 0; i < object->site_count; i++)
		sum += object__site(object, object->sites[i].provider, object->sites[i].name) !=
		       NULL;
	sum += (size_t)object__bias(object, 0x400000, 0x1000, &bias);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int fd = open(input_path(data, size), O_RDONLY | O_CLOEXEC), copy;
	struct object *object;
	size_t bytes;

	if (fd < 0)
		abort();
	if (!object__read(&object, fd)) {
		look_at(object);
		object__free(object);
	}
	copy = image__copy(fd, IMAGE_ALL, 1 << 20, &bytes);
	if (copy >= 0)
		close(copy);
	close(fd);
	return 0;
}
