/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Sessions in SQLite: what survives, what a turn costs, who sees what. The contract itself is replayed from vectors. */
#include "stored.h"

#include "base/limits.h"
#include "base/process.h"

#include <stdio.h>
#include <unistd.h>

/* --- turns --- */

/* The document of a turn that adds two messages to the state (replaced). */
static json_t *turn(json_t **state, const char *parent, unsigned n)
{
	gk_auto_json json_t *messages = json_copy(json_object_get(*state, "messages"));
	json_t *next = json_copy(*state), *document = json_object();
	char text[64];

	if (!messages)
		messages = json_array();
	snprintf(text, sizeof(text), "this is what was said in turn %u", n);
	json_array_append_new(
		messages, json_pack("{s:s, s:[{s:s}]}", "role", "user", "content", "text", text));
	json_array_append_new(
		messages, json_pack("{s:s, s:[{s:s}]}", "role", "model", "content", "text", text));
	json_object_set(next, "messages", messages);
	json_decref(*state);
	*state = next;
	json_object_set_new(document, "sessionId", json_string("S"));
	json_object_set_new(document, "status", json_string("completed"));
	if (parent)
		json_object_set_new(document, "parentId", json_string(parent));
	json_object_set(document, "state", next);
	return document;
}

static void take_turns(unsigned from, unsigned to, json_t **state)
{
	for (unsigned n = from; n < to; n++) {
		char id[16], parent[16];
		gk_auto_json json_t *document = NULL;

		snprintf(id, sizeof(id), "t%u", n);
		snprintf(parent, sizeof(parent), "t%u", n - 1);
		document = turn(state, n ? parent : NULL, n);
		ck_assert(stored_change(GK_SNAPSHOT_FINISH, id, document));
	}
}

/* Another process finds the state (consumed) that was saved. */
static void assert_kept(const char *id, json_t *state_take)
{
	gk_auto_json json_t *state = state_take, *found = NULL;

	stored_reopen();
	found = stored_get(id);
	ck_assert(json_equal(json_object_get(found, "state"), state));
}

START_TEST(a_turn_adds_what_was_said_in_it)
{
	json_t *state = json("{'sessionId': 'S', 'messages': [], 'artifacts': []}");
	int64_t before, after;

	take_turns(0, 10, &state);
	before = stored_bytes_of_parts();
	take_turns(10, 11, &state);
	after = stored_bytes_of_parts() - before;
	take_turns(11, 100, &state);
	before = stored_bytes_of_parts();
	take_turns(100, 101, &state);
	ck_assert_int_le(stored_bytes_of_parts() - before, after + 8);
	ck_assert_int_eq(
		traces_number("SELECT count(*) FROM session_parts"), 102); /* the rest once */
	assert_kept("t100", state);
}
END_TEST

START_TEST(a_turn_that_was_read_from_the_file_is_continued)
{
	gk_auto_json json_t *found = NULL;
	json_t *state = json("{'sessionId': 'S', 'messages': []}");

	take_turns(0, 3, &state);
	json_decref(state);
	stored_reopen();
	found = stored_get("t2");
	state = json_incref(json_object_get(found, "state"));
	take_turns(3, 4, &state);
	ck_assert_int_eq(traces_number("SELECT count(*) FROM session_parts"), 5);
	assert_kept("t3", state);
}
END_TEST

START_TEST(branches_share_what_was_said_before)
{
	json_t *state = json("{'messages': []}"), *left, *right;
	gk_auto_json json_t *a = NULL;
	gk_auto_json json_t *b = NULL;
	gk_auto_json json_t *found = NULL;

	take_turns(0, 5, &state);
	left = json_incref(state);
	right = json_incref(state);
	a = turn(&left, "t4", 100);
	ck_assert(stored_change(GK_SNAPSHOT_FINISH, "a", a));
	found = stored_get("t4");
	json_decref(right);
	right = json_incref(json_object_get(found, "state"));
	b = turn(&right, "t4", 200);
	ck_assert(stored_change(GK_SNAPSHOT_FINISH, "b", b));
	ck_assert_int_eq(traces_number("SELECT count(*) FROM session_parts"), 8);
	assert_kept("a", left);
	stored_assert_latest("S", "b");
	json_decref(state);
	json_decref(right);
}
END_TEST

