/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * libyaml finds the events; what they mean is decided here. Beside the values grows a tree of marks, a node for every
 * value in the same order, which knows where each stood.
 */
#include "json/yaml.h"

#include "base/buf.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/str.h"
#include "base/table.h"
#include "json/pointer.h"
#include "json/write.h"
#include "json/yaml_breaks.h"
#include "json/yaml_scalar.h"

#include <yaml.h>

#define NONE UINT32_MAX

/* Children stand in the order of the value's members or elements. */
typedef struct mark {
	uint32_t line, column;
	uint32_t first_child, next;
} mark;

struct gk_yaml {
	json_t *value;
	mark *marks; /* the first is the root's */
	uint32_t mark_count, mark_room;
};

/* What an alias brings: the value, and what it costs. */
typedef struct anchor {
	struct anchor *next;
	json_t *value; /* owned; NULL while it is being read */
	uint32_t mark;
	unsigned nodes, height;
} anchor;

/* What a node turned out to be. */
typedef struct node {
	json_t *value; /* owned */
	uint32_t mark;
	unsigned nodes, height;
} node;

/* The text, and a line break behind it where it lacks its own: a block scalar at the end then has it too. */
typedef struct input {
	const char *at, *end;
	bool has_break;
} input;

typedef struct composer {
	yaml_parser_t parser;
	yaml_event_t event;
	bool has_event;
	const char *file;
	unsigned first_line;
	gk_yaml_mode mode;
	gk_yaml *doc;
	gk_table *anchors;   /* the latest of each name */
	anchor *all_anchors; /* owned: one that hides another may stand inside it */
	unsigned nodes, depth;
	input input;
	const char *stand_ins; /* of gk_yaml_hide_breaks(); NULL: it had nothing to do */
	gk_error *err;
	gk_code code;
} composer;

/* --- errors --- */

static bool fail(composer *c, yaml_mark_t at, const char *what)
{
	if (c->code == GK_OK)
		c->code = gk_error_set(c->err, GK_INVALID_ARGUMENT, "%s:%zu:%zu: %s", c->file,
			at.line + c->first_line, at.column + 1, what);
	return false;
}

static bool fail_limit(composer *c, yaml_mark_t at, const char *what, unsigned limit)
{
	if (c->code == GK_OK)
		c->code = gk_error_set(c->err, GK_RESOURCE_EXHAUSTED, "%s:%zu:%zu: more than %u %s",
			c->file, at.line + c->first_line, at.column + 1, limit, what);
	return false;
}

static bool fail_no_memory(composer *c)
{
	if (c->code == GK_OK)
		c->code = gk_error_no_memory(c->err);
	return false;
}

static json_t *show_breaks_take(const composer *c, json_t *scalar)
{
	gk_auto_buf gk_buf text = GK_BUF_INIT(0);
	json_t *shown = NULL;

	if (!c->stand_ins || !json_is_string(scalar))
		return scalar;
	gk_yaml_show_breaks(
		c->stand_ins, json_string_value(scalar), json_string_length(scalar), &text);
	if (!gk_buf_failed(&text))
		shown = json_stringn_nocheck(text.data, text.len);
	json_decref(scalar);
	return shown;
}

/* --- events and marks --- */

static int read_input(void *user, unsigned char *room, size_t size, size_t *ret)
{
	input *in = user;
	size_t len = (size_t)(in->end - in->at);

	*ret = len < size ? len : size;
	memcpy(room, in->at, *ret);
	in->at += *ret;
	if (len == 0 && !in->has_break && size > 0) {
		room[0] = '\n';
		*ret = 1;
		in->has_break = true;
	}
	return 1;
}

static bool next_event(composer *c)
{
	if (c->has_event)
		yaml_event_delete(&c->event);
	c->has_event = yaml_parser_parse(&c->parser, &c->event) != 0;
	if (c->has_event)
		return true;
	if (c->parser.error == YAML_MEMORY_ERROR)
		return fail_no_memory(c);
	/* The reader, which refuses control characters, gives no mark of its own. */
	return fail(c,
		c->parser.error == YAML_READER_ERROR ? c->parser.mark : c->parser.problem_mark,
		c->parser.problem ? c->parser.problem : "not YAML");
}

