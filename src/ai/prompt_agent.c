/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* A .prompt document that says `agent` is an agent as well, of the prompt's name (sessions section 4). */
#include "ai/agent.h"
#include "ai/prompt.h"

#include "base/str.h"
#include "core/app.h"
#include "core/define.h"
#include "dotprompt/picoschema.h"

#include <genkit/agent.h>
#include <stdio.h>

/* What it may say: `agent: true`, or these. */
static const char *const members[] = { "stateManagement", "stateSchema", "promptInput", NULL };

static json_t *section(gk_prompt_document *document)
{
	json_t *raw = json_object_get(gk_prompt_document_parsed_peek(document), "raw");
	json_t *agent = json_object_get(raw, "agent");

	return json_is_null(agent) || json_is_false(agent) ? NULL : agent;
}

static gk_code check_members(json_t *agent, gk_error *err)
{
	const char *key, *managed = gk_json_str_peek(agent, "stateManagement");
	json_t *input = json_object_get(agent, "promptInput"), *value;

	json_object_foreach (agent, key, value) {
		const char *nearest = gk_str_nearest(key, members);
		size_t i = 0;

		while (members[i] && strcmp(members[i], key) != 0)
			i++;
		if (!members[i])
			return gk_error_set(err, GK_INVALID_ARGUMENT, "agent.%s is unknown%s%s",
				key, nearest ? ", did you mean " : "", nearest ? nearest : "");
	}
	if (json_object_get(agent, "stateManagement") && !gk_str_equal(managed, "server") &&
		!gk_str_equal(managed, "client"))
		return gk_error_set(
			err, GK_INVALID_ARGUMENT, "agent.stateManagement must be server or client");
	if (input && !json_is_object(input))
		return gk_error_set(
			err, GK_INVALID_ARGUMENT, "agent.promptInput must be a mapping");
	return GK_OK;
}

static gk_code check_section(gk_app *app, json_t *agent, gk_error *err)
{
	gk_auto_str char *text = NULL;
	gk_schema *schema = NULL;
	gk_code rc;

	if (json_is_true(agent))
		return GK_OK;
	if (!json_is_object(agent))
		return gk_error_set(
			err, GK_INVALID_ARGUMENT, "agent must be true, false or a mapping");
	rc = check_members(agent, err);
	if (rc == GK_OK)
		rc = gk_schema_to_text(json_object_get(agent, "stateSchema"), &text, err);
	if (rc == GK_OK)
		rc = gk_action_schema(app, "agent.stateSchema", text, NULL, &schema, err);
	gk_schema_unref(schema);
	return rc;
}

gk_code gk_prompt_agent_check(
	gk_app *app, const gk_prompt_body *body, const gk_prompt_body *old, gk_error *err)
{
	gk_prompt_document *document = body->messages.document;
	json_t *agent = section(document);
	gk_auto_str char *key = NULL;
	gk_code rc;

	if (!agent)
		return GK_OK;
	if (asprintf(&key, "/agent/%s", body->name) < 0) {
		key = NULL;
		return gk_error_no_memory(err);
	}
	if (gk_app_find_action_peek(app, key) && !(old && old->is_agent))
		rc = gk_error_set(
			err, GK_ALREADY_EXISTS, "there is an agent %s already", body->name);
	else
		rc = check_section(app, agent, err);
	return rc == GK_OK ? GK_OK : gk_prompt_document_key_mistake(document, "agent", err);
}

void gk_prompt_withdraw_agent(gk_app *app, gk_prompt_body *body)
{
	if (body->is_agent)
		gk_agent_withdraw(app, body->name);
	body->is_agent = false;
}

static gk_code define(
	gk_app *app, const gk_prompt_body *body, json_t *agent, bool is_other, gk_error *err)
{
	json_t *raw =
		json_object_get(gk_prompt_document_parsed_peek(body->messages.document), "raw");
	gk_auto_str char *schema = NULL;
	gk_code rc = gk_schema_to_text(json_object_get(agent, "stateSchema"), &schema, err);

	if (rc != GK_OK)
		return rc;
	return gk_agent_define(app,
		GK_OPTS(gk_agent_opts, .name = body->name,
			.description = gk_json_str_peek(raw, "description"),
			.prompt_name = body->name,
			.prompt_input = json_object_get(agent, "promptInput"),
			.state_schema = schema,
			.is_stored = !gk_str_equal(
				gk_json_str_peek(agent, "stateManagement"), "client")),
		is_other, err);
}

gk_code gk_prompt_define_agent(
	gk_app *app, gk_prompt_body *body, gk_prompt_body *old, gk_error *err)
{
	json_t *agent = section(body->messages.document);
	bool was_agent = old && old->is_agent;
	gk_code rc;

	if (!agent) {
		if (was_agent)
			gk_prompt_withdraw_agent(app, old);
		return GK_OK;
	}
	rc = define(app, body, agent, was_agent, err);
	body->is_agent = rc == GK_OK || was_agent;
	return rc;
}
