/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* The telemetry server's API: routes, who may, what is read (telemetry sections 2.1 to 2.3 and 3.1). */
#include "server/traces_internal.h"

#include "base/limits.h"
#include "base/parse.h"
#include "base/str.h"

#include <genkit/json.h>

#define PREFIX "/api/traces/"

/* --- answers --- */

static json_t *error_value(const gk_error *err, int code)
{
	const char *message = err->message ? err->message : "out of memory";

	/* no stacks: the message again, where the reference has one */
	return json_pack("{s:i, s:s, s:{s:s}}", "code", code, "message", message, "details",
		"stack", message);
}

/* As gk_error_no_memory() sets it, or could not even. */
static bool is_memory(const gk_error *err)
{
	return !err->message || gk_str_equal(err->message, "out of memory");
}

int gk_traces_status(const gk_error *err)
{
	switch (err->code) {
	case GK_INVALID_ARGUMENT:
		return 400;
	case GK_ALREADY_EXISTS:
		return 409;
	case GK_FAILED_PRECONDITION:
		return 413;
	case GK_RESOURCE_EXHAUSTED: /* the request, too deep or too many; or our own */
		return is_memory(err) ? 503 : 413;
	case GK_UNIMPLEMENTED:
		return 415;
	case GK_UNAVAILABLE:
		return 503;
	default:
		return 500;
	}
}

void gk_traces_fail(gk_exchange *x, const gk_error *err)
{
	gk_auto_json json_t *value = error_value(err, GK_INTERNAL);

	gk_exchange_reply_json(x, gk_traces_status(err), value);
}

void gk_traces_reply_text(gk_trace_call *call, int status, const char *type, const char *text)
{
	if (call->x)
		gk_exchange_reply(call->x, status, type, text, strlen(text));
}

void gk_traces_reply_buf(gk_trace_call *call, gk_buf *buf)
{
	if (call->x)
		gk_exchange_reply(
			call->x, 200, GK_TRACES_JSON, buf->data ? buf->data : "", buf->len);
}

bool gk_traces_is_path(const char *path)
{
	return gk_str_has_prefix(path, "/api/traces") || gk_str_has_prefix(path, "/api/otlp") ||
	       gk_str_has_prefix(path, "/v1/");
}

void gk_traces_too_large(gk_exchange *x)
{
	gk_traces_fail(x, &(gk_error){ .code = GK_FAILED_PRECONDITION,
				  .message = (char *)"the request's body is too large" });
}

/* --- who may --- */

/* ^http://localhost:[0-9]+$, as the reference; a page of another site gets no permission. */
static bool is_local_origin(const char *origin)
{
	static const char prefix[] = "http://localhost:";
	const char *port = origin + sizeof(prefix) - 1;

	return gk_str_has_prefix(origin, prefix) && *port &&
	       port[strspn(port, "0123456789")] == '\0';
}

void gk_traces_set_cors(gk_exchange *x)
{
	const char *origin = gk_exchange_header(x, "Origin");

	gk_exchange_set_header(x, "Vary", "Origin");
	gk_exchange_set_header(x, "Access-Control-Expose-Headers", "X-Genkit-Trace-Id");
	if (origin && is_local_origin(origin))
		gk_exchange_set_header(x, "Access-Control-Allow-Origin", origin);
}

void gk_traces_refuse(gk_exchange *x, const gk_error *err)
{
	gk_auto_json json_t *value = error_value(err, (int)err->code);

	gk_exchange_reply_json(x, gk_code_http_status(err->code), value);
}

bool gk_traces_admit(gk_traces_door *door, gk_exchange *x)
{
	gk_context_provider *admin = door->access.admin;
	gk_auto_error gk_error err = { 0 };
	gk_auto_json json_t *context = NULL;

	if (door->access.is_closed) {
		gk_error_set(&err, GK_NOT_FOUND, "there is nothing here");
		gk_traces_refuse(x, &err);
		return false;
	}
	if (admin && admin->provide(admin, x, NULL, &context, &err) != GK_OK) {
		gk_traces_refuse(x, &err);
		return false;
	}
	if (!admin) /* else a page cannot call anyway */
		gk_traces_set_cors(x);
	return true;
}

