/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "unit.h"

#include "json/schema.h"

/* Documents that a $ref may lead to, by URI. */
static json_t *documents;

static json_t *lookup(const char *uri, void *user)
{
	(void)user;
	return json_object_get(documents, uri);
}

static gk_schema *compile(const char *text)
{
	gk_auto_error gk_error err = { 0 };
	gk_auto_json json_t *schema_json = json(text);
	gk_schema *schema = NULL;
	gk_code rc = gk_schema_compile(schema_json, lookup, NULL, &schema, &err);

	ck_assert_msg(rc == GK_OK, "%s: %s", text, err.message);
	return schema;
}

/* "PATH: MESSAGE" of each error, joined by line breaks; "" for a valid value, which may be NULL: absent. */
static char *errors_of(const gk_schema *schema, const char *value_text)
{
	gk_auto_json json_t *value = value_text ? json(value_text) : NULL, *errors = NULL;
	char *text = strdup("");
	json_t *error;
	size_t i;

	ck_assert(gk_schema_is_valid(schema, value, NULL) ==
		  gk_schema_is_valid(schema, value, &errors));
	json_array_foreach (errors, i, error) {
		char *longer = NULL;

		ck_assert_int_ge(asprintf(&longer, "%s%s%s: %s", text, i ? "\n" : "",
					 gk_json_str_peek(error, "path"),
					 gk_json_str_peek(error, "message")),
			0);
		free(text);
		text = longer;
	}
	return text;
}

static void assert_errors(const char *schema_text, const char *value_text, const char *expected)
{
	gk_schema *schema = compile(schema_text);
	gk_auto_str char *errors = errors_of(schema, value_text);

	ck_assert_msg(strcmp(errors, expected) == 0, "%s against %s:\n%s\ninstead of\n%s",
		value_text ? value_text : "nothing", schema_text, errors, expected);
	gk_schema_unref(schema);
}

static void assert_valid(const char *schema_text, const char *value_text)
{
	assert_errors(schema_text, value_text, "");
}

static void assert_wrong(const char *schema_text, const char *message)
{
	gk_auto_error gk_error err = { 0 };
	gk_auto_json json_t *schema_json = json(schema_text);
	gk_schema *schema = NULL;

	ck_assert_int_eq(gk_schema_compile(schema_json, lookup, NULL, &schema, &err), GK_INTERNAL);
	ck_assert(err.is_plain);
	ck_assert_str_eq(err.message, message);
	ck_assert_ptr_null(schema);
}

/* --- keywords --- */

START_TEST(types_are_named_in_the_message)
{
	assert_errors("{'type':'string'}", "1", "(root): must be string");
	assert_errors("{'type':['string','null']}", "1", "(root): must be string,null");
	assert_errors("{'type':'integer'}", "1.5", "(root): must be integer");
	assert_valid("{'type':'integer'}", "1.0");
	assert_valid("{'type':'number'}", "1");
	assert_errors("{'type':'object'}", "[]", "(root): must be object");
	assert_valid("{'type':'string','nullable':true}", "null");
	assert_errors("{'type':'string','nullable':true}", "1", "(root): must be string");
}
END_TEST

START_TEST(a_missing_value_has_no_type)
{
	assert_errors("{'type':'object'}", NULL, "(root): must be object");
	assert_errors("{'anyOf':[{'not':{}},{'type':'object'}]}", NULL,
		"(root): must NOT be valid\n(root): must be object\n"
		"(root): must match a schema in anyOf");
	assert_errors(
		"{'enum':[null]}", NULL, "(root): must be equal to one of the allowed values");
	assert_errors("{'const':null}", NULL, "(root): must be equal to constant");
	assert_valid("{'required':['a']}", NULL);
}
END_TEST

START_TEST(no_schema_takes_everything)
{
	assert_valid("null", "1");
	assert_valid("false", "1");
	assert_valid("true", "1");
	assert_valid("{}", NULL);
	assert_valid("{'$schema':'http://json-schema.org/draft-07/schema#'}", "[1]");
	assert_errors("{'allOf':[false]}", "1", "(root): boolean schema is false");
}
END_TEST

