/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Schemas and values that mean no good, small stacks, and memory that runs out. */
#include "unit.h"

#include "base/limits.h"
#include "core/builtin_schemas.h"
#include "json/schema.h"

#include <pthread.h>
#include <stdio.h>

static gk_schema *compile_take(json_t *schema_json)
{
	gk_auto_error gk_error err = { 0 };
	gk_schema *schema = NULL;
	gk_code rc = gk_schema_compile(schema_json, NULL, NULL, &schema, &err);

	ck_assert_msg(rc == GK_OK, "%s", err.message);
	json_decref(schema_json);
	return schema;
}

/* The value is refused with this error alone. */
static void assert_refuses(const gk_schema *schema, const json_t *value, const char *message)
{
	gk_auto_json json_t *errors = NULL;

	ck_assert(!gk_schema_is_valid(schema, value, &errors));
	ck_assert_uint_eq(json_array_size(errors), 1);
	ck_assert_str_eq(gk_json_str_peek(errors, "[0].path"), "(root)");
	ck_assert_str_eq(gk_json_str_peek(errors, "[0].message"), message);
}

/* {"a":{"a":...{}}} */
static json_t *nested(const char *key, unsigned depth, json_t *core)
{
	while (depth--)
		core = json_pack("{s:o}", key, core);
	return core;
}

START_TEST(a_loop_of_references_ends)
{
	gk_schema *schema = compile_take(json("{'$ref':'#'}"));
	gk_schema *negated = compile_take(json("{'not':{'$ref':'#'}}"));
	gk_auto_json json_t *value = json_integer(1);

	assert_refuses(schema, value, "is nested too deeply to validate");
	assert_refuses(negated, value, "is nested too deeply to validate");
	gk_schema_unref(schema);
	gk_schema_unref(negated);
}
END_TEST

START_TEST(depth_is_counted_in_subschemas)
{
	gk_schema *schema = compile_take(nested("not", GK_JSON_MAX_DEPTH - 2, json_object()));
	gk_schema *list = compile_take(json("{'items':{'$ref':'#'}}"));
	gk_auto_json json_t *deepest = json_array(), *deeper = NULL;

	ck_assert(gk_schema_is_valid(schema, deepest, NULL));
	for (unsigned i = 0; i < GK_MAX_SCHEMA_DEPTH / 2; i++)
		deepest = json_pack("[o]", deepest);
	ck_assert(gk_schema_is_valid(list, deepest, NULL));
	deeper = json_pack("[O]", deepest);
	assert_refuses(list, deeper, "is nested too deeply to validate");
	gk_schema_unref(schema);
	gk_schema_unref(list);
}
END_TEST

START_TEST(a_schema_may_be_as_deep_as_json)
{
	gk_auto_json json_t *deepest = nested("not", GK_JSON_MAX_DEPTH - 1, json_object());
	gk_auto_json json_t *deeper = json_pack("{s:O}", "not", deepest);
	gk_auto_error gk_error err = { 0 };
	gk_schema *schema = NULL;

	ck_assert_int_eq(gk_schema_compile(deepest, NULL, NULL, &schema, &err), GK_OK);
	gk_schema_unref(schema);
	ck_assert_int_eq(gk_schema_compile(deeper, NULL, NULL, &schema, &err), GK_INTERNAL);
	ck_assert_str_eq(err.message, "schema is nested too deeply");
}
END_TEST

START_TEST(branches_of_branches_run_out_of_steps)
{
	gk_schema *schema =
		compile_take(json("{'anyOf':[{'required':['a'],'properties':{'a':{'$ref':'#'}}},"
				  "{'required':['a'],'properties':{'a':{'$ref':'#'}}}]}"));
	gk_auto_json json_t *value = nested("a", 60, json_object());

	assert_refuses(schema, value, "takes too many steps to validate");
	gk_schema_unref(schema);
}
END_TEST

