/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "folder.h"
#include "unit.h"

#include "base/str.h"
#include "ctl/traces.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define NOON_MS 1795780800000u /* 2026-11-27T12:00:00Z */

static void in_utc(void)
{
	setenv("TZ", "UTC", 1);
	tzset();
}

/* --- what is asked --- */

START_TEST(times_are_ages_hours_of_today_or_dates)
{
	static const struct {
		const char *text;
		double ms;
	} all[] = {
		{ "10m", NOON_MS - 600e3 },
		{ "90", NOON_MS - 90e3 },
		{ "1d", NOON_MS - 86400e3 },
		{ "11:30", NOON_MS - 1800e3 },
		{ "2026-11-27", NOON_MS - 43200e3 },
		{ "2026-11-26T12:00", NOON_MS - 86400e3 },
		{ "2026-11-27 11:59:30", NOON_MS - 30e3 },
		{ "2026-11-27T11:59:30Z", NOON_MS - 30e3 },
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		double ms = 0;

		ck_assert_int_eq(gk_ctl_read_since(all[i].text, NOON_MS, &ms, NULL), GK_OK);
		ck_assert_msg(ms == all[i].ms, "%s: %f", all[i].text, ms);
	}
	for (size_t i = 0; i < 4; i++) {
		static const char *const wrong[] = { "yesterday", "", "2026-13-40", "10 minutes" };
		double ms;

		ck_assert_int_eq(
			gk_ctl_read_since(wrong[i], NOON_MS, &ms, NULL), GK_INVALID_ARGUMENT);
	}
}
END_TEST

static gk_code read_query(const gk_ctl_options *options, gk_ctl_trace_query *ret, gk_error *err)
{
	return gk_ctl_trace_query_read(options, NOON_MS, 20, ret, err);
}

START_TEST(options_become_the_filter_of_the_list)
{
	static const struct {
		gk_ctl_options options;
		const char *filter;
	} all[] = {
		{ { .url = NULL }, "{'neq':{'genkitx:ignore-trace':['true']}}" },
		{ { .action = "/flow/a/b" },
			"{'neq':{'genkitx:ignore-trace':['true']},'eq':{'type':'flow','name':'a/b'}}" },
		{ { .action = "menu", .status = "error" },
			"{'neq':{'genkitx:ignore-trace':['true']},'eq':{'name':'menu','status':2}}" },
		{ { .status = "success" },
			"{'neq':{'genkitx:ignore-trace':['true']},'eq':{'status':0},'gt':{'end':0}}" },
		{ { .since = "1s" },
			"{'neq':{'genkitx:ignore-trace':['true']},'gte':{'start':1795780799000}}" },
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		gk_ctl_trace_query query;

		ck_assert_int_eq(read_query(&all[i].options, &query, NULL), GK_OK);
		assert_json(query.filter, all[i].filter);
		ck_assert_uint_eq(query.limit, 20);
		gk_ctl_trace_query_done(&query);
	}
}
END_TEST

START_TEST(an_option_that_makes_no_sense_is_named)
{
	static const struct {
		gk_ctl_options options;
		const char *message;
	} all[] = {
		{ { .status = "runing" }, "--status: success, error or running" },
		{ { .limit = "0" }, "--limit: a number from 1" },
		{ { .limit = "many" }, "--limit: a number from 1" },
		{ { .since = "soon" }, "--since: 10m" },
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		gk_ctl_trace_query query;
		gk_auto_error gk_error err = { 0 };

		ck_assert_int_eq(read_query(&all[i].options, &query, &err), GK_INVALID_ARGUMENT);
		ck_assert_ptr_nonnull(strstr(err.message, all[i].message));
	}
}
END_TEST

static bool reads_a_query(void)
{
	const gk_ctl_options options = { .action = "/flow/a", .status = "success", .since = "1h" };
	gk_ctl_trace_query query;

	if (read_query(&options, &query, NULL) != GK_OK)
		return false;
	gk_ctl_trace_query_done(&query);
	return true;
}

START_TEST(asking_survives_a_lack_of_memory)
{
	fault_sweep(reads_a_query);
}
END_TEST

/* --- what is shown --- */

#define SPAN(id, parent, name, start, end, rest)                                                   \
	"'" id "':{'spanId':'" id "'," parent "'displayName':'" name "','startTime':" start        \
	",'endTime':" end "," rest "}"
#define ATTRIBUTES(text) "'attributes':{" text "},'status':{'code':0}"

static char *tree(const char *text, gk_ctl_look look)
{
	gk_auto_json json_t *trace = json(text);
	gk_auto_json json_t *logs =
		json("[{'spanId':'b','body':'early\\nbird','severityText':'INFO'},"
		     "{'spanId':'b','body':{'later':2},'severityText':'WARN'},"
		     "{'spanId':'elsewhere','body':'lost'}]");
	gk_buf out = GK_BUF_INIT(0);

	ck_assert_int_eq(gk_ctl_put_trace_tree(&out, trace, logs, look, NULL), GK_OK);
	return gk_buf_take(&out, NULL);
}

