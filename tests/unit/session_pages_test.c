/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* The pages of sessions: who gets in, and that a question that is not understood deletes nothing. */
#include "surface.h"
#include "unit.h"

#include "ai/ai.h"
#include "base/limits.h"
#include "server/flows.h"
#include "server/session_pages.h"

#include <genkit/agent.h>
#include <stdio.h>

static gk_flows *flows;
static gk_session_pages *pages;
static gk_http_listener *listener;

static gk_code nod(gk_ctx *ctx, gk_agent_session *session, gk_agent_turn *turn, gk_error *err)
{
	(void)ctx;
	turn->finish_reason = "stop";
	return gk_agent_add_message_take(session, gk_message_of_text("model", "yes"), err);
}

static char *ask(const char *page, const char *headers, const char *body)
{
	gk_auto_str char *what = NULL;

	ck_assert_int_gt(asprintf(&what, "POST /api/sessions/%s", page), 0);
	return surface_ask(listener, what, headers, body);
}

static void assert_sessions(int count)
{
	gk_auto_str char *answer = ask("list", NULL, "{}");
	int found = 0;

	assert_status(answer, 200);
	for (const char *at = answer; (at = strstr(at, "\"sessionId\"")); at++)
		found++;
	ck_assert_int_eq(found, count);
}

static void setup(void)
{
	surface_start();
	ck_assert_int_eq(gk_ai_init(surface_app, NULL), GK_OK);
	ck_assert_int_eq(
		gk_define_agent(surface_app,
			GK_OPTS(gk_agent_opts, .name = "nodder", .turn = nod, .is_stored = true),
			NULL),
		GK_OK);
	flows = surface_flows(NULL);
	pages = gk_session_pages_new(surface_app);
	ck_assert_ptr_nonnull(pages);
	ck_assert_int_eq(gk_session_pages_add(pages, gk_flows_routes(flows), NULL), GK_OK);
	listener = surface_serve(gk_flows_routes(flows));
	for (int i = 0; i < 2; i++) {
		gk_auto_str char *answer = surface_ask(listener, "POST /agents/nodder", NULL,
			i ? "{'data':{'message':{'role':'user','content':[]}},'init':{'sessionId':'a'}}"
			  : "{'data':{'message':{'role':'user','content':[]}},'init':{'sessionId':'b'}}");

		assert_status(answer, 200);
	}
	assert_sessions(2);
}

static void teardown(void)
{
	gk_http_free(listener);
	surface_until(surface_is_idle, NULL);
	gk_session_pages_free(pages);
	gk_flows_free(flows);
	surface_stop();
}

START_TEST(a_session_is_listed_shown_and_deleted)
{
	gk_auto_str char *shown = ask("show", NULL, "{'sessionId':'a','owner':null}"),
			 *deleted = ask("delete", NULL, "{'sessionId':'a'}"),
			 *again = ask("show", NULL, "{'sessionId':'a'}");

	assert_status(shown, 200);
	ck_assert_str_eq(surface_body(deleted), "{\"deleted\":1}");
	assert_status(again, 404);
	assert_sessions(1);
}
END_TEST

START_TEST(a_question_that_is_not_understood_deletes_nothing)
{
	static const char *const bodies[] = { "{'store':'nodder','sessionId':1}",
		"{'store':'nodder','owner':[]}", "{'store':'nodder','sessionID':'a'}",
		"{'store':false,'owner':''}", "['nodder']", "'nodder'", "{}", "",
		"{'store':'nodder'" };

	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		gk_auto_str char *answer = ask("delete", NULL, bodies[i]);

		ck_assert_msg(strstr(answer, "\"INVALID_ARGUMENT\""), "%s: %s", bodies[i], answer);
		assert_status(answer, 400);
	}
	assert_sessions(2);
}
END_TEST

START_TEST(a_long_question_is_read_aside)
{
	gk_auto_str char *body = malloc(GK_PARSE_ON_LOOP + 64), *answer = NULL;

	ck_assert_ptr_nonnull(body);
	memset(body, ' ', GK_PARSE_ON_LOOP + 1);
	strcpy(body + GK_PARSE_ON_LOOP + 1, "{'sessionId':'b'}");
	answer = ask("delete", NULL, body);
	ck_assert_str_eq(surface_body(answer), "{\"deleted\":1}");
	assert_sessions(1);
}
END_TEST

START_TEST(each_page_is_for_the_key_or_for_nobody)
{
	static const char *const names[] = { "list", "show", "delete" }, *const keys[] = {
		"sesame"
	};
	const gk_routes *routes = gk_flows_routes(flows);
	gk_context_provider *admin = NULL;

	ck_assert_int_eq(gk_api_key_provider(keys, 1, &admin, NULL), GK_OK);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		gk_auto_str char *without = NULL, *wrong = NULL, *right = NULL, *closed = NULL;

		gk_session_pages_set_access(pages, routes, admin, false);
		without = ask(names[i], NULL, "{'sessionId':'a'}");
		assert_status(without, 401);
		wrong = ask(names[i], "Authorization: open\r\n", "{'sessionId':'a'}");
		assert_status(wrong, 403);
		right = ask(names[i], "Authorization: Bearer sesame\r\n", "{'sessionId':'a'}");
		assert_status(right, 200);
		gk_session_pages_set_access(pages, routes, NULL, true);
		closed = ask(names[i], "Authorization: sesame\r\n", "{'sessionId':'b'}");
		assert_status(closed, 404);
	}
	gk_context_provider_unref(admin);
	gk_session_pages_set_access(pages, routes, NULL, false);
	assert_sessions(1);
}
END_TEST

static Suite *suite(void)
{
	Suite *it = suite_create("session_pages");
	TCase *tests = tcase_create("session_pages");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, a_session_is_listed_shown_and_deleted);
	tcase_add_test(tests, a_question_that_is_not_understood_deletes_nothing);
	tcase_add_test(tests, a_long_question_is_read_aside);
	tcase_add_test(tests, each_page_is_for_the_key_or_for_nobody);
	suite_add_tcase(it, tests);
	return it;
}

UNIT_MAIN(suite)