START_TEST(keywords_fail_in_ajvs_order)
{
	/* The type is tested first, unless it stands beside keywords of its own group. */
	assert_errors("{'enum':['a'],'type':'string'}", "5", "(root): must be string");
	assert_errors("{'type':'string','minLength':1,'enum':['a']}", "5",
		"(root): must be equal to one of the allowed values");
	assert_errors("{'type':'object','properties':{},'minimum':9}", "5", "(root): must be >= 9");
	assert_errors(
		"{'type':'number','minimum':9,'required':['a']}", "{}", "(root): must be number");
	assert_errors("{'properties':{'a':{'type':'string'}},'additionalProperties':false,"
		      "'required':['b'],'maxProperties':1}",
		"{'a':1,'c':2}", "(root): must NOT have more than 1 properties");
	assert_errors("{'uniqueItems':true,'contains':{'type':'string'},'items':{'minimum':2}}",
		"[1,1]", "0: must be >= 2");
	assert_errors("{'pattern':'b','minLength':3,'maxLength':1}", "'aa'",
		"(root): must NOT have more than 1 characters");
	assert_errors("{'multipleOf':2,'exclusiveMaximum':1}", "3", "(root): must be < 1");
}
END_TEST

START_TEST(numbers_are_compared_as_javascript_does)
{
	assert_errors("{'minimum':1.5}", "1", "(root): must be >= 1.5");
	assert_errors("{'maximum':1e21}", "1e22", "(root): must be <= 1e+21");
	assert_errors("{'exclusiveMinimum':-3}", "-3", "(root): must be > -3");
	assert_errors("{'multipleOf':0.1}", "0.3", "(root): must be multiple of 0.1");
	assert_errors("{'multipleOf':1}", "1e21", "(root): must be multiple of 1");
	assert_valid("{'multipleOf':0.01}", "1.1");
	assert_errors("{'format':'int32'}", "2147483648", "(root): must match format \"int32\"");
	assert_valid("{'format':'email'}", "5");
	assert_valid("{'const':2}", "2.0");
}
END_TEST

START_TEST(strings_are_measured_in_characters)
{
	assert_errors(
		"{'minLength':2}", "'\U0001f600'", "(root): must NOT have fewer than 2 characters");
	assert_valid("{'maxLength':1}", "'\U0001f600'");
	assert_errors("{'maxLength':2}", "'äöü'", "(root): must NOT have more than 2 characters");
	assert_errors("{'pattern':'^a+$'}", "'b'", "(root): must match pattern \"^a+$\"");
	assert_errors("{'format':'date'}", "'x'", "(root): must match format \"date\"");
	assert_errors("{'format':'date','formatMinimum':'2020-01-01'}", "'2019-01-01'",
		"(root): should be >= 2020-01-01");
	assert_errors("{'format':'date','formatExclusiveMaximum':'2020-01-01'}", "'2020-01-01'",
		"(root): should be < 2020-01-01");
	assert_valid("{'format':'nope'}", "'x'");
}
END_TEST

START_TEST(arrays_may_be_lists_and_tuples)
{
	assert_errors("{'items':{'type':'string'}}", "['a',1,2]", "1: must be string");
	assert_errors("{'items':[{'type':'string'},{'type':'number'}],'additionalItems':false}",
		"['a',1,2]", "(root): must NOT have more than 2 items");
	assert_errors("{'items':[{}],'additionalItems':{'type':'number'}}", "[1,'b']",
		"1: must be number");
	assert_valid("{'additionalItems':false}", "[1]");
	assert_errors("{'items':false}", "[1]", "0: boolean schema is false");
	assert_errors("{'contains':{'type':'string'}}", "[1]",
		"(root): must contain at least 1 valid item(s)");
	assert_errors("{'minItems':1}", "[]", "(root): must NOT have fewer than 1 items");
}
END_TEST

