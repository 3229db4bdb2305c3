/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * The store by itself: build/tests/bench/store [TRACES [FILE [KEEP]]]
 *
 * Saves so many traces (100,000) of ten spans as other programs' posts, as fast as commits let it, then asks. Times are of
 * the wall; CPU is that of all threads. Then the same number of spans again with retention, for the memory. With KEEP
 * there is only that: so many traces are saved, and the newest KEEP stay.
 */
#include "measure.h"

#include "base/clock.h"
#include "store/trace_post.h"

#include <genkit/json.h>

#define SPANS  10
#define ROUNDS 1000
#define GROUP  50 /* posts between two waits for the commit: as many clients */

static gk_loop *loop;
static gk_trace_store *store;
static unsigned long traces = 100000, keep_traces;
static bool is_done, is_flooding;
static const char *const words[] = { "river", "mountain", "copper", "lantern", "harbour", "meadow",
	"violin", "thunder", "orchard", "saddle", "compass", "feather", "granite", "velvet",
	"willow", "ember" };

/* --- what is saved --- */

static uint64_t random_state = 88172645463325252ull;

static unsigned pick(unsigned below)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (unsigned)(random_state % below);
}

/* Making what is saved must cost little beside saving it: sentences are made once, numbers are put without printf. */
#define SENTENCES 256

static gk_buf sentences[SENTENCES];

static void make_sentences(void)
{
	for (unsigned i = 0; i < SENTENCES; i++)
		for (unsigned count = i % 2 ? 25 : 30; count; count--)
			gk_buf_printf(&sentences[i], "%s ", words[pick(16)]);
}

static void put_number(gk_buf *buf, unsigned long value, unsigned base, unsigned width)
{
	char text[40];
	size_t at = sizeof(text);

	do {
		text[--at] = "0123456789abcdef"[value % base];
		value /= base;
	} while (value || sizeof(text) - at < width);
	gk_buf_put(buf, text + at, sizeof(text) - at);
}

#define PUT(buf, literal) gk_buf_put(buf, literal, sizeof(literal) - 1)

static void put_named(gk_buf *buf, const char *name, unsigned long value, unsigned width)
{
	gk_buf_puts(buf, name);
	put_number(buf, value, 16, width);
}

static void put_sentence(gk_buf *buf, unsigned long trace, unsigned kind)
{
	const gk_buf *sentence = &sentences[2 * pick(SENTENCES / 2) + kind];

	gk_buf_put(buf, sentence->data, sentence->len);
	PUT(buf, "t");
	put_number(buf, trace, 10, 1);
}

static void put_time(gk_buf *buf, const char *name, unsigned long ms)
{
	gk_buf_puts(buf, name);
	put_number(buf, 1790000000000ul + ms, 10, 1);
	PUT(buf, ".125");
}

/* About 0.9 KB, as spans of flows are. */
static void put_span(gk_buf *buf, unsigned long trace, unsigned span)
{
	static const char *const subtypes[] = { "flow", "model", "tool", "util", "retriever" };

	put_named(buf, span ? ",\"" : "\"", trace * SPANS + span, 16);
	put_named(buf, "\":{\"spanId\":\"", trace * SPANS + span, 16);
	put_named(buf, "\",\"traceId\":\"", trace, 32);
	put_time(buf, "\",\"startTime\":", trace * 20 + span);
	put_time(buf, ",\"endTime\":", trace * 20 + 15);
	PUT(buf, ",\"displayName\":\"flow");
	put_number(buf, trace % 97, 10, 1);
	if (span)
		put_named(buf, "\",\"parentSpanId\":\"", trace * SPANS + span - 1, 16);
	PUT(buf, "\",\"attributes\":{\"genkit:type\":\"action\",\"genkit:metadata:subtype\":\"");
	gk_buf_puts(buf, span ? subtypes[span % 5] : subtypes[trace % 5]);
	PUT(buf, "\",\"genkit:name\":\"flow");
	put_number(buf, trace % 97, 10, 1);
	PUT(buf, "\",\"genkit:state\":\"success\",\"genkit:input\":\"");
	put_sentence(buf, trace, 1);
	PUT(buf, "\",\"genkit:output\":\"");
	put_sentence(buf, trace, 0);
	gk_buf_puts(buf, trace % 3 ? "\"" : "\",\"genkitx:env\":\"dev\"");
	PUT(buf, "},\"instrumentationLibrary\":{\"name\":\"genkit-tracer\",\"version\":\"v1\"},"
		 "\"spanKind\":\"INTERNAL\",\"links\":[],\"status\":{\"code\":");
	put_number(buf, trace % 50 ? 0 : 2, 10, 1);
	PUT(buf,
		"},\"sameProcessAsParentSpan\":{\"value\":true},\"timeEvents\":{\"timeEvent\":[]}}");
}

