/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* .prompt documents: places of mistakes, defaults, what is shared and what is not. */
#include "unit.h"

#include "base/limits.h"
#include "dotprompt/document.h"

static gk_engine *engine;

static void set_up(void)
{
	engine = gk_engine_new(NULL);
}

static void tear_down(void)
{
	engine = gk_engine_unref(engine);
}

static gk_prompt_document *parse(const char *source)
{
	gk_prompt_document *doc = NULL;

	ck_assert_int_eq(
		gk_prompt_document_parse(source, strlen(source), "a/b.prompt", &doc, NULL), GK_OK);
	return doc;
}

static void assert_refuses(const char *source, const char *begins_with)
{
	gk_auto_error gk_error err = { 0 };
	gk_prompt_document *doc = NULL;

	ck_assert_int_eq(gk_prompt_document_parse(source, strlen(source), "a/b.prompt", &doc, &err),
		GK_INVALID_ARGUMENT);
	ck_assert_msg(
		strncmp(err.message, begins_with, strlen(begins_with)) == 0, "%s", err.message);
	ck_assert_ptr_null(doc);
}

static void assert_check(const char *source, const char *message)
{
	gk_auto_error gk_error err = { 0 };
	gk_auto_prompt_document gk_prompt_document *doc = parse(source);

	ck_assert_int_eq(gk_prompt_document_check(doc, engine, &err), GK_INVALID_ARGUMENT);
	ck_assert_str_eq(err.message, message);
}

static void assert_messages(const char *source, const gk_prompt_data *data, const char *expected)
{
	gk_auto_error gk_error err = { 0 };
	gk_auto_prompt_document gk_prompt_document *doc = parse(source);
	gk_auto_json json_t *messages = NULL;
	gk_code rc = gk_prompt_document_messages(doc, engine, NULL, data, &messages, &err);

	ck_assert_msg(rc == GK_OK, "%s", err.message);
	assert_json(messages, expected);
}

START_TEST(broken_front_matter_is_an_error_with_its_place_in_the_file)
{
	assert_refuses("---\na: 1\nb: [\n---\nx\n", "a/b.prompt:");
	assert_refuses("# c\n\n---\na: 1\na: 2\n---\nx\n", "a/b.prompt:5:1: ");
	assert_refuses("---\r\nb: *nobody\r\n---\r\nx\r\n", "a/b.prompt:2:4: ");
}
END_TEST

START_TEST(a_mistake_in_the_template_has_its_place_in_the_file)
{
	assert_check("---\nmodel: m\n---\n\n  x {{zip 1}}\n",
		"a/b.prompt:5:5: You specified knownHelpersOnly, but used the unknown helper zip "
		"- 1:2");
	assert_check("a\nb {{zip 1}}", "a/b.prompt:2:3: You specified knownHelpersOnly, but used "
				       "the unknown helper zip - 2:2");
	assert_check("a\n{{#if ", "a/b.prompt:2:7: Parse error on line 2:\na{{#if \n-------^\n"
				  "Expecting 'CLOSE', got 'EOF'");
}
END_TEST

START_TEST(a_mistake_in_the_template_fails_only_what_needs_the_template)
{
	gk_auto_error gk_error err = { 0 };
	gk_auto_prompt_document gk_prompt_document *doc = parse("---\nmodel: m\n---\n{{#if}");
	gk_auto_json json_t *metadata = NULL, *messages = NULL;

	ck_assert_int_eq(gk_prompt_document_metadata(doc, engine, NULL, &metadata, &err), GK_OK);
	assert_json(
		metadata, "{'ext':{},'metadata':{},'config':{},'model':'m','raw':{'model':'m'}}");
	ck_assert_int_eq(gk_prompt_document_messages(doc, engine, NULL, NULL, &messages, &err),
		GK_INVALID_ARGUMENT);
	ck_assert_ptr_nonnull(strstr(err.message, "a/b.prompt:4:"));
}
END_TEST

START_TEST(a_mistake_while_rendering_has_its_place_in_the_file)
{
	gk_auto_error gk_error err = { 0 };
	gk_auto_prompt_document gk_prompt_document *doc = parse("---\na: 1\n---\nx\n{{> nope}}\n");
	gk_auto_json json_t *messages = NULL;

	ck_assert_int_eq(gk_prompt_document_messages(doc, engine, NULL, NULL, &messages, &err),
		GK_INVALID_ARGUMENT);
	ck_assert_str_eq(err.message, "a/b.prompt:5:1: The partial nope could not be found");
}
END_TEST

START_TEST(the_files_defaults_lie_under_the_input)
{
	gk_auto_json json_t *input = json("{'b':3,'c':null}"), *defaults = json("{'a':2,'b':2}");

	assert_messages("---\ninput:\n  default: {a: 1, b: 1, c: 1, d: 1}\n---\n"
			"{{a}}{{b}}{{c}}{{d}}",
		&(gk_prompt_data){ .input = input, .defaults = defaults },
		"[{'role':'user','content':[{'text':'231'}]}]");
}
END_TEST

