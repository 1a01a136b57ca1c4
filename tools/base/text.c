/* SPDX-License-Identifier: MIT */
#include "tools/base/text.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

size_t text__character(const unsigned char *s)
{
	uint32_t code = s[0];
	size_t length = code < 0x80 ? 1 : code >> 5 == 6 ? 2 : code >> 4 == 14 ? 3 : 4;
	if (length == 1)
		return code >= ' ' && code != 127;
	if (code < 0xc2 || code > 0xf4)
		return 0;
	code &= 0x7fu >> length;
	for (size_t i = 1; i < length; i++) {
		if (s[i] >> 6 != 2)
			return 0;
		code = code << 6 | (s[i] & 0x3f);
	}
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	bool surrogate = code >= 0xd800 && code < 0xe000;
	if (code < least[length] || code > 0x10ffff || surrogate || (code | 1) == 0xffff ||
	    code < 0xa0)
		return 0;
	return length;
}

void text__xml(FILE *out, const char *text, size_t limit)
{
	const unsigned char *s = (const unsigned char *)text;
	for (; *s && limit > 0; limit--) {
		size_t length = text__character(s);
		switch (*s) {
		case '<':
			fputs("&lt;", out);
			break;
		case '>':
			fputs("&gt;", out);
			break;
		case '&':
			fputs("&amp;", out);
			break;
		case '"':
			fputs("&quot;", out);
			break;
		case '\'':
			fputs("&#39;", out);
			break;
		default:
			if (length)
				fwrite(s, 1, length, out);
			else
				fputs(*s <= ' ' ? " " : "\xef\xbf\xbd", out); /* U+FFFD */
		}
		s += length ? length : 1;
	}
}

size_t text__characters(const char *text)
{
	size_t count = 0;
	for (const unsigned char *s = (const unsigned char *)text; *s; count++) {
		size_t length = text__character(s);
		s += length ? length : 1;
	}
	return count;
}

void text__json(FILE *out, const char *text)
{
	fputc('"', out);
	for (const unsigned char *s = (const unsigned char *)text; *s;) {
		size_t length = text__character(s);

		if (*s == '"' || *s == '\\')
			fprintf(out, "\\%c", *s);
		else if (*s < ' ' || *s == 127 || *s == '<' || *s == '&')
			fprintf(out, "\\u%04x", *s); /* "</script>" would end the script */
		else if (length)
			fwrite(s, 1, length, out);
		else
			fputs("\\ufffd", out);
		s += length ? length : 1;
	}
	fputc('"', out);
}

size_t text__plain(const char *text)
{
	size_t i = 0, length;

	while (text[i] && (length = text__character((const unsigned char *)text + i)))
		i += length;
	return i;
}

char *text__flatten(char *text)
{
	for (size_t i = text__plain(text); text[i]; i += text__plain(text + i)) {
		text[i] = (unsigned char)text[i] <= ' ' ? ' ' : '?';
		i++;
	}
	return text;
}

char *text__utf8(const char *text)
{
	char *copy = strdup(text);

	return copy ? text__flatten(copy) : NULL;
}
