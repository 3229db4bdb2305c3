/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* The store: what is saved, merged, listed, searched and loaded. */
#include "traces.h"

#include "base/limits.h"
#include "json/edit.h"
#include "store/sqlite.h"

#include <stdio.h>

static void setup(void)
{
	traces_start(NULL);
}

/* A trace with one span, "r", without a parent. */
static void post_root(const char *trace, double start, double end, const char *more)
{
	gk_auto_str char *text = NULL;

	ck_assert_int_gt(asprintf(&text,
				 "{'traceId':'%s','displayName':'n','startTime':%.1f,"
				 "'endTime':%.1f,'spans':{%s}}",
				 trace, start, end, traces_span("r", trace, start, end, more)),
		0);
	traces_post(text);
}

static void post_child(const char *trace, const char *id, const char *parent, double end)
{
	gk_auto_str char *text = NULL;
	char more[100];

	snprintf(more, sizeof(more), ",'parentSpanId':'%s'", parent);
	ck_assert_int_gt(asprintf(&text, "{'traceId':'%s','spans':{%s}}", trace,
				 traces_span(id, trace, 10, end, more)),
		0);
	traces_post(text);
}

static void assert_ids(const char *filter, const char *text, const char *expected)
{
	gk_auto_str char *ids = traces_ids(filter, text);

	ck_assert_str_eq(ids, expected);
}

/* --- saving --- */

START_TEST(what_was_saved_is_loaded_as_it_was)
{
	const char *text =
		"{'traceId':'a','displayName':'n','startTime':1.5,'endTime':2,'spans':{'s':{'spanId':'s',"
		"'traceId':'a','startTime':1.5,'endTime':2,'attributes':{'x':{'y':[null,1.25]}},"
		"'displayName':'n','instrumentationLibrary':{'name':'x'},'spanKind':'CLIENT',"
		"'status':{'code':2,'message':'bad'}}}}";
	gk_auto_json json_t *loaded = NULL, *again = NULL;

	traces_post(text);
	loaded = traces_load("a");
	assert_json(loaded, text);
	traces_reopen(NULL);
	again = traces_load("a");
	assert_json(again, text);
}
END_TEST

START_TEST(an_unknown_trace_is_nothing)
{
	ck_assert(!traces_has("missing"));
}
END_TEST

START_TEST(what_is_not_in_the_schema_is_left_out)
{
	gk_auto_json json_t *loaded = NULL;

	post_root("a", 1, 2, ",'more':1,'status':{'code':0,'extra':true},'attributes':{'kept':{}}");
	loaded = traces_load("a");
	ck_assert_ptr_null(gk_json_at_peek(loaded, "spans.r.more"));
	assert_json(gk_json_at_peek(loaded, "spans.r.status"), "{'code':0}");
	assert_json(gk_json_at_peek(loaded, "spans.r.attributes"), "{'kept':{}}");
}
END_TEST

START_TEST(what_does_not_fit_the_schema_is_refused_with_its_place)
{
	gk_auto_error gk_error err = { 0 };

	ck_assert_int_eq(traces_try_post("{'spans':{}}", &err), GK_INVALID_ARGUMENT);
	ck_assert_str_eq(err.message, "traceId: expected string, received nothing");
	ck_assert_int_eq(traces_try_post("{'traceId':'a'}", &err), GK_INVALID_ARGUMENT);
	ck_assert_str_eq(err.message, "spans: expected object, received nothing");
	ck_assert_int_eq(
		traces_try_post("{'traceId':'a','spans':{'s':1}}", &err), GK_INVALID_ARGUMENT);
	ck_assert_str_eq(err.message, "spans.s: expected object, received number");
	ck_assert_int_eq(
		traces_try_post("{'traceId':'../x','spans':{}}", &err), GK_INVALID_ARGUMENT);
	ck_assert_str_eq(err.message, "Invalid trace id: \"../x\"");
	ck_assert(!traces_has("a"));
}
END_TEST

