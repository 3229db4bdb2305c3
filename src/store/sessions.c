/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* The store of sessions as the loop sees it: commands that wait for their commit, and who is told of it. */
#include "store/sessions_internal.h"

#include "base/clock.h"
#include "base/str.h"
#include "json/edit.h"

#include <errno.h>
#include <time.h>

/* --- commands --- */

gk_session_command *gk_session_command_new(
	gk_session_work kind, const char *store, const char *owner)
{
	gk_session_command *command = calloc(1, sizeof(*command));

	if (!command)
		return NULL;
	command->kind = kind;
	command->store = gk_arena_text(&command->arena, store, strlen(store));
	command->owner = gk_arena_text(&command->arena, owner, strlen(owner));
	return command;
}

void gk_session_command_free(gk_session_command *command)
{
	if (!command)
		return;
	gk_error_clear(&command->err);
	gk_arena_done(&command->arena);
	free(command);
}

static gk_session_realm realm_of(const gk_session_command *command)
{
	return (gk_session_realm){ .store = command->store, .owner = command->owner };
}

/* A sign of life that comes too late: another process has ended the run. */
static bool is_news(const gk_session_command *command)
{
	return command->kind == GK_WORK_SNAPSHOT && command->rc == GK_OK &&
	       (command->is_written ||
		       (command->action == GK_SNAPSHOT_HEARTBEAT && command->existed));
}

static void finish(gk_sessions *sessions, gk_session_command *command)
{
	gk_session_realm realm = realm_of(command);

	if (is_news(command))
		gk_watchers_tell(&sessions->watchers, &realm, command->row.snapshot_id,
			command->is_written ? command->status : command->previous);
	if (!command->waiter) {
		gk_session_command_free(command);
		return;
	}
	LIST_REMOVE(command, wait_link);
	command->waiter->is_done = true;
	gk_fiber_wake(command->waiter->fiber);
}

void gk_sessions_take_back(void *user)
{
	gk_sessions *sessions = user;
	struct gk_session_commands done = STAILQ_HEAD_INITIALIZER(done);
	gk_session_command *command;

	pthread_mutex_lock(&sessions->lock);
	sessions->is_posted = false;
	STAILQ_CONCAT(&done, &sessions->done);
	pthread_mutex_unlock(&sessions->lock);
	while ((command = STAILQ_FIRST(&done))) {
		STAILQ_REMOVE_HEAD(&done, link);
		finish(sessions, command);
	}
}

/* A disk that does not answer holds up nobody for long: what was asked may still be done, but nobody hears of it. */
static void look_for_stuck(void *user)
{
	gk_sessions *sessions = user;
	uint64_t now_ms = gk_clock_mono_ms();
	gk_session_command *command, *next;

	for (command = LIST_FIRST(&sessions->waiting); command; command = next) {
		next = LIST_NEXT(command, wait_link);
		if (now_ms - command->since_ms < GK_STORE_WAIT_MS)
			continue;
		LIST_REMOVE(command, wait_link);
		command->waiter->is_lost = true;
		gk_fiber_wake(gk_steal(command->waiter)->fiber);
	}
}

gk_code gk_sessions_run(gk_sessions *sessions, gk_session_command **ref, gk_error *err)
{
	gk_session_waiter waiter = { .fiber = gk_fiber_self() };
	gk_session_command *command = *ref;

	if (sessions->is_closing)
		return gk_error_set(err, GK_UNAVAILABLE, "the session store is closed");
	command->waiter = &waiter;
	command->since_ms = gk_clock_mono_ms();
	command->rc = GK_OK;
	LIST_INSERT_HEAD(&sessions->waiting, command, wait_link);
	sessions->users++;
	pthread_mutex_lock(&sessions->lock);
	STAILQ_INSERT_TAIL(&sessions->queue, command, link);
	pthread_mutex_unlock(&sessions->lock);
	gk_trace_store_call_guest(sessions->traces);
	while (!waiter.is_done && !waiter.is_lost)
		gk_fiber_park_shielded();
	sessions->users--;
	if (waiter.is_lost) {
		*ref = NULL;
		return gk_error_set(err, GK_UNAVAILABLE, "the disk does not answer");
	}
	return command->rc == GK_OK ? GK_OK : gk_error_move(err, &command->err);
}

/* --- snapshots --- */

static const char *text_of(gk_arena *arena, const json_t *document, const char *name)
{
	json_t *value = json_object_get(document, name);

	return json_string_length(value)
		       ? gk_arena_text(arena, json_string_value(value), json_string_length(value))
		       : NULL;
}

