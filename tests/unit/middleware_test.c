/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Middleware as C code writes and uses it; the texts of the built-in ones are replayed by the conformance runner. */
#include "models.h"

#include "base/limits.h"
#include "core/span.h"
#include "server.h"

#include <genkit/message.h>
#include <genkit/testing.h>

#include <stdio.h>

#define DONE "{'message':{'role':'model','content':[{'text':'done'}]},'finishReason':'stop'}"
#define CALL(name)                                                                                 \
	"{'message':{'role':'model','content':[{'toolRequest':{'name':'" name                      \
	"','input':{'a':1,'b':2}}}]}}"

static void define(const gk_middleware_opts *opts)
{
	ck_assert_int_eq(gk_define_middleware(core_app, opts, NULL), GK_OK);
}

/* --- functions around a model --- */

static gk_code add_config(
	gk_ctx *ctx, json_t *request, gk_next *next, void *user, json_t **ret, gk_error *err)
{
	gk_auto_json json_t *own = json_copy(request);
	json_t *config = json_copy(json_object_get(own, "config"));

	json_object_set_new(config ? config : (config = json_object()), user, json_true());
	json_object_set_new(own, "config", config);
	return gk_next_run(ctx, next, own, ret, err);
}

static gk_code say_config(gk_ctx *ctx, json_t *request, json_t **ret, gk_error *err)
{
	gk_auto_str char *text = gk_json_write(json_object_get(request, "config"), NULL);

	(void)ctx, (void)err;
	*ret = json_pack("{s:o}", "message", gk_message_of_text("model", text));
	return GK_OK;
}

START_TEST(functions_of_a_call_are_around_those_of_the_model)
{
	const gk_model_middleware of_model[] = { { add_config, "model" }, { 0 } };
	const gk_model_middleware of_call[] = { { add_config, "first" }, { add_config, "second" },
		{ 0 } };
	gk_auto_json json_t *response = NULL;

	ck_assert_int_eq(gk_define_model(core_app,
				 GK_OPTS(gk_model_opts, .name = "wrapped", .use = of_model,
					 .run = say_config),
				 NULL),
		GK_OK);
	response = models_generate(GK_OPTS(
		gk_generate_opts, .model = "wrapped", .prompt = "hi", .middleware = of_call));
	ck_assert_str_eq(gk_json_str_peek(response, "message.content[0].text"),
		"{\"first\":true,\"second\":true,\"model\":true}");
	ck_assert_str_eq(gk_json_str_peek(core_attributes("wrapped"), "genkit:input"),
		"{\"messages\":[{\"role\":\"user\",\"content\":[{\"text\":\"hi\"}]}],"
		"\"config\":{\"first\":true,\"second\":true,\"model\":true},\"tools\":[],"
		"\"output\":{}}");
}
END_TEST

#define COUNTED                                                                                    \
	"{'message':{'role':'model','content':[{'text':'done'}]},'usage':{'outputTokens':1}}"

static gk_code say_usage(gk_ctx *ctx, json_t *request, json_t **ret, gk_error *err)
{
	(void)ctx, (void)request, (void)err;
	*ret = json(COUNTED);
	return GK_OK;
}

/* In place, as nobody should: the answer is not only its own. */
static gk_code count_more(
	gk_ctx *ctx, json_t *request, gk_next *next, void *user, json_t **ret, gk_error *err)
{
	gk_code rc = gk_next_run(ctx, next, request, ret, err);

	(void)user;
	if (rc == GK_OK)
		json_object_set_new(
			json_object_get(*ret, "usage"), "outputTokens", json_integer(7));
	return rc;
}

static json_t
	*shown_tokens; /* by name of the span: outputTokens of its output, as SpanData has it */

static void show_tokens(const gk_span *span, void *user)
{
	gk_auto_buf gk_buf text = GK_BUF_INIT(0);
	gk_auto_json json_t *data = NULL, *output = NULL;

	(void)user;
	gk_span_append_data(&text, span);
	data = json_loads(text.data, 0, NULL);
	output = json_loads(json_string_value(json_object_get(
				    json_object_get(data, "attributes"), "genkit:output")),
		JSON_DECODE_ANY, NULL);
	json_object_set_new(shown_tokens, span->name,
		json_integer(gk_json_int_at(output, "usage.outputTokens", 0)));
}

