/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * Whose a session is: alice has one, with a detached run and a recorded stream; bob, somebody without a name, and others try
 * every way there is to it. For them nothing of it exists.
 */
#include "surface.h"
#include "unit.h"

#include "ai/ai.h"
#include "server/flows.h"
#include "server/reflection.h"

#include <genkit/agent.h>
#include <stdio.h>

static gk_flows *flows;
static gk_reflection *reflection;
static gk_http_listener *listener, *tools;
static char snapshot[40], session[40], detached[40], stream[40]; /* alice's */

/* --- a diary: it says how many messages it knows; "wait" takes for ever --- */

static gk_code write_on(gk_ctx *ctx, gk_agent_session *diary, gk_agent_turn *turn, gk_error *err)
{
	size_t known = json_array_size(gk_agent_messages_peek(diary));
	const char *said = gk_json_str_peek(turn->input, "message.content[0].text");
	gk_code rc = GK_OK;

	if (said && strcmp(said, "wait") == 0)
		rc = gk_sleep(ctx, 3600 * 1000, err);
	turn->finish_reason = "stop";
	if (rc == GK_OK)
		rc = gk_agent_add_message_take(diary,
			gk_message_of_text("model", gk_ctx_printf(ctx, "I know %zu.", known)), err);
	return rc;
}

#define SAY(text) "'data':{'message':{'role':'user','content':[{'text':'" text "'}]}}"

static char *post(const char *path, const char *who, const char *more, const char *body)
{
	gk_auto_str char *what = NULL, *headers = NULL;

	ck_assert_int_gt(asprintf(&what, "POST %s", path), 0);
	ck_assert_int_gt(asprintf(&headers, "Authorization: %s\r\n%s", who, more ? more : ""), 0);
	return surface_ask(listener, what, headers, body);
}

/* The text behind `before`, up to a quote or a line's end. */
static void find(char ret[40], const char *answer, const char *before)
{
	const char *at = strstr(answer, before);
	size_t len;

	ck_assert_msg(at, "no %s in %s", before, answer);
	at += strlen(before);
	len = strcspn(at, "\"\r");
	ck_assert_uint_eq(len, 36);
	memcpy(ret, at, len);
	ret[len] = '\0';
}

static void live_alice(void)
{
	gk_auto_str char *first = post("/agents/diary", "alice", "Accept: text/event-stream\r\n",
				 "{" SAY("secret") ",'init':{}}"),
			 *body = NULL, *second = NULL;

	find(stream, first, "x-genkit-stream-id: ");
	find(snapshot, first, "\"snapshotId\":\"");
	find(session, first, "\"sessionId\":\"");
	ck_assert_int_gt(asprintf(&body,
				 "{'data':{'message':{'role':'user','content':[{'text':'wait'}]},"
				 "'detach':true},'init':{'snapshotId':'%s'}}",
				 snapshot),
		0);
	second = post("/agents/diary", "alice", NULL, body);
	ck_assert_msg(strstr(second, "\"finishReason\":\"detached\""), "%s", second);
	find(detached, second, "\"snapshotId\":\"");
}

static void setup(void)
{
	static const char *const keys[] = { "alice", "bob", NULL };
	gk_context_provider *provider;
	gk_stream_store *store;
	static gk_runtime runtime = { .version = "1" };

	surface_start();
	ck_assert_int_eq(gk_ai_init(surface_app, NULL), GK_OK);
	ck_assert_int_eq(gk_define_agent(surface_app,
				 GK_OPTS(gk_agent_opts, .name = "diary", .turn = write_on,
					 .is_stored = true),
				 NULL),
		GK_OK);
	ck_assert_int_eq(gk_api_key_provider(keys, 2, &provider, NULL), GK_OK);
	ck_assert_int_eq(gk_stream_memory_new(surface_loop, NULL, &store, NULL), GK_OK);
	flows = surface_flows(GK_OPTS(gk_flows_opts, .provider = provider, .streams = store));
	gk_context_provider_unref(provider);
	gk_stream_store_unref(store);
	listener = surface_serve(gk_flows_routes(flows));
	ck_assert_int_eq(gk_reflection_new(surface_app, &runtime, &reflection, NULL), GK_OK);
	tools = surface_serve(gk_reflection_routes(reflection));
	ck_assert_int_eq(
		gk_reflection_bind(reflection, gk_http_address(tools), gk_http_port(tools), NULL),
		GK_OK);
	live_alice();
}

