/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * Posts and log records as bytes: what a row of the journal is made of (sqlite_journal.c), what a ring keeps until there is such
 * a row (trace_ring.h), and how a span of ours is kept in between (trace_post.h).
 *
 *	entry:	post:	'p', trace id, name, flags u8, start f64, end f64, owner i64, filtered u32, count u32, spans
 *		log:	'l', log id, trace id, span id, severity text, time i64, severity i64, document
 *	span:	key, parent, name, type, subtype, session, labels, document, start f64, end f64, status i32,
 *		tokens in i64, tokens out i64, is new u8
 *	text:	length u32 (GK_ENTRY_NO_TEXT: there is none), bytes, NUL
 *
 * Numbers are little-endian. The NUL is there so that a text is used where it lies. No other floor includes this.
 */
#ifndef GK_STORE_TRACE_ENTRY_H
#define GK_STORE_TRACE_ENTRY_H

#include "store/trace_backend.h"

#define GK_ENTRY_NO_TEXT   UINT32_MAX
#define GK_ENTRY_POST      'p'
#define GK_ENTRY_LOG       'l'
#define GK_ENTRY_TRACE_ID  5 /* where the bytes of a post's begin */
#define GK_ENTRY_HAS_START 1
#define GK_ENTRY_HAS_END   2

/* --- putting --- */

void gk_entry_put_i64(gk_buf *buf, int64_t value);
void gk_entry_put_post(gk_buf *buf, const gk_trace_post *post);
/** A post of ours, which has the one span that is described by `row`, or none: the span's document is written where it stays.
 * The span is not taken for new: what is written now may be there already. */
void gk_entry_put_own(
	gk_buf *buf, const gk_trace_post *post, const gk_span_row *row, const gk_span *span);
/** The last span of an entry that ends there is taken for new. */
void gk_entry_set_new(char *end);
void gk_entry_put_log(gk_buf *buf, const gk_log_row *row);

/* --- taking --- */

/** Through bytes of which nothing is believed. */
typedef struct gk_entry_reading {
	const char *at, *end;
	bool is_damaged; /* and what was taken since is of no use */
} gk_entry_reading;

uint8_t gk_entry_take_u8(gk_entry_reading *r);
int64_t gk_entry_take_i64(gk_entry_reading *r);
/** What follows GK_ENTRY_POST: all of the post but its rows, of which `count` follow. Texts stay where they lie. */
void gk_entry_take_post(gk_entry_reading *r, gk_trace_post *post);
void gk_entry_take_span(gk_entry_reading *r, gk_span_row *row);
/** What follows GK_ENTRY_LOG. */
void gk_entry_take_log(gk_entry_reading *r, gk_log_row *row);

#endif