START_TEST(duplicates_are_told_as_ajv_finds_them)
{
	const char *plain = "{'uniqueItems':true}";
	const char *typed = "{'uniqueItems':true,'items':{'type':['string','integer']}}";

	assert_errors(plain, "['a','b','b','a']",
		"(root): must NOT have duplicate items (items ## 0 and 3 are identical)");
	assert_errors(plain, "[{'a':1,'b':[2]},{'b':[2.0],'a':1}]",
		"(root): must NOT have duplicate items (items ## 0 and 1 are identical)");
	assert_errors(typed, "['a','b','b','a']",
		"(root): must NOT have duplicate items (items ## 2 and 1 are identical)");
	assert_valid(plain, "[1,'1',true,[1],{'a':1},null,0,false,'']");
	/* More than a few go through a hash table. */
	assert_errors(plain, "[0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,2,3,-0.0]",
		"(root): must NOT have duplicate items (items ## 0 and 22 are identical)");
	assert_errors(typed, "[0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,'2',5,5,3]",
		"(root): must NOT have duplicate items (items ## 22 and 21 are identical)");
	assert_valid(plain, "[0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,[],{},'0',null,true]");
	assert_valid("{'uniqueItems':false}", "[1,1]");
}
END_TEST

START_TEST(objects_report_at_the_object)
{
	assert_errors("{'properties':{'a':{'required':['c','b']}}}", "{'a':{'c':1}}",
		"a: must have required property 'b'");
	assert_errors("{'properties':{'a':{}},'patternProperties':{'^x':{'type':'string'}},"
		      "'additionalProperties':false}",
		"{'a':1,'x1':'s','y':1}", "(root): must NOT have additional properties");
	assert_errors(
		"{'patternProperties':{'^x':{'type':'string'}}}", "{'x1':1}", "x1: must be string");
	assert_errors("{'additionalProperties':{'type':'number'}}", "{'a':{},'b':1}",
		"a: must be number");
	assert_errors("{'propertyNames':{'minLength':2}}", "{'ab':1,'a':1}",
		"(root): must NOT have fewer than 2 characters\n"
		"(root): property name must be valid");
	assert_errors("{'propertyNames':{'enum':['a','b']}}", "{'a':1,'c':1}",
		"(root): must be equal to one of the allowed values\n"
		"(root): property name must be valid");
	assert_errors("{'dependencies':{'d':{'required':['q']},'a':['b','c']}}", "{'a':1,'d':1}",
		"(root): must have properties b, c when property a is present");
	assert_errors("{'dependencies':{'a':['b']}}", "{'a':1}",
		"(root): must have property b when property a is present");
	assert_errors(
		"{'minProperties':2}", "{'a':1}", "(root): must NOT have fewer than 2 properties");
}
END_TEST

START_TEST(paths_are_pointers_with_dots)
{
	assert_errors("{'properties':{'a':{'items':{'properties':{'b':{'type':'boolean'}}}}}}",
		"{'a':[{},{'b':1}]}", "a.1.b: must be boolean");
	assert_errors("{'additionalProperties':{'type':'string'}}", "{'a/b~c':1}",
		"a~1b~0c: must be string");
	assert_errors("{'properties':{'':{'type':'string'}}}", "{'':1}", "(root): must be string");
}
END_TEST

START_TEST(branches_add_up)
{
	assert_errors("{'anyOf':[{'type':'string'},{'type':'number'}]}", "true",
		"(root): must be string\n(root): must be number\n"
		"(root): must match a schema in anyOf");
	assert_errors("{'oneOf':[{'type':'string'},{'type':'number'},{'type':'integer'}]}", "1",
		"(root): must be string\n(root): must match exactly one schema in oneOf");
	assert_errors("{'allOf':[{'type':'string'},{'minLength':2}]}", "'a'",
		"(root): must NOT have fewer than 2 characters");
	assert_errors("{'not':{'type':'string'}}", "'a'", "(root): must NOT be valid");
	assert_errors("{'if':{'type':'string'},'then':{'minLength':2},'else':{'type':'number'}}",
		"true", "(root): must be number");
	assert_errors("{'anyOf':[{'allOf':[{'anyOf':[{'const':1}]}]},{'const':2}]}", "3",
		"(root): must be equal to constant\n(root): must match a schema in anyOf\n"
		"(root): must be equal to constant\n(root): must match a schema in anyOf");
	/* What a branch that held has reported before does not matter. */
	assert_errors("{'anyOf':[{'type':'string'},{'type':'number'}],'minimum':5}", "3",
		"(root): must be >= 5");
	assert_errors("{'anyOf':[{'contains':{'type':'string'}}]}", "[1,2]",
		"0: must be string\n1: must be string\n"
		"(root): must contain at least 1 valid item(s)\n"
		"(root): must match a schema in anyOf");
	assert_errors("{'anyOf':[{'if':{},'then':{'minLength':3}}]}", "'a'",
		"(root): must NOT have fewer than 3 characters\n"
		"(root): must match \"then\" schema\n(root): must match a schema in anyOf");
	assert_errors("{'anyOf':[{'type':'string','enum':['a']}]}", "1",
		"(root): must be string\n(root): must be equal to one of the allowed values\n"
		"(root): must match a schema in anyOf");
}
END_TEST

