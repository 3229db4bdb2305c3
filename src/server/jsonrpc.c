/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* JSON-RPC 2.0: reading and writing messages. */
#include "server/jsonrpc.h"

#include "server/wire.h"

#define PUT(buf, literal) gk_buf_put(buf, literal, sizeof(literal) - 1)

bool gk_rpc_read(json_t *value, gk_rpc_message *ret)
{
	json_t *method = json_object_get(value, "method");

	if (!json_is_object(value) || (method && !json_is_string(method)))
		return false;
	*ret = (gk_rpc_message){ .method = json_string_value(method),
		.id = json_object_get(value, "id"),
		.params = json_object_get(value, "params"),
		.result = json_object_get(value, "result"),
		.error = json_object_get(value, "error") };
	if (json_is_null(ret->id))
		ret->id = NULL;
	return (!ret->id || json_is_string(ret->id) || json_is_number(ret->id)) &&
	       (method || ret->id);
}

static void put_method(gk_buf *buf, const char *method)
{
	PUT(buf, "\"method\":");
	gk_wire_string(buf, method);
	PUT(buf, ",\"params\":");
}

void gk_rpc_begin_notification(gk_buf *buf, const char *method)
{
	PUT(buf, "{\"jsonrpc\":\"2.0\",");
	put_method(buf, method);
}

void gk_rpc_begin_request(gk_buf *buf, const char *id, const char *method)
{
	PUT(buf, "{\"jsonrpc\":\"2.0\",\"id\":");
	gk_wire_string(buf, id);
	gk_buf_putc(buf, ',');
	put_method(buf, method);
}

void gk_rpc_end(gk_buf *buf)
{
	gk_buf_putc(buf, '}');
}

static void put_id(gk_buf *buf, const json_t *id)
{
	PUT(buf, ",\"id\":");
	gk_wire_json(buf, id);
	gk_buf_putc(buf, '}');
}

void gk_rpc_begin_result(gk_buf *buf)
{
	PUT(buf, "{\"jsonrpc\":\"2.0\",\"result\":");
}

void gk_rpc_end_result(gk_buf *buf, const json_t *id)
{
	put_id(buf, id);
}

static void begin_error(gk_buf *buf, int code, const char *message)
{
	gk_buf_printf(buf, "{\"jsonrpc\":\"2.0\",\"error\":{\"code\":%d,\"message\":", code);
	gk_wire_string(buf, message);
}

void gk_rpc_begin_error(gk_buf *buf, int code, const char *message)
{
	begin_error(buf, code, message);
	PUT(buf, ",\"data\":");
}

void gk_rpc_end_error(gk_buf *buf, const json_t *id)
{
	gk_buf_putc(buf, '}');
	put_id(buf, id);
}

void gk_rpc_error(gk_buf *buf, const json_t *id, int code, const char *message)
{
	begin_error(buf, code, message);
	gk_rpc_end_error(buf, id);
}
