/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Messages: built, and asked what is in them. */
#include "unit.h"

#include <genkit/message.h>

static void assert_text(char *text_take, const char *expected)
{
	ck_assert_str_eq(text_take, expected);
	free(text_take);
}

START_TEST(parts_and_messages_are_what_the_wire_has)
{
	gk_auto_json json_t *data = json("{'k':1}");
	gk_auto_json json_t *message = gk_message_new(
		"user", json_pack("[o, o, o, o, o]", gk_part_text("hi"), gk_part_media("u", NULL),
				gk_part_media("u", "image/png"), gk_part_data(data),
				gk_part_resource("menu://today")));

	assert_json(message,
		"{'role':'user','content':[{'text':'hi'},{'media':{'url':'u'}},{'media':{"
		"'url':'u','contentType':'image/png'}},{'data':{'k':1}},{'resource':{"
		"'uri':'menu://today'}}]}");
}
END_TEST

START_TEST(nothing_is_made_of_nothing)
{
	ck_assert_ptr_null(gk_part_text(NULL));
	ck_assert_ptr_null(gk_part_media(NULL, "image/png"));
	ck_assert_ptr_null(gk_part_data(NULL));
	ck_assert_ptr_null(gk_part_resource(NULL));
	ck_assert_ptr_null(gk_message_new("user", NULL));
	ck_assert_ptr_null(gk_message_new(NULL, json_array()));
	ck_assert_ptr_null(gk_message_of_text("user", NULL));
}
END_TEST

START_TEST(a_message_without_content_says_nothing)
{
	gk_auto_json json_t *message = json("{'role':'model'}"), *requests = NULL;
	json_t *output = NULL;

	assert_text(gk_message_text(message), "");
	assert_text(gk_message_reasoning(NULL), "");
	ck_assert_ptr_null(gk_message_media_peek(message));
	ck_assert_ptr_null(gk_message_data_peek(message));
	requests = gk_message_tool_requests(message);
	assert_json(requests, "[]");
	ck_assert_int_eq(gk_message_output(message, &output, NULL), GK_OK);
	ck_assert_ptr_null(output);
}
END_TEST

START_TEST(data_that_counts_as_false_is_passed_over)
{
	gk_auto_json json_t *message =
		json("{'content':[{'data':null},{'data':0},{'data':''},{'data':'x'}]}");

	assert_json(gk_message_data_peek(message), "'x'");
}
END_TEST

START_TEST(the_output_is_the_data_or_the_json_in_the_text)
{
	gk_auto_json json_t *both = json("{'content':[{'text':'[1]'},{'data':[2]}]}");
	gk_auto_json json_t *text = json("{'content':[{'text':'so: ['},{'text':'1]'}]}");
	gk_auto_json json_t *broken = json("{'content':[{'text':'{a b}'}]}");
	gk_auto_json json_t *one = NULL, *two = NULL;
	gk_auto_error gk_error err = { 0 };

	ck_assert_int_eq(gk_message_output(both, &one, NULL), GK_OK);
	assert_json(one, "[2]");
	ck_assert_int_eq(gk_message_output(text, &two, NULL), GK_OK);
	assert_json(two, "[1]");
	ck_assert_int_eq(gk_message_output(broken, &two, &err), GK_INTERNAL);
	ck_assert(err.is_plain);
}
END_TEST

START_TEST(what_is_no_message_is_refused)
{
	gk_auto_json json_t *number = json("5"), *empty = json("{}");
	json_t *message = NULL;

	ck_assert_int_eq(gk_message_from(number, &message, NULL), GK_INVALID_ARGUMENT);
	ck_assert_int_eq(gk_message_from(empty, &message, NULL), GK_INVALID_ARGUMENT);
	ck_assert_int_eq(gk_message_from(NULL, &message, NULL), GK_INVALID_ARGUMENT);
	ck_assert_ptr_null(message);
}
END_TEST

static json_t *source;

static bool read_and_build(void)
{
	json_t *message = NULL, *requests, *interrupts, *output = NULL;
	bool ok = gk_message_from(source, &message, NULL) == GK_OK;
	char *text = gk_message_text(message);

	requests = gk_message_tool_requests(message);
	interrupts = gk_message_interrupts(message);
	ok = gk_message_output(message, &output, NULL) == GK_OK && ok && text && requests &&
	     interrupts;
	json_decref(message);
	json_decref(requests);
	json_decref(interrupts);
	json_decref(output);
	free(text);
	message = gk_message_new(
		"user", json_pack("[o, o]", gk_part_text("a"), gk_part_media("u", "t")));
	ok = message && ok;
	json_decref(message);
	return ok;
}

START_TEST(messages_without_memory_fail_cleanly)
{
	source = json("{'role':'model','content':['[1, {\\'a\\':2}]',{'toolRequest':{'name':'t'},"
		      "'metadata':{'interrupt':true}}]}");
	fault_sweep(read_and_build);
	json_decref(source);
}
END_TEST

static Suite *suite(void)
{
	Suite *it = suite_create("message");
	TCase *tests = tcase_create("message");

	tcase_add_test(tests, parts_and_messages_are_what_the_wire_has);
	tcase_add_test(tests, nothing_is_made_of_nothing);
	tcase_add_test(tests, a_message_without_content_says_nothing);
	tcase_add_test(tests, data_that_counts_as_false_is_passed_over);
	tcase_add_test(tests, the_output_is_the_data_or_the_json_in_the_text);
	tcase_add_test(tests, what_is_no_message_is_refused);
	tcase_add_test(tests, messages_without_memory_fail_cleanly);
	suite_add_tcase(it, tests);
	return it;
}

UNIT_MAIN(suite)
