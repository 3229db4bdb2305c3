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

static inline bool gk_json_word_is_plain(const char *text)
{
	return gk_json_specials(text) == 0;
}

/* The same for four to seven bytes: two halves that overlap. */
static inline bool gk_json_few_are_plain(const char *text, size_t len)
{
	char word[8];

	memcpy(word, text, 4);
	memcpy(word + 4, text + len - 4, 4);
	return gk_json_word_is_plain(word);
}

/** Length of the run of plain ASCII characters that `text` begins with. */
static inline size_t gk_json_plain_run(const char *text, size_t len)
{
	size_t at = 0;

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
