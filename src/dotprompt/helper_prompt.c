/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* role, history, section, media, json, ifEquals, unlessEquals. The first four are what writes markers. */
#include "dotprompt/helper_builtin.h"

#include "base/limits.h"
#include "dotprompt/text.h"

#include <math.h>

#define MAX_INDENT 10 /* JSON.stringify takes no more */

/* --- markers --- */

static gk_code write_marker(gk_helper_call *call, const gk_buf *text, gk_error *err)
{
	return gk_buf_failed(text) ? gk_error_no_memory(err)
				   : gk_render_write_marked(call->render, text->data, text->len);
}

/* "dotprompt:role:" and the first argument. */
static gk_code write_argument(gk_helper_call *call, const char *prefix, gk_error *err)
{
	gk_auto_buf gk_buf text = GK_BUF_INIT(0);
	size_t len;
	gk_auto_str char *argument = gk_helper_arg_text(call, 0, &len);

	if (!argument)
		return gk_error_no_memory(err);
	gk_buf_putc(&text, GK_MARK_BYTE);
	gk_buf_puts(&text, prefix);
	gk_buf_put(&text, argument, len);
	gk_buf_puts(&text, ">>>");
	return write_marker(call, &text, err);
}

static gk_piece piece_of(gk_piece_kind kind, json_t *value)
{
	return (gk_piece){ .kind = kind,
		.text = json_string_value(value),
		.len = json_string_length(value),
		.owner = value };
}

/* A name of a-z needs no looking for its end. */
static bool is_plain_role(const json_t *value)
{
	const char *text = json_string_value(value);
	size_t len = json_string_length(value), at = 0;

	while (at < len && text[at] >= 'a' && text[at] <= 'z')
		at++;
	return len > 0 && at == len;
}

gk_code gk_helper_role(gk_helper_call *call, gk_error *err)
{
	json_t *role = gk_helper_arg_peek(call, 0);

	call->is_safe = true;
	if (is_plain_role(role))
		return gk_render_put(call->render, piece_of(GK_PIECE_ROLE, role));
	return write_argument(call, "dotprompt:role:", err);
}

gk_code gk_helper_section(gk_helper_call *call, gk_error *err)
{
	call->is_safe = true;
	return write_argument(call, "dotprompt:section ", err);
}

gk_code gk_helper_history(gk_helper_call *call, gk_error *err)
{
	(void)err;
	call->is_safe = true;
	return gk_render_put(call->render, (gk_piece){ .kind = GK_PIECE_HISTORY });
}

/* No blank, ">>>" or line end: nothing that would cut it short. */
static bool is_clean(const json_t *value)
{
	const char *text = json_string_value(value);
	size_t len = json_string_length(value);

	return text && !memchr(text, ' ', len) && !memchr(text, '\n', len) &&
	       !memchr(text, '\r', len) && !memmem(text, len, ">>>", 3) &&
	       !memmem(text, len, "\xe2\x80\xa8", 3) && !memmem(text, len, "\xe2\x80\xa9", 3) &&
	       len > 0 && text[len - 1] != '>' && gk_text_is_utf8(text, len);
}

static gk_code write_media(gk_helper_call *call, json_t *url, json_t *type, gk_error *err)
{
	gk_auto_buf gk_buf text = GK_BUF_INIT(0);

	gk_buf_putc(&text, GK_MARK_BYTE);
	gk_buf_puts(&text, "dotprompt:media:url ");
	gk_text_put_value(&text, url);
	if (type) {
		gk_buf_putc(&text, ' ');
		gk_text_put_value(&text, type);
	}
	gk_buf_puts(&text, ">>>");
	return write_marker(call, &text, err);
}

/* A URL may be a whole image: it is not copied when it needs no cutting. */
gk_code gk_helper_media(gk_helper_call *call, gk_error *err)
{
	json_t *url = gk_helper_hash_peek(call, "url");
	json_t *type = gk_helper_hash_peek(call, "contentType");
	gk_code rc;

	call->is_safe = true;
	if (call->call->n_params > 0)
		return gk_error_set(err, GK_INVALID_ARGUMENT,
			"media takes url= and contentType=, nothing else");
	if (!gk_value_is_truthy(type))
		type = NULL;
	if (!is_clean(url) || (type && !is_clean(type)))
		return write_media(call, url, type, err);
	rc = gk_render_put(call->render, piece_of(GK_PIECE_MEDIA, url));
	return rc == GK_OK && type
		       ? gk_render_put(call->render, piece_of(GK_PIECE_MEDIA_TYPE, type))
		       : rc;
}

/* --- json --- */

/* What a level is indented by; at most MAX_INDENT characters. */
static size_t indent_of(const json_t *value, const char **ret)
{
	static const char blanks[MAX_INDENT + 1] = "          ";
	double number = floor(json_number_value(value));

	if (json_is_string(value)) {
		*ret = json_string_value(value);
		return gk_text_first_units(*ret, json_string_length(value), MAX_INDENT);
	}
	*ret = blanks;
	if (!json_is_number(value) || !(number >= 1))
		return 0;
	return number > MAX_INDENT ? MAX_INDENT : (size_t)number;
}

gk_code gk_helper_json(gk_helper_call *call, gk_error *err)
{
	gk_auto_buf gk_buf text = GK_BUF_INIT(GK_MAX_TEMPLATE_OUTPUT);
	const char *indent;
	size_t len = indent_of(gk_helper_hash_peek(call, "indent"), &indent);

	call->is_safe = true;
	if (call->call->n_params != 1)
		return gk_error_set(err, GK_INVALID_ARGUMENT, "json requires one argument");
	if (call->args[0])
		gk_text_put_json(&text, call->args[0], indent, len);
	else
		gk_buf_puts(&text, "undefined");
	if (gk_buf_failed(&text))
		return gk_error_set(err, GK_RESOURCE_EXHAUSTED,
			"json: the value is nested too deeply, its text too long, or memory ran out");
	return gk_render_write(call->render, text.data, text.len);
}

/* --- ifEquals, unlessEquals --- */

static gk_code choose_equal(gk_helper_call *call, bool is_wanted, gk_error *err)
{
	bool is_same;

	if (call->call->n_params != 2 || !call->is_block)
		return gk_error_set(err, GK_INVALID_ARGUMENT,
			"%s requires two arguments and a body", gk_helper_name_peek(call));
	is_same = gk_value_is_same(call->render, call->args[0], call->args[1]);
	return gk_render_call_body(call, is_same == is_wanted ? call->body : call->inverse,
		call->this_value, NULL, NULL, 0);
}

gk_code gk_helper_if_equals(gk_helper_call *call, gk_error *err)
{
	return choose_equal(call, true, err);
}

gk_code gk_helper_unless_equals(gk_helper_call *call, gk_error *err)
{
	return choose_equal(call, false, err);
}
