/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "loop/sse.h"

#include "base/limits.h"
#include "unit.h"

#include <stdio.h>

/* Events as text: "event|id|data;" with LF as "/" and NUL as "~". */
static gk_buf seen;

static char readable(char c)
{
	return c == '\n' ? '/' : c ? c : '~';
}

static gk_code on_event(const gk_sse_event *event, void *user, gk_error *err)
{
	(void)user;
	(void)err;
	gk_buf_put(&seen, event->event.text, event->event.len);
	gk_buf_puts(&seen, "|");
	gk_buf_put(&seen, event->id.text, event->id.len);
	gk_buf_puts(&seen, "|");
	for (size_t i = 0; i < event->data.len; i++)
		gk_buf_putc(&seen, readable(event->data.text[i]));
	gk_buf_puts(&seen, ";");
	return GK_OK;
}

static const char *seen_text(void)
{
	return seen.data ? seen.data : "";
}

static void set_up(void)
{
	gk_buf_init(&seen, 0);
}

static void tear_down(void)
{
	gk_buf_done(&seen);
}

/* Pushes pieces of `step` bytes, each in memory of its own that goes at once: what is kept must have been copied. */
static gk_code push_in_steps(gk_sse *sse, const char *text, size_t len, size_t step, gk_error *err)
{
	gk_code rc = GK_OK;

	for (size_t at = 0; rc == GK_OK && at < len; at += step) {
		size_t n = len - at < step ? len - at : step;
		char *piece = malloc(n);

		memcpy(piece, text + at, n);
		rc = gk_sse_push(sse, piece, n, err);
		memset(piece, '#', n);
		free(piece);
	}
	return rc;
}

/* clang-format off */
static const struct {
	const char *text, *want; /* NUL is "~" */
} streams[] = {
	{ "data: a\n\n", "||a;" },
	{ "data: a\r\rdata:b\r\n\r\ndata:  c\n\n", "||a;||b;|| c;" },
	{ "data: a\r\n\ndata: b\n\r\n", "||a;||b;" },
	{ "\xef\xbb\xbf" "data: a\n\n", "||a;" },
	{ "\xef\xbb\xbf\xef\xbb\xbf" "data: a\n\n", "" },
	{ "data: a\n\n\xef\xbb\xbf" "data: b\n\n", "||a;" },
	{ "\xef\xbb" "data: a\n\ndata: b\n\n", "||b;" },
	{ "data: a\ndata: b\ndata\ndata:\n\n", "||a/b//;" },
	{ "data\n\n", "||;" },
	{ "data:\ndata:\n\n", "||/;" },
	{ ": hello\ndata: a\n: between\ndata: b\n\n", "||a/b;" },
	{ "event: x\ndata: a\n\ndata: b\n\n", "x||a;||b;" },
	{ "event: x\n\ndata: a\n\n", "||a;" },
	{ "event: x\nevent: y\ndata: a\n\n", "y||a;" },
	{ "data: a\nevent: long\nevent\n\n", "||a;" },
	{ "id: 1\ndata: a\n\ndata: b\n\nid\ndata: c\n\n", "|1|a;|1|b;||c;" },
	{ "id: 1\n\nid: 2\ndata: a\n\n", "|2|a;" },
	{ "id: 1\ndata: a\nid: 2~x\n\n", "|1|a;" },
	{ "Data: a\n data: b\ndata : c\nfoo: d\ndatax: e\n\n", "" },
	{ "data: a\n", "" },
	{ "data: a", "" },
	{ "data: a\n\ndata: b\r", "||a;" },
	{ "\n\n\r\r\n\n", "" },
	{ "", "" },
	{ "data: \xc3\xa9\xf0\x9f\x98\x80\n\n", "||\xc3\xa9\xf0\x9f\x98\x80;" },
	{ "data: a~b\n\n", "||a~b;" },
	{ "retry: 100\nretry: 1x\nretry: -1\nretry:\ndata:: a\n\n", "||: a;" },
};
/* clang-format on */

