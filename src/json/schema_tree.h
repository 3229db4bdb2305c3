/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * A compiled schema: one node for each subschema that can be reached, with its keywords as rules in ajv's order.
 *
 *	gk_schema -> documents -> resources (what has an $id of its own)
 *	          -> root node -> rules -> nodes, regular expressions, numbers ...
 *
 * Nodes refer to each other in cycles and live in the schema's arena, until the schema goes. The JSON they point into is
 * kept by its document.
 */
#ifndef GK_JSON_SCHEMA_TREE_H
#define GK_JSON_SCHEMA_TREE_H

#include "json/format.h"
#include "json/regex.h"
#include "json/schema.h"

#include <genkit/status.h>

typedef struct gk_schema_node gk_schema_node;
typedef struct gk_schema_rule gk_schema_rule;
typedef struct gk_schema_walk gk_schema_walk;
typedef struct gk_schema_frame gk_schema_frame;
typedef struct gk_schema_compiler gk_schema_compiler;

/* What a value is; a set of them is what a schema accepts. 1.0 is an integer too. */
enum {
	KIND_NULL = 1 << 0,
	KIND_BOOLEAN = 1 << 1,
	KIND_NUMBER = 1 << 2,
	KIND_INTEGER = 1 << 3,
	KIND_STRING = 1 << 4,
	KIND_ARRAY = 1 << 5,
	KIND_OBJECT = 1 << 6,
	KIND_ALL = 0x7f,
};

/* Keywords come in groups; the later ones apply to values of one kind only. */
typedef enum gk_schema_group {
	GROUP_ANY,
	GROUP_NUMBER,
	GROUP_STRING,
	GROUP_ARRAY,
	GROUP_OBJECT,
	GROUPS,
} gk_schema_group;

/* What a resource is written in; a keyword that shares a bit with it counts. */
enum {
	DRAFT_7 = 1,
	DRAFT_2020 = 2,
	VOCABULARY_2020 = 4, /* 2020-12's validation keywords; a meta-schema may do without */
	FORMATS_2020 = 8,    /* a meta-schema may ask for formats to be more than notes */
	ALL_2020 = DRAFT_2020 | VOCABULARY_2020,
};

/** Makes the rule's operand. A rule that turns out to demand nothing gets `is_idle`. */
typedef gk_code gk_schema_compile_fn(
	gk_schema_compiler *c, gk_schema_node *node, gk_schema_rule *rule);
/** False when the value does not fit; then, if errors are asked for, they have been reported. */
typedef bool gk_schema_check_fn(
	gk_schema_walk *c, const gk_schema_frame *f, const gk_schema_rule *rule);

typedef struct gk_schema_keyword {
	const char *name;
	uint8_t group; /* gk_schema_group */
	uint8_t drafts;
	uint8_t kinds;                 /* of the keyword's value; 0: any */
	gk_schema_compile_fn *compile; /* NULL: no operand but the JSON */
	gk_schema_check_fn *check;     /* NULL: demands nothing by itself */
} gk_schema_keyword;

typedef struct gk_schema_name {
	const char *key;
	size_t len;
	gk_schema_node *node; /* of a member's schema, or NULL */
	const json_t *names;  /* dependencies: the names that must be there too, or NULL */
} gk_schema_name;

typedef struct gk_schema_pattern {
	gk_regex *regex;
	gk_schema_node *node;
} gk_schema_pattern;

struct gk_schema_rule {
	const gk_schema_keyword *keyword;
	const json_t *json; /* the keyword's value */
	bool is_idle;
	union {
		double number;
		const gk_regex *regex;
		const gk_format *format;
		struct {
			gk_schema_node *node;
			bool is_call; /* $ref: ajv makes a function of the target, with errors of its own */
			const char *anchor; /* $dynamicRef: looked up while checking; NULL: fixed */
		} ref;
		struct {
			gk_schema_node *node;
			double min, max; /* contains */
		};
		struct {
			gk_schema_node **nodes;
			size_t count;
		};
		struct {
			gk_schema_name *names;
			size_t n_names;
		};
		struct {
			gk_schema_node *condition, *yes, *no; /* NULL: none */
		};
		struct {
			gk_schema_node *rest; /* additionalItems, items: from `start` on */
			size_t start;
			bool is_closed; /* nothing may be there, and the message counts */
		};
		uint8_t item_kinds; /* uniqueItems: scalars only, with ajv's other way of searching */
	};
};

/* The members that `properties` names, with a hash over their names. */
typedef struct gk_schema_properties {
	gk_schema_name *names;
	uint32_t *slots; /* index + 1; 0: free */
	size_t count, mask;
} gk_schema_properties;

/* What an $id (or the document) names. */
typedef struct gk_schema_resource {
	const char *uri; /* without a fragment; "" for none */
	json_t *json;
	uint8_t draft;
	struct gk_schema_document *document;
	struct gk_schema_resource *next;
	struct gk_schema_dynamic {
		const char *anchor;
		json_t *json;
		gk_schema_node *node; /* NULL: no $dynamicRef asks for it */
		struct gk_schema_dynamic *next;
	} * dynamics; /* $dynamicAnchor */
} gk_schema_resource;

