/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Which executables are actions. */
#include "daemon/exec_internal.h"

#include "base/log.h"
#include "base/str.h"
#include "base/table.h"
#include "daemon/config_internal.h"
#include "dotprompt/picoschema.h"
#include "json/edit.h"

#include <stdio.h>

struct gk_exec {
	gk_app *app;
	gk_table *entries; /* key: gk_exec_entry; a reference */
};

/* The table's reference, and one of each action: a run that has found one may be about to begin. */
static void entry_unref(void *it)
{
	gk_exec_entry *entry = it;

	if (--entry->refs)
		return;
	json_decref(entry->config);
	free(entry->key);
	free(entry->argv);
	free(entry);
}

static gk_exec_entry *entry_ref(gk_exec_entry *entry)
{
	entry->refs++;
	return entry;
}

gk_exec *gk_exec_new(gk_app *app)
{
	gk_exec *exec = calloc(1, sizeof(*exec));

	if (!exec)
		return NULL;
	exec->app = app;
	exec->entries = gk_table_new(entry_unref);
	if (exec->entries)
		return exec;
	free(exec);
	return NULL;
}

void gk_exec_free(gk_exec *exec)
{
	if (!exec)
		return;
	gk_table_free(exec->entries);
	free(exec);
}

/* --- one entry --- */

static gk_exec_entry *entry_new(json_t *config)
{
	gk_exec_entry *entry = calloc(1, sizeof(*entry));
	json_t *command = json_object_get(config, "command"), *part;
	size_t i;

	if (!entry)
		return NULL;
	entry->refs = 1;
	TAILQ_INIT(&entry->waiters);
	entry->config = json_incref(config);
	entry->name = gk_json_str_peek(config, "name");
	entry->env = json_object_get(config, "env");
	entry->directory = gk_json_str_peek(config, "directory");
	entry->is_stream = gk_json_bool_at(config, "stream", false);
	entry->timeout_ms = (uint64_t)gk_json_int_at(config, "timeout", 0);
	entry->max_running = (size_t)gk_json_int_at(config, "max_concurrent", 1);
	entry->argv = calloc(json_array_size(command) + 1, sizeof(*entry->argv));
	if (!entry->argv || asprintf(&entry->key, "/%s/%s", gk_json_str_peek(config, "type"),
				    entry->name) < 0) {
		entry->key = NULL;
		entry_unref(entry);
		return NULL;
	}
	json_array_foreach (command, i, part)
		entry->argv[i] = json_string_value(part);
	return entry;
}

static gk_code define_as(
	gk_exec *exec, gk_exec_entry *entry, const char *input, const char *output, gk_error *err)
{
	const char *description = gk_json_str_peek(entry->config, "description");

	if (gk_str_has_prefix(entry->key, "/tool/"))
		return gk_define_tool(exec->app,
			GK_OPTS(gk_tool_opts, .name = entry->name, .description = description,
				.input = input, .output = output, .run = gk_exec_run, .user = entry,
				.free_user = entry_unref),
			err);
	return gk_define_flow(exec->app,
		GK_OPTS(gk_flow_opts, .name = entry->name, .description = description,
			.input = input, .output = output, .run = gk_exec_run, .user = entry,
			.free_user = entry_unref),
		err);
}

static gk_code define(gk_exec *exec, gk_exec_entry *entry, gk_error *err)
{
	gk_auto_str char *input = NULL, *output = NULL;
	gk_code rc = gk_schema_to_text(json_object_get(entry->config, "input"), &input, err);

	if (rc == GK_OK)
		rc = gk_schema_to_text(json_object_get(entry->config, "output"), &output, err);
	if (rc != GK_OK)
		return rc;
	entry->refs++;
	rc = define_as(exec, entry, input, output, err);
	entry->refs -= rc != GK_OK; /* still ours */
	return rc;
}

/* A tool has a twin. */
static void withdraw(gk_exec *exec, const gk_exec_entry *entry)
{
	gk_app_remove_action(exec->app, entry->key);
	if (gk_str_has_prefix(entry->key, "/tool/"))
		gk_app_remove_named(exec->app, "tool.v2", entry->name);
}

/* --- all of them --- */

