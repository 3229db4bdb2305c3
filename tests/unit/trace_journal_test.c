/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* The journal of the store's file. */
#include "traces.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/process.h"
#include "store/sqlite.h"
#include "store/store_guest.h"
#include "store/trace_store_internal.h"

#include <stdatomic.h>
#include <unistd.h>

static void setup(void)
{
	traces_start(NULL);
}

static void teardown(void)
{
	traces_stop();
}

/* --- helpers --- */

static uint64_t unfolded(void)
{
	return gk_trace_store_count(traces_store).unfolded;
}

/* So many spans with little in them. */
static void save_spans(const char *trace_id, unsigned count)
{
	traces_save(traces_spans(trace_id, count, "n", "{}"));
}

/* Nothing is folded unless somebody reads, or more is behind than may be: in a pause something comes to be written at once. */
static gk_code fold_without_a_pause(
	gk_trace_backend *backend, size_t max, size_t *ret, gk_error *err)
{
	*ret = 0;
	return backend->yields ? GK_OK : gk_sqlite_fold(backend, max, ret, err);
}

static void open_without_a_pause(const gk_trace_store_opts *opts)
{
	static gk_trace_backend_type busy;
	gk_trace_backend *backend;

	traces_reopen(opts);
	backend = gk_trace_store_backend_peek(traces_store);
	busy = *backend->type;
	busy.fold = fold_without_a_pause;
	backend->type = &busy;
}

/* --- tests --- */

START_TEST(a_small_batch_waits_in_the_journal_until_somebody_reads)
{
	traces_hold_folding();
	traces_post_root("a");
	ck_assert_uint_eq(unfolded(), 1);
	ck_assert_int_eq(traces_number("SELECT count(*) FROM journal"), 1);
	ck_assert_int_eq(traces_number("SELECT count(*) FROM traces"), 0);
	ck_assert(traces_has("a"));
	ck_assert_uint_eq(unfolded(), 0);
	ck_assert_int_eq(traces_number("SELECT count(*) FROM journal"), 0);
	ck_assert_int_eq(traces_number("SELECT count(*) FROM traces"), 1);
}
END_TEST

static bool is_folded(void *user)
{
	(void)user;
	return unfolded() == 0;
}

START_TEST(the_journal_is_folded_when_it_is_quiet)
{
	traces_post_root("a");
	traces_until(is_folded, NULL);
	ck_assert_int_eq(traces_number("SELECT count(*) FROM traces"), 1);
}
END_TEST

START_TEST(a_large_batch_goes_into_the_tables_behind_what_is_in_the_journal)
{
	traces_hold_folding();
	traces_post_root("a");
	save_spans("b", GK_STORE_DIRECT);
	ck_assert_uint_eq(unfolded(), 0);
	ck_assert_int_eq(traces_number("SELECT count(*) FROM journal"), 0);
	ck_assert_int_eq(traces_number("SELECT id FROM traces WHERE trace_id = 'a'"), 1);
	ck_assert_int_eq(traces_number("SELECT id FROM traces WHERE trace_id = 'b'"), 2);
	save_spans("c", GK_STORE_DIRECT - 1);
	ck_assert_uint_eq(unfolded(), GK_STORE_DIRECT - 1);
}
END_TEST

START_TEST(a_batch_of_many_bytes_goes_into_the_tables)
{
	static char doc[GK_STORE_DIRECT_SIZE];
	gk_trace_post *post = gk_trace_post_new("a");
	gk_span_row row = { .key = "r", .name = "n", .doc = doc, .end_ms = 1 };

	memset(doc, ' ', sizeof(doc));
	memcpy(doc, "{\"x\":\"", 6);
	memcpy(doc + sizeof(doc) - 2, "\"}", 2);
	row.doc_len = sizeof(doc);
	ck_assert(gk_trace_post_add(post, &row));
	traces_save(post);
	ck_assert_uint_eq(unfolded(), 0);
	ck_assert_int_eq(traces_number("SELECT count(*) FROM spans"), 1);
}
END_TEST

