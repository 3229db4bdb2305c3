/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* The session of an invocation: its state, as turns read and change it (sessions section 3.1). */
#include "ai/agent.h"

#include "ai/request.h"
#include "base/str.h"
#include "core/builtin_schemas.h"
#include "core/held.h"
#include "json/edit.h"

#include <assert.h>

#define GK_SESSION_MAGIC 0x61736573u
#define CHECK(session)   assert((session) && (session)->magic == GK_SESSION_MAGIC)

/* --- from beginning to end --- */

static json_t *fresh_state(void)
{
	return json_pack("{s:[], s:[]}", "artifacts", "messages");
}

/* What was given stays as it is: with an id that was missing it is another object. */
static gk_code set_id(gk_agent_session *session, const char *id, gk_error *err)
{
	json_t *state = session->state;

	if (state->refcount > 1) {
		session->state = gk_json_merge(state, NULL);
		json_decref(state);
	}
	return gk_json_set_str(session->state, "sessionId", id) ? GK_OK : gk_error_no_memory(err);
}

gk_code gk_agent_session_begin(
	gk_agent_session *session, json_t *state, const char *id, gk_error *err)
{
	const char *own = json_string_value(json_object_get(state, "sessionId"));
	char fresh[GK_UUID_SIZE];

	session->magic = GK_SESSION_MAGIC;
	session->state = state ? json_incref(state) : fresh_state();
	if (!session->state)
		return gk_error_no_memory(err);
	if (own && *own) {
		id = own;
	} else {
		if (!id)
			gk_id_uuid(fresh);
		id = id ? id : fresh;
		if (set_id(session, id, err) != GK_OK)
			return GK_RESOURCE_EXHAUSTED;
	}
	session->id = strdup(id);
	return session->id ? GK_OK : gk_error_no_memory(err);
}

void gk_agent_session_done(gk_agent_session *session)
{
	json_decref(session->state);
	gk_asked_done(&session->asked);
	free(session->id);
	session->state = NULL;
	session->id = NULL;
	session->magic = 0;
}

void gk_agent_become_good(gk_invocation *it)
{
	json_decref(it->last_good);
	it->last_good = gk_agent_state(&it->session);
	it->last_good_count = json_array_size(json_object_get(it->last_good, "messages"));
}

json_t *gk_agent_last_good(const gk_invocation *it)
{
	if (json_array_size(json_object_get(it->last_good, "messages")) <= it->last_good_count)
		return json_incref(it->last_good);
	return gk_state_until(it->last_good, it->last_good_count);
}

/* --- reading --- */

gk_agent_session *gk_ctx_agent_session(gk_ctx *ctx)
{
	return gk_ctx_session_peek(ctx);
}

const char *gk_agent_session_id(const gk_agent_session *session)
{
	CHECK(session);
	return session->id;
}

json_t *gk_agent_state(gk_agent_session *session)
{
	CHECK(session);
	return json_incref(session->state);
}

static json_t *member(gk_agent_session *session, const char *key)
{
	json_t *value = json_object_get(session->state, key);

	CHECK(session);
	return json_is_null(value) ? NULL : value;
}

json_t *gk_agent_messages_peek(gk_agent_session *session)
{
	return member(session, "messages");
}

json_t *gk_agent_custom_peek(gk_agent_session *session)
{
	CHECK(session);
	return json_object_get(session->state, "custom"); /* null is a value */
}

json_t *gk_agent_artifacts_peek(gk_agent_session *session)
{
	return member(session, "artifacts");
}

/* --- changing --- */

/* What others hold stays as it is: this makes the state ours alone. */
static gk_code own_state(gk_agent_session *session, gk_error *err)
{
	json_t *copy;

	CHECK(session);
	session->version++;
	if (session->state->refcount == 1)
		return GK_OK;
	copy = gk_json_merge(session->state, NULL);
	if (!copy)
		return gk_error_no_memory(err);
	json_decref(session->state);
	session->state = copy;
	return GK_OK;
}

/* Whether all others that hold the session's messages know how many of them are theirs: the store, and what the last good turn
 * left. Then more may be added behind them. */
