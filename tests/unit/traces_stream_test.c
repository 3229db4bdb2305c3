/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Live streams of traces, as their clients see them. */
#include "folder.h"
#include "http_client.h"
#include "surface.h"
#include "unit.h"

#include "base/limits.h"
#include "server/traces_internal.h"

static gk_trace_store *store;
static gk_traces *traces;
static gk_routes *routes;
static gk_http_listener *listener;

static void set_up(void)
{
	folder_make();
	surface_start();
	ck_assert_int_eq(gk_trace_store_open(surface_loop,
				 GK_OPTS(gk_trace_store_opts, .path = "traces.db"), &store, NULL),
		GK_OK);
	ck_assert_int_eq(gk_traces_new(surface_app, store, &traces, NULL), GK_OK);
	routes = gk_routes_new(NULL);
	ck_assert_ptr_nonnull(routes);
	ck_assert_int_eq(gk_traces_add_routes(traces, routes, NULL, NULL), GK_OK);
	listener = surface_listen(gk_routes_handle, gk_routes_too_large, routes);
}

static void tear_down(void)
{
	gk_traces_drain(traces);
	gk_http_free(listener);
	surface_until(surface_is_idle, NULL);
	gk_traces_free(traces);
	gk_routes_free(routes);
	gk_trace_store_close(store);
	surface_stop();
	folder_drop();
}

START_TEST(a_stream_that_has_nothing_to_say_says_so_now_and_then)
{
	uint64_t start_ms = gk_loop_now_ms(surface_loop);
	gk_auto_str char *answer = NULL;

	ck_assert_uint_eq(gk_watch_ping_ms, GK_WATCH_PING_MS);
	gk_watch_ping_ms = 50;
	answer = http_talk_until(surface_loop, listener,
		"GET /api/traces/none/stream HTTP/1.1\r\nHost: localhost\r\n\r\n", ":\n\n");
	gk_watch_ping_ms = GK_WATCH_PING_MS;
	assert_status(answer, 200);
	ck_assert_uint_ge(gk_loop_now_ms(surface_loop) - start_ms, 50);
}
END_TEST

static Suite *suite(void)
{
	Suite *it = suite_create("traces stream");
	TCase *tests = tcase_create("streams");

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, a_stream_that_has_nothing_to_say_says_so_now_and_then);
	suite_add_tcase(it, tests);
	return it;
}

UNIT_MAIN(suite)
