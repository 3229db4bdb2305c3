/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Merging: a batch of posts becomes one transaction (telemetry section 2.4). */
#include "store/sqlite.h"

#include "base/clock.h"
#include "base/str.h"

#include <genkit/json.h>
#include <stdio.h>
#include <unistd.h>

#define MAX_STATES 4096 /* traces kept in mind between transactions */

/* --- transactions --- */

static void free_state(void *user)
{
	gk_trace_state *state = user;

	free(state->name);
	free(state->root_type);
	free(state->root_name);
	free(state->session);
	free(state->summary);
	free(state->labels);
	free(state);
}

void gk_sqlite_forget(gk_sqlite *sqlite)
{
	TAILQ_INIT(&sqlite->dirty);
	gk_table_free(sqlite->states);
	sqlite->states = gk_table_new(free_state);
}

/* Another process may have written to the file since: what is kept in mind is then of no use, nor are our numbers. */
static gk_code read_numbers(gk_sqlite *sqlite, gk_error *err)
{
	sqlite3_stmt *version = gk_db_get(&sqlite->db, GK_SQL_DATA_VERSION, err);
	sqlite3_stmt *numbers;
	int64_t before = sqlite->data_version;
	int status;

	if (!version)
		return GK_UNAVAILABLE;
	if (sqlite3_step(version) == SQLITE_ROW)
		sqlite->data_version = sqlite3_column_int64(version, 0);
	sqlite3_reset(version);
	if (before && before == sqlite->data_version)
		return GK_OK;
	gk_sqlite_forget(sqlite);
	numbers = gk_db_get(&sqlite->db, GK_SQL_MAX_IDS, err);
	if (!numbers || !sqlite->states)
		return numbers ? gk_error_no_memory(err) : GK_UNAVAILABLE;
	status = sqlite3_step(numbers);
	if (status == SQLITE_ROW) {
		sqlite->next_trace = sqlite3_column_int64(numbers, 0) + 1;
		sqlite->next_span = sqlite3_column_int64(numbers, 1) + 1;
		sqlite->next_sequence = sqlite3_column_int64(numbers, 2) + 1;
	}
	sqlite3_reset(numbers);
	return status == SQLITE_ROW ? GK_OK
				    : gk_db_fail(&sqlite->db, "the store cannot be read", err);
}

gk_code gk_sqlite_begin(gk_sqlite *sqlite, gk_error *err)
{
	gk_code rc = gk_db_do(&sqlite->db, GK_SQL_BEGIN, err);

	if (rc != GK_OK)
		return rc;
	rc = read_numbers(sqlite, err);
	return rc == GK_OK ? GK_OK : gk_sqlite_end(sqlite, rc, err);
}

gk_code gk_sqlite_end(gk_sqlite *sqlite, gk_code rc, gk_error *err)
{
	if (rc == GK_OK)
		rc = gk_db_do(&sqlite->db, GK_SQL_COMMIT, err);
	if (rc == GK_OK)
		return GK_OK;
	gk_db_do(&sqlite->db, GK_SQL_ROLLBACK, NULL);
	sqlite->data_version = 0; /* read them again */
	return rc;
}

/* --- a trace --- */

static char *column_copy(sqlite3_stmt *statement, int index)
{
	const char *text = (const char *)sqlite3_column_text(statement, index);

	return text ? strdup(text) : NULL;
}

static void read_state(gk_trace_state *state, sqlite3_stmt *row)
{
	const void *summary = sqlite3_column_blob(row, 18);
	size_t summary_len = (size_t)sqlite3_column_bytes(row, 18);

	state->pk = sqlite3_column_int64(row, 0);
	state->is_stored = true;
	state->is_listed = sqlite3_column_int(row, 1);
	state->root_pk = sqlite3_column_int64(row, 2);
	state->name = column_copy(row, 3);
	state->has_start = sqlite3_column_type(row, 4) != SQLITE_NULL;
	state->start_ms = sqlite3_column_double(row, 4);
	state->has_end = sqlite3_column_type(row, 5) != SQLITE_NULL;
	state->end_ms = sqlite3_column_double(row, 5);
	state->root_type = column_copy(row, 6);
	state->root_name = column_copy(row, 7);
	state->root_start = sqlite3_column_double(row, 8);
	state->root_end = sqlite3_column_double(row, 9);
	state->root_status =
		sqlite3_column_type(row, 10) == SQLITE_NULL ? -1 : sqlite3_column_int(row, 10);
	state->session = column_copy(row, 11);
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
}

