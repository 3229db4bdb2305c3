/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Gemini, Gemma, Imagen, Veo. Manual: googleai.md. */
#include "plugins/googleai/googleai.h"

#include "base/str.h"
#include "config.h"
#include "plugins/common/ask.h"
#include "plugins/googleai/interactions.h"

#include <stdarg.h>
#include <stdio.h>

/* --- models --- */

typedef enum kind {
	CHAT,
	IMAGEN,
	VEO,
	EMBEDDER,
	MUSIC,
	AGENT,
	RESEARCH
} kind;

#define CHATS                                                                                       \
	"\"multiturn\":true,\"media\":true,\"tools\":true,\"toolChoice\":true,\"systemRole\":true," \
	"\"constrained\":\"all\""
#define MAKES_MEDIA                                                                                     \
	"\"media\":true,\"multiturn\":false,\"tools\":false,\"toolChoice\":false,\"systemRole\":false," \
	"\"output\":[\"media\"]"

/* Models that have something in common; the first row that an id is of counts. */
static const struct family {
	const char *ids; /* gk_words_match(); those without * are shown from the start */
	kind kind;
	const char *supports; /* JSON */
	unsigned dimensions;
	bool (*has)(const char *id); /* beside `ids`; NULL: nobody */
} families[] = {
	{ "lyria-3-clip-preview lyria-3-pro-preview lyria-*", MUSIC,
		"{\"media\":true,\"tools\":false,\"output\":[\"media\",\"text\"]}", 0, NULL },
	{ "deep-research-preview-04-2026 deep-research-max-preview-04-2026", RESEARCH,
		"{\"multiturn\":true,\"media\":true,\"tools\":true,\"output\":[\"text\",\"media\"],"
		"\"longRunning\":true}",
		0, NULL },
	{ "deep-research-pro-preview-12-2025", RESEARCH,
		"{\"multiturn\":true,\"media\":false,\"tools\":false,\"output\":[\"text\"],\"longRunning\":true}",
		0, NULL },
	{ "deep-research-*", RESEARCH,
		"{\"multiturn\":true,\"output\":[\"text\"],\"longRunning\":true}", 0, NULL },
	{ "antigravity-preview-05-2026 antigravity-*", AGENT,
		"{\"multiturn\":true,\"media\":true,\"tools\":false,\"output\":[\"text\"]}", 0,
		NULL },
	{ "imagen-4.0-fast-generate-001 imagen-4.0-generate-001 imagen-4.0-ultra-generate-001",
		IMAGEN, "{" MAKES_MEDIA "}", 0, NULL },
	{ "imagen-*", IMAGEN,
		"{\"media\":true,\"multiturn\":true,\"tools\":true,\"systemRole\":true,\"output\":[\"media\"]}",
		0, NULL },
	{ "veo-3.1-lite-generate-preview veo-3.1-generate-preview veo-3.1-fast-generate-preview veo-*",
		VEO, "{" MAKES_MEDIA ",\"longRunning\":true}", 0, NULL },
	{ "gemini-embedding-001", EMBEDDER, "{\"input\":[\"text\"]}", 3072, NULL },
	{ "gemini-embedding-2 gemini-embedding-2-preview", EMBEDDER,
		"{\"input\":[\"text\",\"image\",\"video\"]}", 0, NULL },
	{ "gemini-embedding-* text-embedding-* embedding-*", EMBEDDER, "{\"input\":[\"text\"]}", 0,
		NULL },
	{ "gemini-2.5-flash-preview-tts gemini-2.5-pro-preview-tts gemini-3.1-flash-tts-preview",
		CHAT,
		"{\"media\":false,\"multiturn\":false,\"tools\":false,\"systemRole\":false,\"toolChoice\":false,"
		"\"constrained\":\"all\"}",
		0, gk_gemini_speaks },
	{ "gemini-3.1-flash-image gemini-3.1-flash-image-preview gemini-3-pro-image gemini-3-pro-image-preview "
	  "gemini-2.5-flash-image",
		CHAT, "{" CHATS "}", 0, gk_gemini_draws },
	{ "gemini-pro-latest gemini-flash-latest gemini-flash-lite-latest gemini-3.5-flash gemini-3.1-flash-lite "
	  "gemini-3.1-pro-preview gemini-3.1-pro-preview-customtools gemini-3-flash-preview gemini-2.5-pro "
	  "gemini-2.5-flash gemini-2.5-flash-lite gemma-4-26b-a4b-it gemma-4-31b-it *",
		CHAT, "{" CHATS ",\"output\":[\"text\",\"json\"]}", 0, NULL },
};
#define FAMILIES (sizeof(families) / sizeof(families[0]))
/* What is asked to embed under any other name. */
static const struct family any_embedder = { "", EMBEDDER, "{\"input\":[\"text\"]}", 0, NULL };

