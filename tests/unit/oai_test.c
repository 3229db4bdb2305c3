/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* The OpenAI core: requests, answers, streams; beyond what the recorded exchanges show. */
#include "core.h"
#include "plugins/oai/oai.h"
#include "plugins/oai/service.h"

#include <stdio.h>

static gk_outgoing out;
static gk_vendor vendor;

static gk_oai_call call_of(const gk_vendor_type *type, const char *id, const json_t *request)
{
	vendor = (gk_vendor){
		.refs = 1, .type = type, .name = (char *)(uintptr_t)type->plugin.name
	};
	return (gk_oai_call){ .row = type->row,
		.vendor = &vendor,
		.models = gk_oai_models_of(type->row, id),
		.id = id,
		.request = request,
		.out = &out };
}

/* --- requests --- */

/* What a request becomes, or the error's message. */
static json_t *body_of(const gk_vendor_type *type, const char *id, const char *request_text)
{
	gk_auto_json json_t *request = json(request_text);
	gk_oai_call call = call_of(type, id, request);
	gk_auto_error gk_error err = { 0 };
	json_t *body = NULL;

	if (gk_oai_request(&call, false, &body, &err) != GK_OK)
		return json_string(err.message);
	return body;
}

static const struct {
	const gk_vendor_type *type;
	const char *id, *request, *path, *wanted;
} requests[] = {
	{ &gk_plugin_openai, "gpt-4o",
		"{'messages':[{'role':'user','content':[{'media':{'url':'file-abc123','contentType':'application/pdf'}}]}]}",
		"messages[0].content[0]", "{'type':'file','file':{'file_id':'file-abc123'}}" },
	{ &gk_plugin_kimi, "kimi-k2.6",
		"{'messages':[],'tools':[{'name':'t'}],'toolChoice':'required'}", "tool_choice",
		"null" },
	{ &gk_plugin_kimi, "kimi-k3",
		"{'messages':[],'tools':[{'name':'t'}],'toolChoice':'required'}", "tool_choice",
		"'required'" },
	{ &gk_plugin_openai, "gpt-4o",
		"{'messages':[{'role':'user','content':[{'media':{'url':'data:audio/wav;base64,QQ=='}}]}]}",
		"messages[0].content[0].input_audio", "{'data':'QQ==','format':'wav'}" },
	{ &gk_plugin_openai, "gpt-4o",
		"{'messages':[{'role':'user','content':[{'media':{'url':'data:text/csv;base64,QQ=='}}]}]}",
		"messages[0].content[0].file.filename", "'file.csv'" },
	{ &gk_plugin_openai, "gpt-4o",
		"{'messages':[{'role':'user','content':[{'data':{'a':1}},{'text':'b'}]}]}",
		"messages[0].content[0].text", "'{\\'a\\':1}'" },
	{ &gk_plugin_openai, "gpt-4o", "{'messages':[{'role':'model','content':[]}]}",
		"messages[0]", "{'role':'assistant','content':''}" },
	{ &gk_plugin_openai, "o3",
		"{'messages':[{'role':'system','content':[{'text':'a'},{'text':'b'}]}]}",
		"messages[0]", "{'role':'developer','content':'ab'}" },
	{ &gk_plugin_openai, "gpt-4o",
		"{'messages':[{'role':'tool','content':[{'toolResponse':{'name':'t','ref':'r','content':[{'text':"
		"'x'}]}}]}]}",
		"messages[0]", "{'role':'tool','tool_call_id':'r','content':'x'}" },
	{ &gk_plugin_openai, "gpt-4o", "{'messages':[],'tools':[{'name':'t','description':''}]}",
		"tools[0].function",
		"{'name':'t','parameters':{'type':'object','properties':{}}}" },
	{ &gk_plugin_openai, "gpt-4o",
		"{'messages':[],'tools':[{'name':'t','metadata':{'strict':true},'inputSchema':{'type':'object',"
		"'properties':{'a':{}}}}]}",
		"tools[0].function",
		"{'name':'t','parameters':{'type':'object','properties':{'a':{}},'additionalProperties':false,"
		"'required':['a']},'strict':true}" },
	{ &gk_plugin_openai, "gpt-4o", "{'messages':[],'tools':[],'toolChoice':'required'}",
		"tool_choice", "null" },
	{ &gk_plugin_mistral, "m", "{'messages':[],'tools':[{'name':'t'}],'toolChoice':'required'}",
		"tool_choice", "'any'" },
	{ &gk_plugin_deepseek, "deepseek-chat",
		"{'messages':[],'tools':[{'name':'t'}],'toolChoice':'required'}", "tool_choice",
		"'required'" },
	{ &gk_plugin_xai, "grok-4", "{'messages':[],'tools':[{'name':'t'}],'toolChoice':'none'}",
		"tool_choice", "'none'" },
	{ &gk_plugin_huggingface, "a/b",
		"{'messages':[],'tools':[{'name':'t'}],'toolChoice':'required'}", "tool_choice",
		"'required'" },
	{ &gk_plugin_foundry, "gpt-4o",
		"{'messages':[],'tools':[{'name':'t'}],'toolChoice':'required'}", "tool_choice",
		"'required'" },
	{ &gk_plugin_mistral, "m",
		"{'messages':[{'role':'model','content':[{'toolRequest':{'name':'findNames'}}]}]}",
		"messages[0].tool_calls[0].id", "'findNames'" },
	{ &gk_plugin_openrouter, "a/b",
		"{'messages':[],'tools':[{'name':'t'}],'toolChoice':'auto'}", "tool_choice",
		"'auto'" },
	{ &gk_plugin_zai, "glm-5", "{'messages':[],'tools':[{'name':'t'}],'toolChoice':'required'}",
		"tool_choice", "null" },
	{ &gk_plugin_openai, "gpt-4o",
		"{'messages':[],'tools':[{'name':'t'}],'config':{'tools':[{'type':'web_search'}]}}",
		"tools[1]", "{'type':'web_search'}" },
	{ &gk_plugin_openai, "gpt-4o",
		"{'messages':[],'config':{'seed':null,'stop':[],'n':0,'user':''}}", "",
		"{'model':'gpt-4o','messages':[],'stop':[],'n':0,'user':''}" },
	{ &gk_plugin_openai, "gpt-4o",
		"{'messages':[],'config':{'seed':1,'extra':{'seed':2,'x':3}}}", "",
		"{'model':'gpt-4o','messages':[],'seed':2,'x':3}" },
	{ &gk_plugin_openai, "gpt-4o", "{'messages':[],'output':{'format':'json'}}",
		"response_format", "{'type':'json_object'}" },
	{ &gk_plugin_openai, "gpt-4", "{'messages':[],'output':{'format':'json'}}",
		"response_format", "null" },
	{ &gk_plugin_openai, "gpt-4o",
		"{'messages':[],'output':{'format':'json','constrained':false,'schema':{}}}",
		"response_format", "null" },
	{ &gk_plugin_openai, "gpt-4o",
		"{'messages':[],'output':{'format':'json'},'config':{'response_format':{'type':'text'}}}",
		"response_format", "{'type':'text'}" },
	{ &gk_plugin_openai, "gpt-4o",
		"{'messages':[],'output':{'format':'array','contentType':'application/json','constrained':true,"
		"'schema':{'type':'array'}}}",
		"response_format", "null" },
	{ &gk_plugin_openai, "gpt-4o",
		"{'messages':[],'output':{'format':'json','schema':{'type':'array'}}}",
		"response_format.json_schema.schema", "{'type':'array'}" },
	{ &gk_plugin_openai, "gpt-4o",
		"{'messages':[],'output':{'contentType':'application/json','schema':{'type':'object'}}}",
		"response_format.json_schema.schema", "{'type':'object'}" },
	{ &gk_plugin_deepseek, "deepseek-chat",
		"{'messages':[],'output':{'format':'array','contentType':'application/json','constrained':true,"
		"'schema':{'type':'array'}}}",
		"response_format", "null" },
	{ &gk_plugin_foundry, "o3-mini", "{'messages':[],'config':{'maxOutputTokens':5}}", "",
		"{'model':'o3-mini','messages':[],'max_completion_tokens':5}" },
	{ &gk_plugin_foundry, "gpt-4o", "{'messages':[],'config':{'maxOutputTokens':5}}", "",
		"{'model':'gpt-4o','messages':[],'max_tokens':5}" },
	{ &gk_plugin_kimi, "kimi-k3",
		"{'messages':[{'role':'model','content':[{'reasoning':'r'},{'text':'t'}]}]}",
		"messages[0]", "{'role':'assistant','content':'t','reasoning_content':'r'}" },
	{ &gk_plugin_openrouter, "m",
		"{'messages':[],'config':{'provider':{},'reasoning':{'maxTokens':null}}}", "",
		"{'model':'m','messages':[]}" },
	{ &gk_plugin_huggingface, "a/b", "{'messages':[],'config':{'provider':'groq'}}", "",
		"{'model':'a/b:groq','messages':[]}" },
	{ &gk_plugin_foundry, "gpt-4o",
		"{'messages':[],'candidates':3,'config':{'parallelToolCalls':false}}", "",
		"{'model':'gpt-4o','messages':[],'n':3}" },
	{ &gk_plugin_foundry, "gpt-4o", "{'messages':[],'candidates':3,'config':{'n':2}}", "n",
		"2" },
	{ &gk_plugin_foundry, "gpt-4o",
		"{'messages':[],'tools':[{'name':'t'}],'config':{'parallelToolCalls':false}}",
		"parallel_tool_calls", "false" },
	{ &gk_plugin_foundry, "gpt-4o",
		"{'messages':[],'output':{'format':'json','schema':{'type':'object','properties':{'a':{}}}}}",
		"response_format.json_schema",
		"{'name':'Response','schema':{'type':'object','properties':{'a':{}},'additionalProperties':false,"
		"'required':['a']},'strict':true}" },
	{ &gk_plugin_foundry, "gpt-4o", "{'messages':[],'output':{'format':'json'}}",
		"response_format", "{'type':'json_object'}" },
	{ &gk_plugin_foundry, "o3", "{'messages':[],'output':{'format':'json'}}", "response_format",
		"null" },
	{ &gk_plugin_foundry, "claude-9", "{'messages':[],'output':{'format':'json'}}",
		"response_format", "null" },
	{ &gk_plugin_foundry, "gpt-4o",
		"{'messages':[],'config':{'maxCompletionTokens':7,'maxOutputTokens':5}}", "",
		"{'model':'gpt-4o','messages':[],'max_completion_tokens':7}" },
	{ &gk_plugin_openai, "gpt-4o",
		"{'messages':[],'candidates':3,'config':{'parallelToolCalls':false,'stream':true}}",
		"", "{'model':'gpt-4o','messages':[],'parallel_tool_calls':false}" },
	{ &gk_plugin_openai, "gpt-4o",
		"{'messages':[{'role':'model','content':[{'text':'it is '},{'data':{'a':1}}]}]}",
		"messages[0]", "{'role':'assistant','content':'it is {\\'a\\':1}'}" },
	{ &gk_plugin_openai, "gpt-4o", "{'messages':[{'role':'robot','content':[]}]}", NULL,
		"'openai: messages[0] has no known role'" },
	{ &gk_plugin_openai, "gpt-4o",
		"{'messages':[{'role':'user','content':[{'toolRequest':{'name':'x'}}]}]}", NULL,
		"'openai: a message of role user cannot have a part of kind 'toolRequest''" },
	{ &gk_plugin_openai, "gpt-4o",
		"{'messages':[{'role':'user','content':[{'media':{'url':'https://a/b.pdf','contentType':"
		"'application/pdf'}}]}]}",
		NULL,
		"'openai: media of type application/pdf cannot be given by its address, only images can; send it as a "
		"data: URL'" },
};

