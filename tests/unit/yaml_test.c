/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "unit.h"

#include "base/buf.h"
#include "base/limits.h"
#include "base/log.h"
#include "json/yaml.h"

static gk_yaml *parse(const char *text, gk_yaml_mode mode)
{
	gk_auto_error gk_error err = { 0 };
	gk_yaml *doc = NULL;
	gk_code rc = gk_yaml_parse(text, strlen(text), "t.yaml", mode, &doc, &err);

	ck_assert_msg(rc == GK_OK, "%s: %s", text, err.message);
	return doc;
}

static void assert_yaml(const char *text, const char *expected)
{
	gk_auto_yaml gk_yaml *doc = parse(text, GK_YAML_CORE);

	assert_json(gk_yaml_value_peek(doc), expected);
}

START_TEST(a_number_beyond_all_doubles_is_null)
{
	char text[400] = "0x";

	memset(text + 2, 'F', 300);
	assert_yaml(text, "null");
	memset(text, '9', 350);
	assert_yaml(text, "null");
}
END_TEST

static void assert_strings(const char *text, const char *expected)
{
	gk_auto_yaml gk_yaml *doc = parse(text, GK_YAML_STRINGS);

	assert_json(gk_yaml_value_peek(doc), expected);
}

static void assert_fails_n(const char *text, size_t len, gk_code code, const char *message)
{
	gk_auto_error gk_error err = { 0 };
	gk_yaml *doc = NULL;

	ck_assert_int_eq(gk_yaml_parse(text, len, "t.yaml", GK_YAML_CORE, &doc, &err), code);
	ck_assert_str_eq(err.message, message);
	ck_assert_ptr_null(doc);
	ck_assert_int_eq(gk_yaml_parse(text, len, "t.yaml", GK_YAML_CORE, &doc, NULL), code);
}

static void assert_fails(const char *text, const char *message)
{
	assert_fails_n(text, strlen(text), GK_INVALID_ARGUMENT, message);
}

START_TEST(mappings_sequences_and_scalars_become_values)
{
	assert_yaml("a: 1\nb:\n  - x\n  - {c: d}\n  - [e, 'f', \"g\\n\"]\nh: |\n  i\n  j\n",
		"{'a':1,'b':['x',{'c':'d'},['e','f','g\\n']],'h':'i\\nj\\n'}");
	assert_yaml("{\"a\":[1,null,true],\"b\":{}}", "{'a':[1,null,true],'b':{}}");
	assert_yaml("", "null");
	assert_yaml("# nothing\n", "null");
	assert_yaml("---\n...\n", "null");
	assert_yaml("just text", "'just text'");
	assert_yaml("\xef\xbb\xbf"
		    "a: 1",
		"{'a':1}");
}
END_TEST

START_TEST(a_block_at_the_end_of_the_text_keeps_its_line_break)
{
	assert_yaml("a: |\n  b", "{'a':'b\\n'}");
	assert_yaml("a: |-\n  b", "{'a':'b'}");
	assert_yaml("a: >\n  b\n  c", "{'a':'b c\\n'}");
}
END_TEST

START_TEST(plain_scalars_follow_the_core_schema)
{
	assert_yaml("[~, null, Null, NULL, nULL]", "[null,null,null,null,'nULL']");
	assert_yaml("[true, True, TRUE, tRUE, false, False, FALSE]",
		"[true,true,true,'tRUE',false,false,false]");
	assert_yaml("[yes, no, on, off, y]", "['yes','no','on','off','y']");
	assert_yaml("[0, -0, +5, 017, 0o17, 0x1F, -0x1F, 0o8, 0b1, 1_000, 0x]",
		"[0,0,5,17,15,31,'-0x1F','0o8','0b1','1_000','0x']");
	assert_yaml("[1.0, 1., .5, -.5, 1e3, 1.E-2, .5., ., 1e, e3, 1.2.3, '1.0', -]",
		"[1,1,0.5,-0.5,1000,0.01,'.5.','.','1e','e3','1.2.3','1.0','-']");
	assert_yaml("[.inf, -.Inf, .NAN, .nan, .iNF, 1e400]", "[null,null,null,null,'.iNF',null]");
	assert_yaml("[9223372036854775807, 9223372036854775808, 0xFFFFFFFFFFFFFFFF]",
		"[9223372036854775807,9223372036854776000,18446744073709552000]");
	assert_yaml("[12:30, 2024-01-01, http://x:80/]", "['12:30','2024-01-01','http://x:80/']");
}
END_TEST

START_TEST(quoted_scalars_are_strings)
{
	assert_yaml("['1', \"true\", '', \"null\"]", "['1','true','','null']");
	assert_yaml("- |-\n  5\n- >-\n  ~\n", "['5','~']");
}
END_TEST

