/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* What can be said of names without knowing an engine: which are block parameters, which may be helpers, and what an
 * engine must have. In the order in which handlebars.js compiles, so that the first mistake is the same. */
#include "dotprompt/template_tree.h"

#include <stdio.h>

typedef struct binder {
	gk_template *tmpl;
	gk_tmpl_program *program; /* the innermost body */
	gk_tmpl_demand **last;
	bool no_memory;
} binder;

static void bind_program(binder *b, gk_tmpl_program *program);
static void bind_call(binder *b, gk_tmpl_call *call);

static void *take(binder *b, size_t size)
{
	void *taken = gk_arena_alloc(&b->tmpl->arena, size);

	if (!taken)
		b->no_memory = true;
	return taken;
}

static bool texts_equal(gk_tmpl_text a, gk_tmpl_text b)
{
	return a.len == b.len && memcmp(a.text, b.text, a.len) == 0;
}

/* --- block parameters --- */

static bool find_param(const binder *b, gk_tmpl_path *path)
{
	int up = 0;

	for (const gk_tmpl_program *program = b->program; program; program = program->up, up++)
		for (unsigned i = 0; i < program->n_params; i++)
			if (texts_equal(program->params[i], path->parts[0])) {
				path->param_up = up;
				path->param_index = (int)i;
				return true;
			}
	return false;
}

static bool bind_path(const binder *b, gk_tmpl_path *path)
{
	path->param_up = -1;
	return path->n_parts > 0 && path->depth == 0 && !path->is_scoped && find_param(b, path);
}

static void bind_expr(binder *b, gk_tmpl_expr *expr)
{
	if (expr->kind == GK_TMPL_CALL)
		bind_call(b, expr->call);
	else if (expr->kind == GK_TMPL_PATH)
		bind_path(b, expr->path);
}

/* --- helpers --- */

static int slot_of(binder *b, const char *name, size_t len)
{
	int number = b->tmpl->n_slots;
	gk_tmpl_slot *slot;

	for (slot = b->tmpl->slots; slot; slot = slot->next) {
		number--;
		if (strlen(slot->name) == len && memcmp(slot->name, name, len) == 0)
			return number;
	}
	slot = take(b, sizeof(*slot));
	if (!slot)
		return -1;
	slot->name = gk_arena_text(&b->tmpl->arena, name, len);
	if (!slot->name) {
		b->no_memory = true;
		return -1;
	}
	slot->next = b->tmpl->slots;
	b->tmpl->slots = slot;
	return b->tmpl->n_slots++;
}

static void demand(binder *b, gk_tmpl_call *call, unsigned partial_params)
{
	gk_tmpl_demand *it = take(b, sizeof(*it));

	if (!it)
		return;
	it->call = call;
	it->partial_params = partial_params;
	*b->last = it;
	b->last = &it->next;
}

static void bind_args(binder *b, gk_tmpl_call *call)
{
	for (unsigned i = 0; i < call->n_params; i++)
		bind_expr(b, &call->params[i]);
	for (unsigned i = 0; i < call->n_hash; i++)
		bind_expr(b, &call->hash[i].value);
}

static void bind_call(binder *b, gk_tmpl_call *call)
{
	gk_tmpl_path *path = call->head.path;
	bool is_simple = path->n_parts == 1 && path->depth == 0 && !path->is_scoped;
	bool is_param = bind_path(b, path);

	call->helper = -1;
	if (is_simple && is_param)
		return;
	call->must_be_helper = call->is_sexpr || call->n_params || call->has_hash;
	if (!call->must_be_helper && !is_simple)
		return;
	call->helper = path->n_parts ? slot_of(b, path->parts[0].text, path->parts[0].len)
				     : slot_of(b, "undefined", 9);
	if (!call->must_be_helper)
		return;
	bind_args(b, call);
	demand(b, call, 0);
}

/* --- statements --- */

static void bind_partial(binder *b, gk_tmpl_node *node)
{
	gk_tmpl_expr *name = &node->call->head;

	if (node->call->n_params > 1)
		demand(b, node->call, node->call->n_params);
	if (name->kind == GK_TMPL_CALL) {
		bind_call(b, name->call);
	} else if (!node->body) {
		gk_tmpl_name *it = take(b, sizeof(*it));

		if (it) {
			it->name = name->path->original;
			it->next = b->tmpl->partials;
			b->tmpl->partials = it;
		}
	}
	bind_args(b, node->call);
}

static void bind_decorator(binder *b, gk_tmpl_node *node)
{
	const char *name = node->call->head.path->original;

	bind_args(b, node->call);
	if (strcmp(name, "inline") == 0)
		b->program->has_inlines = true;
	else if (!b->program->bad_decorator)
		b->program->bad_decorator = name;
}

static void bind_node(binder *b, gk_tmpl_node *node)
{
	if (node->body)
		bind_program(b, node->body);
	if (node->inverse)
		bind_program(b, node->inverse);
	switch (node->kind) {
	case GK_TMPL_MUSTACHE:
	case GK_TMPL_BLOCK:
		bind_call(b, node->call);
		break;
	case GK_TMPL_PARTIAL:
		bind_partial(b, node);
		break;
	case GK_TMPL_DECORATOR:
		bind_decorator(b, node);
		break;
	default:
		break;
	}
}

static void bind_program(binder *b, gk_tmpl_program *program)
{
	program->up = b->program;
	b->program = program;
	for (gk_tmpl_node *node = program->first; node; node = node->next)
		bind_node(b, node);
	b->program = program->up;
}

gk_code gk_tmpl_bind(gk_template *tmpl, gk_error *err)
{
	binder b = { .tmpl = tmpl, .last = &tmpl->demands };

	bind_program(&b, tmpl->root);
	return b.no_memory ? gk_error_no_memory(err) : GK_OK;
}
