/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Models for tests (generate section 9). */
#include "ai/testing.h"
#include "base/buf.h"
#include "base/limits.h"
#include "base/str.h"
#include "core/app.h"
#include "json/edit.h"

#include <genkit/message.h>
#include <genkit/testing.h>

typedef struct testing {
	json_t *turns, *calls;
	bool *is_used; /* of each turn */
	bool is_loop;  /* when all have been, they begin anew */
	bool is_defined;
} testing;

static void free_slot(void *it)
{
	testing *mine = it;

	json_decref(mine->turns);
	free(mine->is_used);
	json_decref(mine->calls);
	free(mine);
}

static void *make_slot(void)
{
	testing *mine = calloc(1, sizeof(*mine));

	if (!mine)
		return NULL;
	mine->calls = json_array();
	if (mine->calls)
		return mine;
	free(mine);
	return NULL;
}

static const gk_app_slot slot = { make_slot, free_slot };

static gk_code remember(testing *mine, json_t *request, gk_error *err)
{
	if (json_array_size(mine->calls) >= GK_MAX_TEST_CALLS)
		json_array_remove(mine->calls, 0);
	return json_array_append(mine->calls, request) == 0 ? GK_OK : gk_error_no_memory(err);
}

/* --- test/echo --- */

/* The texts of a message, commas between, as the reference's model joins them. */
static void put_message(gk_buf *text, json_t *message)
{
	const char *role = gk_json_str_peek(message, "role");
	json_t *part;
	size_t i;

	if (role && strcmp(role, "user") != 0 && strcmp(role, "model") != 0)
		gk_buf_printf(text, "%s: ", role);
	json_array_foreach (json_object_get(message, "content"), i, part) {
		const char *words = json_string_value(json_object_get(part, "text"));

		gk_buf_puts(text, i ? "," : "");
		gk_buf_puts(text, words ? words : "");
	}
}

static json_t *echo_of(json_t *request)
{
	json_t *config = json_object_get(request, "config"), *message;
	gk_auto_str char *told = config ? gk_json_write(config, NULL) : strdup("undefined");
	gk_auto_buf gk_buf text = GK_BUF_INIT(0);
	size_t i;

	gk_buf_puts(&text, "Echo: ");
	json_array_foreach (json_object_get(request, "messages"), i, message) {
		gk_buf_puts(&text, i ? "," : "");
		put_message(&text, message);
	}
	if (gk_buf_failed(&text) || !told)
		return NULL;
	return json_pack("{s:{s:s, s:[{s:s}, {s:s+}]}, s:s}", "message", "role", "model", "content",
		"text", text.data, "text", "; config: ", told, "finishReason", "stop");
}

static gk_code run_echo(gk_ctx *ctx, json_t *request, json_t **ret, gk_error *err)
{
	static const char *const chunks[] = { "3", "2", "1" };
	testing *mine = gk_ctx_user(ctx);
	gk_code rc = remember(mine, request, err);

	for (size_t i = 0; rc == GK_OK && gk_ctx_is_streaming(ctx) && i < 3; i++)
		rc = gk_ctx_send(ctx, json_pack("{s:[{s:s}]}", "content", "text", chunks[i]), err);
	if (rc != GK_OK)
		return rc;
	*ret = echo_of(request);
	return *ret ? GK_OK : gk_error_no_memory(err);
}

/* --- test/programmable --- */

static gk_code send_chunks(gk_ctx *ctx, json_t *turn, gk_error *err)
{
	json_t *chunk;
	size_t i;

	json_array_foreach (json_object_get(turn, "chunks"), i, chunk) {
		json_t *whole = json_is_string(chunk)
					? json_pack("{s:[{s:O}]}", "content", "text", chunk)
					: json_incref(chunk);
		gk_code rc = gk_ctx_send(ctx, whole, err);

		if (rc != GK_OK)
			return rc;
	}
	return GK_OK;
}

static gk_code answer(json_t *turn, json_t **ret, gk_error *err)
{
	const char *status = gk_json_str_peek(turn, "status");
	json_t *text = json_object_get(turn, "text"), *response;
	int code = status ? gk_code_from_name(status) : GK_OK;

	if (status) {
		const char *words = gk_json_str_peek(turn, "message");

		return gk_error_set(err, code > 0 ? (gk_code)code : GK_UNKNOWN, "%s",
			words ? words : "the script says so");
	}
	if (text) {
		*ret = json_pack("{s:{s:s, s:[{s:O}]}, s:s}", "message", "role", "model", "content",
			"text", text, "finishReason", "stop");
		return *ret ? GK_OK : gk_error_no_memory(err);
	}
	response = gk_json_copy(turn);
	if (!response)
		return gk_error_no_memory(err);
	json_object_del(response, "chunks");
	json_object_del(response, "delayMs");
	json_object_del(response, "when");
	*ret = response;
	return GK_OK;
}

/* A turn may be meant for requests whose last message says something. */
static bool suits(json_t *turn, const char *said)
{
	const char *when = gk_json_str_peek(turn, "when");

	return !when || strstr(said, when);
}

/* The first turn that suits and is left; NULL: there is none. */
static json_t *next_turn(testing *mine, const char *said)
{
	json_t *turn;
	size_t i;

	json_array_foreach (mine->turns, i, turn) {
		if (mine->is_used[i] || !suits(turn, said))
			continue;
		mine->is_used[i] = true;
		return turn;
	}
	return NULL;
}