START_TEST(a_request_becomes_what_the_service_understands)
{
	gk_auto_json json_t *body =
		body_of(requests[_i].type, requests[_i].id, requests[_i].request);
	gk_auto_json json_t *wanted = NULL;
	const json_t *got = body;
	gk_auto_str char *text = NULL;

	/* ' is " in these texts, and \' is ' */
	if (requests[_i].path && *requests[_i].path)
		got = gk_json_at_peek(body, requests[_i].path);
	text = got ? gk_json_write(got, NULL) : strdup("null");
	for (char *c = text; *c; c++)
		if (*c == '"')
			*c = '\'';
	ck_assert_str_eq(text, requests[_i].wanted);
	json_decref(wanted);
	wanted = NULL;
}
END_TEST

START_TEST(a_foreign_reference_becomes_nine_letters_always_the_same)
{
	gk_auto_json json_t *body = body_of(&gk_plugin_mistral, "m",
		"{'messages':[{'role':'model','content':[{'toolRequest':{'name':'t','ref':'call_long_1'}},"
		"{'toolRequest':{'name':'t','ref':'abcdefgh1'}}]},{'role':'tool','content':[{'toolResponse':"
		"{'name':'t','ref':'call_long_1','output':1}}]}]}");
	const char *asked = gk_json_str_peek(body, "messages[0].tool_calls[0].id");

	ck_assert_uint_eq(strlen(asked), 9);
	ck_assert_str_eq(asked, gk_json_str_peek(body, "messages[1].tool_call_id"));
	ck_assert_str_eq(gk_json_str_peek(body, "messages[0].tool_calls[1].id"), "abcdefgh1");
	ck_assert_str_eq(gk_json_str_peek(body, "messages[1].name"), "t");
}
END_TEST