START_TEST(everything_of_a_post_comes_through_the_journal)
{
	gk_trace_post *post = gk_trace_post_new("a");
	gk_span_row row = { .key = "r",
		.name = "root",
		.type = "action",
		.subtype = "model",
		.session = "s1",
		.labels = "genkitx:env\0dev\0genkitx:none\0\0",
		.doc = "{\"spanId\":\"r\"}",
		.doc_len = 14,
		.start_ms = 10.5,
		.end_ms = 20.25,
		.status = 2,
		.tokens_in = 3,
		.tokens_out = 4 };
	gk_auto_str char *ids = NULL;

	traces_hold_folding();
	ck_assert(gk_trace_post_add(post, &row));
	post->own_name = strdup("shown");
	post->name = post->own_name;
	post->has_start = post->has_end = true;
	post->start_ms = 10.5;
	post->end_ms = 20.25;
	traces_save(post);
	ck_assert_uint_eq(unfolded(), 1);
	ids = traces_ids("{'eq':{'name':'root','type':'model','status':2,'start':10.5,'end':20.25,"
			 "'sessionId':'s1','tokens':7,'genkitx:env':'dev','genkitx:none':''}}",
		NULL);
	ck_assert_str_eq(ids, "a");
	ck_assert_int_eq(
		traces_number("SELECT display_name = 'shown' AND start_ms = 10.5 AND end_ms = 20.25"
			      " AND updated_ms > 1700000000000 FROM traces"),
		1);
}
END_TEST

START_TEST(what_another_process_left_in_the_journal_is_taken_over)
{
	gk_trace_store *other = NULL;
	gk_auto_json json_t *loaded = NULL;

	traces_hold_folding();
	traces_post_root("a");
	ck_assert_int_eq(traces_number("SELECT count(*) FROM journal"), 1);
	ck_assert_int_eq(gk_trace_store_open(traces_loop,
				 GK_OPTS(gk_trace_store_opts, .path = traces_path), &other, NULL),
		GK_OK);
	gk_trace_store_close(other);
	ck_assert_int_eq(traces_number("SELECT count(*) FROM journal"), 0);
	ck_assert_int_eq(traces_number("SELECT count(*) FROM traces"), 1);
	traces_post_root("b");
	loaded = traces_load("b");
	ck_assert_ptr_nonnull(loaded);
	ck_assert_int_eq(traces_number("SELECT count(*) FROM traces"), 2);
}
END_TEST

START_TEST(spans_of_a_process_that_is_gone_are_ended_when_the_file_is_opened)
{
	gk_trace_post *post = gk_trace_post_new("a");
	gk_span_row row = { .key = "r",
		.name = "n",
		.doc = "{\"spanId\":\"r\",\"traceId\":\"a\",\"startTime\":5,\"endTime\":0,"
		       "\"attributes\":{},\"displayName\":\"n\",\"spanKind\":\"INTERNAL\","
		       "\"instrumentationLibrary\":{\"name\":\"x\"}}",
		.start_ms = 5 };
	gk_auto_json json_t *loaded = NULL;

	row.doc_len = strlen(row.doc);
	ck_assert(gk_trace_post_add(post, &row));
	post->owner = INT64_MAX; /* there is no such process */
	traces_save(post);
	traces_reopen(NULL);
	loaded = traces_load("a");
	assert_json(gk_json_at_peek(loaded, "spans.r.status"),
		"{'code':2,'message':'process terminated'}");
	ck_assert_int_eq(gk_json_int_at(loaded, "spans.r.endTime", 0), 5);
}
END_TEST

START_TEST(a_damaged_row_of_the_journal_is_lost_alone)
{
	open_without_a_pause(GK_OPTS(gk_trace_store_opts, .path = traces_path));
	traces_post_root("a");
	traces_change("UPDATE journal SET posts = substr(posts, 1, 40)");
	traces_post_root("b");
	traces_change("INSERT INTO journal(spans, posts) VALUES(1, x'0102')");
	traces_change("INSERT INTO journal(spans, posts) VALUES(1, x'')");
	ck_assert(traces_has("b"));
	ck_assert(!traces_has("a"));
	ck_assert_int_eq(traces_number("SELECT count(*) FROM journal"), 0);
}
END_TEST

