/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * Lines of JSON: bytes go in, cut anywhere; the same lines come out.
 *
 *	gk_auto_ndjson gk_ndjson lines;
 *
 *	gk_ndjson_init(&lines, 0, on_line, user);
 *	rc = gk_ndjson_push(&lines, data, len, err);	as often as there are bytes
 *	rc = gk_ndjson_end(&lines, err);		the last line may lack its end
 *
 * Lines end in LF; CR before it does not count, and blank lines are passed over. A line that lies whole in one push is
 * not copied. What is in a line is the caller's to read.
 */
#ifndef GK_LOOP_NDJSON_H
#define GK_LOOP_NDJSON_H

#include "base/buf.h"

/** `line` lives as long as the call and is not NUL-terminated. Anything but GK_OK ends the stream. May suspend when the
 * pusher may. */
typedef gk_code gk_ndjson_fn(const char *line, size_t len, void *user, gk_error *err);

typedef struct gk_ndjson {
	gk_ndjson_fn *fn;
	void *user;
	size_t max;
	gk_code failed; /* sticks */
	gk_buf line;    /* a line whose end has not come */
} gk_ndjson;

/** `max` is for one line; 0: GK_MAX_NDJSON_LINE. */
void gk_ndjson_init(gk_ndjson *lines, size_t max, gk_ndjson_fn *fn, void *user);
/** Not from within the callback. */
void gk_ndjson_done(gk_ndjson *lines);
/** Calls back for each line that ends here. RESOURCE_EXHAUSTED: a line above the limit, or no memory. After a failure
 * nothing more can be pushed. */
GK_MUST_USE gk_code gk_ndjson_push(gk_ndjson *lines, const char *data, size_t len, gk_error *err);
/** Calls back for a last line without an end. */
GK_MUST_USE gk_code gk_ndjson_end(gk_ndjson *lines, gk_error *err);

#define gk_auto_ndjson GK_CLEANUP(gk_ndjson_done)

#endif
