/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* The tool requests of a turn: run at once, answered in their order (tools section 5). */
#include "ai/generation.h"

#include "ai/request.h"
#include "base/limits.h"
#include "base/str.h"
#include "json/edit.h"

#include <genkit/tool.h>

/* --- one tool, with the tool hooks around it --- */

typedef struct tool_link {
	gk_next next;
	gk_turn_run *turn;
	size_t index; /* of the hook that comes next */
} tool_link;

static bool copy_member(json_t *to, const char *key, json_t *from)
{
	json_t *value = gk_json_peek(from, key);

	return !value || gk_json_set(to, key, value);
}

/* {toolResponse: {name, ref?, output?, content?}, metadata?}: a multipart tool gives the last three itself. */
static json_t *response_part(json_t *request, json_t *output, bool is_multipart)
{
	gk_auto_json json_t *response = json_object(), *part = json_object();

	if (!copy_member(response, "name", request) || !copy_member(response, "ref", request))
		return NULL;
	if (is_multipart ? !copy_member(response, "output", output) ||
				   !copy_member(response, "content", output)
			 : output && !gk_json_set(response, "output", output))
		return NULL;
	if (!gk_json_set(part, "toolResponse", response) ||
		(is_multipart && !copy_member(part, "metadata", output)))
		return NULL;
	return gk_steal(part);
}

static gk_code call_tool(
	gk_ctx *ctx, const tool_link *link, json_t *part, json_t **ret, gk_error *err)
{
	json_t *request = gk_json_peek(part, "toolRequest");
	const char *name = json_string_value(gk_json_peek(request, "name"));
	gk_action *tool = name ? gk_toolset_get_peek(&link->turn->generation->tools, name) : NULL;
	gk_auto_json json_t *output = NULL;
	gk_code rc;

	if (!tool)
		return gk_error_set(
			err, GK_NOT_FOUND, "Tool %s not found", name ? name : "undefined");
	rc = gk_call_action(&(gk_call){ .action = tool,
				    .parent = ctx,
				    .input = gk_json_peek(request, "input"),
				    .request_metadata = gk_json_peek(part, "metadata") },
		&output, err);
	if (rc != GK_OK)
		return rc;
	*ret = response_part(request, output, strcmp(gk_action_type(tool), "tool.v2") == 0);
	return *ret ? GK_OK : gk_error_no_memory(err);
}

typedef struct hook_call {
	const gk_hook *hook;
	tool_link link;
} hook_call;

static gk_code run_hook(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	hook_call *call = gk_ctx_user(ctx);

	return call->hook->of->opts.tool(ctx, input, &call->link.next, call->hook->state, ret, err);
}

static gk_code run_link(gk_ctx *ctx, gk_next *next, json_t *input, json_t **ret, gk_error *err)
{
	const tool_link *link = (const tool_link *)next;
	const gk_hooks *hooks = &link->turn->generation->hooks;
	hook_call call = { .link = *link };

	while (call.link.index < hooks->count &&
		!(hooks->items[call.link.index].of && hooks->items[call.link.index].of->opts.tool))
		call.link.index++;
	if (call.link.index == hooks->count)
		return call_tool(ctx, link, input, ret, err);
	call.hook = &hooks->items[call.link.index++];
	call.link.next.input = input;
	return gk_run_part(ctx,
		GK_OPTS(gk_part_opts, .input = input, .is_quiet = true, .user = &call), run_hook,
		ret, err);
}

/* --- all of a turn --- */

static gk_code run_job(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	gk_tool_job *job = gk_ctx_user(ctx);
	tool_link first = { .next.run = run_link, .turn = job->turn };
	gk_code rc = run_link(ctx, &first.next, input, &job->response, err);

	(void)ret;
	if (rc == GK_OK || !gk_error_is_interrupt(err))
		return rc;
	job->interrupt = err->details ? json_incref(err->details) : json_true();
	gk_error_clear(err);
	return GK_OK;
}

/* Nothing runs when one of them is not offered. */
static gk_code check_names(gk_turn_run *turn, const gk_tool_job *jobs, size_t count, gk_error *err)
{
	for (size_t i = 0; i < count; i++) {
		json_t *request = gk_json_peek(jobs[i].part, "toolRequest");
		const char *name = json_string_value(gk_json_peek(request, "name"));

		if (name && gk_toolset_get_peek(&turn->generation->tools, name))
			continue;
		gk_error_set(err, GK_NOT_FOUND, "Tool %s not found", name ? name : "undefined");
		return gk_error_details_take(err, json_pack("{s:O}", "request", turn->request));
	}
	return GK_OK;
}

