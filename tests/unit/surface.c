/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "surface.h"

#include "http_client.h"
#include "unit.h"

#include "base/buf.h"

#include <stdio.h>

gk_loop *surface_loop;
gk_app *surface_app;

/* --- flows --- */

static gk_code echo(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	(void)ctx, (void)err;
	*ret = json_incref(input);
	return GK_OK;
}

static gk_code add1(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	(void)ctx, (void)err;
	*ret = json_integer(json_integer_value(input) + 1);
	return GK_OK;
}

static gk_code nothing(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	(void)ctx, (void)input, (void)ret, (void)err;
	return GK_OK;
}

static gk_code null(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	(void)ctx, (void)input, (void)err;
	*ret = json_null();
	return GK_OK;
}

static gk_code deep(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	gk_code rc = GK_OK;

	for (int i = 0; i < 200; i++) {
		json_t *outer = json_array();

		json_array_append_new(outer, *ret ? *ret : json_null());
		*ret = outer;
	}
	if (json_is_true(input)) {
		rc = gk_ctx_send(ctx, *ret, err);
		*ret = NULL;
	}
	return rc;
}

static gk_code three(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	for (int i = 0; i < 3; i++) {
		gk_code rc = gk_ctx_send(ctx, json_pack("{s:i}", "n", i), err);

		if (rc == GK_OK && json_is_true(input))
			rc = gk_sleep(ctx, 1, err);
		if (rc != GK_OK)
			return rc;
	}
	*ret = json_string("done");
	return GK_OK;
}

static gk_code wait(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	gk_code rc = gk_ctx_send(ctx, json_string("start"), err);

	(void)input, (void)ret;
	return rc == GK_OK ? gk_sleep(ctx, 3600000, err) : rc;
}

static gk_code later(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	gk_code rc = gk_sleep(ctx, 1, err);

	(void)input;
	if (rc == GK_OK)
		*ret = json_string("late");
	return rc;
}

static gk_code failing(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	(void)ctx, (void)input, (void)ret;
	gk_error_set(err, GK_NOT_FOUND, "no such dish");
	return gk_error_details_take(err, json_pack("{s:i}", "dish", 7));
}

static gk_code plain(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	(void)ctx, (void)input, (void)ret;
	return gk_error_set_plain(err, "secret detail");
}

static gk_code thrown(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	(void)ctx, (void)input, (void)ret;
	gk_error_set_plain(err, "text");
	if (err)
		err->message_missing = true;
	return GK_INTERNAL;
}

static gk_code context(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	(void)input, (void)err;
	*ret = json_incref(gk_ctx_context(ctx));
	return GK_OK;
}

static gk_code flood(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	gk_auto_str char *text = malloc(100001);
	gk_code rc = GK_OK;

	(void)input, (void)ret;
	memset(text, 'x', 100000);
	text[100000] = '\0';
	while (rc == GK_OK)
		rc = gk_ctx_send(ctx, json_string(text), err);
	return rc;
}

static gk_code bidi(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	unsigned n = 0;

	(void)input;
	for (;; n++) {
		gk_auto_json json_t *item = NULL;
		gk_code rc = gk_ctx_receive(ctx, &item, err);

		if (rc == GK_OK && item)
			rc = gk_ctx_send(ctx, json_sprintf(">%s", json_string_value(item)), err);
		if (rc != GK_OK)
			return rc;
		if (!item)
			break;
	}
	*ret = json_sprintf("got %u", n);
	return GK_OK;
}

static const gk_flow_opts flows[] = {
	{ .name = "echo", .run = echo },
	{ .name = "add1", .input = "{\"type\":\"number\"}", .run = add1 },
	{ .name = "void", .run = nothing },
	{ .name = "null", .run = null },
	{ .name = "deep", .run = deep },
	{ .name = "three", .run = three },
	{ .name = "wait", .run = wait },
	{ .name = "later", .run = later },
	{ .name = "fail", .run = failing },
	{ .name = "plain", .run = plain },
	{ .name = "thrown", .run = thrown },
	{ .name = "badOutput", .output = "{\"type\":\"number\"}", .run = echo },
	{ .name = "context", .run = context },
	{ .name = "flood", .run = flood },
	{ .name = "bidi", .input = "{\"type\":\"string\"}", .is_bidi = true, .run = bidi },
};

/* --- life --- */