static gk_code find_state(
	gk_sqlite *sqlite, const char *trace_id, gk_trace_state **ret, gk_error *err)
{
	gk_trace_state *state = gk_table_get(sqlite->states, trace_id);
	sqlite3_stmt *find;
	int status;

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
	if (status == SQLITE_ROW)
		read_state(state, find);
	else if (status == SQLITE_DONE)
		state->pk = sqlite->next_trace++;
	sqlite3_reset(find);
	*ret = state;
	return status == SQLITE_ROW || status == SQLITE_DONE
		       ? GK_OK
		       : gk_db_fail(&sqlite->db, "the store cannot be read", err);
}

static void bind_real(sqlite3_stmt *statement, int index, bool is_there, double value)
{
	if (is_there)
		sqlite3_bind_double(statement, index, value);
	else
		sqlite3_bind_null(statement, index);
}

/* From display_name on: both statements have them in the same order. */
static void bind_state(sqlite3_stmt *s, const gk_trace_state *state, int64_t now_ms)
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
	sqlite3_bind_int64(s, 20, now_ms);
	sqlite3_bind_int64(s, 21, state->sequence);
}

static void bind_touch(sqlite3_stmt *s, const gk_trace_state *state, int64_t now_ms)
{
	sqlite3_bind_int64(s, 1, state->pk);
	sqlite3_bind_int64(s, 2, state->spans);
	sqlite3_bind_int64(s, 3, state->errors);
	sqlite3_bind_int64(s, 4, state->tokens_in);
	sqlite3_bind_int64(s, 5, state->tokens_out);
	sqlite3_bind_int64(s, 6, state->bytes);
	sqlite3_bind_int64(s, 7, now_ms);
	gk_db_bind_text(s, 8, state->session);
}

static gk_code write_labels(gk_sqlite *sqlite, gk_trace_state *state, gk_error *err)
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

static gk_code write_state(gk_sqlite *sqlite, gk_trace_state *state, int64_t now_ms, gk_error *err)
{
	gk_sql which = !state->is_stored       ? GK_SQL_ADD_TRACE
		       : state->is_index_dirty ? GK_SQL_UPDATE_TRACE
					       : GK_SQL_TOUCH_TRACE;
	sqlite3_stmt *s = gk_db_get(&sqlite->db, which, err);
	gk_code rc;

	if (!s)
		return GK_UNAVAILABLE;
	if (which == GK_SQL_TOUCH_TRACE)
		bind_touch(s, state, now_ms);
	else
		bind_state(s, state, now_ms);
	rc = gk_db_run(&sqlite->db, s, err);
	if (rc == GK_OK && state->is_index_dirty && (state->labels || state->is_stored))
		rc = write_labels(sqlite, state, err);
	state->is_stored = true;
	state->is_dirty = state->is_index_dirty = false;
	return rc;
}

static gk_code write_states(gk_sqlite *sqlite, gk_error *err)
{
	int64_t now_ms = (int64_t)(gk_clock_wall_ns() / 1000000);
	gk_trace_state *state;

	while ((state = TAILQ_FIRST(&sqlite->dirty))) {
		gk_code rc = write_state(sqlite, state, now_ms, err);

		if (rc != GK_OK)
			return rc;
		TAILQ_REMOVE(&sqlite->dirty, state, dirty_link);
		if (state->is_done)
			gk_table_remove(sqlite->states, state->trace_id);
	}
	return GK_OK;
}

