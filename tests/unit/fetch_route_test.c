/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Where a request goes: redirects, unix sockets, proxies, TLS, names. */
#include "loop/fetch.h"

#include "calls.h"
#include "unit.h"

#include <assert.h>
#include <dlfcn.h>
#include <netdb.h>
#include <stdio.h>
#include <unistd.h>

#define COUNT(list) ((int)(sizeof(list) / sizeof(*(list))))

/* --- redirects --- */

static server *elsewhere;
static char heard_elsewhere[4096];

static void say_elsewhere(server *self, int fd)
{
	(void)self;
	while (server_hear(fd, heard_elsewhere, sizeof(heard_elsewhere)))
		server_say(fd, OK_HELLO);
}

/* "/STATUS/PATH" redirects to /PATH; what is no number answers. */
static void redirect(server *self, int fd)
{
	/* Of its own: a request that was given up may still be read beside the next one. */
	char heard[sizeof(call_heard)];

	(void)self;
	while (server_hear(fd, heard, sizeof(heard))) {
		char answer[512];
		const char *path = strchr(heard, '/') + 1;

		memcpy(call_heard, heard, sizeof(heard));
		if (*path != '3')
			snprintf(answer, sizeof(answer), OK_HELLO);
		else if (strncmp(path + 4, "else", 4) == 0)
			snprintf(answer, sizeof(answer),
				"HTTP/1.1 %.3s T\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n",
				path, server_url(elsewhere, "http", "/end"));
		else
			snprintf(answer, sizeof(answer),
				"HTTP/1.1 %.3s T\r\nLocation: %.*s\r\nContent-Length: 3\r\n\r\nabc",
				path, (int)strcspn(path + 3, " "), path + 3);
		server_say(fd, answer);
	}
}

static const char *const secret_headers[] = { "Authorization: Bearer secret", "X-Api-Key: secret",
	"Cookie: secret", "Accept: text/x", "Content-Type: text/y", NULL };

static call follow(const char *path, const char *method, const char *body, unsigned redirects)
{
	call self = { .opts = { .method = method,
			      .body = body,
			      .body_len = body ? strlen(body) : 0,
			      .headers = secret_headers,
			      .redirects = redirects } };

	if (!elsewhere)
		elsewhere = server_start(say_elsewhere, NULL);
	if (!call_peer)
		call_peer = server_start(redirect, NULL);
	self.opts.url = server_url(call_peer, "http", path);
	call_fetch(&self);
	return self;
}

static void tear_down_both(void)
{
	gk_fetch_client_free(
		gk_steal(call_client)); /* its kept connections end the servers' threads */
	server_stop(gk_steal(elsewhere));
	call_tear_down();
}

START_TEST(a_redirect_is_followed_when_asked)
{
	call self = follow("/302/end", NULL, NULL, 1);

	ck_assert_int_eq(self.rc, GK_OK);
	ck_assert_str_eq(self.body, "hello");
	ck_assert(strstr(call_heard, "GET /end HTTP/1.1\r\n") == call_heard);
	ck_assert_ptr_nonnull(strstr(call_heard, "\r\nAuthorization: Bearer secret\r\n"));
	call_end(&self);
	self = follow("/302/end", NULL, NULL, 0);
	ck_assert_int_eq(self.status, 302);
	call_end(&self);
}
END_TEST

START_TEST(redirects_have_a_limit)
{
	call self = follow("/302/302/302/end", NULL, NULL, 2);

	call_must_fail(&self, GK_UNAVAILABLE, "more than 2 redirects");
	call_end(&self);
	self = follow("/302/302/302/end", NULL, NULL, 3);
	ck_assert_int_eq(self.rc, GK_OK);
	call_end(&self);
}
END_TEST

static const struct {
	const char *path, *method, *want;
	bool has_body;
} redirected[] = {
	{ "/301/end", "POST", "GET /end", false },
	{ "/302/end", "POST", "GET /end", false },
	{ "/303/end", "PUT", "GET /end", false },
	{ "/302/end", "PUT", "PUT /end", true },
	{ "/307/end", "POST", "POST /end", true },
	{ "/308/end", "PATCH", "PATCH /end", true },
};

