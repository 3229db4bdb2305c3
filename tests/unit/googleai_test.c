/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* The plugin for Gemini's own API, where the recorded exchanges do not reach: addresses, overrides of a call, operations. */
#include "base/limits.h"
#include "core.h"
#include "core/internal.h"
#include "plugins/common/net.h"
#include "plugins/googleai/interactions.h"

#include <genkit/plugins.h>
#include <stdio.h>

static char url[512], headers[2048];
static char page_url[512]; /* of the last request for a page */
static char *body;         /* of the last request */
static const char *answer; /* with ' for "; NULL: the usual one */
static char said[8192];
static uint64_t timeout_ms;
static unsigned asked;
static bool is_read;

static gk_code start(void *user, const gk_outgoing *out, void **ret, gk_error *err)
{
	(void)user;
	(void)err;
	asked++;
	is_read = false;
	free(body);
	body = out->body ? strdup(out->body) : NULL;
	timeout_ms = out->timeout_ms;
	snprintf(url, sizeof(url), "%s", out->url);
	if (strstr(url, "pageToken="))
		snprintf(page_url, sizeof(page_url), "%s", url);
	*headers = '\0';
	for (size_t i = 0; i < out->header_count; i++)
		snprintf(headers + strlen(headers), sizeof(headers) - strlen(headers), "%s\n",
			out->headers[i]);
	*ret = url;
	return GK_OK;
}

static int status(void *reply)
{
	(void)reply;
	return 200;
}

static const char *header(void *reply, const char *name)
{
	(void)reply;
	(void)name;
	return NULL;
}

static gk_code read_once(void *reply, const char **ret, size_t *len_ret, gk_error *err)
{
	(void)err;
	if (answer) {
		snprintf(said, sizeof(said), "%s", answer);
		for (char *c = said; *c; c++)
			*c = *c == '\'' ? '"' : *c;
	}
	*ret = answer                           ? said
	       : strstr(reply, ":embedContent") ? "{\"embedding\":{\"values\":[1]}}"
	       : strstr(reply, ":predict") || strstr(reply, "operations/")
		       ? "{\"name\":\"models/v/operations/1\",\"predictions\":[{\"bytesBase64Encoded\":\"QQ==\"}]}"
		       : "{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"hello\"}]},\"finishReason\":\"STOP\"}]}";
	*len_ret = is_read ? 0 : strlen(*ret);
	is_read = true;
	return GK_OK;
}

static void forget(void *reply)
{
	(void)reply;
}

static const gk_transport service = {
	.start = start, .status = status, .header_peek = header, .read = read_once, .free = forget
};

static void set_up(void)
{
	gk_auto_json json_t *options =
		json("{'apiKey':'secret-key','customHeaders':{'X-Team':'red'}}");

	core_start_unseen();
	asked = 0;
	answer = NULL;
	ck_assert(gk_net_set_transport(core_app, &service, NULL));
	ck_assert_int_eq(gk_use_plugin(core_app, "googleai", options, NULL), GK_OK);
}

static void tear_down(void)
{
	core_stop();
	free(body);
	body = NULL;
}

/* A member of the last request's body; "" is all of it. */
static void assert_sent(const char *path, const char *wanted)
{
	gk_auto_json json_t *sent = NULL;

	ck_assert_int_eq(gk_json_parse(body, strlen(body), 0, &sent, NULL), GK_OK);
	assert_json(*path ? gk_json_at_peek(sent, path) : sent, wanted);
}

static json_t *hello(const char *config)
{
	json_t *request = json("{'messages':[{'role':'user','content':[{'text':'hi'}]}]}");

	if (config)
		json_object_set_new(request, "config", json(config));
	return request;
}

#define VEO  "googleai/veo-3.1-generate-preview"
#define BASE "https://generativelanguage.googleapis.com/v1beta/"

START_TEST(ids_are_written_in_many_ways)
{
	static const struct {
		const char *key, *wanted;
	} ways[] = {
		{ "/model/googleai/gemini-2.5-flash", "models/gemini-2.5-flash:generateContent" },
		{ "/model/googleai/models/gemini-2.5-flash",
			"models/gemini-2.5-flash:generateContent" },
		{ "/model/googleai/googleai/model/gemini-9", "models/gemini-9:generateContent" },
		{ "/model/googleai/models/imagen-9", "models/imagen-9:predict" },
	};

	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		gk_auto_str char *wanted = NULL;

		json_decref(core_run(ways[i].key, hello(NULL)));
		ck_assert_int_gt(asprintf(&wanted, BASE "%s", ways[i].wanted), 0);
		ck_assert_str_eq(url, wanted);
	}
	json_decref(core_run("/embedder/googleai/embedders/gemini-embedding-001",
		json("{'input':[{'content':[{'text':'a'}]}]}")));
	ck_assert_str_eq(url, BASE "models/gemini-embedding-001:embedContent");
}
END_TEST