START_TEST(explicit_tags_count)
{
	assert_yaml(
		"[!!str 1, !!str , ! 5, !!int '3', !!int x, !!int 0x10]", "['1','','5',3,'x',16]");
	assert_yaml("[!!float 3, !!float '3.5', !!float 1e3]", "['3',3.5,1000]");
	assert_yaml("[!!null x, !!null '', !!bool yes, !!bool 'true']", "['x',null,'yes',true]");
	assert_yaml("[!!map {a: 1}, !!seq [1]]", "[{'a':1},[1]]");
	assert_strings("[!!int 3, !!bool true, !!null ~]", "[3,true,null]");
}
END_TEST

static unsigned warnings;

static void count_warning(const gk_log_record *record, void *user)
{
	ck_assert_str_eq(user, record->message);
	warnings++;
}

START_TEST(an_unknown_tag_is_a_string_and_a_warning)
{
	gk_log_set_level(GK_LOG_WARN);
	gk_log_set_sink(count_warning, "t.yaml:2:4: unknown tag !local: the value is a string");
	assert_yaml("a: 5\nb: !local 5\n", "{'a':5,'b':'5'}");
	gk_log_set_sink(NULL, NULL);
	ck_assert_uint_eq(warnings, 1);
}
END_TEST

START_TEST(strings_mode_types_nothing)
{
	assert_strings("a: 1\nb: true\nc: 0x10\nd:\ne: ''\nf: ~\ng: [null, 1.50]",
		"{'a':'1','b':'true','c':'0x10','d':null,'e':'','f':'~','g':['null','1.50']}");
}
END_TEST

START_TEST(keys_become_names)
{
	assert_yaml("{1: a, 0x10: b, true: c, false: g, 1.50: d, ~: e, 'x y': f}",
		"{'1':'a','16':'b','true':'c','false':'g','1.5':'d','':'e','x y':'f'}");
	assert_yaml("? |\n  block\n: 1", "{'block\\n':1}");
	assert_yaml("<<: {a: 1}\nb: 2", "{'<<':{'a':1},'b':2}");
	assert_strings("{1.50: a}", "{'1.50':'a'}");
	assert_fails("a: &x [1]\n*x : 1", "t.yaml:2:1: a key must be a scalar");
}
END_TEST

START_TEST(keys_that_are_collections_become_their_flow_text)
{
	assert_yaml("? [a, 2.50, ~]\n: 1\n? {k: v, l: []}\n: 2\n[]: 3\n{}: 4",
		"{'[ a, 2.50, ~ ]':1,'{ k: v, l: [] }':2,'[]':3,'{}':4}");
	assert_yaml("? - a\n  - b: &x c\n: 1", "{'[ a, { b: &x c } ]':1}");
	assert_yaml("a: {{name}}", "{'a':{'{ name }':null}}");
	assert_yaml("a: {{name: }}", "{'a':{'{ name: }':null}}");
	assert_fails("[a]: 1\n[ a ]: 2", "t.yaml:2:1: duplicate key '[ a ]'");
}
END_TEST

START_TEST(aliases_repeat_what_was_anchored)
{
	assert_yaml("a: &x {b: [1]}\nc: *x\nd: [*x, *x]",
		"{'a':{'b':[1]},'c':{'b':[1]},'d':[{'b':[1]},{'b':[1]}]}");
	assert_yaml("a: &x\nb: *x", "{'a':null,'b':null}");
	assert_yaml("- &k key\n- *k : v", "['key',{'key':'v'}]");
	assert_yaml("&k key: v\nother: *k", "{'key':'v','other':'key'}");
	assert_yaml("- &a 1\n- *a\n- &a 2\n- *a", "[1,1,2,2]");
	assert_yaml("- &a [&a 1, *a]\n- *a", "[[1,1],1]");
	assert_fails("a: *x", "t.yaml:1:4: alias 'x' has no anchor");
	assert_fails("a: *x\nb: &x 1", "t.yaml:1:4: alias 'x' has no anchor");
	assert_fails("a: 1\nb: &x [*x]", "t.yaml:2:8: alias 'x' stands inside its own anchor");
}
END_TEST

START_TEST(an_alias_is_a_copy)
{
	gk_auto_yaml gk_yaml *doc = parse("a: &x {b: 1}\nc: *x", GK_YAML_CORE);
	json_t *value = gk_yaml_value_peek(doc);

	json_object_set_new(json_object_get(value, "a"), "b", json_integer(2));
	assert_json(value, "{'a':{'b':2},'c':{'b':1}}");
}
END_TEST

