/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Tools whose names a service would refuse: they go out under others, and come back under their own. */
#include "base/limits.h"
#include "plugins/common/tool_name.h"
#include "provider.h"

#include <stdio.h>

static const gk_tool_grammar plain = { .also = "-" };
static const gk_tool_grammar lettered = { .also = "-.:", .begins_letter = true };

#define TEN  "abcdefghij"
#define LONG TEN TEN TEN TEN TEN TEN "abcd" /* 64 */

static const struct {
	const gk_tool_grammar *grammar;
	const char *name, *sent;
} names[] = {
	{ &plain, "look_up-2", "look_up-2" },
	{ &plain, "", "" },
	{ &plain, "2look", "2look" },
	{ &plain, "fs/read", "fs__read" },
	{ &plain, "a.b c@d", "a_b_c_d" },
	{ &plain, LONG, LONG },
	{ &lettered, "a.b:c-d", "a.b:c-d" },
	{ &lettered, "2look", "_2look" },
	{ &lettered, "-look", "_-look" },
	{ &lettered, "/look", "__look" },
	{ &lettered, "@look", "_look" },
};
#define NAMES (sizeof(names) / sizeof(names[0]))

START_TEST(a_name_goes_out_as_the_service_takes_it)
{
	gk_auto_str char *sent = gk_tool_name_sent(names[_i].grammar, names[_i].name);

	ck_assert_str_eq(sent, names[_i].sent);
}
END_TEST

/* Each differs from the one before in what no service takes. */
START_TEST(names_that_lose_what_tells_them_apart_end_in_a_hash)
{
	static const char *const alike[] = { LONG "x", LONG "y", "\u8aad\u3080", "\u66f8\u304f",
		"caf\u00e9/a" };
	char before[GK_MAX_VENDOR_TOOL_NAME + 1] = "";

	for (size_t i = 0; i < sizeof(alike) / sizeof(alike[0]); i++) {
		gk_auto_str char *sent = gk_tool_name_sent(&plain, alike[i]);
		gk_auto_str char *again = gk_tool_name_sent(&plain, alike[i]);

		ck_assert_str_eq(sent, again);
		ck_assert_str_ne(sent, before);
		ck_assert_uint_le(strlen(sent), GK_MAX_VENDOR_TOOL_NAME);
		ck_assert_uint_eq(strspn(sent, "abcdefghijxyf_0123456789"), strlen(sent));
		snprintf(before, sizeof(before), "%s", sent);
	}
	ck_assert_uint_eq(strlen(before), strlen("caf___a") + 1 + 9);
}
END_TEST

START_TEST(what_comes_back_is_told_by_the_tools_of_the_request)
{
	gk_auto_json json_t *request =
		json("{'tools':[{'name':'a__b'},{'name':'fs/read'},{'name':'a.b'}]}");

	ck_assert_str_eq(gk_tool_name_meant(&plain, request, "fs__read"), "fs/read");
	ck_assert_str_eq(gk_tool_name_meant(&plain, request, "a_b"), "a.b");
	ck_assert_str_eq(gk_tool_name_meant(&plain, request, "a__b"), "a__b");
	ck_assert_str_eq(gk_tool_name_meant(&plain, request, "no__such"), "no__such");
	ck_assert_str_eq(gk_tool_name_meant(&plain, NULL, "no__such"), "no__such");
}
END_TEST

START_TEST(two_tools_of_one_name_are_refused)
{
	gk_auto_json json_t *request =
		json("{'tools':[{'name':'a.b'},{'name':'c'},{'name':'a_b'}]}");
	gk_auto_json json_t *twice = json("{'tools':[{'name':'a.b'},{'name':'a.b'}]}");
	gk_error err = { 0 };

	ck_assert_int_eq(gk_tool_names_check(&plain, "zoo", request, &err), GK_INVALID_ARGUMENT);
	assert_error(&err, GK_INVALID_ARGUMENT,
		"zoo: the tools 'a.b' and 'a_b' have one name for this service, 'a_b'");
	ck_assert_int_eq(gk_tool_names_check(&lettered, "zoo", request, NULL), GK_OK);
	ck_assert_int_eq(gk_tool_names_check(&plain, "zoo", twice, NULL), GK_OK);
}
END_TEST

