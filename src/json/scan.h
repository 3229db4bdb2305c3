/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* What reader and writer share: how far a string goes on without anything that needs care. */
#ifndef GK_JSON_SCAN_H
#define GK_JSON_SCAN_H

#include <endian.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define GK_JSON_ONES  UINT64_C(0x0101010101010101)
#define GK_JSON_HIGHS (GK_JSON_ONES << 7)

/* A quote, a backslash, a control character or a byte beyond ASCII. */
static inline bool gk_json_is_special(unsigned char c)
{
	return c < 0x20 || c >= 0x80 || c == '"' || c == '\\';
}

/* The usual tricks on eight bytes at once: the top bit of each byte that is below 0x20, equal to a quote, equal to a backslash
 * or has its top bit. It may err only after a byte that is special, so that the first one is exact: the lowest bit. */
static inline uint64_t gk_json_specials(const char *text)
{
	uint64_t word, quote, slash;

	memcpy(&word, text, sizeof(word));
	word = htole64(word);
	quote = word ^ GK_JSON_ONES * '"';
	slash = word ^ GK_JSON_ONES * '\\';
	return (word | (word - GK_JSON_ONES * 0x20) | (quote - GK_JSON_ONES) |
		       (slash - GK_JSON_ONES)) &
	       GK_JSON_HIGHS;
}

typedef signed char gk_json_bytes __attribute__((vector_size(16)));
typedef uint64_t gk_json_halves __attribute__((vector_size(16)));

/* Whether none of sixteen bytes is special. One comparison finds those below 0x20 and those with their top bit. */
static inline bool gk_json_are_plain(gk_json_halves halves)
{
	gk_json_bytes bytes = (gk_json_bytes)halves;
	gk_json_halves plain =
		(gk_json_halves)((bytes > 0x1f) & ~((bytes == '"') | (bytes == '\\')));

	return (plain[0] & plain[1]) == UINT64_MAX;
}

/** Length of the run of plain ASCII characters that `text` begins with. */
static inline size_t gk_json_plain_run(const char *text, size_t len)
{
	size_t at = 0;

	for (; at + 16 <= len; at += 16) {
		gk_json_halves halves;

		memcpy(&halves, text + at, 16);
		if (!gk_json_are_plain(halves))
			break;
	}
	for (; at + 8 <= len; at += 8) {
		uint64_t specials = gk_json_specials(text + at);

		if (specials)
			return at + (size_t)__builtin_ctzll(specials) / 8;
	}
	while (at < len && !gk_json_is_special((unsigned char)text[at]))
		at++;
	return at;
}

#endif
