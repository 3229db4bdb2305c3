/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* File descriptors: when they can be read and written, and when the other side hangs up. */
#include "loop/loop_internal.h"

#define GK_POLL_MAGIC 0x706f6c6cu

struct gk_poll {
	uv_poll_t handle; /* the first member: libuv's pointer is ours */
	unsigned magic;
	unsigned events;
	gk_poll_fn *fn;
	void *user;
};

static void on_poll(uv_poll_t *handle, int status, int uv_events)
{
	gk_poll *poll = (gk_poll *)handle;
	unsigned events = 0;

	GK_CHECK(poll, GK_POLL_MAGIC);
	gk_loop_wake(handle->loop->data);
	if (uv_events & UV_READABLE)
		events |= GK_POLL_READ;
	if (uv_events & UV_WRITABLE)
		events |= GK_POLL_WRITE;
	if (uv_events & UV_DISCONNECT)
		events |= GK_POLL_HANGUP;
	/* The descriptor has an error, which reading or writing will tell; libuv has stopped watching. */
	if (status < 0)
		events = (poll->events & ~(unsigned)GK_POLL_HANGUP) | GK_POLL_HANGUP;
	poll->fn(poll->user, events);
}

static int watch(gk_poll *poll, unsigned events)
{
	int uv_events = 0;

	if (events & GK_POLL_READ)
		uv_events |= UV_READABLE;
	if (events & GK_POLL_WRITE)
		uv_events |= UV_WRITABLE;
	if (events & GK_POLL_HANGUP)
		uv_events |= UV_DISCONNECT;
	poll->events = events;
	return uv_poll_start(&poll->handle, uv_events, on_poll); /* with no events it stops */
}

gk_code gk_poll_start(gk_loop *loop, int fd, unsigned events, gk_poll_fn *fn, void *user,
	gk_poll **ret, gk_error *err)
{
	gk_poll *poll = calloc(1, sizeof(*poll));
	int status;

	if (!poll)
		return gk_error_no_memory(err);
	status = uv_poll_init(&loop->uv, &poll->handle, fd);
	if (status < 0) {
		free(poll);
		return gk_loop_fail(err, status, "cannot watch a file descriptor");
	}
	poll->magic = GK_POLL_MAGIC;
	poll->fn = fn;
	poll->user = user;
	status = watch(poll, events);
	if (status < 0) {
		gk_poll_stop(poll);
		return gk_loop_fail(err, status, "cannot watch a file descriptor");
	}
	*ret = poll;
	return GK_OK;
}

void gk_poll_update(gk_poll *poll, unsigned events)
{
	GK_CHECK(poll, GK_POLL_MAGIC);
	watch(poll, events);
}

void gk_poll_keep_loop(gk_poll *poll, bool keeps)
{
	if (keeps)
		uv_ref((uv_handle_t *)&poll->handle);
	else
		uv_unref((uv_handle_t *)&poll->handle);
}

static void on_closed(uv_handle_t *handle)
{
	free(handle);
}

void gk_poll_stop(gk_poll *poll)
{
	if (!poll)
		return;
	GK_CHECK(poll, GK_POLL_MAGIC);
	poll->magic = 0;
	uv_close((uv_handle_t *)&poll->handle, on_closed);
}
