/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "core.h"
#include "folder.h"

#include "base/limits.h"
#include "base/str.h"
#include "daemon/exec.h"

#include <signal.h>
#include <sys/stat.h>
#include <stdio.h>
#include <unistd.h>

static gk_exec *executables;

static void set_up(void)
{
	signal(SIGPIPE, SIG_IGN); /* as the daemon does */
	folder_make();
	core_start_unseen();
	executables = gk_exec_new(core_app);
	ck_assert_ptr_nonnull(executables);
}

static void tear_down(void)
{
	core_stop();
	gk_exec_free(
		executables); /* before the application in the daemon; its actions do not touch it */
	folder_drop();
}

/* An entry as the configuration gives it: a flow of that name which runs ./NAME.sh with what `more` says over it. */
static json_t *entry(const char *name, const char *more)
{
	gk_auto_json json_t *over = json(more);
	json_t *it = json_pack("{s:s, s:s, s:s, s:[o], s:i, s:i, s:b}", "@", "c.yaml:1:1", "name",
		name, "type", "flow", "command", json_sprintf("./%s.sh", name), "timeout", 600000,
		"max_concurrent", 64, "stream", 0);

	ck_assert_int_eq(json_object_update(it, over), 0);
	return it;
}

static void script(const char *name, const char *text)
{
	gk_auto_str char *file = NULL, *whole = NULL;

	ck_assert_int_gt(asprintf(&file, "%s.sh", name), 0);
	ck_assert_int_gt(asprintf(&whole, "#!/bin/sh\n%s\n", text), 0);
	folder_put(file, whole);
}

static void configure(json_t *entries_take)
{
	gk_auto_json json_t *entries = entries_take;
	gk_auto_error gk_error err = { 0 };

	if (gk_exec_configure(executables, entries, &err) != GK_OK)
		ck_abort_msg("%s", err.message);
}

/* One executable, "it". */
static void define_with(const char *text, const char *more)
{
	script("it", text);
	configure(json_pack("[o]", entry("it", more)));
}

static void define(const char *text)
{
	define_with(text, "{}");
}

static gk_run *begin(const char *input)
{
	gk_auto_json json_t *value = input ? json(input) : NULL;

	return core_begin(GK_OPTS(gk_run_opts, .key = "/flow/it", .input = value));
}

/* The run's error; the run is given back. */
static gk_run *failing(const char *input, gk_code code, const char *message)
{
	gk_run *run = begin(input);
	const gk_error *err;

	core_finish(run);
	err = gk_run_error_peek(run);
	ck_assert_ptr_nonnull(err);
	ck_assert_str_eq(err->message, message);
	ck_assert_str_eq(gk_code_name(err->code), gk_code_name(code));
	return run;
}

static void assert_fails(gk_code code, const char *message)
{
	gk_run_unref(failing("1", code, message));
}

/* It is there before its text is, which comes at once. */
static bool file_has_text(void *name)
{
	struct stat info;

	return stat(name, &info) == 0 && info.st_size > 0;
}

static bool process_is_gone(void *pid)
{
	return kill(*(pid_t *)pid, 0) < 0;
}

static pid_t pid_in(const char *name)
{
	FILE *file;
	int pid = 0;

	core_turn_until(file_has_text, (void *)name);
	file = fopen(name, "r");
	ck_assert_ptr_nonnull(file);
	ck_assert_int_eq(fscanf(file, "%d", &pid), 1);
	fclose(file);
	return pid;
}

/* --- results --- */

START_TEST(the_input_is_a_line_and_the_output_is_the_result)
{
	gk_auto_json json_t *result = NULL;

	define("read -r line; printf '{\\n  \"got\": %s\\n}\\n' \"$line\"");
	result = core_run("/flow/it", json("{'a': ['b', 1.50]}"));
	assert_json(result, "{'got':{'a':['b',1.5]}}");
}
END_TEST

START_TEST(no_output_is_a_result_without_a_value)
{
	gk_auto_json json_t *result = NULL;

	define("echo");
	result = core_run("/flow/it", NULL);
	ck_assert_ptr_null(result);
}
END_TEST

START_TEST(a_program_may_answer_without_reading_its_input)
{
	gk_auto_json json_t *result = NULL;
	gk_auto_str char *long_text = malloc((1u << 20) + 1);

	memset(long_text, 'x', 1u << 20);
	long_text[1u << 20] = '\0';
	define("echo 7");
	result = core_run("/flow/it", json_string(long_text));
	assert_json(result, "7");
}
END_TEST

