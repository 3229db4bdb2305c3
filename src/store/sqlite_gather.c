/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * Most of ours are traces of one span that has ended: they go into the tables many at once.
 *
 * A statement that inserts one row opens the table and each of its indexes, and looks for the row's place from the root of
 * each. One that selects its rows from a table finds them open, and the next row's place beside the last one's. So what was
 * gathered is a table to SQLite, gk_whole, which exists on the writer's connection alone.
 */
#include "store/sqlite.h"

#include "base/str.h"

#include <stddef.h>
#include <stdio.h>

/* --- as a table --- */

typedef enum column_kind {
	TEXT,
	INTEGER,
	REAL,
	START,  /* 0 is none */
	STATUS, /* -1 is none */
	SUMMARY,
	DOCUMENT,
} column_kind;

/* `name` is what the statements in sqlite_sql.c call it. */
static const struct column {
	const char *name;
	column_kind kind;
	size_t at;
} columns[] = {
	{ "id", INTEGER, offsetof(gk_whole, pk) },
	{ "trace_id", TEXT, offsetof(gk_whole, trace_id) },
	{ "display_name", TEXT, offsetof(gk_whole, name) },
	{ "start_ms", REAL, offsetof(gk_whole, start_ms) },
	{ "end_ms", REAL, offsetof(gk_whole, end_ms) },
	{ "root_pk", INTEGER, offsetof(gk_whole, root_pk) },
	{ "root_type", TEXT, offsetof(gk_whole, root_type) },
	{ "root_name", TEXT, offsetof(gk_whole, root_name) },
	{ "root_start", START, offsetof(gk_whole, row.start_ms) },
	{ "root_end", REAL, offsetof(gk_whole, row.end_ms) },
	{ "root_status", STATUS, offsetof(gk_whole, root_status) },
	{ "session_id", TEXT, offsetof(gk_whole, row.session) },
	{ "error_count", INTEGER, offsetof(gk_whole, errors) },
	{ "tok_in", INTEGER, offsetof(gk_whole, row.tokens_in) },
	{ "tok_out", INTEGER, offsetof(gk_whole, row.tokens_out) },
	{ "bytes", INTEGER, offsetof(gk_whole, bytes) },
	{ "root_summary", SUMMARY, 0 },
	{ "updated_ms", INTEGER, offsetof(gk_whole, updated_ms) },
	{ "seq", INTEGER, offsetof(gk_whole, sequence) },
	{ "span_key", TEXT, offsetof(gk_whole, row.key) },
	{ "span_type", TEXT, offsetof(gk_whole, row.type) },
	{ "span_start", REAL, offsetof(gk_whole, row.start_ms) },
	{ "span_status", STATUS, offsetof(gk_whole, row.status) },
	{ "doc", DOCUMENT, 0 },
};

#define COLUMNS (sizeof(columns) / sizeof(columns[0]))

typedef struct whole_table {
	sqlite3_vtab base; /* first */
	gk_sqlite *sqlite;
} whole_table;

typedef struct whole_cursor {
	sqlite3_vtab_cursor base; /* first */
	size_t at;
} whole_cursor;

static gk_sqlite *sqlite_of(sqlite3_vtab_cursor *cursor)
{
	return ((whole_table *)cursor->pVtab)->sqlite;
}

static int connect_table(sqlite3 *handle, void *user, int count, const char *const *words,
	sqlite3_vtab **ret, char **message)
{
	gk_auto_buf gk_buf sql = GK_BUF_INIT(0);
	whole_table *table;
	int status;

	(void)count;
	(void)words;
	(void)message;
	for (size_t i = 0; i < COLUMNS; i++) {
		gk_buf_puts(&sql, i ? ", " : "CREATE TABLE whole(");
		gk_buf_puts(&sql, columns[i].name);
	}
	gk_buf_puts(&sql, ")");
	if (gk_buf_failed(&sql))
		return SQLITE_NOMEM;
	status = sqlite3_declare_vtab(handle, sql.data);
	if (status != SQLITE_OK)
		return status;
	table = sqlite3_malloc(sizeof(*table));
	if (!table)
		return SQLITE_NOMEM;
	*table = (whole_table){ .sqlite = user };
	*ret = &table->base;
	return SQLITE_OK;
}

static int disconnect_table(sqlite3_vtab *table)
{
	sqlite3_free(table);
	return SQLITE_OK;
}

static int plan(sqlite3_vtab *table, sqlite3_index_info *info)
{
	(void)table;
	info->estimatedRows = GK_STORE_GATHERED;
	return SQLITE_OK;
}

static int open_cursor(sqlite3_vtab *table, sqlite3_vtab_cursor **ret)
{
	whole_cursor *cursor = sqlite3_malloc(sizeof(*cursor));

	(void)table;
	if (!cursor)
		return SQLITE_NOMEM;
	*cursor = (whole_cursor){ .at = 0 };
	*ret = &cursor->base;
	return SQLITE_OK;
}