static void teardown(void)
{
	gk_http_free(listener);
	gk_http_free(tools);
	gk_app_cancel_runs(surface_app);
	surface_until(surface_is_idle, NULL);
	gk_flows_free(flows);
	gk_reflection_free(reflection);
	surface_stop();
}

/* --- every way --- */

#define MAX_BODY 512

/* A way to alice's things, with what tells that they are there, and what tells that they are not. */
static const struct way {
	const char *name;
	const char *path; /* of the flow server; NULL: reflection */
	const char
		*body; /* $S, $X, $D: alice's snapshot, session and detached run; $C: the context */
	const char *mine, *missing;
} ways[] = {
	{ "a turn from a snapshot", "/agents/diary", "{" SAY("more") ",'init':{'snapshotId':'$S'}}",
		"I know 3.", "\"NOT_FOUND\"" },
	{ "the same, as a flow", "/diary", "{" SAY("more") ",'init':{'snapshotId':'$S'}}",
		"I know 3.", "\"NOT_FOUND\"" },
	{ "the same, as a stream", "/agents/diary?stream=true",
		"{" SAY("more") ",'init':{'snapshotId':'$S'}}", "I know 3.", "\"NOT_FOUND\"" },
	{ "a turn from a snapshot of its session", "/agents/diary",
		"{" SAY("more") ",'init':{'snapshotId':'$S','sessionId':'$X'}}", "I know 3.",
		"\"NOT_FOUND\"" },
	{ "a look by snapshot", "/agents/diary/getSnapshot", "{'data':{'snapshotId':'$S'}}",
		"secret", "404 Not Found" },
	{ "a look by session", "/agents/diary/getSnapshot", "{'data':{'sessionId':'$X'}}", "secret",
		"404 Not Found" },
	{ "a look at the detached run", "/diary/getSnapshot", "{'data':{'snapshotId':'$D'}}",
		"\"pending\"", "404 Not Found" },
	{ "a turn by the tools", NULL,
		"{'key':'/agent/diary','input':{'message':{'role':'user','content':[{'text':'more'}]}},"
		"'init':{'snapshotId':'$S'},'context':$C}",
		"I know 3.", "\"NOT_FOUND\"" },
	{ "a look by the tools", NULL,
		"{'key':'/agent-snapshot/diary','input':{'snapshotId':'$S'},'context':$C}",
		"secret", "NOT_FOUND: Snapshot" },
	{ "a look by the tools, by session", NULL,
		"{'key':'/agent-snapshot/diary','input':{'sessionId':'$X'},'context':$C}", "secret",
		"NOT_FOUND: Snapshot" },
};

static void fill(char ret[MAX_BODY], const char *body, const char *context)
{
	size_t len = 0;

	for (; *body; body++) {
		const char *in = *body != '$'     ? NULL
				 : body[1] == 'S' ? snapshot
				 : body[1] == 'X' ? session
				 : body[1] == 'D' ? detached
						  : context;

		ck_assert_uint_lt(len + 100, MAX_BODY);
		if (!in) {
			ret[len++] = *body;
			continue;
		}
		memcpy(ret + len, in, strlen(in));
		len += strlen(in);
		body++;
	}
	ret[len] = '\0';
}

/* `key`: of the flow server; `context`: what the tools are told. */
static char *go(const struct way *way, const char *key, const char *context)
{
	char body[MAX_BODY];

	fill(body, way->body, context);
	return way->path ? post(way->path, key, NULL, body)
			 : surface_ask(tools, "POST /api/runAction", NULL, body);
}

