/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "loop/notice.h"

#include "loop/loop_internal.h"

#include <errno.h>
#include <sys/inotify.h>
#include <unistd.h>

#define WANTED                                                                                     \
	(IN_CREATE | IN_MODIFY | IN_ATTRIB | IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM |        \
		IN_DELETE | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR | IN_EXCL_UNLINK)
#define READS_A_TURN 16

struct gk_notices {
	int fd;
	gk_poll *poll;
	gk_notice_fn *fn;
	void *user;
};

static bool kind_of(uint32_t mask, gk_notice_kind *ret)
{
	static const struct {
		uint32_t mask;
		gk_notice_kind kind;
	} rows[] = {
		{ IN_Q_OVERFLOW, GK_NOTICE_LOST },
		{ IN_DELETE_SELF | IN_MOVE_SELF | IN_UNMOUNT, GK_NOTICE_FOLDER_GONE },
		{ IN_DELETE | IN_MOVED_FROM, GK_NOTICE_GONE },
		{ IN_CLOSE_WRITE | IN_MOVED_TO, GK_NOTICE_WRITTEN },
		{ IN_CREATE | IN_MODIFY | IN_ATTRIB, GK_NOTICE_TOUCHED },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (mask & rows[i].mask) {
			*ret = rows[i].kind;
			return true;
		}
	return false;
}

static void tell(gk_notices *notices, const struct inotify_event *event)
{
	gk_notice notice = { .folder = event->wd, .is_folder = event->mask & IN_ISDIR };

	if (!kind_of(event->mask, &notice.kind))
		return;
	if (notice.kind <= GK_NOTICE_GONE) {
		if (event->len == 0)
			return; /* of the folder itself: its attributes */
		notice.name = event->name;
	}
	notices->fn(notices->user, &notice);
}

static void on_poll(void *user, unsigned events)
{
	gk_notices *notices = user;
	char buf[32768] __attribute__((aligned(__alignof__(struct inotify_event))));
	ssize_t len = 1;

	(void)events;
	for (int i = 0; i < READS_A_TURN && len > 0; i++) {
		len = read(notices->fd, buf, sizeof(buf));
		for (ssize_t at = 0; at < len;) {
			const struct inotify_event *event = (const void *)(buf + at);

			at += (ssize_t)(sizeof(*event) + event->len);
			tell(notices, event);
		}
	}
}

gk_code gk_notices_new(gk_loop *loop, gk_notice_fn *fn, void *user, gk_notices **ret, gk_error *err)
{
	gk_notices *notices = calloc(1, sizeof(*notices));
	gk_code rc;

	if (!notices)
		return gk_error_no_memory(err);
	*notices = (gk_notices){ .fn = fn, .user = user };
	notices->fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (notices->fd < 0) {
		rc = gk_error_set(err, GK_UNAVAILABLE, "cannot watch folders: %s", strerror(errno));
		free(notices);
		return rc;
	}
	rc = gk_poll_start(loop, notices->fd, GK_POLL_READ, on_poll, notices, &notices->poll, err);
	if (rc == GK_OK) {
		*ret = notices;
		return GK_OK;
	}
	close(notices->fd);
	free(notices);
	return rc;
}

gk_code gk_notices_add(gk_notices *notices, const char *path, int *ret, gk_error *err)
{
	int folder = inotify_add_watch(notices->fd, path, WANTED);

	if (folder < 0)
		return gk_error_set(err,
			errno == ENOENT || errno == ENOTDIR ? GK_NOT_FOUND : GK_UNAVAILABLE,
			"cannot watch %s: %s", path, strerror(errno));
	*ret = folder;
	return GK_OK;
}

void gk_notices_remove(gk_notices *notices, int folder)
{
	inotify_rm_watch(notices->fd, folder);
}

void gk_notices_free(gk_notices *notices)
{
	if (!notices)
		return;
	gk_poll_stop(notices->poll);
	close(notices->fd);
	free(notices);
}
