/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* The writer's side: what is queued goes into one transaction. */
#include "store/sessions_internal.h"

#include "base/clock.h"
#include "base/str.h"

int64_t gk_session_now_ms(void)
{
	return (int64_t)(gk_clock_wall_ns() / 1000000);
}

/* Larger than any before it, also in a file that others write to. */
static int64_t new_version(int64_t before)
{
	int64_t now = (int64_t)(gk_clock_wall_ns() / 1000);

	return now > before ? now : before + 1;
}

/* --- realms, sessions, contents --- */

static gk_code find_one(
	gk_db *db, sqlite3_stmt *s, int64_t *ret, int64_t *second_ret, gk_error *err)
{
	gk_code rc = GK_OK;

	*ret = 0;
	if (gk_session_step(db, s, &rc, err)) {
		*ret = sqlite3_column_int64(s, 0);
		if (second_ret)
			*second_ret = sqlite3_column_int64(s, 1);
	}
	sqlite3_reset(s);
	return rc;
}

gk_code gk_session_realm_row(gk_db *db, const char *store, const char *owner, bool only_look,
	int64_t *ret, gk_error *err)
{
	sqlite3_stmt *s = gk_session_sql(db, GK_SESSION_FIND_REALM, err);
	gk_code rc;

	if (!s)
		return GK_UNAVAILABLE;
	gk_db_bind_text(s, 1, store);
	gk_db_bind_text(s, 2, owner);
	rc = find_one(db, s, ret, NULL, err);
	if (rc != GK_OK || *ret || only_look)
		return rc;
	s = gk_session_sql(db, GK_SESSION_ADD_REALM, err);
	if (!s)
		return GK_UNAVAILABLE;
	gk_db_bind_text(s, 1, store);
	gk_db_bind_text(s, 2, owner);
	rc = gk_db_run(db, s, err);
	*ret = sqlite3_last_insert_rowid(db->handle);
	return rc;
}

/* That a session was used is written once a minute. */
static gk_code touch(gk_db *db, int64_t session, int64_t touched_ms, gk_error *err)
{
	int64_t now_ms = gk_session_now_ms();
	sqlite3_stmt *s;

	if (now_ms - touched_ms < GK_SESSION_TOUCH_MS)
		return GK_OK;
	s = gk_session_sql(db, GK_SESSION_TOUCH, err);
	if (!s)
		return GK_UNAVAILABLE;
	sqlite3_bind_int64(s, 1, session);
	sqlite3_bind_int64(s, 2, now_ms);
	return gk_db_run(db, s, err);
}

gk_code gk_session_row(gk_db *db, int64_t realm, const char *session_id, bool is_chat,
	const char *agent, bool only_look, int64_t *ret, gk_error *err)
{
	sqlite3_stmt *s = gk_session_sql(db, GK_SESSION_FIND, err);
	int64_t touched_ms = 0;
	gk_code rc = s ? GK_OK : GK_UNAVAILABLE;

	*ret = 0;
	if (rc == GK_OK && session_id) {
		sqlite3_bind_int64(s, 1, realm);
		gk_db_bind_text(s, 2, session_id);
		sqlite3_bind_int(s, 3, is_chat);
		rc = find_one(db, s, ret, &touched_ms, err);
	}
	if (rc != GK_OK || only_look)
		return rc;
	if (*ret)
		return touch(db, *ret, touched_ms, err);
	s = gk_session_sql(db, GK_SESSION_ADD, err);
	if (!s)
		return GK_UNAVAILABLE;
	sqlite3_bind_int64(s, 1, realm);
	gk_db_bind_text(s, 2, session_id);
	sqlite3_bind_int(s, 3, is_chat);
	gk_db_bind_text(s, 4, agent);
	sqlite3_bind_int64(s, 5, gk_session_now_ms());
	rc = gk_db_run(db, s, err);
	*ret = sqlite3_last_insert_rowid(db->handle);
	return rc;
}