/* In a loop each turn has its turn again when no other suits. */
static void begin_anew(testing *mine, const char *said)
{
	json_t *turn;
	size_t i;

	json_array_foreach (mine->turns, i, turn)
		if (suits(turn, said))
			mine->is_used[i] = false;
}

static gk_code take_turn(testing *mine, json_t *request, json_t **ret, gk_error *err)
{
	json_t *messages = json_object_get(request, "messages");
	json_t *last = json_array_get(messages, json_array_size(messages) - 1);
	gk_auto_str char *said = gk_message_text(last);
	json_t *turn;

	if (!said)
		return gk_error_no_memory(err);
	turn = next_turn(mine, said);
	if (!turn && mine->is_loop) {
		begin_anew(mine, said);
		turn = next_turn(mine, said);
	}
	if (!turn)
		return gk_error_set(err, GK_OUT_OF_RANGE,
			"the script of test/programmable has %zu turns, and none for this call",
			json_array_size(mine->turns));
	*ret = json_incref(turn);
	return GK_OK;
}

static gk_code run_programmable(gk_ctx *ctx, json_t *request, json_t **ret, gk_error *err)
{
	testing *mine = gk_ctx_user(ctx);
	gk_auto_json json_t *turn = NULL;
	gk_code rc = remember(mine, request, err);
	int64_t delay;

	if (rc == GK_OK)
		rc = take_turn(mine, request, &turn, err);
	delay = gk_json_int_at(turn, "delayMs", 0);
	if (rc == GK_OK && delay > 0)
		rc = gk_sleep(ctx, (uint64_t)delay, err);
	if (rc == GK_OK)
		rc = send_chunks(ctx, turn, err);
	return rc == GK_OK ? answer(turn, ret, err) : rc;
}

static gk_code check_turn(json_t *turn, size_t i, gk_error *err)
{
	const char *status = gk_json_str_peek(turn, "status");
	json_t *chunks = json_object_get(turn, "chunks"), *when = json_object_get(turn, "when");

	if (!json_is_object(turn) || (!status && !json_is_string(json_object_get(turn, "text")) &&
					     !json_is_object(json_object_get(turn, "message"))))
		return gk_error_set(err, GK_INVALID_ARGUMENT,
			"turn %zu of a script has no text, no message and no status", i + 1);
	if (status && gk_code_from_name(status) <= 0)
		return gk_error_set(err, GK_INVALID_ARGUMENT,
			"turn %zu of a script: '%s' is no status", i + 1, status);
	if ((chunks && !json_is_array(chunks)) || (when && !json_is_string(when)))
		return gk_error_set(err, GK_INVALID_ARGUMENT,
			"turn %zu of a script: chunks are a list, and when is a text", i + 1);
	return GK_OK;
}

static json_t *turns_of(json_t *script)
{
	return json_is_object(script) ? json_object_get(script, "turns") : script;
}

gk_code gk_test_script_check(json_t *script, gk_error *err)
{
	json_t *turns = turns_of(script), *turn;
	gk_code rc = GK_OK;
	size_t i;

	if (!json_is_array(turns))
		return gk_error_set(err, GK_INVALID_ARGUMENT,
			"a script is a list of turns, or a mapping with it as 'turns'");
	json_array_foreach (turns, i, turn)
		if (rc == GK_OK)
			rc = check_turn(turn, i, err);
	return rc;
}

gk_code gk_test_script(gk_app *app, json_t *script, gk_error *err)
{
	testing *mine = gk_app_slot_peek(app, &slot);
	json_t *turns = turns_of(script);
	gk_code rc = mine ? gk_test_script_check(script, err) : gk_error_no_memory(err);
	bool *is_used;

	if (rc != GK_OK)
		return rc;
	is_used = calloc(json_array_size(turns) + 1, sizeof(*is_used));
	if (!is_used)
		return gk_error_no_memory(err);
	free(mine->is_used);
	mine->is_used = is_used;
	json_decref(mine->turns);
	mine->turns = json_incref(turns);
	mine->is_loop = json_is_true(json_object_get(script, "loop"));
	return GK_OK;
}

json_t *gk_test_calls_peek(gk_app *app)
{
	testing *mine = gk_app_slot_peek(app, &slot);

	return mine ? mine->calls : NULL;
}

void gk_test_forget_calls(gk_app *app)
{
	testing *mine = gk_app_slot_peek(app, &slot);

	if (mine)
		json_array_clear(mine->calls);
}

static gk_code define(gk_app *app, const char *name, gk_action_fn *run, gk_error *err)
{
	return gk_define_model(app,
		GK_OPTS(gk_model_opts, .name = name,
			.supports = GK_SUPPORTS_MULTITURN | GK_SUPPORTS_TOOLS | GK_SUPPORTS_SYSTEM |
				    GK_SUPPORTS_MEDIA | GK_SUPPORTS_TOOL_CHOICE,
			.run = run, .user = gk_app_slot_peek(app, &slot)),
		err);
}

gk_code gk_define_test_models(gk_app *app, gk_error *err)
{
	testing *mine = gk_app_slot_peek(app, &slot);
	gk_code rc;

	if (!mine)
		return gk_error_no_memory(err);
	if (mine->is_defined)
		return GK_OK;
	rc = define(app, "test/echo", run_echo, err);
	if (rc == GK_OK)
		rc = define(app, "test/programmable", run_programmable, err);
	mine->is_defined = rc == GK_OK;
	return rc;
}

gk_code gk_define_test_model(gk_app *app, const char *name, gk_error *err)
{
	if (!gk_app_slot_peek(app, &slot))
		return gk_error_no_memory(err);
	return define(app, name, run_programmable, err);
}
