/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "core.h"

#include "base/clock.h"

gk_loop *core_loop;
gk_app *core_app;
json_t *core_spans;

/* --- what the spans said --- */

static void span_ended(const gk_span *span, void *user)
{
	gk_auto_str char *path = gk_span_path(span);

	(void)user;
	if (!core_spans || !path)
		return;
	json_array_append_new(core_spans,
		json_pack("{s:s, s:s, s:s, s:s, s:s, s:s*, s:o*}", "name", span->name, "id",
			span->id, "trace", span->trace_id, "parent", span->parent_id, "path", path,
			"error", span->state == GK_SPAN_ERROR ? span->error.message : NULL,
			"attributes", gk_span_attributes(span)));
}

static const gk_span_observer observer = { .ended = span_ended };

json_t *core_span(const char *name)
{
	for (size_t i = json_array_size(core_spans); i-- > 0;) {
		json_t *span = json_array_get(core_spans, i);

		if (strcmp(gk_json_str_peek(span, "name"), name) == 0)
			return span;
	}
	ck_abort_msg("no span '%s' has ended", name);
	return NULL;
}

json_t *core_attributes(const char *name)
{
	return json_object_get(core_span(name), "attributes");
}

/* --- the application --- */

void core_start_unseen(void)
{
	ck_assert_int_eq(gk_loop_new(&core_loop, NULL), GK_OK);
	ck_assert_int_eq(gk_app_new(core_loop, NULL, &core_app, NULL), GK_OK);
}

void core_start(void)
{
	core_start_unseen();
	core_spans = json_array();
	ck_assert(gk_app_add_observer(core_app, &observer));
}

void core_look_away(void)
{
	gk_app_remove_observer(core_app, &observer);
}

static bool is_idle(void *user)
{
	(void)user;
	return gk_app_run_count(core_app) == 0 && gk_fiber_count(core_loop) == 0;
}

/* A busy machine makes many turns of a little each, one that was stopped few in a long time. */
void core_turn_until(bool (*is_so)(void *user), void *user)
{
	uint64_t end_ms = gk_clock_mono_ms() + 20000;

	for (int turns = 0; !is_so(user); turns++) {
		ck_assert_msg(turns < 2000 || gk_clock_mono_ms() < end_ms, "it never came to pass");
		gk_loop_turn(core_loop, 10);
	}
}

void core_stop(void)
{
	core_turn_until(is_idle, NULL);
	gk_app_free(core_app);
	gk_loop_free(core_loop);
	json_decref(core_spans);
	core_spans = NULL;
}

void core_flow(const char *name, gk_action_fn *fn, void *user)
{
	ck_assert_int_eq(
		gk_define_flow(core_app,
			GK_OPTS(gk_flow_opts, .name = name, .run = fn, .user = user), NULL),
		GK_OK);
}

void core_model(const char *name, gk_action_fn *fn)
{
	ck_assert_int_eq(
		gk_define_action(core_app,
			GK_OPTS(gk_action_opts, .type = "model", .name = name, .run = fn), NULL),
		GK_OK);
}

/* --- runs --- */

static void sink_started(gk_sink *base, gk_run *run)
{
	core_sink *sink = (core_sink *)base;

	ck_assert_uint_eq(strlen(gk_run_trace_id(run)), 32);
	ck_assert_uint_eq(sink->done, 0);
	sink->started++;
}

static gk_code sink_chunk(gk_sink *base, gk_run *run, json_t *chunk, gk_error *err)
{
	core_sink *sink = (core_sink *)base;

	ck_assert(!gk_run_is_done(run));
	json_array_append(sink->chunks, chunk);
	return sink->chunk_rc == GK_OK ? GK_OK
				       : gk_error_set(err, sink->chunk_rc, "the client is gone");
}

static void sink_done(gk_sink *base, gk_run *run)
{
	ck_assert(gk_run_is_done(run));
	((core_sink *)base)->done++;
}

void core_sink_init(core_sink *sink)
{
	static const gk_sink_type type = {
		.started = sink_started, .chunk = sink_chunk, .done = sink_done
	};

	*sink = (core_sink){ .base.type = &type, .chunks = json_array() };
}

