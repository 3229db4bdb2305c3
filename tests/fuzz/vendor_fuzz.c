/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* What model providers say, and what callers ask of them: the first byte chooses the converter, lines are events. */
#include "plugins/anthropic/anthropic.h"
#include "plugins/gemini/gemini.h"
#include "plugins/oai/service.h"
#include "plugins/ollama/ollama.h"

#include <stdint.h>

static gk_outgoing out;
static json_t *request; /* of answers */

static gk_code drop(json_t *chunk_take, void *user, gk_error *err)
{
	(void)user;
	(void)err;
	json_decref(chunk_take);
	return GK_OK;
}

static gk_oai_call call_of(const gk_vendor_type *type, gk_vendor *vendor, const json_t *asked)
{
	*vendor = (gk_vendor){ .type = type, .name = (char *)(uintptr_t)type->plugin.name };
	return (gk_oai_call){ .row = type->row,
		.vendor = vendor,
		.models = gk_oai_models_of(type->row, "m"),
		.id = "m",
		.request = asked,
		.out = &out };
}

typedef gk_code push_fn(void *stream, const char *data, size_t len, gk_error *err);

static gk_code each_line(const char *data, size_t size, push_fn *push, void *stream)
{
	gk_code rc = GK_OK;

	while (rc == GK_OK && size) {
		const char *end = memchr(data, '\n', size);
		size_t len = end ? (size_t)(end - data) : size;

		rc = push(stream, data, len, NULL);
		len += end != NULL;
		data += len;
		size -= len;
	}
	return rc;
}

static gk_code push_oai(void *stream, const char *data, size_t len, gk_error *err)
{
	return gk_oai_stream_push(stream, data, len, err);
}

static gk_code push_anthropic(void *stream, const char *data, size_t len, gk_error *err)
{
	return gk_anthropic_stream_push(stream, data, len, err);
}

static gk_code push_ollama(void *stream, const char *data, size_t len, gk_error *err)
{
	return gk_ollama_stream_push(stream, data, len, err);
}

static gk_code push_gemini(void *stream, const char *data, size_t len, gk_error *err)
{
	return gk_gemini_stream_push(stream, data, len, err);
}

static void gemini_stream(const char *data, size_t size)
{
	const gk_gemini_call call = { .who = "zoo", .id = "gemini-x", .request = request };
	gk_auto_gemini_stream gk_gemini_stream stream = { .call = &call, .emit = drop };
	gk_auto_json json_t *whole = NULL, *response = NULL;

	if (each_line(data, size, push_gemini, &stream) == GK_OK &&
		gk_gemini_stream_end(&stream, false, NULL, &whole, NULL) == GK_OK &&
		gk_gemini_answer(&call, whole, &response, NULL) != GK_OK)
		response = NULL;
}

static void oai_stream(const char *data, size_t size)
{
	gk_vendor vendor;
	gk_oai_call call = call_of(&gk_plugin_deepseek, &vendor, request);
	gk_auto_oai_stream gk_oai_stream stream;
	gk_auto_json json_t *whole = NULL, *response = NULL;

	gk_oai_stream_init(&stream, &call, drop, NULL);
	if (each_line(data, size, push_oai, &stream) == GK_OK &&
		gk_oai_stream_end(&stream, &whole, NULL) == GK_OK &&
		gk_oai_answer(&call, whole, &response, NULL) != GK_OK)
		response = NULL;
}

static void anthropic_stream(const char *data, size_t size)
{
	gk_auto_anthropic_stream gk_anthropic_stream stream = { .emit = drop };
	gk_auto_json json_t *whole = NULL, *response = NULL;

	if (each_line(data, size, push_anthropic, &stream) == GK_OK &&
		gk_anthropic_stream_end(&stream, &whole, NULL) == GK_OK &&
		gk_anthropic_answer(request, whole, &response, NULL) != GK_OK)
		response = NULL;
}

static void ollama_stream(const char *data, size_t size)
{
	gk_auto_ollama_stream gk_ollama_stream stream = { .emit = drop };
	gk_auto_json json_t *whole = NULL, *response = NULL;

	if (each_line(data, size, push_ollama, &stream) == GK_OK &&
		gk_ollama_stream_end(&stream, &whole, NULL) == GK_OK &&
		gk_ollama_answer(request, NULL, whole, &response, NULL) != GK_OK)
		response = NULL;
}

/* One value, as an answer of each and as a request to each. */
static void values(const char *data, size_t size)
{
	static const gk_vendor_type *const types[] = { &gk_plugin_openai, &gk_plugin_mistral,
		&gk_plugin_deepseek, &gk_plugin_huggingface, &gk_plugin_foundry };
	gk_auto_json json_t *value = NULL;
	json_t *got = NULL;

	if (gk_json_parse(data, size, 0, &value, NULL) != GK_OK)
		return;
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		gk_vendor vendor;
		gk_oai_call call = call_of(types[i], &vendor, value);

		if (gk_oai_request(&call, true, &got, NULL) == GK_OK)
			json_decref(got);
		call.request = request;
		if (gk_oai_answer(&call, value, &got, NULL) == GK_OK)
			json_decref(got);
	}
	gk_gemini_call gemini = { .who = "zoo", .id = "gemma-x", .request = value };

	if (gk_gemini_request(&gemini, &got, NULL) == GK_OK)
		json_decref(got);
	gemini.request = request;
	if (gk_gemini_answer(&gemini, value, &got, NULL) == GK_OK)
		json_decref(got);
	if (gk_anthropic_request("m", value, true, true, &got, NULL) == GK_OK)
		json_decref(got);
	if (gk_anthropic_answer(request, value, &got, NULL) == GK_OK)
		json_decref(got);
	if (gk_ollama_chat_request("m", value, true, &got, NULL) == GK_OK)
		json_decref(got);
	if (gk_ollama_generate_request("m", value, true, &got, NULL) == GK_OK)
		json_decref(got);
	if (gk_ollama_answer(request, NULL, value, &got, NULL) == GK_OK)
		json_decref(got);
	if (gk_ollama_embed_request("m", value, &got, NULL) == GK_OK)
		json_decref(got);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const run[])(const char *, size_t) = { oai_stream, anthropic_stream,
		ollama_stream, values, gemini_stream };

	if (!request)
		request = json_pack("{s:[], s:{s:s}, s:{s:b}}", "messages", "output", "format",
			"json", "config", "think", 1);
	if (size)
		run[data[0] % 5]((const char *)data + 1, size - 1);
	return 0;
}
