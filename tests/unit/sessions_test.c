/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Sessions in SQLite: what survives, what a turn costs, who sees what. The contract itself is replayed from vectors. */
#include "traces.h"

#include "base/clock.h"
#include "base/limits.h"
#include "base/process.h"
#include "json/edit.h"
#include "store/sessions_internal.h"

#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

static gk_session_store *store;
static gk_session_realm realm;
static gk_error err;

static void open_sessions(const gk_sessions_opts *opts)
{
	gk_sessions_opts own = opts ? *opts : (gk_sessions_opts){ .size = sizeof(own) };

	ck_assert_int_eq(gk_sessions_open(traces_loop, traces_store, &own, &store, NULL), GK_OK);
}

static void set_up(void)
{
	realm = (gk_session_realm){ .store = "agent", .owner = "" };
	traces_start(NULL);
	open_sessions(NULL);
}

static void tear_down(void)
{
	gk_session_store_free(gk_steal(store));
	traces_stop();
	gk_error_clear(&err);
}

/* Another process, as far as the file knows. */
static void reopen_with(const gk_sessions_opts *opts)
{
	gk_session_store_free(gk_steal(store));
	traces_reopen(NULL);
	open_sessions(opts);
}

static void reopen(void)
{
	reopen_with(NULL);
}

/* --- what suspends --- */

typedef struct call {
	const gk_snapshot_change *change;
	const gk_chat_change *chat_change;
	const gk_session_query *query;
	const char *id;
	gk_snapshot_saved saved;
	json_t *ret;
	uint64_t count;
	gk_code rc;
} call;

static void do_save(void *user)
{
	call *c = user;

	c->rc = gk_snapshot_save(NULL, store, &realm, c->change, &c->saved, &err);
}

static void do_get(void *user)
{
	call *c = user;

	c->rc = gk_snapshot_get(NULL, store, &realm, c->id, &c->ret, &err);
}

static void do_latest(void *user)
{
	call *c = user;

	c->rc = gk_snapshot_latest(NULL, store, &realm, c->id, &c->ret, &err);
}

static void do_chat_save(void *user)
{
	call *c = user;

	c->rc = gk_chat_save(NULL, store, &realm, c->chat_change, &err);
}

static void do_chat_load(void *user)
{
	call *c = user;

	c->rc = gk_chat_load(NULL, store, &realm, c->id, &c->ret, &err);
}

static void do_list(void *user)
{
	call *c = user;

	c->rc = gk_sessions_list(store, c->query, &c->ret, &err);
}

static void do_show(void *user)
{
	call *c = user;

	c->rc = gk_sessions_show(store, c->query, &c->ret, &err);
}

static void do_delete(void *user)
{
	call *c = user;

	c->rc = gk_sessions_delete(store, c->query, &c->count, &err);
}

/* Fails the test when it fails; the result is a new reference. */
static json_t *must(gk_fiber_fn *fn, call c)
{
	traces_in_fiber(fn, &c);
	ck_assert_msg(c.rc == GK_OK, "%s", err.message);
	return c.ret;
}

/* True when something was written. */
static bool change(gk_snapshot_action action, const char *id, json_t *document)
{
	call c = { .change = GK_OPTS(
			   gk_snapshot_change, .action = action, .id = id, .document = document) };
	bool was_written;

	traces_in_fiber(do_save, &c);
	ck_assert_msg(c.rc == GK_OK, "%s", err.message);
	was_written = c.saved.id != NULL;
	gk_snapshot_saved_clear(&c.saved);
	return was_written;
}

static bool save(const char *id, const char *text)
{
	gk_auto_json json_t *document = json(text);

	return change(GK_SNAPSHOT_PUT, id, document);
}

static json_t *get(const char *id)
{
	return must(do_get, (call){ .id = id });
}

static void assert_member(const char *id, const char *path, const char *value)
{
	gk_auto_json json_t *found = get(id);

	ck_assert_pstr_eq(gk_json_str_peek(found, path), value);
}

