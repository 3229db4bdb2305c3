/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* JSON Web Tokens as those who ask for a token sign them: RS256, base64url without padding. */
#ifndef GK_PLUGINS_JWT_H
#define GK_PLUGINS_JWT_H

#include <genkit/json.h>

/** HEADER.CLAIMS.SIGNATURE, owned by the caller. `pem` is the private key (PKCS#8). INVALID_ARGUMENT: it is none. */
GK_MUST_USE gk_code gk_jwt_sign(
	const json_t *header, const json_t *claims, const char *pem, char **ret, gk_error *err);

#endif
