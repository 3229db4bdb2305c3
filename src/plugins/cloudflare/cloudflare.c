/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Cloudflare's Workers AI. Manual: cloudflare.md. */
#include "plugins/cloudflare/cloudflare.h"

#include "base/str.h"
#include "plugins/common/ask.h"
#include "plugins/common/download.h"

#include <genkit/context.h>

/* --- requests --- */

static gk_code prepare(
	const gk_vendor_model *model, const json_t *config, gk_outgoing *out, gk_error *err)
{
	const gk_vendor *vendor = model->vendor;
	const char *key = NULL;
	const char *version = json_string_value(json_object_get(config, "version"));
	const char *id = version && *version ? version : model->id;
	gk_code rc = gk_vendor_key(vendor, config, &key, err);

	if (rc == GK_OK)
		rc = gk_vendor_check_path(vendor, id, err);
	if (rc != GK_OK)
		return rc;
	gk_outgoing_url(out, "%s/accounts/%s/ai/run/%s", vendor->base_url,
		gk_json_str_peek(vendor->memory, "account"), id);
	gk_outgoing_secret(out, "Authorization", "Bearer ", key);
	gk_vendor_prepare(vendor, out);
	return GK_OK;
}

/* What stands in the envelope; one that tells of a failure is one, whatever the HTTP status. */
static gk_code open_envelope(const gk_vendor *vendor, const gk_outgoing *out, const json_t *answer,
	json_t **ret, gk_error *err)
{
	gk_code rc = gk_cloudflare_check(vendor->name, answer, out, err);

	if (rc != GK_OK)
		return rc;
	*ret = json_incref(json_object_get(answer, "result"));
	if (!*ret)
		return gk_error_set(err, GK_INTERNAL, "%s: the answer has no result", vendor->name);
	return GK_OK;
}

static gk_code ask(
	gk_ctx *ctx, const gk_vendor *vendor, gk_outgoing *out, json_t **ret, gk_error *err)
{
	gk_auto_json json_t *answer = NULL;
	gk_code rc = gk_ask_json(ctx, vendor->name, out, &answer, err);

	return rc == GK_OK ? open_envelope(vendor, out, answer, ret, err) : rc;
}

/* --- actions --- */

static gk_code on_event(const gk_sse_event *event, void *stream, gk_error *err)
{
	return gk_cloudflare_stream_push(stream, event->data.text, event->data.len, err);
}

static gk_code ask_in_events(gk_ctx *ctx, const gk_vendor *vendor, gk_outgoing *out,
	bool *is_whole_ret, json_t **ret, gk_error *err)
{
	gk_auto_cloudflare_stream gk_cloudflare_stream stream = {
		.who = vendor->name, .out = out, .emit = gk_ask_emit, .user = ctx
	};
	gk_auto_json json_t *envelope = NULL;
	gk_auto_sse gk_sse sse;
	gk_code rc;

	gk_sse_init(&sse, 0, on_event, &stream);
	rc = gk_ask_events_or_json(ctx, vendor->name, out, &sse, &stream.is_done, &envelope, err);
	*is_whole_ret = envelope != NULL; /* of a model that does not stream */
	if (rc != GK_OK)
		return rc;
	return envelope ? open_envelope(vendor, out, envelope, ret, err)
			: gk_cloudflare_stream_end(&stream, ret, err);
}

static gk_code run_model(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	const gk_vendor_model *model = gk_ctx_user(ctx);
	const gk_vendor *vendor = model->vendor;
	/* JSON does not come in pieces there. */
	bool is_streaming = gk_ctx_is_streaming(ctx) && !gk_request_wants_json(input);
	bool is_whole = !is_streaming;
	gk_auto_json json_t *request = NULL, *body = NULL, *result = NULL, *response = NULL;
	gk_auto_outgoing gk_outgoing out;
	gk_code rc;

	gk_outgoing_init(&out, "POST");
	rc = gk_download_media(ctx, vendor->name, input, &request, err);
	if (rc == GK_OK)
		rc = gk_cloudflare_request(vendor->name, request, is_streaming, &body, err);
	if (rc == GK_OK)
		rc = prepare(model, json_object_get(input, "config"), &out, err);
	if (rc != GK_OK)
		return rc;
	gk_outgoing_json(&out, body);
	json_decref(gk_steal(body));
	rc = is_streaming ? ask_in_events(ctx, vendor, &out, &is_whole, &result, err)
			  : ask(ctx, vendor, &out, &result, err);
	if (rc == GK_OK)
		rc = gk_cloudflare_answer(vendor->name, request, result, &response, err);
	if (rc == GK_OK && is_whole && gk_ctx_is_streaming(ctx))
		rc = gk_ask_emit_whole(ctx, response, err);
	if (rc == GK_OK)
		*ret = gk_steal(response);
	return rc;
}

