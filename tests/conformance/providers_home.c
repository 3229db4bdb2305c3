/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* The folder that is HOME while a case runs, and the environment, which is the case's own. */
#include "providers.h"

#include "base/str.h"

#include <ftw.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static void write_file(char *path, const char *text)
{
	FILE *file;

	for (size_t i = 1; path[i]; i++) {
		if (path[i] != '/')
			continue;
		path[i] = '\0';
		mkdir(path, 0700);
		path[i] = '/';
	}
	file = fopen(path, "we");
	if (!file || fputs(text, file) < 0 || fclose(file) != 0)
		abort();
}

char *play_path(const play *it, const char *path)
{
	char *text;

	if (asprintf(&text, "%s%s", *path == '~' ? it->home : "", path + (*path == '~')) < 0)
		abort();
	return text;
}

void play_move_in(play *it)
{
	json_t *env, *value;
	const char *name;

	strcpy(it->home, "/tmp/conformance-home-XXXXXX");
	if (!mkdtemp(it->home))
		abort();
	it->env = env = json_pack("{s:s}", "HOME", it->home);
	json_object_foreach (json_object_get(it->doc, "env"), name, value) {
		const char *text = json_string_value(value);
		gk_auto_str char *own = gk_str_has_prefix(text, "~/") ? play_path(it, text) : NULL;

		if (!own)
			own = play_fill(text);
		json_object_set_new(env, name, json_string(own));
	}
	json_object_foreach (json_object_get(it->doc, "files"), name, value) {
		gk_auto_str char *path = play_path(it, name);
		gk_auto_str char *text = play_fill(json_string_value(value));

		write_file(path, text);
	}
}

static int remove_one(const char *path, const struct stat *info, int type, struct FTW *at)
{
	(void)info;
	(void)type;
	(void)at;
	return remove(path);
}

void play_move_out(play *it)
{
	if (*it->home)
		nftw(it->home, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	json_decref(it->env);
}

const char *play_env(const char *name, void *user)
{
	return json_string_value(json_object_get(((const play *)user)->env, name));
}
