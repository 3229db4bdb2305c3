/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Going on after interrupts: replies and restarts for the tool requests of the last message (tools section 6). */
#include "ai/generation.h"

#include "ai/request.h"
#include "base/str.h"
#include "json/edit.h"

/* An absent ref and an empty one are the same. */
static const char *ref_of(json_t *request)
{
	const char *ref = json_string_value(gk_json_peek(request, "ref"));

	return ref ? ref : "";
}

/* The first entry of a list that is for this request; `kind` is toolRequest or toolResponse. NULL: none. */
static json_t *entry_for(json_t *list, const char *kind, json_t *request)
{
	const char *name = json_string_value(gk_json_peek(request, "name"));
	json_t *entry;
	size_t i;

	json_array_foreach (list, i, entry) {
		json_t *other = gk_json_peek(entry, kind);

		if (gk_str_equal(name, json_string_value(gk_json_peek(other, "name"))) &&
			strcmp(ref_of(request), ref_of(other)) == 0)
			return entry;
	}
	return NULL;
}

/* A tool that had finished while another interrupted. {toolResponse: {name, ref?, output}, metadata} */
static json_t *pending_response(json_t *part, json_t *metadata, json_t *output)
{
	json_t *request = gk_json_peek(part, "toolRequest");
	json_t *ref = gk_json_peek(request, "ref");
	gk_auto_json json_t *response = json_object(), *own = NULL, *answer = json_object();

	own = gk_json_copy(metadata);
	if (!own || json_object_del(own, "pendingOutput") < 0 ||
		!gk_json_set_str(own, "source", "pending") ||
		!gk_json_set(response, "name", gk_json_peek(request, "name")) ||
		(ref && !gk_json_set(response, "ref", ref)) ||
		!gk_json_set(response, "output", output) ||
		!gk_json_set(answer, "toolResponse", response) ||
		!gk_json_set(answer, "metadata", own))
		return NULL;
	return gk_steal(answer);
}

static gk_code unresolved(json_t *request, gk_error *err)
{
	const char *name = json_string_value(gk_json_peek(request, "name"));
	const char *ref = ref_of(request);

	return gk_error_set(err, GK_INVALID_ARGUMENT,
		"Unresolved tool request '%s%s%s' was not handled by the 'resume' argument. You must "
		"supply replies or restarts for all interrupted tool requests.'",
		name ? name : "undefined", *ref ? "#" : "", ref);
}

/* Fills in `response` for what needs no running, and puts what is to be run again in the place of `part`. */
static gk_code sort_out(gk_tool_job *job, json_t *resume, bool *restarts_ret, gk_error *err)
{
	json_t *request = gk_json_peek(job->part, "toolRequest"), *entry;
	json_t *metadata = gk_json_peek(job->part, "metadata");
	json_t *pending = gk_json_peek(metadata, "pendingOutput");

	*restarts_ret = false;
	if (pending) {
		job->response = pending_response(job->part, metadata, pending);
		return job->response ? GK_OK : gk_error_no_memory(err);
	}
	entry = entry_for(gk_json_peek(resume, "respond"), "toolResponse", request);
	if (entry) {
		job->response = json_incref(entry);
		return GK_OK;
	}
	entry = entry_for(gk_json_peek(resume, "restart"), "toolRequest", request);
	if (!entry)
		return unresolved(request, err);
	job->part = entry;
	*restarts_ret = true;
	return GK_OK;
}

/* Those that are restarted, at once. */
static gk_code restart(gk_ctx *ctx, gk_turn_run *turn, gk_tool_job *jobs, const bool *restarts,
	size_t count, json_t *message, gk_error *err)
{
	gk_tool_job *again = calloc(count, sizeof(*again));
	size_t many = 0;
	bool is_interrupted = false;
	gk_code rc;

	if (!again)
		return gk_error_no_memory(err);
	for (size_t i = 0; i < count; i++)
		if (restarts[i])
			again[many++] = jobs[i];
	rc = gk_turn_run_tools(ctx, turn, again, many, err);
	for (size_t i = 0, at = 0; i < count; i++)
		if (restarts[i]) {
			jobs[i].response = again[at].response;
			jobs[i].interrupt = again[at++].interrupt;
			is_interrupted = is_interrupted || jobs[i].interrupt;
		}
	free(again);
	if (rc != GK_OK || !is_interrupted)
		return rc;
	gk_error_set(err, GK_FAILED_PRECONDITION,
		"One or more tools triggered an interrupt during a restarted execution.");
	return gk_error_details_take(err, json_pack("{s:O}", "message", message));
}