static void preflight(gk_exchange *x, void *user)
{
	gk_traces_door *door = user;

	if (door->access.is_closed || door->access.admin) {
		gk_exchange_reply(x, 404, NULL, "", 0);
		return;
	}
	gk_traces_set_cors(x);
	gk_exchange_set_header(x, "Access-Control-Allow-Headers", "Content-Type");
	gk_exchange_set_header(x, "Access-Control-Allow-Methods", "GET,HEAD,PUT,PATCH,POST,DELETE");
	gk_exchange_reply(x, 204, NULL, "", 0);
}

/* --- calls --- */

static void free_call(gk_trace_call *call)
{
	char *texts[] = { call->body, call->path, call->type, call->encoding, call->filter,
		call->text, call->token, call->limit, call->severity_text, call->severity,
		call->trace_id, call->span_id };

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		free(texts[i]);
	gk_scope_unref(call->scope);
	gk_traces_unref(call->traces);
	free(call);
}

static void hung_up(gk_exchange *x, void *user)
{
	gk_trace_call *call = user;

	(void)x;
	call->x = NULL;
	gk_scope_cancel(call->scope, GK_CANCELLED);
}

static void body(void *user)
{
	gk_trace_call *call = user;

	call->run(call);
	free_call(call);
}

static bool copy(char **ret, const char *text)
{
	*ret = text ? strdup(text) : NULL;
	return !text || *ret;
}

static gk_trace_call *new_call(gk_traces *traces, gk_exchange *x, gk_trace_call_fn *run)
{
	gk_trace_call *call = calloc(1, sizeof(*call));

	if (!call)
		return NULL;
	call->traces = gk_traces_ref(traces);
	call->x = x;
	call->run = run;
	call->scope = gk_scope_new(traces->loop, NULL);
	if (call->scope && copy(&call->path, gk_exchange_path(x)) &&
		copy(&call->type, gk_exchange_header(x, "Content-Type")) &&
		copy(&call->encoding, gk_exchange_header(x, "Content-Encoding")) &&
		copy(&call->filter, gk_exchange_query(x, "filter")) &&
		copy(&call->text, gk_exchange_query(x, "q")) &&
		copy(&call->token, gk_exchange_query(x, "continuationToken")) &&
		copy(&call->limit, gk_exchange_query(x, "limit")) &&
		copy(&call->severity_text, gk_exchange_query(x, "severityText")) &&
		copy(&call->severity, gk_exchange_query(x, "severityNumber")) &&
		copy(&call->trace_id, gk_exchange_query(x, "traceId")) &&
		copy(&call->span_id, gk_exchange_query(x, "spanId")))
		return call;
	free_call(call);
	return NULL;
}

void gk_traces_call(gk_traces_door *door, gk_exchange *x, gk_trace_call_fn *run)
{
	gk_trace_call *call = new_call(door->traces, x, run);
	gk_auto_error gk_error err = { 0 };
	gk_code rc = GK_OK;
	size_t len;

	if (!call) {
		gk_error_no_memory(&err);
		gk_traces_fail(x, &err);
		return;
	}
	gk_exchange_body(x, &len);
	if (len) {
		call->body = gk_exchange_take_body(x, &call->len);
		if (!call->body)
			rc = gk_error_no_memory(&err);
	}
	gk_exchange_on_hangup(x, hung_up, call);
	if (rc == GK_OK)
		rc = gk_fiber_start(
			door->traces->loop, "traces", call->scope, body, call, NULL, &err);
	if (rc == GK_OK)
		return;
	gk_exchange_on_hangup(x, NULL, NULL);
	gk_traces_fail(x, &err);
	free_call(call);
}

/* --- numbers of a query --- */

uint64_t gk_traces_number(const char *text, uint64_t missing)
{
	size_t digits = text ? strspn(text, "0123456789") : 0;
	uint64_t value;

	if (!digits)
		return missing;
	return gk_parse_u64(text, digits, &value) ? value : UINT64_MAX;
}

