/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "plugins/common/vendor.h"

#include "base/parse.h"
#include "base/str.h"
#include "config.h"
#include "core/app.h"
#include "core/define.h"
#include "json/edit.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>

static const gk_vendor_option common[] = {
	{ "apiKey", GK_OPTION_SECRET,
		"Key of the service; false: only with each call, as config.apiKey." },
	{ "baseURL", GK_OPTION_STRING, "Where the service is." },
	{ "headers", GK_OPTION_STRINGS, "Headers that go along with every request." },
	{ "timeout", GK_OPTION_NUMBER, "Milliseconds for a request, answer included; 0: none." },
	{ "maxConcurrent", GK_OPTION_NUMBER, "Requests at once; 0: no limit. Others wait." },
	{ "requestsPerMinute", GK_OPTION_NUMBER, "Requests a minute; 0: no limit. Others wait." },
	{ "maxQueue", GK_OPTION_NUMBER, "Requests that may wait; more are refused." },
	{ "breakAfter", GK_OPTION_NUMBER,
		"Failures in a row before the service is not asked for a while; 0: it always is." },
	{ "breakTime", GK_OPTION_NUMBER, "For how many milliseconds it is not asked then." },
	{ .name = NULL },
};
/* Other names of the same, in one SDK or another. */
static const char *const aliases[][2] = {
	{ "defaultHeaders", "headers" },
	{ "customHeaders", "headers" },
	{ "requestHeaders", "headers" },
	{ "serverAddress", "baseURL" },
	{ "token", "apiKey" },
	{ "apiToken", "apiKey" },
	{ "endpoint", "baseURL" },
};

/* --- options --- */

/* baseURL, baseUrl and base_url are one name. */
static bool same_name(const char *a, const char *b)
{
	for (;; a++, b++) {
		while (*a == '_' || *a == '-')
			a++;
		while (*b == '_' || *b == '-')
			b++;
		if (tolower((unsigned char)*a) != tolower((unsigned char)*b))
			return false;
		if (!*a)
			return true;
	}
}

static const gk_vendor_option *find_in(const gk_vendor_option *table, const char *name)
{
	for (; table && table->name; table++)
		if (same_name(table->name, name))
			return table;
	return NULL;
}

static const gk_vendor_option *find_option(const gk_vendor_type *type, const char *name)
{
	const gk_vendor_option *found = find_in(type->options, name);

	for (size_t i = 0; !found && i < sizeof(aliases) / sizeof(aliases[0]); i++)
		if (same_name(aliases[i][0], name))
			name = aliases[i][1];
	return found ? found : find_in(common, name);
}

static gk_code unknown_option(const gk_vendor_type *type, const char *name, gk_error *err)
{
	const char *names[64];
	size_t count = 0;
	const char *near;

	for (const gk_vendor_option *o = type->options; o && o->name && count < 50; o++)
		names[count++] = o->name;
	for (const gk_vendor_option *o = common; o->name; o++)
		names[count++] = o->name;
	names[count] = NULL;
	near = gk_str_nearest(name, names);
	return gk_error_set(err, GK_INVALID_ARGUMENT, "plugin %s: there is no option '%s'%s%s%s",
		type->plugin.name, name, near ? "; did you mean '" : "", near ? near : "",
		near ? "'?" : "");
}

static bool is_of_type(const json_t *value, gk_option_type type)
{
	const char *name;
	json_t *one;

	switch (type) {
	case GK_OPTION_STRING:
		return json_is_string(value);
	case GK_OPTION_SECRET:
		return json_is_string(value) || json_is_false(value);
	case GK_OPTION_BOOL:
		return json_is_boolean(value);
	case GK_OPTION_NUMBER:
		return json_is_number(value) && json_number_value(value) >= 0;
	case GK_OPTION_LIST:
		return json_is_array(value);
	case GK_OPTION_OBJECT:
		return json_is_object(value);
	case GK_OPTION_STRINGS:
		if (!json_is_object(value))
			return false;
		json_object_foreach ((json_t *)(uintptr_t)value, name, one)
			if (!json_is_string(one))
				return false;
		return true;
	}
	return false;
}

/* Configuration files give every scalar as text: what is no text gets its value. New reference. */
static json_t *typed(const gk_vendor_option *option, json_t *value)
{
	const char *text = json_string_value(value);
	double number;

	if (text && (option->type == GK_OPTION_BOOL || option->type == GK_OPTION_SECRET) &&
		strcmp(text, "false") == 0)
		return json_false();
	if (text && option->type == GK_OPTION_BOOL && strcmp(text, "true") == 0)
		return json_true();
	if (text && option->type == GK_OPTION_NUMBER && gk_parse_real(text, strlen(text), &number))
		return json_real(number);
	return json_incref(value);
}