static void assert_latest(const char *session, const char *id)
{
	gk_auto_json json_t *found = must(do_latest, (call){ .id = session });

	ck_assert_pstr_eq(gk_json_str_peek(found, "snapshotId"), id);
}

/* --- the file, looked at by itself --- */

static int64_t number(const char *sql)
{
	gk_db db;
	int64_t ret = -1;

	ck_assert_int_eq(gk_db_open(&db, traces_path, true, NULL), GK_OK);
	ck_assert_int_eq(gk_db_number(&db, sql, &ret, NULL), GK_OK);
	gk_db_close(&db);
	return ret;
}

static int64_t bytes_of_parts(void)
{
	return number("SELECT ifnull(sum(length(doc)), 0) FROM session_parts");
}

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
		ck_assert(change(GK_SNAPSHOT_FINISH, id, document));
	}
}

START_TEST(a_turn_adds_what_was_said_in_it)
{
	json_t *state = json("{'sessionId': 'S', 'messages': [], 'artifacts': []}");
	gk_auto_json json_t *found = NULL;
	int64_t before, after;

	take_turns(0, 10, &state);
	before = bytes_of_parts();
	take_turns(10, 11, &state);
	after = bytes_of_parts() - before;
	take_turns(11, 100, &state);
	before = bytes_of_parts();
	take_turns(100, 101, &state);
	ck_assert_int_le(bytes_of_parts() - before, after + 8);
	ck_assert_int_eq(number("SELECT count(*) FROM session_parts"), 102); /* the rest once */
	reopen();
	found = get("t100");
	ck_assert(json_equal(json_object_get(found, "state"), state));
	json_decref(state);
}
END_TEST

START_TEST(a_turn_that_was_read_from_the_file_is_continued)
{
	gk_auto_json json_t *found = NULL;
	gk_auto_json json_t *again = NULL;
	json_t *state = json("{'sessionId': 'S', 'messages': []}");

	take_turns(0, 3, &state);
	json_decref(state);
	reopen();
	found = get("t2");
	state = json_incref(json_object_get(found, "state"));
	take_turns(3, 4, &state);
	ck_assert_int_eq(number("SELECT count(*) FROM session_parts"), 5);
	reopen();
	again = get("t3");
	ck_assert(json_equal(json_object_get(again, "state"), state));
	json_decref(state);
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
	ck_assert(change(GK_SNAPSHOT_FINISH, "a", a));
	found = get("t4");
	json_decref(right);
	right = json_incref(json_object_get(found, "state"));
	b = turn(&right, "t4", 200);
	ck_assert(change(GK_SNAPSHOT_FINISH, "b", b));
	ck_assert_int_eq(number("SELECT count(*) FROM session_parts"), 8);
	reopen();
	json_decref(found);
	found = get("a");
	ck_assert(json_equal(json_object_get(found, "state"), left));
	assert_latest("S", "b");
	json_decref(state);
	json_decref(left);
	json_decref(right);
}
END_TEST

START_TEST(a_history_that_was_rewritten_is_kept_as_it_is)
{
	json_t *state = json("{'messages': []}");
	gk_auto_json json_t *document = NULL;
	gk_auto_json json_t *found = NULL;

	take_turns(0, 3, &state);
	json_decref(state);
	state = json("{'messages': [{'role': 'user', 'content': []}], 'custom': {'a': 1}}");
	document = turn(&state, "t2", 3);
	ck_assert(change(GK_SNAPSHOT_FINISH, "t3", document));
	reopen();
	found = get("t3");
	ck_assert(json_equal(json_object_get(found, "state"), state));
	json_decref(state);
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

	ck_assert(save("a", states[_i]));
	reopen();
	found = get("a");
	json_object_foreach (document, name, value)
		ck_assert_msg(json_equal(json_object_get(found, name), value), "%s", name);
	ck_assert_uint_eq(json_object_size(found), json_object_size(document) + 2);
}
END_TEST

