/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* What operators ask: which sessions there are, and all of one. */
#include "store/sessions_internal.h"

#include "base/clock.h"
#include "base/parse.h"
#include "json/edit.h"

#include <stdio.h>

typedef struct asking {
	gk_sessions *sessions;
	const gk_session_query *query;
	uint64_t offset;
	json_t *list;
	bool has_more;
} asking;

/* --- which ones --- */

/* The conditions of a query, and what is bound to them. */
static sqlite3_stmt *prepare(gk_db *db, const char *what, const char *order,
	const gk_session_query *query, gk_error *err)
{
	const struct {
		const char *condition, *value;
	} terms[] = {
		{ " AND r.store = ?", query->store },
		{ " AND r.owner = ?", query->owner },
		{ " AND s.session_id = ?", query->session_id },
	};
	gk_auto_buf gk_buf sql = GK_BUF_INIT(0);
	sqlite3_stmt *s;
	int next = 1;

	gk_buf_puts(&sql, what);
	gk_buf_puts(&sql, " FROM sessions s JOIN session_realms r ON r.id = s.realm"
			  " WHERE s.session_id IS NOT NULL");
	for (size_t i = 0; i < sizeof(terms) / sizeof(terms[0]); i++)
		if (terms[i].value)
			gk_buf_puts(&sql, terms[i].condition);
	gk_buf_puts(&sql, order);
	if (gk_buf_failed(&sql)) {
		gk_error_no_memory(err);
		return NULL;
	}
	s = gk_db_prepare(db, sql.data, err);
	for (size_t i = 0; s && i < sizeof(terms) / sizeof(terms[0]); i++)
		if (terms[i].value)
			gk_db_bind_text(s, next++, terms[i].value);
	return s;
}

/* --- the list --- */

static bool set_time(json_t *object, const char *name, int64_t ms)
{
	char text[GK_ISO_TIME_SIZE];

	gk_clock_iso((uint64_t)ms * 1000000, text);
	return gk_json_set_str(object, name, text);
}

static json_t *head_of(sqlite3_stmt *s)
{
	json_t *ret = json_object();

	if (gk_json_set_str(ret, "kind", sqlite3_column_int(s, 1) ? "chat" : "agent") &&
		gk_json_set_str(ret, "store", (const char *)sqlite3_column_text(s, 2)) &&
		gk_json_set_str(ret, "owner", (const char *)sqlite3_column_text(s, 3)) &&
		gk_json_set_str(ret, "sessionId", (const char *)sqlite3_column_text(s, 4)))
		return ret;
	json_decref(ret);
	return NULL;
}

#define HEAD "SELECT s.id, s.is_chat, r.store, r.owner, s.session_id"
#define LINE                                                                                       \
	HEAD ", s.agent, s.created_ms, max(s.touched_ms, ifnull((SELECT max(ifnull(n.updated_ms,"  \
	     " n.created_ms)) FROM snapshots n WHERE n.session = s.id AND n.children = 0), 0)),"   \
	     " (SELECT count(*) FROM snapshots n WHERE n.session = s.id),"                         \
	     " (SELECT count(*) FROM chat_threads t WHERE t.session = s.id),"                      \
	     " (SELECT n.status FROM snapshots n WHERE n.session = s.id AND n.children = 0"        \
	     " ORDER BY n.created_ms DESC, n.id DESC LIMIT 1)"

static json_t *line_of(sqlite3_stmt *s)
{
	json_t *ret = head_of(s);
	const char *agent = (const char *)sqlite3_column_text(s, 5);
	const char *status = (const char *)sqlite3_column_text(s, 10);
	bool is_chat = sqlite3_column_int(s, 1);

	if (ret && (!agent || gk_json_set_str(ret, "agent", agent)) &&
		gk_json_set_int(ret, is_chat ? "threads" : "snapshots",
			sqlite3_column_int64(s, is_chat ? 9 : 8)) &&
		(!status || gk_json_set_str(ret, "status", status)) &&
		set_time(ret, "createdAt", sqlite3_column_int64(s, 6)) &&
		set_time(ret, "updatedAt", sqlite3_column_int64(s, 7)))
		return ret;
	json_decref(ret);
	return NULL;
}

static gk_code list(gk_db *db, asking *a, gk_error *err)
{
	char order[96];
	sqlite3_stmt *s;
	gk_code rc = GK_OK;

	snprintf(order, sizeof(order),
		" ORDER BY s.touched_ms DESC, s.id DESC LIMIT %zu OFFSET %llu", a->query->limit + 1,
		(unsigned long long)a->offset);
	s = prepare(db, LINE, order, a->query, err);
	if (!s)
		return GK_UNAVAILABLE;
	while (rc == GK_OK && !a->has_more && gk_session_step(db, s, &rc, err)) {
		a->has_more = json_array_size(a->list) == a->query->limit;
		if (!a->has_more && !gk_json_push_take(a->list, line_of(s)))
			rc = gk_error_no_memory(err);
	}
	sqlite3_finalize(s);
	return rc;
}

