/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Gemini's generateContent, beyond what the recorded exchanges show. */
#include "plugins/gemini/gemini.h"

#include "base/limits.h"
#include "core.h"

#include <stdio.h>

static json_t *body_of(const char *id, const char *text, bool legacy)
{
	gk_auto_json json_t *request = json(text);
	const gk_gemini_call call = {
		.who = "zoo", .id = id, .request = request, .legacy_schema = legacy
	};
	gk_auto_error gk_error err = { 0 };
	json_t *body = NULL;

	return gk_gemini_request(&call, &body, &err) == GK_OK ? body : json_string(err.message);
}

#define HELLO "'messages':[{'role':'user','content':[{'text':'a'}]}]"

static const struct {
	const char *request, *path, *wanted;
} requests[] = {
	{ "{}", NULL, "'zoo: the request has no messages'" },
	{ "{'messages':[{'role':'system','content':[{'text':'a'}]},{'role':'system','content':[{'text':'b'}]}]}",
		NULL, "'zoo: a request has one message of role system, messages[1] is another'" },
	{ "{'messages':[{'role':'model','content':[{'toolRequest':{'name':'t'}}]}]}", NULL,
		"'zoo: the call of tool \\\"t\\\" has no \\\"input\\\"'" },
	{ "{" HELLO ",'config':{'codeExecution':false,'urlContext':true}}", "tools",
		"[{'urlContext':{}}]" },
	{ "{" HELLO ",'config':{'googleSearch':true}}", "tools", "[{'google_search':{}}]" },
	{ "{" HELLO ",'toolChoice':'none'}", "toolConfig",
		"{'functionCallingConfig':{'mode':'NONE'}}" },
	{ "{" HELLO ",'toolChoice':'none','config':{'functionCallingConfig':{'mode':'ANY'}}}",
		"toolConfig.functionCallingConfig.mode", "'ANY'" },
	{ "{" HELLO ",'candidates':2,'config':{'apiKey':'k','seed':null}}", "generationConfig",
		"{'candidateCount':2}" },
	{ "{" HELLO ",'output':{'format':'json','schema':{'type':'object'}}}", "generationConfig",
		"{'responseMimeType':'application/json'}" },
	{ "{" HELLO ",'tools':[{'name':'t','inputSchema':{'type':'weird'}}]}", NULL,
		"'zoo: tool \\\"t\\\": schema type \\\"weird\\\" is not one the service knows'" },
	{ "{'messages':[{'role':'tool','content':[{'toolResponse':{'name':'b','output':1}},{'toolResponse':{'name':'a',"
	  "'ref':'7','output':2}}]}]}",
		"contents[0].parts[0].functionResponse.name", "'a'" },
	{ "{'messages':[{'role':'user','content':[{'resource':{'uri':'x:y'}}]}]}",
		"contents[0].parts[0]",
		"{'fileData':{'fileUri':'x:y','mimeType':'application/octet-stream'}}" },
	{ "{'messages':[{'role':'model','content':[{'custom':{'executableCode':{'code':'1'}}}]}]}",
		"contents[0].parts[0]", "{'executableCode':{'code':'1'}}" },
	{ "{" HELLO ",'config':{'googleSearch':{'a':1},'google_search':{'b':1}}}", "tools",
		"[{'google_search':{'b':1}}]" },
	{ "{" HELLO
	  ",'config':{'functionCallingConfig':{'mode':'required','allowedFunctionNames':['a/b'],'x':true}}}",
		"toolConfig.functionCallingConfig",
		"{'mode':'ANY','allowedFunctionNames':['a__b'],'x':true}" },
	{ "{'messages':[{'role':'user','content':[{'resource':{}}]}]}", NULL,
		"'zoo: a resource part has no \\\"uri\\\"'" },
	{ "{" HELLO
	  ",'tools':[{'name':'t','inputSchema':{'type':'object','properties':{'a':{'description':'A','anyOf':"
	  "[{'type':'null'},{'type':'string'}]},'b':{'type':['string','null'],'enum':['x',null]}}}}]}",
		"tools[0].functionDeclarations[0].parameters.properties",
		"{'a':{'type':'STRING','nullable':true,'description':'A'},'b':{'type':'STRING','nullable':true,"
		"'enum':['x']}}" },
};

