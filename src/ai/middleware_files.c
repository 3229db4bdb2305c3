/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* filesystem: tools that list, read and write files below one folder (generate
 * section 5.6). */
#include "ai/middleware_builtin.h"

#include "ai/files.h"
#include "ai/media.h"
#include "ai/middleware_tools.h"
#include "ai/request.h"
#include "base/buf.h"
#include "base/limits.h"
#include "base/str.h"
#include "core/call.h"
#include "json/edit.h"

#include <genkit/message.h>

#include <stdio.h>
#include <strings.h>

#define MARK "filesystemMiddlewareTool"

typedef struct files_state {
	unsigned refs;
	gk_files files;
	char *prefix;
	json_t *queue;          /* messages for the next turn */
	const char *queue_tool; /* static: which tool the last of them is of; NULL: none */
} files_state;

static void unref_state(void *it)
{
	files_state *state = it;

	if (--state->refs)
		return;
	gk_files_close(&state->files);
	json_decref(state->queue);
	free(state->prefix);
	free(state);
}

/* --- work on a worker --- */

typedef struct files_job {
	const files_state *state;
	const char *path, *text; /* borrowed from the tool's input */
	json_t *edits;           /* likewise */
	bool is_recursive;
	size_t len;
	char *content; /* what was read */
	json_t *listed;
} files_job;

static gk_code do_list(void *arg, gk_error *err)
{
	files_job *job = arg;

	return gk_files_list(&job->state->files, job->path, job->is_recursive, &job->listed, err);
}

static gk_code do_read(void *arg, gk_error *err)
{
	files_job *job = arg;

	return gk_files_read(&job->state->files, job->path, &job->content, &job->len, err);
}

static gk_code do_write(void *arg, gk_error *err)
{
	files_job *job = arg;

	return gk_files_write(&job->state->files, job->path, job->text, strlen(job->text), err);
}

/* --- listing --- */

static const char *path_of(json_t *input, const char *key)
{
	const char *path = json_string_value(json_object_get(input, key));

	return path ? path : "";
}

static gk_code list_files(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	files_job job = { .state = gk_ctx_user(ctx),
		.path = path_of(input, "dirPath"),
		.is_recursive = gk_json_bool_at(input, "recursive", false) };
	gk_code rc = gk_work(ctx, do_list, &job, err);

	*ret = job.listed;
	return rc;
}

/* --- reading --- */

static const struct {
	const char *ending, *type;
} images[] = {
	{ ".png", "image/png" },
	{ ".jpg", "image/jpeg" },
	{ ".jpeg", "image/jpeg" },
	{ ".gif", "image/gif" },
	{ ".webp", "image/webp" },
	{ ".svg", "image/svg+xml" },
	{ ".bmp", "image/bmp" },
};

static const char *image_type(const char *path)
{
	const char *dot = strrchr(path, '.');

	for (size_t i = 0; dot && i < sizeof(images) / sizeof(images[0]); i++)
		if (strcasecmp(dot, images[i].ending) == 0)
			return images[i].type;
	return NULL;
}

/* Bytes that are no UTF-8 become U+FFFD. */
static void put_clean(gk_buf *text, const char *content, size_t len)
{
	while (len > 0) {
		size_t good = gk_str_valid_utf8(content, len);

		gk_buf_put(text, content, good);
		content += good;
		len -= good;
		if (len > 0) {
			gk_buf_puts(text, "\xef\xbf\xbd");
			content++;
			len--;
		}
	}
}

static json_t *text_part(const files_job *job)
{
	gk_auto_buf gk_buf text = GK_BUF_INIT(0);

	gk_buf_printf(&text, "<read_file path=\"%s\">\n", job->path);
	put_clean(&text, job->content, job->len);
	gk_buf_puts(&text, "\n</read_file>");
	if (gk_buf_failed(&text))
		return NULL;
	return json_pack("[{s:o, s:{s:s, s:s}}]", "text", json_stringn(text.data, text.len),
		"metadata", "filePath", job->path, MARK, "read_file");
}

