/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * The HTTP server's narrow front: what every surface is written against. libmicrohttpd stays behind it.
 *
 *	static void handle(gk_exchange *x, void *user)		on the loop, when the whole request has arrived
 *	{
 *		gk_exchange_begin(x, 200, "text/plain; charset=utf-8");
 *		gk_exchange_write(x, "OK", 2);
 *		gk_exchange_end(x);
 *	}
 *
 * An answer that has ended when the handler returns, or GK_HTTP_GRACE_MS later without a write before its end, leaves in
 * one write with its Content-Length. Another one is chunked: the headers go out with the first write or after that time,
 * later writes at the end of the loop's turn, those of one turn together. A handler that has not begun an answer when it
 * returns begins one later; nothing is sent until then.
 *
 * Requests with ambiguous framing (Content-Length twice or with Transfer-Encoding, no Host, a bare LF, a folded line,
 * NUL, ...) never reach a handler: they are answered 400 and the connection is closed.
 */
#ifndef GK_SERVER_HTTP_H
#define GK_SERVER_HTTP_H

#include "loop/fiber.h"

typedef struct gk_http_listener gk_http_listener;
typedef struct gk_exchange gk_exchange;
typedef void gk_http_handler_fn(gk_exchange *x, void *user);

/* A request that is over, for those who count. */
typedef struct gk_http_answer {
	const char *surface; /* the listener's name */
	const char *route;   /* as gk_exchange_set_route() said; NULL: it had none */
	const char *method;
	int status;
	uint64_t ns; /* from its last byte to the last of the answer */
} gk_http_answer;
typedef void gk_http_answered_fn(const gk_http_answer *answer, void *user);

typedef struct gk_http_opts {
	size_t size;
	const char *name;    /* for logs: "flows", "reflection" */
	const char *address; /* "127.0.0.1:3400", "[::1]:0", "unix:/run/genkitd.sock"; NULL: `fd` */
	int fd; /* an inherited listening socket, used when `address` is NULL; ours from now on */
	unsigned port_tries; /* when the port is taken, so many above it are tried; 0: none */
	unsigned
		max_connections; /* 0: GK_HTTP_MAX_CONNECTIONS; never more than three of four descriptors */
	unsigned max_per_ip;                  /* 0: no limit of its own */
	uint64_t header_ms, body_ms, idle_ms; /* 0: the limits of limits.h */
	size_t max_body;            /* 0: GK_HTTP_FLOW_BODY; above it, `too_large` or 413 */
	size_t max_coming;          /* 0: GK_HTTP_COMING_BODIES; above it, 503 */
	gk_http_handler_fn *handle; /* required */
	/** Answers a request whose body is too large (the body is not kept); NULL: 413 with a JSON error. */
	gk_http_handler_fn *too_large;
	gk_http_answered_fn
		*answered; /* NULL: nobody counts. Not for what never reached a handler */
	void *user;
} gk_http_opts;

/** UNAVAILABLE with the address when it cannot be had. */
GK_MUST_USE gk_code gk_http_listen(
	gk_loop *loop, const gk_http_opts *opts, gk_http_listener **ret, gk_error *err);
/** "127.0.0.1:3100" with the port the kernel chose, or "unix:/path". */
const char *gk_http_address(const gk_http_listener *listener);
unsigned gk_http_port(const gk_http_listener *listener); /* 0 for a unix socket */
size_t gk_http_connections(const gk_http_listener *listener);
/** Accepts nobody new. Who is connected is served as before; the next answer says that it is the connection's last, so that
 * no request meets a closed connection. */
void gk_http_retire(gk_http_listener *listener);
/** The same, and closes idle connections, and those of answers under way when they have ended. */
void gk_http_drain(gk_http_listener *listener);
/** Exchanges not yet answered whole. */
size_t gk_http_active(const gk_http_listener *listener);
/** Closes everything; open exchanges see their hang-up first. NULL is allowed. */
void gk_http_free(gk_http_listener *listener);

/* --- the request: everything lives as long as the exchange --- */
const char *gk_exchange_method(const gk_exchange *x);
/** Without the query; percent-escapes are decoded, but for %00, which no path may hide. */
const char *gk_exchange_path(const gk_exchange *x);
/** Decoded; NULL: not there; "" for a name without a value. */
const char *gk_exchange_query(const gk_exchange *x, const char *name);
/** Name in any case; NULL: not there. Host is the one of the target when that is in absolute form. */
const char *gk_exchange_header(const gk_exchange *x, const char *name);
/** {lower-cased name: value, repeated ones joined by ", "}: for context providers. New reference. */
json_t *gk_exchange_headers(const gk_exchange *x);
/** NUL-terminated beyond `len`; never NULL. */
const char *gk_exchange_body(const gk_exchange *x, size_t *len_ret);
/** The same, handed over: it may outlive the exchange. The caller frees it; NULL when memory ran out. */
char *gk_exchange_take_body(gk_exchange *x, size_t *len_ret);

/** Which of the program's routes it is, for `answered`: static. */
void gk_exchange_set_route(gk_exchange *x, const char *route);

/* --- the answer --- */
/** Before gk_exchange_begin(). Values with CR, LF or NUL are refused silently (a bug of the caller is no way in). */
void gk_exchange_set_header(gk_exchange *x, const char *name, const char *value);
/** Status and type; `type` NULL: no Content-Type. */
void gk_exchange_begin(gk_exchange *x, int status, const char *type);
/** Adds to the body. Never parks and never fails: what a client that has gone, or that is GK_MAX_SINK behind for good,
 * does not take is dropped. */
void gk_exchange_write(gk_exchange *x, const void *data, size_t len);
/** The body's buffer, to write JSON into it without a copy; follow it with gk_exchange_wrote(). */
struct gk_buf *gk_exchange_buffer(gk_exchange *x);
void gk_exchange_wrote(gk_exchange *x);
/** Parks while more than GK_MAX_SINK bytes wait for the client. CANCELLED when it has gone. Costs a comparison when there
 * is room. */
GK_MUST_USE GK_SUSPENDS gk_code gk_exchange_wait_room(gk_exchange *x, gk_error *err);
/** The end comes in a moment: what has been begun and has not been sent waits for it, to leave in one write. Does nothing
 * to an answer that is on its way. */
void gk_exchange_hold(gk_exchange *x);
/** The end of the body. The exchange may be gone when this returns (not within its handler): forget it. */
void gk_exchange_end(gk_exchange *x);
/** Begin, write and end in one. */
void gk_exchange_reply(gk_exchange *x, int status, const char *type, const void *data, size_t len);
/** The same with JSON (borrowed): application/json. */
void gk_exchange_reply_json(gk_exchange *x, int status, const json_t *value);

/** Called once when the client goes (or the listener is freed) before gk_exchange_end(); the exchange is gone after the
 * callback. NULL takes it back. Every handler that does not end its answer at once must set it. */
void gk_exchange_on_hangup(gk_exchange *x, void (*fn)(gk_exchange *x, void *user), void *user);

#endif
