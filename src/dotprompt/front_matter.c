/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * The expression of the reference, with comments and blank lines allowed before it:
 *
 *	^---\s*(?:\r\n|\r|\n)([\s\S]*?)(?:\r\n|\r|\n)---\s*(?:\r\n|\r|\n)([\s\S]*)$
 *
 * Its \s* takes line ends too and gives them back one by one, so the matter begins behind the last line end of the white
 * space after the dashes for which all the rest fits.
 */
#include "dotprompt/front_matter.h"

#include "dotprompt/text.h"

#define DASHES "---"

size_t gk_front_matter_skip(const char *text, size_t len)
{
	size_t at = 0;

	while (at < len) {
		const char *end = memchr(text + at, '\n', len - at);
		size_t blank = at;

		if (!end)
			break;
		while (text[blank] == ' ' || text[blank] == '\t')
			blank++;
		if (text[blank] == '\r' && text[blank + 1] == '\n')
			blank++;
		if (text[at] != '#' && text + blank != end)
			break;
		at = (size_t)(end - text) + 1;
	}
	return at;
}

static bool has_dashes(const char *text, size_t len, size_t at)
{
	return len - at >= 3 && memcmp(text + at, DASHES, 3) == 0;
}

static bool is_line_end(char c)
{
	return c == '\n' || c == '\r';
}

/* Behind the last line end of the white space at `at`; 0: there is none in it. */
static size_t after_line_end(const char *text, size_t len, size_t at)
{
	size_t end = at + gk_text_leading(text + at, len - at);

	while (end > at && !is_line_end(text[end - 1]))
		end--;
	return end > at ? end : 0;
}

/* The first line of dashes that ends the matter: where the line before it ends, and where the body begins. */
static bool find_close(const char *text, size_t len, size_t from, gk_front_matter *ret)
{
	for (size_t at = from; at < len; at++) {
		size_t behind = at + 1;

		if (!is_line_end(text[at]))
			continue;
		if (text[at] == '\r' && behind < len && text[behind] == '\n')
			behind++;
		if (!has_dashes(text, len, behind))
			continue;
		ret->end = at;
		ret->body = after_line_end(text, len, behind + 3);
		if (ret->body > 0)
			return true;
	}
	return false;
}

bool gk_front_matter_find(const char *text, size_t len, gk_front_matter *ret)
{
	size_t first = gk_front_matter_skip(text, len), begin;

	if (!has_dashes(text, len, first))
		return false;
	begin = after_line_end(text, len, first + 3);
	for (; begin > first + 3; begin--) {
		if (!is_line_end(text[begin - 1]) || !find_close(text, len, begin, ret))
			continue;
		ret->begin = begin;
		return ret->end > begin;
	}
	return false;
}
