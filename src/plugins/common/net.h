/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * How plugins reach the network: through the application's HTTP client, and what the daemon hands down of its
 * environment. Tests put a transport of their own in the client's place.
 */
#ifndef GK_PLUGINS_NET_H
#define GK_PLUGINS_NET_H

#include "plugins/common/outgoing.h"

#include <genkit/app.h>

/** The value of an environment variable; NULL: not set. Lives until the next call. */
typedef const char *gk_net_env_fn(const char *name, void *user);

/** Where plugins look for keys. NULL (as nothing said): an empty environment. False when memory ran out. */
GK_MUST_USE bool gk_net_set_env(gk_app *app, gk_net_env_fn *env, void *user);

/** The first of these variables (NULL-terminated) that is set and not empty, without the white space and invisible
 * characters around it; the caller frees it. `*ret` NULL: none. */
GK_MUST_USE gk_code gk_net_env(gk_app *app, const char *const *names, char **ret, gk_error *err);

/** A copy without the white space and invisible characters around it; NULL when memory ran out. */
char *gk_net_trim(const char *text);

/** Seconds since 1970. */
typedef uint64_t gk_net_clock_fn(void *user);
/** The time by which tokens end, and that a date of a reply is measured against: `clock` NULL, as when nothing was said, is the
 * system's. False when memory ran out. */
GK_MUST_USE bool gk_net_set_clock(gk_app *app, gk_net_clock_fn *clock, void *user);
uint64_t gk_net_now_s(gk_app *app);

/* What carries requests. The functions are as those of gk_fetch. */
typedef struct gk_transport {
	gk_code (*start)(void *user, const gk_outgoing *out, void **ret, gk_error *err);
	int (*status)(void *reply);
	const char *(*header_peek)(void *reply, const char *name);
	gk_code (*read)(void *reply, const char **ret, size_t *len_ret, gk_error *err);
	void (*free)(void *reply);
	void (*leave)(void *reply); /* NULL: as free */
} gk_transport;

/** Replaces the HTTP client. False when memory ran out. */
GK_MUST_USE bool gk_net_set_transport(gk_app *app, const gk_transport *transport, void *user);

typedef struct gk_reply {
	const gk_transport *transport;
	void *reply;     /* NULL: none */
	uint64_t now_ms; /* since 1970, when the head of the reply was there */
} gk_reply;

/** Parks until the head of the reply is there. Redirects are not followed. */
GK_MUST_USE GK_SUSPENDS gk_code gk_net_send(
	gk_app *app, const gk_outgoing *out, gk_reply *ret, gk_error *err);
void gk_reply_done(gk_reply *reply);
/** The same for an answer that has said everything: its end is not waited for, but may still come. */
void gk_reply_leave(gk_reply *reply);
#define gk_auto_reply GK_CLEANUP(gk_reply_done)

static inline int gk_reply_status(const gk_reply *reply)
{
	return reply->transport->status(reply->reply);
}
static inline const char *gk_reply_header_peek(const gk_reply *reply, const char *name)
{
	return reply->transport->header_peek(reply->reply, name);
}
/** `*len_ret` is 0 at the end. */
GK_MUST_USE GK_SUSPENDS gk_code gk_reply_read(
	gk_reply *reply, const char **ret, size_t *len_ret, gk_error *err);
/** The whole body, NUL-terminated; the caller frees it. */
GK_MUST_USE GK_SUSPENDS gk_code gk_reply_read_all(
	gk_reply *reply, size_t max, char **ret, size_t *len_ret, gk_error *err);
/** Where the text of a body begins: behind the byte order mark that some services put before it. */
size_t gk_body_start(const char *body, size_t len);

#endif
