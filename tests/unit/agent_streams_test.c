/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* What becomes of an agent's turn when its client goes, comes back, or cannot be told everything. */
#include "http_client.h"
#include "surface.h"
#include "unit.h"

#include "ai/ai.h"
#include "server/flows.h"

#include <genkit/agent.h>
#include <stdio.h>
#include <unistd.h>

static gk_flows *flows;
static gk_http_listener *listener;
static bool may_end; /* a turn that says "wait" */
static unsigned called_off, ended;
static char stream[80]; /* the header that asks for it again */

/* Sends a chunk, "wait" waits, "long" sends one more than a small store holds. */
static gk_code take_turn(gk_ctx *ctx, gk_agent_session *session, gk_agent_turn *turn, gk_error *err)
{
	const char *said = gk_json_str_peek(turn->input, "message.content[0].text");
	gk_code rc = gk_ctx_send(ctx, json_pack("{s:{s:[]}}", "modelChunk", "begun"), err);

	if (rc == GK_OK && strcmp(said, "long") == 0)
		rc = gk_ctx_send(ctx,
			json_pack("{s:{s:o}}", "modelChunk", "text", json_sprintf("%01000d", 0)),
			err);
	while (rc == GK_OK && strcmp(said, "wait") == 0 && !may_end)
		rc = gk_sleep(ctx, 1, err);
	called_off += rc == GK_CANCELLED;
	ended += rc == GK_OK;
	turn->finish_reason = "stop";
	return rc == GK_OK ? gk_agent_add_message_take(
				     session, gk_message_of_text("model", "well"), err)
			   : rc;
}

static void be_durable(size_t max_bytes)
{
	gk_stream_store *store;

	ck_assert_int_eq(
		gk_stream_memory_new(surface_loop,
			GK_OPTS(gk_stream_memory_opts, .max_bytes = max_bytes), &store, NULL),
		GK_OK);
	ck_assert_int_eq(
		gk_flows_configure(flows, GK_OPTS(gk_flows_opts, .streams = store), NULL), GK_OK);
	gk_stream_store_unref(store);
}

static void setup(void)
{
	may_end = false;
	called_off = ended = 0;
	surface_start();
	ck_assert_int_eq(gk_ai_init(surface_app, NULL), GK_OK);
	ck_assert_int_eq(gk_define_agent(surface_app,
				 GK_OPTS(gk_agent_opts, .name = "talker", .turn = take_turn,
					 .is_stored = true),
				 NULL),
		GK_OK);
	flows = surface_flows(NULL);
	listener = surface_serve(gk_flows_routes(flows));
}

static void teardown(void)
{
	surface_stop_flows(listener, flows);
}

#define TURN(text, more)                                                                           \
	"{'init':{'sessionId':'s'},'data':{'message':{'role':'user','content':[{'text':'" text     \
	"'}]}" more "}}"

static char *ask(const char *path, const char *headers, const char *body)
{
	gk_auto_str char *what = NULL;

	ck_assert_int_gt(asprintf(&what, "POST /agents/talker%s", path), 0);
	return surface_ask(listener, what, headers, body);
}

static void assert_kept(bool is_kept, const char *text)
{
	gk_auto_str char *answer = ask("/getSnapshot", NULL, "{'data':{'sessionId':'s'}}");

	assert_status(answer, is_kept ? 200 : 404);
	ck_assert_msg(strstr(answer, text), "%s", answer);
}

/* Begins a streamed turn that waits, reads until it has begun, and hangs up. */
static void come_and_go(void *user)
{
	static const char body[] =
		"{\"init\":{\"sessionId\":\"s\"},\"data\":{\"message\":{\"role\":\"user\","
		"\"content\":[{\"text\":\"wait\"}]}}}";
	gk_auto_str char *start = NULL, *request = NULL;
	const char *id;
	int fd = http_connect(listener);

	(void)user;
	ck_assert_int_gt(asprintf(&request,
				 "POST /agents/talker?stream=true HTTP/1.1\r\nHost: x\r\n"
				 "Content-Length: %zu\r\n\r\n%s",
				 sizeof(body) - 1, body),
		0);
	http_send(fd, request);
	start = http_read(fd, "begun");
	id = strstr(start, "x-genkit-stream-id: ");
	snprintf(stream, sizeof(stream), "%.*s", id ? 20 + 36 + 2 : 0, id ? id : "");
	close(fd);
}

