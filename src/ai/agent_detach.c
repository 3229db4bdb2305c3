/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * Going on without a client (sessions section 5.2). One row stands for all that is left to do: pending while the work goes
 * on, with a sign of life now and then, and rewritten once at its end. Aborting it calls off the work.
 */
#include "ai/agent.h"

#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "core/app.h"
#include "json/edit.h"

uint64_t gk_agent_heartbeat_ms = GK_AGENT_HEARTBEAT_MS;

/* --- how many --- */

typedef struct detached_count {
	unsigned count;
} detached_count;

static void *make_slot(void)
{
	return calloc(1, sizeof(detached_count));
}

static detached_count *count_of(gk_app *app)
{
	static const gk_app_slot slot = { make_slot, free };

	return gk_app_slot_peek(app, &slot);
}

static gk_code count_up(gk_app *app, gk_error *err)
{
	detached_count *it = count_of(app);

	if (!it)
		return gk_error_no_memory(err);
	if (it->count >= GK_MAX_DETACHED_RUNS)
		return gk_error_set(err, GK_RESOURCE_EXHAUSTED,
			"%u agents are at work without a client already", it->count);
	it->count++;
	return GK_OK;
}

static void count_down(gk_app *app)
{
	count_of(app)->count--;
}

/* --- being called off --- */

static void on_change(gk_snapshot_watcher *watcher, const char *status)
{
	gk_invocation *it = (gk_invocation *)((char *)watcher - offsetof(gk_invocation, watcher));

	if (status && strcmp(status, "aborted") == 0 && it->errand)
		gk_errand_cancel(it->errand, GK_CANCELLED);
}

static gk_code watch(gk_invocation *it, gk_error *err)
{
	gk_code rc;

	if (!gk_session_store_can_watch(it->store))
		return GK_OK;
	it->watcher = (gk_snapshot_watcher){ .realm = gk_agent_realm(it->agent, it->owner),
		.id = it->pending_id,
		.changed = on_change };
	rc = gk_snapshot_watch(it->store, &it->watcher, err);
	it->is_watched = rc == GK_OK;
	return rc;
}

static void unwatch(gk_invocation *it)
{
	if (it->is_watched)
		gk_snapshot_unwatch(it->store, &it->watcher);
	it->is_watched = false;
}

/* --- signs of life --- */

static gk_code beat(gk_ctx *ctx, gk_invocation *it, gk_error *err)
{
	const gk_session_realm realm = gk_agent_realm(it->agent, it->owner);
	gk_auto_saved gk_snapshot_saved saved = { .id = NULL };

	return gk_snapshot_save(ctx, it->store, &realm,
		GK_OPTS(gk_snapshot_change, .action = GK_SNAPSHOT_HEARTBEAT, .id = it->pending_id),
		&saved, err);
}

static void keep_beating(gk_ctx *ctx, void *user)
{
	gk_invocation *it = user;

	while (gk_sleep(ctx, gk_agent_heartbeat_ms, NULL) == GK_OK) {
		gk_auto_error gk_error failure = { 0 };

		if (beat(ctx, it, &failure) != GK_OK && failure.code != GK_CANCELLED)
			gk_log(GK_LOG_WARN, "agent", "agent %s: no sign of life: %s",
				it->agent->name, failure.message ? failure.message : "");
	}
	gk_invocation_unref(it);
}

static gk_code start_heart(gk_invocation *it, gk_error *err)
{
	gk_code rc =
		gk_errand_start(it->front, "agent heartbeat", keep_beating, it, &it->heart, err);

	if (rc == GK_OK)
		it->refs++;
	return rc;
}

static void stop_heart(gk_invocation *it)
{
	if (!it->heart)
		return;
	gk_errand_cancel(it->heart, GK_CANCELLED);
	gk_errand_join(it->heart);
	it->heart = gk_errand_unref(it->heart);
}

/* --- detaching --- */

/* The row of the turn that is being taken, if it has not been saved yet, stands for all. */
static gk_code choose_id(gk_invocation *it, gk_error *err)
{
	char id[GK_UUID_SIZE];

	if (it->turn_id)
		return gk_agent_set_text(&it->pending_id, it->turn_id, err);
	gk_id_uuid(id);
	return gk_agent_set_text(&it->pending_id, id, err);
}

