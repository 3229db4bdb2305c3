/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* How far the store goes: words, hits, names, traces of a step. */
#include "traces.h"

#include "base/limits.h"
#include "base/clock.h"
#include "base/table.h"
#include "store/sqlite.h"
#include "store/store_guest.h"

#include <pthread.h>
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

#define NEEDLE "{\"attributes\":{\"genkit:input\":\"needle\"}}"

static void assert_found(const char *text, const char *expected)
{
	gk_auto_str char *ids = traces_ids(NULL, text);

	ck_assert_str_eq(ids, expected);
}

static size_t listed(const gk_trace_query *query)
{
	gk_auto_json json_t *value = traces_list(query);

	return json_array_size(json_object_get(value, "traces"));
}

START_TEST(words_that_begin_so_are_found_be_they_few_or_many)
{
	for (unsigned i = 0; i < GK_MAX_SEARCH_WORDS + 2; i++) {
		char id[16], doc[100];

		snprintf(id, sizeof(id), "t%u", i);
		snprintf(doc, sizeof(doc), "{\"attributes\":{\"genkit:input\":\"Gra%uin seed\"}}",
			i);
		traces_save(traces_spans(id, 1, "n", doc));
		ck_assert_uint_eq(listed(&(gk_trace_query){ .limit = 100, .text = "gRa" }), i + 1);
	}
	ck_assert_uint_eq(listed(&(gk_trace_query){ .limit = 100, .text = "seed input:gra" }),
		GK_MAX_SEARCH_WORDS + 2);
	assert_found("gra1in", "t1");
	assert_found("seed gra3", "t3");
	assert_found("output:gra", "");
	assert_found("grz", "");
	assert_found("gra ", "");
}
END_TEST

START_TEST(a_search_looks_at_so_many_spans)
{
	gk_trace_store_save(traces_store, traces_spans("old", 1, "n", NEEDLE));
	gk_trace_store_save(traces_store, traces_spans("new", GK_MAX_SEARCH_HITS - 1, "n", NEEDLE));
	assert_found("needle", "new old");
	gk_trace_store_save(traces_store, traces_spans("newest", 1, "n", NEEDLE));
	assert_found("needle", "newest new");
}
END_TEST

START_TEST(names_are_compared_one_by_one_or_row_by_row)
{
	for (unsigned i = 0; i < GK_MAX_NAME_SCAN + 2; i++) {
		char id[16];

		snprintf(id, sizeof(id), "n%u", i);
		gk_trace_store_save(traces_store, traces_spans(id, 1, id, "{}"));
		if (i >= GK_MAX_NAME_SCAN - 1) {
			gk_auto_str char *ids = traces_ids("{'contains':{'name':'N199'}}", NULL);

			ck_assert_str_eq(ids,
				"n1999 n1998 n1997 n1996 n1995 n1994 n1993 n1992 n1991 n1990 n199");
		}
	}
}
END_TEST

/* Traces "0" to "2009", of which the last two have no start; every second one has the name "even". */
static void save_row(void)
{
	for (unsigned i = 0; i < 2 * GK_TRACE_LIST_MARK + 10; i++) {
		char id[16];
		gk_trace_post *post;

		snprintf(id, sizeof(id), "%u", i);
		post = traces_spans(id, 1, i % 2 ? "odd" : "even", "{}");
		STAILQ_FIRST(&post->rows)->start_ms = i < 2 * GK_TRACE_LIST_MARK + 8 ? 5000 - i : 0;
		gk_trace_store_save(traces_store, post);
	}
}

