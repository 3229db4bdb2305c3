/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "plugins/oai/oai.h"

#include "base/str.h"
#include "plugins/common/ask.h"

#include <genkit/context.h>

/* --- what is known of models --- */

const gk_oai_models *gk_oai_models_of(const gk_oai_row *row, const char *id)
{
	const gk_oai_models *models = row->models;

	while (models[1].ids && !gk_words_match(models->ids, id))
		models++;
	return models;
}

static json_t *words(const char *text)
{
	gk_auto_json json_t *list = json_array();

	for (; text && *(text += strspn(text, " ")); text += strcspn(text, " "))
		if (!gk_json_push_take(list, json_stringn(text, strcspn(text, " "))))
			return NULL;
	return gk_steal(list);
}

static json_t *supports_of(const gk_oai_row *row, const gk_oai_models *models)
{
	static const struct {
		unsigned flag;
		const char *name;
	} known[] = {
		{ GK_SUPPORTS_MULTITURN, "multiturn" },
		{ GK_SUPPORTS_MEDIA, "media" },
		{ GK_SUPPORTS_TOOLS, "tools" },
		{ GK_SUPPORTS_SYSTEM, "systemRole" },
	};
	gk_auto_json json_t *supports = json_object();

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (!gk_json_set_bool(
			    supports, known[i].name, (models->supports & known[i].flag) != 0))
			return NULL;
	if (row->tool_required && (models->supports & GK_SUPPORTS_TOOL_CHOICE) &&
		!gk_json_set_bool(supports, "toolChoice", true))
		return NULL;
	if ((models->output && !gk_json_set_take(supports, "output", words(models->output))) ||
		(models->constrained &&
			!gk_json_set_str(supports, "constrained", models->constrained)))
		return NULL;
	return gk_steal(supports);
}

json_t *gk_oai_info(
	const gk_oai_row *row, const gk_oai_models *models, const char *vendor, const char *id)
{
	gk_auto_json json_t *info = json_object();

	if (!gk_json_set_take(info, "label", json_sprintf("%s - %s", vendor, id)))
		return NULL;
	if (models->kind == GK_OAI_EMBED) {
		if (!gk_json_set_take(info, "supports", json_pack("{s:[s]}", "input", "text")) ||
			(models->dimensions &&
				!gk_json_set_int(info, "dimensions", models->dimensions)))
			return NULL;
		return gk_steal(info);
	}
	if (!gk_json_set_take(info, "supports", supports_of(row, models)) ||
		(models->stage && !gk_json_set_str(info, "stage", models->stage)) ||
		(models->kind == GK_OAI_CHAT &&
			!gk_json_set_take(info, "customOptions", gk_oai_config_schema(row))))
		return NULL;
	return gk_steal(info);
}

/* --- the plugin's slots --- */

static gk_action_fn *const run[] = {
	[GK_OAI_CHAT] = gk_oai_run_chat,
	[GK_OAI_IMAGE] = gk_oai_run_image,
	[GK_OAI_SPEECH] = gk_oai_run_speech,
	[GK_OAI_TRANSCRIBE] = gk_oai_run_transcribe,
	[GK_OAI_EMBED] = gk_oai_run_embed,
};

static gk_code define(
	gk_plugin *plugin, gk_vendor *vendor, const void *of, const char *id, gk_error *err)
{
	const gk_oai_row *row = vendor->type->row;
	const gk_oai_models *models = of;
	gk_auto_json json_t *info = gk_oai_info(row, models, vendor->name, id);

	if (!info)
		return gk_error_no_memory(err);
	if (models->kind == GK_OAI_EMBED)
		return gk_vendor_define_embedder(
			plugin, vendor, id, models, info, run[models->kind], err);
	return gk_vendor_define_model(plugin, vendor, id, models, info, run[models->kind], err);
}

/* What an embedder is taken for that nobody knows. */
static const gk_oai_models unknown_embedder = { .ids = "*", .kind = GK_OAI_EMBED };

/* Those that the administrator names. */
static gk_code define_given(
	gk_plugin *plugin, gk_vendor *vendor, const void *given, const char *id, gk_error *err)
{
	(void)given;
	return define(plugin, vendor, gk_oai_models_of(vendor->type->row, id), id, err);
}

static gk_code define_embedder(
	gk_plugin *plugin, gk_vendor *vendor, const void *given, const char *id, gk_error *err)
{
	(void)given;
	return define(plugin, vendor, &unknown_embedder, id, err);
}

