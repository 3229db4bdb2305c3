/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "loop/ws_handshake.h"

#include "base/limits.h"
#include "unit.h"

#include <stdio.h>

#define UPGRADE "HTTP/1.1 101 S\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
#define ACCEPT  "Sec-WebSocket-Accept: %s\r\n"

static const struct {
	const char *answer; /* %s: the right key */
	const char *why;    /* NULL: it is granted */
} answers[] = {
	{ UPGRADE ACCEPT "\r\n", NULL },
	{ "HTTP/1.1 101\r\nupgrade: a, WEBSOCKET\r\nCONNECTION: x, UPGRADE\r\n"
	  "sec-websocket-accept:%s  \r\n\r\n",
		NULL },
	{ UPGRADE "\r\n", "accept key" },
	{ UPGRADE "Sec-WebSocket-Accept: x%s\r\n\r\n", "accept key" },
	{ UPGRADE ACCEPT ACCEPT "\r\n", "accept key" },
	{ "HTTP/1.1 101 S\r\nUpgrade: websocket\r\n" ACCEPT "\r\n", "no upgrade" },
	{ "HTTP/1.1 101 S\r\nUpgrade: websockets\r\nConnection: Upgrade\r\n" ACCEPT "\r\n",
		"no upgrade" },
	{ "HTTP/1.1 101 S\r\nConnection: Upgrade\r\n" ACCEPT "\r\n", "no upgrade" },
	{ UPGRADE ACCEPT "Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n", "extension" },
	{ UPGRADE ACCEPT "Sec-WebSocket-Protocol: chat\r\n\r\n", "protocol" },
	{ UPGRADE "nonsense\r\n" ACCEPT "\r\n", "malformed" },
	{ "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", "status 404" },
	{ "HTTP/1.0 101 S\r\n\r\n", "status 101" },
	{ "HTTP/1.1 1011 S\r\n\r\n", "status 101" },
	{ "SSH-2.0-OpenSSH_9.2\r\n\r\n", "not HTTP" },
	{ "HTTP/1.1\r\n\r\n", "not HTTP" },
	{ "\r\n\r\n", "not HTTP" },
	{ "HTTP/1.1 xyz\r\n\r\n", "status ?" },
};

START_TEST(an_answer_is_judged_at_any_chunking)
{
	char accept[GK_WS_ACCEPT_SIZE], answer[1024];
	size_t len;
	gk_ws_handshake handshake;

	gk_ws_handshake_init(&handshake);
	ck_assert(gk_ws_handshake_accept(handshake.key, accept));
	snprintf(answer, sizeof(answer), answers[_i].answer, accept, accept);
	len = strlen(answer);
	memcpy(answer + len, "rest", 4);
	for (size_t step = 1; step <= len + 4; step++) {
		gk_auto_error gk_error err = { 0 };
		size_t from = 0, used;
		bool granted = false;
		gk_code rc = GK_OK;

		for (; rc == GK_OK && !granted && from < len + 4; from += used) {
			size_t n = len + 4 - from < step ? len + 4 - from : step;

			rc = gk_ws_handshake_push(
				&handshake, answer + from, n, &granted, &used, &err);
		}
		ck_assert_int_eq(rc, answers[_i].why ? GK_UNAVAILABLE : GK_OK);
		ck_assert_int_eq(granted, !answers[_i].why);
		if (granted)
			ck_assert_uint_eq(from, len);
		else
			ck_assert_msg(strstr(err.message, answers[_i].why), "%s", err.message);
		gk_buf_clear(&handshake.answer);
	}
	gk_ws_handshake_done(&handshake);
}
END_TEST

START_TEST(an_answer_has_a_limit)
{
	gk_ws_handshake handshake;
	gk_auto_error gk_error err = { 0 };
	size_t used;
	bool granted;

	gk_ws_handshake_init(&handshake);
	for (size_t i = 0; i < GK_MAX_WS_HANDSHAKE; i++)
		ck_assert(gk_ws_handshake_push(&handshake, "x", 1, &granted, &used, &err) == GK_OK);
	ck_assert_int_eq(gk_ws_handshake_push(&handshake, "x", 1, &granted, &used, &err),
		GK_RESOURCE_EXHAUSTED);
	gk_ws_handshake_done(&handshake);
}
END_TEST

START_TEST(the_accept_key_is_the_one_of_the_standard)
{
	char accept[GK_WS_ACCEPT_SIZE];

	ck_assert(gk_ws_handshake_accept("dGhlIHNhbXBsZSBub25jZQ==", accept));
	ck_assert_str_eq(accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}
END_TEST

#define COUNT(list) ((int)(sizeof(list) / sizeof(*(list))))

static Suite *suite(void)
{
	Suite *s = suite_create("ws_handshake");
	TCase *c = tcase_create("ws_handshake");

	tcase_add_loop_test(c, an_answer_is_judged_at_any_chunking, 0, COUNT(answers));
	tcase_add_test(c, an_answer_has_a_limit);
	tcase_add_test(c, the_accept_key_is_the_one_of_the_standard);
	suite_add_tcase(s, c);
	return s;
}

UNIT_MAIN(suite)
