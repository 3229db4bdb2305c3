/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Output formats: defined, looked up, applied to requests, fed with chunks. The vectors (core/formats.yaml) say the rest. */
#include "core.h"

#include "ai/format.h"

static unsigned freed;

static void count_free(void *user)
{
	(void)user;
	freed++;
}

static gk_code read_shout(
	const gk_format_use *use, const json_t *message, json_t **ret, gk_error *err)
{
	gk_auto_str char *text = gk_message_text(message);

	(void)use, (void)err;
	if (strcmp(text, "nothing") == 0)
		return GK_OK;
	*ret = json_sprintf("%s!", text);
	return GK_OK;
}

/* Counts the chunks of a turn. */
static gk_code count_chunks(
	const gk_format_use *use, const gk_format_chunk *chunk, json_t **ret, gk_error *err)
{
	unsigned *count = chunk->state;

	(void)err;
	ck_assert_str_eq(chunk->so_far + chunk->so_far_len - chunk->text_len, chunk->text);
	*ret = json_pack("[i, s, s]", ++*count, chunk->text, use->user);
	return GK_OK;
}

static gk_code refuse_schema(const gk_format_use *use, gk_error *err)
{
	return json_is_true(use->schema) ? gk_error_set(err, GK_INVALID_ARGUMENT, "not that one")
					 : GK_OK;
}

static unsigned states_done;

static void count_done(void *state)
{
	states_done += *(unsigned *)state > 0;
}

static const gk_format_opts shout = { .size = sizeof(shout),
	.name = "shout",
	.content_type = "text/loud",
	.constrained = GK_NO,
	.schema = "name: string",
	.instructions_text = "Shout.",
	.check_schema = refuse_schema,
	.parse_message = read_shout,
	.parse_chunk = count_chunks,
	.state_size = sizeof(unsigned),
	.state_done = count_done,
	.user = "me",
	.free_user = count_free };

static void define(const gk_format_opts *opts)
{
	gk_error err = { 0 };

	if (gk_define_format(core_app, opts, &err) != GK_OK)
		ck_abort_msg("%s", err.message);
}

static gk_output_format *lookup(const char *name)
{
	gk_output_format *format = NULL;

	ck_assert_int_eq(gk_format_lookup(core_app, name, &format, NULL), GK_OK);
	return format;
}

START_TEST(a_format_that_is_defined_is_used)
{
	gk_auto_json json_t *message = gk_message_of_text("model", "hey"), *config = NULL,
			    *value = NULL;
	gk_auto_str char *text = NULL;

	define(&shout);
	ck_assert_int_eq(gk_format_config(core_app, "shout", &config, NULL), GK_OK);
	assert_json(config,
		"{'contentType':'text/loud','constrained':false,'schema':{'type':'object',"
		"'properties':{'name':{'type':'string'}},'required':['name'],"
		"'additionalProperties':false}}");
	ck_assert_int_eq(gk_format_instructions(core_app, "shout", NULL, &text, NULL), GK_OK);
	ck_assert_str_eq(text, "Shout.");
	ck_assert_int_eq(
		gk_format_parse_message(core_app, "shout", NULL, message, &value, NULL), GK_OK);
	assert_json(value, "'hey!'");
}
END_TEST

START_TEST(an_unknown_format_is_told_with_the_known_ones)
{
	gk_output_format *format = NULL;
	gk_error err = { 0 };

	define(&shout);
	ck_assert_int_eq(gk_format_lookup(core_app, "yaml", &format, &err), GK_INVALID_ARGUMENT);
	assert_error(&err, GK_INVALID_ARGUMENT,
		"Unknown output format 'yaml'. Known formats: array, enum, json, jsonl, shout, text.");
	ck_assert_ptr_null(lookup(""));
	ck_assert_ptr_null(lookup(NULL));
}
END_TEST

