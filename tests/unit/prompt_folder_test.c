/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "unit.h"

#include "base/buf.h"
#include "base/limits.h"
#include "dotprompt/prompt_folder.h"
#include "folder.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static gk_prompt_folder *folder;
static gk_buf told;

static void set_up(void)
{
	folder_make();
	folder = gk_prompt_folder_new(folder_path(), NULL);
	told = (gk_buf)GK_BUF_INIT(0);
}

static void tear_down(void)
{
	gk_prompt_folder_free(folder);
	gk_buf_done(&told);
	folder_drop();
}

/* As if it had been written a while ago. */
static void put(const char *name, const char *text)
{
	const struct timespec times[] = { { .tv_sec = 1700000000 }, { .tv_sec = 1700000000 } };

	folder_put(name, text);
	ck_assert_int_eq(utimensat(AT_FDCWD, name, times, 0), 0);
}

static void set_prompt(const char *path, const char *name, const char *variant,
	gk_prompt_document *doc, void *user)
{
	size_t len;
	const char *text = gk_prompt_document_template_peek(doc, &len);

	(void)path, (void)user;
	gk_buf_printf(&told, "+%s%s%s=%.*s ", name, variant ? "." : "", variant ? variant : "",
		(int)len, text);
}

static void remove_prompt(const char *name, const char *variant, void *user)
{
	(void)user;
	gk_buf_printf(&told, "-%s%s%s ", name, variant ? "." : "", variant ? variant : "");
}

static void set_partial(const char *name, const char *source, size_t len, void *user)
{
	(void)user;
	gk_buf_printf(&told, "+_%s=%.*s ", name, (int)len, source);
}

static void remove_partial(const char *name, void *user)
{
	(void)user;
	gk_buf_printf(&told, "-_%s ", name);
}

static void mistake(
	const char *path, const char *name, const char *variant, const gk_error *wrong, void *user)
{
	(void)name, (void)variant, (void)user;
	gk_buf_printf(&told, wrong ? "!%s: %s " : "!%s ", path, wrong ? wrong->message : "");
}

static void clash(const char *path, const char *other, void *user)
{
	(void)user;
	gk_buf_printf(&told, "%s>%s ", path, other);
}

static const gk_prompt_folder_ops ops = { set_prompt, remove_prompt, set_partial, remove_partial,
	mistake, clash, NULL };

static void assert_tells(const char *expected)
{
	uint64_t again_ms;

	gk_buf_clear(&told);
	gk_buf_puts(&told, "");
	ck_assert_int_eq(gk_prompt_folder_scan(folder, &ops, NULL, &again_ms, NULL), GK_OK);
	ck_assert_str_eq(told.data ? told.data : "", expected);
}

START_TEST(files_are_prompts_variants_and_partials)
{
	mkdir("trip", 0700);
	put("hello.prompt", "H");
	put("hello.de.prompt", "D");
	put("trip/plan.v1.extra.prompt", "P");
	put("trip/_card.prompt", "---\na: 1\n---\nC");
	put("notes.txt", "N");
	put("_.prompt", "empty name");
	assert_tells(
		"+_=empty name +_card=---\na: 1\n---\nC +hello.de=D +hello=H +trip/plan.v1=P ");
	assert_tells("");
}
END_TEST

START_TEST(a_prefix_stands_before_the_names_of_prompts)
{
	gk_prompt_folder_free(folder);
	folder = gk_prompt_folder_new(folder_path(), "shop");
	put("a.b.prompt", "A");
	put("_p.prompt", "P");
	assert_tells("+_p=P +shop/a.b=A ");
}
END_TEST

START_TEST(changes_are_told_once)
{
	put("a.prompt", "1");
	assert_tells("+a=1 ");
	put("a.prompt", "2");
	assert_tells("+a=2 ");
	unlink("a.prompt");
	assert_tells("-a ");
	assert_tells("");
}
END_TEST

START_TEST(a_broken_file_keeps_its_last_good_version)
{
	put("a.prompt", "good");
	assert_tells("+a=good ");
	put("a.prompt", "---\nb: 1\nb: 2\n---\nx");
	assert_tells("!a.prompt: a.prompt:3:1: duplicate key 'b' ");
	assert_tells("");
	put("a.prompt", "{{#if");
	ck_assert_ptr_null(strchr(told.data, '+'));
	put("a.prompt", "better");
	assert_tells("+a=better !a.prompt ");
}
END_TEST

