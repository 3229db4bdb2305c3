/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * Where log records go: to standard error, a line each, as people, programs or the journal read it.
 *
 *	text     2026-11-22T07:44:31.001Z info  flows: listening on 127.0.0.1:3400
 *	json     {"time":"...","level":"info","component":"flows","message":"...","traceId":"..."}
 *	journal  <6>flows: listening on 127.0.0.1:3400
 */
#ifndef GK_DAEMON_LOG_OUTPUT_H
#define GK_DAEMON_LOG_OUTPUT_H

#include "base/buf.h"
#include "base/log.h"

typedef enum gk_log_format {
	GK_LOG_TEXT,
	GK_LOG_JSON,
	GK_LOG_JOURNAL,
} gk_log_format;

/** Of "auto", "text", "json", "journal" (NULL: "auto"): auto asks whether `fd` is the journal's, as $JOURNAL_STREAM says. */
gk_log_format gk_log_format_choose(const char *name, int fd);
/** Of "error", "warn", "info", "debug". */
gk_log_level gk_log_level_choose(const char *name);
/** A record as a line with its end. Control characters of a message are escaped: a line stays a line. */
void gk_log_put(gk_buf *out, const gk_log_record *record, gk_log_format format, bool has_colour);

/** Records go to standard error from now on; again for another format. Colours only on a terminal. */
void gk_log_output_set(gk_log_format format, gk_log_level level);

#endif
