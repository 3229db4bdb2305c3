/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Stores of sessions as those who use them see them: arguments are checked here, the store's functions do the rest. */
#include "core/internal.h"

#include "base/id.h"
#include "base/str.h"
#include "core/owner.h"
#include "core/snapshot.h"
#include "json/edit.h"

#include <ctype.h>

/* --- arguments --- */

static gk_code check_name(const char *what, const char *text, gk_error *err)
{
	if (!text)
		return gk_error_set(err, GK_INVALID_ARGUMENT, "%s is missing", what);
	if (strlen(text) > GK_MAX_SESSION_NAME)
		return gk_error_set(err, GK_INVALID_ARGUMENT, "%s is longer than %d bytes", what,
			GK_MAX_SESSION_NAME);
	return GK_OK;
}

static gk_code check_realm(
	const gk_session_store *store, const gk_session_realm *realm, gk_error *err)
{
	gk_code rc;

	if (!store || !realm)
		return gk_error_set(err, GK_INVALID_ARGUMENT, "there is no session store");
	if (realm->max_chain > GK_MAX_CHAIN)
		return gk_error_set(err, GK_INVALID_ARGUMENT,
			"a chain of %u snapshots: at most %d are counted", realm->max_chain,
			GK_MAX_CHAIN);
	rc = check_name("the store's name", realm->store, err);
	return rc == GK_OK ? check_name("the session's owner", realm->owner, err) : rc;
}

static gk_code check_session_id(const char *id, gk_error *err)
{
	const char *at = id;

	while (*at && isspace((unsigned char)*at))
		at++;
	if (!*at)
		return gk_error_set(err, GK_INVALID_ARGUMENT,
			"Invalid sessionId: expected a non-empty string, got \"%s\".", id);
	return check_name("the session's id", id, err);
}

const char *gk_ctx_owner(gk_ctx *ctx)
{
	gk_auto_str char *owner = gk_owner_of(gk_ctx_context(ctx));

	return owner ? gk_ctx_printf(ctx, "%s", owner) : NULL;
}

static gk_code lacks(const gk_session_store *store, const char *what, gk_error *err)
{
	return gk_error_set(
		err, GK_UNIMPLEMENTED, "the session store '%s' cannot %s", store->type->name, what);
}

/* --- snapshots --- */

gk_code gk_snapshot_get(gk_ctx *ctx, gk_session_store *store, const gk_session_realm *realm,
	const char *snapshot_id, json_t **ret, gk_error *err)
{
	gk_code rc = check_realm(store, realm, err);

	if (rc == GK_OK)
		rc = check_name("the snapshot's id", snapshot_id, err);
	return rc == GK_OK ? store->type->get(ctx, store, realm, snapshot_id, ret, err) : rc;
}

gk_code gk_snapshot_latest(gk_ctx *ctx, gk_session_store *store, const gk_session_realm *realm,
	const char *session_id, json_t **ret, gk_error *err)
{
	gk_code rc = check_realm(store, realm, err);

	if (rc == GK_OK)
		rc = check_session_id(session_id ? session_id : "", err);
	return rc == GK_OK ? store->type->latest(ctx, store, realm, session_id, ret, err) : rc;
}

gk_code gk_snapshot_find(gk_ctx *ctx, gk_session_store *store, const gk_session_realm *realm,
	const char *snapshot_id, const char *session_id, json_t **ret, gk_error *err)
{
	if (!snapshot_id == !session_id)
		return gk_error_set(err, GK_INVALID_ARGUMENT,
			"getSnapshot requires exactly one of 'snapshotId' or 'sessionId' (got %s).",
			snapshot_id ? "snapshotId and sessionId" : "neither");
	return snapshot_id ? gk_snapshot_get(ctx, store, realm, snapshot_id, ret, err)
			   : gk_snapshot_latest(ctx, store, realm, session_id, ret, err);
}

void gk_snapshot_saved_clear(gk_snapshot_saved *saved)
{
	free(saved->id);
	*saved = (gk_snapshot_saved){ .id = NULL };
}

/* What the store is handed: whole, with an id and a time. */
static gk_code complete(gk_snapshot_change *change, json_t **document, gk_error *err)
{
	if (change->action == GK_SNAPSHOT_ABORT)
		return GK_OK;
	if (change->action == GK_SNAPSHOT_HEARTBEAT) {
		*document = json_object();
		if (json_object_get(change->document, "heartbeatAt")
				? gk_json_set(*document, "heartbeatAt",
					  json_object_get(change->document, "heartbeatAt"))
				: gk_snapshot_set_now(*document, "heartbeatAt"))
			return GK_OK;
	} else {
		*document = gk_snapshot_complete(change->document, change->id);
		if (*document)
			return GK_OK;
	}
	return gk_error_no_memory(err);
}

