/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "plugins/common/traced.h"

#include "core/define.h"
#include "json/edit.h"
#include "loop/url_shown.h"

#include <string.h>

/* Text without secrets. New reference; NULL when memory ran out. */
static json_t *clean_text(const gk_outgoing *out, const char *text, size_t len)
{
	gk_auto_str char *clean = gk_outgoing_scrub(out, text, len);

	return clean ? json_string(clean) : NULL;
}

static json_t *headers_of(const gk_outgoing *out)
{
	gk_auto_json json_t *headers = json_object();

	for (size_t i = 0; i < out->header_count; i++) {
		size_t len = strcspn(out->headers[i], ":");
		const char *value = out->headers[i] + len + strspn(out->headers[i] + len, ": ");
		gk_auto_str char *name = strndup(out->headers[i], len);

		if (!name ||
			!gk_json_set_take(headers, name, clean_text(out, value, strlen(value))))
			return NULL;
	}
	return gk_steal(headers);
}

/* As JSON where it is; no text of it that is not UTF-8. */
static json_t *body_of(const gk_outgoing *out)
{
	json_t *text = clean_text(out, out->body, out->body_len), *value = NULL;

	if (text && gk_json_parse(json_string_value(text), json_string_length(text),
			    GK_MAX_VENDOR_BODY, &value, NULL) == GK_OK) {
		json_decref(text);
		return value;
	}
	return text ? text : json_sprintf("%zu bytes", out->body_len);
}

/* What the span shows of it: the address without its user and its query. */
static json_t *shown(const gk_outgoing *out)
{
	gk_auto_json json_t *it = json_object();
	gk_auto_str char *url = gk_url_shown(out->url);

	if (!gk_json_set_str(it, "method", out->method) || !url ||
		!gk_json_set_str(it, "url", url) ||
		!gk_json_set_take(it, "headers", headers_of(out)) ||
		(out->body && !gk_json_set_take(it, "body", body_of(out))))
		return NULL;
	return gk_steal(it);
}

typedef struct sending {
	const gk_outgoing *out;
	gk_reply *reply;
} sending;

static gk_code send_in_span(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	const sending *it = gk_ctx_user(ctx);
	gk_code rc = gk_net_send(gk_ctx_app(ctx), it->out, it->reply, err);

	(void)input;
	if (rc != GK_OK)
		return rc;
	*ret = json_pack("{s:i}", "status", gk_reply_status(it->reply));
	return *ret ? GK_OK : gk_error_no_memory(err);
}

gk_code gk_send(gk_ctx *ctx, const gk_outgoing *out, gk_reply *ret, gk_error *err)
{
	static const gk_span_opts span = { .name = "httpRequest", .what = "request" };
	gk_auto_json json_t *input = NULL, *output = NULL;
	sending it = { .out = out, .reply = ret };
	gk_code rc;

	if (!out->is_traced)
		return gk_net_send(gk_ctx_app(ctx), out, ret, err);
	rc = gk_outgoing_check(out, err);
	if (rc != GK_OK)
		return rc;
	input = shown(out);
	return input ? gk_ctx_run_in_span(ctx, &span, send_in_span, &it, input, &output, err)
		     : gk_error_no_memory(err);
}
