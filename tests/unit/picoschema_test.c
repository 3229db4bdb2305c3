/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "unit.h"

#include "base/limits.h"
#include "dotprompt/picoschema.h"

static json_t *names;

static json_t *lookup(const char *name, void *user)
{
	return json_object_get(user, name);
}

static void set_up(void)
{
	names = json("{'Foo':{'type':'number','description':'a foo'},'Any':{'anyOf':[{}]},"
		     "'Two':{'type':['string','number']},'Yes':true}");
}

static void tear_down(void)
{
	json_decref(names);
}

static void assert_converts(const char *value, const char *expected)
{
	gk_auto_error gk_error err = { 0 };
	gk_auto_json json_t *in = json(value), *schema = NULL;
	gk_code rc = gk_picoschema(in, lookup, names, &schema, &err);

	ck_assert_msg(rc == GK_OK, "%s: %s", value, err.message);
	if (expected)
		assert_json(schema, expected);
	else
		ck_assert_ptr_null(schema);
	assert_json(names, "{'Foo':{'type':'number','description':'a foo'},'Any':{'anyOf':[{}]},"
			   "'Two':{'type':['string','number']},'Yes':true}");
}

static void assert_refuses(const char *value, const char *message)
{
	gk_auto_error gk_error err = { 0 };
	gk_auto_json json_t *in = json(value);
	json_t *schema = in;

	ck_assert_int_eq(gk_picoschema(in, lookup, names, &schema, &err), GK_INVALID_ARGUMENT);
	ck_assert_str_eq(err.message, message);
	ck_assert_ptr_eq(schema, in);
}

START_TEST(nothing_stands_for_no_schema)
{
	assert_converts("null", NULL);
	assert_converts("''", NULL);
	assert_converts("0", NULL);
	assert_converts("false", NULL);
}
END_TEST

START_TEST(a_type_may_have_a_description)
{
	assert_converts("'string'", "{'type':'string'}");
	assert_converts(
		"'number,   the size, in cm'", "{'type':'number','description':'the size, in cm'}");
	assert_converts("'null, nothing'", "{'type':'null','description':'nothing'}");
	assert_converts("'any'", "{'type':'any'}");
	assert_converts("'string,'", "{'type':'string'}");
	assert_converts("'string,  '", "{'type':'string'}");
	assert_refuses("'string , x'", "Picoschema: could not find schema with name 'string '");
}
END_TEST

START_TEST(a_description_stays_on_the_last_line)
{
	assert_refuses(
		"'string, a\\nb'", "Picoschema: could not find schema with name 'string, a\nb'");
	assert_refuses("'string, a\\u2028b'",
		"Picoschema: could not find schema with name 'string, a\xe2\x80\xa8"
		"b'");
	assert_converts("'x\\nstring, a'", "{'type':'string','description':'a'}");
}
END_TEST

START_TEST(json_schema_passes_through)
{
	assert_converts("{'type':'object','x':1}", "{'type':'object','x':1}");
	assert_converts("{'type':'any'}", "{'type':'any'}");
	assert_converts("{'properties':{'a':1},'required':[]}",
		"{'properties':{'a':1},'required':[],'type':'object'}");
	assert_converts("{'properties':null}", "{'properties':null,'type':'object'}");
	assert_converts("{'type':'string, the type'}",
		"{'type':'object','properties':{'type':{'type':'string','description':'the type'}},"
		"'required':['type'],'additionalProperties':false}");
}
END_TEST

START_TEST(names_lead_to_schemas)
{
	assert_converts("'Foo'", "{'type':'number','description':'a foo'}");
	assert_converts("'Foo, mine'", "{'type':'number','description':'mine'}");
	assert_converts("{'a?':'Foo','b?':'Any, x','c?':'Two','d?':'Yes'}",
		"{'type':'object','properties':{'a':{'type':['number','null'],'description':'a foo'},"
		"'b':{'anyOf':[{}],'description':'x'},'c':{'type':['string','number']},'d':true},"
		"'additionalProperties':false}");
	assert_refuses("{'a':'Bar'}", "Picoschema: could not find schema with name 'Bar'");
}
END_TEST