START_TEST(a_trace_is_a_tree_in_order_of_start)
{
	gk_auto_str char *text = tree(
		"{'traceId':'t1','spans':{" SPAN("c", "'parentSpanId':'a',", "second",
			"1795780800500", "1795780802000",
			ATTRIBUTES("'genkit:type':'util'")) "," SPAN("a", "", "menu",
			"1795780800000", "1795780861000",
			ATTRIBUTES(
				"'genkit:type':'action','genkit:metadata:subtype':'flow','genkit:input':'1'")) "," SPAN("b",
			"'parentSpanId':'a',", "first", "1795780800001.5", "1795780800001.52",
			ATTRIBUTES("'genkit:output':'2'")) "," SPAN("d", "'parentSpanId':'b',",
			"deep", "1795780800002", "0", ATTRIBUTES("")) "}}",
		(gk_ctl_look){ .width = 0 });

	ck_assert_str_eq(text, "trace t1  2026-11-27 12:00:00  4 spans\n"
			       "✓ menu  flow  1 min 1 s\n"
			       "│  input    1\n"
			       "├─ ✓ first  20 µs  after 1.5 ms\n"
			       "│  │  output   2\n"
			       "│  │  log      INFO: early\\nbird\n"
			       "│  │  log      WARN: {\"later\":2}\n"
			       "│  └─ … deep  running  after 2.0 ms\n"
			       "└─ ✓ second  util  1.50 s  after 500.0 ms\n");
}
END_TEST

START_TEST(errors_interrupts_and_tokens_are_seen)
{
	gk_auto_str char *text = tree(
		"{'traceId':'t','spans':{"
		"'a':{'displayName':'f','startTime':1,'endTime':2,'attributes':{},'status':{'code':2,'message':'m'},"
		"'timeEvents':{'timeEvent':[{'time':1,'annotation':{'description':'exception','attributes':"
		"{'exception.message':'no such\\ndish'}}}]}},"
		"'b':{'displayName':'ask','parentSpanId':'a','startTime':1,'endTime':2,'attributes':{},'status':"
		"{'code':2,'message':''},'timeEvents':{'timeEvent':[{'annotation':{'description':'exception',"
		"'attributes':{'exception.type':'ToolInterruptError'}}}]}},"
		"'c':{'displayName':'m','parentSpanId':'a','startTime':2,'endTime':3,'status':{'code':0},'attributes':"
		"{'genkit:metadata:subtype':'model','genkit:output':'{\\'usage\\':{\\'inputTokens\\':3,\\'outputTokens\\':4}}'}}"
		"}}",
		(gk_ctl_look){ .width = 0 });

	ck_assert_ptr_nonnull(strstr(text, "✗ f  1.0 ms\n│  error    no such\\ndish\n"));
	ck_assert_ptr_nonnull(strstr(text, "├─ ? ask  1.0 ms  interrupted\n"));
	ck_assert_ptr_nonnull(strstr(text, "└─ ✓ m  model  1.0 ms  after 1.0 ms  3 + 4 tokens\n"));
}
END_TEST

START_TEST(a_terminal_gets_lines_that_fit_and_no_escapes_of_others)
{
	gk_auto_str char *cut = tree(
		"{'traceId':'t','spans':{'a':{'displayName':'\\u001b[2J','startTime':1,'endTime':2,'attributes':"
		"{'genkit:input':'0123456789012345678901234567890123456789'}}}}",
		(gk_ctl_look){ .width = 40, .has_colour = true });

	ck_assert_ptr_nonnull(strstr(cut, "\\x1b[2J"));
	ck_assert_ptr_nonnull(strstr(cut, "012345678901234567890123456…\n"));
}
END_TEST

START_TEST(verbose_cuts_nothing_and_shows_all_attributes)
{
	gk_auto_str char *text = tree(
		"{'traceId':'t','spans':{'a':{'displayName':'f','startTime':1,'endTime':2,'attributes':"
		"{'genkit:input':'{\\'a\\':1}','genkit:name':'f','n':5,'\\u009bJ':6}}}}",
		(gk_ctl_look){ .width = 20, .is_verbose = true });

	ck_assert_ptr_nonnull(strstr(
		text, "   input    {\n              \"a\": 1\n            }\n   n        5\n"));
	ck_assert_ptr_nonnull(strstr(text, "   \\x9bJ    6\n"));
	ck_assert_ptr_null(strstr(text, "genkit:name"));
}
END_TEST

START_TEST(foreign_traces_with_circles_come_to_an_end)
{
	gk_auto_str char *text =
		tree("{'traceId':'t','spans':{" SPAN("a", "'parentSpanId':'b',", "one", "1", "2",
			     ATTRIBUTES("")) "," SPAN("b", "'parentSpanId':'a',", "two", "2", "3",
			     ATTRIBUTES("")) "," SPAN("c", "'parentSpanId':'c',", "self", "3", "4",
			     ATTRIBUTES("")) "}}",
			(gk_ctl_look){ .width = 0 });

	ck_assert_ptr_nonnull(strstr(text, "one"));
	ck_assert_ptr_nonnull(strstr(text, "two"));
	ck_assert_ptr_nonnull(strstr(text, "self"));
}
END_TEST

