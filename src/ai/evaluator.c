/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Evaluators: defined and called. How they go through a dataset is in evaluate.c (actions section 9). */
#include "ai/evaluate.h"

#include "ai/kind.h"
#include "base/id.h"
#include "base/str.h"
#include "json/edit.h"

static const gk_kind evaluator = { .type = "evaluator",
	.request = "EvaluatorRequest",
	.response = "EvaluatorResponse",
	.info = "info",
	.missing = "Unable to utilize the provided evaluator" };

/* --- definition --- */

typedef struct evaluator_body {
	gk_evaluator_fn *run;
	gk_action_fn *run_batch;
	void *user;
	void (*free_user)(void *user);
} evaluator_body;

static void free_body(void *it)
{
	evaluator_body *body = it;

	if (body->free_user)
		body->free_user(body->user);
	free(body);
}

static gk_code run_cases(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	const evaluator_body *body = gk_ctx_user(ctx);

	return gk_evaluate_cases(ctx, body->run, body->user, input, ret, err);
}

static gk_code run_whole(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	const evaluator_body *body = gk_ctx_user(ctx);
	gk_auto_json json_t *request = gk_json_copy(input), *dataset = NULL;
	gk_code rc = gk_cases_with_ids(json_object_get(input, "dataset"), &dataset, err);

	if (rc != GK_OK)
		return rc;
	if (!gk_json_set(request, "dataset", dataset))
		return gk_error_no_memory(err);
	return gk_ctx_run_inner(ctx, body->run_batch, body->user, request, ret, err);
}

static gk_code check(const gk_evaluator_opts *opts, gk_error *err)
{
	if (!opts->display_name || !opts->definition)
		return gk_error_set(err, GK_INVALID_ARGUMENT,
			"an evaluator needs a display name and a definition");
	if (!opts->run == !opts->run_batch)
		return gk_error_set(err, GK_INVALID_ARGUMENT,
			"an evaluator has a function for one case, or one for all of them");
	return GK_OK;
}

static json_t *details_of(const gk_evaluator_opts *opts)
{
	gk_auto_json json_t *details = json_object();

	if (!gk_json_set_bool(details, "evaluatorIsBilled", !opts->is_free) ||
		!gk_json_set_str(details, "evaluatorDisplayName", opts->display_name) ||
		!gk_json_set_str(details, "evaluatorDefinition", opts->definition))
		return NULL;
	return gk_steal(details);
}

gk_code gk_evaluator_new(gk_app *app, const gk_evaluator_opts *opts, gk_action **ret, gk_error *err)
{
	gk_auto_json json_t *details = NULL;
	evaluator_body *body;
	gk_code rc = check(opts, err);

	if (rc != GK_OK)
		return rc;
	details = details_of(opts);
	body = details ? calloc(1, sizeof(*body)) : NULL;
	if (!body)
		return gk_error_no_memory(err);
	*body = (evaluator_body){
		.run = opts->run, .run_batch = opts->run_batch, .user = opts->user
	};
	rc = gk_kind_make(app, &evaluator,
		&(gk_kind_opts){ .name = opts->name,
			.details = details,
			.config = opts->config,
			.config_json = opts->config_json,
			.needs_options = !opts->are_options_optional,
			.metadata = opts->metadata,
			.run = opts->run ? run_cases : run_whole,
			.user = body,
			.free_user = free_body },
		ret, err);
	if (rc == GK_OK)
		body->free_user = opts->free_user;
	else
		free_body(body);
	return rc;
}

gk_code gk_define_evaluator(gk_app *app, const gk_evaluator_opts *opts, gk_error *err)
{
	return gk_evaluator_new(app, opts, NULL, err);
}

/* --- results --- */

json_t *gk_score_new(json_t *score_take, gk_score_status status, const char *reasoning)
{
	static const char *const names[] = { NULL, "UNKNOWN", "PASS", "FAIL" };
	gk_auto_json json_t *value = score_take, *score = json_object(), *details = NULL;

	if (!gk_json_set(score, "score", value) ||
		(status && !gk_json_set_str(score, "status", names[status])))
		return NULL;
	if (reasoning) {
		details = json_object();
		if (!gk_json_set_str(details, "reasoning", reasoning) ||
			!gk_json_set(score, "details", details))
			return NULL;
	}
	return gk_steal(score);
}

json_t *gk_evaluation_new(const json_t *point, json_t *evaluation_take)
{
	gk_auto_json json_t *evaluation = evaluation_take, *result = json_object();

	if (!gk_json_set(result, "testCaseId", json_object_get(point, "testCaseId")) ||
		!gk_json_set(result, "evaluation", evaluation))
		return NULL;
	return gk_steal(result);
}

/* --- calls --- */

gk_code gk_evaluate(gk_ctx *ctx, const gk_evaluate_opts *opts, json_t **ret, gk_error *err)
{
	gk_auto_json json_t *request = json_object();
	char id[GK_UUID_SIZE];

	if (!json_is_array(opts->dataset))
		return gk_error_set(err, GK_INVALID_ARGUMENT, "a dataset is a list of cases");
	if (!opts->eval_run_id)
		gk_id_uuid(id);
	if (!gk_json_set(request, "dataset", opts->dataset) ||
		!gk_json_set_str(
			request, "evalRunId", opts->eval_run_id ? opts->eval_run_id : id) ||
		(opts->options && !gk_json_set(request, "options", opts->options)) ||
		(opts->batch_size && !gk_json_set_int(request, "batchSize", opts->batch_size)))
		return gk_error_no_memory(err);
	return gk_kind_run(ctx, &evaluator, opts->evaluator, request, ret, err);
}
