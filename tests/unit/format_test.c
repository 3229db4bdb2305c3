/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "unit.h"

#include "json/format.h"

/* Texts that fit, then texts that do not, each list ended by NULL. */
static void assert_format(const char *name, const char *const *good, const char *const *bad)
{
	const gk_format *format = gk_format_find(name);

	ck_assert_msg(format && format->text, "%s", name);
	for (; *good; good++)
		ck_assert_msg(format->text(*good, strlen(*good)), "%s: '%s'", name, *good);
	for (; *bad; bad++)
		ck_assert_msg(!format->text(*bad, strlen(*bad)), "%s: not '%s'", name, *bad);
}

#define GOOD(...) ((const char *const[]){ __VA_ARGS__, NULL })
#define BAD       GOOD

START_TEST(dates_are_days_of_the_calendar)
{
	assert_format("date", GOOD("2020-02-29", "2000-02-29", "1999-12-31"),
		BAD("", "2019-02-29", "1900-02-29", "2020-13-01", "2020-00-01", "2020-04-31",
			"2020-1-01", "2020-01-011", "20200101"));
}
END_TEST

START_TEST(times_have_a_zone_unless_iso)
{
	assert_format("time",
		GOOD("10:00:00Z", "10:00:00.123z", "10:00:00+01:30", "10:00:00-0100", "10:00:00+01",
			"23:59:60Z", "00:59:60+01:00", "22:59:60.5-01:00"),
		BAD("10:00:00", "24:00:00Z", "10:60:00Z", "10:00:60Z", "23:59:61Z", "10:00:00.Z",
			"10:00:00+24:00", "10:00:00+01:60", "10:00Z", "10:00:00 Z", "10:00:00Zx"));
	assert_format("iso-time", GOOD("10:00:00", "10:00:00Z"), BAD("10:00", ""));
	assert_format("date-time",
		GOOD("2020-01-01T00:00:00Z", "2020-01-01t00:00:00z", "2020-01-01 00:00:00+01:00"),
		BAD("2020-01-01", "2020-01-01T00:00:00", "2020-01-01x00:00:00Z",
			"2020-02-30T00:00:00Z"));
	assert_format("iso-date-time", GOOD("2020-01-01T00:00:00", "2020-01-01 10:00:00Z"),
		BAD("2020-01-01T", "x"));
}
END_TEST

START_TEST(durations_keep_their_order)
{
	assert_format("duration", GOOD("P1Y2M3DT4H5M6S", "P3W", "PT1H", "P1DT1S", "PT36H", "P2M"),
		BAD("", "P", "PT", "P1", "1Y", "P1DT", "P1D2Y", "P1W1D", "P1YT1D", "PT1D", "P1S"));
}
END_TEST

START_TEST(names_and_addresses_of_hosts)
{
	assert_format("hostname", GOOD("a", "a.b-c.d", "1.2", "example.com."),
		BAD("", ".", "-a", "a-", "a..b", "a_b", "a b", ".a",
			"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"));
	assert_format("email", GOOD("a@b.co", "first.last+x@sub.example.org", "a!#$%&@b-c.d"),
		BAD("", "a@", "@b.c", "a@b", "a..b@c.d", ".a@b.c", "a@b.c-", "a@-b.c", "a b@c.d"));
	assert_format("ipv4", GOOD("0.0.0.0", "255.255.255.255"),
		BAD("256.1.1.1", "1.2.3", "1.2.3.4.5", "01.2.3.4", "1.2.3.4 ", "1..2.3", ""));
	assert_format("ipv6",
		GOOD("::", "::1", "1::", "1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7::", "::ffff:1.2.3.4",
			"fe80::1.2.3.4", "1:2:3:4:5:6:1.2.3.4", "ABCD::"),
		BAD("", ":", ":::", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1::2::3",
			"12345::", "::g", "1:2:3:4:5:6:7:8::", "1.2.3.4", "::1.2.3.4:1", "::1.2.3",
			"1:", "fe80::1%eth0"));
}
END_TEST

