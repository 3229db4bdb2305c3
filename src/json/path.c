/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* The way to a member deep inside: dotted paths and JSON Pointers (RFC 6901). */
#include "json/pointer.h"

#include "base/parse.h"

#include <math.h>

/* Digits without a leading zero. False when it is no index or no array has so many elements. */
bool gk_json_pointer_index(const char *token, size_t len, size_t *ret)
{
	uint64_t index;

	if ((len > 1 && token[0] == '0') || !gk_parse_u64(token, len, &index) || index > SIZE_MAX)
		return false;
	*ret = (size_t)index;
	return true;
}

static json_t *element(const json_t *parent, const char *text, size_t len)
{
	size_t index;

	return gk_json_pointer_index(text, len, &index) ? json_array_get(parent, index) : NULL;
}

json_t *gk_json_at_peek(const json_t *root, const char *path)
{
	json_t *at = (json_t *)(uintptr_t)root; /* what is found is lent under the caller's rules */

	for (bool first = true; at && *path; first = false) {
		size_t len;

		if (*path == '[') {
			len = strcspn(++path, "]");
			if (path[len] != ']')
				return NULL;
			at = element(at, path, len);
			path += len + 1;
			continue;
		}
		if (!first && *path++ != '.')
			return NULL;
		len = strcspn(path, ".[");
		at = json_object_getn(at, path, len);
		path += len;
	}
	return at;
}

const char *gk_json_str_peek(const json_t *root, const char *path)
{
	return json_string_value(gk_json_at_peek(root, path));
}

int64_t gk_json_int_at(const json_t *root, const char *path, int64_t missing)
{
	const json_t *value = gk_json_at_peek(root, path);
	double real = json_real_value(value);

	if (json_is_integer(value))
		return json_integer_value(value);
	/* 2.0 is an integer in JSON, as far as an integer can hold it. */
	if (json_is_real(value) && real >= -0x1p63 && real < 0x1p63 && real == trunc(real))
		return (int64_t)real;
	return missing;
}

double gk_json_real_at(const json_t *root, const char *path, double missing)
{
	const json_t *value = gk_json_at_peek(root, path);

	return json_is_number(value) ? json_number_value(value) : missing;
}

bool gk_json_bool_at(const json_t *root, const char *path, bool missing)
{
	const json_t *value = gk_json_at_peek(root, path);

	return json_is_boolean(value) ? json_is_true(value) : missing;
}

/* --- JSON Pointer --- */

/* The member whose name is the token with ~0 and ~1 for ~ and /. Names are compared, not copied: tokens may be long. */
static bool names(const char *token, size_t len, const char *name, size_t name_len)
{
	size_t at = 0;

	for (size_t i = 0; i < len; i++, at++) {
		char c = token[i];

		if (c == '~')
			c = token[++i] == '1' ? '/' : '~';
		if (at == name_len || name[at] != c)
			return false;
	}
	return at == name_len;
}

/* A '~' is followed by 0 or 1 and by nothing else. */
static bool is_well_formed(const char *token, size_t len, bool *has_escapes)
{
	*has_escapes = false;
	for (size_t i = 0; i < len; i++) {
		if (token[i] != '~')
			continue;
		if (++i == len || (token[i] != '0' && token[i] != '1'))
			return false;
		*has_escapes = true;
	}
	return true;
}

/* A walk over the members, where the name's escapes or its place ask for one. */
static json_t *find_member(json_t *object, const char *token, size_t len, size_t *index_ret)
{
	size_t index = 0;

	for (void *i = json_object_iter(object); i; i = json_object_iter_next(object, i), index++) {
		if (!names(token, len, json_object_iter_key(i), json_object_iter_key_len(i)))
			continue;
		if (index_ret)
			*index_ret = index;
		return json_object_iter_value(i);
	}
	return NULL;
}

json_t *gk_json_pointer_step(const json_t *parent, const char **pointer, size_t *index_ret)
{
	const char *token = *pointer + 1;
	size_t len, index;
	bool has_escapes;

	if (**pointer != '/')
		return NULL;
	len = strcspn(token, "/");
	*pointer = token + len;
	if (!is_well_formed(token, len, &has_escapes))
		return NULL;
	if (json_is_array(parent)) {
		if (!gk_json_pointer_index(token, len, &index))
			return NULL;
		if (index_ret)
			*index_ret = index;
		return json_array_get(parent, index);
	}
	if (has_escapes || index_ret)
		return find_member((json_t *)(uintptr_t)parent, token, len, index_ret);
	return json_object_getn(parent, token, len);
}

json_t *gk_json_pointer_peek(const json_t *root, const char *pointer)
{
	json_t *at = (json_t *)(uintptr_t)root;

	while (at && *pointer)
		at = gk_json_pointer_step(at, &pointer, NULL);
	return at;
}

size_t gk_json_pointer_unescape(const char *token, size_t len, char *ret, bool *well_formed)
{
	size_t at = 0;

	for (size_t i = 0; i < len; i++) {
		char c = token[i];

		if (c == '~' && i + 1 < len && (token[i + 1] == '0' || token[i + 1] == '1'))
			c = token[++i] == '1' ? '/' : '~';
		else if (c == '~' && well_formed)
			*well_formed = false;
		ret[at++] = c;
	}
	return at;
}

void gk_json_pointer_escape(gk_buf *pointer, const char *name, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (name[i] == '~')
			gk_buf_puts(pointer, "~0");
		else if (name[i] == '/')
			gk_buf_puts(pointer, "~1");
		else
			gk_buf_putc(pointer, name[i]);
	}
}
