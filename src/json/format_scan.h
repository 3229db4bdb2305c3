/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* A text being read from the left, for the format checks: each take_...() steps over what it accepts. */
#ifndef GK_JSON_FORMAT_SCAN_H
#define GK_JSON_FORMAT_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

typedef struct scan {
	const char *at, *end;
} scan;

static inline scan scan_of(const char *text, size_t len)
{
	return (scan){ text, text + len };
}

static inline bool scan_ended(const scan *s)
{
	return s->at == s->end;
}

static inline size_t scan_left(const scan *s)
{
	return (size_t)(s->end - s->at);
}

static inline bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static inline bool is_alpha(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static inline bool is_alnum(char c)
{
	return is_digit(c) || is_alpha(c);
}

static inline bool is_hex(char c)
{
	return is_digit(c) || (is_alpha(c) && (c | 32) <= 'f');
}

/** One character of the set. */
static inline bool take_one(scan *s, const char *set)
{
	if (scan_ended(s) || !*s->at || !strchr(set, *s->at))
		return false;
	s->at++;
	return true;
}

static inline bool take_char(scan *s, char c)
{
	if (scan_ended(s) || *s->at != c)
		return false;
	s->at++;
	return true;
}

/** As many characters of the kind as follow, `max` at most; how many. */
static inline size_t take_run(scan *s, bool (*is_kind)(char), size_t max)
{
	const char *start = s->at;

	while (!scan_ended(s) && (size_t)(s->at - start) < max && is_kind(*s->at))
		s->at++;
	return (size_t)(s->at - start);
}

/** Exactly `digits` digits: their value in `*ret`. */
static inline bool take_number(scan *s, size_t digits, int *ret)
{
	const char *start = s->at;

	if (take_run(s, is_digit, digits) != digits)
		return false;
	for (*ret = 0; start < s->at; start++)
		*ret = *ret * 10 + (*start - '0');
	return true;
}

/** %41 */
static inline bool take_percent(scan *s)
{
	if (scan_left(s) < 3 || s->at[0] != '%' || !is_hex(s->at[1]) || !is_hex(s->at[2]))
		return false;
	s->at += 3;
	return true;
}

#endif
