/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* From a prompt and an input to what is asked of generate (tools section 7.2). */
#include "ai/prompt.h"

#include "core/app.h"
#include "json/edit.h"

typedef struct rendering {
	gk_prompt_body *body;
	json_t *input;
	const gk_generate_opts *opts; /* NULL: none */
	const gk_prompt_view *view;   /* NULL: none */
} rendering;

/* --- what is said --- */

/* A text, a part or a list of parts: as a list. */
static json_t *as_parts(json_t *given)
{
	if (json_is_array(given))
		return json_incref(given);
	if (json_is_string(given))
		return json_pack("[{s:O}]", "text", given);
	return json_pack("[O]", given);
}

static json_t *stand_in_of(const rendering *it)
{
	return it->view ? it->view->stand_in : NULL;
}

static gk_code render_document(gk_ctx *ctx, const rendering *it, gk_prompt_document *document,
	json_t *history, json_t **ret, gk_error *err)
{
	gk_engine *engine = gk_prompt_body_engine_peek(gk_ctx_app(ctx), it->body);
	const gk_prompt_data data = { .input = it->input,
		.messages = history,
		.stand_in = history ? stand_in_of(it) : NULL,
		.docs = it->opts ? it->opts->docs : NULL,
		.context =
			it->opts && it->opts->context ? it->opts->context : gk_ctx_context(ctx) };

	if (!engine)
		return gk_error_no_memory(err);
	return gk_prompt_document_messages(document, engine, NULL, &data, ret, err);
}

/* The content of the one message that the template makes. */
static gk_code render_parts(
	gk_ctx *ctx, const rendering *it, const gk_prompt_said *said, json_t **ret, gk_error *err)
{
	gk_auto_json json_t *messages = NULL, *given = NULL;
	gk_code rc = GK_OK;

	if (said->fn) {
		rc = gk_ctx_run_inner(ctx, said->fn, it->body->user, it->input, &given, err);
	} else if (said->value) {
		given = json_incref(said->value);
	} else if (said->document) {
		rc = render_document(ctx, it, said->document, NULL, &messages, err);
		if (rc == GK_OK && json_array_size(messages) != 1)
			return gk_error_set_plain(
				err, "parts tempate must produce only one message");
		given = json_incref(json_object_get(json_array_get(messages, 0), "content"));
	}
	if (rc != GK_OK || !given)
		return rc;
	*ret = as_parts(given);
	return *ret ? GK_OK : gk_error_no_memory(err);
}

static gk_code push_parts(gk_ctx *ctx, const rendering *it, const gk_prompt_said *said,
	const char *role, json_t *messages, gk_error *err)
{
	gk_auto_json json_t *parts = NULL;
	gk_code rc = render_parts(ctx, it, said, &parts, err);

	if (rc == GK_OK && parts &&
		!gk_json_push_take(
			messages, json_pack("{s:s, s:O}", "role", role, "content", parts)))
		rc = gk_error_no_memory(err);
	return rc;
}

/* In the middle: a template or a function that places the caller's messages, messages as they stand, or the caller's
 * alone. */
static gk_code push_messages(gk_ctx *ctx, const rendering *it, json_t *messages, gk_error *err)
{
	json_t *history = it->opts ? it->opts->messages : NULL;
	const gk_prompt_said *said = &it->body->messages;
	gk_auto_json json_t *given = NULL;
	gk_code rc = GK_OK;

	if (it->body->messages_fn) {
		rc = it->body->messages_fn(ctx, it->input, history, it->body->user, &given, err);
	} else if (said->value) {
		given = json_incref(said->value);
	} else if (said->document) {
		rc = render_document(ctx, it, said->document, history, &given, err);
	} else {
		given = json_incref(stand_in_of(it) ? stand_in_of(it) : history);
	}
	if (rc == GK_OK && given && json_array_extend(messages, given) < 0)
		rc = json_is_array(given)
			     ? gk_error_no_memory(err)
			     : gk_error_set(err, GK_INVALID_ARGUMENT,
				       "prompt %s: messages are an array", it->body->name);
	return rc;
}

/* --- the rest --- */