/* --- answers --- */

static gk_code answer(const gk_vendor_type *type, const char *request_text, const char *text,
	json_t **ret, gk_error *err)
{
	gk_auto_json json_t *request = json(request_text), *completion = json(text);
	gk_oai_call call = call_of(type, "m", request);

	return gk_oai_answer(&call, completion, ret, err);
}

static const struct {
	const char *completion, *path, *wanted;
} answers[] = {
	{ "{'choices':[{'message':{'content':'a','tool_calls':[{'id':'1','function':{'name':'t','arguments':''}}]},"
	  "'finish_reason':'tool_calls'}]}",
		"message.content",
		"[{'text':'a'},{'toolRequest':{'name':'t','ref':'1','input':{}}}]" },
	{ "{'choices':[{'message':{'tool_calls':[{'function':{'name':'t','arguments':{'a':1}}}]}}]}",
		"message.content", "[{'toolRequest':{'name':'t','input':{'a':1}}}]" },
	{ "{'choices':[{'message':{'tool_calls':[{'function':{'name':'t','arguments':'null'}}]}}]}",
		"message.content", "[{'toolRequest':{'name':'t','input':{}}}]" },
	{ "{'choices':[{'message':{'content':'x'}}]}", "finishReason", "'unknown'" },
	{ "{'choices':[{'message':{'content':'x'},'finish_reason':''}]}", "finishReason",
		"'unknown'" },
	{ "{'choices':[{'message':{'content':'x'},'finish_reason':'surprise'}]}", "finishReason",
		"'other'" },
	{ "{'choices':[{'message':{'refusal':'no'},'finish_reason':'stop'}]}", "finishReason",
		"'blocked'" },
	{ "{'choices':[{'message':{'refusal':'no'},'finish_reason':'stop'}]}", "finishMessage",
		"'no'" },
	{ "{'choices':[{'message':{'content':'x'},'finish_reason':'stop','error':{'message':'e'}}]}",
		"finishMessage", NULL },
	{ "{'choices':[{'message':{'content':'x','reasoning':'r','reasoning_content':''}}]}",
		"message.content[0]", "{'reasoning':'r'}" },
	{ "{'choices':[{'message':{}}],'usage':{'completion_tokens_details':{'audio_tokens':0},'num_sources_used':3}}",
		"usage.custom", "{'numSourcesUsed':3}" },
	{ "{'choices':[{'message':{}}]}", "usage.inputTokens", NULL },
};

