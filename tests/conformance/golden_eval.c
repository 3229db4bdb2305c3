/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "golden.h"

#include "base/log.h"
#include "json/edit.h"

#include <ctype.h>
#include <stdio.h>

typedef gk_code operator_fn(
	gk_ctx *ctx, const golden_scope *scope, json_t *arg, json_t **ret, gk_error *err);

/* --- variables --- */

static json_t *find_variable(const golden_scope *scope, const char *name)
{
	for (; scope; scope = scope->up) {
		json_t *value = json_object_get(scope->variables, name);

		if (value)
			return value;
	}
	return NULL;
}

static gk_code op_var(
	gk_ctx *ctx, const golden_scope *scope, json_t *arg, json_t **ret, gk_error *err)
{
	gk_auto_str char *path = strdup(json_string_value(arg));
	char *rest = path, *name = strsep(&rest, ".");
	json_t *value = find_variable(scope, name);

	(void)ctx, (void)err;
	while (value && rest)
		value = json_object_get(value, strsep(&rest, "."));
	*ret = json_incref(value);
	return GK_OK;
}

static gk_code op_seq(
	gk_ctx *ctx, const golden_scope *scope, json_t *arg, json_t **ret, gk_error *err)
{
	gk_auto_json json_t *variables = json_object();
	const golden_scope inner = { scope, variables };
	json_t *one;
	size_t i;

	json_array_foreach (arg, i, one) {
		gk_auto_json json_t *value = NULL;
		gk_code rc = golden_eval(ctx, &inner, one, &value, err);

		if (rc != GK_OK)
			return rc;
		if (i + 1 == json_array_size(arg))
			*ret = gk_steal(value);
	}
	return GK_OK;
}

static gk_code op_set(
	gk_ctx *ctx, const golden_scope *scope, json_t *arg, json_t **ret, gk_error *err)
{
	json_t *value = NULL;
	gk_code rc = golden_eval(ctx, scope, json_array_get(arg, 1), &value, err);

	(void)ret;
	if (value)
		json_object_set_new(
			scope->variables, json_string_value(json_array_get(arg, 0)), value);
	return rc;
}

/* --- values --- */

static gk_code op_undefined(
	gk_ctx *ctx, const golden_scope *scope, json_t *arg, json_t **ret, gk_error *err)
{
	(void)ctx, (void)scope, (void)arg, (void)ret, (void)err;
	return GK_OK;
}

static gk_code op_concat(
	gk_ctx *ctx, const golden_scope *scope, json_t *arg, json_t **ret, gk_error *err)
{
	gk_auto_buf gk_buf text = GK_BUF_INIT(0);
	json_t *one;
	size_t i;

	json_array_foreach (arg, i, one) {
		gk_auto_json json_t *value = NULL;
		gk_auto_str char *json = NULL;
		gk_code rc = golden_eval(ctx, scope, one, &value, err);

		if (rc != GK_OK)
			return rc;
		json = json_is_string(value) ? NULL : gk_json_write(value, NULL);
		gk_buf_puts(&text, json ? json : json_string_value(value));
	}
	*ret = json_stringn(text.data ? text.data : "", text.len);
	return GK_OK;
}

static gk_code op_upper(
	gk_ctx *ctx, const golden_scope *scope, json_t *arg, json_t **ret, gk_error *err)
{
	gk_auto_json json_t *value = NULL;
	gk_auto_str char *text = NULL;
	gk_code rc = golden_eval(ctx, scope, arg, &value, err);

	if (rc != GK_OK)
		return rc;
	text = strdup(json_string_value(value));
	for (char *c = text; *c; c++)
		*c = (char)toupper((unsigned char)*c);
	*ret = json_string(text);
	return GK_OK;
}

/* In UTF-16, as JavaScript counts. */
static size_t utf16_length(const char *text)
{
	size_t count = 0;

	for (const unsigned char *c = (const unsigned char *)text; *c; c++)
		count += (*c & 0xc0) != 0x80 ? 1u + (*c >= 0xf0) : 0;
	return count;
}

static gk_code op_length(
	gk_ctx *ctx, const golden_scope *scope, json_t *arg, json_t **ret, gk_error *err)
{
	gk_auto_json json_t *value = NULL;
	gk_code rc = golden_eval(ctx, scope, arg, &value, err);

	if (rc == GK_OK)
		*ret = json_integer((json_int_t)(json_is_array(value)
							 ? json_array_size(value)
							 : utf16_length(json_string_value(value))));
	return rc;
}

