/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* genkitctl traces: the list, and what comes while one watches. */
#include "ctl/traces.h"

#include "base/clock.h"
#include "base/limits.h"
#include "base/str.h"
#include "base/table.h"
#include "json/edit.h"

#include <genkit/json.h>
#include <math.h>
#include <stdio.h>
#include <unistd.h>

#define USUAL_COUNT 20
#define FOLLOW_MS   500 /* between two looks */
/* A trace may be listed so long after it began, while a longer one was listed before. */
#define LATE_MS     5000
#define MAX_TIME_MS 253402300800e3 /* the year 10000: what spans say may be any number */
#define DIM         "\033[2m"
#define RESET       "\033[0m"

gk_ctl_look gk_ctl_look_of(const gk_ctl_options *options)
{
	const char *term = getenv("TERM");

	return (gk_ctl_look){
		.is_verbose = options->is_verbose,
		.has_colour =
			isatty(STDOUT_FILENO) && !getenv("NO_COLOR") && !gk_str_equal(term, "dumb"),
		.width = gk_ctl_width(),
	};
}

/* --- what a span says --- */

const char *gk_ctl_span_attribute(const json_t *span, const char *name)
{
	return json_string_value(json_object_get(json_object_get(span, "attributes"), name));
}

const char *gk_ctl_span_type(const json_t *span)
{
	const char *subtype = gk_ctl_span_attribute(span, "genkit:metadata:subtype");

	return subtype ? subtype : gk_ctl_span_attribute(span, "genkit:type");
}

static const json_t *exception_of(const json_t *span)
{
	json_t *event;
	size_t i;

	json_array_foreach (gk_json_at_peek(span, "timeEvents.timeEvent"), i, event)
		if (gk_str_equal(gk_json_str_peek(event, "annotation.description"), "exception"))
			return gk_json_at_peek(event, "annotation.attributes");
	return NULL;
}

gk_ctl_span_state gk_ctl_span_state_of(const json_t *span)
{
	const json_t *exception;

	if (gk_json_real_at(span, "endTime", 0) == 0)
		return GK_CTL_SPAN_RUNNING;
	if (gk_json_int_at(span, "status.code", 0) != 2)
		return GK_CTL_SPAN_OK;
	exception = exception_of(span);
	return gk_ctl_span_attribute(span, "genkit:metadata:interrupt") ||
			       gk_str_equal(json_string_value(
						    json_object_get(exception, "exception.type")),
				       "ToolInterruptError")
		       ? GK_CTL_SPAN_INTERRUPTED
		       : GK_CTL_SPAN_ERROR;
}

const char *gk_ctl_span_error(const json_t *span)
{
	const char *message;

	if (gk_ctl_span_state_of(span) != GK_CTL_SPAN_ERROR)
		return NULL;
	message = json_string_value(json_object_get(exception_of(span), "exception.message"));
	return message && *message ? message : gk_json_str_peek(span, "status.message");
}

const char *gk_ctl_state_colour(gk_ctl_span_state state)
{
	static const char *const colours[] = {
		[GK_CTL_SPAN_OK] = "\033[32m",
		[GK_CTL_SPAN_ERROR] = "\033[1;31m",
		[GK_CTL_SPAN_INTERRUPTED] = "\033[35m",
		[GK_CTL_SPAN_RUNNING] = "\033[33m",
	};

	return colours[state];
}

/* --- a row --- */

void gk_ctl_put_duration(gk_buf *out, double ms)
{
	static const struct {
		double ms, part_ms;
		const char *format;
	} long_ones[] = {
		{ 86400e3, 3600e3, "%.0f d %.0f h" },
		{ 3600e3, 60e3, "%.0f h %.0f min" },
		{ 60e3, 1e3, "%.0f min %.0f s" },
	};

	for (size_t i = 0; i < sizeof(long_ones) / sizeof(long_ones[0]); i++)
		if (ms >= long_ones[i].ms) {
			gk_buf_printf(out, long_ones[i].format, floor(ms / long_ones[i].ms),
				floor(fmod(ms, long_ones[i].ms) / long_ones[i].part_ms));
			return;
		}
	if (ms < 0.1)
		gk_buf_printf(out, "%.0f µs", ms < 0 ? 0 : ms * 1000);
	else if (ms < 1)
		gk_buf_printf(out, "%.2f ms", ms);
	else if (ms < 1000)
		gk_buf_printf(out, "%.1f ms", ms);
	else
		gk_buf_printf(out, "%.2f s", ms / 1000);
}

