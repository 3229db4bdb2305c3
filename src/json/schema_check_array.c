/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Keywords for arrays. */
#include "json/schema_walk.h"

#include "base/number.h"

static bool report_items(
	gk_schema_walk *w, const gk_schema_frame *f, double limit, const char *what)
{
	char number[GK_NUMBER_SIZE];

	if (!w->errors)
		return false;
	gk_format_real(limit, number);
	return gk_schema_report(w, f, "must NOT have %s than %s items", what, number);
}

bool gk_check_max_items(gk_schema_walk *w, const gk_schema_frame *f, const gk_schema_rule *rule)
{
	return (double)json_array_size(f->value) <= rule->number ||
	       report_items(w, f, rule->number, "more");
}

bool gk_check_min_items(gk_schema_walk *w, const gk_schema_frame *f, const gk_schema_rule *rule)
{
	return (double)json_array_size(f->value) >= rule->number ||
	       report_items(w, f, rule->number, "fewer");
}

/* items as a list, prefixItems: a schema for each place. */
bool gk_check_list(gk_schema_walk *w, const gk_schema_frame *f, const gk_schema_rule *rule)
{
	size_t n = json_array_size(f->value);

	for (size_t i = 0; i < n && i < rule->count; i++)
		if (!gk_schema_visit_item(w, f, rule->nodes[i], i))
			return false;
	return true;
}

/* items as one schema, additionalItems: one for all places from some place on. */
bool gk_check_rest(gk_schema_walk *w, const gk_schema_frame *f, const gk_schema_rule *rule)
{
	size_t n = json_array_size(f->value);

	if (rule->is_closed)
		return n <= rule->start || report_items(w, f, (double)rule->start, "more");
	for (size_t i = rule->start; i < n; i++)
		if (!gk_schema_visit_item(w, f, rule->rest, i))
			return false;
	return true;
}

static bool report_contains(gk_schema_walk *w, const gk_schema_frame *f, const gk_schema_rule *rule)
{
	char min[GK_NUMBER_SIZE], max[GK_NUMBER_SIZE];

	if (!w->errors)
		return false;
	gk_format_real(rule->min, min);
	if (rule->max < 0)
		return gk_schema_report(w, f, "must contain at least %s valid item(s)", min);
	gk_format_real(rule->max, max);
	return gk_schema_report(
		w, f, "must contain at least %s and no more than %s valid item(s)", min, max);
}

bool gk_check_contains(gk_schema_walk *w, const gk_schema_frame *f, const gk_schema_rule *rule)
{
	gk_schema_branches b = gk_schema_enter_branches(w);
	size_t n = json_array_size(f->value), found = 0;
	bool unbounded = rule->max < 0, holds;

	for (size_t i = 0; i < n && !w->stopped; i++) {
		found += gk_schema_visit_item(w, f, rule->node, i);
		if (unbounded ? (double)found >= rule->min : (double)found > rule->max)
			break;
	}
	holds = (double)found >= rule->min && (unbounded || (double)found <= rule->max) &&
		!w->stopped;
	if (gk_schema_leave_branches(w, b, holds))
		return true;
	gk_schema_drop_errors(w, b);
	return report_contains(w, f, rule);
}
