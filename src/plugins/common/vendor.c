/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "plugins/common/vendor_internal.h"

#include "base/str.h"
#include "loop/url_shown.h"

#include <math.h>

gk_vendor *gk_vendor_ref(gk_vendor *vendor)
{
	vendor->refs++;
	return vendor;
}

void gk_vendor_unref(gk_vendor *vendor)
{
	if (!vendor || --vendor->refs)
		return;
	gk_token_free(vendor->api_key);
	free(vendor->name);
	free(vendor->base_url);
	free(vendor->base_query);
	json_decref(vendor->options);
	json_decref(vendor->listing);
	json_decref(vendor->memory);
	gk_gate_free(vendor->gate);
	gk_token_cache_free(vendor->tokens);
	free(vendor);
}

gk_code gk_vendor_find_text(const gk_vendor *vendor, const char *option, const char *const *env,
	char **ret, gk_error *err)
{
	const char *given = option ? gk_vendor_option_str(vendor, option) : NULL;
	char *text = given ? gk_net_trim(given) : NULL;

	if (given && !text)
		return gk_error_no_memory(err);
	if (text && *text) {
		*ret = text;
		return GK_OK;
	}
	free(text);
	return gk_net_env(vendor->app, env, ret, err);
}

/* Paths follow the address: its query goes behind them, slashes at its end and a fragment go away. */
static bool part_address(gk_vendor *vendor)
{
	char *url = vendor->base_url, *query = url + strcspn(url, "?#");
	size_t len = (size_t)(query - url);

	if (*query == '?' && query[1] &&
		!(vendor->base_query = strndup(query + 1, strcspn(query + 1, "#"))))
		return false;
	while (len && url[len - 1] == '/')
		len--;
	url[len] = '\0';
	return true;
}

static gk_code check_address(const gk_vendor *vendor, gk_error *err)
{
	gk_auto_str char *shown = gk_url_shown(vendor->base_url);

	if (!shown)
		return gk_error_no_memory(err);
	if (gk_str_has_prefix(shown, "http"))
		return GK_OK;
	return gk_error_set(err, GK_INVALID_ARGUMENT,
		"plugin %s: the address of the service ('baseURL') is no http or https URL",
		vendor->name);
}

static gk_code find_address(gk_vendor *vendor, gk_error *err)
{
	const char *usual = vendor->type->base_url;
	gk_code rc = gk_vendor_find_text(
		vendor, "baseURL", vendor->type->base_env, &vendor->base_url, err);

	if (rc != GK_OK)
		return rc;
	if (!vendor->base_url && usual && !(vendor->base_url = strdup(usual)))
		return gk_error_no_memory(err);
	if (!vendor->base_url)
		return gk_error_set(err, GK_FAILED_PRECONDITION,
			"plugin %s: needs the address of the service, option '%s'%s%s",
			vendor->name,
			gk_vendor_has_option(vendor->type, "baseURL") ? "endpoint" : "baseURL",
			vendor->type->base_env ? " or " : "",
			vendor->type->base_env ? vendor->type->base_env[0] : "");
	return part_address(vendor) ? GK_OK : gk_error_no_memory(err);
}

static gk_code no_key(const gk_vendor *vendor, gk_error *err)
{
	gk_code rc = gk_error_set(err, GK_FAILED_PRECONDITION,
		"plugin %s: needs a key: option 'apiKey', or in the environment", vendor->name);

	for (const char *const *name = vendor->type->key_env; err && name && *name; name++) {
		gk_auto_str char *before = err->message ? strdup(err->message) : NULL;

		rc = gk_error_set(err, rc, "%s%s %s", before ? before : "",
			name == vendor->type->key_env ? "" : " or", *name);
	}
	return rc;
}

static gk_code find_key(gk_vendor *vendor, gk_error *err)
{
	const json_t *option = gk_vendor_option_peek(vendor, "apiKey");
	gk_code rc = GK_OK;

	vendor->key_per_call = json_is_false(option);
	if (!vendor->key_per_call)
		rc = gk_vendor_find_text(
			vendor, "apiKey", vendor->type->key_env, &vendor->api_key, err);
	if (rc == GK_OK && !vendor->api_key && !vendor->key_per_call && !vendor->type->key_optional)
		return no_key(vendor, err);
	return rc;
}

static double number_option(const gk_vendor *vendor, const char *name, double fallback)
{
	const json_t *value = gk_vendor_option_peek(vendor, name);

	return value ? fmin(json_number_value(value), UINT32_MAX) : fallback;
}

