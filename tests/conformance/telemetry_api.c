/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "telemetry_api.h"

#include "base/buf.h"
#include "base/str.h"
#include "json/edit.h"
#include "loop/fetch.h"
#include "server/traces.h"

#include <stdio.h>
#include <strings.h>
#include <unistd.h>

#define MAX_STREAMS 8
#define FRAMES_MS   2000 /* for frames that should come, */
#define SURPLUS_MS  200  /* and for those that should not */

/* One live stream; its fiber reads until it is closed. */
typedef struct live {
	const char *id;
	char *url;
	json_t *frames;
	char *type;
	gk_scope *scope;
	bool is_open, is_done;
	struct replay *replay;
} live;

typedef struct replay {
	conformance *run;
	json_t *steps;
	char folder[64];
	gk_loop *loop;
	gk_app *app;
	gk_trace_store *store;
	gk_traces *traces;
	gk_routes *routes;
	gk_http_listener *listener;
	gk_fetch_client *client;
	live streams[MAX_STREAMS];
	size_t stream_count;
	bool has_otlp, is_done;
} replay;

/* --- comparing --- */

static bool is_mask(const char *text, const json_t *got, bool *fits)
{
	*fits = true;
	if (strcmp(text, "<implementation-specific>") == 0)
		return true;
	*fits = json_is_string(got);
	if (strcmp(text, "<stack>") == 0)
		return true;
	*fits = json_is_string(got) && json_string_length(got) == 36;
	if (strcmp(text, "<uuid>") == 0)
		return true;
	*fits = json_is_number(got);
	return strcmp(text, "<number>") == 0;
}

/* What came by OpenTelemetry may have more than the reference keeps of it. */
static bool may_be_more(
	const replay *r, const json_t *expected, const char *key, bool in_attributes)
{
	static const char *const members[] = { "links", "timeEvents", "sameProcessAsParentSpan",
		"status", "body" };

	if (!r->has_otlp)
		return false;
	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
		if (strcmp(key, members[i]) == 0)
			return json_object_get(expected, "displayName") ||
			       json_object_get(expected, "logId");
	return in_attributes;
}

static bool matches(const replay *r, const json_t *expected, const json_t *got, bool in_attributes);

static bool objects_match(
	const replay *r, const json_t *expected, const json_t *got, bool in_attributes)
{
	const char *key;
	json_t *value;

	json_object_foreach ((json_t *)(uintptr_t)expected, key, value)
		if (!json_object_get(got, key) || !matches(r, value, json_object_get(got, key),
							  strcmp(key, "attributes") == 0))
			return false;
	json_object_foreach ((json_t *)(uintptr_t)got, key, value)
		if (!json_object_get(expected, key) &&
			!may_be_more(r, expected, key, in_attributes))
			return false;
	return true;
}

static bool matches(const replay *r, const json_t *expected, const json_t *got, bool in_attributes)
{
	bool fits;

	if (json_is_string(expected) && is_mask(json_string_value(expected), got, &fits))
		return fits;
	if (json_is_object(expected) && json_is_object(got))
		return objects_match(r, expected, got, in_attributes);
	if (!json_is_array(expected) || !json_is_array(got))
		return gk_json_equal(expected, got);
	if (json_array_size(expected) != json_array_size(got))
		return false;
	for (size_t i = 0; i < json_array_size(expected); i++)
		if (!matches(r, json_array_get(expected, i), json_array_get(got, i), false))
			return false;
	return true;
}

/* --- one request --- */

static const char *const cors_headers[] = { "Access-Control-Allow-Origin",
	"Access-Control-Expose-Headers", "Access-Control-Allow-Headers",
	"Access-Control-Allow-Methods" };

