/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "core.h"

#include "base/clock.h"
#include "base/id.h"
#include "base/limits.h"
#include "core/session_memory.h"
#include "core/snapshot.h"

static gk_error err;
static gk_session_store *store;
static gk_session_realm realm;

static void set_up(void)
{
	store = gk_session_store_new_memory();
	realm = (gk_session_realm){ .store = "agent", .owner = "" };
	ck_assert_ptr_nonnull(store);
}

static void tear_down(void)
{
	gk_session_store_free(store);
	gk_error_clear(&err);
}

/* The id under which it was saved; NULL: the condition did not hold. Static until the next call. */
static const char *save(gk_snapshot_action action, const char *id, const char *text)
{
	static char saved_id[GK_MAX_SESSION_NAME + 1];
	gk_auto_json json_t *document = text ? json(text) : NULL;
	gk_auto_saved gk_snapshot_saved saved = { .id = NULL };
	gk_code rc = gk_snapshot_save(NULL, store, &realm,
		GK_OPTS(gk_snapshot_change, .action = action, .id = id, .document = document),
		&saved, &err);

	ck_assert_msg(rc == GK_OK, "%s", err.message);
	return saved.id ? strcpy(saved_id, saved.id) : NULL;
}

static json_t *get(const char *id)
{
	json_t *ret = NULL;

	ck_assert_int_eq(gk_snapshot_get(NULL, store, &realm, id, &ret, &err), GK_OK);
	return ret;
}

static void assert_latest(const char *session, const char *id)
{
	gk_auto_json json_t *found = NULL;

	ck_assert_int_eq(gk_snapshot_latest(NULL, store, &realm, session, &found, &err), GK_OK);
	ck_assert_pstr_eq(gk_json_str_peek(found, "snapshotId"), id);
}

START_TEST(a_snapshot_shares_the_messages_it_was_saved_with)
{
	gk_auto_json json_t *document = json("{'state': {'messages': [{'role': 'user'}]}}");
	gk_auto_saved gk_snapshot_saved saved = { .id = NULL };
	gk_auto_json json_t *found = NULL;

	ck_assert_int_eq(
		gk_snapshot_save(NULL, store, &realm,
			GK_OPTS(gk_snapshot_change, .id = "a", .document = document), &saved, &err),
		GK_OK);
	found = get("a");
	ck_assert_ptr_eq(gk_json_at_peek(found, "state.messages"),
		gk_json_at_peek(document, "state.messages"));
	ck_assert_ptr_nonnull(gk_json_str_peek(found, "createdAt"));
}
END_TEST

START_TEST(a_snapshot_stays_as_long_as_it_was_when_its_list_grows)
{
	gk_auto_json json_t *document = json("{'state': {'messages': [{'role': 'user'}]}}");
	gk_auto_json json_t *list = json_incref(gk_json_at_peek(document, "state.messages"));
	gk_auto_saved gk_snapshot_saved saved = { .id = NULL };
	gk_auto_json json_t *found = NULL, *again = NULL;

	ck_assert_int_eq(
		gk_snapshot_save(NULL, store, &realm,
			GK_OPTS(gk_snapshot_change, .id = "a", .document = document), &saved, &err),
		GK_OK);
	ck_assert_uint_eq(store->type->holds(store, list), 1);
	json_array_append_new(list, json("{'role': 'model'}"));
	found = get("a");
	ck_assert_uint_eq(json_array_size(gk_json_at_peek(found, "state.messages")), 1);
	ck_assert_uint_eq(store->type->holds(store, list), 0);
	again = get("a");
	ck_assert_ptr_eq(
		gk_json_at_peek(found, "state.messages"), gk_json_at_peek(again, "state.messages"));
	ck_assert_uint_eq(store->type->holds(store, gk_json_at_peek(again, "state.messages")), 1);
}
END_TEST

static bool is_there(const char *id)
{
	gk_auto_json json_t *found = get(id);

	return found != NULL;
}

