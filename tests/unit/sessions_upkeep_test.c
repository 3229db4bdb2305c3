/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Sessions in SQLite: retention, disks that fail, and memory that runs out. */
#include "stored.h"

#include "base/clock.h"
#include "base/limits.h"

#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

/* --- retention --- */

static bool is_swept(void *user)
{
	return traces_number("SELECT count(*) FROM sessions") <= *(int64_t *)user;
}

static void expect_left(const gk_sessions_opts *opts, int64_t left)
{
	gk_sessions_configure(stored_store, opts);
	traces_until(is_swept, &left);
	ck_assert_int_eq(traces_number("SELECT count(*) FROM sessions"), left);
	ck_assert_int_eq(traces_number("SELECT value FROM meta WHERE key = 'session_bytes'"),
		left ? stored_bytes_of_parts() : 0);
}

static void fill(unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		char id[16];
		gk_auto_json json_t *document = NULL;

		snprintf(id, sizeof(id), "s%u", i);
		document = json_pack("{s:s, s:{s:s}}", "sessionId", id, "state", "custom",
			"abcdefghijklmnopqrstuvwxyz");
		ck_assert(stored_change(GK_SNAPSHOT_PUT, id, document));
	}
}

START_TEST(sessions_that_were_not_used_for_long_go)
{
	gk_db db;

	fill(3);
	ck_assert_int_eq(gk_db_open(&db, traces_path, false, NULL), GK_OK);
	ck_assert_int_eq(
		gk_db_exec(&db, "UPDATE sessions SET touched_ms = 5 WHERE session_id = 's1'", NULL),
		GK_OK);
	gk_db_close(&db);
	expect_left(GK_OPTS(gk_sessions_opts, .max_age_ms = 3600000, .sweep_ms = 1), 2);
	stored_assert_latest("s1", NULL);
	stored_assert_latest("s2", "s2");
}
END_TEST

START_TEST(that_a_session_was_used_is_noted_once_a_minute)
{
	int64_t now_ms = gk_session_now_ms();
	gk_db db;

	fill(1);
	ck_assert_int_eq(gk_db_open(&db, traces_path, false, NULL), GK_OK);
	ck_assert_int_eq(
		gk_db_exec(&db, "UPDATE sessions SET touched_ms = touched_ms - 30000", NULL),
		GK_OK);
	fill(1);
	ck_assert_int_lt(traces_number("SELECT touched_ms FROM sessions"), now_ms);
	ck_assert_int_eq(
		gk_db_exec(&db, "UPDATE sessions SET touched_ms = touched_ms - 30000", NULL),
		GK_OK);
	gk_db_close(&db);
	fill(1);
	ck_assert_int_ge(traces_number("SELECT touched_ms FROM sessions"), now_ms);
}
END_TEST

START_TEST(of_too_many_sessions_those_used_longest_ago_go)
{
	fill(130);
	expect_left(GK_OPTS(gk_sessions_opts, .max_count = 2, .sweep_ms = 1), 2);
	stored_assert_latest("s129", "s129");
}
END_TEST

START_TEST(sessions_that_take_too_much_room_go)
{
	fill(30);
	expect_left(GK_OPTS(gk_sessions_opts, .max_bytes = 800, .sweep_ms = 1), 20);
}
END_TEST

/* Another process holds the file until sweeping is late, and much is to be written then. */
START_TEST(sessions_go_in_time_though_traces_are_written_all_the_time)
{
	unsigned batches = 20;
	gk_db other;

	fill(3);
	ck_assert_int_eq(gk_db_open(&other, traces_path, false, NULL), GK_OK);
	ck_assert_int_eq(gk_db_exec(&other, "BEGIN IMMEDIATE", NULL), GK_OK);
	for (unsigned i = 0; i < batches * GK_STORE_BATCH / 1000; i++)
		gk_trace_store_save(traces_store, traces_spans("a", 1000, "n", "{}"));
	gk_sessions_configure(
		stored_store, GK_OPTS(gk_sessions_opts, .max_count = 1, .sweep_ms = 1));
	usleep((GK_STORE_SWEEP_LATE_MS + 100) * 1000);
	ck_assert_int_eq(gk_db_exec(&other, "COMMIT", NULL), GK_OK);
	gk_db_close(&other);
	while (traces_number("SELECT count(*) FROM sessions") > 1)
		ck_assert_uint_gt(gk_trace_store_count(traces_store).queue_spans, 0);
}
END_TEST

