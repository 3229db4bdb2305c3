/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* A trace as a tree of spans (telemetry section 1.9 says what of a span is worth seeing). */
#include "ctl/traces.h"

#include "base/str.h"
#include "base/table.h"

#include <genkit/json.h>
#include <stdio.h>

#define DIM   "\033[2m"
#define BOLD  "\033[1m"
#define RESET "\033[0m"

typedef struct node {
	const json_t *span;
	const char *key;
	struct node *parent, *first, *last, *next; /* children and siblings, in order of start */
	double start;
	size_t prefix_len; /* of what stands left of its children */
} node;

typedef struct tree {
	gk_buf *out;
	const json_t *logs;
	gk_ctl_look look;
	node *nodes;
	size_t count;
	node root;     /* of those without a parent */
	gk_buf prefix; /* left of the line */
	double start;  /* of the trace */
} tree;

/* --- who is below whom --- */

static int by_start(const void *a, const void *b)
{
	const node *one = a, *other = b;

	return one->start < other->start ? -1 : one->start > other->start;
}

static void hang(node *parent, node *child)
{
	child->parent = parent;
	if (parent->last)
		parent->last->next = child;
	else
		parent->first = child;
	parent->last = child;
}

/* Whether `below` is under `above`, or the same: foreign traces may have circles. Who has no children yet is above nobody. */
static bool is_under(const node *below, const node *above)
{
	if (!above->first)
		return below == above;
	for (; below; below = below->parent)
		if (below == above)
			return true;
	return false;
}

static gk_code build(tree *t, const json_t *trace, gk_error *err)
{
	gk_table *by_id = gk_table_new(NULL);
	bool done = by_id != NULL;
	const char *key;
	json_t *span;

	t->nodes = calloc(json_object_size(json_object_get(trace, "spans")) + 1, sizeof(node));
	if (t->nodes)
		json_object_foreach (json_object_get(trace, "spans"), key, span)
			t->nodes[t->count++] = (node){ .span = span,
				.key = key,
				.start = gk_json_real_at(span, "startTime", 0) };
	if (t->count)
		qsort(t->nodes, t->count, sizeof(node), by_start);
	for (size_t i = 0; done && i < t->count; i++)
		done = gk_table_set(by_id, t->nodes[i].key, &t->nodes[i]);
	for (size_t i = 0; done && t->nodes && i < t->count; i++) {
		const char *parent = gk_json_str_peek(t->nodes[i].span, "parentSpanId");
		node *above = parent && *parent ? gk_table_get(by_id, parent) : NULL;

		hang(above && !is_under(above, &t->nodes[i]) ? above : &t->root, &t->nodes[i]);
	}
	gk_table_free(by_id);
	t->start = t->count ? t->nodes[0].start : 0;
	return done && t->nodes ? GK_OK : gk_error_no_memory(err);
}

/* --- lines --- */

static const char *colour(const tree *t, const char *code)
{
	return t->look.has_colour ? code : "";
}

static void put_prefix(tree *t, const node *n)
{
	gk_buf_puts(t->out, colour(t, DIM));
	gk_buf_put(t->out, t->prefix.data ? t->prefix.data : "", n->prefix_len);
	gk_buf_puts(t->out, n->first ? "│  " : "   ");
	gk_buf_puts(t->out, colour(t, RESET));
}

static void put_lines(tree *t, const node *n, const char *text)
{
	for (bool is_first = true; *text; is_first = false) {
		size_t len = strcspn(text, "\n");

		if (!is_first) {
			gk_buf_putc(t->out, '\n');
			put_prefix(t, n);
			gk_buf_puts(t->out, "         ");
		}
		gk_buf_put_line_of(t->out, text, len);
		text += len + (text[len] == '\n');
	}
}

