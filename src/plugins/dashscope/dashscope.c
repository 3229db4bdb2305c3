/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Alibaba's DashScope (Qwen). Manual: dashscope.md. */
#include "plugins/oai/service.h"

static const gk_oai_models models[] = {
	{ .ids = "qwen-vl-plus qwen-vl-max *-vl-*",
		.supports = GK_OAI_MULTIMODAL,
		.output = "text",
		.constrained = "none" },
	{ .ids = "qwen-plus qwen-max qwen-turbo qwen-flash *",
		.supports = GK_OAI_TEXT,
		.output = "text json",
		.constrained = "none" },
	{ 0 },
};

static const gk_oai_rename renames[] = {
	{ "enableThinking", "enable_thinking", "boolean", false },
	{ "thinkingBudget", "thinking_budget", "integer", false },
	{ "enableSearch", "enable_search", "boolean", false },
	{ 0 },
};

static const gk_oai_row row = {
	.limit = "max_tokens",
	.json = GK_OAI_JSON_OBJECT,
	.renames = renames,
	.models = models,
};

const gk_vendor_type gk_plugin_dashscope = {
	.plugin = GK_OAI_PLUGIN("dashscope"),
	.base_url = "https://dashscope-intl.aliyuncs.com/compatible-mode/v1",
	.base_env = GK_ENV("DASHSCOPE_BASE_URL"),
	.key_env = GK_ENV("DASHSCOPE_API_KEY"),
	.row = &row,
};
