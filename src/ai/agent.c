/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Agents: defined and described (sessions section 6). */
#include "ai/agent.h"

#include "base/limits.h"
#include "core/app.h"
#include "core/builtin_schemas.h"
#include "json/edit.h"

#include <stdio.h>

gk_agent *gk_agent_ref(gk_agent *agent)
{
	agent->refs++;
	return agent;
}

void gk_agent_unref(void *it)
{
	gk_agent *agent = it;

	if (!agent || --agent->refs)
		return;
	if (agent->free_user)
		agent->free_user(agent->user);
	gk_schema_unref(agent->state_schema);
	json_decref(agent->prompt_input);
	free(agent->prompt_name);
	free(agent->store_name);
	free(agent->name);
	free(agent);
}

static gk_code check(const gk_agent_opts *opts, gk_error *err)
{
	int takers = (opts->turn != NULL) + (opts->prompt != NULL) + (opts->prompt_name != NULL);

	if (!opts->name || !*opts->name)
		return gk_error_set(err, GK_INVALID_ARGUMENT, "an agent needs a name");
	if (takers != 1)
		return gk_error_set(err, GK_INVALID_ARGUMENT,
			"agent %s: its turns are taken by a function, by a prompt, or by one of "
			"another name",
			opts->name);
	if (opts->max_chain > GK_MAX_CHAIN)
		return gk_error_set(err, GK_INVALID_ARGUMENT,
			"agent %s: no more than %d snapshots of a session are counted", opts->name,
			GK_MAX_CHAIN);
	return GK_OK;
}

static gk_code fill(gk_app *app, gk_agent *agent, const gk_agent_opts *opts, gk_error *err)
{
	const char *prompt = opts->prompt ? opts->name : opts->prompt_name;

	agent->turn = opts->turn ? opts->turn : gk_agent_prompt_turn;
	agent->result = opts->result;
	agent->transform_state = opts->transform_state;
	agent->transform_chunk = opts->transform_chunk;
	agent->takes_late_answers = opts->takes_late_answers;
	agent->is_stored = opts->is_stored || opts->store;
	agent->store = opts->store;
	agent->rejects_branches = opts->rejects_branches;
	agent->max_chain = opts->max_chain;
	agent->user = opts->user;
	agent->name = strdup(opts->name);
	agent->store_name = strdup(opts->store_name ? opts->store_name : opts->name);
	agent->prompt_input = opts->prompt_input ? json_incref(opts->prompt_input) : json_object();
	if (prompt)
		agent->prompt_name = strdup(prompt);
	if (!agent->name || !agent->store_name || !agent->prompt_input ||
		(prompt && !agent->prompt_name))
		return gk_error_no_memory(err);
	return gk_action_schema(app, "state", opts->state_schema, opts->state_schema_json,
		&agent->state_schema, err);
}

/* {...given, agent: {stateManagement, abortable, stateSchema?}} */
static json_t *metadata_of(gk_app *app, const gk_agent *agent)
{
	gk_auto_json json_t *about = json_object();
	gk_session_store *store = agent->is_stored ? gk_agent_store_peek(app, agent) : NULL;

	if ((agent->is_stored && !store) ||
		!gk_json_set_str(about, "stateManagement", store ? "server" : "client") ||
		!gk_json_set_bool(about, "abortable", store && gk_session_store_can_watch(store)) ||
		(agent->state_schema && !gk_json_set(about, "stateSchema",
						gk_schema_json_peek(agent->state_schema))))
		return NULL;
	return json_pack("{s:O}", "agent", about);
}

typedef struct agent_form {
	const char *type, *input, *output, *init; /* the last three: built-in schemas; NULL: none */
	gk_action_fn *run;
	gk_around_fn *around;
} agent_form;

static const agent_form forms[] = {
	{ "agent", "AgentInput", "AgentOutput", "AgentInit", gk_agent_action, gk_agent_around },
	{ "agent-snapshot", "GetSnapshotRequest", "SessionSnapshot", NULL, gk_agent_snapshot_action,
		NULL },
	{ "agent-abort", "AgentAbortRequest", "AgentAbortResponse", NULL, gk_agent_abort_action,
		NULL },
};
#define FORMS (sizeof(forms) / sizeof(forms[0]))