static bool may_grow(const gk_agent_session *session, const json_t *list)
{
	const gk_invocation *it = session->invocation;
	const json_t *good = it->last_good;
	size_t known = 1;

	if (good && good != session->state && good->refcount == 1 &&
		json_object_get(good, "messages") == list)
		known++;
	if (it->store && it->store->type->holds)
		known += it->store->type->holds(it->store, list);
	return list->refcount <= known;
}

/* The list of that name, to be added to in place. Borrowed. */
static gk_code own_list(gk_agent_session *session, const char *key, json_t **ret, gk_error *err)
{
	gk_code rc = own_state(session, err);
	json_t *list = member(session, key);
	bool is_ours = list && (strcmp(key, "messages") == 0 ? may_grow(session, list)
							     : list->refcount == 1);

	if (rc != GK_OK)
		return rc;
	if (!is_ours) {
		list = list ? gk_json_array_copy(list) : json_array();
		if (!gk_json_set_take(session->state, key, list))
			return gk_error_no_memory(err);
	}
	*ret = list;
	return GK_OK;
}

gk_code gk_agent_push_message_take(gk_agent_session *session, json_t *message_take, gk_error *err)
{
	gk_auto_json json_t *message = message_take;
	json_t *list;
	gk_code rc;

	if (!message)
		return gk_error_no_memory(err);
	rc = gk_agent_grow(session, gk_agent_weigh(message), 0, err);
	if (rc == GK_OK)
		rc = own_list(session, "messages", &list, err);
	session->names_resources = session->names_resources || gk_message_names_resources(message);
	if (rc == GK_OK && !gk_json_push_take(list, gk_steal(message)))
		rc = gk_error_no_memory(err);
	return rc;
}

static gk_code check_message(const json_t *message, gk_error *err)
{
	const gk_schema *schema;
	gk_code rc = gk_builtin_schema_peek("Message", &schema, err);

	return rc == GK_OK ? gk_schema_check(schema, message, err) : rc;
}

gk_code gk_agent_add_message_take(gk_agent_session *session, json_t *message_take, gk_error *err)
{
	gk_auto_json json_t *message = message_take;
	gk_code rc = message ? check_message(message, err) : gk_error_no_memory(err);

	return rc == GK_OK ? gk_agent_push_message_take(session, gk_steal(message), err) : rc;
}

/* How many elements, from the first, are the same objects in both. */
static size_t common(const json_t *a, const json_t *b)
{
	size_t count = 0;

	while (count < json_array_size(a) && count < json_array_size(b) &&
		json_array_get(a, count) == json_array_get(b, count))
		count++;
	return count;
}

static gk_code replace_messages(
	gk_agent_session *session, json_t *now, json_t *messages, gk_error *err)
{
	gk_code rc = GK_OK;

	for (size_t i = 0; rc == GK_OK && i < json_array_size(messages); i++)
		rc = check_message(json_array_get(messages, i), err);
	if (rc == GK_OK)
		rc = gk_agent_grow(
			session, gk_agent_weigh(messages), now ? gk_agent_weigh(now) : 0, err);
	if (rc == GK_OK)
		rc = own_state(session, err);
	session->names_resources = session->names_resources || gk_messages_name_resources(messages);
	gk_asked_done(&session->asked);
	if (rc == GK_OK &&
		!gk_json_set_take(session->state, "messages", gk_json_array_copy(messages)))
		rc = gk_error_no_memory(err);
	return rc;
}

gk_code gk_agent_set_messages(gk_agent_session *session, json_t *messages, gk_error *err)
{
	json_t *now = gk_agent_messages_peek(session);
	size_t same = common(now, messages);
	gk_code rc = GK_OK;

	if (!json_is_array(messages))
		return gk_error_set(err, GK_INVALID_ARGUMENT, "messages are an array");
	if (!now || same < json_array_size(now))
		return replace_messages(session, now, messages, err);
	for (; rc == GK_OK && same < json_array_size(messages); same++)
		rc = gk_agent_add_message_take(
			session, json_incref(json_array_get(messages, same)), err);
	return rc;
}

