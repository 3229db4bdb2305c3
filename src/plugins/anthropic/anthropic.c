/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Claude. Manual: anthropic.md. */
#include "plugins/anthropic/anthropic.h"

#include "base/str.h"
#include "plugins/common/ask.h"
#include "plugins/common/failure.h"

#include <ctype.h>
#include <genkit/context.h>
#include <stdio.h>

/* --- models --- */

/* Models whose output can be held to a schema, and those that only write text. */
static const char structured[] =
	"claude-fable-5 claude-opus-4-8 claude-opus-4-7 claude-opus-4-6 claude-opus-4-5 "
	"claude-opus-4-1 claude-haiku-4-5 claude-sonnet-5 claude-sonnet-4-6 claude-sonnet-4-5";
static const char plain[] = "claude-sonnet-4 claude-opus-4";

/* An id with a date is known by the id without it. */
static bool is_structured(const char *id)
{
	gk_auto_str char *bare = strdup(id);
	size_t len = bare ? strlen(bare) : 0;

	if (len > 9 && bare[len - 9] == '-' && strspn(bare + len - 8, "0123456789") == 8)
		bare[len - 9] = '\0';
	return bare && gk_words_match(structured, bare);
}

static json_t *info_of(const char *id)
{
	bool can_json = is_structured(id);
	gk_auto_json json_t *supports = json_pack("{s:b, s:b, s:b, s:b, s:b}", "multiturn", 1,
		"tools", 1, "toolChoice", 1, "media", 1, "systemRole", 1);
	gk_auto_json json_t *info = json_object();

	if (!gk_json_set_take(info, "customOptions", gk_anthropic_config_schema()) ||
		!gk_json_set_take(supports, "output",
			can_json ? json_pack("[s, s]", "text", "json")
				 : json_pack("[s]", "text")) ||
		(can_json && !gk_json_set_str(supports, "constrained", "all")) ||
		!gk_json_set_take(info, "label", json_sprintf("Anthropic - %s", id)) ||
		!gk_json_set(info, "supports", supports))
		return NULL;
	return gk_steal(info);
}

/* --- requests --- */

static const char *const key_env[] = { "ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", NULL };

/* A key that was found in the second variable is a token. */
static gk_code setup(gk_vendor *vendor, gk_error *err)
{
	static const char *const first[] = { "ANTHROPIC_API_KEY", NULL };
	gk_auto_secret char *key = NULL;
	gk_code rc;

	if (!vendor->api_key || gk_vendor_option_peek(vendor, "apiKey"))
		return GK_OK;
	rc = gk_net_env(vendor->app, first, &key, err);
	if (rc == GK_OK && !key && !(vendor->memory = json_pack("{s:b}", "isToken", 1)))
		rc = gk_error_no_memory(err);
	return rc;
}

static gk_code prepare(
	const gk_vendor *vendor, const json_t *request, gk_outgoing *out, gk_error *err)
{
	const char *key = NULL;
	gk_code rc = gk_vendor_key(vendor, json_object_get(request, "config"), &key, err);

	if (rc != GK_OK)
		return rc;
	if (key == vendor->api_key && json_object_get(vendor->memory, "isToken"))
		gk_outgoing_secret(out, "Authorization", "Bearer ", key);
	else
		gk_outgoing_secret(out, "x-api-key", "", key);
	gk_outgoing_header(out, "anthropic-version", "2023-06-01");
	gk_vendor_prepare(vendor, out);
	return GK_OK;
}

static gk_code address(const gk_vendor *vendor, const json_t *request, bool is_beta,
	gk_outgoing *out, gk_error *err)
{
	gk_auto_str char *betas = NULL;
	gk_code rc = is_beta ? gk_anthropic_betas(request, &betas, err) : GK_OK;

	if (rc != GK_OK)
		return rc;
	gk_outgoing_url(out, "%s/v1/messages%s", vendor->base_url, is_beta ? "?beta=true" : "");
	if (betas)
		gk_outgoing_header(out, "anthropic-beta", betas);
	return GK_OK;
}

/* --- the action --- */

static gk_code on_event(const gk_sse_event *event, void *stream, gk_error *err)
{
	return gk_anthropic_stream_push(stream, event->data.text, event->data.len, err);
}

static gk_code ask_in_events(
	gk_ctx *ctx, const json_t *request, gk_outgoing *out, json_t **ret, gk_error *err)
{
	gk_auto_anthropic_stream gk_anthropic_stream stream = {
		.emit = gk_ask_emit, .user = ctx, .out = out, .request = request
	};
	gk_auto_sse gk_sse sse;
	gk_code rc;

	gk_sse_init(&sse, 0, on_event, &stream);
	rc = gk_ask_events(ctx, "anthropic", out, &sse, &stream.is_done, err);
	return rc == GK_OK ? gk_anthropic_stream_end(&stream, ret, err) : rc;
}

