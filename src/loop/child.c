/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Child processes: their start, their end, and what happens between SIGTERM and SIGKILL. */
#include "loop/child.h"

#include "base/limits.h"
#include "loop/child_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

/* The child's ends of the pipes: 0, 1 and 2. */
typedef struct gk_child_ends {
	int fd[3];
} gk_child_ends;

static void release(gk_child *child)
{
	if (--child->refs)
		return;
	child->magic = 0;
	free(child);
}

static void on_closed(uv_handle_t *handle)
{
	release((gk_child *)handle);
}

void gk_child_wake(gk_child *child)
{
	gk_waiter *waiter;

	TAILQ_FOREACH (waiter, &child->waiters, link)
		gk_fiber_wake(waiter->fiber);
}

gk_code gk_child_await(gk_child *child, gk_error *err)
{
	gk_waiter self = { .fiber = gk_fiber_self() };
	gk_code rc;

	assert(self.fiber);
	TAILQ_INSERT_TAIL(&child->waiters, &self, link);
	rc = gk_fiber_park(err);
	TAILQ_REMOVE(&child->waiters, &self, link);
	return rc;
}

/* --- its end --- */

static void signal_group(gk_child *child, int number)
{
	kill(-child->process.pid, number);
}

static void on_kill_time(void *user)
{
	signal_group(user, SIGKILL);
}

static void terminate(gk_child *child)
{
	if (!child->is_running || child->kill.is_armed)
		return;
	signal_group(child, SIGTERM);
	gk_timer_arm(&child->kill, GK_CHILD_KILL_MS);
}

/* libuv has just reaped it. Whoever is left of its group goes too: nobody waits for them. */
static void on_ended(uv_process_t *process, int64_t status, int number)
{
	gk_child *child = (gk_child *)process;

	GK_CHECK(child, GK_CHILD_MAGIC);
	gk_loop_wake(process->loop->data);
	signal_group(child, SIGKILL);
	child->is_running = false;
	child->exit.status = number ? -1 : (int)status;
	child->exit.signal = number;
	gk_timer_disarm(&child->kill);
	LIST_REMOVE(child, link);
	gk_child_drain_pipes(child);
	gk_child_wake(child);
	uv_close((uv_handle_t *)process, on_closed);
}

void gk_child_free(gk_child *child)
{
	if (!child)
		return;
	GK_CHECK(child, GK_CHILD_MAGIC);
	assert(TAILQ_EMPTY(&child->waiters));
	terminate(child);
	gk_child_close_pipe(&child->in);
	gk_child_close_pipe(&child->out);
	gk_child_close_pipe(&child->err);
	gk_buf_done(&child->output);
	gk_buf_done(&child->errors);
	free(gk_steal(child->name));
	release(child);
}

void gk_children_kill(gk_loop *loop)
{
	gk_child *child;

	LIST_FOREACH (child, &loop->children, link)
		signal_group(child, SIGKILL);
	while (!LIST_EMPTY(&loop->children))
		uv_run(&loop->uv, UV_RUN_ONCE);
}

gk_code gk_child_wait(gk_child *child, gk_child_exit *ret, gk_error *err)
{
	gk_code rc = GK_OK;

	GK_CHECK(child, GK_CHILD_MAGIC);
	while (rc == GK_OK && child->is_running)
		rc = gk_child_await(child, err);
	if (rc != GK_OK)
		terminate(child);
	else
		*ret = child->exit;
	return rc;
}

/* --- its start --- */

static bool open_pipe(int *read_end, int *write_end)
{
	int fds[2];

	if (pipe2(fds, O_CLOEXEC) < 0)
		return false;
	*read_end = fds[0];
	*write_end = fds[1];
	return true;
}

static gk_code open_ends(gk_child *child, gk_child_ends *ends, gk_error *err)
{
	if (!open_pipe(&ends->fd[0], &child->in.fd) || !open_pipe(&child->out.fd, &ends->fd[1]) ||
		!open_pipe(&child->err.fd, &ends->fd[2]))
		return gk_loop_fail(err, uv_translate_sys_error(errno), "cannot open a pipe");
	return gk_child_open_pipes(child, err);
}

