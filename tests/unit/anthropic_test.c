/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Claude, beyond what the recorded exchanges show: streams that are not what they should be, documents, tokens. */
#include "plugins/anthropic/anthropic.h"

#include "base/limits.h"
#include "core.h"
#include "plugins/common/net.h"

#include <genkit/plugins.h>
#include <stdio.h>

static gk_code drop(json_t *chunk_take, void *user, gk_error *err)
{
	(void)user;
	(void)err;
	json_decref(chunk_take);
	return GK_OK;
}

#define BEGIN "{\"type\":\"message_start\",\"message\":{\"usage\":{\"input_tokens\":1}}}"
#define BLOCK                                                                                      \
	"{\"type\":\"content_block_start\",\"content_block\":{\"type\":\"text\",\"text\":\"\"}}"

static const struct {
	const char *events[4];
	const char *message;
} broken[] = {
	{ { "{\"type\":\"message_start\"}" },
		"anthropic: the stream's message_start has no message" },
	{ { BEGIN, "{\"type\":\"content_block_start\",\"index\":0}" },
		"anthropic: the stream's content_block_start has no content_block" },
	{ { BEGIN, "{\"type\":\"content_block_delta\",\"delta\":{}}" },
		"anthropic: the stream has a delta of a block that did not start" },
	{ { BEGIN,
		  "{\"type\":\"content_block_start\",\"content_block\":{\"type\":\"tool_use\",\"name\":\"t\",\"id\":\"1\"}}",
		  "{\"type\":\"content_block_delta\",\"delta\":{\"type\":\"input_json_delta\",\"partial_json\":\"{\"}}",
		  "{\"type\":\"content_block_stop\",\"index\":0}" },
		"anthropic: the input of the call of tool 't' is not JSON" },
	{ { BEGIN, BLOCK }, "anthropic: the stream broke off before message_stop" },
	{ { "no JSON" }, NULL },
};

START_TEST(a_broken_stream_says_what_is_wrong)
{
	gk_auto_anthropic_stream gk_anthropic_stream stream = { .emit = drop };
	gk_auto_json json_t *whole = NULL;
	gk_error err = { 0 };
	gk_code rc = GK_OK;

	for (size_t i = 0; rc == GK_OK && i < 4 && broken[_i].events[i]; i++)
		rc = gk_anthropic_stream_push(
			&stream, broken[_i].events[i], strlen(broken[_i].events[i]), &err);
	if (rc == GK_OK)
		rc = gk_anthropic_stream_end(&stream, &whole, &err);
	ck_assert_int_eq(rc, GK_INTERNAL);
	assert_error(&err, GK_INTERNAL, broken[_i].message);
}
END_TEST

START_TEST(a_stream_has_only_so_many_blocks)
{
	gk_auto_anthropic_stream gk_anthropic_stream stream = { .emit = drop };
	gk_error err = { 0 };
	gk_code rc = gk_anthropic_stream_push(&stream, BEGIN, strlen(BEGIN), &err);
	unsigned blocks = 0;

	while (rc == GK_OK && blocks <= GK_MAX_VENDOR_CALLS) {
		rc = gk_anthropic_stream_push(&stream, BLOCK, strlen(BLOCK), &err);
		blocks += rc == GK_OK;
	}
	ck_assert_uint_eq(blocks, GK_MAX_VENDOR_CALLS);
	assert_error(&err, GK_RESOURCE_EXHAUSTED, "anthropic: the stream has too many blocks");
}
END_TEST

START_TEST(a_stream_has_only_so_many_bytes)
{
	static const char head[] =
		"{\"type\":\"content_block_delta\",\"delta\":{\"type\":\"text_delta\",\"text\":\"";
	gk_auto_anthropic_stream gk_anthropic_stream stream = { .emit = drop };
	gk_auto_str char *delta = malloc(sizeof(head) + (1u << 20) + sizeof("\"}}"));
	gk_error err = { 0 };
	gk_code rc = gk_anthropic_stream_push(&stream, BLOCK, strlen(BLOCK), &err);
	unsigned pushed = 0;

	strcpy(delta, head);
	memset(delta + sizeof(head) - 1, 'x', 1u << 20);
	strcpy(delta + sizeof(head) - 1 + (1u << 20), "\"}}");
	while (rc == GK_OK && pushed <= GK_MAX_VENDOR_STREAM >> 20) {
		rc = gk_anthropic_stream_push(&stream, delta, strlen(delta), &err);
		pushed += rc == GK_OK;
	}
	ck_assert_uint_eq(pushed, GK_MAX_VENDOR_STREAM >> 20);
	assert_error(&err, GK_RESOURCE_EXHAUSTED, "anthropic: the stream is too long");
}
END_TEST

