/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * The store's file on a disk that fails at any read: whatever was under way says so, changes nothing, and is done by the
 * next try. The disk is SQLite's own, with reads that fail on request.
 */
#include "traces.h"

#include "base/limits.h"
#include "store/sqlite.h"

#include <stdio.h>
#include <unistd.h>

/* --- a disk --- */

static long reads_left = -1; /* before they fail; -1: they do not */
static unsigned failures;

typedef struct shim {
	sqlite3_file base;
	sqlite3_io_methods methods; /* the real ones, but for reading */
	const sqlite3_io_methods *real;
	int (*read)(sqlite3_file *file, void *data, int len, sqlite3_int64 at);
} shim;

static sqlite3_vfs disk, *real_disk;

/* The real file's methods are replaced by copies, which are found by the file: one at a time is open for each. */
#define MAX_FILES 16
static shim shims[MAX_FILES];
static sqlite3_file *shimmed[MAX_FILES];

static shim *shim_of(const sqlite3_file *file)
{
	for (size_t i = 0; i < MAX_FILES; i++)
		if (shimmed[i] == file)
			return &shims[i];
	ck_abort_msg("a file that was not opened");
	return NULL;
}

static int read_or_fail(sqlite3_file *file, void *data, int len, sqlite3_int64 at)
{
	if (reads_left == 0) {
		failures++;
		return SQLITE_IOERR_READ;
	}
	if (reads_left > 0)
		reads_left--;
	return shim_of(file)->read(file, data, len, at);
}

static int close_file(sqlite3_file *file)
{
	shim *s = shim_of(file);
	int rc = s->real->xClose(file);

	for (size_t i = 0; i < MAX_FILES; i++)
		if (shimmed[i] == file)
			shimmed[i] = NULL;
	return rc;
}

static int open_file(
	sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *out_flags)
{
	int rc = real_disk->xOpen(real_disk, name, file, flags, out_flags);

	(void)vfs;
	for (size_t i = 0; rc == SQLITE_OK && file->pMethods && i < MAX_FILES; i++) {
		if (shimmed[i])
			continue;
		shimmed[i] = file;
		shims[i].real = file->pMethods;
		shims[i].methods = *file->pMethods;
		shims[i].read = file->pMethods->xRead;
		shims[i].methods.xRead = read_or_fail;
		shims[i].methods.xClose = close_file;
		file->pMethods = &shims[i].methods;
		break;
	}
	return rc;
}

static void setup(void)
{
	traces_start(NULL);
	gk_trace_store_close(gk_steal(traces_store));
	ck_assert_int_eq(unlink(traces_path), 0);
	real_disk = sqlite3_vfs_find(NULL);
	disk = *real_disk;
	disk.zName = "failing";
	disk.xOpen = open_file;
	ck_assert_int_eq(sqlite3_vfs_register(&disk, 1), SQLITE_OK);
}

static void teardown(void)
{
	sqlite3_vfs_unregister(&disk);
	traces_reopen(NULL);
	traces_stop();
}

/* --- helpers --- */

#define TRACES 3
#define SPANS  8
#define KEPT   1

static gk_trace_backend *open_backend(void)
{
	gk_auto_error gk_error err = { 0 };
	gk_trace_backend *backend = gk_sqlite_backend_new(traces_path);

	ck_assert_msg(backend->type->open(backend, &err) == GK_OK, "%s", err.message);
	return backend;
}

static void write_post(gk_trace_backend *backend, gk_trace_post *post, bool is_watched)
{
	gk_trace_batch batch = { .spans = post->count, .is_watched = is_watched };

	STAILQ_INIT(&batch.posts);
	STAILQ_INIT(&batch.logs);
	STAILQ_INSERT_TAIL(&batch.posts, post, link);
	ck_assert_int_eq(backend->type->write(backend, &batch, NULL), GK_OK);
	gk_trace_post_free(post);
}

/* What is tried: made ready with a sound disk, done with one whose n-th read fails, then without. */
typedef struct attempt {
	void (*prepare)(gk_trace_backend *backend);
	gk_code (*act)(gk_trace_backend *backend, gk_error *err);
	void (*check)(void); /* it was done */
} attempt;

/* True when it was done without a failure. */
static bool try_with(const attempt *a, long reads)
{
	gk_trace_backend *backend = open_backend();
	gk_auto_error gk_error err = { 0 };
	gk_code rc;

	a->prepare(backend);
	backend->type->free(backend);
	backend = open_backend(); /* has nothing in mind, and no page */
	failures = 0;
	reads_left = reads;
	rc = a->act(backend, &err);
	reads_left = -1;
	if (rc == GK_OK) {
		a->check();
	} else {
		ck_assert_msg(rc == GK_UNAVAILABLE, "%d %s", rc, err.message);
		ck_assert_ptr_nonnull(err.message);
		gk_error_clear(&err);
		if (backend->type->open(backend, &err) != GK_OK || a->act(backend, &err) != GK_OK)
			ck_abort_msg("again: %s", err.message);
		a->check();
	}
	ck_assert_int_eq(traces_number("SELECT count(*) FROM pragma_integrity_check"
				       " WHERE integrity_check <> 'ok'"),
		0);
	backend->type->free(backend);
	ck_assert_int_eq(unlink(traces_path), 0);
	return !failures;
}