START_TEST(without_a_lookup_there_are_no_names)
{
	gk_auto_error gk_error err = { 0 };
	gk_auto_json json_t *in = json("'Foo'");
	json_t *schema = NULL;

	ck_assert_int_eq(gk_picoschema(in, NULL, NULL, &schema, &err), GK_INVALID_ARGUMENT);
	ck_assert_str_eq(err.message, "Picoschema: unsupported scalar type 'Foo'.");
}
END_TEST

START_TEST(fields_become_properties)
{
	assert_converts("{'a':'string','b?':'integer, how many','c':'any','d?':'any, free'}",
		"{'type':'object','properties':{'a':{'type':'string'},"
		"'b':{'type':['integer','null'],'description':'how many'},'c':{},'d':{'description':'free'}},"
		"'required':['a','c'],'additionalProperties':false}");
	assert_converts("{}", "{'type':'object','properties':{},'additionalProperties':false}");
	assert_converts("{'a':null}",
		"{'type':'object','properties':{'a':{'type':'object','properties':{},"
		"'additionalProperties':false}},'required':['a'],'additionalProperties':false}");
	assert_converts("['string']", "{'type':'object','properties':{'0':{'type':'string'}},"
				      "'required':['0'],'additionalProperties':false}");
	assert_converts("{'(*)':'number, any number','a':'string'}",
		"{'type':'object','properties':{'a':{'type':'string'}},'required':['a'],"
		"'additionalProperties':{'type':'number','description':'any number'}}");
	assert_refuses("{'a':1}", "Picoschema: only consists of objects and strings. Got: 1");
	assert_refuses(
		"{'a':{'b':true}}", "Picoschema: only consists of objects and strings. Got: true");
	assert_refuses("true", "Picoschema: only consists of objects and strings. Got: true");
}
END_TEST

START_TEST(parentheses_make_lists_objects_and_enums)
{
	assert_converts("{'a(array, the list)':'string, one','b?(array)':{'c?':'null'}}",
		"{'type':'object','properties':{'a':{'type':'array','items':{'type':'string',"
		"'description':'one'},'description':'the list'},'b':{'type':['array','null'],'items':"
		"{'type':'object','properties':{'c':{'type':['null','null']}},"
		"'additionalProperties':false}}},'required':['a'],'additionalProperties':false}");
	assert_converts("{'a?(object, it)':{'b':'string'},'c?(object)':'Any'}",
		"{'type':'object','properties':{'a':{'type':['object','null'],'properties':{'b':"
		"{'type':'string'}},'required':['b'],'additionalProperties':false,'description':'it'},"
		"'c':{'anyOf':[{}]}},'additionalProperties':false}");
	assert_converts(
		"{'a(enum)':['x',1],'b?(enum, one)':['x'],'c?(enum)':[null],'d(enum)':'odd'}",
		"{'type':'object','properties':{'a':{'enum':['x',1]},'b':{'enum':['x',null],"
		"'description':'one'},'c':{'enum':[null]},'d':{'enum':'odd'}},'required':['a','d'],"
		"'additionalProperties':false}");
	assert_refuses("{'a?(enum)':'x'}", "Picoschema: the values of an enum must be a list");
}
END_TEST

START_TEST(odd_field_names_are_read_as_the_reference_reads_them)
{
	assert_converts("{'a (array)':'string'}",
		"{'type':'object','properties':{'a ':{'type':'array','items':{'type':'string'}}},"
		"'required':['a '],'additionalProperties':false}");
	assert_converts("{'a(':'string','b\?\?':'string','?':'string','':'string'}",
		"{'type':'object','properties':{'a':{'type':'string'},'b?':{'type':['string','null']},"
		"'':{'type':'string'}},'required':['a',''],'additionalProperties':false}");
	/* The last character goes, parenthesis or not; from a second parenthesis on all is lost. */
	assert_converts("{'a(array, list (of things))':'string','b(array\\u00e9':'string'}",
		"{'type':'object','properties':{'a':{'type':'array','items':{'type':'string'},"
		"'description':'list'},'b':{'type':'array','items':{'type':'string'}}},"
		"'required':['a','b'],'additionalProperties':false}");
	assert_refuses("{'a()':'x'}",
		"Picoschema: parenthetical types must be 'object' or 'array', got: ");
	assert_refuses("{'a(map, x)':'x'}",
		"Picoschema: parenthetical types must be 'object' or 'array', got: map");
}
END_TEST

