/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * Running a compiled schema over a value.
 *
 * The first run wants only the verdict: it allocates nothing and writes nothing. Only when the value does not fit, a
 * second run collects the errors. Their number and order are ajv's (allErrors off): the first keyword that fails ends
 * the run, except inside of branches (anyOf, oneOf, contains, propertyNames), where errors add up until the branches'
 * own keyword has its say.
 */
#include "json/schema_walk.h"

#include "base/buf.h"
#include "base/limits.h"
#include "json/pointer.h"

#include <genkit/json.h>
#include <math.h>
#include <stdarg.h>

/* --- errors --- */

/* "/a/0/b", or as Genkit shows it: "a.0.b", "(root)". */
static void put_path(gk_buf *buf, const gk_schema_frame *leaf, bool is_pointer)
{
	const gk_schema_frame *steps[GK_MAX_SCHEMA_DEPTH + 1];
	size_t n = 0;

	for (const gk_schema_frame *f = leaf; f && n <= GK_MAX_SCHEMA_DEPTH; f = f->up)
		if (f->step != GK_STEP_NONE)
			steps[n++] = f;
	for (size_t i = n; i-- > 0;) {
		if (is_pointer || i + 1 < n)
			gk_buf_putc(buf, is_pointer ? '/' : '.');
		if (steps[i]->step == GK_STEP_MEMBER)
			gk_json_pointer_escape(buf, steps[i]->key, steps[i]->position);
		else
			gk_buf_printf(buf, "%zu", steps[i]->position);
	}
	if (!is_pointer && !buf->len)
		gk_buf_puts(buf, "(root)");
}

static bool append_error(json_t *errors, const gk_buf *path, const char *message, int len)
{
	json_t *error = json_object();

	if (error &&
		json_object_set_new_nocheck(error, "path",
			json_stringn_nocheck(path->data ? path->data : "", path->len)) == 0 &&
		json_object_set_new_nocheck(
			error, "message", json_stringn_nocheck(message, (size_t)len)) == 0 &&
		json_array_append_new(errors, error) == 0)
		return true;
	json_decref(error);
	return false;
}

bool __attribute__((cold, noinline))
gk_schema_report(gk_schema_walk *w, const gk_schema_frame *f, const char *format, ...)
{
	gk_auto_buf gk_buf path = GK_BUF_INIT(0);
	gk_auto_str char *message = NULL;
	va_list args;
	int len;

	if (!w->errors || w->stopped || json_array_size(w->errors) >= GK_MAX_SCHEMA_ERRORS)
		return false;
	va_start(args, format);
	len = vasprintf(&message, format, args);
	va_end(args);
	if (len < 0)
		message = NULL;
	put_path(&path, f, w->is_pointer);
	if (!message || gk_buf_failed(&path) || !append_error(w->errors, &path, message, len))
		w->stopped = GK_SCHEMA_NO_MEMORY;
	return false;
}

static size_t mark(const gk_schema_walk *w)
{
	return json_array_size(w->errors);
}

/* Forgets the errors of branches that turned out not to matter. */
static void rewind_to(gk_schema_walk *w, size_t n)
{
	while (w->errors && json_array_size(w->errors) > n)
		json_array_remove(w->errors, json_array_size(w->errors) - 1);
}

/* --- limits --- */

bool gk_schema_stop(gk_schema_walk *w, const char *why)
{
	if (!w->stopped)
		w->stopped = why;
	return false;
}

static uint64_t count_values(const json_t *value, unsigned depth)
{
	json_t *container = (json_t *)value;
	uint64_t n = 1;

	if (!depth)
		return 1;
	if (json_is_array(value))
		for (size_t i = 0; i < json_array_size(value); i++)
			n += count_values(json_array_get(value, i), depth - 1);
	else if (json_is_object(value))
		for (void *m = json_object_iter(container); m;
			m = json_object_iter_next(container, m))
			n += count_values(json_object_iter_value(m), depth - 1);
	return n;
}

/* A big value may take more steps than a small one; how big it is, is only asked when it matters. */
static bool __attribute__((cold, noinline)) grant_steps(gk_schema_walk *w, uint64_t steps)
{
	if (!w->counted) {
		w->counted = true;
		w->steps += GK_MAX_SCHEMA_STEPS_PER_VALUE *
			    count_values(w->root, 2 * GK_JSON_MAX_DEPTH);
		if (w->steps >= steps) {
			w->steps -= steps;
			return true;
		}
	}
	return gk_schema_stop(w, "takes too many steps to validate");
}

