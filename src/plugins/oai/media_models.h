/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* What models that make or hear media share: one message in, no configuration of chats. */
#ifndef GK_PLUGINS_OAI_MEDIA_MODELS_H
#define GK_PLUGINS_OAI_MEDIA_MODELS_H

#include "plugins/oai/oai.h"

/** Fills `call` for an action. */
gk_code gk_oai_media_begin(gk_oai_call *call, const gk_vendor_model *model, const json_t *request,
	gk_outgoing *out, gk_error *err);
/** Sends it there, with the key. */
gk_code gk_oai_media_address(
	const gk_oai_call *call, gk_outgoing *out, const char *path, gk_error *err);
/** Both, and the body that `make` gives for it (NULL: memory ran out). */
gk_code gk_oai_media_prepare(gk_oai_call *call, const gk_vendor_model *model, const json_t *request,
	const char *path, json_t *(*make)(const gk_oai_call *call), gk_outgoing *out,
	gk_error *err);
/** The response that the content makes, with the usage that the service reports (`answer`; NULL: nothing). */
gk_code gk_oai_media_response(
	const gk_oai_call *call, json_t *content_take, json_t *answer, json_t **ret, gk_error *err);
/** The parts of the one message; borrowed. */
json_t *gk_oai_media_parts_peek(const json_t *request);
/** Their text; the caller frees it; NULL when memory ran out. */
char *gk_oai_media_text(const json_t *request);
/** Whether a member of the configuration is one of chats, or used up, and so is not sent. */
bool gk_oai_media_drops(const char *name, bool keeps_temperature);
/** Adds the members of the configuration that are sent. */
GK_MUST_USE bool gk_oai_media_add_config(json_t *body, const json_t *request);

#endif