START_TEST(a_redirect_keeps_or_drops_the_body)
{
	call self = follow(redirected[_i].path, redirected[_i].method, "body", 1);

	ck_assert_int_eq(self.rc, GK_OK);
	ck_assert(strstr(call_heard, redirected[_i].want) == call_heard);
	ck_assert_str_eq(strstr(call_heard, "\r\n\r\n") + 4, redirected[_i].has_body ? "body" : "");
	ck_assert_int_eq(!!strstr(call_heard, "text/y"), redirected[_i].has_body);
	call_end(&self);
}
END_TEST

START_TEST(no_credential_goes_to_another_host)
{
	call self = follow("/307/else", "POST", "body", 1);

	ck_assert_int_eq(self.rc, GK_OK);
	ck_assert(strstr(heard_elsewhere, "POST /end HTTP/1.1") == heard_elsewhere);
	ck_assert_ptr_null(strstr(heard_elsewhere, "secret"));
	ck_assert_ptr_nonnull(strstr(heard_elsewhere, "\r\nAccept: text/x\r\n"));
	ck_assert_ptr_nonnull(strstr(heard_elsewhere, "\r\nContent-Type: text/y\r\n"));
	call_end(&self);
}
END_TEST

START_TEST(user_and_password_of_a_url_are_sent_to_its_host_only)
{
	call self = { .opts.redirects = 1 };
	char url[128];

	elsewhere = server_start(say_elsewhere, NULL);
	call_peer = server_start(redirect, NULL);
	snprintf(
		url, sizeof(url), "http://me:secret@127.0.0.1:%d/307/else", server_port(call_peer));
	self.opts.url = url;
	call_fetch(&self);
	ck_assert_int_eq(self.rc, GK_OK);
	ck_assert_ptr_nonnull(strstr(call_heard, "\r\nAuthorization: Basic "));
	ck_assert_ptr_null(strstr(heard_elsewhere, "Authorization"));
	call_end(&self);
}
END_TEST

static const char *const bad_locations[] = { "ftp://127.0.0.1/", "file:///etc/passwd",
	"http://ho st/", "http://", "//user:secret@:1:2/" };

START_TEST(a_redirect_to_something_else_is_refused)
{
	call self = { .opts.redirects = 5 };
	char answer[256];

	snprintf(answer, sizeof(answer),
		"HTTP/1.1 302 T\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n", bad_locations[_i]);
	call_script = answer;
	call_peer = server_start(call_say_script, NULL);
	self.opts.url = server_url(call_peer, "http", "/");
	call_fetch(&self);
	call_must_fail(&self, GK_UNAVAILABLE, "redirect");
	ck_assert_ptr_null(strstr(self.err.message, "secret"));
	call_end(&self);
}
END_TEST

/* --- unix sockets, proxies, TLS, names --- */

START_TEST(a_unix_socket_is_fetched_from)
{
	char folder[] = "/tmp/fetch-test-XXXXXX", path[64];
	call self = { .opts = { .url = "http://host/x", .unix_socket = path, .redirects = 1 } };

	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/socket", folder);
	call_script = OK_HELLO;
	call_peer = server_start(call_say_script, path);
	call_fetch(&self);
	ck_assert_int_eq(self.rc, GK_OK);
	ck_assert_str_eq(self.body, "hello");
	ck_assert_ptr_nonnull(strstr(call_heard, "\r\nHost: host\r\n"));
	free(gk_steal(self.body));
	unlink(path);
	rmdir(folder);
	call_fetch(&self);
	ck_assert_int_eq(self.rc, GK_OK); /* the connection was kept */
	call_end(&self);
}
END_TEST