struct gk_schema_node {
	uint8_t types;     /* kinds it accepts */
	uint8_t type_turn; /* the group at whose turn `type` is tested; GROUP_ANY: before all */
	enum {
		NODE_RULES,
		NODE_TRUE,
		NODE_FALSE
	} constant;
	uint8_t first[GROUPS + 1]; /* the rules of group g are first[g] .. first[g + 1] */
	gk_schema_rule *rules;
	uint8_t inlined; /* as the target of a $ref: 0 not asked yet, 1 ajv writes it in place, 2 it does not */
	const gk_schema_properties *properties; /* NULL: none */
	gk_schema_pattern *patterns;            /* patternProperties */
	size_t n_patterns;
	json_t *json;
	gk_schema_resource *resource;
	gk_schema_node *next; /* in the compiler's queue */
};

struct gk_schema {
	unsigned refs;
	json_t *json;
	gk_schema_node *root;           /* NULL: all is valid */
	struct gk_schema_block *blocks; /* the arena */
	struct gk_schema_document *documents;
	struct gk_schema_regexes *regexes;
};

/* --- memory (schema.c) --- */

/** Zeroed, of the schema's arena; NULL when memory ran out. */
void *gk_schema_alloc(gk_schema *schema, size_t count, size_t size);
char *gk_schema_strdup(gk_schema *schema, const char *text);
/** Compiles a pattern that goes with the schema. */
GK_MUST_USE gk_code gk_schema_own_regex(
	gk_schema *schema, const json_t *pattern, gk_regex **ret, gk_error *err);

/* --- checking (schema_check.c) --- */

