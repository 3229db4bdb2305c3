/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "core.h"

#include "base/limits.h"
#include "core/internal.h"

static gk_error err;

static gk_code define(const gk_action_opts *opts)
{
	gk_error_clear(&err);
	return gk_define_action(core_app, opts, &err);
}
#define DEFINE(...) define(GK_OPTS(gk_action_opts, .run = core_echo, __VA_ARGS__))

static json_t *descriptor(const char *key)
{
	gk_action *action = gk_app_find_action_peek(core_app, key);

	ck_assert_ptr_nonnull(action);
	return action->descriptor;
}

/* --- what an action may be --- */

START_TEST(what_is_no_action_is_refused)
{
	static char long_name[GK_MAX_ACTION_NAME + 2];
	static const struct {
		gk_action_opts opts;
		const char *message;
	} wrong[] = {
		{ { .name = "x", .run = core_echo }, "'' is no type of action" },
		{ { .type = "flo", .name = "x", .run = core_echo }, "'flo' is no type of action" },
		{ { .type = "flow", .run = core_echo }, "an action needs a name" },
		{ { .type = "flow", .name = "", .run = core_echo }, "an action needs a name" },
		{ { .type = "flow", .name = "x" }, "action x has no function to run" },
		{ { .type = "flow", .name = "a\nb", .run = core_echo },
			"an action's name has a control character in it" },
		{ { .type = "flow", .name = "a\x7f", .run = core_echo },
			"an action's name has a control character in it" },
		{ { .type = "flow", .name = "a\xff", .run = core_echo },
			"an action's name is not valid UTF-8" },
		{ { .type = "flow", .name = "x", .description = "\xff", .run = core_echo },
			"an action's description is not valid UTF-8" },
	};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		ck_assert_int_eq(define(&wrong[i].opts), GK_INVALID_ARGUMENT);
		assert_error(&err, GK_INVALID_ARGUMENT, wrong[i].message);
	}
	memset(long_name, 'n', GK_MAX_ACTION_NAME);
	ck_assert_int_eq(DEFINE(.type = "flow", .name = long_name), GK_OK);
	memset(long_name, 'm', GK_MAX_ACTION_NAME + 1);
	ck_assert_int_eq(DEFINE(.type = "flow", .name = long_name), GK_INVALID_ARGUMENT);
	assert_error(&err, GK_INVALID_ARGUMENT,
		"action name 'mmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmm...' is longer than 512 bytes");
}
END_TEST

START_TEST(a_schema_that_is_none_is_refused_where_it_is_defined)
{
	gk_auto_json json_t *number = json_integer(7);

	ck_assert_int_eq(DEFINE(.type = "flow", .name = "x", .input = "{\"type\": \"objekt\"}"),
		GK_INVALID_ARGUMENT);
	ck_assert(!err.is_plain);
	ck_assert_ptr_nonnull(strstr(err.message, "action /flow/x: input schema: "));
	ck_assert_int_eq(DEFINE(.type = "flow", .name = "x", .output = "a: noSuchType"),
		GK_INVALID_ARGUMENT);
	ck_assert_ptr_nonnull(strstr(err.message, "output schema: "));
	ck_assert_int_eq(
		DEFINE(.type = "flow", .name = "x", .stream = "{\"$ref\": \"genkit:None\"}"),
		GK_INVALID_ARGUMENT);
	ck_assert_ptr_nonnull(strstr(err.message, "stream schema: "));
	ck_assert_int_eq(
		DEFINE(.type = "flow", .name = "x", .init_json = number), GK_INVALID_ARGUMENT);
	ck_assert_ptr_nonnull(strstr(err.message, "init schema: "));
	ck_assert_ptr_null(gk_app_find_action_peek(core_app, "/flow/x"));
}
END_TEST

START_TEST(a_key_is_defined_once)
{
	ck_assert_int_eq(DEFINE(.type = "custom", .name = "x"), GK_OK);
	ck_assert_int_eq(DEFINE(.type = "custom", .name = "x"), GK_ALREADY_EXISTS);
	ck_assert_int_eq(DEFINE(.type = "util", .name = "x"), GK_OK);
}
END_TEST

static unsigned freed;

static void count_freed(void *user)
{
	(void)user;
	freed++;
}