static gk_trace_post *make_post(unsigned long trace)
{
	static gk_buf text = GK_BUF_INIT(0);
	gk_auto_json json_t *value = NULL;
	gk_auto_error gk_error err = { 0 };
	gk_trace_post *post = NULL;

	gk_buf_clear(&text);
	put_named(&text, "{\"traceId\":\"", trace, 32);
	PUT(&text, "\",\"displayName\":\"flow");
	put_number(&text, trace % 97, 10, 1);
	put_time(&text, "\",\"startTime\":", trace * 20);
	put_time(&text, ",\"endTime\":", trace * 20 + 15);
	PUT(&text, ",\"spans\":{");
	for (unsigned i = 0; i < SPANS; i++)
		put_span(&text, trace, i);
	gk_buf_puts(&text, "}}");
	if (gk_json_parse(text.data, text.len, 0, &value, &err) != GK_OK ||
		gk_trace_post_read(value, 0, &post, &err) != GK_OK)
		fail("post", &err);
	return post;
}

/* Spans of 0.3 KB without the cost of reading them. */
static gk_trace_post *make_small_post(unsigned long trace)
{
	char id[40], key[20], doc[300];
	gk_trace_post *post;

	snprintf(id, sizeof(id), "%08x%024lx", pick(UINT32_MAX), trace);
	post = gk_trace_post_new(id);
	if (!post)
		fail("post", &(gk_error){ 0 });
	for (unsigned i = 0; i < SPANS; i++) {
		int len = snprintf(doc, sizeof(doc),
			"{\"spanId\":\"%08x%08lx\",\"traceId\":\"%s\",\"startTime\":1,\"endTime\":2,"
			"\"displayName\":\"flow\",\"attributes\":{\"genkit:type\":\"action\","
			"\"genkit:input\":\"%s %s\"},\"spanKind\":\"INTERNAL\"}",
			i, trace, id, words[pick(16)], words[pick(16)]);

		snprintf(key, sizeof(key), "%08x%08lx", i, trace);
		if (!gk_trace_post_add(post, &(gk_span_row){ .key = key,
						     .parent = i ? "1" : NULL,
						     .name = "flow",
						     .type = "action",
						     .doc = doc,
						     .doc_len = (size_t)len,
						     .start_ms = 1e12 + (double)trace,
						     .end_ms = 1e12 + (double)trace + 1 }))
			fail("post", &(gk_error){ 0 });
	}
	return post;
}

/* `beat` is called now and then. While somebody asks he has a turn after each post, as between two requests. */
static void ingest(unsigned long first, unsigned long count, void (*beat)(void))
{
	gk_auto_error gk_error err = { 0 };

	for (unsigned long i = 0; i < count; i++) {
		gk_trace_store_save(
			store, keep_traces ? make_small_post(first + i) : make_post(first + i));
		if (is_flooding && gk_fiber_yield(&err) != GK_OK)
			fail("yield", &err);
		if (i % GROUP == GROUP - 1 && gk_trace_store_flush(store, &err) != GK_OK)
			fail("flush", &err);
		if (beat && i % 1000 == 0)
			beat();
	}
	if (gk_trace_store_flush(store, &err) != GK_OK)
		fail("flush", &err);
}

/* --- what is asked --- */

typedef struct question {
	const char *name, *filter, *text;
	uint64_t offset;
	bool is_load;
} question;