START_TEST(a_history_that_was_rewritten_is_kept_as_it_is)
{
	json_t *state = json("{'messages': []}");
	gk_auto_json json_t *document = NULL;

	take_turns(0, 3, &state);
	json_decref(state);
	state = json("{'messages': [{'role': 'user', 'content': []}], 'custom': {'a': 1}}");
	document = turn(&state, "t2", 3);
	ck_assert(stored_change(GK_SNAPSHOT_FINISH, "t3", document));
	assert_kept("t3", state);
}
END_TEST

static const char *const states[] = {
	"{'state': {}}",
	"{'state': {'messages': []}}",
	"{'state': {'messages': 5, 'custom': null}}",
	"{'state': {'custom': {'messages': [1]}, 'messages': [1, {'a': 'b'}], 'more': 'x'}}",
	"{'status': 'failed', 'error': {'status': 'INTERNAL', 'message': 'm'}, 'mine': [1]}",
	"{}",
};

START_TEST(any_state_is_read_as_it_was_written)
{
	gk_auto_json json_t *document = json(states[_i]);
	gk_auto_json json_t *found = NULL;
	const char *name;
	json_t *value;

	ck_assert(stored_save("a", states[_i]));
	stored_reopen();
	found = stored_get("a");
	json_object_foreach (document, name, value)
		ck_assert_msg(json_equal(json_object_get(found, name), value), "%s", name);
	ck_assert_uint_eq(json_object_size(found), json_object_size(document) + 2);
}
END_TEST

/* --- memory and the file --- */

START_TEST(a_list_in_memory_that_grows_is_as_long_as_it_was_for_each_snapshot)
{
	gk_auto_json json_t *first = json("{'sessionId': 'S', 'state': {'messages': [1]}}");
	gk_auto_json json_t *second =
		json("{'sessionId': 'S', 'parentId': 'a', 'state': {'n': 1}}");
	json_t *list = gk_json_at_peek(first, "state.messages");
	gk_auto_json json_t *branch =
		json("{'sessionId': 'S', 'parentId': 'a', 'state': {'messages': []}}");
	gk_auto_json json_t *found = NULL;

	ck_assert(stored_change(GK_SNAPSHOT_PUT, "a", first));
	found = stored_get("a");
	json_array_append_new(list, json_integer(2));
	json_object_set(json_object_get(second, "state"), "messages", list);
	ck_assert(stored_change(GK_SNAPSHOT_PUT, "b", second));
	json_array_append_new(list, json_integer(3)); /* of a turn that is not saved */
	json_decref(found);
	found = stored_get("b");
	ck_assert_uint_eq(json_array_size(gk_json_at_peek(found, "state.messages")), 2);
	json_decref(found);
	found = stored_get("a");
	ck_assert_uint_eq(json_array_size(gk_json_at_peek(found, "state.messages")), 1);
	json_object_set(json_object_get(branch, "state"), "messages",
		gk_json_at_peek(found, "state.messages"));
	json_array_append_new(gk_json_at_peek(branch, "state.messages"), json_integer(4));
	ck_assert(stored_change(GK_SNAPSHOT_PUT, "c", branch));
	stored_reopen();
	json_decref(found);
	found = stored_get("c");
	ck_assert_int_eq(gk_json_int_at(found, "state.messages[1]", 0), 4);
	json_decref(found);
	found = stored_get("b");
	ck_assert_int_eq(gk_json_int_at(found, "state.messages[1]", 0), 2);
	ck_assert_uint_eq(json_array_size(gk_json_at_peek(found, "state.messages")), 2);
}
END_TEST

START_TEST(what_is_in_memory_is_given_as_it_was_saved)
{
	gk_auto_json json_t *document = json("{'sessionId': 'S', 'state': {'messages': [1]}}");
	gk_auto_json json_t *found = NULL;
	gk_auto_json json_t *last = NULL;

	ck_assert(stored_change(GK_SNAPSHOT_PUT, "a", document));
	found = stored_get("a");
	last = stored_must(stored_do_latest, (stored_call){ .id = "S" });
	ck_assert_ptr_eq(gk_json_at_peek(found, "state.messages"),
		gk_json_at_peek(document, "state.messages"));
	ck_assert(json_equal(found, last));
	ck_assert(stored_change(GK_SNAPSHOT_ABORT, "a", NULL));
	stored_assert_member("a", "status", "aborted");
}
END_TEST