START_TEST(mistakes_are_found_where_they_are)
{
	assert_fails("a: 1\nb: 2\na: 3", "t.yaml:3:1: duplicate key 'a'");
	assert_fails("x: {a: 1, 'a': 2}", "t.yaml:1:11: duplicate key 'a'");
	assert_fails("a: 1\n---\nb: 2", "t.yaml:2:1: only one document is allowed");
	assert_fails("a: 1\n...\nb: 2", "t.yaml:3:1: did not find expected <document start>");
	assert_fails("a: x: y", "t.yaml:1:5: mapping values are not allowed in this context");
	assert_fails("a:\n\tb: 1", "t.yaml:2:1: found character that cannot start any token");
	assert_fails("a: @x", "t.yaml:1:4: found character that cannot start any token");
	assert_fails("a: `x", "t.yaml:1:4: found character that cannot start any token");
	assert_fails("a: [1", "t.yaml:2:1: did not find expected ',' or ']'");
	assert_fails("a: 'x", "t.yaml:2:1: found unexpected end of stream");
	assert_fails("a: b\n c: d", "t.yaml:2:3: mapping values are not allowed in this context");
	assert_fails("\xc3\xa9: x\n\xc3\xa9\xc3\xa9\xff", "t.yaml:2:3: invalid UTF-8");
	assert_fails_n(
		"a: b\0", 5, GK_INVALID_ARGUMENT, "t.yaml:1:1: control characters are not allowed");
}
END_TEST

START_TEST(a_part_of_a_file_counts_the_files_lines)
{
	gk_auto_error gk_error err = { 0 };
	gk_yaml *doc = NULL;
	unsigned line, column;

	ck_assert_int_eq(gk_yaml_parse_at("a: 1\na: 2", 9, "x.prompt", 7, GK_YAML_CORE, &doc, &err),
		GK_INVALID_ARGUMENT);
	ck_assert_str_eq(err.message, "x.prompt:8:1: duplicate key 'a'");
	ck_assert_int_eq(
		gk_yaml_parse_at("a: 1\nb: 2", 9, "x.prompt", 7, GK_YAML_CORE, &doc, &err), GK_OK);
	ck_assert(gk_yaml_where(doc, "/b", &line, &column));
	ck_assert_uint_eq(line, 8);
	gk_yaml_free(doc);
}
END_TEST

START_TEST(old_line_breaks_are_characters)
{
	assert_yaml("a: b\xc2\x85 c\nd: \"e\xe2\x80\xa8 f\"\ng\xe2\x80\xa9: h",
		"{'a':'b\\u0085 c','d':'e\\u2028 f','g\\u2029':'h'}");
	assert_yaml("a: |\n  x\xc2\x85y\n  z\xe2\x80\xa8\n", "{'a':'x\\u0085y\\nz\\u2028\\n'}");
	/* Their stand-ins are others when the text has these. */
	assert_yaml("a: \xc2\x85 \xf4\x8f\xbf\xbb \xf3\xbf\xbf\xbd",
		"{'a':'\\u0085 \\udbff\\udffb \\udbbf\\udffd'}");
	assert_fails("a: \xc2\x85\xf4\x8f\xbf\xbb\xf3\xbf\xbf\xbd\xf3\xb0\x80\x81\xf4\x80\x80\x83",
		"t.yaml:1:1: unusable characters of private use");
}
END_TEST

static void assert_where(const gk_yaml *doc, const char *pointer, unsigned line, unsigned column)
{
	unsigned got_line = 0, got_column = 0;

	ck_assert_msg(gk_yaml_where(doc, pointer, &got_line, &got_column), "%s", pointer);
	ck_assert_msg(got_line == line && got_column == column, "%s: %u:%u", pointer, got_line,
		got_column);
}

START_TEST(every_value_knows_its_place)
{
	gk_auto_yaml gk_yaml *doc = parse("# first\n"
					  "server:\n"
					  "  listen: &l [a, {b: c}]\n"
					  "  \"a/b\": \xc3\xa9\n"
					  "list:\n"
					  "- 1\n"
					  "-  x: 1\n"
					  "   y: *l\n",
		GK_YAML_CORE);
	unsigned line, column;

	assert_where(doc, "", 2, 1);
	assert_where(doc, "/server", 2, 1);
	assert_where(doc, "/server/listen", 3, 3);
	assert_where(doc, "/server/listen/0", 3, 15);
	assert_where(doc, "/server/listen/1/b", 3, 19);
	assert_where(doc, "/server/a~1b", 4, 3);
	assert_where(doc, "/list/0", 6, 3);
	assert_where(doc, "/list/1", 7, 4);
	assert_where(doc, "/list/1/y", 8, 4);
	assert_where(doc, "/list/1/y/1/b", 3, 19); /* where it was anchored */
	ck_assert(!gk_yaml_where(doc, "/server/port", &line, &column));
	ck_assert(!gk_yaml_where(doc, "/list/2", &line, &column));
	ck_assert(!gk_yaml_where(doc, "/list/0/x", &line, &column));
	ck_assert(!gk_yaml_where(doc, "server", &line, &column));
}
END_TEST

