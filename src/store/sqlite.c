/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* The SQLite form of the store: one file, one connection that writes, a few that read, one that copies the log. */
#include "store/sqlite.h"

#include "base/clock.h"
#include "base/process.h"
#include "json/edit.h"

#include <genkit/json.h>
#include <stdio.h>
#include <sys/stat.h>

#define PAGE_SIZE 4096

/* --- spans of processes that are no more --- */

typedef struct orphan {
	int64_t trace;
	char *trace_id, *doc;
	size_t len;
} orphan;

/* What is known of when its trace was last heard of. */
static gk_code last_time(gk_sqlite *sqlite, int64_t trace, double *ret, gk_error *err)
{
	sqlite3_stmt *s = gk_db_get(&sqlite->db, GK_SQL_TRACE_SPANS, err);
	bool more = true;
	gk_code rc = s ? GK_OK : GK_UNAVAILABLE;

	*ret = 1;
	if (rc != GK_OK)
		return rc;
	sqlite3_bind_int64(s, 1, GK_FIRST_SPAN(trace));
	sqlite3_bind_int64(s, 2, GK_FIRST_SPAN(trace + 1));
	while ((rc = gk_db_step(&sqlite->db, s, &more, err)) == GK_OK && more)
		if (sqlite3_column_double(s, 1) > *ret)
			*ret = sqlite3_column_double(s, 1);
	sqlite3_reset(s);
	return rc;
}

/* Ends a span as section 9.4 says, as a post of its trace. */
static gk_trace_post *end_orphan(const orphan *o, double end_ms)
{
	gk_auto_json json_t *span = NULL;
	gk_auto_json json_t *trace = json_object();
	json_t *attributes, *status = json_object(), *spans = json_object();
	gk_trace_post *post = NULL;
	const char *id;
	bool ok;

	if (gk_json_parse(o->doc, o->len, o->len, &span, NULL) != GK_OK)
		span = json_object();
	attributes = json_object_get(span, "attributes");
	id = json_string_value(json_object_get(span, "spanId"));
	ok = gk_json_set_take(span, "endTime", json_real(end_ms)) &&
	     gk_json_set_str(attributes, "genkit:state", "error") &&
	     gk_json_set_bool(attributes, "genkitd:aborted", true) &&
	     gk_json_set_int(status, "code", 2) &&
	     gk_json_set_str(status, "message", "process terminated");
	ok = gk_json_set_take(span, "status", status) && ok;
	ok = id && gk_json_set(spans, id, span) && ok;
	ok = gk_json_set_take(trace, "spans", spans) && ok;
	if (ok && gk_json_set_str(trace, "traceId", o->trace_id) &&
		gk_trace_post_read(trace, 0, &post, NULL) != GK_OK)
		post = NULL;
	return post;
}

static gk_code find_orphans(gk_sqlite *sqlite, orphan **ret, size_t *count, gk_error *err)
{
	sqlite3_stmt *s = gk_db_get(&sqlite->db, GK_SQL_OWNED, err);
	gk_code rc = s ? GK_OK : GK_UNAVAILABLE;
	bool more = true;

	while (rc == GK_OK && (rc = gk_db_step(&sqlite->db, s, &more, err)) == GK_OK && more) {
		gk_auto_buf gk_buf text = GK_BUF_INIT(0);
		orphan *larger;

		if (sqlite3_column_type(s, 1) == SQLITE_NULL ||
			gk_process_is_other(sqlite3_column_int64(s, 1)))
			continue;
		larger = reallocarray(*ret, *count + 1, sizeof(*larger));
		if (!larger) {
			rc = gk_error_no_memory(err);
			break;
		}
		*ret = larger;
		rc = gk_doc_unpack(
			&text, sqlite3_column_blob(s, 2), (size_t)sqlite3_column_bytes(s, 2), err);
		larger[*count] = (orphan){ .trace = GK_TRACE_OF(sqlite3_column_int64(s, 0)),
			.trace_id = strdup((const char *)sqlite3_column_text(s, 3)),
			.len = text.len };
		larger[*count].doc = gk_buf_take(&text, NULL);
		(*count)++;
	}
	if (s)
		sqlite3_reset(s);
	return rc;
}