START_TEST(a_call_may_have_an_address_a_time_and_headers_of_its_own)
{
	json_decref(core_run("/model/googleai/gemini-2.5-flash",
		hello("{'baseUrl':'https://GENERATIVELANGUAGE.googleapis.com:443/mine/','apiVersion':'v1','timeout':1500,"
		      "'version':'models/gemini-x',"
		      "'customHeaders':{'X-Team':'blue','x-goog-api-key':'stolen'}}")));
	ck_assert_str_eq(url,
		"https://GENERATIVELANGUAGE.googleapis.com:443/mine/v1/models/gemini-x:generateContent");
	ck_assert_uint_eq(timeout_ms, 1500);
	ck_assert_ptr_nonnull(strstr(headers, "X-Team: blue\n"));
	ck_assert_ptr_nonnull(strstr(headers, "x-goog-api-key: secret-key\n"));
	ck_assert_ptr_null(strstr(headers, "stolen"));
}
END_TEST

/* What a key of the plugin's is not sent for. */
static const struct {
	const char *config, *message;
} refused[] = {
	{ "{'baseUrl':'https://mine.example'}", "needs a key of its own, config.apiKey" },
	{ "{'baseUrl':'https://mine.example','apiKey':''}", "needs a key of its own" },
	{ "{'baseUrl':'https://mine.example','customHeaders':{'x-goog-api-key':'own-key'}}",
		"needs a key of its own" },
	{ "{'baseUrl':'http://generativelanguage.googleapis.com'}", "needs a key of its own" },
	{ "{'baseUrl':'https://generativelanguage.googleapis.com:8443'}",
		"needs a key of its own" },
	{ "{'baseUrl':'https://generativelanguage.googleapis.com.mine.example'}",
		"needs a key of its own" },
	{ "{'baseUrl':'https://generativelanguage.googleapis.com@mine.example','apiKey':'own-key'}",
		"no user, query or fragment" },
	{ "{'baseUrl':'https://mine.example?a=','apiKey':'own-key'}",
		"no user, query or fragment" },
	{ "{'baseUrl':'https://mine.example/#','apiKey':'own-key'}", "no user, query or fragment" },
	{ "{'baseUrl':'mine.example','apiKey':'own-key'}", "'config.baseUrl' of this call" },
	{ "{'baseUrl':'file:///etc/passwd','apiKey':'own-key'}", "must begin with http" },
	{ "{'apiVersion':'../upload/v1'}", "config.apiVersion is the name of a version" },
	{ "{'apiVersion':'v1?key=x'}", "config.apiVersion is the name of a version" },
};
#define REFUSED (sizeof(refused) / sizeof(refused[0]))

START_TEST(the_key_of_the_plugin_goes_to_the_configured_address_alone)
{
	static const char *const keys[] = { "/model/googleai/gemini-2.5-flash",
		"/model/googleai/imagen-4.0-generate-001", "/background-model/" VEO };

	for (size_t i = 0; i < 3; i++) {
		gk_auto_json json_t *input = hello(refused[_i].config);
		gk_run *run = core_begin(GK_OPTS(gk_run_opts, .key = keys[i], .input = input));

		core_finish(run);
		ck_assert_int_eq(gk_run_error_peek(run)->code, GK_INVALID_ARGUMENT);
		ck_assert_ptr_nonnull(strstr(gk_run_error_peek(run)->message, refused[_i].message));
		gk_run_unref(run);
	}
	ck_assert_uint_eq(asked, 0);
}
END_TEST

START_TEST(a_call_with_a_key_of_its_own_may_go_elsewhere_with_nothing_of_the_plugin)
{
	json_decref(core_run("/model/googleai/gemini-2.5-flash",
		hello("{'baseUrl':'https://mine.example//','apiKey':'own-key','customHeaders':{'X-Own':'1'}}")));
	ck_assert_str_eq(
		url, "https://mine.example/v1beta/models/gemini-2.5-flash:generateContent");
	ck_assert_ptr_nonnull(strstr(headers, "x-goog-api-key: own-key\n"));
	ck_assert_ptr_nonnull(strstr(headers, "X-Own: 1\n"));
	ck_assert_ptr_nonnull(strstr(headers, "User-Agent: "));
	ck_assert_ptr_null(strstr(headers, "X-Team"));
	ck_assert_ptr_null(strstr(headers, "secret-key"));
}
END_TEST

START_TEST(an_operation_is_no_way_to_other_addresses)
{
	static const char *const ids[] = { "", "/etc", "../v1/models", "a/../../b", "a?b=c",
		"https://elsewhere.example/x", "a b" };

	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		json_t *operation = json_pack("{s:s, s:s}", "id", ids[i], "action",
			"/background-model/googleai/veo-3.1-generate-preview");

		core_fail("/check-operation/googleai/veo-3.1-generate-preview/check", operation,
			GK_INVALID_ARGUMENT, NULL);
	}
	ck_assert_uint_eq(asked, 0);
}
END_TEST