START_TEST(a_trace_id_has_a_length)
{
	char id[GK_MAX_TRACE_ID + 2];

	memset(id, 'x', sizeof(id));
	ck_assert_int_eq(gk_trace_id_check(id, GK_MAX_TRACE_ID, NULL), GK_OK);
	ck_assert_int_eq(gk_trace_id_check(id, GK_MAX_TRACE_ID + 1, NULL), GK_INVALID_ARGUMENT);
}
END_TEST

START_TEST(a_start_that_comes_late_reopens_nothing)
{
	gk_auto_json json_t *loaded = NULL;

	post_root("a", 1, 2, "");
	post_root("a", 1, 0, "");
	loaded = traces_load("a");
	ck_assert_double_eq(gk_json_real_at(loaded, "spans.r.endTime", -1), 2);
	ck_assert_double_eq(gk_json_real_at(loaded, "endTime", -1), 2);
}
END_TEST

START_TEST(an_end_replaces_its_start)
{
	gk_auto_json json_t *loaded = NULL;

	post_root("a", 1, 0, "");
	post_child("a", "c", "r", 0);
	post_root("a", 1, 7, "");
	loaded = traces_load("a");
	ck_assert_uint_eq(json_object_size(json_object_get(loaded, "spans")), 2);
	ck_assert_double_eq(gk_json_real_at(loaded, "spans.r.endTime", -1), 7);
	ck_assert_double_eq(gk_json_real_at(loaded, "endTime", -1), 7);
}
END_TEST

START_TEST(a_trace_without_a_root_is_loaded_but_not_listed)
{
	gk_auto_json json_t *loaded = NULL;

	post_child("a", "c", "r", 20);
	assert_ids(NULL, NULL, "");
	loaded = traces_load("a");
	ck_assert_ptr_nonnull(loaded);
	post_root("a", 1, 30, "");
	assert_ids(NULL, NULL, "a");
}
END_TEST

START_TEST(the_preview_of_a_prompt_is_left_out_and_its_children_become_roots)
{
	gk_auto_json json_t *loaded = NULL;

	post_child("a", "c", "r", 20);
	post_root("a", 1, 30, ",'attributes':{'genkit:metadata:subtype':'prompt'}");
	loaded = traces_load("a");
	ck_assert_ptr_null(gk_json_at_peek(loaded, "spans.r"));
	ck_assert_ptr_nonnull(gk_json_at_peek(loaded, "spans.c"));
	ck_assert_ptr_null(gk_json_at_peek(loaded, "spans.c.parentSpanId"));
	assert_ids(NULL, NULL, "");
	ck_assert_uint_eq(gk_trace_store_count(traces_store).filtered, 1);
}
END_TEST

START_TEST(a_root_that_gets_a_parent_leaves_the_next_one_first)
{
	gk_auto_json json_t *listed = NULL;
	gk_trace_query query = { .limit = 10 };

	traces_post(
		"{'traceId':'a','spans':{"
		"'x':{'spanId':'x','traceId':'a','startTime':5,'endTime':6,'attributes':{},"
		"'displayName':'first','instrumentationLibrary':{'name':'l'},'spanKind':'INTERNAL'},"
		"'y':{'spanId':'y','traceId':'a','startTime':3,'endTime':6,'attributes':{},"
		"'displayName':'second','instrumentationLibrary':{'name':'l'},'spanKind':'INTERNAL'}"
		"}}");
	listed = traces_list(&query);
	ck_assert_ptr_nonnull(gk_json_at_peek(listed, "traces[0].spans.x"));
	json_decref(listed);
	post_child("a", "x", "y", 9);
	listed = traces_list(&query);
	ck_assert_ptr_nonnull(gk_json_at_peek(listed, "traces[0].spans.y"));
}
END_TEST

START_TEST(a_large_span_comes_back_whole)
{
	size_t len = 200000;
	char *big = malloc(len + 1);
	gk_auto_json json_t *loaded = NULL, *trace = NULL;
	gk_auto_str char *text = NULL;
	gk_trace_post *post = NULL;

	memset(big, 'w', len);
	big[len] = '\0';
	ck_assert_int_gt(asprintf(&text, "{'traceId':'a','spans':{%s}}",
				 traces_span("r", "a", 1, 2, ",'attributes':{'genkit:input':''}")),
		0);
	trace = json(text);
	json_object_set_new(
		gk_json_at_peek(trace, "spans.r.attributes"), "genkit:input", json_string(big));
	ck_assert_int_eq(gk_trace_post_read(trace, 0, &post, NULL), GK_OK);
	gk_trace_store_save(traces_store, post);
	loaded = traces_load("a");
	ck_assert(gk_json_equal(json_object_get(trace, "spans"), json_object_get(loaded, "spans")));
	free(big);
}
END_TEST