static gk_code make_form(gk_app *app, gk_agent *agent, const agent_form *form,
	const char *description, json_t *metadata, gk_action **ret, gk_error *err)
{
	gk_action_parts parts = { .around = form->around };
	gk_code rc = gk_builtin_schema(form->input, &parts.input, err);

	if (rc == GK_OK)
		rc = gk_builtin_schema(form->output, &parts.output, err);
	if (rc == GK_OK && form->init)
		rc = gk_builtin_schema(form->init, &parts.init, err);
	if (rc == GK_OK)
		rc = gk_action_make(app,
			GK_OPTS(gk_action_opts, .type = form->type, .name = agent->name,
				.description = description, .metadata = metadata, .run = form->run,
				.user = agent, .free_user = gk_agent_unref,
				.is_bidi = form->init != NULL),
			&parts, ret, err);
	if (rc == GK_OK)
		gk_agent_ref(agent);
	gk_schema_unref(parts.input);
	gk_schema_unref(parts.output);
	gk_schema_unref(parts.init);
	return rc;
}

/* Those of the companions are fixed. NULL: memory ran out. */
static char *description_of(const agent_form *form, const char *name)
{
	char *text;
	int len;

	if (form->run == gk_agent_snapshot_action)
		len = asprintf(&text, "Gets snapshot data for %s by snapshotId or sessionId", name);
	else
		len = asprintf(&text,
			"Aborts %s agent by snapshotId. Returns the snapshot id and its status "
			"after the abort attempt.",
			name);
	return len < 0 ? NULL : text;
}

static gk_code make_forms(
	gk_app *app, gk_agent *agent, const gk_agent_opts *opts, gk_action **actions, gk_error *err)
{
	gk_auto_json json_t *metadata = metadata_of(app, agent);
	gk_code rc = metadata ? make_form(app, agent, &forms[0], opts->description, metadata,
					&actions[0], err)
			      : gk_error_no_memory(err);

	for (size_t i = 1; rc == GK_OK && i < FORMS; i++) {
		gk_auto_str char *description = description_of(&forms[i], agent->name);

		rc = description
			     ? make_form(app, agent, &forms[i], description, NULL, &actions[i], err)
			     : gk_error_no_memory(err);
	}
	return rc;
}

/* The agent that makes place; NULL: none. */
static const void *old_of(gk_app *app, const char *name)
{
	const gk_action *action = gk_app_find_named_peek(app, forms[0].type, name);

	return action ? gk_action_user(action) : NULL;
}

static gk_code register_it(
	gk_app *app, gk_agent *agent, const gk_agent_opts *opts, bool is_other, gk_error *err)
{
	gk_action *actions[FORMS] = { NULL };
	gk_code rc = make_forms(app, agent, opts, actions, err);

	if (rc == GK_OK) {
		rc = gk_action_replace_all(
			app, actions, FORMS, is_other ? old_of(app, opts->name) : NULL, err);
		if (rc != GK_OK)
			agent->refs -= FORMS; /* the actions have left it to us */
		return rc;
	}
	for (size_t i = 0; i < FORMS; i++)
		gk_action_unref(actions[i]);
	return rc;
}

void gk_agent_withdraw(gk_app *app, const char *name)
{
	for (size_t i = 0; i < FORMS; i++)
		gk_app_remove_named(app, forms[i].type, name);
}

/* The agent is there before its prompt is: its name is the one that may be taken. */
static gk_code define_prompt(gk_app *app, const gk_agent_opts *opts, gk_error *err)
{
	gk_prompt_opts prompt;
	gk_code rc;

	if (!opts->prompt)
		return GK_OK;
	prompt = *opts->prompt;
	prompt.name = opts->name;
	prompt.variant = NULL;
	rc = gk_define_prompt(app, &prompt, err);
	if (rc != GK_OK)
		gk_agent_withdraw(app, opts->name);
	return rc;
}

gk_code gk_agent_define(gk_app *app, const gk_agent_opts *opts, bool is_other, gk_error *err)
{
	gk_agent *agent;
	gk_code rc = check(opts, err);

	if (rc == GK_OK)
		rc = gk_action_check_allowed(opts->name, err);
	if (rc != GK_OK)
		return rc;
	agent = calloc(1, sizeof(*agent));
	if (!agent)
		return gk_error_no_memory(err);
	agent->refs = 1;
	rc = fill(app, agent, opts, err);
	if (rc == GK_OK)
		rc = register_it(app, agent, opts, is_other, err);
	if (rc == GK_OK)
		rc = define_prompt(app, opts, err);
	if (rc == GK_OK)
		agent->free_user = opts->free_user;
	gk_agent_unref(agent);
	return rc;
}

gk_code gk_define_agent(gk_app *app, const gk_agent_opts *opts, gk_error *err)
{
	return gk_agent_define(app, opts, false, err);
}
