/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "base/parse.h"

#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A double is decided by its first 767 significant digits and by whether anything follows them. */
#define MAX_REAL_DIGITS 770
/* Powers of ten up to this one are exact doubles, and so is every integer up to MAX_EXACT_INT. */
#define MAX_EXACT_POWER 22
#define MAX_EXACT_INT   (UINT64_C(1) << 53)

static const double powers_of_ten[MAX_EXACT_POWER + 1] = { 1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7,
	1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22 };

/* A number's text taken apart: digits * 10^exponent. */
typedef struct decimal {
	bool negative;
	bool inexact;      /* `first` does not hold all of it */
	uint64_t first;    /* the first 19 significant digits */
	int64_t exponent;  /* of `first` while it is exact */
	const char *point; /* where the '.' is; NULL: none */
	const char *digits, *end;
	int64_t written; /* the exponent in the text */
} decimal;

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

bool gk_parse_u64(const char *text, size_t len, uint64_t *ret)
{
	uint64_t value = 0;

	if (len == 0)
		return false;
	for (size_t i = 0; i < len; i++)
		if (!is_digit(text[i]) || __builtin_mul_overflow(value, 10, &value) ||
			__builtin_add_overflow(value, (uint64_t)(text[i] - '0'), &value))
			return false;
	*ret = value;
	return true;
}

bool gk_parse_i64(const char *text, size_t len, int64_t *ret)
{
	bool negative = len > 0 && text[0] == '-';
	size_t sign = len > 0 && (negative || text[0] == '+');
	uint64_t value;

	if (!gk_parse_u64(text + sign, len - sign, &value) ||
		value > (uint64_t)INT64_MAX + negative)
		return false;
	*ret = negative ? (int64_t)(0 - value) : (int64_t)value;
	return true;
}

/* --- reals --- */

static bool scan_exponent(const char *at, const char *end, int64_t *ret)
{
	bool negative = at < end && *at == '-';
	int64_t value = 0;

	if (at < end && (*at == '-' || *at == '+'))
		at++;
	if (at == end)
		return false;
	for (; at < end; at++) {
		if (!is_digit(*at))
			return false;
		if (value < INT64_MAX / 100)
			value = value * 10 + (*at - '0');
	}
	*ret = negative ? -value : value;
	return true;
}

/* [-+]? (digits [. digits?] | . digits) ([eE] [-+]? digits)? */
static bool scan_decimal(const char *text, size_t len, decimal *ret)
{
	const char *at = text, *end = text + len;
	decimal d = { 0 };
	unsigned taken = 0;
	bool any = false;

	if (at < end && (*at == '-' || *at == '+'))
		d.negative = *at++ == '-';
	d.digits = at;
	for (; at < end; at++) {
		if (*at == '.' && !d.point) {
			d.point = at;
			continue;
		}
		if (!is_digit(*at))
			break;
		any = true;
		if (taken < 19) {
			d.first = d.first * 10 + (uint64_t)(*at - '0');
			taken += d.first != 0;
			d.exponent -= d.point != NULL;
		} else {
			d.inexact |= *at != '0';
			d.exponent += d.point == NULL;
		}
	}
	d.end = at;
	if (!any)
		return false;
	if (at < end && (*at == 'e' || *at == 'E')) {
		if (!scan_exponent(at + 1, end, &d.written))
			return false;
		at = end;
	}
	d.exponent += d.written;
	*ret = d;
	return at == end;
}

static locale_t c_locale(void)
{
	return newlocale(
		LC_ALL_MASK, "C", (locale_t)0); /* a constant of the C library: nothing to free */
}

/* The exact value, by the C library: its text rewritten as DIGITSeEXPONENT, which no locale reads otherwise. */
static double read_slowly(const decimal *d)
{
	char text[MAX_REAL_DIGITS + 32];
	size_t len = 0;
	int64_t exponent = d->written;
	bool sticky = false;

	for (const char *at = d->digits; at < d->end; at++) {
		if (at == d->point)
			continue;
		if (len < MAX_REAL_DIGITS) {
			if (len > 0 || *at != '0')
				text[len++] = *at;
			exponent -= d->point && at > d->point;
		} else {
			sticky |= *at != '0';
			exponent += !d->point || at < d->point;
		}
	}
	if (len == 0)
		return 0;
	if (sticky) {
		text[len++] = '1';
		exponent--;
	}
	snprintf(text + len, sizeof(text) - len, "e%lld", (long long)exponent);
	return strtod_l(text, NULL, c_locale());
}

bool gk_parse_real(const char *text, size_t len, double *ret)
{
	decimal d;
	double value;

	if (!scan_decimal(text, len, &d))
		return false;
	if (d.inexact || d.first > MAX_EXACT_INT || d.exponent < -MAX_EXACT_POWER ||
		d.exponent > MAX_EXACT_POWER)
		value = read_slowly(&d);
	else if (d.exponent < 0)
		value = (double)d.first / powers_of_ten[-d.exponent]; /* one rounding: exact */
	else
		value = (double)d.first * powers_of_ten[d.exponent];
	if (isinf(value))
		return false;
	*ret = d.negative ? -value : value;
	return true;
}

/* --- durations and sizes --- */

typedef struct unit {
	const char *name;
	uint64_t factor;
} unit;

static bool parse_with_unit(const char *text, const unit *units, uint64_t *ret)
{
	size_t digits = strspn(text, "0123456789");
	uint64_t value;

	if (!gk_parse_u64(text, digits, &value))
		return false;
	for (const unit *u = units; u->name; u++)
		if (strcmp(u->name, text + digits) == 0)
			return !__builtin_mul_overflow(value, u->factor, &value) &&
			       (*ret = value, true);
	return false;
}

bool gk_parse_duration_ms(const char *text, uint64_t *ret)
{
	static const unit units[] = { { "ms", 1 }, { "s", 1000 }, { "", 1000 }, { "m", 60000 },
		{ "h", 3600000 }, { "d", 86400000 }, { NULL, 0 } };

	return parse_with_unit(text, units, ret);
}

bool gk_parse_size(const char *text, uint64_t *ret)
{
	static const unit units[] = { { "", 1 }, { "K", 1u << 10 }, { "KiB", 1u << 10 },
		{ "M", 1u << 20 }, { "MiB", 1u << 20 }, { "G", 1u << 30 }, { "GiB", 1u << 30 },
		{ NULL, 0 } };

	return parse_with_unit(text, units, ret);
}
