/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* The traces that the writer has in mind, and their rows. */
#include "store/sqlite.h"

#include <stdio.h>

/* --- in mind --- */

static void free_state(void *user)
{
	gk_trace_state *state = user;

	free(state->name);
	free(state->root_type);
	free(state->root_name);
	free(state->session);
	free(state->summary);
	free(state->labels);
	gk_table_free(state->known);
	free(state);
}

void gk_sqlite_forget(gk_sqlite *sqlite)
{
	gk_sqlite_forget_marks(sqlite);
	TAILQ_INIT(&sqlite->dirty);
	sqlite->known = 0;
	gk_table_free(sqlite->states);
	sqlite->states = gk_table_new(free_state);
}

/* False when memory ran out: what is known in part must not be written back. */
static bool read_state(gk_trace_state *state, sqlite3_stmt *row)
{
	const void *summary = sqlite3_column_blob(row, 18);
	size_t summary_len = (size_t)sqlite3_column_bytes(row, 18);

	state->pk = sqlite3_column_int64(row, 0);
	state->is_stored = true;
	state->is_listed = sqlite3_column_int(row, 1);
	state->root_pk = sqlite3_column_int64(row, 2);
	state->has_start = sqlite3_column_type(row, 4) != SQLITE_NULL;
	state->start_ms = sqlite3_column_double(row, 4);
	state->has_end = sqlite3_column_type(row, 5) != SQLITE_NULL;
	state->end_ms = sqlite3_column_double(row, 5);
	state->root_start = sqlite3_column_double(row, 8);
	state->root_end = sqlite3_column_double(row, 9);
	state->root_status =
		sqlite3_column_type(row, 10) == SQLITE_NULL ? -1 : sqlite3_column_int(row, 10);
	state->spans = sqlite3_column_int64(row, 12);
	state->errors = sqlite3_column_int64(row, 13);
	state->tokens_in = sqlite3_column_int64(row, 14);
	state->tokens_out = sqlite3_column_int64(row, 15);
	state->bytes = sqlite3_column_int64(row, 16);
	state->sequence = sqlite3_column_int64(row, 17);
	state->summary = summary ? malloc(summary_len + 1) : NULL;
	if (state->summary)
		memcpy(state->summary, summary, summary_len);
	state->summary_len = summary_len;
	state->next_span = GK_FIRST_SPAN(state->pk) + 1;
	if (sqlite3_column_int64(row, 19) >= state->next_span)
		state->next_span = sqlite3_column_int64(row, 19) + 1;
	return (!summary || state->summary) && gk_db_copy_text(row, 3, &state->name) &&
	       gk_db_copy_text(row, 6, &state->root_type) &&
	       gk_db_copy_text(row, 7, &state->root_name) &&
	       gk_db_copy_text(row, 11, &state->session);
}

gk_code gk_sqlite_find_state(
	gk_sqlite *sqlite, const char *trace_id, gk_trace_state **ret, gk_error *err)
{
	gk_trace_state *state = gk_table_get(sqlite->states, trace_id);
	sqlite3_stmt *find;
	gk_code rc = GK_OK;
	int status;

	if (!state && gk_sqlite_may_be_gathered(sqlite, trace_id)) {
		rc = gk_sqlite_put_gathered(sqlite, err);
		if (rc != GK_OK)
			return rc;
		state = gk_table_get(sqlite->states, trace_id); /* one that was there already */
	}
	if (state) {
		*ret = state;
		return GK_OK;
	}
	find = gk_db_get(&sqlite->db, GK_SQL_FIND_TRACE, err);
	if (!find)
		return GK_UNAVAILABLE;
	state = calloc(1, sizeof(*state));
	if (!state || !gk_table_set(sqlite->states, trace_id, state)) {
		free(state);
		return gk_error_no_memory(err);
	}
	snprintf(state->trace_id, sizeof(state->trace_id), "%s", trace_id);
	gk_db_bind_text(find, 1, trace_id);
	status = sqlite3_step(find);
	if (status == SQLITE_ROW) {
		rc = read_state(state, find) ? GK_OK : gk_error_no_memory(err);
	} else if (status == SQLITE_DONE) {
		state->pk = sqlite->next_trace++;
		state->next_span = GK_FIRST_SPAN(state->pk) + 1;
		state->is_ours = true;
	} else {
		rc = gk_db_fail(&sqlite->db, "the store cannot be read", err);
	}
	sqlite3_reset(find);
	if (rc == GK_OK)
		*ret = state;
	else
		gk_table_remove(sqlite->states, trace_id);
	return rc;
}