START_TEST(a_big_value_may_take_more_steps)
{
	gk_schema *schema = compile_take(json("{'items':{'type':'integer'}}"));
	gk_auto_json json_t *value = json_array(), *one = json_integer(1);

	for (unsigned i = 0; i < GK_MAX_SCHEMA_STEPS + 10; i++)
		json_array_append(value, one);
	ck_assert(gk_schema_is_valid(schema, value, NULL));
	gk_schema_unref(schema);
}
END_TEST

START_TEST(hard_patterns_run_out_of_work)
{
	gk_schema *schema = compile_take(json("{'items':{'not':{'pattern':'^(a+)+$'}}}"));
	gk_auto_json json_t *hard = json_string("aaaaaaaaaaaaaaaaaab"), *value = json_array();

	/* None is too hard by itself, but all of them are. */
	for (unsigned i = 0; i < 60; i++)
		json_array_append(value, hard);
	assert_refuses(schema, value, "takes too long to match a pattern");
	gk_schema_unref(schema);
}
END_TEST

START_TEST(many_items_are_unique_in_linear_time)
{
	gk_schema *schema = compile_take(json("{'uniqueItems':true}"));
	gk_auto_json json_t *value = json_array(), *errors = NULL;

	for (unsigned i = 0; i < 50000; i++)
		json_array_append_new(value, json_pack("{s:[i]}", "n", i));
	ck_assert(gk_schema_is_valid(schema, value, NULL));
	json_array_append_new(value, json("{'n':[7]}"));
	ck_assert(!gk_schema_is_valid(schema, value, &errors));
	ck_assert_str_eq(gk_json_str_peek(errors, "[0].message"),
		"must NOT have duplicate items (items ## 7 and 50000 are identical)");
	gk_schema_unref(schema);
}
END_TEST

START_TEST(errors_stop_at_a_thousand)
{
	json_t *branches = json_array();
	gk_auto_json json_t *value = json_null(), *errors = NULL;
	gk_schema *schema;

	for (unsigned i = 0; i < GK_MAX_SCHEMA_ERRORS + 10; i++)
		json_array_append_new(branches, json_pack("{s:i}", "const", i));
	schema = compile_take(json_pack("{s:o}", "anyOf", branches));
	ck_assert(!gk_schema_is_valid(schema, value, &errors));
	ck_assert_uint_eq(json_array_size(errors), GK_MAX_SCHEMA_ERRORS);
	gk_schema_unref(schema);
}
END_TEST

START_TEST(a_schema_has_so_many_parts_at_most)
{
	gk_auto_error gk_error err = { 0 };
	json_t *branches = json_array();
	gk_auto_json json_t *schema_json = json_pack("{s:o}", "anyOf", branches);
	gk_schema *schema = NULL;

	for (unsigned i = 0; i < GK_MAX_SCHEMA_NODES; i++)
		json_array_append_new(branches, json_object());
	ck_assert_int_eq(gk_schema_compile(schema_json, NULL, NULL, &schema, &err), GK_INTERNAL);
	ck_assert_str_eq(err.message, "schema has too many parts");
}
END_TEST

START_TEST(a_huge_error_is_cut)
{
	gk_auto_error gk_error err = { 0 };
	gk_auto_str char *text = malloc(2 * GK_MAX_ERROR_MESSAGE);
	gk_auto_json json_t *value = NULL;
	gk_schema *schema = compile_take(json("{'type':'object'}"));

	memset(text, 'x', 2 * GK_MAX_ERROR_MESSAGE);
	value = json_pack("[i, s#]", 1, text, (int)(2 * GK_MAX_ERROR_MESSAGE));
	ck_assert_int_eq(gk_schema_check(schema, value, &err), GK_INVALID_ARGUMENT);
	ck_assert_uint_le(strlen(err.message), GK_MAX_ERROR_MESSAGE);
	ck_assert_ptr_nonnull(strstr(err.message, "- (root): must be object\n"));
	gk_schema_unref(schema);
}
END_TEST

/* --- stacks --- */

