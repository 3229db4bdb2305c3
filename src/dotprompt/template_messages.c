/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * From pieces to messages: markers cut the output into messages, and each message's text into parts.
 *
 *	text ROLE(system) text HISTORY text MEDIA text
 *	user------ system------ [history] model-------------
 */
#include "dotprompt/render.h"
#include "dotprompt/text.h"

#include "json/edit.h"

typedef struct builder {
	gk_render *r;
	json_t *history;  /* NULL: none */
	json_t *messages; /* so far */
	bool has_history;
	gk_tmpl_text role; /* of the message that is being built */
	size_t begin, end; /* its pieces; the same: none yet */
	gk_buf text;       /* for texts of several pieces */
} builder;

static const char loose_role[] = "<<<dotprompt:role:", loose_media[] = "<<<dotprompt:media:",
		  loose_section[] = "<<<dotprompt:section";

static gk_code no_memory(const builder *b)
{
	return gk_error_no_memory(b->r->err);
}

/* --- ranges of pieces --- */

static bool is_blank(const builder *b, size_t begin, size_t end)
{
	for (; begin < end; begin++) {
		const gk_piece *piece = &b->r->pieces[begin];

		if (piece->kind != GK_PIECE_TEXT || !gk_text_is_blank(piece->text, piece->len))
			return false;
	}
	return true;
}

/* The first piece that has text. */
static size_t skip_empty(const builder *b, size_t begin, size_t end)
{
	while (begin < end && b->r->pieces[begin].kind == GK_PIECE_TEXT &&
		b->r->pieces[begin].len == 0)
		begin++;
	return begin;
}

/* Does the range begin with a marker that was not closed, of that kind? */
static bool begins_loose(const builder *b, size_t begin, size_t end, const char *prefix)
{
	const gk_piece *piece = &b->r->pieces[begin];
	size_t len = strlen(prefix);

	return begin < end && piece->kind == GK_PIECE_LOOSE && piece->len >= len &&
	       memcmp(piece->text, prefix, len) == 0;
}

/* The range as one text, good until the next call. */
static bool flatten(builder *b, size_t begin, size_t end, gk_tmpl_text *ret)
{
	size_t len = 0;

	for (size_t i = begin; i < end; i++)
		len += b->r->pieces[i].len;
	gk_buf_clear(&b->text);
	if (!gk_buf_reserve(&b->text, len + 1))
		return false;
	for (; begin < end; begin++)
		gk_piece_flatten(&b->r->pieces[begin], false, &b->text);
	gk_buf_put(&b->text, "", 0);
	*ret = (gk_tmpl_text){ b->text.data, b->text.len };
	return !gk_buf_failed(&b->text);
}

/* --- parts --- */

/* A text that is one whole value of the input stays that value. */
static json_t *text_value(builder *b, size_t begin, size_t end)
{
	const gk_piece *first;
	gk_tmpl_text text;

	begin = skip_empty(b, begin, end);
	while (end > begin && b->r->pieces[end - 1].kind == GK_PIECE_TEXT &&
		b->r->pieces[end - 1].len == 0)
		end--;
	first = &b->r->pieces[begin];
	if (end - begin == 1 && first->kind == GK_PIECE_TEXT)
		return first->owner && first->len == json_string_length(first->owner)
			       ? json_incref(first->owner)
			       : json_stringn_nocheck(first->text, first->len);
	return flatten(b, begin, end, &text) ? json_stringn_nocheck(text.text, text.len) : NULL;
}

/* The word behind the first, the second, ... blank; false: there are not so many. */
static bool word(gk_tmpl_text text, unsigned number, gk_tmpl_text *ret)
{
	const char *at = text.text, *end = at + text.len, *blank;

	for (; number > 0; number--) {
		blank = memchr(at, ' ', (size_t)(end - at));
		if (!blank)
			return false;
		at = blank + 1;
	}
	blank = memchr(at, ' ', (size_t)(end - at));
	*ret = (gk_tmpl_text){ at, (size_t)((blank ? blank : end) - at) };
	return true;
}

static json_t *string_of(gk_tmpl_text text)
{
	return json_stringn_nocheck(text.text, text.len);
}

