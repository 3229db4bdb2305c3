/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "telemetry/metrics.h"

#include "base/limits.h"
#include "base/number.h"
#include "base/str.h"
#include "base/table.h"

#include <math.h>

#define SEPARATOR '\x1f' /* between the labels in a series' key */
#define OTHER     "other"
#define RECENT    4 /* a flow that asks a model has so many kinds of actions */

struct gk_metrics {
	struct {
		gk_table *series; /* by their labels */
		gk_series *first;
		gk_series *recent[RECENT]; /* the next one is often one of them */
		unsigned oldest;           /* of these, to be replaced */
		size_t count;
	} all[GK_METRICS];
	gk_buf key; /* scratch */
	uint64_t marked_ns;
};

static size_t label_count(const gk_metric_type *type)
{
	size_t count = 0;

	while (count < GK_MAX_METRIC_LABELS && type->labels[count])
		count++;
	return count;
}

gk_metrics *gk_metrics_new(void)
{
	gk_metrics *metrics = calloc(1, sizeof(*metrics));

	for (size_t i = 0; metrics && i < GK_METRICS; i++) {
		metrics->all[i].series = gk_table_new(NULL);
		if (!metrics->all[i].series) {
			gk_metrics_free(metrics);
			return NULL;
		}
	}
	return metrics;
}

static void free_series(gk_series *series, size_t labels)
{
	for (size_t i = 0; series->labels && i < labels; i++)
		free(series->labels[i]);
	free(series->labels);
	free(series);
}

void gk_metrics_free(gk_metrics *metrics)
{
	gk_series *next;

	for (size_t i = 0; metrics && i < GK_METRICS; i++) {
		for (gk_series *s = metrics->all[i].first; s; s = next) {
			next = s->next;
			free_series(s, label_count(&gk_metric_types[i]));
		}
		gk_table_free(metrics->all[i].series);
	}
	if (metrics)
		gk_buf_done(&metrics->key);
	free(metrics);
}

/* --- series --- */

static gk_series *new_series(const gk_metric_type *type, const char *const *labels)
{
	size_t count = label_count(type);
	gk_series *series =
		calloc(1, sizeof(*series) + 2 * (type->bound_count + 1) * sizeof(uint64_t));
	bool is_whole;

	if (!series)
		return NULL;
	series->labels = calloc(count + 1, sizeof(*series->labels));
	is_whole = series->labels;
	for (size_t i = 0; is_whole && i < count; i++) {
		const char *text = labels[i];

		if (!text)
			continue;
		/* Long names would make long answers; they end between characters. */
		series->labels[i] =
			strndup(text, gk_str_valid_utf8(text, strnlen(text, GK_MAX_METRIC_LABEL)));
		is_whole = series->labels[i];
	}
	if (is_whole)
		return series;
	free_series(series, count);
	return NULL;
}

static gk_series *add_series(
	gk_metrics *metrics, gk_metric metric, const char *key, const char *const *labels)
{
	gk_series *series = new_series(&gk_metric_types[metric], labels);

	if (!series)
		return NULL;
	if (!gk_table_set(metrics->all[metric].series, key, series)) {
		free_series(series, label_count(&gk_metric_types[metric]));
		return NULL;
	}
	series->next = metrics->all[metric].first;
	metrics->all[metric].first = series;
	metrics->all[metric].count++;
	return series;
}

static bool has_labels(
	const gk_series *series, const gk_metric_type *type, const char *const *labels)
{
	for (size_t i = 0; i < GK_MAX_METRIC_LABELS && type->labels[i]; i++)
		if (!gk_str_equal(series->labels[i], labels[i]) && (series->labels[i] || labels[i]))
			return false;
	return true;
}

static gk_series *find_recent(
	const gk_metrics *metrics, gk_metric metric, const char *const *labels)
{
	for (size_t i = 0; i < RECENT; i++) {
		gk_series *series = metrics->all[metric].recent[i];

		if (series && has_labels(series, &gk_metric_types[metric], labels))
			return series;
	}
	return NULL;
}

static gk_series *remember(gk_metrics *metrics, gk_metric metric, gk_series *series)
{
	metrics->all[metric].recent[metrics->all[metric].oldest++ % RECENT] = series;
	return series;
}

static gk_series *find(gk_metrics *metrics, gk_metric metric, const char *const *labels)
{
	static const char *const others[GK_MAX_METRIC_LABELS] = { OTHER, OTHER, OTHER, OTHER, OTHER,
		OTHER };
	const gk_metric_type *type = &gk_metric_types[metric];
	gk_series *series = find_recent(metrics, metric, labels);

	if (series)
		return series;
	gk_buf_clear(&metrics->key);
	for (size_t i = 0; i < label_count(type); i++) {
		if (labels[i])
			gk_buf_put(
				&metrics->key, labels[i], strnlen(labels[i], GK_MAX_METRIC_LABEL));
		gk_buf_putc(&metrics->key, SEPARATOR);
	}
	gk_buf_putc(&metrics->key, SEPARATOR);
	if (gk_buf_failed(&metrics->key))
		return NULL;
	series = gk_table_get(metrics->all[metric].series, metrics->key.data);
	if (series)
		return remember(metrics, metric, series);
	if (metrics->all[metric].count < GK_MAX_METRIC_SERIES)
		return add_series(metrics, metric, metrics->key.data, labels);
	series = gk_table_get(metrics->all[metric].series, OTHER);
	return series ? series : add_series(metrics, metric, OTHER, others);
}