START_TEST(an_answer_becomes_a_response)
{
	gk_auto_json json_t *got = NULL;
	const json_t *at;

	ck_assert_int_eq(
		answer(&gk_plugin_openai, "{'messages':[]}", answers[_i].completion, &got, NULL),
		GK_OK);
	at = gk_json_at_peek(got, answers[_i].path);
	if (answers[_i].wanted)
		assert_json(at, answers[_i].wanted);
	else
		ck_assert_ptr_null(at);
}
END_TEST

START_TEST(an_answer_that_is_none_is_an_error)
{
	static const struct {
		const char *text, *message;
	} cases[] = {
		{ "{'choices':[]}", "openai: the answer has no choices" },
		{ "[]", "openai: the answer has no choices" },
		{ "{'error':{'message':'kaput'}}", "openai: kaput" },
		{ "{'object':'error','message':'kaput','code':500}", "openai: [500] kaput" },
		{ "{'error':{'message':'kaput','code':1210}}", "openai: kaput" },
		{ "{'choices':[{'message':{'tool_calls':[{'function':{'name':'t','arguments':'{a'}}]}}]}",
			"openai: the arguments of the call of tool 't' are not JSON" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		json_t *got = NULL;
		gk_error err = { 0 };

		answer(&gk_plugin_openai, "{'messages':[]}", cases[i].text, &got, &err);
		assert_error(&err, GK_INTERNAL, cases[i].message);
	}
}
END_TEST

START_TEST(a_fence_around_json_goes_where_the_service_knows_no_schema)
{
	gk_auto_json json_t *fenced = NULL, *text = NULL;
	static const char completion[] = "{'choices':[{'message':{'content':'```\\n[1]\\n```'}}]}";

	ck_assert_int_eq(answer(&gk_plugin_deepseek, "{'messages':[],'output':{'format':'json'}}",
				 completion, &fenced, NULL),
		GK_OK);
	assert_json(gk_json_at_peek(fenced, "message.content"), "[{'text':'[1]'}]");
	ck_assert_int_eq(
		answer(&gk_plugin_deepseek, "{'messages':[]}", completion, &text, NULL), GK_OK);
	ck_assert_str_eq(gk_json_str_peek(text, "message.content[0].text"), "```\n[1]\n```");
}
END_TEST

/* --- streams --- */

static json_t *chunks;

static gk_code keep(json_t *chunk_take, void *user, gk_error *err)
{
	(void)user;
	return json_array_append_new(chunks, chunk_take) == 0 ? GK_OK : gk_error_no_memory(err);
}

/* Pushes events, texts with ' for "; NULL-terminated. The completion, or NULL with `err`. */
static json_t *stream(const char *const *events, gk_error *err)
{
	gk_auto_json json_t *request = json("{'messages':[]}");
	gk_oai_call call = call_of(&gk_plugin_openai, "m", request);
	gk_auto_oai_stream gk_oai_stream it;
	json_t *whole = NULL;
	gk_code rc = GK_OK;

	chunks = json_array();
	gk_oai_stream_init(&it, &call, keep, NULL);
	for (; rc == GK_OK && *events; events++) {
		gk_auto_str char *text = strdup(*events);

		for (char *c = text; *c; c++)
			if (*c == '\'')
				*c = '"';
		rc = gk_oai_stream_push(&it, text, strlen(text), err);
	}
	if (rc == GK_OK)
		rc = gk_oai_stream_end(&it, &whole, err);
	return whole;
}

START_TEST(a_stream_without_an_end_is_an_error)
{
	static const char *const events[] = {
		"{'choices':[{'delta':{'content':'half'},'finish_reason':''}]}", NULL
	};
	gk_error err = { 0 };

	ck_assert_ptr_null(stream(events, &err));
	assert_error(
		&err, GK_INTERNAL, "openai: the stream broke off before the end of the answer");
	json_decref(chunks);
}
END_TEST

START_TEST(done_alone_ends_a_stream)
{
	static const char *const events[] = { "{'choices':[{'delta':{'content':'x'}}]}", "[DONE]",
		"not json", NULL };
	gk_auto_json json_t *whole = stream(events, NULL);

	ck_assert_str_eq(gk_json_str_peek(whole, "choices[0].message.content"), "x");
	json_decref(chunks);
}
END_TEST

START_TEST(calls_without_an_index_are_told_apart_by_their_id)
{
	static const char *const events[] = {
		"{'choices':[{'delta':{'tool_calls':[{'id':'a','function':{'name':'t','arguments':'{'}}]}}]}",
		"{'choices':[{'delta':{'tool_calls':[{'id':'a','function':{'name':'t','arguments':'}'}}]}}]}",
		"{'choices':[{'delta':{'tool_calls':[{'id':'b','function':{'name':'u','arguments':'[1'}}]}}]}",
		"{'choices':[{'delta':{'tool_calls':[{'function':{'arguments':']'}}]},'finish_reason':'stop'}]}",
		NULL
	};
	gk_auto_json json_t *whole = stream(events, NULL);

	assert_json(gk_json_at_peek(whole, "choices[0].message.tool_calls"),
		"[{'id':'a','type':'function','function':{'name':'t','arguments':'{}'}},{'id':'b','type':'function',"
		"'function':{'name':'u','arguments':'[1]'}}]");
	json_decref(chunks);
}
END_TEST

static const struct {
	const char *events[4], *wanted;
} parallel[] = {
	/* no index, no id: by their place among those that came together */
	{ { "{'choices':[{'delta':{'tool_calls':[{'function':{'name':'t','arguments':'{'}},{'function':{'name':'u',"
	    "'arguments':'['}}]}}]}",
		  "{'choices':[{'delta':{'tool_calls':[{'function':{'arguments':'}'}},{'function':{'arguments':']'}}]},"
		  "'finish_reason':'stop'}]}" },
		"[{'id':'','type':'function','function':{'name':'t','arguments':'{}'}},{'id':'','type':'function',"
		"'function':{'name':'u','arguments':'[]'}}]" },
	/* no index: by their id, in any order */
	{ { "{'choices':[{'delta':{'tool_calls':[{'id':'a','function':{'name':'t','arguments':'{'}},{'id':'b',"
	    "'function':{'name':'u','arguments':'['}}]}}]}",
		  "{'choices':[{'delta':{'tool_calls':[{'id':'a','function':{'arguments':'}'}}]}}]}",
		  "{'choices':[{'delta':{'tool_calls':[{'id':'b','function':{'arguments':']'}}]},'finish_reason':'stop'}]}" },
		"[{'id':'a','type':'function','function':{'name':'t','arguments':'{}'}},{'id':'b','type':'function',"
		"'function':{'name':'u','arguments':'[]'}}]" },
	/* one index for all */
	{ { "{'choices':[{'delta':{'tool_calls':[{'index':0,'id':'a','function':{'name':'t','arguments':'{}'}}]}}]}",
		  "{'choices':[{'delta':{'tool_calls':[{'index':0,'id':'b','function':{'name':'u','arguments':'['}}]}}]}",
		  "{'choices':[{'delta':{'tool_calls':[{'index':0,'function':{'arguments':']'}}]},'finish_reason':'stop'}]}" },
		"[{'id':'a','type':'function','function':{'name':'t','arguments':'{}'}},{'id':'b','type':'function',"
		"'function':{'name':'u','arguments':'[]'}}]" },
	/* the id changes with every piece, the name comes once */
	{ { "{'choices':[{'delta':{'tool_calls':[{'index':0,'id':'a','function':{'name':'t','arguments':'{'}}]}}]}",
		  "{'choices':[{'delta':{'tool_calls':[{'index':0,'id':'b','function':{'arguments':'}'}}]},"
		  "'finish_reason':'stop'}]}" },
		"[{'id':'b','type':'function','function':{'name':'t','arguments':'{}'}}]" },
};

START_TEST(calls_at_once_are_told_apart)
{
	gk_auto_json json_t *whole = stream(parallel[_i].events, NULL);

	assert_json(gk_json_at_peek(whole, "choices[0].message.tool_calls"), parallel[_i].wanted);
	json_decref(chunks);
}
END_TEST

START_TEST(fragments_before_the_name_are_kept_and_not_told)
{
	static const char *const events[] = {
		"{'choices':[{'delta':{'tool_calls':[{'index':0,'function':{'arguments':'{}'}}]}}]}",
		"{'choices':[{'delta':{'tool_calls':[{'index':0,'function':{'name':'t'}}]},'finish_reason':'x'}]}",
		NULL
	};
	gk_auto_json json_t *whole = stream(events, NULL);

	ck_assert_uint_eq(json_array_size(chunks), 1);
	ck_assert_str_eq(
		gk_json_str_peek(whole, "choices[0].message.tool_calls[0].function.arguments"),
		"{}");
	json_decref(chunks);
}
END_TEST

START_TEST(each_choice_has_chunks_of_its_own_and_the_first_is_the_answer)
{
	static const char *const events[] = { "{'choices':[{'index':1,'delta':{'content':'b'}}]}",
		"{'choices':[{'index':0,'delta':{'content':'a'},'finish_reason':'stop'}]}", NULL };
	gk_auto_json json_t *whole = stream(events, NULL);

	assert_json(chunks,
		"[{'index':1,'role':'model','content':[{'text':'b'}]},{'index':0,'role':'model','content':"
		"[{'text':'a'}]}]");
	ck_assert_str_eq(gk_json_str_peek(whole, "choices[0].message.content"), "a");
	json_decref(chunks);
}
END_TEST

START_TEST(the_last_value_of_each_member_counts)
{
	static const char *const events[] = { "{'citations':['a'],'usage':null,'choices':[]}",
		"{'citations':['a','b'],'usage':{'total_tokens':3},'choices':[{'delta':{},'finish_reason':'stop'}]}",
		"{'citations':null,'choices':[]}", NULL };
	gk_auto_json json_t *whole = stream(events, NULL);

	assert_json(json_object_get(whole, "citations"), "['a','b']");
	ck_assert_int_eq(gk_json_int_at(whole, "usage.total_tokens", 0), 3);
	json_decref(chunks);
}
END_TEST

START_TEST(what_is_no_event_ends_the_stream)
{
	static const char *const events[] = { "<html>", NULL };
	gk_auto_error gk_error err = { 0 };

	ck_assert_ptr_null(stream(events, &err));
	ck_assert_int_eq(err.code, GK_INTERNAL);
	json_decref(chunks);
}
END_TEST

START_TEST(a_stream_has_only_so_many_choices_and_calls)
{
	gk_auto_json json_t *request = json("{'messages':[]}");
	gk_oai_call call = call_of(&gk_plugin_openai, "m", request);
	gk_error err = { 0 };

	for (int calls = 0; calls < 2; calls++) {
		gk_auto_oai_stream gk_oai_stream it;
		gk_code rc = GK_OK;
		int limit = calls ? GK_MAX_VENDOR_CALLS : GK_MAX_VENDOR_CHOICES, i;

		chunks = json_array();
		gk_oai_stream_init(&it, &call, keep, NULL);
		for (i = 0; rc == GK_OK && i <= limit; i++) {
			char text[128];
			int len = snprintf(text, sizeof(text),
				calls ? "{\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":%d}]}}]}"
				      : "{\"choices\":[{\"index\":%d,\"delta\":{}}]}",
				i);

			rc = gk_oai_stream_push(&it, text, (size_t)len, &err);
		}
		ck_assert_int_eq(i, limit + 1);
		assert_error(&err, GK_RESOURCE_EXHAUSTED,
			calls ? "openai: the stream has too many tool calls"
			      : "openai: the stream has too many choices");
		json_decref(chunks);
	}
}
END_TEST

