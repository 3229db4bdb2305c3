/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* What `make run` serves: one flow for each thing a flow can do, and an evaluator. */
#include <genkit/genkit.h>

#include <ctype.h>

/* Input in, output out. */
static gk_code hello(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	(void)ctx;
	(void)err;
	*ret = json_sprintf("Hello, %s!", gk_json_str_peek(input, "name"));
	return GK_OK;
}

/* Chunks while it runs; between them the loop serves others. */
static gk_code countdown(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	uint64_t pause_ms = (uint64_t)gk_json_int_at(input, "pauseMs", 500);

	for (json_int_t n = gk_json_int_at(input, "from", 3); n > 0; n--) {
		gk_code rc = gk_ctx_send(ctx, json_pack("{s:I}", "count", n), err);

		if (rc == GK_OK)
			rc = gk_sleep(ctx, pause_ms, err);
		if (rc != GK_OK)
			return rc;
	}
	*ret = json_string("liftoff");
	return GK_OK;
}

/* Steps: each a span of its own in the trace. */
static gk_code shout(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	gk_auto_str char *text = strdup(json_string_value(input));

	(void)ctx;
	if (!text)
		return gk_error_no_memory(err);
	for (char *c = text; *c; c++)
		*c = (char)toupper((unsigned char)*c);
	*ret = json_string(text);
	return GK_OK;
}

static gk_code count_words(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	json_int_t words = 0;
	bool in_word = false;

	(void)ctx;
	(void)err;
	for (const char *c = json_string_value(input); *c; c++) {
		words += *c != ' ' && !in_word;
		in_word = *c != ' ';
	}
	*ret = json_integer(words);
	return GK_OK;
}

static gk_code steps(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	json_t *text = json_object_get(input, "text");
	gk_auto_json json_t *loud = NULL, *words = NULL, *said = NULL;
	gk_code rc;

	rc = gk_run_step(ctx, "shout", shout, NULL, text, &loud, err);
	if (rc == GK_OK)
		rc = gk_run_step(ctx, "count", count_words, NULL, text, &words, err);
	if (rc != GK_OK)
		return rc;
	*ret = json_pack("{s:O, s:O}", "loud", loud, "words", words);
	said = json_pack("{s:O}", "words", words);
	gk_ctx_log(ctx, GK_LOG_INFO, said, "counted %d words", (int)json_integer_value(words));
	return GK_OK;
}

/* An error of the caller's choice: how each status looks from outside. */
static gk_code fail(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	const char *name = gk_json_str_peek(input, "status");
	const char *message = gk_json_str_peek(input, "message");
	int code = name ? gk_code_from_name(name) : GK_INTERNAL;

	(void)ctx;
	(void)ret;
	if (code <= GK_OK)
		return gk_error_set(
			err, GK_INVALID_ARGUMENT, "'%s' is no status of a failure", name);
	return gk_error_set(err, (gk_code)code, "%s", message ? message : "as you asked");
}

/* Takes its time: to be cancelled. */
static gk_code slow(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	gk_code rc = gk_sleep(ctx, (uint64_t)(1000 * gk_json_real_at(input, "seconds", 5)), err);

	if (rc == GK_OK)
		*ret = json_string("done");
	return rc;
}

/* An evaluator, for `genkit eval:run` and the Dev UI: a good answer is short. */
static gk_code is_brief(
	gk_ctx *ctx, json_t *point, json_t *options, void *user, json_t **ret, gk_error *err)
{
	const char *output = gk_json_str_peek(point, "output");
	size_t len = output ? strlen(output) : 0;

	(void)ctx;
	(void)options;
	(void)user;
	if (!output)
		return gk_error_set(err, GK_INVALID_ARGUMENT, "the output is no text");
	*ret = gk_evaluation_new(
		point, gk_score_new(json_integer((json_int_t)len),
			       len <= 40 ? GK_SCORE_PASS : GK_SCORE_FAIL, "counted in bytes"));
	return *ret ? GK_OK : gk_error_no_memory(err);
}

GK_MODULE(demo, app, err)
{
	static const gk_flow_opts flows[] = {
		{ .name = "hello",
			.description = "Greets somebody.",
			.input = "name: string, whom to greet",
			.output = "string",
			.run = hello },
		{ .name = "countdown",
			.description = "Counts down, a chunk a number.",
			.input = "{from?: integer, pauseMs?: integer}",
			.output = "string",
			.stream = "count: integer",
			.run = countdown },
		{ .name = "steps",
			.description = "Shouts a text and counts its words, in two steps.",
			.input = "text: string",
			.output = "{loud: string, words: integer}",
			.run = steps },
		{ .name = "fail",
			.description = "Fails with the status and the message it is given.",
			.input = "{status?: string, message?: string}",
			.run = fail },
		{ .name = "slow",
			.description = "Sleeps, and can be cancelled.",
			.input = "seconds?: number",
			.output = "string",
			.run = slow },
	};

	for (size_t i = 0; i < sizeof(flows) / sizeof(flows[0]); i++) {
		gk_flow_opts opts = flows[i];
		gk_code rc;

		opts.size = sizeof(opts);
		rc = gk_define_flow(app, &opts, err);
		if (rc != GK_OK)
			return rc;
	}
	return gk_define_evaluator(app,
		GK_OPTS(gk_evaluator_opts, .name = "demo/brevity", .display_name = "Brevity",
			.definition = "Whether an answer has at most 40 bytes.", .is_free = true,
			.run = is_brief),
		err);
}