/* --- references --- */

START_TEST(references_lead_into_any_position)
{
	assert_errors(
		"{'$ref':'#/definitions/a','minLength':5,'definitions':{'a':{'type':'string'}}}",
		"'abc'", "(root): must NOT have fewer than 5 characters");
	assert_errors("{'properties':{'a':{'items':{'anyOf':[{'type':'null'}]}},"
		      "'b':{'$ref':'#/properties/a/items/anyOf/0'}}}",
		"{'b':1}", "b: must be null");
	assert_errors("{'$ref':'#/x~1y/a%25b~0','x/y':{'a%b~':{'const':1}}}", "2",
		"(root): must be equal to constant");
	assert_errors("{'properties':{'n':{'$ref':'#'}},'additionalProperties':false}",
		"{'n':{'n':{'x':1}}}", "n.n: must NOT have additional properties");
	assert_errors("{'definitions':{'$id':{'type':'null'}},'$ref':'#/definitions/$id'}", "1",
		"(root): must be null");
}
END_TEST

START_TEST(references_lead_by_name)
{
	assert_errors("{'$ref':'#here','definitions':{'a':{'$id':'#here','type':'null'}}}", "1",
		"(root): must be null");
	assert_errors("{'$id':'http://e/root','$ref':'folder/a','definitions':"
		      "{'x':{'$id':'folder/a','allOf':[{'$ref':'b'}]},"
		      "'y':{'$id':'http://e/folder/b','type':'null'}}}",
		"1", "(root): must be null");
	assert_errors("{'$id':'http://e/root','$ref':'urn:x#/definitions/d','definitions':"
		      "{'x':{'$id':'urn:x','definitions':{'d':{'type':'null'}}}}}",
		"1", "(root): must be null");
	assert_errors("{'$ref':'http://json-schema.org/draft-07/schema#'}", "{'minLength':-1}",
		"minLength: must be >= 0");
	assert_errors("{'$ref':'https://json-schema.org/draft/2020-12/schema'}",
		"{'$defs':{'a':{'type':1}}}",
		"$defs.a.type: must be equal to one of the allowed values\n"
		"$defs.a.type: must be array\n$defs.a.type: must match a schema in anyOf");
}
END_TEST

START_TEST(other_documents_are_asked_for)
{
	documents = json(
		"{'genkit:Menu':{'type':'object','properties':{'price':{'$ref':'#/definitions/p'},"
		"'next':{'$ref':'genkit:Menu'}},'definitions':{'p':{'type':'number'}}},"
		"'http://e/a':{'$ref':'b#/x'},'http://e/b':{'x':{'type':'null'}},"
		"'genkit:Bad':{'type':'any'}}");
	assert_errors("{'properties':{'menu':{'$ref':'genkit:Menu'}}}",
		"{'menu':{'next':{'price':'x'}}}", "menu.next.price: must be number");
	assert_errors("{'$ref':'genkit:Menu#/definitions/p'}", "'x'", "(root): must be number");
	assert_errors("{'$id':'http://e/','$ref':'a'}", "1", "(root): must be null");
	assert_wrong("{'$ref':'genkit:Nope'}", "can't resolve reference genkit:Nope from id #");
	assert_wrong("{'$ref':'genkit:Menu#/nope'}",
		"can't resolve reference genkit:Menu#/nope from id #");
	assert_wrong("{'$ref':'genkit:Bad'}",
		"schema is invalid: data/type must be equal to one of the allowed values, "
		"data/type must be array, data/type must match a schema in anyOf");
	json_decref(documents);
	documents = NULL;
}
END_TEST