bool gk_ctl_local_time(double ms, struct tm *ret)
{
	time_t seconds;

	if (!(fabs(ms) < MAX_TIME_MS))
		return false;
	seconds = (time_t)(ms / 1000);
	return localtime_r(&seconds, ret) != NULL;
}

/* "14:03:59" of today, "Nov 27 14:03" of another day. */
static void put_time(gk_buf *out, double ms, uint64_t now_ms)
{
	struct tm parts, today;
	char text[32] = "?";

	if (gk_ctl_local_time(ms, &parts) && gk_ctl_local_time((double)now_ms, &today))
		strftime(text, sizeof(text),
			parts.tm_yday == today.tm_yday && parts.tm_year == today.tm_year
				? "%H:%M:%S"
				: "%b %e %H:%M",
			&parts);
	gk_buf_printf(out, "%-12s", text);
}

/* The one span of the list's answer. */
static const json_t *root_of(const json_t *trace)
{
	return json_object_iter_value(json_object_iter(json_object_get(trace, "spans")));
}

/* The key, if it has one; it can be copied behind "genkitctl run". */
static void put_name(gk_buf *out, const json_t *trace, const json_t *root)
{
	const char *name = gk_json_str_peek(trace, "displayName"), *type = gk_ctl_span_type(root);

	if (!name)
		name = gk_json_str_peek(root, "displayName");
	if (type && gk_ctl_span_attribute(root, "genkit:key")) {
		gk_buf_putc(out, '/');
		gk_buf_put_line(out, type);
		gk_buf_putc(out, '/');
	}
	gk_buf_put_line(out, name && *name ? name : "(no name)");
}

static void put_state(gk_buf *out, const json_t *root, gk_ctl_look look)
{
	static const char *const names[] = { "ok", "error", "asks", "running" };
	gk_ctl_span_state state = gk_ctl_span_state_of(root);

	gk_buf_printf(out, "%s%-8s%s", look.has_colour ? gk_ctl_state_colour(state) : "",
		names[state], look.has_colour ? RESET : "");
}

void gk_ctl_put_trace_row(gk_buf *out, const json_t *trace, uint64_t now_ms, gk_ctl_look look)
{
	const json_t *root = root_of(trace);
	double start = gk_json_real_at(root, "startTime", 0);
	double end = gk_json_real_at(root, "endTime", 0);
	gk_auto_buf gk_buf name = GK_BUF_INIT(0), took = GK_BUF_INIT(0);
	const char *id = gk_json_str_peek(trace, "traceId"), *error = gk_ctl_span_error(root);
	size_t used;

	gk_ctl_put_duration(&took, (end != 0 ? end : (double)now_ms) - start);
	put_name(&name, trace, root);
	gk_buf_put_line(out, id ? id : "?");
	for (size_t n = gk_ctl_columns(id ? id : "?"); n < 32; n++)
		gk_buf_putc(out, ' ');
	gk_buf_printf(out, "  %s", look.has_colour ? DIM : "");
	put_time(out, start, now_ms);
	gk_buf_printf(out, "%s  ", look.has_colour ? RESET : "");
	put_state(out, root, look);
	for (size_t n = gk_ctl_columns(took.data ? took.data : ""); n < 10; n++)
		gk_buf_putc(out, ' ');
	gk_buf_printf(out, "%s  %s", took.data ? took.data : "", name.data ? name.data : "");
	used = 68 + (name.data ? gk_ctl_columns(name.data) : 0);
	if (error && (!look.width || look.width > used + 12)) {
		gk_buf_printf(out, "  %s", look.has_colour ? DIM : "");
		gk_ctl_put_cut(out, error, look.width ? look.width - used - 2 : SIZE_MAX);
		gk_buf_puts(out, look.has_colour ? RESET : "");
	}
	gk_buf_putc(out, '\n');
}

/* --- the list --- */

static void print_trace(const gk_ctl *ctl, const json_t *trace)
{
	gk_auto_buf gk_buf row = GK_BUF_INIT(0);

	if (ctl->options->is_json) {
		gk_ctl_print_line(trace);
		return;
	}
	gk_ctl_put_trace_row(
		&row, trace, gk_clock_wall_ns() / 1000000, gk_ctl_look_of(ctl->options));
	fputs(row.data ? row.data : "", stdout);
	fflush(stdout);
}

/* A trace is shown when it is seen first, and again when it has come to its end. */
static bool is_news(gk_table *seen, const json_t *trace)
{
	const char *id = gk_json_str_peek(trace, "traceId");
	bool has_ended = gk_ctl_span_state_of(root_of(trace)) != GK_CTL_SPAN_RUNNING;
	const char *before = id ? gk_table_get(seen, id) : "ended";

	if (before && (strcmp(before, "ended") == 0 || !has_ended))
		return false;
	return gk_table_set(seen, id, (void *)(uintptr_t)(has_ended ? "ended" : "runs"));
}

