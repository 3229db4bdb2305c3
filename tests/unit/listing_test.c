/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* What plugins say there is: services are asked, not too often, and what they say is believed for a while. */
#include "base/log.h"
#include "base/str.h"
#include "core/internal.h"
#include "plugins/common/vendor.h"
#include "provider.h"

#include <genkit/plugins.h>
#include <stdio.h>

/* --- a service --- */

static const char *tags;         /* what Ollama has */
static const char *listed;       /* what OpenAI and its like have */
static const char *instead;      /* what either says in its place; NULL: nothing */
static unsigned lists, shows;    /* how often it was asked */
static unsigned at_once, most;   /* questions of a model's abilities under way */
static bool shows_fail, is_slow; /* of the latter */
static unsigned pages;           /* of a listing, each of which says that there is another */
static uint64_t show_timeout_ms;

static char *show(const gk_outgoing *out, gk_code *rc, gk_error *err)
{
	shows++;
	show_timeout_ms = out->timeout_ms;
	if (++at_once > most)
		most = at_once;
	*rc = gk_fiber_sleep(is_slow ? 20 : 0, err);
	at_once--;
	if (strstr(out->body, "seer"))
		return strdup("{\"capabilities\":[\"completion\",\"vision\"]}");
	if (strstr(out->body, "maker"))
		return strdup("{\"capabilities\":[\"embedding\"]}");
	return strdup("{\"capabilities\":[\"completion\",\"tools\"]}");
}

static gk_code answer(const gk_outgoing *out, provider_reply *reply, gk_error *err)
{
	gk_code rc = GK_OK;

	if (instead) {
		reply->text = strdup(instead);
	} else if (strstr(out->url, "/api/show")) {
		reply->text = show(out, &rc, err);
		reply->status = shows_fail ? 500 : 200;
	} else if (strstr(out->url, "/api/tags")) {
		lists++;
		reply->text = strdup(tags);
	} else if (strstr(out->url, "limit=1000")) {
		pages++;
		ck_assert_int_gt(
			asprintf(&reply->text,
				"{\"data\":[{\"id\":\"claude-%u\"}],\"has_more\":true,\"last_id\":\"claude-%u\"}",
				pages, pages),
			0);
	} else {
		lists++;
		reply->text = strdup(listed);
	}
	return rc;
}

static void set_up(void)
{
	core_start_unseen();
	lists = shows = at_once = most = pages = 0;
	shows_fail = is_slow = false;
	instead = NULL;
	listed = "{\"data\":[{\"id\":\"m\"}]}";
	provider_start(answer);
	core_flow("list", core_list, NULL);
}

static json_t *list(void)
{
	return core_run("/flow/list", NULL);
}

/* The instance of a plugin, to let time pass for it. */
static gk_vendor *vendor_of(const char *name)
{
	gk_vendor *vendor = NULL;

	ck_assert_int_eq(gk_vendor_of(gk_table_get(core_app->plugins, name), &vendor, NULL), GK_OK);
	return vendor;
}

static void let_pass(const char *name, uint64_t ms)
{
	vendor_of(name)->listed_ms -= ms;
}

static const json_t *supports(const json_t *listing, const char *key, const char *what)
{
	const json_t *one = json_object_get(listing, key);

	ck_assert_msg(one != NULL, "%s is not listed", key);
	return json_object_get(gk_json_at_peek(one, "metadata.model.supports"), what);
}

/* --- Ollama --- */

static const char three[] =
	"{\"models\":[{\"model\":\"seer:1\",\"digest\":\"d1\"},{\"model\":\"smith:1\",\"digest\":\"d2\"},"
	"{\"name\":\"vector-maker\",\"digest\":\"d3\"},{\"model\":\"nomic-embed\",\"digest\":\"d4\"}]}";

START_TEST(a_server_says_what_its_models_can_do)
{
	gk_auto_json json_t *got = NULL;

	tags = three;
	provider_use("ollama", "{}");
	got = list();
	ck_assert(json_is_true(supports(got, "/model/ollama/seer:1", "media")));
	ck_assert(json_is_false(supports(got, "/model/ollama/seer:1", "tools")));
	ck_assert(json_is_false(supports(got, "/model/ollama/smith:1", "media")));
	ck_assert(json_is_true(supports(got, "/model/ollama/smith:1", "tools")));
	ck_assert_ptr_nonnull(json_object_get(got, "/embedder/ollama/vector-maker"));
	ck_assert_ptr_nonnull(json_object_get(got, "/embedder/ollama/nomic-embed"));
	ck_assert_uint_eq(shows, 3); /* a name with "embed" says enough */
	ck_assert_uint_eq(show_timeout_ms, GK_OLLAMA_LIST_MS);
}
END_TEST

