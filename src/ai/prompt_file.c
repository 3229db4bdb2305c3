/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* From a .prompt document to the actions of a prompt (tools section 7.5, dotprompt section 1.8). */
#include "ai/prompt_file.h"

#include "core/app.h"
#include "core/builtin_schemas.h"
#include "dotprompt/picoschema.h"
#include "json/edit.h"

#include <stdio.h>

/* --- what the front matter says --- */

static bool is_text(json_t *value)
{
	return json_is_string(value);
}

static bool is_map(json_t *value)
{
	return json_is_object(value);
}

static bool is_number(json_t *value)
{
	return json_is_number(value);
}

static bool is_flag(json_t *value)
{
	return json_is_boolean(value);
}

static bool is_list_of_texts(json_t *value)
{
	json_t *one;
	size_t i;

	json_array_foreach (value, i, one)
		if (!json_is_string(one))
			return false;
	return json_is_array(value);
}

/* Names, or {name, config?}. */
static bool is_use(json_t *value)
{
	json_t *one;
	size_t i;

	json_array_foreach (value, i, one)
		if (!json_is_string(one) && !json_is_string(json_object_get(one, "name")))
			return false;
	return json_is_array(value);
}

static const struct known {
	const char *name;
	bool (*is_right)(json_t *value);
	const char *type;
} known[] = {
	{ "model", is_text, "a text" },
	{ "description", is_text, "a text" },
	{ "tools", is_list_of_texts, "a list of names" },
	{ "config", is_map, "a mapping" },
	{ "input", is_map, "a mapping" },
	{ "output", is_map, "a mapping" },
	{ "maxTurns", is_number, "a number" },
	{ "toolChoice", is_text, "a text" },
	{ "returnToolRequests", is_flag, "true or false" },
	{ "use", is_use, "a list of names or of mappings with a name" },
};

/* Null counts as absent. */
static json_t *said(json_t *raw, const char *name)
{
	json_t *value = json_object_get(raw, name);

	return json_is_null(value) ? NULL : value;
}

gk_code gk_prompt_file_check(const char *name, gk_prompt_document *document, gk_error *err)
{
	json_t *raw = json_object_get(gk_prompt_document_parsed_peek(document), "raw");
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		json_t *value = said(raw, known[i].name);

		if (value && !known[i].is_right(value))
			return gk_error_set(err, GK_INVALID_ARGUMENT,
				"prompt %s: %s in its front matter must be %s", name, known[i].name,
				known[i].type);
	}
	return GK_OK;
}

/* --- what a request begins with --- */

static bool copy_said(json_t *to, const char *key, json_t *from)
{
	json_t *value = said(from, key);

	return !value || gk_json_set(to, key, value);
}

/* Each as {name, config?}. */
static json_t *use_of(json_t *raw)
{
	gk_auto_json json_t *use = json_array();
	json_t *one;
	size_t i;

	json_array_foreach (said(raw, "use"), i, one)
		if (!gk_json_push_take(use, json_is_string(one) ? json_pack("{s:O}", "name", one)
								: json_incref(one)))
			return NULL;
	return gk_steal(use);
}

/* {format?, instructions?, jsonSchema?} */
static json_t *output_of(json_t *metadata)
{
	json_t *given = said(metadata, "output"), *schema = said(given, "schema");
	gk_auto_json json_t *output = gk_json_merge(given, NULL), *plain = NULL;

	if (!output || !schema)
		return gk_steal(output);
	json_object_del(output, "schema");
	plain = gk_schema_drop_any_take(json_deep_copy(schema));
	return gk_json_set(output, "jsonSchema", plain) ? gk_steal(output) : NULL;
}

static json_t *base_of(json_t *metadata, json_t *raw)
{
	gk_auto_json json_t *base = json_object();

	if (!base || !copy_said(base, "model", metadata) || !copy_said(base, "config", metadata) ||
		!copy_said(base, "tools", metadata) || !copy_said(base, "maxTurns", raw) ||
		!copy_said(base, "toolChoice", raw) ||
		!copy_said(base, "returnToolRequests", raw) ||
		!gk_json_set_take(base, "output", output_of(metadata)) ||
		(said(raw, "use") && !gk_json_set_take(base, "use", use_of(raw))))
		return NULL;
	return gk_steal(base);
}

static gk_code body_of(
	const gk_prompt_file_opts *opts, json_t *metadata, gk_prompt_body **ret, gk_error *err)
{
	json_t *parsed = gk_prompt_document_parsed_peek(opts->document);
	json_t *raw = json_object_get(parsed, "raw"), *own = said(raw, "metadata");
	gk_prompt_body *body = calloc(1, sizeof(*body));

	if (!body)
		return gk_error_no_memory(err);
	body->refs = 1;
	body->is_file = true;
	body->messages.document = gk_prompt_document_ref(opts->document);
	body->base = base_of(metadata, raw);
	body->marks = own ? json_pack("{s:O}", "prompt", own) : NULL;
	if (asprintf(&body->name, "%s%s%s", opts->name, opts->variant ? "." : "",
		    opts->variant ? opts->variant : "") < 0)
		body->name = NULL;
	if (!body->name || !body->base || (own && !body->marks)) {
		gk_prompt_body_unref(body);
		return gk_error_no_memory(err);
	}
	*ret = body;
	return GK_OK;
}

