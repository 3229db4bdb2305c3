/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "dotprompt/render.h"

#include "base/limits.h"

#define FEW_ARGS 8

/* --- life --- */

void gk_render_init(gk_render *r, gk_template *tmpl, const gk_template_input *input, gk_error *err)
{
	memset(r, 0, offsetof(gk_render, few));
	r->input = input;
	r->engine = input->engine;
	r->root = tmpl;
	r->err = err;
	r->pieces = r->few;
	r->room = GK_RENDER_FEW;
	r->arena.next = r->little;
	r->arena.end = r->little + sizeof(r->little);
}

void gk_render_done(gk_render *r)
{
	json_t *value;

	for (size_t at = 0; at < r->keep.len; at += sizeof(value)) {
		memcpy(&value, r->keep.data + at, sizeof(value));
		json_decref(value);
	}
	gk_buf_done(&r->keep);
	free(r->marked.slots);
	free(r->safe.slots);
	gk_arena_done(&r->arena);
	if (r->pieces != r->few)
		free(r->pieces);
}

gk_code gk_render_failed(gk_render *r, const gk_frame *frame, size_t at, gk_code rc)
{
	if (r->place.line == 0 && frame->container->tmpl == r->root)
		r->place = gk_tmpl_place(r->root, at);
	return rc;
}

gk_code gk_render_step(gk_render *r, uint64_t steps)
{
	r->steps += steps;
	if (r->steps <= GK_MAX_TEMPLATE_STEPS)
		return GK_OK;
	return gk_error_set(r->err, GK_RESOURCE_EXHAUSTED, "a template takes more than %u steps",
		GK_MAX_TEMPLATE_STEPS);
}

/* --- calls --- */

static gk_code eval_all(
	gk_render *r, gk_frame *frame, const gk_tmpl_call *call, gk_helper_call *ret)
{
	gk_code rc = GK_OK;

	for (unsigned i = 0; i < call->n_params && rc == GK_OK; i++)
		rc = gk_render_value(r, frame, &call->params[i], &ret->args[i]);
	for (unsigned i = 0; i < call->n_hash && rc == GK_OK; i++)
		rc = gk_render_value(r, frame, &call->hash[i].value, &ret->hash[i]);
	if (r->marked.count == 0)
		return rc;
	for (unsigned i = 0; i < call->n_params; i++)
		ret->is_marked |= gk_value_set_has(&r->marked, ret->args[i]);
	for (unsigned i = 0; i < call->n_hash; i++)
		ret->is_marked |= gk_value_set_has(&r->marked, ret->hash[i]);
	return rc;
}

/* JavaScript gives a helper {} for a context that is null or undefined. */
static gk_code this_of(gk_render *r, const gk_frame *frame, json_t **ret)
{
	*ret = frame->context;
	if (frame->context && !json_is_null(frame->context))
		return GK_OK;
	if (!r->null_context) {
		gk_code rc = gk_render_keep_take(r, json_object(), &r->null_context);

		if (rc != GK_OK)
			return rc;
	}
	*ret = r->null_context;
	return GK_OK;
}

static gk_code start_call(gk_render *r, gk_frame *frame, const gk_tmpl_call *call,
	json_t **few_args, gk_helper_call *ret)
{
	unsigned count = call->n_params + call->n_hash;
	gk_code rc;

	*ret = (gk_helper_call){ .render = r, .frame = frame, .call = call, .args = few_args };
	if (count > FEW_ARGS)
		ret->args = gk_arena_alloc(&r->arena, count * sizeof(*ret->args));
	if (!ret->args)
		return gk_error_no_memory(r->err);
	ret->hash = ret->args + call->n_params;
	rc = this_of(r, frame, &ret->this_value);
	return rc == GK_OK ? eval_all(r, frame, call, ret) : rc;
}

static gk_code run_helper(gk_helper_call *call)
{
	gk_code rc = gk_render_step(call->render, 1);

	if (rc == GK_OK)
		rc = call->helper->run(call, call->render->err);
	return rc == GK_OK ? rc : gk_render_failed(call->render, call->frame, call->call->at, rc);
}

/* Where helpers may be unknown until now: what the name stands for is no function. */
static gk_code miss_helper(gk_render *r, gk_frame *frame, const gk_tmpl_call *call)
{
	const gk_tmpl_path *path = call->head.path;
	json_t *value = NULL;
	gk_code rc = gk_value_path(r, frame, path, &value);

	if (rc != GK_OK)
		return rc;
	rc = gk_value_is_truthy(value) ? gk_error_set(r->err, GK_INVALID_ARGUMENT,
						 "%s is not a helper", path->original)
				       : gk_error_set(r->err, GK_INVALID_ARGUMENT,
						 "Missing helper: \"%s\"", path->original);
	return gk_render_failed(r, frame, call->at, rc);
}

/* The helper a call means; NULL: it means a value. */
static const gk_engine_helper *helper_of(const gk_frame *frame, const gk_tmpl_call *call)
{
	return call->helper >= 0 ? frame->container->links->helpers[call->helper] : NULL;
}

