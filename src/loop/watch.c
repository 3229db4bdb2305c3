/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * Changes in the file system (inotify, through libuv).
 *
 * A file is watched by its folder: editors write a new file and rename it over the old one, and a watch on the old one
 * would then be a watch on nothing.
 */
#include "loop/loop_internal.h"

#include <errno.h>
#include <sys/stat.h>

#define GK_WATCH_MAGIC 0x77617463u

struct gk_watch {
	uv_fs_event_t handle; /* the first member: libuv's pointer is ours */
	unsigned magic;
	gk_watch_fn *fn;
	void *user;
	char *only; /* the one name in the folder that matters; NULL: all */
};

static void on_event(uv_fs_event_t *handle, const char *name, int events, int status)
{
	gk_watch *watch = (gk_watch *)handle;

	(void)events;
	GK_CHECK(watch, GK_WATCH_MAGIC);
	if (status < 0)
		name = NULL;
	if (watch->only && name && strcmp(name, watch->only) != 0)
		return;
	watch->fn(watch->user, name);
}

static void on_closed(uv_handle_t *handle)
{
	gk_watch *watch = (gk_watch *)handle;

	free(watch->only);
	free(watch);
}

void gk_watch_stop(gk_watch *watch)
{
	if (!watch)
		return;
	GK_CHECK(watch, GK_WATCH_MAGIC);
	watch->magic = 0;
	uv_close((uv_handle_t *)&watch->handle, on_closed);
}

/* "dir/file" into "dir" and "file"; "file" into "." and "file". */
static bool split_path(const char *path, char **folder_ret, char **name_ret)
{
	const char *slash = strrchr(path, '/');
	gk_auto_str char *name = strdup(slash ? slash + 1 : path);
	char *folder = slash == path ? strdup("/")
		       : slash       ? strndup(path, (size_t)(slash - path))
				     : strdup(".");

	if (!name || !folder) {
		free(folder);
		return false;
	}
	*folder_ret = folder;
	*name_ret = gk_steal(name);
	return true;
}

gk_code gk_watch_start(
	gk_loop *loop, const char *path, gk_watch_fn *fn, void *user, gk_watch **ret, gk_error *err)
{
	gk_auto_str char *folder = NULL, *only = NULL;
	struct stat info;
	gk_watch *watch;
	int status;

	if (stat(path, &info) < 0)
		return gk_loop_fail(err, uv_translate_sys_error(errno), "cannot watch %s", path);
	if (!S_ISDIR(info.st_mode) && !split_path(path, &folder, &only))
		return gk_error_no_memory(err);
	watch = calloc(1, sizeof(*watch));
	if (!watch)
		return gk_error_no_memory(err);
	status = uv_fs_event_init(&loop->uv, &watch->handle);
	if (status < 0) {
		free(watch);
		return gk_loop_fail(err, status, "cannot watch %s", path);
	}
	watch->magic = GK_WATCH_MAGIC;
	watch->fn = fn;
	watch->user = user;
	watch->only = gk_steal(only);
	status = uv_fs_event_start(&watch->handle, on_event, folder ? folder : path, 0);
	if (status < 0) {
		gk_watch_stop(watch);
		return gk_loop_fail(err, status, "cannot watch %s", path);
	}
	*ret = watch;
	return GK_OK;
}
