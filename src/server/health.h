/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* What a supervisor asks: /healthz is 200 while the process lives, /readyz 503 while it starts or drains, and
 * "degraded" when it serves but for something that should be there. */
#ifndef GK_SERVER_HEALTH_H
#define GK_SERVER_HEALTH_H

#include "server/routes.h"

/* Embedded in its owner, zero-initialised. */
typedef struct gk_health {
	gk_routes *routes;
	bool is_ready;                   /* set it when everything has started */
	bool (*is_degraded)(void *user); /* NULL: never */
	void *user;
} gk_health;

/** `health` must outlive the routes. */
GK_MUST_USE gk_code gk_health_add_routes(gk_health *health, gk_routes *routes, gk_error *err);

#endif