START_TEST(references_to_nowhere_are_refused)
{
	assert_wrong("{'$ref':'#/nope'}", "can't resolve reference #/nope from id #");
	assert_wrong("{'$ref':'#nope'}", "can't resolve reference #nope from id #");
	assert_wrong("{'$ref':'nope.json#a'}", "can't resolve reference nope.json#a from id #");
	assert_wrong(
		"{'$id':'http://x/y','$ref':'z'}", "can't resolve reference z from id http://x/y");
	assert_wrong("{'$ref':'#/title','title':'x'}", "can't resolve reference #/title from id #");
	/* What nothing leads to is not looked at. */
	assert_valid("{'definitions':{'a':{'$ref':'#/nope','pattern':'['}}}", "1");
}
END_TEST

/* --- what is no schema --- */

START_TEST(broken_schemas_are_told_in_ajvs_words)
{
	assert_wrong("'x'", "schema must be object or boolean");
	assert_wrong("[]", "schema is invalid: data must be object,boolean");
	assert_wrong("{'type':'any'}",
		"schema is invalid: data/type must be equal to one of the allowed values, "
		"data/type must be array, data/type must match a schema in anyOf");
	assert_wrong("{'properties':{'a/b':{'minLength':-1}}}",
		"schema is invalid: data/properties/a~1b/minLength must be >= 0");
	assert_wrong("{'required':'a'}", "schema is invalid: data/required must be array");
	assert_wrong("{'properties':{'a':5}}",
		"schema is invalid: data/properties/a must be object,boolean");
	assert_wrong(
		"{'enum':[]}", "schema is invalid: data/enum must NOT have fewer than 1 items");
	assert_wrong("{'required':['a','a']}",
		"schema is invalid: data/required must NOT have duplicate items "
		"(items ## 1 and 0 are identical)");
	assert_wrong("{'pattern':'['}",
		"Invalid regular expression: /[/u: Unterminated character class");
	assert_wrong("{'patternProperties':{'(':{}}}",
		"Invalid regular expression: /(/u: Unterminated group");
	assert_wrong("{'id':'x'}", "NOT SUPPORTED: keyword \"id\", use \"$id\" for schema ID");
	assert_wrong("{'nullable':true}", "\"nullable\" cannot be used without \"type\"");
	assert_wrong("{'type':'string','nullable':1}", "nullable value must be [\"boolean\"]");
	assert_wrong("{'type':'null','nullable':false}", "type: null contradicts nullable: false");
	/* Parts that the meta-schema does not see, and a $ref brings in. */
	assert_wrong("{'$ref':'#/x','x':{'type':'nope'}}",
		"schema is invalid: type must be equal to one of the allowed values");
	assert_wrong("{'$ref':'#/x','x':{'anyOf':{}}}", "anyOf value must be [\"array\"]");
	assert_wrong("{'$ref':'#/x','x':{'anyOf':[1]}}", "schema must be object or boolean");
	assert_wrong("{'$ref':'#/x','x':{'dependencies':{'a':[1]}}}",
		"schema is invalid: dependencies must be an array of strings");
	assert_wrong("{'$ref':'#/x','x':{'required':[1]}}",
		"schema is invalid: required must be an array of strings");
}
END_TEST

START_TEST(unknown_keywords_are_ignored)
{
	assert_valid("{'x-foo':1,'prefixItems':[false],'dependentRequired':{'a':['b']},"
		     "'minContains':2,'unevaluatedProperties':false,'discriminator':{}}",
		"{'a':1}");
	assert_valid("{'$schema':'http://json-schema.org/draft-04/schema#','prefixItems':[false]}",
		"[1]");
}
END_TEST

/* --- 2020-12 --- */

#define IN_2020 "{'$schema':'https://json-schema.org/draft/2020-12/schema',"

