/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Agents on the flow server: their paths, their streams, and whose a recorded stream is. */
#include "surface.h"
#include "unit.h"

#include "base/limits.h"
#include "server/flows.h"

#include <stdio.h>

static gk_flows *flows;
static gk_http_listener *listener;

static void configure(const gk_flows_opts *opts)
{
	ck_assert_int_eq(gk_flows_configure(flows, opts, NULL), GK_OK);
}

/* --- what stands in for agents --- */

/* {key, got, init}: who was reached with what; "fail" as input fails. */
static gk_code tell(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	gk_auto_json json_t *item = NULL;
	gk_code rc = gk_ctx_receive(ctx, &item, err);

	(void)input;
	if (rc == GK_OK && json_is_string(item))
		return gk_error_set(err, GK_FAILED_PRECONDITION, "%s", json_string_value(item));
	if (rc == GK_OK)
		rc = gk_ctx_send(ctx, json_string("chunk"), err);
	if (rc == GK_OK)
		*ret = json_pack("{s:s, s:O*, s:O*}", "key", (const char *)gk_ctx_user(ctx), "got",
			item, "init", gk_ctx_init(ctx));
	return rc;
}

static void define(const char *type, const char *name, char *key)
{
	gk_error err = { 0 };
	gk_action_opts opts = { .size = sizeof(opts),
		.type = type,
		.name = name,
		.run = tell,
		.user = key,
		.is_bidi = true };

	ck_assert_msg(gk_define_action(surface_app, &opts, &err) == GK_OK, "%s", err.message);
}

static void setup(void)
{
	static char chef[] = "chef", snapshot[] = "snapshot", abort[] = "abort", desk[] = "desk",
		    flow[] = "flow", odd[] = "odd";

	surface_start();
	define("agent", "chef", chef);
	define("agent-snapshot", "chef", snapshot);
	define("agent-abort", "chef", abort);
	define("agent", "support/desk", desk);
	define("agent", "both", desk);
	define("flow", "both", flow);
	define("agent", "odd/abort", odd);
	flows = surface_flows(NULL);
	listener = surface_serve(gk_flows_routes(flows));
}

static void teardown(void)
{
	surface_stop_flows(listener, flows);
}

/* Who answers a POST to the path; the test fails when its status is another. */
static void assert_reached(const char *path, const char *key)
{
	gk_auto_str char *what = NULL, *answer = NULL, *found = NULL;

	ck_assert_int_gt(asprintf(&what, "POST %s", path), 0);
	ck_assert_int_gt(asprintf(&found, "{\"result\":{\"key\":\"%s\"", key ? key : ""), 0);
	answer = surface_ask(listener, what, NULL, "{'data':{}}");
	assert_status(answer, key ? 200 : 404);
	if (key)
		ck_assert_msg(strstr(answer, found), "%s reaches %s", path, answer);
}

/* --- paths --- */

START_TEST(an_agent_and_its_companions_have_a_path_each)
{
	assert_reached("/agents/chef", "chef");
	assert_reached("/agents/chef/getSnapshot", "snapshot");
	assert_reached("/agents/chef/abort", "abort");
	assert_reached("/agents/support/desk", "desk");
	assert_reached("/agents/support/desk/getSnapshot", NULL);
	assert_reached("/agents/nobody", NULL);
	assert_reached("/agents/", NULL);
	assert_reached("/agents/chef/", NULL);
	assert_reached("/agents/chef/other", NULL);
	assert_reached("/agents//abort", NULL);
}
END_TEST

START_TEST(agents_are_reached_like_flows_too)
{
	assert_reached("/chef", "chef");
	assert_reached("/chef/getSnapshot", "snapshot");
	assert_reached("/support/desk", "desk");
	assert_reached("/both", "flow"); /* a flow comes first */
	assert_reached("/agents/both", "desk");
	assert_reached("/agents/odd/abort", "odd"); /* an agent of that name, no companion */
}
END_TEST

START_TEST(the_agents_prefix_can_be_chosen)
{
	configure(GK_OPTS(gk_flows_opts, .prefix = "api/", .agents = "bots/"));
	assert_reached("/api/bots/chef/abort", "abort");
	assert_reached("/api/chef", "chef");
	assert_reached("/api/agents/chef", NULL);
	assert_reached("/bots/chef", NULL);
	configure(GK_OPTS(gk_flows_opts, .agents = ""));
	assert_reached("/chef/abort", "abort");
	assert_reached("/agents/chef", NULL);
}
END_TEST

START_TEST(only_the_agents_that_are_named_are_served)
{
	static const char *const served[] = { "both", "agents/chef", NULL };

	configure(GK_OPTS(gk_flows_opts, .served = served));
	assert_reached("/agents/chef", "chef");
	assert_reached("/chef/abort", "abort");
	assert_reached("/support/desk", NULL);
	assert_reached("/agents/both", NULL);
	assert_reached("/both", "flow");
}
END_TEST

START_TEST(a_name_beyond_the_limit_is_not_found)
{
	char path[GK_MAX_ACTION_NAME + 64];

	for (size_t len = GK_MAX_ACTION_NAME - 16; len < GK_MAX_ACTION_NAME + 16; len++) {
		memcpy(path, "/agents/", 8);
		memset(path + 8, 'x', len);
		strcpy(path + 8 + len, "/getSnapshot");
		assert_reached(path, NULL);
	}
}
END_TEST

