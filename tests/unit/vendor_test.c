/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* What all plugins for model providers share: requests and their secrets, failures, media, schemas, usage. */
#include "base/str.h"
#include "core.h"
#include "plugins/common/builtin.h"
#include "plugins/common/failure.h"
#include "plugins/common/media.h"
#include "plugins/common/message.h"
#include "plugins/common/schema.h"
#include "plugins/common/usage.h"

#include <stdio.h>

/* --- requests --- */

START_TEST(a_header_is_replaced_whatever_its_case)
{
	gk_auto_outgoing gk_outgoing out;

	gk_outgoing_init(&out, "POST");
	ck_assert_ptr_eq(strstr(out.headers[0], "User-Agent: genkit-c/"), out.headers[0]);
	gk_outgoing_header(&out, "X-One", "1");
	gk_outgoing_header(&out, "Accept", "a");
	gk_outgoing_header(&out, "x-one", "2");
	gk_outgoing_header(&out, "user-agent", "own");
	ck_assert_uint_eq(out.header_count, 3);
	ck_assert_str_eq(out.headers[0], "user-agent: own");
	ck_assert_str_eq(out.headers[1], "x-one: 2");
	gk_outgoing_header(&out, "X-ONE", NULL);
	ck_assert_uint_eq(out.header_count, 2);
	ck_assert_str_eq(out.headers[1], "Accept: a");
	ck_assert_ptr_null(out.headers[2]);
}
END_TEST

START_TEST(more_headers_than_there_is_room_for_are_refused)
{
	gk_auto_outgoing gk_outgoing out;
	gk_error err = { 0 };

	gk_outgoing_init(&out, "GET");
	while (out.header_count < GK_MAX_VENDOR_HEADERS) {
		char name[32];

		snprintf(name, sizeof(name), "X-%zu", out.header_count);
		gk_outgoing_header(&out, name, "1");
	}
	ck_assert_int_eq(gk_outgoing_check(&out, NULL), GK_OK);
	gk_outgoing_header(&out, "X-More", "1");
	gk_outgoing_check(&out, &err);
	assert_error(&err, GK_INVALID_ARGUMENT, "more than 64 request headers");
}
END_TEST

START_TEST(a_secret_is_cut_out_of_whatever_is_said)
{
	gk_auto_outgoing gk_outgoing out;
	gk_auto_str char *text = NULL;

	gk_outgoing_init(&out, "GET");
	gk_outgoing_secret(&out, "Authorization", "Bearer ", "sk-12345");
	text = gk_outgoing_scrub(&out, "key sk-12345, sk-12345!", 23);
	ck_assert_str_eq(text, "key <REDACTED> (8 characters), <REDACTED> (8 characters)!");
}
END_TEST

START_TEST(a_secret_that_begins_like_another_is_cut_out_whole)
{
	gk_auto_outgoing gk_outgoing out;
	gk_auto_str char *text = NULL;

	gk_outgoing_init(&out, "GET");
	gk_outgoing_secret(&out, "X-Team", "", "blue");
	gk_outgoing_secret(&out, "X-Key", "", "blue-key-1");
	text = gk_outgoing_scrub(&out, "blue blue-key-1", 15);
	ck_assert_str_eq(text, "<REDACTED> (4 characters) <REDACTED> (10 characters)");
}
END_TEST

START_TEST(what_an_address_holds_is_a_secret_in_each_of_its_forms)
{
	static const char said[] =
		"p%2Fw0rd p/w0rd YW5uOnAvdzByZA== t%2Bken t+ken lonely 2024-10-21 ann";
	gk_auto_outgoing gk_outgoing out;
	gk_auto_str char *text = NULL;

	gk_outgoing_init(&out, "GET");
	gk_outgoing_url(&out, "http://ann:p%%2Fw0rd@host/v1/x");
	out.base = "http://ann:p%2Fw0rd@host/v1";
	out.query = "key=t%2Bken&lonely&api-version=2024-10-21";
	gk_outgoing_finish_url(&out);
	ck_assert_int_eq(gk_outgoing_check(&out, NULL), GK_OK);
	ck_assert_str_eq(
		out.url, "http://ann:p%2Fw0rd@host/v1/x?key=t%2Bken&lonely&api-version=2024-10-21");
	text = gk_outgoing_scrub(&out, said, strlen(said));
	ck_assert_str_eq(text,
		"<REDACTED> (8 characters) <REDACTED> (6 characters) <REDACTED> (16 characters) "
		"<REDACTED> (7 characters) <REDACTED> (5 characters) <REDACTED> (6 characters) "
		"2024-10-21 ann");
}
END_TEST

