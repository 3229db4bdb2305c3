/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Microsoft Foundry: Azure OpenAI, and Foundry projects. Manual: foundry.md. */
#include "plugins/foundry/entra.h"
#include "plugins/oai/service.h"

static const gk_oai_models models[] = {
	{ .ids = "text-embedding-3-small text-embedding-ada-002",
		.kind = GK_OAI_EMBED,
		.dimensions = 1536 },
	{ .ids = "text-embedding-3-large", .kind = GK_OAI_EMBED, .dimensions = 3072 },
	{ .ids = "embed-v-4-0 *embed*", .kind = GK_OAI_EMBED },
	{ .ids = "o1 o1-mini o1-preview o3 o3-mini o3-pro o4-mini codex-mini",
		.supports = GK_OAI_MULTIMODAL,
		.output = "text",
		.constrained = "none" },
	{ .ids = "gpt-3.5-turbo gpt-3.5-turbo-16k gpt-3.5-turbo-instruct gpt-4 gpt-4-32k",
		.supports = GK_OAI_TEXT,
		.output = "text json",
		.constrained = "all" },
	{ .ids = "gpt-4o gpt-4o-mini gpt-4.1 gpt-4.1-mini gpt-4.1-nano gpt-4.5 gpt-5 gpt-5-mini gpt-5-nano "
		 "gpt-5-chat gpt-5-codex gpt-5-pro gpt-5.1 gpt-5.1-chat gpt-5.1-codex gpt-5.1-codex-mini "
		 "gpt-5.1-codex-max gpt-5.2 gpt-5.2-chat gpt-5.2-codex gpt-oss-20b gpt-oss-120B",
		.supports = GK_OAI_MULTIMODAL,
		.output = "text json",
		.constrained = "all" },
	{ .ids = "gpt-5.3-codex Llama-4-Maverick-17B-128E-Instruct-FP8 Mistral-Large-3 Kimi-K2-Thinking model-router *",
		.supports = GK_OAI_MULTIMODAL,
		.output = "text json",
		.constrained = "none" },
	{ 0 },
};

static const gk_oai_rename renames[] = {
	{ "maxCompletionTokens", "max_completion_tokens", "integer", false },
	{ "logitBias", "logit_bias", "object", false },
	{ "responseFormat", "response_format", "object", false },
	{ "n", "n", "integer", false },
	{ "modalities", "modalities", "strings", false },
	{ 0 },
};

static const gk_oai_row row = {
	.limit = "max_tokens",
	.tool_required = "required",
	.json = GK_OAI_JSON_LISTED,
	.json_titled = true,
	.json_strict = true,
	.reasoning_limit = true,
	.sends_candidates = true,
	.parallel_with_tools = true,
	.address = GK_OAI_ADDRESS_AZURE,
	.renames = renames,
	.models = models,
	.listing_option = "discoverModels",
};

static const gk_vendor_option options[] = {
	{ "deployment", GK_OPTION_STRING, "Name of the deployment; without it the model's." },
	{ "apiVersion", GK_OPTION_STRING, "Version of the API; without it 2024-10-21." },
	{ "discoverModels", GK_OPTION_BOOL, "Ask the service which models there are." },
	{ "tenantId", GK_OPTION_STRING, "Of an application that asks Entra for a token." },
	{ "clientId", GK_OPTION_STRING, "The application, or the machine's identity." },
	{ "clientSecret", GK_OPTION_SECRET, "The application's secret." },
	{ .name = NULL },
};

const gk_vendor_type gk_plugin_foundry = {
	.plugin = GK_OAI_PLUGIN("microsoft-foundry"),
	.base_env = GK_ENV("AZURE_OPENAI_ENDPOINT"),
	.key_env = GK_ENV("AZURE_OPENAI_API_KEY"),
	.key_optional = true,
	.setup = gk_entra_setup,
	.options = options,
	.row = &row,
};
