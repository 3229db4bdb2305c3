/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Sessions of the older kind: a state, and threads of messages. Each is saved for itself, so that threads which several
 * programs write to do not undo each other. */
#include "store/sessions_internal.h"

#include "base/str.h"
#include "json/edit.h"
#include "json/write.h"

/* --- writing --- */

static gk_code put_thread(gk_db *db, gk_session_command *command, gk_error *err)
{
	sqlite3_stmt *s = gk_session_sql(db, GK_CHAT_PUT_THREAD, err);

	if (!s)
		return GK_UNAVAILABLE;
	sqlite3_bind_int64(s, 1, command->parts.session);
	gk_db_bind_text(s, 2, command->thread);
	gk_db_bind_text(s, 3, command->preamble);
	sqlite3_bind_int64(s, 4, command->parts.tail);
	sqlite3_bind_int64(s, 5, command->parts.count);
	return gk_db_run(db, s, err);
}

/* What it continues must be what is there: another process may have written meanwhile. */
static gk_code check_thread(gk_db *db, int64_t session, gk_session_command *command, gk_error *err)
{
	sqlite3_stmt *s = gk_session_sql(db, GK_CHAT_FIND_THREAD, err);
	gk_code rc = s ? GK_OK : GK_UNAVAILABLE;

	if (rc != GK_OK || !command->body.base.session)
		return rc;
	sqlite3_bind_int64(s, 1, session);
	gk_db_bind_text(s, 2, command->thread);
	command->is_stale = !gk_session_step(db, s, &rc, err) ||
			    sqlite3_column_int64(s, 0) != command->body.base.tail;
	sqlite3_reset(s);
	return rc;
}

static gk_code put_state(gk_sessions *sessions, gk_db *db, int64_t session,
	gk_session_command *command, gk_error *err)
{
	sqlite3_stmt *s;
	gk_parts parts;
	bool is_stale;
	gk_code rc = gk_session_write_body(
		sessions, db, session, &command->state, &parts, &is_stale, err);

	if (rc != GK_OK)
		return rc;
	s = gk_session_sql(db, GK_CHAT_PUT_STATE, err);
	if (!s)
		return GK_UNAVAILABLE;
	sqlite3_bind_int64(s, 1, session);
	sqlite3_bind_int64(s, 2, parts.rest);
	return gk_db_run(db, s, err);
}

gk_code gk_session_write_chat(
	gk_sessions *sessions, gk_db *db, gk_session_command *command, gk_error *err)
{
	int64_t realm = 0, session = 0;
	gk_code rc = gk_session_realm_row(db, command->store, command->owner, false, &realm, err);

	if (rc == GK_OK)
		rc = gk_session_row(
			db, realm, command->session_id, true, NULL, false, &session, err);
	if (rc == GK_OK && command->thread) {
		rc = check_thread(db, session, command, err);
		if (rc == GK_OK && !command->is_stale)
			rc = gk_session_write_body(sessions, db, session, &command->body,
				&command->parts, &command->is_stale, err);
		if (rc == GK_OK && command->is_stale)
			return GK_OK;
		if (rc == GK_OK)
			rc = put_thread(db, command, err);
	}
	if (rc == GK_OK && command->state.rest)
		rc = put_state(sessions, db, session, command, err);
	command->is_written = rc == GK_OK;
	return rc;
}

/* --- reading --- */

typedef struct chat_reading {
	gk_sessions *sessions;
	const gk_session_realm *realm;
	const char *session_id;
	json_t *ret;
	json_t *threads; /* [{name, tail, count, bytes}] for the cache */
	int64_t session;
} chat_reading;

static gk_code read_thread(
	gk_db *db, chat_reading *r, sqlite3_stmt *s, json_t *threads, gk_error *err)
{
	gk_parts parts = { .session = r->session,
		.tail = sqlite3_column_int64(s, 2),
		.count = sqlite3_column_int64(s, 3) };
	const char *name = (const char *)sqlite3_column_text(s, 0);
	const char *preamble = (const char *)sqlite3_column_text(s, 1);
	gk_auto_buf gk_buf text = GK_BUF_INIT(GK_MAX_SNAPSHOT);
	gk_auto_json json_t *messages = NULL;
	gk_auto_json json_t *all = NULL;
	gk_code rc = gk_session_read_messages(db, &parts, &text, err);

	if (rc == GK_OK)
		rc = gk_json_parse(text.data, text.len, GK_MAX_SNAPSHOT, &messages, err);
	if (rc == GK_OK && preamble)
		rc = gk_json_parse(preamble, strlen(preamble), GK_MAX_SNAPSHOT, &all, err);
	if (rc == GK_OK && !all)
		all = json_array();
	if (rc == GK_OK &&
		(json_array_extend(all, messages) < 0 || !gk_json_set(threads, name, all) ||
			!gk_json_push_take(r->threads,
				json_pack("{s:s, s:I, s:I, s:O, s:I}", "name", name, "tail",
					parts.tail, "count", parts.count, "messages", messages,
					"bytes", (json_int_t)text.len))))
		return gk_error_no_memory(err);
	return rc;
}

