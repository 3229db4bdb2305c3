/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "models.h"

#include "ai/ai.h"

json_t *models_saw;
static json_t *script;

/* --- the model and the tools --- */

static gk_code run_scripted(gk_ctx *ctx, json_t *request, json_t **ret, gk_error *err)
{
	size_t at = json_array_size(models_saw), last = json_array_size(script) - 1;
	json_t *turn = json_array_get(script, at < last ? at : last), *chunk;
	size_t i;

	if (json_array_append_new(models_saw, json_deep_copy(request)) < 0)
		return gk_error_no_memory(err);
	json_array_foreach (json_object_get(turn, "chunks"), i, chunk) {
		gk_code rc = gk_ctx_send(ctx, json_incref(chunk), err);

		if (rc != GK_OK)
			return rc;
	}
	*ret = json_incref(json_object_get(turn, "resp") ? json_object_get(turn, "resp") : turn);
	return GK_OK;
}

static gk_code add(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	(void)ctx, (void)err;
	*ret = json_integer(gk_json_int_at(input, "a", 0) + gk_json_int_at(input, "b", 0));
	return GK_OK;
}

static gk_code fail_always(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	(void)ctx, (void)input, (void)ret;
	return gk_error_set(err, GK_DATA_LOSS, "kaput");
}

static gk_code ask(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	(void)input;
	if (!gk_ctx_resumed(ctx))
		return gk_interrupt(ctx, json_pack("{s:s}", "why", "ask first"), err);
	*ret = json_incref(gk_ctx_resumed(ctx));
	return GK_OK;
}

static void define(const char *name, const char *input, gk_action_fn *fn)
{
	ck_assert_int_eq(gk_define_tool(core_app,
				 GK_OPTS(gk_tool_opts, .name = name, .description = "d",
					 .input = input, .run = fn),
				 NULL),
		GK_OK);
}

void models_start(void)
{
	core_start();
	models_saw = json_array();
	ck_assert_int_eq(gk_ai_init(core_app, NULL), GK_OK);
	ck_assert_int_eq(gk_define_model(core_app,
				 GK_OPTS(gk_model_opts, .name = "scripted",
					 .supports = GK_SUPPORTS_TOOLS | GK_SUPPORTS_TOOL_CHOICE,
					 .run = run_scripted),
				 NULL),
		GK_OK);
	ck_assert_int_eq(
		gk_set_default_model(core_app, &(gk_model_ref){ .name = "scripted" }, NULL), GK_OK);
	define("add", "{a: number, b: number}", add);
	define("fail", NULL, fail_always);
	define("ask", NULL, ask);
}

void models_stop(void)
{
	core_stop();
	json_decref(models_saw);
	json_decref(script);
	script = models_saw = NULL;
}

void models_script(const char *turns)
{
	json_decref(script);
	script = json(turns);
	json_array_clear(models_saw);
}

/* --- calls --- */

static gk_code generate(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	gk_auto_response gk_response *response = NULL;
	gk_code rc = gk_generate(ctx, gk_ctx_user(ctx), &response, err);

	(void)input;
	if (rc == GK_OK)
		*ret = json_incref(gk_response_json(response));
	return rc;
}

static gk_run *run_it(const gk_generate_opts *opts)
{
	gk_action *action = NULL;
	gk_run *run;

	ck_assert_int_eq(gk_action_new(core_app,
				 GK_OPTS(gk_action_opts, .type = "flow", .name = "test",
					 .run = generate, .user = (void *)opts),
				 &action, NULL),
		GK_OK);
	run = core_begin(GK_OPTS(gk_run_opts, .action = action));
	gk_action_unref(action);
	core_finish(run);
	return run;
}

json_t *models_generate(const gk_generate_opts *opts)
{
	gk_run *run = run_it(opts);
	json_t *result = json_incref(gk_run_result_peek(run));

	if (gk_run_error_peek(run))
		ck_abort_msg("%.2000s", gk_run_error_peek(run)->message);
	gk_run_unref(run);
	return result;
}

void models_fail(const gk_generate_opts *opts, gk_code code, const char *message)
{
	gk_run *run = run_it(opts);
	const gk_error *err = gk_run_error_peek(run);

	ck_assert_ptr_nonnull(err);
	ck_assert_str_eq(gk_code_name(err->code), gk_code_name(code));
	ck_assert_str_eq(err->message, message);
	gk_run_unref(run);
}

gk_code models_keep_chunk(gk_ctx *ctx, json_t *chunk, void *user, gk_error *err)
{
	(void)ctx;
	return json_array_append(user, chunk) == 0 ? GK_OK : gk_error_no_memory(err);
}
