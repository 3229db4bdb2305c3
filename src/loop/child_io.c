/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* The three pipes of a child process. They do not block, and are watched only while somebody waits for them;
 * standard error always is, so that a chatty child never stops. */
#include "loop/child_internal.h"

#include "base/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define READ_SIZE   (64u << 10)
#define KEEP_BUFFER (256u << 10) /* a larger one is given back when it is empty */
#define MAX_DRAIN   (1u << 20)   /* what a pipe holds at most, unless its owner is privileged */
#define MAX_STREAK  16           /* reads in a row: a child that never pauses holds no loop */
#define ERRORS_SIZE 4096

static void watch(gk_child_pipe *pipe, unsigned events)
{
	if (pipe->events == events)
		return;
	pipe->events = events;
	gk_poll_update(pipe->poll, events);
}

void gk_child_close_pipe(gk_child_pipe *pipe)
{
	if (pipe->poll)
		gk_poll_stop(gk_steal(pipe->poll));
	if (pipe->fd >= 0)
		close(pipe->fd);
	pipe->fd = -1;
	pipe->events = 0;
}

/* More than 0: bytes; 0: the end, or an error that amounts to it; -1: nothing now. */
static ssize_t read_some(int fd, void *room, size_t size)
{
	ssize_t n;

	do
		n = read(fd, room, size);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == EAGAIN ? -1 : 0;
	return n;
}

/* --- standard error --- */

static void trim_errors(gk_buf *errors)
{
	if (errors->len > 2 * GK_MAX_CHILD_STDERR)
		gk_buf_consume(errors, errors->len - GK_MAX_CHILD_STDERR);
}

/* False at its end. */
static bool read_errors(gk_child *child, bool *is_empty)
{
	char room[ERRORS_SIZE];
	ssize_t n = read_some(child->err.fd, room, sizeof(room));

	*is_empty = n < 0;
	if (n == 0)
		return false;
	for (ssize_t i = 0; i < n; i++)
		if (!room[i])
			room[i] = ' ';
	if (n > 0) {
		gk_buf_put(&child->errors, room, (size_t)n);
		trim_errors(&child->errors);
	}
	return true;
}

static void on_errors(void *user, unsigned events)
{
	gk_child *child = user;
	bool is_empty;

	(void)events;
	if (!read_errors(child, &is_empty))
		gk_child_close_pipe(&child->err);
}

const char *gk_child_stderr_peek(const gk_child *child)
{
	const gk_buf *errors = &child->errors;
	const char *start = errors->data;

	if (!start)
		return "";
	if (errors->len > GK_MAX_CHILD_STDERR) {
		start += errors->len - GK_MAX_CHILD_STDERR;
		/* Not in the middle of a character. */
		while (((unsigned char)*start & 0xc0) == 0x80)
			start++;
	}
	return start;
}

/* --- standard input --- */

static void on_event(void *user, unsigned events)
{
	gk_child *child = user;

	(void)events;
	watch(&child->in, 0);
	watch(&child->out, 0);
	gk_child_wake(child);
}

gk_code gk_child_write(gk_child *child, const void *data, size_t len, gk_error *err)
{
	const char *rest = data;
	gk_code rc = gk_scope_check(gk_fiber_scope(gk_fiber_self()), err);

	GK_CHECK(child, GK_CHILD_MAGIC);
	while (rc == GK_OK && len && child->in.fd >= 0) {
		ssize_t n = write(child->in.fd, rest, len);

		if (n >= 0) {
			rest += n;
			len -= (size_t)n;
		} else if (errno == EAGAIN) {
			watch(&child->in, GK_POLL_WRITE);
			rc = gk_child_await(child, err);
		} else if (errno != EINTR) {
			gk_child_close_input(child); /* EPIPE: it stopped reading */
		}
	}
	return rc;
}

void gk_child_close_input(gk_child *child)
{
	GK_CHECK(child, GK_CHILD_MAGIC);
	gk_child_close_pipe(&child->in);
	gk_child_wake(child); /* a fiber may be writing */
}

/* --- standard output --- */

/* Reads on after what is there. False at the end; no memory shows in the buffer. */
static bool read_output(gk_child *child, bool *is_empty)
{
	char *room = gk_buf_reserve(&child->output, READ_SIZE);
	ssize_t n;

	*is_empty = false;
	if (!room)
		return false;
	n = read_some(child->out.fd, room, READ_SIZE);
	*is_empty = n < 0;
	if (n > 0)
		gk_buf_added(&child->output, (size_t)n);
	return n != 0;
}

