/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "loop/ndjson.h"

#include "base/limits.h"
#include "unit.h"

/* Lines as text, each with ";" behind it. */
static gk_buf seen;

static gk_code on_line(const char *line, size_t len, void *user, gk_error *err)
{
	(void)user;
	(void)err;
	gk_buf_put(&seen, line, len);
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

static gk_code push_in_steps(
	gk_ndjson *lines, const char *text, size_t len, size_t step, gk_error *err)
{
	gk_code rc = GK_OK;

	for (size_t at = 0; rc == GK_OK && at < len; at += step) {
		size_t n = len - at < step ? len - at : step;
		char *piece = malloc(n);

		memcpy(piece, text + at, n);
		rc = gk_ndjson_push(lines, piece, n, err);
		free(piece);
	}
	return rc == GK_OK ? gk_ndjson_end(lines, err) : rc;
}

static const struct {
	const char *text, *want;
} streams[] = {
	{ "{}\n[]\n", "{};[];" },
	{ "{}\n[]", "{};[];" },
	{ "{}\r\n[]\r\n", "{};[];" },
	{ "\n\n{}\n \t \n\r\n[]\n\n", "{};[];" },
	{ "{}\r[]\n", "{}\r[];" },
	{ " {} \n", " {} ;" },
	{ "\xc3\xa9\n", "\xc3\xa9;" },
	{ "\r", "" },
	{ "a\r", "a;" },
	{ "", "" },
};

START_TEST(lines_are_the_same_at_any_chunking)
{
	const char *text = streams[_i].text;

	for (size_t step = 1; step <= strlen(text) + 1; step++) {
		gk_auto_ndjson gk_ndjson lines;

		gk_ndjson_init(&lines, 0, on_line, NULL);
		gk_buf_clear(&seen);
		ck_assert_int_eq(push_in_steps(&lines, text, strlen(text), step, NULL), GK_OK);
		ck_assert_str_eq(seen_text(), streams[_i].want);
	}
}
END_TEST

static gk_code must_be_where_it_was(const char *line, size_t len, void *user, gk_error *err)
{
	const char **next = user;

	(void)err;
	ck_assert_ptr_eq(line, *next);
	*next += len + 1;
	return GK_OK;
}

START_TEST(a_line_that_comes_whole_is_not_copied)
{
	gk_auto_ndjson gk_ndjson lines;
	const char *text = "{\"a\":1}\n[2]\n", *next = text;

	gk_ndjson_init(&lines, 0, must_be_where_it_was, &next);
	ck_assert_int_eq(gk_ndjson_push(&lines, text, strlen(text), NULL), GK_OK);
	ck_assert_ptr_eq(next, text + strlen(text));
}
END_TEST

START_TEST(lines_have_a_limit_at_any_chunking)
{
	for (size_t step = 1; step <= 8; step++) {
		gk_auto_ndjson gk_ndjson fits, ends, stops;

		gk_ndjson_init(&fits, 4, on_line, NULL);
		gk_ndjson_init(&ends, 4, on_line, NULL);
		gk_ndjson_init(&stops, 4, on_line, NULL);
		ck_assert_int_eq(push_in_steps(&fits, "1234\n1234", 9, step, NULL), GK_OK);
		ck_assert_int_eq(
			push_in_steps(&ends, "1\n12345\n", 8, step, NULL), GK_RESOURCE_EXHAUSTED);
		ck_assert_int_eq(
			push_in_steps(&stops, "1\n12345", 7, step, NULL), GK_RESOURCE_EXHAUSTED);
		ck_assert_int_eq(gk_ndjson_push(&stops, "1\n", 2, NULL), GK_RESOURCE_EXHAUSTED);
		ck_assert_int_eq(gk_ndjson_end(&stops, NULL), GK_RESOURCE_EXHAUSTED);
	}
}
END_TEST

START_TEST(the_limit_of_the_house_is_reached)
{
	gk_auto_ndjson gk_ndjson lines;
	gk_auto_str char *text = malloc(GK_MAX_NDJSON_LINE + 1);

	memset(text, 'x', GK_MAX_NDJSON_LINE + 1);
	gk_ndjson_init(&lines, 0, on_line, NULL);
	ck_assert_int_eq(gk_ndjson_push(&lines, text, GK_MAX_NDJSON_LINE, NULL), GK_OK);
	ck_assert_int_eq(gk_ndjson_push(&lines, text, 1, NULL), GK_RESOURCE_EXHAUSTED);
}
END_TEST

static gk_code refuse_second(const char *line, size_t len, void *user, gk_error *err)
{
	gk_code rc = on_line(line, len, user, err);

	return *line == 'b' ? gk_error_set(err, GK_ABORTED, "enough") : rc;
}

START_TEST(a_callback_may_end_the_stream)
{
	gk_auto_ndjson gk_ndjson lines;
	gk_auto_error gk_error err = { 0 };

	gk_ndjson_init(&lines, 0, refuse_second, NULL);
	ck_assert_int_eq(gk_ndjson_push(&lines, "a\nb\nc\n", 6, &err), GK_ABORTED);
	ck_assert_str_eq(err.message, "enough");
	ck_assert_str_eq(seen_text(), "a;b;");
	ck_assert_int_eq(gk_ndjson_push(&lines, "d\n", 2, NULL), GK_ABORTED);
	ck_assert_str_eq(seen_text(), "a;b;");
}
END_TEST

static gk_code ignore(const char *line, size_t len, void *user, gk_error *err)
{
	(void)line;
	(void)len;
	(void)user;
	(void)err;
	return GK_OK;
}

static bool push_with_failures(void)
{
	gk_ndjson lines;
	gk_code rc = GK_OK;

	gk_ndjson_init(&lines, 0, ignore, NULL);
	for (size_t i = 0; rc == GK_OK && i < 200; i++)
		rc = gk_ndjson_push(&lines, "x", 1, NULL);
	if (rc == GK_OK)
		rc = gk_ndjson_end(&lines, NULL);
	gk_ndjson_done(&lines);
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
	Suite *s = suite_create("ndjson");
	TCase *c = tcase_create("ndjson");

	tcase_add_checked_fixture(c, set_up, tear_down);
	tcase_add_loop_test(c, lines_are_the_same_at_any_chunking, 0, COUNT(streams));
	tcase_add_test(c, a_line_that_comes_whole_is_not_copied);
	tcase_add_test(c, lines_have_a_limit_at_any_chunking);
	tcase_add_test(c, the_limit_of_the_house_is_reached);
	tcase_add_test(c, a_callback_may_end_the_stream);
	tcase_add_test(c, memory_may_run_out_anywhere);
	suite_add_tcase(s, c);
	return s;
}

UNIT_MAIN(suite)
