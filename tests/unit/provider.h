/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * A provider without a network: the plugins of core_app ask it instead of the HTTP client.
 *
 *	static gk_code say(const gk_outgoing *out, provider_reply *reply, gk_error *err)
 *	{
 *		reply->text = strdup("{\"choices\":[]}");
 *		return GK_OK;
 *	}
 *	provider_start(say);
 *	provider_use("openai", "{'apiKey':'key'}");
 */
#ifndef TESTS_PROVIDER_H
#define TESTS_PROVIDER_H

#include "core.h"
#include "plugins/common/net.h"

typedef struct provider_reply {
	int status;         /* 200 */
	char *text;         /* owned; NULL: `filler` times `fill` */
	char fill;          /* 'x' */
	size_t filler;      /* bytes, when there is no text */
	size_t piece;       /* bytes of each read; 0: as many as there are */
	const char *header; /* the one header there is, "name: value", in lower case; NULL: none */
	unsigned wait_ms;   /* before each read */
	size_t at;
} provider_reply;

/** Fills the reply to a request; may suspend. What is no GK_OK is what happened on the way. */
typedef gk_code provider_fn(const gk_outgoing *out, provider_reply *reply, gk_error *err);

/** From now on `fn` answers. */
void provider_start(provider_fn *fn);
/** Fails the test unless the plugin takes the options ('' for ""). */
void provider_use(const char *name, const char *options);
/** The value of a header of a request; NULL: there is none. Borrowed. */
const char *provider_header(const gk_outgoing *out, const char *name);
/** A GenerateRequest whose user says hi. */
json_t *provider_hello(void);

#endif
