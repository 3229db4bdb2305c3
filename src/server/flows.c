/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* The flow server: which request is for which flow, who may call it, and what it is given (reflection section 5). */
#include "server/flows_internal.h"

#include "base/str.h"
#include "server/body.h"
#include "server/cors.h"
#include "server/wire.h"

#include <stdio.h>
#include <strings.h>

struct gk_flows {
	gk_app *app;
	gk_routes *routes;
	gk_flow_settings *settings;
};

/* --- settings --- */

static void free_texts(char **texts)
{
	for (char **text = texts; text && *text; text++)
		free(*text);
	free(texts);
}

static char **copy_texts(const char *const *texts)
{
	size_t count = 0;
	char **copy;

	while (texts[count])
		count++;
	copy = calloc(count + 1, sizeof(*copy));
	for (size_t i = 0; copy && i < count; i++) {
		copy[i] = strdup(texts[i]);
		if (!copy[i]) {
			free_texts(copy);
			return NULL;
		}
	}
	return copy;
}

gk_flow_settings *gk_flow_settings_ref(gk_flow_settings *settings)
{
	settings->refs++;
	return settings;
}

void gk_flow_settings_unref(gk_flow_settings *settings)
{
	if (!settings || --settings->refs)
		return;
	free(settings->prefix);
	free(settings->agents);
	free_texts(settings->served);
	free_texts(settings->origins);
	gk_context_provider_unref(settings->provider);
	gk_stream_store_unref(settings->streams);
	free(settings);
}

static gk_flow_settings *make_settings(gk_app *app, const gk_flows_opts *opts)
{
	gk_flow_settings *settings = calloc(1, sizeof(*settings));
	int len;

	if (!settings)
		return NULL;
	settings->refs = 1;
	settings->app = app;
	settings->timeout_ms = opts->timeout_ms;
	if (opts->provider)
		settings->provider = gk_context_provider_ref(opts->provider);
	if (opts->streams)
		settings->streams = gk_stream_store_ref(opts->streams);
	len = asprintf(&settings->prefix, "/%s", opts->prefix ? opts->prefix : "");
	if (len < 0)
		settings->prefix = NULL;
	settings->prefix_len = (size_t)len;
	settings->agents = strdup(opts->agents ? opts->agents : GK_AGENTS_PREFIX);
	if (opts->served)
		settings->served = copy_texts(opts->served);
	if (opts->origins)
		settings->origins = copy_texts(opts->origins);
	if (settings->prefix && settings->agents && (settings->served || !opts->served) &&
		(settings->origins || !opts->origins))
		return settings;
	gk_flow_settings_unref(settings);
	return NULL;
}

/* --- answers --- */

void gk_flow_reply_error(gk_exchange *x, const gk_error *err)
{
	gk_exchange_begin(x, gk_wire_flow_status(err), "application/json; charset=utf-8");
	gk_wire_flow_error(gk_exchange_buffer(x), err);
	gk_exchange_wrote(x);
	gk_exchange_end(x);
}

static void missing(gk_exchange *x)
{
	gk_flow_reply_error(x, &(gk_error){ .code = GK_NOT_FOUND,
				       .message = (char *)"No action matched the request path." });
}

static bool wants_stream(const gk_exchange *x)
{
	const char *accept;

	if (gk_str_equal(gk_exchange_query(x, "stream"), "true"))
		return true;
	accept = gk_exchange_header(x, "Accept");
	return accept && strcasestr(accept, "text/event-stream");
}

/* --- the request --- */

void gk_flow_call_free(gk_flow_call *call)
{
	gk_run_unref(call->run);
	gk_action_unref(call->action);
	json_decref(call->context);
	gk_flow_settings_unref(call->settings);
	free(call);
}

gk_run_opts gk_flow_run_opts(const gk_flow_call *call, const json_t *body)
{
	return (gk_run_opts){ .app = call->settings->app,
		.action = call->action,
		.input = json_object_get(body, "data"),
		.init = json_object_get(body, "init"),
		.context = call->context,
		.is_streaming = call->is_stream,
		.timeout_ms = call->settings->timeout_ms,
		.traceparent = gk_exchange_header(call->x, "traceparent"),
		.trace_state = gk_exchange_header(call->x, "tracestate"),
		.baggage = gk_exchange_header(call->x, "baggage"),
		.may_continue_trace = true };
}

