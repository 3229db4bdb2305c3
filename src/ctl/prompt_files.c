/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* .prompt files without a daemon: what one says, and what is wrong with many. */
#include "ctl/prompts.h"

#include "ai/prompt_file.h"
#include "base/file.h"
#include "base/limits.h"
#include "dotprompt/picoschema.h"
#include "dotprompt/prompt_folder.h"
#include "json/edit.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define SETTLE_TRIES 50

typedef struct look {
	const char *folder;
	gk_engine *engine;
	json_t *lines; /* NULL: only partials matter */
	bool no_memory;
} look;

/* --- what a folder tells --- */

static void add_line(look *it, const char *text, bool is_error)
{
	if (it->lines && !gk_json_push_take(it->lines,
				 json_pack("{s:s, s:b}", "text", text, "isError", is_error)))
		it->no_memory = true;
}

/* `path`: of the file below the folder, unless the message begins with it. */
static void add(look *it, const char *path, const char *message, bool is_error)
{
	gk_auto_str char *text = NULL;
	bool has_place = strncmp(message, path, strlen(path)) == 0;
	int len = has_place ? asprintf(&text, "%s/%s", it->folder, message)
			    : asprintf(&text, "%s/%s: %s", it->folder, path, message);

	if (len < 0) {
		text = NULL;
		it->no_memory = true;
		return;
	}
	add_line(it, text, is_error);
}

/* Helpers and schemas may be defined by code that this program does not have. */
static bool may_be_defined(const gk_error *err)
{
	return err->message && (strstr(err->message, "unknown helper") ||
				       strstr(err->message, "could not find schema"));
}

/* Whether a schema of the metadata is one. */
static gk_code check_schema(json_t *metadata, const char *key, gk_error *err)
{
	json_t *schema = json_object_get(json_object_get(metadata, key), "schema");
	gk_auto_json json_t *plain = NULL;
	gk_schema *compiled = NULL;
	gk_code rc = GK_OK;

	if (json_is_object(schema))
		plain = gk_schema_drop_any_take(json_incref(schema));
	if (plain)
		rc = gk_schema_compile(plain, NULL, NULL, &compiled, err);
	gk_schema_unref(compiled);
	return rc;
}

/* All that can be wrong without an input. */
static gk_code check(gk_prompt_document *doc, gk_engine *engine, gk_error *err)
{
	static const char *const keys[] = { "input", "output" };
	gk_auto_json json_t *metadata = NULL;
	gk_code rc = gk_prompt_file_check(doc, err);

	if (rc == GK_OK)
		rc = gk_prompt_document_check(doc, engine, err);
	if (rc != GK_OK)
		return rc;
	rc = gk_prompt_document_metadata(doc, engine, NULL, &metadata, err);
	if (rc != GK_OK)
		return gk_prompt_document_key_mistake(doc, NULL, err);
	for (size_t i = 0; i < 2 && rc == GK_OK; i++) {
		rc = check_schema(metadata, keys[i], err);
		if (rc != GK_OK)
			gk_prompt_document_key_mistake(doc, keys[i], err);
	}
	return rc;
}

static void set_prompt(const char *path, const char *name, const char *variant,
	gk_prompt_document *doc, void *user)
{
	look *it = user;
	gk_auto_error gk_error err = { 0 };
	gk_code rc;

	(void)name, (void)variant;
	if (!it->lines)
		return;
	rc = check(doc, it->engine, &err);
	if (rc != GK_OK)
		add(it, path, err.message ? err.message : "out of memory", !may_be_defined(&err));
	if (gk_prompt_document_lacks_front_matter(doc))
		add(it, path,
			"it begins with --- and has no front matter: all of it goes to the model",
			false);
}

static void set_partial(const char *name, const char *source, size_t len, void *user)
{
	look *it = user;

	if (gk_engine_set_partial(it->engine, name, source, len, NULL) != GK_OK)
		it->no_memory = true;
}

static void remove_prompt(const char *name, const char *variant, void *user)
{
	(void)name, (void)variant, (void)user;
}

static void remove_partial(const char *name, void *user)
{
	(void)name, (void)user;
}

