/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* genkitctl sessions: which there are, what was said in one, and deleting them. */
#include "ctl/sessions.h"

#include "base/limits.h"
#include "base/parse.h"
#include "base/str.h"
#include "json/edit.h"

#include <stdio.h>

#define USUAL_LIMIT 20

static gk_code usage(gk_ctl *ctl, gk_error *err)
{
	ctl->status = GK_EXIT_USAGE;
	return gk_error_set(err, GK_INVALID_ARGUMENT,
		"sessions: list, show ID, export ID FILE or delete [ID] is expected; see 'genkitctl sessions --help'");
}

/* What the options choose; `id` NULL: any. */
static json_t *query_of(const gk_ctl *ctl, const char *id)
{
	gk_auto_json json_t *query = json_object();

	if (query &&
		(!ctl->options->store || gk_json_set_str(query, "store", ctl->options->store)) &&
		(!ctl->options->owner || gk_json_set_str(query, "owner", ctl->options->owner)) &&
		(!id || gk_json_set_str(query, "sessionId", id)))
		return gk_steal(query);
	return NULL;
}

static const char *text_at(const json_t *value, const char *name)
{
	const char *text = json_string_value(json_object_get(value, name));

	return text ? text : "";
}

/* --- list --- */

/* "2026-11-27 14:30:12  weather  abc  (alice)": when, of which store, its id, whose. */
static json_t *row_of(const json_t *session)
{
	const char *status = text_at(session, "status"), *owner = text_at(session, "owner");
	bool is_chat = strcmp(text_at(session, "kind"), "chat") == 0;
	json_int_t count =
		json_integer_value(json_object_get(session, is_chat ? "threads" : "snapshots"));
	gk_auto_buf gk_buf right = GK_BUF_INIT(0);

	gk_buf_printf(&right, "%.19s  %s%s%s, %lld %s%s%s%s", text_at(session, "updatedAt"),
		text_at(session, "store"), *owner ? " of " : "", owner, (long long)count,
		is_chat ? "thread" : "snapshot", count == 1 ? "" : "s", *status ? ", " : "",
		status);
	if (gk_buf_failed(&right))
		return NULL;
	return json_pack("[s, s]", text_at(session, "sessionId"), right.data);
}

static gk_code read_limit(gk_ctl *ctl, uint64_t *ret, gk_error *err)
{
	const char *text = ctl->options->limit;

	*ret = USUAL_LIMIT;
	if (!text || (gk_parse_u64(text, strlen(text), ret) && *ret > 0))
		return GK_OK;
	ctl->status = GK_EXIT_USAGE;
	return gk_error_set(
		err, GK_INVALID_ARGUMENT, "--limit: a number above 0 is expected, not '%s'", text);
}

/* Page by page. */
static gk_code fetch(gk_ctl *ctl, json_t *ret, gk_error *err)
{
	gk_auto_json json_t *query = query_of(ctl, NULL);
	uint64_t limit;
	gk_code rc = read_limit(ctl, &limit, err);

	while (rc == GK_OK && json_array_size(ret) < limit) {
		uint64_t left = limit - json_array_size(ret);
		gk_auto_json json_t *answer = NULL;
		json_t *token;

		if (!query ||
			!gk_json_set_int(query, "limit",
				(int64_t)(left < GK_MAX_SESSION_LIST ? left : GK_MAX_SESSION_LIST)))
			return gk_error_no_memory(err);
		rc = gk_ctl_ask(ctl, "/api/sessions/list", query, &answer, err);
		if (rc != GK_OK)
			break;
		token = json_object_get(answer, "continuationToken");
		if (json_array_extend(ret, json_object_get(answer, "sessions")) < 0 ||
			(token && !gk_json_set(query, "token", token)))
			return gk_error_no_memory(err);
		if (!token)
			break;
	}
	return rc;
}

static gk_code list(gk_ctl *ctl, gk_error *err)
{
	gk_auto_json json_t *sessions = json_array();
	gk_auto_json json_t *rows = json_array();
	json_t *session;
	size_t i;
	gk_code rc = sessions && rows ? fetch(ctl, sessions, err) : gk_error_no_memory(err);

	if (rc != GK_OK)
		return rc;
	json_array_foreach (sessions, i, session)
		if (ctl->options->is_json)
			gk_ctl_print_line(session);
		else if (!gk_json_push_take(rows, row_of(session)))
			return gk_error_no_memory(err);
	if (!ctl->options->is_json && json_array_size(rows))
		gk_ctl_print_table(rows);
	else if (!ctl->options->is_json)
		printf("no sessions\n");
	return GK_OK;
}

/* --- show --- */

static gk_code ask(
	gk_ctl *ctl, const char *path, const char *id, bool with_state, json_t **ret, gk_error *err)
{
	gk_auto_json json_t *query = query_of(ctl, id);

	if (!query || (with_state && !gk_json_set_bool(query, "state", true)))
		return gk_error_no_memory(err);
	return gk_ctl_ask(ctl, path, query, ret, err);
}

