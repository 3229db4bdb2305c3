/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Where requests go, and what they carry: addresses, keys and headers of plugins and of calls. */
#include "provider.h"

#include <genkit/plugins.h>

static char *url, *body, *authorization, *team; /* of the last request */
static bool is_dead;

static void forget(void)
{
	char **const all[] = { &url, &body, &authorization, &team };

	for (size_t i = 0; i < 4; i++) {
		free(*all[i]);
		*all[i] = NULL;
	}
}

static gk_code answer(const gk_outgoing *out, provider_reply *reply, gk_error *err)
{
	const char *key = provider_header(out, "Authorization"),
		   *own = provider_header(out, "X-Team");

	if (!key)
		key = provider_header(out, "api-key");
	forget();
	url = strdup(out->url);
	body = strndup(out->body ? out->body : "", out->body_len);
	authorization = key ? strdup(key) : NULL;
	team = own ? strdup(own) : NULL;
	if (is_dead)
		return gk_error_set(err, GK_UNAVAILABLE, "nobody listens at [::1]");
	reply->text = strdup(
		"{\"choices\":[{\"message\":{\"content\":\"x\"},\"finish_reason\":\"stop\"}],"
		"\"message\":{\"content\":\"x\"},\"done\":true,\"content\":[],\"role\":\"assistant\","
		"\"embeddings\":[[1]],\"data\":[{\"embedding\":[1]}],\"success\":true,\"result\":{\"response\":\"x\"}}");
	return GK_OK;
}

static const char *env_of(const char *name, void *user)
{
	(void)user;
	return strcmp(name, "OPENAI_API_KEY") == 0 ? "key-of-the-environment" : NULL;
}

static void set_up(void)
{
	core_start();
	is_dead = false;
	provider_start(answer);
	ck_assert(gk_net_set_env(core_app, env_of, NULL));
}

static void tear_down(void)
{
	core_stop();
	forget();
}

static const struct {
	const char *plugin, *options, *key, *input, *url;
} addresses[] = {
	{ "compat", "{'name':'zoo','base_url':' http://zoo.invalid/v1/ '}", "/model/zoo/m", "{}",
		"http://zoo.invalid/v1/chat/completions" },
	{ "compat", "{'name':'zoo','base_url':'http://zoo.invalid/v1/?version=2&room=3#top'}",
		"/model/zoo/m", "{}", "http://zoo.invalid/v1/chat/completions?version=2&room=3" },
	{ "compat", "{'name':'zoo','base_url':'http://zoo.invalid?version=2'}",
		"/embedder/zoo/embed", "{}", "http://zoo.invalid/embeddings?version=2" },
	{ "microsoft-foundry", "{'endpoint':'https://r.invalid/?room=3','apiKey':'secret-key'}",
		"/model/microsoft-foundry/gpt-4o", "{}",
		"https://r.invalid/openai/deployments/gpt-4o/chat/completions?api-version=2024-10-21&room=3" },
	{ "anthropic", "{'baseURL':'https://a.invalid/?room=3','apiKey':'secret-key'}",
		"/model/anthropic/claude-x", "{}", "https://a.invalid/v1/messages?room=3" },
	{ "ollama", "{'serverAddress':'localhost'}", "/model/ollama/m", "{}",
		"http://localhost:11434/api/chat" },
	{ "ollama", "{'serverAddress':'[::1]/'}", "/model/ollama/m", "{}",
		"http://[::1]:11434/api/chat" },
	{ "ollama", "{'serverAddress':'https://o.invalid/?room=3'}", "/model/ollama/m", "{}",
		"https://o.invalid/api/chat?room=3" },
	{ "ollama", "{'serverAddress':'https://o.invalid/?room=3'}", "/embedder/ollama/m",
		"{'options':{'serverAddress':'other.invalid:8000/'}}",
		"http://other.invalid:8000/api/embed" },
	{ "ollama", "{'serverAddress':'[::1]:9/own/'}", "/embedder/ollama/m",
		"{'options':{'serverAddress':'other.invalid/a:b'}}",
		"http://other.invalid:11434/a:b/api/embed" },
	{ "ollama", "{'serverAddress':'[::1]:9/own/'}", "/model/ollama/m", "{}",
		"http://[::1]:9/own/api/chat" },
	{ "microsoft-foundry",
		"{'endpoint':'https://r.invalid','apiKey':'secret-key','apiVersion':' 2030-01-01\\n'}",
		"/model/microsoft-foundry/gpt-4o", "{}",
		"https://r.invalid/openai/deployments/gpt-4o/chat/completions?api-version=2030-01-01" },
	{ "cloudflare-workers-ai", "{'accountId':' a\\n','apiToken':'secret-key'}",
		"/model/cloudflare-workers-ai/@cf/a/b", "{'config':{'version':'@cf/c/d'}}",
		"https://api.cloudflare.com/client/v4/accounts/a/ai/run/@cf/c/d" },
};

