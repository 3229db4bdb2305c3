/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* The rules of telemetry section 12.2. */
#include "golden.h"

#include "json/edit.h"

#include <ctype.h>

/* --- values --- */

static bool is_made_of(const char *text, size_t len, const char *set)
{
	return text && strlen(text) == len && strspn(text, set) == len;
}

/* A golden text that stands for any value of a kind; false: it is none of those. */
static bool match_mask(const char *mask, const json_t *candidate, bool *ret)
{
	const char *text = json_string_value(candidate);

	if (strcmp(mask, "<uuid>") == 0)
		*ret = is_made_of(text, 36, "0123456789abcdef-");
	else if (strcmp(mask, "<number>") == 0)
		*ret = json_is_number(candidate);
	else if (strcmp(mask, "<traceId>") == 0)
		*ret = is_made_of(text, 32, "0123456789abcdef");
	else if (strcmp(mask, "<spanId>") == 0)
		*ret = is_made_of(text, 16, "0123456789abcdef");
	else if (strcmp(mask, "<stack>") == 0)
		*ret = text != NULL;
	else
		return false;
	return true;
}

static size_t counted(const json_t *object, const char *ignored)
{
	return json_object_size(object) - (ignored && json_object_get(object, ignored) ? 1 : 0);
}

static bool equal_objects(const json_t *golden, const json_t *candidate)
{
	/* An object of the reference's memory stands beside the schema (rule 7). */
	bool has_schema = json_object_get(golden, "jsonSchema") != NULL;
	const char *ignored = has_schema ? "schema" : NULL, *key;
	json_t *member;

	if (counted(golden, ignored) != counted(candidate, ignored))
		return false;
	json_object_foreach ((json_t *)(uintptr_t)golden, key, member)
		if (!(ignored && strcmp(key, ignored) == 0) &&
			!golden_equal(member, json_object_get(candidate, key)))
			return false;
	return true;
}

bool golden_equal(const json_t *golden, const json_t *candidate)
{
	bool matches;

	if (!golden || !candidate)
		return golden == candidate;
	if (json_is_string(golden) && match_mask(json_string_value(golden), candidate, &matches))
		return matches;
	if (json_is_object(golden))
		return json_is_object(candidate) && equal_objects(golden, candidate);
	if (json_is_array(golden)) {
		if (json_array_size(golden) != json_array_size(candidate))
			return false;
		for (size_t i = 0; i < json_array_size(golden); i++)
			if (!golden_equal(json_array_get(golden, i), json_array_get(candidate, i)))
				return false;
		return true;
	}
	return gk_json_equal(golden, candidate);
}

/* --- nodes --- */

static bool differs(gk_buf *why, const char *what, const json_t *golden, const json_t *candidate)
{
	gk_auto_str char *expected = gk_json_write(golden, NULL);
	gk_auto_str char *got = gk_json_write(candidate, NULL);

	if (why && !why->len)
		gk_buf_printf(why, "%s is %s, expected %s", what, got, expected);
	return false;
}

static bool attribute_equal(const json_t *golden, const json_t *candidate)
{
	json_t *json = json_object_get(golden, "$json");
	gk_auto_json json_t *value = NULL;

	if (!json)
		return golden_equal(golden, candidate);
	return json_is_string(candidate) &&
	       gk_json_parse(json_string_value(candidate), json_string_length(candidate), 0, &value,
		       NULL) == GK_OK &&
	       golden_equal(json, value);
}

static bool attributes_equal(const json_t *golden, const json_t *candidate, gk_buf *why)
{
	const char *key;
	json_t *value;

	json_object_foreach ((json_t *)(uintptr_t)golden, key, value)
		if (!attribute_equal(value, json_object_get(candidate, key)))
			return differs(why, key, value, json_object_get(candidate, key));
	json_object_foreach ((json_t *)(uintptr_t)candidate, key, value)
		if (strncmp(key, "genkitd:", 8) != 0 && !json_object_get(golden, key))
			return differs(why, key, NULL, value);
	return true;
}