START_TEST(events_are_the_same_at_any_chunking)
{
	gk_auto_str char *text = strdup(streams[_i].text);
	size_t len = strlen(text);

	for (char *c = text; c < text + len; c++)
		*c = *c == '~' ? '\0' : *c;

	for (size_t step = 1; step <= len + 1; step++) {
		gk_auto_sse gk_sse sse;

		gk_sse_init(&sse, 0, on_event, NULL);
		gk_buf_clear(&seen);
		ck_assert_int_eq(push_in_steps(&sse, text, len, step, NULL), GK_OK);
		ck_assert_str_eq(seen_text(), streams[_i].want);
	}
}
END_TEST

static const char *lies_from, *lies_to;

static bool lies_there(gk_sse_text text)
{
	return text.text >= lies_from && text.text < lies_to;
}

static gk_code count_in_place(const gk_sse_event *event, void *user, gk_error *err)
{
	(void)err;
	*(int *)user += lies_there(event->data) && lies_there(event->event);
	return GK_OK;
}

START_TEST(an_event_that_comes_whole_is_not_copied)
{
	static const char text[] = "event: a\ndata: one\n\ndata: two\nevent: b\n\n";
	gk_auto_sse gk_sse sse;
	int count = 0;
	gk_code rc;

	lies_from = text;
	lies_to = text + sizeof(text);
	gk_sse_init(&sse, 0, count_in_place, &count);
	fault_after(1);
	rc = gk_sse_push(&sse, text, strlen(text), NULL);
	fault_after(0);
	ck_assert_int_eq(rc, GK_OK);
	ck_assert_int_eq(count, 2);
}
END_TEST

START_TEST(the_time_to_reconnect_is_kept)
{
	gk_auto_sse gk_sse sse;
	const char *text = "retry: 1500\nretry: never\nretry: 99999999999999999999\n";
	uint64_t ms = 7;

	gk_sse_init(&sse, 0, on_event, NULL);
	ck_assert(!gk_sse_retry_ms(&sse, &ms));
	ck_assert_uint_eq(ms, 7);
	ck_assert_int_eq(gk_sse_push(&sse, text, strlen(text), NULL), GK_OK);
	ck_assert(gk_sse_retry_ms(&sse, &ms));
	ck_assert_uint_eq(ms, 1500);
}
END_TEST

START_TEST(an_unfinished_event_is_told)
{
	gk_auto_sse gk_sse sse;

	gk_sse_init(&sse, 0, on_event, NULL);
	ck_assert(!gk_sse_is_unfinished(&sse));
	ck_assert_int_eq(gk_sse_push(&sse, "da", 2, NULL), GK_OK);
	ck_assert(gk_sse_is_unfinished(&sse));
	ck_assert_int_eq(gk_sse_push(&sse, "ta: x\n", 6, NULL), GK_OK);
	ck_assert(gk_sse_is_unfinished(&sse));
	ck_assert_int_eq(gk_sse_push(&sse, "\n", 1, NULL), GK_OK);
	ck_assert(!gk_sse_is_unfinished(&sse));
}
END_TEST

static const struct {
	const char *text;
	bool fits;
} limited[] = {
	{ "data: 789\n\n", true },
	{ "data: 7890\n\n", false },
	{ "data: 7890", false },
	{ ": 3456789\n\n", true },
	{ ": 34567890\n\n", false },
	{ "data: 1\ndata: 3\ndata: 5\ndata: 7\ndata: 9\n\n", true },
	{ "data: 1\ndata: 3\ndata: 5\ndata: 7\ndata: 90\n\n", false },
	{ "data: 1\ndata: 3\n\ndata: 5\ndata: 7\ndata: 90\n\n", true },
	{ "data: 1\n\ndata\ndata\ndata\ndata\ndata\ndata\ndata\ndata\ndata\ndata\n\n", true },
	{ "data: 1\n\ndata\ndata\ndata\ndata\ndata\ndata\ndata\ndata\ndata\ndata\ndata\n\n",
		false },
};

START_TEST(lines_and_events_have_a_limit_at_any_chunking)
{
	const char *text = limited[_i].text;

	for (size_t step = 1; step <= strlen(text); step++) {
		gk_auto_sse gk_sse sse;
		gk_auto_error gk_error err = { 0 };
		gk_code rc;

		gk_sse_init(&sse, 9, on_event, NULL);
		rc = push_in_steps(&sse, text, strlen(text), step, &err);
		if (limited[_i].fits) {
			ck_assert_int_eq(rc, GK_OK);
			continue;
		}
		ck_assert_int_eq(rc, GK_RESOURCE_EXHAUSTED);
		ck_assert_ptr_nonnull(strstr(err.message, "longer than 9 bytes"));
		ck_assert_int_eq(gk_sse_push(&sse, "data: 1\n\n", 9, NULL), GK_RESOURCE_EXHAUSTED);
	}
}
END_TEST

