/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "front.h"
#include "unit.h"

#include "base/clock.h"

#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

/* --- answers --- */

START_TEST(an_answer_that_is_ready_leaves_with_its_length)
{
	gk_auto_str char *answer = front_talk(
		"POST /echo?q=a%20b HTTP/1.1\r\n" HEAD "Content-Length: 5\r\n" CLOSE "hello");

	assert_has(answer, "HTTP/1.1 200 OK\r\n");
	assert_has(answer, "Content-Length: 5\r\n");
	assert_has(answer, "X-Query: a b\r\n");
	assert_has(answer, "\r\n\r\nhello");
}
END_TEST

START_TEST(an_answer_in_parts_that_ends_in_its_handler_has_a_length_too)
{
	gk_auto_str char *answer = front_talk("GET /parts HTTP/1.1\r\n" HEAD CLOSE);

	assert_has(answer, "Content-Length: 7\r\n");
	assert_has(answer, "\r\n\r\none,two");
}
END_TEST

START_TEST(a_head_request_has_the_length_and_no_body)
{
	gk_auto_str char *answer = front_talk("HEAD /parts HTTP/1.1\r\n" HEAD CLOSE);

	assert_has(answer, "Content-Length: 7\r\n");
	ck_assert_ptr_nonnull(strstr(answer, "\r\n\r\n"));
	ck_assert_str_eq(strstr(answer, "\r\n\r\n") + 4, "");
}
END_TEST

static const struct {
	const char *target, *part; /* and what the answer has */
} absolute[] = {
	{ "http://localhost/parts", "\r\n\r\none,two" },
	{ "HTTP://localhost/parts", "\r\n\r\none,two" },
	{ "https://localhost:3400/parts?q=1", "\r\n\r\none,two" },
	{ "http://[::1]:1/p%61rts", "\r\n\r\none,two" },
	{ "http://localhost/echo?q=a%20b", "X-Query: a b\r\n" },
	{ "http://localhost/echo?q=http://y/", "X-Query: http://y/\r\n" },
	{ "http://localhost:3400/headers", "\"host\":\"localhost:3400\"" },
	{ "/headers", "\"host\":\"x\"" },
	{ "http://localhost", "HTTP/1.1 404 " },
	{ "http://localhost?q=1", "HTTP/1.1 404 " },
	{ "/http://localhost/parts", "HTTP/1.1 404 " },
	{ "ftp://localhost/parts", "HTTP/1.1 404 " },
	{ "http:/parts", "HTTP/1.1 404 " },
};

START_TEST(a_target_in_absolute_form_is_taken_and_its_host_goes_before_the_header)
{
	gk_auto_str char *request = NULL, *answer = NULL;

	ck_assert_int_gt(
		asprintf(&request, "GET %s HTTP/1.1\r\n" HEAD CLOSE, absolute[_i].target), 0);
	answer = front_talk(request);
	assert_has(answer, absolute[_i].part);
	ck_assert_uint_eq(front_handled, 1);
}
END_TEST

START_TEST(each_request_of_a_connection_has_its_own_form_of_target)
{
	gk_auto_str char *answer =
		front_talk("GET http://localhost/headers HTTP/1.1\r\n" HEAD
			   "\r\nGET /headers HTTP/1.1\r\n" HEAD
			   "\r\nGET http://other:1/parts HTTP/1.1\r\n" HEAD CLOSE);

	assert_has(answer, "\"host\":\"localhost\"");
	assert_has(answer, "\"host\":\"x\"");
	assert_has(answer, "\r\n\r\none,two");
}
END_TEST

START_TEST(repeated_headers_are_joined)
{
	gk_auto_str char *answer =
		front_talk("GET /headers HTTP/1.1\r\n" HEAD "X-A: 1\r\nx-a: 2\r\n" CLOSE);

	assert_has(answer, "\"x-a\":\"1, 2\"");
}
END_TEST

