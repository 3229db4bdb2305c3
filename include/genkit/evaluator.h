/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * Evaluators: how good were the outputs? An evaluator is the action /evaluator/NAME; the Dev UI and `genkit eval:run` call
 * it with a dataset, gk_evaluate() does so from code.
 *
 *	#include <genkit/genkit.h>
 *
 *	static gk_code is_short(gk_ctx *ctx, json_t *point, json_t *options, void *user, json_t **ret, gk_error *err)
 *	{
 *		const char *output = json_string_value(json_object_get(point, "output"));
 *
 *		(void)ctx;
 *		(void)options;
 *		(void)user;
 *		if (!output)
 *			return gk_error_set(err, GK_INVALID_ARGUMENT, "the output is no text");
 *		*ret = gk_evaluation_new(point, gk_score_new(json_integer((json_int_t)strlen(output)),
 *			strlen(output) < 10 ? GK_SCORE_PASS : GK_SCORE_FAIL, NULL));
 *		return *ret ? GK_OK : gk_error_no_memory(err);
 *	}
 *
 *	static gk_code grade(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
 *	{
 *		gk_auto_json json_t *results = NULL;
 *		gk_code rc = gk_evaluate(ctx, GK_OPTS(gk_evaluate_opts, .evaluator = "short", .dataset = input), &results, err);
 *
 *		if (rc == GK_OK)
 *			*ret = json_incref(gk_json_at_peek(results, "[0].evaluation"));
 *		return rc;
 *	}
 *
 *	GK_MODULE(grading, app, err)
 *	{
 *		gk_code rc = gk_define_evaluator(app, GK_OPTS(gk_evaluator_opts, .name = "short", .display_name = "Short",
 *			.definition = "Whether an answer is brief.", .run = is_short), err);
 *
 *		return rc == GK_OK ? gk_define_flow(app, GK_OPTS(gk_flow_opts, .name = "grade", .run = grade), err) : rc;
 *	}
 *
 * Running "grade" with [{"input": "2 + 2?", "output": "four"}]
 * gives {"score": 4, "status": "PASS"}
 */
#ifndef GENKIT_EVALUATOR_H
#define GENKIT_EVALUATOR_H

#include <genkit/action.h>

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

/**
 * Judges one case, {"input"?, "output"?, "context"?, "reference"?, "testCaseId", "traceIds"?}: `*ret` becomes a new
 * reference to what gk_evaluation_new() gives. `options` is the request's; NULL: none. Cases of a batch are judged at the
 * same time, each in a fiber and a span of its own. A failure is a result as well: {"evaluation": {"error": ...}}.
 */
typedef gk_code gk_evaluator_fn(
	gk_ctx *ctx, json_t *point, json_t *options, void *user, json_t **ret, gk_error *err);

typedef struct gk_evaluator_opts {
	size_t size;
	const char *name;         /* required */
	const char *display_name; /* required: for people */
	const char *definition;   /* required: what it measures */
	bool is_free;             /* calling it costs nothing; false: it may be billed */
	const char
		*config; /* schema text of its options, which are then required; NULL: anything */
	json_t *config_json; /* borrowed; the schema as a value, which wins */
	bool are_options_optional;
	json_t *metadata;     /* borrowed; more for the action's metadata */
	gk_evaluator_fn *run; /* one case at a time; or: */
	gk_action_fn *
		run_batch; /* {"dataset", "evalRunId", "options"?} in, [{"testCaseId", "evaluation"}] out; every case has
				    its id */
	void *user;
	void (*free_user)(void *user); /* when the evaluator goes; not when defining it failed */
} gk_evaluator_opts;

/** INVALID_ARGUMENT when something required is missing, or `run` and `run_batch` are both given; else as
 * gk_define_action(). */
gk_code gk_define_evaluator(gk_app *app, const gk_evaluator_opts *opts, gk_error *err);
/** Makes one without registering it, for plugins and dynamic action providers. */
gk_code gk_evaluator_new(
	gk_app *app, const gk_evaluator_opts *opts, gk_action **ret, gk_error *err);

/* --- results: new references, NULL when memory ran out --- */

typedef enum gk_score_status {
	GK_SCORE_UNSAID,
	GK_SCORE_UNKNOWN,
	GK_SCORE_PASS,
	GK_SCORE_FAIL,
} gk_score_status;

/** {"score", "status"?, "details"?: {"reasoning"}}. `score_take`: a number, a text or a boolean; NULL (memory ran out) gives
 * NULL. `reasoning` NULL: none. */
json_t *gk_score_new(json_t *score_take, gk_score_status status, const char *reasoning);
/** {"testCaseId", "evaluation"}: of the case `point`. `evaluation_take`: a score or a list of scores, each then with a
 * member "id"; NULL gives NULL. */
json_t *gk_evaluation_new(const json_t *point, json_t *evaluation_take);

typedef struct gk_evaluate_opts {
	size_t size;
	const char *evaluator; /* required: its name */
	json_t *dataset; /* required; borrowed: a list of cases; those without a testCaseId get one */
	const char *eval_run_id; /* NULL: a random one */
	unsigned batch_size;     /* cases judged at the same time; 0: 1 */
	json_t *options;         /* borrowed; NULL: none */
} gk_evaluate_opts;

/**
 * The results in the order of the dataset: [{"testCaseId", "evaluation", "sampleIndex", "traceId", "spanId"}], a new reference.
 * Errors: a plain "Unable to utilize the provided evaluator"; INVALID_ARGUMENT for a dataset that is none.
 */
GK_MUST_USE GK_SUSPENDS gk_code gk_evaluate(
	gk_ctx *ctx, const gk_evaluate_opts *opts, json_t **ret, gk_error *err);

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif
