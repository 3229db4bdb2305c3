/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Sessions in memory: those of the older kind, and what operators ask. */
#include "core/session_memory.h"

#include "base/clock.h"
#include "base/limits.h"
#include "base/parse.h"
#include "base/str.h"
#include "json/edit.h"

#include <stdio.h>

static gk_memory_sessions *memory_of(gk_session_store *store)
{
	return (gk_memory_sessions *)store;
}

/* --- the older kind --- */

gk_code gk_memory_chat_load(gk_ctx *ctx, gk_session_store *store, const gk_session_realm *realm,
	const char *session_id, json_t **ret, gk_error *err)
{
	gk_memory_sessions *memory = memory_of(store);
	gk_memory_session *session =
		gk_memory_session_find(memory, memory->chats, realm, session_id, true);

	(void)ctx;
	if (gk_buf_failed(&memory->name))
		return gk_error_no_memory(err);
	*ret = session ? json_incref(session->chat) : NULL;
	return GK_OK;
}

/* {id, state?, threads} with what has changed. */
static json_t *change_chat(json_t *before, const gk_chat_change *change)
{
	json_t *ret = json_object();
	json_t *threads = gk_json_merge(json_object_get(before, "threads"), NULL);
	json_t *state = change->state ? change->state : json_object_get(before, "state");
	bool ok = gk_json_set_str(ret, "id", change->session_id);

	if (ok && state)
		ok = gk_json_set(ret, "state", state);
	if (ok && change->thread)
		ok = gk_json_set(threads, change->thread, change->messages);
	ok = gk_json_set_take(ret, "threads", threads) && ok;
	if (ok)
		return ret;
	json_decref(ret);
	return NULL;
}

gk_code gk_memory_chat_save(gk_ctx *ctx, gk_session_store *store, const gk_session_realm *realm,
	const gk_chat_change *change, gk_error *err)
{
	gk_memory_sessions *memory = memory_of(store);
	gk_memory_session *session =
		gk_memory_session_find(memory, memory->chats, realm, change->session_id, false);
	json_t *chat = session ? change_chat(session->chat, change) : NULL;

	(void)ctx;
	if (!chat) {
		if (session && !session->chat)
			gk_memory_session_drop(memory->chats, session);
		return gk_error_no_memory(err);
	}
	json_decref(session->chat);
	session->chat = chat;
	session->updated_ms = gk_clock_wall_ns() / 1000000;
	if (!session->created_ms)
		session->created_ms = session->updated_ms;
	if (memory->max_rows && gk_table_count(memory->chats) > memory->max_rows)
		gk_memory_session_drop(
			memory->chats, gk_table_entry_value(gk_table_first(memory->chats)));
	return GK_OK;
}

/* --- what a query finds --- */

static bool fits(const char *wanted, const char *is)
{
	return !wanted || strcmp(wanted, is) == 0;
}

static bool matches(const gk_session_query *query, const gk_memory_session *session)
{
	return fits(query->store, session->realm.store) &&
	       fits(query->owner, session->realm.owner) && fits(query->session_id, session->id);
}

typedef struct found {
	gk_memory_session **sessions;
	size_t count;
} found;

static int by_change(const void *a, const void *b)
{
	const gk_memory_session *x = *(gk_memory_session *const *)a;
	const gk_memory_session *y = *(gk_memory_session *const *)b;

	return (x->updated_ms < y->updated_ms) - (x->updated_ms > y->updated_ms);
}

/* The one changed last first. */
static bool find(gk_memory_sessions *memory, const gk_session_query *query, found *ret)
{
	gk_table *tables[] = { memory->sessions, memory->chats };
	size_t room = gk_table_count(memory->sessions) + gk_table_count(memory->chats);

	ret->sessions = malloc((room ? room : 1) * sizeof(*ret->sessions));
	ret->count = 0;
	if (!ret->sessions)
		return false;
	for (size_t i = 0; i < 2; i++)
		gk_table_foreach (tables[i], entry)
			if (matches(query, gk_table_entry_value(entry)))
				ret->sessions[ret->count++] = gk_table_entry_value(entry);
	qsort(ret->sessions, ret->count, sizeof(*ret->sessions), by_change);
	return true;
}

/* --- showing --- */

static json_t *head_of(const gk_memory_session *session)
{
	json_t *ret = json_object();

	if (gk_json_set_str(ret, "kind", session->chat ? "chat" : "agent") &&
		gk_json_set_str(ret, "store", session->realm.store) &&
		gk_json_set_str(ret, "owner", session->realm.owner) &&
		gk_json_set_str(ret, "sessionId", session->id))
		return ret;
	json_decref(ret);
	return NULL;
}

static bool set_time(json_t *object, const char *name, uint64_t ms)
{
	char text[GK_ISO_TIME_SIZE];

	gk_clock_iso(ms * 1000000, text);
	return gk_json_set_str(object, name, text);
}

