/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * Log records. The library makes them and never prints: whoever runs the process sets where they go.
 *
 *	gk_log(GK_LOG_WARN, "registry", "action %s replaces an older one", key);
 *
 * A message is one line without a full stop; it never holds a key, a token or a credential.
 */
#ifndef GK_BASE_LOG_H
#define GK_BASE_LOG_H

#include <genkit/span.h>

#include <stdarg.h>

typedef struct gk_log_record {
	gk_log_level level;
	const char *component; /* static: the module that speaks */
	const char *message;
	const char *trace_id, *span_id; /* NULL: outside any run */
	uint64_t wall_ns;
	const json_t *attributes; /* an object; NULL: none */
	bool is_user;             /* of a user's code (gk_ctx_log()); else of our own */
} gk_log_record;

/** Called on the thread that logs. Records and strings live for the call. */
typedef void gk_log_sink_fn(const gk_log_record *record, void *user);
/** Which run is speaking, for gk_log() calls below it; set by core. Either may come back NULL. */
typedef void gk_log_ids_fn(const char **trace_id_ret, const char **span_id_ret);

/** NULL: records are dropped. Set it before threads are started. */
void gk_log_set_sink(gk_log_sink_fn *sink, void *user);
/** Others who are shown every record after the sink, up to GK_MAX_LOG_TAPS. False when there are as many. Add and remove
 * them while nobody else logs. */
bool gk_log_add_tap(gk_log_sink_fn *tap, void *user);
void gk_log_remove_tap(gk_log_sink_fn *tap, void *user);
void gk_log_set_ids(gk_log_ids_fn *ids);
void gk_log_set_level(gk_log_level level);
bool gk_log_is_on(gk_log_level level);
/** A record of a user's code: with the ids of a span, and attributes (borrowed; NULL: none). */
void gk_log_with(gk_log_level level, const char *component, const char *trace_id,
	const char *span_id, const json_t *attributes, const char *format, va_list args);
GK_COLD void gk_log(gk_log_level level, const char *component, const char *format, ...)
	GK_PRINTF(3, 4);

#endif
