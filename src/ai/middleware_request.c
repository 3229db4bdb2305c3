/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Model middleware that looks at the request or puts another in its place (generate section 5.5). */
#include "ai/chain.h"
#include "ai/format.h"
#include "ai/request.h"
#include "base/str.h"
#include "json/edit.h"

gk_code gk_next_run(gk_ctx *ctx, gk_next *next, json_t *input, json_t **ret, gk_error *err)
{
	return next->run(ctx, next, input ? input : next->input, ret, err);
}

void gk_next_set_on_chunk(gk_next *next, gk_chunk_fn *fn, void *user)
{
	next->on_chunk = fn;
	next->chunk_user = user;
}

/* Goes on with other messages, or as it was when they are the same. */
static gk_code go_on_with(
	gk_ctx *ctx, gk_next *next, json_t *request, json_t *messages, json_t **ret, gk_error *err)
{
	gk_auto_json json_t *own = NULL;

	if (messages == json_object_get(request, "messages"))
		return gk_next_run(ctx, next, request, ret, err);
	own = gk_json_object_with(request, "messages", json_incref(messages));
	return own ? gk_next_run(ctx, next, own, ret, err) : gk_error_no_memory(err);
}

/* --- what a model says that it cannot do --- */

static bool has_media(json_t *messages)
{
	json_t *message, *part;
	size_t i, j;

	json_array_foreach (messages, i, message) {
		json_t *content = json_object_get(message, "content");

		json_array_foreach (content, j, part)
			if (json_object_get(part, "media"))
				return true;
	}
	return false;
}

static gk_code refuse(
	const gk_validate_support_opts *opts, json_t *request, const char *what, gk_error *err)
{
	gk_auto_str char *text = gk_json_write_pretty(request, NULL);

	return text ? gk_error_set_plain(err, "Model '%s' does not support %s. Request: %s",
			      opts->name ? opts->name : "", what, text)
		    : gk_error_no_memory(err);
}

gk_code gk_validate_support(
	gk_ctx *ctx, json_t *request, gk_next *next, void *user, json_t **ret, gk_error *err)
{
	const gk_validate_support_opts *opts = user;
	json_t *supports = opts ? opts->supports : NULL;
	json_t *messages = json_object_get(request, "messages");
	size_t count = json_array_size(messages);

	if (json_is_false(json_object_get(supports, "media")) && has_media(messages))
		return refuse(opts, request, "media, but media was provided", err);
	if (json_is_false(json_object_get(supports, "tools")) &&
		json_array_size(json_object_get(request, "tools")))
		return refuse(opts, request, "tool use, but tools were provided", err);
	if (json_is_false(json_object_get(supports, "multiturn")) && count > 1)
		return refuse(opts, request,
			gk_ctx_printf(ctx, "multiple messages, but %zu were provided", count), err);
	return gk_next_run(ctx, next, request, ret, err);
}

/* --- system messages --- */

static const char *or_default(const char *text, const char *otherwise)
{
	return text && *text ? text : otherwise;
}

/* {role, content: [{text}, ...rest]} */
static json_t *message_of(const char *role, const char *text, json_t *rest)
{
	gk_auto_json json_t *content = json_pack("[{s:s}]", "text", text);

	if (!content || (rest && json_array_extend(content, rest) < 0))
		return NULL;
	return json_pack("{s:s, s:O}", "role", role, "content", content);
}

/* In place of the first system message, a pair of others. */
static json_t *without_system(json_t *messages, const gk_simulate_system_opts *opts)
{
	const char *preface = or_default(opts ? opts->preface : NULL, "SYSTEM INSTRUCTIONS:\n");
	const char *answer = or_default(opts ? opts->acknowledgement : NULL, "Understood.");
	gk_auto_json json_t *changed = NULL, *user = NULL;
	json_t *message = NULL;
	size_t i;

	json_array_foreach (messages, i, message)
		if (gk_str_equal(json_string_value(json_object_get(message, "role")), "system"))
			break;
	if (i == json_array_size(messages))
		return json_incref(messages);
	user = message_of("user", preface, json_object_get(message, "content"));
	changed = user ? gk_json_array_with(messages, i, gk_steal(user)) : NULL;
	if (!changed ||
		json_array_insert_new(changed, i + 1, message_of("model", answer, NULL)) < 0)
		return NULL;
	return gk_steal(changed);
}

gk_code gk_simulate_system_prompt(
	gk_ctx *ctx, json_t *request, gk_next *next, void *user, json_t **ret, gk_error *err)
{
	gk_auto_json json_t *messages = without_system(json_object_get(request, "messages"), user);

	if (!messages && json_object_get(request, "messages"))
		return gk_error_no_memory(err);
	return go_on_with(ctx, next, request, messages, ret, err);
}

/* --- schemas --- */

/* What the format `json` tells a model of a schema. */
static gk_code json_instructions(json_t *schema, char **ret, gk_error *err)
{
	const gk_format_use use = { .schema = schema };
	const gk_format_opts *format = gk_format_builtins;

	while (strcmp(format->name, "json") != 0)
		format++;
	return format->instructions(&use, ret, err);
}

gk_code gk_simulate_constrained_generation(
	gk_ctx *ctx, json_t *request, gk_next *next, void *user, json_t **ret, gk_error *err)
{
	const gk_simulate_constrained_opts *opts = user;
	json_t *output = json_object_get(request, "output");
	json_t *schema = json_object_get(output, "schema");
	gk_auto_json json_t *messages = NULL, *own = NULL;
	gk_auto_str char *text = NULL;
	gk_code rc = GK_OK;

	if (!gk_json_is_truthy(json_object_get(output, "constrained")) ||
		!gk_json_is_truthy(schema))
		return gk_next_run(ctx, next, request, ret, err);
	if (opts && opts->instructions) {
		text = opts->instructions(schema);
		rc = text ? GK_OK : gk_error_no_memory(err);
	} else {
		rc = json_instructions(schema, &text, err);
	}
	if (rc == GK_OK)
		rc = gk_format_inject(json_object_get(request, "messages"), text, &messages, err);
	if (rc != GK_OK)
		return rc;
	own = gk_json_object_with(request, "output", json_pack("{s:b}", "constrained", 0));
	if (!gk_json_set(own, "messages", messages))
		return gk_error_no_memory(err);
	return gk_next_run(ctx, next, own, ret, err);
}

/* --- documents --- */

gk_code gk_augment_with_context(
	gk_ctx *ctx, json_t *request, gk_next *next, void *user, json_t **ret, gk_error *err)
{
	gk_auto_json json_t *messages = NULL;
	gk_code rc = gk_messages_augment(json_object_get(request, "messages"),
		json_object_get(request, "docs"), user, &messages, err);

	return rc == GK_OK ? go_on_with(ctx, next, request, messages, ret, err) : rc;
}