/* A copy under the names of the tables. */
static gk_code read_options(
	const gk_vendor_type *type, json_t *options, json_t **ret, gk_error *err)
{
	static const char *const kinds[] = { "a string", "a string or false", "true or false",
		"a number from 0", "a mapping of strings", "a list", "a mapping" };
	gk_auto_json json_t *out = json_object();
	const char *name;
	json_t *value;

	json_object_foreach (options, name, value) {
		const gk_vendor_option *option = find_option(type, name);
		gk_auto_json json_t *own = NULL;

		if (!option)
			return unknown_option(type, name, err);
		if (json_is_null(value))
			continue;
		own = typed(option, value);
		if (!own)
			return gk_error_no_memory(err);
		if (!is_of_type(own, option->type))
			return gk_error_set(err, GK_INVALID_ARGUMENT,
				"plugin %s: option '%s' must be %s", type->plugin.name, name,
				kinds[option->type]);
		if (!gk_json_set(out, option->name, own))
			return gk_error_no_memory(err);
	}
	*ret = gk_steal(out);
	return *ret ? GK_OK : gk_error_no_memory(err);
}

json_t *gk_vendor_option_peek(const gk_vendor *vendor, const char *name)
{
	return json_object_get(vendor->options, name);
}

const char *gk_vendor_option_str(const gk_vendor *vendor, const char *name)
{
	return json_string_value(gk_vendor_option_peek(vendor, name));
}

/* --- the instance --- */

static void vendor_unref(gk_vendor *vendor)
{
	if (!vendor || --vendor->refs)
		return;
	if (vendor->api_key)
		explicit_bzero(vendor->api_key, strlen(vendor->api_key));
	free(vendor->api_key);
	free(vendor->name);
	free(vendor->base_url);
	json_decref(vendor->options);
	json_decref(vendor->listing);
	gk_gate_free(vendor->gate);
	gk_token_cache_free(vendor->tokens);
	free(vendor);
}

static void cut_slashes(char *url)
{
	size_t len = strlen(url);

	while (len && url[len - 1] == '/')
		url[--len] = '\0';
}

static gk_code find_address(gk_vendor *vendor, gk_error *err)
{
	const char *given = gk_vendor_option_str(vendor, "baseURL");
	gk_code rc = GK_OK;

	if (!given)
		rc = gk_net_env(vendor->app, vendor->type->base_env, &vendor->base_url, err);
	if (rc != GK_OK)
		return rc;
	if (!vendor->base_url && !given)
		given = vendor->type->base_url;
	if (!vendor->base_url && given && !(vendor->base_url = strdup(given)))
		return gk_error_no_memory(err);
	if (!vendor->base_url)
		return gk_error_set(err, GK_FAILED_PRECONDITION,
			"plugin %s: needs the address of the service, option '%s'%s%s",
			vendor->name,
			find_in(vendor->type->options, "baseURL") ? "endpoint" : "baseURL",
			vendor->type->base_env ? " or " : "",
			vendor->type->base_env ? vendor->type->base_env[0] : "");
	cut_slashes(vendor->base_url);
	return GK_OK;
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
	if (json_is_string(option)) {
		vendor->api_key = strdup(json_string_value(option));
		if (!vendor->api_key)
			return gk_error_no_memory(err);
	} else if (!vendor->key_per_call) {
		rc = gk_net_env(vendor->app, vendor->type->key_env, &vendor->api_key, err);
	}
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
	rc = vendor->name ? read_options(type, gk_plugin_options(plugin), &vendor->options, err)
			  : gk_error_no_memory(err);
	if (rc == GK_OK)
		rc = find_address(vendor, err);
	if (rc == GK_OK)
		rc = find_key(vendor, err);
	if (rc == GK_OK)
		rc = make_gate(vendor, err);
	if (rc == GK_OK && type->setup)
		rc = type->setup(vendor, err);
	if (rc != GK_OK) {
		vendor_unref(vendor);
		return rc;
	}
	vendor->timeout_ms = (uint64_t)json_number_value(gk_vendor_option_peek(vendor, "timeout"));
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

	vendor_unref(gk_plugin_user(plugin));
	gk_plugin_set_user(plugin, NULL);
	if (type->is_allocated) {
		free((char *)(uintptr_t)type->plugin.name);
		free(type);
	}
}

/* --- actions --- */

gk_vendor_model *gk_vendor_model_new(gk_vendor *vendor, const char *id, const void *row)
{
	gk_vendor_model *model = calloc(1, sizeof(*model));

	if (!model || !(model->id = strdup(id))) {
		free(model);
		return NULL;
	}
	vendor->refs++;
	model->vendor = vendor;
	model->row = row;
	return model;
}

void gk_vendor_model_free(void *it)
{
	gk_vendor_model *model = it;

	if (!model)
		return;
	vendor_unref(model->vendor);
	free(model->id);
	free(model);
}

/* A model or an embedder, before its maker is called. */
typedef struct making {
	gk_vendor_model *model;
	char *name; /* with the prefix */
} making;

static gk_code begin(making *it, gk_vendor *vendor, const char *id, const void *row, gk_error *err)
{
	it->model = gk_vendor_model_new(vendor, id, row);
	if (it->model && asprintf(&it->name, "%s/%s", vendor->name, id) >= 0)
		return GK_OK;
	gk_vendor_model_free(it->model);
	return gk_error_no_memory(err);
}