void gk_metrics_add(gk_metrics *metrics, gk_metric metric, const char *const *labels, double value)
{
	gk_series *series = find(metrics, metric, labels);

	if (series)
		series->value += value;
}

void gk_metrics_set(gk_metrics *metrics, gk_metric metric, const char *const *labels, double value)
{
	gk_series *series = find(metrics, metric, labels);

	if (series)
		series->value = value;
}

void gk_metrics_observe(
	gk_metrics *metrics, gk_metric metric, const char *const *labels, double value)
{
	const gk_metric_type *type = &gk_metric_types[metric];
	gk_series *series = find(metrics, metric, labels);
	size_t at = 0;

	if (!series)
		return;
	while (at < type->bound_count && value > type->bounds[at])
		at++;
	series->buckets[at]++;
	series->min = series->count ? fmin(series->min, value) : value;
	series->max = series->count ? fmax(series->max, value) : value;
	series->value += value;
	series->count++;
}

const gk_series *gk_metrics_series(const gk_metrics *metrics, gk_metric metric)
{
	return metrics->all[metric].first;
}

void gk_metrics_mark(gk_metrics *metrics, uint64_t now_ns)
{
	for (gk_metric m = 0; m < GK_METRICS; m++) {
		size_t buckets = gk_metric_types[m].bound_count + 1;

		if (!gk_metric_is_genkits(m))
			continue;
		for (gk_series *s = metrics->all[m].first; s; s = s->next) {
			s->marked_value = s->value;
			s->marked_count = s->count;
			memcpy(s->buckets + buckets, s->buckets, buckets * sizeof(uint64_t));
		}
	}
	metrics->marked_ns = now_ns;
}

uint64_t gk_metrics_marked_ns(const gk_metrics *metrics)
{
	return metrics->marked_ns;
}

/* --- Prometheus' text --- */

static void put_number(gk_buf *buf, double value)
{
	char text[GK_NUMBER_SIZE];

	gk_buf_put(buf, text, gk_format_real(value, text));
}

static void put_label(gk_buf *buf, char separator, const char *name, const char *value)
{
	gk_buf_printf(buf, "%c%s=\"", separator, name);
	for (const char *c = value; *c; c++) {
		if (*c == '\\' || *c == '"')
			gk_buf_putc(buf, '\\');
		if (*c == '\n')
			gk_buf_puts(buf, "\\n");
		else
			gk_buf_putc(buf, *c);
	}
	gk_buf_putc(buf, '"');
}

/* {a="b",le="0.1"}; `bound` NULL: none. */
static void put_labels(
	gk_buf *buf, const gk_metric_type *type, const gk_series *series, const char *bound)
{
	char separator = '{';

	for (size_t i = 0; i < label_count(type); i++) {
		if (!series->labels[i])
			continue;
		put_label(buf, separator, type->labels[i], series->labels[i]);
		separator = ',';
	}
	if (bound) {
		put_label(buf, separator, "le", bound);
		separator = ',';
	}
	if (separator == ',')
		gk_buf_putc(buf, '}');
	gk_buf_putc(buf, ' ');
}

static void put_histogram(gk_buf *buf, const gk_metric_type *type, const gk_series *series)
{
	uint64_t below = 0;

	for (size_t i = 0; i <= type->bound_count; i++) {
		char bound[GK_NUMBER_SIZE] = "+Inf";

		if (i < type->bound_count)
			gk_format_real(type->bounds[i], bound);
		below += series->buckets[i];
		gk_buf_printf(buf, "%s_bucket", type->name);
		put_labels(buf, type, series, bound);
		gk_buf_printf(buf, "%llu\n", (unsigned long long)below);
	}
	gk_buf_printf(buf, "%s_sum", type->name);
	put_labels(buf, type, series, NULL);
	put_number(buf, series->value);
	gk_buf_printf(buf, "\n%s_count", type->name);
	put_labels(buf, type, series, NULL);
	gk_buf_printf(buf, "%llu\n", (unsigned long long)series->count);
}

void gk_metrics_append_text(const gk_metrics *metrics, gk_buf *buf)
{
	static const char *const kinds[] = { "counter", "gauge", "histogram" };

	for (gk_metric m = 0; m < GK_METRICS; m++) {
		const gk_metric_type *type = &gk_metric_types[m];

		if (gk_metric_is_genkits(m) || !metrics->all[m].first)
			continue;
		gk_buf_printf(buf, "# HELP %s %s\n# TYPE %s %s\n", type->name, type->help,
			type->name, kinds[type->kind]);
		for (const gk_series *s = metrics->all[m].first; s; s = s->next) {
			if (type->kind == GK_HISTOGRAM) {
				put_histogram(buf, type, s);
				continue;
			}
			gk_buf_puts(buf, type->name);
			put_labels(buf, type, s, NULL);
			put_number(buf, s->value);
			gk_buf_putc(buf, '\n');
		}
	}
}
