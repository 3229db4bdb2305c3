/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * A prompt with a five-item loop, as the peer's dotprompt-js.mjs has it: microseconds for rendering it, compiled once, and
 * for compiling and rendering documents that all differ.
 *
 *	build/tests/bench/prompt
 */
#include "base/clock.h"
#include "dotprompt/document.h"

#include <stdio.h>

#define RENDERS  200000
#define COMPILES 20000

static const char source[] = "---\nmodel: m\ninput:\n  schema:\n    name: string\n"
			     "    items(array): string\n---\n"
			     "{{role \"system\"}}You help.{{role \"user\"}}Hello {{name}}!"
			     "{{#each items}} - {{this}}\n{{/each}}\n";

static void must(gk_code rc, const gk_error *err)
{
	if (rc == GK_OK)
		return;
	fprintf(stderr, "%s\n", err->message);
	exit(1);
}

static void render(gk_prompt_document *doc, gk_engine *engine, const gk_prompt_data *data)
{
	gk_auto_error gk_error err = { 0 };
	gk_auto_json json_t *rendered = NULL;

	must(gk_prompt_document_render(doc, engine, NULL, data, &rendered, &err), &err);
	if (json_array_size(json_object_get(rendered, "messages")) != 2)
		exit(1);
}

static gk_prompt_document *parse(const char *text, size_t len)
{
	gk_auto_error gk_error err = { 0 };
	gk_prompt_document *doc = NULL;

	must(gk_prompt_document_parse(text, len, NULL, &doc, &err), &err);
	return doc;
}

static void report(const char *name, uint64_t start, int count)
{
	printf("%s %.2f\n", name, (double)(gk_clock_mono_ns() - start) / 1000 / count);
}

int main(void)
{
	gk_auto_engine gk_engine *engine = gk_engine_new(NULL);
	gk_auto_json json_t *input =
		json_pack("{s:s, s:[s,s,s,s,s]}", "name", "Bob", "items", "a", "b", "c", "d", "e");
	gk_auto_prompt_document gk_prompt_document *doc = parse(source, sizeof(source) - 1);
	gk_prompt_data data = { .input = input };
	uint64_t start;

	for (int i = 0; i < RENDERS / 10; i++)
		render(doc, engine, &data);
	start = gk_clock_mono_ns();
	for (int i = 0; i < RENDERS; i++)
		render(doc, engine, &data);
	report("render_us", start, RENDERS);
	start = gk_clock_mono_ns();
	for (int i = 0; i < COMPILES; i++) {
		char text[sizeof(source) + 20];
		int len = snprintf(text, sizeof(text), "%s%d", source, i);
		gk_auto_prompt_document gk_prompt_document *other = parse(text, (size_t)len);

		render(other, engine, &data);
	}
	report("compile_render_us", start, COMPILES);
	return 0;
}