START_TEST(what_cannot_be_merged_is_lost_alone)
{
	traces_change("CREATE TRIGGER refuse BEFORE INSERT ON traces WHEN NEW.trace_id = 'bad'"
		      " BEGIN SELECT RAISE(ABORT, 'refused'); END");
	traces_post_root("a");
	traces_post_root("bad");
	traces_post_root("c");
	ck_assert(traces_has("c"));
	ck_assert(traces_has("a"));
	ck_assert(!traces_has("bad"));
	ck_assert_uint_eq(gk_trace_store_count(traces_store).dropped_error, 1);
	ck_assert_int_eq(traces_number("SELECT count(*) FROM spans"), 2);
}
END_TEST

static void save_own(const char *trace_id)
{
	gk_trace_post *post = traces_spans(trace_id, 1, "n", "{}");

	post->owner = gk_process_key();
	gk_trace_store_save(traces_store, post);
}

static bool is_dropped(void *user)
{
	(void)user;
	return gk_trace_store_count(traces_store).dropped_error == 1;
}

START_TEST(what_cannot_be_written_is_lost_alone_and_not_left_in_the_ring)
{
	gk_auto_str char *ring = NULL;

	ck_assert_int_gt(asprintf(&ring, "%s-ring", traces_path), 0);
	traces_change(
		"CREATE TRIGGER refuse BEFORE INSERT ON journal WHEN instr(NEW.posts, x'626164')"
		" BEGIN SELECT RAISE(ABORT, 'refused'); END");
	save_own("a");
	save_own("bad");
	traces_until(is_dropped, NULL);
	ck_assert_int_eq(access(ring, F_OK), 0);
	gk_trace_store_close(gk_steal(traces_store));
	ck_assert_int_ne(access(ring, F_OK), 0);
	traces_reopen(NULL);
	ck_assert(traces_has("a") && !traces_has("bad"));
}
END_TEST

static unsigned events;

static void on_event(gk_trace_watcher *watcher, const char *json, size_t len)
{
	(void)watcher;
	(void)json;
	(void)len;
	events++;
}

START_TEST(what_is_watched_is_merged_at_once)
{
	gk_trace_watcher watcher = { .trace_id = "a", .event = on_event };

	traces_post_root("before");
	ck_assert(gk_trace_store_watch(traces_store, &watcher));
	events = 0;
	traces_post_root("a");
	ck_assert_uint_eq(unfolded(), 0);
	ck_assert_uint_eq(events, 2);
	gk_trace_store_unwatch(traces_store, &watcher);
}
END_TEST

START_TEST(there_are_so_many_watchers)
{
	static gk_trace_watcher watchers[GK_MAX_WATCHERS + 1];

	for (unsigned i = 0; i <= GK_MAX_WATCHERS; i++) {
		watchers[i] = (gk_trace_watcher){ .trace_id = "a", .event = on_event };
		ck_assert(
			gk_trace_store_watch(traces_store, &watchers[i]) == (i < GK_MAX_WATCHERS));
	}
	for (unsigned i = 0; i < GK_MAX_WATCHERS; i++)
		gk_trace_store_unwatch(traces_store, &watchers[i]);
}
END_TEST

#define ROUND (GK_STORE_DIRECT - 1) /* the most that goes into the journal at once */

static void assert_lag(void (*save_round)(unsigned number))
{
	uint64_t max = 16 * ROUND, most = 0;

	open_without_a_pause(GK_OPTS(gk_trace_store_opts, .path = traces_path, .fold_max = max));
	for (unsigned i = 0; i < 40; i++) {
		save_round(i);
		most = unfolded() > most ? unfolded() : most;
	}
	ck_assert_uint_gt(most, max - ROUND);
	ck_assert_uint_le(most, max + ROUND);
}

static uint64_t unfolded_bytes(void)
{
	return gk_trace_store_count(traces_store).unfolded_bytes;
}

static void save_round_of_spans(unsigned number)
{
	char id[16];

	snprintf(id, sizeof(id), "t%u", number);
	save_spans(id, ROUND);
}

START_TEST(the_journal_holds_so_many_spans_though_there_is_no_pause)
{
	assert_lag(save_round_of_spans);
}
END_TEST

