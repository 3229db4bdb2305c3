/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Gemini, Gemma, Imagen, Veo. Manual: googleai.md. */
#include "plugins/googleai/googleai_models.h"

#include "base/str.h"
#include "config.h"
#include "plugins/common/ask.h"
#include "plugins/common/call_address.h"
#include "plugins/common/failure.h"
#include "plugins/googleai/interactions.h"

#include <stdarg.h>
#include <stdio.h>

/* --- requests --- */

const char *gk_googleai_id(const gk_vendor_model *model)
{
	return gk_googleai_bare(model->id);
}

const char *gk_googleai_model_name(const gk_vendor_model *model, const json_t *config)
{
	const char *version = gk_json_str_peek(config, "version");

	return gk_googleai_bare(version && *version ? version : model->id);
}

/* A part of an address that whoever calls chooses. */
static gk_code check_version(const gk_vendor *vendor, const char *version, gk_error *err)
{
	if (*version && !gk_str_equal(version, ".") && !strstr(version, "..") &&
		!version[strspn(version, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
					 "0123456789-_.")])
		return GK_OK;
	return gk_error_set(err, GK_INVALID_ARGUMENT,
		"%s: config.apiVersion is the name of a version, such as v1beta", vendor->name);
}

gk_code gk_googleai_prepare(const gk_vendor *vendor, const json_t *config, gk_outgoing *out,
	gk_error *err, const char *path, ...)
{
	const char *version = gk_json_str_peek(config, "apiVersion"), *key = NULL;
	double timeout = gk_json_real_at(config, "timeout", 0);
	gk_auto_str char *rest = NULL, *base = NULL;
	gk_call_address address = { .base = NULL };
	gk_code rc = gk_vendor_call_address(
		vendor, "config.baseUrl", gk_json_str_peek(config, "baseUrl"), &address, err);
	va_list args;

	base = address.base;
	if (rc == GK_OK && version)
		rc = check_version(vendor, version, err);
	if (rc == GK_OK)
		rc = gk_vendor_prepare_call(vendor, config, &address, out, &key, err);
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
	gk_outgoing_url(out, "%s/%s/%s", base, version ? version : "v1beta", rest);
	gk_outgoing_headers(out, json_object_get(config, "customHeaders"));
	/* After those of the user, which may not replace them. */
	gk_outgoing_secret(out, "x-goog-api-key", "", key);
	gk_outgoing_header(out, "x-goog-api-client", "genkit-c/" PACKAGE_VERSION);
	if (timeout > 0 && timeout < 1e12)
		out->timeout_ms = (uint64_t)timeout;
	return GK_OK;
}

gk_code gk_googleai_prepare_model(const gk_vendor *vendor, const json_t *config, gk_outgoing *out,
	const char *id, const char *method, gk_error *err)
{
	gk_code rc = gk_vendor_check_path(vendor, id, err);

	return rc == GK_OK
		       ? gk_googleai_prepare(vendor, config, out, err, "models/%s:%s", id, method)
		       : rc;
}

gk_code gk_googleai_ask(
	gk_ctx *ctx, const gk_vendor *vendor, gk_outgoing *out, json_t **ret, gk_error *err)
{
	gk_auto_json json_t *answer = NULL;
	gk_code rc = gk_ask_json(ctx, vendor->name, out, &answer, err);

	/* What was begun, and has failed since, has a name; to tell of it is a success. */
	if (rc == GK_OK && gk_failure_is(answer) && !json_object_get(answer, "name") &&
		!json_object_get(answer, "id"))
		return gk_failure_in_answer(err, vendor->name, out, answer);
	if (rc == GK_OK)
		*ret = gk_steal(answer);
	return rc;
}

json_t *gk_googleai_call_config(gk_ctx *ctx, const json_t *config)
{
	const gk_vendor_model *model = gk_ctx_user(ctx);
	const json_t *context = gk_ctx_context(ctx);
	const char *key = gk_json_str_peek(context, "secrets.apiKey");
	gk_auto_json json_t *out = gk_json_merge(json_object_get(context, "config"), config);

	/* The context's key and headers are not for an address that the call has chosen. */
	if (out && gk_vendor_is_others(model->vendor, gk_json_str_peek(config, "baseUrl"))) {
		if (!json_object_get(config, "customHeaders"))
			json_object_del(out, "customHeaders");
		if (!gk_json_str_peek(config, "apiKey"))
			json_object_del(out, "apiKey");
		key = NULL;
	}
	return out && (!key || gk_json_str_peek(config, "apiKey") ||
			      gk_json_set_str(out, "apiKey", key))
		       ? gk_steal(out)
		       : NULL;
}

