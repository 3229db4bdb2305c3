/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Spans of ours and posts as the bytes of which ring and journal are made, and on their way there. */
#include "traces.h"

#include "base/limits.h"
#include "base/process.h"
#include "store/trace_entry.h"
#include "store/trace_store_internal.h"

#include <dlfcn.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

static const gk_span_limits limits = { .attributes = 128, .events = 128 };
static json_t *labels, *metadata, *output;
static char *large; /* JSON text of so much that the ring has no room for it */

/* --- a disk as it may be --- */

static bool ring_fails;

/* The ring's only: SQLite calls pwrite64(). */
ssize_t pwrite(int fd, const void *data, size_t len, off_t at)
{
	ssize_t (*real)(int, const void *, size_t, off_t);

	*(void **)&real = dlsym(RTLD_NEXT, "pwrite");
	if (!ring_fails)
		return real(fd, data, len, at);
	errno = EIO;
	return -1;
}

static void setup(void)
{
	ring_fails = false;
	traces_start(NULL);
	labels = json("{'genkitx:env':'dev','genkitx:n':7,'other':'x'}");
	metadata = json("{'agent:sessionId':'s1'}");
	output = json("{'text':'yes','usage':{'inputTokens':3,'outputTokens':4}}");
}

static void teardown(void)
{
	json_decref(gk_steal(labels));
	json_decref(gk_steal(metadata));
	json_decref(gk_steal(output));
	free(gk_steal(large));
	traces_stop();
}

static gk_span span_of(unsigned number)
{
	gk_span span = { .limits = &limits,
		.trace_id = "0123456789abcdef0123456789abcdef",
		.name = "answer",
		.type = "action",
		.subtype = "model",
		.start_ns = 1500000,
		.end_ns = 2500000,
		.state = GK_SPAN_ERROR,
		.labels = labels,
		.metadata = metadata,
		.output = output };

	snprintf(span.id, sizeof(span.id), "%016x", number);
	return span;
}

static gk_trace_post *post_of(const gk_span *span)
{
	gk_auto_buf gk_buf buf = GK_BUF_INIT(0);
	gk_trace_post *post;

	gk_buf_puts(&buf, "before");
	post = gk_trace_post_of_span(span, &buf);
	ck_assert_ptr_nonnull(post);
	ck_assert_int_eq(strncmp(buf.data, "before", 6), 0);
	ck_assert_uint_eq(post->entry_len, buf.len - 6);
	ck_assert_int_eq(buf.data[buf.len - 1], 0); /* not for new in what is recovered */
	gk_trace_post_fill(post, buf.data);
	ck_assert_int_eq(gk_trace_post_open(post, NULL), GK_OK);
	ck_assert_int_eq(gk_trace_post_open(post, NULL), GK_OK);
	return post;
}

/* --- entries --- */

START_TEST(a_span_of_ours_has_all_that_it_says)
{
	static const char wanted[] = "genkitx:env\0dev\0genkitx:n\0007\0";
	gk_auto_buf gk_buf doc = GK_BUF_INIT(0);
	gk_span span = span_of(1);
	gk_trace_post *post = post_of(&span);
	const gk_span_row *row = STAILQ_FIRST(&post->rows);

	gk_span_append_data(&doc, &span);
	ck_assert_str_eq(post->trace_id, span.trace_id);
	ck_assert_str_eq(post->name, "answer");
	ck_assert(post->has_start && post->has_end);
	ck_assert_double_eq(post->start_ms, 1.5);
	ck_assert_double_eq(post->end_ms, 2.5);
	ck_assert_int_eq(post->owner, gk_process_key());
	ck_assert_uint_eq(post->count, 1);
	ck_assert_uint_eq(post->filtered, 0);
	ck_assert_str_eq(row->key, span.id);
	ck_assert_ptr_null(row->parent);
	ck_assert_str_eq(row->name, "answer");
	ck_assert_str_eq(row->type, "action");
	ck_assert_str_eq(row->subtype, "model");
	ck_assert_str_eq(row->session, "s1");
	ck_assert_uint_eq(gk_trace_labels_size(row->labels), sizeof(wanted));
	ck_assert_mem_eq(row->labels, wanted, sizeof(wanted));
	ck_assert_uint_eq(row->doc_len, doc.len);
	ck_assert_str_eq(row->doc, doc.data);
	ck_assert_double_eq(row->start_ms, 1.5);
	ck_assert_double_eq(row->end_ms, 2.5);
	ck_assert_int_eq(row->status, 2);
	ck_assert_int_eq(row->tokens_in, 3);
	ck_assert_int_eq(row->tokens_out, 4);
	ck_assert(row->is_new && !STAILQ_NEXT(row, link));
	ck_assert_uint_ge(post->bytes, sizeof(*post) + sizeof(*row) + post->entry_len);
	gk_trace_post_free(post);
}
END_TEST

