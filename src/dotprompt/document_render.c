/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "dotprompt/document_internal.h"

#include "json/edit.h"

/* What {{@metadata}} needs when a template asks for it. */
typedef struct variables {
	gk_prompt_document *doc;
	gk_engine *engine;
	json_t *metadata;
	const gk_prompt_data *data;
} variables;

static json_t *object_or_null(json_t *value)
{
	return json_is_object(value) ? value : NULL;
}

/* --- the input --- */

gk_code gk_prompt_document_input(
	gk_prompt_document *doc, const gk_prompt_data *data, json_t **ret, gk_error *err)
{
	json_t *parsed = gk_prompt_document_parsed_peek(doc);
	json_t *own = object_or_null(json_object_get(json_object_get(parsed, "input"), "default"));
	json_t *layers[] = { own, object_or_null(data->defaults), object_or_null(data->input) };
	gk_auto_json json_t *input = NULL;

	if (!parsed)
		return gk_error_no_memory(err);
	for (size_t i = 0; i < 3; i++) {
		json_t *below = input;

		if (json_object_size(layers[i]) == 0)
			continue;
		input = below ? gk_json_merge(below, layers[i]) : json_incref(layers[i]);
		json_decref(below);
		if (!input)
			return gk_error_no_memory(err);
	}
	if (!input)
		input = layers[2] ? json_incref(layers[2]) : json_object();
	if (!input)
		return gk_error_no_memory(err);
	*ret = gk_steal(input);
	return GK_OK;
}

/* --- @metadata --- */

static json_t *prompt_variable(const variables *it)
{
	json_t *metadata = NULL;

	if (it->metadata)
		metadata = json_copy(it->metadata);
	else if (gk_prompt_document_metadata(it->doc, it->engine, NULL, &metadata, NULL) != GK_OK)
		return NULL;
	json_object_del(metadata, "input");
	return metadata;
}

static json_t *more_data(const char *name, void *user)
{
	const variables *it = user;
	gk_auto_json json_t *metadata = NULL;

	if (strcmp(name, "metadata") != 0)
		return NULL;
	metadata = json_object();
	if (!metadata || !gk_json_set_take(metadata, "prompt", prompt_variable(it)) ||
		(it->data->docs && !gk_json_set(metadata, "docs", it->data->docs)) ||
		(it->data->messages && !gk_json_set(metadata, "messages", it->data->messages)))
		return NULL;
	return gk_steal(metadata);
}

static void forward_log(const char *level, const char *text, void *user)
{
	const variables *it = user;

	if (it->data->log)
		it->data->log(level, text, it->data->user);
}

/* --- messages --- */

gk_code gk_prompt_document_messages(gk_prompt_document *doc, gk_engine *engine, json_t *metadata,
	const gk_prompt_data *data, json_t **ret, gk_error *err)
{
	static const gk_prompt_data none;
	variables it = { .doc = doc, .engine = engine, .metadata = metadata };
	gk_auto_json json_t *input = NULL;
	gk_template_place place = { 0 };
	gk_code rc = gk_prompt_document_compiled(doc, err);

	it.data = data ? data : &none;
	if (rc == GK_OK)
		rc = gk_prompt_document_input(doc, it.data, &input, err);
	if (rc != GK_OK)
		return rc;
	rc = gk_template_messages(doc->tmpl,
		&(gk_template_input){ .engine = engine,
			.context = input,
			.data = object_or_null(it.data->context),
			.more_data = more_data,
			.log = it.data->log ? forward_log : NULL,
			.user = &it },
		it.data->stand_in ? it.data->stand_in : it.data->messages, ret, &place, err);
	if (rc != GK_OK)
		gk_prompt_document_mistake(doc, place, err);
	return rc;
}

gk_code gk_prompt_document_render(gk_prompt_document *doc, gk_engine *engine,
	const gk_prompt_overrides *overrides, const gk_prompt_data *data, json_t **ret,
	gk_error *err)
{
	gk_auto_json json_t *metadata = NULL, *messages = NULL;
	gk_code rc = gk_prompt_document_metadata(doc, engine, overrides, &metadata, err);

	if (rc == GK_OK)
		rc = gk_prompt_document_messages(doc, engine, metadata, data, &messages, err);
	if (rc != GK_OK)
		return rc;
	json_object_del(metadata, "input");
	if (!gk_json_set(metadata, "messages", messages))
		return gk_error_no_memory(err);
	*ret = gk_steal(metadata);
	return GK_OK;
}
