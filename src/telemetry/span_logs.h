/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * Log records out of spans as they end (telemetry section 5.4): of each call of a model what it was asked with, of each failure
 * where it began, of each answer what people made of it; and, for those who may see them, inputs and outputs part by part.
 *
 *	gk_span_logs_init(&logs, shows_io);
 *	gk_app_add_observer(app, &logs.observer);
 *
 * The records have the ids of their span and go wherever others go: to the terminal or the journal, the store, collectors.
 */
#ifndef GK_TELEMETRY_SPAN_LOGS_H
#define GK_TELEMETRY_SPAN_LOGS_H

#include "core/app.h"

typedef struct gk_span_logs {
	gk_span_observer observer;
	bool shows_io;
} gk_span_logs;

/** Embedded in its owner, who gives it to gk_app_add_observer(). */
void gk_span_logs_init(gk_span_logs *it, bool shows_io);

#endif
