/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* The configuration of a call: what it may have, and under which names that goes out. */
#include "plugins/oai/oai.h"

#include "base/str.h"
#include "plugins/common/settings.h"

/* `to` NULL: not for the wire, or used elsewhere. */
static const gk_oai_rename renames[] = {
	{ "temperature", "temperature", "number", false },
	{ "topP", "top_p", "number", false },
	{ "stopSequences", "stop", "strings", false },
	{ "frequencyPenalty", "frequency_penalty", "number", false },
	{ "presencePenalty", "presence_penalty", "number", false },
	{ "seed", "seed", "integer", false },
	{ "logProbs", "logprobs", "boolean", false },
	{ "topLogProbs", "top_logprobs", "integer", false },
	{ "reasoningEffort", "reasoning_effort", "string", false },
	{ "verbosity", "verbosity", "string", false },
	{ "parallelToolCalls", "parallel_tool_calls", "boolean", false },
	{ "promptCacheKey", "prompt_cache_key", "string", false },
	{ "serviceTier", "service_tier", "string", false },
	{ "safetyIdentifier", "safety_identifier", "string", false },
	{ "user", "user", "string", false },
	{ "version", NULL, "string", false },
	{ "apiKey", NULL, "string", false },
	{ "visualDetailLevel", NULL, "string", false },
	{ "tools", NULL, "array", false },
	{ "extra", NULL, "object", false },
	{ "topK", NULL, NULL, false },
	{ "messages", NULL, NULL, false },
	{ "stream", NULL, NULL, false }, /* whoever calls the action says so */
	{ "functions", NULL, NULL, false },
	{ "function_call", NULL, NULL, false },
	{ 0 },
};

/* Two names of one limit, whose name on the wire is the service's. */
static const gk_setting limits[] = { { "maxOutputTokens", "integer" }, { "maxTokens", "integer" },
	{ .name = NULL } };

json_t *gk_oai_config_schema(const gk_oai_row *row)
{
	const gk_oai_rename *const tables[] = { renames, row->renames };
	gk_auto_json json_t *schema = gk_settings_schema(limits);

	for (size_t i = 0; i < 2; i++)
		for (const gk_oai_rename *it = tables[i]; it && it->from; it++)
			if (!gk_settings_put(schema, it->from, it->type))
				return NULL;
	return gk_steal(schema);
}

static const gk_oai_rename *find_rename(const gk_oai_rename *table, const char *name)
{
	for (; table && table->from; table++)
		if (strcmp(table->from, name) == 0)
			return table;
	return NULL;
}

/* The names inside become snake_case; null and what is empty is left out. Depth is the reader's: at most 128. */
static json_t *deep_snake(json_t *value)
{
	gk_auto_json json_t *out = NULL;
	const char *name;
	json_t *member;

	if (!json_is_object(value))
		return json_incref(value);
	out = json_object();
	json_object_foreach (value, name, member) {
		gk_auto_str char *key = gk_snake_case(name);
		gk_auto_json json_t *inner = deep_snake(member);

		if (!key || !inner)
			return NULL;
		if (json_is_null(inner) || (json_is_object(inner) && !json_object_size(inner)))
			continue;
		if (!gk_json_set(out, key, inner))
			return NULL;
	}
	return gk_steal(out);
}

/* The name of the limit: reasoning models of one service know another one. */
static const char *limit_name(const gk_oai_call *call)
{
	if (call->row->reasoning_limit &&
		(gk_words_match("o1* o3* o4* gpt-5*", call->id) ||
			gk_request_config_peek(call->request, "maxCompletionTokens")))
		return "max_completion_tokens";
	return call->row->limit;
}

static bool is_limit(const char *name)
{
	for (const gk_setting *limit = limits; limit->name; limit++)
		if (strcmp(limit->name, name) == 0)
			return true;
	return false;
}

/* What something else in the request leaves no room for. */
static bool is_left_out(const gk_oai_call *call, const json_t *body, const char *name)
{
	if (call->row->parallel_with_tools && strcmp(name, "parallelToolCalls") == 0)
		return !gk_json_peek(body, "tools");
	return call->row->reasoning_limit && is_limit(name) &&
	       gk_request_config_peek(call->request, "maxCompletionTokens");
}

static bool add_one(const gk_oai_call *call, json_t *body, const char *name, json_t *value)
{
	const gk_oai_rename *rename = find_rename(call->row->renames, name);
	gk_auto_json json_t *deep = NULL;

	if (is_left_out(call, body, name))
		return true;
	if (!rename && is_limit(name))
		return gk_json_set(body, limit_name(call), value);
	if (!rename)
		rename = find_rename(renames, name);
	if (!rename)
		return gk_json_set(body, name, value);
	if (!rename->to)
		return true;
	deep = rename->is_deep ? deep_snake(value) : json_incref(value);
	if (json_is_object(deep) && !json_object_size(deep))
		return true;
	return gk_json_set(body, rename->to, deep);
}

gk_code gk_oai_add_config(const gk_oai_call *call, json_t *body, gk_error *err)
{
	json_t *candidates = gk_json_peek(call->request, "candidates"), *value;
	const char *name;

	if (call->row->sends_candidates && json_is_number(candidates) &&
		!gk_json_set(body, "n", candidates))
		return gk_error_no_memory(err);
	json_object_foreach (gk_json_peek(call->request, "config"), name, value)
		if (!json_is_null(value) && !add_one(call, body, name, value))
			return gk_error_no_memory(err);
	return GK_OK;
}
