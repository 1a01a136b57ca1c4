/* SPDX-License-Identifier: MIT */
#include "tools/view/screen.h"

#define NCURSES_WIDECHAR 1
#include <curses.h>
#include <langinfo.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <wchar.h>

#include "tools/base/output.h"
#include "tools/base/say.h"
#include "tools/view/lines.h"
#include "tools/view/tables.h"

enum { PROCESSES_MAX = 256, LINE_MAX_CHARS = 512, ROWS_ALL = 1000, HEADER_NEEDS = 30 };

struct shown {
	pid_t pid;
	const struct report *report;
};

/* A report that stays as it is while the view is paused. */
struct frozen {
	struct report report;
	struct reading now;
	struct reading before;
	struct thread_table threads;
	char *names[2 * REPORT_CALLERS]; /* of callers; the report's go with the next one */
};

struct screen {
	SCREEN *terminal;
	struct shown list[PROCESSES_MAX];
	size_t count;
	size_t current;
	enum report_view view;
	enum report_sort sort;
	bool paused;
	bool help;
	bool utf8;
	int scroll; /* rows of the table above the first one shown */
	struct frozen frozen;
};

static const char help_text[] =
        "hakprobe, full screen\n"
        "\n"
        "  c t a f     table of size classes, threads, callers (with --flame alloc), functions\n"
        "  Tab         the next of these\n"
        "  s           sort by the next key: malloc, free, bytes, cold, refill, name\n"
        "  Up Down PgUp PgDn Home   move in the table\n"
        "  n p         the next, the previous process\n"
        "  Space       pause; the figures go on being taken\n"
        "  h ?         this help, and back\n"
        "  q Ctrl-C    end; the summary is printed and the files are written\n"
        "\n"
        "Every line is explained in docs/hakprobe.md, \"The live view\".\n";

/* --- life ------------------------------------------------------------------------------------ */

bool screen__is_possible(void)
{
	return isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
}

struct screen *screen__new(enum report_view view, enum report_sort sort)
{
	struct screen *screen = calloc(1, sizeof(*screen));

	if (!screen)
		return NULL;
	setlocale(LC_CTYPE, "");
	screen->utf8 = !strcmp(nl_langinfo(CODESET), "UTF-8");
	screen->view = view;
	screen->sort = sort;
	screen->terminal = newterm(NULL, output__terminal(), stdin);
	if (!screen->terminal) {
		free(screen);
		return NULL;
	}
	cbreak();
	noecho();
	keypad(stdscr, TRUE);
	nodelay(stdscr, TRUE);
	set_escdelay(25);
	curs_set(0);
	return screen;
}

static void clear_names(struct frozen *frozen)
{
	for (size_t i = 0; i < 2 * REPORT_CALLERS; i++) {
		free(frozen->names[i]);
		frozen->names[i] = NULL;
	}
}

void screen__free(struct screen *screen)
{
	if (!screen)
		return;
	endwin();
	delscreen(screen->terminal);
	threads__clear(&screen->frozen.threads);
	clear_names(&screen->frozen);
	free(screen);
}

/* --- drawing --------------------------------------------------------------------------------- */

/* One line, cut at the right edge; what the terminal's character set lacks becomes ASCII. */
static void draw_line(const struct screen *screen, int row, const char *line, size_t length)
{
	wchar_t wide[LINE_MAX_CHARS];
	char narrow[4 * LINE_MAX_CHARS];
	size_t n = 0;

	if (length >= sizeof(narrow))
		length = sizeof(narrow) - 1;
	memcpy(narrow, line, length);
	narrow[length] = '\0';
	if (screen->utf8) {
		n = mbstowcs(wide, narrow, LINE_MAX_CHARS);
		if (n != (size_t)-1) {
			mvaddnwstr(row, 0, wide, (int)(n < (size_t)COLS ? n : (size_t)COLS));
			return;
		}
		n = 0;
	}
	for (size_t i = 0; i < length && n < (size_t)COLS; i++) {
		unsigned char byte = (unsigned char)narrow[i];

		if (byte >= 0xc0)
			mvaddch(row, (int)n++, '~');
		else if (byte < 0x80)
			mvaddch(row, (int)n++, byte < ' ' ? ' ' : byte);
	}
}