START_TEST(the_name_of_a_model_leads_nowhere_else)
{
	static const char *const wrong[] = { "../../v1/files", "gemini-x?alt=sse", "gemini-x#",
		"gemini%2e", "gemini x", ".." };
	static const char message[] = "googleai: there is no model of such a name";

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		gk_auto_str char *key = NULL;
		gk_auto_json json_t *version = json_pack("{s:s}", "version", wrong[i]);
		json_t *request = hello(NULL);

		json_object_set(request, "config", version);
		core_fail(
			"/model/googleai/gemini-2.5-flash", request, GK_INVALID_ARGUMENT, message);
		core_fail("/embedder/googleai/gemini-embedding-001",
			json_pack("{s:[{s:[{s:s}]}], s:O}", "input", "content", "text", "a",
				"options", version),
			GK_INVALID_ARGUMENT, message);
		ck_assert_int_gt(asprintf(&key, "/model/googleai/imagen-/%s", wrong[i]), 0);
		core_fail(key, hello(NULL), GK_INVALID_ARGUMENT, message);
	}
	ck_assert_uint_eq(asked, 0);
}
END_TEST

START_TEST(tools_do_not_go_with_a_cache)
{
	json_t *request = json(
		"{'messages':[{'role':'user','content':[{'text':'long'}],'metadata':{'cache':true}},"
		"{'role':'user','content':[{'text':'hi'}]}],'tools':[{'name':'t','inputSchema':{'type':'object'}}]}");

	core_fail("/model/googleai/gemini-2.5-flash", request, GK_INVALID_ARGUMENT, NULL);
	ck_assert_uint_eq(asked, 0);
}
END_TEST

START_TEST(pictures_are_made_by_the_version_that_is_asked_and_videos_by_the_model)
{
	json_decref(core_run("/model/googleai/imagen-4.0-generate-001",
		hello("{'version':'models/imagen-4.0-ultra','aspectRatio':'1:1'}")));
	ck_assert_str_eq(url, BASE "models/imagen-4.0-ultra:predict");
	assert_sent("parameters", "{'sampleCount':1,'aspectRatio':'1:1'}");
	json_decref(core_run("/background-model/" VEO, hello("{'version':'veo-9'}")));
	ck_assert_str_eq(url, BASE "models/veo-3.1-generate-preview:predictLongRunning");
	assert_sent("parameters", "{}");
	core_fail("/model/googleai/imagen-4.0-generate-001", hello("{'version':'../files/x'}"),
		GK_INVALID_ARGUMENT, "googleai: there is no model of such a name");
}
END_TEST

START_TEST(the_version_that_is_asked_says_what_kind_of_model_it_is)
{
	json_decref(core_run("/model/googleai/gemini-flash-latest",
		hello("{'version':'gemini-2.5-flash-image'}")));
	assert_sent("generationConfig", "{'responseModalities':['TEXT','IMAGE']}");
	json_decref(core_run("/model/googleai/gemini-flash-latest",
		hello("{'version':'gemini-2.5-pro-preview-tts'}")));
	assert_sent("generationConfig", "{'responseModalities':['AUDIO']}");
	json_decref(core_run("/model/googleai/my-tts", hello(NULL)));
	assert_sent("generationConfig", "{}");
}
END_TEST

START_TEST(an_embedder_may_have_any_name)
{
	json_decref(core_run("/embedder/googleai/other",
		json("{'input':[{'content':[{'text':'a'}]}],'options':{'taskType':'CLUSTERING',"
		     "'apiClient':'x','outputDimensionality':8,'title':null}}")));
	ck_assert_str_eq(url, BASE "models/other:embedContent");
	assert_sent("",
		"{'taskType':'CLUSTERING','outputDimensionality':8,'content':{'role':'user','parts':[{'text':'a'}]}}");
}
END_TEST

START_TEST(an_answer_tells_of_a_cache_that_ends_before_it)
{
	answer = "{'cachedContents':[],'nextPageToken':'','name':'cachedContents/1',"
		 "'candidates':[{'content':{'parts':[{'text':'b'}]}}]}";
	json_decref(core_run("/model/googleai/gemini-2.5-flash",
		json("{'messages':[{'role':'user','content':[{'text':'long'}],'metadata':{'cache':{'ttlSeconds':60}}},"
		     "{'role':'user','content':[{'text':'q'}]},{'role':'model','content':[{'text':'a'}],'metadata':"
		     "{'cache':{'name':'cachedContents/1'}}},{'role':'user','content':[{'text':'r'}]}]}")));
	assert_sent("",
		"{'contents':[{'role':'user','parts':[{'text':'q'}]},{'role':'model','parts':[{'text':'a'}]},"
		"{'role':'user','parts':[{'text':'r'}]}],'generationConfig':{},'cachedContent':'cachedContents/1'}");
	ck_assert_uint_eq(asked, 3);
}
END_TEST

