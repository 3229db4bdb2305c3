/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* genkitctl test-model: which cases there are, and what holds an answer to them. */
#include "folder.h"
#include "unit.h"

#include "base/limits.h"
#include "ctl/model_checks.h"
#include "ctl/test_model.h"

#include <unistd.h>

#define MODEL(parts) "{'message':{'role':'model','content':[" parts "]}}"
#define TOOL         "{'toolRequest':{'name':'weather'}}"
#define CHUNK(parts) "{'content':[" parts "]}"

static const struct {
	const char *validator, *response, *chunks;
	const char *failure; /* NULL: it is so */
} answers[] = {
	{ "has-tool-request", MODEL(TOOL), "[]", NULL },
	{ "has-tool-request:weather", MODEL("{'text':'x'}," TOOL), "[]", NULL },
	{ "has-tool-request:news", MODEL(TOOL), "[]", "it asks for another tool: weather" },
	{ "has-tool-request", MODEL("{'text':'no'}"), "[]", "it asks for no tool: no" },
	{ "has-tool-request", "{}", "[]", "it asks for no tool" },
	{ "valid-json", MODEL("{'text':'{\\'a\\':1}'}"), "[]", NULL },
	{ "valid-json", MODEL("{'text':'{'}"), "[]", "its text is no JSON: {" },
	{ "valid-json", MODEL(TOOL), "[]", "it has no text" },
	{ "text-includes:soup", MODEL("{'text':'Soup.'}"), "[]", NULL },
	{ "text-includes:a:b", MODEL("{'text':'a:b'}"), "[]", NULL },
	{ "text-includes:soup", MODEL("{'text':'stew'}"), "[]", "its text does not say so: stew" },
	{ "text-includes:soup", "{'candidates':[{'message':{'content':[{'text':'soup'}]}}]}", "[]",
		NULL },
	{ "text-starts-with:R:", MODEL("{'text':' R: x'}"), "[]", NULL },
	{ "text-starts-with:R:", MODEL("{'text':'x R:'}"), "[]",
		"its text begins otherwise: x R:" },
	{ "text-not-empty", MODEL("{'text':'x'}"), "[]", NULL },
	{ "text-not-empty", MODEL("{'text':' \\n'}"), "[]", "it has no text" },
	{ "stream-text-includes:ab", MODEL(""),
		"[" CHUNK("{'text':'a'}") "," CHUNK("{'text':'b'}") "]", NULL },
	{ "stream-text-includes:x", MODEL(""), "[]", "it streams nothing" },
	{ "stream-text-includes:x", MODEL(""), "[" CHUNK("{'text':'a'}") "]",
		"what it streams does not say so: a" },
	{ "stream-has-tool-request:weather", MODEL(TOOL), "[" CHUNK(TOOL) "]", NULL },
	{ "stream-has-tool-request", MODEL(TOOL), "[" CHUNK("{'text':'a'}") "]",
		"it streams no request for a tool: a" },
	{ "stream-valid-json", MODEL(""), "[" CHUNK("{'text':'['}") "," CHUNK("{'text':']'}") "]",
		NULL },
	{ "stream-valid-json", MODEL(""), "[" CHUNK(TOOL) "]", "it has no text" },
	{ "valid-media:image", MODEL("{'media':{'url':'data:image/png;base64,AA=='}}"), "[]",
		NULL },
	{ "valid-media:image", MODEL("{'media':{'url':'https://a/b','contentType':'image/gif'}}"),
		"[]", NULL },
	{ "valid-media:image", MODEL("{'media':{'url':'data:audio/wav;base64,AA=='}}"), "[]",
		"its medium is of another type: audio/wav;base64,AA==" },
	{ "valid-media", MODEL("{'media':{'url':'here'}}"), "[]",
		"its medium has an address that is none: here" },
	{ "valid-media", MODEL(TOOL), "[]", "it has no medium" },
	{ "reasoning", MODEL("{'reasoning':'hm'}"), "[]", NULL },
	{ "reasoning", MODEL("{'text':'x'}"), "[]", "it tells no reasoning: x" },
	{ "text-include:x", MODEL("{'text':'x'}"), "[]",
		"there is no validator 'text-include:x'; did you mean 'text-includes'?" },
};

