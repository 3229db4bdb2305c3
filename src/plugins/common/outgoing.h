/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * A request to a model provider, on its way: what the converters make and gk_ask_...() sends.
 *
 *	gk_auto_outgoing gk_outgoing out;
 *
 *	gk_outgoing_init(&out, "POST");
 *	gk_outgoing_url(&out, "%s/chat/completions", base);
 *	gk_outgoing_secret(&out, "Authorization", "Bearer ", key);
 *	gk_outgoing_json(&out, body);
 *
 * What goes wrong on the way (no memory, a header too many) sticks and is told when it is sent. A secret is remembered, so
 * that no error repeats it.
 */
#ifndef GK_PLUGINS_OUTGOING_H
#define GK_PLUGINS_OUTGOING_H

#include "base/limits.h"

#include <genkit/json.h>

typedef struct gk_outgoing {
	const char *method; /* static */
	char *url;
	char *headers[GK_MAX_VENDOR_HEADERS + 1]; /* "Name: value", NULL-terminated */
	size_t header_count;
	char *secrets[GK_MAX_VENDOR_SECRETS];
	size_t secret_count;
	const char *base,
		*query; /* addresses below `base` get this query too; borrowed; NULL: none */
	char *body;     /* NULL: none */
	size_t body_len;
	uint64_t timeout_ms;           /* from start to last byte; 0: no limit of its own */
	unsigned redirects;            /* how many are followed; 0: none, for whatever has a key */
	struct gk_gate *gate;          /* that it goes through; borrowed; NULL: none */
	struct gk_token_cache *tokens; /* whose token it carries; borrowed; NULL: none of them */
	bool is_traced;                /* it has a span of its own */
	bool has_secret_body;          /* nothing of the body stays in memory */
	bool has_too_many_secrets;     /* it has failed for that */
	int status;                    /* HTTP status of the last answer; 0: none came */
	gk_code failed;                /* sticks */
} gk_outgoing;

/** It has the user agent of all requests to providers. */
void gk_outgoing_init(gk_outgoing *out, const char *method);
void gk_outgoing_done(gk_outgoing *out);
#define gk_auto_outgoing GK_CLEANUP(gk_outgoing_done)

void gk_outgoing_url(gk_outgoing *out, const char *format, ...) GK_PRINTF(2, 3);
/** Adds what the address below `base` is to have; once. The password in `base` and the values in `query` count as secrets. */
void gk_outgoing_finish_url(gk_outgoing *out);
/** Replaces one of that name, in any case; NULL for `value`: takes it out. */
void gk_outgoing_header(gk_outgoing *out, const char *name, const char *value);
/** The same for a value that nobody may see: `prefix` + `secret`. */
void gk_outgoing_secret(gk_outgoing *out, const char *name, const char *prefix, const char *secret);
/** A value that nobody may see, which stands in the address. */
void gk_outgoing_hide(gk_outgoing *out, const char *secret);
/** The members (strings) of an object, as headers; NULL: none. Their values count as secrets. */
void gk_outgoing_headers(gk_outgoing *out, const json_t *headers);
/** Adds a field to the body, which is a form, with its content type. */
void gk_outgoing_field(gk_outgoing *out, const char *name, const char *value);
/** The same for a value that nobody may see. */
void gk_outgoing_secret_field(gk_outgoing *out, const char *name, const char *secret);
/** Its text becomes the body, with its content type. */
void gk_outgoing_json(gk_outgoing *out, const json_t *body);
/** GK_OK, or what went wrong. */
gk_code gk_outgoing_check(const gk_outgoing *out, gk_error *err);
/** `text` without the request's secrets (`out` NULL: there are none); the caller frees it. NULL when memory ran out. */
char *gk_outgoing_scrub(const gk_outgoing *out, const char *text, size_t len);

#endif