START_TEST(pages_of_caches_are_asked_for_whatever_their_tokens_are)
{
	answer = "{'cachedContents':[],'nextPageToken':'a+/b=','candidates':[]}";
	core_fail("/model/googleai/gemini-2.5-flash",
		json("{'messages':[{'role':'user','content':[{'text':'long'}],'metadata':{'cache':true}}]}"),
		GK_INTERNAL, NULL);
	/* The last request was the one that makes a cache. */
	ck_assert_uint_eq(asked, GK_MAX_VENDOR_PAGES + 1);
	ck_assert_ptr_nonnull(
		strstr(page_url, "cachedContents?pageSize=100&pageToken=a%2B%2Fb%3D"));
	core_fail("/model/googleai/gemini-2.5-flash",
		json("{'messages':[{'role':'user','content':[{'text':'long'}],'metadata':{'cache':{'ttlSeconds':0}}}]}"),
		GK_INVALID_ARGUMENT,
		"googleai: metadata.cache.ttlSeconds is a number of seconds from 1");
}
END_TEST

static gk_code list(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	json_t *listing = json_object();

	(void)input;
	(void)err;
	gk_plugins_list(ctx, listing);
	*ret = listing;
	return GK_OK;
}

/* What a listed action says can be configured about `path`. Borrowed; NULL: nothing. */
static const json_t *option_of(
	const json_t *listing, const char *key, const char *kind, const char *path)
{
	gk_auto_str char *whole = NULL;

	ck_assert_int_gt(
		asprintf(&whole, "metadata.%s.customOptions.properties.%s", kind, path), 0);
	return gk_json_at_peek(json_object_get(listing, key), whole);
}

START_TEST(the_service_says_how_a_model_can_be_asked)
{
	gk_auto_json json_t *listing = NULL;

	answer =
		"{'models':[{'name':'models/odd','supportedGenerationMethods':['embedContent']},"
		"{'name':'models/both','supportedGenerationMethods':['embedContent','generateContent']},"
		"{'name':'models/gemini-embedding-9','supportedGenerationMethods':['embedContent']},"
		"{'name':'models/old','description':'is deprecated','supportedGenerationMethods':['generateContent']},"
		"{'name':'models/aqa','supportedGenerationMethods':['generateAnswer']},"
		"{'name':'models/lyria-4','supportedGenerationMethods':[]},"
		"{'name':'models/gemma-9','supportedGenerationMethods':['generateContent']},"
		"{'name':'models/veo-9','supportedGenerationMethods':['predictLongRunning']}]}";
	core_flow("list", list, NULL);
	listing = core_run("/flow/list", NULL);
	ck_assert_uint_eq(json_object_size(listing), 7);
	ck_assert_ptr_nonnull(json_object_get(listing, "/embedder/googleai/odd"));
	ck_assert_ptr_nonnull(json_object_get(listing, "/embedder/googleai/both"));
	ck_assert_ptr_nonnull(json_object_get(listing, "/model/googleai/both"));
	ck_assert_ptr_nonnull(json_object_get(listing, "/embedder/googleai/gemini-embedding-9"));
	ck_assert_ptr_nonnull(json_object_get(listing, "/model/googleai/lyria-4"));
	ck_assert_ptr_nonnull(json_object_get(listing, "/background-model/googleai/veo-9"));
	assert_json(
		option_of(listing, "/model/googleai/both", "model", "temperature.maximum"), "2");
	assert_json(
		option_of(listing, "/model/googleai/gemma-9", "model", "temperature.maximum"), "1");
	assert_json(option_of(listing, "/embedder/googleai/odd", "embedder",
			    "outputDimensionality.minimum"),
		"1");
	ck_assert_ptr_null(option_of(listing, "/model/googleai/both", "model", "numberOfImages"));
	ck_assert_ptr_nonnull(
		option_of(listing, "/background-model/googleai/veo-9", "model", "durationSeconds"));
}
END_TEST

START_TEST(a_video_that_the_filters_took_is_an_error_of_its_operation)
{
	gk_auto_json json_t *operation = NULL, *failed = NULL;

	answer = "{'name':'models/v/operations/1','done':true,'response':{'generateVideoResponse':"
		 "{'raiMediaFilteredCount':1,'raiMediaFilteredReasons':['a person','a tune']}}}";
	operation =
		core_run("/check-operation/" VEO "/check", json("{'id':'models/v/operations/1'}"));
	assert_json(json_object_get(operation, "error"), "{'message':'a person a tune'}");
	ck_assert(json_is_true(json_object_get(operation, "done")));
	ck_assert_ptr_null(json_object_get(operation, "output"));
	answer = "{'name':'models/v/operations/1','done':true,'error':{'code':3}}";
	failed = core_run("/check-operation/" VEO "/check", json("{'id':'models/v/operations/1'}"));
	assert_json(json_object_get(failed, "error"), "{'message':'the operation failed'}");
}
END_TEST

