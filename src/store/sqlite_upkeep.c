/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* What keeps the file small and sound: retention, room given back, copies of the log, checks and backups (section 9.6). */
#include "store/sqlite.h"

#include "base/clock.h"
#include "json/edit.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define SHRINK_PAGES 200
#define CHECK_LINES  100

/* --- deleting --- */

static gk_code run_with(gk_sqlite *sqlite, gk_sql which, int64_t number, gk_error *err)
{
	sqlite3_stmt *s = gk_db_get(&sqlite->db, which, err);

	if (!s)
		return GK_UNAVAILABLE;
	sqlite3_bind_int64(s, 1, number);
	return gk_db_run(&sqlite->db, s, err);
}

/* Their texts leave the index, then they all go at once. */
static gk_code drop_spans(gk_sqlite *sqlite, int64_t trace, gk_error *err)
{
	sqlite3_stmt *s = gk_db_get(&sqlite->db, GK_SQL_TRACE_SPANS, err);
	bool more = true;
	gk_code rc = GK_OK;

	if (!s)
		return GK_UNAVAILABLE;
	sqlite3_bind_int64(s, 1, GK_FIRST_SPAN(trace));
	sqlite3_bind_int64(s, 2, GK_FIRST_SPAN(trace + 1));
	while (rc == GK_OK && (rc = gk_db_step(&sqlite->db, s, &more, err)) == GK_OK && more)
		rc = gk_sqlite_unindex(sqlite, sqlite3_column_int64(s, 0), err);
	sqlite3_reset(s);
	s = rc == GK_OK ? gk_db_get(&sqlite->db, GK_SQL_DROP_SPANS, err) : NULL;
	if (!s)
		return rc == GK_OK ? GK_UNAVAILABLE : rc;
	sqlite3_bind_int64(s, 1, GK_FIRST_SPAN(trace));
	sqlite3_bind_int64(s, 2, GK_FIRST_SPAN(trace + 1));
	return gk_db_run(&sqlite->db, s, err);
}

static gk_code drop_trace(gk_sqlite *sqlite, int64_t trace, const char *trace_id, gk_error *err)
{
	static const gk_sql with_number[] = { GK_SQL_DROP_LABELS, GK_SQL_DROP_TRACE };
	sqlite3_stmt *logs = gk_db_get(&sqlite->db, GK_SQL_DROP_TRACE_LOGS, err);
	gk_code rc = logs ? drop_spans(sqlite, trace, err) : GK_UNAVAILABLE;

	for (size_t i = 0; rc == GK_OK && i < sizeof(with_number) / sizeof(with_number[0]); i++)
		rc = run_with(sqlite, with_number[i], trace, err);
	if (rc == GK_OK) {
		gk_db_bind_text(logs, 1, trace_id);
		rc = gk_db_run(&sqlite->db, logs, err);
	}
	gk_table_remove(sqlite->states, trace_id);
	return rc;
}

/* Traces that `sql` names (number, id), at most a step of them. */
static gk_code drop_chosen(gk_sqlite *sqlite, const char *sql, int64_t bound, const char *trace_id,
	uint64_t *count, gk_error *err)
{
	sqlite3_stmt *s = gk_db_prepare(&sqlite->db, sql, err);
	bool more = true;
	gk_code rc = GK_OK;

	if (!s)
		return GK_UNAVAILABLE;
	if (trace_id)
		gk_db_bind_text(s, 1, trace_id);
	else
		sqlite3_bind_int64(s, 1, bound);
	while (rc == GK_OK && (rc = gk_db_step(&sqlite->db, s, &more, err)) == GK_OK && more) {
		gk_auto_str char *id = strdup((const char *)sqlite3_column_text(s, 1));

		rc = id ? drop_trace(sqlite, sqlite3_column_int64(s, 0), id, err)
			: gk_error_no_memory(err);
		(*count)++;
	}
	sqlite3_finalize(s);
	return rc == GK_OK && *count ? gk_sqlite_sweep_marks(sqlite, *count, err) : rc;
}