START_TEST(a_session_that_is_being_worked_at_stays)
{
	stored_save("p", "{'sessionId': 'S', 'status': 'pending'}");
	fill(3);
	expect_left(GK_OPTS(gk_sessions_opts, .max_count = 1, .sweep_ms = 1), 1);
	stored_assert_latest("S", "p");
}
END_TEST

static void save_circle(void)
{
	stored_save("a", "{'sessionId': 'S', 'parentId': 'b'}");
	stored_save("b", "{'sessionId': 'S', 'parentId': 'a'}");
}

START_TEST(pruning_ends_where_snapshots_are_each_others_parents)
{
	stored_realm.max_chain = GK_MAX_CHAIN;
	save_circle();
	ck_assert_int_eq(traces_number("SELECT count(*) FROM snapshots"), 2);
}
END_TEST

START_TEST(pruning_keeps_all_of_a_circle_that_is_shorter_than_the_chain)
{
	stored_realm.max_chain = 3;
	save_circle();
	stored_save("c", "{'sessionId': 'S', 'parentId': 'b'}");
	ck_assert_int_eq(traces_number("SELECT count(*) FROM snapshots"), 3);
}
END_TEST

START_TEST(a_parent_that_came_later_is_pruned_as_any_other)
{
	stored_realm.max_chain = 2;
	stored_save("b", "{'sessionId': 'S', 'parentId': 'a'}");
	stored_save("a", "{'sessionId': 'S'}");
	stored_save("c", "{'sessionId': 'S', 'parentId': 'b'}");
	ck_assert_int_eq(traces_number("SELECT count(*) FROM snapshots"), 2);
	stored_assert_latest("S", "c");
}
END_TEST

START_TEST(a_chain_that_is_too_long_to_be_counted_is_refused)
{
	stored_call c = { .id = "a" };

	stored_realm.max_chain = GK_MAX_CHAIN;
	ck_assert(!stored_get("a"));
	stored_realm.max_chain = GK_MAX_CHAIN + 1;
	traces_in_fiber(stored_do_get, &c);
	ck_assert_int_eq(c.rc, GK_INVALID_ARGUMENT);
}
END_TEST

START_TEST(of_those_with_one_id_so_many_are_shown_as_were_asked_for)
{
	static const char *const owners[] = { "x", "y", "z" };
	gk_session_query query = { .size = sizeof(query), .session_id = "S", .limit = 2 };

	for (int i = 0; i < 3; i++) {
		gk_auto_json json_t *shown = NULL;

		stored_realm.owner = owners[i];
		stored_save("a", "{'sessionId': 'S'}");
		shown = stored_must(stored_do_show, (stored_call){ .query = &query });
		ck_assert_uint_eq(
			json_array_size(json_object_get(shown, "sessions")), i < 1 ? 1 : 2);
	}
	query.limit = GK_MAX_SESSION_LIST + 1;
	json_decref(stored_must(stored_do_show, (stored_call){ .query = &query }));
}
END_TEST

/* --- failure --- */

START_TEST(a_state_that_is_too_large_is_refused)
{
	size_t len = GK_MAX_SNAPSHOT + 1;
	char *text = malloc(len);
	gk_auto_json json_t *document = NULL;
	stored_call c = { .change = NULL };

	ck_assert_ptr_nonnull(text);
	memset(text, 'a', len);
	document = json_pack("{s:{s:s#}}", "state", "custom", text, (int)len);
	free(text);
	c.change = GK_OPTS(gk_snapshot_change, .document = document);
	traces_in_fiber(stored_do_save, &c);
	ck_assert_int_eq(c.rc, GK_RESOURCE_EXHAUSTED);
}
END_TEST

