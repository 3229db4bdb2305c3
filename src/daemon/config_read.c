/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* What a source says, typed by the table of keys. Mistakes are collected with their place; none stops the walk. */
#include "daemon/config_internal.h"

#include "base/limits.h"
#include "base/parse.h"
#include "base/str.h"
#include "dotprompt/picoschema.h"
#include "json/edit.h"
#include "json/pointer.h"
#include "json/schema.h"

#include <stdarg.h>
#include <stdio.h>

/* --- where the walk is --- */

typedef struct place {
	size_t pointer, label;
} place;

void gk_config_source_init(gk_config_source *source, gk_config *config, gk_buf *mistakes)
{
	*source = (gk_config_source){ .config = config, .mistakes = mistakes };
	gk_buf_puts(&source->pointer, "");
	gk_buf_puts(&source->label, "");
}

void gk_config_source_done(gk_config_source *source)
{
	source->no_memory |= gk_buf_failed(&source->pointer) || gk_buf_failed(&source->label);
	gk_buf_done(&source->pointer);
	gk_buf_done(&source->label);
}

/* Goes down to a member; leave() comes back. */
static place enter(gk_config_source *source, const char *name)
{
	place before = { source->pointer.len, source->label.len };

	gk_buf_putc(&source->pointer, '/');
	gk_json_pointer_escape(&source->pointer, name, strlen(name));
	if (source->label.len)
		gk_buf_putc(&source->label, '.');
	gk_buf_puts(&source->label, name);
	return before;
}

static place enter_index(gk_config_source *source, size_t index)
{
	place before = { source->pointer.len, source->label.len };

	gk_buf_printf(&source->pointer, "/%zu", index);
	gk_buf_printf(&source->label, "[%zu]", index);
	return before;
}

static void leave(gk_config_source *source, place before)
{
	if (gk_buf_failed(&source->pointer) || gk_buf_failed(&source->label))
		return; /* nothing is put there any more */
	source->pointer.len = before.pointer;
	source->pointer.data[before.pointer] = '\0';
	source->label.len = before.label;
	source->label.data[before.label] = '\0';
}

static void put_place(const gk_config_source *source, gk_buf *out)
{
	unsigned line, column;

	gk_buf_puts(out, source->name);
	if (source->doc &&
		gk_yaml_where(source->doc, gk_config_text(&source->pointer), &line, &column))
		gk_buf_printf(out, ":%u:%u", line, column);
}

void gk_config_mistake(gk_config_source *source, const char *format, ...)
{
	gk_auto_str char *text = NULL;
	va_list args;

	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		text = NULL;
	va_end(args);
	source->no_memory |= !text;
	put_place(source, source->mistakes);
	gk_buf_printf(source->mistakes, ": %s\n", text ? text : "?");
}

/* A new value, or a note that memory ran out. */
static json_t *noted(gk_config_source *source, json_t *value)
{
	source->no_memory |= !value;
	return value;
}

static void put(gk_config_source *source, json_t *object, const char *name, json_t *value_take)
{
	if (!gk_json_set_take(object, name, value_take))
		source->no_memory = true;
}

/* --- scalars --- */

static const char *const type_names[GK_CONFIG_TYPES] = {
	[GK_CONFIG_STRING] = "a string",
	[GK_CONFIG_BOOL] = "true or false",
	[GK_CONFIG_UINT] = "a whole number",
	[GK_CONFIG_DURATION] = "a time (250ms, 10s, 5m, 2h, 1d)",
	[GK_CONFIG_SIZE] = "a size (512, 64KiB, 16MiB, 1GiB)",
	[GK_CONFIG_ENUM] = "a choice",
	[GK_CONFIG_STRINGS] = "a string or a list of strings",
	[GK_CONFIG_SECRETS] = "a string or a list of strings",
	[GK_CONFIG_SETTINGS] = "a mapping of names to strings",
	[GK_CONFIG_SCHEMA] = "a schema (text or a mapping)",
	[GK_CONFIG_ENTRIES] = "a list of mappings",
	[GK_CONFIG_MAP] = "a mapping",
};