static uint32_t add_mark(composer *c, yaml_mark_t at)
{
	gk_yaml *doc = c->doc;

	if (doc->mark_count == doc->mark_room) {
		uint32_t room = doc->mark_room ? doc->mark_room * 2 : 32;
		mark *marks = realloc(doc->marks, room * sizeof(*marks));

		if (!marks) {
			fail_no_memory(c);
			return NONE;
		}
		doc->marks = marks;
		doc->mark_room = room;
	}
	doc->marks[doc->mark_count] = (mark){
		.line = (uint32_t)at.line + c->first_line,
		.column = (uint32_t)at.column + 1,
		.first_child = NONE,
		.next = NONE,
	};
	return doc->mark_count++;
}

/* `*last` is the mark before it, NONE for the first. */
static void add_child(composer *c, uint32_t parent, uint32_t *last, uint32_t child)
{
	if (*last == NONE)
		c->doc->marks[parent].first_child = child;
	else
		c->doc->marks[*last].next = child;
	*last = child;
}

/* --- composing --- */

static bool compose(composer *c, node *ret);

/* One more node, or as many as an alias stands for. */
static bool count_nodes(composer *c, yaml_mark_t at, unsigned nodes, unsigned height)
{
	if (nodes > GK_MAX_YAML_NODES - c->nodes)
		return fail_limit(c, at, "values", GK_MAX_YAML_NODES);
	if (c->depth + height > GK_MAX_YAML_DEPTH)
		return fail_limit(c, at, "levels", GK_MAX_YAML_DEPTH);
	c->nodes += nodes;
	return true;
}

/* An anchor counts from where it stands, so that an alias inside it is told from an unknown one. */
static bool begin_anchor(composer *c, const yaml_char_t *name, anchor **ret)
{
	anchor *a;

	*ret = NULL;
	if (!name)
		return true;
	a = calloc(1, sizeof(*a));
	if (!a)
		return fail_no_memory(c);
	a->next = c->all_anchors;
	c->all_anchors = *ret = a;
	if (!c->anchors)
		c->anchors = gk_table_new(NULL);
	return (c->anchors && gk_table_set(c->anchors, (const char *)name, a)) || fail_no_memory(c);
}

static void end_anchor(anchor *a, const node *n)
{
	if (!a)
		return;
	a->value = json_incref(n->value);
	a->mark = n->mark;
	a->nodes = n->nodes;
	a->height = n->height;
}

static void free_anchors(composer *c)
{
	while (c->all_anchors) {
		anchor *a = c->all_anchors;

		c->all_anchors = a->next;
		json_decref(a->value);
		free(a);
	}
	gk_table_free(c->anchors);
}

static bool compose_alias(composer *c, node *ret)
{
	const char *name = (const char *)c->event.data.alias.anchor;
	const anchor *a = c->anchors ? gk_table_get(c->anchors, name) : NULL;
	yaml_mark_t at = c->event.start_mark;

	if (!a || !a->value) {
		if (c->code == GK_OK)
			c->code = gk_error_set(c->err, GK_INVALID_ARGUMENT,
				"%s:%zu:%zu: alias '%s' %s", c->file, at.line + c->first_line,
				at.column + 1, name,
				a ? "stands inside its own anchor" : "has no anchor");
		return false;
	}
	if (!count_nodes(c, at, a->nodes, a->height))
		return false;
	ret->mark = add_mark(c, at);
	if (ret->mark == NONE)
		return false;
	c->doc->marks[ret->mark].first_child = c->doc->marks[a->mark].first_child;
	ret->nodes = a->nodes;
	ret->height = a->height;
	ret->value = json_deep_copy(a->value);
	return ret->value || fail_no_memory(c);
}

static bool compose_scalar(composer *c, node *ret)
{
	const yaml_event_t *e = &c->event;
	const char *tag = (const char *)e->data.scalar.tag;
	bool unknown = false;
	anchor *a;

	if (!begin_anchor(c, e->data.scalar.anchor, &a) || !count_nodes(c, e->start_mark, 1, 0))
		return false;
	ret->mark = add_mark(c, e->start_mark);
	if (ret->mark == NONE)
		return false;
	ret->nodes = 1;
	ret->value = gk_yaml_scalar((const char *)e->data.scalar.value, e->data.scalar.length, tag,
		e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE, c->mode, &unknown);
	if (ret->value)
		ret->value = show_breaks_take(c, ret->value);
	if (!ret->value)
		return fail_no_memory(c);
	if (unknown)
		gk_log(GK_LOG_WARN, "yaml", "%s:%zu:%zu: unknown tag %s: the value is a string",
			c->file, e->start_mark.line + c->first_line, e->start_mark.column + 1, tag);
	end_anchor(a, ret);
	return true;
}

