/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Prompts: defined and described (tools sections 7.1 and 7.4). */
#include "ai/prompt_late.h"

#include "core/app.h"
#include "core/builtin_schemas.h"
#include "json/edit.h"

#include <stdio.h>

/* --- the body --- */

static void said_done(gk_prompt_said *said)
{
	gk_prompt_document_unref(said->document);
	json_decref(said->value);
}

gk_prompt_body *gk_prompt_body_ref(gk_prompt_body *body)
{
	body->refs++;
	return body;
}

void gk_prompt_body_unref(void *it)
{
	gk_prompt_body *body = it;

	if (!body || --body->refs)
		return;
	gk_late_prompt_free(body->late);
	said_done(&body->system);
	said_done(&body->messages);
	said_done(&body->prompt);
	said_done(&body->docs);
	json_decref(body->base);
	json_decref(body->marks);
	free(body->name);
	free(body);
}

/* `label` tells a mistake's place: "menu (system)". */
static gk_code set_said(gk_app *app, gk_prompt_said *said, const char *name, const char *what,
	const char *text, json_t *value, gk_action_fn *fn, gk_error *err)
{
	gk_engine *engine = gk_app_engine_peek(app);
	gk_auto_str char *label = NULL;
	gk_code rc;

	said->fn = fn;
	if (fn)
		return GK_OK;
	said->value = json_incref(value);
	if (value || !text || !*text)
		return GK_OK;
	if (!engine || asprintf(&label, "%s (%s)", name, what) < 0) {
		label = NULL;
		return gk_error_no_memory(err);
	}
	rc = gk_prompt_document_parse(text, strlen(text), label, &said->document, err);
	return rc == GK_OK ? gk_prompt_document_check(said->document, engine, err) : rc;
}

static gk_code set_texts(
	gk_app *app, gk_prompt_body *body, const gk_prompt_opts *opts, gk_error *err)
{
	gk_code rc = set_said(app, &body->system, body->name, "system", opts->system,
		opts->system_parts, opts->system_fn, err);

	if (rc == GK_OK)
		rc = set_said(app, &body->messages, body->name, "messages", opts->messages,
			opts->messages_json, NULL, err);
	if (rc == GK_OK)
		rc = set_said(app, &body->prompt, body->name, "prompt", opts->prompt,
			opts->prompt_parts, opts->prompt_fn, err);
	body->messages_fn = opts->messages_fn;
	body->docs.fn = opts->docs_fn;
	return rc;
}

/* What a request begins with, as the options of a call would say it. */
static gk_code set_base(
	gk_app *app, gk_prompt_body *body, const gk_prompt_opts *opts, gk_error *err)
{
	gk_code rc = gk_prompt_say(app,
		GK_OPTS(gk_generate_opts, .model = opts->model, .model_ref = opts->model_ref,
			.docs = opts->docs, .tools = opts->tools, .tool_choice = opts->tool_choice,
			.output_format = opts->output_format, .output_schema = opts->output_schema,
			.output_schema_json = opts->output_schema_json, .output = opts->output,
			.context = opts->context, .use = opts->use, .use_json = opts->use_json,
			.max_turns = opts->max_turns,
			.return_tool_requests = opts->return_tool_requests),
		&body->base, err);

	if (rc == GK_OK && opts->config && !gk_json_set(body->base, "config", opts->config))
		rc = gk_error_no_memory(err);
	return rc;
}

static gk_code set_name(gk_prompt_body *body, const gk_prompt_opts *opts, gk_error *err)
{
	if (asprintf(&body->name, "%s%s%s", opts->name, opts->variant ? "." : "",
		    opts->variant ? opts->variant : "") < 0) {
		body->name = NULL;
		return gk_error_no_memory(err);
	}
	return GK_OK;
}

static gk_code set_marks(gk_prompt_body *body, const gk_prompt_opts *opts, gk_error *err)
{
	json_t *own = json_object_get(opts->metadata, "metadata");

	if (!own)
		return GK_OK;
	body->marks = json_pack("{s:O}", "prompt", own);
	return body->marks ? GK_OK : gk_error_no_memory(err);
}

static gk_code body_of(gk_app *app, const gk_prompt_opts *opts, gk_prompt_body **ret, gk_error *err)
{
	gk_prompt_body *body = calloc(1, sizeof(*body));
	gk_code rc;

	if (!body)
		return gk_error_no_memory(err);
	body->refs = 1;
	body->user = opts->user;
	rc = set_name(body, opts, err);
	if (rc == GK_OK)
		rc = set_texts(app, body, opts, err);
	if (rc == GK_OK)
		rc = set_base(app, body, opts, err);
	if (rc == GK_OK)
		rc = set_marks(body, opts, err);
	if (rc == GK_OK)
		*ret = body;
	else
		gk_prompt_body_unref(body);
	return rc;
}

/* --- metadata --- */

static bool copy_member(json_t *to, const char *key, json_t *from)
{
	json_t *value = json_object_get(from, key);

	return !value || gk_json_set(to, key, value);
}

