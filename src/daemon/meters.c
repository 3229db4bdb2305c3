/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "daemon/meters.h"

#include "base/clock.h"
#include "base/limits.h"
#include "base/parse.h"
#include <config.h> /* not the one beside this file */
#include "plugins/common/gate.h"
#include "telemetry/span_metrics.h"

#include <dirent.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#define NS_PER_S 1e9

struct gk_meters {
	gk_app *app;
	gk_telemetry *telemetry;
	gk_metrics *metrics;
	gk_span_metrics spans;
	gk_trace_store *store; /* NULL: nothing is stored */
	gk_timer *lag, *report;
	uint64_t start_ns;
};

#define NONE ((const char *const[]){ NULL })

/* --- the process --- */

static size_t count_files(void)
{
	DIR *folder = opendir("/proc/self/fd");
	size_t count = 0;

	while (folder && readdir(folder))
		count++;
	if (folder)
		closedir(folder);
	return count > 3 ? count - 3 : 0; /* "." and "..", and the folder itself */
}

/* Pages, the first two numbers of statm: all that is mapped, and what is in memory. */
static void read_memory(double *all_ret, double *resident_ret)
{
	char text[128];
	FILE *file = fopen("/proc/self/statm", "re");
	size_t len = file ? fread(text, 1, sizeof(text) - 1, file) : 0;
	uint64_t all = 0, resident = 0;
	const char *second;

	if (file)
		fclose(file);
	text[len] = '\0';
	second = strchr(text, ' ');
	if (second) {
		gk_parse_u64(text, (size_t)(second - text), &all);
		gk_parse_u64(second + 1, strcspn(second + 1, " "), &resident);
	}
	*all_ret = (double)all * (double)sysconf(_SC_PAGESIZE);
	*resident_ret = (double)resident * (double)sysconf(_SC_PAGESIZE);
}

static double seconds_of(struct timeval time)
{
	return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

static void look_at_process(gk_meters *meters)
{
	double all = 0, resident = 0;
	struct rusage usage = { 0 };
	struct rlimit files = { 0 };

	getrusage(RUSAGE_SELF, &usage);
	getrlimit(RLIMIT_NOFILE, &files);
	read_memory(&all, &resident);
	gk_metrics_set(meters->metrics, GK_METRIC_CPU, NONE,
		seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime));
	gk_metrics_set(meters->metrics, GK_METRIC_RESIDENT, NONE, resident);
	gk_metrics_set(meters->metrics, GK_METRIC_VIRTUAL, NONE, all);
	gk_metrics_set(meters->metrics, GK_METRIC_OPEN_FDS, NONE, (double)count_files());
	gk_metrics_set(meters->metrics, GK_METRIC_MAX_FDS, NONE, (double)files.rlim_cur);
	gk_metrics_set(meters->metrics, GK_METRIC_START_TIME, NONE,
		(double)(meters->start_ns / 1000000000u));
}

/* --- what is on its way --- */

static void look_at_sender(const gk_sender_counts *counts, void *user)
{
	gk_metrics *metrics = ((gk_meters *)user)->metrics;
	const char *labels[] = { counts->name };

	gk_metrics_set(metrics, GK_METRIC_EXPORT_ITEMS, labels, (double)counts->sent);
	gk_metrics_set(metrics, GK_METRIC_EXPORT_FAILURES, labels, (double)counts->failures);
	gk_metrics_set(metrics, GK_METRIC_EXPORT_RETRIES, labels, (double)counts->retries);
	gk_metrics_set(metrics, GK_METRIC_EXPORT_QUEUE, labels, (double)counts->queued);
	gk_metrics_set(metrics, GK_METRIC_EXPORT_QUEUE_BYTES, labels, (double)counts->queued_bytes);
	gk_metrics_set(metrics, GK_METRIC_EXPORT_GONE, labels, counts->is_gone);
	gk_metrics_set(metrics, GK_METRIC_SPANS_DROPPED,
		(const char *[]){ counts->name, "queue_full" }, (double)counts->dropped_full);
	gk_metrics_set(metrics, GK_METRIC_SPANS_DROPPED,
		(const char *[]){ counts->name, "not_sent" }, (double)counts->dropped);
}