static gk_code ask_provider(gk_flow_call *call, json_t *input, gk_error *err)
{
	gk_context_provider *provider = call->settings->provider;

	return provider->provide(provider, call->x, input, &call->context, err);
}

static gk_code check(gk_flow_call *call, json_t *body, gk_error *err)
{
	gk_context_provider *provider = call->settings->provider;

	if (body && !json_is_object(body))
		return gk_error_set(err, GK_INVALID_ARGUMENT,
			"the request's body must be a JSON object: {\"data\": ...}");
	if (provider && provider->needs_input)
		return ask_provider(call, json_object_get(body, "data"), err);
	return GK_OK;
}

static void refuse(gk_flow_call *call, const gk_error *err)
{
	gk_flow_reply_error(call->x, err);
	gk_flow_call_free(call);
}

static void body_read(gk_exchange *x, json_t *body, const gk_error *err, void *user)
{
	gk_flow_call *call = user;
	gk_auto_error gk_error failure = { 0 };
	const char *stream_id;

	if (!x) {
		gk_flow_call_free(call);
	} else if (err) {
		refuse(call, err);
	} else if (check(call, body, &failure) != GK_OK) {
		refuse(call, &failure);
	} else if (!call->settings->streams || !call->is_stream) {
		gk_flow_run(call, body);
	} else {
		stream_id = gk_exchange_header(x, "x-genkit-stream-id");
		if (stream_id)
			gk_flow_resume(call, stream_id);
		else
			gk_flow_run_durable(call, body);
	}
}

static void handle(gk_exchange *x, void *user)
{
	gk_flow_settings *settings = ((gk_flows *)user)->settings;
	gk_action *action = gk_flow_find(settings, gk_exchange_path(x));
	gk_auto_error gk_error err = { 0 };
	gk_flow_call *call;

	if (!action) {
		missing(x);
		return;
	}
	call = malloc(sizeof(*call));
	if (!call) {
		gk_error_no_memory(&err);
		gk_flow_reply_error(x, &err);
		return;
	}
	*call = (gk_flow_call){ .settings = gk_flow_settings_ref(settings),
		.x = x,
		.action = gk_action_ref(action),
		.is_stream = wants_stream(x),
		.error_frame = gk_flow_error_frame(action) };
	if (settings->provider && !settings->provider->needs_input &&
		ask_provider(call, NULL, &err) != GK_OK)
		refuse(call, &err);
	else
		gk_body_read(gk_app_loop(settings->app), x, body_read, call);
}

/* --- life --- */

static bool guard(gk_exchange *x, void *user)
{
	const gk_flows *flows = user;

	return gk_cors_guard(x, (const char *const *)flows->settings->origins);
}

gk_code gk_flows_configure(gk_flows *flows, const gk_flows_opts *opts, gk_error *err)
{
	gk_flow_settings *settings = make_settings(flows->app, opts);

	if (!settings)
		return gk_error_no_memory(err);
	gk_flow_settings_unref(flows->settings);
	flows->settings = settings;
	return GK_OK;
}

gk_code gk_flows_new(gk_app *app, const gk_flows_opts *opts, gk_flows **ret, gk_error *err)
{
	gk_flows *flows = calloc(1, sizeof(*flows));
	gk_code rc;

	if (!flows)
		return gk_error_no_memory(err);
	flows->app = app;
	flows->routes = gk_routes_new(GK_OPTS(gk_routes_opts, .guard = guard, .user = flows));
	rc = flows->routes ? gk_flows_configure(flows, opts, err) : gk_error_no_memory(err);
	if (rc == GK_OK)
		rc = gk_routes_add(
			flows->routes, &(gk_route){ "POST", "/*", handle, flows, 0 }, err);
	if (rc != GK_OK) {
		gk_flows_free(flows);
		return rc;
	}
	*ret = flows;
	return GK_OK;
}

gk_routes *gk_flows_routes(gk_flows *flows)
{
	return flows->routes;
}

void gk_flows_free(gk_flows *flows)
{
	if (!flows)
		return;
	gk_routes_free(flows->routes);
	gk_flow_settings_unref(flows->settings);
	free(flows);
}