struct deep_work {
	gk_schema *schema;
	json_t *value, *errors;
};

static void *validate_deep(void *user)
{
	struct deep_work *work = user;

	gk_schema_is_valid(work->schema, work->value, &work->errors);
	return NULL;
}

static void run_on_fiber_stack(struct deep_work *work)
{
	pthread_attr_t attr;
	pthread_t thread;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, GK_FIBER_STACK);
	ck_assert_int_eq(pthread_create(&thread, &attr, validate_deep, work), 0);
	pthread_join(thread, NULL);
	pthread_attr_destroy(&attr);
}

START_TEST(the_deepest_validation_fits_a_fibers_stack)
{
	static const char *const schemas[] = {
		"{'$ref':'#'}",
		"{'properties':{'a':{'$ref':'#'}}}",
		"{'additionalProperties':{'anyOf':[{'type':'null'},{'$ref':'#'}]}}",
		"{'patternProperties':{'a':{'oneOf':[{'type':'null'},{'$ref':'#'}]}}}",
		"{'$schema':'https://json-schema.org/draft/2020-12/schema','$dynamicAnchor':'x',"
		"'unevaluatedProperties':{'$dynamicRef':'#x'}}",
		"{'dependencies':{'a':{'$ref':'#'}}}",
		"{'if':{'$ref':'#'},'then':{'$ref':'#'}}",
	};

	for (size_t i = 0; i < sizeof(schemas) / sizeof(schemas[0]); i++) {
		struct deep_work work = {
			compile_take(json(schemas[i])),
			nested("a", GK_JSON_MAX_DEPTH + 10, json_true()),
			NULL,
		};

		run_on_fiber_stack(&work);
		ck_assert_str_eq(gk_json_str_peek(work.errors, "[0].message"),
			"is nested too deeply to validate");
		gk_schema_unref(work.schema);
		json_decref(work.value);
		json_decref(work.errors);
	}
}
END_TEST

#define THREADS 4

START_TEST(threads_share_a_compiled_schema)
{
	struct deep_work work = {
		compile_take(json("{'properties':{'a':{'pattern':'^x+$','format':'regex'}},"
				  "'required':['a'],'additionalProperties':false}")),
		json("{'a':'xxx'}"),
		NULL,
	};
	pthread_t threads[THREADS];

	for (size_t i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, validate_deep, &work), 0);
	for (size_t i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	ck_assert_ptr_null(work.errors);
	gk_schema_unref(work.schema);
	json_decref(work.value);
}
END_TEST

/* --- memory --- */

static json_t *sample_schema, *sample_value;

static bool compile_and_check(void)
{
	gk_auto_error gk_error err = { 0 };
	gk_schema *schema = NULL;
	gk_code rc = gk_schema_compile(sample_schema, NULL, NULL, &schema, &err);

	if (rc == GK_OK)
		rc = gk_schema_check(schema, sample_value, &err);
	gk_schema_unref(schema);
	if (rc != GK_INVALID_ARGUMENT && rc != GK_RESOURCE_EXHAUSTED)
		abort();
	return rc == GK_INVALID_ARGUMENT && err.message && err.details;
}

START_TEST(running_out_of_memory_is_reported)
{
	sample_schema = json(
		"{'$id':'http://e/x','type':'object','properties':{'a':{'$ref':'y#/items'},"
		"'b':{'$ref':'#n'},'c':{'uniqueItems':true}},'patternProperties':{'^d':{'pattern':'x'}},"
		"'required':['a'],'dependencies':{'a':['b'],'b':{'minProperties':1}},"
		"'definitions':{'y':{'$id':'y','items':{'anyOf':[{'type':'null'},{'const':1}]}},"
		"'n':{'$id':'#n','items':[{}],'additionalItems':false}}}");
	sample_value = json("{'a':2,'b':[1],'c':[0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17]}");
	fault_sweep(compile_and_check);
	json_decref(sample_schema);
	json_decref(sample_value);
}
END_TEST