gk_code gk_sqlite_remove(
	gk_trace_backend *backend, const char *trace_id, uint64_t *ret, gk_error *err)
{
	gk_sqlite *sqlite = (gk_sqlite *)backend;
	uint64_t count = 0;
	gk_code rc = gk_sqlite_fold_all(sqlite, err);

	if (rc == GK_OK)
		rc = gk_sqlite_begin(sqlite, err);
	if (rc != GK_OK)
		return rc;
	if (trace_id)
		rc = drop_chosen(sqlite, "SELECT id, trace_id FROM traces WHERE trace_id = ?", 0,
			trace_id, &count, err);
	else
		rc = drop_chosen(sqlite, "SELECT id, trace_id FROM traces LIMIT ?",
			GK_STORE_SWEEP_STEP, NULL, &count, err);
	rc = gk_sqlite_end(sqlite, rc, err);
	if (rc != GK_OK)
		return rc;
	sqlite->sizes.deleted_asked += count;
	*ret = count;
	return GK_OK;
}

/* --- retention --- */

#define OLDEST "SELECT id, trace_id FROM traces INDEXED BY tr_age WHERE pinned = 0"

static gk_code sweep_age(gk_sqlite *sqlite, const gk_trace_limits *limits, uint64_t now_ms,
	bool *more, gk_error *err)
{
	uint64_t count = 0;
	gk_code rc = GK_OK;
	char sql[256];

	if (limits->max_age_ms && limits->max_age_ms < now_ms) {
		snprintf(sql, sizeof(sql),
			OLDEST " AND updated_ms < ? ORDER BY updated_ms LIMIT %d",
			GK_STORE_SWEEP_STEP);
		rc = drop_chosen(
			sqlite, sql, (int64_t)(now_ms - limits->max_age_ms), NULL, &count, err);
		sqlite->sizes.deleted_age += count;
	}
	if (rc == GK_OK && limits->max_log_age_ms && limits->max_log_age_ms < now_ms) {
		snprintf(sql, sizeof(sql),
			"DELETE FROM logs WHERE id IN (SELECT id FROM logs WHERE ts < %lld"
			" ORDER BY ts LIMIT %d)",
			(long long)(now_ms - limits->max_log_age_ms), 10 * GK_STORE_SWEEP_STEP);
		rc = gk_db_exec(&sqlite->db, sql, err);
	}
	*more |= count == GK_STORE_SWEEP_STEP;
	return rc;
}

static gk_code drop_oldest(
	gk_sqlite *sqlite, uint64_t wanted, uint64_t *total, bool *more, gk_error *err)
{
	uint64_t count = 0;
	int64_t step = wanted < GK_STORE_SWEEP_STEP ? (int64_t)wanted : GK_STORE_SWEEP_STEP;
	gk_code rc =
		drop_chosen(sqlite, OLDEST " ORDER BY updated_ms LIMIT ?", step, NULL, &count, err);

	*total += count;
	*more |= count == GK_STORE_SWEEP_STEP && wanted > count;
	return rc;
}

static gk_code used_bytes(gk_sqlite *sqlite, int64_t *ret, gk_error *err)
{
	int64_t pages = 0, spare = 0, size = 0;
	gk_code rc = gk_db_number(&sqlite->db, "PRAGMA page_count", &pages, err);

	if (rc == GK_OK)
		rc = gk_db_number(&sqlite->db, "PRAGMA freelist_count", &spare, err);
	if (rc == GK_OK)
		rc = gk_db_number(&sqlite->db, "PRAGMA page_size", &size, err);
	*ret = (pages - spare) * size;
	return rc;
}

static gk_code sweep_count(
	gk_sqlite *sqlite, const gk_trace_limits *limits, bool *more, gk_error *err)
{
	int64_t rows = 0;
	gk_code rc;

	if (limits->max_traces) {
		rc = gk_db_number(&sqlite->db, "SELECT count(*) FROM traces", &rows, err);
		if (rc == GK_OK && (uint64_t)rows > limits->max_traces)
			rc = drop_oldest(sqlite, (uint64_t)rows - limits->max_traces,
				&sqlite->sizes.deleted_count, more, err);
		if (rc != GK_OK)
			return rc;
	}
	if (limits->max_logs) {
		char sql[200];

		snprintf(sql, sizeof(sql),
			"DELETE FROM logs WHERE id <= (SELECT max(id) FROM logs) - %lld AND id IN"
			" (SELECT id FROM logs ORDER BY id LIMIT %d)",
			(long long)limits->max_logs, 10 * GK_STORE_SWEEP_STEP);
		return gk_db_exec(&sqlite->db, sql, err);
	}
	return GK_OK;
}

