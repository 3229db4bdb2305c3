/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * Building and comparing values. The setters say whether it worked and take a NULL, which is what an allocation that
 * failed leaves, as a failure too, so that a whole object needs one check:
 *
 *	gk_auto_json json_t *part = json_object();
 *
 *	if (!gk_json_set_str(part, "text", text) || !gk_json_set_take(part, "metadata", metadata_new()))
 *		return gk_error_no_memory(err);
 */
#ifndef GK_JSON_EDIT_H
#define GK_JSON_EDIT_H

#include <genkit/json.h>

/** `value_take` is consumed either way. */
GK_MUST_USE bool gk_json_set_take(json_t *object, const char *key, json_t *value_take);
/** `value` is borrowed; the object holds a reference of its own. */
GK_MUST_USE bool gk_json_set(json_t *object, const char *key, json_t *value);
GK_MUST_USE bool gk_json_set_str(json_t *object, const char *key, const char *text);
GK_MUST_USE bool gk_json_set_int(json_t *object, const char *key, int64_t value);
GK_MUST_USE bool gk_json_set_bool(json_t *object, const char *key, bool value);
/** To the end of an array; `value_take` is consumed either way. */
GK_MUST_USE bool gk_json_push_take(json_t *array, json_t *value_take);

/** A new object {...a, ...b}: members of `b` win, at the place they had in `a`. Shallow; what is no object counts as
 * empty. NULL when memory ran out. */
GK_MUST_USE json_t *gk_json_merge(const json_t *a, const json_t *b);

/** A shallow copy that has every member, or item: json_copy() says nothing of those that found no memory. NULL for NULL, and
 * when memory ran out. */
GK_MUST_USE json_t *gk_json_copy(const json_t *value);

/** JavaScript's order of members: names that are array indexes ascending, then the rest as they were added. The same
 * object with a new reference when it is in order already, a shallow copy otherwise; NULL when memory ran out. */
GK_MUST_USE json_t *gk_json_js_order(json_t *object);

/** An object or an array. */
static inline bool gk_json_is_container(const json_t *value)
{
	return json_is_object(value) || json_is_array(value);
}

/** What JavaScript takes for true: not null, false, 0, "" nor NULL. */
bool gk_json_is_truthy(const json_t *value);

/** Deep equality as JSON Schema has it: 1 equals 1.0, the order of members does not matter. NULL equals only NULL. */
bool gk_json_equal(const json_t *a, const json_t *b);

#endif
