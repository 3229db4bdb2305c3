/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Ops of middleware. */
#include "core_model.h"

#include "ai/chain.h"
#include "ai/middleware_retry.h"

/* --- model middleware: the request that it goes on with --- */

typedef struct last_link {
	gk_next next;
	json_t *seen; /* what the model would get */
} last_link;

static gk_code see(gk_ctx *ctx, gk_next *next, json_t *input, json_t **ret, gk_error *err)
{
	last_link *link = (last_link *)next;

	(void)ctx, (void)err;
	link->seen = json_incref(input);
	*ret = json_object();
	return GK_OK;
}

typedef struct wrapped {
	gk_model_middleware use;
	json_t *request;
} wrapped;

static gk_code run_wrapped(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	const wrapped *it = gk_ctx_user(ctx);
	last_link last = { .next = { .run = see, .input = it->request } };
	gk_auto_json json_t *response = NULL;
	gk_code rc = it->use.fn(ctx, it->request, &last.next, it->use.user, &response, err);

	(void)input;
	*ret = last.seen;
	return rc;
}

/* `path` of what the model would get (NULL: all of it). */
static void run_middleware(conformance *run, const char *name, json_t *one, json_t *request,
	gk_model_middleware use, const char *path)
{
	wrapped it = { use, request };
	gk_auto_error gk_error err = { 0 };
	gk_auto_json json_t *seen = NULL;
	core_app app;
	gk_code rc;

	core_app_start(&app);
	rc = core_app_run(&app, run_wrapped, &it, NULL, &seen, &err);
	core_expect(run, name, rc, path ? json_object_get(seen, path) : seen, &err, one);
	core_app_stop(&app);
}

static void validate_support(conformance *run, const char *name, json_t *one)
{
	gk_validate_support_opts opts = { .size = sizeof(opts),
		.name = gk_json_str_peek(one, "input.modelName"),
		.supports = gk_json_at_peek(one, "input.supports") };

	run_middleware(run, name, one, gk_json_at_peek(one, "input.request"),
		(gk_model_middleware){ gk_validate_support, &opts }, NULL);
}

static void simulate_system_prompt(conformance *run, const char *name, json_t *one)
{
	gk_simulate_system_opts opts = { .size = sizeof(opts),
		.preface = gk_json_str_peek(one, "input.options.preface"),
		.acknowledgement = gk_json_str_peek(one, "input.options.acknowledgement") };

	run_middleware(run, name, one, gk_json_at_peek(one, "input.request"),
		(gk_model_middleware){ gk_simulate_system_prompt, &opts }, NULL);
}

static void simulate_constrained(conformance *run, const char *name, json_t *one)
{
	run_middleware(run, name, one, gk_json_at_peek(one, "input.request"),
		(gk_model_middleware){ gk_simulate_constrained_generation, NULL }, NULL);
}

/* null means none; absent means the default. */
static const char *option(json_t *options, const char *key)
{
	json_t *value = json_object_get(options, key);

	return json_is_null(value) ? "" : json_string_value(value);
}

static void augment_with_context(conformance *run, const char *name, json_t *one)
{
	json_t *options = gk_json_at_peek(one, "input.options");
	gk_augment_opts opts = { .size = sizeof(opts),
		.preface = option(options, "preface"),
		.citation_key = option(options, "citationKey") };

	run_middleware(run, name, one, json_object_get(one, "input"),
		(gk_model_middleware){ gk_augment_with_context, &opts }, "messages");
}

/* --- retry --- */

static json_t *delays;

static gk_code remember_delay(gk_ctx *ctx, uint64_t ms, gk_error *err)
{
	(void)ctx, (void)err;
	json_array_append_new(delays, json_integer((json_int_t)ms));
	return GK_OK;
}

/* "<plain>", "<NAME>" (a plain error of that name) or a status. */
static gk_code fail_with(const char *what, gk_error *err)
{
	if (*what != '<')
		return gk_error_set(err, (gk_code)gk_code_from_name(what), "it failed");
	gk_error_set_plain(err, "it failed");
	if (strcmp(what, "<plain>") != 0)
		err->source = strndup(what + 1, strlen(what) - 2);
	return GK_INTERNAL;
}