static gk_code add_part(gk_sessions *sessions, gk_db *db, int64_t session, int64_t part,
	int64_t prev, const char *text, size_t len, gk_error *err)
{
	sqlite3_stmt *s = gk_session_sql(db, GK_SESSION_ADD_PART, err);
	gk_auto_buf gk_buf packed = GK_BUF_INIT(0);
	gk_code rc;

	if (!s)
		return GK_UNAVAILABLE;
	if (!gk_doc_pack(&packed, text, len))
		return gk_error_no_memory(err);
	sqlite3_bind_int64(s, 1, session);
	sqlite3_bind_int64(s, 2, part);
	if (prev)
		sqlite3_bind_int64(s, 3, prev);
	else
		sqlite3_bind_null(s, 3);
	sqlite3_bind_blob64(s, 4, packed.data, packed.len, SQLITE_STATIC);
	rc = gk_db_run(db, s, err);
	sqlite3_clear_bindings(s);
	sessions->added += (int64_t)packed.len;
	return rc;
}

gk_code gk_session_write_body(gk_sessions *sessions, gk_db *db, int64_t session,
	const gk_body *body, gk_parts *ret, bool *is_stale, gk_error *err)
{
	sqlite3_stmt *s = gk_session_sql(db, GK_SESSION_LAST_PART, err);
	int64_t part = 0;
	gk_code rc;

	*is_stale = body->base.session && body->base.session != session;
	if (*is_stale || !s)
		return *is_stale ? GK_OK : GK_UNAVAILABLE;
	*ret = (gk_parts){ .session = session,
		.tail = body->base.tail,
		.count = body->count,
		.rest = body->base.rest };
	if (!body->has_messages && !body->rest)
		return GK_OK;
	sqlite3_bind_int64(s, 1, session);
	rc = find_one(db, s, &part, NULL, err);
	if (rc == GK_OK && body->has_messages) {
		rc = add_part(sessions, db, session, ++part, body->base.tail, body->messages,
			body->messages_len, err);
		ret->tail = part;
	}
	if (rc == GK_OK && body->rest) {
		rc = add_part(sessions, db, session, ++part, 0, body->rest, body->rest_len, err);
		ret->rest = part;
	}
	return rc;
}

/* --- the row that is there --- */

typedef struct present {
	int64_t id, version, session, created_ms, parent;
	const char *status; /* static */
	char *session_id, *parent_id;
} present;

static void present_done(present *row)
{
	free(row->session_id);
	free(row->parent_id);
}

static gk_code find_present(gk_db *db, int64_t realm, const char *id, present *ret, gk_error *err)
{
	sqlite3_stmt *s = gk_session_sql(db, GK_SNAPSHOT_FIND, err);
	gk_code rc = s ? GK_OK : GK_UNAVAILABLE;

	*ret = (present){ .id = 0 };
	if (rc != GK_OK)
		return rc;
	sqlite3_bind_int64(s, 1, realm);
	gk_db_bind_text(s, 2, id);
	if (gk_session_step(db, s, &rc, err)) {
		*ret = (present){ .id = sqlite3_column_int64(s, 0),
			.version = sqlite3_column_int64(s, 1),
			.status = gk_snapshot_status_name((const char *)sqlite3_column_text(s, 2)),
			.session = sqlite3_column_int64(s, 3),
			.created_ms = sqlite3_column_int64(s, 5),
			.parent = sqlite3_column_int64(s, 6) };
		if (!gk_db_copy_text(s, 4, &ret->session_id) ||
			!gk_db_copy_text(s, 7, &ret->parent_id))
			rc = gk_error_no_memory(err);
	}
	sqlite3_reset(s);
	return rc;
}

static bool is_allowed(const gk_session_command *command, const present *row)
{
	switch (command->action) {
	case GK_SNAPSHOT_FINISH:
		return !gk_str_equal(row->status, "aborted");
	case GK_SNAPSHOT_ABORT:
		return row->id && (!row->status || strcmp(row->status, "pending") == 0);
	case GK_SNAPSHOT_HEARTBEAT:
		return gk_str_equal(row->status, "pending");
	case GK_SNAPSHOT_REPLACE:
		return command->expected_version == (row->id ? row->version : 0);
	case GK_SNAPSHOT_PUT:
	default:
		return true;
	}
}

/* --- parents --- */

