/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "dotprompt/value.h"

#include "base/parse.h"
#include "dotprompt/text.h"
#include "json/edit.h"

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

/* An object is compared as its text: "[object Object]", "1,2". The context of a loop's turn comes here each time, so what
 * cannot be equal is not written out. */
static bool object_equals(const json_t *object, const json_t *other)
{
	static const char text_of_object[] = "[object Object]";
	gk_auto_buf gk_buf text = GK_BUF_INIT(0);
	gk_auto_json json_t *primitive = NULL;
	const char *other_text = json_string_value(other);

	if (json_is_object(object))
		return other_text && strcmp(other_text, text_of_object) == 0;
	if (json_array_size(object) > 1 && !(other_text && strchr(other_text, ',')))
		return false;
	gk_text_put_value(&text, object);
	if (gk_buf_failed(&text))
		return false;
	primitive = json_stringn_nocheck(text.data, text.len);
	return primitive && gk_value_equals(primitive, other);
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