START_TEST(a_format_that_is_replaced_stays_with_who_uses_it)
{
	gk_auto_json json_t *message = gk_message_of_text("model", "[1]"), *value = NULL;
	gk_format_opts own = shout;
	gk_output_format *old;

	freed = 0;
	own.name = "json"; /* one of Genkit's own */
	define(&own);
	old = lookup("json");
	define(&own);
	ck_assert_uint_eq(freed, 0);
	ck_assert_int_eq(gk_format_read(old, NULL, message, &value, NULL), GK_OK);
	assert_json(value, "'[1]!'");
	gk_format_unref(old);
	ck_assert_uint_eq(freed, 1);
}
END_TEST

START_TEST(a_definition_that_makes_no_sense_is_refused)
{
	gk_format_opts no_name = shout, no_parser = shout, no_schema = shout;
	gk_error err = { 0 };

	no_name.name = "";
	no_parser.parse_message = NULL;
	no_schema.schema = "a: nosuchtype";
	freed = 0;
	ck_assert_int_eq(gk_define_format(core_app, &no_name, NULL), GK_INVALID_ARGUMENT);
	ck_assert_int_eq(gk_define_format(core_app, &no_parser, NULL), GK_INVALID_ARGUMENT);
	ck_assert_int_eq(gk_define_format(core_app, &no_schema, &err), GK_INVALID_ARGUMENT);
	ck_assert_int_eq(strncmp(err.message, "format shout: ", 14), 0);
	gk_error_clear(&err);
	ck_assert_uint_eq(freed, 0);
}
END_TEST

static json_t *applied(const char *name, const char *request_text)
{
	gk_auto_json json_t *request = json(request_text), *before = json_deep_copy(request);
	gk_output_format *format = NULL;
	gk_error err = { 0 };
	json_t *result = NULL;

	if (name)
		format = lookup(name);
	else
		ck_assert_int_eq(gk_format_of_output(core_app, json_object_get(request, "output"),
					 &format, NULL),
			GK_OK);
	if (gk_format_apply(format, request, &result, &err) != GK_OK)
		ck_abort_msg("%s", err.message);
	gk_format_unref(format);
	ck_assert(json_equal(request, before));
	return result;
}

#define USER "'messages':[{'role':'user','content':[{'text':'u'}]}]"

START_TEST(a_schema_without_a_format_stands_for_json)
{
	gk_auto_json json_t *result =
		applied(NULL, "{" USER ",'output':{'jsonSchema':{'type':'object'}}}");

	assert_json(result, "{" USER ",'output':{'format':'json','contentType':'application/json',"
			    "'constrained':true,'defaultInstructions':false,"
			    "'jsonSchema':{'type':'object'}}}");
}
END_TEST

START_TEST(what_a_request_says_goes_over_what_the_format_says)
{
	gk_auto_json json_t *result =
		applied("enum", "{" USER ",'output':{'format':'enum','constrained':false,"
				"'jsonSchema':{'type':'string','enum':['A','B']}}}");

	assert_json(json_object_get(result, "output"),
		"{'contentType':'text/enum','constrained':false,'format':'enum',"
		"'jsonSchema':{'type':'string','enum':['A','B']}}");
	ck_assert_ptr_nonnull(strstr(
		gk_json_str_peek(result, "messages[0].content[1].text"), "add quotes.\n\nA\nB"));
	ck_assert_str_eq(
		gk_json_str_peek(result, "messages[0].content[1].metadata.purpose"), "output");
}
END_TEST

START_TEST(a_request_may_have_its_own_instructions_or_none)
{
	gk_auto_json json_t *own =
		applied("json", "{" USER ",'output':{'format':'json','instructions':'Be brief.'}}");
	gk_auto_json json_t *none = applied("jsonl",
		"{" USER ",'output':{'format':'jsonl','instructions':false,'jsonSchema':{"
		"'type':'array','items':{'type':'object'}}}}");
	gk_auto_json json_t *asked = applied("json",
		"{" USER ",'output':{'format':'json','instructions':true,'jsonSchema':{}}}");

	ck_assert_str_eq(gk_json_str_peek(own, "messages[0].content[1].text"), "Be brief.");
	ck_assert_ptr_null(gk_json_at_peek(none, "messages[0].content[1]"));
	ck_assert_str_eq(gk_json_str_peek(asked, "messages[0].content[1].text"),
		"Output should be in JSON format and conform to the following schema:\n\n```\n{}\n```\n");
}
END_TEST

