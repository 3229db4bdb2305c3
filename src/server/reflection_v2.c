/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Reflection v2: the connection, and who handles which message (reflection section 4). */
#include "server/reflection_v2_internal.h"

#include "base/limits.h"
#include "base/log.h"
#include "base/str.h"
#include "loop/url_shown.h"
#include "server/wire.h"

#include <stdio.h>
#include <unistd.h>

uint64_t gk_reflection_retry_ms = GK_REFLECTION_RETRY_MS;
uint64_t gk_reflection_retry_max_ms = GK_REFLECTION_RETRY_MAX_MS;

/* --- sending --- */

gk_buf *gk_v2_begin(gk_reflection_v2 *client)
{
	if (client->text.cap > GK_MAX_SINK)
		gk_buf_done(&client->text);
	gk_buf_clear(&client->text);
	return &client->text;
}

bool gk_v2_send(gk_reflection_v2 *client)
{
	gk_auto_error gk_error err = { 0 };

	if (!client->is_open)
		return true;
	if (gk_buf_failed(&client->text))
		return false;
	switch (gk_websocket_send(client->socket, client->text.data, client->text.len, &err)) {
	case GK_OK:
	case GK_UNAVAILABLE: /* it is closing: its end comes soon */
		return true;
	default:
		gk_log(GK_LOG_WARN, "reflection", "a message to the manager is lost: %s",
			err.message ? err.message : "out of memory");
		return false;
	}
}

void gk_v2_send_failure(gk_reflection_v2 *client, const json_t *id, const gk_error *err,
	const char *trace_id, const char *place)
{
	gk_auto_str char *message = err->message_missing ? strdup("") : gk_wire_status_message(err);
	gk_buf *buf = gk_v2_begin(client);

	gk_rpc_begin_error(buf, GK_RPC_FAILED, message ? message : "out of memory");
	gk_wire_status(buf, err, trace_id, place);
	gk_rpc_end_error(buf, id);
	gk_v2_send(client);
}

void gk_v2_send_error(gk_reflection_v2 *client, const json_t *id, int code, const char *message)
{
	gk_buf *buf = gk_v2_begin(client);

	gk_rpc_error(buf, id, code, message);
	gk_v2_send(client);
}

/* --- registering --- */

static void send_register(gk_reflection_v2 *client)
{
	const gk_runtime *runtime = client->runtime;
	gk_buf *buf = gk_v2_begin(client);
	char pid[24], request[24];
	const char *id = runtime->id ? runtime->id : pid;

	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	snprintf(request, sizeof(request), "%llu", (unsigned long long)++client->requests);
	gk_rpc_begin_request(buf, request, "register");
	gk_buf_puts(buf, "{\"id\":");
	gk_wire_string(buf, id);
	gk_buf_printf(buf, ",\"pid\":%s,\"name\":", pid);
	gk_wire_string(buf, runtime->name ? runtime->name : id);
	gk_buf_printf(buf,
		",\"genkitVersion\":\"c/%s\",\"reflectionApiSpecVersion\":%d,\"envs\":[\"dev\"]}",
		gk_runtime_version(runtime), GK_REFLECTION_SPEC_VERSION);
	gk_rpc_end(buf);
	gk_v2_send(client);
}

static void take_response(gk_reflection_v2 *client, const gk_rpc_message *message)
{
	char request[24];

	snprintf(request, sizeof(request), "%llu", (unsigned long long)client->requests);
	if (!gk_str_equal(json_string_value(message->id), request)) {
		gk_log(GK_LOG_WARN, "reflection", "the manager answers what was not asked");
		return;
	}
	if (message->error) {
		const char *why = gk_json_str_peek(message->error, "message");

		gk_log(GK_LOG_ERROR, "reflection", "the manager does not register us: %s",
			why ? why : "it does not say why");
		return;
	}
	client->is_registered = true;
	gk_runtime_notice(client->runtime, message->result, false);
}

/* --- receiving --- */

static void configure(gk_reflection_v2 *client, const gk_rpc_message *message)
{
	gk_runtime_notice(client->runtime, message->params, false);
}

static const struct {
	const char *name;
	void (*handle)(gk_reflection_v2 *client, const gk_rpc_message *message);
	bool is_request;
} methods[] = {
	{ "runAction", gk_v2_run_action, true },
	{ "sendInputStreamChunk", gk_v2_input_chunk, false },
	{ "endInputStream", gk_v2_input_end, false },
	{ "cancelAction", gk_v2_cancel_action, true },
	{ "listActions", gk_v2_list_actions, true },
	{ "listValues", gk_v2_list_values, true },
	{ "configure", configure, false },
};

static void dispatch(gk_reflection_v2 *client, const gk_rpc_message *message)
{
	gk_auto_str char *text = NULL;

	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
		if (gk_str_equal(methods[i].name, message->method)) {
			if (message->id || !methods[i].is_request)
				methods[i].handle(client, message);
			return;
		}
	if (!message->id)
		return;
	if (asprintf(&text, "Method not found: %s", message->method) < 0)
		text = NULL;
	gk_v2_send_error(
		client, message->id, GK_RPC_METHOD_NOT_FOUND, text ? text : "Method not found");
}

