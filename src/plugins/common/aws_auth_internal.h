/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * Amazon's credentials, from within:
 *
 *	aws_auth.c  where they are looked for, and what is on the machine
 *	aws_sts.c   for a role, from the service that gives them for a while
 */
#ifndef GK_PLUGINS_AWS_AUTH_INTERNAL_H
#define GK_PLUGINS_AWS_AUTH_INTERNAL_H

#include "plugins/common/aws_auth.h"

/* Begins errors. */
#define GK_AWS_WHO "aws credentials"

/** A variable of the environment; `*ret` stays NULL when it is blank. */
GK_MUST_USE gk_code gk_aws_variable(gk_ctx *ctx, const char *name, char **ret, gk_error *err);
/** {accessKeyId, secretAccessKey, sessionToken?, expiration?}; `*ret` stays NULL when one of the first two is missing. */
GK_MUST_USE gk_code gk_aws_keys(const char *id, const char *secret, const char *token,
	const char *expires, json_t **ret, gk_error *err);
/** Those of the role AWS_ROLE_ARN, for which the token in AWS_WEB_IDENTITY_TOKEN_FILE vouches; `*ret` stays NULL without these.
 * FAILED_PRECONDITION: no region; UNAUTHENTICATED, UNAVAILABLE: the service's answer. */
GK_MUST_USE GK_SUSPENDS gk_code gk_aws_web_identity(
	gk_ctx *ctx, const char *profile, json_t **ret, gk_error *err);

#endif
