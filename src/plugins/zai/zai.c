/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Z.ai's GLM. Manual: zai.md. */
#include "plugins/oai/service.h"

static const gk_oai_models models[] = {
	{ .ids = "glm-4.5v glm-4.6v *v",
		.supports = GK_OAI_MULTIMODAL,
		.output = "text json",
		.constrained = "none" },
	{ .ids = "glm-5.1 glm-5 glm-4.7 glm-4.6 glm-4.5 glm-4.5-air *",
		.supports = GK_OAI_TEXT,
		.output = "text json",
		.constrained = "none" },
	{ 0 },
};

static const gk_oai_rename renames[] = {
	{ "doSample", "do_sample", "boolean", false },
	{ "thinking", "thinking", "object", true },
	{ 0 },
};

static const gk_oai_row row = {
	.limit = "max_tokens",
	.json = GK_OAI_JSON_OBJECT,
	.renames = renames,
	.models = models,
};

const gk_vendor_type gk_plugin_zai = {
	.plugin = GK_OAI_PLUGIN("zai"),
	.base_url = "https://api.z.ai/api/paas/v4",
	.base_env = GK_ENV("ZAI_BASE_URL"),
	.key_env = GK_ENV("ZAI_API_KEY"),
	.row = &row,
};
