/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Directories of .prompt files, kept as the files are. */
#include "core.h"
#include "folder.h"

#include "ai/ai.h"
#include "base/limits.h"
#include "base/log.h"
#include "daemon/prompts.h"

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

START_TEST(a_second_directory_does_not_take_a_name)
{
	mkdir("p", 0700);
	mkdir("q", 0700);
	folder_put("p/a.prompt", "one");
	folder_put("q/a.prompt", "two");
	usleep((GK_PROMPT_SETTLE_MS + 10) * 1000);
	configure("[{'directory':'p'},{'directory':'q'}]", true);
	await_template("/prompt/a", "one");
	ck_assert_str_eq(said, "q: prompt 'a': there is one of that name in p\n");
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
	tcase_add_test(tests, a_second_directory_does_not_take_a_name);
	suite_add_tcase(it, tests);
	return it;
}

UNIT_MAIN(suite)
