/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Actions: made, described, registered. */
#include "core/internal.h"

#include "base/limits.h"
#include "base/log.h"
#include "base/str.h"
#include "core/key.h"

#define GK_ACTION_MAGIC 0x6763616eu

gk_action *gk_action_ref(gk_action *action)
{
	GK_CHECK(action, GK_ACTION_MAGIC);
	action->refs++;
	return action;
}

gk_action *gk_action_unref(gk_action *action)
{
	if (!action)
		return NULL;
	GK_CHECK(action, GK_ACTION_MAGIC);
	if (--action->refs)
		return NULL;
	action->magic = 0;
	if (action->free_user)
		action->free_user(action->user);
	gk_schema_unref(action->input);
	gk_schema_unref(action->output);
	gk_schema_unref(action->init);
	json_decref(action->stream);
	json_decref(action->metadata);
	json_decref(action->descriptor);
	free(action->description);
	free(action->key);
	free(action);
	return NULL;
}

const char *gk_action_key(const gk_action *action)
{
	GK_CHECK(action, GK_ACTION_MAGIC);
	return action->key;
}

const char *gk_action_type(const gk_action *action)
{
	GK_CHECK(action, GK_ACTION_MAGIC);
	return action->type;
}

const char *gk_action_name(const gk_action *action)
{
	GK_CHECK(action, GK_ACTION_MAGIC);
	return action->name;
}

json_t *gk_action_metadata_peek(const gk_action *action)
{
	GK_CHECK(action, GK_ACTION_MAGIC);
	return action->metadata;
}

/* --- making --- */