START_TEST(answers_of_tools_go_by_the_number_of_their_call)
{
	gk_auto_json json_t *body = body_of("gemini-x",
		"{'messages':[{'role':'tool','content':[{'toolResponse':{'name':'none','output':1}},"
		"{'toolResponse':{'name':'word','ref':'call','output':1}},{'toolResponse':{'name':'ten','ref':'10',"
		"'output':1}},{'toolResponse':{'name':'two','ref':'2x','output':1}},{'toolResponse':{'name':'words',"
		"'ref':'all','output':1}}]}]}",
		false);
	static const char *const wanted[] = { "two", "ten", "word", "words", "none" };
	const json_t *parts = gk_json_at_peek(body, "contents[0].parts");

	ck_assert_uint_eq(json_array_size(parts), 5);
	for (size_t i = 0; i < 5; i++)
		ck_assert_str_eq(
			gk_json_str_peek(json_array_get(parts, i), "functionResponse.name"),
			wanted[i]);
}
END_TEST

START_TEST(a_request_becomes_what_the_service_understands)
{
	gk_auto_json json_t *body = body_of("gemini-x", requests[_i].request, false);
	gk_auto_str char *wanted = strdup(requests[_i].wanted), *got = NULL;
	const json_t *at = requests[_i].path ? gk_json_at_peek(body, requests[_i].path) : body;

	/* Errors quote with ', which these texts have for ". */
	got = gk_json_write(at, NULL);
	ck_assert_ptr_nonnull(got);
	for (char *c = got; *c; c++)
		if (*c == '"')
			*c = '\'';
	for (char *c = wanted, *to = wanted;; c++) {
		if (*c == '\\')
			continue;
		*to++ = *c == '"' ? '\'' : *c;
		if (!*c)
			break;
	}
	ck_assert_str_eq(got, wanted);
}
END_TEST

START_TEST(a_legacy_schema_is_reduced)
{
	gk_auto_json json_t *body = body_of("gemini-x",
		"{" HELLO
		",'output':{'format':'json','constrained':true,'schema':{'$schema':'x','type':['null','object'],"
		"'properties':{'a':{'type':['string','null'],'additionalProperties':false}}}}}",
		true);

	assert_json(gk_json_at_peek(body, "generationConfig.responseSchema"),
		"{'type':'object','properties':{'a':{'type':'string'}}}");
}
END_TEST

/* --- answers --- */

static json_t *chunks;

static gk_code keep(json_t *chunk_take, void *user, gk_error *err)
{
	(void)user;
	return json_array_append_new(chunks, chunk_take) == 0 ? GK_OK : gk_error_no_memory(err);
}

/* Pushes events, texts with ' for "; NULL-terminated. The response, or NULL with `err`. */
static json_t *stream(const char *const *events, bool is_cut, gk_error *err)
{
	gk_auto_json json_t *request = json("{'messages':[],'tools':[{'name':'a/b'}]}"),
			    *whole = NULL;
	const gk_gemini_call call = { .who = "zoo", .id = "gemini-x", .request = request };
	gk_auto_gemini_stream gk_gemini_stream it = { .call = &call, .emit = keep };
	json_t *response = NULL;
	gk_code rc = GK_OK;

	json_decref(chunks);
	chunks = json_array();
	for (; rc == GK_OK && *events; events++) {
		gk_auto_json json_t *event = json(*events);
		gk_auto_str char *text = gk_json_write(event, NULL);

		rc = gk_gemini_stream_push(&it, text, strlen(text), err);
	}
	if (rc == GK_OK)
		rc = gk_gemini_stream_end(&it, is_cut, NULL, &whole, err);
	if (rc == GK_OK)
		rc = gk_gemini_answer(&call, whole, &response, err);
	return response;
}

