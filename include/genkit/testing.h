/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * Models for tests: no provider, no network, the same answer every time.
 *
 *	#include <genkit/genkit.h>
 *
 *	static gk_code ask(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
 *	{
 *		gk_auto_response gk_response *reply = NULL;
 *		gk_code rc = gk_generate(ctx, GK_OPTS(gk_generate_opts, .model = "test/programmable",
 *			.prompt = json_string_value(input)), &reply, err);
 *
 *		if (rc == GK_OK)
 *			*ret = json_string(gk_response_text(reply));
 *		return rc;
 *	}
 *
 *	GK_MODULE(asking, app, err)
 *	{
 *		gk_auto_json json_t *script = json_pack("[{s:s}, {s:s, s:s}]", "text", "hello",
 *			"status", "UNAVAILABLE", "message", "come back later");
 *		gk_code rc = gk_define_test_models(app, err);
 *
 *		if (rc == GK_OK)
 *			rc = gk_test_script(app, script, err);
 *		return rc == GK_OK ? gk_define_flow(app,
 *			GK_OPTS(gk_flow_opts, .name = "ask", .run = ask), err) : rc;
 *	}
 *
 * Running "ask" with "anything"
 * gives "hello"
 */
#ifndef GENKIT_TESTING_H
#define GENKIT_TESTING_H

#include <genkit/model.h>

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

/**
 * Defines `test/echo`, which says what it was asked ("Echo: hi" and "; config: {...}", after the chunks 3, 2, 1), and
 * `test/programmable`, which follows a script. Nothing happens the second time.
 */
gk_code gk_define_test_models(gk_app *app, gk_error *err);
/** Lets another name follow the script, too: that of the model that a flow or a prompt asks. ALREADY_EXISTS when there is
 * one of the name. */
gk_code gk_define_test_model(gk_app *app, const char *name, gk_error *err);

/**
 * What test/programmable does from now on: a list of turns (borrowed), or {"turns": [...], "loop"?: true}. Each call takes
 * the first turn that is left and suits it. A turn is {"text"}, {"message"}, or a whole response {"message",
 * "finishReason"?, "usage"?, ...}; {"status", "message"} fails; with "chunks" (of texts or {"content"}) it streams them
 * first, with "delayMs" it waits before; with "when" it suits only calls whose last message has that text in it. A call
 * for which there is no turn fails with OUT_OF_RANGE; in a loop those that suit it are there again.
 * INVALID_ARGUMENT for anything else. The daemon reads a script from a file: testing.script of its configuration.
 */
gk_code gk_test_script(gk_app *app, json_t *script, gk_error *err);
/** The requests that these models got, oldest first; only the last 1000 are kept. Borrowed; NULL when memory ran out. */
json_t *gk_test_calls_peek(gk_app *app);
/** Forgets them. */
void gk_test_forget_calls(gk_app *app);

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif
