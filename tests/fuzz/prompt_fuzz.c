/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Whole documents: front matter, metadata, messages. Mistakes have a place. */
#include "dotprompt/document.h"

#include <genkit/json.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
	if (!holds)
		abort();
}

static void render(gk_prompt_document *doc)
{
	gk_auto_error gk_error err = { 0 };
	gk_auto_engine gk_engine *engine = gk_engine_new(NULL);
	gk_auto_json json_t *input = json_pack("{s:s}", "name", "Bob"), *rendered = NULL;
	gk_auto_str char *written = NULL;
	gk_prompt_data with = { .input = input };
	gk_code rc = gk_prompt_document_render(doc, engine, NULL, &with, &rendered, &err);

	check((rc == GK_OK) == (rendered != NULL) && (rc == GK_OK) == (err.message == NULL));
	if (!rendered)
		return;
	check(json_is_array(json_object_get(rendered, "messages")));
	check(!json_object_get(rendered, "template") && !json_object_get(rendered, "input"));
	written = gk_json_write(json_object_get(rendered, "messages"), NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	gk_auto_error gk_error err = { 0 };
	gk_auto_prompt_document gk_prompt_document *doc = NULL;
	gk_auto_json json_t *before = NULL;
	gk_code rc = gk_prompt_document_parse((const char *)data, size, "f.prompt", &doc, &err);

	if (rc != GK_OK) {
		check(err.message && strncmp(err.message, "f.prompt:", 9) == 0);
		return 0;
	}
	check(json_is_string(json_object_get(gk_prompt_document_parsed_peek(doc), "template")));
	before = json_deep_copy(gk_prompt_document_parsed_peek(doc));
	render(doc);
	check(json_equal(before, gk_prompt_document_parsed_peek(doc)));
	return 0;
}
