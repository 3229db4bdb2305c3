/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "unit.h"

#include "base/limits.h"
#include "server/runtime_file.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/genkitd-runtime-XXXXXX";
static const gk_runtime runtime = { .version = "1.2.3" };
static gk_loop *loop;

static void setup(void)
{
	ck_assert_int_eq(gk_loop_new(&loop, NULL), GK_OK);
	strcpy(strrchr(folder, '-') + 1, "XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
}

static void teardown(void)
{
	gk_auto_str char *command = NULL;

	ck_assert_int_gt(asprintf(&command, "rm -rf %s", folder), 0);
	ck_assert_int_eq(system(command), 0);
	gk_loop_free(loop);
}

static char *below(const char *name)
{
	char *path = NULL;

	ck_assert_int_gt(asprintf(&path, "%s/%s", folder, name), 0);
	return path;
}

static void make_folder(const char *name)
{
	gk_auto_str char *path = below(name);

	ck_assert_int_eq(mkdir(path, 0777), 0);
}

static void put(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	ck_assert_ptr_nonnull(file);
	fputs(text, file);
	fclose(file);
}

static json_t *read_file(const char *path)
{
	FILE *file = fopen(path, "r");
	char text[4096];
	json_t *value = NULL;
	size_t len;

	ck_assert_ptr_nonnull(file);
	len = fread(text, 1, sizeof(text), file);
	fclose(file);
	ck_assert_int_eq(gk_json_parse(text, len, 0, &value, NULL), GK_OK);
	return value;
}

static unsigned count(const char *name)
{
	gk_auto_str char *path = below(name);
	DIR *dir = opendir(path);
	unsigned n = 0;

	ck_assert_ptr_nonnull(dir);
	while (readdir(dir))
		n++;
	closedir(dir);
	return n - 2;
}

static gk_runtime_file *write_one(const gk_runtime *about, const char *id, const char *address)
{
	gk_runtime_file *file = NULL;
	gk_error err = { 0 };
	gk_code rc = gk_runtime_file_write(loop, folder, about, id, address, &file, &err);

	ck_assert_msg(rc == GK_OK, "%s", err.message);
	return file;
}

START_TEST(the_file_says_who_and_where)
{
	gk_runtime_file *file = write_one(&runtime, "12-3100", "127.0.0.1:3100");
	gk_auto_json json_t *value = read_file(gk_runtime_file_path(file));
	gk_auto_str char *start = NULL;

	ck_assert_int_gt(
		asprintf(&start, "%s/.genkit/runtimes/%d-3100-", folder, (int)getpid()), 0);
	ck_assert_int_eq(strncmp(gk_runtime_file_path(file), start, strlen(start)), 0);
	ck_assert_str_eq(gk_json_str_peek(value, "id"), "12-3100");
	ck_assert_int_eq(gk_json_int_at(value, "pid", 0), getpid());
	ck_assert_str_eq(gk_json_str_peek(value, "name"), "12-3100");
	ck_assert_str_eq(gk_json_str_peek(value, "reflectionServerUrl"), "http://127.0.0.1:3100");
	ck_assert_uint_eq(
		strlen(gk_json_str_peek(value, "timestamp")), strlen("2026-11-22T07:44:31.001Z"));
	ck_assert_str_eq(gk_json_str_peek(value, "genkitVersion"), "c/1.2.3");
	ck_assert_int_eq(gk_json_int_at(value, "reflectionApiSpecVersion", 0), 1);
	ck_assert_uint_eq(json_object_size(value), 7);
	ck_assert_uint_eq(count(".genkit"), 1); /* no draft is left */
	gk_runtime_file_remove(file);
	ck_assert_uint_eq(count(".genkit/runtimes"), 0);
}
END_TEST

START_TEST(a_name_of_its_own_is_told)
{
	gk_runtime_file *file =
		write_one(&(gk_runtime){ .name = "kitchen" }, "x", "127.0.0.1:3100");
	gk_auto_json json_t *value = read_file(gk_runtime_file_path(file));

	ck_assert_str_eq(gk_json_str_peek(value, "name"), "kitchen");
	gk_runtime_file_remove(file);
}
END_TEST

START_TEST(every_interface_is_asked_on_loopback)
{
	static const char *const addresses[][2] = { { "0.0.0.0:1", "http://127.0.0.1:1" },
		{ "[::]:2", "http://[::1]:2" }, { "[::1]:3", "http://[::1]:3" } };

	for (size_t i = 0; i < 3; i++) {
		gk_runtime_file *file = write_one(&runtime, "x", addresses[i][0]);
		gk_auto_json json_t *value = read_file(gk_runtime_file_path(file));

		ck_assert_str_eq(gk_json_str_peek(value, "reflectionServerUrl"), addresses[i][1]);
		gk_runtime_file_remove(file);
	}
}
END_TEST

START_TEST(a_file_of_another_process_is_left_alone)
{
	gk_runtime_file *file = write_one(&runtime, "x", "127.0.0.1:1");

	put(gk_runtime_file_path(file), "{\"pid\":1}");
	gk_runtime_file_remove(file);
	ck_assert_uint_eq(count(".genkit/runtimes"), 1);
	gk_runtime_file_remove(NULL);
}
END_TEST

START_TEST(a_file_that_was_deleted_is_no_harm)
{
	gk_runtime_file *file = write_one(&runtime, "x", "127.0.0.1:1");

	ck_assert_int_eq(unlink(gk_runtime_file_path(file)), 0);
	gk_runtime_file_remove(file);
}
END_TEST

START_TEST(a_folder_that_cannot_be_had_is_named)
{
	gk_auto_str char *path = below(".genkit");
	gk_runtime_file *file = NULL;
	gk_auto_error gk_error err = { 0 };

	put(path, "no folder");
	ck_assert_int_eq(
		gk_runtime_file_write(loop, folder, &runtime, "x", "127.0.0.1:1", &file, &err),
		GK_UNAVAILABLE);
	ck_assert_ptr_nonnull(strstr(err.message, ".genkit/runtimes"));
	ck_assert_ptr_null(file);
}
END_TEST

static void assert_root(const char *from, const char *expected)
{
	gk_auto_str char *start = below(from), *want = below(expected), *root = NULL;
	gk_auto_str char *real = realpath(want, NULL);

	ck_assert_int_eq(gk_project_root(start, &root, NULL), GK_OK);
	ck_assert_str_eq(root, real);
}

START_TEST(the_project_is_the_nearest_folder_with_a_marker)
{
	gk_auto_str char *marker = below("a/go.mod"), *other = below("a/b/c/package.json");

	make_folder("a");
	make_folder("a/b");
	make_folder("a/b/c");
	make_folder("a/b/c/d");
	assert_root("a/b", "a/b"); /* none anywhere */
	put(marker, "");
	assert_root("a/b", "a");
	assert_root("a", "a");
	put(other, "");
	assert_root("a/b/c/d", "a/b/c");
	assert_root("a/b/c/d/..", "a/b/c");
	assert_root("a/b", "a");
}
END_TEST

START_TEST(a_folder_that_is_not_there_is_an_error)
{
	gk_auto_str char *path = below("nowhere");
	char *root = NULL;

	ck_assert_int_eq(gk_project_root(path, &root, NULL), GK_NOT_FOUND);
	ck_assert_int_eq(gk_project_root("/", &root, NULL), GK_OK);
	ck_assert_str_eq(root, "/");
	free(root);
}
END_TEST

static bool write_and_remove(void)
{
	gk_runtime_file *file = NULL;
	gk_code rc = gk_runtime_file_write(loop, folder, &runtime, "x", "127.0.0.1:1", &file, NULL);

	if (file) {
		unlink(gk_runtime_file_path(file));
		gk_runtime_file_remove(file);
	}
	return rc == GK_OK;
}

START_TEST(writing_survives_a_lack_of_memory)
{
	fault_sweep(write_and_remove);
	ck_assert_uint_eq(count(".genkit"), 1);
}
END_TEST

static bool is_old(const char *path)
{
	struct stat about;

	ck_assert_int_eq(stat(path, &about), 0);
	return about.st_mtim.tv_sec == 1;
}

static void stop(void *user)
{
	(void)user;
	gk_loop_stop(loop);
}

/* The CLI may have begun to watch the folder just when the file came into it. */
START_TEST(a_tool_that_missed_the_file_is_made_to_look_again)
{
	const struct timespec old[] = { { .tv_sec = 1 }, { .tv_sec = 1 } };
	gk_runtime_file *file = write_one(&runtime, "x", "127.0.0.1:1");
	gk_timer *timer = NULL;

	for (unsigned i = 0; i < GK_RUNTIME_FILE_TOUCHES + 1; i++) {
		ck_assert_int_eq(utimensat(AT_FDCWD, gk_runtime_file_path(file), old, 0), 0);
		ck_assert_int_eq(gk_timer_start(loop, GK_RUNTIME_FILE_TOUCH_MS + 100, 0, stop, NULL,
					 &timer, NULL),
			GK_OK);
		gk_loop_run(loop);
		gk_timer_stop(timer);
		ck_assert_int_eq(is_old(gk_runtime_file_path(file)), i == GK_RUNTIME_FILE_TOUCHES);
	}
	gk_runtime_file_remove(file);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("runtime file");
	TCase *t = tcase_create("file");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 20);
	tcase_add_test(t, a_tool_that_missed_the_file_is_made_to_look_again);
	tcase_add_test(t, the_file_says_who_and_where);
	tcase_add_test(t, a_name_of_its_own_is_told);
	tcase_add_test(t, every_interface_is_asked_on_loopback);
	tcase_add_test(t, a_file_of_another_process_is_left_alone);
	tcase_add_test(t, a_file_that_was_deleted_is_no_harm);
	tcase_add_test(t, a_folder_that_cannot_be_had_is_named);
	tcase_add_test(t, the_project_is_the_nearest_folder_with_a_marker);
	tcase_add_test(t, a_folder_that_is_not_there_is_an_error);
	tcase_add_test(t, writing_survives_a_lack_of_memory);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(suite)
