/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Directories of .prompt files, kept as the files are. */
#include "core.h"
#include "folder.h"

#include "ai/ai.h"
#include "ai/prompt.h"
#include "base/limits.h"
#include "base/log.h"
#include "daemon/prompt_watch.h"
#include "daemon/prompts.h"

#include <fcntl.h>
#include <genkit/prompt.h>
#include <malloc.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static gk_prompts *prompts;
static char said[4096]; /* what was logged */

static void keep(const gk_log_record *record, void *user)
{
	size_t len = strlen(said);

	(void)user;
	if (record->level != GK_LOG_DEBUG)
		snprintf(said + len, sizeof(said) - len, "%s\n", record->message);
}

static void set_up(void)
{
	folder_make();
	core_start_unseen();
	ck_assert_int_eq(gk_ai_init(core_app, NULL), GK_OK);
	said[0] = '\0';
	gk_log_set_sink(keep, NULL);
	prompts = gk_prompts_new(core_app);
	ck_assert_ptr_nonnull(prompts);
}

static void tear_down(void)
{
	gk_prompts_free(prompts);
	gk_log_set_sink(NULL, NULL);
	core_stop();
	folder_drop();
}

static void configure(const char *entries, bool waits)
{
	gk_auto_json json_t *list = json(entries);

	ck_assert_int_eq(gk_prompts_configure(prompts, list, waits, NULL), GK_OK);
}

/* Until the action is there, or is gone, or its metadata says `value` at `path`. */
typedef struct wish {
	const char *key, *path, *value;
	bool is_gone;
} wish;

static bool is_granted(void *user)
{
	const wish *it = user;
	const gk_action *action = gk_app_find_action_peek(core_app, it->key);
	const char *value;

	if (!action || !it->path)
		return it->is_gone ? !action : action != NULL;
	value = gk_json_str_peek(gk_action_metadata_peek(action), it->path);
	return it->value ? value && strstr(value, it->value) : !value;
}

static void await(wish it)
{
	core_turn_until(is_granted, &it);
}

static void await_template(const char *key, const char *text)
{
	await((wish){ .key = key, .path = "prompt.template", .value = text });
}

START_TEST(what_a_directory_holds_is_there_after_the_start)
{
	mkdir("p", 0700);
	mkdir("p/trip", 0700);
	folder_put("p/trip/plan.de.prompt", "Hallo {{>card}}");
	folder_put("p/_card.prompt", "card");
	usleep((GK_PROMPT_SETTLE_MS + 10) * 1000);
	configure("[{'directory':'p','prefix':'shop','flows':true}]", true);
	ck_assert_ptr_nonnull(gk_app_find_action_peek(core_app, "/prompt/shop/trip/plan.de"));
	ck_assert_ptr_nonnull(gk_app_find_action_peek(core_app, "/flow/prompts/shop/trip/plan.de"));
	ck_assert_str_eq(said, "");
}
END_TEST

START_TEST(a_directory_that_is_not_served_as_flows_has_prompts_alone)
{
	mkdir("p", 0700);
	folder_put("p/a.prompt", "one");
	configure("[{'directory':'p','flows':false}]", true);
	await_template("/prompt/a", "one");
	ck_assert_ptr_null(gk_app_find_action_peek(core_app, "/flow/prompts/a"));
}
END_TEST

START_TEST(a_file_that_is_saved_changed_and_removed_is_followed)
{
	mkdir("p", 0700);
	configure("[{'directory':'p'}]", true);
	folder_put("p/a.prompt", "one");
	await_template("/prompt/a", "one");
	folder_put("p/a.prompt", "two");
	await_template("/prompt/a", "two");
	unlink("p/a.prompt");
	await((wish){ .key = "/prompt/a", .is_gone = true });
	ck_assert_ptr_null(gk_app_find_action_peek(core_app, "/flow/prompts/a"));
}
END_TEST

START_TEST(folders_that_appear_and_directories_that_come_late_are_watched)
{
	configure("[{'directory':'p'}]", true);
	mkdir("p", 0700);
	mkdir("p/new", 0700);
	folder_put("p/new/a.prompt", "one");
	await_template("/prompt/new/a", "one");
	mkdir("p/newer", 0700);
	usleep(50000);
	folder_put("p/newer/b.prompt", "two");
	await_template("/prompt/newer/b", "two");
}
END_TEST