static void mark_dirty(gk_sqlite *sqlite, gk_trace_state *state)
{
	if (!state->is_dirty)
		TAILQ_INSERT_TAIL(&sqlite->dirty, state, dirty_link);
	state->is_dirty = true;
}

/* --- the root of a trace --- */

static bool replace(char **text, const char *with)
{
	char *copy = with && *with ? strdup(with) : NULL;

	if (with && *with && !copy)
		return false;
	free(*text);
	*text = copy;
	return true;
}

static gk_code show_root(gk_trace_state *state, const gk_span_row *row, int64_t pk, gk_error *err)
{
	free(state->summary);
	state->summary = NULL;
	state->root_pk = pk;
	return gk_doc_summary(row->doc, row->doc_len, &state->summary, &state->summary_len, err);
}

static gk_code index_root(gk_trace_state *state, const gk_span_row *row, int64_t pk, gk_error *err)
{
	const char *type = row->subtype ? row->subtype : row->type ? row->type : "UNKNOWN";
	size_t size = gk_trace_labels_size(row->labels);

	free(state->labels);
	state->labels = size ? malloc(size) : NULL;
	if ((size && !state->labels) || !replace(&state->root_type, type) ||
		!replace(&state->root_name, row->name))
		return gk_error_no_memory(err);
	if (size)
		memcpy(state->labels, row->labels, size);
	state->root_start = row->start_ms;
	state->root_end = row->end_ms;
	state->root_status = row->status;
	return show_root(state, row, pk, err);
}

/* The span that was first without a parent has one now. */
static gk_code find_root(gk_sqlite *sqlite, gk_trace_state *state, bool is_indexed, gk_error *err)
{
	sqlite3_stmt *find = gk_db_get(&sqlite->db, GK_SQL_FIRST_ROOT, err);
	gk_auto_buf gk_buf text = GK_BUF_INIT(0), labels = GK_BUF_INIT(0);
	gk_auto_json json_t *span = NULL;
	gk_span_row row = { 0 };
	int64_t pk = 0;
	gk_code rc = GK_OK;

	if (!find)
		return GK_UNAVAILABLE;
	sqlite3_bind_int64(find, 1, state->pk);
	if (sqlite3_step(find) == SQLITE_ROW) {
		pk = sqlite3_column_int64(find, 0);
		rc = gk_doc_unpack(&text, sqlite3_column_blob(find, 7),
			(size_t)sqlite3_column_bytes(find, 7), err);
	}
	sqlite3_reset(find);
	if (rc == GK_OK && pk)
		rc = gk_json_parse(text.data, text.len, text.len, &span, err);
	if (rc != GK_OK)
		return rc;
	state->root_pk = pk;
	if (!pk) {
		free(state->summary);
		state->summary = NULL;
		return GK_OK;
	}
	gk_span_row_fill(&row, span, &labels);
	row.doc = text.data;
	row.doc_len = text.len;
	return is_indexed ? index_root(state, &row, pk, err) : show_root(state, &row, pk, err);
}

/* --- a span --- */

typedef struct known_span {
	int64_t pk; /* 0: there is none */
	double end_ms;
	bool is_error, is_root;
} known_span;

static gk_code look_for(gk_sqlite *sqlite, const gk_trace_state *state, const char *key,
	known_span *ret, gk_error *err)
{
	sqlite3_stmt *find = gk_db_get(&sqlite->db, GK_SQL_FIND_SPAN, err);
	int status;

	if (!find)
		return GK_UNAVAILABLE;
	sqlite3_bind_int64(find, 1, state->pk);
	gk_db_bind_text(find, 2, key);
	status = sqlite3_step(find);
	if (status == SQLITE_ROW)
		*ret = (known_span){ .pk = sqlite3_column_int64(find, 0),
			.end_ms = sqlite3_column_double(find, 1),
			.is_error = sqlite3_column_int(find, 2) == 2,
			.is_root = sqlite3_column_int(find, 3) };
	sqlite3_reset(find);
	return status == SQLITE_ROW || status == SQLITE_DONE
		       ? GK_OK
		       : gk_db_fail(&sqlite->db, "the store cannot be read", err);
}

