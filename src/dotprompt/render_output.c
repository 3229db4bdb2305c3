/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* The pieces of the output, and markers among them. */
#include "dotprompt/render.h"
#include "dotprompt/text.h"

#include "base/limits.h"

#include <genkit/json.h>

#define STEP_BYTES 1024 /* text costs a step for each so many */

/* --- putting --- */

static bool grow(gk_render *r)
{
	size_t room = r->room * 2;
	gk_piece *old = r->pieces == r->few ? NULL : r->pieces;
	gk_piece *more = realloc(old, room * sizeof(*more));

	if (!more)
		return false;
	if (!old)
		memcpy(more, r->few, sizeof(r->few));
	r->pieces = more;
	r->room = room;
	return true;
}

gk_code gk_render_put(gk_render *r, gk_piece piece)
{
	r->output += piece.len;
	if (r->output > GK_MAX_TEMPLATE_OUTPUT)
		return gk_error_set(r->err, GK_RESOURCE_EXHAUSTED,
			"a template writes more than %u bytes", GK_MAX_TEMPLATE_OUTPUT);
	if (r->n_pieces == r->room && !grow(r))
		return gk_error_no_memory(r->err);
	r->pieces[r->n_pieces++] = piece;
	return GK_OK;
}

size_t gk_render_mark(gk_render *r)
{
	return r->floor = r->n_pieces;
}

/* A copy in the arena; it lengthens the last piece when that ends right before it. */
static gk_code put_copy(gk_render *r, const char *text, size_t len)
{
	gk_piece *last = r->n_pieces > r->floor ? &r->pieces[r->n_pieces - 1] : NULL;
	char *copy;

	if (len == 0)
		return GK_OK;
	if (len > GK_MAX_TEMPLATE_OUTPUT)
		return gk_render_put(r, (gk_piece){ .len = len });
	copy = gk_arena_bytes(&r->arena, len);
	if (!copy)
		return gk_error_no_memory(r->err);
	memcpy(copy, text, len);
	if (!last || last->kind != GK_PIECE_TEXT || last->owner || last->text + last->len != copy)
		return gk_render_put(r, (gk_piece){ .text = copy, .len = len });
	last->len += len;
	r->output += len;
	return GK_OK;
}

gk_code gk_render_write(gk_render *r, const char *text, size_t len)
{
	gk_auto_buf gk_buf valid = GK_BUF_INIT(0);

	if (gk_text_is_utf8(text, len))
		return put_copy(r, text, len);
	gk_text_put(&valid, text, len);
	return gk_buf_failed(&valid) ? gk_error_no_memory(r->err)
				     : put_copy(r, valid.data, valid.len);
}

static const char *entity_of(char c)
{
	switch (c) {
	case '&':
		return "&amp;";
	case '<':
		return "&lt;";
	case '>':
		return "&gt;";
	case '"':
		return "&quot;";
	case '\'':
		return "&#x27;";
	case '`':
		return "&#x60;";
	case '=':
		return "&#x3D;";
	default:
		return NULL;
	}
}

gk_code gk_render_write_escaped(gk_render *r, const char *text, size_t len)
{
	gk_auto_buf gk_buf escaped = GK_BUF_INIT(0);

	for (size_t i = 0; i < len; i++) {
		const char *entity = entity_of(text[i]);

		if (entity)
			gk_buf_puts(&escaped, entity);
		else
			gk_buf_putc(&escaped, text[i]);
	}
	return gk_buf_failed(&escaped)
		       ? gk_error_no_memory(r->err)
		       : gk_render_write(r, escaped.data ? escaped.data : "", escaped.len);
}

/* --- markers as text --- */

static const char role_prefix[] = "dotprompt:role:", history_text[] = "dotprompt:history",
		  section_prefix[] = "dotprompt:section", media_prefix[] = "dotprompt:media:url";

static bool begins(const char *text, size_t len, const char *what)
{
	size_t what_len = strlen(what);

	return len >= what_len && memcmp(text, what, what_len) == 0;
}

/* The first ">>>" of a text, if no line ends before it; NULL: there is none. */
static const char *find_close(const char *text, size_t len)
{
	for (const char *end = text + len; text < end; text++) {
		if (begins(text, (size_t)(end - text), ">>>"))
			return text;
		if (*text == '\n' || *text == '\r' ||
			begins(text, (size_t)(end - text), "\xe2\x80\xa8") ||
			begins(text, (size_t)(end - text), "\xe2\x80\xa9"))
			return NULL;
	}
	return NULL;
}

/* Of a role only a-z may stand before ">>>". */
static const char *find_role_close(const char *text, size_t len)
{
	size_t at = 0;

	while (at < len && text[at] >= 'a' && text[at] <= 'z')
		at++;
	return at > 0 && begins(text + at, len - at, ">>>") ? text + at : NULL;
}