static gk_code check_name(const char *name, gk_error *err)
{
	if (!name || !*name)
		return gk_error_set(err, GK_INVALID_ARGUMENT, "an action needs a name");
	if (strlen(name) > GK_MAX_ACTION_NAME)
		return gk_error_set(err, GK_INVALID_ARGUMENT,
			"action name '%.40s...' is longer than %d bytes", name, GK_MAX_ACTION_NAME);
	if (gk_str_valid_utf8(name, strlen(name)) != strlen(name))
		return gk_error_set(
			err, GK_INVALID_ARGUMENT, "an action's name is not valid UTF-8");
	for (const char *c = name; *c; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			return gk_error_set(err, GK_INVALID_ARGUMENT,
				"an action's name has a control character in it");
	return GK_OK;
}

static gk_code set_key(gk_action *action, const char *namespace_, const char *name, gk_error *err)
{
	bool has_it = namespace_ && gk_str_has_prefix(name, namespace_) &&
		      name[strlen(namespace_)] == '/';
	const char *space = namespace_ && !has_it ? namespace_ : "";

	if (asprintf(&action->key, "/%s/%s%s%s", action->type, space, *space ? "/" : "", name) <
		0) {
		action->key = NULL;
		return gk_error_no_memory(err);
	}
	action->name = action->key + strlen(action->type) + 2;
	return GK_OK;
}

static json_t *find_schema(const char *uri, void *user)
{
	gk_app *app = user;

	return gk_str_has_prefix(uri, "genkit:") ? gk_registry_schema_peek(app->registry, uri + 7)
						 : NULL;
}

/* One schema in either form; both NULL: none. */
static gk_code schema_json(
	gk_app *app, const char *text, json_t *given, json_t **ret, gk_error *err)
{
	if (given) {
		*ret = json_incref(given);
		return GK_OK;
	}
	return text ? gk_schema_text_to_json(app, text, ret, err) : GK_OK;
}

static gk_code compile_schema(gk_app *app, const char *what, const char *text, json_t *given,
	gk_schema **ret, gk_error *err)
{
	gk_auto_json json_t *schema = NULL;
	gk_code rc = schema_json(app, text, given, &schema, err);

	if (rc == GK_OK && schema && (json_is_object(schema) || json_is_array(schema)))
		rc = gk_schema_compile(schema, find_schema, app, ret, err);
	if (rc != GK_OK)
		gk_error_prefix(err, "%s schema: ", what);
	return rc;
}

static gk_code compile_schemas(gk_action *action, const gk_action_opts *opts, gk_error *err)
{
	gk_app *app = action->app;
	gk_code rc =
		compile_schema(app, "input", opts->input, opts->input_json, &action->input, err);

	if (rc == GK_OK)
		rc = compile_schema(
			app, "output", opts->output, opts->output_json, &action->output, err);
	if (rc == GK_OK)
		rc = compile_schema(app, "init", opts->init, opts->init_json, &action->init, err);
	if (rc == GK_OK)
		rc = schema_json(app, opts->stream, opts->stream_json, &action->stream, err);
	if (rc != GK_OK && err)
		gk_error_prefix(err, "action %s: ", action->key);
	return rc;
}

/* A copy without members that are null: the CLI refuses them (reflection section 2). */
static gk_code copy_metadata(gk_action *action, json_t *metadata, gk_error *err)
{
	json_t *value;
	const char *key;
	void *next;

	if (metadata)
		action->metadata = json_deep_copy(metadata);
	else if (action->is_bidi)
		action->metadata = json_object();
	if ((metadata || action->is_bidi) && !action->metadata)
		return gk_error_no_memory(err);
	json_object_foreach_safe (action->metadata, next, key, value)
		if (json_is_null(value))
			json_object_del(action->metadata, key);
	if (action->is_bidi && json_object_set_new(action->metadata, "bidi", json_true()) < 0)
		return gk_error_no_memory(err);
	return GK_OK;
}

json_t *gk_action_describe(const gk_action *action, const char *key)
{
	json_t *it = json_pack("{s:s, s:s}", "key", key, "name", action->name);
	int failed = !it;

	if (!failed && action->description)
		failed |= json_object_set_new(it, "description", json_string(action->description)) <
			  0;
	if (!failed && action->metadata)
		failed |= json_object_set(it, "metadata", action->metadata) < 0;
	if (!failed && action->input)
		failed |=
			json_object_set(it, "inputSchema", gk_schema_json_peek(action->input)) < 0;
	if (!failed && action->output)
		failed |= json_object_set(it, "outputSchema", gk_schema_json_peek(action->output)) <
			  0;
	if (failed) {
		json_decref(it);
		return NULL;
	}
	return it;
}

static gk_code fill(
	gk_action *action, const char *namespace_, const gk_action_opts *opts, gk_error *err)
{
	gk_code rc = set_key(action, namespace_, opts->name, err);

	if (rc == GK_OK)
		rc = compile_schemas(action, opts, err);
	if (rc == GK_OK)
		rc = copy_metadata(action, opts->metadata, err);
	if (rc != GK_OK)
		return rc;
	if (opts->description) {
		action->description = strdup(opts->description);
		if (!action->description)
			return gk_error_no_memory(err);
	}
	action->descriptor = gk_action_describe(action, action->key);
	return action->descriptor ? GK_OK : gk_error_no_memory(err);
}

gk_code gk_action_make(gk_app *app, const char *namespace_, const gk_action_opts *opts,
	gk_action **ret, gk_error *err)
{
	const char *type = opts->type ? gk_key_type(opts->type, strlen(opts->type)) : NULL;
	gk_action *action;
	gk_code rc;

	if (!type)
		return gk_error_set(err, GK_INVALID_ARGUMENT, "'%s' is no type of action",
			opts->type ? opts->type : "");
	rc = check_name(opts->name, err);
	if (rc != GK_OK)
		return rc;
	if (!opts->run)
		return gk_error_set(
			err, GK_INVALID_ARGUMENT, "action %s has no function to run", opts->name);
	action = calloc(1, sizeof(*action));
	if (!action)
		return gk_error_no_memory(err);
	action->magic = GK_ACTION_MAGIC;
	action->refs = 1;
	action->app = app;
	action->type = type;
	action->run = opts->run;
	action->user = opts->user;
	action->is_bidi = opts->is_bidi;
	rc = fill(action, namespace_, opts, err);
	if (rc != GK_OK) {
		gk_action_unref(action); /* `user` stays the caller's on failure */
		return rc;
	}
	action->free_user = opts->free_user;
	*ret = action;
	return GK_OK;
}

gk_code gk_action_new(gk_app *app, const gk_action_opts *opts, gk_action **ret, gk_error *err)
{
	return gk_action_make(app, NULL, opts, ret, err);
}

/* --- registering --- */

static gk_code add_made(gk_app *app, gk_action *action, gk_error *err)
{
	gk_code rc = gk_registry_add(app->registry, action, false, err);

	if (rc != GK_OK)
		action->free_user = NULL; /* what failed leaves `user` with the caller */
	gk_action_unref(action);
	return rc;
}

gk_code gk_action_register(gk_app *app, const gk_action_opts *opts, gk_error *err)
{
	gk_action *action;
	gk_code rc = gk_action_make(app, NULL, opts, &action, err);

	return rc == GK_OK ? add_made(app, action, err) : rc;
}

gk_code gk_define_action(gk_app *app, const gk_action_opts *opts, gk_error *err)
{
	gk_ctx *ctx = gk_ctx_current();
	gk_action *action;
	gk_code rc;

	if (ctx && ctx->is_sealed)
		return gk_error_set(err, GK_FAILED_PRECONDITION,
			"Cannot define new actions at runtime: %s was asked for inside a run",
			opts->name ? opts->name : "one");
	rc = gk_action_make(app, NULL, opts, &action, err);
	if (rc != GK_OK)
		return rc;
	action->is_guarded = true;
	return add_made(app, action, err);
}