START_TEST(a_broken_file_is_logged_and_shown_and_the_last_good_version_stays)
{
	gk_auto_json json_t *request = NULL;

	mkdir("p", 0700);
	folder_put("p/a.prompt", "one");
	configure("[{'directory':'p'}]", true);
	await_template("/prompt/a", "one");
	folder_put("p/a.prompt", "---\nmodel: m\nmodel: n\n---\ntwo");
	await((wish){ "/prompt/a", "error", "p/a.prompt:3:1: ", false });
	await_template("/prompt/a", "one");
	ck_assert_ptr_nonnull(strstr(said, "p/a.prompt:3:1: "));
	folder_put("p/a.prompt", "line\n{{#if x}}");
	said[0] = '\0';
	await((wish){ "/prompt/a", "error", "p/a.prompt:2:", false });
	ck_assert_ptr_nonnull(strstr(said, "p/a.prompt:2:"));
	ck_assert_ptr_null(strstr(strstr(said, "p/a.prompt:2:") + 1, "p/a.prompt:2:"));
	request = core_run("/prompt/a", NULL);
	ck_assert_str_eq(gk_json_str_peek(request, "messages[0].content[0].text"), "one");
	folder_put("p/a.prompt", "one");
	await((wish){ "/prompt/a", "error", NULL, false });
}
END_TEST

START_TEST(a_mistake_that_only_defining_finds_is_shown_as_well)
{
	mkdir("p", 0700);
	folder_put("p/a.prompt", "one");
	configure("[{'directory':'p'}]", true);
	await_template("/prompt/a", "one");
	folder_put("p/a.prompt", "---\ninput: {schema: Nobody}\n---\ntwo");
	await((wish){ "/prompt/a", "error", "Nobody", false });
	ck_assert_ptr_nonnull(strstr(said, "Nobody"));
	folder_put("p/a.prompt", "three");
	await_template("/prompt/a", "three");
	await((wish){ "/prompt/a", "error", NULL, false });
}
END_TEST

START_TEST(a_directory_that_is_gone_from_the_configuration_takes_its_prompts_along)
{
	mkdir("p", 0700);
	mkdir("q", 0700);
	folder_put("p/a.v.prompt", "one");
	folder_put("q/b.prompt", "two");
	configure("[{'directory':'p'},{'directory':'q'}]", true);
	await_template("/prompt/a.v", "one");
	await_template("/prompt/b", "two");
	configure("[{'directory':'q'}]", false);
	ck_assert_ptr_null(gk_app_find_action_peek(core_app, "/prompt/a.v"));
	ck_assert_ptr_null(gk_app_find_action_peek(core_app, "/flow/prompts/a.v"));
	ck_assert_ptr_nonnull(gk_app_find_action_peek(core_app, "/prompt/b"));
	configure("[{'directory':'q'},{'directory':'p','prefix':'x'}]", false);
	await_template("/prompt/x/a.v", "one");
}
END_TEST

START_TEST(a_directory_that_goes_without_memory_leaves_its_names_to_others)
{
	gk_auto_json json_t *none = json_array();
	bool failed = true;

	mkdir("p", 0700);
	mkdir("q", 0700);
	folder_put("p/a.prompt", "one");
	folder_put("q/a.prompt", "two");
	usleep((GK_PROMPT_SETTLE_MS + 10) * 1000);
	for (size_t n = 1; failed; n++) {
		gk_code rc;

		configure("[{'directory':'p'}]", true);
		await_template("/prompt/a", "one");
		fault_after(n);
		rc = gk_prompts_configure(prompts, none, false, NULL);
		failed = fault_happened();
		fault_after(0);
		ck_assert(rc == GK_OK || failed);
		configure("[{'directory':'q'}]", true);
		await_template("/prompt/a", "two");
	}
}
END_TEST

START_TEST(of_two_directories_with_one_name_the_first_has_it_until_it_goes)
{
	mkdir("p", 0700);
	mkdir("q", 0700);
	folder_put("p/a.prompt", "one");
	folder_put("q/a.prompt", "two");
	folder_put("q/b.prompt", "{{#if");
	usleep((GK_PROMPT_SETTLE_MS + 10) * 1000);
	configure("[{'directory':'p'},{'directory':'q'}]", true);
	await_template("/prompt/a", "one");
	ck_assert_ptr_nonnull(strstr(said, "q/a.prompt: the prompt a is p/a.prompt already\n"));
	folder_put("p/b.prompt", "good"); /* what is broken holds no name */
	await_template("/prompt/b", "good");
	unlink("p/a.prompt");
	await_template("/prompt/a", "two");
	folder_put("p/a.prompt", "three");
	usleep(100000);
	await_template("/prompt/a", "two");
	configure("[{'directory':'p'}]", true);
	await_template("/prompt/a", "three");
}
END_TEST