/* The marker that a text behind GK_MARK_BYTE begins with; its piece points into the text. Gives its length in the text;
 * 0: it is none that is closed. */
static size_t read_marker(const char *text, size_t len, gk_piece *ret)
{
	static const struct {
		const char *prefix;
		gk_piece_kind kind;
		const char *(*find_close)(const char *text, size_t len);
	} markers[] = {
		{ role_prefix, GK_PIECE_ROLE, find_role_close },
		{ media_prefix, GK_PIECE_MEDIA_RAW, find_close },
		{ section_prefix, GK_PIECE_SECTION, find_close },
	};
	const char *close;

	if (begins(text, len, history_text) && begins(text + 17, len - 17, ">>>")) {
		*ret = (gk_piece){ .kind = GK_PIECE_HISTORY };
		return 20;
	}
	for (size_t i = 0; i < sizeof(markers) / sizeof(markers[0]); i++) {
		size_t prefix = strlen(markers[i].prefix);

		if (!begins(text, len, markers[i].prefix))
			continue;
		close = markers[i].find_close(text + prefix, len - prefix);
		if (!close)
			break;
		*ret = (gk_piece){ .kind = markers[i].kind,
			.text = text + prefix,
			.len = (size_t)(close - text) - prefix };
		return (size_t)(close - text) + 3;
	}
	return 0;
}

/* A marker that is not closed: its text, with "<<<", up to the next one. */
static gk_code put_loose(gk_render *r, const char *text, size_t len)
{
	char *copy = gk_arena_bytes(&r->arena, len + 3);

	if (!copy)
		return gk_error_no_memory(r->err);
	memcpy(copy, "<<<", 3);
	memcpy(copy + 3, text, len);
	return gk_render_put(r, (gk_piece){ .kind = GK_PIECE_LOOSE, .text = copy, .len = len + 3 });
}

gk_code gk_render_write_marked(gk_render *r, const char *text, size_t len)
{
	const char *end = text + len;
	gk_code rc = GK_OK;

	while (text < end && rc == GK_OK) {
		const char *mark = memchr(text, GK_MARK_BYTE, (size_t)(end - text)), *next;
		gk_piece piece;
		size_t taken;

		if (!mark)
			return gk_render_write(r, text, (size_t)(end - text));
		rc = gk_render_write(r, text, (size_t)(mark - text));
		if (rc != GK_OK)
			break;
		mark++;
		next = memchr(mark, GK_MARK_BYTE, (size_t)(end - mark));
		if (!next)
			next = end;
		taken = read_marker(mark, (size_t)(next - mark), &piece);
		if (taken == 0) {
			rc = put_loose(r, mark, (size_t)(next - mark));
			text = next;
			continue;
		}
		if (piece.len) {
			piece.text = gk_arena_text(&r->arena, piece.text, piece.len);
			if (!piece.text)
				return gk_error_no_memory(r->err);
		}
		rc = gk_render_put(r, piece);
		text = mark + taken;
	}
	return rc;
}

void gk_piece_flatten(const gk_piece *piece, bool keeps_marks, gk_buf *buf)
{
	static const char *const prefixes[] = {
		[GK_PIECE_ROLE] = role_prefix,
		[GK_PIECE_HISTORY] = history_text,
		[GK_PIECE_SECTION] = section_prefix,
		[GK_PIECE_MEDIA] = "dotprompt:media:url ",
		[GK_PIECE_MEDIA_RAW] = media_prefix,
	};

	if (piece->kind == GK_PIECE_TEXT || gk_buf_failed(buf)) {
		gk_buf_put(buf, piece->text, piece->len);
		return;
	}
	if (piece->kind == GK_PIECE_MEDIA_TYPE) {
		buf->len -= 3; /* the ">>>" of the piece before */
		gk_buf_putc(buf, ' ');
	} else if (keeps_marks) {
		gk_buf_putc(buf, GK_MARK_BYTE);
	} else {
		gk_buf_puts(buf, "<<<");
	}
	if (piece->kind == GK_PIECE_LOOSE) {
		gk_buf_put(buf, piece->text + 3, piece->len - 3);
		return;
	}
	if (piece->kind != GK_PIECE_MEDIA_TYPE)
		gk_buf_puts(buf, prefixes[piece->kind]);
	gk_buf_put(buf, piece->text, piece->len);
	gk_buf_puts(buf, ">>>");
}

void gk_render_flatten(const gk_render *r, size_t mark, bool keeps_marks, gk_buf *buf)
{
	for (; mark < r->n_pieces; mark++)
		gk_piece_flatten(&r->pieces[mark], keeps_marks, buf);
	gk_buf_put(buf, "", 0);
}

