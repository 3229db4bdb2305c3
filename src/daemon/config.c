/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Loading: files in order, then --set; every mistake is collected with its place. */
#include "daemon/config.h"

#include "base/buf.h"
#include "base/limits.h"
#include "base/parse.h"
#include "base/str.h"
#include "json/yaml.h"
#include "server/address.h"

#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#ifndef GK_SYSCONFDIR
#define GK_SYSCONFDIR "/etc"
#endif
#define SYSTEM_FILE   GK_SYSCONFDIR "/genkitd/genkitd.yaml"
#define SYSTEM_FOLDER GK_SYSCONFDIR "/genkitd/conf.d"
#define MAX_MISTAKES  (64u << 10) /* bytes of text */

struct gk_config {
	json_t *values; /* key: typed value */
	json_t *given;  /* key: where a file or --set gave it */
};

/* One source while it is read. */
typedef struct source {
	gk_config *config;
	const gk_yaml *doc;
	const char *file;
	const char *assigned; /* the key of a --set; NULL: a file */
	gk_buf *mistakes;
} source;

/* --- mistakes --- */

static void mistake(source *from, const char *pointer, const char *format, ...) GK_PRINTF(3, 4);
static void mistake(source *from, const char *pointer, const char *format, ...)
{
	gk_auto_str char *text = NULL;
	unsigned line = 0, column = 0;
	va_list args;

	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		text = NULL;
	va_end(args);
	if (from->assigned)
		gk_buf_printf(from->mistakes, "--set %s: %s\n", from->assigned, text ? text : "");
	else if (gk_yaml_where(from->doc, pointer, &line, &column))
		gk_buf_printf(from->mistakes, "%s:%u:%u: %s\n", from->file, line, column,
			text ? text : "");
	else
		gk_buf_printf(from->mistakes, "%s: %s\n", from->file, text ? text : "");
}

/* --- values --- */

static const char *const type_names[] = {
	[GK_CONFIG_STRING] = "a string",
	[GK_CONFIG_BOOL] = "true or false",
	[GK_CONFIG_UINT] = "a whole number",
	[GK_CONFIG_DURATION] = "a time such as 250ms, 10s or 5m",
	[GK_CONFIG_SIZE] = "a size such as 64KiB or 16MiB",
	[GK_CONFIG_ENUM] = "one of",
	[GK_CONFIG_STRINGS] = "a string or a list of strings",
	[GK_CONFIG_SECRETS] = "a string or a list of strings",
	[GK_CONFIG_TABLE] = "a list of entries",
	[GK_CONFIG_MAP] = "a mapping",
};

static bool is_choice(const char *choices, const char *text)
{
	size_t len = strlen(text);

	for (const char *at = choices; at; at = strchr(at, '|')) {
		at += *at == '|';
		if (strncmp(at, text, len) == 0 && (at[len] == '|' || !at[len]))
			return len > 0;
	}
	return false;
}

static json_t *typed_number(const gk_config_key *key, const char *text)
{
	uint64_t number;
	bool fits;

	if (key->type == GK_CONFIG_UINT)
		fits = gk_parse_u64(text, strlen(text), &number);
	else if (key->type == GK_CONFIG_DURATION)
		fits = gk_parse_duration_ms(text, &number);
	else
		fits = gk_parse_size(text, &number);
	if (!fits || number < key->min || (key->max && number > key->max) || number > INT64_MAX)
		return NULL;
	return json_integer((json_int_t)number);
}

static json_t *expanded(
	source *from, const gk_config_key *key, const char *pointer, const char *text)
{
	gk_auto_error gk_error err = { 0 };
	gk_auto_str char *value = NULL;

	if (gk_config_expand(text, &value, &err) != GK_OK) {
		mistake(from, pointer, "%s: %s", key->name, err.message);
		return json_string(""); /* reported; nothing more to say of it */
	}
	return json_string(value);
}

/* A scalar; NULL when it does not fit. */
static json_t *typed_scalar(
	source *from, const gk_config_key *key, const char *pointer, const json_t *value)
{
	const char *text = json_string_value(value);

	if (!text)
		return NULL;
	switch (key->type) {
	case GK_CONFIG_BOOL:
		if (strcmp(text, "true") == 0 || strcmp(text, "false") == 0)
			return json_boolean(text[0] == 't');
		return NULL;
	case GK_CONFIG_ENUM:
		return is_choice(key->choices, text) ? json_string(text) : NULL;
	case GK_CONFIG_UINT:
	case GK_CONFIG_DURATION:
	case GK_CONFIG_SIZE:
		return typed_number(key, text);
	default:
		return expanded(from, key, pointer, text);
	}
}