static bool has_document(const gk_snapshot_change *change)
{
	return change->action == GK_SNAPSHOT_PUT || change->action == GK_SNAPSHOT_FINISH ||
	       change->action == GK_SNAPSHOT_REPLACE;
}

gk_code gk_snapshot_save(gk_ctx *ctx, gk_session_store *store, const gk_session_realm *realm,
	const gk_snapshot_change *change, gk_snapshot_saved *ret, gk_error *err)
{
	gk_snapshot_change whole = *change;
	gk_auto_json json_t *document = NULL;
	char minted[GK_UUID_SIZE];
	gk_code rc = check_realm(store, realm, err);

	if (rc == GK_OK && (has_document(change) || change->document))
		rc = gk_snapshot_check(change->document, err);
	if (rc != GK_OK)
		return rc;
	if (!whole.id && has_document(change))
		whole.id = json_string_value(json_object_get(change->document, "snapshotId"));
	if ((!whole.id || !*whole.id) && has_document(change)) {
		gk_id_uuid(minted);
		whole.id = minted;
	}
	rc = check_name("the snapshot's id", whole.id, err);
	if (rc == GK_OK)
		rc = complete(&whole, &document, err);
	if (rc != GK_OK)
		return rc;
	whole.document = document;
	if (ctx && has_document(change))
		gk_snapshot_forget(gk_ctx_app(ctx), store, realm, whole.id);
	*ret = (gk_snapshot_saved){ .id = NULL };
	return store->type->save(ctx, store, realm, &whole, ret, err);
}

gk_code gk_snapshot_update(gk_ctx *ctx, gk_session_store *store, const gk_session_realm *realm,
	const char *id, gk_snapshot_mutate_fn *mutate, void *user, gk_snapshot_saved *ret,
	gk_error *err)
{
	for (unsigned i = 0; i < GK_MAX_SNAPSHOT_TRIES; i++) {
		gk_auto_json json_t *current = NULL;
		gk_auto_json json_t *next = NULL;
		gk_code rc = id ? gk_snapshot_get(ctx, store, realm, id, &current, err) : GK_OK;

		if (rc == GK_OK)
			rc = mutate(current, &next, user, err);
		if (rc != GK_OK)
			return rc;
		if (!next) {
			*ret = (gk_snapshot_saved){ .existed = current != NULL,
				.previous = gk_snapshot_status(current) };
			return GK_OK;
		}
		gk_snapshot_saved_clear(ret);
		rc = gk_snapshot_save(ctx, store, realm,
			GK_OPTS(gk_snapshot_change,
				.action = id ? GK_SNAPSHOT_REPLACE : GK_SNAPSHOT_PUT, .id = id,
				.document = next, .expected = current),
			ret, err);
		if (rc != GK_OK || ret->id)
			return rc;
	}
	return gk_error_set(
		err, GK_ABORTED, "the snapshot '%s' is changed by others all the time", id);
}

bool gk_session_store_can_watch(const gk_session_store *store)
{
	return store->type->watch && store->type->unwatch;
}

gk_code gk_snapshot_watch(gk_session_store *store, gk_snapshot_watcher *watcher, gk_error *err)
{
	gk_code rc = check_realm(store, &watcher->realm, err);

	watcher->link = NULL;
	if (rc == GK_OK)
		rc = check_name("the snapshot's id", watcher->id, err);
	if (rc == GK_OK && !gk_session_store_can_watch(store))
		return lacks(store, "be watched", err);
	return rc == GK_OK ? store->type->watch(store, watcher, err) : rc;
}

void gk_snapshot_unwatch(gk_session_store *store, gk_snapshot_watcher *watcher)
{
	if (store->type->unwatch)
		store->type->unwatch(store, watcher);
}

/* --- the older sessions --- */

gk_code gk_chat_load(gk_ctx *ctx, gk_session_store *store, const gk_session_realm *realm,
	const char *session_id, json_t **ret, gk_error *err)
{
	gk_code rc = check_realm(store, realm, err);

	if (rc == GK_OK)
		rc = check_name("the session's id", session_id, err);
	if (rc == GK_OK && !store->type->chat_load)
		return lacks(store, "keep chats", err);
	return rc == GK_OK ? store->type->chat_load(ctx, store, realm, session_id, ret, err) : rc;
}

