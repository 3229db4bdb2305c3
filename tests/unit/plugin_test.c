/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "core.h"

#include "base/log.h"
#include "core/call.h"

#include <genkit/plugin.h>

static unsigned inits, resolves, lists, dones;
static gk_code init_rc;
static bool init_sleeps;
static gk_error err;

static gk_code init(gk_ctx *ctx, gk_plugin *plugin, gk_error *error)
{
	gk_code rc = init_sleeps ? gk_sleep(ctx, 20, error) : GK_OK;

	inits++;
	if (rc == GK_OK && init_rc != GK_OK)
		return gk_error_set(error, init_rc, "the zoo is closed");
	if (rc == GK_OK)
		rc = gk_plugin_define(plugin,
			GK_OPTS(gk_action_opts, .type = "model", .name = "cat", .run = core_echo),
			error);
	return rc;
}

static gk_code resolve(
	gk_ctx *ctx, gk_plugin *plugin, const char *type, const char *name, gk_error *error)
{
	(void)ctx;
	resolves++;
	ck_assert_str_eq(type, "model");
	if (strcmp(name, "lion/old") == 0)
		return gk_plugin_define(plugin,
			GK_OPTS(gk_action_opts, .type = "model", .name = name, .run = core_echo),
			error);
	return strcmp(name, "snake") == 0 ? gk_error_set(error, GK_UNAVAILABLE, "it sleeps")
					  : GK_OK;
}

static json_t *listed;

static gk_code list(gk_ctx *ctx, gk_plugin *plugin, json_t *items, gk_error *error)
{
	(void)ctx, (void)plugin;
	lists++;
	return json_array_extend(items, listed) == 0 ? GK_OK : gk_error_no_memory(error);
}

static void done(gk_plugin *plugin)
{
	ck_assert_ptr_eq(gk_plugin_app(plugin), core_app);
	dones++;
}

static const gk_plugin_type zoo = { .abi = GK_PLUGIN_ABI,
	.name = "zoo",
	.init = init,
	.resolve = resolve,
	.list = list,
	.done = done };

static void set_up(void)
{
	inits = resolves = lists = dones = 0;
	init_rc = GK_OK;
	init_sleeps = false;
	listed = json_array();
	core_start_unseen();
}

static void tear_down(void)
{
	core_stop();
	json_decref(listed);
}

static void add_zoo(void)
{
	ck_assert_int_eq(gk_add_plugin(core_app, &zoo, NULL, NULL), GK_OK);
}

/* --- being added --- */

START_TEST(a_plugin_has_a_name_an_abi_and_is_added_once)
{
	gk_plugin_type type = zoo;

	add_zoo();
	ck_assert_int_eq(gk_add_plugin(core_app, &zoo, NULL, &err), GK_ALREADY_EXISTS);
	ck_assert(err.is_plain);
	assert_error(&err, GK_ALREADY_EXISTS, "Plugin zoo already registered");
	type.abi = 99;
	ck_assert_int_eq(gk_add_plugin(core_app, &type, NULL, &err), GK_FAILED_PRECONDITION);
	assert_error(&err, GK_FAILED_PRECONDITION,
		"plugin zoo was built for ABI 99, this library has 1");
	type.abi = GK_PLUGIN_ABI;
	for (unsigned i = 0; i < 4; i++) {
		type.name = (const char *[]){ NULL, "", "a/b", "a:b" }[i];
		ck_assert_int_eq(gk_add_plugin(core_app, &type, NULL, &err), GK_INVALID_ARGUMENT);
		assert_error(
			&err, GK_INVALID_ARGUMENT, "a plugin needs a name without slash and colon");
	}
	ck_assert_uint_eq(inits, 0);
}
END_TEST

