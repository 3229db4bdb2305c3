/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* One run of an executable. A fiber of its own writes the input, so that a program may answer before it has read all. */
#include "daemon/exec_internal.h"

#include "base/buf.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/str.h"
#include "json/edit.h"
#include "loop/child.h"

#include <stdio.h>
#include <string.h>

/* --- no more at once than the configuration says --- */

static void wake_next(gk_exec_entry *entry)
{
	gk_exec_waiter *first = TAILQ_FIRST(&entry->waiters);

	if (first && entry->running < entry->max_running)
		gk_fiber_wake(first->fiber);
}

static gk_code enter(gk_exec_entry *entry, gk_error *err)
{
	gk_exec_waiter waiter = { .fiber = gk_fiber_self() };
	gk_code rc = GK_OK;

	if (entry->running >= entry->max_running || !TAILQ_EMPTY(&entry->waiters)) {
		TAILQ_INSERT_TAIL(&entry->waiters, &waiter, link);
		while (rc == GK_OK && (entry->running >= entry->max_running ||
					      TAILQ_FIRST(&entry->waiters) != &waiter))
			rc = gk_fiber_park(err);
		TAILQ_REMOVE(&entry->waiters, &waiter, link);
	}
	entry->running += rc == GK_OK;
	wake_next(entry); /* our turn may have been the next one's too, or we gave it up */
	return rc;
}

static void leave(gk_exec_entry *entry)
{
	entry->running--;
	wake_next(entry);
}

/* --- environment --- */

typedef struct environment {
	char **items; /* NULL-terminated */
	size_t count, size;
	bool failed;
} environment;

static void environment_done(environment *env)
{
	for (size_t i = 0; i < env->count; i++)
		free(env->items[i]);
	free(env->items);
}

static void set(environment *env, const char *name, const char *value)
{
	if (!value || env->failed)
		return;
	if (env->count + 1 >= env->size ||
		asprintf(&env->items[env->count], "%s=%s", name, value) < 0)
		env->failed = true;
	else
		env->count++;
}

/* Who calls is told, but not with what credentials. */
static void set_context(environment *env, gk_ctx *ctx)
{
	gk_auto_json json_t *context = gk_context_redacted(gk_ctx_context(ctx));
	gk_auto_str char *text = NULL;

	if (!json_object_size(context))
		return;
	text = gk_json_write(context, NULL);
	env->failed |= !text;
	if (text && strlen(text) < GK_MAX_EXEC_CONTEXT)
		set(env, "GENKIT_CONTEXT", text);
}

static gk_code make_environment(
	environment *env, gk_ctx *ctx, const gk_exec_entry *entry, gk_error *err)
{
	static const char *const ours[] = { "PATH", "HOME", "LANG" };
	const size_t fixed = sizeof(ours) / sizeof(ours[0]) + 3;
	const char *name;
	json_t *value;

	env->size = fixed + json_object_size(entry->env) + 1;
	env->items = calloc(env->size, sizeof(*env->items));
	if (!env->items)
		return gk_error_no_memory(err);
	for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
		if (!json_object_get(entry->env, ours[i]))
			set(env, ours[i], getenv(ours[i]));
	set(env, "GENKIT_TRACE_ID", gk_ctx_trace_id(ctx));
	set(env, "GENKIT_SPAN_ID", gk_ctx_span_id(ctx));
	set_context(env, ctx);
	json_object_foreach (entry->env, name, value)
		set(env, name, json_is_null(value) ? "" : json_string_value(value));
	return env->failed ? gk_error_no_memory(err) : GK_OK;
}

/* The program is at fault, not its caller. */
static gk_code at_fault(const gk_exec_entry *entry, gk_error *err)
{
	if (err)
		err->code = GK_INTERNAL;
	gk_error_prefix(err, "%s: ", entry->name);
	return GK_INTERNAL;
}

/* --- input --- */

typedef struct feeder {
	gk_child *child;
	char *text; /* with its newline */
	size_t len;
} feeder;

static void feed(void *user)
{
	feeder *my = user;

	/* A failure is the scope's end, which the reader sees as well. */
	if (gk_child_write(my->child, my->text, my->len, NULL) == GK_OK)
		gk_child_close_input(my->child);
}

static gk_code input_text(json_t *input, feeder *ret, gk_error *err)
{
	char *text = gk_json_write(input, &ret->len), *longer;

	longer = text ? realloc(text, ret->len + 2) : NULL;
	if (!longer) {
		free(text);
		return gk_error_no_memory(err);
	}
	longer[ret->len++] = '\n';
	longer[ret->len] = '\0';
	ret->text = longer;
	return GK_OK;
}

/* --- output --- */

typedef struct parsing {
	const char *text;
	size_t len;
	json_t *value;
} parsing;

static gk_code parse_on_worker(void *arg, gk_error *err)
{
	parsing *my = arg;

	return gk_json_parse(my->text, my->len, GK_MAX_CHILD_LINE, &my->value, err);
}

