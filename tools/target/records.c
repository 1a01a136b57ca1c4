/* SPDX-License-Identifier: MIT */
#include "tools/target/records.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "tools/base/clock.h"
#include "tools/base/interrupt.h"
#include "tools/target/proc.h"

enum {
	WALK_TRIES = 20,    /* of a process whose threads come and go */
	HEAD_TRIES = 20,    /* of a process record that is being changed */
	WHOLE_TRIES = 3,    /* of a thread's record at one go */
	CLASS_ROUNDS = 40,  /* over the classes that have changed under way */
	FIRST_ROUNDS = 400, /* the same for a thread not known before */
	PATIENT_ROUNDS = 8, /* rounds without a pause */
	PAUSE_US = 200,
	THREADS_SPARE = 256, /* records beyond twice the threads that there are */
	PATIENT_MS = 500,    /* of a walk; then what is unsettled is left so */
	PATIENT_US = 500,    /* and so much more for each thread */
	PIECES = 3 * HAK_CLASS_COUNT + 1,
};

struct reader {
	pid_t pid;
	uint64_t patient_ns; /* until when there is time for pauses */
	size_t most;         /* records that its list may have */
	bool is_last;        /* we are to end already: this is the reading to end with */
	struct hak_thread_record record;
	struct hak_slot slots[HAK_CLASS_COUNT];
	struct iovec here[PIECES];
	struct iovec there[PIECES];
	uint64_t seqs[HAK_CLASS_COUNT + 1];
	bool settled[HAK_CLASS_COUNT];
};

static int read_pieces(struct reader *reader, size_t count)
{
	size_t bytes = 0;
	ssize_t got;

	for (size_t i = 0; i < count; i++)
		bytes += reader->here[i].iov_len;
	got = process_vm_readv(reader->pid, reader->here, count, reader->there, count, 0);
	if (got < 0)
		return -errno;
	return (size_t)got == bytes ? 0 : -EFAULT;
}

static void set_piece(struct reader *reader, size_t i, void *here, uint64_t there, size_t bytes)
{
	reader->here[i] = (struct iovec){here, bytes};
	reader->there[i] = (struct iovec){(void *)(uintptr_t)there, bytes};
}

static int read_one(struct reader *reader, void *here, uint64_t there, size_t bytes)
{
	set_piece(reader, 0, here, there, bytes);
	return read_pieces(reader, 1);
}

static uint64_t seq_of_thread(uint64_t address)
{
	return address + offsetof(struct hak_thread_record, seq);
}

static bool is_settled(uint64_t before, uint64_t after)
{
	return before == after && !(before & 1);
}

/*
 * The whole record and slots between two readings of seq: 0, -EAGAIN when it changed under way. The
 * seqs are pieces of their own, because within one piece the order of loads is not defined: the
 * kernel copies it with one string instruction.
 */
static int read_whole(struct reader *reader, uint64_t address)
{
	struct hak_thread_record *record = &reader->record;
	uint64_t before, after;
	size_t count = 0;
	int err;

	set_piece(reader, count++, &before, seq_of_thread(address), sizeof(before));
	set_piece(reader, count++, record, address, sizeof(*record));
	if (record->slots)
		set_piece(reader, count++, reader->slots, record->slots, sizeof(reader->slots));
	set_piece(reader, count++, &after, seq_of_thread(address), sizeof(after));
	err = read_pieces(reader, count);
	if (err)
		return err;
	return is_settled(before, after) ? 0 : -EAGAIN;
}

/*
 * One round over the classes that are not settled: seq, record, slot, seq, record, slot, …, seq,
 * all in one system call. A class between two equal and even seqs is consistent. Returns how many
 * are left, or -errno.
 */
static int read_classes(struct reader *reader, uint64_t address)
{
	unsigned classes[HAK_CLASS_COUNT];
	size_t pieces = 0;
	int count = 0, left = 0, err;

	for (unsigned i = 0; i < HAK_CLASS_COUNT; i++) {
		if (reader->settled[i])
			continue;
		set_piece(reader, pieces++, &reader->seqs[count], seq_of_thread(address), 8);
		set_piece(reader, pieces++, &reader->record.classes[i],
		          address + offsetof(struct hak_thread_record, classes) +
		                  i * sizeof(struct hak_class_record),
		          sizeof(struct hak_class_record));
		if (reader->record.slots)
			set_piece(reader, pieces++, &reader->slots[i],
			          reader->record.slots + i * sizeof(struct hak_slot),
			          sizeof(struct hak_slot));
		classes[count++] = i;
	}
	set_piece(reader, pieces++, &reader->seqs[count], seq_of_thread(address), 8);
	err = read_pieces(reader, pieces);
	if (err)
		return err;
	for (int i = 0; i < count; i++) {
		reader->settled[classes[i]] = is_settled(reader->seqs[i], reader->seqs[i + 1]);
		left += !reader->settled[classes[i]];
	}
	return left;
}

static bool is_interrupted(const struct reader *reader)
{
	return !reader->is_last && interrupt__asked();
}

static bool is_late(const struct reader *reader)
{
	return is_interrupted(reader) || clock__mono_ns() > reader->patient_ns;
}

/*
 * Reads a thread's record and slots into the reader. Classes that could not be read consistently
 * (a thread that was taken off its CPU half-way through a change) stay unsettled. 0 or -errno.
 */