/* What was there before has been withdrawn: puts it back. */
static void restore(gk_exec *exec, gk_exec_entry *entry)
{
	gk_auto_error gk_error err = { 0 };

	if (define(exec, entry, &err) == GK_OK)
		return;
	gk_log(GK_LOG_ERROR, "exec", "%s is gone: %s", entry->key, err.message ? err.message : "?");
	gk_table_remove(exec->entries, entry->key);
}

static bool is_same(const gk_exec_entry *entry, const json_t *config)
{
	gk_auto_json json_t *a = json_copy(entry->config), *b = json_copy((json_t *)config);

	if (!a || !b)
		return false;
	json_object_del(a, GK_ENTRY_WHERE);
	json_object_del(b, GK_ENTRY_WHERE);
	return json_equal(a, b);
}

/* Puts `entry` (NULL: nothing) in the place of `old` (NULL: nothing). */
static gk_code replace(gk_exec *exec, gk_exec_entry *old, gk_exec_entry *entry, gk_error *err)
{
	gk_code rc = GK_OK;

	if (old)
		withdraw(exec, old);
	if (entry) {
		rc = define(exec, entry, err);
		if (rc == GK_OK && !gk_table_set(exec->entries, entry->key, entry_ref(entry))) {
			entry_unref(entry);
			withdraw(exec, entry);
			rc = gk_error_no_memory(err);
		}
	} else if (old) {
		gk_table_remove(exec->entries, old->key);
	}
	if (rc != GK_OK && old)
		restore(exec, old);
	return rc;
}

/* What configure() has done so far, to undo it: references. */
typedef struct change {
	gk_exec_entry *old, *entry; /* NULL: none */
} change;

static void change_done(change *it)
{
	if (it->old)
		entry_unref(it->old);
	if (it->entry)
		entry_unref(it->entry);
}

static gk_code apply_one(gk_exec *exec, json_t *config, change *ret, gk_error *err)
{
	const char *where = gk_config_entry_where(config);
	gk_exec_entry *entry = entry_new(config), *old;
	gk_code rc;

	if (!entry)
		return gk_error_no_memory(err);
	old = gk_table_get(exec->entries, entry->key);
	if (old && is_same(old, config)) {
		entry_unref(entry);
		return GK_OK;
	}
	*ret = (change){ old ? entry_ref(old) : NULL, entry };
	rc = replace(exec, old, entry, err);
	if (rc == GK_OK)
		return GK_OK;
	gk_error_prefix(err, "%s: exec '%s': ", where ? where : "exec", entry->name);
	change_done(ret);
	*ret = (change){ 0 };
	return rc;
}

static void undo(gk_exec *exec, change *done)
{
	gk_auto_error gk_error err = { 0 };

	if (!done->old && !done->entry)
		return;
	if (replace(exec, done->entry, done->old, &err) != GK_OK)
		gk_log(GK_LOG_ERROR, "exec", "%s", err.message ? err.message : "?");
}

static bool is_listed(json_t *entries, const gk_exec_entry *entry)
{
	json_t *config;
	size_t i;

	json_array_foreach (entries, i, config)
		if (gk_str_equal(gk_json_str_peek(config, "name"), entry->name) &&
			gk_str_equal(gk_json_str_peek(config, "type"),
				gk_json_str_peek(entry->config, "type")))
			return true;
	return false;
}

static void withdraw_others(gk_exec *exec, json_t *entries)
{
	gk_table_foreach (exec->entries, item) {
		gk_exec_entry *entry = gk_table_entry_value(item);

		if (is_listed(entries, entry))
			continue;
		withdraw(exec, entry);
		gk_table_remove(exec->entries, gk_table_entry_name(item));
	}
}

gk_code gk_exec_configure(gk_exec *exec, json_t *entries, gk_error *err)
{
	size_t count = json_array_size(entries), done = 0;
	change *changes = calloc(count + 1, sizeof(*changes));
	gk_code rc = GK_OK;

	if (!changes)
		return gk_error_no_memory(err);
	for (; rc == GK_OK && done < count; done++)
		rc = apply_one(exec, json_array_get(entries, done), &changes[done], err);
	if (rc == GK_OK)
		withdraw_others(exec, entries);
	while (done--) {
		if (rc != GK_OK)
			undo(exec, &changes[done]);
		change_done(&changes[done]);
	}
	free(changes);
	return rc;
}
