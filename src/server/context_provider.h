/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * Context providers: who calls? Asked before a flow runs; what they give becomes the flow's context, {"auth": ...}.
 */
#ifndef GK_SERVER_CONTEXT_PROVIDER_H
#define GK_SERVER_CONTEXT_PROVIDER_H

#include "server/http.h"

typedef struct gk_context_provider gk_context_provider;

struct gk_context_provider {
	/** Gives the context (a new reference to an object) or an error, whose status and message the client sees:
	 * UNAUTHENTICATED, PERMISSION_DENIED. `input` is borrowed and NULL when it is absent or `needs_input` is false. On the
	 * loop: does not wait. */
	gk_code (*provide)(gk_context_provider *provider, const gk_exchange *x, json_t *input,
		json_t **ret, gk_error *err);
	void (*free)(gk_context_provider *provider);
	/** False: it is asked before the body is read, so that a stranger costs nothing. */
	bool needs_input;
	unsigned refs;
};

gk_context_provider *gk_context_provider_ref(gk_context_provider *provider);
gk_context_provider *gk_context_provider_unref(gk_context_provider *provider);

/** One of several keys in the Authorization header, alone or after "Bearer ": {"auth": {"apiKey": KEY}}. The keys are
 * copied. INVALID_ARGUMENT without any, or for an empty one. */
GK_MUST_USE gk_code gk_api_key_provider(
	const char *const *keys, size_t count, gk_context_provider **ret, gk_error *err);

#endif
