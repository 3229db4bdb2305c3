/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Signals, delivered as loop callbacks. */
#include "loop/loop_internal.h"

#define GK_SIGNAL_MAGIC 0x7369676eu

struct gk_signal {
	uv_signal_t handle; /* the first member: libuv's pointer is ours */
	unsigned magic;
	gk_loop_fn *fn;
	void *user;
};

static void on_signal(uv_signal_t *handle, int number)
{
	gk_signal *watcher = (gk_signal *)handle;

	(void)number;
	GK_CHECK(watcher, GK_SIGNAL_MAGIC);
	gk_loop_wake(handle->loop->data);
	watcher->fn(watcher->user);
}

gk_code gk_signal_start(
	gk_loop *loop, int number, gk_loop_fn *fn, void *user, gk_signal **ret, gk_error *err)
{
	gk_signal *watcher = calloc(1, sizeof(*watcher));
	int status;

	if (!watcher)
		return gk_error_no_memory(err);
	status = uv_signal_init(&loop->uv, &watcher->handle);
	if (status < 0) {
		free(watcher);
		return gk_loop_fail(err, status, "cannot watch signal %d", number);
	}
	watcher->magic = GK_SIGNAL_MAGIC;
	watcher->fn = fn;
	watcher->user = user;
	status = uv_signal_start(&watcher->handle, on_signal, number);
	if (status < 0) {
		gk_signal_stop(watcher);
		return gk_loop_fail(err, status, "cannot watch signal %d", number);
	}
	*ret = watcher;
	return GK_OK;
}

static void on_closed(uv_handle_t *handle)
{
	free(handle);
}

void gk_signal_stop(gk_signal *watcher)
{
	if (!watcher)
		return;
	GK_CHECK(watcher, GK_SIGNAL_MAGIC);
	watcher->magic = 0;
	uv_close((uv_handle_t *)&watcher->handle, on_closed);
}
