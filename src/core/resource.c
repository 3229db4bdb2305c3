/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Resources: matched by URI, their parts stamped with where they came from (actions section 10). */
#include "core/internal.h"

#include "core/uri_template.h"

#include <genkit/resource.h>

typedef struct resource_body {
	gk_action_fn *fn;
	void *user;
	char *uri, *uri_template;
	bool is_strict;
} resource_body;

static void free_body(void *user)
{
	resource_body *body = user;

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

/* No metadata.resource yet: this is where the part comes from. One without a parent: this is its parent. */
static int stamp(json_t *part, const char *uri, const char *uri_template)
{
	gk_auto_json json_t *origin =
		json_pack("{s:s, s:s*}", "uri", uri, "template", uri_template);
	json_t *metadata = json_object_get(part, "metadata"), *resource;

	if (!metadata) {
		metadata = json_object();
		if (json_object_set_new(part, "metadata", metadata) < 0)
			return -1;
	}
	resource = json_object_get(metadata, "resource");
	if (!resource)
		return json_object_set(metadata, "resource", origin);
	return json_object_get(resource, "parent") ? 0
						   : json_object_set(resource, "parent", origin);
}

static gk_code run_resource(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	const resource_body *body = gk_ctx_user(ctx);
	const char *uri = gk_json_str_peek(input, "uri");
	gk_auto_json json_t *given = NULL, *output = NULL;
	json_t *part;
	size_t i;
	gk_code rc;

	if (!uri || !body_matches(body, uri)) {
		gk_auto_str char *text = gk_json_write(input, NULL);

		return gk_error_set(err, GK_INVALID_ARGUMENT, "input %s did not match template %s",
			text ? text : "", body->uri ? body->uri : body->uri_template);
	}
	rc = gk_ctx_run_inner(ctx, body->fn, body->user, input, &given, err);
	if (rc != GK_OK)
		return rc;
	output = json_deep_copy(given);
	json_array_foreach (json_object_get(output, "content"), i, part)
		if (json_is_object(part) &&
			stamp(part, uri, body->uri ? NULL : body->uri_template) < 0)
			return gk_error_no_memory(err);
	*ret = gk_steal(output);
	return GK_OK;
}

bool gk_resource_matches(const gk_action *action, const char *uri)
{
	return action->run == run_resource && body_matches(action->user, uri);
}

static json_t *metadata_of(const gk_resource_opts *opts)
{
	gk_auto_json json_t *own =
		json_pack("{s:s*, s:s*}", "uri", opts->uri, "template", opts->uri_template);
	json_t *metadata = json_pack("{s:O}", "resource", own);

	if (!metadata)
		return NULL;
	if (opts->metadata)
		json_object_update(metadata, opts->metadata);
	json_object_set_new(metadata, "type", json_string("resource"));
	json_object_set_new(metadata, "dynamic", json_false());
	return metadata;
}

#define INPUT                                                                                         \
	"{\"type\":\"object\",\"properties\":{\"uri\":{\"type\":\"string\"}},\"required\":[\"uri\"]," \
	"\"additionalProperties\":true,\"$schema\":\"http://json-schema.org/draft-07/schema#\"}"
#define OUTPUT                                                                                                    \
	"{\"type\":\"object\",\"properties\":{\"content\":{\"type\":\"array\",\"items\":{\"type\":\"object\"}}}," \
	"\"required\":[\"content\"],\"additionalProperties\":true,"                                               \
	"\"$schema\":\"http://json-schema.org/draft-07/schema#\"}"

gk_code gk_define_resource(gk_app *app, const gk_resource_opts *opts, gk_error *err)
{
	gk_auto_json json_t *metadata = metadata_of(opts);
	resource_body *body;
	gk_code rc;

	if (!opts->uri && !opts->uri_template)
		return gk_error_set(
			err, GK_INVALID_ARGUMENT, "must specify either url or template options");
	if (!opts->run)
		return gk_error_set(err, GK_INVALID_ARGUMENT,
			"a resource needs a function that gives its content");
	body = calloc(1, sizeof(*body));
	if (!metadata || !body) {
		free(body);
		return gk_error_no_memory(err);
	}
	body->fn = opts->run;
	body->user = opts->user;
	body->is_strict = opts->is_strict;
	body->uri = opts->uri ? strdup(opts->uri) : NULL;
	body->uri_template = opts->uri_template ? strdup(opts->uri_template) : NULL;
	if ((opts->uri && !body->uri) || (opts->uri_template && !body->uri_template))
		rc = gk_error_no_memory(err);
	else
		rc = gk_action_register(app,
			GK_OPTS(gk_action_opts, .type = "resource",
				.name = opts->name  ? opts->name
					: opts->uri ? opts->uri
						    : opts->uri_template,
				.description = opts->description, .input = INPUT, .output = OUTPUT,
				.metadata = metadata, .run = run_resource, .user = body,
				.free_user = free_body),
			err);
	if (rc != GK_OK)
		free_body(body);
	return rc;
}
