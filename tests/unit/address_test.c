/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "front.h"
#include "unit.h"

#include "server/address.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

/* --- addresses --- */

START_TEST(the_next_port_is_taken_when_one_is_in_use)
{
	gk_http_listener *other = NULL;
	gk_auto_error gk_error err = { 0 };

	ck_assert_int_eq(gk_http_listen(front_loop,
				 GK_OPTS(gk_http_opts, .address = gk_http_address(front_listener),
					 .handle = front_handle),
				 &other, &err),
		GK_UNAVAILABLE);
	assert_has(err.message, gk_http_address(front_listener));
	ck_assert_int_eq(gk_http_listen(front_loop,
				 GK_OPTS(gk_http_opts, .address = gk_http_address(front_listener),
					 .port_tries = 50, .handle = front_handle),
				 &other, NULL),
		GK_OK);
	ck_assert_uint_gt(gk_http_port(other), gk_http_port(front_listener));
	gk_http_free(other);
}
END_TEST

/* Whoever has the ports above: ours, or others. */
START_TEST(so_many_ports_above_are_tried)
{
	gk_http_listener *above[2] = { NULL }, *other = NULL;
	gk_auto_error gk_error err = { 0 };
	unsigned port = gk_http_port(front_listener);

	for (unsigned i = 0; i < 2; i++) {
		char address[32];

		snprintf(address, sizeof(address), "127.0.0.1:%u", port + 1 + i);
		if (gk_http_listen(front_loop,
			    GK_OPTS(gk_http_opts, .address = address, .handle = front_handle),
			    &above[i], NULL) != GK_OK)
			above[i] = NULL;
	}
	ck_assert_int_eq(gk_http_listen(front_loop,
				 GK_OPTS(gk_http_opts, .address = gk_http_address(front_listener),
					 .port_tries = 2, .handle = front_handle),
				 &other, &err),
		GK_UNAVAILABLE);
	assert_has(err.message, "and the ports above");
	ck_assert_int_ge(fcntl(0, F_GETFD), 0); /* which is not its to close */
	gk_http_free(above[0]);
	gk_http_free(above[1]);
}
END_TEST

START_TEST(a_unix_socket_serves_and_an_abandoned_one_is_replaced)
{
	char folder[] = "/tmp/genkitd-http-XXXXXX";
	gk_auto_str char *address = NULL, *answer = NULL;

	ck_assert_ptr_nonnull(mkdtemp(folder));
	ck_assert_int_gt(asprintf(&address, "unix:%s/s", folder), 0);
	for (int i = 0; i < 2; i++) {
		int fd;

		front_teardown();
		/* Left behind by one that was killed. */
		ck_assert_int_eq(gk_address_listen(address, 0, &fd, NULL), GK_OK);
		close(fd);
		front_start(GK_OPTS(gk_http_opts, .address = address));
		free(answer);
		answer = front_talk("GET /parts HTTP/1.1\r\n" HEAD CLOSE);
		assert_has(answer, "one,two");
	}
	gk_http_free(front_listener);
	front_listener = NULL;
	ck_assert_int_eq(access(address + 5, F_OK), -1);
	rmdir(folder);
}
END_TEST

START_TEST(an_inherited_socket_serves)
{
	gk_auto_str char *answer = NULL;
	int fd;

	gk_http_free(front_listener);
	ck_assert_int_eq(gk_address_listen("127.0.0.1:0", 0, &fd, NULL), GK_OK);
	ck_assert_int_eq(
		gk_http_listen(front_loop, GK_OPTS(gk_http_opts, .fd = fd, .handle = front_handle),
			&front_listener, NULL),
		GK_OK);
	answer = front_talk("GET /parts HTTP/1.1\r\n" HEAD CLOSE);
	assert_has(answer, "one,two");
}
END_TEST

static int option_of(int fd, int level, int name)
{
	int value = -1;
	socklen_t len = sizeof(value);

	ck_assert_int_eq(getsockopt(fd, level, name, &value, &len), 0);
	return value;
}

START_TEST(a_client_that_vanishes_is_noticed_within_a_minute)
{
	struct sockaddr_in name;
	socklen_t len = sizeof(name);
	int fd, client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), accepted;

	ck_assert_int_eq(gk_address_listen("127.0.0.1:0", 0, &fd, NULL), GK_OK);
	gk_address_tune(fd);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&name, &len), 0);
	ck_assert_int_eq(connect(client, (struct sockaddr *)&name, len), 0);
	accepted = accept(fd, NULL, NULL);
	ck_assert_int_ne(option_of(accepted, SOL_SOCKET, SO_KEEPALIVE), 0);
	ck_assert_int_le(option_of(accepted, IPPROTO_TCP, TCP_KEEPIDLE) +
				 option_of(accepted, IPPROTO_TCP, TCP_KEEPINTVL) *
					 option_of(accepted, IPPROTO_TCP, TCP_KEEPCNT),
		60);
	ck_assert_int_ne(option_of(accepted, IPPROTO_TCP, TCP_NODELAY), 0);
	close(accepted);
	close(client);
	close(fd);
}
END_TEST

START_TEST(only_loopback_counts_as_local)
{
	ck_assert(gk_address_is_local("127.0.0.1:1"));
	ck_assert(gk_address_is_local("127.9.9.9:1"));
	ck_assert(gk_address_is_local("[::1]:1"));
	ck_assert(gk_address_is_local("localhost:1"));
	ck_assert(gk_address_is_local("unix:/x"));
	ck_assert(!gk_address_is_local("0.0.0.0:1"));
	ck_assert(!gk_address_is_local("[::]:1"));
	ck_assert(!gk_address_is_local("10.0.0.1:1"));
	ck_assert(!gk_address_is_local("localhost.example:1"));
}
END_TEST

static const char *const no_addresses[] = { "", ":1", "1", "x", "127.0.0.1",
	"127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:x", "::1:1", "unix:" };

START_TEST(text_that_is_no_address_is_refused)
{
	int fd;

	ck_assert_int_eq(gk_address_listen(no_addresses[_i], 0, &fd, NULL), GK_INVALID_ARGUMENT);
}
END_TEST

static Suite *suite(void)
{
	Suite *all = suite_create("address");
	TCase *served = tcase_create("served");

	tcase_add_checked_fixture(served, front_setup, front_teardown);
	tcase_set_timeout(served, 20);
	tcase_add_test(served, the_next_port_is_taken_when_one_is_in_use);
	tcase_add_test(served, so_many_ports_above_are_tried);
	tcase_add_test(served, a_unix_socket_serves_and_an_abandoned_one_is_replaced);
	tcase_add_test(served, an_inherited_socket_serves);
	tcase_add_test(served, a_client_that_vanishes_is_noticed_within_a_minute);
	tcase_add_test(served, only_loopback_counts_as_local);
	tcase_add_loop_test(served, text_that_is_no_address_is_refused, 0,
		sizeof(no_addresses) / sizeof(no_addresses[0]));
	suite_add_tcase(all, served);
	return all;
}

UNIT_MAIN(suite)
