/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * Agents on the wire: each case is one request to a flow server with the agents `srv`, whose sessions are kept here, and `cli`,
 * whose state travels. Three things are as the digest's rules say and not as they were recorded (sessions section 13): a
 * stream's type is text/event-stream, an error in it is a `data` event, and a missing init is an empty one.
 */
#include "sessions.h"

#include "base/str.h"
#include "loop/fetch.h"
#include "server/flows.h"

#include <stdio.h>

typedef struct wire {
	core_app *app;
	gk_flows *flows;
	gk_http_listener *listener;
	gk_fetch_client *client;
	conformance *run;
	const char *name;
	json_t *one; /* the case */
	bool is_done;
} wire;

/* --- comparing --- */

static bool are_frames(const char *text, json_t *frames)
{
	json_t *frame;
	size_t i;

	json_array_foreach (frames, i, frame) {
		gk_auto_json json_t *got = NULL;
		const char *end = strstr(text, "\n\n");

		if (!end || !gk_str_has_prefix(text, "data: ") ||
			gk_json_parse(text + 6, (size_t)(end - text) - 6, 0, &got, NULL) != GK_OK ||
			!sessions_contains(got, json_object_get(frame, "json")))
			return false;
		text = end + 2;
	}
	return !*text;
}

static bool is_expected(const json_t *one, const gk_fetch *res, const char *text, size_t len)
{
	const char *type = gk_json_str_peek(one, "content_type");
	json_t *frames = json_object_get(one, "frames");
	json_t *body = json_object_get(one, "body_json");
	gk_auto_json json_t *got = NULL;

	if (gk_fetch_status(res) != gk_json_int_at(one, "status", 0))
		return false;
	if (frames)
		type = "text/event-stream";
	if (type && !gk_str_has_prefix(gk_fetch_header_peek(res, "Content-Type"), type))
		return false;
	if (frames)
		return are_frames(text, frames);
	return gk_json_parse(text, len, 0, &got, NULL) == GK_OK &&
	       (!body || sessions_contains(got, body));
}

/* --- one request --- */

static void ask(void *user)
{
	wire *w = user;
	const char *accept = gk_json_str_peek(w->one, "headers.accept");
	gk_auto_str char *body = gk_json_write(json_object_get(w->one, "body"), NULL), *url = NULL,
			 *header = NULL, *text = NULL;
	const char *headers[] = { "Content-Type: application/json", NULL, NULL };
	gk_auto_fetch gk_fetch *res = NULL;
	size_t len = 0;
	gk_code rc = GK_RESOURCE_EXHAUSTED;

	if (asprintf(&url, "http://%s%s", gk_http_address(w->listener),
		    gk_json_str_peek(w->one, "path")) > 0 &&
		asprintf(&header, "Accept: %s", accept ? accept : "") > 0) {
		headers[1] = accept ? header : NULL;
		rc = gk_fetch_start(w->client,
			GK_OPTS(gk_fetch_opts, .url = url, .headers = headers, .body = body,
				.body_len = strlen(body)),
			&res, NULL);
	}
	if (rc == GK_OK)
		rc = gk_fetch_read_all(res, &text, &len, NULL);
	if (rc != GK_OK)
		conformance_fail(w->run, w->name, "no answer: %s", gk_code_name(rc));
	else if (is_expected(w->one, res, text, len))
		conformance_pass(w->run, w->name);
	else
		conformance_fail(w->run, w->name, "%d %.500s", gk_fetch_status(res), text);
	w->is_done = true;
}

/* --- the server --- */

static gk_code answer(gk_ctx *ctx, json_t *request, json_t **ret, gk_error *err)
{
	const wire *w = gk_ctx_user(ctx);
	gk_code rc = GK_OK;

	(void)request;
	if (gk_json_bool_at(w->one, "stream_model", false))
		rc = gk_ctx_send(ctx, json_pack("{s:[{s:s}]}", "content", "text", "a"), err);
	*ret = json_pack(
		"{s:o, s:s}", "message", gk_message_of_text("model", "a1"), "finishReason", "stop");
	return rc;
}

static void start(wire *w)
{
	const gk_prompt_opts prompt = { .size = sizeof(prompt), .model = "a1" };
	gk_app *app = w->app->app;

	core_app_must(gk_define_model(app,
			      GK_OPTS(gk_model_opts, .name = "a1", .run = answer, .user = w), NULL),
		"a1");
	core_app_must(
		gk_define_agent(app,
			GK_OPTS(gk_agent_opts, .name = "srv", .prompt = &prompt, .is_stored = true),
			NULL),
		"srv");
	core_app_must(gk_define_agent(
			      app, GK_OPTS(gk_agent_opts, .name = "cli", .prompt = &prompt), NULL),
		"cli");
	core_app_must(gk_flows_new(app, GK_OPTS(gk_flows_opts, .prefix = NULL), &w->flows, NULL),
		"flows");
	core_app_must(gk_http_listen(w->app->loop,
			      GK_OPTS(gk_http_opts, .name = "flows", .address = "127.0.0.1:0",
				      .handle = gk_routes_handle, .too_large = gk_routes_too_large,
				      .user = gk_flows_routes(w->flows)),
			      &w->listener, NULL),
		"listener");
	core_app_must(gk_fetch_client_new(w->app->loop, NULL, &w->client, NULL), "client");
}

static void stop(wire *w)
{
	gk_fetch_client_free(w->client);
	gk_http_free(w->listener);
	while (gk_app_run_count(w->app->app) || gk_fiber_count(w->app->loop))
		gk_loop_turn(w->app->loop, 10);
	gk_flows_free(w->flows);
}

void sessions_run_http(conformance *run, const char *name, core_app *app, json_t *one)
{
	wire w = { .app = app, .run = run, .name = name, .one = one };

	start(&w);
	core_app_must(gk_fiber_start(app->loop, "case", NULL, ask, &w, NULL, NULL), "case");
	while (!w.is_done)
		gk_loop_turn(app->loop, 100);
	stop(&w);
}