START_TEST(a_proxy_is_used_when_it_is_given)
{
	call self = { .opts.url = "http://nowhere.invalid/x" };

	call_script = OK_HELLO;
	call_peer = server_start(call_say_script, NULL);
	gk_fetch_client_free(call_client);
	ck_assert_int_eq(gk_fetch_client_new(call_loop,
				 GK_OPTS(gk_fetch_client_opts,
					 .http_proxy = server_url(call_peer, "http", "")),
				 &call_client, NULL),
		GK_OK);
	call_fetch(&self);
	ck_assert_int_eq(self.rc, GK_OK);
	ck_assert(strstr(call_heard, "GET http://nowhere.invalid/x HTTP/1.1\r\n") == call_heard);
	call_end(&self);
}
END_TEST

START_TEST(the_environment_is_not_read)
{
	call self;

	setenv("http_proxy", "http://127.0.0.1:1", 1);
	setenv("ALL_PROXY", "http://127.0.0.1:1", 1);
	call_script = OK_HELLO;
	call_peer = server_start(call_say_script, NULL);
	self = call_get("/");
	ck_assert_int_eq(self.rc, GK_OK);
	unsetenv("http_proxy");
	unsetenv("ALL_PROXY");
	call_end(&self);
}
END_TEST

static void set_up_tls(void)
{
	call_set_up_with(GK_OPTS(gk_fetch_client_opts, .ca_file = server_ca_file()));
}

START_TEST(https_is_fetched_from_a_server_whose_authority_is_known)
{
	call_script = OK_HELLO;
	call_peer = server_start_tls(call_say_script);
	for (int i = 0; i < 3; i++) {
		call self = { .opts.url = server_url(call_peer, "https", "/x") };

		call_fetch(&self);
		ck_assert_msg(self.rc == GK_OK, "%s", self.err.message);
		ck_assert_str_eq(self.body, "hello");
		call_end(&self);
	}
	ck_assert_int_eq(server_accepted(call_peer), 1);
}
END_TEST

START_TEST(an_unknown_authority_is_refused)
{
	call self = { 0 };

	call_script = OK_HELLO;
	call_peer = server_start_tls(call_say_script);
	self.opts.url = server_url(call_peer, "https", "/x");
	call_fetch(&self);
	call_must_fail(&self, GK_UNAVAILABLE, "certificate");
	ck_assert_str_eq(call_heard, "");
	call_end(&self);
}
END_TEST

START_TEST(a_cut_tls_answer_is_unavailable)
{
	call self = { 0 };

	call_script = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello";
	call_peer = server_start_tls(call_say_script_and_close);
	self.opts.url = server_url(call_peer, "https", "/x");
	call_fetch(&self);
	ck_assert_int_eq(self.rc, GK_UNAVAILABLE);
	call_end(&self);
}
END_TEST

START_TEST(https_does_not_redirect_to_http)
{
	call self = { .opts.redirects = 1 };

	call_script =
		"HTTP/1.1 302 T\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n";
	call_peer = server_start_tls(call_say_script);
	self.opts.url = server_url(call_peer, "https", "/x");
	call_fetch(&self);
	call_must_fail(&self, GK_UNAVAILABLE, "from https to http");
	call_end(&self);
}
END_TEST

/* Stands before the C library's: a name server that does not answer. */
__attribute__((visibility("default"))) int getaddrinfo(
	const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **ret)
{
	static int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **);

	if (strcmp(node, "slow.test") == 0) {
		mark_set(&call_mark, 1);
		mark_await(&call_mark, 2);
		mark_set(&call_mark, 3);
		return EAI_AGAIN;
	}
	if (!real)
		*(void **)&real = dlsym(RTLD_NEXT, "getaddrinfo");
	return real(node, service, hints, ret);
}

static gk_scope *scope;

static void cancel_when_asked(void *user)
{
	(void)user;
	if (call_mark.value == 1)
		gk_scope_cancel(scope, GK_CANCELLED);
}

START_TEST(a_name_server_that_does_not_answer_does_not_hold_the_loop)
{
	call self = { .opts = { .size = sizeof(self.opts), .url = "http://slow.test/" } };
	gk_timer *timer;

	scope = gk_scope_new(call_loop, NULL);
	ck_assert_int_eq(
		gk_timer_start(call_loop, 1, 1, cancel_when_asked, NULL, &timer, NULL), GK_OK);
	gk_timer_unref(timer);
	call_in_fiber(call_run, &self, scope);
	call_must_fail(&self, GK_CANCELLED, "cancelled");
	mark_set(&call_mark, 2);
	mark_await(&call_mark, 3);
	gk_timer_stop(timer);
	gk_scope_unref(scope);
	call_end(&self);
}
END_TEST

