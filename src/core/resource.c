/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Resources: matched by URI, their parts stamped with where they came from (actions section 10). */
#include "core/internal.h"

#include "core/builtin_schemas.h"
#include "core/uri_template.h"
#include "json/edit.h"

#include <genkit/resource.h>

typedef struct resource_body {
	gk_action_fn *fn;
	void *user;
	void (*free_user)(void *user);
	char *uri, *uri_template;
	bool is_strict;
} resource_body;

static void free_body(void *it)
{
	resource_body *body = it;

	if (body->free_user)
		body->free_user(body->user);
	free(body->uri);
	free(body->uri_template);
	free(body);
}

static bool body_matches(const resource_body *body, const char *uri)
{
	if (body->uri)
		return strcmp(body->uri, uri) == 0;
	return gk_uri_template_matches(body->uri_template, uri, body->is_strict);
}

/* --- running --- */

/* {"uri", "template"?} */
static json_t *origin_of(const resource_body *body, const char *uri)
{
	json_t *origin = json_object();

	if (gk_json_set_str(origin, "uri", uri) &&
		(body->uri || gk_json_set_str(origin, "template", body->uri_template)))
		return origin;
	json_decref(origin);
	return NULL;
}

/* No metadata.resource yet: this is where the part comes from. One without a parent: this is its parent. */
static bool stamp(json_t *part, json_t *origin)
{
	json_t *metadata = json_object_get(part, "metadata"), *resource;

	if (!json_is_object(metadata)) {
		metadata = json_object();
		if (!gk_json_set_take(part, "metadata", metadata))
			return false;
	}
	resource = json_object_get(metadata, "resource");
	if (!resource || json_is_null(resource))
		return gk_json_set(metadata, "resource", origin);
	return !json_is_object(resource) || json_object_get(resource, "parent") ||
	       gk_json_set(resource, "parent", origin);
}

static bool stamp_all(json_t *output, const resource_body *body, const char *uri)
{
	gk_auto_json json_t *origin = origin_of(body, uri);
	json_t *part;
	size_t i;

	if (!origin)
		return false;
	json_array_foreach (json_object_get(output, "content"), i, part)
		if (json_is_object(part) && !stamp(part, origin))
			return false;
	return true;
}

static gk_code run_resource(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	const resource_body *body = gk_ctx_user(ctx);
	const char *uri = gk_json_str_peek(input, "uri");
	gk_auto_json json_t *given = NULL, *output = NULL;
	gk_code rc;

	if (!uri || !body_matches(body, uri)) {
		gk_auto_str char *text = gk_json_write(input, NULL);

		return gk_error_set(err, GK_INVALID_ARGUMENT, "input %s did not match template %s",
			text ? text : "", body->uri ? body->uri : body->uri_template);
	}
	rc = gk_ctx_run_inner(ctx, body->fn, body->user, input, &given, err);
	if (rc != GK_OK || !given)
		return rc;
	output = json_deep_copy(given);
	if (!output || !stamp_all(output, body, uri))
		return gk_error_no_memory(err);
	*ret = gk_steal(output);
	return GK_OK;
}

bool gk_resource_matches(const gk_action *action, const char *uri)
{
	return action->run == run_resource && body_matches(action->user, uri);
}

/* --- definition --- */

/* {resource: {uri?, template?}, ...what was given, type, dynamic} */
static gk_code metadata_of(
	const gk_resource_opts *opts, bool is_dynamic, json_t **ret, gk_error *err)
{
	gk_auto_json json_t *given = NULL, *own = json_object(), *first = json_object();
	gk_auto_json json_t *metadata = NULL;
	gk_code rc = gk_metadata_copy(opts->metadata, &given, err);

	if (rc != GK_OK)
		return rc;
	if ((!opts->uri || gk_json_set_str(own, "uri", opts->uri)) &&
		(!opts->uri_template || gk_json_set_str(own, "template", opts->uri_template)) &&
		gk_json_set(first, "resource", own))
		metadata = gk_json_merge(first, given);
	if (!gk_json_set_str(metadata, "type", "resource") ||
		!gk_json_set_bool(metadata, "dynamic", is_dynamic))
		return gk_error_no_memory(err);
	*ret = gk_steal(metadata);
	return GK_OK;
}

static resource_body *new_body(const gk_resource_opts *opts)
{
	resource_body *body = calloc(1, sizeof(*body));

	if (!body)
		return NULL;
	body->fn = opts->run;
	body->user = opts->user;
	body->is_strict = opts->is_strict;
	if (opts->uri)
		body->uri = strdup(opts->uri);
	if (opts->uri_template)
		body->uri_template = strdup(opts->uri_template);
	if ((!opts->uri || body->uri) && (!opts->uri_template || body->uri_template))
		return body;
	free_body(body);
	return NULL;
}

static gk_code make_with(gk_app *app, const gk_resource_opts *opts, bool is_dynamic,
	const gk_action_parts *parts, gk_action **ret, gk_error *err)
{
	const char *place = opts->uri ? opts->uri : opts->uri_template;
	gk_auto_json json_t *metadata = NULL;
	resource_body *body = new_body(opts);
	gk_code rc = body ? metadata_of(opts, is_dynamic, &metadata, err) : gk_error_no_memory(err);

	if (rc == GK_OK)
		rc = gk_action_make(app,
			GK_OPTS(gk_action_opts, .type = "resource",
				.name = opts->name ? opts->name : place,
				.description = opts->description, .metadata = metadata,
				.run = run_resource, .user = body, .free_user = free_body),
			parts, ret, err);
	if (rc != GK_OK && body)
		free_body(body);
	return rc;
}

static gk_code make(
	gk_app *app, const gk_resource_opts *opts, bool is_dynamic, gk_action **ret, gk_error *err)
{
	gk_action_parts parts = { 0 };
	gk_code rc;

	if (!opts->uri && !opts->uri_template)
		return gk_error_set(
			err, GK_INVALID_ARGUMENT, "must specify either url or template options");
	if (!opts->run)
		return gk_error_set(err, GK_INVALID_ARGUMENT,
			"a resource needs a function that gives its content");
	rc = gk_builtin_schema("ResourceInput", &parts.input, err);
	if (rc == GK_OK)
		rc = gk_builtin_schema("ResourceOutput", &parts.output, err);
	if (rc == GK_OK)
		rc = make_with(app, opts, is_dynamic, &parts, ret, err);
	gk_schema_unref(parts.input);
	gk_schema_unref(parts.output);
	return rc;
}

gk_code gk_resource_new(gk_app *app, const gk_resource_opts *opts, gk_action **ret, gk_error *err)
{
	gk_action *action;
	gk_code rc = make(app, opts, true, &action, err);

	if (rc != GK_OK)
		return rc;
	((resource_body *)action->user)->free_user = opts->free_user;
	*ret = action;
	return GK_OK;
}

gk_code gk_define_resource(gk_app *app, const gk_resource_opts *opts, gk_error *err)
{
	gk_action *action;
	resource_body *body;
	gk_code rc = make(app, opts, false, &action, err);

	if (rc != GK_OK)
		return rc;
	body = action->user;
	rc = gk_action_register_all(app, &action, 1, err);
	if (rc == GK_OK)
		body->free_user = opts->free_user;
	else
		free_body(body); /* the action has left it to us */
	return rc;
}
