/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* gk_retry() with the waiting apart, and its options from a configuration. */
#ifndef GK_AI_MIDDLEWARE_RETRY_H
#define GK_AI_MIDDLEWARE_RETRY_H

#include <genkit/middleware.h>

typedef gk_code gk_retry_sleep_fn(gk_ctx *ctx, uint64_t ms, gk_error *err);

GK_MUST_USE GK_SUSPENDS gk_code gk_retry_run(gk_ctx *ctx, json_t *request, gk_next *next,
	const gk_retry_opts *opts, gk_retry_sleep_fn *sleep_for, json_t **ret, gk_error *err);
/** `*statuses_ret` is the caller's to free, after the options; NULL: the default. */
gk_code gk_retry_read(json_t *config, gk_retry_opts *ret, gk_code **statuses_ret, gk_error *err);

#endif