static int read_thread(struct reader *reader, const struct ledger *known, uint64_t address)
{
	int rounds = CLASS_ROUNDS;
	int left = HAK_CLASS_COUNT;
	int err;

	err = read_one(reader, &reader->record, address,
	               offsetof(struct hak_thread_record, classes));
	if (err)
		return err;
	for (int i = 0; i < WHOLE_TRIES; i++) {
		err = read_whole(reader, address);
		if (!err) {
			memset(reader->settled, 1, sizeof(reader->settled));
			return 0;
		}
		if (err != -EAGAIN)
			return err;
	}
	memset(reader->settled, 0, sizeof(reader->settled));
	/* Of a thread that is new there are no older figures to fall back on. */
	if (!ledger__find(known, reader->record.tid, reader->record.start_ns))
		rounds = FIRST_ROUNDS;
	for (int i = 0; i < rounds && left > 0; i++) {
		if (i >= PATIENT_ROUNDS) {
			if (is_late(reader))
				break;
			usleep(PAUSE_US);
		}
		left = read_classes(reader, address);
	}
	return left < 0 ? left : 0;
}

/* Enters the thread just read; an unsettled class keeps what the ledger knew of it. */
static int enter_thread(const struct reader *reader, const struct ledger *known,
                        struct ledger *walk)
{
	const struct hak_thread_record *record = &reader->record;
	const struct ledger_thread *before = ledger__find(known, record->tid, record->start_ns);
	struct ledger_thread *thread = ledger__add(walk, record->tid, record->start_ns);

	if (!thread)
		return -ENOMEM;
	thread->seq = record->seq;
	thread->sample_bytes = record->sample_bytes;
	for (unsigned i = 0; i < HAK_CLASS_COUNT; i++) {
		if (!reader->settled[i] && before)
			thread->figures->classes[i] = before->figures->classes[i];
		else
			figures__add_class(thread->figures, i, &record->classes[i],
			                   record->slots ? &reader->slots[i] : NULL);
	}
	thread->figures->large_bytes = record->large_bytes;
	thread->figures->large_freed = record->large_freed;
	thread->figures->samples = record->samples;
	return 0;
}

static bool is_known_layout(const struct hak_process_record *process)
{
	return process->magic == HAK_RECORD_MAGIC && process->version == HAK_RECORD_VERSION &&
	       process->class_count == HAK_CLASS_COUNT && process->route_count == HAK_ROUTE_COUNT &&
	       process->class_record_bytes == sizeof(struct hak_class_record) &&
	       process->thread_record_bytes == sizeof(struct hak_thread_record);
}

static int read_seq(struct reader *reader, uint64_t address, uint64_t *seq)
{
	return read_one(reader, seq, address + offsetof(struct hak_process_record, seq),
	                sizeof(*seq));
}

/* The process record: 0, -EAGAIN while it is being changed, or -errno. */
static int read_process(struct reader *reader, uint64_t address, struct hak_process_record *process)
{
	uint64_t before, after;
	int err;

	for (int i = 0; i < HEAD_TRIES; i++) {
		err = read_seq(reader, address, &before);
		if (!err)
			err = read_one(reader, process, address, sizeof(*process));
		if (!err)
			err = read_seq(reader, address, &after);
		if (err)
			return err;
		if (!is_known_layout(process))
			return -EPROTO;
		if (is_settled(before, after))
			return 0;
		usleep(PAUSE_US);
	}
	return -EAGAIN;
}

/* One walk over all threads: 0, -EAGAIN when the list changed under way, or -errno. */
static int walk_threads(struct reader *reader, const struct ledger *known, struct ledger *walk,
                        uint64_t address, const struct hak_process_record *process)
{
	uint64_t seq;
	int err, late = 0;

	for (uint64_t next = process->threads; next; next = reader->record.next) {
		late = walk->count == reader->most ? -ELOOP : read_thread(reader, known, next);
		if (!late && is_interrupted(reader))
			late = -EINTR;
		if (late)
			break;
		late = enter_thread(reader, known, walk);
		if (late)
			break;
	}
	/* A thread that ended meanwhile explains an unreadable record. */
	err = read_seq(reader, address, &seq);
	if (err)
		return err;
	return seq != process->seq && late != -EINTR ? -EAGAIN : late;
}

/*
 * What is plausible of a process: a record for each thread, those of some that have ended unseen,
 * and a moment for each that is in the middle of a change. Its list, which it may have made up,
 * gets no more.
 */
static void set_bounds(struct reader *reader)
{
	struct proc_stat stat;
	uint64_t threads = proc__stat(&stat, reader->pid) ? 1 : stat.threads;

	uint64_t patience = (PATIENT_MS * 1000ull + PATIENT_US * threads) * 1000;

	reader->is_last = interrupt__asked();
	if (reader->is_last && patience > interrupt__patience_ns())
		patience = interrupt__patience_ns();
	reader->most = 2 * threads + THREADS_SPARE;
	reader->patient_ns = clock__mono_ns() + patience;
}

int records__read(struct ledger *ledger, pid_t pid, uint64_t process_address)
{
	struct hak_process_record *process = malloc(sizeof(*process));
	struct reader *reader = malloc(sizeof(*reader));
	struct ledger walk = {0};
	uint64_t begin_ns;
	int err;

	if (!process || !reader) {
		err = -ENOMEM;
		goto out;
	}
	reader->pid = pid;
	set_bounds(reader);
	err = -EAGAIN;
	for (int i = 0; i < WALK_TRIES && err == -EAGAIN && (!i || !is_late(reader)); i++) {
		begin_ns = clock__mono_ns();
		ledger__clear(&walk);
		err = read_process(reader, process_address, process);
		if (!err)
			err = walk_threads(reader, ledger, &walk, process_address, process);
		if (!err)
			ledger__on_walk(ledger, &walk, process, begin_ns);
	}
out:
	ledger__clear(&walk);
	free(reader);
	free(process);
	return err;
}