/* "input    ..." below a span; --verbose has all of it, and JSON over several lines. */
static void put_detail(tree *t, const node *n, const char *name, const char *text, const char *how)
{
	size_t used = 12;
	gk_auto_buf gk_buf label = GK_BUF_INIT(0);
	gk_auto_json json_t *value = NULL;
	gk_auto_str char *pretty = NULL;

	put_prefix(t, n);
	gk_buf_put_line(&label, name);
	gk_buf_printf(t->out, "%s%-8s%s %s", colour(t, DIM), label.data ? label.data : "",
		colour(t, RESET), colour(t, how));
	for (size_t i = 0; i < n->prefix_len; i++)
		used += ((unsigned char)t->prefix.data[i] & 0xc0) != 0x80;
	if (!t->look.is_verbose) {
		gk_ctl_put_cut(t->out, text,
			!t->look.width               ? SIZE_MAX
			: t->look.width > used + 20u ? t->look.width - used
						     : 20);
	} else {
		if (gk_json_parse(text, strlen(text), strlen(text), &value, NULL) == GK_OK &&
			(json_is_object(value) || json_is_array(value)))
			pretty = gk_json_write_pretty(value, NULL);
		put_lines(t, n, pretty ? pretty : text);
	}
	gk_buf_printf(t->out, "%s\n", colour(t, *how ? RESET : ""));
}

/* "12 + 34 tokens" of what a model has said it used. */
static void put_usage(tree *t, const node *n)
{
	const char *output = gk_ctl_span_attribute(n->span, "genkit:output");
	gk_auto_json json_t *value = NULL;
	const json_t *usage;

	if (!output || !gk_str_equal(gk_ctl_span_type(n->span), "model") ||
		gk_json_parse(output, strlen(output), strlen(output), &value, NULL) != GK_OK)
		return;
	usage = json_object_get(value, "usage");
	if (json_object_get(usage, "inputTokens") || json_object_get(usage, "outputTokens"))
		gk_buf_printf(t->out, "  %lld + %lld tokens",
			(long long)gk_json_int_at(usage, "inputTokens", 0),
			(long long)gk_json_int_at(usage, "outputTokens", 0));
}

static void put_head(tree *t, const node *n)
{
	static const char *const marks[] = { "✓", "✗", "?", "…" };
	gk_ctl_span_state state = gk_ctl_span_state_of(n->span);
	const char *name = gk_json_str_peek(n->span, "displayName");
	const char *type = gk_ctl_span_type(n->span);
	double end = gk_json_real_at(n->span, "endTime", 0);

	gk_buf_printf(t->out, "%s%s%s %s", colour(t, gk_ctl_state_colour(state)), marks[state],
		colour(t, RESET), colour(t, BOLD));
	gk_buf_put_line(t->out, name && *name ? name : "(no name)");
	gk_buf_printf(t->out, "%s%s", colour(t, RESET), colour(t, DIM));
	if (type) {
		gk_buf_puts(t->out, "  ");
		gk_buf_put_line(t->out, type);
	}
	gk_buf_puts(t->out, "  ");
	if (state == GK_CTL_SPAN_RUNNING)
		gk_buf_puts(t->out, "running");
	else
		gk_ctl_put_duration(t->out, end - n->start);
	if (n->start > t->start) {
		gk_buf_puts(t->out, "  after ");
		gk_ctl_put_duration(t->out, n->start - t->start);
	}
	put_usage(t, n);
	if (state == GK_CTL_SPAN_INTERRUPTED)
		gk_buf_puts(t->out, "  interrupted");
	gk_buf_printf(t->out, "%s\n", colour(t, RESET));
}

/* --- what a span has to say --- */

static const struct {
	const char *attribute, *name;
} details[] = {
	{ "genkit:init", "init" },
	{ "genkit:input", "input" },
	{ "genkit:metadata:context", "context" },
	{ "genkit:output", "output" },
	{ "genkit:metadata:interrupt", "asks" },
};

/* What the head and the lines above it have said already. */
static bool is_shown(const char *key)
{
	static const char *const others[] = { "genkit:type", "genkit:name", "genkit:key",
		"genkit:path", "genkit:isRoot", "genkit:state", "genkit:metadata:subtype", NULL };

	for (size_t i = 0; i < sizeof(details) / sizeof(details[0]); i++)
		if (strcmp(key, details[i].attribute) == 0)
			return true;
	for (size_t i = 0; others[i]; i++)
		if (strcmp(key, others[i]) == 0)
			return true;
	return false;
}

static void put_others(tree *t, const node *n)
{
	const char *key;
	json_t *value;

	json_object_foreach (json_object_get(n->span, "attributes"), key, value) {
		gk_auto_str char *text = NULL;

		if (is_shown(key))
			continue;
		text = json_is_string(value) ? strdup(json_string_value(value))
					     : gk_json_write(value, NULL);
		put_detail(t, n, key, text ? text : "", "");
	}
}