/* Every delta of long arguments would cost their whole length. */
START_TEST(long_arguments_are_told_as_they_grow_by_an_eighth)
{
	gk_auto_json json_t *request = json("{'messages':[]}");
	gk_oai_call call = call_of(&gk_plugin_openai, "m", request);
	gk_auto_oai_stream gk_oai_stream it;
	static const char first[] =
		"{\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0,\"function\":{\"name\":\"t\","
		"\"arguments\":\"\\\"\"}}]}}]}";
	static const char more[] =
		"{\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":"
		"\"0123456789012345678901234567890123456789012345678901234567890123\"}}]}}]}";
	size_t pushes = GK_VENDOR_PARTIAL / 64 * 8;

	chunks = json_array();
	gk_oai_stream_init(&it, &call, keep, NULL);
	ck_assert_int_eq(gk_oai_stream_push(&it, first, strlen(first), NULL), GK_OK);
	for (size_t i = 0; i < pushes; i++)
		ck_assert_int_eq(gk_oai_stream_push(&it, more, strlen(more), NULL), GK_OK);
	ck_assert_uint_ge(json_array_size(chunks), GK_VENDOR_PARTIAL / 64);
	ck_assert_uint_le(json_array_size(chunks), GK_VENDOR_PARTIAL / 64 + 30);
	json_decref(chunks);
}
END_TEST

