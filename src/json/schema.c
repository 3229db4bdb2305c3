/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* What json/schema.h offers; compiling and checking are in the files schema_*.c. */
#include "json/schema_compiler.h"
#include "json/schema_walk.h"

#include "base/buf.h"
#include "base/limits.h"
#include "json/write.h"

#include <genkit/json.h>

/* --- memory: one arena a schema --- */

#define FIRST_BLOCK 1024
#define LAST_BLOCK  16384

struct gk_schema_block {
	struct gk_schema_block *next;
	size_t used, size;
	max_align_t data[];
};

struct gk_schema_regexes {
	gk_regex *regex;
	struct gk_schema_regexes *next;
};

void *gk_schema_alloc(gk_schema *schema, size_t count, size_t size)
{
	struct gk_schema_block *block = schema->blocks;
	size_t need, room;
	char *place;

	if (__builtin_mul_overflow(count, size, &need) ||
		__builtin_add_overflow(need, sizeof(max_align_t) - 1, &need))
		return NULL;
	need -= need % sizeof(max_align_t);
	if (!block || block->size - block->used < need) {
		room = !block ? FIRST_BLOCK
			      : (block->size < LAST_BLOCK ? 2 * block->size : LAST_BLOCK);
		room = room < need ? need : room;
		block = calloc(1, sizeof(*block) + room);
		if (!block)
			return NULL;
		block->size = room;
		block->next = schema->blocks;
		schema->blocks = block;
	}
	place = (char *)block->data + block->used;
	block->used += need;
	return place;
}

char *gk_schema_strdup(gk_schema *schema, const char *text)
{
	size_t size = strlen(text) + 1;
	char *copy = gk_schema_alloc(schema, 1, size);

	return copy ? memcpy(copy, text, size) : NULL;
}

gk_code gk_schema_own_regex(gk_schema *schema, const json_t *pattern, gk_regex **ret, gk_error *err)
{
	struct gk_schema_regexes *entry = gk_schema_alloc(schema, 1, sizeof(*entry));
	gk_code rc;

	if (!entry)
		return gk_error_no_memory(err);
	rc = gk_regex_compile(
		json_string_value(pattern), json_string_length(pattern), &entry->regex, err);
	if (rc != GK_OK)
		return rc;
	entry->next = schema->regexes;
	schema->regexes = entry;
	*ret = entry->regex;
	return GK_OK;
}

static void free_schema(gk_schema *schema)
{
	for (struct gk_schema_regexes *r = schema->regexes; r; r = r->next)
		gk_regex_free(r->regex);
	for (gk_schema_document *d = schema->documents; d; d = d->next)
		json_decref(d->json);
	while (schema->blocks) {
		struct gk_schema_block *block = schema->blocks;

		schema->blocks = block->next;
		free(block);
	}
	json_decref(schema->json);
	free(schema);
}

gk_schema *gk_schema_ref(gk_schema *schema)
{
	__atomic_add_fetch(&schema->refs, 1, __ATOMIC_RELAXED);
	return schema;
}

gk_schema *gk_schema_unref(gk_schema *schema)
{
	if (schema && __atomic_sub_fetch(&schema->refs, 1, __ATOMIC_ACQ_REL) == 0)
		free_schema(schema);
	return NULL;
}

json_t *gk_schema_json_peek(const gk_schema *schema)
{
	return schema->json;
}

/* --- compiling --- */

bool gk_schema_is_flat(const json_t *json, unsigned levels)
{
	json_t *object = (json_t *)json;

	if (levels == 0)
		return false;
	if (json_is_array(json))
		for (size_t i = 0; i < json_array_size(json); i++)
			if (!gk_schema_is_flat(json_array_get(json, i), levels - 1))
				return false;
	if (json_is_object(json))
		for (void *m = json_object_iter(object); m; m = json_object_iter_next(object, m))
			if (!gk_schema_is_flat(json_object_iter_value(m), levels - 1))
				return false;
	return true;
}

static gk_code check_form(json_t *json, uint8_t draft, bool is_meta, gk_error *err)
{
	if (!json_is_object(json) && !json_is_array(json))
		return gk_error_set_plain(err, "schema must be object or boolean");
	if (!gk_schema_is_flat(json, GK_JSON_MAX_DEPTH))
		return gk_error_set_plain(err, "schema is nested too deeply");
	return is_meta ? GK_OK : gk_schema_meta_check(json, draft, err);
}

