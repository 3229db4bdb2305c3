/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Connections to the file: opened, inspected before anything is changed (telemetry section 9.1). */
#include "store/sqlite.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define HEADER_SIZE     100
#define HEADER_VERSION  60 /* user_version, big-endian */
#define HEADER_PROGRAM  68 /* application_id */
#define WRITER_CACHE_KB 16384
#define READER_CACHE_KB 2048

/* --- failures --- */

/* What the disk does, and may do no more in a moment. */
static bool is_disk(int status)
{
	switch (status & 0xff) {
	case SQLITE_FULL:
	case SQLITE_IOERR:
	case SQLITE_READONLY:
	case SQLITE_CANTOPEN:
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
	case SQLITE_PERM:
	case SQLITE_PROTOCOL:
		return true;
	default:
		return false;
	}
}

gk_code gk_db_fail(gk_db *db, const char *what, gk_error *err)
{
	int status = db->handle ? sqlite3_extended_errcode(db->handle) : SQLITE_NOMEM;
	const char *text = db->handle ? sqlite3_errmsg(db->handle) : "out of memory";

	if (status == SQLITE_NOMEM)
		return gk_error_no_memory(err);
	return gk_error_set(
		err, is_disk(status) ? GK_UNAVAILABLE : GK_INTERNAL, "%s: %s", what, text);
}

/* --- statements --- */

sqlite3_stmt *gk_db_prepare(gk_db *db, const char *sql, gk_error *err)
{
	sqlite3_stmt *statement = NULL;

	if (sqlite3_prepare_v2(db->handle, sql, -1, &statement, NULL) != SQLITE_OK)
		gk_db_fail(db, "the store cannot read its tables", err);
	return statement;
}

sqlite3_stmt *gk_db_get(gk_db *db, gk_sql which, gk_error *err)
{
	sqlite3_stmt **statement = &db->statements[which];

	if (!*statement && sqlite3_prepare_v3(db->handle, gk_sql_texts[which], -1,
				   SQLITE_PREPARE_PERSISTENT, statement, NULL) != SQLITE_OK)
		gk_db_fail(db, "the store cannot read its tables", err);
	return *statement;
}

gk_code gk_db_run(gk_db *db, sqlite3_stmt *statement, gk_error *err)
{
	int status = sqlite3_step(statement);

	if (status != SQLITE_DONE && status != SQLITE_ROW) {
		gk_code rc = gk_db_fail(db, "the store cannot write", err);

		sqlite3_reset(statement);
		return rc;
	}
	sqlite3_reset(statement);
	return GK_OK;
}

gk_code gk_db_step(gk_db *db, sqlite3_stmt *statement, bool *ret, gk_error *err)
{
	int status = sqlite3_step(statement);

	*ret = status == SQLITE_ROW;
	return status == SQLITE_ROW || status == SQLITE_DONE
		       ? GK_OK
		       : gk_db_fail(db, "the store cannot be read", err);
}

gk_code gk_db_do(gk_db *db, gk_sql which, gk_error *err)
{
	sqlite3_stmt *statement = gk_db_get(db, which, err);

	return statement ? gk_db_run(db, statement, err) : GK_UNAVAILABLE;
}

gk_code gk_db_exec(gk_db *db, const char *sql, gk_error *err)
{
	if (sqlite3_exec(db->handle, sql, NULL, NULL, NULL) != SQLITE_OK)
		return gk_db_fail(db, "the store", err);
	return GK_OK;
}

gk_code gk_db_number(gk_db *db, const char *sql, int64_t *ret, gk_error *err)
{
	sqlite3_stmt *statement = gk_db_prepare(db, sql, err);
	int status;

	if (!statement)
		return GK_UNAVAILABLE;
	status = sqlite3_step(statement);
	if (status == SQLITE_ROW && sqlite3_column_type(statement, 0) != SQLITE_NULL)
		*ret = sqlite3_column_int64(statement, 0);
	if (status != SQLITE_ROW && status != SQLITE_DONE) {
		gk_code rc = gk_db_fail(db, "the store cannot be read", err);

		sqlite3_finalize(statement);
		return rc;
	}
	sqlite3_finalize(statement);
	return GK_OK;
}

void gk_db_bind_text(sqlite3_stmt *statement, int index, const char *text)
{
	if (text)
		sqlite3_bind_text(statement, index, text, -1, SQLITE_STATIC);
	else
		sqlite3_bind_null(statement, index);
}

bool gk_db_copy_text(sqlite3_stmt *statement, int column, char **ret)
{
	bool is_there = sqlite3_column_type(statement, column) != SQLITE_NULL;
	const char *text = (const char *)sqlite3_column_text(statement, column);

	*ret = text ? strdup(text) : NULL;
	return *ret || !is_there;
}

/* --- opening --- */

void gk_db_close(gk_db *db)
{
	for (size_t i = 0; i < GK_SQL_COUNTS; i++)
		sqlite3_finalize(db->statements[i]);
	for (size_t i = 0; i < GK_SESSION_SQL_COUNTS; i++)
		sqlite3_finalize(db->sessions[i]);
	sqlite3_close(db->handle);
	json_decref(db->mark.filter);
	*db = (gk_db){ 0 };
}

static gk_code make_folders(const char *path, gk_error *err)
{
	gk_auto_str char *copy = strdup(path);

	if (!copy)
		return gk_error_no_memory(err);
	for (char *slash = strchr(copy + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(copy, 0700) < 0 && errno != EEXIST)
			return gk_error_set(
				err, GK_UNAVAILABLE, "cannot make %s: %s", copy, strerror(errno));
		*slash = '/';
	}
	return GK_OK;
}