static gk_code read_threads(gk_db *db, chat_reading *r, gk_error *err)
{
	sqlite3_stmt *s = gk_session_sql(db, GK_CHAT_THREADS, err);
	json_t *threads = json_object();
	gk_code rc = s ? GK_OK : GK_UNAVAILABLE;

	if (!gk_json_set_take(r->ret, "threads", threads))
		return gk_error_no_memory(err);
	if (rc != GK_OK)
		return rc;
	sqlite3_bind_int64(s, 1, r->session);
	while (rc == GK_OK && gk_session_step(db, s, &rc, err))
		rc = read_thread(db, r, s, threads, err);
	sqlite3_reset(s);
	return rc;
}

static gk_code read_state(gk_db *db, chat_reading *r, int64_t part, gk_error *err)
{
	gk_parts parts = { .session = r->session, .count = -1, .rest = part };
	gk_auto_json json_t *state = NULL;
	size_t bytes;
	gk_code rc = gk_session_read_state(db, &parts, &state, &bytes, err);

	if (rc == GK_OK && !gk_json_set(r->ret, "state", json_object_get(state, "state")))
		return gk_error_no_memory(err);
	return rc;
}

static gk_code find_chat(gk_db *db, chat_reading *r, int64_t *state, gk_error *err)
{
	sqlite3_stmt *s = gk_session_sql(db, GK_CHAT_LOAD, err);
	gk_code rc = s ? GK_OK : GK_UNAVAILABLE;

	if (rc != GK_OK)
		return rc;
	gk_db_bind_text(s, 1, r->realm->store);
	gk_db_bind_text(s, 2, r->realm->owner);
	gk_db_bind_text(s, 3, r->session_id);
	if (gk_session_step(db, s, &rc, err)) {
		r->session = sqlite3_column_int64(s, 0);
		*state = sqlite3_column_int64(s, 1);
	}
	sqlite3_reset(s);
	return rc;
}

static gk_code load_chat(gk_db *db, chat_reading *r, gk_error *err)
{
	int64_t state = 0;
	gk_code rc = gk_session_begin_read(db, err);

	if (rc != GK_OK)
		return rc;
	rc = find_chat(db, r, &state, err);
	if (rc == GK_OK && r->session) {
		r->ret = json_object();
		if (!gk_json_set_str(r->ret, "id", r->session_id))
			rc = gk_error_no_memory(err);
		if (rc == GK_OK && state)
			rc = read_state(db, r, state, err);
		if (rc == GK_OK)
			rc = read_threads(db, r, err);
	}
	gk_db_do(db, GK_SQL_COMMIT, NULL);
	return rc;
}

static gk_code do_load(void *arg, gk_error *err)
{
	chat_reading *r = arg;
	gk_db *db = gk_sessions_borrow(r->sessions, err);
	gk_code rc;

	if (!db)
		return GK_UNAVAILABLE;
	rc = load_chat(db, r, err);
	gk_sessions_return(r->sessions, db);
	return rc;
}

gk_code gk_session_show_chat(
	gk_db *db, int64_t session, bool with_messages, json_t *ret, gk_error *err)
{
	gk_auto_json json_t *seen = json_array();
	chat_reading r = { .ret = ret, .threads = seen, .session = session };
	json_t *threads, *messages;
	const char *name;
	int64_t state = 0;
	sqlite3_stmt *s = gk_session_sql(db, GK_CHAT_STATE, err);
	gk_code rc = s && seen ? GK_OK : GK_UNAVAILABLE;

	if (rc != GK_OK)
		return rc;
	sqlite3_bind_int64(s, 1, session);
	if (gk_session_step(db, s, &rc, err))
		state = sqlite3_column_int64(s, 0);
	sqlite3_reset(s);
	if (rc == GK_OK && state)
		rc = read_state(db, &r, state, err);
	if (rc == GK_OK)
		rc = read_threads(db, &r, err);
	threads = json_object_get(ret, "threads");
	if (rc == GK_OK && !with_messages)
		json_object_foreach (threads, name, messages)
			if (!gk_json_set_int(threads, name, (int64_t)json_array_size(messages)))
				rc = gk_error_no_memory(err);
	return rc;
}

/* Its name in the cache. */
static char *thread_name(const char *session_id, const char *thread)
{
	gk_auto_buf gk_buf name = GK_BUF_INIT(0);

	gk_buf_printf(&name, "%zu.%s%s", strlen(session_id), session_id, thread);
	return gk_buf_take(&name, NULL);
}