static bool is_printable(gk_config_type type)
{
	return type != GK_CONFIG_SECRETS && type != GK_CONFIG_SETTINGS && type != GK_CONFIG_MAP;
}

static void put_choices(const gk_config_key *key, gk_buf *out)
{
	for (const char *const *choice = key->choices; *choice; choice++)
		gk_buf_printf(out, "%s%s",
			choice == key->choices ? ""
			: choice[1]            ? ", "
					       : " or ",
			*choice);
}

static void put_limit(const gk_config_key *key, uint64_t limit, gk_buf *out)
{
	unsigned long long n = limit;

	if (key->type == GK_CONFIG_DURATION)
		gk_buf_printf(out, n % 1000 ? "%llums" : "%llus", n % 1000 ? n : n / 1000);
	else
		gk_buf_printf(out, "%llu", n);
}

/* `given` is what was written; NULL: no scalar. */
static void report_type(gk_config_source *source, const gk_config_key *key, const char *given)
{
	gk_auto_buf gk_buf text = GK_BUF_INIT(GK_MAX_LOG_MESSAGE);
	const char *near = key->choices && given ? gk_str_nearest(given, key->choices) : NULL;

	if (given && is_printable(key->type))
		gk_buf_printf(&text, "'%s' is not ", given);
	else
		gk_buf_puts(&text, "this is not ");
	if (key->choices)
		put_choices(key, &text);
	else
		gk_buf_puts(&text, type_names[key->type]);
	if (near)
		gk_buf_printf(&text, " (did you mean '%s'?)", near);
	gk_config_mistake(source, "%s: %s", gk_config_text(&source->label), gk_config_text(&text));
}

static void report_range(gk_config_source *source, const gk_config_key *key, const char *given)
{
	gk_auto_buf gk_buf text = GK_BUF_INIT(GK_MAX_LOG_MESSAGE);

	gk_buf_printf(&text, "%s: %s is not between ", gk_config_text(&source->label), given);
	put_limit(key, key->min, &text);
	gk_buf_puts(&text, " and ");
	put_limit(key, key->max, &text);
	gk_config_mistake(source, "%s", gk_config_text(&text));
}

static json_t *number(
	gk_config_source *source, const gk_config_key *key, const char *text, const char *given)
{
	uint64_t value;
	bool is_one = key->type == GK_CONFIG_UINT       ? gk_parse_u64(text, strlen(text), &value)
		      : key->type == GK_CONFIG_DURATION ? gk_parse_duration_ms(text, &value)
							: gk_parse_size(text, &value);

	if (!is_one) {
		report_type(source, key, given);
		return NULL;
	}
	if (value < key->min || (key->max && value > key->max)) {
		report_range(source, key, given);
		return NULL;
	}
	return noted(source, json_integer((json_int_t)value));
}

static json_t *boolean(
	gk_config_source *source, const gk_config_key *key, const char *text, const char *given)
{
	if (strcmp(text, "true") == 0 || strcmp(text, "false") == 0)
		return json_boolean(*text == 't');
	report_type(source, key, given);
	return NULL;
}

static json_t *choice(
	gk_config_source *source, const gk_config_key *key, const char *text, const char *given)
{
	for (const char *const *one = key->choices; *one; one++)
		if (strcmp(*one, text) == 0)
			return noted(source, json_string(text));
	report_type(source, key, given);
	return NULL;
}

static char *expand(gk_config_source *source, const char *text)
{
	gk_auto_error gk_error err = { 0 };
	char *value = NULL;

	if (gk_config_expand(text, &value, &err) == GK_OK)
		return value;
	gk_config_mistake(source, "%s: %s", gk_config_text(&source->label),
		err.message ? err.message : "out of memory");
	return NULL;
}

static json_t *expanded_string(gk_config_source *source, const char *text)
{
	gk_auto_str char *value = expand(source, text);

	return value ? noted(source, json_string(value)) : NULL;
}

