/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * The kind "sessions": a file of its own for each file of vectors, in the table of sessions.c. What needs a store runs in
 * each form of it, in an application of its own.
 */
#ifndef TESTS_CONFORMANCE_SESSIONS_H
#define TESTS_CONFORMANCE_SESSIONS_H

#include "core_app.h"

#include "store/sessions.h"

/* One case; reports it under the name once. */
typedef void sessions_case_fn(conformance *run, const char *name, core_app *app, json_t *one);

/** Uses SQLite in a new folder for the sessions of the application. */
typedef struct sessions_sqlite {
	char folder[64];
	gk_trace_store *traces;
	gk_session_store *store; /* the application's */
} sessions_sqlite;
void sessions_sqlite_start(sessions_sqlite *it, core_app *app);
/** Before the application is stopped; the folder goes. */
void sessions_sqlite_stop(sessions_sqlite *it);

/** Expected members must match, others may be there; arrays are as long as expected; "$any" is any text that is not
 * empty. */
bool sessions_contains(const json_t *got, const json_t *expected);

sessions_case_fn sessions_run_resume;
sessions_case_fn sessions_run_http;
sessions_case_fn sessions_run_store;
sessions_case_fn sessions_run_chat;

#endif