START_TEST(a_call_in_pieces_is_told_as_it_grows)
{
	static const char *const events[] = {
		"{'candidates':[{'content':{'parts':[{'functionCall':{'name':'a__b','willContinue':true},'thoughtSignature':"
		"'s'}]}}]}",
		"{'candidates':[{'content':{'parts':[{'functionCall':{'partialArgs':[{'jsonPath':'$.x','stringValue':'ab'}],"
		"'willContinue':true}}]}}]}",
		"{'candidates':[{'content':{'parts':[{'functionCall':{'partialArgs':[{'jsonPath':'$.x','stringValue':'c'}],"
		"'willContinue':true}}]}}]}",
		"{'candidates':[{'content':{'parts':[{'functionCall':{}}]},'finishReason':'STOP'}]}",
		NULL
	};
	gk_auto_json json_t *response = stream(events, false, NULL);

	assert_json(json_object_get(json_array_get(chunks, 1), "content"),
		"[{'toolRequest':{'name':'a/b','input':{'x':'ab'},'partial':true}}]");
	assert_json(gk_json_at_peek(response, "message.content"),
		"[{'toolRequest':{'name':'a/b','input':{'x':'abc'}},'metadata':{'thoughtSignature':'s'}}]");
}
END_TEST

START_TEST(calls_in_pieces_follow_each_other_and_none_stays_open)
{
	static const char *const events[] = {
		"{'candidates':[{'content':{'parts':[{'functionCall':{'name':'f','willContinue':true,'partialArgs':"
		"[{'jsonPath':'$.a','numberValue':1}]}}]}}]}",
		"{'candidates':[{'content':{'parts':[{'functionCall':{'name':'g','willContinue':true}}]}}]}",
		"{'candidates':[{'content':{'parts':[{'functionCall':{'name':'','partialArgs':[{'jsonPath':'$.b',"
		"'boolValue':true}],'willContinue':true},'thoughtSignature':'late'}]},'finishReason':'STOP'}]}",
		NULL
	};
	gk_auto_json json_t *response = stream(events, false, NULL);

	ck_assert_uint_eq(json_array_size(chunks), 3);
	assert_json(gk_json_at_peek(response, "message.content"),
		"[{'toolRequest':{'name':'f','input':{'a':1}}},{'toolRequest':{'name':'g','input':{'b':true}},"
		"'metadata':{'thoughtSignature':'late'}}]");
}
END_TEST

START_TEST(pieces_without_a_word_are_no_chunks)
{
	static const char *const events[] = {
		"{'candidates':[{'content':{'parts':[{'text':'a'}]}}]}",
		"{'candidates':[{'content':{'parts':[{'text':''}]},'finishReason':'STOP'}]}", NULL
	};
	static const char *const signature[] = {
		"{'candidates':[{'content':{'parts':[{'text':'','thoughtSignature':'s'}]},'finishReason':'STOP'}]}",
		NULL
	};
	static const char *const after_a_call[] = {
		"{'candidates':[{'content':{'parts':[{'functionCall':{'name':'f','args':{}}},{'text':''}]}}]}",
		NULL
	};
	gk_auto_json json_t *response = stream(events, false, NULL), *signed_one = NULL,
			    *after = NULL;

	ck_assert_uint_eq(json_array_size(chunks), 1);
	assert_json(gk_json_at_peek(response, "message.content"), "[{'text':'a'}]");
	signed_one = stream(signature, false, NULL);
	ck_assert_uint_eq(json_array_size(chunks), 1);
	assert_json(gk_json_at_peek(signed_one, "message.content"),
		"[{'text':'','metadata':{'thoughtSignature':'s'}}]");
	after = stream(after_a_call, false, NULL);
	ck_assert_uint_eq(json_array_size(chunks), 1);
	assert_json(gk_json_at_peek(after, "message.content"),
		"[{'toolRequest':{'name':'f','input':{}}},{'text':''}]");
}
END_TEST

START_TEST(pieces_of_text_become_one_part_but_signed_ones_stay_apart)
{
	static const char *const events[] = {
		"{'candidates':[{'content':{'parts':[{'text':'a','thought':true},{'text':'b'}]}}]}",
		"{'candidates':[{'content':{'parts':[{'text':'c'}]}}]}",
		"{'candidates':[{'content':{'parts':[{'text':'d','thoughtSignature':'s'}]}}]}",
		"{'candidates':[{'content':{'parts':[{'text':'e'},{}]}}],'usageMetadata':{'totalTokenCount':3}}",
		NULL
	};
	gk_auto_json json_t *response = stream(events, false, NULL);

	assert_json(gk_json_at_peek(response, "message.content"),
		"[{'reasoning':'a'},{'text':'bc'},{'text':'d','metadata':{'thoughtSignature':'s'}},{'text':'e'}]");
	ck_assert_int_eq(gk_json_int_at(response, "usage.totalTokens", 0), 3);
}
END_TEST