START_TEST(a_span_that_was_told_of_while_it_ran_is_looked_for)
{
	gk_span span = span_of(1);
	gk_trace_post *post;

	span.has_lasted = true;
	post = post_of(&span);
	ck_assert(!STAILQ_FIRST(&post->rows)->is_new);
	gk_trace_post_free(post);
	span.state = GK_SPAN_RUNNING;
	post = post_of(&span);
	ck_assert(STAILQ_FIRST(&post->rows)->is_new);
	gk_trace_post_free(post);
}
END_TEST

START_TEST(a_preview_of_a_prompt_names_its_trace_and_is_no_row)
{
	gk_span span = span_of(1);
	gk_trace_post *post;

	span.subtype = "prompt";
	post = post_of(&span);
	ck_assert_uint_eq(post->count, 0);
	ck_assert_uint_eq(post->filtered, 1);
	ck_assert_str_eq(post->name, "answer");
	ck_assert(STAILQ_EMPTY(&post->rows) && post->has_end);
	gk_trace_post_free(post);
	strcpy(span.parent_id, "00000000000000ff");
	post = post_of(&span);
	ck_assert_ptr_null(post->name);
	ck_assert(!post->has_start && !post->has_end);
	gk_trace_post_free(post);
}
END_TEST

static gk_trace_post *read_entry(const char *data, size_t len, gk_span_row *rows, bool *is_damaged)
{
	gk_entry_reading r = { .at = data, .end = data + len };
	gk_trace_post *post = gk_trace_post_new("");

	r.is_damaged = gk_entry_take_u8(&r) != GK_ENTRY_POST;
	gk_entry_take_post(&r, post);
	for (size_t i = 0; i < post->count && !r.is_damaged; i++)
		gk_entry_take_span(&r, &rows[i]);
	*is_damaged = r.is_damaged || r.at != r.end;
	return post;
}

/* Each in memory of its own, which a sanitizer watches. */
START_TEST(an_entry_that_ends_early_is_damaged_wherever_it_ends)
{
	gk_trace_post *post = traces_spans("a", 2, "n", "{}"), *read;
	gk_auto_buf gk_buf buf = GK_BUF_INIT(0);
	gk_span_row rows[2];
	bool is_damaged;

	gk_entry_put_post(&buf, post);
	gk_trace_post_free(post);
	for (size_t len = 0; len <= buf.len; len++) {
		char *data = malloc(len ? len : 1);

		memcpy(data, buf.data, len);
		read = read_entry(data, len, rows, &is_damaged);
		ck_assert_int_eq(is_damaged, len < buf.len);
		if (!is_damaged) {
			ck_assert_str_eq(read->trace_id, "a");
			ck_assert_str_eq(rows[0].key, "0");
			ck_assert_str_eq(rows[1].parent, "0");
			ck_assert_str_eq(rows[1].doc, "{}");
			ck_assert_double_eq(rows[1].end_ms, 2);
		}
		gk_trace_post_free(read);
		free(data);
	}
}
END_TEST

/* Those of a batch that fails are tried once more, each alone. */
START_TEST(a_span_of_ours_that_is_damaged_stays_so)
{
	gk_auto_buf gk_buf buf = GK_BUF_INIT(0);
	gk_span span = span_of(1);
	gk_trace_post *post = gk_trace_post_of_span(&span, &buf);

	ck_assert_ptr_nonnull(post);
	gk_trace_post_fill(post, buf.data);
	post->entry_len--;
	ck_assert_int_eq(gk_trace_post_open(post, NULL), GK_INTERNAL);
	ck_assert_int_eq(gk_trace_post_open(post, NULL), GK_INTERNAL);
	gk_trace_post_free(post);
}
END_TEST

