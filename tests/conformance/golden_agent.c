/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Entries of golden programs that talk to agents: "chat" and "bidi". */
#include "golden.h"

#include <stdio.h>

static void item_free(void *item)
{
	json_decref(item);
}

static gk_code drop(gk_sink *sink, gk_run *run, json_t *chunk, gk_error *err)
{
	(void)sink, (void)run, (void)chunk, (void)err;
	return GK_OK;
}

static void ended(gk_sink *sink, gk_run *run)
{
	(void)sink, (void)run;
}

/* One invocation of the agent, from a stream of texts. The output; NULL: it failed. */
static json_t *talk(core_app *app, const char *agent, json_t *init, json_t *texts, gk_error *err)
{
	static const gk_sink_type type = { .chunk = drop, .done = ended };
	gk_sink sink = { .type = &type };
	gk_channel *inputs = gk_channel_new(64, item_free);
	gk_auto_json json_t *context = json_object();
	gk_auto_str char *key = NULL;
	json_t *output, *text;
	gk_run *run;
	size_t i;

	json_array_foreach (texts, i, text)
		core_app_must(
			gk_channel_try_send(inputs, gk_agent_input(json_string_value(text)), NULL),
			"input");
	gk_channel_close(inputs, NULL);
	if (asprintf(&key, "/agent/%s", agent) < 0)
		key = NULL;
	core_app_must(gk_run_start(GK_OPTS(gk_run_opts, .app = app->app, .key = key, .init = init,
					   .context = context, .input_stream = inputs,
					   .is_streaming = true, .sink = &sink),
			      &run, NULL),
		key);
	while (!gk_run_is_done(run))
		gk_loop_turn(app->loop, 100);
	if (gk_run_error_peek(run))
		gk_error_copy(err, gk_run_error_peek(run));
	output = json_incref(gk_run_result_peek(run));
	gk_run_unref(run);
	gk_channel_unref(inputs);
	return output;
}

json_t *golden_bidi(core_app *app, json_t *entry, gk_error *err)
{
	gk_auto_json json_t *init = json_object();

	return talk(
		app, gk_json_str_peek(entry, "agent"), init, json_object_get(entry, "send"), err);
}

static json_t *text_of(json_t *message)
{
	gk_auto_str char *text = message ? gk_message_text(message) : NULL;

	return json_string(text ? text : "");
}

/* As the client of the reference goes on: by the snapshot that it was told. */
json_t *golden_chat(core_app *app, json_t *entry, gk_error *err)
{
	gk_auto_json json_t *init = json_object(), *answers = json_object();
	json_t *text, *failure;
	size_t i;

	json_array_foreach (json_object_get(entry, "send"), i, text) {
		gk_auto_json json_t *one = json_pack("[O]", text), *output = NULL;
		const char name[] = { (char)('a' + i), '\0' };

		output = talk(app, gk_json_str_peek(entry, "agent"), init, one, err);
		if (!output)
			return NULL;
		failure = json_object_get(output, "error");
		if (failure) /* the client of the reference throws what its turn failed with */
			return json_pack("{s:O}", "error", failure);
		json_object_set_new(answers, name, text_of(json_object_get(output, "message")));
		json_decref(init);
		init = json_pack("{s:O*, s:O*}", "snapshotId",
			json_object_get(output, "snapshotId"), "state",
			json_object_get(output, "state"));
	}
	return gk_steal(answers);
}
