/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "dotprompt/prompt_folder_internal.h"

#include "base/clock.h"
#include "base/limits.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

static const char suffix[] = ".prompt";

/* --- files that are known --- */

void gk_prompt_file_free(void *value)
{
	gk_prompt_file *file = value;

	if (!file)
		return;
	gk_prompt_document_unref(file->doc);
	gk_error_clear(&file->mistake);
	free(file->path);
	free(file->name);
	free(file->variant);
	free(file->source);
	free(file);
}

/* "trip/plan.de.prompt" is trip/plan, variant de; whatever follows a second dot is lost, as in the SDKs. */
static bool name_file(const gk_prompt_folder *folder, gk_prompt_file *file, const char *base)
{
	size_t folders = (size_t)(base - file->path), len = strlen(base) - strlen(suffix);
	size_t name = strcspn(base, "."), variant;
	const char *slash = *folder->prefix ? "/" : "";

	file->is_partial = *base == '_';
	if (file->is_partial) {
		file->name = strndup(base + 1, len - 1);
		return file->name != NULL;
	}
	if (name > len)
		name = len;
	if (asprintf(&file->name, "%s%s%.*s%.*s", folder->prefix, slash, (int)folders, file->path,
		    (int)name, base) < 0)
		file->name = NULL;
	if (!file->name || name >= len)
		return file->name != NULL;
	variant = strcspn(base + name + 1, ".");
	file->variant = strndup(base + name + 1, variant);
	return file->variant != NULL;
}

static gk_prompt_file *new_file(gk_prompt_folder *folder, const char *path)
{
	gk_prompt_file *file = calloc(1, sizeof(*file));
	const char *slash = strrchr(path, '/');

	if (!file)
		return NULL;
	file->path = strdup(path);
	if (file->path &&
		name_file(folder, file, slash ? file->path + (slash + 1 - path) : file->path) &&
		gk_table_set(folder->files, path, file))
		return file;
	gk_prompt_file_free(file);
	return NULL;
}

/* --- reading one --- */

static gk_code broken(gk_prompt_file *file, const char *what)
{
	gk_error_clear(&file->mistake);
	file->mistake_is_new = true;
	gk_error_set(&file->mistake, GK_INVALID_ARGUMENT, "%s: %s", file->path, what);
	return GK_OK;
}

/* Memory, and no limit of ours, which has a place. */
static bool is_no_memory(const gk_error *err)
{
	return err->code == GK_RESOURCE_EXHAUSTED &&
	       (!err->message || strcmp(err->message, "out of memory") == 0);
}

/* False: it cannot be read, or has shrunk, which the next scan sees. */
static bool read_all(int fd, char *text, size_t size)
{
	size_t len = 0;
	ssize_t got = 1;

	while (len < size && got > 0) {
		got = read(fd, text + len, size - len);
		len += got > 0 ? (size_t)got : 0;
	}
	text[len] = '\0';
	return len == size;
}

/* A mistake in the template does not matter as long as there is no better version. */
static gk_code take_prompt(gk_prompt_file *file, const char *text, size_t len, gk_error *err)
{
	gk_auto_prompt_document gk_prompt_document *doc = NULL;
	gk_code rc = gk_prompt_document_parse(text, len, file->path, &doc, &file->mistake);

	if (rc == GK_OK)
		rc = gk_prompt_document_compiled(doc, &file->mistake);
	if (is_no_memory(&file->mistake))
		return gk_error_move(err, &file->mistake);
	file->mistake_is_new = rc != GK_OK;
	if (doc && (rc == GK_OK || !file->doc)) {
		gk_prompt_document_unref(file->doc);
		file->doc = gk_steal(doc);
		gk_prompt_document_rest(file->doc); /* there may be thousands */
		file->is_changed = true;
	}
	return GK_OK;
}

static gk_code take_text(gk_prompt_file *file, char **text, size_t len, gk_error *err)
{
	gk_error_clear(&file->mistake);
	file->mistake_is_new = false;
	if (!file->is_partial)
		return take_prompt(file, *text, len, err);
	free(file->source);
	file->source = gk_steal(*text);
	file->len = len;
	file->is_changed = true;
	return GK_OK;
}