START_TEST(laughs_end_at_the_node_limit)
{
	gk_auto_buf gk_buf text = GK_BUF_INIT(0);
	gk_auto_error gk_error err = { 0 };
	gk_yaml *doc = NULL;

	gk_buf_puts(&text, "- &a0 [x, x, x, x, x, x, x, x, x, x]\n");
	for (int i = 1; i < 10; i++) {
		gk_buf_printf(&text, "- &a%d [", i);
		for (int j = 0; j < 10; j++)
			gk_buf_printf(&text, "*a%d, ", i - 1);
		gk_buf_puts(&text, "]\n");
	}
	ck_assert_int_eq(gk_yaml_parse(text.data, text.len, "t.yaml", GK_YAML_CORE, &doc, &err),
		GK_RESOURCE_EXHAUSTED);
	ck_assert_str_eq(err.message, "t.yaml:6:8: more than 200000 values");
}
END_TEST

START_TEST(depth_and_size_have_limits)
{
	char text[2 * GK_MAX_YAML_DEPTH + 4];
	gk_auto_str char *large = calloc(1, GK_MAX_YAML_TEXT + 1);
	gk_auto_yaml gk_yaml *doc = NULL;

	memset(text, '[', sizeof(text));
	memset(text + GK_MAX_YAML_DEPTH, ']', GK_MAX_YAML_DEPTH);
	ck_assert_int_eq(
		gk_yaml_parse(text, 2 * GK_MAX_YAML_DEPTH, "t.yaml", GK_YAML_CORE, &doc, NULL),
		GK_OK);
	memset(text, '[', sizeof(text));
	assert_fails_n(
		text, sizeof(text), GK_RESOURCE_EXHAUSTED, "t.yaml:1:65: more than 64 levels");
	/* An alias brings its depth along. */
	memcpy(text, "- &a [[[[[[[[[[]]]]]]]]]]\n- ", 28);
	memset(text + 28, '[', 60);
	memcpy(text + 88, "*a", 2);
	assert_fails_n(text, 90, GK_RESOURCE_EXHAUSTED, "t.yaml:2:63: more than 64 levels");
	memset(large, ' ', GK_MAX_YAML_TEXT + 1);
	assert_fails_n(large, GK_MAX_YAML_TEXT + 1, GK_RESOURCE_EXHAUSTED,
		"t.yaml: more than 16777216 bytes of YAML");
}
END_TEST

static bool parse_something(void)
{
	static const char text[] =
		"a: &x {b: [1, 2.5, 'c', 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14]}\n"
		"d: *x\n&e f: \xc2\x85g\nh: !x i\nk: [a, b, c, d, e, f, *x, {g: *x}]\n";
	gk_auto_error gk_error err = { 0 };
	gk_auto_yaml gk_yaml *doc = NULL;
	gk_code rc = gk_yaml_parse(text, strlen(text), "t.yaml", GK_YAML_CORE, &doc, &err);

	if (rc != GK_OK && (rc != GK_RESOURCE_EXHAUSTED || doc))
		abort();
	return rc == GK_OK;
}

START_TEST(running_out_of_memory_is_reported)
{
	fault_sweep(parse_something);
}
END_TEST

static Suite *yaml_suite(void)
{
	Suite *suite = suite_create("yaml");
	TCase *tests = tcase_create("yaml");

	tcase_add_test(tests, mappings_sequences_and_scalars_become_values);
	tcase_add_test(tests, a_block_at_the_end_of_the_text_keeps_its_line_break);
	tcase_add_test(tests, plain_scalars_follow_the_core_schema);
	tcase_add_test(tests, a_number_beyond_all_doubles_is_null);
	tcase_add_test(tests, quoted_scalars_are_strings);
	tcase_add_test(tests, explicit_tags_count);
	tcase_add_test(tests, an_unknown_tag_is_a_string_and_a_warning);
	tcase_add_test(tests, strings_mode_types_nothing);
	tcase_add_test(tests, keys_become_names);
	tcase_add_test(tests, keys_that_are_collections_become_their_flow_text);
	tcase_add_test(tests, aliases_repeat_what_was_anchored);
	tcase_add_test(tests, an_alias_is_a_copy);
	tcase_add_test(tests, mistakes_are_found_where_they_are);
	tcase_add_test(tests, a_part_of_a_file_counts_the_files_lines);
	tcase_add_test(tests, old_line_breaks_are_characters);
	tcase_add_test(tests, every_value_knows_its_place);
	tcase_add_test(tests, laughs_end_at_the_node_limit);
	tcase_add_test(tests, depth_and_size_have_limits);
	tcase_add_test(tests, running_out_of_memory_is_reported);
	suite_add_tcase(suite, tests);
	return suite;
}

UNIT_MAIN(yaml_suite)