/* --- failures --- */

static gk_error failed(int http, const char *body, int64_t retry_ms)
{
	gk_auto_outgoing gk_outgoing out;
	gk_auto_json json_t *value = NULL;
	gk_error err = { 0 };

	gk_outgoing_init(&out, "POST");
	gk_outgoing_secret(&out, "x-api-key", "", "sk-secret");
	if (gk_json_parse(body, strlen(body), 0, &value, NULL) != GK_OK)
		value = NULL;
	gk_failure_set(&err, "zoo", &out, http, value, body, retry_ms);
	return err;
}

static const struct {
	int http;
	const char *body;
	gk_code code;
	const char *message;
} failures[] = {
	{ 400, "{\"error\":{\"message\":\"no\"}}", GK_INVALID_ARGUMENT, "zoo: [400] no" },
	{ 404, "{\"error\":\"gone\"}", GK_NOT_FOUND, "zoo: [404] gone" },
	{ 422, "{\"message\":\"odd\"}", GK_INVALID_ARGUMENT, "zoo: [422] odd" },
	{ 422, "{\"detail\":[{\"msg\":\"x\"}]}", GK_INVALID_ARGUMENT,
		"zoo: [422] [{\"msg\":\"x\"}]" },
	{ 500, "{\"errors\":[{\"message\":\"bad\"}]}", GK_INTERNAL, "zoo: [500] bad" },
	{ 502, "<html>", GK_UNAVAILABLE, "zoo: [502] <html>" },
	{ 418, "", GK_UNKNOWN, "zoo: [418]" },
	{ 403, "{\"error\":{\"status\":\"UNAUTHENTICATED\",\"message\":\"who\"}}",
		GK_UNAUTHENTICATED, "zoo: [403] who" },
	{ 401, "{\"error\":{\"message\":\"bad key sk-secret\"}}", GK_UNAUTHENTICATED,
		"zoo: [401] bad key <REDACTED> (9 characters)" },
	{ 400,
		"{\"error\":{\"message\":\"a\",\"details\":[{\"detail\":\"x [ORIGINAL ERROR] why "
		"[/]\"}]}}",
		GK_INVALID_ARGUMENT, "zoo: [400] a why " },
};

START_TEST(a_failed_reply_says_status_and_reason)
{
	gk_error err = failed(failures[_i].http, failures[_i].body, -1);

	assert_error(&err, failures[_i].code, failures[_i].message);
}
END_TEST

START_TEST(a_long_reason_is_cut_between_characters)
{
	gk_auto_str char *body = malloc(5001);
	gk_auto_error gk_error err = { 0 };

	for (size_t i = 0; i < 5000; i += 2)
		memcpy(body + i, "\xc3\xa9", 2);
	memmove(body + 1, body, 4999);
	body[0] = 'x';
	body[4999] = '\0';
	err = failed(500, body, -1);
	ck_assert_uint_eq(strlen(err.message), strlen("zoo: [500] ") + GK_MAX_VENDOR_MESSAGE - 1);
	ck_assert_uint_eq(gk_str_valid_utf8(err.message, strlen(err.message)), strlen(err.message));
}
END_TEST

