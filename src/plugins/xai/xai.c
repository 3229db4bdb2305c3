/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* xAI. Manual: xai.md. */
#include "plugins/oai/service.h"

static const gk_oai_models models[] = {
	{ .ids = "grok-2-image-1212 *image*", .kind = GK_OAI_IMAGE, .output = "media" },
	{ .ids = "grok-2-vision-1212",
		.supports = GK_SUPPORTS_MEDIA | GK_SUPPORTS_TOOLS | GK_SUPPORTS_TOOL_CHOICE,
		.output = "text json",
		.constrained = "no-tools" },
	{ .ids = "grok-3 grok-3-fast grok-3-mini grok-3-mini-fast grok-code-fast-1 grok-3-*",
		.supports = GK_OAI_TEXT,
		.output = "text json",
		.constrained = "no-tools" },
	{ .ids = "grok-build-0.1",
		.supports = GK_OAI_MULTIMODAL,
		.output = "text json",
		.constrained = "no-tools" },
	{ .ids = "grok-4 grok-4-fast-reasoning grok-4-fast-non-reasoning grok-4-1-fast-reasoning "
		 "grok-4-1-fast-non-reasoning grok-4.6 grok-4.5 grok-4.3 grok-4.20-0309-reasoning "
		 "grok-4.20-0309-non-reasoning *",
		.supports = GK_OAI_MULTIMODAL,
		.output = "text json",
		.constrained = "all" },
	{ 0 },
};

static const gk_oai_rename renames[] = {
	{ "webSearchOptions", "web_search_options", "object", false },
	{ "deferred", "deferred", "boolean", false },
	{ 0 },
};

static const gk_oai_row row = {
	.limit = "max_completion_tokens",
	.tool_required = "required",
	.json = GK_OAI_JSON_SCHEMA,
	.renames = renames,
	.models = models,
};

const gk_vendor_type gk_plugin_xai = {
	.plugin = GK_OAI_PLUGIN("xai"),
	.base_url = "https://api.x.ai/v1",
	.base_env = GK_ENV("XAI_BASE_URL"),
	.key_env = GK_ENV("XAI_API_KEY"),
	.row = &row,
};