static bool compile_dynamic(void)
{
	gk_auto_error gk_error err = { 0 };
	gk_schema *schema = NULL;
	gk_code rc = gk_schema_compile(sample_schema, NULL, NULL, &schema, &err);

	gk_schema_unref(schema);
	if (rc != GK_OK && rc != GK_RESOURCE_EXHAUSTED)
		abort();
	return rc == GK_OK;
}

START_TEST(running_out_of_memory_with_2020_is_reported)
{
	sample_schema =
		json("{'$schema':'https://json-schema.org/draft/2020-12/schema','$id':'http://e/s',"
		     "'$dynamicAnchor':'n','$ref':'t','$defs':{'t':{'$id':'t','$dynamicAnchor':'n',"
		     "'prefixItems':[{}],'contains':{'$dynamicRef':'#n'},"
		     "'unevaluatedItems':false}}}");
	fault_sweep(compile_dynamic);
	json_decref(sample_schema);
}
END_TEST

/* --- the built-in ones --- */

START_TEST(built_in_schemas_compile_and_stay)
{
	static const char *const names[] = { "GenerateRequest", "GenerateResponse",
		"GenerateResponseChunk", "GenerateActionOptions", "Message", "Part",
		"ToolDefinition", "ModelInfo", "GenerationCommonConfig", "GenerationUsage",
		"MultipartToolResponse", "Operation", "RetrieverRequest", "RetrieverResponse",
		"IndexerRequest", "IndexerResponse", "RerankerRequest", "RerankerResponse",
		"EvaluatorRequest", "EvaluatorResponse", "EmbedRequest", "EmbedResponse",
		"ResourceInput", "ResourceOutput", "DapInput", "DapOutput", "void" };
	gk_auto_error gk_error err = { 0 };
	const gk_schema *schema = NULL, *again = NULL;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		ck_assert_msg(gk_builtin_schema_peek(names[i], &schema, &err) == GK_OK, "%s: %s",
			names[i], err.message);
		ck_assert_int_eq(gk_builtin_schema_peek(names[i], &again, NULL), GK_OK);
		ck_assert_ptr_eq(schema, again);
		ck_assert_ptr_eq(
			gk_builtin_schema_json_peek(names[i]), gk_schema_json_peek(schema));
	}
	ck_assert_int_eq(gk_builtin_schema_peek("Par", &again, &err), GK_INTERNAL);
	ck_assert_str_eq(err.message, "no built-in schema is called 'Par'");
	ck_assert_ptr_null(gk_builtin_schema_json_peek(""));
}
END_TEST

static Suite *schema_limits_suite(void)
{
	Suite *suite = suite_create("schema limits");
	TCase *tests = tcase_create("schema limits");

	/* First, while the meta-schemas have still to be made. */
	tcase_add_test(tests, running_out_of_memory_is_reported);
	tcase_add_test(tests, running_out_of_memory_with_2020_is_reported);
	tcase_add_test(tests, a_loop_of_references_ends);
	tcase_add_test(tests, depth_is_counted_in_subschemas);
	tcase_add_test(tests, a_schema_may_be_as_deep_as_json);
	tcase_add_test(tests, branches_of_branches_run_out_of_steps);
	tcase_add_test(tests, a_big_value_may_take_more_steps);
	tcase_add_test(tests, hard_patterns_run_out_of_work);
	tcase_add_test(tests, many_items_are_unique_in_linear_time);
	tcase_add_test(tests, errors_stop_at_a_thousand);
	tcase_add_test(tests, a_schema_has_so_many_parts_at_most);
	tcase_add_test(tests, a_huge_error_is_cut);
	tcase_add_test(tests, the_deepest_validation_fits_a_fibers_stack);
	tcase_add_test(tests, threads_share_a_compiled_schema);
	tcase_add_test(tests, built_in_schemas_compile_and_stay);
	suite_add_tcase(suite, tests);
	return suite;
}

UNIT_MAIN(schema_limits_suite)