START_TEST(fields_stand_in_javascripts_order)
{
	assert_converts("{'b':'string','1':'string','0?':'string'}",
		"{'type':'object','properties':{'0':{'type':['string','null']},'1':{'type':'string'},"
		"'b':{'type':'string'}},'required':['1','b'],'additionalProperties':false}");
}
END_TEST

static json_t *nest(unsigned depth)
{
	json_t *value = json_string("string");

	while (depth--)
		value = json_pack("{s:o}", "a(array)", value);
	return value;
}

START_TEST(depth_has_an_end_that_can_still_be_written)
{
	gk_auto_error gk_error err = { 0 };
	gk_auto_json json_t *deep = nest(GK_MAX_PICOSCHEMA_DEPTH),
			    *deeper = nest(GK_MAX_PICOSCHEMA_DEPTH + 1);
	gk_auto_json json_t *schema = NULL;
	gk_auto_str char *text = NULL;

	ck_assert_int_eq(gk_picoschema(deep, NULL, NULL, &schema, &err), GK_OK);
	text = gk_json_write(schema, NULL);
	ck_assert_ptr_nonnull(text);
	ck_assert_int_eq(gk_picoschema(deeper, NULL, NULL, &schema, &err), GK_RESOURCE_EXHAUSTED);
	ck_assert_str_eq(err.message, "Picoschema: more than 40 levels");
}
END_TEST

/* --- text --- */

static void assert_text(const char *text, const char *expected)
{
	gk_auto_error gk_error err = { 0 };
	gk_auto_json json_t *schema = NULL;
	gk_code rc = gk_schema_from_text(text, lookup, names, &schema, &err);

	ck_assert_msg(rc == GK_OK, "%s: %s", text, err.message);
	if (expected)
		assert_json(schema, expected);
	else
		ck_assert_ptr_null(schema);
}

static void assert_text_fails(const char *text, const char *message)
{
	gk_auto_error gk_error err = { 0 };
	json_t *schema = NULL;

	ck_assert_int_eq(gk_schema_from_text(text, NULL, NULL, &schema, &err), GK_INVALID_ARGUMENT);
	ck_assert_str_eq(err.message, message);
	ck_assert_int_eq(gk_schema_from_text(text, NULL, NULL, &schema, NULL), GK_INVALID_ARGUMENT);
}

START_TEST(text_may_be_picoschema)
{
	assert_text("string", "{'type':'string'}");
	assert_text("\"string\"", "{'type':'string'}");
	assert_text("null", "{'type':'null'}");
	assert_text("string, a name", "{'type':'string','description':'a name'}");
	assert_text("Foo", "{'type':'number','description':'a foo'}");
	assert_text("theme: string, of the menu",
		"{'type':'object','properties':{'theme':{'type':'string','description':'of the menu'}},"
		"'required':['theme'],'additionalProperties':false}");
	assert_text("city: string\ncelsius?: integer\n",
		"{'type':'object','properties':{'city':{'type':'string'},'celsius':"
		"{'type':['integer','null']}},'required':['city'],'additionalProperties':false}");
	assert_text("{city: string, celsius: integer}",
		"{'type':'object','properties':{'city':{'type':'string'},'celsius':{'type':'integer'}},"
		"'required':['city','celsius'],'additionalProperties':false}");
	assert_text("plan(array): {hour: integer, what: string}",
		"{'type':'object','properties':{'plan':{'type':'array','items':{'type':'object','properties':"
		"{'hour':{'type':'integer'},'what':{'type':'string'}},'required':['hour','what'],"
		"'additionalProperties':false}}},'required':['plan'],'additionalProperties':false}");
	assert_text("(*): any", "{'type':'object','properties':{},'additionalProperties':{}}");
}
END_TEST

