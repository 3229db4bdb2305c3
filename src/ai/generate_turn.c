/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* One turn: what the request stands for, the model, its tool requests, the next turn (generate section 3.5). */
#include "ai/generation.h"

#include "ai/request.h"
#include "ai/respond.h"
#include "ai/vouched.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/str.h"
#include "json/edit.h"

#define DEFAULT_MAX_TURNS 5

/* What a turn has made of its request. */
typedef struct turn_parts {
	gk_output_format *format; /* NULL: none */
	json_t *request; /* GenerateRequest, as it was built; later with the documents' text */
} turn_parts;

/* --- what the request stands for --- */

/* The request's, else the application's. */
static const char *model_name(const gk_generation *generation, const json_t *request)
{
	const char *name = json_string_value(gk_json_peek(request, "model"));
	json_t *preset = name && *name ? NULL : gk_default_model_peek(generation->app);

	if (!preset)
		return name && *name ? name : NULL;
	return json_is_string(preset) ? json_string_value(preset)
				      : json_string_value(gk_json_peek(preset, "name"));
}

bool gk_generation_names_model(const gk_generation *generation, const json_t *request)
{
	return model_name(generation, request) != NULL;
}

gk_code gk_generation_find_model(
	gk_ctx *ctx, gk_generation *generation, const json_t *request, gk_error *err)
{
	json_t *given = gk_json_peek(request, "model");
	const char *name = json_string_value(given);
	gk_action *model;
	gk_code rc = GK_OK;

	if (generation->model && generation->model_name == given)
		return GK_OK;
	model = name ? gk_generation_extra_peek(generation, name) : NULL;
	if (model) {
		gk_action_ref(model);
	} else {
		name = model_name(generation, request);
		if (!name)
			return gk_error_set(err, GK_INVALID_ARGUMENT,
				"Must supply a `model` to `generate()` calls.");
		rc = gk_model_find(ctx, name, &model, err);
	}
	if (rc != GK_OK)
		return rc;
	gk_action_unref(generation->model);
	json_decref(generation->model_name);
	generation->model = model;
	generation->model_name = json_incref(given);
	return GK_OK;
}

/* Only warned of: models surprise. */
static void warn_of_support(const gk_turn_run *turn)
{
	const gk_generation *generation = turn->generation;
	const char *name = gk_action_name(generation->model);
	const char *choice = json_string_value(gk_json_peek(turn->request, "toolChoice"));
	json_t *supports;

	if (!generation->tools.count && !choice)
		return;
	supports = gk_json_peek(gk_model_info_peek(generation->model), "supports");
	if (!json_is_object(supports))
		return;
	if (generation->tools.count && !json_is_true(gk_json_peek(supports, "tools")))
		gk_log(GK_LOG_WARN, "generate",
			"The model '%s' does not support tools (you set: %zu tools). The model may not "
			"behave the way you expect",
			name, generation->tools.count);
	if (choice && !json_is_true(gk_json_peek(supports, "toolChoice")))
		gk_log(GK_LOG_WARN, "generate",
			"The model '%s' does not support the 'toolChoice' option (you set: %s). The "
			"model may not behave the way you expect",
			name, choice);
}

/* Puts another request in the place of the turn's (consumed). */
static gk_code set_request(gk_turn_run *turn, json_t *request_take, gk_error *err)
{
	if (!request_take)
		return gk_error_no_memory(err);
	json_decref(turn->request);
	turn->request = request_take;
	return GK_OK;
}

static gk_code set_messages(gk_turn_run *turn, json_t *messages, gk_error *err)
{
	if (messages == gk_json_peek(turn->request, "messages"))
		return GK_OK;
	return set_request(
		turn, gk_json_object_with(turn->request, "messages", json_incref(messages)), err);
}

