/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* What services answer with, byte by byte, and what callers get of it: whole actions, without a network. */
#include "base/limits.h"
#include "base/log.h"
#include "provider.h"

static const char *says;
static int status;
static char *url, *body; /* of the last request */
static unsigned requests;

static gk_code answer(const gk_outgoing *out, provider_reply *reply, gk_error *err)
{
	(void)err;
	free(url);
	free(body);
	url = strdup(out->url);
	body = strndup(out->body ? out->body : "", out->body_len);
	reply->status = status;
	reply->text = strdup(says);
	reply->piece = 1;
	requests++;
	return GK_OK;
}

static void set_up(void)
{
	core_start_unseen();
	url = body = NULL;
	status = 200;
	requests = 0;
	provider_start(answer);
}

static void tear_down(void)
{
	core_stop();
	free(url);
	free(body);
}

#define ZOO        "{'name':'zoo','base_url':'http://zoo.invalid/v1','breakAfter':0}"
#define CLOUDFLARE "{'accountId':'a','apiToken':'secret-token','breakAfter':0}"

/* Runs it as a stream. The result, or NULL with `code_ret` and the message. */
static json_t *stream(const char *key, json_t **chunks_ret, gk_code *code_ret, char **message_ret)
{
	gk_auto_json json_t *input = provider_hello();
	core_sink sink;
	json_t *got = NULL;
	gk_run *run;

	core_sink_init(&sink);
	run = core_begin(GK_OPTS(gk_run_opts, .app = core_app, .key = key, .input = input,
		.sink = &sink.base, .is_streaming = true));
	core_finish(run);
	if (gk_run_error_peek(run)) {
		*code_ret = gk_run_error_peek(run)->code;
		*message_ret = gk_error_text(gk_run_error_peek(run));
	} else {
		got = json_incref(gk_run_result_peek(run));
	}
	*chunks_ret = json_incref(sink.chunks);
	gk_run_unref(run);
	core_sink_done(&sink);
	return got;
}

/* --- answers that are no streams --- */

static const struct {
	const char *plugin, *options, *key, *text;
} wholes[] = {
	{ "compat", ZOO, "/model/zoo/m",
		"{\"choices\":[{\"message\":{\"content\":\"hello\"},\"finish_reason\":\"stop\"}]}" },
	{ "compat", ZOO, "/model/zoo/m",
		"\r\n {\"choices\":[{\"message\":{\"content\":\"hello\"},\"finish_reason\":\"stop\"}]}" },
	{ "cloudflare-workers-ai", CLOUDFLARE, "/model/cloudflare-workers-ai/@cf/a/b",
		"{\"success\":true,\"result\":{\"response\":\"hello\"}}" },
};

START_TEST(a_service_that_does_not_stream_gives_one_chunk)
{
	gk_auto_json json_t *chunks = NULL, *got = NULL;

	provider_use(wholes[_i].plugin, wholes[_i].options);
	says = wholes[_i].text;
	got = stream(wholes[_i].key, &chunks, &(gk_code){ GK_OK }, &(char *){ NULL });
	assert_json(gk_json_at_peek(got, "message.content"), "[{'text':'hello'}]");
	assert_json(chunks, "[{'index':0,'role':'model','content':[{'text':'hello'}]}]");
}
END_TEST

