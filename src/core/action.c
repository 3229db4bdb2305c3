/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Actions: made, described, registered. */
#include "core/internal.h"

#include "base/limits.h"
#include "base/str.h"
#include "core/key.h"
#include "json/edit.h"

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
	if (action->around_free)
		action->around_free(action->around_user);
	gk_schema_unref(action->input);
	gk_schema_unref(action->output);
	gk_schema_unref(action->stream);
	gk_schema_unref(action->init);
	json_decref(action->metadata);
	json_decref(action->descriptor);
	json_decref(action->definition);
	free(action->description);
	free(action->key);
	gk_action_unref(action->origin);
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

/* One that tells it late is asked each time, and the answer kept until the next. */
static void ask(const gk_action *action)
{
	gk_action_about about = { 0 };
	gk_action *keeper;

	GK_CHECK(action, GK_ACTION_MAGIC);
	if (!action->late)
		return;
	memcpy(&keeper, &action, sizeof(keeper));
	if (action->late->about(action->user, &about, NULL) == GK_OK) {
		json_decref(keeper->metadata);
		free(keeper->description);
		keeper->metadata = gk_steal(about.metadata);
		keeper->description = gk_steal(about.description);
	}
	gk_action_about_done(&about);
}

json_t *gk_action_metadata_peek(const gk_action *action)
{
	ask(action);
	return action->metadata;
}

const char *gk_action_description(const gk_action *action)
{
	ask(action);
	return action->description;
}

void *gk_action_user(const gk_action *action)
{
	GK_CHECK(action, GK_ACTION_MAGIC);
	return action->user;
}

gk_action_fn *gk_action_run_fn(const gk_action *action)
{
	GK_CHECK(action, GK_ACTION_MAGIC);
	return action->run;
}

/* --- making --- */

static gk_code check_utf8(const char *what, const char *text, gk_error *err)
{
	if (text && gk_str_valid_utf8(text, strlen(text)) != strlen(text))
		return gk_error_set(
			err, GK_INVALID_ARGUMENT, "an action's %s is not valid UTF-8", what);
	return GK_OK;
}

