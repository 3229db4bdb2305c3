/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "core/uri_template.h"

#include <ctype.h>
#include <string.h>

#define OPERATORS "+#./;?&"

/* One expression and the literal behind it. */
typedef struct piece {
	char prefix;         /* what its text starts with; '\0': nothing */
	char operator_;      /* '\0': plain */
	const char *literal; /* up to the next expression or the end */
	size_t literal_len;
	bool is_last;
	const char *next; /* the rest of the template, at the next '{' */
} piece;

static piece read_piece(const char *open)
{
	const char *close = strchr(open, '}'), *end;
	piece it = { 0 };

	it.operator_ = open[1] && strchr(OPERATORS, open[1]) ? open[1] : '\0';
	it.prefix = it.operator_ == '+' ? '\0' : it.operator_;
	it.literal =
		close ? close + 1 : open + strlen(open); /* an unclosed one reaches to the end */
	end = strchr(it.literal, '{');
	it.is_last = !end;
	it.next = end ? end : it.literal + strlen(it.literal);
	it.literal_len = (size_t)(it.next - it.literal);
	return it;
}

static const char *find_literal(const char *text, const char *literal, size_t len)
{
	for (; *text; text++)
		if (strncmp(text, literal, len) == 0)
			return text;
	return NULL;
}

/* Where the text of an expression ends. */
static const char *extent(const piece *it, const char *uri)
{
	const char *end = uri + strlen(uri), *found;
	char next_prefix;

	if (it->is_last) {
		size_t left = (size_t)(end - uri);

		return left >= it->literal_len ? end - it->literal_len : uri;
	}
	if (it->literal_len) {
		found = find_literal(uri, it->literal, it->literal_len);
		return found ? found : uri;
	}
	next_prefix = read_piece(it->next).prefix;
	found = next_prefix ? strchr(uri, next_prefix) : NULL;
	return found ? found : end;
}

/* Strictly, a plain {x} is one or more unreserved or escaped characters, and {+x} also takes reserved ones. */
static bool is_strict_value(const piece *it, const char *from, const char *to)
{
	if (it->operator_ == '+' || it->operator_ == '#')
		return to > from;
	if (it->prefix)
		from++;
	if (from >= to)
		return it->prefix != '\0';
	for (; from < to; from++)
		if (!isalnum((unsigned char)*from) && !strchr("-._~%,", *from) &&
			!(it->prefix && strchr("=;&/", *from)))
			return false;
	return true;
}

bool gk_uri_template_matches(const char *uri_template, const char *uri, bool is_strict)
{
	const char *open = strchr(uri_template, '{');
	size_t len = open ? (size_t)(open - uri_template) : strlen(uri_template);

	if (strncmp(uri_template, uri, len) != 0)
		return false;
	uri += len;
	while (open) {
		piece it = read_piece(open);

		if (!it.prefix || *uri == it.prefix) {
			const char *end = extent(&it, uri);

			if (is_strict && !is_strict_value(&it, uri, end))
				return false;
			uri = end;
		}
		if (strncmp(uri, it.literal, it.literal_len) != 0)
			return false;
		uri += it.literal_len;
		open = it.is_last ? NULL : it.next;
	}
	return *uri == '\0';
}
