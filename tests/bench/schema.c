/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* What validation costs: the check of a small object as flows have it, of Genkit's largest type, and compiling. */
#include "base/clock.h"
#include "core/builtin_schemas.h"
#include "json/schema.h"

#include <genkit/json.h>
#include <stdio.h>

#define ROUNDS 2000000

static const char small_schema[] =
	"{\"type\":\"object\",\"properties\":{\"text\":{\"type\":\"string\"}},"
	"\"required\":[\"text\"]}";
static const char small_value[] = "{\"text\":\"hello, world\"}";
static const char request[] =
	"{\"messages\":[{\"role\":\"system\",\"content\":[{\"text\":\"Be brief.\"}]},"
	"{\"role\":\"user\",\"content\":[{\"text\":\"What is the weather in Paris?\"}]},"
	"{\"role\":\"model\",\"content\":[{\"toolRequest\":{\"name\":\"weather\",\"ref\":\"1\","
	"\"input\":{\"city\":\"Paris\"}}}]},"
	"{\"role\":\"tool\",\"content\":[{\"toolResponse\":{\"name\":\"weather\",\"ref\":\"1\","
	"\"output\":\"sunny\"}}]}],\"config\":{\"temperature\":0.2}}";

static json_t *parse(const char *text)
{
	json_t *value = NULL;

	if (gk_json_parse(text, strlen(text), 0, &value, NULL) != GK_OK)
		abort();
	return value;
}

static void bench(const char *name, const gk_schema *schema, const char *text, unsigned rounds)
{
	gk_auto_json json_t *value = parse(text);
	uint64_t start = gk_clock_mono_ns();
	unsigned valid = 0;

	for (unsigned i = 0; i < rounds; i++)
		valid += gk_schema_is_valid(schema, value, NULL);
	printf("%s %.1f%s\n", name, (double)(gk_clock_mono_ns() - start) / rounds,
		valid == rounds ? "" : " (invalid)");
}

int main(void)
{
	gk_auto_json json_t *json = parse(small_schema);
	const gk_schema *builtin = NULL;
	gk_schema *schema = NULL;
	uint64_t start;

	if (gk_schema_compile(json, NULL, NULL, &schema, NULL) != GK_OK ||
		gk_builtin_schema_peek("GenerateRequest", &builtin, NULL) != GK_OK)
		return 1;
	bench("check_ns", schema, small_value, ROUNDS);
	bench("check_invalid_ns", schema, "{\"text\":1}", ROUNDS);
	bench("check_generate_request_ns", builtin, request, ROUNDS / 20);
	gk_schema_unref(schema);

	start = gk_clock_mono_ns();
	for (unsigned i = 0; i < ROUNDS / 100; i++) {
		if (gk_schema_compile(json, NULL, NULL, &schema, NULL) != GK_OK)
			return 1;
		gk_schema_unref(schema);
	}
	printf("compile_ns %.0f\n", (double)(gk_clock_mono_ns() - start) / (ROUNDS / 100));
	return 0;
}