static json_t *typed_list(
	source *from, const gk_config_key *key, const char *pointer, json_t *value)
{
	gk_auto_json json_t *list = json_array();
	json_t *item;
	size_t i;

	if (json_is_string(value))
		json_array_append_new(list, expanded(from, key, pointer, json_string_value(value)));
	else if (!json_is_array(value))
		return NULL;
	json_array_foreach (value, i, item) {
		if (!json_is_string(item))
			return NULL;
		json_array_append_new(list, expanded(from, key, pointer, json_string_value(item)));
	}
	return gk_steal(list);
}

static json_t *typed(source *from, const gk_config_key *key, const char *pointer, json_t *value);

static const gk_config_key *find_key(const gk_config_key *keys, const char *name)
{
	for (; keys->name; keys++)
		if (strcmp(keys->name, name) == 0)
			return keys;
	return NULL;
}

static void report_type(
	source *from, const gk_config_key *key, const char *pointer, const json_t *value)
{
	const char *given = key->type == GK_CONFIG_SECRETS ? NULL : json_string_value(value);
	bool has_range = key->max && (key->type == GK_CONFIG_UINT);

	mistake(from, pointer, "%s: %s%s%s is not %s%s%s", key->name, given ? "'" : "",
		given ? given : "this value", given ? "'" : "", type_names[key->type],
		key->choices ? " " : "", key->choices ? key->choices : "");
	if (has_range)
		mistake(from, pointer, "%s: from %llu to %llu", key->name,
			(unsigned long long)key->min, (unsigned long long)key->max);
}

/* Fills in what an entry does not say. */
static void add_fallbacks(const gk_config_key *keys, json_t *values)
{
	source none = { 0 };

	for (; keys->name; keys++) {
		gk_yaml *doc = NULL;

		if (!keys->fallback || json_object_get(values, keys->name))
			continue;
		if (gk_yaml_parse(keys->fallback, strlen(keys->fallback), keys->name,
			    GK_YAML_STRINGS, &doc, NULL) != GK_OK)
			continue;
		json_object_set_new(
			values, keys->name, typed(&none, keys, "", gk_yaml_value_peek(doc)));
		gk_yaml_free(doc);
	}
}

static void report_unknown(
	source *from, const gk_config_key *keys, const char *pointer, const char *name)
{
	const char *candidates[64], *near;
	size_t n = 0;

	for (; keys->name && n < 63; keys++)
		candidates[n++] = keys->name;
	candidates[n] = NULL;
	near = gk_str_nearest(name, candidates);
	mistake(from, pointer, "unknown key '%s'%s%s%s", name, near ? " (did you mean '" : "",
		near ? near : "", near ? "'?)" : "");
}

static json_t *typed_entry(
	source *from, const gk_config_key *key, const char *pointer, json_t *entry)
{
	json_t *values = json_object(), *value;
	const char *name;

	json_object_foreach (entry, name, value) {
		const gk_config_key *member = find_key(key->entries, name);
		gk_auto_str char *below = NULL;

		if (asprintf(&below, "%s/%s", pointer, name) < 0)
			below = NULL;
		if (member)
			json_object_set_new(
				values, name, typed(from, member, below ? below : "", value));
		else
			report_unknown(from, key->entries, below ? below : "", name);
	}
	add_fallbacks(key->entries, values);
	return values;
}

static json_t *typed_table(
	source *from, const gk_config_key *key, const char *pointer, json_t *value)
{
	gk_auto_json json_t *list = json_array();
	json_t *entry;
	size_t i;

	if (!json_is_array(value))
		return NULL;
	json_array_foreach (value, i, entry) {
		gk_auto_str char *below = NULL;

		if (asprintf(&below, "%s/%zu", pointer, i) < 0)
			below = NULL;
		if (!json_is_object(entry))
			mistake(from, below ? below : "", "%s: an entry is a mapping", key->name);
		else
			json_array_append_new(
				list, typed_entry(from, key, below ? below : "", entry));
	}
	return gk_steal(list);
}

/* The value as its key wants it; a mistake is reported and gives null. */
static json_t *typed(source *from, const gk_config_key *key, const char *pointer, json_t *value)
{
	json_t *result = NULL;

	if (key->type == GK_CONFIG_TABLE)
		result = typed_table(from, key, pointer, value);
	else if (key->type == GK_CONFIG_STRINGS || key->type == GK_CONFIG_SECRETS)
		result = typed_list(from, key, pointer, value);
	else if (key->type == GK_CONFIG_MAP)
		result = json_is_object(value) ? json_incref(value) : NULL;
	else
		result = typed_scalar(from, key, pointer, value);
	if (result)
		return result;
	report_type(from, key, pointer, value);
	return json_null();
}

