/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* For providers that take media inline only: what a request has by its address is fetched and put in as data: URLs. */
#ifndef GK_PLUGINS_DOWNLOAD_H
#define GK_PLUGINS_DOWNLOAD_H

#include <genkit/context.h>

/** For one part: GK_DOWNLOAD_MS. A test has less time. */
extern uint64_t gk_download_ms;

/** `*ret` is a new reference: to `request` itself when nothing is to be fetched. Only http and https count; redirects are
 * followed, no key goes along. A failure says that it was the download. */
GK_MUST_USE GK_SUSPENDS gk_code gk_download_media(
	gk_ctx *ctx, const char *who, json_t *request, json_t **ret, gk_error *err);

#endif