typedef struct failing_link {
	gk_next next;
	json_t *failures; /* texts, or {status, retryAfterMs} */
	size_t calls;
} failing_link;

static gk_code fail_or_not(gk_ctx *ctx, gk_next *next, json_t *input, json_t **ret, gk_error *err)
{
	failing_link *link = (failing_link *)next;
	json_t *failure = json_array_get(link->failures, link->calls++);

	(void)ctx, (void)input;
	if (json_is_string(failure))
		return fail_with(json_string_value(failure), err);
	if (failure) {
		fail_with(gk_json_str_peek(failure, "status"), err);
		return gk_error_details_take(
			err, json_pack("{s:{s:O}}", "responseMetadata", "retryAfterMs",
				     json_object_get(failure, "retryAfterMs")));
	}
	*ret = json_string("success");
	return GK_OK;
}

static gk_code run_retry(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	failing_link last = { .next.run = fail_or_not,
		.failures = json_incref(json_object_get(input, "failures")) };
	gk_auto_error gk_error failure = { 0 };
	gk_auto_json json_t *result = NULL;
	gk_code *statuses = NULL;
	gk_retry_opts opts;
	gk_code rc = gk_retry_read(json_object_get(input, "options"), &opts, &statuses, err);

	if (json_object_get(input, "failure"))
		last.failures = json_pack("[O]", json_object_get(input, "failure"));
	if (rc == GK_OK)
		rc = gk_retry_run(ctx, NULL, &last.next, &opts, remember_delay, &result, &failure);
	*ret = json_pack("{s:i, s:O, s:O}", "calls", (int)last.calls, "delaysMs", delays, "result",
		rc == GK_OK ? result : json_string("error"));
	json_decref(last.failures);
	free(statuses);
	return GK_OK;
}

static void retry_with(conformance *run, const char *name, json_t *one, const char *only)
{
	gk_auto_error gk_error err = { 0 };
	gk_auto_json json_t *got = NULL, *part = NULL;
	core_app it;
	gk_code rc;

	delays = json_array();
	core_app_start(&it);
	rc = core_app_run(&it, run_retry, NULL, json_object_get(one, "input"), &got, &err);
	part = only ? json_pack("{s:O}", only, json_object_get(got, only)) : json_incref(got);
	core_expect(run, name, rc, part, &err, one);
	core_app_stop(&it);
	json_decref(delays);
}

static void retry(conformance *run, const char *name, json_t *one)
{
	retry_with(run, name, one, NULL);
}

static void retry_after(conformance *run, const char *name, json_t *one)
{
	retry_with(run, name, one, "delaysMs");
}

/* --- fallback --- */

typedef struct behaving_model {
	const char *name, *behaviour;
	json_t *config; /* what it was asked with */
} behaving_model;

static gk_code behave(gk_ctx *ctx, json_t *request, json_t **ret, gk_error *err)
{
	behaving_model *model = gk_ctx_user(ctx);

	model->config = json_object_get(request, "config");
	json_incref(model->config);
	if (strcmp(model->behaviour, "ok") != 0)
		return fail_with(model->behaviour, err);
	*ret = json_pack(
		"{s:{s:s, s:[{s:s}]}}", "message", "role", "model", "content", "text", model->name);
	return GK_OK;
}

static void define_behaving(core_app *it, behaving_model *model)
{
	core_app_must(
		gk_define_model(it->app,
			GK_OPTS(gk_model_opts, .name = model->name, .run = behave, .user = model),
			NULL),
		model->name);
}

static json_t *request_with(json_t *config, json_t *use_take)
{
	return json_pack("{s:s, s:[{s:s, s:[{s:s}]}], s:O*, s:[o]}", "model", "primary", "messages",
		"role", "user", "content", "text", "hi", "config", config, "use", use_take);
}

