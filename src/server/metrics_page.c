/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "server/metrics_page.h"

#include "server/flows_internal.h"

static void show(gk_exchange *x, void *user)
{
	gk_metrics_page *page = user;
	gk_auto_json json_t *context = NULL;
	gk_auto_error gk_error err = { 0 };

	if (page->provider &&
		page->provider->provide(page->provider, x, NULL, &context, &err) != GK_OK) {
		gk_flow_reply_error(x, &err);
		return;
	}
	gk_exchange_begin(x, 200, page->content_type);
	page->append(gk_exchange_buffer(x), page->user);
	gk_exchange_wrote(x);
	gk_exchange_end(x);
}

gk_code gk_metrics_page_add_routes(gk_metrics_page *page, gk_routes *routes, gk_error *err)
{
	return gk_routes_add(
		routes, &(gk_route){ "GET", "/metrics", show, page, GK_ROUTE_ALWAYS }, err);
}
