/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * A dish for the theme of a restaurant, as an object and not as prose: the schema goes to the model, and what comes back
 * is held to it.
 *
 *	genkitd --dev --module ./menu.so
 *	curl -s http://127.0.0.1:3400/menuSuggestion -d '{"data": {"theme": "pirate"}}'
 *
 * Running "menuSuggestion" with {"theme": "pirate"}
 * gives {"title": "Walk-the-plank pie", "description": "Cod under a raft of potatoes.", "calories": 640, "allergens": ["fish"]}
 * Running "menuSuggestion" with {"theme": "lighthouse"} fails with "INVALID_ARGUMENT: Schema validation failed..."
 * Running "menuSuggestion" with {} fails with "INVALID_ARGUMENT: Schema validation failed..."
 */
#include <genkit/genkit.h>

/* Picoschema, as in prompts; JSON Schema will do as well. */
static const char menu_item[] = "title: string, the name of the dish\n"
				"description: string\n"
				"calories: integer\n"
				"allergens(array): string\n";

static gk_code suggest(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	gk_auto_response gk_response *reply = NULL;
	gk_code rc = gk_generate(ctx,
		GK_OPTS(gk_generate_opts, .model = "test/programmable",
			.prompt = gk_ctx_printf(ctx, "Invent a dish for a %s themed restaurant.",
				gk_json_str_peek(input, "theme")),
			.output_schema = menu_item),
		&reply, err);

	if (rc == GK_OK)
		*ret = json_incref(gk_response_output(reply));
	return rc;
}

/* What the model will say, for there is none behind this: two answers, of which the second is no dish. A provider's model
 * thinks of its own. */
static gk_code script_model(gk_app *app, gk_error *err)
{
	gk_auto_json json_t *script = json_pack("[{s:s}, {s:s}]", "text",
		"{\"title\": \"Walk-the-plank pie\", \"description\": \"Cod under a raft of potatoes.\","
		" \"calories\": 640, \"allergens\": [\"fish\"]}",
		"text", "{\"title\": \"Fog\"}");
	gk_code rc = gk_define_test_models(app, err);

	return rc == GK_OK ? gk_test_script(app, script, err) : rc;
}

GK_MODULE(menu, app, err)
{
	gk_code rc = script_model(app, err);

	if (rc == GK_OK)
		rc = gk_define_flow(app,
			GK_OPTS(gk_flow_opts, .name = "menuSuggestion",
				.input = "theme: string, the restaurant's theme",
				.output = menu_item, .run = suggest),
			err);
	return rc;
}
