/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * Server-sent events, as WHATWG's "event stream" has them: bytes go in, cut anywhere; the same events come out.
 *
 *	gk_auto_sse gk_sse sse;
 *
 *	gk_sse_init(&sse, 0, on_event, user);
 *	while ((rc = gk_fetch_read(res, &data, &len, err)) == GK_OK && len)
 *		if ((rc = gk_sse_push(&sse, data, len, err)) != GK_OK)
 *			break;
 *
 * Lines end in CR, LF or CRLF. What lies whole in one push is not copied, except data of several lines, which must be
 * joined. Bytes are handed on as they came: whoever reads the data checks that it is UTF-8.
 */
#ifndef GK_LOOP_SSE_H
#define GK_LOOP_SSE_H

#include "base/buf.h"

/* A run of bytes that belongs to somebody else; NULL and 0: none. */
typedef struct gk_sse_text {
	const char *text; /* not NUL-terminated */
	size_t len;
} gk_sse_text;

/* Everything lives as long as the call. */
typedef struct gk_sse_event {
	gk_sse_text
		data; /* the data lines, joined by LF; may be empty, but there was at least one */
	gk_sse_text event; /* empty: none was given ("message") */
	gk_sse_text id;    /* the last one given in the stream, by this event or one before */
} gk_sse_event;

/** Anything but GK_OK ends the stream: gk_sse_push() returns it. May suspend when the pusher may. */
typedef gk_code gk_sse_fn(const gk_sse_event *event, void *user, gk_error *err);

typedef struct gk_sse {
	gk_sse_fn *fn;
	void *user;
	size_t max;
	gk_code failed;     /* sticks */
	bool is_past_first; /* the first line may begin with a byte order mark */
	bool skip_lf;       /* the last byte was CR: LF after it belongs to it */
	bool has_data, has_event;
	bool has_retry;
	uint64_t retry_ms;
	gk_buf line;            /* a line whose end has not come */
	gk_sse_text first_data; /* the only data line so far, where it lies; or in `data` */
	gk_sse_text event_name; /* where it lies; or in `event` */
	gk_buf data, event, last_id;
} gk_sse;

/** `max` is for one line and for the data of one event; 0: GK_MAX_SSE_EVENT. */
void gk_sse_init(gk_sse *sse, size_t max, gk_sse_fn *fn, void *user);
/** Not from within the callback. */
void gk_sse_done(gk_sse *sse);
/** Calls back for each event that ends here. RESOURCE_EXHAUSTED: a line or an event above the limit, or no memory.
 * After a failure nothing more can be pushed. */
GK_MUST_USE gk_code gk_sse_push(gk_sse *sse, const char *data, size_t len, gk_error *err);
/** Something was pushed after the last event ended. What is unfinished at the end of a stream is dropped. */
bool gk_sse_is_unfinished(const gk_sse *sse);
/** The time after which to reconnect, when the stream gave one. */
bool gk_sse_retry_ms(const gk_sse *sse, uint64_t *ret);

#define gk_auto_sse GK_CLEANUP(gk_sse_done)

#endif
