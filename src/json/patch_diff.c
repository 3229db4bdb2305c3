/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* The patch from one value to another. */
#include "json/patch.h"

#include "base/limits.h"
#include "json/edit.h"
#include "json/pointer.h"

#include <stdio.h>

typedef struct differ {
	json_t *patch;
	gk_buf path; /* of the values that are being compared */
	size_t path_bytes;
	bool is_too_long, is_too_deep;
} differ;

/* All of these give false when there is no use in going on: memory ran out, or one of the flags is set. */
static bool compare(differ *d, json_t *from, json_t *to, size_t depth);

/* The value is shared. NULL: none. */
static bool tell(differ *d, const char *op, json_t *value)
{
	gk_auto_json json_t *one = NULL;

	d->path_bytes += d->path.len;
	if (json_array_size(d->patch) == GK_MAX_PATCH_OPS || d->path_bytes > GK_MAX_PATCH_PATHS) {
		d->is_too_long = true;
		return false;
	}
	one = json_object();
	return !gk_buf_failed(&d->path) && gk_json_set_str(one, "op", op) &&
	       gk_json_set_take(one, "path",
		       json_stringn_nocheck(d->path.len ? d->path.data : "", d->path.len)) &&
	       (!value || gk_json_set(one, "value", value)) &&
	       gk_json_push_take(d->patch, gk_steal(one));
}

/* One side may be missing. */
static bool compare_child(
	differ *d, const char *name, size_t len, json_t *from, json_t *to, size_t depth)
{
	size_t above = d->path.len;
	bool goes_on;

	if (from == to)
		return true;
	gk_buf_putc(&d->path, '/');
	gk_json_pointer_escape(&d->path, name, len);
	if (!from)
		goes_on = tell(d, "add", to);
	else if (!to)
		goes_on = tell(d, "remove", NULL);
	else
		goes_on = compare(d, from, to, depth + 1);
	d->path.len = above;
	return goes_on;
}

static bool compare_objects(differ *d, json_t *from, json_t *to, size_t depth)
{
	for (void *i = json_object_iter(from); i; i = json_object_iter_next(from, i)) {
		const char *name = json_object_iter_key(i);
		size_t len = json_object_iter_key_len(i);

		if (!compare_child(d, name, len, json_object_iter_value(i),
			    json_object_getn(to, name, len), depth))
			return false;
	}
	for (void *i = json_object_iter(to); i; i = json_object_iter_next(to, i)) {
		const char *name = json_object_iter_key(i);
		size_t len = json_object_iter_key_len(i);

		if (!json_object_getn(from, name, len) &&
			!compare_child(d, name, len, NULL, json_object_iter_value(i), depth))
			return false;
	}
	return true;
}

static bool compare_element(differ *d, size_t index, json_t *from, json_t *to, size_t depth)
{
	char name[24];
	int len = snprintf(name, sizeof(name), "%zu", index);

	return compare_child(d, name, (size_t)len, from, to, depth);
}

static bool compare_arrays(differ *d, json_t *from, json_t *to, size_t depth)
{
	size_t before = json_array_size(from), after = json_array_size(to);
	bool goes_on = true;

	for (size_t i = 0; goes_on && i < before && i < after; i++)
		goes_on = compare_element(
			d, i, json_array_get(from, i), json_array_get(to, i), depth);
	for (size_t i = before; goes_on && i < after; i++)
		goes_on = compare_child(d, "-", 1, NULL, json_array_get(to, i), depth);
	/* From the end, so that the indexes hold as they go. */
	for (size_t i = before; goes_on && i > after; i--)
		goes_on = compare_element(d, i - 1, json_array_get(from, i - 1), NULL, depth);
	return goes_on;
}

static bool compare(differ *d, json_t *from, json_t *to, size_t depth)
{
	if (depth > GK_JSON_MAX_DEPTH) {
		d->is_too_deep = true;
		return false;
	}
	if (from == to)
		return true;
	if (json_is_object(from) && json_is_object(to))
		return compare_objects(d, from, to, depth);
	if (json_is_array(from) && json_is_array(to))
		return compare_arrays(d, from, to, depth);
	return gk_json_equal(from, to) || tell(d, "replace", to);
}

gk_code gk_json_diff(json_t *from, json_t *to, json_t **ret, gk_error *err)
{
	gk_auto_json json_t *patch = json_array();
	differ d = { .patch = patch };
	bool is_told = patch && compare(&d, from, to, 0);

	if (d.is_too_long) {
		gk_buf_clear(&d.path);
		json_array_clear(patch);
		d.path_bytes = 0;
		is_told = tell(&d, "replace", to);
	}
	gk_buf_done(&d.path);
	if (d.is_too_deep)
		return gk_error_set(err, GK_RESOURCE_EXHAUSTED,
			"the values are deeper than %d levels", GK_JSON_MAX_DEPTH);
	if (!is_told)
		return gk_error_no_memory(err);
	*ret = gk_steal(patch);
	return GK_OK;
}