/* --- on their way --- */

static void settle(void *user)
{
	(void)user;
	gk_trace_store_settle(traces_store);
}

static void flush(void *user)
{
	(void)user;
	ck_assert_int_eq(gk_trace_store_flush(traces_store, NULL), GK_OK);
}

static void save(const gk_span *span)
{
	ck_assert(gk_trace_store_save_span(traces_store, span));
}

static void save_some(unsigned first, unsigned count)
{
	for (unsigned i = first; i < first + count; i++) {
		gk_span span = span_of(i);

		if (i)
			strcpy(span.parent_id, "0000000000000000");
		save(&span);
	}
}

static size_t count_stored(void)
{
	gk_auto_json json_t *trace = traces_load("0123456789abcdef0123456789abcdef");
	const char *key;
	json_t *spans = json_object_get(trace, "spans"), *one;

	json_object_foreach (spans, key, one)
		ck_assert_str_eq(gk_json_str_peek(one, "spanId"), key);
	return json_object_size(spans);
}

START_TEST(what_is_in_the_ring_keeps_its_bytes_when_more_follows)
{
	traces_in_fiber(flush, NULL);
	save_some(0, 2);
	traces_in_fiber(settle, NULL);
	save_some(2, 1); /* from the beginning of the buffer again */
	save_some(3, 1);
	traces_in_fiber(settle, NULL);
	ck_assert_uint_eq(count_stored(), 4);
}
END_TEST

START_TEST(other_programs_spans_may_come_in_between)
{
	save_some(0, 1);
	gk_trace_store_save(traces_store, traces_spans("a", 1, "n", "{}"));
	save_some(1, 1);
	traces_in_fiber(settle, NULL);
	ck_assert(traces_has("a"));
	ck_assert_uint_eq(count_stored(), 2);
}
END_TEST

/* Its output has so many bytes. */
static void save_large(size_t size)
{
	gk_auto_json json_t *big = NULL;
	gk_span span = span_of(0);

	large = malloc(size + 1);
	memset(large, 'x', size);
	large[size] = '\0';
	big = json_string(large);
	span.output = big;
	save(&span);
}

START_TEST(a_large_span_of_ours_goes_straight_into_the_tables)
{
	traces_hold_folding();
	save_large(GK_STORE_DIRECT_SIZE);
	traces_in_fiber(flush, NULL);
	ck_assert_uint_eq(gk_trace_store_count(traces_store).unfolded, 0);
	ck_assert_uint_eq(count_stored(), 1);
}
END_TEST

enum {
	RING_FAILS,
	NO_RING,
	RELAXED,
	LARGE
};

START_TEST(without_room_in_a_ring_nothing_is_missing)
{
	if (_i == RING_FAILS) {
		save_some(1, 3);
		ring_fails = true;
	} else if (_i == NO_RING) {
		gk_trace_ring_close(gk_steal(traces_store->ring));
	} else if (_i == RELAXED) {
		traces_reopen(GK_OPTS(gk_trace_store_opts, .is_relaxed = true));
	}
	if (_i == LARGE)
		save_large(GK_STORE_RING);
	else
		save_some(0, 1);
	traces_in_fiber(settle, NULL);
	ck_assert_uint_eq(gk_trace_store_count(traces_store).queue_spans,
		_i == RELAXED); /* all else waited for the commit */
	save_some(4, 2);
	ck_assert_uint_eq(count_stored(), _i == RING_FAILS ? 6 : 3);
	ring_fails = false;
}
END_TEST

/* --- who watches --- */

static unsigned events;

static void on_event(gk_trace_watcher *watcher, const char *text, size_t len)
{
	gk_auto_json json_t *event = NULL;

	(void)watcher;
	ck_assert_int_eq(gk_json_parse(text, len, 0, &event, NULL), GK_OK);
	ck_assert_str_eq(gk_json_str_peek(event, "span.displayName"), "answer");
	events++;
}

