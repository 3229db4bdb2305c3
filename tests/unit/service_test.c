/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "folder.h"
#include "unit.h"

#include "base/limits.h"
#include "daemon/service.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static gk_loop *loop;
static int manager = -1;

/* Listens as the service manager does, at a path or ("@...") in the abstract namespace. */
static void listen_at(const char *path)
{
	struct sockaddr_un name = { .sun_family = AF_UNIX };
	size_t len = strlen(path);

	memcpy(name.sun_path, path, len);
	if (path[0] == '@')
		name.sun_path[0] = '\0';
	manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	ck_assert_int_ge(manager, 0);
	ck_assert_int_eq(bind(manager, (struct sockaddr *)&name,
				 (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)),
		0);
	setenv("NOTIFY_SOCKET", path, true);
}

static void set_up(void)
{
	gk_auto_str char *path = NULL;

	folder_make();
	ck_assert_int_gt(asprintf(&path, "%s/notify", folder_path()), 0);
	listen_at(path);
	unsetenv("WATCHDOG_PID");
	unsetenv("WATCHDOG_USEC");
	ck_assert_int_eq(gk_loop_new(&loop, NULL), GK_OK);
}

static void tear_down(void)
{
	unsetenv("NOTIFY_SOCKET");
	gk_loop_free(loop);
	close(manager);
	folder_drop();
}

/* The next datagram; "" when there is none. */
static const char *heard(void)
{
	static char text[512];
	ssize_t len = recv(manager, text, sizeof(text) - 1, 0);

	text[len < 0 ? 0 : len] = '\0';
	return text;
}

START_TEST(the_manager_hears_what_it_is_told)
{
	unsigned long long now = 0;

	ck_assert(gk_service_notify("READY=1\nSTATUS=%d runs", 3));
	ck_assert_str_eq(heard(), "READY=1\nSTATUS=3 runs");
	gk_service_reloading();
	ck_assert_int_eq(sscanf(heard(), "RELOADING=1\nMONOTONIC_USEC=%llu", &now), 1);
	ck_assert_uint_gt(now, 0);
}
END_TEST

START_TEST(an_abstract_socket_will_do)
{
	gk_auto_str char *name = NULL;

	close(manager);
	ck_assert_int_gt(asprintf(&name, "@genkitd-test-%d", (int)getpid()), 0);
	listen_at(name);
	ck_assert(gk_service_notify("READY=1"));
	ck_assert_str_eq(heard(), "READY=1");
}
END_TEST

START_TEST(without_a_manager_nothing_happens)
{
	char path[200] = "/";

	memset(path + 1, 'x', sizeof(path) - 2);
	setenv("NOTIFY_SOCKET", path, true); /* no address is as long */
	ck_assert(!gk_service_notify("READY=1"));
	setenv("NOTIFY_SOCKET", "relative", true);
	ck_assert(!gk_service_notify("READY=1"));
	setenv("NOTIFY_SOCKET", "/no/such/socket", true);
	ck_assert(!gk_service_notify("READY=1"));
	unsetenv("NOTIFY_SOCKET");
	ck_assert(!gk_service_notify("READY=1"));
}
END_TEST

static gk_service_watchdog *start_watchdog(void)
{
	gk_service_watchdog *watchdog = NULL;

	ck_assert_int_eq(gk_service_watchdog_start(loop, &watchdog, NULL), GK_OK);
	return watchdog;
}

START_TEST(the_watchdog_is_fed_by_the_loop_twice_as_often_as_it_asks)
{
	gk_service_watchdog *watchdog;
	unsigned fed = 0;

	setenv("WATCHDOG_USEC", "20000", true);
	watchdog = start_watchdog();
	ck_assert_ptr_nonnull(watchdog);
	for (unsigned i = 0; i < 500 && fed < 3; i++) {
		gk_loop_turn(loop, 5);
		fed += strcmp(heard(), "WATCHDOG=1") == 0;
	}
	ck_assert_uint_eq(fed, 3);
	gk_service_watchdog_stop(watchdog);
	while (*heard())
		continue;
	for (unsigned i = 0; i < 10; i++)
		gk_loop_turn(loop, 5);
	ck_assert_str_eq(heard(), "");
}
END_TEST

START_TEST(a_watchdog_of_somebody_else_is_not_fed)
{
	ck_assert_ptr_null(start_watchdog());
	setenv("WATCHDOG_USEC", "0", true);
	ck_assert_ptr_null(start_watchdog());
	setenv("WATCHDOG_USEC", "20000", true);
	setenv("WATCHDOG_PID", "1", true);
	ck_assert_ptr_null(start_watchdog());
}
END_TEST

START_TEST(sockets_for_another_process_are_left_alone)
{
	gk_service_sockets sockets;
	gk_error err = { 0 };
	gk_auto_str char *pid = NULL, *many = NULL;

	setenv("LISTEN_FDS", "1", true);
	setenv("LISTEN_PID", "1", true);
	ck_assert_int_eq(gk_service_sockets_take(&sockets, NULL), GK_OK);
	ck_assert_uint_eq(sockets.count, 0);
	ck_assert_int_eq(gk_service_socket_next(&sockets, "flows"), -1);
	ck_assert_int_gt(asprintf(&pid, "%d", (int)getpid()), 0);
	setenv("LISTEN_PID", pid, true);
	setenv("LISTEN_FDS", "many", true);
	ck_assert_int_eq(gk_service_sockets_take(&sockets, &err), GK_INVALID_ARGUMENT);
	ck_assert_str_eq(err.message, "LISTEN_FDS: 'many' is no count of sockets");
	gk_error_clear(&err);
	ck_assert_int_gt(asprintf(&many, "%d", GK_MAX_SOCKETS + 1), 0);
	setenv("LISTEN_FDS", many, true);
	ck_assert_int_eq(gk_service_sockets_take(&sockets, &err), GK_INVALID_ARGUMENT);
	ck_assert_str_eq(err.message, "LISTEN_FDS: '1025' is no count of sockets");
	gk_error_clear(&err);
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_PID");
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("service");
	TCase *t = tcase_create("manager");

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, the_manager_hears_what_it_is_told);
	tcase_add_test(t, an_abstract_socket_will_do);
	tcase_add_test(t, without_a_manager_nothing_happens);
	tcase_add_test(t, the_watchdog_is_fed_by_the_loop_twice_as_often_as_it_asks);
	tcase_add_test(t, a_watchdog_of_somebody_else_is_not_fed);
	tcase_add_test(t, sockets_for_another_process_are_left_alone);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(suite)
