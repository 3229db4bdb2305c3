/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "unit.h"

#include "base/limits.h"
#include "server/jsonrpc.h"

#include <stdio.h>

static gk_loop *loop;
static gk_rpc_inbox *inbox;
static char heard[4096];
static bool frees;

static void hear(json_t *value, const gk_error *err, void *user)
{
	gk_auto_str char *text =
		value && !json_object_get(value, "big") ? gk_json_write(value, NULL) : NULL;

	(void)user;
	strcat(heard, err ? "error" : text ? text : "big");
	strcat(heard, " ");
	if (frees) {
		gk_rpc_inbox_free(inbox);
		inbox = NULL;
	}
}

static void setup(void)
{
	ck_assert_int_eq(gk_loop_new(&loop, NULL), GK_OK);
	inbox = gk_rpc_inbox_new(loop, hear, NULL);
	ck_assert_ptr_nonnull(inbox);
	heard[0] = '\0';
	frees = false;
}

static void teardown(void)
{
	gk_rpc_inbox_free(inbox);
	gk_loop_run(loop);
	gk_loop_free(loop);
}

static void put(const char *text)
{
	ck_assert_int_eq(gk_rpc_inbox_put(inbox, text, strlen(text), NULL), GK_OK);
}

/* More than the loop parses itself. */
static void put_big(bool broken)
{
	size_t len = GK_PARSE_ON_LOOP + 100;
	gk_auto_str char *text = malloc(len);

	memset(text, ' ', len);
	memcpy(text, "{\"big\":1}", 9);
	if (broken)
		text[len - 1] = '!';
	ck_assert_int_eq(gk_rpc_inbox_put(inbox, text, len, NULL), GK_OK);
}

START_TEST(small_messages_are_handed_out_at_once)
{
	put("1");
	ck_assert_str_eq(heard, "1 ");
	put("{");
	put("");
	ck_assert_str_eq(heard, "1 error error ");
}
END_TEST

START_TEST(messages_keep_their_order_behind_a_large_one)
{
	put("1");
	put_big(false);
	put("2");
	put_big(true);
	put("3");
	ck_assert_str_eq(heard, "1 ");
	gk_loop_run(loop);
	ck_assert_str_eq(heard, "1 big 2 error 3 ");
	put("4");
	ck_assert_str_eq(heard, "1 big 2 error 3 4 ");
}
END_TEST

START_TEST(what_waits_is_limited)
{
	size_t len = GK_MAX_WS_MESSAGE;
	char *text = malloc(len);

	memset(text, ' ', len);
	put_big(false);
	ck_assert_int_eq(gk_rpc_inbox_put(inbox, text, len, NULL), GK_OK);
	ck_assert_int_eq(gk_rpc_inbox_put(inbox, text, len, NULL), GK_OK);
	ck_assert_int_eq(gk_rpc_inbox_put(inbox, text, len, NULL), GK_RESOURCE_EXHAUSTED);
	free(text);
	gk_rpc_inbox_free(inbox);
	inbox = NULL;
	gk_loop_run(loop);
	ck_assert_str_eq(heard, "");
}
END_TEST

START_TEST(it_may_be_freed_while_it_hands_out)
{
	frees = true;
	put("1");
	ck_assert_str_eq(heard, "1 ");
	ck_assert_ptr_null(inbox);
}
END_TEST

START_TEST(it_may_be_freed_in_the_middle_of_many)
{
	frees = true;
	put_big(false);
	put("2");
	put("3");
	gk_loop_run(loop);
	ck_assert_str_eq(heard, "big ");
	frees = false;
}
END_TEST

/* --- messages --- */

static bool reads(const char *text)
{
	gk_auto_json json_t *value = json(text);
	gk_rpc_message message;

	return gk_rpc_read(value, &message);
}

START_TEST(requests_notifications_and_responses_are_told_apart)
{
	gk_auto_json json_t *value = json("{'method':'m','id':'1','params':{'a':1}}");
	gk_rpc_message message;

	ck_assert(gk_rpc_read(value, &message));
	ck_assert_str_eq(message.method, "m");
	assert_json(message.id, "'1'");
	assert_json(message.params, "{'a':1}");
	ck_assert(reads("{'method':'m'}"));
	ck_assert(reads("{'method':'m','id':7}"));
	ck_assert(reads("{'result':1,'id':'1'}"));
	ck_assert(!reads("{'result':1}"));
	ck_assert(!reads("{'method':7,'id':'1'}"));
	ck_assert(!reads("{'method':'m','id':{}}"));
	ck_assert(!reads("'not an object'"));
	ck_assert(!reads("[]"));
	ck_assert(!reads("{}"));
}
END_TEST

START_TEST(messages_are_written_with_the_id_as_it_came)
{
	gk_auto_json json_t *number = json_integer(20), *text = json_string("5");
	gk_auto_buf gk_buf buf = GK_BUF_INIT(0);

	gk_rpc_begin_result(&buf);
	gk_buf_puts(&buf, "{}");
	gk_rpc_end_result(&buf, number);
	ck_assert_str_eq(buf.data, "{\"jsonrpc\":\"2.0\",\"result\":{},\"id\":20}");
	gk_buf_clear(&buf);
	gk_rpc_error(&buf, text, GK_RPC_INVALID_PARAMS, "no \"x\"");
	ck_assert_str_eq(buf.data,
		"{\"jsonrpc\":\"2.0\",\"error\":{\"code\":-32602,\"message\":\"no \\\"x\\\"\"},\"id\":\"5\"}");
	gk_buf_clear(&buf);
	gk_rpc_begin_error(&buf, GK_RPC_FAILED, "m");
	gk_buf_puts(&buf, "1");
	gk_rpc_end_error(&buf, text);
	ck_assert_str_eq(buf.data,
		"{\"jsonrpc\":\"2.0\",\"error\":{\"code\":-32000,\"message\":\"m\",\"data\":1},\"id\":\"5\"}");
	gk_buf_clear(&buf);
	gk_rpc_begin_request(&buf, "1", "register");
	gk_buf_puts(&buf, "{}");
	gk_rpc_end(&buf);
	ck_assert_str_eq(buf.data,
		"{\"jsonrpc\":\"2.0\",\"id\":\"1\",\"method\":\"register\",\"params\":{}}");
	gk_buf_clear(&buf);
	gk_rpc_begin_notification(&buf, "x");
	gk_buf_puts(&buf, "{}");
	gk_rpc_end(&buf);
	ck_assert_str_eq(buf.data, "{\"jsonrpc\":\"2.0\",\"method\":\"x\",\"params\":{}}");
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("jsonrpc");
	TCase *t = tcase_create("inbox");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, small_messages_are_handed_out_at_once);
	tcase_add_test(t, messages_keep_their_order_behind_a_large_one);
	tcase_add_test(t, what_waits_is_limited);
	tcase_add_test(t, it_may_be_freed_while_it_hands_out);
	tcase_add_test(t, it_may_be_freed_in_the_middle_of_many);
	suite_add_tcase(s, t);
	t = tcase_create("messages");
	tcase_add_test(t, requests_notifications_and_responses_are_told_apart);
	tcase_add_test(t, messages_are_written_with_the_id_as_it_came);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(suite)
