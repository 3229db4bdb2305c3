/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "base/str.h"

#include <stdlib.h>

#define MAX_NEAR_LEN 64                          /* longer names are not compared */
#define EACH(byte)   (UINT64_MAX / 255 * (byte)) /* of eight */

char *gk_str_join(const char *const *texts)
{
	size_t len = 0;
	char *joined, *at;

	for (const char *const *text = texts; *text; text++)
		len += strlen(*text);
	joined = at = malloc(len + 1);
	if (!joined)
		return NULL;
	for (const char *const *text = texts; *text; text++)
		at = stpcpy(at, *text);
	*at = '\0';
	return joined;
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static unsigned min(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

/* Insertions, deletions, replacements and swaps of neighbours; three rows of the usual table. */
static unsigned distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
	unsigned rows[3][MAX_NEAR_LEN + 1];

	for (size_t j = 0; j <= b_len; j++)
		rows[0][j] = (unsigned)j;
	for (size_t i = 1; i <= a_len; i++) {
		unsigned *row = rows[i % 3], *above = rows[(i - 1) % 3], *over = rows[(i + 1) % 3];

		row[0] = (unsigned)i;
		for (size_t j = 1; j <= b_len; j++) {
			char x = lower(a[i - 1]), y = lower(b[j - 1]);

			row[j] = min(above[j - 1] + (x != y), min(above[j], row[j - 1]) + 1);
			if (i > 1 && j > 1 && x == lower(b[j - 2]) && lower(a[i - 2]) == y)
				row[j] = min(row[j], over[j - 2] + 1);
		}
	}
	return rows[a_len % 3][b_len];
}

const char *gk_str_nearest(const char *text, const char *const *candidates)
{
	size_t len = strlen(text);
	unsigned best = len < 2 ? 0 : len < 6 ? 1 : (unsigned)len / 3;
	const char *nearest = NULL;

	if (len > MAX_NEAR_LEN)
		return NULL;
	best++;
	for (; *candidates; candidates++) {
		size_t candidate_len = strlen(*candidates);
		unsigned d;

		if (candidate_len > MAX_NEAR_LEN)
			continue;
		d = distance(text, len, *candidates, candidate_len);
		if (d < best) {
			best = d;
			nearest = *candidates;
		}
	}
	return nearest;
}

/* Whether one of eight bytes is below a blank, be it a tab, or 0x7f. */
static bool has_control(const char *text)
{
	uint64_t bytes, low, high;

	memcpy(&bytes, text, sizeof(bytes));
	low = (bytes - EACH(0x20)) & ~bytes;
	high = bytes ^ EACH(0x7f);
	high = (high - EACH(1)) & ~high;
	return (low | high) & EACH(0x80);
}

bool gk_str_is_clean(const char *text, size_t len)
{
	size_t i = 0;

	while (len - i >= 8 && !has_control(text + i))
		i += 8;
	if (i && len - i < 8 && !has_control(text + len - 8))
		return true; /* the last eight say it of the rest */
	for (; i < len; i++) {
		unsigned char c = (unsigned char)text[i];

		if ((c < 0x20 && c != '\t') || c == 0x7f)
			return false;
	}
	return true;
}

size_t gk_str_decode_utf8(const char *text, size_t len, uint32_t *ret)
{
	static const uint32_t smallest[] = { 0, 0, 0x80, 0x800, 0x10000 };
	unsigned char first = (unsigned char)text[0];
	size_t need;
	uint32_t c;

	if (first < 0x80) {
		*ret = first;
		return 1;
	}
	need = first >= 0xf5 ? 0 : first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc2 ? 2 : 0;
	if (need == 0 || need > len)
		return 0;
	c = first & (0x7fu >> need);
	for (size_t i = 1; i < need; i++) {
		if (((unsigned char)text[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | ((unsigned char)text[i] & 0x3f);
	}
	if (c < smallest[need] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return 0;
	*ret = c;
	return need;
}

size_t gk_str_encode_utf8(uint32_t character, char ret[4])
{
	size_t len = character < 0x80 ? 1 : character < 0x800 ? 2 : character < 0x10000 ? 3 : 4;
	static const unsigned char leads[] = { 0, 0, 0xc0, 0xe0, 0xf0 };

	for (size_t i = len; i-- > 1; character >>= 6)
		ret[i] = (char)(0x80 | (character & 0x3f));
	ret[0] = (char)(leads[len] | character);
	return len;
}

size_t gk_str_valid_utf8(const char *text, size_t len)
{
	size_t at = 0;

	while (at < len) {
		uint32_t c;
		size_t step = gk_str_decode_utf8(text + at, len - at, &c);

		if (step == 0)
			break;
		at += step;
	}
	return at;
}

static bool eight_are_ascii(const char *text)
{
	uint64_t word;

	memcpy(&word, text, sizeof(word));
	return (word & UINT64_C(0x8080808080808080)) == 0;
}

size_t gk_str_utf16_len(const char *text, size_t len)
{
	size_t units = 0;

	for (size_t i = 0; i < len;) {
		unsigned char c;

		if (i + 8 <= len && eight_are_ascii(text + i)) {
			units += 8;
			i += 8;
			continue;
		}
		c = (unsigned char)text[i++];
		units += (c & 0xc0) != 0x80;
		units += c >= 0xf0;
	}
	return units;
}
