/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* JSON-RPC: what a peer says is a message or it is none, and an answer to it is one with the same id. */
#include "server/jsonrpc.h"

#include "json/edit.h"

static void must(bool is_so)
{
	if (!is_so)
		__builtin_trap();
}

static void read_back(const gk_buf *text, const json_t *id, bool is_error)
{
	gk_auto_json json_t *value = NULL;
	gk_rpc_message message;

	must(!gk_buf_failed(text));
	must(gk_json_parse(text->data, text->len, 0, &value, NULL) == GK_OK);
	if (!id) /* an error that answers nothing in particular */
		return;
	must(gk_rpc_read(value, &message));
	must(!message.method && gk_json_equal(message.id, id));
	must(is_error ? json_is_object(message.error) : message.result != NULL);
}

static void answer(const gk_rpc_message *message)
{
	gk_auto_buf gk_buf text = GK_BUF_INIT(0);

	gk_rpc_error(&text, message->id, GK_RPC_METHOD_NOT_FOUND, message->method);
	read_back(&text, message->id, true);
	if (!message->id)
		return;
	gk_buf_clear(&text);
	gk_rpc_begin_result(&text);
	gk_buf_puts(&text, "{}");
	gk_rpc_end_result(&text, message->id);
	read_back(&text, message->id, false);
	gk_buf_clear(&text);
	gk_rpc_begin_error(&text, GK_RPC_FAILED, message->method);
	gk_buf_puts(&text, "[]");
	gk_rpc_end_error(&text, message->id);
	read_back(&text, message->id, true);
}

/* The method as a request of our own. */
static void ask(const char *method)
{
	gk_auto_buf gk_buf text = GK_BUF_INIT(0);
	gk_auto_json json_t *value = NULL;
	gk_rpc_message message;

	gk_rpc_begin_request(&text, method, method);
	gk_buf_puts(&text, "{}");
	gk_rpc_end(&text);
	must(gk_json_parse(text.data, text.len, 0, &value, NULL) == GK_OK);
	must(gk_rpc_read(value, &message) && message.method && json_is_object(message.params));
	must(strcmp(message.method, method) == 0);
	must(strcmp(json_string_value(message.id), method) == 0);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	gk_auto_json json_t *value = NULL;
	gk_rpc_message message;

	if (gk_json_parse((const char *)data, size, 0, &value, NULL) != GK_OK ||
		!gk_rpc_read(value, &message))
		return 0;
	must(message.method || message.id);
	if (message.method) {
		answer(&message);
		ask(message.method);
	}
	return 0;
}