/* Ids are written in many ways; what the service knows is behind the last of these. */
static const char *bare(const char *id)
{
	static const char *const before[] = { "background-model/", "model/", "models/",
		"embedders/", "googleai/", "vertexai/" };
	size_t i = 0;

	while (i < sizeof(before) / sizeof(before[0]))
		if (gk_str_has_prefix(id, before[i])) {
			id += strlen(before[i]);
			i = 0;
		} else {
			i++;
		}
	return id;
}

static const struct family *family_of(const char *id)
{
	size_t i = 0;

	id = bare(id);
	while (i + 1 < FAMILIES && !gk_words_match(families[i].ids, id) &&
		!(families[i].has && families[i].has(id)))
		i++;
	return &families[i];
}

static const struct family *embedder_of(const char *id)
{
	const struct family *family = family_of(id);

	return family->kind == EMBEDDER ? family : &any_embedder;
}

/* Which configuration it has. */
static unsigned config_of(const struct family *family, const char *id)
{
	static const unsigned kinds[] = {
		[CHAT] = GK_GOOGLEAI_GEMINI,
		[IMAGEN] = GK_GOOGLEAI_IMAGEN,
		[VEO] = GK_GOOGLEAI_VEO,
		[EMBEDDER] = GK_GOOGLEAI_EMBEDDER,
		[MUSIC] = GK_GOOGLEAI_MUSIC,
		[AGENT] = GK_GOOGLEAI_AGENT,
		[RESEARCH] = GK_GOOGLEAI_RESEARCH,
	};

	if (family->kind != CHAT)
		return kinds[family->kind];
	return gk_gemini_speaks(id)              ? GK_GOOGLEAI_SPEECH
	       : gk_gemini_draws(id)             ? GK_GOOGLEAI_PICTURE
	       : gk_str_has_prefix(id, "gemma-") ? GK_GOOGLEAI_GEMMA
						 : GK_GOOGLEAI_GEMINI;
}

static json_t *info_of(const struct family *family, const char *id)
{
	gk_auto_json json_t *info = json_object(), *supports = NULL;

	gk_auto_json json_t *config = gk_googleai_config_schema(config_of(family, bare(id)));

	if (!config ||
		gk_json_parse(family->supports, strlen(family->supports), 0, &supports, NULL) !=
			GK_OK ||
		!gk_json_set(info, "customOptions", config) ||
		!gk_json_set_take(info, "label", json_sprintf("Google AI - %s", id)) ||
		!gk_json_set(info, "supports", supports) ||
		(family->dimensions && !gk_json_set_int(info, "dimensions", family->dimensions)))
		return NULL;
	return gk_steal(info);
}

/* --- requests --- */

const char *gk_googleai_id(const gk_vendor_model *model)
{
	return bare(model->id);
}

const char *gk_googleai_model_name(const gk_vendor_model *model, const json_t *config)
{
	const char *version = gk_json_str_peek(config, "version");

	return bare(version && *version ? version : model->id);
}