static gk_code resolve(gk_ctx *ctx, gk_turn_run *turn, turn_parts *parts, gk_error *err)
{
	gk_generation *generation = turn->generation;
	gk_auto_json json_t *applied = NULL, *messages = NULL;
	json_t *output = gk_json_peek(turn->request, "output");
	gk_code rc = gk_generation_find_model(ctx, turn->generation, turn->request, err);

	if (rc == GK_OK)
		rc = gk_turn_find_tools(ctx, turn, err);
	if (rc == GK_OK)
		rc = gk_format_of_output(generation->app, output, &parts->format, err);
	if (rc == GK_OK && !turn->streamed.format)
		gk_format_turn_read_as(
			&turn->streamed, parts->format, gk_json_peek(output, "jsonSchema"));
	if (rc == GK_OK && parts->format)
		rc = gk_format_apply(parts->format, turn->request, &applied, err);
	if (rc == GK_OK && applied)
		rc = set_request(turn, gk_steal(applied), err);
	if (rc == GK_OK)
		rc = gk_turn_expand_resources(
			ctx, turn, gk_json_peek(turn->request, "messages"), &messages, err);
	if (rc == GK_OK)
		rc = set_messages(turn, messages, err);
	return rc == GK_OK ? gk_toolset_check_names(&generation->tools, err) : rc;
}

/* --- asking the model --- */

static bool copy_member(json_t *to, const char *key, json_t *from)
{
	json_t *value = gk_json_peek(from, key);

	return !value || gk_json_set(to, key, value);
}

/* What the model is told of the output: the wishes that are its business. */
static json_t *output_for_model(json_t *output)
{
	gk_auto_json json_t *told = json_object();
	json_t *schema = gk_json_peek(output, "jsonSchema");

	if (!copy_member(told, "constrained", output) ||
		!copy_member(told, "contentType", output) || !copy_member(told, "format", output) ||
		(schema && !json_is_null(schema) && !gk_json_set(told, "schema", schema)))
		return NULL;
	return gk_steal(told);
}

static json_t *request_for_model(const gk_turn_run *turn)
{
	gk_auto_json json_t *request = json_object();

	if (!copy_member(request, "messages", turn->request) ||
		!copy_member(request, "config", turn->request) ||
		!copy_member(request, "docs", turn->request) ||
		!gk_json_set(request, "tools", turn->generation->tools.definitions) ||
		!gk_json_set_take(request, "output",
			output_for_model(gk_json_peek(turn->request, "output"))) ||
		!copy_member(request, "toolChoice", turn->request))
		return NULL;
	return gk_steal(request);
}

/* A model that takes no documents got their text: the request that is shown, and later turns, have it too. */
static gk_code show_documents(gk_ctx *ctx, gk_turn_run *turn, turn_parts *parts, gk_error *err)
{
	json_t *docs = gk_json_peek(parts->request, "docs"), *messages, *changed;
	gk_auto_json json_t *augmented = NULL;
	gk_code rc;

	if (!docs || gk_model_supports(turn->generation->model, "context"))
		return GK_OK;
	messages = gk_json_peek(parts->request, "messages");
	rc = gk_messages_augment(messages, docs, NULL, &augmented, err);
	if (rc != GK_OK || augmented == messages)
		return rc;
	changed = gk_json_object_with(parts->request, "messages", json_incref(augmented));
	if (!changed)
		return gk_error_no_memory(err);
	json_decref(parts->request);
	parts->request = changed;
	if (!gk_ctx_record_member(ctx, "messages", augmented)) /* as the reference's does */
		return gk_error_no_memory(err);
	return set_messages(turn, augmented, err);
}

static gk_code ask_model(
	gk_ctx *ctx, gk_turn_run *turn, turn_parts *parts, json_t **ret, gk_error *err)
{
	gk_auto_json json_t *given = NULL;
	gk_code rc;

	warn_of_support(turn);
	parts->request = request_for_model(turn);
	if (!parts->request)
		return gk_error_no_memory(err);
	rc = gk_turn_call_model(ctx, turn, parts->request, &given, err);
	if (rc != GK_OK) {
		(void)show_documents(ctx, turn, parts, NULL); /* what it failed with counts */
		return rc;
	}
	rc = show_documents(ctx, turn, parts, err);
	if (rc != GK_OK)
		return rc;
	if (gk_model_is_background(turn->generation->model))
		return gk_respond_operation(given, parts->request, ret, err);
	return gk_respond(given, parts->request, ret, err);
}

