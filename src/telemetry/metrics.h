/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * Counters, gauges and histograms: one table of what there is, series by their labels, and Prometheus' text of them.
 *
 *	gk_metrics_add(metrics, GK_METRIC_ACTIONS, (const char *[]){ "flow", "greet", "success" }, 1);
 *	gk_metrics_append_text(metrics, &buf);
 *
 * A metric has at most GK_MAX_METRIC_SERIES series; what is beyond counts in one whose labels are "other". Those that have a
 * name with slashes are Genkit's own (telemetry section 5): they leave by OTLP and are not in the text.
 */
#ifndef GK_TELEMETRY_METRICS_H
#define GK_TELEMETRY_METRICS_H

#include "base/buf.h"

typedef enum gk_metric {
	GK_METRIC_BUILD_INFO,
	GK_METRIC_ACTIONS,
	GK_METRIC_ACTION_SECONDS,
	GK_METRIC_ACTIONS_IN_FLIGHT,
	GK_METRIC_MODEL_REQUESTS,
	GK_METRIC_MODEL_SECONDS,
	GK_METRIC_MODEL_TOKENS,
	GK_METRIC_MODEL_CHARACTERS,
	GK_METRIC_MODEL_MEDIA,
	GK_METRIC_FEATURE_REQUESTS,
	GK_METRIC_FEATURE_SECONDS,
	GK_METRIC_FAILURE_PATHS,
	GK_METRIC_ENGAGEMENT,
	GK_METRIC_HTTP_REQUESTS,
	GK_METRIC_HTTP_SECONDS,
	GK_METRIC_HTTP_CONNECTIONS,
	GK_METRIC_RUNS,
	GK_METRIC_FIBERS,
	GK_METRIC_LOOP_LAG,
	GK_METRIC_KEPT_AWAKE,
	GK_METRIC_SPANS_DROPPED,
	GK_METRIC_EXPORT_ITEMS,
	GK_METRIC_EXPORT_FAILURES,
	GK_METRIC_EXPORT_RETRIES,
	GK_METRIC_EXPORT_QUEUE,
	GK_METRIC_EXPORT_QUEUE_BYTES,
	GK_METRIC_EXPORT_GONE,
	GK_METRIC_PROVIDER_REQUESTS,
	GK_METRIC_PROVIDER_RUNNING,
	GK_METRIC_PROVIDER_WAITING,
	GK_METRIC_PROVIDER_BREAKER,
	GK_METRIC_PROVIDER_OPENED,
	GK_METRIC_SPANS_STORED,
	GK_METRIC_LOGS_STORED,
	GK_METRIC_STORE_COMMITS,
	GK_METRIC_STORE_COMMIT_SECONDS,
	GK_METRIC_STORE_QUEUE,
	GK_METRIC_STORE_QUEUE_BYTES,
	GK_METRIC_STORE_UNINDEXED,
	GK_METRIC_STORE_BYTES,
	GK_METRIC_STORE_WAL_BYTES,
	GK_METRIC_STORE_FAILING,
	GK_METRIC_STORE_DELETED,
	GK_METRIC_STREAM_SUBSCRIBERS,
	GK_METRIC_STREAM_EVENTS,
	GK_METRIC_CPU,
	GK_METRIC_RESIDENT,
	GK_METRIC_VIRTUAL,
	GK_METRIC_OPEN_FDS,
	GK_METRIC_MAX_FDS,
	GK_METRIC_START_TIME,
	/* Genkit's own. */
	GK_METRIC_GENERATE_REQUESTS,
	GK_METRIC_GENERATE_LATENCY,
	GK_METRIC_INPUT_TOKENS,
	GK_METRIC_INPUT_CHARACTERS,
	GK_METRIC_INPUT_IMAGES,
	GK_METRIC_INPUT_VIDEOS,
	GK_METRIC_INPUT_AUDIO,
	GK_METRIC_OUTPUT_TOKENS,
	GK_METRIC_OUTPUT_CHARACTERS,
	GK_METRIC_OUTPUT_IMAGES,
	GK_METRIC_OUTPUT_VIDEOS,
	GK_METRIC_OUTPUT_AUDIO,
	GK_METRIC_THINKING_TOKENS,
	GK_METRIC_REQUESTS,
	GK_METRIC_LATENCY,
	GK_METRIC_PATH_REQUESTS,
	GK_METRIC_PATH_LATENCY,
	GK_METRIC_FEEDBACK,
	GK_METRIC_ACCEPTANCE,
	GK_METRICS
} gk_metric;

typedef enum gk_metric_kind {
	GK_COUNTER,
	GK_GAUGE,
	GK_HISTOGRAM,
} gk_metric_kind;

#define GK_MAX_METRIC_LABELS 6

typedef struct gk_metric_type {
	const char *name, *help;
	gk_metric_kind kind;
	const char *unit;                             /* of Genkit's own; NULL: none */
	const char *labels[GK_MAX_METRIC_LABELS + 1]; /* NULL-terminated */
	const double *bounds;                         /* of a histogram, ascending */
	size_t bound_count;
} gk_metric_type;
extern const gk_metric_type gk_metric_types[GK_METRICS];
/** Whether it leaves by OTLP. */
bool gk_metric_is_genkits(gk_metric metric);

typedef struct gk_series {
	struct gk_series *next;
	char **labels; /* as many as the type has; NULL: this one is left out */
	double value;  /* sum of a histogram */
	uint64_t count;
	double min, max;
	/* What gk_metrics_mark() saw. */
	double marked_value;
	uint64_t marked_count;
	uint64_t buckets
		[]; /* one more than there are bounds, not cumulative; then as many that were seen */
} gk_series;

typedef struct gk_metrics gk_metrics;
/** NULL when memory ran out. */
gk_metrics *gk_metrics_new(void);
void gk_metrics_free(gk_metrics *metrics);

/** To a counter or gauge. `labels` are as many as the type has; a NULL among them leaves that label out. What cannot be kept
 * for want of memory is not counted. */
void gk_metrics_add(gk_metrics *metrics, gk_metric metric, const char *const *labels, double value);
void gk_metrics_set(gk_metrics *metrics, gk_metric metric, const char *const *labels, double value);
/** One value of a histogram. */
void gk_metrics_observe(
	gk_metrics *metrics, gk_metric metric, const char *const *labels, double value);
/** The series of a metric, newest first. */
const gk_series *gk_metrics_series(const gk_metrics *metrics, gk_metric metric);

/** Reports of what is new count from here. */
void gk_metrics_mark(gk_metrics *metrics, uint64_t now_ns);
/** When that was; 0: never. */
uint64_t gk_metrics_marked_ns(const gk_metrics *metrics);

/** Prometheus' text format 0.0.4. */
void gk_metrics_append_text(const gk_metrics *metrics, gk_buf *buf);
#define GK_METRICS_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

#endif