static json_t *scalar(gk_config_source *source, const gk_config_key *key, json_t *value)
{
	const char *given = json_string_value(value);
	gk_auto_str char *text = NULL;

	if (!given) {
		report_type(source, key, NULL);
		return NULL;
	}
	text = expand(source, given);
	if (!text)
		return NULL;
	switch (key->type) {
	case GK_CONFIG_BOOL:
		return boolean(source, key, text, given);
	case GK_CONFIG_ENUM:
		return choice(source, key, text, given);
	case GK_CONFIG_UINT:
	case GK_CONFIG_DURATION:
	case GK_CONFIG_SIZE:
		return number(source, key, text, given);
	default:
		return noted(source, json_string(text));
	}
}

/* --- what is made of several --- */

static json_t *strings(gk_config_source *source, const gk_config_key *key, json_t *value)
{
	gk_auto_json json_t *list = noted(source, json_array());
	bool is_whole = true;
	json_t *item;
	size_t i;

	if (!list)
		return NULL;
	if (json_is_string(value)) {
		json_t *only = expanded_string(source, json_string_value(value));

		return only && gk_json_push_take(list, only) ? gk_steal(list) : NULL;
	}
	if (!json_is_array(value)) {
		report_type(source, key, NULL);
		return NULL;
	}
	json_array_foreach (value, i, item) {
		place before = enter_index(source, i);
		json_t *one = NULL;

		if (json_is_string(item))
			one = expanded_string(source, json_string_value(item));
		else
			gk_config_mistake(
				source, "%s: this is not a string", gk_config_text(&source->label));
		is_whole &= one != NULL;
		if (one && !gk_json_push_take(list, one))
			source->no_memory = true;
		leave(source, before);
	}
	return is_whole ? gk_steal(list) : NULL;
}

/* A copy of somebody else's value in which every string is expanded. */
static json_t *expanded_value(gk_config_source *source, json_t *value)
{
	gk_auto_json json_t *copy = NULL;
	const char *name;
	json_t *item;
	size_t i;

	if (json_is_string(value))
		return expanded_string(source, json_string_value(value));
	if (json_is_array(value)) {
		copy = noted(source, json_array());
		json_array_foreach (value, i, item) {
			place before = enter_index(source, i);
			json_t *one = expanded_value(source, item);

			if (copy && one && !gk_json_push_take(copy, one))
				source->no_memory = true;
			leave(source, before);
		}
		return gk_steal(copy);
	}
	if (!json_is_object(value))
		return json_incref(value);
	copy = noted(source, json_object());
	json_object_foreach (value, name, item) {
		place before = enter(source, name);
		json_t *one = expanded_value(source, item);

		if (copy && one)
			put(source, copy, name, one);
		leave(source, before);
	}
	return gk_steal(copy);
}

static json_t *settings(gk_config_source *source, const gk_config_key *key, json_t *value)
{
	const char *name;
	json_t *item;

	if (!json_is_object(value)) {
		report_type(source, key, NULL);
		return NULL;
	}
	json_object_foreach (value, name, item) {
		place before = enter(source, name);

		if (!json_is_string(item) && !json_is_null(item))
			gk_config_mistake(
				source, "%s: this is not a string", gk_config_text(&source->label));
		else if (!*name || strchr(name, '='))
			gk_config_mistake(source, "%s: '%s' cannot name a variable",
				gk_config_text(&source->label), name);
		leave(source, before);
	}
	return expanded_value(source, value);
}

/* Modules are not loaded yet: whatever name a schema refers to may come to be. */
static json_t *find_unknown(const char *name, void *user)
{
	(void)name;
	return user;
}