#define PICTURE(url, type)                                                                         \
	"{'messages':[{'role':'user','content':[{'text':'a'},{'media':{'url':'" url                \
	"','contentType':'" type "'}}]}]}"

START_TEST(media_that_cannot_go_along_are_refused)
{
	core_fail("/model/googleai/imagen-4.0-generate-001",
		json(PICTURE("https://a.example/b.png", "image/png")), GK_INVALID_ARGUMENT, NULL);
	core_fail("/background-model/" VEO, json(PICTURE("https://a.example/b", "")),
		GK_INVALID_ARGUMENT, NULL);
	core_fail("/background-model/" VEO, json(PICTURE("data:video/mp4;base64,QQ==", "")),
		GK_INVALID_ARGUMENT, "googleai: a video goes along by its address, not inline");
	ck_assert_uint_eq(asked, 0);
	json_decref(core_run(
		"/background-model/" VEO, json(PICTURE("data:image/png;base64,QQ==", ""))));
	assert_sent("instances",
		"[{'prompt':'a','image':{'bytesBase64Encoded':'QQ==','mimeType':'image/png'}}]");
	json_decref(core_run(
		"/background-model/" VEO, json(PICTURE("https://a.example/b", "video/mp4"))));
	assert_sent("instances", "[{'prompt':'a','video':{'uri':'https://a.example/b'}}]");
}
END_TEST

/* Runs it with a context. */
static void run_with(const char *key, const char *input, const char *context)
{
	gk_auto_json json_t *given = json(input), *with = json(context);
	gk_run *run = core_begin(
		GK_OPTS(gk_run_opts, .app = core_app, .key = key, .input = given, .context = with));

	core_finish(run);
	ck_assert_ptr_null(gk_run_error_peek(run));
	gk_run_unref(run);
}

START_TEST(the_key_of_the_context_does_not_go_to_an_address_of_the_call)
{
	gk_auto_json json_t *context =
		json("{'secrets':{'apiKey':'context-key'},'config':{'apiKey':'context-key'}}");
	gk_auto_json json_t *input = hello("{'baseUrl':'https://mine.example'}");
	gk_auto_json json_t *same =
		hello("{'baseUrl':'https://generativelanguage.googleapis.com/x'}");
	gk_run *run = core_begin(GK_OPTS(
		gk_run_opts, .key = "/background-model/" VEO, .input = input, .context = context));

	core_finish(run);
	ck_assert_int_eq(gk_run_error_peek(run)->code, GK_INVALID_ARGUMENT);
	ck_assert_uint_eq(asked, 0);
	gk_run_unref(run);
	run = core_begin(GK_OPTS(
		gk_run_opts, .key = "/background-model/" VEO, .input = same, .context = context));
	core_finish(run);
	ck_assert_ptr_nonnull(strstr(headers, "x-goog-api-key: context-key\n"));
	gk_run_unref(run);
}
END_TEST

START_TEST(the_headers_of_the_context_do_not_go_to_an_address_of_the_call)
{
	static const char context[] =
		"{'config':{'customHeaders':{'X-Context':'context-word'},'apiKey':'context-key'}}";
	static const char *const places[] = { "https://mine.example",
		"https://generativelanguage.googleapis.com/x" };

	for (size_t i = 0; i < 2; i++) {
		gk_auto_json json_t *over = json(context), *input = NULL;
		gk_auto_str char *config = NULL;
		gk_run *run;

		ck_assert_int_gt(
			asprintf(&config, "{'baseUrl':'%s','apiKey':'own-key'}", places[i]), 0);
		input = hello(config);
		run = core_begin(GK_OPTS(gk_run_opts, .key = "/background-model/" VEO,
			.input = input, .context = over));
		core_finish(run);
		gk_run_unref(run);
		ck_assert_ptr_nonnull(strstr(headers, "x-goog-api-key: own-key\n"));
		ck_assert_int_eq(strstr(headers, "context-word") != NULL, i == 1);
	}
}
END_TEST

