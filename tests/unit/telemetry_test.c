/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Where the daemon's traces go in development, and what is said of it. */
#include "core.h"
#include "folder.h"

#include "base/buf.h"
#include "base/limits.h"
#include "base/log.h"
#include "daemon/telemetry.h"
#include "server/http.h"

#include <stdio.h>

static gk_config *config;
static gk_telemetry *telemetry;
static gk_buf said; /* in the log */

static void note(const gk_log_record *record, void *user)
{
	(void)user;
	gk_buf_printf(&said, "%s\n", record->message);
}

/* --- two telemetry servers --- */

static struct {
	gk_http_listener *listener;
	char url[96];
	unsigned heard;
} servers[2];

static bool is_holding;   /* what comes next is not answered yet: */
static gk_exchange *held; /* NULL: nothing came */
static size_t most;       /* spans of one request */

static size_t count_spans(gk_exchange *x)
{
	size_t len, count = 0;
	const char *text = gk_exchange_body(x, &len);
	gk_auto_str char *body = strndup(text, len);

	for (const char *at = body; (at = strstr(at, "\"spanId\":")); at++)
		count++;
	return count;
}

static void take(gk_exchange *x, void *user)
{
	unsigned *heard = user;
	size_t spans = count_spans(x);

	*heard += strcmp(gk_exchange_path(x), "/api/traces") == 0;
	most = spans > most ? spans : most;
	if (is_holding && !held) {
		held = x;
		return;
	}
	gk_exchange_reply(x, 200, "text/plain", "OK", 2);
}

static void setup(void)
{
	unsetenv("GENKIT_TELEMETRY_SERVER");
	folder_make();
	core_start_unseen();
	core_flow("echo", core_echo, NULL);
	for (size_t i = 0; i < 2; i++) {
		servers[i].heard = 0;
		ck_assert_int_eq(
			gk_http_listen(core_loop,
				GK_OPTS(gk_http_opts, .name = "traces", .address = "127.0.0.1:0",
					.handle = take, .user = &servers[i].heard),
				&servers[i].listener, NULL),
			GK_OK);
		snprintf(servers[i].url, sizeof(servers[i].url), "http://%s",
			gk_http_address(servers[i].listener));
	}
	gk_buf_puts(&said, "");
	gk_log_set_level(GK_LOG_DEBUG);
	gk_log_set_sink(note, NULL);
}

static bool is_quiet(void *user)
{
	(void)user;
	return gk_fiber_count(core_loop) == 0;
}

static void teardown(void)
{
	gk_telemetry_free(telemetry);
	core_turn_until(is_quiet, NULL);
	for (size_t i = 0; i < 2; i++)
		gk_http_free(servers[i].listener);
	core_stop();
	gk_log_set_sink(NULL, NULL);
	gk_log_set_level(GK_LOG_INFO);
	gk_buf_done(&said);
	gk_config_free(config);
	folder_drop();
	unsetenv("GENKIT_TELEMETRY_SERVER");
}

static void start(const char *yaml)
{
	static const char *const files[] = { "c.yaml", NULL };
	gk_auto_error gk_error err = { 0 };

	folder_put("c.yaml", yaml);
	if (gk_config_load(&(gk_config_sources){ .files = files }, &config, &err) != GK_OK ||
		gk_telemetry_new(core_app, config, true, &telemetry, &err) != GK_OK)
		ck_abort_msg("%s", err.message);
}

/* A run's trace is there when the run has ended. */
static void assert_traces_go_to(size_t server)
{
	json_decref(core_run("/flow/echo", json_integer(1)));
	ck_assert_uint_gt(servers[server].heard, 0);
	ck_assert_uint_eq(servers[!server].heard, 0);
}

START_TEST(traces_go_where_a_tool_says)
{
	start("");
	ck_assert(!gk_telemetry_has_server(telemetry));
	gk_telemetry_set_server(telemetry, servers[1].url);
	assert_traces_go_to(1);
}
END_TEST

START_TEST(the_environment_goes_before_what_a_tool_says)
{
	setenv("GENKIT_TELEMETRY_SERVER", servers[0].url, 1);
	start("");
	ck_assert(gk_telemetry_has_server(telemetry));
	gk_telemetry_set_server(telemetry, servers[1].url);
	assert_traces_go_to(0);
}
END_TEST

