/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Where a configuration comes from: files in order, the environment, --set. */
#include "daemon/config_internal.h"

#include "base/file.h"
#include "base/limits.h"
#include "base/parse.h"
#include "base/str.h"
#include "daemon/paths.h"
#include "json/edit.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <strings.h>

/* --- files --- */

static void read_file(
	gk_config *config, const char *path, bool is_optional, gk_buf *mistakes, bool *no_memory)
{
	gk_auto_error gk_error err = { 0 };
	gk_auto_yaml gk_yaml *doc = NULL, *core = NULL;
	gk_auto_str char *text = NULL;
	gk_config_source source;
	size_t len = 0;
	gk_code rc = gk_file_read(path, GK_MAX_CONFIG, &text, &len, &err);

	if (rc == GK_NOT_FOUND && is_optional)
		return;
	if (rc == GK_OK)
		rc = gk_yaml_parse(text, len, path, GK_YAML_STRINGS, &doc, &err);
	if (rc == GK_OK)
		rc = gk_yaml_parse(text, len, path, GK_YAML_CORE, &core, &err);
	if (rc != GK_OK) {
		gk_buf_printf(mistakes, "%s\n", err.message ? err.message : path);
		return;
	}
	gk_config_source_init(&source, config, mistakes);
	source.name = path;
	source.doc = doc;
	source.core = core;
	if (json_is_object(gk_yaml_value_peek(doc)))
		gk_config_read_section(&source, gk_yaml_value_peek(doc));
	else if (!json_is_null(gk_yaml_value_peek(doc)))
		gk_config_mistake(&source, "this is not a mapping of keys");
	gk_config_source_done(&source);
	*no_memory |= source.no_memory;
}

static int is_yaml(const struct dirent *entry)
{
	size_t len = strlen(entry->d_name);

	return entry->d_name[0] != '.' && len > 5 && strcmp(entry->d_name + len - 5, ".yaml") == 0;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name); /* not the locale's order */
}

static void read_folder(gk_config *config, const char *folder, gk_buf *mistakes, bool *no_memory)
{
	struct dirent **entries = NULL;
	int count = scandir(folder, &entries, is_yaml, by_name);

	if (count < 0 && errno != ENOENT)
		gk_buf_printf(mistakes, "%s: %s\n", folder, strerror(errno));
	for (int i = 0; i < count; i++) {
		gk_auto_str char *path = NULL;

		if (asprintf(&path, "%s/%s", folder, entries[i]->d_name) < 0) {
			path = NULL;
			*no_memory = true;
		} else {
			read_file(config, path, false, mistakes, no_memory);
		}
		free(entries[i]);
	}
	free(entries);
}

/* --- single values: --set, environment, defaults --- */

/* A text as the value of a key: lists and mappings in YAML's flow style, everything else as it is. */
static void read_text_value(
	gk_config_source *source, const gk_config_key *key, const char *text, gk_error *err)
{
	gk_auto_yaml gk_yaml *doc = NULL, *core = NULL;
	gk_auto_json json_t *plain = NULL;
	size_t len = strlen(text);
	bool is_list = key->type == GK_CONFIG_STRINGS || key->type == GK_CONFIG_SECRETS;
	bool is_flow = key->type == GK_CONFIG_ENTRIES || key->type == GK_CONFIG_MAP ||
		       key->type == GK_CONFIG_SETTINGS ||
		       (is_list && text[0] == '[' && text[len - 1] == ']'); /* not [::1]:3400 */

	if (!is_flow) {
		plain = json_string(text);
		if (plain)
			gk_config_read_value(source, key, plain);
		else if (gk_str_valid_utf8(text, len) != len)
			gk_config_mistake(source, "%s: this is no UTF-8", key->name);
		else
			source->no_memory = true;
		return;
	}
	if (gk_yaml_parse(text, len, source->name, GK_YAML_STRINGS, &doc, err) == GK_OK &&
		gk_yaml_parse(text, len, source->name, GK_YAML_CORE, &core, err) == GK_OK) {
		source->core = core;
		gk_config_read_value(source, key, gk_yaml_value_peek(doc));
		source->core = NULL;
	}
}

