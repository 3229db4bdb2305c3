/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* The sums of entries: they tell what is whole from what is half written, or lay there before. */
#include "store/trace_ring_internal.h"

#include <string.h>

/* --- as they are --- */

typedef uint64_t words __attribute__((vector_size(16)));

static uint64_t mix(uint64_t sum, uint64_t word)
{
	sum = (sum ^ word) * 0x9e3779b97f4a7c15u;
	return sum ^ sum >> 29;
}

static uint64_t mix_words(uint64_t sum, words w)
{
	return mix(mix(sum, w[0]), w[1]);
}

/* Fletcher's: of four columns of words the sums, and the sums of what those were so far, which tell the order. Additions do not
 * wait for each other as multiplications do. */
static uint64_t sum_blocks(uint64_t sum, const char *data, size_t len)
{
	words left = { sum, sum }, right = left, lefts = { 0 }, rights = { 0 }, w;

	for (; len >= 2 * sizeof(w); data += 2 * sizeof(w), len -= 2 * sizeof(w)) {
		memcpy(&w, data, sizeof(w));
		left += w;
		lefts += left;
		memcpy(&w, data + sizeof(w), sizeof(w));
		right += w;
		rights += right;
	}
	return mix_words(mix_words(mix_words(mix_words(sum, left), right), lefts), rights);
}

uint32_t gk_trace_ring_sum(const gk_ring_entry *entry, uint64_t at, const char *data)
{
	size_t rest = entry->len % (2 * sizeof(words));
	uint64_t sum = sum_blocks(mix(mix(entry->number, at), entry->len), data, entry->len);
	uint64_t tail[2 * sizeof(words) / sizeof(uint64_t)] = { 0 };

	if (rest)
		memcpy(tail, data + entry->len - rest, rest);
	for (size_t i = 0; i < rest; i += sizeof(*tail))
		sum = mix(sum, tail[i / sizeof(*tail)]);
	return (uint32_t)(sum ^ sum >> 32);
}

/* --- as they were in version 2 --- */

/* FNV-1a over words of eight bytes. */
static uint64_t sum_words(uint64_t sum, const char *data, size_t len)
{
	uint64_t word;

	for (; len; data += sizeof(word), len -= len < sizeof(word) ? len : sizeof(word)) {
		word = 0;
		memcpy(&word, data, len < sizeof(word) ? len : sizeof(word));
		sum = (sum ^ word) * 0x100000001b3u;
	}
	return sum;
}

uint32_t gk_trace_ring_sum_2(const gk_ring_entry *entry, uint64_t at, const char *data)
{
	uint64_t sum = sum_words(0xcbf29ce484222325u, (const char *)&entry->number, 8);

	sum = sum_words(sum, (const char *)&at, 8);
	sum = sum_words(sum, data, entry->len);
	return (uint32_t)(sum ^ sum >> 32);
}
