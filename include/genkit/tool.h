/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * Tools: what a model may call. A tool `weather` is /tool/weather and its multipart twin /tool.v2/weather (tools
 * section 1).
 *
 *	#include <genkit/genkit.h>
 *
 *	static gk_code weather(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
 *	{
 *		const char *city = gk_json_str_peek(input, "city");
 *
 *		(void)ctx;
 *		if (strcmp(city, "Atlantis") == 0)
 *			return gk_error_set(err, GK_NOT_FOUND, "no weather station in %s", city);
 *		*ret = json_pack("{s:s, s:i}", "city", city, "celsius", 21);
 *		return GK_OK;
 *	}
 *
 *	static gk_code transfer(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
 *	{
 *		if (gk_json_int_at(input, "euro", 0) > 100 && !gk_ctx_resumed(ctx)) // ask a person first
 *			return gk_interrupt(ctx, json_pack("{s:s}", "reason", "that is a lot"), err);
 *		*ret = json_string("paid");
 *		return GK_OK;
 *	}
 *
 *	GK_MODULE(tools, app, err)
 *	{
 *		gk_code rc = gk_define_tool(app, GK_OPTS(gk_tool_opts, .name = "weather", .description = "Today's weather in a city.",
 *			.input = "city: string", .output = "{city: string, celsius: integer}", .run = weather), err);
 *
 *		return rc == GK_OK ? gk_define_tool(app, GK_OPTS(gk_tool_opts, .name = "transfer", .description = "Pays an amount.",
 *			.input = "euro: integer", .run = transfer), err) : rc;
 *	}
 *
 * Running "/tool/weather" with {"city": "Oslo"} gives {"city": "Oslo", "celsius": 21}
 * Running "/tool/weather" with {"city": "Atlantis"} fails with "NOT_FOUND: no weather station in Atlantis"
 * Running "/tool/transfer" with {"euro": 5} gives "paid"
 */
#ifndef GENKIT_TOOL_H
#define GENKIT_TOOL_H

#include <genkit/action.h>

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

typedef struct gk_tool_opts {
	size_t size;
	const char *name, *description; /* required: the model reads both */
	const char *input, *output;
	bool is_multipart; /* returns {output?, content?: [Part]}; registers only /tool.v2/NAME */
	gk_action_fn *run; /* NULL: an interrupt, answered from outside */
	void *user;
	json_t *metadata; /* borrowed */
	json_t *input_json,
		*output_json;          /* borrowed; schemas as values, which win over the texts */
	void (*free_user)(void *user); /* when the tool goes; not when defining it failed */
} gk_tool_opts;

/** INVALID_ARGUMENT without a name or a description; else as gk_define_action(). */
gk_code gk_define_tool(gk_app *app, const gk_tool_opts *opts, gk_error *err);
/** Makes a tool without registering it, for dynamic action providers: /tool/NAME, or /tool.v2/NAME when it is multipart.
 * Its metadata has "dynamic": true. */
gk_code gk_tool_new(gk_app *app, const gk_tool_opts *opts, gk_action **ret, gk_error *err);

/** Stops the turn and hands the request to the caller: `return gk_interrupt(ctx, metadata, err);`. `metadata_take` may
 * be NULL. */
gk_code gk_interrupt(gk_ctx *ctx, json_t *metadata_take, gk_error *err);
/** True for the error that gk_interrupt() made. */
bool gk_error_is_interrupt(const gk_error *err);
/** Borrowed: what the caller answered when it restarted the tool; NULL: this is the first call of the request. */
json_t *gk_ctx_resumed(gk_ctx *ctx);

/** The part that answers an interrupted tool request without running it: new reference; NULL when memory ran out.
 * `metadata` NULL: true (tools section 4). All are borrowed. */
json_t *gk_tool_respond(json_t *interrupt, json_t *output, json_t *metadata);
/** The part that runs it again: `resumed` NULL: true; `replace_input` NULL: the old input. */
json_t *gk_tool_restart(json_t *interrupt, json_t *resumed, json_t *replace_input);
/** The same for answers that come from outside: they are held to the schema of the tool's output, or of its input.
 * `*ret` is a new reference. INVALID_ARGUMENT "Schema validation failed..."; a plain error "Tool NAME not found". */
GK_MUST_USE GK_SUSPENDS gk_code gk_tool_respond_checked(gk_ctx *ctx, json_t *interrupt,
	json_t *output, json_t *metadata, json_t **ret, gk_error *err);
GK_MUST_USE GK_SUSPENDS gk_code gk_tool_restart_checked(gk_ctx *ctx, json_t *interrupt,
	json_t *resumed, json_t *replace_input, json_t **ret, gk_error *err);

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif
