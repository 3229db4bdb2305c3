/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "daemon/prompts.h"

#include "ai/prompt_file.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/str.h"
#include "base/table.h"
#include "daemon/config_internal.h"
#include "daemon/prompt_watch.h"
#include "dotprompt/prompt_folder.h"
#include "json/edit.h"

#include <stdio.h>

/* One directory. */
typedef struct folder {
	gk_prompts *all;
	json_t *config;
	const char *path; /* in `config` */
	bool is_flow;
	gk_prompt_folder *files;
	gk_prompt_watch *watch;
	gk_timer *timer;
	json_t *failed; /* name: what is wrong with a file that its folder finds right */
	json_t *shown;  /* name: what the metadata of a prompt says is wrong */
	json_t *logged; /* text: true; while what was found is taken over */
	/* Of the scan under way or just done: */
	gk_prompt_changes *changes;
	json_t *folders;
	bool is_scanning, is_wanted; /* is_wanted: again, when it is done */
	bool is_started;
	bool is_dropped; /* nobody but the scan knows it */
	struct folder *next;
} folder;

struct gk_prompts {
	gk_app *app;
	folder *first;
	gk_table *owners; /* name of a prompt: its folder */
	size_t scans;     /* under way */
};

/* Also when both are absent. */
static bool is_same_text(const char *a, const char *b)
{
	return a == b || gk_str_equal(a, b);
}

/* --- what was found, taken over --- */

static char *full_name(const char *name, const char *variant)
{
	char *full;

	return asprintf(&full, "%s%s%s", name, variant ? "." : "", variant ? variant : "") < 0
		       ? NULL
		       : full;
}

static void show(
	folder *it, const char *name, const char *variant, const char *full, const char *mistake);

/* A mistake may be told of a document and of its file. */
static void log_once(folder *it, const char *text)
{
	if (json_object_get(it->logged, text))
		return;
	json_object_set_new(it->logged, text, json_true());
	gk_log(GK_LOG_ERROR, "prompts", "%s", text);
}

/* A mistake with its place, which a document says below the directory; NULL when memory ran out. */
static char *placed(const folder *it, const char *full, const char *message)
{
	const char *file = strstr(message, ".prompt:");
	bool has_place = file && !memchr(message, ' ', (size_t)(file - message));
	char *text;
	int len = has_place ? asprintf(&text, "%s/%s", it->path, message)
			    : asprintf(&text, "%s: prompt '%s': %s", it->path, full, message);

	return len < 0 ? NULL : text;
}

/* Another folder may have it. */
static gk_code define(folder *it, const char *name, const char *variant, const char *full,
	gk_prompt_document *doc, const char *mistake, gk_error *err)
{
	const folder *owner = gk_table_get(it->all->owners, full);
	gk_code rc;

	if (owner && owner != it)
		return gk_error_set(
			err, GK_ALREADY_EXISTS, "there is one of that name in %s", owner->path);
	rc = gk_prompt_file_define(it->all->app,
		&(gk_prompt_file_opts){ .name = name,
			.variant = variant,
			.document = doc,
			.mistake = mistake,
			.is_flow = it->is_flow },
		err);
	if (rc == GK_OK && !owner && !gk_table_set(it->all->owners, full, it))
		gk_log(GK_LOG_ERROR, "prompts", "%s: out of memory", full);
	return rc;
}

static void set_prompt(const char *name, const char *variant, gk_prompt_document *doc, void *user)
{
	folder *it = user;
	gk_auto_error gk_error err = { 0 };
	gk_auto_str char *full = full_name(name, variant), *wrong = NULL;
	gk_code rc =
		full ? define(it, name, variant, full, doc, NULL, &err) : gk_error_no_memory(&err);

	if (rc != GK_OK && full && err.message)
		wrong = placed(it, full, err.message);
	if (rc != GK_OK)
		log_once(it, wrong ? wrong : "out of memory");
	if (rc == GK_OK) {
		json_object_del(it->failed, full);
		json_object_del(it->shown, full);
		if (gk_prompt_document_lacks_front_matter(doc))
			gk_log(GK_LOG_WARN, "prompts",
				"%s begins with --- and has no front matter: all of it goes to the model",
				full);
	} else if (wrong) {
		json_object_set_new(it->failed, full, json_string(wrong));
		show(it, name, variant, full, wrong);
	}
}