START_TEST(a_large_result_is_parsed_by_a_worker)
{
	gk_auto_json json_t *result = NULL;

	define("printf '\"'; head -c 1000000 /dev/zero | tr '\\0' x; printf '\"'");
	result = core_run("/flow/it", NULL);
	ck_assert_uint_eq(json_string_length(result), 1000000);
}
END_TEST

START_TEST(with_stream_all_lines_but_the_last_are_chunks)
{
	core_sink sink;
	gk_run *run;

	define_with(
		"echo 1; echo; echo '{\"two\": 2}'; echo; printf '\"end\"'", "{'stream': true}");
	core_sink_init(&sink);
	run = core_begin(
		GK_OPTS(gk_run_opts, .key = "/flow/it", .sink = &sink.base, .is_streaming = true));
	core_finish(run);
	assert_json(sink.chunks, "[1,{'two':2}]");
	assert_json(gk_run_result_peek(run), "'end'");
	gk_run_unref(run);
	core_sink_done(&sink);
}
END_TEST

START_TEST(a_chunk_leaves_before_the_program_ends)
{
	core_sink sink;
	gk_run *run;
	pid_t pid;

	define_with("echo 1; echo 2; echo $$ > pid; sleep 1000", "{'stream': true}");
	core_sink_init(&sink);
	run = core_begin(
		GK_OPTS(gk_run_opts, .key = "/flow/it", .sink = &sink.base, .is_streaming = true));
	pid = pid_in("pid");
	while (json_array_size(sink.chunks) == 0)
		gk_loop_turn(core_loop, 10);
	gk_run_cancel(run, GK_CANCELLED);
	core_finish(run);
	core_turn_until(process_is_gone, &pid);
	gk_run_unref(run);
	core_sink_done(&sink);
}
END_TEST

/* --- failures --- */

START_TEST(exit_status_and_standard_error_go_into_the_error)
{
	gk_run *run;

	define("echo first >&2; echo 'disk on fire' >&2; exit 3");
	run = failing("1", GK_INTERNAL, "it: exit status 3: disk on fire");
	assert_json(gk_run_error_peek(run)->details,
		"{'exitStatus':3,'stderr':'first\\ndisk on fire'}");
	gk_run_unref(run);
	define("kill -KILL $$");
	run = failing("1", GK_INTERNAL, "it: killed by signal 9 (SIGKILL)");
	assert_json(gk_run_error_peek(run)->details, "{'signal':9,'stderr':''}");
	gk_run_unref(run);
}
END_TEST

START_TEST(an_error_quotes_the_last_4_kib_of_standard_error_as_utf_8)
{
	json_t *text;
	gk_run *run;

	define("head -c 9000 /dev/zero | tr '\\0' x >&2; printf 'caf\\351\\n' >&2; exit 1");
	run = begin("1");
	core_finish(run);
	text = json_object_get(gk_run_error_peek(run)->details, "stderr");
	ck_assert_uint_lt(json_string_length(text), GK_MAX_EXEC_STDERR + 8);
	ck_assert_uint_gt(json_string_length(text), GK_MAX_EXEC_STDERR - 8);
	ck_assert_ptr_nonnull(strstr(json_string_value(text), "xcaf\xef\xbf\xbd"));
	gk_run_unref(run);
}
END_TEST

START_TEST(a_program_may_state_its_error_whatever_its_exit_status)
{
	gk_run *run;

	define("echo '{\"error\": {\"status\": \"NOT_FOUND\", \"message\": \"no such dish\", "
	       "\"details\": {\"dish\": 7}}}'; exit 1");
	run = failing("1", GK_NOT_FOUND, "no such dish");
	assert_json(gk_run_error_peek(run)->details, "{'dish':7}");
	gk_run_unref(run);
}
END_TEST

START_TEST(output_that_is_no_json_is_the_programs_fault)
{
	define("echo '{\"a\": 1'");
	assert_fails(GK_INTERNAL,
		"it: its output is no JSON: unexpected end of input at line 2, column 1");
	define_with("echo oops; echo 1", "{'stream': true}");
	assert_fails(GK_INTERNAL, "it: its output is no JSON: unexpected 'o' at line 1, column 1");
}
END_TEST

START_TEST(a_program_that_cannot_be_started_is_named)
{
	folder_put("plain.sh", "echo 1\n");
	configure(json_pack("[o]", entry("it", "{'command': ['./none']}")));
	assert_fails(GK_INTERNAL, "it: cannot start ./none: no such file or directory");
	configure(json_pack("[o]", entry("it", "{'command': ['./plain.sh']}")));
	assert_fails(GK_INTERNAL, "it: cannot start ./plain.sh: permission denied");
	define_with("echo 1", "{'directory': '/no/such/folder'}");
	gk_run_unref(failing(
		"1", GK_INTERNAL, "it: cannot work in /no/such/folder: no such file or directory"));
}
END_TEST