gk_code gk_googleai_prepare(const gk_vendor *vendor, const json_t *config, gk_outgoing *out,
	gk_error *err, const char *path, ...)
{
	const char *base = gk_json_str_peek(config, "baseUrl"), *key = NULL;
	const char *version = gk_json_str_peek(config, "apiVersion");
	double timeout = gk_json_real_at(config, "timeout", 0);
	gk_auto_str char *rest = NULL;
	size_t base_len;
	gk_code rc = gk_vendor_key(vendor, config, &key, err);
	va_list args;

	if (rc != GK_OK)
		return rc;
	va_start(args, path);
	if (vasprintf(&rest, path, args) < 0)
		rest = NULL;
	va_end(args);
	if (!rest)
		return gk_error_no_memory(err);
	if (!version)
		version = gk_vendor_option_str(vendor, "apiVersion");
	if (!base)
		base = vendor->base_url;
	base_len = strlen(base);
	while (base_len && base[base_len - 1] == '/')
		base_len--;
	gk_outgoing_url(out, "%.*s/%s/%s", (int)base_len, base, version ? version : "v1beta", rest);
	gk_vendor_prepare(vendor, out);
	gk_outgoing_headers(out, json_object_get(config, "customHeaders"));
	/* After those of the user, which may not replace them. */
	gk_outgoing_secret(out, "x-goog-api-key", "", key);
	gk_outgoing_header(out, "x-goog-api-client", "genkit-c/" PACKAGE_VERSION);
	if (timeout > 0 && timeout < 1e12)
		out->timeout_ms = (uint64_t)timeout;
	return GK_OK;
}

json_t *gk_googleai_call_config(gk_ctx *ctx, const json_t *config)
{
	const json_t *context = gk_ctx_context(ctx);
	const char *key = gk_json_str_peek(context, "secrets.apiKey");
	gk_auto_json json_t *out = gk_json_merge(json_object_get(context, "config"), config);

	return out && (!key || gk_json_str_peek(config, "apiKey") ||
			      gk_json_set_str(out, "apiKey", key))
		       ? gk_steal(out)
		       : NULL;
}

/* --- the plugin --- */

static bool is_background(kind it)
{
	return it == VEO || it == RESEARCH;
}

static gk_code define_background(
	gk_vendor *vendor, kind it, const char *id, json_t *info, gk_error *err)
{
	gk_vendor_model *model = gk_vendor_model_new(vendor, id, NULL);
	gk_auto_str char *name = NULL;
	gk_code rc;

	if (!model || asprintf(&name, "%s/%s", vendor->name, id) < 0) {
		name = NULL;
		gk_vendor_model_free(model);
		return gk_error_no_memory(err);
	}
	rc = gk_define_background_model(vendor->app,
		GK_OPTS(gk_background_model_opts,
			.model = { .size = sizeof(gk_model_opts),
				.name = name,
				.info = info,
				.free_user = gk_vendor_model_free },
			.start = it == VEO ? gk_googleai_start_veo : gk_interaction_start,
			.check = it == VEO ? gk_googleai_check_veo : gk_interaction_check,
			.cancel = it == VEO ? NULL : gk_interaction_cancel, .user = model),
		err);
	if (rc != GK_OK)
		gk_vendor_model_free(model);
	return rc;
}

static gk_code define(
	gk_plugin *plugin, gk_vendor *vendor, const void *row, const char *id, gk_error *err)
{
	static gk_action_fn *const run[] = {
		[CHAT] = gk_googleai_run_chat,
		[IMAGEN] = gk_googleai_run_imagen,
		[MUSIC] = gk_interaction_run_music,
		[AGENT] = gk_interaction_run_agent,
	};
	const struct family *family = row;
	gk_auto_json json_t *info = info_of(family, id);

	if (!info)
		return gk_error_no_memory(err);
	if (is_background(family->kind))
		return define_background(vendor, family->kind, id, info, err);
	if (family->kind == EMBEDDER)
		return gk_vendor_define_embedder(
			plugin, vendor, id, NULL, info, gk_googleai_run_embed, err);
	return gk_vendor_define_model(plugin, vendor, id, NULL, info, run[family->kind], err);
}

