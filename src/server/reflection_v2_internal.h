/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* What the files of reflection v2 share. */
#ifndef GK_SERVER_REFLECTION_V2_INTERNAL_H
#define GK_SERVER_REFLECTION_V2_INTERNAL_H

#include "base/table.h"
#include "loop/websocket.h"
#include "server/jsonrpc.h"
#include "server/reflection_v2.h"

typedef struct gk_v2_call gk_v2_call;

struct gk_reflection_v2 {
	unsigned refs; /* the owner's, and each listing's */
	gk_app *app;
	const gk_runtime *runtime;
	char *url, *shown;    /* as it is, and for the log */
	gk_websocket *socket; /* NULL: not connected, and not connecting */
	gk_rpc_inbox *inbox;  /* of this connection */
	gk_timer *retry;
	unsigned failures; /* in a row */
	uint64_t
		connection; /* counts them: what an earlier one asked is not answered on a later one */
	uint64_t requests; /* of ours, over all connections */
	bool is_open, is_registered, is_draining, is_freed;
	size_t listings;   /* under way */
	gk_scope *scope;   /* of listings */
	gk_table *streams; /* request id as JSON text: gk_v2_call with an input stream */
	LIST_HEAD(, gk_v2_call) calls;
	gk_buf text; /* a message being written */
};

void gk_v2_unref(gk_reflection_v2 *client);

/** Empties `client->text` and gives it, to write the next message into. */
gk_buf *gk_v2_begin(gk_reflection_v2 *client);
/** Sends `client->text`. False when it is too large, or there is no memory; other failures end the connection. */
bool gk_v2_send(gk_reflection_v2 *client);
/** Sends a failure as -32000 with a Status for data. */
void gk_v2_send_failure(gk_reflection_v2 *client, const json_t *id, const gk_error *err,
	const char *trace_id, const char *place);
/** Sends an error without data. */
void gk_v2_send_error(gk_reflection_v2 *client, const json_t *id, int code, const char *message);

/* reflection_v2_run.c */
void gk_v2_run_action(gk_reflection_v2 *client, const gk_rpc_message *message);
void gk_v2_cancel_action(gk_reflection_v2 *client, const gk_rpc_message *message);
void gk_v2_input_chunk(gk_reflection_v2 *client, const gk_rpc_message *message);
void gk_v2_input_end(gk_reflection_v2 *client, const gk_rpc_message *message);
/** The connection has ended: input streams end (`err` set: fail), answers will be dropped. */
void gk_v2_abandon_calls(gk_reflection_v2 *client, const gk_error *err);
/** Nothing more will come: what waits for input would wait for ever. */
void gk_v2_end_inputs(gk_reflection_v2 *client);

/* reflection_v2_list.c */
void gk_v2_list_actions(gk_reflection_v2 *client, const gk_rpc_message *message);
void gk_v2_list_values(gk_reflection_v2 *client, const gk_rpc_message *message);

#endif