static void check_cors(replay *r, const char *name, const json_t *expected, const json_t *asked,
	const gk_fetch *res, bool *ok)
{
	for (size_t i = 0; i < sizeof(cors_headers) / sizeof(cors_headers[0]); i++) {
		const char *want = gk_json_str_peek(expected, cors_headers[i]);
		const char *got = gk_fetch_header_peek(res, cors_headers[i]);
		bool forbids = !want && i == 0 && json_object_get(asked, "Origin");

		if (*ok && ((want && !gk_str_equal(want, got)) || (forbids && got))) {
			*ok = false;
			conformance_fail(
				r->run, name, "%s: %s", cors_headers[i], got ? got : "none");
		}
	}
}

/* Any failure of the client's may be said so; the texts are compared where they are fixed. */
static bool is_failure(int status, const json_t *expected, const json_t *got)
{
	const char *want = gk_json_str_peek(expected, "json.message");
	const char *message = gk_json_str_peek(got, "message");

	if (status != 400 && status != 413 && status != 415 && status != 422 && status != 500)
		return false;
	if (!json_is_integer(json_object_get(got, "code")) || !message)
		return false;
	return !want ||
	       (!gk_str_has_prefix(want, "Invalid trace id") &&
		       !gk_str_has_prefix(want, "An internal error occurred")) ||
	       strcmp(want, message) == 0;
}

static bool is_same_type(const char *want, const char *got)
{
	size_t len = want ? strcspn(want, ";") : 0;

	return !want || (got && strncasecmp(want, got, len) == 0 && strchr(";", got[len]));
}

static bool is_as_expected(replay *r, const json_t *expected, int status, const char *type,
	const char *text, size_t len)
{
	const char *want = gk_json_str_peek(expected, "text");
	gk_auto_json json_t *got = NULL;

	if (gk_json_parse(text, len, 0, &got, NULL) != GK_OK)
		got = NULL;
	if (gk_json_int_at(expected, "status", 0) == 500)
		return is_failure(status, expected, got);
	if (status != gk_json_int_at(expected, "status", 0))
		return false;
	if (gk_str_equal(want, "<html error page>"))
		return true;
	if (want)
		return strcmp(text, want) == 0 && type && gk_str_has_prefix(type, "text/");
	if (!is_same_type(gk_json_str_peek(expected, "contentType"), type))
		return false;
	if (gk_json_bool_at(expected, "empty", false))
		return len == 0;
	return !json_object_get(expected, "json") ||
	       matches(r, json_object_get(expected, "json"), got, false);
}

/* "Name: value", NULL-terminated; static memory. */
static const char *const *headers_of(const json_t *step, bool has_body)
{
	static char texts[9][300];
	static const char *list[10];
	json_t *headers = json_object_get(step, "headers");
	const char *name;
	json_t *value;
	size_t count = 0;
	bool has_type = false;

	json_object_foreach (headers, name, value) {
		has_type |= strcasecmp(name, "Content-Type") == 0;
		snprintf(texts[count], sizeof(texts[0]), "%s: %s", name, json_string_value(value));
		list[count] = texts[count];
		if (++count == 8)
			break;
	}
	if (has_body && !has_type)
		list[count++] = "Content-Type: application/json";
	list[count] = NULL;
	return list;
}

static char *url_of(const replay *r, const json_t *step)
{
	char *url;

	return asprintf(&url, "http://%s%s", gk_http_address(r->listener),
		       gk_json_str_peek(step, "path")) < 0
		       ? NULL
		       : url;
}

static void ask(replay *r, const char *name, const json_t *step)
{
	const json_t *expected = json_object_get(step, "genkitd")
					 ? json_object_get(step, "genkitd")
					 : json_object_get(step, "response");
	const json_t *value = json_object_get(step, "body");
	gk_auto_str char *body = value ? gk_json_write(value, NULL) : NULL, *url = url_of(r, step),
			 *text = NULL;
	const char *given = body ? body : gk_json_str_peek(step, "bodyText");
	size_t given_len =
		body ? strlen(body) : json_string_length(json_object_get(step, "bodyText"));
	gk_auto_fetch gk_fetch *res = NULL;
	gk_auto_error gk_error err = { 0 };
	size_t len = 0;
	bool ok = true;
	gk_code rc = gk_fetch_start(r->client,
		GK_OPTS(gk_fetch_opts, .url = url, .method = gk_json_str_peek(step, "method"),
			.headers = headers_of(step, given != NULL), .body = given,
			.body_len = given_len),
		&res, &err);

	if (rc == GK_OK)
		rc = gk_fetch_read_all(res, &text, &len, &err);
	if (rc != GK_OK) {
		conformance_fail(r->run, name, "no answer: %s", err.message);
		return;
	}
	check_cors(r, name, expected, json_object_get(step, "headers"), res, &ok);
	if (!ok)
		return;
	if (is_as_expected(r, expected, gk_fetch_status(res),
		    gk_fetch_header_peek(res, "Content-Type"), text, len))
		conformance_pass(r->run, name);
	else
		conformance_fail(r->run, name, "%d %.300s", gk_fetch_status(res), text);
}

/* --- streams --- */

static void take_frames(live *stream, gk_buf *buf)
{
	char *end;

	while (buf->len && (end = strstr(buf->data, "\n\n"))) {
		size_t len = (size_t)(end - buf->data);
		json_t *frame = NULL;

		if (gk_str_has_prefix(buf->data, "data: ") &&
			gk_json_parse(buf->data + 6, len - 6, 0, &frame, NULL) == GK_OK)
			json_array_append_new(stream->frames, frame);
		gk_buf_consume(buf, len + 2);
	}
}

static void read_stream(void *user)
{
	live *stream = user;
	gk_auto_buf gk_buf buf = GK_BUF_INIT(0);
	gk_auto_fetch gk_fetch *res = NULL;
	const char *data;
	size_t len = 1;
	gk_code rc = gk_fetch_start(
		stream->replay->client, GK_OPTS(gk_fetch_opts, .url = stream->url), &res, NULL);

	if (rc == GK_OK)
		stream->type = strdup(gk_fetch_header_peek(res, "Content-Type"));
	stream->is_open = true;
	while (rc == GK_OK && len && (rc = gk_fetch_read(res, &data, &len, NULL)) == GK_OK) {
		gk_buf_put(&buf, data, len);
		take_frames(stream, &buf);
	}
	stream->is_done = true;
}

static void open_stream(replay *r, const char *name, const json_t *step)
{
	live *stream = &r->streams[r->stream_count++];

	*stream = (live){ .id = gk_json_str_peek(step, "id"),
		.url = url_of(r, step),
		.frames = json_array(),
		.scope = gk_scope_new(r->loop, NULL),
		.replay = r };
	if (gk_fiber_start(r->loop, "stream", stream->scope, read_stream, stream, NULL, NULL) !=
		GK_OK) {
		conformance_fail(r->run, name, "no fiber");
		return;
	}
	while (!stream->is_open)
		if (gk_fiber_sleep(1, NULL) != GK_OK)
			return;
	conformance_pass(r->run, name);
}

static void close_stream(replay *r, const char *name, const json_t *step)
{
	const json_t *expected = json_object_get(step, "frames");
	gk_auto_str char *got = NULL;
	live *stream = NULL;
	gk_code rc = GK_OK;

	for (size_t i = 0; i < r->stream_count; i++)
		if (gk_str_equal(r->streams[i].id, gk_json_str_peek(step, "id")))
			stream = &r->streams[i];
	if (!stream) {
		conformance_fail(r->run, name, "was never opened");
		return;
	}
	for (int ms = 0; rc == GK_OK && ms < FRAMES_MS &&
			 json_array_size(stream->frames) < json_array_size(expected);
		ms += 5)
		rc = gk_fiber_sleep(5, NULL);
	if (rc == GK_OK)
		rc = gk_fiber_sleep(SURPLUS_MS, NULL);
	gk_scope_cancel(stream->scope, GK_CANCELLED);
	while (rc == GK_OK && !stream->is_done)
		rc = gk_fiber_sleep(1, NULL);
	got = gk_json_write(stream->frames, NULL);
	if (matches(r, expected, stream->frames, false) &&
		gk_str_equal(stream->type, "text/event-stream"))
		conformance_pass(r->run, name);
	else
		conformance_fail(r->run, name, "frames %.500s", got);
}

