/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Sessions in SQLite for tests: a store that is open, what suspends in a fiber, and a look at the file. */
#ifndef TESTS_STORED_H
#define TESTS_STORED_H

#include "store/sessions_internal.h"
#include "traces.h"

extern gk_session_store *stored_store;
extern gk_session_realm stored_realm;
extern gk_error stored_err;

typedef struct stored_call {
	const gk_snapshot_change *change;
	const gk_chat_change *chat_change;
	const gk_session_query *query;
	const char *id;
	gk_snapshot_saved saved;
	json_t *ret;
	uint64_t count;
	gk_code rc;
} stored_call;

void stored_open(const gk_sessions_opts *opts);
void stored_start(void);
void stored_stop(void);
/** Another process, as far as the file knows. */
void stored_reopen_with(const gk_sessions_opts *opts);
void stored_reopen(void);
/* For stored_must() and traces_in_fiber(): what suspends. */
void stored_do_save(void *user);
void stored_do_get(void *user);
void stored_do_latest(void *user);
void stored_do_chat_save(void *user);
void stored_do_chat_load(void *user);
void stored_do_list(void *user);
void stored_do_show(void *user);
void stored_do_delete(void *user);
/** Fails the test when it fails; the result is a new reference. */
json_t *stored_must(gk_fiber_fn *fn, stored_call c);
/** True when something was written. */
bool stored_change(gk_snapshot_action action, const char *id, json_t *document);
bool stored_save(const char *id, const char *text);
json_t *stored_get(const char *id);
void stored_assert_member(const char *id, const char *path, const char *value);
void stored_assert_latest(const char *session, const char *id);
int64_t stored_bytes_of_parts(void);

#endif
