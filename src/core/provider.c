/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Dynamic action providers: asked, remembered for a while, looked into (actions section 3). */
#include "core/internal.h"

#include "base/limits.h"
#include "base/log.h"
#include "base/str.h"
#include "core/builtin_schemas.h"
#include "core/key.h"
#include "json/edit.h"

#include <genkit/provider.h>

/* What a provider said. It never changes once it is kept, so whoever holds a reference may walk through it. */
struct gk_action_list {
	unsigned refs;
	const char *host;
	gk_table *actions; /* "TYPE/NAME": gk_action, under the key by which it is called */
	bool failed;
};

struct gk_provider {
	gk_app *app;
	gk_action *action; /* /dynamic-action-provider/NAME */
	gk_provider_fn *fetch;
	void *user;
	int64_t ttl_ms;        /* negative: nothing is kept */
	gk_action_list *offer; /* NULL: nothing fetched, or forgotten */
	uint64_t fetched_ms;
	gk_flight flight;
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
	list->refs = 1;
	list->host = host;
	list->actions = gk_table_new(unref_action);
	list->failed = !list->actions;
	return list;
}

static gk_action_list *list_ref(gk_action_list *list)
{
	if (list)
		list->refs++;
	return list;
}

static void list_unref(gk_action_list **list)
{
	if (!*list || --(*list)->refs)
		return;
	gk_table_free((*list)->actions);
	free(*list);
}
#define auto_list GK_CLEANUP(list_unref)

bool gk_action_list_add(gk_action_list *list, gk_action *action)
{
	gk_action *alias = NULL;

	if (list->failed || !action || gk_action_alias(action, list->host, &alias, NULL) != GK_OK ||
		!gk_table_set(list->actions, strchr(alias->key, ':') + 1, alias)) {
		gk_action_unref(alias);
		list->failed = true;
	}
	return !list->failed;
}

/* --- asking --- */

static void forget(gk_provider *provider)
{
	list_unref(&provider->offer);
	provider->offer = NULL;
}

static gk_code ask(gk_ctx *ctx, gk_provider *provider, gk_error *err)
{
	auto_list gk_action_list *list = list_new(provider->action->name);
	gk_code rc;

	if (!list || list->failed)
		return gk_error_no_memory(err);
	rc = provider->fetch(ctx, list, provider->user, err);
	if (rc != GK_OK)
		rc = gk_explain("provider", provider->action->name, rc, err);
	else if (list->failed)
		rc = gk_error_no_memory(err);
	forget(provider);
	if (rc != GK_OK)
		return rc;
	provider->offer = gk_steal(list);
	provider->fetched_ms = gk_loop_now_ms(provider->app->loop);
	return GK_OK;
}

/* What running a provider gives: its actions as they are listed, with their types. */
static json_t *metadata_of_all(const gk_action_list *list)
{
	json_t *all = json_array();

	gk_table_foreach (list->actions, entry) {
		const gk_action *action = gk_table_entry_value(entry);
		gk_auto_json json_t *shown = NULL, *one = NULL;

		if (gk_action_descriptor(action, &shown, NULL) == GK_OK)
			one = gk_json_copy(shown);
		if (!gk_json_set_str(one, "actionType", action->type) ||
			!gk_json_push_take(all, json_incref(one))) {
			json_decref(all);
			return NULL;
		}
	}
	return all;
}

static gk_code run_provider(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	gk_provider *provider = gk_ctx_user(ctx);
	gk_code rc;

	(void)input;
	ctx->user = provider->user;
	rc = ask(ctx, provider, err);
	if (rc != GK_OK)
		return rc;
	*ret = metadata_of_all(provider->offer);
	return *ret ? GK_OK : gk_error_no_memory(err);
}

/* In a context of its own, by which it is known that it must not wait for itself. */
static gk_code fetch(gk_ctx *ctx, gk_provider *provider, bool is_traced, gk_error *err)
{
	gk_auto_json json_t *ignored = NULL;
	gk_ctx own, *before;
	gk_code rc;

	gk_ctx_init_child(&own, ctx);
	own.leads = &provider->flight;
	own.user = provider->user;
	before = gk_ctx_enter(&own);
	if (is_traced)
		rc = gk_call_action(
			&(gk_call){ .action = provider->action, .parent = &own }, &ignored, err);
	else
		rc = ask(&own, provider, err);
	gk_ctx_enter(before);
	gk_ctx_done(&own);
	return rc;
}