START_TEST(a_name_that_does_not_exist_is_unavailable)
{
	call self = { .opts.url = "http://me:secret@nowhere.invalid/path?key=secret#secret" };

	call_fetch(&self);
	call_must_fail(&self, GK_UNAVAILABLE, "http://nowhere.invalid/path: ");
	ck_assert_ptr_null(strstr(self.err.message, "secret"));
	call_end(&self);
}
END_TEST

/* --- memory --- */

static bool fetch_with_failures(void)
{
	static const char *const headers[] = { "X-Empty:", "Authorization: x", NULL };
	gk_loop *own = NULL;
	call self = { .opts = { .size = sizeof(self.opts),
			      .url = server_url(call_peer, "http", "/307/end"),
			      .body = "x",
			      .body_len = 1,
			      .headers = headers,
			      .redirects = 1 },
		.header = "x-one" };

	call_client = NULL;
	if (gk_loop_new(&own, NULL) == GK_OK &&
		gk_fetch_client_new(own, NULL, &call_client, NULL) == GK_OK &&
		gk_fiber_start(own, "test", NULL, call_run, &self, NULL, NULL) == GK_OK)
		gk_loop_run(own);
	else
		self.rc = GK_RESOURCE_EXHAUSTED;
	if (self.rc != GK_OK && self.rc != GK_RESOURCE_EXHAUSTED)
		fprintf(stderr, "%s\n", self.err.message);
	assert(self.rc == GK_OK || self.rc == GK_RESOURCE_EXHAUSTED);
	gk_fetch_client_free(call_client);
	gk_loop_free(own);
	free(self.body);
	gk_error_clear(&self.err);
	return self.rc == GK_OK;
}

START_TEST(memory_may_run_out_anywhere)
{
	call_peer = server_start(redirect, NULL);
	fault_sweep(fetch_with_failures);
	server_stop(gk_steal(call_peer));
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("fetch routes");
	TCase *plain = tcase_create("plain"), *two = tcase_create("two"),
	      *tls = tcase_create("tls"), *memory = tcase_create("memory");

	tcase_add_checked_fixture(plain, call_set_up, call_tear_down);
	tcase_add_loop_test(
		plain, a_redirect_to_something_else_is_refused, 0, COUNT(bad_locations));
	tcase_add_test(plain, a_unix_socket_is_fetched_from);
	tcase_add_test(plain, a_proxy_is_used_when_it_is_given);
	tcase_add_test(plain, the_environment_is_not_read);
	tcase_add_test(plain, an_unknown_authority_is_refused);
	tcase_add_test(plain, a_name_server_that_does_not_answer_does_not_hold_the_loop);
	tcase_add_test(plain, a_name_that_does_not_exist_is_unavailable);
	suite_add_tcase(s, plain);
	tcase_add_checked_fixture(two, call_set_up, tear_down_both);
	tcase_add_test(two, a_redirect_is_followed_when_asked);
	tcase_add_test(two, redirects_have_a_limit);
	tcase_add_loop_test(two, a_redirect_keeps_or_drops_the_body, 0, COUNT(redirected));
	tcase_add_test(two, no_credential_goes_to_another_host);
	tcase_add_test(two, user_and_password_of_a_url_are_sent_to_its_host_only);
	suite_add_tcase(s, two);
	tcase_add_checked_fixture(tls, set_up_tls, call_tear_down);
	tcase_add_test(tls, https_is_fetched_from_a_server_whose_authority_is_known);
	tcase_add_test(tls, a_cut_tls_answer_is_unavailable);
	tcase_add_test(tls, https_does_not_redirect_to_http);
	suite_add_tcase(s, tls);
	tcase_add_test(memory, memory_may_run_out_anywhere);
	suite_add_tcase(s, memory);
	return s;
}

UNIT_MAIN(suite)