static gk_code save_pending(gk_invocation *it, gk_error *err)
{
	const gk_session_realm realm = gk_agent_realm(it->agent, it->owner);
	gk_auto_saved gk_snapshot_saved saved = { .id = NULL };
	gk_auto_json json_t *document =
		gk_agent_snapshot_document(it, it->pending_id, "pending", NULL, NULL);
	json_t *now = json_object_get(document, "updatedAt");

	if (!document || !gk_json_set(document, "heartbeatAt", now))
		return gk_error_no_memory(err);
	return gk_snapshot_save(it->front, it->store, &realm,
		GK_OPTS(gk_snapshot_change, .action = GK_SNAPSHOT_PUT, .id = it->pending_id,
			.document = document, .agent = it->agent->name),
		&saved, err);
}

/* {sessionId, snapshotId, finishReason: detached} */
static gk_code answer(gk_invocation *it, gk_error *err)
{
	it->output = json_pack("{s:s, s:s, s:s}", "sessionId", it->session.id, "snapshotId",
		it->pending_id, "finishReason", "detached");
	return it->output ? GK_OK : gk_error_no_memory(err);
}

static gk_code leave(gk_invocation *it, gk_error *err)
{
	gk_code rc = choose_id(it, err);

	if (rc == GK_OK)
		rc = watch(it, err);
	if (rc == GK_OK)
		rc = answer(it, err);
	if (rc == GK_OK)
		rc = start_heart(it, err);
	if (rc == GK_OK)
		rc = save_pending(it, err);
	it->has_row = rc == GK_OK;
	return rc;
}

gk_code gk_agent_detach(gk_invocation *it, gk_error *err)
{
	gk_app *app = gk_ctx_app(it->front);
	gk_code rc = count_up(app, err);

	if (rc != GK_OK)
		return rc;
	gk_scope_unlisten(&it->listener); /* a client that goes now is one that was let go */
	it->is_detached = true;
	gk_ctx_drop_chunks(it->front); /* a client that is behind does not hold the work up */
	while (it->is_saving)
		gk_fiber_park_shielded();
	rc = leave(it, err);
	if (rc != GK_OK) {
		stop_heart(it);
		unwatch(it);
		count_down(app);
	}
	return rc;
}

void gk_agent_row_is_settled(gk_invocation *it)
{
	it->is_row_settled = true;
	if (it->waits_for_row)
		gk_fiber_wake(it->waits_for_row);
}

void gk_agent_wait_for_row(gk_invocation *it)
{
	it->waits_for_row = gk_fiber_self();
	while (!it->is_row_settled)
		gk_fiber_park_shielded();
	it->waits_for_row = NULL;
}

/* --- the end --- */

/* How the work ended, as its row has it. */
static void outcome(gk_invocation *it, json_t *result, const char **status, const char **reason)
{
	json_t *own = json_object_get(result, "finishReason");

	*status = it->failure ? "failed" : "completed";
	*reason = it->failure           ? "failed"
		  : json_is_string(own) ? json_string_value(own)
					: it->finish_reason;
}

static gk_code rewrite(gk_ctx *ctx, gk_invocation *it, json_t *result, gk_error *err)
{
	const gk_session_realm realm = gk_agent_realm(it->agent, it->owner);
	gk_auto_saved gk_snapshot_saved saved = { .id = NULL };
	gk_auto_json json_t *document = NULL;
	const char *status, *reason;

	outcome(it, result, &status, &reason);
	document = gk_agent_snapshot_document(it, it->pending_id, status, reason, it->failure);
	if (!document)
		return gk_error_no_memory(err);
	return gk_snapshot_save(ctx, it->store, &realm,
		GK_OPTS(gk_snapshot_change, .action = GK_SNAPSHOT_FINISH, .id = it->pending_id,
			.document = document, .agent = it->agent->name),
		&saved, err);
}

/* Nobody is there to hear of a failure but the log: the row will read as expired. */
void gk_agent_finalize(gk_ctx *ctx, gk_invocation *it, json_t *result)
{
	gk_auto_error gk_error failure = { 0 };
	gk_scope *before;

	gk_agent_wait_for_row(it);
	if (!it->has_row)
		return; /* the client was told that it could not be let go */
	stop_heart(it);
	unwatch(it);
	before = gk_fiber_swap_scope(NULL); /* also what was called off is told of */
	if (rewrite(ctx, it, result, &failure) != GK_OK)
		gk_log(GK_LOG_ERROR, "agent", "agent %s: what became of %s could not be kept: %s",
			it->agent->name, it->pending_id, failure.message ? failure.message : "");
	gk_fiber_swap_scope(before);
	count_down(gk_ctx_app(ctx));
}