/* Options go out as they are, but for those that are used up here. */
static json_t *embed_body(const json_t *input, size_t from, size_t count)
{
	gk_auto_json json_t *body = json_object();
	const char *name;
	json_t *value;

	if (!gk_json_set_take(
		    body, "text", gk_documents_texts(json_object_get(input, "input"), from, count)))
		return NULL;
	json_object_foreach (json_object_get(input, "options"), name, value)
		if (!json_is_null(value) && strcmp(name, "apiKey") != 0 &&
			strcmp(name, "version") != 0 && !gk_json_set(body, name, value))
			return NULL;
	return gk_steal(body);
}

static gk_code embed_some(gk_ctx *ctx, const json_t *input, size_t from, size_t count,
	json_t *embeddings, gk_error *err)
{
	const gk_vendor_model *model = gk_ctx_user(ctx);
	const json_t *options = json_object_get(input, "options");
	gk_auto_json json_t *body = embed_body(input, from, count), *result = NULL;
	gk_auto_outgoing gk_outgoing out;
	gk_code rc;

	gk_outgoing_init(&out, "POST");
	if (!body)
		return gk_error_no_memory(err);
	rc = prepare(model, options, &out, err);
	if (rc != GK_OK)
		return rc;
	gk_outgoing_json(&out, body);
	rc = ask(ctx, model->vendor, &out, &result, err);
	return rc == GK_OK ? gk_embeddings_add(model->vendor->name, embeddings,
				     json_object_get(result, "data"), count, err)
			   : rc;
}

static gk_code run_embedder(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	size_t total = json_array_size(json_object_get(input, "input"));
	gk_auto_json json_t *embeddings = json_array();

	for (size_t from = 0; from < total; from += GK_CLOUDFLARE_BATCH) {
		gk_code rc = embed_some(ctx, input, from,
			total - from < GK_CLOUDFLARE_BATCH ? total - from : GK_CLOUDFLARE_BATCH,
			embeddings, err);

		if (rc != GK_OK)
			return rc;
	}
	*ret = json_pack("{s:O}", "embeddings", embeddings);
	return *ret ? GK_OK : gk_error_no_memory(err);
}

/* --- models --- */

static const struct family {
	const char *ids;
	bool media;
	unsigned dimensions; /* of embedders */
} families[] = {
	{ "@cf/baai/bge-small-en-v1.5", false, 384 },
	{ "@cf/baai/bge-base-en-v1.5 @cf/google/embeddinggemma-300m", false, 768 },
	{ "@cf/baai/bge-large-en-v1.5 @cf/qwen/qwen3-embedding-0.6b", false, 1024 },
	{ "@cf/meta/llama-4-scout-17b-16e-instruct @cf/mistralai/mistral-small-3.1-24b-instruct "
	  "@cf/google/gemma-3-12b-it",
		true, 0 },
	{ "@cf/meta/llama-3.3-70b-instruct-fp8-fast @cf/meta/llama-3.1-8b-instruct @cf/meta/llama-3-8b-instruct "
	  "@cf/qwen/qwq-32b @cf/deepseek-ai/deepseek-r1-distill-qwen-32b *",
		false, 0 },
};
#define FAMILIES (sizeof(families) / sizeof(families[0]))

