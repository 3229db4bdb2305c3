/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* skills: folders with a SKILL.md are told to the model, which may read them
 * (generate section 5.6). */
#include "ai/middleware_builtin.h"

#include "ai/files.h"
#include "ai/middleware_tools.h"
#include "ai/request.h"
#include "base/buf.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/str.h"
#include "base/table.h"
#include "core/call.h"
#include "json/edit.h"

#include <errno.h>
#include <stdio.h>

#define MARK           "skills-instructions"
#define NO_DESCRIPTION "No description provided."

/* One skill. */
typedef struct skill {
	char *folder; /* that has the file */
	char *description;
} skill;

typedef struct skills_state {
	unsigned refs;
	json_t *paths;
	gk_table *skills; /* by name */
} skills_state;

static void free_skill(void *it)
{
	skill *mine = it;

	free(mine->folder);
	free(mine->description);
	free(mine);
}

static void unref_state(void *it)
{
	skills_state *state = it;

	if (--state->refs)
		return;
	json_decref(state->paths);
	gk_table_free(state->skills);
	free(state);
}

/* --- finding them, on a worker --- */

/* The value of `description:` between the first two lines "---"; NULL: there is
 * none. */
static char *read_description(const char *text)
{
	const char *end = gk_str_has_prefix(text, "---\n") ? strstr(text + 3, "\n---") : NULL;

	for (const char *line = text; end && line < end; line = strchr(line, '\n') + 1) {
		const char *value = line + strlen("description:");
		size_t len;

		if (!gk_str_has_prefix(line, "description:"))
			continue;
		value += strspn(value, " \t");
		len = strcspn(value, "\r\n");
		while (len && strchr(" \t", value[len - 1]))
			len--;
		if (len > 1 && strchr("'\"", *value) && value[len - 1] == *value)
			return strndup(value + 1, len - 2);
		return len ? strndup(value, len) : NULL;
	}
	return NULL;
}

static gk_code read_skill(
	skills_state *state, const gk_files *folder, const char *name, gk_error *err)
{
	gk_auto_error gk_error failure = { 0 };
	gk_auto_str char *path = NULL, *text = NULL;
	skill *mine;
	size_t len;

	if (asprintf(&path, "%s/SKILL.md", name) < 0) {
		path = NULL;
		return gk_error_no_memory(err);
	}
	if (gk_files_read(folder, path, &text, &len, &failure) != GK_OK)
		return GK_OK; /* not every folder is a skill */
	mine = calloc(1, sizeof(*mine));
	if (!mine)
		return gk_error_no_memory(err);
	mine->folder = strdup(folder->root);
	mine->description = read_description(text);
	if (mine->folder && gk_table_set(state->skills, name, mine))
		return GK_OK;
	free_skill(mine);
	return gk_error_no_memory(err);
}

static gk_code scan_folder(skills_state *state, const char *path, gk_error *err)
{
	gk_auto_error gk_error failure = { 0 };
	gk_auto_json json_t *entries = NULL;
	gk_files folder;
	json_t *entry;
	size_t i;
	gk_code rc = gk_files_open(&folder, path, &failure);

	if (rc != GK_OK)
		return GK_OK; /* nothing is there */
	rc = gk_files_list(&folder, "", false, &entries, err);
	json_array_foreach (entries, i, entry) {
		const char *name = gk_json_str_peek(entry, "path");

		if (rc == GK_OK && *name != '.' && gk_json_bool_at(entry, "isDirectory", false))
			rc = read_skill(state, &folder, name, err);
	}
	gk_files_close(&folder);
	return rc;
}

static gk_code scan(void *arg, gk_error *err)
{
	skills_state *state = arg;
	gk_code rc = GK_OK;
	json_t *path;
	size_t i;

	if (!json_is_array(state->paths))
		return scan_folder(state, "skills", err);
	json_array_foreach (state->paths, i, path)
		if (rc == GK_OK && json_is_string(path))
			rc = scan_folder(state, json_string_value(path), err);
	return rc;
}

/* --- the tool --- */

typedef struct skill_job {
	const char *folder, *name;
	char *text;
	size_t len;
} skill_job;