START_TEST(pruning_keeps_all_of_a_circle_and_what_came_later_goes_as_any_other)
{
	realm.max_chain = 2;
	save(GK_SNAPSHOT_PUT, "a", "{'sessionId': 'S', 'parentId': 'b'}");
	save(GK_SNAPSHOT_PUT, "b", "{'sessionId': 'S', 'parentId': 'a'}");
	save(GK_SNAPSHOT_PUT, "c", "{'sessionId': 'S', 'parentId': 'b'}");
	ck_assert(is_there("a") && is_there("b") && is_there("c"));
	save(GK_SNAPSHOT_PUT, "y", "{'sessionId': 'T', 'parentId': 'x'}");
	save(GK_SNAPSHOT_PUT, "x", "{'sessionId': 'T'}");
	save(GK_SNAPSHOT_PUT, "z", "{'sessionId': 'T', 'parentId': 'y'}");
	ck_assert(!is_there("x") && is_there("y") && is_there("z"));
}
END_TEST

START_TEST(a_row_that_is_written_again_stays_one_leaf)
{
	save(GK_SNAPSHOT_PUT, "a", "{'sessionId': 'S', 'status': 'pending'}");
	save(GK_SNAPSHOT_FINISH, "a", "{'sessionId': 'S', 'status': 'completed'}");
	save(GK_SNAPSHOT_PUT, "b", "{'sessionId': 'S', 'parentId': 'a', 'status': 'pending'}");
	save(GK_SNAPSHOT_FINISH, "b", "{'sessionId': 'S', 'parentId': 'a', 'status': 'failed'}");
	realm.rejects_branches = true;
	assert_latest("S", "b");
}
END_TEST

START_TEST(a_parent_that_comes_after_its_child_is_no_leaf)
{
	save(GK_SNAPSHOT_PUT, "b", "{'sessionId': 'S', 'parentId': 'a'}");
	save(GK_SNAPSHOT_PUT, "a", "{'sessionId': 'S'}");
	realm.rejects_branches = true;
	assert_latest("S", "b");
}
END_TEST

START_TEST(a_snapshot_that_names_itself_as_parent_is_a_leaf)
{
	save(GK_SNAPSHOT_PUT, "a", "{'sessionId': 'S', 'parentId': 'a'}");
	assert_latest("S", "a");
}
END_TEST

START_TEST(of_leaves_created_at_the_same_time_the_one_saved_last_is_the_latest)
{
	static const char *const when =
		"{'sessionId': 'S', 'createdAt': '2026-01-01T00:00:00.000Z'}";

	save(GK_SNAPSHOT_PUT, "b", when);
	save(GK_SNAPSHOT_PUT, "a", when);
	assert_latest("S", "a");
}
END_TEST

START_TEST(a_finished_row_keeps_when_it_was_created)
{
	gk_auto_json json_t *found = NULL;

	save(GK_SNAPSHOT_PUT, "a",
		"{'createdAt': '2026-01-01T00:00:00.000Z', 'status': 'pending'}");
	save(GK_SNAPSHOT_FINISH, "a",
		"{'createdAt': '2026-01-01T00:00:09.000Z', 'status': 'completed'}");
	found = get("a");
	ck_assert_str_eq(gk_json_str_peek(found, "createdAt"), "2026-01-01T00:00:00.000Z");
}
END_TEST

START_TEST(a_row_cannot_change_its_session)
{
	gk_auto_json json_t *document = json("{'sessionId': 'T'}");
	gk_auto_saved gk_snapshot_saved saved = { .id = NULL };

	save(GK_SNAPSHOT_PUT, "a", "{'sessionId': 'S'}");
	ck_assert_int_eq(
		gk_snapshot_save(NULL, store, &realm,
			GK_OPTS(gk_snapshot_change, .id = "a", .document = document), &saved, &err),
		GK_FAILED_PRECONDITION);
	assert_error(&err, GK_FAILED_PRECONDITION,
		"Snapshot 'a' belongs to session 'S' and cannot be rewritten by session 'T'.");
	assert_latest("S", "a");
}
END_TEST

static const struct {
	const char *document, *message;
} wrong[] = {
	{ "[]", "a snapshot must be an object" },
	{ "{'status': 'expired'}",
		"a snapshot's status is pending, completed, aborted or failed, not 'expired'" },
	{ "{'createdAt': 'yesterday'}",
		"a snapshot's 'createdAt' must be a time such as 2026-01-31T23:59:59.000Z" },
	{ "{'parentId': 1}", "a snapshot's 'parentId' must be a string" },
	{ "{'state': []}", "a snapshot's 'state' must be an object" },
};

