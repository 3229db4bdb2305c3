/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* What can be configured about a call. */
#include "plugins/anthropic/anthropic.h"

#include "plugins/common/settings.h"

#define OBJECTS "{\"type\":\"array\",\"items\":{\"type\":\"object\"}}"

static const gk_setting_of keys[] = {
	{ 1, "apiKey", "string", "Key for this call alone." },
	{ 1, "version", "string", "The model that is asked instead." },
	{ 1, "apiVersion", "{\"type\":\"string\",\"enum\":[\"stable\",\"beta\"]}",
		"The surface of the API that is asked." },
	{ 1, "betas", "strings", "Beta features, in place of the usual ones." },
	{ 1, "temperature", "{\"type\":\"number\",\"minimum\":0,\"maximum\":1}",
		"How freely words are chosen." },
	{ 1, "topP", "{\"type\":\"number\",\"minimum\":0,\"maximum\":1}",
		"Only the likeliest words that add up to this are chosen from." },
	{ 1, "topK", "integer", "Only so many of the likeliest words are chosen from." },
	{ 1, "maxOutputTokens", "integer",
		"The answer ends after so many tokens; 4096 unless given." },
	{ 1, "stopSequences", "strings", "The answer ends before one of these." },
	{ 1, "thinking",
		"{\"type\":\"object\",\"properties\":{\"enabled\":{\"type\":\"boolean\"},\"budgetTokens\":"
		"{\"type\":\"integer\",\"minimum\":1024},\"adaptive\":{\"type\":\"boolean\"},\"display\":"
		"{\"type\":\"string\",\"enum\":[\"summarized\",\"omitted\"]}}}",
		"Whether it thinks first: with a budget, or as it sees fit." },
	{ 1, "output_config",
		"{\"type\":\"object\",\"properties\":{\"effort\":{\"type\":\"string\"},\"task_budget\":"
		"{\"type\":\"object\"}}}",
		"How much effort it makes." },
	{ 1, "tool_choice", "object", "Which tool is called, as the service has it." },
	{ 1, "tools", OBJECTS, "Tools of the service, such as web search." },
	{ 1, "metadata", "{\"type\":\"object\",\"properties\":{\"user_id\":{\"type\":\"string\"}}}",
		"Who asks." },
	{ 1, "service_tier", "string", "auto or standard_only." },
	{ 1, "container", "string", "Where code runs." },
	{ 1, "context_management", "object", "What is left out of a long conversation (beta)." },
	{ 1, "mcp_servers", OBJECTS, "MCP servers whose tools it may use (beta)." },
	{ .name = NULL },
};

json_t *gk_anthropic_config_schema(void)
{
	return gk_settings_schema_of(keys, 1);
}