static json_t *image_parts(const files_job *job, const char *type)
{
	return json_pack("[{s:o}, o]", "text",
		json_sprintf("\n\nread_file result %s %s", type, job->path),
		gk_media_part_of_bytes(type, job->content, job->len));
}

/* What is read one after the other stands in one message. */
static bool enqueue(files_state *state, json_t *parts_take, const char *tool)
{
	gk_auto_json json_t *parts = parts_take;
	size_t count = json_array_size(state->queue);
	json_t *last = json_array_get(state->queue, count - 1);

	if (!parts)
		return false;
	if (count && state->queue_tool == tool)
		return json_array_extend(json_object_get(last, "content"), parts) == 0;
	state->queue_tool = tool;
	return gk_json_push_take(state->queue, json_pack("{s:s, s:O, s:{s:s}}", "role", "user",
						       "content", parts, "metadata", MARK, tool));
}

static gk_code read_file(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	static const char tool[] = "read_file";
	files_state *state = gk_ctx_user(ctx);
	files_job job = { .state = state, .path = path_of(input, "filePath") };
	const char *type = image_type(job.path);
	gk_code rc = gk_work(ctx, do_read, &job, err);

	if (rc == GK_OK && !enqueue(state, type ? image_parts(&job, type) : text_part(&job), tool))
		rc = gk_error_no_memory(err);
	if (rc == GK_OK)
		*ret = json_sprintf("File %s read successfully, see contents below", job.path);
	free(job.content);
	return rc;
}

/* --- writing --- */

static gk_code write_file(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	files_job job = { .state = gk_ctx_user(ctx),
		.path = path_of(input, "filePath"),
		.text = path_of(input, "content") };
	gk_code rc = gk_work(ctx, do_write, &job, err);

	if (rc == GK_OK)
		*ret = json_sprintf("File %s written successfully.", job.path);
	return rc;
}

#define OPENING   "<<<<<<< SEARCH\n"
#define SEPARATOR "\n=======\n"
#define CLOSING   "\n>>>>>>> REPLACE"

/* With several separators every split is tried, and the longest text that is
 * found wins. */
static gk_code apply_edit(char **content, const char *edit, const char *path, gk_error *err)
{
	size_t len = strlen(edit), closing = strlen(CLOSING), opening = strlen(OPENING);
	const char *body = edit + opening, *end = edit + len - closing, *place = NULL, *put = NULL;
	gk_auto_buf gk_buf changed = GK_BUF_INIT(GK_MAX_TOOL_FILE);
	size_t found = 0;
	bool is_separated = false;

	if (len < opening + closing || !gk_str_has_prefix(edit, OPENING) ||
		strcmp(end, CLOSING) != 0)
		return gk_error_set_plain(err, "Invalid edit block format. Block must "
					       "start with \"<<<<<<< SEARCH\\n\" and "
					       "end with \"\\n>>>>>>> REPLACE\"");
	for (const char *at = strstr(body, SEPARATOR); at && at <= end;
		at = strstr(at + 1, SEPARATOR)) {
		const char *here = memmem(*content, strlen(*content), body, (size_t)(at - body));

		is_separated = true;
		if (!here || (place && (size_t)(at - body) < found))
			continue;
		place = here;
		found = (size_t)(at - body);
		put = at + strlen(SEPARATOR) <= end ? at + strlen(SEPARATOR) : end;
	}
	if (!is_separated)
		return gk_error_set_plain(
			err, "Invalid edit block format. Missing separator \"\\n=======\\n\"");
	if (!place)
		return gk_error_set_plain(err,
			"Search content not found in file %s. Make sure the search block "
			"matches the "
			"file content exactly, including whitespace and indentation.",
			path);
	gk_buf_put(&changed, *content, (size_t)(place - *content));
	gk_buf_put(&changed, put, (size_t)(end - put));
	gk_buf_puts(&changed, place + found);
	if (gk_buf_failed(&changed))
		return gk_error_no_memory(err);
	free(*content);
	*content = gk_buf_take(&changed, NULL);
	return *content ? GK_OK : gk_error_no_memory(err);
}

