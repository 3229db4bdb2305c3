/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * Partials: templates of the engine, bodies given by {{#*inline}}, the body of {{#> name}}.
 *
 *	{{> card user size=2}}      a template of its own: nothing is seen of the contexts around it
 *	{{#> layout}}body{{/layout}}    layout sees the body as {{> @partial-block}}
 */
#include "dotprompt/render.h"
#include "dotprompt/text.h"

#include "base/limits.h"

static const char block_name[] = "@partial-block";

/* What a name stands for, the first that is not NULL. */
typedef struct found {
	const gk_inlines *scope; /* of an inline partial */
	const gk_tmpl_node *decorator;
	gk_engine_partial *partial;
	const gk_partial_block *block;
} found;

/* --- the context --- */

/* {...context, ...hash}; as in handlebars.js the pairs are assigned backwards. */
static gk_code add_hash(
	gk_render *r, gk_frame *frame, const gk_tmpl_call *call, json_t *context, json_t **ret)
{
	json_t *object = json_object();
	gk_code rc = gk_render_keep_take(r, object, ret);

	if (rc != GK_OK)
		return rc;
	if (!gk_value_spread(object, context))
		return gk_error_no_memory(r->err);
	for (unsigned i = call->n_hash; i-- > 0;) {
		json_t *value = NULL;

		rc = gk_render_value(r, frame, &call->hash[i].value, &value);
		if (rc != GK_OK)
			return rc;
		if (!value)
			json_object_deln(object, call->hash[i].key.text, call->hash[i].key.len);
		else if (json_object_setn_nocheck(
				 object, call->hash[i].key.text, call->hash[i].key.len, value) != 0)
			return gk_error_no_memory(r->err);
	}
	return GK_OK;
}

static gk_code partial_context(
	gk_render *r, gk_frame *frame, const gk_tmpl_call *call, json_t **ret)
{
	gk_code rc = GK_OK;

	*ret = frame->context;
	if (call->n_params)
		rc = gk_render_value(r, frame, &call->params[0], ret);
	return rc == GK_OK && call->has_hash ? add_hash(r, frame, call, *ret, ret) : rc;
}

/* --- what a name stands for --- */

/* The name an inline partial gives itself: a literal's text. */
static const char *inline_name(const gk_tmpl_node *node)
{
	const gk_tmpl_call *call = node->call;

	return call->n_params && call->params[0].kind == GK_TMPL_LITERAL
		       ? call->params[0].path->original
		       : "undefined";
}

static const gk_tmpl_node *find_inline(const gk_tmpl_program *program, const char *name)
{
	for (const gk_tmpl_node *node = program->last; node; node = node->prev)
		if (node->kind == GK_TMPL_DECORATOR && strcmp(inline_name(node), name) == 0)
			return node;
	return NULL;
}

static const gk_partial_block *block_of(const gk_data *data)
{
	while (data && data->kind != GK_DATA_BLOCK)
		data = data->up;
	return data ? data->block : NULL;
}

static found find(const gk_render *r, const gk_frame *frame, const char *name, bool is_dynamic)
{
	found it = { .scope = frame->container->inlines };

	for (; it.scope; it.scope = it.scope->up) {
		it.decorator = find_inline(it.scope->program, name);
		if (it.decorator)
			return it;
	}
	it.partial = gk_engine_partial_peek(r->engine, name);
	if (!it.partial && !is_dynamic && strcmp(name, block_name) == 0)
		it.block = block_of(frame->data);
	return it;
}

/* --- running it --- */

/* A template of the engine: contexts and block parameters begin anew, variables and inline partials go on. */
static gk_code run_template(gk_render *r, gk_frame *frame, gk_engine_partial *partial,
	json_t *context, const gk_data *data)
{
	gk_auto_template gk_template *tmpl = NULL;
	gk_container container = { .inlines = frame->container->inlines };
	gk_frame outside = { .container = &container, .context = context, .data = data };
	gk_code rc =
		gk_engine_partial_template(partial, &frame->container->tmpl->opts, &tmpl, r->err);

	if (rc == GK_OK)
		rc = gk_tmpl_link(tmpl, r->engine, NULL, &container.links, r->err);
	if (rc != GK_OK)
		return rc;
	container.tmpl = tmpl;
	if (tmpl->root->bad_decorator)
		rc = gk_error_set(r->err, GK_INVALID_ARGUMENT, "Missing decorator: \"%s\"",
			tmpl->root->bad_decorator);
	if (rc == GK_OK)
		rc = gk_render_body(r, &(gk_body){ .program = tmpl->root,
					       .up = &outside,
					       .context = context,
					       .data = data });
	gk_tmpl_links_unref(container.links);
	return rc;
}

/* The body of a partial block, in the place where it stands; inside, the block around that is in force. */
static gk_code run_partial_block(
	gk_render *r, const gk_partial_block *block, json_t *context, const gk_data *data)
{
	gk_data inside = { .up = data, .kind = GK_DATA_BLOCK, .block = block->outer };

	return gk_render_body(r, &(gk_body){ .program = block->body,
					 .up = block->frame,
					 .context = context,
					 .depths = block->frame->depths,
					 .data = &inside });
}

gk_code gk_render_block_value(gk_render *r, const gk_frame *frame, json_t **value)
{
	static const gk_data none = { .kind = GK_DATA_NONE };
	const gk_partial_block *block = block_of(frame->data);
	size_t mark;
	gk_code rc;

	if (!*value || *value != r->block_value || !block)
		return GK_OK;
	mark = gk_render_mark(r);
	rc = run_partial_block(r, block, NULL, &none);
	return rc == GK_OK ? gk_render_take(r, mark, false, value) : rc;
}

static gk_code run_inline(gk_render *r, const found *it, json_t *context, const gk_data *data)
{
	const gk_frame *around = it->scope->frame;

	return gk_render_body(r, &(gk_body){ .program = it->decorator->body,
					 .up = it->scope->own,
					 .context = context,
					 .depths = around ? around->depths : NULL,
					 .data = data });
}

static gk_code missing(gk_render *r, gk_frame *frame, size_t at, const char *name)
{
	return gk_render_failed(r, frame, at,
		gk_error_set(
			r->err, GK_INVALID_ARGUMENT, "The partial %s could not be found", name));
}

/* `own` is the block of this very call; NULL: it has none. */
static gk_code run_found(gk_render *r, gk_frame *frame, const gk_tmpl_node *node, const char *name,
	const gk_partial_block *own, json_t *context)
{
	gk_data with_block = { .up = frame->data, .kind = GK_DATA_BLOCK, .block = own };
	const gk_data *data = own ? &with_block : frame->data;
	const gk_inlines *before = frame->container->inlines;
	found it = find(r, frame, name, node->call->head.kind == GK_TMPL_CALL);
	gk_frame body = { .up = frame, .container = frame->container };
	gk_inlines of_body = { .program = node->body, .frame = frame, .own = &body, .up = before };
	gk_code rc;

	if (it.decorator && it.decorator->body)
		return run_inline(r, &it, context, data);
	if (it.block)
		return run_partial_block(r, it.block, context, data);
	if (!it.partial)
		return own ? run_partial_block(r, own, context, data)
			   : missing(r, frame, node->call->at, name);
	if (own && node->body->has_inlines)
		frame->container->inlines = &of_body;
	rc = run_template(r, frame, it.partial, context, data);
	frame->container->inlines = before;
	return rc;
}

/* The text of a name that is computed. */
static gk_code dynamic_name(
	gk_render *r, gk_frame *frame, const gk_tmpl_node *node, const char **ret)
{
	gk_auto_buf gk_buf text = GK_BUF_INIT(0);
	json_t *value = NULL;
	gk_code rc = gk_render_value(r, frame, &node->call->head, &value);

	if (rc != GK_OK)
		return rc;
	gk_text_put_value(&text, gk_value_is_truthy(value) ? value : NULL);
	*ret = gk_buf_failed(&text) ? NULL : gk_arena_text(&r->arena, text.data, text.len);
	return *ret ? GK_OK : gk_error_no_memory(r->err);
}

static gk_code check_body_decorators(gk_render *r, gk_frame *frame, const gk_tmpl_node *node)
{
	if (!node->body || !node->body->bad_decorator)
		return GK_OK;
	return gk_render_failed(r, frame, node->call->at,
		gk_error_set(r->err, GK_INVALID_ARGUMENT, "Missing decorator: \"%s\"",
			node->body->bad_decorator));
}

gk_code gk_render_partial(gk_render *r, gk_frame *frame, const gk_tmpl_node *node)
{
	gk_partial_block own = { .body = node->body, .frame = frame };
	bool keeps_indent = frame->container->tmpl->opts.prevents_indent;
	const char *name = NULL;
	json_t *context;
	size_t mark;
	gk_code rc = check_body_decorators(r, frame, node);

	if (rc == GK_OK && node->call->head.kind == GK_TMPL_CALL)
		rc = dynamic_name(r, frame, node, &name);
	else if (rc == GK_OK)
		name = node->call->head.path->original;
	if (rc == GK_OK)
		rc = partial_context(r, frame, node->call, &context);
	if (rc == GK_OK && node->body && !r->block_value)
		rc = gk_render_keep_take(r, json_object(), &r->block_value);
	if (rc == GK_OK && keeps_indent && node->indent.len)
		rc = gk_render_put(
			r, (gk_piece){ .text = node->indent.text, .len = node->indent.len });
	if (rc != GK_OK)
		return rc;
	own.outer = block_of(frame->data);
	mark = gk_render_mark(r);
	rc = run_found(r, frame, node, name, node->body ? &own : NULL, context);
	return rc == GK_OK && node->indent.len && !keeps_indent
		       ? gk_render_indent(r, mark, node->indent)
		       : rc;
}