void surface_start(void)
{
	ck_assert_int_eq(gk_loop_new(&surface_loop, NULL), GK_OK);
	ck_assert_int_eq(
		gk_app_new(surface_loop, GK_OPTS(gk_app_opts, .is_dev = true), &surface_app, NULL),
		GK_OK);
	for (size_t i = 0; i < sizeof(flows) / sizeof(flows[0]); i++) {
		gk_flow_opts opts = flows[i];
		gk_error err = { 0 };

		opts.size = sizeof(opts);
		ck_assert_msg(gk_define_flow(surface_app, &opts, &err) == GK_OK, "%s: %s",
			opts.name, err.message);
	}
}

void surface_until(bool (*is_so)(void *user), void *user)
{
	for (int i = 0; i < 5000 && !is_so(user); i++)
		gk_loop_turn(surface_loop, 10);
	ck_assert_msg(is_so(user), "waited in vain");
}

bool surface_is_idle(void *user)
{
	(void)user;
	return gk_app_run_count(surface_app) == 0 && gk_fiber_count(surface_loop) == 0;
}

void surface_stop(void)
{
	surface_until(surface_is_idle, NULL);
	gk_app_free(surface_app);
	gk_loop_free(surface_loop);
}

gk_http_listener *surface_listen(
	gk_http_handler_fn *handle, gk_http_handler_fn *too_large, void *user)
{
	gk_http_listener *listener;

	ck_assert_int_eq(gk_http_listen(surface_loop,
				 GK_OPTS(gk_http_opts, .name = "test", .address = "127.0.0.1:0",
					 .handle = handle, .too_large = too_large, .user = user,
					 .max_body = 1 << 20),
				 &listener, NULL),
		GK_OK);
	return listener;
}

gk_http_listener *surface_serve(gk_routes *routes)
{
	return surface_listen(gk_routes_handle, gk_routes_too_large, routes);
}

gk_flows *surface_flows(const gk_flows_opts *opts)
{
	gk_flows *served;

	ck_assert_int_eq(
		gk_flows_new(surface_app, opts ? opts : GK_OPTS(gk_flows_opts, .prefix = NULL),
			&served, NULL),
		GK_OK);
	return served;
}

void surface_stop_flows(gk_http_listener *listener, gk_flows *served)
{
	gk_http_free(listener);
	surface_until(surface_is_idle, NULL);
	gk_flows_free(served);
	surface_stop();
}

/* --- requests --- */

char *surface_ask(
	gk_http_listener *listener, const char *what, const char *headers, const char *body)
{
	gk_auto_buf gk_buf text = GK_BUF_INIT(0);
	size_t start;

	gk_buf_printf(&text, "%s HTTP/1.1\r\n%sConnection: close\r\n%s", what,
		headers && strstr(headers, "Host:") ? "" : "Host: localhost\r\n",
		headers ? headers : "");
	if (body)
		gk_buf_printf(&text, "Content-Length: %zu\r\n", strlen(body));
	gk_buf_puts(&text, "\r\n");
	start = text.len;
	if (body)
		gk_buf_puts(&text, body);
	for (size_t i = start; i < text.len; i++)
		if (text.data[i] == '\'')
			text.data[i] = '"';
	return http_talk(surface_loop, listener, text.data);
}

char *surface_body(char *answer)
{
	char *body = strstr(answer, "\r\n\r\n"), *to, *from;

	ck_assert_msg(body, "no answer: %s", answer);
	*body = '\0'; /* ends the search below */
	body += 4;
	if (!strstr(answer, "Transfer-Encoding: chunked"))
		return body;
	for (to = from = body;;) {
		size_t len = strtoul(from, &from, 16);

		ck_assert_msg(strncmp(from, "\r\n", 2) == 0, "the last chunk is missing");
		if (!len)
			break;
		memmove(to, from + 2, len);
		to += len;
		from += 2 + len + 2;
	}
	*to = '\0';
	return body;
}

void assert_status(const char *answer, int status)
{
	ck_assert_msg(strncmp(answer, "HTTP/1.1 ", 9) == 0 && atoi(answer + 9) == status,
		"not %d: %s", status, answer);
}

void assert_header(const char *answer, const char *line)
{
	gk_auto_str char *whole = NULL;

	ck_assert_int_gt(asprintf(&whole, "\r\n%s\r\n", line), 0);
	ck_assert_msg(strstr(answer, whole), "no '%s' in: %s", line, answer);
}