static void remember(gk_sessions *sessions, const gk_session_realm *realm, const char *session_id,
	const char *thread, const gk_parts *parts, json_t *messages, size_t bytes)
{
	gk_auto_str char *name = thread_name(session_id, thread);

	if (name)
		gk_session_cache_put(&sessions->cache, 't', realm, name,
			&(gk_session_entry){ .parts = *parts, .state = messages, .bytes = bytes });
}

gk_code gk_sqlite_chat_load(gk_ctx *ctx, gk_session_store *store, const gk_session_realm *realm,
	const char *session_id, json_t **ret, gk_error *err)
{
	gk_sessions *sessions = gk_sessions_of(store);
	gk_auto_json json_t *threads = json_array();
	chat_reading r = {
		.sessions = sessions, .realm = realm, .session_id = session_id, .threads = threads
	};
	gk_code rc =
		threads ? gk_sessions_read(sessions, do_load, &r, err) : gk_error_no_memory(err);
	size_t i;
	json_t *thread;

	(void)ctx;
	if (rc != GK_OK) {
		json_decref(r.ret);
		return rc;
	}
	json_array_foreach (threads, i, thread)
		remember(sessions, realm, session_id, gk_json_str_peek(thread, "name"),
			&(gk_parts){ .session = r.session,
				.tail = gk_json_int_at(thread, "tail", 0),
				.count = gk_json_int_at(thread, "count", 0) },
			json_object_get(thread, "messages"),
			(size_t)gk_json_int_at(thread, "bytes", 0));
	*ret = r.ret;
	return GK_OK;
}

/* --- saving --- */

/* So many messages at the beginning are the preamble, which changes while the rest only grows. */
static size_t preamble_of(const json_t *messages)
{
	size_t count = 0;

	while (gk_json_bool_at(json_array_get(messages, count), "metadata.preamble", false))
		count++;
	return count;
}

static bool split(const json_t *messages, json_t **preamble, json_t **rest)
{
	size_t count = preamble_of(messages), i;
	json_t *message;
	bool ok = true;

	*preamble = count ? json_array() : NULL;
	*rest = json_array();
	json_array_foreach ((json_t *)messages, i, message)
		ok = ok && json_array_append(i < count ? *preamble : *rest, message) == 0;
	return ok && *rest;
}

static gk_session_command *make_command(gk_sessions *sessions, const gk_session_realm *realm,
	const gk_chat_change *change, json_t *rest, json_t *preamble, bool is_whole)
{
	gk_session_command *command =
		gk_session_command_new(GK_WORK_CHAT, realm->store, realm->owner);
	gk_auto_str char *name =
		change->thread ? thread_name(change->session_id, change->thread) : NULL;
	gk_auto_str char *text = preamble ? gk_json_write(preamble, NULL) : NULL;
	gk_session_entry *entry =
		name && !is_whole ? gk_session_cache_get(&sessions->cache, 't', realm, name) : NULL;
	gk_auto_json json_t *state = NULL;
	bool ok = command != NULL && (!change->thread || name) && (!preamble || text);

	if (!ok)
		goto out;
	command->session_id =
		gk_arena_text(&command->arena, change->session_id, strlen(change->session_id));
	if (change->thread) {
		command->thread =
			gk_arena_text(&command->arena, change->thread, strlen(change->thread));
		ok = gk_body_of_messages(&command->body, &command->arena, rest, entry);
	}
	if (ok && text)
		command->preamble = gk_arena_text(&command->arena, text, strlen(text));
	if (ok && change->state) {
		gk_session_entry *const none[2] = { NULL, NULL };
		gk_session_entry *base;

		state = json_object();
		ok = gk_json_set(state, "state", change->state) &&
		     gk_body_of_state(&command->state, &command->arena, state, none, &base);
	}
	ok = ok && !command->arena.failed;
out:
	if (ok)
		return command;
	gk_session_command_free(command);
	return NULL;
}

gk_code gk_sqlite_chat_save(gk_ctx *ctx, gk_session_store *store, const gk_session_realm *realm,
	const gk_chat_change *change, gk_error *err)
{
	gk_sessions *sessions = gk_sessions_of(store);
	gk_auto_json json_t *preamble = NULL;
	gk_auto_json json_t *rest = NULL;
	bool is_whole = false, is_stale = true;
	gk_code rc = GK_OK;

	(void)ctx;
	if (change->thread && !split(change->messages, &preamble, &rest))
		return gk_error_no_memory(err);
	while (rc == GK_OK && is_stale) {
		gk_session_command *command =
			make_command(sessions, realm, change, rest, preamble, is_whole);

		if (!command)
			return gk_error_no_memory(err);
		rc = gk_sessions_run(sessions, &command, err);
		is_stale = rc == GK_OK && command->is_stale;
		if (rc == GK_OK && !is_stale && change->thread)
			remember(sessions, realm, change->session_id, change->thread,
				&command->parts, rest, command->body.bytes);
		is_whole = true;
		if (command)
			gk_session_command_free(command);
	}
	return rc;
}