int64_t gk_provider_ttl_ms(int64_t given)
{
	return given ? given : GK_DAP_DEFAULT_TTL_MS;
}

static bool is_fresh(const gk_provider *provider)
{
	uint64_t age = gk_loop_now_ms(provider->app->loop) - provider->fetched_ms;

	return provider->offer && provider->ttl_ms >= 0 && age <= (uint64_t)provider->ttl_ms;
}

/* One fetches and those who come meanwhile share what it got, however short it is kept. */
static gk_code refresh(gk_ctx *ctx, gk_provider *provider, bool is_traced, gk_error *err)
{
	gk_auto_error gk_error failure = { 0 };
	bool leads = false, is_shared = false;
	gk_code rc = GK_OK;

	while (rc == GK_OK && !is_shared && !is_fresh(provider)) {
		rc = gk_flight_enter(&provider->flight, &leads, &failure);
		if (rc == GK_OK && leads) {
			rc = fetch(ctx, provider, is_traced, &failure);
			gk_flight_leave(&provider->flight, rc, &failure);
		}
		is_shared = provider->offer != NULL;
	}
	return rc == GK_OK ? GK_OK : gk_error_move(err, &failure);
}

/* `*ret` is what it offers now; a reference. Listings leave no trace. */
static gk_code offer_of(
	gk_ctx *ctx, gk_provider *provider, bool is_traced, gk_action_list **ret, gk_error *err)
{
	gk_code rc;

	if (gk_ctx_is_part_of(ctx, &provider->flight))
		return gk_error_set(err, GK_FAILED_PRECONDITION,
			"provider %s asks for its own actions while it is asked which there are",
			provider->action->name);
	rc = refresh(ctx, provider, is_traced, err);
	if (rc == GK_OK)
		*ret = list_ref(provider->offer);
	return rc;
}

/* --- looking into what was said --- */

gk_code gk_provider_get(gk_ctx *ctx, gk_provider *provider, const char *type, size_t type_len,
	const char *name, gk_action **ret, gk_error *err)
{
	auto_list gk_action_list *list = NULL;
	gk_action *action;
	gk_code rc;

	*ret = NULL;
	if (strchr(name, '*'))
		return GK_OK; /* a pattern never means one action */
	rc = offer_of(ctx, provider, true, &list, err);
	if (rc != GK_OK)
		return rc;
	assert(name == type + type_len + 1); /* "TYPE/NAME" stands in the key as in the table */
	action = gk_table_get(list->actions, type);
	*ret = action ? gk_action_ref(action) : NULL;
	return GK_OK;
}

gk_code gk_provider_describe(gk_ctx *ctx, gk_provider *provider, json_t *listing, gk_error *err)
{
	gk_auto_error gk_error failure = { 0 };
	auto_list gk_action_list *list = NULL;

	if (offer_of(ctx, provider, false, &list, &failure) != GK_OK) {
		gk_auto_str char *text = gk_error_text(&failure);

		gk_log(GK_LOG_ERROR, "provider", "%s: %s", provider->action->key,
			text ? text : "out of memory");
		return GK_OK; /* the rest of the listing survives */
	}
	gk_table_foreach (list->actions, entry) {
		const gk_action *action = gk_table_entry_value(entry);
		json_t *shown = NULL;
		gk_code rc = gk_action_descriptor(action, &shown, err);

		if (rc != GK_OK)
			return rc;
		if (!gk_json_set_take(listing, action->key, shown))
			return gk_error_no_memory(err);
	}
	return GK_OK;
}

/* Only a star at the end is one. */
static bool matches(const char *pattern, const char *name)
{
	size_t len = strlen(pattern);

	if (len && pattern[len - 1] == '*')
		return strncmp(pattern, name, len - 1) == 0;
	return strcmp(pattern, name) == 0;
}