/* --- the services --- */

#define NAME "%s" /* what the request called its last tool */

static const struct {
	const char *plugin, *options, *key, *names, *whole, *pieces;
} services[] = {
	{ "openai", "{'apiKey':'secret-key'}", "/model/openai/gpt-4o", "tools[%d].function.name",
		"{'choices':[{'message':{'tool_calls':[{'id':'c','function':{'name':'" NAME
		"','arguments':'{}'}}]},'finish_reason':'tool_calls'}]}",
		"data: {'choices':[{'index':0,'delta':{'tool_calls':[{'index':0,'id':'c','function':"
		"{'name':'" NAME "','arguments':'{}'}}]},'finish_reason':'tool_calls'}]}\n\n"
		"data: [DONE]\n\n" },
	{ "mistral", "{'apiKey':'secret-key'}", "/model/mistral/mistral-large-latest",
		"tools[%d].function.name",
		"{'choices':[{'message':{'tool_calls':[{'id':'c','function':{'name':'" NAME
		"','arguments':'{}'}}]},'finish_reason':'tool_calls'}]}",
		"data: {'choices':[{'index':0,'delta':{'tool_calls':[{'index':0,'id':'c','function':"
		"{'name':'" NAME "','arguments':'{}'}}]},'finish_reason':'tool_calls'}]}\n\n"
		"data: [DONE]\n\n" },
	{ "anthropic", "{'apiKey':'secret-key'}", "/model/anthropic/claude-x", "tools[%d].name",
		"{'content':[{'type':'tool_use','id':'c','name':'" NAME
		"','input':{}}],'stop_reason':'tool_use'}",
		"data: {'type':'message_start','message':{'role':'assistant'}}\n\n"
		"data: {'type':'content_block_start','index':0,'content_block':{'type':'tool_use','id':'c',"
		"'name':'" NAME "','input':{}}}\n\n"
		"data: {'type':'content_block_stop','index':0}\n\n"
		"data: {'type':'message_delta','delta':{'stop_reason':'tool_use'}}\n\n"
		"data: {'type':'message_stop'}\n\n" },
	{ "googleai", "{'apiKey':'secret-key'}", "/model/googleai/gemini-2.5-flash",
		"tools[0].functionDeclarations[%d].name",
		"{'candidates':[{'content':{'parts':[{'functionCall':{'name':'" NAME
		"','args':{}}}]},'finishReason':'STOP'}]}",
		"data: {'candidates':[{'content':{'parts':[{'functionCall':{'name':'" NAME
		"','args':{}}}]},'finishReason':'STOP'}]}\n\n" },
};
#define SERVICES (sizeof(services) / sizeof(services[0]))

static int service;
static bool is_streaming;
static json_t *asked; /* the last request's body */

static gk_code call_last_tool(const gk_outgoing *out, provider_reply *reply, gk_error *err)
{
	char path[64];

	(void)err;
	json_decref(asked);
	asked = NULL;
	ck_assert_int_eq(gk_json_parse(out->body, out->body_len, 0, &asked, NULL), GK_OK);
	snprintf(path, sizeof(path), services[service].names, 2);
	ck_assert_ptr_nonnull(gk_json_str_peek(asked, path));
	ck_assert_int_gt(asprintf(&reply->text,
				 is_streaming ? services[service].pieces : services[service].whole,
				 gk_json_str_peek(asked, path)),
		0);
	for (char *c = reply->text; *c; c++)
		*c = *c == '\'' ? '"' : *c;
	if (is_streaming)
		reply->header = "content-type: text/event-stream";
	return GK_OK;
}

static json_t *conversation(void)
{
	return json(
		"{'tools':[{'name':'fs/read','description':'d','inputSchema':{}},"
		"{'name':'ok','description':'d','inputSchema':{}},"
		"{'name':'\u66f8/\u304f','description':'d','inputSchema':{}}],'messages':["
		"{'role':'user','content':[{'text':'hi'}]},"
		"{'role':'model','content':[{'toolRequest':{'name':'fs/read','ref':'r1','input':{}}}]},"
		"{'role':'tool','content':[{'toolResponse':{'name':'fs/read','ref':'r1','output':'x'}}]}]}");
}

static void set_up(void)
{
	core_start();
	provider_start(call_last_tool);
	service = 0;
}