static void save_large(const char *trace_id, size_t size)
{
	gk_auto_buf gk_buf doc = GK_BUF_INIT(0);

	gk_buf_puts(&doc, "{\"x\":\"");
	while (doc.len < size)
		gk_buf_putc(&doc, ' ');
	gk_buf_puts(&doc, "\"}");
	ck_assert(!gk_buf_failed(&doc));
	traces_save(traces_spans(trace_id, 1, "n", doc.data));
}

#define LARGE 100000

START_TEST(the_journal_holds_so_many_bytes_though_there_is_no_pause)
{
	uint64_t max = 16 * LARGE, most = 0;
	char id[16];

	open_without_a_pause(GK_OPTS(gk_trace_store_opts, .path = traces_path, .fold_bytes = max));
	for (unsigned i = 0; i < 8; i++)
		save_round_of_spans(i); /* these go first, and make little room */
	for (unsigned i = 0; i < 40; i++) {
		snprintf(id, sizeof(id), "l%u", i);
		save_large(id, LARGE);
		most = unfolded_bytes() > most ? unfolded_bytes() : most;
	}
	ck_assert_uint_gt(most, max - 2 * LARGE);
	ck_assert_uint_le(most, max + 2 * LARGE);
}
END_TEST

START_TEST(the_journal_takes_no_more_than_a_quarter_of_what_the_file_may)
{
	uint64_t max = 16 * LARGE, most = 0;
	char id[16];

	open_without_a_pause(
		GK_OPTS(gk_trace_store_opts, .path = traces_path, .max_bytes = 4 * max));
	for (unsigned i = 0; i < 40; i++) {
		snprintf(id, sizeof(id), "l%u", i);
		save_large(id, LARGE);
		most = unfolded_bytes() > most ? unfolded_bytes() : most;
	}
	ck_assert_uint_le(most, max + 2 * LARGE);
}
END_TEST

START_TEST(bytes_of_a_journal_that_is_found_count)
{
	uint64_t bytes;

	open_without_a_pause(GK_OPTS(gk_trace_store_opts, .path = traces_path));
	save_large("a", LARGE);
	bytes = unfolded_bytes();
	ck_assert_uint_gt(bytes, LARGE);
	traces_change("UPDATE journal SET spans = spans"); /* somebody else wrote */
	save_large("b", LARGE);
	ck_assert_uint_eq(unfolded_bytes(), 2 * bytes);
	ck_assert(traces_has("b"));
	ck_assert_uint_eq(unfolded_bytes(), 0);
}
END_TEST

#define AGE 100

/* Each is gone from the journal within twice the time, though it is never quiet. */
START_TEST(the_journal_holds_nothing_for_long_though_there_is_no_pause)
{
	uint64_t begun = gk_clock_mono_ms(), until = begun + 10000;
	bool is_there = false;
	char id[16];

	open_without_a_pause(GK_OPTS(gk_trace_store_opts, .path = traces_path, .fold_age_ms = AGE));
	for (unsigned i = 0; !is_there && gk_clock_mono_ms() < until; i++) {
		snprintf(id, sizeof(id), "t%u", i);
		save_spans(id, 1);
		usleep(1000);
		is_there = traces_number("SELECT count(*) FROM traces WHERE trace_id = 't0'") == 1;
	}
	ck_assert(is_there);
	ck_assert_uint_ge(gk_clock_mono_ms() - begun, AGE);
}
END_TEST

static void save_logs(void *user)
{
	gk_auto_json json_t *records = json_array();

	(void)user;
	for (unsigned i = 0; i < ROUND; i++)
		ck_assert_int_eq(json_array_append_new(records, json_object()), 0);
	ck_assert(gk_trace_store_save_logs(traces_store, records));
	ck_assert_int_eq(gk_trace_store_flush(traces_store, NULL), GK_OK);
}

static void save_round_of_logs(unsigned number)
{
	(void)number;
	traces_in_fiber(save_logs, NULL);
}

START_TEST(the_journal_holds_so_many_log_records_though_there_is_no_pause)
{
	assert_lag(save_round_of_logs);
}
END_TEST