gk_code gk_provider_match(gk_ctx *ctx, gk_provider *provider, const char *type, size_t type_len,
	const char *pattern, json_t *keys, gk_error *err)
{
	auto_list gk_action_list *list = NULL;
	const char *known = gk_key_type(type, type_len);
	gk_code rc = offer_of(ctx, provider, true, &list, err);

	if (rc != GK_OK)
		return rc;
	gk_table_foreach (list->actions, entry) {
		const gk_action *action = gk_table_entry_value(entry);

		if (action->type == known && matches(pattern, action->name) &&
			!gk_json_push_take(keys, json_string(action->key)))
			return gk_error_no_memory(err);
	}
	return GK_OK;
}

/* --- defining --- */

static gk_code make_action(
	gk_provider *provider, const gk_provider_opts *opts, gk_action **ret, gk_error *err)
{
	gk_auto_json json_t *metadata = NULL;
	gk_action_parts parts = { 0 };
	gk_code rc = gk_metadata_copy(opts->metadata, &metadata, err);

	if (rc == GK_OK && !gk_json_set_str(metadata, "type", GK_PROVIDER_TYPE))
		rc = gk_error_no_memory(err);
	if (rc == GK_OK)
		rc = gk_builtin_schema("DapInput", &parts.input, err);
	if (rc == GK_OK)
		rc = gk_builtin_schema("DapOutput", &parts.output, err);
	if (rc == GK_OK)
		rc = gk_action_make(provider->app,
			GK_OPTS(gk_action_opts, .type = GK_PROVIDER_TYPE, .name = opts->name,
				.description = opts->description, .metadata = metadata,
				.run = run_provider, .user = provider),
			&parts, ret, err);
	gk_schema_unref(parts.input);
	gk_schema_unref(parts.output);
	return rc;
}

static gk_code check_opts(const gk_provider_opts *opts, gk_error *err)
{
	if (!opts->fetch)
		return gk_error_set(err, GK_INVALID_ARGUMENT,
			"a provider needs a function that says what it offers");
	if (opts->name && strchr(opts->name, ':'))
		return gk_error_set(err, GK_INVALID_ARGUMENT,
			"a provider's name has no colon: '%s'", opts->name);
	return gk_action_check_allowed(opts->name, err);
}

static gk_code add(gk_provider *provider, gk_error *err)
{
	gk_app *app = provider->app;
	gk_code rc;

	if (gk_table_get(app->providers, provider->action->name))
		return gk_error_set(err, GK_ALREADY_EXISTS, "action %s is already defined",
			provider->action->key);
	if (!gk_table_set(app->providers, provider->action->name, provider))
		return gk_error_no_memory(err);
	rc = gk_registry_add(app->registry, provider->action, false, err);
	if (rc != GK_OK)
		gk_table_take(app->providers, provider->action->name);
	return rc;
}

gk_code gk_define_action_provider(gk_app *app, const gk_provider_opts *opts, gk_error *err)
{
	gk_provider *provider;
	gk_code rc = check_opts(opts, err);

	if (rc != GK_OK)
		return rc;
	provider = calloc(1, sizeof(*provider));
	if (!provider)
		return gk_error_no_memory(err);
	provider->app = app;
	provider->fetch = opts->fetch;
	provider->user = opts->user;
	provider->ttl_ms = gk_provider_ttl_ms(opts->ttl_ms);
	rc = make_action(provider, opts, &provider->action, err);
	if (rc == GK_OK) {
		provider->action->is_guarded = true;
		rc = add(provider, err);
	}
	if (rc != GK_OK)
		gk_provider_free(provider);
	return rc;
}

void gk_provider_free(void *it)
{
	gk_provider *provider = it;

	forget(provider);
	gk_action_unref(provider->action);
	free(provider);
}

gk_provider *gk_provider_find(const gk_app *app, const char *name, size_t len)
{
	return gk_table_get_n(app->providers, name, len);
}

void gk_invalidate_action_provider(gk_app *app, const char *name)
{
	gk_provider *provider = gk_provider_find(app, name, strlen(name));

	if (provider)
		forget(provider);
}
