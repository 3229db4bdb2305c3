/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "daemon/prompt_watch.h"

#include "base/limits.h"
#include "base/log.h"
#include "base/table.h"

#include <stdio.h>

/* A folder that is watched. The kernel numbers folders, not paths: one that was moved keeps its number. */
typedef struct watched {
	int number;
	char *path; /* below the root; "": it */
} watched;

struct gk_prompt_watch {
	char *root;
	gk_prompt_watch_fn *fn;
	void *user;
	gk_notices *notices; /* NULL: there are no more */
	gk_table *by_path;   /* watched, owned by by_number */
	gk_table *by_number;
	bool is_whole, has_warned;
};

static void free_watched(void *value)
{
	watched *it = value;

	if (it)
		free(it->path);
	free(it);
}

static watched *numbered(const gk_prompt_watch *watch, int number)
{
	char name[16];

	snprintf(name, sizeof(name), "%d", number);
	return gk_table_get(watch->by_number, name);
}

static void forget(gk_prompt_watch *watch, const watched *it)
{
	char name[16];

	snprintf(name, sizeof(name), "%d", it->number);
	if (gk_table_get(watch->by_path, it->path) == it)
		gk_table_remove(watch->by_path, it->path);
	gk_table_remove(watch->by_number, name);
}

/* --- what happens --- */

static void on_notice(void *user, const gk_notice *notice)
{
	gk_prompt_watch *watch = user;
	const watched *in = numbered(watch, notice->folder);
	gk_auto_str char *path = NULL;

	if (notice->kind == GK_NOTICE_LOST) {
		watch->fn(watch->user, notice->kind, NULL, true);
		return;
	}
	if (!in)
		return;
	if (notice->kind == GK_NOTICE_FOLDER_GONE) {
		bool is_root = !*in->path;

		gk_notices_remove(
			watch->notices, in->number); /* one that was moved away lives on */
		forget(watch, in);
		if (!is_root)
			return; /* the folder around it says so, too */
		watch->is_whole = false;
		watch->fn(watch->user, notice->kind, NULL, true);
		return;
	}
	if (notice->is_folder ? !gk_prompt_is_folder(notice->name)
			      : !gk_prompt_is_file(notice->name))
		return;
	if (asprintf(&path, "%s%s%s", in->path, *in->path ? "/" : "", notice->name) < 0) {
		path = NULL;
		watch->fn(watch->user, GK_NOTICE_LOST, NULL, true);
		return;
	}
	watch->fn(watch->user, notice->kind, path, notice->is_folder);
}

/* --- life --- */

gk_prompt_watch *gk_prompt_watch_new(
	gk_loop *loop, const char *root, gk_prompt_watch_fn *fn, void *user)
{
	gk_auto_error gk_error err = { 0 };
	gk_prompt_watch *watch = calloc(1, sizeof(*watch));

	if (!watch)
		return NULL;
	watch->fn = fn;
	watch->user = user;
	watch->root = strdup(root);
	watch->by_path = gk_table_new(NULL);
	watch->by_number = gk_table_new(free_watched);
	if (!watch->root || !watch->by_path || !watch->by_number) {
		gk_prompt_watch_free(watch);
		return NULL;
	}
	if (gk_notices_new(loop, on_notice, watch, &watch->notices, &err) != GK_OK)
		gk_log(GK_LOG_WARN, "prompts", "%s; %s is looked at every %d ms instead",
			err.message ? err.message : "out of memory", root, GK_PROMPT_LOOK_MS);
	return watch;
}

void gk_prompt_watch_free(gk_prompt_watch *watch)
{
	if (!watch)
		return;
	gk_notices_free(watch->notices);
	if (watch->by_path)
		gk_table_free(watch->by_path);
	if (watch->by_number)
		gk_table_free(watch->by_number);
	free(watch->root);
	free(watch);
}

bool gk_prompt_watch_is_whole(const gk_prompt_watch *watch)
{
	return watch->is_whole;
}

/* --- which folders --- */

