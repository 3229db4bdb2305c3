/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* What errors say. */
#include "unit.h"

#include "base/limits.h"

#include <genkit/status.h>
#include <stdlib.h>
#include <string.h>

START_TEST(a_message_that_is_too_long_is_cut_between_characters)
{
	gk_auto_error gk_error err = { 0 };
	gk_auto_str char *text = malloc(GK_MAX_ERROR_MESSAGE + 2);

	memset(text, 'x', GK_MAX_ERROR_MESSAGE);
	text[GK_MAX_ERROR_MESSAGE] = '\0';
	gk_error_set(&err, GK_INTERNAL, "%s", text);
	ck_assert_uint_eq(strlen(err.message), GK_MAX_ERROR_MESSAGE);
	memcpy(text + GK_MAX_ERROR_MESSAGE - 1, "\xc3\xb6", 3);
	gk_error_set(&err, GK_INTERNAL, "%s", text);
	ck_assert_uint_eq(strlen(err.message), GK_MAX_ERROR_MESSAGE - 1);
}
END_TEST

static Suite *suite(void)
{
	Suite *it = suite_create("error");
	TCase *tests = tcase_create("error");

	tcase_add_test(tests, a_message_that_is_too_long_is_cut_between_characters);
	suite_add_tcase(it, tests);
	return it;
}

UNIT_MAIN(suite)