static void look_at_gate(const gk_gate_counts *counts, void *user)
{
	gk_metrics *metrics = ((gk_meters *)user)->metrics;
	const struct {
		const char *name;
		uint64_t count;
	} outcomes[] = { { "answered", counts->good }, { "failed", counts->bad },
		{ "queue_full", counts->full }, { "breaker_open", counts->broken } };
	const char *labels[] = { counts->name };

	for (size_t i = 0; i < sizeof(outcomes) / sizeof(outcomes[0]); i++)
		gk_metrics_set(metrics, GK_METRIC_PROVIDER_REQUESTS,
			(const char *[]){ counts->name, outcomes[i].name },
			(double)outcomes[i].count);
	gk_metrics_set(metrics, GK_METRIC_PROVIDER_RUNNING, labels, counts->running);
	gk_metrics_set(metrics, GK_METRIC_PROVIDER_WAITING, labels, (double)counts->waiting);
	gk_metrics_set(metrics, GK_METRIC_PROVIDER_BREAKER, labels, counts->state);
	gk_metrics_set(metrics, GK_METRIC_PROVIDER_OPENED, labels, (double)counts->opened);
}

static void look_at_store(gk_meters *meters)
{
	const gk_trace_store_counts counts = gk_trace_store_count(meters->store);
	const struct {
		gk_metric metric;
		double value;
	} plain[] = {
		{ GK_METRIC_SPANS_STORED, (double)counts.spans },
		{ GK_METRIC_LOGS_STORED, (double)counts.logs },
		{ GK_METRIC_STORE_COMMITS, (double)counts.commits },
		{ GK_METRIC_STORE_COMMIT_SECONDS, (double)counts.commit_ns / NS_PER_S },
		{ GK_METRIC_STORE_QUEUE, (double)counts.queue_spans },
		{ GK_METRIC_STORE_QUEUE_BYTES, (double)counts.queue_bytes },
		{ GK_METRIC_STORE_UNINDEXED, (double)counts.unindexed },
		{ GK_METRIC_STORE_BYTES, (double)counts.bytes },
		{ GK_METRIC_STORE_WAL_BYTES, (double)counts.wal_bytes },
		{ GK_METRIC_STORE_FAILING, counts.is_failing },
		{ GK_METRIC_STREAM_SUBSCRIBERS, (double)counts.watchers },
		{ GK_METRIC_STREAM_EVENTS, (double)counts.events },
	};
	const struct {
		gk_metric metric;
		const char *labels[2];
		double value;
	} labelled[] = {
		{ GK_METRIC_SPANS_DROPPED, { "store", "queue_full" },
			(double)counts.dropped_queue },
		{ GK_METRIC_SPANS_DROPPED, { "store", "store_error" },
			(double)counts.dropped_error },
		{ GK_METRIC_SPANS_DROPPED, { "store", "filtered" }, (double)counts.filtered },
		{ GK_METRIC_STORE_DELETED, { "age" }, (double)counts.deleted_age },
		{ GK_METRIC_STORE_DELETED, { "count" }, (double)counts.deleted_count },
		{ GK_METRIC_STORE_DELETED, { "size" }, (double)counts.deleted_size },
		{ GK_METRIC_STORE_DELETED, { "admin" }, (double)counts.deleted_asked },
	};

	for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++)
		gk_metrics_set(meters->metrics, plain[i].metric, NONE, plain[i].value);
	for (size_t i = 0; i < sizeof(labelled) / sizeof(labelled[0]); i++)
		gk_metrics_set(
			meters->metrics, labelled[i].metric, labelled[i].labels, labelled[i].value);
}

static void sample_lag(void *user)
{
	gk_meters *meters = user;

	gk_metrics_observe(meters->metrics, GK_METRIC_LOOP_LAG, NONE,
		(double)gk_loop_take_lag_us(gk_app_loop(meters->app)) / 1e6);
}

void gk_meters_append(gk_buf *buf, void *user)
{
	gk_meters *meters = user;

	look_at_process(meters);
	gk_telemetry_each_sender(meters->telemetry, look_at_sender, meters);
	if (meters->store)
		look_at_store(meters);
	gk_gate_each(meters->app, look_at_gate, meters);
	gk_metrics_set(
		meters->metrics, GK_METRIC_RUNS, NONE, (double)gk_app_run_count(meters->app));
	gk_metrics_set(meters->metrics, GK_METRIC_FIBERS, NONE,
		(double)gk_fiber_count(gk_app_loop(meters->app)));
	gk_metrics_set(meters->metrics, GK_METRIC_KEPT_AWAKE, NONE,
		(double)gk_loop_kept_awake_us(gk_app_loop(meters->app)) / 1e6);
	gk_span_metrics_catch_up();
	gk_metrics_append_text(meters->metrics, buf);
}