START_TEST(a_closed_store_says_so)
{
	stored_call c = { .id = "a" };

	gk_sessions_close(stored_store);
	traces_in_fiber(stored_do_get, &c);
	ck_assert_int_eq(c.rc, GK_UNAVAILABLE);
	c.change = GK_OPTS(gk_snapshot_change, .action = GK_SNAPSHOT_ABORT, .id = "a");
	traces_in_fiber(stored_do_save, &c);
	ck_assert_int_eq(c.rc, GK_UNAVAILABLE);
}
END_TEST

/* A file may not grow: the system's word for "no more". */
static void break_disk(bool is_broken)
{
	struct rlimit limit;

	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &limit);
	limit.rlim_cur = is_broken ? 100 : limit.rlim_max;
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

START_TEST(a_disk_that_fails_fails_the_call_until_it_works_again)
{
	gk_auto_json json_t *document = json("{'sessionId': 'S', 'status': 'completed'}");
	stored_call c = { .change = GK_OPTS(gk_snapshot_change, .id = "b", .document = document) };

	stored_save("a", "{'sessionId': 'S'}");
	break_disk(true);
	traces_in_fiber(stored_do_save, &c);
	ck_assert_int_eq(c.rc, GK_UNAVAILABLE);
	ck_assert_ptr_null(c.saved.id);
	break_disk(false);
	stored_assert_latest("S", "a");
	ck_assert(stored_change(GK_SNAPSHOT_PUT, "b", document));
	stored_assert_latest("S", "b");
}
END_TEST

/* --- a disk that does not answer --- */

static void save_and_say(void *user)
{
	stored_call *c = user;

	stored_do_save(c);
	c->count = 1;
}

static bool is_there(void *user)
{
	gk_auto_json json_t *found = stored_get(user);

	return found != NULL;
}

START_TEST(a_disk_that_does_not_answer_holds_up_nobody)
{
	gk_auto_json json_t *document = json("{'sessionId': 'S'}");
	stored_call c = { .change = GK_OPTS(gk_snapshot_change, .id = "a", .document = document) };
	gk_sessions *sessions = (gk_sessions *)stored_store;
	gk_db other;

	ck_assert_int_eq(gk_db_open(&other, traces_path, false, NULL), GK_OK);
	ck_assert_int_eq(gk_db_exec(&other, "BEGIN IMMEDIATE", NULL), GK_OK);
	ck_assert_int_eq(
		gk_fiber_start(traces_loop, "test", NULL, save_and_say, &c, NULL, NULL), GK_OK);
	LIST_FIRST(&sessions->waiting)->since_ms -= GK_STORE_WAIT_MS;
	while (!c.count)
		gk_loop_turn(traces_loop, 100);
	ck_assert_int_eq(c.rc, GK_UNAVAILABLE);
	ck_assert_str_eq(stored_err.message, "the disk does not answer");
	ck_assert_int_eq(gk_db_exec(&other, "COMMIT", NULL), GK_OK);
	gk_db_close(&other);
	traces_until(is_there, "a"); /* it was done after all */
}
END_TEST

START_TEST(the_start_does_not_wait_for_long_for_a_disk_that_does_not_answer)
{
	uint64_t began_ms = gk_clock_mono_ms();
	gk_db other;

	gk_session_store_free(gk_steal(stored_store));
	ck_assert_int_eq(gk_db_open(&other, traces_path, false, NULL), GK_OK);
	ck_assert_int_eq(gk_db_exec(&other, "BEGIN IMMEDIATE", NULL), GK_OK);
	gk_sessions_start_ms = 50;
	stored_open(NULL);
	ck_assert_uint_ge(gk_clock_mono_ms() - began_ms, 50);
	ck_assert(!((gk_sessions *)stored_store)->has_worked);
	ck_assert_int_eq(gk_db_exec(&other, "COMMIT", NULL), GK_OK);
	gk_db_close(&other);
	stored_save("a", "{'sessionId': 'S'}"); /* it works all the same */
	stored_assert_latest("S", "a");
}
END_TEST

/* --- memory --- */

static json_t *kept_document, *kept_messages;

