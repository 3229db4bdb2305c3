/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * YAML to JSON values (libyaml), remembering where each value stood.
 *
 *	rc = gk_yaml_parse(text, len, "genkitd.yaml", GK_YAML_CORE, &doc, err);
 *	gk_yaml_where(doc, "/server/listen", &line, &column);
 *
 * One document only; duplicate keys, unknown aliases and keys that are no scalars are errors, as are more levels or
 * nodes (after aliases are expanded) than limits.h allows. Error texts start "FILE:LINE:COLUMN: ". `<<` is a key like
 * any other, names are what JavaScript makes of the scalar ("1" for 0x1), and infinity and NaN, which JSON has not,
 * are null.
 */
#ifndef GK_JSON_YAML_H
#define GK_JSON_YAML_H

#include <genkit/status.h>

typedef struct gk_yaml gk_yaml;

typedef enum gk_yaml_mode {
	GK_YAML_CORE, /* plain scalars are typed by YAML 1.2's core schema: null, booleans, numbers, strings */
	GK_YAML_STRINGS, /* plain scalars stay strings, empty ones null: somebody's schema types them */
} gk_yaml_mode;

GK_MUST_USE gk_code gk_yaml_parse(const char *text, size_t len, const char *file, gk_yaml_mode mode,
	gk_yaml **ret, gk_error *err);
/** The same for a part of a file that begins in its line `first_line`. */
GK_MUST_USE gk_code gk_yaml_parse_at(const char *text, size_t len, const char *file,
	unsigned first_line, gk_yaml_mode mode, gk_yaml **ret, gk_error *err);
void gk_yaml_free(gk_yaml *doc);
/** Borrowed; JSON null for an empty document. */
json_t *gk_yaml_value_peek(const gk_yaml *doc);
/** Where the value at a JSON Pointer stands (for an object's member: where its key stands), counted from 1. False when
 * there is none. */
bool gk_yaml_where(
	const gk_yaml *doc, const char *pointer, unsigned *line_ret, unsigned *column_ret);

static inline void gk_yaml_freep(gk_yaml **doc)
{
	gk_yaml_free(*doc);
}
#define gk_auto_yaml GK_CLEANUP(gk_yaml_freep)

#endif