START_TEST(an_input_without_defaults_is_not_copied)
{
	gk_auto_json json_t *input = json("{'a':1}"), *seen = NULL;
	gk_auto_prompt_document gk_prompt_document *doc = parse("x");

	ck_assert_int_eq(
		gk_prompt_document_input(doc, &(gk_prompt_data){ .input = input }, &seen, NULL),
		GK_OK);
	ck_assert_ptr_eq(seen, input);
}
END_TEST

START_TEST(a_template_sees_the_files_metadata_and_the_context)
{
	gk_auto_json json_t *context = json("{'auth':{'uid':'u1'}}"), *docs = json("['d']");

	assert_messages("---\nmodel: m\ninput: {schema: {a?: string}}\n---\n"
			"{{@metadata.prompt.model}} {{json @metadata.prompt.input}} "
			"{{@metadata.docs.[0]}} {{@auth.uid}}{{@nope}}",
		&(gk_prompt_data){ .context = context, .docs = docs },
		"[{'role':'user','content':[{'text':'m undefined d u1'}]}]");
}
END_TEST

START_TEST(a_context_key_hides_the_metadata)
{
	gk_auto_json json_t *context = json("{'metadata':'mine','root':{'x':1}}");

	assert_messages("{{@metadata}}{{@root.x}}", &(gk_prompt_data){ .context = context },
		"[{'role':'user','content':[{'text':'mine1'}]}]");
}
END_TEST

START_TEST(dashes_without_an_end_are_worth_a_warning)
{
	gk_auto_prompt_document gk_prompt_document *a = parse("---\nmodel: m\nHello\n");
	gk_auto_prompt_document gk_prompt_document *b = parse("----\nHello\n");
	gk_auto_prompt_document gk_prompt_document *c = parse("---\na: 1\n---\nHello\n");

	ck_assert(gk_prompt_document_lacks_front_matter(a));
	ck_assert(!gk_prompt_document_lacks_front_matter(b));
	ck_assert(!gk_prompt_document_lacks_front_matter(c));
}
END_TEST

static gk_code no_schema(const char *name, void *user, json_t **ret, gk_error *err)
{
	(void)user, (void)ret;
	return gk_error_set(err, GK_NOT_FOUND, "Schema '%s' not found", name);
}

START_TEST(what_the_schema_resolver_says_is_the_error)
{
	gk_auto_error gk_error err = { 0 };
	gk_auto_prompt_document gk_prompt_document *doc =
		parse("---\noutput: {schema: Recipe}\n---\nx");
	json_t *metadata = NULL;

	gk_engine_set_resolver(engine, &(gk_engine_resolver){ .schema = no_schema });
	ck_assert_int_eq(
		gk_prompt_document_metadata(doc, engine, NULL, &metadata, &err), GK_NOT_FOUND);
	ck_assert_str_eq(err.message, "Schema 'Recipe' not found");
	ck_assert_ptr_null(metadata);
}
END_TEST

START_TEST(a_schema_that_changes_is_seen)
{
	gk_auto_prompt_document gk_prompt_document *doc =
		parse("---\noutput: {schema: Recipe}\n---\nx");

	for (int i = 0; i < 2; i++) {
		gk_auto_json json_t *schema = json(i ? "{'type':'string'}" : "{'type':'null'}");
		gk_auto_json json_t *metadata = NULL;

		ck_assert_int_eq(gk_engine_set_schema(engine, "Recipe", schema, NULL), GK_OK);
		ck_assert_int_eq(
			gk_prompt_document_metadata(doc, engine, NULL, &metadata, NULL), GK_OK);
		ck_assert_ptr_eq(
			json_object_get(json_object_get(metadata, "output"), "schema"), schema);
	}
}
END_TEST

START_TEST(metadata_given_out_may_get_members_of_its_own)
{
	gk_auto_prompt_document gk_prompt_document *doc = parse("---\nmodel: m\n---\nx");

	for (int i = 0; i < 2; i++) {
		gk_auto_json json_t *metadata = NULL;

		ck_assert_int_eq(
			gk_prompt_document_metadata(doc, engine, NULL, &metadata, NULL), GK_OK);
		ck_assert_str_eq(gk_json_str_peek(metadata, "model"), "m");
		json_object_set_new(metadata, "model", json_string("other"));
	}
}
END_TEST

