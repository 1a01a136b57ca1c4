/* SPDX-License-Identifier: MIT */
#include "tools/symbols/perf_map.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/base/clock.h"
#include "tools/base/interrupt.h"
#include "tools/base/say.h"
#include "tools/target/foreign.h"

enum {
	LOOK_AGAIN_MS = 200,
	LOOK_SHARE = 20,          /* and in any case this multiple of what a look takes */
	LINES_MAX = 1 << 20,      /* a file that grows without end must not fill memory */
	LINE_MAX_BYTES = 1 << 16, /* a longer line is no function's: the file is none of ours */
	NAMES_MAX = 64 << 20,     /* bytes of names */
	LOOK_BYTES = 16 << 20,    /* that one look reads; the next one goes on */
	FILE_MAX_BYTES = 512 << 20,
	REUSED_MAX = 4096, /* earlier lines that may cover an address as well */
};

struct entry {
	uint64_t start, end;
	uint64_t reach; /* largest end of this and all before it, when sorted */
	size_t line;
	const char *name; /* interned */
};

struct perf_map {
	pid_t pid;
	struct intern *names;
	struct entry *list;
	size_t count, room;
	bool sorted;
	size_t lines;     /* ever read */
	size_t bytes;     /* of names */
	bool refused;     /* it is no such file */
	uint64_t look_ms; /* when to look again */
	dev_t device;     /* of the file as read, with how far */
	ino_t inode;
	long offset;
};

struct perf_map *perf_map__new(pid_t pid, struct intern *names)
{
	struct perf_map *map = calloc(1, sizeof(*map));

	if (!map)
		return NULL;
	map->pid = pid;
	map->names = names;
	return map;
}

void perf_map__free(struct perf_map *map)
{
	if (!map)
		return;
	free(map->list);
	free(map);
}

/* --- reading --------------------------------------------------------------------------------- */