static gk_code do_list(void *arg, gk_error *err)
{
	asking *a = arg;
	gk_db *db = gk_sessions_borrow(a->sessions, err);
	gk_code rc;

	if (!db)
		return GK_UNAVAILABLE;
	rc = list(db, a, err);
	gk_sessions_return(a->sessions, db);
	return rc;
}

gk_code gk_sqlite_sessions_list(
	gk_session_store *store, const gk_session_query *query, json_t **ret, gk_error *err)
{
	gk_auto_json json_t *answer = json_object();
	asking a = { .sessions = gk_sessions_of(store), .query = query, .list = json_array() };
	char token[24];
	gk_code rc;

	if (!gk_json_set_take(answer, "sessions", a.list))
		return gk_error_no_memory(err);
	if (query->token && (!gk_parse_u64(query->token, strlen(query->token), &a.offset) ||
				    a.offset > INT64_MAX))
		return gk_error_set(
			err, GK_INVALID_ARGUMENT, "'%s' is no continuation token", query->token);
	rc = gk_sessions_read(a.sessions, do_list, &a, err);
	if (rc != GK_OK)
		return rc;
	if (a.has_more) {
		snprintf(token, sizeof(token), "%llu", (unsigned long long)a.offset + query->limit);
		if (!gk_json_set_str(answer, "continuationToken", token))
			return gk_error_no_memory(err);
	}
	*ret = gk_steal(answer);
	return GK_OK;
}

/* --- one --- */

static gk_code show_snapshots(
	gk_db *db, asking *a, int64_t session, json_t *snapshots, gk_error *err)
{
	sqlite3_stmt *s = gk_session_sql(db, GK_SNAPSHOT_ROWS, err);
	gk_code rc = s ? GK_OK : GK_UNAVAILABLE;

	if (rc != GK_OK)
		return rc;
	sqlite3_bind_int64(s, 1, session);
	while (rc == GK_OK && gk_session_step(db, s, &rc, err)) {
		gk_auto_arena gk_arena arena = { 0 };
		gk_auto_json json_t *state = NULL;
		gk_snapshot_row row;
		size_t bytes;

		rc = gk_snapshot_row_read(&row, &arena, s, err);
		if (rc == GK_OK && a->query->with_state && !row.children)
			rc = gk_session_read_state(db, &row.parts, &state, &bytes, err);
		if (rc == GK_OK && !gk_json_push_take(snapshots, gk_session_document(&row, state)))
			rc = gk_error_no_memory(err);
	}
	sqlite3_reset(s);
	return rc;
}

static gk_code show_one(gk_db *db, asking *a, sqlite3_stmt *s, gk_error *err)
{
	json_t *one = head_of(s), *snapshots;
	int64_t session = sqlite3_column_int64(s, 0);

	if (!gk_json_push_take(a->list, one))
		return gk_error_no_memory(err);
	if (sqlite3_column_int(s, 1))
		return gk_session_show_chat(db, session, a->query->with_state, one, err);
	snapshots = json_array();
	if (!gk_json_set_take(one, "snapshots", snapshots))
		return gk_error_no_memory(err);
	return show_snapshots(db, a, session, snapshots, err);
}

static gk_code show(gk_db *db, asking *a, gk_error *err)
{
	char order[64];
	sqlite3_stmt *s;
	gk_code rc;

	snprintf(order, sizeof(order), " ORDER BY s.id LIMIT %zu", a->query->limit);
	s = prepare(db, HEAD, order, a->query, err);
	rc = s ? gk_session_begin_read(db, err) : GK_UNAVAILABLE;
	if (rc == GK_OK) {
		while (rc == GK_OK && gk_session_step(db, s, &rc, err))
			rc = show_one(db, a, s, err);
		sqlite3_reset(s);
		gk_db_do(db, GK_SQL_COMMIT, NULL);
	}
	sqlite3_finalize(s);
	return rc;
}

static gk_code do_show(void *arg, gk_error *err)
{
	asking *a = arg;
	gk_db *db = gk_sessions_borrow(a->sessions, err);
	gk_code rc;

	if (!db)
		return GK_UNAVAILABLE;
	rc = show(db, a, err);
	gk_sessions_return(a->sessions, db);
	return rc;
}

gk_code gk_sqlite_sessions_show(
	gk_session_store *store, const gk_session_query *query, json_t **ret, gk_error *err)
{
	gk_auto_json json_t *answer = json_object();
	asking a = { .sessions = gk_sessions_of(store), .query = query, .list = json_array() };
	gk_code rc;

	if (!gk_json_set_take(answer, "sessions", a.list))
		return gk_error_no_memory(err);
	rc = gk_sessions_read(a.sessions, do_show, &a, err);
	if (rc != GK_OK)
		return rc;
	if (!json_array_size(a.list))
		return gk_error_set(
			err, GK_NOT_FOUND, "there is no session '%s'", query->session_id);
	*ret = gk_steal(answer);
	return GK_OK;
}
