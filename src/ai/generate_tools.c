/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Which tools a request offers: its own, by name or key, and those of middleware (tools section 3). */
#include "ai/generation.h"

#include "base/limits.h"
#include "base/str.h"
#include "core/refs.h"
#include "json/edit.h"

void gk_toolset_done(gk_toolset *tools)
{
	for (size_t i = 0; i < tools->count; i++)
		gk_action_unref(tools->actions[i]);
	free(tools->actions);
	json_decref(tools->source);
	json_decref(tools->definitions);
	*tools = (gk_toolset){ 0 };
}

gk_action *gk_toolset_get_peek(const gk_toolset *tools, const char *name)
{
	for (size_t i = 0; i < tools->count; i++)
		if (strcmp(gk_tool_short_name(gk_action_name(tools->actions[i])), name) == 0)
			return tools->actions[i];
	return NULL;
}

gk_action *gk_generation_extra_peek(const gk_generation *generation, const char *key)
{
	for (gk_action *const *it = generation->extras; it && *it; it++)
		if (strcmp(gk_action_key(*it), key) == 0)
			return *it;
	return NULL;
}

/* A name, a key, or a ToolDefinition. */
static gk_code find_one(
	gk_ctx *ctx, const gk_generation *generation, json_t *item, gk_action **ret, gk_error *err)
{
	const char *name = json_string_value(item);
	gk_action *extra;

	if (!name)
		name = gk_json_str_peek(item, "metadata.originalName");
	if (!name)
		name = json_string_value(gk_json_peek(item, "name"));
	if (!name)
		return gk_error_set_plain(
			err, "Tools must be strings, tool definitions, or actions.");
	extra = gk_generation_extra_peek(generation, name);
	if (!extra)
		return gk_ref_resolve(ctx, GK_REF_TOOL, name, ret, err);
	*ret = gk_action_ref(extra);
	return GK_OK;
}

gk_code gk_toolset_check_names(const gk_toolset *tools, gk_error *err)
{
	const char **names;
	gk_code rc;

	if (tools->count < 2)
		return GK_OK;
	names = malloc(tools->count * sizeof(*names));
	if (!names)
		return gk_error_no_memory(err);
	for (size_t i = 0; i < tools->count; i++)
		names[i] = gk_action_name(tools->actions[i]);
	rc = gk_tool_check_names(names, tools->count, err);
	free(names);
	return rc;
}

static gk_code fill(gk_ctx *ctx, const gk_generation *generation, json_t *source, gk_toolset *tools,
	gk_error *err)
{
	const gk_tool_list *more = &generation->hooks.tools;
	size_t count = json_array_size(source) + more->count, i;
	json_t *item;
	gk_code rc = GK_OK;

	if (count > GK_MAX_TOOLS)
		return gk_error_set(err, GK_RESOURCE_EXHAUSTED,
			"%zu tools in one request, at most %d are possible", count, GK_MAX_TOOLS);
	tools->source = json_incref(source);
	tools->definitions = json_array();
	tools->actions = calloc(count ? count : 1, sizeof(*tools->actions));
	if (!tools->definitions || !tools->actions)
		return gk_error_no_memory(err);
	json_array_foreach (source, i, item) {
		rc = find_one(ctx, generation, item, &tools->actions[tools->count], err);
		if (rc != GK_OK)
			return rc;
		tools->count++;
	}
	for (i = 0; i < more->count; i++)
		tools->actions[tools->count++] = gk_action_ref(more->items[i]);
	for (i = 0; i < tools->count; i++)
		if (!gk_json_push_take(tools->definitions, gk_tool_definition(tools->actions[i])))
			return gk_error_no_memory(err);
	return rc;
}

gk_code gk_turn_find_tools(gk_ctx *ctx, gk_turn_run *turn, gk_error *err)
{
	gk_generation *generation = turn->generation;
	json_t *source = gk_json_peek(turn->request, "tools");
	gk_toolset tools = { 0 };
	gk_code rc;

	if (generation->tools.definitions && generation->tools.source == source)
		return GK_OK;
	rc = fill(ctx, generation, source, &tools, err);
	if (rc == GK_OK) {
		gk_toolset_done(&generation->tools);
		generation->tools = tools;
	} else {
		gk_toolset_done(&tools);
	}
	return rc;
}
