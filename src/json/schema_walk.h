/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * Walking through a value with a compiled schema: what the checks of the keywords are made of.
 *
 *	if (!gk_schema_visit_item(w, f, rule->rest, 0))
 *		return false;
 *	return gk_schema_report(w, f, "must ...");
 */
#ifndef GK_JSON_SCHEMA_WALK_H
#define GK_JSON_SCHEMA_WALK_H

#include "json/schema_tree.h"

/* One step of nested validation. The path to a value is the steps on the way up. */
struct gk_schema_frame {
	const gk_schema_frame *up;
	const gk_schema_node *node;
	const json_t *value; /* NULL: absent, or a member's name: then `text` is that */
	const char *text;
	size_t text_len;
	enum {
		GK_STEP_NONE,
		GK_STEP_MEMBER,
		GK_STEP_ITEM
	} step;
	const char *key; /* not NUL-terminated by contract: `position` long */
	size_t position;
	unsigned depth;
};

struct gk_schema_walk {
	json_t *errors;  /* NULL: only the verdict counts */
	bool is_pointer; /* paths as JSON Pointers, not as Genkit writes them */
	bool composite;  /* inside a branch: errors add up, as in ajv */
	const json_t *root;
	const char *stopped; /* why it was given up; NULL: it was not */
	uint64_t steps, regex_work;
	bool counted; /* the steps that the size of the value allows have been added */
};

#define GK_SCHEMA_TOO_DEEP  "is nested too deeply to validate"
#define GK_SCHEMA_NO_MEMORY "out of memory"

bool gk_schema_visit(gk_schema_walk *w, gk_schema_frame *f);
/** Takes from what a validation may cost; false when it is used up. */
bool gk_schema_spend(gk_schema_walk *w, uint64_t steps);
/** Adds an error, if they are asked for; false. */
bool gk_schema_report(gk_schema_walk *w, const gk_schema_frame *f, const char *format, ...)
	GK_PRINTF(3, 4);
/** Gives up: no verdict can be had. False. */
bool gk_schema_stop(gk_schema_walk *w, const char *why);
/** The same value against another node. */
bool gk_schema_visit_here(gk_schema_walk *w, const gk_schema_frame *f, const gk_schema_node *node);
bool gk_schema_visit_member(gk_schema_walk *w, const gk_schema_frame *f, const gk_schema_node *node,
	const char *key, size_t len, const json_t *value);
bool gk_schema_visit_item(
	gk_schema_walk *w, const gk_schema_frame *f, const gk_schema_node *node, size_t index);
/** The name of a member, for propertyNames. */
bool gk_schema_visit_name(gk_schema_walk *w, const gk_schema_frame *f, const gk_schema_node *node,
	const char *key, size_t len);

/* Around branches: their errors add up, and are forgotten when one of them holds. */
typedef struct gk_schema_branches {
	size_t mark;
	bool composite;
} gk_schema_branches;

gk_schema_branches gk_schema_enter_branches(gk_schema_walk *w);
/** Returns `holds`. */
bool gk_schema_leave_branches(gk_schema_walk *w, gk_schema_branches b, bool holds);
/** For keywords whose own error replaces those of the branches, unless it is inside of a branch itself. */
void gk_schema_drop_errors(gk_schema_walk *w, gk_schema_branches b);

/** Without reporting. */
bool gk_schema_holds(gk_schema_walk *w, const gk_schema_frame *f, const gk_schema_node *node);
/** What $dynamicRef means here. */
const gk_schema_node *gk_schema_dynamic_target(
	const gk_schema_frame *f, const gk_schema_rule *rule);
bool gk_schema_matches(gk_schema_walk *w, const gk_regex *regex, const char *text, size_t len);

/** Runs a schema over a value. False: it does not fit; then `*errors_ret`, unless NULL, is a new array, or stays as it is
 * when memory ran out. */
bool gk_schema_run(
	const gk_schema *schema, const json_t *value, json_t **errors_ret, bool is_pointer);

#endif