START_TEST(the_2020_draft_is_chosen_by_its_uri)
{
	assert_errors(IN_2020 "'prefixItems':[{'type':'string'}],'items':false}", "['a',1]",
		"(root): must NOT have more than 1 items");
	assert_errors(IN_2020 "'prefixItems':[{'type':'string'}]}", "[1,1]", "0: must be string");
	assert_errors(IN_2020 "'contains':{'type':'string'},'minContains':2,'maxContains':3}",
		"['a',1]", "(root): must contain at least 2 and no more than 3 valid item(s)");
	assert_valid(IN_2020 "'contains':{'type':'string'},'minContains':0}", "[]");
	assert_errors(IN_2020 "'dependentRequired':{'a':['b']}}", "{'a':1}",
		"(root): must have property b when property a is present");
	assert_errors(IN_2020 "'dependentSchemas':{'a':{'required':['c']}}}", "{'a':1}",
		"(root): must have required property 'c'");
	assert_errors(IN_2020 "'$ref':'#x','$defs':{'a':{'$anchor':'x','type':'null'}}}", "1",
		"(root): must be null");
	assert_valid(IN_2020 "'format':'date'}", "'x'");
	assert_wrong(
		IN_2020 "'items':[{}]}", "schema is invalid: data/items must be object,boolean");
}
END_TEST

START_TEST(unevaluated_parts_are_those_nobody_looked_at)
{
	assert_errors(IN_2020 "'anyOf':[{'properties':{'a':{'const':1}},'required':['a']},"
			      "{'properties':{'b':{}}}],'unevaluatedProperties':false}",
		"{'a':2,'b':1}", "(root): must NOT have unevaluated properties");
	assert_valid(IN_2020 "'$ref':'#/$defs/d','unevaluatedProperties':false,"
			     "'$defs':{'d':{'allOf':[{'properties':{'a':{}}}]}}}",
		"{'a':2}");
	assert_errors(IN_2020
		"'if':{'properties':{'a':{'const':1}}},'then':{'properties':{'b':{}}},"
		"'unevaluatedProperties':{'type':'string'}}",
		"{'a':1,'b':2,'c':3}", "c: must be string");
	assert_errors(IN_2020 "'prefixItems':[{}],'contains':{'const':2},'unevaluatedItems':false}",
		"[1,2,3]", "(root): must NOT have more than 2 items");
	assert_valid(IN_2020 "'allOf':[{'items':{}}],'unevaluatedItems':false}", "[1,2]");
	assert_valid(IN_2020 "'dependentSchemas':{'a':{'patternProperties':{'^x':{}}}},"
			     "'properties':{'a':{}},'unevaluatedProperties':false}",
		"{'a':1,'x1':1}");
}
END_TEST

START_TEST(dynamic_references_find_the_outermost_anchor)
{
	const char *tree = IN_2020 "'$id':'http://e/strict','$dynamicAnchor':'node','$ref':'tree',"
				   "'unevaluatedProperties':false,'$defs':{'t':{'$id':'tree',"
				   "'$dynamicAnchor':'node','properties':{'data':true,'children':"
				   "{'items':{'$dynamicRef':'#node'}}}}}}";

	assert_valid(tree, "{'children':[{'data':1}]}");
	assert_errors(tree, "{'children':[{'daat':1}]}",
		"children.0: must NOT have unevaluated properties");
}
END_TEST

/* --- errors --- */

START_TEST(the_text_has_errors_data_and_schema)
{
	gk_auto_error gk_error err = { 0 };
	gk_auto_json json_t *value = json("{'foo':123}");
	gk_schema *schema = compile("{'type':'object','properties':{'foo':{'type':'boolean'}}}");

	ck_assert_int_eq(gk_schema_check(schema, value, &err), GK_INVALID_ARGUMENT);
	ck_assert(!err.is_plain);
	ck_assert_str_eq(err.message,
		"Schema validation failed. Parse Errors:\n\n- foo: must be boolean\n\n"
		"Provided data:\n\n{\n  \"foo\": 123\n}\n\nRequired JSON schema:\n\n{\n"
		"  \"type\": \"object\",\n  \"properties\": {\n    \"foo\": {\n"
		"      \"type\": \"boolean\"\n    }\n  }\n}");
	assert_json(err.details, "{'errors':[{'path':'foo','message':'must be boolean'}],'schema':"
				 "{'type':'object','properties':{'foo':{'type':'boolean'}}}}");
	ck_assert_int_eq(gk_schema_check(schema, value, NULL), GK_INVALID_ARGUMENT);
	gk_schema_unref(schema);
}
END_TEST