static gk_code op_mul(
	gk_ctx *ctx, const golden_scope *scope, json_t *arg, json_t **ret, gk_error *err)
{
	gk_auto_json json_t *a = NULL, *b = NULL;
	gk_code rc = golden_eval(ctx, scope, json_array_get(arg, 0), &a, err);

	if (rc == GK_OK)
		rc = golden_eval(ctx, scope, json_array_get(arg, 1), &b, err);
	if (rc == GK_OK)
		*ret = json_is_integer(a) && json_is_integer(b)
			       ? json_integer(json_integer_value(a) * json_integer_value(b))
			       : json_real(json_number_value(a) * json_number_value(b));
	return rc;
}

static gk_code op_default(
	gk_ctx *ctx, const golden_scope *scope, json_t *arg, json_t **ret, gk_error *err)
{
	gk_code rc = golden_eval(ctx, scope, json_array_get(arg, 0), ret, err);

	if (rc != GK_OK || (*ret && !json_is_null(*ret)))
		return rc;
	json_decref(gk_steal(*ret));
	return golden_eval(ctx, scope, json_array_get(arg, 1), ret, err);
}

static gk_code op_if_eq(
	gk_ctx *ctx, const golden_scope *scope, json_t *arg, json_t **ret, gk_error *err)
{
	gk_auto_json json_t *a = NULL, *b = NULL;
	gk_code rc = golden_eval(ctx, scope, json_array_get(arg, 0), &a, err);

	if (rc == GK_OK)
		rc = golden_eval(ctx, scope, json_array_get(arg, 1), &b, err);
	if (rc != GK_OK)
		return rc;
	return golden_eval(ctx, scope, json_array_get(arg, gk_json_equal(a, b) ? 2 : 3), ret, err);
}

static gk_code op_get(
	gk_ctx *ctx, const golden_scope *scope, json_t *arg, json_t **ret, gk_error *err)
{
	gk_auto_json json_t *value = NULL;
	gk_code rc = golden_eval(ctx, scope, json_array_get(arg, 0), &value, err);

	if (rc == GK_OK)
		*ret = json_incref(
			json_object_get(value, json_string_value(json_array_get(arg, 1))));
	return rc;
}

/* --- steps, spans --- */

/* What a function of ours evaluates. */
typedef struct body {
	const golden_scope *scope;
	json_t *expr;
	const char *bind; /* the variable that its input becomes; NULL: none */
} body;

static gk_code run_body(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	const body *b = gk_ctx_user(ctx);
	gk_auto_json json_t *variables = json_object();
	const golden_scope inner = { b->scope, variables };

	if (b->bind && input)
		json_object_set(variables, b->bind, input);
	return golden_eval(ctx, b->bind ? &inner : b->scope, b->expr, ret, err);
}

static gk_code op_step(
	gk_ctx *ctx, const golden_scope *scope, json_t *arg, json_t **ret, gk_error *err)
{
	json_t *given = json_object_get(arg, "input");
	gk_auto_json json_t *input = NULL;
	body b = { scope, json_object_get(arg, "do"), given ? "input" : NULL };
	gk_code rc = given ? golden_eval(ctx, scope, given, &input, err) : GK_OK;

	if (rc != GK_OK)
		return rc;
	return gk_run_step(ctx, gk_json_str_peek(arg, "name"), run_body, &b, input, ret, err);
}

static gk_code op_parallel(
	gk_ctx *ctx, const golden_scope *scope, json_t *arg, json_t **ret, gk_error *err)
{
	gk_auto_json json_t *over = NULL;
	body b = { scope, json_object_get(arg, "do"), gk_json_str_peek(arg, "as") };
	gk_parallel *items;
	size_t count;
	gk_code rc = golden_eval(ctx, scope, json_object_get(arg, "over"), &over, err);

	if (rc != GK_OK)
		return rc;
	count = json_array_size(over);
	items = calloc(count + 1, sizeof(*items));
	for (size_t i = 0; i < count; i++)
		items[i] = (gk_parallel){
			.fn = run_body, .user = &b, .input = json_array_get(over, i)
		};
	rc = gk_run_parallel(ctx, items, count, err);
	if (rc == GK_OK)
		*ret = json_array();
	for (size_t i = 0; i < count; i++) {
		if (rc == GK_OK)
			json_array_append_new(*ret, items[i].ret ? items[i].ret : json_null());
		else
			json_decref(items[i].ret);
		gk_error_clear(&items[i].err);
	}
	free(items);
	return rc;
}

