/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "ai/files.h"

#include "base/limits.h"
#include "base/str.h"
#include "json/edit.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}
#define auto_fd GK_CLEANUP(close_fd)

static gk_code fail(const char *path, const char *what, gk_error *err)
{
	int why = errno;

	if (why == EXDEV || why == ELOOP)
		return gk_error_set_plain(err, "Access denied: Path is outside of root directory.");
	return gk_error_set_plain(err, "cannot %s '%s': %s", what, path, strerror(why));
}

gk_code gk_files_open(gk_files *files, const char *root, gk_error *err)
{
	*files = (gk_files){ .fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC) };
	if (files->fd < 0)
		return gk_error_set_plain(err, "cannot open '%s': %s", root, strerror(errno));
	files->root = realpath(root, NULL);
	if (files->root)
		return GK_OK;
	gk_files_close(files);
	return gk_error_no_memory(err);
}

void gk_files_close(gk_files *files)
{
	close_fd(&files->fd);
	files->fd = -1;
	free(gk_steal(files->root));
}

/* An absolute path below the root is a path from there; "" is the root. */
static const char *relative(const gk_files *files, const char *path)
{
	size_t len = strcmp(files->root, "/") == 0 ? 0 : strlen(files->root);

	if (strncmp(path, files->root, len) == 0 && (path[len] == '/' || (len && !path[len])))
		path += len + strspn(path + len, "/");
	return *path ? path : ".";
}

/* By its letters alone, whatever exists. */
static bool leads_out(const char *path)
{
	int depth = 0;

	while (*path && depth >= 0) {
		size_t len = strcspn(path, "/");

		if (len == 2 && strncmp(path, "..", 2) == 0)
			depth--;
		else if (len && !(len == 1 && *path == '.'))
			depth++;
		path += len + (path[len] == '/');
	}
	return depth < 0;
}

static int open_beneath(int folder, const char *path, int flags)
{
	struct open_how how = { .flags = (uint64_t)flags | O_CLOEXEC,
		.mode = flags & O_CREAT ? 0644 : 0,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS };

	if (leads_out(path)) {
		errno = EXDEV;
		return -1;
	}
	return (int)syscall(SYS_openat2, folder, path, &how, sizeof(how));
}

/* --- listing --- */

typedef struct listing {
	json_t *entries;
	bool is_recursive;
} listing;

static gk_code list_folder(
	listing *list, int fd_take, const char *prefix, unsigned depth, gk_error *err);

