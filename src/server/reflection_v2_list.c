/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Reflection v2: listActions and listValues, each in a fiber. */
#include "server/reflection_v2_internal.h"

#include "server/wire.h"

typedef struct listing {
	gk_reflection_v2 *client;
	uint64_t connection;
	json_t *id;
	const char *kind; /* of values, static; NULL: actions */
} listing;

static void answer(listing *l, const json_t *value)
{
	gk_buf *buf = gk_v2_begin(l->client);

	gk_rpc_begin_result(buf);
	gk_buf_puts(buf, l->kind ? "{\"values\":" : "{\"actions\":");
	gk_wire_json(buf, value);
	gk_buf_putc(buf, '}');
	gk_rpc_end_result(buf, l->id);
	gk_v2_send(l->client);
}

static void free_listing(listing *l)
{
	l->client->listings--;
	gk_v2_unref(l->client);
	json_decref(l->id);
	free(l);
}

static void body(void *user)
{
	listing *l = user;
	gk_reflection_v2 *client = l->client;
	gk_auto_json json_t *value = NULL;
	gk_auto_error gk_error err = { 0 };
	gk_code rc = l->kind ? gk_app_list_values(client->app, l->kind, &value, &err)
			     : gk_app_list_actions(client->app, &value, &err);

	if (l->connection == client->connection) {
		if (rc == GK_OK)
			answer(l, value);
		else
			gk_v2_send_failure(client, l->id, &err, NULL, NULL);
	}
	free_listing(l);
}

static void start(gk_reflection_v2 *client, json_t *id, const char *kind)
{
	gk_auto_error gk_error err = { 0 };
	listing *l = calloc(1, sizeof(*l));

	if (!l) {
		gk_error_no_memory(&err);
		gk_v2_send_failure(client, id, &err, NULL, NULL);
		return;
	}
	l->client = client;
	l->kind = kind;
	l->connection = client->connection;
	l->id = json_incref(id);
	client->refs++;
	client->listings++;
	if (gk_fiber_start(gk_app_loop(client->app), "listing", client->scope, body, l, NULL,
		    &err) != GK_OK) {
		gk_v2_send_failure(client, id, &err, NULL, NULL);
		free_listing(l);
	}
}

void gk_v2_list_actions(gk_reflection_v2 *client, const gk_rpc_message *message)
{
	start(client, message->id, NULL);
}

void gk_v2_list_values(gk_reflection_v2 *client, const gk_rpc_message *message)
{
	const char *type = json_string_value(json_object_get(message->params, "type"));
	const char *kind = type ? gk_wire_value_kind(type) : NULL;
	gk_auto_str char *text = NULL;

	if (kind) {
		start(client, message->id, kind);
	} else if (!type) {
		gk_v2_send_error(client, message->id, GK_RPC_INVALID_PARAMS,
			"'type' is missing or no string");
	} else {
		text = gk_wire_unknown_kind(type);
		gk_v2_send_error(client, message->id, GK_RPC_INVALID_PARAMS,
			text ? text : "'type' is not supported");
	}
}
