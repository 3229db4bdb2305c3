/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * What a path of the flow server means: a flow by its name, and an agent or one of its companions by the name behind the
 * agents' prefix or, as a flow, without it (sessions section 13). A flow of that name comes first.
 */
#include "server/flows_internal.h"

#include "base/limits.h"
#include "base/str.h"

#define FLOW_KEY "/flow/"

/* The shortest suffix first: an agent may be called as the companion of another is. */
static const struct companion {
	const char *suffix; /* of the path */
	const char *key;    /* of the action, before the agent's name */
} companions[] = {
	{ "", "/agent/" },
	{ "/getSnapshot", "/agent-snapshot/" },
	{ "/abort", "/agent-abort/" },
};

/* Room for a key, and for the name by which `served` knows an agent. */
#define NAME_SIZE (sizeof("/agent-snapshot/") + GK_MAX_ACTION_NAME)

static bool is_served(const gk_flow_settings *settings, const char *name)
{
	if (!settings->served)
		return true;
	for (char **pattern = settings->served; *pattern; pattern++) {
		size_t len = strlen(*pattern);

		if (len && (*pattern)[len - 1] == '*' ? strncmp(name, *pattern, len - 1) == 0
						      : strcmp(name, *pattern) == 0)
			return true;
	}
	return false;
}

static void join(char to[NAME_SIZE], const char *prefix, const char *name, size_t len)
{
	size_t prefix_len = strlen(prefix);

	memcpy(to, prefix, prefix_len);
	memcpy(to + prefix_len, name, len);
	to[prefix_len + len] = '\0';
}

static gk_action *find_agent(const gk_flow_settings *settings, const char *name)
{
	size_t whole = strlen(name);
	char text[NAME_SIZE];

	for (size_t i = 0; i < sizeof(companions) / sizeof(companions[0]); i++) {
		const struct companion *it = &companions[i];
		size_t suffix = strlen(it->suffix);
		gk_action *action;

		if (whole <= suffix || strcmp(name + whole - suffix, it->suffix) != 0)
			continue;
		join(text, it->key, name, whole - suffix);
		action = gk_app_find_action_peek(settings->app, text);
		join(text, GK_AGENTS_PREFIX, name, whole - suffix);
		if (action && is_served(settings, text))
			return action;
	}
	return NULL;
}

gk_action *gk_flow_find(const gk_flow_settings *settings, const char *path)
{
	const char *name = path + settings->prefix_len;
	gk_action *action = NULL;
	char key[NAME_SIZE];
	size_t len;

	if (strncmp(path, settings->prefix, settings->prefix_len) != 0)
		return NULL;
	len = strlen(name);
	if (len > GK_MAX_ACTION_NAME)
		return NULL;
	if (is_served(settings, name)) {
		join(key, FLOW_KEY, name, len);
		action = gk_app_find_action_peek(settings->app, key);
	}
	if (!action && *settings->agents && gk_str_has_prefix(name, settings->agents))
		action = find_agent(settings, name + strlen(settings->agents));
	return action ? action : find_agent(settings, name);
}

const char *gk_flow_error_frame(const gk_action *action)
{
	return gk_str_equal(gk_action_type(action), "flow") ? "error: " : "data: ";
}
