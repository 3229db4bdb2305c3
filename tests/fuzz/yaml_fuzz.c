/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* YAML to values, in both modes; every value has a place inside the text. */
#include <genkit/json.h>

#include "json/yaml.h"

#include <stdio.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
	if (!holds)
		abort();
}

static unsigned count_lines(const char *text, size_t size)
{
	unsigned lines = 1;

	for (size_t i = 0; i < size; i++)
		lines += text[i] == '\n' || text[i] == '\r';
	return lines;
}

/* The places of the elements, and of what is in them, a few levels down. */
static void check_places(
	const gk_yaml *doc, const json_t *value, const char *pointer, unsigned lines, int levels)
{
	unsigned line = 0, column = 0;

	check(gk_yaml_where(doc, pointer, &line, &column));
	check(line >= 1 && line <= lines && column >= 1);
	for (size_t i = 0; levels > 0 && i < json_array_size(value) && i < 20; i++) {
		char below[200];

		snprintf(below, sizeof(below), "%s/%zu", pointer, i);
		check_places(doc, json_array_get(value, i), below, lines, levels - 1);
	}
}

static void parse(const char *text, size_t size, gk_yaml_mode mode)
{
	gk_auto_error gk_error err = { 0 };
	gk_auto_yaml gk_yaml *doc = NULL;
	gk_code rc = gk_yaml_parse(text, size, "f.yaml", mode, &doc, &err);
	gk_auto_str char *written = NULL;

	check((rc == GK_OK) == (doc != NULL));
	if (!doc) {
		check(strncmp(err.message, "f.yaml:", 7) == 0);
		return;
	}
	written = gk_json_write(gk_yaml_value_peek(doc), NULL);
	check(written != NULL);
	check_places(doc, gk_yaml_value_peek(doc), "", count_lines(text, size) + 1, 4);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	parse((const char *)data, size, GK_YAML_CORE);
	parse((const char *)data, size, GK_YAML_STRINGS);
	return 0;
}
