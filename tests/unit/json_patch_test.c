/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "unit.h"

#include "base/limits.h"
#include "json/edit.h"
#include "json/patch.h"

static json_t *applied(gk_patch_rules rules, json_t *doc, const char *patch_text)
{
	gk_auto_json json_t *patch = json(patch_text);
	gk_auto_error gk_error err = { 0 };
	json_t *ret = NULL;

	ck_assert_msg(gk_json_patch_apply(doc, patch, rules, &ret, &err) == GK_OK, "%s: %s",
		patch_text, err.message);
	return ret;
}

static void assert_applies(
	gk_patch_rules rules, const char *doc_text, const char *patch, const char *expected)
{
	gk_auto_json json_t *doc = json(doc_text);
	gk_auto_json json_t *got = applied(rules, doc, patch);

	assert_json(got, expected);
	assert_json(doc, doc_text);
}

static void assert_refuses(gk_patch_rules rules, const char *doc_text, const char *patch_text,
	gk_code code, const char *message)
{
	gk_auto_json json_t *doc = json(doc_text), *patch = json(patch_text);
	gk_auto_error gk_error err = { 0 };
	json_t *ret = NULL;

	ck_assert_int_eq(gk_json_patch_apply(doc, patch, rules, &ret, &err), code);
	ck_assert_ptr_null(ret);
	ck_assert_str_eq(err.message, message);
	assert_json(doc, doc_text);
	ck_assert_int_eq(gk_json_patch_apply(doc, patch, rules, &ret, NULL), code);
}

START_TEST(members_keep_their_places)
{
	assert_applies(GK_PATCH_STRICT, "{'z':1,'a':2,'m':3}",
		"[{'op':'replace','path':'/a','value':9},{'op':'add','path':'/z','value':8},"
		"{'op':'add','path':'/b','value':7}]",
		"{'z':8,'a':9,'m':3,'b':7}");
}
END_TEST

START_TEST(what_a_patch_does_not_touch_is_shared)
{
	gk_auto_json json_t *doc = json("{'a':{'x':[1]},'b':{'y':1,'deep':{'z':2}}}");
	gk_auto_json json_t *got =
		applied(GK_PATCH_STRICT, doc, "[{'op':'replace','path':'/b/y','value':2}]");
	gk_auto_json json_t *same = applied(GK_PATCH_STRICT, doc, "[]");

	assert_json(got, "{'a':{'x':[1]},'b':{'y':2,'deep':{'z':2}}}");
	ck_assert_ptr_eq(json_object_get(got, "a"), json_object_get(doc, "a"));
	ck_assert_ptr_eq(gk_json_at_peek(got, "b.deep"), gk_json_at_peek(doc, "b.deep"));
	ck_assert_ptr_ne(json_object_get(got, "b"), json_object_get(doc, "b"));
	ck_assert_ptr_eq(same, doc);
}
END_TEST

START_TEST(values_of_the_patch_are_not_changed_by_later_operations)
{
	gk_auto_json json_t *doc = json("{}"), *got = NULL;
	gk_auto_json json_t *patch = json("[{'op':'add','path':'/a','value':{'b':[]}},"
					  "{'op':'copy','from':'/a','path':'/c'},"
					  "{'op':'add','path':'/a/b/-','value':1},"
					  "{'op':'copy','from':'','path':'/a/b/0'}]");
	gk_auto_json json_t *before = json_deep_copy(patch);

	ck_assert_int_eq(gk_json_patch_apply(doc, patch, GK_PATCH_STRICT, &got, NULL), GK_OK);
	assert_json(got, "{'a':{'b':[{'a':{'b':[1]},'c':{'b':[]}},1]},'c':{'b':[]}}");
	ck_assert(json_equal(before, patch));
}
END_TEST

START_TEST(a_patch_that_fails_names_its_operation_and_leaves_the_document)
{
	gk_auto_json json_t *doc = json("{'a':[1]}"), *got = NULL;
	gk_auto_json json_t *patch = json("[{'op':'add','path':'/a/0','value':0},"
					  "{'op':'remove','path':'/a~1b/7'}]");
	gk_auto_error gk_error err = { 0 };

	ck_assert_int_eq(gk_json_patch_apply(doc, patch, GK_PATCH_STRICT, &got, &err),
		GK_FAILED_PRECONDITION);
	ck_assert_str_eq(err.message, "operation 1: there is no such place as \"/a~1b/7\"");
	assert_json(err.details, "{'operation':1,'path':'/a~1b/7'}");
	assert_json(doc, "{'a':[1]}");
	ck_assert_ptr_null(got);
}
END_TEST

