/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Outcomes as the wires have them (reflection sections 1.1, 1.2 and 5). */
#include "server/wire.h"

#include "json/write.h"

#include <stdio.h>

#define PUT(buf, literal) gk_buf_put(buf, literal, sizeof(literal) - 1)

const gk_error gk_wire_too_deep = { .code = GK_INTERNAL,
	.message = (char *)"the result cannot be written as JSON: it is nested too deeply" };

bool gk_wire_json(gk_buf *buf, const json_t *value)
{
	size_t before = buf->len;

	if (gk_buf_failed(buf))
		return false;
	gk_json_append(buf, value);
	if (!gk_buf_failed(buf))
		return true;
	gk_buf_rewind(buf, before);
	return false;
}

void gk_wire_string(gk_buf *buf, const char *text)
{
	gk_json_append_string(buf, text ? text : "", text ? strlen(text) : 0);
}

/* --- reflection --- */

/* What a run says that was called off. The reference gives its bare text. */
static bool is_cancellation(const gk_error *err)
{
	return err->code == GK_CANCELLED && !err->is_plain && err->message &&
	       strcmp(err->message, "Action was cancelled") == 0;
}

char *gk_wire_status_message(const gk_error *err)
{
	return is_cancellation(err) ? strdup(err->message) : gk_error_text(err);
}

void gk_wire_status(gk_buf *buf, const gk_error *err, const char *trace_id, const char *place)
{
	gk_auto_str char *message = gk_wire_status_message(err);
	gk_auto_buf gk_buf stack = GK_BUF_INIT(0);

	gk_buf_printf(buf, "{\"code\":%d", (int)err->code);
	if (!err->message_missing) {
		PUT(buf, ",\"message\":");
		gk_wire_string(buf, message);
	}
	PUT(buf, ",\"details\":{");
	if (!err->message_missing) {
		gk_buf_printf(&stack, "Error: %s", message ? message : "");
		if (place)
			gk_buf_printf(&stack, "\n    at %s", place);
		PUT(buf, "\"stack\":");
		gk_wire_string(buf, stack.data);
	}
	if (trace_id && *trace_id)
		gk_buf_printf(
			buf, "%s\"traceId\":\"%s\"", err->message_missing ? "" : ",", trace_id);
	PUT(buf, "}}");
}

static void put_error(gk_buf *buf, const gk_error *err, const char *trace_id, const char *place)
{
	PUT(buf, "{\"error\":");
	gk_wire_status(buf, err, trace_id, place);
	gk_buf_putc(buf, '}');
}

bool gk_wire_result(gk_buf *buf, const gk_run *run)
{
	const json_t *result = gk_run_result_peek(run);
	size_t before = buf->len;

	gk_buf_putc(buf, '{');
	if (result) {
		PUT(buf, "\"result\":");
		if (!gk_wire_json(buf, result)) {
			buf->len = before;
			return false;
		}
		gk_buf_putc(buf, ',');
	}
	PUT(buf, "\"telemetry\":{\"traceId\":\"");
	gk_buf_puts(buf, gk_run_trace_id(run));
	PUT(buf, "\"}}");
	return true;
}

void gk_wire_outcome(gk_buf *buf, const gk_run *run, const char *place, bool is_stream)
{
	const gk_error *err = gk_run_error_peek(run);
	const char *trace_id = gk_run_trace_id(run);

	if (err)
		put_error(buf, err, is_stream ? err->trace_id : trace_id, place);
	else if (!gk_wire_result(buf, run))
		put_error(buf, &gk_wire_too_deep, trace_id, place);
}

const char *gk_wire_value_kind(const char *kind)
{
	static const char *const kinds[] = { "defaultModel", "middleware" };

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strcmp(kind, kinds[i]) == 0)
			return kinds[i];
	return NULL;
}

char *gk_wire_unknown_kind(const char *kind)
{
	char *text = NULL;

	return asprintf(&text,
		       "'type' %s is not supported. Only 'defaultModel' and 'middleware' are supported",
		       kind) < 0
		       ? NULL
		       : text;
}

/* A member that is an object, or NULL for none. */
static gk_code read_object(const json_t *body, const char *name, json_t **ret, gk_error *err)
{
	json_t *value = json_object_get(body, name);

	if (value && !json_is_object(value) && !json_is_null(value))
		return gk_error_set(err, GK_INVALID_ARGUMENT, "'%s' must be an object", name);
	*ret = json_is_object(value) ? value : NULL;
	return GK_OK;
}

gk_code gk_wire_read_call(const json_t *body, gk_run_opts *opts, gk_error *err)
{
	const json_t *key = json_object_get(body, "key");
	gk_code rc;

	if (!json_is_object(body))
		return gk_error_set(err, GK_INVALID_ARGUMENT,
			"the request must be a JSON object with a 'key', such as {\"key\": \"/flow/hello\"}");
	if (!key)
		return gk_error_set(err, GK_INVALID_ARGUMENT,
			"'key' is missing: which action shall run, such as \"/flow/hello\"?");
	if (!json_is_string(key) || strlen(json_string_value(key)) != json_string_length(key))
		return gk_error_set(err, GK_INVALID_ARGUMENT,
			"'key' must be a string, such as \"/flow/hello\"");
	opts->key = json_string_value(key);
	opts->input = json_object_get(body, "input");
	opts->init = json_object_get(body, "init");
	rc = read_object(body, "context", &opts->context, err);
	if (rc == GK_OK)
		rc = read_object(body, "telemetryLabels", &opts->telemetry_labels, err);
	return rc;
}

/* --- the flow server --- */

void gk_wire_flow_error(gk_buf *buf, const gk_error *err)
{
	size_t before;

	if (err->is_plain) {
		PUT(buf, "{\"message\":\"Internal Error\",\"status\":\"INTERNAL\"}");
		return;
	}
	gk_buf_putc(buf, '{');
	if (err->details) {
		before = buf->len;
		PUT(buf, "\"details\":");
		if (gk_wire_json(buf, err->details))
			gk_buf_putc(buf, ',');
		else
			buf->len = before;
	}
	PUT(buf, "\"status\":\"");
	gk_buf_puts(buf, gk_code_name(err->code));
	PUT(buf, "\",\"message\":");
	gk_wire_string(buf, err->message ? err->message : "out of memory");
	gk_buf_putc(buf, '}');
}

int gk_wire_flow_status(const gk_error *err)
{
	return err->is_plain ? 500 : gk_code_http_status(err->code);
}