/* --- the server --- */

static bool start_server(replay *r)
{
	gk_trace_store_opts opts = { .size = sizeof(opts) };
	gk_auto_str char *path = NULL;

	snprintf(r->folder, sizeof(r->folder), "/tmp/genkitd-conformance-XXXXXX");
	if (!mkdtemp(r->folder) || asprintf(&path, "%s/traces.db", r->folder) < 0)
		return false;
	opts.path = path;
	r->routes = gk_routes_new(NULL);
	return r->routes && gk_loop_new(&r->loop, NULL) == GK_OK &&
	       gk_trace_store_open(r->loop, &opts, &r->store, NULL) == GK_OK &&
	       gk_app_new(r->loop, NULL, &r->app, NULL) == GK_OK &&
	       gk_traces_new(r->app, r->store, &r->traces, NULL) == GK_OK &&
	       gk_traces_add_routes(r->traces, r->routes,
		       GK_OPTS(gk_traces_access, .has_health = true), NULL) == GK_OK &&
	       gk_http_listen(r->loop,
		       GK_OPTS(gk_http_opts, .name = "traces", .address = "127.0.0.1:0",
			       .handle = gk_routes_handle, .too_large = gk_routes_too_large,
			       .user = r->routes),
		       &r->listener, NULL) == GK_OK &&
	       gk_fetch_client_new(r->loop, NULL, &r->client, NULL) == GK_OK;
}

static void stop_server(replay *r)
{
	gk_auto_str char *command = NULL;

	for (size_t i = 0; i < r->stream_count; i++) {
		gk_scope_unref(r->streams[i].scope);
		json_decref(r->streams[i].frames);
		free(r->streams[i].url);
		free(r->streams[i].type);
	}
	gk_fetch_client_free(r->client);
	gk_http_free(r->listener);
	for (int i = 0; r->loop && gk_fiber_count(r->loop) && i < 1000; i++)
		gk_loop_turn(r->loop, 10);
	gk_traces_free(r->traces);
	gk_trace_store_close(r->store);
	gk_app_free(r->app);
	gk_routes_free(r->routes);
	gk_loop_free(r->loop);
	if (asprintf(&command, "rm -rf %s", r->folder) > 0 && system(command) != 0)
		fprintf(stderr, "%s stays\n", r->folder);
}

static void run_steps(void *user)
{
	replay *r = user;
	json_t *step;
	size_t i;

	json_array_foreach (r->steps, i, step) {
		const char *op = gk_json_str_peek(step, "op");
		char name[200];

		snprintf(name, sizeof(name), "%zu %s %s", i,
			op ? op : gk_json_str_peek(step, "method"),
			gk_json_str_peek(step, op ? "id" : "path"));
		if (gk_str_equal(op, "openStream"))
			open_stream(r, name, step);
		else if (op)
			close_stream(r, name, step);
		else
			ask(r, name, step);
	}
	r->is_done = true;
}

void telemetry_api_run(conformance *run, const char *file, json_t *doc)
{
	replay r = { .run = run, .steps = json_object_get(doc, "steps") };
	gk_auto_str char *text = gk_json_write(r.steps, NULL);

	r.has_otlp = text && strstr(text, "/api/otlp");
	if (!start_server(&r) ||
		gk_fiber_start(r.loop, "steps", NULL, run_steps, &r, NULL, NULL) != GK_OK)
		conformance_fail(run, file, "the server does not start");
	else
		while (!r.is_done)
			gk_loop_turn(r.loop, 100);
	stop_server(&r);
}