static size_t limit_of(const gk_trace_call *call, size_t missing, size_t max)
{
	uint64_t limit =
		call->limit && call->limit[0] == '-' ? 0 : gk_traces_number(call->limit, missing);

	return limit < max ? (size_t)limit : max;
}

/* False: the token is none, which leads to an empty page. */
static bool offset_of(const gk_trace_call *call, uint64_t *ret)
{
	*ret = gk_traces_number(call->token, 0);
	if (!call->token || !*call->token)
		return true;
	return strspn(call->token, "0123456789") == strlen(call->token) && *ret <= INT64_MAX / 2;
}

/* --- lists --- */

static void fail(gk_trace_call *call, const gk_error *err)
{
	if (call->x)
		gk_traces_fail(call->x, err);
}

static void list_traces(gk_trace_call *call)
{
	gk_auto_json json_t *filter = NULL;
	gk_auto_buf gk_buf buf = GK_BUF_INIT(0);
	gk_auto_error gk_error err = { 0 };
	gk_trace_query query = { .limit = limit_of(call, GK_TRACE_LIST, GK_MAX_TRACE_LIST),
		.text = call->text };
	gk_code rc = GK_OK;

	if (!offset_of(call, &query.offset))
		query.limit = 0;
	if (call->filter && *call->filter)
		rc = gk_json_parse(call->filter, strlen(call->filter), 0, &filter, &err);
	query.filter = filter;
	if (rc == GK_OK)
		rc = gk_trace_store_list(call->traces->store, &query, &buf, &err);
	if (rc == GK_OK)
		gk_traces_reply_buf(call, &buf);
	else
		fail(call, &err);
}

static void list(gk_exchange *x, void *user)
{
	gk_traces_door *door = user;

	if (gk_traces_admit(door, x))
		gk_traces_call(door, x, list_traces);
}

static void list_logs(gk_trace_call *call)
{
	gk_auto_buf gk_buf buf = GK_BUF_INIT(0);
	gk_auto_error gk_error err = { 0 };
	gk_log_query query = { .limit = limit_of(call, GK_LOG_LIST, GK_MAX_LOG_LIST),
		.trace_id = call->trace_id && *call->trace_id ? call->trace_id : NULL,
		.span_id = call->span_id && *call->span_id ? call->span_id : NULL,
		.severity_text =
			call->severity_text && *call->severity_text ? call->severity_text : NULL,
		.min_severity = INT64_MIN };
	uint64_t severity = gk_traces_number(call->severity, UINT64_MAX);

	if (severity <= INT64_MAX)
		query.min_severity = (int64_t)severity;
	if (!offset_of(call, &query.offset))
		query.limit = 0;
	if (call->limit && call->limit[0] == '-') { /* as the reference counts */
		gk_buf_printf(&buf, "{\"logs\":[],\"continuationToken\":\"%lld\"}",
			(long long)query.offset - (long long)gk_traces_number(call->limit + 1, 0));
		gk_traces_reply_buf(call, &buf);
		return;
	}
	if (gk_trace_store_logs(call->traces->store, &query, &buf, &err) == GK_OK)
		gk_traces_reply_buf(call, &buf);
	else
		fail(call, &err);
}

static void logs(gk_exchange *x, void *user)
{
	gk_traces_door *door = user;

	if (gk_traces_admit(door, x))
		gk_traces_call(door, x, list_logs);
}

/* --- below /api/traces/ --- */

static void load(gk_trace_call *call)
{
	const char *id = call->path + sizeof(PREFIX) - 1;
	gk_auto_buf gk_buf buf = GK_BUF_INIT(0);
	gk_auto_error gk_error err = { 0 };
	gk_code rc = gk_trace_id_check(id, strlen(id), &err);

	if (rc == GK_OK)
		rc = gk_trace_store_load(call->traces->store, id, &buf, &err);
	if (rc == GK_OK)
		gk_traces_reply_buf(
			call, &buf); /* an empty one for a trace that is not there yet */
	else
		fail(call, &err);
}

