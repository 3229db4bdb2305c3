/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * Named middleware: what is defined, and what one call of generate has opened. A call opens each of its `use` once; the
 * state of a piece of middleware lives for all turns.
 */
#ifndef GK_AI_HOOKS_H
#define GK_AI_HOOKS_H

#include "core/call.h"

#include <genkit/middleware.h>

/* A definition; counted, for a later one may replace it while calls use it. */
typedef struct gk_middleware {
	unsigned refs;
	char *name;
	gk_middleware_opts opts; /* name, description, config and metadata are not kept here */
} gk_middleware;

/** NULL: none of that name. Borrowed, until something is defined. */
gk_middleware *gk_middleware_find_peek(gk_app *app, const char *name);

typedef struct gk_hook {
	gk_middleware *of; /* NULL: one function, given with the call */
	gk_model_middleware_fn *model;
	void *state;
} gk_hook;

struct gk_tool_list {
	gk_action **items;
	size_t count;
};

typedef struct gk_hooks {
	gk_hook *items;
	size_t count;
	bool has_turn, has_model, has_tool; /* of any */
	gk_tool_list tools;
} gk_hooks;

/** Opens `use` ([{name, config?}] or names; NULL: none), then the functions (ended by { 0 }; NULL: none). NOT_FOUND
 * "Middleware NAME not found in registry." Done with gk_hooks_close(), also after a failure. */
GK_MUST_USE GK_SUSPENDS gk_code gk_hooks_open(gk_hooks *hooks, gk_ctx *ctx, json_t *use,
	const gk_model_middleware *functions, gk_error *err);
void gk_hooks_close(gk_hooks *hooks);

/** The middleware that every application has. */
gk_code gk_middleware_define_builtins(gk_app *app, gk_error *err);

#endif
