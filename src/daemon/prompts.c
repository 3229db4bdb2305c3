/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "daemon/prompts.h"

#include "ai/prompt_file.h"
#include "base/log.h"
#include "base/str.h"
#include "base/table.h"
#include "daemon/config_internal.h"
#include "daemon/prompt_sync.h"
#include "json/edit.h"

#include <stdio.h>

/* One directory. */
typedef struct folder {
	gk_prompts *all;
	json_t *config;
	const char *path; /* in `config` */
	bool is_flow, is_started;
	gk_engine *engine; /* its partials, over the application's */
	gk_prompt_sync *sync;
	json_t *refused; /* path: what is wrong with a file that its folder finds right */
	struct folder *next;
} folder;

struct gk_prompts {
	gk_app *app;
	folder *first;
	gk_table *owners; /* name of a prompt: its folder */
	size_t running;   /* jobs on workers */
};

/* Also when both are absent. */
static bool is_same_text(const char *a, const char *b)
{
	return a == b || gk_str_equal(a, b);
}

static void log_error(const gk_error *err)
{
	gk_log(GK_LOG_ERROR, "prompts", "%s", err->message ? err->message : "out of memory");
}

/* --- names and their owners --- */

static char *full_name(const char *name, const char *variant)
{
	char *full;

	return asprintf(&full, "%s%s%s", name, variant ? "." : "", variant ? variant : "") < 0
		       ? NULL
		       : full;
}

/* A mistake with its place, which a document says below the directory; NULL when memory ran out. */
static char *placed(const folder *it, const char *path, const char *message)
{
	size_t len = strlen(path);
	bool has_place = strncmp(message, path, len) == 0 && message[len] == ':';
	char *text;

	return asprintf(&text, "%s/%s%s%s", it->path, has_place ? "" : path, has_place ? "" : ": ",
		       message) < 0
		       ? NULL
		       : text;
}

/* The directory that has a name; `it` becomes it where there is none. */
static folder *owner_of(folder *it, const char *full)
{
	folder *owner = gk_table_get(it->all->owners, full);

	if (owner)
		return owner;
	return gk_table_set(it->all->owners, full, it) ? it : NULL;
}

static bool is_owner(folder *it, const char *full)
{
	return full && gk_table_get(it->all->owners, full) == it;
}

/* --- mistakes --- */

/* What serves, or stands in its place, says what is wrong with the newest version; NULL: nothing any more. */
static void show(folder *it, const char *name, const char *variant, const char *mistake)
{
	gk_auto_error gk_error err = { 0 };
	gk_auto_str char *full = full_name(name, variant);

	if (!full || owner_of(it, full) != it)
		return;
	if (gk_prompt_file_set_mistake(it->all->app, name, variant, mistake, &err) != GK_OK)
		log_error(&err);
}

static void log_mistake(const folder *it, const char *path, const char *message, char **ret)
{
	*ret = placed(it, path, message);
	gk_log(GK_LOG_ERROR, "prompts", "%s", *ret ? *ret : "out of memory");
}

/* --- what changed --- */

static gk_code refuse_second(const folder *it, const folder *owner, const char *path,
	const char *name, const char *variant, gk_error *err)
{
	const char *other = NULL;

	gk_prompt_folder_find(gk_prompt_sync_folder_peek(owner->sync), name, variant, &other);
	return gk_error_set(err, GK_ALREADY_EXISTS, "%s/%s: the prompt %s%s%s is %s/%s already",
		it->path, path, name, variant ? "." : "", variant ? variant : "", owner->path,
		other ? other : "");
}

static gk_code define(folder *it, const char *path, const char *name, const char *variant,
	gk_prompt_document *doc, gk_error *err)
{
	gk_auto_str char *full = full_name(name, variant);
	folder *owner = full ? owner_of(it, full) : NULL;

	if (!owner)
		return gk_error_no_memory(err);
	if (owner != it && gk_prompt_file_serves(it->all->app, name, variant))
		return refuse_second(it, owner, path, name, variant, err);
	if (owner != it && !gk_table_set(it->all->owners, full, it)) /* the other's is broken */
		return gk_error_no_memory(err);
	return gk_prompt_file_define(it->all->app,
		&(gk_prompt_file_opts){ .name = name,
			.variant = variant,
			.document = doc,
			.engine = it->engine,
			.is_flow = it->is_flow },
		err);
}

static void set_prompt(const char *path, const char *name, const char *variant,
	gk_prompt_document *doc, void *user)
{
	folder *it = user;
	gk_auto_error gk_error err = { 0 };
	gk_auto_str char *text = NULL;
	gk_code rc = define(it, path, name, variant, doc, &err);

	if (rc == GK_OK)
		json_object_del(it->refused, path);
	if (rc == GK_OK && gk_prompt_document_lacks_front_matter(doc))
		gk_log(GK_LOG_WARN, "prompts",
			"%s/%s begins with --- and has no front matter: all of it goes to the model",
			it->path, path);
	if (rc == GK_ALREADY_EXISTS)
		log_error(&err);
	else if (rc != GK_OK)
		log_mistake(it, path, err.message ? err.message : "out of memory", &text);
	if (!text)
		return;
	json_object_set_new(it->refused, path, json_string(text));
	show(it, name, variant, text);
}