static json_t *name_of_model(json_t *base)
{
	json_t *model = json_object_get(base, "model");

	return json_is_object(model) ? json_object_get(model, "name") : model;
}

/* A list that is there, also when it is empty. */
static bool copy_list(json_t *to, const char *key, json_t *from)
{
	json_t *list = json_object_get(from, key);

	return list ? gk_json_set(to, key, list) : gk_json_set_take(to, key, json_array());
}

/* {...given, name, model?, config?, input: {schema?}, tools, toolChoice?, use, variant?} */
static json_t *describe(const gk_prompt_body *body, const gk_prompt_opts *opts, json_t *schema)
{
	gk_auto_json json_t *it = gk_json_merge(json_object_get(opts->metadata, "prompt"), NULL),
			    *input = json_object();
	json_t *model = name_of_model(body->base);
	size_t len = strcspn(opts->name, ".");

	if (!it || !gk_json_set_take(it, "name", json_stringn(opts->name, len)) ||
		(model && !gk_json_set(it, "model", model)) ||
		!copy_member(it, "config", body->base) ||
		(schema && !gk_json_set(input, "schema", schema)) ||
		!gk_json_set(it, "input", input) || !copy_list(it, "tools", body->base) ||
		!copy_member(it, "toolChoice", body->base) || !copy_list(it, "use", body->base))
		return NULL;
	if (opts->variant && !gk_json_set_str(it, "variant", opts->variant))
		return NULL;
	return gk_steal(it);
}

static gk_code metadata_of(gk_app *app, const gk_prompt_body *body, const gk_prompt_opts *opts,
	json_t **ret, gk_error *err)
{
	gk_auto_json json_t *metadata = NULL;
	gk_schema *schema = NULL;
	gk_code rc = gk_metadata_copy(opts->metadata, &metadata, err);
	bool ok;

	if (rc == GK_OK)
		rc = gk_action_schema(app, "input", opts->input, opts->input_json, &schema, err);
	if (rc != GK_OK)
		return rc;
	ok = gk_json_set_str(metadata, "type", "prompt") &&
	     gk_json_set_take(metadata, "prompt",
		     describe(body, opts, schema ? gk_schema_json_peek(schema) : NULL));
	gk_schema_unref(schema);
	if (!ok)
		return gk_error_no_memory(err);
	*ret = gk_steal(metadata);
	return GK_OK;
}

/* --- registering --- */

static gk_code make_form(gk_app *app, gk_prompt_body *body, bool is_executable, gk_schema *input,
	const gk_action_opts *common, gk_action **ret, gk_error *err)
{
	gk_action_parts parts = { 0 };
	gk_action_opts opts = *common;
	gk_code rc = GK_OK;

	opts.type = is_executable ? "executable-prompt" : "prompt";
	opts.run = is_executable ? gk_executable_prompt_action : gk_prompt_action;
	opts.user = body;
	opts.free_user = gk_prompt_body_unref;
	if (is_executable)
		rc = gk_builtin_schema("GenerateActionOptions", &parts.output, err);
	if (rc == GK_OK && input)
		parts.input = gk_schema_ref(input);
	if (rc == GK_OK)
		rc = gk_action_make(app, &opts, &parts, ret, err);
	if (rc == GK_OK)
		gk_prompt_body_ref(body);
	gk_schema_unref(parts.input);
	gk_schema_unref(parts.output);
	return rc;
}

static gk_code register_both(gk_app *app, gk_prompt_body *body, const gk_prompt_opts *opts,
	json_t *metadata, gk_error *err)
{
	const gk_action_opts common = { .size = sizeof(common),
		.name = body->name,
		.description = opts->description,
		.metadata = metadata };
	gk_action *forms[2] = { NULL, NULL };
	gk_schema *schema = NULL;
	gk_code rc = gk_action_schema(app, "input", opts->input, opts->input_json, &schema, err);

	if (rc == GK_OK)
		rc = make_form(app, body, false, schema, &common, &forms[0], err);
	if (rc == GK_OK)
		rc = make_form(app, body, true, schema, &common, &forms[1], err);
	gk_schema_unref(schema);
	if (rc != GK_OK) {
		gk_action_unref(forms[0]);
		return rc;
	}
	rc = gk_action_register_all(app, forms, 2, err);
	if (rc != GK_OK)
		body->refs -= 2; /* they have left it to us */
	return rc;
}

gk_code gk_define_prompt(gk_app *app, const gk_prompt_opts *opts, gk_error *err)
{
	gk_auto_json json_t *metadata = NULL;
	gk_prompt_body *body = NULL;
	gk_code rc;

	if (!opts->name || !*opts->name)
		return gk_error_set(err, GK_INVALID_ARGUMENT, "a prompt needs a name");
	rc = gk_action_check_allowed(opts->name, err);
	if (rc == GK_OK)
		rc = body_of(app, opts, &body, err);
	if (rc == GK_OK)
		rc = metadata_of(app, body, opts, &metadata, err);
	if (rc == GK_OK)
		rc = register_both(app, body, opts, metadata, err);
	gk_prompt_body_unref(body);
	return rc;
}
