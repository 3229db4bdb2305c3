/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "dotprompt.h"

#include "handlebars.h"

static gk_code resolve(json_t *known, const char *name, json_t **ret)
{
	json_t *value = json_object_get(known, name);

	*ret = json_is_null(value) ? NULL : json_incref(value);
	return GK_OK;
}

static gk_code resolve_schema(const char *name, void *user, json_t **ret, gk_error *err)
{
	(void)err;
	return resolve(json_object_get(user, "resolverSchemas"), name, ret);
}

static gk_code resolve_tool(const char *name, void *user, json_t **ret, gk_error *err)
{
	(void)err;
	return resolve(json_object_get(user, "resolverTools"), name, ret);
}

static gk_code resolve_partial(const char *name, void *user, char **ret, gk_error *err)
{
	json_t *source = json_object_get(json_object_get(user, "resolverPartials"), name);

	(void)err;
	*ret = json_is_string(source) ? strdup(json_string_value(source)) : NULL;
	return GK_OK;
}

static void must(gk_code rc)
{
	if (rc != GK_OK)
		abort();
}

gk_engine *dotprompt_engine(json_t *env)
{
	gk_engine *engine = gk_engine_new(NULL);
	gk_engine_resolver resolver = { .user = env };
	const char *name;
	json_t *value;

	json_object_foreach (json_object_get(env, "tools"), name, value)
		must(gk_engine_set_tool(engine, name, value, NULL));
	json_object_foreach (json_object_get(env, "schemas"), name, value)
		must(gk_engine_set_schema(engine, name, value, NULL));
	json_object_foreach (json_object_get(env, "partials"), name, value)
		must(gk_engine_set_partial(
			engine, name, json_string_value(value), json_string_length(value), NULL));
	if (json_object_get(env, "resolverSchemas"))
		resolver.schema = resolve_schema;
	if (json_object_get(env, "resolverTools"))
		resolver.tool = resolve_tool;
	if (json_object_get(env, "resolverPartials"))
		resolver.partial = resolve_partial;
	gk_engine_set_resolver(engine, &resolver);
	return engine;
}

gk_prompt_data dotprompt_data(const json_t *data, const json_t *options)
{
	return (gk_prompt_data){ .input = json_object_get(data, "input"),
		.messages = json_object_get(data, "messages"),
		.docs = json_object_get(data, "docs"),
		.context = json_object_get(data, "context"),
		.defaults = gk_json_at_peek(options, "input.default") };
}

bool dotprompt_same_error(const gk_error *err, const char *expected)
{
	const char *text = err->message;
	size_t place = strspn(text, "<prompt>:0123456789");

	if (place > 0 && text[place] == ' ' && text[place - 1] == ':')
		text += place + 1;
	return handlebars_same_error(text, expected);
}
