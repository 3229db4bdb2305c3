/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* The catalogue of test helpers in the vectors' README. Several are called in a form they are not made for on purpose. */
#include "handlebars.h"

#include "dotprompt/text.h"

#include <stdio.h>

static gk_code write_text(gk_helper_call *call, const char *text, gk_error *err)
{
	return gk_helper_write(call, text, strlen(text), err);
}

static gk_code upper(gk_helper_call *call, gk_error *err)
{
	size_t len;
	gk_auto_str char *text = gk_helper_arg_text(call, 0, &len);

	for (size_t i = 0; i < len; i++)
		if (text[i] >= 'a' && text[i] <= 'z')
			text[i] = (char)(text[i] - 'a' + 'A');
	return gk_helper_write(call, text, len, err);
}

static gk_code join(gk_helper_call *call, gk_error *err)
{
	gk_code rc = write_text(call, "", err);

	for (size_t i = 0; i < gk_helper_count(call) && rc == GK_OK; i++) {
		size_t len;
		gk_auto_str char *text = gk_helper_arg_text(call, i, &len);

		if (i > 0)
			rc = write_text(call, "|", err);
		if (rc == GK_OK)
			rc = gk_helper_write(call, text, len, err);
	}
	return rc;
}

static gk_code add(gk_helper_call *call, gk_error *err)
{
	return gk_helper_return_take(call,
		json_real(json_number_value(gk_helper_arg_peek(call, 0)) +
			  json_number_value(gk_helper_arg_peek(call, 1))),
		err);
}

static gk_code argc(gk_helper_call *call, gk_error *err)
{
	return gk_helper_return_take(call, json_integer((json_int_t)gk_helper_count(call)), err);
}

static gk_code kind(gk_helper_call *call, gk_error *err)
{
	static const char *const names[] = { "object", "array", "string", "number", "number",
		"boolean", "boolean", "null" };
	json_t *value = gk_helper_arg_peek(call, 0);

	if (gk_helper_count(call) == 0)
		return write_text(call, "object", err);
	return write_text(call, value ? names[json_typeof(value)] : "undefined", err);
}

typedef struct pair {
	char *name, *value;
} pair;

static int compare_pairs(const void *a, const void *b)
{
	return strcmp(((const pair *)a)->name, ((const pair *)b)->name);
}

/* Of pairs with one name the first counts. */
static bool is_known(const pair *pairs, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(pairs[i].name, pairs[count].name) == 0)
			return true;
	return false;
}

static char *text_of(const json_t *value)
{
	gk_buf text = GK_BUF_INIT(0);

	gk_text_put_value(&text, value);
	return gk_buf_take(&text, NULL);
}

static gk_code hash(gk_helper_call *call, gk_error *err)
{
	pair pairs[20];
	const char *name;
	json_t *value;
	size_t len, count = 0;
	gk_code rc = write_text(call, "", err);

	for (size_t i = 0; count < 20 && gk_helper_hash_at(call, i, &name, &len, &value); i++) {
		pairs[count].name = strndup(name, len);
		if (is_known(pairs, count))
			free(pairs[count].name);
		else
			pairs[count++].value = text_of(value);
	}
	qsort(pairs, count, sizeof(pairs[0]), compare_pairs);
	for (size_t i = 0; i < count; i++) {
		if (rc == GK_OK && i > 0)
			rc = write_text(call, ";", err);
		if (rc == GK_OK)
			rc = write_text(call, pairs[i].name, err);
		if (rc == GK_OK)
			rc = write_text(call, "=", err);
		if (rc == GK_OK)
			rc = write_text(call, pairs[i].value, err);
		free(pairs[i].name);
		free(pairs[i].value);
	}
	return rc;
}

static gk_code nm(gk_helper_call *call, gk_error *err)
{
	return write_text(call, gk_helper_name_peek(call), err);
}

static gk_code safe(gk_helper_call *call, gk_error *err)
{
	size_t len;
	gk_auto_str char *text = gk_helper_arg_text(call, 0, &len);

	return gk_helper_write_safe(call, text, len, err);
}

static gk_code eq(gk_helper_call *call, gk_error *err)
{
	json_t *a = gk_helper_arg_peek(call, 0), *b = gk_helper_arg_peek(call, 1);
	bool is_deep = json_is_object(a) || json_is_array(a);

	if (gk_helper_count(call) <
		2) /* the call's options are its last argument, equal to nothing */
		return gk_helper_return_take(call, json_false(), err);
	return gk_helper_return_take(
		call, json_boolean(a == b || (!is_deep && a && b && conformance_equal(a, b))), err);
}

static gk_code not(gk_helper_call * call, gk_error *err)
{
	json_t *value = gk_helper_arg_peek(call, 0);
	bool is_false = (!value && gk_helper_count(call) > 0) || json_is_null(value) ||
			json_is_false(value) ||
			(json_is_number(value) && json_number_value(value) == 0) ||
			(json_is_string(value) && json_string_length(value) == 0);

	return gk_helper_return_take(call, json_boolean(is_false), err);
}

