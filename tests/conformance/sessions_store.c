/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* session-store.yaml: a store step by step. Mutators that have an action of their own are that action; what they see is looked
 * at before. */
#include "sessions.h"

#include "base/str.h"
#include "json/edit.h"

#include <stdio.h>

#define MAX_WATCHES 4

typedef struct watch {
	gk_snapshot_watcher base;
	char *id;
	const char *name;
	json_t *statuses;
	bool is_on;
} watch;

typedef struct play {
	json_t *one;
	gk_session_store *store;
	gk_session_realm realm;
	watch watches[MAX_WATCHES];
	size_t watch_count;
	char problem[2048];
} play;

static void complain(play *it, size_t step, const char *what, const json_t *got)
{
	gk_auto_str char *text = gk_json_write(got, NULL);

	if (!*it->problem)
		snprintf(it->problem, sizeof(it->problem), "step %zu: %s: %s", step, what,
			text ? text : "?");
}

static void complain_error(play *it, size_t step, const gk_error *err)
{
	if (!*it->problem)
		snprintf(it->problem, sizeof(it->problem), "step %zu: %s: %s", step,
			gk_code_name(err->code), err->message);
}

/* Whether it failed as expected, or went well when no error is. */
static bool ended_well(play *it, size_t step, gk_code rc, gk_error *err, json_t *args)
{
	json_t *expected = json_object_get(args, "error");
	const char *status = gk_json_str_peek(expected, "status");
	const char *message = gk_json_str_peek(expected, "message");

	if (!expected && rc == GK_OK)
		return true;
	if (!expected || rc == GK_OK || (status && strcmp(status, gk_code_name(rc)) != 0) ||
		!strstr(err->message, message)) {
		if (rc == GK_OK)
			complain(it, step, "no error, expected", expected);
		else
			complain_error(it, step, err);
	}
	return false;
}

/* --- save --- */

typedef struct mutation {
	json_t *args, *seen;
	bool was_called;
} mutation;

static gk_code mutate(json_t *current, json_t **ret, void *user, gk_error *err)
{
	mutation *m = user;
	const char *mutator = gk_json_str_peek(m->args, "mutator");

	json_decref(m->seen);
	m->seen = current ? json_incref(current) : json_null();
	m->was_called = true;
	if (strcmp(mutator, "fail") == 0)
		return gk_error_set_plain(err, "precondition boom");
	if (strcmp(mutator, "set") == 0)
		*ret = json_incref(json_object_get(m->args, "doc"));
	if (strcmp(mutator, "merge") == 0)
		*ret = gk_json_merge(current, json_object_get(m->args, "fields"));
	return GK_OK;
}

static gk_code save_by_action(gk_ctx *ctx, play *it, gk_snapshot_action action, json_t *args,
	mutation *m, gk_snapshot_saved *saved, gk_error *err)
{
	const char *id = gk_json_str_peek(args, "id");
	gk_auto_json json_t *beat = NULL;
	gk_auto_json json_t *before = NULL;
	gk_code rc = gk_snapshot_get(ctx, it->store, &it->realm, id, &before, err);

	if (rc != GK_OK)
		return rc;
	m->was_called = true;
	m->seen = before ? json_incref(before) : json_null();
	if (action == GK_SNAPSHOT_HEARTBEAT)
		beat = json_pack("{s:O}", "heartbeatAt", json_object_get(args, "heartbeatAt"));
	rc = gk_snapshot_save(ctx, it->store, &it->realm,
		GK_OPTS(gk_snapshot_change, .action = action, .id = id,
			.document = beat ? beat : json_object_get(args, "doc")),
		saved, err);
	if (rc == GK_OK &&
		(saved->existed != (before != NULL) ||
			!gk_str_equal(saved->previous ? saved->previous : "-",
				before && gk_snapshot_status(before) ? gk_snapshot_status(before)
								     : "-")))
		return gk_error_set(err, GK_INTERNAL, "it is told of another status before");
	return rc;
}

static const struct {
	const char *mutator;
	gk_snapshot_action action;
} actions[] = {
	{ "finalize", GK_SNAPSHOT_FINISH },
	{ "abort", GK_SNAPSHOT_ABORT },
	{ "heartbeat", GK_SNAPSHOT_HEARTBEAT },
};

static gk_code save_it(
	gk_ctx *ctx, play *it, json_t *args, mutation *m, gk_snapshot_saved *saved, gk_error *err)
{
	const char *mutator = gk_json_str_peek(args, "mutator");

	for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++)
		if (strcmp(mutator, actions[i].mutator) == 0)
			return save_by_action(ctx, it, actions[i].action, args, m, saved, err);
	return gk_snapshot_update(
		ctx, it->store, &it->realm, gk_json_str_peek(args, "id"), mutate, m, saved, err);
}

