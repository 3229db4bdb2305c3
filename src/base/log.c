/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "base/log.h"

#include "base/clock.h"
#include "base/limits.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>

static gk_log_sink_fn *current_sink;
static void *current_user;
static gk_log_ids_fn *current_ids;
static atomic_int current_level = GK_LOG_INFO;

void gk_log_set_sink(gk_log_sink_fn *sink, void *user)
{
	current_sink = sink;
	current_user = user;
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

void gk_log(gk_log_level level, const char *component, const char *format, ...)
{
	gk_log_record record = { .level = level, .component = component };
	char small[512];
	gk_auto_str char *large = NULL;
	va_list args;
	int len;

	if (!gk_log_is_on(level))
		return;
	va_start(args, format);
	len = vsnprintf(small, sizeof(small), format, args);
	va_end(args);
	record.message = small;
	if (len >= (int)sizeof(small)) {
		size_t size =
			(size_t)len < GK_MAX_LOG_MESSAGE ? (size_t)len + 1 : GK_MAX_LOG_MESSAGE;

		large = malloc(size);
		if (large) {
			va_start(args, format);
			vsnprintf(large, size, format, args);
			va_end(args);
			record.message = large;
		}
	}
	record.wall_ns = gk_clock_wall_ns();
	if (current_ids)
		current_ids(&record.trace_id, &record.span_id);
	current_sink(&record, current_user);
}
