/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Background actions: start, check and cancel behind one name (actions section 4). */
#include "core/internal.h"

#include <genkit/operation.h>

#define OPERATION                                                                                             \
	"{\"type\":\"object\",\"properties\":{\"action\":{\"type\":\"string\"},\"id\":{\"type\":\"string\"}," \
	"\"done\":{\"type\":\"boolean\"},\"output\":{},\"error\":{\"type\":\"object\",\"properties\":{"       \
	"\"message\":{\"type\":\"string\"}},\"required\":[\"message\"],\"additionalProperties\":true},"       \
	"\"metadata\":{\"type\":\"object\",\"additionalProperties\":{}}},\"required\":[\"id\"],"              \
	"\"additionalProperties\":true,\"$schema\":\"http://json-schema.org/draft-07/schema#\"}"

/* What one of the three runs: the user's function, and the key that goes into what it gives. */
typedef struct stage {
	gk_action_fn *fn;
	void *user;
	char key[]; /* of the start action */
} stage;

/* Every Operation says which action started it. */
static gk_code run_stage(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	stage *mine = gk_ctx_user(ctx);
	gk_auto_json json_t *given = NULL;
	json_t *operation;
	gk_code rc = gk_ctx_run_inner(ctx, mine->fn, mine->user, input, &given, err);

	if (rc != GK_OK)
		return rc;
	if (!json_is_object(given))
		return gk_error_set(err, GK_INTERNAL, "%s did not give an Operation", mine->key);
	operation = json_copy(given);
	if (!operation || json_object_set_new(operation, "action", json_string(mine->key)) < 0) {
		json_decref(operation);
		return gk_error_no_memory(err);
	}
	*ret = operation;
	return GK_OK;
}

static gk_code define_stage(gk_app *app, const char *start_key, const char *name, gk_action_fn *fn,
	const gk_action_opts *opts, gk_error *err)
{
	stage *mine = malloc(sizeof(*mine) + strlen(start_key) + 1);
	gk_action_opts own = *opts;
	gk_code rc;

	if (!mine)
		return gk_error_no_memory(err);
	mine->fn = fn;
	mine->user = opts->user;
	strcpy(mine->key, start_key);
	own.name = name;
	own.run = run_stage;
	own.user = mine;
	own.free_user = free;
	rc = gk_action_register(app, &own, err);
	if (rc != GK_OK)
		free(mine);
	return rc;
}

static gk_code companion(gk_app *app, const char *start_key, const char *verb, gk_action_fn *fn,
	const gk_action_opts *opts, gk_error *err)
{
	gk_auto_str char *name = NULL;

	if (asprintf(&name, "%s/%s", opts->name, verb) < 0) {
		name = NULL;
		return gk_error_no_memory(err);
	}
	return define_stage(app, start_key, name, fn, opts, err);
}

gk_code gk_define_background_action(gk_app *app, const gk_background_opts *opts, gk_error *err)
{
	const char *type = opts->type ? opts->type : "background-model";
	gk_auto_json json_t *metadata =
		opts->metadata ? json_deep_copy(opts->metadata) : json_object();
	gk_auto_json json_t *output = NULL;
	gk_auto_str char *key = NULL;
	gk_action_opts stages = { .size = sizeof(stages), .output = OPERATION, .user = opts->user };
	gk_code rc = GK_OK;

	if (!opts->name || !opts->start || !opts->check)
		return gk_error_set(err, GK_INVALID_ARGUMENT,
			"a background action needs a name, start and check");
	if (opts->output)
		rc = gk_schema_text_to_json(app, opts->output, &output, err);
	if (rc != GK_OK)
		return rc;
	if (!metadata || asprintf(&key, "/%s/%s", type, opts->name) < 0)
		return gk_error_no_memory(err);
	if (output)
		json_object_set(metadata, "outputSchema", output);
	stages.name = opts->name;
	stages.description = opts->description;
	stages.metadata = json_object_size(metadata) ? metadata : NULL;
	stages.type = type;
	stages.input = opts->input;
	rc = define_stage(app, key, opts->name, opts->start, &stages, err);
	stages.input = OPERATION;
	stages.type = "check-operation";
	if (rc == GK_OK)
		rc = companion(app, key, "check", opts->check, &stages, err);
	stages.type = "cancel-operation";
	if (rc == GK_OK && opts->cancel)
		rc = companion(app, key, "cancel", opts->cancel, &stages, err);
	return rc;
}

/* --- following one up --- */

/* "/background-model/veo" -> "/check-operation/veo/check", when the start action is there. */
static gk_code companion_key(gk_ctx *ctx, json_t *operation, const char *type, const char *verb,
	char **ret, gk_error *err)
{
	const char *start = gk_json_str_peek(operation, "action"), *name;
	gk_action *action;
	gk_code rc;

	if (!start)
		return gk_error_set(err, GK_INVALID_ARGUMENT,
			"Provided operation is missing original request information");
	rc = gk_lookup(ctx, start, &action, err);
	if (rc != GK_OK)
		return rc;
	if (!action)
		return gk_error_set(err, GK_INVALID_ARGUMENT,
			"Failed to resolve background action from original request: %s", start);
	name = action->name;
	rc = asprintf(ret, "/%s/%s/%s", type, name, verb) < 0 ? gk_error_no_memory(err) : GK_OK;
	gk_action_unref(action);
	return rc;
}

gk_code gk_check_operation(gk_ctx *ctx, json_t *operation, json_t **ret, gk_error *err)
{
	gk_auto_str char *key = NULL;
	gk_code rc = companion_key(ctx, operation, "check-operation", "check", &key, err);

	return rc == GK_OK ? gk_run_action(ctx, key, operation, ret, err) : rc;
}

gk_code gk_cancel_operation(gk_ctx *ctx, json_t *operation, json_t **ret, gk_error *err)
{
	gk_auto_str char *key = NULL;
	gk_action *action = NULL;
	gk_code rc = companion_key(ctx, operation, "cancel-operation", "cancel", &key, err);

	if (rc == GK_OK)
		rc = gk_lookup(ctx, key, &action, err);
	if (rc != GK_OK)
		return rc;
	if (!action)
		return gk_error_set(err, GK_UNIMPLEMENTED,
			"Background action %s does not support cancellation.",
			gk_json_str_peek(operation, "action"));
	rc = gk_run_action_with(ctx, action, operation, NULL, ret, err);
	gk_action_unref(action);
	return rc;
}