/* --- keys --- */

static void put_quoted(gk_buf *text, const char *from, size_t len)
{
	gk_auto_json json_t *value = json_stringn_nocheck(from, len);

	if (value)
		gk_json_append_pretty(text, value, 0);
	else
		gk_buf_fail(text);
}

/* As it is written. */
static void put_scalar(gk_buf *text, const yaml_event_t *e)
{
	const char *value = (const char *)e->data.scalar.value;
	size_t len = e->data.scalar.length;

	if (e->data.scalar.style == YAML_SINGLE_QUOTED_SCALAR_STYLE) {
		gk_buf_putc(text, '\'');
		for (size_t i = 0; i < len; i++)
			gk_buf_puts(text, value[i] == '\'' ? "''" : (char[]){ value[i], 0 });
		gk_buf_putc(text, '\'');
	} else if (e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE) {
		gk_buf_put(text, value, len);
	} else {
		put_quoted(text, value, len);
	}
}

static bool put_flow(composer *c, gk_buf *text);

/* Behind a key without a colon, or with nothing behind it. */
static bool is_nothing(const yaml_event_t *e)
{
	return e->type == YAML_SCALAR_EVENT && e->data.scalar.length == 0 &&
	       e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE && !e->data.scalar.anchor;
}

/* "[ a, b ]", "{ k: v, l: [], only, empty: }" */
static bool put_flow_members(composer *c, gk_buf *text, yaml_event_type_t end)
{
	bool is_mapping = end == YAML_MAPPING_END_EVENT;
	size_t key_end = 0;

	for (size_t i = 0;; i++) {
		bool is_value = is_mapping && i % 2;

		if (!next_event(c))
			return false;
		if (c->event.type == end) {
			if (i)
				gk_buf_putc(text, ' ');
			return true;
		}
		if (is_value && is_nothing(&c->event)) {
			if (c->event.start_mark.index > key_end)
				gk_buf_putc(text, ':');
			continue;
		}
		gk_buf_puts(text, is_value ? ": " : i ? ", " : " ");
		key_end = c->event.end_mark.index;
		if (!put_flow(c, text))
			return false;
	}
}

static const char *anchor_of(const yaml_event_t *e)
{
	return (const char *)(e->type == YAML_SCALAR_EVENT           ? e->data.scalar.anchor
			      : e->type == YAML_MAPPING_START_EVENT  ? e->data.mapping_start.anchor
			      : e->type == YAML_SEQUENCE_START_EVENT ? e->data.sequence_start.anchor
								     : NULL);
}

/* The node that the current event begins, as the flow text that the SDKs make of a key. */
static bool put_flow(composer *c, gk_buf *text)
{
	bool is_mapping = c->event.type == YAML_MAPPING_START_EVENT;
	bool worked;

	if (!count_nodes(c, c->event.start_mark, 1, c->event.type != YAML_SCALAR_EVENT))
		return false;
	if (anchor_of(&c->event))
		gk_buf_printf(text, "&%s ", anchor_of(&c->event));
	if (c->event.type == YAML_SCALAR_EVENT) {
		put_scalar(text, &c->event);
		return true;
	}
	if (c->event.type == YAML_ALIAS_EVENT) {
		gk_buf_printf(text, "*%s", (const char *)c->event.data.alias.anchor);
		return true;
	}
	c->depth++;
	gk_buf_putc(text, is_mapping ? '{' : '[');
	worked = put_flow_members(
		c, text, is_mapping ? YAML_MAPPING_END_EVENT : YAML_SEQUENCE_END_EVENT);
	gk_buf_putc(text, is_mapping ? '}' : ']');
	c->depth--;
	return worked;
}

static bool compose_flow_key(composer *c, json_t **ret, uint32_t *mark_ret)
{
	gk_auto_buf gk_buf text = GK_BUF_INIT(0);

	*mark_ret = add_mark(c, c->event.start_mark);
	if (*mark_ret == NONE || !put_flow(c, &text))
		return false;
	*ret = gk_buf_failed(&text) ? NULL : json_stringn(text.data, text.len);
	return *ret || fail_no_memory(c);
}

