/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "core.h"

#include <genkit/resource.h>

static unsigned freed;
static gk_error err;

static void count_free(void *user)
{
	ck_assert_ptr_eq(user, &freed);
	freed++;
}

static gk_code content_of(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *error)
{
	(void)ctx, (void)error;
	*ret = json_pack("{s:[{s:s}, {s:s, s:{s:{s:s}}}]}", "content", "text",
		gk_json_str_peek(input, "uri"), "text", "x", "metadata", "resource", "uri",
		"inner://");
	return *ret ? GK_OK : gk_error_no_memory(error);
}

static gk_code define(const gk_resource_opts *opts)
{
	gk_error_clear(&err);
	return gk_define_resource(core_app, opts, &err);
}

START_TEST(a_resource_needs_a_place_and_a_function)
{
	ck_assert_int_eq(define(GK_OPTS(gk_resource_opts, .name = "r", .run = content_of)),
		GK_INVALID_ARGUMENT);
	assert_error(&err, GK_INVALID_ARGUMENT, "must specify either url or template options");
	ck_assert_int_eq(define(GK_OPTS(gk_resource_opts, .uri = "a://b")), GK_INVALID_ARGUMENT);
	assert_error(
		&err, GK_INVALID_ARGUMENT, "a resource needs a function that gives its content");
}
END_TEST

START_TEST(without_a_name_it_is_called_by_its_place)
{
	gk_action *action;

	ck_assert_int_eq(
		define(GK_OPTS(gk_resource_opts, .uri = "a://b", .run = content_of)), GK_OK);
	action = gk_app_find_action_peek(core_app, "/resource/a://b");
	ck_assert_ptr_nonnull(action);
	assert_json(gk_action_metadata_peek(action),
		"{'resource':{'uri':'a://b'},'type':'resource','dynamic':false}");
	ck_assert_int_eq(
		define(GK_OPTS(gk_resource_opts, .uri_template = "a://{b}", .run = content_of)),
		GK_OK);
	ck_assert_ptr_nonnull(gk_app_find_action_peek(core_app, "/resource/a://{b}"));
}
END_TEST

START_TEST(every_part_says_where_it_came_from)
{
	gk_auto_json json_t *fixed = NULL, *made = NULL;

	ck_assert_int_eq(
		define(GK_OPTS(gk_resource_opts, .name = "f", .uri = "a://b", .run = content_of)),
		GK_OK);
	ck_assert_int_eq(define(GK_OPTS(gk_resource_opts, .name = "t", .uri_template = "a://{x}",
				 .run = content_of)),
		GK_OK);
	fixed = core_run("/resource/f", json("{'uri': 'a://b'}"));
	assert_json(fixed,
		"{'content':[{'text':'a://b','metadata':{'resource':{'uri':'a://b'}}},"
		"{'text':'x','metadata':{'resource':{'uri':'inner://','parent':{'uri':'a://b'}}}}]}");
	made = core_run("/resource/t", json("{'uri': 'a://c'}"));
	assert_json(json_array_get(json_object_get(made, "content"), 0),
		"{'text':'a://c','metadata':{'resource':{'uri':'a://c','template':'a://{x}'}}}");
}
END_TEST

START_TEST(a_uri_that_does_not_match_is_refused_with_the_input)
{
	ck_assert_int_eq(
		define(GK_OPTS(gk_resource_opts, .name = "f", .uri = "a://b", .run = content_of)),
		GK_OK);
	core_fail("/resource/f", json("{'uri': 'a://B'}"), GK_INVALID_ARGUMENT,
		"input {\"uri\":\"a://B\"} did not match template a://b");
	core_fail("/resource/f", json("{}"), GK_INVALID_ARGUMENT, NULL);
}
END_TEST

START_TEST(strictly_a_name_is_one_segment)
{
	gk_action *lenient = NULL, *strict = NULL;

	ck_assert_int_eq(
		gk_resource_new(core_app,
			GK_OPTS(gk_resource_opts, .uri_template = "a://{x}", .run = content_of),
			&lenient, NULL),
		GK_OK);
	ck_assert_int_eq(gk_resource_new(core_app,
				 GK_OPTS(gk_resource_opts, .uri_template = "a://{x}",
					 .is_strict = true, .run = content_of),
				 &strict, NULL),
		GK_OK);
	ck_assert(
		gk_resource_matches(lenient, "a://b/c") && !gk_resource_matches(strict, "a://b/c"));
	ck_assert(gk_resource_matches(lenient, "a://") && !gk_resource_matches(strict, "a://"));
	ck_assert(gk_resource_matches(strict, "a://b"));
	assert_json(json_object_get(gk_action_metadata_peek(strict), "dynamic"), "true");
	gk_action_unref(lenient);
	gk_action_unref(strict);
}
END_TEST

START_TEST(what_is_no_resource_matches_nothing)
{
	core_flow("f", core_echo, NULL);
	ck_assert(!gk_resource_matches(gk_app_find_action_peek(core_app, "/flow/f"), "a://b"));
}
END_TEST

START_TEST(the_user_pointer_is_freed_with_it_and_never_when_defining_fails)
{
	const gk_resource_opts *opts = GK_OPTS(gk_resource_opts, .uri = "a://b", .run = content_of,
		.user = &freed, .free_user = count_free);

	freed = 0;
	ck_assert_int_eq(define(opts), GK_OK);
	ck_assert_int_eq(define(opts), GK_ALREADY_EXISTS);
	ck_assert_uint_eq(freed, 0);
	gk_app_remove_action(core_app, "/resource/a://b");
	ck_assert_uint_eq(freed, 1);
}
END_TEST

static bool is_half_defined;

static bool define_one(void)
{
	gk_code rc = gk_define_resource(core_app,
		GK_OPTS(gk_resource_opts, .name = "r", .uri = "a://b", .uri_template = "a://{x}",
			.run = content_of),
		NULL);
	bool is_there = gk_app_find_action_peek(core_app, "/resource/r");

	is_half_defined |= is_there != (rc == GK_OK);
	gk_app_remove_action(core_app, "/resource/r");
	return rc == GK_OK;
}

static json_t *asked;

static bool read_one(void)
{
	return core_try("/resource/r", asked);
}

START_TEST(resources_survive_a_lack_of_memory)
{
	asked = json("{'uri': 'a://b'}");
	is_half_defined = false;
	fault_sweep(define_one);
	ck_assert(!is_half_defined);
	ck_assert_int_eq(
		define(GK_OPTS(gk_resource_opts, .name = "r", .uri = "a://b", .run = content_of)),
		GK_OK);
	fault_sweep(read_one);
	json_decref(asked);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("resource");
	TCase *t = tcase_create("resources");

	tcase_add_checked_fixture(t, core_start_unseen, core_stop);
	tcase_add_test(t, a_resource_needs_a_place_and_a_function);
	tcase_add_test(t, without_a_name_it_is_called_by_its_place);
	tcase_add_test(t, every_part_says_where_it_came_from);
	tcase_add_test(t, a_uri_that_does_not_match_is_refused_with_the_input);
	tcase_add_test(t, strictly_a_name_is_one_segment);
	tcase_add_test(t, what_is_no_resource_matches_nothing);
	tcase_add_test(t, the_user_pointer_is_freed_with_it_and_never_when_defining_fails);
	tcase_add_test(t, resources_survive_a_lack_of_memory);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(suite)