static bool is_called_off(void *user)
{
	(void)user;
	return called_off > 0;
}

START_TEST(a_client_that_goes_takes_its_turn_with_it)
{
	http_run(surface_loop, come_and_go, NULL);
	surface_until(is_called_off, NULL);
	surface_until(surface_is_idle, NULL);
	ck_assert_uint_eq(ended, 0);
	assert_kept(false, "NOT_FOUND");
}
END_TEST

static void end_it(void *user)
{
	(void)user;
	may_end = true;
}

/* Comes back for the stream; the turn ends only after what was missed has been read. */
static void come_back(void *user)
{
	gk_auto_str char *request = NULL, *replayed = NULL;
	int fd = http_connect(listener);

	ck_assert_int_gt(asprintf(&request,
				 "POST /agents/talker?stream=true HTTP/1.1\r\nHost: x\r\n"
				 "Connection: close\r\n%sContent-Length: 2\r\n\r\n{}",
				 stream),
		0);
	http_send(fd, request);
	replayed = http_read(fd, "begun");
	gk_loop_post(surface_loop, end_it, NULL);
	*(char **)user = http_read(fd, NULL);
	close(fd);
}

START_TEST(with_durable_streams_it_goes_on_and_the_client_comes_back)
{
	gk_auto_str char *rest = NULL;

	be_durable(0);
	http_run(surface_loop, come_and_go, NULL);
	ck_assert_ptr_nonnull(strstr(stream, "x-genkit-stream-id: "));
	http_run(surface_loop, come_back, &rest);
	ck_assert_uint_eq(called_off, 0);
	ck_assert_uint_eq(ended, 1);
	ck_assert_msg(
		strstr(rest, "\"turnEnd\"") && strstr(rest, "data: {\"result\":"), "%s", rest);
	assert_kept(true, "\"completed\"");
}
END_TEST

START_TEST(a_turn_that_was_let_go_ends_without_a_client)
{
	gk_auto_str char *answer = ask("?stream=true", NULL, TURN("wait", ",'detach':true"));

	ck_assert_msg(strstr(answer, "\"finishReason\":\"detached\""), "%s", answer);
	ck_assert_msg(!strstr(answer, "begun"), "%s", answer);
	assert_kept(true, "\"pending\"");
	may_end = true;
	surface_until(surface_is_idle, NULL);
	assert_kept(true, "\"completed\"");
}
END_TEST

START_TEST(a_record_without_room_costs_chunks_but_not_the_turn)
{
	gk_auto_str char *answer = NULL;

	be_durable(900);
	answer = ask("?stream=true", NULL, TURN("long", ""));
	ck_assert_msg(strstr(answer, "begun") && !strstr(answer, "00000"), "%s", answer);
	ck_assert_msg(strstr(answer, "data: {\"result\":"), "%s", answer);
	assert_kept(true, "\"completed\"");
}
END_TEST

static Suite *suite(void)
{
	Suite *it = suite_create("agent_streams");
	TCase *tests = tcase_create("agent_streams");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, a_client_that_goes_takes_its_turn_with_it);
	tcase_add_test(tests, with_durable_streams_it_goes_on_and_the_client_comes_back);
	tcase_add_test(tests, a_turn_that_was_let_go_ends_without_a_client);
	tcase_add_test(tests, a_record_without_room_costs_chunks_but_not_the_turn);
	suite_add_tcase(it, tests);
	return it;
}

UNIT_MAIN(suite)
