/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "core.h"

#include "base/limits.h"
#include "base/log.h"
#include "config.h"
#include "telemetry/span_logs.h"

#include <genkit/genkit.h>

static gk_span_logs logs;
static json_t *records; /* [{level, message, trace, attributes}] */

static void keep(const gk_log_record *record, void *user)
{
	(void)user;
	if (strcmp(record->component, "genkit") == 0)
		json_array_append_new(
			records, json_pack("{s:i, s:s, s:s, s:O}", "level", (int)record->level,
					 "message", record->message, "trace", record->trace_id,
					 "attributes", record->attributes));
}

static void setup(void)
{
	core_start();
	records = json_array();
	gk_log_set_sink(keep, NULL);
	gk_log_set_level(GK_LOG_INFO);
}

static void teardown(void)
{
	core_stop();
	gk_log_set_sink(NULL, NULL);
	json_decref(records);
}

static void observe(bool shows_io)
{
	gk_span_logs_init(&logs, shows_io);
	ck_assert(gk_app_add_observer(core_app, &logs.observer));
}

/* The attributes of the first record that begins so; NULL: there is none. */
static json_t *said(const char *message)
{
	json_t *record;
	size_t i;

	json_array_foreach (records, i, record)
		if (!strncmp(gk_json_str_peek(record, "message"), message, strlen(message)))
			return json_object_get(record, "attributes");
	return NULL;
}

static gk_code answer(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	(void)ctx;
	if (!json_object_get(input, "messages"))
		return gk_error_set(err, GK_UNAVAILABLE, "model is down");
	*ret = json_pack("{s:{s:s, s:[{s:s}]}, s:s}", "message", "role", "model", "content", "text",
		"hi", "finishReason", "stop");
	return GK_OK;
}

static gk_code ask(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	return gk_run_action(ctx, "/model/mock/m", input, ret, err);
}

static void define(void)
{
	core_model("mock/m", answer);
	core_flow("menu", ask, NULL);
}

static json_t *request(void)
{
	return json(
		"{'config':{'maxOutputTokens':7,'stopSequences':['x']},'messages':["
		"{'role':'system','content':[{'text':'be brief'}]},"
		"{'role':'user','content':[{'text':'look'},{'media':{'url':'data:image/png;base64,AAAA'}},"
		"{'media':{'url':'https://x/y.png'}},{'data':{'a':1}},"
		"{'toolRequest':{'name':'t','ref':'r','input':{'b':2}}},"
		"{'toolResponse':{'name':'t','output':'ok'}},{'custom':[3]},{}]}]}");
}

START_TEST(a_call_of_a_model_says_what_it_was_asked_with)
{
	observe(false);
	define();
	json_decref(core_run("/flow/menu", request()));
	assert_json(said("Config[menu > mock/m, mock/m]"),
		"{'path':'menu > mock/m','qualifiedPath':'/{menu,t:flow}/{mock/m,t:action,s:model}',"
		"'featureName':'menu','model':'mock/m','maxOutputTokens':7,'stopSequences':['x'],"
		"'source':'c','sourceVersion':'" PACKAGE_VERSION "'}");
	ck_assert_uint_eq(json_array_size(records), 1);
	ck_assert_str_eq(gk_json_str_peek(records, "[0].trace"),
		gk_json_str_peek(core_span("menu"), "trace"));
}
END_TEST

START_TEST(inputs_and_outputs_are_said_part_by_part_to_who_may_see_them)
{
	static const char *const parts[] = { "look",
		"data:image/png;base64,<sha256(63c1dd951ffedf6f7fd968ad4efa39b8ed584f162f46e715114ee184f8de9201)>",
		"https://x/y.png", "{\"a\":1}", "Tool request: t, ref: r, input: {\"b\":2}",
		"Tool response: t, ref: , output: ok", "[3]", "<unknown format>" };

	observe(true);
	define();
	json_decref(core_run("/flow/menu", request()));
	ck_assert_str_eq(
		gk_json_str_peek(said("Input[menu > mock/m, mock/m] (message 1 of 2)"), "content"),
		"be brief");
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		gk_auto_str char *message = NULL;
		json_t *fields;

		ck_assert_int_gt(
			asprintf(&message,
				"Input[menu > mock/m, mock/m] (part %zu of 8 in message 2 of 2)",
				i + 1),
			0);
		fields = said(message);
		ck_assert_ptr_nonnull(fields);
		ck_assert_str_eq(gk_json_str_peek(fields, "content"), parts[i]);
		ck_assert_str_eq(gk_json_str_peek(fields, "role"), "user");
		ck_assert_int_eq(gk_json_int_at(fields, "partIndex", -1), (int)i);
	}
	ck_assert_str_eq(
		gk_json_str_peek(said("Output[menu > mock/m, mock/m] "), "finishReason"), "stop");
	ck_assert_ptr_nonnull(said("Input[menu, menu]"));
	ck_assert_ptr_nonnull(
		strstr(gk_json_str_peek(said("Output[menu, menu]"), "content"), "hi"));
}
END_TEST

