/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "dotprompt/prompt_folder.h"

#include "base/limits.h"
#include "base/str.h"
#include "base/table.h"
#include "dotprompt/document_internal.h"

#include <stdio.h>

typedef struct file {
	char *path; /* below the folder */
	char *name, *variant;
	bool is_partial;
	struct stat info;        /* of the version that was read last */
	gk_prompt_document *doc; /* the last good version; NULL: there was none */
	char *source;            /* of a partial */
	size_t len;
	char *mistake; /* of the version that was read last; NULL: none */
	struct key *key;
	bool is_changed;   /* and what it says was not told */
	bool is_beaten;    /* that another has its name was told */
	struct file *same; /* another with its name, with an earlier path */
} file;

/* A name, and the files that stand for it. */
typedef struct key {
	file *files; /* the latest path first */
	file *told;  /* which one was told of */
} key;

struct gk_prompt_folder {
	char *path, *prefix;
	gk_table *files; /* by path */
	gk_table *keys;
};

/* --- life --- */

static void free_file(void *value)
{
	file *it = value;

	if (!it)
		return;
	gk_prompt_document_unref(it->doc);
	free(it->path);
	free(it->name);
	free(it->variant);
	free(it->source);
	free(it->mistake);
	free(it);
}

gk_prompt_folder *gk_prompt_folder_new(const char *path, const char *prefix)
{
	gk_prompt_folder *folder = calloc(1, sizeof(*folder));

	if (!folder)
		return NULL;
	folder->path = strdup(path);
	folder->prefix = strdup(prefix ? prefix : "");
	folder->files = gk_table_new(free_file);
	folder->keys = gk_table_new(free);
	if (folder->path && folder->prefix && folder->files && folder->keys)
		return folder;
	gk_prompt_folder_free(folder);
	return NULL;
}

void gk_prompt_folder_free(gk_prompt_folder *folder)
{
	if (!folder)
		return;
	gk_table_free(folder->files);
	gk_table_free(folder->keys);
	free(folder->path);
	free(folder->prefix);
	free(folder);
}

size_t gk_prompt_folder_count(const gk_prompt_folder *folder)
{
	return gk_table_count(folder->files);
}

/* --- names --- */

/* "trip/plan.de.prompt" is trip/plan, variant de; whatever follows a second dot is lost, as in the SDKs. */
static bool name_file(const gk_prompt_folder *folder, file *it, const char *base)
{
	size_t folders = (size_t)(base - it->path), len = strlen(base) - strlen(".prompt");
	size_t name = strcspn(base, "."), variant;
	const char *slash = *folder->prefix ? "/" : "";

	it->is_partial = *base == '_';
	if (it->is_partial) {
		it->name = strndup(base + 1, len - 1);
		return it->name != NULL;
	}
	if (name > len)
		name = len;
	if (asprintf(&it->name, "%s%s%.*s%.*s", folder->prefix, slash, (int)folders, it->path,
		    (int)name, base) < 0)
		it->name = NULL;
	if (!it->name || name >= len)
		return it->name != NULL;
	variant = strcspn(base + name + 1, ".");
	it->variant = strndup(base + name + 1, variant);
	return it->variant != NULL;
}

static char *key_of(bool is_partial, const char *name, const char *variant)
{
	char *text;

	return asprintf(&text, "%c%s.%s", is_partial ? '_' : ' ', name, variant ? variant : "") < 0
		       ? NULL
		       : text;
}

static bool join_key(gk_prompt_folder *folder, file *it)
{
	gk_auto_str char *name = key_of(it->is_partial, it->name, it->variant);
	key *found = name ? gk_table_get(folder->keys, name) : NULL;
	file **at;

	if (!name)
		return false;
	if (!found) {
		found = calloc(1, sizeof(*found));
		if (!found || !gk_table_set(folder->keys, name, found)) {
			free(found);
			return false;
		}
	}
	for (at = &found->files; *at && strcmp((*at)->path, it->path) > 0;)
		at = &(*at)->same;
	it->same = *at;
	*at = it;
	it->key = found;
	return true;
}

static void leave_key(gk_prompt_folder *folder, file *it)
{
	gk_auto_str char *name = key_of(it->is_partial, it->name, it->variant);
	file **at = &it->key->files;

	while (*at != it)
		at = &(*at)->same;
	*at = it->same;
	if (it->key->told == it)
		it->key->told = NULL;
	if (!it->key->files && name)
		gk_table_remove(folder->keys, name);
}

static file *new_file(gk_prompt_folder *folder, const char *path)
{
	file *it = calloc(1, sizeof(*it));
	const char *slash = strrchr(path, '/');

	if (!it)
		return NULL;
	it->path = strdup(path);
	if (!it->path || !name_file(folder, it, slash ? it->path + (slash + 1 - path) : it->path) ||
		!join_key(folder, it)) {
		free_file(it);
		return NULL;
	}
	if (gk_table_set(folder->files, path, it))
		return it;
	leave_key(folder, it);
	free_file(it);
	return NULL;
}

/* --- comparing --- */

