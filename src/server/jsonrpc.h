/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * JSON-RPC 2.0: messages taken apart and put together, and the queue in which they arrive. Ids keep the JSON type in
 * which the peer sent them.
 */
#ifndef GK_SERVER_JSONRPC_H
#define GK_SERVER_JSONRPC_H

#include "base/buf.h"
#include "loop/fiber.h"

enum {
	GK_RPC_METHOD_NOT_FOUND = -32601,
	GK_RPC_INVALID_PARAMS = -32602,
	GK_RPC_FAILED = -32000,
};

/* Borrowed from the message. A message with a method is a request (with an id) or a notification, another a response. */
typedef struct gk_rpc_message {
	const char *method; /* NULL: a response */
	json_t *id;         /* NULL: none */
	json_t *params, *result, *error;
} gk_rpc_message;

/** False for what is no JSON-RPC message. */
bool gk_rpc_read(json_t *value, gk_rpc_message *ret);

/* Writing: what is between begin and end is one JSON value. */
/** {"jsonrpc":"2.0","method":METHOD,"params": */
void gk_rpc_begin_notification(gk_buf *buf, const char *method);
/** {"jsonrpc":"2.0","id":"ID","method":METHOD,"params": */
void gk_rpc_begin_request(gk_buf *buf, const char *id, const char *method);
void gk_rpc_end(gk_buf *buf);
/** {"jsonrpc":"2.0","result": */
void gk_rpc_begin_result(gk_buf *buf);
/** {"jsonrpc":"2.0","error":{"code":CODE,"message":MESSAGE,"data": */
void gk_rpc_begin_error(gk_buf *buf, int code, const char *message);
/** ...,"id":ID} of either. */
void gk_rpc_end_result(gk_buf *buf, const json_t *id);
void gk_rpc_end_error(gk_buf *buf, const json_t *id);
/** A whole error without data. */
void gk_rpc_error(gk_buf *buf, const json_t *id, int code, const char *message);

/* Messages as they come, parsed in their order; a large one by a worker, which the later ones wait for. */
typedef struct gk_rpc_inbox gk_rpc_inbox;
/** `value` (borrowed) NULL: it was no JSON, `err` tells. */
typedef void gk_rpc_inbox_fn(json_t *value, const gk_error *err, void *user);

gk_rpc_inbox *gk_rpc_inbox_new(gk_loop *loop, gk_rpc_inbox_fn *fn, void *user);
/** Copies the text if it must. RESOURCE_EXHAUSTED when what waits exceeds twice GK_MAX_WS_MESSAGE. */
GK_MUST_USE gk_code gk_rpc_inbox_put(
	gk_rpc_inbox *inbox, const char *text, size_t len, gk_error *err);
/** What has not been handed out yet is dropped. Allowed inside `fn`. NULL is allowed. */
void gk_rpc_inbox_free(gk_rpc_inbox *inbox);

#endif