gk_code gk_turn_run_tools(
	gk_ctx *ctx, gk_turn_run *turn, gk_tool_job *jobs, size_t count, gk_error *err)
{
	gk_parallel *items;
	gk_code rc = GK_OK;

	if (!count)
		return GK_OK;
	if (!turn->generation->hooks.has_tool) /* a hook may answer for any name */
		rc = check_names(turn, jobs, count, err);
	if (rc != GK_OK)
		return rc;
	items = calloc(count, sizeof(*items));
	if (!items)
		return gk_error_no_memory(err);
	for (size_t i = 0; i < count; i++)
		items[i] = (gk_parallel){ .fn = run_job, .user = &jobs[i], .input = jobs[i].part };
	rc = gk_run_together(ctx, items, count, err);
	for (size_t i = 0; i < count; i++)
		gk_error_clear(&items[i].err);
	free(items);
	return rc;
}

/* --- what it makes of a message --- */

void gk_tool_jobs_free(gk_tool_job *jobs, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		json_decref(jobs[i].response);
		json_decref(jobs[i].interrupt);
	}
	free(jobs);
}

gk_code gk_tool_jobs_new(
	gk_turn_run *turn, json_t *message, gk_tool_job **ret, size_t *count_ret, gk_error *err)
{
	json_t *content = gk_json_peek(message, "content"), *part;
	gk_tool_job *jobs;
	size_t count = 0, i;

	json_array_foreach (content, i, part)
		count += gk_json_peek(part, "toolRequest") != NULL;
	*count_ret = 0;
	*ret = NULL;
	if (!count)
		return GK_OK;
	if (count > GK_MAX_TOOL_CALLS)
		return gk_error_set(err, GK_RESOURCE_EXHAUSTED,
			"%zu tool requests in one message, at most %d are possible", count,
			GK_MAX_TOOL_CALLS);
	jobs = calloc(count, sizeof(*jobs));
	if (!jobs)
		return gk_error_no_memory(err);
	json_array_foreach (content, i, part)
		if (gk_json_peek(part, "toolRequest"))
			jobs[(*count_ret)++] = (gk_tool_job){ .turn = turn, .part = part };
	*ret = jobs;
	return GK_OK;
}

gk_code gk_tool_message(
	const gk_tool_job *jobs, size_t count, json_t *metadata, json_t **ret, gk_error *err)
{
	gk_auto_json json_t *content = json_array(), *message = json_object();
	bool ok = content != NULL;

	for (size_t i = 0; ok && i < count; i++)
		ok = !jobs[i].response || gk_json_push_take(content, json_incref(jobs[i].response));
	if (ok && !json_array_size(content))
		return GK_OK;
	if (!ok || !gk_json_set_str(message, "role", "tool") ||
		!gk_json_set(message, "content", content) ||
		(metadata && !gk_json_set(message, "metadata", metadata)))
		return gk_error_no_memory(err);
	*ret = gk_steal(message);
	return GK_OK;
}

/* The part with one member more in its metadata. */
static json_t *part_marked(json_t *part, const char *key, json_t *value)
{
	gk_auto_json json_t *metadata = gk_json_merge(gk_json_peek(part, "metadata"), NULL);

	if (!gk_json_set(metadata, key, value))
		return NULL;
	return gk_json_object_with(part, "metadata", gk_steal(metadata));
}

static json_t *mark(const gk_tool_job *job)
{
	json_t *output;

	if (job->interrupt)
		return part_marked(job->part, "interrupt", job->interrupt);
	output = gk_json_peek(gk_json_peek(job->response, "toolResponse"), "output");
	return output ? part_marked(job->part, "pendingOutput", output) : json_incref(job->part);
}

gk_code gk_interrupted_message(
	json_t *message, const gk_tool_job *jobs, size_t count, json_t **ret, gk_error *err)
{
	json_t *content = gk_json_peek(message, "content"), *part;
	gk_auto_json json_t *changed = json_array();
	size_t i, at = 0;

	json_array_foreach (content, i, part) {
		bool is_job = at < count && jobs[at].part == part;

		if (!gk_json_push_take(changed, is_job ? mark(&jobs[at]) : json_incref(part)))
			return gk_error_no_memory(err);
		at += is_job;
	}
	*ret = gk_json_object_with(message, "content", gk_steal(changed));
	return *ret ? GK_OK : gk_error_no_memory(err);
}