/* --- reading --- */

static bool is_section(const char *name)
{
	size_t len = strlen(name);

	for (const gk_config_key *key = gk_config_keys; key->name; key++)
		if (strncmp(key->name, name, len) == 0 && key->name[len] == '.')
			return true;
	return false;
}

static void set_value(source *from, const char *name, const char *pointer, json_t *value)
{
	const gk_config_key *key = find_key(gk_config_keys, name);

	if (!key) {
		/* A section is as good a guess as a key. */
		static const char *const sections[] = { "server", "server.cors", "reflection",
			"store", "trace", "log", "http_client", NULL };
		const char *near = gk_str_nearest(name, sections);

		if (near && !strchr(name, '.'))
			mistake(from, pointer, "unknown key '%s' (did you mean '%s'?)", name, near);
		else
			report_unknown(from, gk_config_keys, pointer, name);
		return;
	}
	json_object_set_new(from->config->values, name, typed(from, key, pointer, value));
	json_object_set_new(from->config->given, name, json_true());
}

static void read_section(source *from, const char *section, const char *pointer, json_t *members)
{
	json_t *value;
	const char *name;

	json_object_foreach (members, name, value) {
		gk_auto_str char *key = NULL, *below = NULL;

		if (asprintf(&key, "%s%s%s", section, *section ? "." : "", name) < 0 ||
			asprintf(&below, "%s/%s", pointer, name) < 0)
			return;
		if (!is_section(key))
			set_value(from, key, below, value);
		else if (json_is_object(value))
			read_section(from, key, below, value);
		else if (!json_is_null(value))
			mistake(from, below, "%s: a mapping is expected", key);
	}
}

static gk_code read_text(const char *path, gk_buf *text, gk_error *err)
{
	FILE *file = fopen(path, "re");
	char *room;
	size_t got;

	if (!file)
		return gk_error_set(err, errno == ENOENT ? GK_NOT_FOUND : GK_UNAVAILABLE, "%s: %s",
			path, strerror(errno));
	do {
		room = gk_buf_reserve(text, 4096);
		got = room ? fread(room, 1, 4096, file) : 0;
		gk_buf_added(text, got);
	} while (got);
	fclose(file);
	return text->failed ? gk_error_set(err, GK_RESOURCE_EXHAUSTED, "%s is too large", path)
			    : GK_OK;
}

static void read_file(gk_config *config, const char *path, bool is_required, gk_buf *mistakes)
{
	gk_auto_buf gk_buf text = GK_BUF_INIT(GK_MAX_YAML_TEXT);
	gk_auto_error gk_error err = { 0 };
	gk_auto_yaml gk_yaml *doc = NULL;
	source from = { .config = config, .file = path, .mistakes = mistakes };
	gk_code rc = read_text(path, &text, &err);

	if (rc == GK_NOT_FOUND && !is_required)
		return;
	if (rc == GK_OK)
		rc = gk_yaml_parse(
			text.data ? text.data : "", text.len, path, GK_YAML_STRINGS, &doc, &err);
	if (rc != GK_OK) {
		gk_buf_printf(mistakes, "%s\n", err.message);
		return;
	}
	from.doc = doc;
	if (json_is_object(gk_yaml_value_peek(doc)))
		read_section(&from, "", "", gk_yaml_value_peek(doc));
	else if (!json_is_null(gk_yaml_value_peek(doc)))
		gk_buf_printf(mistakes, "%s: a mapping of keys is expected\n", path);
}

static int is_yaml(const struct dirent *entry)
{
	size_t len = strlen(entry->d_name);

	return entry->d_name[0] != '.' && len > 5 && strcmp(entry->d_name + len - 5, ".yaml") == 0;
}

static void read_system_files(gk_config *config, gk_buf *mistakes)
{
	struct dirent **entries = NULL;
	int count;

	read_file(config, SYSTEM_FILE, false, mistakes);
	count = scandir(SYSTEM_FOLDER, &entries, is_yaml, alphasort);
	for (int i = 0; i < count; i++) {
		gk_auto_str char *path = NULL;

		if (asprintf(&path, "%s/%s", SYSTEM_FOLDER, entries[i]->d_name) >= 0)
			read_file(config, path, true, mistakes);
		free(entries[i]);
	}
	free(entries);
}

