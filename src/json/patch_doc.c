/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "json/patch_doc.h"

#include "base/limits.h"
#include "json/edit.h"
#include "json/pointer.h"

/* What steps cost beside one value looked at: a member copied is hashed and allocated, elements are moved by memmove. */
#define MEMBER_STEPS      8
#define ELEMENTS_PER_STEP 8
#define VALUE_BYTES       16 /* of a value that is copied, beside its text */

typedef struct patch_token patch_token;

static gk_code nothing_there(const patch_path *path, gk_error *err)
{
	return gk_error_set(
		err, GK_FAILED_PRECONDITION, "there is no such place as \"%s\"", path->text);
}

static gk_code spend(patch_doc *doc, size_t steps, gk_error *err)
{
	if (steps > GK_MAX_PATCH_WORK - doc->work)
		return gk_error_set(err, GK_RESOURCE_EXHAUSTED,
			"the patch takes more than %d steps", GK_MAX_PATCH_WORK);
	doc->work += steps;
	return GK_OK;
}

/* --- reading --- */

static bool is_append(const patch_token *token)
{
	return token->len == 1 && token->name[0] == '-';
}

/* NULL: the path is the root's. */
static const patch_token *last_token(const patch_path *path)
{
	return path->count ? &path->tokens[path->count - 1] : NULL;
}

static json_t *child_peek(const json_t *parent, const patch_token *token)
{
	size_t index;

	if (json_is_array(parent))
		return gk_json_pointer_index(token->name, token->len, &index)
			       ? json_array_get(parent, index)
			       : NULL;
	return json_object_getn(parent, token->name, token->len);
}

static json_t *peek(const patch_doc *doc, const patch_path *path, size_t count)
{
	json_t *at = doc->root;

	for (size_t i = 0; at && i < count; i++)
		at = child_peek(at, &path->tokens[i]);
	return at;
}

json_t *gk_patch_doc_peek(const patch_doc *doc, const patch_path *path)
{
	return peek(doc, path, path->count);
}

/* --- what is put in --- */

/* Walks a value that is to stand `depth` containers deep: it must not get too deep, and the walk itself counts. */
static gk_code measure(
	patch_doc *doc, json_t *value, size_t depth, size_t *bytes_ret, gk_error *err)
{
	gk_code rc = spend(doc, 1, err);
	json_t *one;
	size_t i;

	*bytes_ret += VALUE_BYTES + json_string_length(value);
	if (rc != GK_OK || !gk_json_is_container(value))
		return rc;
	if (depth >= GK_JSON_MAX_DEPTH)
		return gk_error_set(err, GK_RESOURCE_EXHAUSTED,
			"the result is deeper than %d levels", GK_JSON_MAX_DEPTH);
	json_array_foreach (value, i, one)
		if (rc == GK_OK)
			rc = measure(doc, one, depth + 1, bytes_ret, err);
	for (void *it = json_object_iter(value); it && rc == GK_OK;
		it = json_object_iter_next(value, it)) {
		*bytes_ret += json_object_iter_key_len(it);
		rc = measure(doc, json_object_iter_value(it), depth + 1, bytes_ret, err);
	}
	return rc;
}

static gk_code admit(patch_doc *doc, json_t *value, size_t depth, patch_put how, gk_error *err)
{
	size_t bytes = 0;
	gk_code rc = measure(doc, value, depth, &bytes, err);

	if (rc != GK_OK || how != PATCH_COPY)
		return rc;
	/* Copies share what they copy, and yet a few of them would make a text of any length. */
	if (bytes > GK_MAX_PATCH_COPIED - doc->copied)
		return gk_error_set(err, GK_RESOURCE_EXHAUSTED,
			"the patch copies more than %u bytes", GK_MAX_PATCH_COPIED);
	doc->copied += bytes;
	return GK_OK;
}

/* --- what is ours to change --- */

/* One level deep: all below is shared. */
static gk_code copy_container(patch_doc *doc, json_t *shared, json_t **ret, gk_error *err)
{
	bool is_array = json_is_array(shared);
	size_t steps = is_array ? json_array_size(shared) : json_object_size(shared) * MEMBER_STEPS;
	gk_auto_json json_t *copy = NULL;
	gk_code rc = spend(doc, steps, err);

	if (rc != GK_OK)
		return rc;
	copy = is_array ? json_array() : gk_json_merge(shared, NULL);
	if (!copy || (is_array && json_array_extend(copy, shared) != 0))
		return gk_error_no_memory(err);
	*ret = gk_steal(copy);
	return GK_OK;
}

/* Held by its parent alone, which is ours: nobody else can see it. */
static bool is_ours(const json_t *container)
{
	return container->refcount == 1;
}

