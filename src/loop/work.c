/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Work on libuv's threads: what would hold the loop. */
#include "loop/loop_internal.h"

typedef struct gk_job {
	uv_work_t req;
	gk_work_fn *fn;
	void *arg;
	gk_code rc;
	gk_error *err;
	gk_fiber *fiber; /* who waits */
	bool is_done;
	/* Of gk_work_start(), which owns its memory: */
	gk_work_done_fn *done;
	gk_error own_err;
} gk_job;

static void run(uv_work_t *req)
{
	gk_job *job = req->data;

	job->rc = job->fn(job->arg, job->err);
}

static void on_fiber_done(uv_work_t *req, int status)
{
	gk_job *job = req->data;

	gk_loop_wake(req->loop->data);
	if (status == UV_ECANCELED) /* no thread had begun it when the scope was called off */
		job->rc = gk_scope_check(job->fiber->scope, job->err);
	job->is_done = true;
	gk_fiber_wake(job->fiber);
}

gk_code gk_work_run(gk_work_fn *fn, void *arg, gk_error *err)
{
	gk_fiber *fiber = gk_fiber_self();
	gk_job job = { .fn = fn, .arg = arg, .err = err, .fiber = fiber };
	int status;
	gk_code rc;

	assert(fiber);
	rc = gk_scope_check(fiber->scope, err);
	if (rc != GK_OK)
		return rc;
	job.req.data = &job;
	status = uv_queue_work(&fiber->loop->uv, &job.req, run, on_fiber_done);
	if (status < 0)
		return gk_loop_fail(err, status, "cannot start a worker");
	while (!job.is_done) {
		gk_fiber_park_shielded();
		if (!job.is_done && gk_scope_reason(fiber->scope) != GK_OK)
			uv_cancel((uv_req_t *)&job.req); /* does nothing when it has begun */
	}
	return job.rc;
}

static void on_started_done(uv_work_t *req, int status)
{
	gk_job *job = req->data;

	(void)status; /* nobody can cancel it */
	gk_loop_wake(req->loop->data);
	job->done(job->arg, job->rc, job->err);
	gk_error_clear(&job->own_err);
	free(job);
}

gk_code gk_work_start(
	gk_loop *loop, gk_work_fn *fn, gk_work_done_fn *done, void *arg, gk_error *err)
{
	gk_job *job = calloc(1, sizeof(*job));
	int status;

	if (!job)
		return gk_error_no_memory(err);
	job->fn = fn;
	job->arg = arg;
	job->done = done;
	job->err = &job->own_err;
	job->req.data = job;
	status = uv_queue_work(&loop->uv, &job->req, run, on_started_done);
	if (status < 0) {
		free(job);
		return gk_loop_fail(err, status, "cannot start a worker");
	}
	return GK_OK;
}