START_TEST(a_directory_whose_prefix_has_a_dot_leaves_its_names_to_others)
{
	mkdir("p", 0700);
	mkdir("q", 0700);
	folder_put("p/a.prompt", "one");
	folder_put("q/a.prompt", "two");
	usleep((GK_PROMPT_SETTLE_MS + 10) * 1000);
	configure("[{'directory':'p','prefix':'v1.2'},{'directory':'q','prefix':'v1.2'}]", true);
	ck_assert_ptr_nonnull(strstr(said, "the prompt v1.2/a is p/a.prompt already\n"));
	await_template("/prompt/v1.2/a", "one");
	configure("[{'directory':'q','prefix':'v1.2'}]", true);
	await_template("/prompt/v1.2/a", "two");
}
END_TEST

START_TEST(a_partial_belongs_to_its_directory_and_goes_with_its_file)
{
	gk_auto_json json_t *p = NULL, *q = NULL, *code = NULL;

	mkdir("p", 0700);
	mkdir("q", 0700);
	ck_assert_int_eq(gk_define_partial(core_app, "x", "code", NULL), GK_OK);
	folder_put("p/_x.prompt", "P");
	folder_put("p/a.prompt", "{{>x}}");
	folder_put("q/_x.prompt", "Q");
	folder_put("q/b.prompt", "{{>x}}");
	usleep((GK_PROMPT_SETTLE_MS + 10) * 1000);
	configure("[{'directory':'p'},{'directory':'q'}]", true);
	p = core_run("/prompt/a", NULL);
	ck_assert_str_eq(gk_json_str_peek(p, "messages[0].content[0].text"), "P");
	q = core_run("/prompt/b", NULL);
	ck_assert_str_eq(gk_json_str_peek(q, "messages[0].content[0].text"), "Q");
	unlink("p/_x.prompt");
	folder_put("p/c.prompt", "told after it");
	await_template("/prompt/c", "told after it");
	usleep(100000);
	folder_put("p/d.prompt", "and again");
	await_template("/prompt/d", "and again");
	code = core_run("/prompt/a", NULL);
	ck_assert_str_eq(gk_json_str_peek(code, "messages[0].content[0].text"), "code");
}
END_TEST

START_TEST(a_file_broken_from_the_start_is_logged_and_listed_and_mends)
{
	mkdir("p", 0700);
	folder_put("p/a.v.prompt", "---\nmodel: m\nmodel: n\n---\none");
	folder_put("p/b.prompt", "---\ninput: {schema: {x: nothing}}\n---\none");
	folder_put("p/c.prompt", "x\n{{/if}}");
	folder_put("p/d.prompt", "gone");
	configure("[{'directory':'p'}]", true);
	await((wish){ "/prompt/a.v", "error", "p/a.v.prompt:3:1: ", false });
	await((wish){ "/prompt/c", "error", "p/c.prompt:2:", false });
	ck_assert_ptr_nonnull(strstr(said, "p/a.v.prompt:3:1: "));
	ck_assert_ptr_nonnull(strstr(said, "p/c.prompt:2:"));
	ck_assert_ptr_null(gk_app_find_action_peek(core_app, "/flow/prompts/c"));
	core_fail("/prompt/c", NULL, GK_FAILED_PRECONDITION, "");
	await_template("/prompt/d", "gone");
	folder_put("p/c.prompt", "mended");
	await_template("/prompt/c", "mended");
	await((wish){ "/prompt/c", "error", NULL, false });
	ck_assert_ptr_nonnull(gk_app_find_action_peek(core_app, "/flow/prompts/c"));
	unlink("p/a.v.prompt");
	await((wish){ .key = "/prompt/a.v", .is_gone = true });
}
END_TEST

/* --- the ways in which files change --- */

START_TEST(a_file_that_is_renamed_into_its_place_is_read_at_once)
{
	mkdir("p", 0700);
	configure("[{'directory':'p'}]", true);
	folder_put("p/.a.prompt.swp", "not this");
	folder_put("p/a.prompt~", "nor this");
	folder_put("p/4913", "nor that");
	folder_put("p/a.tmp", "one");
	ck_assert_int_eq(rename("p/a.tmp", "p/a.prompt"), 0);
	await_template("/prompt/a", "one");
	ck_assert_int_eq(rename("p/a.prompt", "p/a.prompt~"), 0); /* as vim does */
	folder_put("p/a.prompt", "two");
	await_template("/prompt/a", "two");
	ck_assert_int_eq(rename("p/a.prompt", "p/b.prompt"), 0);
	await_template("/prompt/b", "two");
	await((wish){ .key = "/prompt/a", .is_gone = true });
	ck_assert_str_eq(said, "");
}
END_TEST

