/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "ai/kind.h"

#include "base/str.h"
#include "core/builtin_schemas.h"
#include "json/edit.h"

#include <genkit/document.h>

#include <stdio.h>

/* --- the schema of requests, with that of the options in its place --- */

#define OPTIONS_PLACE "#/properties/options"

/* Members whose content is data, not schemas. */
static bool is_data(const char *key)
{
	static const char *const names[] = { "const", "enum", "default", "examples", NULL };

	for (const char *const *name = names; *name; name++)
		if (strcmp(*name, key) == 0)
			return true;
	return false;
}

/* References within the schema ("#/definitions/x") begin at its new place. */
static bool move_refs(json_t *schema)
{
	const char *key;
	json_t *value;
	size_t i;

	json_array_foreach (schema, i, value)
		if (!move_refs(value))
			return false;
	json_object_foreach (schema, key, value) {
		const char *text = json_string_value(value);

		if (strcmp(key, "$ref") == 0 && text && *text == '#') {
			if (json_object_set_new(
				    schema, key, json_sprintf(OPTIONS_PLACE "%s", text + 1)) < 0)
				return false;
		} else if (!is_data(key) && !move_refs(value)) {
			return false;
		}
	}
	return true;
}

static json_t *request_schema(const gk_kind *kind, json_t *options, bool needs_options)
{
	gk_auto_json json_t *schema = json_deep_copy(gk_builtin_schema_json_peek(kind->request));
	gk_auto_json json_t *moved = json_deep_copy(options);
	json_t *required = json_object_get(schema, "required");

	if (!moved || !move_refs(moved) ||
		!gk_json_set(json_object_get(schema, "properties"), "options", moved))
		return NULL;
	if (needs_options && !gk_json_push_take(required, json_string("options")))
		return NULL;
	return gk_steal(schema);
}

/* What requests are checked against: Genkit's own schema, or one with the options'. */
static gk_code set_request(gk_app *app, const gk_kind *kind, const gk_kind_opts *opts,
	json_t *options, gk_action_parts *parts, gk_error *err)
{
	gk_auto_json json_t *schema = NULL;

	if (!options)
		return gk_builtin_schema(kind->request, &parts->input, err);
	schema = request_schema(kind, options, opts->needs_options);
	if (!schema)
		return gk_error_no_memory(err);
	return gk_action_schema(app, "options", NULL, schema, &parts->input, err);
}

/* --- metadata --- */

/* {label?, supports?: {media}} */
static json_t *info_of(const gk_kind_opts *opts)
{
	gk_auto_json json_t *info = json_object(), *supports = NULL;

	if (opts->info)
		return json_incref(opts->info);
	if (opts->media != GK_UNSAID) {
		supports = json_object();
		if (!gk_json_set_bool(supports, "media", opts->media == GK_YES))
			return NULL;
	}
	if ((opts->label && !gk_json_set_str(info, "label", opts->label)) ||
		(supports && !gk_json_set(info, "supports", supports)))
		return NULL;
	return gk_steal(info);
}

/* {...what was given, type, info?, TYPE: {...details, customOptions?}} */
static gk_code metadata_of(
	const gk_kind *kind, const gk_kind_opts *opts, json_t *options, json_t **ret, gk_error *err)
{
	gk_auto_json json_t *metadata = NULL, *own = NULL, *info = info_of(opts);
	gk_code rc = gk_metadata_copy(opts->metadata, &metadata, err);

	if (rc != GK_OK)
		return rc;
	own = opts->details ? gk_json_copy(opts->details) : json_object();
	if (!info || !gk_json_set_str(metadata, "type", kind->type) ||
		(json_object_size(info) && !gk_json_set(metadata, kind->info, info)) ||
		(options && !gk_json_set(own, "customOptions", options)) ||
		!gk_json_set(metadata, kind->type, own))
		return gk_error_no_memory(err);
	*ret = gk_steal(metadata);
	return GK_OK;
}

/* --- definition --- */

static gk_code make_with(gk_app *app, const gk_kind *kind, const gk_kind_opts *opts,
	json_t *metadata, const gk_action_parts *parts, gk_action **action, gk_error *err)
{
	const gk_action_opts made = { .size = sizeof(made),
		.type = kind->type,
		.name = opts->name,
		.description = opts->description,
		.metadata = metadata,
		.run = opts->run,
		.user = opts->user,
		.free_user = opts->free_user };

	if (action)
		return gk_action_make(app, &made, parts, action, err);
	return kind->is_guarded ? gk_action_define(app, &made, parts, err)
				: gk_action_register(app, &made, parts, err);
}

gk_code gk_kind_make(
	gk_app *app, const gk_kind *kind, const gk_kind_opts *opts, gk_action **ret, gk_error *err)
{
	gk_auto_json json_t *options = json_incref(opts->config_json), *metadata = NULL;
	gk_action_parts parts = { 0 };
	gk_code rc = GK_OK;

	if (!opts->run)
		return gk_error_set(err, GK_INVALID_ARGUMENT, "%s needs a function", kind->type);
	if (!options && opts->config)
		rc = gk_schema_text_to_json(app, opts->config, &options, err);
	if (rc == GK_OK)
		rc = metadata_of(kind, opts, options, &metadata, err);
	if (rc == GK_OK)
		rc = set_request(app, kind, opts, options, &parts, err);
	if (rc == GK_OK && kind->response)
		rc = gk_builtin_schema(kind->response, &parts.output, err);
	if (rc == GK_OK)
		rc = make_with(app, kind, opts, metadata, &parts, ret, err);
	gk_schema_unref(parts.input);
	gk_schema_unref(parts.output);
	return rc;
}

/* --- calls --- */

gk_code gk_kind_run(gk_ctx *ctx, const gk_kind *kind, const char *name, json_t *request,
	json_t **ret, gk_error *err)
{
	gk_auto_str char *key = NULL;
	gk_action *action = NULL;
	gk_code rc = GK_OK;

	if (name && asprintf(&key, "/%s/%s", kind->type, name) < 0) {
		key = NULL;
		return gk_error_no_memory(err);
	}
	if (key)
		rc = gk_lookup_action(ctx, key, &action, err);
	if (rc != GK_OK)
		return rc;
	if (!action)
		return gk_error_set_plain(err, kind->missing, name ? name : "");
	rc = gk_run_action_with(ctx, action, request, NULL, ret, err);
	gk_action_unref(action);
	return rc;
}

gk_code gk_document_from(
	const char *text, json_t *document, json_t *metadata, json_t **ret, gk_error *err)
{
	json_t *made = NULL;

	if (document)
		made = json_incref(document);
	else if (text)
		made = gk_document_of_text(text, metadata);
	else
		return gk_error_set(err, GK_INVALID_ARGUMENT, "neither a text nor a document");
	if (!made)
		return gk_error_no_memory(err);
	*ret = made;
	return GK_OK;
}

gk_code gk_documents_from(json_t *list, json_t *metadata, json_t **ret, gk_error *err)
{
	gk_auto_json json_t *documents = json_array();
	json_t *item;
	size_t i;

	if (!json_is_array(list))
		return gk_error_set(err, GK_INVALID_ARGUMENT, "documents are given as a list");
	json_array_foreach (list, i, item) {
		const char *text = json_string_value(item);
		json_t *document = NULL;
		gk_code rc = gk_document_from(text, text ? NULL : item, metadata, &document, err);

		if (rc != GK_OK)
			return rc;
		if (!gk_json_push_take(documents, document))
			return gk_error_no_memory(err);
	}
	if (!documents)
		return gk_error_no_memory(err);
	*ret = gk_steal(documents);
	return GK_OK;
}
