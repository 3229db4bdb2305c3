/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "loop/ws_frames.h"

#include "base/limits.h"
#include "ws.h"

#include <stdio.h>

/* What a server sends after the handshake, and what comes of it. */
static const struct {
	const char *bytes;
	size_t len;
	const char *story;
	unsigned close_code; /* that the client sends; 0: none in its frame */
} frames[] = {
#define FRAMES(text) (text), sizeof(text) - 1
	{ FRAMES("\x01\x02he\x80\x03llo" WS_CLOSE), "message hello;closed OK", 1000 },
	{ FRAMES("\x01\x02he\x00\x00\x00\x01l\x89\x02hi\x80\x02lo" WS_CLOSE),
		"message hello;closed OK", 1000 },
	{ FRAMES("\x81\x00" WS_CLOSE), "message ;closed OK", 1000 },
	{ FRAMES("\x8a\x02ok" WS_CLOSE), "closed OK", 1000 }, /* a pong nobody asked for */
	{ FRAMES("\x88\x00"), "closed OK", 0 },
	{ FRAMES("\x88\x05\x03\xe9"
		 "bye"),
		"closed OK", 1001 },
	{ FRAMES("\x88\x02\x03\xf3"), "closed UNAVAILABLE", 1011 },
	{ FRAMES("\x81\x03\xe2\x82\xac" WS_CLOSE), "message \xe2\x82\xac;closed OK", 1000 },
	{ FRAMES("\x01\x01\xe2\x80\x02\x82\xac" WS_CLOSE), "message \xe2\x82\xac;closed OK", 1000 },
	{ FRAMES("\x81\x02\xc3\x28"), "closed UNAVAILABLE", 1007 },
	{ FRAMES("\x81\x01\xe2"), "closed UNAVAILABLE", 1007 },
	{ FRAMES("\x81\x03\xed\xa0\x80"), "closed UNAVAILABLE", 1007 },
	{ FRAMES("\x82\x01x"), "closed UNAVAILABLE", 1003 },
	{ FRAMES("\x81\x81"
		 "abcd"
		 "\x10"),
		"closed UNAVAILABLE", 1002 },                         /* masked */
	{ FRAMES("\x80\x01x"), "closed UNAVAILABLE", 1002 },          /* nothing to continue */
	{ FRAMES("\x01\x01x\x81\x01y"), "closed UNAVAILABLE", 1002 }, /* not continued */
	{ FRAMES("\xc1\x01x"), "closed UNAVAILABLE", 1002 },          /* a reserved bit */
	{ FRAMES("\x83\x00"), "closed UNAVAILABLE", 1002 },           /* a reserved kind */
	{ FRAMES("\x88\x02\x03\xed"), "closed UNAVAILABLE", 1002 },   /* 1005 is not to be sent */
	{ FRAMES("\x88\x01x"), "closed OK", 0 }, /* half a code counts as none */
	{ FRAMES("\x88\x04\x03\xe8\xc3\x28"), "closed UNAVAILABLE", 1007 },
	{ FRAMES("\x09\x01x"), "closed UNAVAILABLE", 0 },        /* a ping in pieces */
	{ FRAMES("\x89\x7e\x00\x7e"), "closed UNAVAILABLE", 0 }, /* a ping of 126 bytes */
	{ FRAMES("\x81\x7e\x00\x7d"), "closed UNAVAILABLE",
		0 }, /* a length that is not the shortest */
	{ FRAMES("\x81\x7f\x80\x00\x00\x00\x00\x00\x00\x00"), "closed UNAVAILABLE", 0 },
	{ FRAMES("\x81\x7f\x00\x00\x00\x00\x04\x00\x00\x01x"), "closed RESOURCE_EXHAUSTED", 1009 },
	{ FRAMES("\x01\x01x\x80\x7f\x00\x00\x00\x00\x04\x00\x00\x00x"), "closed RESOURCE_EXHAUSTED",
		1009 },
	{ FRAMES("\x81\x7f\x7f\xff\xff\xff\xff\xff\xff\xff\x78"), "closed RESOURCE_EXHAUSTED",
		1009 },
};
static int row;