static const question questions[] = {
	{ "list, first page", NULL, NULL, 0, false },
	{ "list, offset 50,000", NULL, NULL, 50000, false },
	{ "filter: type", "{\"eq\":{\"type\":\"flow\"}}", NULL, 0, false },
	{ "filter: type and status", "{\"eq\":{\"type\":\"flow\",\"status\":2}}", NULL, 0, false },
	{ "filter: name in 2", "{\"eq\":{\"name\":[\"flow1\",\"flow2\"]}}", NULL, 0, false },
	{ "filter: label", "{\"eq\":{\"genkitx:env\":\"dev\"}}", NULL, 0, false },
	{ "filter: not label", "{\"neq\":{\"genkitx:env\":\"dev\"}}", NULL, 0, false },
	{ "filter: name contains", "{\"contains\":{\"name\":\"OW9\"}}", NULL, 0, false },
	{ "filter: contains nothing", "{\"contains\":{\"name\":\"nothing\"}}", NULL, 0, false },
	{ "load", NULL, NULL, 0, true },
	{ "search: rare word", NULL, "t%lu", 0, false },
	{ "search: common word", NULL, "lantern", 0, false },
	{ "search: three words", NULL, "river copper willow", 0, false },
	{ "search: prefix", NULL, "thu", 0, false },
	{ "search: nothing", NULL, "zebra", 0, false },
};

static const question in_flood[] = {
	{ "list, first page", NULL, NULL, 0, false },
	{ "load", NULL, NULL, 0, true },
	{ "search: common word", NULL, "lantern", 0, false },
};

