/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* The registered middleware that reads files: filesystem and skills. */
#include "models.h"

#include "ai/files.h"
#include "base/limits.h"
#include "folder.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define DONE                                                                                       \
	"{'message':{'role':'model','content':[{'text':'done'}]},'finishReason':'"                 \
	"stop'}"

static const char *root;

static void make_folder(const char *path)
{
	char whole[256];

	snprintf(whole, sizeof(whole), "%s/%s", root, path);
	ck_assert_int_eq(mkdir(whole, 0755), 0);
}

static void assert_file(const char *path, const char *text)
{
	char whole[256], got[256] = "";
	FILE *stream;

	snprintf(whole, sizeof(whole), "%s/%s", root, path);
	stream = fopen(whole, "r");
	ck_assert_ptr_nonnull(stream);
	got[fread(got, 1, sizeof(got) - 1, stream)] = '\0';
	fclose(stream);
	ck_assert_str_eq(got, text);
}

static void start(void)
{
	models_start();
	folder_make();
	root = folder_path();
}

static void stop(void)
{
	models_stop();
	folder_drop();
}

/* A call in which the model asks for one tool (its name and input as text with
 * ' for "). The wire response. */
static json_t *call(const char *tool, const char *input, bool may_write, json_t *chunks)
{
	gk_auto_json json_t *use = json_pack("[{s:s, s:{s:s, s:b, s:s}}]", "name", "filesystem",
		"config", "rootDirectory", root, "allowWriteAccess", may_write, "toolNamePrefix",
		"fs_");
	char script[1024];

	snprintf(script, sizeof(script),
		"[{'message':{'role':'model','content':[{'toolRequest':{'name':'fs_%"
		"s','ref':'r',"
		"'input':%s}}]}}," DONE "]",
		tool, input);
	models_script(script);
	return models_generate(GK_OPTS(gk_generate_opts, .prompt = "hi", .use_json = use,
		.on_chunk = chunks ? models_keep_chunk : NULL, .user = chunks));
}

static void assert_output(json_t *response_take, const char *expected)
{
	gk_auto_json json_t *response = response_take;

	assert_json(gk_json_at_peek(response, "request.messages[2].content[0].toolResponse.output"),
		expected);
}

static void assert_text(json_t *response_take, const char *expected)
{
	gk_auto_json json_t *response = response_take;

	ck_assert_str_eq(
		gk_json_str_peek(response, "request.messages[2].content[0].toolResponse.output"),
		expected);
}

START_TEST(files_are_listed_with_what_is_below_them)
{
	make_folder("sub");
	folder_put("sub/b.txt", "b");
	assert_output(call("list_files", "{}", false, NULL), "[{'path':'sub','isDirectory':true}]");
	assert_output(call("list_files", "{'dirPath':'','recursive':true}", false, NULL),
		"[{'path':'sub','isDirectory':true},{'path':'sub/"
		"b.txt','isDirectory':false}]");
	assert_output(call("list_files", "{'dirPath':'sub'}", false, NULL),
		"[{'path':'b.txt','isDirectory':false}]");
}
END_TEST

START_TEST(what_was_read_comes_as_a_message_of_the_user)
{
	gk_auto_json json_t *chunks = json_array(), *response = NULL;

	folder_put("a.txt", "hello");
	response = call("read_file", "{'filePath':'a.txt'}", false, chunks);
	assert_json(gk_json_at_peek(response, "request.messages[2].content[0].toolResponse.output"),
		"'File a.txt read successfully, see contents below'");
	assert_json(gk_json_at_peek(response, "request.messages[3]"),
		"{'role':'user','content':[{'text':'<read_file "
		"path=\\'a.txt\\'>\\nhello\\n"
		"</read_file>','metadata':{'filePath':'a.txt','filesystemMiddlewareTool':"
		"'read_file'}}],'metadata':{'filesystemMiddlewareTool':'read_file'}}");
	ck_assert_uint_eq(json_array_size(chunks), 2);
	ck_assert_str_eq(gk_json_str_peek(json_array_get(chunks, 1), "role"), "user");
	ck_assert_int_eq(gk_json_int_at(json_array_get(chunks, 1), "index", -1), 1);
}
END_TEST

START_TEST(an_image_is_read_as_one)
{
	gk_auto_json json_t *response = NULL;

	folder_put("a.PNG", "abc");
	response = call("read_file", "{'filePath':'a.PNG'}", false, NULL);
	assert_json(gk_json_at_peek(response, "request.messages[3].content"),
		"[{'text':'\\n\\nread_file result image/png "
		"a.PNG'},{'media':{'contentType':"
		"'image/png','url':'data:image/png;base64,YWJj'}}]");
}
END_TEST