/* All that a fiber does here may fail for want of memory, and is told so. */
static void do_all(void *user)
{
	stored_call *c = user;
	const gk_session_query query = { .size = sizeof(query), .session_id = "S" };
	json_t *found = NULL;

	c->rc = gk_snapshot_save(NULL, stored_store, &stored_realm,
		GK_OPTS(gk_snapshot_change, .document = kept_document), &c->saved, NULL);
	if (c->rc == GK_OK)
		c->rc = gk_snapshot_latest(NULL, stored_store, &stored_realm, "S", &c->ret, NULL);
	gk_session_cache_clear(&((gk_sessions *)stored_store)->cache);
	if (c->rc == GK_OK)
		c->rc = gk_snapshot_get(
			NULL, stored_store, &stored_realm, c->saved.id, &found, NULL);
	if (c->rc == GK_OK && !json_equal(found, c->ret))
		abort();
	json_decref(gk_steal(found));
	if (c->rc == GK_OK)
		c->rc = gk_chat_save(NULL, stored_store, &stored_realm,
			GK_OPTS(gk_chat_change, .session_id = "C", .thread = "main",
				.messages = kept_messages, .state = kept_messages),
			NULL);
	if (c->rc == GK_OK)
		c->rc = gk_chat_load(NULL, stored_store, &stored_realm, "C", &found, NULL);
	json_decref(gk_steal(found));
	if (c->rc == GK_OK)
		c->rc = gk_sessions_show(stored_store, &query, &found, NULL);
	json_decref(found);
	c->count = 1;
}

static bool do_all_with_what_there_is(void)
{
	stored_call c = { .rc = GK_RESOURCE_EXHAUSTED };

	if (gk_fiber_start(traces_loop, "test", NULL, do_all, &c, NULL, NULL) == GK_OK)
		while (!c.count)
			gk_loop_turn(traces_loop, 100);
	gk_snapshot_saved_clear(&c.saved);
	json_decref(c.ret);
	return c.rc == GK_OK;
}

START_TEST(memory_may_run_out)
{
	kept_document =
		json("{'sessionId': 'S', 'parentId': 'x', 'status': 'completed', 'mine': 1,"
		     " 'error': {'message': 'm'}, 'state': {'messages': [{'role': 'user'}]}}");
	kept_messages =
		json("[{'role': 'user', 'metadata': {'preamble': true}}, {'role': 'model'}]");
	fault_sweep(do_all_with_what_there_is);
	json_decref(kept_document);
	json_decref(kept_messages);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("sessions upkeep");
	TCase *c = tcase_create("sqlite");

	tcase_set_timeout(c, 30);
	tcase_add_checked_fixture(c, stored_start, stored_stop);
	tcase_add_test(c, sessions_that_were_not_used_for_long_go);
	tcase_add_test(c, that_a_session_was_used_is_noted_once_a_minute);
	tcase_add_test(c, of_too_many_sessions_those_used_longest_ago_go);
	tcase_add_test(c, sessions_that_take_too_much_room_go);
	tcase_add_test(c, sessions_go_in_time_though_traces_are_written_all_the_time);
	tcase_add_test(c, a_session_that_is_being_worked_at_stays);
	tcase_add_test(c, a_state_that_is_too_large_is_refused);
	tcase_add_test(c, a_closed_store_says_so);
	tcase_add_test(c, a_disk_that_fails_fails_the_call_until_it_works_again);
	tcase_add_test(c, a_disk_that_does_not_answer_holds_up_nobody);
	tcase_add_test(c, the_start_does_not_wait_for_long_for_a_disk_that_does_not_answer);
	tcase_add_test(c, pruning_ends_where_snapshots_are_each_others_parents);
	tcase_add_test(c, pruning_keeps_all_of_a_circle_that_is_shorter_than_the_chain);
	tcase_add_test(c, a_parent_that_came_later_is_pruned_as_any_other);
	tcase_add_test(c, a_chain_that_is_too_long_to_be_counted_is_refused);
	tcase_add_test(c, of_those_with_one_id_so_many_are_shown_as_were_asked_for);
	tcase_add_test(c, memory_may_run_out);
	suite_add_tcase(s, c);
	return s;
}

UNIT_MAIN(suite)