START_TEST(absent_data_is_undefined)
{
	gk_auto_error gk_error err = { 0 };
	gk_schema *schema = compile("{'anyOf':[{'type':'object'},{'const':1}]}");

	ck_assert_int_eq(gk_schema_check(schema, NULL, &err), GK_INVALID_ARGUMENT);
	ck_assert_ptr_nonnull(strstr(err.message,
		"Parse Errors:\n\n- (root): must be object\n- (root): must be equal to constant\n"
		"- (root): must match a schema in anyOf\n\nProvided data:\n\nundefined\n\n"));
	gk_schema_unref(schema);
}
END_TEST

START_TEST(a_name_that_only_begins_as_a_keyword_is_none)
{
	static const char *const names[] = { "type", "allOf", "properties", "minLength", "$ref",
		"enum", "pattern" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		gk_auto_json json_t *schema_json = NULL, *value = json_integer(1);
		gk_schema *schema = NULL;
		char text[40];

		snprintf(text, sizeof(text), "{\"%s\\u0000\":\"x\"}", names[i]);
		ck_assert_int_eq(gk_json_parse(text, strlen(text), 0, &schema_json, NULL), GK_OK);
		ck_assert_int_eq(gk_schema_compile(schema_json, NULL, NULL, &schema, NULL), GK_OK);
		ck_assert(gk_schema_is_valid(schema, value, NULL));
		gk_schema_unref(schema);
	}
}
END_TEST

START_TEST(a_schema_is_counted_and_keeps_its_json)
{
	json_t *schema_json = json("{'type':'string'}");
	gk_schema *schema = NULL;

	ck_assert_int_eq(gk_schema_compile(schema_json, NULL, NULL, &schema, NULL), GK_OK);
	ck_assert_ptr_eq(gk_schema_json_peek(schema), schema_json);
	json_decref(schema_json);
	ck_assert_ptr_eq(gk_schema_ref(schema), schema);
	ck_assert_ptr_null(gk_schema_unref(schema));
	ck_assert(!gk_schema_is_valid(schema, gk_schema_json_peek(schema), NULL));
	gk_schema_unref(schema);
	ck_assert_ptr_null(gk_schema_unref(NULL));
}
END_TEST

static Suite *schema_suite(void)
{
	Suite *suite = suite_create("schema");
	TCase *tests = tcase_create("schema");

	tcase_add_test(tests, types_are_named_in_the_message);
	tcase_add_test(tests, a_missing_value_has_no_type);
	tcase_add_test(tests, no_schema_takes_everything);
	tcase_add_test(tests, keywords_fail_in_ajvs_order);
	tcase_add_test(tests, numbers_are_compared_as_javascript_does);
	tcase_add_test(tests, strings_are_measured_in_characters);
	tcase_add_test(tests, arrays_may_be_lists_and_tuples);
	tcase_add_test(tests, duplicates_are_told_as_ajv_finds_them);
	tcase_add_test(tests, objects_report_at_the_object);
	tcase_add_test(tests, paths_are_pointers_with_dots);
	tcase_add_test(tests, branches_add_up);
	tcase_add_test(tests, references_lead_into_any_position);
	tcase_add_test(tests, references_lead_by_name);
	tcase_add_test(tests, other_documents_are_asked_for);
	tcase_add_test(tests, references_to_nowhere_are_refused);
	tcase_add_test(tests, broken_schemas_are_told_in_ajvs_words);
	tcase_add_test(tests, unknown_keywords_are_ignored);
	tcase_add_test(tests, the_2020_draft_is_chosen_by_its_uri);
	tcase_add_test(tests, unevaluated_parts_are_those_nobody_looked_at);
	tcase_add_test(tests, dynamic_references_find_the_outermost_anchor);
	tcase_add_test(tests, the_text_has_errors_data_and_schema);
	tcase_add_test(tests, absent_data_is_undefined);
	tcase_add_test(tests, a_name_that_only_begins_as_a_keyword_is_none);
	tcase_add_test(tests, a_schema_is_counted_and_keeps_its_json);
	suite_add_tcase(suite, tests);
	return suite;
}

UNIT_MAIN(schema_suite)