static void save(gk_ctx *ctx, play *it, size_t step, json_t *args)
{
	gk_auto_error gk_error err = { 0 };
	gk_auto_saved gk_snapshot_saved saved = { .id = NULL };
	mutation m = { .args = args };
	json_t *sees = json_object_get(args, "sees"), *returns = json_object_get(args, "returns");
	gk_code rc = save_it(ctx, it, args, &m, &saved, &err);
	gk_auto_json json_t *got = saved.id ? json_string(saved.id) : json_null();

	if (sees && (!m.was_called || !sessions_contains(m.seen, sees)))
		complain(it, step, "the mutator sees", m.seen);
	if (ended_well(it, step, rc, &err, args) && returns && !sessions_contains(got, returns))
		complain(it, step, "save gives", got);
	json_decref(m.seen);
}

/* --- get --- */

static void get(gk_ctx *ctx, play *it, size_t step, json_t *args)
{
	gk_auto_error gk_error err = { 0 };
	gk_auto_json json_t *got = NULL;
	json_t *expected = json_object_get(args, "expect"), *name;
	size_t i;
	gk_code rc =
		gk_snapshot_find(ctx, it->store, &it->realm, gk_json_str_peek(args, "snapshotId"),
			gk_json_str_peek(args, "sessionId"), &got, &err);

	if (!ended_well(it, step, rc, &err, args))
		return;
	if (json_is_null(expected) ? got != NULL : !sessions_contains(got, expected))
		complain(it, step, "get gives", got);
	json_array_foreach (json_object_get(args, "absent_fields"), i, name)
		if (json_object_get(got, json_string_value(name)))
			complain(it, step, "should be absent", name);
}

/* --- watch --- */

static void hear(gk_snapshot_watcher *watcher, const char *status)
{
	json_array_append_new(((watch *)watcher)->statuses, json_string(status));
}

static void start_watching(gk_ctx *ctx, play *it, size_t step, json_t *args)
{
	watch *w = &it->watches[it->watch_count++];
	gk_auto_error gk_error err = { 0 };

	(void)ctx;
	*w = (watch){ .id = strdup(gk_json_str_peek(args, "id")),
		.name = gk_json_str_peek(args, "as"),
		.statuses = json_array(),
		.is_on = true };
	w->base = (gk_snapshot_watcher){ .realm = it->realm, .id = w->id, .changed = hear };
	if (gk_snapshot_watch(it->store, &w->base, &err) != GK_OK)
		complain_error(it, step, &err);
}

static watch *find_watch(play *it, json_t *args)
{
	for (size_t i = 0; i < it->watch_count; i++)
		if (gk_str_equal(it->watches[i].name, gk_json_str_peek(args, "as")))
			return &it->watches[i];
	return NULL;
}

static void stop_watching(gk_ctx *ctx, play *it, size_t step, json_t *args)
{
	watch *w = find_watch(it, args);

	(void)ctx, (void)step;
	gk_snapshot_unwatch(it->store, &w->base);
	w->is_on = false;
}

static void expect_events(gk_ctx *ctx, play *it, size_t step, json_t *args)
{
	watch *w = find_watch(it, args);

	(void)ctx;
	if (!json_equal(w->statuses, json_object_get(args, "statuses")))
		complain(it, step, "events", w->statuses);
}

/* --- a case --- */

static const struct {
	const char *name;
	void (*run)(gk_ctx *ctx, play *it, size_t step, json_t *args);
} steps[] = {
	{ "save", save },
	{ "get", get },
	{ "watch", start_watching },
	{ "unwatch", stop_watching },
	{ "expect_events", expect_events },
};

static void run_step(gk_ctx *ctx, play *it, size_t number, const char *name, json_t *args)
{
	const char *uid = gk_json_str_peek(args, "ctx.auth.uid");

	it->realm.owner = uid && gk_json_str_peek(it->one, "store.prefix_from") ? uid : "";
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
		if (strcmp(steps[i].name, name) == 0) {
			steps[i].run(ctx, it, number, args);
			return;
		}
	complain(it, number, "unknown step", args);
}

static gk_code run_steps(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	play *it = gk_ctx_user(ctx);
	json_t *step, *args;
	const char *name;
	size_t i;

	(void)input, (void)ret, (void)err;
	json_array_foreach (json_object_get(it->one, "steps"), i, step)
		json_object_foreach (step, name, args)
			run_step(ctx, it, i + 1, name, args);
	return GK_OK;
}

void sessions_run_store(conformance *run, const char *name, core_app *app, json_t *one)
{
	gk_auto_error gk_error err = { 0 };
	gk_auto_json json_t *ret = NULL;
	play it = { .one = one, .store = gk_session_store_peek(app->app) };

	it.realm = (gk_session_realm){ .store = "agent",
		.owner = "",
		.rejects_branches = gk_json_bool_at(one, "store.reject_branching", false),
		.max_chain = (unsigned)gk_json_int_at(one, "store.max_chain", 0) };
	if (core_app_run(app, run_steps, &it, NULL, &ret, &err) != GK_OK)
		conformance_fail(run, name, "%s", err.message);
	else if (*it.problem)
		conformance_fail(run, name, "%s", it.problem);
	else
		conformance_pass(run, name);
	for (size_t i = 0; i < it.watch_count; i++) {
		if (it.watches[i].is_on)
			gk_snapshot_unwatch(it.store, &it.watches[i].base);
		json_decref(it.watches[i].statuses);
		free(it.watches[i].id);
	}
}