static void bind_span(sqlite3_stmt *s, const gk_trace_state *state, const gk_span_row *row,
	int64_t pk, bool is_own)
{
	sqlite3_bind_int64(s, 1, pk);
	sqlite3_bind_int64(s, 2, state->pk);
	gk_db_bind_text(s, 3, row->key);
	gk_db_bind_text(s, 4, row->parent);
	gk_db_bind_text(s, 5, row->name);
	gk_db_bind_text(s, 6, row->type);
	gk_db_bind_text(s, 7, row->subtype);
	sqlite3_bind_double(s, 8, row->start_ms);
	sqlite3_bind_double(s, 9, row->end_ms);
	if (row->status >= 0)
		sqlite3_bind_int(s, 10, row->status);
	else
		sqlite3_bind_null(s, 10);
	gk_db_bind_text(s, 11, row->end_ms == 0 ? NULL : row->status == 2 ? "error" : "success");
	if (is_own && row->end_ms == 0)
		sqlite3_bind_int64(s, 12, getpid());
	else
		sqlite3_bind_null(s, 12);
}

static gk_code put_doc(gk_sqlite *sqlite, const gk_span_row *row, int64_t pk, gk_error *err)
{
	sqlite3_stmt *s = gk_db_get(&sqlite->db, GK_SQL_PUT_DOC, err);

	if (!s)
		return GK_UNAVAILABLE;
	if (!gk_doc_pack(&sqlite->packed, row->doc, row->doc_len))
		return gk_error_no_memory(err);
	sqlite3_bind_int64(s, 1, pk);
	sqlite3_bind_blob(s, 2, sqlite->packed.data, (int)sqlite->packed.len, SQLITE_STATIC);
	return gk_db_run(&sqlite->db, s, err);
}

static gk_code replace_span(gk_sqlite *sqlite, gk_trace_state *state, const gk_span_row *row,
	bool is_own, const known_span *known, gk_error *err)
{
	sqlite3_stmt *s = gk_db_get(&sqlite->db, GK_SQL_REPLACE_SPAN, err);
	gk_code rc = s ? GK_OK : GK_UNAVAILABLE;

	if (rc == GK_OK)
		rc = gk_sqlite_unindex(sqlite, known->pk, err);
	if (rc != GK_OK)
		return rc;
	bind_span(s, state, row, known->pk, is_own);
	rc = gk_db_run(&sqlite->db, s, err);
	if (rc == GK_OK)
		rc = put_doc(sqlite, row, known->pk, err);
	if (rc == GK_OK)
		rc = gk_sqlite_reindex(sqlite, known->pk, err);
	return rc;
}

static gk_code add_span(gk_sqlite *sqlite, gk_trace_state *state, const gk_span_row *row,
	bool is_own, int64_t *ret, gk_error *err)
{
	sqlite3_stmt *s = gk_db_get(&sqlite->db, GK_SQL_ADD_SPAN, err);
	gk_code rc;

	if (!s)
		return GK_UNAVAILABLE;
	*ret = sqlite->next_span++;
	bind_span(s, state, row, *ret, is_own);
	rc = gk_db_run(&sqlite->db, s, err);
	if (rc == GK_OK)
		rc = put_doc(sqlite, row, *ret, err);
	return rc;
}

/* What a merge of one post goes by. */
typedef struct merging {
	gk_trace_state *state;
	bool is_own;
	bool may_know;  /* the trace had spans before */
	bool has_root;  /* the post has a span without parent, */
	bool took_root; /* and one of them was accepted */
	bool lost_root;
} merging;

