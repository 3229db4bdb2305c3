/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Context providers, and the one that comes with the server: API keys (reflection section 5). */
#include "server/context_provider.h"

#include <openssl/crypto.h>
#include <strings.h>

gk_context_provider *gk_context_provider_ref(gk_context_provider *provider)
{
	provider->refs++;
	return provider;
}

gk_context_provider *gk_context_provider_unref(gk_context_provider *provider)
{
	if (provider && --provider->refs == 0)
		provider->free(provider);
	return NULL;
}

/* --- API keys --- */

typedef struct api_keys {
	gk_context_provider base; /* first */
	size_t count;
	char *keys[];
} api_keys;

/* Every key is compared, each in a time that does not depend on where it differs. */
static bool is_known(const api_keys *mine, const char *key)
{
	size_t len = strlen(key);
	bool known = false;

	for (size_t i = 0; i < mine->count; i++)
		known |=
			strlen(mine->keys[i]) == len && CRYPTO_memcmp(mine->keys[i], key, len) == 0;
	return known;
}

static gk_code provide(gk_context_provider *provider, const gk_exchange *x, json_t *input,
	json_t **ret, gk_error *err)
{
	const api_keys *mine = (const api_keys *)provider;
	const char *key = gk_exchange_header(x, "Authorization");

	(void)input;
	if (!key || !*key)
		return gk_error_set(err, GK_UNAUTHENTICATED, "Unauthenticated");
	if (!is_known(mine, key)) {
		if (strncasecmp(key, "Bearer ", 7) != 0 || !is_known(mine, key + 7))
			return gk_error_set(err, GK_PERMISSION_DENIED, "Permission Denied");
		key += 7;
	}
	*ret = json_pack("{s:{s:s}}", "auth", "apiKey", key);
	return *ret ? GK_OK : gk_error_no_memory(err);
}

static void free_keys(gk_context_provider *provider)
{
	api_keys *mine = (api_keys *)provider;

	for (size_t i = 0; i < mine->count; i++) {
		OPENSSL_cleanse(mine->keys[i], strlen(mine->keys[i]));
		free(mine->keys[i]);
	}
	free(mine);
}

gk_code gk_api_key_provider(
	const char *const *keys, size_t count, gk_context_provider **ret, gk_error *err)
{
	api_keys *mine;

	if (!count)
		return gk_error_set(err, GK_INVALID_ARGUMENT, "no API key is given");
	for (size_t i = 0; i < count; i++)
		if (!*keys[i])
			return gk_error_set(err, GK_INVALID_ARGUMENT,
				"an empty API key would let everybody in");
	mine = calloc(1, sizeof(*mine) + count * sizeof(*mine->keys));
	if (!mine)
		return gk_error_no_memory(err);
	mine->base = (gk_context_provider){ .provide = provide, .free = free_keys, .refs = 1 };
	for (; mine->count < count; mine->count++) {
		mine->keys[mine->count] = strdup(keys[mine->count]);
		if (!mine->keys[mine->count]) {
			free_keys(&mine->base);
			return gk_error_no_memory(err);
		}
	}
	*ret = &mine->base;
	return GK_OK;
}
