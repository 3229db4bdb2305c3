/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Snapshots as values: what makes one valid, and what comes of a change of one (sessions section 10.3). */
#include "core/snapshot.h"

#include "base/clock.h"
#include "base/limits.h"
#include "base/str.h"
#include "json/edit.h"

const char *gk_snapshot_status_name(const char *text)
{
	static const char *const names[] = { "pending", "completed", "aborted", "failed" };

	for (size_t i = 0; text && i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(text, names[i]) == 0)
			return names[i];
	return NULL;
}

const char *gk_snapshot_status(const json_t *snapshot)
{
	return gk_snapshot_status_name(json_string_value(json_object_get(snapshot, "status")));
}

/* An empty id counts as none. */
static const char *id_of(const json_t *object, const char *name)
{
	const char *id = json_string_value(json_object_get(object, name));

	return id && *id ? id : NULL;
}

const char *gk_snapshot_session_peek(const json_t *snapshot)
{
	const char *id = id_of(snapshot, "sessionId");

	return id ? id : id_of(json_object_get(snapshot, "state"), "sessionId");
}

const char *gk_snapshot_parent_peek(const json_t *snapshot)
{
	const char *parent = id_of(snapshot, "parentId");

	return gk_str_equal(parent, id_of(snapshot, "snapshotId")) ? NULL : parent;
}

int64_t gk_snapshot_time(const json_t *snapshot, const char *name)
{
	const char *text = json_string_value(json_object_get(snapshot, name));

	return text ? gk_clock_read_iso(text) : -1;
}

bool gk_snapshot_is_expired(json_t *snapshot)
{
	int64_t beat = gk_snapshot_time(snapshot, "heartbeatAt");

	return gk_str_equal(gk_snapshot_status(snapshot), "pending") && beat >= 0 &&
	       (int64_t)(gk_clock_wall_ns() / 1000000) - beat > GK_SNAPSHOT_EXPIRED_MS;
}

gk_code gk_snapshot_no_latest(const char *session_id, size_t leaves, gk_error *err)
{
	if (!leaves)
		return gk_error_set(err, GK_FAILED_PRECONDITION,
			"Session '%s' has no leaf snapshot (corrupt or cyclic history). Resume by snapshotId instead.",
			session_id);
	return gk_error_set(err, GK_FAILED_PRECONDITION,
		"Session '%s' has branching snapshots (%zu leaves), so there is no single latest snapshot. "
		"This happens when a conversation is branched (e.g. regenerate). Resume by snapshotId instead.",
		session_id, leaves);
}

/* --- checking --- */

typedef struct member {
	const char *name;
	enum {
		TEXT,
		TIME,
		OBJECT
	} kind;
} member;

static const member members[] = {
	{ "snapshotId", TEXT },
	{ "sessionId", TEXT },
	{ "parentId", TEXT },
	{ "createdAt", TIME },
	{ "updatedAt", TIME },
	{ "heartbeatAt", TIME },
	{ "status", TEXT },
	{ "finishReason", TEXT },
	{ "error", OBJECT },
	{ "state", OBJECT },
};

static gk_code check_member(const member *m, json_t *value, gk_error *err)
{
	if (m->kind == OBJECT)
		return json_is_object(value)
			       ? GK_OK
			       : gk_error_set(err, GK_INVALID_ARGUMENT,
					 "a snapshot's '%s' must be an object", m->name);
	if (!json_is_string(value))
		return gk_error_set(
			err, GK_INVALID_ARGUMENT, "a snapshot's '%s' must be a string", m->name);
	if (m->kind == TIME && gk_clock_read_iso(json_string_value(value)) < 0)
		return gk_error_set(err, GK_INVALID_ARGUMENT,
			"a snapshot's '%s' must be a time such as 2026-01-31T23:59:59.000Z",
			m->name);
	if (m->kind == TEXT && json_string_length(value) > GK_MAX_SESSION_NAME)
		return gk_error_set(err, GK_INVALID_ARGUMENT,
			"a snapshot's '%s' is longer than %d bytes", m->name, GK_MAX_SESSION_NAME);
	if (m->kind == TEXT && strlen(json_string_value(value)) != json_string_length(value))
		return gk_error_set(
			err, GK_INVALID_ARGUMENT, "a snapshot's '%s' has a NUL character", m->name);
	return GK_OK;
}