START_TEST(memory_is_bounded)
{
	gk_session_cache *cache = &((gk_sessions *)stored_store)->cache;
	json_t *state = json("{'messages': []}");

	ck_assert_uint_eq(cache->max_bytes, GK_SESSION_CACHE);
	cache->max_bytes = 3000;
	take_turns(0, 40, &state);
	ck_assert(stored_save("x", "{'sessionId': 'T', 'state': {'messages': [1]}}"));
	ck_assert(stored_save("y", "{'sessionId': 'U', 'state': {'messages': [1]}}"));
	ck_assert_uint_le(cache->bytes, 3000);
	stored_assert_latest("S", "t39");
	json_decref(state);
}
END_TEST

START_TEST(what_is_known_of_sessions_is_bounded)
{
	gk_session_cache *cache = &((gk_sessions *)stored_store)->cache;
	char session[16];

	for (unsigned i = 0; i <= GK_SESSION_CACHE_HINTS; i++) {
		snprintf(session, sizeof(session), "%u", i);
		gk_session_cache_set_last(cache, &stored_realm, session, "x");
	}
	ck_assert_uint_eq(gk_table_count(cache->sessions), GK_SESSION_CACHE_HINTS);
	ck_assert_ptr_null(gk_session_cache_last(cache, &stored_realm, "0"));
	ck_assert_pstr_eq(gk_session_cache_last(cache, &stored_realm, session), "x");
}
END_TEST

START_TEST(what_was_deleted_is_not_continued)
{
	json_t *state = json("{'messages': []}");
	gk_auto_json json_t *document = NULL;
	gk_session_cache *cache = &((gk_sessions *)stored_store)->cache;
	gk_session_entry *entry;

	take_turns(0, 3, &state);
	entry = gk_session_cache_get(cache, 's', &stored_realm, "t2");
	ck_assert_ptr_nonnull(entry);
	/* as another process would: this one does not hear of it */
	entry->parts.session += 1000;
	document = turn(&state, "t2", 3);
	ck_assert(stored_change(GK_SNAPSHOT_FINISH, "t3", document));
	assert_kept("t3", state);
}
END_TEST

/* --- processes that end --- */

START_TEST(what_an_ended_process_left_pending_is_failed)
{
	const gk_sessions_opts later = { .size = sizeof(later), .waits_later = true };

	stored_save("a", "{'sessionId': 'S', 'status': 'completed'}");
	stored_save("b", "{'sessionId': 'S', 'parentId': 'a', 'status': 'pending',"
			 " 'heartbeatAt': '2026-01-01T00:00:00.000Z', 'state': {'custom': 1}}");
	stored_reopen_with(_i ? &later : NULL);
	if (_i)
		gk_sessions_wait(stored_store);
	ck_assert(gk_sessions_of(stored_store)->has_worked);
	stored_assert_member("b", "status", "failed");
	stored_assert_member("b", "finishReason", "failed");
	stored_assert_member(
		"b", "error.message", "The process that ran this turn ended before the turn did.");
	stored_assert_member("b", "heartbeatAt", NULL);
	stored_assert_member("a", "status", "completed");
}
END_TEST

START_TEST(what_a_living_process_runs_stays_pending)
{
	char runner[GK_SESSION_RUNNER_SIZE], sql[256];
	gk_db db;

	stored_save("b", "{'status': 'pending'}");
	gk_session_store_free(gk_steal(stored_store));
	gk_session_name_runner(runner);
	/* the parent of this one lives */
	snprintf(sql, sizeof(sql), "UPDATE snapshots SET runner = '%d.%llu.x'", (int)getppid(),
		(unsigned long long)gk_process_start((uint64_t)getppid()));
	ck_assert_int_eq(gk_db_open(&db, traces_path, false, NULL), GK_OK);
	ck_assert_int_eq(gk_db_exec(&db, sql, NULL), GK_OK);
	gk_db_close(&db);
	stored_open(NULL);
	stored_assert_member("b", "status", "pending");
}
END_TEST

/* --- owners --- */

/* Each tries to find or to change what alice has, as somebody else. */

static void cannot_get(void)
{
	gk_auto_json json_t *found = stored_get("p");

	ck_assert_ptr_null(found);
}

static void cannot_find_the_latest(void)
{
	stored_assert_latest("S", NULL);
}

