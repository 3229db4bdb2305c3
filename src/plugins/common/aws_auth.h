/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Where Amazon's credentials and region are found (providers/auth section 3): environment, a role, shared files, container, machine. */
#ifndef GK_PLUGINS_AWS_AUTH_H
#define GK_PLUGINS_AWS_AUTH_H

#include <genkit/context.h>

/** {accessKeyId, secretAccessKey, sessionToken?, expiration?} of the first place that has any; `profile` NULL: AWS_PROFILE, or
 * "default". New reference. UNAUTHENTICATED: nobody has. */
GK_MUST_USE GK_SUSPENDS gk_code gk_aws_credentials(
	gk_ctx *ctx, const char *profile, json_t **ret, gk_error *err);
/** AWS_REGION, AWS_DEFAULT_REGION, or the profile's; owned by the caller. FAILED_PRECONDITION: there is none. */
GK_MUST_USE GK_SUSPENDS gk_code gk_aws_region(
	gk_ctx *ctx, const char *profile, char **ret, gk_error *err);

#endif