START_TEST(a_file_broken_from_the_start_is_told_and_the_others_load)
{
	put("a.prompt", "---\nb: 1\nb: 2\n---\nx");
	put("z.prompt", "Z");
	assert_tells("!a.prompt: a.prompt:3:1: duplicate key 'b' +z=Z ");
}
END_TEST

START_TEST(a_mistake_in_a_new_template_is_told_and_no_prompt)
{
	put("a.prompt", "---\nm: 1\n---\nx {{/if}}");
	assert_tells("!a.prompt: a.prompt:4:3: Parse error on line 1:\n"
		     "x {{/if}}\n--^\nExpecting 'EOF', got 'OPEN_ENDBLOCK' ");
	unlink("a.prompt");
	assert_tells("!a.prompt ");
}
END_TEST

START_TEST(a_file_that_is_saved_as_it_was_is_not_told)
{
	put("a.prompt", "A");
	put("_p.prompt", "P");
	assert_tells("+_p=P +a=A ");
	folder_put("a.prompt", "A");
	folder_put("_p.prompt", "P");
	usleep((GK_PROMPT_SETTLE_MS + 5) * 1000);
	assert_tells("");
}
END_TEST

START_TEST(of_two_partials_with_one_name_the_other_comes_back)
{
	mkdir("x", 0700);
	put("_p.prompt", "first");
	put("x/_p.prompt", "second");
	assert_tells("+_p=second x/_p.prompt>_p.prompt ");
	put("_p.prompt", "changed");
	assert_tells("");
	unlink("x/_p.prompt");
	assert_tells("+_p=changed ");
	unlink("_p.prompt");
	assert_tells("-_p ");
}
END_TEST

START_TEST(a_file_just_written_waits)
{
	struct timespec times[] = { { .tv_nsec = UTIME_OMIT }, { .tv_nsec = UTIME_NOW } };
	uint64_t again_ms;

	folder_put("a.prompt", "A");
	ck_assert_int_eq(utimensat(AT_FDCWD, "a.prompt", times, 0), 0);
	ck_assert_int_eq(gk_prompt_folder_scan(folder, &ops, NULL, &again_ms, NULL), GK_OK);
	ck_assert_uint_le(again_ms, GK_PROMPT_SETTLE_MS);
	if (again_ms) /* else the machine slept in between */
		ck_assert_uint_eq(told.len, 0);
	usleep((GK_PROMPT_SETTLE_MS + 5) * 1000);
	ck_assert_int_eq(gk_prompt_folder_scan(folder, &ops, NULL, &again_ms, NULL), GK_OK);
	ck_assert_uint_eq(again_ms, 0);
	ck_assert_str_eq(told.data, "+a=A ");
}
END_TEST

START_TEST(links_and_dotted_folders_are_skipped)
{
	mkdir("a.b", 0700);
	mkdir(".git", 0700);
	put("a.b/x.prompt", "X");
	put(".git/y.prompt", "Y");
	put(".hidden.prompt", "H");
	ck_assert_int_eq(symlink("a.b/x.prompt", "link.prompt"), 0);
	ck_assert_int_eq(symlink("/tmp", "tmp"), 0);
	assert_tells("");
}
END_TEST

START_TEST(a_missing_folder_is_empty)
{
	gk_prompt_folder_free(folder);
	folder = gk_prompt_folder_new("/nonexistent/genkitd", NULL);
	assert_tells("");
}
END_TEST

START_TEST(a_folder_that_is_none_is_an_error)
{
	gk_auto_error gk_error err = { 0 };
	uint64_t again_ms;

	put("file", "x");
	gk_prompt_folder_free(folder);
	folder = gk_prompt_folder_new("file", NULL);
	ck_assert_int_eq(
		gk_prompt_folder_scan(folder, &ops, NULL, &again_ms, &err), GK_UNAVAILABLE);
	ck_assert_str_eq(err.message, "file: Not a directory");
}
END_TEST

START_TEST(a_folder_that_became_a_file_is_gone)
{
	mkdir("d", 0700);
	put("d/a.prompt", "A");
	assert_tells("+d/a=A ");
	unlink("d/a.prompt");
	rmdir("d");
	put("d", "no folder");
	assert_tells("-d/a ");
}
END_TEST