/* What is no schema is a mistake here already, not when its action is defined. */
static void check_schema(gk_config_source *source, const json_t *value)
{
	gk_auto_str char *text = NULL;
	gk_auto_json json_t *anything = noted(source, json_object()), *made = NULL;
	gk_auto_error gk_error err = { 0 };
	gk_code rc;

	text = json_is_string(value) ? strdup(json_string_value(value))
				     : gk_json_write(value, NULL);
	if (!text || !anything) {
		source->no_memory = true;
		return;
	}
	rc = gk_schema_from_text(text, find_unknown, anything, &made, &err);
	if (rc == GK_OK)
		rc = gk_schema_check_form(made, &err);
	if (rc != GK_OK)
		gk_config_mistake(source, "%s: %s", gk_config_text(&source->label),
			err.message ? err.message : "out of memory");
}

/* JSON Schema has numbers and booleans, so that YAML types this one. */
static json_t *schema(gk_config_source *source, const gk_config_key *key, json_t *value)
{
	json_t *typed = source->core ? gk_json_pointer_peek(gk_yaml_value_peek(source->core),
					       gk_config_text(&source->pointer))
				     : NULL;

	if (json_is_string(value))
		typed = value;
	if (!json_is_string(value) && !(json_is_object(value) && typed)) {
		report_type(source, key, NULL);
		return NULL;
	}
	check_schema(source, typed);
	return json_incref(typed);
}

/* --- entries --- */

static json_t *typed(gk_config_source *source, const gk_config_key *key, json_t *value);

static void add_fallbacks(
	gk_config_source *source, const gk_config_key *keys, json_t *values, bool is_entry)
{
	for (; keys->name; keys++) {
		gk_auto_json json_t *text = NULL;
		place before;

		if (json_object_get(values, keys->name))
			continue;
		before = enter(source, keys->name);
		if (keys->fallback) {
			text = noted(source, json_string(keys->fallback));
			if (text)
				put(source, values, keys->name, typed(source, keys, text));
		} else if (is_entry && (keys->flags & GK_CONFIG_REQUIRED)) {
			leave(source, before);
			gk_config_mistake(source, "%s: it has no '%s'",
				gk_config_text(&source->label), keys->name);
			continue;
		}
		leave(source, before);
	}
}

static json_t *entry(gk_config_source *source, const gk_config_key *keys, json_t *members)
{
	gk_auto_json json_t *values = noted(source, json_object());
	gk_auto_buf gk_buf where = GK_BUF_INIT(GK_MAX_LOG_MESSAGE);
	const char *name;
	json_t *value;

	if (!values)
		return NULL;
	put_place(source, &where);
	put(source, values, GK_ENTRY_WHERE, json_string(gk_config_text(&where)));
	json_object_foreach (members, name, value) {
		const gk_config_key *key = gk_config_find(keys, name, strlen(name));
		place before = enter(source, name);

		if (!key)
			gk_config_unknown(source);
		else if (!json_is_null(value)) {
			json_t *one = typed(source, key, value);

			/* What was wrong is reported; it is not missing. */
			put(source, values, name, one ? one : json_null());
		}
		leave(source, before);
	}
	add_fallbacks(source, keys, values, true);
	return gk_steal(values);
}

static json_t *entries(gk_config_source *source, const gk_config_key *key, json_t *value)
{
	gk_auto_json json_t *list = noted(source, json_array());
	json_t *item;
	size_t i;

	if (!list)
		return NULL;
	if (!json_is_array(value)) {
		report_type(source, key, NULL);
		return NULL;
	}
	json_array_foreach (value, i, item) {
		place before = enter_index(source, i);
		json_t *one = NULL;

		if (json_is_object(item))
			one = entry(source, key->entries, item);
		else
			gk_config_mistake(source, "%s: this is not a mapping",
				gk_config_text(&source->label));
		if (!gk_json_push_take(list, one ? one : json_null()))
			source->no_memory = true;
		leave(source, before);
	}
	return gk_steal(list);
}

