/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Snapshots are read on worker threads: the row always, for others may have written it; its content only when it is not in
 * memory. */
#include "store/sessions_internal.h"

#include "base/clock.h"
#include "base/str.h"
#include "json/edit.h"

/* --- contents --- */

/* A part's text, in front of what follows it. */
typedef struct piece {
	struct piece *next;
	size_t len;
	char text[];
} piece;

static gk_code read_part(
	gk_db *db, int64_t session, int64_t part, int64_t *prev, gk_buf *text, gk_error *err)
{
	sqlite3_stmt *s = gk_session_sql(db, GK_SESSION_GET_PART, err);
	gk_code rc = s ? GK_OK : GK_UNAVAILABLE;

	if (rc != GK_OK)
		return rc;
	sqlite3_bind_int64(s, 1, session);
	sqlite3_bind_int64(s, 2, part);
	if (gk_session_step(db, s, &rc, err)) {
		*prev = sqlite3_column_int64(s, 0);
		rc = gk_doc_unpack(
			text, sqlite3_column_blob(s, 1), (size_t)sqlite3_column_bytes(s, 1), err);
	} else if (rc == GK_OK) {
		rc = gk_error_set(err, GK_DATA_LOSS, "a part of the session is missing");
	}
	sqlite3_reset(s);
	return rc;
}

gk_code gk_session_read_messages(gk_db *db, const gk_parts *parts, gk_buf *ret, gk_error *err)
{
	gk_auto_arena gk_arena arena = { 0 };
	gk_auto_buf gk_buf text = GK_BUF_INIT(GK_MAX_SNAPSHOT);
	piece *first = NULL;
	int64_t part = parts->tail;

	while (part) {
		piece *one;
		int64_t prev = 0;
		gk_code rc;

		gk_buf_clear(&text);
		rc = read_part(db, parts->session, part, &prev, &text, err);
		if (rc != GK_OK)
			return rc;
		one = gk_arena_alloc(&arena, sizeof(*one) + text.len);
		if (!one)
			return gk_error_no_memory(err);
		*one = (piece){ .next = first, .len = text.len };
		if (text.len)
			memcpy(one->text, text.data, text.len);
		first = one;
		if (prev >= part)
			return gk_error_set(err, GK_DATA_LOSS, "the session's parts go in circles");
		part = prev;
	}
	gk_buf_putc(ret, '[');
	for (; first; first = first->next) {
		gk_buf_put(ret, first->text, first->len);
		if (first->next)
			gk_buf_putc(ret, ',');
	}
	gk_buf_putc(ret, ']');
	return gk_buf_failed(ret) ? gk_error_no_memory(err) : GK_OK;
}

gk_code gk_session_read_state(
	gk_db *db, const gk_parts *parts, json_t **ret, size_t *bytes, gk_error *err)
{
	gk_auto_buf gk_buf text = GK_BUF_INIT(GK_MAX_SNAPSHOT);
	gk_auto_json json_t *state = NULL;
	gk_auto_json json_t *messages = NULL;
	int64_t none;
	gk_code rc;

	*bytes = 0;
	if (!parts->rest)
		return GK_OK;
	rc = read_part(db, parts->session, parts->rest, &none, &text, err);
	if (rc == GK_OK)
		rc = gk_json_parse(text.data, text.len, GK_MAX_SNAPSHOT, &state, err);
	*bytes = text.len;
	if (rc == GK_OK && parts->count >= 0) {
		gk_buf_clear(&text);
		rc = gk_session_read_messages(db, parts, &text, err);
		if (rc == GK_OK)
			rc = gk_json_parse(text.data, text.len, GK_MAX_SNAPSHOT, &messages, err);
		*bytes += text.len;
		if (rc == GK_OK && !gk_json_set(state, "messages", messages))
			rc = gk_error_no_memory(err);
	}
	if (rc == GK_OK)
		*ret = gk_steal(state);
	return rc;
}

/* --- documents --- */

static bool set_time(json_t *document, const char *name, int64_t ms)
{
	char text[GK_ISO_TIME_SIZE];

	if (ms < 0)
		return true;
	gk_clock_iso((uint64_t)ms * 1000000, text);
	return gk_json_set_str(document, name, text);
}

static bool set_text(json_t *document, const char *name, const char *text)
{
	return !text || gk_json_set_str(document, name, text);
}

static bool set_json(json_t *document, const char *name, const char *text)
{
	json_t *value = NULL;

	if (!text)
		return true;
	return gk_json_parse(text, strlen(text), GK_MAX_SNAPSHOT, &value, NULL) == GK_OK &&
	       gk_json_set_take(document, name, value);
}

static bool set_extra(json_t *document, const char *text)
{
	gk_auto_json json_t *extra = NULL;

	return !text ||
	       (gk_json_parse(text, strlen(text), GK_MAX_SNAPSHOT, &extra, NULL) == GK_OK &&
		       json_object_update(document, extra) == 0);
}

