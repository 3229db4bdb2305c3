/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * What a scan found, as a list of its own, so that it can be told on another thread than the one that read the files.
 *
 * Two files may stand for one name: trip/_card.prompt and menu/_card.prompt are both the partial "card". The later one
 * counts, and when it goes, the other is back.
 */
#include "dotprompt/prompt_folder_internal.h"

#include "json/edit.h"

#include <stdio.h>

typedef enum change_kind {
	CHANGE_SET_PARTIAL,
	CHANGE_SET_PROMPT,
	CHANGE_REMOVE_PROMPT,
	CHANGE_REMOVE_PARTIAL,
	CHANGE_MISTAKE,
	CHANGE_KINDS
} change_kind;

typedef struct change {
	change_kind kind;
	char *name, *variant; /* of a mistake: the path, nothing */
	gk_prompt_document *doc;
	char *source;
	size_t len;
	gk_error mistake;
	struct change *next;
} change;

struct gk_prompt_changes {
	change *first, **last;
	json_t *files;
	bool is_unsettled;
};

/* Which file stands for a key. */
typedef struct told {
	char *path, *name, *variant;
	bool is_partial;
} told;

void gk_prompt_told_free(void *value)
{
	told *it = value;

	if (!it)
		return;
	free(it->path);
	free(it->name);
	free(it->variant);
	free(it);
}

static void free_change(change *it)
{
	gk_prompt_document_unref(it->doc);
	gk_error_clear(&it->mistake);
	free(it->name);
	free(it->variant);
	free(it->source);
	free(it);
}

void gk_prompt_changes_free(gk_prompt_changes *changes)
{
	change *next;

	if (!changes)
		return;
	for (change *it = changes->first; it; it = next) {
		next = it->next;
		free_change(it);
	}
	json_decref(changes->files);
	free(changes);
}

/* --- collecting --- */

static change *add(
	gk_prompt_changes *changes, change_kind kind, const char *name, const char *variant)
{
	change *it = calloc(1, sizeof(*it));

	if (!it)
		return NULL;
	it->kind = kind;
	it->name = strdup(name);
	it->variant = variant ? strdup(variant) : NULL;
	if (!it->name || (variant && !it->variant)) {
		free_change(it);
		return NULL;
	}
	*changes->last = it;
	changes->last = &it->next;
	return it;
}

static bool add_file(gk_prompt_changes *changes, const gk_prompt_file *file)
{
	change *it = add(changes, file->is_partial ? CHANGE_SET_PARTIAL : CHANGE_SET_PROMPT,
		file->name, file->variant);

	if (!it)
		return false;
	it->doc = gk_prompt_document_ref(file->doc);
	if (!file->is_partial)
		return true;
	it->source = malloc(file->len + 1);
	if (!it->source)
		return false;
	memcpy(it->source, file->source, file->len + 1);
	it->len = file->len;
	return true;
}

static bool add_mistake(gk_prompt_changes *changes, const gk_prompt_file *file)
{
	change *it = add(changes, CHANGE_MISTAKE, file->path, NULL);

	return it && gk_error_copy(&it->mistake, &file->mistake) == file->mistake.code;
}

static bool describe(json_t *files, const gk_prompt_file *file)
{
	gk_auto_json json_t *one = json_object();

	return gk_json_set_str(one, "path", file->path) &&
	       gk_json_set_str(one, "name", file->name) &&
	       (!file->variant || gk_json_set_str(one, "variant", file->variant)) &&
	       (!file->is_partial || gk_json_set_bool(one, "partial", true)) &&
	       (!file->mistake.message || gk_json_set_str(one, "error", file->mistake.message)) &&
	       json_array_append(files, one) == 0;
}

/* A file that has something to offer takes its key, from an earlier file perhaps. */
static bool take_key(gk_table *winners, gk_prompt_file *file)
{
	gk_auto_str char *key = NULL;

	if (!file->doc && !file->source)
		return true;
	if (asprintf(&key, "%c%s.%s", file->is_partial ? '_' : ' ', file->name,
		    file->variant ? file->variant : "") < 0) {
		key = NULL;
		return false;
	}
	return gk_table_set(winners, key, file);
}

static told *new_told(const gk_prompt_file *file)
{
	told *it = calloc(1, sizeof(*it));

	if (!it)
		return NULL;
	it->path = strdup(file->path);
	it->name = strdup(file->name);
	it->variant = file->variant ? strdup(file->variant) : NULL;
	it->is_partial = file->is_partial;
	if (it->path && it->name && (!file->variant || it->variant))
		return it;
	gk_prompt_told_free(it);
	return NULL;
}