static void read_assignment(gk_config *config, const char *text, gk_buf *mistakes)
{
	const char *equals = strchr(text, '=');
	gk_auto_str char *name = equals ? strndup(text, (size_t)(equals - text)) : NULL;
	gk_auto_error gk_error err = { 0 };
	gk_auto_yaml gk_yaml *doc = NULL;
	source from = { .config = config, .assigned = name, .mistakes = mistakes };

	if (!name) {
		gk_buf_printf(mistakes, "--set %s: KEY=VALUE is expected\n", text);
		return;
	}
	if (gk_yaml_parse(equals + 1, strlen(equals + 1), "--set", GK_YAML_STRINGS, &doc, &err) !=
		GK_OK) {
		gk_buf_printf(mistakes, "--set %s: %s\n", name, err.message);
		return;
	}
	if (json_is_null(gk_yaml_value_peek(doc))) {
		gk_auto_json json_t *empty = json_string("");

		set_value(&from, name, "", empty);
	} else {
		set_value(&from, name, "", gk_yaml_value_peek(doc));
	}
}

/* --- what only makes sense together --- */

static void check_whole(const gk_config *config, gk_buf *mistakes)
{
	const char *auth = gk_config_str(config, "server.auth");
	json_t *keys = gk_config_list(config, "server.api_keys"), *item;
	size_t i;

	json_array_foreach (gk_config_list(config, "server.listen"), i, item) {
		const char *address = json_string_value(item);

		if (address && !auth && !gk_address_is_local(address))
			gk_buf_printf(mistakes,
				"server.listen: %s can be reached from other machines, and nothing says who may call: set "
				"server.auth to api_key, or to none if everybody may\n",
				address);
	}
	if (gk_str_equal(auth, "api_key") && json_array_size(keys) == 0)
		gk_buf_puts(mistakes, "server.auth: api_key needs server.api_keys\n");
	json_array_foreach (keys, i, item)
		if (json_string_length(item) == 0)
			gk_buf_puts(
				mistakes, "server.api_keys: an empty key would let everybody in\n");
	json_array_foreach (gk_config_list(config, "exec"), i, item)
		if (!json_object_get(item, "name") ||
			!json_array_size(json_object_get(item, "command")))
			gk_buf_printf(mistakes, "exec[%zu]: name and command are required\n", i);
}

gk_code gk_config_load(const gk_config_sources *sources, gk_config **ret, gk_error *err)
{
	gk_auto_buf gk_buf mistakes = GK_BUF_INIT(MAX_MISTAKES);
	gk_config *config = calloc(1, sizeof(*config));

	if (!config)
		return gk_error_no_memory(err);
	config->values = json_object();
	config->given = json_object();
	if (sources->file)
		read_file(config, sources->file, true, &mistakes);
	else
		read_system_files(config, &mistakes);
	for (const char *const *text = sources->assign; text && *text; text++)
		read_assignment(config, *text, &mistakes);
	if (sources->is_dev && !gk_config_is_set(config, "reflection.enabled"))
		json_object_set_new(config->values, "reflection.enabled", json_true());
	add_fallbacks(gk_config_keys, config->values);
	if (!mistakes.len)
		check_whole(config, &mistakes);
	if (mistakes.len || mistakes.failed) {
		mistakes.len -= mistakes.len > 0; /* the last line's end */
		gk_error_set(err, GK_INVALID_ARGUMENT, "%.*s", (int)mistakes.len,
			mistakes.data ? mistakes.data : "");
		gk_config_free(config);
		return GK_INVALID_ARGUMENT;
	}
	*ret = config;
	return GK_OK;
}

void gk_config_free(gk_config *config)
{
	if (!config)
		return;
	json_decref(config->values);
	json_decref(config->given);
	free(config);
}

/* --- asking --- */

static json_t *value_of(const gk_config *config, const char *key)
{
	if (!find_key(gk_config_keys, key))
		abort(); /* a key that is not in the table */
	return json_object_get(config->values, key);
}

const char *gk_config_str(const gk_config *config, const char *key)
{
	return json_string_value(value_of(config, key));
}

bool gk_config_bool(const gk_config *config, const char *key)
{
	return json_is_true(value_of(config, key));
}

uint64_t gk_config_uint(const gk_config *config, const char *key)
{
	return (uint64_t)json_integer_value(value_of(config, key));
}

json_t *gk_config_list(const gk_config *config, const char *key)
{
	return value_of(config, key);
}

json_t *gk_config_map(const gk_config *config, const char *key)
{
	return value_of(config, key);
}

bool gk_config_is_set(const gk_config *config, const char *key)
{
	return json_object_get(config->given, key) != NULL;
}