START_TEST(five_pipelined_requests_get_five_answers)
{
	gk_auto_str char *answer =
		front_talk("GET /parts HTTP/1.1\r\n" HEAD "\r\nGET /parts HTTP/1.1\r\n" HEAD
			   "\r\nGET /parts HTTP/1.1\r\n" HEAD "\r\nGET /parts HTTP/1.1\r\n" HEAD
			   "\r\nGET /parts HTTP/1.1\r\n" HEAD CLOSE);
	unsigned answers = 0;

	for (const char *at = answer; (at = strstr(at, "one,two")) != NULL; at++)
		answers++;
	ck_assert_uint_eq(answers, 5);
}
END_TEST

/* --- streams --- */

static void write_later(void *user)
{
	(void)user;
	gk_exchange_write(front_open_exchange, "a\n", 2);
	gk_exchange_write(front_open_exchange, "b\n", 2);
	gk_exchange_end(front_open_exchange);
}

static void stream_client(void *user)
{
	char **answer = user;
	int fd = http_connect(front_listener);
	gk_auto_str char *head = NULL;

	http_send(fd, "GET /open HTTP/1.1\r\n" HEAD CLOSE);
	head = http_read(fd, "open\n\r\n");
	assert_has(head,
		"Transfer-Encoding: chunked\r\n"); /* the headers are here before the end is */
	gk_loop_post(front_loop, write_later, NULL);
	*answer = http_read(fd, NULL);
	close(fd);
}

START_TEST(a_first_write_goes_out_at_once_and_writes_of_one_turn_share_a_chunk)
{
	gk_auto_str char *answer = NULL;

	http_run(front_loop, stream_client, &answer);
	ck_assert_str_eq(answer, "4\r\na\nb\n\r\n0\r\n\r\n");
	ck_assert_uint_eq(front_hangups, 0);
}
END_TEST

START_TEST(an_answer_that_ends_in_a_moment_is_one_write_of_known_length)
{
	gk_auto_str char *answer = front_talk("GET /soon HTTP/1.1\r\n" HEAD CLOSE);

	assert_has(answer, "Content-Length: 4\r\n");
	ck_assert_ptr_null(strstr(answer, "chunked"));
	assert_has(answer, "\r\n\r\nsoon");
}
END_TEST

static void head_client(void *user)
{
	char **head = user;
	int fd = http_connect(front_listener);

	http_send(fd, "GET /begun HTTP/1.1\r\n" HEAD CLOSE);
	*head = http_read(fd, "\r\n\r\n");
	close(fd);
}

START_TEST(headers_wait_a_moment_for_a_body_and_no_longer)
{
	gk_auto_str char *head = NULL;
	uint64_t began = gk_clock_mono_ms();

	http_run(front_loop, head_client, &head);
	assert_has(head, "Transfer-Encoding: chunked\r\n");
	ck_assert_uint_ge(gk_clock_mono_ms() - began, GK_HTTP_GRACE_MS);
}
END_TEST

static void hasty_client(void *user)
{
	int fd = http_connect(front_listener);

	(void)user;
	http_send(fd, "GET /begun HTTP/1.1\r\n" HEAD CLOSE);
	while (!__atomic_load_n(&front_handled, __ATOMIC_SEQ_CST))
		usleep(10);
	close(fd);
	for (int i = 0; i < 5000 && !__atomic_load_n(&front_hangups, __ATOMIC_SEQ_CST); i++)
		usleep(1000);
}

START_TEST(a_client_that_goes_in_the_first_moment_is_missed)
{
	http_run(front_loop, hasty_client, NULL);
	ck_assert_uint_eq(front_hangups, 1);
}
END_TEST

#define CROWD 20 /* more than wait for their first moment without being suspended */

/* What has come of an answer while the loop ran. */
static size_t hear(int fd, char *room, size_t size)
{
	ssize_t got = recv(fd, room, size - 1, MSG_DONTWAIT);

	room[got > 0 ? got : 0] = '\0';
	return got > 0 ? (size_t)got : 0;
}

