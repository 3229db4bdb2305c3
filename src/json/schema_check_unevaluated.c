/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * unevaluatedProperties, unevaluatedItems (2020-12). Instead of noting what each keyword has looked at, the question is
 * asked afterwards, for each member or item: would a keyword beside this one, or below a branch that holds, have looked
 * at it? That takes no memory; the branches are tried again for it.
 */
#include "json/schema_walk.h"

#include "base/limits.h"

typedef struct part {
	const gk_schema_rule *asking;
	const char *key; /* NULL: an item */
	size_t position; /* the key's length, or the index */
} part;

static bool is_evaluated(gk_schema_walk *w, const gk_schema_frame *f, const part *p);

static bool is_evaluated_by(
	gk_schema_walk *w, const gk_schema_frame *f, const gk_schema_node *node, const part *p)
{
	gk_schema_frame here = *f;

	if (!node)
		return false;
	here.up = f;
	here.node = node;
	here.step = GK_STEP_NONE;
	here.depth++;
	if (here.depth > GK_MAX_SCHEMA_DEPTH)
		return gk_schema_stop(w, GK_SCHEMA_TOO_DEEP);
	return is_evaluated(w, &here, p);
}

static bool is_evaluated_by_held(
	gk_schema_walk *w, const gk_schema_frame *f, const gk_schema_rule *rule, const part *p)
{
	for (size_t i = 0; i < rule->count; i++)
		if (gk_schema_holds(w, f, rule->nodes[i]) &&
			is_evaluated_by(w, f, rule->nodes[i], p))
			return true;
	return false;
}

static bool is_evaluated_by_if(
	gk_schema_walk *w, const gk_schema_frame *f, const gk_schema_rule *rule, const part *p)
{
	if (!gk_schema_holds(w, f, rule->condition))
		return is_evaluated_by(w, f, rule->no, p);
	return is_evaluated_by(w, f, rule->condition, p) || is_evaluated_by(w, f, rule->yes, p);
}

static bool is_evaluated_by_dependent(
	gk_schema_walk *w, const gk_schema_frame *f, const gk_schema_rule *rule, const part *p)
{
	for (size_t i = 0; i < rule->n_names; i++) {
		const gk_schema_name *name = &rule->names[i];

		if (name->node && json_object_getn(f->value, name->key, name->len) &&
			is_evaluated_by(w, f, name->node, p))
			return true;
	}
	return false;
}

/* Keywords that pass the same value on to other schemas. */
static bool is_evaluated_in_place(
	gk_schema_walk *w, const gk_schema_frame *f, const gk_schema_rule *rule, const part *p)
{
	gk_schema_check_fn *check = rule->keyword->check;

	if (check == gk_check_ref)
		return is_evaluated_by(w, f, rule->ref.node, p);
	if (check == gk_check_dynamic_ref)
		return is_evaluated_by(w, f, gk_schema_dynamic_target(f, rule), p);
	if (check == gk_check_all_of || check == gk_check_any_of || check == gk_check_one_of)
		return is_evaluated_by_held(w, f, rule, p);
	if (check == gk_check_if)
		return is_evaluated_by_if(w, f, rule, p);
	if (check == gk_check_dependencies)
		return is_evaluated_by_dependent(w, f, rule, p);
	return false;
}

static bool looks_at_member(
	gk_schema_walk *w, const gk_schema_frame *f, const gk_schema_rule *rule, const part *p)
{
	gk_schema_check_fn *check = rule->keyword->check;

	if (check == gk_check_properties)
		return gk_schema_property(f->node->properties, p->key, p->position) != NULL;
	if (check == gk_check_pattern_properties)
		for (size_t i = 0; i < f->node->n_patterns; i++)
			if (gk_schema_matches(w, f->node->patterns[i].regex, p->key, p->position))
				return true;
	return check == gk_check_additional || check == gk_check_unevaluated_properties;
}

static bool looks_at_item(
	gk_schema_walk *w, const gk_schema_frame *f, const gk_schema_rule *rule, const part *p)
{
	gk_schema_check_fn *check = rule->keyword->check;
	json_t *errors = w->errors;
	bool holds;

	if (check == gk_check_list)
		return p->position < rule->count;
	if (check != gk_check_contains)
		return check == gk_check_rest || check == gk_check_unevaluated_items;
	w->errors = NULL;
	holds = gk_schema_visit_item(w, f, rule->node, p->position);
	w->errors = errors;
	return holds;
}

static bool is_evaluated(gk_schema_walk *w, const gk_schema_frame *f, const part *p)
{
	const gk_schema_node *node = f->node;

	if (!gk_schema_spend(w, 1))
		return false;
	for (size_t i = 0; i < node->first[GK_GROUPS] && !w->stopped; i++) {
		const gk_schema_rule *rule = &node->rules[i];

		if (rule == p->asking)
			continue;
		if (p->key ? looks_at_member(w, f, rule, p) : looks_at_item(w, f, rule, p))
			return true;
		if (is_evaluated_in_place(w, f, rule, p))
			return true;
	}
	return false;
}

bool gk_check_unevaluated_properties(
	gk_schema_walk *w, const gk_schema_frame *f, const gk_schema_rule *rule)
{
	json_t *object = (json_t *)f->value;

	for (void *m = json_object_iter(object); m; m = json_object_iter_next(object, m)) {
		part p = { rule, json_object_iter_key(m), json_object_iter_key_len(m) };

		if (is_evaluated(w, f, &p))
			continue;
		if (w->stopped)
			return false;
		if (rule->is_closed)
			return gk_schema_report(w, f, "must NOT have unevaluated properties");
		if (!gk_schema_visit_member(
			    w, f, rule->rest, p.key, p.position, json_object_iter_value(m)))
			return false;
	}
	return true;
}

bool gk_check_unevaluated_items(
	gk_schema_walk *w, const gk_schema_frame *f, const gk_schema_rule *rule)
{
	size_t n = json_array_size(f->value);

	for (size_t i = 0; i < n; i++) {
		part p = { rule, NULL, i };

		if (is_evaluated(w, f, &p))
			continue;
		if (w->stopped)
			return false;
		if (rule->is_closed)
			return gk_schema_report(w, f, "must NOT have more than %zu items", i);
		if (!gk_schema_visit_item(w, f, rule->rest, i))
			return false;
	}
	return true;
}
