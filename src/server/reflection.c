/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Reflection v1: its routes, and the endpoints that answer at once (reflection section 1). */
#include "server/reflection_internal.h"

#include "base/str.h"
#include "server/body.h"
#include "server/origin.h"
#include "server/traces.h"
#include "server/wire.h"

#include <stdio.h>
#include <unistd.h>

#define TEXT "text/plain; charset=utf-8"
#define JSON "application/json; charset=utf-8"

/* --- answers --- */

static void reply(gk_exchange *x, int status, const char *type, const char *text)
{
	gk_exchange_reply(x, status, type, text, strlen(text));
}

void gk_reflection_reply_text(gk_exchange *x, int status, const char *text)
{
	reply(x, status, TEXT, text);
}

void gk_reflection_reply_error(gk_exchange *x, const gk_error *err)
{
	gk_buf *buf = gk_exchange_buffer(x);

	gk_exchange_begin(x, 200, JSON);
	gk_buf_puts(buf, "{\"error\":");
	gk_wire_status(buf, err, NULL, NULL);
	gk_buf_putc(buf, '}');
	gk_exchange_wrote(x);
	gk_exchange_end(x);
}

/* --- what it says of itself --- */

static bool is_own_id(const gk_reflection *r, const char *id)
{
	return gk_str_equal(id, r->runtime->id) || gk_str_equal(id, r->pid_port);
}

/* Plugins are not initialised first, as the reference does: the CLI forgets a runtime for good that does not answer in
 * time. Listings initialise them. */
static void health(gk_exchange *x, void *user)
{
	gk_reflection *r = user;
	const char *id = gk_exchange_query(x, "id");

	if (!id || !*id || is_own_id(r, id))
		gk_reflection_reply_text(x, 200, "OK");
	else
		gk_reflection_reply_text(x, 503, "Invalid runtime ID");
}

static void envs(gk_exchange *x, void *user)
{
	(void)user;
	reply(x, 200, JSON, "[\"dev\"]");
}

static void tell_quit(void *user)
{
	gk_reflection *r = user;

	if (r->runtime->quit)
		r->runtime->quit(r->runtime->user);
}

static void quit(gk_exchange *x, void *user)
{
	gk_reflection *r = user;

	gk_reflection_reply_text(x, 200, "OK");
	gk_loop_defer(gk_app_loop(r->app), &r->quit);
}

/* --- notify and cancelAction --- */

static void notified(gk_exchange *x, json_t *value, const gk_error *err, void *user)
{
	gk_reflection *r = user;

	if (x && err) {
		gk_reflection_reply_error(x, err);
	} else if (x) {
		gk_runtime_notice(r->runtime, value, true);
		gk_reflection_reply_text(x, 200, "OK");
	}
	gk_reflection_unref(r);
}

static void notify(gk_exchange *x, void *user)
{
	gk_reflection *r = user;

	gk_body_read(gk_app_loop(r->app), x, notified, gk_reflection_ref(r));
}

static void cancel(gk_reflection *r, gk_exchange *x, const json_t *body)
{
	const char *trace_id = json_string_value(json_object_get(body, "traceId"));
	gk_run *run;

	if (!trace_id || !*trace_id) {
		reply(x, 400, JSON, "{\"error\":\"traceId is required\"}");
		return;
	}
	run = gk_app_find_run_peek(r->app, trace_id);
	if (!run) {
		reply(x, 404, JSON, "{\"message\":\"Action not found or already completed\"}");
		return;
	}
	gk_run_cancel(run, GK_CANCELLED);
	reply(x, 200, JSON, "{\"message\":\"Action cancelled\"}");
}

static void cancel_read(gk_exchange *x, json_t *value, const gk_error *err, void *user)
{
	gk_reflection *r = user;

	if (x && err)
		gk_reflection_reply_error(x, err);
	else if (x)
		cancel(r, x, value);
	gk_reflection_unref(r);
}

static void cancel_action(gk_exchange *x, void *user)
{
	gk_reflection *r = user;

	gk_body_read(gk_app_loop(r->app), x, cancel_read, gk_reflection_ref(r));
}

/* --- what fits nowhere --- */