START_TEST(the_time_to_wait_comes_from_header_or_body)
{
	static const struct {
		int http;
		const char *body;
		int64_t header;
		int64_t wait;
	} cases[] = {
		{ 429, "{}", 1500, 1500 },
		{ 429, "{\"error\":{\"details\":[{\"retryDelay\":\"58s\"}]}}", -1, 58000 },
		{ 429, "{\"error\":{\"details\":[{\"retryDelay\":\"0.5s\"}]}}", -1, 500 },
		{ 429, "{\"error\":{\"details\":[{\"retryDelay\":{\"seconds\":2,\"nanos\":5000000}}]}}",
			-1, 2005 },
		{ 503, "{\"error\":\"loading\",\"estimated_time\":20.5}", -1, 20500 },
		{ 503, "{\"error\":\"loading\",\"estimated_time\":20.5}", 7, 7 },
		{ 500, "{\"estimated_time\":20}", -1, -1 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		gk_auto_error gk_error err = failed(cases[i].http, cases[i].body, cases[i].header);

		ck_assert_int_eq(gk_json_int_at(err.details, "responseMetadata.retryAfterMs", -1),
			cases[i].wait);
	}
}
END_TEST

START_TEST(retry_after_is_seconds_or_a_date)
{
	uint64_t now = 784111777000u, ms = 0; /* Sun, 06 Nov 1994 08:49:37 GMT */

	ck_assert(gk_failure_retry_after("Sun, 06 Nov 1994 08:50:37 GMT", now, &ms));
	ck_assert_uint_eq(ms, 60000);
	ck_assert(gk_failure_retry_after("Sun, 06 Nov 1994 08:48:37 GMT", now, &ms));
	ck_assert_uint_eq(ms, 0);
	ck_assert(gk_failure_retry_after("3, 9", now, &ms));
	ck_assert_uint_eq(ms, 3000);
	ck_assert(!gk_failure_retry_after("inf", now, &ms));
	ck_assert(!gk_failure_retry_after("0x10", now, &ms));
	ck_assert(!gk_failure_retry_after("1e300", now, &ms));
	ck_assert(!gk_failure_retry_after("Sun, 06 Foo 1994 08:50:37 GMT", now, &ms));
}
END_TEST

/* --- media --- */

START_TEST(a_media_part_tells_its_type_and_its_bytes)
{
	gk_auto_json json_t *own =
		json("{'url': 'data:image/png;base64,QUJD', 'contentType': 'image/gif'}");
	gk_auto_json json_t *plain = json("{'url': 'data:image/png;x=y;base64,QUJD'}");
	gk_auto_json json_t *remote = json("{'url': 'https://a/b'}");
	gk_media media;

	ck_assert_int_eq(gk_media_read(own, &media, NULL), GK_OK);
	ck_assert(gk_media_is(&media, "image/gif"));
	ck_assert_str_eq(media.data, "QUJD");
	ck_assert_int_eq(gk_media_read(plain, &media, NULL), GK_OK);
	ck_assert_uint_eq(media.type_len, strlen("image/png"));
	ck_assert(gk_media_is(&media, "IMAGE/"));
	ck_assert_int_eq(gk_media_read(remote, &media, NULL), GK_OK);
	ck_assert_ptr_null(media.type);
	ck_assert_ptr_null(media.data);
}
END_TEST

START_TEST(a_media_part_that_is_none_is_refused)
{
	static const char *const parts[] = { "{}", "{'url': 7}", "{'url': 'data:image/png,abc'}",
		"{'url': 'data:,'}", "{'url': 'data:base64,QUJD'}" };

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		gk_auto_json json_t *part = json(parts[i]);
		gk_media media;

		ck_assert_int_eq(gk_media_read(part, &media, NULL), GK_INVALID_ARGUMENT);
	}
}
END_TEST

START_TEST(base64_is_read_as_it_was_written)
{
	char bytes[64];

	for (size_t len = 0; len < sizeof(bytes); len++) {
		gk_auto_str char *text = NULL, *back = NULL;
		size_t back_len = 99;

		for (size_t i = 0; i < len; i++)
			bytes[i] = (char)(i * 37 + len);
		text = gk_base64_encode(bytes, len);
		ck_assert(gk_base64_decode(text, strlen(text), &back, &back_len));
		ck_assert_uint_eq(back_len, len);
		ck_assert_mem_eq(back, bytes, len);
	}
}
END_TEST

START_TEST(what_is_no_base64_is_refused)
{
	static const char *const texts[] = { "A", "AB*D", "QUJD=x", "QUJDR" };
	gk_auto_str char *blank = NULL;
	size_t len;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		char *back = NULL;

		ck_assert_msg(
			!gk_base64_decode(texts[i], strlen(texts[i]), &back, &len), "%s", texts[i]);
	}
	ck_assert(gk_base64_decode("QU\r\nJD\n", 7, &blank, &len));
	ck_assert_str_eq(blank, "ABC");
}
END_TEST

/* --- schemas --- */

static void assert_adapted(const char *schema, const gk_schema_adapt_opts *opts, const char *wanted)
{
	gk_auto_json json_t *in = json(schema), *out = NULL;
	gk_auto_error gk_error err = { 0 };

	ck_assert_msg(gk_schema_adapt(in, opts, &out, &err) == GK_OK, "%s", err.message);
	assert_json(out, wanted);
}