static gk_code take_root(merging *m, const gk_span_row *row, int64_t pk, gk_error *err)
{
	gk_trace_state *state = m->state;

	m->took_root = true;
	if (state->root_pk && state->root_pk < pk)
		return GK_OK;
	return index_root(state, row, pk, err);
}

static bool is_duplicate(const gk_db *db)
{
	return (sqlite3_errcode(db->handle) & 0xff) == SQLITE_CONSTRAINT;
}

static gk_code merge_span(gk_sqlite *sqlite, merging *m, gk_span_row *row, gk_error *err)
{
	gk_trace_state *state = m->state;
	known_span known = { 0 };
	int64_t pk = 0;
	gk_code rc = GK_OK;

	m->has_root |= !row->parent;
	row->is_accepted = false;
	if (m->may_know && !row->is_new)
		rc = look_for(sqlite, state, row->key, &known, err);
	if (rc == GK_OK && !known.pk)
		rc = add_span(sqlite, state, row, m->is_own, &pk, err);
	if (rc != GK_OK && is_duplicate(&sqlite->db)) { /* one of ours that came back to us */
		gk_error_clear(err);
		rc = look_for(sqlite, state, row->key, &known, err);
		if (rc == GK_OK && !known.pk)
			rc = gk_error_set(err, GK_INTERNAL, "a span is in the way of another");
	}
	if (rc != GK_OK)
		return rc;
	if (known.end_ms > 0 && row->end_ms == 0)
		return GK_OK; /* a start that comes late */
	if (known.pk)
		rc = replace_span(sqlite, state, row, m->is_own, &known, err);
	if (rc != GK_OK)
		return rc;
	if (known.pk)
		pk = known.pk;
	row->is_accepted = true;
	state->spans += !known.pk;
	state->errors += (row->status == 2) - known.is_error;
	state->bytes += (int64_t)row->doc_len;
	state->tokens_in += row->tokens_in;
	state->tokens_out += row->tokens_out;
	if (row->session && !gk_str_equal(state->session, row->session) &&
		!replace(&state->session, row->session))
		return gk_error_no_memory(err);
	if (!row->parent)
		return take_root(m, row, pk, err);
	m->lost_root |= state->root_pk == pk;
	return GK_OK;
}

/* A post was all noise, so whose parents are not there will have none: they become roots. They are listed only if the
 * trace was (section 2.4, step 3). */
static gk_code promote(gk_sqlite *sqlite, gk_trace_state *state, gk_error *err)
{
	sqlite3_stmt *find = gk_db_get(&sqlite->db, GK_SQL_DANGLING, err);
	gk_auto_buf gk_buf text = GK_BUF_INIT(0);
	gk_code rc = GK_OK;
	int status;

	if (!find)
		return GK_UNAVAILABLE;
	sqlite3_bind_int64(find, 1, state->pk);
	while (rc == GK_OK && (status = sqlite3_step(find)) == SQLITE_ROW) {
		int64_t pk = sqlite3_column_int64(find, 0);
		gk_auto_json json_t *span = NULL;
		gk_auto_str char *written = NULL;
		gk_span_row row = { 0 };
		sqlite3_stmt *clear = gk_db_get(&sqlite->db, GK_SQL_CLEAR_PARENT, err);

		gk_buf_clear(&text);
		rc = gk_doc_unpack(&text, sqlite3_column_blob(find, 1),
			(size_t)sqlite3_column_bytes(find, 1), err);
		if (rc == GK_OK)
			rc = gk_json_parse(text.data, text.len, text.len, &span, err);
		if (rc != GK_OK || !clear)
			break;
		json_object_del(span, "parentSpanId");
		written = gk_json_write(span, &row.doc_len);
		row.doc = written;
		sqlite3_bind_int64(clear, 1, pk);
		rc = written ? gk_db_run(&sqlite->db, clear, err) : gk_error_no_memory(err);
		if (rc == GK_OK)
			rc = put_doc(sqlite, &row, pk, err);
	}
	sqlite3_reset(find);
	return rc == GK_OK ? find_root(sqlite, state, false, err) : rc;
}

