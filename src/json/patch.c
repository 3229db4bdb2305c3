/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Applying: the operations read from JSON, and what each does to the document. */
#include "json/patch.h"

#include "base/arena.h"
#include "base/limits.h"
#include "base/str.h"
#include "json/edit.h"
#include "json/patch_doc.h"
#include "json/pointer.h"

/* One application; in the heap, since its paths are long. */
typedef struct patcher {
	patch_doc doc;
	gk_arena names; /* tokens that had escapes */
	/* The operation that is being applied. */
	patch_path path, from;
	json_t *value; /* borrowed; NULL: none */
} patcher;

/* --- paths --- */

/* A client in JavaScript would change more than the document with them. */
static bool is_forbidden(const char *name, size_t len)
{
	static const char *const forbidden[] = { "__proto__", "prototype", "constructor" };

	for (size_t i = 0; i < sizeof(forbidden) / sizeof(forbidden[0]); i++)
		if (len == strlen(forbidden[i]) && memcmp(name, forbidden[i], len) == 0)
			return true;
	return false;
}

static gk_code read_token(patcher *p, const char *text, size_t len, patch_path *path, gk_error *err)
{
	bool well_formed = true;
	char *name = NULL;

	if (path->count == GK_JSON_MAX_DEPTH)
		return gk_error_set(err, GK_RESOURCE_EXHAUSTED, "the path is deeper than %d levels",
			GK_JSON_MAX_DEPTH);
	if (memchr(text, '~', len)) {
		name = gk_arena_bytes(&p->names, len);
		if (!name)
			return gk_error_no_memory(err);
		len = gk_json_pointer_unescape(text, len, name, &well_formed);
	}
	if (!well_formed && !p->doc.is_lenient)
		return gk_error_set(err, GK_INVALID_ARGUMENT,
			"Invalid JSON Pointer: \"%s\" has a \"~\" without 0 or 1.", path->text);
	if (p->doc.is_lenient && is_forbidden(name ? name : text, len))
		return gk_error_set(err, GK_INVALID_ARGUMENT,
			"Invalid JSON Pointer: \"%s\" contains forbidden token \"%.*s\".",
			path->text, (int)len, name ? name : text);
	path->tokens[path->count++] = (struct patch_token){ name ? name : text, len };
	return GK_OK;
}

static gk_code read_path(
	patcher *p, const json_t *one, const char *member, patch_path *ret, gk_error *err)
{
	const json_t *string = json_object_get(one, member);
	const char *at = json_string_value(string), *end;
	gk_code rc = GK_OK;

	if (!at)
		return gk_error_set(err, GK_INVALID_ARGUMENT, "'%s' must be a string", member);
	end = at + json_string_length(string);
	ret->text = at;
	ret->count = 0;
	if (at < end && *at != '/')
		return gk_error_set(err, GK_INVALID_ARGUMENT,
			"Invalid JSON Pointer: \"%s\" must start with \"/\".", at);
	while (at < end && rc == GK_OK) {
		const char *token = at + 1, *next = memchr(token, '/', (size_t)(end - token));

		at = next ? next : end;
		rc = read_token(p, token, (size_t)(at - token), ret, err);
	}
	return rc;
}

/* Whether `inner` is `outer`, or lies below it. */
static bool lies_in(const patch_path *inner, const patch_path *outer)
{
	if (inner->count < outer->count)
		return false;
	for (size_t i = 0; i < outer->count; i++) {
		const struct patch_token *a = &inner->tokens[i], *b = &outer->tokens[i];

		if (a->len != b->len || memcmp(a->name, b->name, a->len) != 0)
			return false;
	}
	return true;
}

/* --- operations --- */

static gk_code op_add(patcher *p, gk_error *err)
{
	return gk_patch_doc_put(&p->doc, &p->path, p->value, PATCH_ADD, err);
}

static gk_code op_replace(patcher *p, gk_error *err)
{
	return gk_patch_doc_put(&p->doc, &p->path, p->value, PATCH_REPLACE, err);
}

static gk_code op_remove(patcher *p, gk_error *err)
{
	return gk_patch_doc_remove(&p->doc, &p->path, err);
}

/* With a reference of its own: what it stands in may go. */
static gk_code take_from(patcher *p, json_t **ret, gk_error *err)
{
	*ret = json_incref(gk_patch_doc_peek(&p->doc, &p->from));
	if (!*ret && !p->doc.is_lenient)
		return gk_error_set(
			err, GK_FAILED_PRECONDITION, "there is nothing at \"%s\"", p->from.text);
	return GK_OK;
}

