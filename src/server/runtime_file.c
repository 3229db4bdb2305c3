/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* The runtime file (reflection section 6). */
#include "server/runtime_file.h"

#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "json/edit.h"

#include <errno.h>
#include <fcntl.h>
#include <genkit/json.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

struct gk_runtime_file {
	char *path;
	gk_timer *timer;
	unsigned touched;
};

/* --- the project --- */

/* Genkit's tools look for the same. */
static const char *const markers[] = { "package.json", "go.mod", "pyproject.toml",
	"requirements.txt", "pom.xml", "build.gradle", "pubspec.yaml" };

static bool has_marker(const char *folder)
{
	for (size_t i = 0; i < sizeof(markers) / sizeof(markers[0]); i++) {
		gk_auto_str char *path = NULL;

		if (asprintf(&path, "%s/%s", folder, markers[i]) < 0)
			path = NULL;
		else if (access(path, F_OK) == 0)
			return true;
	}
	return false;
}

gk_code gk_project_root(const char *folder, char **ret, gk_error *err)
{
	gk_auto_str char *absolute = realpath(folder, NULL), *at = NULL;

	if (!absolute)
		return gk_error_set(err, errno == ENOMEM ? GK_RESOURCE_EXHAUSTED : GK_NOT_FOUND,
			"%s: %s", folder, strerror(errno));
	at = strdup(absolute);
	if (!at)
		return gk_error_no_memory(err);
	while (at[1] && !has_marker(at)) {
		char *slash = strrchr(at, '/');

		slash[slash == at] = '\0'; /* "/" keeps its slash, and is not asked */
	}
	*ret = at[1] ? gk_steal(at) : gk_steal(absolute);
	return GK_OK;
}

/* --- writing --- */

static gk_code fail(gk_error *err, const char *path)
{
	return gk_error_set(err, GK_UNAVAILABLE, "%s: %s", path, strerror(errno));
}

static gk_code make_folder(const char *path, gk_error *err)
{
	return mkdir(path, 0777) == 0 || errno == EEXIST ? GK_OK : fail(err, path);
}

/* Bound to every interface, it is asked on loopback. A number, not a name: "localhost" may be another family. */
static char *url_of(const char *address)
{
	const char *port = strrchr(address, ':');
	char *url = NULL;
	int len;

	if (port && strncmp(address, "0.0.0.0:", 8) == 0)
		len = asprintf(&url, "http://127.0.0.1%s", port);
	else if (port && strncmp(address, "[::]:", 5) == 0)
		len = asprintf(&url, "http://[::1]%s", port);
	else
		len = asprintf(&url, "http://%s", address);
	return len < 0 ? NULL : url;
}

static char *make_content(const gk_runtime *runtime, const char *id, const char *address)
{
	gk_auto_json json_t *content = json_object();
	gk_auto_str char *url = url_of(address), *version = NULL;
	char time[GK_ISO_TIME_SIZE];

	gk_clock_iso(gk_clock_wall_ns(), time);
	if (asprintf(&version, "c/%s", gk_runtime_version(runtime)) < 0)
		version = NULL;
	if (!url || !version || !gk_json_set_str(content, "id", id) ||
		!gk_json_set_int(content, "pid", getpid()) ||
		!gk_json_set_str(content, "name", runtime->name ? runtime->name : id) ||
		!gk_json_set_str(content, "reflectionServerUrl", url) ||
		!gk_json_set_str(content, "timestamp", time) ||
		!gk_json_set_str(content, "genkitVersion", version) ||
		!gk_json_set_int(content, "reflectionApiSpecVersion", GK_REFLECTION_SPEC_VERSION))
		return NULL;
	return gk_json_write(content, NULL);
}

static gk_code write_whole(const char *path, const char *text, gk_error *err)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
	size_t len = strlen(text);
	ssize_t written;
	gk_code rc = GK_OK;

	if (fd < 0)
		return fail(err, path);
	do
		written = write(fd, text, len);
	while (written < 0 && errno == EINTR);
	if (written >= 0 && (size_t)written < len) {
		errno = ENOSPC;
		written = -1;
	}
	if (written < 0)
		rc = fail(err, path);
	if (close(fd) < 0 && rc == GK_OK)
		rc = fail(err, path);
	if (rc != GK_OK)
		unlink(path);
	return rc;
}