START_TEST(a_file_is_not_read_while_it_is_being_written)
{
	int fd;

	mkdir("p", 0700);
	folder_put("p/a.prompt", "old");
	configure("[{'directory':'p'}]", true);
	await_template("/prompt/a", "old");
	fd = open("p/a.prompt", O_WRONLY | O_TRUNC);
	for (int i = 0; i < 10; i++) {
		ck_assert_int_eq(write(fd, "half ", 5), 5);
		usleep(2 * GK_PROMPT_SETTLE_MS * 1000);
		gk_loop_turn(gk_app_loop(core_app), 1);
		await_template("/prompt/a", "old");
	}
	ck_assert_int_eq(write(fd, "whole", 5), 5);
	close(fd);
	await_template("/prompt/a", "half whole");
}
END_TEST

START_TEST(a_file_that_its_writer_leaves_open_is_read_when_it_has_settled)
{
	uint64_t start_ms = gk_loop_now_ms(core_loop);
	int fd;

	mkdir("p", 0700);
	configure("[{'directory':'p'}]", true);
	fd = open("p/a.prompt", O_WRONLY | O_CREAT, 0600);
	ck_assert_int_eq(write(fd, "open", 4), 4);
	await_template("/prompt/a", "open");
	/* the file system's clock is a little behind */
	ck_assert_uint_ge(gk_loop_now_ms(core_loop) - start_ms, GK_PROMPT_LOOK_MS - 20);
	close(fd);
}
END_TEST

START_TEST(a_hard_link_is_a_file_of_its_own)
{
	mkdir("p", 0700);
	folder_put("p/a.prompt", "one");
	configure("[{'directory':'p'}]", true);
	await_template("/prompt/a", "one");
	ck_assert_int_eq(link("p/a.prompt", "p/b.prompt"), 0);
	await_template("/prompt/b", "one");
}
END_TEST

START_TEST(a_directory_that_is_moved_takes_its_prompts_along)
{
	mkdir("p", 0700);
	mkdir("new", 0700);
	mkdir("new/deep", 0700);
	folder_put("new/deep/a.prompt", "one");
	configure("[{'directory':'p'}]", true);
	ck_assert_int_eq(rename("new", "p/new"), 0);
	await_template("/prompt/new/deep/a", "one");
	ck_assert_int_eq(rename("p/new", "p/other"), 0);
	await_template("/prompt/other/deep/a", "one");
	await((wish){ .key = "/prompt/new/deep/a", .is_gone = true });
	folder_put("p/other/deep/a.prompt", "two");
	await_template("/prompt/other/deep/a", "two");
	ck_assert_int_eq(rename("p/other", "away"), 0);
	await((wish){ .key = "/prompt/other/deep/a", .is_gone = true });
	ck_assert_int_eq(rename("p", "elsewhere"), 0);
	mkdir("p", 0700);
	folder_put("p/b.prompt", "three");
	await_template("/prompt/b", "three");
}
END_TEST

START_TEST(a_link_that_points_elsewhere_is_followed)
{
	uint64_t start_ms = gk_loop_now_ms(core_loop);

	mkdir("v1", 0700);
	mkdir("v2", 0700);
	folder_put("v1/a.prompt", "one");
	folder_put("v2/a.prompt", "two");
	ck_assert_int_eq(symlink("v1", "p"), 0);
	configure("[{'directory':'p'}]", true);
	await_template("/prompt/a", "one");
	ck_assert_int_eq(symlink("v2", "next"), 0);
	ck_assert_int_eq(rename("next", "p"), 0);
	await_template("/prompt/a", "two"); /* not noticed, but seen when it is looked at again */
	ck_assert_uint_ge(gk_loop_now_ms(core_loop) - start_ms, GK_PROMPT_LOOK_MS);
	folder_put("v2/a.prompt", "three");
	await_template("/prompt/a", "three");
}
END_TEST

static void ignore(void *user, gk_notice_kind kind, const char *path, bool is_folder)
{
	(void)user, (void)kind, (void)path, (void)is_folder;
}

