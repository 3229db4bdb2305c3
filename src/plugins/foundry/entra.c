/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * Microsoft Entra: a token for those who have no key. Of an application with a secret, of one whose platform vouches for it
 * (a file), or of the machine itself; in this order, the first for which there is all that it takes.
 */
#include "plugins/foundry/entra.h"

#include "plugins/common/ask.h"
#include "plugins/common/token.h"

#define RESOURCE "https://cognitiveservices.azure.com"
static const char who[] = "microsoft entra";

/* --- what there is --- */

typedef struct identity {
	char *tenant, *client, *secret, *file, *endpoint, *header, *authority;
} identity;

static void identity_done(identity *it)
{
	char *const secrets[] = { it->secret, it->header };
	char *const others[] = { it->tenant, it->client, it->file, it->endpoint, it->authority };

	for (size_t i = 0; i < sizeof(secrets) / sizeof(secrets[0]); i++)
		gk_token_free(secrets[i]);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		free(others[i]);
}

static gk_code find_all(const gk_vendor *vendor, identity *it, gk_error *err)
{
	const struct {
		const char *option, *variable;
		char **ret;
	} all[] = {
		{ "tenantId", "AZURE_TENANT_ID", &it->tenant },
		{ "clientId", "AZURE_CLIENT_ID", &it->client },
		{ "clientSecret", "AZURE_CLIENT_SECRET", &it->secret },
		{ NULL, "AZURE_FEDERATED_TOKEN_FILE", &it->file },
		{ NULL, "IDENTITY_ENDPOINT", &it->endpoint },
		{ NULL, "IDENTITY_HEADER", &it->header },
		{ NULL, "AZURE_AUTHORITY_HOST", &it->authority },
	};
	gk_code rc = GK_OK;

	for (size_t i = 0; rc == GK_OK && i < sizeof(all) / sizeof(all[0]); i++)
		rc = gk_vendor_find_text(vendor, all[i].option,
			(const char *const[]){ all[i].variable, NULL }, all[i].ret, err);
	return rc;
}

/* --- asking --- */

static gk_code ask_as_application(
	gk_ctx *ctx, const identity *it, char **text_ret, uint64_t *seconds_ret, gk_error *err)
{
	const char *authority = it->authority ? it->authority : "https://login.microsoftonline.com";
	size_t len = strlen(authority);
	gk_auto_outgoing gk_outgoing out;
	char *assertion = NULL;
	gk_code rc = GK_OK;

	gk_outgoing_init(&out, "POST");
	while (len && authority[len - 1] == '/')
		len--;
	gk_outgoing_url(&out, "%.*s/%s/oauth2/v2.0/token", (int)len, authority, it->tenant);
	gk_outgoing_field(&out, "grant_type", "client_credentials");
	gk_outgoing_field(&out, "client_id", it->client);
	gk_outgoing_field(&out, "scope", RESOURCE "/.default");
	if (it->secret) {
		gk_outgoing_secret_field(&out, "client_secret", it->secret);
	} else {
		/* the platform renews it: it is read each time */
		rc = gk_token_read_file(it->file, &assertion, err);
		if (rc == GK_OK) {
			gk_outgoing_field(&out, "client_assertion_type",
				"urn:ietf:params:oauth:client-assertion-type:jwt-bearer");
			gk_outgoing_secret_field(&out, "client_assertion", assertion);
		}
	}
	if (rc == GK_OK)
		rc = gk_token_fetch(ctx, who, &out, text_ret, seconds_ret, err);
	gk_token_free(assertion);
	return rc;
}

/* The machine's own identity, or the one of it that the client id names. */
static gk_code ask_machine(
	gk_ctx *ctx, const identity *it, char **text_ret, uint64_t *seconds_ret, gk_error *err)
{
	bool is_service = it->endpoint && it->header;
	gk_auto_outgoing gk_outgoing out;
	gk_code rc;

	gk_outgoing_init(&out, "GET");
	gk_outgoing_url(&out, "%s?api-version=%s&resource=" RESOURCE "%s%s",
		is_service ? it->endpoint : "http://169.254.169.254/metadata/identity/oauth2/token",
		is_service ? "2019-08-01" : "2018-02-01", it->client ? "&client_id=" : "",
		it->client ? it->client : "");
	if (is_service)
		gk_outgoing_secret(&out, "X-IDENTITY-HEADER", "", it->header);
	else
		gk_outgoing_header(&out, "Metadata", "true");
	rc = gk_token_fetch(ctx, who, &out, text_ret, seconds_ret, err);
	if (rc != GK_UNAVAILABLE || is_service)
		return rc;
	return gk_error_set(err, GK_UNAUTHENTICATED,
		"plugin microsoft-foundry: has neither a key (option 'apiKey', AZURE_OPENAI_API_KEY) nor an "
		"identity (AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET or "
		"AZURE_FEDERATED_TOKEN_FILE), and this machine has none");
}

static gk_code ask_token(
	gk_ctx *ctx, void *user, char **text_ret, uint64_t *seconds_ret, gk_error *err)
{
	identity it = { 0 };
	gk_code rc = find_all(user, &it, err);

	if (rc == GK_OK && it.tenant && it.client && (it.secret || it.file))
		rc = ask_as_application(ctx, &it, text_ret, seconds_ret, err);
	else if (rc == GK_OK)
		rc = ask_machine(ctx, &it, text_ret, seconds_ret, err);
	identity_done(&it);
	return rc;
}

gk_code gk_entra_setup(gk_vendor *vendor, gk_error *err)
{
	if (vendor->api_key || vendor->key_per_call)
		return GK_OK;
	vendor->tokens = gk_token_cache_new(ask_token, vendor, NULL);
	return vendor->tokens ? GK_OK : gk_error_no_memory(err);
}