/* The CLI reads a file the moment it appears in the folder, so it is made beside it and moved. */
static gk_code place(
	const char *root, const char *name, const char *text, char **ret, gk_error *err)
{
	gk_auto_str char *folder = NULL, *runtimes = NULL, *draft = NULL, *path = NULL;
	gk_code rc;

	if (asprintf(&folder, "%s/.genkit", root) < 0)
		folder = NULL;
	if (asprintf(&runtimes, "%s/.genkit/runtimes", root) < 0)
		runtimes = NULL;
	if (asprintf(&draft, "%s/.genkit/.%s", root, name) < 0)
		draft = NULL;
	if (asprintf(&path, "%s/.genkit/runtimes/%s", root, name) < 0)
		path = NULL;
	if (!folder || !runtimes || !draft || !path)
		return gk_error_no_memory(err);
	rc = make_folder(folder, err);
	if (rc == GK_OK)
		rc = make_folder(runtimes, err);
	if (rc == GK_OK)
		rc = write_whole(draft, text, err);
	if (rc == GK_OK && rename(draft, path) < 0) {
		rc = fail(err, path);
		unlink(draft);
	}
	if (rc == GK_OK)
		*ret = gk_steal(path);
	return rc;
}

static void touch(void *user)
{
	gk_runtime_file *file = user;

	if (utimensat(AT_FDCWD, file->path, NULL, AT_SYMLINK_NOFOLLOW) < 0)
		return; /* somebody has removed it */
	if (++file->touched < GK_RUNTIME_FILE_TOUCHES)
		gk_timer_again(file->timer, GK_RUNTIME_FILE_TOUCH_MS);
}

gk_code gk_runtime_file_write(gk_loop *loop, const char *root, const gk_runtime *runtime,
	const char *id, const char *address, gk_runtime_file **ret, gk_error *err)
{
	gk_auto_str char *text = make_content(runtime, id, address), *name = NULL;
	const char *port = strrchr(address, ':');
	gk_runtime_file *file = calloc(1, sizeof(*file));
	gk_code rc;

	if (asprintf(&name, "%d-%s-%llu.json", (int)getpid(), port ? port + 1 : "0",
		    (unsigned long long)(gk_clock_wall_ns() / 1000000)) < 0)
		name = NULL;
	rc = file && text && name ? place(root, name, text, &file->path, err)
				  : gk_error_no_memory(err);
	if (rc == GK_OK)
		rc = gk_timer_start(
			loop, GK_RUNTIME_FILE_TOUCH_MS, 0, touch, file, &file->timer, err);
	if (rc == GK_OK) {
		gk_timer_unref(file->timer);
		*ret = file;
	} else if (file && file->path) {
		gk_runtime_file_remove(file);
	} else {
		free(file);
	}
	return rc;
}

const char *gk_runtime_file_path(const gk_runtime_file *file)
{
	return file->path;
}

/* --- removing --- */

static bool is_ours(const char *path)
{
	gk_auto_json json_t *content = NULL;
	gk_auto_str char *text = malloc(GK_MAX_RUNTIME_FILE);
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	ssize_t len = text && fd >= 0 ? read(fd, text, GK_MAX_RUNTIME_FILE) : -1;

	if (fd >= 0)
		close(fd);
	return len > 0 && gk_json_parse(text, (size_t)len, 0, &content, NULL) == GK_OK &&
	       gk_json_int_at(content, "pid", 0) == getpid();
}

void gk_runtime_file_remove(gk_runtime_file *file)
{
	if (!file)
		return;
	if (file->timer)
		gk_timer_stop(file->timer);
	if (is_ours(file->path) && unlink(file->path) < 0 && errno != ENOENT)
		gk_log(GK_LOG_WARN, "reflection", "cannot remove %s: %s", file->path,
			strerror(errno));
	free(file->path);
	free(file);
}
