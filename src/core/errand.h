/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * An errand is work of a call in a fiber and a scope of its own. It may go on when the call has given its answer: an agent
 * that was detached. It is part of the call's trace and has its context; chunks it has none to send to.
 *
 *	rc = gk_errand_start(ctx, "turns", work, my, &errand, err);
 *	...
 *	gk_errand_join(errand);			or let it go on by itself
 *	gk_errand_unref(errand);
 *
 * The application counts it among its runs, and the end of the daemon calls it off like them.
 */
#ifndef GK_CORE_ERRAND_H
#define GK_CORE_ERRAND_H

#include <genkit/context.h>

typedef struct gk_errand gk_errand;

/** Runs in the errand's fiber; gk_ctx_user() is `user`. */
typedef void gk_errand_fn(gk_ctx *ctx, void *user);

/** Starts it: it runs when the caller parks. `name` is for logs. `*ret` is a reference. RESOURCE_EXHAUSTED. */
GK_MUST_USE gk_code gk_errand_start(gk_ctx *ctx, const char *name, gk_errand_fn *fn, void *user,
	gk_errand **ret, gk_error *err);
/** NULL is allowed. */
gk_errand *gk_errand_unref(gk_errand *errand);
/** Its next suspending call returns `reason`. */
void gk_errand_cancel(gk_errand *errand, gk_code reason);
bool gk_errand_is_done(const gk_errand *errand);
/** Waits until it has ended, also when the caller is called off. */
GK_SUSPENDS void gk_errand_join(gk_errand *errand);

#endif
