/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Which traces a command line means, and the list's pages of them. */
#include "ctl/traces.h"

#include "base/limits.h"
#include "base/parse.h"
#include "base/str.h"
#include "json/edit.h"
#include "json/uri_expand.h"

#include <genkit/json.h>
#include <time.h>

/* --- --since --- */

static const char *const dates[] = { "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M:%S",
	"%Y-%m-%d %H:%M", "%Y-%m-%d", "%H:%M:%S", "%H:%M" };

/* What a format leaves open is that of today's midnight. "Z" behind it is UTC. */
static bool read_date(const char *text, const char *format, uint64_t now_ms, double *ret)
{
	time_t now = (time_t)(now_ms / 1000);
	struct tm parts;
	const char *end;

	localtime_r(&now, &parts);
	parts.tm_hour = parts.tm_min = parts.tm_sec = 0;
	end = strptime(text, format, &parts);
	if (!end || (*end && strcmp(end, "Z") != 0))
		return false;
	parts.tm_isdst = -1;
	*ret = (double)(*end ? timegm(&parts) : mktime(&parts)) * 1000;
	return true;
}

gk_code gk_ctl_read_since(const char *text, uint64_t now_ms, double *ret, gk_error *err)
{
	uint64_t ago_ms;

	for (size_t i = 0; i < sizeof(dates) / sizeof(dates[0]); i++)
		if (read_date(text, dates[i], now_ms, ret))
			return GK_OK;
	if (!gk_parse_duration_ms(text, &ago_ms))
		return gk_error_set(err, GK_INVALID_ARGUMENT,
			"--since: 10m, 2h, 1d, 14:30, 2026-11-27 or 2026-11-27T14:30 is expected, not '%s'",
			text);
	*ret = ago_ms < now_ms ? (double)(now_ms - ago_ms) : 0;
	return GK_OK;
}

/* --- the filter --- */

static json_t *part(json_t *filter, const char *operator)
{
	json_t *object = json_object_get(filter, operator);

	if (!object) {
		object = json_object();
		json_object_set_new(filter, operator, object);
	}
	return object;
}

/* "/flow/hello" is a flow of that name, "hello" anything. */
static bool put_action(json_t *filter, const char *action)
{
	const char *slash = action[0] == '/' ? strchr(action + 1, '/') : NULL;

	if (!slash)
		return gk_json_set_str(part(filter, "eq"), "name", action);
	return gk_json_set_take(part(filter, "eq"), "type",
		       json_stringn(action + 1, (size_t)(slash - action - 1))) &&
	       gk_json_set_str(part(filter, "eq"), "name", slash + 1);
}

/* Code 0 is also that of what still runs. */
static gk_code put_status(gk_ctl_trace_query *query, const char *status, gk_error *err)
{
	json_t *eq = part(query->filter, "eq");
	bool done = true;

	if (gk_str_equal(status, "success") || gk_str_equal(status, "ok"))
		done = gk_json_set_int(eq, "status", 0) &&
		       gk_json_set_int(part(query->filter, "gt"), "end", 0);
	else if (gk_str_equal(status, "error"))
		done = gk_json_set_int(eq, "status", 2);
	else if (gk_str_equal(status, "running"))
		query->is_running = true;
	else
		return gk_error_set(err, GK_INVALID_ARGUMENT,
			"--status: success, error or running is expected, not '%s'", status);
	return done ? GK_OK : gk_error_no_memory(err);
}

static gk_code read_limit(const char *text, size_t *ret, gk_error *err)
{
	uint64_t value;

	if (!gk_parse_u64(text, strlen(text), &value) || !value || value > SIZE_MAX / 2)
		return gk_error_set(err, GK_INVALID_ARGUMENT,
			"--limit: a number from 1 is expected, not '%s'", text);
	*ret = (size_t)value;
	return GK_OK;
}

gk_code gk_ctl_trace_query_read(const gk_ctl_options *options, uint64_t now_ms, size_t limit,
	gk_ctl_trace_query *ret, gk_error *err)
{
	gk_ctl_trace_query query = {
		.filter = json_object(), .text = options->grep, .limit = limit
	};
	gk_code rc = GK_OK;
	double since;

	/* what its maker wants hidden, as Genkit's tools do */
	if (!gk_json_set_take(
		    part(query.filter, "neq"), "genkitx:ignore-trace", json_pack("[s]", "true")) ||
		(options->action && !put_action(query.filter, options->action)))
		rc = gk_error_no_memory(err);
	if (rc == GK_OK && options->status)
		rc = put_status(&query, options->status, err);
	if (rc == GK_OK && options->limit)
		rc = read_limit(options->limit, &query.limit, err);
	if (rc == GK_OK && options->since)
		rc = gk_ctl_read_since(options->since, now_ms, &since, err);
	if (rc == GK_OK && options->since &&
		!gk_json_set_take(part(query.filter, "gte"), "start", json_real(since)))
		rc = gk_error_no_memory(err);
	if (rc == GK_OK)
		*ret = query;
	else
		gk_ctl_trace_query_done(&query);
	return rc;
}