static json_t *line_of(const gk_memory_session *session)
{
	json_t *ret = head_of(session);
	gk_memory_row *last = TAILQ_LAST(&session->leaves, gk_memory_rows);
	gk_memory_row *first = TAILQ_FIRST(&session->rows), *row;
	const char *status = last ? gk_snapshot_status(last->document) : NULL;
	int64_t rows = 0;
	bool ok;

	if (session->chat) {
		json_t *threads = json_object_get(session->chat, "threads");

		ok = gk_json_set_int(ret, "threads", (int64_t)json_object_size(threads)) &&
		     set_time(ret, "createdAt", session->created_ms);
	} else {
		TAILQ_FOREACH (row, &session->rows, session_link)
			rows++;
		ok = gk_json_set_int(ret, "snapshots", rows) &&
		     set_time(ret, "createdAt", (uint64_t)first->created_ms) &&
		     (!first->agent || gk_json_set_str(ret, "agent", first->agent)) &&
		     (!status || gk_json_set_str(ret, "status", status));
	}
	if (ok && set_time(ret, "updatedAt", session->updated_ms))
		return ret;
	json_decref(ret);
	return NULL;
}

gk_code gk_memory_list(
	gk_session_store *store, const gk_session_query *query, json_t **ret, gk_error *err)
{
	gk_auto_json json_t *answer = json_object();
	json_t *list = json_array();
	uint64_t offset = 0;
	found all;
	bool ok = gk_json_set_take(answer, "sessions", list);
	char token[24];

	if (query->token && !gk_parse_u64(query->token, strlen(query->token), &offset))
		return gk_error_set(
			err, GK_INVALID_ARGUMENT, "'%s' is no continuation token", query->token);
	if (!ok || !find(memory_of(store), query, &all))
		return gk_error_no_memory(err);
	for (size_t i = offset; ok && i < all.count && i - offset < query->limit; i++)
		ok = gk_json_push_take(list, line_of(all.sessions[i]));
	if (ok && offset < all.count && all.count - offset > query->limit) {
		snprintf(token, sizeof(token), "%zu", (size_t)offset + query->limit);
		ok = gk_json_set_str(answer, "continuationToken", token);
	}
	free(all.sessions);
	if (!ok)
		return gk_error_no_memory(err);
	*ret = gk_steal(answer);
	return GK_OK;
}

static json_t *without(json_t *object, const char *name)
{
	json_t *ret = gk_json_copy(object);

	if (ret)
		json_object_del(ret, name);
	return ret;
}

static bool show_chat(json_t *ret, json_t *chat, bool with_state)
{
	json_t *threads = json_object_get(chat, "threads"), *state = json_object_get(chat, "state");
	json_t *shown = with_state ? json_incref(threads) : json_object(), *messages;
	const char *name;

	if (!with_state)
		json_object_foreach (threads, name, messages)
			if (!gk_json_set_int(shown, name, (int64_t)json_array_size(messages)))
				break;
	return (!state || gk_json_set(ret, "state", state)) &&
	       gk_json_set_take(ret, "threads", shown);
}

static json_t *show_one(gk_memory_session *session, bool with_state)
{
	json_t *ret = head_of(session), *list = json_array();
	gk_memory_row *row;
	bool ok = true;

	if (session->chat) {
		json_decref(list);
		ok = show_chat(ret, session->chat, with_state);
	} else {
		TAILQ_FOREACH (row, &session->rows, session_link)
			ok = ok && gk_json_push_take(list,
					   with_state && row->is_leaf
						   ? gk_memory_row_document(session->memory, row)
						   : without(row->document, "state"));
		ok = gk_json_set_take(ret, "snapshots", list) && ok;
	}
	if (ok)
		return ret;
	json_decref(ret);
	return NULL;
}

gk_code gk_memory_show(
	gk_session_store *store, const gk_session_query *query, json_t **ret, gk_error *err)
{
	gk_auto_json json_t *answer = json_object();
	json_t *list = json_array();
	bool ok = gk_json_set_take(answer, "sessions", list);
	found all;

	if (!ok || !find(memory_of(store), query, &all))
		return gk_error_no_memory(err);
	for (size_t i = 0; ok && i < all.count && i < query->limit; i++)
		ok = gk_json_push_take(list, show_one(all.sessions[i], query->with_state));
	free(all.sessions);
	if (!ok)
		return gk_error_no_memory(err);
	if (!json_array_size(list))
		return gk_error_set(
			err, GK_NOT_FOUND, "there is no session '%s'", query->session_id);
	*ret = gk_steal(answer);
	return GK_OK;
}

gk_code gk_memory_remove(
	gk_session_store *store, const gk_session_query *query, uint64_t *ret, gk_error *err)
{
	gk_memory_sessions *memory = memory_of(store);
	found all;

	if (!find(memory, query, &all))
		return gk_error_no_memory(err);
	for (size_t i = 0; i < all.count; i++) {
		gk_memory_session *session = all.sessions[i];
		gk_memory_row *row = TAILQ_FIRST(&session->rows), *next;

		if (session->chat)
			gk_memory_session_drop(memory->chats, session);
		for (; row; row = next) { /* the session goes with its last row */
			next = TAILQ_NEXT(row, session_link);
			gk_memory_row_drop(memory, row);
		}
	}
	*ret = all.count;
	free(all.sessions);
	return GK_OK;
}