/* --- memory and the file --- */

START_TEST(what_is_in_memory_is_given_as_it_was_saved)
{
	gk_auto_json json_t *document = json("{'sessionId': 'S', 'state': {'messages': [1]}}");
	gk_auto_json json_t *found = NULL;
	gk_auto_json json_t *last = NULL;

	ck_assert(change(GK_SNAPSHOT_PUT, "a", document));
	found = get("a");
	last = must(do_latest, (call){ .id = "S" });
	ck_assert_ptr_eq(json_object_get(found, "state"), json_object_get(document, "state"));
	ck_assert_ptr_eq(found, last);
	ck_assert(change(GK_SNAPSHOT_ABORT, "a", NULL));
	assert_member("a", "status", "aborted");
}
END_TEST

START_TEST(memory_is_bounded)
{
	gk_session_cache *cache = &((gk_sessions *)store)->cache;
	json_t *state = json("{'messages': []}");

	cache->max_bytes = 3000;
	take_turns(0, 40, &state);
	ck_assert(save("x", "{'sessionId': 'T', 'state': {'messages': [1]}}"));
	ck_assert(save("y", "{'sessionId': 'U', 'state': {'messages': [1]}}"));
	ck_assert_uint_le(cache->bytes, 3000);
	assert_latest("S", "t39");
	json_decref(state);
}
END_TEST

START_TEST(what_is_known_of_sessions_is_bounded)
{
	gk_session_cache *cache = &((gk_sessions *)store)->cache;
	char session[16];

	for (unsigned i = 0; i <= GK_SESSION_CACHE_HINTS; i++) {
		snprintf(session, sizeof(session), "%u", i);
		gk_session_cache_set_last(cache, &realm, session, "x");
	}
	ck_assert_uint_eq(gk_table_count(cache->sessions), GK_SESSION_CACHE_HINTS);
	ck_assert_ptr_null(gk_session_cache_last(cache, &realm, "0"));
	ck_assert_pstr_eq(gk_session_cache_last(cache, &realm, session), "x");
}
END_TEST

START_TEST(what_was_deleted_is_not_continued)
{
	json_t *state = json("{'messages': []}");
	gk_auto_json json_t *document = NULL;
	gk_auto_json json_t *found = NULL;
	gk_session_cache *cache = &((gk_sessions *)store)->cache;
	gk_session_entry *entry;

	take_turns(0, 3, &state);
	entry = gk_session_cache_get(cache, 's', &realm, "t2");
	ck_assert_ptr_nonnull(entry);
	/* as another process would: this one does not hear of it */
	entry->parts.session += 1000;
	document = turn(&state, "t2", 3);
	ck_assert(change(GK_SNAPSHOT_FINISH, "t3", document));
	reopen();
	found = get("t3");
	ck_assert(json_equal(json_object_get(found, "state"), state));
	json_decref(state);
}
END_TEST

/* --- processes that end --- */

START_TEST(what_an_ended_process_left_pending_is_failed)
{
	const gk_sessions_opts later = { .size = sizeof(later), .waits_later = true };

	save("a", "{'sessionId': 'S', 'status': 'completed'}");
	save("b", "{'sessionId': 'S', 'parentId': 'a', 'status': 'pending',"
		  " 'heartbeatAt': '2026-01-01T00:00:00.000Z', 'state': {'custom': 1}}");
	reopen_with(_i ? &later : NULL);
	if (_i)
		gk_sessions_wait(store);
	ck_assert(gk_sessions_of(store)->has_worked);
	assert_member("b", "status", "failed");
	assert_member("b", "finishReason", "failed");
	assert_member(
		"b", "error.message", "The process that ran this turn ended before the turn did.");
	assert_member("b", "heartbeatAt", NULL);
	assert_member("a", "status", "completed");
}
END_TEST

