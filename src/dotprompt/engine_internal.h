/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* What rendering needs of an engine: whom a name means, and whether that may have changed. */
#ifndef GK_DOTPROMPT_ENGINE_INTERNAL_H
#define GK_DOTPROMPT_ENGINE_INTERNAL_H

#include "dotprompt/template_tree.h"

typedef struct gk_engine_helper {
	gk_engine *engine;             /* whose it is; NULL: built in */
	struct gk_engine_helper *next; /* among those that wait for a rendering to end */
	const char *name;
	gk_helper_fn *run;
	void *user;
	void (*free_user)(void *user);
} gk_engine_helper;

typedef struct gk_engine_partial {
	unsigned refs;
	char *source;
	size_t len;
	gk_template *tmpl; /* NULL: not compiled yet */
} gk_engine_partial;

/* What the names of a template's slots are in one engine. The helpers are the engine's: they are good while its serial is
 * the same, and throughout a rendering that has entered it. */
typedef struct gk_tmpl_links {
	unsigned refs;
	const gk_engine *engine; /* only compared */
	uint64_t serial;
	gk_engine_helper *helpers[]; /* NULL: no helper of that name */
} gk_tmpl_links;

/** Borrowed; NULL when there is none. Looks in the parents and among the built-in ones too. */
gk_engine_helper *gk_engine_helper_peek(const gk_engine *engine, const char *name);
gk_engine_partial *gk_engine_partial_peek(const gk_engine *engine, const char *name);
/** The template of a partial, compiled the first time: a new reference. */
gk_code gk_engine_partial_template(
	gk_engine_partial *partial, const gk_template_opts *opts, gk_template **ret, gk_error *err);
/** Asks the resolver for the partials that a template names and the engine has not, and for those that these name. */
gk_code gk_engine_resolve_partials(gk_engine *engine, const gk_template *tmpl, gk_error *err);
/** Around a rendering: helpers that are replaced meanwhile stay until it ends. */
void gk_engine_enter(gk_engine *engine);
void gk_engine_leave(gk_engine *engine);
/** Never the same number for different helpers of the same engine. */
uint64_t gk_engine_serial(const gk_engine *engine);
/** Schema or tool by name: those that were set, then the resolver's. `*ret`: new reference or NULL. `was_set_ret` may be
 * NULL. */
gk_code gk_engine_schema(const gk_engine *engine, const char *name, json_t **ret, gk_error *err);
gk_code gk_engine_tool(const gk_engine *engine, const char *name, json_t **ret, bool *was_set_ret,
	bool *has_resolver_ret, gk_error *err);

/** A new reference to the links of a template in an engine; the mistake when it calls what is not there. */
gk_code gk_tmpl_link(gk_template *tmpl, gk_engine *engine, gk_template_place *place,
	gk_tmpl_links **ret, gk_error *err);
void gk_tmpl_links_unref(gk_tmpl_links *links);

/** A built-in helper; NULL when there is none of that name. */
gk_engine_helper *gk_builtin_helper_peek(const char *name);

#endif