static gk_code read_text(void *arg, gk_error *err)
{
	skill_job *job = arg;
	gk_auto_str char *path = NULL;
	gk_files folder;
	gk_code rc = gk_files_open(&folder, job->folder, err);

	if (rc != GK_OK)
		return rc;
	if (asprintf(&path, "%s/SKILL.md", job->name) < 0) {
		path = NULL;
		rc = gk_error_no_memory(err);
	} else {
		rc = gk_files_read(&folder, path, &job->text, &job->len, err);
	}
	gk_files_close(&folder);
	return rc;
}

static gk_code use_skill(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	const skills_state *state = gk_ctx_user(ctx);
	const char *name = gk_json_str_peek(input, "skillName");
	const skill *mine = name ? gk_table_get(state->skills, name) : NULL;
	gk_auto_error gk_error failure = { 0 };
	skill_job job = { .name = name };
	gk_code rc;

	if (!mine)
		return gk_error_set_plain(err, "Skill '%s' not found.", name ? name : "");
	job.folder = mine->folder;
	rc = gk_work(ctx, read_text, &job, &failure);
	if (rc != GK_OK)
		return gk_error_set_plain(
			err, "Failed to read skill \"%s\": %s", name, failure.message);
	*ret = json_stringn(job.text, gk_str_valid_utf8(job.text, job.len));
	free(job.text);
	return *ret ? GK_OK : gk_error_no_memory(err);
}

/* --- the middleware --- */

static gk_code open_skills(gk_ctx *ctx, json_t *config, void *user, gk_tool_list *tools,
	void **state_ret, gk_error *err)
{
	skills_state *state = calloc(1, sizeof(*state));
	gk_code rc;

	(void)user;
	if (!state)
		return gk_error_no_memory(err);
	state->refs = 1;
	/* Read by a worker: what is shared stays where it is. */
	state->paths = json_deep_copy(json_object_get(config, "skillPaths"));
	state->skills = gk_table_new(free_skill);
	rc = state->skills ? gk_work(ctx, scan, state, err) : gk_error_no_memory(err);
	if (rc == GK_OK && gk_table_count(state->skills))
		rc = gk_tool_offer(ctx,
			GK_OPTS(gk_tool_opts, .name = "use_skill",
				.description = "Loads the instructions of a skill.",
				.input = "{\"type\":\"object\",\"properties\":{\"skillName\":{"
					 "\"type\":\"string\"}},\"required\":[\"skillName\"]}",
				.run = use_skill, .user = state, .free_user = unref_state),
			&state->refs, tools, err);
	if (rc == GK_OK)
		*state_ret = state;
	else
		unref_state(state);
	return rc;
}

static json_t *instructions_of(const skills_state *state)
{
	gk_buf text = GK_BUF_INIT(0);

	gk_buf_puts(&text, "<skills>\nYou have access to a library of skills that "
			   "serve as specialized "
			   "instructions/personas.\nStrongly prefer to use them when "
			   "working on anything related "
			   "to them.\nOnly use them once to load the context.\nHere "
			   "are the available skills:\n");
	gk_table_foreach (state->skills, entry) {
		const skill *mine = gk_table_entry_value(entry);
		bool is_told = mine->description && strcmp(mine->description, NO_DESCRIPTION) != 0;

		gk_buf_printf(&text, " - %s%s%s\n", gk_table_entry_name(entry),
			is_told ? " - " : "", is_told ? mine->description : "");
	}
	gk_buf_puts(&text, "</skills>");
	return gk_marked_part(&text, MARK);
}

static gk_code tell_skills(
	gk_ctx *ctx, const gk_turn *turn, gk_next *next, void *it, json_t **ret, gk_error *err)
{
	const skills_state *state = it;

	if (!gk_table_count(state->skills))
		return gk_next_turn(ctx, next, turn, ret, err);
	return gk_next_turn_with(ctx, turn, next,
		gk_messages_with_system(
			json_object_get(turn->request, "messages"), MARK, instructions_of(state)),
		ret, err);
}

const gk_middleware_opts gk_middleware_skills = {
	.size = sizeof(gk_middleware_opts),
	.name = "skills",
	.description = "Tells the model of skills and lets it load them.",
	.config = "{\"type\":\"object\",\"properties\":{\"skillPaths\":{\"type\":"
		  "\"array\","
		  "\"items\":{\"type\":\"string\"},\"default\":[\"skills\"]}}}",
	.open = open_skills,
	.close = unref_state,
	.generate = tell_skills,
};
