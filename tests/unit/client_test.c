/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "calls.h"
#include "core.h"
#include "folder.h"
#include "unit.h"

#include "daemon/client.h"
#include "plugins/common/net.h"

static const char *const variables[] = { "http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY",
	"no_proxy", "NO_PROXY", "all_proxy", "ALL_PROXY", "SOME_KEY" };

static gk_config *config;

static void load(const char *yaml)
{
	static const char *const files[] = { "c.yaml", NULL };
	gk_auto_error gk_error err = { 0 };

	gk_config_free(config);
	config = NULL;
	folder_put("c.yaml", yaml);
	if (gk_config_load(&(gk_config_sources){ .files = files }, &config, &err) != GK_OK)
		ck_abort_msg("%s", err.message);
}

static void set_up(void)
{
	folder_make();
	for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]); i++)
		unsetenv(variables[i]);
	load("");
}

static void tear_down(void)
{
	set_up();
	gk_config_free(config);
	config = NULL;
	folder_drop();
}

START_TEST(nothing_said_is_no_proxy_and_the_systems_authorities)
{
	gk_fetch_client_opts opts = gk_client_opts(config);

	ck_assert_ptr_null(opts.http_proxy);
	ck_assert_ptr_null(opts.https_proxy);
	ck_assert_ptr_null(opts.no_proxy);
	ck_assert_ptr_null(opts.ca_file);
	ck_assert_uint_eq(opts.max_host_connections, 2048);
	ck_assert_uint_eq(opts.max_idle_connections, 256);
}
END_TEST

START_TEST(the_configuration_names_authorities_and_a_limit)
{
	gk_fetch_client_opts opts;

	load("http_client: { ca_file: /etc/own.pem, max_host_connections: 3, max_idle_connections: 4 }\n");
	opts = gk_client_opts(config);
	ck_assert_str_eq(opts.ca_file, "/etc/own.pem");
	ck_assert_uint_eq(opts.max_host_connections, 3);
	ck_assert_uint_eq(opts.max_idle_connections, 4);
}
END_TEST

/* What one variable (or two) makes of the three; NULL: nothing. */
static const struct {
	const char *set[2], *http, *https, *none;
} environments[] = {
	{ { "http_proxy" }, "http_proxy", NULL, NULL },
	{ { "HTTP_PROXY" }, NULL, NULL, NULL },
	{ { "https_proxy" }, NULL, "https_proxy", NULL },
	{ { "HTTPS_PROXY" }, NULL, "HTTPS_PROXY", NULL },
	{ { "https_proxy", "HTTPS_PROXY" }, NULL, "https_proxy", NULL },
	{ { "no_proxy" }, NULL, NULL, "no_proxy" },
	{ { "NO_PROXY" }, NULL, NULL, "NO_PROXY" },
	{ { "all_proxy" }, "all_proxy", "all_proxy", NULL },
	{ { "ALL_PROXY", "http_proxy" }, "http_proxy", "ALL_PROXY", NULL },
};

START_TEST(proxies_come_from_the_environment)
{
	gk_fetch_client_opts opts;

	setenv("https_proxy", "", 1); /* empty is unset */
	for (int i = 0; i < 2 && environments[_i].set[i]; i++)
		setenv(environments[_i].set[i], environments[_i].set[i], 1);
	opts = gk_client_opts(config);
	ck_assert_pstr_eq(opts.http_proxy, environments[_i].http);
	ck_assert_pstr_eq(opts.https_proxy, environments[_i].https);
	ck_assert_pstr_eq(opts.no_proxy, environments[_i].none);
}
END_TEST

static void ask(void *user)
{
	gk_auto_outgoing gk_outgoing out;
	gk_auto_reply gk_reply reply = { 0 };

	(void)user;
	gk_outgoing_init(&out, "GET");
	gk_outgoing_url(&out, "http://models.example/v1");
	ck_assert_int_eq(gk_net_send(core_app, &out, &reply, NULL), GK_OK);
	ck_assert_int_eq(gk_reply_status(&reply), 200);
}

START_TEST(plugins_ask_through_the_proxy_and_find_the_environment)
{
	static const char *const names[] = { "SOME_KEY", NULL };
	gk_auto_str char *key = NULL;
	server *proxy;

	call_script = OK_HELLO;
	proxy = server_start(call_say_script_and_close, NULL);
	setenv("http_proxy", server_url(proxy, "http", ""), 1);
	setenv("SOME_KEY", "k", 1);
	core_start();
	ck_assert_int_eq(gk_client_configure(core_app, config, NULL), GK_OK);
	ck_assert_int_eq(
		gk_fiber_start(gk_app_loop(core_app), "ask", NULL, ask, NULL, NULL, NULL), GK_OK);
	gk_loop_run(gk_app_loop(core_app));
	ck_assert(strstr(call_heard, "GET http://models.example/v1 HTTP/1.1\r\n") == call_heard);
	ck_assert_int_eq(gk_net_env(core_app, names, &key, NULL), GK_OK);
	ck_assert_str_eq(key, "k");
	core_stop();
	server_stop(proxy);
}
END_TEST

static gk_code answer(gk_ctx *ctx, json_t *request, json_t **ret, gk_error *err)
{
	(void)ctx;
	*ret = json_incref(request);
	return *ret ? GK_OK : gk_error_no_memory(err);
}

START_TEST(media_of_requests_come_through_the_same_proxy)
{
	const gk_model_middleware use[] = { { gk_download_request_media, NULL }, { 0 } };
	server *proxy;

	call_script = OK_HELLO;
	proxy = server_start(call_say_script_and_close, NULL);
	setenv("http_proxy", server_url(proxy, "http", ""), 1);
	core_start();
	ck_assert_int_eq(gk_client_configure(core_app, config, NULL), GK_OK);
	ck_assert_int_eq(
		gk_define_model(core_app,
			GK_OPTS(gk_model_opts, .name = "blind", .run = answer, .use = use), NULL),
		GK_OK);
	json_decref(core_run(
		"/model/blind", json("{'messages':[{'role':'user','content':[{'media':{'url':"
				     "'http://pictures.example/a.png'}}]}]}")));
	ck_assert(
		strstr(call_heard, "GET http://pictures.example/a.png HTTP/1.1\r\n") == call_heard);
	core_stop();
	server_stop(proxy);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("client");
	TCase *t = tcase_create("client");

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, nothing_said_is_no_proxy_and_the_systems_authorities);
	tcase_add_test(t, the_configuration_names_authorities_and_a_limit);
	tcase_add_loop_test(t, proxies_come_from_the_environment, 0,
		sizeof(environments) / sizeof(environments[0]));
	tcase_add_test(t, plugins_ask_through_the_proxy_and_find_the_environment);
	tcase_add_test(t, media_of_requests_come_through_the_same_proxy);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(suite)
