/* SPDX-License-Identifier: MIT */
/*
 * A flame graph as one SVG file: the root at the bottom, a frame's callees above it, widths by
 * weight. All boxes are drawn here, so that a viewer without script shows the whole picture;
 * svg.js, which is copied into the file, adds zoom and search.
 */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tools/base/embed.h"
#include "tools/base/text.h"
#include "tools/base/units.h"
#include "tools/export/export.h"

EMBED(export_svg_script, "tools/export/svg.js");
EMBED(export_svg_style, "tools/export/svg.css");

#define WIDTH     1200.0
#define MARGIN    10.0
#define NARROWEST 0.1
#define LETTER    7.25 /* width of a letter of the 12 px font, rounded up */

enum {
	HEAD = 78, /* title, note, hint */
	FOOT = 34, /* the line with details */
	ROW = 18,
	BOX = 17,
	LETTERS_LEAST = 3, /* less than that tells nothing */
};

struct boxes {
	struct profile_frame *frames;
	size_t count, capacity;
	size_t depth; /* of the deepest, + 1 */
	size_t left_out;
	double scale; /* pixels per weight */
};

/* --- text ------------------------------------------------------------------------------------- */

static struct unit_text amount(double weight, const char *unit)
{
	struct unit_text result;
	if (!strcmp(unit, "bytes"))
		return units__bytes(weight);
	if (!strcmp(unit, "ns")) {
		static const char *const units[] = {"ns", "\xc2\xb5s", "ms", "s"};
		int i = 0;
		for (; fabs(weight) >= 999.5 && i < 3; i++)
			weight /= 1000;
		snprintf(result.text, sizeof(result.text), "%.3g %s", weight, units[i]);
		return result;
	}
	snprintf(result.text, sizeof(result.text), "%.12s %.24s", units__count(weight).text, unit);
	return result;
}

/* --- colours ---------------------------------------------------------------------------------- */

/* One of the three channels of a colour given as hue (degrees), saturation and lightness. */
static unsigned channel(double hue, double saturation, double lightness, double shift)
{
	double k = fmod(shift + hue / 30, 12);
	double spread = saturation * fmin(lightness, 1 - lightness);
	return (unsigned)lround(255 * (lightness - spread * fmax(-1, fmin(fmin(k - 3, 9 - k), 1))));
}

/* The same name has the same colour in every graph: warm, light enough for dark letters. Frames
 * that are no functions ("[truncated]") are grey. */
static unsigned colour(const char *name)
{
	if (*name == '[')
		return 0xc9c9c4;
	uint64_t hash = 0xcbf29ce484222325ull;
	for (const char *c = name; *c; c++)
		hash = (hash ^ (unsigned char)*c) * 0x100000001b3ull;
	hash ^= hash >> 31;
	double hue = 6 + (double)(hash % 997) * 46 / 997;
	double saturation = 0.74 + (double)(hash / 997 % 17) * 0.012;
	double lightness = 0.60 + (double)(hash / 16949 % 19) * 0.006;
	return channel(hue, saturation, lightness, 0) << 16 |
	       channel(hue, saturation, lightness, 8) << 8 | channel(hue, saturation, lightness, 4);
}

/* Red where it grew, blue where it shrank, the deeper the larger the change; pale where it is the
 * same. */
static unsigned change_colour(double before, double after)
{
	double larger = fmax(fabs(before), fabs(after));
	double change = larger > 0 ? (after - before) / larger : 0; /* -1 … 1 */
	unsigned faded = (unsigned)lround(238 - 150 * sqrt(fmin(fabs(change), 1)));
	return change >= 0 ? 0xee0000 | faded << 8 | faded : faded << 16 | faded << 8 | 0xee;
}