/* --- what the model asks for --- */

static gk_code check_output(
	gk_turn_run *turn, const turn_parts *parts, json_t *response, gk_error *err)
{
	gk_generation *generation = turn->generation;
	json_t *schema = gk_json_peek(gk_json_peek(parts->request, "output"), "schema");
	gk_auto_json json_t *output = NULL, *nothing = json_null();
	gk_code rc = GK_OK;

	if (!schema)
		return GK_OK;
	if (generation->output_schema_json != schema) {
		generation->output_schema = gk_schema_unref(generation->output_schema);
		json_decref(generation->output_schema_json);
		generation->output_schema_json = json_incref(schema);
		rc = gk_action_schema(
			generation->app, "output", NULL, schema, &generation->output_schema, err);
	}
	if (rc == GK_OK)
		rc = gk_format_output(
			parts->format, schema, gk_json_peek(response, "message"), &output, err);
	if (rc == GK_OK && generation->output_schema)
		rc = gk_schema_check(generation->output_schema, output ? output : nothing, err);
	return rc;
}

static gk_code check_turns(
	const gk_turn_run *turn, json_t *response, json_t *request, gk_error *err)
{
	json_t *given = gk_json_peek(turn->request, "maxTurns");
	double max = json_is_number(given) ? json_number_value(given) : DEFAULT_MAX_TURNS;

	if (turn->current + 1 <= max && turn->current >= GK_MAX_TURNS)
		return gk_error_set(err, GK_RESOURCE_EXHAUSTED,
			"the model asked for tools in %d turns, as many as are possible",
			GK_MAX_TURNS);
	if (turn->current + 1 <= max)
		return GK_OK;
	gk_error_set(err, GK_ABORTED, "Exceeded maximum tool call iterations (%.17g)", max);
	return gk_error_details_take(
		err, json_pack("{s:O, s:O}", "response", response, "request", request));
}

/* Whether the list of the turn's messages may grow where it is, which spares a copy of what may be a long conversation: nobody
 * has it but an agent's turn that has made it for this, or an earlier turn of this call that has; then the turn's request and
 * the model's, which is over. A span remembers how much of it was there when it began. */
static bool may_grow(gk_ctx *ctx, const gk_turn_run *turn, const turn_parts *parts, json_t *list)
{
	const gk_generation *generation = turn->generation;
	const gk_vouched *vouched = gk_vouched_peek(ctx);
	size_t known;

	if (generation->hooks.has_turn) /* which look at what they were handed when they like */
		return false;
	if (list && list == generation->own_messages)
		known = 1;
	else if (list && vouched && vouched->is_within && list == vouched->list)
		known = vouched->holders;
	else
		return false;
	return parts->request->refcount == 2 && /* ours and the response's */
	       list == gk_json_peek(parts->request, "messages") && list->refcount == known + 2;
}

/* The request of the next turn but for what it adds: new reference; NULL when memory ran out. */
static json_t *next_request(gk_ctx *ctx, const gk_turn_run *turn, const turn_parts *parts)
{
	gk_generation *generation = turn->generation;
	json_t *list = gk_json_peek(turn->request, "messages"), *copy, *request;

	if (may_grow(ctx, turn, parts, list))
		return json_incref(turn->request);
	copy = gk_json_array_copy(list);
	request = copy ? gk_json_object_with(turn->request, "messages", json_incref(copy)) : NULL;
	json_decref(generation->own_messages);
	generation->own_messages = copy;
	return request;
}