static gk_code define(
	gk_plugin *plugin, gk_vendor *vendor, bool is_embedder, const char *id, gk_error *err)
{
	gk_auto_json json_t *info = json_object();
	size_t i = 0;

	while (i + 1 < FAMILIES && !gk_words_match(families[i].ids, id))
		i++;
	if (!gk_json_set_take(info, "label", json_sprintf("Cloudflare - %s", id)) ||
		!gk_json_set_take(info, "supports",
			is_embedder
				? json_pack("{s:[s]}", "input", "text")
				: json_pack("{s:b, s:b, s:b, s:b, s:[s, s], s:s}", "multiturn", 1,
					  "tools", 1, "systemRole", 1, "media", families[i].media,
					  "output", "text", "json", "constrained", "all")) ||
		(families[i].dimensions &&
			!gk_json_set_int(info, "dimensions", families[i].dimensions)) ||
		(!is_embedder &&
			!gk_json_set_take(info, "customOptions", gk_cloudflare_config_schema())))
		return gk_error_no_memory(err);
	return is_embedder ? gk_vendor_define_embedder(
				     plugin, vendor, id, NULL, info, run_embedder, err)
			   : gk_vendor_define_model(plugin, vendor, id, NULL, info, run_model, err);
}

static gk_code define_model(
	gk_plugin *plugin, gk_vendor *vendor, const void *row, const char *id, gk_error *err)
{
	(void)row;
	return define(plugin, vendor, false, id, err);
}

static gk_code define_embedder(
	gk_plugin *plugin, gk_vendor *vendor, const void *row, const char *id, gk_error *err)
{
	(void)row;
	return define(plugin, vendor, true, id, err);
}

/* Whose account it is, is part of every address. */
static gk_code setup(gk_vendor *vendor, gk_error *err)
{
	static const char *const names[] = { "CLOUDFLARE_ACCOUNT_ID", NULL };
	gk_auto_str char *account = NULL;
	gk_code rc = gk_vendor_find_text(vendor, "accountId", names, &account, err);

	if (rc != GK_OK)
		return rc;
	if (!account)
		return gk_error_set(err, GK_FAILED_PRECONDITION,
			"plugin %s: needs an account: option 'accountId', or in the environment "
			"CLOUDFLARE_ACCOUNT_ID",
			vendor->name);
	vendor->memory = json_pack("{s:s}", "account", account);
	return vendor->memory ? GK_OK : gk_error_no_memory(err);
}

static gk_code init(gk_ctx *ctx, gk_plugin *plugin, gk_error *err)
{
	gk_vendor *vendor;
	gk_code rc = gk_vendor_of(plugin, &vendor, err);

	(void)ctx;
	for (size_t i = 0; rc == GK_OK && i < FAMILIES; i++)
		rc = gk_vendor_define_words(plugin, vendor, families[i].ids, NULL,
			families[i].dimensions ? define_embedder : define_model, err);
	if (rc == GK_OK)
		rc = gk_vendor_define_given(plugin, vendor, "models", define_model, err);
	if (rc == GK_OK)
		rc = gk_vendor_define_given(plugin, vendor, "embedders", define_embedder, err);
	return rc;
}

static gk_code resolve(
	gk_ctx *ctx, gk_plugin *plugin, const char *type, const char *name, gk_error *err)
{
	bool is_embedder = strcmp(type, "embedder") == 0;
	gk_vendor *vendor;
	gk_code rc = gk_vendor_of(plugin, &vendor, err);

	(void)ctx;
	if (rc != GK_OK || (!is_embedder && strcmp(type, "model") != 0))
		return rc;
	return define(plugin, vendor, is_embedder, name, err);
}

static const gk_vendor_option options[] = {
	{ "accountId", GK_OPTION_STRING, "The account that is billed." },
	{ "models", GK_OPTION_LIST, "Names of models to show; others can be used all the same." },
	{ "embedders", GK_OPTION_LIST, "Names of embedders to show." },
	{ .name = NULL },
};
static const char *const key_env[] = { "CLOUDFLARE_API_TOKEN", NULL };

const gk_vendor_type gk_plugin_cloudflare = {
	.plugin = {
		.abi = GK_PLUGIN_ABI,
		.name = "cloudflare-workers-ai",
		.init = init,
		.resolve = resolve,
		.done = gk_vendor_plugin_done,
	},
	.base_url = "https://api.cloudflare.com/client/v4",
	.key_env = key_env,
	.setup = setup,
	.options = options,
};