/* Draws `text` from `row` on, but not below `last`; `skip` of its lines after the first `fixed` are
 * left out. The row behind. */
static int draw_text(const struct screen *screen, int row, int last, const char *text, int fixed,
                     int skip)
{
	for (int i = 0; *text && row <= last; i++) {
		size_t length = strcspn(text, "\n");

		if (i < fixed || i >= fixed + skip)
			draw_line(screen, row++, text, length);
		text += length + (text[length] == '\n');
	}
	return row;
}

static void draw_bar(const struct screen *screen, int row, const char *text)
{
	attron(A_REVERSE);
	mvhline(row, 0, ' ', COLS);
	draw_line(screen, row, text, strlen(text));
	attroff(A_REVERSE);
}

static void draw_top(const struct screen *screen)
{
	char title[LINE_MAX_CHARS], process[48] = "";

	if (screen->count > 1)
		snprintf(process, sizeof(process), " (process %zu of %zu: n p)",
		         screen->current + 1, screen->count);
	snprintf(title, sizeof(title), " hakprobe%s%s: %s view by %s",
	         screen->paused ? " [paused]" : "", process, report_view_names[screen->view],
	         report_sort_names[screen->sort]);
	draw_bar(screen, 0, title);
}

/* The text of one part of the picture; NULL when out of memory. */
static char *part(void (*write)(FILE *out, const struct screen *screen,
                                const struct report *report),
                  const struct screen *screen, const struct report *report)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	write(out, screen, report);
	fclose(out);
	return text;
}

static void write_head(FILE *out, const struct screen *screen, const struct report *report)
{
	(void)screen;
	if (LINES >= HEADER_NEEDS)
		lines__header(out, report->target, report->attachment, report->now);
	lines__title(out, report);
	lines__figures(out, report);
}

static void write_table(FILE *out, const struct screen *screen, const struct report *report)
{
	tables__show(out, report, screen->view, screen->sort, ROWS_ALL);
	tables__latency(out, report);
}

static void draw_report(struct screen *screen, const struct report *report)
{
	char *head = part(write_head, screen, report);
	char *table = part(write_table, screen, report);
	int row = 1, rows = 0;

	draw_top(screen);
	if (head)
		row = draw_text(screen, row, LINES - 2, head, 0, 0);
	for (const char *at = table; at && *at; at++)
		rows += *at == '\n';
	/* An empty line, the column heads, the rows. */
	if (screen->scroll > rows - 3)
		screen->scroll = rows > 3 ? rows - 3 : 0;
	if (table)
		draw_text(screen, row, LINES - 2, table, 2, screen->scroll);
	free(head);
	free(table);
}

static void draw(struct screen *screen)
{
	const char *newest = say__newest();
	char bar[LINE_MAX_CHARS];

	erase();
	if (screen->help)
		draw_text(screen, 0, LINES - 2, help_text, 0, 0);
	else if (screen->count)
		draw_report(screen, screen->paused ? &screen->frozen.report
		                                   : screen->list[screen->current].report);
	else
		draw_line(screen, 0, "no process to show", 18);
	snprintf(
	        bar, sizeof(bar),
	        " q quit  Space pause  c class  t thread  a caller  f function  s sort  h help%s%s",
	        *newest ? "   | " : "", newest);
	draw_bar(screen, LINES - 1, bar);
	refresh();
}

/* --- reports --------------------------------------------------------------------------------- */

void screen__report(struct screen *screen, pid_t pid, const struct report *report)
{
	size_t i = 0;

	while (i < screen->count && screen->list[i].pid != pid)
		i++;
	if (i == PROCESSES_MAX)
		return;
	if (i == screen->count)
		screen->count++;
	screen->list[i] = (struct shown){pid, report};
	if (i == screen->current && !screen->paused)
		draw(screen);
}