START_TEST(a_plugin_keeps_what_it_was_given_until_the_end)
{
	json_t *options = json("{'key': 'value'}");
	gk_plugin_type type = { .abi = GK_PLUGIN_ABI, .name = "quiet" };

	ck_assert_int_eq(gk_add_plugin(core_app, &type, options, NULL), GK_OK);
	ck_assert_uint_eq(options->refcount, 2);
	add_zoo();
	core_stop();
	ck_assert_uint_eq(dones, 1);
	ck_assert_uint_eq(options->refcount, 1);
	json_decref(options);
	core_start_unseen();
}
END_TEST

/* --- look-ups --- */

START_TEST(it_is_initialised_by_the_first_look_up_below_its_name)
{
	core_flow("lookup", core_lookup, NULL);
	add_zoo();
	assert_lookup("/model/cat", false);
	assert_lookup("/flow/lookup", true);
	ck_assert_uint_eq(inits, 0);
	assert_lookup("/model/zoo/cat", true);
	assert_lookup("/model/zoo/cat", true);
	ck_assert_uint_eq(inits, 1);
	ck_assert_uint_eq(resolves, 0);
}
END_TEST

START_TEST(it_is_asked_for_what_is_not_there_and_once_for_what_it_gives)
{
	core_flow("lookup", core_lookup, NULL);
	add_zoo();
	assert_lookup("/model/zoo/lion/old", true);
	assert_lookup("/model/zoo/lion/old", true);
	ck_assert_uint_eq(resolves, 1);
	assert_lookup("/model/zoo/dog", false);
	assert_lookup("/model/zoo/dog", false);
	ck_assert_uint_eq(resolves, 3);
	assert_lookup("/nothing/zoo/dog", false); /* no type of that name: nobody is asked */
	ck_assert_uint_eq(resolves, 3);
	core_fail("/flow/lookup", json_string("/model/zoo/snake"), GK_UNAVAILABLE, "it sleeps");
}
END_TEST

START_TEST(a_failing_start_fails_the_look_up_and_is_tried_again)
{
	core_flow("lookup", core_lookup, NULL);
	add_zoo();
	init_rc = GK_UNAVAILABLE;
	core_fail(
		"/flow/lookup", json_string("/model/zoo/cat"), GK_UNAVAILABLE, "the zoo is closed");
	init_rc = GK_OK;
	assert_lookup("/model/zoo/cat", true);
	ck_assert_uint_eq(inits, 2);
}
END_TEST

START_TEST(those_who_ask_at_once_share_one_start)
{
	gk_auto_json json_t *key = json_string("/model/zoo/cat");
	gk_run *runs[3];

	init_sleeps = true;
	core_flow("lookup", core_lookup, NULL);
	add_zoo();
	for (unsigned i = 0; i < 3; i++)
		runs[i] = core_begin(GK_OPTS(gk_run_opts, .key = "/flow/lookup", .input = key));
	gk_run_cancel(runs[0], GK_CANCELLED); /* who leads gives up: another one starts it */
	for (unsigned i = 0; i < 3; i++) {
		core_finish(runs[i]);
		ck_assert_int_eq(!gk_run_error_peek(runs[i]), i > 0);
		gk_run_unref(runs[i]);
	}
	ck_assert_uint_eq(inits, 2);
}
END_TEST

/* --- definitions --- */

static gk_plugin *caught;

static gk_code catch_plugin(gk_ctx *ctx, gk_plugin *plugin, gk_error *error)
{
	(void)ctx, (void)error;
	caught = plugin;
	return GK_OK;
}