START_TEST(nothing_outside_of_the_folder_can_be_reached)
{
	static const char *const outside[] = { "../x", "a/../../x", "/etc/passwd", "link/passwd",
		"link" };
	char whole[128];

	snprintf(whole, sizeof(whole), "%s/link", root);
	ck_assert_int_eq(symlink("/etc", whole), 0);
	for (size_t i = 0; i < sizeof(outside) / sizeof(outside[0]); i++) {
		char input[128];

		snprintf(input, sizeof(input), "{'filePath':'%s','content':'x'}", outside[i]);
		assert_text(call("read_file", input, true, NULL),
			"Tool 'fs_read_file' failed: Access denied: Path is outside of root "
			"directory.");
		assert_text(call("write_file", input, true, NULL),
			"Tool 'fs_write_file' failed: Access denied: Path is outside of root "
			"directory.");
	}
}
END_TEST

START_TEST(files_are_written_only_when_that_is_allowed)
{
	char input[256];

	assert_output(call("write_file", "{'filePath':'new/deep/a.txt','content':'x'}", true, NULL),
		"'File new/deep/a.txt written successfully.'");
	assert_file("new/deep/a.txt", "x");
	snprintf(input, sizeof(input), "{'filePath':'%s/new/a.txt','content':'y'}", root);
	json_decref(call("write_file", input, true, NULL));
	assert_file("new/a.txt", "y");
	models_script("[" DONE "]");
	json_decref(call("list_files", "{}", false, NULL));
	ck_assert_uint_eq(
		json_array_size(json_object_get(json_array_get(models_saw, 0), "tools")), 2);
}
END_TEST

START_TEST(edits_replace_the_longest_text_that_is_found)
{
	folder_put("a.txt", "one\n=======\ntwo\nthree");
	assert_output(call("search_and_replace",
			      "{'filePath':'a.txt','edits':['<<<<<<< "
			      "SEARCH\\none\\n=======\\ntwo\\n=======\\n"
			      "2\\n>>>>>>> REPLACE','<<<<<<< "
			      "SEARCH\\nthree\\n=======\\n\\n>>>>>>> REPLACE']}",
			      true, NULL),
		"'Successfully applied 2 edit(s) to a.txt.'");
	assert_file("a.txt", "2\n");
	assert_text(call("search_and_replace",
			    "{'filePath':'a.txt','edits':['<<<<<<< "
			    "SEARCH\\nno\\n=======\\nx\\n>>>>>>> "
			    "REPLACE']}",
			    true, NULL),
		"Tool 'fs_search_and_replace' failed: Search content not found "
		"in file a.txt. Make "
		"sure the search block matches the file content exactly, "
		"including whitespace and "
		"indentation.");
	assert_text(call("search_and_replace", "{'filePath':'a.txt','edits':['no']}", true, NULL),
		"Tool 'fs_search_and_replace' failed: Invalid edit block format. "
		"Block must start "
		"with \"<<<<<<< SEARCH\\n\" and end with \"\\n>>>>>>> REPLACE\"");
}
END_TEST

START_TEST(a_folder_must_be_named)
{
	static const char *const use[] = { "filesystem", NULL };

	models_fail(GK_OPTS(gk_generate_opts, .prompt = "hi", .use = use), GK_INTERNAL,
		"filesystem middleware requires a rootDirectory option");
}
END_TEST

START_TEST(files_that_are_too_large_and_folders_that_are_too_deep_are_refused)
{
	gk_error err = { 0 };
	gk_auto_json json_t *entries = NULL;
	char whole[1024], *text = NULL;
	gk_files files;
	size_t len;

	snprintf(whole, sizeof(whole), "%s/large", root);
	folder_put("large", "");
	ck_assert_int_eq(truncate(whole, (off_t)GK_MAX_TOOL_FILE + 1), 0);
	ck_assert_int_eq(gk_files_open(&files, root, NULL), GK_OK);
	ck_assert_int_eq(gk_files_read(&files, "large", &text, &len, &err), GK_RESOURCE_EXHAUSTED);
	gk_error_clear(&err);
	len = (size_t)snprintf(whole, sizeof(whole), "%s", root);
	for (int i = 0; i <= GK_MAX_FOLDER_DEPTH; i++) {
		len += (size_t)snprintf(whole + len, sizeof(whole) - len, "/d");
		ck_assert_int_eq(mkdir(whole, 0755), 0);
	}
	ck_assert_int_eq(gk_files_list(&files, "", true, &entries, &err), GK_RESOURCE_EXHAUSTED);
	assert_error(&err, GK_RESOURCE_EXHAUSTED, "folders are more than 64 deep");
	gk_files_close(&files);
}
END_TEST