static bool same_stamp(const struct stat *a, const struct stat *b)
{
	return a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec &&
	       a->st_size == b->st_size && a->st_ino == b->st_ino &&
	       a->st_ctim.tv_sec == b->st_ctim.tv_sec && a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

/* It, or a folder around it that cannot be read now: what is in there counts as it was. */
static bool is_seen(const gk_table *seen, const char *path)
{
	for (const char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/'))
		if (gk_table_get_n(seen, path, (size_t)(slash - path)))
			return true;
	return gk_table_get(seen, path) != NULL;
}

void gk_prompt_folder_compare(const gk_prompt_folder *folder, const gk_prompt_listing *listing,
	const char *below, void (*differs)(const char *path, void *user), void *user)
{
	gk_table *seen = gk_table_new(NULL); /* files, and folders that cannot be read */
	bool is_whole = seen != NULL;

	for (size_t i = 0; i < listing->count; i++) {
		gk_prompt_seen *one = &listing->all[i];
		const file *known = gk_table_get(folder->files, one->path);

		if (one->kind == GK_SEEN_FOLDER)
			continue;
		if (one->kind == GK_SEEN_FILE && (!known || !same_stamp(&known->info, &one->info)))
			differs(one->path, user);
		is_whole = is_whole && gk_table_set(seen, one->path, one);
	}
	gk_table_foreach (folder->files, entry) {
		const char *path = gk_table_entry_name(entry);

		if (is_whole && gk_prompt_is_below(path, below) && !is_seen(seen, path))
			differs(path, user);
	}
	if (seen)
		gk_table_free(seen);
}

/* --- taking over --- */

/* What is to be told of a file that was read. */
typedef struct news {
	file *file;
	bool has_other_mistake, is_new;
} news;

static bool has_something(const file *it)
{
	return it->doc || it->source;
}

static bool take_mistake(file *it, gk_prompt_reading *reading, news *ret)
{
	const char *before = it->mistake, *now = reading->mistake.message;
	char *copy = now ? strdup(now) : NULL;

	if (now && !copy)
		return false;
	ret->has_other_mistake = !before != !now || (now && strcmp(before, now) != 0);
	free(it->mistake);
	it->mistake = copy;
	return true;
}

static bool is_same_text(const char *a, size_t a_len, const char *b, size_t b_len)
{
	return a && a_len == b_len && memcmp(a, b, a_len) == 0;
}

static void take_version(file *it, gk_prompt_reading *reading)
{
	if (reading->source) {
		it->is_changed |= !is_same_text(it->source, it->len, reading->source, reading->len);
		free(it->source);
		it->source = gk_steal(reading->source);
		it->len = reading->len;
	} else if (reading->doc && !reading->mistake.code) {
		it->is_changed |= !it->doc || !is_same_text(it->doc->source, it->doc->len,
						      reading->doc->source, reading->doc->len);
		gk_prompt_document_unref(it->doc);
		it->doc = gk_steal(reading->doc);
	}
}

static bool take_one(gk_prompt_folder *folder, gk_prompt_reading *reading, news *ret)
{
	file *it = gk_table_get(folder->files, reading->path);

	*ret = (news){ 0 };
	if (reading->state == GK_READING_UNSETTLED)
		return true;
	if (reading->state == GK_READING_GONE) {
		ret->file = it;
		return true;
	}
	ret->is_new = !it;
	if (!it)
		it = new_file(folder, reading->path);
	if (!it || !take_mistake(it, reading, ret))
		return false;
	ret->file = it;
	take_version(it, reading);
	it->info = reading->info;
	return true;
}

/* --- telling --- */

/* The one that counts, when it is another than before, or has changed. */
static void tell_key(key *it, const gk_prompt_folder_ops *ops, void *user)
{
	file *best = it->files;

	while (best && !has_something(best))
		best = best->same;
	if (!best || (best == it->told && !best->is_changed))
		return;
	it->told = best;
	best->is_changed = false;
	if (best->is_partial) {
		ops->set_partial(best->name, best->source, best->len, user);
		return;
	}
	ops->set_prompt(best->path, best->name, best->variant, best->doc, user);
	gk_prompt_document_rest(best->doc); /* there may be thousands */
}

static void tell_gone(
	gk_prompt_folder *folder, file *it, const gk_prompt_folder_ops *ops, void *user)
{
	bool was_told = it->key->told == it, is_last;

	if (it->mistake)
		ops->mistake(it->path, it->is_partial ? NULL : it->name, it->variant, NULL, user);
	gk_table_take(folder->files, it->path);
	is_last = it->key->files == it && !it->same;
	if (was_told && !is_last) {
		key *other = it->key;

		leave_key(folder, it);
		tell_key(other, ops, user);
	} else {
		leave_key(folder, it);
	}
	if (was_told && is_last && it->is_partial)
		ops->remove_partial(it->name, user);
	else if (was_told && is_last)
		ops->remove_prompt(it->name, it->variant, user);
	if (ops->gone)
		ops->gone(it->path, user);
	free_file(it);
}

/* Once for each that does not count. */
static void tell_clash(file *it, const gk_prompt_folder_ops *ops, void *user)
{
	file *first = it->key->files, *second = first != it ? it : it->same;

	if (!second || second->is_beaten)
		return;
	second->is_beaten = true;
	ops->clash(first->path, second->path, user);
}

static void tell_read(const news *it, const gk_prompt_folder_ops *ops, void *user)
{
	file *of = it->file;

	tell_key(of->key, ops, user);
	if (it->is_new && has_something(of))
		tell_clash(of, ops, user);
}

static void tell_mistake(const news *it, const gk_prompt_reading *reading,
	const gk_prompt_folder_ops *ops, void *user)
{
	const file *of = it->file;

	if (it->has_other_mistake)
		ops->mistake(of->path, of->is_partial ? NULL : of->name, of->variant,
			of->mistake ? &reading->mistake : NULL, user);
}

/* Partials, the rest as it was read, what is gone. */
static void tell(gk_prompt_folder *folder, const gk_prompt_reading *readings, news *all,
	size_t count, const gk_prompt_folder_ops *ops, void *user)
{
	for (int round = 0; round < 3; round++)
		for (size_t i = 0; i < count; i++) {
			file *it = all[i].file;
			bool is_gone = readings[i].state == GK_READING_GONE;

			if (!it || is_gone != (round == 2))
				continue;
			if (is_gone)
				tell_gone(folder, it, ops, user);
			else if (it->is_partial == (round == 0))
				tell_read(&all[i], ops, user);
			if (round == 1)
				tell_mistake(&all[i], &readings[i], ops, user);
		}
}

gk_code gk_prompt_folder_take(gk_prompt_folder *folder, gk_prompt_reading *readings, size_t count,
	const gk_prompt_folder_ops *ops, void *user, gk_error *err)
{
	gk_auto_str news *all = calloc(count + 1, sizeof(*all));
	size_t taken = 0;

	if (!all)
		return gk_error_no_memory(err);
	while (taken < count && take_one(folder, &readings[taken], &all[taken]))
		taken++;
	tell(folder, readings, all, taken, ops, user);
	return taken == count ? GK_OK : gk_error_no_memory(err);
}

/* --- all at once --- */

typedef struct paths {
	char **all;
	size_t count, room;
	bool no_memory;
} paths;

static void add_path(const char *path, void *user)
{
	paths *it = user;
	char **more = it->all;

	if (it->count == it->room) {
		more = realloc(it->all, (it->room * 2 + 16) * sizeof(*more));
		if (!more) {
			it->no_memory = true;
			return;
		}
		it->all = more;
		it->room = it->room * 2 + 16;
	}
	it->all[it->count] = strdup(path);
	if (it->all[it->count])
		it->count++;
	else
		it->no_memory = true;
}

static gk_code read_paths(const gk_prompt_folder *folder, const paths *it,
	gk_prompt_reading *readings, uint64_t *again_ms, gk_error *err)
{
	for (size_t i = 0; i < it->count; i++) {
		gk_code rc;

		readings[i].path = it->all[i];
		it->all[i] = NULL;
		readings[i].settle_ms = GK_PROMPT_SETTLE_MS;
		rc = gk_prompt_read(folder->path, &readings[i], err);
		if (rc != GK_OK)
			return rc;
		if (readings[i].again_ms > *again_ms)
			*again_ms = readings[i].again_ms;
	}
	return GK_OK;
}

gk_code gk_prompt_folder_scan(gk_prompt_folder *folder, const gk_prompt_folder_ops *ops, void *user,
	uint64_t *again_ms_ret, gk_error *err)
{
	gk_prompt_listing listing = { 0 };
	gk_prompt_reading *readings = NULL;
	paths changed = { 0 };
	gk_code rc = gk_prompt_list(folder->path, "", &listing, err);

	*again_ms_ret = 0;
	if (rc == GK_OK)
		gk_prompt_folder_compare(folder, &listing, "", add_path, &changed);
	if (rc == GK_OK)
		readings = calloc(changed.count + 1, sizeof(*readings));
	if (rc == GK_OK && (!readings || changed.no_memory))
		rc = gk_error_no_memory(err);
	if (rc == GK_OK)
		rc = read_paths(folder, &changed, readings, again_ms_ret, err);
	if (rc == GK_OK)
		rc = gk_prompt_folder_take(folder, readings, changed.count, ops, user, err);
	for (size_t i = 0; i < changed.count; i++) {
		free(changed.all[i]);
		if (readings)
			gk_prompt_reading_done(&readings[i]);
	}
	free(readings);
	free(changed.all);
	gk_prompt_listing_done(&listing);
	return rc;
}

gk_prompt_document *gk_prompt_folder_find(const gk_prompt_folder *folder, const char *name,
	const char *variant, const char **path_ret)
{
	gk_auto_str char *text = key_of(false, name, variant);
	const key *found = text ? gk_table_get(folder->keys, text) : NULL;

	if (!found || !found->told)
		return NULL;
	if (path_ret)
		*path_ret = found->told->path;
	return found->told->doc;
}