bool gk_schema_spend(gk_schema_walk *w, uint64_t steps)
{
	if (__builtin_expect(w->steps < steps, 0))
		return grant_steps(w, steps);
	w->steps -= steps;
	return true;
}

bool gk_schema_matches(gk_schema_walk *w, const gk_regex *regex, const char *text, size_t len)
{
	if (!gk_schema_spend(w, 1 + len / 64))
		return false;
	switch (gk_regex_match(regex, text, len, &w->regex_work)) {
	case GK_REGEX_MATCH:
		return true;
	case GK_REGEX_LIMIT:
		return gk_schema_stop(w, "takes too long to match a pattern");
	default:
		return false;
	}
}

/* --- nodes --- */

uint8_t gk_schema_kind(const json_t *value)
{
	if (!value)
		return 0;
	switch (json_typeof(value)) {
	case JSON_OBJECT:
		return GK_KIND_OBJECT;
	case JSON_ARRAY:
		return GK_KIND_ARRAY;
	case JSON_STRING:
		return GK_KIND_STRING;
	case JSON_INTEGER:
		return GK_KIND_NUMBER | GK_KIND_INTEGER;
	case JSON_REAL:
		return json_real_value(value) == trunc(json_real_value(value))
			       ? GK_KIND_NUMBER | GK_KIND_INTEGER
			       : GK_KIND_NUMBER;
	case JSON_NULL:
		return GK_KIND_NULL;
	default:
		return GK_KIND_BOOLEAN;
	}
}

static gk_schema_group group_of(uint8_t kind)
{
	return kind & GK_KIND_OBJECT   ? GK_GROUP_OBJECT
	       : kind & GK_KIND_STRING ? GK_GROUP_STRING
	       : kind & GK_KIND_NUMBER ? GK_GROUP_NUMBER
	       : kind & GK_KIND_ARRAY  ? GK_GROUP_ARRAY
				       : GK_GROUP_ANY;
}

static inline bool run_group(gk_schema_walk *w, const gk_schema_frame *f, gk_schema_group group)
{
	const gk_schema_node *node = f->node;
	const gk_schema_rule *rule = node->rules + node->first[group];
	const gk_schema_rule *end = node->rules + node->first[group + 1];

	for (; rule < end; rule++)
		if (!rule->keyword->check(w, f, rule))
			return false;
	return true;
}

static bool __attribute__((cold, noinline)) wrong_type(gk_schema_walk *w, const gk_schema_frame *f)
{
	const json_t *type = json_object_get(f->node->json, "type");
	gk_auto_buf gk_buf names = GK_BUF_INIT(0);

	if (!w->errors)
		return false;
	if (json_is_string(type))
		gk_buf_puts(&names, json_string_value(type));
	for (size_t i = 0; i < json_array_size(type); i++) {
		gk_buf_puts(&names, i ? "," : "");
		gk_buf_puts(&names, json_string_value(json_array_get(type, i)));
	}
	if (gk_buf_failed(&names))
		return gk_schema_stop(w, GK_SCHEMA_NO_MEMORY);
	return gk_schema_report(w, f, "must be %s", names.data);
}

bool gk_schema_visit(gk_schema_walk *w, gk_schema_frame *f)
{
	const gk_schema_node *node = f->node;
	gk_schema_group group, turn = node->type_turn;
	uint8_t kind;

	if (node->constant != GK_NODE_RULES)
		return node->constant == GK_NODE_TRUE ||
		       gk_schema_report(w, f, "boolean schema is false");
	if (f->depth > GK_MAX_SCHEMA_DEPTH)
		return gk_schema_stop(w, GK_SCHEMA_TOO_DEEP);
	if (!gk_schema_spend(w, 1))
		return false;

	kind = f->text ? GK_KIND_STRING : gk_schema_kind(f->value);
	if (!(node->types & kind) && node->types != GK_KIND_ALL && turn == GK_GROUP_ANY) {
		wrong_type(w, f);
		if (w->composite && w->errors) /* ajv goes on to these inside of a branch */
			run_group(w, f, GK_GROUP_ANY);
		return false;
	}
	if (!run_group(w, f, GK_GROUP_ANY))
		return false;
	group = group_of(kind);
	if (turn != GK_GROUP_ANY && turn != group) {
		if (group != GK_GROUP_ANY && group < turn && !run_group(w, f, group))
			return false;
		return wrong_type(w, f);
	}
	return group == GK_GROUP_ANY || run_group(w, f, group);
}