static gk_code go_on(gk_ctx *ctx, gk_turn_run *turn, const turn_parts *parts, json_t *answer,
	json_t *tool_message, gk_error *err)
{
	gk_auto_json json_t *request = NULL;
	json_t *messages;
	gk_code rc = gk_turn_tool_chunk(turn, tool_message, err);

	if (rc != GK_OK)
		return rc;
	request = next_request(ctx, turn, parts);
	messages = gk_json_peek(request, "messages");
	if (!gk_json_push_take(messages, json_incref(answer)) ||
		(tool_message && !gk_json_push_take(messages, json_incref(tool_message))))
		return gk_error_no_memory(err);
	turn->next = (gk_turn){ gk_steal(request), turn->current + 1, turn->message_index + 1 };
	return GK_OK;
}

static gk_code run_tools(gk_ctx *ctx, gk_turn_run *turn, const turn_parts *parts, json_t *response,
	gk_tool_job *jobs, size_t count, json_t **ret, gk_error *err)
{
	json_t *answer = gk_json_peek(response, "message");
	gk_auto_json json_t *message = NULL;
	gk_code rc = gk_turn_run_tools(ctx, turn, jobs, count, err);

	for (size_t i = 0; rc == GK_OK && i < count; i++) {
		if (!jobs[i].interrupt)
			continue;
		rc = gk_interrupted_message(answer, jobs, count, &message, err);
		return rc == GK_OK ? gk_respond_interrupted(response, message, ret, err) : rc;
	}
	if (rc == GK_OK)
		rc = gk_tool_message(jobs, count, NULL, &message, err);
	return rc == GK_OK ? go_on(ctx, turn, parts, answer, message, err) : rc;
}

static gk_code follow_up(gk_ctx *ctx, gk_turn_run *turn, turn_parts *parts, json_t *response,
	json_t **ret, gk_error *err)
{
	gk_tool_job *jobs;
	size_t count;
	gk_code rc = gk_respond_check(response, err);

	if (rc == GK_OK)
		rc = gk_tool_jobs_new(turn, gk_json_peek(response, "message"), &jobs, &count, err);
	if (rc != GK_OK)
		return rc;
	if (!count || json_is_true(gk_json_peek(turn->request, "returnToolRequests"))) {
		if (!count)
			rc = check_output(turn, parts, response, err);
		if (rc == GK_OK)
			*ret = json_incref(response);
	} else {
		rc = check_turns(turn, response, parts->request, err);
		if (rc == GK_OK)
			rc = run_tools(ctx, turn, parts, response, jobs, count, ret, err);
	}
	gk_tool_jobs_free(jobs, count);
	return rc;
}

/* --- the turn --- */

static gk_code resume(gk_ctx *ctx, gk_turn_run *turn, gk_error *err)
{
	gk_auto_json json_t *request = NULL, *message = NULL;
	gk_code rc = gk_turn_resume(ctx, turn, &request, &message, err);

	if (rc == GK_OK)
		rc = gk_turn_tool_chunk(turn, message, err);
	if (rc != GK_OK)
		return rc;
	turn->next = (gk_turn){ gk_steal(request), turn->current, turn->message_index + 1 };
	return GK_OK;
}

gk_code gk_turn_run_bare(gk_ctx *ctx, gk_turn_run *turn, json_t **ret, gk_error *err)
{
	gk_auto_json json_t *response = NULL;
	turn_parts parts = { 0 };
	gk_code rc = gk_scope_check(gk_fiber_scope(gk_fiber_self()), err);

	if (rc == GK_OK)
		rc = resolve(ctx, turn, &parts, err);
	if (rc == GK_OK && json_is_object(gk_json_peek(turn->request, "resume"))) {
		rc = resume(ctx, turn, err);
	} else {
		if (rc == GK_OK)
			rc = ask_model(ctx, turn, &parts, &response, err);
		if (rc == GK_OK && gk_json_peek(response, "operation"))
			*ret = gk_steal(response);
		else if (rc == GK_OK)
			rc = follow_up(ctx, turn, &parts, response, ret, err);
	}
	gk_format_unref(parts.format);
	json_decref(parts.request);
	return rc;
}