static void take_value(json_t *value, const gk_error *err, void *user)
{
	gk_reflection_v2 *client = user;
	gk_rpc_message message;

	if (err || !gk_rpc_read(value, &message))
		gk_log(GK_LOG_WARN, "reflection", "the manager sends what is no JSON-RPC: %s",
			err && err->message ? err->message : "it is ignored");
	else if (message.method)
		dispatch(client, &message);
	else
		take_response(client, &message);
}

static void on_message(const char *text, size_t len, void *user)
{
	gk_reflection_v2 *client = user;
	gk_auto_error gk_error err = { 0 };

	if (gk_rpc_inbox_put(client->inbox, text, len, &err) != GK_OK)
		gk_log(GK_LOG_WARN, "reflection", "a message of the manager is lost: %s",
			err.message ? err.message : "out of memory");
}

/* --- connecting --- */

static void forget_socket(gk_reflection_v2 *client)
{
	gk_websocket_free(client->socket);
	client->socket = NULL;
	gk_rpc_inbox_free(client->inbox);
	client->inbox = NULL;
	client->is_open = client->is_registered = false;
}

static void retry_later(gk_reflection_v2 *client)
{
	uint64_t ms = client->failures < 4 ? gk_reflection_retry_ms << client->failures
					   : gk_reflection_retry_max_ms;

	client->failures++;
	gk_timer_again(
		client->retry, ms < gk_reflection_retry_max_ms ? ms : gk_reflection_retry_max_ms);
}

static void on_opened(void *user)
{
	gk_reflection_v2 *client = user;

	client->is_open = true;
	client->failures = 0;
	send_register(client);
}

static void on_closed(const gk_error *err, void *user)
{
	gk_reflection_v2 *client = user;
	bool was_open = client->is_open;

	if (was_open || client->failures == 0)
		gk_log(GK_LOG_WARN, "reflection", "%s %s%s%s: trying again",
			was_open ? "lost the manager at" : "cannot reach the manager at",
			client->shown, err && err->message ? ": " : "",
			err && err->message ? err->message : "");
	forget_socket(client);
	client->connection++;
	gk_v2_abandon_calls(client, err && err->code != GK_OK ? err : NULL);
	retry_later(client);
}

static gk_code connect_now(gk_reflection_v2 *client, gk_error *err)
{
	client->inbox = gk_rpc_inbox_new(gk_app_loop(client->app), take_value, client);
	if (!client->inbox)
		return gk_error_no_memory(err);
	return gk_websocket_connect(gk_app_loop(client->app),
		GK_OPTS(gk_websocket_opts, .url = client->url, .opened = on_opened,
			.message = on_message, .closed = on_closed, .user = client),
		&client->socket, err);
}

static void on_retry(void *user)
{
	gk_reflection_v2 *client = user;

	if (!client->socket && connect_now(client, NULL) != GK_OK) {
		forget_socket(client);
		retry_later(client);
	}
}

/* --- life --- */

void gk_v2_unref(gk_reflection_v2 *client)
{
	if (--client->refs)
		return;
	gk_scope_unref(client->scope);
	gk_buf_done(&client->text);
	free(client->url);
	free(client->shown);
	free(client);
}

void gk_reflection_v2_free(gk_reflection_v2 *client)
{
	if (!client)
		return;
	forget_socket(client);
	client->is_freed = true;
	client->connection++;
	if (client->streams)
		gk_v2_abandon_calls(client, NULL);
	if (client->scope)
		gk_scope_cancel(client->scope, GK_CANCELLED);
	gk_timer_stop(client->retry);
	gk_table_free(client->streams);
	client->streams = NULL;
	gk_v2_unref(client);
}

gk_code gk_reflection_v2_new(gk_app *app, const gk_runtime *runtime, const char *url,
	gk_reflection_v2 **ret, gk_error *err)
{
	gk_reflection_v2 *client = calloc(1, sizeof(*client));
	gk_loop *loop = gk_app_loop(app);
	gk_code rc = GK_OK;

	if (!client)
		return gk_error_no_memory(err);
	client->refs = 1;
	client->app = app;
	client->runtime = runtime;
	LIST_INIT(&client->calls);
	client->url = strdup(url);
	client->shown = gk_url_shown(url);
	client->streams = gk_table_new(NULL);
	client->scope = gk_scope_new(loop, NULL);
	if (!client->url || !client->shown || !client->streams || !client->scope)
		rc = gk_error_no_memory(err);
	if (rc == GK_OK)
		rc = gk_timer_start(
			loop, gk_reflection_retry_ms, 0, on_retry, client, &client->retry, err);
	if (rc == GK_OK) {
		gk_timer_again(client->retry, UINT32_MAX); /* not before something fails */
		rc = connect_now(client, err);
	}
	if (rc != GK_OK) {
		gk_reflection_v2_free(client);
		return rc;
	}
	*ret = client;
	return GK_OK;
}

bool gk_reflection_v2_is_registered(const gk_reflection_v2 *client)
{
	return client->is_registered;
}

void gk_reflection_v2_drain(gk_reflection_v2 *client)
{
	client->is_draining = true;
	gk_v2_end_inputs(client);
}

bool gk_reflection_v2_is_busy(const gk_reflection_v2 *client)
{
	return client->is_open && (!LIST_EMPTY(&client->calls) || client->listings ||
					  gk_websocket_pending(client->socket));
}