void core_sink_done(core_sink *sink)
{
	json_decref(sink->chunks);
}

gk_run *core_begin(const gk_run_opts *opts)
{
	gk_error err = { 0 };
	gk_run_opts own = *opts;
	gk_run *run;

	own.app = core_app;
	if (gk_run_start(&own, &run, &err) != GK_OK)
		ck_abort_msg("%s", err.message);
	return run;
}

static bool is_done(void *user)
{
	return gk_run_is_done(user);
}

void core_finish(gk_run *run)
{
	core_turn_until(is_done, run);
}

static gk_run *run_through(const char *key, json_t *input_take)
{
	gk_run *run = core_begin(GK_OPTS(gk_run_opts, .key = key, .input = input_take));

	json_decref(input_take);
	core_finish(run);
	return run;
}

json_t *core_run(const char *key, json_t *input_take)
{
	gk_run *run = run_through(key, input_take);
	const gk_error *err = gk_run_error_peek(run);
	json_t *result;

	if (err)
		ck_abort_msg("%s: %s", key, err->message);
	result = json_incref(gk_run_result_peek(run));
	gk_run_unref(run);
	return result;
}

void core_fail(const char *key, json_t *input_take, gk_code code, const char *message)
{
	gk_run *run = run_through(key, input_take);
	const gk_error *err = gk_run_error_peek(run);

	ck_assert_ptr_nonnull(err);
	ck_assert_ptr_null(gk_run_result_peek(run));
	ck_assert_str_eq(gk_code_name(err->code), gk_code_name(code));
	if (message && *message)
		ck_assert_str_eq(err->message, message);
	gk_run_unref(run);
}

void core_in_run(gk_action_fn *fn, void *user)
{
	gk_run *run;
	gk_action *action = NULL;

	ck_assert_int_eq(gk_action_new(core_app,
				 GK_OPTS(gk_action_opts, .type = "flow", .name = "test", .run = fn,
					 .user = user),
				 &action, NULL),
		GK_OK);
	run = core_begin(GK_OPTS(gk_run_opts, .action = action));
	gk_action_unref(action);
	core_finish(run);
	if (gk_run_error_peek(run))
		ck_abort_msg("%s", gk_run_error_peek(run)->message);
	gk_run_unref(run);
}

void assert_error(gk_error *err, gk_code code, const char *message)
{
	ck_assert_str_eq(gk_code_name(err->code), gk_code_name(code));
	if (message)
		ck_assert_str_eq(err->message, message);
	gk_error_clear(err);
}

gk_code core_echo(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	(void)ctx, (void)err;
	*ret = json_incref(input);
	return GK_OK;
}

gk_code core_sleep(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	(void)input, (void)ret;
	return gk_sleep(ctx, 3600000, err);
}

gk_code core_lookup(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	gk_action *action = NULL;
	gk_code rc = gk_lookup_action(ctx, json_string_value(input), &action, err);

	if (rc == GK_OK)
		*ret = action ? json_string(gk_action_key(action)) : json_null();
	gk_action_unref(action);
	return rc;
}

gk_code core_list(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	(void)input;
	return gk_app_list_actions(gk_ctx_app(ctx), ret, err);
}

void assert_lookup(const char *key, bool is_found)
{
	gk_auto_json json_t *result = core_run("/flow/lookup", json_string(key));

	if (is_found)
		ck_assert_str_eq(json_string_value(result), key);
	else
		ck_assert(json_is_null(result));
}

bool core_try(const char *key, json_t *input)
{
	gk_run *run = NULL;
	bool worked;

	if (gk_run_start(GK_OPTS(gk_run_opts, .app = core_app, .key = key, .input = input), &run,
		    NULL) != GK_OK)
		return false;
	for (int turns = 0; !gk_run_is_done(run) && turns < 2000; turns++)
		gk_loop_turn(core_loop, 10);
	worked = gk_run_is_done(run) && !gk_run_error_peek(run);
	gk_run_unref(run);
	return worked;
}