/* What an input of the table leaves out. */
static json_t *whole(const char *input)
{
	json_t *it = json(input);

	json_object_set_new(it, "messages", json("[{'role':'user','content':[{'text':'hi'}]}]"));
	json_object_set_new(it, "input", json("[{'content':[{'text':'hi'}]}]"));
	return it;
}

START_TEST(a_path_goes_behind_the_address_and_its_query_behind_the_path)
{
	provider_use(addresses[_i].plugin, addresses[_i].options);
	json_decref(core_run(addresses[_i].key, whole(addresses[_i].input)));
	ck_assert_str_eq(url, addresses[_i].url);
}
END_TEST

START_TEST(an_address_that_is_none_is_told)
{
	static const char *const wrong[] = { "zoo", "ftp://zoo.invalid", "http://", "://x" };

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		gk_auto_json json_t *options =
			json_pack("{s:s, s:s}", "name", "zoo", "base_url", wrong[i]);

		core_stop();
		set_up();
		ck_assert_int_eq(gk_use_plugin(core_app, "compat", options, NULL), GK_OK);
		core_fail("/model/zoo/m", provider_hello(), GK_INVALID_ARGUMENT,
			"plugin zoo: the address of the service ('baseURL') is no http or https URL");
	}
}
END_TEST

START_TEST(the_name_of_a_model_leads_nowhere_else)
{
	static const char *const wrong[] = { "../../../user/tokens", "a/../b", "a?b=c", "a#b",
		"a%2e", "a b", ".", "a\\b" };

	provider_use("cloudflare-workers-ai", "{'accountId':'a','apiToken':'secret-key'}");
	provider_use("microsoft-foundry", "{'endpoint':'https://r.invalid','apiKey':'secret-key'}");
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		json_t *input = whole("{}");

		json_object_set_new(input, "config", json_pack("{s:s}", "version", wrong[i]));
		core_fail("/model/cloudflare-workers-ai/@cf/a/b", json_incref(input),
			GK_INVALID_ARGUMENT,
			"cloudflare-workers-ai: there is no model of such a name");
		core_fail("/model/microsoft-foundry/gpt-4o", input, GK_INVALID_ARGUMENT,
			"microsoft-foundry: there is no model of such a name");
		ck_assert_ptr_null(url);
	}
	json_decref(core_run("/model/cloudflare-workers-ai/@cf/a.b/..c", whole("{}")));
}
END_TEST

