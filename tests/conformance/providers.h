/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * The kind "providers": recorded exchanges with model providers. A transport stands in place of the HTTP client, checks
 * each request and plays the recorded answer, cut as it is told; everything above it is what a daemon runs.
 *
 *	providers.c          a case: plugin, action, what came of it
 *	providers_play.c     the transport
 *	providers_request.c  whether a request is the recorded one
 *	providers_compare.c  whether a result is the expected one
 *	providers_home.c     its files and its environment
 *	providers_common.c   the folder `common`: shared parts, one small runner a kind
 */
#ifndef TESTS_CONFORMANCE_PROVIDERS_H
#define TESTS_CONFORMANCE_PROVIDERS_H

#include "conformance.h"
#include "core_app.h"

#include "plugins/common/net.h"

/* How an answer is cut. */
typedef enum play_cut {
	PLAY_WHOLE,
	PLAY_BYTES,
	PLAY_SPLIT,
	PLAY_RANDOM,
	PLAY_CUTS
} play_cut;

#define PLAY_EXCHANGES 256 /* of a case */

typedef struct play {
	const json_t *doc; /* the case */
	play_cut cut;
	unsigned seed;
	bool used[PLAY_EXCHANGES];
	char *complaint; /* the first; NULL: none */
	char home[32];   /* a folder */
	json_t *env;
} play;

extern const gk_transport play_transport;
void play_complain(play *it, const char *format, ...) GK_PRINTF(2, 3);
/** Complains of exchanges that never happened. */
void play_finish(play *it);
void play_done(play *it);
/** Makes the case's HOME with its files, and its environment; play_done() takes them away. */
void play_move_in(play *it);
void play_move_out(play *it);
/** A path of the case's, where ~ is its HOME. Owned by the caller. */
char *play_path(const play *it, const char *path);
/** A text in JSON with this run's key where it is to be. Owned by the caller. */
char *play_fill(const char *text);
/** A gk_net_env_fn of a play. */
const char *play_env(const char *name, void *user);

/** NULL when `out` is the recorded request; else what differs, owned by the caller. */
char *request_differs(const json_t *doc, const json_t *recorded, const gk_outgoing *out);

/** Where `got` is not what `wanted` says; NULL: nowhere. `open` allows members that are not mentioned. Owned by the caller. */
char *result_differs(const json_t *got, const json_t *wanted, bool open, bool json_text);
/** The same for a list of parts: in full, adjacent texts as one. */
char *content_differs(const json_t *got, const json_t *wanted, bool json_text);

/** A case of the kind "google-auth"; NULL: as expected. Owned by the caller. */
char *run_google_auth(const json_t *doc);
/** The same of the kind "aws-auth". */
char *run_aws_auth(json_t *doc);
/** Where a JWT of that run's key is not {header, claims}. */
char *jwt_differs(const char *jwt, const json_t *wanted);

conformance_file_fn providers_common;

#endif