/* What was and what is. */
static void print_change(FILE *out, const struct profile *profile,
                         const struct profile_frame *frame)
{
	bool is_before = profile__compared(profile) == PROFILE_WITH_LATER;
	double before = is_before ? frame->weight : frame->other;
	double after = is_before ? frame->other : frame->weight;
	const char *unit = profile__unit(profile);
	fprintf(out, "%s", amount(before, unit).text);
	fprintf(out, " before, %s after: ", amount(after, unit).text);
	if (before > 0 && after > 0)
		fprintf(out, "%+.1f %%", 100 * (after / before - 1));
	else
		fputs(after > 0 ? "new" : before > 0 ? "gone" : "no change", out);
}

static unsigned colour_of(const struct profile *profile, const struct profile_frame *frame)
{
	switch (profile__compared(profile)) {
	case PROFILE_WITH_EARLIER:
		return change_colour(frame->other, frame->weight);
	case PROFILE_WITH_LATER:
		return change_colour(frame->weight, frame->other);
	default:
		return colour(frame->name);
	}
}

/* --- boxes ------------------------------------------------------------------------------------ */

static int collect(const struct profile_frame *frame, void *arg)
{
	struct boxes *boxes = arg;
	if (!(frame->weight * boxes->scale >= NARROWEST)) {
		boxes->left_out++;
		return PROFILE_OVER; /* its callees are no wider */
	}
	if (boxes->count == boxes->capacity) {
		size_t capacity = boxes->capacity ? 2 * boxes->capacity : 1024;
		void *frames = reallocarray(boxes->frames, capacity, sizeof(*boxes->frames));
		if (!frames)
			return -ENOMEM;
		boxes->frames = frames;
		boxes->capacity = capacity;
	}
	boxes->frames[boxes->count++] = *frame;
	if (frame->depth + 1 > boxes->depth)
		boxes->depth = frame->depth + 1;
	return PROFILE_INTO;
}

struct page {
	const struct profile *profile;
	FILE *out;
	double scale;
	double height;
	double total;
	bool alone; /* a file of its own */
};

/* `depth` counts from the box of all, which has 0. */
static void print_box(const struct page *page, const struct profile_frame *frame, size_t depth,
                      unsigned fill)
{
	FILE *out = page->out;
	double x = MARGIN + frame->offset * page->scale;
	double width = depth ? frame->weight * page->scale : WIDTH - 2 * MARGIN;
	double y = page->height - FOOT - ROW * (double)(depth + 1);
	double share = page->total > 0 ? frame->weight / page->total : 1;
	fprintf(out, "<g class=\"f\" data-d=\"%zu\" data-x=\"%.10g\" data-w=\"%.10g\"><title>",
	        depth, frame->offset, frame->weight);
	text__xml(out, frame->name, SIZE_MAX);
	fputc('\n', out);
	if (profile__compared(page->profile) != PROFILE_ALONE) {
		print_change(out, page->profile, frame);
		fprintf(out, " (%s of all)</title>", units__percent(share).text);
	} else {
		text__xml(out, amount(frame->weight, profile__unit(page->profile)).text, SIZE_MAX);
		fprintf(out, " (%s), %" PRIu64 " sample%s</title>", units__percent(share).text,
		        frame->count, frame->count == 1 ? "" : "s");
	}
	/* A hair of distance to the next box, where there is room for it. */
	fprintf(out,
	        "<rect x=\"%.2f\" y=\"%g\" width=\"%.2f\" height=\"%d\" rx=\"1\" fill=\"#%06x\"/>",
	        x, y, width > 3 ? width - 0.6 : width, BOX, fill);
	size_t room = width > 6 ? (size_t)((width - 6) / LETTER) : 0;
	if (room >= LETTERS_LEAST) {
		bool fits = text__characters(frame->name) <= room;
		fprintf(out, "<text x=\"%.2f\" y=\"%g\">", x + 3, y + 12.5);
		text__xml(out, frame->name, fits ? room : room - 1);
		fputs(fits ? "</text>" : "\xe2\x80\xa6</text>", out); /* … */
	}
	fputs("</g>\n", out);
}