START_TEST(objects_are_closed_at_every_level)
{
	assert_adapted(
		"{'type':'object','properties':{'a':{'type':'array','items':{'type':'object',"
		"'properties':{'b':{'type':'string'}}}}},'anyOf':[{'properties':{}}]}",
		GK_OPTS(gk_schema_adapt_opts, .close_objects = true, .require_all = true),
		"{'type':'object','properties':{'a':{'type':'array','items':{'type':'object',"
		"'properties':{'b':{'type':'string'}},'additionalProperties':false,'required':['b']}}},"
		"'anyOf':[{'properties':{},'additionalProperties':false,'required':[]}],"
		"'additionalProperties':false,'required':['a']}");
}
END_TEST

START_TEST(references_are_replaced_by_what_they_mean)
{
	assert_adapted(
		"{'properties':{'p':{'$ref':'#/$defs/P','description':'d'}},'$defs':{'P':{'type':"
		"'string','description':'old'}}}",
		GK_OPTS(gk_schema_adapt_opts, .inline_refs = true),
		"{'properties':{'p':{'type':'string','description':'d'}}}");
}
END_TEST

START_TEST(references_that_cannot_be_replaced_are_refused)
{
	static const char *const schemas[] = {
		"{'$ref':'#/$defs/X'}",
		"{'$ref':'https://elsewhere/'}",
		"{'$defs':{'A':{'properties':{'a':{'$ref':'#/$defs/A'}}}},'$ref':'#/$defs/A'}",
		"{'$ref':'#'}",
	};

	for (size_t i = 0; i < sizeof(schemas) / sizeof(schemas[0]); i++) {
		gk_auto_json json_t *in = json(schemas[i]), *out = NULL;

		ck_assert_msg(
			gk_schema_adapt(in, GK_OPTS(gk_schema_adapt_opts, .inline_refs = true),
				&out, NULL) == GK_INVALID_ARGUMENT,
			"%s", schemas[i]);
	}
}
END_TEST

START_TEST(references_that_unfold_without_end_are_refused)
{
	gk_auto_buf gk_buf text = GK_BUF_INIT(0);
	gk_auto_json json_t *in = NULL, *out = NULL;

	gk_buf_puts(&text, "{'$ref':'#/$defs/a0','$defs':{");
	for (int i = 0; i < 30; i++)
		gk_buf_printf(&text,
			"'a%d':{'properties':{'x':{'$ref':'#/$defs/a%d'},'y':{'$ref':'#/$defs/a%d'}}},",
			i, i + 1, i + 1);
	gk_buf_puts(&text, "'a30':{'type':'string'}}}"); /* far more than GK_MAX_SCHEMA_INLINE */
	in = json(text.data);
	ck_assert_int_eq(
		gk_schema_adapt(in, GK_OPTS(gk_schema_adapt_opts, .inline_refs = true), &out, NULL),
		GK_INVALID_ARGUMENT);
}
END_TEST

START_TEST(gemini_has_its_own_words_for_types)
{
	static const char *const keep[] = { "type", "description", "properties", "required",
		"items", NULL };

	assert_adapted(
		"{'type':'object','$schema':'x','properties':{'a':{'type':['string','null']},'b':"
		"{'anyOf':[{'type':'null'},{'type':'integer'}]},'c':{'description':'free'}},'required'"
		":['a','c']}",
		GK_OPTS(gk_schema_adapt_opts, .gemini = true, .keep = keep),
		"{'type':'OBJECT','properties':{'a':{'type':'STRING','nullable':true},'b':{'type':'INTEGER',"
		"'nullable':true}},'required':['a']}");
}
END_TEST

/* --- usage --- */

START_TEST(usage_counts_characters_as_javascript_does)
{
	gk_auto_json json_t *usage = json_object();
	gk_auto_json json_t *request = json(
		"{'messages':[{'content':[{'text':'a\xc3\xa9\xf0\x9f\x98\x80'},{'media':{'url':"
		"'data:image/png;base64,QQ=='}}]},{'content':[{'media':{'url':'x','contentType':'video/mp4'}}]}]}");
	gk_auto_json json_t *message = json("{'content':[{'text':'xyz'},{'media':{'url':"
					    "'data:audio/wav;base64,QQ=='}}]}");

	ck_assert(gk_usage_add_basic(usage, request, message));
	assert_json(usage,
		"{'inputCharacters':4,'inputImages':1,'inputVideos':1,'inputAudioFiles':0,"
		"'outputCharacters':3,'outputImages':0,'outputVideos':0,'outputAudioFiles':1}");
}
END_TEST

