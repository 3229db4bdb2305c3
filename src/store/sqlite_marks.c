/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * Marks: what a filter of lists goes by, in place of an index of each column.
 *
 * The list of traces is cut into stretches of time (GK_STORE_MARK_MS). A mark says that in a stretch something begins, or
 * began, with a certain type, name or status of its root: a filter looks through the stretches that have marks of all that it
 * asks for, and only through those (sqlite_walk.c). Where many traces begin, many share a mark, and a trace costs no row;
 * where few do, it costs as many as three indexes would. A mark may stay when its traces have gone: it only ever says where
 * to look. None may be missing, so that one is left out only if it was written since the writer began to remember.
 */
#include "store/sqlite.h"

#include <math.h>
#include <stdio.h>

#define LAST_AT 1e15 /* what begins later is one stretch, as is what begins before 1970 */
/* Marks of many deleted traces lie together, those of a few do not: they are looked for when so many have gone, and then so
 * many values in a slice, or until so many marks went. */
#define SWEEP_TRACES 512
#define SWEEP_VALUES 250
#define SWEEP_MARKS  2000

void gk_mark_stretch(double start_ms, double *at, double *until)
{
	if (start_ms < 0) {
		*at = -INFINITY;
		*until = 0;
	} else if (start_ms >= LAST_AT) {
		*at = LAST_AT;
		*until = INFINITY;
	} else {
		*at = (double)((int64_t)start_ms / GK_STORE_MARK_MS * GK_STORE_MARK_MS);
		*until = *at + GK_STORE_MARK_MS;
	}
}

/* --- writing --- */

/* The place for it among those in mind; NULL: it is too long to be kept there. */
static gk_known_mark *place_of(gk_sqlite *sqlite, gk_mark_kind kind, const char *text, double at)
{
	uint64_t hash = 0xcbf29ce484222325u ^ (uint64_t)kind ^ (uint64_t)(int64_t)fmax(at, -1);
	size_t len = 0;

	for (; text[len]; len++)
		hash = (hash ^ (unsigned char)text[len]) * 0x100000001b3u;
	hash *= 0x9e3779b97f4a7c15u;
	return len < sizeof(sqlite->marks[0].text) ? &sqlite->marks[hash % GK_STORE_MARKS_KNOWN]
						   : NULL;
}

static bool is_known(const gk_known_mark *known, gk_mark_kind kind, const char *text, double at)
{
	return known && known->kind == kind && known->at == at && strcmp(known->text, text) == 0;
}

/* A status is its number; `number` of others is not looked at. */
static gk_code put_mark(gk_sqlite *sqlite, gk_mark_kind kind, const char *text, int number,
	double start_ms, gk_error *err)
{
	double at, until;
	gk_known_mark *known;
	sqlite3_stmt *s;
	gk_code rc;

	gk_mark_stretch(start_ms, &at, &until);
	known = place_of(sqlite, kind, text, at);
	if (is_known(known, kind, text, at))
		return GK_OK;
	s = gk_db_get(&sqlite->db, GK_SQL_ADD_MARK, err);
	if (!s)
		return GK_UNAVAILABLE;
	sqlite3_bind_int(s, 1, kind);
	if (kind == GK_MARK_STATUS && number >= 0)
		sqlite3_bind_int(s, 2, number);
	else
		gk_db_bind_text(s, 2, text);
	sqlite3_bind_double(s, 3, at);
	sqlite3_bind_double(s, 4, until);
	rc = gk_db_run(&sqlite->db, s, err);
	if (rc == GK_OK && known) {
		known->kind = kind;
		known->at = at;
		strcpy(known->text, text);
	}
	return rc;
}