static bool read_post(void)
{
	static const char text[] =
		"{\"traceId\":\"a\",\"displayName\":\"n\",\"spans\":{\"s\":{"
		"\"spanId\":\"s\",\"traceId\":\"a\",\"startTime\":1,\"endTime\":2,"
		"\"attributes\":{\"genkitx:a\":1},\"displayName\":\"n\","
		"\"instrumentationLibrary\":{\"name\":\"x\"},\"spanKind\":\"INTERNAL\"}}}";
	gk_auto_json json_t *value = NULL;
	gk_trace_post *post = NULL;

	if (gk_json_parse(text, strlen(text), 0, &value, NULL) != GK_OK ||
		gk_trace_post_read(value, 0, &post, NULL) != GK_OK)
		return false;
	gk_trace_post_free(post);
	return true;
}

START_TEST(memory_may_run_out_while_a_trace_is_read)
{
	fault_sweep(read_post);
}
END_TEST

static gk_sqlite *file;
static bool is_partial;

/* A trace that is known in part would be written back in part. */
static bool find_trace(void)
{
	gk_trace_state *state = NULL;
	bool is_found = gk_sqlite_find_state(file, "a", &state, NULL) == GK_OK;

	if (is_found)
		is_partial |=
			!state->name || !state->root_type || !state->root_name || !state->summary;
	gk_table_remove(file->states, "a");
	return is_found;
}

START_TEST(memory_may_run_out_while_a_trace_is_looked_up)
{
	gk_auto_str char *text = NULL;
	char big[2000] = { 0 };

	memset(big, 'w', sizeof(big) - 1);
	ck_assert_int_gt(
		asprintf(&text,
			"{'traceId':'a','displayName':'n','spans':{'r':{'spanId':'r','traceId':'a',"
			"'startTime':1,'endTime':2,'attributes':{'genkit:input':'%s'},"
			"'displayName':'n','instrumentationLibrary':{'name':'x'},"
			"'spanKind':'INTERNAL'}}}",
			big),
		0);
	traces_post(text);
	gk_trace_store_close(gk_steal(traces_store));
	file = (gk_sqlite *)gk_sqlite_backend_new(traces_path);
	ck_assert_int_eq(file->base.type->open(&file->base, NULL), GK_OK);
	fault_sweep(find_trace);
	ck_assert(!is_partial);
	file->base.type->free(&file->base);
}
END_TEST

/* --- lists --- */

START_TEST(a_list_has_the_newest_first_page_by_page)
{
	gk_auto_json json_t *first = NULL, *second = NULL;

	post_root("a", 100, 110, "");
	post_root("b", 300, 310, "");
	post_root("c", 200, 210, "");
	assert_ids(NULL, NULL, "b c a");
	first = traces_list(&(gk_trace_query){ .limit = 2 });
	ck_assert_str_eq(gk_json_str_peek(first, "continuationToken"), "2");
	second = traces_list(&(gk_trace_query){ .limit = 2, .offset = 2 });
	ck_assert_str_eq(gk_json_str_peek(second, "traces[0].traceId"), "a");
	ck_assert_ptr_null(json_object_get(second, "continuationToken"));
}
END_TEST

START_TEST(of_equal_starts_the_one_saved_last_is_first)
{
	post_root("a", 100, 0, "");
	post_root("b", 100, 0, "");
	assert_ids(NULL, NULL, "b a");
	post_root("a", 100, 110, "");
	assert_ids(NULL, NULL, "a b");
}
END_TEST