START_TEST(an_answer_of_a_tool_is_unwrapped_as_it_was_wrapped)
{
	static const char *const events[] = {
		"{'candidates':[{'content':{'parts':[{'functionResponse':{'name':'a__b','id':'1','response':{'name':'a__b',"
		"'content':{'x':1}}}},{'functionResponse':{'name':'g','response':{'content':2}}}]}}]}",
		NULL
	};
	gk_auto_json json_t *response = stream(events, false, NULL);

	assert_json(gk_json_at_peek(response, "message.content"),
		"[{'toolResponse':{'name':'a/b','ref':'1','output':{'x':1}}},{'toolResponse':{'name':'g','output':"
		"{'content':2}}}]");
}
END_TEST

START_TEST(what_a_stream_says_beside_its_text_is_gathered)
{
	static const char *const events[] = {
		"{'candidates':[{'groundingMetadata':{'webSearchQueries':['a'],'x':1},'safetyRatings':[1]}]}",
		"{'candidates':[{'groundingMetadata':{'webSearchQueries':['b'],'x':2},'safetyRatings':[2],'finishReason':"
		"'SAFETY','finishMessage':'no'}]}",
		"{'candidates':[{'groundingMetadata':{'webSearchQueries':null,'x':null},'safetyRatings':null}]}",
		NULL
	};
	gk_auto_json json_t *response = stream(events, false, NULL);

	assert_json(gk_json_at_peek(response, "custom.candidates[0].groundingMetadata"),
		"{'webSearchQueries':['a','b'],'x':2}");
	assert_json(gk_json_at_peek(response, "custom.candidates[0].safetyRatings"), "[1,2]");
	ck_assert_str_eq(gk_json_str_peek(response, "finishReason"), "blocked");
	ck_assert_str_eq(gk_json_str_peek(response, "finishMessage"), "no");
}
END_TEST

START_TEST(a_stream_that_is_cut_or_fails_is_an_error)
{
	static const char *const half[] = { "{'candidates':[{'content':{'parts':[{'text':'a'}]}}]}",
		NULL };
	static const char *const nothing[] = { NULL };
	static const char *const failing[] = {
		"{'error':{'status':'UNAVAILABLE','message':'later'}}", NULL
	};
	static const char *const coded[] = { "{'error':{'code':429,'message':'much','details':"
					     "[{'retryDelay':'2s'}]}}",
		NULL };
	static const char *const silent[] = { "{'error':{}}", NULL };
	gk_error err = { 0 };

	ck_assert_ptr_null(stream(half, true, &err));
	assert_error(&err, GK_INTERNAL, "zoo: the stream broke off before its end");
	ck_assert_ptr_null(stream(nothing, false, &err));
	assert_error(&err, GK_INTERNAL, "zoo: the stream broke off before its end");
	ck_assert_ptr_null(stream(failing, false, &err));
	assert_error(&err, GK_UNAVAILABLE, "zoo: later");
	ck_assert_ptr_null(stream(coded, false, &err));
	ck_assert_int_eq(gk_json_int_at(err.details, "responseMetadata.retryAfterMs", 0), 2000);
	assert_error(&err, GK_RESOURCE_EXHAUSTED, "zoo: [429] much");
	ck_assert_ptr_null(stream(silent, false, &err));
	assert_error(&err, GK_INTERNAL, NULL);
}
END_TEST

/* A stream of one event with so many candidates. */
static json_t *candidates(int count, gk_error *err)
{
	gk_auto_json json_t *all = json_array(), *event = json_pack("{s:O}", "candidates", all);
	gk_auto_str char *text = NULL;

	for (int i = 0; i < count; i++)
		json_array_append_new(all, json_pack("{s:i}", "index", i));
	text = gk_json_write(event, NULL);
	return stream((const char *const[]){ text, NULL }, false, err);
}

START_TEST(a_stream_has_only_so_many_candidates)
{
	gk_auto_json json_t *response = candidates(GK_MAX_VENDOR_CHOICES, NULL);
	gk_error err = { 0 };

	ck_assert_ptr_nonnull(response);
	ck_assert_ptr_null(candidates(GK_MAX_VENDOR_CHOICES + 1, &err));
	assert_error(&err, GK_RESOURCE_EXHAUSTED, "zoo: the stream has too many candidates");
}
END_TEST