/* "ID/logs" and "ID/spans/SPAN/logs": the ids go where the query's would be. False: neither. */
static bool take_ids(gk_trace_call *call, const char *rest)
{
	const char *slash = strchr(rest, '/');
	const char *span = slash && gk_str_has_prefix(slash, "/spans/") ? slash + 7 : NULL;
	const char *end = span ? strchr(span, '/') : slash;

	if (!end || strcmp(end, "/logs") != 0)
		return false;
	free(call->trace_id);
	call->trace_id = strndup(rest, (size_t)(slash - rest));
	free(call->span_id);
	call->span_id = span ? strndup(span, (size_t)(end - span)) : NULL;
	return call->trace_id && (!span || call->span_id);
}

static void list_logs_below(gk_trace_call *call)
{
	gk_auto_error gk_error err = { 0 };

	if (take_ids(call, call->path + sizeof(PREFIX) - 1)) {
		list_logs(call);
	} else {
		gk_error_no_memory(&err);
		fail(call, &err);
	}
}

static bool ends_with(const char *text, const char *end)
{
	size_t len = strlen(text), end_len = strlen(end);

	return len > end_len && strcmp(text + len - end_len, end) == 0;
}

/* An id may hold an escaped slash, which is decoded by now: only these ends make it another question. */
static void below(gk_exchange *x, void *user)
{
	gk_traces_door *door = user;
	const char *rest = gk_exchange_path(x) + sizeof(PREFIX) - 1;

	if (!gk_traces_admit(door, x))
		return;
	if (ends_with(rest, "/logs")) {
		gk_traces_call(door, x, list_logs_below);
	} else if (ends_with(rest, "/stream")) {
		gk_traces_stream(x, door, rest, strlen(rest) - strlen("/stream"));
	} else if (!*rest) {
		gk_traces_call(door, x, list_traces);
	} else {
		gk_traces_call(door, x, load);
	}
}

/* --- deleting --- */

static void delete_traces(gk_trace_call *call)
{
	const char *id =
		gk_str_has_prefix(call->path, PREFIX) ? call->path + sizeof(PREFIX) - 1 : "";
	gk_auto_error gk_error err = { 0 };
	gk_auto_json json_t *answer = NULL;
	uint64_t count = 0;

	if (gk_trace_store_delete(call->traces->store, *id ? id : NULL, &count, &err) != GK_OK) {
		fail(call, &err);
		return;
	}
	answer = json_pack("{s:I}", "deleted", (json_int_t)count);
	if (call->x)
		gk_exchange_reply_json(call->x, 200, answer);
}

static void delete (gk_exchange *x, void *user)
{
	gk_traces_door *door = user;

	if (gk_traces_admit(door, x))
		gk_traces_call(door, x, delete_traces);
}

/* --- routes --- */

static void health(gk_exchange *x, void *user)
{
	if (gk_traces_admit(user, x))
		gk_exchange_reply(x, 200, "text/plain; charset=utf-8", "OK", 2);
}

