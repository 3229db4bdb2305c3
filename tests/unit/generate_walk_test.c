/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * Calls of generate that wait wherever code of a user, or the library, can wait, called off at each of these places: they
 * end with what called them off, and nothing is left of them.
 */
#include "models.h"
#include "server.h"

#include <genkit/agent.h>

#include <stdio.h>

/* --- places --- */

/* Every place where code of a user waits. */
enum place {
	MODEL,
	AFTER_CHUNK,
	CHUNK_TAKER,
	TOOL,
	DYNAMIC_TOOL,
	PROVIDER,
	RESOURCE,
	INTERRUPTING_TOOL,
	RESTARTED_TOOL,
	OPEN,
	BEFORE_TURN,
	AFTER_TURN,
	BEFORE_MODEL,
	AFTER_MODEL,
	BEFORE_TOOL,
	AFTER_TOOL,
	BROKEN_MODEL,
	AGENT,
	PROMPT_SYSTEM, /* from here on: before generate begins */
	PROMPT_MESSAGES,
	PROMPT_TEXT,
	PROMPT_DOCS,
	PLACES
};

static unsigned waits, call_off_at; /* the n-th wait of the run under way is its last */
static gk_code reason;
static enum place last_place;
static gk_run *run; /* NULL: gk_run_start() has not returned yet */
static bool is_due; /* it is to be called off as soon as it has */
static bool was_called_off_at[PLACES];

/* Waits, for one turn of the loop. */
static gk_code wait_at(enum place place, gk_error *err)
{
	if (++waits == call_off_at) {
		was_called_off_at[place] = true;
		last_place = place;
		is_due = !run;
		if (run)
			gk_run_cancel(run, reason);
	}
	return gk_fiber_yield(err);
}

/* --- a call that waits everywhere --- */

static json_t *tool_requests(const char *first, const char *second)
{
	return json_pack("{s:{s:s, s:[{s:{s:s, s:s, s:{s:s}}}, {s:{s:s}}]}}", "message", "role",
		"model", "content", "toolRequest", "name", first, "ref", "1", "input", "task", "t",
		"toolRequest", "name", second);
}

/* It asks for two tools, then for one that interrupts, and is done when that was answered. */
static gk_code slow_model(gk_ctx *ctx, json_t *request, json_t **ret, gk_error *err)
{
	json_t *messages = json_object_get(request, "messages"), *message;
	int answers = 0;
	size_t i;
	gk_code rc = wait_at(MODEL, err);

	if (rc == GK_OK)
		rc = gk_ctx_send(ctx, json_pack("{s:[{s:s}]}", "content", "text", "hm"), err);
	if (rc == GK_OK)
		rc = wait_at(AFTER_CHUNK, err);
	if (rc != GK_OK)
		return rc;
	json_array_foreach (messages, i, message)
		answers += strcmp(gk_json_str_peek(message, "role"), "tool") == 0;
	if (answers == 0)
		*ret = tool_requests("slow", "deep");
	else if (answers == 1)
		*ret = tool_requests("delegate_to_helper", "ask");
	else
		*ret = json_pack("{s:{s:s, s:[{s:s}]}}", "message", "role", "model", "content",
			"text", "done");
	return GK_OK;
}

static gk_code broken_model(gk_ctx *ctx, json_t *request, json_t **ret, gk_error *err)
{
	gk_code rc = wait_at(BROKEN_MODEL, err);

	(void)ctx, (void)request, (void)ret;
	return rc == GK_OK ? gk_error_set(err, GK_UNAVAILABLE, "broken") : rc;
}

static gk_code slow_tool(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	gk_code rc = wait_at(gk_ctx_user(ctx) ? DYNAMIC_TOOL : TOOL, err);

	(void)input;
	if (rc == GK_OK)
		*ret = json_string("done");
	return rc;
}

static gk_code slow_interrupt(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	bool is_restarted = gk_ctx_resumed(ctx) != NULL;
	gk_code rc = wait_at(is_restarted ? RESTARTED_TOOL : INTERRUPTING_TOOL, err);

	(void)input;
	if (rc == GK_OK && !is_restarted)
		return gk_interrupt(ctx, NULL, err);
	if (rc == GK_OK)
		*ret = json_string("answered");
	return rc;
}

static gk_code slow_provider(gk_ctx *ctx, gk_action_list *list, void *user, gk_error *err)
{
	gk_action *tool = NULL;
	gk_code rc = wait_at(PROVIDER, err);

	(void)user;
	if (rc == GK_OK)
		rc = gk_tool_new(gk_ctx_app(ctx),
			GK_OPTS(gk_tool_opts, .name = "deep", .description = "d", .run = slow_tool,
				.user = &waits),
			&tool, err);
	if (rc == GK_OK && !gk_action_list_add(list, tool))
		rc = gk_error_no_memory(err);
	gk_action_unref(tool);
	return rc;
}