static void fallback(conformance *run, const char *name, json_t *one)
{
	static const char *const names[] = { "primary", "fallback", "fallback2" };
	json_t *options = gk_json_at_peek(one, "input.options");
	bool two = gk_json_bool_at(options, "twoFallbacks", false);
	gk_auto_json json_t *config = json_pack("{s:[{s:s}]}", "models", "name", "fallback"),
			    *request = NULL, *response = NULL, *got = NULL;
	gk_auto_error gk_error err = { 0 };
	behaving_model models[3] = { 0 };
	core_model model;
	core_app it;
	gk_code rc;

	core_model_start(&it, &model, NULL);
	for (size_t i = 0; i < 3; i++) {
		json_t *behaviour = json_array_get(gk_json_at_peek(one, "input.behaviours"), i);

		models[i] = (behaving_model){ names[i],
			behaviour ? json_string_value(behaviour) : "ok", NULL };
		define_behaving(&it, &models[i]);
	}
	if (two)
		json_array_append_new(
			json_object_get(config, "models"), json_pack("{s:s}", "name", "fallback2"));
	if (json_object_get(options, "statuses"))
		json_object_set(config, "statuses", json_object_get(options, "statuses"));
	request = request_with(NULL, json_pack("{s:s, s:O}", "name", "fallback", "config", config));
	rc = core_model_call(&it, "/util/generate", request, NULL, &response, &err);
	got = json_pack("{s:s}", "result",
		rc == GK_OK    ? gk_json_str_peek(response, "message.content[0].text")
		: err.is_plain ? "<plain>"
			       : gk_code_name(rc));
	conformance_expect(run, name, got, json_object_get(one, "expect"));
	for (size_t i = 0; i < 3; i++)
		json_decref(models[i].config);
	core_model_stop(&it, &model);
}

static void fallback_config(conformance *run, const char *name, json_t *one)
{
	behaving_model primary = { "primary", "UNAVAILABLE", NULL }, other = { "m2", "ok", NULL };
	json_t *isolates = gk_json_at_peek(one, "input.isolateConfig");
	gk_auto_json json_t *request = NULL, *response = NULL, *got = json_object();
	gk_auto_error gk_error err = { 0 };
	core_model model;
	core_app it;

	core_model_start(&it, &model, NULL);
	define_behaving(&it, &primary);
	define_behaving(&it, &other);
	request = request_with(gk_json_at_peek(one, "input.requestConfig"),
		json_pack("{s:s, s:{s:[O], s:O*}}", "name", "fallback", "config", "models",
			gk_json_at_peek(one, "input.fallback"), "isolateConfig", isolates));
	core_app_must(
		core_model_call(&it, "/util/generate", request, NULL, &response, &err), "call");
	json_object_set_new(
		got, "config", other.config ? json_incref(other.config) : json_string("$absent"));
	conformance_expect(run, name, got, json_object_get(one, "expect"));
	json_decref(primary.config);
	json_decref(other.config);
	core_model_stop(&it, &model);
}

/* --- the order of hooks --- */

static json_t *trace;

static void say(const char *who, const char *hook, const char *when)
{
	json_array_append_new(trace, json_sprintf("%s:%s:%s", who, hook, when));
}

static gk_code around_turn(
	gk_ctx *ctx, const gk_turn *turn, gk_next *next, void *state, json_t **ret, gk_error *err)
{
	gk_code rc;

	say(state, "generate", "start");
	rc = gk_next_turn(ctx, next, turn, ret, err);
	say(state, "generate", "end");
	return rc;
}

static gk_code around_model(
	gk_ctx *ctx, json_t *request, gk_next *next, void *state, json_t **ret, gk_error *err)
{
	gk_code rc;

	say(state, "model", "start");
	rc = gk_next_run(ctx, next, request, ret, err);
	say(state, "model", "end");
	return rc;
}

