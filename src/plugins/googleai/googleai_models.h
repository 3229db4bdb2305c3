/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* What is known of models by their names: of what kind they are, what they can, how the service lists them. */
#ifndef GK_PLUGINS_GOOGLEAI_MODELS_H
#define GK_PLUGINS_GOOGLEAI_MODELS_H

#include "plugins/googleai/googleai.h"

/* How a model is asked. */
typedef enum gk_googleai_kind {
	GK_GOOGLEAI_KIND_CHAT,
	GK_GOOGLEAI_KIND_IMAGEN,
	GK_GOOGLEAI_KIND_VEO,
	GK_GOOGLEAI_KIND_EMBEDDER,
	GK_GOOGLEAI_KIND_MUSIC,
	GK_GOOGLEAI_KIND_AGENT,
	GK_GOOGLEAI_KIND_RESEARCH,
} gk_googleai_kind;

/* Models that have something in common. */
typedef struct gk_googleai_family {
	const char *ids; /* gk_words_match(); those without * are shown from the start */
	gk_googleai_kind kind;
	const char *supports; /* JSON */
	unsigned dimensions;
	bool (*has)(const char *id); /* beside `ids`; NULL: nobody */
} gk_googleai_family;

static inline bool gk_googleai_is_background(gk_googleai_kind it)
{
	return it == GK_GOOGLEAI_KIND_VEO || it == GK_GOOGLEAI_KIND_RESEARCH;
}

/** The id without what some write before it ("models/"). */
const char *gk_googleai_bare(const char *id);
/** NULL after the last. */
const gk_googleai_family *gk_googleai_family_at(size_t i);
/** The family of a model; the last one is that of all others. */
const gk_googleai_family *gk_googleai_family_of(const char *id);
/** The family of what is to be asked to embed. */
const gk_googleai_family *gk_googleai_embedder_of(const char *id);
/** The type of its actions. */
const char *gk_googleai_type(gk_googleai_kind it);
/** ModelInfo or EmbedderInfo; a new reference, NULL when memory ran out. */
json_t *gk_googleai_info(const gk_googleai_family *family, const char *id);
/** Appends what an item of the service's listing comes to: nothing, a model, an embedder, both. */
GK_MUST_USE gk_code gk_googleai_add_listed(const json_t *item, json_t *listing, gk_error *err);

#endif
