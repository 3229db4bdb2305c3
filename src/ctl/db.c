/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* genkitctl db: what keeps the daemon's store sound. */
#include "ctl/db.h"

#include "base/str.h"

#include <stdio.h>
#include <unistd.h>

static gk_code usage(gk_error *err)
{
	return gk_error_set(err, GK_INVALID_ARGUMENT,
		"db: check, stats, vacuum or backup FILE; see 'genkitctl db --help'");
}

/* The daemon's directory is not ours: it is told the whole path. */
static gk_code absolute(const char *file, char **ret, gk_error *err)
{
	gk_auto_str char *here = file[0] == '/' ? strdup("") : getcwd(NULL, 0);

	if (!here || asprintf(ret, "%s%s%s", here, *here ? "/" : "", file) < 0)
		*ret = NULL;
	return *ret ? GK_OK : gk_error_no_memory(err);
}

static gk_code ask(gk_ctl *ctl, const char *chore, const char *path, json_t **ret, gk_error *err)
{
	gk_auto_json json_t *body = path ? json_pack("{s:s}", "path", path) : json_object();
	gk_auto_str char *target = NULL;

	if (!body || asprintf(&target, "/api/store/%s", chore) < 0) {
		target = NULL;
		return gk_error_no_memory(err);
	}
	return gk_ctl_ask(ctl, target, body, ret, err);
}

static void print_rows(const json_t *answer)
{
	gk_auto_json json_t *rows = json_array();
	const char *key;
	json_t *value;

	json_object_foreach ((json_t *)(uintptr_t)answer, key, value) {
		gk_auto_str char *text = json_is_string(value) ? strdup(json_string_value(value))
							       : gk_json_write(value, NULL);

		json_array_append_new(rows, json_pack("[s, s]", key, text ? text : ""));
	}
	gk_ctl_print_table(rows);
}

/* What SQLite says is wrong, a line each. */
static gk_code print_check(const json_t *answer, gk_error *err)
{
	json_t *message;
	size_t i;

	if (gk_json_bool_at(answer, "ok", false)) {
		printf("ok\n");
		return GK_OK;
	}
	json_array_foreach (json_object_get(answer, "messages"), i, message)
		printf("%s\n", json_string_value(message));
	return gk_error_set(err, GK_DATA_LOSS, "the store is damaged");
}

gk_code gk_ctl_db(gk_ctl *ctl, gk_error *err)
{
	const char *chore = ctl->options->words[0];
	bool is_backup = strcmp(chore, "backup") == 0, is_check = strcmp(chore, "check") == 0;
	gk_auto_json json_t *answer = NULL;
	gk_auto_str char *path = NULL;
	gk_code rc = GK_OK;

	if (!is_backup && !is_check && strcmp(chore, "stats") != 0 && strcmp(chore, "vacuum") != 0)
		return usage(err);
	if ((ctl->options->word_count == 2) != is_backup)
		return usage(err);
	if (is_backup)
		rc = absolute(ctl->options->words[1], &path, err);
	if (rc == GK_OK && ctl->options->file)
		rc = gk_ctl_db_file(ctl->options->file, chore, path, &answer, err);
	else if (rc == GK_OK)
		rc = strcmp(chore, "stats") == 0 ? gk_ctl_ask(ctl, "/api/store", NULL, &answer, err)
						 : ask(ctl, chore, path, &answer, err);
	if (rc != GK_OK)
		return rc;
	if (ctl->options->is_json)
		gk_ctl_print_line(answer);
	if (is_check && !ctl->options->is_json)
		return print_check(answer, err);
	if (!ctl->options->is_json)
		print_rows(answer);
	return GK_OK;
}
