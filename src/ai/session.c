/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Sessions of the older kind: a state and threads, kept by a store (sessions sections 1.1 and 1.2). */
#include "ai/session.h"

#include "ai/request.h"
#include "base/id.h"
#include "base/str.h"
#include "core/call.h"
#include "core/owner.h"
#include "json/edit.h"

#include <assert.h>
#include <ctype.h>

#define GK_SESSION_MAGIC         0x67736573u
#define GK_CHECK(object, magic_) assert((object) && (object)->magic == (magic_))
#define STORE_NAME               "chat"

static gk_session_realm realm_of(const gk_session *session)
{
	return (gk_session_realm){ .store = session->store_name, .owner = session->owner };
}

/* --- life --- */

/* Without the blanks around it; a new one for an empty one. */
static char *make_id(const char *given)
{
	char *id = NULL;
	size_t len;

	while (given && isspace((unsigned char)*given))
		given++;
	len = given ? strlen(given) : 0;
	while (len && isspace((unsigned char)given[len - 1]))
		len--;
	if (len)
		return strndup(given, len);
	id = malloc(GK_UUID_SIZE);
	if (id)
		gk_id_uuid(id);
	return id;
}

gk_code gk_session_new(gk_ctx *ctx, const gk_session_opts *opts, gk_session **ret, gk_error *err)
{
	gk_session *session = calloc(1, sizeof(*session));

	if (!session)
		return gk_error_no_memory(err);
	session->magic = GK_SESSION_MAGIC;
	session->refs = 1;
	TAILQ_INIT(&session->turns);
	session->store = opts ? opts->store : NULL;
	session->store_name = strdup(opts && opts->store_name ? opts->store_name : STORE_NAME);
	session->owner = gk_owner_of(gk_ctx_context(ctx));
	session->id = make_id(opts ? opts->id : NULL);
	session->state = opts ? json_incref(opts->state) : NULL;
	session->threads = json_object();
	if (!session->store_name || !session->owner || !session->id || !session->threads) {
		gk_session_unref(session);
		return gk_error_no_memory(err);
	}
	*ret = session;
	return GK_OK;
}

gk_code gk_session_load(gk_ctx *ctx, const gk_session_opts *opts, gk_session **ret, gk_error *err)
{
	gk_session_opts own = opts ? *opts : (gk_session_opts){ .size = sizeof(own) };
	gk_auto_session gk_session *session = NULL;
	gk_auto_json json_t *found = NULL;
	gk_session_realm realm;
	json_t *threads;
	gk_code rc;

	if (!own.store)
		return gk_error_set(err, GK_INVALID_ARGUMENT, "options.store is required");
	own.state = NULL;
	rc = gk_session_new(ctx, &own, &session, err);
	if (rc != GK_OK)
		return rc;
	realm = realm_of(session);
	rc = gk_chat_load(ctx, own.store, &realm, session->id, &found, err);
	if (rc != GK_OK)
		return rc;
	session->state = json_incref(json_object_get(found, "state"));
	threads = json_object_get(found, "threads");
	if (json_is_object(threads) && json_object_update(session->threads, threads) < 0)
		return gk_error_no_memory(err);
	*ret = gk_steal(session);
	return GK_OK;
}

gk_session *gk_session_ref(gk_session *session)
{
	GK_CHECK(session, GK_SESSION_MAGIC);
	session->refs++;
	return session;
}

gk_session *gk_session_unref(gk_session *session)
{
	if (!session)
		return NULL;
	GK_CHECK(session, GK_SESSION_MAGIC);
	if (--session->refs)
		return NULL;
	session->magic = 0;
	free(session->store_name);
	free(session->owner);
	free(session->id);
	json_decref(session->state);
	json_decref(session->threads);
	free(session);
	return NULL;
}

/* --- what it holds --- */

const char *gk_session_id(const gk_session *session)
{
	GK_CHECK(session, GK_SESSION_MAGIC);
	return session->id;
}

json_t *gk_session_state(const gk_session *session)
{
	GK_CHECK(session, GK_SESSION_MAGIC);
	return session->state;
}

json_t *gk_session_thread(const gk_session *session, const char *thread)
{
	GK_CHECK(session, GK_SESSION_MAGIC);
	return json_object_get(session->threads, thread);
}

