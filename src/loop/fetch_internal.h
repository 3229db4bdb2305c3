/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * What the files of the HTTP client share.
 *
 *	fetch.c          a transfer from its start to its end, and the fiber that waits for it
 *	fetch_client.c   the connections
 *	fetch_easy.c     curl's handles between transfers
 *	fetch_request.c  what is sent: method, headers, body; and what a redirect makes of it
 *	fetch_head.c     the header fields of the response
 */
#ifndef GK_LOOP_FETCH_INTERNAL_H
#define GK_LOOP_FETCH_INTERNAL_H

#include "loop/fetch.h"

#include "loop/fetch_head.h"
#include "loop/multi.h"
#include "loop/url.h"

#define GK_FETCH_CLIENT_MAGIC 0x66636c69u
#define GK_FETCH_MAGIC        0x66657463u
#define GK_FETCH_IDLE_EASIES  16
#define GK_FETCH_AGENT        "User-Agent: "

/* A handle of curl's, for one transfer after another. */
typedef struct gk_fetch_easy {
	CURL *curl;
	gk_fetch *res; /* NULL: between transfers */
	bool is_tls;   /* it is set up so */
	bool is_usual; /* the transfer is a small POST to an URL that is kept, as nearly all are */
	bool is_warm; /* so was the one before, and all is left as that one needed it but for its headers and its body */
	gk_url_shared *url; /* of a warm one */
	uint64_t connect_ms;
	unsigned connects;
	char reason[CURL_ERROR_SIZE];
} gk_fetch_easy;

struct gk_fetch_client {
	unsigned magic;
	gk_multi multi;
	unsigned max_host_connections;
	unsigned max_idle_connections;
	char *user_agent; /* the header's line */
	char *ca_file, *http_proxy, *https_proxy, *no_proxy, *cert_file, *key_file;
	void (*more_headers)(gk_buf *lines, const char *origin, void *user);
	void *user;
	gk_url_cache urls;
	gk_fetch_easy *idle[GK_FETCH_IDLE_EASIES]; /* handles to use again */
	size_t idle_count;
	gk_fetch_easy *ended[GK_FETCH_IDLE_EASIES]; /* whose transfers are over: still in `multi` */
	size_t ended_count;
	LIST_HEAD(, gk_fetch) running;
	gk_timer pool_timer; /* closes what nobody has used for long */
};

/* What is asked for; a redirect changes it. */
typedef struct gk_fetch_request {
	gk_url url;            /* its own after a redirect, */
	gk_url_shared *shared; /* before that of this one; NULL then */
	char *method;
	gk_buf headers; /* "Name: value\0"... */
	size_t header_count;
	struct curl_slist *list; /* of them for curl, in one block */
	const char *unix_socket;
	const char *body; /* the caller's while gk_fetch_start() runs, then `copy` */
	size_t body_len, body_at;
	char *copy;
} gk_fetch_request;

struct gk_fetch {
	unsigned magic;
	gk_fetch_client *client;
	gk_fetch_easy *easy; /* NULL: it has ended */
	LIST_ENTRY(gk_fetch) link;
	gk_fetch_request request;

	gk_fiber *waiter;
	gk_scope *scope;
	gk_scope_listener listener;
	gk_timer timer; /* the next time limit that may be due */
	uint64_t connect_ms, total_ms, idle_ms;
	uint64_t started_ms, active_ms;
	curl_off_t uploaded; /* when the timer last looked */
	int local_port;      /* of its connection */
	bool is_connected, is_paused, is_cut;
	bool is_left; /* nobody reads it any more: it is freed when it ends */

	bool is_in_head, has_head;
	int status;
	gk_fetch_head head;
	size_t max_body, received;
	gk_buf front; /* what the caller has */
	gk_buf back;  /* what has come since */
	gk_error failure;
};

/* --- fetch_request.c --- */

/** Checks and takes over what `opts` asks for. */
GK_MUST_USE gk_code gk_fetch_request_init(
	gk_fetch_request *request, gk_url_cache *urls, const gk_fetch_opts *opts, gk_error *err);
/** Headers, a line each ("Name: value\n"), but for those that it has already. `lines` is cut up. */
GK_MUST_USE gk_code gk_fetch_request_add_lines(
	gk_fetch_request *request, char *lines, gk_error *err);
/** The line of a user agent, for one that has no other: curl's own way of it writes it twice. False: no memory. */
GK_MUST_USE bool gk_fetch_request_name_agent(gk_fetch_request *request, const char *line);
void gk_fetch_request_done(gk_fetch_request *request);
/** Changes it into the one that a redirect with this status and location asks for. */
GK_MUST_USE gk_code gk_fetch_request_redirect(
	gk_fetch_request *request, int status, const char *location, gk_error *err);
/** The caller's memory goes: what has not been sent is copied. */
GK_MUST_USE gk_code gk_fetch_request_keep_body(gk_fetch_request *request, gk_error *err);
GK_MUST_USE bool gk_fetch_request_is_usual(const gk_fetch_request *request);
/** Tells curl. False: no memory. */
GK_MUST_USE bool gk_fetch_request_apply(gk_fetch_request *request, gk_fetch_easy *easy);

/* --- fetch_easy.c --- */

/** A handle with the client's settings, and those of callbacks and request as far as it is warm. */
GK_MUST_USE gk_code gk_fetch_easy_take(gk_fetch_client *client, const gk_fetch_request *request,
	gk_fetch_easy **ret, gk_error *err);
/** It is not in `multi`, or no longer. */
void gk_fetch_easy_put(gk_fetch_client *client, gk_fetch_easy *easy);
/** A transfer has come to its end: its handle leaves `multi`, and is made ready for another one, when there is time. */
void gk_fetch_easy_leave(gk_fetch_client *client, gk_fetch_easy *easy);
/** There is time. */
void gk_fetch_easies_tidy(gk_fetch_client *client);
/** Of those that are idle. */
void gk_fetch_easies_free(gk_fetch_client *client);

/* --- fetch_client.c --- */

/** The connections are there, or are opened. */
GK_MUST_USE gk_code gk_fetch_client_open(gk_fetch_client *client, gk_error *err);
/** A transfer has been cut and taken out: lets another one of the same connection say so to the server. */
void gk_fetch_client_flush(gk_fetch_client *client, int local_port);

/* --- fetch.c --- */

/** The transfer has ended, whoever ended it. */
void gk_fetch_finish(gk_fetch *res, CURLcode result);
/** Ends it with an error of our own. */
void gk_fetch_abort(gk_fetch *res, const gk_error *why);

#endif
