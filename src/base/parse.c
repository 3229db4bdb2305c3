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
/* Up to here each number of as many digits has a double of its own. */
#define MAX_UNIQUE 1e15
#define MAX_DIGITS 17

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

/* --- writing --- */

/* A positive number as 0.DIGITS * 10^point. */
typedef struct shortest {
	char digits[MAX_DIGITS + 1];
	unsigned count;
	int point;
} shortest;

static size_t put_u64(uint64_t value, char *ret)
{
	static const char pairs[] = "0001020304050607080910111213141516171819"
				    "2021222324252627282930313233343536373839"
				    "4041424344454647484950515253545556575859"
				    "6061626364656667686970717273747576777879"
				    "8081828384858687888990919293949596979899";
	char text[20];
	size_t at = sizeof(text);

	while (value >= 100) {
		at -= 2;
		memcpy(text + at, pairs + value % 100 * 2, 2);
		value /= 100;
	}
	if (value >= 10) {
		at -= 2;
		memcpy(text + at, pairs + value * 2, 2);
	} else {
		text[--at] = (char)('0' + value);
	}
	memcpy(ret, text + at, sizeof(text) - at);
	return sizeof(text) - at;
}

size_t gk_format_i64(int64_t value, char ret[GK_NUMBER_SIZE])
{
	size_t sign = value < 0, len;

	ret[0] = '-';
	len = sign + put_u64(value < 0 ? 0 - (uint64_t)value : (uint64_t)value, ret + sign);
	ret[len] = '\0';
	return len;
}

/* Up to fifteen digits: the first power of ten that makes it an integer which divides back to the same double. That
 * is exact, because both integer and power are, and nothing shorter was found before. */
static bool find_short(double value, shortest *ret)
{
	for (int power = 1; power <= MAX_EXACT_POWER; power++) {
		double scaled = value * powers_of_ten[power];
		uint64_t whole;

		if (scaled >= MAX_UNIQUE)
			return false;
		whole = (uint64_t)(scaled + 0.5);
		if ((double)whole / powers_of_ten[power] == value) {
			ret->count = (unsigned)put_u64(whole, ret->digits);
			ret->point = (int)ret->count - power;
			return true;
		}
	}
	return false;
}

/* The digits of the C library's "d.ddde+xx", whatever the locale's decimal point, and their value. */
static double round_to(double value, unsigned count, shortest *ret)
{
	char text[64];
	const char *at = text;
	int64_t exponent = 0;
	double back = 0;
	int len;

	ret->count = 0;
	snprintf(text, sizeof(text), "%.*e", (int)count - 1, value);
	for (; *at != 'e'; at++)
		if (is_digit(*at))
			ret->digits[ret->count++] = *at;
	(void)scan_exponent(at + 1, at + strlen(at), &exponent);
	ret->point = (int)exponent + 1;
	len = snprintf(
		text, sizeof(text), "%.*se%d", (int)count, ret->digits, ret->point - (int)count);
	(void)gk_parse_real(text, (size_t)len, &back);
	return back;
}

/* Below a power of two the doubles lie twice as dense as above it, so the nearest decimal may miss where the next
 * one up hits. */
static bool next_up_hits(double value, shortest *ret)
{
	char text[64];
	double back = 0;
	int exponent, len;
	shortest up = *ret;

	if (frexp(value, &exponent) != 0.5 || up.digits[up.count - 1] == '9')
		return false;
	up.digits[up.count - 1]++;
	len = snprintf(
		text, sizeof(text), "%.*se%d", (int)up.count, up.digits, up.point - (int)up.count);
	if (!gk_parse_real(text, (size_t)len, &back) || back != value)
		return false;
	*ret = up;
	return true;
}

static void find_shortest(double value, shortest *ret)
{
	unsigned count =
		value < 1e-290 ? 1 : 15; /* the smallest doubles have less than fifteen digits */

	if (find_short(value, ret))
		return;
	for (; count <= MAX_DIGITS; count++)
		if (round_to(value, count, ret) == value || next_up_hits(value, ret))
			break;
	while (ret->count > 1 && ret->digits[ret->count - 1] == '0')
		ret->count--;
}

static char *put(char *at, const char *text, size_t len)
{
	memcpy(at, text, len);
	return at + len;
}

static char *put_zeros(char *at, int count)
{
	memset(at, '0', (size_t)count);
	return at + count;
}

/* Number::toString of ECMAScript. */
static char *lay_out(const shortest *s, char *at)
{
	int count = (int)s->count, point = s->point;

	if (count <= point && point <= 21) {
		at = put(at, s->digits, s->count);
		return put_zeros(at, point - count);
	}
	if (0 < point && point <= 21) {
		at = put(at, s->digits, (size_t)point);
		*at++ = '.';
		return put(at, s->digits + point, (size_t)(count - point));
	}
	if (-6 < point && point <= 0) {
		at = put(at, "0.", 2);
		at = put_zeros(at, -point);
		return put(at, s->digits, s->count);
	}
	*at++ = s->digits[0];
	if (count > 1) {
		*at++ = '.';
		at = put(at, s->digits + 1, s->count - 1);
	}
	*at++ = 'e';
	*at++ = point > 0 ? '+' : '-';
	return at + put_u64((uint64_t)(point > 0 ? point - 1 : 1 - point), at);
}

size_t gk_format_real(double value, char ret[GK_NUMBER_SIZE])
{
	char *at = ret;
	shortest s;

	if (!isfinite(value)) {
		memcpy(ret, "null", 5);
		return 4;
	}
	if (fabs(value) < MAX_UNIQUE && value == (double)(int64_t)value)
		return gk_format_i64((int64_t)value, ret);
	if (value < 0)
		*at++ = '-';
	find_shortest(fabs(value), &s);
	at = lay_out(&s, at);
	*at = '\0';
	return (size_t)(at - ret);
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
