/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* A provider with an API of its own, as small as they get: docs/adding-a-provider.md shows this file from here on. */
#include "plugins/common/ask.h"
#include "plugins/common/message.h"
#include "plugins/common/usage.h"
#include "plugins/common/vendor.h"

#include "acme.h"

/* --- conversions --- */

static json_t *body_of(const char *id, const json_t *request, bool is_streaming)
{
	const json_t *messages = json_object_get(request, "messages");
	const json_t *last = json_array_get(messages, json_array_size(messages) - 1);

	return json_pack("{s:s, s:o, s:b}", "model", id, "prompt",
		gk_parts_joined(json_object_get(last, "content"), "text"), "stream", is_streaming);
}

static gk_code response_of(const json_t *request, json_t *answer, json_t **ret, gk_error *err)
{
	const json_t *text = json_object_get(answer, "text");
	gk_auto_json json_t *content = json_array();

	if (!json_is_string(text))
		return gk_error_set(err, GK_INTERNAL, "acme: the answer has no 'text'");
	if (!gk_parts_add(content, "text", json_string_value(text), json_string_length(text)))
		return gk_error_no_memory(err);
	return gk_vendor_response(request, gk_steal(content), answer, ret, err);
}

/* An answer in lines: each has a text, the last one says done. */
typedef struct pieces {
	gk_ctx *ctx;
	gk_buf text;
	bool is_done;
} pieces;

static gk_code on_line(const char *line, size_t len, void *user, gk_error *err)
{
	gk_auto_json json_t *piece = NULL, *content = json_array(), *chunk = NULL;
	const json_t *text;
	pieces *it = user;
	gk_code rc = gk_ask_parse("acme", line, len, &piece, err);

	if (rc != GK_OK)
		return rc;
	it->is_done |= json_is_true(json_object_get(piece, "done"));
	text = json_object_get(piece, "text");
	if (!json_string_length(text))
		return GK_OK;
	gk_buf_put(&it->text, json_string_value(text), json_string_length(text));
	if (gk_parts_add(content, "text", json_string_value(text), json_string_length(text)))
		chunk = gk_chunk_new(0, gk_steal(content));
	if (!chunk || gk_buf_failed(&it->text))
		return gk_error_no_memory(err);
	return gk_ask_emit(gk_steal(chunk), it->ctx, err);
}

/* --- the action --- */

static gk_code ask_in_lines(gk_ctx *ctx, gk_outgoing *out, json_t **ret, gk_error *err)
{
	pieces it = { .ctx = ctx, .text = GK_BUF_INIT(GK_MAX_VENDOR_STREAM) };
	gk_auto_ndjson gk_ndjson lines;
	gk_code rc;

	gk_ndjson_init(&lines, 0, on_line, &it);
	rc = gk_ask_lines(ctx, "acme", out, &lines, err);
	if (rc == GK_OK && !it.is_done)
		rc = gk_error_set(err, GK_INTERNAL, "acme: the stream broke off before its end");
	if (rc == GK_OK && !(*ret = json_pack("{s:s%}", "text", it.text.data ? it.text.data : "",
				     it.text.len)))
		rc = gk_error_no_memory(err);
	gk_buf_done(&it.text);
	return rc;
}

static gk_code run_model(gk_ctx *ctx, json_t *request, json_t **ret, gk_error *err)
{
	const gk_vendor_model *model = gk_ctx_user(ctx);
	bool is_streaming = gk_ctx_is_streaming(ctx);
	gk_auto_json json_t *body = body_of(model->id, request, is_streaming), *answer = NULL;
	gk_auto_outgoing gk_outgoing out;
	const char *key = NULL;
	gk_code rc = gk_vendor_key(model->vendor, json_object_get(request, "config"), &key, err);

	gk_outgoing_init(&out, "POST");
	if (rc != GK_OK)
		return rc;
	gk_outgoing_url(&out, "%s/talk", model->vendor->base_url);
	gk_outgoing_secret(&out, "X-Acme-Key", "", key);
	gk_vendor_prepare(model->vendor, &out);
	gk_outgoing_json(&out, body);
	rc = is_streaming ? ask_in_lines(ctx, &out, &answer, err)
			  : gk_ask_json(ctx, "acme", &out, &answer, err);
	return rc == GK_OK ? response_of(request, answer, ret, err) : rc;
}

/* --- the plugin --- */

static gk_code define(
	gk_plugin *plugin, gk_vendor *vendor, const void *row, const char *id, gk_error *err)
{
	gk_auto_json json_t *info =
		json_pack("{s:o, s:{s:b, s:b, s:b, s:b}}", "label", json_sprintf("Acme - %s", id),
			"supports", "multiturn", 0, "media", 0, "tools", 0, "systemRole", 0);

	return info ? gk_vendor_define_model(plugin, vendor, id, row, info, run_model, err)
		    : gk_error_no_memory(err);
}

static gk_code init(gk_ctx *ctx, gk_plugin *plugin, gk_error *err)
{
	gk_vendor *vendor;
	gk_code rc = gk_vendor_of(plugin, &vendor, err);

	(void)ctx;
	return rc == GK_OK ? gk_vendor_define_words(
				     plugin, vendor, "acme-small acme-large", NULL, define, err)
			   : rc;
}

/* Of any other name Acme itself knows best. */
static gk_code resolve(
	gk_ctx *ctx, gk_plugin *plugin, const char *type, const char *name, gk_error *err)
{
	gk_vendor *vendor;
	gk_code rc = gk_vendor_of(plugin, &vendor, err);

	(void)ctx;
	return rc == GK_OK && strcmp(type, "model") == 0 ? define(plugin, vendor, NULL, name, err)
							 : rc;
}

static const char *const base_env[] = { "ACME_BASE_URL", NULL };
static const char *const key_env[] = { "ACME_API_KEY", NULL };

const gk_vendor_type gk_plugin_acme = {
	.plugin = { .abi = GK_PLUGIN_ABI,
		.name = "acme",
		.init = init,
		.resolve = resolve,
		.done = gk_vendor_plugin_done },
	.base_url = "https://api.acme.example",
	.base_env = base_env,
	.key_env = key_env,
};