static gk_code run_with(
	gk_db *db, gk_session_sql_id which, int64_t a, const char *text, int64_t b, gk_error *err)
{
	sqlite3_stmt *s = gk_session_sql(db, which, err);
	int next = 2;

	if (!s)
		return GK_UNAVAILABLE;
	sqlite3_bind_int64(s, 1, a);
	if (text)
		gk_db_bind_text(s, next++, text);
	if (b)
		sqlite3_bind_int64(s, next, b);
	return gk_db_run(db, s, err);
}

/* The row of the parent, which has one child more now; 0: it is not there (yet). */
static gk_code join_parent(gk_db *db, int64_t realm, int64_t session, const char *parent_id,
	int64_t *ret, gk_error *err)
{
	sqlite3_stmt *s = gk_session_sql(db, GK_SNAPSHOT_FIND_PARENT, err);
	gk_code rc;

	*ret = 0;
	if (!s)
		return GK_UNAVAILABLE;
	sqlite3_bind_int64(s, 1, realm);
	gk_db_bind_text(s, 2, parent_id);
	sqlite3_bind_int64(s, 3, session);
	rc = find_one(db, s, ret, NULL, err);
	return rc == GK_OK && *ret ? run_with(db, GK_SNAPSHOT_ADD_CHILD, *ret, NULL, 0, err) : rc;
}

static gk_code count_orphans(
	gk_db *db, int64_t session, const char *id, int64_t *ret, gk_error *err)
{
	sqlite3_stmt *s = gk_session_sql(db, GK_SNAPSHOT_COUNT_ORPHANS, err);

	if (!s)
		return GK_UNAVAILABLE;
	sqlite3_bind_int64(s, 1, session);
	gk_db_bind_text(s, 2, id);
	return find_one(db, s, ret, NULL, err);
}

/* Where the row stands: `children` -1: as before. */
typedef struct place {
	int64_t session, parent, children;
} place;

static gk_code find_place(gk_db *db, int64_t realm, const gk_session_command *command,
	const present *row, place *ret, gk_error *err)
{
	const char *parent_id = command->row.parent_id;
	bool stays = row->id && row->session == ret->session;
	gk_code rc = GK_OK;

	ret->children = -1;
	ret->parent = 0;
	if (stays && (parent_id ? gk_str_equal(parent_id, row->parent_id) : !row->parent_id)) {
		ret->parent = row->parent;
		return GK_OK;
	}
	if (row->id && row->parent)
		rc = run_with(db, GK_SNAPSHOT_DROP_CHILD, row->parent, NULL, 0, err);
	if (rc == GK_OK && row->id && !stays) /* its children stay in the session they are of */
		rc = run_with(db, GK_SNAPSHOT_DISOWN, row->session, NULL, row->id, err);
	if (rc == GK_OK && parent_id)
		rc = join_parent(db, realm, ret->session, parent_id, &ret->parent, err);
	if (rc == GK_OK && !stays)
		rc = count_orphans(db, ret->session, command->row.snapshot_id, &ret->children, err);
	return rc;
}

/* --- writing it --- */

static void bind_time(sqlite3_stmt *s, int index, int64_t ms)
{
	if (ms >= 0)
		sqlite3_bind_int64(s, index, ms);
	else
		sqlite3_bind_null(s, index);
}

static gk_code put_row(gk_sessions *sessions, gk_db *db, int64_t realm, gk_session_command *command,
	bool is_new, const place *at, gk_error *err)
{
	const gk_snapshot_row *row = &command->row;
	sqlite3_stmt *s =
		gk_session_sql(db, is_new ? GK_SNAPSHOT_ADD : GK_SNAPSHOT_REPLACE_ROW, err);

	if (!s)
		return GK_UNAVAILABLE;
	sqlite3_bind_int64(s, 1, realm);
	gk_db_bind_text(s, 2, row->snapshot_id);
	sqlite3_bind_int64(s, 3, at->session);
	gk_db_bind_text(s, 4, row->parent_id);
	bind_time(s, 5, at->parent ? at->parent : -1);
	gk_db_bind_text(s, 6, row->status);
	gk_db_bind_text(s, 7, row->finish_reason);
	gk_db_bind_text(s, 8, row->error);
	gk_db_bind_text(s, 9, row->extra);
	sqlite3_bind_int64(s, 10, command->created_ms);
	bind_time(s, 11, row->updated_ms);
	bind_time(s, 12, row->heartbeat_ms);
	gk_db_bind_text(s, 13, gk_str_equal(row->status, "pending") ? sessions->runner : NULL);
	sqlite3_bind_int64(s, 14, command->row.version);
	sqlite3_bind_int64(s, 15, command->parts.tail);
	sqlite3_bind_int64(s, 16, command->parts.count);
	sqlite3_bind_int64(s, 17, command->parts.rest);
	bind_time(s, 18, is_new && at->children < 0 ? 0 : at->children);
	return gk_db_run(db, s, err);
}