/* Before more is read: what was taken makes room. */
static void forget_taken(gk_child *child)
{
	if (!child->taken)
		return;
	gk_buf_consume(&child->output, child->taken);
	child->scanned -= child->taken;
	child->taken = 0;
	if (!child->output.len && child->output.cap > KEEP_BUFFER)
		gk_buf_done(&child->output);
}

static gk_code take_line(
	gk_child *child, size_t len, size_t end_len, char **ret, size_t *len_ret, gk_error *err)
{
	const char *start = child->output.data + child->taken;
	size_t text_len = len;
	char *line;

	if (len > child->max_line)
		return gk_error_set(err, GK_RESOURCE_EXHAUSTED,
			"%s: a line of output is longer than %zu bytes", child->name,
			child->max_line);
	if (end_len && text_len && start[text_len - 1] == '\r')
		text_len--;
	line = malloc(text_len + 1);
	if (!line)
		return gk_error_no_memory(err);
	memcpy(line, start, text_len);
	line[text_len] = '\0';
	child->taken += len + end_len;
	child->scanned = child->taken;
	*ret = line;
	if (len_ret)
		*len_ret = text_len;
	return GK_OK;
}

/* The newline of the first line that is there; NULL: none yet. */
static const char *find_newline(gk_child *child)
{
	const char *data = child->output.data;
	const char *found = NULL;

	if (child->scanned < child->output.len)
		found = memchr(data + child->scanned, '\n', child->output.len - child->scanned);
	child->scanned = found ? (size_t)(found - data) : child->output.len;
	return found;
}

gk_code gk_child_read_line(gk_child *child, char **ret, size_t *len_ret, gk_error *err)
{
	gk_code rc = gk_scope_check(gk_fiber_scope(gk_fiber_self()), err);

	GK_CHECK(child, GK_CHILD_MAGIC);
	while (rc == GK_OK) {
		const char *newline = find_newline(child);
		size_t rest = child->output.len - child->taken;
		bool is_empty;

		if (newline)
			return take_line(
				child, child->scanned - child->taken, 1, ret, len_ret, err);
		if (rest > child->max_line || (rest && child->out.fd < 0))
			return take_line(child, rest, 0, ret, len_ret, err);
		if (gk_buf_failed(&child->output))
			return gk_error_no_memory(err);
		if (child->out.fd < 0) {
			*ret = NULL;
			if (len_ret)
				*len_ret = 0;
			return GK_OK;
		}
		forget_taken(child);
		if (!read_output(child, &is_empty) && !gk_buf_failed(&child->output)) {
			gk_child_close_pipe(&child->out);
		} else if (is_empty) {
			child->streak = 0;
			watch(&child->out, GK_POLL_READ);
			rc = gk_child_await(child, err);
		} else if (++child->streak == MAX_STREAK) {
			child->streak = 0;
			rc = gk_fiber_yield(err);
		}
	}
	return rc;
}

/* --- beginning and end --- */

static gk_code open_our_end(
	gk_child *child, gk_child_pipe *pipe, unsigned events, gk_poll_fn *fn, gk_error *err)
{
	if (fcntl(pipe->fd, F_SETFL, O_NONBLOCK) < 0)
		return gk_loop_fail(err, uv_translate_sys_error(errno), "cannot open a pipe");
	pipe->events = events;
	return gk_poll_start(child->loop, pipe->fd, events, fn, child, &pipe->poll, err);
}

gk_code gk_child_open_pipes(gk_child *child, gk_error *err)
{
	gk_code rc = open_our_end(child, &child->in, 0, on_event, err);

	if (rc == GK_OK)
		rc = open_our_end(child, &child->out, 0, on_event, err);
	if (rc == GK_OK)
		rc = open_our_end(child, &child->err, GK_POLL_READ, on_errors, err);
	return rc;
}

/* A flood from a process that got away may go on: then the output stays open, for whoever reads it. */
void gk_child_drain_pipes(gk_child *child)
{
	size_t limit = child->output.len + MAX_DRAIN;
	bool is_empty = false;

	while (child->out.fd >= 0 && !is_empty && child->output.len < limit)
		if (!read_output(child, &is_empty))
			break;
	if (child->output.len < limit)
		gk_child_close_pipe(&child->out);
	for (size_t i = 0; child->err.fd >= 0 && i < MAX_DRAIN / ERRORS_SIZE; i++)
		if (!read_errors(child, &is_empty) || is_empty)
			break;
	gk_child_close_pipe(&child->err);
	gk_child_close_pipe(&child->in);
}
