/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* What of a span goes into the index of texts. No other floor includes this. */
#ifndef GK_STORE_SQLITE_WORDS_H
#define GK_STORE_SQLITE_WORDS_H

#include "base/buf.h"

/* Zero to begin with; kept from span to span for its memory. */
typedef struct gk_words {
	gk_buf input, output, error; /* each word once, with a blank behind it */
	gk_buf string, text, room;   /* on the way there */
} gk_words;

/** The words of a SpanData in the form in which the store keeps it. The same document gives the same words, always: the
 * index needs them again to let go of a span. */
GK_MUST_USE gk_code gk_words_read(gk_words *words, const char *doc, size_t len, gk_error *err);
void gk_words_done(gk_words *words);

#endif
