/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "core/builtin_schemas.h"

#include "base/embed.h"
#include "base/table.h"

#include <genkit/json.h>
#include <pthread.h>

GK_EMBED(gk_builtin_schemas, "src/core/builtin_schemas.jsonl");
#define lines     gk_builtin_schemas_start
#define lines_end gk_builtin_schemas_end

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static gk_table *compiled; /* name -> gk_schema */

/* The schema's text, up to the line's end. */
static const char *find_line(const char *name, size_t *len_ret)
{
	size_t len = strlen(name);

	for (const char *line = lines, *next; line < lines_end; line = next) {
		const char *end = memchr(line, '\n', (size_t)(lines_end - line));

		next = end + 1;
		if ((size_t)(end - line) > len && memcmp(line, name, len) == 0 &&
			line[len] == ' ') {
			*len_ret = (size_t)(end - line) - len - 1;
			return line + len + 1;
		}
	}
	return NULL;
}

static gk_code compile(const char *name, gk_schema **ret, gk_error *err)
{
	gk_auto_json json_t *json = NULL;
	size_t len = 0;
	const char *text = find_line(name, &len);
	gk_code rc;

	if (!text)
		return gk_error_set(err, GK_INTERNAL, "no built-in schema is called '%s'", name);
	rc = gk_json_parse(text, len, 0, &json, err);
	return rc == GK_OK ? gk_schema_compile(json, NULL, NULL, ret, err) : rc;
}

static gk_code find_or_compile(const char *name, const gk_schema **ret, gk_error *err)
{
	gk_schema *schema;
	gk_code rc;

	if (!compiled)
		compiled = gk_table_new(NULL);
	if (!compiled)
		return gk_error_no_memory(err);
	*ret = gk_table_get(compiled, name);
	if (*ret)
		return GK_OK;
	rc = compile(name, &schema, err);
	if (rc != GK_OK)
		return rc;
	if (!gk_table_set(compiled, name, schema)) {
		gk_schema_unref(schema);
		return gk_error_no_memory(err);
	}
	*ret = schema;
	return GK_OK;
}

gk_code gk_builtin_schema_peek(const char *name, const gk_schema **ret, gk_error *err)
{
	const gk_schema *schema = NULL;
	gk_code rc;

	pthread_mutex_lock(&lock);
	rc = find_or_compile(name, &schema, err);
	pthread_mutex_unlock(&lock);
	if (rc == GK_OK)
		*ret = schema;
	return rc;
}

gk_code gk_builtin_schema(const char *name, gk_schema **ret, gk_error *err)
{
	const gk_schema *schema;
	gk_code rc = gk_builtin_schema_peek(name, &schema, err);

	if (rc == GK_OK)
		*ret = gk_schema_ref((gk_schema *)schema);
	return rc;
}

json_t *gk_builtin_schema_json_peek(const char *name)
{
	const gk_schema *schema = NULL;

	return gk_builtin_schema_peek(name, &schema, NULL) == GK_OK ? gk_schema_json_peek(schema)
								    : NULL;
}