/* The newest last: a terminal shows the end of what it is given. */
static double print_news(const gk_ctl *ctl, gk_table *seen, const json_t *traces, double floor_ms)
{
	double oldest = INFINITY, newest = 0, now_ms = (double)(gk_clock_wall_ns() / 1000000);

	for (size_t i = json_array_size(traces); i-- > 0;) {
		const json_t *trace = json_array_get(traces, i), *root = root_of(trace);
		double start = gk_json_real_at(root, "startTime", 0);

		if (is_news(seen, trace))
			print_trace(ctl, trace);
		newest = fmax(newest, fmin(start, now_ms)); /* clocks of others may be fast */
		if (gk_ctl_span_state_of(root) == GK_CTL_SPAN_RUNNING)
			oldest = fmin(oldest, start);
	}
	return fmax(floor_ms, fmin(oldest, newest - LATE_MS));
}

/* Those of the last answer are the ones that the next may have again. */
static bool forget_old(gk_table **seen, const json_t *traces)
{
	gk_table *fresh;
	json_t *trace;
	size_t i;

	if (gk_table_count(*seen) < 8 * GK_MAX_TRACE_LIST)
		return true;
	fresh = gk_table_new(NULL);
	json_array_foreach (traces, i, trace)
		if (!fresh || (gk_json_str_peek(trace, "traceId") && !is_news(fresh, trace)))
			break;
	gk_table_free(*seen);
	*seen = fresh;
	return fresh;
}

/* What began before the oldest that still runs is not asked for again. */
static gk_code follow(gk_ctl *ctl, gk_ctl_trace_query *query, json_t *first, gk_error *err)
{
	gk_table *seen = gk_table_new(NULL);
	json_t *since = json_object_get(json_object_get(query->filter, "gte"), "start");
	double floor_ms;
	gk_code rc = GK_OK;

	if (!seen)
		return gk_error_no_memory(err);
	floor_ms = print_news(ctl, seen, first, json_number_value(since));
	query->limit = GK_MAX_TRACE_LIST;
	while (rc == GK_OK && (rc = gk_fiber_sleep(FOLLOW_MS, err)) == GK_OK) {
		gk_auto_json json_t *traces = NULL;
		gk_auto_json json_t *bound = json_pack("{s:f}", "start", floor_ms);

		if (!bound || json_object_set(query->filter, "gte", bound) < 0)
			rc = gk_error_no_memory(err);
		if (rc == GK_OK)
			rc = gk_ctl_trace_query_run(ctl, query, &traces, err);
		if (rc == GK_OK)
			floor_ms = print_news(ctl, seen, traces, floor_ms);
		if (rc == GK_OK && !forget_old(&seen, traces))
			rc = gk_error_no_memory(err);
	}
	gk_table_free(seen);
	return rc;
}

static gk_code list(gk_ctl *ctl, gk_error *err)
{
	gk_auto_json json_t *traces = NULL;
	gk_ctl_trace_query query;
	gk_code rc = gk_ctl_trace_query_read(
		ctl->options, gk_clock_wall_ns() / 1000000, USUAL_COUNT, &query, err);

	if (rc != GK_OK) {
		ctl->status = GK_EXIT_USAGE;
		return rc;
	}
	rc = gk_ctl_trace_query_run(ctl, &query, &traces, err);
	if (rc == GK_OK && ctl->options->is_follow)
		rc = follow(ctl, &query, traces, err);
	else
		for (size_t i = json_array_size(traces); rc == GK_OK && i-- > 0;)
			print_trace(ctl, json_array_get(traces, i));
	if (rc == GK_OK && !json_array_size(traces) && !ctl->options->is_json)
		fprintf(stderr, "There is no such trace.\n");
	gk_ctl_trace_query_done(&query);
	return rc;
}

gk_code gk_ctl_traces(gk_ctl *ctl, gk_error *err)
{
	const char *what = ctl->options->word_count ? ctl->options->words[0] : NULL;

	if (!what)
		return list(ctl, err);
	if (strcmp(what, "export") == 0 && ctl->options->word_count > 1)
		return gk_ctl_traces_export(ctl, err);
	if (strcmp(what, "import") == 0 && ctl->options->word_count == 2)
		return gk_ctl_traces_import(ctl, err);
	ctl->status = GK_EXIT_USAGE;
	return gk_error_set(err, GK_INVALID_ARGUMENT,
		"traces: export FILE [ID...], import FILE or nothing is expected; see 'genkitctl traces --help'");
}