START_TEST(what_a_living_process_runs_stays_pending)
{
	char runner[GK_SESSION_RUNNER_SIZE], sql[256];
	gk_db db;

	save("b", "{'status': 'pending'}");
	gk_session_store_free(gk_steal(store));
	gk_session_name_runner(runner);
	/* the parent of this one lives */
	snprintf(sql, sizeof(sql), "UPDATE snapshots SET runner = '%d.%llu.x'", (int)getppid(),
		(unsigned long long)gk_process_start((uint64_t)getppid()));
	ck_assert_int_eq(gk_db_open(&db, traces_path, false, NULL), GK_OK);
	ck_assert_int_eq(gk_db_exec(&db, sql, NULL), GK_OK);
	gk_db_close(&db);
	open_sessions(NULL);
	assert_member("b", "status", "pending");
}
END_TEST

/* --- owners --- */

/* Each tries to find or to change what alice has, as somebody else. */

static void cannot_get(void)
{
	gk_auto_json json_t *found = get("p");

	ck_assert_ptr_null(found);
}

static void cannot_find_the_latest(void)
{
	assert_latest("S", NULL);
}

static void cannot_abort(void)
{
	ck_assert(!change(GK_SNAPSHOT_ABORT, "p", NULL));
}

static void cannot_beat(void)
{
	ck_assert(!change(GK_SNAPSHOT_HEARTBEAT, "p", NULL));
}

static void cannot_finish(void)
{
	ck_assert(
		save("p", "{'sessionId': 'S', 'status': 'completed', 'state': {'custom': 'bob'}}"));
}

static void cannot_replace_what_it_does_not_see(void)
{
	gk_auto_json json_t *document = json("{'status': 'failed'}");
	call c = { .change = GK_OPTS(gk_snapshot_change, .action = GK_SNAPSHOT_REPLACE, .id = "p",
			   .document = document) };

	traces_in_fiber(do_save, &c);
	ck_assert_int_eq(c.rc, GK_OK);
	ck_assert(!c.saved.existed);
	gk_snapshot_saved_clear(&c.saved);
}

static void cannot_become_a_parent_of_it(void)
{
	ck_assert(save("child", "{'sessionId': 'S', 'parentId': 'p', 'status': 'completed'}"));
}

static void cannot_load_the_chat(void)
{
	gk_auto_json json_t *found = must(do_chat_load, (call){ .id = "C" });

	ck_assert_ptr_null(found);
}

