/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* curl's multi handle on our loop: sockets become polls, its timeout a timer. For the network clients of this floor. */
#ifndef GK_LOOP_MULTI_H
#define GK_LOOP_MULTI_H

#include "loop/loop_internal.h"

#include <curl/curl.h>

typedef struct gk_multi {
	gk_loop *loop;
	CURLM *curl;                   /* NULL: not open */
	struct gk_multi_socket **kept; /* by descriptor: watched from transfer to transfer */
	size_t kept_size;
	bool keeps_watch; /* set before it is opened: there are such */
	gk_timer timer;
	gk_defer kick; /* curl wants to run, but not from where it said so */
	bool has_failed;
	/* The transfer ended; it is still in the handle. */
	void (*done)(CURL *easy, CURLcode result, void *user);
	/* A socket cannot be watched (no memory): every transfer must be removed. */
	void (*failed)(void *user);
	void *user;
} gk_multi;

/** Cheap: nothing of curl is touched before gk_multi_open(). */
void gk_multi_init(gk_multi *multi, gk_loop *loop);
GK_MUST_USE gk_code gk_multi_open(gk_multi *multi, gk_error *err);
/** All transfers must have been removed. Closes the connections that were kept. */
void gk_multi_close(gk_multi *multi);
/** It starts when the fiber that calls parks, or at the end of this turn. */
GK_MUST_USE gk_code gk_multi_add(gk_multi *multi, CURL *easy, gk_error *err);
void gk_multi_remove(gk_multi *multi, CURL *easy);

/** A new easy handle with what all our transfers share: no signals, no environment, close-on-exec sockets, an end that
 * does not wait for a name server. The multi handle outlives its connections. */
GK_MUST_USE bool gk_multi_prepare(gk_multi *multi, CURL *easy);

#endif