static void cannot_abort(void)
{
	ck_assert(!stored_change(GK_SNAPSHOT_ABORT, "p", NULL));
}

static void cannot_beat(void)
{
	ck_assert(!stored_change(GK_SNAPSHOT_HEARTBEAT, "p", NULL));
}

static void cannot_finish(void)
{
	ck_assert(stored_save(
		"p", "{'sessionId': 'S', 'status': 'completed', 'state': {'custom': 'bob'}}"));
}

static void cannot_replace_what_it_does_not_see(void)
{
	gk_auto_json json_t *document = json("{'status': 'failed'}");
	stored_call c = { .change = GK_OPTS(gk_snapshot_change, .action = GK_SNAPSHOT_REPLACE,
				  .id = "p", .document = document) };

	traces_in_fiber(stored_do_save, &c);
	ck_assert_int_eq(c.rc, GK_OK);
	ck_assert(!c.saved.existed);
	gk_snapshot_saved_clear(&c.saved);
}

static void cannot_become_a_parent_of_it(void)
{
	ck_assert(
		stored_save("child", "{'sessionId': 'S', 'parentId': 'p', 'status': 'completed'}"));
}

static void cannot_load_the_chat(void)
{
	gk_auto_json json_t *found = stored_must(stored_do_chat_load, (stored_call){ .id = "C" });

	ck_assert_ptr_null(found);
}

static void cannot_write_to_the_chat(void)
{
	gk_auto_json json_t *messages = json("[{'role': 'user', 'content': 'bob'}]");

	stored_must(stored_do_chat_save,
		(stored_call){
			.chat_change = GK_OPTS(gk_chat_change, .session_id = "C", .thread = "main",
				.messages = messages, .state = messages) });
}

static void (*const tries[])(void) = { cannot_get, cannot_find_the_latest, cannot_abort,
	cannot_beat, cannot_finish, cannot_replace_what_it_does_not_see,
	cannot_become_a_parent_of_it, cannot_load_the_chat, cannot_write_to_the_chat };

static const gk_session_realm others[] = {
	{ .store = "agent", .owner = "bob" },
	{ .store = "agent", .owner = "" },
	{ .store = "agent2", .owner = "alice" },
};

#define TRIES  (sizeof(tries) / sizeof(tries[0]))
#define OTHERS (sizeof(others) / sizeof(others[0]))

static unsigned heard;

static void hear(gk_snapshot_watcher *watcher, const char *status)
{
	(void)watcher, (void)status;
	heard++;
}

START_TEST(that_another_process_aborted_a_run_is_heard_with_its_next_heartbeat)
{
	gk_snapshot_watcher watcher = { .realm = stored_realm, .id = "p", .changed = hear };
	gk_db other;

	stored_save("p", "{'status': 'pending'}");
	heard = 0;
	ck_assert_int_eq(gk_snapshot_watch(stored_store, &watcher, &stored_err), GK_OK);
	ck_assert_int_eq(gk_db_open(&other, traces_path, false, NULL), GK_OK);
	ck_assert_int_eq(
		gk_db_exec(&other, "UPDATE snapshots SET status = 'aborted', runner = NULL", NULL),
		GK_OK);
	gk_db_close(&other);
	ck_assert(!stored_change(GK_SNAPSHOT_HEARTBEAT, "p", NULL));
	ck_assert_uint_eq(heard, 1);
	gk_snapshot_unwatch(stored_store, &watcher);
}
END_TEST

START_TEST(nobody_reaches_the_sessions_of_another_owner)
{
	gk_auto_json json_t *chat = NULL;
	gk_auto_json json_t *messages = json("[{'role': 'user', 'content': 'alice'}]");
	gk_snapshot_watcher watcher = {
		.realm = others[_i / (int)TRIES], .id = "p", .changed = hear
	};

	stored_realm.owner = "alice";
	stored_save("p", "{'sessionId': 'S', 'status': 'pending', 'state': {'custom': 'alice'},"
			 " 'heartbeatAt': '2026-01-01T00:00:00.000Z'}");
	stored_must(stored_do_chat_save,
		(stored_call){ .chat_change = GK_OPTS(gk_chat_change, .session_id = "C",
				       .thread = "main", .messages = messages) });
	stored_realm = others[_i / (int)TRIES];
	tries[_i % (int)TRIES]();
	heard = 0;
	ck_assert_int_eq(gk_snapshot_watch(stored_store, &watcher, &stored_err), GK_OK);
	stored_realm = (gk_session_realm){ .store = "agent", .owner = "alice" };
	stored_assert_member("p", "status", "pending");
	stored_assert_member("p", "state.custom", "alice");
	stored_assert_member("p", "heartbeatAt", "2026-01-01T00:00:00.000Z");
	stored_assert_latest("S", "p");
	chat = stored_must(stored_do_chat_load, (stored_call){ .id = "C" });
	assert_json(chat, "{'id':'C','threads':{'main':[{'role':'user','content':'alice'}]}}");
	ck_assert(stored_change(GK_SNAPSHOT_ABORT, "p", NULL));
	ck_assert_uint_eq(heard, 0);
	gk_snapshot_unwatch(stored_store, &watcher);
}
END_TEST

