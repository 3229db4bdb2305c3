/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "json/partial.h"

#include "json/blank.h"
#include "json/literal.h"
#include "json/partial_reader.h"

static void skip_blanks(gk_partial_reader *r)
{
	while (r->at < r->end &&
		(*r->at == ' ' || *r->at == '\n' || *r->at == '\r' || *r->at == '\t'))
		r->at++;
}

static json_t *no_memory(gk_partial_reader *r)
{
	r->code = gk_error_no_memory(r->err);
	return NULL;
}

/* --- strings --- */

/* A string with its quotes, as JSON has it; NULL: it is malformed, or `r->code` says why. */
static json_t *strict(gk_partial_reader *r, const char *text, size_t len)
{
	json_t *value = NULL;

	if (gk_json_parse(text, len, SIZE_MAX, &value, NULL) == GK_RESOURCE_EXHAUSTED)
		return no_memory(r);
	return value;
}

/* The same for one that has no closing quote. */
static json_t *strict_closed(gk_partial_reader *r, const char *text, size_t len)
{
	gk_buf_clear(&r->text);
	gk_buf_put(&r->text, text, len);
	gk_buf_putc(&r->text, '"');
	return gk_buf_failed(&r->text) ? no_memory(r) : strict(r, r->text.data, r->text.len);
}

/* `r->at` is where a quote should be; it is then behind the closing one, or at the end. */
static json_t *read_string(gk_partial_reader *r)
{
	const char *begin = r->at++, *cut;
	bool escaped = false;
	json_t *value;

	for (; r->at < r->end && (escaped || *r->at != '"'); r->at++)
		escaped = *r->at == '\\' && !escaped;
	if (r->at < r->end) {
		r->at++;
		return strict(r, begin, (size_t)(r->at - begin));
	}
	if (begin >= r->end || *begin != '"')
		return NULL;
	value = strict_closed(r, begin, (size_t)(r->end - begin) - escaped);
	if (value || r->code != GK_OK)
		return value;
	cut = memrchr(begin, '\\', (size_t)(r->end - begin)); /* an escape that is not all there */
	return cut ? strict_closed(r, begin, (size_t)(cut - begin)) : NULL;
}

/* --- scalars --- */

static json_t *number_of(gk_partial_reader *r, const char *begin, const char *end)
{
	const char *number_end, *bad;
	json_t *value = NULL;
	bool is_real;

	while (end > begin && strchr(" \n\r\t", end[-1]) && end[-1])
		end--;
	number_end = gk_json_number_end(begin, end, &is_real, &bad);
	if (number_end != end)
		return NULL;
	if (!gk_json_number(begin, end, is_real, &value))
		return json_null(); /* beyond what a double holds */
	return value ? value : no_memory(r);
}

/* Up to what may follow a number; or, when its exponent is not all there, up to that. */
static json_t *read_number(gk_partial_reader *r)
{
	const char *begin = r->at, *cut;
	json_t *value;

	r->at += r->at < r->end && *r->at == '-';
	while (r->at < r->end && *r->at != ',' && *r->at != ']' && *r->at != '}')
		r->at++;
	value = number_of(r, begin, r->at);
	if (value || r->code != GK_OK)
		return value;
	cut = memrchr(begin, 'e', (size_t)(r->end - begin));
	r->is_clean = false; /* with more text the last may be another */
	return cut ? number_of(r, begin, cut) : NULL;
}

/* A word may be cut short by the end of the text, but not all of it may be missing. */
static bool is_word_here(gk_partial_reader *r, const char *word, size_t at_least)
{
	size_t len = strlen(word), left = (size_t)(r->end - r->at);

	if (left < at_least || memcmp(r->at, word, left < len ? left : len) != 0)
		return false;
	r->at += left < len ? left : len;
	return true;
}