/* --- requests --- */

void gk_meters_answered(const gk_http_answer *answer, void *user)
{
	static const char *const known[] = { "GET", "HEAD", "POST", "OPTIONS", "PUT", "DELETE",
		NULL };
	gk_meters *meters = user;
	const char *route = answer->route ? answer->route : "none", *method = "other";
	char code[8];

	for (size_t i = 0; known[i]; i++)
		if (strcmp(known[i], answer->method) == 0)
			method = known[i];
	snprintf(code, sizeof(code), "%d", answer->status);
	gk_metrics_add(meters->metrics, GK_METRIC_HTTP_REQUESTS,
		(const char *[]){ answer->surface, route, method, code }, 1);
	gk_metrics_observe(meters->metrics, GK_METRIC_HTTP_SECONDS,
		(const char *[]){ answer->surface, route }, (double)answer->ns / NS_PER_S);
}

void gk_meters_set_connections(gk_meters *meters, const char *surface, size_t count)
{
	gk_metrics_set(meters->metrics, GK_METRIC_HTTP_CONNECTIONS, &surface, (double)count);
}

void gk_meters_set_store(gk_meters *meters, gk_trace_store *store)
{
	meters->store = store;
}

/* --- reports --- */

void gk_meters_report(gk_meters *meters)
{
	gk_span_metrics_catch_up();
	gk_telemetry_report(meters->telemetry, meters->metrics, meters->start_ns);
}

static void report(void *user)
{
	gk_meters_report(user);
}

static gk_code start_report(gk_meters *meters, uint64_t interval_ms, gk_error *err)
{
	gk_code rc = gk_timer_start(gk_app_loop(meters->app), interval_ms, interval_ms, report,
		meters, &meters->report, err);

	if (rc == GK_OK)
		gk_timer_unref(meters->report);
	return rc;
}

void gk_meters_set_interval(gk_meters *meters, uint64_t interval_ms)
{
	if (meters->report)
		gk_timer_stop(gk_steal(meters->report));
	if (start_report(meters, interval_ms, NULL) != GK_OK)
		meters->report = NULL;
}

/* --- life --- */

gk_code gk_meters_new(
	gk_app *app, gk_telemetry *telemetry, uint64_t interval_ms, gk_meters **ret, gk_error *err)
{
	gk_meters *meters = calloc(1, sizeof(*meters));
	gk_code rc = GK_OK;

	if (!meters)
		return gk_error_no_memory(err);
	meters->app = app;
	meters->telemetry = telemetry;
	meters->start_ns = gk_clock_wall_ns();
	meters->metrics = gk_metrics_new();
	if (!meters->metrics)
		rc = gk_error_no_memory(err);
	if (rc == GK_OK)
		rc = gk_timer_start(gk_app_loop(app), GK_LAG_SAMPLE_MS, GK_LAG_SAMPLE_MS,
			sample_lag, meters, &meters->lag, err);
	if (rc == GK_OK)
		rc = start_report(meters, interval_ms, err);
	if (rc == GK_OK) {
		gk_timer_unref(meters->lag);
		gk_metrics_set(meters->metrics, GK_METRIC_BUILD_INFO,
			(const char *[]){ PACKAGE_VERSION }, 1);
		gk_span_metrics_init(&meters->spans, meters->metrics);
		if (!gk_app_add_observer(app, &meters->spans.observer))
			rc = gk_error_set(err, GK_RESOURCE_EXHAUSTED,
				"more than %d observers of spans", GK_MAX_OBSERVERS);
	}
	if (rc != GK_OK) {
		gk_meters_free(meters);
		return rc;
	}
	*ret = meters;
	return GK_OK;
}

void gk_meters_free(gk_meters *meters)
{
	if (!meters)
		return;
	gk_app_remove_observer(meters->app, &meters->spans.observer);
	gk_span_metrics_done(&meters->spans);
	if (meters->lag)
		gk_timer_stop(meters->lag);
	if (meters->report)
		gk_timer_stop(meters->report);
	gk_metrics_free(meters->metrics);
	free(meters);
}