START_TEST(a_document_that_is_no_snapshot_is_refused)
{
	gk_auto_json json_t *document = json(wrong[_i].document);
	gk_auto_saved gk_snapshot_saved saved = { .id = NULL };

	ck_assert_int_eq(gk_snapshot_save(NULL, store, &realm,
				 GK_OPTS(gk_snapshot_change, .document = document), &saved, &err),
		GK_INVALID_ARGUMENT);
	assert_error(&err, GK_INVALID_ARGUMENT, wrong[_i].message);
}
END_TEST

START_TEST(names_have_no_nul)
{
	gk_auto_json json_t *document = json_object();
	gk_auto_saved gk_snapshot_saved saved = { .id = NULL };

	json_object_set_new(document, "sessionId", json_stringn("a\0b", 3));
	ck_assert_int_eq(gk_snapshot_save(NULL, store, &realm,
				 GK_OPTS(gk_snapshot_change, .document = document), &saved, &err),
		GK_INVALID_ARGUMENT);
	assert_error(&err, GK_INVALID_ARGUMENT, "a snapshot's 'sessionId' has a NUL character");
}
END_TEST

START_TEST(names_have_a_longest_length)
{
	char name[GK_MAX_SESSION_NAME + 2];
	json_t *found = NULL;

	memset(name, 'a', sizeof(name) - 1);
	name[GK_MAX_SESSION_NAME] = '\0';
	ck_assert_int_eq(gk_snapshot_get(NULL, store, &realm, name, &found, &err), GK_OK);
	name[GK_MAX_SESSION_NAME] = 'a';
	name[GK_MAX_SESSION_NAME + 1] = '\0';
	ck_assert_int_eq(
		gk_snapshot_get(NULL, store, &realm, name, &found, &err), GK_INVALID_ARGUMENT);
	realm.owner = name;
	ck_assert_int_eq(
		gk_snapshot_get(NULL, store, &realm, "a", &found, &err), GK_INVALID_ARGUMENT);
}
END_TEST

START_TEST(the_oldest_snapshots_are_forgotten_when_there_are_too_many)
{
	gk_auto_json json_t *gone = NULL;

	((gk_memory_sessions *)store)->max_rows = 3;
	save(GK_SNAPSHOT_PUT, "a", "{'sessionId': 'S'}");
	save(GK_SNAPSHOT_PUT, "b", "{'sessionId': 'S', 'parentId': 'a'}");
	save(GK_SNAPSHOT_PUT, "c", "{'sessionId': 'S', 'parentId': 'b'}");
	save(GK_SNAPSHOT_PUT, "d", "{'sessionId': 'T'}");
	gone = get("a");
	ck_assert_ptr_null(gone);
	assert_latest("S", "c");
	save(GK_SNAPSHOT_PUT, "e", "{'sessionId': 'T'}");
	save(GK_SNAPSHOT_PUT, "f", "{'sessionId': 'T'}");
	assert_latest("S", NULL);
}
END_TEST

START_TEST(the_oldest_chats_are_forgotten_when_there_are_too_many)
{
	static const char *const ids[] = { "a", "b", "c" };
	gk_auto_json json_t *threads = json("[]"), *all = NULL;

	ck_assert_uint_eq(((gk_memory_sessions *)store)->max_rows, GK_MAX_MEMORY_SNAPSHOTS);
	((gk_memory_sessions *)store)->max_rows = 2;
	for (size_t i = 0; i < 3; i++)
		ck_assert_int_eq(gk_chat_save(NULL, store, &realm,
					 GK_OPTS(gk_chat_change, .session_id = ids[i],
						 .thread = "main", .messages = threads),
					 &err),
			GK_OK);
	ck_assert_int_eq(
		gk_sessions_list(store, GK_OPTS(gk_session_query, .limit = 0), &all, &err), GK_OK);
	ck_assert_uint_eq(json_array_size(json_object_get(all, "sessions")), 2);
	for (size_t i = 0; i < 2; i++)
		ck_assert_str_ne(
			gk_json_str_peek(
				json_array_get(json_object_get(all, "sessions"), i), "sessionId"),
			"a");
}
END_TEST

/* --- owners --- */