static void tear_down(void)
{
	core_stop();
	json_decref(asked);
	asked = NULL;
}

START_TEST(a_service_hears_no_name_that_it_would_refuse_and_is_understood)
{
	gk_auto_json json_t *input = conversation();
	gk_auto_str char *text = NULL;
	core_sink sink;
	gk_run *run;
	char path[64];

	service = _i / 2;
	is_streaming = _i & 1;
	provider_use(services[service].plugin, services[service].options);
	core_sink_init(&sink);
	run = core_begin(GK_OPTS(gk_run_opts, .key = services[service].key, .input = input,
		.sink = &sink.base, .is_streaming = is_streaming));
	core_finish(run);
	ck_assert_str_eq(
		gk_json_str_peek(gk_run_result_peek(run), "message.content[0].toolRequest.name"),
		"\u66f8/\u304f");
	if (is_streaming)
		ck_assert_str_eq(gk_json_str_peek(json_array_get(sink.chunks, 0),
					 "content[0].toolRequest.name"),
			"\u66f8/\u304f");
	text = gk_json_write(asked, NULL);
	ck_assert_ptr_null(strstr(text, "fs/read"));
	ck_assert_ptr_null(strstr(text, "\u66f8"));
	snprintf(path, sizeof(path), services[service].names, 0);
	ck_assert_str_eq(gk_json_str_peek(asked, path), "fs__read");
	ck_assert_ptr_nonnull(strstr(strstr(text, "fs__read") + 1, "fs__read"));
	gk_run_unref(run);
	core_sink_done(&sink);
}
END_TEST

START_TEST(a_service_is_not_asked_with_two_tools_of_one_name)
{
	for (service = 0; service < (int)SERVICES; service++) {
		gk_auto_json json_t *input = conversation();
		gk_run *run;

		json_array_append_new(json_object_get(input, "tools"),
			json("{'name':'fs__read','description':'d'}"));
		provider_use(services[service].plugin, services[service].options);
		run = core_begin(
			GK_OPTS(gk_run_opts, .key = services[service].key, .input = input));
		core_finish(run);
		ck_assert_int_eq(gk_run_error_peek(run)->code, GK_INVALID_ARGUMENT);
		ck_assert_ptr_nonnull(
			strstr(gk_run_error_peek(run)->message, "'fs/read' and 'fs__read'"));
		gk_run_unref(run);
	}
	ck_assert_ptr_null(asked);
}
END_TEST

static json_t *request; /* whose tools are called */
static bool is_wrong;   /* the name is neither what it was nor what it should be */

static bool convert(void)
{
	gk_auto_json json_t *part = json_pack("{s:{s:s}}", "toolRequest", "name", "fs__read");
	const char *name;
	bool ok = part && gk_tool_names_check(&plain, "zoo", request, NULL) == GK_OK &&
		  gk_tool_name_restore(&plain, request, part);

	name = gk_json_str_peek(part, "toolRequest.name");
	is_wrong |= part && strcmp(name, ok ? "fs/read" : "fs__read") != 0;
	return ok;
}

START_TEST(memory_that_runs_out_changes_no_name)
{
	request = conversation();
	fault_sweep_passing(convert);
	ck_assert(!is_wrong);
	json_decref(request);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("tool_name");
	TCase *helper = tcase_create("helper"), *c = tcase_create("services");

	tcase_add_loop_test(helper, a_name_goes_out_as_the_service_takes_it, 0, NAMES);
	tcase_add_test(helper, names_that_lose_what_tells_them_apart_end_in_a_hash);
	tcase_add_test(helper, what_comes_back_is_told_by_the_tools_of_the_request);
	tcase_add_test(helper, two_tools_of_one_name_are_refused);
	tcase_add_test(helper, memory_that_runs_out_changes_no_name);
	suite_add_tcase(s, helper);
	tcase_add_checked_fixture(c, set_up, tear_down);
	tcase_add_loop_test(
		c, a_service_hears_no_name_that_it_would_refuse_and_is_understood, 0, 2 * SERVICES);
	tcase_add_test(c, a_service_is_not_asked_with_two_tools_of_one_name);
	suite_add_tcase(s, c);
	return s;
}

UNIT_MAIN(suite)