/* `rc` is what the maker said. */
static gk_code finish(making *it, gk_plugin *plugin, gk_action *action, gk_code rc, gk_error *err)
{
	free(it->name);
	if (rc != GK_OK) {
		gk_vendor_model_free(it->model);
		return rc;
	}
	rc = gk_plugin_add(plugin, action, err);
	gk_action_unref(action);
	return rc;
}

gk_code gk_vendor_define_model(gk_plugin *plugin, gk_vendor *vendor, const char *id,
	const void *row, json_t *info, gk_action_fn *run, gk_error *err)
{
	gk_action *action = NULL;
	making it = { 0 };
	gk_code rc = begin(&it, vendor, id, row, err);

	if (rc != GK_OK)
		return rc;
	rc = gk_model_new(vendor->app,
		GK_OPTS(gk_model_opts, .name = it.name, .info = info, .run = run, .user = it.model,
			.free_user = gk_vendor_model_free),
		&action, err);
	return finish(&it, plugin, action, rc, err);
}

/* {label, dimensions, supports: {input}} as the options of an embedder. */
static unsigned embeds_of(const json_t *info)
{
	static const struct {
		const char *name;
		unsigned flag;
	} kinds[] = { { "text", GK_EMBEDS_TEXT }, { "image", GK_EMBEDS_IMAGE },
		{ "video", GK_EMBEDS_VIDEO } };
	unsigned supports = 0;
	json_t *one;
	size_t i;

	json_array_foreach (gk_json_at_peek(info, "supports.input"), i, one)
		for (size_t k = 0; k < 3; k++)
			if (gk_str_equal(json_string_value(one), kinds[k].name))
				supports |= kinds[k].flag;
	return supports;
}

gk_code gk_vendor_define_embedder(gk_plugin *plugin, gk_vendor *vendor, const char *id,
	const void *row, json_t *info, gk_action_fn *run, gk_error *err)
{
	gk_action *action = NULL;
	making it = { 0 };
	gk_code rc = begin(&it, vendor, id, row, err);

	if (rc != GK_OK)
		return rc;
	rc = gk_embedder_new(vendor->app,
		GK_OPTS(gk_embedder_opts, .name = it.name, .label = gk_json_str_peek(info, "label"),
			.dimensions = (unsigned)gk_json_int_at(info, "dimensions", 0),
			.supports = embeds_of(info), .run = run, .user = it.model,
			.free_user = gk_vendor_model_free),
		&action, err);
	return finish(&it, plugin, action, rc, err);
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

void gk_vendor_prepare(const gk_vendor *vendor, gk_outgoing *out)
{
	gk_outgoing_header(out, "User-Agent", "genkit-c/" PACKAGE_VERSION);
	gk_outgoing_headers(out, gk_vendor_option_peek(vendor, "headers"));
	out->timeout_ms = vendor->timeout_ms;
	out->gate = vendor->gate;
}

/* --- listings --- */

bool gk_vendor_has_listing(const gk_vendor *vendor, uint64_t max_age_ms)
{
	return vendor->listing &&
	       gk_loop_now_ms(gk_app_loop(vendor->app)) - vendor->listed_ms <= max_age_ms;
}

gk_code gk_vendor_keep_listing(gk_vendor *vendor, json_t *listing, json_t *list, gk_error *err)
{
	if (listing != vendor->listing) {
		json_decref(vendor->listing);
		vendor->listing = json_incref(listing);
		vendor->listed_ms = gk_loop_now_ms(gk_app_loop(vendor->app));
	}
	return json_array_extend(list, listing) == 0 ? GK_OK : gk_error_no_memory(err);
}

json_t *gk_vendor_listed(const char *type, const char *id, json_t *info)
{
	const char *kind = strcmp(type, "embedder") == 0 ? "embedder" : "model";
	gk_auto_json json_t *metadata = json_object(), *item = json_object();

	if (!gk_json_set(metadata, kind, info) || !gk_json_set_str(item, "type", type) ||
		!gk_json_set_str(item, "name", id) || !gk_json_set(item, "metadata", metadata))
		return NULL;
	return gk_steal(item);
}

bool gk_words_match(const char *words, const char *id)
{
	size_t id_len = strlen(id);

	while (words && *(words += strspn(words, " "))) {
		size_t len = strcspn(words, " ");
		bool open_front = *words == '*', open_back = len && words[len - 1] == '*';
		const char *text = words + open_front;
		size_t text_len = len - open_front - (open_back && len > 1);

		if (open_front && open_back) {
			if (memmem(id, id_len, text, text_len))
				return true;
		} else if (id_len >= text_len && (open_front || open_back || id_len == text_len) &&
			   memcmp(open_front ? id + id_len - text_len : id, text, text_len) == 0) {
			return true;
		}
		words += len;
	}
	return false;
}