static bool update(json_t *object, json_t *more, const char *but)
{
	const char *key;
	json_t *value;

	json_object_foreach (more, key, value)
		if ((!but || strcmp(key, but) != 0) && !gk_json_set(object, key, value))
			return false;
	return true;
}

/* {...prompt's, ...caller's}; none when both say nothing. */
static gk_code set_config(const rendering *it, json_t *rendered, gk_error *err)
{
	json_t *base = json_object_get(it->body->base, "config");
	json_t *over = it->opts ? it->opts->config : NULL;
	gk_auto_json json_t *config = NULL;

	if (!json_object_size(base) && !over)
		return GK_OK;
	config = gk_json_merge(base, over);
	return gk_json_set(rendered, "config", config) ? GK_OK : gk_error_no_memory(err);
}

static gk_code set_docs(gk_ctx *ctx, const rendering *it, json_t *rendered, gk_error *err)
{
	const gk_prompt_said *said = &it->body->docs;
	gk_auto_json json_t *docs = NULL;
	gk_code rc;

	if (!said->fn || (it->opts && it->opts->docs))
		return GK_OK;
	rc = gk_ctx_run_inner(ctx, said->fn, it->body->user, it->input, &docs, err);
	if (rc == GK_OK && docs && !gk_json_set(rendered, "docs", docs))
		rc = gk_error_no_memory(err);
	return rc;
}

static gk_code show(gk_ctx *ctx, const rendering *it, json_t *rendered, gk_error *err)
{
	json_t *shown;

	if (!it->view || !it->view->shown || !gk_app_is_observed(gk_ctx_app(ctx)))
		return GK_OK;
	shown = it->view->shown(rendered, it->view->user);
	if (!shown)
		return gk_error_no_memory(err);
	gk_ctx_record_output_take(ctx, shown);
	return GK_OK;
}

static gk_code render(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	const rendering *it = gk_ctx_user(ctx);
	gk_prompt_body *body = it->body;
	gk_auto_json json_t *rendered = json_object(), *messages = json_array(), *over = NULL;
	gk_code rc = gk_prompt_body_wake(body, err);

	(void)input;
	if (rc != GK_OK)
		return rc;
	if (!rendered || !messages || !update(rendered, body->base, "config") ||
		!gk_json_set(rendered, "messages", messages))
		return gk_error_no_memory(err);
	rc = push_parts(ctx, it, &body->system, "system", messages, err);
	if (rc == GK_OK)
		rc = push_messages(ctx, it, messages, err);
	if (rc == GK_OK)
		rc = push_parts(ctx, it, &body->prompt, "user", messages, err);
	if (rc == GK_OK)
		rc = set_docs(ctx, it, rendered, err);
	if (rc == GK_OK && it->opts)
		rc = gk_prompt_say(gk_ctx_app(ctx), it->opts, &over, err);
	if (rc == GK_OK && !update(rendered, over, NULL))
		rc = gk_error_no_memory(err);
	if (rc == GK_OK)
		rc = set_config(it, rendered, err);
	if (rc == GK_OK && body->marks && !gk_json_set(rendered, "metadata", body->marks))
		rc = gk_error_no_memory(err);
	if (rc == GK_OK)
		rc = show(ctx, it, rendered, err);
	if (rc == GK_OK)
		*ret = gk_steal(rendered);
	return rc;
}

/* The functions of a prompt may wait: it must not go meanwhile. */
gk_code gk_prompt_body_render(gk_ctx *ctx, gk_prompt_body *body, json_t *input,
	const gk_generate_opts *opts, const gk_prompt_view *view, json_t **ret, gk_error *err)
{
	gk_auto_json json_t *metadata = json_pack("{s:s}", "promptName", body->name);
	const gk_span_opts span = { .name = "render",
		.type = "promptTemplate",
		.metadata = metadata,
		.what = "prompt",
		.has_messages = true };
	rendering it = {
		.body = gk_prompt_body_ref(body), .input = input, .opts = opts, .view = view
	};
	gk_code rc = metadata ? gk_ctx_run_in_span(ctx, &span, render, &it, input, ret, err)
			      : gk_error_no_memory(err);

	gk_prompt_body_unref(body);
	return rc;
}
