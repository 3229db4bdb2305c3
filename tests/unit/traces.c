/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "traces.h"

#include "base/clock.h"
#include "store/sqlite.h"
#include "store/trace_store_internal.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

gk_loop *traces_loop;
gk_trace_store *traces_store;
char traces_folder[64], traces_path[96];

static void open_store(const gk_trace_store_opts *opts)
{
	gk_trace_store_opts own = opts ? *opts : (gk_trace_store_opts){ .size = sizeof(own) };

	if (!own.path)
		own.path = traces_path;
	ck_assert_int_eq(gk_trace_store_open(traces_loop, &own, &traces_store, NULL), GK_OK);
}

void traces_start(const gk_trace_store_opts *opts)
{
	snprintf(traces_folder, sizeof(traces_folder), "/tmp/genkitd-traces-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(traces_folder));
	snprintf(traces_path, sizeof(traces_path), "%s/sub/traces.db", traces_folder);
	ck_assert_int_eq(gk_loop_new(&traces_loop, NULL), GK_OK);
	open_store(opts);
}

void traces_stop(void)
{
	gk_auto_str char *command = NULL;

	gk_trace_store_close(gk_steal(traces_store));
	gk_loop_free(gk_steal(traces_loop));
	ck_assert_int_gt(asprintf(&command, "rm -rf %s", traces_folder), 0);
	ck_assert_int_eq(system(command), 0);
}

void traces_reopen(const gk_trace_store_opts *opts)
{
	gk_trace_store_close(gk_steal(traces_store));
	open_store(opts);
}

gk_trace_post *traces_spans(const char *trace_id, unsigned count, const char *name, const char *doc)
{
	gk_trace_post *post = gk_trace_post_new(trace_id);

	ck_assert_ptr_nonnull(post);
	for (unsigned i = 0; i < count; i++) {
		char key[24];

		snprintf(key, sizeof(key), "%u", i);
		ck_assert(gk_trace_post_add(post, &(gk_span_row){ .key = key,
							  .parent = i ? "0" : NULL,
							  .name = name,
							  .type = "action",
							  .doc = doc,
							  .doc_len = strlen(doc),
							  .start_ms = 1,
							  .end_ms = 2 }));
	}
	return post;
}

void traces_hold_folding(void)
{
	pthread_mutex_lock(&traces_store->lock);
	traces_store->upkeep_ms = gk_clock_mono_ms() + 3600000;
	pthread_mutex_unlock(&traces_store->lock);
}

int64_t traces_number(const char *sql)
{
	gk_auto_error gk_error err = { 0 };
	int64_t value = -1;
	gk_db db;

	ck_assert_int_eq(gk_db_open(&db, traces_path, true, &err), GK_OK);
	ck_assert_msg(gk_db_number(&db, sql, &value, &err) == GK_OK, "%s", err.message);
	gk_db_close(&db);
	return value;
}

/* --- fibers --- */

typedef struct running {
	gk_fiber_fn *fn;
	void *user;
	bool is_done;
} running;

static void run(void *user)
{
	running *r = user;

	r->fn(r->user);
	r->is_done = true;
}

void traces_in_fiber(gk_fiber_fn *fn, void *user)
{
	running r = { fn, user, false };

	ck_assert_int_eq(gk_fiber_start(traces_loop, "test", NULL, run, &r, NULL, NULL), GK_OK);
	while (!r.is_done)
		gk_loop_turn(traces_loop, 1000);
}

void traces_until(bool (*is_so)(void *user), void *user)
{
	time_t end = time(NULL) + 20;

	while (!is_so(user)) {
		ck_assert_msg(time(NULL) < end, "waited in vain");
		gk_loop_turn(traces_loop, 10);
	}
}

/* --- what suspends --- */

typedef struct asking {
	const char *text;
	const gk_trace_query *query;
	const gk_log_query *log_query;
	gk_trace_store_chore chore;
	gk_buf buf;
	json_t **value;
	uint64_t count;
	gk_code rc;
	gk_error *err;
} asking;

static void flush(void *user)
{
	asking *a = user;

	a->rc = gk_trace_store_flush(traces_store, a->err);
}

void traces_save(gk_trace_post *post_take)
{
	asking a = { .rc = GK_OK };

	gk_trace_store_save(traces_store, post_take);
	traces_in_fiber(flush, &a);
	ck_assert_int_eq(a.rc, GK_OK);
}

static void load(void *user)
{
	asking *a = user;

	a->rc = gk_trace_store_load(traces_store, a->text, &a->buf, a->err);
}

static void list(void *user)
{
	asking *a = user;

	a->rc = gk_trace_store_list(traces_store, a->query, &a->buf, a->err);
}

static void logs(void *user)
{
	asking *a = user;

	a->rc = gk_trace_store_logs(traces_store, a->log_query, &a->buf, a->err);
}

static void chore(void *user)
{
	asking *a = user;

	a->rc = gk_trace_store_do(traces_store, a->chore, a->text, a->value, a->err);
}

static void delete_some(void *user)
{
	asking *a = user;

	a->rc = gk_trace_store_delete(traces_store, a->text, &a->count, a->err);
}

gk_code traces_try_post(const char *text, gk_error *err)
{
	gk_auto_json json_t *value = json(text);
	gk_trace_post *post = NULL;
	asking a = { .err = err };
	gk_code rc = gk_trace_post_read(value, 0, &post, err);

	if (rc != GK_OK)
		return rc;
	gk_trace_store_save(traces_store, post);
	traces_in_fiber(flush, &a);
	return a.rc;
}

void traces_post(const char *text)
{
	gk_auto_error gk_error err = { 0 };

	ck_assert_msg(traces_try_post(text, &err) == GK_OK, "%s", err.message);
}

const char *traces_span(
	const char *id, const char *trace, double start, double end, const char *more)
{
	static char memory[8][2000];
	static unsigned next;
	char *text = memory[next++ % 8];

	snprintf(text, sizeof(memory[0]),
		"'%s':{'spanId':'%s','traceId':'%s','startTime':%.1f,'endTime':%.1f,"
		"'displayName':'n','instrumentationLibrary':{'name':'x'},'spanKind':'INTERNAL'%s%s}",
		id, id, trace, start, end, strstr(more, "'attributes'") ? "" : ",'attributes':{}",
		more);
	return text;
}

static json_t *taken(asking *a)
{
	json_t *value = NULL;
	size_t len;
	char *text;

	ck_assert_int_eq(a->rc, GK_OK);
	if (!a->buf.len) {
		gk_buf_done(&a->buf);
		return NULL;
	}
	text = gk_buf_take(&a->buf, &len);
	ck_assert_int_eq(gk_json_parse(text, len, len, &value, NULL), GK_OK);
	free(text);
	return value;
}

json_t *traces_load(const char *id)
{
	asking a = { .text = id };

	traces_in_fiber(load, &a);
	return taken(&a);
}

bool traces_has(const char *id)
{
	gk_auto_json json_t *trace = traces_load(id);

	return trace != NULL;
}

gk_code traces_try_list(const gk_trace_query *query, json_t **ret, gk_error *err)
{
	asking a = { .query = query, .err = err };

	traces_in_fiber(list, &a);
	if (a.rc == GK_OK)
		*ret = taken(&a);
	gk_buf_done(&a.buf);
	return a.rc;
}

json_t *traces_list(const gk_trace_query *query)
{
	json_t *value = NULL;
	gk_auto_error gk_error err = { 0 };

	ck_assert_msg(traces_try_list(query, &value, &err) == GK_OK, "%s", err.message);
	return value;
}

char *traces_ids(const char *filter, const char *text)
{
	gk_auto_json json_t *conditions = filter ? json(filter) : NULL;
	gk_trace_query query = { .limit = 100, .filter = conditions, .text = text };
	gk_auto_json json_t *value = traces_list(&query);
	gk_buf ids = GK_BUF_INIT(0);
	json_t *one;
	size_t i;

	gk_buf_puts(&ids, "");
	json_array_foreach (json_object_get(value, "traces"), i, one)
		gk_buf_printf(&ids, "%s%s", i ? " " : "", gk_json_str_peek(one, "traceId"));
	return gk_buf_take(&ids, NULL);
}

json_t *traces_logs(const gk_log_query *query)
{
	asking a = { .log_query = query };

	traces_in_fiber(logs, &a);
	return taken(&a);
}

gk_code traces_try_do(gk_trace_store_chore what, const char *path, json_t **ret, gk_error *err)
{
	asking a = { .chore = what, .text = path, .value = ret, .err = err };

	traces_in_fiber(chore, &a);
	return a.rc;
}

json_t *traces_do(gk_trace_store_chore what, const char *path)
{
	json_t *value = NULL;

	ck_assert_int_eq(traces_try_do(what, path, &value, NULL), GK_OK);
	return value;
}

uint64_t traces_delete(const char *id)
{
	asking a = { .text = id };

	traces_in_fiber(delete_some, &a);
	ck_assert_int_eq(a.rc, GK_OK);
	return a.count;
}

void traces_change(const char *sql)
{
	gk_auto_error gk_error err = { 0 };
	gk_db db;

	ck_assert_int_eq(gk_db_open(&db, traces_path, false, &err), GK_OK);
	ck_assert_msg(gk_db_exec(&db, sql, &err) == GK_OK, "%s", err.message);
	gk_db_close(&db);
}

void traces_post_root(const char *id)
{
	gk_auto_str char *text = NULL;

	ck_assert_int_gt(asprintf(&text, "{'traceId':'%s','spans':{%s}}", id,
				 traces_span("r", id, 1, 2, ",'attributes':{}")),
		0);
	traces_post(text);
}
