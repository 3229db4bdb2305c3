/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Ops of tools. */
#include "core_app.h"

#include "core/refs.h"

static gk_code give_one(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	(void)ctx, (void)input, (void)err;
	*ret = json_integer(1);
	return GK_OK;
}

/* The tools of every case: v1, v2 (multipart) and it (an interrupt). */
static void start_with_tools(core_app *it)
{
	gk_auto_json json_t *metadata =
		json_pack("{s:s, s:{s:s}}", "custom", "value", "tool", "existing", "prop");

	core_app_start(it);
	core_app_must(
		gk_define_tool(it->app,
			GK_OPTS(gk_tool_opts, .name = "v1", .description = "d", .run = give_one),
			NULL),
		"v1");
	core_app_must(gk_define_tool(it->app,
			      GK_OPTS(gk_tool_opts, .name = "v2", .description = "d",
				      .is_multipart = true, .run = give_one),
			      NULL),
		"v2");
	core_app_must(gk_define_tool(it->app,
			      GK_OPTS(gk_tool_opts, .name = "it", .description = "d",
				      .metadata = metadata),
			      NULL),
		"it");
}

static void action_metadata(conformance *run, const char *name, json_t *one)
{
	const char *key = gk_json_str_peek(one, "input.key");
	gk_auto_json json_t *got = NULL;
	gk_action *action;
	core_app it;

	start_with_tools(&it);
	action = gk_app_find_action_peek(it.app, key);
	got = action ? json_pack("{s:s, s:s, s:O}", "actionType", gk_action_type(action), "key",
			       gk_action_key(action), "metadata", gk_action_metadata_peek(action))
		     : json_null();
	conformance_expect(run, name, got, json_object_get(one, "expect"));
	core_app_stop(&it);
}

static void call_tool(conformance *run, const char *name, json_t *one)
{
	gk_auto_json json_t *got = NULL;
	gk_auto_error gk_error err = { 0 };
	core_app it;
	gk_code rc;

	start_with_tools(&it);
	rc = core_app_run_key(&it, gk_json_str_peek(one, "input.key"), NULL, &got, &err);
	core_expect(run, name, rc, got, &err, one);
	core_app_stop(&it);
}

static void tool_definition(conformance *run, const char *name, json_t *one)
{
	gk_auto_json json_t *got = NULL;
	gk_action *tool = NULL;
	core_app it;

	core_app_start(&it);
	core_app_must(gk_tool_new(it.app,
			      GK_OPTS(gk_tool_opts, .name = gk_json_str_peek(one, "input.name"),
				      .description = gk_json_str_peek(one, "input.description"),
				      .run = give_one),
			      &tool, NULL),
		"tool");
	got = gk_tool_definition(tool);
	conformance_expect(run, name, got, json_object_get(one, "expect"));
	gk_action_unref(tool);
	core_app_stop(&it);
}

static void assert_valid_tool_names(conformance *run, const char *name, json_t *one)
{
	json_t *tools = gk_json_at_peek(one, "input.tools"), *tool;
	gk_auto_json json_t *got = json_string("ok");
	gk_auto_error gk_error err = { 0 };
	const char *names[8];
	size_t i;
	gk_code rc;

	json_array_foreach (tools, i, tool)
		names[i] = json_string_value(tool);
	rc = gk_tool_check_names(names, json_array_size(tools), &err);
	core_expect(run, name, rc, got, &err, one);
}

static void respond_tool(conformance *run, const char *name, json_t *one)
{
	json_t *input = json_object_get(one, "input");
	gk_auto_json json_t *got = gk_tool_respond(json_object_get(input, "interrupt"),
		json_object_get(input, "output"), json_object_get(input, "metadata"));

	conformance_expect(run, name, got, json_object_get(one, "expect"));
}

static void restart_tool(conformance *run, const char *name, json_t *one)
{
	json_t *input = json_object_get(one, "input");
	gk_auto_json json_t *got = gk_tool_restart(json_object_get(input, "interrupt"),
		json_object_get(input, "resumed"), json_object_get(input, "replaceInput"));

	conformance_expect(run, name, got, json_object_get(one, "expect"));
}

const core_op core_tool_ops[] = {
	{ .op = "actionMetadata", .file = "core/tools.yaml", .run = action_metadata },
	{ .op = "assertValidToolNames", .run = assert_valid_tool_names },
	{ .op = "callTool", .run = call_tool },
	{ .op = "respondTool", .run = respond_tool },
	{ .op = "restartTool", .run = restart_tool },
	{ .op = "toolDefinition", .run = tool_definition },
	{ 0 },
};