static gk_code slow_resource(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	gk_code rc = wait_at(RESOURCE, err);

	(void)ctx, (void)input;
	if (rc == GK_OK)
		*ret = json_pack("{s:[{s:s}]}", "content", "text", "menu");
	return rc;
}

static gk_code slow_agent(
	gk_ctx *ctx, gk_agent_session *session, gk_agent_turn *turn, gk_error *err)
{
	(void)ctx, (void)session, (void)turn;
	return wait_at(AGENT, err);
}

static gk_code slow_chunk(gk_ctx *ctx, json_t *chunk, void *user, gk_error *err)
{
	(void)ctx, (void)chunk, (void)user;
	return wait_at(CHUNK_TAKER, err);
}

/* --- middleware --- */

static unsigned opened;

static gk_code open_slow(gk_ctx *ctx, json_t *config, void *user, gk_tool_list *tools,
	void **state_ret, gk_error *err)
{
	gk_code rc = wait_at(OPEN, err);

	(void)ctx, (void)config, (void)user, (void)tools;
	if (rc != GK_OK)
		return rc;
	*state_ret = malloc(1);
	opened++;
	return GK_OK;
}

static void close_slow(void *state)
{
	free(state);
	opened--;
}

static gk_code slow_turn(
	gk_ctx *ctx, const gk_turn *turn, gk_next *next, void *state, json_t **ret, gk_error *err)
{
	gk_code rc = wait_at(BEFORE_TURN, err);

	(void)state;
	if (rc == GK_OK)
		rc = gk_next_turn(ctx, next, turn, ret, err);
	return rc == GK_OK ? wait_at(AFTER_TURN, err) : rc;
}

static gk_code slow_around_model(
	gk_ctx *ctx, json_t *request, gk_next *next, void *state, json_t **ret, gk_error *err)
{
	gk_code rc = wait_at(BEFORE_MODEL, err);

	(void)state;
	if (rc == GK_OK)
		rc = gk_next_run(ctx, next, request, ret, err);
	return rc == GK_OK ? wait_at(AFTER_MODEL, err) : rc;
}

static gk_code slow_around_tool(
	gk_ctx *ctx, json_t *part, gk_next *next, void *state, json_t **ret, gk_error *err)
{
	gk_code rc = wait_at(BEFORE_TOOL, err);

	(void)state;
	if (rc == GK_OK)
		rc = gk_next_run(ctx, next, part, ret, err);
	return rc == GK_OK ? wait_at(AFTER_TOOL, err) : rc;
}

/* --- a prompt --- */

static gk_code prompt_system(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	(void)ctx, (void)input;
	*ret = json_string("S");
	return wait_at(PROMPT_SYSTEM, err);
}

static gk_code prompt_messages(
	gk_ctx *ctx, json_t *input, json_t *history, void *user, json_t **ret, gk_error *err)
{
	(void)ctx, (void)input, (void)history, (void)user;
	*ret = json_array();
	return wait_at(PROMPT_MESSAGES, err);
}

static gk_code prompt_text(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	(void)ctx, (void)input;
	*ret = json_pack("[{s:s}, {s:{s:s}}]", "text", "hi", "resource", "uri", "menu://today");
	return wait_at(PROMPT_TEXT, err);
}

static gk_code prompt_docs(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	(void)ctx, (void)input;
	*ret = json_pack("[{s:[{s:s}]}]", "content", "text", "D");
	return wait_at(PROMPT_DOCS, err);
}

/* --- the flow: a prompt is answered, interrupted, and resumed --- */

static char last_message[256];

static gk_code generate_slowly(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	static const char *const tools[] = { "slow", "things:tool/*", "ask", NULL };
	gk_auto_json json_t *use =
		json("[{'name':'slow'},{'name':'slow'},{'name':'agents','config':"
		     "{'agents':['helper']}},{'name':'fallback','config':{'models':"
		     "[{'name':'slow'}]}}]");
	gk_auto_response gk_response *first = NULL, *second = NULL;
	gk_auto_json json_t *resume = NULL;
	gk_code rc = gk_run_prompt(ctx, "slow", input,
		GK_OPTS(gk_generate_opts, .tools = tools, .use_json = use, .on_chunk = slow_chunk),
		&first, err);

	if (rc == GK_OK) {
		ck_assert_uint_eq(json_array_size(gk_response_interrupts(first)), 1);
		resume = json_pack("{s:o}", "restart",
			gk_tool_restart(
				json_array_get(gk_response_interrupts(first), 0), NULL, NULL));
		rc = gk_generate(ctx,
			GK_OPTS(gk_generate_opts, .model = "slow",
				.messages = gk_response_messages(first), .tools = tools,
				.use_json = use, .resume = resume, .on_chunk = slow_chunk),
			&second, err);
	}
	snprintf(last_message, sizeof(last_message), "%s", rc == GK_OK ? "" : err->message);
	if (rc == GK_OK)
		*ret = json_string(gk_response_text(second));
	return rc;
}

