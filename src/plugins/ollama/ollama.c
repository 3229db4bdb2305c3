/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Models on this machine, or wherever an Ollama server is. Manual: ollama.md. */
#include "plugins/ollama/ollama.h"

#include "base/str.h"
#include "loop/url_shown.h"
#include "plugins/common/ask.h"
#include "plugins/common/call_address.h"
#include "plugins/common/download.h"
#include "plugins/common/settings.h"

#include <genkit/context.h>
#include <stdio.h>

/* What a model is asked with. */
static const char chat[] = "/api/chat", generate[] = "/api/generate";

/* --- requests --- */

/* An address, which may have no scheme, and then no port either. The caller frees it; NULL: memory ran out. */
static char *complete(const char *address)
{
	size_t len = strcspn(address, "/?#");
	const char *host = memrchr(address, ']', len); /* of IPv6: what is behind it is the port */
	bool has_port = host ? host[1] == ':' : memchr(address, ':', len) != NULL;
	char *url;

	if (strstr(address, "://"))
		return strdup(address);
	return asprintf(&url, "http://%.*s%s%s", (int)len, address, has_port ? "" : ":11434",
		       address + len) < 0
		       ? NULL
		       : url;
}

static gk_code complete_address(gk_vendor *vendor, gk_error *err)
{
	char *url = complete(vendor->base_url);

	if (!url)
		return gk_error_no_memory(err);
	free(vendor->base_url);
	vendor->base_url = url;
	return GK_OK;
}

gk_code gk_ollama_prepare(const gk_vendor *vendor, const json_t *config, const char *path,
	gk_outgoing *out, gk_error *err)
{
	const char *key = NULL;
	gk_code rc = gk_vendor_key(vendor, config, &key, err);

	if (rc != GK_OK)
		return rc;
	gk_outgoing_url(out, "%s%s", vendor->base_url, path);
	if (key)
		gk_outgoing_secret(out, "Authorization", "Bearer ", key);
	gk_vendor_prepare(vendor, out);
	return GK_OK;
}

/* Nobody listens there: say how to change that. What the server said, or when to come back, says enough. */
static gk_code explain(const gk_outgoing *out, const char *path, gk_code rc, gk_error *err)
{
	gk_auto_str char *shown = NULL;

	if (rc != GK_UNAVAILABLE || !err || err->details ||
		(err->message && gk_str_has_prefix(err->message, "ollama: [")))
		return rc;
	shown = gk_url_shown(out->url);
	if (shown && strlen(shown) > strlen(path))
		shown[strlen(shown) - strlen(path)] = '\0';
	return gk_error_set(err, GK_UNAVAILABLE,
		"Cannot reach the Ollama server at %s. Start it with `ollama serve`",
		shown ? shown : "its address");
}

/* --- chats --- */

static gk_code on_line(const char *line, size_t len, void *stream, gk_error *err)
{
	return gk_ollama_stream_push(stream, line, len, err);
}

static gk_code ask_in_lines(gk_ctx *ctx, gk_outgoing *out, json_t **ret, gk_error *err)
{
	gk_auto_ollama_stream gk_ollama_stream stream = {
		.out = out, .emit = gk_ask_emit, .user = ctx
	};
	gk_auto_ndjson gk_ndjson lines;
	gk_code rc;

	gk_ndjson_init(&lines, 0, on_line, &stream);
	rc = gk_ask_lines(ctx, "ollama", out, &lines, err);
	return rc == GK_OK ? gk_ollama_stream_end(&stream, ret, err) : rc;
}

static gk_code run_model(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	const gk_vendor_model *model = gk_ctx_user(ctx);
	const char *path = model->row, *name = model->id;
	bool is_streaming = gk_ctx_is_streaming(ctx);
	gk_auto_json json_t *request = NULL, *body = NULL, *answer = NULL;
	gk_auto_outgoing gk_outgoing out;
	gk_code rc;

	gk_outgoing_init(&out, "POST");
	rc = gk_ollama_check_media(input, err);
	if (rc == GK_OK)
		rc = gk_download_media(ctx, "ollama", input, &request, err);
	if (rc == GK_OK)
		rc = path == chat
			     ? gk_ollama_chat_request(name, request, is_streaming, &body, err)
			     : gk_ollama_generate_request(name, request, is_streaming, &body, err);
	if (rc == GK_OK)
		rc = gk_ollama_prepare(
			model->vendor, json_object_get(request, "config"), path, &out, err);
	if (rc != GK_OK)
		return rc;
	gk_outgoing_json(&out, body);
	json_decref(gk_steal(body));
	rc = is_streaming ? ask_in_lines(ctx, &out, &answer, err)
			  : gk_ask_json(ctx, "ollama", &out, &answer, err);
	if (rc != GK_OK)
		return explain(&out, path, rc, err);
	return gk_ollama_answer(request, &out, answer, ret, err);
}