/* What has won a key, and is another than before. */
static bool tell_winner(const gk_prompt_folder *folder, gk_prompt_changes *changes, gk_table *next,
	const char *key, gk_prompt_file *file)
{
	const told *before = gk_table_get(folder->told, key);
	told *now = new_told(file);

	if (!now || !gk_table_set(next, key, now)) {
		gk_prompt_told_free(now);
		return false;
	}
	return (before && strcmp(before->path, file->path) == 0 && !file->is_changed) ||
	       add_file(changes, file);
}

static bool tell_gone(
	const gk_prompt_folder *folder, gk_prompt_changes *changes, const gk_table *next)
{
	gk_table_foreach (folder->told, entry) {
		const told *it = gk_table_entry_value(entry);

		if (!gk_table_get(next, gk_table_entry_name(entry)) &&
			!add(changes, it->is_partial ? CHANGE_REMOVE_PARTIAL : CHANGE_REMOVE_PROMPT,
				it->name, it->variant))
			return false;
	}
	return true;
}

static int by_path(const void *a, const void *b)
{
	return strcmp((*(gk_prompt_file *const *)a)->path, (*(gk_prompt_file *const *)b)->path);
}

/* The files in the order of their paths; NULL when memory ran out. */
static gk_prompt_file **sorted_files(const gk_prompt_folder *folder)
{
	size_t count = gk_table_count(folder->files), at = 0;
	gk_prompt_file **files = malloc((count + 1) * sizeof(gk_prompt_file *));

	if (!files)
		return NULL;
	gk_table_foreach (folder->files, entry)
		files[at++] = gk_table_entry_value(entry);
	files[at] = NULL;
	qsort(files, count, sizeof(*files), by_path);
	return files;
}

static bool collect(const gk_prompt_folder *folder, gk_prompt_changes *changes, gk_table *winners,
	gk_table *next, gk_prompt_file **files)
{
	for (gk_prompt_file **at = files; *at; at++)
		if (!take_key(winners, *at) || !describe(changes->files, *at) ||
			((*at)->mistake_is_new && !add_mistake(changes, *at)))
			return false;
	gk_table_foreach (winners, entry)
		if (!tell_winner(folder, changes, next, gk_table_entry_name(entry),
			    gk_table_entry_value(entry)))
			return false;
	return tell_gone(folder, changes, next);
}

static gk_prompt_changes *new_changes(bool is_unsettled)
{
	gk_prompt_changes *changes = calloc(1, sizeof(*changes));

	if (!changes)
		return NULL;
	changes->last = &changes->first;
	changes->is_unsettled = is_unsettled;
	changes->files = json_array();
	return changes;
}

/* Until all of it is there, nothing counts as told. */
gk_code gk_prompt_changes_collect(gk_prompt_folder *folder, gk_prompt_changes **ret, gk_error *err)
{
	gk_prompt_changes *changes = new_changes(folder->is_unsettled);
	gk_table *winners = gk_table_new(NULL), *next = gk_table_new(gk_prompt_told_free);
	gk_auto_str gk_prompt_file **files = sorted_files(folder);
	bool worked = changes && changes->files && winners && next && files &&
		      collect(folder, changes, winners, next, files);

	gk_table_free(winners);
	if (!worked) {
		gk_table_free(next);
		gk_prompt_changes_free(changes);
		return gk_error_no_memory(err);
	}
	gk_table_free(folder->told);
	folder->told = next;
	for (gk_prompt_file **at = files; *at; at++)
		(*at)->is_changed = (*at)->mistake_is_new = false;
	*ret = changes;
	return GK_OK;
}

/* --- telling --- */

static void tell(const change *it, const gk_prompt_folder_ops *ops, void *user)
{
	switch (it->kind) {
	case CHANGE_SET_PARTIAL:
		ops->set_partial(it->name, it->source, it->len, user);
		break;
	case CHANGE_SET_PROMPT:
		ops->set_prompt(it->name, it->variant, it->doc, user);
		break;
	case CHANGE_REMOVE_PROMPT:
		ops->remove_prompt(it->name, it->variant, user);
		break;
	case CHANGE_REMOVE_PARTIAL:
		ops->remove_partial(it->name, user);
		break;
	default:
		ops->mistake(it->name, &it->mistake, user);
	}
}

void gk_prompt_changes_apply(
	const gk_prompt_changes *changes, const gk_prompt_folder_ops *ops, void *user)
{
	for (change_kind kind = 0; kind < CHANGE_KINDS; kind++)
		for (const change *it = changes->first; it; it = it->next)
			if (it->kind == kind)
				tell(it, ops, user);
}

bool gk_prompt_changes_is_empty(const gk_prompt_changes *changes)
{
	return !changes->first;
}

bool gk_prompt_changes_is_unsettled(const gk_prompt_changes *changes)
{
	return changes->is_unsettled;
}

json_t *gk_prompt_changes_files_peek(const gk_prompt_changes *changes)
{
	return changes->files;
}