/* --- names --- */

START_TEST(words_match_whole_or_by_a_star)
{
	ck_assert(gk_words_match("a b-c", "b-c"));
	ck_assert(!gk_words_match("a b-c", "b"));
	ck_assert(!gk_words_match("a b-c", "b-cd"));
	ck_assert(gk_words_match("x y*", "yes"));
	ck_assert(gk_words_match("*end", "the-end"));
	ck_assert(!gk_words_match("*end", "ended"));
	ck_assert(gk_words_match("*mid*", "a-mid-b"));
	ck_assert(gk_words_match("*", ""));
	ck_assert(!gk_words_match("", "a"));
}
END_TEST

/* --- plugins and their options --- */

static json_t *env; /* {name: value} */

static const char *env_of(const char *name, void *user)
{
	(void)user;
	return json_string_value(json_object_get(env, name));
}

static gk_code look_up(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	gk_action *action = NULL;
	gk_code rc = gk_lookup_action(ctx, json_string_value(input), &action, err);

	if (rc == GK_OK)
		*ret = action ? json_deep_copy(gk_action_metadata_peek(action)) : json_null();
	gk_action_unref(action);
	return rc;
}

static void use(const char *name, const char *options)
{
	gk_auto_json json_t *given = json(options);
	gk_auto_error gk_error err = { 0 };

	ck_assert(gk_net_set_env(core_app, env_of, NULL));
	ck_assert_msg(gk_use_plugin(core_app, name, given, &err) == GK_OK, "%s", err.message);
	core_flow("look", look_up, NULL);
}

static void fails(const char *name, const char *options, gk_code code, const char *message)
{
	core_start_unseen();
	use(name, options);
	core_fail("/flow/look", json_sprintf("/model/%s/x", name), code, message);
	core_stop();
}

START_TEST(options_that_are_none_are_told)
{
	fails("openai", "{'api_key':'k','bse_url':'x'}", GK_INVALID_ARGUMENT,
		"plugin openai: there is no option 'bse_url'; did you mean 'base_url'?");
	fails("openai", "{'apiKey':'k','bseURL':'x'}", GK_INVALID_ARGUMENT,
		"plugin openai: there is no option 'bseURL'; did you mean 'baseURL'?");
	fails("openai", "{'apiKey':7}", GK_INVALID_ARGUMENT,
		"plugin openai: option 'apiKey' must be a string or false");
	fails("openai", "{'apiKey':'k','headers':{'a':1}}", GK_INVALID_ARGUMENT,
		"plugin openai: option 'headers' must be a mapping of strings");
	fails("openai", "{'apiKey':'k','timeout':-1}", GK_INVALID_ARGUMENT,
		"plugin openai: option 'timeout' must be a number from 0");
}
END_TEST

START_TEST(a_missing_key_names_the_variables)
{
	fails("kimi", "{}", GK_FAILED_PRECONDITION,
		"plugin kimi: needs a key: option 'apiKey', or in the environment KIMI_API_KEY or "
		"MOONSHOT_API_KEY");
	fails("microsoft-foundry", "{'apiKey':'k'}", GK_FAILED_PRECONDITION,
		"plugin microsoft-foundry: needs the address of the service, option 'baseURL' or "
		"AZURE_OPENAI_ENDPOINT");
}
END_TEST

START_TEST(a_key_from_the_environment_is_trimmed)
{
	core_start_unseen();
	env = json(
		"{'OPENAI_API_KEY':' \xe2\x80\x8b\xef\xbb\xbf ','XAI_API_KEY':'\xc2\xa0 k \xe2\x81\xa0'}");
	use("xai", "{}");
	ck_assert_int_eq(gk_use_plugin(core_app, "openai", NULL, NULL), GK_OK);
	json_decref(core_run("/flow/look", json_string("/model/xai/grok-4")));
	core_fail("/flow/look", json_string("/model/openai/gpt-4o"), GK_FAILED_PRECONDITION, NULL);
	core_stop();
	json_decref(env);
	env = NULL;
}
END_TEST

