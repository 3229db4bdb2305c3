/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Formats: defined, looked up, asked to read (formats sections 1 and 2). */
#include "ai/format.h"

#include "ai/parts.h"
#include "base/limits.h"
#include "base/str.h"
#include "base/table.h"
#include "core/app.h"
#include "core/define.h"
#include "json/edit.h"

struct gk_output_format {
	unsigned refs;
	char *name;
	json_t *config;
	char *instructions_text;
	gk_format_opts
		opts; /* its functions and `user`; what it points to beside them is not ours */
};

/* --- lifetime --- */

gk_output_format *gk_format_ref(gk_output_format *format)
{
	if (format)
		format->refs++;
	return format;
}

gk_output_format *gk_format_unref(gk_output_format *format)
{
	if (!format || --format->refs)
		return NULL;
	if (format->opts.free_user)
		format->opts.free_user(format->opts.user);
	json_decref(format->config);
	free(format->instructions_text);
	free(format->name);
	free(format);
	return NULL;
}

static void unref_format(void *it)
{
	gk_format_unref(it);
}

static json_t *config_of(const gk_format_opts *opts, json_t *schema)
{
	gk_auto_json json_t *config = json_object();

	if ((opts->format && !gk_json_set_str(config, "format", opts->format)) ||
		(opts->content_type &&
			!gk_json_set_str(config, "contentType", opts->content_type)) ||
		(opts->constrained != GK_UNSAID &&
			!gk_json_set_bool(config, "constrained", opts->constrained == GK_YES)) ||
		(schema && !gk_json_set(config, "schema", schema)) ||
		(opts->no_default_instructions &&
			!gk_json_set_bool(config, "defaultInstructions", false)))
		return NULL;
	return gk_steal(config);
}

/* Until it is complete, `user` is the caller's. */
static gk_output_format *new_format(const gk_format_opts *opts, json_t *schema)
{
	gk_output_format *format = calloc(1, sizeof(*format));

	if (!format)
		return NULL;
	format->refs = 1;
	format->name = strdup(opts->name);
	format->config = config_of(opts, schema);
	if (opts->instructions_text)
		format->instructions_text = strdup(opts->instructions_text);
	if (format->name && format->config &&
		(!opts->instructions_text || format->instructions_text)) {
		format->opts = *opts;
		return format;
	}
	return gk_format_unref(format);
}

/* --- the table --- */

static void *make_table(void)
{
	gk_table *formats = gk_table_new(unref_format);

	for (const gk_format_opts *row = gk_format_builtins; formats && row->name; row++) {
		gk_output_format *format = new_format(row, NULL);

		if (format && gk_table_set(formats, row->name, format))
			continue;
		gk_format_unref(format);
		gk_table_free(formats);
		formats = NULL;
	}
	return formats;
}

static void free_table(void *formats)
{
	gk_table_free(formats);
}

static gk_table *formats_of(gk_app *app)
{
	static const gk_app_slot slot = { make_table, free_table };

	return gk_app_slot_peek(app, &slot);
}