/* The last good version says what is wrong with the newest one; NULL: nothing any more. */
static void show(
	folder *it, const char *name, const char *variant, const char *full, const char *mistake)
{
	gk_auto_error gk_error err = { 0 };
	const folder *owner = gk_table_get(it->all->owners, full);

	if ((owner && owner != it) || (!owner && !mistake) ||
		is_same_text(json_string_value(json_object_get(it->shown, full)), mistake))
		return;
	if (!owner && !gk_table_set(it->all->owners, full, it))
		gk_log(GK_LOG_ERROR, "prompts", "%s: out of memory", full);
	if (gk_prompt_file_set_mistake(it->all->app, name, variant, mistake, &err) != GK_OK)
		gk_log(GK_LOG_ERROR, "prompts", "%s", err.message ? err.message : "out of memory");
	else if (mistake)
		json_object_set_new(it->shown, full, json_string(mistake));
	else
		json_object_del(it->shown, full);
}

static void remove_prompt(const char *name, const char *variant, void *user)
{
	folder *it = user;
	gk_auto_str char *full = full_name(name, variant);

	if (!full)
		return;
	json_object_del(it->failed, full);
	json_object_del(it->shown, full);
	if (gk_table_get(it->all->owners, full) != it)
		return;
	gk_prompt_file_remove(it->all->app, name, variant);
	gk_table_remove(it->all->owners, full);
}

static void set_partial(const char *name, const char *source, size_t len, void *user)
{
	folder *it = user;
	gk_engine *engine = gk_app_engine_peek(it->all->app);
	gk_auto_error gk_error err = { 0 };

	if (!engine || gk_engine_set_partial(engine, name, source, len, &err) != GK_OK)
		gk_log(GK_LOG_ERROR, "prompts", "%s", err.message ? err.message : "out of memory");
}

static void remove_partial(const char *name, void *user)
{
	folder *it = user;
	gk_engine *engine = gk_app_engine_peek(it->all->app);

	if (engine)
		gk_engine_remove_partial(engine, name);
}

static void mistake(const char *path, const gk_error *wrong, void *user)
{
	folder *it = user;
	gk_auto_str char *text = wrong->message ? placed(it, path, wrong->message) : NULL;

	log_once(it, text ? text : "out of memory");
}

static void show_mistakes(folder *it, json_t *files)
{
	json_t *file;
	size_t i;

	json_array_foreach (files, i, file) {
		const char *name = gk_json_str_peek(file, "name");
		const char *variant = gk_json_str_peek(file, "variant");
		const char *wrong = gk_json_str_peek(file, "error");
		gk_auto_str char *full = full_name(name, variant), *text = NULL;

		if (!full || json_object_get(file, "partial"))
			continue;
		text = wrong ? placed(it, full, wrong) : NULL;
		if (!wrong)
			wrong = json_string_value(json_object_get(it->failed, full));
		show(it, name, variant, full, text ? text : wrong);
	}
}

static void take_over(folder *it)
{
	static const gk_prompt_folder_ops ops = { set_prompt, remove_prompt, set_partial,
		remove_partial, mistake };

	if (gk_prompt_changes_is_empty(it->changes))
		return;
	json_object_clear(it->logged);
	gk_prompt_changes_apply(it->changes, &ops, it);
	show_mistakes(it, gk_prompt_changes_files_peek(it->changes));
	gk_log(GK_LOG_DEBUG, "prompts", "%s: %zu files", it->path,
		json_array_size(gk_prompt_changes_files_peek(it->changes)));
}

