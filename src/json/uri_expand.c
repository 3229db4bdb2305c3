/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "json/uri_expand.h"

#include "base/buf.h"
#include "base/limits.h"
#include "base/number.h"
#include "base/parse.h"

#define MAX_PREFIX 9999

/* RFC 6570, appendix A. */
typedef struct operator_ {
	char character;
	const char *first;    /* before the values */
	char separator;       /* between them */
	bool is_named;        /* name=value */
	const char *if_empty; /* behind the name of an empty value */
	bool allows_reserved; /* reserved characters and escapes stay as they are */
} operator_;

static const operator_ operators[] = {
	{ '+', "", ',', false, "", true },
	{ '#', "#", ',', false, "", true },
	{ '.', ".", '.', false, "", false },
	{ '/', "/", '/', false, "", false },
	{ ';', ";", ';', true, "", false },
	{ '?', "?", '&', true, "=", false },
	{ '&', "&", '&', true, "=", false },
};
static const operator_ plain = { '\0', "", ',', false, "", false };

/* One variable of an expression: "name", "name:3", "name*". */
typedef struct spec {
	const char *name;
	size_t len;
	uint64_t prefix; /* 0: all of it */
	bool is_exploded;
} spec;

typedef struct expander {
	const char *start, *at;
	const json_t *variables;
	const operator_ *op;
	bool has_values; /* of this expression */
	gk_buf out;
	gk_error *err;
} expander;

static gk_code malformed(expander *x)
{
	return gk_error_set(x->err, GK_INVALID_ARGUMENT,
		"malformed URI template at character %zu: %s", (size_t)(x->at - x->start) + 1,
		x->start);
}

/* --- characters --- */

static bool is_hex(char c)
{
	return c && strchr("0123456789ABCDEFabcdef", c);
}

static bool is_escape(const char *text)
{
	return text[0] == '%' && is_hex(text[1]) && is_hex(text[2]);
}

