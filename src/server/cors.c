/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Cross-origin requests, as browsers ask and obey (Fetch standard), with the answers of the reference's server. */
#include "server/cors.h"

#include "base/str.h"

#define EXPOSED "x-genkit-stream-id, x-genkit-trace-id, x-genkit-span-id"

bool gk_cors_allows(const char *const *origins, const char *origin)
{
	for (; origins && *origins; origins++)
		if (gk_str_equal(*origins, "*") || gk_str_equal(*origins, origin))
			return true;
	return false;
}

static void answer_preflight(gk_exchange *x, bool allowed)
{
	const char *headers = gk_exchange_header(x, "Access-Control-Request-Headers");

	if (allowed) {
		gk_exchange_set_header(
			x, "Access-Control-Allow-Methods", "GET,HEAD,PUT,PATCH,POST,DELETE");
		if (headers)
			gk_exchange_set_header(x, "Access-Control-Allow-Headers", headers);
	}
	gk_exchange_set_header(x, "Vary", "Access-Control-Request-Headers");
	gk_exchange_reply(x, 204, NULL, "", 0);
}

bool gk_cors_guard(gk_exchange *x, const char *const *origins)
{
	const char *origin;
	bool is_any, allowed;

	if (!origins || !*origins)
		return true;
	is_any = gk_cors_allows(origins, NULL);
	origin = gk_exchange_header(x, "Origin");
	allowed = is_any || (origin && gk_cors_allows(origins, origin));
	if (allowed) {
		gk_exchange_set_header(x, "Access-Control-Allow-Origin", is_any ? "*" : origin);
		gk_exchange_set_header(x, "Access-Control-Expose-Headers", EXPOSED);
	}
	if (!is_any) /* for caches on the way */
		gk_exchange_set_header(x, "Vary", "Origin");
	if (strcmp(gk_exchange_method(x), "OPTIONS") != 0)
		return true;
	answer_preflight(x, allowed);
	return false;
}
