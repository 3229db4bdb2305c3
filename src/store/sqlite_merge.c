/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Merging: what a post changes in its trace (telemetry section 2.4). */
#include "store/sqlite.h"

#include "base/str.h"

#include <genkit/json.h>
#include <stdio.h>

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

static void bind_range(sqlite3_stmt *s, int64_t trace)
{
	sqlite3_bind_int64(s, 1, GK_FIRST_SPAN(trace));
	sqlite3_bind_int64(s, 2, GK_FIRST_SPAN(trace + 1));
}

/* The span that was first without a parent has one now. */
static gk_code find_root(gk_sqlite *sqlite, gk_trace_state *state, bool is_indexed, gk_error *err)
{
	sqlite3_stmt *find = gk_db_get(&sqlite->db, GK_SQL_FIRST_ROOT, err);
	gk_auto_buf gk_buf text = GK_BUF_INIT(0), labels = GK_BUF_INIT(0);
	gk_auto_json json_t *span = NULL;
	gk_span_row row = { 0 };
	int64_t pk = 0;
	bool is_there;
	gk_code rc;

	if (!find)
		return GK_UNAVAILABLE;
	bind_range(find, state->pk);
	rc = gk_db_step(&sqlite->db, find, &is_there, err);
	if (rc == GK_OK && is_there) {
		pk = sqlite3_column_int64(find, 0);
		rc = gk_doc_unpack(&text, sqlite3_column_blob(find, 1),
			(size_t)sqlite3_column_bytes(find, 1), err);
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

static gk_code bind_span(gk_sqlite *sqlite, sqlite3_stmt *s, const gk_span_row *row, int64_t pk,
	int64_t owner, gk_error *err)
{
	if (!gk_doc_pack(&sqlite->packed, row->doc, row->doc_len))
		return gk_error_no_memory(err);
	sqlite3_bind_int64(s, 1, pk);
	gk_db_bind_text(s, 2, row->key);
	gk_db_bind_text(s, 3, row->parent);
	gk_db_bind_text(s, 4, row->type);
	sqlite3_bind_double(s, 5, row->start_ms);
	sqlite3_bind_double(s, 6, row->end_ms);
	if (row->status >= 0)
		sqlite3_bind_int(s, 7, row->status);
	else
		sqlite3_bind_null(s, 7);
	if (owner && row->end_ms == 0)
		sqlite3_bind_int64(s, 8, owner);
	else
		sqlite3_bind_null(s, 8);
	sqlite3_bind_blob(s, 9, sqlite->packed.data, (int)sqlite->packed.len, SQLITE_STATIC);
	return GK_OK;
}

static gk_code put_span(gk_sqlite *sqlite, gk_sql which, const gk_span_row *row, int64_t pk,
	int64_t owner, gk_error *err)
{
	sqlite3_stmt *s = gk_db_get(&sqlite->db, which, err);
	gk_code rc = s ? bind_span(sqlite, s, row, pk, owner, err) : GK_UNAVAILABLE;

	return rc == GK_OK ? gk_db_run(&sqlite->db, s, err) : rc;
}

static gk_code replace_span(gk_sqlite *sqlite, const gk_span_row *row, int64_t owner,
	gk_known_span *known, gk_error *err)
{
	gk_code rc = gk_sqlite_unindex(sqlite, known->pk, err);

	if (rc == GK_OK)
		rc = put_span(sqlite, GK_SQL_REPLACE_SPAN, row, known->pk, owner, err);
	if (rc == GK_OK)
		rc = gk_sqlite_reindex(sqlite, known->pk, err);
	known->end_ms = row->end_ms;
	known->is_error = row->status == 2;
	return rc;
}

static gk_code add_span(gk_sqlite *sqlite, gk_trace_state *state, const gk_span_row *row,
	int64_t owner, int64_t *ret, gk_error *err)
{
	gk_known_span span = {
		.pk = state->next_span++, .end_ms = row->end_ms, .is_error = row->status == 2
	};
	gk_code rc = put_span(sqlite, GK_SQL_ADD_SPAN, row, span.pk, owner, err);

	*ret = span.pk;
	if (rc == GK_OK)
		rc = gk_sqlite_reindex(sqlite, span.pk, err);
	return rc == GK_OK ? gk_sqlite_learn(sqlite, state, row->key, &span, err) : rc;
}

static bool is_full(const gk_trace_state *state)
{
	return state->next_span > GK_FIRST_SPAN(state->pk) + GK_MAX_TRACE_SPANS;
}

/* What a merge of one post goes by. */
typedef struct merging {
	gk_trace_state *state;
	int64_t owner;  /* 0: another program */
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

static gk_code count_span(
	gk_trace_state *state, const gk_span_row *row, bool is_known, bool was_error, gk_error *err)
{
	state->spans += !is_known;
	state->errors += (row->status == 2) - was_error;
	state->bytes += (int64_t)row->doc_len;
	state->tokens_in += row->tokens_in;
	state->tokens_out += row->tokens_out;
	if (row->session && !gk_str_equal(state->session, row->session) &&
		!replace(&state->session, row->session))
		return gk_error_no_memory(err);
	return GK_OK;
}

static gk_code merge_span(gk_sqlite *sqlite, merging *m, gk_span_row *row, gk_error *err)
{
	gk_trace_state *state = m->state;
	gk_known_span *known = NULL;
	bool was_error;
	int64_t pk = 0;
	gk_code rc = GK_OK;

	m->has_root |= !row->parent;
	row->is_accepted = false;
	if (m->may_know && !(row->is_new && state->is_ours))
		rc = gk_sqlite_know(sqlite, state, row->key, &known, err);
	if (rc != GK_OK || (known && known->end_ms > 0 && row->end_ms == 0))
		return rc; /* a start that comes late changes nothing */
	if (!known && is_full(state)) {
		sqlite->sizes.dropped++;
		return GK_OK;
	}
	was_error = known && known->is_error;
	if (known) {
		pk = known->pk;
		rc = replace_span(sqlite, row, m->owner, known, err);
	} else {
		rc = add_span(sqlite, state, row, m->owner, &pk, err);
	}
	if (rc == GK_OK)
		rc = count_span(state, row, known != NULL, was_error, err);
	if (rc != GK_OK)
		return rc;
	row->is_accepted = true;
	if (!row->parent)
		return take_root(m, row, pk, err);
	m->lost_root |= state->root_pk == pk;
	return GK_OK;
}

/* A post was all noise, so whose parents are not there will have none: they become roots. They are listed only if the
 * trace was (section 2.4, step 3). */
static gk_code promote_span(
	gk_sqlite *sqlite, int64_t pk, const void *doc, size_t len, gk_error *err)
{
	sqlite3_stmt *clear = gk_db_get(&sqlite->db, GK_SQL_CLEAR_PARENT, err);
	gk_auto_buf gk_buf text = GK_BUF_INIT(0);
	gk_auto_json json_t *span = NULL;
	gk_auto_str char *written = NULL;
	size_t written_len;
	gk_code rc = gk_doc_unpack(&text, doc, len, err);

	if (rc == GK_OK)
		rc = gk_json_parse(text.data, text.len, text.len, &span, err);
	if (rc != GK_OK || !clear)
		return rc != GK_OK ? rc : GK_UNAVAILABLE;
	json_object_del(span, "parentSpanId");
	written = gk_json_write(span, &written_len);
	if (!written || !gk_doc_pack(&sqlite->packed, written, written_len))
		return gk_error_no_memory(err);
	sqlite3_bind_int64(clear, 1, pk);
	sqlite3_bind_blob(clear, 2, sqlite->packed.data, (int)sqlite->packed.len, SQLITE_STATIC);
	return gk_db_run(&sqlite->db, clear, err);
}

static gk_code promote(gk_sqlite *sqlite, gk_trace_state *state, gk_error *err)
{
	sqlite3_stmt *s = gk_db_get(&sqlite->db, GK_SQL_DANGLING, err);
	gk_known_span *parent;
	bool more = true;
	gk_code rc = GK_OK;

	if (!s)
		return GK_UNAVAILABLE;
	bind_range(s, state->pk);
	while (rc == GK_OK && (rc = gk_db_step(&sqlite->db, s, &more, err)) == GK_OK && more) {
		rc = gk_sqlite_know(
			sqlite, state, (const char *)sqlite3_column_text(s, 1), &parent, err);
		if (rc == GK_OK && !parent)
			rc = promote_span(sqlite, sqlite3_column_int64(s, 0),
				sqlite3_column_blob(s, 2), (size_t)sqlite3_column_bytes(s, 2), err);
	}
	sqlite3_reset(s);
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

gk_code gk_sqlite_merge_known(gk_sqlite *sqlite, gk_trace_post *post, gk_error *err)
{
	merging m = { .owner = post->owner };
	gk_trace_state *state = NULL;
	gk_span_row *row;
	gk_code rc = gk_sqlite_find_state(sqlite, post->trace_id, &state, err);

	if (rc != GK_OK)
		return rc;
	m.state = state;
	m.may_know = state->spans > 0;
	state->is_ours &= post->owner != 0;
	gk_sqlite_mark_dirty(sqlite, state);
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
	state->is_done = post->owner != 0 && m.took_root && state->root_end > 0;
	return rc;
}

gk_code gk_sqlite_merge(gk_sqlite *sqlite, gk_trace_post *post, gk_error *err)
{
	gk_whole whole = { .trace_id = post->trace_id,
		.name = post->name,
		.start_ms = post->start_ms,
		.end_ms = post->end_ms,
		.owner = post->owner };

	if (post->count == 1) {
		whole.row = *STAILQ_FIRST(&post->rows);
		if (gk_sqlite_is_whole(sqlite, &whole))
			return gk_sqlite_gather(sqlite, &whole, err);
	}
	return gk_sqlite_merge_known(sqlite, post, err);
}