static gk_code make_gate(gk_vendor *vendor, gk_error *err)
{
	vendor->gate = gk_gate_new(vendor->app, vendor->name,
		GK_OPTS(gk_gate_opts,
			.max_concurrent = (unsigned)number_option(
				vendor, "maxConcurrent", GK_GATE_CONCURRENT),
			.per_minute = number_option(vendor, "requestsPerMinute", 0),
			.max_queue = (unsigned)number_option(vendor, "maxQueue", GK_GATE_QUEUE),
			.break_after =
				(unsigned)number_option(vendor, "breakAfter", GK_GATE_BREAK_AFTER),
			.break_ms =
				(uint64_t)number_option(vendor, "breakTime", GK_GATE_BREAK_MS)));
	return vendor->gate ? GK_OK : gk_error_no_memory(err);
}

static gk_code vendor_new(gk_plugin *plugin, gk_vendor **ret, gk_error *err)
{
	const gk_vendor_type *type = (const gk_vendor_type *)gk_plugin_type_peek(plugin);
	gk_vendor *vendor = calloc(1, sizeof(*vendor));
	gk_code rc;

	if (!vendor)
		return gk_error_no_memory(err);
	vendor->refs = 1;
	vendor->type = type;
	vendor->app = gk_plugin_app(plugin);
	vendor->name = strdup(type->plugin.name);
	rc = vendor->name ? gk_vendor_read_options(
				    type, gk_plugin_options(plugin), &vendor->options, err)
			  : gk_error_no_memory(err);
	if (rc == GK_OK)
		rc = find_address(vendor, err);
	if (rc == GK_OK)
		rc = find_key(vendor, err);
	if (rc == GK_OK)
		rc = make_gate(vendor, err);
	if (rc == GK_OK && type->setup)
		rc = type->setup(vendor, err);
	if (rc == GK_OK)
		rc = check_address(vendor, err);
	if (rc != GK_OK) {
		gk_vendor_unref(vendor);
		return rc;
	}
	vendor->timeout_ms = (uint64_t)json_number_value(gk_vendor_option_peek(vendor, "timeout"));
	vendor->is_traced = json_is_true(gk_vendor_option_peek(vendor, "debugTraces"));
	*ret = vendor;
	return GK_OK;
}

gk_code gk_vendor_of(gk_plugin *plugin, gk_vendor **ret, gk_error *err)
{
	gk_vendor *vendor = gk_plugin_user(plugin);
	gk_code rc = vendor ? GK_OK : vendor_new(plugin, &vendor, err);

	if (rc != GK_OK)
		return rc;
	gk_plugin_set_user(plugin, vendor);
	*ret = vendor;
	return GK_OK;
}

void gk_vendor_plugin_done(gk_plugin *plugin)
{
	gk_vendor_type *type = (gk_vendor_type *)(uintptr_t)gk_plugin_type_peek(plugin);

	gk_vendor_unref(gk_plugin_user(plugin));
	gk_plugin_set_user(plugin, NULL);
	if (type->is_allocated) {
		free((char *)(uintptr_t)type->plugin.name);
		free(type);
	}
}

/* --- calls --- */

gk_code gk_vendor_key(
	const gk_vendor *vendor, const json_t *config, const char **ret, gk_error *err)
{
	const char *given = json_string_value(json_object_get(config, "apiKey"));

	*ret = given && *given ? given : vendor->api_key;
	if (!*ret && (vendor->key_per_call || !vendor->type->key_optional))
		return gk_error_set(err, GK_INVALID_ARGUMENT,
			"%s: this call needs a key of its own, config.apiKey", vendor->name);
	return GK_OK;
}

gk_code gk_vendor_check_path(const gk_vendor *vendor, const char *id, gk_error *err)
{
	bool is_wrong = false;

	for (const char *c = id; *c && !is_wrong; c++) {
		const char *segment = c == id || c[-1] == '/' ? c : NULL;
		size_t dots = segment ? strspn(segment, ".") : 0;

		is_wrong = (unsigned char)*c <= ' ' || strchr("?#%\\\x7f", *c) ||
			   ((dots == 1 || dots == 2) && (!segment[dots] || segment[dots] == '/'));
	}
	return is_wrong ? gk_error_set(err, GK_INVALID_ARGUMENT,
				  "%s: there is no model of such a name", vendor->name)
			: GK_OK;
}

void gk_vendor_prepare(const gk_vendor *vendor, gk_outgoing *out)
{
	gk_outgoing_headers(out, gk_vendor_option_peek(vendor, "headers"));
	out->base = vendor->base_url;
	out->query = vendor->base_query;
	out->timeout_ms = vendor->timeout_ms;
	out->gate = vendor->gate;
	out->is_traced = vendor->is_traced;
}