static gk_code parse(
	const gk_exec_entry *entry, const char *text, size_t len, json_t **ret, gk_error *err)
{
	parsing my = { text, len, NULL };
	gk_code rc = len > GK_PARSE_ON_LOOP ? gk_work_run(parse_on_worker, &my, err)
					    : parse_on_worker(&my, err);

	if (rc == GK_INVALID_ARGUMENT) {
		gk_error_prefix(err, "its output is no JSON: ");
		return at_fault(entry, err);
	}
	if (rc == GK_OK)
		*ret = my.value;
	return rc;
}

static bool is_blank(const char *text)
{
	return text[strspn(text, " \t\r\n")] == '\0';
}

static gk_code send_chunk(
	gk_ctx *ctx, const gk_exec_entry *entry, const char *line, size_t len, gk_error *err)
{
	json_t *chunk = NULL;
	gk_code rc = parse(entry, line, len, &chunk, err);

	return rc == GK_OK ? gk_ctx_send(ctx, chunk, err) : rc;
}

/* All but the last line go out as they come; `out` gets the last one. */
static gk_code read_stream(
	gk_ctx *ctx, const gk_exec_entry *entry, gk_child *child, gk_buf *out, gk_error *err)
{
	gk_auto_str char *last = NULL;
	size_t last_len = 0;

	for (;;) {
		gk_auto_str char *line = NULL;
		gk_code rc;
		size_t len;

		rc = gk_child_read_line(child, &line, &len, err);
		if (rc != GK_OK)
			return rc;
		if (line && is_blank(line))
			continue;
		if (line && last)
			rc = send_chunk(ctx, entry, last, last_len, err);
		if (rc != GK_OK)
			return rc;
		if (!line)
			break;
		free(last);
		last = gk_steal(line);
		last_len = len;
	}
	if (last)
		gk_buf_put(out, last, last_len);
	return GK_OK;
}

static gk_code read_whole(const gk_exec_entry *entry, gk_child *child, gk_buf *out, gk_error *err)
{
	for (;;) {
		gk_auto_str char *line = NULL;
		gk_code rc;
		size_t len;

		rc = gk_child_read_line(child, &line, &len, err);
		if (rc != GK_OK || !line)
			return rc;
		gk_buf_put(out, line, len);
		gk_buf_putc(out, '\n');
		if (gk_buf_failed(out))
			return gk_error_set(err, GK_RESOURCE_EXHAUSTED,
				"%s: its output is longer than %u MiB", entry->name,
				GK_MAX_CHILD_LINE >> 20);
	}
}

/* --- outcome --- */

/* The end of standard error as text that JSON can hold. */
static char *error_tail(const gk_child *child)
{
	gk_auto_buf gk_buf text = GK_BUF_INIT(0);
	const char *start = gk_child_stderr_peek(child);
	size_t len = strlen(start);

	if (len > GK_MAX_EXEC_STDERR) {
		start += len - GK_MAX_EXEC_STDERR;
		len = GK_MAX_EXEC_STDERR;
		for (; len && ((unsigned char)*start & 0xc0) == 0x80; start++)
			len--;
	}
	gk_buf_puts(&text, "");
	while (len) {
		size_t good = gk_str_valid_utf8(start, len);

		gk_buf_put(&text, start, good);
		start += good;
		len -= good;
		if (len) {
			gk_buf_puts(&text, "\xef\xbf\xbd"); /* U+FFFD */
			start++;
			len--;
		}
	}
	while (text.len && (text.data[text.len - 1] == '\n' || text.data[text.len - 1] == ' '))
		text.data[--text.len] = '\0';
	return gk_buf_take(&text, NULL);
}

/* {"error": {"status": "NOT_FOUND", "message": "no such dish", "details"?}} where the result would be. */
static bool is_error(json_t *value)
{
	const char *status = gk_json_str_peek(value, "error.status");

	return json_object_size(value) == 1 && status && gk_code_from_name(status) > 0 &&
	       gk_json_str_peek(value, "error.message");
}

static gk_code stated_error(json_t *value, gk_error *err)
{
	gk_code code = (gk_code)gk_code_from_name(gk_json_str_peek(value, "error.status"));
	json_t *details = gk_json_at_peek(value, "error.details");

	gk_error_set(err, code, "%s", gk_json_str_peek(value, "error.message"));
	if (details)
		gk_error_details_take(err, json_incref(details));
	return code;
}