START_TEST(a_row_says_what_ran_and_how_it_ended)
{
	gk_auto_json json_t *trace = json(
		"{'traceId':'00112233445566778899aabbccddeeff','displayName':'menu','spans':{'a':{'startTime':1795780790000,"
		"'endTime':1795780791500,'displayName':'menu','attributes':{'genkit:key':'/flow/menu',"
		"'genkit:metadata:subtype':'flow'},'status':{'code':2,'message':'no salt'}}}}");
	gk_auto_json json_t *foreign = json(
		"{'traceId':'x','spans':{'a':{'startTime':1795000000000,'endTime':0,'displayName':'GET /','attributes':{}}}}");
	gk_auto_json json_t *rude = json(
		"{'traceId':'y','spans':{'a':{'startTime':1795780790000,'endTime':1795780790000,'displayName':'n',"
		"'attributes':{'genkit:key':'k','genkit:type':'\\u001b[2J'}}}}");
	gk_auto_buf gk_buf out = GK_BUF_INIT(0);

	gk_ctl_put_trace_row(&out, trace, NOON_MS, (gk_ctl_look){ .width = 0 });
	gk_ctl_put_trace_row(&out, foreign, NOON_MS, (gk_ctl_look){ .width = 0 });
	gk_ctl_put_trace_row(&out, rude, NOON_MS, (gk_ctl_look){ .width = 0 });
	ck_assert_str_eq(out.data,
		"00112233445566778899aabbccddeeff  11:59:50      error       1.50 s  /flow/menu  no salt\n"
		"x                                 Nov 18 11:06  running    9 d 0 h  GET /\n"
		"y                                 11:59:50      ok            0 µs  /\\x1b[2J/n\n");
}
END_TEST

START_TEST(a_time_that_no_calendar_has_is_shown_as_such)
{
	gk_auto_json json_t *trace = json(
		"{'traceId':'x','spans':{'a':{'startTime':1e30,'endTime':1e30,'displayName':'n','attributes':{}}}}");
	gk_auto_buf gk_buf row = GK_BUF_INIT(0), whole = GK_BUF_INIT(0);

	gk_ctl_put_trace_row(&row, trace, NOON_MS, (gk_ctl_look){ .width = 0 });
	ck_assert_str_eq(row.data,
		"x                                 ?             ok            0 µs  n\n");
	ck_assert_int_eq(
		gk_ctl_put_trace_tree(&whole, trace, NULL, (gk_ctl_look){ .width = 0 }, NULL),
		GK_OK);
	ck_assert_str_eq(whole.data, "trace x  ?  1 span\n✓ n  0 µs\n");
}
END_TEST

/* --- what is read --- */

START_TEST(a_line_that_is_no_trace_is_named_by_its_number)
{
	const gk_ctl_options options = { .words = { "import", "in.jsonl" }, .word_count = 2 };
	gk_ctl ctl = { .options = &options };
	gk_auto_error gk_error err = { 0 };

	folder_make();
	folder_put("in.jsonl", "[]\n\n{\n");
	ck_assert_int_eq(gk_ctl_traces_import(&ctl, &err), GK_INVALID_ARGUMENT);
	folder_drop();
	ck_assert_msg(gk_str_has_prefix(err.message, "in.jsonl, line 3: "), "%s", err.message);
}
END_TEST

START_TEST(lines_may_begin_with_empty_ones)
{
	const gk_ctl_options options = { .words = { "import", "in.jsonl" }, .word_count = 2 };
	gk_ctl ctl = { .options = &options };
	gk_auto_error gk_error err = { 0 };

	folder_make();
	folder_put("in.jsonl", "\n \n[]\n{\n");
	ck_assert_int_eq(gk_ctl_traces_import(&ctl, &err), GK_INVALID_ARGUMENT);
	folder_drop();
	ck_assert_msg(gk_str_has_prefix(err.message, "in.jsonl, line 4: "), "%s", err.message);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("ctl_traces");
	TCase *t = tcase_create("genkitctl traces");

	tcase_add_checked_fixture(t, in_utc, NULL);
	tcase_add_test(t, times_are_ages_hours_of_today_or_dates);
	tcase_add_test(t, options_become_the_filter_of_the_list);
	tcase_add_test(t, an_option_that_makes_no_sense_is_named);
	tcase_add_test(t, asking_survives_a_lack_of_memory);
	tcase_add_test(t, a_trace_is_a_tree_in_order_of_start);
	tcase_add_test(t, errors_interrupts_and_tokens_are_seen);
	tcase_add_test(t, a_terminal_gets_lines_that_fit_and_no_escapes_of_others);
	tcase_add_test(t, verbose_cuts_nothing_and_shows_all_attributes);
	tcase_add_test(t, foreign_traces_with_circles_come_to_an_end);
	tcase_add_test(t, a_row_says_what_ran_and_how_it_ended);
	tcase_add_test(t, a_time_that_no_calendar_has_is_shown_as_such);
	tcase_add_test(t, a_line_that_is_no_trace_is_named_by_its_number);
	tcase_add_test(t, lines_may_begin_with_empty_ones);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(suite)
