/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "core.h"

#include "base/limits.h"
#include "core/registry.h"

#include <stdio.h>

static gk_registry *parent, *child;

static void set_up(void)
{
	core_start_unseen();
	parent = gk_registry_new(NULL);
	child = gk_registry_new(parent);
	ck_assert(parent && child);
}

static void tear_down(void)
{
	gk_registry_free(child);
	gk_registry_free(parent);
	core_stop();
}

static gk_action *new_action(const char *name)
{
	gk_action *action = NULL;

	ck_assert_int_eq(
		gk_action_new(core_app,
			GK_OPTS(gk_action_opts, .type = "flow", .name = name, .run = core_echo),
			&action, NULL),
		GK_OK);
	return action;
}

static void add(gk_registry *registry, const char *name)
{
	gk_action *action = new_action(name);

	ck_assert_int_eq(gk_registry_add(registry, action, false, NULL), GK_OK);
	gk_action_unref(action);
}

START_TEST(a_child_sees_its_parents_actions_and_hides_them_by_its_own)
{
	ck_assert_ptr_eq(gk_registry_parent(child), parent);
	add(parent, "above");
	add(parent, "both");
	add(child, "both");
	add(child, "below");
	ck_assert_ptr_nonnull(gk_registry_get(child, "/flow/above"));
	ck_assert_ptr_null(gk_registry_get(parent, "/flow/below"));
	ck_assert_ptr_ne(
		gk_registry_get(child, "/flow/both"), gk_registry_get(parent, "/flow/both"));
	ck_assert_uint_eq(gk_table_count(gk_registry_actions(child)), 2);
	ck_assert(gk_registry_remove(child, "/flow/both"));
	ck_assert(!gk_registry_remove(child, "/flow/both"));
	ck_assert_ptr_eq(
		gk_registry_get(child, "/flow/both"), gk_registry_get(parent, "/flow/both"));
	ck_assert_ptr_null(gk_registry_get(child, "flow/both"));
}
END_TEST

START_TEST(a_second_action_of_a_key_is_refused_unless_it_replaces)
{
	gk_action *action = new_action("it");
	gk_error err = { 0 };

	add(parent, "it");
	ck_assert_int_eq(gk_registry_add(parent, action, false, &err), GK_ALREADY_EXISTS);
	assert_error(&err, GK_ALREADY_EXISTS, "action /flow/it is already defined");
	ck_assert_int_eq(gk_registry_add(parent, action, true, NULL), GK_OK);
	ck_assert_ptr_eq(gk_registry_get(parent, "/flow/it"), action);
	gk_action_unref(action);
}
END_TEST

START_TEST(there_is_a_limit_to_actions)
{
	gk_action *one_more = new_action("one more");
	gk_error err = { 0 };

	for (int i = 0; i < GK_MAX_ACTIONS; i++) {
		char name[16];

		snprintf(name, sizeof(name), "a%d", i);
		add(parent, name);
	}
	ck_assert_int_eq(gk_registry_add(parent, one_more, false, &err), GK_RESOURCE_EXHAUSTED);
	assert_error(&err, GK_RESOURCE_EXHAUSTED, "more than 100000 actions");
	gk_action_unref(one_more);
	one_more = new_action("a7"); /* what is there already may be replaced */
	ck_assert_int_eq(gk_registry_add(parent, one_more, true, NULL), GK_OK);
	gk_action_unref(one_more);
}
END_TEST

START_TEST(values_are_replaced_and_merged_over_the_parents)
{
	gk_auto_json json_t *one = json_integer(1), *two = json_integer(2), *all = NULL;

	ck_assert_int_eq(gk_registry_set_value(parent, "kind", "a", one, NULL), GK_OK);
	ck_assert_int_eq(gk_registry_set_value(parent, "kind", "b", one, NULL), GK_OK);
	ck_assert_int_eq(gk_registry_set_value(child, "kind", "b", one, NULL), GK_OK);
	ck_assert_int_eq(gk_registry_set_value(child, "kind", "b", two, NULL), GK_OK);
	ck_assert_ptr_eq(gk_registry_value_peek(child, "kind", "a"), one);
	ck_assert_ptr_eq(gk_registry_value_peek(child, "kind", "b"), two);
	ck_assert_ptr_null(gk_registry_value_peek(child, "other", "b"));
	ck_assert_int_eq(gk_registry_values(child, "kind", &all, NULL), GK_OK);
	assert_json(all, "{'a':1,'b':2}");
}
END_TEST

START_TEST(a_kind_without_values_is_an_empty_object)
{
	gk_auto_json json_t *all = NULL;

	ck_assert_int_eq(gk_registry_values(child, "kind", &all, NULL), GK_OK);
	assert_json(all, "{}");
}
END_TEST

START_TEST(a_schema_is_registered_once)
{
	gk_auto_json json_t *schema = json("{'type': 'string'}");
	gk_error err = { 0 };

	ck_assert_int_eq(gk_registry_add_schema(parent, "Name", schema, NULL), GK_OK);
	ck_assert_ptr_eq(gk_registry_schema_peek(child, "Name"), schema);
	ck_assert_ptr_null(gk_registry_schema_peek(child, "Other"));
	ck_assert_int_eq(gk_registry_add_schema(parent, "Name", schema, &err), GK_INTERNAL);
	ck_assert(err.is_plain);
	assert_error(&err, GK_INTERNAL, "Schema Name already registered");
}
END_TEST

static bool fill_one(void)
{
	gk_auto_json json_t *value = json_integer(1), *all = NULL;
	gk_registry *registry = gk_registry_new(NULL);
	bool ok = registry && value &&
		  gk_registry_set_value(registry, "kind", "a", value, NULL) == GK_OK &&
		  gk_registry_add_schema(registry, "S", value, NULL) == GK_OK &&
		  gk_registry_values(registry, "kind", &all, NULL) == GK_OK;

	gk_registry_free(registry);
	return ok;
}

START_TEST(a_registry_without_memory_fails_cleanly)
{
	fault_sweep(fill_one);
}
END_TEST

static Suite *suite(void)
{
	Suite *it = suite_create("registry");
	TCase *tests = tcase_create("registry");

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_set_timeout(tests, 30);
	tcase_add_test(tests, a_child_sees_its_parents_actions_and_hides_them_by_its_own);
	tcase_add_test(tests, a_second_action_of_a_key_is_refused_unless_it_replaces);
	tcase_add_test(tests, there_is_a_limit_to_actions);
	tcase_add_test(tests, values_are_replaced_and_merged_over_the_parents);
	tcase_add_test(tests, a_kind_without_values_is_an_empty_object);
	tcase_add_test(tests, a_schema_is_registered_once);
	tcase_add_test(tests, a_registry_without_memory_fails_cleanly);
	suite_add_tcase(it, tests);
	return it;
}

UNIT_MAIN(suite)
