/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Scenarios of agents: what both forms of them share. See agent.h. */
#include "agent.h"

#include "ai/ai.h"
#include "json/edit.h"

#include <stdarg.h>
#include <stdio.h>

#define WAIT_TURNS 500 /* of 10 ms */

void agent_fail(agent_case *it, const char *format, ...)
{
	char text[4096];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (!it->has_failed)
		conformance_fail(it->run, it->name, "step %zu: %s", it->step, text);
	it->has_failed = true;
}

/* --- what was captured --- */

/* Borrowed; fails the case when there is none. */
static json_t *known(agent_case *it, const char *path, size_t len)
{
	gk_auto_str char *copy = strndup(path, len);
	json_t *value = copy ? gk_json_at_peek(it->known, copy) : NULL;

	if (!value)
		agent_fail(it, "nothing was captured as %.*s", (int)len, path);
	return value;
}

/* "{{a}}" alone is the value, whatever it is; within a text it is its text. */
static json_t *fill_in_text(agent_case *it, const char *text)
{
	size_t len = strlen(text);
	const char *open = strstr(text, "{{"), *close = open ? strstr(open, "}}") : NULL;
	gk_auto_str char *value = NULL;
	gk_auto_json json_t *filled = NULL, *found = NULL;

	if (!close)
		return json_string(text);
	found = json_incref(known(it, open + 2, (size_t)(close - open) - 2));
	if (open == text && close + 2 == text + len)
		return found ? gk_steal(found) : json_null();
	value = json_is_string(found) ? strdup(json_string_value(found))
				      : gk_json_write(found, NULL);
	filled = json_sprintf("%.*s%s%s", (int)(open - text), text, value ? value : "", close + 2);
	return fill_in_text(it, json_string_value(filled));
}

json_t *agent_filled_in(agent_case *it, json_t *value)
{
	json_t *filled, *one;
	const char *key;
	size_t i;

	if (json_is_string(value))
		return fill_in_text(it, json_string_value(value));
	if (json_is_array(value)) {
		filled = json_array();
		json_array_foreach (value, i, one)
			json_array_append_new(filled, agent_filled_in(it, one));
		return filled;
	}
	if (!json_is_object(value))
		return json_incref(value);
	filled = json_object();
	json_object_foreach (value, key, one)
		json_object_set_new(filled, key, agent_filled_in(it, one));
	return filled;
}

/* --- what is expected --- */

static bool array_contains(const json_t *got, const json_t *expected, bool gaps)
{
	size_t at = 0;

	if (!json_is_array(got) || (!gaps && json_array_size(got) != json_array_size(expected)))
		return false;
	for (size_t i = 0; i < json_array_size(expected); i++, at++) {
		while (at < json_array_size(got) &&
			!agent_contains(json_array_get(got, at), json_array_get(expected, i), gaps))
			at++;
		if (at == json_array_size(got))
			return false;
	}
	return true;
}

bool agent_contains(const json_t *got, const json_t *expected, bool gaps)
{
	const char *text = json_string_value(expected), *key;
	json_t *one;

	if (!expected || json_is_null(expected))
		return true;
	if (text && strcmp(text, "$any") == 0)
		return json_string_length(got) > 0;
	if (json_is_array(expected))
		return array_contains(got, expected, gaps);
	if (!json_is_object(expected))
		return gk_json_equal(got, expected);
	json_object_foreach ((json_t *)expected, key, one)
		if (!agent_contains(json_object_get(got, key), one, gaps))
			return false;
	return json_is_object(got);
}

void agent_expect(
	agent_case *it, const char *what, const json_t *got, const json_t *expected, bool gaps)
{
	gk_auto_str char *is = gk_json_write(got, NULL), *should = gk_json_write(expected, NULL);

	if (!agent_contains(got, expected, gaps))
		agent_fail(it, "%s is %s instead of %s", what, got ? is : "absent", should);
}

/* --- the model --- */

/* Those that go on without a client keep to the program of their own send: its number stands in the context. */
static gk_code run_model(gk_ctx *ctx, json_t *request, json_t **ret, gk_error *err)
{
	agent_case *it = gk_ctx_user(ctx);
	json_t *number = json_object_get(gk_ctx_context(ctx), "program");
	json_t *program = json_array_get(it->programs, (size_t)json_integer_value(number));
	size_t next = (size_t)json_integer_value(json_object_get(program, "next")), i;
	json_t *chunk;

	json_object_set_new(program, "next", json_integer((json_int_t)next + 1));
	json_array_append(it->saw, request);
	json_array_foreach (json_array_get(json_object_get(program, "chunks"), next), i, chunk) {
		gk_code rc = gk_ctx_send(ctx, json_incref(chunk), err);

		if (rc != GK_OK)
			return rc;
	}
	*ret = json_incref(json_array_get(json_object_get(program, "responses"), next));
	return GK_OK;
}

void agent_define_model(agent_case *it)
{
	core_app_must(gk_define_model(it->app.app,
			      GK_OPTS(gk_model_opts, .name = "programmableModel",
				      .supports = GK_SUPPORTS_TOOLS | GK_SUPPORTS_MULTITURN |
						  GK_SUPPORTS_SYSTEM,
				      .run = run_model, .user = it),
			      NULL),
		"programmableModel");
}

/* --- calling --- */

typedef struct keeping_sink {
	gk_sink base;
	json_t *chunks;
} keeping_sink;

static gk_code keep(gk_sink *base, gk_run *run, json_t *chunk, gk_error *err)
{
	(void)run, (void)err;
	json_array_append(((keeping_sink *)base)->chunks, chunk);
	return GK_OK;
}