/* A request that was dealt with: no `pendingOutput`, and what was `interrupt` is `resolvedInterrupt`. */
static json_t *settled(json_t *part)
{
	gk_auto_json json_t *metadata = gk_json_merge(gk_json_peek(part, "metadata"), NULL);
	json_t *interrupt = gk_json_peek(metadata, "interrupt");

	if (!metadata)
		return NULL;
	if (gk_json_peek(metadata, "pendingOutput")) {
		json_object_del(metadata, "pendingOutput");
	} else if (interrupt) {
		if (!gk_json_set(metadata, "resolvedInterrupt", interrupt))
			return NULL;
		json_object_del(metadata, "interrupt");
	}
	return gk_json_object_with(part, "metadata", gk_steal(metadata));
}

static json_t *settled_message(json_t *message)
{
	gk_auto_json json_t *content = json_array();
	json_t *part;
	size_t i;

	json_array_foreach (gk_json_peek(message, "content"), i, part)
		if (!gk_json_push_take(content,
			    gk_json_peek(part, "toolRequest") ? settled(part) : json_incref(part)))
			return NULL;
	return gk_json_object_with(message, "content", gk_steal(content));
}

/* The request without `resume`, its last message settled, and the answers behind it. */
static json_t *revised(json_t *request, json_t *message, json_t *answers)
{
	json_t *messages = gk_json_peek(request, "messages");
	gk_auto_json json_t *changed = NULL, *own = NULL, *last = settled_message(message);

	if (!last)
		return NULL;
	changed = gk_json_array_with(messages, json_array_size(messages) - 1, gk_steal(last));
	if (!changed || !gk_json_push_take(changed, json_incref(answers)))
		return NULL;
	own = gk_json_object_with(request, "messages", gk_steal(changed));
	if (!own)
		return NULL;
	json_object_del(own, "resume");
	return gk_steal(own);
}

static gk_code answer_all(gk_ctx *ctx, gk_turn_run *turn, gk_tool_job *jobs, size_t count,
	json_t *message, gk_error *err)
{
	json_t *resume = gk_json_peek(turn->request, "resume");
	json_t **parts = calloc(count, sizeof(json_t *));
	bool *restarts = calloc(count, sizeof(*restarts)), any = false;
	gk_code rc = parts && restarts ? GK_OK : gk_error_no_memory(err);

	for (size_t i = 0; rc == GK_OK && i < count; i++) {
		parts[i] = jobs[i].part;
		rc = sort_out(&jobs[i], resume, &restarts[i], err);
		any = any || restarts[i];
	}
	if (rc == GK_OK && any)
		rc = restart(ctx, turn, jobs, restarts, count, message, err);
	for (size_t i = 0; rc == GK_OK && i < count; i++)
		if (!jobs[i].response) /* a hook swallowed it */
			rc = unresolved(gk_json_peek(parts[i], "toolRequest"), err);
	free(parts);
	free(restarts);
	return rc;
}

gk_code gk_turn_resume(
	gk_ctx *ctx, gk_turn_run *turn, json_t **ret, json_t **message_ret, gk_error *err)
{
	json_t *messages = gk_json_peek(turn->request, "messages");
	json_t *message = json_array_get(messages, json_array_size(messages) - 1);
	json_t *said = gk_json_peek(gk_json_peek(turn->request, "resume"), "metadata");
	const char *role = json_string_value(gk_json_peek(message, "role"));
	gk_auto_json json_t *answers = NULL, *metadata = NULL;
	gk_tool_job *jobs;
	size_t count;
	gk_code rc = gk_tool_jobs_new(turn, message, &jobs, &count, err);

	if (rc == GK_OK && (!gk_str_equal(role, "model") || !count))
		rc = gk_error_set(err, GK_FAILED_PRECONDITION,
			"Cannot 'resume' generation unless the previous message is a model message "
			"with at least one tool request.");
	if (rc == GK_OK)
		rc = answer_all(ctx, turn, jobs, count, message, err);
	if (rc == GK_OK) {
		metadata = said ? json_pack("{s:O}", "resumed", said)
				: json_pack("{s:b}", "resumed", 1);
		rc = metadata ? gk_tool_message(jobs, count, metadata, &answers, err)
			      : gk_error_no_memory(err);
	}
	if (rc == GK_OK) {
		*ret = revised(turn->request, message, answers);
		*message_ret = *ret ? gk_steal(answers) : NULL;
		rc = *ret ? GK_OK : gk_error_no_memory(err);
	}
	gk_tool_jobs_free(jobs, count);
	return rc;
}
