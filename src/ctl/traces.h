/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * genkitctl traces, genkitctl trace: what the daemon has stored of runs, as a list, as trees, in files.
 */
#ifndef GK_CTL_TRACES_H
#define GK_CTL_TRACES_H

#include "base/buf.h"
#include "ctl/ctl.h"

#include <time.h>

/* Which traces: what the options of a command line come to. */
typedef struct gk_ctl_trace_query {
	json_t *filter;   /* as GET /api/traces takes it */
	const char *text; /* borrowed; NULL: any */
	bool is_running;  /* only those that go on: the API has no filter for them */
	size_t limit;
} gk_ctl_trace_query;

/** INVALID_ARGUMENT names the option and what it takes. `limit`: when the command line has none. */
GK_MUST_USE gk_code gk_ctl_trace_query_read(const gk_ctl_options *options, uint64_t now_ms,
	size_t limit, gk_ctl_trace_query *ret, gk_error *err);
void gk_ctl_trace_query_done(gk_ctl_trace_query *query);
/** *ret: an array of what the list has of each, the newest first. */
GK_MUST_USE GK_SUSPENDS gk_code gk_ctl_trace_query_run(
	gk_ctl *ctl, const gk_ctl_trace_query *query, json_t **ret, gk_error *err);

/** Milliseconds since 1970 of "10m" (so long ago), "14:30" (today), "2026-11-27" or "2026-11-27T14:30[:05][Z]". */
GK_MUST_USE gk_code gk_ctl_read_since(
	const char *text, uint64_t now_ms, double *ret, gk_error *err);

/** The whole trace; NOT_FOUND. */
GK_MUST_USE GK_SUSPENDS gk_code gk_ctl_load_trace(
	gk_ctl *ctl, const char *trace_id, json_t **ret, gk_error *err);

/** Its log records in order of time: the newest, when there are more than the API gives at once. */
GK_MUST_USE GK_SUSPENDS gk_code gk_ctl_load_logs(
	gk_ctl *ctl, const char *trace_id, json_t **ret, gk_error *err);

/* How something is to look. */
typedef struct gk_ctl_look {
	bool has_colour, is_verbose;
	unsigned width; /* columns; 0: nothing is cut */
} gk_ctl_look;
/** Of standard output. */
gk_ctl_look gk_ctl_look_of(const gk_ctl_options *options);

/** A line of the list. */
void gk_ctl_put_trace_row(gk_buf *out, const json_t *trace, uint64_t now_ms, gk_ctl_look look);
/** A trace as a tree: spans in order of start below their parents, each with times, input, output, error, and its log records
 * (`logs`, in order of time; NULL: none). */
GK_MUST_USE gk_code gk_ctl_put_trace_tree(
	gk_buf *out, const json_t *trace, const json_t *logs, gk_ctl_look look, gk_error *err);
/** False: no calendar has such a time. */
bool gk_ctl_local_time(double milliseconds, struct tm *ret);
void gk_ctl_put_duration(gk_buf *out, double milliseconds);

/* What both say of a span. */
typedef enum gk_ctl_span_state {
	GK_CTL_SPAN_OK,
	GK_CTL_SPAN_ERROR,
	GK_CTL_SPAN_INTERRUPTED,
	GK_CTL_SPAN_RUNNING,
} gk_ctl_span_state;
gk_ctl_span_state gk_ctl_span_state_of(const json_t *span);
/** subtype, else type; NULL: neither. */
const char *gk_ctl_span_type(const json_t *span);
const char *gk_ctl_span_attribute(const json_t *span, const char *name);
/** Why it failed; NULL: it did not, or nobody knows. */
const char *gk_ctl_span_error(const json_t *span);
const char *gk_ctl_state_colour(gk_ctl_span_state state);

/* The commands. */
GK_SUSPENDS gk_code gk_ctl_traces(gk_ctl *ctl, gk_error *err);
GK_SUSPENDS gk_code gk_ctl_trace(gk_ctl *ctl, gk_error *err);
/** traces export FILE, traces import FILE. */
GK_SUSPENDS gk_code gk_ctl_traces_export(gk_ctl *ctl, gk_error *err);
GK_SUSPENDS gk_code gk_ctl_traces_import(gk_ctl *ctl, gk_error *err);

#endif