START_TEST(strict_patches_need_what_they_name)
{
	gk_code fit = GK_FAILED_PRECONDITION, bad = GK_INVALID_ARGUMENT;
	const struct {
		const char *doc, *patch;
		gk_code code;
		const char *message;
	} cases[] = {
		{ "{}", "{}", bad, "a patch must be an array of operations" },
		{ "{}", "[7]", bad, "operation 0: an operation must be an object" },
		{ "{}", "[{'op':'add','value':1}]", bad, "operation 0: 'path' must be a string" },
		{ "{}", "[{'path':''}]", bad, "operation 0: 'op' must be a string" },
		{ "{}", "[{'op':'add','path':''}]", bad, "operation 0: 'add' needs a 'value'" },
		{ "{}", "[{'op':'move','path':'/a'}]", bad,
			"operation 0: 'from' must be a string" },
		{ "{}", "[{'op':'frob','path':'/a'}]", bad,
			"operation 0: Unsupported JSON Patch op: frob" },
		{ "{}", "[{'op':'remove','path':'/~2'}]", bad,
			"operation 0: Invalid JSON Pointer: \"/~2\" has a \"~\" without 0 or 1." },
		{ "{'a':{}}", "[{'op':'move','from':'/a','path':'/a/b'}]", bad,
			"operation 0: \"/a\" cannot move into itself" },
		{ "{}", "[{'op':'copy','from':'/a','path':'/b'}]", fit,
			"operation 0: there is nothing at \"/a\"" },
		{ "[1]", "[{'op':'add','path':'/2','value':1}]", fit,
			"operation 0: there is no such place as \"/2\"" },
		{ "[1]", "[{'op':'replace','path':'/-','value':1}]", fit,
			"operation 0: there is no such place as \"/-\"" },
		{ "5", "[{'op':'add','path':'/a','value':1}]", fit,
			"operation 0: there is no such place as \"/a\"" },
		{ "1", "[{'op':'remove','path':''},{'op':'remove','path':''}]", fit,
			"operation 1: there is no such place as \"\"" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_refuses(GK_PATCH_STRICT, cases[i].doc, cases[i].patch, cases[i].code,
			cases[i].message);
}
END_TEST

START_TEST(strict_patches_know_no_forbidden_names_and_move_in_place)
{
	assert_applies(GK_PATCH_STRICT, "{}", "[{'op':'add','path':'/__proto__','value':1}]",
		"{'__proto__':1}");
	assert_applies(GK_PATCH_STRICT, "{'a':1,'b':2}", "[{'op':'move','from':'/a','path':'/a'}]",
		"{'a':1,'b':2}");
}
END_TEST

START_TEST(lenient_patches_make_do)
{
	const struct {
		const char *doc, *patch, *expected;
	} cases[] = {
		{ "[1]", "[{'op':'add','path':'/9','value':2}]", "[1,2]" },
		{ "[1]", "[{'op':'replace','path':'/9','value':2}]", "[1,2]" },
		{ "[1]", "[{'op':'add','path':'/x/y','value':2}]", "[1]" },
		{ "[1]", "[{'op':'add','path':'/01','value':2}]", "[1]" },
		{ "[1]", "[{'op':'add','path':'/1/y','value':2}]", "[1,{'y':2}]" },
		{ "[1,2]", "[{'op':'replace','path':'/0'}]", "[null,2]" },
		{ "{'a':1,'b':2}", "[{'op':'replace','path':'/a'}]", "{'b':2}" },
		{ "{'b':2}", "[{'op':'move','from':'/a','path':'/b'}]", "{}" },
		{ "{'a':{'c':1}}", "[{'op':'move','from':'/a','path':'/a/b'}]",
			"{'a':{'b':{'c':1}}}" },
		{ "{}", "[{'op':'test','path':'/a'}]", "{}" },
		{ "5", "[{'op':'add','path':'/~2','value':1}]", "{'~2':1}" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_applies(GK_PATCH_LENIENT, cases[i].doc, cases[i].patch, cases[i].expected);
}
END_TEST

/* --- differences --- */

static void assert_differs(const char *from_text, const char *to_text, const char *expected)
{
	gk_auto_json json_t *from = json(from_text), *to = json(to_text), *patch = NULL,
			    *got = NULL;

	ck_assert_int_eq(gk_json_diff(from, to, &patch, NULL), GK_OK);
	assert_json(patch, expected);
	ck_assert_int_eq(gk_json_patch_apply(from, patch, GK_PATCH_STRICT, &got, NULL), GK_OK);
	ck_assert(gk_json_equal(got, to));
}

START_TEST(differences_are_told_member_by_member)
{
	assert_differs("{'a':1}", "{'a':1.0}", "[]");
	assert_differs("{'z':1,'a':{'b~/':[1,2,3]}}", "{'n':0,'a':{'b~/':[1]}}",
		"[{'op':'remove','path':'/z'},{'op':'remove','path':'/a/b~0~1/2'},"
		"{'op':'remove','path':'/a/b~0~1/1'},{'op':'add','path':'/n','value':0}]");
	assert_differs("{'a':[]}", "{'a':{}}", "[{'op':'replace','path':'/a','value':{}}]");
}
END_TEST

static json_t *parsed(const char *text)
{
	json_t *value = NULL;

	ck_assert_int_eq(gk_json_parse(text, strlen(text), 0, &value, NULL), GK_OK);
	return value;
}

START_TEST(names_may_hold_nul)
{
	gk_auto_json json_t *from = parsed("{\"x\\u0000y\":1,\"x\":[2]}");
	gk_auto_json json_t *to = parsed("{\"x\\u0000y\":3,\"x\":[2]}");
	gk_auto_json json_t *patch = NULL, *got = NULL;

	ck_assert_int_eq(gk_json_diff(from, to, &patch, NULL), GK_OK);
	assert_json(patch, "[{'op':'replace','path':'/x\\u0000y','value':3}]");
	ck_assert_int_eq(gk_json_patch_apply(from, patch, GK_PATCH_STRICT, &got, NULL), GK_OK);
	assert_json(got, "{'x\\u0000y':3,'x':[2]}");
}
END_TEST

START_TEST(a_difference_shares_its_values)
{
	gk_auto_json json_t *from = json("{}"), *to = json("{'a':{'b':1}}"), *patch = NULL;

	ck_assert_int_eq(gk_json_diff(from, to, &patch, NULL), GK_OK);
	ck_assert_ptr_eq(gk_json_at_peek(patch, "[0].value"), json_object_get(to, "a"));
}
END_TEST

START_TEST(no_value_differs_from_any)
{
	gk_auto_json json_t *value = json("{'a':1}"), *patch = NULL, *none = NULL, *got = NULL;

	ck_assert_int_eq(gk_json_diff(NULL, NULL, &patch, NULL), GK_OK);
	assert_json(patch, "[]");
	ck_assert_int_eq(gk_json_diff(value, NULL, &none, NULL), GK_OK);
	assert_json(none, "[{'op':'replace','path':''}]");
	ck_assert_int_eq(gk_json_patch_apply(value, none, GK_PATCH_LENIENT, &got, NULL), GK_OK);
	ck_assert_ptr_null(got);
}
END_TEST

/* --- limits --- */

/* An array of `count` times the operation in `text`. */
static json_t *repeated(size_t count, const char *text)
{
	gk_auto_json json_t *one = json(text);
	json_t *list = json_array();
	bool worked = true;

	for (size_t i = 0; i < count; i++) /* an assertion for each would take its time */
		worked = worked && gk_json_push_take(list, json_incref(one));
	ck_assert(worked);
	return list;
}

static void assert_exhausts(json_t *doc, const json_t *patch, const char *end)
{
	gk_auto_error gk_error err = { 0 };
	json_t *got = NULL;

	ck_assert_int_eq(gk_json_patch_apply(doc, patch, GK_PATCH_STRICT, &got, &err),
		GK_RESOURCE_EXHAUSTED);
	ck_assert_msg(strstr(err.message, end), "%s", err.message);
	ck_assert_ptr_null(got);
}

START_TEST(a_patch_has_so_many_operations)
{
	const char *test = "{'op':'test','path':'','value':1}";
	gk_auto_json json_t *most = repeated(GK_MAX_PATCH_OPS, test), *doc = json("1");
	gk_auto_json json_t *more = repeated(GK_MAX_PATCH_OPS + 1, test), *got = NULL;

	ck_assert_int_eq(gk_json_patch_apply(doc, most, GK_PATCH_STRICT, &got, NULL), GK_OK);
	assert_exhausts(doc, more, "the patch has more than 100000 operations");
}
END_TEST

START_TEST(a_patch_takes_so_many_steps)
{
	gk_auto_json json_t *patch =
		repeated(GK_MAX_PATCH_OPS, "{'op':'add','path':'/0','value':0}");
	gk_auto_json json_t *doc = repeated(50000, "0");

	assert_exhausts(doc, patch, "the patch takes more than 10000000 steps");
}
END_TEST

START_TEST(copies_add_so_many_bytes)
{
	gk_auto_json json_t *doc = json_array();
	gk_auto_json json_t *patch = repeated(64, "{'op':'copy','from':'/0','path':'/-'}");
	gk_auto_json json_t *doubling = repeated(40, "{'op':'copy','from':'','path':'/-'}");
	gk_auto_str char *text = malloc(1u << 20);

	memset(text, 'x', 1u << 20);
	ck_assert(gk_json_push_take(doc, json_stringn(text, 1u << 20)));
	assert_exhausts(doc, patch, "operation 63: the patch copies more than 67108864 bytes");
	assert_exhausts(doc, doubling, "the patch copies more than 67108864 bytes");
}
END_TEST

static json_t *nested(size_t levels)
{
	json_t *value = json_integer((json_int_t)levels);

	for (size_t i = 0; i < levels; i++) {
		json_t *outer = json_array();

		ck_assert(gk_json_push_take(outer, value));
		value = outer;
	}
	return value;
}

/* An operation whose path has `tokens` tokens, onto `levels` arrays that stand in each other. */
static gk_code deep(size_t tokens, size_t levels, char *message, size_t size)
{
	gk_auto_json json_t *patch = json("[{'op':'add'}]"), *value = nested(levels), *got = NULL;
	gk_auto_error gk_error err = { 0 };
	char path[512] = "";
	gk_code rc;

	for (size_t i = 0; i < tokens; i++)
		strcat(path, "/a");
	ck_assert(gk_json_set_str(json_array_get(patch, 0), "path", path));
	ck_assert(gk_json_set(json_array_get(patch, 0), "value", value));
	rc = gk_json_patch_apply(NULL, patch, GK_PATCH_LENIENT, &got, &err);
	snprintf(message, size, "%s", err.message ? err.message : "");
	if (rc == GK_OK) {
		gk_auto_str char *text = gk_json_write(got, NULL);

		ck_assert_ptr_nonnull(text);
	}
	return rc;
}

START_TEST(what_a_patch_makes_is_so_deep)
{
	char message[200];

	ck_assert_int_eq(deep(GK_JSON_MAX_DEPTH, 0, message, sizeof(message)), GK_OK);
	ck_assert_int_eq(
		deep(GK_JSON_MAX_DEPTH + 1, 0, message, sizeof(message)), GK_RESOURCE_EXHAUSTED);
	ck_assert_str_eq(message, "operation 0: the path is deeper than 128 levels");
	ck_assert_int_eq(deep(28, 100, message, sizeof(message)), GK_OK);
	ck_assert_int_eq(deep(29, 100, message, sizeof(message)), GK_RESOURCE_EXHAUSTED);
	ck_assert_str_eq(message, "operation 0: the result is deeper than 128 levels");
}
END_TEST

START_TEST(differences_are_looked_for_so_deep)
{
	gk_auto_json json_t *a = nested(GK_JSON_MAX_DEPTH), *b = nested(GK_JSON_MAX_DEPTH);
	gk_auto_json json_t *c = nested(GK_JSON_MAX_DEPTH + 1), *d = nested(GK_JSON_MAX_DEPTH + 1);
	gk_auto_json json_t *patch = NULL, *none = NULL;
	gk_auto_error gk_error err = { 0 };

	ck_assert_int_eq(gk_json_diff(a, b, &patch, &err), GK_OK);
	ck_assert_int_eq(gk_json_diff(c, d, &none, &err), GK_RESOURCE_EXHAUSTED);
	ck_assert_str_eq(err.message, "the values are deeper than 128 levels");
	ck_assert_ptr_null(none);
}
END_TEST

/* Two lists of that many elements, under one name of that length, differ in each. */
static size_t operations_between(size_t count, size_t name_len)
{
	gk_auto_json json_t *a = json_object(), *b = json_object(), *patch = NULL, *got = NULL;
	gk_auto_str char *name = malloc(name_len + 1);

	memset(name, 'n', name_len);
	name[name_len] = '\0';
	ck_assert(gk_json_set_take(a, name, repeated(count, "1")) &&
		  gk_json_set_take(b, name, repeated(count, "2")));
	ck_assert_int_eq(gk_json_diff(a, b, &patch, NULL), GK_OK);
	ck_assert_int_eq(gk_json_patch_apply(a, patch, GK_PATCH_STRICT, &got, NULL), GK_OK);
	ck_assert(gk_json_equal(got, b));
	return json_array_size(patch);
}

START_TEST(a_long_difference_is_one_replacement)
{
	ck_assert_uint_eq(operations_between(GK_MAX_PATCH_OPS, 1), GK_MAX_PATCH_OPS);
	ck_assert_uint_eq(operations_between(GK_MAX_PATCH_OPS + 1, 1), 1);
	ck_assert_uint_eq(operations_between(15, GK_MAX_PATCH_PATHS / 16), 15);
	ck_assert_uint_eq(operations_between(16, GK_MAX_PATCH_PATHS / 16), 1);
}
END_TEST

/* --- memory --- */

static json_t *before, *after, *operations;

static bool diff_and_apply(void)
{
	gk_auto_json json_t *patch = NULL, *got = NULL, *other = NULL;
	gk_auto_error gk_error err = { 0 };

	return gk_json_diff(before, after, &patch, &err) == GK_OK &&
	       gk_json_patch_apply(before, patch, GK_PATCH_LENIENT, &got, &err) == GK_OK &&
	       gk_json_equal(got, after) &&
	       gk_json_patch_apply(before, operations, GK_PATCH_LENIENT, &other, &err) == GK_OK;
}

START_TEST(running_out_of_memory_leaves_the_document)
{
	const char *text = "{'a':{'b~':[1,2,{'c':3}]},'d':4}";
	const char *patch = "[{'op':'copy','from':'/a','path':'/e/f/g'},"
			    "{'op':'move','from':'/a/b~0/2','path':'/a/b~0/0'},"
			    "{'op':'add','path':'/a/b~0/-','value':[]},"
			    "{'op':'remove','path':'/a/b~0/1'}]";

	before = json(text);
	after = json("{'a':{'b~':[1,{'x':2},{'c':4}],'n':null}}");
	operations = json(patch);
	fault_sweep(diff_and_apply);
	assert_json(before, text);
	assert_json(operations, patch);
	json_decref(before);
	json_decref(after);
	json_decref(operations);
}
END_TEST

static bool was_refused;

/* Check's assertions allocate, too. */
static bool fail_to_apply(void)
{
	gk_auto_error gk_error err = { 0 };
	json_t *got = NULL;
	gk_code rc = gk_json_patch_apply(before, operations, GK_PATCH_STRICT, &got, &err);

	was_refused = was_refused && rc != GK_OK && !got;
	return err.details && err.message;
}

START_TEST(an_error_without_memory_is_an_error_still)
{
	before = json("{'a':[1]}");
	operations = json("[{'op':'add','path':'/a/0','value':0},{'op':'remove','path':'/b'}]");
	was_refused = true;
	fault_sweep(fail_to_apply);
	ck_assert(was_refused);
	assert_json(before, "{'a':[1]}");
	json_decref(before);
	json_decref(operations);
}
END_TEST

static Suite *patch_suite(void)
{
	Suite *suite = suite_create("json_patch");
	TCase *tests = tcase_create("json_patch");

	tcase_add_test(tests, members_keep_their_places);
	tcase_add_test(tests, what_a_patch_does_not_touch_is_shared);
	tcase_add_test(tests, values_of_the_patch_are_not_changed_by_later_operations);
	tcase_add_test(tests, a_patch_that_fails_names_its_operation_and_leaves_the_document);
	tcase_add_test(tests, strict_patches_need_what_they_name);
	tcase_add_test(tests, strict_patches_know_no_forbidden_names_and_move_in_place);
	tcase_add_test(tests, lenient_patches_make_do);
	tcase_add_test(tests, differences_are_told_member_by_member);
	tcase_add_test(tests, names_may_hold_nul);
	tcase_add_test(tests, a_difference_shares_its_values);
	tcase_add_test(tests, no_value_differs_from_any);
	tcase_add_test(tests, a_patch_has_so_many_operations);
	tcase_add_test(tests, a_patch_takes_so_many_steps);
	tcase_add_test(tests, copies_add_so_many_bytes);
	tcase_add_test(tests, what_a_patch_makes_is_so_deep);
	tcase_add_test(tests, differences_are_looked_for_so_deep);
	tcase_add_test(tests, a_long_difference_is_one_replacement);
	tcase_add_test(tests, running_out_of_memory_leaves_the_document);
	tcase_add_test(tests, an_error_without_memory_is_an_error_still);
	suite_add_tcase(suite, tests);
	return suite;
}

UNIT_MAIN(patch_suite)
