/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* What a path, a variable, a member is while a template runs. */
#include "dotprompt/render.h"
#include "dotprompt/text.h"

#include "base/parse.h"

/* --- values made on the way --- */

gk_code gk_render_keep_take(gk_render *r, json_t *value_take, json_t **ret)
{
	if (!value_take)
		return gk_error_no_memory(r->err);
	gk_buf_put(&r->keep, &value_take, sizeof(value_take));
	if (gk_buf_failed(&r->keep)) {
		json_decref(value_take);
		return gk_error_no_memory(r->err);
	}
	*ret = value_take;
	return GK_OK;
}

static size_t slot_of(const gk_value_set *set, const json_t *value)
{
	size_t slot = ((uintptr_t)value >> 4) * UINT64_C(0x9e3779b97f4a7c15) >> 20;

	for (slot &= set->room - 1; set->slots[slot] && set->slots[slot] != value;)
		slot = (slot + 1) & (set->room - 1);
	return slot;
}

static bool grow(gk_value_set *set)
{
	gk_value_set more = { .room = set->room ? set->room * 2 : 8, .count = set->count };

	more.slots = calloc(more.room, sizeof(*more.slots));
	if (!more.slots)
		return false;
	for (size_t i = 0; i < set->room; i++)
		if (set->slots[i])
			more.slots[slot_of(&more, set->slots[i])] = set->slots[i];
	free(set->slots);
	*set = more;
	return true;
}

bool gk_value_set_add(gk_value_set *set, const json_t *value)
{
	size_t slot;

	if (set->count * 2 >= set->room && !grow(set))
		return false;
	slot = slot_of(set, value);
	set->count += !set->slots[slot];
	set->slots[slot] = value;
	return true;
}

bool gk_value_set_has(const gk_value_set *set, const json_t *value)
{
	return set->count > 0 && value && set->slots[slot_of(set, value)] != NULL;
}

/* --- members --- */

/* A canonical index: digits without a leading zero. */
static bool is_index(const char *name, size_t len, uint64_t *ret)
{
	return len > 0 && (len == 1 || name[0] != '0') && gk_parse_u64(name, len, ret);
}

static gk_code number_value(gk_render *r, size_t number, json_t **ret)
{
	return gk_render_keep_take(r, json_integer((json_int_t)number), ret);
}

/* The character of a string at a UTF-16 index. Half of a pair, which UTF-8 has not, is U+FFFD. */
static gk_code character_at(gk_render *r, const json_t *text, uint64_t index, json_t **ret)
{
	const char *begin = json_string_value(text);
	size_t len = json_string_length(text), at = gk_text_first_units(begin, len, index), next;
	bool is_half = gk_text_units(begin, at) < index;

	while (at < len && ((unsigned char)begin[at] & 0xc0) == 0x80)
		at++;
	if (at >= len)
		return GK_OK;
	next = at + gk_text_first_units(begin + at, len - at, 1);
	if (is_half || next == at)
		return gk_render_keep_take(r, json_string_nocheck("\xef\xbf\xbd"), ret);
	return gk_render_keep_take(r, json_stringn_nocheck(begin + at, next - at), ret);
}

static gk_code string_member(
	gk_render *r, const json_t *text, const char *name, size_t len, json_t **ret)
{
	uint64_t index;

	if (len == 6 && memcmp(name, "length", 6) == 0)
		return number_value(
			r, gk_text_units(json_string_value(text), json_string_length(text)), ret);
	return is_index(name, len, &index) ? character_at(r, text, index, ret) : GK_OK;
}

gk_code gk_value_member(gk_render *r, json_t *value, const char *name, size_t len, json_t **ret)
{
	uint64_t index;

	*ret = NULL;
	if (gk_value_set_has(&r->safe, value))
		return GK_OK; /* a SafeString has no length and no characters */
	if (json_is_object(value)) {
		*ret = json_object_getn(value, name, len);
	} else if (json_is_array(value)) {
		if (len == 6 && memcmp(name, "length", 6) == 0)
			return number_value(r, json_array_size(value), ret);
		if (is_index(name, len, &index))
			*ret = json_array_get(value, index);
	} else if (json_is_string(value)) {
		return string_member(r, value, name, len, ret);
	}
	return GK_OK;
}

/* --- @variables --- */

static bool name_is(const char *name, size_t len, const char *what)
{
	return strlen(what) == len && memcmp(name, what, len) == 0;
}