static bool is_number(const char *text)
{
	return *text && strspn(text, "0123456789") == strlen(text);
}

static bool exception_type_equal(const char *golden, const char *candidate)
{
	if (is_number(golden) || strcmp(golden, "ToolInterruptError") == 0 ||
		strcmp(golden, "Error") == 0)
		return candidate && strcmp(golden, candidate) == 0;
	return candidate && *candidate && !is_number(candidate);
}

static bool event_equal(const json_t *golden, const json_t *candidate, gk_buf *why)
{
	json_t *annotation = json_object_get(candidate, "annotation"), *value;
	json_t *attributes = json_object_get(annotation, "attributes");
	const char *key;

	if (!json_equal(json_object_get(golden, "description"),
		    json_object_get(annotation, "description")))
		return differs(why, "an event", golden, candidate);
	json_object_foreach (json_object_get(golden, "attributes"), key, value) {
		json_t *other = json_object_get(attributes, key);

		if (strcmp(key, "exception.stacktrace") == 0)
			continue;
		if (strcmp(key, "exception.type") == 0
				? !exception_type_equal(
					  json_string_value(value), json_string_value(other))
				: !golden_equal(value, other))
			return differs(why, key, value, other);
	}
	return true;
}

static bool events_equal(const json_t *golden, const json_t *candidate, gk_buf *why)
{
	json_t *events = json_object_get(json_object_get(candidate, "timeEvents"), "timeEvent");
	json_t *event;
	size_t i;

	if (json_array_size(json_object_get(golden, "events")) != json_array_size(events))
		return differs(why, "events", json_object_get(golden, "events"), events);
	json_array_foreach (json_object_get(golden, "events"), i, event)
		if (!event_equal(event, json_array_get(events, i), why))
			return false;
	return true;
}

static bool node_equal(const json_t *golden, const json_t *node, gk_buf *why);

/* --- siblings --- */

typedef enum kind {
	TOOL,
	CASE,
	OTHER,
} kind;

static kind kind_of(const json_t *golden)
{
	const char *name = gk_json_str_peek(golden, "displayName");
	const char *subtype = json_string_value(
		json_object_get(json_object_get(golden, "attributes"), "genkit:metadata:subtype"));

	if (subtype && (strcmp(subtype, "tool") == 0 || strcmp(subtype, "tool.v2") == 0))
		return TOOL;
	return strncmp(name, "Test Case ", 10) == 0 ? CASE : OTHER;
}

static bool same_run(const json_t *a, const json_t *b)
{
	if (kind_of(a) != kind_of(b))
		return false;
	return kind_of(a) != OTHER ||
	       json_equal(json_object_get(a, "displayName"), json_object_get(b, "displayName"));
}

static size_t run_length(const json_t *list, size_t from)
{
	size_t end = from + 1;

	while (end < json_array_size(list) &&
		same_run(json_array_get(list, from), json_array_get(list, end)))
		end++;
	return end - from;
}

/* Any order within a run of what happened at the same time (rule 3). */
static bool run_equal(
	const json_t *golden, const json_t *nodes, size_t from, size_t count, gk_buf *why)
{
	bool *used = calloc(count, sizeof(*used));
	bool equal = true;

	for (size_t i = 0; equal && i < count; i++) {
		const json_t *wanted = json_array_get(golden, from + i);
		size_t j = 0;

		while (j < count && (used[j] || !node_equal(wanted, json_array_get(nodes, from + j),
							count == 1 ? why : NULL)))
			j++;
		equal = j < count;
		if (equal)
			used[j] = true;
		else
			differs(why, "one of its siblings", wanted,
				json_array_get(nodes, from + i));
	}
	free(used);
	return equal;
}

static bool siblings_equal(const json_t *golden, const json_t *nodes, gk_buf *why)
{
	if (json_array_size(golden) != json_array_size(nodes))
		return differs(why, "the list of children", golden, nodes);
	for (size_t at = 0, count; at < json_array_size(golden); at += count) {
		count = run_length(golden, at);
		if (!run_equal(golden, nodes, at, count, why))
			return false;
	}
	return true;
}