static gk_code exit_error(
	const gk_exec_entry *entry, const gk_child *child, const gk_child_exit *how, gk_error *err)
{
	gk_auto_str char *tail = error_tail(child);
	const char *last = tail ? strrchr(tail, '\n') : NULL;
	json_t *details;

	if (!tail)
		return gk_error_no_memory(err);
	last = last ? last + 1 : tail;
	if (how->signal) {
		const char *name = sigabbrev_np(how->signal);

		gk_error_set(err, GK_INTERNAL, "%s: killed by signal %d (%s%s)%s%s", entry->name,
			how->signal, name ? "SIG" : "", name ? name : "?", *last ? ": " : "", last);
		details = json_pack("{s:i, s:s}", "signal", how->signal, "stderr", tail);
	} else {
		gk_error_set(err, GK_INTERNAL, "%s: exit status %d%s%s", entry->name, how->status,
			*last ? ": " : "", last);
		details = json_pack("{s:i, s:s}", "exitStatus", how->status, "stderr", tail);
	}
	return details ? gk_error_details_take(err, details) : gk_error_no_memory(err);
}

/* A program that went well may have something to say. */
static void log_errors(const gk_exec_entry *entry, const gk_child *child)
{
	gk_auto_str char *tail = NULL;

	if (!gk_log_is_on(GK_LOG_DEBUG))
		return;
	tail = error_tail(child);
	if (tail && *tail)
		gk_log(GK_LOG_DEBUG, "exec", "%s: %s", entry->name, tail);
}

static gk_code outcome(const gk_exec_entry *entry, const gk_child *child, const gk_child_exit *how,
	const gk_buf *out, json_t **ret, gk_error *err)
{
	gk_auto_error gk_error why = { 0 };
	gk_auto_json json_t *value = NULL;
	bool has_failed = how->signal || how->status;
	gk_code rc = GK_OK;

	if (out->len && !is_blank(out->data))
		rc = parse(entry, out->data, out->len, &value, &why);
	if (rc == GK_OK && is_error(value))
		return stated_error(value, err);
	if (has_failed)
		return exit_error(entry, child, how, err);
	if (rc != GK_OK)
		return gk_error_move(err, &why);
	log_errors(entry, child);
	*ret = gk_steal(value);
	return GK_OK;
}

/* --- the run --- */

static gk_code talk(gk_ctx *ctx, const gk_exec_entry *entry, gk_child *child, feeder *input,
	json_t **ret, gk_error *err)
{
	gk_auto_buf gk_buf out = GK_BUF_INIT(GK_MAX_CHILD_LINE);
	gk_fiber *fiber = NULL;
	gk_child_exit how = { 0 };
	gk_code rc;

	input->child = child;
	rc = gk_fiber_start(gk_app_loop(gk_ctx_app(ctx)), entry->name,
		gk_fiber_scope(gk_fiber_self()), feed, input, &fiber, err);
	if (rc != GK_OK)
		return rc;
	rc = entry->is_stream ? read_stream(ctx, entry, child, &out, err)
			      : read_whole(entry, child, &out, err);
	if (rc == GK_OK)
		rc = gk_child_wait(child, &how, err);
	gk_child_close_input(child); /* wakes the fiber that writes */
	gk_fiber_join(fiber);
	gk_fiber_unref(fiber);
	return rc == GK_OK ? outcome(entry, child, &how, &out, ret, err) : rc;
}

static gk_code start_and_talk(
	gk_ctx *ctx, const gk_exec_entry *entry, json_t *input, json_t **ret, gk_error *err)
{
	environment env = { 0 };
	feeder text = { 0 };
	gk_child *child = NULL;
	gk_code rc = make_environment(&env, ctx, entry, err);

	if (rc == GK_OK)
		rc = input_text(input, &text, err);
	if (rc == GK_OK)
		rc = gk_child_start(gk_app_loop(gk_ctx_app(ctx)),
			GK_OPTS(gk_child_opts, .argv = entry->argv,
				.environment = (const char *const *)env.items,
				.directory = entry->directory),
			&child, err);
	environment_done(&env);
	if (rc == GK_OK)
		rc = talk(ctx, entry, child, &text, ret, err);
	else if (rc == GK_NOT_FOUND || rc == GK_PERMISSION_DENIED)
		rc = at_fault(entry, err);
	gk_child_free(child);
	free(text.text);
	return rc;
}

gk_code gk_exec_run(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	gk_exec_entry *entry = gk_ctx_user(ctx);
	gk_scope *outer = gk_fiber_scope(gk_fiber_self()), *scope;
	gk_code rc = enter(entry, err);

	if (rc != GK_OK)
		return rc;
	scope = gk_scope_new(gk_app_loop(gk_ctx_app(ctx)), outer);
	if (!scope) {
		leave(entry);
		return gk_error_no_memory(err);
	}
	rc = gk_scope_set_deadline(scope, entry->timeout_ms, err);
	if (rc == GK_OK) {
		gk_fiber_swap_scope(scope);
		rc = start_and_talk(ctx, entry, input, ret, err);
		gk_fiber_swap_scope(outer);
	}
	/* Its own time limit, not the caller's. */
	if (rc == GK_DEADLINE_EXCEEDED && (!outer || gk_scope_reason(outer) == GK_OK))
		gk_error_set(err, rc, "%s: no result within %llu ms", entry->name,
			(unsigned long long)entry->timeout_ms);
	gk_scope_unref(scope);
	leave(entry);
	return rc;
}
