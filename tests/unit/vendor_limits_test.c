/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* What services and callers can ask too much of: each limit of the plugins' shared layer and its families, reached. */
#include "base/str.h"
#include "core/app_client.h"
#include "json/edit.h"
#include "loop/fetch_internal.h"
#include "plugins/common/ask.h"
#include "plugins/cloudflare/cloudflare.h"
#include "plugins/common/builtin.h"
#include "plugins/gemini/gemini.h"
#include "plugins/oai/oai.h"
#include "plugins/ollama/ollama.h"
#include "provider.h"
#include "server.h"

#include <stdio.h>

/* --- a service that answers as a test wants, of any length --- */

static char *(*answer)(const gk_outgoing *out); /* NULL: `length` bytes */
static size_t length;
static char fill;
static int status;
static size_t counts[4], requests; /* what each request asked for */

static gk_code say(const gk_outgoing *out, provider_reply *reply, gk_error *err)
{
	(void)err;
	reply->status = status;
	reply->text = answer ? answer(out) : NULL;
	reply->filler = length;
	reply->fill = fill;
	return GK_OK;
}

static void set_up(void)
{
	core_start_unseen();
	answer = NULL;
	status = 200;
	requests = length = 0;
	fill = 'x';
	provider_start(say);
}

#define ZOO "{'name':'zoo','base_url':'http://zoo.invalid','breakAfter':0}"

/* --- bodies --- */

START_TEST(an_answer_that_is_too_long_is_refused)
{
	provider_use("compat", ZOO);
	length = (size_t)GK_MAX_VENDOR_BODY + 1;
	core_fail("/model/zoo/m", provider_hello(), GK_RESOURCE_EXHAUSTED,
		"zoo: the answer has more than 268435456 bytes, or memory ran out");
}
END_TEST

START_TEST(what_comes_in_place_of_a_stream_is_only_so_long)
{
	gk_auto_json json_t *input = provider_hello();
	core_sink sink;
	gk_run *run;

	provider_use("compat", ZOO);
	length = (size_t)GK_MAX_VENDOR_BODY + 1;
	fill = '<';
	core_sink_init(&sink);
	run = core_begin(GK_OPTS(gk_run_opts, .app = core_app, .key = "/model/zoo/m",
		.input = input, .sink = &sink.base, .is_streaming = true));
	core_finish(run);
	ck_assert_int_eq(gk_run_error_peek(run)->code, GK_RESOURCE_EXHAUSTED);
	ck_assert_str_eq(gk_run_error_peek(run)->message,
		"zoo: the answer has more than 268435456 bytes, or memory ran out");
	gk_run_unref(run);
	core_sink_done(&sink);
}
END_TEST

static size_t text_length;
static bool is_broken; /* an answer without its last bracket */

static char *long_text(const gk_outgoing *out)
{
	gk_auto_str char *text = malloc(text_length + 1);
	char *all = NULL;

	memset(text, 'x', text_length);
	text[text_length] = '\0';
	ck_assert_int_gt(strstr(out->url, "/audio/")
				 ? asprintf(&all, "{\"text\":\"%s\"}", text)
				 : asprintf(&all,
					   "{\"choices\":[{\"message\":{\"content\":\"%s\"},"
					   "\"finish_reason\":\"stop\"}]%s",
					   text, is_broken ? "" : "}"),
		0);
	return all;
}

/* Nothing else waits here: a run that has not ended when it has begun waits for a worker. */
static void assert_waits(bool is_streaming, bool waits)
{
	gk_auto_json json_t *input = provider_hello();
	gk_run *run = core_begin(GK_OPTS(gk_run_opts, .app = core_app, .key = "/model/zoo/m",
		.input = input, .is_streaming = is_streaming));
	const gk_error *err;

	ck_assert_int_eq(gk_run_is_done(run), !waits);
	core_finish(run);
	err = gk_run_error_peek(run);
	if (!is_broken)
		ck_assert_uint_eq(json_string_length(gk_json_at_peek(
					  gk_run_result_peek(run), "message.content[0].text")),
			text_length);
	else
		ck_assert_msg(
			err->code == GK_INTERNAL &&
				strstr(err->message,
					is_streaming ? "zoo: the answer is no stream of events: {"
						     : "zoo: the answer is not JSON: "),
			"%s", err->message);
	gk_run_unref(run);
}

