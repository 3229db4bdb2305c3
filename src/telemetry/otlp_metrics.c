/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Genkit's own metrics as OpenTelemetry has them: sums and histograms since the process began, or since the last report. */
#include "telemetry/otlp_metrics.h"

#include "config.h"

#define SCOPE      "genkit"
#define DELTA      1
#define CUMULATIVE 2

typedef struct telling {
	uint64_t start_ns, now_ns;
	bool as_deltas;
} telling;

static void put_labels(
	gk_arena *arena, gk_otlp_pairs *pairs, const gk_metric_type *type, const gk_series *series)
{
	for (size_t i = 0; i < GK_MAX_METRIC_LABELS && type->labels[i]; i++)
		if (series->labels[i])
			gk_otlp_add_text(arena, pairs, type->labels[i], series->labels[i]);
}

static GkOtlp__NumberDataPoint *number_point(
	gk_arena *arena, const gk_metric_type *type, const gk_series *series, const telling *t)
{
	GkOtlp__NumberDataPoint *point = GK_ARENA_NEW(arena, GkOtlp__NumberDataPoint);
	gk_otlp_pairs pairs = { 0 };

	if (!point)
		return NULL;
	gk_otlp__number_data_point__init(point);
	put_labels(arena, &pairs, type, series);
	point->attributes = pairs.items;
	point->n_attributes = pairs.count;
	point->start_time_unix_nano = t->start_ns;
	point->time_unix_nano = t->now_ns;
	point->value_case = GK_OTLP__NUMBER_DATA_POINT__VALUE_AS_INT;
	point->as_int = (int64_t)(series->value - (t->as_deltas ? series->marked_value : 0));
	return point;
}

static GkOtlp__HistogramDataPoint *histogram_point(
	gk_arena *arena, const gk_metric_type *type, const gk_series *series, const telling *t)
{
	GkOtlp__HistogramDataPoint *point = GK_ARENA_NEW(arena, GkOtlp__HistogramDataPoint);
	size_t buckets = type->bound_count + 1;
	gk_otlp_pairs pairs = { 0 };

	if (!point)
		return NULL;
	gk_otlp__histogram_data_point__init(point);
	put_labels(arena, &pairs, type, series);
	point->attributes = pairs.items;
	point->n_attributes = pairs.count;
	point->start_time_unix_nano = t->start_ns;
	point->time_unix_nano = t->now_ns;
	point->count = series->count - (t->as_deltas ? series->marked_count : 0);
	point->has_sum_case = GK_OTLP__HISTOGRAM_DATA_POINT__HAS_SUM_SUM;
	point->sum = series->value - (t->as_deltas ? series->marked_value : 0);
	if (!t->as_deltas) { /* of what is new alone they are not known */
		point->has_min_case = GK_OTLP__HISTOGRAM_DATA_POINT__HAS_MIN_MIN;
		point->min = series->min;
		point->has_max_case = GK_OTLP__HISTOGRAM_DATA_POINT__HAS_MAX_MAX;
		point->max = series->max;
	}
	point->explicit_bounds = (double *)(uintptr_t)type->bounds;
	point->n_explicit_bounds = type->bound_count;
	point->bucket_counts = gk_arena_alloc(arena, buckets * sizeof(uint64_t));
	if (!point->bucket_counts)
		return NULL;
	for (size_t i = 0; i < buckets; i++)
		point->bucket_counts[i] =
			series->buckets[i] - (t->as_deltas ? series->buckets[buckets + i] : 0);
	point->n_bucket_counts = buckets;
	return point;
}

static bool fill_sum(
	gk_arena *arena, GkOtlp__Metric *metric, void **points, size_t count, const telling *t)
{
	metric->data_case = GK_OTLP__METRIC__DATA_SUM;
	metric->sum = GK_ARENA_NEW(arena, GkOtlp__Sum);
	if (!metric->sum)
		return false;
	gk_otlp__sum__init(metric->sum);
	metric->sum->data_points = (GkOtlp__NumberDataPoint **)points;
	metric->sum->n_data_points = count;
	metric->sum->aggregation_temporality = t->as_deltas ? DELTA : CUMULATIVE;
	metric->sum->is_monotonic = true;
	return true;
}

static bool fill_histogram(
	gk_arena *arena, GkOtlp__Metric *metric, void **points, size_t count, const telling *t)
{
	metric->data_case = GK_OTLP__METRIC__DATA_HISTOGRAM;
	metric->histogram = GK_ARENA_NEW(arena, GkOtlp__Histogram);
	if (!metric->histogram)
		return false;
	gk_otlp__histogram__init(metric->histogram);
	metric->histogram->data_points = (GkOtlp__HistogramDataPoint **)points;
	metric->histogram->n_data_points = count;
	metric->histogram->aggregation_temporality = t->as_deltas ? DELTA : CUMULATIVE;
	return true;
}

static bool is_new(const gk_series *series, const telling *t)
{
	return !t->as_deltas || series->value != series->marked_value ||
	       series->count != series->marked_count;
}

static ProtobufCMessage *make_metric(
	gk_arena *arena, const gk_metric_type *type, const gk_series *series, const telling *t)
{
	GkOtlp__Metric *metric = GK_ARENA_NEW(arena, GkOtlp__Metric);
	bool is_histogram = type->kind == GK_HISTOGRAM;
	size_t count = 0, at = 0;
	void **points;

	for (const gk_series *s = series; s; s = s->next)
		count += is_new(s, t);
	points = gk_arena_alloc(arena, count * sizeof(*points));
	if (!metric || !points || !count)
		return NULL;
	gk_otlp__metric__init(metric);
	metric->name = (char *)(uintptr_t)type->name;
	metric->description = (char *)(uintptr_t)type->help;
	metric->unit = (char *)(uintptr_t)type->unit;
	for (; series; series = series->next) {
		if (!is_new(series, t))
			continue;
		points[at] = is_histogram ? (void *)histogram_point(arena, type, series, t)
					  : (void *)number_point(arena, type, series, t);
		if (!points[at++])
			return NULL;
	}
	return (is_histogram ? fill_histogram : fill_sum)(arena, metric, points, count, t)
		       ? &metric->base
		       : NULL;
}

gk_otlp_item *gk_otlp_metrics_item(
	const gk_metrics *metrics, bool as_deltas, uint64_t start_ns, uint64_t now_ns)
{
	gk_otlp_item *item = gk_otlp_item_new(SCOPE, PACKAGE_VERSION);
	const telling t = { as_deltas && gk_metrics_marked_ns(metrics)
				    ? gk_metrics_marked_ns(metrics)
				    : start_ns,
		now_ns, as_deltas };

	if (!item)
		return NULL;
	item->messages = gk_arena_alloc(&item->arena, GK_METRICS * sizeof(*item->messages));
	for (gk_metric m = 0; item->messages && m < GK_METRICS; m++) {
		const gk_series *series = gk_metrics_series(metrics, m);

		if (!gk_metric_is_genkits(m) || !series)
			continue;
		item->messages[item->count] =
			make_metric(&item->arena, &gk_metric_types[m], series, &t);
		if (item->messages[item->count])
			item->count++;
	}
	item->item.size = sizeof(*item) + item->arena.size;
	if (item->count && !item->arena.failed)
		return item;
	gk_otlp_item_free(&item->item);
	return NULL;
}
