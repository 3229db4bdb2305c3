/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "json/growing.h"

#include "json/blank.h"
#include "json/json5.h"
#include "json/partial.h"

static void forget_reading(gk_json_growing *it)
{
	gk_partial_done(&it->reader);
	for (size_t i = 0; i < GK_JSON_MAX_DEPTH; i++)
		json_decref(it->keys[i]);
	memset(it->keys, 0, sizeof(it->keys));
	memset(&it->reader, 0, sizeof(it->reader));
}

void gk_json_growing_done(gk_json_growing *it)
{
	forget_reading(it);
	json_decref(it->whole);
}

/* --- what is complete --- */

static gk_code begin(gk_json_growing *it, gk_error *err)
{
	json_t *root = it->find.opener == '{' ? json_object() : json_array();
	gk_code rc;

	gk_json_builder_init(&it->reader.builder, 0);
	rc = gk_json_builder_add_take(&it->reader.builder, root, err);
	it->reader.is_clean = true;
	it->read = it->find.begin + 1;
	it->is_begun = rc == GK_OK;
	return rc;
}

/* Takes back a scalar that may go on. */
static void take_back(gk_json_growing *it, size_t size_before)
{
	gk_json_builder *builder = &it->reader.builder;
	json_t *top = gk_json_innermost(builder);

	if (json_is_array(top))
		json_array_remove(top, size_before);
	else if (json_object_size(top) > size_before)
		json_object_deln(top, builder->key, builder->key_len);
	else
		it->is_odd = true; /* it has replaced an earlier one */
}

static size_t size_of(const json_t *container)
{
	return json_is_array(container) ? json_array_size(container) : json_object_size(container);
}

static void note_opened(gk_json_growing *it)
{
	unsigned level = it->reader.builder.depth - 1;
	json_t *parent = it->reader.builder.open[level - 1];

	json_decref(it->keys[level]);
	it->keys[level] = json_is_object(parent) ? json_incref(it->reader.key) : NULL;
}

/* One more thing, if it is all there; false: it is not, or nothing can be read for good any more. */
static bool read_one(gk_json_growing *it, const char *text)
{
	gk_partial_reader *r = &it->reader;
	unsigned depth = r->builder.depth;
	size_t size = size_of(gk_json_innermost(&r->builder)), budget = r->builder.budget;
	gk_partial_step step = gk_partial_read_next(r);

	if (r->code != GK_OK)
		return false;
	if (step == GK_PARTIAL_READ && r->is_clean && r->builder.depth > depth) {
		note_opened(it);
	} else if (step == GK_PARTIAL_READ && r->is_clean && r->at < r->end) {
		it->is_behind_value = true;
	} else if (step == GK_PARTIAL_CLOSED && depth > 1) {
		r->builder.depth--;
		it->is_behind_value = true;
	} else if (r->at == r->end && r->builder.depth == depth && step != GK_PARTIAL_CLOSED) {
		if (step == GK_PARTIAL_READ)
			take_back(it, size);
		r->builder.budget = budget;
		r->is_clean = true; /* it will be read again */
		return false;
	} else {
		it->is_odd = true;
		return false;
	}
	it->read = (size_t)(r->at - text);
	return true;
}

static gk_code read_on(gk_json_growing *it, const char *text, size_t len, gk_error *err)
{
	gk_partial_reader *r = &it->reader;
	gk_code rc = it->is_begun ? GK_OK : begin(it, err);
	bool more = rc == GK_OK;

	r->builder.budget += (len - it->len) * GK_JSON_MEMORY_FACTOR;
	r->err = err;
	r->end = text + len;
	while (more) {
		r->at = text + it->read;
		if (it->is_behind_value) {
			gk_partial_skip_comma(r);
			if (r->at == r->end)
				break; /* a comma may still come */
			it->is_behind_value = false;
			it->read = (size_t)(r->at - text);
		}
		more = read_one(it, text);
	}
	if (r->code != GK_OK) {
		rc = r->code;
		r->code = GK_OK;
		it->is_odd = true;
	}
	return rc;
}

/* --- a value of it --- */

static bool hang(json_t *parent, json_t *key, json_t *copy)
{
	if (json_is_array(parent))
		return json_array_set_new(parent, json_array_size(parent) - 1, copy) == 0;
	return json_object_setn_new_nocheck(
		       parent, json_string_value(key), json_string_length(key), copy) == 0;
}

/* The containers that are open are copied, what they hold is shared. */
static bool copy_open(const gk_json_growing *it, gk_json_builder *copies)
{
	copies->budget = it->reader.builder.budget;
	for (unsigned i = 0; i < it->reader.builder.depth; i++) {
		json_t *copy = json_copy(it->reader.builder.open[i]);

		if (!copy)
			return false;
		if (i == 0)
			copies->root = copy;
		else if (!hang(copies->open[i - 1], it->keys[i], copy))
			return false;
		copies->open[copies->depth++] = copy;
	}
	return true;
}

static gk_code complete(
	const gk_json_growing *it, const char *text, size_t len, json_t **ret, gk_error *err)
{
	const char *begin = text + it->read, *seen = begin;
	size_t left = len - it->read;
	gk_partial_reader rest = { .at = begin, .err = err };

	gk_trim(&seen, &left); /* as the text is that is read at once */
	rest.end = left ? seen + left : begin;
	if (!copy_open(it, &rest.builder)) {
		rest.code = gk_error_no_memory(err);
	} else {
		if (it->is_behind_value)
			gk_partial_skip_comma(&rest);
		gk_partial_read_rest(&rest);
	}
	if (rest.code == GK_OK)
		*ret = gk_json_builder_take(&rest.builder);
	gk_partial_done(&rest);
	return rest.code;
}

static gk_code read_whole(gk_json_growing *it, const char *text, json_t **ret, gk_error *err)
{
	gk_code rc = GK_OK;

	if (!it->whole) {
		forget_reading(it);
		rc = gk_json5_parse(
			text + it->find.begin, it->find.end - it->find.begin, &it->whole, err);
	}
	if (rc == GK_OK)
		*ret = json_incref(it->whole);
	return rc;
}

gk_code gk_json_growing_value(
	gk_json_growing *it, const char *text, size_t len, json_t **ret, gk_error *err)
{
	gk_code rc = GK_OK;

	if (len > GK_MAX_EXTRACT_TEXT)
		return gk_extract_json(text, len, false, ret, err); /* which says so */
	gk_json_find_on(&it->find, text, len);
	if (!it->find.opener) {
		*ret = NULL;
		return GK_OK;
	}
	if (it->find.end)
		return read_whole(it, text, ret, err);
	if (!it->is_odd)
		rc = read_on(it, text, len, err);
	it->len = len;
	if (rc != GK_OK)
		return rc;
	if (it->is_odd)
		return gk_json_parse_partial(text + it->find.begin, len - it->find.begin, ret, err);
	return complete(it, text, len, ret, err);
}