/* A stream that goes well; its chunks are kept. */
static json_t *chunks;

static gk_code keep(json_t *chunk_take, void *user, gk_error *err)
{
	(void)user;
	return json_array_append_new(chunks, chunk_take) == 0 ? GK_OK : gk_error_no_memory(err);
}

static gk_code push(gk_anthropic_stream *stream, const char *event, gk_error *err)
{
	gk_auto_json json_t *value = json(event);
	gk_auto_str char *text = gk_json_write(value, NULL);

	return gk_anthropic_stream_push(stream, text, strlen(text), err);
}

START_TEST(blocks_may_begin_with_what_deltas_go_on_with)
{
	static const char *const events[] = {
		"{'type':'message_start','message':{'usage':{'input_tokens':1}}}",
		"{'type':'content_block_start','index':0,'content_block':{'type':'thinking','thinking':'h','signature':''}}",
		"{'type':'content_block_delta','index':0,'delta':{'type':'thinking_delta','thinking':'m'}}",
		"{'type':'content_block_delta','index':0,'delta':{'type':'signature_delta','signature':'S'}}",
		"{'type':'ping'}",
		"{'type':'content_block_start','index':1,'content_block':{'type':'text','text':'a'}}",
		"{'type':'content_block_delta','index':1,'delta':{'type':'text_delta','text':'b'}}",
		"{'type':'content_block_delta','index':1,'delta':{'type':'new_delta','x':1}}",
		"{'type':'content_block_start','index':2,'content_block':{'type':'text'}}",
		"{'type':'new_event'}",
		"{'type':'message_delta','delta':{'stop_reason':'end_turn'},'usage':{'output_tokens':2}}",
		"{'type':'message_stop'}",
	};
	gk_auto_anthropic_stream gk_anthropic_stream stream = { .emit = keep };
	gk_auto_json json_t *message = NULL, *response = NULL;

	chunks = json_array();
	for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++)
		ck_assert_int_eq(push(&stream, events[i], NULL), GK_OK);
	ck_assert_int_eq(gk_anthropic_stream_end(&stream, &message, NULL), GK_OK);
	ck_assert_int_eq(gk_anthropic_answer(NULL, message, &response, NULL), GK_OK);
	assert_json(gk_json_at_peek(response, "message.content"),
		"[{'reasoning':'hm','metadata':{'thoughtSignature':'S'}},{'text':'ab'}]");
	ck_assert_int_eq(gk_json_int_at(response, "usage.totalTokens", 0), 3);
	ck_assert_uint_eq(json_array_size(chunks), 4);
	json_decref(chunks);
}
END_TEST

START_TEST(an_error_in_the_stream_has_its_status_and_shows_no_key)
{
	gk_auto_outgoing gk_outgoing out;
	gk_auto_anthropic_stream gk_anthropic_stream stream = { .emit = drop, .out = &out };
	gk_error err = { 0 };

	gk_outgoing_init(&out, "POST");
	gk_outgoing_secret(&out, "x-api-key", "", "sk-secret");
	push(&stream,
		"{'type':'error','error':{'type':'rate_limit_error','message':'sk-secret is slow'}}",
		&err);
	assert_error(&err, GK_RESOURCE_EXHAUSTED, "anthropic: <REDACTED> (9 characters) is slow");
	push(&stream, "{'type':'error','error':{'type':'new_error'}}", &err);
	assert_error(&err, GK_INTERNAL, "anthropic: the answer is an error");
}
END_TEST

