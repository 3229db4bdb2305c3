/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * A compiled template: statements in lists, with expressions in them, all in one arena.
 *
 *	{{#each items as |it|}} - {{shout it}}{{/each}}
 *
 *	block  call {head each, params [items]}
 *	  body   content " - ", mustache  call {head shout, params [it]}
 *
 * Texts point into the source, which the template owns. Places are offsets into it; lines and columns are counted only
 * when somebody asks (gk_tmpl_where).
 */
#ifndef GK_DOTPROMPT_TEMPLATE_TREE_H
#define GK_DOTPROMPT_TEMPLATE_TREE_H

#include "base/arena.h"
#include "dotprompt/template.h"

typedef struct gk_tmpl_text {
	const char *text;
	size_t len;
} gk_tmpl_text;

/* `a.b`, `../x`, `@index`, `this`. A literal in the place of a name is a path of one part, its text. */
typedef struct gk_tmpl_path {
	const char *original; /* as error texts and partials name it, NUL-terminated */
	gk_tmpl_text *parts;
	unsigned n_parts, depth; /* depth: how many `..` */
	bool is_data;            /* begins with @ */
	bool is_scoped; /* written `this.x`, `./x`: never a helper, never a block parameter */
	/* Where a block parameter of that name is: so many bodies outwards, its index there. -1: none is in sight. */
	int param_up, param_index;
	uint32_t at;
} gk_tmpl_path;

typedef enum gk_tmpl_expr_kind {
	GK_TMPL_PATH,
	GK_TMPL_LITERAL, /* string, number, boolean, null */
	GK_TMPL_UNDEFINED,
	GK_TMPL_CALL, /* (name ...) */
} gk_tmpl_expr_kind;

typedef struct gk_tmpl_call gk_tmpl_call;

typedef struct gk_tmpl_expr {
	gk_tmpl_expr_kind kind;
	gk_tmpl_path *
		path; /* of a path; of anything else but a call: what it names where a name is wanted */
	json_t *value; /* of a literal; owned by the template */
	gk_tmpl_call *call;
} gk_tmpl_expr;

typedef struct gk_tmpl_pair {
	gk_tmpl_text key;
	gk_tmpl_expr value;
} gk_tmpl_pair;

/* What stands in a tag: a name and what it is given. */
struct gk_tmpl_call {
	gk_tmpl_expr head;
	gk_tmpl_expr *params;
	gk_tmpl_pair *
		hash; /* of pairs with one key the first counts, as in handlebars.js, which assigns backwards */
	unsigned n_params, n_hash;
	bool has_hash; /* also when nothing is left of it: what is literally undefined is not in it */
	bool is_sexpr;
	uint32_t at;
	int helper; /* the slot of the helper it may mean; -1: it means none */
	bool must_be_helper;
};

typedef struct gk_tmpl_program gk_tmpl_program;
typedef struct gk_tmpl_node gk_tmpl_node;

typedef enum gk_tmpl_node_kind {
	GK_TMPL_CONTENT,
	GK_TMPL_COMMENT, /* gone after the whitespace pass */
	GK_TMPL_MUSTACHE,
	GK_TMPL_BLOCK,
	GK_TMPL_PARTIAL,   /* with a body: a partial block */
	GK_TMPL_DECORATOR, /* with a body: a decorator block */
} gk_tmpl_node_kind;

/* The ~ of a tag: at its left and right end. */
typedef struct gk_tmpl_strip {
	bool open, close;
} gk_tmpl_strip;

struct gk_tmpl_node {
	gk_tmpl_node_kind kind;
	bool is_escaped;                    /* of a mustache: {{x}}, not {{{x}}} or {{&x}} */
	bool right_stripped, left_stripped; /* of content: its beginning, its end */
	gk_tmpl_strip strip, inverse_strip, close_strip;
	gk_tmpl_node *next, *prev;
	gk_tmpl_call *call;
	gk_tmpl_program *body, *inverse; /* NULL: none */
	gk_tmpl_text content, original;  /* after and before the whitespace pass */
	gk_tmpl_text indent;             /* of a partial alone on its line */
};

struct gk_tmpl_program {
	gk_tmpl_node *first, *last;
	gk_tmpl_text *params; /* `as |a b|` */
	unsigned n_params;
	bool is_chained; /* the inverse of {{else name}}: one block */
	bool has_inlines;
	const char *bad_decorator; /* one that there is not; NULL: none */
	gk_tmpl_program *up;       /* around it; only while compiling */
};

/* A name that may be a helper's. What it is, an engine says: gk_tmpl_links. */
typedef struct gk_tmpl_slot {
	const char *name;
	struct gk_tmpl_slot *next;
} gk_tmpl_slot;

/* What must be so when an engine is known, in the order in which handlebars.js finds the mistakes. */
typedef struct gk_tmpl_demand {
	gk_tmpl_call *call;
	unsigned partial_params; /* more than one: the mistake; else the call must be to a helper */
	struct gk_tmpl_demand *next;
} gk_tmpl_demand;

/* The names of partials that are written out. */
typedef struct gk_tmpl_name {
	const char *name;
	struct gk_tmpl_name *next;
} gk_tmpl_name;

struct gk_template {
	unsigned refs;
	gk_template_opts opts;
	gk_arena arena;
	const char *source; /* NUL-terminated */
	size_t len;
	gk_tmpl_program *root;
	gk_tmpl_slot *slots; /* the newest first: numbers n_slots - 1 down to 0 */
	int n_slots;
	gk_tmpl_demand *demands;
	gk_tmpl_name *partials;
	json_t *literals;            /* array: owns the literals' values */
	struct gk_tmpl_links *links; /* of the engine it was last rendered with; NULL: none yet */
};

/* --- the steps of compiling --- */

/** Source to tree. */
gk_code gk_tmpl_parse(gk_template *tmpl, gk_template_place *place, gk_error *err);
/** ~ and tags alone on their line. */
void gk_tmpl_strip_blanks(gk_template *tmpl);
/** Finds block parameters, helpers' names and partials' names. */
gk_code gk_tmpl_bind(gk_template *tmpl, gk_error *err);

/** Line and column of an offset: as handlebars.js has them (column from 0, in UTF-16 units). */
void gk_tmpl_where(const gk_template *tmpl, size_t at, unsigned *line_ret, unsigned *column_ret);
/** The same as a place: column from 1, in characters. */
gk_template_place gk_tmpl_place(const gk_template *tmpl, size_t at);

#endif