/* The texts of a message; what is no text by its kind. */
static void print_message(const json_t *message)
{
	json_t *part;
	size_t i;

	gk_ctl_say(stdout, "  %s:", text_at(message, "role"));
	json_array_foreach (json_object_get(message, "content"), i, part) {
		const char *text = json_string_value(json_object_get(part, "text"));
		gk_auto_buf gk_buf shown = GK_BUF_INIT(0);

		if (text)
			gk_ctl_put_cut(&shown, text, SIZE_MAX);
		else if (json_object_size(part))
			gk_buf_printf(&shown, "[%s]", json_object_iter_key(json_object_iter(part)));
		gk_ctl_say(stdout, " %s", shown.data ? shown.data : "");
	}
	printf("\n");
}

static void print_messages(const json_t *messages)
{
	json_t *message;
	size_t i;

	json_array_foreach ((json_t *)(uintptr_t)messages, i, message)
		print_message(message);
}

static void print_snapshots(const json_t *snapshots)
{
	json_t *snapshot;
	size_t i;

	json_array_foreach ((json_t *)(uintptr_t)snapshots, i, snapshot) {
		const char *reason = text_at(snapshot, "finishReason");

		gk_ctl_say(stdout, "%s  %.19s  %s%s%s\n", text_at(snapshot, "snapshotId"),
			text_at(snapshot, "createdAt"), text_at(snapshot, "status"),
			*reason ? ", " : "", reason);
		print_messages(json_object_get(json_object_get(snapshot, "state"), "messages"));
	}
}

static void print_threads(const json_t *threads)
{
	const char *name;
	json_t *messages;

	json_object_foreach ((json_t *)(uintptr_t)threads, name, messages) {
		gk_ctl_say(stdout, "thread %s\n", name);
		print_messages(messages);
	}
}

static gk_code show(gk_ctl *ctl, gk_error *err)
{
	gk_auto_json json_t *answer = NULL;
	json_t *session;
	size_t i;
	gk_code rc = ask(ctl, "/api/sessions/show", ctl->options->words[1], true, &answer, err);

	if (rc != GK_OK)
		return rc;
	if (ctl->options->is_json) {
		gk_ctl_print_line(answer);
		return GK_OK;
	}
	json_array_foreach (json_object_get(answer, "sessions"), i, session) {
		const char *owner = text_at(session, "owner");

		gk_ctl_say(stdout, "%s%s of %s%s%s\n", i ? "\n" : "", text_at(session, "sessionId"),
			text_at(session, "store"), *owner ? ", owner " : "", owner);
		print_snapshots(json_object_get(session, "snapshots"));
		print_threads(json_object_get(session, "threads"));
	}
	return GK_OK;
}

/* --- export, delete --- */

static gk_code export(gk_ctl *ctl, gk_error *err)
{
	const char *path = ctl->options->words[2];
	gk_auto_json json_t *answer = NULL;
	gk_auto_str char *text = NULL;
	FILE *file;
	gk_code rc = ask(ctl, "/api/sessions/show", ctl->options->words[1], true, &answer, err);

	if (rc != GK_OK)
		return rc;
	text = gk_json_write_pretty(answer, NULL);
	if (!text)
		return gk_error_no_memory(err);
	rc = gk_ctl_create_file(path, &file, err);
	if (rc != GK_OK)
		return rc;
	if (fprintf(file, "%s\n", text) < 0)
		rc = gk_ctl_fail_file(path, err);
	return gk_ctl_close_file(file, path, rc, err);
}

static gk_code delete_sessions(gk_ctl *ctl, gk_error *err)
{
	const char *id = ctl->options->word_count > 1 ? ctl->options->words[1] : NULL;
	gk_auto_json json_t *answer = NULL;
	gk_code rc;

	if (!id && !ctl->options->store && !ctl->options->owner) {
		ctl->status = GK_EXIT_USAGE;
		return gk_error_set(err, GK_INVALID_ARGUMENT,
			"sessions delete: an id, --store or --owner is expected");
	}
	rc = ask(ctl, "/api/sessions/delete", id, false, &answer, err);
	if (rc == GK_OK && ctl->options->is_json)
		gk_ctl_print_line(answer);
	else if (rc == GK_OK)
		printf("%lld deleted\n", (long long)gk_json_int_at(answer, "deleted", 0));
	return rc;
}

static const struct {
	const char *name;
	size_t min_words, max_words;
	GK_SUSPENDS gk_code (*run)(gk_ctl *ctl, gk_error *err);
} commands[] = {
	{ "list", 1, 1, list },
	{ "show", 2, 2, show },
	{ "export", 3, 3, export },
	{ "delete", 1, 2, delete_sessions },
};

gk_code gk_ctl_sessions(gk_ctl *ctl, gk_error *err)
{
	const gk_ctl_options *options = ctl->options;

	if (!options->word_count)
		return list(ctl, err);
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (strcmp(options->words[0], commands[i].name) == 0 &&
			options->word_count >= commands[i].min_words &&
			options->word_count <= commands[i].max_words)
			return commands[i].run(ctl, err);
	return usage(ctl, err);
}
