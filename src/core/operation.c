/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Background actions: start, check and cancel behind one name (actions section 4). */
#include "core/internal.h"

#include "core/builtin_schemas.h"
#include "json/edit.h"

#include <genkit/operation.h>

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
	operation = gk_json_copy(given);
	if (!gk_json_set_str(operation, "action", mine->key)) {
		json_decref(operation);
		return gk_error_no_memory(err);
	}
	*ret = operation;
	return GK_OK;
}

static gk_code make_stage(gk_app *app, const char *start_key, gk_action_fn *fn,
	const gk_action_opts *opts, const gk_action_parts *parts, gk_action **ret, gk_error *err)
{
	stage *mine = malloc(sizeof(*mine) + strlen(start_key) + 1);
	gk_action_opts own = *opts;
	gk_code rc;

	if (!mine)
		return gk_error_no_memory(err);
	mine->fn = fn;
	mine->user = opts->user;
	strcpy(mine->key, start_key);
	own.run = run_stage;
	own.user = mine;
	own.free_user = free;
	rc = gk_action_make(app, &own, parts, ret, err);
	if (rc != GK_OK)
		free(mine);
	return rc;
}

/* "/check-operation/NAME/check": takes and gives Operations, whatever the start takes. */
static gk_code make_companion(gk_app *app, const char *start_key, const char *type,
	const char *verb, gk_action_fn *fn, const gk_action_opts *start, gk_schema *operation,
	gk_action **ret, gk_error *err)
{
	const gk_action_parts parts = { .input = operation, .output = operation };
	gk_action_opts opts = *start;
	char *name;
	gk_code rc;

	if (asprintf(&name, "%s/%s", start->name, verb) < 0)
		return gk_error_no_memory(err);
	opts.type = type;
	opts.name = name;
	rc = make_stage(app, start_key, fn, &opts, &parts, ret, err);
	free(name);
	return rc;
}

/* All three or none; `user` is nobody's to free. */
static gk_code define_stages(gk_app *app, const gk_background_opts *opts,
	const gk_action_opts *start, const gk_action_parts *start_parts, gk_schema *operation,
	gk_error *err)
{
	gk_action_parts parts = *start_parts;
	gk_action *actions[3];
	stage *stages[3];
	size_t count = 0;
	char *key;
	gk_code rc;

	parts.output = operation;
	if (asprintf(&key, "/%s/%s", start->type, start->name) < 0)
		return gk_error_no_memory(err);
	rc = make_stage(app, key, opts->start, start, &parts, &actions[count], err);
	count += rc == GK_OK;
	if (rc == GK_OK) {
		rc = make_companion(app, key, "check-operation", "check", opts->check, start,
			operation, &actions[count], err);
		count += rc == GK_OK;
	}
	if (rc == GK_OK && opts->cancel) {
		rc = make_companion(app, key, "cancel-operation", "cancel", opts->cancel, start,
			operation, &actions[count], err);
		count += rc == GK_OK;
	}
	free(key);
	for (size_t i = 0; i < count; i++)
		stages[i] = actions[i]->user;
	if (rc != GK_OK) {
		while (count) {
			actions[--count]->around_free = NULL;
			gk_action_unref(actions[count]);
		}
		return rc;
	}
	rc = gk_action_register_all(app, actions, count, err);
	while (rc != GK_OK && count)
		free(stages[--count]);
	return rc;
}

/* What was given and `outputSchema`, when there is one; NULL without both. */
static gk_code metadata_of(gk_app *app, const gk_background_opts *opts, json_t **ret, gk_error *err)
{
	gk_auto_json json_t *metadata = NULL;
	gk_schema *output = NULL;
	gk_code rc = gk_metadata_copy(opts->metadata, &metadata, err);

	if (rc == GK_OK)
		rc = gk_action_schema(app, "output", opts->output, opts->output_json, &output, err);
	if (rc == GK_OK && output &&
		!gk_json_set(metadata, "outputSchema", gk_schema_json_peek(output)))
		rc = gk_error_no_memory(err);
	if (rc == GK_OK && (opts->metadata || output))
		*ret = gk_steal(metadata);
	gk_schema_unref(output);
	return rc;
}

gk_code gk_define_background_action(gk_app *app, const gk_background_opts *opts, gk_error *err)
{
	return gk_background_define(app, opts, &(const gk_action_parts){ 0 }, err);
}

gk_code gk_background_define(
	gk_app *app, const gk_background_opts *opts, const gk_action_parts *start, gk_error *err)
{
	gk_auto_json json_t *metadata = NULL;
	gk_schema *operation = NULL;
	gk_code rc;

	if (!opts->name || !opts->start || !opts->check)
		return gk_error_set(err, GK_INVALID_ARGUMENT,
			"a background action needs a name, start and check");
	rc = metadata_of(app, opts, &metadata, err);
	if (rc == GK_OK)
		rc = gk_builtin_schema("Operation", &operation, err);
	if (rc == GK_OK)
		rc = define_stages(app, opts,
			GK_OPTS(gk_action_opts,
				.type = opts->type ? opts->type : "background-model",
				.name = opts->name, .description = opts->description,
				.input = opts->input, .input_json = opts->input_json,
				.metadata = metadata, .user = opts->user),
			start, operation, err);
	gk_schema_unref(operation);
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
	if (asprintf(ret, "/%s/%s/%s", type, name, verb) < 0) {
		*ret = NULL;
		rc = gk_error_no_memory(err);
	}
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
