/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* What a turn streams: chunks of the model and the answers of tools, numbered by messages (generate section 3.7). */
#include "ai/generation.h"

#include "json/edit.h"

/* Another role begins another message, when this turn has streamed anything before. */
static void begin_chunk(gk_turn_run *turn, bool is_tool)
{
	if (is_tool != turn->last_was_tool && turn->has_chunks)
		turn->message_index++;
	turn->last_was_tool = is_tool;
	turn->has_chunks = true;
}

struct gk_progress {
	gk_format_turn *streamed;
	json_t *chunk;
};

static gk_code emit(gk_turn_run *turn, json_t *chunk_take, gk_error *err)
{
	gk_auto_json json_t *chunk = chunk_take;
	gk_generation *generation = turn->generation;
	gk_progress progress = { &turn->streamed, chunk };
	gk_code rc = chunk ? GK_OK : gk_error_no_memory(err);

	if (rc == GK_OK && generation->on_chunk)
		rc = generation->on_chunk(generation->caller, chunk, generation->chunk_user, err);
	if (rc != GK_OK || !generation->on_progress)
		return rc;
	rc = gk_format_turn_add(&turn->streamed, chunk, err);
	return rc == GK_OK ? generation->on_progress(
				     generation->caller, &progress, generation->chunk_user, err)
			   : rc;
}

json_t *gk_progress_chunk(const gk_progress *progress)
{
	return progress->chunk;
}

const char *gk_progress_text(const gk_progress *progress)
{
	return progress->streamed->text.data + progress->streamed->before;
}

const char *gk_progress_text_so_far(const gk_progress *progress)
{
	return progress->streamed->text.data;
}

gk_code gk_progress_output(gk_progress *progress, json_t **ret, gk_error *err)
{
	return gk_format_turn_output(progress->streamed, ret, err);
}

/* {role, index, content, custom?} */
static json_t *chunk_of(const char *role, int index, json_t *content, json_t *custom)
{
	gk_auto_json json_t *chunk = json_object();
	gk_auto_json json_t *nothing = content ? NULL : json_array();

	if (!gk_json_set_str(chunk, "role", role) || !gk_json_set_int(chunk, "index", index) ||
		!gk_json_set(chunk, "content", content ? content : nothing) ||
		(custom && !gk_json_set(chunk, "custom", custom)))
		return NULL;
	return gk_steal(chunk);
}

gk_code gk_turn_model_chunk(gk_ctx *ctx, json_t *chunk, void *user, gk_error *err)
{
	gk_turn_run *turn = user;

	(void)ctx;
	if (!turn->generation->is_streaming)
		return GK_OK;
	begin_chunk(turn, false);
	return emit(turn,
		chunk_of("model", turn->message_index, gk_json_peek(chunk, "content"),
			gk_json_peek(chunk, "custom")),
		err);
}

gk_code gk_turn_raw_chunk(gk_ctx *ctx, json_t *chunk, void *user, gk_error *err)
{
	gk_turn_run *turn = user;
	const char *role = json_string_value(gk_json_peek(chunk, "role"));
	json_t *index = gk_json_peek(chunk, "index");

	(void)ctx;
	if (!turn->generation->is_streaming)
		return GK_OK;
	turn->has_chunks = true;
	return emit(turn,
		chunk_of(role ? role : "model",
			json_is_integer(index) ? (int)json_integer_value(index)
					       : turn->message_index,
			gk_json_peek(chunk, "content"), gk_json_peek(chunk, "custom")),
		err);
}

gk_code gk_turn_tool_chunk(gk_turn_run *turn, json_t *message, gk_error *err)
{
	if (!turn->generation->is_streaming || !message)
		return GK_OK;
	begin_chunk(turn, true);
	return emit(turn,
		chunk_of("tool", turn->message_index, gk_json_peek(message, "content"), NULL), err);
}
