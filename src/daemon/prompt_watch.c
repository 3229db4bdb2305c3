/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "daemon/prompt_watch.h"

#include "base/limits.h"
#include "base/log.h"
#include "base/table.h"
#include "json/edit.h"

#include <fts.h>
#include <sys/stat.h>

struct gk_prompt_watch {
	gk_loop *loop;
	gk_loop_fn *changed;
	void *user;
	gk_table *watches; /* a folder as the list names it: gk_watch */
	bool is_whole, has_warned;
};

/* --- the folders --- */

/* "DEVICE:INODE:PATH": a folder that was replaced is another one. */
static void push(json_t *list, const FTSENT *entry)
{
	json_array_append_new(
		list, json_sprintf("%llx:%llx:%s", (unsigned long long)entry->fts_statp->st_dev,
			      (unsigned long long)entry->fts_statp->st_ino, entry->fts_path));
}

json_t *gk_prompt_watch_list(const char *path)
{
	char *const roots[] = { (char *)path, NULL };
	gk_auto_json json_t *list = json_array();
	FTS *walk = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR | FTS_COMFOLLOW, NULL);
	bool ok = list && walk;
	FTSENT *entry;

	while (ok && (entry = fts_read(walk)) != NULL) {
		if (entry->fts_info != FTS_D)
			continue;
		if (entry->fts_level > 0 &&
			(strchr(entry->fts_name, '.') || entry->fts_level > GK_MAX_PROMPT_FOLDERS))
			fts_set(walk, entry, FTS_SKIP);
		else
			push(list, entry); /* a name that is no UTF-8 is left out */
	}
	if (walk)
		fts_close(walk);
	return ok ? gk_steal(list) : NULL;
}

/* --- watching --- */

static void stop(void *watch)
{
	gk_watch_stop(watch);
}

gk_prompt_watch *gk_prompt_watch_new(gk_loop *loop, gk_loop_fn *changed, void *user)
{
	gk_prompt_watch *watch = calloc(1, sizeof(*watch));

	if (!watch)
		return NULL;
	watch->loop = loop;
	watch->changed = changed;
	watch->user = user;
	watch->watches = gk_table_new(stop);
	if (watch->watches)
		return watch;
	free(watch);
	return NULL;
}

void gk_prompt_watch_free(gk_prompt_watch *watch)
{
	if (!watch)
		return;
	gk_table_free(watch->watches);
	free(watch);
}

bool gk_prompt_watch_is_whole(const gk_prompt_watch *watch)
{
	return watch->is_whole;
}

static void on_change(void *user, const char *name)
{
	gk_prompt_watch *watch = user;

	(void)name;
	watch->changed(watch->user);
}

static const char *path_of(const char *folder)
{
	return strchr(strchr(folder, ':') + 1, ':') + 1;
}

static bool add(gk_prompt_watch *watch, const char *folder)
{
	gk_auto_error gk_error err = { 0 };
	gk_watch *one = NULL;
	gk_code rc = gk_watch_start(watch->loop, path_of(folder), on_change, watch, &one, &err);

	if (rc == GK_OK && gk_table_set(watch->watches, folder, one))
		return true;
	gk_watch_stop(one);
	watch->is_whole = false;
	if (!watch->has_warned)
		gk_log(GK_LOG_WARN, "prompts", "%s; it is looked at every %d ms instead",
			err.message ? err.message : path_of(folder), GK_PROMPT_LOOK_MS);
	watch->has_warned = true;
	return false;
}

static void drop_others(gk_prompt_watch *watch, gk_table *wanted)
{
	gk_table_foreach (watch->watches, entry)
		if (!gk_table_get(wanted, gk_table_entry_name(entry)))
			gk_table_remove(watch->watches, gk_table_entry_name(entry));
}

bool gk_prompt_watch_update(gk_prompt_watch *watch, json_t *folders)
{
	gk_table *wanted = gk_table_new(NULL);
	bool has_new = false;
	json_t *folder;
	size_t i;

	watch->is_whole = wanted && json_array_size(folders) > 0;
	json_array_foreach (folders, i, folder) {
		const char *text = json_string_value(folder);

		if (wanted && !gk_table_set(wanted, text, watch))
			watch->is_whole = false;
		if (!gk_table_get(watch->watches, text))
			has_new |= add(watch, text);
	}
	if (watch->is_whole || wanted)
		drop_others(watch, wanted);
	if (wanted)
		gk_table_free(wanted);
	return has_new;
}
