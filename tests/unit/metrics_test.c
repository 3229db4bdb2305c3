/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "core.h"

#include "base/limits.h"
#include "telemetry/otlp_metrics.h"
#include "telemetry/span_metrics.h"

#include <genkit/genkit.h>
#include <stdio.h>

static gk_metrics *metrics;
static gk_span_metrics spans;

static void setup(void)
{
	core_start();
	metrics = gk_metrics_new();
	ck_assert_ptr_nonnull(metrics);
	gk_span_metrics_init(&spans, metrics);
	ck_assert(gk_app_add_observer(core_app, &spans.observer));
}

static void teardown(void)
{
	core_stop();
	gk_span_metrics_done(&spans);
	gk_metrics_free(metrics);
}

/* The text of all; freed by the next call. */
static const char *page(void)
{
	static gk_buf buf;

	gk_buf_done(&buf);
	gk_span_metrics_catch_up();
	gk_metrics_append_text(metrics, &buf);
	return buf.data ? buf.data : "";
}

static void assert_line(const char *line)
{
	gk_auto_str char *whole = NULL;

	ck_assert_int_ge(asprintf(&whole, "\n%s\n", line), 0);
	ck_assert_msg(strstr(page(), whole), "no line '%s' in:\n%s", line, page());
}

/* A flow that took no time is over. */
static void end_flow(void)
{
	const gk_span span = {
		.name = "f", .type = "action", .subtype = "flow", .state = GK_SPAN_OK
	};

	spans.observer.ended(&span, spans.observer.user);
}

static uint64_t flows_counted(void)
{
	const gk_series *s = gk_metrics_series(metrics, GK_METRIC_ACTION_SECONDS);

	return s ? s->count : 0;
}

/* The series of a metric whose first label is that; fails the test when there is none. */
static const gk_series *series(gk_metric metric, const char *first)
{
	const gk_series *s;

	gk_span_metrics_catch_up();
	s = gk_metrics_series(metrics, metric);
	while (s && strcmp(s->labels[0], first) != 0)
		s = s->next;
	ck_assert_msg(s, "no series of %s for %s", gk_metric_types[metric].name, first);
	return s;
}

/* --- text --- */

START_TEST(counters_and_gauges_are_lines_with_their_labels)
{
	gk_metrics_add(
		metrics, GK_METRIC_ACTIONS, (const char *[]){ "flow", "a\"b\\c\nd", "success" }, 2);
	gk_metrics_add(
		metrics, GK_METRIC_ACTIONS, (const char *[]){ "flow", "a\"b\\c\nd", "success" }, 1);
	gk_metrics_set(metrics, GK_METRIC_FIBERS, (const char *[]){ NULL }, 7);
	gk_metrics_add(metrics, GK_METRIC_MODEL_REQUESTS,
		(const char *[]){ "m", "f", "success", NULL }, 1);
	assert_line("# TYPE genkitd_actions_total counter");
	assert_line(
		"genkitd_actions_total{type=\"flow\",name=\"a\\\"b\\\\c\\nd\",status=\"success\"} 3");
	assert_line("genkitd_fibers 7");
	assert_line("genkitd_model_requests_total{model=\"m\",feature=\"f\",status=\"success\"} 1");
}
END_TEST

START_TEST(a_histogram_counts_up_to_each_of_its_bounds)
{
	const char *labels[] = { "m" };

	gk_metrics_observe(metrics, GK_METRIC_MODEL_SECONDS, labels, 0.001);
	gk_metrics_observe(metrics, GK_METRIC_MODEL_SECONDS, labels, 0.3);
	gk_metrics_observe(metrics, GK_METRIC_MODEL_SECONDS, labels, 1000);
	assert_line("genkitd_model_latency_seconds_bucket{model=\"m\",le=\"0.001\"} 1");
	assert_line("genkitd_model_latency_seconds_bucket{model=\"m\",le=\"0.25\"} 1");
	assert_line("genkitd_model_latency_seconds_bucket{model=\"m\",le=\"0.5\"} 2");
	assert_line("genkitd_model_latency_seconds_bucket{model=\"m\",le=\"300\"} 2");
	assert_line("genkitd_model_latency_seconds_bucket{model=\"m\",le=\"+Inf\"} 3");
	assert_line("genkitd_model_latency_seconds_sum{model=\"m\"} 1000.301");
	assert_line("genkitd_model_latency_seconds_count{model=\"m\"} 3");
}
END_TEST

