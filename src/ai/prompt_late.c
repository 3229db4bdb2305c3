/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "ai/prompt_late.h"

#include "base/limits.h"
#include "core/app.h"
#include "dotprompt/picoschema.h"
#include "json/edit.h"

/* Lives as long as the application and each of its prompts. */
struct gk_prompts_awake {
	unsigned refs;
	TAILQ_HEAD(, gk_late_prompt) list;
	size_t count;
};

/* --- who is awake --- */

static void *make_awake(void)
{
	gk_prompts_awake *all = calloc(1, sizeof(*all));

	if (!all)
		return NULL;
	all->refs = 1;
	TAILQ_INIT(&all->list);
	return all;
}

static void unref_awake(void *it)
{
	gk_prompts_awake *all = it;

	if (all && --all->refs == 0)
		free(all);
}

void gk_late_prompt_rest(gk_late_prompt *late)
{
	gk_prompt_body *body = late->body;

	if (late->is_awake) {
		TAILQ_REMOVE(&late->all->list, late, link);
		late->all->count--;
		late->is_awake = false;
	}
	json_decref(gk_steal(body->base));
	json_decref(gk_steal(body->marks));
	json_decref(gk_steal(late->metadata));
	json_decref(gk_steal(late->about));
	gk_schema_unref(gk_steal(late->input));
	late->has_input = false;
	gk_prompt_document_rest(body->messages.document);
}

/* Others go to rest, never this one. */
static void stay_awake(gk_late_prompt *late)
{
	gk_prompts_awake *all = late->all;

	if (late->is_awake)
		TAILQ_REMOVE(&all->list, late, link);
	else
		all->count++;
	late->is_awake = true;
	TAILQ_INSERT_TAIL(&all->list, late, link);
	while (all->count > GK_MAX_PROMPTS_AWAKE)
		gk_late_prompt_rest(TAILQ_FIRST(&all->list));
}

gk_code gk_late_prompt_new(gk_app *app, gk_prompt_body *body, gk_engine *engine,
	const char *variant, const char *mistake, gk_error *err)
{
	static const gk_app_slot slot = { make_awake, unref_awake };
	gk_prompts_awake *all = gk_app_slot_peek(app, &slot);
	gk_late_prompt *late = calloc(1, sizeof(*late));

	if (!all || !late) {
		free(late);
		return gk_error_no_memory(err);
	}
	late->app = app;
	late->body = body;
	late->engine = engine ? gk_engine_ref(engine) : NULL;
	late->all = all;
	all->refs++;
	late->variant = variant ? strdup(variant) : NULL;
	late->mistake = mistake ? strdup(mistake) : NULL;
	body->late = late;
	return (late->variant || !variant) && (late->mistake || !mistake) ? GK_OK
									  : gk_error_no_memory(err);
}

void gk_late_prompt_free(gk_late_prompt *late)
{
	if (!late)
		return;
	gk_late_prompt_rest(late);
	gk_engine_unref(late->engine);
	unref_awake(late->all);
	free(late->variant);
	free(late->mistake);
	free(late);
}

/* --- what a file says --- */

/* Null counts as absent. */
static json_t *said(json_t *object, const char *name)
{
	json_t *value = json_object_get(object, name);

	return json_is_null(value) ? NULL : value;
}

static json_t *raw_of(gk_late_prompt *late)
{
	return json_object_get(
		gk_prompt_document_parsed_peek(late->body->messages.document), "raw");
}