START_TEST(a_list_shows_long_attributes_cut)
{
	char more[1200];
	gk_auto_json json_t *listed = NULL, *loaded = NULL;

	memset(more, 'x', sizeof(more));
	memcpy(more, ",'attributes':{'long':'", 23);
	memcpy(more + 1150, "'}", 3);
	post_root("a", 1, 2, more);
	listed = traces_list(&(gk_trace_query){ .limit = 1 });
	ck_assert_uint_eq(
		strlen(gk_json_str_peek(listed, "traces[0].spans.r.attributes.long")), 1003);
	loaded = traces_load("a");
	ck_assert_uint_eq(strlen(gk_json_str_peek(loaded, "spans.r.attributes.long")), 1127);
}
END_TEST

START_TEST(filters_choose_by_what_is_so_now)
{
	post_root("a", 100, 0,
		",'status':{'code':0},'attributes':{'genkit:metadata:subtype':'flow'}");
	assert_ids("{'eq':{'status':0}}", NULL, "a");
	assert_ids("{'gte':{'end':1}}", NULL, "");
	post_root("a", 100, 110,
		",'status':{'code':2},'attributes':{'genkit:metadata:subtype':'flow','genkitx:env':'dev'}");
	post_root("b", 200, 210, ",'attributes':{'genkit:type':'util'}");
	assert_ids("{'eq':{'status':0}}", NULL, "");
	assert_ids("{'eq':{'status':2}}", NULL, "a");
	assert_ids("{'eq':{'status':'2'}}", NULL, "");
	assert_ids("{'eq':{'status':'UNKNOWN'}}", NULL, "b");
	assert_ids("{'neq':{'status':2}}", NULL, "b");
	assert_ids("{'eq':{'type':['flow','util']}}", NULL, "b a");
	assert_ids("{'eq':{'type':[]}}", NULL, "");
	assert_ids("{'eq':{'type':'flow','status':2}}", NULL, "a");
	assert_ids("{'eq':{'genkitx:env':'dev'}}", NULL, "a");
	assert_ids("{'neq':{'genkitx:env':'dev'}}", NULL, "b");
	assert_ids("{'neq':{'sessionId':'s'}}", NULL, "b a");
	assert_ids("{'contains':{'type':'LOW'}}", NULL, "a");
	assert_ids("{'contains':{'name':['zzz','N']}}", NULL, "b a");
	assert_ids("{'contains':{'status':'2'}}", NULL, "");
	assert_ids("{'gt':{'start':100}}", NULL, "b");
	assert_ids("{'lt':{'end':200},'gt':{'end':1}}", NULL, "a");
	assert_ids("{'eq':{'start':'100'}}", NULL, "");
	assert_ids("{'eq':{'nonsense':1}}", NULL, "");
	assert_ids("{'nonsense':1}", NULL, "b a");
	assert_ids("{'gte':{'spanCount':1},'lte':{'errorCount':0}}", NULL, "b");
}
END_TEST

START_TEST(what_is_no_filter_is_refused)
{
	static const char *const bad[] = { "{'eq':{'a':true}}", "{'gt':{'start':'1'}}",
		"{'contains':{'name':{}}}", "{'neq':{'name':[null]}}", "{'eq':1}" };

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		gk_auto_json json_t *filter = json(bad[i]), *value = NULL;

		ck_assert_int_eq(traces_try_list(&(gk_trace_query){ .limit = 1, .filter = filter },
					 &value, NULL),
			GK_INVALID_ARGUMENT);
	}
}
END_TEST

START_TEST(a_filter_has_so_many_values)
{
	gk_auto_json json_t *names = json_array(), *filter = json_object(), *value = NULL;
	gk_trace_query query = { .limit = 1, .filter = filter };

	for (int i = 0; i < GK_MAX_FILTER_TERMS; i++)
		json_array_append_new(names, json_string("n"));
	json_object_set_new(filter, "neq", json_pack("{s:O}", "name", names));
	ck_assert_int_eq(traces_try_list(&query, &value, NULL), GK_OK);
	json_array_append_new(names, json_string("n"));
	ck_assert_int_eq(traces_try_list(&query, &value, NULL), GK_INVALID_ARGUMENT);
}
END_TEST

