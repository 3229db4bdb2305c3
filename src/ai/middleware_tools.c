/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "ai/middleware_tools.h"

#include "ai/request.h"
#include "base/str.h"

gk_code gk_tool_offer(
	gk_ctx *ctx, const gk_tool_opts *opts, unsigned *refs, gk_tool_list *tools, gk_error *err)
{
	gk_action *tool = NULL;
	gk_code rc = gk_tool_new(gk_ctx_app(ctx), opts, &tool, err);

	if (rc != GK_OK)
		return rc;
	if (refs)
		(*refs)++;
	if (!gk_tool_list_add(tools, tool))
		rc = gk_error_no_memory(err);
	gk_action_unref(tool);
	return rc;
}

gk_code gk_next_turn_with(gk_ctx *ctx, const gk_turn *turn, gk_next *next, json_t *messages_take,
	json_t **ret, gk_error *err)
{
	gk_auto_json json_t *request = NULL;
	gk_turn own = *turn;

	if (messages_take)
		request = gk_json_object_with(turn->request, "messages", messages_take);
	if (!request)
		return gk_error_no_memory(err);
	own.request = request;
	return gk_next_turn(ctx, next, &own, ret, err);
}

json_t *gk_marked_part(gk_buf *text, const char *mark)
{
	json_t *part = NULL;

	if (!gk_buf_failed(text))
		part = json_pack("{s:o, s:{s:b}}", "text",
			json_stringn(text->data, gk_str_valid_utf8(text->data, text->len)),
			"metadata", mark, 1);
	gk_buf_done(text);
	return part;
}
