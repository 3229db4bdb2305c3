/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Dynamic action providers: asked, remembered for a while, looked into (actions section 3). */
#include "core/internal.h"

#include "base/limits.h"
#include "base/log.h"
#include "base/str.h"
#include "core/key.h"

#include <genkit/provider.h>

struct gk_action_list {
	json_t *descriptors; /* in order: what running the provider gives */
	gk_table *actions;   /* "TYPE/NAME": gk_action */
	const char *host;
	bool failed;
};

struct gk_provider {
	gk_app *app;
	gk_action *action; /* /dynamic-action-provider/NAME */
	gk_provider_fn *fetch;
	void *user;
	int64_t ttl_ms;
	gk_action_list *offer; /* NULL: nothing fetched, or forgotten */
	uint64_t fetched_ms;
	gk_flight flight;
	TAILQ_ENTRY(gk_provider) link;
};

static void unref_action(void *action)
{
	gk_action_unref(action);
}

static gk_action_list *list_new(const char *host)
{
	gk_action_list *list = calloc(1, sizeof(*list));

	if (!list)
		return NULL;
	list->host = host;
	list->descriptors = json_array();
	list->actions = gk_table_new(unref_action);
	list->failed = !list->descriptors || !list->actions;
	return list;
}

static void list_free(gk_action_list *list)
{
	if (!list)
		return;
	json_decref(list->descriptors);
	gk_table_free(list->actions);
	free(list);
}

/* What is offered runs and is traced under the key by which it is called. */
static bool rename_offered(gk_action_list *list, gk_action *action)
{
	gk_auto_str char *key = NULL;
	json_t *descriptor;

	if (gk_str_has_prefix(action->key, GK_PROVIDER_PREFIX))
		return true; /* offered before */
	if (asprintf(&key, GK_PROVIDER_PREFIX "%s:%s/%s", list->host, action->type, action->name) <
		0) {
		key = NULL;
		return false;
	}
	descriptor = gk_action_describe(action, key);
	if (!descriptor)
		return false;
	action->name = key + strlen(key) - strlen(action->name);
	free(action->key);
	action->key = gk_steal(key);
	json_decref(action->descriptor);
	action->descriptor = descriptor;
	return true;
}

bool gk_action_list_add(gk_action_list *list, gk_action *action)
{
	gk_auto_str char *place = NULL;

	if (!action || list->failed || !rename_offered(list, action) ||
		asprintf(&place, "%s/%s", action->type, action->name) < 0) {
		list->failed = true;
		return false;
	}
	if (!gk_table_set(list->actions, place, gk_action_ref(action))) {
		gk_action_unref(action);
		list->failed = true;
	} else if (json_array_append(list->descriptors, action->descriptor) < 0) {
		list->failed = true;
	}
	return !list->failed;
}

/* --- asking --- */

static gk_code ask(gk_ctx *ctx, gk_provider *provider, gk_error *err)
{
	gk_action_list *offer = list_new(provider->action->name);
	gk_code rc;

	if (!offer)
		return gk_error_no_memory(err);
	rc = provider->fetch(ctx, offer, provider->user, err);
	if (rc == GK_OK && offer->failed)
		rc = gk_error_no_memory(err);
	list_free(provider->offer);
	provider->offer = NULL;
	if (rc != GK_OK) {
		list_free(offer);
		return rc;
	}
	provider->offer = offer;
	provider->fetched_ms = gk_loop_now_ms(provider->app->loop);
	return GK_OK;
}

/* The provider as an action: running it asks, and gives what it offers. */
static gk_code run_provider(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	gk_provider *provider = gk_ctx_user(ctx);
	gk_code rc = ask(ctx, provider, err);

	(void)input;
	if (rc == GK_OK)
		*ret = json_incref(provider->offer->descriptors);
	return rc;
}

static bool is_fresh(const gk_provider *provider)
{
	uint64_t ttl = provider->ttl_ms ? (uint64_t)provider->ttl_ms : GK_DAP_DEFAULT_TTL_MS;

	return provider->offer && provider->ttl_ms >= 0 &&
	       gk_loop_now_ms(provider->app->loop) <= provider->fetched_ms + ttl;
}

/* Asks when what it said is too old; listings leave no trace. */
static gk_code refresh(gk_ctx *ctx, gk_provider *provider, bool is_traced, gk_error *err)
{
	gk_error failure = { 0 };
	gk_auto_json json_t *ignored = NULL;
	bool leads;
	gk_code rc;

	if (is_fresh(provider))
		return GK_OK;
	rc = gk_flight_enter(&provider->flight, &leads, &failure);
	if (rc != GK_OK)
		return gk_error_move(err, &failure);
	if (!leads)
		return GK_OK;
	if (is_traced && ctx->span)
		rc = gk_call_action(&(gk_call){ .app = ctx->app,
					    .action = provider->action,
					    .parent = ctx,
					    .run = ctx->run },
			&ignored, &failure);
	else
		rc = ask(ctx, provider, &failure);
	gk_flight_leave(&provider->flight, rc, &failure);
	return rc == GK_OK ? GK_OK : gk_error_move(err, &failure);
}