gk_code gk_agent_set_custom_take(
	gk_ctx *ctx, gk_agent_session *session, json_t *custom_take, gk_error *err)
{
	gk_auto_json json_t *custom = custom_take;
	json_t *before;
	gk_code rc;

	if (!custom)
		return gk_error_no_memory(err);
	before = gk_agent_custom_peek(session);
	rc = gk_agent_grow(
		session, gk_agent_weigh(custom), before ? gk_agent_weigh(before) : 0, err);
	if (rc == GK_OK)
		rc = own_state(session, err);
	if (rc == GK_OK && !gk_json_set(session->state, "custom", custom))
		rc = gk_error_no_memory(err);
	return rc == GK_OK ? gk_agent_emit_custom(ctx, session->invocation, err) : rc;
}

/* --- artifacts --- */

/* The place of the artifact of a name; the list's size when there is none. Those without a name are all different. */
static size_t place_of(const json_t *list, const json_t *artifact)
{
	const char *name = json_string_value(json_object_get(artifact, "name"));
	json_t *other;
	size_t i;

	if (!name || !*name)
		return json_array_size(list);
	json_array_foreach (list, i, other)
		if (gk_str_equal(name, json_string_value(json_object_get(other, "name"))))
			return i;
	return json_array_size(list);
}

/* In the place of the one of its name, or behind the others. */
static gk_code store_artifact(gk_agent_session *session, json_t *list, json_t *artifact,
	json_t *added, json_t *changed, gk_error *err)
{
	size_t at = place_of(list, artifact);
	json_t *before = json_array_get(list, at);
	gk_code rc;

	if (!json_is_array(json_object_get(artifact, "parts")))
		return gk_error_set(err, GK_INVALID_ARGUMENT, "an artifact has parts");
	rc = gk_agent_grow(
		session, gk_agent_weigh(artifact), before ? gk_agent_weigh(before) : 0, err);
	if (rc != GK_OK)
		return rc;
	if (before ? json_array_set(list, at, artifact) < 0
		   : !gk_json_push_take(list, json_incref(artifact)))
		return gk_error_no_memory(err);
	return gk_json_push_take(before ? changed : added, json_incref(artifact))
		       ? GK_OK
		       : gk_error_no_memory(err);
}

/* Those that are new go to `added`, the others to `changed`. */
static gk_code store_artifacts(
	gk_agent_session *session, json_t *artifacts, json_t *added, json_t *changed, gk_error *err)
{
	json_t *list = NULL, *artifact;
	size_t i;
	gk_code rc = own_list(session, "artifacts", &list, err);

	json_array_foreach (artifacts, i, artifact)
		if (rc == GK_OK)
			rc = store_artifact(session, list, artifact, added, changed, err);
	return rc;
}

static gk_code emit_artifacts(gk_ctx *ctx, gk_invocation *it, json_t *artifacts, gk_error *err)
{
	json_t *artifact;
	size_t i;

	json_array_foreach (artifacts, i, artifact) {
		gk_code rc = gk_agent_emit(ctx, it, json_pack("{s:O}", "artifact", artifact), err);

		if (rc != GK_OK)
			return rc;
	}
	return GK_OK;
}

gk_code gk_agent_add_artifacts_take(
	gk_ctx *ctx, gk_agent_session *session, json_t *artifacts_take, gk_error *err)
{
	gk_auto_json json_t *given = artifacts_take, *added = json_array(), *changed = json_array();
	gk_auto_json json_t *one = NULL;
	gk_code rc;

	if (!given || !added || !changed)
		return gk_error_no_memory(err);
	if (!json_is_array(given)) {
		one = json_pack("[O]", given);
		if (!one)
			return gk_error_no_memory(err);
	}
	rc = store_artifacts(session, one ? one : given, added, changed, err);
	if (rc == GK_OK)
		rc = emit_artifacts(ctx, session->invocation, added, err);
	return rc == GK_OK ? emit_artifacts(ctx, session->invocation, changed, err) : rc;
}
