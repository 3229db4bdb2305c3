/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * Our own runs into the store: an observer of spans that serialises each as it ends (and those that last as they run),
 * and holds back the end of a run until its spans outlive the process.
 *
 *	rc = gk_recorder_new(app, store, &opts, &recorder, err);
 */
#ifndef GK_STORE_RECORDER_H
#define GK_STORE_RECORDER_H

#include "core/app.h"
#include "store/trace_store.h"

typedef struct gk_recorder gk_recorder;

typedef struct gk_recorder_opts {
	size_t size;
	double sample; /* the part of traces that is recorded: 1 for all, 0 for none */
} gk_recorder_opts;

GK_MUST_USE gk_code gk_recorder_new(gk_app *app, gk_trace_store *store,
	const gk_recorder_opts *opts, gk_recorder **ret, gk_error *err);
void gk_recorder_configure(gk_recorder *recorder, const gk_recorder_opts *opts);
/** Before the store is closed. NULL is allowed. */
void gk_recorder_free(gk_recorder *recorder);

#endif