static json_t *media_part(json_t *url_take, json_t *type_take)
{
	gk_auto_json json_t *part = json_object(), *media = json_object();
	bool worked = true;

	if (url_take)
		worked = gk_json_set_take(media, "url", url_take);
	if (type_take)
		worked = gk_json_set_take(media, "contentType", type_take) && worked;
	return worked && part && gk_json_set(part, "media", media) ? gk_steal(part) : NULL;
}

/* "media:url" was before this text. */
static json_t *raw_media_part(gk_tmpl_text text)
{
	gk_tmpl_text url, type;
	bool has_url = word(text, 1, &url), has_type = word(text, 2, &type) && type.len > 0;
	json_t *url_value = has_url ? string_of(url) : NULL;
	json_t *type_value = has_type ? string_of(type) : NULL;

	if ((has_url && !url_value) || (has_type && !type_value)) {
		json_decref(url_value);
		json_decref(type_value);
		return NULL;
	}
	return media_part(url_value, type_value);
}

/* "section" was before this text. */
static json_t *section_part(gk_tmpl_text text)
{
	gk_auto_json json_t *part = json_object(), *metadata = json_object();
	gk_tmpl_text name;

	if (word(text, 1, &name) && !gk_json_set_take(metadata, "purpose", string_of(name)))
		return NULL;
	if (!part || !gk_json_set_bool(metadata, "pending", true) ||
		!gk_json_set(part, "metadata", metadata))
		return NULL;
	return gk_steal(part);
}

static json_t *text_part(json_t *text_take)
{
	gk_auto_json json_t *part = json_object();

	return gk_json_set_take(part, "text", text_take) ? gk_steal(part) : NULL;
}

/* A range without closed markers. */
static json_t *plain_part(builder *b, size_t begin, size_t end)
{
	size_t first = skip_empty(b, begin, end);
	bool is_media = begins_loose(b, first, end, loose_media);
	gk_tmpl_text text;

	if (!is_media && !begins_loose(b, first, end, loose_section))
		return text_part(text_value(b, begin, end));
	if (!flatten(b, first, end, &text))
		return NULL;
	return is_media ? raw_media_part(text) : section_part(text);
}

/* The part that a marker piece is; `*next` steps over what belongs to it. */
static json_t *marker_part(const builder *b, size_t *next)
{
	const gk_piece *piece = &b->r->pieces[*next];
	gk_tmpl_text text = { piece->text, piece->len };
	json_t *type = NULL;

	(*next)++;
	if (piece->kind == GK_PIECE_SECTION)
		return section_part(text);
	if (piece->kind == GK_PIECE_MEDIA_RAW)
		return raw_media_part(text);
	if (*next < b->r->n_pieces && b->r->pieces[*next].kind == GK_PIECE_MEDIA_TYPE)
		type = json_incref(b->r->pieces[(*next)++].owner);
	return media_part(json_incref(piece->owner), type);
}

static bool is_part_marker(const gk_piece *piece)
{
	return piece->kind == GK_PIECE_MEDIA || piece->kind == GK_PIECE_MEDIA_RAW ||
	       piece->kind == GK_PIECE_SECTION;
}

static gk_code build_parts(builder *b, json_t *parts)
{
	for (size_t at = b->begin; at < b->end;) {
		size_t start = at;

		while (at < b->end && !is_part_marker(&b->r->pieces[at]))
			at++;
		if (!is_blank(b, start, at) && !gk_json_push_take(parts, plain_part(b, start, at)))
			return no_memory(b);
		if (at < b->end && !gk_json_push_take(parts, marker_part(b, &at)))
			return no_memory(b);
	}
	return GK_OK;
}

/* --- messages --- */

/* Ends the message that is being built, if anything is in it. */
static gk_code finish_message(builder *b)
{
	gk_auto_json json_t *message = NULL, *parts = NULL;
	gk_code rc;

	if (b->begin == b->end)
		return GK_OK;
	message = json_object();
	parts = json_array();
	if (!parts || !gk_json_set_take(message, "role", string_of(b->role)))
		return no_memory(b);
	rc = build_parts(b, parts);
	b->begin = b->end = 0;
	if (rc != GK_OK)
		return rc;
	if (!gk_json_set(message, "content", parts) || json_array_append(b->messages, message) != 0)
		return no_memory(b);
	return GK_OK;
}