START_TEST(a_file_has_an_end)
{
	gk_auto_str char *large = calloc(1, GK_MAX_PROMPT_FILE + 2);

	memset(large, 'x', GK_MAX_PROMPT_FILE + 1);
	put("a.prompt", large);
	assert_tells("!a.prompt: a.prompt: a prompt of more than 1048576 bytes ");
}
END_TEST

START_TEST(folders_have_an_end)
{
	char path[2 * GK_MAX_PROMPT_FOLDERS + 40] = "";

	for (unsigned i = 0; i <= GK_MAX_PROMPT_FOLDERS; i++) {
		strcat(path, i ? "/d" : "d");
		ck_assert_int_eq(mkdir(path, 0700), 0);
	}
	strcat(path, "/x.prompt");
	put(path, "too deep");
	assert_tells("");
	*strstr(path, "/d") = '\0';
	strcat(path, "/y.prompt");
	put(path, "Y");
	assert_tells("+d/y=Y ");
}
END_TEST

START_TEST(a_prompt_is_found_with_its_file)
{
	const char *path = NULL;

	mkdir("x", 0700);
	put("x/a.v.prompt", "A");
	assert_tells("+x/a.v=A ");
	ck_assert_ptr_nonnull(gk_prompt_folder_find(folder, "x/a", "v", &path));
	ck_assert_str_eq(path, "x/a.v.prompt");
	ck_assert_ptr_null(gk_prompt_folder_find(folder, "x/a", NULL, NULL));
}
END_TEST

static void note(const char *path, void *user)
{
	(void)user;
	gk_buf_printf(&told, "%s ", path);
}

START_TEST(what_is_in_a_folder_that_cannot_be_read_is_not_gone)
{
	gk_prompt_seen seen[] = { { .kind = GK_SEEN_FOLDER, .path = (char *)"" },
		{ .kind = GK_SEEN_CLOSED, .path = (char *)"x" } };
	const gk_prompt_listing listing = { .all = seen, .count = 2 };

	mkdir("x", 0700);
	mkdir("x/deep", 0700);
	mkdir("xy", 0700);
	put("x/a.prompt", "A");
	put("x/deep/b.prompt", "B");
	put("xy/c.prompt", "C");
	assert_tells("+x/a=A +x/deep/b=B +xy/c=C ");
	gk_buf_clear(&told);
	gk_prompt_folder_compare(folder, &listing, "", note, NULL);
	ck_assert_str_eq(told.data, "xy/c.prompt ");
}
END_TEST

START_TEST(a_root_that_is_reached_through_a_link_says_so)
{
	static const struct {
		const char *root;
		bool has_link;
	} rows[] = { { ".", false }, { "x/", false }, { "./x//y/../y", false }, { "l", true },
		{ "l/", true }, { "l/y", true }, { "x/../l/y", true } };

	mkdir("x", 0700);
	mkdir("x/y", 0700);
	ck_assert_int_eq(symlink("x", "l"), 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		gk_prompt_listing listing;

		ck_assert_int_eq(gk_prompt_list(rows[i].root, "", &listing, NULL), GK_OK);
		ck_assert_msg(listing.has_link == rows[i].has_link, "%s", rows[i].root);
		gk_prompt_listing_done(&listing);
	}
}
END_TEST

/* With descriptors below this number alone. */
static gk_code list_with(rlim_t descriptors, const char *below, gk_error *err)
{
	struct rlimit usual, few;
	gk_prompt_listing listing;
	gk_code rc;

	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &usual), 0);
	few = (struct rlimit){ .rlim_cur = descriptors, .rlim_max = usual.rlim_max };
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &few), 0);
	rc = gk_prompt_list(folder_path(), below, &listing, err);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &usual), 0);
	gk_prompt_listing_done(&listing);
	return rc;
}

START_TEST(without_descriptors_no_folder_is_taken_for_empty)
{
	int next = open("/", O_RDONLY | O_CLOEXEC);

	ck_assert_int_ge(next, 0);
	close(next);
	mkdir("x", 0700);
	put("x/a.prompt", "A");
	for (int more = 0; more < 6; more++) {
		gk_auto_error gk_error err = { 0 };
		gk_code rc = list_with((rlim_t)(next + more / 2), more % 2 ? "x" : "", &err);

		ck_assert_int_ne(rc, GK_OK);
		ck_assert_ptr_nonnull(strstr(err.message, ": Too many open files"));
	}
	ck_assert_int_eq(list_with((rlim_t)next + 3, "", NULL), GK_OK);
}
END_TEST