static void read_single(gk_config *config, const char *from, const char *name, size_t name_len,
	const char *text, gk_buf *mistakes, bool *no_memory)
{
	const gk_config_key *key = gk_config_find(gk_config_keys, name, name_len);
	gk_auto_error gk_error err = { 0 };
	gk_config_source source;

	gk_config_source_init(&source, config, mistakes);
	source.name = from;
	source.replaces = true;
	gk_buf_put(&source.label, name, name_len);
	if (key)
		read_text_value(&source, key, text, &err);
	else
		gk_config_unknown(&source);
	if (err.code != GK_OK)
		gk_config_mistake(&source, "%s: %s", key->name, err.message ? err.message : "?");
	gk_config_source_done(&source);
	*no_memory |= source.no_memory;
}

/* What the environment says goes before the files, except for addresses: there it only changes the default. */
static const struct {
	const char *variable, *key;
} environment[] = {
	{ "GENKIT_RUNTIME_ID", "reflection.runtime_id" },
	{ "GENKIT_REFLECTION_V2_SERVER", "reflection.manager" },
};

static void read_environment(gk_config *config, gk_buf *mistakes, bool *no_memory)
{
	for (size_t i = 0; i < sizeof(environment) / sizeof(environment[0]); i++) {
		const char *text = getenv(environment[i].variable);
		char from[64];

		if (!text || !*text)
			continue;
		snprintf(from, sizeof(from), "$%s", environment[i].variable);
		read_single(config, from, environment[i].key, strlen(environment[i].key), text,
			mistakes, no_memory);
	}
}

static void default_address(gk_config *config, const char *key, const char *host_variable,
	const char *port_variable, const char *port, gk_buf *mistakes, bool *no_memory)
{
	const char *host = host_variable ? getenv(host_variable) : NULL;
	const char *given = getenv(port_variable);
	char from[64], address[512];
	uint64_t number;

	if (gk_config_where(config, key) || ((!host || !*host) && (!given || !*given)))
		return;
	snprintf(from, sizeof(from), "$%s", given && *given ? port_variable : host_variable);
	if (given && *given) {
		if (!gk_parse_u64(given, strlen(given), &number) || number > 65535) {
			gk_buf_printf(mistakes, "%s: '%s' is no port\n", from, given);
			return;
		}
		port = given;
	}
	host = host && *host ? host : "127.0.0.1";
	snprintf(address, sizeof(address), strchr(host, ':') && *host != '[' ? "[%s]:%s" : "%s:%s",
		host, port);
	read_single(config, from, key, strlen(key), address, mistakes, no_memory);
}

/* Those of OpenTelemetry only change defaults; the first of a key that is set counts. */
static const struct {
	const char *variable, *key;
} defaults[] = {
	{ "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "trace.max_attributes" },
	{ "OTEL_ATTRIBUTE_COUNT_LIMIT", "trace.max_attributes" },
	{ "OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT", "trace.max_attribute_size" },
	{ "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", "trace.max_attribute_size" },
	{ "OTEL_SPAN_EVENT_COUNT_LIMIT", "trace.max_events" },
	{ "OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT", "trace.max_event_attributes" },
	{ "OTEL_LOG_LEVEL", "log.level" },
};

/* Words that other programs take for it. */
static const char *known_level(const char *text)
{
	static const char *const same[][2] = { { "trace", "debug" }, { "verbose", "debug" },
		{ "all", "debug" }, { "warning", "warn" }, { "none", "error" },
		{ "fatal", "error" } };

	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++)
		if (strcasecmp(text, same[i][0]) == 0)
			return same[i][1];
	for (size_t i = 0; gk_config_levels[i]; i++)
		if (strcasecmp(text, gk_config_levels[i]) == 0)
			return gk_config_levels[i];
	return text;
}

static void read_defaults(gk_config *config, gk_buf *mistakes, bool *no_memory)
{
	for (size_t i = 0; i < sizeof(defaults) / sizeof(defaults[0]); i++) {
		const char *text = getenv(defaults[i].variable), *key = defaults[i].key;
		char from[64];

		if (!text || !*text || gk_config_where(config, key))
			continue;
		if (strcmp(key, "log.level") == 0)
			text = known_level(text);
		snprintf(from, sizeof(from), "$%s", defaults[i].variable);
		read_single(config, from, key, strlen(key), text, mistakes, no_memory);
	}
}

