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
#include <string.h>

/* In line, since the length of a name that stands in the source is known: many are set and looked up. NULL is the name of
 * no member. */
static inline size_t gk_json_name_len(const char *key)
{
	return key ? strlen(key) : 0;
}

/** json_object_get(). */
static inline json_t *gk_json_peek(const json_t *object, const char *key)
{
	return json_object_getn(object, key, gk_json_name_len(key));
}

/** `value_take` is consumed either way. */
GK_MUST_USE static inline bool gk_json_set_take(json_t *object, const char *key, json_t *value_take)
{
	return json_object_setn_new_nocheck(object, key, gk_json_name_len(key), value_take) == 0;
}

/** `value` is borrowed; the object holds a reference of its own. */
GK_MUST_USE static inline bool gk_json_set(json_t *object, const char *key, json_t *value)
{
	return gk_json_set_take(object, key, json_incref(value));
}

GK_MUST_USE static inline bool gk_json_set_str(json_t *object, const char *key, const char *text)
{
	return gk_json_set_take(object, key, json_string_nocheck(text));
}

GK_MUST_USE static inline bool gk_json_set_int(json_t *object, const char *key, int64_t value)
{
	return gk_json_set_take(object, key, json_integer(value));
}

GK_MUST_USE static inline bool gk_json_set_bool(json_t *object, const char *key, bool value)
{
	return gk_json_set_take(object, key, json_boolean(value));
}

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
