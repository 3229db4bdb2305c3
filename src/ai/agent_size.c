/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * How large a session's state is, and whether its messages name resources. It is looked at whole only when it comes from
 * outside; after that what is added is. What is known of snapshots that were saved lately is remembered, so that going on
 * with one costs nothing.
 */
#include "ai/agent.h"

#include "ai/request.h"
#include "base/limits.h"
#include "core/app.h"
#include "json/edit.h"

#define VALUE_BYTES 8
#define REMEMBERED  4096

typedef struct known_snapshot {
	char id[GK_UUID_SIZE]; /* "": nothing */
	size_t bytes;
	bool names_resources;
} known_snapshot;

static void *make_slot(void)
{
	return calloc(REMEMBERED, sizeof(known_snapshot));
}

/* The place of a snapshot among those that are remembered; NULL: its id is none of ours, or there is no memory. */
static known_snapshot *place_of(gk_app *app, const char *id)
{
	static const gk_app_slot slot = { make_slot, free };
	known_snapshot *all;
	uint32_t hash = 2166136261u;

	if (!id || strlen(id) != GK_UUID_SIZE - 1)
		return NULL;
	all = gk_app_slot_peek(app, &slot);
	for (const char *c = id; *c; c++)
		hash = (hash ^ (unsigned char)*c) * 16777619u;
	return all ? &all[hash % REMEMBERED] : NULL;
}

size_t gk_agent_weigh(const json_t *value)
{
	size_t bytes = VALUE_BYTES + json_string_length(value), i;
	json_t *one;

	json_array_foreach (value, i, one)
		bytes += gk_agent_weigh(one);
	for (void *it = json_object_iter((json_t *)(uintptr_t)value); it;
		it = json_object_iter_next((json_t *)(uintptr_t)value, it))
		bytes += json_object_iter_key_len(it) + gk_agent_weigh(json_object_iter_value(it));
	return bytes;
}

gk_code gk_agent_look_over(gk_app *app, gk_agent_session *session, const char *id, gk_error *err)
{
	const known_snapshot *place = place_of(app, id);
	const json_t *messages = json_object_get(session->state, "messages");
	bool is_known = place && strcmp(place->id, id) == 0;

	session->names_resources =
		is_known ? place->names_resources : gk_messages_name_resources(messages);
	return gk_agent_grow(
		session, is_known ? place->bytes : gk_agent_weigh(session->state), 0, err);
}

void gk_agent_remember(gk_app *app, const gk_agent_session *session, const char *id)
{
	known_snapshot *place = place_of(app, id);

	if (!place)
		return;
	memcpy(place->id, id, GK_UUID_SIZE);
	place->bytes = session->bytes;
	place->names_resources = session->names_resources;
}

gk_code gk_agent_grow(gk_agent_session *session, size_t more, size_t less, gk_error *err)
{
	size_t bytes = session->bytes - (less < session->bytes ? less : session->bytes);

	if (more > GK_MAX_AGENT_STATE || bytes > GK_MAX_AGENT_STATE - more)
		return gk_error_set(err, GK_RESOURCE_EXHAUSTED,
			"the state of session %s would be larger than %u bytes", session->id,
			GK_MAX_AGENT_STATE);
	session->bytes = bytes + more;
	return GK_OK;
}
