/* SPDX-License-Identifier: MIT */
/*
 * Records as a process may make them up: the input is laid over its process record and two records
 * of threads and their slots, which lead to each other, or to where the input says.
 */
#include <stddef.h>
#include <string.h>

#include "tests/fuzz/input.h"
#include "tools/target/records.h"

/* Keeps what is only looked at. */
volatile uint64_t sum;

static struct {
	struct hak_process_record process;
	struct hak_thread_record threads[2];
	struct hak_slot slots[HAK_CLASS_COUNT];
} records;

static void set_up(void)
{
	memset(&records, 0, sizeof(records));
	records.process.magic = HAK_RECORD_MAGIC;
	records.process.version = HAK_RECORD_VERSION;
	records.process.class_count = HAK_CLASS_COUNT;
	records.process.route_count = HAK_ROUTE_COUNT;
	records.process.class_record_bytes = sizeof(struct hak_class_record);
	records.process.thread_record_bytes = sizeof(struct hak_thread_record);
	records.process.threads = (uintptr_t)&records.threads[0];
	records.threads[0].next = (uintptr_t)&records.threads[1];
	records.threads[0].slots = records.threads[1].slots = (uintptr_t)records.slots;
}

/* Pieces of a place, a length, and so many bytes. */
static void lay_over(const uint8_t *data, size_t size)
{
	unsigned char *bytes = (unsigned char *)&records;

	while (size > 3) {
		size_t at = (data[0] | (size_t)data[1] << 8) * 8 % sizeof(records);
		size_t length = data[2] < size - 3 ? data[2] : size - 3;

		if (length > sizeof(records) - at)
			length = sizeof(records) - at;
		memcpy(bytes + at, data + 3, length);
		data += 3 + length;
		size -= 3 + length;
	}
	/* Settled, as waiting for what never is takes too long here. */
	records.process.seq &= ~1ull;
	records.threads[0].seq &= ~1ull;
	records.threads[1].seq &= ~1ull;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint64_t class_size[HAK_CLASS_COUNT];
	struct ledger ledger = {0};
	struct figures figures;
	struct figures_total total;

	set_up();
	lay_over(data, size);
	if (!records__read(&ledger, getpid(), (uintptr_t)&records.process)) {
		ledger__sum(&ledger, &figures);
		figures__total(&total, &figures, class_size);
		sum += total.bytes + total.cold;
	}
	ledger__clear(&ledger);
	return 0;
}
