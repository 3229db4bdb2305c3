/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Ops of output formats. */
#include "core_app.h"

#include "ai/format.h"

static void format_config(conformance *run, const char *name, json_t *one)
{
	gk_auto_error gk_error err = { 0 };
	gk_auto_json json_t *got = NULL;
	core_app it;
	gk_code rc;

	core_app_start(&it);
	rc = gk_format_config(it.app, gk_json_str_peek(one, "input.format"), &got, &err);
	core_expect(run, name, rc, got, &err, one);
	core_app_stop(&it);
}

static void parse_message(conformance *run, const char *name, json_t *one)
{
	gk_auto_json json_t *message =
		gk_message_of_text("model", gk_json_str_peek(one, "input.text"));
	gk_auto_error gk_error err = { 0 };
	gk_auto_json json_t *got = NULL;
	core_app it;
	gk_code rc;

	core_app_start(&it);
	rc = gk_format_parse_message(it.app, gk_json_str_peek(one, "input.format"),
		gk_json_at_peek(one, "input.schema"), message, &got, &err);
	if (rc == GK_OK && !got)
		got = json_null(); /* what JavaScript gives for nothing */
	core_expect(run, name, rc, got, &err, one);
	core_app_stop(&it);
}

/* What the format itself makes of each chunk. */
static gk_code read_chunks(gk_output_format *format, json_t *input, json_t *outputs, gk_error *err)
{
	gk_format_turn turn;
	gk_code rc = GK_OK;
	json_t *text;
	size_t i;

	gk_format_turn_init(&turn, format, json_object_get(input, "schema"));
	json_array_foreach (json_object_get(input, "chunks"), i, text) {
		gk_auto_json json_t *chunk = json_pack("{s:[{s:O}]}", "content", "text", text);
		gk_auto_json json_t *output = NULL;

		rc = gk_format_turn_add(&turn, chunk, err);
		if (rc == GK_OK)
			rc = gk_format_turn_output(&turn, &output, err);
		if (rc != GK_OK)
			break;
		json_array_append(outputs, turn.parsed ? turn.parsed : json_null());
	}
	gk_format_turn_done(&turn);
	return rc;
}

static void parse_chunks(conformance *run, const char *name, json_t *one)
{
	gk_auto_json json_t *got = json_pack("{s:[]}", "outputs");
	gk_auto_error gk_error err = { 0 };
	gk_output_format *format = NULL;
	core_app it;
	gk_code rc;

	core_app_start(&it);
	rc = gk_format_lookup(it.app, gk_json_str_peek(one, "input.format"), &format, &err);
	if (rc == GK_OK)
		rc = read_chunks(format, json_object_get(one, "input"),
			json_object_get(got, "outputs"), &err);
	core_expect(run, name, rc, got, &err, one);
	gk_format_unref(format);
	core_app_stop(&it);
}

static void format_instructions(conformance *run, const char *name, json_t *one)
{
	gk_auto_error gk_error err = { 0 };
	gk_auto_json json_t *got = NULL;
	gk_auto_str char *text = NULL;
	core_app it;
	gk_code rc;

	core_app_start(&it);
	rc = gk_format_instructions(it.app, gk_json_str_peek(one, "input.format"),
		gk_json_at_peek(one, "input.schema"), &text, &err);
	if (text)
		got = json_string(text);
	core_expect(run, name, rc, got, &err, one);
	core_app_stop(&it);
}

static void inject_instructions(conformance *run, const char *name, json_t *one)
{
	gk_auto_error gk_error err = { 0 };
	gk_auto_json json_t *got = NULL;
	gk_code rc = gk_format_inject(gk_json_at_peek(one, "input.messages"),
		gk_json_str_peek(one, "input.instructions"), &got, &err);

	core_expect(run, name, rc, got, &err, one);
}

const core_op core_format_ops[] = {
	{ .op = "formatConfig", .run = format_config },
	{ .op = "formatInstructions", .run = format_instructions },
	{ .op = "injectInstructions", .run = inject_instructions },
	{ .op = "parseChunks", .run = parse_chunks },
	{ .op = "parseMessage", .run = parse_message },
	{ 0 },
};