/* --- the older kind --- */

START_TEST(threads_are_saved_one_by_one)
{
	gk_auto_json json_t *one = json("[{'role': 'user'}]");
	gk_auto_json json_t *two = json("[{'role': 'system', 'metadata': {'preamble': true}},"
					" {'role': 'user'}, {'role': 'model'}]");
	gk_auto_json json_t *three = json("[{'role': 'user'}, {'role': 'model'}]");
	gk_auto_json json_t *state = json("{'a': 1}");
	gk_auto_json json_t *found = NULL;

	stored_must(stored_do_chat_save,
		(stored_call){ .chat_change = GK_OPTS(gk_chat_change, .session_id = "C",
				       .thread = "b", .messages = one, .state = state) });
	stored_must(stored_do_chat_save,
		(stored_call){ .chat_change = GK_OPTS(gk_chat_change, .session_id = "C",
				       .thread = "a", .messages = two) });
	stored_must(stored_do_chat_save,
		(stored_call){ .chat_change = GK_OPTS(gk_chat_change, .session_id = "C",
				       .thread = "b", .messages = three) });
	stored_reopen();
	found = stored_must(stored_do_chat_load, (stored_call){ .id = "C" });
	assert_json(found, "{'id':'C','state':{'a':1},'threads':{"
			   "'b':[{'role':'user'},{'role':'model'}],"
			   "'a':[{'role':'system','metadata':{'preamble':true}},"
			   "{'role':'user'},{'role':'model'}]}}");
	ck_assert_int_eq(traces_number("SELECT count(*) FROM session_parts"), 4);
}
END_TEST

START_TEST(a_thread_that_another_process_wrote_to_is_written_whole)
{
	gk_auto_json json_t *one = json("[{'n': 1}]");
	gk_auto_json json_t *two = json("[{'n': 1}, {'n': 2}]");
	gk_auto_json json_t *found = NULL;
	gk_db db;

	stored_must(stored_do_chat_save,
		(stored_call){ .chat_change = GK_OPTS(gk_chat_change, .session_id = "C",
				       .thread = "b", .messages = one) });
	ck_assert_int_eq(gk_db_open(&db, traces_path, false, NULL), GK_OK);
	ck_assert_int_eq(
		gk_db_exec(&db, "UPDATE chat_threads SET tail = 0, messages = 0", NULL), GK_OK);
	gk_db_close(&db);
	stored_must(stored_do_chat_save,
		(stored_call){ .chat_change = GK_OPTS(gk_chat_change, .session_id = "C",
				       .thread = "b", .messages = two) });
	found = stored_must(stored_do_chat_load, (stored_call){ .id = "C" });
	assert_json(found, "{'id':'C','threads':{'b':[{'n':1},{'n':2}]}}");
}
END_TEST

/* --- operators --- */