json_t *gk_session_document(const gk_snapshot_row *row, json_t *state)
{
	json_t *ret = json_object();

	if (set_text(ret, "snapshotId", row->snapshot_id) &&
		set_text(ret, "sessionId", row->session_id) &&
		set_text(ret, "parentId", row->parent_id) &&
		set_time(ret, "createdAt", row->created_ms) &&
		set_time(ret, "updatedAt", row->updated_ms) &&
		set_time(ret, "heartbeatAt", row->heartbeat_ms) &&
		set_text(ret, "status", row->status) &&
		set_text(ret, "finishReason", row->finish_reason) &&
		set_json(ret, "error", row->error) && set_extra(ret, row->extra) &&
		(!state || gk_json_set(ret, "state", state)))
		return ret;
	json_decref(ret);
	return NULL;
}

/* --- rows --- */

static const char *text_of(gk_arena *arena, sqlite3_stmt *s, int column)
{
	const char *text = (const char *)sqlite3_column_text(s, column);

	return text ? gk_arena_text(arena, text, (size_t)sqlite3_column_bytes(s, column)) : NULL;
}

static int64_t time_of(sqlite3_stmt *s, int column)
{
	return sqlite3_column_type(s, column) == SQLITE_NULL ? -1 : sqlite3_column_int64(s, column);
}

/* The columns are those of COLUMNS in sessions_sql.c. */
gk_code gk_snapshot_row_read(gk_snapshot_row *row, gk_arena *arena, sqlite3_stmt *s, gk_error *err)
{
	*row = (gk_snapshot_row){
		.id = sqlite3_column_int64(s, 0),
		.version = sqlite3_column_int64(s, 1),
		.snapshot_id = text_of(arena, s, 2),
		.session_id = text_of(arena, s, 3),
		.parent_id = text_of(arena, s, 4),
		.agent = text_of(arena, s, 5),
		.status = text_of(arena, s, 6),
		.finish_reason = text_of(arena, s, 7),
		.error = text_of(arena, s, 8),
		.extra = text_of(arena, s, 9),
		.created_ms = time_of(s, 10),
		.updated_ms = time_of(s, 11),
		.heartbeat_ms = time_of(s, 12),
		.parts = { .session = sqlite3_column_int64(s, 13),
			.tail = sqlite3_column_int64(s, 14),
			.count = sqlite3_column_int64(s, 15),
			.rest = sqlite3_column_int64(s, 16) },
		.children = sqlite3_column_int64(s, 17),
	};
	return arena->failed ? gk_error_no_memory(err) : GK_OK;
}

typedef struct reading {
	gk_sessions *sessions;
	const gk_session_realm *realm;
	const char *id; /* of a snapshot or of a session */
	bool is_session;
	gk_parts known; /* a content that is in memory; session 0: none */
	gk_arena arena;
	gk_snapshot_row row; /* id 0: none */
	size_t leaves;
	bool is_known; /* the content is `known` */
	json_t *state;
	size_t bytes;
} reading;

static gk_code count_leaves(gk_db *db, reading *r, gk_error *err)
{
	sqlite3_stmt *s = gk_session_sql(db, GK_SNAPSHOT_LEAVES, err);
	gk_code rc = s ? GK_OK : GK_UNAVAILABLE;
	int64_t rows = 0;

	if (rc != GK_OK)
		return rc;
	gk_db_bind_text(s, 1, r->realm->store);
	gk_db_bind_text(s, 2, r->realm->owner);
	gk_db_bind_text(s, 3, r->id);
	if (gk_session_step(db, s, &rc, err)) {
		rows = sqlite3_column_int64(s, 0);
		r->leaves = (size_t)sqlite3_column_int64(s, 1);
	}
	sqlite3_reset(s);
	if (rc == GK_OK && rows && r->leaves != 1)
		return gk_snapshot_no_latest(r->id, r->leaves, err);
	return rc;
}

static gk_code find_row(gk_db *db, reading *r, gk_error *err)
{
	sqlite3_stmt *s =
		gk_session_sql(db, r->is_session ? GK_SNAPSHOT_LATEST : GK_SNAPSHOT_LOAD, err);
	bool is_branched = false;
	gk_code rc = s ? GK_OK : GK_UNAVAILABLE;

	if (rc != GK_OK)
		return rc;
	gk_db_bind_text(s, 1, r->realm->store);
	gk_db_bind_text(s, 2, r->realm->owner);
	gk_db_bind_text(s, 3, r->id);
	if (gk_session_step(db, s, &rc, err))
		rc = gk_snapshot_row_read(&r->row, &r->arena, s, err);
	if (rc == GK_OK && r->row.id && r->is_session && r->realm->rejects_branches)
		is_branched = gk_session_step(db, s, &rc, err);
	sqlite3_reset(s);
	if (rc == GK_OK && r->is_session && (is_branched || !r->row.id))
		rc = count_leaves(db, r, err);
	return rc;
}

