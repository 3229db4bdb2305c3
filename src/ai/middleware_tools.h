/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* What middleware that offers tools and tells the model of something shares. */
#ifndef GK_AI_MIDDLEWARE_TOOLS_H
#define GK_AI_MIDDLEWARE_TOOLS_H

#include "base/buf.h"

#include <genkit/middleware.h>
#include <genkit/tool.h>

/** Makes a tool of one call and adds it. When its user is the middleware's state, that has one more reference then, in `refs`
 * (NULL: it is not counted), which opts->free_user gives back. */
GK_MUST_USE gk_code gk_tool_offer(
	gk_ctx *ctx, const gk_tool_opts *opts, unsigned *refs, gk_tool_list *tools, gk_error *err);
/** Goes on with a turn whose messages are others (consumed; NULL: memory ran out). */
GK_MUST_USE GK_SUSPENDS gk_code gk_next_turn_with(gk_ctx *ctx, const gk_turn *turn, gk_next *next,
	json_t *messages_take, json_t **ret, gk_error *err);
/** A part {text, metadata: {mark: true}} that says what is in `text`, which is done with. NULL when memory ran out. */
json_t *gk_marked_part(gk_buf *text, const char *mark);

#endif
