/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "ai/simple_retriever.h"

#include "core/define.h"
#include "json/edit.h"

/* --- an item --- */

static gk_code refuse(const char *what, const json_t *item, gk_error *err)
{
	gk_auto_str char *text = gk_json_write(item, NULL);

	return gk_error_set(err, GK_INVALID_ARGUMENT, "%s. Item: %s", what, text ? text : "");
}

/* Members that it has not stay absent. */
static json_t *chosen_members(const json_t *item, const json_t *names)
{
	gk_auto_json json_t *chosen = json_object();
	json_t *name, *value;
	size_t i;

	json_array_foreach (names, i, name) {
		value = json_object_get(item, json_string_value(name));
		if (value && !gk_json_set(chosen, json_string_value(name), value))
			return NULL;
	}
	return gk_steal(chosen);
}

static gk_code metadata_of(const gk_item_rules *rules, json_t *item, json_t **ret, gk_error *err)
{
	json_t *metadata;

	if (rules->metadata_of)
		return rules->metadata_of(item, rules->user, ret, err);
	if (!gk_json_is_container(item) || (rules->metadata && !json_is_array(rules->metadata)))
		return refuse(
			"Unable to extract metadata from item with supplied options", item, err);
	if (rules->metadata) {
		metadata = chosen_members(item, rules->metadata);
	} else {
		metadata = gk_json_merge(item, NULL);
		if (rules->content)
			json_object_del(metadata, rules->content);
	}
	if (!metadata)
		return gk_error_no_memory(err);
	*ret = metadata;
	return GK_OK;
}

/* A text or a list of parts, as a list of parts. */
static gk_code parts_of(json_t *content, json_t **ret, gk_error *err)
{
	gk_auto_json json_t *part = NULL;
	json_t *parts;

	if (json_is_array(content)) {
		*ret = json_incref(content);
		return GK_OK;
	}
	part = json_object();
	parts = json_array();
	if ((content && !gk_json_set(part, "text", content)) ||
		!gk_json_push_take(parts, json_incref(part))) {
		json_decref(parts);
		return gk_error_no_memory(err);
	}
	*ret = parts;
	return GK_OK;
}

static gk_code content_of(const gk_item_rules *rules, json_t *item, json_t **ret, gk_error *err)
{
	gk_auto_json json_t *content = NULL;
	gk_code rc = GK_OK;

	if (json_is_string(item))
		return parts_of(item, ret, err);
	if (rules->content_of)
		rc = rules->content_of(item, rules->user, &content, err);
	else if (rules->content && gk_json_is_container(item))
		content = json_incref(json_object_get(item, rules->content));
	else
		return refuse("Cannot convert item to document without content option", item, err);
	return rc == GK_OK ? parts_of(content, ret, err) : rc;
}

static gk_code document_of(const gk_item_rules *rules, json_t *item, json_t **ret, gk_error *err)
{
	gk_auto_json json_t *content = NULL, *metadata = NULL;
	gk_code rc;

	if (!gk_json_is_truthy(item))
		return gk_error_set(err, GK_INVALID_ARGUMENT,
			"Items returned from simple retriever must be non-null.");
	rc = content_of(rules, item, &content, err);
	if (rc == GK_OK && !json_is_string(item))
		rc = metadata_of(rules, item, &metadata, err);
	if (rc != GK_OK)
		return rc;
	*ret = gk_document_new(gk_steal(content), metadata);
	return *ret ? GK_OK : gk_error_no_memory(err);
}

gk_code gk_items_to_documents(
	const gk_item_rules *rules, json_t *items, json_t **ret, gk_error *err)
{
	gk_auto_json json_t *documents = json_array();
	json_t *item;
	size_t i;

	if (!json_is_array(items))
		return gk_error_set(
			err, GK_INVALID_ARGUMENT, "a simple retriever gives a list of items");
	json_array_foreach (items, i, item) {
		json_t *document = NULL;
		gk_code rc = document_of(rules, item, &document, err);

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

/* --- the retriever --- */

typedef struct simple_body {
	gk_item_rules rules;
	gk_action_fn *run;
	void (*free_user)(void *user);
} simple_body;

static void free_body(void *it)
{
	simple_body *body = it;

	if (body->free_user)
		body->free_user(body->rules.user);
	json_decref(body->rules.metadata);
	free(body->rules.content);
	free(body);
}

static gk_code run_simple(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	const simple_body *body = gk_ctx_user(ctx);
	gk_auto_json json_t *items = NULL, *documents = NULL, *response = NULL;
	gk_code rc = gk_ctx_run_inner(ctx, body->run, body->rules.user, input, &items, err);

	if (rc == GK_OK)
		rc = gk_items_to_documents(&body->rules, items, &documents, err);
	if (rc != GK_OK)
		return rc;
	response = json_object();
	if (!gk_json_set(response, "documents", documents))
		return gk_error_no_memory(err);
	*ret = gk_steal(response);
	return GK_OK;
}

static json_t *list_of(const char *const *names)
{
	gk_auto_json json_t *list = json_array();

	for (; *names; names++)
		if (!gk_json_push_take(list, json_string(*names)))
			return NULL;
	return gk_steal(list);
}

static simple_body *new_body(const gk_simple_retriever_opts *opts)
{
	simple_body *body = calloc(1, sizeof(*body));

	if (!body)
		return NULL;
	body->run = opts->run;
	body->rules.content_of = opts->content_of;
	body->rules.metadata_of = opts->metadata_of;
	body->rules.user = opts->user;
	if (opts->content)
		body->rules.content = strdup(opts->content);
	if (opts->metadata)
		body->rules.metadata = list_of(opts->metadata);
	if ((!opts->content || body->rules.content) && (!opts->metadata || body->rules.metadata))
		return body;
	free_body(body);
	return NULL;
}

gk_code gk_define_simple_retriever(gk_app *app, const gk_simple_retriever_opts *opts, gk_error *err)
{
	simple_body *body;
	gk_code rc;

	if (!opts->run)
		return gk_error_set(err, GK_INVALID_ARGUMENT, "a retriever needs a function");
	body = new_body(opts);
	if (!body)
		return gk_error_no_memory(err);
	rc = gk_define_retriever(app,
		GK_OPTS(gk_retriever_opts, .name = opts->name, .config = opts->config,
			.config_json = opts->config_json, .run = run_simple, .user = body,
			.free_user = free_body),
		err);
	if (rc == GK_OK)
		body->free_user = opts->free_user;
	else
		free_body(body);
	return rc;
}
