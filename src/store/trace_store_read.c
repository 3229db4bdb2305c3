/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* The store as the loop sees it: reading, deleting and upkeep, which the writer or a thread beside it does for a fiber. */
#include "store/trace_store_internal.h"

/* --- jobs of the writer --- */

static gk_code run_job(gk_trace_store *store,
	gk_code (*slice)(gk_trace_backend *backend, void *arg, bool *more, gk_error *err),
	void *arg, gk_error *err)
{
	gk_store_job job = { .slice = slice, .arg = arg, .err = err, .fiber = gk_fiber_self() };

	if (store->is_closing)
		return gk_error_set(err, GK_UNAVAILABLE, "the store is being closed");
	store->users++;
	pthread_mutex_lock(&store->lock);
	TAILQ_INSERT_TAIL(&store->jobs, &job, link);
	gk_trace_store_wake_writer(store);
	pthread_mutex_unlock(&store->lock);
	while (!job.is_done)
		gk_fiber_park_shielded();
	store->users--;
	return job.rc;
}

/* What a reader waits for is what there was when it asked, however much comes meanwhile. */
typedef struct catching_up {
	uint64_t fold, index; /* spans that are left */
} catching_up;

static gk_code catch_up_slice(gk_trace_backend *backend, void *arg, bool *more, gk_error *err)
{
	catching_up *c = arg;
	uint64_t *left = c->fold ? &c->fold : &c->index;
	size_t max = left == &c->fold ? GK_STORE_FOLD : GK_STORE_INDEX, count = 0;
	gk_code rc = left == &c->fold ? backend->type->fold(backend, max, &count, err)
				      : backend->type->index(backend, max, &count, err);

	*left = count < max || count >= *left ? 0 : *left - count;
	*more = c->fold || c->index;
	return rc;
}

static gk_code catch_up(gk_trace_store *store, bool has_text, gk_error *err)
{
	gk_trace_store_counts counts = gk_trace_store_count(store);
	catching_up c = { .fold = counts.unfolded,
		.index = has_text ? counts.unindexed + counts.unfolded : 0 };

	return c.fold || c.index ? run_job(store, catch_up_slice, &c, err) : GK_OK;
}

/* --- reading --- */

typedef struct reading {
	gk_trace_store *store;
	const gk_trace_query *query;
	const gk_log_query *log_query;
	const char *text; /* trace id, or the path of a backup */
	gk_trace_store_chore chore;
	gk_buf *buf;
	json_t **value;
	bool *is_there;
} reading;

/* A reader sees what was saved before it asked; that the disk fails is no reason to show nothing. */
static gk_code run_reading(gk_trace_store *store, gk_work_fn *fn, reading *r, gk_error *err)
{
	gk_code rc = GK_OK;

	GK_CHECK(store, GK_TRACE_STORE_MAGIC);
	r->store = store;
	if (store->settled < store->last && !store->is_failing)
		rc = gk_trace_store_wait(store, store->last, true, err);
	if (rc == GK_OK && !store->is_failing)
		rc = catch_up(store, r->query && r->query->text && *r->query->text, err);
	if (rc == GK_UNAVAILABLE && gk_scope_reason(gk_fiber_scope(gk_fiber_self())) == GK_OK) {
		gk_error_clear(err);
		rc = GK_OK;
	}
	if (rc != GK_OK)
		return rc;
	store->users++;
	rc = gk_work_run(fn, r, err);
	store->users--;
	return rc;
}

static gk_code do_list(void *arg, gk_error *err)
{
	reading *r = arg;

	return r->store->backend->type->list(r->store->backend, r->query, r->buf, err);
}

static gk_code do_load(void *arg, gk_error *err)
{
	reading *r = arg;

	return r->store->backend->type->load(r->store->backend, r->text, r->buf, err);
}

static gk_code do_has(void *arg, gk_error *err)
{
	reading *r = arg;

	return r->store->backend->type->has(r->store->backend, r->text, r->is_there, err);
}