START_TEST(a_realm_finds_only_its_own)
{
	static const gk_session_realm others[] = {
		{ .store = "agent", .owner = "bob" },
		{ .store = "agent", .owner = "" },
		{ .store = "agen", .owner = "talice" },
		{ .store = "agenta", .owner = "lice" },
		{ .store = "other", .owner = "alice" },
	};
	gk_auto_json json_t *found = NULL;
	gk_auto_saved gk_snapshot_saved saved = { .id = NULL };

	realm = (gk_session_realm){ .store = "agent", .owner = "alice" };
	save(GK_SNAPSHOT_PUT, "a", "{'sessionId': 'S', 'status': 'pending'}");
	realm = others[_i];
	found = get("a");
	ck_assert_ptr_null(found);
	assert_latest("S", NULL);
	ck_assert_ptr_null(save(GK_SNAPSHOT_ABORT, "a", NULL));
	ck_assert_ptr_null(save(GK_SNAPSHOT_HEARTBEAT, "a", NULL));
	/* its own of the same name are others */
	save(GK_SNAPSHOT_PUT, "a", "{'sessionId': 'S', 'parentId': 'a'}");
	save(GK_SNAPSHOT_PUT, "b", "{'sessionId': 'S', 'parentId': 'a'}");
	assert_latest("S", "b");
	realm = (gk_session_realm){ .store = "agent", .owner = "alice" };
	assert_latest("S", "a");
	ck_assert_int_eq(
		gk_snapshot_save(NULL, store, &realm,
			GK_OPTS(gk_snapshot_change, .action = GK_SNAPSHOT_ABORT, .id = "a"), &saved,
			&err),
		GK_OK);
	ck_assert_str_eq(saved.previous, "pending");
}
END_TEST

/* --- watching --- */

typedef struct spy {
	gk_snapshot_watcher base;
	unsigned told;
	const char *status;
	struct spy *also; /* is taken off when this one hears something */
} spy;

static void hear(gk_snapshot_watcher *watcher, const char *status)
{
	spy *mine = (spy *)watcher;

	mine->told++;
	mine->status = status;
	if (mine->also)
		gk_snapshot_unwatch(store, &mine->also->base);
}

static void watch(spy *it, const char *id)
{
	*it = (spy){ .base = { .realm = realm, .id = id, .changed = hear } };
	ck_assert_int_eq(gk_snapshot_watch(store, &it->base, &err), GK_OK);
}

START_TEST(watchers_may_take_off_themselves_and_each_other)
{
	spy a, b, c;

	watch(&a, "x");
	watch(&b, "x");
	watch(&c, "y");
	a.also = &b;
	b.also = &a;
	save(GK_SNAPSHOT_PUT, "x", "{'status': 'pending'}");
	ck_assert_uint_eq(a.told + b.told, 1);
	a.also = &a;
	b.also = &b;
	save(GK_SNAPSHOT_ABORT, "x", NULL);
	ck_assert_uint_eq(a.told + b.told, 2);
	save(GK_SNAPSHOT_PUT, "x", "{'status': 'completed'}");
	ck_assert_uint_eq(a.told + b.told, 2);
	ck_assert_uint_eq(c.told, 0);
	gk_snapshot_unwatch(store, &c.base);
	gk_snapshot_unwatch(store, &c.base);
}
END_TEST

START_TEST(there_is_an_end_to_watchers)
{
	spy *all = calloc(GK_MAX_SNAPSHOT_WATCHERS + 1, sizeof(*all));
	spy *last = &all[GK_MAX_SNAPSHOT_WATCHERS];

	ck_assert_ptr_nonnull(all);
	for (size_t i = 0; i < GK_MAX_SNAPSHOT_WATCHERS; i++)
		watch(&all[i], "x");
	*last = (spy){ .base = { .realm = realm, .id = "x", .changed = hear } };
	ck_assert_int_eq(gk_snapshot_watch(store, &last->base, &err), GK_RESOURCE_EXHAUSTED);
	for (size_t i = 0; i < GK_MAX_SNAPSHOT_WATCHERS; i++)
		gk_snapshot_unwatch(store, &all[i].base);
	free(all);
}
END_TEST

/* --- changes by a function --- */

/* Another one writes between reading and writing, so often. */
static gk_code count_up(json_t *current, json_t **ret, void *user, gk_error *error)
{
	unsigned *others = user;

	if (*others && (*others)--)
		save(GK_SNAPSHOT_PUT, "n", "{'status': 'pending'}");
	*ret = json_pack("{s:s, s:{s:I}}", "status", "completed", "state", "custom",
		gk_json_int_at(current, "state.custom", 0) + 1);
	return *ret ? GK_OK : gk_error_no_memory(error);
}