/* --- the plugin --- */

static gk_code define_background(
	gk_vendor *vendor, gk_googleai_kind it, const char *id, json_t *info, gk_error *err)
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
			.start = it == GK_GOOGLEAI_KIND_VEO ? gk_googleai_start_veo
							    : gk_interaction_start,
			.check = it == GK_GOOGLEAI_KIND_VEO ? gk_googleai_check_veo
							    : gk_interaction_check,
			.cancel = it == GK_GOOGLEAI_KIND_VEO ? NULL : gk_interaction_cancel,
			.user = model),
		err);
	if (rc != GK_OK)
		gk_vendor_model_free(model);
	return rc;
}

static gk_code define(
	gk_plugin *plugin, gk_vendor *vendor, const void *row, const char *id, gk_error *err)
{
	static gk_action_fn *const run[] = {
		[GK_GOOGLEAI_KIND_CHAT] = gk_googleai_run_chat,
		[GK_GOOGLEAI_KIND_IMAGEN] = gk_googleai_run_imagen,
		[GK_GOOGLEAI_KIND_MUSIC] = gk_interaction_run_music,
		[GK_GOOGLEAI_KIND_AGENT] = gk_interaction_run_agent,
	};
	const gk_googleai_family *family = row;
	gk_auto_json json_t *info = gk_googleai_info(family, id);

	if (!info)
		return gk_error_no_memory(err);
	if (gk_googleai_is_background(family->kind))
		return define_background(vendor, family->kind, id, info, err);
	if (family->kind == GK_GOOGLEAI_KIND_EMBEDDER)
		return gk_vendor_define_embedder(
			plugin, vendor, id, NULL, info, gk_googleai_run_embed, err);
	return gk_vendor_define_model(plugin, vendor, id, NULL, info, run[family->kind], err);
}

static gk_code init(gk_ctx *ctx, gk_plugin *plugin, gk_error *err)
{
	const gk_googleai_family *family;
	gk_vendor *vendor;
	gk_code rc = gk_vendor_of(plugin, &vendor, err);

	(void)ctx;
	for (size_t i = 0; rc == GK_OK && (family = gk_googleai_family_at(i)); i++)
		rc = gk_vendor_define_words(plugin, vendor, family->ids, family, define, err);
	return rc;
}

/* The check and the cancellation of a background model come with it: its id, which the caller frees. NULL, with
 * `*is_companion`: no memory. */
static char *companion_of(const char *type, const char *name, bool *is_companion)
{
	const char *end = strrchr(name, '/');

	*is_companion =
		end &&
		((strcmp(type, "check-operation") == 0 && strcmp(end, "/check") == 0) ||
			(strcmp(type, "cancel-operation") == 0 && strcmp(end, "/cancel") == 0));
	return *is_companion ? strndup(name, (size_t)(end - name)) : NULL;
}

static gk_code resolve(
	gk_ctx *ctx, gk_plugin *plugin, const char *type, const char *name, gk_error *err)
{
	bool is_companion;
	gk_auto_str char *whose = companion_of(type, name, &is_companion);
	const gk_googleai_family *family;
	gk_vendor *vendor;
	gk_code rc = gk_vendor_of(plugin, &vendor, err);

	(void)ctx;
	if (rc != GK_OK)
		return rc;
	if (is_companion) {
		if (!whose)
			return gk_error_no_memory(err);
		type = "background-model";
		name = whose;
	}
	family = strcmp(type, "embedder") == 0 ? gk_googleai_embedder_of(name)
					       : gk_googleai_family_of(name);
	if (strcmp(type, gk_googleai_type(family->kind)) != 0)
		return GK_OK;
	return define(plugin, vendor, family, name, err);
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
		rc = gk_googleai_ask(ctx, vendor, &out, &answer, err);
	json_array_foreach (json_object_get(answer, "models"), i, item)
		if (rc == GK_OK)
			rc = gk_googleai_add_listed(item, listing, err);
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
