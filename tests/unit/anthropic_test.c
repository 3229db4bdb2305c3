/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Streams of Claude that are not what they should be: each is an error that says so. */
#include "plugins/anthropic/anthropic.h"

#include "base/limits.h"
#include "core.h"

#include <stdio.h>

static gk_code drop(json_t *chunk_take, void *user, gk_error *err)
{
	(void)user;
	(void)err;
	json_decref(chunk_take);
	return GK_OK;
}

#define BEGIN "{\"type\":\"message_start\",\"message\":{\"usage\":{\"input_tokens\":1}}}"
#define BLOCK                                                                                      \
	"{\"type\":\"content_block_start\",\"content_block\":{\"type\":\"text\",\"text\":\"\"}}"

static const struct {
	const char *events[4];
	const char *message;
} broken[] = {
	{ { "{\"type\":\"message_start\"}" },
		"anthropic: the stream's message_start has no message" },
	{ { BEGIN, "{\"type\":\"content_block_start\",\"index\":0}" },
		"anthropic: the stream's content_block_start has no content_block" },
	{ { BEGIN, "{\"type\":\"content_block_delta\",\"delta\":{}}" },
		"anthropic: the stream has a delta of a block that did not start" },
	{ { BEGIN,
		  "{\"type\":\"content_block_start\",\"content_block\":{\"type\":\"tool_use\",\"name\":\"t\",\"id\":\"1\"}}",
		  "{\"type\":\"content_block_delta\",\"delta\":{\"type\":\"input_json_delta\",\"partial_json\":\"{\"}}",
		  "{\"type\":\"content_block_stop\",\"index\":0}" },
		"anthropic: the input of the call of tool 't' is not JSON" },
	{ { BEGIN, BLOCK }, "anthropic: the stream broke off before message_stop" },
	{ { "no JSON" }, NULL },
};

START_TEST(a_broken_stream_says_what_is_wrong)
{
	gk_auto_anthropic_stream gk_anthropic_stream stream = { .emit = drop };
	gk_auto_json json_t *whole = NULL;
	gk_error err = { 0 };
	gk_code rc = GK_OK;

	for (size_t i = 0; rc == GK_OK && i < 4 && broken[_i].events[i]; i++)
		rc = gk_anthropic_stream_push(
			&stream, broken[_i].events[i], strlen(broken[_i].events[i]), &err);
	if (rc == GK_OK)
		rc = gk_anthropic_stream_end(&stream, &whole, &err);
	ck_assert_int_eq(rc, GK_INTERNAL);
	assert_error(&err, GK_INTERNAL, broken[_i].message);
}
END_TEST

START_TEST(a_stream_has_only_so_many_blocks)
{
	gk_auto_anthropic_stream gk_anthropic_stream stream = { .emit = drop };
	gk_error err = { 0 };
	gk_code rc = gk_anthropic_stream_push(&stream, BEGIN, strlen(BEGIN), &err);
	unsigned blocks = 0;

	while (rc == GK_OK && blocks <= GK_MAX_VENDOR_CALLS) {
		rc = gk_anthropic_stream_push(&stream, BLOCK, strlen(BLOCK), &err);
		blocks += rc == GK_OK;
	}
	ck_assert_uint_eq(blocks, GK_MAX_VENDOR_CALLS);
	assert_error(&err, GK_RESOURCE_EXHAUSTED, "anthropic: the stream has too many blocks");
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("anthropic");
	TCase *tcase = tcase_create("anthropic");

	tcase_add_loop_test(tcase, a_broken_stream_says_what_is_wrong, 0,
		(int)(sizeof(broken) / sizeof(broken[0])));
	tcase_add_test(tcase, a_stream_has_only_so_many_blocks);
	suite_add_tcase(s, tcase);
	return s;
}

UNIT_MAIN(suite)
