/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Between options of gk_generate() and the JSON that a rendered prompt is. */
#include "ai/prompt.h"

#include "ai/generate_request.h"
#include "ai/model.h"
#include "json/edit.h"

/* --- from options --- */

static bool say_model(const gk_generate_opts *opts, json_t *said)
{
	const gk_model_ref *ref = opts->model_ref;

	if (opts->model_action)
		return gk_json_set_str(said, "model", gk_action_key(opts->model_action));
	if (ref && (ref->version || ref->config))
		return gk_json_set_take(said, "model", gk_model_ref_json(ref));
	if (ref || opts->model)
		return gk_json_set_str(said, "model", ref ? ref->name : opts->model);
	return true;
}

static bool say_names(json_t *said, const char *key, const char *const *names)
{
	gk_auto_json json_t *list = NULL;

	if (!names)
		return true;
	list = json_array();
	for (; *names; names++)
		if (!gk_json_push_take(list, json_string(*names)))
			return false;
	return gk_json_set(said, key, list);
}

/* Names stand as {name}. */
static bool say_use(const gk_generate_opts *opts, json_t *said)
{
	gk_auto_json json_t *use = NULL;
	json_t *one;
	size_t i;

	if (!opts->use && !opts->use_json)
		return true;
	use = json_array();
	for (const char *const *name = opts->use; name && *name; name++)
		if (!gk_json_push_take(use, json_pack("{s:s}", "name", *name)))
			return false;
	json_array_foreach (opts->use_json, i, one)
		if (!gk_json_push_take(use, json_is_string(one) ? json_pack("{s:O}", "name", one)
								: json_incref(one)))
			return false;
	return gk_json_set(said, "use", use);
}

static gk_code say_output(gk_app *app, const gk_generate_opts *opts, json_t *said, gk_error *err)
{
	gk_auto_json json_t *output = NULL;
	gk_schema *schema = NULL;
	json_t *json = opts->output_schema_json;
	gk_code rc = GK_OK;

	if (!opts->output && !opts->output_format && !opts->output_schema && !json &&
		!opts->output_instructions)
		return GK_OK;
	if (!json && opts->output_schema) {
		rc = gk_schema_of_text(app, opts->output_schema, &schema, err);
		json = rc == GK_OK ? gk_schema_json_peek(schema) : NULL;
	}
	if (rc != GK_OK)
		return rc;
	output = gk_json_merge(opts->output, NULL);
	if (!output ||
		(opts->output_format && !gk_json_set_str(output, "format", opts->output_format)) ||
		(json && !gk_json_set(output, "jsonSchema", json)) ||
		(opts->output_instructions &&
			!gk_json_set_str(output, "instructions", opts->output_instructions)) ||
		!gk_json_set(said, "output", output))
		return gk_error_no_memory(err);
	return GK_OK;
}

gk_code gk_prompt_say(gk_app *app, const gk_generate_opts *opts, json_t **ret, gk_error *err)
{
	gk_auto_json json_t *said = json_object();
	int turns = opts->max_turns < 0 ? 0 : opts->max_turns;
	gk_code rc;

	if (!said || !say_model(opts, said) ||
		(opts->max_turns && !gk_json_set_int(said, "maxTurns", turns)) ||
		(opts->docs && !gk_json_set(said, "docs", opts->docs)) ||
		!say_names(said, "tools", opts->tools) ||
		(opts->return_tool_requests &&
			!gk_json_set_bool(said, "returnToolRequests", true)) ||
		(opts->tool_choice && !gk_json_set_str(said, "toolChoice", opts->tool_choice)) ||
		(opts->context && !gk_json_set(said, "context", opts->context)) ||
		!say_use(opts, said))
		return gk_error_no_memory(err);
	rc = say_output(app, opts, said, err);
	if (rc == GK_OK)
		*ret = gk_steal(said);
	return rc;
}

/* --- to options --- */

static void read_model(json_t *rendered, gk_generate_opts *opts, gk_model_ref *ref)
{
	json_t *model = json_object_get(rendered, "model");

	opts->model = json_string_value(model);
	opts->model_ref = NULL;
	if (!json_is_object(model))
		return;
	*ref = (gk_model_ref){ .name = json_string_value(json_object_get(model, "name")),
		.version = json_string_value(json_object_get(model, "version")),
		.config = json_object_get(model, "config") };
	opts->model_ref = ref->name ? ref : NULL;
}

static gk_code read_names(json_t *list, const char ***ret, gk_error *err)
{
	size_t i, at = 0;
	const char **names;
	json_t *name;

	*ret = NULL;
	if (!json_is_array(list))
		return GK_OK;
	names = calloc(json_array_size(list) + 1, sizeof(*names));
	if (!names)
		return gk_error_no_memory(err);
	json_array_foreach (list, i, name)
		if (json_is_string(name))
			names[at++] = json_string_value(name);
	*ret = names;
	return GK_OK;
}

gk_code gk_prompt_generate_opts(json_t *rendered, const gk_generate_opts *more,
	gk_generate_opts *ret, gk_model_ref *ref, const char ***names_ret, gk_error *err)
{
	json_t *turns = json_object_get(rendered, "maxTurns");
	gk_code rc = read_names(json_object_get(rendered, "tools"), names_ret, err);

	if (rc != GK_OK)
		return rc;
	*ret = more ? *more : (gk_generate_opts){ .size = sizeof(*ret) };
	read_model(rendered, ret, ref);
	ret->system = ret->prompt = ret->output_format = ret->output_schema = NULL;
	ret->system_parts = ret->prompt_parts = ret->output_schema_json = NULL;
	ret->output_instructions = NULL;
	ret->use = NULL;
	ret->messages = json_object_get(rendered, "messages");
	ret->docs = json_object_get(rendered, "docs");
	ret->tools = *names_ret;
	ret->tool_choice = json_string_value(json_object_get(rendered, "toolChoice"));
	ret->output = json_object_get(rendered, "output");
	ret->config = json_object_get(rendered, "config");
	ret->context = json_object_get(rendered, "context");
	ret->use_json = json_object_get(rendered, "use");
	ret->return_tool_requests = json_is_true(json_object_get(rendered, "returnToolRequests"));
	ret->max_turns = !json_is_number(turns)         ? 0
			 : json_number_value(turns) > 0 ? (int)json_number_value(turns)
							: -1;
	return GK_OK;
}
