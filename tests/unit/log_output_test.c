/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "folder.h"
#include "unit.h"

#include "base/limits.h"
#include "daemon/log_output.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define TRACE "0123456789abcdef0123456789abcdef"

static const gk_log_record plain = { .level = GK_LOG_INFO,
	.component = "flows",
	.message = "listening on 127.0.0.1:3400",
	.wall_ns = 1795333471001000000u };

static void assert_line(
	const gk_log_record *record, gk_log_format format, bool has_colour, const char *expected)
{
	gk_auto_buf gk_buf line = GK_BUF_INIT(0);

	gk_log_put(&line, record, format, has_colour);
	ck_assert_str_eq(line.data, expected);
}

START_TEST(a_record_is_a_line_for_people_for_programs_and_for_the_journal)
{
	gk_log_record run = plain;

	assert_line(&plain, GK_LOG_TEXT, false,
		"2026-11-22T07:44:31.001Z info  flows: listening on 127.0.0.1:3400\n");
	assert_line(&plain, GK_LOG_JSON, false,
		"{\"time\":\"2026-11-22T07:44:31.001Z\",\"level\":\"info\",\"component\":\"flows\",\"message\":"
		"\"listening on 127.0.0.1:3400\"}\n");
	assert_line(&plain, GK_LOG_JOURNAL, false, "<6>flows: listening on 127.0.0.1:3400\n");
	run.level = GK_LOG_ERROR;
	run.trace_id = TRACE;
	run.span_id = "0123456789abcdef";
	assert_line(&run, GK_LOG_TEXT, false,
		"2026-11-22T07:44:31.001Z error flows: listening on 127.0.0.1:3400 trace=" TRACE
		"\n");
	assert_line(&run, GK_LOG_JSON, false,
		"{\"time\":\"2026-11-22T07:44:31.001Z\",\"level\":\"error\",\"component\":\"flows\",\"message\":"
		"\"listening on 127.0.0.1:3400\",\"traceId\":\"" TRACE
		"\",\"spanId\":\"0123456789abcdef\"}\n");
	assert_line(&run, GK_LOG_JOURNAL, false,
		"<3>flows: listening on 127.0.0.1:3400 trace=" TRACE "\n");
}
END_TEST

START_TEST(what_a_caller_sent_makes_no_line_and_moves_no_cursor)
{
	gk_log_record record = plain;

	record.message = "a\nb\tc\033[2J\x7f\"\\";
	assert_line(&record, GK_LOG_TEXT, false,
		"2026-11-22T07:44:31.001Z info  flows: a\\nb c\\x1b[2J\\x7f\"\\\n");
	assert_line(&record, GK_LOG_JOURNAL, false, "<6>flows: a\\nb c\\x1b[2J\\x7f\"\\\n");
	assert_line(&record, GK_LOG_JSON, false,
		"{\"time\":\"2026-11-22T07:44:31.001Z\",\"level\":\"info\",\"component\":\"flows\",\"message\":"
		"\"a\\nb\\tc\\u001b[2J\x7f\\\"\\\\\"}\n");
}
END_TEST

START_TEST(bytes_that_are_no_text_leave_json_what_it_is)
{
	gk_log_record record = plain;
	gk_auto_buf gk_buf line = GK_BUF_INIT(0);
	gk_auto_json json_t *value = NULL;

	record.message = "caf\xe9 \xf0\x9f";
	gk_log_put(&line, &record, GK_LOG_JSON, false);
	ck_assert_int_eq(gk_json_parse(line.data, line.len, 0, &value, NULL), GK_OK);
	ck_assert_str_eq(gk_json_str_peek(value, "level"), "info");
}
END_TEST

START_TEST(colours_are_for_terminals)
{
	gk_log_record record = plain;

	record.level = GK_LOG_WARN;
	assert_line(&record, GK_LOG_TEXT, true,
		"\033[2m2026-11-22T07:44:31.001Z\033[0m \033[33mwarn \033[0m flows: "
		"\033[33mlistening on 127.0.0.1:3400\033[0m\n");
}
END_TEST

START_TEST(a_format_is_chosen_by_name_or_by_where_it_goes)
{
	gk_auto_str char *stream = NULL;
	struct stat status;
	int fd = open("log", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	ck_assert_int_eq(fstat(fd, &status), 0);
	unsetenv("JOURNAL_STREAM");
	ck_assert_int_eq(gk_log_format_choose("json", fd), GK_LOG_JSON);
	ck_assert_int_eq(gk_log_format_choose("text", fd), GK_LOG_TEXT);
	ck_assert_int_eq(gk_log_format_choose("journal", fd), GK_LOG_JOURNAL);
	ck_assert_int_eq(gk_log_format_choose("auto", fd), GK_LOG_TEXT);
	ck_assert_int_gt(asprintf(&stream, "%llu:%llu", (unsigned long long)status.st_dev,
				 (unsigned long long)status.st_ino),
		0);
	setenv("JOURNAL_STREAM", stream, true);
	ck_assert_int_eq(gk_log_format_choose("auto", fd), GK_LOG_JOURNAL);
	ck_assert_int_eq(gk_log_format_choose("auto", STDIN_FILENO), GK_LOG_TEXT);
	unsetenv("JOURNAL_STREAM");
	close(fd);
	ck_assert_int_eq(gk_log_level_choose("warn"), GK_LOG_WARN);
	ck_assert_int_eq(gk_log_level_choose(NULL), GK_LOG_INFO);
}
END_TEST

/* --- records --- */

static size_t seen, seen_length;

static void see(const gk_log_record *record, void *user)
{
	(void)user;
	seen++;
	seen_length = strlen(record->message);
}

START_TEST(a_long_message_is_cut)
{
	gk_auto_str char *text = malloc(2 * GK_MAX_LOG_MESSAGE + 1);

	memset(text, 'x', 2 * GK_MAX_LOG_MESSAGE);
	text[2 * GK_MAX_LOG_MESSAGE] = '\0';
	gk_log_set_sink(see, NULL);
	gk_log(GK_LOG_ERROR, "test", "%s", text);
	ck_assert_uint_le(seen_length, GK_MAX_LOG_MESSAGE);
	ck_assert_uint_gt(seen_length, GK_MAX_LOG_MESSAGE - 8);
	gk_log_set_sink(NULL, NULL);
}
END_TEST

START_TEST(what_is_less_important_than_the_level_is_not_made)
{
	seen = 0;
	gk_log_set_sink(see, NULL);
	gk_log_set_level(GK_LOG_WARN);
	gk_log(GK_LOG_INFO, "test", "no");
	gk_log(GK_LOG_WARN, "test", "yes");
	ck_assert_uint_eq(seen, 1);
	ck_assert(!gk_log_is_on(GK_LOG_DEBUG));
	gk_log_set_level(GK_LOG_INFO);
	gk_log_set_sink(NULL, NULL);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("log output");
	TCase *t = tcase_create("lines");

	tcase_add_checked_fixture(t, folder_make, folder_drop);
	tcase_add_test(t, a_record_is_a_line_for_people_for_programs_and_for_the_journal);
	tcase_add_test(t, what_a_caller_sent_makes_no_line_and_moves_no_cursor);
	tcase_add_test(t, bytes_that_are_no_text_leave_json_what_it_is);
	tcase_add_test(t, colours_are_for_terminals);
	tcase_add_test(t, a_format_is_chosen_by_name_or_by_where_it_goes);
	tcase_add_test(t, a_long_message_is_cut);
	tcase_add_test(t, what_is_less_important_than_the_level_is_not_made);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(suite)
