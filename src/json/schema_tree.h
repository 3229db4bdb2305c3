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
	GK_KIND_NULL = 1 << 0,
	GK_KIND_BOOLEAN = 1 << 1,
	GK_KIND_NUMBER = 1 << 2,
	GK_KIND_INTEGER = 1 << 3,
	GK_KIND_STRING = 1 << 4,
	GK_KIND_ARRAY = 1 << 5,
	GK_KIND_OBJECT = 1 << 6,
	GK_KIND_ALL = 0x7f,
};

/* Keywords come in groups; the later ones apply to values of one kind only. */
typedef enum gk_schema_group {
	GK_GROUP_ANY,
	GK_GROUP_NUMBER,
	GK_GROUP_STRING,
	GK_GROUP_ARRAY,
	GK_GROUP_OBJECT,
	GK_GROUPS,
} gk_schema_group;

/* What a resource is written in; a keyword that shares a bit with it counts. */
enum {
	GK_DRAFT_7 = 1,
	GK_DRAFT_2020 = 2,
	GK_DRAFT_2020_VOCABULARY =
		4,                 /* 2020-12's validation keywords; a meta-schema may do without */
	GK_DRAFT_2020_FORMATS = 8, /* a meta-schema may ask for formats to be more than notes */
	GK_DRAFT_2020_FULL = GK_DRAFT_2020 | GK_DRAFT_2020_VOCABULARY,
};

/** Makes the rule's operand. A rule that turns out to demand nothing gets `is_idle`. */
typedef gk_code gk_schema_compile_fn(
	gk_schema_compiler *c, gk_schema_node *node, gk_schema_rule *rule);
/** False when the value does not fit; then, if errors are asked for, they have been reported. */
typedef bool gk_schema_check_fn(
	gk_schema_walk *w, const gk_schema_frame *f, const gk_schema_rule *rule);

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
	uint8_t type_turn; /* the group at whose turn `type` is tested; GK_GROUP_ANY: before all */
	enum {
		GK_NODE_RULES,
		GK_NODE_TRUE,
		GK_NODE_FALSE
	} constant;
	uint8_t first[GK_GROUPS + 1]; /* the rules of group g are first[g] .. first[g + 1] */
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

/* --- small questions --- */

static inline uint32_t gk_schema_hash(const char *text, size_t len)
{
	uint32_t hash = 2166136261u;

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ (unsigned char)text[i]) * 16777619u;
	return hash ^ hash >> 15;
}

/** The kinds of a value (1 has two); 0 for an absent one. */
uint8_t gk_schema_kind(const json_t *value);
/** NULL when there is none of that name. */
const gk_schema_name *gk_schema_property(
	const gk_schema_properties *properties, const char *key, size_t len);

/* --- the keywords' checks (schema_check_*.c) --- */

gk_schema_check_fn gk_check_ref, gk_check_dynamic_ref, gk_check_const, gk_check_enum, gk_check_not,
	gk_check_any_of, gk_check_one_of, gk_check_all_of, gk_check_if, gk_check_maximum,
	gk_check_minimum, gk_check_exclusive_maximum, gk_check_exclusive_minimum,
	gk_check_multiple_of, gk_check_number_format, gk_check_max_length, gk_check_min_length,
	gk_check_pattern, gk_check_text_format, gk_check_format_order, gk_check_max_items,
	gk_check_min_items, gk_check_list, gk_check_rest, gk_check_contains, gk_check_unique,
	gk_check_unevaluated_items, gk_check_max_properties, gk_check_min_properties,
	gk_check_required, gk_check_property_names, gk_check_additional, gk_check_dependencies,
	gk_check_properties, gk_check_pattern_properties, gk_check_unevaluated_properties;

#endif