/* Another server, for this call. */
static gk_code prepare_elsewhere(const gk_vendor *vendor, const json_t *options, const char *given,
	gk_outgoing *out, gk_error *err)
{
	gk_auto_str char *whole = complete(given), *base = NULL;
	gk_call_address address = { .base = NULL };
	const char *key = NULL;
	gk_code rc = whole ? gk_vendor_call_address(
				     vendor, "options.serverAddress", whole, &address, err)
			   : gk_error_no_memory(err);

	base = address.base;
	if (rc == GK_OK)
		rc = gk_vendor_prepare_call(vendor, options, &address, out, &key, err);
	if (rc != GK_OK)
		return rc;
	gk_outgoing_url(out, "%s/api/embed", base);
	if (key)
		gk_outgoing_secret(out, "Authorization", "Bearer ", key);
	return GK_OK;
}

static gk_code run_embedder(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	const gk_vendor_model *model = gk_ctx_user(ctx);
	const json_t *options = json_object_get(input, "options");
	const char *address = gk_json_str_peek(options, "serverAddress");
	gk_auto_json json_t *body = NULL, *answer = NULL;
	gk_auto_outgoing gk_outgoing out;
	gk_code rc;

	gk_outgoing_init(&out, "POST");
	rc = gk_ollama_embed_request(model->id, input, &body, err);
	if (rc == GK_OK)
		rc = address ? prepare_elsewhere(model->vendor, options, address, &out, err)
			     : gk_ollama_prepare(model->vendor, options, "/api/embed", &out, err);
	if (rc != GK_OK)
		return rc;
	gk_outgoing_json(&out, body);
	rc = gk_ask_json(ctx, "ollama", &out, &answer, err);
	if (rc != GK_OK)
		return explain(&out, "/api/embed", rc, err);
	return gk_ollama_embed_answer(
		answer, json_array_size(json_object_get(input, "input")), ret, err);
}

/* --- models --- */

static bool has(const json_t *list, const char *name)
{
	json_t *one;
	size_t i;

	json_array_foreach (list, i, one)
		if (gk_str_equal(json_string_value(one), name))
			return true;
	return false;
}

/* The best known of them; others are options too. */
static const gk_setting settings[] = {
	{ "temperature", "number" },
	{ "topK", "integer" },
	{ "topP", "number" },
	{ "minP", "number" },
	{ "seed", "integer" },
	{ "maxOutputTokens", "integer" },
	{ "numPredict", "integer" },
	{ "numCtx", "integer" },
	{ "stopSequences", "strings" },
	{ "think", "any" },
	{ "keepAlive", "any" },
	{ "apiKey", "string" },
	{ .name = NULL },
};

/* What is known of a model that nobody has configured: all that there is, or what the server says of it (`capabilities`); of a
 * configured one its `given` supports. */
static json_t *info_of(
	const char *id, const json_t *given, const json_t *capabilities, bool is_chat)
{
	gk_auto_json json_t *supports = json_pack("{s:b, s:[s, s], s:s}", "systemRole", 1, "output",
		"text", "json", "constrained", "all");
	gk_auto_json json_t *info = json_object();
	bool ok = gk_json_set_bool(supports, "multiturn", is_chat);

	if (ok && !given)
		ok = gk_json_set_bool(
			     supports, "media", !capabilities || has(capabilities, "vision")) &&
		     gk_json_set_bool(
			     supports, "tools", !capabilities || has(capabilities, "tools"));
	else if (ok && json_is_object(json_object_get(given, "supports")))
		ok = json_object_update(supports, json_object_get(given, "supports")) == 0;
	if (!ok || !gk_json_set_take(info, "label", json_sprintf("Ollama - %s", id)) ||
		!gk_json_set(info, "supports", supports) ||
		!gk_json_set_take(info, "customOptions", gk_settings_schema(settings)))
		return NULL;
	return gk_steal(info);
}

/* `row` is what the administrator gave; NULL: no more than the name. */
static gk_code define_model(
	gk_plugin *plugin, gk_vendor *vendor, const void *row, const char *id, gk_error *err)
{
	const json_t *given = row;
	bool is_chat = !gk_str_equal(gk_json_str_peek(given, "type"), "generate");
	gk_auto_json json_t *info = info_of(id, given, NULL, is_chat);

	return info ? gk_vendor_define_model(
			      plugin, vendor, id, is_chat ? chat : generate, info, run_model, err)
		    : gk_error_no_memory(err);
}

