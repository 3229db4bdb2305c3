/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Ops of messages. */
#include "core.h"

#include "ai/format.h"

static void message_parse_data(conformance *run, const char *name, json_t *one)
{
	gk_auto_error gk_error err = { 0 };
	gk_auto_json json_t *got = NULL;
	gk_code rc = gk_message_from(json_object_get(one, "input"), &got, &err);

	core_expect(run, name, rc, got, &err, one);
}

static void message_accessors(conformance *run, const char *name, json_t *one)
{
	json_t *message = json_object_get(one, "input");
	gk_auto_str char *text = gk_message_text(message),
			 *reasoning = gk_message_reasoning(message);
	gk_auto_json json_t *output = NULL, *got = NULL;
	gk_auto_error gk_error err = { 0 };
	gk_code rc = gk_message_output(message, &output, &err);

	got = json_pack("{s:s, s:s, s:O*, s:O*, s:o, s:o, s:O*}", "text", text, "reasoning",
		reasoning, "media", gk_message_media_peek(message), "data",
		gk_message_data_peek(message), "toolRequests", gk_message_tool_requests(message),
		"interrupts", gk_message_interrupts(message), "output", output);
	core_expect(run, name, rc, got, &err, one);
}

static void chunk_accessors(conformance *run, const char *name, json_t *one)
{
	json_t *texts = gk_json_at_peek(one, "input.previous"), *text;
	gk_auto_json json_t *all = json_copy(texts), *got = NULL;
	gk_auto_error gk_error err = { 0 };
	gk_format_turn turn;
	gk_code rc = GK_OK;
	size_t i;

	json_array_append(all, gk_json_at_peek(one, "input.text"));
	gk_format_turn_init(&turn, NULL, NULL);
	json_array_foreach (all, i, text) {
		gk_auto_json json_t *chunk = json_pack("{s:[{s:O}]}", "content", "text", text);

		if (rc == GK_OK)
			rc = gk_format_turn_add(&turn, chunk, &err);
	}
	if (rc == GK_OK)
		got = json_pack("{s:s%, s:s}", "previousText", turn.text.data, turn.before,
			"accumulatedText", turn.text.data);
	core_expect(run, name, rc, got, &err, one);
	gk_format_turn_done(&turn);
}

const core_op core_message_ops[] = {
	{ .op = "chunkAccessors", .run = chunk_accessors },
	{ .op = "messageAccessors", .run = message_accessors },
	{ .op = "messageParseData", .run = message_parse_data },
	{ 0 },
};