START_TEST(a_crowd_of_answers_that_end_in_a_moment_is_served_twice)
{
	int fds[CROWD];
	char room[1024];

	for (int i = 0; i < CROWD; i++)
		fds[i] = http_connect(front_listener);
	for (int round = 1; round <= 2; round++) {
		for (int i = 0; i < CROWD; i++)
			http_send(fds[i],
				"POST /soon HTTP/1.1\r\n" HEAD "Content-Length: 2\r\n\r\n{}");
		for (int i = 0; i < CROWD; i++) {
			while (!hear(fds[i], room, sizeof(room)))
				gk_loop_turn(front_loop, 1000);
			assert_has(room, "Content-Length: 4\r\n");
			assert_has(room, "\r\n\r\nsoon");
		}
		ck_assert_uint_eq(front_handled, (unsigned)round * CROWD);
	}
	for (int i = 0; i < CROWD; i++)
		close(fds[i]);
}
END_TEST

START_TEST(an_answer_in_its_first_moment_lets_the_loop_sleep)
{
	int fd = http_connect(front_listener);
	unsigned turns = 0;
	char room[1024];

	http_send(fd, "GET /begun HTTP/1.1\r\n" HEAD "\r\n");
	for (; !hear(fd, room, sizeof(room)); turns++)
		gk_loop_turn(front_loop, 1000);
	assert_has(room, "chunked");
	ck_assert_uint_le(turns, 10);
	close(fd);
}
END_TEST

START_TEST(a_client_that_resets_in_the_first_moment_is_noticed_once)
{
	struct linger at_once = { .l_onoff = 1 };
	int fd = http_connect(front_listener);

	http_send(fd, "GET /later HTTP/1.1\r\n" HEAD "\r\n");
	while (!front_handled)
		gk_loop_turn(front_loop, 1000);
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	close(fd);
	while (!front_hangups || gk_http_active(front_listener))
		gk_loop_turn(front_loop, 1000);
	ck_assert_uint_eq(front_hangups, 1);
	ck_assert_uint_eq(gk_http_connections(front_listener), 0);
}
END_TEST

static void reply_later(void *user)
{
	(void)user;
	gk_exchange_reply(front_open_exchange, 200, "text/plain", "late", 4);
}

static void later_client(void *user)
{
	char **answer = user;
	int fd = http_connect(front_listener);

	http_send(fd, "GET /later HTTP/1.1\r\n" HEAD CLOSE);
	while (!__atomic_load_n(&front_handled, __ATOMIC_SEQ_CST))
		usleep(100);
	gk_loop_post(front_loop, reply_later, NULL);
	*answer = http_read(fd, NULL);
	close(fd);
}

START_TEST(an_answer_may_begin_after_its_handler_returned)
{
	gk_auto_str char *answer = NULL;

	http_run(front_loop, later_client, &answer);
	assert_has(answer, "Content-Length: 4\r\n");
	assert_has(answer, "late");
}
END_TEST

START_TEST(http_1_0_gets_a_stream_without_chunks_that_ends_with_the_connection)
{
	gk_auto_str char *answer = front_talk("GET /much HTTP/1.0\r\n" HEAD "\r\n");

	ck_assert_ptr_null(strstr(answer, "chunked"));
	ck_assert_uint_ge(strlen(answer), FRONT_MUCH);
}
END_TEST

/* --- the client's end --- */

static void leaving_client(void *user)
{
	uint64_t *left_ms = user;
	int fd = http_connect(front_listener);

	http_send(fd, "GET /open HTTP/1.1\r\n" HEAD "\r\n");
	free(http_read(fd, "open\n"));
	*left_ms = gk_clock_mono_ms();
	close(fd);
}