static gk_code op_move(patcher *p, gk_error *err)
{
	gk_auto_json json_t *value = NULL;
	gk_code rc = take_from(p, &value, err);

	if (rc != GK_OK)
		return rc;
	if (!p->doc.is_lenient && lies_in(&p->path, &p->from)) {
		if (p->path.count == p->from.count)
			return GK_OK;
		return gk_error_set(
			err, GK_INVALID_ARGUMENT, "\"%s\" cannot move into itself", p->from.text);
	}
	rc = gk_patch_doc_remove(&p->doc, &p->from, err);
	return rc == GK_OK ? gk_patch_doc_put(&p->doc, &p->path, value, PATCH_ADD, err) : rc;
}

static gk_code op_copy(patcher *p, gk_error *err)
{
	gk_auto_json json_t *value = NULL;
	gk_code rc = take_from(p, &value, err);

	return rc == GK_OK ? gk_patch_doc_put(&p->doc, &p->path, value, PATCH_COPY, err) : rc;
}

static gk_code op_test(patcher *p, gk_error *err)
{
	if (gk_json_equal(gk_patch_doc_peek(&p->doc, &p->path), p->value))
		return GK_OK;
	if (p->path.count == 0)
		return gk_error_set(
			err, GK_FAILED_PRECONDITION, "JSON Patch 'test' failed at root.");
	return gk_error_set(
		err, GK_FAILED_PRECONDITION, "JSON Patch 'test' failed at \"%s\".", p->path.text);
}

typedef struct operation {
	const char *name;
	gk_code (*run)(patcher *p, gk_error *err);
	bool has_value, has_from;
} operation;

static const operation operations[] = {
	{ "add", op_add, true, false },
	{ "copy", op_copy, false, true },
	{ "move", op_move, false, true },
	{ "remove", op_remove, false, false },
	{ "replace", op_replace, true, false },
	{ "test", op_test, true, false },
};

static const operation *find_operation(const char *name)
{
	for (size_t i = 0; i < sizeof(operations) / sizeof(operations[0]); i++)
		if (gk_str_equal(operations[i].name, name))
			return &operations[i];
	return NULL;
}

static gk_code run_operation(patcher *p, const json_t *one, gk_error *err)
{
	const char *name = json_string_value(json_object_get(one, "op"));
	const operation *op = find_operation(name);
	gk_code rc;

	if (!json_is_object(one))
		return gk_error_set(err, GK_INVALID_ARGUMENT, "an operation must be an object");
	rc = read_path(p, one, "path", &p->path, err);
	if (rc != GK_OK)
		return rc;
	if (!op && name)
		return gk_error_set(
			err, GK_INVALID_ARGUMENT, "Unsupported JSON Patch op: %s", name);
	if (!op)
		return gk_error_set(err, GK_INVALID_ARGUMENT, "'op' must be a string");
	if (op->has_from)
		rc = read_path(p, one, "from", &p->from, err);
	if (rc != GK_OK)
		return rc;
	p->value = json_object_get(one, "value");
	if (op->has_value && !p->value && !p->doc.is_lenient)
		return gk_error_set(err, GK_INVALID_ARGUMENT, "'%s' needs a 'value'", op->name);
	return op->run(p, err);
}

/* Says which operation it was, in the text and for programs. */
static void locate_error(gk_error *err, size_t index, const json_t *one)
{
	json_t *details = err ? json_object() : NULL, *path = json_object_get(one, "path");

	if (!err)
		return;
	if (gk_json_set_int(details, "operation", (int64_t)index) &&
		(!json_is_string(path) || gk_json_set(details, "path", path)))
		gk_error_details_take(err, details);
	else
		json_decref(details);
	gk_error_prefix(err, "operation %zu: ", index);
}

gk_code gk_json_patch_apply(
	json_t *doc, const json_t *patch, gk_patch_rules rules, json_t **ret, gk_error *err)
{
	gk_auto_str patcher *p = NULL;
	gk_code rc = GK_OK;
	json_t *one;
	size_t i;

	if (!json_is_array(patch))
		return gk_error_set(
			err, GK_INVALID_ARGUMENT, "a patch must be an array of operations");
	if (json_array_size(patch) > GK_MAX_PATCH_OPS)
		return gk_error_set(err, GK_RESOURCE_EXHAUSTED,
			"the patch has more than %d operations", GK_MAX_PATCH_OPS);
	p = calloc(1, sizeof(*p));
	if (!p)
		return gk_error_no_memory(err);
	p->doc = (patch_doc){ .root = json_incref(doc), .is_lenient = rules == GK_PATCH_LENIENT };
	json_array_foreach (patch, i, one) {
		rc = run_operation(p, one, err);
		if (rc == GK_OK)
			continue;
		locate_error(err, i, one);
		break;
	}
	if (rc == GK_OK)
		*ret = gk_steal(p->doc.root);
	json_decref(p->doc.root);
	gk_arena_done(&p->names);
	return rc;
}