START_TEST(a_long_answer_is_read_by_a_worker)
{
	bool is_streaming = _i & 1;

	is_broken = _i & 2;
	provider_use("compat", ZOO);
	answer = long_text;
	text_length = 1000;
	assert_waits(is_streaming, false);
	text_length = GK_PARSE_ON_LOOP;
	assert_waits(is_streaming, true);
}
END_TEST

START_TEST(a_long_transcript_is_read_by_a_worker)
{
	gk_auto_json json_t *input = json(
		"{'messages':[{'role':'user','content':[{'media':{'url':'data:audio/wav;base64,QQ=='}}]}],"
		"'output':{'format':'json'}}");

	provider_use("openai", "{'apiKey':'secret-key'}");
	answer = long_text;
	for (int i = 0; i < 2; i++) {
		gk_run *run;

		text_length = i ? GK_PARSE_ON_LOOP : 1000;
		run = core_begin(
			GK_OPTS(gk_run_opts, .key = "/model/openai/whisper-1", .input = input));
		ck_assert_int_eq(gk_run_is_done(run), !i);
		core_finish(run);
		ck_assert_uint_eq(json_string_length(gk_json_at_peek(
					  gk_run_result_peek(run), "message.content[0].text")),
			text_length);
		gk_run_unref(run);
	}
}
END_TEST

START_TEST(a_failure_that_is_too_long_says_what_its_status_says)
{
	provider_use("compat", ZOO);
	status = 429;
	length = GK_MAX_VENDOR_FAILURE + 1;
	core_fail("/model/zoo/m", provider_hello(), GK_RESOURCE_EXHAUSTED, "zoo: [429]");
	length = GK_MAX_VENDOR_FAILURE - 1;
	core_fail("/model/zoo/m", provider_hello(), GK_RESOURCE_EXHAUSTED, NULL);
}
END_TEST

START_TEST(a_request_has_only_so_many_secrets)
{
	gk_auto_outgoing gk_outgoing out;
	gk_error err = { 0 };

	gk_outgoing_init(&out, "GET");
	for (unsigned i = 0; i <= GK_MAX_VENDOR_SECRETS; i++) {
		char secret[16];

		ck_assert_int_eq(gk_outgoing_check(&out, NULL), GK_OK);
		snprintf(secret, sizeof(secret), "secret-%u", i);
		gk_outgoing_secret(&out, "X-Key", "", secret);
	}
	gk_outgoing_check(&out, &err);
	assert_error(&err, GK_RESOURCE_EXHAUSTED,
		"more than 64 secret headers and parts of an address in a request");
}
END_TEST

/* --- streams --- */

static gk_code drop(json_t *chunk_take, void *user, gk_error *err)
{
	(void)user;
	(void)err;
	json_decref(chunk_take);
	return GK_OK;
}

static const char *const said[] = { "content", "reasoning", "refusal" };

START_TEST(a_stream_is_only_so_long)
{
	gk_auto_json json_t *request = provider_hello();
	gk_vendor vendor = { .name = (char *)"zoo", .type = &gk_plugin_openai };
	const gk_oai_call call = {
		.row = gk_plugin_openai.row, .vendor = &vendor, .id = "m", .request = request
	};
	gk_auto_oai_stream gk_oai_stream it;
	gk_auto_str char *piece = malloc((1u << 20) + 128);
	gk_error err = { 0 };
	gk_code rc = GK_OK;
	unsigned i;
	int at;

	at = sprintf(piece, "{\"choices\":[{\"delta\":{\"%s\":\"", said[_i]);
	memset(piece + at, 'x', 1u << 20);
	strcpy(piece + at + (1u << 20), "\"}}]}");
	gk_oai_stream_init(&it, &call, drop, NULL);
	for (i = 0; rc == GK_OK && i <= GK_MAX_VENDOR_STREAM >> 20; i++)
		rc = gk_oai_stream_push(&it, piece, strlen(piece), &err);
	ck_assert_uint_eq(i, (GK_MAX_VENDOR_STREAM >> 20) + 1);
	assert_error(&err, GK_RESOURCE_EXHAUSTED, "zoo: the stream has too many bytes");
}
END_TEST

static gk_code push_cloudflare(void *stream, const char *text, size_t len, gk_error *err)
{
	return gk_cloudflare_stream_push(stream, text, len, err);
}

static gk_code push_ollama(void *stream, const char *text, size_t len, gk_error *err)
{
	return gk_ollama_stream_push(stream, text, len, err);
}

typedef gk_code push_fn(void *stream, const char *text, size_t len, gk_error *err);

/* Fails the test unless `count` pieces are taken and one more is not. */
static void assert_pieces(
	push_fn *push, void *stream, const json_t *piece, unsigned count, const char *message)
{
	gk_auto_str char *text = json_dumps(piece, JSON_COMPACT);
	gk_error err = { 0 };

	for (unsigned i = 0; i < count; i++)
		ck_assert_int_eq(push(stream, text, strlen(text), NULL), GK_OK);
	ck_assert_int_ne(push(stream, text, strlen(text), &err), GK_OK);
	assert_error(&err, GK_RESOURCE_EXHAUSTED, message);
}

/* A piece of 1 MB, and one with as many calls as a 64th of what may come. */
static json_t *big_text(void)
{
	gk_auto_str char *text = malloc((1u << 20) + 1);

	memset(text, 'x', 1u << 20);
	text[1u << 20] = '\0';
	return json_string(text);
}

static json_t *many_calls(void)
{
	json_t *calls = json_array();

	for (unsigned i = 0; i < GK_MAX_VENDOR_CALLS / 64; i++)
		json_array_append_new(calls, json("{'function':{'name':'t','arguments':{}}}"));
	return calls;
}

START_TEST(a_stream_of_cloudflare_is_only_so_long)
{
	gk_auto_cloudflare_stream gk_cloudflare_stream texts = { .who = "cloudflare-workers-ai",
		.emit = drop },
						       calls = { .who = "cloudflare-workers-ai",
							       .emit = drop };
	gk_auto_json json_t *text = json_pack("{s:o}", "response", big_text()),
			    *call = json_pack("{s:o}", "tool_calls", many_calls());

	assert_pieces(push_cloudflare, &texts, text, GK_MAX_VENDOR_STREAM >> 20,
		"cloudflare-workers-ai: the stream is too long");
	assert_pieces(
		push_cloudflare, &calls, call, 64, "cloudflare-workers-ai: the stream is too long");
}
END_TEST

START_TEST(a_stream_of_ollama_is_only_so_long)
{
	gk_auto_ollama_stream gk_ollama_stream texts = { .emit = drop },
					       thoughts = { .emit = drop },
					       calls = { .emit = drop };
	gk_auto_json json_t *text = json_pack("{s:{s:o}}", "message", "content", big_text()),
			    *thought = json_pack("{s:{s:o}}", "message", "thinking", big_text()),
			    *call = json_pack("{s:{s:o}}", "message", "tool_calls", many_calls());

	assert_pieces(push_ollama, &texts, text, GK_MAX_VENDOR_STREAM >> 20,
		"ollama: the stream is too long");
	assert_pieces(push_ollama, &thoughts, thought, GK_MAX_VENDOR_STREAM >> 20,
		"ollama: the stream is too long");
	assert_pieces(push_ollama, &calls, call, 64, "ollama: the stream is too long");
}
END_TEST

