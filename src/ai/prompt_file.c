/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* From a .prompt document to the actions of a prompt (tools section 7.5, dotprompt section 1.8). */
#include "ai/prompt_file.h"

#include "ai/prompt_late.h"
#include "base/limits.h"
#include "base/log.h"
#include "core/app.h"
#include "core/builtin_schemas.h"
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

gk_code gk_prompt_file_check(gk_prompt_document *document, gk_error *err)
{
	json_t *raw = json_object_get(gk_prompt_document_parsed_peek(document), "raw");

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		json_t *value = said(raw, known[i].name);

		if (!value || known[i].is_right(value))
			continue;
		gk_error_set(
			err, GK_INVALID_ARGUMENT, "%s must be %s", known[i].name, known[i].type);
		return gk_prompt_document_key_mistake(document, known[i].name, err);
	}
	return GK_OK;
}

/* --- which there are --- */

static gk_action *find_action(gk_app *app, const char *name, const char *variant)
{
	gk_auto_str char *key = NULL;

	if (asprintf(&key, "/prompt/%s%s%s", name, variant ? "." : "", variant ? variant : "") <
		0) {
		key = NULL;
		return NULL;
	}
	return gk_app_find_action_peek(app, key);
}

/* The body of a prompt that came from a file; NULL: none. */
static gk_prompt_body *find(gk_app *app, const char *name, const char *variant)
{
	gk_action *action = find_action(app, name, variant);
	gk_prompt_body *body = action ? gk_prompt_body_peek(action) : NULL;

	return body && body->late ? body : NULL;
}

/* Only what is of that prompt: code may have a flow of the name. */
static void withdraw(gk_app *app, const char *kind, const char *prefix, const gk_action *prompt)
{
	char name[2 * GK_MAX_ACTION_NAME];
	gk_action *action;

	snprintf(name, sizeof(name), "%s%s", prefix, gk_action_name(prompt));
	action = gk_app_find_named_peek(app, kind, name);
	if (action && gk_action_user(action) == gk_action_user(prompt))
		gk_app_remove_named(app, kind, name);
}

/* What came from the file of that name: a prompt, or a mistake alone; NULL: nothing. */
static gk_action *find_own(gk_app *app, const char *name, const char *variant)
{
	gk_action *action = find_action(app, name, variant);
	gk_prompt_body *body = action ? gk_prompt_body_peek(action) : NULL;
	bool is_own = action && (body ? body->late != NULL
				      : gk_action_run_fn(action) == gk_broken_prompt_action);

	return is_own ? action : NULL;
}

static bool withdraw_all(gk_app *app, const char *name, const char *variant)
{
	gk_action *action = find_own(app, name, variant);
	gk_prompt_body *body = action ? gk_prompt_body_peek(action) : NULL;

	if (!action)
		return false;
	gk_action_ref(action);
	if (body)
		gk_prompt_withdraw_agent(app, body);
	withdraw(app, "flow", GK_PROMPT_FLOW_PREFIX, action);
	withdraw(app, "executable-prompt", "", action);
	withdraw(app, "prompt", "", action);
	gk_action_unref(action);
	return true;
}

/* --- defining --- */

static gk_code body_of(
	gk_app *app, const gk_prompt_file_opts *opts, gk_prompt_body **ret, gk_error *err)
{
	gk_prompt_body *body = calloc(1, sizeof(*body));
	gk_code rc;

	if (!body)
		return gk_error_no_memory(err);
	body->refs = 1;
	body->messages.document = gk_prompt_document_ref(opts->document);
	rc = gk_late_prompt_new(app, body, opts->engine, opts->variant, opts->mistake, err);
	if (rc == GK_OK && asprintf(&body->name, "%s%s%s", opts->name, opts->variant ? "." : "",
				   opts->variant ? opts->variant : "") < 0) {
		body->name = NULL;
		rc = gk_error_no_memory(err);
	}
	if (rc == GK_OK)
		*ret = body;
	else
		gk_prompt_body_unref(body);
	return rc;
}

/* All that can be wrong without an input. A schema that only code can define may come later: it is missed at its use. */
static gk_code check(gk_app *app, const gk_prompt_body *body, gk_error *err)
{
	gk_prompt_document *doc = body->messages.document;
	gk_engine *engine = gk_prompt_body_engine_peek(app, body);
	gk_code rc = engine ? gk_prompt_document_check(doc, engine, err) : gk_error_no_memory(err);
	gk_auto_error gk_error missing = { 0 };

	if (rc == GK_OK)
		rc = gk_prompt_file_check(doc, err);
	if (rc != GK_OK)
		return rc;
	rc = gk_late_prompt_try(body->late, &missing);
	if (rc != GK_OK && rc != GK_NOT_FOUND)
		return gk_error_move(err, &missing);
	if (rc == GK_NOT_FOUND)
		gk_log(GK_LOG_WARN, "prompts", "%s, so far", missing.message);
	return GK_OK;
}