static void assert_page(const char *filter, uint64_t offset, size_t limit, const char *expected)
{
	gk_auto_json json_t *conditions = filter ? json(filter) : NULL;
	gk_auto_json json_t *value = traces_list(
		&(gk_trace_query){ .limit = limit, .offset = offset, .filter = conditions });
	gk_auto_buf gk_buf ids = GK_BUF_INIT(0);
	json_t *trace;
	size_t i;

	gk_buf_puts(&ids, "");
	json_array_foreach (json_object_get(value, "traces"), i, trace)
		gk_buf_printf(&ids, "%s%s", i ? " " : "", gk_json_str_peek(trace, "traceId"));
	gk_buf_puts(&ids, json_object_get(value, "continuationToken") ? " +" : "");
	ck_assert_str_eq(ids.data, expected);
}

START_TEST(pages_far_down_a_list_follow_each_other)
{
	static const char *const even = "{'eq':{'name':'even'}}";

	save_row();
	assert_page(NULL, GK_TRACE_LIST_MARK - 1, 2, "999 1000 +");
	for (int i = 0; i < 6; i++) /* each reader's connection keeps a place of its own */
		assert_page(NULL, GK_TRACE_LIST_MARK, 2, "1000 1001 +");
	assert_page(NULL, GK_TRACE_LIST_MARK + 2, 2, "1002 1003 +");
	assert_page(even, GK_TRACE_LIST_MARK, 2, "2000 2002 +");
	assert_page(NULL, 2 * GK_TRACE_LIST_MARK + 5, 2, "2005 2006 +");
	assert_page(NULL, 2 * GK_TRACE_LIST_MARK + 6, 3, "2006 2007 2009 +");
	assert_page(NULL, 2 * GK_TRACE_LIST_MARK + 6, 9, "2006 2007 2009 2008");
	assert_page(NULL, 2 * GK_TRACE_LIST_MARK + 9, 9, "2008");
	assert_page(NULL, 2 * GK_TRACE_LIST_MARK + 10, 9, "");
	assert_page(NULL, 1001, 1, "1001 +");
}
END_TEST

START_TEST(a_page_far_down_a_list_knows_what_came_since)
{
	save_row();
	for (int i = 0; i < 6; i++)
		assert_page(NULL, GK_TRACE_LIST_MARK + 10, 1, "1010 +");
	gk_trace_store_save(traces_store, traces_spans("top", 1, "n", "{}"));
	ck_assert_uint_eq(traces_delete("5"), 1);
	ck_assert_uint_eq(traces_delete("6"), 1);
	for (int i = 0; i < 6; i++)
		assert_page(NULL, GK_TRACE_LIST_MARK + 10, 1, "1012 +");
}
END_TEST

START_TEST(so_much_of_a_text_is_indexed)
{
	gk_auto_buf gk_buf doc = GK_BUF_INIT(0);

	gk_buf_puts(&doc, "{\"attributes\":{\"genkit:input\":\"");
	while (doc.len < GK_STORE_INDEX_TEXT)
		gk_buf_puts(&doc, "word ");
	gk_buf_puts(&doc, " inside ");
	while (doc.len < GK_STORE_INDEX_TEXT + 100)
		gk_buf_puts(&doc, "word ");
	gk_buf_puts(&doc, " outside\"}}");
	gk_trace_store_save(traces_store, traces_spans("a", 1, "n", doc.data));
	assert_found("inside ", "a");
	assert_found("outside ", "");
}
END_TEST

static bool has_swept(void *user)
{
	(void)user;
	return gk_trace_store_count(traces_store).deleted_count > 2 * GK_STORE_SWEEP_STEP;
}

START_TEST(retention_goes_step_by_step_to_its_end)
{
	for (unsigned i = 0; i < 2 * GK_STORE_SWEEP_STEP + 11; i++) {
		char id[16];

		snprintf(id, sizeof(id), "t%u", i);
		gk_trace_store_save(traces_store, traces_spans(id, 1, "n", NEEDLE));
	}
	ck_assert_uint_eq(listed(&(gk_trace_query){ .limit = 1, .text = "needle " }), 1);
	gk_trace_store_configure(
		traces_store, GK_OPTS(gk_trace_store_opts, .max_traces = 10, .sweep_ms = 1));
	traces_until(has_swept, NULL);
	ck_assert_uint_eq(listed(&(gk_trace_query){ .limit = 100 }), 10);
	ck_assert_uint_eq(listed(&(gk_trace_query){ .limit = 100, .text = "needle " }), 10);
}
END_TEST