typedef struct span_body {
	const golden_scope *scope;
	json_t *expr;
	json_t *value; /* of `do`, which need not be the output */
} span_body;

/* A span of one's own: metadata first, the output when its body has a result. */
static gk_code run_span_body(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	span_body *b = gk_ctx_user(ctx);
	json_t *arg = b->expr, *value;
	gk_auto_json json_t *variables = json_object();
	const golden_scope inner = { b->scope, variables };
	const char *key;
	gk_code rc;

	(void)input;
	json_object_foreach (json_object_get(arg, "metadata"), key, value) {
		gk_auto_json json_t *text = NULL;

		if (golden_eval(ctx, b->scope, value, &text, err) == GK_OK)
			gk_ctx_set_metadata(ctx, key, json_string_value(text));
	}
	rc = golden_eval(ctx, b->scope, json_object_get(arg, "do"), &b->value, err);
	if (rc != GK_OK)
		return rc;
	if (!json_object_get(arg, "output"))
		return GK_OK;
	if (b->value)
		json_object_set(variables, "result", b->value);
	return golden_eval(ctx, &inner, json_object_get(arg, "output"), ret, err);
}

static gk_code op_span(
	gk_ctx *ctx, const golden_scope *scope, json_t *arg, json_t **ret, gk_error *err)
{
	gk_auto_json json_t *input = NULL, *output = NULL;
	span_body b = { .scope = scope, .expr = arg };
	gk_code rc = golden_eval(ctx, scope, json_object_get(arg, "input"), &input, err);

	if (rc == GK_OK)
		rc = gk_run_span(ctx,
			GK_OPTS(gk_own_span_opts, .name = gk_json_str_peek(arg, "name"),
				.input = input),
			run_span_body, &b, input, &output, err);
	if (rc == GK_OK)
		*ret = gk_steal(b.value);
	json_decref(b.value);
	return rc;
}

static gk_code run_foreign_body(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	const body *b = gk_ctx_user(ctx);
	json_t *event;
	size_t i;

	(void)input;
	json_array_foreach (json_object_get(b->expr, "events"), i, event)
		gk_ctx_add_event(
			ctx, gk_json_str_peek(event, "name"), json_object_get(event, "attributes"));
	return golden_eval(ctx, b->scope, json_object_get(b->expr, "do"), ret, err);
}

static gk_code op_foreign_span(
	gk_ctx *ctx, const golden_scope *scope, json_t *arg, json_t **ret, gk_error *err)
{
	static const char *const kinds[] = { "", "INTERNAL", "SERVER", "CLIENT", "PRODUCER",
		"CONSUMER" };
	const char *kind = gk_json_str_peek(arg, "kind");
	body b = { scope, arg, NULL };
	int number = 1;

	for (int i = 1; kind && i <= 5; i++)
		if (strcmp(kinds[i], kind) == 0)
			number = i;
	return gk_run_span(ctx,
		GK_OPTS(gk_own_span_opts, .name = gk_json_str_peek(arg, "name"),
			.labels = json_object_get(arg, "attributes"),
			.library = gk_json_str_peek(arg, "tracer"),
			.library_version = gk_json_str_peek(arg, "version"),
			.kind = (gk_span_kind)number),
		run_foreign_body, &b, NULL, ret, err);
}

static gk_code op_metadata(
	gk_ctx *ctx, const golden_scope *scope, json_t *arg, json_t **ret, gk_error *err)
{
	const char *key;
	json_t *value;

	(void)ret;
	json_object_foreach (arg, key, value) {
		gk_auto_json json_t *text = NULL;
		gk_code rc = golden_eval(ctx, scope, value, &text, err);

		if (rc != GK_OK)
			return rc;
		gk_ctx_set_metadata(ctx, key, json_string_value(text));
	}
	return GK_OK;
}

/* --- failing --- */

static json_t *thrown_message(gk_ctx *ctx, const golden_scope *scope, json_t *error, gk_error *err)
{
	json_t *message = NULL;

	if (golden_eval(ctx, scope, json_object_get(error, "message"), &message, err) != GK_OK)
		return NULL;
	return message;
}

