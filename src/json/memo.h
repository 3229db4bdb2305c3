/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * What some values were written as, for those who write the same ones again and again: the messages of a conversation stand in
 * what each of its turns asks and answers, and most of an answer in the span of the model and in the one above. A value that
 * was written must not be changed while the memo lives.
 */
#ifndef GK_JSON_MEMO_H
#define GK_JSON_MEMO_H

#include "base/buf.h"

#include <genkit/json.h>

typedef struct gk_json_memo_slot {
	const json_t *value; /* a reference; NULL: free */
	size_t at, len;      /* in `text` */
} gk_json_memo_slot;

/* All zeroes is an empty one. It keeps GK_MAX_MEMO bytes of text at most. */
typedef struct gk_json_memo {
	bool has_members; /* objects that the value itself holds are remembered, too: nobody changes these in place */
	gk_json_memo_slot *slots;
	size_t count, capacity; /* a power of two */
	gk_buf text;
} gk_json_memo;

void gk_json_memo_done(gk_json_memo *memo);
/** NULL: it was not written, or is not remembered. */
const gk_json_memo_slot *gk_json_memo_find(const gk_json_memo *memo, const json_t *value);
/** Remembers it, if there is room and memory. */
void gk_json_memo_add(gk_json_memo *memo, const json_t *value, const char *text, size_t len);

#endif