static gk_code do_edit(void *arg, gk_error *err)
{
	files_job *job = arg;
	gk_code rc = do_read(job, err);
	json_t *edit;
	size_t i;

	json_array_foreach (job->edits, i, edit)
		if (rc == GK_OK)
			rc = apply_edit(&job->content, json_string_value(edit), job->path, err);
	if (rc != GK_OK)
		return rc;
	job->text = job->content;
	return do_write(job, err);
}

static gk_code search_and_replace(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	files_job job = { .state = gk_ctx_user(ctx),
		.path = path_of(input, "filePath"),
		.edits = json_object_get(input, "edits") };
	gk_code rc = gk_work(ctx, do_edit, &job, err);

	if (rc == GK_OK)
		*ret = json_sprintf("Successfully applied %zu edit(s) to %s.",
			json_array_size(job.edits), job.path);
	free(job.content);
	return rc;
}

/* --- the middleware --- */

#define OBJECT(members, required)                                                                  \
	"{\"type\":\"object\",\"properties\":{" members "},\"required\":[" required "]}"
#define STRING "{\"type\":\"string\"}"

static const struct {
	const char *name, *description, *input;
	gk_action_fn *run;
	bool writes;
} tools_of_files[] = {
	{ "list_files", "Lists files and directories in a given path.",
		OBJECT("\"dirPath\":{\"type\":\"string\",\"default\":\"\"},\"recursive\":{"
		       "\"type\":"
		       "\"boolean\",\"default\":false}",
			""),
		list_files, false },
	{ "read_file", "Reads the contents of a file.",
		OBJECT("\"filePath\":" STRING, "\"filePath\""), read_file, false },
	{ "write_file", "Writes content to a file, which is created or replaced.",
		OBJECT("\"filePath\":" STRING ",\"content\":" STRING, "\"filePath\",\"content\""),
		write_file, true },
	{ "search_and_replace",
		"Replaces parts of a file. Each edit is a block: <<<<<<< SEARCH, the text "
		"to find, "
		"=======, the text to put in its place, >>>>>>> REPLACE.",
		OBJECT("\"filePath\":" STRING ",\"edits\":{\"type\":\"array\",\"items\":" STRING
		       "}",
			"\"filePath\",\"edits\""),
		search_and_replace, true },
};
#define TOOLS (sizeof(tools_of_files) / sizeof(tools_of_files[0]))

static gk_code offer(gk_ctx *ctx, files_state *state, size_t i, gk_tool_list *tools, gk_error *err)
{
	gk_auto_str char *name = NULL;

	if (asprintf(&name, "%s%s", state->prefix, tools_of_files[i].name) < 0) {
		name = NULL;
		return gk_error_no_memory(err);
	}
	return gk_tool_offer(ctx,
		GK_OPTS(gk_tool_opts, .name = name, .description = tools_of_files[i].description,
			.input = tools_of_files[i].input, .run = tools_of_files[i].run,
			.user = state, .free_user = unref_state),
		&state->refs, tools, err);
}

