/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* OpenRouter. Manual: openrouter.md. */
#include "plugins/oai/service.h"

static const gk_oai_models models[] = {
	{ .ids = "*", .supports = GK_OAI_MULTIMODAL, .output = "text json", .constrained = "none" },
	{ 0 },
};

static const gk_oai_rename renames[] = {
	{ "topK", "top_k", "integer", false },
	{ "minP", "min_p", "number", false },
	{ "topA", "top_a", "number", false },
	{ "repetitionPenalty", "repetition_penalty", "number", false },
	{ "sessionId", "session_id", "string", false },
	{ "provider", "provider", "object", true },
	{ "reasoning", "reasoning", "object", true },
	{ "metadata", "metadata", "object", false },
	{ "models", "models", "strings", false },
	{ "transforms", "transforms", "strings", false },
	{ "plugins", "plugins", "array", false },
	{ 0 },
};

static const char *const headers[] = { "siteUrl", "OPENROUTER_SITE_URL", "HTTP-Referer", "appName",
	"OPENROUTER_APP_NAME", "X-Title", NULL };

static const gk_oai_row row = {
	.limit = "max_tokens",
	.tool_required = "required",
	.json = GK_OAI_JSON_NONE,
	.renames = renames,
	.models = models,
	.headers = headers,
};

static const gk_vendor_option options[] = {
	{ "siteUrl", GK_OPTION_STRING, "The address of your application, for its rankings." },
	{ "appName", GK_OPTION_STRING, "The name of your application, for its rankings." },
	{ .name = NULL },
};

const gk_vendor_type gk_plugin_openrouter = {
	.plugin = GK_OAI_PLUGIN("openrouter"),
	.base_url = "https://openrouter.ai/api/v1",
	.base_env = GK_ENV("OPENROUTER_BASE_URL"),
	.key_env = GK_ENV("OPENROUTER_API_KEY"),
	.options = options,
	.row = &row,
};