START_TEST(labels_that_differ_a_little_are_counted_apart)
{
	static const char *const labels[][3] = { { "a", "b", "c" }, { "a", "b", NULL },
		{ "a", NULL, "c" }, { "a", "b", "cc" }, { NULL, NULL, NULL }, { "", "", "" } };
	unsigned count = 0;

	for (unsigned round = 0; round < 2; round++)
		for (size_t i = 0; i < sizeof(labels) / sizeof(labels[0]); i++)
			for (unsigned n = 0; n < 2; n++)
				gk_metrics_add(metrics, GK_METRIC_ACTIONS, labels[i], 1);
	for (const gk_series *s = gk_metrics_series(metrics, GK_METRIC_ACTIONS); s; s = s->next) {
		ck_assert_double_eq(s->value, s->labels[0] && *s->labels[0] ? 4 : 8);
		count++;
	}
	ck_assert_uint_eq(count, 5);
}
END_TEST

START_TEST(what_is_beyond_the_most_series_counts_as_other)
{
	char name[16];

	for (int i = 0; i < GK_MAX_METRIC_SERIES + 10; i++) {
		snprintf(name, sizeof(name), "n%d", i);
		gk_metrics_add(
			metrics, GK_METRIC_ACTIONS, (const char *[]){ "flow", name, "success" }, 1);
	}
	assert_line("genkitd_actions_total{type=\"other\",name=\"other\",status=\"other\"} 10");
	assert_line("genkitd_actions_total{type=\"flow\",name=\"n499\",status=\"success\"} 1");
	ck_assert_ptr_null(strstr(page(), "n500\""));
}
END_TEST

START_TEST(a_long_label_is_cut)
{
	gk_auto_buf gk_buf name = GK_BUF_INIT(0);
	const gk_series *s;

	for (int i = 0; i < GK_MAX_METRIC_LABEL; i++)
		gk_buf_puts(&name, "\xc3\xa4");
	gk_metrics_add(metrics, GK_METRIC_ACTIONS, (const char *[]){ name.data, "n", "s" }, 1);
	s = gk_metrics_series(metrics, GK_METRIC_ACTIONS);
	ck_assert_uint_eq(strlen(s->labels[0]), GK_MAX_METRIC_LABEL);
}
END_TEST

/* --- out of spans --- */

static gk_code answer(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	(void)ctx, (void)input, (void)err;
	*ret = json(
		"{'latencyMs':120,'usage':{'inputTokens':12,'outputTokens':8,'thoughtsTokens':3,"
		"'inputAudio':1,'outputImages':0}}");
	return GK_OK;
}

static gk_code call_model(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	return gk_run_action(ctx, "/model/mock/m", input, ret, err);
}

static void define_model(void)
{
	core_model("mock/m", answer);
	core_flow("asker", call_model, NULL);
}

START_TEST(tokens_are_counted_by_model_and_direction)
{
	define_model();
	json_decref(core_run("/flow/asker", json_true()));
	assert_line("genkitd_model_tokens_total{model=\"mock/m\",direction=\"input\"} 12");
	assert_line("genkitd_model_tokens_total{model=\"mock/m\",direction=\"output\"} 8");
	assert_line("genkitd_model_tokens_total{model=\"mock/m\",direction=\"thinking\"} 3");
	assert_line(
		"genkitd_model_media_total{model=\"mock/m\",direction=\"input\",kind=\"audio\"} 1");
	assert_line("genkitd_model_latency_seconds_sum{model=\"mock/m\"} 0.12");
	ck_assert_ptr_null(strstr(page(), "kind=\"image\""));
}
END_TEST

static gk_code look_after_model(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	gk_code rc = call_model(ctx, input, ret, err);

	ck_assert_ptr_null(gk_metrics_series(metrics, GK_METRIC_MODEL_TOKENS));
	ck_assert_ptr_null(gk_metrics_series(metrics, GK_METRIC_ACTIONS));
	assert_line("genkitd_actions_in_flight{type=\"model\"} 0");
	assert_line("genkitd_actions_in_flight{type=\"flow\"} 1");
	ck_assert_ptr_nonnull(gk_metrics_series(metrics, GK_METRIC_MODEL_TOKENS));
	ck_assert_ptr_nonnull(gk_metrics_series(metrics, GK_METRIC_ACTIONS));
	return rc;
}

