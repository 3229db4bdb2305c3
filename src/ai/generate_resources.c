/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Parts of messages that name a resource are replaced by its content (generate section 3.5). */
#include "ai/generation.h"

#include "ai/request.h"
#include "ai/vouched.h"
#include "core/refs.h"
#include "json/edit.h"

#include <genkit/resource.h>

static json_t *resource_of(json_t *part)
{
	json_t *resource = gk_json_peek(part, "resource");

	return json_is_object(resource) ? resource : NULL;
}

/* Those that the request lists come first, in its order. */
static gk_code find_listed(
	gk_ctx *ctx, gk_turn_run *turn, const char *uri, gk_action **ret, gk_error *err)
{
	json_t *name;
	size_t i;

	json_array_foreach (gk_json_peek(turn->request, "resources"), i, name) {
		const char *text = json_string_value(name);
		gk_action *extra = text ? gk_generation_extra_peek(turn->generation, text) : NULL;
		gk_action *action = extra ? gk_action_ref(extra) : NULL;
		gk_code rc = GK_OK;

		if (!action)
			rc = gk_ref_resolve(ctx, GK_REF_RESOURCE, text ? text : "", &action, err);
		if (rc != GK_OK)
			return rc;
		if (gk_resource_matches(action, uri)) {
			*ret = action;
			return GK_OK;
		}
		gk_action_unref(action);
	}
	return GK_OK;
}

static gk_code read_one(
	gk_ctx *ctx, gk_turn_run *turn, json_t *resource, json_t **content_ret, gk_error *err)
{
	const char *uri = json_string_value(gk_json_peek(resource, "uri"));
	gk_auto_json json_t *output = NULL;
	gk_action *action = NULL;
	gk_code rc = GK_OK;

	if (uri)
		rc = find_listed(ctx, turn, uri, &action, err);
	if (rc == GK_OK && !action && uri)
		rc = gk_resource_find(ctx, uri, &action, err);
	if (rc == GK_OK && !action)
		rc = gk_error_set(err, GK_NOT_FOUND, "failed to find matching resource for %s",
			uri ? uri : "undefined");
	if (rc == GK_OK)
		rc = gk_call_action(
			&(gk_call){ .action = action, .parent = ctx, .input = resource }, &output,
			err);
	gk_action_unref(action);
	if (rc == GK_OK)
		*content_ret = json_incref(gk_json_peek(output, "content"));
	return rc;
}

static gk_code expand_message(
	gk_ctx *ctx, gk_turn_run *turn, json_t *message, json_t **ret, gk_error *err)
{
	gk_auto_json json_t *parts = json_array();
	json_t *part;
	size_t i;

	json_array_foreach (gk_json_peek(message, "content"), i, part) {
		gk_auto_json json_t *content = NULL;
		gk_code rc = GK_OK;

		if (resource_of(part))
			rc = read_one(ctx, turn, resource_of(part), &content, err);
		if (rc != GK_OK)
			return rc;
		if (resource_of(part) ? content && json_array_extend(parts, content) < 0
				      : json_array_append(parts, part) < 0)
			return gk_error_no_memory(err);
	}
	*ret = gk_json_object_with(message, "content", gk_steal(parts));
	return *ret ? GK_OK : gk_error_no_memory(err);
}

gk_code gk_turn_expand_resources(
	gk_ctx *ctx, gk_turn_run *turn, json_t *messages, json_t **ret, gk_error *err)
{
	gk_auto_json json_t *changed = NULL;
	const gk_vouched *vouched = gk_vouched_peek(ctx);
	size_t count = json_array_size(messages), at = 0, known;

	if (vouched && !vouched->is_plain)
		vouched = NULL;
	for (size_t i = 0; i < count; i += known ? known : 1) {
		json_t *message = json_array_get(messages, i), *expanded = NULL;
		gk_code rc;

		known = vouched ? gk_vouched_run(vouched, messages, i, &at) : 0;
		if (known || !gk_message_names_resources(message))
			continue;
		rc = expand_message(ctx, turn, message, &expanded, err);
		if (rc != GK_OK)
			return rc;
		if (!changed)
			changed = gk_json_array_copy(messages);
		if (!changed || json_array_set_new(changed, i, expanded) < 0)
			return gk_error_no_memory(err);
	}
	*ret = changed ? gk_steal(changed) : json_incref(messages);
	return GK_OK;
}