/* The backend by itself, as a writer that always finds something to write between two slices. */
static void write_trace(gk_trace_backend *backend, unsigned number, unsigned spans)
{
	gk_auto_error gk_error err = { 0 };
	gk_trace_batch batch = { .spans = spans };
	gk_trace_post *post;
	char id[16];

	snprintf(id, sizeof(id), "t%u", number);
	post = traces_spans(id, spans, "n", "{}");
	STAILQ_INIT(&batch.posts);
	STAILQ_INIT(&batch.logs);
	STAILQ_INSERT_TAIL(&batch.posts, post, link);
	ck_assert_msg(backend->type->write(backend, &batch, &err) == GK_OK, "%s", err.message);
	gk_trace_post_free(post);
}

static int64_t lacking(gk_trace_backend *backend)
{
	gk_auto_json json_t *stats = NULL;

	ck_assert_int_eq(backend->type->stats(backend, &stats, NULL), GK_OK);
	return gk_json_int_at(stats, "unindexed", -1);
}

START_TEST(a_large_batch_does_not_wait_for_a_long_journal)
{
	unsigned rounds = GK_STORE_FOLD / ROUND + 1;
	gk_trace_backend *backend;
	gk_trace_sizes sizes;

	gk_trace_store_close(gk_steal(traces_store));
	backend = gk_sqlite_backend_new(traces_path);
	ck_assert_int_eq(backend->type->open(backend, NULL), GK_OK);
	for (unsigned i = 0; i < rounds; i++)
		write_trace(backend, i, ROUND);
	write_trace(backend, rounds, GK_STORE_DIRECT);
	backend->type->sizes(backend, &sizes);
	ck_assert_uint_eq(sizes.unfolded, rounds * ROUND + GK_STORE_DIRECT);
	backend->type->free(backend);
}
END_TEST

static uint64_t fold_some(gk_trace_backend *backend)
{
	gk_trace_sizes sizes;
	size_t count;

	ck_assert_int_eq(backend->type->fold(backend, GK_STORE_FOLD, &count, NULL), GK_OK);
	backend->type->sizes(backend, &sizes);
	return sizes.unfolded;
}

START_TEST(folding_makes_room_for_what_is_to_be_written)
{
	unsigned spans = GK_STORE_LEAST / 4;
	gk_auto_str char *path = NULL;
	gk_trace_backend *backend;

	ck_assert_int_gt(asprintf(&path, "%s.other", traces_path), 0);
	backend = gk_sqlite_backend_new(path);
	ck_assert_int_eq(backend->type->open(backend, NULL), GK_OK);
	for (unsigned i = 0; i < 12; i++)
		write_trace(backend, i, spans);
	backend->is_wanted = backend->yields = true;
	ck_assert_uint_eq(fold_some(backend), 12 * spans - GK_STORE_LEAST);
	backend->yields = false; /* a reader waits as well */
	ck_assert_uint_eq(fold_some(backend), 0);
	backend->type->free(backend);
	unlink(path);
}
END_TEST

static atomic_bool folds, was_wanted, has_worked;

static gk_code fold_until_wanted(gk_trace_backend *backend, size_t max, size_t *ret, gk_error *err)
{
	folds = true;
	for (int i = 0; i < 2000 && !backend->is_wanted; i++)
		usleep(1000);
	was_wanted = backend->is_wanted;
	return gk_sqlite_fold(backend, max, ret, err);
}

static gk_code work(
	gk_store_guest *guest, gk_trace_backend *backend, gk_code open_rc, const gk_error *why)
{
	(void)guest;
	(void)why;
	has_worked = true;
	ck_assert(!backend->is_wanted);
	return open_rc;
}

static bool tend(gk_store_guest *guest, gk_trace_backend *backend)
{
	(void)guest;
	(void)backend;
	return false;
}

static bool is_set(void *user)
{
	return *(atomic_bool *)user;
}