static void must(gk_code rc)
{
	ck_assert_int_eq(rc, GK_OK);
}

static void define_tools(void)
{
	must(gk_define_tool(core_app,
		GK_OPTS(gk_tool_opts, .name = "slow", .description = "d", .run = slow_tool), NULL));
	gk_app_remove_action(core_app, "/tool/ask"); /* that of all tests */
	gk_app_remove_action(core_app, "/tool.v2/ask");
	must(gk_define_tool(core_app,
		GK_OPTS(gk_tool_opts, .name = "ask", .description = "d", .run = slow_interrupt),
		NULL));
	must(gk_define_action_provider(core_app,
		GK_OPTS(gk_provider_opts, .name = "things", .fetch = slow_provider, .ttl_ms = -1),
		NULL));
	must(gk_define_resource(core_app,
		GK_OPTS(gk_resource_opts, .uri = "menu://today", .run = slow_resource), NULL));
	must(gk_define_agent(
		core_app, GK_OPTS(gk_agent_opts, .name = "helper", .turn = slow_agent), NULL));
}

static void define_all(void)
{
	must(gk_define_model(
		core_app, GK_OPTS(gk_model_opts, .name = "slow", .run = slow_model), NULL));
	must(gk_define_model(
		core_app, GK_OPTS(gk_model_opts, .name = "broken", .run = broken_model), NULL));
	define_tools();
	must(gk_define_middleware(core_app,
		GK_OPTS(gk_middleware_opts, .name = "slow", .open = open_slow, .close = close_slow,
			.generate = slow_turn, .model = slow_around_model,
			.tool = slow_around_tool),
		NULL));
	must(gk_define_prompt(core_app,
		GK_OPTS(gk_prompt_opts, .name = "slow", .model = "broken",
			.system_fn = prompt_system, .messages_fn = prompt_messages,
			.prompt_fn = prompt_text, .docs_fn = prompt_docs),
		NULL));
	core_flow("slowly", generate_slowly, NULL);
}

static void assert_end(bool is_told)
{
	const gk_error *err = gk_run_error_peek(run);

	ck_assert_ptr_nonnull(err);
	ck_assert_msg(err->code == reason, "%s", err->message);
	if (is_told)
		ck_assert_str_eq(last_message, reason == GK_CANCELLED
						       ? "Generation cancelled."
						       : "Generation deadline exceeded.");
}

/* Calls it off at the n-th wait. True when it had ended by itself before. */
static bool call_off_at_wait(unsigned n)
{
	bool had_ended;

	waits = 0;
	call_off_at = n;
	is_due = false;
	run = NULL;
	run = core_begin(GK_OPTS(gk_run_opts, .key = "/flow/slowly"));
	if (is_due)
		gk_run_cancel(run, reason);
	core_finish(run);
	had_ended = waits < n;
	if (had_ended && gk_run_error_peek(run))
		ck_abort_msg("%s", gk_run_error_peek(run)->message);
	if (had_ended)
		assert_json(gk_run_result_peek(run), "'done'");
	else
		assert_end(last_place < PROMPT_SYSTEM);
	gk_run_unref(run);
	ck_assert_uint_eq(gk_fiber_count(core_loop), 0);
	ck_assert_uint_eq(opened, 0);
	return had_ended;
}

START_TEST(a_call_ends_wherever_it_is_called_off)
{
	static const gk_code reasons[] = { GK_CANCELLED, GK_DEADLINE_EXCEEDED };

	define_all();
	for (size_t i = 0; i < 2; i++) {
		unsigned n = 1;

		reason = reasons[i];
		memset(was_called_off_at, 0, sizeof(was_called_off_at));
		while (!call_off_at_wait(n))
			n++;
		for (size_t place = 0; place < PLACES; place++)
			ck_assert_msg(was_called_off_at[place], "place %zu was not walked", place);
		ck_assert_uint_gt(n, 70);
	}
}
END_TEST

/* --- waits of the library itself --- */