/* What the caller gave. */
static gk_code caller_data(gk_render *r, const char *name, size_t len, json_t **ret)
{
	gk_auto_str char *copy = NULL;
	json_t *more;

	*ret = json_object_getn(r->input->data, name, len);
	if (*ret || !r->input->more_data)
		return GK_OK;
	copy = strndup(name, len);
	if (!copy)
		return gk_error_no_memory(r->err);
	more = r->input->more_data(copy, r->input->user);
	return more ? gk_render_keep_take(r, more, ret) : GK_OK;
}

/* Of a loop; false: none of its variables. */
static bool each_data(
	gk_render *r, const gk_data *data, const char *name, size_t len, json_t **ret, gk_code *rc)
{
	*rc = GK_OK;
	if (name_is(name, len, "index") || (name_is(name, len, "key") && !data->object))
		*rc = number_value(r, data->index, ret);
	else if (name_is(name, len, "key"))
		*ret = data->object;
	else if (name_is(name, len, "first"))
		*ret = json_boolean(data->index == 0);
	else if (name_is(name, len, "last"))
		*ret = json_boolean(data->is_last);
	else
		return false;
	return true;
}

gk_code gk_value_data(gk_render *r, const gk_data *data, unsigned depth, const char *name,
	size_t len, json_t **ret)
{
	bool has_own_root = json_object_get(r->input->data, "root") != NULL;
	gk_code rc;

	*ret = NULL;
	for (; depth > 0 && data && data->kind != GK_DATA_BASE; depth--)
		data = data->up;
	if (!data || (depth > 0 && (depth > 1 || has_own_root)))
		return GK_OK;
	for (; depth == 0 && data; data = data->up) {
		if (data->kind == GK_DATA_NONE)
			return GK_OK;
		if (data->kind == GK_DATA_EACH && each_data(r, data, name, len, ret, &rc))
			return rc;
		if (data->kind == GK_DATA_OBJECT &&
			(*ret = json_object_getn(data->object, name, len)) != NULL)
			return GK_OK;
		if (data->kind == GK_DATA_BLOCK && name_is(name, len, "partial-block")) {
			*ret = data->block ? r->block_value : NULL;
			return GK_OK;
		}
		if (data->kind == GK_DATA_BASE && !has_own_root && name_is(name, len, "root")) {
			*ret = data->object;
			return GK_OK;
		}
	}
	return caller_data(r, name, len, ret);
}

/* --- paths --- */

static json_t *context_at(const gk_frame *frame, unsigned depth)
{
	const gk_depth *at = frame->depths;

	if (depth == 0)
		return frame->context;
	for (; depth > 0 && at; depth--)
		at = at->up;
	return at ? at->context : NULL;
}

static json_t *param_value(const gk_frame *frame, const gk_tmpl_path *path)
{
	for (int up = path->param_up; up > 0 && frame; up--)
		frame = frame->up;
	return frame && (size_t)path->param_index < frame->n_params
		       ? frame->params[path->param_index]
		       : NULL;
}

/* null and undefined stay what they are all along the path; below an @variable so does whatever is falsy. */
static gk_code walk(gk_render *r, const gk_tmpl_path *path, unsigned i, json_t *value, json_t **ret)
{
	for (; i < path->n_parts; i++) {
		gk_code rc;

		if (!value || json_is_null(value) ||
			(path->is_data && i > 0 && path->param_up < 0 &&
				!gk_value_is_truthy(value)))
			break;
		rc = gk_value_member(r, value, path->parts[i].text, path->parts[i].len, &value);
		if (rc != GK_OK)
			return rc;
	}
	*ret = value;
	return GK_OK;
}

gk_code gk_value_path(gk_render *r, gk_frame *frame, const gk_tmpl_path *path, json_t **ret)
{
	json_t *value;
	gk_code rc;

	if (path->param_up >= 0)
		return walk(r, path, 1, param_value(frame, path), ret);
	if (path->n_parts > 0 && path->parts[0].len == 0) { /* {{[]}}: the context */
		*ret = context_at(frame, path->depth);
		return GK_OK;
	}
	if (path->n_parts == 0 || !path->is_data)
		return walk(r, path, 0, context_at(frame, path->depth), ret);
	rc = gk_value_data(
		r, frame->data, path->depth, path->parts[0].text, path->parts[0].len, &value);
	return rc == GK_OK ? walk(r, path, 1, value, ret) : rc;
}

/* --- identity --- */

bool gk_value_is_same(const gk_render *r, const json_t *a, const json_t *b)
{
	if (a == b)
		return true;
	if (!a || !b || gk_value_set_has(&r->safe, a) || gk_value_set_has(&r->safe, b))
		return false;
	if (json_is_number(a) && json_is_number(b))
		return json_number_value(a) == json_number_value(b);
	return json_is_string(a) && json_is_string(b) && gk_value_same_text(a, b);
}