START_TEST(a_change_that_another_one_came_between_is_made_again)
{
	unsigned others = 3;
	gk_auto_saved gk_snapshot_saved saved = { .id = NULL };
	gk_auto_json json_t *found = NULL;

	save(GK_SNAPSHOT_PUT, "n", "{'state': {'custom': 41}}");
	ck_assert_int_eq(
		gk_snapshot_update(NULL, store, &realm, "n", count_up, &others, &saved, &err),
		GK_OK);
	found = get("n");
	ck_assert_int_eq(gk_json_int_at(found, "state.custom", 0), 1);
}
END_TEST

/* Every time it is asked somebody else writes first. */
static gk_code lose(json_t *current, json_t **ret, void *user, gk_error *error)
{
	unsigned *tries = user;
	gk_auto_json json_t *other = json_pack("{s:{s:i}}", "state", "custom", (int)++*tries);
	gk_auto_saved gk_snapshot_saved saved = { .id = NULL };

	(void)current;
	*ret = json_object();
	return gk_snapshot_save(NULL, store, &realm,
		GK_OPTS(gk_snapshot_change, .id = "n", .document = other), &saved, error);
}

START_TEST(a_change_that_others_always_come_between_is_given_up)
{
	unsigned tries = 0;
	gk_auto_saved gk_snapshot_saved saved = { .id = NULL };

	ck_assert_int_eq(gk_snapshot_update(NULL, store, &realm, "n", lose, &tries, &saved, &err),
		GK_ABORTED);
	ck_assert_uint_eq(tries, GK_MAX_SNAPSHOT_TRIES);
}
END_TEST

/* --- expiry --- */

/* The heart of a pending one last beat so long ago. */
static bool is_expired_after(uint64_t ms)
{
	gk_auto_json json_t *snapshot = json("{'status': 'pending'}");
	char beat[GK_ISO_TIME_SIZE];

	gk_clock_iso(gk_clock_wall_ns() - ms * 1000000, beat);
	ck_assert_int_eq(json_object_set_new(snapshot, "heartbeatAt", json_string(beat)), 0);
	return gk_snapshot_is_expired(snapshot);
}

START_TEST(a_pending_snapshot_without_a_heartbeat_for_a_minute_is_expired)
{
	gk_auto_json json_t *old =
		json("{'status': 'pending', 'heartbeatAt': '2026-01-01T00:00:00.000Z'}");
	gk_auto_json json_t *none = json("{'status': 'pending'}");
	gk_auto_json json_t *done =
		json("{'status': 'completed', 'heartbeatAt': '2026-01-01T00:00:00.000Z'}");
	gk_auto_json json_t *fresh = json("{'status': 'pending'}");

	ck_assert(gk_snapshot_set_now(fresh, "heartbeatAt"));
	ck_assert(gk_snapshot_is_expired(old));
	ck_assert(!gk_snapshot_is_expired(none));
	ck_assert(!gk_snapshot_is_expired(done));
	ck_assert(!gk_snapshot_is_expired(fresh));
	ck_assert(!is_expired_after(GK_SNAPSHOT_EXPIRED_MS * 2 / 3));
	ck_assert(is_expired_after(GK_SNAPSHOT_EXPIRED_MS + 1));
}
END_TEST

START_TEST(what_is_known_of_snapshots_is_so_many)
{
	static char ids[2 * GK_KNOWN_SNAPSHOTS][GK_UUID_SIZE];
	size_t known = 0;

	core_start_unseen();
	for (size_t i = 0; i < 2 * GK_KNOWN_SNAPSHOTS; i++) {
		gk_id_uuid(ids[i]);
		gk_snapshot_set_known(core_app, store, &realm, ids[i], i, false);
		ck_assert_uint_eq(
			gk_snapshot_known_peek(core_app, store, &realm, ids[i])->bytes, i);
	}
	for (size_t i = 0; i < 2 * GK_KNOWN_SNAPSHOTS; i++)
		known += gk_snapshot_known_peek(core_app, store, &realm, ids[i]) != NULL;
	ck_assert_uint_gt(known, GK_KNOWN_SNAPSHOTS / 2);
	ck_assert_uint_le(known, GK_KNOWN_SNAPSHOTS);
	core_stop();
}
END_TEST

/* --- operators --- */

static json_t *list(const gk_session_query *query)
{
	json_t *ret = NULL;

	ck_assert_int_eq(gk_sessions_list(store, query, &ret, &err), GK_OK);
	return ret;
}