static bool put_json(const char **ret, gk_arena *arena, json_t *value)
{
	size_t len = 0;
	gk_auto_str char *text = value ? gk_json_write(value, &len) : NULL;

	*ret = text ? gk_arena_text(arena, text, len) : NULL;
	return !value || *ret;
}

static bool has_column(const char *name)
{
	static const char *const known[] = { "snapshotId", "sessionId", "parentId", "createdAt",
		"updatedAt", "heartbeatAt", "status", "finishReason", "error", "state" };

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strcmp(name, known[i]) == 0)
			return true;
	return false;
}

/* What has no column of its own. */
static bool put_extra(const char **ret, gk_arena *arena, const json_t *document)
{
	gk_auto_json json_t *extra = NULL;
	const char *name;
	json_t *value;

	json_object_foreach ((json_t *)document, name, value) {
		if (has_column(name))
			continue;
		if (!extra)
			extra = json_object();
		if (!gk_json_set(extra, name, value))
			return false;
	}
	return put_json(ret, arena, extra);
}

static bool put_row(gk_session_command *command, const gk_snapshot_change *change)
{
	gk_arena *arena = &command->arena;
	gk_snapshot_row *row = &command->row;
	const json_t *document = change->document;

	row->snapshot_id = gk_arena_text(arena, change->id, strlen(change->id));
	row->heartbeat_ms = gk_snapshot_time(document, "heartbeatAt");
	if (change->action == GK_SNAPSHOT_ABORT || change->action == GK_SNAPSHOT_HEARTBEAT)
		return !arena->failed;
	row->session_id = text_of(arena, document, "sessionId");
	row->parent_id = text_of(arena, document, "parentId");
	row->status = text_of(arena, document, "status");
	row->finish_reason = text_of(arena, document, "finishReason");
	row->agent =
		change->agent ? gk_arena_text(arena, change->agent, strlen(change->agent)) : NULL;
	row->created_ms = gk_snapshot_time(document, "createdAt");
	row->updated_ms = gk_snapshot_time(document, "updatedAt");
	return put_json(&row->error, arena, json_object_get(document, "error")) &&
	       put_extra(&row->extra, arena, document) && !arena->failed;
}

/* -1: what was expected is not what is known to be there. */
static int64_t expected_version(
	gk_sessions *sessions, const gk_session_realm *realm, const gk_snapshot_change *change)
{
	gk_session_entry *entry;

	if (!change->expected)
		return 0;
	entry = gk_session_cache_get(&sessions->cache, 's', realm, change->id);
	return entry && gk_session_entry_is(&sessions->cache, entry, change->expected)
		       ? entry->version
		       : -1;
}

static gk_session_command *make_command(gk_sessions *sessions, const gk_session_realm *realm,
	const gk_snapshot_change *change, bool is_whole)
{
	gk_session_command *command =
		gk_session_command_new(GK_WORK_SNAPSHOT, realm->store, realm->owner);
	const char *parent = gk_snapshot_parent_peek(change->document);
	gk_session_entry *entries[2] = { NULL, NULL }, *base;
	bool ok = command && put_row(command, change);

	if (ok) {
		command->action = change->action;
		command->max_chain = realm->max_chain;
		command->expected_version = expected_version(sessions, realm, change);
	}
	if (ok && !is_whole) {
		entries[0] = gk_session_cache_get(&sessions->cache, 's', realm, change->id);
		if (parent)
			entries[1] = gk_session_cache_get(&sessions->cache, 's', realm, parent);
	}
	if (ok && change->action != GK_SNAPSHOT_ABORT && change->action != GK_SNAPSHOT_HEARTBEAT)
		ok = gk_body_of_state(&command->body, &command->arena,
			json_object_get(change->document, "state"), entries, &base);
	if (ok && !command->arena.failed)
		return command;
	gk_session_command_free(command);
	return NULL;
}

/* What was written stays in memory, in the place of what it continues. */
static void remember(gk_sessions *sessions, const gk_session_realm *realm,
	const gk_snapshot_change *change, const gk_session_command *command)
{
	gk_auto_json json_t *document = json_incref(change->document);
	const char *parent = gk_snapshot_parent_peek(document);
	char created[GK_ISO_TIME_SIZE];

	if (command->created_ms != command->row.created_ms) {
		gk_clock_iso((uint64_t)command->created_ms * 1000000, created);
		json_decref(document);
		document = gk_json_merge(change->document, NULL);
		if (!gk_json_set_str(document, "createdAt", created))
			return;
	}
	if (parent && command->body.base.session)
		gk_session_cache_drop(&sessions->cache, 's', realm, parent);
	gk_session_cache_put(&sessions->cache, 's', realm, change->id,
		&(gk_session_entry){ .parts = command->parts,
			.version = command->row.version,
			.heartbeat_ms = command->row.heartbeat_ms,
			.document = document,
			.bytes = command->body.bytes });
	if (command->row.session_id)
		gk_session_cache_set_last(
			&sessions->cache, realm, command->row.session_id, change->id);
}

