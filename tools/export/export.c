/* SPDX-License-Identifier: MIT */
/* Files appear whole or not at all: a viewer that reloads never sees half of one. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/export/export.h"

static int folded(const struct export_source *source, FILE *out)
{
	return source->profile_count ? export_folded(source->profiles[0], out) : -EINVAL;
}

static int svg(const struct export_source *source, FILE *out)
{
	return source->profile_count ? export_svg(source->profiles[0], source->note, out) : -EINVAL;
}

static const struct export_format formats[] = {
        {".svg", false, false, svg},           {".folded", false, false, folded},
        {".pb.gz", false, true, export_pprof}, {".speedscope.json", true, true, export_speedscope},
        {".html", true, true, export_html},
};

const struct export_format *export_format__of(const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *base = slash ? slash + 1 : path;
	for (size_t i = 0; i < sizeof(formats) / sizeof(*formats); i++) {
		size_t length = strlen(base), suffix = strlen(formats[i].suffix);
		if (length > suffix && !strcmp(base + length - suffix, formats[i].suffix))
			return &formats[i];
	}
	return NULL;
}

/* O_EXCL: where others may write, too, a link that they have put there is not followed. */
static int open_temporary(const char *path, char **temporary)
{
	for (unsigned i = 0; i < 100; i++) {
		if (asprintf(temporary, "%s.%d.%u.tmp", path, (int)getpid(), i) < 0) {
			*temporary = NULL;
			return -ENOMEM;
		}
		int fd = open(*temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
		if (fd >= 0)
			return fd;
		free(*temporary);
		*temporary = NULL;
		if (errno != EEXIST)
			break;
	}
	return -errno;
}

/* Writes and closes `fd`. */
static int fill(int fd, const struct export_format *format, const struct export_source *source)
{
	FILE *out = fdopen(fd, "w");
	if (!out) {
		close(fd);
		return -ENOMEM;
	}
	int err = format->write(source, out);
	/* The data before the name: after a crash there is the old file or the new one. */
	if (!err && (fflush(out) != 0 || fsync(fd) != 0))
		err = -errno;
	if (fclose(out) != 0 && !err)
		err = -errno;
	return err;
}

int export_file(const struct export_source *source, const char *path)
{
	const struct export_format *format = export_format__of(path);
	if (!format)
		return -EINVAL;
	char *temporary = NULL;
	int fd = open_temporary(path, &temporary);
	if (fd < 0)
		return fd;
	int err = fill(fd, format, source);
	if (!err && rename(temporary, path) != 0)
		err = -errno;
	if (err)
		unlink(temporary);
	free(temporary);
	return err;
}

int export_profile(const struct profile *profile, const char *note, const char *path)
{
	const struct export_source source = {
	        .profiles = {profile}, .profile_count = 1, .note = note};
	return export_file(&source, path);
}