static void read_assignments(
	gk_config *config, const char *const *assign, gk_buf *mistakes, bool *no_memory)
{
	for (; assign && *assign; assign++) {
		const char *equals = strchr(*assign, '=');

		if (equals)
			read_single(config, "--set", *assign, (size_t)(equals - *assign),
				equals + 1, mistakes, no_memory);
		else
			gk_buf_printf(mistakes, "--set: %s: KEY=VALUE is expected\n", *assign);
	}
}

/* --- the whole --- */

static gk_config *config_new(void)
{
	gk_config *config = calloc(1, sizeof(*config));

	if (!config)
		return NULL;
	config->values = json_object();
	config->given = json_object();
	config->raw = json_object();
	config->wrong = json_object();
	if (config->values && config->given && config->raw && config->wrong)
		return config;
	gk_config_free(config);
	return NULL;
}

static void read_all(
	gk_config *config, const gk_config_sources *sources, gk_buf *mistakes, bool *no_memory)
{
	gk_config_source fallbacks;

	for (const char *const *file = sources->files; file && *file; file++)
		read_file(config, *file, false, mistakes, no_memory);
	if (!sources->files) {
		read_file(config, gk_path_config, true, mistakes, no_memory);
		read_folder(config, gk_path_config_folder, mistakes, no_memory);
	}
	read_environment(config, mistakes, no_memory);
	read_assignments(config, sources->assign, mistakes, no_memory);
	read_defaults(config, mistakes, no_memory);
	default_address(config, "server.listen", NULL, "PORT", "3400", mistakes, no_memory);
	default_address(config, "reflection.listen", "GENKIT_REFLECTION_HOST",
		"GENKIT_REFLECTION_PORT", "3100", mistakes, no_memory);
	if (sources->is_dev && !gk_config_where(config, "reflection.enabled") &&
		!gk_json_set_bool(config->values, "reflection.enabled", true))
		*no_memory = true;
	gk_config_source_init(&fallbacks, config, mistakes);
	fallbacks.name = "default";
	gk_config_add_fallbacks(&fallbacks);
	gk_config_source_done(&fallbacks);
	*no_memory |= fallbacks.no_memory;
}

gk_code gk_config_load(const gk_config_sources *sources, gk_config **ret, gk_error *err)
{
	gk_auto_buf gk_buf mistakes = GK_BUF_INIT(GK_MAX_ERROR_MESSAGE - 1);
	gk_auto_config gk_config *config = config_new();
	bool no_memory = false;

	if (!config)
		return gk_error_no_memory(err);
	read_all(config, sources, &mistakes, &no_memory);
	if (!no_memory)
		gk_config_check(config, &mistakes);
	if (mistakes.len)
		return gk_error_set(err, GK_INVALID_ARGUMENT, "%.*s", (int)mistakes.len - 1,
			mistakes.data); /* without the last line's end */
	if (no_memory || gk_buf_failed(&mistakes))
		return gk_error_no_memory(err);
	*ret = gk_steal(config);
	return GK_OK;
}

void gk_config_free(gk_config *config)
{
	if (!config)
		return;
	json_decref(config->values);
	json_decref(config->given);
	json_decref(config->raw);
	json_decref(config->wrong);
	free(config);
}

/* --- asking --- */

static json_t *value_of(const gk_config *config, const char *key)
{
	if (!gk_config_find(gk_config_keys, key, strlen(key)))
		abort(); /* a name that is not in the table */
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

json_t *gk_config_list_peek(const gk_config *config, const char *key)
{
	return value_of(config, key);
}

json_t *gk_config_map_peek(const gk_config *config, const char *key)
{
	return value_of(config, key);
}

const char *gk_config_where(const gk_config *config, const char *key)
{
	return json_string_value(json_object_get(config->given, key));
}

bool gk_config_is_same(const gk_config *a, const gk_config *b, const char *key)
{
	json_t *one = value_of(a, key), *other = value_of(b, key);

	return one == other || (one && other && json_equal(one, other));
}

const char *gk_config_entry_where(const json_t *entry)
{
	return json_string_value(json_object_get(entry, GK_ENTRY_WHERE));
}