static const gk_route all_routes[] = {
	{ "GET", "/api/traces", list, NULL, 0 },
	{ "POST", "/api/traces", gk_traces_ingest, NULL, 0 },
	{ "POST", "/api/traces/", gk_traces_ingest, NULL, 0 },
	{ "GET", "/api/traces/*", below, NULL, 0 },
	{ "GET", "/api/logs", logs, NULL, 0 },
	{ "POST", "/api/feedback", gk_traces_feedback, NULL, 0 },
	{ "POST", "/api/otlp", gk_traces_ingest_otlp, NULL, 0 },
	{ "POST", "/api/otlp/*", gk_traces_ingest_otlp, NULL, 0 },
	{ "POST", "/v1/traces", gk_traces_ingest_otlp, NULL, 0 },
	{ "POST", "/v1/logs", gk_traces_ingest_otlp, NULL, 0 },
	{ "POST", "/v1/metrics", gk_traces_ingest_otlp, NULL, 0 },
	{ "OPTIONS", "/api/traces", preflight, NULL, 0 },
	{ "OPTIONS", "/api/traces/*", preflight, NULL, 0 },
	{ "OPTIONS", "/api/logs", preflight, NULL, 0 },
	{ "OPTIONS", "/api/feedback", preflight, NULL, 0 },
	{ "OPTIONS", "/api/otlp", preflight, NULL, 0 },
	{ "OPTIONS", "/api/otlp/*", preflight, NULL, 0 },
	{ "GET", "/api/store", gk_traces_store_stats, NULL, 0 },
	{ "POST", "/api/store/*", gk_traces_store_chore, NULL, 0 },
};
static const gk_route health_routes[] = {
	{ "GET", "/api/__health", health, NULL, 0 },
};
static const gk_route delete_routes[] = {
	{ "DELETE", "/api/traces", delete, NULL, 0 },
	{ "DELETE", "/api/traces/*", delete, NULL, 0 },
};

static gk_code add(
	gk_routes *routes, const gk_route *from, size_t count, gk_traces_door *door, gk_error *err)
{
	gk_code rc = GK_OK;

	for (size_t i = 0; rc == GK_OK && i < count; i++) {
		gk_route route = from[i];

		route.user = door;
		rc = gk_routes_add(routes, &route, err);
	}
	return rc;
}

#define ADD(routes, table, door, err)                                                              \
	add(routes, table, sizeof(table) / sizeof((table)[0]), door, err)

static void set_access(gk_traces_door *door, const gk_traces_access *access)
{
	const gk_traces_access before = door->access;

	door->access = *access;
	if (access->admin)
		gk_context_provider_ref(access->admin);
	if (access->callers)
		gk_context_provider_ref(access->callers);
	gk_context_provider_unref(before.admin);
	gk_context_provider_unref(before.callers);
}

void gk_traces_set_access(
	gk_traces *traces, const gk_routes *routes, const gk_traces_access *access)
{
	gk_traces_door *door;

	LIST_FOREACH (door, &traces->doors, link)
		if (door->routes == routes)
			set_access(door, access);
}

gk_code gk_traces_add_routes(
	gk_traces *traces, gk_routes *routes, const gk_traces_access *access, gk_error *err)
{
	gk_traces_door *door = calloc(1, sizeof(*door));
	gk_code rc;

	if (!door)
		return gk_error_no_memory(err);
	door->traces = traces;
	door->routes = routes;
	LIST_INSERT_HEAD(&traces->doors, door, link);
	if (access)
		set_access(door, access);
	rc = ADD(routes, all_routes, door, err);
	if (rc == GK_OK && access && access->has_health)
		rc = ADD(routes, health_routes, door, err);
	if (rc == GK_OK && access && access->may_delete)
		rc = ADD(routes, delete_routes, door, err);
	return rc;
}

/* --- life --- */

gk_code gk_traces_new(gk_app *app, gk_trace_store *store, gk_traces **ret, gk_error *err)
{
	gk_traces *traces = calloc(1, sizeof(*traces));

	if (!traces)
		return gk_error_no_memory(err);
	traces->refs = 1;
	traces->app = app;
	traces->loop = gk_app_loop(app);
	traces->store = store;
	LIST_INIT(&traces->doors);
	LIST_INIT(&traces->streams);
	*ret = traces;
	return GK_OK;
}

gk_traces *gk_traces_ref(gk_traces *traces)
{
	traces->refs++;
	return traces;
}

void gk_traces_unref(gk_traces *traces)
{
	gk_traces_door *door;

	if (--traces->refs)
		return;
	while ((door = LIST_FIRST(&traces->doors))) {
		LIST_REMOVE(door, link);
		gk_context_provider_unref(door->access.admin);
		gk_context_provider_unref(door->access.callers);
		free(door);
	}
	free(traces);
}

void gk_traces_free(gk_traces *traces)
{
	if (traces)
		gk_traces_unref(traces);
}