START_TEST(init_is_passed_on)
{
	gk_auto_str char *answer = surface_ask(
		listener, "POST /agents/chef", NULL, "{'data':{'a':1},'init':{'sessionId':'s'}}");

	assert_status(answer, 200);
	ck_assert_str_eq(surface_body(answer),
		"{\"result\":{\"key\":\"chef\",\"got\":{\"a\":1},\"init\":{\"sessionId\":\"s\"}}}");
}
END_TEST

/* --- streams --- */

#define FAILURE "data: {\"error\":{\"status\":\"FAILED_PRECONDITION\",\"message\":\"no\"}}\n\n"

static void be_durable(gk_context_provider *provider)
{
	gk_stream_store *store;

	ck_assert_int_eq(gk_stream_memory_new(surface_loop, NULL, &store, NULL), GK_OK);
	configure(GK_OPTS(gk_flows_opts, .streams = store, .provider = provider));
	gk_stream_store_unref(store);
}

/* The header that asks for the stream again; the caller frees it. */
static char *stream_of(const char *answer)
{
	const char *id = strstr(answer, "x-genkit-stream-id: ");

	ck_assert_msg(id, "no stream id: %s", answer);
	return strndup(id, 20 + 36 + 2);
}

START_TEST(every_event_of_an_agents_stream_is_data)
{
	gk_auto_str char *answer = surface_ask(
				 listener, "POST /agents/chef?stream=true", NULL, "{'data':{}}"),
			 *failed = surface_ask(listener, "POST /agents/chef",
				 "Accept: Text/Event-Stream\r\n", "{'data':'no'}");

	assert_header(answer, "Content-Type: text/event-stream");
	ck_assert_str_eq(surface_body(answer),
		"data: {\"message\":\"chunk\"}\n\n"
		"data: {\"result\":{\"key\":\"chef\",\"got\":{}}}\n\n");
	assert_status(failed, 200);
	ck_assert_str_eq(surface_body(failed), FAILURE);
}
END_TEST

START_TEST(an_agents_failure_is_replayed_as_it_was)
{
	gk_auto_str char *answer = NULL, *stream = NULL, *again = NULL;

	be_durable(NULL);
	answer = surface_ask(listener, "POST /agents/chef?stream=true", NULL, "{'data':'no'}");
	stream = stream_of(answer);
	again = surface_ask(listener, "POST /agents/chef?stream=true", stream, "{}");
	ck_assert_str_eq(surface_body(answer), FAILURE);
	ck_assert_str_eq(surface_body(again), FAILURE);
}
END_TEST

static void assert_stream(const char *path, const char *key, const char *stream, int status)
{
	gk_auto_str char *headers = NULL, *answer = NULL;

	ck_assert_int_gt(asprintf(&headers, "%sAuthorization: %s\r\n", stream, key), 0);
	answer = surface_ask(listener, path, headers, "{}");
	assert_status(answer, status);
}

START_TEST(a_stream_is_found_by_its_owner_and_its_action_only)
{
	static const char *const keys[] = { "alices", "bobs" };
	gk_context_provider *provider = NULL;
	gk_auto_str char *answer = NULL, *stream = NULL;

	ck_assert_int_eq(gk_api_key_provider(keys, 2, &provider, NULL), GK_OK);
	be_durable(provider);
	gk_context_provider_unref(provider);
	answer = surface_ask(listener, "POST /agents/chef?stream=true", "Authorization: alices\r\n",
		"{'data':{}}");
	stream = stream_of(answer);
	assert_stream("POST /agents/chef?stream=true", "alices", stream, 200);
	assert_stream("POST /chef?stream=true", "alices", stream, 200);
	assert_stream("POST /agents/chef?stream=true", "Bearer alices", stream, 200);
	assert_stream("POST /agents/chef?stream=true", "bobs", stream, 204);
	assert_stream("POST /agents/support/desk?stream=true", "alices", stream, 204);
	assert_stream("POST /agents/chef/abort?stream=true", "alices", stream, 204);
	assert_stream("POST /three?stream=true", "alices", stream, 204);
	configure(GK_OPTS(gk_flows_opts, .prefix = NULL));
}
END_TEST

static Suite *suite(void)
{
	Suite *it = suite_create("flow_agents");
	TCase *tests = tcase_create("flow_agents");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, an_agent_and_its_companions_have_a_path_each);
	tcase_add_test(tests, agents_are_reached_like_flows_too);
	tcase_add_test(tests, the_agents_prefix_can_be_chosen);
	tcase_add_test(tests, only_the_agents_that_are_named_are_served);
	tcase_add_test(tests, a_name_beyond_the_limit_is_not_found);
	tcase_add_test(tests, init_is_passed_on);
	tcase_add_test(tests, every_event_of_an_agents_stream_is_data);
	tcase_add_test(tests, an_agents_failure_is_replayed_as_it_was);
	tcase_add_test(tests, a_stream_is_found_by_its_owner_and_its_action_only);
	suite_add_tcase(it, tests);
	return it;
}

UNIT_MAIN(suite)