START_TEST(uris_and_what_is_near_them)
{
	assert_format("uri",
		GOOD("http://user:pw@host.com:80/a/b?c=d/?#e?", "urn:isbn:123", "mailto:a@b",
			"http://[::1]:8080/x", "x:/", "x://b@[v1.x]/", "http://h/%20"),
		BAD("", "a/b", "//h/p", "x:", "1x:y", "http://h/ x", "http://[::1/",
			"http://[::g]/", "http://h/%2", "http://h/\"x", "http://h#a#b"));
	assert_format("uri-reference",
		GOOD("", "//h/p", "../a?b#c", "#x", "?y", "http://a/\"b", "a:b", "/[::1]/a"),
		BAD("a b", "\\\\x", "#a#b", "a%zz", "[x]"));
	assert_format("uri-template",
		GOOD("", "http://x/{id}{?a,b*}{#c:3}", "{+a}%20b", "{a:9999}"),
		BAD("{", "}", "{}", "{a", "a b", "{a:0}", "{a:10000}", "{a,}", "%zz", "<"));
	assert_format("url",
		GOOD("http://foo.com/blah_(w)", "https://user:p@142.42.1.1:8080/",
			"ftp://a-b.co.uk", "http://\u27a1.ws/\u4a39", "http://a@b@c.com",
			"http://c.com/x@y"),
		BAD("x", "http://", "http://localhost", "http://10.1.1.1", "http://192.168.0.1",
			"http://172.16.0.1", "http://127.0.0.1", "http://a b.com",
			"http://a--b.com", "http://a.com:1", "mailto:a@b.co", "http://0.1.2.3",
			"http://1.2.3.0"));
}
END_TEST

START_TEST(pointers_ids_and_bytes)
{
	assert_format(
		"json-pointer", GOOD("", "/", "/a/b~0c~1", "//"), BAD("a", "/~", "/~2", "#/a"));
	assert_format("json-pointer-uri-fragment", GOOD("#", "#/a%20b/~0", "#/"),
		BAD("", "/a", "#a", "#/~2", "#/a b", "#/%2"));
	assert_format("relative-json-pointer", GOOD("0", "1#", "10/a", "0/"),
		BAD("", "/a", "01", "0##", "0#/a", "-1", "0a"));
	assert_format("uuid",
		GOOD("123e4567-e89b-12d3-a456-426614174000",
			"URN:UUID:123E4567-e89b-12d3-a456-426614174000"),
		BAD("", "123e4567e89b12d3a456426614174000", "123e4567-e89b-12d3-a456-42661417400g",
			"123e4567-e89b-12d3-a456-4266141740000"));
	assert_format("byte", GOOD("", "aGk=", "aGVsbG8h", "YQ=="),
		BAD("aGk", "a===", "=", "YQ=", "a-b_", "YQ==x"));
	assert_format("regex", GOOD("^a(b|c)*$", "[a-z]{2,3}?"), BAD("[", "(", "*"));
}
END_TEST

START_TEST(numbers_have_formats_too)
{
	const gk_format *int32 = gk_format_find("int32"), *int64 = gk_format_find("int64");

	ck_assert(int32->number(2147483647) && int32->number(-2147483648.0));
	ck_assert(!int32->number(2147483648.0) && !int32->number(1.5));
	ck_assert(int64->number(1e18) && !int64->number(1.5));
	ck_assert(gk_format_find("float") && !gk_format_find("float")->number);
	ck_assert(gk_format_find("password") && !gk_format_find("password")->text);
	ck_assert_ptr_null(gk_format_find("nope"));
}
END_TEST

static int compare(const char *name, const char *a, const char *b)
{
	double difference = 0;

	ck_assert_msg(gk_format_find(name)->compare(a, b, &difference), "%s: %s %s", name, a, b);
	return difference < 0 ? -1 : difference > 0;
}

START_TEST(dates_and_times_have_an_order)
{
	double difference;

	ck_assert_int_eq(compare("date", "2020-01-01", "2020-01-02"), -1);
	ck_assert_int_eq(compare("time", "10:00:00+01:00", "09:00:00Z"), 0);
	ck_assert_int_eq(compare("time", "10:00:00Z", "10:00:00+01:00"), 1);
	ck_assert_int_eq(compare("iso-time", "10:00:00+01:00", "10:00:00Z"), 0);
	ck_assert_int_eq(
		compare("date-time", "2020-03-01T00:30:00+01:00", "2020-02-29T23:30:00Z"), 0);
	ck_assert_int_eq(
		compare("date-time", "2019-12-31T23:59:59.5Z", "2020-01-01T00:00:00Z"), -1);
	ck_assert_int_eq(
		compare("iso-date-time", "2020-01-01T00:00:00+05:00", "2019-12-31T23:00:00Z"), 1);
	ck_assert(!gk_format_find("time")->compare("x", "10:00:00Z", &difference));
}
END_TEST

static Suite *format_suite(void)
{
	Suite *suite = suite_create("format");
	TCase *tests = tcase_create("format");

	tcase_add_test(tests, dates_are_days_of_the_calendar);
	tcase_add_test(tests, times_have_a_zone_unless_iso);
	tcase_add_test(tests, durations_keep_their_order);
	tcase_add_test(tests, names_and_addresses_of_hosts);
	tcase_add_test(tests, uris_and_what_is_near_them);
	tcase_add_test(tests, pointers_ids_and_bytes);
	tcase_add_test(tests, numbers_have_formats_too);
	tcase_add_test(tests, dates_and_times_have_an_order);
	suite_add_tcase(suite, tests);
	return suite;
}

UNIT_MAIN(format_suite)