static gk_code init(gk_ctx *ctx, gk_plugin *plugin, gk_error *err)
{
	gk_vendor *vendor;
	gk_code rc = gk_vendor_of(plugin, &vendor, err);

	(void)ctx;
	for (size_t i = 0; rc == GK_OK && i < FAMILIES; i++)
		rc = gk_vendor_define_words(
			plugin, vendor, families[i].ids, &families[i], define, err);
	return rc;
}

static const char *type_of(kind it)
{
	return it == EMBEDDER ? "embedder" : is_background(it) ? "background-model" : "model";
}

static gk_code resolve(
	gk_ctx *ctx, gk_plugin *plugin, const char *type, const char *name, gk_error *err)
{
	const struct family *family =
		strcmp(type, "embedder") == 0 ? embedder_of(name) : family_of(name);
	gk_vendor *vendor;
	gk_code rc = gk_vendor_of(plugin, &vendor, err);

	(void)ctx;
	if (rc != GK_OK || strcmp(type, type_of(family->kind)) != 0)
		return rc;
	return define(plugin, vendor, family, name, err);
}

/* Which of the service's methods a kind is asked by. */
static bool can(const json_t *item, kind it)
{
	static const char *const methods[] = { "generateContent", "predict", "predictLongRunning",
		"embedContent", NULL, NULL, NULL };
	json_t *one;
	size_t i;

	json_array_foreach (json_object_get(item, "supportedGenerationMethods"), i, one)
		if (gk_str_equal(json_string_value(one), methods[it]))
			return true;
	return !methods[it];
}

/* Appends the model as one of the family, when the service says that it can be asked so. */
static gk_code add_as(const struct family *family, const json_t *item, const char *id,
	json_t *listing, gk_error *err)
{
	gk_auto_json json_t *info = NULL;

	if (!can(item, family->kind))
		return GK_OK;
	info = info_of(family, id);
	return info && gk_json_push_take(listing, gk_vendor_listed(type_of(family->kind), id, info))
		       ? GK_OK
		       : gk_error_no_memory(err);
}

static gk_code add_listed(const json_t *item, json_t *listing, gk_error *err)
{
	const char *id = gk_json_str_peek(item, "name");
	const char *description = gk_json_str_peek(item, "description");
	gk_code rc = GK_OK;

	if (!id || (description && strcasestr(description, "deprecated")))
		return GK_OK;
	if (gk_str_has_prefix(id, "models/"))
		id += strlen("models/");
	if (family_of(id)->kind != EMBEDDER)
		rc = add_as(family_of(id), item, id, listing, err);
	return rc == GK_OK ? add_as(embedder_of(id), item, id, listing, err) : rc;
}

static gk_code ask_listing(gk_ctx *ctx, gk_vendor *vendor, json_t *listing, gk_error *err)
{
	gk_auto_json json_t *answer = NULL;
	gk_auto_outgoing gk_outgoing out;
	json_t *item;
	size_t i;
	gk_code rc;

	gk_outgoing_init(&out, "GET");
	rc = gk_googleai_prepare(vendor, NULL, &out, err, "models?pageSize=1000");
	if (rc == GK_OK)
		rc = gk_ask_json(ctx, vendor->name, &out, &answer, err);
	json_array_foreach (json_object_get(answer, "models"), i, item)
		if (rc == GK_OK)
			rc = add_listed(item, listing, err);
	return rc;
}

static const gk_vendor_option options[] = {
	{ "apiVersion", GK_OPTION_STRING, "Version of the API; v1beta unless given." },
	{ "legacyResponseSchema", GK_OPTION_BOOL,
		"Schemas of the output are sent as responseSchema." },
	{ .name = NULL },
};
static const char *const key_env[] = { "GEMINI_API_KEY", "GOOGLE_API_KEY", "GOOGLE_GENAI_API_KEY",
	NULL };

const gk_vendor_type gk_plugin_googleai = {
	.plugin = {
		.abi = GK_PLUGIN_ABI,
		.name = "googleai",
		.init = init,
		.resolve = resolve,
		.list = gk_vendor_list,
		.done = gk_vendor_plugin_done,
	},
	.base_url = "https://generativelanguage.googleapis.com",
	.key_env = key_env,
	.list = ask_listing,
	.options = options,
};