START_TEST(what_it_defines_has_its_name_in_front_once)
{
	static const gk_plugin_type type = {
		.abi = GK_PLUGIN_ABI, .name = "p", .init = catch_plugin
	};

	core_flow("lookup", core_lookup, NULL);
	ck_assert_int_eq(gk_add_plugin(core_app, &type, NULL, NULL), GK_OK);
	assert_lookup("/tool/p/x", false);
	for (unsigned i = 0; i < 2; i++)
		ck_assert_int_eq(gk_plugin_define(caught,
					 GK_OPTS(gk_action_opts, .type = "tool",
						 .name = i ? "p/x" : "x", .run = core_echo),
					 NULL),
			GK_OK);
	ck_assert_ptr_nonnull(gk_app_find_action_peek(core_app, "/tool/p/x"));
	ck_assert_ptr_null(gk_app_find_action_peek(core_app, "/tool/p/p/x"));
	ck_assert_int_eq(gk_plugin_define(caught, GK_OPTS(gk_action_opts, .name = "y"), &err),
		GK_INVALID_ARGUMENT);
	assert_error(&err, GK_INVALID_ARGUMENT, "Action type is missing for y");
	ck_assert_int_eq(gk_plugin_define(caught,
				 GK_OPTS(gk_action_opts, .type = "zebra", .name = "y"), &err),
		GK_INVALID_ARGUMENT);
	assert_error(&err, GK_INVALID_ARGUMENT, "Unknown action type returned from plugin p");
}
END_TEST

/* --- listings --- */

static json_t *keys_of_listing(void)
{
	gk_auto_json json_t *listing = core_run("/flow/list", NULL);
	json_t *keys = json_array(), *item;
	const char *key;

	json_object_foreach (listing, key, item) {
		ck_assert_str_eq(key, gk_json_str_peek(item, "key"));
		json_array_append_new(keys, json_string(key));
	}
	return keys;
}

static unsigned logged;

static void count_log(const gk_log_record *record, void *user)
{
	(void)user;
	ck_assert_str_eq(record->component, "plugin");
	ck_assert_int_eq(record->level, GK_LOG_ERROR);
	logged++;
}

START_TEST(listings_show_what_could_be_had_and_go_on_without_those_that_fail)
{
	static const gk_plugin_type broken = {
		.abi = GK_PLUGIN_ABI, .name = "broken", .init = init
	};
	gk_auto_json json_t *keys = NULL, *again = NULL;

	core_flow("list", core_list, NULL);
	add_zoo();
	json_array_append_new(
		listed, json("{'type': 'model', 'name': 'lion', 'metadata': {'a': null}}"));
	json_array_append_new(listed, json("{'type': 'model', 'name': 'zoo/cat'}"));
	keys = keys_of_listing();
	assert_json(keys, "['/model/zoo/lion','/model/zoo/cat','/flow/list']");
	json_array_append_new(listed, json("{'name': 'no type'}"));
	init_rc = GK_UNAVAILABLE;
	ck_assert_int_eq(gk_add_plugin(core_app, &broken, NULL, NULL), GK_OK);
	logged = 0;
	gk_log_set_sink(count_log, NULL);
	again = keys_of_listing();
	gk_log_set_sink(NULL, NULL);
	assert_json(again, "['/model/zoo/lion','/model/zoo/cat','/flow/list']");
	ck_assert_uint_eq(logged, 2);
}
END_TEST

/* --- without memory --- */

static bool list_once(void)
{
	return core_try("/flow/list", NULL);
}

START_TEST(a_listing_survives_a_lack_of_memory)
{
	core_flow("list", core_list, NULL);
	json_array_append_new(
		listed, json("{'type': 'model', 'name': 'lion', 'description': 'd'}"));
	add_zoo();
	fault_sweep(list_once);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("plugin");
	TCase *t = tcase_create("plugins");

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, a_plugin_has_a_name_an_abi_and_is_added_once);
	tcase_add_test(t, a_plugin_keeps_what_it_was_given_until_the_end);
	tcase_add_test(t, it_is_initialised_by_the_first_look_up_below_its_name);
	tcase_add_test(t, it_is_asked_for_what_is_not_there_and_once_for_what_it_gives);
	tcase_add_test(t, a_failing_start_fails_the_look_up_and_is_tried_again);
	tcase_add_test(t, those_who_ask_at_once_share_one_start);
	tcase_add_test(t, what_it_defines_has_its_name_in_front_once);
	tcase_add_test(t, listings_show_what_could_be_had_and_go_on_without_those_that_fail);
	tcase_add_test(t, a_listing_survives_a_lack_of_memory);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(suite)