START_TEST(what_middleware_changes_in_an_answer_is_shown_where_it_is_seen)
{
	const gk_span_observer viewer = { .ended = show_tokens };
	const gk_model_middleware counting[] = { { count_more, NULL }, { 0 } };
	const gk_generate_opts calls[] = { { .model = "counted" },
		{ .model = "scripted", .middleware = counting }, { .model = "scripted" } };

	ck_assert_int_eq(gk_define_model(core_app,
				 GK_OPTS(gk_model_opts, .name = "counted", .use = counting,
					 .run = say_usage),
				 NULL),
		GK_OK);
	ck_assert(gk_app_add_observer(core_app, &viewer));
	shown_tokens = json_object();
	for (size_t i = 0; i < 3; i++) {
		gk_generate_opts call = calls[i];

		models_script("[" COUNTED "]");
		call.size = sizeof(call);
		call.prompt = "hi";
		json_decref(models_generate(&call));
		ck_assert_int_eq(gk_json_int_at(shown_tokens, call.model, 0), 1);
		ck_assert_int_eq(gk_json_int_at(shown_tokens, "generate", 0), i < 2 ? 7 : 1);
	}
	gk_app_remove_observer(core_app, &viewer);
	json_decref(shown_tokens);
}
END_TEST

static gk_code shout_chunk(gk_ctx *ctx, json_t *chunk, void *user, gk_error *err)
{
	(void)chunk, (void)user;
	return gk_ctx_send(ctx, json_pack("{s:[{s:s}]}", "content", "text", "HA"), err);
}

static gk_code shout(
	gk_ctx *ctx, json_t *request, gk_next *next, void *user, json_t **ret, gk_error *err)
{
	(void)user;
	gk_next_set_on_chunk(next, shout_chunk, NULL);
	return gk_next_run(ctx, next, request, ret, err);
}

START_TEST(middleware_may_take_the_chunks_of_the_model)
{
	const gk_model_middleware use[] = { { shout, NULL }, { 0 } };
	gk_auto_json json_t *chunks = json_array(), *response = NULL;

	models_script("[{'chunks':[{'content':[{'text':'hm'}]}],'resp':" DONE "}]");
	response = models_generate(GK_OPTS(gk_generate_opts, .prompt = "hi", .middleware = use,
		.on_chunk = models_keep_chunk, .user = chunks));
	assert_json(chunks, "[{'role':'model','index':0,'content':[{'text':'HA'}]}]");
}
END_TEST

/* --- named middleware --- */

static unsigned open_count, close_count;

static gk_code open_it(gk_ctx *ctx, json_t *config, void *user, gk_tool_list *tools,
	void **state_ret, gk_error *err)
{
	gk_action *tool = NULL;
	gk_code rc = gk_tool_new(gk_ctx_app(ctx),
		GK_OPTS(gk_tool_opts, .name = "own", .description = "d", .run = core_echo), &tool,
		err);

	(void)user;
	ck_assert_int_eq(gk_json_int_at(config, "n", 0), 7);
	ck_assert_int_eq(rc, GK_OK);
	ck_assert(gk_tool_list_add(tools, tool));
	gk_action_unref(tool);
	open_count++;
	*state_ret = json_array();
	return GK_OK;
}

static void close_it(void *state)
{
	close_count++;
	json_decref(state);
}

static gk_code announce(
	gk_ctx *ctx, const gk_turn *turn, gk_next *next, void *state, json_t **ret, gk_error *err)
{
	gk_turn own = *turn;
	gk_code rc = gk_ctx_send(
		ctx, json_pack("{s:s, s:[{s:s}]}", "role", "user", "content", "text", "hey"), err);

	json_array_append_new(state, json_integer(turn->current));
	ck_assert_int_eq(json_array_size(state), turn->current + 1); /* one state for all turns */
	own.message_index++;
	return rc == GK_OK ? gk_next_turn(ctx, next, &own, ret, err) : rc;
}

START_TEST(a_piece_of_middleware_is_opened_once_and_offers_its_tools)
{
	gk_auto_json json_t *use = json("[{'name':'own','config':{'n':7}}]"),
			    *chunks = json_array(), *response = NULL;

	open_count = close_count = 0;
	models_script("[" CALL("own") "," DONE "]");
	define(GK_OPTS(gk_middleware_opts, .name = "own", .open = open_it, .close = close_it,
		.generate = announce));
	response = models_generate(GK_OPTS(gk_generate_opts, .prompt = "hi", .use_json = use,
		.on_chunk = models_keep_chunk, .user = chunks));
	assert_json(gk_json_at_peek(response, "request.messages[2].content[0].toolResponse"),
		"{'name':'own','output':{'a':1,'b':2}}");
	ck_assert_str_eq(gk_json_str_peek(json_array_get(models_saw, 0), "tools[0].name"), "own");
	ck_assert_uint_eq(open_count, 1);
	ck_assert_uint_eq(close_count, 1);
	assert_json(chunks,
		"[{'role':'user','index':0,'content':[{'text':'hey'}]},"
		"{'role':'tool','index':2,'content':[{'toolResponse':{'name':'own','output':"
		"{'a':1,'b':2}}}]},{'role':'user','index':3,'content':[{'text':'hey'}]}]");
}
END_TEST