START_TEST(who_watches_a_trace_is_told_of_our_spans)
{
	gk_trace_watcher watcher = { .trace_id = "0123456789abcdef0123456789abcdef",
		.event = on_event };

	events = 0;
	ck_assert(gk_trace_store_watch(traces_store, &watcher));
	save_some(0, 2);
	traces_in_fiber(flush, NULL);
	gk_trace_store_unwatch(traces_store, &watcher);
	ck_assert_uint_eq(events, 4); /* a start and an end of each */
}
END_TEST

/* --- memory that runs out --- */

static unsigned saved, tried;

static bool save_one(void)
{
	gk_span span = span_of(tried++);
	bool is_saved = gk_trace_store_save_span(traces_store, &span);

	saved += is_saved;
	return is_saved;
}

START_TEST(memory_may_run_out_while_a_span_is_saved)
{
	saved = tried = 0;
	if (_i)
		traces_reopen(GK_OPTS(gk_trace_store_opts, .is_relaxed = true));
	fault_sweep(save_one);
	fault_sweep_passing(save_one);
	ck_assert_uint_gt(tried, saved);
	traces_in_fiber(settle, NULL);
	ck_assert_uint_eq(count_stored(), saved);
	ck_assert_uint_eq(gk_trace_store_count(traces_store).queue_bytes, 0);
}
END_TEST

static bool log_one(void)
{
	gk_log_record line = { .level = GK_LOG_INFO, .component = "test", .message = "a line" };
	uint64_t before = traces_store->last;

	gk_trace_store_log(traces_store, &line);
	return traces_store->last > before;
}

/* What could not be put into the ring takes nothing else with it. */
START_TEST(what_was_in_the_ring_when_memory_ran_out_outlives_the_process)
{
	int status;
	pid_t child;

	traces_reopen(NULL);
	gk_trace_store_close(gk_steal(traces_store));
	child = fork();
	ck_assert_int_ge(child, 0);
	if (!child) {
		if (gk_trace_store_open(traces_loop,
			    GK_OPTS(gk_trace_store_opts, .path = traces_path), &traces_store,
			    NULL) != GK_OK)
			exit(1);
		saved = tried = 0;
		save_some(0, 1);
		tried = 1;
		fault_sweep(save_one);
		fault_sweep(log_one);
		save_some(1000, 1);
		traces_in_fiber(settle, NULL);
		if (!saved || gk_trace_store_count(traces_store).commits)
			exit(1);
		kill(getpid(), SIGKILL);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	ck_assert_int_eq(
		gk_trace_store_open(traces_loop, GK_OPTS(gk_trace_store_opts, .path = traces_path),
			&traces_store, NULL),
		GK_OK);
	ck_assert_uint_eq(count_stored(), 3);
}
END_TEST

static Suite *entry_suite(void)
{
	Suite *suite = suite_create("trace_entry");
	TCase *t = tcase_create("trace_entry");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, a_span_of_ours_has_all_that_it_says);
	tcase_add_test(t, a_span_that_was_told_of_while_it_ran_is_looked_for);
	tcase_add_test(t, a_preview_of_a_prompt_names_its_trace_and_is_no_row);
	tcase_add_test(t, an_entry_that_ends_early_is_damaged_wherever_it_ends);
	tcase_add_test(t, a_span_of_ours_that_is_damaged_stays_so);
	tcase_add_test(t, what_is_in_the_ring_keeps_its_bytes_when_more_follows);
	tcase_add_test(t, other_programs_spans_may_come_in_between);
	tcase_add_test(t, a_large_span_of_ours_goes_straight_into_the_tables);
	tcase_add_loop_test(t, without_room_in_a_ring_nothing_is_missing, RING_FAILS, LARGE + 1);
	tcase_add_test(t, who_watches_a_trace_is_told_of_our_spans);
	tcase_add_loop_test(t, memory_may_run_out_while_a_span_is_saved, 0, 2);
	tcase_add_test(t, what_was_in_the_ring_when_memory_ran_out_outlives_the_process);
	suite_add_tcase(suite, t);
	return suite;
}

UNIT_MAIN(entry_suite)
