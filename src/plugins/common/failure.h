/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * What a provider says went wrong, as Genkit says it: a status, "NAME: [HTTP] text", and in the details
 * `responseMetadata.retryAfterMs`, how long to wait before asking again (providers section 1, Errors and Retry-After).
 */
#ifndef GK_PLUGINS_FAILURE_H
#define GK_PLUGINS_FAILURE_H

#include "plugins/common/net.h"

/** The status that stands for an HTTP status. */
gk_code gk_failure_code(int http);
/** A Retry-After header at `now_ms` since 1970: seconds, or a date. False: it says nothing. */
bool gk_failure_retry_after(const char *value, uint64_t now_ms, uint64_t *ret);
/** Fills `err` from the body of a failed reply (`text`, and the same as JSON, NULL: it is none). `retry_ms` less than 0:
 * nothing is known of it. Returns the code. */
gk_code gk_failure_set(gk_error *err, const char *who, const gk_outgoing *out, int http,
	const json_t *body, const char *text, int64_t retry_ms);
/** Reads the rest of a reply that is no success and fills `err`. Returns its code. */
GK_SUSPENDS gk_code gk_failure_of_reply(
	const char *who, const gk_outgoing *out, gk_reply *reply, gk_error *err);
/** Whether an answer that calls itself a success tells of a failure: `error`, `errors`, or `object: "error"`. */
bool gk_failure_is(const json_t *answer);
/** Such a failure: its status from the name in `error.status`, or an HTTP status in `error.code` (or `code`), else INTERNAL.
 * `out` NULL: the request had no secrets. */
gk_code gk_failure_in_answer(
	gk_error *err, const char *who, const gk_outgoing *out, const json_t *answer);
/** The same where the service's own words say the status. */
gk_code gk_failure_as(
	gk_error *err, gk_code code, const char *who, const gk_outgoing *out, const json_t *answer);

#endif