static const struct {
	const char *plugin, *options, *key, *text;
	gk_code code;
	const char *message;
} failures[] = {
	{ "compat", ZOO, "/model/zoo/m", "{\"error\":{\"message\":\"overloaded\",\"code\":503}}",
		GK_UNAVAILABLE, "zoo: [503] overloaded" },
	{ "compat", ZOO, "/model/zoo/m", "<html><title>Log in</title></html>", GK_INTERNAL,
		"zoo: the answer is no stream of events: <html><title>Log in</title></html>" },
	{ "compat", ZOO, "/model/zoo/m", "", GK_INTERNAL,
		"zoo: the stream broke off before the end of the answer" },
	{ "compat", ZOO, "/model/zoo/m", "[1]", GK_INTERNAL, "zoo: the answer has no choices" },
	{ "compat", ZOO, "/model/zoo/m",
		": keep-alive\r\n\r\ndata: {\"object\":\"error\",\"message\":\"too long\",\"code\":400}\r\n\r\n",
		GK_INVALID_ARGUMENT, "zoo: [400] too long" },
	{ "compat", ZOO, "/model/zoo/m", "event: error\ndata: {\"message\":\"too long\"}\n\n",
		GK_INTERNAL, "zoo: too long" },
	{ "anthropic", "{'apiKey':'secret-key'}", "/model/anthropic/claude-x",
		"{\"type\":\"error\",\"error\":{\"message\":\"overloaded\"}}", GK_INTERNAL,
		"anthropic: overloaded" },
	{ "googleai", "{'apiKey':'secret-key'}", "/model/googleai/gemini-x",
		"[{\"candidates\":[]}]", GK_INTERNAL,
		"googleai: the answer is no stream of events: [{\"candidates\":[]}]" },
	{ "compat", ZOO, "/model/zoo/m",
		"{\"error\":{\"message\":\"wait\",\"status\":\"RESOURCE_EXHAUSTED\"}}",
		GK_RESOURCE_EXHAUSTED, "zoo: wait" },
	{ "cloudflare-workers-ai", CLOUDFLARE, "/model/cloudflare-workers-ai/@cf/a/b",
		"{\"success\":false,\"errors\":[{\"message\":\"no such model\"}]}", GK_INTERNAL,
		"cloudflare-workers-ai: no such model" },
	{ "cloudflare-workers-ai", CLOUDFLARE, "/model/cloudflare-workers-ai/@cf/a/b",
		"data: {\"response\":\"he\"}\n\ndata: {\"success\":false,\"errors\":[{\"message\":\"lost\"}]}\n\n",
		GK_INTERNAL, "cloudflare-workers-ai: [200] lost" },
	{ "ollama", "{'apiKey':'secret-key'}", "/model/ollama/m",
		"{\"error\":\"no such key: secret-key\"}\n", GK_INTERNAL,
		"ollama: no such key: <REDACTED> (10 characters)" },
	{ "ollama", "{}", "/model/ollama/m",
		"{\"message\":{\"content\":\"he\"}}\n{\"error\":{\"message\":\"lost\",\"code\":503}}\n",
		GK_UNAVAILABLE, "ollama: [503] lost" },
	{ "ollama", "{}", "/model/ollama/m", "<html>", GK_INTERNAL,
		"ollama: the answer is not JSON" },
};

START_TEST(what_is_said_instead_of_a_stream_is_told)
{
	gk_auto_json json_t *chunks = NULL, *got = NULL;
	gk_auto_str char *message = NULL;
	gk_code code = GK_OK;

	provider_use(failures[_i].plugin, failures[_i].options);
	says = failures[_i].text;
	got = stream(failures[_i].key, &chunks, &code, &message);
	ck_assert_ptr_null(got);
	ck_assert_msg(code == failures[_i].code && strstr(message, failures[_i].message), "%d: %s",
		code, message);
}
END_TEST

START_TEST(a_key_that_is_said_again_in_a_success_is_not_told)
{
	provider_use("ollama", "{'apiKey':'secret-key'}");
	says = "{\"error\":\"no such key: secret-key\"}";
	core_fail("/model/ollama/m", provider_hello(), GK_INTERNAL,
		"ollama: no such key: <REDACTED> (10 characters)");
}
END_TEST

/* --- models that make and hear media --- */

static const struct {
	const char *key, *input, *text, *path, *wanted;
} media[] = {
	{ "/model/openai/gpt-image-1",
		"{'messages':[{'role':'user','content':[{'text':'a cat'}]}],"
		"'config':{'response_format':'url','output_format':'webp'}}",
		"{\"data\":[{\"b64_json\":\"QQ==\"}],\"usage\":{\"input_tokens\":3,\"output_tokens\":4,\"total_tokens\":7}}",
		"message.content",
		"[{'media':{'contentType':'image/webp','url':'data:image/webp;base64,QQ=='}}]" },
	{ "/model/openai/gpt-image-1",
		"{'messages':[{'role':'user','content':[{'text':'a cat'}]}]}",
		"{\"data\":[{\"b64_json\":\"QQ==\"}],\"usage\":{\"input_tokens\":3,\"output_tokens\":4,\"total_tokens\":7}}",
		"usage.totalTokens", "7" },
	{ "/model/openai/whisper-1",
		"{'messages':[{'role':'user','content':[{'media':{'url':'data:audio/wav;base64,QQ=='}}]}],"
		"'output':{'format':'json'}}",
		"{\"text\":\"hello\",\"usage\":{\"input_tokens\":3}}", "message.content",
		"[{'text':'hello'}]" },
	{ "/model/openai/whisper-1",
		"{'messages':[{'role':'user','content':[{'media':{'url':'data:audio/wav;base64,QQ=='}}]}]}",
		"{\"text\":\"hello\"}", "message.content",
		"[{'text':'{\\\"text\\\":\\\"hello\\\"}'}]" },
};

