/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Keywords for any value, for numbers and for strings. */
#include "json/schema_walk.h"

#include "base/number.h"
#include "json/edit.h"

#include <math.h>

/* --- any value --- */

bool gk_check_ref(gk_schema_walk *w, const gk_schema_frame *f, const gk_schema_rule *rule)
{
	bool composite = w->composite, holds;

	w->composite = composite && !rule->ref.is_call;
	holds = gk_schema_visit_here(w, f, rule->ref.node);
	w->composite = composite;
	return holds;
}

const gk_schema_node *gk_schema_dynamic_target(const gk_schema_frame *f, const gk_schema_rule *rule)
{
	const gk_schema_node *target = rule->ref.node;

	if (!rule->ref.anchor)
		return target;
	/* The outermost resource on the way here that has the anchor. */
	for (; f; f = f->up)
		for (const struct gk_schema_dynamic *d = f->node->resource->dynamics; d;
			d = d->next)
			if (d->node && strcmp(d->anchor, rule->ref.anchor) == 0)
				target = d->node;
	return target;
}

bool gk_check_dynamic_ref(gk_schema_walk *w, const gk_schema_frame *f, const gk_schema_rule *rule)
{
	bool composite = w->composite, holds;

	w->composite = false;
	holds = gk_schema_visit_here(w, f, gk_schema_dynamic_target(f, rule));
	w->composite = composite;
	return holds;
}

static bool is_value(const gk_schema_frame *f, const json_t *value)
{
	if (!f->text)
		return gk_json_equal(f->value, value);
	return json_string_length(value) == f->text_len && json_is_string(value) &&
	       memcmp(json_string_value(value), f->text, f->text_len) == 0;
}

bool gk_check_const(gk_schema_walk *w, const gk_schema_frame *f, const gk_schema_rule *rule)
{
	return is_value(f, rule->json) || gk_schema_report(w, f, "must be equal to constant");
}

bool gk_check_enum(gk_schema_walk *w, const gk_schema_frame *f, const gk_schema_rule *rule)
{
	size_t n = json_array_size(rule->json);

	if (!gk_schema_spend(w, n / 32))
		return false;
	for (size_t i = 0; i < n; i++)
		if (is_value(f, json_array_get(rule->json, i)))
			return true;
	return gk_schema_report(w, f, "must be equal to one of the allowed values");
}

bool gk_check_not(gk_schema_walk *w, const gk_schema_frame *f, const gk_schema_rule *rule)
{
	if (!gk_schema_holds(w, f, rule->node))
		return !w->stopped;
	return gk_schema_report(w, f, "must NOT be valid");
}

bool gk_check_any_of(gk_schema_walk *w, const gk_schema_frame *f, const gk_schema_rule *rule)
{
	gk_schema_branches b;
	bool holds = false;

	for (size_t i = 0; i < rule->count; i++)
		if (rule->nodes[i]->constant == GK_NODE_TRUE)
			return true;
	b = gk_schema_enter_branches(w);
	for (size_t i = 0; i < rule->count && !holds && !w->stopped; i++)
		holds = gk_schema_visit_here(w, f, rule->nodes[i]);
	return gk_schema_leave_branches(w, b, holds) ||
	       gk_schema_report(w, f, "must match a schema in anyOf");
}

bool gk_check_one_of(gk_schema_walk *w, const gk_schema_frame *f, const gk_schema_rule *rule)
{
	gk_schema_branches b = gk_schema_enter_branches(w);
	unsigned holding = 0;

	for (size_t i = 0; i < rule->count && holding < 2 && !w->stopped; i++)
		holding += gk_schema_visit_here(w, f, rule->nodes[i]);
	return gk_schema_leave_branches(w, b, holding == 1 && !w->stopped) ||
	       gk_schema_report(w, f, "must match exactly one schema in oneOf");
}

bool gk_check_all_of(gk_schema_walk *w, const gk_schema_frame *f, const gk_schema_rule *rule)
{
	for (size_t i = 0; i < rule->count; i++)
		if (!gk_schema_visit_here(w, f, rule->nodes[i]))
			return false;
	return true;
}

bool gk_check_if(gk_schema_walk *w, const gk_schema_frame *f, const gk_schema_rule *rule)
{
	const gk_schema_node *then;
	bool holds;

	if (!rule->yes && !rule->no)
		return true;
	holds = gk_schema_holds(w, f, rule->condition);
	if (w->stopped)
		return false;
	then = holds ? rule->yes : rule->no;
	if (!then || gk_schema_visit_here(w, f, then))
		return true;
	/* Elsewhere the branch's error stands alone. */
	return w->composite &&
	       gk_schema_report(w, f, "must match \"%s\" schema", holds ? "then" : "else");
}

/* --- numbers --- */

static bool report_number(
	gk_schema_walk *w, const gk_schema_frame *f, const gk_schema_rule *rule, const char *what)
{
	char number[GK_NUMBER_SIZE];

	if (!w->errors)
		return false;
	gk_format_real(rule->number, number);
	return gk_schema_report(w, f, "must be %s %s", what, number);
}

