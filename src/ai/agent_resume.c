/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Whether the answers of a client are to what was asked: it must not be able to forge tool calls or their inputs (sessions
 * section 4.2). */
#include "ai/agent.h"

#include "base/str.h"
#include "json/edit.h"

/* Absent is equal to absent alone. */
static bool is_for(json_t *request, json_t *entry)
{
	return gk_str_equal(json_string_value(json_object_get(request, "name")),
		       json_string_value(json_object_get(entry, "name"))) &&
	       gk_str_equal(json_string_value(json_object_get(request, "ref")),
		       json_string_value(json_object_get(entry, "ref")));
}

static json_t *asked_in(json_t *message, json_t *entry)
{
	json_t *part;
	size_t i;

	json_array_foreach (json_object_get(message, "content"), i, part) {
		json_t *request = json_object_get(part, "toolRequest");

		if (request && is_for(request, entry))
			return request;
	}
	return NULL;
}

/* The tool request that an entry answers, in the newest message of the model that has one. Borrowed; NULL: none. `is_stale_ret`:
 * it is not the last one. */
static json_t *asked(json_t *messages, json_t *entry, bool *is_stale_ret)
{
	*is_stale_ret = false;
	for (size_t i = json_array_size(messages); i-- > 0;) {
		json_t *message = json_array_get(messages, i), *request;

		if (!gk_str_equal(json_string_value(json_object_get(message, "role")), "model"))
			continue;
		request = asked_in(message, entry);
		if (request)
			return request;
		*is_stale_ret = true;
	}
	return NULL;
}

typedef struct claim {
	const char *list; /* "restart" or "respond" */
	json_t *entry;    /* toolRequest or toolResponse of it */
} claim;

/* "resume.LIST BEFORE 'NAME' (ref: REF) AFTER" */
static gk_code refuse(
	const claim *it, const char *before, char quote, const char *after, gk_error *err)
{
	const char *name = json_string_value(json_object_get(it->entry, "name"));
	const char *ref = json_string_value(json_object_get(it->entry, "ref"));
	bool has_ref = ref && *ref;

	return gk_error_set(err, GK_INVALID_ARGUMENT, "resume.%s %s tool %c%s%c%s%s%s %s", it->list,
		before, quote, name ? name : "undefined", quote, has_ref ? " (ref: " : "",
		has_ref ? ref : "", has_ref ? ")" : "", after);
}

static gk_code check(const claim *it, json_t *messages, bool is_wide, json_t **ret, gk_error *err)
{
	bool is_stale;

	*ret = asked(messages, it->entry, &is_stale);
	if (!*ret)
		return refuse(
			it, "references", '\'', "which was not found in session history.", err);
	if (is_stale && !is_wide)
		return refuse(it, "references", '"',
			"from an earlier turn which is no longer pending; only tool requests from "
			"the most recent model response can be resumed",
			err);
	return GK_OK;
}

gk_code gk_agent_check_resume(json_t *resume, json_t *messages, bool is_wide, gk_error *err)
{
	json_t *part, *request;
	gk_code rc;
	size_t i;

	json_array_foreach (json_object_get(resume, "restart"), i, part) {
		const claim it = { "restart", json_object_get(part, "toolRequest") };

		rc = check(&it, messages, is_wide, &request, err);
		if (rc == GK_OK && !gk_json_equal(json_object_get(request, "input"),
					   json_object_get(it.entry, "input")))
			rc = refuse(&it, "for", '\'',
				"has modified inputs that do not match the original tool request in "
				"session history. Restart inputs must exactly match the interrupted "
				"tool request.",
				err);
		if (rc != GK_OK)
			return rc;
	}
	json_array_foreach (json_object_get(resume, "respond"), i, part) {
		const claim it = { "respond", json_object_get(part, "toolResponse") };

		rc = check(&it, messages, is_wide, &request, err);
		if (rc != GK_OK)
			return rc;
	}
	return GK_OK;
}
