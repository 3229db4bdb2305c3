/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "dotprompt/value.h"

#include "base/parse.h"
#include "dotprompt/text.h"
#include "json/edit.h"

#include <genkit/json.h>

#include <math.h>
#include <stdio.h>

/* --- truth and equality --- */

bool gk_value_is_truthy(const json_t *value)
{
	if (!value || json_is_null(value) || json_is_false(value))
		return false;
	if (json_is_number(value))
		return json_number_value(value) != 0 && !isnan(json_number_value(value));
	return !json_is_string(value) || json_string_length(value) > 0;
}

bool gk_value_is_empty(const json_t *value)
{
	if (json_is_array(value))
		return json_array_size(value) == 0;
	return !gk_value_is_truthy(value) &&
	       !(json_is_number(value) && json_number_value(value) == 0);
}

static bool is_nothing(const json_t *value)
{
	return !value || json_is_null(value);
}

static bool is_object(const json_t *value)
{
	return json_is_object(value) || json_is_array(value);
}

bool gk_value_same_text(const json_t *a, const json_t *b)
{
	return json_string_length(a) == json_string_length(b) &&
	       memcmp(json_string_value(a), json_string_value(b), json_string_length(a)) == 0;
}

/* Number(value) of what is no object. */
static double number_of(const json_t *value)
{
	const char *text = json_string_value(value);
	size_t len = json_string_length(value), blanks;
	double number;

	if (json_is_number(value))
		return json_number_value(value);
	if (!text)
		return json_is_true(value);
	blanks = gk_text_leading(text, len);
	len = gk_text_trimmed(text, len);
	if (blanks >= len)
		return 0;
	return gk_parse_real(text + blanks, len - blanks, &number) ? number : NAN;
}

/* Does the text of a value stand at `*at`? Goes past it. Ends at the first difference, so it never costs more than the
 * other text is long. */
static bool take_text(const json_t *value, const char **at, const char *end, unsigned depth)
{
	char number[32];
	const char *text = "";
	size_t len = 0;

	if (json_is_array(value)) {
		for (size_t i = 0; i < json_array_size(value); i++) {
			if (i > 0 && (*at == end || *(*at)++ != ','))
				return false;
			if (depth == GK_JSON_MAX_DEPTH ||
				!take_text(json_array_get(value, i), at, end, depth + 1))
				return false;
		}
		return true;
	}
	if (json_is_string(value)) {
		text = json_string_value(value);
		len = json_string_length(value);
	} else if (json_is_number(value)) {
		text = number;
		len = gk_text_number(value, number);
	} else if (!json_is_null(value)) {
		text = json_is_object(value) ? "[object Object]"
		       : json_is_true(value) ? "true"
					     : "false";
		len = strlen(text);
	}
	if ((size_t)(end - *at) < len || memcmp(*at, text, len) != 0)
		return false;
	*at += len;
	return true;
}

/* An object against a number or boolean: what its text is as a number. Two elements have a comma, which no number has. */
static bool object_equals_number(const json_t *object, const json_t *other)
{
	while (json_array_size(object) == 1)
		object = json_array_get(object, 0);
	if (json_is_null(object) || (json_is_array(object) && json_array_size(object) == 0))
		return number_of(other) == 0;
	return (json_is_string(object) || json_is_number(object)) &&
	       number_of(object) == number_of(other);
}

/* An object is compared as its text, "[object Object]" or "1,2". The context of each turn of a loop is compared with the
 * one around it, so nothing is written out for that. */
static bool object_equals(const json_t *object, const json_t *other)
{
	const char *at = json_string_value(other), *end;

	if (!at)
		return object_equals_number(object, other);
	end = at + json_string_length(other);
	return take_text(object, &at, end, 0) && at == end;
}

bool gk_value_equals(const json_t *a, const json_t *b)
{
	if (a == b || is_nothing(a) || is_nothing(b))
		return a == b || (is_nothing(a) && is_nothing(b));
	if (is_object(a) && is_object(b))
		return false;
	if (is_object(a))
		return object_equals(a, b);
	if (is_object(b))
		return object_equals(b, a);
	if (json_is_string(a) && json_is_string(b))
		return gk_value_same_text(a, b);
	return number_of(a) == number_of(b);
}

/* --- spreading --- */

static bool set_index(json_t *to, size_t index, json_t *value_take)
{
	char key[24];

	snprintf(key, sizeof(key), "%zu", index);
	return gk_json_set_take(to, key, value_take);
}

bool gk_value_spread(json_t *to, json_t *value)
{
	const char *text = json_string_value(value);
	size_t len = json_string_length(value);

	if (json_is_object(value))
		return json_object_update(to, value) == 0;
	for (size_t i = 0; i < json_array_size(value); i++)
		if (!set_index(to, i, json_incref(json_array_get(value, i))))
			return false;
	for (size_t i = 0, step; len > 0; i++, text += step, len -= step) {
		for (step = 1; step < len && ((unsigned char)text[step] & 0xc0) == 0x80;)
			step++;
		if (!set_index(to, i, json_stringn_nocheck(text, step)))
			return false;
	}
	return true;
}
