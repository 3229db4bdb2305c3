/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * Messages: what users, models and tools say to each other, as JSON: {"role", "content": [Part], "metadata"?}. A part is
 * {"text"}, {"media": {"url", "contentType"?}}, {"reasoning"}, {"toolRequest"}, {"toolResponse"}, {"data"} or
 * {"resource": {"uri"}}. These functions build them and say what is in them; everything that has a content (a chunk, a
 * document) will do.
 *
 *	#include <genkit/genkit.h>
 *
 *	static gk_code describe(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
 *	{
 *		gk_auto_json json_t *message = gk_message_new("user", json_pack("[o, o]",
 *			gk_part_text("What is in "), gk_part_media(json_string_value(input), "image/png")));
 *		gk_auto_str char *text = gk_message_text(message);
 *
 *		(void)ctx;
 *		if (!text)
 *			return gk_error_no_memory(err);
 *		*ret = json_pack("[s, O]", text, gk_message_media_peek(message));
 *		return GK_OK;
 *	}
 *
 *	GK_MODULE(describing, app, err)
 *	{
 *		return gk_define_flow(app, GK_OPTS(gk_flow_opts, .name = "describe", .run = describe), err);
 *	}
 *
 * Running "describe" with "gs://pets/cat.png"
 * gives ["What is in ", {"url": "gs://pets/cat.png", "contentType": "image/png"}]
 */
#ifndef GENKIT_MESSAGE_H
#define GENKIT_MESSAGE_H

#include <genkit/status.h>

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

/* --- building: new references; NULL when memory ran out --- */

json_t *gk_part_text(const char *text);
/** `content_type` NULL: to be inferred. */
json_t *gk_part_media(const char *url, const char *content_type);
/** `data` is borrowed. */
json_t *gk_part_data(json_t *data);
/** What the URI stands for is put in its place before a model sees it (generate section 3.5). */
json_t *gk_part_resource(const char *uri);
/** `content_take`: an array of parts; NULL (memory ran out) gives NULL. */
json_t *gk_message_new(const char *role, json_t *content_take);
/** A message of one text. */
json_t *gk_message_of_text(const char *role, const char *text);

/**
 * A message from what people write for one: a text is the user's, a message's content may be a text, a part, or a list of
 * both. New reference.
 * Errors: INVALID_ARGUMENT when it is neither a text nor an object.
 */
GK_MUST_USE gk_code gk_message_from(json_t *value, json_t **ret, gk_error *err);

/* --- reading --- */

/** The texts, one behind the other. The caller frees it; "" when there is none; NULL when memory ran out. */
char *gk_message_text(const json_t *message);
/** The same of what a model thought. */
char *gk_message_reasoning(const json_t *message);
/** Borrowed: {"url", "contentType"?} of the first medium; NULL: none. */
json_t *gk_message_media_peek(const json_t *message);
/** Borrowed: the first data that says something (not null, false, 0 or ""); NULL: none. */
json_t *gk_message_data_peek(const json_t *message);
/** The parts that ask for a tool, in order: a new array; NULL when memory ran out. */
json_t *gk_message_tool_requests(const json_t *message);
/** Those of them that wait for an answer from outside. */
json_t *gk_message_interrupts(const json_t *message);
/**
 * Its data, or else the JSON in its text (gk_format_parse_message() does it as a format has it). NULL: nothing. New reference.
 * Errors: a plain one for JSON that is complete and malformed.
 */
GK_MUST_USE gk_code gk_message_output(const json_t *message, json_t **ret, gk_error *err);

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif
