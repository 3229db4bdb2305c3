/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* DeepSeek. Manual: deepseek.md. */
#include "plugins/oai/service.h"

static const gk_oai_models models[] = {
	{ .ids = "deepseek-chat deepseek-reasoner deepseek-v4-flash deepseek-v4-pro *",
		.supports = GK_OAI_TEXT,
		.output = "text json",
		.constrained = "all" },
	{ 0 },
};

static const gk_oai_rename renames[] = {
	{ "userId", "user_id", "string", false },
	{ "thinking", "thinking", "object", false },
	{ 0 },
};

static const gk_oai_row row = {
	.limit = "max_tokens",
	.tool_required = "required",
	.json = GK_OAI_JSON_PROMPT,
	.content_always = true,
	.replay = GK_OAI_REPLAY_TOOLS,
	.renames = renames,
	.models = models,
	.cold_ids = "deepseek-reasoner",
};

const gk_vendor_type gk_plugin_deepseek = {
	.plugin = GK_OAI_PLUGIN("deepseek"),
	.base_url = "https://api.deepseek.com",
	.base_env = GK_ENV("DEEPSEEK_BASE_URL"),
	.key_env = GK_ENV("DEEPSEEK_API_KEY"),
	.row = &row,
};