static gk_code run_model(gk_ctx *ctx, json_t *request, json_t **ret, gk_error *err)
{
	const gk_vendor_model *model = gk_ctx_user(ctx);
	const gk_vendor *vendor = model->vendor;
	bool is_beta = gk_str_equal(gk_vendor_option_str(vendor, "apiVersion"), "beta");
	bool is_streaming = gk_ctx_is_streaming(ctx);
	gk_auto_json json_t *body = NULL, *message = NULL;
	gk_auto_outgoing gk_outgoing out;
	gk_code rc;

	gk_outgoing_init(&out, "POST");
	rc = gk_anthropic_surface(request, is_beta, &is_beta, err);
	if (rc == GK_OK)
		rc = gk_anthropic_request(model->id, request, is_beta, is_streaming, &body, err);
	if (rc == GK_OK)
		rc = prepare(vendor, request, &out, err);
	if (rc == GK_OK)
		rc = address(vendor, request, is_beta, &out, err);
	if (rc != GK_OK)
		return rc;
	gk_outgoing_json(&out, body);
	json_decref(gk_steal(body));
	rc = is_streaming ? ask_in_events(ctx, request, &out, &message, err)
			  : gk_ask_json(ctx, "anthropic", &out, &message, err);
	if (rc == GK_OK && gk_str_equal(gk_json_str_peek(message, "type"), "error"))
		return gk_anthropic_failure(&out, message, err);
	return rc == GK_OK ? gk_anthropic_answer(request, message, ret, err) : rc;
}

/* --- the plugin --- */

static gk_code define(
	gk_plugin *plugin, gk_vendor *vendor, const void *row, const char *id, gk_error *err)
{
	gk_auto_json json_t *info = info_of(id);

	(void)row;
	return info ? gk_vendor_define_model(plugin, vendor, id, NULL, info, run_model, err)
		    : gk_error_no_memory(err);
}

static gk_code init(gk_ctx *ctx, gk_plugin *plugin, gk_error *err)
{
	gk_vendor *vendor;
	gk_code rc = gk_vendor_of(plugin, &vendor, err);

	(void)ctx;
	if (rc == GK_OK)
		rc = gk_vendor_define_words(plugin, vendor, structured, NULL, define, err);
	return rc == GK_OK ? gk_vendor_define_words(plugin, vendor, plain, NULL, define, err) : rc;
}

static gk_code resolve(
	gk_ctx *ctx, gk_plugin *plugin, const char *type, const char *name, gk_error *err)
{
	gk_vendor *vendor;
	gk_code rc = gk_vendor_of(plugin, &vendor, err);

	(void)ctx;
	return rc == GK_OK && strcmp(type, "model") == 0 ? define(plugin, vendor, NULL, name, err)
							 : rc;
}

/* One page of the listing, and the items in it (borrowed); `after` NULL: the first. */
static gk_code ask_page(gk_ctx *ctx, const gk_vendor *vendor, const char *after, json_t **ret,
	json_t **items_ret, gk_error *err)
{
	gk_auto_json json_t *page = NULL;
	gk_auto_outgoing gk_outgoing out;
	gk_code rc;

	gk_outgoing_init(&out, "GET");
	rc = prepare(vendor, NULL, &out, err);
	if (rc != GK_OK)
		return rc;
	gk_outgoing_url(&out, "%s/v1/models?limit=1000%s%s", vendor->base_url,
		after ? "&after_id=" : "", after ? after : "");
	rc = gk_ask_json(ctx, "anthropic", &out, &page, err);
	if (rc == GK_OK && gk_failure_is(page))
		return gk_anthropic_failure(&out, page, err);
	if (rc == GK_OK)
		rc = gk_vendor_items(vendor, &out, page, "data", items_ret, err);
	if (rc == GK_OK)
		*ret = gk_steal(page);
	return rc;
}

static gk_code add_listed(const json_t *items, json_t *seen, json_t *listing, gk_error *err)
{
	json_t *item;
	size_t i;

	json_array_foreach (items, i, item) {
		const char *id = gk_json_str_peek(item, "id");
		gk_auto_json json_t *info = NULL;

		if (!id || json_object_get(seen, id))
			continue;
		info = info_of(id);
		if (!info || !gk_json_set_bool(seen, id, true) ||
			!gk_json_push_take(listing, gk_vendor_listed("model", id, info)))
			return gk_error_no_memory(err);
	}
	return GK_OK;
}

static bool is_plain_id(const char *id)
{
	for (; id && *id; id++)
		if (!isalnum((unsigned char)*id) && !strchr("-_.:", *id))
			return false;
	return id;
}

static gk_code ask_listing(gk_ctx *ctx, gk_vendor *vendor, json_t *listing, gk_error *err)
{
	gk_auto_json json_t *seen = json_object(), *page = NULL;

	for (int pages = 0; pages < GK_MAX_VENDOR_PAGES; pages++) {
		const char *after = gk_json_str_peek(page, "last_id");
		gk_auto_json json_t *next = NULL;
		json_t *items = NULL;
		gk_code rc = ask_page(ctx, vendor, after, &next, &items, err);

		if (rc == GK_OK)
			rc = add_listed(items, seen, listing, err);
		if (rc != GK_OK)
			return rc;
		json_decref(page);
		page = gk_steal(next);
		if (!json_is_true(json_object_get(page, "has_more")) ||
			!is_plain_id(gk_json_str_peek(page, "last_id")))
			break;
	}
	return GK_OK;
}

static const gk_vendor_option options[] = {
	{ "apiVersion", GK_OPTION_STRING,
		"stable (default) or beta: the surface of calls that do not say." },
	{ .name = NULL },
};
static const char *const base_env[] = { "ANTHROPIC_BASE_URL", NULL };

const gk_vendor_type gk_plugin_anthropic = {
	.plugin = {
		.abi = GK_PLUGIN_ABI,
		.name = "anthropic",
		.init = init,
		.resolve = resolve,
		.list = gk_vendor_list,
		.done = gk_vendor_plugin_done,
	},
	.base_url = "https://api.anthropic.com",
	.base_env = base_env,
	.key_env = key_env,
	.setup = setup,
	.list = ask_listing,
	.options = options,
};