START_TEST(nobody_waits_for_what_is_counted_of_an_answer)
{
	core_model("mock/m", answer);
	core_flow("looker", look_after_model, NULL);
	json_decref(core_run("/flow/looker", json_true()));
	json_decref(core_run("/model/mock/m", json_true()));
	ck_assert(series(GK_METRIC_MODEL_SECONDS, "mock/m")->count == 2);
	ck_assert(series(GK_METRIC_FEATURE_SECONDS, "looker")->count == 1);
	assert_line("genkitd_actions_in_flight{type=\"flow\"} 0");
}
END_TEST

#define MANY 1000 /* their counts need more than may be put off */

static gk_code call_often(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	for (int i = 0; i < MANY; i++)
		ck_assert_int_eq(gk_run_action(ctx, "/model/mock/m", input, NULL, err), GK_OK);
	ck_assert(gk_metrics_series(metrics, GK_METRIC_ACTION_SECONDS)->count < MANY);
	ck_assert(gk_metrics_series(metrics, GK_METRIC_ACTION_SECONDS)->count > MANY / 10);
	return core_echo(ctx, input, ret, err);
}

START_TEST(only_so_much_is_left_to_be_counted)
{
	core_model("mock/m", answer);
	core_flow("busy", call_often, NULL);
	json_decref(core_run("/flow/busy", json_true()));
	ck_assert_uint_eq(series(GK_METRIC_MODEL_SECONDS, "mock/m")->count, MANY);
	ck_assert(series(GK_METRIC_INPUT_TOKENS, "mock/m")->value > 12 * MANY - 0.5);
	assert_line("genkitd_actions_in_flight{type=\"model\"} 0");
}
END_TEST

START_TEST(what_there_is_no_memory_to_put_off_is_counted_at_once)
{
	bool had_none;

	end_flow();
	gk_span_metrics_done(&spans); /* its series are there, its memory is not */
	fault_after(1);
	end_flow();
	had_none = fault_happened();
	fault_after(0);
	ck_assert(had_none);
	ck_assert_uint_eq(flows_counted(), 2);
}
END_TEST

static json_t *used;
static bool lacks_path;

static bool end_model(void)
{
	const gk_span span = { .name = "m",
		.type = "action",
		.subtype = "model",
		.path = "/{f,t:flow}/{m,t:action}",
		.input = used,
		.output = used,
		.state = GK_SPAN_OK };

	spans.observer.ended(&span, spans.observer.user);
	gk_span_metrics_catch_up();
	for (const gk_series *s = gk_metrics_series(metrics, GK_METRIC_INPUT_TOKENS); s;
		s = s->next)
		lacks_path |= !s->labels[2];
	return true;
}

START_TEST(tokens_are_counted_for_their_path_or_not_at_all)
{
	used = json("{'usage':{'inputTokens':3}}");
	lacks_path = false;
	fault_sweep_passing(end_model);
	json_decref(used);
	ck_assert(!lacks_path);
	ck_assert(series(GK_METRIC_INPUT_TOKENS, "m")->value > 2.5);
}
END_TEST

START_TEST(what_is_put_off_is_counted_before_it_is_too_late)
{
	end_flow();
	ck_assert_uint_eq(flows_counted(), 0);
	gk_span_metrics_done(&spans);
	ck_assert_uint_eq(flows_counted(), 1);
}
END_TEST

static gk_code step_with_long_name(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	gk_auto_str char *name = calloc(1, GK_MAX_LATE_COUNTS + 1);
	gk_code rc;

	ck_assert_ptr_nonnull(name);
	memset(name, 'n', GK_MAX_LATE_COUNTS);
	rc = gk_run_step(ctx, name, call_model, NULL, input, ret, err);
	ck_assert_ptr_nonnull(gk_metrics_series(metrics, GK_METRIC_GENERATE_REQUESTS));
	return rc;
}

