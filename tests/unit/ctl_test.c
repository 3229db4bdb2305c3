/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "folder.h"
#include "unit.h"

#include "ctl/prompts.h"
#include "ctl/run.h"

#include <dlfcn.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define PARSE(options, ...) parse((char *[]){ "genkitctl", __VA_ARGS__, NULL }, options, NULL)

static gk_code parse(char **argv, gk_ctl_options *ret, gk_error *err)
{
	int argc = 0;

	while (argv[argc])
		argc++;
	return gk_ctl_parse(argc, argv, ret, err);
}

/* --- the command line --- */

START_TEST(options_stand_anywhere_and_words_behind_two_dashes_are_words)
{
	gk_ctl_options options;

	ck_assert_int_eq(PARSE(&options, "--json", "run", "--context={}", "hello", "-s", "--label",
				 "a=b", "--", "-1"),
		GK_OK);
	ck_assert_str_eq(options.command, "run");
	ck_assert_uint_eq(options.word_count, 2);
	ck_assert_str_eq(options.words[0], "hello");
	ck_assert_str_eq(options.words[1], "-1");
	ck_assert_str_eq(options.context, "{}");
	ck_assert_str_eq(options.label, "a=b");
	ck_assert(options.is_json && options.is_stream && !options.is_verbose);
}
END_TEST

START_TEST(what_is_not_understood_is_named)
{
	static const struct {
		char *words[5];
		const char *message;
	} all[] = {
		{ { NULL }, "a command is expected" },
		{ { "acions" }, "there is no command 'acions'; did you mean 'actions'?" },
		{ { "zzzzzzzzz" }, "there is no command 'zzzzzzzzz'" },
		{ { "run" }, "usage: genkitctl run KEY [INPUT]" },
		{ { "run", "a", "b", "c" }, "usage: genkitctl run KEY [INPUT]" },
		{ { "health", "now" }, "usage: genkitctl health " },
		{ { "run", "a", "--steam" }, "unknown option --steam; did you mean --stream" },
		{ { "run", "a", "--json=yes" }, "unknown option --json=yes" },
		{ { "run", "a", "--context" }, "--context needs a value" },
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		char *argv[] = { "genkitctl", all[i].words[0], all[i].words[1], all[i].words[2],
			all[i].words[3], NULL };
		gk_auto_error gk_error err = { 0 };
		gk_ctl_options options;

		ck_assert_int_eq(parse(argv, &options, &err), GK_INVALID_ARGUMENT);
		ck_assert_str_eq(err.message, all[i].message);
	}
}
END_TEST

/* --- what is asked --- */

static json_t *body_of(const gk_ctl_options *options)
{
	gk_auto_error gk_error err = { 0 };
	json_t *body = NULL;

	if (gk_ctl_run_body(options, &body, &err) != GK_OK)
		ck_abort_msg("%s", err.message);
	return body;
}

START_TEST(a_run_is_asked_for_by_key_or_by_the_name_of_a_flow)
{
	gk_ctl_options options = { .words = { "hello" }, .word_count = 1 };
	gk_auto_json json_t *body = body_of(&options), *other = NULL;

	assert_json(body, "{'key':'/flow/hello'}");
	options = (gk_ctl_options){ .words = { "/tool/t", "[1.50, null]" },
		.word_count = 2,
		.context = "{\"auth\": {}}",
		.label = "a=b=c" };
	other = body_of(&options);
	assert_json(other, "{'key':'/tool/t','input':[1.5,null],'context':{'auth':{}},"
			   "'telemetryLabels':{'a':'b=c'}}");
}
END_TEST

