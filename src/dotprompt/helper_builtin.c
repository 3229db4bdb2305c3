/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* The helpers of Handlebars: if unless each with lookup log; and sections, which are like helpers. */
#include "dotprompt/helper_builtin.h"

#include "dotprompt/text.h"
#include "json/edit.h"

static gk_code wrong(gk_error *err, const char *message)
{
	return gk_error_set(err, GK_INVALID_ARGUMENT, "%s", message);
}

static gk_code needs_body(const gk_helper_call *call, gk_error *err)
{
	return call->is_block ? GK_OK
			      : gk_error_set(err, GK_INVALID_ARGUMENT, "%s needs a body",
					gk_helper_name_peek(call));
}

/* The body, or what stands behind {{else}}, in the context of the call. */
static gk_code choose(gk_helper_call *call, bool takes_body)
{
	return gk_render_call_body(
		call, takes_body ? call->body : call->inverse, call->this_value, NULL, NULL, 0);
}

/* The one argument, as JavaScript sees it. */
static gk_code settle(gk_helper_call *call)
{
	return gk_render_block_value(call->render, call->frame, &call->args[0]);
}

/* --- if, unless --- */

static bool holds(const gk_helper_call *call)
{
	const json_t *value = call->args[0];

	if (gk_value_is_empty(value))
		return false;
	return gk_value_is_truthy(value) || json_is_array(value) ||
	       gk_value_is_truthy(gk_helper_hash_peek(call, "includeZero"));
}

static gk_code run_if(gk_helper_call *call, gk_error *err)
{
	gk_code rc;

	if (call->call->n_params != 1)
		return wrong(err, "#if requires exactly one argument");
	rc = call->is_block ? settle(call) : needs_body(call, err);
	return rc == GK_OK ? choose(call, holds(call)) : rc;
}

static gk_code run_unless(gk_helper_call *call, gk_error *err)
{
	gk_code rc;

	if (call->call->n_params != 1)
		return wrong(err, "#unless requires exactly one argument");
	rc = call->is_block ? settle(call) : needs_body(call, err);
	return rc == GK_OK ? choose(call, !holds(call)) : rc;
}

/* --- with --- */

static gk_code run_with(gk_helper_call *call, gk_error *err)
{
	gk_code rc;

	if (call->call->n_params != 1)
		return wrong(err, "#with requires exactly one argument");
	rc = needs_body(call, err);
	if (rc == GK_OK)
		rc = settle(call);
	if (rc != GK_OK)
		return rc;
	if (gk_value_is_empty(call->args[0]))
		return choose(call, false);
	return gk_render_call_body(call, call->body, call->args[0], NULL, call->args, 1);
}

/* --- each --- */

static gk_code each_once(gk_helper_call *call, gk_data *data, json_t *value, json_t *key)
{
	json_t *params[] = { value, key };
	gk_code rc = gk_render_step(call->render, 1);

	if (rc == GK_OK && !key && call->body && call->body->n_params > 1)
		rc = gk_render_keep_take(
			call->render, json_integer((json_int_t)data->index), &params[1]);
	return rc == GK_OK ? gk_render_call_body(call, call->body, value, data, params, 2) : rc;
}

static gk_code each_element(gk_helper_call *call, const json_t *array)
{
	gk_data data = { .up = call->frame->data, .kind = GK_DATA_EACH };
	size_t count = json_array_size(array);
	gk_code rc = GK_OK;

	for (size_t i = 0; i < count && rc == GK_OK; i++) {
		data.index = i;
		data.is_last = i + 1 == count;
		rc = each_once(call, &data, json_array_get(array, i), NULL);
	}
	return rc;
}

static gk_code each_member(gk_helper_call *call, json_t *object)
{
	gk_data data = { .up = call->frame->data, .kind = GK_DATA_EACH };
	gk_auto_json json_t *ordered = gk_json_js_order(object);
	size_t count = json_object_size(object);
	gk_code rc = GK_OK;

	if (!ordered)
		return gk_error_no_memory(call->render->err);
	for (void *i = json_object_iter(ordered); i && rc == GK_OK;
		i = json_object_iter_next(ordered, i)) {
		rc = gk_render_keep_take(call->render,
			json_stringn_nocheck(json_object_iter_key(i), json_object_iter_key_len(i)),
			&data.object);
		data.is_last = data.index + 1 == count;
		if (rc == GK_OK)
			rc = each_once(call, &data, json_object_iter_value(i), data.object);
		data.index++;
	}
	return rc;
}

gk_code gk_render_each(gk_helper_call *call, json_t *value)
{
	if (json_array_size(value) > 0)
		return each_element(call, value);
	if (json_object_size(value) > 0)
		return each_member(call, value);
	return choose(call, false);
}

