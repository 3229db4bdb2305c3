/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "ai/evaluate.h"

#include "base/id.h"
#include "base/limits.h"
#include "base/log.h"
#include "core/define.h"
#include "json/edit.h"
#include "loop/fiber.h"

/* What a request says. */
typedef struct evaluation {
	gk_evaluator_fn *fn;
	void *user;
	json_t *options;
	json_t *span_metadata; /* {"evaluator:evalRunId"} */
	json_t *cases;         /* with their ids */
	size_t batch_size;
} evaluation;

typedef struct test_case {
	const evaluation *of;
	json_t *point; /* borrowed */
	size_t index;  /* in the dataset */
	json_t *result;
} test_case;

/* --- one case --- */

/* {sampleIndex, spanId, traceId, testCaseId, evaluation: {error}}: the error as the reference prints one. */
static json_t *failed_result(gk_ctx *ctx, const test_case *it, const gk_error *failure)
{
	gk_auto_json json_t *result = json_object(), *outcome = json_object();
	gk_auto_str char *text = gk_error_text(failure);
	json_t *id = json_object_get(it->point, "testCaseId");

	if (!text ||
		!gk_json_set_take(outcome, "error",
			json_sprintf("Evaluation of test case %s failed: \n%s: %s",
				json_string_value(id), failure->is_plain ? "Error" : "GenkitError",
				text)) ||
		!gk_json_set_int(result, "sampleIndex", (int64_t)it->index) ||
		!gk_json_set_str(result, "spanId", gk_ctx_span_id(ctx)) ||
		!gk_json_set_str(result, "traceId", gk_ctx_trace_id(ctx)) ||
		!gk_json_set(result, "testCaseId", id) ||
		!gk_json_set(result, "evaluation", outcome))
		return NULL;
	return gk_steal(result);
}

/* {...what the function gave, traceId, spanId, sampleIndex} */
static json_t *good_result(gk_ctx *ctx, const test_case *it, const json_t *given)
{
	gk_auto_json json_t *result = gk_json_merge(given, NULL);

	if (!gk_json_set_str(result, "traceId", gk_ctx_trace_id(ctx)) ||
		!gk_json_set_str(result, "spanId", gk_ctx_span_id(ctx)) ||
		!gk_json_set_int(result, "sampleIndex", (int64_t)it->index))
		return NULL;
	return gk_steal(result);
}

/* In the case's span, which goes well whatever the function says: a failure has no output, and is told in the result. */
static gk_code judge(gk_ctx *ctx, json_t *point, json_t **ret, gk_error *err)
{
	test_case *it = gk_ctx_user(ctx);
	gk_auto_error gk_error failure = { 0 };
	gk_auto_json json_t *given = NULL;
	gk_code rc = it->of->fn(ctx, point, it->of->options, it->of->user, &given, &failure);

	if (rc != GK_OK && failure.code == GK_OK)
		gk_error_set(&failure, rc, "%s", "the evaluator failed without saying why");
	it->result = rc == GK_OK ? good_result(ctx, it, given) : failed_result(ctx, it, &failure);
	if (!it->result)
		return gk_error_no_memory(err);
	if (rc == GK_OK)
		*ret = gk_steal(given);
	return GK_OK;
}

static gk_code run_case(gk_ctx *ctx, json_t *point, json_t **ret, gk_error *err)
{
	test_case *it = gk_ctx_user(ctx);
	const char *name = gk_ctx_printf(
		ctx, "Test Case %s", json_string_value(json_object_get(point, "testCaseId")));
	const gk_span_opts span = {
		.name = name, .metadata = it->of->span_metadata, .what = "test case"
	};

	(void)ret;
	if (!name)
		return gk_error_no_memory(err);
	return gk_ctx_run_in_span(ctx, &span, judge, it, point, NULL, err);
}

/* --- a batch --- */

/* Cases of a batch, so many at a time as fibers may be used for it. */
static gk_code run_some(gk_ctx *ctx, test_case *cases, size_t count, gk_error *err)
{
	gk_parallel *items = calloc(count, sizeof(*items));
	gk_code rc;

	if (!items)
		return gk_error_no_memory(err);
	for (size_t i = 0; i < count; i++)
		items[i] =
			(gk_parallel){ .fn = run_case, .user = &cases[i], .input = cases[i].point };
	rc = gk_run_parallel(ctx, items, count, err);
	for (size_t i = 0; i < count; i++)
		gk_error_clear(&items[i].err);
	free(items);
	return rc;
}

static gk_code gather(test_case *cases, size_t count, json_t **ret, gk_error *err)
{
	gk_auto_json json_t *results = json_array();

	for (size_t i = 0; i < count; i++)
		if (!gk_json_push_take(results, json_incref(cases[i].result)))
			return gk_error_no_memory(err);
	if (!results)
		return gk_error_no_memory(err);
	*ret = gk_steal(results);
	return GK_OK;
}