static int by_value(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static double asked_ms[ROUNDS];

static void print_times(const char *name, size_t count, size_t bytes)
{
	qsort(asked_ms, count, sizeof(*asked_ms), by_value);
	printf("%-28s %8.2f %8.2f %10zu\n", name, asked_ms[count / 2], asked_ms[count * 99 / 100],
		bytes);
}

/* While spans come in: the trace that was committed last, and a list, in turn. */
static unsigned long committed;

static void ask_in_flood(void *user)
{
	const question *q = user;
	gk_auto_error gk_error err = { 0 };
	size_t count = 0, bytes = 0;

	while (is_flooding && count < ROUNDS / 2) {
		gk_auto_buf gk_buf buf = GK_BUF_INIT(0);
		uint64_t start = gk_clock_mono_ns();
		char id[40];
		gk_code rc;

		snprintf(id, sizeof(id), "%032lx", committed);
		rc = q->is_load ? gk_trace_store_load(store, id, &buf, &err)
				: gk_trace_store_list(store,
					  &(gk_trace_query){ .limit = 10, .text = q->text }, &buf,
					  &err);
		if (rc != GK_OK || !buf.len)
			fail(q->name, &err);
		asked_ms[count++] = (double)(gk_clock_mono_ns() - start) / 1e6;
		bytes = buf.len;
		if (gk_fiber_sleep(5, &err) != GK_OK)
			fail(q->name, &err);
	}
	if (count)
		print_times(q->name, count, bytes);
	is_flooding = false;
}

static void ask(const question *q)
{
	double *ms = asked_ms;
	gk_auto_json json_t *filter = NULL;
	gk_auto_error gk_error err = { 0 };
	size_t bytes = 0;

	if (q->filter && gk_json_parse(q->filter, strlen(q->filter), 0, &filter, &err) != GK_OK)
		fail(q->name, &err);
	for (int i = 0; i < ROUNDS; i++) {
		gk_auto_buf gk_buf buf = GK_BUF_INIT(0);
		char text[64];
		uint64_t start = gk_clock_mono_ns();
		gk_trace_query query = {
			.limit = 10, .filter = filter, .offset = q->offset, .text = q->text
		};
		gk_code rc;

		if (q->is_load || (q->text && strchr(q->text, '%')))
			snprintf(text, sizeof(text), q->is_load ? "%032lx" : "t%lu ",
				(unsigned long)pick((unsigned)traces));
		if (q->text && strchr(q->text, '%'))
			query.text = text;
		rc = q->is_load ? gk_trace_store_load(store, text, &buf, &err)
				: gk_trace_store_list(store, &query, &buf, &err);
		if (rc != GK_OK)
			fail(q->name, &err);
		ms[i] = (double)(gk_clock_mono_ns() - start) / 1e6;
		bytes = buf.len;
	}
	print_times(q->name, ROUNDS, bytes);
}

/* --- parts --- */

static double peak_mb;

static void watch_memory(void)
{
	static unsigned beats;
	double now = rss_mb();

	if (now > peak_mb)
		peak_mb = now;
	if (keep_traces && ++beats % 100 == 0)
		printf("%u traces: memory %.1f MB\n", beats * 1000, now);
}

static void measure(const char *what, unsigned long first, unsigned long count)
{
	double cpu = cpu_seconds(), seconds;
	uint64_t start = gk_clock_mono_ns();
	gk_trace_store_counts counts;

	peak_mb = 0;
	ingest(first, count, watch_memory);
	seconds = (double)(gk_clock_mono_ns() - start) / 1e9;
	cpu = cpu_seconds() - cpu;
	counts = gk_trace_store_count(store);
	printf("%s: %lu spans, %.0f spans/s, CPU %.1f us/span, peak memory %.1f MB, file %.0f MB, %llu not indexed\n",
		what, count * SPANS, (double)(count * SPANS) / seconds,
		cpu * 1e6 / (double)(count * SPANS), peak_mb, (double)counts.bytes / 1048576,
		(unsigned long long)counts.unindexed);
}

/* Goes on saving until all has been asked. */
static unsigned long flood(unsigned long first, const question *q)
{
	gk_auto_error gk_error err = { 0 };
	gk_fiber *fiber;

	is_flooding = true;
	committed = first - 1;
	if (gk_fiber_start(loop, "asks", NULL, ask_in_flood, (void *)(uintptr_t)q, &fiber, &err) !=
		GK_OK)
		fail(q->name, &err);
	while (is_flooding) {
		ingest(first, GROUP, NULL);
		first += GROUP;
		committed = first - 1;
	}
	return first;
}

static void retain(unsigned long first, unsigned long keep)
{
	gk_trace_store_configure(
		store, GK_OPTS(gk_trace_store_opts, .max_traces = keep, .sweep_ms = 200));
	measure("ingest with retention", first, traces);
}

static void body(void *user)
{
	gk_auto_buf gk_buf buf = GK_BUF_INIT(0);
	gk_auto_error gk_error err = { 0 };
	uint64_t start;
	unsigned long next = traces;

	(void)user;
	if (keep_traces) {
		retain(0, keep_traces);
		is_done = true;
		return;
	}
	measure("ingest", 0, traces);
	start = gk_clock_mono_ns();
	if (gk_trace_store_list(store, &(gk_trace_query){ .limit = 1, .text = "x" }, &buf, &err) !=
		GK_OK)
		fail("index", &err);
	printf("index: what was left took %.1f s\n\n%-28s %8s %8s %10s\n",
		(double)(gk_clock_mono_ns() - start) / 1e9, "", "p50 ms", "p99 ms", "bytes");
	for (size_t i = 0; i < sizeof(questions) / sizeof(questions[0]); i++)
		ask(&questions[i]);
	printf("\nWhile spans come in:\n");
	for (size_t i = 0; i < sizeof(in_flood) / sizeof(in_flood[0]); i++)
		next = flood(next, &in_flood[i]);
	printf("\n");
	retain(next, traces / 2);
	is_done = true;
}

int main(int argc, char **argv)
{
	char path[] = "/tmp/genkitd-bench-XXXXXX", *file = NULL;
	gk_auto_error gk_error err = { 0 };
	gk_trace_store_opts opts = { .size = sizeof(opts) };

	setvbuf(stdout, NULL, _IOLBF, 0);
	make_sentences();
	if (argc > 1)
		traces = (unsigned long)atol(argv[1]);
	if (argc > 3)
		keep_traces = (unsigned long)atol(argv[3]);
	if (argc > 2 && *argv[2])
		opts.path = argv[2];
	else if (mkdtemp(path) && asprintf(&file, "%s/traces.db", path) > 0)
		opts.path = file;
	if (gk_loop_new(&loop, &err) != GK_OK ||
		gk_trace_store_open(loop, &opts, &store, &err) != GK_OK ||
		gk_fiber_start(loop, "bench", NULL, body, NULL, NULL, &err) != GK_OK)
		fail("start", &err);
	while (!is_done)
		gk_loop_turn(loop, 1000);
	gk_trace_store_close(store);
	gk_loop_free(loop);
	if (file && execlp("rm", "rm", "-rf", path, NULL) < 0)
		return 1;
	return 0;
}