START_TEST(folding_makes_room_for_a_guest)
{
	static gk_trace_backend_type waiting;
	gk_trace_backend *backend = gk_trace_store_backend_peek(traces_store);
	gk_store_guest guest = { .work = work, .tend = tend };

	waiting = *backend->type;
	waiting.fold = fold_until_wanted;
	backend->type = &waiting;
	folds = was_wanted = has_worked = false;
	gk_trace_store_set_guest(traces_store, &guest, 60000);
	traces_post_root("a");
	traces_until(is_set, &folds);
	gk_trace_store_call_guest(traces_store);
	traces_until(is_set, &has_worked);
	ck_assert(was_wanted);
	gk_trace_store_drop_guest(traces_store);
}
END_TEST

static atomic_uint left_to_fold;

static gk_code remove_and_note(
	gk_trace_backend *backend, const char *trace_id, uint64_t *ret, gk_error *err)
{
	gk_trace_sizes sizes;

	backend->type->sizes(backend, &sizes);
	left_to_fold = (unsigned)sizes.unfolded;
	return gk_sqlite_remove(backend, trace_id, ret, err);
}

/* In slices, that is, between which others write: remove() would fold all at once. */
START_TEST(what_is_in_the_journal_is_folded_before_something_is_deleted)
{
	static gk_trace_backend_type noting;
	gk_trace_backend *backend = gk_trace_store_backend_peek(traces_store);

	noting = *backend->type;
	noting.remove = remove_and_note;
	backend->type = &noting;
	traces_post_root("a");
	left_to_fold = 1;
	ck_assert_uint_eq(traces_delete("a"), 1);
	ck_assert_uint_eq(left_to_fold, 0);
}
END_TEST

static uint64_t index_some(gk_trace_backend *backend)
{
	gk_trace_sizes sizes;
	size_t count;

	ck_assert_int_eq(backend->type->index(backend, GK_STORE_INDEX, &count, NULL), GK_OK);
	backend->type->sizes(backend, &sizes);
	ck_assert_int_ge((int64_t)sizes.unindexed, lacking(backend));
	return sizes.unindexed;
}

/* Be they new, or changed since they were indexed. */
START_TEST(indexing_makes_room_for_what_is_to_be_written)
{
	gk_trace_backend *backend;

	gk_trace_store_close(gk_steal(traces_store));
	backend = gk_sqlite_backend_new(traces_path);
	ck_assert_int_eq(backend->type->open(backend, NULL), GK_OK);
	for (int i = 0; i < 2; i++) {
		write_trace(backend, 1, 3 * GK_STORE_LEAST);
		ck_assert_uint_eq(fold_some(backend), 0);
		backend->is_wanted = backend->yields = true;
		ck_assert_uint_eq(index_some(backend), 2 * GK_STORE_LEAST);
		ck_assert_uint_eq(index_some(backend), GK_STORE_LEAST);
		backend->yields = false;
		ck_assert_uint_eq(index_some(backend), 0);
	}
	backend->type->free(backend);
}
END_TEST

START_TEST(the_log_of_a_file_that_was_put_anew_is_copied)
{
	static const char *const suffixes[] = { "", "-wal", "-shm" };
	gk_trace_backend *backend;
	gk_trace_sizes sizes;

	gk_trace_store_close(gk_steal(traces_store));
	backend = gk_sqlite_backend_new(traces_path);
	ck_assert_int_eq(backend->type->open(backend, NULL), GK_OK);
	write_trace(backend, 1, 1);
	backend->type->copy(backend);
	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
		gk_auto_str char *path = NULL;

		ck_assert_int_gt(asprintf(&path, "%s%s", traces_path, suffixes[i]), 0);
		unlink(path);
	}
	ck_assert_int_eq(backend->type->open(backend, NULL), GK_OK); /* after a failure */
	for (unsigned i = 0; i < 5; i++)
		write_trace(backend, i, 200);
	backend->type->sizes(backend, &sizes);
	ck_assert_uint_gt(sizes.wal_bytes, 0);
	/* to which its connection, opened anew, adds nothing */
	ck_assert_uint_eq(backend->type->copy(backend), sizes.wal_bytes);
	backend->type->free(backend);
	traces_reopen(NULL);
}
END_TEST

static bool is_indexed(void *user)
{
	(void)user;
	return gk_trace_store_count(traces_store).unindexed == 0;
}