START_TEST(sessions_are_listed_shown_and_deleted)
{
	gk_auto_json json_t *all = NULL;
	gk_auto_json json_t *shown = NULL;
	gk_auto_json json_t *threads = json("[{'role': 'user'}]");
	uint64_t count = 0;

	save(GK_SNAPSHOT_PUT, "a", "{'sessionId': 'S', 'status': 'completed', 'state': {}}");
	save(GK_SNAPSHOT_PUT, "b", "{'sessionId': 'S', 'parentId': 'a', 'status': 'failed'}");
	realm.owner = "alice";
	save(GK_SNAPSHOT_PUT, "c", "{'sessionId': 'T', 'status': 'pending'}");
	ck_assert_int_eq(gk_chat_save(NULL, store, &realm,
				 GK_OPTS(gk_chat_change, .session_id = "C", .thread = "main",
					 .messages = threads),
				 &err),
		GK_OK);
	all = list(GK_OPTS(gk_session_query, .limit = 0));
	ck_assert_uint_eq(json_array_size(json_object_get(all, "sessions")), 3);
	ck_assert_int_eq(
		gk_sessions_show(store, GK_OPTS(gk_session_query, .session_id = "S"), &shown, &err),
		GK_OK);
	ck_assert_str_eq(gk_json_str_peek(shown, "sessions[0].snapshots[1].status"), "failed");
	ck_assert_ptr_null(gk_json_at_peek(shown, "sessions[0].snapshots[0].state"));
	ck_assert_int_eq(gk_sessions_delete(
				 store, GK_OPTS(gk_session_query, .owner = "alice"), &count, &err),
		GK_OK);
	ck_assert_uint_eq(count, 2);
	ck_assert_int_eq(
		gk_sessions_delete(store, GK_OPTS(gk_session_query, .limit = 1), &count, &err),
		GK_INVALID_ARGUMENT);
	gk_error_clear(&err);
	assert_latest("T", NULL);
	realm.owner = "";
	assert_latest("S", "b");
}
END_TEST

START_TEST(a_listing_goes_on_where_its_page_ended)
{
	gk_auto_json json_t *first = NULL;
	gk_auto_json json_t *second = NULL;

	save(GK_SNAPSHOT_PUT, "a", "{'sessionId': 'A'}");
	save(GK_SNAPSHOT_PUT, "b", "{'sessionId': 'B'}");
	save(GK_SNAPSHOT_PUT, "c", "{'sessionId': 'C'}");
	first = list(GK_OPTS(gk_session_query, .limit = 2));
	ck_assert_uint_eq(json_array_size(json_object_get(first, "sessions")), 2);
	second = list(GK_OPTS(gk_session_query, .limit = 2,
		.token = gk_json_str_peek(first, "continuationToken")));
	ck_assert_uint_eq(json_array_size(json_object_get(second, "sessions")), 1);
	ck_assert_ptr_null(json_object_get(second, "continuationToken"));
}
END_TEST

START_TEST(a_page_has_at_most_so_many_sessions)
{
	gk_auto_json json_t *usual = NULL;
	gk_auto_json json_t *most = NULL;

	for (int i = 0; i <= GK_MAX_SESSION_LIST; i++) {
		char id[16], text[40];

		snprintf(id, sizeof(id), "n%d", i);
		snprintf(text, sizeof(text), "{'sessionId': 'S%d'}", i);
		save(GK_SNAPSHOT_PUT, id, text);
	}
	usual = list(GK_OPTS(gk_session_query, .limit = 0));
	most = list(GK_OPTS(gk_session_query, .limit = SIZE_MAX));
	ck_assert_uint_eq(json_array_size(json_object_get(usual, "sessions")), GK_SESSION_LIST);
	ck_assert_uint_eq(json_array_size(json_object_get(most, "sessions")), GK_MAX_SESSION_LIST);
	ck_assert_ptr_nonnull(gk_json_str_peek(most, "continuationToken"));
}
END_TEST

