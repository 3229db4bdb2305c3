/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* What only makes sense together: addresses and who may call, keys and what asks for them, one executable and another. */
#include "daemon/config_internal.h"

#include "base/str.h"
#include "json/edit.h"
#include "server/address.h"

#include <stdio.h>

/* Nothing follows from what is wrong already. */
static bool is_wrong(const gk_config *config, const char *key)
{
	return json_object_get(config->wrong, key) != NULL;
}

static const char *where_or_default(const gk_config *config, const char *key)
{
	const char *where = gk_config_where(config, key);

	return where ? where : "default";
}

/* --- addresses --- */

/* What ${...} stands for is not shown. */
static const char *as_written(const gk_config *config, const char *key, size_t i)
{
	const json_t *raw = json_object_get(config->raw, key), *item = json_array_get(raw, i);

	return json_string_value(item ? item : raw);
}

static void check_address(const gk_config *config, const char *key, const char *address,
	const char *written, bool is_open, const char *remedy, gk_buf *mistakes)
{
	const char *where = where_or_default(config, key);

	written = written ? written : address;
	if (!gk_address_is_valid(address))
		gk_buf_printf(mistakes,
			"%s: %s: '%s' is not HOST:PORT, [IPv6]:PORT or unix:/path\n", where, key,
			written);
	else if (!is_open && !gk_address_is_local(address))
		gk_buf_printf(mistakes,
			"%s: %s: other machines can reach %s, and nothing says who may call: %s\n",
			where, key, written, remedy);
}

static void check_addresses(const gk_config *config, gk_buf *mistakes)
{
	const char *auth = gk_config_str(config, "server.auth");
	bool is_unknown = is_wrong(config, "server.auth");
	json_t *item;
	size_t i;

	json_array_foreach (gk_config_list_peek(config, "server.listen"), i, item)
		check_address(config, "server.listen", json_string_value(item),
			as_written(config, "server.listen", i), auth || is_unknown,
			"set server.auth to api_key, or to none if everybody may", mistakes);
	if (gk_config_bool(config, "reflection.enabled"))
		check_address(config, "reflection.listen",
			gk_config_str(config, "reflection.listen"),
			as_written(config, "reflection.listen", 0),
			gk_str_equal(auth, "none") || is_unknown,
			"the reflection API asks for no key; listen on 127.0.0.1, or set server.auth to none if everybody may",
			mistakes);
}

static void check_keys(const gk_config *config, gk_buf *mistakes)
{
	json_t *keys = gk_config_list_peek(config, "server.api_keys"), *item;
	const char *where = where_or_default(config, "server.api_keys");
	const char *auth = gk_config_str(config, "server.auth");
	size_t i;

	if (gk_str_equal(auth, "api_key") && !json_array_size(keys) &&
		!is_wrong(config, "server.api_keys"))
		gk_buf_printf(mistakes,
			"%s: server.auth: api_key lets nobody in without server.api_keys\n",
			where_or_default(config, "server.auth"));
	json_array_foreach (keys, i, item)
		if (json_string_length(item) == 0)
			gk_buf_printf(
				mistakes, "%s: server.api_keys[%zu]: the key is empty\n", where, i);
	if (json_array_size(keys) && !auth && !is_wrong(config, "server.auth"))
		gk_buf_printf(mistakes,
			"%s: server.api_keys: nothing asks for them; set server.auth to api_key\n",
			where);
}

/* --- executables --- */

/* `seen`: {key: place} of those before it. What is wrong in an entry, or missing, is null in it or not there. */
static void check_name(json_t *entry, size_t i, json_t *seen, gk_buf *mistakes)
{
	const char *where = gk_config_entry_where(entry);
	const char *type = gk_json_str_peek(entry, "type"), *name = gk_json_str_peek(entry, "name");
	gk_auto_str char *key = NULL;
	const char *other;

	if (!type || !name || asprintf(&key, "/%s/%s", type, name) < 0) {
		key = NULL;
		return;
	}
	other = json_string_value(json_object_get(seen, key));
	if (other)
		gk_buf_printf(mistakes, "%s: exec[%zu]: there is another %s '%s' at %s\n", where, i,
			type, name, other);
	else
		json_object_set_new(seen, key, json_string(where));
}

static void check_exec(const gk_config *config, gk_buf *mistakes)
{
	gk_auto_json json_t *seen = json_object();
	json_t *entry;
	size_t i;

	json_array_foreach (gk_config_list_peek(config, "exec"), i, entry) {
		json_t *command = json_object_get(entry, "command");
		const char *where = gk_config_entry_where(entry);

		check_name(entry, i, seen, mistakes);
		if (json_is_array(command) && !json_string_length(json_array_get(command, 0)))
			gk_buf_printf(mistakes, "%s: exec[%zu].command: it is empty\n", where, i);
		if (gk_str_equal(gk_json_str_peek(entry, "type"), "tool") &&
			!json_object_get(entry, "description"))
			gk_buf_printf(mistakes,
				"%s: exec[%zu]: a tool needs a description: the model reads it\n",
				where, i);
	}
}

void gk_config_check(const gk_config *config, gk_buf *mistakes)
{
	check_addresses(config, mistakes);
	check_keys(config, mistakes);
	check_exec(config, mistakes);
}
