/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * What templates may name: helpers, partials, schemas and tools. One engine a registry; a child finds what its parent
 * has. Everything may come after the templates that name it were compiled: names are looked up when they are rendered.
 *
 *	gk_engine *engine = gk_engine_new(NULL);
 *
 *	rc = gk_engine_set_partial(engine, "signature", "Yours, {{name}}", 15, err);
 *	rc = gk_engine_set_helper(engine, "shout", shout, NULL, NULL, err);
 *
 * The built-in helpers (if unless each with lookup log; role history section media json ifEquals unlessEquals) are
 * there without being set; one that is set wins. Not for several threads at once.
 */
#ifndef GK_DOTPROMPT_ENGINE_H
#define GK_DOTPROMPT_ENGINE_H

#include <genkit/helper.h>

typedef struct gk_engine gk_engine;

/** A value for a name: `*ret` a new reference, or NULL when there is none of that name. */
typedef gk_code gk_engine_value_fn(const char *name, void *user, json_t **ret, gk_error *err);
/** The source of a partial: `*ret` for free(), or NULL when there is none of that name. */
typedef gk_code gk_engine_partial_fn(const char *name, void *user, char **ret, gk_error *err);

/* Whom to ask for what was not set. Each may be NULL. */
typedef struct gk_engine_resolver {
	gk_engine_value_fn *schema, *tool; /* JSON Schema; a tool's definition */
	gk_engine_partial_fn
		*partial; /* asked before rendering, for the names the template has literally */
	void *user;
	void (*free_user)(void *user); /* when it is replaced or the engine goes; NULL: nothing */
} gk_engine_resolver;

/** `parent` gets a reference; NULL: none. NULL when memory ran out. */
gk_engine *gk_engine_new(gk_engine *parent);
gk_engine *gk_engine_ref(gk_engine *engine);
gk_engine *gk_engine_unref(gk_engine *engine);
static inline void gk_engine_unrefp(gk_engine **engine)
{
	gk_engine_unref(*engine);
}
#define gk_auto_engine GK_CLEANUP(gk_engine_unrefp)

/** `free_user` (NULL: nothing) is called when the helper is replaced, removed or the engine goes, at the end of a rendering
 * that is under way then; not when this fails. */
GK_MUST_USE gk_code gk_engine_set_helper(gk_engine *engine, const char *name, gk_helper_fn *run,
	void *user, void (*free_user)(void *user), gk_error *err);
/** The source is copied, and compiled at its first use: a mistake in it surfaces there. Replaces an older one. A
 * rendering that is under way keeps the one it has. */
GK_MUST_USE gk_code gk_engine_set_partial(
	gk_engine *engine, const char *name, const char *source, size_t len, gk_error *err);
/** `value` is borrowed. */
GK_MUST_USE gk_code gk_engine_set_schema(
	gk_engine *engine, const char *name, json_t *value, gk_error *err);
GK_MUST_USE gk_code gk_engine_set_tool(
	gk_engine *engine, const char *name, json_t *value, gk_error *err);
/** Replaces the resolver; NULL: none. Children without one ask their parent's. */
void gk_engine_set_resolver(gk_engine *engine, const gk_engine_resolver *resolver);

/** True when there was one. Only this engine's own, not the parent's. */
bool gk_engine_remove_helper(gk_engine *engine, const char *name);
bool gk_engine_remove_partial(gk_engine *engine, const char *name);

#endif