START_TEST(what_is_no_json_is_not_asked)
{
	static const struct {
		gk_ctl_options options;
		const char *message;
	} all[] = {
		{ { .words = { "a", "{a: 1}" }, .word_count = 2 },
			"INPUT is no JSON: unexpected 'a' at line 1, column 2" },
		{ { .words = { "a" }, .word_count = 1, .context = "[" },
			"--context is no JSON: unexpected end of input at line 1, column 2" },
		{ { .words = { "a" }, .word_count = 1, .label = "a" },
			"--label: NAME=VALUE is expected" },
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		gk_auto_error gk_error err = { 0 };
		json_t *body = NULL;

		ck_assert_int_eq(
			gk_ctl_run_body(&all[i].options, &body, &err), GK_INVALID_ARGUMENT);
		ck_assert_str_eq(err.message, all[i].message);
		ck_assert_ptr_null(body);
	}
}
END_TEST

static bool was_partial;

static bool make_body(void)
{
	const gk_ctl_options options = {
		.words = { "a", "[1]" }, .word_count = 2, .context = "{}", .label = "a=b"
	};
	gk_auto_json json_t *body = NULL;
	gk_code rc = gk_ctl_run_body(&options, &body, NULL);

	was_partial |= rc == GK_OK && json_object_size(body) != 4;
	return rc == GK_OK;
}

START_TEST(asking_survives_a_lack_of_memory)
{
	was_partial = false;
	fault_sweep(make_body);
	ck_assert_msg(!was_partial, "something that was said was not asked");
}
END_TEST

/* --- who is asked --- */

static void assert_found(const char *said, const char *from_environment, const char *expected)
{
	gk_ctl_options options = { .url = said };
	gk_auto_str char *url = NULL;

	ck_assert_int_eq(gk_ctl_find_daemon(&options, from_environment, &url, NULL), GK_OK);
	ck_assert_str_eq(url, expected);
}

/* A pid that nobody has: of a child that is gone. */
static int dead_pid(void)
{
	FILE *shell = popen("echo $$", "r");
	int pid = 0;

	ck_assert_ptr_nonnull(shell);
	ck_assert_int_eq(fscanf(shell, "%d", &pid), 1);
	pclose(shell);
	return pid;
}

/* With blanks, up to that size. */
static void pad(const char *path, size_t size)
{
	FILE *file = fopen(path, "a");

	ck_assert_ptr_nonnull(file);
	while ((size_t)ftell(file) < size)
		putc(' ', file);
	fclose(file);
}

static void put_runtime(const char *name, int pid, const char *when, const char *url)
{
	gk_auto_str char *path = NULL, *text = NULL;

	ck_assert_int_gt(asprintf(&path, ".genkit/runtimes/%s.json", name), 0);
	ck_assert_int_gt(
		asprintf(&text,
			"{\"pid\": %d, \"timestamp\": \"%s\", \"reflectionServerUrl\": \"%s\"}",
			pid, when, url),
		0);
	folder_put(path, text);
}

START_TEST(the_daemon_is_said_or_the_newest_living_one_of_the_project)
{
	assert_found("http://here:1/", "http://there:2", "http://here:1");
	assert_found(NULL, "http://there:2", "http://there:2");
	assert_found(NULL, "", "http://127.0.0.1:3100");
	folder_put("package.json", "{}");
	mkdir(".genkit", 0777);
	mkdir(".genkit/runtimes", 0777);
	mkdir("below", 0777);
	assert_found(NULL, NULL, "http://127.0.0.1:3100");
	put_runtime("old", getpid(), "2026-11-22T07:44:31.001Z", "http://127.0.0.1:1");
	put_runtime("new", getpid(), "2026-11-23T07:44:31.001Z", "http://127.0.0.1:2");
	put_runtime("dead", dead_pid(), "2026-11-24T07:44:31.001Z", "http://127.0.0.1:3");
	folder_put(".genkit/runtimes/broken.json", "{");
	folder_put(".genkit/runtimes/other.json", "{\"pid\": 1}");
	put_runtime("large", getpid(), "2026-11-25T07:44:31.001Z", "http://127.0.0.1:4");
	pad(".genkit/runtimes/large.json", GK_MAX_RUNTIME_FILE);
	assert_found(NULL, NULL, "http://127.0.0.1:4");
	pad(".genkit/runtimes/large.json", GK_MAX_RUNTIME_FILE + 1);
	ck_assert_int_eq(chdir("below"), 0);
	assert_found(NULL, NULL, "http://127.0.0.1:2");
	ck_assert_int_eq(chdir(".."), 0);
}
END_TEST