static gk_code put(gk_sessions *sessions, gk_db *db, int64_t realm, gk_session_command *command,
	const present *row, gk_error *err)
{
	place at = { .session = row->session };
	bool keeps = row->id && gk_str_equal(row->session_id, command->row.session_id);
	gk_code rc = GK_OK;

	if (row->id && !row->session_id && !command->row.session_id)
		keeps = true;
	if (!keeps)
		rc = gk_session_row(db, realm, command->row.session_id, false, command->row.agent,
			false, &at.session, err);
	else if (command->row.session_id) /* it was used */
		rc = gk_session_row(db, realm, command->row.session_id, false, command->row.agent,
			false, &at.session, err);
	if (rc == GK_OK)
		rc = gk_session_write_body(sessions, db, at.session, &command->body,
			&command->parts, &command->is_stale, err);
	if (rc != GK_OK || command->is_stale)
		return rc;
	command->created_ms = command->action == GK_SNAPSHOT_FINISH && row->id
				      ? row->created_ms
				      : command->row.created_ms;
	command->row.version = new_version(row->version);
	rc = find_place(db, realm, command, row, &at, err);
	if (rc == GK_OK)
		rc = put_row(sessions, db, realm, command, !row->id, &at, err);
	command->row.id = row->id ? row->id : sqlite3_last_insert_rowid(db->handle);
	if (rc == GK_OK && at.children > 0)
		rc = run_with(db, GK_SNAPSHOT_ADOPT, at.session, command->row.snapshot_id,
			command->row.id, err);
	command->is_written = rc == GK_OK;
	command->status = gk_snapshot_status_name(command->row.status);
	return rc;
}

/* Status or heartbeat alone. */
static gk_code mark(gk_db *db, gk_session_command *command, const present *row, gk_error *err)
{
	bool aborts = command->action == GK_SNAPSHOT_ABORT;
	gk_code rc = run_with(db, aborts ? GK_SNAPSHOT_SET_ABORTED : GK_SNAPSHOT_SET_HEARTBEAT,
		row->id, NULL, aborts ? new_version(row->version) : command->row.heartbeat_ms, err);

	command->is_written = rc == GK_OK;
	command->status = aborts ? "aborted" : "pending";
	return rc;
}

static gk_code parent_of(gk_db *db, int64_t row, int64_t *ret, gk_error *err)
{
	sqlite3_stmt *s = gk_session_sql(db, GK_SNAPSHOT_PARENT, err);

	if (!s)
		return GK_UNAVAILABLE;
	sqlite3_bind_int64(s, 1, row);
	return find_one(db, s, ret, NULL, err);
}

/* Whether the row's parents go in circles: then none of them is beyond the others. A mark that is set further and further up is
 * met again. */
static gk_code goes_in_circles(gk_db *db, int64_t row, bool *ret, gk_error *err)
{
	int64_t mark = row;
	gk_code rc = GK_OK;

	*ret = false;
	for (unsigned n = 0, next = 1; rc == GK_OK && row && n < 2 * GK_MAX_CHAIN; n++) {
		rc = parent_of(db, row, &row, err);
		*ret = rc == GK_OK && row && row == mark;
		if (*ret)
			break;
		if (n == next) {
			mark = row;
			next *= 2;
		}
	}
	return rc;
}

/* What is beyond the kept part of the chain. A circle has a parent that is younger than its child. */
static gk_code prune(gk_db *db, const gk_session_command *command, gk_error *err)
{
	int64_t row = command->row.id, session = command->parts.session;
	bool is_circle = false, is_checked = false;
	gk_code rc = GK_OK;

	for (unsigned kept = 0; rc == GK_OK && row && kept < command->max_chain + GK_MAX_CHAIN;
		kept++) {
		int64_t above = 0;

		rc = parent_of(db, row, &above, err);
		if (rc == GK_OK && above > row && !is_checked) {
			rc = goes_in_circles(db, row, &is_circle, err);
			is_checked = true;
		}
		if (is_circle)
			break;
		if (rc == GK_OK && kept >= command->max_chain) {
			rc = run_with(db, GK_SNAPSHOT_DISOWN, session, NULL, row, err);
			if (rc == GK_OK)
				rc = run_with(db, GK_SNAPSHOT_DROP, row, NULL, 0, err);
			if (rc == GK_OK && above)
				rc = run_with(db, GK_SNAPSHOT_DROP_CHILD, above, NULL, 0, err);
		}
		row = above;
	}
	return rc;
}

gk_code gk_session_write_snapshot(
	gk_sessions *sessions, gk_db *db, gk_session_command *command, gk_error *err)
{
	bool marks =
		command->action == GK_SNAPSHOT_ABORT || command->action == GK_SNAPSHOT_HEARTBEAT;
	int64_t realm = 0;
	present row = { .id = 0 };
	gk_code rc = gk_session_realm_row(db, command->store, command->owner, marks, &realm, err);

	if (rc == GK_OK && realm)
		rc = find_present(db, realm, command->row.snapshot_id, &row, err);
	command->existed = row.id != 0;
	command->previous = row.status;
	if (rc == GK_OK && is_allowed(command, &row)) {
		if (!marks)
			rc = gk_snapshot_check_session(command->row.snapshot_id, row.session_id,
				command->row.session_id, err);
		if (rc == GK_OK)
			rc = marks ? mark(db, command, &row, err)
				   : put(sessions, db, realm, command, &row, err);
		if (rc == GK_OK && command->max_chain && command->is_written && !marks)
			rc = prune(db, command, err);
	}
	present_done(&row);
	return rc;
}

/* --- a transaction --- */

static gk_code do_one(gk_sessions *sessions, gk_db *db, gk_session_command *command, gk_error *err)
{
	static gk_code (*const kinds[])(
		gk_sessions *, gk_db *, gk_session_command *, gk_error *) = {
		[GK_WORK_SNAPSHOT] = gk_session_write_snapshot,
		[GK_WORK_CHAT] = gk_session_write_chat,
		[GK_WORK_REMOVE] = gk_session_remove,
	};

	command->is_written = command->is_stale = false;
	return kinds[command->kind](sessions, db, command, err);
}

static gk_code add_bytes(gk_sessions *sessions, gk_db *db, gk_error *err)
{
	sqlite3_stmt *s;

	if (!sessions->added)
		return GK_OK;
	s = gk_session_sql(db, GK_SESSION_ADD_BYTES, err);
	if (!s)
		return GK_UNAVAILABLE;
	sqlite3_bind_int64(s, 1, sessions->added);
	return gk_db_run(db, s, err);
}

gk_code gk_session_end(gk_sessions *sessions, gk_db *db, gk_code rc, gk_error *err)
{
	if (rc == GK_OK)
		rc = add_bytes(sessions, db, err);
	if (rc == GK_OK)
		rc = gk_db_do(db, GK_SQL_COMMIT, err);
	if (rc != GK_OK)
		gk_db_do(db, GK_SQL_ROLLBACK, NULL);
	return rc;
}

/* The transaction of one command, or of all (one NULL). A refusal of one is its own only when it is alone. */
static gk_code transact(gk_sessions *sessions, gk_db *db, struct gk_session_commands *all,
	gk_session_command *one, gk_error *err)
{
	gk_session_command *command;
	gk_code rc = gk_db_do(db, GK_SQL_BEGIN, err);

	if (rc != GK_OK)
		return rc;
	sessions->added = 0;
	if (one)
		rc = do_one(sessions, db, one, err);
	else
		STAILQ_FOREACH (command, all, link)
			if (rc == GK_OK)
				rc = do_one(sessions, db, command, err);
	return gk_session_end(sessions, db, rc, err);
}