START_TEST(what_goes_on_in_the_background_is_asked_with_the_key_of_the_context)
{
	static const char context[] =
		"{'secrets':{'apiKey':'context-key'},'config':{'baseUrl':'https://mine.example//','apiVersion':'v1'}}";

	run_with("/background-model/" VEO,
		"{'messages':[{'role':'user','content':[{'text':'a'}]}]}", context);
	ck_assert_str_eq(
		url, "https://mine.example/v1/models/veo-3.1-generate-preview:predictLongRunning");
	ck_assert_ptr_nonnull(strstr(headers, "x-goog-api-key: context-key\n"));
	assert_sent("parameters", "{}");
	run_with("/background-model/" VEO,
		"{'messages':[{'role':'user','content':[{'text':'a'}]}],'config':{'apiKey':'own-key'}}",
		context);
	ck_assert_ptr_nonnull(strstr(headers, "x-goog-api-key: own-key\n"));
	run_with("/check-operation/" VEO "/check", "{'id':'models/v/operations/1'}", context);
	ck_assert_str_eq(url, "https://mine.example/v1/models/v/operations/1");
	ck_assert_ptr_nonnull(strstr(headers, "x-goog-api-key: context-key\n"));
}
END_TEST

START_TEST(an_error_of_the_service_may_stand_where_an_event_should)
{
	gk_auto_json json_t *request = hello(NULL);
	gk_run *run;

	answer = "data: {'candidates':[{'content':{'parts':[{'text':'a'}]}}]}\n\n"
		 "{'error':{'code':503,'status':'UNAVAILABLE','message':'secret-key is busy'}}";
	run = core_begin(GK_OPTS(gk_run_opts, .app = core_app,
		.key = "/model/googleai/gemini-2.5-flash", .input = request, .is_streaming = true));
	core_finish(run);
	ck_assert_ptr_nonnull(gk_run_error_peek(run));
	ck_assert_int_eq(gk_run_error_peek(run)->code, GK_UNAVAILABLE);
	ck_assert_ptr_nonnull(strstr(gk_run_error_peek(run)->message, "is busy"));
	ck_assert_ptr_null(strstr(gk_run_error_peek(run)->message, "secret-key"));
	gk_run_unref(run);
}
END_TEST

/* --- the Interactions API --- */

START_TEST(research_has_tools_of_the_service_under_its_own_names)
{
	answer = "{'id':'i1','status':'in_progress'}";
	json_decref(core_run("/background-model/googleai/deep-research-preview-04-2026",
		json("{'messages':[{'role':'user','content':[{'text':'a'}]}],'tools':[{'name':'t','description':'d','inputSchema':"
		     "{'type':['object','null'],'additionalProperties':false}}],'output':{'format':'json','schema':"
		     "{'type':'object','additionalProperties':false}},'config':{'googleSearch':{'x':1},'urlContext':true,"
		     "'codeExecution':false,'fileSearch':{'fileSearchStoreNames':['s'],'topK':2},'mcpServers':[{'name':'m',"
		     "'allowedTools':['a']}]}}")));
	assert_sent("tools",
		"[{'type':'function','name':'t','description':'d','parameters':{'type':'object'}},{'x':1,'type':'google_search'},"
		"{'type':'url_context'},{'topK':2,'type':'file_search','file_search_store_names':['s']},"
		"{'name':'m','type':'mcp_server','allowed_tools':['a']}]");
	assert_sent("response_format",
		"{'type':'text','mime_type':'application/json','schema':{'type':'object'}}");
}
END_TEST

#define AGENT "/model/googleai/antigravity-preview-05-2026"

START_TEST(what_an_agent_did_goes_back_as_it_came)
{
	static const char steps[] =
		"[{'type':'thought','summary':[{'type':'text','text':'a'},{'type':'text','text':'b'}],'signature':'s0'},"
		"{'type':'google_search_call','id':'g','arguments':{'queries':['q']},'signature':'s1'},"
		"{'type':'google_search_result','call_id':'g','result':{'x':1},'signature':'s2'},"
		"{'type':'code_execution_call','id':'c','arguments':{'code':'1','language':'PYTHON'},'signature':'s3'},"
		"{'type':'code_execution_result','call_id':'c','result':'2','signature':'s4'},"
		"{'type':'new','y':1}]";
	static const char sent[] =
		"[{'type':'thought','summary':[{'type':'text','text':'a\\nb'}],'signature':'s0'},"
		"{'type':'google_search_call','id':'g','arguments':{'queries':['q']},'signature':'s1'},"
		"{'type':'google_search_result','call_id':'g','result':{'x':1},'signature':'s2'},"
		"{'type':'code_execution_call','id':'c','arguments':{'code':'1','language':'PYTHON'},'signature':'s3'},"
		"{'type':'code_execution_result','call_id':'c','result':'2','signature':'s4'},"
		"{'type':'new','y':1}]";
	gk_auto_str char *text = NULL;
	gk_auto_json json_t *response = NULL, *request = NULL;

	ck_assert_int_gt(asprintf(&text, "{'id':'i','status':'completed','steps':%s}", steps), 0);
	answer = text;
	response = core_run(AGENT, hello(NULL));
	assert_json(gk_json_at_peek(response, "message.content[4]"),
		"{'custom':{'codeExecutionResult':{'output':'2','outcome':'OUTCOME_OK'}},'metadata':{'callId':'c',"
		"'thoughtSignature':'s4'}}");
	request = json_pack("{s:[O]}", "messages", json_object_get(response, "message"));
	json_decref(core_run(AGENT, gk_steal(request)));
	assert_sent("input", sent);
}
END_TEST