START_TEST(a_schema_that_is_null_is_none)
{
	static const char *const names[] = { "json", "array", "enum", "jsonl" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		gk_auto_json json_t *result = applied(
			names[i], "{" USER ",'output':{'instructions':true,'jsonSchema':null}}");

		ck_assert_ptr_null(gk_json_at_peek(result, "messages[0].content[1]"));
	}
}
END_TEST

START_TEST(a_request_without_a_format_stays_as_it_is)
{
	gk_auto_json json_t *result = applied(NULL, "{" USER "}");

	assert_json(result, "{" USER "}");
}
END_TEST

START_TEST(a_schema_that_the_format_cannot_do_is_refused_even_without_instructions)
{
	gk_auto_json json_t *request =
		json("{" USER ",'output':{'instructions':false,'jsonSchema':true}}");
	gk_output_format *format;
	gk_error err = { 0 };
	json_t *result = NULL;

	define(&shout);
	format = lookup("shout");
	ck_assert_int_eq(gk_format_apply(format, request, &result, &err), GK_INVALID_ARGUMENT);
	assert_error(&err, GK_INVALID_ARGUMENT, "not that one");
	gk_format_unref(format);
}
END_TEST

static json_t *add(gk_format_turn *turn, const char *chunk_text)
{
	gk_auto_json json_t *chunk = json(chunk_text);
	json_t *output = NULL;

	ck_assert_int_eq(gk_format_turn_add(turn, chunk, NULL), GK_OK);
	ck_assert_int_eq(gk_format_turn_output(turn, &output, NULL), GK_OK);
	return output;
}

static void assert_output(gk_format_turn *turn, const char *chunk, const char *expected)
{
	gk_auto_json json_t *output = add(turn, chunk);

	if (expected)
		assert_json(output, expected);
	else
		ck_assert_ptr_null(output);
}

START_TEST(the_chunks_of_a_turn_share_the_formats_state)
{
	gk_output_format *format;
	gk_format_turn turn, other;

	define(&shout);
	format = lookup("shout");
	gk_format_turn_init(&turn, format, NULL);
	gk_format_turn_init(&other, format, NULL);
	gk_format_unref(format);
	assert_output(&turn, "{'content':[{'text':'a'}]}", "[1,'a','me']");
	assert_output(&other, "{'content':[{'text':'x'}]}", "[1,'x','me']");
	assert_output(&turn, "{'content':[{'text':'b'},{'text':'c'}]}", "[2,'bc','me']");
	ck_assert_str_eq(turn.text.data, "abc");
	states_done = 0;
	gk_format_turn_done(&turn);
	gk_format_turn_done(&other);
	ck_assert_uint_eq(states_done, 2);
}
END_TEST

START_TEST(a_json_chunk_whose_output_nobody_wants_is_not_parsed)
{
	gk_output_format *format = lookup("json");
	gk_auto_json json_t *one = json("{'content':[{'text':'{\\'a\\':[1,'}]}");
	gk_format_turn turn;

	gk_format_turn_init(&turn, format, NULL);
	gk_format_unref(format);
	ck_assert_int_eq(gk_format_turn_add(&turn, one, NULL), GK_OK);
	ck_assert_ptr_null(turn.state);
	assert_output(&turn, "{'content':[{'text':'2'}]}", "{'a':[1,2]}");
	assert_output(&turn, "{'content':[{'text':'3]'}]}", "{'a':[1,23]}");
	assert_output(&turn, "{'content':[{'text':'} .'}]}", "{'a':[1,23]}");
	gk_format_turn_done(&turn);
}
END_TEST

START_TEST(a_chunk_that_a_format_does_not_read_is_its_data_or_the_json_so_far)
{
	gk_output_format *format = lookup("enum");
	gk_format_turn turn;

	gk_format_turn_init(&turn, format, NULL);
	gk_format_unref(format);
	assert_output(&turn, "{'content':[{'text':'no'}]}", NULL);
	assert_output(&turn, "{'content':[{'text':' [1,'}]}", "[1]");
	assert_output(&turn, "{'content':[{'text':'2'},{'data':{'k':1}}]}", "{'k':1}");
	assert_output(&turn, "{'content':[]}", "[1,2]");
	gk_format_turn_done(&turn);
}
END_TEST

