/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "unit.h"

#include "core/key.h"

static bool is(const char *piece, size_t len, const char *text)
{
	if (!piece || !text)
		return !piece && !text;
	return strlen(text) == len && memcmp(piece, text, len) == 0;
}

START_TEST(a_key_has_a_type_a_name_and_what_stands_before_them)
{
	static const struct {
		const char *key, *type, *plugin, *name, *host;
	} keys[] = {
		{ "/flow/hello", "flow", NULL, "hello", NULL },
		{ "/model/googleai/gemini-x", "model", "googleai", "gemini-x", NULL },
		{ "/prompt/a/b/c", "prompt", "a", "b/c", NULL },
		{ "/flow/", "flow", NULL, "", NULL },
		{ "x/flow/f", "flow", NULL, "f", NULL },
		{ "//x", "", NULL, "x", NULL },
		{ "/resource/file:///a", "resource", "file:", "//a", NULL },
		{ "/dynamic-action-provider/h", "dynamic-action-provider", NULL, "h", NULL },
		{ "/dynamic-action-provider/p/h", "dynamic-action-provider", NULL, "p/h", NULL },
		{ "/dynamic-action-provider/h:tool/t", "tool", NULL, "t", "h" },
		{ "/dynamic-action-provider/p/h:tool/a/b", "tool", NULL, "a/b", "p/h" },
		{ "/dynamic-action-provider/h:tool/a:b", "tool", NULL, "a:b", "h" },
		{ "/dynamic-action-provider/h:tool.v2/*", "tool.v2", NULL, "*", "h" },
	};

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		gk_key key;

		ck_assert_msg(gk_key_parse(keys[i].key, &key), "%s is none", keys[i].key);
		ck_assert_msg(is(key.type, key.type_len, keys[i].type), "%s", keys[i].key);
		ck_assert_msg(is(key.plugin, key.plugin_len, keys[i].plugin), "%s", keys[i].key);
		ck_assert_msg(is(key.name, key.name_len, keys[i].name), "%s", keys[i].key);
		ck_assert_msg(is(key.host, key.host_len, keys[i].host), "%s", keys[i].key);
	}
}
END_TEST

START_TEST(what_is_too_short_or_of_no_type_is_no_key)
{
	static const char *const wrong[] = { "", "/", "x", "/flow", "flow",
		"/dynamic-action-provider", "/dynamic-action-provider/",
		"/dynamic-action-provider/h:", "/dynamic-action-provider/h:tool",
		"/dynamic-action-provider/h:tool/", "/dynamic-action-provider/h:bogus/x",
		"/dynamic-action-provider/h:/x" };
	gk_key key;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		ck_assert_msg(!gk_key_parse(wrong[i], &key), "'%s' is one", wrong[i]);
}
END_TEST

START_TEST(a_type_is_known_by_its_whole_name)
{
	ck_assert_str_eq(gk_key_type("tool", 4), "tool");
	ck_assert_str_eq(gk_key_type("tool.v2/x", 7), "tool.v2");
	ck_assert_ptr_null(gk_key_type("too", 3));
	ck_assert_ptr_null(gk_key_type("", 0));
	ck_assert_ptr_null(gk_key_type("Tool", 4));
}
END_TEST

static Suite *suite(void)
{
	Suite *it = suite_create("key");
	TCase *tests = tcase_create("key");

	tcase_add_test(tests, a_key_has_a_type_a_name_and_what_stands_before_them);
	tcase_add_test(tests, what_is_too_short_or_of_no_type_is_no_key);
	tcase_add_test(tests, a_type_is_known_by_its_whole_name);
	suite_add_tcase(it, tests);
	return it;
}

UNIT_MAIN(suite)