static bool node_equal(const json_t *golden, const json_t *node, gk_buf *why)
{
	static const char *const members[] = { "displayName", "spanKind", "instrumentationLibrary",
		"status" };
	const json_t *span = json_object_get(node, "span");

	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
		if (!golden_equal(
			    json_object_get(golden, members[i]), json_object_get(span, members[i])))
			return differs(why, members[i], json_object_get(golden, members[i]),
				json_object_get(span, members[i]));
	return attributes_equal(json_object_get(golden, "attributes"),
		       json_object_get(span, "attributes"), why) &&
	       events_equal(golden, span, why) &&
	       siblings_equal(
		       json_object_get(golden, "children"), json_object_get(node, "children"), why);
}

/* --- trees --- */

/* By start, then by the order in which they ended, which is that of the list. */
static void insert_sorted(json_t *list, json_t *node)
{
	double start = gk_json_real_at(node, "span.startTime", 0);
	size_t at = json_array_size(list);

	while (at > 0 && gk_json_real_at(json_array_get(list, at - 1), "span.startTime", 0) > start)
		at--;
	json_array_insert(list, at, node);
}

/* [[roots]] of the traces, in order of their earliest start: nodes are {span, children}. */
static json_t *make_trees(const json_t *spans)
{
	gk_auto_json json_t *by_id = json_object(), *traces = json_object();
	json_t *sorted = json_array(), *span, *node, *roots;
	const char *trace_id;
	size_t i;

	json_array_foreach (spans, i, span)
		json_object_set_new(by_id, gk_json_str_peek(span, "spanId"),
			json_pack("{s:O, s:[]}", "span", span, "children"));
	json_array_foreach (spans, i, span) {
		const char *parent = gk_json_str_peek(span, "parentSpanId");
		json_t *above = parent ? json_object_get(by_id, parent) : NULL;

		trace_id = gk_json_str_peek(span, "traceId");
		if (!above && !json_object_get(traces, trace_id))
			json_object_set_new(traces, trace_id, json_array());
		node = json_object_get(by_id, gk_json_str_peek(span, "spanId"));
		insert_sorted(above ? json_object_get(above, "children")
				    : json_object_get(traces, trace_id),
			node);
	}
	json_object_foreach (traces, trace_id, roots) {
		size_t at = json_array_size(sorted);
		double start = gk_json_real_at(roots, "[0].span.startTime", 0);

		while (at > 0 && gk_json_real_at(json_array_get(sorted, at - 1),
					 "[0].span.startTime", 0) > start)
			at--;
		json_array_insert(sorted, at, roots);
	}
	return sorted;
}

/* Every name as often as the file has it (rule 10); children before parents follows from how spans end. */
bool golden_compare_order(const json_t *file, const json_t *spans, gk_buf *why)
{
	gk_auto_json json_t *left = json_copy(json_object_get(file, "exportOrder"));
	json_t *span;
	size_t i, j;

	json_array_foreach (spans, i, span) {
		for (j = 0; j < json_array_size(left); j++)
			if (json_equal(
				    json_array_get(left, j), json_object_get(span, "displayName")))
				break;
		if (j == json_array_size(left))
			return differs(
				why, "exportOrder", json_object_get(file, "exportOrder"), span);
		json_array_remove(left, j);
	}
	return json_array_size(left) == 0 || differs(why, "exportOrder", left, NULL);
}

bool golden_compare_traces(const json_t *file, const json_t *spans, gk_buf *why)
{
	gk_auto_json json_t *trees = make_trees(spans);
	json_t *structure = json_object_get(file, "structure"), *roots;
	size_t i;

	if (json_array_size(trees) != json_array_size(structure))
		return differs(why, "the number of traces", structure, trees);
	json_array_foreach (structure, i, roots)
		if (!siblings_equal(roots, json_array_get(trees, i), why))
			return false;
	return true;
}