static gk_code number_of(const gk_prompt_watch *watch, const char *below, int *ret, gk_error *err)
{
	gk_auto_str char *path = NULL;

	if (asprintf(&path, "%s%s%s", watch->root, *below ? "/" : "", below) < 0) {
		path = NULL;
		return gk_error_no_memory(err);
	}
	return gk_notices_add(watch->notices, path, ret, err);
}

static bool remember(gk_prompt_watch *watch, int number, const char *path)
{
	watched *it = calloc(1, sizeof(*it));
	char name[16];

	snprintf(name, sizeof(name), "%d", number);
	if (!it)
		return false;
	it->number = number;
	it->path = strdup(path);
	if (!it->path || !gk_table_set(watch->by_number, name, it)) {
		free_watched(it);
		return false;
	}
	if (gk_table_set(watch->by_path, path, it))
		return true;
	gk_table_remove(watch->by_number, name);
	return false;
}

static void warn(gk_prompt_watch *watch, const gk_error *err)
{
	watch->is_whole = false;
	if (!watch->has_warned && err->code != GK_NOT_FOUND)
		gk_log(GK_LOG_WARN, "prompts", "%s; it is looked at every %d ms instead",
			err->message ? err->message : watch->root, GK_PROMPT_LOOK_MS);
	watch->has_warned |= err->code != GK_NOT_FOUND;
}

/* Mounted in two places, a folder has one number. */
static bool is_elsewhere(const gk_prompt_seen *seen, const watched *other, const gk_table *wanted)
{
	const gk_prompt_seen *there = wanted ? gk_table_get(wanted, other->path) : NULL;

	return there && there->info.st_dev == seen->info.st_dev &&
	       there->info.st_ino == seen->info.st_ino;
}

/* True when it was not watched, or another folder has its path now. */
static bool add(gk_prompt_watch *watch, const gk_prompt_seen *seen, const gk_table *wanted)
{
	const char *path = seen->path;
	gk_auto_error gk_error err = { 0 };
	watched *before = gk_table_get(watch->by_path, path), *moved;
	int number;

	if (number_of(watch, path, &number, &err) != GK_OK) {
		warn(watch, &err);
		return false;
	}
	if (before && before->number == number)
		return false;
	if (before) {
		gk_notices_remove(watch->notices, before->number);
		forget(watch, before);
	}
	moved = numbered(watch, number);
	if (moved && is_elsewhere(seen, moved, wanted)) {
		watch->is_whole = false;
		return false;
	}
	if (moved)
		forget(watch, moved);
	if (!remember(watch, number, path)) {
		gk_notices_remove(watch->notices, number);
		gk_error_no_memory(&err);
		warn(watch, &err);
	}
	return true;
}

static void drop_others(gk_prompt_watch *watch, const gk_table *wanted, const char *below)
{
	gk_table_foreach (watch->by_number, entry) {
		const watched *it = gk_table_entry_value(entry);

		if (!gk_prompt_is_below(it->path, below) || gk_table_get(wanted, it->path))
			continue;
		gk_notices_remove(watch->notices, it->number);
		forget(watch, it);
	}
}

bool gk_prompt_watch_update(
	gk_prompt_watch *watch, const gk_prompt_listing *listing, const char *below)
{
	gk_table *wanted = gk_table_new(NULL);
	bool has_new = false;

	if (!*below)
		watch->is_whole =
			wanted && listing->count > 0 && watch->notices && !listing->has_link;
	for (size_t i = 0; wanted && i < listing->count; i++)
		if (listing->all[i].kind != GK_SEEN_FILE &&
			!gk_table_set(wanted, listing->all[i].path, &listing->all[i]))
			watch->is_whole = false;
	for (size_t i = 0; watch->notices && i < listing->count; i++)
		if (listing->all[i].kind != GK_SEEN_FILE)
			has_new |= add(watch, &listing->all[i], wanted);
	if (wanted && watch->notices)
		drop_others(watch, wanted, below);
	if (wanted)
		gk_table_free(wanted);
	return has_new;
}
