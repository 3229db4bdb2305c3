/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Mistral. Manual: mistral.md. */
#include "plugins/oai/service.h"

static const gk_oai_models models[] = {
	{ .ids = "mistral-embed codestral-embed-2505 *embed*",
		.kind = GK_OAI_EMBED,
		.dimensions = 1024 },
	{ .ids = "voxtral-small-latest voxtral-mini-latest voxtral-*",
		.supports = GK_SUPPORTS_MULTITURN | GK_SUPPORTS_MEDIA | GK_SUPPORTS_SYSTEM,
		.output = "text",
		.constrained = "none" },
	{ .ids = "codestral-latest devstral-latest devstral-small-latest mistral-saba-latest "
		 "mistral-small-creative-latest open-mistral-nemo open-codestral-mamba codestral-* devstral-* "
		 "mistral-saba-*",
		.supports = GK_OAI_TEXT,
		.output = "text json",
		.constrained = "all" },
	{ .ids = "mistral-large-latest mistral-medium-latest mistral-small-latest ministral-14b-latest "
		 "ministral-8b-latest ministral-3b-latest magistral-medium-latest magistral-small-latest "
		 "pixtral-large-latest pixtral-12b-latest *",
		.supports = GK_OAI_MULTIMODAL,
		.output = "text json",
		.constrained = "all" },
	{ 0 },
};

static const gk_oai_rename renames[] = {
	{ "randomSeed", "random_seed", "integer", false },
	{ "safePrompt", "safe_prompt", "boolean", false },
	{ 0 },
};

static const gk_oai_row row = {
	.limit = "max_tokens",
	.tool_required = "any",
	.json = GK_OAI_JSON_SCHEMA,
	.json_titled = true,
	.no_usage_option = true,
	.plain_media = true,
	.short_refs = true,
	.renames = renames,
	.models = models,
	.no_listing = true,
};

const gk_vendor_type gk_plugin_mistral = {
	.plugin = GK_OAI_PLUGIN("mistral"),
	.base_url = "https://api.mistral.ai/v1",
	.base_env = GK_ENV("MISTRAL_BASE_URL"),
	.key_env = GK_ENV("MISTRAL_API_KEY"),
	.row = &row,
};
