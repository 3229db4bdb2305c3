/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * The Gemini Developer API.
 *
 *	googleai.c        the plugin and its requests
 *	googleai_models.c what is known of models by their names
 *	googleai_config.c what can be configured about a call
 *	googleai_chat.c   generateContent, whole and in pieces
 *	googleai_cache.c  the beginning of a conversation, kept by the service
 *	googleai_media.c  Imagen, and Veo in the background
 *	googleai_embed.c  embeddings
 */
#ifndef GK_PLUGINS_GOOGLEAI_H
#define GK_PLUGINS_GOOGLEAI_H

#include "plugins/common/builtin.h"
#include "plugins/common/settings.h"
#include "plugins/gemini/gemini.h"

#include <genkit/context.h>

/* What differs in what can be configured. */
enum {
	GK_GOOGLEAI_GEMINI = 1 << 0,
	GK_GOOGLEAI_GEMMA = 1 << 1,
	GK_GOOGLEAI_SPEECH = 1 << 2,
	GK_GOOGLEAI_PICTURE = 1 << 3,
	GK_GOOGLEAI_IMAGEN = 1 << 4,
	GK_GOOGLEAI_VEO = 1 << 5,
	GK_GOOGLEAI_MUSIC = 1 << 6,
	GK_GOOGLEAI_AGENT = 1 << 7,
	GK_GOOGLEAI_RESEARCH = 1 << 8,
	GK_GOOGLEAI_EMBEDDER = 1 << 9,
};
/** The schema of the configuration of one of these; a new reference, NULL when memory ran out. */
json_t *gk_googleai_config_schema(unsigned of);

/** The address `path` below the version's, with the key; `config` may say otherwise for a call (baseUrl, apiVersion, apiKey,
 * timeout, customHeaders). INVALID_ARGUMENT: an address of the call's own without a key of its own, or none of these. */
GK_MUST_USE gk_code gk_googleai_prepare(const gk_vendor *vendor, const json_t *config,
	gk_outgoing *out, gk_error *err, const char *path, ...) GK_PRINTF(5, 6);
/** The same for a method of a model. INVALID_ARGUMENT also: its id, which whoever calls chooses, would lead elsewhere. */
GK_MUST_USE gk_code gk_googleai_prepare_model(const gk_vendor *vendor, const json_t *config,
	gk_outgoing *out, const char *id, const char *method, gk_error *err);
/** gk_ask_json() of an answer that is not a success when it has an error in it, unless that is the error of an operation or an
 * interaction (`name`, `id`). */
GK_MUST_USE GK_SUSPENDS gk_code gk_googleai_ask(
	gk_ctx *ctx, const gk_vendor *vendor, gk_outgoing *out, json_t **ret, gk_error *err);
/** How to ask about what goes on in the background: `config` (NULL: none) over the context's `config`, with the key that the
 * context has (secrets.apiKey) unless `config` has one. With an address of others in `config` neither a key nor headers of the
 * context. New reference; NULL when memory ran out. */
json_t *gk_googleai_call_config(gk_ctx *ctx, const json_t *config);
/** Without what some write before it ("models/"). */
const char *gk_googleai_id(const gk_vendor_model *model);
/** The model that is asked: config.version, else the id, in the same way. */
const char *gk_googleai_model_name(const gk_vendor_model *model, const json_t *config);

/** When a message of the request is marked to be kept: finds or makes the cache, and leaves in `body` what is not in it.
 * `*ret` is its name; NULL: nothing is marked. */
GK_MUST_USE GK_SUSPENDS gk_code gk_googleai_cache(gk_ctx *ctx, const gk_vendor *vendor,
	const gk_gemini_call *call, json_t *body, json_t **ret, gk_error *err);

gk_action_fn gk_googleai_run_chat, gk_googleai_run_imagen, gk_googleai_run_embed,
	gk_googleai_start_veo, gk_googleai_check_veo;

#endif
