/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * The body of a request as JSON: parsed here and now when it is small, by a worker when it would hold the loop.
 */
#ifndef GK_SERVER_BODY_H
#define GK_SERVER_BODY_H

#include "server/http.h"

/**
 * `value` (borrowed) is NULL for an empty body and when it could not be read, which `err` then tells (NULL: all went
 * well). `x` NULL: the client went meanwhile, there is nobody to answer. Called exactly once, on the loop, perhaps
 * before gk_body_read() returns. It owns the exchange again: its hang-up callback is unset.
 */
typedef void gk_body_fn(gk_exchange *x, json_t *value, const gk_error *err, void *user);

void gk_body_read(gk_loop *loop, gk_exchange *x, gk_body_fn *fn, void *user);

/** A member that is text; borrowed, NULL when it is absent or null. INVALID_ARGUMENT for anything else: who mistypes what he
 * asks for is not answered as if he had not asked. */
GK_MUST_USE gk_code gk_body_text_peek(
	const json_t *object, const char *name, const char **ret, gk_error *err);

#endif
