/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * Single flight: of many fibers that want the same thing at once, one fetches it and the others wait for the outcome.
 *
 *	rc = gk_flight_enter(&flight, &leads, err);
 *	if (rc == GK_OK && leads)
 *		rc = gk_flight_leave(&flight, fetch(...), err);
 */
#ifndef GK_CORE_FLIGHT_H
#define GK_CORE_FLIGHT_H

#include "loop/fiber.h"

typedef struct gk_flight_waiter gk_flight_waiter;
typedef struct gk_flight {
	bool is_running;
	LIST_HEAD(, gk_flight_waiter) waiters;
} gk_flight;

/** Leads at once when nobody else does. Otherwise waits: GK_OK when the leader succeeded, its error when it failed; when
 * the leader was called off the next in line leads. */
GK_MUST_USE GK_SUSPENDS gk_code gk_flight_enter(gk_flight *flight, bool *leads_ret, gk_error *err);
/** The leader's outcome, which is handed to those who wait and returned. */
gk_code gk_flight_leave(gk_flight *flight, gk_code rc, gk_error *err);

#endif
