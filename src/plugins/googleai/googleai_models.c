/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "plugins/googleai/googleai_models.h"

#include "base/str.h"

#define CHATS                                                                                       \
	"\"multiturn\":true,\"media\":true,\"tools\":true,\"toolChoice\":true,\"systemRole\":true," \
	"\"constrained\":\"all\""
#define MAKES_MEDIA                                                                                     \
	"\"media\":true,\"multiturn\":false,\"tools\":false,\"toolChoice\":false,\"systemRole\":false," \
	"\"output\":[\"media\"]"

/* The first row that an id is of counts. */
static const gk_googleai_family families[] = {
	{ "lyria-3-clip-preview lyria-3-pro-preview lyria-*", GK_GOOGLEAI_KIND_MUSIC,
		"{\"media\":true,\"tools\":false,\"output\":[\"media\",\"text\"]}", 0, NULL },
	{ "deep-research-preview-04-2026 deep-research-max-preview-04-2026",
		GK_GOOGLEAI_KIND_RESEARCH,
		"{\"multiturn\":true,\"media\":true,\"tools\":true,\"output\":[\"text\",\"media\"],"
		"\"longRunning\":true}",
		0, NULL },
	{ "deep-research-pro-preview-12-2025", GK_GOOGLEAI_KIND_RESEARCH,
		"{\"multiturn\":true,\"media\":false,\"tools\":false,\"output\":[\"text\"],\"longRunning\":true}",
		0, NULL },
	{ "deep-research-*", GK_GOOGLEAI_KIND_RESEARCH,
		"{\"multiturn\":true,\"output\":[\"text\"],\"longRunning\":true}", 0, NULL },
	{ "antigravity-preview-05-2026 antigravity-*", GK_GOOGLEAI_KIND_AGENT,
		"{\"multiturn\":true,\"media\":true,\"tools\":false,\"output\":[\"text\"]}", 0,
		NULL },
	{ "imagen-4.0-fast-generate-001 imagen-4.0-generate-001 imagen-4.0-ultra-generate-001",
		GK_GOOGLEAI_KIND_IMAGEN, "{" MAKES_MEDIA "}", 0, NULL },
	{ "imagen-*", GK_GOOGLEAI_KIND_IMAGEN,
		"{\"media\":true,\"multiturn\":true,\"tools\":true,\"systemRole\":true,\"output\":[\"media\"]}",
		0, NULL },
	{ "veo-3.1-lite-generate-preview veo-3.1-generate-preview veo-3.1-fast-generate-preview veo-*",
		GK_GOOGLEAI_KIND_VEO, "{" MAKES_MEDIA ",\"longRunning\":true}", 0, NULL },
	{ "gemini-embedding-001", GK_GOOGLEAI_KIND_EMBEDDER, "{\"input\":[\"text\"]}", 3072, NULL },
	{ "gemini-embedding-2 gemini-embedding-2-preview", GK_GOOGLEAI_KIND_EMBEDDER,
		"{\"input\":[\"text\",\"image\",\"video\"]}", 0, NULL },
	{ "gemini-embedding-* text-embedding-* embedding-*", GK_GOOGLEAI_KIND_EMBEDDER,
		"{\"input\":[\"text\"]}", 0, NULL },
	{ "gemini-2.5-flash-preview-tts gemini-2.5-pro-preview-tts gemini-3.1-flash-tts-preview",
		GK_GOOGLEAI_KIND_CHAT,
		"{\"media\":false,\"multiturn\":false,\"tools\":false,\"systemRole\":false,\"toolChoice\":false,"
		"\"constrained\":\"all\"}",
		0, gk_gemini_speaks },
	{ "gemini-3.1-flash-image gemini-3.1-flash-image-preview gemini-3-pro-image gemini-3-pro-image-preview "
	  "gemini-2.5-flash-image",
		GK_GOOGLEAI_KIND_CHAT, "{" CHATS "}", 0, gk_gemini_draws },
	{ "gemini-pro-latest gemini-flash-latest gemini-flash-lite-latest gemini-3.5-flash gemini-3.1-flash-lite "
	  "gemini-3.1-pro-preview gemini-3.1-pro-preview-customtools gemini-3-flash-preview gemini-2.5-pro "
	  "gemini-2.5-flash gemini-2.5-flash-lite gemma-4-26b-a4b-it gemma-4-31b-it *",
		GK_GOOGLEAI_KIND_CHAT, "{" CHATS ",\"output\":[\"text\",\"json\"]}", 0, NULL },
};
#define FAMILIES (sizeof(families) / sizeof(families[0]))
/* What is asked to embed under any other name. */
static const gk_googleai_family any_embedder = { "", GK_GOOGLEAI_KIND_EMBEDDER,
	"{\"input\":[\"text\"]}", 0, NULL };