static void fail_all(struct gk_session_commands *all, gk_code rc, const gk_error *why)
{
	gk_session_command *command;

	STAILQ_FOREACH (command, all, link) {
		command->is_written = false;
		command->rc = rc;
		if (gk_error_copy(&command->err, why) != rc)
			command->err.code = rc;
	}
}

static bool is_of_disk(gk_code rc)
{
	return rc == GK_UNAVAILABLE || rc == GK_RESOURCE_EXHAUSTED;
}

/* All in one; when one of them cannot be done, each alone. */
static gk_code work_off(gk_sessions *sessions, gk_db *db, struct gk_session_commands *all)
{
	gk_auto_error gk_error err = { 0 };
	gk_session_command *command;
	gk_code rc = transact(sessions, db, all, NULL, &err), worst = GK_OK;

	if (rc == GK_OK)
		return GK_OK;
	if (is_of_disk(rc)) {
		fail_all(all, rc, &err);
		return rc;
	}
	STAILQ_FOREACH (command, all, link) {
		command->rc = transact(sessions, db, NULL, command, &command->err);
		if (command->rc != GK_OK)
			command->is_written = false;
		if (command->rc == GK_UNAVAILABLE)
			worst = GK_UNAVAILABLE;
	}
	return worst;
}

static gk_code prepare(gk_sessions *sessions, gk_db *db, gk_error *err)
{
	int64_t version = 0;
	gk_code rc =
		gk_db_number(db, "SELECT value FROM meta WHERE key = 'sessions'", &version, err);

	if (rc == GK_OK && version > GK_SESSION_TABLES)
		return gk_error_set(err, GK_FAILED_PRECONDITION,
			"the sessions in the store are of a newer version of genkitd");
	if (rc == GK_OK && version == 0) {
		rc = gk_db_exec(db, "BEGIN IMMEDIATE", err);
		if (rc == GK_OK)
			rc = gk_db_exec(db, gk_session_tables, err);
		if (rc == GK_OK)
			rc = gk_db_exec(db, "COMMIT", err);
		if (rc != GK_OK)
			sqlite3_exec(db->handle, "ROLLBACK", NULL, NULL, NULL);
	}
	return rc == GK_OK ? gk_session_recover(sessions, db, err) : rc;
}

gk_code gk_sessions_work(
	gk_store_guest *guest, gk_trace_backend *backend, gk_code open_rc, const gk_error *why)
{
	gk_sessions *sessions = (gk_sessions *)((char *)guest - offsetof(gk_sessions, guest));
	gk_db *db = &((gk_sqlite *)backend)->db;
	struct gk_session_commands all = STAILQ_HEAD_INITIALIZER(all);
	gk_auto_error gk_error err = { 0 };
	gk_sqlite *sqlite = (gk_sqlite *)backend;
	gk_code rc = open_rc;

	pthread_mutex_lock(&sessions->lock);
	STAILQ_CONCAT(&all, &sessions->queue);
	pthread_mutex_unlock(&sessions->lock);
	if (rc == GK_OK && sessions->generation != sqlite->generation) { /* opened (again) */
		rc = prepare(sessions, db, &err);
		if (rc == GK_OK)
			sessions->generation = sqlite->generation;
		why = &err;
		if (rc != GK_OK)
			gk_log(GK_LOG_ERROR, "store", "sessions cannot be kept: %s",
				err.message ? err.message : "out of memory");
	}
	if (rc != GK_OK)
		fail_all(&all, rc == GK_FAILED_PRECONDITION ? rc : GK_UNAVAILABLE, why);
	else if (!STAILQ_EMPTY(&all))
		rc = work_off(sessions, db, &all);
	pthread_mutex_lock(&sessions->lock);
	sessions->has_worked = true;
	STAILQ_CONCAT(&sessions->done, &all);
	if (!STAILQ_EMPTY(&sessions->done) && !sessions->is_posted)
		sessions->is_posted = gk_loop_post(sessions->loop, gk_sessions_take_back, sessions);
	pthread_cond_signal(&sessions->worked);
	pthread_mutex_unlock(&sessions->lock);
	return rc;
}