START_TEST(a_document_that_rests_wakes_as_what_it_was)
{
	static const char source[] = "# c\n---\nmodel: m\nx.y: 1\n---\n\n Hi {{name}}\n";
	gk_auto_prompt_document gk_prompt_document *doc = parse(source);
	gk_auto_json json_t *before = json_deep_copy(gk_prompt_document_parsed_peek(doc));
	gk_auto_json json_t *input = json("{'name':'Ada'}"), *messages = NULL;

	gk_prompt_document_rest(doc);
	ck_assert(json_equal(gk_prompt_document_parsed_peek(doc), before));
	gk_prompt_document_rest(doc);
	ck_assert_int_eq(gk_prompt_document_messages(doc, engine, NULL,
				 &(gk_prompt_data){ .input = input }, &messages, NULL),
		GK_OK);
	assert_json(messages, "[{'role':'user','content':[{'text':'Hi Ada'}]}]");
}
END_TEST

START_TEST(a_mistake_of_a_key_has_the_line_of_the_key)
{
	gk_auto_error gk_error err = { 0 };
	gk_auto_json json_t *metadata = NULL;
	gk_auto_prompt_document gk_prompt_document *doc =
		parse("---\nmodel: m\ninput: {schema: string}\noutput:\n  schema: Nobody\n---\nx");

	ck_assert_int_eq(gk_prompt_document_metadata(doc, engine, NULL, &metadata, &err),
		GK_INVALID_ARGUMENT);
	gk_prompt_document_key_mistake(doc, NULL, &err);
	ck_assert_ptr_nonnull(strstr(err.message, ":4:1: Picoschema: "));
}
END_TEST

START_TEST(a_document_has_an_end)
{
	gk_auto_error gk_error err = { 0 };
	gk_prompt_document *doc = NULL;

	ck_assert_int_eq(gk_prompt_document_parse("", GK_MAX_TEMPLATE + 1, "p", &doc, &err),
		GK_RESOURCE_EXHAUSTED);
	ck_assert_str_eq(err.message, "p: a prompt of more than 16777216 bytes");
}
END_TEST

static bool render_sample(void)
{
	static const char source[] =
		"---\nmodel: m\nconfig: {t: 1}\nx.y: 2\ntools: [t, u]\n"
		"input:\n  default: {a: 1}\n  schema: {a: integer, b?: S}\n---\n"
		"{{role \"system\"}}{{@metadata.prompt.model}}{{a}}{{b}}\n";
	gk_auto_error gk_error err = { 0 };
	gk_auto_engine gk_engine *own = gk_engine_new(NULL);
	gk_auto_prompt_document gk_prompt_document *doc = NULL;
	gk_auto_json json_t *rendered = NULL, *input = json_object(), *value = json_object();
	gk_prompt_data data = { .input = input };
	gk_code rc = own && input && value && json_object_set_new(input, "b", json_true()) == 0
			     ? gk_engine_set_schema(own, "S", value, &err)
			     : GK_RESOURCE_EXHAUSTED;

	if (rc == GK_OK)
		rc = gk_engine_set_tool(own, "t", value, &err);
	if (rc == GK_OK)
		rc = gk_prompt_document_parse(source, sizeof(source) - 1, NULL, &doc, &err);
	if (rc == GK_OK)
		gk_prompt_document_rest(doc);
	if (rc == GK_OK)
		rc = gk_prompt_document_render(doc, own, NULL, &data, &rendered, &err);
	if (rc != GK_OK && rc != GK_RESOURCE_EXHAUSTED)
		abort();
	return rc == GK_OK;
}

START_TEST(running_out_of_memory_is_reported)
{
	fault_sweep(render_sample);
}
END_TEST

static Suite *prompt_document_suite(void)
{
	Suite *suite = suite_create("prompt_document");
	TCase *tests = tcase_create("prompt_document");

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, broken_front_matter_is_an_error_with_its_place_in_the_file);
	tcase_add_test(tests, a_mistake_in_the_template_has_its_place_in_the_file);
	tcase_add_test(tests, a_mistake_in_the_template_fails_only_what_needs_the_template);
	tcase_add_test(tests, a_mistake_while_rendering_has_its_place_in_the_file);
	tcase_add_test(tests, the_files_defaults_lie_under_the_input);
	tcase_add_test(tests, an_input_without_defaults_is_not_copied);
	tcase_add_test(tests, a_template_sees_the_files_metadata_and_the_context);
	tcase_add_test(tests, a_context_key_hides_the_metadata);
	tcase_add_test(tests, dashes_without_an_end_are_worth_a_warning);
	tcase_add_test(tests, what_the_schema_resolver_says_is_the_error);
	tcase_add_test(tests, a_schema_that_changes_is_seen);
	tcase_add_test(tests, metadata_given_out_may_get_members_of_its_own);
	tcase_add_test(tests, a_document_that_rests_wakes_as_what_it_was);
	tcase_add_test(tests, a_mistake_of_a_key_has_the_line_of_the_key);
	tcase_add_test(tests, a_document_has_an_end);
	tcase_add_test(tests, running_out_of_memory_is_reported);
	suite_add_tcase(suite, tests);
	return suite;
}

UNIT_MAIN(prompt_document_suite)
