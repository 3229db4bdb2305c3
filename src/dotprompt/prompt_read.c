/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "dotprompt/prompt_read.h"

#include "base/clock.h"
#include "base/limits.h"
#include "base/str.h"
#include "dotprompt/document_internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

static const char suffix[] = ".prompt";

/* --- names --- */

bool gk_prompt_is_file(const char *base)
{
	size_t len = strlen(base), end = strlen(suffix);

	return *base != '.' && len > end && strcmp(base + len - end, suffix) == 0;
}

bool gk_prompt_is_folder(const char *base)
{
	return strchr(base, '.') == NULL;
}

static const char *base_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

bool gk_prompt_is_partial(const char *path)
{
	return *base_of(path) == '_';
}

bool gk_prompt_is_below(const char *path, const char *folder)
{
	size_t len = strlen(folder);

	return len == 0 ||
	       (strncmp(path, folder, len) == 0 && (path[len] == '/' || path[len] == '\0'));
}

/* How many folders it is below the root. */
static unsigned depth_of(const char *path)
{
	unsigned depth = 0;

	for (const char *at = strchr(path, '/'); at; at = strchr(at + 1, '/'))
		depth++;
	return depth;
}

/* The folder that a path below the root is in; -1 when it is not there, or a link is on the way. */
static int open_folder_of(const char *root, const char *path)
{
	int fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	const char *slash;

	for (; fd >= 0 && (slash = strchr(path, '/')) != NULL; path = slash + 1) {
		gk_auto_str char *name = strndup(path, (size_t)(slash - path));
		int next = name ? openat(fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW)
				: -1;

		close(fd);
		fd = next;
	}
	return fd;
}

/* Whether `errno` says that there is nothing of that path; anything else says that it cannot be opened. */
static bool is_gone(void)
{
	return errno == ENOENT || errno == ENOTDIR || errno == ELOOP;
}

/* The process or the system has no more descriptors or memory: nothing is known of the file. */
static bool is_short(void)
{
	return errno == EMFILE || errno == ENFILE || errno == ENOMEM;
}

static gk_code cannot_open(const char *root, const char *path, gk_error *err)
{
	return gk_error_set(err, is_short() ? GK_RESOURCE_EXHAUSTED : GK_UNAVAILABLE, "%s%s%s: %s",
		root, *path ? "/" : "", path, strerror(errno));
}

/* A listing that is not whole: what else can be wrong with a folder leaves it out of the listing, or closed. */
static gk_code cannot_list(const char *root, const char *below, gk_error *err)
{
	return errno != ENOMEM && is_short() ? cannot_open(root, below, err)
					     : gk_error_no_memory(err);
}

/* --- listing --- */

static bool add(gk_prompt_listing *listing, gk_prompt_seen_kind kind, const char *path,
	const struct stat *info)
{
	gk_prompt_seen *more = listing->all;

	if (listing->count == listing->room) {
		size_t room = listing->room ? listing->room * 2 : 64;

		more = realloc(listing->all, room * sizeof(*more));
		if (!more)
			return false;
		listing->all = more;
		listing->room = room;
	}
	more[listing->count] =
		(gk_prompt_seen){ .kind = kind, .path = strdup(path), .info = *info };
	return more[listing->count].path && ++listing->count;
}

static bool walk(gk_prompt_listing *listing, int fd_take, const char *path, unsigned depth);

static bool visit(gk_prompt_listing *listing, int folder_fd, const char *path, const char *base,
	unsigned depth)
{
	gk_auto_str char *below = NULL;
	struct stat info;
	int fd;

	if (!gk_prompt_is_file(base) && !gk_prompt_is_folder(base))
		return true;
	if (fstatat(folder_fd, base, &info, AT_SYMLINK_NOFOLLOW) != 0)
		return true; /* gone since it was listed */
	if (asprintf(&below, "%s%s%s", path, *path ? "/" : "", base) < 0) {
		below = NULL;
		return false;
	}
	if (S_ISREG(info.st_mode) && gk_prompt_is_file(base))
		return add(listing, GK_SEEN_FILE, below, &info);
	if (!S_ISDIR(info.st_mode) || !gk_prompt_is_folder(base) || depth >= GK_MAX_PROMPT_FOLDERS)
		return true;
	fd = openat(folder_fd, base, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 && is_short())
		return false;
	return add(listing, fd < 0 ? GK_SEEN_CLOSED : GK_SEEN_FOLDER, below, &info) &&
	       (fd < 0 || walk(listing, fd, below, depth + 1));
}

static bool walk(gk_prompt_listing *listing, int fd_take, const char *path, unsigned depth)
{
	struct dirent **entries = NULL;
	int count = scandirat(fd_take, ".", &entries, NULL, alphasort);
	bool ok = count >= 0;

	for (int i = 0; i < count; i++) {
		const char *base = entries[i]->d_name;

		if (ok && strcmp(base, ".") != 0 && strcmp(base, "..") != 0)
			ok = visit(listing, fd_take, path, base, depth);
		free(entries[i]);
	}
	free(entries);
	close(fd_take);
	return ok;
}

/* Where a link is on the way, the root may become another folder without a notice. */
static bool has_link(const char *root)
{
	gk_auto_str char *path = strdup(root);
	size_t len = strlen(root);
	struct stat info;

	for (size_t i = 1; path && i <= len; i++) {
		if (root[i] != '/' && root[i] != '\0')
			continue;
		path[i] = '\0';
		if (lstat(path, &info) != 0 || S_ISLNK(info.st_mode))
			return true;
		path[i] = root[i];
	}
	return !path;
}