void gk_ctl_trace_query_done(gk_ctl_trace_query *query)
{
	json_decref(query->filter);
	*query = (gk_ctl_trace_query){ 0 };
}

/* --- pages --- */

static bool is_running(const json_t *trace)
{
	return gk_json_real_at(trace, "endTime", 0) == 0;
}

static gk_code load_page(gk_ctl *ctl, const gk_ctl_trace_query *query, size_t count,
	const char *token, json_t **ret, gk_error *err)
{
	gk_auto_str char *filter = query->filter ? gk_json_write(query->filter, NULL) : strdup(""),
			 *path = NULL;
	gk_auto_json json_t *variables = json_object();
	gk_code rc;

	if (!filter || !gk_json_set_int(variables, "limit", (int64_t)count) ||
		!gk_json_set_str(variables, "filter", filter) ||
		(query->text && !gk_json_set_str(variables, "q", query->text)) ||
		(token && !gk_json_set_str(variables, "continuationToken", token)))
		return gk_error_no_memory(err);
	rc = gk_uri_expand("/api/traces{?limit,filter,q,continuationToken}", variables, &path, err);
	return rc == GK_OK ? gk_ctl_ask(ctl, path, NULL, ret, err) : rc;
}

gk_code gk_ctl_trace_query_run(
	gk_ctl *ctl, const gk_ctl_trace_query *query, json_t **ret, gk_error *err)
{
	gk_auto_json json_t *all = json_array(), *page = NULL;
	gk_auto_str char *token = NULL;

	while (json_array_size(all) < query->limit) {
		size_t left = query->limit - json_array_size(all), i;
		const char *next;
		json_t *trace;
		gk_code rc;

		json_decref(gk_steal(page));
		rc = load_page(ctl, query,
			left < GK_MAX_TRACE_LIST && !query->is_running ? left : GK_MAX_TRACE_LIST,
			token, &page, err);
		if (rc != GK_OK)
			return rc;
		json_array_foreach (json_object_get(page, "traces"), i, trace)
			if (json_array_size(all) < query->limit &&
				(!query->is_running || is_running(trace)) &&
				json_array_append(all, trace) < 0)
				return gk_error_no_memory(err);
		next = gk_json_str_peek(page, "continuationToken");
		free(token);
		token = next ? strdup(next) : NULL;
		if (!token)
			break;
	}
	*ret = gk_steal(all);
	return GK_OK;
}

gk_code gk_ctl_load_trace(gk_ctl *ctl, const char *trace_id, json_t **ret, gk_error *err)
{
	gk_auto_json json_t *variables = json_pack("{s:s}", "id", trace_id), *trace = NULL;
	gk_auto_str char *path = NULL;
	gk_code rc = variables ? gk_uri_expand("/api/traces/{id}", variables, &path, err)
			       : gk_error_set(err, GK_INVALID_ARGUMENT, "the id is no UTF-8");

	if (rc == GK_OK)
		rc = gk_ctl_ask(ctl, path, NULL, &trace, err);
	if (rc != GK_OK)
		return rc;
	if (!json_is_object(trace)) /* nothing: it may yet come */
		return gk_error_set(err, GK_NOT_FOUND, "there is no trace %s", trace_id);
	*ret = gk_steal(trace);
	return GK_OK;
}

typedef struct timed {
	double time;
	size_t at; /* those of one millisecond stay in their order */
	json_t *record;
} timed;

static int by_time(const void *a, const void *b)
{
	const timed *one = a, *other = b;

	if (one->time != other->time)
		return one->time < other->time ? -1 : 1;
	return one->at < other->at ? -1 : 1;
}

static gk_code sort_by_time(const json_t *records, json_t **ret, gk_error *err)
{
	gk_auto_json json_t *sorted = json_array();
	size_t count = json_array_size(records);
	timed *all = calloc(count + 1, sizeof(*all));
	bool done = sorted && all;

	for (size_t i = 0; done && i < count; i++)
		all[i] = (timed){ gk_json_real_at(json_array_get(records, i), "timestamp", 0), i,
			json_array_get(records, i) };
	if (done && count)
		qsort(all, count, sizeof(*all), by_time);
	for (size_t i = 0; done && i < count; i++)
		done = json_array_append(sorted, all[i].record) == 0;
	free(all);
	if (!done)
		return gk_error_no_memory(err);
	*ret = gk_steal(sorted);
	return GK_OK;
}

gk_code gk_ctl_load_logs(gk_ctl *ctl, const char *trace_id, json_t **ret, gk_error *err)
{
	gk_auto_json json_t *variables = json_pack(
				    "{s:s, s:i}", "id", trace_id, "limit", GK_MAX_LOG_LIST),
			    *answer = NULL;
	gk_auto_str char *path = NULL;
	gk_code rc = variables
			     ? gk_uri_expand("/api/traces/{id}/logs{?limit}", variables, &path, err)
			     : gk_error_no_memory(err);

	if (rc == GK_OK)
		rc = gk_ctl_ask(ctl, path, NULL, &answer, err);
	return rc == GK_OK ? sort_by_time(json_object_get(answer, "logs"), ret, err) : rc;
}