void screen__forget(struct screen *screen, pid_t pid)
{
	for (size_t i = 0; i < screen->count; i++) {
		if (screen->list[i].pid != pid)
			continue;
		memmove(&screen->list[i], &screen->list[i + 1],
		        (screen->count - i - 1) * sizeof(*screen->list));
		screen->count--;
		if (screen->current > i || screen->current == screen->count)
			screen->current -= screen->current > 0;
		screen->paused = false; /* what is frozen may be what goes */
		draw(screen);
		return;
	}
}

/* --- keys ------------------------------------------------------------------------------------ */

static void show_view(struct screen *screen, enum report_view view)
{
	screen->view = view;
	screen->scroll = 0;
}

static void scroll_by(struct screen *screen, int by)
{
	screen->scroll = screen->scroll + by > 0 ? screen->scroll + by : 0;
}

/* Copies the callers' names; those that there is no memory for are left out with their rows. */
static void keep_names(struct frozen *frozen)
{
	struct report *report = &frozen->report;
	size_t kept = 0;

	clear_names(frozen);
	for (; kept < report->caller_count; kept++) {
		struct caller_row *row = &report->callers[kept];
		char **names = &frozen->names[2 * kept];

		names[0] = strdup(row->caller);
		names[1] = strdup(row->entry);
		if (!names[0] || !names[1])
			break;
		row->caller = names[0];
		row->entry = names[1];
	}
	report->caller_count = kept;
}

/* Keeps a copy of what is shown; without memory for the threads they are left out. */
static void freeze(struct screen *screen)
{
	struct frozen *frozen = &screen->frozen;
	const struct report *report;

	if (!screen->count)
		return;
	report = screen->list[screen->current].report;
	frozen->report = *report;
	frozen->now = *report->now;
	frozen->before = *report->before;
	frozen->report.now = &frozen->now;
	frozen->report.before = &frozen->before;
	frozen->report.threads = NULL;
	keep_names(frozen);
	if (report->threads && !threads__copy(&frozen->threads, report->threads))
		frozen->report.threads = &frozen->threads;
}

static void toggle_pause(struct screen *screen)
{
	screen->paused = !screen->paused && screen->count;
	if (screen->paused)
		freeze(screen);
}

static void select_process(struct screen *screen, size_t by)
{
	if (!screen->count)
		return;
	screen->current = (screen->current + by) % screen->count;
	screen->scroll = 0;
	if (screen->paused)
		freeze(screen);
}

/* What a key changes; false when it means nothing. */
static bool press_view(struct screen *screen, int key)
{
	switch (key) {
	case 'c':
		show_view(screen, VIEW_CLASSES);
		return true;
	case 't':
		show_view(screen, VIEW_THREADS);
		return true;
	case 'a':
		show_view(screen, VIEW_CALLERS);
		return true;
	case 'f':
		show_view(screen, VIEW_FUNCTIONS);
		return true;
	case '\t':
		show_view(screen, (screen->view + 1) % VIEW_COUNT);
		return true;
	case 's':
		screen->sort = (screen->sort + 1) % SORT_COUNT;
		return true;
	default:
		return false;
	}
}

static bool press_move(struct screen *screen, int key)
{
	switch (key) {
	case KEY_UP:
		scroll_by(screen, -1);
		return true;
	case KEY_DOWN:
		scroll_by(screen, 1);
		return true;
	case KEY_PPAGE:
		scroll_by(screen, -10);
		return true;
	case KEY_NPAGE:
		scroll_by(screen, 10);
		return true;
	case KEY_HOME:
		screen->scroll = 0;
		return true;
	case 'n':
		select_process(screen, 1);
		return true;
	case 'p':
		select_process(screen, screen->count - 1);
		return true;
	default:
		return false;
	}
}

enum screen_answer screen__keys(struct screen *screen)
{
	bool changed = false;
	int key;

	while ((key = getch()) != ERR) {
		if (key == 'q' || key == 'Q')
			return SCREEN_QUIT;
		if (key == 'h' || key == '?')
			screen->help = !screen->help;
		else if (key == ' ')
			toggle_pause(screen);
		else if (key != KEY_RESIZE && !press_view(screen, key) && !press_move(screen, key))
			continue;
		changed = true;
	}
	if (changed)
		draw(screen);
	return SCREEN_GOES_ON;
}
