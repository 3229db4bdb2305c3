/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Hugging Face's router. Manual: huggingface.md. */
#include "plugins/oai/service.h"

static const gk_oai_models models[] = {
	{ .ids = "sentence-transformers/* BAAI/bge-* *embed* *Embed*", .kind = GK_OAI_EMBED },
	{ .ids = "meta-llama/Llama-3.3-70B-Instruct meta-llama/Llama-3.1-8B-Instruct "
		 "meta-llama/Llama-3.1-70B-Instruct mistralai/Mistral-7B-Instruct-v0.3 "
		 "Qwen/Qwen2.5-72B-Instruct Qwen/Qwen2.5-7B-Instruct deepseek-ai/DeepSeek-R1 "
		 "deepseek-ai/DeepSeek-V3 google/gemma-2-27b-it google/gemma-2-9b-it "
		 "microsoft/Phi-3.5-mini-instruct",
		.supports = GK_OAI_TEXT,
		.output = "text json",
		.constrained = "all" },
	{ .ids = "*", .supports = GK_OAI_MULTIMODAL, .output = "text json", .constrained = "all" },
	{ 0 },
};

static const gk_oai_rename renames[] = {
	{ "topK", "top_k", "integer", false },
	{ "repetitionPenalty", "repetition_penalty", "number", false },
	{ "provider", NULL, "string", false },
	{ 0 },
};

static const gk_oai_row row = {
	.limit = "max_tokens",
	.tool_required = "required",
	.json = GK_OAI_JSON_SCHEMA,
	.json_titled = true,
	.json_inline = true,
	.close_tools = true,
	.embeds_features = true,
	.id_provider = true,
	.renames = renames,
	.models = models,
	.no_listing = true,
};

static const gk_vendor_option options[] = {
	{ "provider", GK_OPTION_STRING, "Who is to run the models." },
	{ .name = NULL },
};

const gk_vendor_type gk_plugin_huggingface = {
	.plugin = GK_OAI_PLUGIN("huggingface"),
	.base_url = "https://router.huggingface.co/v1",
	.base_env = GK_ENV("HF_BASE_URL"),
	.key_env = GK_ENV("HF_TOKEN"),
	.options = options,
	.row = &row,
};