/* --- scanning --- */

static void begin_scan(void *user);

static void free_folder(folder *it)
{
	if (it->timer)
		gk_timer_stop(it->timer);
	gk_prompt_watch_free(it->watch);
	gk_prompt_folder_free(it->files);
	gk_prompt_changes_free(it->changes);
	json_decref(it->folders);
	json_decref(it->failed);
	json_decref(it->shown);
	json_decref(it->logged);
	json_decref(it->config);
	free(it);
}

/* On a worker, but for the first time. */
static gk_code scan(void *user, gk_error *err)
{
	folder *it = user;

	it->folders = gk_prompt_watch_list(it->path);
	if (!it->folders)
		return gk_error_no_memory(err);
	return gk_prompt_folder_scan(it->files, &it->changes, err);
}

static void look_again(folder *it, uint64_t after_ms)
{
	gk_auto_error gk_error err = { 0 };

	if (it->timer)
		gk_timer_again(it->timer, after_ms);
	else if (gk_timer_start(gk_app_loop(it->all->app), after_ms, 0, begin_scan, it, &it->timer,
			 &err) == GK_OK)
		gk_timer_unref(it->timer);
	else
		gk_log(GK_LOG_ERROR, "prompts", "%s is not watched: %s", it->path,
			err.message ? err.message : "out of memory");
}

/* What was found is taken over whole, in this turn of the loop. */
static void scanned(folder *it, gk_code rc, const gk_error *err)
{
	bool again = it->is_wanted, is_unsettled = false;

	it->is_wanted = false;
	if (rc == GK_OK) {
		take_over(it);
		is_unsettled = gk_prompt_changes_is_unsettled(it->changes);
	} else {
		gk_log(GK_LOG_ERROR, "prompts", "%s",
			err->message ? err->message : "out of memory");
	}
	gk_prompt_changes_free(gk_steal(it->changes));
	if (it->folders)
		again |= gk_prompt_watch_update(it->watch, it->folders);
	json_decref(gk_steal(it->folders));
	if (again || is_unsettled)
		look_again(it, GK_PROMPT_SETTLE_MS);
	else if (rc != GK_OK || !gk_prompt_watch_is_whole(it->watch))
		look_again(it, GK_PROMPT_LOOK_MS);
}

static void scan_done(void *user, gk_code rc, gk_error *err)
{
	folder *it = user;

	it->is_scanning = false;
	it->all->scans--;
	if (it->is_dropped)
		free_folder(it);
	else
		scanned(it, rc, err);
}

static void begin_scan(void *user)
{
	folder *it = user;
	gk_auto_error gk_error err = { 0 };

	if (it->is_scanning) {
		it->is_wanted = true;
		return;
	}
	if (gk_work_start(gk_app_loop(it->all->app), scan, scan_done, it, &err) != GK_OK) {
		look_again(it, GK_PROMPT_LOOK_MS);
		return;
	}
	it->is_scanning = true;
	it->all->scans++;
}

/* --- the directories --- */

static folder *new_folder(gk_prompts *all, json_t *config)
{
	folder *it = calloc(1, sizeof(*it));

	if (!it)
		return NULL;
	it->all = all;
	it->config = json_incref(config);
	it->path = gk_json_str_peek(config, "directory");
	it->is_flow = gk_json_bool_at(config, "flows", true);
	it->files = gk_prompt_folder_new(it->path, gk_json_str_peek(config, "prefix"));
	it->watch = gk_prompt_watch_new(gk_app_loop(all->app), begin_scan, it);
	it->failed = json_object();
	it->shown = json_object();
	it->logged = json_object();
	if (it->files && it->watch && it->failed && it->shown && it->logged)
		return it;
	free_folder(it);
	return NULL;
}