/* --- memory --- */

static bool convert_all(void)
{
	gk_auto_json json_t *request =
		json_pack("{s:[{s:s, s:[{s:s},{s:{s:s}}]}], s:[{s:s}], s:{s:i}}", "messages",
			"role", "user", "content", "text", "x", "media", "url",
			"data:image/png;base64,QQ==", "tools", "name", "t", "config", "topP", 1);
	gk_oai_call call = call_of(&gk_plugin_openai, "gpt-4o", request);
	static const char event[] =
		"{\"choices\":[{\"delta\":{\"content\":\"x\",\"tool_calls\":[{\"id\":\"i\",\"function\":"
		"{\"name\":\"t\",\"arguments\":\"{}\"}}]},\"finish_reason\":\"stop\"}]}";
	gk_auto_json json_t *body = NULL, *whole = NULL, *response = NULL;
	gk_auto_oai_stream gk_oai_stream it;
	bool ok;

	chunks = json_array();
	gk_oai_stream_init(&it, &call, keep, NULL);
	ok = request && chunks && gk_oai_request(&call, true, &body, NULL) == GK_OK &&
	     gk_oai_stream_push(&it, event, strlen(event), NULL) == GK_OK &&
	     gk_oai_stream_end(&it, &whole, NULL) == GK_OK &&
	     gk_oai_answer(&call, whole, &response, NULL) == GK_OK;
	json_decref(chunks);
	return ok;
}

