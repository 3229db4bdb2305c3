/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "unit.h"

#include "server/origin.h"

START_TEST(loopback_is_ours_by_any_name_and_port)
{
	static const char *const ours[] = { "localhost", "LocalHost", "localhost:3100", "127.0.0.1",
		"127.0.0.1:3100", "127.1.2.3:1", "[::1]", "[::1]:3100" };

	for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++) {
		ck_assert_msg(gk_host_is_own(ours[i], NULL), "%s", ours[i]);
		ck_assert_msg(gk_host_is_own(ours[i], "127.0.0.1:3100"), "%s", ours[i]);
	}
}
END_TEST

START_TEST(other_names_and_what_only_looks_like_ours_are_not)
{
	static const char *const others[] = { "", ":", ":3100", "evil.example", "evil.example:3100",
		"localhost.evil.example", "127.0.0.1.evil.example", "localhost@evil.example",
		"localhost:3100x", "localhost:123456", "localhost:31:00", "[::1", "[::1]x", "::1",
		"[127.0.0.1", "0.0.0.0", "10.0.0.1", "[::]", "2130706433", "0x7f.1" };

	ck_assert(!gk_host_is_own(NULL, NULL));
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		ck_assert_msg(!gk_host_is_own(others[i], "127.0.0.1:3100"), "%s", others[i]);
}
END_TEST

START_TEST(a_name_beyond_any_length_is_not_ours)
{
	char name[1000];

	memset(name, 'a', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	ck_assert(!gk_host_is_own(name, NULL));
}
END_TEST

START_TEST(the_address_that_it_is_bound_to_is_ours)
{
	ck_assert(gk_host_is_own("192.168.1.5:3100", "192.168.1.5:3100"));
	ck_assert(gk_host_is_own("192.168.1.5", "192.168.1.5:3100"));
	ck_assert(gk_host_is_own("192.168.1.5:99", "192.168.1.5:3100"));
	ck_assert(!gk_host_is_own("192.168.1.6", "192.168.1.5:3100"));
	ck_assert(gk_host_is_own("[fe80::1]:3100", "[fe80::1]:3100"));
}
END_TEST

START_TEST(bound_to_every_interface_any_number_is_ours_and_no_name)
{
	ck_assert(gk_host_is_own("192.168.1.5:3100", "0.0.0.0:3100"));
	ck_assert(gk_host_is_own("[fe80::1]", "[::]:3100"));
	ck_assert(gk_host_is_own("localhost", "0.0.0.0:3100"));
	ck_assert(!gk_host_is_own("evil.example", "0.0.0.0:3100"));
}
END_TEST

START_TEST(origins_are_web_addresses_of_such_hosts)
{
	ck_assert(gk_origin_is_own("http://localhost:4000", NULL));
	ck_assert(gk_origin_is_own("https://127.0.0.1", NULL));
	ck_assert(gk_origin_is_own("HTTP://[::1]:4000", NULL));
	ck_assert(!gk_origin_is_own("null", NULL));
	ck_assert(!gk_origin_is_own("", NULL));
	ck_assert(!gk_origin_is_own("http://evil.example", NULL));
	ck_assert(!gk_origin_is_own("http://localhost/x", NULL));
	ck_assert(!gk_origin_is_own("file://localhost", NULL));
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("origin");
	TCase *t = tcase_create("hosts");

	tcase_add_test(t, loopback_is_ours_by_any_name_and_port);
	tcase_add_test(t, other_names_and_what_only_looks_like_ours_are_not);
	tcase_add_test(t, a_name_beyond_any_length_is_not_ours);
	tcase_add_test(t, the_address_that_it_is_bound_to_is_ours);
	tcase_add_test(t, bound_to_every_interface_any_number_is_ours_and_no_name);
	tcase_add_test(t, origins_are_web_addresses_of_such_hosts);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(suite)