gk_code gk_chat_save(gk_ctx *ctx, gk_session_store *store, const gk_session_realm *realm,
	const gk_chat_change *change, gk_error *err)
{
	gk_code rc = check_realm(store, realm, err);

	if (rc == GK_OK)
		rc = check_name("the session's id", change->session_id, err);
	if (rc == GK_OK && change->thread)
		rc = check_name("the thread's name", change->thread, err);
	if (rc == GK_OK && change->thread && !json_is_array(change->messages))
		return gk_error_set(
			err, GK_INVALID_ARGUMENT, "the messages of a thread must be an array");
	if (rc == GK_OK && !store->type->chat_save)
		return lacks(store, "keep chats", err);
	return rc == GK_OK ? store->type->chat_save(ctx, store, realm, change, err) : rc;
}

/* --- operators --- */

gk_code gk_sessions_list(
	gk_session_store *store, const gk_session_query *query, json_t **ret, gk_error *err)
{
	gk_session_query bounded = *query;

	if (!store->type->list)
		return lacks(store, "list sessions", err);
	if (!bounded.limit)
		bounded.limit = GK_SESSION_LIST;
	if (bounded.limit > GK_MAX_SESSION_LIST)
		bounded.limit = GK_MAX_SESSION_LIST;
	return store->type->list(store, &bounded, ret, err);
}

gk_code gk_sessions_show(
	gk_session_store *store, const gk_session_query *query, json_t **ret, gk_error *err)
{
	gk_session_query bounded = *query;

	if (!store->type->show)
		return lacks(store, "show sessions", err);
	if (!query->session_id)
		return gk_error_set(err, GK_INVALID_ARGUMENT, "the session's id is missing");
	if (!bounded.limit || bounded.limit > GK_MAX_SESSION_LIST)
		bounded.limit = GK_MAX_SESSION_LIST;
	return store->type->show(store, &bounded, ret, err);
}

gk_code gk_sessions_delete(
	gk_session_store *store, const gk_session_query *query, uint64_t *ret, gk_error *err)
{
	if (!store->type->remove)
		return lacks(store, "delete sessions", err);
	if (!query->session_id && !query->owner && !query->store)
		return gk_error_set(err, GK_INVALID_ARGUMENT,
			"which sessions are to be deleted: a session, an owner or a store must be named");
	return store->type->remove(store, query, ret, err);
}

void gk_session_store_free(gk_session_store *store)
{
	if (store)
		store->type->free(store);
}

/* --- of an application --- */

static void *make_slot(void)
{
	return calloc(1, sizeof(gk_session_store *));
}

static void free_slot(void *it)
{
	gk_session_store **store = it;

	gk_session_store_free(*store);
	free(store);
}

static const gk_app_slot slot = { make_slot, free_slot };

gk_session_store *gk_session_store_peek(gk_app *app)
{
	gk_session_store **store = gk_app_slot_peek(app, &slot);

	if (store && !*store)
		*store = gk_session_store_new_memory();
	return store ? *store : NULL;
}

static gk_code check_type(const gk_session_store_type *type, gk_error *err)
{
	if (type->abi != GK_SESSION_STORE_ABI)
		return gk_error_set(err, GK_INVALID_ARGUMENT,
			"a session store of ABI %u, this library has %d", type->abi,
			GK_SESSION_STORE_ABI);
	if (!type->name || !type->get || !type->latest || !type->save || !type->free)
		return gk_error_set(err, GK_INVALID_ARGUMENT,
			"a session store needs a name, get, latest, save and free");
	return GK_OK;
}

gk_code gk_set_session_store(gk_app *app, gk_session_store *store_take, gk_error *err)
{
	gk_session_store **store = gk_app_slot_peek(app, &slot);
	gk_code rc = store ? GK_OK : gk_error_no_memory(err);

	if (rc == GK_OK)
		rc = check_type(store_take->type, err);
	if (rc == GK_OK && *store)
		rc = gk_error_set(err, GK_FAILED_PRECONDITION,
			"the application's session store is in use already");
	if (rc == GK_OK)
		*store = store_take;
	else if (store_take->type->free)
		store_take->type->free(store_take);
	return rc;
}