START_TEST(what_an_earlier_process_did_not_index_waits_for_no_write)
{
	gk_trace_backend *backend;

	gk_trace_store_close(gk_steal(traces_store));
	backend = gk_sqlite_backend_new(traces_path);
	ck_assert_int_eq(backend->type->open(backend, NULL), GK_OK);
	write_trace(backend, 1, 3);
	ck_assert_uint_eq(fold_some(backend), 0);
	ck_assert_int_eq(lacking(backend), 3);
	backend->type->free(backend);
	traces_reopen(NULL);
	traces_until(is_indexed, NULL);
	ck_assert_int_eq(
		traces_number("SELECT value FROM meta WHERE key = 'indexed'") & 0xfffff, 3);
}
END_TEST

START_TEST(the_index_comes_to_its_end_though_something_is_written_all_the_time)
{
	gk_trace_backend *backend;
	gk_trace_sizes sizes;

	gk_trace_store_close(gk_steal(traces_store));
	backend = gk_sqlite_backend_new(traces_path);
	ck_assert_int_eq(backend->type->open(backend, NULL), GK_OK);
	for (unsigned i = 0; i < 3; i++) {
		gk_trace_post *post = traces_spans(i ? "b" : "a", 1, "n", "{}");
		gk_trace_batch batch = { .spans = 1 };
		size_t count;

		STAILQ_INIT(&batch.posts);
		STAILQ_INIT(&batch.logs);
		STAILQ_INSERT_TAIL(&batch.posts, post, link);
		ck_assert_int_eq(backend->type->write(backend, &batch, NULL), GK_OK);
		gk_trace_post_free(post);
		ck_assert_int_eq(backend->type->fold(backend, 100, &count, NULL), GK_OK);
		ck_assert_uint_eq(count, 1);
		ck_assert_int_eq(backend->type->index(backend, 100, &count, NULL), GK_OK);
		ck_assert_uint_eq(count, 1);
		backend->type->sizes(backend, &sizes);
		ck_assert_uint_eq(sizes.unfolded, 0);
		ck_assert_uint_eq(sizes.unindexed, 0);
	}
	backend->type->free(backend);
}
END_TEST

static atomic_uint complaints;

static void count_complaint(const gk_log_record *record, void *user)
{
	(void)user;
	if (strstr(record->message, "damaged"))
		complaints++;
}

START_TEST(a_journal_that_cannot_be_folded_is_left_alone_for_a_moment)
{
	gk_auto_str char *sql = NULL;
	uint64_t until;

	gk_trace_store_close(gk_steal(traces_store));
	gk_log_set_sink(count_complaint, NULL);
	traces_reopen(NULL);
	ck_assert_int_gt(asprintf(&sql,
				 "INSERT INTO journal(spans, posts) VALUES(%d, x'00');"
				 "CREATE TRIGGER stays BEFORE DELETE ON journal"
				 " BEGIN SELECT RAISE(ABORT, 'refused'); END",
				 GK_STORE_FOLD_LAG + 1),
		0);
	traces_change(sql);
	traces_post_root("a");
	while (!complaints)
		gk_loop_turn(traces_loop, 10);
	until = gk_clock_mono_ms() + GK_STORE_RETRY_MS / 4;
	while (gk_clock_mono_ms() < until)
		gk_loop_turn(traces_loop, 10);
	ck_assert_uint_le(complaints, 4); /* a try, and one with care */
	traces_change("DROP TRIGGER stays");
}
END_TEST

START_TEST(a_trace_has_so_many_spans)
{
	gk_auto_str char *sql = NULL;
	gk_auto_json json_t *loaded = NULL;

	traces_post_root("a");
	ck_assert(traces_has("a"));
	ck_assert_int_gt(asprintf(&sql,
				 "INSERT INTO spans(id, span_key, start_ms, end_ms, doc)"
				 " SELECT (id << 20) + %d, 'k', 1, 2, x'007b7d' FROM traces",
				 GK_MAX_TRACE_SPANS - 1),
		0);
	traces_change(sql);
	save_spans("a", 3);
	loaded = traces_load("a");
	ck_assert_uint_eq(json_object_size(json_object_get(loaded, "spans")), 3);
	ck_assert_uint_eq(gk_trace_store_count(traces_store).dropped_error, 2);
}
END_TEST