gk_code golden_throw(gk_ctx *ctx, const golden_scope *scope, json_t *error, gk_error *err)
{
	gk_auto_json json_t *message = thrown_message(ctx, scope, error, err);
	const char *status = gk_json_str_peek(error, "status");
	const char *class = gk_json_str_peek(error, "class");
	json_t *code = json_object_get(error, "code");
	const char *text = message ? json_string_value(message) : "";

	if (status)
		return gk_error_set(err, (gk_code)gk_code_from_name(status), "%s", text);
	gk_error_set_plain(err, "%s", text);
	/* The type of the exception is its code, if it has one, else its class. The code of an AbortError is always 20. */
	if (strcmp(class, "AbortError") == 0)
		code = NULL;
	if (json_is_string(code) && json_string_length(code)) {
		err->source = strdup(json_string_value(code));
	} else if (gk_json_is_truthy(code) || strcmp(class, "AbortError") == 0) {
		if (asprintf(&err->source, "%d", code ? (int)json_integer_value(code) : 20) < 0)
			err->source = NULL;
	} else if (strcmp(class, "Error") != 0) {
		err->source = strdup(class);
	}
	return GK_INTERNAL;
}

static gk_code op_throw(
	gk_ctx *ctx, const golden_scope *scope, json_t *arg, json_t **ret, gk_error *err)
{
	(void)ret;
	return golden_throw(ctx, scope, arg, err);
}

static gk_code op_throw_value(
	gk_ctx *ctx, const golden_scope *scope, json_t *arg, json_t **ret, gk_error *err)
{
	gk_auto_str char *text = json_is_string(arg) ? NULL : gk_json_write(arg, NULL);

	(void)ctx, (void)scope, (void)ret;
	gk_error_set_plain(err, "%s", text ? text : json_string_value(arg));
	err->message_missing = true;
	return gk_error_details_take(err, json_incref(arg)); /* for the outcome */
}

static gk_code op_try(
	gk_ctx *ctx, const golden_scope *scope, json_t *arg, json_t **ret, gk_error *err)
{
	gk_auto_error gk_error swallowed = { 0 };

	if (golden_eval(ctx, scope, json_array_get(arg, 0), ret, &swallowed) == GK_OK)
		return GK_OK;
	return golden_eval(ctx, scope, json_array_get(arg, 1), ret, err);
}

static gk_code op_wait_abort(
	gk_ctx *ctx, const golden_scope *scope, json_t *arg, json_t **ret, gk_error *err)
{
	gk_auto_error gk_error ended = { 0 };

	(void)ret;
	while (gk_sleep(ctx, 1000, &ended) == GK_OK)
		gk_error_clear(&ended);
	return golden_throw(ctx, scope, arg, err);
}

static gk_code op_interrupt(
	gk_ctx *ctx, const golden_scope *scope, json_t *arg, json_t **ret, gk_error *err)
{
	json_t *metadata = NULL;
	gk_code rc = golden_eval(ctx, scope, arg, &metadata, err);

	(void)ret;
	return rc == GK_OK ? gk_interrupt(ctx, metadata, err) : rc;
}

/* --- logs --- */

static gk_log_level level_of(const char *name)
{
	if (strcmp(name, "error") == 0)
		return GK_LOG_ERROR;
	if (strcmp(name, "warn") == 0)
		return GK_LOG_WARN;
	return strcmp(name, "info") == 0 ? GK_LOG_INFO : GK_LOG_DEBUG;
}

/* What the logger keeps of its second argument: simple values, or an error. */
static json_t *log_attributes(gk_ctx *ctx, const golden_scope *scope, json_t *arg)
{
	json_t *kept = json_object(), *error = json_object_get(arg, "$error"), *value;
	const char *key;

	if (error) {
		gk_auto_json json_t *message = thrown_message(ctx, scope, error, NULL);
		const char *class = gk_json_str_peek(error, "class");

		json_object_set_new(kept, "exception.type", json_string(class));
		json_object_set(kept, "exception.message", message);
		json_object_set_new(kept, "exception.stacktrace",
			json_sprintf("%s: %s", class, json_string_value(message)));
		return kept;
	}
	json_object_foreach (arg, key, value)
		if (json_is_string(value) || json_is_number(value) || json_is_boolean(value))
			json_object_set(kept, key, value);
	return kept;
}