static void bind_real(sqlite3_stmt *statement, int index, bool is_there, double value)
{
	if (is_there)
		sqlite3_bind_double(statement, index, value);
	else
		sqlite3_bind_null(statement, index);
}

/* From display_name on: both statements have them in the same order. */
void gk_sqlite_bind_state(sqlite3_stmt *s, const gk_trace_state *state)
{
	bool is_named = state->root_name != NULL;

	sqlite3_bind_int64(s, 1, state->pk);
	gk_db_bind_text(s, 2, state->trace_id);
	gk_db_bind_text(s, 3, state->name);
	bind_real(s, 4, state->has_start, state->start_ms);
	bind_real(s, 5, state->has_end, state->end_ms);
	sqlite3_bind_int(s, 6, state->is_listed);
	if (state->root_pk)
		sqlite3_bind_int64(s, 7, state->root_pk);
	else
		sqlite3_bind_null(s, 7);
	gk_db_bind_text(s, 8, state->root_type ? state->root_type : "UNKNOWN");
	gk_db_bind_text(s, 9, state->root_name);
	bind_real(s, 10, state->root_start != 0, state->root_start);
	bind_real(s, 11, state->root_end != 0, state->root_end);
	if (is_named && state->root_status >= 0)
		sqlite3_bind_int(s, 12, state->root_status);
	else
		sqlite3_bind_null(s, 12);
	gk_db_bind_text(s, 13, state->session);
	sqlite3_bind_int64(s, 14, state->spans);
	sqlite3_bind_int64(s, 15, state->errors);
	sqlite3_bind_int64(s, 16, state->tokens_in);
	sqlite3_bind_int64(s, 17, state->tokens_out);
	sqlite3_bind_int64(s, 18, state->bytes);
	if (state->summary)
		sqlite3_bind_blob(s, 19, state->summary, (int)state->summary_len, SQLITE_STATIC);
	else
		sqlite3_bind_null(s, 19);
	sqlite3_bind_int64(s, 20, state->updated_ms);
	sqlite3_bind_int64(s, 21, state->sequence);
}

static void bind_touch(sqlite3_stmt *s, const gk_trace_state *state)
{
	sqlite3_bind_int64(s, 1, state->pk);
	sqlite3_bind_int64(s, 2, state->spans);
	sqlite3_bind_int64(s, 3, state->errors);
	sqlite3_bind_int64(s, 4, state->tokens_in);
	sqlite3_bind_int64(s, 5, state->tokens_out);
	sqlite3_bind_int64(s, 6, state->bytes);
	sqlite3_bind_int64(s, 7, state->updated_ms);
	gk_db_bind_text(s, 8, state->session);
}

gk_code gk_sqlite_write_labels(gk_sqlite *sqlite, gk_trace_state *state, gk_error *err)
{
	gk_code rc = GK_OK;
	sqlite3_stmt *s;

	if (state->is_stored) {
		s = gk_db_get(&sqlite->db, GK_SQL_DROP_LABELS, err);
		if (!s)
			return GK_UNAVAILABLE;
		sqlite3_bind_int64(s, 1, state->pk);
		rc = gk_db_run(&sqlite->db, s, err);
	}
	for (const char *key = state->labels; rc == GK_OK && key && *key;) {
		const char *value = key + strlen(key) + 1;

		s = gk_db_get(&sqlite->db, GK_SQL_ADD_LABEL, err);
		if (!s)
			return GK_UNAVAILABLE;
		gk_db_bind_text(s, 1, key);
		gk_db_bind_text(s, 2, value);
		sqlite3_bind_int64(s, 3, state->pk);
		rc = gk_db_run(&sqlite->db, s, err);
		key = value + strlen(value) + 1;
	}
	return rc;
}

