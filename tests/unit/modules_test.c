/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "core.h"
#include "folder.h"

#include "daemon/modules.h"
#include "daemon/paths.h"

#include <stdio.h>
#include <stdlib.h>

#define ABI  "const unsigned gk_module_abi = 1;"
#define NAME "const char gk_module_name[] = \"mine\";"
#define INIT "int gk_module_init(void *app, void *err) { (void)app; (void)err; return RESULT; }"

static gk_modules *modules;

static void set_up(void)
{
	folder_make();
	core_start_unseen();
	modules = gk_modules_new(core_app);
	ck_assert_ptr_nonnull(modules);
}

static void tear_down(void)
{
	core_stop();
	gk_modules_free(modules);
	folder_drop();
}

/* ./NAME.so, whose init returns `result`. */
static void compile(const char *name, const char *source, int result)
{
	gk_auto_str char *command = NULL;

	folder_put("m.c", source);
	ck_assert_int_gt(
		asprintf(&command, "cc -shared -fPIC -DRESULT=%d m.c -o %s.so", result, name), 0);
	ck_assert_int_eq(system(command), 0);
}

static void assert_loads(const char *name)
{
	gk_auto_error gk_error err = { 0 };

	if (gk_modules_load(modules, name, &err) != GK_OK)
		ck_abort_msg("%s", err.message);
}

static void assert_refused(const char *name, gk_code code, const char *message)
{
	gk_error err = { 0 };

	ck_assert_int_eq(gk_modules_load(modules, name, &err), code);
	assert_error(&err, code, message);
}

START_TEST(a_module_is_loaded_once_whatever_its_path)
{
	gk_auto_str char *other = NULL;

	compile("a", ABI NAME INIT, 0);
	assert_loads("./a.so");
	assert_json(gk_modules_names_peek(modules), "['mine']");
	assert_loads("./a.so");
	ck_assert_int_gt(asprintf(&other, "%s/a.so", folder_path()), 0);
	assert_loads(other);
	assert_json(gk_modules_names_peek(modules), "['mine']");
}
END_TEST

START_TEST(what_is_no_module_is_refused_and_says_why)
{
	folder_put("text.so", "not ELF");
	assert_refused("./text.so", GK_NOT_FOUND, "module ./text.so: ./text.so: file too short");
	assert_refused("./none.so", GK_NOT_FOUND,
		"module ./none.so: ./none.so: cannot open shared object file: No such file or directory");
	compile("abi", NAME INIT, 0);
	assert_refused("./abi.so", GK_FAILED_PRECONDITION,
		"module ./abi.so: it has no gk_module_abi; is it a module, made with GK_MODULE()?");
	compile("name", ABI INIT, 0);
	assert_refused("./name.so", GK_FAILED_PRECONDITION,
		"module ./name.so: it has no gk_module_name; is it a module, made with GK_MODULE()?");
	compile("init", ABI NAME, 0);
	assert_refused("./init.so", GK_FAILED_PRECONDITION,
		"module ./init.so: it has no gk_module_init; is it a module, made with GK_MODULE()?");
	ck_assert_uint_eq(json_array_size(gk_modules_names_peek(modules)), 0);
}
END_TEST

START_TEST(a_module_of_another_abi_is_refused_before_it_runs)
{
	compile("old", "const unsigned gk_module_abi = 999;" NAME INIT, 0);
	assert_refused("./old.so", GK_FAILED_PRECONDITION,
		"module ./old.so: it was built for module ABI 999, this genkitd has 1: compile it again");
}
END_TEST

START_TEST(a_name_without_slash_is_looked_up_in_the_module_directory)
{
	gk_auto_str char *message = NULL;

	ck_assert_int_gt(
		asprintf(&message,
			"module none: %s/none.so: cannot open shared object file: No such file or directory",
			gk_path_modules),
		0);
	assert_refused("none", GK_NOT_FOUND, message);
	ck_assert_int_eq(gk_modules_load(modules, "none.so", NULL), GK_NOT_FOUND);
}
END_TEST

START_TEST(a_module_that_failed_stays_failed)
{
	compile("bad", ABI NAME INIT, GK_UNAVAILABLE);
	assert_refused("./bad.so", GK_UNAVAILABLE, "module ./bad.so: it failed without saying why");
	assert_refused("./bad.so", GK_FAILED_PRECONDITION,
		"module ./bad.so: it failed when it was loaded (it failed without saying why): start genkitd again");
	ck_assert_uint_eq(json_array_size(gk_modules_names_peek(modules)), 0);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("modules");
	TCase *t = tcase_create("loading");

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_set_timeout(t, 30); /* it compiles */
	tcase_add_test(t, a_module_is_loaded_once_whatever_its_path);
	tcase_add_test(t, what_is_no_module_is_refused_and_says_why);
	tcase_add_test(t, a_module_of_another_abi_is_refused_before_it_runs);
	tcase_add_test(t, a_name_without_slash_is_looked_up_in_the_module_directory);
	tcase_add_test(t, a_module_that_failed_stays_failed);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(suite)
