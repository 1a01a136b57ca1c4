/* SPDX-License-Identifier: MIT */
/* What a watch has sampled, as files. */
#ifndef HAK_EXPORT_FLAME_H
#define HAK_EXPORT_FLAME_H

struct flame;
struct timeline;

/* What a report holds besides flame graphs; both may be NULL. */
struct flame_extras {
	const struct timeline *timeline;
	const char *summary;
};

/* Writes the kinds (1u << enum flame_kind, or-ed) in the format that the suffix of `path` names,
 * while no sample is taken in. 0 or -errno. */
int export_flame(const struct flame *flame, unsigned kinds, const struct flame_extras *extras,
                 const char *path);

#endif