START_TEST(more_files_than_can_be_listed_are_refused)
{
	gk_error err = { 0 };
	gk_auto_json json_t *entries = NULL;
	gk_files files;

	for (int i = 0; i <= GK_MAX_LISTED_FILES; i++) {
		char name[16];

		snprintf(name, sizeof(name), "%d", i);
		folder_put(name, "");
	}
	ck_assert_int_eq(gk_files_open(&files, root, NULL), GK_OK);
	ck_assert_int_eq(gk_files_list(&files, "", false, &entries, &err), GK_RESOURCE_EXHAUSTED);
	assert_error(&err, GK_RESOURCE_EXHAUSTED, "more than 10000 files");
	gk_files_close(&files);
}
END_TEST

/* --- skills --- */

START_TEST(skills_are_told_once_and_loaded_by_their_name)
{
	gk_auto_json json_t *use = json_pack("[{s:s, s:{s:[s]}}]", "name", "skills", "config",
				    "skillPaths", root),
			    *response = NULL;

	make_folder("pirate");
	make_folder("empty");
	make_folder(".hidden");
	folder_put("pirate/SKILL.md", "---\nname: x\ndescription: Speaks like one.\n---\nArr.");
	folder_put(".hidden/SKILL.md", "no");
	models_script("[{'message':{'role':'model','content':[{'toolRequest':{'name':"
		      "'use_skill',"
		      "'input':{'skillName':'pirate'}}}]}}," DONE "]");
	response = models_generate(
		GK_OPTS(gk_generate_opts, .system = "S", .prompt = "hi", .use_json = use));
	assert_json(gk_json_at_peek(response, "request.messages[0].content"),
		"[{'text':'S'},{'text':'<skills>\\nYou have access to a library "
		"of skills that "
		"serve as specialized instructions/personas.\\nStrongly prefer "
		"to use them when "
		"working on anything related to them.\\nOnly use them once to "
		"load the context."
		"\\nHere are the available skills:\\n - pirate - Speaks like "
		"one.\\n</skills>',"
		"'metadata':{'skills-instructions':true}}]");
	assert_json(gk_json_at_peek(response, "request.messages[3].content[0].toolResponse.output"),
		"'---\\nname: x\\ndescription: Speaks like one.\\n---\\nArr.'");
}
END_TEST

START_TEST(skills_need_no_system_message)
{
	gk_auto_json json_t *use =
		json_pack("[{s:s, s:{s:[s]}}]", "name", "skills", "config", "skillPaths", root);

	make_folder("pirate");
	folder_put("pirate/SKILL.md", "---\ndescription: Speaks like one.\n---\nArr!");
	models_script("[" DONE "]");
	json_decref(models_generate(GK_OPTS(gk_generate_opts, .prompt = "hi", .use_json = use)));
	ck_assert_str_eq(
		gk_json_str_peek(json_array_get(models_saw, 0), "messages[0].role"), "system");
	ck_assert_str_eq(
		gk_json_str_peek(json_array_get(models_saw, 0), "messages[1].role"), "user");
}
END_TEST

static Suite *suite(void)
{
	Suite *it = suite_create("middleware_files");
	TCase *tests = tcase_create("files");

	tcase_set_timeout(tests, 30);
	tcase_add_checked_fixture(tests, start, stop);
	tcase_add_test(tests, files_are_listed_with_what_is_below_them);
	tcase_add_test(tests, what_was_read_comes_as_a_message_of_the_user);
	tcase_add_test(tests, an_image_is_read_as_one);
	tcase_add_test(tests, nothing_outside_of_the_folder_can_be_reached);
	tcase_add_test(tests, files_are_written_only_when_that_is_allowed);
	tcase_add_test(tests, edits_replace_the_longest_text_that_is_found);
	tcase_add_test(tests, a_folder_must_be_named);
	tcase_add_test(tests, files_that_are_too_large_and_folders_that_are_too_deep_are_refused);
	tcase_add_test(tests, more_files_than_can_be_listed_are_refused);
	tcase_add_test(tests, skills_are_told_once_and_loaded_by_their_name);
	tcase_add_test(tests, skills_need_no_system_message);
	suite_add_tcase(it, tests);
	return it;
}

UNIT_MAIN(suite)
