/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "core/key.h"

#include "base/str.h"

static const char *const types[] = { "custom", GK_PROVIDER_TYPE, "embedder", "evaluator",
	"executable-prompt", "flow", "indexer", "model", "background-model", "check-operation",
	"cancel-operation", "prompt", "reranker", "retriever", "tool", "tool.v2", "util",
	"resource", "agent", "agent-snapshot", "agent-abort" };

const char *gk_key_type(const char *type, size_t len)
{
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (strlen(types[i]) == len && memcmp(types[i], type, len) == 0)
			return types[i];
	return NULL;
}

/* "HOST:TYPE/NAME": only the first colon counts, so that names may hold more of them. */
static bool parse_offered(const char *text, gk_key *ret)
{
	const char *colon = strchr(text, ':'), *slash;

	ret->type = GK_PROVIDER_TYPE;
	ret->type_len = strlen(GK_PROVIDER_TYPE);
	ret->name = text;
	ret->name_len = strlen(text);
	if (!colon)
		return ret->name_len > 0;
	slash = strchr(colon, '/');
	if (!slash || !gk_key_type(colon + 1, (size_t)(slash - colon - 1)))
		return false;
	ret->host = text;
	ret->host_len = (size_t)(colon - text);
	ret->type = colon + 1;
	ret->type_len = (size_t)(slash - ret->type);
	ret->name = slash + 1;
	ret->name_len = strlen(slash + 1);
	return ret->name_len > 0;
}

bool gk_key_parse(const char *text, gk_key *ret)
{
	const char *type, *name, *rest;

	*ret = (gk_key){ 0 };
	if (gk_str_has_prefix(text, GK_PROVIDER_PREFIX))
		return parse_offered(text + strlen(GK_PROVIDER_PREFIX), ret);
	type = strchr(text, '/');
	name = type ? strchr(type + 1, '/') : NULL;
	if (!name)
		return false;
	ret->type = type + 1;
	ret->type_len = (size_t)(name - ret->type);
	ret->name = name + 1;
	rest = strchr(ret->name, '/');
	if (rest) {
		ret->plugin = ret->name;
		ret->plugin_len = (size_t)(rest - ret->name);
		ret->name = rest + 1;
	}
	ret->name_len = strlen(ret->name);
	return true;
}
