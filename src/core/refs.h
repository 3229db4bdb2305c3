/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * The names by which tools and resources are asked for: short ("weather"), of a provider ("files:tool/read"), a pattern
 * of a provider's ("files:tool/re*"), or whole keys ("/tool/weather") (tools section 3).
 */
#ifndef GK_CORE_REFS_H
#define GK_CORE_REFS_H

#include <genkit/action.h>

typedef enum gk_ref_kind {
	GK_REF_TOOL,
	GK_REF_RESOURCE,
} gk_ref_kind;

/** As a library call has it: appends the keys that `ref` stands for; a pattern stands for several. A plain error
 * "Unable to resolve tool: REF". */
GK_MUST_USE GK_SUSPENDS gk_code gk_ref_expand(
	gk_ctx *ctx, gk_ref_kind kind, const char *ref, json_t *keys, gk_error *err);
/** As a request has it: the one action that `ref` names, or whose key it is; `*ret` is a new reference. No patterns. A
 * plain error "Tool REF not found". */
GK_MUST_USE GK_SUSPENDS gk_code gk_ref_resolve(
	gk_ctx *ctx, gk_ref_kind kind, const char *ref, gk_action **ret, gk_error *err);

/** The first of the registered resources that answers for `uri`; `*ret` is a new reference, NULL: none does. Plugins are
 * initialised first; those of providers are not asked (generate section 3.5). */
GK_MUST_USE GK_SUSPENDS gk_code gk_resource_find(
	gk_ctx *ctx, const char *uri, gk_action **ret, gk_error *err);

/** The part of a tool's name that a model is told: what is behind the last slash. */
const char *gk_tool_short_name(const char *name);
/** What a model is told of a tool: {name, description, outputSchema, inputSchema, key, metadata?}. Made once and shared: it
 * is not to be changed. New reference; NULL when memory ran out. */
json_t *gk_tool_definition(gk_action *action);
/** INVALID_ARGUMENT when two of them (whole names) have one short name. */
gk_code gk_tool_check_names(const char *const *names, size_t count, gk_error *err);

#endif