/* The key of a mapping, as a string value. */
static bool compose_key(composer *c, json_t **ret, uint32_t *mark_ret)
{
	yaml_mark_t at = c->event.start_mark;
	node key = { 0 };
	bool worked;

	if (c->event.type != YAML_SCALAR_EVENT && c->event.type != YAML_ALIAS_EVENT)
		return c->mode == GK_YAML_CORE ? compose_flow_key(c, ret, mark_ret)
					       : fail(c, at, "a key must be a scalar");
	worked = compose(c, &key);
	if (worked && (json_is_object(key.value) || json_is_array(key.value)))
		worked = fail(c, at, "a key must be a scalar");
	if (worked) {
		*ret = gk_yaml_key(key.value);
		*mark_ret = key.mark;
		worked = *ret || fail_no_memory(c);
	}
	json_decref(key.value);
	return worked;
}

/* A key and its value. The member's mark is the key's place with the value's children. */
static bool compose_member(composer *c, json_t *object, node *member)
{
	yaml_mark_t at = c->event.start_mark;
	gk_auto_json json_t *key = NULL;
	uint32_t key_mark = NONE;
	bool worked;

	if (!compose_key(c, &key, &key_mark))
		return false;
	if (json_object_getn(object, json_string_value(key), json_string_length(key))) {
		if (c->code == GK_OK)
			c->code = gk_error_set(c->err, GK_INVALID_ARGUMENT,
				"%s:%zu:%zu: duplicate key '%s'", c->file, at.line + c->first_line,
				at.column + 1, json_string_value(key));
		return false;
	}
	worked = next_event(c) && compose(c, member);
	if (worked && json_object_setn_new_nocheck(object, json_string_value(key),
			      json_string_length(key), json_incref(member->value)) != 0)
		worked = fail_no_memory(c);
	if (worked) {
		c->doc->marks[key_mark].first_child = c->doc->marks[member->mark].first_child;
		member->mark = key_mark;
	}
	return worked;
}

static bool compose_element(composer *c, json_t *array, node *member)
{
	bool worked = compose(c, member);

	if (worked && json_array_append(array, member->value) != 0)
		worked = fail_no_memory(c);
	return worked;
}

static bool compose_members(composer *c, yaml_event_type_t end, node *ret)
{
	uint32_t last = NONE;

	for (;;) {
		node member = { 0 };
		bool worked;

		if (!next_event(c))
			return false;
		if (c->event.type == end)
			return true;
		worked = json_is_object(ret->value) ? compose_member(c, ret->value, &member)
						    : compose_element(c, ret->value, &member);
		if (worked) {
			add_child(c, ret->mark, &last, member.mark);
			ret->nodes += member.nodes;
			if (member.height >= ret->height)
				ret->height = member.height + 1;
		}
		json_decref(member.value);
		if (!worked)
			return false;
	}
}

static bool compose_collection(composer *c, node *ret)
{
	bool is_mapping = c->event.type == YAML_MAPPING_START_EVENT;
	const yaml_char_t *name = is_mapping ? c->event.data.mapping_start.anchor
					     : c->event.data.sequence_start.anchor;
	anchor *a;

	if (!begin_anchor(c, name, &a) || !count_nodes(c, c->event.start_mark, 1, 1))
		return false;
	ret->mark = add_mark(c, c->event.start_mark);
	if (ret->mark == NONE)
		return false;
	ret->nodes = 1;
	ret->height = 1;
	ret->value = is_mapping ? json_object() : json_array();
	if (!ret->value)
		return fail_no_memory(c);
	c->depth++;
	if (!compose_members(c, is_mapping ? YAML_MAPPING_END_EVENT : YAML_SEQUENCE_END_EVENT, ret))
		return false;
	c->depth--;
	end_anchor(a, ret);
	return true;
}

/* The node that the current event begins. Recursion ends at GK_MAX_YAML_DEPTH. `ret->value` is the caller's to release
 * on failure too. */
static bool compose(composer *c, node *ret)
{
	switch (c->event.type) {
	case YAML_ALIAS_EVENT:
		return compose_alias(c, ret);
	case YAML_SCALAR_EVENT:
		return compose_scalar(c, ret);
	case YAML_MAPPING_START_EVENT:
	case YAML_SEQUENCE_START_EVENT:
		return compose_collection(c, ret);
	default:
		return fail(c, c->event.start_mark, "a value is missing");
	}
}