START_TEST(a_model_under_an_endless_path_is_counted_at_once)
{
	core_model("mock/m", answer);
	core_flow("winding", step_with_long_name, NULL);
	json_decref(core_run("/flow/winding", json_true()));
	ck_assert_uint_eq(series(GK_METRIC_MODEL_SECONDS, "mock/m")->count, 1);
	ck_assert_uint_eq(strlen(series(GK_METRIC_GENERATE_REQUESTS, "mock/m")->labels[2]),
		GK_MAX_METRIC_LABEL);
}
END_TEST

START_TEST(genkits_own_metrics_tell_the_feature_and_the_path)
{
	const gk_series *s;

	define_model();
	json_decref(core_run("/flow/asker", json_true()));
	s = series(GK_METRIC_GENERATE_REQUESTS, "mock/m");
	ck_assert_str_eq(s->labels[1], "asker");
	ck_assert_str_eq(s->labels[2], "/{asker,t:flow}/{mock/m,t:action,s:model}");
	ck_assert_str_eq(s->labels[5], "success");
	ck_assert(series(GK_METRIC_INPUT_TOKENS, "mock/m")->value > 11.5);
	ck_assert(series(GK_METRIC_GENERATE_LATENCY, "mock/m")->value > 119);
	ck_assert_uint_eq(series(GK_METRIC_LATENCY, "asker")->count, 1);
	ck_assert_ptr_null(strstr(page(), "genkit/"));
}
END_TEST

START_TEST(a_model_called_from_outside_is_a_feature_and_not_a_part_of_one)
{
	define_model();
	json_decref(core_run("/model/mock/m", json_true()));
	series(GK_METRIC_REQUESTS, "mock/m");
	ck_assert_ptr_null(gk_metrics_series(metrics, GK_METRIC_GENERATE_REQUESTS));
	assert_line("genkitd_model_requests_total{model=\"mock/m\",feature=\"mock/m\","
		    "status=\"success\"} 1");
}
END_TEST

static gk_code find_nothing(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	(void)ctx, (void)input, (void)ret;
	return gk_error_set(err, GK_NOT_FOUND, "nothing");
}

static gk_code step_fails(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	return gk_run_step(ctx, "bad", find_nothing, NULL, input, ret, err);
}

START_TEST(a_failure_is_counted_where_it_began)
{
	const gk_series *s;

	core_flow("failing", step_fails, NULL);
	core_fail("/flow/failing", NULL, GK_NOT_FOUND, NULL);
	s = series(GK_METRIC_PATH_REQUESTS, "failing");
	ck_assert_str_eq(s->labels[2], "404");
	ck_assert_str_eq(s->labels[3], "/{failing,t:flow}/{bad,t:flowStep}");
	assert_line("genkitd_actions_total{type=\"flow\",name=\"failing\",status=\"error\"} 1");
	assert_line("genkitd_failure_paths_total{feature=\"failing\",error=\"404\"} 1");
	ck_assert_str_eq(series(GK_METRIC_REQUESTS, "failing")->labels[4], "404");
}
END_TEST

START_TEST(what_goes_on_is_a_gauge_and_what_was_cancelled_is_said)
{
	gk_run *run;

	core_flow("sleepy", core_sleep, NULL);
	run = core_begin(GK_OPTS(gk_run_opts, .key = "/flow/sleepy"));
	assert_line("genkitd_actions_in_flight{type=\"flow\"} 1");
	gk_run_cancel(run, GK_CANCELLED);
	core_finish(run);
	gk_run_unref(run);
	assert_line("genkitd_actions_in_flight{type=\"flow\"} 0");
	assert_line("genkitd_actions_total{type=\"flow\",name=\"sleepy\",status=\"cancelled\"} 1");
}
END_TEST

START_TEST(what_people_made_of_answers_is_counted)
{
	const gk_engagement e = { .size = sizeof(e),
		.name = "menu",
		.trace_id = "0af7651916cd43dd8448eb211c80319c",
		.span_id = "b7ad6b7169203331",
		.feedback = "negative",
		.acceptance = "accepted" };

	ck_assert_int_eq(gk_collect_engagement(core_app, &e, NULL), GK_OK);
	assert_line(
		"genkitd_engagement_total{feature=\"menu\",kind=\"feedback\",value=\"negative\"} 1");
	ck_assert_str_eq(series(GK_METRIC_FEEDBACK, "menu")->labels[2], "false");
	ck_assert_str_eq(series(GK_METRIC_ACCEPTANCE, "menu")->labels[1], "accepted");
}
END_TEST