START_TEST(the_limit_of_the_house_is_reached)
{
	gk_auto_sse gk_sse sse;
	gk_auto_str char *text = malloc(GK_MAX_SSE_EVENT + 1);

	memset(text, 'x', GK_MAX_SSE_EVENT + 1);
	gk_sse_init(&sse, 0, on_event, NULL);
	ck_assert_int_eq(gk_sse_push(&sse, text, GK_MAX_SSE_EVENT, NULL), GK_OK);
	ck_assert_int_eq(gk_sse_push(&sse, text, 1, NULL), GK_RESOURCE_EXHAUSTED);
}
END_TEST

static gk_code refuse_second(const gk_sse_event *event, void *user, gk_error *err)
{
	gk_code rc = on_event(event, user, err);

	return event->data.text[0] == 'b' ? gk_error_set(err, GK_ABORTED, "enough") : rc;
}

START_TEST(a_callback_may_end_the_stream)
{
	gk_auto_sse gk_sse sse;
	gk_auto_error gk_error err = { 0 };
	const char *text = "data: a\n\ndata: b\n\ndata: c\n\n";

	gk_sse_init(&sse, 0, refuse_second, NULL);
	ck_assert_int_eq(gk_sse_push(&sse, text, strlen(text), &err), GK_ABORTED);
	ck_assert_str_eq(err.message, "enough");
	ck_assert_str_eq(seen_text(), "||a;||b;");
	ck_assert_int_eq(gk_sse_push(&sse, text, strlen(text), NULL), GK_ABORTED);
	ck_assert_str_eq(seen_text(), "||a;||b;");
}
END_TEST

START_TEST(many_lines_without_lf_are_not_quadratic)
{
	gk_auto_sse gk_sse sse;
	size_t len = 4u << 20;
	gk_auto_str char *text = malloc(len);

	memset(text, '\r', len);
	gk_sse_init(&sse, 0, on_event, NULL);
	ck_assert_int_eq(gk_sse_push(&sse, text, len, NULL), GK_OK);
}
END_TEST

static gk_code ignore(const gk_sse_event *event, void *user, gk_error *err)
{
	(void)event;
	(void)user;
	(void)err;
	return GK_OK;
}

static bool push_with_failures(void)
{
	static const char text[] = "event: some event\nid: some id\ndata: one\ndata: two\n\n";
	gk_sse sse;
	gk_code rc = GK_OK;

	gk_sse_init(&sse, 0, ignore, NULL);
	for (size_t i = 0; rc == GK_OK && i < strlen(text); i++)
		rc = gk_sse_push(&sse, text + i, 1, NULL);
	gk_sse_done(&sse);
	return rc == GK_OK;
}

START_TEST(memory_may_run_out_anywhere)
{
	fault_sweep(push_with_failures);
}
END_TEST

#define COUNT(list) ((int)(sizeof(list) / sizeof(*(list))))

static Suite *suite(void)
{
	Suite *s = suite_create("sse");
	TCase *c = tcase_create("sse");

	tcase_add_checked_fixture(c, set_up, tear_down);
	tcase_add_loop_test(c, events_are_the_same_at_any_chunking, 0, COUNT(streams));
	tcase_add_test(c, an_event_that_comes_whole_is_not_copied);
	tcase_add_test(c, the_time_to_reconnect_is_kept);
	tcase_add_test(c, an_unfinished_event_is_told);
	tcase_add_loop_test(c, lines_and_events_have_a_limit_at_any_chunking, 0, COUNT(limited));
	tcase_add_test(c, the_limit_of_the_house_is_reached);
	tcase_add_test(c, a_callback_may_end_the_stream);
	tcase_add_test(c, many_lines_without_lf_are_not_quadratic);
	tcase_add_test(c, memory_may_run_out_anywhere);
	suite_add_tcase(s, c);
	return s;
}

UNIT_MAIN(suite)
