/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * What a span costs on its way through the file: build/tests/bench/fold [TRACES [BEFORE [KEEP]]]
 *
 * Traces of one span, as a small flow's runs leave them, BEFORE of them (100,000) at first and then TRACES (100,000), of
 * which the times are taken: CPU of each step, and the pages that it adds to the log. With KEEP the oldest go meanwhile.
 */
#include "measure.h"

#include "base/id.h"
#include "base/limits.h"
#include "core/span.h"
#include "store/trace_backend.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define GROUP 25 /* traces of one commit */
#define SLICE GK_STORE_FOLD

typedef struct step {
	const char *name;
	double seconds;
	uint64_t pages;
} step;

enum {
	APPEND,
	FOLD,
	INDEX,
	SWEEP,
	COPY,
	STEPS
};

static step steps[STEPS] = {
	{ .name = "append" },
	{ .name = "fold" },
	{ .name = "index" },
	{ .name = "sweep" },
	{ .name = "copy" },
};
static gk_trace_backend *backend;
static uint64_t log_bytes, made;
static double began;

static double cpu(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void begin(void)
{
	began = cpu();
}

static void end(int which, gk_code rc, const gk_error *err)
{
	gk_trace_sizes sizes;

	steps[which].seconds += cpu() - began;
	if (rc != GK_OK)
		fail(steps[which].name, err);
	backend->type->sizes(backend, &sizes);
	if (sizes.wal_bytes >= log_bytes)
		steps[which].pages += (sizes.wal_bytes - log_bytes) / 4096;
	else /* it began anew */
		steps[which].pages += sizes.wal_bytes / 4096;
	log_bytes = sizes.wal_bytes;
}

/* --- what is saved --- */

static gk_trace_post *make_post(void)
{
	static const char *const flows[] = { "echo", "greet", "summarise", "translate" };
	char trace_id[GK_TRACE_ID_SIZE], id[GK_SPAN_ID_SIZE], doc[1024];
	uint64_t now = 1790000000000000000ull + made * 100000;
	const char *flow = flows[made % 16 ? 0 : made / 16 % 4];
	gk_trace_post *post;
	int len;

	gk_id_trace(trace_id);
	gk_id_span(id);
	len = snprintf(doc, sizeof(doc),
		"{\"spanId\":\"%s\",\"traceId\":\"%s\",\"startTime\":%.3f,\"endTime\":%.3f,"
		"\"attributes\":{\"genkit:type\":\"action\",\"genkit:metadata:subtype\":\"flow\","
		"\"genkit:key\":\"/flow/%s\",\"genkit:name\":\"%s\",\"genkit:isRoot\":true,"
		"\"genkit:path\":\"/{%s,t:flow}\",\"genkit:input\":\"\\\"hello number %lu\\\"\","
		"\"genkit:metadata:context\":\"{}\",\"genkit:output\":\"\\\"hello number %lu\\\"\","
		"\"genkit:state\":\"success\"},\"displayName\":\"%s\",\"links\":[],"
		"\"instrumentationLibrary\":{\"name\":\"genkit-tracer\",\"version\":\"v1\"},"
		"\"spanKind\":\"INTERNAL\",\"sameProcessAsParentSpan\":{\"value\":true},"
		"\"status\":{\"code\":0},\"timeEvents\":{\"timeEvent\":[]}}",
		id, trace_id, (double)now / 1e6, (double)now / 1e6 + 0.25, flow, flow, flow,
		(unsigned long)made, (unsigned long)made, flow);
	post = gk_trace_post_new(trace_id);
	if (!post || !gk_trace_post_add(post, &(gk_span_row){ .key = id,
						      .name = flow,
						      .type = "action",
						      .subtype = "flow",
						      .doc = doc,
						      .doc_len = (size_t)len,
						      .start_ms = (double)now / 1e6,
						      .end_ms = (double)now / 1e6 + 0.25,
						      .status = made % 100 ? 0 : 2,
						      .is_new = true }))
		fail("post", &(gk_error){ 0 });
	post->name = STAILQ_FIRST(&post->rows)->name;
	post->has_start = post->has_end = true;
	post->start_ms = (double)now / 1e6;
	post->end_ms = (double)now / 1e6 + 0.25;
	post->owner = 1;
	made++;
	return post;
}

static void append(unsigned count)
{
	gk_trace_batch batch = { .posts = STAILQ_HEAD_INITIALIZER(batch.posts),
		.logs = STAILQ_HEAD_INITIALIZER(batch.logs) };
	gk_auto_error gk_error err = { 0 };
	gk_trace_post *post;

	for (unsigned i = 0; i < count; i++) {
		post = make_post();
		STAILQ_INSERT_TAIL(&batch.posts, post, link);
		batch.spans++;
		batch.bytes += post->bytes;
	}
	begin();
	end(APPEND, backend->type->write(backend, &batch, &err), &err);
	while ((post = STAILQ_FIRST(&batch.posts))) {
		STAILQ_REMOVE_HEAD(&batch.posts, link);
		gk_trace_post_free(post);
	}
}

/* --- parts --- */

static void slice(const gk_trace_limits *limits)
{
	gk_auto_error gk_error err = { 0 };
	bool more = limits->max_traces != 0;
	size_t count;

	for (unsigned i = 0; i < SLICE / GROUP; i++)
		append(GROUP);
	begin();
	end(FOLD, backend->type->fold(backend, SLICE, &count, &err), &err);
	begin();
	end(INDEX, backend->type->index(backend, SLICE, &count, &err), &err);
	while (more) {
		begin();
		end(SWEEP, backend->type->sweep(backend, limits, &more, &err), &err);
	}
	if (log_bytes > GK_STORE_WAL) {
		begin();
		backend->type->copy(backend);
		end(COPY, GK_OK, &err);
	}
}

static void print(unsigned long traces)
{
	printf("%-8s %10s %12s\n", "", "us/span", "pages/span");
	for (int i = 0; i < STEPS; i++)
		printf("%-8s %10.2f %12.3f\n", steps[i].name,
			steps[i].seconds * 1e6 / (double)traces,
			(double)steps[i].pages / (double)traces);
}

int main(int argc, char **argv)
{
	unsigned long traces = argc > 1 ? (unsigned long)atol(argv[1]) : 100000;
	unsigned long before = argc > 2 ? (unsigned long)atol(argv[2]) : 100000;
	gk_trace_limits limits = { .max_traces = argc > 3 ? (uint64_t)atol(argv[3]) : 0 };
	char folder[] = "/tmp/genkitd-bench-XXXXXX", *file = NULL;
	gk_auto_error gk_error err = { 0 };

	if (!mkdtemp(folder) || asprintf(&file, "%s/traces.db", folder) < 0)
		fail("folder", &err);
	backend = gk_sqlite_backend_new(file);
	if (!backend || backend->type->open(backend, &err) != GK_OK)
		fail("open", &err);
	while (made < before)
		slice(&(gk_trace_limits){ 0 });
	for (int i = 0; i < STEPS; i++)
		steps[i] = (step){ .name = steps[i].name };
	while (made < before + traces)
		slice(&limits);
	print(traces);
	fflush(stdout);
	backend->type->free(backend);
	if (execlp("rm", "rm", "-rf", folder, NULL) < 0)
		return 1;
}