gk_code gk_provider_get(gk_ctx *ctx, gk_provider *provider, const char *type, size_t type_len,
	const char *name, gk_action **ret, gk_error *err)
{
	gk_auto_str char *place = NULL;
	gk_action *action;
	gk_code rc;

	*ret = NULL;
	if (strchr(name, '*'))
		return GK_OK; /* a pattern never means one action */
	rc = refresh(ctx, provider, true, err);
	if (rc != GK_OK)
		return rc;
	if (asprintf(&place, "%.*s/%s", (int)type_len, type, name) < 0) {
		place = NULL;
		return gk_error_no_memory(err);
	}
	action = provider->offer ? gk_table_get(provider->offer->actions, place) : NULL;
	*ret = action ? gk_action_ref(action) : NULL;
	return GK_OK;
}

gk_code gk_provider_describe(gk_ctx *ctx, gk_provider *provider, json_t *listing, gk_error *err)
{
	gk_error failure = { 0 };
	json_t *descriptor;
	size_t i;

	if (refresh(ctx, provider, false, &failure) != GK_OK) {
		gk_auto_str char *text = gk_error_text(&failure);

		gk_log(GK_LOG_ERROR, "provider", "%s: %s", provider->action->key,
			text ? text : "out of memory");
		gk_error_clear(&failure);
		return GK_OK; /* the rest of the listing survives */
	}
	if (!provider->offer)
		return GK_OK;
	json_array_foreach (provider->offer->descriptors, i, descriptor)
		if (json_object_set(listing, gk_json_str_peek(descriptor, "key"), descriptor) < 0)
			return gk_error_no_memory(err);
	return GK_OK;
}

static bool matches(const char *pattern, const char *name)
{
	size_t len = strlen(pattern);

	if (len && pattern[len - 1] == '*')
		return strncmp(pattern, name, len - 1) == 0;
	return strcmp(pattern, name) == 0;
}

gk_code gk_provider_match(gk_ctx *ctx, gk_provider *provider, const char *type, const char *pattern,
	json_t *names, gk_error *err)
{
	gk_code rc = refresh(ctx, provider, true, err);

	if (rc != GK_OK || !provider->offer)
		return rc;
	gk_table_foreach (provider->offer->actions, entry) {
		gk_action *action = gk_table_entry_value(entry);

		if (strcmp(action->type, type) == 0 && matches(pattern, action->name) &&
			json_array_append_new(names, json_string(action->name)) < 0)
			return gk_error_no_memory(err);
	}
	return GK_OK;
}

/* --- defining --- */

static gk_code metadata_of(json_t *given, json_t **ret, gk_error *err)
{
	json_t *metadata = given ? json_deep_copy(given) : json_object();

	if (!metadata || json_object_set_new(metadata, "type", json_string(GK_PROVIDER_TYPE)) < 0) {
		json_decref(metadata);
		return gk_error_no_memory(err);
	}
	*ret = metadata;
	return GK_OK;
}

gk_code gk_define_action_provider(gk_app *app, const gk_provider_opts *opts, gk_error *err)
{
	gk_auto_json json_t *metadata = NULL;
	gk_provider *provider;
	gk_code rc = metadata_of(opts->metadata, &metadata, err);

	if (rc != GK_OK)
		return rc;
	if (!opts->fetch)
		return gk_error_set(err, GK_INVALID_ARGUMENT,
			"a provider needs a function that says what it offers");
	if (opts->name && strchr(opts->name, ':'))
		return gk_error_set(err, GK_INVALID_ARGUMENT,
			"a provider's name has no colon: '%s'", opts->name);
	provider = calloc(1, sizeof(*provider));
	if (!provider)
		return gk_error_no_memory(err);
	provider->app = app;
	provider->fetch = opts->fetch;
	provider->user = opts->user;
	provider->ttl_ms = opts->ttl_ms;
	rc = gk_action_make(app, NULL,
		GK_OPTS(gk_action_opts, .type = GK_PROVIDER_TYPE, .name = opts->name,
			.description = opts->description, .metadata = metadata, .run = run_provider,
			.user = provider),
		&provider->action, err);
	if (rc == GK_OK)
		rc = gk_registry_add(app->registry, provider->action, false, err);
	if (rc != GK_OK) {
		gk_action_unref(provider->action);
		free(provider);
		return rc;
	}
	TAILQ_INSERT_TAIL(&app->providers, provider, link);
	return GK_OK;
}

gk_provider *gk_provider_first(const gk_app *app)
{
	return TAILQ_FIRST(&app->providers);
}

gk_provider *gk_provider_next(gk_provider *provider)
{
	return TAILQ_NEXT(provider, link);
}

gk_provider *gk_provider_find(const gk_app *app, const char *name, size_t len)
{
	gk_provider *provider;

	TAILQ_FOREACH (provider, &app->providers, link)
		if (strlen(provider->action->name) == len &&
			memcmp(provider->action->name, name, len) == 0)
			return provider;
	return NULL;
}

void gk_invalidate_action_provider(gk_app *app, const char *name)
{
	gk_provider *provider = gk_provider_find(app, name, strlen(name));

	if (provider) {
		list_free(provider->offer);
		provider->offer = NULL;
	}
}

void gk_providers_free(gk_app *app)
{
	gk_provider *provider;

	while ((provider = TAILQ_FIRST(&app->providers)) != NULL) {
		TAILQ_REMOVE(&app->providers, provider, link);
		list_free(provider->offer);
		gk_action_unref(provider->action);
		free(provider);
	}
}
