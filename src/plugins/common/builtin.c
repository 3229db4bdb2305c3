/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "plugins/common/builtin.h"

#include "base/str.h"

static const struct {
	const char *name;
	const gk_vendor_type *type; /* under another name: an alias */
	gk_code (*use)(gk_app *app, json_t *options, gk_error *err); /* in place of a type */
} builtin[] = {
	{ "anthropic", &gk_plugin_anthropic, NULL },
	{ "azure", &gk_plugin_foundry, NULL },
	{ "cf-ai", &gk_plugin_cloudflare, NULL },
	{ "cloudflare-workers-ai", &gk_plugin_cloudflare, NULL },
	{ "compat", NULL, gk_use_compat },
	{ "dashscope", &gk_plugin_dashscope, NULL },
	{ "deepseek", &gk_plugin_deepseek, NULL },
	{ "googleai", &gk_plugin_googleai, NULL },
	{ "huggingface", &gk_plugin_huggingface, NULL },
	{ "kimi", &gk_plugin_kimi, NULL },
	{ "microsoft-foundry", &gk_plugin_foundry, NULL },
	{ "mistral", &gk_plugin_mistral, NULL },
	{ "msfoundry", &gk_plugin_foundry, NULL },
	{ "ollama", &gk_plugin_ollama, NULL },
	{ "openai", &gk_plugin_openai, NULL },
	{ "openrouter", &gk_plugin_openrouter, NULL },
	{ "xai", &gk_plugin_xai, NULL },
	{ "zai", &gk_plugin_zai, NULL },
};
#define BUILTIN (sizeof(builtin) / sizeof(builtin[0]))

const char *gk_builtin_at(size_t i, const gk_vendor_type **type_ret)
{
	if (i >= BUILTIN)
		return NULL;
	*type_ret = builtin[i].type;
	return builtin[i].name;
}

gk_vendor_type *gk_vendor_type_named(const gk_vendor_type *type, const char *name)
{
	gk_vendor_type *copy = malloc(sizeof(*copy));

	if (!copy)
		return NULL;
	*copy = *type;
	copy->plugin.name = strdup(name);
	copy->is_allocated = true;
	if (!copy->plugin.name) {
		free(copy);
		return NULL;
	}
	return copy;
}

gk_code gk_vendor_add(gk_app *app, const gk_vendor_type *type, json_t *options, gk_error *err)
{
	gk_code rc = gk_add_plugin(app, &type->plugin, options, err);

	if (rc != GK_OK && type->is_allocated) {
		free((char *)(uintptr_t)type->plugin.name);
		free((void *)(uintptr_t)type);
	}
	return rc;
}

static gk_code no_such_plugin(const char *name, gk_error *err)
{
	const char *names[BUILTIN + 1] = { NULL };
	const char *near;

	for (size_t i = 0; i < BUILTIN; i++)
		names[i] = builtin[i].name;
	near = gk_str_nearest(name, names);
	return gk_error_set(err, GK_NOT_FOUND, "there is no plugin '%s'%s%s%s", name,
		near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
}

gk_code gk_builtin_find(const char *name, const gk_vendor_type **ret, gk_error *err)
{
	const char *known;

	for (size_t i = 0; (known = gk_builtin_at(i, ret)); i++)
		if (strcmp(known, name) == 0)
			return GK_OK;
	return no_such_plugin(name, err);
}

gk_code gk_use_plugin(gk_app *app, const char *name, json_t *options, gk_error *err)
{
	for (size_t i = 0; i < BUILTIN; i++) {
		const gk_vendor_type *type = builtin[i].type;

		if (strcmp(builtin[i].name, name) != 0)
			continue;
		if (builtin[i].use)
			return builtin[i].use(app, options, err);
		if (options && !json_is_object(options))
			return gk_error_set(err, GK_INVALID_ARGUMENT,
				"plugin %s: the options are a mapping", name);
		if (strcmp(type->plugin.name, name) != 0)
			type = gk_vendor_type_named(type, name);
		return type ? gk_vendor_add(app, type, options, err) : gk_error_no_memory(err);
	}
	return no_such_plugin(name, err);
}