START_TEST(memory_that_runs_out_leaves_nothing_behind)
{
	fault_sweep(convert_all);
}
END_TEST

static Suite *oai_suite(void)
{
	Suite *suite = suite_create("oai");
	TCase *tcase = tcase_create("oai");

	tcase_add_loop_test(tcase, a_request_becomes_what_the_service_understands, 0,
		(int)(sizeof(requests) / sizeof(requests[0])));
	tcase_add_test(tcase, a_foreign_reference_becomes_nine_letters_always_the_same);
	tcase_add_loop_test(tcase, an_answer_becomes_a_response, 0,
		(int)(sizeof(answers) / sizeof(answers[0])));
	tcase_add_test(tcase, an_answer_that_is_none_is_an_error);
	tcase_add_test(tcase, a_fence_around_json_goes_where_the_service_knows_no_schema);
	tcase_add_test(tcase, a_stream_without_an_end_is_an_error);
	tcase_add_test(tcase, done_alone_ends_a_stream);
	tcase_add_test(tcase, calls_without_an_index_are_told_apart_by_their_id);
	tcase_add_loop_test(
		tcase, calls_at_once_are_told_apart, 0, sizeof(parallel) / sizeof(parallel[0]));
	tcase_add_test(tcase, fragments_before_the_name_are_kept_and_not_told);
	tcase_add_test(tcase, each_choice_has_chunks_of_its_own_and_the_first_is_the_answer);
	tcase_add_test(tcase, the_last_value_of_each_member_counts);
	tcase_add_test(tcase, what_is_no_event_ends_the_stream);
	tcase_add_test(tcase, a_stream_has_only_so_many_choices_and_calls);
	tcase_add_test(tcase, long_arguments_are_told_as_they_grow_by_an_eighth);
	tcase_add_test(tcase, memory_that_runs_out_leaves_nothing_behind);
	suite_add_tcase(suite, tcase);
	return suite;
}

UNIT_MAIN(oai_suite)
