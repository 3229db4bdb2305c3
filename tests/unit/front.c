/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "front.h"

#include "base/buf.h"
#include "base/clock.h"

#include <check.h>
#include <string.h>

gk_loop *front_loop;
gk_http_listener *front_listener;
gk_exchange *front_open_exchange;
unsigned front_hangups, front_handled, front_producers;
uint64_t front_hung_up_ms;
gk_code front_room_rc;
size_t front_produced;
bool front_was_parked;

static void on_hangup(gk_exchange *x, void *user)
{
	(void)x;
	(void)user;
	front_hangups++;
	front_hung_up_ms = gk_clock_mono_ms();
	front_open_exchange = NULL;
}

/* Produces more than any sink holds, waiting for room. */
static void produce(void *user)
{
	gk_exchange *x = user;
	static char block[8192];

	memset(block, 'x', sizeof(block));
	for (front_produced = 0; front_produced < FRONT_MUCH; front_produced += sizeof(block)) {
		if (gk_exchange_buffer(x)->len > GK_MAX_SINK)
			__atomic_store_n(&front_was_parked, true, __ATOMIC_SEQ_CST);
		front_room_rc = gk_exchange_wait_room(x, NULL);
		if (front_room_rc != GK_OK)
			return;
		gk_exchange_write(x, block, sizeof(block));
	}
	gk_exchange_end(x);
}

/* One of several fibers of the same run. */
static void produce_half(void *user)
{
	gk_exchange *x = user;
	static char block[8192];

	memset(block, 'x', sizeof(block));
	for (size_t mine = 0; mine < FRONT_MUCH / 2; mine += sizeof(block)) {
		if (gk_exchange_wait_room(x, NULL) != GK_OK)
			break;
		gk_exchange_write(x, block, sizeof(block));
		front_produced += sizeof(block);
	}
	if (--front_producers == 0 && front_produced == FRONT_MUCH)
		gk_exchange_end(x);
}

/* Has ended in the next turn of the loop. */
static void end_soon(void *user)
{
	ck_assert_int_eq(gk_fiber_yield(NULL), GK_OK);
	gk_exchange_write(user, "soon", 4);
	gk_exchange_end(user);
}

void front_handle(gk_exchange *x, void *user)
{
	const char *path = gk_exchange_path(x);
	size_t len;
	const char *body = gk_exchange_body(x, &len);

	(void)user;
	front_handled++;
	if (strcmp(path, "/echo") == 0) {
		gk_exchange_set_header(x, "X-Query",
			gk_exchange_query(x, "q") ? gk_exchange_query(x, "q") : "none");
		gk_exchange_reply(x, 200, "text/plain", body, len);
	} else if (strcmp(path, "/parts") == 0) {
		gk_exchange_begin(x, 200, "text/plain");
		gk_exchange_write(x, "one,", 4);
		gk_exchange_write(x, "two", 3);
		gk_exchange_end(x);
	} else if (strcmp(path, "/open") == 0) {
		gk_exchange_on_hangup(x, on_hangup, NULL);
		gk_exchange_begin(x, 200, "text/plain");
		gk_exchange_write(x, "open\n", 5);
		front_open_exchange = x;
	} else if (strcmp(path, "/soon") == 0) {
		gk_exchange_on_hangup(x, on_hangup, NULL);
		gk_exchange_begin(x, 200, "text/plain");
		ck_assert_int_eq(
			gk_fiber_start(front_loop, "soon", NULL, end_soon, x, NULL, NULL), GK_OK);
	} else if (strcmp(path, "/begun") == 0) {
		gk_exchange_on_hangup(x, on_hangup, NULL);
		gk_exchange_begin(x, 200, "text/plain");
		front_open_exchange = x;
	} else if (strcmp(path, "/later") == 0) {
		gk_exchange_on_hangup(x, on_hangup, NULL);
		front_open_exchange = x;
	} else if (strcmp(path, "/headers") == 0) {
		gk_auto_json json_t *headers = gk_exchange_headers(x);

		gk_exchange_reply_json(x, 200, headers);
	} else if (strcmp(path, "/much") == 0) {
		gk_exchange_on_hangup(x, on_hangup, NULL);
		gk_exchange_begin(x, 200, "text/plain");
		ck_assert_int_eq(
			gk_fiber_start(front_loop, "produce", NULL, produce, x, NULL, NULL), GK_OK);
	} else if (strcmp(path, "/together") == 0) {
		gk_exchange_on_hangup(x, on_hangup, NULL);
		gk_exchange_begin(x, 200, "text/plain");
		for (front_producers = 0; front_producers < 2; front_producers++)
			ck_assert_int_eq(gk_fiber_start(front_loop, "produce", NULL, produce_half,
						 x, NULL, NULL),
				GK_OK);
	} else {
		gk_exchange_reply(x, 404, NULL, "", 0);
	}
}

void front_start(const gk_http_opts *more)
{
	gk_http_opts opts = more ? *more : (gk_http_opts){ .size = sizeof(opts) };

	opts.address = opts.address ? opts.address : "127.0.0.1:0";
	opts.handle = front_handle;
	front_hangups = front_handled = 0;
	front_open_exchange = NULL;
	front_was_parked = false;
	front_produced = 0;
	ck_assert_int_eq(gk_loop_new(&front_loop, NULL), GK_OK);
	ck_assert_int_eq(gk_http_listen(front_loop, &opts, &front_listener, NULL), GK_OK);
}

void front_setup(void)
{
	front_start(NULL);
}

void front_teardown(void)
{
	gk_http_free(front_listener);
	gk_loop_free(front_loop);
}

char *front_talk(const char *bytes)
{
	return http_talk(front_loop, front_listener, bytes);
}

void assert_has(const char *text, const char *part)
{
	ck_assert_msg(strstr(text, part) != NULL, "'%s' is not in: %s", part, text);
}
