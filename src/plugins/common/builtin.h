/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* The plugins that come along, by name. A plugin is one line here and one in builtin.c. */
#ifndef GK_PLUGINS_BUILTIN_H
#define GK_PLUGINS_BUILTIN_H

#include "plugins/common/vendor.h"

#include <genkit/plugins.h>

extern const gk_vendor_type gk_plugin_anthropic, gk_plugin_cloudflare, gk_plugin_dashscope,
	gk_plugin_deepseek, gk_plugin_foundry, gk_plugin_googleai, gk_plugin_huggingface,
	gk_plugin_kimi, gk_plugin_mistral, gk_plugin_ollama, gk_plugin_openai, gk_plugin_openrouter,
	gk_plugin_xai, gk_plugin_zai;

/** Any OpenAI-compatible services: a mapping {name, baseURL, ...} for one, or a list of them. */
gk_code gk_use_compat(gk_app *app, json_t *options, gk_error *err);

/** The options of such a service, but for its name. */
extern const gk_vendor_option gk_compat_options[];

/** Whether such a service has a name, and the words among its options are those that there are. */
GK_MUST_USE gk_code gk_compat_check(const json_t *options, gk_error *err);
/** What `plugins` of a configuration may be, as JSON Schema. New reference; NULL when memory ran out. */
json_t *gk_plugins_schema(void);
/* Hears of a mistake: where it is, as a JSON Pointer, and what it is. */
typedef void gk_plugins_tell_fn(void *user, const char *pointer, const char *text);
/** Tells every mistake in `plugins` of a configuration that can be seen without the network: plugins and options that there are
 * not, and options that are not what they must be. Of values only a word is told that is none of a few. */
void gk_plugins_check(const json_t *plugins, gk_plugins_tell_fn *tell, void *user);
/** The type of a plugin (NULL: it is no type of its own). NOT_FOUND, with what was meant. */
GK_MUST_USE gk_code gk_builtin_find(const char *name, const gk_vendor_type **ret, gk_error *err);
/** The name of a plugin and its type (NULL: it is no type of its own), for i from 0; NULL after the last. */
const char *gk_builtin_at(size_t i, const gk_vendor_type **type_ret);
/** A copy of a type under another name (copied), to be freed with its plugin. NULL when memory ran out. */
gk_vendor_type *gk_vendor_type_named(const gk_vendor_type *type, const char *name);
/** Adds it; a copy is freed when that fails. */
gk_code gk_vendor_add(gk_app *app, const gk_vendor_type *type, json_t *options, gk_error *err);

#endif