static void play_frames(server *self, int fd)
{
	char room[256];
	size_t len;
	unsigned kind;

	(void)self;
	ck_assert(ws_grant(fd));
	server_say_bytes(fd, frames[row].bytes, frames[row].len);
	while ((kind = ws_hear_frame(fd, room, sizeof(room), &len)) != 0x88) {
		ck_assert_uint_eq(kind, 0x8a); /* the pong of the one ping above */
		ck_assert_str_eq(room, "hi");
	}
	if (frames[row].close_code) {
		ck_assert_uint_ge(len, 2);
		ck_assert_uint_eq((unsigned char)room[0] << 8 | (unsigned char)room[1],
			frames[row].close_code);
	} else {
		ck_assert_uint_eq(len, 0);
	}
	mark_set(&ws_at, 1);
}

START_TEST(frames_are_read_and_mistakes_told)
{
	char want[256];

	row = _i;
	snprintf(want, sizeof(want), "opened;%s", frames[row].story);
	ws_peer = server_start(play_frames, NULL);
	ws_run();
	mark_await(&ws_at, 1);
	ws_assert_story(want);
}
END_TEST

/* The same without a connection, at any chunking. */
static void note_message(const char *text, size_t len, void *user)
{
	(void)user;
	gk_buf_printf(&ws_story, "message %.*s;", (int)len, text);
}

START_TEST(frames_are_the_same_at_any_chunking)
{
	for (size_t step = 1; step <= frames[_i].len; step++) {
		gk_ws_frames *own = gk_ws_frames_new(0, note_message, NULL);
		gk_code rc = GK_OK;

		gk_buf_clear(&ws_story);
		for (size_t from = 0; rc == GK_OK && from < frames[_i].len; from += step)
			rc = gk_ws_frames_feed(own, frames[_i].bytes + from,
				frames[_i].len - from < step ? frames[_i].len - from : step, NULL);
		gk_buf_puts(&ws_story, "closed");
		ck_assert(strncmp(ws_story.data, frames[_i].story, ws_story.len) == 0);
		gk_ws_frames_free(own);
	}
}
END_TEST

START_TEST(pings_that_nobody_takes_the_answer_of_have_a_limit)
{
	gk_ws_frames *own = gk_ws_frames_new(0, note_message, NULL);
	gk_auto_buf gk_buf out = GK_BUF_INIT(0);

	for (int round = 0; round < 3; round++) { /* taken, they count anew */
		for (int i = 0; i < GK_MAX_WS_PINGS; i++)
			ck_assert(gk_ws_frames_feed(own, "\x89\x00", 2, NULL) == GK_OK);
		ck_assert(gk_ws_frames_fill(own, &out));
		gk_buf_clear(&out);
	}
	for (int i = 0; i < GK_MAX_WS_PINGS; i++)
		ck_assert(gk_ws_frames_feed(own, "\x89\x00", 2, NULL) == GK_OK);
	ck_assert_int_eq(gk_ws_frames_feed(own, "\x89\x00", 2, NULL), GK_RESOURCE_EXHAUSTED);
	gk_ws_frames_free(own);
}
END_TEST

#define COUNT(list) ((int)(sizeof(list) / sizeof(*(list))))

static Suite *suite(void)
{
	Suite *s = suite_create("ws_frames");
	TCase *c = tcase_create("ws_frames");

	tcase_add_checked_fixture(c, ws_set_up, ws_tear_down);
	tcase_set_timeout(c, 60);
	tcase_add_loop_test(c, frames_are_read_and_mistakes_told, 0, COUNT(frames));
	tcase_add_loop_test(c, frames_are_the_same_at_any_chunking, 0, COUNT(frames));
	tcase_add_test(c, pings_that_nobody_takes_the_answer_of_have_a_limit);
	suite_add_tcase(s, c);
	return s;
}

UNIT_MAIN(suite)