static gk_code op_log(
	gk_ctx *ctx, const golden_scope *scope, json_t *arg, json_t **ret, gk_error *err)
{
	gk_log_level level = level_of(gk_json_str_peek(arg, "level"));
	json_t *args = json_object_get(arg, "args"), *second = json_array_get(args, 1);
	const char *text = json_string_value(json_array_get(args, 0));
	const char *hole = strstr(text, "%s");
	gk_auto_json json_t *attributes = NULL;

	(void)ret, (void)err;
	if (hole && json_is_string(second)) {
		const char *more = json_string_value(json_array_get(args, 2));

		gk_ctx_log(ctx, level, NULL, "%.*s%s%s%s%s", (int)(hole - text), text,
			json_string_value(second), hole + 2, more ? " " : "", more ? more : "");
		return GK_OK;
	}
	attributes = json_is_object(second) ? log_attributes(ctx, scope, second) : NULL;
	gk_ctx_log(ctx, level, attributes, "%s", text);
	return GK_OK;
}

/* --- calls --- */

static gk_code send_text(gk_ctx *ctx, json_t *chunk, void *user, gk_error *err)
{
	gk_auto_buf gk_buf text = GK_BUF_INIT(0);
	json_t *part;
	size_t i;

	(void)user;
	json_array_foreach (json_object_get(chunk, "content"), i, part)
		if (gk_json_str_peek(part, "text"))
			gk_buf_puts(&text, gk_json_str_peek(part, "text"));
	return gk_ctx_send(ctx, json_stringn(text.data ? text.data : "", text.len), err);
}

/* NULL-terminated; the caller frees it, not the texts. */
static const char **texts_of(json_t *list)
{
	const char **texts = calloc(json_array_size(list) + 1, sizeof(*texts));

	for (size_t i = 0; i < json_array_size(list); i++)
		texts[i] = json_string_value(json_array_get(list, i));
	return texts;
}

gk_code golden_generate(gk_ctx *ctx, json_t *opts, bool streams, gk_response **ret, gk_error *err)
{
	const char **tools = texts_of(json_object_get(opts, "tools"));
	const char **use = texts_of(json_object_get(opts, "use"));
	gk_code rc = gk_generate(ctx,
		GK_OPTS(gk_generate_opts, .model = gk_json_str_peek(opts, "model"),
			.prompt = gk_json_str_peek(opts, "prompt"),
			.system = gk_json_str_peek(opts, "system"),
			.tools = json_object_get(opts, "tools") ? tools : NULL,
			.use = *use ? use : NULL, .config = json_object_get(opts, "config"),
			.docs = json_object_get(opts, "docs"),
			.output_schema_json = json_object_get(opts, "outputSchema"),
			.on_chunk = streams ? send_text : NULL),
		ret, err);

	free(tools);
	free(use);
	return rc;
}

static json_t *truthy(json_t *value)
{
	return gk_json_is_truthy(value) ? value : NULL;
}

static gk_code generate_value(gk_ctx *ctx, const golden_scope *scope, json_t *arg, bool streams,
	json_t **ret, gk_error *err)
{
	static const char *const verbatim[] = { "outputSchema", NULL };
	gk_auto_response gk_response *response = NULL;
	gk_auto_json json_t *opts = json_object();
	const char *key;
	json_t *member;
	gk_code rc = GK_OK;

	json_object_foreach (arg, key, member) {
		json_t *value = NULL;

		if (strcmp(key, verbatim[0]) == 0)
			value = json_incref(member);
		else
			rc = golden_eval(ctx, scope, member, &value, err);
		if (rc != GK_OK)
			return rc;
		if (value)
			json_object_set_new(opts, key, value);
	}
	rc = golden_generate(ctx, opts, streams, &response, err);
	if (rc == GK_OK) /* the reference has null for an output that is not true */
		*ret = json_pack("{s:s, s:O?, s:s, s:I}", "text", gk_response_text(response),
			"output", truthy(gk_response_output(response)), "finishReason",
			gk_response_finish_reason(response), "interruptCount",
			(json_int_t)json_array_size(gk_response_interrupts(response)));
	return rc;
}

static gk_code op_generate(
	gk_ctx *ctx, const golden_scope *scope, json_t *arg, json_t **ret, gk_error *err)
{
	return generate_value(ctx, scope, arg, false, ret, err);
}

static gk_code op_generate_stream(
	gk_ctx *ctx, const golden_scope *scope, json_t *arg, json_t **ret, gk_error *err)
{
	return generate_value(ctx, scope, arg, true, ret, err);
}