static gk_code sweep_size(
	gk_sqlite *sqlite, const gk_trace_limits *limits, bool *more, gk_error *err)
{
	int64_t bytes = 0;
	gk_code rc = GK_OK;

	if (!limits->max_bytes)
		return GK_OK;
	rc = used_bytes(sqlite, &bytes, err);
	if (rc == GK_OK && (uint64_t)bytes > limits->max_bytes)
		rc = drop_oldest(
			sqlite, GK_STORE_SWEEP_STEP + 1, &sqlite->sizes.deleted_size, more, err);
	return rc;
}

gk_code gk_sqlite_sweep(
	gk_trace_backend *backend, const gk_trace_limits *limits, bool *ret, gk_error *err)
{
	gk_sqlite *sqlite = (gk_sqlite *)backend;
	bool more = false;
	gk_code rc = gk_sqlite_begin(sqlite, err);

	*ret = false;
	if (rc != GK_OK)
		return rc;
	rc = sweep_age(sqlite, limits, gk_clock_wall_ns() / 1000000, &more, err);
	if (rc == GK_OK)
		rc = sweep_count(sqlite, limits, &more, err);
	if (rc == GK_OK)
		rc = sweep_size(sqlite, limits, &more, err);
	rc = gk_sqlite_end(sqlite, rc, err);
	*ret = rc == GK_OK && more;
	return rc;
}

/* --- room --- */

gk_code gk_sqlite_shrink(gk_trace_backend *backend, bool *ret, gk_error *err)
{
	gk_sqlite *sqlite = (gk_sqlite *)backend;
	int64_t spare = 0;
	char sql[64];
	gk_code rc = gk_db_number(&sqlite->db, "PRAGMA freelist_count", &spare, err);

	sqlite->looked_ms = 0; /* whoever asks for this wants to know what the file has become */
	*ret = spare > SHRINK_PAGES;
	if (rc != GK_OK || !spare)
		return rc;
	snprintf(sql, sizeof(sql), "PRAGMA incremental_vacuum(%d)", SHRINK_PAGES);
	return gk_db_exec(&sqlite->db, sql, err);
}

/* --- check, backup, stats --- */

static gk_code with_reader(gk_trace_backend *backend,
	gk_code (*fn)(gk_sqlite *sqlite, gk_db *db, const char *path, json_t **ret, gk_error *err),
	const char *path, json_t **ret, gk_error *err)
{
	gk_db *db = gk_sqlite_borrow((gk_sqlite *)backend, err);
	gk_code rc;

	if (!db)
		return GK_UNAVAILABLE;
	rc = fn((gk_sqlite *)backend, db, path, ret, err);
	gk_sqlite_return((gk_sqlite *)backend, db);
	return rc;
}

static gk_code check(gk_sqlite *sqlite, gk_db *db, const char *path, json_t **ret, gk_error *err)
{
	gk_auto_json json_t *messages = json_array(), *value = json_object();
	sqlite3_stmt *s = gk_db_prepare(db, "PRAGMA integrity_check", err);
	bool is_sound = true, more = true;
	gk_code rc;

	(void)sqlite;
	(void)path;
	if (!s)
		return GK_UNAVAILABLE;
	while ((rc = gk_db_step(db, s, &more, err)) == GK_OK && more &&
		json_array_size(messages) < CHECK_LINES) {
		const char *text = (const char *)sqlite3_column_text(s, 0);

		if (text && strcmp(text, "ok") == 0)
			continue;
		is_sound = false;
		if (!gk_json_push_take(messages, json_string(text ? text : "?")))
			break;
	}
	sqlite3_finalize(s);
	if (rc != GK_OK)
		return rc;
	if (!gk_json_set_bool(value, "ok", is_sound) || !gk_json_set(value, "messages", messages))
		return gk_error_no_memory(err);
	*ret = gk_steal(value);
	return GK_OK;
}

gk_code gk_sqlite_check(gk_trace_backend *backend, json_t **ret, gk_error *err)
{
	return with_reader(backend, check, NULL, ret, err);
}

