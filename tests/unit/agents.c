/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "agents.h"

#include <stdio.h>

void agents_define(const gk_agent_opts *opts)
{
	gk_error err = { 0 };

	if (gk_define_agent(core_app, opts, &err) != GK_OK)
		ck_abort_msg("%s", err.message);
}

void agents_define_model(const char *name, gk_action_fn *answer)
{
	ck_assert_int_eq(gk_define_model(core_app,
				 GK_OPTS(gk_model_opts, .name = name,
					 .supports = GK_SUPPORTS_MULTITURN | GK_SUPPORTS_SYSTEM |
						     GK_SUPPORTS_TOOLS,
					 .run = answer),
				 NULL),
		GK_OK);
}

static void item_free(void *item)
{
	json_decref(item);
}

void exchange_begin(exchange *it, json_t *init, json_t *context, const char *inputs)
{
	gk_auto_json json_t *list = json(inputs);
	json_t *input;
	size_t i;

	*it = (exchange){ .inputs = gk_channel_new(1024, item_free) };
	json_array_foreach (list, i, input)
		ck_assert_int_eq(gk_channel_try_send(it->inputs, json_incref(input), NULL), GK_OK);
	core_sink_init(&it->sink);
	it->run = core_begin(
		GK_OPTS(gk_run_opts, .key = "/agent/helper", .init = init, .context = context,
			.input_stream = it->inputs, .sink = &it->sink.base, .is_streaming = true));
}

void exchange_send(exchange *it, const char *input)
{
	ck_assert_int_eq(gk_channel_try_send(it->inputs, json(input), NULL), GK_OK);
}

void exchange_finish(exchange *it)
{
	gk_channel_close(it->inputs, NULL);
	core_finish(it->run);
	it->output = json_incref(gk_run_result_peek(it->run));
	if (gk_run_error_peek(it->run))
		gk_error_copy(&it->err, gk_run_error_peek(it->run));
}

void exchange_run(exchange *it, json_t *init, const char *inputs)
{
	exchange_begin(it, init, NULL, inputs);
	exchange_finish(it);
}

void exchange_done(exchange *it)
{
	gk_run_unref(it->run);
	gk_channel_unref(it->inputs);
	core_sink_done(&it->sink);
	json_decref(it->output);
	gk_error_clear(&it->err);
}

json_t *agents_companion(const char *type, json_t *context, const char *request, gk_error *err_ret)
{
	gk_auto_json json_t *input = json(request);
	gk_auto_str char *key = NULL;
	json_t *result;
	gk_run *run;

	if (asprintf(&key, "/%s/helper", type) < 0)
		key = NULL;
	run = core_begin(GK_OPTS(gk_run_opts, .key = key, .input = input, .context = context));
	core_finish(run);
	result = json_incref(gk_run_result_peek(run));
	if (err_ret && gk_run_error_peek(run))
		gk_error_copy(err_ret, gk_run_error_peek(run));
	gk_run_unref(run);
	return result;
}

json_t *agents_snapshot(const char *id)
{
	gk_auto_str char *request = NULL;

	if (asprintf(&request, "{'snapshotId':'%s'}", id) < 0)
		request = NULL;
	return agents_companion("agent-snapshot", NULL, request, NULL);
}

json_t *agents_user(const char *uid)
{
	return json_pack("{s:{s:s}}", "auth", "uid", uid);
}