static gk_code read_file(
	gk_prompt_file *file, int folder_fd, const char *base, size_t size, gk_error *err)
{
	gk_auto_str char *text = NULL;
	char message[100];
	bool worked;
	int fd;

	if (size > GK_MAX_PROMPT_FILE) {
		snprintf(message, sizeof(message), "a prompt of more than %u bytes",
			GK_MAX_PROMPT_FILE);
		return broken(file, message);
	}
	text = malloc(size + 1);
	if (!text)
		return gk_error_no_memory(err);
	fd = openat(folder_fd, base, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return broken(file, strerror(errno));
	worked = read_all(fd, text, size);
	close(fd);
	return worked ? take_text(file, &text, size, err) : broken(file, "cannot be read");
}

/* --- walking --- */

static bool same_stamp(const struct stat *a, const struct stat *b)
{
	return a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec &&
	       a->st_size == b->st_size && a->st_ino == b->st_ino &&
	       a->st_ctim.tv_sec == b->st_ctim.tv_sec && a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

/* Somebody may still be writing. */
static bool is_fresh(const struct stat *info)
{
	uint64_t then = (uint64_t)info->st_mtim.tv_sec * UINT64_C(1000000000) +
			(uint64_t)info->st_mtim.tv_nsec;
	uint64_t now = gk_clock_wall_ns();

	return then <= now && now - then < GK_PROMPT_SETTLE_MS * UINT64_C(1000000);
}

static gk_code visit_file(gk_prompt_folder *folder, int folder_fd, const char *path,
	const char *base, const struct stat *info, gk_error *err)
{
	gk_prompt_file *file = gk_table_get(folder->files, path);
	gk_code rc;

	if (file && same_stamp(&file->info, info)) {
		file->round = folder->round;
		return GK_OK;
	}
	if (is_fresh(info)) {
		folder->is_unsettled = true;
		if (file)
			file->round = folder->round;
		return GK_OK;
	}
	if (!file)
		file = new_file(folder, path);
	if (!file)
		return gk_error_no_memory(err);
	file->round = folder->round;
	rc = read_file(file, folder_fd, base, (size_t)info->st_size, err);
	if (rc == GK_OK)
		file->info = *info;
	return rc;
}

static gk_code walk(
	gk_prompt_folder *folder, int fd_take, const char *path, unsigned depth, gk_error *err);

static gk_code visit(gk_prompt_folder *folder, int folder_fd, const char *path, const char *base,
	unsigned depth, gk_error *err)
{
	gk_auto_str char *below = NULL;
	size_t len = strlen(base);
	struct stat info;

	if (fstatat(folder_fd, base, &info, AT_SYMLINK_NOFOLLOW) != 0)
		return GK_OK; /* gone since it was listed */
	if (asprintf(&below, "%s%s%s", path, *path ? "/" : "", base) < 0) {
		below = NULL;
		return gk_error_no_memory(err);
	}
	if (S_ISDIR(info.st_mode) && depth < GK_MAX_PROMPT_FOLDERS && !strchr(base, '.'))
		return walk(folder,
			openat(folder_fd, base, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW),
			below, depth + 1, err);
	if (!S_ISREG(info.st_mode) || len <= strlen(suffix) || *base == '.' ||
		strcmp(base + len - strlen(suffix), suffix) != 0)
		return GK_OK;
	return visit_file(folder, folder_fd, below, base, &info, err);
}

/* What cannot be read now has what it had. */
static void keep_below(gk_prompt_folder *folder, const char *path)
{
	size_t len = strlen(path);

	gk_table_foreach (folder->files, entry) {
		gk_prompt_file *file = gk_table_entry_value(entry);

		if (len == 0 || (strncmp(file->path, path, len) == 0 && file->path[len] == '/'))
			file->round = folder->round;
	}
}

/* In the order of names, so that of two files with one name the same one wins each time. */
static gk_code walk(
	gk_prompt_folder *folder, int fd_take, const char *path, unsigned depth, gk_error *err)
{
	struct dirent **entries = NULL;
	int count = fd_take >= 0 ? scandirat(fd_take, ".", &entries, NULL, alphasort) : -1;
	gk_code rc = GK_OK;

	if (count < 0)
		keep_below(folder, path);
	for (int i = 0; i < count; i++) {
		const char *base = entries[i]->d_name;

		if (rc == GK_OK && strcmp(base, ".") != 0 && strcmp(base, "..") != 0)
			rc = visit(folder, fd_take, path, base, depth, err);
		free(entries[i]);
	}
	free(entries);
	if (fd_take >= 0)
		close(fd_take);
	return rc;
}

static void forget_gone(gk_prompt_folder *folder)
{
	gk_table_foreach (folder->files, entry) {
		const gk_prompt_file *file = gk_table_entry_value(entry);

		if (file->round != folder->round)
			gk_table_remove(folder->files, file->path);
	}
}

/* --- life --- */

gk_prompt_folder *gk_prompt_folder_new(const char *path, const char *prefix)
{
	gk_prompt_folder *folder = calloc(1, sizeof(*folder));

	if (!folder)
		return NULL;
	folder->path = strdup(path);
	folder->prefix = strdup(prefix ? prefix : "");
	folder->files = gk_table_new(gk_prompt_file_free);
	folder->told = gk_table_new(gk_prompt_told_free);
	if (folder->path && folder->prefix && folder->files && folder->told)
		return folder;
	gk_prompt_folder_free(folder);
	return NULL;
}

void gk_prompt_folder_free(gk_prompt_folder *folder)
{
	if (!folder)
		return;
	gk_table_free(folder->files);
	gk_table_free(folder->told);
	free(folder->path);
	free(folder->prefix);
	free(folder);
}

gk_code gk_prompt_folder_scan(gk_prompt_folder *folder, gk_prompt_changes **ret, gk_error *err)
{
	int fd = open(folder->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	gk_code rc;

	if (fd < 0 && errno != ENOENT)
		return gk_error_set(err, GK_UNAVAILABLE, "%s: %s", folder->path, strerror(errno));
	folder->round++;
	folder->is_unsettled = false;
	rc = fd < 0 ? GK_OK : walk(folder, fd, "", 0, err);
	if (rc != GK_OK)
		return rc;
	forget_gone(folder);
	return gk_prompt_changes_collect(folder, ret, err);
}