/* --- OTLP --- */

START_TEST(genkits_own_metrics_leave_as_sums_and_histograms)
{
	gk_auto_buf gk_buf body = GK_BUF_INIT(0);
	gk_auto_json json_t *request = NULL, *sum = NULL;
	GkOtlp__Resource resource = GK_OTLP__RESOURCE__INIT;
	gk_otlp_item *item;
	gk_sender_item *items[1];
	json_t *list, *one;
	size_t i;

	define_model();
	json_decref(core_run("/flow/asker", json_true()));
	gk_span_metrics_catch_up();
	item = gk_otlp_metrics_item(metrics, false, 1, 2);
	ck_assert_ptr_nonnull(item);
	items[0] = &item->item;
	ck_assert(gk_otlp_pack(&body, GK_OTLP_JSON, GK_OTLP_METRICS, &resource, items, 1));
	ck_assert_int_eq(gk_json_parse(body.data, body.len, 0, &request, NULL), GK_OK);
	list = gk_json_at_peek(request, "resourceMetrics[0].scopeMetrics[0].metrics");
	json_array_foreach (list, i, one)
		if (!strcmp(gk_json_str_peek(one, "name"), "genkit/ai/generate/input/tokens"))
			sum = json_incref(json_object_get(one, "sum"));
	ck_assert_ptr_nonnull(sum);
	ck_assert_int_eq(gk_json_int_at(sum, "aggregationTemporality", 0), 2);
	ck_assert(gk_json_bool_at(sum, "isMonotonic", false));
	ck_assert_str_eq(gk_json_str_peek(sum, "dataPoints[0].asInt"), "12");
	ck_assert_str_eq(gk_json_str_peek(sum, "dataPoints[0].startTimeUnixNano"), "1");
	ck_assert_str_eq(
		gk_json_str_peek(sum, "dataPoints[0].attributes[0].value.stringValue"), "mock/m");
	gk_otlp_item_free(&item->item);
}
END_TEST

static json_t *told_deltas(uint64_t now_ns)
{
	gk_auto_buf gk_buf body = GK_BUF_INIT(0);
	GkOtlp__Resource resource = GK_OTLP__RESOURCE__INIT;
	gk_otlp_item *item = gk_otlp_metrics_item(metrics, true, 1, now_ns);
	gk_sender_item *items[1] = { &item->item };
	json_t *request = NULL, *list, *one, *kept = json_object();
	size_t i;

	ck_assert_ptr_nonnull(item);
	ck_assert(gk_otlp_pack(&body, GK_OTLP_JSON, GK_OTLP_METRICS, &resource, items, 1));
	ck_assert_int_eq(gk_json_parse(body.data, body.len, 0, &request, NULL), GK_OK);
	list = gk_json_at_peek(request, "resourceMetrics[0].scopeMetrics[0].metrics");
	json_array_foreach (list, i, one)
		json_object_set(kept, gk_json_str_peek(one, "name"), one);
	json_decref(request);
	gk_otlp_item_free(&item->item);
	gk_metrics_mark(metrics, now_ns);
	return kept;
}