static int close_cursor(sqlite3_vtab_cursor *cursor)
{
	sqlite3_free(cursor);
	return SQLITE_OK;
}

/* What turned out to be known already is not in the table any more. */
static int skip_known(sqlite3_vtab_cursor *base)
{
	const gk_sqlite *sqlite = sqlite_of(base);
	whole_cursor *cursor = (whole_cursor *)base;

	while (cursor->at < sqlite->gathered && sqlite->wholes[cursor->at].is_known)
		cursor->at++;
	return SQLITE_OK;
}

static int rewind_cursor(sqlite3_vtab_cursor *cursor, int number, const char *text, int count,
	sqlite3_value **values)
{
	(void)number;
	(void)text;
	(void)count;
	(void)values;
	((whole_cursor *)cursor)->at = 0;
	return skip_known(cursor);
}

static int next_row(sqlite3_vtab_cursor *cursor)
{
	((whole_cursor *)cursor)->at++;
	return skip_known(cursor);
}

static int is_end(sqlite3_vtab_cursor *cursor)
{
	return ((whole_cursor *)cursor)->at >= sqlite_of(cursor)->gathered;
}

static void put_text(sqlite3_context *context, const char *text)
{
	if (text)
		sqlite3_result_text(context, text, -1, SQLITE_STATIC);
}

static void put_document(sqlite3_context *context, gk_sqlite *sqlite, const gk_span_row *row)
{
	if (gk_doc_pack(&sqlite->packed, row->doc, row->doc_len))
		sqlite3_result_blob(context, sqlite->packed.data, (int)sqlite->packed.len,
			SQLITE_STATIC); /* until the next row */
	else
		sqlite3_result_error_nomem(context);
}

/* A result that is not given is NULL. */
static int put_column(sqlite3_vtab_cursor *cursor, sqlite3_context *context, int which)
{
	gk_sqlite *sqlite = sqlite_of(cursor);
	const gk_whole *whole = &sqlite->wholes[((whole_cursor *)cursor)->at];
	const void *at = (const char *)whole + columns[which].at;

	switch (columns[which].kind) {
	case TEXT:
		put_text(context, *(const char *const *)at);
		break;
	case INTEGER:
		sqlite3_result_int64(context, *(const int64_t *)at);
		break;
	case START:
		if (*(const double *)at == 0)
			break;
		/* fallthrough */
	case REAL:
		sqlite3_result_double(context, *(const double *)at);
		break;
	case STATUS:
		if (*(const int *)at >= 0)
			sqlite3_result_int(context, *(const int *)at);
		break;
	case SUMMARY:
		if (whole->summary)
			sqlite3_result_blob(
				context, whole->summary, (int)whole->summary_len, SQLITE_STATIC);
		break;
	case DOCUMENT:
		put_document(context, sqlite, &whole->row);
		break;
	}
	return SQLITE_OK;
}

static int put_rowid(sqlite3_vtab_cursor *cursor, sqlite3_int64 *ret)
{
	*ret = (sqlite3_int64)((whole_cursor *)cursor)->at;
	return SQLITE_OK;
}

/* Without xCreate it is there as soon as it is known, under its own name. */
static const sqlite3_module module = {
	.xConnect = connect_table,
	.xBestIndex = plan,
	.xDisconnect = disconnect_table,
	.xOpen = open_cursor,
	.xClose = close_cursor,
	.xFilter = rewind_cursor,
	.xNext = next_row,
	.xEof = is_end,
	.xColumn = put_column,
	.xRowid = put_rowid,
};

gk_code gk_sqlite_add_whole_table(gk_sqlite *sqlite, gk_error *err)
{
	return sqlite3_create_module(sqlite->db.handle, "gk_whole", &module, sqlite) == SQLITE_OK
		       ? GK_OK
		       : gk_db_fail(&sqlite->db, "the store", err);
}

/* --- gathering --- */

#define BITS_PER_WORD 64

/* A bit that stands for the trace's id, and perhaps for another's. */
static uint64_t *bit_of(gk_sqlite *sqlite, const char *trace_id, uint64_t *mask)
{
	uint64_t hash = 0xcbf29ce484222325u; /* FNV-1a */
	size_t bits = sizeof(sqlite->gathered_ids) * 8;

	for (; *trace_id; trace_id++)
		hash = (hash ^ (unsigned char)*trace_id) * 0x100000001b3u;
	*mask = (uint64_t)1 << hash % BITS_PER_WORD;
	return &sqlite->gathered_ids[hash / BITS_PER_WORD % (bits / BITS_PER_WORD)];
}

bool gk_sqlite_may_be_gathered(gk_sqlite *sqlite, const char *trace_id)
{
	uint64_t mask;

	return sqlite->gathered && (*bit_of(sqlite, trace_id, &mask) & mask);
}