static gk_code run_each(gk_helper_call *call, gk_error *err)
{
	gk_code rc;

	/* JavaScript finds a second argument where it looks for the call's options */
	if (call->call->n_params == 0 ||
		(call->call->n_params > 1 && !gk_value_is_truthy(call->args[1])))
		return wrong(err, "Must pass iterator to #each");
	if (call->call->n_params > 1)
		return wrong(err, "each takes one argument");
	rc = needs_body(call, err);
	if (rc == GK_OK)
		rc = settle(call);
	return rc == GK_OK ? gk_render_each(call, call->args[0]) : rc;
}

/* --- sections --- */

gk_code gk_render_section(gk_helper_call *call, json_t *value)
{
	if (json_is_true(value))
		return choose(call, true);
	if (!value || json_is_null(value) || json_is_false(value))
		return choose(call, false);
	if (json_is_array(value))
		return gk_render_each(call, value);
	return gk_render_call_body(call, call->body, value, NULL, NULL, 0);
}

/* --- lookup --- */

static gk_code run_lookup(gk_helper_call *call, gk_error *err)
{
	json_t *value = gk_helper_arg_peek(call, 0);
	gk_auto_str char *name = NULL;
	size_t len;
	gk_code rc = GK_OK;

	/* one that holds nothing is given back before JavaScript misses the other */
	if (call->call->n_params == 0 || (call->call->n_params != 2 && gk_value_is_truthy(value)))
		return wrong(err, "lookup requires two arguments");
	if (gk_value_is_truthy(value)) {
		name = gk_helper_arg_text(call, 1, &len);
		if (!name)
			return gk_error_no_memory(err);
		rc = gk_value_member(call->render, value, name, len, &value);
	}
	call->result = value;
	call->has_result = true;
	return rc;
}

/* --- log --- */

static const char *const levels[] = { "debug", "info", "warn", "error" };

static bool names_level(const json_t *value, size_t level)
{
	if (json_is_string(value))
		return strcasecmp(json_string_value(value), levels[level]) == 0;
	return json_is_number(value) && json_number_value(value) == (double)level;
}

/* The level that the call or the variables name; below "info" nothing is written. */
static const char *log_level(gk_helper_call *call)
{
	json_t *level = gk_helper_hash_peek(call, "level");

	if (!level || json_is_null(level))
		level = gk_helper_data_peek(call, "level");
	if (!level || json_is_null(level))
		return "info";
	for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++)
		if (names_level(level, i))
			return i > 0 ? levels[i] : NULL;
	return NULL;
}

static gk_code run_log(gk_helper_call *call, gk_error *err)
{
	const char *level = log_level(call);
	gk_auto_buf gk_buf text = GK_BUF_INIT(0);

	call->has_result = true;
	if (!level || !call->render->input->log)
		return GK_OK;
	for (unsigned i = 0; i < call->call->n_params; i++) {
		if (i > 0)
			gk_buf_putc(&text, ' ');
		gk_text_put_value(&text, call->args[i]);
	}
	gk_buf_put(&text, "", 0);
	if (gk_buf_failed(&text))
		return gk_error_no_memory(err);
	call->render->input->log(level, text.data, call->render->input->user);
	return GK_OK;
}

/* --- the table --- */

static gk_code run_missing(gk_helper_call *call, gk_error *err)
{
	return gk_error_set(err, GK_INVALID_ARGUMENT, "%s cannot be called from a template",
		gk_helper_name_peek(call));
}

gk_engine_helper *gk_builtin_helper_peek(const char *name)
{
	static gk_engine_helper helpers[] = {
		{ .name = "if", .run = run_if },
		{ .name = "unless", .run = run_unless },
		{ .name = "each", .run = run_each },
		{ .name = "with", .run = run_with },
		{ .name = "lookup", .run = run_lookup },
		{ .name = "log", .run = run_log },
		{ .name = "role", .run = gk_helper_role },
		{ .name = "history", .run = gk_helper_history },
		{ .name = "section", .run = gk_helper_section },
		{ .name = "media", .run = gk_helper_media },
		{ .name = "json", .run = gk_helper_json },
		{ .name = "ifEquals", .run = gk_helper_if_equals },
		{ .name = "unlessEquals", .run = gk_helper_unless_equals },
		{ .name = "helperMissing", .run = run_missing },
		{ .name = "blockHelperMissing", .run = run_missing },
	};

	for (size_t i = 0; i < sizeof(helpers) / sizeof(helpers[0]); i++)
		if (strcmp(helpers[i].name, name) == 0)
			return &helpers[i];
	return NULL;
}