gk_code gk_sqlite_recover(gk_sqlite *sqlite, gk_error *err)
{
	gk_trace_batch batch = { .posts = STAILQ_HEAD_INITIALIZER(batch.posts),
		.logs = STAILQ_HEAD_INITIALIZER(batch.logs),
		.is_watched = true };
	orphan *orphans = NULL;
	size_t count = 0;
	gk_trace_post *post;
	gk_code rc;

	if (sqlite->has_recovered)
		return GK_OK;
	sqlite->has_recovered = true; /* what is written here does not come back to it */
	rc = find_orphans(sqlite, &orphans, &count, err);
	for (size_t i = 0; i < count; i++) {
		double end_ms;

		if (rc == GK_OK)
			rc = last_time(sqlite, orphans[i].trace, &end_ms, err);
		post = rc == GK_OK && orphans[i].doc && orphans[i].trace_id
			       ? end_orphan(&orphans[i], end_ms)
			       : NULL;
		if (post) {
			STAILQ_INSERT_TAIL(&batch.posts, post, link);
			batch.spans += post->count;
		}
		free(orphans[i].doc);
		free(orphans[i].trace_id);
	}
	free(orphans);
	if (rc == GK_OK && !STAILQ_EMPTY(&batch.posts))
		rc = gk_sqlite_write(&sqlite->base, &batch, err);
	while ((post = STAILQ_FIRST(&batch.posts))) {
		STAILQ_REMOVE_HEAD(&batch.posts, link);
		gk_trace_post_free(post);
	}
	sqlite->has_recovered = rc == GK_OK;
	return rc;
}

/* --- opening --- */

static int count_log(void *user, sqlite3 *handle, const char *name, int pages)
{
	gk_sqlite *sqlite = user;

	(void)handle;
	(void)name;
	sqlite->sizes.wal_bytes = (uint64_t)pages * PAGE_SIZE;
	return SQLITE_OK;
}

/* What the journal holds belongs to a process that has ended, or to one beside us. It can be much, and is folded as all else is:
 * who reads waits for it, and nobody else. */
static gk_code look_at_journal(gk_sqlite *sqlite, gk_error *err)
{
	gk_code rc = gk_sqlite_begin(sqlite, err);

	if (rc == GK_OK)
		rc = gk_sqlite_end(sqlite, GK_OK, err);
	if (rc == GK_OK)
		rc = gk_db_number(&sqlite->db, "SELECT coalesce(max(id), 0) FROM journal",
			&sqlite->found, err);
	if (rc == GK_OK && sqlite->found <= 0)
		rc = gk_sqlite_recover(sqlite, err);
	return rc;
}

static gk_code open_file(gk_trace_backend *backend, gk_error *err)
{
	gk_sqlite *sqlite = (gk_sqlite *)backend;
	gk_code rc;

	gk_db_close(&sqlite->db);
	pthread_mutex_lock(&sqlite->copy_lock);
	gk_db_close(&sqlite->copier); /* may know a file that is no more */
	pthread_mutex_unlock(&sqlite->copy_lock);
	sqlite->data_version = 0;
	rc = gk_db_inspect(sqlite->path, err);
	if (rc == GK_OK)
		rc = gk_db_open(&sqlite->db, sqlite->path, false, err);
	if (rc != GK_OK)
		return rc;
	sqlite3_wal_hook(sqlite->db.handle, count_log, sqlite);
	rc = gk_sqlite_add_whole_table(sqlite, err);
	if (rc == GK_OK)
		rc = gk_db_migrate(&sqlite->db, GK_DB_VERSION, err);
	if (rc == GK_OK)
		rc = gk_sqlite_take_rings(sqlite, err);
	if (rc == GK_OK)
		rc = look_at_journal(sqlite, err);
	if (rc != GK_OK) {
		gk_db_close(&sqlite->db);
		return rc;
	}
	pthread_mutex_lock(&sqlite->lock);
	sqlite->generation++;
	pthread_mutex_unlock(&sqlite->lock);
	return GK_OK;
}