static gk_code swallow(
	gk_ctx *ctx, json_t *part, gk_next *next, void *state, json_t **ret, gk_error *err)
{
	(void)ctx, (void)part, (void)next, (void)state, (void)ret, (void)err;
	return GK_OK;
}

START_TEST(a_tool_hook_may_swallow_the_request)
{
	static const char *const tools[] = { "add", NULL }, *const use[] = { "swallow", NULL };
	gk_auto_json json_t *response = NULL;

	models_script("[" CALL("add") "," DONE "]");
	define(GK_OPTS(gk_middleware_opts, .name = "swallow", .tool = swallow));
	response = models_generate(
		GK_OPTS(gk_generate_opts, .prompt = "hi", .tools = tools, .use = use));
	ck_assert_uint_eq(json_array_size(gk_json_at_peek(response, "request.messages")), 2);
}
END_TEST

START_TEST(middleware_is_listed_with_what_it_says_of_itself)
{
	gk_auto_json json_t *metadata = json("{'k':1}");

	define(GK_OPTS(gk_middleware_opts, .name = "own", .description = "d",
		.config = "n: integer", .metadata = metadata, .tool = swallow));
	assert_json(gk_value_peek(core_app, "middleware", "own"),
		"{'name':'own','description':'d','configSchema':{'type':'object','properties':{"
		"'n':{'type':'integer'}},'required':['n'],'additionalProperties':false},"
		"'metadata':{'k':1}}");
	ck_assert_ptr_nonnull(gk_value_peek(core_app, "middleware", "retry"));
	ck_assert_int_eq(
		gk_define_middleware(core_app, GK_OPTS(gk_middleware_opts, .name = ""), NULL),
		GK_INVALID_ARGUMENT);
}
END_TEST

/* --- tool approval --- */

START_TEST(a_tool_that_is_not_approved_waits_for_a_person)
{
	static const char *const tools[] = { "add", NULL };
	gk_auto_json json_t *use = json("[{'name':'toolApproval','config':{'approved':['ask']}}]"),
			    *first = NULL, *second = NULL, *resume = NULL, *messages = NULL,
			    *approved = json("{'toolApproved':true}");

	models_script("[" CALL("add") "," DONE "]");
	first = models_generate(
		GK_OPTS(gk_generate_opts, .prompt = "hi", .tools = tools, .use_json = use));
	assert_json(gk_json_at_peek(first, "message.content[0].metadata.interrupt"),
		"{'message':'Tool not in approved list: add'}");
	messages = json_copy(gk_json_at_peek(first, "request.messages"));
	json_array_append(messages, json_object_get(first, "message"));
	resume = json_pack("{s:o}", "restart",
		gk_tool_restart(gk_json_at_peek(first, "message.content[0]"), approved, NULL));
	second = models_generate(GK_OPTS(gk_generate_opts, .messages = messages, .tools = tools,
		.use_json = use, .resume = resume));
	ck_assert_str_eq(gk_json_str_peek(second, "message.content[0].text"), "done");
}
END_TEST

/* --- retry and fallback --- */

START_TEST(a_call_that_was_called_off_is_not_tried_again)
{
	static const char *const use[] = { "retry", NULL };
	gk_auto_json json_t *script = json("[{'text':'late','delayMs':3600000}]");

	ck_assert_int_eq(gk_define_test_models(core_app, NULL), GK_OK);
	ck_assert_int_eq(gk_test_script(core_app, script, NULL), GK_OK);
	models_fail(GK_OPTS(gk_generate_opts, .model = "test/programmable", .prompt = "hi",
			    .use = use, .timeout_ms = 5),
		GK_DEADLINE_EXCEEDED, "Generation deadline exceeded.");
	ck_assert_uint_eq(json_array_size(gk_test_calls_peek(core_app)), 1);
}
END_TEST