/* The cases from `first` on, in a span of their own if there are several. */
static gk_code run_cases(
	gk_ctx *ctx, const evaluation *of, size_t first, size_t count, json_t **ret, gk_error *err)
{
	test_case *cases = calloc(count, sizeof(*cases));
	gk_code rc = cases ? GK_OK : gk_error_no_memory(err);

	for (size_t i = 0; cases && i < count; i++)
		cases[i] = (test_case){
			.of = of, .point = json_array_get(of->cases, first + i), .index = first + i
		};
	for (size_t done = 0; rc == GK_OK && done < count;) {
		size_t some =
			count - done < GK_MAX_PARALLEL_CASES ? count - done : GK_MAX_PARALLEL_CASES;

		rc = run_some(ctx, cases + done, some, err);
		done += some;
	}
	if (rc == GK_OK)
		rc = gather(cases, count, ret, err);
	for (size_t i = 0; cases && i < count; i++)
		json_decref(cases[i].result);
	free(cases);
	return rc;
}

typedef struct batch {
	const evaluation *of;
	size_t first;
} batch;

static gk_code run_batch(gk_ctx *ctx, json_t *points, json_t **ret, gk_error *err)
{
	const batch *it = gk_ctx_user(ctx);

	return run_cases(ctx, it->of, it->first, json_array_size(points), ret, err);
}

static json_t *slice(const json_t *list, size_t first, size_t count)
{
	gk_auto_json json_t *part = json_array();

	for (size_t i = 0; i < count; i++)
		if (!gk_json_push_take(part, json_incref(json_array_get(list, first + i))))
			return NULL;
	return gk_steal(part);
}

static gk_code run_in_batch_span(
	gk_ctx *ctx, const evaluation *of, size_t first, size_t count, json_t **ret, gk_error *err)
{
	batch it = { .of = of, .first = first };
	const char *name = gk_ctx_printf(ctx, "Batch %zu", first / of->batch_size);
	const gk_span_opts span = { .name = name, .metadata = of->span_metadata, .what = "batch" };
	gk_auto_json json_t *points = slice(of->cases, first, count);

	if (!name || !points)
		return gk_error_no_memory(err);
	return gk_ctx_run_in_span(ctx, &span, run_batch, &it, points, ret, err);
}

/* --- a dataset --- */

static json_t *case_with_id(json_t *point)
{
	gk_auto_json json_t *copy = NULL;
	char id[GK_UUID_SIZE];

	if (gk_json_is_truthy(json_object_get(point, "testCaseId")))
		return json_incref(point);
	gk_id_uuid(id);
	copy = gk_json_merge(point, NULL);
	return gk_json_set_str(copy, "testCaseId", id) ? gk_steal(copy) : NULL;
}

gk_code gk_cases_with_ids(json_t *dataset, json_t **ret, gk_error *err)
{
	gk_auto_json json_t *cases = json_array();
	json_t *point;
	size_t i;

	json_array_foreach (dataset, i, point)
		if (!gk_json_push_take(cases, case_with_id(point)))
			return gk_error_no_memory(err);
	if (!cases)
		return gk_error_no_memory(err);
	*ret = gk_steal(cases);
	return GK_OK;
}

static gk_code check_scope(gk_error *err)
{
	return gk_scope_check(gk_fiber_scope(gk_fiber_self()), err);
}

/* A batch that fails is left out of the results, unless the whole run has been called off. */
static gk_code run_batches(gk_ctx *ctx, const evaluation *of, json_t *results, gk_error *err)
{
	size_t total = json_array_size(of->cases);
	gk_code reason = check_scope(err);

	for (size_t first = 0; first < total && reason == GK_OK; first += of->batch_size) {
		size_t left = total - first, count = left < of->batch_size ? left : of->batch_size;
		gk_auto_error gk_error failure = { 0 };
		gk_auto_json json_t *some = NULL;
		gk_code rc = count > 1 ? run_in_batch_span(ctx, of, first, count, &some, &failure)
				       : run_cases(ctx, of, first, count, &some, &failure);

		reason = check_scope(err);
		if (rc != GK_OK && reason == GK_OK)
			gk_log(GK_LOG_ERROR, "evaluator", "Evaluation of batch %zu failed: %s",
				first / of->batch_size, failure.message ? failure.message : "");
		else if (rc == GK_OK && json_array_extend(results, some) < 0)
			return gk_error_no_memory(err);
	}
	return reason;
}

static size_t batch_size_of(const json_t *request)
{
	double size = gk_json_real_at(request, "batchSize", 1);

	return size < 2 ? 1 : size > GK_MAX_BATCH_SIZE ? GK_MAX_BATCH_SIZE : (size_t)size;
}

gk_code gk_evaluate_cases(
	gk_ctx *ctx, gk_evaluator_fn *fn, void *user, json_t *request, json_t **ret, gk_error *err)
{
	gk_auto_json json_t *results = json_array(), *metadata = json_object(), *cases = NULL;
	evaluation of = { .fn = fn,
		.user = user,
		.options = json_object_get(request, "options"),
		.span_metadata = metadata,
		.batch_size = batch_size_of(request) };
	gk_code rc = gk_cases_with_ids(json_object_get(request, "dataset"), &cases, err);

	if (rc != GK_OK)
		return rc;
	if (!results || !gk_json_set(metadata, "evaluator:evalRunId",
				json_object_get(request, "evalRunId")))
		return gk_error_no_memory(err);
	of.cases = cases;
	rc = run_batches(ctx, &of, results, err);
	if (rc == GK_OK)
		*ret = gk_steal(results);
	return rc;
}