START_TEST(the_user_pointer_is_freed_with_the_action_and_never_when_defining_fails)
{
	gk_action *action = NULL;

	freed = 0;
	ck_assert_int_eq(DEFINE(.type = "flow", .name = "x", .free_user = count_freed), GK_OK);
	ck_assert_int_eq(
		DEFINE(.type = "flow", .name = "x", .free_user = count_freed), GK_ALREADY_EXISTS);
	ck_assert_int_eq(DEFINE(.type = "flow", .name = "y", .input = "{\"type\": 7}",
				 .free_user = count_freed),
		GK_INVALID_ARGUMENT);
	ck_assert_uint_eq(freed, 0);
	action = gk_action_ref(gk_app_find_action_peek(core_app, "/flow/x"));
	ck_assert(gk_app_remove_action(core_app, "/flow/x"));
	ck_assert_uint_eq(freed, 0);
	gk_action_unref(action);
	ck_assert_uint_eq(freed, 1);
}
END_TEST

/* --- descriptors --- */

START_TEST(a_descriptor_has_what_there_is_and_no_more)
{
	gk_auto_json json_t *metadata = json("{'team': 'demo'}");

	ck_assert_int_eq(DEFINE(.type = "flow", .name = "bare"), GK_OK);
	assert_json(descriptor("/flow/bare"), "{'key':'/flow/bare','name':'bare'}");
	ck_assert_int_eq(
		DEFINE(.type = "flow", .name = "a/b", .description = "d", .metadata = metadata,
			.input = "{\"type\":\"string\",\"x\":null}",
			.output = "{\"type\":\"number\"}", .stream = "{\"type\":\"object\"}",
			.init = "{\"type\":\"object\"}"),
		GK_OK);
	assert_json(descriptor("/flow/a/b"),
		"{'key':'/flow/a/b','name':'a/b','description':'d','metadata':{'team':'demo'},"
		"'inputSchema':{'type':'string','x':null},'outputSchema':{'type':'number'}}");
}
END_TEST

START_TEST(metadata_has_no_null_but_within_schemas)
{
	gk_auto_json json_t *metadata = json(
		"{'a': null, 'b': {'c': null, 'd': [1, null, {'e': null}]},"
		"'model': {'customOptions': {'default': null}}, 'outputSchema': {'const': null}}");

	ck_assert_int_eq(DEFINE(.type = "model", .name = "m", .metadata = metadata), GK_OK);
	assert_json(json_object_get(descriptor("/model/m"), "metadata"),
		"{'b':{'d':[1,{}]},'model':{'customOptions':{'default':null}},"
		"'outputSchema':{'const':null}}");
	ck_assert_int_eq(json_object_size(metadata), 4); /* ours is a copy */
}
END_TEST

START_TEST(metadata_is_an_object)
{
	gk_auto_json json_t *metadata = json("[1]");

	ck_assert_int_eq(
		DEFINE(.type = "model", .name = "m", .metadata = metadata), GK_INVALID_ARGUMENT);
	assert_error(&err, GK_INVALID_ARGUMENT, "metadata is an object");
}
END_TEST

START_TEST(a_bidi_action_says_so)
{
	gk_auto_json json_t *metadata = json("{'x': 1}");

	ck_assert_int_eq(DEFINE(.type = "flow", .name = "a", .is_bidi = true), GK_OK);
	assert_json(json_object_get(descriptor("/flow/a"), "metadata"), "{'bidi':true}");
	ck_assert_int_eq(
		DEFINE(.type = "flow", .name = "b", .is_bidi = true, .metadata = metadata), GK_OK);
	assert_json(json_object_get(descriptor("/flow/b"), "metadata"), "{'x':1,'bidi':true}");
}
END_TEST

START_TEST(a_schema_by_name_is_one_that_was_defined)
{
	gk_auto_json json_t *good = json("{'city': 'Bonn'}"), *bad = json("{'city': 1}");

	ck_assert_int_eq(gk_define_schema(core_app, "Place", "city: string", NULL), GK_OK);
	ck_assert_ptr_nonnull(gk_schema_named_peek(core_app, "Place"));
	ck_assert_int_eq(
		DEFINE(.type = "flow", .name = "x", .input = "{\"$ref\": \"genkit:Place\"}"),
		GK_OK);
	json_decref(core_run("/flow/x", json_incref(good)));
	core_fail("/flow/x", json_incref(bad), GK_INVALID_ARGUMENT, NULL);
	ck_assert_int_eq(DEFINE(.type = "flow", .name = "pico", .input = "Place"), GK_OK);
	core_fail("/flow/pico", json_incref(bad), GK_INVALID_ARGUMENT, NULL);
}
END_TEST

