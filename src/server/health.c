/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* /healthz and /readyz. */
#include "server/health.h"

static void healthz(gk_exchange *x, void *user)
{
	(void)user;
	gk_exchange_reply(x, 200, "text/plain; charset=utf-8", "ok", 2);
}

static void readyz(gk_exchange *x, void *user)
{
	const gk_health *health = user;
	const char *text = gk_routes_is_draining(health->routes) ? "draining"
			   : health->is_ready                    ? "ok"
								 : "starting";
	int status = strcmp(text, "ok") == 0 ? 200 : 503;

	if (status == 200 && health->is_degraded && health->is_degraded(health->user))
		text = "degraded";
	gk_exchange_reply(x, status, "text/plain; charset=utf-8", text, strlen(text));
}

gk_code gk_health_add_routes(gk_health *health, gk_routes *routes, gk_error *err)
{
	gk_code rc;

	health->routes = routes;
	rc = gk_routes_add(
		routes, &(gk_route){ "GET", "/healthz", healthz, health, GK_ROUTE_ALWAYS }, err);
	if (rc == GK_OK)
		rc = gk_routes_add(routes,
			&(gk_route){ "GET", "/readyz", readyz, health, GK_ROUTE_ALWAYS }, err);
	return rc;
}