START_TEST(a_block_without_what_it_must_have_is_an_error)
{
	gk_auto_json json_t *use = json("{'type':'tool_use','id':'1'}"),
			    *redacted = json("{'type':'redacted_thinking'}");
	json_t *part = NULL;
	gk_error err = { 0 };

	ck_assert_int_eq(gk_anthropic_part(use, &part, &err), GK_INTERNAL);
	assert_error(&err, GK_INTERNAL, "anthropic: a block of type 'tool_use' has no 'name'");
	ck_assert_int_eq(gk_anthropic_part(redacted, &part, &err), GK_INTERNAL);
	assert_error(
		&err, GK_INTERNAL, "anthropic: a block of type 'redacted_thinking' has no 'data'");
}
END_TEST

static json_t *everything;

/* --- requests --- */

#define DOCUMENT(source)                                                                           \
	"{'messages':[{'role':'user','content':[{'custom':{'anthropicDocument':{'source':" source  \
	"}}}]}]}"

static const struct {
	const char *request;
	const char *message; /* of the error; NULL: none */
	const char *path, *wanted;
} requests[] = {
	{ DOCUMENT("{'type':'text','data':'d'}"), NULL, "messages[0].content[0]",
		"{'type':'document','source':{'type':'text','media_type':'text/plain','data':'d'}}" },
	{ DOCUMENT(
		  "{'type':'content','content':[{'type':'text','text':'t'},{'type':'image','source':{'mediaType':"
		  "'image/png','data':'QQ=='}}]}"),
		NULL, "messages[0].content[0].source",
		"{'type':'content','content':[{'type':'text','text':'t'},{'type':'image','source':{'type':'base64',"
		"'media_type':'image/png','data':'QQ=='}}]}" },
	{ DOCUMENT("{'type':'url'}"), "anthropic: a document's source of type 'url' has no 'url'",
		NULL, NULL },
	{ DOCUMENT("{'type':'file','fileId':'f'}"),
		"anthropic: a document by file needs config.apiVersion beta", NULL, NULL },
	{ DOCUMENT(
		  "{'type':'content','content':[{'type':'image','source':{'mediaType':'image/tiff','data':'Q'}}]}"),
		"anthropic: an image in a document is base64 'data' of a 'mediaType' that can be sent, not "
		"'image/tiff'",
		NULL, NULL },
	{ DOCUMENT("{'type':'content','content':'all of it'}"),
		"anthropic: a document's content is a list of texts and images", NULL, NULL },
	{ DOCUMENT("{'type':'content','content':[{'type':'sound'}]}"),
		"anthropic: a document's content is of type text or image, not 'sound'", NULL,
		NULL },
	{ "{'messages':[],'config':{'stream':true,'temperature':0,'topK':null,'stopSequences':[]}}",
		NULL, NULL,
		"{'model':'m','max_tokens':4096,'messages':[],'temperature':0,'stop_sequences':[]}" },
	{ "{'messages':[],'config':{'thinking':{'enabled':true,'budgetTokens':1023}}}",
		"anthropic: config.thinking needs budgetTokens, an integer from 1024", NULL, NULL },
	{ "{'messages':[],'config':{'thinking':{'enabled':true,'adaptive':true}}}",
		"anthropic: config.thinking is adaptive or enabled, not both", NULL, NULL },
	{ "{'messages':[],'config':{'thinking':{'budgetTokens':2048}}}", NULL, "thinking",
		"{'type':'enabled','budget_tokens':2048}" },
	{ "{'messages':[],'toolChoice':'required'}", NULL, NULL,
		"{'model':'m','max_tokens':4096,'messages':[]}" },
	{ "{'messages':[],'toolChoice':'required','config':{'tools':[{'type':'web_search_20250305','name':'w'}]}}",
		NULL, "tool_choice", "{'type':'any'}" },
	{ "{'messages':[],'output':{'format':'array','contentType':'application/json','constrained':true,"
	  "'schema':{'type':'array'}}}",
		NULL, NULL, "{'model':'m','max_tokens':4096,'messages':[]}" },
	{ "{'messages':[],'output':{'format':'json','schema':{'type':'string'}}}", NULL,
		"output_config.format.schema", "{'type':'string'}" },
	{ "{'messages':[{'role':'tool','content':[{'toolResponse':{'name':'t','ref':'r'}}]}]}",
		NULL, "messages[0].content[0].content", "[{'type':'text','text':'null'}]" },
	{ "{'messages':[{'role':'tool','content':[{'toolResponse':{'name':'t','ref':'r','output':'o','content':[{'text':"
	  "'x'},{'media':{'url':'https://a.example/b.pdf','contentType':'application/pdf'}}]}}]}]}",
		NULL, "messages[0].content[0].content",
		"[{'type':'text','text':'o'},{'type':'text','text':'x'},{'type':'document','source':{'type':'url','url':"
		"'https://a.example/b.pdf'}}]" },
};