static json_t *read_scalar(gk_partial_reader *r)
{
	skip_blanks(r);
	if (r->at == r->end)
		return NULL;
	if (*r->at == '"')
		return read_string(r);
	if (is_word_here(r, "true", 1))
		return json_true();
	if (is_word_here(r, "false", 1))
		return json_false();
	if (is_word_here(r, "null", 1) || is_word_here(r, "Infinity", 1) ||
		is_word_here(r, "-Infinity", 2) || is_word_here(r, "NaN", 1))
		return json_null();
	return read_number(r);
}

/* --- structure --- */

/* A scalar, or an empty container with `r->at` behind its bracket. NULL: it is malformed, or `r->code` says why. */
static json_t *begin_value(gk_partial_reader *r)
{
	json_t *value;

	skip_blanks(r);
	if (r->at == r->end || (*r->at != '{' && *r->at != '['))
		return read_scalar(r);
	value = *r->at == '{' ? json_object() : json_array();
	r->at++;
	return value ? value : no_memory(r);
}

/* The name of a member and the one character that stands for the colon. */
static bool read_key(gk_partial_reader *r)
{
	json_decref(r->key);
	r->key = read_string(r);
	if (!r->key)
		return false;
	r->builder.key = json_string_value(r->key);
	r->builder.key_len = json_string_length(r->key);
	skip_blanks(r);
	if (r->at == r->end)
		return true;
	r->is_clean = r->is_clean && *r->at == ':';
	r->at++;
	return true;
}

gk_partial_step gk_partial_read_next(gk_partial_reader *r)
{
	json_t *value;

	skip_blanks(r);
	if (r->at == r->end)
		return GK_PARTIAL_BROKEN;
	if (*r->at == gk_json_closer(&r->builder)) {
		r->at++;
		return GK_PARTIAL_CLOSED;
	}
	if (json_is_object(gk_json_innermost(&r->builder)) && !read_key(r))
		return GK_PARTIAL_BROKEN;
	value = begin_value(r);
	if (!value)
		return GK_PARTIAL_BROKEN;
	r->code = gk_json_builder_add_take(&r->builder, value, r->err);
	return r->code == GK_OK ? GK_PARTIAL_READ : GK_PARTIAL_BROKEN;
}

void gk_partial_skip_comma(gk_partial_reader *r)
{
	skip_blanks(r);
	if (r->at < r->end && *r->at == ',')
		r->at++;
}

void gk_partial_read_rest(gk_partial_reader *r)
{
	while (r->builder.depth && r->code == GK_OK) {
		unsigned depth = r->builder.depth;
		gk_partial_step step = gk_partial_read_next(r);

		if (r->code != GK_OK)
			return;
		if (step != GK_PARTIAL_READ)
			r->builder.depth--;
		if (r->builder.depth && r->builder.depth <= depth)
			gk_partial_skip_comma(
				r); /* behind a value; not behind an opening bracket */
	}
}

void gk_partial_done(gk_partial_reader *r)
{
	gk_json_builder_done(&r->builder);
	json_decref(r->key);
	gk_buf_done(&r->text);
}

static gk_code read_root(gk_partial_reader *r)
{
	json_t *value = begin_value(r);

	if (value)
		return r->code = gk_json_builder_add_take(&r->builder, value, r->err);
	if (r->code == GK_OK)
		r->code = gk_error_set_plain(r->err, "no JSON value begins here");
	return r->code;
}

gk_code gk_json_parse_partial(const char *text, size_t len, json_t **ret, gk_error *err)
{
	gk_partial_reader r = { .err = err };

	if (len > GK_MAX_EXTRACT_TEXT)
		return gk_error_set(err, GK_RESOURCE_EXHAUSTED,
			"JSON of %zu bytes exceeds the limit of %u bytes", len,
			GK_MAX_EXTRACT_TEXT);
	gk_trim(&text, &len);
	r.at = text;
	r.end = text + len;
	gk_json_builder_init(&r.builder, len);
	if (read_root(&r) == GK_OK)
		gk_partial_read_rest(&r);
	if (r.code == GK_OK)
		*ret = gk_json_builder_take(&r.builder);
	gk_partial_done(&r);
	return r.code;
}