bool gk_render_has_markers(const gk_render *r, size_t mark)
{
	for (; mark < r->n_pieces; mark++)
		if (r->pieces[mark].kind != GK_PIECE_TEXT)
			return true;
	return false;
}

/* --- printing values --- */

static gk_code print_string(gk_render *r, json_t *value, bool is_escaped)
{
	const char *text = json_string_value(value);
	size_t len = json_string_length(value);
	bool is_valid = gk_text_is_utf8(text, len);

	if (is_escaped && !gk_value_set_has(&r->safe, value))
		return gk_render_write_escaped(r, text, len);
	if (is_valid)
		return gk_render_put(r, (gk_piece){ .text = text, .len = len, .owner = value });
	return gk_value_set_has(&r->marked, value) ? gk_render_write_marked(r, text, len)
						   : gk_render_write(r, text, len);
}

static gk_code print_array(gk_render *r, const json_t *array, bool is_escaped, unsigned depth)
{
	gk_code rc = GK_OK;

	if (depth == GK_JSON_MAX_DEPTH)
		return gk_error_set(
			r->err, GK_RESOURCE_EXHAUSTED, "a value is nested too deeply to print");
	for (size_t i = 0; i < json_array_size(array) && rc == GK_OK; i++) {
		json_t *item = json_array_get(array, i);

		if (i > 0)
			rc = gk_render_put(r, (gk_piece){ .text = ",", .len = 1 });
		if (rc == GK_OK)
			rc = gk_render_step(r, 1);
		if (rc == GK_OK && json_is_array(item))
			rc = print_array(r, item, is_escaped, depth + 1);
		else if (rc == GK_OK)
			rc = gk_render_print(r, item, is_escaped);
	}
	return rc;
}

gk_code gk_render_print(gk_render *r, json_t *value, bool is_escaped)
{
	char number[32];

	if (!value)
		return GK_OK;
	switch (json_typeof(value)) {
	case JSON_STRING:
		return print_string(r, value, is_escaped);
	case JSON_INTEGER:
	case JSON_REAL:
		return put_copy(r, number, gk_text_number(value, number));
	case JSON_TRUE:
		return gk_render_put(r, (gk_piece){ .text = "true", .len = 4 });
	case JSON_FALSE:
		return gk_render_put(r, (gk_piece){ .text = "false", .len = 5 });
	case JSON_ARRAY:
		return print_array(r, value, is_escaped, 0);
	case JSON_OBJECT:
		return gk_render_put(r, (gk_piece){ .text = "[object Object]", .len = 15 });
	default:
		return GK_OK;
	}
}

/* --- indenting --- */

/* Adds a piece again, with the indent wherever a line begins. A marker is one character of its line. */
static gk_code put_indented(gk_render *r, gk_piece piece, gk_tmpl_text indent, bool *at_start)
{
	gk_piece blanks = { .text = indent.text, .len = indent.len };
	const char *end = piece.text + piece.len, *line_end = NULL;
	gk_code rc = GK_OK;

	do {
		bool is_text = piece.kind == GK_PIECE_TEXT || piece.kind == GK_PIECE_LOOSE;

		if (*at_start && (piece.len || piece.kind != GK_PIECE_TEXT))
			rc = gk_render_put(r, blanks);
		if (rc != GK_OK)
			break;
		*at_start = *at_start && piece.kind == GK_PIECE_TEXT && piece.len == 0;
		line_end = is_text && piece.len ? memchr(piece.text, '\n', piece.len) : NULL;
		if (line_end) {
			*at_start = true;
			if (line_end + 1 < end)
				piece.owner = NULL;
			piece.len = (size_t)(line_end + 1 - piece.text);
		}
		rc = gk_render_put(r, piece);
		piece.kind = GK_PIECE_TEXT;
		piece.text = line_end ? line_end + 1 : end;
		piece.len = (size_t)(end - piece.text);
		piece.owner = NULL;
	} while (rc == GK_OK && line_end && piece.len > 0);
	return rc;
}

gk_code gk_render_indent(gk_render *r, size_t mark, gk_tmpl_text indent)
{
	size_t count = r->n_pieces - mark, bytes = 0;
	gk_piece *old = malloc(count * sizeof(*old) + 1);
	bool at_start = true;
	gk_code rc;

	if (!old)
		return gk_error_no_memory(r->err);
	if (count)
		memcpy(old, r->pieces + mark, count * sizeof(*old));
	r->n_pieces = mark;
	for (size_t i = 0; i < count; i++)
		bytes += old[i].len;
	rc = gk_render_step(r, count + bytes / STEP_BYTES);
	r->output -= bytes; /* it was counted when it was put */
	for (size_t i = 0; i < count && rc == GK_OK; i++)
		rc = put_indented(r, old[i], indent, &at_start);
	free(old);
	return rc;
}