START_TEST(a_medium_or_what_was_heard_is_the_answer)
{
	gk_auto_json json_t *got = NULL;

	provider_use("openai", "{'apiKey':'secret-key'}");
	says = media[_i].text;
	got = core_run(media[_i].key, json(media[_i].input));
	assert_json(gk_json_at_peek(got, media[_i].path), media[_i].wanted);
	ck_assert_ptr_null(strstr(body, "\"response_format\":\"url\""));
}
END_TEST

START_TEST(a_picture_that_does_not_come_is_an_error)
{
	json_t *input = provider_hello();

	provider_use("openai", "{'apiKey':'secret-key','breakAfter':0}");
	says = "{}";
	core_fail("/model/openai/dall-e-3", json_incref(input), GK_INTERNAL,
		"openai: the answer has no 'data'");
	says = "{\"error\":{\"message\":\"not that\",\"code\":400}}";
	core_fail("/model/openai/dall-e-3", input, GK_INVALID_ARGUMENT, "openai: [400] not that");
}
END_TEST

START_TEST(a_failure_that_calls_itself_a_success_is_told_of_every_kind_of_model)
{
	json_t *sound = json(
		"{'messages':[{'role':'user','content':[{'media':{'url':'data:audio/wav;base64,QQ=='}}]}],"
		"'output':{'format':'json'}}");

	provider_use("openai", "{'apiKey':'secret-key','breakAfter':0}");
	says = "{\"error\":{\"message\":\"not for secret-key\",\"code\":429}}";
	core_fail("/model/openai/whisper-1", sound, GK_RESOURCE_EXHAUSTED,
		"openai: [429] not for <REDACTED> (10 characters)");
	core_fail("/embedder/openai/text-embedding-3-small",
		json("{'input':[{'content':[{'text':'a'}]}]}"), GK_RESOURCE_EXHAUSTED,
		"openai: [429] not for <REDACTED> (10 characters)");
}
END_TEST

START_TEST(a_form_names_what_is_in_lists_and_in_objects)
{
	provider_use("openai", "{'apiKey':'secret-key'}");
	says = "hello";
	json_decref(core_run("/model/openai/gpt-4o-transcribe",
		json("{'messages':[{'role':'user','content':[{'media':{'url':'data:audio/wav;base64,QQ=='}}]}],'config':"
		     "{'chunking_strategy':{'type':'server_vad','threshold':0.5},'include':['logprobs'],'translate':false}}")));
	ck_assert_ptr_nonnull(
		strstr(body, "name=\"chunking_strategy[type]\"\r\n\r\nserver_vad\r\n"));
	ck_assert_ptr_nonnull(strstr(body, "name=\"chunking_strategy[threshold]\"\r\n\r\n0.5\r\n"));
	ck_assert_ptr_nonnull(strstr(body, "name=\"include[]\"\r\n\r\nlogprobs\r\n"));
}
END_TEST

/* A list in a list in a list... */
static json_t *nested(unsigned depth)
{
	json_t *value = json_string("x");

	while (depth--)
		value = json_pack("[o]", value);
	return value;
}

START_TEST(a_form_is_only_so_deep)
{
	gk_auto_json json_t *input = json(
		"{'messages':[{'role':'user','content':[{'media':{'url':'data:audio/wav;base64,QQ=='}}]}],"
		"'config':{}}");
	json_t *config = json_object_get(input, "config");

	provider_use("openai", "{'apiKey':'secret-key'}");
	says = "hello";
	json_object_set_new(config, "a", nested(GK_MAX_FORM_DEPTH));
	json_decref(core_run("/model/openai/whisper-1", json_incref(input)));
	json_object_set_new(config, "a", nested(GK_MAX_FORM_DEPTH + 1));
	core_fail("/model/openai/whisper-1", json_incref(input), GK_INVALID_ARGUMENT, NULL);
	json_object_set_new(config, "a", json("{'b\\r\\nc':1}"));
	core_fail("/model/openai/whisper-1", json_incref(input), GK_INVALID_ARGUMENT,
		"a member of the configuration has a quote or a line break in its name");
}
END_TEST

START_TEST(an_embedder_of_cloudflare_gets_its_options)
{
	provider_use("cloudflare-workers-ai", CLOUDFLARE);
	says = "{\"success\":true,\"result\":{\"data\":[[1]]}}";
	json_decref(core_run("/embedder/cloudflare-workers-ai/@cf/baai/bge-small-en-v1.5",
		json("{'input':[{'content':[{'text':'a'}]}],'options':{'pooling':'cls','truncate':false,'apiKey':"
		     "'key-of-the-call','x':null}}")));
	ck_assert_str_eq(body, "{\"text\":[\"a\"],\"pooling\":\"cls\",\"truncate\":false}");
}
END_TEST