gk_code gk_oai_init(gk_ctx *ctx, gk_plugin *plugin, gk_error *err)
{
	const gk_oai_models *models;
	gk_vendor *vendor;
	gk_code rc = gk_vendor_of(plugin, &vendor, err);

	(void)ctx;
	if (rc != GK_OK)
		return rc;
	models = ((const gk_oai_row *)vendor->type->row)->models;
	for (; rc == GK_OK && models->ids; models++)
		rc = gk_vendor_define_words(plugin, vendor, models->ids, models, define, err);
	if (rc == GK_OK)
		rc = gk_vendor_define_given(plugin, vendor, "models", define_given, err);
	if (rc == GK_OK)
		rc = gk_vendor_define_given(plugin, vendor, "embedders", define_embedder, err);
	return rc;
}

static bool has_embedders(const gk_oai_row *row)
{
	for (const gk_oai_models *models = row->models; models->ids; models++)
		if (models->kind == GK_OAI_EMBED)
			return true;
	return false;
}

gk_code gk_oai_resolve(
	gk_ctx *ctx, gk_plugin *plugin, const char *type, const char *name, gk_error *err)
{
	const gk_oai_models *models;
	gk_vendor *vendor;
	gk_code rc = gk_vendor_of(plugin, &vendor, err);

	(void)ctx;
	if (rc != GK_OK)
		return rc;
	models = gk_oai_models_of(vendor->type->row, name);
	if (strcmp(type, "model") == 0 && models->kind != GK_OAI_EMBED)
		return define(plugin, vendor, models, name, err);
	if (strcmp(type, "embedder") == 0 && models->kind == GK_OAI_EMBED)
		return define(plugin, vendor, models, name, err);
	/* Of a name that nobody knows the caller knows more, where there are embedders at all. */
	if (strcmp(type, "embedder") == 0 && !models[1].ids && has_embedders(vendor->type->row))
		return define(plugin, vendor, &unknown_embedder, name, err);
	return GK_OK;
}

/* --- the listing --- */

/* What a listed id stands for: by its name, and where the service says what each can do, by that. NULL: it is of no use. */
static const gk_oai_models *listed_as(const gk_oai_row *row, const char *id, const json_t *item)
{
	const gk_oai_models *models = gk_oai_models_of(row, id);
	const json_t *can = json_object_get(item, "capabilities");

	if (models->is_hidden)
		return NULL;
	if (row->address != GK_OAI_ADDRESS_AZURE || !json_is_object(can))
		return models;
	if (json_is_true(json_object_get(can, "embeddings")))
		return models->kind == GK_OAI_EMBED ? models : &unknown_embedder;
	return json_is_true(json_object_get(can, "chat_completion")) ? models : NULL;
}

static gk_code add_listed(
	const gk_vendor *vendor, const json_t *item, json_t *listing, gk_error *err)
{
	const gk_oai_row *row = vendor->type->row;
	const char *id = gk_json_str_peek(item, "id");
	const gk_oai_models *models = id && *id ? listed_as(row, id, item) : NULL;
	gk_auto_json json_t *info = NULL;

	if (!models)
		return GK_OK;
	info = gk_oai_info(row, models, vendor->name, id);
	if (!info || !gk_json_push_take(listing,
			     gk_vendor_listed(models->kind == GK_OAI_EMBED ? "embedder" : "model",
				     id, info)))
		return gk_error_no_memory(err);
	return GK_OK;
}

gk_code gk_oai_ask_listing(gk_ctx *ctx, gk_vendor *vendor, json_t *listing, gk_error *err)
{
	gk_auto_json json_t *answer = NULL;
	gk_auto_outgoing gk_outgoing out;
	json_t *data = NULL, *item;
	size_t i;
	gk_code rc;

	gk_outgoing_init(&out, "GET");
	rc = gk_oai_prepare(vendor, vendor->type->row, &out, "/models", "", NULL, err);
	if (rc == GK_OK)
		rc = gk_ask_json(ctx, vendor->name, &out, &answer, err);
	if (rc == GK_OK)
		rc = gk_vendor_items(vendor, &out, answer, "data", &data, err);
	json_array_foreach (data, i, item)
		if (rc == GK_OK)
			rc = add_listed(vendor, item, listing, err);
	return rc;
}

gk_code gk_oai_list(gk_ctx *ctx, gk_plugin *plugin, json_t *list, gk_error *err)
{
	const gk_oai_row *row;
	gk_vendor *vendor;
	gk_code rc = gk_vendor_of(plugin, &vendor, err);

	if (rc != GK_OK)
		return rc;
	row = vendor->type->row;
	if (row->no_listing || (row->listing_option && !json_is_true(gk_vendor_option_peek(
							       vendor, row->listing_option))))
		return GK_OK;
	return gk_vendor_list(ctx, plugin, list, err);
}