START_TEST(a_request_becomes_what_the_service_understands)
{
	gk_auto_json json_t *request = json(requests[_i].request), *body = NULL;
	gk_error err = { 0 };
	gk_code rc = gk_anthropic_request("m", request, false, false, &body, &err);

	if (requests[_i].message) {
		ck_assert_int_eq(rc, GK_INVALID_ARGUMENT);
		assert_error(&err, GK_INVALID_ARGUMENT, requests[_i].message);
		return;
	}
	ck_assert_int_eq(rc, GK_OK);
	assert_json(requests[_i].path ? gk_json_at_peek(body, requests[_i].path) : body,
		requests[_i].wanted);
}
END_TEST

/* Everything that a request and its answer, whole and in pieces, go through. */
static bool convert_all(void)
{
	static const char *const events[] = {
		"{\"type\":\"message_start\",\"message\":{\"usage\":{\"input_tokens\":1}}}",
		"{\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"thinking\",\"thinking\":\"h\"}}",
		"{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"signature_delta\",\"signature\":\"S\"}}",
		"{\"type\":\"content_block_start\",\"index\":1,\"content_block\":{\"type\":\"text\",\"text\":\"a\"}}",
		"{\"type\":\"content_block_delta\",\"index\":1,\"delta\":{\"type\":\"citations_delta\",\"citation\":{\"type\":"
		"\"char_location\",\"document_index\":0,\"cited_text\":\"c\"}}}",
		"{\"type\":\"content_block_start\",\"index\":2,\"content_block\":{\"type\":\"tool_use\",\"id\":\"1\",\"name\":\"t\"}}",
		"{\"type\":\"content_block_delta\",\"index\":2,\"delta\":{\"type\":\"input_json_delta\",\"partial_json\":\"{}\"}}",
		"{\"type\":\"content_block_stop\",\"index\":2}",
		"{\"type\":\"content_block_start\",\"index\":3,\"content_block\":{\"type\":\"server_tool_use\",\"id\":\"2\",\"name\":"
		"\"w\",\"input\":{}}}",
		"{\"type\":\"message_stop\"}",
	};
	gk_auto_anthropic_stream gk_anthropic_stream stream = { .emit = drop };
	gk_auto_json json_t *body = NULL, *message = NULL, *response = NULL;
	gk_code rc = gk_anthropic_request("m", everything, true, true, &body, NULL);

	for (size_t i = 0; rc == GK_OK && i < sizeof(events) / sizeof(events[0]); i++)
		rc = gk_anthropic_stream_push(&stream, events[i], strlen(events[i]), NULL);
	return rc == GK_OK && gk_anthropic_stream_end(&stream, &message, NULL) == GK_OK &&
	       gk_anthropic_answer(everything, message, &response, NULL) == GK_OK &&
	       json_array_size(gk_json_at_peek(response, "message.content")) == 4;
}

