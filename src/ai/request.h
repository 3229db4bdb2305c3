/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Changes to a request's messages. None changes what it is given: `*ret` is a
 * new reference to an array, which is the same one when nothing changed. */
#ifndef GK_AI_REQUEST_H
#define GK_AI_REQUEST_H

#include <genkit/middleware.h>

/** Puts the text of the documents into the last message of the user (generate
 * section 5.5). */
gk_code gk_messages_augment(
	json_t *messages, json_t *docs, const gk_augment_opts *opts, json_t **ret, gk_error *err);
/** Messages whose first system message has `part` (consumed), in place of one
 * whose metadata has `mark`, else at its end; without a system message there is
 * one now. NULL when memory ran out. */
json_t *gk_messages_with_system(json_t *messages, const char *mark, json_t *part_take);
/** Whether a part of one of them has `mark` in its metadata. */
bool gk_messages_have(json_t *messages, const char *mark);
/** Messages without the parts whose metadata has `mark`. NULL when memory ran out. */
json_t *gk_messages_without(json_t *messages, const char *mark);
/** Whether a part of it stands for the content of a resource. */
bool gk_message_names_resources(const json_t *message);
/** Whether one of them does. */
bool gk_messages_name_resources(const json_t *messages);
/** gk_json_copy() of an array. NULL when it is none, or memory ran out. */
json_t *gk_json_array_copy(json_t *array);
/** A copy of an array with another item at `index`. NULL when memory ran out.
 */
json_t *gk_json_array_with(json_t *array, size_t index, json_t *item_take);
/** A shallow copy of an object with a member set. NULL when memory ran out. */
json_t *gk_json_object_with(json_t *object, const char *key, json_t *value_take);

#endif