static gk_code define_embedder(
	gk_plugin *plugin, gk_vendor *vendor, const void *row, const char *id, gk_error *err)
{
	gk_auto_json json_t *info = json_object();
	json_t *dimensions = json_object_get(row, "dimensions");

	if (!gk_json_set_take(info, "label", json_sprintf("Ollama - %s", id)) ||
		!gk_json_set_take(info, "supports", json_pack("{s:[s]}", "input", "text")) ||
		(dimensions && !gk_json_set(info, "dimensions", dimensions)))
		return gk_error_no_memory(err);
	return gk_vendor_define_embedder(plugin, vendor, id, NULL, info, run_embedder, err);
}

static gk_code init(gk_ctx *ctx, gk_plugin *plugin, gk_error *err)
{
	gk_vendor *vendor;
	gk_code rc = gk_vendor_of(plugin, &vendor, err);

	(void)ctx;
	if (rc == GK_OK)
		rc = gk_vendor_define_given(plugin, vendor, "models", define_model, err);
	if (rc == GK_OK)
		rc = gk_vendor_define_given(plugin, vendor, "embedders", define_embedder, err);
	return rc;
}

static gk_code resolve(
	gk_ctx *ctx, gk_plugin *plugin, const char *type, const char *name, gk_error *err)
{
	gk_vendor *vendor;
	gk_code rc = gk_vendor_of(plugin, &vendor, err);

	(void)ctx;
	if (rc == GK_OK && strcmp(type, "model") == 0)
		rc = define_model(plugin, vendor, NULL, name, err);
	else if (rc == GK_OK && strcmp(type, "embedder") == 0)
		rc = define_embedder(plugin, vendor, NULL, name, err);
	return rc;
}

static gk_code add_listed(
	const gk_vendor *vendor, const json_t *item, json_t *listing, gk_error *err)
{
	const char *name = gk_ollama_listed_name(item);
	const json_t *capabilities = gk_ollama_capabilities_peek(vendor, item);
	gk_auto_json json_t *info = NULL;
	bool embeds;

	if (!name || !*name)
		return GK_OK;
	embeds = gk_ollama_is_embedder(name, capabilities);
	info = embeds ? json_pack("{s:o, s:{s:[s]}}", "label", json_sprintf("Ollama - %s", name),
				"supports", "input", "text")
		      : info_of(name, NULL, capabilities, true);
	if (!info || !gk_json_push_take(
			     listing, gk_vendor_listed(embeds ? "embedder" : "model", name, info)))
		return gk_error_no_memory(err);
	return GK_OK;
}

static gk_code ask_listing(gk_ctx *ctx, gk_vendor *vendor, json_t *listing, gk_error *err)
{
	gk_auto_json json_t *answer = NULL;
	gk_auto_outgoing gk_outgoing out;
	json_t *models = NULL, *one;
	size_t i;
	gk_code rc;

	gk_outgoing_init(&out, "GET");
	rc = gk_ollama_prepare(vendor, NULL, "/api/tags", &out, err);
	if (rc != GK_OK)
		return rc;
	out.timeout_ms = GK_OLLAMA_LIST_MS;
	rc = gk_ask_json(ctx, "ollama", &out, &answer, err);
	if (rc != GK_OK)
		return explain(&out, "/api/tags", rc, err);
	rc = gk_vendor_items(vendor, &out, answer, "models", &models, err);
	if (rc == GK_OK)
		rc = gk_ollama_learn(ctx, vendor, models, err);
	json_array_foreach (models, i, one)
		if (rc == GK_OK)
			rc = add_listed(vendor, one, listing, err);
	return rc;
}

static const gk_vendor_option options[] = {
	{ "models", GK_OPTION_LIST,
		"Models to show: names, or mappings with name, type (chat or generate), supports." },
	{ "embedders", GK_OPTION_LIST,
		"Embedders to show: names, or mappings with name, dimensions." },
	{ .name = NULL },
};

static const char *const base_env[] = { "OLLAMA_HOST", NULL };

const gk_vendor_type gk_plugin_ollama = {
	.plugin = {
		.abi = GK_PLUGIN_ABI,
		.name = "ollama",
		.init = init,
		.resolve = resolve,
		.list = gk_vendor_list,
		.done = gk_vendor_plugin_done,
	},
	.base_url = "http://127.0.0.1:11434",
	.base_env = base_env,
	.key_optional = true,
	.setup = complete_address,
	.list = ask_listing,
	.listing_ms = GK_OLLAMA_LISTING_MS, /* models come and go on one's own machine */
	.options = options,
};
