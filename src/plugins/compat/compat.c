/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * Any OpenAI-compatible service, by configuration alone. Each is a plugin of its own, under its own name; its options say
 * how it differs. Manual: compat.md.
 */
#include "base/str.h"
#include "plugins/oai/service.h"

static const gk_oai_models models[] = {
	{ .ids = "*embed*", .kind = GK_OAI_EMBED },
	{ .ids = "*", .supports = GK_OAI_MULTIMODAL, .output = "text json", .constrained = "all" },
	{ 0 },
};
/* For services that cannot be held to a schema. */
static const gk_oai_models free_models[] = {
	{ .ids = "*embed*", .kind = GK_OAI_EMBED },
	{ .ids = "*", .supports = GK_OAI_MULTIMODAL, .output = "text json", .constrained = "none" },
	{ 0 },
};

const gk_vendor_option gk_compat_options[] = {
	{ "models", GK_OPTION_LIST, "Names of models to show; others can be used all the same." },
	{ "embedders", GK_OPTION_LIST, "Names of embedders to show." },
	{ "limitField", GK_OPTION_STRING,
		"What maxOutputTokens is called: max_tokens (default), or another name." },
	{ "jsonMode", GK_OPTION_STRING, "How JSON is asked for: schema (default), object, none." },
	{ "streamUsage", GK_OPTION_BOOL, "false: the service does not know stream_options." },
	{ "listModels", GK_OPTION_BOOL, "false: the service has no GET /models." },
	{ "strictSchema", GK_OPTION_BOOL,
		"Schemas of the output are made strict and sent with strict: true." },
	{ .name = NULL },
};

static const gk_vendor_type base = {
	.plugin = GK_OAI_PLUGIN("compat"),
	.key_optional = true,
	.options = gk_compat_options,
};

/* A type and its row, freed as one. */
typedef struct compat {
	gk_vendor_type type;
	gk_oai_row row;
	char limit[64];
} compat;

static const char *const json_modes[] = { "schema", "object", "none", NULL };

/* An option in either spelling. */
static json_t *option(const json_t *given, const char *camel, const char *snake)
{
	json_t *value = json_object_get(given, camel);

	return value ? value : json_object_get(given, snake);
}

/* Configuration files say it as text. */
static bool is_false(const json_t *value)
{
	return json_is_false(value) || gk_str_equal(json_string_value(value), "false");
}

static gk_code read_row(compat *it, const json_t *given, gk_error *err)
{
	static const gk_oai_json modes[] = { GK_OAI_JSON_SCHEMA, GK_OAI_JSON_OBJECT,
		GK_OAI_JSON_NONE };
	const char *mode = json_string_value(option(given, "jsonMode", "json_mode"));
	const char *limit = json_string_value(option(given, "limitField", "limit_field"));
	size_t i = 0;

	while (mode && json_modes[i] && strcmp(json_modes[i], mode) != 0)
		i++;
	if (!json_modes[i])
		return gk_error_set(err, GK_INVALID_ARGUMENT,
			"plugin %s: option 'jsonMode' is schema, object or none",
			it->type.plugin.name);
	if (limit && strlen(limit) >= sizeof(it->limit))
		return gk_error_set(err, GK_INVALID_ARGUMENT,
			"plugin %s: option 'limitField' is too long", it->type.plugin.name);
	strcpy(it->limit, limit ? limit : "max_tokens");
	it->row = (gk_oai_row){
		.limit = it->limit,
		.tool_required = "required",
		.json = modes[i],
		.no_usage_option = is_false(option(given, "streamUsage", "stream_usage")),
		.no_listing = is_false(option(given, "listModels", "list_models")),
		.models = modes[i] == GK_OAI_JSON_SCHEMA ? models : free_models,
	};
	return GK_OK;
}

static gk_code read_name(const json_t *given, const char **ret, gk_error *err)
{
	*ret = gk_json_str_peek(given, "name");
	return *ret && **ret ? GK_OK
			     : gk_error_set(err, GK_INVALID_ARGUMENT,
				       "plugin compat: a service is a mapping with 'name' and "
				       "'base_url'");
}

gk_code gk_compat_check(const json_t *options, gk_error *err)
{
	compat it = { .type = base };
	gk_code rc = read_name(options, &it.type.plugin.name, err);

	return rc == GK_OK ? read_row(&it, options, err) : rc;
}

static gk_code use_one(gk_app *app, const json_t *given, gk_error *err)
{
	gk_auto_json json_t *rest = NULL;
	const char *name;
	compat *it;
	gk_code rc = read_name(given, &name, err);

	if (rc != GK_OK)
		return rc;
	rest = gk_json_copy(given);
	it = calloc(1, sizeof(*it));
	if (!rest || !it || !(it->type.plugin.name = strdup(name))) {
		free(it);
		return gk_error_no_memory(err);
	}
	json_object_del(rest, "name");
	name = it->type.plugin.name;
	it->type = base;
	it->type.plugin.name = name;
	it->type.row = &it->row;
	it->type.is_allocated = true;
	rc = read_row(it, given, err);
	if (rc == GK_OK)
		return gk_vendor_add(app, &it->type, rest, err);
	free((char *)(uintptr_t)name);
	free(it);
	return rc;
}

gk_code gk_use_compat(gk_app *app, json_t *given, gk_error *err)
{
	gk_code rc = GK_OK;
	json_t *one;
	size_t i;

	if (!json_is_array(given))
		return use_one(app, given, err);
	json_array_foreach (given, i, one) {
		rc = use_one(app, one, err);
		if (rc != GK_OK)
			break;
	}
	return rc;
}
