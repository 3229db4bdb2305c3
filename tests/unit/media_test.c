/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Media that are fetched: for models that take none by their addresses, and for providers; how many at once, how large, how
 * far away. */
#include "models.h"
#include "server.h"

#include "base/limits.h"
#include "plugins/common/download.h"

#include <genkit/message.h>

#include <stdio.h>

/* --- a server of images --- */

static atomic_int active, most;

/* Answers when as many ask at once as may, or nobody else has come for a moment. */
static void say_slowly(server *self, int fd)
{
	char heard[4096];
	int now;

	(void)self;
	while (server_hear(fd, heard, sizeof(heard))) {
		now = atomic_fetch_add(&active, 1) + 1;
		if (now > atomic_load(&most))
			atomic_store(&most, now);
		server_hear_end_within(fd, 50);
		atomic_fetch_sub(&active, 1);
		server_say(fd,
			"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nContent-Length: 3\r\n\r\nabc");
	}
}

/* "/N" leads to "/N-1", "/0" is an image. */
static void redirect(server *self, int fd)
{
	char heard[4096], said[200];
	int left;

	(void)self;
	while (server_hear(fd, heard, sizeof(heard))) {
		left = atoi(heard + strlen("GET /"));
		if (left == 0)
			strcpy(said, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc");
		else
			snprintf(said, sizeof(said),
				"HTTP/1.1 302 Found\r\nLocation: /%d\r\nContent-Length: 0\r\n\r\n",
				left - 1);
		server_say(fd, said);
	}
}

/* As many bytes as the path says. */
static void say_bytes(server *self, int fd)
{
	char heard[4096], head[100];

	(void)self;
	while (server_hear(fd, heard, sizeof(heard))) {
		size_t len = (size_t)atoi(heard + strlen("GET /"));
		gk_auto_str char *body = calloc(1, len);

		snprintf(head, sizeof(head), "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", len);
		server_say(fd, head);
		server_say_bytes(fd, body, len);
	}
}

static json_t *image_at(server *peer, int path)
{
	char text[16];

	snprintf(text, sizeof(text), "/%d", path);
	return json_pack("{s:{s:s}}", "media", "url", server_url(peer, "http", text));
}

/* --- for models --- */

static const gk_model_middleware use[] = { { gk_download_request_media, NULL }, { 0 } };

START_TEST(so_many_media_are_fetched_at_once)
{
	server *peer = server_start(say_slowly, NULL);
	gk_auto_json json_t *parts = json_array(), *response = NULL;

	for (int i = 0; i < 3 * GK_MEDIA_AT_ONCE; i++)
		json_array_append_new(parts, image_at(peer, i));
	response = models_generate(
		GK_OPTS(gk_generate_opts, .prompt_parts = parts, .middleware = use));
	server_stop(peer);
	ck_assert_int_le(atomic_load(&most), GK_MEDIA_AT_ONCE);
	ck_assert_int_gt(atomic_load(&most), 1);
	ck_assert_str_eq(gk_json_str_peek(json_array_get(models_saw, 0),
				 "messages[0].content[23].media.url"),
		"data:image/png;base64,YWJj");
}
END_TEST

START_TEST(a_medium_is_so_many_redirects_away)
{
	server *peer = server_start(redirect, NULL);
	gk_auto_json json_t *near = image_at(peer, GK_MEDIA_REDIRECTS);
	gk_auto_json json_t *far = image_at(peer, GK_MEDIA_REDIRECTS + 1);
	char refusal[100];

	json_decref(models_generate(
		GK_OPTS(gk_generate_opts, .prompt_parts = near, .middleware = use)));
	ck_assert_uint_eq(json_array_size(models_saw), 1);
	snprintf(refusal, sizeof(refusal), "%s: more than %d redirects",
		server_url(peer, "http", "/1"), GK_MEDIA_REDIRECTS);
	models_fail(GK_OPTS(gk_generate_opts, .prompt_parts = far, .middleware = use),
		GK_UNAVAILABLE, refusal);
	server_stop(peer);
}
END_TEST

/* --- for providers --- */

static json_t *request; /* what is to be downloaded */
static gk_code download_rc;
static gk_error download_err;

static gk_code download(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	(void)input, (void)err;
	gk_error_clear(&download_err);
	download_rc = gk_download_media(ctx, "zoo", request, ret, &download_err);
	return GK_OK;
}

static gk_code download_of(json_t *part_take)
{
	request = json_pack("{s:[{s:s, s:[o]}]}", "messages", "role", "user", "content", part_take);
	core_in_run(download, NULL);
	json_decref(request);
	return download_rc;
}

START_TEST(a_provider_is_given_media_so_large)
{
	server *peer = server_start(say_bytes, NULL);

	ck_assert_int_eq(download_of(image_at(peer, GK_MAX_DOWNLOAD)), GK_OK);
	ck_assert_int_eq(download_of(image_at(peer, GK_MAX_DOWNLOAD + 1)), GK_RESOURCE_EXHAUSTED);
	assert_error(&download_err, GK_RESOURCE_EXHAUSTED,
		"zoo: download of a media part: more than 20971520 bytes");
	server_stop(peer);
}
END_TEST

static void say_nothing(server *self, int fd)
{
	char room[8192];

	(void)self;
	while (server_hear(fd, room, sizeof(room)))
		;
}

START_TEST(a_provider_waits_so_long_for_media)
{
	server *peer = server_start(say_nothing, NULL);
	uint64_t usual = gk_download_ms;

	ck_assert_uint_eq(usual, GK_DOWNLOAD_MS);
	gk_download_ms = 50;
	ck_assert_int_eq(download_of(image_at(peer, 1)), GK_DEADLINE_EXCEEDED);
	ck_assert_ptr_nonnull(strstr(download_err.message, "zoo: download of a media part"));
	gk_error_clear(&download_err);
	gk_download_ms = usual;
	server_stop(peer);
}
END_TEST

START_TEST(a_provider_is_given_media_so_many_redirects_away)
{
	server *peer = server_start(redirect, NULL);

	ck_assert_int_eq(download_of(image_at(peer, GK_MAX_DOWNLOAD_REDIRECTS)), GK_OK);
	ck_assert_int_ne(download_of(image_at(peer, GK_MAX_DOWNLOAD_REDIRECTS + 1)), GK_OK);
	ck_assert_ptr_nonnull(strstr(download_err.message, "zoo: download of a media part"));
	gk_error_clear(&download_err);
	server_stop(peer);
}
END_TEST

static void start(void)
{
	models_start();
	models_script("[{'message':{'role':'model','content':[{'text':'done'}]}}]");
}

static Suite *suite(void)
{
	Suite *it = suite_create("media");
	TCase *tests = tcase_create("media");

	tcase_set_timeout(tests, 30);
	tcase_add_checked_fixture(tests, start, models_stop);
	tcase_add_test(tests, so_many_media_are_fetched_at_once);
	tcase_add_test(tests, a_medium_is_so_many_redirects_away);
	tcase_add_test(tests, a_provider_is_given_media_so_large);
	tcase_add_test(tests, a_provider_waits_so_long_for_media);
	tcase_add_test(tests, a_provider_is_given_media_so_many_redirects_away);
	suite_add_tcase(it, tests);
	return it;
}

UNIT_MAIN(suite)