static const struct {
	const char *plugin, *options, *key, *input, *authorization;
} keys[] = {
	{ "openai", "{'apiKey':' key-of-the-option\\n'}", "/model/openai/m", "{}",
		"Bearer key-of-the-option" },
	{ "openai", "{'apiKey':''}", "/model/openai/m", "{}", "Bearer key-of-the-environment" },
	{ "openai", "{'apiKey':false}", "/model/openai/m",
		"{'config':{'apiKey':'key-of-the-call'}}", "Bearer key-of-the-call" },
	{ "openai", "{}", "/embedder/openai/text-embedding-3-small",
		"{'options':{'apiKey':'key-of-the-call'}}", "Bearer key-of-the-call" },
	{ "mistral", "{'apiKey':'key-of-the-option'}", "/model/mistral/m",
		"{'config':{'apiKey':'key-of-the-call'}}", "Bearer key-of-the-call" },
	{ "huggingface", "{'token':false}", "/model/huggingface/a/b",
		"{'config':{'apiKey':'key-of-the-call'}}", "Bearer key-of-the-call" },
	{ "azure", "{'endpoint':'https://r.invalid','apiKey':'key-of-the-option'}",
		"/model/azure/gpt-4o", "{'config':{'apiKey':'key-of-the-call'}}",
		"key-of-the-call" },
	{ "microsoft-foundry",
		"{'endpoint':'https://r.services.ai.azure.com/api/projects/p','apiKey':false}",
		"/model/microsoft-foundry/gpt-4o", "{'config':{'apiKey':'key-of-the-call'}}",
		"Bearer key-of-the-call" },
	{ "cf-ai", "{'accountId':'a','apiToken':false}", "/model/cf-ai/@cf/a/b",
		"{'config':{'apiKey':'key-of-the-call'}}", "Bearer key-of-the-call" },
	{ "ollama", "{'apiKey':'key-of-the-option'}", "/model/ollama/m", "{}",
		"Bearer key-of-the-option" },
	{ "ollama", "{'apiKey':false}", "/model/ollama/m",
		"{'config':{'apiKey':'key-of-the-call','numCtx':7}}", "Bearer key-of-the-call" },
	{ "ollama", "{'apiKey':'key-of-the-option'}", "/embedder/ollama/m",
		"{'options':{'apiKey':'key-of-the-call','numCtx':7}}", "Bearer key-of-the-call" },
	{ "ollama", "{'apiKey':'key-of-the-option','headers':{'X-Team':'red team'}}",
		"/embedder/ollama/m", "{'options':{'serverAddress':'http://other.invalid'}}",
		NULL },
	{ "ollama", "{'apiKey':'key-of-the-option','headers':{'X-Team':'red team'}}",
		"/embedder/ollama/m",
		"{'options':{'serverAddress':'other.invalid','apiKey':'key-of-the-call'}}",
		"Bearer key-of-the-call" },
	{ "ollama", "{'apiKey':'key-of-the-option'}", "/embedder/ollama/m",
		"{'options':{'serverAddress':'127.0.0.1/a:b'}}", "Bearer key-of-the-option" },
	{ "ollama", "{}", "/model/ollama/m", "{}", NULL },
};

START_TEST(the_key_of_a_call_goes_before_that_of_its_plugin_and_never_into_the_body)
{
	provider_use(keys[_i].plugin, keys[_i].options);
	json_decref(core_run(keys[_i].key, whole(keys[_i].input)));
	if (keys[_i].authorization)
		ck_assert_str_eq(authorization, keys[_i].authorization);
	else
		ck_assert_ptr_null(authorization);
	ck_assert_ptr_null(strstr(body, "key-of"));
	ck_assert_ptr_null(strstr(body, "piKey"));
	ck_assert_ptr_null(team);
}
END_TEST

START_TEST(an_address_of_a_call_is_no_more_than_an_address)
{
	static const char *const places[][2] = {
		{ "other.invalid?room=3", "no user, query or fragment" },
		{ "http://other.invalid/#room", "no user, query or fragment" },
		{ "http://me:word@other.invalid", "no user, query or fragment" },
		{ "ftp://other.invalid", "must begin with http" },
		{ "http://other.invalid:port", "ollama: 'options.serverAddress' of this call: " },
	};

	provider_use("ollama", "{}");
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		gk_auto_json json_t *input = whole("{'options':{}}");
		gk_run *run;

		json_object_set_new(json_object_get(input, "options"), "serverAddress",
			json_string(places[i][0]));
		run = core_begin(GK_OPTS(gk_run_opts, .key = "/embedder/ollama/m", .input = input));
		core_finish(run);
		ck_assert_int_eq(gk_run_error_peek(run)->code, GK_INVALID_ARGUMENT);
		ck_assert_ptr_nonnull(strstr(gk_run_error_peek(run)->message, places[i][1]));
		ck_assert_ptr_null(strstr(gk_run_error_peek(run)->message, "word"));
		gk_run_unref(run);
	}
	ck_assert_ptr_null(url);
}
END_TEST