static const char *said_to_ask; /* NULL: the project's is */
static bool found_another;

static bool find(void)
{
	gk_ctl_options options = { .url = said_to_ask };
	gk_auto_str char *url = NULL;
	gk_code rc = gk_ctl_find_daemon(&options, NULL, &url, NULL);

	found_another |= rc == GK_OK && said_to_ask && strcmp(url, said_to_ask) != 0;
	return rc == GK_OK;
}

START_TEST(who_is_said_is_found_or_nobody_when_memory_runs_out)
{
	folder_put("package.json", "{}");
	mkdir(".genkit", 0777);
	mkdir(".genkit/runtimes", 0777);
	put_runtime("one", getpid(), "2026-11-22T07:44:31.001Z", "http://127.0.0.1:1");
	said_to_ask = NULL;
	fault_sweep(find);
	fault_sweep_passing(find);
	said_to_ask = "http://here:1";
	found_another = false;
	fault_sweep(find);
	fault_sweep_passing(find);
	ck_assert(!found_another);
}
END_TEST

START_TEST(a_command_has_so_many_words)
{
	char *argv[GK_CTL_MAX_WORDS + 4] = { "genkitctl", "traces" };
	gk_auto_error gk_error err = { 0 };
	gk_ctl_options options;

	for (size_t i = 0; i < GK_CTL_MAX_WORDS; i++)
		argv[2 + i] = "word";
	ck_assert_int_eq(parse(argv, &options, NULL), GK_OK);
	ck_assert_uint_eq(options.word_count, GK_CTL_MAX_WORDS);
	argv[2 + GK_CTL_MAX_WORDS] = "last";
	ck_assert_int_eq(parse(argv, &options, &err), GK_INVALID_ARGUMENT);
	ck_assert_str_eq(err.message, "too many arguments, from 'last' on");
}
END_TEST

/* --- tables --- */

START_TEST(a_table_is_aligned_and_cut_to_the_width)
{
	gk_auto_json json_t *rows = json(
		"[['/flow/a', 'first'], ['/flow/\xc3\xa9t\xc3\xa9', 'second one'], ['/x', '']]");
	gk_auto_str char *wide = gk_ctl_table(rows, 0), *narrow = gk_ctl_table(rows, 20);

	ck_assert_str_eq(wide, "/flow/a    first\n/flow/\xc3\xa9t\xc3\xa9  second one\n/x\n");
	ck_assert_str_eq(
		narrow, "/flow/a    first\n/flow/\xc3\xa9t\xc3\xa9  second o\xe2\x80\xa6\n/x\n");
}
END_TEST

/* What is printed, as text. */
static char *printed(FILE *file)
{
	gk_buf text = GK_BUF_INIT(0);
	int c;

	rewind(file);
	while ((c = getc(file)) != EOF)
		gk_buf_putc(&text, (char)c);
	fclose(file);
	return gk_buf_take(&text, NULL);
}

START_TEST(what_others_wrote_moves_no_cursor)
{
	static const char value[] = "{\n\t\"a\": \"\x7f\xc2\x9b\xc3\xa9\"\n}\r";
	gk_auto_json json_t *rows = json("[['/flow/\\u001b[2J', 'x'], ['/flow/abcdefgh', 'y']]");
	FILE *lines = tmpfile(), *values = tmpfile();
	gk_auto_str char *table = gk_ctl_table(rows, 0), *said, *shown;

	ck_assert(lines && values);
	ck_assert_str_eq(table, "/flow/\\x1b[2J   x\n/flow/abcdefgh  y\n");
	gk_ctl_say(lines, "%s: %s\n", "a", "one\ntwo\x1b[2J\r");
	said = printed(lines);
	ck_assert_str_eq(said, "a: one\ntwo\\x1b[2J\\x0d\n");
	gk_ctl_put_json(values, value, strlen(value));
	shown = printed(values);
	ck_assert_str_eq(shown, "{\n \"a\": \"\\u007f\\u009b\xc3\xa9\"\n} \n");
}
END_TEST

