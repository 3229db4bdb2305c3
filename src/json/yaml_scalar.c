/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "json/yaml_scalar.h"

#include "base/number.h"
#include "base/parse.h"
#include "base/str.h"

#include <ctype.h>
#include <math.h>

#define CORE_TAG "tag:yaml.org,2002:"

static bool is_one_of(const char *text, size_t len, const char *const *words)
{
	for (; *words; words++)
		if (strlen(*words) == len && memcmp(text, *words, len) == 0)
			return true;
	return false;
}

/* These give a new value, or NULL when the text is not of their form; `*failed` tells that memory ran out. */
typedef json_t *form_fn(const char *text, size_t len, bool *failed);

static json_t *made(json_t *value, bool *failed)
{
	*failed |= !value;
	return value;
}

static json_t *as_null(const char *text, size_t len, bool *failed)
{
	static const char *const words[] = { "", "~", "null", "Null", "NULL", NULL };

	(void)failed;
	return is_one_of(text, len, words) ? json_null() : NULL;
}

static json_t *as_bool(const char *text, size_t len, bool *failed)
{
	static const char *const yes[] = { "true", "True", "TRUE", NULL };
	static const char *const no[] = { "false", "False", "FALSE", NULL };

	(void)failed;
	return is_one_of(text, len, yes)  ? json_true()
	       : is_one_of(text, len, no) ? json_false()
					  : NULL;
}

/* Infinity and NaN, which JSON has not, are null; so does JavaScript write them. */
static json_t *new_real(double value, bool *failed)
{
	return isfinite(value) ? made(json_real(value), failed) : json_null();
}

/* 0o17 and 0x1F, without a sign; beyond 64 bits they are reals. */
static json_t *as_based_int(const char *text, size_t len, unsigned base, bool *failed)
{
	int64_t whole = 0;
	double real = 0;
	bool fits = true;

	if (len == 0)
		return NULL;
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];
		unsigned digit = c <= '9' ? c - (unsigned)'0' : (c | 0x20u) - 'a' + 10;

		if (!isxdigit(c) || digit >= base)
			return NULL;
		real = real * base + digit;
		fits = fits && !__builtin_mul_overflow(whole, (int64_t)base, &whole) &&
		       !__builtin_add_overflow(whole, (int64_t)digit, &whole);
	}
	return fits ? made(json_integer(whole), failed) : new_real(real, failed);
}

static json_t *as_int(const char *text, size_t len, bool *failed)
{
	size_t sign = len > 0 && (text[0] == '-' || text[0] == '+');
	int64_t whole;
	double real = INFINITY;

	if (len > 2 && text[0] == '0' && (text[1] == 'o' || text[1] == 'x'))
		return as_based_int(text + 2, len - 2, text[1] == 'o' ? 8 : 16, failed);
	if (len == sign)
		return NULL;
	for (size_t i = sign; i < len; i++)
		if (!isdigit((unsigned char)text[i]))
			return NULL;
	if (gk_parse_i64(text, len, &whole))
		return made(json_integer(whole), failed);
	(void)gk_parse_real(text, len, &real); /* it fails only for what is out of range */
	return new_real(real, failed);
}

static bool is_infinite_or_nan(const char *text, size_t len)
{
	static const char *const infinities[] = { ".inf", ".Inf", ".INF", NULL };
	static const char *const nans[] = { ".nan", ".NaN", ".NAN", NULL };
	size_t sign = len > 0 && (text[0] == '-' || text[0] == '+');

	return is_one_of(text + sign, len - sign, infinities) || is_one_of(text, len, nans);
}

static size_t digits_at(const char *text, size_t len, size_t at)
{
	size_t begin = at;

	while (at < len && isdigit((unsigned char)text[at]))
		at++;
	return at - begin;
}

/* [-+]? (digits [. digits?] | . digits) ([eE] [-+]? digits)?, with a point or an exponent. */
static bool is_float(const char *text, size_t len)
{
	size_t at = len > 0 && (text[0] == '-' || text[0] == '+'),
	       digits = digits_at(text, len, at);
	bool has_mark = false;

	at += digits;
	if (at < len && text[at] == '.') {
		size_t more = digits_at(text, len, ++at);

		has_mark = true;
		at += more;
		digits += more;
	}
	if (digits > 0 && at < len && (text[at] == 'e' || text[at] == 'E')) {
		has_mark = true;
		at++;
		at += at < len && (text[at] == '-' || text[at] == '+');
		digits = digits_at(text, len, at);
		at += digits;
	}
	return has_mark && digits > 0 && at == len;
}

static json_t *as_float(const char *text, size_t len, bool *failed)
{
	double real = INFINITY;

	if (is_infinite_or_nan(text, len))
		return json_null();
	if (!is_float(text, len))
		return NULL;
	(void)gk_parse_real(text, len, &real);
	return new_real(real, failed);
}

static json_t *as_string(const char *text, size_t len, bool *failed)
{
	return made(json_stringn_nocheck(text, len), failed);
}

static const struct {
	const char *name;
	form_fn *form;
} core_tags[] = {
	{ "null", as_null },
	{ "bool", as_bool },
	{ "int", as_int },
	{ "float", as_float },
	{ "str", as_string },
};
#define CORE_TAGS (sizeof(core_tags) / sizeof(core_tags[0]))

static form_fn *find_form(const char *tag)
{
	if (!gk_str_has_prefix(tag, CORE_TAG))
		return NULL;
	for (size_t i = 0; i < CORE_TAGS; i++)
		if (strcmp(core_tags[i].name, tag + strlen(CORE_TAG)) == 0)
			return core_tags[i].form;
	return NULL;
}

static json_t *resolve_plain(const char *text, size_t len, gk_yaml_mode mode, bool *failed)
{
	json_t *value = NULL;

	if (mode == GK_YAML_STRINGS)
		return len == 0 ? json_null() : NULL;
	for (size_t i = 0; i < CORE_TAGS && !value && !*failed; i++)
		value = core_tags[i].form(text, len, failed);
	return value;
}

json_t *gk_yaml_scalar(const char *text, size_t len, const char *tag, bool is_plain,
	gk_yaml_mode mode, bool *unknown_tag_ret)
{
	form_fn *form = tag ? find_form(tag) : NULL;
	json_t *value = NULL;
	bool failed = false;

	*unknown_tag_ret = tag && !form && strcmp(tag, "!") != 0;
	if (form)
		value = form(text, len, &failed);
	else if (!tag && is_plain)
		value = resolve_plain(text, len, mode, &failed);
	if (!value && !failed)
		value = as_string(text, len, &failed);
	return value;
}

json_t *gk_yaml_key(const json_t *value)
{
	char text[GK_NUMBER_SIZE];

	switch (json_typeof(value)) {
	case JSON_INTEGER:
		gk_format_i64(json_integer_value(value), text);
		return json_string_nocheck(text);
	case JSON_REAL:
		gk_format_real(json_real_value(value), text);
		return json_string_nocheck(text);
	case JSON_TRUE:
		return json_string_nocheck("true");
	case JSON_FALSE:
		return json_string_nocheck("false");
	case JSON_STRING:
		return json_incref((json_t *)(uintptr_t)value);
	default:
		return json_string_nocheck("");
	}
}