static gk_code start_role(builder *b, gk_tmpl_text role)
{
	gk_code rc = finish_message(b);

	b->role = role;
	return rc;
}

json_t *gk_template_history_message(json_t *message)
{
	gk_auto_json json_t *copy = json_object(), *metadata = json_object();
	json_t *role = json_object_get(message, "role");
	json_t *before = json_object_get(message, "metadata");

	if (!copy || !metadata || (role && !gk_json_set(copy, "role", role)) ||
		!gk_json_set(copy, "content", json_object_get(message, "content")) ||
		(json_is_object(before) && json_object_update(metadata, before) != 0) ||
		!gk_json_set_str(metadata, "purpose", "history") ||
		!gk_json_set(copy, "metadata", metadata))
		return NULL;
	return gk_steal(copy);
}

static gk_code add_history(builder *b)
{
	gk_code rc = finish_message(b);
	json_t *message;
	size_t i;

	if (rc != GK_OK)
		return rc;
	json_array_foreach (b->history, i, message) {
		if (!gk_value_is_truthy(json_object_get(message, "content")))
			continue;
		if (!gk_json_push_take(b->messages, gk_template_history_message(message)))
			return no_memory(b);
		b->has_history = true;
	}
	b->role = (gk_tmpl_text){ "model", 5 };
	return GK_OK;
}

/* The pieces between two markers. */
static gk_code add_range(builder *b, size_t begin, size_t end)
{
	size_t first = skip_empty(b, begin, end), skip = sizeof(loose_role) - 1;
	gk_tmpl_text text;
	char *role;

	if (is_blank(b, begin, end))
		return GK_OK;
	if (!begins_loose(b, first, end, loose_role)) {
		b->begin = begin;
		b->end = end;
		return GK_OK;
	}
	if (!flatten(b, first, end, &text))
		return no_memory(b);
	role = gk_arena_text(&b->r->arena, text.text + skip, text.len - skip);
	if (!role)
		return no_memory(b);
	return start_role(b, (gk_tmpl_text){ role, text.len - skip });
}

static gk_code build(builder *b)
{
	const gk_piece *pieces = b->r->pieces;
	gk_code rc = GK_OK;

	for (size_t at = 0, start = 0; rc == GK_OK; start = ++at) {
		while (at < b->r->n_pieces && pieces[at].kind != GK_PIECE_ROLE &&
			pieces[at].kind != GK_PIECE_HISTORY)
			at++;
		rc = add_range(b, start, at);
		if (at >= b->r->n_pieces || rc != GK_OK)
			break;
		rc = pieces[at].kind == GK_PIECE_HISTORY
			     ? add_history(b)
			     : start_role(b, (gk_tmpl_text){ pieces[at].text, pieces[at].len });
	}
	return rc == GK_OK ? finish_message(b) : rc;
}

/* The history goes where {{history}} is not: before the user's last word, or to the end. */
static gk_code insert_history(builder *b)
{
	size_t count = json_array_size(b->messages), at = count, i;
	json_t *last = json_array_get(b->messages, count - 1), *message;
	const char *role = json_string_value(json_object_get(last, "role"));

	if (b->has_history)
		return GK_OK;
	if (count > 0 && role && strcmp(role, "user") == 0)
		at--;
	json_array_foreach (b->history, i, message)
		if (json_array_insert(b->messages, at + i, message) != 0)
			return no_memory(b);
	return GK_OK;
}

gk_code gk_template_messages(gk_template *tmpl, const gk_template_input *input, json_t *history,
	json_t **ret, gk_template_place *place, gk_error *err)
{
	gk_render r;
	builder b = { .r = &r, .history = history, .role = { "user", 4 } };
	gk_code rc;

	gk_render_init(&r, tmpl, input, err);
	rc = gk_render_run(&r);
	if (rc == GK_OK) {
		b.messages = json_array();
		rc = b.messages ? build(&b) : gk_error_no_memory(err);
	}
	if (rc == GK_OK)
		rc = insert_history(&b);
	if (rc == GK_OK)
		*ret = gk_steal(b.messages);
	if (place)
		*place = r.place;
	json_decref(b.messages);
	gk_buf_done(&b.text);
	gk_render_done(&r);
	return rc;
}
