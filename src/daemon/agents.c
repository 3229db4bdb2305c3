/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "daemon/agents.h"

#include "ai/agent.h"
#include "base/log.h"
#include "base/str.h"
#include "daemon/config.h"
#include "dotprompt/picoschema.h"

struct gk_agents {
	gk_app *app;
	json_t *entries; /* that are defined; array */
};

/* --- one --- */

static gk_code define(gk_app *app, json_t *entry, gk_error *err)
{
	const char *name = gk_json_str_peek(entry, "name"),
		   *prompt = gk_json_str_peek(entry, "prompt");
	const char *where = gk_config_entry_where(entry);
	gk_auto_str char *schema = NULL;
	gk_code rc = gk_schema_to_text(json_object_get(entry, "state_schema"), &schema, err);

	if (rc == GK_OK)
		rc = gk_define_agent(app,
			GK_OPTS(gk_agent_opts, .name = name,
				.description = gk_json_str_peek(entry, "description"),
				.prompt_name = prompt ? prompt : name,
				.prompt_input = json_object_get(entry, "input"),
				.state_schema = schema,
				.is_stored =
					!gk_str_equal(gk_json_str_peek(entry, "state"), "client")),
			err);

	if (rc != GK_OK)
		gk_error_prefix(err, "%s: agent '%s': ", where ? where : "agents", name);
	return rc;
}

/* --- all --- */

static void withdraw_first(gk_agents *agents, json_t *entries, size_t count)
{
	for (size_t i = 0; i < count; i++)
		gk_agent_withdraw(
			agents->app, gk_json_str_peek(json_array_get(entries, i), "name"));
}

static gk_code define_all(gk_agents *agents, json_t *entries, gk_error *err)
{
	gk_code rc = GK_OK;
	size_t i;

	for (i = 0; i < json_array_size(entries); i++) {
		rc = define(agents->app, json_array_get(entries, i), err);
		if (rc != GK_OK)
			break;
	}
	if (rc != GK_OK)
		withdraw_first(agents, entries, i);
	return rc;
}

gk_code gk_agents_configure(gk_agents *agents, json_t *entries, gk_error *err)
{
	gk_auto_error gk_error failure = { 0 };
	gk_code rc;

	withdraw_first(agents, agents->entries, json_array_size(agents->entries));
	rc = define_all(agents, entries, err);
	if (rc == GK_OK) {
		json_decref(agents->entries);
		agents->entries = json_incref(entries);
	} else if (define_all(agents, agents->entries, &failure) != GK_OK) {
		gk_log(GK_LOG_ERROR, "agents", "the agents could not be put back: %s",
			failure.message ? failure.message : "out of memory");
	}
	return rc;
}

gk_agents *gk_agents_new(gk_app *app)
{
	gk_agents *agents = calloc(1, sizeof(*agents));

	if (agents)
		agents->app = app;
	return agents;
}

void gk_agents_free(gk_agents *agents)
{
	if (!agents)
		return;
	json_decref(agents->entries);
	free(agents);
}
