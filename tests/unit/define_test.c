/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* What the floors above build their own kinds of actions with. */
#include "core.h"

#include "core/define.h"

static gk_code double_it(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	(void)err;
	gk_ctx_set_metadata(ctx, "late", "set");
	*ret = json_integer(2 * json_integer_value(input));
	return GK_OK;
}

static gk_code in_span(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	gk_auto_json json_t *metadata = json("{'early': 'set'}"),
			    *labels = json("{'own': 'label'}");
	const gk_span_opts opts = {
		.name = "part", .what = "part", .metadata = metadata, .labels = labels
	};
	gk_code rc = gk_ctx_run_in_span(ctx, &opts, double_it, NULL, input, ret, err);

	assert_json(metadata, "{'early':'set'}");
	return rc;
}

START_TEST(a_part_of_a_call_has_a_span_without_a_type)
{
	gk_auto_json json_t *result = NULL;

	core_flow("f", in_span, NULL);
	result = core_run("/flow/f", json_integer(4));
	assert_json(result, "8");
	assert_json(core_attributes("part"),
		"{'own':'label','genkit:name':'part','genkit:path':'/{f,t:flow}/{part}',"
		"'genkit:input':'4','genkit:metadata:early':'set',"
		"'genkit:metadata:late':'set','genkit:output':'8',"
		"'genkit:state':'success'}");
}
END_TEST

static unsigned made, freed;

static void *make_content(void)
{
	made++;
	return malloc(1);
}

static void free_content(void *content)
{
	freed++;
	free(content);
}

START_TEST(a_slot_is_filled_once_and_freed_with_the_application)
{
	static const gk_app_slot slot = { make_content, free_content };
	void *content;

	made = freed = 0;
	core_start();
	content = gk_app_slot_peek(core_app, &slot);
	ck_assert_ptr_nonnull(content);
	ck_assert_ptr_eq(gk_app_slot_peek(core_app, &slot), content);
	ck_assert_uint_eq(made, 1);
	core_stop();
	ck_assert_uint_eq(freed, 1);
}
END_TEST

static Suite *suite(void)
{
	Suite *it = suite_create("define");
	TCase *tests = tcase_create("define"), *slots = tcase_create("slots");

	tcase_add_checked_fixture(tests, core_start, core_stop);
	tcase_add_test(tests, a_part_of_a_call_has_a_span_without_a_type);
	tcase_add_test(slots, a_slot_is_filled_once_and_freed_with_the_application);
	suite_add_tcase(it, tests);
	suite_add_tcase(it, slots);
	return it;
}

UNIT_MAIN(suite)