START_TEST(the_index_lags_so_far_behind_though_it_is_never_quiet)
{
	uint64_t max = 16 * GK_STORE_DIRECT, most = 0;

	traces_reopen(GK_OPTS(gk_trace_store_opts, .path = traces_path, .index_max = max));
	for (unsigned i = 0; i < 32; i++) {
		uint64_t lacking;
		char id[16];

		snprintf(id, sizeof(id), "t%u", i);
		traces_save(traces_spans(id, GK_STORE_DIRECT, "n", NEEDLE));
		lacking = gk_trace_store_count(traces_store).unindexed;
		most = lacking > most ? lacking : most;
	}
	ck_assert_uint_gt(most, max / 4);
	ck_assert_uint_le(most, max + 2 * GK_STORE_DIRECT);
}
END_TEST

static bool is_written(uint64_t spans, unsigned ms)
{
	uint64_t until = gk_clock_mono_ms() + ms;

	while (gk_trace_store_count(traces_store).spans < spans && gk_clock_mono_ms() < until)
		usleep(1000);
	return gk_trace_store_count(traces_store).spans >= spans;
}

/* The loop is not turned: no moment passes. */
START_TEST(so_many_spans_are_written_without_waiting_for_more)
{
	gk_trace_store_save(traces_store, traces_spans("a", GK_STORE_GATHER - 1, "n", NEEDLE));
	ck_assert(!is_written(1, 50));
	gk_trace_store_save(traces_store, traces_spans("b", 1, "n", NEEDLE));
	ck_assert(is_written(GK_STORE_GATHER, 10000));
}
END_TEST

START_TEST(so_many_bytes_are_written_without_waiting_for_more)
{
	gk_auto_str char *doc = calloc(1, GK_STORE_GATHER_BYTES / 2 + 1);

	memset(doc, ' ', GK_STORE_GATHER_BYTES / 2);
	memcpy(doc, "{}", 2);
	gk_trace_store_save(traces_store, traces_spans("a", 1, "n", doc));
	ck_assert(!is_written(1, 50));
	gk_trace_store_save(traces_store, traces_spans("b", 1, "n", doc));
	ck_assert(is_written(2, 10000));
}
END_TEST

/* Nothing waits to be written: what the writer keeps is ours to look at. */
START_TEST(so_many_traces_are_kept_in_mind)
{
	gk_sqlite *sqlite = (gk_sqlite *)gk_trace_store_backend_peek(traces_store);

	ck_assert_uint_eq(sqlite->max_states, GK_STORE_STATES);
	sqlite->max_states = 3;
	for (unsigned i = 0; i < 8; i++) {
		char id[16];

		snprintf(id, sizeof(id), "t%u", i);
		traces_save(traces_spans(id, GK_STORE_DIRECT, "n", "{}"));
		ck_assert_uint_eq(gk_table_count(sqlite->states), (i + 1) % 4);
	}
}
END_TEST

START_TEST(so_many_spans_are_kept_in_mind)
{
	gk_sqlite *sqlite = (gk_sqlite *)gk_trace_store_backend_peek(traces_store);

	ck_assert_uint_eq(sqlite->max_known, GK_STORE_KNOWN_SPANS);
	sqlite->max_known = GK_STORE_DIRECT;
	for (int i = 0; i < 2; i++) /* those that were there before are looked for */
		traces_save(traces_spans("a", GK_STORE_DIRECT, "n", "{}"));
	ck_assert_uint_eq(sqlite->known, GK_STORE_DIRECT);
	for (int i = 0; i < 2; i++)
		traces_save(traces_spans("b", GK_STORE_DIRECT, "n", "{}"));
	ck_assert_uint_eq(sqlite->known, 0);
	ck_assert_uint_eq(gk_table_count(sqlite->states), 0);
}
END_TEST

