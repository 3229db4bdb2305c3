/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "core/owner.h"

#include "base/limits.h"
#include "base/str.h"

#include <openssl/evp.h>
#include <stdio.h>

#define DIGEST "auth:"
#define BYTES  16 /* of the digest: as much as a UUID, and nobody can choose it */

static char *digest_of(json_t *auth)
{
	/* Sorted: it is the same identity in whatever order its members come. */
	gk_auto_str char *text = json_dumps(auth, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY);
	unsigned char sum[EVP_MAX_MD_SIZE];
	char *owner = text ? malloc(sizeof(DIGEST) + 2 * BYTES) : NULL;

	if (!owner || EVP_Digest(text, strlen(text), sum, NULL, EVP_sha256(), NULL) != 1) {
		free(owner);
		return NULL;
	}
	memcpy(owner, DIGEST, sizeof(DIGEST));
	for (size_t i = 0; i < BYTES; i++)
		sprintf(owner + sizeof(DIGEST) - 1 + 2 * i, "%02x", sum[i]);
	return owner;
}

char *gk_owner_of(json_t *context)
{
	json_t *auth = json_object_get(context, "auth");
	json_t *uid = json_object_get(auth, "uid");
	size_t len = json_string_length(uid);

	if (!auth || json_is_null(auth))
		return strdup("");
	if (!len || len > GK_MAX_OWNER || gk_str_has_prefix(json_string_value(uid), DIGEST) ||
		strlen(json_string_value(uid)) != len)
		return digest_of(auth);
	return strdup(json_string_value(uid));
}