gk_code gk_sqlite_sessions_save(gk_ctx *ctx, gk_session_store *store, const gk_session_realm *realm,
	const gk_snapshot_change *change, gk_snapshot_saved *ret, gk_error *err)
{
	gk_sessions *sessions = gk_sessions_of(store);
	bool marks = change->action == GK_SNAPSHOT_ABORT || change->action == GK_SNAPSHOT_HEARTBEAT;
	bool is_whole = false, is_stale = true;
	gk_auto_str char *id = strdup(change->id);
	gk_code rc = id ? GK_OK : gk_error_no_memory(err);

	(void)ctx;
	while (rc == GK_OK && is_stale) {
		gk_session_command *command = make_command(sessions, realm, change, is_whole);

		if (!command)
			return gk_error_no_memory(err);
		rc = gk_sessions_run(sessions, &command, err);
		is_stale = rc == GK_OK && command->is_stale;
		if (rc == GK_OK && !is_stale) {
			ret->existed = command->existed;
			ret->previous = command->previous;
			if (command->is_written && !marks)
				remember(sessions, realm, change, command);
			if (command->is_written)
				ret->id = gk_steal(id);
		}
		is_whole = true;
		gk_session_command_free(command);
	}
	return rc;
}

/* --- deleting --- */

static gk_code remove_sessions(
	gk_session_store *store, const gk_session_query *query, uint64_t *ret, gk_error *err)
{
	gk_sessions *sessions = gk_sessions_of(store);
	uint64_t count = 0, step = GK_STORE_SWEEP_STEP;
	gk_code rc = GK_OK;

	while (rc == GK_OK && step == GK_STORE_SWEEP_STEP) {
		gk_session_command *command = gk_session_command_new(GK_WORK_REMOVE, "", "");
		gk_arena *arena = command ? &command->arena : NULL;

		if (!command)
			return gk_error_no_memory(err);
		if (query->store)
			command->remove_store =
				gk_arena_text(arena, query->store, strlen(query->store));
		if (query->owner)
			command->remove_owner =
				gk_arena_text(arena, query->owner, strlen(query->owner));
		if (query->session_id)
			command->session_id =
				gk_arena_text(arena, query->session_id, strlen(query->session_id));
		rc = arena->failed ? gk_error_no_memory(err)
				   : gk_sessions_run(sessions, &command, err);
		step = rc == GK_OK ? command->count : 0;
		count += step;
		gk_session_command_free(command);
	}
	if (count)
		gk_session_cache_clear(&sessions->cache);
	if (rc == GK_OK)
		*ret = count;
	return rc;
}

/* --- reading --- */

gk_db *gk_sessions_borrow(gk_sessions *sessions, gk_error *err)
{
	return gk_sqlite_borrow((gk_sqlite *)gk_trace_store_backend_peek(sessions->traces), err);
}

void gk_sessions_return(gk_sessions *sessions, gk_db *db)
{
	gk_sqlite_return((gk_sqlite *)gk_trace_store_backend_peek(sessions->traces), db);
}

gk_code gk_sessions_read(gk_sessions *sessions, gk_work_fn *fn, void *arg, gk_error *err)
{
	gk_code rc;

	if (sessions->is_closing)
		return gk_error_set(err, GK_UNAVAILABLE, "the session store is closed");
	sessions->users++;
	rc = gk_work_run(fn, arg, err);
	sessions->users--;
	return rc;
}

/* --- life --- */

static gk_code watch(gk_session_store *store, gk_snapshot_watcher *watcher, gk_error *err)
{
	return gk_watchers_add(&gk_sessions_of(store)->watchers, watcher, err);
}

static void unwatch(gk_session_store *store, gk_snapshot_watcher *watcher)
{
	gk_watchers_remove(&gk_sessions_of(store)->watchers, watcher);
}

static size_t holds(gk_session_store *store, const json_t *messages)
{
	return gk_held_times(&gk_sessions_of(store)->cache.held, messages);
}

static void free_sessions(gk_session_store *store)
{
	gk_sessions *sessions = gk_sessions_of(store);

	gk_sessions_close(store);
	gk_session_cache_done(&sessions->cache);
	gk_watchers_done(&sessions->watchers);
	pthread_mutex_destroy(&sessions->lock);
	pthread_cond_destroy(&sessions->worked);
	free(sessions);
}

