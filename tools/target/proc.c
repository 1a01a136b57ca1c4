/* SPDX-License-Identifier: MIT */
#include "tools/target/proc.h"

#include <errno.h>
#include <limits.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/base/text.h"

/* Reads at most size - 1 bytes of /proc/PID/name; the length or -errno. */
static ssize_t read_file(pid_t pid, const char *name, char *buffer, size_t size)
{
	char path[64];
	ssize_t length;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	file = fopen(path, "re");
	if (!file)
		return -errno;
	length = (ssize_t)fread(buffer, 1, size - 1, file);
	if (!length && ferror(file))
		length = -errno;
	fclose(file);
	if (length >= 0)
		buffer[length] = '\0';
	return length;
}

int proc__stat(struct proc_stat *stat, pid_t pid)
{
	char text[1024], *fields;
	int64_t pages;
	ssize_t length = read_file(pid, "stat", text, sizeof(text));

	if (length < 0)
		return (int)length;
	/* The name is in parentheses and may contain anything, these included. */
	fields = strrchr(text, ')');
	if (!fields ||
	    sscanf(fields + 1,
	           " %c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %" SCNu64
	           " %*d %" SCNu64 " %*u %" SCNd64,
	           &stat->state, &stat->threads, &stat->start_ticks, &pages) != 4)
		return -EPROTO;
	stat->rss = pages > 0 ? (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE) : 0;
	return 0;
}

char *proc__command(pid_t pid)
{
	char text[512];
	ssize_t length = read_file(pid, "cmdline", text, sizeof(text));
	char *command;

	if (length < 0)
		return NULL;
	while (length > 0 && (text[length - 1] == '\0' || text[length - 1] == ' '))
		length--;
	text[length] = '\0';
	for (ssize_t i = 0; i < length; i++) {
		if (!text[i])
			text[i] = ' ';
	}
	if (length)
		return text__utf8(text);
	length = read_file(pid, "comm", text, sizeof(text));
	if (length > 0 && text[length - 1] == '\n')
		text[length - 1] = '\0';
	if (length < 0 || asprintf(&command, "[%s]", text__flatten(text)) < 0)
		return NULL;
	return command;
}

bool proc__is_translated(pid_t pid)
{
	char path[64], tool[PATH_MAX];
	ssize_t length;

	snprintf(path, sizeof(path), "/proc/%d/exe", pid);
	length = readlink(path, tool, sizeof(tool) - 1);
	if (length < 0)
		return false;
	tool[length] = '\0';
	return strstr(tool, "/valgrind/") != NULL;
}

int proc__owner(pid_t pid, uid_t *owner)
{
	struct stat info;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d", pid);
	if (stat(path, &info))
		return -errno;
	*owner = info.st_uid;
	return 0;
}

int proc__rss(struct proc_rss *rss, pid_t pid)
{
	char path[64], line[256];
	unsigned long long kib;
	FILE *status;

	memset(rss, 0, sizeof(*rss));
	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	status = fopen(path, "re");
	if (!status)
		return -errno;
	while (fgets(line, sizeof(line), status)) {
		if (sscanf(line, "RssAnon: %llu", &kib) == 1)
			rss->anonymous = kib << 10;
		else if (sscanf(line, "RssFile: %llu", &kib) == 1)
			rss->file = kib << 10;
		else if (sscanf(line, "RssShmem: %llu", &kib) == 1)
			rss->shared = kib << 10;
	}
	fclose(status);
	return 0;
}