static int add(struct perf_map *map, uint64_t start, uint64_t size, const char *name)
{
	if (map->count == map->room) {
		size_t room = map->room ? 2 * map->room : 1024;
		struct entry *grown = reallocarray(map->list, room, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		map->list = grown;
		map->room = room;
	}
	map->bytes += strlen(name) + 1;
	name = map->bytes <= NAMES_MAX ? intern__name(map->names, name, SIZE_MAX) : NULL;
	if (!name)
		return -ENOMEM;
	map->list[map->count++] = (struct entry){start, start + size, 0, map->lines++, name};
	map->sorted = false;
	return 0;
}

/* A whole line into `line`: its length, 0 when there is none (yet), -EFBIG when it is too long. */
static ssize_t read_line(char line[LINE_MAX_BYTES], FILE *text)
{
	ssize_t length;

	if (!fgets(line, LINE_MAX_BYTES, text))
		return 0;
	length = (ssize_t)strlen(line);
	if (length && line[length - 1] == '\n')
		return length;
	if (!feof(text)) /* as well when there is a zero in it: then it is no text */
		return -EFBIG;
	/* The process is still writing it: the next look finds it whole. */
	(void)fseek(text, -length, SEEK_CUR);
	return 0;
}

static int take_line(struct perf_map *map, char *line)
{
	uint64_t start, bytes;
	int name_at = 0;

	if (sscanf(line, "%" SCNx64 " %" SCNx64 " %n", &start, &bytes, &name_at) < 2 || !name_at ||
	    !line[name_at] || !bytes || start + bytes < start)
		return 0;
	return add(map, start, bytes, line + name_at);
}

int perf_map__parse(struct perf_map *map, FILE *text)
{
	char *line = malloc(LINE_MAX_BYTES);
	size_t taken = 0;
	ssize_t length = 0;
	int err = line ? 0 : -ENOMEM;

	while (!err && map->count < LINES_MAX && taken < LOOK_BYTES && !interrupt__asked() &&
	       (length = read_line(line, text)) > 0) {
		line[length - 1] = '\0';
		taken += (size_t)length;
		err = take_line(map, line);
	}
	free(line);
	return length < 0 ? (int)length : err;
}

/* The pid that the process itself knows, the last of its namespaces' pids. */
static pid_t innermost_pid(pid_t pid)
{
	char path[64], line[256];
	pid_t found = pid;
	FILE *status;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	status = fopen(path, "re");
	while (status && fgets(line, sizeof(line), status)) {
		char *last = strncmp(line, "NStgid:", 7) ? NULL : strrchr(line, '\t');

		if (last)
			found = (pid_t)atoi(last + 1);
	}
	if (status)
		fclose(status);
	return found;
}

static bool is_trusted(const struct perf_map *map, const struct stat *file)
{
	char path[32];
	struct stat process;

	/* Anyone may put a file there by that name; as perf does, only its own counts. */
	snprintf(path, sizeof(path), "/proc/%d", (int)map->pid);
	return S_ISREG(file->st_mode) &&
	       (file->st_uid == 0 || (!stat(path, &process) && process.st_uid == file->st_uid));
}

static FILE *open_map(const struct perf_map *map, pid_t root, pid_t name, struct stat *info)
{
	char path[64];
	FILE *text;
	int fd;

	snprintf(path, sizeof(path), "/tmp/perf-%d.map", (int)name);
	fd = foreign__open(root, path, FOREIGN_NO_LINKS);
	if (fd < 0)
		return NULL;
	if (fstat(fd, info) || !is_trusted(map, info)) {
		close(fd);
		return NULL;
	}
	text = fdopen(fd, "r");
	if (!text)
		close(fd);
	return text;
}

/* What was read of it is as little to be believed. */
static void refuse(struct perf_map *map)
{
	map->refused = true;
	map->count = 0;
	say("process %d: its file of code made at run time (/tmp/perf-PID.map) is none: it is not "
	    "read",
	    map->pid);
}

static void look(struct perf_map *map)
{
	struct stat info;
	FILE *text = open_map(map, map->pid, innermost_pid(map->pid), &info);

	if (!text)
		text = open_map(map, 0, map->pid, &info);
	if (!text)
		return;
	if (info.st_dev != map->device || info.st_ino != map->inode || info.st_size < map->offset) {
		map->count = 0;
		map->offset = 0;
		map->device = info.st_dev;
		map->inode = info.st_ino;
	}
	if (map->offset > FILE_MAX_BYTES) {
		refuse(map);
	} else if (!fseek(text, map->offset, SEEK_SET)) {
		if (perf_map__parse(map, text) == -EFBIG)
			refuse(map);
		map->offset = ftell(text); /* what there was memory for serves */
	}
	fclose(text);
}

/* --- questions ------------------------------------------------------------------------------- */

static int by_start(const void *left, const void *right)
{
	const struct entry *a = left, *b = right;

	if (a->start != b->start)
		return a->start < b->start ? -1 : 1;
	return a->line < b->line ? -1 : a->line > b->line;
}

static void sort(struct perf_map *map)
{
	uint64_t reach = 0;

	if (map->count)
		qsort(map->list, map->count, sizeof(*map->list), by_start);
	for (size_t i = 0; i < map->count; i++) {
		if (map->list[i].end > reach)
			reach = map->list[i].end;
		map->list[i].reach = reach;
	}
	map->sorted = true;
}

static const struct entry *find(const struct perf_map *map, uint64_t address)
{
	const struct entry *found = NULL;
	size_t low = 0, high = map->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (map->list[middle].start <= address)
			low = middle + 1;
		else
			high = middle;
	}
	size_t last = low > REUSED_MAX ? low - REUSED_MAX : 0;

	for (size_t i = low; i > last && map->list[i - 1].reach > address; i--) {
		const struct entry *entry = &map->list[i - 1];

		/* Memory is used again: the line written last is what is there now. */
		if (entry->end > address && (!found || entry->line > found->line))
			found = entry;
	}
	return found;
}

const char *perf_map__name(struct perf_map *map, uint64_t address)
{
	const uint64_t now = clock__mono_ns() / 1000000;

	if (now >= map->look_ms && !map->refused) {
		if (map->pid > 0)
			look(map);
		if (!map->sorted)
			sort(map);
		map->look_ms =
		        now + LOOK_AGAIN_MS + LOOK_SHARE * (clock__mono_ns() / 1000000 - now);
	}
	if (!map->sorted)
		sort(map);
	const struct entry *entry = find(map, address);

	return entry ? entry->name : NULL;
}