static gk_code make_form(
	gk_app *app, gk_prompt_body *body, const char *type, gk_action **ret, gk_error *err)
{
	bool is_flow = strcmp(type, "flow") == 0, is_prompt = strcmp(type, "prompt") == 0;
	gk_action_parts parts = {
		.late = &gk_prompt_late, .around = gk_prompt_with_defaults, .around_user = body
	};
	gk_auto_str char *name = NULL;
	gk_code rc = GK_OK;

	if (asprintf(&name, "%s%s", is_flow ? GK_PROMPT_FLOW_PREFIX : "", body->name) < 0) {
		name = NULL;
		return gk_error_no_memory(err);
	}
	if (!is_flow && !is_prompt)
		rc = gk_builtin_schema("GenerateActionOptions", &parts.output, err);
	if (rc == GK_OK)
		rc = gk_action_make(app,
			GK_OPTS(gk_action_opts, .type = type, .name = name,
				.run = is_flow     ? gk_prompt_flow
				       : is_prompt ? gk_prompt_action
						   : gk_executable_prompt_action,
				.user = body, .free_user = gk_prompt_body_unref),
			&parts, ret, err);
	gk_schema_unref(parts.output);
	if (rc == GK_OK)
		gk_prompt_body_ref(body);
	return rc;
}

/* In place of those of `old`; NULL: there are none. */
static gk_code register_forms(gk_app *app, const gk_prompt_file_opts *opts, gk_prompt_body *body,
	gk_action *old, gk_error *err)
{
	static const char *const types[] = { "prompt", "executable-prompt", "flow" };
	gk_action *forms[3] = { NULL };
	size_t count = opts->is_flow ? 3 : 2, made = 0;
	gk_code rc = GK_OK;

	while (rc == GK_OK && made < count) {
		rc = make_form(app, body, types[made], &forms[made], err);
		made += rc == GK_OK;
	}
	if (rc != GK_OK) {
		while (made--)
			gk_action_unref(forms[made]);
		return rc;
	}
	rc = gk_action_replace_all(app, forms, count, old ? gk_action_user(old) : NULL, err);
	if (rc != GK_OK)
		body->refs -= (unsigned)count; /* they have left it to us */
	else if (old && !opts->is_flow)
		withdraw(app, "flow", GK_PROMPT_FLOW_PREFIX, old);
	return rc;
}

/* What is there stays until all that may fail of the new one has worked; an agent may be an older one for longer. */
static gk_code replace(
	gk_app *app, const gk_prompt_file_opts *opts, gk_prompt_body *body, gk_error *err)
{
	gk_action *old = find_own(app, opts->name, opts->variant);
	gk_prompt_body *old_body = old ? gk_prompt_body_peek(old) : NULL;
	gk_code rc = gk_prompt_agent_check(app, body, old_body, err);

	if (rc != GK_OK)
		return rc;
	if (old)
		gk_action_ref(old);
	rc = register_forms(app, opts, body, old, err);
	if (rc == GK_OK)
		rc = gk_prompt_define_agent(app, body, old_body, err);
	gk_action_unref(old);
	return rc;
}

gk_code gk_prompt_file_define(gk_app *app, const gk_prompt_file_opts *opts, gk_error *err)
{
	gk_prompt_body *body = NULL;
	gk_code rc = body_of(app, opts, &body, err);

	if (rc == GK_OK)
		rc = check(app, body, err);
	if (rc == GK_OK)
		rc = replace(app, opts, body, err);
	if (body)
		gk_late_prompt_rest(body->late);
	gk_prompt_body_unref(body);
	return rc;
}

/* --- what is wrong with a file --- */

gk_code gk_broken_prompt_action(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	(void)input, (void)ret;
	return gk_error_set(
		err, GK_FAILED_PRECONDITION, "the prompt is broken: %s", (char *)gk_ctx_user(ctx));
}

/* There is nothing but a name and a mistake. */
static gk_code define_broken(
	gk_app *app, const char *name, const char *variant, const char *mistake, gk_error *err)
{
	gk_auto_json json_t *metadata = json_pack("{s:s, s:{s:s, s:s*}, s:s}", "type", "prompt",
		"prompt", "name", name, "variant", variant, "error", mistake);
	gk_auto_str char *full = NULL, *text = strdup(mistake);
	gk_action *action, *old = find_own(app, name, variant);
	gk_code rc;

	if (asprintf(&full, "%s%s%s", name, variant ? "." : "", variant ? variant : "") < 0)
		full = NULL;
	if (!metadata || !full || !text)
		return gk_error_no_memory(err);
	rc = gk_action_make(app,
		GK_OPTS(gk_action_opts, .type = "prompt", .name = full, .metadata = metadata,
			.run = gk_broken_prompt_action, .user = text, .free_user = free),
		NULL, &action, err);
	if (rc != GK_OK)
		return rc;
	rc = gk_action_replace_all(app, &action, 1, old ? gk_action_user(old) : NULL, err);
	if (rc == GK_OK)
		text = NULL;
	return rc;
}

gk_code gk_prompt_file_set_mistake(
	gk_app *app, const char *name, const char *variant, const char *mistake, gk_error *err)
{
	gk_prompt_body *body = find(app, name, variant);
	char *copy = mistake ? strdup(mistake) : NULL;

	if (!body) {
		free(copy);
		return mistake ? define_broken(app, name, variant, mistake, err) : GK_OK;
	}
	if (mistake && !copy)
		return gk_error_no_memory(err);
	free(body->late->mistake);
	body->late->mistake = copy;
	json_decref(gk_steal(body->late->about));
	return GK_OK;
}

bool gk_prompt_file_remove(gk_app *app, const char *name, const char *variant)
{
	return withdraw_all(app, name, variant);
}

bool gk_prompt_file_serves(gk_app *app, const char *name, const char *variant)
{
	return find(app, name, variant) != NULL;
}