/* In one go: with the log, writers go on meanwhile and the copy is of one moment. */
static gk_code copy_into(gk_db *from, gk_db *to, gk_error *err)
{
	sqlite3_backup *backup = sqlite3_backup_init(to->handle, "main", from->handle, "main");
	int status;

	if (!backup)
		return gk_db_fail(to, "the backup", err);
	do
		status = sqlite3_backup_step(backup, -1);
	while (status == SQLITE_BUSY || status == SQLITE_LOCKED);
	sqlite3_backup_finish(backup);
	return status == SQLITE_DONE ? GK_OK : gk_db_fail(to, "the backup", err);
}

static gk_code backup_to(
	gk_sqlite *sqlite, gk_db *db, const char *path, json_t **ret, gk_error *err)
{
	gk_db copy = { 0 };
	gk_auto_json json_t *value = json_object();
	struct stat info;
	gk_code rc;

	(void)sqlite;
	if (path[0] != '/')
		return gk_error_set(err, GK_INVALID_ARGUMENT, "a backup needs an absolute path");
	if (lstat(path, &info) == 0)
		return gk_error_set(err, GK_ALREADY_EXISTS, "%s exists already", path);
	if (sqlite3_open_v2(path, &copy.handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL) !=
		SQLITE_OK)
		rc = gk_db_fail(&copy, path, err);
	else
		rc = copy_into(db, &copy, err);
	gk_db_close(&copy);
	if (rc == GK_OK && stat(path, &info) < 0)
		rc = gk_error_set(err, GK_UNAVAILABLE, "%s: %s", path, strerror(errno));
	if (rc != GK_OK) {
		unlink(path);
		return rc;
	}
	if (!gk_json_set_str(value, "path", path) || !gk_json_set_int(value, "bytes", info.st_size))
		return gk_error_no_memory(err);
	*ret = gk_steal(value);
	return GK_OK;
}

gk_code gk_sqlite_backup(gk_trace_backend *backend, const char *path, json_t **ret, gk_error *err)
{
	return with_reader(backend, backup_to, path, ret, err);
}

static int64_t size_of(const char *path, const char *suffix)
{
	gk_auto_str char *name = NULL;
	struct stat info;

	if (asprintf(&name, "%s%s", path, suffix) < 0) {
		name = NULL;
		return 0;
	}
	return stat(name, &info) == 0 ? info.st_size : 0;
}

static gk_code stats(gk_sqlite *sqlite, gk_db *db, const char *path, json_t **ret, gk_error *err)
{
	static const struct {
		const char *name, *sql;
	} numbers[] = {
		{ "traces", "SELECT count(*) FROM traces" },
		{ "listed", "SELECT count(*) FROM traces WHERE has_root = 1" },
		{ "spans", "SELECT coalesce(sum(span_count), 0) FROM traces" },
		{ "running", "SELECT count(*) FROM spans WHERE end_ms = 0" },
		{ "logs", "SELECT count(*) FROM logs" },
		{ "unfolded", "SELECT coalesce(sum(spans), 0) FROM journal" },
		/* what a search would have to have indexed first, be it in the journal yet */
		{ "unindexed",
			"SELECT (SELECT count(*) FROM fts_todo) + (SELECT count(*) FROM spans"
			" WHERE id > (SELECT value FROM meta WHERE key = 'indexed'))"
			" + (SELECT coalesce(sum(spans), 0) FROM journal)" },
		{ "sparePages", "PRAGMA freelist_count" },
		{ "version", "PRAGMA user_version" },
	};
	gk_auto_json json_t *value = json_object();
	gk_code rc = GK_OK;

	(void)path;
	if (!gk_json_set_str(value, "path", sqlite->path) ||
		!gk_json_set_int(value, "bytes", size_of(sqlite->path, "")) ||
		!gk_json_set_int(value, "walBytes", size_of(sqlite->path, "-wal")))
		return gk_error_no_memory(err);
	for (size_t i = 0; rc == GK_OK && i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		int64_t number = 0;

		rc = gk_db_number(db, numbers[i].sql, &number, err);
		if (rc == GK_OK && !gk_json_set_int(value, numbers[i].name, number))
			rc = gk_error_no_memory(err);
	}
	if (rc == GK_OK)
		*ret = gk_steal(value);
	return rc;
}

gk_code gk_sqlite_stats(gk_trace_backend *backend, json_t **ret, gk_error *err)
{
	return with_reader(backend, stats, NULL, ret, err);
}
