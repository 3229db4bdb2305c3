/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "unit.h"

#include "base/memory.h"

static int collected;

/* As a program's that is linked with mimalloc. */
void mi_collect(bool force);

void mi_collect(bool force)
{
	collected += force;
}

START_TEST(what_is_free_goes_back_by_way_of_the_programs_own_malloc)
{
	gk_memory_give_back();
	ck_assert_int_eq(collected, 1);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("memory");
	TCase *c = tcase_create("giving back");

	tcase_add_test(c, what_is_free_goes_back_by_way_of_the_programs_own_malloc);
	suite_add_tcase(s, c);
	return s;
}

UNIT_MAIN(suite)