/* A link stands for a folder that is mounted twice: the kernel watches it once. */
START_TEST(a_folder_that_is_in_two_places_is_new_once_and_is_looked_at)
{
	gk_prompt_seen seen[] = { { .kind = GK_SEEN_FOLDER, .path = (char *)"" },
		{ .kind = GK_SEEN_FOLDER, .path = (char *)"a" },
		{ .kind = GK_SEEN_FOLDER, .path = (char *)"b" } };
	const gk_prompt_listing listing = { .all = seen, .count = 3 };
	gk_prompt_watch *watch = gk_prompt_watch_new(gk_app_loop(core_app), "p", ignore, NULL);

	mkdir("p", 0700);
	mkdir("p/a", 0700);
	ck_assert_int_eq(symlink("a", "p/b"), 0);
	ck_assert_int_eq(stat("p", &seen[0].info), 0);
	ck_assert_int_eq(stat("p/a", &seen[1].info), 0);
	seen[2].info = seen[1].info;
	ck_assert(gk_prompt_watch_update(watch, &listing, ""));
	ck_assert(!gk_prompt_watch_update(watch, &listing, ""));
	ck_assert(!gk_prompt_watch_is_whole(watch));
	gk_prompt_watch_free(watch);
}
END_TEST

#define MANY 1000

typedef struct progress {
	const char *text;
	int next; /* those before have it */
} progress;

static bool has_all(void *user)
{
	progress *it = user;
	const char *text = it->text;

	for (int i = it->next; i < MANY; it->next = ++i) {
		gk_auto_str char *key = NULL;
		const gk_action *action;
		const char *now;
		size_t len;

		ck_assert_int_gt(asprintf(&key, "/prompt/p%d", i), 0);
		action = gk_app_find_action_peek(core_app, key);
		if (!action)
			return false;
		now = gk_prompt_document_template_peek(
			gk_prompt_body_peek(action)->messages.document, &len);
		if (len != strlen(text) || memcmp(now, text, len) != 0)
			return false;
	}
	return true;
}

static void put_many(const char *text)
{
	for (int i = 0; i < MANY; i++) {
		gk_auto_str char *path = NULL;

		ck_assert_int_gt(asprintf(&path, "p/p%d.prompt", i), 0);
		folder_put(path, text);
	}
}

static void remove_many(void)
{
	for (int i = 0; i < MANY; i++) {
		gk_auto_str char *path = NULL;

		ck_assert_int_gt(asprintf(&path, "p/p%d.prompt", i), 0);
		ck_assert_int_eq(unlink(path), 0);
	}
}

static int count_many(void)
{
	int count = 0;

	for (int i = 0; i < MANY; i++) {
		char key[32];

		snprintf(key, sizeof(key), "/prompt/p%d", i);
		count += gk_app_find_action_peek(core_app, key) != NULL;
	}
	return count;
}

static void await_none(void)
{
	for (int i = 0; i < MANY; i++) {
		gk_auto_str char *key = NULL;

		ck_assert_int_gt(asprintf(&key, "/prompt/p%d", i), 0);
		await((wish){ .key = key, .is_gone = true });
	}
}

START_TEST(a_thousand_files_change_and_go_at_once)
{
	progress one = { "one", 0 }, two = { "two", 0 };

	mkdir("p", 0700);
	put_many("one");
	configure("[{'directory':'p'}]", true);
	core_turn_until(has_all, &one);
	put_many("two");
	core_turn_until(has_all, &two);
	remove_many();
	await_none();
}
END_TEST

START_TEST(so_many_files_are_taken_over_in_a_turn)
{
	progress one = { "one", 0 };
	int most = 0;

	mkdir("p", 0700);
	put_many("one");
	usleep((GK_PROMPT_SETTLE_MS + 10) * 1000);
	configure("[{'directory':'p'}]", false);
	for (int turns = 0, before = 0; before < MANY; before = count_many(), turns++) {
		ck_assert_int_lt(turns, 2000);
		gk_loop_turn(core_loop, 10);
		most = count_many() - before > most ? count_many() - before : most;
	}
	ck_assert_int_eq(most, GK_PROMPT_BATCH);
	ck_assert(has_all(&one));
}
END_TEST

#define REFUSED 200

static void put_refused(char first)
{
	for (int i = 0; i < REFUSED; i++) {
		char path[32];

		snprintf(path, sizeof(path), "p/%c%d.prompt", first, i);
		folder_put(path, "---\nmaxTurns: many\n---\n");
	}
}