START_TEST(output_has_a_limit_in_a_line_and_in_all)
{
	gk_auto_str char *one = NULL, *many = NULL;
	gk_auto_json json_t *result = NULL;

	ck_assert_int_gt(
		asprintf(&one, "head -c %u /dev/zero | tr '\\0' x", GK_MAX_CHILD_LINE + 1), 0);
	define(one);
	assert_fails(
		GK_RESOURCE_EXHAUSTED, "./it.sh: a line of output is longer than 16777216 bytes");
	ck_assert_int_gt(asprintf(&many, "yes 1 | head -c %u", GK_MAX_CHILD_LINE + 2), 0);
	define(many);
	assert_fails(GK_RESOURCE_EXHAUSTED, "it: its output is longer than 16 MiB");
	define("echo 1");
	result = core_run("/flow/it", NULL);
	assert_json(result, "1");
}
END_TEST

/* --- time and cancellation --- */

START_TEST(a_time_limit_ends_the_program)
{
	pid_t pid;

	define_with("echo $$ > pid; exec sleep 1000", "{'timeout': 200}");
	assert_fails(GK_DEADLINE_EXCEEDED, "it: no result within 200 ms");
	pid = pid_in("pid");
	core_turn_until(process_is_gone, &pid);
}
END_TEST

START_TEST(a_cancelled_run_ends_the_program_and_what_it_started)
{
	pid_t pid, other;
	gk_run *run;

	define("sleep 1000 & echo $! > other; echo $$ > pid; wait");
	run = begin("1");
	pid = pid_in("pid");
	other = pid_in("other");
	gk_run_cancel(run, GK_CANCELLED);
	core_finish(run);
	ck_assert_int_eq(gk_run_error_peek(run)->code, GK_CANCELLED);
	gk_run_unref(run);
	core_turn_until(process_is_gone, &pid);
	core_turn_until(process_is_gone, &other);
}
END_TEST

START_TEST(no_more_run_at_once_than_the_configuration_says)
{
	gk_run *runs[3];

	define_with("read -r n; echo $$ > pid$n; while [ ! -e go$n ]; do sleep 0.01; done; echo $n",
		"{'max_concurrent': 1}");
	runs[0] = begin("0");
	runs[1] = begin("1");
	runs[2] = begin("2");
	pid_in("pid0");
	for (unsigned i = 0; i < 20; i++)
		gk_loop_turn(core_loop, 5);
	ck_assert_int_ne(access("pid1", F_OK), 0);
	gk_run_cancel(runs[1], GK_CANCELLED); /* it leaves the queue */
	core_finish(runs[1]);
	ck_assert_int_ne(access("pid2", F_OK), 0);
	folder_put("go0", "");
	core_finish(runs[0]);
	pid_in("pid2");
	folder_put("go2", "");
	core_finish(runs[2]);
	ck_assert_int_ne(access("pid1", F_OK), 0);
	assert_json(gk_run_result_peek(runs[0]), "0");
	assert_json(gk_run_result_peek(runs[2]), "2");
	for (unsigned i = 0; i < 3; i++)
		gk_run_unref(runs[i]);
}
END_TEST

/* --- environment --- */

static json_t *environment_of(json_t *context_take)
{
	gk_auto_json json_t *context = context_take;
	gk_run *run = core_begin(GK_OPTS(gk_run_opts, .key = "/flow/it", .context = context));
	json_t *result;

	core_finish(run);
	result = json_incref(gk_run_result_peek(run));
	ck_assert_ptr_nonnull(result);
	gk_run_unref(run);
	return result;
}

/* The environment as a JSON array of lines. */
#define PRINT_ENVIRONMENT                                                                          \
	"printf '['; env | sed 's/\\\\/\\\\\\\\/g; s/\"/\\\\\"/g; s/.*/\"&\",/'; printf '0]'"

static const char *variable(json_t *environment, const char *name)
{
	json_t *line;
	size_t i;

	json_array_foreach (environment, i, line)
		if (gk_str_has_prefix(json_string_value(line) ? json_string_value(line) : "", name))
			return json_string_value(line) + strlen(name);
	return NULL;
}