bool gk_sqlite_is_whole(gk_sqlite *sqlite, const gk_whole *whole)
{
	const gk_span_row *row = &whole->row;

	return sqlite->gathers && whole->owner != 0 && !row->parent && row->is_new &&
	       row->end_ms > 0 && !gk_table_get(sqlite->states, whole->trace_id);
}

gk_code gk_sqlite_gather(gk_sqlite *sqlite, const gk_whole *from, gk_error *err)
{
	gk_whole *whole = &sqlite->wholes[sqlite->gathered];
	const gk_span_row *row = &whole->row;
	uint64_t mask;
	gk_code rc;

	*whole = *from;
	rc = gk_doc_summary(row->doc, row->doc_len, &whole->summary, &whole->summary_len, err);
	if (rc != GK_OK)
		return rc;
	whole->pk = sqlite->next_trace++;
	whole->root_pk = GK_FIRST_SPAN(whole->pk) + 1;
	whole->sequence = sqlite->next_sequence++;
	whole->updated_ms = sqlite->now_ms;
	whole->root_type = row->subtype ? row->subtype : row->type ? row->type : "UNKNOWN";
	whole->root_name = *row->name ? row->name : NULL;
	whole->root_status = whole->root_name ? row->status : -1;
	whole->errors = row->status == 2;
	whole->bytes = (int64_t)row->doc_len;
	whole->is_known = false;
	sqlite->gathered++;
	*bit_of(sqlite, whole->trace_id, &mask) |= mask;
	return sqlite->gathered == GK_STORE_GATHERED ? gk_sqlite_put_gathered(sqlite, err) : GK_OK;
}

void gk_sqlite_drop_gathered(gk_sqlite *sqlite)
{
	for (size_t i = 0; i < sqlite->gathered; i++)
		free(sqlite->wholes[i].summary);
	sqlite->gathered = 0;
	memset(sqlite->gathered_ids, 0, sizeof(sqlite->gathered_ids));
}

/* --- into the tables --- */

/* Some of them have a trace already: which? */
static gk_code find_known(gk_sqlite *sqlite, gk_error *err)
{
	sqlite3_stmt *s = gk_db_get(&sqlite->db, GK_SQL_LOAD_TRACE, err);
	gk_code rc = s ? GK_OK : GK_UNAVAILABLE;

	for (size_t i = 0; rc == GK_OK && i < sqlite->gathered; i++) {
		gk_whole *whole = &sqlite->wholes[i];
		bool is_there = false;

		gk_db_bind_text(s, 1, whole->trace_id);
		rc = gk_db_step(&sqlite->db, s, &is_there, err);
		whole->is_known = is_there && sqlite3_column_int64(s, 0) != whole->pk;
		sqlite3_reset(s);
	}
	return rc;
}

static gk_code put_rest(gk_sqlite *sqlite, const gk_whole *whole, gk_error *err)
{
	gk_trace_state state = { .pk = whole->pk, .labels = (char *)(uintptr_t)whole->row.labels };
	gk_code rc = state.labels ? gk_sqlite_write_labels(sqlite, &state, err) : GK_OK;

	if (rc == GK_OK)
		rc = gk_sqlite_mark(sqlite, whole->row.start_ms, whole->root_type, whole->root_name,
			whole->root_status, err);
	return rc == GK_OK ? gk_sqlite_reindex(sqlite, whole->root_pk, err) : rc;
}

static gk_code merge_known(gk_sqlite *sqlite, gk_whole *whole, gk_error *err)
{
	gk_trace_post post = { .trace_id = whole->trace_id,
		.name = whole->name,
		.has_start = true,
		.has_end = true,
		.start_ms = whole->start_ms,
		.end_ms = whole->end_ms,
		.owner = whole->owner,
		.count = 1,
		.rows = STAILQ_HEAD_INITIALIZER(post.rows) };

	STAILQ_INSERT_TAIL(&post.rows, &whole->row, link);
	return gk_sqlite_merge_known(sqlite, &post, err);
}

static gk_code put_all(gk_sqlite *sqlite, gk_error *err)
{
	gk_code rc = gk_db_do(&sqlite->db, GK_SQL_ADD_WHOLE_TRACES, err);

	if (rc == GK_OK && (size_t)sqlite3_changes(sqlite->db.handle) != sqlite->gathered)
		rc = find_known(sqlite, err);
	if (rc == GK_OK)
		rc = gk_db_do(&sqlite->db, GK_SQL_ADD_WHOLE_SPANS, err);
	return rc;
}

gk_code gk_sqlite_put_gathered(gk_sqlite *sqlite, gk_error *err)
{
	size_t count = sqlite->gathered;
	gk_code rc = count ? put_all(sqlite, err) : GK_OK;

	gk_sqlite_drop_gathered(sqlite); /* the rest goes by what is still in `wholes` */
	for (size_t i = 0; rc == GK_OK && i < count; i++)
		rc = sqlite->wholes[i].is_known ? merge_known(sqlite, &sqlite->wholes[i], err)
						: put_rest(sqlite, &sqlite->wholes[i], err);
	return rc;
}
