/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "calls.h"

#include <check.h>
#include <stdio.h>

gk_loop *call_loop;
gk_fetch_client *call_client;
server *call_peer;
mark call_mark;
char call_heard[4096];
const char *call_script;

void call_set_up_with(const gk_fetch_client_opts *opts)
{
	mark_set(&call_mark, 0);
	call_heard[0] = '\0';
	ck_assert_int_eq(gk_loop_new(&call_loop, NULL), GK_OK);
	ck_assert_int_eq(gk_fetch_client_new(call_loop, opts, &call_client, NULL), GK_OK);
}

void call_set_up(void)
{
	call_set_up_with(NULL);
}

void call_tear_down(void)
{
	gk_fetch_client_free(
		gk_steal(call_client)); /* its kept connections end the server's threads */
	if (call_peer)
		server_stop(gk_steal(call_peer));
	gk_loop_free(call_loop);
}

void call_in_fiber(gk_fiber_fn *fn, void *user, gk_scope *scope)
{
	ck_assert_int_eq(gk_fiber_start(call_loop, "test", scope, fn, user, NULL, NULL), GK_OK);
	gk_loop_run(call_loop);
}

void call_run(void *user)
{
	call *self = user;
	gk_auto_fetch gk_fetch *res = NULL;
	const char *value;

	self->rc = gk_fetch_start(call_client, &self->opts, &res, &self->err);
	if (self->rc != GK_OK)
		return;
	self->status = gk_fetch_status(res);
	value = self->header ? gk_fetch_header_peek(res, self->header) : NULL;
	if (value)
		snprintf(self->value, sizeof(self->value), "%s", value);
	self->rc = gk_fetch_read_all(res, &self->body, &self->len, &self->err);
}

void call_fetch(call *self)
{
	self->opts.size = sizeof(self->opts);
	call_in_fiber(call_run, self, NULL);
}

call call_get(const char *path)
{
	call self = { .opts.url = server_url(call_peer, "http", path) };

	call_fetch(&self);
	return self;
}

void call_end(call *self)
{
	free(self->body);
	gk_error_clear(&self->err);
	*self = (call){ 0 };
}

void call_must_fail(const call *self, gk_code code, const char *text)
{
	ck_assert_msg(self->rc == code && self->err.code == code, "%s: %s", gk_code_name(self->rc),
		self->err.message);
	ck_assert_msg(strstr(self->err.message, text), "%s", self->err.message);
}

void call_say_script(server *self, int fd)
{
	(void)self;
	while (server_hear(fd, call_heard, sizeof(call_heard)))
		server_say(fd, call_script);
}

void call_say_script_and_close(server *self, int fd)
{
	(void)self;
	if (server_hear(fd, call_heard, sizeof(call_heard)))
		server_say(fd, call_script);
}