START_TEST(an_answer_is_held_to_what_is_said_of_it)
{
	gk_auto_json json_t *response = json(answers[_i].response);
	gk_auto_json json_t *chunks = json(answers[_i].chunks);
	gk_auto_error gk_error err = { 0 };
	gk_code rc = gk_model_check(answers[_i].validator, response, chunks, &err);

	if (answers[_i].failure)
		ck_assert_str_eq(err.message, answers[_i].failure);
	else if (rc != GK_OK)
		ck_abort_msg("%s: %s", answers[_i].validator, err.message);
}
END_TEST

/* The names of the cases of a suite, commas between. */
static void assert_cases(const char *suite_text, const char *info_text, const char *expected)
{
	gk_auto_json json_t *suite = json(suite_text), *info = json(info_text), *cases = NULL;
	char names[1024] = "";
	json_t *one;
	size_t i;

	ck_assert_int_eq(gk_model_suite_cases(suite, info, &cases, NULL), GK_OK);
	json_array_foreach (cases, i, one) {
		strcat(names, i ? "," : "");
		strcat(names, gk_json_str_peek(one, "name"));
		ck_assert_uint_gt(json_array_size(json_object_get(one, "validators")), 0);
		ck_assert_ptr_nonnull(json_object_get(one, "input"));
	}
	ck_assert_str_eq(names, expected);
}

START_TEST(what_a_model_says_it_cannot_do_is_not_asked_of_it)
{
	assert_cases("{'model':'m'}", "{'supports':{'media':false,'tools':false}}",
		"structured-output,streaming-structured-output,multiturn,streaming-multiturn,system-role");
	assert_cases("{'model':'m','supports':['reasoning','tool-request']}",
		"{'supports':{'tools':false}}", "reasoning,tool-request");
	assert_cases(
		"{'model':'m','tests':[{'name':'mine','input':{},'validators':['reasoning']}]}",
		"{}", "mine");
}
END_TEST

static gk_code suites(gk_ctl_options options, json_t **ret, gk_error *err)
{
	gk_error_clear(err);
	return gk_model_suites(&options, ret, err);
}

START_TEST(suites_are_said_or_read_from_a_file)
{
	gk_auto_json json_t *one = NULL, *file = NULL, *none = NULL, *unknown = NULL, *cases = NULL;
	gk_auto_error gk_error err = { 0 };

	folder_make();
	folder_put("m.yaml", "- model: a/b\n  supports: [multiturn]\n");
	folder_put("n.yaml", "- supports: []\n");
	ck_assert_int_eq(suites((gk_ctl_options){ .words = { "a/b" },
					.word_count = 1,
					.supports = "multiturn, reasoning" },
				 &one, &err),
		GK_OK);
	assert_json(one, "[{'model':'a/b','supports':['multiturn','reasoning']}]");
	ck_assert_int_eq(suites((gk_ctl_options){ .from_file = "m.yaml" }, &file, &err), GK_OK);
	assert_json(file, "[{'model':'a/b','supports':['multiturn']}]");
	ck_assert_int_eq(suites((gk_ctl_options){ .from_file = "n.yaml" }, &none, &err),
		GK_INVALID_ARGUMENT);
	ck_assert_str_eq(err.message, "suite 0 of the file names no model");
	ck_assert_int_eq(
		suites((gk_ctl_options){ .from_file = "o.yaml" }, &none, &err), GK_NOT_FOUND);
	ck_assert_int_eq(truncate("m.yaml", GK_MAX_YAML_TEXT + 1), 0);
	ck_assert_int_eq(suites((gk_ctl_options){ .from_file = "m.yaml" }, &none, &err),
		GK_RESOURCE_EXHAUSTED);
	ck_assert_int_eq(suites((gk_ctl_options){ 0 }, &none, &err), GK_INVALID_ARGUMENT);
	ck_assert_str_eq(err.message, "test-model: the name of a model, or --from-file FILE");
	folder_drop();
	gk_error_clear(&err);
	unknown = json("{'model':'m','supports':['multitum']}");
	ck_assert_int_eq(gk_model_suite_cases(unknown, NULL, &cases, &err), GK_INVALID_ARGUMENT);
	ck_assert_str_eq(err.message, "there is no case 'multitum'; did you mean 'multiturn'?");
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("model_cases");
	TCase *t = tcase_create("model_cases");

	tcase_add_loop_test(t, an_answer_is_held_to_what_is_said_of_it, 0,
		(int)(sizeof(answers) / sizeof(answers[0])));
	tcase_add_test(t, what_a_model_says_it_cannot_do_is_not_asked_of_it);
	tcase_add_test(t, suites_are_said_or_read_from_a_file);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(suite)
