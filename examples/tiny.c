/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * A whole module: a model, and a flow that asks it and streams what it says.
 *
 *	cc -shared -fPIC $(pkg-config --cflags genkit) tiny.c -o tiny.so
 *	genkitd --dev --module ./tiny.so
 *	curl -sN http://127.0.0.1:3400/menuSuggestion -H 'Accept: text/event-stream' -d '{"data": {"theme": "pirate"}}'
 */
#include <genkit/genkit.h>

/* A real one would ask a provider: see the plugins. */
static gk_code cook(gk_ctx *ctx, json_t *request, json_t **ret, gk_error *err)
{
	static const char *const courses[] = { "soup, ", "roast, ", "pudding" };
	const char *asked = gk_json_str_peek(request, "messages[0].content[0].text");
	gk_code rc;

	for (size_t i = 0; i < 3; i++) {
		rc = gk_ctx_send(ctx, json_pack("{s:[{s:s}]}", "content", "text", courses[i]), err);
		if (rc == GK_OK)
			rc = gk_sleep(ctx, 100, err);
		if (rc != GK_OK)
			return rc; /* the client has gone, or time is up */
	}
	*ret = json_pack("{s:{s:s, s:[{s:o}]}}", "message", "role", "model", "content", "text",
		json_sprintf("%s: soup, roast, pudding", asked));
	return GK_OK;
}

static gk_code suggest(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	const char *theme = gk_json_str_peek(input, "theme"); /* the schema says that it is there */
	gk_auto_response gk_response *reply = NULL;
	gk_code rc = gk_generate(ctx,
		GK_OPTS(gk_generate_opts, .model = "tiny/cook",
			.prompt = gk_ctx_printf(ctx, "A menu for a %s restaurant", theme),
			.on_chunk = gk_forward_chunk),
		&reply, err);

	if (rc == GK_OK)
		*ret = json_string(gk_response_text(reply));
	return rc;
}

GK_MODULE(tiny, app, err)
{
	gk_code rc =
		gk_define_model(app, GK_OPTS(gk_model_opts, .name = "tiny/cook", .run = cook), err);

	if (rc != GK_OK)
		return rc;
	return gk_define_flow(app,
		GK_OPTS(gk_flow_opts, .name = "menuSuggestion",
			.description = "Suggests a menu, course by course.",
			.input = "theme: string, the restaurant's theme", .output = "string",
			.run = suggest),
		err);
}
