/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * What is saved at once of one trace: rows, each a span that is serialised already beside what is looked for by. Made on
 * the loop's thread (or a worker), merged by the writer's, given back to the loop's. No other floor includes this.
 *
 * A span of ours is an entry (trace_entry.h) from the beginning: it is encoded once, where the ring takes it from, and its post
 * keeps a copy of the bytes, which is what the journal takes. Whoever looks for rows has them read first.
 *
 *	post = gk_trace_post_of_span(span, buf);		into the ring's buffer
 *	gk_trace_post_fill(post, buf->data);			before that is used again
 *	rc = gk_trace_post_open(post, err);			the writer's, if it is to be merged at once
 */
#ifndef GK_STORE_TRACE_POST_H
#define GK_STORE_TRACE_POST_H

#include "core/span.h"
#include "store/trace_store.h"

typedef struct gk_span_row {
	STAILQ_ENTRY(gk_span_row) link;
	/* Text that lives with the row; NULL: absent. */
	const char *key;    /* under which the trace holds it: usually the span's id */
	const char *parent; /* NULL also for an empty one */
	const char *name, *type, *subtype, *session;
	const char *labels; /* genkitx: key, NUL, value, NUL, ..., and an empty key */
	const char *doc;    /* SpanData */
	size_t doc_len;
	double start_ms, end_ms; /* end 0: it runs */
	int status;              /* -1: none */
	int64_t tokens_in, tokens_out;
	bool is_new;      /* nothing was saved under this key before: need not be looked for */
	bool is_accepted; /* the writer's word: it is not older than what was there */
} gk_span_row;

STAILQ_HEAD(gk_span_rows, gk_span_row);
STAILQ_HEAD(gk_trace_posts, gk_trace_post);

struct gk_trace_post {
	STAILQ_ENTRY(gk_trace_post) link;
	const char *name; /* the trace's displayName; NULL: not given */
	char *own_name;   /* `name`, when it is ours to free */
	bool has_start, has_end;
	double start_ms, end_ms;
	unsigned flags;
	int64_t owner; /* the process whose it is, with which its running spans end; 0: other programs */
	unsigned filtered; /* rows left out: previews of prompts */
	size_t count;      /* of rows */
	uint64_t number;   /* in order of saving */
	size_t bytes;      /* that it takes in memory, about */
	struct gk_span_rows rows;
	const char *trace_id; /* lives with it */
	/* Of one span of ours: */
	char *entry;      /* NULL: its rows are all there is of it, or it is not filled yet */
	size_t entry_len; /* 0: it is none of those */
	size_t at;        /* where its bytes are until it is filled */
	bool is_new;      /* as the row's */
};

/** NULL when memory ran out. */
gk_trace_post *gk_trace_post_new(const char *trace_id);
/** The text of SpanData `doc` is copied. False when memory ran out. */
bool gk_trace_post_add(gk_trace_post *post, const gk_span_row *row);
/** One span of ours, as an entry behind what is in `buf`. NULL when memory ran out: what is there then is of no use, and the
 * buffer may have failed. */
gk_trace_post *gk_trace_post_of_span(const gk_span *span, gk_buf *buf);
/** Takes the bytes that were put, from the buffer's beginning: no text of the post is looked at before, and but for the trace's
 * id none until it is opened, since the span may be gone. */
void gk_trace_post_fill(gk_trace_post *post, const char *data);
/** Reads the rows of one that is an entry, unless that was done; of any other it says yes. */
GK_MUST_USE gk_code gk_trace_post_open(gk_trace_post *post, gk_error *err);
/** A row of what a validated SpanData says; `doc` is its text. Texts are borrowed from `span` and `labels`. */
void gk_span_row_fill(gk_span_row *row, const json_t *span, gk_buf *labels);
/** The labels by which traces can be filtered: key, NUL, value, NUL, and an empty key at the end. */
void gk_trace_labels(gk_buf *labels, json_t *attributes);
/** Their size with the empty key; 0: none. */
size_t gk_trace_labels_size(const char *labels);
/** True for a span that is left out (section 2.4, step 1). */
bool gk_span_is_noise(const char *subtype);

#endif