START_TEST(steps_of_every_kind_become_parts_and_go_back)
{
	gk_auto_json json_t *response = NULL, *request = NULL;

	answer =
		"{'id':'i','status':'requires_action','steps':[{'type':'user_input','content':[]},"
		"{'type':'code_execution_call','id':'c','arguments':{'code':'1'}},"
		"{'type':'function_call','id':'f','name':'n','arguments':{'a':1}},"
		"{'type':'function_result','call_id':'f','name':'n','result':{'b':1},'is_error':true},"
		"{'type':'model_output','content':[{'type':'text','text':'t','annotations':[1]},"
		"{'type':'image','mime_type':'image/png','data':'QQ==','resolution':'high'},"
		"{'type':'document','mime_type':'application/pdf','uri':'https://a.example/b'},"
		"{'type':'thought','summary':[{'type':'text','text':'hm'}]},"
		"{'type':'function_call','id':'u','name':'g'},{'type':'function_result','call_id':'u','name':'g','result':'r'},"
		"{'type':'new','data':'QQ=='}]}]}";
	response = core_run(AGENT, hello(NULL));
	assert_json(gk_json_at_peek(response, "message.content"),
		"[{'custom':{'executableCode':{'code':'1','language':'PYTHON'}},'metadata':{'callId':'c'}},"
		"{'custom':{'serverFunctionCall':{'id':'f','name':'n','arguments':{'a':1}}}},"
		"{'custom':{'serverFunctionResult':{'callId':'f','name':'n','result':{'b':1},'isError':true}}},"
		"{'text':'t','metadata':{'annotations':[1]}},"
		"{'media':{'contentType':'image/png','url':'data:image/png;base64,QQ=='},'metadata':{'resolution':'high'}},"
		"{'media':{'contentType':'application/pdf','url':'https://a.example/b'}},{'reasoning':'hm'},"
		"{'toolRequest':{'name':'g','ref':'u','input':{}}},{'toolResponse':{'name':'g','ref':'u','output':'r'}},"
		"{'custom':{'unknownContent':{'type':'new','data':'QQ=='}}}]");
	request = json_pack("{s:[O]}", "messages", json_object_get(response, "message"));
	json_decref(core_run(AGENT, gk_steal(request)));
	assert_sent("input",
		"[{'type':'code_execution_call','id':'c','arguments':{'code':'1','language':'PYTHON'}},"
		"{'type':'function_call','id':'f','name':'n','arguments':{'a':1}},"
		"{'type':'function_result','call_id':'f','name':'n','result':{'b':1},'is_error':true},"
		"{'type':'thought','summary':[{'type':'text','text':'hm'}]},"
		"{'type':'function_call','name':'g','arguments':{},'id':'u'},"
		"{'type':'function_result','name':'g','result':'r','call_id':'u'},"
		"{'type':'model_output','content':[{'type':'text','text':'t'},"
		"{'type':'image','mime_type':'image/png','data':'QQ=='},"
		"{'type':'document','mime_type':'application/pdf','uri':'https://a.example/b'},"
		"{'type':'new','data':'QQ=='}]}]");
}
END_TEST

START_TEST(an_interaction_that_failed_or_goes_on_is_no_answer)
{
	answer = "{'id':'i','status':'failed','error':{'message':'why'}}";
	core_fail(AGENT, hello(NULL), GK_INTERNAL, "googleai: why");
	answer = "{'id':'i','status':'in_progress'}";
	core_fail(AGENT, hello(NULL), GK_INTERNAL,
		"googleai: the interaction has not come to its end");
	core_fail(AGENT, json("{'messages':[{'role':'model','content':[{'custom':{'mine':1}}]}]}"),
		GK_INVALID_ARGUMENT, "googleai: a part of kind 'custom' cannot be sent");
}
END_TEST

START_TEST(calls_without_a_ref_get_one)
{
	answer = "{'id':'i','status':'completed'}";
	json_decref(core_run(AGENT,
		json("{'messages':[{'role':'model','content':[{'toolRequest':{'name':'f','input':{}}}]},{'role':'tool',"
		     "'content':[{'toolResponse':{'name':'f','output':1}},{'toolResponse':{'name':'g','output':'s'}}]}]}")));
	assert_sent("input",
		"[{'type':'function_call','name':'f','arguments':{},'id':'genkit-auto-id-0'},"
		"{'type':'function_result','name':'f','result':{'result':1},'call_id':'genkit-auto-id-0'},"
		"{'type':'function_result','name':'g','result':'s','call_id':'genkit-orphan-id-1'}]");
}
END_TEST

