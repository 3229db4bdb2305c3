/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* What the readers of JSON share below the level of values: places in the text, numbers, \uXXXX. */
#ifndef GK_JSON_LITERAL_H
#define GK_JSON_LITERAL_H

#include "base/parse.h"

#include <genkit/json.h>

/** Line and column of `at`, both from 1; columns count characters. */
static inline void gk_json_locate(
	const char *start, const char *at, unsigned *line_ret, unsigned *column_ret)
{
	*line_ret = 1;
	*column_ret = 1;
	for (const char *c = start; c < at; c++) {
		if (*c == '\n') {
			++*line_ret;
			*column_ret = 1;
		} else if (((unsigned char)*c & 0xc0) != 0x80) {
			++*column_ret;
		}
	}
}

static inline const char *gk_json_skip_digits(const char *at, const char *end)
{
	while (at < end && *at >= '0' && *at <= '9')
		at++;
	return at;
}

/** The end of the number that begins at `at`: - ? (0 | [1-9] digits) (. digits)? ([eE] [-+]? digits)?
 * NULL: it is none, and `*bad_ret` is the first character that does not fit. */
static inline const char *gk_json_number_end(
	const char *at, const char *end, bool *is_real_ret, const char **bad_ret)
{
	const char *begin;

	at += at < end && *at == '-';
	begin = at;
	at = gk_json_skip_digits(at, end);
	*is_real_ret = false;
	if (at == begin || (*begin == '0' && at > begin + 1)) {
		*bad_ret = at == begin ? at : begin + 1;
		return NULL;
	}
	if (at < end && *at == '.') {
		*is_real_ret = true;
		begin = ++at;
		at = gk_json_skip_digits(at, end);
	}
	if (at > begin && at < end && (*at | 0x20) == 'e') {
		*is_real_ret = true;
		at++;
		if (at < end && (*at == '-' || *at == '+'))
			at++;
		begin = at;
		at = gk_json_skip_digits(at, end);
	}
	if (at > begin)
		return at;
	*bad_ret = at;
	return NULL;
}

/** The value of a number's text; false: it is beyond what a double holds. NULL in `*ret`: memory ran out. */
static inline bool gk_json_number(const char *begin, const char *end, bool is_real, json_t **ret)
{
	int64_t whole;
	double real;

	if (!is_real && gk_parse_i64(begin, (size_t)(end - begin), &whole))
		*ret = json_integer(whole);
	else if (gk_parse_real(begin, (size_t)(end - begin), &real))
		*ret = json_real(real);
	else
		return false;
	return true;
}

/** -1: it is none. */
static inline int gk_json_hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/** The number that `count` hexadecimal digits at `at` make; -1: they are not there. */
static inline int32_t gk_json_hex(const char *at, const char *end, int count)
{
	int32_t value = 0;

	if (end - at < count)
		return -1;
	for (int i = 0; i < count; i++) {
		int digit = gk_json_hex_digit(at[i]);

		if (digit < 0)
			return -1;
		value = value << 4 | digit;
	}
	return value;
}

/** Reads a "\uXXXX" whose digits begin at `*at`, and the other half of a surrogate behind it; a surrogate without its other
 * half is U+FFFD, and what follows it stands for itself. -1: the digits are not there. */
static inline int32_t gk_json_unicode_escape(const char **at, const char *end)
{
	int32_t c = gk_json_hex(*at, end, 4), low;

	if (c < 0)
		return -1;
	*at += 4;
	if (c < 0xd800 || c > 0xdfff)
		return c;
	low = c < 0xdc00 && end - *at >= 6 && (*at)[0] == '\\' && (*at)[1] == 'u'
		      ? gk_json_hex(*at + 2, end, 4)
		      : -1;
	if (low < 0xdc00 || low > 0xdfff)
		return 0xfffd;
	*at += 6;
	return 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
}

#endif