START_TEST(a_client_that_leaves_a_stream_is_noticed_within_50_ms)
{
	uint64_t left_ms = 0;

	http_run(front_loop, leaving_client, &left_ms);
	while (!front_hangups)
		gk_loop_turn(front_loop, 1000);
	ck_assert_uint_eq(front_hangups, 1);
	ck_assert_uint_le(front_hung_up_ms - left_ms, 50);
	while (gk_http_active(front_listener))
		gk_loop_turn(front_loop, 1000);
}
END_TEST

static void impatient_client(void *user)
{
	int fd = http_connect(front_listener);

	(void)user;
	http_send(fd, "GET /later HTTP/1.1\r\n" HEAD "\r\n");
	while (!__atomic_load_n(&front_handled, __ATOMIC_SEQ_CST))
		usleep(100);
	close(fd);
}

START_TEST(a_client_that_leaves_before_the_answer_began_is_noticed)
{
	http_run(front_loop, impatient_client, NULL);
	while (!front_hangups)
		gk_loop_turn(front_loop, 1000);
	while (gk_http_active(front_listener))
		gk_loop_turn(front_loop, 1000);
	ck_assert_uint_eq(front_hangups, 1);
}
END_TEST

static void slow_reader(void *user)
{
	int fd = http_connect(front_listener);

	(void)user;
	http_send(fd, "GET /much HTTP/1.1\r\n" HEAD CLOSE);
	while (!__atomic_load_n(&front_was_parked, __ATOMIC_SEQ_CST)) /* reads nothing until then */
		usleep(100);
	free(http_read(fd, NULL));
	close(fd);
}

START_TEST(a_producer_parks_while_its_client_is_behind_and_finishes_after)
{
	http_run(front_loop, slow_reader, NULL);
	ck_assert(front_was_parked);
	ck_assert_int_eq(front_room_rc, GK_OK);
	ck_assert_uint_eq(front_produced, FRONT_MUCH);
}
END_TEST

START_TEST(several_producers_of_one_answer_park_and_finish)
{
	gk_auto_str char *answer = front_talk("GET /together HTTP/1.1\r\n" HEAD CLOSE);

	ck_assert_uint_eq(front_producers, 0);
	ck_assert_uint_eq(front_produced, FRONT_MUCH);
	ck_assert_uint_ge(strlen(answer), FRONT_MUCH);
}
END_TEST

static void leaving_reader(void *user)
{
	int fd = http_connect(front_listener);

	http_send(fd, user);
	free(http_read(fd, "xxx"));
	close(fd);
}

START_TEST(a_parked_producer_learns_that_its_client_has_gone)
{
	http_run(front_loop, leaving_reader, (char *)"GET /much HTTP/1.1\r\n" HEAD "\r\n");
	while (front_room_rc != GK_CANCELLED)
		gk_loop_turn(front_loop, 1000);
	while (gk_http_active(front_listener))
		gk_loop_turn(front_loop, 1000);
}
END_TEST

START_TEST(all_parked_producers_learn_that_their_client_has_gone)
{
	http_run(front_loop, leaving_reader, (char *)"GET /together HTTP/1.1\r\n" HEAD "\r\n");
	while (front_producers)
		gk_loop_turn(front_loop, 1000);
	ck_assert_uint_lt(front_produced, FRONT_MUCH);
}
END_TEST

START_TEST(a_listener_is_freed_with_streams_open)
{
	int fd = http_connect(front_listener);

	http_send(fd, "GET /open HTTP/1.1\r\n" HEAD "\r\n");
	while (!front_open_exchange)
		gk_loop_turn(front_loop, 1000);
	gk_loop_turn(front_loop, 0);
	gk_http_free(front_listener);
	front_listener = NULL;
	ck_assert_uint_eq(front_hangups, 1);
	close(fd);
}
END_TEST

