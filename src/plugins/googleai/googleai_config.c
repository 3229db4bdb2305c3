/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* What can be configured about a call of each kind of model. */
#include "plugins/googleai/googleai.h"

#define SWITCH        "{\"type\":[\"boolean\",\"object\"]}"
#define OBJECTS       "{\"type\":\"array\",\"items\":{\"type\":\"object\"}}"
#define ONE_OF(words) "{\"type\":\"string\",\"enum\":[" words "]}"

#define GEMINIS  (GK_GOOGLEAI_GEMINI | GK_GOOGLEAI_GEMMA | GK_GOOGLEAI_SPEECH | GK_GOOGLEAI_PICTURE)
#define AGENTS   (GK_GOOGLEAI_AGENT | GK_GOOGLEAI_RESEARCH)
#define MEDIA    (GK_GOOGLEAI_IMAGEN | GK_GOOGLEAI_VEO)
#define ALL      (~0u)
#define VERSIONS (GEMINIS | GK_GOOGLEAI_IMAGEN | GK_GOOGLEAI_EMBEDDER)

static const gk_setting_of keys[] = {
	{ ALL, "apiKey", "string", "Key for this call alone." },
	{ ALL, "baseUrl", "string", "Where the service is, for this call alone." },
	{ ALL, "apiVersion", "string", "Version of the API, for this call alone." },
	{ ALL, "timeout", "{\"type\":\"number\",\"minimum\":0}", "Milliseconds for this call." },
	{ ALL, "customHeaders", "object", "Headers that go along with this call." },
	{ VERSIONS, "version", "string", "The model that is asked instead." },

	{ GEMINIS, "temperature", "{\"type\":\"number\",\"minimum\":0,\"maximum\":2}",
		"How freely words are chosen." },
	{ GK_GOOGLEAI_GEMMA, "temperature", "{\"type\":\"number\",\"minimum\":0,\"maximum\":1}",
		"How freely words are chosen." },
	{ GEMINIS, "topP", "{\"type\":\"number\",\"minimum\":0,\"maximum\":1}",
		"Only the likeliest words that add up to this are chosen from." },
	{ GEMINIS, "topK", "number", "Only so many of the likeliest words are chosen from." },
	{ GEMINIS, "maxOutputTokens", "integer", "The answer ends after so many tokens." },
	{ GEMINIS, "stopSequences", "strings", "The answer ends before one of these." },
	{ GEMINIS, "seed", "integer", "The same seed tends to give the same answer." },
	{ GEMINIS, "presencePenalty", "number", "Against words that were there already." },
	{ GEMINIS, "frequencyPenalty", "number", "Against words that were there often." },
	{ GEMINIS, "thinkingConfig",
		"{\"type\":\"object\",\"properties\":{\"includeThoughts\":{\"type\":\"boolean\"},"
		"\"thinkingBudget\":{\"type\":\"integer\"},\"thinkingLevel\":{\"type\":\"string\","
		"\"enum\":[\"MINIMAL\",\"LOW\",\"MEDIUM\",\"HIGH\"]}}}",
		"How much it thinks, and whether its thoughts are told." },
	{ GEMINIS, "safetySettings",
		"{\"type\":\"array\",\"items\":{\"type\":\"object\",\"properties\":{\"category\":"
		"{\"type\":\"string\"},\"threshold\":{\"type\":\"string\"}}}}",
		"What is blocked: a threshold for each category of harm." },
	{ GEMINIS, "responseModalities",
		"{\"type\":\"array\",\"items\":{\"type\":\"string\",\"enum\":[\"TEXT\",\"IMAGE\",\"AUDIO\"]}}",
		"What the answer is made of." },
	{ GEMINIS, "mediaResolution", "string", "How closely media are looked at." },
	{ GEMINIS, "serviceTier", "string", "standard, flex or priority." },
	{ GK_GOOGLEAI_GEMINI | GK_GOOGLEAI_SPEECH, "speechConfig", "object", "Voices." },
	{ GK_GOOGLEAI_GEMINI | GK_GOOGLEAI_PICTURE, "imageConfig",
		"{\"type\":\"object\",\"properties\":{\"aspectRatio\":{\"type\":\"string\"},\"imageSize\":"
		"{\"type\":\"string\"}}}",
		"Shape and size of pictures." },
	{ GEMINIS, "codeExecution", SWITCH, "It may write code and run it." },
	{ GEMINIS, "googleSearchRetrieval", SWITCH, "It may search the web." },
	{ GEMINIS, "googleSearch", SWITCH, "It may search the web." },
	{ GEMINIS, "fileSearch",
		"{\"type\":\"object\",\"properties\":{\"fileSearchStoreNames\":{\"type\":\"array\",\"items\":"
		"{\"type\":\"string\"}},\"metadataFilter\":{\"type\":\"string\"},\"topK\":{\"type\":\"integer\"}}}",
		"It may search stores of files." },
	{ GEMINIS, "urlContext", SWITCH, "It may read what a message refers to by its address." },
	{ GEMINIS, "tools", OBJECTS, "More tools of the service, as it has them." },
	{ GEMINIS, "functionCallingConfig",
		"{\"type\":\"object\",\"properties\":{\"mode\":{\"type\":\"string\"},\"allowedFunctionNames\":"
		"{\"type\":\"array\",\"items\":{\"type\":\"string\"}}}}",
		"Whether tools are called, and which; goes before toolChoice." },
	{ GEMINIS, "toolConfig", "object", "More about tools, as the service has it." },
	{ GEMINIS, "retrievalConfig", "object", "Place and language of a search." },

	{ GK_GOOGLEAI_IMAGEN, "numberOfImages",
		"{\"type\":\"integer\",\"minimum\":1,\"maximum\":4}",
		"How many pictures; 1 unless given." },
	{ MEDIA, "aspectRatio", "string", "Shape, such as 16:9." },
	{ MEDIA, "personGeneration", ONE_OF("\"dont_allow\",\"allow_adult\",\"allow_all\""),
		"Whether people may be shown." },
	{ GK_GOOGLEAI_VEO, "negativePrompt", "string", "What is not to be seen." },
	{ GK_GOOGLEAI_VEO, "durationSeconds", "integer", "How long a video is." },
	{ GK_GOOGLEAI_VEO, "resolution", "string", "720p, 1080p or 4k." },
	{ GK_GOOGLEAI_VEO, "seed", "integer", "The same seed tends to give the same video." },
	{ GK_GOOGLEAI_VEO, "enhancePrompt", "boolean", "Whether the prompt is rewritten first." },

	{ GK_GOOGLEAI_MUSIC | AGENTS, "responseModalities", "strings",
		"What the answer is made of." },
	{ AGENTS, "previousInteractionId", "string", "The interaction that goes on." },
	{ AGENTS, "store", "boolean", "Whether the service keeps the interaction." },
	{ GK_GOOGLEAI_AGENT, "environment", "{\"type\":[\"string\",\"object\"]}",
		"Where it works." },
	{ GK_GOOGLEAI_RESEARCH, "thinkingSummaries", ONE_OF("\"AUTO\",\"NONE\""),
		"Whether its thoughts are told." },
	{ GK_GOOGLEAI_RESEARCH, "visualization", ONE_OF("\"AUTO\",\"OFF\""),
		"Whether it makes charts and pictures." },
	{ GK_GOOGLEAI_RESEARCH, "collaborativePlanning", "boolean",
		"Whether its plan is looked at before it begins." },
	{ GK_GOOGLEAI_RESEARCH, "googleSearch", SWITCH, "It may search the web." },
	{ GK_GOOGLEAI_RESEARCH, "urlContext", SWITCH, "It may read pages." },
	{ GK_GOOGLEAI_RESEARCH, "codeExecution", SWITCH, "It may write code and run it." },
	{ GK_GOOGLEAI_RESEARCH, "fileSearch",
		"{\"type\":\"object\",\"properties\":{\"fileSearchStoreNames\":{\"type\":\"array\",\"items\":"
		"{\"type\":\"string\"}}}}",
		"It may search stores of files." },
	{ GK_GOOGLEAI_RESEARCH, "mcpServers",
		"{\"type\":\"array\",\"items\":{\"type\":\"object\",\"properties\":{\"name\":{\"type\":\"string\"},"
		"\"url\":{\"type\":\"string\"},\"headers\":{\"type\":\"object\"},\"allowedTools\":{\"type\":\"array\","
		"\"items\":{\"type\":\"string\"}}}}}",
		"MCP servers whose tools it may use." },

	{ GK_GOOGLEAI_EMBEDDER, "taskType",
		ONE_OF("\"RETRIEVAL_DOCUMENT\",\"RETRIEVAL_QUERY\",\"SEMANTIC_SIMILARITY\","
		       "\"CLASSIFICATION\",\"CLUSTERING\",\"CODE_RETRIEVAL_QUERY\","
		       "\"QUESTION_ANSWERING\",\"FACT_VERIFICATION\""),
		"What the embeddings are for." },
	{ GK_GOOGLEAI_EMBEDDER, "title", "string", "Title of the document." },
	{ GK_GOOGLEAI_EMBEDDER, "outputDimensionality", "{\"type\":\"integer\",\"minimum\":1}",
		"How long the vectors are." },
	{ .name = NULL },
};

json_t *gk_googleai_config_schema(unsigned of)
{
	return gk_settings_schema_of(keys, of);
}