START_TEST(text_may_be_json_schema)
{
	assert_text("{\"type\": \"object\", \"minProperties\": 1}",
		"{'type':'object','minProperties':1}");
	assert_text("{}", "{}");
	assert_text("true", "true");
	assert_text("false", "false");
	assert_text("{\"$ref\": \"#\"}", "{'$ref':'#'}");
	assert_text("{\"anyOf\": []}", "{'anyOf':[]}");
	assert_text("{\"enum\": [1]}", "{'enum':[1]}");
	assert_text("{\"minimum\": 1}", "{'minimum':1}");
	assert_text("{\"not\": {\"type\": \"string\"}}", "{'not':{'type':'string'}}");
	assert_text("{\"properties\": {\"a\": true}}", "{'properties':{'a':true}}");
	assert_text("{\"title\": \"string\"}",
		"{'type':'object','properties':{'title':{'type':'string'}},"
		"'required':['title'],'additionalProperties':false}");
	assert_text("{\"color(enum)\": [\"red\"]}",
		"{'type':'object','properties':{'color':{'enum':['red']}},'required':['color'],"
		"'additionalProperties':false}");
}
END_TEST

START_TEST(any_text_is_any_value)
{
	assert_text("any", "{}");
	assert_text("any, free", "{'description':'free'}");
	assert_text("", NULL);
	assert_text("  \n# nothing\n", NULL);
}
END_TEST

START_TEST(mistakes_in_a_text_have_a_place)
{
	assert_text_fails("a: string\nb: string, note: this",
		"schema:2:16: mapping values are not allowed in this context");
	assert_text_fails(
		"{\"type\": \"object\"", "schema: unexpected end of input at line 1, column 18");
	assert_text_fails("{a: string", "schema:2:1: did not find expected ',' or '}'");
	assert_text_fails("a: 5", "Picoschema: only consists of objects and strings. Got: 5");
	assert_text_fails("5", "Picoschema: only consists of objects and strings. Got: 5");
	assert_text_fails("a: Foo", "Picoschema: unsupported scalar type 'Foo'.");
}
END_TEST

static json_t *sample;

static bool convert_sample(void)
{
	gk_auto_error gk_error err = { 0 };
	gk_auto_json json_t *schema = NULL, *other = NULL;
	gk_code rc = gk_picoschema(sample, lookup, names, &schema, &err);

	if (rc == GK_OK)
		rc = gk_schema_from_text("any, x", NULL, NULL, &other, &err);
	if (rc != GK_OK && rc != GK_RESOURCE_EXHAUSTED)
		abort();
	return rc == GK_OK;
}

START_TEST(running_out_of_memory_is_reported)
{
	sample = json(
		"{'1':'string','0?':'integer, x','a?(array, y)':{'b(enum)':['c']},'d?(object)':'Foo, z',"
		"'e?(enum, w)':['v'],'(*)':'any','f':['string']}");
	fault_sweep(convert_sample);
	json_decref(sample);
}
END_TEST

static Suite *picoschema_suite(void)
{
	Suite *suite = suite_create("picoschema");
	TCase *tests = tcase_create("picoschema");

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, nothing_stands_for_no_schema);
	tcase_add_test(tests, a_type_may_have_a_description);
	tcase_add_test(tests, a_description_stays_on_the_last_line);
	tcase_add_test(tests, json_schema_passes_through);
	tcase_add_test(tests, names_lead_to_schemas);
	tcase_add_test(tests, without_a_lookup_there_are_no_names);
	tcase_add_test(tests, fields_become_properties);
	tcase_add_test(tests, parentheses_make_lists_objects_and_enums);
	tcase_add_test(tests, odd_field_names_are_read_as_the_reference_reads_them);
	tcase_add_test(tests, fields_stand_in_javascripts_order);
	tcase_add_test(tests, depth_has_an_end_that_can_still_be_written);
	tcase_add_test(tests, text_may_be_picoschema);
	tcase_add_test(tests, text_may_be_json_schema);
	tcase_add_test(tests, any_text_is_any_value);
	tcase_add_test(tests, mistakes_in_a_text_have_a_place);
	tcase_add_test(tests, running_out_of_memory_is_reported);
	suite_add_tcase(suite, tests);
	return suite;
}

UNIT_MAIN(picoschema_suite)
