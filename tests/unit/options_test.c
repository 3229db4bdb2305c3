/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "unit.h"

#include "daemon/config.h"
#include "daemon/options.h"

#include <stdlib.h>

#define PARSE(options, ...) parse((char *[]){ "genkitd", __VA_ARGS__, NULL }, options, NULL)

static gk_code parse(char **argv, gk_options *ret, gk_error *err)
{
	int argc = 0;

	while (argv[argc])
		argc++;
	return gk_options_parse(argc, argv, ret, err);
}

static void set_up(void)
{
	unsetenv("GENKIT_ENV");
}

START_TEST(without_options_it_serves_the_systems_configuration)
{
	gk_options options;

	ck_assert_int_eq(parse((char *[]){ "genkitd", NULL }, &options, NULL), GK_OK);
	ck_assert_int_eq(options.action, GK_ACTION_SERVE);
	ck_assert_ptr_null(options.files);
	ck_assert_ptr_null(options.assign[0]);
	ck_assert_ptr_null(options.modules[0]);
	ck_assert(!options.is_dev);
	ck_assert_int_eq(options.ready_fd, -1);
	gk_options_done(&options);
}
END_TEST

START_TEST(options_may_be_repeated_and_written_with_an_equals_sign)
{
	gk_options options;

	ck_assert_int_eq(PARSE(&options, "--config", "a", "--config=b", "--set", "x.y=1",
				 "--set=z=2", "--module", "./m.so", "--dev", "--ready-fd=7"),
		GK_OK);
	ck_assert_str_eq(options.files[0], "a");
	ck_assert_str_eq(options.files[1], "b");
	ck_assert_ptr_null(options.files[2]);
	ck_assert_str_eq(options.assign[1], "z=2");
	ck_assert_str_eq(options.modules[0], "./m.so");
	ck_assert(options.is_dev);
	ck_assert_int_eq(options.ready_fd, 7);
	gk_options_done(&options);
}
END_TEST

START_TEST(the_environment_may_ask_for_development)
{
	gk_options options;

	setenv("GENKIT_ENV", "dev", true);
	ck_assert_int_eq(PARSE(&options, "--set", "a=b"), GK_OK);
	ck_assert(options.is_dev);
	gk_options_done(&options);
	setenv("GENKIT_ENV", "prod", true);
	ck_assert_int_eq(PARSE(&options, "--set", "a=b"), GK_OK);
	ck_assert(!options.is_dev);
	gk_options_done(&options);
}
END_TEST

START_TEST(what_is_asked_instead_of_serving_is_known)
{
	static const struct {
		char *option;
		gk_options_action action;
	} all[] = { { "--check-config", GK_ACTION_CHECK }, { "--config-schema", GK_ACTION_SCHEMA },
		{ "--config-man", GK_ACTION_MANUAL }, { "--version", GK_ACTION_VERSION },
		{ "-V", GK_ACTION_VERSION }, { "--help", GK_ACTION_HELP },
		{ "-h", GK_ACTION_HELP } };

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		gk_options options;

		ck_assert_int_eq(PARSE(&options, all[i].option), GK_OK);
		ck_assert_int_eq(options.action, all[i].action);
		gk_options_done(&options);
	}
}
END_TEST

START_TEST(what_is_not_understood_is_named_with_the_nearest_option)
{
	static const struct {
		char *words[3];
		const char *message;
	} all[] = {
		{ { "--modul", "x" }, NULL }, /* an unambiguous beginning will do */
		{ { "--modlue", "x" },
			"--modlue: there is no such option (did you mean --module?)" },
		{ { "--zzzzzz" }, "--zzzzzz: there is no such option" },
		{ { "-x" }, "-x: there is no such option" },
		{ { "--set" }, "--set: a value is missing after it" },
		{ { "--dev=1" }, "--dev=1: there is no such option" },
		{ { "hello" }, "hello: no argument is expected" },
		{ { "--dev", "hello" }, "hello: no argument is expected" },
		{ { "--ready-fd", "three" }, "--ready-fd: 'three' is no file descriptor" },
		{ { "--ready-fd", "-1" }, "--ready-fd: '-1' is no file descriptor" },
		{ { "--ready-fd", "4294967296" },
			"--ready-fd: '4294967296' is no file descriptor" },
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		char *argv[] = { "genkitd", all[i].words[0], all[i].words[1], NULL };
		gk_auto_error gk_error err = { 0 };
		gk_options options;
		gk_code rc = parse(argv, &options, &err);

		if (!all[i].message) {
			ck_assert_int_eq(rc, GK_OK);
			gk_options_done(&options);
			continue;
		}
		ck_assert_int_eq(rc, GK_INVALID_ARGUMENT);
		ck_assert_str_eq(err.message, all[i].message);
	}
}
END_TEST

START_TEST(the_help_has_every_option_and_every_key)
{
	static const char *const options[] = { "--config FILE", "--set KEY=VALUE",
		"--module NAME|PATH", "--dev", "--ready-fd N", "--check-config", "--config-schema",
		"--version", "--help", "Exit status:" };
	gk_auto_str char *help = gk_options_help("genkitd");

	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		ck_assert_msg(strstr(help, options[i]), "%s", options[i]);
	for (const gk_config_key *key = gk_config_keys; key->name; key++)
		ck_assert_msg(strstr(help, key->name), "%s", key->name);
}
END_TEST

static bool parse_and_help(void)
{
	gk_options options;
	bool ok = PARSE(&options, "--set", "a=b") == GK_OK;
	gk_auto_str char *help = NULL;

	if (!ok)
		return false;
	gk_options_done(&options);
	help = gk_options_help("genkitd");
	return help;
}

START_TEST(parsing_survives_a_lack_of_memory)
{
	fault_sweep(parse_and_help);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("options");
	TCase *t = tcase_create("command line");

	tcase_add_checked_fixture(t, set_up, set_up);
	tcase_add_test(t, without_options_it_serves_the_systems_configuration);
	tcase_add_test(t, options_may_be_repeated_and_written_with_an_equals_sign);
	tcase_add_test(t, the_environment_may_ask_for_development);
	tcase_add_test(t, what_is_asked_instead_of_serving_is_known);
	tcase_add_test(t, what_is_not_understood_is_named_with_the_nearest_option);
	tcase_add_test(t, the_help_has_every_option_and_every_key);
	tcase_add_test(t, parsing_survives_a_lack_of_memory);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(suite)
