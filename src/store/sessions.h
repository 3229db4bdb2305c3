/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * Sessions in the file of a trace store, written by the thread that writes traces.
 *
 *	rc = gk_sessions_open(traces, &opts, &sessions, err);
 *	rc = gk_set_session_store(app, sessions, err);
 *	...
 *	gk_sessions_close(sessions);		while the application goes on to its end
 *	gk_trace_store_close(traces);
 *
 * When the disk fails, what was asked fails with UNAVAILABLE, and nothing of it was done.
 */
#ifndef GK_STORE_SESSIONS_H
#define GK_STORE_SESSIONS_H

#include "store/trace_store.h"

#include <genkit/session_store.h>

typedef struct gk_sessions_opts {
	size_t size;
	uint64_t max_age_ms; /* sessions that nobody has touched for so long go; 0: none */
	uint64_t max_count;  /* of sessions; the ones touched longest ago go; 0: no limit */
	uint64_t max_bytes;  /* of their messages and states; the same */
	uint64_t sweep_ms;   /* between looks for what is beyond these; 0: GK_STORE_SWEEP_MS */
	bool waits_later;    /* gk_sessions_wait() is called before anybody asks */
} gk_sessions_opts;

/** Waits, too, unless the options say otherwise. */
GK_MUST_USE gk_code gk_sessions_open(gk_loop *loop, gk_trace_store *traces,
	const gk_sessions_opts *opts, gk_session_store **ret, gk_error *err);
/** Returns after the tables are there and the snapshots that ended processes left pending were made "failed", unless the disk
 * does not answer. It blocks: before the loop runs. */
void gk_sessions_wait(gk_session_store *store);
/** Retention from now on. */
void gk_sessions_configure(gk_session_store *store, const gk_sessions_opts *opts);
/** From now on every call gives UNAVAILABLE. Turns the loop until the fibers that are inside have left. */
void gk_sessions_close(gk_session_store *store);

#endif
