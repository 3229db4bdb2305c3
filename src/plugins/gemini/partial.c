/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "plugins/gemini/gemini.h"

#include "base/limits.h"
#include "base/parse.h"

/* One step of a path: a name, or an index. */
typedef struct step {
	char name[GK_MAX_GEMINI_NAME];
	size_t index;
	bool is_index;
} step;

/* Takes ".name", "['name']" or "[1]" off the path. False: it is none, or its end. */
static bool next_step(const char **path, step *ret)
{
	const char *at = *path, *end;
	uint64_t index;

	if (*at == '.') {
		at++;
		end = at + strcspn(at, ".[");
		*path = end;
	} else if (*at == '[' && (at[1] == '\'' || at[1] == '"')) {
		end = strchr(at + 2, at[1]);
		if (!end || end[1] != ']')
			return false;
		at += 2;
		*path = end + 2;
	} else if (*at == '[') {
		at++;
		end = strchr(at, ']');
		if (!end || !gk_parse_u64(at, (size_t)(end - at), &index) ||
			index >= GK_MAX_GEMINI_INDEX)
			return false;
		*path = end + 1;
		*ret = (step){ .index = (size_t)index, .is_index = true };
		return true;
	} else {
		return false;
	}
	if (end == at || (size_t)(end - at) >= sizeof(ret->name))
		return false;
	ret->is_index = false;
	memcpy(ret->name, at, (size_t)(end - at));
	ret->name[end - at] = '\0';
	return true;
}

static json_t *child_of(json_t *parent, const step *at)
{
	return at->is_index ? json_array_get(parent, at->index) : json_object_get(parent, at->name);
}

static bool put_child(json_t *parent, const step *at, json_t *value)
{
	if (!at->is_index)
		return !json_is_object(parent) || gk_json_set(parent, at->name, value);
	if (!json_is_array(parent))
		return true;
	while (json_array_size(parent) <= at->index)
		if (json_array_append_new(parent, json_null()) < 0)
			return false;
	return json_array_set(parent, at->index, value) == 0;
}

/* What a piece says; NULL: nothing, or no memory. New reference. */
static json_t *value_of(const json_t *piece, const json_t *before)
{
	json_t *text = json_object_get(piece, "stringValue");
	json_t *value = json_object_get(piece, "numberValue");

	if (json_is_string(text) && json_is_string(before))
		return json_sprintf("%s%s", json_string_value(before), json_string_value(text));
	if (text)
		return json_incref(text);
	if (!value)
		value = json_object_get(piece, "boolValue");
	if (value)
		return json_incref(value);
	return json_object_get(piece, "nullValue") ? json_null() : NULL;
}

static bool has_value(const json_t *piece)
{
	return json_object_get(piece, "stringValue") || json_object_get(piece, "numberValue") ||
	       json_object_get(piece, "boolValue") || json_object_get(piece, "nullValue");
}

static bool apply(json_t *args, const json_t *piece)
{
	const char *path = gk_json_str_peek(piece, "jsonPath");
	gk_auto_json json_t *value = NULL;
	json_t *at = args;
	step here, next;
	unsigned depth = 0;

	if (!path || *path != '$' || !has_value(piece))
		return true;
	path++;
	if (!next_step(&path, &here))
		return true;
	while (next_step(&path, &next) && ++depth < GK_JSON_MAX_DEPTH / 2) {
		json_t *child = child_of(at, &here);

		if (next.is_index ? !json_is_array(child) : !json_is_object(child)) {
			gk_auto_json json_t *made = next.is_index ? json_array() : json_object();

			if (!made || !put_child(at, &here, made))
				return false;
			child = child_of(at, &here);
			if (!child) /* the way leads through what is no container */
				return true;
		}
		at = child;
		here = next;
	}
	value = value_of(piece, child_of(at, &here));
	return value && put_child(at, &here, value);
}

bool gk_gemini_apply_partial(json_t *args, const json_t *pieces)
{
	json_t *piece;
	size_t i;

	json_array_foreach (pieces, i, piece)
		if (!apply(args, piece))
			return false;
	return true;
}
