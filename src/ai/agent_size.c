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
#include "core/snapshot.h"
#include "json/edit.h"

#define VALUE_BYTES 8

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
	const gk_invocation *it = session->invocation;
	const gk_session_realm realm = gk_agent_realm(it->agent, it->owner);
	const gk_known_snapshot *known =
		it->store ? gk_snapshot_known_peek(app, it->store, &realm, id) : NULL;
	const json_t *messages = json_object_get(session->state, "messages");

	session->names_resources =
		known ? known->names_resources : gk_messages_name_resources(messages);
	return gk_agent_grow(
		session, known ? known->bytes : gk_agent_weigh(session->state), 0, err);
}

void gk_agent_remember(gk_app *app, const gk_agent_session *session, const char *id)
{
	const gk_invocation *it = session->invocation;
	const gk_session_realm realm = gk_agent_realm(it->agent, it->owner);

	gk_snapshot_set_known(app, it->store, &realm, id, session->bytes, session->names_resources);
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