static bool guard(gk_exchange *x, void *user)
{
	gk_reflection *r = user;

	gk_exchange_set_header(x, "X-Genkit-Version", gk_runtime_version(r->runtime));
	if (strcmp(gk_exchange_path(x), "/api/__health") == 0) {
		/* It gives nothing away, and answers as the telemetry server does. */
		gk_traces_set_cors(x);
		if (gk_host_is_own(gk_exchange_header(x, "Host"), r->address))
			return true;
	} else if (gk_request_is_own(x, r->address)) {
		return true;
	}
	gk_reflection_reply_text(x, 403, "this API is for programs on this machine only");
	return false;
}

static void missing(gk_exchange *x, void *user)
{
	gk_auto_str char *text = NULL;

	(void)user;
	if (asprintf(&text, "Cannot %s %s", gk_exchange_method(x), gk_exchange_path(x)) < 0)
		text = NULL;
	gk_reflection_reply_text(x, 404, text ? text : "");
}

static void too_large(gk_exchange *x, void *user)
{
	(void)user;
	if (gk_traces_is_path(gk_exchange_path(x))) {
		gk_traces_too_large(x);
		return;
	}
	gk_reflection_reply_error(x, &(gk_error){ .code = GK_INTERNAL,
					     .is_plain = true,
					     .message = (char *)"request entity too large" });
}

/* --- life --- */

static const gk_route routes[] = {
	{ "GET", "/api/__health", health, NULL, 0 },
	{ "GET", "/api/__quitquitquit", quit, NULL, 0 },
	{ "POST", "/api/__quitquitquit", quit, NULL, 0 },
	{ "GET", "/api/actions", gk_reflection_list_actions, NULL, 0 },
	{ "GET", "/api/values", gk_reflection_list_values, NULL, 0 },
	{ "GET", "/api/envs", envs, NULL, 0 },
	{ "POST", "/api/runAction", gk_reflection_run_action, NULL, 0 },
	{ "POST", "/api/cancelAction", cancel_action, NULL, 0 },
	{ "POST", "/api/notify", notify, NULL, 0 },
};

gk_reflection *gk_reflection_ref(gk_reflection *r)
{
	r->refs++;
	return r;
}

void gk_reflection_unref(gk_reflection *r)
{
	if (--r->refs)
		return;
	gk_routes_free(r->routes);
	json_decref(r->no_context);
	free(r->address);
	free(r->pid_port);
	free(r);
}

void gk_reflection_free(gk_reflection *r)
{
	if (!r)
		return;
	gk_loop_undefer(gk_app_loop(r->app), &r->quit);
	gk_reflection_unref(r);
}

static gk_code add_routes(gk_reflection *r, gk_error *err)
{
	gk_code rc = GK_OK;

	r->routes = gk_routes_new(GK_OPTS(gk_routes_opts, .guard = guard, .missing = missing,
		.too_large = too_large, .user = r, .says_options = true));
	if (!r->routes)
		return gk_error_no_memory(err);
	for (size_t i = 0; rc == GK_OK && i < sizeof(routes) / sizeof(routes[0]); i++) {
		gk_route route = routes[i];

		route.user = r;
		rc = gk_routes_add(r->routes, &route, err);
	}
	return rc;
}

gk_code gk_reflection_new(
	gk_app *app, const gk_runtime *runtime, gk_reflection **ret, gk_error *err)
{
	gk_reflection *r = calloc(1, sizeof(*r));
	gk_code rc;

	if (!r)
		return gk_error_no_memory(err);
	r->refs = 1;
	r->app = app;
	r->runtime = runtime;
	r->quit = (gk_defer){ .fn = tell_quit, .user = r };
	r->no_context = json_object();
	rc = r->no_context ? add_routes(r, err) : gk_error_no_memory(err);
	if (rc != GK_OK) {
		gk_reflection_unref(r);
		return rc;
	}
	*ret = r;
	return GK_OK;
}

gk_routes *gk_reflection_routes(gk_reflection *r)
{
	return r->routes;
}

gk_code gk_reflection_bind(gk_reflection *r, const char *address, unsigned port, gk_error *err)
{
	char *copy = strdup(address), *pid_port = NULL;

	if (asprintf(&pid_port, "%d-%u", (int)getpid(), port) < 0)
		pid_port = NULL;
	if (!copy || !pid_port) {
		free(copy);
		free(pid_port);
		return gk_error_no_memory(err);
	}
	free(r->address);
	free(r->pid_port);
	r->address = copy;
	r->pid_port = pid_port;
	return GK_OK;
}

const char *gk_reflection_id(const gk_reflection *r)
{
	return r->runtime->id ? r->runtime->id : r->pid_port;
}