static void print_start(const struct page *page, size_t left_out)
{
	FILE *out = page->out;
	if (page->alone)
		fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n", out);
	fprintf(out,
	        "<svg xmlns=\"http://www.w3.org/2000/svg\" version=\"1.1\" width=\"%.0f\" "
	        "height=\"%.0f\" viewBox=\"0 0 %.0f %.0f\">\n<title>",
	        WIDTH, page->height, WIDTH, page->height);
	text__xml(out, profile__title(page->profile), SIZE_MAX);
	fprintf(out,
	        "</title>\n<desc>hakmem flame graph; %zu frames narrower than %.2f %% are left out"
	        "</desc>\n<style>\n%s</style>\n"
	        "<rect class=\"back\" width=\"100%%\" height=\"100%%\"/>\n",
	        left_out, 100 * NARROWEST / (WIDTH - 2 * MARGIN), export_svg_style);
}

/* What stays at the window's upper and lower edge; drawn last, it hides the boxes behind it. */
static void print_end(const struct page *page, const char *note)
{
	FILE *out = page->out;
	fprintf(out,
	        "<g class=\"head\"><rect class=\"back\" width=\"100%%\" height=\"%d\"/>"
	        "<text class=\"title\" x=\"%g\" y=\"28\">",
	        HEAD - 4, MARGIN);
	text__xml(out, profile__title(page->profile), SIZE_MAX);
	fprintf(out, "</text>\n<text class=\"note\" x=\"%g\" y=\"48\">", MARGIN);
	text__xml(out, note ? note : "", SIZE_MAX);
	fprintf(out, "</text>\n<text class=\"hint\" x=\"%g\" y=\"66\">", MARGIN);
	fputs("Root at the bottom, leaves on top; width: ", out);
	text__xml(out, profile__unit(page->profile), SIZE_MAX);
	if (profile__compared(page->profile) != PROFILE_ALONE)
		fputs(profile__compared(page->profile) == PROFILE_WITH_EARLIER ? " after"
		                                                               : " before",
		      out);
	if (profile__compared(page->profile) != PROFILE_ALONE)
		fputs("; red grew, blue shrank", out);
	fputs(". Click: zoom. Ctrl-F or /: search. Escape: back.</text></g>\n", out);
	fprintf(out,
	        "<g class=\"bar\" transform=\"translate(0,%g)\"><rect width=\"%g\" height=\"24\"/>"
	        "<text class=\"details\" x=\"%g\" y=\"16\"></text>"
	        "<text class=\"matched\" x=\"%g\" y=\"16\" text-anchor=\"end\"></text></g>\n"
	        "<script><![CDATA[\n%s]]></script>\n</svg>\n",
	        page->height - 24, WIDTH, MARGIN, WIDTH - MARGIN, export_svg_script);
}

static int draw(const struct profile *profile, const char *note, bool alone, FILE *out)
{
	double total = profile__weight(profile);
	struct boxes boxes = {.scale = total > 0 ? (WIDTH - 2 * MARGIN) / total : 0};
	int err = profile__walk(profile, collect, &boxes);
	if (err)
		goto out;
	const struct page page = {
	        .profile = profile,
	        .out = out,
	        .scale = boxes.scale,
	        .height = HEAD + FOOT + ROW * (double)(boxes.depth + 1),
	        .total = total,
	        .alone = alone,
	};
	const struct profile_frame all = {
	        .name = boxes.count ? "all" : "no samples",
	        .weight = total,
	        .count = profile__count(profile),
	        .other = profile__other(profile),
	};
	print_start(&page, boxes.left_out);
	print_box(&page, &all, 0, 0xdfdcd2);
	for (size_t i = 0; i < boxes.count; i++)
		print_box(&page, &boxes.frames[i], boxes.frames[i].depth + 1,
		          colour_of(profile, &boxes.frames[i]));
	print_end(&page, note);
	err = ferror(out) ? -EIO : 0;
out:
	free(boxes.frames);
	return err;
}

int export_svg(const struct profile *profile, const char *note, FILE *out)
{
	return draw(profile, note, true, out);
}

int export_svg_inline(const struct profile *profile, const char *note, FILE *out)
{
	return draw(profile, note, false, out);
}