json_t *gk_session_json(const gk_session *session)
{
	gk_auto_json json_t *ret = json_object();

	GK_CHECK(session, GK_SESSION_MAGIC);
	if (!gk_json_set_str(ret, "id", session->id) ||
		(session->state && !gk_json_set(ret, "state", session->state)) ||
		!gk_json_set_take(ret, "threads", gk_json_merge(session->threads, NULL)))
		return NULL;
	return gk_steal(ret);
}

static gk_code save(gk_ctx *ctx, gk_session *session, const gk_chat_change *change, gk_error *err)
{
	gk_session_realm realm = realm_of(session);

	return session->store ? gk_chat_save(ctx, session->store, &realm, change, err) : GK_OK;
}

/* The state goes with everything that is saved: it may have been given when the session was made. */
gk_code gk_session_set_state(gk_ctx *ctx, gk_session *session, json_t *state, gk_error *err)
{
	json_t *before = session->state;

	GK_CHECK(session, GK_SESSION_MAGIC);
	session->state = json_incref(state);
	json_decref(before);
	return save(ctx, session,
		GK_OPTS(gk_chat_change, .session_id = session->id, .state = session->state), err);
}

gk_code gk_session_set_messages(
	gk_ctx *ctx, gk_session *session, const char *thread, json_t *messages, gk_error *err)
{
	GK_CHECK(session, GK_SESSION_MAGIC);
	if (!json_is_array(messages))
		return gk_error_set(
			err, GK_INVALID_ARGUMENT, "the messages of a thread must be an array");
	if (!gk_json_set(session->threads, thread, messages))
		return gk_error_no_memory(err);
	return save(ctx, session,
		GK_OPTS(gk_chat_change, .session_id = session->id, .state = session->state,
			.thread = thread, .messages = messages),
		err);
}

/* --- the current one --- */

typedef struct within {
	gk_session *session;
	gk_action_fn *fn;
	void *user;
} within;

static gk_code run_within(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	within *it = gk_ctx_user(ctx);

	gk_ctx_set_chat_session(ctx, it->session);
	return gk_ctx_run_inner(ctx, it->fn, it->user, input, ret, err);
}

gk_code gk_session_run(gk_ctx *ctx, gk_session *session, gk_action_fn *fn, void *user,
	json_t *input, json_t **ret, gk_error *err)
{
	within it = { .session = session, .fn = fn, .user = user };
	gk_auto_json json_t *context = NULL;
	gk_code rc;

	GK_CHECK(session, GK_SESSION_MAGIC);
	if (session->state) {
		context = gk_json_object_with(
			gk_ctx_context(ctx), "state", json_incref(session->state));
		if (!context)
			return gk_error_no_memory(err);
	}
	gk_session_ref(session);
	rc = gk_run_part(ctx,
		GK_OPTS(gk_part_opts, .input = input, .context = context, .user = &it), run_within,
		ret, err);
	gk_session_unref(session);
	return rc;
}

gk_session *gk_session_current(gk_ctx *ctx, gk_error *err)
{
	gk_session *session = gk_ctx_chat_session_peek(ctx);

	if (!session)
		gk_error_set(err, GK_FAILED_PRECONDITION, "not running within a session");
	return session;
}

/* --- one after the other --- */

static bool is_first(const gk_session *session, const gk_session_turn *turn)
{
	gk_session_turn *other;

	TAILQ_FOREACH (other, &session->turns, link)
		if (strcmp(other->thread, turn->thread) == 0)
			return other == turn;
	return false;
}

gk_code gk_session_begin_turn(
	gk_session *session, const char *thread, gk_session_turn *turn, gk_error *err)
{
	gk_code rc = GK_OK;

	*turn = (gk_session_turn){ .fiber = gk_fiber_self(), .thread = thread };
	TAILQ_INSERT_TAIL(&session->turns, turn, link);
	while (rc == GK_OK && !is_first(session, turn))
		rc = gk_fiber_park(err);
	if (rc != GK_OK)
		gk_session_end_turn(session, turn);
	return rc;
}

void gk_session_end_turn(gk_session *session, gk_session_turn *turn)
{
	gk_session_turn *other;

	TAILQ_REMOVE(&session->turns, turn, link);
	TAILQ_FOREACH (other, &session->turns, link)
		if (strcmp(other->thread, turn->thread) == 0) {
			gk_fiber_wake(other->fiber);
			return;
		}
}
