/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * The plugins that come along: model providers, ready to be used.
 *
 *	#include <genkit/genkit.h>
 *
 *	static gk_code ask(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
 *	{
 *		gk_auto_response gk_response *reply = NULL;
 *		gk_code rc = gk_generate(ctx, GK_OPTS(gk_generate_opts, .model = "openai/gpt-4o",
 *			.prompt = json_string_value(input)), &reply, err);
 *
 *		if (rc == GK_OK)
 *			*ret = json_string(gk_response_text(reply));
 *		return rc;
 *	}
 *
 *	GK_MODULE(asking, app, err)
 *	{
 *		gk_code rc = gk_use_plugin(app, "openai", NULL, err);
 *
 *		return rc == GK_OK ? gk_define_flow(app, GK_OPTS(gk_flow_opts, .name = "ask", .run = ask), err) : rc;
 *	}
 *
 * Running "ask" with "Hello!" fails with "FAILED_PRECONDITION: plugin openai: needs a key..."
 *
 * docs/providers.md says which there are and what each can do; the manual page of each, src/plugins/NAME/NAME.md, its
 * options. A daemon uses them by its configuration, plugins.NAME.
 */
#ifndef GENKIT_PLUGINS_H
#define GENKIT_PLUGINS_H

#include <genkit/plugin.h>

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

/** Adds the plugin of that name with its options (borrowed; NULL: none). Keys and addresses that they do not give are
 * looked for when the plugin is first used. NOT_FOUND: there is no such plugin; INVALID_ARGUMENT: options that are none;
 * ALREADY_EXISTS, plain: "Plugin NAME already registered". */
gk_code gk_use_plugin(gk_app *app, const char *name, json_t *options, gk_error *err);

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif
