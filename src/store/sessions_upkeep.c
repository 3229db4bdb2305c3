/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* What ended processes left behind, what is deleted, and retention in slices: on the writer's thread. */
#include "store/sessions_internal.h"

#include "base/id.h"
#include "base/parse.h"
#include "base/process.h"
#include "base/str.h"

#include <stdio.h>
#include <unistd.h>

/* --- processes --- */

void gk_session_name_runner(char ret[GK_SESSION_RUNNER_SIZE])
{
	char id[GK_SPAN_ID_SIZE];

	gk_id_span(id);
	snprintf(ret, GK_SESSION_RUNNER_SIZE, "%d.%llu.%s", (int)getpid(),
		(unsigned long long)gk_process_start((uint64_t)getpid()), id);
}

/* Another process that still runs. */
static bool is_alive(const char *runner)
{
	const char *dot = strchr(runner, '.'), *end = dot ? strchr(dot + 1, '.') : NULL;
	uint64_t pid, start;

	return end && gk_parse_u64(runner, (size_t)(dot - runner), &pid) &&
	       gk_parse_u64(dot + 1, (size_t)(end - dot - 1), &start) &&
	       pid != (uint64_t)getpid() && start && gk_process_start(pid) == start;
}

/* --- recovery --- */

#define ENDED                                                                                      \
	"{\"status\":\"UNAVAILABLE\",\"message\":"                                                 \
	"\"The process that ran this turn ended before the turn did.\"}"

static gk_code fail_row(gk_db *db, int64_t row, gk_error *err)
{
	sqlite3_stmt *s = gk_session_sql(db, GK_SNAPSHOT_FAIL, err);
	int64_t now_ms = gk_session_now_ms();

	if (!s)
		return GK_UNAVAILABLE;
	sqlite3_bind_int64(s, 1, row);
	gk_db_bind_text(s, 2, ENDED);
	sqlite3_bind_int64(s, 3, now_ms);
	sqlite3_bind_int64(s, 4, now_ms * 1000);
	return gk_db_run(db, s, err);
}

gk_code gk_session_recover(gk_sessions *sessions, gk_db *db, gk_error *err)
{
	sqlite3_stmt *s = gk_session_sql(db, GK_SNAPSHOT_PENDING, err);
	uint64_t count = 0;
	gk_code rc = s ? gk_db_do(db, GK_SQL_BEGIN, err) : GK_UNAVAILABLE;

	if (rc != GK_OK)
		return rc;
	while (rc == GK_OK && gk_session_step(db, s, &rc, err)) {
		const char *runner = (const char *)sqlite3_column_text(s, 1);

		if (!runner || strcmp(runner, sessions->runner) == 0 || is_alive(runner))
			continue;
		rc = fail_row(db, sqlite3_column_int64(s, 0), err);
		count++;
	}
	sqlite3_reset(s);
	if (rc == GK_OK)
		rc = gk_db_do(db, GK_SQL_COMMIT, err);
	if (rc != GK_OK)
		gk_db_do(db, GK_SQL_ROLLBACK, NULL);
	else if (count)
		gk_log(GK_LOG_WARN, "store",
			"%llu turns were under way when their process ended: they are failed",
			(unsigned long long)count);
	return rc;
}

/* --- deleting --- */

static gk_code run_with(gk_db *db, gk_session_sql_id which, int64_t number, gk_error *err)
{
	sqlite3_stmt *s = gk_session_sql(db, which, err);

	if (!s)
		return GK_UNAVAILABLE;
	sqlite3_bind_int64(s, 1, number);
	return gk_db_run(db, s, err);
}

static gk_code drop_session(
	gk_sessions *sessions, gk_db *db, int64_t session, int64_t realm, gk_error *err)
{
	static const gk_session_sql_id steps[] = { GK_SESSION_DROP_SNAPSHOTS,
		GK_SESSION_DROP_THREADS, GK_SESSION_DROP_PARTS, GK_SESSION_DROP };
	sqlite3_stmt *s = gk_session_sql(db, GK_SESSION_BYTES, err);
	gk_code rc = s ? GK_OK : GK_UNAVAILABLE;

	if (rc != GK_OK)
		return rc;
	sqlite3_bind_int64(s, 1, session);
	if (gk_session_step(db, s, &rc, err))
		sessions->added -= sqlite3_column_int64(s, 0);
	sqlite3_reset(s);
	for (size_t i = 0; rc == GK_OK && i < sizeof(steps) / sizeof(steps[0]); i++)
		rc = run_with(db, steps[i], session, err);
	return rc == GK_OK ? run_with(db, GK_SESSION_DROP_REALM, realm, err) : rc;
}

/* Those that a statement names (number, realm), which is finalized. */
static gk_code drop_chosen(
	gk_sessions *sessions, gk_db *db, sqlite3_stmt *s, uint64_t *count, gk_error *err)
{
	gk_code rc = GK_OK;

	while (rc == GK_OK && gk_session_step(db, s, &rc, err)) {
		rc = drop_session(
			sessions, db, sqlite3_column_int64(s, 0), sqlite3_column_int64(s, 1), err);
		++*count;
	}
	sqlite3_finalize(s);
	return rc;
}