START_TEST(the_configuration_goes_before_what_a_tool_says)
{
	gk_auto_str char *yaml = NULL;

	ck_assert_int_gt(asprintf(&yaml, "telemetry: { server: '%s' }\n", servers[0].url), 0);
	start(yaml);
	gk_telemetry_set_server(telemetry, servers[1].url);
	assert_traces_go_to(0);
}
END_TEST

START_TEST(the_environment_goes_before_the_configuration)
{
	gk_auto_str char *yaml = NULL;

	ck_assert_int_gt(asprintf(&yaml, "telemetry: { server: '%s' }\n", servers[1].url), 0);
	setenv("GENKIT_TELEMETRY_SERVER", servers[0].url, 1);
	start(yaml);
	assert_traces_go_to(0);
}
END_TEST

static gk_code take_steps(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	gk_code rc = GK_OK;

	(void)ret;
	for (int i = 0; rc == GK_OK && i < 2 * GK_EXPORT_DEV_PILE; i++) {
		gk_auto_json json_t *output = NULL;

		rc = gk_run_step(ctx, "step", core_echo, NULL, input, &output, err);
	}
	return rc;
}

static bool has_heard(void *user)
{
	return servers[0].heard >= *(unsigned *)user && gk_fiber_count(core_loop) == 0;
}

START_TEST(a_slow_tool_makes_one_run_wait_and_gets_what_has_piled_up_at_once)
{
	uint64_t start_ms = gk_loop_now_ms(core_loop), waited_ms;
	unsigned few = 2;

	start("");
	gk_telemetry_set_server(telemetry, servers[0].url);
	core_flow("steps", take_steps, NULL);
	most = 0;
	is_holding = true;
	held = NULL;
	json_decref(core_run("/flow/echo", json_integer(1)));
	waited_ms = gk_loop_now_ms(core_loop) - start_ms;
	ck_assert_uint_ge(waited_ms, GK_EXPORT_SETTLE_MS);
	ck_assert_uint_lt(waited_ms, GK_EXPORT_TIMEOUT_MS); /* after which it would be gone */
	start_ms = gk_loop_now_ms(core_loop);
	json_decref(core_run("/flow/steps", json_integer(1)));
	ck_assert_uint_lt(gk_loop_now_ms(core_loop) - start_ms, GK_EXPORT_SETTLE_MS);
	ck_assert_ptr_nonnull(held);
	ck_assert_uint_eq(most, 1);
	is_holding = false;
	gk_exchange_reply(held, 200, "text/plain", "OK", 2);
	core_turn_until(has_heard, &few);
	ck_assert_uint_ge(most, GK_EXPORT_DEV_PILE);
}
END_TEST

static const struct {
	const char *url, *shown;
} secrets[] = {
	{ "http://user:secret@localhost:9/t?key=secret#secret",
		"traces go to http://localhost:9/t\n" },
	{ "user:secret@localhost", "traces go to (not a URL)\n" },
};

START_TEST(the_log_tells_where_traces_go_and_no_secret)
{
	start("");
	gk_telemetry_set_server(telemetry, secrets[_i].url);
	ck_assert_ptr_nonnull(strstr(said.data, secrets[_i].shown));
	ck_assert_ptr_null(strstr(said.data, "secret"));
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("telemetry");
	TCase *tc = tcase_create("server");

	tcase_set_timeout(tc, 30);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, traces_go_where_a_tool_says);
	tcase_add_test(tc, the_environment_goes_before_what_a_tool_says);
	tcase_add_test(tc, the_configuration_goes_before_what_a_tool_says);
	tcase_add_test(tc, the_environment_goes_before_the_configuration);
	tcase_add_test(tc, a_slow_tool_makes_one_run_wait_and_gets_what_has_piled_up_at_once);
	tcase_add_loop_test(tc, the_log_tells_where_traces_go_and_no_secret, 0,
		sizeof(secrets) / sizeof(secrets[0]));
	suite_add_tcase(s, tc);
	return s;
}

UNIT_MAIN(suite)