static void free_backend(gk_trace_backend *backend)
{
	gk_sqlite *sqlite = (gk_sqlite *)backend;

	for (size_t i = 0; i < GK_STORE_READERS; i++)
		gk_db_close(&sqlite->readers[i]);
	gk_db_close(&sqlite->copier);
	gk_db_close(&sqlite->db); /* the last one copies the log into the file */
	gk_table_free(sqlite->states);
	gk_buf_done(&sqlite->scratch);
	gk_buf_done(&sqlite->packed);
	gk_buf_done(&sqlite->appended);
	gk_words_done(&sqlite->words);
	sqlite3_value_free(sqlite->swept_value);
	pthread_mutex_destroy(&sqlite->lock);
	pthread_mutex_destroy(&sqlite->copy_lock);
	pthread_cond_destroy(&sqlite->is_free);
	free(sqlite->path);
	free(sqlite);
}

/* --- sizes, and the log of changes --- */

static void sizes(gk_trace_backend *backend, gk_trace_sizes *ret)
{
	gk_sqlite *sqlite = (gk_sqlite *)backend;
	uint64_t now_ms = gk_clock_mono_ms();
	struct stat info;

	if (now_ms - sqlite->looked_ms >= 1000 && stat(sqlite->path, &info) == 0) {
		sqlite->sizes.bytes = (uint64_t)info.st_size;
		sqlite->looked_ms = now_ms;
	}
	sqlite->sizes.unindexed = (uint64_t)sqlite->lacking;
	*ret = sqlite->sizes;
}

/* Never with SQLite's lock of who writes, as its RESTART would: the writer would sleep for it, up to a tenth of a second at a
 * time, and as long as somebody reads. */
static uint64_t copy_log(gk_trace_backend *backend)
{
	gk_sqlite *sqlite = (gk_sqlite *)backend;
	int pages = 0, copied = 0;
	uint64_t ret = UINT64_MAX;

	pthread_mutex_lock(&sqlite->copy_lock);
	if (!sqlite->copier.handle &&
		gk_db_open(&sqlite->copier, sqlite->path, false, NULL) != GK_OK) {
		pthread_mutex_unlock(&sqlite->copy_lock);
		return ret;
	}
	if (sqlite3_wal_checkpoint_v2(sqlite->copier.handle, NULL, SQLITE_CHECKPOINT_PASSIVE,
		    &pages, &copied) != SQLITE_OK)
		gk_db_close(&sqlite->copier); /* opened again next time */
	else
		ret = (uint64_t)copied * PAGE_SIZE;
	pthread_mutex_unlock(&sqlite->copy_lock);
	return ret;
}

static const gk_trace_backend_type type = {
	.open = open_file,
	.free = free_backend,
	.write = gk_sqlite_write,
	.fold = gk_sqlite_fold,
	.index = gk_sqlite_index,
	.sweep = gk_sqlite_sweep,
	.shrink = gk_sqlite_shrink,
	.remove = gk_sqlite_remove,
	.sizes = sizes,
	.copy = copy_log,
	.list = gk_sqlite_list,
	.load = gk_sqlite_load,
	.has = gk_sqlite_has,
	.logs = gk_sqlite_logs,
	.check = gk_sqlite_check,
	.backup = gk_sqlite_backup,
	.stats = gk_sqlite_stats,
};

gk_trace_backend *gk_sqlite_backend_new(const char *path)
{
	gk_sqlite *sqlite = calloc(1, sizeof(*sqlite));

	if (!sqlite)
		return NULL;
	sqlite->base.type = &type;
	TAILQ_INIT(&sqlite->dirty);
	sqlite->max_states = GK_STORE_STATES;
	sqlite->max_known = GK_STORE_KNOWN_SPANS;
	pthread_mutex_init(&sqlite->lock, NULL);
	pthread_mutex_init(&sqlite->copy_lock, NULL);
	pthread_cond_init(&sqlite->is_free, NULL);
	sqlite->path = strdup(path);
	if (sqlite->path)
		return &sqlite->base;
	free_backend(&sqlite->base);
	return NULL;
}