START_TEST(a_failure_is_said_where_it_began)
{
	observe(false);
	define();
	core_fail("/flow/menu", json("{}"), GK_UNAVAILABLE, NULL);
	ck_assert_uint_eq(json_array_size(records), 2); /* with Config */
	ck_assert_int_eq(gk_json_int_at(records, "[1].level", 0), GK_LOG_ERROR);
	ck_assert_str_eq(gk_json_str_peek(records, "[1].message"),
		"Error[menu > mock/m, 503] UNAVAILABLE: model is down");
	ck_assert_str_eq(gk_json_str_peek(records, "[1].attributes.name"), "503");
}
END_TEST

START_TEST(only_failures_are_said_where_errors_alone_are_logged)
{
	gk_log_set_level(GK_LOG_ERROR);
	observe(true);
	define();
	json_decref(core_run("/flow/menu", request()));
	ck_assert_uint_eq(json_array_size(records), 0);
	core_fail("/flow/menu", json("{}"), GK_UNAVAILABLE, NULL);
	ck_assert_uint_eq(json_array_size(records), 1);
	ck_assert_ptr_nonnull(said("Error[menu > mock/m, "));
}
END_TEST

START_TEST(what_people_made_of_answers_is_said)
{
	const gk_engagement e = { .size = sizeof(e),
		.name = "menu",
		.trace_id = "0af7651916cd43dd8448eb211c80319c",
		.span_id = "b7ad6b7169203331",
		.feedback = "negative",
		.text = "cold",
		.acceptance = "accepted" };

	observe(false);
	ck_assert_int_eq(gk_collect_engagement(core_app, &e, NULL), GK_OK);
	assert_json(
		said("UserFeedback[menu]"), "{'feedbackValue':'negative','textFeedback':'cold'}");
	assert_json(said("UserAcceptance[menu]"), "{'acceptanceValue':'accepted'}");
}
END_TEST

static char *long_text(size_t len)
{
	char *text = malloc(len + 1);

	memset(text, 'x', len);
	text[len] = '\0';
	return text;
}

START_TEST(what_is_long_is_cut)
{
	gk_auto_str char *content = long_text(GK_SPAN_LOG_CONTENT + 1);
	json_t *input = json_pack(
		"{s:[{s:s, s:[{s:s}]}]}", "messages", "role", "user", "content", "text", content);

	observe(true);
	define();
	json_decref(core_run("/flow/menu", input));
	ck_assert_uint_eq(strlen(gk_json_str_peek(said("Input[menu > mock/m"), "content")),
		GK_SPAN_LOG_CONTENT);
}
END_TEST

static gk_code nest(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	json_int_t left = json_integer_value(input);
	gk_auto_str char *name = long_text(GK_MAX_ACTION_NAME);
	gk_auto_json json_t *next = json_integer(left - 1);

	if (!left)
		return gk_error_set_plain(err, "%s", (const char *)gk_ctx_user(ctx));
	return gk_run_step(ctx, name, nest, gk_ctx_user(ctx), next, ret, err);
}

START_TEST(paths_and_messages_are_cut_too)
{
	gk_auto_str char *message = long_text(GK_SPAN_LOG_MESSAGE + 1);

	observe(false);
	core_flow("deep", nest, message);
	core_fail("/flow/deep", json_integer(10), GK_INTERNAL, NULL);
	ck_assert_uint_eq(json_array_size(records), 1);
	ck_assert_uint_eq(
		strlen(gk_json_str_peek(records, "[0].attributes.path")), GK_SPAN_LOG_PATH);
	ck_assert_uint_eq(
		strlen(gk_json_str_peek(records, "[0].attributes.message")), GK_SPAN_LOG_MESSAGE);
}
END_TEST

static json_t *question;

static bool logs_without_memory(void)
{
	return core_try("/flow/menu", question);
}

START_TEST(logging_survives_a_lack_of_memory)
{
	observe(true);
	define();
	question = request();
	fault_sweep(logs_without_memory);
	json_decref(question);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("span_logs");
	TCase *t = tcase_create("records of spans");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, a_call_of_a_model_says_what_it_was_asked_with);
	tcase_add_test(t, inputs_and_outputs_are_said_part_by_part_to_who_may_see_them);
	tcase_add_test(t, a_failure_is_said_where_it_began);
	tcase_add_test(t, only_failures_are_said_where_errors_alone_are_logged);
	tcase_add_test(t, what_people_made_of_answers_is_said);
	tcase_add_test(t, what_is_long_is_cut);
	tcase_add_test(t, paths_and_messages_are_cut_too);
	tcase_add_test(t, logging_survives_a_lack_of_memory);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(suite)