gk_code gk_define_format(gk_app *app, const gk_format_opts *opts, gk_error *err)
{
	gk_auto_json json_t *schema = json_incref(opts->schema_json);
	gk_table *formats = formats_of(app);
	gk_output_format *format = NULL;
	gk_code rc = GK_OK;

	if (!opts->name || !*opts->name)
		return gk_error_set(err, GK_INVALID_ARGUMENT, "a format needs a name");
	if (!opts->parse_message)
		return gk_error_set(err, GK_INVALID_ARGUMENT,
			"format %s needs a function that reads a message", opts->name);
	if (!schema && opts->schema)
		rc = gk_schema_text_to_json(app, opts->schema, &schema, err);
	if (rc != GK_OK) {
		gk_error_prefix(err, "format %s: ", opts->name);
		return rc;
	}
	if (formats)
		format = new_format(opts, schema);
	if (!format)
		return gk_error_no_memory(err);
	if (gk_table_set(formats, opts->name, format))
		return GK_OK;
	format->opts.free_user = NULL;
	gk_format_unref(format);
	return gk_error_no_memory(err);
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* "Unknown output format 'x'. Known formats: array, enum, ..." */
static gk_code unknown(const gk_table *formats, const char *name, gk_error *err)
{
	size_t count = gk_table_count(formats), i = 0;
	const char **names = calloc(count, sizeof(*names));
	gk_auto_buf gk_buf list = GK_BUF_INIT(GK_MAX_ERROR_MESSAGE);

	if (!names)
		return gk_error_no_memory(err);
	gk_table_foreach (formats, entry)
		names[i++] = gk_table_entry_name(entry);
	qsort(names, count, sizeof(*names), compare_names);
	for (i = 0; i < count; i++)
		gk_buf_printf(&list, "%s%s", i ? ", " : "", names[i]);
	free(names);
	return gk_error_set(err, GK_INVALID_ARGUMENT,
		"Unknown output format '%s'. Known formats: %s.", name, list.len ? list.data : "");
}

gk_code gk_format_lookup(gk_app *app, const char *name, gk_output_format **ret, gk_error *err)
{
	gk_table *formats = formats_of(app);
	gk_output_format *format = NULL;

	if (!formats)
		return gk_error_no_memory(err);
	if (name && *name) {
		format = gk_table_get(formats, name);
		if (!format)
			return unknown(formats, name, err);
	}
	*ret = gk_format_ref(format);
	return GK_OK;
}

gk_code gk_format_of_output(
	gk_app *app, const json_t *output, gk_output_format **ret, gk_error *err)
{
	const char *name = json_string_value(gk_json_peek(output, "format"));

	if ((!name || !*name) && gk_json_is_truthy(gk_json_peek(output, "jsonSchema")))
		name = "json";
	return gk_format_lookup(app, name, ret, err);
}

const char *gk_format_name(const gk_output_format *format)
{
	return format->name;
}

json_t *gk_format_config_peek(const gk_output_format *format)
{
	return format->config;
}

/* --- what it does --- */

/* The schema is looked at before anything is done with it. One that is null is none. */
static gk_code begin_use(
	const gk_output_format *format, json_t *schema, gk_format_use *ret, gk_error *err)
{
	*ret = (gk_format_use){ .schema = gk_json_is_truthy(schema) ? schema : NULL,
		.user = format->opts.user };
	return ret->schema && format->opts.check_schema ? format->opts.check_schema(ret, err)
							: GK_OK;
}

gk_code gk_format_check(const gk_output_format *format, json_t *schema, gk_error *err)
{
	gk_format_use use;

	return begin_use(format, schema, &use, err);
}

gk_code gk_format_instruct(
	const gk_output_format *format, json_t *schema, char **ret, gk_error *err)
{
	gk_format_use use;
	char *text = NULL;
	gk_code rc = begin_use(format, schema, &use, err);

	if (rc != GK_OK)
		return rc;
	if (format->opts.instructions) {
		rc = format->opts.instructions(&use, &text, err);
	} else if (format->instructions_text) {
		text = strdup(format->instructions_text);
		rc = text ? GK_OK : gk_error_no_memory(err);
	}
	if (rc == GK_OK)
		*ret = text;
	else
		free(text);
	return rc;
}

gk_code gk_format_read(const gk_output_format *format, json_t *schema, const json_t *message,
	json_t **ret, gk_error *err)
{
	gk_auto_json json_t *value = NULL;
	gk_format_use use;
	gk_code rc = begin_use(format, schema, &use, err);

	if (rc == GK_OK)
		rc = format->opts.parse_message(&use, message, &value, err);
	if (rc == GK_OK)
		*ret = gk_steal(value);
	return rc;
}

gk_code gk_format_output(const gk_output_format *format, json_t *schema, const json_t *message,
	json_t **ret, gk_error *err)
{
	gk_auto_buf gk_buf text = GK_BUF_INIT(0);
	gk_auto_json json_t *parsed = NULL;
	gk_code rc = format ? gk_format_read(format, schema, message, &parsed, err) : GK_OK;

	if (rc != GK_OK)
		return rc;
	if (!gk_json_is_truthy(parsed))
		gk_parts_append(&text, message, "text");
	if (gk_buf_failed(&text))
		return gk_error_no_memory(err);
	return gk_parts_output(message, parsed, text.data, text.len, ret, err);
}

/* --- the chunks of a turn --- */

void gk_format_turn_init(gk_format_turn *turn, gk_output_format *format, json_t *schema)
{
	*turn = (gk_format_turn){ .format = gk_format_ref(format), .schema = json_incref(schema) };
}

void gk_format_turn_read_as(gk_format_turn *turn, gk_output_format *format, json_t *schema)
{
	turn->format = gk_format_ref(format);
	json_decref(turn->schema);
	turn->schema = json_incref(schema);
}

void gk_format_turn_done(gk_format_turn *turn)
{
	if (turn->state && turn->format->opts.state_done)
		turn->format->opts.state_done(turn->state);
	free(turn->state);
	gk_format_unref(turn->format);
	json_decref(turn->schema);
	json_decref(turn->chunk);
	json_decref(turn->parsed);
	gk_buf_done(&turn->text);
}

static gk_code parse_chunk(gk_format_turn *turn, gk_error *err)
{
	const gk_format_opts *opts = &turn->format->opts;
	gk_format_chunk chunk = { .chunk = turn->chunk,
		.text = turn->text.data + turn->before,
		.text_len = turn->text.len - turn->before,
		.so_far = turn->text.data,
		.so_far_len = turn->text.len };
	gk_format_use use;
	gk_code rc = begin_use(turn->format, turn->schema, &use, err);

	if (rc == GK_OK && opts->state_size && !turn->state) {
		turn->state = calloc(1, opts->state_size);
		if (!turn->state)
			return gk_error_no_memory(err);
	}
	chunk.state = turn->state;
	if (rc == GK_OK)
		rc = opts->parse_chunk(&use, &chunk, &turn->parsed, err);
	turn->is_parsed = rc == GK_OK;
	return rc;
}

gk_code gk_format_turn_add(gk_format_turn *turn, json_t *chunk, gk_error *err)
{
	turn->before = turn->text.len;
	gk_buf_puts(&turn->text, "");
	gk_parts_append(&turn->text, chunk, "text");
	if (gk_buf_failed(&turn->text))
		return gk_error_no_memory(err);
	json_decref(turn->chunk);
	turn->chunk = json_incref(chunk);
	json_decref(turn->parsed);
	turn->parsed = NULL;
	turn->is_parsed = !turn->format || !turn->format->opts.parse_chunk;
	if (turn->is_parsed || !turn->format->opts.state_size || turn->format->opts.may_skip_chunks)
		return GK_OK;
	return parse_chunk(turn, err);
}

gk_code gk_format_turn_output(gk_format_turn *turn, json_t **ret, gk_error *err)
{
	gk_code rc = turn->is_parsed || !turn->chunk ? GK_OK : parse_chunk(turn, err);

	if (rc != GK_OK)
		return rc;
	return gk_parts_output(
		turn->chunk, turn->parsed, turn->text.data, turn->text.len, ret, err);
}

/* --- by name --- */

gk_code gk_format_config(gk_app *app, const char *name, json_t **ret, gk_error *err)
{
	gk_output_format *format = NULL;
	gk_code rc = gk_format_lookup(app, name ? name : "", &format, err);
	json_t *copy;

	if (rc != GK_OK)
		return rc;
	copy = format ? json_deep_copy(format->config) : json_object();
	gk_format_unref(format);
	if (!copy)
		return gk_error_no_memory(err);
	*ret = copy;
	return GK_OK;
}

gk_code gk_format_instructions(
	gk_app *app, const char *name, json_t *schema, char **ret, gk_error *err)
{
	gk_output_format *format = NULL;
	char *text = NULL;
	gk_code rc = gk_format_lookup(app, name, &format, err);

	if (rc == GK_OK && format)
		rc = gk_format_instruct(format, schema, &text, err);
	gk_format_unref(format);
	if (rc == GK_OK)
		*ret = text;
	return rc;
}

gk_code gk_format_parse_message(gk_app *app, const char *name, json_t *schema,
	const json_t *message, json_t **ret, gk_error *err)
{
	gk_output_format *format = NULL;
	gk_code rc = gk_format_lookup(app, name, &format, err);

	if (rc == GK_OK && format)
		rc = gk_format_read(format, schema, message, ret, err);
	else if (rc == GK_OK)
		rc = gk_format_output(NULL, NULL, message, ret, err);
	gk_format_unref(format);
	return rc;
}