START_TEST(deltas_tell_what_has_come_since_the_last_report)
{
	const char *const fast[] = { "f", "success", "c", "1", NULL };
	const char *const slow[] = { "g", "success", "c", "1", NULL };
	gk_auto_json json_t *first = NULL, *second = NULL;
	json_t *point;

	gk_metrics_add(metrics, GK_METRIC_REQUESTS, fast, 3);
	gk_metrics_add(metrics, GK_METRIC_REQUESTS, slow, 1);
	gk_metrics_observe(metrics, GK_METRIC_LATENCY, fast, 7);
	first = told_deltas(10);
	point = gk_json_at_peek(json_object_get(first, "genkit/feature/requests"), "sum");
	ck_assert_int_eq(gk_json_int_at(point, "aggregationTemporality", 0), 1);
	ck_assert_uint_eq(json_array_size(json_object_get(point, "dataPoints")), 2);
	gk_metrics_add(metrics, GK_METRIC_REQUESTS, fast, 2);
	gk_metrics_observe(metrics, GK_METRIC_LATENCY, fast, 30);
	second = told_deltas(20);
	point = gk_json_at_peek(json_object_get(second, "genkit/feature/requests"), "sum");
	ck_assert_uint_eq(json_array_size(json_object_get(point, "dataPoints")), 1);
	ck_assert_str_eq(gk_json_str_peek(point, "dataPoints[0].asInt"), "2");
	ck_assert_str_eq(gk_json_str_peek(point, "dataPoints[0].startTimeUnixNano"), "10");
	point = gk_json_at_peek(
		json_object_get(second, "genkit/feature/latency"), "histogram.dataPoints[0]");
	ck_assert_str_eq(gk_json_str_peek(point, "count"), "1");
	ck_assert(gk_json_real_at(point, "sum", 0) == 30);
	ck_assert_str_eq(gk_json_str_peek(point, "bucketCounts[1]"), "0");
	ck_assert_str_eq(gk_json_str_peek(point, "bucketCounts[3]"), "1");
	ck_assert_ptr_null(json_object_get(point, "max"));
	ck_assert_ptr_null(gk_otlp_metrics_item(metrics, true, 1, 30));
}
END_TEST

START_TEST(without_anything_to_tell_nothing_leaves)
{
	ck_assert_ptr_null(gk_otlp_metrics_item(metrics, false, 1, 2));
}
END_TEST

static bool lacks_labels;

static bool count_without_memory(void)
{
	gk_metrics *all = gk_metrics_new();
	const gk_series *actions;
	bool worked;

	if (!all)
		return false;
	gk_metrics_add(all, GK_METRIC_ACTIONS, (const char *[]){ "a", "b", "c" }, 1);
	gk_metrics_observe(all, GK_METRIC_MODEL_SECONDS, (const char *[]){ "m" }, 1);
	actions = gk_metrics_series(all, GK_METRIC_ACTIONS);
	lacks_labels |=
		actions && !(actions->labels[0] && actions->labels[1] && actions->labels[2]);
	worked = actions && gk_metrics_series(all, GK_METRIC_MODEL_SECONDS);
	gk_metrics_free(all);
	return worked;
}

START_TEST(counting_survives_a_lack_of_memory)
{
	lacks_labels = false;
	fault_sweep(count_without_memory);
	fault_sweep_passing(count_without_memory);
	ck_assert_msg(!lacks_labels, "a series without its labels is another");
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("metrics");
	TCase *tc = tcase_create("metrics");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, counters_and_gauges_are_lines_with_their_labels);
	tcase_add_test(tc, a_histogram_counts_up_to_each_of_its_bounds);
	tcase_add_test(tc, labels_that_differ_a_little_are_counted_apart);
	tcase_add_test(tc, what_is_beyond_the_most_series_counts_as_other);
	tcase_add_test(tc, a_long_label_is_cut);
	tcase_add_test(tc, tokens_are_counted_by_model_and_direction);
	tcase_add_test(tc, nobody_waits_for_what_is_counted_of_an_answer);
	tcase_add_test(tc, only_so_much_is_left_to_be_counted);
	tcase_add_test(tc, what_there_is_no_memory_to_put_off_is_counted_at_once);
	tcase_add_test(tc, tokens_are_counted_for_their_path_or_not_at_all);
	tcase_add_test(tc, what_is_put_off_is_counted_before_it_is_too_late);
	tcase_add_test(tc, a_model_under_an_endless_path_is_counted_at_once);
	tcase_add_test(tc, genkits_own_metrics_tell_the_feature_and_the_path);
	tcase_add_test(tc, a_model_called_from_outside_is_a_feature_and_not_a_part_of_one);
	tcase_add_test(tc, a_failure_is_counted_where_it_began);
	tcase_add_test(tc, what_goes_on_is_a_gauge_and_what_was_cancelled_is_said);
	tcase_add_test(tc, what_people_made_of_answers_is_counted);
	tcase_add_test(tc, genkits_own_metrics_leave_as_sums_and_histograms);
	tcase_add_test(tc, deltas_tell_what_has_come_since_the_last_report);
	tcase_add_test(tc, without_anything_to_tell_nothing_leaves);
	tcase_add_test(tc, counting_survives_a_lack_of_memory);
	suite_add_tcase(s, tc);
	return s;
}

UNIT_MAIN(suite)