START_TEST(paths_of_arguments_that_are_none_change_nothing)
{
	static const char *const pieces[] = {
		"[{'jsonPath':'x','stringValue':'a'}]",
		"[{'jsonPath':'$','stringValue':'a'}]",
		"[{'jsonPath':'$.','stringValue':'a'}]",
		"[{'jsonPath':'$[99999999]','stringValue':'a'}]",
		"[{'jsonPath':'$[\\'x','stringValue':'a'}]",
		"[{'jsonPath':'$.x'}]",
		"[7, null, {}]",
	};

	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		gk_auto_json json_t *args = json_object(), *list = NULL;
		gk_auto_str char *text = strdup(pieces[i]);

		for (char *c = text; *c; c++)
			if (*c == '\'')
				*c = '"';
		ck_assert_int_eq(gk_json_parse(text, strlen(text), 0, &list, NULL), GK_OK);
		ck_assert(gk_gemini_apply_partial(args, list));
		assert_json(args, "{}");
	}
}
END_TEST

static bool convert_all(void)
{
	static const char event[] =
		"{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"a\"},{\"functionCall\":{\"name\":"
		"\"t\",\"args\":{}}}]},\"finishReason\":\"STOP\"}]}";
	gk_auto_json json_t *request = json_pack(
		"{s:[{s:s, s:[{s:s},{s:{s:s}}]}], s:[{s:s}], s:{s:b}}", "messages", "role", "user",
		"content", "text", "x", "media", "url", "data:image/png;base64,QQ==", "tools",
		"name", "t", "config", "codeExecution", 1);
	const gk_gemini_call call = { .who = "zoo", .id = "gemini-x-image", .request = request };
	gk_auto_gemini_stream gk_gemini_stream it = { .call = &call, .emit = keep };
	gk_auto_json json_t *body = NULL, *whole = NULL, *response = NULL;

	json_decref(chunks);
	chunks = json_array();
	return request && chunks && gk_gemini_request(&call, &body, NULL) == GK_OK &&
	       gk_gemini_stream_push(&it, event, strlen(event), NULL) == GK_OK &&
	       gk_gemini_stream_end(&it, false, NULL, &whole, NULL) == GK_OK &&
	       gk_gemini_answer(&call, whole, &response, NULL) == GK_OK;
}

START_TEST(memory_that_runs_out_leaves_nothing_behind)
{
	fault_sweep(convert_all);
}
END_TEST

static void forget(void)
{
	json_decref(chunks);
	chunks = NULL;
}

static Suite *gemini_suite(void)
{
	Suite *suite = suite_create("gemini");
	TCase *tcase = tcase_create("gemini");

	tcase_add_checked_fixture(tcase, NULL, forget);
	tcase_add_loop_test(tcase, a_request_becomes_what_the_service_understands, 0,
		(int)(sizeof(requests) / sizeof(requests[0])));
	tcase_add_test(tcase, answers_of_tools_go_by_the_number_of_their_call);
	tcase_add_test(tcase, a_legacy_schema_is_reduced);
	tcase_add_test(tcase, a_call_in_pieces_is_told_as_it_grows);
	tcase_add_test(tcase, calls_in_pieces_follow_each_other_and_none_stays_open);
	tcase_add_test(tcase, pieces_without_a_word_are_no_chunks);
	tcase_add_test(tcase, pieces_of_text_become_one_part_but_signed_ones_stay_apart);
	tcase_add_test(tcase, an_answer_of_a_tool_is_unwrapped_as_it_was_wrapped);
	tcase_add_test(tcase, what_a_stream_says_beside_its_text_is_gathered);
	tcase_add_test(tcase, a_stream_that_is_cut_or_fails_is_an_error);
	tcase_add_test(tcase, a_stream_has_only_so_many_candidates);
	tcase_add_test(tcase, paths_of_arguments_that_are_none_change_nothing);
	tcase_add_test(tcase, memory_that_runs_out_leaves_nothing_behind);
	suite_add_tcase(suite, tcase);
	return suite;
}

UNIT_MAIN(gemini_suite)