/* The value as its key wants it: a new reference. NULL: a mistake has been reported, or memory ran out. */
static json_t *typed(gk_config_source *source, const gk_config_key *key, json_t *value)
{
	switch (key->type) {
	case GK_CONFIG_STRINGS:
	case GK_CONFIG_SECRETS:
		return strings(source, key, value);
	case GK_CONFIG_SETTINGS:
		return settings(source, key, value);
	case GK_CONFIG_SCHEMA:
		return schema(source, key, value);
	case GK_CONFIG_ENTRIES:
		return entries(source, key, value);
	case GK_CONFIG_MAP:
		if (json_is_object(value))
			return gk_config_checked_map(source, key, expanded_value(source, value));
		report_type(source, key, NULL);
		return NULL;
	default:
		return scalar(source, key, value);
	}
}

/* --- keys and sections --- */

const gk_config_key *gk_config_find(const gk_config_key *keys, const char *name, size_t len)
{
	for (; keys->name; keys++)
		if (strncmp(keys->name, name, len) == 0 && keys->name[len] == '\0')
			return keys;
	return NULL;
}

static bool is_section(const char *name)
{
	size_t len = strlen(name);

	for (const gk_config_key *key = gk_config_keys; key->name; key++)
		if (strncmp(key->name, name, len) == 0 && key->name[len] == '.')
			return true;
	return false;
}

/* What an earlier file gave and what this one adds to it. */
static json_t *joined_take(
	gk_config_source *source, const gk_config_key *key, json_t *before, json_t *now_take)
{
	gk_auto_json json_t *now = now_take, *all = NULL;

	if (key->type == GK_CONFIG_MAP) {
		all = json_deep_copy(before);
		return all && json_object_update_recursive(all, now) == 0 ? gk_steal(all) : NULL;
	}
	if (!(key->flags & GK_CONFIG_ADDS))
		return gk_steal(now);
	all = json_array();
	for (int i = 0; i < 2; i++) {
		json_t *part = i ? now : before;

		if (!json_is_array(part) ? json_array_append(all, part) < 0
					 : json_array_extend(all, part) < 0)
			source->no_memory = true;
	}
	return gk_steal(all);
}

void gk_config_read_value(gk_config_source *source, const gk_config_key *key, json_t *value)
{
	gk_config *config = source->config;
	gk_auto_buf gk_buf where = GK_BUF_INIT(GK_MAX_LOG_MESSAGE);
	json_t *before = json_object_get(config->values, key->name), *now;
	gk_auto_json json_t *raw = NULL;

	if (json_is_null(value)) { /* "listen:" and nothing more: its default */
		json_object_del(config->values, key->name);
		json_object_del(config->given, key->name);
		json_object_del(config->raw, key->name);
		return;
	}
	now = typed(source, key, value);
	if (!now) {
		put(source, config->wrong, key->name, json_true());
		return;
	}
	if (before && !source->replaces) {
		now = joined_take(source, key, before, now);
		value = raw = joined_take(
			source, key, json_object_get(config->raw, key->name), json_incref(value));
	}
	put(source, config->values, key->name, now);
	put_place(source, &where);
	put(source, config->given, key->name, json_string(gk_config_text(&where)));
	put(source, config->raw, key->name, json_incref(value)); /* NULL: memory ran out */
}

void gk_config_read_section(gk_config_source *source, json_t *members)
{
	const char *name;
	json_t *value;

	json_object_foreach (members, name, value) {
		place before = enter(source, name);
		const char *label = gk_config_text(&source->label);
		const gk_config_key *key = gk_config_find(gk_config_keys, label, strlen(label));

		if (strchr(name, '.') && (key || is_section(label)))
			gk_config_mistake(source,
				"unknown key '%s': what follows a dot stands below what is before it",
				label);
		else if (key)
			gk_config_read_value(source, key, value);
		else if (!is_section(label))
			gk_config_unknown(source);
		else if (json_is_object(value))
			gk_config_read_section(source, value);
		else if (!json_is_null(value))
			gk_config_mistake(source, "%s: this is not a mapping of keys", label);
		leave(source, before);
	}
}

void gk_config_add_fallbacks(gk_config_source *source)
{
	add_fallbacks(source, gk_config_keys, source->config->values, false);
}