START_TEST(sessions_are_listed_shown_and_deleted)
{
	gk_auto_json json_t *all = NULL;
	gk_auto_json json_t *shown = NULL;
	gk_auto_json json_t *messages = json("[{'role': 'user'}]");
	stored_call c = { .query = GK_OPTS(gk_session_query, .owner = "alice") };

	stored_save("a", "{'sessionId': 'S', 'status': 'completed', 'state': {'custom': 1}}");
	stored_save("b",
		"{'sessionId': 'S', 'parentId': 'a', 'status': 'failed', 'state': {'custom': 2}}");
	stored_save("x", "{'state': {'custom': 1}}");
	stored_realm.owner = "alice";
	stored_save("c", "{'sessionId': 'T', 'status': 'pending'}");
	stored_must(stored_do_chat_save,
		(stored_call){ .chat_change = GK_OPTS(gk_chat_change, .session_id = "C",
				       .thread = "main", .messages = messages) });
	all = stored_must(
		stored_do_list, (stored_call){ .query = GK_OPTS(gk_session_query, .limit = 2) });
	ck_assert_uint_eq(json_array_size(json_object_get(all, "sessions")), 2);
	ck_assert_str_eq(gk_json_str_peek(all, "continuationToken"), "2");
	ck_assert_str_eq(gk_json_str_peek(all, "sessions[0].kind"), "chat");
	ck_assert_int_eq(gk_json_int_at(all, "sessions[0].threads", 0), 1);
	shown = stored_must(
		stored_do_show, (stored_call){ .query = GK_OPTS(gk_session_query, .session_id = "S",
						       .with_state = true) });
	ck_assert_str_eq(gk_json_str_peek(shown, "sessions[0].snapshots[1].status"), "failed");
	ck_assert_int_eq(gk_json_int_at(shown, "sessions[0].snapshots[1].state.custom", 0), 2);
	ck_assert_ptr_null(gk_json_at_peek(shown, "sessions[0].snapshots[0].state"));
	traces_in_fiber(stored_do_delete, &c);
	ck_assert_int_eq(c.rc, GK_OK);
	ck_assert_uint_eq(c.count, 2);
	stored_assert_latest("T", NULL);
	ck_assert_int_eq(traces_number("SELECT count(*) FROM session_realms"), 1);
	stored_realm.owner = "";
	stored_assert_latest("S", "b");
	c = (stored_call){ .query = GK_OPTS(gk_session_query, .session_id = "nope") };
	traces_in_fiber(stored_do_show, &c);
	ck_assert_int_eq(c.rc, GK_NOT_FOUND);
}
END_TEST

START_TEST(a_token_that_no_list_has_given_is_refused)
{
	static const char *const tokens[] = { "x", "-1", "9223372036854775808",
		"18446744073709551615" };

	for (size_t i = 0; i < sizeof(tokens) / sizeof(tokens[0]); i++) {
		stored_call c = { .query = GK_OPTS(gk_session_query, .token = tokens[i]) };

		traces_in_fiber(stored_do_list, &c);
		ck_assert_int_eq(c.rc, GK_INVALID_ARGUMENT);
		gk_error_clear(&stored_err);
	}
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("sessions");
	TCase *c = tcase_create("sqlite");

	tcase_set_timeout(c, 30);
	tcase_add_checked_fixture(c, stored_start, stored_stop);
	tcase_add_test(c, a_turn_adds_what_was_said_in_it);
	tcase_add_test(c, a_turn_that_was_read_from_the_file_is_continued);
	tcase_add_test(c, branches_share_what_was_said_before);
	tcase_add_test(c, a_history_that_was_rewritten_is_kept_as_it_is);
	tcase_add_loop_test(
		c, any_state_is_read_as_it_was_written, 0, sizeof(states) / sizeof(states[0]));
	tcase_add_test(c, a_list_in_memory_that_grows_is_as_long_as_it_was_for_each_snapshot);
	tcase_add_test(c, what_is_in_memory_is_given_as_it_was_saved);
	tcase_add_test(c, memory_is_bounded);
	tcase_add_test(c, what_is_known_of_sessions_is_bounded);
	tcase_add_test(c, what_was_deleted_is_not_continued);
	tcase_add_loop_test(c, what_an_ended_process_left_pending_is_failed, 0, 2);
	tcase_add_test(c, what_a_living_process_runs_stays_pending);
	tcase_add_test(c, that_another_process_aborted_a_run_is_heard_with_its_next_heartbeat);
	tcase_add_loop_test(
		c, nobody_reaches_the_sessions_of_another_owner, 0, (int)(TRIES * OTHERS));
	tcase_add_test(c, threads_are_saved_one_by_one);
	tcase_add_test(c, a_thread_that_another_process_wrote_to_is_written_whole);
	tcase_add_test(c, sessions_are_listed_shown_and_deleted);
	tcase_add_test(c, a_token_that_no_list_has_given_is_refused);
	suite_add_tcase(s, c);
	return s;
}

UNIT_MAIN(suite)
