/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* What the tests of the store share: a store in a folder of its own, and its suspending functions called as if they did
 * not suspend. */
#ifndef TESTS_TRACES_H
#define TESTS_TRACES_H

#include "store/trace_store.h"
#include "unit.h"

extern gk_loop *traces_loop;
extern gk_trace_store *traces_store;
extern char traces_folder[64], traces_path[96];

/** Makes loop and folder, and opens the store; `opts` NULL: all defaults. */
void traces_start(const gk_trace_store_opts *opts);
void traces_stop(void);
/** Closes it and opens it again. */
void traces_reopen(const gk_trace_store_opts *opts);

/** One number, from the file as a reader sees it. */
int64_t traces_number(const char *sql);

/** Posts a trace of one span that has ended. */
void traces_post_root(const char *id);

/** Runs SQL on the file from beside, as another process would. */
void traces_change(const char *sql);

/** Runs it in a fiber to its end. */
void traces_in_fiber(gk_fiber_fn *fn, void *user);

/** Saves TraceData (' for ") and waits for the commit; fails the test when that fails. */
void traces_post(const char *text);
gk_code traces_try_post(const char *text, gk_error *err);
/** A span as TraceData has it, with everything that must be there: for "%s" in posts. `more` is put before the last
 * brace, and begins with a comma, or is "". Static memory, a few at once. */
const char *traces_span(
	const char *id, const char *trace, double start, double end, const char *more);
/** A post of so many spans, the first of which is the root: all have that name and that document. */
gk_trace_post *traces_spans(
	const char *trace_id, unsigned count, const char *name, const char *doc);
/** Saves it and waits for the commit. */
void traces_save(gk_trace_post *post_take);
/** The writer folds after a quiet moment, which on a busy machine has passed before a test looks: for an hour it does not. */
void traces_hold_folding(void);
/** The trace; NULL: there is none. New reference. */
json_t *traces_load(const char *id);
bool traces_has(const char *id);
/** The answer to a list. New reference. */
json_t *traces_list(const gk_trace_query *query);
gk_code traces_try_list(const gk_trace_query *query, json_t **ret, gk_error *err);
/** Ids of a list as text: "b a"; the caller frees it. `filter` (' for ") and `text` may be NULL. */
char *traces_ids(const char *filter, const char *text);
json_t *traces_logs(const gk_log_query *query);
json_t *traces_do(gk_trace_store_chore chore, const char *path);
gk_code traces_try_do(gk_trace_store_chore chore, const char *path, json_t **ret, gk_error *err);
uint64_t traces_delete(const char *id);
/** Turns the loop until it is so; fails the test after a while. */
void traces_until(bool (*is_so)(void *user), void *user);

#endif