/* --- files --- */

START_TEST(a_file_of_inputs_and_outputs_is_new_and_private_and_whole_or_not_there)
{
	struct rlimit before, small = { 4096, RLIM_INFINITY };
	gk_auto_error gk_error err = { 0 };
	struct stat status;
	FILE *file = NULL;
	mode_t mask;
	gk_code rc;

	mask = umask(0);
	ck_assert_int_eq(gk_ctl_create_file("out", &file, NULL), GK_OK);
	fputs("text", file);
	ck_assert_int_eq(gk_ctl_close_file(file, "out", GK_OK, NULL), GK_OK);
	ck_assert_int_eq(stat("out", &status), 0);
	umask(mask);
	ck_assert_uint_eq(status.st_mode & 0777, 0600);
	ck_assert_int_eq(gk_ctl_create_file("out", &file, &err), GK_UNAVAILABLE);
	ck_assert_str_eq(err.message, "out: File exists");
	ck_assert_int_eq(gk_ctl_create_file("stopped", &file, NULL), GK_OK);
	ck_assert_int_eq(gk_ctl_close_file(file, "stopped", GK_CANCELLED, NULL), GK_CANCELLED);
	ck_assert_int_ne(access("stopped", F_OK), 0);

	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &before);
	ck_assert_int_eq(gk_ctl_create_file("full", &file, NULL), GK_OK);
	setrlimit(RLIMIT_FSIZE, &small);
	for (int i = 0; i < 10000; i++)
		putc('x', file);
	setrlimit(RLIMIT_FSIZE, &before); /* there is room again for what comes last */
	rc = gk_ctl_close_file(file, "full", GK_OK, NULL);
	ck_assert_int_eq(rc, GK_UNAVAILABLE);
	ck_assert_int_ne(access("full", F_OK), 0);
}
END_TEST

/* --- prompts --- */

START_TEST(lint_tells_errors_from_what_code_may_define)
{
	gk_auto_json json_t *lines = NULL, *none = NULL;
	gk_auto_error gk_error err = { 0 };

	folder_make();
	mkdir("p", 0700);
	folder_put("p/a.prompt", "---\nmodel: [x]\n---\nHi");
	folder_put("p/b.prompt", "Hi\n{{#if x}}");
	folder_put("p/c.prompt", "{{shout x}}");
	folder_put("p/d.prompt", "{{>card}}");
	folder_put("p/e.prompt", "---\ninput: {schema: Nobody}\n---\nHi");
	folder_put("p/f.prompt", "---\nHi");
	folder_put("p/g.prompt", "---\nm: 1\noutput: {schema: {type: array, items: 7}}\n---\nHi");
	ck_assert_int_eq(gk_ctl_lint("p", &lines, NULL), GK_OK);
	ck_assert_int_eq(gk_ctl_lint("q", &none, &err), GK_NOT_FOUND);
	folder_drop();
	ck_assert_uint_eq(json_array_size(lines), 6);
	assert_json(json_array_get(lines, 0),
		"{'text':'p/a.prompt:2:1: model must be a text','isError':true}");
	ck_assert_ptr_nonnull(strstr(gk_json_str_peek(lines, "[1].text"), "p/b.prompt:2:"));
	ck_assert(gk_json_bool_at(lines, "[1].isError", false));
	for (int i = 2; i < 5; i++)
		ck_assert(!gk_json_bool_at(json_array_get(lines, (size_t)i), "isError", true));
	ck_assert_ptr_nonnull(strstr(gk_json_str_peek(lines, "[2].text"), "p/c.prompt:1:"));
	ck_assert_ptr_nonnull(strstr(gk_json_str_peek(lines, "[3].text"), "p/e.prompt:2:1: "));
	ck_assert_ptr_nonnull(strstr(gk_json_str_peek(lines, "[3].text"), "Nobody"));
	ck_assert_ptr_nonnull(strstr(gk_json_str_peek(lines, "[5].text"), "p/g.prompt:3:1: "));
	ck_assert(gk_json_bool_at(lines, "[5].isError", false));
}
END_TEST