bool gk_check_maximum(gk_schema_walk *w, const gk_schema_frame *f, const gk_schema_rule *rule)
{
	return json_number_value(f->value) <= rule->number || report_number(w, f, rule, "<=");
}

bool gk_check_minimum(gk_schema_walk *w, const gk_schema_frame *f, const gk_schema_rule *rule)
{
	return json_number_value(f->value) >= rule->number || report_number(w, f, rule, ">=");
}

bool gk_check_exclusive_maximum(
	gk_schema_walk *w, const gk_schema_frame *f, const gk_schema_rule *rule)
{
	return json_number_value(f->value) < rule->number || report_number(w, f, rule, "<");
}

bool gk_check_exclusive_minimum(
	gk_schema_walk *w, const gk_schema_frame *f, const gk_schema_rule *rule)
{
	return json_number_value(f->value) > rule->number || report_number(w, f, rule, ">");
}

/* As ajv tests it: the quotient of doubles must be integral, and below what JavaScript writes with an exponent. */
bool gk_check_multiple_of(gk_schema_walk *w, const gk_schema_frame *f, const gk_schema_rule *rule)
{
	double quotient = json_number_value(f->value) / rule->number;

	return (quotient == trunc(quotient) && fabs(quotient) < 1e21) ||
	       report_number(w, f, rule, "multiple of");
}

static bool report_format(gk_schema_walk *w, const gk_schema_frame *f, const gk_schema_rule *rule)
{
	return gk_schema_report(w, f, "must match format \"%s\"", rule->format->name);
}

bool gk_check_number_format(gk_schema_walk *w, const gk_schema_frame *f, const gk_schema_rule *rule)
{
	return rule->format->number(json_number_value(f->value)) || report_format(w, f, rule);
}

/* --- strings --- */

static const char *text_of(const gk_schema_frame *f, size_t *len_ret)
{
	*len_ret = f->text ? f->text_len : json_string_length(f->value);
	return f->text ? f->text : json_string_value(f->value);
}

/* Code points. */
static size_t text_length(const gk_schema_frame *f)
{
	size_t len, n = 0;
	const char *text = text_of(f, &len);

	for (size_t i = 0; i < len; i++)
		n += ((unsigned char)text[i] & 0xc0) != 0x80;
	return n;
}

static bool report_length(
	gk_schema_walk *w, const gk_schema_frame *f, const gk_schema_rule *rule, const char *what)
{
	char number[GK_NUMBER_SIZE];

	if (!w->errors)
		return false;
	gk_format_real(rule->number, number);
	return gk_schema_report(w, f, "must NOT have %s than %s characters", what, number);
}

bool gk_check_max_length(gk_schema_walk *w, const gk_schema_frame *f, const gk_schema_rule *rule)
{
	size_t len;

	text_of(f, &len);
	return (double)len <= rule->number || (double)text_length(f) <= rule->number ||
	       report_length(w, f, rule, "more");
}

bool gk_check_min_length(gk_schema_walk *w, const gk_schema_frame *f, const gk_schema_rule *rule)
{
	size_t len;

	text_of(f, &len);
	if ((double)len / 4 >= rule->number)
		return true;
	return (double)text_length(f) >= rule->number || report_length(w, f, rule, "fewer");
}

bool gk_check_pattern(gk_schema_walk *w, const gk_schema_frame *f, const gk_schema_rule *rule)
{
	size_t len;
	const char *text = text_of(f, &len);

	return gk_schema_matches(w, rule->regex, text, len) ||
	       gk_schema_report(w, f, "must match pattern \"%s\"", json_string_value(rule->json));
}

bool gk_check_text_format(gk_schema_walk *w, const gk_schema_frame *f, const gk_schema_rule *rule)
{
	size_t len;
	const char *text = text_of(f, &len);

	return rule->format->text(text, len) || report_format(w, f, rule);
}

/* formatMinimum and its family (ajv-formats); what cannot be compared passes. */
bool gk_check_format_order(gk_schema_walk *w, const gk_schema_frame *f, const gk_schema_rule *rule)
{
	static const struct {
		const char *name, *sign;
		bool less, equal, more;
	} orders[] = {
		{ "formatMaximum", "<=", true, true, false },
		{ "formatMinimum", ">=", false, true, true },
		{ "formatExclusiveMaximum", "<", true, false, false },
		{ "formatExclusiveMinimum", ">", false, false, true },
	};
	const char *limit = json_string_value(rule->json);
	size_t len, i = 0;
	double difference;

	if (!rule->format->compare(text_of(f, &len), limit, &difference))
		return true;
	while (strcmp(orders[i].name, rule->keyword->name) != 0)
		i++;
	if (difference < 0 ? orders[i].less : difference > 0 ? orders[i].more : orders[i].equal)
		return true;
	return gk_schema_report(w, f, "should be %s %s", orders[i].sign, limit);
}
