/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * Compiling: from documents to nodes. References are followed while compiling, so that checking never looks anything up.
 */
#ifndef GK_JSON_SCHEMA_COMPILER_H
#define GK_JSON_SCHEMA_COMPILER_H

#include "json/schema_tree.h"

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