static gk_code wake_metadata(gk_late_prompt *late, gk_error *err)
{
	gk_engine *engine = gk_prompt_body_engine_peek(late->app, late->body);

	stay_awake(late);
	if (late->metadata)
		return GK_OK;
	if (!engine)
		return gk_error_no_memory(err);
	return gk_prompt_document_metadata(
		late->body->messages.document, engine, NULL, &late->metadata, err);
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
	plain = gk_schema_drop_any_take(json_incref(schema));
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

gk_code gk_prompt_body_wake(gk_prompt_body *body, gk_error *err)
{
	gk_auto_json json_t *base = NULL, *marks = NULL;
	json_t *raw, *own;
	gk_code rc;

	if (!body->late)
		return GK_OK;
	rc = wake_metadata(body->late, err);
	if (rc != GK_OK || body->base)
		return rc;
	raw = raw_of(body->late);
	own = said(raw, "metadata");
	base = base_of(body->late->metadata, raw);
	marks = own ? json_pack("{s:O}", "prompt", own) : NULL;
	if (!base || (own && !marks))
		return gk_error_no_memory(err);
	body->base = gk_steal(base);
	body->marks = gk_steal(marks);
	return GK_OK;
}

/* --- what it takes --- */

static gk_code wake_input(gk_late_prompt *late, gk_error *err)
{
	gk_auto_json json_t *plain = NULL;
	json_t *schema;
	gk_code rc = wake_metadata(late, err);

	if (rc != GK_OK || late->has_input)
		return rc;
	schema = said(said(late->metadata, "input"), "schema");
	plain = schema ? gk_schema_drop_any_take(json_incref(schema)) : NULL;
	if (schema && !plain)
		return gk_error_no_memory(err);
	rc = gk_action_schema(late->app, "input", NULL, plain, &late->input, err);
	late->has_input = rc == GK_OK;
	return rc;
}

static gk_code late_input(void *user, gk_schema **ret, gk_error *err)
{
	gk_late_prompt *late = ((gk_prompt_body *)user)->late;
	gk_code rc = wake_input(late, err);

	if (rc == GK_OK)
		*ret = late->input ? gk_schema_ref(late->input) : NULL;
	return rc;
}

/* --- what the actions say of themselves --- */

/* {...what the file says, name, variant?, use, toolChoice?, template, input: {schema?}, tools} */
static json_t *describe(gk_late_prompt *late)
{
	json_t *raw = raw_of(late), *schema = said(said(late->metadata, "input"), "schema");
	gk_auto_json json_t *it = gk_json_merge(late->metadata, NULL), *input = json_object();
	size_t len, name_len = strlen(late->body->name);
	const char *text = gk_prompt_document_template_peek(late->body->messages.document, &len);

	if (late->variant)
		name_len -= strlen(late->variant) + 1;
	if (!it || !gk_json_set_take(it, "name", json_stringn(late->body->name, name_len)) ||
		(late->variant && !gk_json_set_str(it, "variant", late->variant)) ||
		!gk_json_set_take(it, "use", use_of(raw)) || !copy_said(it, "toolChoice", raw) ||
		!gk_json_set_take(it, "template", json_stringn(text, len)) ||
		(schema && !gk_json_set(input, "schema", schema)) ||
		!gk_json_set(it, "input", input) ||
		(!said(late->metadata, "tools") && !gk_json_set_take(it, "tools", json_array())))
		return NULL;
	return gk_steal(it);
}

/* What a file that is not resolved says of itself is nothing but its mistake. */
static json_t *make_about(gk_late_prompt *late)
{
	gk_auto_error gk_error err = { 0 };
	gk_auto_json json_t *it = json_object(), *ret = NULL;
	bool is_known = wake_input(late, &err) == GK_OK;
	const char *mistake = late->mistake ? late->mistake : is_known ? NULL : err.message;

	if (!gk_json_set_str(it, "type", "prompt") ||
		(is_known && (!gk_json_set_take(it, "prompt", describe(late)) ||
				     !copy_said(it, "metadata", raw_of(late)))) ||
		(mistake && !gk_json_set_str(it, "error", mistake)) ||
		gk_metadata_copy(it, &ret, NULL) != GK_OK)
		return NULL;
	return gk_steal(ret);
}

static gk_code late_about(void *user, gk_action_about *ret, gk_error *err)
{
	gk_late_prompt *late = ((gk_prompt_body *)user)->late;
	const char *description;

	if (!late->about || !late->has_input) { /* what it missed may be there now */
		json_decref(late->about);
		late->about = make_about(late);
	}
	if (!late->about)
		return gk_error_no_memory(err);
	stay_awake(late);
	description = json_string_value(said(late->metadata, "description"));
	ret->description = description ? strdup(description) : NULL;
	if (description && !ret->description)
		return gk_error_no_memory(err);
	ret->metadata = json_incref(late->about);
	ret->input = late->input ? gk_schema_ref(late->input) : NULL;
	return GK_OK;
}

const gk_action_late gk_prompt_late = { .input = late_input, .about = late_about };

/* --- all of it at once --- */

gk_code gk_late_prompt_try(gk_late_prompt *late, gk_error *err)
{
	gk_prompt_document *doc = late->body->messages.document;
	gk_code rc = wake_metadata(late, err);

	if (rc != GK_OK)
		return gk_prompt_document_key_mistake(doc, NULL, err);
	rc = wake_input(late, err);
	if (rc != GK_OK)
		return gk_prompt_document_key_mistake(doc, "input", err);
	return GK_OK;
}
