/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Moonshot's Kimi. Manual: kimi.md. */
#include "plugins/oai/service.h"

static const gk_oai_models models[] = {
	{ .ids = "kimi-k2.5",
		.supports = GK_OAI_MULTIMODAL & ~(unsigned)GK_SUPPORTS_TOOL_CHOICE,
		.output = "text json",
		.constrained = "all",
		.stage = "deprecated" },
	{ .ids = "kimi-k2.6 kimi-k2.7-code kimi-k2.7-code-highspeed kimi-k2.*",
		.supports = GK_OAI_MULTIMODAL & ~(unsigned)GK_SUPPORTS_TOOL_CHOICE,
		.output = "text json",
		.constrained = "all" },
	{ .ids = "kimi-k3 *",
		.supports = GK_OAI_MULTIMODAL,
		.output = "text json",
		.constrained = "all" },
	{ 0 },
};

static const gk_oai_rename renames[] = {
	{ "temperature", NULL, NULL, false },
	{ "topP", NULL, NULL, false },
	{ "thinking", "thinking", "object", true },
	{ 0 },
};

static const gk_oai_row row = {
	.limit = "max_completion_tokens",
	.tool_required = "required",
	.json = GK_OAI_JSON_SCHEMA,
	.content_always = true,
	.replay = GK_OAI_REPLAY_ALWAYS,
	.renames = renames,
	.models = models,
};

const gk_vendor_type gk_plugin_kimi = {
	.plugin = GK_OAI_PLUGIN("kimi"),
	.base_url = "https://api.moonshot.ai/v1",
	.base_env = GK_ENV("KIMI_BASE_URL", "MOONSHOT_BASE_URL"),
	.key_env = GK_ENV("KIMI_API_KEY", "MOONSHOT_API_KEY"),
	.row = &row,
};