static void cannot_write_to_the_chat(void)
{
	gk_auto_json json_t *messages = json("[{'role': 'user', 'content': 'bob'}]");

	must(do_chat_save,
		(call){ .chat_change = GK_OPTS(gk_chat_change, .session_id = "C", .thread = "main",
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
	gk_snapshot_watcher watcher = { .realm = realm, .id = "p", .changed = hear };
	gk_db other;

	save("p", "{'status': 'pending'}");
	heard = 0;
	ck_assert_int_eq(gk_snapshot_watch(store, &watcher, &err), GK_OK);
	ck_assert_int_eq(gk_db_open(&other, traces_path, false, NULL), GK_OK);
	ck_assert_int_eq(
		gk_db_exec(&other, "UPDATE snapshots SET status = 'aborted', runner = NULL", NULL),
		GK_OK);
	gk_db_close(&other);
	ck_assert(!change(GK_SNAPSHOT_HEARTBEAT, "p", NULL));
	ck_assert_uint_eq(heard, 1);
	gk_snapshot_unwatch(store, &watcher);
}
END_TEST

START_TEST(nobody_reaches_the_sessions_of_another_owner)
{
	gk_auto_json json_t *chat = NULL;
	gk_auto_json json_t *messages = json("[{'role': 'user', 'content': 'alice'}]");
	gk_snapshot_watcher watcher = {
		.realm = others[_i / (int)TRIES], .id = "p", .changed = hear
	};

	realm.owner = "alice";
	save("p", "{'sessionId': 'S', 'status': 'pending', 'state': {'custom': 'alice'},"
		  " 'heartbeatAt': '2026-01-01T00:00:00.000Z'}");
	must(do_chat_save, (call){ .chat_change = GK_OPTS(gk_chat_change, .session_id = "C",
					   .thread = "main", .messages = messages) });
	realm = others[_i / (int)TRIES];
	tries[_i % (int)TRIES]();
	heard = 0;
	ck_assert_int_eq(gk_snapshot_watch(store, &watcher, &err), GK_OK);
	realm = (gk_session_realm){ .store = "agent", .owner = "alice" };
	assert_member("p", "status", "pending");
	assert_member("p", "state.custom", "alice");
	assert_member("p", "heartbeatAt", "2026-01-01T00:00:00.000Z");
	assert_latest("S", "p");
	chat = must(do_chat_load, (call){ .id = "C" });
	assert_json(chat, "{'id':'C','threads':{'main':[{'role':'user','content':'alice'}]}}");
	ck_assert(change(GK_SNAPSHOT_ABORT, "p", NULL));
	ck_assert_uint_eq(heard, 0);
	gk_snapshot_unwatch(store, &watcher);
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

	must(do_chat_save, (call){ .chat_change = GK_OPTS(gk_chat_change, .session_id = "C",
					   .thread = "b", .messages = one, .state = state) });
	must(do_chat_save, (call){ .chat_change = GK_OPTS(gk_chat_change, .session_id = "C",
					   .thread = "a", .messages = two) });
	must(do_chat_save, (call){ .chat_change = GK_OPTS(gk_chat_change, .session_id = "C",
					   .thread = "b", .messages = three) });
	reopen();
	found = must(do_chat_load, (call){ .id = "C" });
	assert_json(found, "{'id':'C','state':{'a':1},'threads':{"
			   "'b':[{'role':'user'},{'role':'model'}],"
			   "'a':[{'role':'system','metadata':{'preamble':true}},"
			   "{'role':'user'},{'role':'model'}]}}");
	ck_assert_int_eq(number("SELECT count(*) FROM session_parts"), 4);
}
END_TEST

START_TEST(a_thread_that_another_process_wrote_to_is_written_whole)
{
	gk_auto_json json_t *one = json("[{'n': 1}]");
	gk_auto_json json_t *two = json("[{'n': 1}, {'n': 2}]");
	gk_auto_json json_t *found = NULL;
	gk_db db;

	must(do_chat_save, (call){ .chat_change = GK_OPTS(gk_chat_change, .session_id = "C",
					   .thread = "b", .messages = one) });
	ck_assert_int_eq(gk_db_open(&db, traces_path, false, NULL), GK_OK);
	ck_assert_int_eq(
		gk_db_exec(&db, "UPDATE chat_threads SET tail = 0, messages = 0", NULL), GK_OK);
	gk_db_close(&db);
	must(do_chat_save, (call){ .chat_change = GK_OPTS(gk_chat_change, .session_id = "C",
					   .thread = "b", .messages = two) });
	found = must(do_chat_load, (call){ .id = "C" });
	assert_json(found, "{'id':'C','threads':{'b':[{'n':1},{'n':2}]}}");
}
END_TEST

/* --- operators --- */

START_TEST(sessions_are_listed_shown_and_deleted)
{
	gk_auto_json json_t *all = NULL;
	gk_auto_json json_t *shown = NULL;
	gk_auto_json json_t *messages = json("[{'role': 'user'}]");
	call c = { .query = GK_OPTS(gk_session_query, .owner = "alice") };

	save("a", "{'sessionId': 'S', 'status': 'completed', 'state': {'custom': 1}}");
	save("b",
		"{'sessionId': 'S', 'parentId': 'a', 'status': 'failed', 'state': {'custom': 2}}");
	save("x", "{'state': {'custom': 1}}");
	realm.owner = "alice";
	save("c", "{'sessionId': 'T', 'status': 'pending'}");
	must(do_chat_save, (call){ .chat_change = GK_OPTS(gk_chat_change, .session_id = "C",
					   .thread = "main", .messages = messages) });
	all = must(do_list, (call){ .query = GK_OPTS(gk_session_query, .limit = 2) });
	ck_assert_uint_eq(json_array_size(json_object_get(all, "sessions")), 2);
	ck_assert_str_eq(gk_json_str_peek(all, "continuationToken"), "2");
	ck_assert_str_eq(gk_json_str_peek(all, "sessions[0].kind"), "chat");
	ck_assert_int_eq(gk_json_int_at(all, "sessions[0].threads", 0), 1);
	shown = must(do_show, (call){ .query = GK_OPTS(gk_session_query, .session_id = "S",
					      .with_state = true) });
	ck_assert_str_eq(gk_json_str_peek(shown, "sessions[0].snapshots[1].status"), "failed");
	ck_assert_int_eq(gk_json_int_at(shown, "sessions[0].snapshots[1].state.custom", 0), 2);
	ck_assert_ptr_null(gk_json_at_peek(shown, "sessions[0].snapshots[0].state"));
	traces_in_fiber(do_delete, &c);
	ck_assert_int_eq(c.rc, GK_OK);
	ck_assert_uint_eq(c.count, 2);
	assert_latest("T", NULL);
	ck_assert_int_eq(number("SELECT count(*) FROM session_realms"), 1);
	realm.owner = "";
	assert_latest("S", "b");
	c = (call){ .query = GK_OPTS(gk_session_query, .session_id = "nope") };
	traces_in_fiber(do_show, &c);
	ck_assert_int_eq(c.rc, GK_NOT_FOUND);
}
END_TEST

START_TEST(a_token_that_no_list_has_given_is_refused)
{
	static const char *const tokens[] = { "x", "-1", "9223372036854775808",
		"18446744073709551615" };

	for (size_t i = 0; i < sizeof(tokens) / sizeof(tokens[0]); i++) {
		call c = { .query = GK_OPTS(gk_session_query, .token = tokens[i]) };

		traces_in_fiber(do_list, &c);
		ck_assert_int_eq(c.rc, GK_INVALID_ARGUMENT);
		gk_error_clear(&err);
	}
}
END_TEST

/* --- retention --- */

static bool is_swept(void *user)
{
	return number("SELECT count(*) FROM sessions") <= *(int64_t *)user;
}

static void expect_left(const gk_sessions_opts *opts, int64_t left)
{
	gk_sessions_configure(store, opts);
	traces_until(is_swept, &left);
	ck_assert_int_eq(number("SELECT count(*) FROM sessions"), left);
	ck_assert_int_eq(number("SELECT value FROM meta WHERE key = 'session_bytes'"),
		left ? bytes_of_parts() : 0);
}

static void fill(unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		char id[16];
		gk_auto_json json_t *document = NULL;

		snprintf(id, sizeof(id), "s%u", i);
		document = json_pack("{s:s, s:{s:s}}", "sessionId", id, "state", "custom",
			"abcdefghijklmnopqrstuvwxyz");
		ck_assert(change(GK_SNAPSHOT_PUT, id, document));
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
	assert_latest("s1", NULL);
	assert_latest("s2", "s2");
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
	ck_assert_int_lt(number("SELECT touched_ms FROM sessions"), now_ms);
	ck_assert_int_eq(
		gk_db_exec(&db, "UPDATE sessions SET touched_ms = touched_ms - 30000", NULL),
		GK_OK);
	gk_db_close(&db);
	fill(1);
	ck_assert_int_ge(number("SELECT touched_ms FROM sessions"), now_ms);
}
END_TEST

START_TEST(of_too_many_sessions_those_used_longest_ago_go)
{
	fill(130);
	expect_left(GK_OPTS(gk_sessions_opts, .max_count = 2, .sweep_ms = 1), 2);
	assert_latest("s129", "s129");
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
	gk_sessions_configure(store, GK_OPTS(gk_sessions_opts, .max_count = 1, .sweep_ms = 1));
	usleep((GK_STORE_SWEEP_LATE_MS + 100) * 1000);
	ck_assert_int_eq(gk_db_exec(&other, "COMMIT", NULL), GK_OK);
	gk_db_close(&other);
	while (number("SELECT count(*) FROM sessions") > 1)
		ck_assert_uint_gt(gk_trace_store_count(traces_store).queue_spans, 0);
}
END_TEST

START_TEST(a_session_that_is_being_worked_at_stays)
{
	save("p", "{'sessionId': 'S', 'status': 'pending'}");
	fill(3);
	expect_left(GK_OPTS(gk_sessions_opts, .max_count = 1, .sweep_ms = 1), 1);
	assert_latest("S", "p");
}
END_TEST

START_TEST(pruning_ends_where_snapshots_are_each_others_parents)
{
	realm.max_chain = GK_MAX_CHAIN;
	save("a", "{'sessionId': 'S', 'parentId': 'b'}");
	save("b", "{'sessionId': 'S', 'parentId': 'a'}");
	ck_assert_int_eq(number("SELECT count(*) FROM snapshots"), 2);
}
END_TEST

/* --- failure --- */

START_TEST(a_state_that_is_too_large_is_refused)
{
	size_t len = GK_MAX_SNAPSHOT + 1;
	char *text = malloc(len);
	gk_auto_json json_t *document = NULL;
	call c = { .change = NULL };

	ck_assert_ptr_nonnull(text);
	memset(text, 'a', len);
	document = json_pack("{s:{s:s#}}", "state", "custom", text, (int)len);
	free(text);
	c.change = GK_OPTS(gk_snapshot_change, .document = document);
	traces_in_fiber(do_save, &c);
	ck_assert_int_eq(c.rc, GK_RESOURCE_EXHAUSTED);
}
END_TEST

START_TEST(a_closed_store_says_so)
{
	call c = { .id = "a" };

	gk_sessions_close(store);
	traces_in_fiber(do_get, &c);
	ck_assert_int_eq(c.rc, GK_UNAVAILABLE);
	c.change = GK_OPTS(gk_snapshot_change, .action = GK_SNAPSHOT_ABORT, .id = "a");
	traces_in_fiber(do_save, &c);
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
	call c = { .change = GK_OPTS(gk_snapshot_change, .id = "b", .document = document) };

	save("a", "{'sessionId': 'S'}");
	break_disk(true);
	traces_in_fiber(do_save, &c);
	ck_assert_int_eq(c.rc, GK_UNAVAILABLE);
	ck_assert_ptr_null(c.saved.id);
	break_disk(false);
	assert_latest("S", "a");
	ck_assert(change(GK_SNAPSHOT_PUT, "b", document));
	assert_latest("S", "b");
}
END_TEST

/* --- a disk that does not answer --- */

static void save_and_say(void *user)
{
	call *c = user;

	do_save(c);
	c->count = 1;
}

static bool is_there(void *user)
{
	gk_auto_json json_t *found = get(user);

	return found != NULL;
}

START_TEST(a_disk_that_does_not_answer_holds_up_nobody)
{
	gk_auto_json json_t *document = json("{'sessionId': 'S'}");
	call c = { .change = GK_OPTS(gk_snapshot_change, .id = "a", .document = document) };
	gk_sessions *sessions = (gk_sessions *)store;
	gk_db other;

	ck_assert_int_eq(gk_db_open(&other, traces_path, false, NULL), GK_OK);
	ck_assert_int_eq(gk_db_exec(&other, "BEGIN IMMEDIATE", NULL), GK_OK);
	ck_assert_int_eq(
		gk_fiber_start(traces_loop, "test", NULL, save_and_say, &c, NULL, NULL), GK_OK);
	LIST_FIRST(&sessions->waiting)->since_ms -= GK_STORE_WAIT_MS;
	while (!c.count)
		gk_loop_turn(traces_loop, 100);
	ck_assert_int_eq(c.rc, GK_UNAVAILABLE);
	ck_assert_str_eq(err.message, "the disk does not answer");
	ck_assert_int_eq(gk_db_exec(&other, "COMMIT", NULL), GK_OK);
	gk_db_close(&other);
	traces_until(is_there, "a"); /* it was done after all */
}
END_TEST

START_TEST(the_start_does_not_wait_for_long_for_a_disk_that_does_not_answer)
{
	uint64_t began_ms = gk_clock_mono_ms();
	gk_db other;

	gk_session_store_free(gk_steal(store));
	ck_assert_int_eq(gk_db_open(&other, traces_path, false, NULL), GK_OK);
	ck_assert_int_eq(gk_db_exec(&other, "BEGIN IMMEDIATE", NULL), GK_OK);
	gk_sessions_start_ms = 50;
	open_sessions(NULL);
	ck_assert_uint_ge(gk_clock_mono_ms() - began_ms, 50);
	ck_assert(!((gk_sessions *)store)->has_worked);
	ck_assert_int_eq(gk_db_exec(&other, "COMMIT", NULL), GK_OK);
	gk_db_close(&other);
	save("a", "{'sessionId': 'S'}"); /* it works all the same */
	assert_latest("S", "a");
}
END_TEST

/* --- memory --- */

static json_t *kept_document, *kept_messages;

/* All that a fiber does here may fail for want of memory, and is told so. */
static void do_all(void *user)
{
	call *c = user;
	const gk_session_query query = { .size = sizeof(query), .session_id = "S" };
	json_t *found = NULL;

	c->rc = gk_snapshot_save(NULL, store, &realm,
		GK_OPTS(gk_snapshot_change, .document = kept_document), &c->saved, NULL);
	if (c->rc == GK_OK)
		c->rc = gk_snapshot_latest(NULL, store, &realm, "S", &c->ret, NULL);
	gk_session_cache_clear(&((gk_sessions *)store)->cache);
	if (c->rc == GK_OK)
		c->rc = gk_snapshot_get(NULL, store, &realm, c->saved.id, &found, NULL);
	if (c->rc == GK_OK && !json_equal(found, c->ret))
		abort();
	json_decref(gk_steal(found));
	if (c->rc == GK_OK)
		c->rc = gk_chat_save(NULL, store, &realm,
			GK_OPTS(gk_chat_change, .session_id = "C", .thread = "main",
				.messages = kept_messages, .state = kept_messages),
			NULL);
	if (c->rc == GK_OK)
		c->rc = gk_chat_load(NULL, store, &realm, "C", &found, NULL);
	json_decref(gk_steal(found));
	if (c->rc == GK_OK)
		c->rc = gk_sessions_show(store, &query, &found, NULL);
	json_decref(found);
	c->count = 1;
}

static bool do_all_with_what_there_is(void)
{
	call c = { .rc = GK_RESOURCE_EXHAUSTED };

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
	Suite *s = suite_create("sessions");
	TCase *c = tcase_create("sqlite");

	tcase_set_timeout(c, 30);
	tcase_add_checked_fixture(c, set_up, tear_down);
	tcase_add_test(c, a_turn_adds_what_was_said_in_it);
	tcase_add_test(c, a_turn_that_was_read_from_the_file_is_continued);
	tcase_add_test(c, branches_share_what_was_said_before);
	tcase_add_test(c, a_history_that_was_rewritten_is_kept_as_it_is);
	tcase_add_loop_test(
		c, any_state_is_read_as_it_was_written, 0, sizeof(states) / sizeof(states[0]));
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
	tcase_add_test(c, memory_may_run_out);
	suite_add_tcase(s, c);
	return s;
}

UNIT_MAIN(suite)