/* As a whole, these mean that all is valid. */
static bool is_nothing(const json_t *json)
{
	return !json || json_is_boolean(json) || json_is_null(json);
}

gk_code gk_schema_check_form(json_t *json, gk_error *err)
{
	gk_schema_compiler c = { .err = err };

	return is_nothing(json)
		       ? GK_OK
		       : check_form(json, gk_schema_draft_of(&c, json, GK_DRAFT_7), false, err);
}

static gk_code compile_root(gk_schema_compiler *c, json_t *json, bool is_meta)
{
	uint8_t draft = gk_schema_draft_of(c, json, GK_DRAFT_7);
	gk_schema_document *document;
	gk_code rc = check_form(json, draft, is_meta, c->err);

	if (rc == GK_OK)
		rc = gk_schema_add_document(c, "", json, draft, &document);
	if (rc == GK_OK)
		rc = gk_schema_node_for(c, json, document->root, &c->schema->root);
	return rc == GK_OK ? gk_schema_compile_tree(c) : rc;
}

static gk_code compile(json_t *json, bool is_meta, gk_schema_lookup_fn *lookup, void *user,
	gk_schema **ret, gk_error *err)
{
	gk_schema *schema = calloc(1, sizeof(*schema));
	gk_schema_compiler c = { .schema = schema, .lookup = lookup, .user = user, .err = err };
	gk_code rc = GK_OK;

	if (!schema)
		return gk_error_no_memory(err);
	schema->refs = 1;
	schema->json = json_incref(json);
	if (!is_nothing(json))
		rc = compile_root(&c, json, is_meta);
	gk_schema_compiler_done(&c);
	if (rc == GK_OK)
		*ret = schema;
	else
		free_schema(schema);
	return rc;
}

gk_code gk_schema_compile(
	json_t *json, gk_schema_lookup_fn *lookup, void *user, gk_schema **ret, gk_error *err)
{
	return compile(json, false, lookup, user, ret, err);
}

gk_code gk_schema_compile_meta(json_t *json, gk_schema **ret, gk_error *err)
{
	return compile(json, true, NULL, NULL, ret, err);
}

/* --- outcomes --- */

bool gk_schema_is_valid(const gk_schema *schema, const json_t *value, json_t **errors_ret)
{
	if (errors_ret)
		*errors_ret = NULL;
	return gk_schema_run(schema, value, errors_ret, false);
}

static void put_value(gk_buf *text, const json_t *value)
{
	if (value)
		gk_json_append_pretty(text, value, 2);
	else
		gk_buf_puts(text, "undefined");
}

gk_code gk_schema_error(const gk_schema *schema, const json_t *value, json_t *errors, gk_error *err)
{
	gk_auto_buf gk_buf text = GK_BUF_INIT(GK_MAX_ERROR_MESSAGE);
	gk_code rc;
	json_t *details;

	if (!err)
		return GK_INVALID_ARGUMENT;
	gk_buf_puts(&text, "Schema validation failed. Parse Errors:\n\n");
	for (size_t i = 0; i < json_array_size(errors); i++) {
		const json_t *error = json_array_get(errors, i);

		gk_buf_printf(&text, "%s- %s: %s", i ? "\n" : "",
			json_string_value(json_object_get(error, "path")),
			json_string_value(json_object_get(error, "message")));
	}
	gk_buf_puts(&text, "\n\nProvided data:\n\n");
	put_value(&text, value);
	gk_buf_puts(&text, "\n\nRequired JSON schema:\n\n");
	put_value(&text, schema->json);
	if (!text.data)
		return gk_error_no_memory(err);
	/* A text that reached the ceiling stands as far as it goes. */
	rc = gk_error_set(err, GK_INVALID_ARGUMENT, "%s", text.data);
	details = json_pack("{s:O, s:O*}", "errors", errors, "schema", schema->json);
	return details ? (gk_error_details_take(err, details), rc) : gk_error_no_memory(err);
}

gk_code gk_schema_check(const gk_schema *schema, const json_t *value, gk_error *err)
{
	gk_auto_json json_t *errors = NULL;

	if (gk_schema_is_valid(schema, value, err ? &errors : NULL))
		return GK_OK;
	if (!err)
		return GK_INVALID_ARGUMENT;
	return errors ? gk_schema_error(schema, value, errors, err) : gk_error_no_memory(err);
}