static gk_code list_root(const char *root, gk_prompt_listing *ret, gk_error *err)
{
	int fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct stat info;

	if (fd < 0 && errno == ENOENT)
		return GK_OK;
	if (fd < 0)
		return gk_error_set(err, GK_UNAVAILABLE, "%s: %s", root, strerror(errno));
	if (fstat(fd, &info) != 0 || !add(ret, GK_SEEN_FOLDER, "", &info)) {
		close(fd);
		return gk_error_no_memory(err);
	}
	ret->has_link = has_link(root);
	return walk(ret, fd, "", 0) ? GK_OK : cannot_list(root, "", err);
}

static gk_code list_below(
	const char *root, const char *below, gk_prompt_listing *ret, gk_error *err)
{
	gk_auto_str char *parent = strndup(below, (size_t)(base_of(below) - below));
	size_t len = parent ? strlen(parent) : 0;
	bool ok;
	int fd;

	if (!parent)
		return gk_error_no_memory(err);
	if (len)
		parent[len - 1] = '\0';
	fd = open_folder_of(root, below);
	if (fd < 0)
		return is_gone() ? GK_OK : cannot_open(root, below, err);
	ok = visit(ret, fd, parent, base_of(below), depth_of(below));
	close(fd);
	return ok ? GK_OK : cannot_list(root, below, err);
}

gk_code gk_prompt_list(const char *root, const char *below, gk_prompt_listing *ret, gk_error *err)
{
	*ret = (gk_prompt_listing){ 0 };
	errno = 0;
	return *below ? list_below(root, below, ret, err) : list_root(root, ret, err);
}

void gk_prompt_listing_done(gk_prompt_listing *listing)
{
	for (size_t i = 0; i < listing->count; i++)
		free(listing->all[i].path);
	free(listing->all);
	*listing = (gk_prompt_listing){ 0 };
}

/* --- reading --- */

/* How long ago it was written to, at most `limit_ms`. */
static uint64_t age_ms(const struct stat *info, uint64_t limit_ms)
{
	uint64_t then = (uint64_t)info->st_mtim.tv_sec * UINT64_C(1000000000) +
			(uint64_t)info->st_mtim.tv_nsec;
	uint64_t now = gk_clock_wall_ns();

	return then > now || now - then >= limit_ms * UINT64_C(1000000)
		       ? limit_ms
		       : (now - then) / UINT64_C(1000000);
}

static void broken(gk_prompt_reading *reading, const char *what)
{
	gk_error_set(&reading->mistake, GK_INVALID_ARGUMENT, "%s: %s", reading->path, what);
}

static bool read_all(int fd, char *text, size_t size, size_t *len_ret)
{
	size_t len = 0;
	ssize_t got = 1;

	while (len < size && got > 0) {
		got = read(fd, text + len, size - len);
		len += got > 0 ? (size_t)got : 0;
	}
	text[len] = '\0';
	*len_ret = len;
	return got >= 0;
}

/* Memory, and no limit of ours, which has a place. */
static bool is_no_memory(const gk_error *err)
{
	return err->code == GK_RESOURCE_EXHAUSTED &&
	       (!err->message || strcmp(err->message, "out of memory") == 0);
}

static gk_code parse(gk_prompt_reading *reading, gk_error *err)
{
	gk_code rc = gk_prompt_document_parse(
		reading->source, reading->len, reading->path, &reading->doc, &reading->mistake);

	if (rc == GK_OK)
		rc = gk_prompt_document_compiled(reading->doc, &reading->mistake);
	return is_no_memory(&reading->mistake) ? gk_error_move(err, &reading->mistake) : GK_OK;
}

static gk_code read_open(gk_prompt_reading *reading, int fd, gk_error *err)
{
	size_t size = (size_t)reading->info.st_size;
	char message[100];
	gk_code rc;

	if (size > GK_MAX_PROMPT_FILE) {
		snprintf(message, sizeof(message), "a prompt of more than %u bytes",
			GK_MAX_PROMPT_FILE);
		broken(reading, message);
		return GK_OK;
	}
	reading->source = malloc(size + 1);
	if (!reading->source)
		return gk_error_no_memory(err);
	if (!read_all(fd, reading->source, size, &reading->len)) {
		free(gk_steal(reading->source));
		broken(reading, strerror(errno));
		return GK_OK;
	}
	if (gk_prompt_is_partial(reading->path))
		return GK_OK;
	rc = parse(reading, err);
	free(gk_steal(reading->source)); /* the document has it */
	return rc;
}

gk_code gk_prompt_read(const char *root, gk_prompt_reading *reading, gk_error *err)
{
	int folder = open_folder_of(root, reading->path), fd = -1;
	gk_code rc = GK_OK;
	uint64_t age;

	reading->state = GK_READING_GONE;
	if (folder >= 0) {
		fd = openat(folder, base_of(reading->path),
			O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
		close(folder);
	}
	if (fd < 0 && is_gone())
		return GK_OK;
	if (fd < 0 && is_short())
		return cannot_open(root, reading->path, err);
	reading->state = GK_READING_DONE;
	if (fd < 0) {
		broken(reading, strerror(errno));
		return GK_OK;
	}
	if (fstat(fd, &reading->info) != 0 || !S_ISREG(reading->info.st_mode)) {
		close(fd);
		reading->state = GK_READING_GONE;
		return GK_OK;
	}
	age = age_ms(&reading->info, reading->settle_ms);
	if (age < reading->settle_ms) {
		reading->state = GK_READING_UNSETTLED;
		reading->again_ms = reading->settle_ms - age;
	} else {
		rc = read_open(reading, fd, err);
	}
	close(fd);
	return rc;
}

void gk_prompt_reading_done(gk_prompt_reading *reading)
{
	free(reading->path);
	free(reading->source);
	gk_prompt_document_unref(reading->doc);
	gk_error_clear(&reading->mistake);
	*reading = (gk_prompt_reading){ 0 };
}