/* Consumes the value; NULL: none. What is no index of an array is passed over. */
static gk_code set_child(patch_doc *doc, json_t *parent, const patch_token *token,
	json_t *value_take, bool inserts, gk_error *err)
{
	size_t index = SIZE_MAX, size = json_array_size(parent);
	gk_auto_json json_t *value = value_take;
	gk_code rc = GK_OK;
	int failed;

	if (json_is_object(parent) && !value) {
		json_object_deln(parent, token->name, token->len);
		return GK_OK;
	}
	if (json_is_object(parent))
		return json_object_setn_new_nocheck(
			       parent, token->name, token->len, gk_steal(value)) == 0
			       ? GK_OK
			       : gk_error_no_memory(err);
	if (!is_append(token) && !gk_json_pointer_index(token->name, token->len, &index))
		return GK_OK;
	if (!value)
		value = json_null();
	if (index >= size) {
		failed = json_array_append_new(parent, gk_steal(value));
	} else if (inserts) {
		rc = spend(doc, (size - index) / ELEMENTS_PER_STEP, err);
		if (rc != GK_OK)
			return rc;
		failed = json_array_insert_new(parent, index, gk_steal(value));
	} else {
		failed = json_array_set_new(parent, index, gk_steal(value));
	}
	return failed ? gk_error_no_memory(err) : GK_OK;
}

/* Makes the root a container of ours. */
static gk_code open_root(patch_doc *doc, gk_error *err)
{
	json_t *root = NULL;
	gk_code rc;

	if (!gk_json_is_container(doc->root))
		root = json_object();
	else if (is_ours(doc->root))
		return GK_OK;
	else if ((rc = copy_container(doc, doc->root, &root, err)) != GK_OK)
		return rc;
	if (!root)
		return gk_error_no_memory(err);
	json_decref(doc->root);
	doc->root = root;
	return GK_OK;
}

/* The container that holds the path's last token, ours to change, as all above it. What is missing on the way is made;
 * NULL when it cannot be, because the way leads through no element of an array. */
static gk_code open_parent(patch_doc *doc, const patch_path *path, json_t **ret, gk_error *err)
{
	gk_code rc = open_root(doc, err);
	json_t *at = doc->root;
	size_t index;

	*ret = NULL;
	for (size_t i = 0; rc == GK_OK && i + 1 < path->count; i++) {
		const patch_token *token = &path->tokens[i];
		json_t *child = child_peek(at, token), *ours = NULL;

		if (json_is_array(at) && !gk_json_pointer_index(token->name, token->len, &index))
			return GK_OK;
		if (gk_json_is_container(child) && is_ours(child)) {
			at = child;
			continue;
		}
		if (gk_json_is_container(child))
			rc = copy_container(doc, child, &ours, err);
		else if (!(ours = json_object()))
			rc = gk_error_no_memory(err);
		if (rc == GK_OK)
			rc = set_child(doc, at, token, ours, false, err);
		at = ours;
	}
	if (rc == GK_OK)
		*ret = at;
	return rc;
}

/* --- changing --- */

/* Whether RFC 6902 lets a value be put there. */
static bool is_place(const patch_doc *doc, const patch_path *path, patch_put how)
{
	const patch_token *last = last_token(path);
	const json_t *parent;
	size_t index;

	if (how == PATCH_REPLACE)
		return gk_patch_doc_peek(doc, path) != NULL;
	if (path->count == 0)
		return true;
	parent = peek(doc, path, path->count - 1);
	if (!json_is_array(parent))
		return json_is_object(parent);
	return is_append(last) || (gk_json_pointer_index(last->name, last->len, &index) &&
					  index <= json_array_size(parent));
}

gk_code gk_patch_doc_put(
	patch_doc *doc, const patch_path *path, json_t *value, patch_put how, gk_error *err)
{
	json_t *parent;
	gk_code rc = GK_OK;

	if (!doc->is_lenient && !is_place(doc, path, how))
		return nothing_there(path, err);
	if (value)
		rc = admit(doc, value, path->count, how, err);
	if (rc != GK_OK)
		return rc;
	if (path->count == 0) {
		json_incref(value);
		json_decref(doc->root);
		doc->root = value;
		return GK_OK;
	}
	rc = open_parent(doc, path, &parent, err);
	if (rc != GK_OK || !parent)
		return rc;
	return set_child(
		doc, parent, last_token(path), json_incref(value), how != PATCH_REPLACE, err);
}

gk_code gk_patch_doc_remove(patch_doc *doc, const patch_path *path, gk_error *err)
{
	const patch_token *last = last_token(path);
	json_t *parent;
	size_t index;
	gk_code rc;

	if (!gk_patch_doc_peek(doc, path))
		return doc->is_lenient ? GK_OK : nothing_there(path, err);
	if (path->count == 0) {
		json_decref(doc->root);
		doc->root = NULL;
		return GK_OK;
	}
	rc = open_parent(doc, path, &parent, err);
	if (rc != GK_OK)
		return rc;
	if (json_is_object(parent)) {
		json_object_deln(parent, last->name, last->len);
		return GK_OK;
	}
	/* It is there, so it is an index. */
	if (!gk_json_pointer_index(last->name, last->len, &index))
		return GK_OK;
	rc = spend(doc, (json_array_size(parent) - index) / ELEMENTS_PER_STEP, err);
	if (rc == GK_OK)
		json_array_remove(parent, index);
	return rc;
}
