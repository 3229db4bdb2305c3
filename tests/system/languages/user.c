/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* A module in the C of the standard, without the compiler's extensions of its own: what the macros of the headers come to
 * must be accepted too. */
#include <genkit/genkit.h>

static gk_code greet(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	gk_auto_json json_t *greeting = NULL;
	gk_auto_str char *text = gk_json_write(input, NULL);

	(void)ctx;
	if (!text)
		return gk_error_no_memory(err);
	greeting = json_sprintf("Hello, %s", text);
	*ret = gk_steal(greeting);
	return *ret ? GK_OK : gk_error_no_memory(err);
}

GK_MODULE(user, app, err)
{
	return gk_define_flow(app, GK_OPTS(gk_flow_opts, .name = "greet", .run = greet), err);
}
