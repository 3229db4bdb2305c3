/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int unit_run(Suite *suite)
{
	SRunner *runner = srunner_create(suite);
	int failed;

	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

static char *with_double_quotes(const char *text)
{
	char *copy = strdup(text);

	if (!copy)
		abort();
	for (char *c = copy; *c; c++)
		if (*c == '\'')
			*c = '"';
	return copy;
}

json_t *json(const char *text)
{
	gk_auto_str char *quoted = with_double_quotes(text);
	json_error_t error;
	json_t *value = json_loads(quoted, JSON_DECODE_ANY, &error);

	if (!value) {
		fprintf(stderr, "json(\"%s\"): %s\n", text, error.text);
		abort();
	}
	return value;
}

void assert_json(const json_t *value, const char *text)
{
	gk_auto_str char *expected = with_double_quotes(text);
	gk_auto_str char *got = gk_json_write(value, NULL);

	ck_assert_str_eq(got, expected);
}