static gk_code open_files(gk_ctx *ctx, json_t *config, void *user, gk_tool_list *tools,
	void **state_ret, gk_error *err)
{
	const char *root = gk_json_str_peek(config, "rootDirectory");
	const char *prefix = gk_json_str_peek(config, "toolNamePrefix");
	bool may_write = gk_json_bool_at(config, "allowWriteAccess", false);
	files_state *state;
	gk_code rc;

	(void)user;
	if (!root || !*root)
		return gk_error_set_plain(
			err, "filesystem middleware requires a rootDirectory option");
	state = calloc(1, sizeof(*state));
	if (!state)
		return gk_error_no_memory(err);
	state->refs = 1;
	state->files.fd = -1;
	state->prefix = strdup(prefix ? prefix : "");
	state->queue = json_array();
	rc = state->prefix && state->queue ? gk_files_open(&state->files, root, err)
					   : gk_error_no_memory(err);
	for (size_t i = 0; rc == GK_OK && i < TOOLS; i++)
		if (may_write || !tools_of_files[i].writes)
			rc = offer(ctx, state, i, tools, err);
	if (rc == GK_OK)
		*state_ret = state;
	else
		unref_state(state);
	return rc;
}

static bool is_own(const files_state *state, const char *name)
{
	size_t len = strlen(state->prefix);

	for (size_t i = 0; name && i < TOOLS; i++)
		if (strncmp(name, state->prefix, len) == 0 &&
			strcmp(name + len, tools_of_files[i].name) == 0)
			return true;
	return false;
}

/* A failure of one of its own tools is told to the model. */
static gk_code tell_failure(
	gk_ctx *ctx, json_t *part, gk_next *next, void *state, json_t **ret, gk_error *err)
{
	json_t *request = json_object_get(part, "toolRequest"), *ref;
	const char *name = json_string_value(json_object_get(request, "name"));
	gk_auto_error gk_error failure = { 0 };
	gk_auto_str char *text = NULL;
	gk_code rc = gk_next_run(ctx, next, part, ret, &failure);

	if (rc == GK_OK)
		return GK_OK;
	if (!is_own(state, name) || gk_error_is_interrupt(&failure) || gk_ctx_is_cancelled(ctx))
		return gk_error_move(err, &failure);
	text = gk_error_text(&failure);
	ref = json_object_get(request, "ref");
	*ret = json_pack("{s:{s:s, s:O*, s:o}}", "toolResponse", "name", name, "ref", ref, "output",
		json_sprintf("Tool '%s' failed: %s", name, text ? text : "out of memory"));
	return *ret ? GK_OK : gk_error_no_memory(err);
}

/* What was read comes as messages of the user. */
static gk_code add_queue(
	gk_ctx *ctx, const gk_turn *turn, gk_next *next, void *it, json_t **ret, gk_error *err)
{
	files_state *state = it;
	gk_auto_json json_t *queue = NULL, *messages = NULL;
	gk_turn own = *turn;
	json_t *message;
	size_t i;

	if (!json_array_size(state->queue))
		return gk_next_turn(ctx, next, turn, ret, err);
	queue = state->queue;
	state->queue = json_array();
	state->queue_tool = NULL;
	messages = gk_json_array_copy(json_object_get(turn->request, "messages"));
	if (!state->queue || !messages || json_array_extend(messages, queue) < 0)
		return gk_error_no_memory(err);
	json_array_foreach (queue, i, message) {
		gk_code rc = gk_ctx_send(ctx,
			json_pack("{s:s, s:i, s:O}", "role", "user", "index", own.message_index,
				"content", json_object_get(message, "content")),
			err);

		if (rc != GK_OK)
			return rc;
		own.message_index++;
	}
	return gk_next_turn_with(ctx, &own, next, gk_steal(messages), ret, err);
}

const gk_middleware_opts gk_middleware_filesystem = {
	.size = sizeof(gk_middleware_opts),
	.name = "filesystem",
	.description = "Gives the model tools for the files below one folder.",
	.config = "{\"type\":\"object\",\"properties\":{\"rootDirectory\":{"
		  "\"type\":\"string\"},"
		  "\"allowWriteAccess\":{\"type\":\"boolean\",\"default\":false},"
		  "\"toolNamePrefix\":{\"type\":\"string\",\"default\":\"\"}},"
		  "\"required\":[\"rootDirectory\"]}",
	.open = open_files,
	.close = unref_state,
	.generate = add_queue,
	.tool = tell_failure,
};