static json_t *asked_for, *interaction;

static bool interact(void)
{
	gk_auto_json json_t *sent = NULL, *operation = NULL;

	return gk_interaction_body(GK_INTERACTION_RESEARCH, "m", asked_for, &sent, NULL) == GK_OK &&
	       gk_interaction_operation(asked_for, interaction, &operation, NULL) == GK_OK &&
	       json_array_size(gk_json_at_peek(operation, "output.message.content")) == 7;
}

START_TEST(memory_that_runs_out_leaves_nothing_of_an_interaction_behind)
{
	asked_for = json(
		"{'messages':[{'role':'user','content':[{'text':'x'},{'media':{'url':'data:image/png;base64,QQ=='}}]},"
		"{'role':'model','content':[{'reasoning':'r','metadata':{'thoughtSignature':'s'}},{'custom':{'executableCode':"
		"{'code':'1'}},'metadata':{'callId':'c'}},{'toolRequest':{'name':'f','input':{}}}]},{'role':'tool','content':"
		"[{'toolResponse':{'name':'f','output':1}},{'toolResponse':{'name':'g','output':'s'}}]}],'tools':[{'name':'t',"
		"'description':'d','inputSchema':{'type':'object'}}],'output':{'format':'json','schema':{'type':'object'}},"
		"'config':{'fileSearch':{'fileSearchStoreNames':['s']},'mcpServers':[{'allowedTools':['a']}],'googleSearch':true,"
		"'thinkingSummaries':'AUTO','responseModalities':['TEXT'],'previousInteractionId':'p','store':true}}");
	interaction = json(
		"{'id':'i','status':'completed','usage':{'total_tokens':3},'steps':[{'type':'thought','summary':[{'text':'a'}],"
		"'signature':'s'},{'type':'code_execution_call','id':'c','arguments':{'code':'1'}},{'type':"
		"'code_execution_result','call_id':'c','result':'1','signature':'s'},{'type':'new'},{'type':'model_output',"
		"'content':[{'type':'text','text':'t','annotations':[1]},{'type':'image','data':'QQ==','resolution':'h'},"
		"{'type':'function_call','name':'f','id':'1'}]}]}");
	fault_sweep(interact);
	json_decref(asked_for);
	json_decref(interaction);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("googleai");
	TCase *tcase = tcase_create("googleai");

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_test(tcase, ids_are_written_in_many_ways);
	tcase_add_test(tcase, a_call_may_have_an_address_a_time_and_headers_of_its_own);
	tcase_add_loop_test(
		tcase, the_key_of_the_plugin_goes_to_the_configured_address_alone, 0, REFUSED);
	tcase_add_test(
		tcase, a_call_with_a_key_of_its_own_may_go_elsewhere_with_nothing_of_the_plugin);
	tcase_add_test(tcase, the_key_of_the_context_does_not_go_to_an_address_of_the_call);
	tcase_add_test(tcase, the_headers_of_the_context_do_not_go_to_an_address_of_the_call);
	tcase_add_test(tcase, an_operation_is_no_way_to_other_addresses);
	tcase_add_test(tcase, the_name_of_a_model_leads_nowhere_else);
	tcase_add_test(tcase, tools_do_not_go_with_a_cache);
	tcase_add_test(
		tcase, pictures_are_made_by_the_version_that_is_asked_and_videos_by_the_model);
	tcase_add_test(tcase, the_version_that_is_asked_says_what_kind_of_model_it_is);
	tcase_add_test(tcase, an_embedder_may_have_any_name);
	tcase_add_test(tcase, an_answer_tells_of_a_cache_that_ends_before_it);
	tcase_add_test(tcase, pages_of_caches_are_asked_for_whatever_their_tokens_are);
	tcase_add_test(tcase, media_that_cannot_go_along_are_refused);
	tcase_add_test(tcase, the_service_says_how_a_model_can_be_asked);
	tcase_add_test(tcase, a_video_that_the_filters_took_is_an_error_of_its_operation);
	tcase_add_test(tcase, what_goes_on_in_the_background_is_asked_with_the_key_of_the_context);
	tcase_add_test(tcase, an_error_of_the_service_may_stand_where_an_event_should);
	tcase_add_test(tcase, research_has_tools_of_the_service_under_its_own_names);
	tcase_add_test(tcase, what_an_agent_did_goes_back_as_it_came);
	tcase_add_test(tcase, steps_of_every_kind_become_parts_and_go_back);
	tcase_add_test(tcase, an_interaction_that_failed_or_goes_on_is_no_answer);
	tcase_add_test(tcase, calls_without_a_ref_get_one);
	tcase_add_test(tcase, memory_that_runs_out_leaves_nothing_of_an_interaction_behind);
	suite_add_tcase(s, tcase);
	return s;
}

UNIT_MAIN(suite)