static gk_code ask(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	gk_auto_response gk_response *response = NULL;
	gk_code rc = gk_generate(ctx, gk_ctx_user(ctx), &response, err);

	(void)input, (void)ret;
	snprintf(last_message, sizeof(last_message), "%s", rc == GK_OK ? "" : err->message);
	return rc;
}

/* Calls off a call that waits when `is_so` says so. */
static void call_off_when(const gk_generate_opts *opts, bool (*is_so)(void *user), void *user)
{
	static const gk_code reasons[] = { GK_CANCELLED, GK_DEADLINE_EXCEEDED };

	core_flow("ask", ask, (void *)(uintptr_t)opts);
	for (size_t i = 0; i < 2; i++) {
		reason = reasons[i];
		run = core_begin(GK_OPTS(gk_run_opts, .key = "/flow/ask"));
		core_turn_until(is_so, user);
		ck_assert(!gk_run_is_done(run));
		gk_run_cancel(run, reason);
		core_finish(run);
		assert_end(true);
		gk_run_unref(run);
		ck_assert_uint_eq(gk_fiber_count(core_loop), 0);
	}
}

/* Says the beginning of an image. */
static void stall(server *self, int fd)
{
	char heard[1024];

	(void)self;
	if (server_hear(fd, heard, sizeof(heard)))
		server_say(fd,
			"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nContent-Length: 9\r\n\r\nabc");
	server_hear_end(fd);
}

static unsigned heard;

static bool was_heard(void *peer)
{
	if (server_accepted(peer) <= (int)heard)
		return false;
	heard++;
	return true;
}

START_TEST(a_download_is_called_off)
{
	static const gk_model_middleware use[] = { { gk_download_request_media, NULL }, { 0 } };
	server *peer = server_start(stall, NULL);
	gk_auto_json json_t *parts =
		json_pack("[{s:{s:s}}]", "media", "url", server_url(peer, "http", "/image"));

	heard = 0;
	call_off_when(GK_OPTS(gk_generate_opts, .prompt_parts = parts, .middleware = use),
		was_heard, peer);
	server_stop(peer);
	ck_assert_uint_eq(json_array_size(models_saw), 0);
}
END_TEST

static unsigned failures;

static gk_code fail_now(gk_ctx *ctx, json_t *request, json_t **ret, gk_error *err)
{
	(void)ctx, (void)request, (void)ret;
	failures++;
	return gk_error_set(err, GK_UNAVAILABLE, "broken");
}

static bool has_failed(void *user)
{
	(void)user;
	return failures > 0;
}

START_TEST(the_delay_of_a_retry_is_called_off)
{
	gk_auto_json json_t *use = json("[{'name':'retry','config':{'initialDelayMs':3600000}}]");

	must(gk_define_model(
		core_app, GK_OPTS(gk_model_opts, .name = "failing", .run = fail_now), NULL));
	failures = 0;
	call_off_when(
		GK_OPTS(gk_generate_opts, .model = "failing", .prompt = "hi", .use_json = use),
		has_failed, NULL);
	ck_assert_uint_eq(failures, 2); /* once for each reason */
}
END_TEST

/* A worker's function goes on; who waits for it hears of the end at once, or when it is over. */
static bool has_begun(void *user)
{
	(void)user;
	return json_array_size(models_saw) > 0;
}

START_TEST(reading_a_file_is_called_off)
{
	gk_auto_json json_t *use = json("[{'name':'filesystem','config':{'rootDirectory':'/usr'}},"
					"{'name':'skills','config':{'skillPaths':['/usr']}}]");

	models_script("[{'message':{'role':'model','content':[{'toolRequest':{'name':'list_files',"
		      "'input':{'recursive':true}}}]}}]");
	call_off_when(GK_OPTS(gk_generate_opts, .prompt = "hi", .use_json = use, .max_turns = 999),
		has_begun, NULL);
}
END_TEST

static void start(void)
{
	models_start();
	models_script("[{'message':{'role':'model','content':[{'text':'done'}]}}]");
}

static Suite *suite(void)
{
	Suite *it = suite_create("generate_walk");
	TCase *tests = tcase_create("generate_walk");

	tcase_set_timeout(tests, 60);
	tcase_add_checked_fixture(tests, start, models_stop);
	tcase_add_test(tests, a_call_ends_wherever_it_is_called_off);
	tcase_add_test(tests, a_download_is_called_off);
	tcase_add_test(tests, the_delay_of_a_retry_is_called_off);
	tcase_add_test(tests, reading_a_file_is_called_off);
	suite_add_tcase(it, tests);
	return it;
}

UNIT_MAIN(suite)
