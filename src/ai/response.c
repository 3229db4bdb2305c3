/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* gk_response: the wire form, and what is read from it when somebody asks. */
#include "ai/response.h"

#include "ai/request.h"
#include "base/log.h"
#include "core/let_go.h"
#include "json/edit.h"

struct gk_response {
	unsigned refs;
	json_t *wire;
	gk_output_format *format;
	char *text, *reasoning;
	json_t *output, *interrupts, *tool_requests, *messages;
	bool is_output_read;
};

gk_code gk_response_new(
	json_t *wire_take, gk_output_format *format, gk_response **ret, gk_error *err)
{
	gk_response *response = calloc(1, sizeof(*response));

	if (!response) {
		json_decref(wire_take);
		return gk_error_no_memory(err);
	}
	response->refs = 1;
	response->wire = wire_take;
	response->format = format ? gk_format_ref(format) : NULL;
	*ret = response;
	return GK_OK;
}

gk_response *gk_response_ref(gk_response *response)
{
	response->refs++;
	return response;
}

/* A list of messages may be that of a conversation, which grows in place only while nobody else has it. */
static bool is_list_shared(const json_t *wire)
{
	const json_t *request = gk_json_peek(wire, "request");
	const json_t *messages = gk_json_peek(request, "messages");

	return request && (request->refcount > 1 || (messages && messages->refcount > 1));
}

static void let_go(json_t *wire_take)
{
	if (json_is_object(wire_take) && wire_take->refcount == 1 && is_list_shared(wire_take))
		json_object_del(wire_take, "request");
	gk_json_let_go(wire_take);
}

gk_response *gk_response_unref(gk_response *response)
{
	if (!response || --response->refs)
		return NULL;
	gk_format_unref(response->format);
	let_go(response->wire);
	json_decref(response->output);
	json_decref(response->interrupts);
	json_decref(response->tool_requests);
	json_decref(response->messages);
	free(response->text);
	free(response->reasoning);
	free(response);
	return NULL;
}

json_t *gk_response_message(gk_response *response)
{
	return gk_json_peek(response->wire, "message");
}

const char *gk_response_text(gk_response *response)
{
	if (!response->text)
		response->text = gk_message_text(gk_response_message(response));
	return response->text ? response->text : "";
}

const char *gk_response_reasoning(gk_response *response)
{
	if (!response->reasoning)
		response->reasoning = gk_message_reasoning(gk_response_message(response));
	return response->reasoning ? response->reasoning : "";
}

json_t *gk_response_output(gk_response *response)
{
	json_t *wish = gk_json_peek(gk_json_peek(response->wire, "request"), "output");
	gk_auto_error gk_error err = { 0 };

	if (response->is_output_read)
		return response->output;
	response->is_output_read = true;
	if (gk_format_output(response->format, gk_json_peek(wish, "schema"),
		    gk_response_message(response), &response->output, &err) != GK_OK)
		gk_log(GK_LOG_DEBUG, "generate", "the output cannot be read: %s", err.message);
	return response->output;
}

json_t *gk_response_media(gk_response *response)
{
	return gk_message_media_peek(gk_response_message(response));
}

json_t *gk_response_interrupts(gk_response *response)
{
	if (!response->interrupts)
		response->interrupts = gk_message_interrupts(gk_response_message(response));
	return response->interrupts;
}

json_t *gk_response_tool_requests(gk_response *response)
{
	if (!response->tool_requests)
		response->tool_requests = gk_message_tool_requests(gk_response_message(response));
	return response->tool_requests;
}

json_t *gk_response_messages(gk_response *response)
{
	json_t *before = gk_json_peek(gk_json_peek(response->wire, "request"), "messages");
	json_t *message = gk_response_message(response);

	if (response->messages)
		return response->messages;
	response->messages = before ? gk_json_array_copy(before) : json_array();
	if (response->messages && message && json_array_append(response->messages, message) < 0) {
		json_decref(response->messages);
		response->messages = NULL;
	}
	return response->messages;
}

const char *gk_response_finish_reason(const gk_response *response)
{
	const char *reason = json_string_value(gk_json_peek(response->wire, "finishReason"));

	return reason ? reason : "";
}

json_t *gk_response_usage(const gk_response *response)
{
	return gk_json_peek(response->wire, "usage");
}

json_t *gk_response_operation(const gk_response *response)
{
	return gk_json_peek(response->wire, "operation");
}

json_t *gk_response_json(const gk_response *response)
{
	return response->wire;
}