START_TEST(an_unknown_plugin_is_not_found)
{
	gk_error err = { 0 };

	core_start_unseen();
	gk_use_plugin(core_app, "opnai", NULL, &err);
	assert_error(&err, GK_NOT_FOUND, "there is no plugin 'opnai'; did you mean 'openai'?");
	core_stop();
}
END_TEST

START_TEST(a_list_of_compatible_services_is_a_plugin_each)
{
	gk_auto_json json_t *got = NULL;
	gk_error err = { 0 };
	gk_auto_json json_t *twice = json("[{'name':'one','base_url':'http://a'}]");

	core_start_unseen();
	use("compat", "[{'name':'one','base_url':'http://a/'},{'name':'two','baseURL':'http://b',"
		      "'json_mode':'none','models':['m']}]");
	got = core_run("/flow/look", json_string("/model/two/m"));
	assert_json(gk_json_at_peek(got, "model.supports.constrained"), "'none'");
	json_decref(got);
	got = core_run("/flow/look", json_string("/embedder/one/nomic-embed-text"));
	ck_assert(json_is_object(got));
	gk_use_plugin(core_app, "compat", twice, &err);
	ck_assert_str_eq(err.message, "Plugin one already registered");
	gk_error_clear(&err);
	core_stop();
}
END_TEST

START_TEST(a_compatible_service_needs_a_name_and_an_address)
{
	gk_auto_json json_t *nameless = json("{'base_url':'http://a'}");
	gk_auto_json json_t *odd = json("{'name':'x','base_url':'http://a','json_mode':'xml'}");
	gk_error err = { 0 };

	core_start_unseen();
	gk_use_plugin(core_app, "compat", nameless, &err);
	assert_error(&err, GK_INVALID_ARGUMENT,
		"plugin compat: a service is a mapping with 'name' and 'base_url'");
	gk_use_plugin(core_app, "compat", odd, &err);
	assert_error(
		&err, GK_INVALID_ARGUMENT, "plugin x: option 'jsonMode' is schema, object or none");
	core_stop();
}
END_TEST

static bool use_and_look(void)
{
	gk_auto_json json_t *options =
		json_pack("{s:s, s:s}", "name", "zoo", "base_url", "http://a");
	gk_app *app = NULL;
	gk_loop *loop = NULL;
	bool ok = options && gk_loop_new(&loop, NULL) == GK_OK &&
		  gk_app_new(loop, NULL, &app, NULL) == GK_OK &&
		  gk_use_plugin(app, "compat", options, NULL) == GK_OK;

	gk_app_free(app);
	gk_loop_free(loop);
	return ok;
}

START_TEST(memory_that_runs_out_leaves_nothing_behind)
{
	fault_sweep(use_and_look);
}
END_TEST

static Suite *vendor_suite(void)
{
	const TTest *const tests[] = { a_header_is_replaced_whatever_its_case,
		more_headers_than_there_is_room_for_are_refused,
		a_secret_is_cut_out_of_whatever_is_said,
		a_secret_that_begins_like_another_is_cut_out_whole,
		what_an_address_holds_is_a_secret_in_each_of_its_forms,
		a_long_reason_is_cut_between_characters, the_time_to_wait_comes_from_header_or_body,
		retry_after_is_seconds_or_a_date, a_media_part_tells_its_type_and_its_bytes,
		a_media_part_that_is_none_is_refused, base64_is_read_as_it_was_written,
		what_is_no_base64_is_refused, objects_are_closed_at_every_level,
		references_are_replaced_by_what_they_mean,
		references_that_cannot_be_replaced_are_refused,
		references_that_unfold_without_end_are_refused, gemini_has_its_own_words_for_types,
		usage_counts_characters_as_javascript_does, words_match_whole_or_by_a_star,
		options_that_are_none_are_told, a_missing_key_names_the_variables,
		a_key_from_the_environment_is_trimmed, an_unknown_plugin_is_not_found,
		a_list_of_compatible_services_is_a_plugin_each,
		a_compatible_service_needs_a_name_and_an_address,
		memory_that_runs_out_leaves_nothing_behind };
	Suite *suite = suite_create("vendor");
	TCase *tcase = tcase_create("vendor");

	for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++)
		tcase_add_test(tcase, tests[i]);
	tcase_add_loop_test(tcase, a_failed_reply_says_status_and_reason, 0,
		(int)(sizeof(failures) / sizeof(failures[0])));
	suite_add_tcase(suite, tcase);
	return suite;
}

UNIT_MAIN(vendor_suite)
