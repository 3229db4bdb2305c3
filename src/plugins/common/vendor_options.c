/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* The options of plugins: what they are called, what they may be, and how a configuration file writes them. */
#include "plugins/common/vendor_internal.h"

#include "base/buf.h"
#include "base/parse.h"
#include "base/str.h"
#include "json/edit.h"

#include <ctype.h>

const gk_vendor_option gk_vendor_common_options[] = {
	{ "apiKey", GK_OPTION_SECRET,
		"Key of the service; false: only with each call, as config.apiKey." },
	{ "baseURL", GK_OPTION_STRING, "Where the service is." },
	{ "headers", GK_OPTION_STRINGS, "Headers that go along with every request." },
	{ "timeout", GK_OPTION_NUMBER, "Milliseconds for a request, answer included; 0: none." },
	{ "debugTraces", GK_OPTION_BOOL, "Each request is a span of the trace, without secrets." },
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
	{ "experimental_debugTraces", "debugTraces" },
};

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

const char *gk_vendor_alias_at(const char *name, size_t i)
{
	for (size_t at = 0; at < sizeof(aliases) / sizeof(aliases[0]); at++)
		if (strcmp(aliases[at][1], name) == 0 && !i--)
			return aliases[at][0];
	return NULL;
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
	return found ? found : find_in(gk_vendor_common_options, name);
}

char *gk_vendor_spelled(const char *name)
{
	gk_auto_buf gk_buf out = GK_BUF_INIT(0);

	for (const char *c = name; *c; c++) {
		if (c > name && isupper((unsigned char)*c) && !isupper((unsigned char)c[-1]))
			gk_buf_putc(&out, '_');
		gk_buf_putc(&out, (char)tolower((unsigned char)*c));
	}
	gk_buf_puts(&out, "");
	return gk_buf_take(&out, NULL);
}

/* What was meant, in the spelling of what was written. */
static gk_code unknown_option(const gk_vendor_type *type, const char *name, gk_error *err)
{
	gk_auto_str char *meant = NULL;
	const char *names[64] = { NULL };
	const size_t max = sizeof(names) / sizeof(names[0]) - 1;
	size_t count = 0;
	const char *near;

	for (const gk_vendor_option *o = type->options; o && o->name && count < max; o++)
		names[count++] = o->name;
	for (const gk_vendor_option *o = gk_vendor_common_options; o->name && count < max; o++)
		names[count++] = o->name;
	near = gk_str_nearest(name, names);
	if (near) {
		meant = strchr(name, '_') ? gk_vendor_spelled(near) : strdup(near);
		near = meant ? meant : near;
	}
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

gk_code gk_vendor_read_option(const gk_vendor_type *type, const char *name, json_t *value,
	const char **name_ret, json_t **ret, gk_error *err)
{
	static const char *const kinds[] = { "a string", "a string or false", "true or false",
		"a number from 0", "a mapping of strings", "a list", "a mapping" };
	const gk_vendor_option *option = find_option(type, name);
	gk_auto_json json_t *own = option ? typed(option, value) : NULL;

	if (!option)
		return unknown_option(type, name, err);
	if (!own)
		return gk_error_no_memory(err);
	if (!json_is_null(own) && !is_of_type(own, option->type))
		return gk_error_set(err, GK_INVALID_ARGUMENT, "plugin %s: option '%s' must be %s",
			type->plugin.name, name, kinds[option->type]);
	*name_ret = option->name;
	*ret = gk_steal(own);
	return GK_OK;
}

gk_code gk_vendor_read_options(
	const gk_vendor_type *type, json_t *options, json_t **ret, gk_error *err)
{
	gk_auto_json json_t *out = json_object();
	const char *name;
	json_t *value;

	json_object_foreach (options, name, value) {
		gk_auto_json json_t *own = NULL;
		const char *known = NULL;
		gk_code rc = gk_vendor_read_option(type, name, value, &known, &own, err);

		if (rc != GK_OK)
			return rc;
		if (!json_is_null(own) && !gk_json_set(out, known, own))
			return gk_error_no_memory(err);
	}
	*ret = gk_steal(out);
	return *ret ? GK_OK : gk_error_no_memory(err);
}

bool gk_vendor_has_option(const gk_vendor_type *type, const char *name)
{
	return find_in(type->options, name) != NULL;
}

json_t *gk_vendor_option_peek(const gk_vendor *vendor, const char *name)
{
	return gk_json_peek(vendor->options, name);
}

const char *gk_vendor_option_str(const gk_vendor *vendor, const char *name)
{
	return json_string_value(gk_vendor_option_peek(vendor, name));
}