static void mistake(
	const char *path, const char *name, const char *variant, const gk_error *wrong, void *user)
{
	(void)name, (void)variant;
	if (wrong)
		add(user, path, wrong->message ? wrong->message : "out of memory", true);
}

static void clash(const char *path, const char *other, void *user)
{
	gk_auto_str char *text = NULL;

	if (asprintf(&text, "it has the name of %s, which counts", path) < 0)
		text = NULL;
	add(user, other, text ? text : "out of memory", false);
}

/* All of it, also what was written a moment ago. */
static gk_code read_folder(look *it, gk_error *err)
{
	static const gk_prompt_folder_ops ops = { set_prompt, remove_prompt, set_partial,
		remove_partial, mistake, clash, NULL };
	gk_prompt_folder *folder = gk_prompt_folder_new(it->folder, NULL);
	uint64_t again_ms = 1;
	gk_code rc = folder ? GK_OK : gk_error_no_memory(err);

	for (int i = 0; rc == GK_OK && again_ms && i < SETTLE_TRIES; i++) {
		rc = gk_prompt_folder_scan(folder, &ops, it, &again_ms, err);
		if (rc == GK_OK && again_ms)
			usleep((useconds_t)again_ms * 1000);
	}
	gk_prompt_folder_free(folder);
	return rc == GK_OK && it->no_memory ? gk_error_no_memory(err) : rc;
}

/* --- lint --- */

gk_code gk_ctl_lint(const char *folder, json_t **ret, gk_error *err)
{
	gk_auto_engine gk_engine *engine = gk_engine_new(NULL);
	gk_auto_json json_t *lines = json_array();
	look it = { .folder = folder, .engine = engine, .lines = lines };
	struct stat info;
	gk_code rc;

	if (!engine || !lines)
		return gk_error_no_memory(err);
	if (stat(folder, &info) < 0)
		return gk_error_set(err, GK_NOT_FOUND, "%s: %s", folder, strerror(errno));
	if (!S_ISDIR(info.st_mode))
		return gk_error_set(err, GK_INVALID_ARGUMENT, "%s is no folder", folder);
	rc = read_folder(&it, err);
	if (rc == GK_OK)
		*ret = gk_steal(lines);
	return rc;
}

/* --- render --- */

static bool has_prompts(const char *folder)
{
	DIR *dir = opendir(folder);
	bool found = false;
	const struct dirent *entry;

	while (dir && !found && (entry = readdir(dir)) != NULL)
		found = gk_prompt_is_file(entry->d_name);
	if (dir)
		closedir(dir);
	return found;
}

/* The outermost folder of prompts that a file is in: its partials may be anywhere below. NULL when memory ran out. */
static char *folder_of(const char *path)
{
	char *whole = realpath(path, NULL), *slash = whole ? strrchr(whole, '/') : NULL;

	if (!whole)
		return errno == ENOMEM ? NULL : strdup(".");
	while (slash > whole) {
		char *outer;

		*slash = '\0';
		outer = strrchr(whole, '/');
		*outer = '\0';
		if (outer == whole || !has_prompts(whole)) {
			*outer = '/';
			return whole;
		}
		slash = outer;
		*outer = '/';
	}
	whole[1] = '\0'; /* the root */
	return whole;
}

gk_code gk_ctl_render(const char *path, json_t *input, json_t **ret, gk_error *err)
{
	gk_auto_engine gk_engine *engine = gk_engine_new(NULL);
	gk_auto_prompt_document gk_prompt_document *doc = NULL;
	gk_auto_str char *text = NULL, *folder = folder_of(path);
	look it = { .folder = folder, .engine = engine };
	size_t len;
	gk_code rc;

	if (!engine || !folder)
		return gk_error_no_memory(err);
	rc = gk_file_read(path, GK_MAX_PROMPT_FILE, &text, &len, err);
	if (rc == GK_OK)
		rc = gk_prompt_document_parse(text, len, path, &doc, err);
	if (rc == GK_OK)
		rc = read_folder(&it, err);
	if (rc == GK_OK)
		rc = gk_prompt_document_messages(
			doc, engine, NULL, &(gk_prompt_data){ .input = input }, ret, err);
	return rc;
}