START_TEST(contains_folds_letters_of_other_scripts)
{
	post_root("a", 1, 2, ",'attributes':{'genkitx:who':'\xc3\x89mile'}");
	assert_ids("{'contains':{'genkitx:who':'\xc3\xa9MI'}}", NULL, "a");
	assert_ids("{'contains':{'genkitx:who':'emile'}}", NULL, "");
}
END_TEST

/* --- search --- */

#define TEXTS(input, output)                                                                       \
	",'attributes':{'genkit:type':'action','genkit:input':'" input                             \
	"','genkit:output':'" output "'}"

START_TEST(a_search_finds_what_has_just_been_committed)
{
	post_root("a", 1, 2, TEXTS("the quick brown fox", "jumps"));
	post_root("b", 3, 4, TEXTS("a lazy dog", "sleeps caf\\\\u00e9"));
	assert_ids(NULL, "quick", "a");
	assert_ids(NULL, "qui", "a");
	assert_ids(NULL, "qui ", "");
	assert_ids(NULL, "fox quick", "a");
	assert_ids(NULL, "quick dog", "");
	assert_ids(NULL, "input:fox", "a");
	assert_ids(NULL, "output:fox", "");
	assert_ids(NULL, "cafe", "b");
	assert_ids(NULL, "lazy-dog/sleeps", "b");
	assert_ids(NULL, "\"* AND ( NEAR", "");
	assert_ids("{'eq':{'name':'other'}}", "quick", "");
}
END_TEST

START_TEST(what_changes_is_found_by_what_it_is_now)
{
	post_root("a", 1, 2, TEXTS("before", ""));
	assert_ids(NULL, "before", "a");
	post_root("a", 1, 3, TEXTS("after", ""));
	assert_ids(NULL, "before", "");
	assert_ids(NULL, "after", "a");
}
END_TEST

START_TEST(a_running_span_is_found_when_it_has_ended)
{
	post_root("a", 1, 0, TEXTS("needle", ""));
	assert_ids(NULL, "needle", "");
	post_root("b", 5, 6, TEXTS("hay", ""));
	assert_ids(NULL, "hay", "b");
	post_root("a", 1, 9, TEXTS("needle", ""));
	assert_ids(NULL, "needle", "a");
}
END_TEST

/* Signs between letters, in which the index's tokenizer sees the end of a word. */
START_TEST(a_search_may_have_any_sign_in_its_words)
{
	post_root("a", 1, 2, TEXTS("caf\u00e9 r\u2fc0s \u6f22\u5b57", ""));
	assert_ids(NULL, "r\u2fc0s", "a");
	assert_ids(NULL, "r\u2fc0s x", "");
	assert_ids(NULL, "input:r\u2fc0s", "a");
	assert_ids(NULL, "caf\u00e9", "a");
	assert_ids(NULL, "\u6f22", "a");
	assert_ids(NULL, "\u2fc0\u2020", "a");
}
END_TEST

START_TEST(a_search_has_so_many_words)
{
	gk_auto_buf gk_buf words = GK_BUF_INIT(0);
	gk_auto_json json_t *value = NULL;

	for (int i = 0; i < GK_MAX_SEARCH_TERMS; i++)
		gk_buf_puts(&words, "w ");
	ck_assert_int_eq(
		traces_try_list(&(gk_trace_query){ .limit = 1, .text = words.data }, &value, NULL),
		GK_OK);
	gk_buf_puts(&words, "w");
	ck_assert_int_eq(
		traces_try_list(&(gk_trace_query){ .limit = 1, .text = words.data }, &value, NULL),
		GK_INVALID_ARGUMENT);
}
END_TEST

/* --- logs --- */

static void save_log(const char *text)
{
	gk_auto_json json_t *record = json(text);

	ck_assert(gk_trace_store_save_logs(traces_store, record));
}

static void assert_logs(gk_log_query query, const char *expected)
{
	gk_auto_json json_t *value = NULL;
	gk_auto_buf gk_buf bodies = GK_BUF_INIT(0);
	json_t *one;
	size_t i;

	query.limit = query.limit ? query.limit : 10;
	query.min_severity = query.min_severity ? query.min_severity : INT64_MIN;
	value = traces_logs(&query);
	gk_buf_puts(&bodies, "");
	json_array_foreach (json_object_get(value, "logs"), i, one)
		gk_buf_printf(&bodies, "%s%s", i ? " " : "", gk_json_str_peek(one, "body"));
	ck_assert_str_eq(bodies.data, expected);
}

