/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* The plugin for Gemini's own API, where the recorded exchanges do not reach: addresses, overrides of a call, operations. */
#include "core.h"
#include "plugins/common/net.h"

#include <genkit/plugins.h>
#include <stdio.h>

static char url[512], headers[2048];
static uint64_t timeout_ms;
static unsigned asked;
static bool is_read;

static gk_code start(void *user, const gk_outgoing *out, void **ret, gk_error *err)
{
	(void)user;
	(void)err;
	asked++;
	is_read = false;
	timeout_ms = out->timeout_ms;
	snprintf(url, sizeof(url), "%s", out->url);
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
	*ret = strstr(reply, ":embedContent") ? "{\"embedding\":{\"values\":[1]}}"
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
	ck_assert(gk_net_set_transport(core_app, &service, NULL));
	ck_assert_int_eq(gk_use_plugin(core_app, "googleai", options, NULL), GK_OK);
}

static json_t *hello(const char *config)
{
	json_t *request = json("{'messages':[{'role':'user','content':[{'text':'hi'}]}]}");

	if (config)
		json_object_set_new(request, "config", json(config));
	return request;
}

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
		hello("{'baseUrl':'https://mine.example','apiVersion':'v1','timeout':1500,'version':'models/gemini-x',"
		      "'customHeaders':{'X-Team':'blue','x-goog-api-key':'stolen'}}")));
	ck_assert_str_eq(url, "https://mine.example/v1/models/gemini-x:generateContent");
	ck_assert_uint_eq(timeout_ms, 1500);
	ck_assert_ptr_nonnull(strstr(headers, "X-Team: blue\n"));
	ck_assert_ptr_nonnull(strstr(headers, "x-goog-api-key: secret-key\n"));
	ck_assert_ptr_null(strstr(headers, "stolen"));
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

START_TEST(tools_do_not_go_with_a_cache)
{
	json_t *request = json(
		"{'messages':[{'role':'user','content':[{'text':'long'}],'metadata':{'cache':true}},"
		"{'role':'user','content':[{'text':'hi'}]}],'tools':[{'name':'t','inputSchema':{'type':'object'}}]}");

	core_fail("/model/googleai/gemini-2.5-flash", request, GK_INVALID_ARGUMENT, NULL);
	ck_assert_uint_eq(asked, 0);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("googleai");
	TCase *tcase = tcase_create("googleai");

	tcase_add_checked_fixture(tcase, set_up, core_stop);
	tcase_add_test(tcase, ids_are_written_in_many_ways);
	tcase_add_test(tcase, a_call_may_have_an_address_a_time_and_headers_of_its_own);
	tcase_add_test(tcase, an_operation_is_no_way_to_other_addresses);
	tcase_add_test(tcase, tools_do_not_go_with_a_cache);
	suite_add_tcase(s, tcase);
	return s;
}

UNIT_MAIN(suite)
