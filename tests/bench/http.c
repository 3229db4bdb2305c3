/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* The HTTP front alone, for wrk: GET /hello, POST /echo, GET /stream?n=100 (each chunk in a turn of its own), GET /wait. */
#include "base/parse.h"
#include "loop/fiber.h"
#include "server/http.h"

#include <stdio.h>
#include <string.h>

static gk_loop *loop;

static void forget(gk_exchange *x, void *user)
{
	(void)x;
	*(bool *)user = true;
}

static void stream(void *user)
{
	gk_exchange *x = user;
	const char *count = gk_exchange_query(x, "n");
	bool is_gone = false;
	uint64_t n = 100;

	if (count)
		gk_parse_u64(count, strlen(count), &n);
	gk_exchange_on_hangup(x, forget, &is_gone);
	gk_exchange_begin(x, 200, "text/plain");
	for (uint64_t i = 0; i < n && !is_gone; i++) {
		gk_exchange_write(x, "chunk\n", 6);
		if (gk_fiber_yield(NULL) != GK_OK)
			return;
	}
	if (!is_gone)
		gk_exchange_end(x);
}

static void ignore(gk_exchange *x, void *user)
{
	(void)x;
	(void)user;
}

static void handle(gk_exchange *x, void *user)
{
	const char *path = gk_exchange_path(x), *body;
	size_t len;

	(void)user;
	if (strcmp(path, "/stream") == 0) {
		if (gk_fiber_start(loop, "stream", NULL, stream, x, NULL, NULL) != GK_OK)
			gk_exchange_reply(x, 500, NULL, "", 0);
		return;
	}
	if (strcmp(path, "/wait") == 0) {
		gk_exchange_on_hangup(x, ignore, NULL);
		gk_exchange_begin(x, 200, "text/plain");
		gk_exchange_write(x, "open\n", 5);
		return;
	}
	body = gk_exchange_body(x, &len);
	if (strcmp(path, "/echo") == 0)
		gk_exchange_reply(x, 200, "application/json", body, len);
	else
		gk_exchange_reply(x, 200, "text/plain", "hello", 5);
}

int main(int argc, char **argv)
{
	gk_http_listener *listener;
	gk_error err = { 0 };

	if (gk_loop_new(&loop, &err) != GK_OK ||
		gk_http_listen(loop,
			GK_OPTS(gk_http_opts, .address = argc > 1 ? argv[1] : "127.0.0.1:0",
				.handle = handle),
			&listener, &err) != GK_OK) {
		fprintf(stderr, "%s\n", err.message);
		return 1;
	}
	printf("%s\n", gk_http_address(listener));
	fflush(stdout);
	gk_loop_run(loop);
	return 0;
}