/* Not by the timer, which comes later: a machine that is too slow for the moment between the two is asked again. */
START_TEST(after_a_moment_the_next_span_takes_along_what_waits)
{
	const unsigned late = GK_STORE_GATHER_LATE * GK_STORE_GATHER_MS;
	uint64_t spans = 0;
	bool is_shown = false;

	for (int i = 0; !is_shown && i < 100; i++) {
		uint64_t started;

		gk_loop_turn(traces_loop, 0); /* the loop's time is now */
		started = gk_clock_mono_ms();
		gk_trace_store_save(traces_store, traces_spans("a", 1, "n", "{}"));
		usleep((GK_STORE_GATHER_MS + 1) * 1000);
		gk_loop_turn(traces_loop, 0);
		gk_trace_store_save(traces_store, traces_spans("b", 1, "n", "{}"));
		gk_loop_turn(traces_loop, 0);
		is_shown = gk_clock_mono_ms() - started < late;
		spans += 2;
		if (!is_shown)
			gk_loop_turn(traces_loop, late);
		ck_assert(is_written(spans, 10000));
	}
	ck_assert(is_shown);
}
END_TEST

static atomic_bool has_borrowed;

static void *borrow(void *user)
{
	gk_db *db = gk_sqlite_borrow(user, NULL);

	has_borrowed = true;
	gk_sqlite_return(user, db);
	return NULL;
}

START_TEST(so_many_read_at_once_and_the_next_waits)
{
	gk_sqlite *sqlite = (gk_sqlite *)gk_trace_store_backend_peek(traces_store);
	gk_db *lent[GK_STORE_READERS];
	pthread_t thread;

	for (size_t i = 0; i < GK_STORE_READERS; i++) {
		lent[i] = gk_sqlite_borrow(sqlite, NULL);
		ck_assert_ptr_nonnull(lent[i]);
	}
	has_borrowed = false;
	ck_assert_int_eq(pthread_create(&thread, NULL, borrow, sqlite), 0);
	usleep(50000);
	ck_assert(!has_borrowed);
	for (size_t i = 0; i < GK_STORE_READERS; i++)
		gk_sqlite_return(sqlite, lent[i]);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	ck_assert(has_borrowed);
}
END_TEST

static char page[GK_STORE_PACK]; /* a document that is not compressed */

START_TEST(documents_of_so_many_bytes_are_compressed)
{
	static char doc[GK_STORE_PACK];
	gk_auto_buf gk_buf packed = GK_BUF_INIT(0);

	memset(doc, ' ', sizeof(doc));
	ck_assert(gk_doc_pack(&packed, doc, sizeof(doc) - 1));
	ck_assert_uint_eq(packed.len, sizeof(doc)); /* as it is, and its kind */
	ck_assert(gk_doc_pack(&packed, doc, sizeof(doc)));
	ck_assert_uint_lt(packed.len, 100);
}
END_TEST

static void make_page(void)
{
	memset(page, ' ', sizeof(page) - 1);
	memcpy(page, "{\"x\":\"", 6);
	memcpy(page + sizeof(page) - 3, "\"}", 2);
}

/* Returns the size of the log then. */
static uint64_t save_pages(char kind, unsigned number, unsigned spans)
{
	char id[16];

	snprintf(id, sizeof(id), "%c%u", kind, number);
	traces_save(traces_spans(id, spans, "n", page));
	return gk_trace_store_count(traces_store).wal_bytes;
}

START_TEST(a_log_of_so_many_changes_is_copied_when_it_is_quiet)
{
	uint64_t size = 0;

	make_page();
	for (unsigned i = 0; size <= GK_STORE_WAL; i++) {
		ck_assert_uint_lt(i, 100);
		size = save_pages('t', i, GK_STORE_DIRECT);
	}
	for (unsigned i = 0; size > GK_STORE_WAL / 2; i++) { /* what is written next begins anew */
		ck_assert_uint_lt(i, 2000);
		usleep(2000 * GK_STORE_QUIET_MS);
		size = save_pages('s', i, 1);
	}
}
END_TEST