static gk_code read_all(gk_db *db, reading *r, gk_error *err)
{
	const gk_parts *have = &r->known, *want = &r->row.parts;
	gk_code rc = gk_session_begin_read(db, err);

	if (rc != GK_OK)
		return rc;
	rc = find_row(db, r, err);
	r->is_known = have->session && have->session == want->session && have->tail == want->tail &&
		      have->count == want->count && have->rest == want->rest;
	if (rc == GK_OK && r->row.id && !r->is_known)
		rc = gk_session_read_state(db, want, &r->state, &r->bytes, err);
	gk_db_do(db, GK_SQL_COMMIT, NULL);
	return rc;
}

static gk_code do_read(void *arg, gk_error *err)
{
	reading *r = arg;
	gk_db *db = gk_sessions_borrow(r->sessions, err);
	gk_code rc;

	if (!db)
		return GK_UNAVAILABLE;
	rc = read_all(db, r, err);
	gk_sessions_return(r->sessions, db);
	return rc;
}

/* --- on the loop --- */

static bool is_current(const gk_session_entry *entry, const gk_snapshot_row *row)
{
	return entry->document && entry->version == row->version &&
	       entry->heartbeat_ms == row->heartbeat_ms;
}

/* The document of what was read, which stays in memory. */
static json_t *deliver(reading *r)
{
	gk_session_cache *cache = &r->sessions->cache;
	gk_session_entry *entry = gk_session_cache_get(cache, 's', r->realm, r->row.snapshot_id);
	gk_auto_json json_t *before =
		r->is_known && entry ? gk_session_entry_document(cache, entry) : NULL;
	json_t *state = before ? json_object_get(before, "state") : r->state;
	size_t bytes = before ? entry->bytes : r->bytes;
	json_t *document;

	if (r->is_known && entry && !before)
		return NULL;
	if (before && is_current(entry, &r->row))
		return gk_steal(before);
	document = gk_session_document(&r->row, state);
	if (document)
		gk_session_cache_put(cache, 's', r->realm, r->row.snapshot_id,
			&(gk_session_entry){ .parts = r->row.parts,
				.version = r->row.version,
				.heartbeat_ms = r->row.heartbeat_ms,
				.document = document,
				.bytes = bytes });
	if (document && r->row.session_id)
		gk_session_cache_set_last(cache, r->realm, r->row.session_id, r->row.snapshot_id);
	return document;
}

/* The entry may have gone while the row was read: then it is read again, with its content. */
static gk_code read_it(reading *r, gk_session_entry *entry, json_t **ret, gk_error *err)
{
	gk_code rc;

	for (;;) {
		gk_session_entry *after;

		r->row = (gk_snapshot_row){ .id = 0 };
		r->known = entry ? entry->parts : (gk_parts){ .session = 0 };
		rc = gk_sessions_read(r->sessions, do_read, r, err);
		if (rc == GK_OK && !r->row.id)
			*ret = NULL;
		if (rc != GK_OK || !r->row.id)
			break;
		after = gk_session_cache_get(
			&r->sessions->cache, 's', r->realm, r->row.snapshot_id);
		if (!r->is_known ||
			(after && memcmp(&after->parts, &r->row.parts, sizeof(gk_parts)) == 0)) {
			*ret = deliver(r);
			if (!*ret)
				rc = gk_error_no_memory(err);
			break;
		}
		entry = NULL;
	}
	json_decref(r->state);
	gk_arena_done(&r->arena);
	return rc;
}

gk_code gk_sqlite_sessions_get(gk_ctx *ctx, gk_session_store *store, const gk_session_realm *realm,
	const char *snapshot_id, json_t **ret, gk_error *err)
{
	gk_sessions *sessions = gk_sessions_of(store);
	reading r = { .sessions = sessions, .realm = realm, .id = snapshot_id };

	(void)ctx;
	return read_it(
		&r, gk_session_cache_get(&sessions->cache, 's', realm, snapshot_id), ret, err);
}

gk_code gk_sqlite_sessions_latest(gk_ctx *ctx, gk_session_store *store,
	const gk_session_realm *realm, const char *session_id, json_t **ret, gk_error *err)
{
	gk_sessions *sessions = gk_sessions_of(store);
	const char *last = gk_session_cache_last(&sessions->cache, realm, session_id);
	reading r = { .sessions = sessions, .realm = realm, .id = session_id, .is_session = true };

	(void)ctx;
	return read_it(&r, last ? gk_session_cache_get(&sessions->cache, 's', realm, last) : NULL,
		ret, err);
}