START_TEST(a_stream_of_gemini_has_only_so_many_parts)
{
	gk_auto_json json_t *request = provider_hello(), *parts = json_array(), *piece = NULL;
	const gk_gemini_call call = { .who = "zoo", .id = "gemini-x", .request = request };
	gk_auto_gemini_stream gk_gemini_stream it = { .call = &call, .emit = drop };
	gk_auto_str char *text = NULL;
	gk_error err = { 0 };
	gk_code rc = GK_OK;
	unsigned i;

	for (i = 0; i < 1000; i++)
		json_array_append_new(parts, json_pack("{s:s}", "text", "a"));
	piece = json_pack("{s:[{s:{s:O}}]}", "candidates", "content", "parts", parts);
	text = json_dumps(piece, JSON_COMPACT);
	for (i = 0; rc == GK_OK && i <= GK_MAX_GEMINI_PARTS / 1000; i++)
		rc = gk_gemini_stream_push(&it, text, strlen(text), &err);
	ck_assert_uint_eq(i, GK_MAX_GEMINI_PARTS / 1000 + 1);
	assert_error(&err, GK_RESOURCE_EXHAUSTED, "zoo: the stream has too many parts");
}
END_TEST

START_TEST(arguments_in_pieces_reach_only_so_far)
{
	gk_auto_json json_t *args = json_object(), *pieces = json_array();
	char name[GK_MAX_GEMINI_NAME + 8], path[GK_MAX_GEMINI_NAME + 16];

	memset(name, 'n', sizeof(name));
	name[GK_MAX_GEMINI_NAME] = '\0';
	snprintf(path, sizeof(path), "$.%s", name);
	json_array_append_new(
		pieces, json_pack("{s:s, s:s}", "jsonPath", path, "stringValue", "too long"));
	name[GK_MAX_GEMINI_NAME - 1] = '\0';
	snprintf(path, sizeof(path), "$.%s", name);
	json_array_append_new(
		pieces, json_pack("{s:s, s:s}", "jsonPath", path, "stringValue", "fits"));
	snprintf(path, sizeof(path), "$.list[%u]", GK_MAX_GEMINI_INDEX - 1);
	json_array_append_new(pieces, json_pack("{s:s, s:i}", "jsonPath", path, "numberValue", 1));
	snprintf(path, sizeof(path), "$.far[%u]", GK_MAX_GEMINI_INDEX);
	json_array_append_new(pieces, json_pack("{s:s, s:i}", "jsonPath", path, "numberValue", 1));
	ck_assert(gk_gemini_apply_partial(args, pieces));
	ck_assert_str_eq(json_string_value(json_object_get(args, name)), "fits");
	ck_assert_uint_eq(json_array_size(json_object_get(args, "list")), GK_MAX_GEMINI_INDEX);
	ck_assert_uint_eq(json_array_size(json_object_get(args, "far")), 0);
}
END_TEST

/* --- embeddings --- */

/* As many vectors as there are texts. */
static char *embed(const gk_outgoing *out)
{
	gk_auto_json json_t *body = NULL, *data = json_array(), *all = NULL;
	bool is_cloudflare = strstr(out->url, "/ai/run/") != NULL;

	ck_assert_int_eq(gk_json_parse(out->body, out->body_len, 0, &body, NULL), GK_OK);
	counts[requests] = json_array_size(json_object_get(body, is_cloudflare ? "text" : "input"));
	for (size_t i = 0; i < counts[requests]; i++)
		json_array_append_new(data, is_cloudflare
						    ? json_pack("[i]", (int)i)
						    : json_pack("{s:[i]}", "embedding", (int)i));
	requests++;
	all = is_cloudflare ? json_pack("{s:b, s:{s:O}}", "success", 1, "result", "data", data)
			    : json_pack("{s:O}", "data", data);
	return json_dumps(all, JSON_COMPACT);
}