static gk_code op_retrieve(
	gk_ctx *ctx, const golden_scope *scope, json_t *arg, json_t **ret, gk_error *err)
{
	gk_auto_json json_t *query = NULL, *options = NULL;
	gk_code rc = golden_eval(ctx, scope, json_object_get(arg, "query"), &query, err);

	if (rc == GK_OK)
		rc = golden_eval(ctx, scope, json_object_get(arg, "options"), &options, err);
	if (rc != GK_OK)
		return rc;
	return gk_retrieve(ctx,
		GK_OPTS(gk_retrieve_opts, .retriever = gk_json_str_peek(arg, "retriever"),
			.query = json_string_value(query), .options = options),
		ret, err);
}

static gk_code op_call(
	gk_ctx *ctx, const golden_scope *scope, json_t *arg, json_t **ret, gk_error *err)
{
	gk_auto_json json_t *input = NULL;
	gk_auto_str char *key = NULL;
	gk_code rc = golden_eval(ctx, scope, json_object_get(arg, "input"), &input, err);

	if (rc != GK_OK || asprintf(&key, "/flow/%s", gk_json_str_peek(arg, "flow")) < 0)
		return rc;
	return gk_run_action(ctx, key, input, ret, err);
}

/* --- all of them --- */

static const struct {
	const char *name;
	operator_fn *fn;
} operators[] = {
	{ "$var", op_var },
	{ "$undefined", op_undefined },
	{ "$concat", op_concat },
	{ "$upper", op_upper },
	{ "$length", op_length },
	{ "$mul", op_mul },
	{ "$default", op_default },
	{ "$ifEq", op_if_eq },
	{ "$get", op_get },
	{ "$seq", op_seq },
	{ "$set", op_set },
	{ "$step", op_step },
	{ "$parallel", op_parallel },
	{ "$throw", op_throw },
	{ "$throwValue", op_throw_value },
	{ "$try", op_try },
	{ "$generate", op_generate },
	{ "$generateStream", op_generate_stream },
	{ "$retrieve", op_retrieve },
	{ "$call", op_call },
	{ "$span", op_span },
	{ "$otelSpan", op_foreign_span },
	{ "$metadata", op_metadata },
	{ "$log", op_log },
	{ "$interrupt", op_interrupt },
	{ "$waitAbort", op_wait_abort },
};

static operator_fn *find_operator(const json_t *expr)
{
	const char *name = json_object_iter_key(json_object_iter((json_t *)(uintptr_t)expr));

	if (json_object_size(expr) != 1 || *name != '$')
		return NULL;
	for (size_t i = 0; i < sizeof(operators) / sizeof(operators[0]); i++)
		if (strcmp(operators[i].name, name) == 0)
			return operators[i].fn;
	fprintf(stderr, "golden: there is no operator %s\n", name);
	exit(EXIT_FAILURE);
}

static gk_code eval_members(
	gk_ctx *ctx, const golden_scope *scope, json_t *expr, json_t **ret, gk_error *err)
{
	gk_auto_json json_t *object = json_object();
	const char *key;
	json_t *member;

	json_object_foreach (expr, key, member) {
		json_t *value = NULL;
		gk_code rc = golden_eval(ctx, scope, member, &value, err);

		if (rc != GK_OK)
			return rc;
		if (value)
			json_object_set_new(object, key, value);
	}
	*ret = gk_steal(object);
	return GK_OK;
}

static gk_code eval_elements(
	gk_ctx *ctx, const golden_scope *scope, json_t *expr, json_t **ret, gk_error *err)
{
	gk_auto_json json_t *array = json_array();
	json_t *one;
	size_t i;

	json_array_foreach (expr, i, one) {
		json_t *value = NULL;
		gk_code rc = golden_eval(ctx, scope, one, &value, err);

		if (rc != GK_OK)
			return rc;
		json_array_append_new(array, value ? value : json_null());
	}
	*ret = gk_steal(array);
	return GK_OK;
}

gk_code golden_eval(
	gk_ctx *ctx, const golden_scope *scope, json_t *expr, json_t **ret, gk_error *err)
{
	operator_fn *fn = json_is_object(expr) ? find_operator(expr) : NULL;

	if (fn)
		return fn(ctx, scope, json_object_iter_value(json_object_iter(expr)), ret, err);
	if (json_is_object(expr))
		return eval_members(ctx, scope, expr, ret, err);
	if (json_is_array(expr))
		return eval_elements(ctx, scope, expr, ret, err);
	*ret = json_incref(expr);
	return GK_OK;
}
