/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* What the telemetry server's API answers to what failed. */
#include "server/traces_internal.h"
#include "unit.h"

START_TEST(memory_that_ran_out_is_not_the_client_s_fault)
{
	gk_auto_error gk_error err = { 0 };

	gk_error_no_memory(&err);
	ck_assert_int_eq(gk_traces_status(&err), 503);
	ck_assert_int_eq(gk_traces_status(&(gk_error){ .code = GK_RESOURCE_EXHAUSTED }), 503);
}
END_TEST

START_TEST(a_request_with_too_much_in_it_is_too_large)
{
	gk_auto_error gk_error err = { 0 };

	gk_error_set(&err, GK_RESOURCE_EXHAUSTED, "nested more than 100 deep");
	ck_assert_int_eq(gk_traces_status(&err), 413);
}
END_TEST

static Suite *status_suite(void)
{
	Suite *suite = suite_create("status of traces");
	TCase *tests = tcase_create("status");

	tcase_add_test(tests, memory_that_ran_out_is_not_the_client_s_fault);
	tcase_add_test(tests, a_request_with_too_much_in_it_is_too_large);
	suite_add_tcase(suite, tests);
	return suite;
}

UNIT_MAIN(status_suite)