static pthread_once_t set_up_once = PTHREAD_ONCE_INIT;

/* Each connection is one thread's at a time, and nobody asks how much memory they all take: both cost locks. */
static void set_up_library(void)
{
	sqlite3_config(SQLITE_CONFIG_MULTITHREAD);
	sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

static gk_code open_handle(gk_db *db, const char *path, bool is_reader, gk_error *err)
{
	int flags = SQLITE_OPEN_NOMUTEX |
		    (is_reader ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);

	*db = (gk_db){ 0 };
	pthread_once(&set_up_once, set_up_library);
	if (sqlite3_open_v2(path, &db->handle, flags, NULL) != SQLITE_OK ||
		sqlite3_extended_result_codes(db->handle, 1) != SQLITE_OK ||
		sqlite3_busy_timeout(db->handle, GK_STORE_BUSY_MS) != SQLITE_OK ||
		gk_sql_add_functions(db->handle) != SQLITE_OK) {
		gk_code rc = gk_db_fail(db, path, err);

		gk_db_close(db);
		return rc;
	}
	return GK_OK;
}

static bool is_new(const char *path)
{
	struct stat info;

	return stat(path, &info) < 0 || info.st_size == 0;
}

/* Small pages: a transaction writes some thirty of them, most for a few rows. What is deleted is overwritten where that costs
 * no page (Debian's default is to write each that becomes free, which are those of all that was in the journal). The order matters: page size and auto_vacuum only before the journal's mode (section 9.1). */
static gk_code set_up(gk_db *db, bool is_reader, bool is_new_file, gk_error *err)
{
	char text[512];

	if (is_reader)
		snprintf(text, sizeof(text),
			"PRAGMA temp_store = MEMORY;"
			"CREATE VIRTUAL TABLE temp.span_words USING fts5vocab(main, span_fts, instance);"
			"PRAGMA query_only = 1; PRAGMA cache_size = -%d;",
			READER_CACHE_KB);
	else
		snprintf(text, sizeof(text),
			"%s PRAGMA synchronous = %s; PRAGMA journal_mode = WAL;"
			"PRAGMA temp_store = MEMORY; PRAGMA secure_delete = FAST; PRAGMA cache_size = -%d;"
			"PRAGMA wal_autocheckpoint = 0; PRAGMA foreign_keys = OFF;"
			"PRAGMA journal_size_limit = %u;",
			/* of a file that is there the second would be a commit */
			is_new_file ? "PRAGMA page_size = 4096; PRAGMA auto_vacuum = INCREMENTAL;"
				    : "",
			/* until it has its tables there is nothing to lose: see gk_db_migrate() */
			is_new_file ? "OFF" : "NORMAL", WRITER_CACHE_KB, GK_STORE_WAL_MAX);
	return gk_db_exec(db, text, err);
}

gk_code gk_db_open(gk_db *db, const char *path, bool is_reader, gk_error *err)
{
	gk_code rc = is_reader ? GK_OK : make_folders(path, err);
	bool is_new_file = is_new(path);

	if (rc == GK_OK)
		rc = open_handle(db, path, is_reader, err);
	if (rc != GK_OK)
		return rc;
	rc = set_up(db, is_reader, is_new_file, err);
	if (rc != GK_OK)
		gk_db_close(db);
	return rc;
}

/* --- is it ours? --- */

static uint32_t big_endian(const unsigned char *at)
{
	return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static gk_code judge(const char *path, uint32_t program, int64_t version, gk_error *err)
{
	if (program != GK_DB_APPLICATION)
		return gk_error_set(err, GK_FAILED_PRECONDITION,
			"%s is a database of another program: it is left as it is", path);
	if (version > GK_DB_VERSION)
		return gk_error_set(err, GK_FAILED_PRECONDITION,
			"%s is of a newer version of genkitd (%lld, this one knows %d): it is left as it is",
			path, (long long)version, GK_DB_VERSION);
	return GK_OK;
}

/* A change that waits in the log is not in the header yet: that is asked for without writing. */
static gk_code ask_version(const char *path, gk_error *err)
{
	gk_db db;
	int64_t version = 0, program = 0;
	gk_code rc = open_handle(&db, path, true, err);

	if (rc != GK_OK)
		return rc;
	rc = gk_db_number(&db, "PRAGMA user_version", &version, err);
	if (rc == GK_OK)
		rc = gk_db_number(&db, "PRAGMA application_id", &program, err);
	gk_db_close(&db);
	return rc == GK_OK && version ? judge(path, (uint32_t)program, version, err) : rc;
}

gk_code gk_db_inspect(const char *path, gk_error *err)
{
	unsigned char header[HEADER_SIZE] = { 0 };
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t len;

	if (fd < 0)
		return errno == ENOENT ? GK_OK
				       : gk_error_set(err, GK_UNAVAILABLE, "cannot open %s: %s",
						 path, strerror(errno));
	len = pread(fd, header, sizeof(header), 0);
	close(fd);
	if (len < 0)
		return gk_error_set(
			err, GK_UNAVAILABLE, "cannot read %s: %s", path, strerror(errno));
	if (len == 0)
		return GK_OK;
	if (len < (ssize_t)sizeof(header) || memcmp(header, "SQLite format 3", 16) != 0)
		return gk_error_set(err, GK_UNAVAILABLE, "%s is damaged, or no database", path);
	if (big_endian(header + HEADER_VERSION) || big_endian(header + HEADER_PROGRAM))
		return judge(path, big_endian(header + HEADER_PROGRAM),
			big_endian(header + HEADER_VERSION), err);
	return ask_version(path, err);
}