static void put_events(tree *t, const node *n)
{
	json_t *event;
	size_t i;

	json_array_foreach (gk_json_at_peek(n->span, "timeEvents.timeEvent"), i, event) {
		const char *name = gk_json_str_peek(event, "annotation.description");

		if (name && strcmp(name, "exception") != 0)
			put_detail(t, n, "event", name, "");
	}
}

/* "log      warn: careful", in order of time. */
static void put_logs(tree *t, const node *n)
{
	json_t *record;
	size_t i;

	json_array_foreach (t->logs, i, record) {
		json_t *body = json_object_get(record, "body");
		const char *severity = gk_json_str_peek(record, "severityText");
		gk_auto_str char *text = NULL, *line = NULL;

		if (!gk_str_equal(gk_json_str_peek(record, "spanId"), n->key))
			continue;
		text = json_is_string(body) ? strdup(json_string_value(body))
					    : gk_json_write(body, NULL);
		if (asprintf(&line, "%s%s%s", severity ? severity : "", severity ? ": " : "",
			    text ? text : "") < 0)
			line = NULL;
		if (line)
			put_detail(t, n, "log", line, "");
	}
}

static void put_details(tree *t, const node *n)
{
	const char *error = gk_ctl_span_error(n->span);

	for (size_t i = 0; i < sizeof(details) / sizeof(details[0]); i++) {
		const char *text = gk_ctl_span_attribute(n->span, details[i].attribute);

		if (text && strcmp(text, "{}") != 0)
			put_detail(t, n, details[i].name, text, "");
	}
	if (t->look.is_verbose)
		put_others(t, n);
	put_events(t, n);
	put_logs(t, n);
	if (error)
		put_detail(t, n, "error", error, gk_ctl_state_colour(GK_CTL_SPAN_ERROR));
}

/* --- the walk: no recursion, for a trace may be as deep as it likes --- */

static void put_node(tree *t, node *n)
{
	bool is_top = n->parent == &t->root, is_last = !n->next;

	t->prefix.len = is_top ? 0 : n->parent->prefix_len;
	gk_buf_puts(t->out, colour(t, DIM));
	gk_buf_put(t->out, t->prefix.data ? t->prefix.data : "", t->prefix.len);
	if (!is_top) {
		gk_buf_puts(t->out, is_last ? "└─ " : "├─ ");
		gk_buf_puts(&t->prefix, is_last ? "   " : "│  ");
	}
	gk_buf_puts(t->out, colour(t, RESET));
	n->prefix_len = t->prefix.len;
	put_head(t, n);
	put_details(t, n);
}

static void walk(tree *t)
{
	node *n = t->root.first;

	while (n) {
		put_node(t, n);
		if (n->first) {
			n = n->first;
			continue;
		}
		while (n && !n->next)
			n = n->parent == &t->root ? NULL : n->parent;
		n = n ? n->next : NULL;
	}
}

static void put_title(tree *t, const json_t *trace)
{
	const char *id = gk_json_str_peek(trace, "traceId");
	struct tm parts;
	char when[32] = "?";

	if (gk_ctl_local_time(t->start, &parts))
		strftime(when, sizeof(when), "%Y-%m-%d %H:%M:%S", &parts);
	gk_buf_printf(t->out, "%strace ", colour(t, DIM));
	gk_buf_put_line(t->out, id ? id : "?");
	gk_buf_printf(t->out, "  %s  %zu span%s%s\n", when, t->count, t->count == 1 ? "" : "s",
		colour(t, RESET));
}

gk_code gk_ctl_put_trace_tree(
	gk_buf *out, const json_t *trace, const json_t *logs, gk_ctl_look look, gk_error *err)
{
	tree t = { .out = out, .logs = logs, .look = look, .prefix = GK_BUF_INIT(0) };
	gk_code rc = build(&t, trace, err);

	if (rc == GK_OK) {
		put_title(&t, trace);
		walk(&t);
		if (gk_buf_failed(out) || gk_buf_failed(&t.prefix))
			rc = gk_error_no_memory(err);
	}
	gk_buf_done(&t.prefix);
	free(t.nodes);
	return rc;
}