static gk_code fold_nothing(gk_trace_backend *backend, size_t max, size_t *ret, gk_error *err)
{
	(void)backend;
	(void)max;
	(void)err;
	*ret = 0;
	return GK_OK;
}

/* The journal is all that is written, and the log grows with it alone. */
static void open_with_log(uint64_t busy, uint64_t max)
{
	static gk_trace_backend_type kept;
	gk_trace_backend *backend;

	make_page();
	traces_reopen(GK_OPTS(
		gk_trace_store_opts, .path = traces_path, .wal_busy = busy, .wal_max = max));
	backend = gk_trace_store_backend_peek(traces_store);
	kept = *backend->type;
	kept.fold = fold_nothing;
	backend->type = &kept;
}

#define SMALL_LOG (1u << 20)

START_TEST(a_log_of_so_many_changes_begins_anew_though_it_is_never_quiet)
{
	uint64_t size = 0, before = 0;

	open_with_log(SMALL_LOG, 0);
	for (unsigned i = 0; size >= before; i++) {
		before = size;
		size = save_pages('t', i, 1);
		ck_assert_uint_lt(size, GK_STORE_WAL);
		usleep(2000);
	}
	ck_assert_uint_gt(before, SMALL_LOG);
}
END_TEST

START_TEST(writing_waits_for_a_log_of_so_many_changes_to_be_copied)
{
	uint64_t most = 0;

	open_with_log(SMALL_LOG, SMALL_LOG);
	for (unsigned i = 0; i < 1000; i++) {
		uint64_t size = save_pages('t', i, 1);

		most = size > most ? size : most;
	}
	ck_assert_uint_gt(most, SMALL_LOG);
	ck_assert_uint_lt(most, SMALL_LOG + 8 * sizeof(page)); /* one transaction's */
}
END_TEST

static Suite *limits_suite(void)
{
	Suite *suite = suite_create("trace store limits");
	TCase *tests = tcase_create("limits");

	tcase_set_timeout(tests, 30);
	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, words_that_begin_so_are_found_be_they_few_or_many);
	tcase_add_test(tests, a_search_looks_at_so_many_spans);
	tcase_add_test(tests, names_are_compared_one_by_one_or_row_by_row);
	tcase_add_test(tests, pages_far_down_a_list_follow_each_other);
	tcase_add_test(tests, a_page_far_down_a_list_knows_what_came_since);
	tcase_add_test(tests, so_much_of_a_text_is_indexed);
	tcase_add_test(tests, retention_goes_step_by_step_to_its_end);
	tcase_add_test(tests, the_index_lags_so_far_behind_though_it_is_never_quiet);
	tcase_add_test(tests, so_many_spans_are_written_without_waiting_for_more);
	tcase_add_test(tests, so_many_bytes_are_written_without_waiting_for_more);
	tcase_add_test(tests, so_many_traces_are_kept_in_mind);
	tcase_add_test(tests, so_many_spans_are_kept_in_mind);
	tcase_add_test(tests, after_a_moment_the_next_span_takes_along_what_waits);
	tcase_add_test(tests, so_many_read_at_once_and_the_next_waits);
	tcase_add_test(tests, documents_of_so_many_bytes_are_compressed);
	tcase_add_test(tests, a_log_of_so_many_changes_is_copied_when_it_is_quiet);
	tcase_add_test(tests, a_log_of_so_many_changes_begins_anew_though_it_is_never_quiet);
	tcase_add_test(tests, writing_waits_for_a_log_of_so_many_changes_to_be_copied);
	suite_add_tcase(suite, tests);
	return suite;
}

UNIT_MAIN(limits_suite)