/* Most members are asked no more than their type: no frame is needed to say that they have it. */
static inline bool is_of_type(
	const gk_schema_frame *f, const gk_schema_node *node, const json_t *value)
{
	return node->constant == GK_NODE_RULES && !node->first[GK_GROUPS] &&
	       node->type_turn == GK_GROUP_ANY && (node->types & gk_schema_kind(value)) &&
	       f->depth < GK_MAX_SCHEMA_DEPTH;
}

bool gk_schema_visit_here(gk_schema_walk *w, const gk_schema_frame *f, const gk_schema_node *node)
{
	gk_schema_frame here = *f;

	here.up = f;
	here.node = node;
	here.step = GK_STEP_NONE;
	here.depth++;
	return gk_schema_visit(w, &here);
}

bool gk_schema_visit_member(gk_schema_walk *w, const gk_schema_frame *f, const gk_schema_node *node,
	const char *key, size_t len, const json_t *value)
{
	gk_schema_frame member;

	if (is_of_type(f, node, value))
		return gk_schema_spend(w, 1);
	member = (gk_schema_frame){
		.up = f,
		.node = node,
		.value = value,
		.step = GK_STEP_MEMBER,
		.key = key,
		.position = len,
		.depth = f->depth + 1,
	};
	return gk_schema_visit(w, &member);
}

bool gk_schema_visit_item(
	gk_schema_walk *w, const gk_schema_frame *f, const gk_schema_node *node, size_t index)
{
	gk_schema_frame item = {
		.up = f,
		.node = node,
		.value = json_array_get(f->value, index),
		.step = GK_STEP_ITEM,
		.position = index,
		.depth = f->depth + 1,
	};

	return gk_schema_visit(w, &item);
}

bool gk_schema_visit_name(gk_schema_walk *w, const gk_schema_frame *f, const gk_schema_node *node,
	const char *key, size_t len)
{
	gk_schema_frame name = {
		.up = f,
		.node = node,
		.text = key,
		.text_len = len,
		.depth = f->depth + 1,
	};

	return gk_schema_visit(w, &name);
}

bool gk_schema_holds(gk_schema_walk *w, const gk_schema_frame *f, const gk_schema_node *node)
{
	json_t *errors = w->errors;
	bool holds;

	w->errors = NULL;
	holds = gk_schema_visit_here(w, f, node);
	w->errors = errors;
	return holds;
}

gk_schema_branches gk_schema_enter_branches(gk_schema_walk *w)
{
	gk_schema_branches b = { mark(w), w->composite };

	w->composite = true;
	return b;
}

bool gk_schema_leave_branches(gk_schema_walk *w, gk_schema_branches b, bool holds)
{
	w->composite = b.composite;
	if (holds)
		rewind_to(w, b.mark);
	return holds;
}

void gk_schema_drop_errors(gk_schema_walk *w, gk_schema_branches b)
{
	if (!w->composite)
		rewind_to(w, b.mark);
}

static bool run(gk_schema_walk *w, const gk_schema *schema, const json_t *value)
{
	gk_schema_frame f = { .node = schema->root, .value = value };

	w->root = value;
	w->steps = GK_MAX_SCHEMA_STEPS;
	w->regex_work = GK_MAX_SCHEMA_REGEX;
	return gk_schema_visit(w, &f);
}

/* Why there is no verdict, as the only error. Memory that ran out is no fault of the value: then there is none. */
static bool report_stop(gk_schema_walk *w, const gk_schema *schema, const char *why)
{
	const gk_schema_frame f = { .node = schema->root };

	json_array_clear(w->errors);
	w->stopped = NULL;
	if (strcmp(why, GK_SCHEMA_NO_MEMORY) != 0)
		gk_schema_report(w, &f, "%s", why);
	return json_array_size(w->errors) > 0;
}

bool gk_schema_run(
	const gk_schema *schema, const json_t *value, json_t **errors_ret, bool is_pointer)
{
	gk_schema_walk verdict = { 0 }, w = { .is_pointer = is_pointer };
	bool reported;

	if (!schema->root || run(&verdict, schema, value))
		return true;
	if (!errors_ret)
		return false;
	w.errors = json_array();
	if (!w.errors)
		return false;
	if (!verdict.stopped)
		run(&w, schema, value);
	reported = verdict.stopped || w.stopped
			   ? report_stop(&w, schema, verdict.stopped ? verdict.stopped : w.stopped)
			   : json_array_size(w.errors) > 0;
	if (reported)
		*errors_ret = w.errors;
	else
		json_decref(w.errors);
	return false;
}