/* --- what the actions say of themselves --- */

/* {...what the file says, name, variant?, use, toolChoice?, template, input: {schema?}} */
static json_t *describe(const gk_prompt_file_opts *opts, json_t *metadata)
{
	json_t *raw = json_object_get(gk_prompt_document_parsed_peek(opts->document), "raw");
	gk_auto_json json_t *it = gk_json_merge(metadata, NULL), *input = json_object();
	json_t *schema = said(said(metadata, "input"), "schema");
	size_t len;
	const char *text = gk_prompt_document_template_peek(opts->document, &len);

	if (!it || !gk_json_set_str(it, "name", opts->name) ||
		(opts->variant && !gk_json_set_str(it, "variant", opts->variant)) ||
		!gk_json_set_take(it, "use", use_of(raw)) || !copy_said(it, "toolChoice", raw) ||
		!gk_json_set_take(it, "template", json_stringn(text, len)) ||
		(schema && !gk_json_set(input, "schema", schema)) ||
		!gk_json_set(it, "input", input))
		return NULL;
	return gk_steal(it);
}

static json_t *action_metadata(const gk_prompt_file_opts *opts, json_t *metadata)
{
	json_t *raw = json_object_get(gk_prompt_document_parsed_peek(opts->document), "raw");
	gk_auto_json json_t *it = json_object();

	if (!gk_json_set_str(it, "type", "prompt") ||
		!gk_json_set_take(it, "prompt", describe(opts, metadata)) ||
		!copy_said(it, "metadata", raw) ||
		(opts->mistake && !gk_json_set_str(it, "error", opts->mistake)))
		return NULL;
	return gk_steal(it);
}

/* --- defining --- */

/* The body of a prompt that came from a document; NULL: none. */
static gk_prompt_body *find(gk_app *app, const char *name, const char *variant)
{
	gk_auto_str char *key = NULL;
	gk_action *action;
	gk_prompt_body *body;

	if (asprintf(&key, "/prompt/%s%s%s", name, variant ? "." : "", variant ? variant : "") <
		0) {
		key = NULL;
		return NULL;
	}
	action = gk_app_find_action_peek(app, key);
	body = action ? gk_prompt_body_peek(action) : NULL;
	return body && body->is_file ? body : NULL;
}

static void withdraw(gk_app *app, const char *kind, const char *prefix, const char *name)
{
	gk_auto_str char *key = NULL;

	if (asprintf(&key, "/%s/%s%s", kind, prefix, name) < 0)
		key = NULL;
	else
		gk_app_remove_action(app, key);
}

static gk_code define_forms(gk_app *app, const gk_prompt_file_opts *opts, gk_prompt_body *body,
	json_t *metadata, gk_error *err)
{
	gk_auto_json json_t *said_of = action_metadata(opts, metadata), *input = NULL;
	json_t *schema = said(said(metadata, "input"), "schema");
	const char *description = json_string_value(said(metadata, "description"));
	bool replaces = find(app, opts->name, opts->variant) != NULL;
	gk_code rc;

	input = schema ? gk_schema_drop_any_take(json_deep_copy(schema)) : NULL;
	if (!said_of || (schema && !input))
		return gk_error_no_memory(err);
	rc = gk_prompt_register(app, body, description, NULL, input, said_of, replaces, err);
	if (rc != GK_OK)
		return rc;
	withdraw(app, "flow", GK_PROMPT_FLOW_PREFIX, body->name);
	return opts->is_flow ? gk_prompt_define_flow(app, body, description, input, err) : GK_OK;
}

gk_code gk_prompt_file_define(gk_app *app, const gk_prompt_file_opts *opts, gk_error *err)
{
	gk_engine *engine = gk_app_engine_peek(app);
	gk_auto_json json_t *metadata = NULL;
	gk_prompt_body *body = NULL;
	gk_code rc = engine ? gk_prompt_document_check(opts->document, engine, err)
			    : gk_error_no_memory(err);

	if (rc == GK_OK)
		rc = gk_prompt_file_check(opts->name, opts->document, err);
	if (rc == GK_OK)
		rc = gk_prompt_document_metadata(opts->document, engine, NULL, &metadata, err);
	if (rc == GK_OK)
		rc = body_of(opts, metadata, &body, err);
	if (rc == GK_OK)
		rc = define_forms(app, opts, body, metadata, err);
	gk_prompt_body_unref(body);
	return rc;
}

bool gk_prompt_file_remove(gk_app *app, const char *name, const char *variant)
{
	gk_prompt_body *body = find(app, name, variant);

	if (!body)
		return false;
	gk_prompt_body_ref(body);
	withdraw(app, "flow", GK_PROMPT_FLOW_PREFIX, body->name);
	withdraw(app, "executable-prompt", "", body->name);
	withdraw(app, "prompt", "", body->name);
	gk_prompt_body_unref(body);
	return true;
}

gk_prompt_document *gk_prompt_file_document_peek(gk_app *app, const char *name, const char *variant)
{
	gk_prompt_body *body = find(app, name, variant);

	return body ? body->messages.document : NULL;
}