START_TEST(without_descriptors_no_file_is_taken_for_gone)
{
	gk_prompt_reading reading = { .path = strdup("x/a.prompt") };
	gk_auto_error gk_error err = { 0 };
	struct rlimit usual, none = { 0 };
	gk_code rc;

	mkdir("x", 0700);
	put("x/a.prompt", "A");
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &usual), 0);
	none.rlim_max = usual.rlim_max;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
	rc = gk_prompt_read(folder_path(), &reading, &err);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &usual), 0);
	ck_assert_int_eq(rc, GK_RESOURCE_EXHAUSTED);
	ck_assert_ptr_nonnull(strstr(err.message, "/x/a.prompt: Too many open files"));
	gk_prompt_reading_done(&reading);
}
END_TEST

/* A scan in which the n-th allocation fails, and others until all is told. True when the first needed so many. */
static bool scan_twice(size_t n)
{
	gk_auto_error gk_error err = { 0 };
	uint64_t again_ms;
	bool failed;
	gk_code rc;

	gk_prompt_folder_free(folder);
	folder = gk_prompt_folder_new(folder_path(), "x");
	gk_buf_clear(&told);
	gk_buf_printf(&told, "%1000s", ""); /* what is told needs no memory */
	gk_buf_clear(&told);
	fault_after(n);
	rc = gk_prompt_folder_scan(folder, &ops, NULL, &again_ms, &err);
	failed = fault_happened();
	fault_after(0);
	ck_assert(rc == GK_OK || rc == GK_RESOURCE_EXHAUSTED);
	ck_assert_int_eq(gk_prompt_folder_scan(folder, &ops, NULL, &again_ms, NULL), GK_OK);
	ck_assert_msg(strstr(told.data, "+_p=P ") && strstr(told.data, "+x/a.v=A {{x}} ") &&
			      strstr(told.data, "!b.prompt: b.prompt:"),
		"allocation %zu: %s", n, told.data);
	return failed;
}

START_TEST(what_a_scan_without_memory_could_not_do_the_next_one_does)
{
	size_t n = 1;

	put("a.v.prompt", "---\nmodel: m\n---\nA {{x}}");
	put("_p.prompt", "P");
	put("b.prompt", "---\n[\n---\nx");
	while (scan_twice(n))
		n++;
	ck_assert_uint_gt(n, 30);
}
END_TEST

static Suite *prompt_folder_suite(void)
{
	Suite *suite = suite_create("prompt_folder");
	TCase *tests = tcase_create("prompt_folder");

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, files_are_prompts_variants_and_partials);
	tcase_add_test(tests, a_prefix_stands_before_the_names_of_prompts);
	tcase_add_test(tests, changes_are_told_once);
	tcase_add_test(tests, a_broken_file_keeps_its_last_good_version);
	tcase_add_test(tests, a_file_broken_from_the_start_is_told_and_the_others_load);
	tcase_add_test(tests, a_mistake_in_a_new_template_is_told_and_no_prompt);
	tcase_add_test(tests, a_file_that_is_saved_as_it_was_is_not_told);
	tcase_add_test(tests, of_two_partials_with_one_name_the_other_comes_back);
	tcase_add_test(tests, a_file_just_written_waits);
	tcase_add_test(tests, links_and_dotted_folders_are_skipped);
	tcase_add_test(tests, a_missing_folder_is_empty);
	tcase_add_test(tests, a_folder_that_is_none_is_an_error);
	tcase_add_test(tests, a_folder_that_became_a_file_is_gone);
	tcase_add_test(tests, a_file_has_an_end);
	tcase_add_test(tests, folders_have_an_end);
	tcase_add_test(tests, a_prompt_is_found_with_its_file);
	tcase_add_test(tests, what_is_in_a_folder_that_cannot_be_read_is_not_gone);
	tcase_add_test(tests, a_root_that_is_reached_through_a_link_says_so);
	tcase_add_test(tests, without_descriptors_no_folder_is_taken_for_empty);
	tcase_add_test(tests, without_descriptors_no_file_is_taken_for_gone);
	tcase_add_test(tests, what_a_scan_without_memory_could_not_do_the_next_one_does);
	suite_add_tcase(suite, tests);
	return suite;
}

UNIT_MAIN(prompt_folder_suite)