static gk_code nothing(gk_helper_call *call, gk_error *err)
{
	return gk_helper_return_take(call, NULL, err);
}

static gk_code nul(gk_helper_call *call, gk_error *err)
{
	return gk_helper_return_take(call, json_null(), err);
}

static gk_code fail(gk_helper_call *call, gk_error *err)
{
	(void)call;
	return gk_error_set_plain(err, "boom");
}

/* A body between two texts. */
static gk_code around(gk_helper_call *call, const char *before, const gk_helper_body_opts *opts,
	const char *after, gk_error *err)
{
	gk_code rc = write_text(call, before, err);

	if (rc == GK_OK)
		rc = gk_helper_body(call, opts, err);
	return rc == GK_OK ? write_text(call, after, err) : rc;
}

static gk_code wrap(gk_helper_call *call, gk_error *err)
{
	return around(call, "<", NULL, ">", err);
}

static gk_code both(gk_helper_call *call, gk_error *err)
{
	gk_code rc = around(call, "[", NULL, "/", err);

	if (rc == GK_OK)
		rc = gk_helper_inverse(call, NULL, err);
	return rc == GK_OK ? write_text(call, "]", err) : rc;
}

static gk_code using(gk_helper_call *call, gk_error *err)
{
	json_t *context = gk_helper_arg_peek(call, 0);

	return gk_helper_body(call,
		GK_OPTS(gk_helper_body_opts, .context = context, .is_undefined = !context), err);
}

static gk_code twice(gk_helper_call *call, gk_error *err)
{
	gk_auto_str char *text = NULL;
	size_t len;
	gk_code rc = gk_helper_body_text(call, NULL, &text, &len, err);

	if (rc == GK_OK)
		rc = gk_helper_write(call, text, len, err);
	return rc == GK_OK ? gk_helper_body(call, NULL, err) : rc;
}

static gk_code pair_of(gk_helper_call *call, gk_error *err)
{
	json_t *params[] = { gk_helper_arg_peek(call, 0), gk_helper_arg_peek(call, 1) };

	return gk_helper_body(
		call, GK_OPTS(gk_helper_body_opts, .params = params, .n_params = 2), err);
}

static gk_code setd(gk_helper_call *call, gk_error *err)
{
	gk_auto_json json_t *data = json_object();
	gk_auto_str char *name = gk_helper_arg_text(call, 0, NULL);

	json_object_set(data, name, gk_helper_arg_peek(call, 1));
	return gk_helper_body(call, GK_OPTS(gk_helper_body_opts, .data = data), err);
}

static gk_code isblock(gk_helper_call *call, gk_error *err)
{
	return write_text(call, gk_helper_is_block(call) ? "block" : "inline", err);
}

static gk_code arr(gk_helper_call *call, gk_error *err)
{
	json_t *array = json_array();

	for (size_t i = 0; i < gk_helper_count(call); i++) {
		json_t *value = gk_helper_arg_peek(call, i);

		json_array_append_new(array, value ? json_incref(value) : json_null());
	}
	return gk_helper_return_take(call, array, err);
}

static gk_code obj(gk_helper_call *call, gk_error *err)
{
	return gk_helper_return_take(call, json_incref(gk_helper_hashes_peek(call)), err);
}

static gk_code rawjson(gk_helper_call *call, gk_error *err)
{
	json_t *value = gk_helper_arg_peek(call, 0);
	gk_auto_str char *text = value ? gk_json_write(value, NULL) : strdup("undefined");

	return write_text(call, text, err);
}

static gk_code self(gk_helper_call *call, gk_error *err)
{
	const char *name = gk_json_str_peek(gk_helper_this_peek(call), "name");

	return write_text(call, name ? name : "undefined", err);
}

static const struct {
	const char *name;
	gk_helper_fn *run;
} catalogue[] = {
	{ "upper", upper },
	{ "join", join },
	{ "add", add },
	{ "argc", argc },
	{ "kind", kind },
	{ "hash", hash },
	{ "nm", nm },
	{ "safe", safe },
	{ "eq", eq },
	{ "not", not },
	{ "nothing", nothing },
	{ "nul", nul },
	{ "fail", fail },
	{ "wrap", wrap },
	{ "both", both },
	{ "using", using },
	{ "twice", twice },
	{ "pair", pair_of },
	{ "setd", setd },
	{ "isblock", isblock },
	{ "arr", arr },
	{ "obj", obj },
	{ "rawjson", rawjson },
	{ "self", self },
};

bool handlebars_set_helper(gk_engine *engine, const char *name)
{
	for (size_t i = 0; i < sizeof(catalogue) / sizeof(catalogue[0]); i++)
		if (strcmp(catalogue[i].name, name) == 0)
			return gk_engine_set_helper(
				       engine, name, catalogue[i].run, NULL, NULL, NULL) == GK_OK;
	return false;
}