static gk_code write_state(gk_sqlite *sqlite, gk_trace_state *state, gk_error *err)
{
	gk_sql which = !state->is_stored       ? GK_SQL_ADD_TRACE
		       : state->is_index_dirty ? GK_SQL_UPDATE_TRACE
					       : GK_SQL_TOUCH_TRACE;
	sqlite3_stmt *s = gk_db_get(&sqlite->db, which, err);
	gk_code rc;

	if (!s)
		return GK_UNAVAILABLE;
	if (which == GK_SQL_TOUCH_TRACE)
		bind_touch(s, state);
	else
		gk_sqlite_bind_state(s, state);
	rc = gk_db_run(&sqlite->db, s, err);
	if (rc == GK_OK && state->is_index_dirty && (state->labels || state->is_stored))
		rc = gk_sqlite_write_labels(sqlite, state, err);
	if (rc == GK_OK && state->is_index_dirty && state->is_listed)
		rc = gk_sqlite_mark(sqlite, state->root_start,
			state->root_type ? state->root_type : "UNKNOWN", state->root_name,
			state->root_status, err);
	state->is_stored = true;
	state->is_dirty = state->is_index_dirty = false;
	return rc;
}

gk_code gk_sqlite_write_states(gk_sqlite *sqlite, gk_error *err)
{
	gk_trace_state *state;

	while ((state = TAILQ_FIRST(&sqlite->dirty))) {
		gk_code rc = write_state(sqlite, state, err);

		if (rc != GK_OK)
			return rc;
		TAILQ_REMOVE(&sqlite->dirty, state, dirty_link);
		if (state->is_done)
			gk_table_remove(sqlite->states, state->trace_id);
	}
	return GK_OK;
}

void gk_sqlite_mark_dirty(gk_sqlite *sqlite, gk_trace_state *state)
{
	if (!state->is_dirty)
		TAILQ_INSERT_TAIL(&sqlite->dirty, state, dirty_link);
	state->is_dirty = true;
	state->updated_ms = sqlite->now_ms;
}

/* --- their spans --- */

static bool set_known(
	gk_sqlite *sqlite, gk_trace_state *state, const char *key, const gk_known_span *span)
{
	gk_known_span *copy = malloc(sizeof(*copy));

	if (!copy)
		return false;
	*copy = *span;
	if (!gk_table_set(state->known, key, copy)) {
		free(copy);
		return false;
	}
	sqlite->known++;
	return true;
}

static gk_code read_known(gk_sqlite *sqlite, gk_trace_state *state, gk_error *err)
{
	sqlite3_stmt *s = gk_db_get(&sqlite->db, GK_SQL_KNOW_SPANS, err);
	gk_code rc = GK_OK;
	int status = SQLITE_DONE;

	if (!s)
		return GK_UNAVAILABLE;
	state->known = gk_table_new(free);
	if (!state->known)
		return gk_error_no_memory(err);
	sqlite3_bind_int64(s, 1, GK_FIRST_SPAN(state->pk));
	sqlite3_bind_int64(s, 2, GK_FIRST_SPAN(state->pk + 1));
	while (rc == GK_OK && (status = sqlite3_step(s)) == SQLITE_ROW) {
		gk_known_span span = { .pk = sqlite3_column_int64(s, 1),
			.end_ms = sqlite3_column_double(s, 2),
			.is_error = sqlite3_column_int(s, 3) == 2 };

		if (!set_known(sqlite, state, (const char *)sqlite3_column_text(s, 0), &span))
			rc = gk_error_no_memory(err);
	}
	sqlite3_reset(s);
	if (rc == GK_OK && status != SQLITE_DONE)
		rc = gk_db_fail(&sqlite->db, "the store cannot be read", err);
	if (rc != GK_OK) {
		gk_table_free(state->known);
		state->known = NULL;
	}
	return rc;
}

gk_code gk_sqlite_know(gk_sqlite *sqlite, gk_trace_state *state, const char *key,
	gk_known_span **ret, gk_error *err)
{
	gk_code rc = state->known ? GK_OK : read_known(sqlite, state, err);

	*ret = rc == GK_OK ? gk_table_get(state->known, key) : NULL;
	return rc;
}

gk_code gk_sqlite_learn(gk_sqlite *sqlite, gk_trace_state *state, const char *key,
	const gk_known_span *span, gk_error *err)
{
	return !state->known || set_known(sqlite, state, key, span) ? GK_OK
								    : gk_error_no_memory(err);
}