START_TEST(what_a_snapshot_names_is_at_most_so_long)
{
	static const char *const members[] = { "parentId", "sessionId" };

	for (size_t i = 0; i < 2; i++)
		for (size_t len = GK_MAX_SESSION_NAME; len <= GK_MAX_SESSION_NAME + 1; len++) {
			char name[GK_MAX_SESSION_NAME + 2];
			gk_auto_saved gk_snapshot_saved saved = { .id = NULL };
			gk_auto_json json_t *document = NULL;
			gk_code rc;

			memset(name, 'x', len);
			name[len] = '\0';
			document = json_pack("{s:s}", members[i], name);
			rc = gk_snapshot_save(NULL, store, &realm,
				GK_OPTS(gk_snapshot_change, .id = members[i], .document = document),
				&saved, &err);
			ck_assert_int_eq(
				rc, len > GK_MAX_SESSION_NAME ? GK_INVALID_ARGUMENT : GK_OK);
		}
	ck_assert_str_eq(err.message, "a snapshot's 'sessionId' is longer than 1024 bytes");
}
END_TEST

/* --- memory --- */

static bool save_a_few(void)
{
	gk_auto_saved gk_snapshot_saved saved = { .id = NULL };
	gk_auto_json json_t *a = json_pack("{s:s}", "sessionId", "S");
	gk_auto_json json_t *b = json_pack("{s:s, s:s}", "sessionId", "S", "parentId", "a");
	gk_session_store *mine = gk_session_store_new_memory();
	json_t *latest = NULL;
	bool ok = mine && a && b;

	for (unsigned i = 0; ok && i < 3; i++) {
		gk_snapshot_saved_clear(&saved);
		ok = gk_snapshot_save(NULL, mine, &realm,
			     GK_OPTS(gk_snapshot_change, .id = i ? "b" : "a",
				     .document = i ? b : a),
			     &saved, NULL) == GK_OK;
	}
	ok = ok && gk_snapshot_latest(NULL, mine, &realm, "S", &latest, NULL) == GK_OK;
	if (ok && strcmp(gk_json_str_peek(latest, "snapshotId"), "b") != 0)
		abort();
	json_decref(latest);
	gk_session_store_free(mine);
	return ok;
}

START_TEST(memory_may_run_out)
{
	fault_sweep(save_a_few);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("session_store");
	TCase *c = tcase_create("memory");

	tcase_add_checked_fixture(c, set_up, tear_down);
	tcase_add_test(c, pruning_keeps_all_of_a_circle_and_what_came_later_goes_as_any_other);
	tcase_add_test(c, a_snapshot_shares_the_messages_it_was_saved_with);
	tcase_add_test(c, a_snapshot_stays_as_long_as_it_was_when_its_list_grows);
	tcase_add_test(c, a_row_that_is_written_again_stays_one_leaf);
	tcase_add_test(c, a_parent_that_comes_after_its_child_is_no_leaf);
	tcase_add_test(c, a_snapshot_that_names_itself_as_parent_is_a_leaf);
	tcase_add_test(c, of_leaves_created_at_the_same_time_the_one_saved_last_is_the_latest);
	tcase_add_test(c, a_finished_row_keeps_when_it_was_created);
	tcase_add_test(c, a_row_cannot_change_its_session);
	tcase_add_loop_test(
		c, a_document_that_is_no_snapshot_is_refused, 0, sizeof(wrong) / sizeof(wrong[0]));
	tcase_add_test(c, names_have_no_nul);
	tcase_add_test(c, names_have_a_longest_length);
	tcase_add_test(c, the_oldest_snapshots_are_forgotten_when_there_are_too_many);
	tcase_add_test(c, the_oldest_chats_are_forgotten_when_there_are_too_many);
	tcase_add_loop_test(c, a_realm_finds_only_its_own, 0, 5);
	tcase_add_test(c, watchers_may_take_off_themselves_and_each_other);
	tcase_add_test(c, there_is_an_end_to_watchers);
	tcase_add_test(c, a_change_that_another_one_came_between_is_made_again);
	tcase_add_test(c, a_change_that_others_always_come_between_is_given_up);
	tcase_add_test(c, a_pending_snapshot_without_a_heartbeat_for_a_minute_is_expired);
	tcase_add_test(c, what_is_known_of_snapshots_is_so_many);
	tcase_add_test(c, sessions_are_listed_shown_and_deleted);
	tcase_add_test(c, a_listing_goes_on_where_its_page_ended);
	tcase_add_test(c, what_a_snapshot_names_is_at_most_so_long);
	tcase_add_test(c, a_page_has_at_most_so_many_sessions);
	tcase_add_test(c, memory_may_run_out);
	suite_add_tcase(s, c);
	return s;
}

UNIT_MAIN(suite)