static void close_ends(gk_child_ends *ends)
{
	for (int i = 0; i < 3; i++)
		if (ends->fd[i] >= 0)
			close(ends->fd[i]);
}

/* A program that does without huge pages, as genkitd does, does not decide that for what it starts. */
static int spawn_with_huge_pages(gk_child *child, const uv_process_options_t *options)
{
	bool had_none = prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0) == 1;
	int rc;

	if (had_none)
		prctl(PR_SET_THP_DISABLE, 0, 0, 0, 0);
	rc = uv_spawn(&child->loop->uv, &child->process, options);
	if (had_none)
		prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
	return rc;
}

static int spawn(gk_child *child, const gk_child_opts *opts, const gk_child_ends *ends)
{
	uv_stdio_container_t stdio[3];
	uv_process_options_t options = {
		.exit_cb = on_ended,
		.file = opts->argv[0],
		.args = (char **)opts->argv,
		.env = (char **)opts->environment,
		.cwd = opts->directory,
		.flags = UV_PROCESS_DETACHED, /* setsid(): a group of its own */
		.stdio_count = 3,
		.stdio = stdio,
	};

	for (int i = 0; i < 3; i++)
		stdio[i] = (uv_stdio_container_t){ .flags = UV_INHERIT_FD, .data.fd = ends->fd[i] };
	return spawn_with_huge_pages(child, &options);
}

/* libuv cannot tell a missing directory from a missing program. */
static gk_code check_directory(const char *directory, gk_error *err)
{
	struct stat info;

	if (!directory)
		return GK_OK;
	if (stat(directory, &info) < 0)
		return gk_loop_fail(
			err, uv_translate_sys_error(errno), "cannot work in %s", directory);
	if (!S_ISDIR(info.st_mode))
		return gk_loop_fail(err, UV_ENOTDIR, "cannot work in %s", directory);
	return GK_OK;
}

static gk_child *new_child(gk_loop *loop, const gk_child_opts *opts)
{
	gk_child *child = calloc(1, sizeof(*child));

	if (!child)
		return NULL;
	child->name = strdup(opts->argv[0]);
	if (!child->name) {
		free(child);
		return NULL;
	}
	child->magic = GK_CHILD_MAGIC;
	child->refs = 1;
	child->loop = loop;
	child->max_line = opts->max_line ? opts->max_line : GK_MAX_CHILD_LINE;
	child->in.fd = child->out.fd = child->err.fd = -1;
	TAILQ_INIT(&child->waiters);
	gk_timer_init(&child->kill, loop, on_kill_time, child);
	return child;
}

gk_code gk_child_start(gk_loop *loop, const gk_child_opts *opts, gk_child **ret, gk_error *err)
{
	gk_child_ends ends = { { -1, -1, -1 } };
	gk_child *child;
	int status;
	gk_code rc;

	if (!opts->argv || !opts->argv[0] || !opts->argv[0][0])
		return gk_error_set(err, GK_INVALID_ARGUMENT, "no program to start");
	rc = check_directory(opts->directory, err);
	if (rc != GK_OK)
		return rc;
	child = new_child(loop, opts);
	if (!child)
		return gk_error_no_memory(err);
	rc = open_ends(child, &ends, err);
	if (rc == GK_OK) {
		child->refs++;
		status = spawn(child, opts, &ends);
		if (status == 0) {
			child->is_running = true;
			LIST_INSERT_HEAD(&loop->children, child, link);
		} else {
			uv_close((uv_handle_t *)&child->process, on_closed);
			rc = gk_loop_fail(err, status, "cannot start %s", child->name);
		}
	}
	close_ends(&ends);
	if (rc == GK_OK)
		*ret = child;
	else
		gk_child_free(child);
	return rc;
}
