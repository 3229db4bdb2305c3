/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "loop/url.h"
#include "loop/url_shown.h"

#include "base/limits.h"
#include "unit.h"

#include <stdio.h>

static const struct {
	const char *url, *shown;
} urls[] = {
	{ "http://127.0.0.1:4033", "http://127.0.0.1:4033/" },
	{ "https://Host.example/a/b", "https://host.example/a/b" },
	{ "http://user:secret@host/a", "http://host/a" },
	{ "http://secret@host/", "http://host/" },
	{ "https://host/a?key=secret", "https://host/a" },
	{ "https://host/a#secret", "https://host/a" },
	{ "https://host?secret", "https://host/" },
	{ "ws://user:secret@host:1/?id=secret", "ws://host:1/" },
	{ "wss://[::1]:3200/x?secret", "wss://[::1]:3200/x" },
	{ "user:secret@host", "(not a URL)" },
	{ "ftp://user:secret@host/", "(not a URL)" },
	{ "http://user:secret@ho st/", "(not a URL)" },
	{ "secret", "(not a URL)" },
	{ "", "(not a URL)" },
};

START_TEST(a_url_is_shown_without_what_may_be_secret)
{
	gk_auto_str char *shown = gk_url_shown(urls[_i].url);

	ck_assert_str_eq(shown, urls[_i].shown);
}
END_TEST

START_TEST(a_url_that_is_asked_for_again_is_not_taken_apart_again)
{
	static const char *const schemes[2] = { "http", "https" };
	static const char *const secret[] = { "https://host/a?key=s", "https://u:p@host/a" };
	gk_auto_error gk_error err = { 0 };
	gk_url_cache cache = { 0 };
	gk_url_shared *first, *again;

	ck_assert_int_eq(gk_url_cache_get(&cache, "https://host/a", schemes, &first, &err), GK_OK);
	ck_assert_int_eq(gk_url_cache_get(&cache, "https://host/a", schemes, &again, &err), GK_OK);
	ck_assert_ptr_eq(first, again);
	ck_assert_str_eq(first->url.origin, "https://host:443");
	gk_url_unref(again);
	for (unsigned i = 0; i < 2; i++) {
		ck_assert_int_eq(gk_url_cache_get(&cache, secret[i], schemes, &again, &err), GK_OK);
		ck_assert_uint_eq(again->refs, 1); /* nobody keeps it */
		gk_url_unref(again);
	}
	ck_assert_int_eq(gk_url_cache_get(&cache, "ftp://host/", schemes, &again, &err),
		GK_INVALID_ARGUMENT);
	for (unsigned i = 0; i < 8 * GK_URL_CACHE; i++) {
		char text[32];

		snprintf(text, sizeof(text), "http://host%u/", i);
		ck_assert_int_eq(gk_url_cache_get(&cache, text, schemes, &again, &err), GK_OK);
		ck_assert_str_eq(again->text, text);
		gk_url_unref(again);
	}
	ck_assert_str_eq(first->url.shown, "https://host/a"); /* whoever has it keeps it */
	gk_url_unref(first);
	gk_url_cache_done(&cache);
}
END_TEST

START_TEST(a_url_that_is_too_long_is_not_shown)
{
	gk_auto_str char *url = malloc(GK_MAX_URL + 2), *shown = NULL;

	memset(url, 'a', GK_MAX_URL + 1);
	memcpy(url, "http://h/", 9);
	url[GK_MAX_URL + 1] = '\0';
	shown = gk_url_shown(url);
	ck_assert_str_eq(shown, "(not a URL)");
}
END_TEST

static bool show(void)
{
	gk_auto_str char *shown = gk_url_shown("http://user:secret@host/a");

	return shown && strcmp(shown, "http://host/a") == 0;
}

START_TEST(showing_survives_a_lack_of_memory)
{
	fault_sweep(show);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("url");
	TCase *tc = tcase_create("shown");

	tcase_add_loop_test(
		tc, a_url_is_shown_without_what_may_be_secret, 0, sizeof(urls) / sizeof(urls[0]));
	tcase_add_test(tc, a_url_that_is_asked_for_again_is_not_taken_apart_again);
	tcase_add_test(tc, a_url_that_is_too_long_is_not_shown);
	tcase_add_test(tc, showing_survives_a_lack_of_memory);
	suite_add_tcase(s, tc);
	return s;
}

UNIT_MAIN(suite)
