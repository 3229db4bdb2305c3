/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "base/log.h"

#include "base/clock.h"
#include "base/limits.h"

#include <stdatomic.h>
#include <stdio.h>

static gk_log_sink_fn *current_sink;
static void *current_user;
static gk_log_ids_fn *current_ids;
static struct {
	gk_log_sink_fn *fn;
	void *user;
} taps[GK_MAX_LOG_TAPS];
static size_t tap_count;
static atomic_int current_level = GK_LOG_INFO;

void gk_log_set_sink(gk_log_sink_fn *sink, void *user)
{
	current_sink = sink;
	current_user = user;
}

bool gk_log_add_tap(gk_log_sink_fn *tap, void *user)
{
	if (tap_count == GK_MAX_LOG_TAPS)
		return false;
	taps[tap_count].fn = tap;
	taps[tap_count++].user = user;
	return true;
}

void gk_log_remove_tap(gk_log_sink_fn *tap, void *user)
{
	size_t kept = 0;

	for (size_t i = 0; i < tap_count; i++)
		if (taps[i].fn != tap || taps[i].user != user)
			taps[kept++] = taps[i];
	tap_count = kept;
}

void gk_log_set_ids(gk_log_ids_fn *ids)
{
	current_ids = ids;
}

void gk_log_set_level(gk_log_level level)
{
	atomic_store_explicit(&current_level, (int)level, memory_order_relaxed);
}

bool gk_log_is_on(gk_log_level level)
{
	return current_sink &&
	       (int)level <= atomic_load_explicit(&current_level, memory_order_relaxed);
}

static void show(const gk_log_record *record)
{
	current_sink(record, current_user);
	for (size_t i = 0; i < tap_count; i++)
		taps[i].fn(record, taps[i].user);
}

static void write_record(gk_log_record *record, const char *format, va_list args)
{
	char small[512];
	gk_auto_str char *large = NULL;
	va_list again;
	int len;

	va_copy(again, args);
	len = vsnprintf(small, sizeof(small), format, args);
	record->message = small;
	if (len >= (int)sizeof(small)) {
		size_t size =
			(size_t)len < GK_MAX_LOG_MESSAGE ? (size_t)len + 1 : GK_MAX_LOG_MESSAGE;

		large = malloc(size);
		if (large) {
			vsnprintf(large, size, format, again);
			record->message = large;
		}
	}
	va_end(again);
	record->wall_ns = gk_clock_wall_ns();
	show(record);
}

void gk_log_with(gk_log_level level, const char *component, const char *trace_id,
	const char *span_id, const json_t *attributes, const char *format, va_list args)
{
	gk_log_record record = { .level = level,
		.component = component,
		.trace_id = trace_id,
		.span_id = span_id,
		.attributes = attributes,
		.is_user = true };

	if (gk_log_is_on(level))
		write_record(&record, format, args);
}

void gk_log(gk_log_level level, const char *component, const char *format, ...)
{
	gk_log_record record = { .level = level, .component = component };
	va_list args;

	if (!gk_log_is_on(level))
		return;
	if (current_ids)
		current_ids(&record.trace_id, &record.span_id);
	va_start(args, format);
	write_record(&record, format, args);
	va_end(args);
}