static void withdraw_prompt(folder *it, const char *full)
{
	gk_auto_str char *name = strdup(full);
	char *dot = name ? strchr(name, '.') : NULL;

	if (!name)
		return;
	if (dot)
		*dot++ = '\0';
	gk_prompt_file_remove(it->all->app, name, dot);
}

static void drop(folder *it, bool withdraws)
{
	gk_table_foreach (it->all->owners, entry) {
		if (gk_table_entry_value(entry) != it)
			continue;
		if (withdraws)
			withdraw_prompt(it, gk_table_entry_name(entry));
		gk_table_remove(it->all->owners, gk_table_entry_name(entry));
	}
	if (!it->is_scanning) {
		free_folder(it);
		return;
	}
	it->is_dropped = true;
	gk_prompt_watch_free(gk_steal(it->watch));
	if (it->timer)
		gk_timer_stop(gk_steal(it->timer));
}

static bool is_same(const folder *it, json_t *config)
{
	return gk_str_equal(it->path, gk_json_str_peek(config, "directory")) &&
	       is_same_text(gk_json_str_peek(it->config, "prefix"),
		       gk_json_str_peek(config, "prefix")) &&
	       it->is_flow == gk_json_bool_at(config, "flows", true);
}

static folder *take_same(folder **list, json_t *config)
{
	for (; *list; list = &(*list)->next)
		if (is_same(*list, config)) {
			folder *it = *list;

			*list = it->next;
			it->next = NULL;
			return it;
		}
	return NULL;
}

gk_prompts *gk_prompts_new(gk_app *app)
{
	gk_prompts *prompts = calloc(1, sizeof(*prompts));

	if (!prompts)
		return NULL;
	prompts->app = app;
	prompts->owners = gk_table_new(NULL);
	if (prompts->owners)
		return prompts;
	free(prompts);
	return NULL;
}

static gk_code make_new(gk_prompts *prompts, json_t *entries, folder ***made_ret, gk_error *err)
{
	folder **made = calloc(json_array_size(entries) + 1, sizeof(folder *));
	json_t *config;
	size_t i;

	if (!made)
		return gk_error_no_memory(err);
	json_array_foreach (entries, i, config) {
		made[i] = new_folder(prompts, config);
		if (made[i])
			continue;
		while (i--)
			free_folder(made[i]);
		free(made);
		return gk_error_no_memory(err);
	}
	*made_ret = made;
	return GK_OK;
}

static void start(folder *it, bool waits)
{
	gk_auto_error gk_error err = { 0 };

	it->is_started = true;
	if (waits)
		scanned(it, scan(it, &err), &err);
	else
		begin_scan(it);
}

gk_code gk_prompts_configure(gk_prompts *prompts, json_t *entries, bool waits, gk_error *err)
{
	size_t count = json_array_size(entries);
	folder **made = NULL, *old, *next, **last;
	gk_code rc = make_new(prompts, entries, &made, err);

	if (rc != GK_OK)
		return rc;
	old = gk_steal(prompts->first);
	for (size_t i = 0; i < count; i++) {
		folder *same = take_same(&old, made[i]->config);

		if (!same)
			continue;
		free_folder(made[i]);
		made[i] = same;
	}
	for (; old; old = next) {
		next = old->next;
		drop(old, true);
	}
	last = &prompts->first;
	for (size_t i = 0; i < count; i++) {
		*last = made[i];
		last = &made[i]->next;
	}
	for (size_t i = 0; i < count; i++)
		if (!made[i]->is_started)
			start(made[i], waits);
	free(made);
	return GK_OK;
}

void gk_prompts_free(gk_prompts *prompts)
{
	folder *next;

	if (!prompts)
		return;
	for (folder *it = prompts->first; it; it = next) {
		next = it->next;
		drop(it, false);
	}
	while (prompts->scans)
		gk_loop_turn(gk_app_loop(prompts->app), 10);
	gk_table_free(prompts->owners);
	free(prompts);
}