/* --- expressions --- */

/* What was written since `mark`, taken back as a value. */
gk_code gk_render_take(gk_render *r, size_t mark, bool is_safe, json_t **ret)
{
	gk_auto_buf gk_buf text = GK_BUF_INIT(0);
	bool is_marked = gk_render_has_markers(r, mark);
	gk_code rc;

	gk_buf_put(&text, "", 0);
	gk_render_flatten(r, mark, true, &text);
	r->n_pieces = mark;
	if (gk_buf_failed(&text))
		return gk_error_no_memory(r->err);
	rc = gk_render_keep_take(r, json_stringn_nocheck(text.data, text.len), ret);
	if (rc != GK_OK)
		return rc;
	if ((is_marked && !gk_value_set_add(&r->marked, *ret)) ||
		(is_safe && !gk_value_set_add(&r->safe, *ret)))
		return gk_error_no_memory(r->err);
	return GK_OK;
}

static gk_code eval_call(gk_render *r, gk_frame *frame, const gk_tmpl_call *call, json_t **ret)
{
	json_t *few_args[FEW_ARGS];
	gk_helper_call it;
	size_t mark = gk_render_mark(r);
	gk_code rc;

	if (call->helper < 0)
		return gk_value_path(r, frame, call->head.path, ret);
	if (!helper_of(frame, call))
		return miss_helper(r, frame, call);
	rc = start_call(r, frame, call, few_args, &it);
	if (rc != GK_OK)
		return rc;
	it.helper = helper_of(frame, call);
	rc = run_helper(&it);
	*ret = it.result;
	if (rc == GK_OK && !it.has_result && (it.has_text || r->n_pieces > mark))
		rc = gk_render_take(r, mark, it.is_safe, ret);
	r->n_pieces = mark;
	return rc;
}

gk_code gk_render_value(gk_render *r, gk_frame *frame, const gk_tmpl_expr *expr, json_t **ret)
{
	*ret = NULL;
	switch (expr->kind) {
	case GK_TMPL_PATH:
		return gk_value_path(r, frame, expr->path, ret);
	case GK_TMPL_LITERAL:
		*ret = expr->value;
		return GK_OK;
	case GK_TMPL_CALL:
		return eval_call(r, frame, expr->call, ret);
	default:
		return GK_OK;
	}
}

/* --- statements --- */

static gk_code run_mustache(gk_render *r, gk_frame *frame, const gk_tmpl_node *node)
{
	bool is_escaped = node->is_escaped && frame->container->tmpl->opts.escapes_html;
	const gk_engine_helper *helper = helper_of(frame, node->call);
	json_t *few_args[FEW_ARGS], *value = NULL;
	gk_helper_call it;
	gk_code rc;

	if (!helper) {
		if (node->call->helper >= 0 && node->call->must_be_helper)
			return miss_helper(r, frame, node->call);
		rc = gk_value_path(r, frame, node->call->head.path, &value);
		if (rc == GK_OK)
			rc = gk_render_block_value(r, frame, &value);
		return rc == GK_OK ? gk_render_print(r, value, is_escaped) : rc;
	}
	rc = start_call(r, frame, node->call, few_args, &it);
	if (rc != GK_OK)
		return rc;
	it.helper = helper;
	it.is_escaped = is_escaped;
	rc = run_helper(&it);
	return rc == GK_OK && it.has_result ? gk_render_print(r, it.result, is_escaped) : rc;
}

static gk_code check_decorators(
	gk_render *r, const gk_frame *frame, const gk_tmpl_program *program, size_t at)
{
	if (!program || !program->bad_decorator)
		return GK_OK;
	return gk_render_failed(r, frame, at,
		gk_error_set(r->err, GK_INVALID_ARGUMENT, "Missing decorator: \"%s\"",
			program->bad_decorator));
}

/* A section without arguments, or whose name is no helper. */
static gk_code run_section(gk_helper_call *it)
{
	json_t *value = NULL;
	gk_code rc;

	if (it->call->helper >= 0 && it->call->must_be_helper)
		return miss_helper(it->render, it->frame, it->call);
	it->this_value = it->frame->context; /* not {} for null, as helpers have it */
	rc = gk_value_path(it->render, it->frame, it->call->head.path, &value);
	if (rc == GK_OK)
		rc = gk_render_block_value(it->render, it->frame, &value);
	return rc == GK_OK ? gk_render_section(it, value) : rc;
}

static gk_code run_block(gk_render *r, gk_frame *frame, const gk_tmpl_node *node)
{
	const gk_engine_helper *helper = helper_of(frame, node->call);
	gk_helper_call it = { .render = r, .frame = frame, .call = node->call };
	json_t *few_args[FEW_ARGS];
	gk_code rc = check_decorators(r, frame, node->body, node->call->at);

	if (rc == GK_OK)
		rc = check_decorators(r, frame, node->inverse, node->call->at);
	if (rc == GK_OK && helper)
		rc = start_call(r, frame, node->call, few_args, &it);
	if (rc != GK_OK)
		return rc;
	it.helper = helper;
	it.is_block = true;
	it.body = node->body;
	it.inverse = node->inverse;
	rc = helper ? run_helper(&it) : run_section(&it);
	return rc == GK_OK && it.has_result ? gk_render_print(r, it.result, false) : rc;
}

