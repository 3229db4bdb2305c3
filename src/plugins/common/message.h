/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * Genkit's messages as converters read and make them. Setters and makers take a NULL, as those of json/edit.h do; a NULL
 * out of a maker is memory that ran out.
 */
#ifndef GK_PLUGINS_MESSAGE_H
#define GK_PLUGINS_MESSAGE_H

#include "base/buf.h"
#include "json/edit.h"

typedef enum gk_role {
	GK_ROLE_NONE = -1, /* none of these */
	GK_ROLE_SYSTEM,
	GK_ROLE_USER,
	GK_ROLE_MODEL,
	GK_ROLE_TOOL,
} gk_role;
gk_role gk_message_role(const json_t *message);

/* What a part is, by which member it has. */
typedef enum gk_part_kind {
	GK_PART_TEXT,
	GK_PART_MEDIA,
	GK_PART_TOOL_REQUEST,
	GK_PART_TOOL_RESPONSE,
	GK_PART_REASONING,
	GK_PART_RESOURCE,
	GK_PART_CUSTOM,
	GK_PART_DATA, /* or nothing at all */
} gk_part_kind;
gk_part_kind gk_part_kind_of(const json_t *part);
/** "text", "media", ...: for errors. */
const char *gk_part_kind_name(gk_part_kind kind);

/** The texts of the parts that have that member ("text", "reasoning"), one after the other. */
void gk_parts_join(gk_buf *buf, const json_t *parts, const char *member);
/** The same as one string. */
json_t *gk_parts_joined(const json_t *parts, const char *member);
/** The texts of `count` documents from the one at `from`, a string each. New reference; NULL when memory ran out. */
json_t *gk_documents_texts(const json_t *documents, size_t from, size_t count);
/** Whether it is a vector: a list of numbers. */
bool gk_vector_is(const json_t *value);
/** Adds {embedding} for each vector of an answer. INTERNAL: these are not `count`, or not vectors; `who` begins the error. */
GK_MUST_USE gk_code gk_embeddings_add(
	const char *who, json_t *embeddings, const json_t *vectors, size_t count, gk_error *err);
/** What is said in words: the texts, and data as JSON, one after the other. New reference; NULL when memory ran out. */
json_t *gk_parts_said(const json_t *parts);
/** What a tool gave: its output (text as it is, else JSON), then the texts of its content. New reference. */
json_t *gk_tool_response_text(const json_t *response);
bool gk_parts_have(const json_t *parts, gk_part_kind kind);
/** {text} and its like: `member` with that text; NULL for a text that is NULL. */
json_t *gk_part_new(const char *member, const char *text, size_t len);
/** Adds such a part with a text that is a value already (borrowed). */
GK_MUST_USE bool gk_parts_add_value(json_t *parts, const char *member, json_t *value);
/** Adds such a part when the text is not empty. */
GK_MUST_USE bool gk_parts_add(json_t *parts, const char *member, const char *text, size_t len);
/** {toolRequest: {name, ref?, input?}}; `ref` NULL or empty: none. `input_take` is consumed. */
json_t *gk_part_tool_request(const char *name, const char *ref, json_t *input_take);
/** What a call of `tool` is to have: `arguments` as they are, or read of their text; {} for none, and for blank text. INTERNAL:
 * text that is no JSON, or no tool (NULL, ""). `*ret` is a new reference; `who` begins the error. */
GK_MUST_USE gk_code gk_call_arguments(
	const char *who, const char *tool, json_t *arguments, json_t **ret, gk_error *err);
/** What a tool is called with: `input` (borrowed), or {} where it is NULL or null. New reference. */
json_t *gk_tool_input(json_t *input);
/** A value that is text as it is, any other as JSON; "" for NULL. New reference. */
json_t *gk_json_as_text(const json_t *value);
/** The chunk {index, role: "model", content}; `content_take` is consumed. */
json_t *gk_chunk_new(int64_t index, json_t *content_take);

/** "topK" as "top_k"; the caller frees it. */
char *gk_snake_case(const char *name);

/** Whether the answer is to be JSON: output.format or output.contentType says so. */
bool gk_request_wants_json(const json_t *request);
/**
 * Whether the schema is not of an object, and a format that says so in the prompt has asked for it ("array"). Services
 * whose JSON is always an object refuse such a schema.
 */
bool gk_request_wants_list(const json_t *request);
/** output.schema, when the model is to be held to it: JSON, and constrained is not false. Borrowed; NULL: none. */
json_t *gk_request_schema_peek(const json_t *request);
/** A member that is not null. Borrowed; NULL: there is none. */
json_t *gk_given_peek(const json_t *object, const char *key);
/** Such a member of the configuration. */
json_t *gk_request_config_peek(const json_t *request, const char *key);

#endif