START_TEST(errors_begin_with_the_name_that_a_plugin_goes_by)
{
	gk_auto_json json_t *sound = json("{'messages':[{'role':'user','content':[{'media':"
					  "{'url':'data:audio/wav;base64,QQ=='}}]}]}");

	provider_use("cf-ai", "{'accountId':'a','apiToken':'secret-key'}");
	core_fail("/model/cf-ai/@cf/a/b", json_incref(sound), GK_INVALID_ARGUMENT,
		"cf-ai: media of type audio/wav cannot be sent, only images can");
}
END_TEST

START_TEST(who_asks_for_a_key_with_each_call_sends_nothing_without_one)
{
	static const char *const plugins[] = { "openai", "mistral", "huggingface",
		"microsoft-foundry", "deepseek", "xai", "openrouter" };

	for (size_t i = 0; i < sizeof(plugins) / sizeof(plugins[0]); i++) {
		gk_auto_json json_t *key = json_sprintf("/model/%s/m", plugins[i]);
		gk_auto_json json_t *message = json_sprintf(
			"%s: this call needs a key of its own, config.apiKey", plugins[i]);

		provider_use(plugins[i], "{'apiKey':false,'baseURL':'http://zoo.invalid'}");
		core_fail(json_string_value(key), provider_hello(), GK_INVALID_ARGUMENT,
			json_string_value(message));
	}
	ck_assert_ptr_null(url);
}
END_TEST

START_TEST(nobody_sees_the_user_or_the_query_of_an_address)
{
	gk_auto_str char *spans = NULL;

	provider_use("ollama",
		"{'serverAddress':'http://me:secret-word@[::1]:9/x?token=secret-token','debugTraces':true}");
	json_decref(core_run("/model/ollama/m", provider_hello()));
	spans = gk_json_write(core_spans, NULL);
	ck_assert_ptr_nonnull(strstr(spans, "http://[::1]:9/x/api/chat"));
	ck_assert_ptr_null(strstr(spans, "secret"));
	is_dead = true;
	core_fail("/model/ollama/m", provider_hello(), GK_UNAVAILABLE,
		"Cannot reach the Ollama server at http://[::1]:9/x. Start it with `ollama serve`");
}
END_TEST

START_TEST(ollama_is_held_to_a_schema_whatever_the_format_is_called)
{
	provider_use("ollama", "{}");
	json_decref(core_run("/model/ollama/m",
		whole("{'output':{'schema':{'type':'object','properties':{}}}}")));
	ck_assert_ptr_nonnull(strstr(body, "\"format\":{\"type\":\"object\",\"properties\":{}}"));
	json_decref(core_run("/model/ollama/m", whole("{'output':{'format':'json'}}")));
	ck_assert_ptr_nonnull(strstr(body, "\"format\":\"json\""));
}
END_TEST

static Suite *vendor_request_suite(void)
{
	Suite *suite = suite_create("vendor_request");
	TCase *tcase = tcase_create("vendor_request");

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_loop_test(tcase, a_path_goes_behind_the_address_and_its_query_behind_the_path, 0,
		sizeof(addresses) / sizeof(addresses[0]));
	tcase_add_test(tcase, an_address_that_is_none_is_told);
	tcase_add_test(tcase, the_name_of_a_model_leads_nowhere_else);
	tcase_add_loop_test(tcase,
		the_key_of_a_call_goes_before_that_of_its_plugin_and_never_into_the_body, 0,
		sizeof(keys) / sizeof(keys[0]));
	tcase_add_test(tcase, errors_begin_with_the_name_that_a_plugin_goes_by);
	tcase_add_test(tcase, an_address_of_a_call_is_no_more_than_an_address);
	tcase_add_test(tcase, who_asks_for_a_key_with_each_call_sends_nothing_without_one);
	tcase_add_test(tcase, nobody_sees_the_user_or_the_query_of_an_address);
	tcase_add_test(tcase, ollama_is_held_to_a_schema_whatever_the_format_is_called);
	suite_add_tcase(suite, tcase);
	return suite;
}

UNIT_MAIN(vendor_request_suite)
