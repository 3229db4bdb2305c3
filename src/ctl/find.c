/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Which daemon: said, or found by the file it leaves in its project. */
#include "ctl/ctl.h"

#include "base/file.h"
#include "base/limits.h"
#include "base/str.h"
#include "server/runtime_file.h"

#include <dirent.h>
#include <errno.h>
#include <genkit/json.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#define USUAL_URL "http://127.0.0.1:3100"

static json_t *read_json(const char *path)
{
	gk_auto_str char *text = NULL;
	json_t *value = NULL;
	size_t len;

	if (gk_file_read(path, GK_MAX_RUNTIME_FILE, &text, &len, NULL) != GK_OK ||
		gk_json_parse(text, len, GK_MAX_RUNTIME_FILE, &value, NULL) != GK_OK)
		return NULL;
	return value;
}

/* A daemon that was killed has left its file behind. */
static bool is_alive(const json_t *runtime)
{
	int64_t pid = gk_json_int_at(runtime, "pid", 0);

	return pid <= 0 || kill((pid_t)pid, 0) == 0 || errno != ESRCH;
}

/* The address of the newest runtime below a project's root; NULL: there is none. */
static char *newest_runtime(const char *root)
{
	gk_auto_str char *folder = NULL, *newest = NULL, *url = NULL;
	struct dirent *entry;
	DIR *dir;

	if (asprintf(&folder, "%s/.genkit/runtimes", root) < 0)
		folder = NULL;
	dir = folder ? opendir(folder) : NULL;
	while (dir && (entry = readdir(dir)) != NULL) {
		gk_auto_str char *path = NULL;
		gk_auto_json json_t *runtime = NULL;
		const char *when, *where;

		if (entry->d_name[0] == '.')
			continue;
		if (asprintf(&path, "%s/%s", folder, entry->d_name) < 0)
			path = NULL;
		runtime = path ? read_json(path) : NULL;
		when = gk_json_str_peek(runtime, "timestamp");
		where = gk_json_str_peek(runtime, "reflectionServerUrl");
		if (!when || !where || (newest && strcmp(when, newest) <= 0) || !is_alive(runtime))
			continue;
		free(newest);
		free(url);
		newest = strdup(when);
		url = strdup(where);
	}
	if (dir)
		closedir(dir);
	return gk_steal(url);
}

gk_code gk_ctl_find_daemon(
	const gk_ctl_options *options, const char *from_environment, char **ret, gk_error *err)
{
	const char *said = options->url ? options->url : from_environment;
	gk_auto_str char *folder = NULL, *root = NULL;
	bool is_said = said && *said;
	char *url = is_said ? strdup(said) : NULL;
	size_t len;

	if (!is_said) {
		folder = getcwd(NULL, 0);
		if (folder && gk_project_root(folder, &root, NULL) == GK_OK)
			url = newest_runtime(root);
	}
	if (!is_said && !url)
		url = strdup(USUAL_URL);
	if (!url)
		return gk_error_no_memory(err);
	len = strlen(url);
	if (len && url[len - 1] == '/')
		url[len - 1] = '\0';
	*ret = url;
	return GK_OK;
}
