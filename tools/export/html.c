/* SPDX-License-Identifier: MIT */
/*
 * A report as one HTML page without any network: figures and charts of the intervals, drawn by
 * html.js from the data in the page, the flame graphs as complete pictures, and the summary
 * as the live view prints it.
 */
#include <errno.h>
#include <math.h>

#include "tools/base/embed.h"
#include "tools/base/text.h"
#include "tools/export/export.h"
#include "tools/profile/timeline.h"
#include "tools/target/figures.h"

EMBED(export_html_script, "tools/export/html.js");
EMBED(export_html_style, "tools/export/html.css");

static void put_number(FILE *out, const char *name, double value)
{
	if (isfinite(value))
		fprintf(out, ",\"%s\":%.10g", name, value);
	else
		fprintf(out, ",\"%s\":null", name);
}

static void put_point(FILE *out, const struct timeline_point *point)
{
	fprintf(out, "{\"time\":%.3f", point->time);
	put_number(out, "seconds", point->seconds);
	put_number(out, "mallocs", point->mallocs);
	put_number(out, "frees", point->frees);
	put_number(out, "coldVisits", point->cold);
	put_number(out, "refills", point->refills);
	put_number(out, "refillBlocks", point->refill_blocks);
	put_number(out, "flushes", point->flushes);
	put_number(out, "wrapper", point->wrapper);
	put_number(out, "cold", point->cold_cpu);
	put_number(out, "os", point->os);
	put_number(out, "live", point->live);
	put_number(out, "held", point->held);
	put_number(out, "rss", point->rss);
	fputs(",\"routes\":[", out);
	for (int i = 0; i < HAK_ROUTE_COUNT; i++)
		fprintf(out, "%s%.10g", i ? "," : "", point->routes[i]);
	fputs("]}", out);
}

static void put_data(const struct export_source *source, FILE *out)
{
	const struct timeline *timeline = source->timeline;

	fputs("<script type=\"application/json\" id=\"data\">{\"routes\":[", out);
	for (enum hak_route route = 0; route < HAK_ROUTE_COUNT; route++) {
		fputs(route ? "," : "", out);
		text__json(out, figures__route_name(route));
	}
	fputs("],\n\"points\":[", out);
	for (size_t i = 0; timeline && i < timeline->count; i++) {
		fputs(i ? ",\n" : "", out);
		put_point(out, &timeline->points[i]);
	}
	fputs("]}</script>\n", out);
}

static void put_head(const struct export_source *source, FILE *out)
{
	fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
	      "<meta name=\"viewport\" content=\"width=device-width\">\n<title>hakprobe: ",
	      out);
	text__xml(out, source->note ? source->note : "report", 80);
	fprintf(out, "</title>\n<style>\n%s</style>\n</head>\n<body>\n<header><h1>hakprobe</h1><p>",
	        export_html_style);
	text__xml(out, source->note ? source->note : "", (size_t)-1);
	fputs("</p></header>\n<main>\n", out);
}

/* The pictures, of which the script shows one at a time; without script all are there. */
static int put_flames(const struct export_source *source, FILE *out)
{
	int err = 0;

	if (!source->profile_count)
		return 0;
	fputs("<section id=\"flames\"><h2>Flame graphs</h2>\n"
	      "<div role=\"tablist\" aria-label=\"flame graphs\">",
	      out);
	for (size_t i = 0; i < source->profile_count; i++) {
		fprintf(out,
		        "<button role=\"tab\" id=\"tab-%zu\" aria-controls=\"flame-%zu\" "
		        "aria-selected=\"%s\">",
		        i, i, i ? "false" : "true");
		text__xml(out, profile__title(source->profiles[i]), (size_t)-1);
		fputs("</button>", out);
	}
	fputs("</div>\n", out);
	for (size_t i = 0; i < source->profile_count && !err; i++) {
		fprintf(out,
		        "<div class=\"flame\" role=\"tabpanel\" id=\"flame-%zu\" "
		        "aria-labelledby=\"tab-%zu\">\n",
		        i, i);
		err = export_svg_inline(source->profiles[i], NULL, out);
		fputs("</div>\n", out);
	}
	fputs("</section>\n", out);
	return err;
}

int export_html(const struct export_source *source, FILE *out)
{
	int err;

	put_head(source, out);
	if (source->timeline && source->timeline->count)
		fputs("<section id=\"overview\"><h2>Summary</h2><dl id=\"tiles\"></dl></section>\n"
		      "<section id=\"charts\"><h2>Over time</h2><div "
		      "id=\"chart-list\"></div></section>\n",
		      out);
	err = put_flames(source, out);
	if (source->summary && *source->summary) {
		fputs("<section id=\"summary\"><h2>As the live view shows it</h2><pre "
		      "tabindex=\"0\">",
		      out);
		for (const char *line = source->summary; *line; line++) {
			const char one[2] = {*line, '\0'};

			if (*line == '\n' || (unsigned char)*line >= 0x80)
				fputc(*line, out); /* our own text: its UTF-8 is whole */
			else
				text__xml(out, one, 1);
		}
		fputs("</pre></section>\n", out);
	}
	fputs("</main>\n", out);
	put_data(source, out);
	fprintf(out, "<script>\n%s</script>\n</body>\n</html>\n", export_html_script);
	return err ? err : ferror(out) ? -EIO : 0;
}