/* Ids are written in many ways; what the service knows is behind the last of these. */
const char *gk_googleai_bare(const char *id)
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

const gk_googleai_family *gk_googleai_family_of(const char *id)
{
	size_t i = 0;

	id = gk_googleai_bare(id);
	while (i + 1 < FAMILIES && !gk_words_match(families[i].ids, id) &&
		!(families[i].has && families[i].has(id)))
		i++;
	return &families[i];
}

const gk_googleai_family *gk_googleai_embedder_of(const char *id)
{
	const gk_googleai_family *family = gk_googleai_family_of(id);

	return family->kind == GK_GOOGLEAI_KIND_EMBEDDER ? family : &any_embedder;
}

/* Which configuration it has. */
static unsigned config_of(const gk_googleai_family *family, const char *id)
{
	static const unsigned kinds[] = {
		[GK_GOOGLEAI_KIND_CHAT] = GK_GOOGLEAI_GEMINI,
		[GK_GOOGLEAI_KIND_IMAGEN] = GK_GOOGLEAI_IMAGEN,
		[GK_GOOGLEAI_KIND_VEO] = GK_GOOGLEAI_VEO,
		[GK_GOOGLEAI_KIND_EMBEDDER] = GK_GOOGLEAI_EMBEDDER,
		[GK_GOOGLEAI_KIND_MUSIC] = GK_GOOGLEAI_MUSIC,
		[GK_GOOGLEAI_KIND_AGENT] = GK_GOOGLEAI_AGENT,
		[GK_GOOGLEAI_KIND_RESEARCH] = GK_GOOGLEAI_RESEARCH,
	};

	if (family->kind != GK_GOOGLEAI_KIND_CHAT)
		return kinds[family->kind];
	return gk_gemini_speaks(id)              ? GK_GOOGLEAI_SPEECH
	       : gk_gemini_draws(id)             ? GK_GOOGLEAI_PICTURE
	       : gk_str_has_prefix(id, "gemma-") ? GK_GOOGLEAI_GEMMA
						 : GK_GOOGLEAI_GEMINI;
}

json_t *gk_googleai_info(const gk_googleai_family *family, const char *id)
{
	gk_auto_json json_t *info = json_object(), *supports = NULL;
	gk_auto_json json_t *config =
		gk_googleai_config_schema(config_of(family, gk_googleai_bare(id)));

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

const char *gk_googleai_type(gk_googleai_kind it)
{
	return it == GK_GOOGLEAI_KIND_EMBEDDER ? "embedder"
	       : gk_googleai_is_background(it) ? "background-model"
					       : "model";
}

const gk_googleai_family *gk_googleai_family_at(size_t i)
{
	return i < FAMILIES ? &families[i] : NULL;
}

/* Which of the service's methods a kind is asked by. */
static bool can(const json_t *item, gk_googleai_kind it)
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
static gk_code add_as(const gk_googleai_family *family, const json_t *item, const char *id,
	json_t *listing, gk_error *err)
{
	gk_auto_json json_t *info = NULL;

	if (!can(item, family->kind))
		return GK_OK;
	info = gk_googleai_info(family, id);
	return info && gk_json_push_take(
			       listing, gk_vendor_listed(gk_googleai_type(family->kind), id, info))
		       ? GK_OK
		       : gk_error_no_memory(err);
}

gk_code gk_googleai_add_listed(const json_t *item, json_t *listing, gk_error *err)
{
	const char *id = gk_json_str_peek(item, "name");
	const char *description = gk_json_str_peek(item, "description");
	gk_code rc = GK_OK;

	if (!id || (description && strcasestr(description, "deprecated")))
		return GK_OK;
	if (gk_str_has_prefix(id, "models/"))
		id += strlen("models/");
	if (gk_googleai_family_of(id)->kind != GK_GOOGLEAI_KIND_EMBEDDER)
		rc = add_as(gk_googleai_family_of(id), item, id, listing, err);
	return rc == GK_OK ? add_as(gk_googleai_embedder_of(id), item, id, listing, err) : rc;
}
