/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "base/number.h"

#include "base/parse.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define MAX_DIGITS 17     /* that tell any double from all others */
#define MAX_WHOLE  0x1p53 /* integers below are doubles of their own */
#define LOG10_OF_2 0.30102999566398120

/* A positive number as 0.DIGITS * 10^point. */
typedef struct shortest {
	char digits[MAX_DIGITS + 1];
	unsigned count;
	int point;
} shortest;

static const uint64_t powers_of_ten[] = { 1u, 10u, 100u, 1000u, 10000u, 100000u, 1000000u,
	10000000u, 100000000u, 1000000000u, 10000000000u, 100000000000u, 1000000000000u,
	10000000000000u, 100000000000000u, 1000000000000000u, 10000000000000000u,
	100000000000000000u, 1000000000000000000u, 10000000000000000000u };

/* The number of bits tells it, or one too few. */
static size_t count_digits(uint64_t value)
{
	unsigned bits = 64 - (unsigned)__builtin_clzll(value | 1);
	unsigned below = bits * 1233 >> 12; /* by the logarithm of 2 */

	return below + ((value | 1) >= powers_of_ten[below]);
}

static size_t put_u64(uint64_t value, char *ret)
{
	static const char pairs[] = "0001020304050607080910111213141516171819"
				    "2021222324252627282930313233343536373839"
				    "4041424344454647484950515253545556575859"
				    "6061626364656667686970717273747576777879"
				    "8081828384858687888990919293949596979899";
	size_t len = count_digits(value), at = len;

	for (; value >= 100; value /= 100) {
		at -= 2;
		memcpy(ret + at, pairs + value % 100 * 2, 2);
	}
	if (value >= 10)
		memcpy(ret, pairs + value * 2, 2);
	else
		*ret = (char)('0' + value);
	return len;
}

size_t gk_format_i64(int64_t value, char ret[GK_NUMBER_SIZE])
{
	size_t sign = value < 0, len;

	ret[0] = '-';
	len = sign + put_u64(value < 0 ? 0 - (uint64_t)value : (uint64_t)value, ret + sign);
	ret[len] = '\0';
	return len;
}

typedef unsigned __int128 u128;

/* Up to 10^21. */
static u128 power_of_ten(int power)
{
	return power < 20 ? powers_of_ten[power]
			  : (u128)powers_of_ten[19] * powers_of_ten[power - 19];
}

static void drop_zeros(shortest *s)
{
	while (s->count > 1 && s->digits[s->count - 1] == '0')
		s->count--;
}

/*
 * A number m * 2^e, where everything that reads back as it lies within half a unit of m around it (a quarter below
 * where m is a power of two). Four times the number, by the power of ten that leaves 17 digits before the point, fits
 * 128 bits together with its fraction, and so do the distances; all is exact.
 *
 *	4 * m * 10^power = value = (digits << shift) + fraction		half a unit = 2 * 10^power
 */
typedef struct scaled {
	u128 value, above, below; /* how far it is to the ends of what reads back */
	int shift, power;
	bool with_ends; /* of two doubles the even one takes what lies in the middle */
} scaled;

/* From 1e-4 to 2^53; false outside, where 128 bits do not do. */
static bool scale(double value, scaled *ret)
{
	const uint64_t top = UINT64_C(1) << 52;
	uint64_t bits, m;
	int exponent, power;

	if (value < 1e-4 || value >= MAX_WHOLE)
		return false;
	memcpy(&bits, &value, sizeof(bits));
	m = (bits & (top - 1)) | top;
	exponent = (int)(bits >> 52) - 1075;
	power = MAX_DIGITS - 1 - (int)floor((exponent + 52) * LOG10_OF_2); /* or one less */
	if ((4 * m * power_of_ten(power)) >> (2 - exponent) >= power_of_ten(MAX_DIGITS))
		power--;
	*ret = (scaled){
		.value = 4 * m * power_of_ten(power),
		.above = 2 * power_of_ten(power),
		.below = (m == top ? 1 : 2) * power_of_ten(power),
		.shift = 2 - exponent,
		.power = power,
		.with_ends = m % 2 == 0,
	};
	return true;
}

/* The nearest multiple of `step` that reads back as the number; false when none does. */
static bool round_to_multiple(const scaled *s, uint64_t step, uint64_t *ret)
{
	uint64_t digits = (uint64_t)(s->value >> s->shift), floor_of = digits - digits % step;
	u128 down = s->value - ((u128)floor_of << s->shift);
	u128 up = ((u128)step << s->shift) - down;
	bool hits_down = down < s->below || (s->with_ends && down == s->below);
	bool hits_up = up < s->above || (s->with_ends && up == s->above);
	bool odd = floor_of / step % 2 == 1;

	if (!hits_down && !hits_up)
		return false;
	*ret = floor_of;
	if (hits_up && (!hits_down || up < down || (up == down && odd)))
		*ret += step;
	return true;
}

static bool find_in_128_bits(double value, shortest *ret)
{
	uint64_t digits, step = 100;
	scaled s;

	if (!scale(value, &s))
		return false;
	/* 15 digits, 16, 17: the last always do. Less than 15 are 15 with zeros at the end, because no two numbers of
	 * 15 digits are so close that both read back. */
	while (!round_to_multiple(&s, step, &digits))
		step /= 10;
	ret->count = (unsigned)put_u64(digits, ret->digits);
	ret->point = (int)ret->count - s.power;
	drop_zeros(ret);
	return true;
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
		if (*at >= '0' && *at <= '9')
			ret->digits[ret->count++] = *at;
	(void)gk_parse_i64(at + 1, strlen(at + 1), &exponent);
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
	unsigned count = value < 1e-290 ? 1 : 15; /* the smallest doubles have few digits */

	if (find_in_128_bits(value, ret))
		return;
	/* The long way, for the very large and the very small. */
	for (; count <= MAX_DIGITS; count++)
		if (round_to(value, count, ret) == value || next_up_hits(value, ret))
			break;
	drop_zeros(ret);
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
	if (fabs(value) < MAX_WHOLE && value == (double)(int64_t)value)
		return gk_format_i64((int64_t)value, ret);
	if (value < 0)
		*at++ = '-';
	find_shortest(fabs(value), &s);
	at = lay_out(&s, at);
	*at = '\0';
	return (size_t)(at - ret);
}