static void assert_reaches(const char *key, const char *context, bool is_hers)
{
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		gk_auto_str char *answer = go(&ways[i], key, context);
		const char *there = strstr(answer, ways[i].mine),
			   *missing = strstr(answer, ways[i].missing);

		ck_assert_msg(is_hers ? there && !missing : missing && !there, "%s, as %s: %s",
			ways[i].name, key, answer);
	}
}

START_TEST(its_owner_reaches_it_in_every_way)
{
	assert_reaches("alice", "{'auth':{'apiKey':'alice'}}", true);
	assert_reaches("Bearer alice", "{'auth':{'apiKey':'alice'},'other':1}", true);
}
END_TEST

START_TEST(to_anybody_else_it_does_not_exist)
{
	assert_reaches("bob", "{'auth':{'apiKey':'bob'}}", false);
	assert_reaches("bob", "{}", false);
	assert_reaches("bob", "{'auth':{'uid':'alice'}}", false);
	assert_reaches("bob", "{'auth':{'apiKey':'alice','uid':''}}", false);
	assert_reaches("alice", "{'auth':{'apiKey':'alice'}}", true);
}
END_TEST

START_TEST(somebody_elses_session_id_begins_a_session_of_ones_own)
{
	gk_auto_str char *theirs = NULL, *hers = NULL;
	char body[MAX_BODY];

	fill(body, "{" SAY("more") ",'init':{'sessionId':'$X'}}", NULL);
	theirs = post("/agents/diary", "bob", NULL, body);
	ck_assert_msg(strstr(theirs, "I know 1."), "%s", theirs);
	fill(body, "{'data':{'sessionId':'$X'}}", NULL);
	hers = post("/agents/diary/getSnapshot", "alice", NULL, body);
	ck_assert_msg(strstr(hers, detached), "%s", hers); /* the leaf is what it was */
}
END_TEST

START_TEST(nobody_else_stops_a_detached_run)
{
	gk_auto_str char *bobs = NULL, *by_tools = NULL, *hers = NULL;
	char body[MAX_BODY];

	fill(body, "{'data':{'snapshotId':'$D'}}", NULL);
	bobs = post("/agents/diary/abort", "bob", NULL, body);
	assert_status(bobs, 200);
	ck_assert_msg(!strstr(bobs, "\"status\""), "%s", bobs);
	fill(body, "{'key':'/agent-abort/diary','input':{'snapshotId':'$D'},'context':$C}", "{}");
	by_tools = surface_ask(tools, "POST /api/runAction", NULL, body);
	ck_assert_msg(!strstr(by_tools, "\"status\""), "%s", by_tools);
	fill(body, "{'data':{'snapshotId':'$D'}}", NULL);
	hers = post("/agents/diary/abort", "alice", NULL, body);
	ck_assert_msg(strstr(hers, "\"status\":\"pending\""), "%s", hers);
}
END_TEST

START_TEST(nobody_else_resumes_a_recorded_stream)
{
	static const char *const paths[] = { "/agents/diary?stream=true", "/diary?stream=true",
		"/agents/diary/getSnapshot?stream=true", "/echo?stream=true" };
	gk_auto_str char *header = NULL, *hers = NULL;

	ck_assert_int_gt(asprintf(&header, "x-genkit-stream-id: %s\r\n", stream), 0);
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		gk_auto_str char *bobs = post(paths[i], "bob", header, "{}");

		assert_status(bobs, 204);
	}
	hers = post(paths[0], "alice", header, "{}");
	ck_assert_msg(strstr(hers, snapshot), "%s", hers);
}
END_TEST

static Suite *suite(void)
{
	Suite *it = suite_create("agent_access");
	TCase *tests = tcase_create("agent_access");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, its_owner_reaches_it_in_every_way);
	tcase_add_test(tests, to_anybody_else_it_does_not_exist);
	tcase_add_test(tests, somebody_elses_session_id_begins_a_session_of_ones_own);
	tcase_add_test(tests, nobody_else_stops_a_detached_run);
	tcase_add_test(tests, nobody_else_resumes_a_recorded_stream);
	suite_add_tcase(it, tests);
	return it;
}

UNIT_MAIN(suite)