static gk_code do_logs(void *arg, gk_error *err)
{
	reading *r = arg;

	return r->store->backend->type->logs(r->store->backend, r->log_query, r->buf, err);
}

gk_code gk_trace_store_load(gk_trace_store *store, const char *trace_id, gk_buf *ret, gk_error *err)
{
	return run_reading(store, do_load, &(reading){ .text = trace_id, .buf = ret }, err);
}

gk_code gk_trace_store_has(gk_trace_store *store, const char *trace_id, bool *ret, gk_error *err)
{
	return run_reading(store, do_has, &(reading){ .text = trace_id, .is_there = ret }, err);
}

gk_code gk_trace_store_logs(
	gk_trace_store *store, const gk_log_query *query, gk_buf *ret, gk_error *err)
{
	return run_reading(store, do_logs, &(reading){ .log_query = query, .buf = ret }, err);
}

gk_code gk_trace_store_list(
	gk_trace_store *store, const gk_trace_query *query, gk_buf *ret, gk_error *err)
{
	return run_reading(store, do_list, &(reading){ .query = query, .buf = ret }, err);
}

typedef struct deleting {
	const char *trace_id;
	uint64_t count;
} deleting;

static gk_code delete_slice(gk_trace_backend *backend, void *arg, bool *more, gk_error *err)
{
	deleting *d = arg;
	uint64_t count = 0;
	gk_code rc = backend->type->remove(backend, d->trace_id, &count, err);

	d->count += count;
	*more = rc == GK_OK && !d->trace_id && count > 0;
	return rc;
}

gk_code gk_trace_store_delete(
	gk_trace_store *store, const char *trace_id, uint64_t *ret, gk_error *err)
{
	deleting d = { .trace_id = trace_id };
	gk_code rc = gk_trace_store_flush(store, err);

	if (rc == GK_OK)
		rc = catch_up(store, false, err);
	if (rc == GK_OK)
		rc = run_job(store, delete_slice, &d, err);
	if (rc == GK_OK)
		*ret = d.count;
	return rc;
}

static gk_code shrink_slice(gk_trace_backend *backend, void *arg, bool *more, gk_error *err)
{
	(void)arg;
	return backend->type->shrink(backend, more, err);
}

static gk_code do_chore(void *arg, gk_error *err)
{
	reading *r = arg;
	gk_trace_backend *backend = r->store->backend;

	if (r->chore == GK_STORE_CHECK)
		return backend->type->check(backend, r->value, err);
	if (r->chore == GK_STORE_BACKUP)
		return backend->type->backup(backend, r->text, r->value, err);
	return backend->type->stats(backend, r->value, err);
}

static gk_code do_copy(void *arg, gk_error *err)
{
	gk_trace_store *store = arg;

	(void)err;
	store->backend->type->copy(store->backend);
	return GK_OK;
}

static gk_code vacuum(gk_trace_store *store, json_t **ret, gk_error *err)
{
	uint64_t before = gk_trace_store_count(store).bytes;
	gk_code rc = run_job(store, shrink_slice, NULL, err);

	if (rc == GK_OK) /* the file gets shorter when the log is copied into it */
		rc = gk_work_run(do_copy, store, err);
	if (rc == GK_OK) /* after which the writer looks at it again */
		rc = run_job(store, shrink_slice, NULL, err);
	if (rc != GK_OK)
		return rc;
	*ret = json_pack("{s:I, s:I}", "before", (json_int_t)before, "after",
		(json_int_t)gk_trace_store_count(store).bytes);
	return *ret ? GK_OK : gk_error_no_memory(err);
}

gk_code gk_trace_store_do(gk_trace_store *store, gk_trace_store_chore chore, const char *path,
	json_t **ret, gk_error *err)
{
	GK_CHECK(store, GK_TRACE_STORE_MAGIC);
	if (chore == GK_STORE_VACUUM)
		return vacuum(store, ret, err);
	return run_reading(
		store, do_chore, &(reading){ .chore = chore, .text = path, .value = ret }, err);
}
