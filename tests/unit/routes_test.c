/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "surface.h"
#include "unit.h"

#include "server/routes.h"

static gk_routes *routes;
static gk_http_listener *listener;

static void say(gk_exchange *x, void *user)
{
	gk_exchange_reply(x, 200, "text/plain", user, strlen(user));
}

static bool guard(gk_exchange *x, void *user)
{
	(void)user;
	if (!gk_exchange_header(x, "X-Stop"))
		return true;
	gk_exchange_reply(x, 403, NULL, "stop", 4);
	return false;
}

static void add(const char *method, const char *path, const char *text, unsigned flags)
{
	ck_assert_int_eq(
		gk_routes_add(routes,
			&(gk_route){ method, path, say, (void *)(uintptr_t)text, flags }, NULL),
		GK_OK);
}

static void setup(void)
{
	surface_start();
	routes = gk_routes_new(
		GK_OPTS(gk_routes_opts, .guard = guard, .user = NULL, .says_options = true));
	ck_assert_ptr_nonnull(routes);
	add("GET", "/a", "get a", GK_ROUTE_ALWAYS);
	add("POST", "/a", "post a", 0);
	add("GET", "/a/*", "below a", 0);
	add("GET", "/a/b/*", "below a/b", 0);
	add("POST", "/*", "any post", 0);
	add("GET", "/a/exact", "exact", 0);
	listener = surface_serve(routes);
}

static void teardown(void)
{
	gk_http_free(listener);
	gk_routes_free(routes);
	surface_stop();
}

static void assert_answer(const char *what, int status, const char *body)
{
	gk_auto_str char *answer = surface_ask(listener, what, NULL, NULL);

	assert_status(answer, status);
	ck_assert_str_eq(surface_body(answer), body);
}

START_TEST(the_exact_path_wins_then_the_longest)
{
	assert_answer("GET /a", 200, "get a");
	assert_answer("GET /a?q=1", 200, "get a");
	assert_answer("GET /a/", 200, "below a");
	assert_answer("GET /a/x/y", 200, "below a");
	assert_answer("GET /a/b/c", 200, "below a/b");
	assert_answer("GET /a/exact", 200, "exact");
	assert_answer("POST /a", 200, "post a");
}
END_TEST

START_TEST(a_path_of_another_method_falls_through)
{
	assert_answer("POST /a/exact", 200, "any post");
	assert_answer("POST /a/b/c", 200, "any post");
	assert_answer("GET /b", 404,
		"{\"status\":\"NOT_FOUND\",\"message\":\"No action matched the request path.\"}");
	assert_answer("DELETE /a", 404,
		"{\"status\":\"NOT_FOUND\",\"message\":\"No action matched the request path.\"}");
}
END_TEST

START_TEST(options_are_told_for_exact_paths)
{
	assert_answer("OPTIONS /a", 200, "GET,HEAD,POST");
	assert_answer("OPTIONS /a/exact", 200, "GET,HEAD");
	assert_answer("OPTIONS /b", 404,
		"{\"status\":\"NOT_FOUND\",\"message\":\"No action matched the request path.\"}");
}
END_TEST

START_TEST(the_guard_is_asked_first)
{
	gk_auto_str char *answer = surface_ask(listener, "GET /a", "X-Stop: 1\r\n", NULL);

	assert_status(answer, 403);
}
END_TEST

START_TEST(a_second_route_of_method_and_path_is_refused)
{
	gk_error err = { 0 };

	ck_assert_int_eq(gk_routes_add(routes, &(gk_route){ "GET", "/a", say, NULL, 0 }, &err),
		GK_ALREADY_EXISTS);
	ck_assert_str_eq(err.message, "there is a route for GET /a already");
	gk_error_clear(&err);
	ck_assert_int_eq(gk_routes_add(routes, &(gk_route){ "GET", "/a/*", say, NULL, 0 }, NULL),
		GK_ALREADY_EXISTS);
}
END_TEST

START_TEST(draining_spares_what_is_always_answered)
{
	gk_routes_drain(routes);
	assert_answer("GET /a", 200, "get a");
	assert_answer("GET /a/exact", 503,
		"{\"status\":\"UNAVAILABLE\",\"message\":\"server is shutting down\"}");
	assert_answer("GET /nowhere", 503,
		"{\"status\":\"UNAVAILABLE\",\"message\":\"server is shutting down\"}");
}
END_TEST

static bool make_some(void)
{
	gk_routes *some = gk_routes_new(NULL);
	gk_code rc = GK_RESOURCE_EXHAUSTED;

	if (some)
		rc = gk_routes_add(some, &(gk_route){ "GET", "/x", say, NULL, 0 }, NULL);
	if (rc == GK_OK)
		rc = gk_routes_add(some, &(gk_route){ "GET", "/x/*", say, NULL, 0 }, NULL);
	if (rc == GK_OK)
		rc = gk_routes_add(some, &(gk_route){ "POST", "/x/*", say, NULL, 0 }, NULL);
	gk_routes_free(some);
	return rc == GK_OK;
}

START_TEST(adding_survives_a_lack_of_memory)
{
	fault_sweep(make_some);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("routes");
	TCase *t = tcase_create("routes");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, the_exact_path_wins_then_the_longest);
	tcase_add_test(t, a_path_of_another_method_falls_through);
	tcase_add_test(t, options_are_told_for_exact_paths);
	tcase_add_test(t, the_guard_is_asked_first);
	tcase_add_test(t, a_second_route_of_method_and_path_is_refused);
	tcase_add_test(t, draining_spares_what_is_always_answered);
	tcase_add_test(t, adding_survives_a_lack_of_memory);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(suite)
