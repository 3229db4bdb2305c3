/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * Posts and log records as bytes: what a row of the journal is made of (sqlite_journal.c, which reads them), and what a ring
 * keeps until there is such a row (trace_ring.h).
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
#define GK_ENTRY_HAS_START 1
#define GK_ENTRY_HAS_END   2

void gk_entry_put_i64(gk_buf *buf, int64_t value);
/** `again`: none of its spans is taken for new, since what is written now may be there already. */
void gk_entry_put_post(gk_buf *buf, const gk_trace_post *post, bool again);
void gk_entry_put_log(gk_buf *buf, const gk_log_row *row);

#endif
