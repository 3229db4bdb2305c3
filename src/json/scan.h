/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* What reader and writer share: how far a string goes on without anything that needs care. */
#ifndef GK_JSON_SCAN_H
#define GK_JSON_SCAN_H

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

/* The usual tricks on eight bytes at once: some byte is below 0x20, equal to a quote, equal to a backslash or has its
 * top bit. It may err only after a byte that is special, so the answer for the whole word is exact. */
static inline bool gk_json_word_is_plain(const char *text)
{
	uint64_t word, quote, slash;

	memcpy(&word, text, sizeof(word));
	quote = word ^ GK_JSON_ONES * '"';
	slash = word ^ GK_JSON_ONES * '\\';
	return ((word | (word - GK_JSON_ONES * 0x20) | (quote - GK_JSON_ONES) |
			(slash - GK_JSON_ONES)) &
		       GK_JSON_HIGHS) == 0;
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

	while (at + 8 <= len && gk_json_word_is_plain(text + at))
		at += 8;
	while (at < len && !gk_json_is_special((unsigned char)text[at]))
		at++;
	return at;
}

#endif
