/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* toolApproval: tools that are not on a list wait for a person (generate section 5.6). */
#include "ai/middleware_builtin.h"

#include "base/str.h"
#include "core/define.h"
#include "json/edit.h"

#include <genkit/tool.h>

static gk_code open_approval(gk_ctx *ctx, json_t *config, void *user, gk_tool_list *tools,
	void **state_ret, gk_error *err)
{
	(void)ctx, (void)user, (void)tools, (void)err;
	*state_ret = json_incref(json_object_get(config, "approved"));
	return GK_OK;
}

static void close_approval(void *state)
{
	json_decref(state);
}

static bool is_approved(json_t *approved, json_t *part)
{
	const char *tool = gk_json_str_peek(part, "toolRequest.name");
	json_t *name;
	size_t i;

	if (gk_json_bool_at(part, "metadata.resumed.toolApproved", false))
		return true;
	json_array_foreach (approved, i, name)
		if (gk_str_equal(json_string_value(name), tool))
			return true;
	return false;
}

static gk_code stop(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	const char *tool = gk_ctx_user(ctx);

	(void)input, (void)ret;
	return gk_interrupt(ctx,
		json_pack("{s:o}", "message", json_sprintf("Tool not in approved list: %s", tool)),
		err);
}

static gk_code approve(
	gk_ctx *ctx, json_t *part, gk_next *next, void *state, json_t **ret, gk_error *err)
{
	const char *tool = gk_json_str_peek(part, "toolRequest.name");

	if (is_approved(state, part))
		return gk_next_run(ctx, next, part, ret, err);
	return gk_run_step(ctx, tool ? tool : "tool", stop, (void *)(tool ? tool : "undefined"),
		json_object_get(json_object_get(part, "toolRequest"), "input"), NULL, err);
}

const gk_middleware_opts gk_middleware_approval = {
	.size = sizeof(gk_middleware_opts),
	.name = "toolApproval",
	.description = "Interrupts tools that are not in the list of approved ones.",
	.config = "{\"type\":\"object\",\"properties\":{\"approved\":{\"type\":\"array\","
		  "\"items\":{\"type\":\"string\"}}}}",
	.open = open_approval,
	.close = close_approval,
	.tool = approve,
};
