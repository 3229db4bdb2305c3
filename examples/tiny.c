/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * A whole module: one flow that streams what it makes.
 *
 *	cc -shared -fPIC $(pkg-config --cflags genkit) tiny.c -o tiny.so
 *	genkitd --dev --module ./tiny.so
 *	curl -sN http://127.0.0.1:3400/menuSuggestion -H 'Accept: text/event-stream' -d '{"data": {"theme": "pirate"}}'
 *
 * Running "menuSuggestion" with {"theme": "pirate"} gives "Three courses for a pirate restaurant"
 */
#include <genkit/genkit.h>

static gk_code suggest(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	static const char *const courses[] = { "soup", "roast", "pudding" };
	const char *theme = gk_json_str_peek(input, "theme"); /* the schema says that it is there */
	gk_code rc;

	for (size_t i = 0; i < 3; i++) {
		const char *dish = gk_ctx_printf(ctx, "%s %s", theme, courses[i]);

		rc = gk_ctx_send(ctx, json_pack("{s:s}", "dish", dish), err);
		if (rc == GK_OK)
			rc = gk_sleep(ctx, 100, err);
		if (rc != GK_OK)
			return rc; /* the client has gone, or time is up */
	}
	*ret = json_sprintf("Three courses for a %s restaurant", theme);
	return GK_OK;
}

GK_MODULE(tiny, app, err)
{
	return gk_define_flow(app,
		GK_OPTS(gk_flow_opts, .name = "menuSuggestion",
			.description = "Suggests the courses of a menu, one by one.",
			.input = "theme: string, the restaurant's theme", .output = "string",
			.stream = "dish: string", .run = suggest),
		err);
}