START_TEST(a_digest_is_asked_for_once)
{
	gk_auto_json json_t *first = NULL, *second = NULL, *third = NULL;

	tags = three;
	provider_use("ollama", "{}");
	first = list();
	let_pass("ollama", GK_OLLAMA_LISTING_MS - 1000);
	second = list();
	ck_assert_uint_eq(lists, 1);
	let_pass("ollama", 1001);
	third = list();
	ck_assert_uint_eq(lists, 2);
	ck_assert_uint_eq(shows, 3);
	ck_assert(json_equal(first, third));
	json_decref(third);
	tags = "{\"models\":[{\"model\":\"seer:1\",\"digest\":\"new\"}]}";
	let_pass("ollama", GK_OLLAMA_LISTING_MS + 1);
	third = list();
	ck_assert_uint_eq(shows, 4);
	ck_assert_uint_eq(json_object_size(vendor_of("ollama")->memory), 1);
}
END_TEST

START_TEST(a_model_that_is_not_described_can_do_everything)
{
	gk_auto_json json_t *first = NULL, *second = NULL;
	json_t *known;
	const char *digest;

	tags = three;
	shows_fail = true;
	provider_use("ollama", "{}");
	first = list();
	ck_assert(json_is_true(supports(first, "/model/ollama/seer:1", "tools")));
	ck_assert(json_is_true(supports(first, "/model/ollama/vector-maker", "media")));
	shows_fail = false;
	let_pass("ollama", GK_OLLAMA_LISTING_MS + 1);
	json_decref(list());
	ck_assert_uint_eq(shows, 3);
	json_object_foreach (vendor_of("ollama")->memory, digest, known)
		json_object_set_new(known, "failedMs",
			json_integer(json_integer_value(json_object_get(known, "failedMs")) -
				     GK_OLLAMA_SHOW_RETRY_MS));
	let_pass("ollama", GK_OLLAMA_LISTING_MS + 1);
	second = list();
	ck_assert_uint_eq(shows, 6);
	ck_assert(json_is_false(supports(second, "/model/ollama/seer:1", "tools")));
}
END_TEST

START_TEST(so_many_models_are_asked_at_once)
{
	gk_auto_json json_t *all = json_object(), *got = NULL;
	gk_auto_str char *text = NULL;
	json_t *models = json_array();

	for (int i = 0; i < 11; i++)
		json_array_append_new(
			models, json_pack("{s:o}", "model", json_sprintf("smith:%d", i)));
	json_object_set_new(all, "models", models);
	text = json_dumps(all, JSON_COMPACT);
	tags = text;
	is_slow = true;
	provider_use("ollama", "{}");
	got = list();
	ck_assert_uint_eq(shows, 11);
	ck_assert_uint_eq(most, GK_OLLAMA_SHOWS);
}
END_TEST

START_TEST(a_server_that_is_gone_leaves_the_listing_empty)
{
	gk_auto_json json_t *got = NULL;

	tags = "no JSON";
	provider_use("ollama", "{}");
	got = list();
	ck_assert_uint_eq(json_object_size(got), 1); /* the flow that lists */
	tags = three;
	json_decref(list());
	ck_assert_uint_eq(lists, 2); /* a failure is not kept */
}
END_TEST

/* --- others --- */

#define ZOO "{'name':'zoo','base_url':'http://zoo.invalid'}"

START_TEST(a_listing_is_believed_for_a_while)
{
	provider_use("compat", ZOO);
	for (int i = 0; i < 3; i++) {
		gk_auto_json json_t *got = list();

		ck_assert_ptr_nonnull(json_object_get(got, "/model/zoo/m"));
	}
	ck_assert_uint_eq(lists, 1);
	let_pass("zoo", GK_VENDOR_LISTING_MS - 1000);
	json_decref(list());
	ck_assert_uint_eq(lists, 1);
	let_pass("zoo", 1001);
	json_decref(list());
	ck_assert_uint_eq(lists, 2);
}
END_TEST

#define OVERLOADED "{'type':'error','error':{'type':'overloaded_error','message':'not now'}}"
#define REFUSED    "{'error':{'message':'not you','code':403}}"