START_TEST(the_environment_holds_what_is_needed_and_no_secret)
{
	gk_auto_json json_t *environment = NULL;

	setenv("GK_TEST_SECRET", "hunter2", true);
	define_with(
		PRINT_ENVIRONMENT, "{'env': {'COLOUR': 'red', 'EMPTY': null, 'HOME': '/there'}}");
	environment = environment_of(
		json("{'auth': {'apiKey': 'hunter2'}, 'secrets': 'hunter2', 'tenant': 'a'}"));
	ck_assert_ptr_null(variable(environment, "GK_TEST_SECRET="));
	ck_assert_str_eq(variable(environment, "COLOUR="), "red");
	ck_assert_str_eq(variable(environment, "EMPTY="), "");
	ck_assert_str_eq(variable(environment, "HOME="), "/there");
	ck_assert_ptr_nonnull(variable(environment, "PATH="));
	ck_assert_uint_eq(strlen(variable(environment, "GENKIT_TRACE_ID=")), 32);
	ck_assert_uint_eq(strlen(variable(environment, "GENKIT_SPAN_ID=")), 16);
	ck_assert_str_eq(variable(environment, "GENKIT_CONTEXT="),
		"{\"auth\":\"<redacted>\",\"secrets\":\"<redacted>\",\"tenant\":\"a\"}");
}
END_TEST

START_TEST(a_large_context_stays_out_of_the_environment)
{
	gk_auto_str char *long_text = malloc(GK_MAX_EXEC_CONTEXT + 1);
	gk_auto_json json_t *environment = NULL;

	memset(long_text, 'x', GK_MAX_EXEC_CONTEXT);
	define(PRINT_ENVIRONMENT);
	long_text[GK_MAX_EXEC_CONTEXT - strlen("{\"a\":\"\"}")] = '\0';
	environment = environment_of(json_pack("{s:s}", "a", long_text));
	ck_assert_ptr_null(variable(environment, "GENKIT_CONTEXT="));
	json_decref(environment);
	long_text[GK_MAX_EXEC_CONTEXT - strlen("{\"a\":\"\"}") - 1] = '\0';
	environment = environment_of(json_pack("{s:s}", "a", long_text));
	ck_assert_uint_eq(
		strlen(variable(environment, "GENKIT_CONTEXT=")), GK_MAX_EXEC_CONTEXT - 1);
}
END_TEST

START_TEST(the_program_runs_in_its_directory)
{
	gk_auto_json json_t *result = NULL;
	gk_auto_str char *command = NULL;

	ck_assert_int_gt(
		asprintf(&command, "{'command': ['%s/it.sh'], 'directory': '/'}", folder_path()),
		0);

	script("it", "printf '\"%s\"' \"$PWD\"");
	configure(json_pack("[o]", entry("it", command)));
	result = core_run("/flow/it", NULL);
	assert_json(result, "'/'");
}
END_TEST

/* --- another configuration --- */

static gk_action *find(const char *key)
{
	return gk_app_find_action_peek(core_app, key);
}

START_TEST(a_change_replaces_what_is_different_and_withdraws_what_is_gone)
{
	gk_action *same, *changed;
	gk_auto_json json_t *result = NULL;

	script("a", "echo 1");
	script("b", "echo 2");
	configure(json_pack("[o, o, o]", entry("a", "{}"), entry("b", "{'input': 'number'}"),
		entry("c", "{'type': 'tool', 'description': 'd'}")));
	ck_assert_ptr_nonnull(find("/tool/c"));
	ck_assert_ptr_nonnull(find("/tool.v2/c"));
	same = find("/flow/a");
	changed = find("/flow/b");
	configure(json_pack(
		"[o, o]", entry("a", "{'@': 'c.yaml:9:9'}"), entry("b", "{'input': 'string'}")));
	ck_assert_ptr_eq(find("/flow/a"), same);
	ck_assert_ptr_ne(find("/flow/b"), changed);
	ck_assert_ptr_null(find("/tool/c"));
	ck_assert_ptr_null(find("/tool.v2/c"));
	core_fail("/flow/b", json("1"), GK_INVALID_ARGUMENT, NULL);
	result = core_run("/flow/b", json("'x'"));
	assert_json(result, "2");
	configure(json_array());
	ck_assert_ptr_null(find("/flow/a"));
}
END_TEST

START_TEST(a_change_that_fails_changes_nothing)
{
	gk_auto_json json_t *entries = NULL, *result = NULL;
	gk_auto_error gk_error err = { 0 };

	core_flow("taken", core_echo, NULL);
	script("a", "echo 1");
	configure(json_pack("[o]", entry("a", "{}")));
	entries = json_pack("[o, o, o]", entry("a", "{'command': ['false']}"), entry("new", "{}"),
		entry("taken", "{}"));
	ck_assert_int_eq(gk_exec_configure(executables, entries, &err), GK_ALREADY_EXISTS);
	ck_assert_str_eq(
		err.message, "c.yaml:1:1: exec 'taken': action /flow/taken is already defined");
	ck_assert_ptr_null(find("/flow/new"));
	ck_assert_ptr_nonnull(find("/flow/taken"));
	result = core_run("/flow/a", NULL);
	assert_json(result, "1");
}
END_TEST

