/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "core/flight.h"

struct gk_flight_waiter {
	gk_fiber *fiber;
	bool is_over;
	gk_code rc;
	gk_error err;
	LIST_ENTRY(gk_flight_waiter) link;
};

static bool was_called_off(gk_code rc)
{
	return rc == GK_CANCELLED || rc == GK_DEADLINE_EXCEEDED;
}

gk_code gk_flight_enter(gk_flight *flight, bool *leads_ret, gk_error *err)
{
	*leads_ret = false;
	while (flight->is_running) {
		gk_flight_waiter waiter = { .fiber = gk_fiber_self() };
		gk_code rc = GK_OK;

		LIST_INSERT_HEAD(&flight->waiters, &waiter, link);
		while (!waiter.is_over && rc == GK_OK)
			rc = gk_fiber_park(err);
		if (!waiter.is_over) {
			LIST_REMOVE(&waiter, link);
			return rc;
		}
		if (!was_called_off(waiter.rc))
			return waiter.rc == GK_OK ? GK_OK : gk_error_move(err, &waiter.err);
		gk_error_clear(
			&waiter.err); /* the leader gave up for reasons of its own: somebody leads again */
	}
	flight->is_running = true;
	*leads_ret = true;
	return GK_OK;
}

gk_code gk_flight_leave(gk_flight *flight, gk_code rc, gk_error *err)
{
	gk_flight_waiter *waiter;

	flight->is_running = false;
	while ((waiter = LIST_FIRST(&flight->waiters)) != NULL) {
		LIST_REMOVE(waiter, link);
		waiter->is_over = true;
		waiter->rc = rc;
		if (rc != GK_OK && err)
			gk_error_copy(&waiter->err, err);
		waiter->err.code = rc;
		gk_fiber_wake(waiter->fiber);
	}
	return rc;
}
