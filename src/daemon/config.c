/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Where a configuration comes from: files in order, the environment, --set; and what only makes sense together. */
#include "daemon/config_internal.h"

#include "base/limits.h"
#include "base/parse.h"
#include "base/str.h"
#include "daemon/paths.h"
#include "json/edit.h"
#include "server/address.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include <fcntl.h>

/* --- files --- */

static gk_code read_text(const char *path, gk_buf *text, gk_error *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	ssize_t got = -1;
	char *room;

	if (fd < 0)
		return gk_error_set(err, errno == ENOENT ? GK_NOT_FOUND : GK_UNAVAILABLE, "%s: %s",
			path, strerror(errno));
	while ((room = gk_buf_reserve(text, 4096)) && (got = read(fd, room, 4096)) > 0)
		gk_buf_added(text, (size_t)got);
	if (room && got < 0)
		gk_error_set(err, GK_UNAVAILABLE, "%s: %s", path, strerror(errno));
	else if (!room)
		gk_error_set(err, GK_RESOURCE_EXHAUSTED, "%s: larger than %u MiB", path,
			GK_MAX_CONFIG >> 20);
	close(fd);
	return !room ? GK_RESOURCE_EXHAUSTED : got < 0 ? GK_UNAVAILABLE : GK_OK;
}

static void read_file(
	gk_config *config, const char *path, bool is_optional, gk_buf *mistakes, bool *no_memory)
{
	gk_auto_buf gk_buf text = GK_BUF_INIT(GK_MAX_CONFIG);
	gk_auto_error gk_error err = { 0 };
	gk_auto_yaml gk_yaml *doc = NULL, *core = NULL;
	gk_config_source source;
	gk_code rc = read_text(path, &text, &err);

	if (rc == GK_NOT_FOUND && is_optional)
		return;
	if (rc == GK_OK)
		rc = gk_yaml_parse(text.data, text.len, path, GK_YAML_STRINGS, &doc, &err);
	if (rc == GK_OK)
		rc = gk_yaml_parse(text.data, text.len, path, GK_YAML_CORE, &core, &err);
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

/* --- what only makes sense together --- */

static void check_address(const gk_config *config, const char *key, const char *address,
	bool is_open, const char *remedy, gk_buf *mistakes)
{
	const char *where = gk_config_where(config, key);

	where = where ? where : "default";
	if (!gk_address_is_valid(address))
		gk_buf_printf(mistakes,
			"%s: %s: '%s' is not HOST:PORT, [IPv6]:PORT or unix:/path\n", where, key,
			address);
	else if (!is_open && !gk_address_is_local(address))
		gk_buf_printf(mistakes,
			"%s: %s: other machines can reach %s, and nothing says who may call: %s\n",
			where, key, address, remedy);
}

static void check_addresses(const gk_config *config, gk_buf *mistakes)
{
	const char *auth = gk_config_str(config, "server.auth");
	json_t *item;
	size_t i;

	json_array_foreach (gk_config_list_peek(config, "server.listen"), i, item)
		check_address(config, "server.listen", json_string_value(item), auth != NULL,
			"set server.auth to api_key, or to none if everybody may", mistakes);
	if (gk_config_bool(config, "reflection.enabled"))
		check_address(config, "reflection.listen",
			gk_config_str(config, "reflection.listen"), gk_str_equal(auth, "none"),
			"the reflection API asks for no key; listen on 127.0.0.1, or set server.auth to none if everybody may",
			mistakes);
}

static void check_keys(const gk_config *config, gk_buf *mistakes)
{
	json_t *keys = gk_config_list_peek(config, "server.api_keys"), *item;
	const char *where = gk_config_where(config, "server.api_keys");
	size_t i;

	if (gk_str_equal(gk_config_str(config, "server.auth"), "api_key") && !json_array_size(keys))
		gk_buf_printf(mistakes,
			"%s: server.auth: api_key lets nobody in without server.api_keys\n",
			gk_config_where(config, "server.auth"));
	json_array_foreach (keys, i, item)
		if (json_string_length(item) == 0)
			gk_buf_printf(
				mistakes, "%s: server.api_keys[%zu]: the key is empty\n", where, i);
	if (json_array_size(keys) && !gk_config_str(config, "server.auth"))
		gk_buf_printf(mistakes,
			"%s: server.api_keys: nothing asks for them; set server.auth to api_key\n",
			where);
}

static void check_exec(const gk_config *config, gk_buf *mistakes)
{
	gk_auto_json json_t *seen = json_object();
	json_t *item;
	size_t i;

	json_array_foreach (gk_config_list_peek(config, "exec"), i, item) {
		const char *where = gk_config_entry_where(item);
		const char *type = gk_json_str_peek(item, "type"),
			   *name = gk_json_str_peek(item, "name");
		char key[1024];

		snprintf(key, sizeof(key), "/%s/%s", type, name);
		if (json_object_get(seen, key))
			gk_buf_printf(mistakes, "%s: exec[%zu]: there is another %s '%s' at %s\n",
				where, i, type, name, gk_json_str_peek(seen, key));
		else if (!gk_json_set_str(seen, key, where))
			return;
		if (!json_array_size(json_object_get(item, "command")) ||
			!json_string_length(json_array_get(json_object_get(item, "command"), 0)))
			gk_buf_printf(mistakes, "%s: exec[%zu].command: it is empty\n", where, i);
		if (gk_str_equal(type, "tool") && !gk_json_str_peek(item, "description"))
			gk_buf_printf(mistakes,
				"%s: exec[%zu]: a tool needs a description: the model reads it\n",
				where, i);
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
	if (config->values && config->given && config->raw)
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
	if (!mistakes.len && !no_memory) {
		check_addresses(config, &mistakes);
		check_keys(config, &mistakes);
		check_exec(config, &mistakes);
	}
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