gk_code gk_session_remove(
	gk_sessions *sessions, gk_db *db, gk_session_command *command, gk_error *err)
{
	gk_auto_buf gk_buf sql = GK_BUF_INIT(0);
	const char *binds[3];
	int count = 0;
	sqlite3_stmt *s;

	command->count = 0;
	gk_buf_puts(&sql, "SELECT s.id, s.realm FROM sessions s JOIN session_realms r"
			  " ON r.id = s.realm WHERE 1");
	if (command->remove_store) {
		gk_buf_puts(&sql, " AND r.store = ?");
		binds[count++] = command->remove_store;
	}
	if (command->remove_owner) {
		gk_buf_puts(&sql, " AND r.owner = ?");
		binds[count++] = command->remove_owner;
	}
	if (command->session_id) {
		gk_buf_puts(&sql, " AND s.session_id = ?");
		binds[count++] = command->session_id;
	}
	gk_buf_printf(&sql, " LIMIT %d", GK_STORE_SWEEP_STEP);
	if (gk_buf_failed(&sql))
		return gk_error_no_memory(err);
	s = gk_db_prepare(db, sql.data, err);
	if (!s)
		return GK_UNAVAILABLE;
	for (int i = 0; i < count; i++)
		gk_db_bind_text(s, i + 1, binds[i]);
	return drop_chosen(sessions, db, s, &command->count, err);
}

/* --- retention --- */

#define OLDEST                                                                                     \
	"SELECT id, realm FROM sessions s WHERE touched_ms < ?1 AND NOT EXISTS(SELECT 1"           \
	" FROM snapshots n WHERE n.session = s.id AND n.runner IS NOT NULL)"                       \
	" ORDER BY touched_ms LIMIT ?2"

static gk_code drop_oldest(gk_sessions *sessions, gk_db *db, int64_t before_ms, uint64_t limit,
	uint64_t *count, gk_error *err)
{
	sqlite3_stmt *s = gk_db_prepare(db, OLDEST, err);

	if (!s)
		return GK_UNAVAILABLE;
	sqlite3_bind_int64(s, 1, before_ms);
	sqlite3_bind_int64(s, 2, (int64_t)limit);
	return drop_chosen(sessions, db, s, count, err);
}

static gk_code sweep(gk_sessions *sessions, gk_db *db, const gk_sessions_opts *limits,
	uint64_t *count, gk_error *err)
{
	int64_t now_ms = gk_session_now_ms(), number = 0;
	gk_code rc = GK_OK;

	if (limits->max_age_ms && limits->max_age_ms < (uint64_t)now_ms)
		rc = drop_oldest(sessions, db, now_ms - (int64_t)limits->max_age_ms,
			GK_STORE_SWEEP_STEP, count, err);
	if (rc == GK_OK && limits->max_count && !*count) {
		rc = gk_db_number(db, "SELECT count(*) FROM sessions", &number, err);
		if (rc == GK_OK && (uint64_t)number > limits->max_count) {
			uint64_t more = (uint64_t)number - limits->max_count;

			rc = drop_oldest(sessions, db, INT64_MAX,
				more < GK_STORE_SWEEP_STEP ? more : GK_STORE_SWEEP_STEP, count,
				err);
		}
	}
	if (rc == GK_OK && limits->max_bytes && !*count) {
		rc = gk_db_number(
			db, "SELECT value FROM meta WHERE key = 'session_bytes'", &number, err);
		if (rc == GK_OK && number > 0 && (uint64_t)number > limits->max_bytes)
			rc = drop_oldest(
				sessions, db, INT64_MAX, GK_SESSION_SWEEP_LARGE, count, err);
	}
	return rc;
}

bool gk_sessions_tend(gk_store_guest *guest, gk_trace_backend *backend)
{
	gk_sessions *sessions = (gk_sessions *)((char *)guest - offsetof(gk_sessions, guest));
	gk_sqlite *sqlite = (gk_sqlite *)backend;
	gk_auto_error gk_error err = { 0 };
	gk_sessions_opts limits;
	uint64_t count = 0;
	gk_code rc;

	pthread_mutex_lock(&sessions->lock);
	limits = sessions->opts;
	pthread_mutex_unlock(&sessions->lock);
	if (sessions->generation != sqlite->generation ||
		(!limits.max_age_ms && !limits.max_count && !limits.max_bytes))
		return false;
	rc = gk_db_do(&sqlite->db, GK_SQL_BEGIN, &err);
	if (rc == GK_OK) {
		sessions->added = 0;
		rc = sweep(sessions, &sqlite->db, &limits, &count, &err);
		rc = gk_session_end(sessions, &sqlite->db, rc, &err);
	}
	if (rc != GK_OK)
		gk_log(GK_LOG_ERROR, "store", "old sessions cannot be deleted: %s",
			err.message ? err.message : "out of memory");
	return rc == GK_OK && count > 0;
}
