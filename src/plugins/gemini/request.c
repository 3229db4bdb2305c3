/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "plugins/gemini/gemini.h"

#include "base/str.h"
#include "plugins/common/schema.h"
#include "plugins/common/vendor.h"

/* Members of the configuration that are no part of generationConfig: used elsewhere, or not sent. */
static const char elsewhere[] = GK_GEMINI_OF_THE_CALL
	" safetySettings codeExecution "
	"toolConfig functionCallingConfig googleSearchRetrieval googleSearch google_search "
	"fileSearch urlContext tools retrievalConfig serviceTier contextCache";

bool gk_gemini_speaks(const char *id)
{
	return gk_str_has_prefix(id, "gemini-") && strstr(id, "-tts");
}

bool gk_gemini_draws(const char *id)
{
	return gk_str_has_prefix(id, "gemini-") && strstr(id, "-image");
}

/* What a model says when nobody asks for anything else. */
static bool add_modalities(const gk_gemini_call *call, json_t *config)
{
	if (json_object_get(config, "responseModalities"))
		return true;
	if (gk_gemini_speaks(call->id))
		return gk_json_set_take(config, "responseModalities", json_pack("[s]", "AUDIO"));
	if (gk_gemini_draws(call->id))
		return gk_json_set_take(
			config, "responseModalities", json_pack("[s, s]", "TEXT", "IMAGE"));
	return true;
}

static gk_code add_schema(const gk_gemini_call *call, json_t *config, gk_error *err)
{
	static const char *const drop[] = { "$schema", "additionalProperties", NULL };
	json_t *schema = gk_json_at_peek(call->request, "output.schema");
	gk_auto_json json_t *adapted = NULL;
	gk_code rc;

	if (!gk_request_wants_json(call->request))
		return GK_OK;
	if (!gk_json_set_str(config, "responseMimeType", "application/json"))
		return gk_error_no_memory(err);
	if (!json_is_object(schema) ||
		!json_is_true(gk_json_at_peek(call->request, "output.constrained")))
		return GK_OK;
	if (!call->legacy_schema)
		return gk_json_set(config, "responseJsonSchema", schema) ? GK_OK
									 : gk_error_no_memory(err);
	rc = gk_schema_adapt(schema,
		GK_OPTS(gk_schema_adapt_opts, .drop = drop, .first_type = true), &adapted, err);
	if (rc == GK_OK && !gk_json_set(config, "responseSchema", adapted))
		rc = gk_error_no_memory(err);
	return rc;
}

static gk_code add_config(const gk_gemini_call *call, json_t *body, gk_error *err)
{
	json_t *candidates = json_object_get(call->request, "candidates"), *value;
	gk_auto_json json_t *config = json_object();
	const char *name;

	json_object_foreach (json_object_get(call->request, "config"), name, value)
		if (!json_is_null(value) && !gk_words_match(elsewhere, name) &&
			!gk_json_set(config, name, value))
			return gk_error_no_memory(err);
	if ((json_is_number(candidates) && !gk_json_set(config, "candidateCount", candidates)) ||
		!add_modalities(call, config) || !gk_json_set(body, "generationConfig", config))
		return gk_error_no_memory(err);
	return add_schema(call, config, err);
}

static bool add_safety(const gk_gemini_call *call, json_t *body)
{
	json_t *settings = gk_request_config_peek(call->request, "safetySettings"), *one;
	json_t *tier = gk_request_config_peek(call->request, "serviceTier");
	gk_auto_json json_t *kept = json_array();
	size_t i;

	json_array_foreach (settings, i, one)
		if (!gk_str_equal(gk_json_str_peek(one, "category"), "HARM_CATEGORY_UNSPECIFIED") &&
			json_array_append(kept, one) < 0)
			return false;
	return (!json_is_array(settings) || gk_json_set(body, "safetySettings", kept)) &&
	       (!tier || gk_json_set(body, "serviceTier", tier));
}

static gk_code add_contents(const gk_gemini_call *call, json_t *body, gk_error *err)
{
	json_t *messages = json_object_get(call->request, "messages"), *message;
	gk_auto_json json_t *contents = json_array();
	bool has_system = false;
	size_t i;

	if (!json_array_size(messages))
		return gk_error_set(
			err, GK_INVALID_ARGUMENT, "%s: the request has no messages", call->who);
	json_array_foreach (messages, i, message) {
		bool is_system = gk_message_role(message) == GK_ROLE_SYSTEM;
		json_t *one = NULL;
		gk_code rc;

		if (gk_message_role(message) == GK_ROLE_NONE)
			return gk_error_set(err, GK_INVALID_ARGUMENT,
				"%s: messages[%zu] has no known role", call->who, i);
		if (is_system && has_system)
			return gk_error_set(err, GK_INVALID_ARGUMENT,
				"%s: a request has one message of role system, messages[%zu] is another",
				call->who, i);
		has_system |= is_system;
		rc = gk_gemini_content(call, message, &one, err);
		if (rc != GK_OK)
			return rc;
		if (one && !(is_system ? gk_json_set_take(body, "systemInstruction", one)
				       : gk_json_push_take(contents, one)))
			return gk_error_no_memory(err);
	}
	return gk_json_set(body, "contents", contents) ? GK_OK : gk_error_no_memory(err);
}

gk_code gk_gemini_request(const gk_gemini_call *call, json_t **ret, gk_error *err)
{
	gk_auto_json json_t *body = json_object();
	gk_code rc = body ? add_contents(call, body, err) : gk_error_no_memory(err);

	if (rc == GK_OK)
		rc = add_config(call, body, err);
	if (rc == GK_OK)
		rc = gk_gemini_add_tools(call, body, err);
	if (rc == GK_OK && !add_safety(call, body))
		rc = gk_error_no_memory(err);
	if (rc == GK_OK)
		*ret = gk_steal(body);
	return rc;
}