/* Another directory may have one of that name. */
static void offer(gk_prompts *all, const char *name, const char *variant)
{
	for (folder *it = all->first; it; it = it->next) {
		const char *path = NULL;
		gk_prompt_document *doc = gk_prompt_folder_find(
			gk_prompt_sync_folder_peek(it->sync), name, variant, &path);

		if (!doc)
			continue;
		set_prompt(path, name, variant, doc, it);
		return;
	}
}

static void withdraw(folder *it, const char *full)
{
	gk_prompt_file_remove(it->all->app, full, NULL);
	gk_table_remove(it->all->owners, full);
}

static void remove_prompt(const char *name, const char *variant, void *user)
{
	folder *it = user;
	gk_auto_str char *full = full_name(name, variant);

	if (!is_owner(it, full))
		return;
	withdraw(it, full);
	offer(it->all, name, variant);
}

static void set_partial(const char *name, const char *source, size_t len, void *user)
{
	folder *it = user;
	gk_auto_error gk_error err = { 0 };

	if (gk_engine_set_partial(it->engine, name, source, len, &err) != GK_OK)
		log_error(&err);
}

static void remove_partial(const char *name, void *user)
{
	folder *it = user;

	gk_engine_remove_partial(it->engine, name);
}

static void mistake(
	const char *path, const char *name, const char *variant, const gk_error *wrong, void *user)
{
	folder *it = user;
	gk_auto_str char *text = NULL, *full = name ? full_name(name, variant) : NULL;

	if (wrong)
		log_mistake(it, path, wrong->message ? wrong->message : "out of memory", &text);
	if (!name || (wrong && !text))
		return;
	if (!wrong && !gk_prompt_file_serves(it->all->app, name, variant) && is_owner(it, full))
		withdraw(it, full); /* it stood for its mistake alone, and is gone */
	else
		show(it, name, variant,
			text ? text : json_string_value(json_object_get(it->refused, path)));
}

static void forget(const char *path, void *user)
{
	folder *it = user;

	json_object_del(it->refused, path);
}

static void clash(const char *path, const char *other, void *user)
{
	const folder *it = user;

	gk_log(GK_LOG_WARN, "prompts", "%s/%s and %s/%s have one name: the first counts", it->path,
		path, it->path, other);
}

/* --- the directories --- */

static void free_folder(folder *it)
{
	gk_prompt_sync_free(it->sync);
	gk_engine_unref(it->engine);
	json_decref(it->refused);
	json_decref(it->config);
	free(it);
}

static folder *new_folder(gk_prompts *all, json_t *config)
{
	static const gk_prompt_folder_ops ops = { set_prompt, remove_prompt, set_partial,
		remove_partial, mistake, clash, forget };
	gk_engine *engine = gk_app_engine_peek(all->app);
	folder *it = calloc(1, sizeof(*it));

	if (!it)
		return NULL;
	it->all = all;
	it->config = json_incref(config);
	it->path = gk_json_str_peek(config, "directory");
	it->is_flow = gk_json_bool_at(config, "flows", true);
	it->engine = engine ? gk_engine_new(engine) : NULL;
	it->refused = json_object();
	it->sync = gk_prompt_sync_new(&(gk_prompt_sync_opts){ .loop = gk_app_loop(all->app),
		.path = it->path,
		.prefix = gk_json_str_peek(config, "prefix"),
		.ops = &ops,
		.user = it,
		.running = &all->running });
	if (it->engine && it->refused && it->sync)
		return it;
	free_folder(it);
	return NULL;
}

/* All names of a directory that goes; another may have them as well. */
static void drop(folder *it)
{
	gk_auto_json json_t *names = json_array();
	json_t *full;
	size_t i;

	gk_table_foreach (it->all->owners, entry) {
		if (gk_table_entry_value(entry) != it)
			continue;
		json_array_append_new(names, json_string_nocheck(gk_table_entry_name(entry)));
		withdraw(it, gk_table_entry_name(entry));
	}
	json_array_foreach (names, i, full) {
		gk_auto_str char *name = strdup(json_string_value(full));
		char *slash =
			name ? strrchr(name, '/') : NULL; /* a folder may have dots in its name */
		char *dot = name ? strchr(slash ? slash : name, '.') : NULL;

		if (dot)
			*dot++ = '\0';
		if (name)
			offer(it->all, name, dot);
	}
	free_folder(it);
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

gk_code gk_prompts_configure(gk_prompts *prompts, json_t *entries, bool waits, gk_error *err)
{
	size_t count = json_array_size(entries);
	folder **made = NULL, *old, *next, **last = &prompts->first;
	gk_code rc = make_new(prompts, entries, &made, err);

	if (rc != GK_OK)
		return rc;
	old = gk_steal(prompts->first);
	for (size_t i = 0; i < count; i++) {
		folder *same = take_same(&old, made[i]->config);

		if (same) {
			free_folder(made[i]);
			made[i] = same;
		}
		*last = made[i];
		last = &made[i]->next;
	}
	for (; old; old = next) {
		next = old->next;
		drop(old);
	}
	for (size_t i = 0; i < count; i++)
		if (!made[i]->is_started) {
			made[i]->is_started = true;
			gk_prompt_sync_start(made[i]->sync, waits);
		}
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
		free_folder(it);
	}
	while (prompts->running)
		gk_loop_turn(gk_app_loop(prompts->app), 10);
	gk_table_free(prompts->owners);
	free(prompts);
}
