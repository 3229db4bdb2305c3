/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * A template is literals with expressions between them, and a URI is walked along it: a literal must come next, an
 * expression takes what the pieces behind it leave.
 *
 *	menu://{day}/lunch{?kind}	literal "menu://", {day} and its literal "/lunch", {?kind} and its literal ""
 */
#include "core/uri_template.h"

#include "base/str.h"

#include <string.h>

#define OPERATORS  "+#./;?&"
#define UNRESERVED "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"

/* One expression and the literal behind it. */
typedef struct piece {
	char operator_;      /* '\0': plain */
	char prefix;         /* what its text starts with; '\0': nothing */
	const char *literal; /* up to the next expression or the end */
	size_t literal_len;
	const char *next; /* the next expression's '{'; NULL: this is the last */
} piece;

/* An expression that is not closed reaches to the end of the template. */
static piece read_piece(const char *open)
{
	const char *close = strchr(open, '}');
	piece it = { 0 };

	if (open[1] && strchr(OPERATORS, open[1]))
		it.operator_ = open[1];
	it.prefix = it.operator_ == '+' ? '\0' : it.operator_;
	it.literal = close ? close + 1 : open + strlen(open);
	it.next = strchr(it.literal, '{');
	it.literal_len = it.next ? (size_t)(it.next - it.literal) : strlen(it.literal);
	return it;
}

/* Where the text of an expression ends: before the literal at the end of the URI, the first occurrence of the literal
 * behind it, or the prefix of the next expression. Of neighbours with nothing between them the first takes all. NULL: no
 * such URI. */
static const char *find_end(piece it, const char *uri, const char *end)
{
	const char *found;
	char prefix;

	for (;; it = read_piece(it.next)) {
		if (!it.next)
			return (size_t)(end - uri) >= it.literal_len ? end - it.literal_len : NULL;
		if (it.literal_len) {
			found = memmem(uri, (size_t)(end - uri), it.literal, it.literal_len);
			return found ? found : uri;
		}
		prefix = read_piece(it.next).prefix;
		if (prefix) {
			found = memchr(uri, prefix, (size_t)(end - uri));
			return found ? found : end;
		}
	}
}

static int hex_digit(char c)
{
	const char *digits = "0123456789abcdefABCDEF", *found = c ? strchr(digits, c) : NULL;

	if (!found)
		return -1;
	return (int)(found - digits) < 16 ? (int)(found - digits) : (int)(found - digits) - 6;
}

/* What the "%XX" at `text` stands for; -1: it is none. */
static int read_escape(const char *text, const char *end)
{
	int high = end - text >= 3 && *text == '%' ? hex_digit(text[1]) : -1;
	int low = high >= 0 ? hex_digit(text[2]) : -1;

	return low < 0 ? -1 : high * 16 + low;
}

/* Behind the character whose escapes begin at `text`; NULL: they are malformed. */
static const char *skip_escaped(const char *text, const char *end)
{
	char bytes[4];
	uint32_t character;

	for (size_t count = 0; count < sizeof(bytes); text += 3) {
		int byte = read_escape(text, end);

		if (byte < 0)
			return NULL;
		bytes[count++] = (char)byte;
		if (gk_str_decode_utf8(bytes, count, &character))
			return text + 3;
	}
	return NULL;
}

/* JavaScript refuses to decode what is no escape, and escapes that give no UTF-8. */
static bool is_decodable(const char *text, const char *end)
{
	while ((text = memchr(text, '%', (size_t)(end - text))) != NULL) {
		text = skip_escaped(text, end);
		if (!text)
			return false;
	}
	return true;
}

/* Strictly, {x} is one or more unreserved or escaped characters; an operator adds what it puts between its values. */
static bool is_strict_text(const piece *it, const char *text, const char *end)
{
	static const char separators[] = "/;?&=";

	if (it->operator_ == '+' || it->operator_ == '#')
		return end > text;
	if (!it->prefix && text == end)
		return false;
	for (; text < end; text++)
		if (!strchr(UNRESERVED ",%", *text) && !(it->prefix && strchr(separators, *text)))
			return false;
	return true;
}

static bool takes(const piece *it, const char *text, const char *end, bool is_strict)
{
	if (is_strict && !is_strict_text(it, text, end))
		return false;
	return it->operator_ == '+' || it->operator_ == '#' || is_decodable(text, end);
}

bool gk_uri_template_matches(const char *uri_template, const char *uri, bool is_strict)
{
	const char *open = strchr(uri_template, '{'), *end = uri + strlen(uri);
	size_t len = open ? (size_t)(open - uri_template) : strlen(uri_template);

	if (strncmp(uri_template, uri, len) != 0)
		return false;
	uri += len;
	while (open) {
		piece it = read_piece(open);

		if (!it.prefix || *uri == it.prefix) {
			const char *text = uri;

			uri = find_end(it, text, end);
			if (!uri || !takes(&it, text, uri, is_strict))
				return false;
		}
		if (strncmp(uri, it.literal, it.literal_len) != 0)
			return false;
		uri += it.literal_len;
		open = it.next;
	}
	return uri == end;
}
