/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* curl's handles from transfer to transfer: what one leaves for the next, and what it must not. */
#include "calls.h"
#include "unit.h"

#include <stdio.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define DEATHS       12 /* more than curl tries for one handle, over all its transfers */

static const struct {
	const char *method, *path, *header, *body;
} requests[] = {
	{ "POST", "/a", "X-Mine: 0", "a first body that is longer than the others" },
	{ "POST", "/a", "X-Mine: 1", "second" },
	{ "POST", "/a", NULL, "" },
	{ "POST", "/b", "X-Mine: 3", "fourth" },
	{ "GET", "/b", "X-Mine: 4", NULL },
	{ "POST", "/b?key=5", "X-Mine: 5", "sixth" },
	{ "PUT", "/a", NULL, "seventh" },
	{ "POST", "/a", "X-Mine: 7", "eighth" },
	{ "POST", "/a", "X-Mine: 8", NULL },
	{ "DELETE", "/a", NULL, NULL },
	{ "POST", "/a", "X-Mine: 10", "eleventh" },
};

static void ask(size_t i)
{
	const char *const headers[] = { requests[i].header, NULL };
	char path[64], want[128];
	call self = { .opts = { .method = requests[i].method,
			      .headers = headers,
			      .body = requests[i].body,
			      .body_len = requests[i].body ? strlen(requests[i].body) : 0,
			      .connect_ms = 1000 + 1000 * (i % 3) } };

	snprintf(path, sizeof(path), "%s", requests[i].path);
	self.opts.url = server_url(call_peer, "http", path);
	call_fetch(&self);
	ck_assert_int_eq(self.rc, GK_OK);
	ck_assert_str_eq(self.body, "hello");
	snprintf(want, sizeof(want), "%s %s HTTP/1.1\r\n", requests[i].method, path);
	ck_assert(strstr(call_heard, want) == call_heard);
	for (size_t other = 0; other < COUNT(requests); other++)
		if (requests[other].header) {
			snprintf(want, sizeof(want), "\r\n%s\r\n", requests[other].header);
			ck_assert(!strstr(call_heard, want) == (other != i));
		}
	ck_assert_str_eq(
		strstr(call_heard, "\r\n\r\n") + 4, requests[i].body ? requests[i].body : "");
	if (requests[i].body)
		snprintf(want, sizeof(want), "\r\nContent-Length: %zu\r\n",
			strlen(requests[i].body));
	ck_assert(!requests[i].body || strstr(call_heard, want));
	call_end(&self);
}

START_TEST(a_request_has_nothing_of_the_ones_before)
{
	call_script = OK_HELLO;
	call_peer = server_start(call_say_script, NULL);
	for (size_t i = 0; i < COUNT(requests); i++)
		ask(i);
	ck_assert_int_eq(server_accepted(call_peer), 1);
}
END_TEST

START_TEST(a_refusal_leaves_nothing_for_the_next_request)
{
	call_script = "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Digest realm=\"x\", "
		      "nonce=\"y\"\r\nContent-Length: 5\r\n\r\nhello";
	call_peer = server_start(call_say_script, NULL);
	ask(0);
	call_script = OK_HELLO;
	ask(1);
	ck_assert_ptr_null(strstr(call_heard, "Authorization"));
}
END_TEST

/* One answer; the next request finds an end. */
static void answer_once(server *self, int fd)
{
	(void)self;
	if (!server_hear(fd, call_heard, sizeof(call_heard)))
		return;
	server_say(fd, OK_HELLO);
	server_hear(fd, call_heard, sizeof(call_heard));
}

START_TEST(a_kept_connection_that_dies_is_replaced_each_time)
{
	call_peer = server_start(answer_once, NULL);
	for (int i = 0; i < DEATHS; i++)
		ask(1);
	ck_assert_int_ge(server_accepted(call_peer), DEATHS);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("fetch handles");
	TCase *plain = tcase_create("plain");

	tcase_add_checked_fixture(plain, call_set_up, call_tear_down);
	tcase_add_test(plain, a_request_has_nothing_of_the_ones_before);
	tcase_add_test(plain, a_refusal_leaves_nothing_for_the_next_request);
	tcase_add_test(plain, a_kept_connection_that_dies_is_replaced_each_time);
	suite_add_tcase(s, plain);
	return s;
}

UNIT_MAIN(suite)