static gk_code take_times(gk_trace_state *state, const gk_trace_post *post, gk_error *err)
{
	if (post->name) {
		char *copy = strdup(post->name);

		if (!copy)
			return gk_error_no_memory(err);
		free(state->name);
		state->name = copy;
	}
	if (post->has_start) {
		state->has_start = true;
		state->start_ms = post->start_ms;
	}
	if (post->has_end) {
		state->has_end = true;
		state->end_ms = post->end_ms;
	}
	state->is_index_dirty |= post->name || post->has_start || post->has_end;
	return GK_OK;
}

/* Most of ours are a trace of one span that has ended: a row in each table, and nothing to keep in mind. */
static bool is_whole(const gk_sqlite *sqlite, const gk_trace_post *post)
{
	const gk_span_row *row = STAILQ_FIRST(&post->rows);

	return post->is_own && post->count == 1 && !row->parent && row->is_new && row->end_ms > 0 &&
	       !gk_table_get(sqlite->states, post->trace_id);
}

/* *ret false: the trace is there already. */
static gk_code add_whole(gk_sqlite *sqlite, const gk_trace_post *post, bool *ret, gk_error *err)
{
	gk_span_row *row = STAILQ_FIRST(&post->rows);
	int64_t now_ms = (int64_t)(gk_clock_wall_ns() / 1000000), pk;
	gk_trace_state state = { .pk = sqlite->next_trace,
		.is_listed = true,
		.root_pk = sqlite->next_span,
		.name = (char *)(uintptr_t)post->name,
		.has_start = true,
		.has_end = true,
		.start_ms = post->start_ms,
		.end_ms = post->end_ms,
		.root_type = (char *)(uintptr_t)(row->subtype ? row->subtype
						 : row->type  ? row->type
							      : "UNKNOWN"),
		.root_name = (char *)(uintptr_t)(*row->name ? row->name : NULL),
		.session = (char *)(uintptr_t)row->session,
		.root_start = row->start_ms,
		.root_end = row->end_ms,
		.root_status = row->status,
		.labels = (char *)(uintptr_t)row->labels,
		.spans = 1,
		.errors = row->status == 2,
		.tokens_in = row->tokens_in,
		.tokens_out = row->tokens_out,
		.bytes = (int64_t)row->doc_len,
		.sequence = sqlite->next_sequence };
	sqlite3_stmt *s = gk_db_get(&sqlite->db, GK_SQL_ADD_TRACE, err);
	gk_code rc = s ? GK_OK : GK_UNAVAILABLE;

	*ret = false;
	if (rc == GK_OK)
		rc = gk_doc_summary(
			row->doc, row->doc_len, &state.summary, &state.summary_len, err);
	if (rc != GK_OK)
		return rc;
	snprintf(state.trace_id, sizeof(state.trace_id), "%s", post->trace_id);
	bind_state(s, &state, now_ms);
	rc = gk_db_run(&sqlite->db, s, err);
	free(state.summary);
	if (rc != GK_OK && is_duplicate(&sqlite->db)) {
		gk_error_clear(err);
		return GK_OK;
	}
	*ret = true;
	sqlite->next_trace++;
	sqlite->next_sequence++;
	row->is_accepted = true;
	if (rc == GK_OK && state.labels)
		rc = write_labels(sqlite, &state, err);
	return rc == GK_OK ? add_span(sqlite, &state, row, true, &pk, err) : rc;
}