START_TEST(a_run_under_way_keeps_the_definition_it_began_with)
{
	gk_run *run;

	define("echo $$ > pid; while [ ! -e go ]; do sleep 0.01; done; echo 1");
	run = begin("1");
	pid_in("pid");
	configure(json_array());
	ck_assert_ptr_null(find("/flow/it"));
	folder_put("go", "");
	core_finish(run);
	assert_json(gk_run_result_peek(run), "1");
	gk_run_unref(run);
}
END_TEST

START_TEST(what_is_withdrawn_is_let_go_when_its_last_run_has_ended)
{
	json_t *config = entry("it", "{}");
	gk_run *run;

	script("it", "echo $$ > pid; while [ ! -e go ]; do sleep 0.01; done; echo 1");
	configure(json_pack("[O]", config));
	run = begin("1");
	pid_in("pid");
	configure(json_array());
	ck_assert_uint_gt(config->refcount, 1);
	folder_put("go", "");
	core_finish(run);
	gk_run_unref(run);
	ck_assert_uint_eq(config->refcount, 1);
	json_decref(config);
}
END_TEST

START_TEST(configuring_survives_a_lack_of_memory)
{
	gk_auto_json json_t *two = json_pack("[o, o]", entry("a", "{'input': 'number'}"),
		entry("b", "{'type': 'tool', 'description': 'd'}"));
	bool has_failed = true;

	for (size_t n = 1; has_failed; n++) {
		gk_code rc;

		fault_after(n);
		rc = gk_exec_configure(executables, two, NULL);
		has_failed = fault_happened();
		fault_after(0);
		ck_assert(rc == GK_OK || has_failed);
		ck_assert(
			rc != GK_OK || (find("/flow/a") && find("/tool/b") && find("/tool.v2/b")));
		ck_assert(rc == GK_OK ||
			  (!find("/flow/a") && !find("/tool/b") && !find("/tool.v2/b")));
		configure(json_array());
	}
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("exec");
	TCase *results = tcase_create("results"), *failures = tcase_create("failures");
	TCase *limits = tcase_create("limits"), *changes = tcase_create("changes");
	TCase *cases[] = { results, failures, limits, changes };

	tcase_add_test(results, the_input_is_a_line_and_the_output_is_the_result);
	tcase_add_test(results, no_output_is_a_result_without_a_value);
	tcase_add_test(results, a_program_may_answer_without_reading_its_input);
	tcase_add_test(results, a_large_result_is_parsed_by_a_worker);
	tcase_add_test(results, with_stream_all_lines_but_the_last_are_chunks);
	tcase_add_test(results, a_chunk_leaves_before_the_program_ends);
	tcase_add_test(failures, exit_status_and_standard_error_go_into_the_error);
	tcase_add_test(failures, an_error_quotes_the_last_4_kib_of_standard_error_as_utf_8);
	tcase_add_test(failures, a_program_may_state_its_error_whatever_its_exit_status);
	tcase_add_test(failures, output_that_is_no_json_is_the_programs_fault);
	tcase_add_test(failures, a_program_that_cannot_be_started_is_named);
	tcase_add_test(limits, output_has_a_limit_in_a_line_and_in_all);
	tcase_add_test(limits, a_time_limit_ends_the_program);
	tcase_add_test(limits, a_cancelled_run_ends_the_program_and_what_it_started);
	tcase_add_test(limits, no_more_run_at_once_than_the_configuration_says);
	tcase_add_test(limits, the_environment_holds_what_is_needed_and_no_secret);
	tcase_add_test(limits, a_large_context_stays_out_of_the_environment);
	tcase_add_test(limits, the_program_runs_in_its_directory);
	tcase_add_test(changes, a_change_replaces_what_is_different_and_withdraws_what_is_gone);
	tcase_add_test(changes, a_change_that_fails_changes_nothing);
	tcase_add_test(changes, a_run_under_way_keeps_the_definition_it_began_with);
	tcase_add_test(changes, what_is_withdrawn_is_let_go_when_its_last_run_has_ended);
	tcase_add_test(changes, configuring_survives_a_lack_of_memory);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		tcase_add_checked_fixture(cases[i], set_up, tear_down);
		tcase_set_timeout(cases[i], 30);
		suite_add_tcase(s, cases[i]);
	}
	return s;
}

UNIT_MAIN(suite)