static const struct {
	const char *plugin, *options, *says, *told, *key;
} no_listings[] = {
	{ "anthropic", "{'apiKey':'k'}", OVERLOADED, "not now", "/model/anthropic/claude-1" },
	{ "anthropic", "{'apiKey':'k'}", REFUSED, "not you", "/model/anthropic/claude-1" },
	{ "anthropic", "{'apiKey':'k'}", "{'hello':1}", "anthropic: the answer is no listing",
		"/model/anthropic/claude-1" },
	{ "anthropic", "{'apiKey':'k'}", "'hello'", "no listing", "/model/anthropic/claude-1" },
	{ "anthropic", "{'apiKey':'k'}", "{'data':{'id':'x'}}", "no listing",
		"/model/anthropic/claude-1" },
	{ "compat", ZOO, REFUSED, "not you", "/model/zoo/m" },
	{ "compat", ZOO, "{'object':'error','message':'not me'}", "not me", "/model/zoo/m" },
	{ "compat", ZOO, "{'hello':1}", "zoo: the answer is no listing", "/model/zoo/m" },
	{ "ollama", "{}", "{'error':'not here'}", "not here", "/model/ollama/seer:1" },
	{ "ollama", "{}", "{'hello':1}", "ollama: the answer is no listing",
		"/model/ollama/seer:1" },
};

static const char *awaited;
static unsigned told;

static void look_for(const gk_log_record *record, void *user)
{
	(void)user;
	told += record->level == GK_LOG_ERROR && strstr(record->message, awaited);
}

START_TEST(what_is_no_listing_is_told_and_not_kept)
{
	gk_auto_json json_t *bad = NULL, *good = NULL, *said = json(no_listings[_i].says);
	gk_auto_str char *text = gk_json_write(said, NULL);

	tags = three;
	provider_use(no_listings[_i].plugin, no_listings[_i].options);
	awaited = no_listings[_i].told;
	told = 0;
	instead = text;
	gk_log_set_sink(look_for, NULL);
	bad = list();
	gk_log_set_sink(NULL, NULL);
	ck_assert_ptr_null(json_object_get(bad, no_listings[_i].key));
	ck_assert_uint_eq(told, 1);
	instead = NULL;
	good = list();
	ck_assert_ptr_nonnull(json_object_get(good, no_listings[_i].key));
}
END_TEST

START_TEST(a_listing_of_nothing_is_a_listing)
{
	listed = "{\"data\":null}";
	tags = "{\"models\":null}";
	provider_use("compat", ZOO);
	provider_use("ollama", "{}");
	json_decref(list());
	json_decref(list());
	ck_assert_uint_eq(lists, 2); /* each once: it is kept */
}
END_TEST

START_TEST(a_listing_without_end_ends)
{
	gk_auto_json json_t *got = NULL;
	gk_auto_str char *last = NULL;

	provider_use("anthropic", "{'apiKey':'secret-key'}");
	got = list();
	ck_assert_uint_eq(pages, GK_MAX_VENDOR_PAGES);
	ck_assert_int_gt(asprintf(&last, "/model/anthropic/claude-%u", GK_MAX_VENDOR_PAGES), 0);
	ck_assert_ptr_nonnull(json_object_get(got, last));
}
END_TEST

START_TEST(without_a_key_nobody_is_asked)
{
	gk_auto_json json_t *got = NULL;

	provider_use("openai", "{'apiKey':false}");
	provider_use("compat", "{'name':'zoo','base_url':'http://zoo.invalid','apiKey':false}");
	got = list();
	ck_assert_uint_eq(lists, 0);
	ck_assert_ptr_nonnull(json_object_get(got, "/model/openai/gpt-4o"));
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("listing");
	TCase *tcase = tcase_create("listing");

	tcase_add_checked_fixture(tcase, set_up, core_stop);
	tcase_add_test(tcase, a_server_says_what_its_models_can_do);
	tcase_add_test(tcase, a_digest_is_asked_for_once);
	tcase_add_test(tcase, a_model_that_is_not_described_can_do_everything);
	tcase_add_test(tcase, so_many_models_are_asked_at_once);
	tcase_add_test(tcase, a_server_that_is_gone_leaves_the_listing_empty);
	tcase_add_test(tcase, a_listing_is_believed_for_a_while);
	tcase_add_loop_test(tcase, what_is_no_listing_is_told_and_not_kept, 0,
		sizeof(no_listings) / sizeof(no_listings[0]));
	tcase_add_test(tcase, a_listing_of_nothing_is_a_listing);
	tcase_add_test(tcase, a_listing_without_end_ends);
	tcase_add_test(tcase, without_a_key_nobody_is_asked);
	suite_add_tcase(s, tcase);
	return s;
}

UNIT_MAIN(suite)