static gk_code merge_known(gk_sqlite *sqlite, gk_trace_post *post, gk_error *err)
{
	merging m = { .is_own = post->is_own };
	gk_trace_state *state = NULL;
	gk_span_row *row;
	gk_code rc = find_state(sqlite, post->trace_id, &state, err);

	if (rc != GK_OK)
		return rc;
	m.state = state;
	m.may_know = state->spans > 0;
	mark_dirty(sqlite, state);
	STAILQ_FOREACH (row, &post->rows, link) {
		rc = merge_span(sqlite, &m, row, err);
		if (rc != GK_OK)
			return rc;
	}
	if (m.lost_root)
		rc = find_root(sqlite, state, m.has_root, err);
	if (rc == GK_OK && post->filtered && !post->count && state->spans) {
		rc = promote(sqlite, state, err);
		state->is_index_dirty = true;
	}
	if (rc == GK_OK && (!m.has_root || m.took_root))
		rc = take_times(state, post, err);
	if (m.has_root) {
		state->is_listed = state->is_index_dirty = true;
		state->sequence = sqlite->next_sequence++;
	}
	state->is_index_dirty |= m.lost_root;
	state->is_done = post->is_own && m.took_root && state->root_end > 0;
	return rc;
}

static gk_code merge_post(gk_sqlite *sqlite, gk_trace_post *post, gk_error *err)
{
	bool is_added = false;
	gk_code rc = GK_OK;

	if (is_whole(sqlite, post))
		rc = add_whole(sqlite, post, &is_added, err);
	return rc == GK_OK && !is_added ? merge_known(sqlite, post, err) : rc;
}

/* --- logs --- */

static gk_code add_log(gk_sqlite *sqlite, const gk_log_row *row, gk_error *err)
{
	sqlite3_stmt *s = gk_db_get(&sqlite->db, GK_SQL_ADD_LOG, err);

	if (!s)
		return GK_UNAVAILABLE;
	gk_db_bind_text(s, 1, row->log_id);
	gk_db_bind_text(s, 2, row->trace_id);
	gk_db_bind_text(s, 3, row->span_id);
	sqlite3_bind_int64(s, 4, row->time_ms);
	if (row->severity == INT64_MIN)
		sqlite3_bind_null(s, 5);
	else
		sqlite3_bind_int64(s, 5, row->severity);
	gk_db_bind_text(s, 6, row->severity_text);
	if (!gk_doc_pack(&sqlite->packed, row->doc, row->doc_len))
		return gk_error_no_memory(err);
	sqlite3_bind_blob(s, 7, sqlite->packed.data, (int)sqlite->packed.len, SQLITE_STATIC);
	return gk_db_run(&sqlite->db, s, err);
}

/* --- a batch --- */

static gk_code write_sequence(gk_sqlite *sqlite, gk_error *err)
{
	sqlite3_stmt *s = gk_db_get(&sqlite->db, GK_SQL_SET_META, err);

	if (!s)
		return GK_UNAVAILABLE;
	gk_db_bind_text(s, 1, "sequence");
	sqlite3_bind_int64(s, 2, sqlite->next_sequence - 1);
	return gk_db_run(&sqlite->db, s, err);
}

static gk_code merge_all(gk_sqlite *sqlite, gk_trace_batch *batch, gk_error *err)
{
	gk_trace_post *post;
	gk_log_row *log;
	gk_code rc;

	STAILQ_FOREACH (post, &batch->posts, link) {
		rc = merge_post(sqlite, post, err);
		if (rc != GK_OK)
			return rc;
	}
	STAILQ_FOREACH (log, &batch->logs, link) {
		rc = add_log(sqlite, log, err);
		if (rc != GK_OK)
			return rc;
	}
	rc = write_states(sqlite, err);
	return rc == GK_OK ? write_sequence(sqlite, err) : rc;
}

gk_code gk_sqlite_write(gk_trace_backend *backend, gk_trace_batch *batch, gk_error *err)
{
	gk_sqlite *sqlite = (gk_sqlite *)backend;
	gk_code rc = gk_sqlite_begin(sqlite, err);

	if (rc != GK_OK)
		return rc;
	rc = merge_all(sqlite, batch, err);
	rc = gk_sqlite_end(sqlite, rc, err);
	if (rc == GK_OK && gk_table_count(sqlite->states) > MAX_STATES)
		gk_sqlite_forget(sqlite);
	return rc;
}
