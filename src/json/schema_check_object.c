/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Keywords for objects. */
#include "json/schema_walk.h"

#include "base/buf.h"
#include "base/number.h"

#define foreach_member(object, member)                                                             \
	for (void *member = json_object_iter((json_t *)(object)); member;                          \
		member = json_object_iter_next((json_t *)(object), member))

static bool report_count(
	gk_schema_walk *w, const gk_schema_frame *f, const gk_schema_rule *rule, const char *what)
{
	char number[GK_NUMBER_SIZE];

	if (!w->errors)
		return false;
	gk_format_real(rule->number, number);
	return gk_schema_report(w, f, "must NOT have %s than %s properties", what, number);
}

bool gk_check_max_properties(
	gk_schema_walk *w, const gk_schema_frame *f, const gk_schema_rule *rule)
{
	return (double)json_object_size(f->value) <= rule->number ||
	       report_count(w, f, rule, "more");
}

bool gk_check_min_properties(
	gk_schema_walk *w, const gk_schema_frame *f, const gk_schema_rule *rule)
{
	return (double)json_object_size(f->value) >= rule->number ||
	       report_count(w, f, rule, "fewer");
}

bool gk_check_required(gk_schema_walk *w, const gk_schema_frame *f, const gk_schema_rule *rule)
{
	for (size_t i = 0; i < rule->n_names; i++) {
		const gk_schema_name *name = &rule->names[i];

		if (!json_object_getn(f->value, name->key, name->len))
			return gk_schema_report(w, f, "must have required property '%.*s'",
				(int)name->len, name->key);
	}
	return true;
}

bool gk_check_property_names(
	gk_schema_walk *w, const gk_schema_frame *f, const gk_schema_rule *rule)
{
	foreach_member(f->value, m)
	{
		gk_schema_branches b = gk_schema_enter_branches(w);
		bool holds = gk_schema_visit_name(
			w, f, rule->node, json_object_iter_key(m), json_object_iter_key_len(m));

		if (!gk_schema_leave_branches(w, b, holds))
			return gk_schema_report(w, f, "property name must be valid");
	}
	return true;
}

/* --- properties, patternProperties, additionalProperties --- */

const gk_schema_name *gk_schema_property(
	const gk_schema_properties *properties, const char *key, size_t len)
{
	size_t slot;

	if (!properties)
		return NULL;
	slot = gk_schema_hash(key, len) & properties->mask;
	for (; properties->slots[slot]; slot = (slot + 1) & properties->mask) {
		const gk_schema_name *name = &properties->names[properties->slots[slot] - 1];

		if (name->len == len && memcmp(name->key, key, len) == 0)
			return name;
	}
	return NULL;
}

static bool matches_any(gk_schema_walk *w, const gk_schema_node *node, const char *key, size_t len)
{
	for (size_t i = 0; i < node->n_patterns; i++)
		if (gk_schema_matches(w, node->patterns[i].regex, key, len))
			return true;
	return false;
}

bool gk_check_additional(gk_schema_walk *w, const gk_schema_frame *f, const gk_schema_rule *rule)
{
	foreach_member(f->value, m)
	{
		const char *key = json_object_iter_key(m);
		size_t len = json_object_iter_key_len(m);

		if (gk_schema_property(f->node->properties, key, len) ||
			matches_any(w, f->node, key, len))
			continue;
		if (w->stopped)
			return false;
		if (rule->is_closed)
			return gk_schema_report(w, f, "must NOT have additional properties");
		if (!gk_schema_visit_member(w, f, rule->rest, key, len, json_object_iter_value(m)))
			return false;
	}
	return true;
}

/* When only the verdict counts and the object is the smaller one, its members are looked up in the schema. */
static bool check_members(gk_schema_walk *w, const gk_schema_frame *f)
{
	foreach_member(f->value, m)
	{
		const char *key = json_object_iter_key(m);
		size_t len = json_object_iter_key_len(m);
		const gk_schema_name *name = gk_schema_property(f->node->properties, key, len);

		if (name && !gk_schema_visit_member(
				    w, f, name->node, key, len, json_object_iter_value(m)))
			return false;
	}
	return true;
}

bool gk_check_properties(gk_schema_walk *w, const gk_schema_frame *f, const gk_schema_rule *rule)
{
	const gk_schema_properties *properties = f->node->properties;

	(void)rule;
	if (!w->errors && json_object_size(f->value) < properties->count)
		return check_members(w, f);
	for (size_t i = 0; i < properties->count; i++) {
		const gk_schema_name *name = &properties->names[i];
		const json_t *value = json_object_getn(f->value, name->key, name->len);

		if (value && !gk_schema_visit_member(w, f, name->node, name->key, name->len, value))
			return false;
	}
	return true;
}

bool gk_check_pattern_properties(
	gk_schema_walk *w, const gk_schema_frame *f, const gk_schema_rule *rule)
{
	(void)rule;
	for (size_t i = 0; i < f->node->n_patterns; i++) {
		const gk_schema_pattern *pattern = &f->node->patterns[i];

		foreach_member(f->value, m)
		{
			const char *key = json_object_iter_key(m);
			size_t len = json_object_iter_key_len(m);

			if (gk_schema_matches(w, pattern->regex, key, len) &&
				!gk_schema_visit_member(
					w, f, pattern->node, key, len, json_object_iter_value(m)))
				return false;
			if (w->stopped)
				return false;
		}
	}
	return true;
}

/* --- dependencies --- */

static bool has_all(const json_t *object, const json_t *names)
{
	for (size_t i = 0; i < json_array_size(names); i++) {
		const json_t *name = json_array_get(names, i);

		if (!json_object_getn(object, json_string_value(name), json_string_length(name)))
			return false;
	}
	return true;
}

static bool report_dependency(
	gk_schema_walk *w, const gk_schema_frame *f, const gk_schema_name *name)
{
	gk_auto_buf gk_buf names = GK_BUF_INIT(0);

	if (!w->errors)
		return false;
	for (size_t i = 0; i < json_array_size(name->names); i++) {
		gk_buf_puts(&names, i ? ", " : "");
		gk_buf_puts(&names, json_string_value(json_array_get(name->names, i)));
	}
	if (gk_buf_failed(&names))
		return gk_schema_stop(w, GK_SCHEMA_NO_MEMORY);
	return gk_schema_report(w, f, "must have %s %s when property %.*s is present",
		json_array_size(name->names) == 1 ? "property" : "properties", names.data,
		(int)name->len, name->key);
}

/* Lists come before schemas: the compiler has put them so. */
bool gk_check_dependencies(gk_schema_walk *w, const gk_schema_frame *f, const gk_schema_rule *rule)
{
	for (size_t i = 0; i < rule->n_names; i++) {
		const gk_schema_name *name = &rule->names[i];

		if (!json_object_getn(f->value, name->key, name->len))
			continue;
		if (name->names && !has_all(f->value, name->names))
			return report_dependency(w, f, name);
		if (name->node && !gk_schema_visit_here(w, f, name->node))
			return false;
	}
	return true;
}