START_TEST(a_named_schema_needs_a_name_a_text_and_is_defined_once)
{
	ck_assert_int_eq(gk_define_schema(core_app, "", "string", &err), GK_INVALID_ARGUMENT);
	ck_assert_int_eq(gk_define_schema(core_app, "S", NULL, &err), GK_INVALID_ARGUMENT);
	ck_assert_int_eq(gk_define_schema(core_app, "S", "  ", &err), GK_INVALID_ARGUMENT);
	assert_error(&err, GK_INVALID_ARGUMENT, "schema S: the text is blank");
	ck_assert_int_eq(gk_define_schema(core_app, "S", "a: nothing", &err), GK_INVALID_ARGUMENT);
	ck_assert_ptr_nonnull(strstr(err.message, "schema S: "));
	ck_assert_int_eq(
		gk_define_schema(core_app, "S", "{\"type\": \"object\", \"required\": 7}", &err),
		GK_INVALID_ARGUMENT);
	assert_error(&err, GK_INVALID_ARGUMENT,
		"schema S: schema is invalid: data/required must be array");
	ck_assert_int_eq(
		gk_define_schema(core_app, "Later", "{\"$ref\": \"genkit:S\"}", NULL), GK_OK);
	ck_assert_int_eq(gk_define_schema(core_app, "S", "string", NULL), GK_OK);
	ck_assert_int_eq(gk_define_schema(core_app, "S", "string", &err), GK_INTERNAL);
	ck_assert(err.is_plain);
	assert_error(&err, GK_INTERNAL, "Schema S already registered");
}
END_TEST

/* --- defining inside a run (actions section 1.3) --- */

static gk_code define_inside(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *error)
{
	(void)input, (void)ret;
	return gk_define_action(gk_ctx_app(ctx),
		GK_OPTS(gk_action_opts, .type = "model", .name = "late", .run = core_echo), error);
}

static gk_code define_flow_inside(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *error)
{
	(void)input, (void)ret;
	return gk_define_flow(
		gk_ctx_app(ctx), GK_OPTS(gk_flow_opts, .name = "late", .run = core_echo), error);
}

static gk_code call_inner(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *error)
{
	return gk_run_action(ctx, "/flow/inner", input, ret, error);
}

static gk_code fetch_nothing(gk_ctx *ctx, gk_action_list *list, void *user, gk_error *error)
{
	(void)ctx, (void)list, (void)user, (void)error;
	return GK_OK;
}

static gk_code define_provider_inside(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *error)
{
	(void)input, (void)ret;
	return gk_define_action_provider(gk_ctx_app(ctx),
		GK_OPTS(gk_provider_opts, .name = "late", .fetch = fetch_nothing), error);
}

#define REFUSED "Cannot define new actions at runtime: late was asked for inside a run"

START_TEST(nothing_is_defined_below_an_action_that_was_defined_as_one)
{
	core_flow("inner", define_inside, NULL);
	ck_assert_int_eq(define(GK_OPTS(gk_action_opts, .type = "custom", .name = "direct",
				 .run = define_inside)),
		GK_OK);
	ck_assert_int_eq(define(GK_OPTS(gk_action_opts, .type = "custom", .name = "outer",
				 .run = call_inner)),
		GK_OK);
	ck_assert_int_eq(define(GK_OPTS(gk_action_opts, .type = "custom", .name = "provider",
				 .run = define_provider_inside)),
		GK_OK);
	core_fail("/custom/direct", NULL, GK_FAILED_PRECONDITION, REFUSED);
	core_fail("/custom/outer", NULL, GK_FAILED_PRECONDITION, REFUSED);
	core_fail("/custom/provider", NULL, GK_FAILED_PRECONDITION, REFUSED);
	json_decref(core_run("/flow/inner", NULL)); /* a flow called plainly does not count */
	ck_assert_ptr_nonnull(gk_app_find_action_peek(core_app, "/model/late"));
}
END_TEST

START_TEST(nothing_is_defined_below_a_run_with_a_context_of_its_own)
{
	gk_auto_json json_t *context = json_object();
	gk_run *run;

	core_flow("inner", define_inside, NULL);
	run = core_begin(GK_OPTS(gk_run_opts, .key = "/flow/inner", .context = context));
	ck_assert_int_eq(gk_run_error_peek(run)->code, GK_FAILED_PRECONDITION);
	gk_run_unref(run);
}
END_TEST