static void assert_batches(const char *key, size_t batch)
{
	gk_auto_json json_t *got = NULL;
	json_t *documents = json_array();

	answer = embed;
	for (size_t i = 0; i <= batch; i++)
		json_array_append_new(documents, json("{'content':[{'text':'a'}]}"));
	got = core_run(key, json_pack("{s:o}", "input", documents));
	ck_assert_uint_eq(requests, 2);
	ck_assert_uint_eq(counts[0], batch);
	ck_assert_uint_eq(counts[1], 1);
	ck_assert_uint_eq(json_array_size(json_object_get(got, "embeddings")), batch + 1);
}

START_TEST(documents_go_in_batches)
{
	provider_use("compat", ZOO);
	assert_batches("/embedder/zoo/embed", GK_MAX_EMBED_BATCH);
}
END_TEST

START_TEST(documents_go_to_cloudflare_in_smaller_ones)
{
	provider_use("cloudflare-workers-ai", "{'accountId':'a','apiToken':'secret-token'}");
	assert_batches(
		"/embedder/cloudflare-workers-ai/@cf/baai/bge-small-en-v1.5", GK_CLOUDFLARE_BATCH);
}
END_TEST

/* --- time --- */

static void answer_once(server *self, int fd)
{
	char room[4096];

	(void)self;
	if (server_hear(fd, room, sizeof(room)))
		server_say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}");
}

/* What a request that sets no limit has. */
static gk_code look(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	gk_auto_reply gk_reply res = { 0 };
	gk_auto_outgoing gk_outgoing out;
	const gk_fetch *fetch;
	gk_code rc;

	(void)ret;
	gk_outgoing_init(&out, "GET");
	gk_outgoing_url(&out, "%s", json_string_value(input));
	rc = gk_net_send(gk_ctx_app(ctx), &out, &res, err);
	if (rc != GK_OK)
		return rc;
	fetch = res.reply;
	ck_assert_uint_eq(fetch->connect_ms, GK_VENDOR_CONNECT_MS);
	ck_assert_uint_eq(fetch->total_ms, GK_VENDOR_TOTAL_MS);
	ck_assert_uint_eq(fetch->idle_ms, GK_VENDOR_IDLE_MS);
	ck_assert_uint_eq(fetch->max_body, GK_MAX_VENDOR_BODY);
	return GK_OK;
}

START_TEST(a_request_has_the_usual_times)
{
	server *peer = server_start(answer_once, NULL);

	ck_assert(gk_net_set_transport(core_app, NULL, NULL));
	core_flow("look", look, NULL);
	json_decref(core_run("/flow/look", json_string(server_url(peer, "http", "/"))));
	core_stop();
	server_stop(peer);
	core_start_unseen();
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("vendor_limits");
	TCase *tcase = tcase_create("vendor_limits");

	tcase_add_checked_fixture(tcase, set_up, core_stop);
	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, an_answer_that_is_too_long_is_refused);
	tcase_add_test(tcase, what_comes_in_place_of_a_stream_is_only_so_long);
	tcase_add_loop_test(tcase, a_long_answer_is_read_by_a_worker, 0, 4);
	tcase_add_test(tcase, a_long_transcript_is_read_by_a_worker);
	tcase_add_test(tcase, a_failure_that_is_too_long_says_what_its_status_says);
	tcase_add_test(tcase, a_request_has_only_so_many_secrets);
	tcase_add_loop_test(tcase, a_stream_is_only_so_long, 0, sizeof(said) / sizeof(said[0]));
	tcase_add_test(tcase, a_stream_of_cloudflare_is_only_so_long);
	tcase_add_test(tcase, a_stream_of_ollama_is_only_so_long);
	tcase_add_test(tcase, a_stream_of_gemini_has_only_so_many_parts);
	tcase_add_test(tcase, arguments_in_pieces_reach_only_so_far);
	tcase_add_test(tcase, documents_go_in_batches);
	tcase_add_test(tcase, documents_go_to_cloudflare_in_smaller_ones);
	tcase_add_test(tcase, a_request_has_the_usual_times);
	suite_add_tcase(s, tcase);
	return s;
}

UNIT_MAIN(suite)
