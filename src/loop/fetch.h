/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * The HTTP client (curl multi inside): fibers fetch, connections are kept and shared per host.
 *
 *	gk_auto_fetch gk_fetch *res = NULL;
 *
 *	rc = gk_fetch_start(client, GK_OPTS(gk_fetch_opts, .url = url), &res, err);	parks until the headers are there
 *	while ((rc = gk_fetch_read(res, &data, &len, err)) == GK_OK && len)
 *		...
 *
 * Nothing secret goes into errors: a URL is printed without user, password, query and fragment. When the scope is called
 * off the transfer's connection is closed at once; an HTTP/2 stream is reset while others share its connection.
 */
#ifndef GK_LOOP_FETCH_H
#define GK_LOOP_FETCH_H

#include "base/buf.h"
#include "loop/fiber.h"

typedef struct gk_fetch_client gk_fetch_client;
typedef struct gk_fetch gk_fetch;

typedef struct gk_fetch_client_opts {
	size_t size;
	unsigned max_host_connections; /* 0: GK_FETCH_HOST_CONNS; more wait their turn */
	unsigned max_idle_connections; /* kept for later, of all hosts; 0: GK_FETCH_IDLE_CONNS */
	const char *ca_file;           /* NULL: the system's */
	const char *user_agent;        /* NULL: "genkitd/VERSION" */
	/* Proxies; NULL: none. The daemon hands the environment's down: http_proxy, https_proxy, no_proxy. */
	const char *http_proxy, *https_proxy, *no_proxy;
	const char *cert_file, *key_file; /* PEM, by which it says who it is; NULL: nothing */
	/** Appends header lines ("Name: value\n") of a request to `origin` ("https://host:443"); in the fiber that fetches. NULL: none. */
	void (*more_headers)(gk_buf *lines, const char *origin, void *user);
	void *user;
} gk_fetch_client_opts;

typedef struct gk_fetch_opts {
	size_t size;
	const char *url;            /* http or https, or unix socket by `unix_socket` */
	const char *method;         /* NULL: GET, or POST with a body */
	const char *const *headers; /* NULL-terminated "Name: value" */
	const void *body;           /* borrowed until gk_fetch_start() returns */
	size_t body_len;
	const char *unix_socket;
	uint64_t connect_ms; /* 0: GK_FETCH_CONNECT_MS */
	uint64_t total_ms;   /* 0: GK_FETCH_TOTAL_MS, from start to last byte */
	uint64_t idle_ms;    /* 0: GK_FETCH_IDLE_MS without a byte */
	size_t max_body;     /* 0: GK_MAX_FETCH_BODY */
	unsigned redirects;  /* how many are followed; 0: none */
} gk_fetch_opts;

GK_MUST_USE gk_code gk_fetch_client_new(
	gk_loop *loop, const gk_fetch_client_opts *opts, gk_fetch_client **ret, gk_error *err);
/** No transfer may be under way. NULL is allowed. */
void gk_fetch_client_free(gk_fetch_client *client);

/** An HTTP status of any kind is success. UNAVAILABLE: no connection, or it broke; DEADLINE_EXCEEDED: a time limit;
 * INVALID_ARGUMENT: the URL or a header (CR or LF in it); GK_CANCELLED. */
GK_MUST_USE GK_SUSPENDS gk_code gk_fetch_start(
	gk_fetch_client *client, const gk_fetch_opts *opts, gk_fetch **ret, gk_error *err);
int gk_fetch_status(const gk_fetch *res);
/** By its name in any case; repeated ones joined by ", "; NULL: none. Lives as long as the response. */
const char *gk_fetch_header_peek(const gk_fetch *res, const char *name);
/** The next bytes of the body, valid until the next call; `*len_ret` is 0 at its end. A connection that broke before
 * the end is UNAVAILABLE. */
GK_MUST_USE GK_SUSPENDS gk_code gk_fetch_read(
	gk_fetch *res, const char **ret, size_t *len_ret, gk_error *err);
/** The rest of the body, NUL-terminated, owned by the caller. */
GK_MUST_USE GK_SUSPENDS gk_code gk_fetch_read_all(
	gk_fetch *res, char **ret, size_t *len_ret, gk_error *err);
/** Closes the transfer when it has not ended. */
void gk_fetch_free(gk_fetch *res);
/** Frees it, but lets a transfer that has not ended do so, unseen, within GK_FETCH_LINGER_MS: its connection can then be used
 * again. For an answer that has said all it has to say before it ends, as streams of events do. */
void gk_fetch_leave(gk_fetch *res);

static inline void gk_fetch_freep(gk_fetch **res)
{
	gk_fetch_free(*res);
}
#define gk_auto_fetch GK_CLEANUP(gk_fetch_freep)

#endif