/* STREAM-START (DOCUMENT-START node DOCUMENT-END)? STREAM-END */
static bool compose_stream(composer *c)
{
	node root = { 0 };
	bool worked;

	if (!next_event(c) || !next_event(c))
		return false;
	if (c->event.type == YAML_STREAM_END_EVENT) {
		c->doc->value = json_null();
		return add_mark(c, (yaml_mark_t){ 0 }) != NONE;
	}
	worked = next_event(c) && compose(c, &root);
	c->doc->value = root.value;
	if (!worked || !next_event(c) || !next_event(c))
		return false;
	return c->event.type == YAML_STREAM_END_EVENT ||
	       fail(c, c->event.start_mark, "only one document is allowed");
}

static bool check_text(composer *c, const char *text, size_t len)
{
	size_t valid = gk_str_valid_utf8(text, len);
	yaml_mark_t at = { 0 };

	if (len > GK_MAX_YAML_TEXT) {
		c->code = gk_error_set(c->err, GK_RESOURCE_EXHAUSTED,
			"%s: more than %u bytes of YAML", c->file, GK_MAX_YAML_TEXT);
		return false;
	}
	if (valid == len)
		return true;
	for (size_t i = 0; i < valid; i++) {
		if (text[i] == '\n') {
			at.line++;
			at.column = 0;
		} else {
			at.column += ((unsigned char)text[i] & 0xc0) != 0x80;
		}
	}
	return fail(c, at, "invalid UTF-8");
}

/* Sets `*text` to the text to parse instead, when it is another. */
static bool hide_breaks(composer *c, const char **text, size_t *len, gk_buf *hidden)
{
	if (!gk_yaml_has_breaks(*text, *len))
		return true;
	c->stand_ins = gk_yaml_hide_breaks(*text, *len, hidden);
	if (!c->stand_ins)
		return fail(c, (yaml_mark_t){ 0 }, "unusable characters of private use");
	if (gk_buf_failed(hidden))
		return fail_no_memory(c);
	*text = hidden->data;
	*len = hidden->len;
	return true;
}

gk_code gk_yaml_parse_at(const char *text, size_t len, const char *file, unsigned first_line,
	gk_yaml_mode mode, gk_yaml **ret, gk_error *err)
{
	composer c = { .file = file, .first_line = first_line, .mode = mode, .err = err };
	gk_auto_yaml gk_yaml *doc = calloc(1, sizeof(*doc));
	gk_auto_buf gk_buf hidden = GK_BUF_INIT(0);

	if (len == 0)
		text = "";
	c.doc = doc;
	if (!doc || !yaml_parser_initialize(&c.parser))
		return gk_error_no_memory(err);
	yaml_parser_set_encoding(&c.parser, YAML_UTF8_ENCODING);
	if (check_text(&c, text, len) && hide_breaks(&c, &text, &len, &hidden)) {
		c.input = (input){ text, text + len, len > 0 && text[len - 1] == '\n' };
		yaml_parser_set_input(&c.parser, read_input, &c.input);
		if (compose_stream(&c))
			*ret = gk_steal(doc);
	}
	if (c.has_event)
		yaml_event_delete(&c.event);
	yaml_parser_delete(&c.parser);
	free_anchors(&c);
	return c.code;
}

gk_code gk_yaml_parse(const char *text, size_t len, const char *file, gk_yaml_mode mode,
	gk_yaml **ret, gk_error *err)
{
	return gk_yaml_parse_at(text, len, file, 1, mode, ret, err);
}

void gk_yaml_free(gk_yaml *doc)
{
	if (!doc)
		return;
	json_decref(doc->value);
	free(doc->marks);
	free(doc);
}

json_t *gk_yaml_value_peek(const gk_yaml *doc)
{
	return doc->value;
}

/* --- where --- */

bool gk_yaml_where(
	const gk_yaml *doc, const char *pointer, unsigned *line_ret, unsigned *column_ret)
{
	const json_t *value = doc->value;
	uint32_t at = 0;

	while (*pointer) {
		size_t index;

		value = gk_json_pointer_step(value, &pointer, &index);
		if (!value)
			return false;
		for (at = doc->marks[at].first_child; index > 0; index--)
			at = doc->marks[at].next;
	}
	*line_ret = doc->marks[at].line;
	*column_ret = doc->marks[at].column;
	return true;
}