START_TEST(after_failures_other_models_are_asked)
{
	static const char *const models[] = { "nowhere", "scripted", NULL };
	gk_fallback_opts opts = { .size = sizeof(opts), .models = models };
	const gk_model_middleware use[] = { { gk_fallback, &opts }, { 0 } };
	gk_auto_json json_t *script = json("[{'status':'UNAVAILABLE'}]"), *response = NULL;

	models_script("[" DONE "]");
	ck_assert_int_eq(gk_define_test_models(core_app, NULL), GK_OK);
	ck_assert_int_eq(gk_test_script(core_app, script, NULL), GK_OK);
	response = models_generate(GK_OPTS(
		gk_generate_opts, .model = "test/programmable", .prompt = "hi", .middleware = use));
	ck_assert_str_eq(gk_json_str_peek(response, "message.content[0].text"), "done");
}
END_TEST

/* --- media --- */

static void say_image(server *self, int fd)
{
	char heard[4096];

	(void)self;
	while (server_hear(fd, heard, sizeof(heard)))
		server_say(fd, strstr(heard, "GET /none")
				       ? "HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\ngone"
				       : "HTTP/1.1 200 OK\r\nContent-Type: image/png\r\n"
					 "Content-Length: 3\r\n\r\nabc");
}

static json_t *media_message(server *peer, const char *path)
{
	return json_pack("[{s:{s:s}, s:{s:i}}, {s:s}, {s:{s:s}}]", "media", "url",
		server_url(peer, "http", path), "metadata", "k", 1, "text", "and", "media", "url",
		"gs://stays");
}

START_TEST(media_are_fetched_for_models_that_cannot)
{
	const gk_model_middleware use[] = { { gk_download_request_media, NULL }, { 0 } };
	server *peer = server_start(say_image, NULL);
	gk_auto_json json_t *parts = media_message(peer, "/image"), *response = NULL,
			    *missing = media_message(peer, "/none?key=secret");
	gk_auto_str char *refusal = NULL;
	gk_download_media_opts small = { .size = sizeof(small), .max_bytes = 2 };
	const gk_model_middleware limited[] = { { gk_download_request_media, &small }, { 0 } };

	models_script("[" DONE "]");
	response = models_generate(
		GK_OPTS(gk_generate_opts, .prompt_parts = parts, .middleware = use));
	assert_json(gk_json_at_peek(json_array_get(models_saw, 0), "messages[0].content"),
		"[{'media':{'contentType':'image/png','url':'data:image/png;base64,YWJj'}},"
		"{'text':'and'},{'media':{'url':'gs://stays'}}]");
	ck_assert_int_gt(asprintf(&refusal, "HTTP error downloading media '%s': gone",
				 server_url(peer, "http", "/none")),
		0);
	models_fail(GK_OPTS(gk_generate_opts, .prompt_parts = missing, .middleware = use),
		GK_INTERNAL, refusal);
	ck_assert_uint_eq(json_array_size(models_saw), 1);
	free(gk_steal(refusal));
	ck_assert_int_gt(asprintf(&refusal, "%s: the response has more than 2 bytes",
				 server_url(peer, "http", "/image")),
		0);
	models_fail(GK_OPTS(gk_generate_opts, .prompt_parts = parts, .middleware = limited),
		GK_RESOURCE_EXHAUSTED, refusal);
	server_stop(peer);
}
END_TEST

static Suite *suite(void)
{
	Suite *it = suite_create("middleware");
	TCase *tests = tcase_create("middleware");

	tcase_add_checked_fixture(tests, models_start, models_stop);
	tcase_add_test(tests, functions_of_a_call_are_around_those_of_the_model);
	tcase_add_test(tests, what_middleware_changes_in_an_answer_is_shown_where_it_is_seen);
	tcase_add_test(tests, middleware_may_take_the_chunks_of_the_model);
	tcase_add_test(tests, a_piece_of_middleware_is_opened_once_and_offers_its_tools);
	tcase_add_test(tests, a_tool_hook_may_swallow_the_request);
	tcase_add_test(tests, middleware_is_listed_with_what_it_says_of_itself);
	tcase_add_test(tests, a_tool_that_is_not_approved_waits_for_a_person);
	tcase_add_test(tests, a_call_that_was_called_off_is_not_tried_again);
	tcase_add_test(tests, after_failures_other_models_are_asked);
	tcase_add_test(tests, media_are_fetched_for_models_that_cannot);
	suite_add_tcase(it, tests);
	return it;
}

UNIT_MAIN(suite)