gk_code gk_snapshot_check(json_t *document, gk_error *err)
{
	if (!json_is_object(document))
		return gk_error_set(err, GK_INVALID_ARGUMENT, "a snapshot must be an object");
	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
		json_t *value = json_object_get(document, members[i].name);
		gk_code rc = value ? check_member(&members[i], value, err) : GK_OK;

		if (rc != GK_OK)
			return rc;
	}
	if (json_object_get(document, "status") && !gk_snapshot_status(document))
		return gk_error_set(err, GK_INVALID_ARGUMENT,
			"a snapshot's status is pending, completed, aborted or failed, not '%s'",
			gk_json_str_peek(document, "status"));
	return GK_OK;
}

/* --- changing --- */

bool gk_snapshot_set_now(json_t *snapshot, const char *name)
{
	char now[GK_ISO_TIME_SIZE];

	gk_clock_iso(gk_clock_wall_ns(), now);
	return gk_json_set_str(snapshot, name, now);
}

json_t *gk_snapshot_complete(const json_t *document, const char *id)
{
	json_t *ret = gk_json_merge(document, NULL);
	const char *session = gk_snapshot_session_peek(document);
	bool ok = ret && gk_json_set_str(ret, "snapshotId", id);

	if (ok && session && !id_of(ret, "sessionId"))
		ok = gk_json_set_str(ret, "sessionId", session);
	if (ok && !json_object_get(ret, "createdAt"))
		ok = gk_snapshot_set_now(ret, "createdAt");
	if (ok)
		return ret;
	json_decref(ret);
	return NULL;
}

static bool is_terminal(const char *status)
{
	return status && strcmp(status, "pending") != 0;
}

static bool is_allowed(const gk_snapshot_change *change, json_t *current)
{
	const char *status = gk_snapshot_status(current);

	switch (change->action) {
	case GK_SNAPSHOT_FINISH:
		return !gk_str_equal(status, "aborted");
	case GK_SNAPSHOT_ABORT:
		return current && !is_terminal(status);
	case GK_SNAPSHOT_HEARTBEAT:
		return gk_str_equal(status, "pending");
	case GK_SNAPSHOT_REPLACE:
		return change->expected == current || gk_json_equal(change->expected, current);
	case GK_SNAPSHOT_PUT:
	default:
		return true;
	}
}

gk_code gk_snapshot_check_session(
	const char *id, const char *before, const char *after, gk_error *err)
{
	if (!before || !after || strcmp(before, after) == 0)
		return GK_OK;
	return gk_error_set(err, GK_FAILED_PRECONDITION,
		"Snapshot '%s' belongs to session '%s' and cannot be rewritten by session '%s'.",
		id, before, after);
}

gk_code gk_snapshot_decide(
	const gk_snapshot_change *change, json_t *current, json_t **ret, gk_error *err)
{
	json_t *next;
	bool ok;
	gk_code rc;

	if (!is_allowed(change, current)) {
		*ret = NULL;
		return GK_OK;
	}
	if (change->action == GK_SNAPSHOT_ABORT || change->action == GK_SNAPSHOT_HEARTBEAT) {
		next = gk_json_merge(current, NULL);
		ok = change->action == GK_SNAPSHOT_ABORT
			     ? gk_json_set_str(next, "status", "aborted")
			     : gk_json_set(next, "heartbeatAt",
				       json_object_get(change->document, "heartbeatAt"));
	} else {
		rc = gk_snapshot_check_session(change->id, gk_snapshot_session_peek(current),
			gk_snapshot_session_peek(change->document), err);
		if (rc != GK_OK)
			return rc;
		next = gk_snapshot_complete(change->document, change->id);
		ok = next &&
		     (change->action != GK_SNAPSHOT_FINISH || !current ||
			     gk_json_set(next, "createdAt", json_object_get(current, "createdAt")));
	}
	if (!ok) {
		json_decref(next);
		return gk_error_no_memory(err);
	}
	*ret = next;
	return GK_OK;
}