gk_code gk_sqlite_mark(gk_sqlite *sqlite, double start_ms, const char *type, const char *name,
	int status, gk_error *err)
{
	char text[16] = GK_MARK_NO_STATUS;
	gk_code rc;

	if (start_ms == 0) /* not in the part of the list that has stretches */
		return GK_OK;
	rc = put_mark(sqlite, GK_MARK_TYPE, type, 0, start_ms, err);
	if (rc != GK_OK || !name)
		return rc;
	if (status >= 0)
		snprintf(text, sizeof(text), "%d", status);
	rc = put_mark(sqlite, GK_MARK_NAME, name, 0, start_ms, err);
	return rc == GK_OK ? put_mark(sqlite, GK_MARK_STATUS, text, status, start_ms, err) : rc;
}

void gk_sqlite_forget_marks(gk_sqlite *sqlite)
{
	memset(sqlite->marks, 0, sizeof(sqlite->marks));
}

/* --- what has become of no use --- */

/* The next value that marks have, after the one that was last, and the first stretch of it; *is_there false: that was the last of all. */
static gk_code next_value(gk_sqlite *sqlite, bool *is_there, double *first, gk_error *err)
{
	sqlite3_stmt *s = gk_db_get(&sqlite->db, GK_SQL_NEXT_VALUE, err);
	gk_code rc;

	if (!s)
		return GK_UNAVAILABLE;
	sqlite3_bind_int64(s, 1, sqlite->swept_kind);
	if (sqlite->swept_value)
		sqlite3_bind_value(s, 2, sqlite->swept_value);
	else
		gk_db_bind_text(s, 2, "");
	rc = gk_db_step(&sqlite->db, s, is_there, err);
	sqlite3_value_free(sqlite->swept_value);
	sqlite->swept_value = NULL;
	sqlite->swept_kind = 0;
	if (rc == GK_OK && *is_there) {
		*first = sqlite3_column_double(s, 2);
		sqlite->swept_kind = sqlite3_column_int64(s, 0);
		sqlite->swept_value = sqlite3_value_dup(sqlite3_column_value(s, 1));
		if (!sqlite->swept_value)
			rc = gk_error_no_memory(err);
	}
	sqlite3_reset(s);
	return rc;
}

static gk_code first_start(gk_sqlite *sqlite, double *ret, gk_error *err)
{
	sqlite3_stmt *s = gk_db_get(&sqlite->db, GK_SQL_FIRST_START, err);
	bool is_there;
	gk_code rc;

	if (!s)
		return GK_UNAVAILABLE;
	rc = gk_db_step(&sqlite->db, s, &is_there, err);
	if (rc == GK_OK)
		*ret = sqlite3_column_double(s, 0);
	sqlite3_reset(s);
	return rc;
}

/* Those of the value that end before `start`. */
static gk_code drop_marks(gk_sqlite *sqlite, double start, int *dropped, gk_error *err)
{
	sqlite3_stmt *s = gk_db_get(&sqlite->db, GK_SQL_DROP_MARKS, err);
	gk_code rc;

	if (!s)
		return GK_UNAVAILABLE;
	sqlite3_bind_int64(s, 1, sqlite->swept_kind);
	sqlite3_bind_value(s, 2, sqlite->swept_value);
	sqlite3_bind_double(s, 3, start);
	rc = gk_db_run(&sqlite->db, s, err);
	*dropped += rc == GK_OK ? sqlite3_changes(sqlite->db.handle) : 0;
	return rc;
}

gk_code gk_sqlite_sweep_marks(gk_sqlite *sqlite, uint64_t deleted, gk_error *err)
{
	bool is_there = true;
	double start = 0, first = 0;
	int dropped = 0;
	gk_code rc;

	sqlite->unswept += deleted;
	if (sqlite->unswept < SWEEP_TRACES)
		return GK_OK;
	rc = first_start(sqlite, &start, err);
	gk_sqlite_forget_marks(sqlite);
	for (int i = 0; rc == GK_OK && i < SWEEP_VALUES && dropped < SWEEP_MARKS; i++) {
		rc = next_value(sqlite, &is_there, &first, err);
		if (rc == GK_OK && !is_there)
			sqlite->unswept = 0;
		if (rc != GK_OK || !is_there)
			break; /* the next one begins anew */
		if (first < start)
			rc = drop_marks(sqlite, start, &dropped, err);
	}
	return rc;
}
