/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* GET /metrics, for Prometheus. What it says comes from above. */
#ifndef GK_SERVER_METRICS_PAGE_H
#define GK_SERVER_METRICS_PAGE_H

#include "server/context_provider.h"
#include "server/routes.h"

/* Embedded in its owner. */
typedef struct gk_metrics_page {
	/** Appends the page. On the loop. */
	void (*append)(struct gk_buf *buf, void *user);
	void *user;
	const char *content_type; /* static */
	gk_context_provider
		*provider; /* who may read it; NULL: everybody. A reference of the owner's */
} gk_metrics_page;

/** The page outlives the routes. */
GK_MUST_USE gk_code gk_metrics_page_add_routes(
	gk_metrics_page *page, gk_routes *routes, gk_error *err);

#endif