static const gk_session_store_type type = {
	.abi = GK_SESSION_STORE_ABI,
	.name = "sqlite",
	.get = gk_sqlite_sessions_get,
	.latest = gk_sqlite_sessions_latest,
	.save = gk_sqlite_sessions_save,
	.watch = watch,
	.unwatch = unwatch,
	.chat_load = gk_sqlite_chat_load,
	.chat_save = gk_sqlite_chat_save,
	.list = gk_sqlite_sessions_list,
	.show = gk_sqlite_sessions_show,
	.remove = remove_sessions,
	.free = free_sessions,
	.holds = holds,
};

static gk_sessions *new_sessions(gk_loop *loop, gk_trace_store *traces)
{
	gk_sessions *sessions = calloc(1, sizeof(*sessions));
	pthread_condattr_t attributes;

	if (!sessions)
		return NULL;
	sessions->base.type = &type;
	sessions->guest = (gk_store_guest){ .work = gk_sessions_work, .tend = gk_sessions_tend };
	sessions->loop = loop;
	sessions->traces = traces;
	LIST_INIT(&sessions->waiting);
	STAILQ_INIT(&sessions->queue);
	STAILQ_INIT(&sessions->done);
	pthread_mutex_init(&sessions->lock, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&sessions->worked, &attributes);
	pthread_condattr_destroy(&attributes);
	gk_session_name_runner(sessions->runner);
	if (gk_session_cache_init(&sessions->cache))
		return sessions;
	sessions->traces = NULL;
	free_sessions(&sessions->base);
	return NULL;
}

void gk_sessions_configure(gk_session_store *store, const gk_sessions_opts *opts)
{
	gk_sessions *sessions = gk_sessions_of(store);

	pthread_mutex_lock(&sessions->lock);
	sessions->opts = *opts;
	pthread_mutex_unlock(&sessions->lock);
	if (sessions->traces)
		gk_trace_store_set_guest(sessions->traces, &sessions->guest,
			opts->sweep_ms ? opts->sweep_ms : GK_STORE_SWEEP_MS);
}

uint64_t gk_sessions_start_ms = GK_SESSION_START_MS;

/* What ended processes left is put right before anybody reads it. */
void gk_sessions_wait(gk_session_store *store)
{
	gk_sessions *sessions = gk_sessions_of(store);
	uint64_t until_ns = gk_clock_mono_ns() + gk_sessions_start_ms * 1000000;
	const struct timespec until = { .tv_sec = (time_t)(until_ns / 1000000000),
		.tv_nsec = (long)(until_ns % 1000000000) };
	int status = 0;

	pthread_mutex_lock(&sessions->lock);
	while (!sessions->has_worked && status != ETIMEDOUT)
		status = pthread_cond_timedwait(&sessions->worked, &sessions->lock, &until);
	pthread_mutex_unlock(&sessions->lock);
}

gk_code gk_sessions_open(gk_loop *loop, gk_trace_store *traces, const gk_sessions_opts *opts,
	gk_session_store **ret, gk_error *err)
{
	gk_sessions *sessions = new_sessions(loop, traces);
	gk_code rc;

	if (!sessions)
		return gk_error_no_memory(err);
	rc = gk_timer_start(loop, GK_STORE_RETRY_MS, GK_STORE_RETRY_MS, look_for_stuck, sessions,
		&sessions->look, err);
	if (rc != GK_OK) {
		sessions->traces = NULL;
		free_sessions(&sessions->base);
		return rc;
	}
	gk_timer_unref(sessions->look);
	gk_sessions_configure(&sessions->base, opts);
	gk_trace_store_call_guest(traces);
	if (!opts->waits_later)
		gk_sessions_wait(&sessions->base);
	*ret = &sessions->base;
	return GK_OK;
}

void gk_sessions_close(gk_session_store *store)
{
	gk_sessions *sessions = gk_sessions_of(store);

	sessions->is_closing = true;
	if (!sessions->traces)
		return;
	/* who is inside goes out with what it asked for, or after the time that a disk has to answer */
	while (sessions->users)
		gk_loop_turn(sessions->loop, 1);
	gk_trace_store_drop_guest(gk_steal(sessions->traces));
	gk_timer_stop(sessions->look);
	while (sessions->is_posted)
		gk_loop_turn(sessions->loop, 1);
	STAILQ_CONCAT(&sessions->done, &sessions->queue);
	gk_sessions_take_back(sessions);
}