/* One step of nested validation. The path to a value is the steps on the way up. */
struct gk_schema_frame {
	const gk_schema_frame *up;
	const gk_schema_node *node;
	const json_t *value; /* NULL: absent, or a member's name: then `text` is that */
	const char *text;
	size_t text_len;
	enum {
		STEP_NONE,
		STEP_MEMBER,
		STEP_ITEM
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

bool gk_schema_visit(gk_schema_walk *c, gk_schema_frame *f);
/** Takes from what a validation may cost; false when it is used up. */
bool gk_schema_spend(gk_schema_walk *c, uint64_t steps);
/** Adds an error, if they are asked for; false. */
bool gk_schema_report(gk_schema_walk *c, const gk_schema_frame *f, const char *format, ...)
	GK_PRINTF(3, 4);
/** Gives up: no verdict can be had. False. */
bool gk_schema_stop(gk_schema_walk *c, const char *why);
/** The same value against another node. */
bool gk_schema_visit_here(gk_schema_walk *c, const gk_schema_frame *f, const gk_schema_node *node);
bool gk_schema_visit_member(gk_schema_walk *c, const gk_schema_frame *f, const gk_schema_node *node,
	const char *key, size_t len, const json_t *value);
bool gk_schema_visit_item(
	gk_schema_walk *c, const gk_schema_frame *f, const gk_schema_node *node, size_t index);
/** The name of a member, for propertyNames. */
bool gk_schema_visit_name(gk_schema_walk *c, const gk_schema_frame *f, const gk_schema_node *node,
	const char *key, size_t len);

/* Around branches: their errors add up, and are forgotten when one of them holds. */
typedef struct gk_schema_branches {
	size_t mark;
	bool composite;
} gk_schema_branches;

gk_schema_branches gk_schema_enter_branches(gk_schema_walk *c);
/** Returns `holds`. */
bool gk_schema_leave_branches(gk_schema_walk *c, gk_schema_branches b, bool holds);
/** For keywords whose own error replaces those of the branches, unless it is inside of a branch itself. */
void gk_schema_drop_errors(gk_schema_walk *c, gk_schema_branches b);

/** Without reporting. */
bool gk_schema_holds(gk_schema_walk *c, const gk_schema_frame *f, const gk_schema_node *node);
/** What $dynamicRef means here. */
const gk_schema_node *gk_schema_dynamic_target(
	const gk_schema_frame *f, const gk_schema_rule *rule);
bool gk_schema_matches(gk_schema_walk *c, const gk_regex *regex, const char *text, size_t len);
const gk_schema_name *gk_schema_property(
	const gk_schema_properties *properties, const char *key, size_t len);
static inline uint32_t gk_schema_hash(const char *text, size_t len)
{
	uint32_t hash = 2166136261u;

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ (unsigned char)text[i]) * 16777619u;
	return hash ^ hash >> 15;
}
uint8_t gk_schema_kind(const json_t *value);

/** Runs a schema over a value. False: it does not fit; then `*errors_ret`, unless NULL, is a new array, or stays as it is
 * when memory ran out. */
bool gk_schema_run(
	const gk_schema *schema, const json_t *value, json_t **errors_ret, bool is_pointer);

/* schema_check.c, schema_check_array.c, schema_check_object.c */
gk_schema_check_fn gk_check_ref, gk_check_dynamic_ref, gk_check_const, gk_check_enum, gk_check_not,
	gk_check_any_of, gk_check_one_of, gk_check_all_of, gk_check_if, gk_check_maximum,
	gk_check_minimum, gk_check_exclusive_maximum, gk_check_exclusive_minimum,
	gk_check_multiple_of, gk_check_number_format, gk_check_max_length, gk_check_min_length,
	gk_check_pattern, gk_check_text_format, gk_check_format_order, gk_check_max_items,
	gk_check_min_items, gk_check_list, gk_check_rest, gk_check_contains, gk_check_unique,
	gk_check_unevaluated_items, gk_check_max_properties, gk_check_min_properties,
	gk_check_required, gk_check_property_names, gk_check_additional, gk_check_dependencies,
	gk_check_properties, gk_check_pattern_properties, gk_check_unevaluated_properties;

/* --- compiling --- */

typedef struct gk_schema_document {
	json_t *json; /* owned */
	gk_schema_resource *root;
	gk_schema_resource *resources;
	bool is_indexed;
	struct gk_schema_document *next;
} gk_schema_document;

/** Pointers to pointers, for what was met already. */
typedef struct gk_schema_map {
	struct gk_schema_map_slot {
		const void *a, *b;
		void *value;
	} * slots;
	size_t count, mask;
} gk_schema_map;

struct gk_table;

struct gk_schema_compiler {
	gk_schema *schema;
	gk_schema_lookup_fn *lookup;
	void *user;
	gk_error *err;
	gk_schema_map nodes;     /* (json, resource) -> node */
	gk_schema_map resources; /* (json, document) -> resource */
	struct gk_table *names;  /* URI, or URI#anchor -> gk_schema_place; made when first needed */
	gk_schema_node *queue, **queue_end;
	struct gk_schema_dynamic_name {
		const char *anchor;
		struct gk_schema_dynamic_name *next;
	} * dynamic_names; /* of the $dynamicRefs met */
	size_t n_nodes;
};

/* Where a reference leads. */
typedef struct gk_schema_place {
	json_t *json;
	gk_schema_resource *resource;
} gk_schema_place;

/** The draft that `$schema` of a document or resource names. */
uint8_t gk_schema_draft_of(gk_schema_compiler *c, const json_t *json, uint8_t otherwise);
/** True when a value has no more than so many levels. */
bool gk_schema_is_flat(const json_t *json, unsigned levels);
/** Compiles a meta-schema, which needs no check of its own. */
GK_MUST_USE gk_code gk_schema_compile_meta(json_t *json, gk_schema **ret, gk_error *err);

/** The keyword table, in ajv's order, ended by an entry without a name (schema_keywords.c). */
extern const gk_schema_keyword gk_schema_keywords[];

/** The node for a subschema of the resource `within`; compiled later, when its turn comes. */
GK_MUST_USE gk_code gk_schema_node_for(
	gk_schema_compiler *c, json_t *json, gk_schema_resource *within, gk_schema_node **ret);
GK_MUST_USE gk_code gk_schema_compile_tree(gk_schema_compiler *c);
/** The kinds that `type` and `nullable` of a schema accept, and the group of a single type. False: no such type. */
bool gk_schema_types(const json_t *json, uint8_t *kinds_ret, uint8_t *group_ret);
gk_schema_compile_fn gk_schema_compile_ref;

/* schema_ref.c */
GK_MUST_USE gk_code gk_schema_add_document(gk_schema_compiler *c, const char *uri, json_t *json,
	uint8_t draft, gk_schema_document **ret);
/** The resource that a subschema makes with its $id, or `within` itself. */
GK_MUST_USE gk_code gk_schema_resource_for(
	gk_schema_compiler *c, json_t *json, gk_schema_resource *within, gk_schema_resource **ret);
GK_MUST_USE gk_code gk_schema_resolve(gk_schema_compiler *c, gk_schema_resource *from,
	const char *reference, gk_schema_place *ret);
/** The nodes that $dynamicRefs may lead to; true in `*more_ret` when there are new ones to compile. */
GK_MUST_USE gk_code gk_schema_find_dynamics(gk_schema_compiler *c, bool *more_ret);
void gk_schema_compiler_done(gk_schema_compiler *c);

/* schema_map.c */
void *gk_schema_map_get(const gk_schema_map *map, const void *a, const void *b);
GK_MUST_USE bool gk_schema_map_set(gk_schema_map *map, const void *a, const void *b, void *value);
void gk_schema_map_done(gk_schema_map *map);

/* schema_meta.c */
/** The meta-schema of a URI, as JSON; NULL when it is none. Borrowed, lives on. */
json_t *gk_schema_meta_peek(const char *uri);
/** "schema is invalid: ..." when a document breaks its draft's meta-schema. */
GK_MUST_USE gk_code gk_schema_meta_check(json_t *json, uint8_t draft, gk_error *err);

#endif