static gk_code check_name(const char *name, gk_error *err)
{
	if (!name || !*name)
		return gk_error_set(err, GK_INVALID_ARGUMENT, "an action needs a name");
	if (strlen(name) > GK_MAX_ACTION_NAME)
		return gk_error_set(err, GK_INVALID_ARGUMENT,
			"action name '%.40s...' is longer than %d bytes", name, GK_MAX_ACTION_NAME);
	for (const char *c = name; *c; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			return gk_error_set(err, GK_INVALID_ARGUMENT,
				"an action's name has a control character in it");
	return check_utf8("name", name, err);
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

/* --- schemas --- */

static json_t *find_schema(const char *uri, void *user)
{
	gk_app *app = user;

	return gk_str_has_prefix(uri, "genkit:") ? gk_registry_schema_peek(app->registry, uri + 7)
						 : NULL;
}

gk_code gk_action_schema(gk_app *app, const char *what, const char *text, json_t *json,
	gk_schema **ret, gk_error *err)
{
	gk_auto_json json_t *schema = json_incref(json);
	gk_code rc = GK_OK;

	if (!schema && text)
		rc = gk_schema_text_to_json(app, text, &schema, err);
	if (rc == GK_OK && schema && !json_is_boolean(schema) && !json_is_null(schema))
		rc = gk_schema_compile(schema, find_schema, app, ret, err);
	if (rc == GK_OK)
		return GK_OK;
	if (rc == GK_INTERNAL)
		rc = GK_INVALID_ARGUMENT; /* a plain error where values are validated */
	if (err) {
		err->is_plain = false;
		err->code = rc;
		gk_error_prefix(err, "%s schema: ", what);
	}
	return rc;
}

static gk_code set_schemas(
	gk_action *action, const gk_action_opts *opts, const gk_action_parts *parts, gk_error *err)
{
	gk_app *app = action->app;
	gk_code rc = GK_OK;

	if (parts && parts->input)
		action->input = gk_schema_ref(parts->input);
	else
		rc = gk_action_schema(
			app, "input", opts->input, opts->input_json, &action->input, err);
	if (rc == GK_OK && parts && parts->output)
		action->output = gk_schema_ref(parts->output);
	else if (rc == GK_OK)
		rc = gk_action_schema(
			app, "output", opts->output, opts->output_json, &action->output, err);
	if (rc == GK_OK)
		rc = gk_action_schema(
			app, "stream", opts->stream, opts->stream_json, &action->stream, err);
	if (rc == GK_OK && parts && parts->init)
		action->init = gk_schema_ref(parts->init);
	else if (rc == GK_OK)
		rc = gk_action_schema(app, "init", opts->init, opts->init_json, &action->init, err);
	if (rc != GK_OK && err)
		gk_error_prefix(err, "action %s: ", action->key);
	return rc;
}

/* --- metadata --- */

/* Below these null may mean something. */
static bool holds_schema(const char *key)
{
	size_t len = strlen(key);

	return strcmp(key, "schema") == 0 || strcmp(key, "customOptions") == 0 ||
	       (len > 6 && strcmp(key + len - 6, "Schema") == 0);
}

/* A null in a descriptor makes the CLI refuse the whole listing (reflection section 2). */
static void drop_nulls(json_t *value)
{
	const char *key;
	json_t *member;
	void *next;

	json_object_foreach_safe (value, next, key, member) {
		if (json_is_null(member))
			json_object_del(value, key);
		else if (!holds_schema(key))
			drop_nulls(member);
	}
	for (size_t i = json_array_size(value); i-- > 0;) {
		member = json_array_get(value, i);
		if (json_is_null(member))
			json_array_remove(value, i);
		else
			drop_nulls(member);
	}
}

gk_code gk_metadata_copy(json_t *metadata, json_t **ret, gk_error *err)
{
	json_t *copy;

	if (metadata && !json_is_object(metadata))
		return gk_error_set(err, GK_INVALID_ARGUMENT, "metadata is an object");
	copy = metadata ? json_deep_copy(metadata) : json_object();
	if (!copy)
		return gk_error_no_memory(err);
	drop_nulls(copy);
	*ret = copy;
	return GK_OK;
}

static gk_code set_metadata(gk_action *action, json_t *metadata, gk_error *err)
{
	gk_code rc = GK_OK;

	if (metadata || action->is_bidi)
		rc = gk_metadata_copy(metadata, &action->metadata, err);
	if (rc == GK_OK && action->is_bidi && !gk_json_set_bool(action->metadata, "bidi", true))
		rc = gk_error_no_memory(err);
	return rc;
}

/* {key, name, description?, metadata?, inputSchema?, outputSchema?} */
static gk_code describe(
	const gk_action *action, const gk_action_about *about, json_t **ret, gk_error *err)
{
	json_t *it = json_object();
	bool ok = gk_json_set_str(it, "key", action->key) &&
		  gk_json_set_str(it, "name", action->name);

	if (about->description)
		ok = ok && gk_json_set_str(it, "description", about->description);
	if (about->metadata)
		ok = ok && gk_json_set(it, "metadata", about->metadata);
	if (about->input)
		ok = ok && gk_json_set(it, "inputSchema", gk_schema_json_peek(about->input));
	if (action->output)
		ok = ok && gk_json_set(it, "outputSchema", gk_schema_json_peek(action->output));
	if (ok)
		*ret = it;
	else
		json_decref(it);
	return ok ? GK_OK : gk_error_no_memory(err);
}

static gk_code describe_known(gk_action *action, gk_error *err)
{
	const gk_action_about about = { action->description, action->metadata, action->input };

	return action->late ? GK_OK : describe(action, &about, &action->descriptor, err);
}

void gk_action_about_done(gk_action_about *about)
{
	free(about->description);
	json_decref(about->metadata);
	gk_schema_unref(about->input);
}

gk_code gk_action_descriptor(const gk_action *action, json_t **ret, gk_error *err)
{
	gk_action_about about = { 0 };
	gk_code rc;

	if (!action->late) {
		*ret = json_incref(action->descriptor);
		return GK_OK;
	}
	rc = action->late->about(action->user, &about, err);
	if (rc == GK_OK)
		rc = describe(action, &about, ret, err);
	gk_action_about_done(&about);
	return rc;
}

gk_code gk_action_input(const gk_action *action, gk_schema **ret, gk_error *err)
{
	if (action->late)
		return action->late->input(action->user, ret, err);
	*ret = action->input ? gk_schema_ref(action->input) : NULL;
	return GK_OK;
}

static gk_code fill(
	gk_action *action, const gk_action_opts *opts, const gk_action_parts *parts, gk_error *err)
{
	gk_code rc = set_key(action, parts ? parts->namespace_ : NULL, opts->name, err);

	if (rc == GK_OK)
		rc = set_schemas(action, opts, parts, err);
	if (rc == GK_OK)
		rc = set_metadata(action, opts->metadata, err);
	if (rc != GK_OK)
		return rc;
	if (opts->description) {
		action->description = strdup(opts->description);
		if (!action->description)
			return gk_error_no_memory(err);
	}
	return describe_known(action, err);
}

gk_code gk_action_make(gk_app *app, const gk_action_opts *opts, const gk_action_parts *parts,
	gk_action **ret, gk_error *err)
{
	const char *type = opts->type ? gk_key_type(opts->type, strlen(opts->type)) : NULL;
	gk_action *action;
	gk_code rc;

	if (!type)
		return gk_error_set(err, GK_INVALID_ARGUMENT, "'%s' is no type of action",
			opts->type ? opts->type : "");
	rc = check_name(opts->name, err);
	if (rc == GK_OK)
		rc = check_utf8("description", opts->description, err);
	if (rc == GK_OK && !opts->run)
		rc = gk_error_set(
			err, GK_INVALID_ARGUMENT, "action %s has no function to run", opts->name);
	if (rc != GK_OK)
		return rc;
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
	if (parts) {
		action->around = parts->around;
		action->around_user = parts->around_user;
		action->late = parts->late;
	}
	rc = fill(action, opts, parts, err);
	if (rc != GK_OK) {
		gk_action_unref(action); /* `user` stays the caller's on failure */
		return rc;
	}
	action->free_user = opts->free_user;
	action->around_free = parts ? parts->around_free : NULL;
	*ret = action;
	return GK_OK;
}

gk_code gk_action_new(gk_app *app, const gk_action_opts *opts, gk_action **ret, gk_error *err)
{
	return gk_action_make(app, opts, NULL, ret, err);
}

gk_code gk_action_alias(gk_action *action, const char *host, gk_action **ret, gk_error *err)
{
	gk_action *origin = action->origin ? action->origin : action;
	gk_action *alias = malloc(sizeof(*alias));
	const char *name = origin->name;
	gk_code rc;

	if (!alias)
		return gk_error_no_memory(err);
	*alias = *origin;
	alias->refs = 1;
	alias->key = alias->description = NULL;
	alias->descriptor = alias->definition = NULL;
	alias->metadata = json_incref(origin->metadata);
	alias->input = origin->input ? gk_schema_ref(origin->input) : NULL;
	alias->output = origin->output ? gk_schema_ref(origin->output) : NULL;
	alias->stream = origin->stream ? gk_schema_ref(origin->stream) : NULL;
	alias->init = origin->init ? gk_schema_ref(origin->init) : NULL;
	alias->free_user = alias->around_free = NULL;
	alias->origin = gk_action_ref(origin);
	if (origin->description)
		alias->description = strdup(origin->description);
	if (asprintf(&alias->key, GK_PROVIDER_PREFIX "%s:%s/%s", host, origin->type, name) < 0)
		alias->key = NULL;
	if (alias->key && (alias->description || !origin->description)) {
		alias->name = alias->key + strlen(alias->key) - strlen(name);
		rc = describe_known(alias, err);
	} else {
		rc = gk_error_no_memory(err);
	}
	if (rc == GK_OK)
		*ret = alias;
	else
		gk_action_unref(alias);
	return rc;
}

/* --- registering --- */

static bool makes_place(const gk_action *there, const void *old_user)
{
	return there && old_user && there->user == old_user;
}

/* First what is new, which may fail, then what takes the place of another. */
gk_code gk_action_replace_all(
	gk_app *app, gk_action **actions_take, size_t count, const void *old_user, gk_error *err)
{
	gk_registry *registry = app->registry;
	gk_code rc = GK_OK;

	for (size_t i = 0; rc == GK_OK && i < count; i++)
		if (!makes_place(gk_registry_get(registry, actions_take[i]->key), old_user))
			rc = gk_registry_add(registry, actions_take[i], false, err);
	for (size_t i = 0; i < count; i++) {
		gk_action *action = actions_take[i];
		bool is_added = gk_registry_get(registry, action->key) == action;

		if (rc != GK_OK)
			action->free_user = action->around_free = NULL;
		if (rc != GK_OK && is_added)
			gk_registry_remove(registry, action->key);
		if (rc == GK_OK && !is_added) /* there is room: another goes */
			rc = gk_registry_add(registry, action, true, err);
		gk_action_unref(action);
	}
	return rc;
}

gk_code gk_action_register_all(gk_app *app, gk_action **actions_take, size_t count, gk_error *err)
{
	return gk_action_replace_all(app, actions_take, count, NULL, err);
}

gk_code gk_action_register(
	gk_app *app, const gk_action_opts *opts, const gk_action_parts *parts, gk_error *err)
{
	gk_action *action;
	gk_code rc = gk_action_make(app, opts, parts, &action, err);

	return rc == GK_OK ? gk_action_register_all(app, &action, 1, err) : rc;
}

gk_code gk_action_check_allowed(const char *name, gk_error *err)
{
	gk_ctx *ctx = gk_ctx_current();

	if (ctx && ctx->is_sealed)
		return gk_error_set(err, GK_FAILED_PRECONDITION,
			"Cannot define new actions at runtime: %s was asked for inside a run",
			name ? name : "one");
	return GK_OK;
}

gk_code gk_action_define(
	gk_app *app, const gk_action_opts *opts, const gk_action_parts *parts, gk_error *err)
{
	gk_action *action;
	gk_code rc = gk_action_check_allowed(opts->name, err);

	if (rc == GK_OK)
		rc = gk_action_make(app, opts, parts, &action, err);
	if (rc != GK_OK)
		return rc;
	action->is_guarded = true;
	return gk_action_register_all(app, &action, 1, err);
}

gk_code gk_define_action(gk_app *app, const gk_action_opts *opts, gk_error *err)
{
	return gk_action_define(app, opts, NULL, err);
}