START_TEST(logs_come_newest_first_and_by_what_is_asked_for)
{
	save_log("[{'timestamp':5,'body':'old','severityNumber':9,'severityText':'INFO'},"
		 "{'timestamp':9,'body':'new','severityNumber':17,'severityText':'ERROR',"
		 "'traceId':'t','spanId':'s'},{'timestamp':7,'body':'mid','traceId':'t'}, 3]");
	assert_logs((gk_log_query){ 0 }, "new mid old");
	assert_logs((gk_log_query){ .trace_id = "t" }, "new mid");
	assert_logs((gk_log_query){ .trace_id = "t", .span_id = "s" }, "new");
	assert_logs((gk_log_query){ .severity_text = "error" }, "new");
	assert_logs((gk_log_query){ .min_severity = 9 }, "new old");
	assert_logs((gk_log_query){ .limit = 1, .offset = 1 }, "mid");
}
END_TEST

START_TEST(our_own_records_are_kept_but_for_those_of_the_store)
{
	gk_log_record record = { .level = GK_LOG_WARN,
		.component = "flows",
		.message = "something",
		.trace_id = "t",
		.wall_ns = 7000000 };

	gk_trace_store_log(traces_store, &record);
	record.component = "store";
	gk_trace_store_log(traces_store, &record);
	assert_logs((gk_log_query){ .trace_id = "t", .severity_text = "WARN" }, "something");
}
END_TEST

static Suite *trace_store_suite(void)
{
	Suite *suite = suite_create("trace store");
	TCase *tests = tcase_create("store");

	tcase_add_checked_fixture(tests, setup, traces_stop);
	tcase_add_test(tests, what_was_saved_is_loaded_as_it_was);
	tcase_add_test(tests, an_unknown_trace_is_nothing);
	tcase_add_test(tests, what_is_not_in_the_schema_is_left_out);
	tcase_add_test(tests, what_does_not_fit_the_schema_is_refused_with_its_place);
	tcase_add_test(tests, a_trace_id_has_a_length);
	tcase_add_test(tests, a_start_that_comes_late_reopens_nothing);
	tcase_add_test(tests, an_end_replaces_its_start);
	tcase_add_test(tests, a_trace_without_a_root_is_loaded_but_not_listed);
	tcase_add_test(tests, the_preview_of_a_prompt_is_left_out_and_its_children_become_roots);
	tcase_add_test(tests, a_root_that_gets_a_parent_leaves_the_next_one_first);
	tcase_add_test(tests, a_large_span_comes_back_whole);
	tcase_add_test(tests, memory_may_run_out_while_a_trace_is_read);
	tcase_add_test(tests, memory_may_run_out_while_a_trace_is_looked_up);
	tcase_add_test(tests, a_list_has_the_newest_first_page_by_page);
	tcase_add_test(tests, of_equal_starts_the_one_saved_last_is_first);
	tcase_add_test(tests, a_list_shows_long_attributes_cut);
	tcase_add_test(tests, filters_choose_by_what_is_so_now);
	tcase_add_test(tests, what_is_no_filter_is_refused);
	tcase_add_test(tests, a_filter_has_so_many_values);
	tcase_add_test(tests, contains_folds_letters_of_other_scripts);
	tcase_add_test(tests, a_search_finds_what_has_just_been_committed);
	tcase_add_test(tests, what_changes_is_found_by_what_it_is_now);
	tcase_add_test(tests, a_running_span_is_found_when_it_has_ended);
	tcase_add_test(tests, a_search_may_have_any_sign_in_its_words);
	tcase_add_test(tests, a_search_has_so_many_words);
	tcase_add_test(tests, logs_come_newest_first_and_by_what_is_asked_for);
	tcase_add_test(tests, our_own_records_are_kept_but_for_those_of_the_store);
	suite_add_tcase(suite, tests);
	return suite;
}

UNIT_MAIN(trace_store_suite)