START_TEST(the_output_of_a_message_falls_back_to_data_and_json)
{
	gk_auto_json json_t *nothing = gk_message_of_text("model", "nothing"), *one = NULL;
	gk_auto_json json_t *data = json("{'content':[{'text':'nothing'},{'data':3}]}"),
			    *two = NULL;
	gk_output_format *format;

	define(&shout);
	format = lookup("shout");
	ck_assert_int_eq(gk_format_output(format, NULL, nothing, &one, NULL), GK_OK);
	ck_assert_ptr_null(one);
	ck_assert_int_eq(gk_format_output(format, NULL, data, &two, NULL), GK_OK);
	assert_json(two, "3");
	gk_format_unref(format);
}
END_TEST

/* --- without memory --- */

static json_t *request, *chunk;

static bool use_all(void)
{
	static const char *const names[] = { "array", "jsonl", "enum", "json", "text" };
	bool ok = gk_define_format(core_app, &shout, NULL) == GK_OK;

	for (size_t i = 0; i < 5 && ok; i++) {
		gk_output_format *format = NULL;
		json_t *result = NULL, *output = NULL;
		gk_format_turn turn = { 0 };

		ok = gk_format_lookup(core_app, names[i], &format, NULL) == GK_OK &&
		     gk_format_apply(format, request, &result, NULL) == GK_OK;
		gk_format_turn_init(&turn, format, NULL);
		ok = ok && gk_format_turn_add(&turn, chunk, NULL) == GK_OK &&
		     gk_format_turn_output(&turn, &output, NULL) == GK_OK;
		json_decref(output);
		output = NULL;
		ok = ok && gk_format_output(format, NULL, chunk, &output, NULL) == GK_OK;
		gk_format_turn_done(&turn);
		gk_format_unref(format);
		json_decref(result);
		json_decref(output);
	}
	return ok;
}

START_TEST(formats_without_memory_fail_cleanly)
{
	request = json("{" USER ",'output':{'instructions':'i'}}");
	chunk = json("{'content':[{'text':'[{\\'a\\':1}]'},{'text':'{b:2}'}]}");
	fault_sweep(use_all);
	json_decref(request);
	json_decref(chunk);
}
END_TEST

static Suite *suite(void)
{
	Suite *it = suite_create("output_format");
	TCase *tests = tcase_create("output_format");

	tcase_add_checked_fixture(tests, core_start, core_stop);
	tcase_add_test(tests, a_format_that_is_defined_is_used);
	tcase_add_test(tests, an_unknown_format_is_told_with_the_known_ones);
	tcase_add_test(tests, a_format_that_is_replaced_stays_with_who_uses_it);
	tcase_add_test(tests, a_definition_that_makes_no_sense_is_refused);
	tcase_add_test(tests, a_schema_without_a_format_stands_for_json);
	tcase_add_test(tests, what_a_request_says_goes_over_what_the_format_says);
	tcase_add_test(tests, a_request_may_have_its_own_instructions_or_none);
	tcase_add_test(tests, a_schema_that_is_null_is_none);
	tcase_add_test(tests, a_request_without_a_format_stays_as_it_is);
	tcase_add_test(
		tests, a_schema_that_the_format_cannot_do_is_refused_even_without_instructions);
	tcase_add_test(tests, the_chunks_of_a_turn_share_the_formats_state);
	tcase_add_test(tests, a_json_chunk_whose_output_nobody_wants_is_not_parsed);
	tcase_add_test(tests, a_chunk_that_a_format_does_not_read_is_its_data_or_the_json_so_far);
	tcase_add_test(tests, the_output_of_a_message_falls_back_to_data_and_json);
	tcase_add_test(tests, formats_without_memory_fail_cleanly);
	suite_add_tcase(it, tests);
	return it;
}

UNIT_MAIN(suite)