static bool is_alphanumeric(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static bool is_unreserved(char c)
{
	return is_alphanumeric(c) || (c && strchr("-._~", c));
}

static bool is_reserved(char c)
{
	return c && strchr(":/?#[]@!$&'()*+,;=", c);
}

/* `text` ends in NUL behind `len`. */
static void put(gk_buf *out, const char *text, size_t len, bool allows_reserved)
{
	for (const char *end = text + len; text < end; text++) {
		if (is_unreserved(*text) ||
			(allows_reserved && (is_reserved(*text) || is_escape(text))))
			gk_buf_putc(out, *text);
		else
			gk_buf_printf(out, "%%%02X", (unsigned char)*text);
	}
}

/* --- values --- */

/* The text of a scalar; in `number` when it is none. NULL: it has none. */
static const char *text_of(const json_t *value, char number[GK_NUMBER_SIZE], size_t *len)
{
	const char *text = number;

	switch (value ? json_typeof(value) : JSON_NULL) {
	case JSON_STRING:
		*len = json_string_length(value);
		return json_string_value(value);
	case JSON_INTEGER:
		*len = gk_format_i64(json_integer_value(value), number);
		return text;
	case JSON_REAL:
		*len = gk_format_real(json_real_value(value), number);
		return text;
	case JSON_TRUE:
	case JSON_FALSE:
		text = json_is_true(value) ? "true" : "false";
		*len = strlen(text);
		return text;
	default:
		return NULL;
	}
}

static void put_value(expander *x, const json_t *value, uint64_t prefix)
{
	char number[GK_NUMBER_SIZE];
	size_t len = 0, at = 0;
	const char *text = text_of(value, number, &len);

	for (; prefix > 0 && at < len; prefix--)
		do
			at++;
		while (at < len && ((unsigned char)text[at] & 0xc0) == 0x80);
	if (text)
		put(&x->out, text, at ? at : len, x->op->allows_reserved);
}

static bool has_text(const json_t *value)
{
	return value && !json_is_null(value) && !json_is_array(value) && !json_is_object(value);
}

/* What stands before a value. */
static void begin_value(expander *x)
{
	if (x->has_values)
		gk_buf_putc(&x->out, x->op->separator);
	else
		gk_buf_puts(&x->out, x->op->first);
	x->has_values = true;
}

static void put_name(expander *x, const char *name, size_t len, bool is_empty)
{
	put(&x->out, name, len, true);
	gk_buf_puts(&x->out, is_empty ? x->op->if_empty : "=");
}

static bool is_empty_text(const json_t *value)
{
	return json_is_string(value) && json_string_length(value) == 0;
}

/* name=value, or the value alone. */
static void put_pair(expander *x, const char *name, size_t len, const json_t *value)
{
	begin_value(x);
	if (x->op->is_named)
		put_name(x, name, len, is_empty_text(value));
	put_value(x, value, 0);
}

/* A member as "name,value", or on its own as "name=value". */
static void put_member(expander *x, const char *key, size_t len, const json_t *value, bool is_own)
{
	put(&x->out, key, len, x->op->allows_reserved);
	gk_buf_putc(&x->out, is_own ? '=' : ',');
	put_value(x, value, 0);
}

/* The elements of a list, or the members of an object, that have a text: their number, and they themselves as `is_own`
 * values or with commas between them. */
static size_t put_list(expander *x, const spec *it, json_t *value, bool counts_only)
{
	size_t count = 0;

	for (size_t i = 0; i < json_array_size(value); i++) {
		json_t *item = json_array_get(value, i);

		if (!has_text(item) || (count++, counts_only))
			continue;
		if (it->is_exploded) {
			put_pair(x, it->name, it->len, item);
			continue;
		}
		if (count > 1)
			gk_buf_putc(&x->out, ',');
		put_value(x, item, 0);
	}
	return count;
}

static size_t put_members(expander *x, const spec *it, json_t *value, bool counts_only)
{
	size_t count = 0;

	for (void *i = json_object_iter(value); i; i = json_object_iter_next(value, i)) {
		const char *key = json_object_iter_key(i);
		size_t len = json_object_iter_key_len(i);
		json_t *item = json_object_iter_value(i);

		if (!has_text(item) || (count++, counts_only))
			continue;
		if (it->is_exploded)
			begin_value(x);
		else if (count > 1)
			gk_buf_putc(&x->out, ',');
		if (it->is_exploded && x->op->is_named && is_empty_text(item))
			put_name(x, key, len, true);
		else
			put_member(x, key, len, item, it->is_exploded);
	}
	return count;
}

static gk_code put_composite(expander *x, const spec *it, json_t *value)
{
	size_t (*put_all)(expander *, const spec *, json_t *, bool) =
		json_is_array(value) ? put_list : put_members;

	if (it->prefix)
		return malformed(x);
	if (put_all(x, it, value, true) == 0)
		return GK_OK;
	if (!it->is_exploded) {
		begin_value(x);
		if (x->op->is_named)
			put_name(x, it->name, it->len, false);
	}
	put_all(x, it, value, false);
	return GK_OK;
}

static gk_code put_variable(expander *x, const spec *it)
{
	json_t *value = json_object_getn(x->variables, it->name, it->len);

	if (json_is_array(value) || json_is_object(value))
		return put_composite(x, it, value);
	if (!has_text(value))
		return GK_OK;
	begin_value(x);
	if (x->op->is_named)
		put_name(x, it->name, it->len, is_empty_text(value));
	put_value(x, value, it->prefix);
	return GK_OK;
}

/* --- templates --- */

/* varname: letters, digits, "_" and escapes, with single dots between them */
static size_t name_len(const char *text)
{
	size_t at = 0;

	for (;;) {
		size_t begin = at;

		while (is_alphanumeric(text[at]) || text[at] == '_' || is_escape(text + at))
			at += text[at] == '%' ? 3 : 1;
		if (at == begin)
			return 0;
		if (text[at] != '.')
			return at;
		at++;
	}
}

static bool read_spec(expander *x, spec *ret)
{
	size_t digits;

	*ret = (spec){ .name = x->at, .len = name_len(x->at) };
	if (ret->len == 0)
		return false;
	x->at += ret->len;
	if (*x->at == '*') {
		ret->is_exploded = true;
		x->at++;
	} else if (*x->at == ':') {
		digits = strspn(x->at + 1, "0123456789");
		if (x->at[1] == '0' || !gk_parse_u64(x->at + 1, digits, &ret->prefix) ||
			ret->prefix > MAX_PREFIX)
			return false;
		x->at += digits + 1;
	}
	return true;
}

/* Behind the "{". */
static gk_code expand_expression(expander *x)
{
	x->op = &plain;
	x->has_values = false;
	for (size_t i = 0; i < sizeof(operators) / sizeof(operators[0]); i++)
		if (operators[i].character == *x->at)
			x->op = &operators[i];
	if (x->op != &plain)
		x->at++;
	for (;; x->at++) {
		spec it;
		gk_code rc;

		if (!read_spec(x, &it))
			return malformed(x);
		rc = put_variable(x, &it);
		if (rc != GK_OK)
			return rc;
		if (*x->at != ',')
			break;
	}
	if (*x->at != '}')
		return malformed(x);
	x->at++;
	return GK_OK;
}

static gk_code expand(expander *x)
{
	while (*x->at) {
		gk_code rc;

		if (*x->at == '}')
			return malformed(x);
		if (*x->at != '{') {
			put(&x->out, x->at, 1, true);
			x->at++;
			continue;
		}
		x->at++;
		rc = expand_expression(x);
		if (rc != GK_OK)
			return rc;
	}
	return GK_OK;
}

gk_code gk_uri_expand(const char *uri_template, const json_t *variables, char **ret, gk_error *err)
{
	expander x = { .start = uri_template,
		.at = uri_template,
		.variables = variables,
		.out = GK_BUF_INIT(GK_MAX_URL),
		.err = err };
	gk_code rc = expand(&x);
	char *text;

	if (rc == GK_OK && !gk_buf_failed(&x.out))
		gk_buf_put(&x.out, "", 0);
	text = rc == GK_OK ? gk_buf_take(&x.out, NULL) : NULL;
	gk_buf_done(&x.out);
	if (rc != GK_OK)
		return rc;
	if (!text)
		return gk_error_set(err, GK_RESOURCE_EXHAUSTED,
			"a URI of more than %u bytes, or memory ran out", GK_MAX_URL);
	*ret = text;
	return GK_OK;
}