START_TEST(statistics_count_what_a_search_has_to_index_first)
{
	gk_auto_str char *path = NULL;
	gk_trace_backend *backend;
	size_t count;

	ck_assert_int_gt(asprintf(&path, "%s.other", traces_path), 0);
	backend = gk_sqlite_backend_new(path);
	ck_assert_int_eq(backend->type->open(backend, NULL), GK_OK);
	write_trace(backend, 1, 3);
	ck_assert_int_eq(lacking(backend), 3);
	ck_assert_int_eq(backend->type->fold(backend, 10, &count, NULL), GK_OK);
	ck_assert_int_eq(lacking(backend), 3);
	ck_assert_int_eq(backend->type->index(backend, 2, &count, NULL), GK_OK);
	ck_assert_int_eq(lacking(backend), 1);
	ck_assert_int_eq(backend->type->index(backend, 2, &count, NULL), GK_OK);
	ck_assert_int_eq(lacking(backend), 0);
	backend->type->free(backend);
	unlink(path);
}
END_TEST

static Suite *journal_suite(void)
{
	Suite *suite = suite_create("trace journal");
	TCase *tests = tcase_create("journal");

	tcase_set_timeout(tests, 30);
	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, a_small_batch_waits_in_the_journal_until_somebody_reads);
	tcase_add_test(tests, the_journal_is_folded_when_it_is_quiet);
	tcase_add_test(tests, a_large_batch_goes_into_the_tables_behind_what_is_in_the_journal);
	tcase_add_test(tests, a_large_batch_does_not_wait_for_a_long_journal);
	tcase_add_test(tests, a_batch_of_many_bytes_goes_into_the_tables);
	tcase_add_test(tests, everything_of_a_post_comes_through_the_journal);
	tcase_add_test(tests, what_another_process_left_in_the_journal_is_taken_over);
	tcase_add_test(tests, spans_of_a_process_that_is_gone_are_ended_when_the_file_is_opened);
	tcase_add_test(tests, a_damaged_row_of_the_journal_is_lost_alone);
	tcase_add_test(tests, what_cannot_be_merged_is_lost_alone);
	tcase_add_test(tests, what_cannot_be_written_is_lost_alone_and_not_left_in_the_ring);
	tcase_add_test(tests, what_is_watched_is_merged_at_once);
	tcase_add_test(tests, there_are_so_many_watchers);
	tcase_add_test(tests, the_journal_holds_so_many_spans_though_there_is_no_pause);
	tcase_add_test(tests, the_journal_holds_so_many_log_records_though_there_is_no_pause);
	tcase_add_test(tests, the_journal_holds_so_many_bytes_though_there_is_no_pause);
	tcase_add_test(tests, the_journal_takes_no_more_than_a_quarter_of_what_the_file_may);
	tcase_add_test(tests, bytes_of_a_journal_that_is_found_count);
	tcase_add_test(tests, the_journal_holds_nothing_for_long_though_there_is_no_pause);
	tcase_add_test(tests, folding_makes_room_for_what_is_to_be_written);
	tcase_add_test(tests, folding_makes_room_for_a_guest);
	tcase_add_test(tests, what_is_in_the_journal_is_folded_before_something_is_deleted);
	tcase_add_test(tests, indexing_makes_room_for_what_is_to_be_written);
	tcase_add_test(tests, the_log_of_a_file_that_was_put_anew_is_copied);
	tcase_add_test(tests, what_an_earlier_process_did_not_index_waits_for_no_write);
	tcase_add_test(tests, the_index_comes_to_its_end_though_something_is_written_all_the_time);
	tcase_add_test(tests, a_journal_that_cannot_be_folded_is_left_alone_for_a_moment);
	tcase_add_test(tests, a_trace_has_so_many_spans);
	tcase_add_test(tests, statistics_count_what_a_search_has_to_index_first);
	suite_add_tcase(suite, tests);
	return suite;
}

UNIT_MAIN(journal_suite)