static gk_code list_entry(listing *list, DIR *folder, const struct dirent *entry,
	const char *prefix, unsigned depth, gk_error *err)
{
	gk_auto_str char *path = NULL;
	bool is_folder = entry->d_type == DT_DIR;
	int fd;

	if (asprintf(&path, "%s%s%s", prefix, *prefix ? "/" : "", entry->d_name) < 0) {
		path = NULL;
		return gk_error_no_memory(err);
	}
	if (json_array_size(list->entries) >= GK_MAX_LISTED_FILES)
		return gk_error_set(
			err, GK_RESOURCE_EXHAUSTED, "more than %d files", GK_MAX_LISTED_FILES);
	/* A name that is no UTF-8 cannot be told, nor asked for. */
	if (gk_str_valid_utf8(path, strlen(path)) != strlen(path))
		return GK_OK;
	if (!gk_json_push_take(
		    list->entries, json_pack("{s:s, s:b}", "path", path, "isDirectory", is_folder)))
		return gk_error_no_memory(err);
	if (!is_folder || !list->is_recursive)
		return GK_OK;
	fd = openat(dirfd(folder), entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? GK_OK : list_folder(list, fd, path, depth + 1, err);
}

static gk_code list_folder(
	listing *list, int fd_take, const char *prefix, unsigned depth, gk_error *err)
{
	DIR *folder = depth < GK_MAX_FOLDER_DEPTH ? fdopendir(fd_take) : NULL;
	struct dirent *entry;
	gk_code rc = GK_OK;

	if (!folder) {
		close(fd_take);
		return depth < GK_MAX_FOLDER_DEPTH
			       ? gk_error_no_memory(err)
			       : gk_error_set(err, GK_RESOURCE_EXHAUSTED,
					 "folders are more than %d deep", GK_MAX_FOLDER_DEPTH);
	}
	while (rc == GK_OK && (entry = readdir(folder)))
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			rc = list_entry(list, folder, entry, prefix, depth, err);
	closedir(folder);
	return rc;
}

gk_code gk_files_list(
	const gk_files *files, const char *path, bool is_recursive, json_t **ret, gk_error *err)
{
	gk_auto_json json_t *entries = json_array();
	listing list = { entries, is_recursive };
	int fd = open_beneath(files->fd, relative(files, path), O_RDONLY | O_DIRECTORY);
	gk_code rc;

	if (fd < 0)
		return fail(path, "list", err);
	if (!entries) {
		close(fd);
		return gk_error_no_memory(err);
	}
	rc = list_folder(&list, fd, "", 0, err);
	if (rc == GK_OK)
		*ret = gk_steal(entries);
	return rc;
}

/* --- reading and writing --- */

static gk_code read_all(
	int fd, size_t size, const char *path, char **ret, size_t *len_ret, gk_error *err)
{
	gk_auto_str char *text = malloc(size + 1);
	size_t len = 0;
	ssize_t got = 1;

	if (!text)
		return gk_error_no_memory(err);
	while (len < size && got > 0) {
		got = read(fd, text + len, size - len);
		if (got < 0 && errno == EINTR)
			got = 1;
		else if (got < 0)
			return fail(path, "read", err);
		else
			len += (size_t)got;
	}
	text[len] = '\0';
	*len_ret = len;
	*ret = gk_steal(text);
	return GK_OK;
}

gk_code gk_files_read(
	const gk_files *files, const char *path, char **ret, size_t *len_ret, gk_error *err)
{
	/* Not waiting for whoever writes to a named pipe. */
	auto_fd int fd =
		open_beneath(files->fd, relative(files, path), O_RDONLY | O_NONBLOCK | O_NOCTTY);
	struct stat info;

	if (fd < 0 || fstat(fd, &info) < 0)
		return fail(path, "read", err);
	if (!S_ISREG(info.st_mode))
		return gk_error_set_plain(err, "cannot read '%s': not a file", path);
	if (info.st_size > (off_t)GK_MAX_TOOL_FILE)
		return gk_error_set(err, GK_RESOURCE_EXHAUSTED, "'%s' is larger than %u bytes",
			path, GK_MAX_TOOL_FILE);
	return read_all(fd, (size_t)info.st_size, path, ret, len_ret, err);
}

/* Every folder on the way, each looked up from the root again: what is a link
 * now is not followed out of it. */
static gk_code make_folders(const gk_files *files, const char *path, gk_error *err)
{
	gk_auto_str char *way = strdup(path);

	if (!way)
		return gk_error_no_memory(err);
	if (*path == '/' || leads_out(path)) {
		errno = EXDEV;
		return fail(path, "write", err);
	}
	for (char *slash = strchr(way, '/'); slash; slash = strchr(slash + 1, '/')) {
		const char *name;
		char *before;

		*slash = '\0';
		before = strrchr(way, '/');
		name = before ? before + 1 : way;
		if (*name && strcmp(name, ".") != 0 && strcmp(name, "..") != 0) {
			auto_fd int parent = -1;

			if (before)
				*before = '\0';
			parent = open_beneath(files->fd, before ? way : ".", O_PATH | O_DIRECTORY);
			if (before)
				*before = '/';
			if (parent < 0 || (mkdirat(parent, name, 0755) < 0 && errno != EEXIST))
				return fail(path, "write", err);
		}
		*slash = '/';
	}
	return GK_OK;
}

gk_code gk_files_write(
	const gk_files *files, const char *path, const char *text, size_t len, gk_error *err)
{
	const char *from_root = relative(files, path);
	auto_fd int fd = -1;
	gk_code rc = make_folders(files, from_root, err);

	if (rc != GK_OK)
		return rc;
	fd = open_beneath(
		files->fd, from_root, O_WRONLY | O_CREAT | O_TRUNC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return fail(path, "write", err);
	while (len > 0) {
		ssize_t put = write(fd, text, len);

		if (put < 0 && errno != EINTR)
			return fail(path, "write", err);
		text += put > 0 ? put : 0;
		len -= put > 0 ? (size_t)put : 0;
	}
	return GK_OK;
}
