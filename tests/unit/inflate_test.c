/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Compressed bodies. */
#include "unit.h"

#include "base/limits.h"
#include "server/inflate.h"

#include <zlib.h>

/* `window`: zlib's word for the kind of header. */
static size_t pack(const char *text, size_t len, int window, char *ret, size_t room)
{
	z_stream stream = { .next_in = (Bytef *)(uintptr_t)text,
		.avail_in = (uInt)len,
		.next_out = (Bytef *)ret,
		.avail_out = (uInt)room };

	ck_assert_int_eq(deflateInit2(&stream, 9, Z_DEFLATED, window, 8, Z_DEFAULT_STRATEGY), Z_OK);
	ck_assert_int_eq(deflate(&stream, Z_FINISH), Z_STREAM_END);
	len = room - stream.avail_out;
	deflateEnd(&stream);
	return len;
}

static void assert_unpacks(const char *encoding, int window)
{
	static const char text[] = "what was packed comes out again, again, again";
	char packed[200];
	size_t len = pack(text, sizeof(text) - 1, window, packed, sizeof(packed)), out_len;
	gk_auto_str char *out = NULL;

	ck_assert_int_eq(gk_inflate(encoding, packed, len, 1000, &out, &out_len, NULL), GK_OK);
	ck_assert_uint_eq(out_len, sizeof(text) - 1);
	ck_assert_mem_eq(out, text, out_len);
}

START_TEST(gzip_and_both_kinds_of_deflate_are_undone)
{
	assert_unpacks("gzip", 15 + 16);
	assert_unpacks("GZIP", 15 + 16);
	assert_unpacks("deflate", 15);
	assert_unpacks("deflate", -15);
}
END_TEST

START_TEST(what_is_damaged_or_unknown_is_refused)
{
	char packed[200], *out = NULL;
	size_t len = pack("text", 4, 15 + 16, packed, sizeof(packed)), out_len;

	ck_assert_int_eq(gk_inflate("gzip", packed, len - 9, 100, &out, &out_len, NULL),
		GK_INVALID_ARGUMENT);
	ck_assert_int_eq(
		gk_inflate("gzip", "nonsense", 8, 100, &out, &out_len, NULL), GK_INVALID_ARGUMENT);
	ck_assert_int_eq(gk_inflate("gzip", "", 0, 100, &out, &out_len, NULL), GK_INVALID_ARGUMENT);
	ck_assert_int_eq(
		gk_inflate("br", packed, len, 100, &out, &out_len, NULL), GK_UNIMPLEMENTED);
	ck_assert_ptr_null(out);
}
END_TEST

START_TEST(what_unfolds_to_too_much_is_refused)
{
	char *text = calloc(1, 1 << 20), packed[4000], *out = NULL;
	size_t len = pack(text, 1 << 20, 15 + 16, packed, sizeof(packed)), out_len;

	ck_assert_int_eq(gk_inflate("gzip", packed, len, (1 << 20) - 1, &out, &out_len, NULL),
		GK_FAILED_PRECONDITION);
	ck_assert_ptr_null(out);
	ck_assert_int_eq(gk_inflate("gzip", packed, len, 1 << 20, &out, &out_len, NULL), GK_OK);
	free(out);
	free(text);
}
END_TEST

static Suite *inflate_suite(void)
{
	Suite *suite = suite_create("inflate");
	TCase *tests = tcase_create("inflate");

	tcase_add_test(tests, gzip_and_both_kinds_of_deflate_are_undone);
	tcase_add_test(tests, what_is_damaged_or_unknown_is_refused);
	tcase_add_test(tests, what_unfolds_to_too_much_is_refused);
	suite_add_tcase(suite, tests);
	return suite;
}

UNIT_MAIN(inflate_suite)