static void ended(gk_sink *base, gk_run *run)
{
	(void)base, (void)run;
}

static void item_free(void *item)
{
	json_decref(item);
}

static gk_channel *inputs_channel(json_t *inputs, bool stays_open)
{
	gk_channel *channel = gk_channel_new(1024, item_free);
	json_t *input;
	size_t i;

	json_array_foreach (inputs, i, input)
		core_app_must(gk_channel_try_send(channel, json_incref(input), NULL), "input");
	if (!stays_open)
		gk_channel_close(channel, NULL);
	return channel;
}

static json_t *context_of(agent_case *it, json_t *program)
{
	if (program || !json_array_size(it->programs))
		json_array_append_new(
			it->programs, json_pack("{s:O*, s:O*}", "responses",
					      json_object_get(program, "responses"), "chunks",
					      json_object_get(program, "chunks")));
	return json_pack("{s:I}", "program", (json_int_t)json_array_size(it->programs) - 1);
}

static void finish(agent_case *it, gk_run *run, agent_reply *ret)
{
	int turns = 0;

	while (!gk_run_is_done(run) && turns++ < WAIT_TURNS)
		gk_loop_turn(it->app.loop, 10);
	if (!gk_run_is_done(run))
		agent_fail(it, "it has not ended");
	gk_run_cancel(run, GK_CANCELLED);
	while (!gk_run_is_done(run))
		gk_loop_turn(it->app.loop, 10);
	ret->output = json_incref(gk_run_result_peek(run));
	if (gk_run_error_peek(run))
		gk_error_copy(&ret->err, gk_run_error_peek(run));
}

void agent_send(agent_case *it, const char *agent, json_t *init, json_t *inputs, bool stays_open,
	json_t *program, agent_reply *ret)
{
	static const gk_sink_type type = { .chunk = keep, .done = ended };
	gk_channel *channel = inputs_channel(inputs, stays_open);
	gk_auto_json json_t *context = context_of(it, program);
	gk_auto_str char *key = NULL;
	keeping_sink sink = { .base.type = &type, .chunks = json_array() };
	gk_run *run = NULL;

	*ret = (agent_reply){ .chunks = sink.chunks };
	if (asprintf(&key, "/agent/%s", agent) < 0)
		key = NULL;
	core_app_must(
		gk_run_start(GK_OPTS(gk_run_opts, .app = it->app.app, .key = key, .init = init,
				     .context = context, .input_stream = channel,
				     .sink = &sink.base, .is_streaming = true),
			&run, NULL),
		"run");
	finish(it, run, ret);
	gk_run_unref(run);
	gk_channel_unref(channel);
}

void agent_reply_done(agent_reply *reply)
{
	json_decref(reply->chunks);
	json_decref(reply->output);
	gk_error_clear(&reply->err);
}

gk_code agent_companion(agent_case *it, const char *type, const char *agent, json_t *input,
	json_t **ret, gk_error *err)
{
	gk_auto_str char *key = NULL;

	if (asprintf(&key, "/%s/%s", type, agent) < 0)
		key = NULL;
	return core_app_run_key(&it->app, key, input, ret, err);
}

json_t *agent_wait(agent_case *it, const char *agent, const char *snapshot_id)
{
	gk_auto_json json_t *request = json_pack("{s:s}", "snapshotId", snapshot_id);

	for (int turns = 0; turns < WAIT_TURNS; turns++) {
		gk_auto_json json_t *snapshot = NULL;
		const char *status;

		if (agent_companion(it, "agent-snapshot", agent, request, &snapshot, NULL) != GK_OK)
			return NULL;
		status = json_string_value(json_object_get(snapshot, "status"));
		if (status && strcmp(status, "pending") != 0)
			return gk_steal(snapshot);
		gk_loop_turn(it->app.loop, 10);
	}
	return NULL;
}

/* --- cases --- */

static void case_begin(agent_case *it)
{
	it->known = json_object();
	it->programs = json_array();
	it->saw = json_array();
	it->gates = json_object();
	core_app_start(&it->app);
	if (it->is_sqlite)
		sessions_sqlite_start(&it->sqlite, &it->app);
	core_app_must(gk_ai_init(it->app.app, NULL), "generate");
	agent_define_model(it);
}

/* What goes on without a client is called off. */
static void case_end(agent_case *it)
{
	gk_app_cancel_runs(it->app.app);
	while (gk_app_run_count(it->app.app) || gk_fiber_count(it->app.loop))
		gk_loop_turn(it->app.loop, 10);
	if (it->is_sqlite)
		sessions_sqlite_stop(&it->sqlite);
	core_app_stop(&it->app);
	json_decref(it->known);
	json_decref(it->programs);
	json_decref(it->saw);
	json_decref(it->gates);
}

static void run_case(
	conformance *run, const char *id, json_t *one, agent_case_fn *fn, bool is_sqlite)
{
	char name[192];
	agent_case it = { .run = run, .name = name, .is_sqlite = is_sqlite };

	snprintf(name, sizeof(name), "%s (%s)", id, is_sqlite ? "sqlite" : "memory");
	case_begin(&it);
	fn(&it, one);
	case_end(&it);
	if (!it.has_failed)
		conformance_pass(run, name);
}

void conformance_agent(conformance *run, const char *file, json_t *doc)
{
	json_t *upstream = json_object_get(doc, "tests"), *one;
	size_t i;

	(void)file;
	json_array_foreach (upstream ? upstream : doc, i, one)
		for (int is_sqlite = 0; is_sqlite < 2; is_sqlite++)
			run_case(run, gk_json_str_peek(one, upstream ? "name" : "id"), one,
				upstream ? agent_run_upstream : agent_run_scripted, is_sqlite);
}