START_TEST(rendering_a_file_finds_the_partials_beside_it)
{
	gk_auto_json json_t *messages = NULL, *input = json("{'x': 1}"), *none = NULL, *deep = NULL;
	gk_auto_error gk_error err = { 0 };

	folder_make();
	folder_put("a.prompt", "{{>card}} {{x}}");
	folder_put("_card.prompt", "A card");
	ck_assert_int_eq(gk_ctl_render("a.prompt", input, &messages, NULL), GK_OK);
	ck_assert_int_eq(gk_ctl_render("b.prompt", input, &none, &err), GK_NOT_FOUND);
	mkdir("deep", 0700);
	folder_put("deep/c.prompt", "{{>card}}!");
	ck_assert_int_eq(gk_ctl_render("deep/c.prompt", input, &deep, NULL), GK_OK);
	folder_drop();
	assert_json(messages, "[{'role':'user','content':[{'text':'A card 1'}]}]");
	assert_json(deep, "[{'role':'user','content':[{'text':'A card!'}]}]");
}
END_TEST

static bool no_streams; /* there is no memory for one */

FILE *fdopen(int fd, const char *mode)
{
	FILE *(*real)(int, const char *);
	void *symbol = dlsym(RTLD_NEXT, "fdopen");

	memcpy(&real, &symbol, sizeof(real));
	errno = ENOMEM;
	return no_streams ? NULL : real(fd, mode);
}

START_TEST(a_file_that_cannot_be_written_to_is_not_left_behind)
{
	char path[] = "/tmp/genkitctl-XXXXXX";
	FILE *file = NULL;
	gk_code rc;

	close(mkstemp(path));
	unlink(path);
	no_streams = true;
	rc = gk_ctl_create_file(path, &file, NULL);
	no_streams = false;
	ck_assert_int_eq(rc, GK_UNAVAILABLE);
	ck_assert_int_ne(access(path, F_OK), 0);
	ck_assert_int_eq(gk_ctl_create_file(path, &file, NULL), GK_OK);
	ck_assert_int_eq(gk_ctl_close_file(file, path, GK_OK, NULL), GK_OK);
	ck_assert_int_eq(unlink(path), 0);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("ctl");
	TCase *t = tcase_create("genkitctl");

	tcase_add_checked_fixture(t, folder_make, folder_drop);
	tcase_add_test(t, a_file_that_cannot_be_written_to_is_not_left_behind);
	tcase_add_test(t, options_stand_anywhere_and_words_behind_two_dashes_are_words);
	tcase_add_test(t, what_is_not_understood_is_named);
	tcase_add_test(t, a_command_has_so_many_words);
	tcase_add_test(t, a_run_is_asked_for_by_key_or_by_the_name_of_a_flow);
	tcase_add_test(t, what_is_no_json_is_not_asked);
	tcase_add_test(t, asking_survives_a_lack_of_memory);
	tcase_add_test(t, the_daemon_is_said_or_the_newest_living_one_of_the_project);
	tcase_add_test(t, who_is_said_is_found_or_nobody_when_memory_runs_out);
	tcase_add_test(t, a_table_is_aligned_and_cut_to_the_width);
	tcase_add_test(t, what_others_wrote_moves_no_cursor);
	tcase_add_test(t, a_file_of_inputs_and_outputs_is_new_and_private_and_whole_or_not_there);
	tcase_add_test(t, lint_tells_errors_from_what_code_may_define);
	tcase_add_test(t, rendering_a_file_finds_the_partials_beside_it);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(suite)