static gk_code around_tool(
	gk_ctx *ctx, json_t *part, gk_next *next, void *state, json_t **ret, gk_error *err)
{
	gk_code rc;

	say(state, "tool", "start");
	rc = gk_next_run(ctx, next, part, ret, err);
	say(state, "tool", "end");
	return rc;
}

static gk_code traced_tool(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	(void)ctx, (void)input, (void)err;
	json_array_append_new(trace, json_string("tool"));
	*ret = json_string("x");
	return GK_OK;
}

static gk_code traced_model(gk_ctx *ctx, json_t *request, json_t **ret, gk_error *err)
{
	const int *tool_turns = gk_ctx_user(ctx);
	bool calls = (int)json_array_size(json_object_get(request, "messages")) <= 2 * *tool_turns;

	(void)err;
	json_array_append_new(trace, json_string("model"));
	*ret = calls ? json_pack("{s:{s:s, s:[{s:{s:s}}]}}", "message", "role", "model", "content",
			       "toolRequest", "name", "traced")
		     : json_pack("{s:{s:s, s:[{s:s}]}}", "message", "role", "model", "content",
			       "text", "done");
	return GK_OK;
}

static bool has_hook(json_t *hooks, const char *name)
{
	json_t *hook;
	size_t i;

	json_array_foreach (hooks, i, hook)
		if (strcmp(json_string_value(hook), name) == 0)
			return true;
	return false;
}

static void middleware_order(conformance *run, const char *name, json_t *one)
{
	int tool_turns = (int)gk_json_int_at(one, "input.toolTurns", 0);
	json_t *hooks = gk_json_at_peek(one, "input.hooks"), *use;
	gk_auto_json json_t *request = request_with(NULL, json_null()), *response = NULL,
			    *got = NULL;
	gk_auto_error gk_error err = { 0 };
	core_model model;
	core_app it;
	size_t i;

	trace = json_array();
	core_model_start(&it, &model, NULL);
	core_app_must(
		gk_define_model(it.app,
			GK_OPTS(gk_model_opts, .name = "primary", .supports = GK_SUPPORTS_TOOLS,
				.run = traced_model, .user = &tool_turns),
			NULL),
		"primary");
	core_app_must(gk_define_tool(it.app,
			      GK_OPTS(gk_tool_opts, .name = "traced", .description = "d",
				      .run = traced_tool),
			      NULL),
		"traced");
	json_object_set_new(request, "tools", json_pack("[s]", "traced"));
	json_array_clear(json_object_get(request, "use"));
	json_array_foreach (gk_json_at_peek(one, "input.use"), i, use) {
		const char *who = json_string_value(use);

		core_app_must(
			gk_define_middleware(it.app,
				GK_OPTS(gk_middleware_opts, .name = who,
					.generate =
						has_hook(hooks, "generate") ? around_turn : NULL,
					.model = has_hook(hooks, "model") ? around_model : NULL,
					.tool = has_hook(hooks, "tool") ? around_tool : NULL,
					.user = (void *)who),
				NULL),
			who);
		json_array_append_new(
			json_object_get(request, "use"), json_pack("{s:s}", "name", who));
	}
	core_app_must(
		core_model_call(&it, "/util/generate", request, NULL, &response, &err), "call");
	got = json_pack("{s:O}", "trace", trace);
	conformance_expect(run, name, got, json_object_get(one, "expect"));
	core_model_stop(&it, &model);
	json_decref(trace);
}

const core_op core_middleware_ops[] = {
	{ .op = "augmentWithContext", .run = augment_with_context },
	{ .op = "fallback", .run = fallback },
	{ .op = "fallbackConfig", .run = fallback_config },
	{ .op = "middlewareOrder", .run = middleware_order },
	{ .op = "retry", .run = retry },
	{ .op = "retryAfter", .run = retry_after },
	{ .op = "simulateConstrainedGeneration", .run = simulate_constrained },
	{ .op = "simulateSystemPrompt", .run = simulate_system_prompt },
	{ .op = "validateSupport", .run = validate_support },
	{ 0 },
};
