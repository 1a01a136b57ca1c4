/* SPDX-License-Identifier: MIT */
/* Names come from files that anybody may have written; these make them safe in others. */
#ifndef HAK_TEXT_H
#define HAK_TEXT_H

#include <stddef.h>
#include <stdio.h>

/* Bytes of the UTF-8 character at `s` that XML and JSON allow; 0 when there is none. */
size_t text__character(const unsigned char *s);

/* How many characters, where a byte that is in none counts as one. */
size_t text__characters(const char *text);

/* At most `limit` characters, so that it is text in any XML file, in elements and attributes. */
void text__xml(FILE *out, const char *text, size_t limit);

/* As a JSON string, quotes included, that may also stand in a <script> of an HTML page. */
void text__json(FILE *out, const char *text);

/* How many bytes at the start of `text` are characters that may be shown: all, in most names. */
size_t text__plain(const char *text);

/* Makes one line of plain text of it, in place: a byte that is in no character becomes '?', a
 * control character a space or '?'. Returns it. */
char *text__flatten(char *text);

/* A copy in which every byte that is in no character is '?'; NULL when out of memory. */
char *text__utf8(const char *text);

#endif