static void try_all(const attempt *a)
{
	long reads = 0;

	while (!try_with(a, reads))
		reads++;
	ck_assert_int_gt(reads, 0);
}

/* Long enough that a trace is more than a page. */
static const char *needle(void)
{
	static char doc[1500];

	snprintf(doc, sizeof(doc),
		"{\"spanId\":\"s\",\"parentSpanId\":\"gone\",\"attributes\":{\"x\":\"%1300s\","
		"\"genkit:input\":\"needle\",\"genkit:type\":\"action\"}}",
		"");
	return doc;
}

static void add_traces(gk_trace_backend *backend)
{
	for (unsigned i = 0; i < TRACES; i++) {
		char id[16];

		snprintf(id, sizeof(id), "t%u", i);
		write_post(backend, traces_spans(id, SPANS, "n", needle()), true);
	}
}

static const char hits[] = "SELECT count(*) FROM span_fts WHERE span_fts MATCH 'needle'";

/* --- what is tried --- */

static gk_code index_all(gk_trace_backend *backend, gk_error *err)
{
	size_t count;

	return backend->type->index(backend, 1000, &count, err);
}

static void check_index(void)
{
	ck_assert_int_eq(traces_number(hits), TRACES * SPANS);
}

START_TEST(texts_are_all_indexed_or_the_disk_is_said_to_fail)
{
	try_all(&(attempt){ add_traces, index_all, check_index });
}
END_TEST

static void add_indexed(gk_trace_backend *backend)
{
	add_traces(backend);
	ck_assert_int_eq(index_all(backend, NULL), GK_OK);
}

static gk_code delete_all(gk_trace_backend *backend, gk_error *err)
{
	uint64_t count;

	return backend->type->remove(backend, NULL, &count, err);
}

static void check_deleted(void)
{
	ck_assert_int_eq(traces_number("SELECT count(*) FROM traces"), 0);
	ck_assert_int_eq(traces_number("SELECT count(*) FROM spans"), 0);
	ck_assert_int_eq(traces_number(hits), 0);
}

START_TEST(traces_are_all_deleted_or_the_disk_is_said_to_fail)
{
	try_all(&(attempt){ add_indexed, delete_all, check_deleted });
}
END_TEST

static gk_code sweep_all(gk_trace_backend *backend, gk_error *err)
{
	gk_trace_limits limits = { .max_traces = KEPT };
	bool more;

	return backend->type->sweep(backend, &limits, &more, err);
}

static void check_swept(void)
{
	ck_assert_int_eq(traces_number("SELECT count(*) FROM traces"), KEPT);
	ck_assert_int_eq(traces_number("SELECT count(*) FROM spans"), KEPT * SPANS);
	ck_assert_int_eq(traces_number(hits), KEPT * SPANS);
}

START_TEST(retention_is_whole_or_the_disk_is_said_to_fail)
{
	try_all(&(attempt){ add_indexed, sweep_all, check_swept });
}
END_TEST

static void add_dangling(gk_trace_backend *backend)
{
	gk_trace_post *spans = traces_spans("t0", SPANS, "n", needle());
	gk_span_row *row;

	STAILQ_FOREACH (row, &spans->rows, link)
		row->parent = "gone";
	write_post(backend, spans, true);
	ck_assert_int_eq(
		traces_number("SELECT count(*) FROM spans WHERE parent_span_id IS NULL"), 0);
}

/* A post that is all noise lets those become roots whose parents are not there. */
static gk_code add_noise(gk_trace_backend *backend, gk_error *err)
{
	gk_trace_post *post = gk_trace_post_new("t0");
	gk_trace_batch batch = { .is_watched = true };
	gk_code rc;

	post->filtered = 1;
	STAILQ_INIT(&batch.posts);
	STAILQ_INIT(&batch.logs);
	STAILQ_INSERT_TAIL(&batch.posts, post, link);
	rc = backend->type->write(backend, &batch, err);
	gk_trace_post_free(post);
	return rc;
}

static void check_roots(void)
{
	ck_assert_int_eq(
		traces_number("SELECT count(*) FROM spans WHERE parent_span_id IS NULL"), SPANS);
}

START_TEST(spans_become_roots_together_or_the_disk_is_said_to_fail)
{
	try_all(&(attempt){ add_dangling, add_noise, check_roots });
}
END_TEST

static Suite *disk_suite(void)
{
	Suite *suite = suite_create("store on a failing disk");
	TCase *tests = tcase_create("reads");

	tcase_set_timeout(tests, 60);
	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, texts_are_all_indexed_or_the_disk_is_said_to_fail);
	tcase_add_test(tests, traces_are_all_deleted_or_the_disk_is_said_to_fail);
	tcase_add_test(tests, retention_is_whole_or_the_disk_is_said_to_fail);
	tcase_add_test(tests, spans_become_roots_together_or_the_disk_is_said_to_fail);
	suite_add_tcase(suite, tests);
	return suite;
}

UNIT_MAIN(disk_suite)