static int count_of(char first)
{
	int count = 0;

	for (int i = 0; i < REFUSED; i++) {
		char key[32];

		snprintf(key, sizeof(key), "/prompt/%c%d", first, i);
		count += gk_app_find_action_peek(core_app, key) != NULL;
	}
	return count;
}

static bool are_there(void *first)
{
	return count_of(*(const char *)first) == REFUSED;
}

static bool are_gone(void *first)
{
	return count_of(*(const char *)first) == 0;
}

/* What the process holds after as many others were refused and removed. */
static size_t memory_after(char first)
{
	put_refused(first);
	core_turn_until(are_there, &first);
	for (int i = 0; i < REFUSED; i++) {
		char path[32];

		snprintf(path, sizeof(path), "p/%c%d.prompt", first, i);
		ck_assert_int_eq(unlink(path), 0);
	}
	core_turn_until(are_gone, &first);
	return mallinfo2().uordblks;
}

START_TEST(nothing_is_kept_of_a_refused_file_that_is_gone)
{
	size_t before;

	mkdir("p", 0700);
	configure("[{'directory':'p'}]", true);
	memory_after('a'); /* tables have their size now */
	before = memory_after('b');
	ck_assert_uint_lt(memory_after('c'), before + 64 * REFUSED);
}
END_TEST

static unsigned queue_size(void)
{
	unsigned size = 16384;
	FILE *file = fopen("/proc/sys/fs/inotify/max_queued_events", "r");

	if (file) {
		if (fscanf(file, "%u", &size) != 1)
			size = 16384;
		fclose(file);
	}
	return size;
}

/* Nobody looks meanwhile. */
START_TEST(what_happened_when_notices_were_lost_is_found)
{
	unsigned many = queue_size() / 2 + 1000;

	mkdir("p", 0700);
	configure("[{'directory':'p'}]", true);
	for (unsigned i = 0; i < many; i++) {
		ck_assert_int_eq(rename("p", "p2"), 0);
		ck_assert_int_eq(rename("p2", "p"), 0);
	}
	folder_put("p/lost.prompt", "found");
	await_template("/prompt/lost", "found");
}
END_TEST

static Suite *suite(void)
{
	Suite *it = suite_create("prompts");
	TCase *tests = tcase_create("prompts");

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, what_a_directory_holds_is_there_after_the_start);
	tcase_add_test(tests, a_directory_that_is_not_served_as_flows_has_prompts_alone);
	tcase_add_test(tests, a_file_that_is_saved_changed_and_removed_is_followed);
	tcase_add_test(tests, folders_that_appear_and_directories_that_come_late_are_watched);
	tcase_add_test(tests, a_broken_file_is_logged_and_shown_and_the_last_good_version_stays);
	tcase_add_test(tests, a_mistake_that_only_defining_finds_is_shown_as_well);
	tcase_add_test(
		tests, a_directory_that_is_gone_from_the_configuration_takes_its_prompts_along);
	tcase_add_test(tests, a_directory_that_goes_without_memory_leaves_its_names_to_others);
	tcase_add_test(tests, of_two_directories_with_one_name_the_first_has_it_until_it_goes);
	tcase_add_test(tests, a_directory_whose_prefix_has_a_dot_leaves_its_names_to_others);
	tcase_add_test(tests, a_partial_belongs_to_its_directory_and_goes_with_its_file);
	tcase_add_test(tests, a_file_broken_from_the_start_is_logged_and_listed_and_mends);
	tcase_add_test(tests, a_file_that_is_renamed_into_its_place_is_read_at_once);
	tcase_add_test(tests, a_file_is_not_read_while_it_is_being_written);
	tcase_add_test(tests, a_file_that_its_writer_leaves_open_is_read_when_it_has_settled);
	tcase_add_test(tests, a_hard_link_is_a_file_of_its_own);
	tcase_add_test(tests, a_directory_that_is_moved_takes_its_prompts_along);
	tcase_add_test(tests, a_link_that_points_elsewhere_is_followed);
	tcase_add_test(tests, a_folder_that_is_in_two_places_is_new_once_and_is_looked_at);
	tcase_add_test(tests, a_thousand_files_change_and_go_at_once);
	tcase_add_test(tests, so_many_files_are_taken_over_in_a_turn);
	tcase_add_test(tests, nothing_is_kept_of_a_refused_file_that_is_gone);
	tcase_add_test(tests, what_happened_when_notices_were_lost_is_found);
	suite_add_tcase(it, tests);
	return it;
}

UNIT_MAIN(suite)
