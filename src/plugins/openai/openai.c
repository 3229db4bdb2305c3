/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* OpenAI itself. Manual: openai.md. */
#include "plugins/oai/service.h"

static const gk_oai_models models[] = {
	{ .ids = "*babbage* *davinci* *codex*",
		.is_hidden = true,
		.supports = GK_OAI_MULTIMODAL,
		.output = "text json",
		.constrained = "all" },
	{ .ids = "text-embedding-3-small text-embedding-ada-002",
		.kind = GK_OAI_EMBED,
		.dimensions = 1536 },
	{ .ids = "text-embedding-3-large", .kind = GK_OAI_EMBED, .dimensions = 3072 },
	{ .ids = "*embedding*", .kind = GK_OAI_EMBED },
	{ .ids = "dall-e-3 gpt-image-1 *gpt-image* *dall-e*",
		.kind = GK_OAI_IMAGE,
		.output = "media" },
	{ .ids = "tts-1 tts-1-hd gpt-4o-mini-tts *tts*", .kind = GK_OAI_SPEECH, .output = "media" },
	{ .ids = "whisper-1 gpt-4o-transcribe gpt-4o-mini-transcribe *whisper* *transcribe*",
		.kind = GK_OAI_TRANSCRIBE,
		.supports = GK_SUPPORTS_MEDIA,
		.output = "text json" },
	{ .ids = "gpt-5-chat-latest",
		.supports = GK_SUPPORTS_MULTITURN | GK_SUPPORTS_MEDIA | GK_SUPPORTS_SYSTEM,
		.output = "text",
		.constrained = "none" },
	{ .ids = "o3-mini",
		.supports = GK_SUPPORTS_MULTITURN | GK_SUPPORTS_TOOLS | GK_SUPPORTS_TOOL_CHOICE,
		.output = "text json",
		.constrained = "all" },
	{ .ids = "o1 o3 o4-mini",
		.supports = GK_SUPPORTS_MULTITURN | GK_SUPPORTS_TOOLS | GK_SUPPORTS_TOOL_CHOICE |
			    GK_SUPPORTS_MEDIA,
		.output = "text json",
		.constrained = "all" },
	{ .ids = "gpt-4-vision gpt-4-vision-preview gpt-4-1106-vision-preview",
		.supports = GK_SUPPORTS_MULTITURN | GK_SUPPORTS_MEDIA | GK_SUPPORTS_SYSTEM,
		.output = "text json" },
	{ .ids = "gpt-4 gpt-4-0613 gpt-4-32k", .supports = GK_OAI_TEXT, .output = "text" },
	{ .ids = "gpt-3.5-turbo gpt-3.5-turbo-*", .supports = GK_OAI_TEXT, .output = "text json" },
	{ .ids = "gpt-5.6-sol gpt-5.6-terra gpt-5.6-luna gpt-5.5 gpt-5.4 gpt-5.4-mini gpt-5.4-nano gpt-5.2 gpt-5.1 gpt-5 "
		 "gpt-5-mini gpt-5-nano gpt-4.5 gpt-4.5-preview gpt-4.1 gpt-4.1-mini gpt-4.1-nano gpt-4o "
		 "gpt-4o-2024-05-13 gpt-4o-mini gpt-4o-mini-2024-07-18 gpt-4-turbo gpt-4-turbo-2024-04-09 "
		 "gpt-4-turbo-preview",
		.supports = GK_OAI_MULTIMODAL,
		.output = "text json",
		.constrained = "all" },
	{ .ids = "*", .supports = GK_OAI_MULTIMODAL, .output = "text json", .constrained = "all" },
	{ 0 },
};

static const char *const headers[] = { "organization", "OPENAI_ORG_ID", "OpenAI-Organization",
	"project", "OPENAI_PROJECT_ID", "OpenAI-Project", NULL };

static const gk_oai_row row = {
	.limit = "max_completion_tokens",
	.tool_required = "required",
	.json = GK_OAI_JSON_SCHEMA,
	.models = models,
	.headers = headers,
};

static const gk_vendor_option options[] = {
	{ "organization", GK_OPTION_STRING, "The organization that is billed." },
	{ "project", GK_OPTION_STRING, "The project that is billed." },
	{ "strictSchema", GK_OPTION_BOOL,
		"Schemas of the output are made strict and sent with strict: true." },
	{ .name = NULL },
};

const gk_vendor_type gk_plugin_openai = {
	.plugin = GK_OAI_PLUGIN("openai"),
	.base_url = "https://api.openai.com/v1",
	.base_env = GK_ENV("OPENAI_BASE_URL"),
	.key_env = GK_ENV("OPENAI_API_KEY"),
	.options = options,
	.row = &row,
};