START_TEST(memory_that_runs_out_leaves_nothing_behind)
{
	everything = json(
		"{'messages':[{'role':'system','content':[{'text':'s','metadata':{'cache_control':{'type':'ephemeral'}}}]},"
		"{'role':'user','content':[{'text':'x'},{'media':{'url':'data:image/png;base64,QQ=='}},{'custom':"
		"{'anthropicDocument':{'source':{'type':'content','content':[{'type':'text','text':'t'},{'type':'image',"
		"'source':{'mediaType':'image/png','data':'QQ=='}}]},'title':'T'}}}]},{'role':'model','content':[{'reasoning':"
		"'r','metadata':{'thoughtSignature':'s'}},{'toolRequest':{'name':'t','ref':'1','input':{}}}]},{'role':'tool',"
		"'content':[{'toolResponse':{'name':'t','ref':'1','output':{'a':1},'content':[{'text':'c'}]}}]}],'tools':"
		"[{'name':'t','description':'d','inputSchema':{'type':'object','properties':{'a':{'type':'object'}}},'metadata':"
		"{'strict':true}}],'toolChoice':'auto','output':{'format':'json','constrained':true,'schema':{'type':'object'}},"
		"'config':{'thinking':{'budgetTokens':2048},'tools':[{'type':'w'}],'topP':1}}");
	fault_sweep(convert_all);
	json_decref(everything);
}
END_TEST

/* --- credentials --- */

static char headers[1024];
static const char *key, *token;

static gk_code start(void *user, const gk_outgoing *out, void **ret, gk_error *err)
{
	(void)user;
	*headers = '\0';
	for (size_t i = 0; i < out->header_count; i++)
		snprintf(headers + strlen(headers), sizeof(headers) - strlen(headers), "%s\n",
			out->headers[i]);
	(void)ret;
	return gk_error_set(err, GK_UNAVAILABLE, "nobody is there");
}

static const gk_transport nobody = { .start = start };

static const char *variable(const char *name, void *user)
{
	(void)user;
	return strcmp(name, "ANTHROPIC_API_KEY") == 0      ? key
	       : strcmp(name, "ANTHROPIC_AUTH_TOKEN") == 0 ? token
							   : NULL;
}

/* Asks once, with a key of the call's own or NULL. */
static void ask(const char *own)
{
	gk_auto_json json_t *request = json("{'messages':[]}");

	core_start_unseen();
	ck_assert(gk_net_set_env(core_app, variable, NULL));
	ck_assert(gk_net_set_transport(core_app, &nobody, NULL));
	ck_assert_int_eq(gk_use_plugin(core_app, "anthropic", NULL, NULL), GK_OK);
	if (own)
		json_object_set_new(request, "config", json_pack("{s:s}", "apiKey", own));
	core_fail("/model/anthropic/claude-x", gk_steal(request), GK_UNAVAILABLE, NULL);
	core_stop();
}

START_TEST(a_token_of_the_environment_is_sent_as_one)
{
	key = "sk-key";
	token = "the-token";
	ask(NULL);
	ck_assert_ptr_nonnull(strstr(headers, "x-api-key: sk-key\n"));
	ck_assert_ptr_null(strstr(headers, "Bearer"));
	key = " ";
	ask(NULL);
	ck_assert_ptr_nonnull(strstr(headers, "Authorization: Bearer the-token\n"));
	ck_assert_ptr_null(strstr(headers, "x-api-key"));
	ask("the-token");
	ck_assert_ptr_nonnull(strstr(headers, "x-api-key: the-token\n"));
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("anthropic");
	TCase *tcase = tcase_create("anthropic");

	tcase_add_loop_test(tcase, a_broken_stream_says_what_is_wrong, 0,
		(int)(sizeof(broken) / sizeof(broken[0])));
	tcase_add_test(tcase, a_stream_has_only_so_many_blocks);
	tcase_add_test(tcase, a_stream_has_only_so_many_bytes);
	tcase_add_test(tcase, blocks_may_begin_with_what_deltas_go_on_with);
	tcase_add_test(tcase, an_error_in_the_stream_has_its_status_and_shows_no_key);
	tcase_add_test(tcase, a_block_without_what_it_must_have_is_an_error);
	tcase_add_loop_test(tcase, a_request_becomes_what_the_service_understands, 0,
		(int)(sizeof(requests) / sizeof(requests[0])));
	tcase_add_test(tcase, memory_that_runs_out_leaves_nothing_behind);
	tcase_add_test(tcase, a_token_of_the_environment_is_sent_as_one);
	suite_add_tcase(s, tcase);
	return s;
}

UNIT_MAIN(suite)
