/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Agents as other code calls them: one turn, a stream of them, what was kept of them. */
#include "ai/agent.h"

#include "base/limits.h"
#include "json/edit.h"
#include "loop/channel.h"

#include <stdio.h>

json_t *gk_agent_input(const char *text)
{
	gk_auto_json json_t *message = gk_message_of_text("user", text);

	return message ? json_pack("{s:O}", "message", message) : NULL;
}

static gk_code find(gk_ctx *ctx, const char *type, const char *name, gk_action **ret, gk_error *err)
{
	gk_auto_str char *key = NULL;
	gk_action *action = NULL;
	gk_code rc;

	if (!name || !*name)
		return gk_error_set(err, GK_INVALID_ARGUMENT, "an agent is called by its name");
	if (asprintf(&key, "/%s/%s", type, name) < 0) {
		key = NULL;
		return gk_error_no_memory(err);
	}
	rc = gk_lookup(ctx, key, &action, err);
	if (rc == GK_OK && !action)
		return gk_error_set(err, GK_NOT_FOUND, "Agent %s not found", name);
	if (rc == GK_OK)
		*ret = action;
	return rc;
}

static gk_code call(gk_ctx *ctx, const char *type, const char *name, json_t *input,
	const gk_call_opts *opts, json_t **ret, gk_error *err)
{
	gk_action *action = NULL;
	gk_code rc = find(ctx, type, name, &action, err);

	if (rc != GK_OK)
		return rc;
	rc = gk_run_action_with(ctx, action, input, opts, ret, err);
	gk_action_unref(action);
	return rc;
}

gk_code gk_agent_run(gk_ctx *ctx, const char *name, json_t *input, const gk_call_opts *opts,
	json_t **ret, gk_error *err)
{
	return call(ctx, "agent", name, input, opts, ret, err);
}

/* --- what was kept --- */

gk_code gk_agent_snapshot(gk_ctx *ctx, const char *name, const char *snapshot_id,
	const char *session_id, json_t **ret, gk_error *err)
{
	gk_auto_json json_t *request =
		json_pack("{s:s*, s:s*}", "snapshotId", snapshot_id, "sessionId", session_id);

	return request ? call(ctx, "agent-snapshot", name, request, NULL, ret, err)
		       : gk_error_no_memory(err);
}

gk_code gk_agent_abort(gk_ctx *ctx, const char *name, const char *snapshot_id,
	const char **previous_ret, gk_error *err)
{
	gk_auto_json json_t *request = json_pack("{s:s}", "snapshotId", snapshot_id);
	gk_auto_json json_t *answer = NULL;
	gk_code rc = request ? call(ctx, "agent-abort", name, request, NULL, &answer, err)
			     : gk_error_no_memory(err);

	if (rc == GK_OK)
		*previous_ret = gk_snapshot_status(answer);
	return rc;
}

/* --- a stream of turns --- */

struct gk_agent_stream {
	unsigned refs; /* the caller's and the errand's */
	gk_action *action;
	json_t *init, *context;
	gk_channel *inputs, *chunks;
	gk_errand *errand;
	json_t *output;
	gk_error err;
};

static void stream_unref(gk_agent_stream *it)
{
	if (--it->refs)
		return;
	gk_action_unref(it->action);
	gk_channel_unref(it->inputs);
	gk_channel_unref(it->chunks);
	gk_errand_unref(it->errand);
	gk_error_clear(&it->err);
	json_decref(it->init);
	json_decref(it->context);
	json_decref(it->output);
	free(it);
}

static void item_free(void *item)
{
	json_decref(item);
}

static gk_code pass_on(gk_ctx *ctx, json_t *chunk, void *user, gk_error *err)
{
	const gk_agent_stream *it = user;

	(void)ctx;
	return gk_channel_send(it->chunks, json_incref(chunk), err);
}

static void run_stream(gk_ctx *ctx, void *user)
{
	gk_agent_stream *it = user;

	gk_ctx_set_session(ctx, NULL);
	it->err.code = gk_call_action(&(gk_call){ .action = it->action,
					      .parent = ctx,
					      .init = it->init,
					      .context = it->context,
					      .input_stream = it->inputs,
					      .on_chunk = pass_on,
					      .chunk_user = it },
		&it->output, &it->err);
	gk_channel_close(it->inputs, NULL);
	gk_channel_close(it->chunks, NULL);
	stream_unref(it);
}

gk_code gk_agent_stream_open(gk_ctx *ctx, const char *name, const gk_call_opts *opts,
	gk_agent_stream **ret, gk_error *err)
{
	gk_agent_stream *it = calloc(1, sizeof(*it));
	gk_code rc = it ? find(ctx, "agent", name, &it->action, err) : gk_error_no_memory(err);

	if (rc != GK_OK) {
		free(it);
		return rc;
	}
	it->refs = 1;
	it->init = opts ? json_incref(opts->init) : NULL;
	it->context = opts ? json_incref(opts->context) : NULL;
	it->inputs = gk_channel_new(GK_MAX_INPUT_CHUNKS, item_free);
	it->chunks = gk_channel_new(GK_MAX_AGENT_CHUNKS, item_free);
	rc = it->inputs && it->chunks ? gk_errand_start(ctx, name, run_stream, it, &it->errand, err)
				      : gk_error_no_memory(err);
	if (rc == GK_OK) {
		it->refs++;
		*ret = it;
	} else {
		stream_unref(it);
	}
	return rc;
}

gk_code gk_agent_stream_send(gk_agent_stream *it, json_t *input, gk_error *err)
{
	if (!input)
		return gk_error_no_memory(err);
	return gk_channel_send(it->inputs, json_incref(input), err);
}

void gk_agent_stream_end(gk_agent_stream *it)
{
	gk_channel_close(it->inputs, NULL);
}

gk_code gk_agent_stream_next(gk_agent_stream *it, json_t **ret, gk_error *err)
{
	void *item = NULL;
	gk_code rc = gk_channel_receive(it->chunks, &item, err);

	if (rc == GK_OK)
		*ret = item;
	return rc;
}

gk_code gk_agent_stream_output(gk_agent_stream *it, json_t **ret, gk_error *err)
{
	json_t *chunk;
	gk_code rc;

	gk_agent_stream_end(it);
	do {
		chunk = NULL;
		rc = gk_agent_stream_next(it, &chunk, err);
		json_decref(chunk);
	} while (rc == GK_OK && chunk);
	if (rc != GK_OK)
		return rc;
	if (it->err.code != GK_OK)
		return gk_error_copy(err, &it->err);
	*ret = json_incref(it->output);
	return GK_OK;
}

gk_agent_stream *gk_agent_stream_close(gk_agent_stream *it)
{
	if (!it)
		return NULL;
	gk_errand_cancel(it->errand, GK_CANCELLED);
	gk_errand_join(it->errand);
	stream_unref(it);
	return NULL;
}