START_TEST(flows_may_be_defined_anywhere)
{
	ck_assert_int_eq(define(GK_OPTS(gk_action_opts, .type = "custom", .name = "x",
				 .run = define_flow_inside)),
		GK_OK);
	json_decref(core_run("/custom/x", NULL));
	json_decref(core_run("/flow/late", NULL));
}
END_TEST

/* --- without memory --- */

static bool define_all_of_it(void)
{
	gk_auto_json json_t *metadata = json_pack("{s:{s:n}, s:[i]}", "a", "b", "c", 1);
	gk_action *action = NULL, *alias = NULL;
	gk_code rc;

	if (!metadata)
		return false;
	rc = gk_action_new(core_app,
		GK_OPTS(gk_action_opts, .type = "flow", .name = "swept", .description = "d",
			.input = "{\"type\":\"string\"}", .output = "a: string",
			.metadata = metadata, .is_bidi = true, .run = core_echo),
		&action, NULL);
	if (rc == GK_OK)
		rc = gk_action_alias(action, "host", &alias, NULL);
	gk_action_unref(alias);
	gk_action_unref(action);
	return rc == GK_OK;
}

static bool is_half_defined;

static bool define_one(void)
{
	gk_code rc = gk_define_action(core_app,
		GK_OPTS(gk_action_opts, .type = "flow", .name = "swept", .run = core_echo), NULL);
	bool is_there = gk_app_find_action_peek(core_app, "/flow/swept") != NULL;

	is_half_defined |= is_there != (rc == GK_OK);
	if (is_there)
		gk_app_remove_action(core_app, "/flow/swept");
	return rc == GK_OK;
}

START_TEST(an_action_without_memory_is_not_half_defined)
{
	fault_sweep(define_all_of_it);
	fault_sweep(define_one);
	ck_assert(!is_half_defined);
}
END_TEST

START_TEST(an_action_is_withdrawn_without_memory)
{
	char longest[GK_MAX_ACTION_NAME + 1] = "", longer[2 * GK_MAX_ACTION_NAME] = "";
	bool are_gone;

	memset(longest, 'a', sizeof(longest) - 1);
	memset(longer, 'a', sizeof(longer) - 1);
	core_flow(longest, core_echo, NULL);
	core_flow("b", core_echo, NULL);
	fault_after(1);
	are_gone = gk_app_remove_named(core_app, "flow", longest) &&
		   gk_app_remove_named(core_app, "flow", "b");
	fault_after(0);
	ck_assert(are_gone);
	ck_assert_ptr_null(gk_app_find_named_peek(core_app, "flow", longest));
	ck_assert(!gk_app_remove_named(core_app, "flow", "b"));
	ck_assert(!gk_app_remove_named(core_app, "flow", longer));
}
END_TEST

static void set_up(void)
{
	core_start();
}

static void tear_down(void)
{
	gk_error_clear(&err);
	core_stop();
}

static Suite *suite(void)
{
	Suite *it = suite_create("action");
	TCase *tests = tcase_create("action");

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, what_is_no_action_is_refused);
	tcase_add_test(tests, a_schema_that_is_none_is_refused_where_it_is_defined);
	tcase_add_test(tests, a_key_is_defined_once);
	tcase_add_test(
		tests, the_user_pointer_is_freed_with_the_action_and_never_when_defining_fails);
	tcase_add_test(tests, a_descriptor_has_what_there_is_and_no_more);
	tcase_add_test(tests, metadata_has_no_null_but_within_schemas);
	tcase_add_test(tests, metadata_is_an_object);
	tcase_add_test(tests, a_bidi_action_says_so);
	tcase_add_test(tests, a_schema_by_name_is_one_that_was_defined);
	tcase_add_test(tests, a_named_schema_needs_a_name_a_text_and_is_defined_once);
	tcase_add_test(tests, nothing_is_defined_below_an_action_that_was_defined_as_one);
	tcase_add_test(tests, nothing_is_defined_below_a_run_with_a_context_of_its_own);
	tcase_add_test(tests, flows_may_be_defined_anywhere);
	tcase_add_test(tests, an_action_without_memory_is_not_half_defined);
	tcase_add_test(tests, an_action_is_withdrawn_without_memory);
	suite_add_tcase(it, tests);
	return it;
}

UNIT_MAIN(suite)