static gk_code run_node(gk_render *r, gk_frame *frame, const gk_tmpl_node *node)
{
	switch (node->kind) {
	case GK_TMPL_CONTENT:
		return gk_render_put(
			r, (gk_piece){ .text = node->content.text, .len = node->content.len });
	case GK_TMPL_MUSTACHE:
		return run_mustache(r, frame, node);
	case GK_TMPL_BLOCK:
		return run_block(r, frame, node);
	case GK_TMPL_PARTIAL:
		return gk_render_partial(r, frame, node);
	default:
		return GK_OK;
	}
}

/* --- bodies --- */

static gk_code run_nodes(gk_render *r, gk_frame *frame, const gk_tmpl_program *program)
{
	gk_inlines inlines = { .program = program,
		.frame = frame->up,
		.own = frame,
		.up = frame->container->inlines };
	gk_code rc = GK_OK;

	if (program->has_inlines)
		frame->container->inlines = &inlines;
	for (const gk_tmpl_node *node = program->first; node && rc == GK_OK; node = node->next) {
		rc = gk_render_step(r, 1);
		if (rc == GK_OK)
			rc = run_node(r, frame, node);
		if (rc != GK_OK && node->call)
			rc = gk_render_failed(r, frame, node->call->at, rc);
	}
	frame->container->inlines = inlines.up;
	return rc;
}

/* A context is a step for `..` only when it is another than the one around it. */
static bool is_new_context(const gk_render *r, const json_t *context, const gk_depth *depths)
{
	if (!depths)
		return true;
	if (context == r->null_context && context && json_is_null(depths->context))
		return false;
	return !gk_value_equals(context, depths->context);
}

gk_code gk_render_body(gk_render *r, const gk_body *body)
{
	gk_depth depth = { .context = body->context, .up = body->depths };
	gk_frame frame = { .up = body->up,
		.container = body->up->container,
		.context = body->context,
		.depths = body->depths,
		.data = body->data,
		.params = body->params,
		.n_params = body->n_params };
	gk_code rc;

	if (!body->program)
		return GK_OK;
	if (is_new_context(r, body->context, body->depths))
		frame.depths = &depth;
	if (r->depth == GK_MAX_TEMPLATE_DEPTH)
		return gk_error_set(r->err, GK_RESOURCE_EXHAUSTED,
			"a template goes more than %u bodies and partials deep",
			GK_MAX_TEMPLATE_DEPTH);
	r->depth++;
	rc = run_nodes(r, &frame, body->program);
	r->depth--;
	return rc;
}

gk_code gk_render_call_body(gk_helper_call *call, const gk_tmpl_program *program, json_t *context,
	const gk_data *data, json_t *const *params, size_t n_params)
{
	return gk_render_body(call->render, &(gk_body){ .program = program,
						    .up = call->frame,
						    .context = context,
						    .depths = call->frame->depths,
						    .data = data ? data : call->frame->data,
						    .params = params,
						    .n_params = n_params });
}

/* --- the whole --- */

gk_code gk_render_run(gk_render *r)
{
	gk_depth depth = { .context = r->input->context };
	gk_data data = { .kind = GK_DATA_BASE, .object = r->input->context };
	gk_container container = { .tmpl = r->root };
	gk_frame frame = { .container = &container,
		.context = r->input->context,
		.depths = &depth,
		.data = &data };
	gk_code rc;

	gk_engine_enter(r->engine);
	rc = gk_engine_resolve_partials(r->engine, r->root, r->err);
	if (rc == GK_OK)
		rc = gk_tmpl_link(r->root, r->engine, &r->place, &container.links, r->err);
	if (rc == GK_OK)
		rc = check_decorators(r, &frame, r->root->root, 0);
	if (rc == GK_OK)
		rc = run_nodes(r, &frame, r->root->root);
	gk_tmpl_links_unref(container.links);
	gk_engine_leave(r->engine);
	return rc;
}

gk_code gk_template_render(gk_template *tmpl, const gk_template_input *input, char **ret,
	size_t *len_ret, gk_template_place *place, gk_error *err)
{
	gk_buf text = GK_BUF_INIT(0);
	gk_render r;
	gk_code rc;
	char *taken;

	gk_render_init(&r, tmpl, input, err);
	rc = gk_render_run(&r);
	if (rc == GK_OK)
		gk_render_flatten(&r, 0, false, &text);
	if (place)
		*place = r.place;
	gk_render_done(&r);
	if (rc != GK_OK)
		return rc;
	taken = gk_buf_take(&text, len_ret);
	if (!taken)
		return gk_error_no_memory(err);
	*ret = taken;
	return GK_OK;
}