START_TEST(a_listener_is_freed_while_a_request_arrives)
{
	int fd = http_connect(front_listener);

	http_send(fd, "GET /open HTTP/1.1\r\n" HEAD "Content-Length: 2\r\n\r\n1");
	while (!gk_http_active(front_listener))
		gk_loop_turn(front_loop, 1000);
	http_send(fd, "2"); /* is there when the listener is freed, and makes the request whole */
	gk_http_free(front_listener);
	front_listener = NULL;
	ck_assert_uint_eq(front_handled, 0);
	close(fd);
}
END_TEST

START_TEST(draining_ends_keep_alive_and_accepts_nobody)
{
	int fd = http_connect(front_listener);
	gk_auto_str char *answer = NULL;

	http_send(fd, "GET /open HTTP/1.1\r\n" HEAD "\r\n");
	while (!front_open_exchange)
		gk_loop_turn(front_loop, 1000);
	gk_loop_turn(front_loop, 0);
	gk_http_drain(front_listener);
	gk_exchange_end(front_open_exchange);
	while (gk_http_active(front_listener) || gk_http_connections(front_listener))
		gk_loop_turn(front_loop, 100);
	answer = http_read(fd, NULL); /* ends: the server has closed */
	assert_has(answer, "0\r\n\r\n");
	close(fd);
}
END_TEST

static Suite *suite(void)
{
	Suite *all = suite_create("http");
	TCase *served = tcase_create("served");

	tcase_add_checked_fixture(served, front_setup, front_teardown);
	tcase_set_timeout(served, 20);
	tcase_add_test(served, an_answer_that_is_ready_leaves_with_its_length);
	tcase_add_test(served, an_answer_in_parts_that_ends_in_its_handler_has_a_length_too);
	tcase_add_test(served, a_head_request_has_the_length_and_no_body);
	tcase_add_loop_test(served,
		a_target_in_absolute_form_is_taken_and_its_host_goes_before_the_header, 0,
		sizeof(absolute) / sizeof(absolute[0]));
	tcase_add_test(served, each_request_of_a_connection_has_its_own_form_of_target);
	tcase_add_test(served, repeated_headers_are_joined);
	tcase_add_test(served, five_pipelined_requests_get_five_answers);
	tcase_add_test(served, a_first_write_goes_out_at_once_and_writes_of_one_turn_share_a_chunk);
	tcase_add_test(served, an_answer_that_ends_in_a_moment_is_one_write_of_known_length);
	tcase_add_test(served, headers_wait_a_moment_for_a_body_and_no_longer);
	tcase_add_test(served, a_client_that_goes_in_the_first_moment_is_missed);
	tcase_add_test(served, a_crowd_of_answers_that_end_in_a_moment_is_served_twice);
	tcase_add_test(served, an_answer_in_its_first_moment_lets_the_loop_sleep);
	tcase_add_test(served, a_client_that_resets_in_the_first_moment_is_noticed_once);
	tcase_add_test(served, an_answer_may_begin_after_its_handler_returned);
	tcase_add_test(served, http_1_0_gets_a_stream_without_chunks_that_ends_with_the_connection);
	tcase_add_test(served, a_client_that_leaves_a_stream_is_noticed_within_50_ms);
	tcase_add_test(served, a_client_that_leaves_before_the_answer_began_is_noticed);
	tcase_add_test(served, a_producer_parks_while_its_client_is_behind_and_finishes_after);
	tcase_add_test(served, several_producers_of_one_answer_park_and_finish);
	tcase_add_test(served, all_parked_producers_learn_that_their_client_has_gone);
	tcase_add_test(served, a_parked_producer_learns_that_its_client_has_gone);
	tcase_add_test(served, a_listener_is_freed_with_streams_open);
	tcase_add_test(served, a_listener_is_freed_while_a_request_arrives);
	tcase_add_test(served, draining_ends_keep_alive_and_accepts_nobody);
	suite_add_tcase(all, served);
	return all;
}

UNIT_MAIN(suite)