START_TEST(a_text_may_have_a_zero_in_it)
{
	gk_auto_json json_t *got = NULL;
	const json_t *text;

	provider_use("compat", ZOO);
	says = "{\"choices\":[{\"message\":{\"content\":\"a\\u0000b\"},\"finish_reason\":\"stop\"}]}";
	got = core_run("/model/zoo/m", provider_hello());
	text = gk_json_at_peek(got, "message.content[0].text");
	ck_assert_uint_eq(json_string_length(text), 3);
}
END_TEST

/* --- listings --- */

START_TEST(microsoft_says_what_a_model_is_for)
{
	gk_auto_json json_t *got = NULL;

	provider_use("microsoft-foundry",
		"{'apiKey':'secret-key','endpoint':'https://r.invalid/','discoverModels':true}");
	core_flow("list", core_list, NULL);
	says = "{\"data\":[{\"id\":\"talker\",\"capabilities\":{\"chat_completion\":true,\"embeddings\":false}},"
	       "{\"id\":\"measurer\",\"capabilities\":{\"chat_completion\":false,\"embeddings\":true}},"
	       "{\"id\":\"painter\",\"capabilities\":{\"chat_completion\":false,\"embeddings\":false}},"
	       "{\"id\":\"stranger\"}]}";
	got = core_run("/flow/list", NULL);
	ck_assert_str_eq(url, "https://r.invalid/openai/models?api-version=2024-10-21");
	ck_assert_ptr_nonnull(json_object_get(got, "/model/microsoft-foundry/talker"));
	ck_assert_ptr_nonnull(json_object_get(got, "/embedder/microsoft-foundry/measurer"));
	ck_assert_ptr_null(json_object_get(got, "/model/microsoft-foundry/measurer"));
	ck_assert_ptr_null(json_object_get(got, "/model/microsoft-foundry/painter"));
	ck_assert_ptr_nonnull(json_object_get(got, "/model/microsoft-foundry/stranger"));
}
END_TEST

/* --- warnings --- */

static unsigned warnings;

static void count_warning(const gk_log_record *record, void *user)
{
	(void)user;
	warnings += record->level == GK_LOG_WARN && strstr(record->message, "ignores config.");
}

START_TEST(what_a_model_ignores_is_said_once)
{
	const char *keys[] = { "/model/deepseek/deepseek-chat",
		"/model/deepseek/deepseek-reasoner" };

	provider_use("deepseek", "{'apiKey':'secret-key'}");
	says = "{\"choices\":[{\"message\":{\"content\":\"hello\"},\"finish_reason\":\"stop\"}]}";
	warnings = 0;
	gk_log_set_sink(count_warning, NULL);
	for (unsigned i = 0; i < 4; i++) {
		json_decref(
			core_run(keys[i / 2], json("{'messages':[],'config':{'temperature':0}}")));
		ck_assert_uint_eq(warnings, i / 2);
		ck_assert_ptr_nonnull(strstr(body, "\"temperature\":0"));
	}
	gk_log_set_sink(NULL, NULL);
}
END_TEST

static Suite *vendor_answer_suite(void)
{
	Suite *suite = suite_create("vendor_answer");
	TCase *tcase = tcase_create("vendor_answer");

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_loop_test(tcase, a_service_that_does_not_stream_gives_one_chunk, 0,
		sizeof(wholes) / sizeof(wholes[0]));
	tcase_add_loop_test(tcase, what_is_said_instead_of_a_stream_is_told, 0,
		sizeof(failures) / sizeof(failures[0]));
	tcase_add_test(tcase, a_key_that_is_said_again_in_a_success_is_not_told);
	tcase_add_loop_test(tcase, a_medium_or_what_was_heard_is_the_answer, 0,
		sizeof(media) / sizeof(media[0]));
	tcase_add_test(tcase, a_picture_that_does_not_come_is_an_error);
	tcase_add_test(tcase, a_failure_that_calls_itself_a_success_is_told_of_every_kind_of_model);
	tcase_add_test(tcase, a_form_names_what_is_in_lists_and_in_objects);
	tcase_add_test(tcase, a_form_is_only_so_deep);
	tcase_add_test(tcase, an_embedder_of_cloudflare_gets_its_options);
	tcase_add_test(tcase, a_text_may_have_a_zero_in_it);
	tcase_add_test(tcase, microsoft_says_what_a_model_is_for);
	tcase_add_test(tcase, what_a_model_ignores_is_said_once);
	suite_add_tcase(suite, tcase);
	return suite;
}

UNIT_MAIN(vendor_answer_suite)
