/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* A token for credentials, by their type. */
#include "plugins/common/google_auth_internal.h"

#include "base/clock.h"
#include "base/str.h"
#include "json/edit.h"
#include "plugins/common/jwt.h"
#include "plugins/common/net.h"

#define TOKEN_URI "https://oauth2.googleapis.com/token"
static const char who[] = GK_GOOGLE_WHO;

/* --- a service account, or a person --- */

static const char *token_uri(const json_t *credentials)
{
	const char *uri = gk_json_str_peek(credentials, "token_uri");

	return uri && *uri ? uri : TOKEN_URI;
}

static gk_code lacks(const char *what, gk_error *err)
{
	return gk_error_set(err, GK_INVALID_ARGUMENT, "%s: have no '%s'", who, what);
}

gk_code gk_google_assertion(const json_t *credentials, uint64_t now_s, json_t **header_ret,
	json_t **claims_ret, gk_error *err)
{
	const char *email = gk_json_str_peek(credentials, "client_email");
	json_t *kid = json_object_get(credentials, "private_key_id");
	gk_auto_json json_t *header = json_pack("{s:s, s:s}", "alg", "RS256", "typ", "JWT");

	if (!email)
		return lacks("client_email", err);
	if (json_is_string(kid) && !gk_json_set(header, "kid", kid))
		return gk_error_no_memory(err);
	*claims_ret = json_pack("{s:s, s:s, s:s, s:I, s:I}", "iss", email, "scope", GK_GOOGLE_SCOPE,
		"aud", token_uri(credentials), "iat", (json_int_t)now_s, "exp",
		(json_int_t)now_s + 3600);
	if (!header || !*claims_ret)
		return gk_error_no_memory(err);
	*header_ret = gk_steal(header);
	return GK_OK;
}

static gk_code ask_as_service(gk_ctx *ctx, const json_t *credentials, char **text_ret,
	uint64_t *seconds_ret, gk_error *err)
{
	const char *key = gk_json_str_peek(credentials, "private_key");
	gk_auto_json json_t *header = NULL, *claims = NULL;
	gk_auto_secret char *assertion = NULL;
	gk_auto_outgoing gk_outgoing out;
	gk_code rc;

	gk_outgoing_init(&out, "POST");
	if (!key)
		return lacks("private_key", err);
	rc = gk_google_assertion(credentials, gk_net_now_s(gk_ctx_app(ctx)), &header, &claims, err);
	if (rc == GK_OK)
		rc = gk_jwt_sign(header, claims, key, &assertion, err);
	if (rc != GK_OK)
		return gk_error_prefix(err, "%s: ", who);
	gk_outgoing_url(&out, "%s", token_uri(credentials));
	gk_outgoing_field(&out, "grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer");
	gk_outgoing_secret_field(&out, "assertion", assertion);
	return gk_token_fetch(ctx, who, &out, text_ret, seconds_ret, err);
}

static gk_code ask_as_user(gk_ctx *ctx, const json_t *credentials, char **text_ret,
	uint64_t *seconds_ret, gk_error *err)
{
	static const char *const names[] = { "client_id", "client_secret", "refresh_token" };
	gk_auto_outgoing gk_outgoing out;

	gk_outgoing_init(&out, "POST");
	gk_outgoing_url(&out, "%s", TOKEN_URI);
	gk_outgoing_field(&out, "grant_type", "refresh_token");
	for (size_t i = 0; i < 3; i++) {
		const char *value = gk_json_str_peek(credentials, names[i]);

		if (!value)
			return lacks(names[i], err);
		if (i)
			gk_outgoing_secret_field(&out, names[i], value);
		else
			gk_outgoing_field(&out, names[i], value);
	}
	return gk_token_fetch(ctx, who, &out, text_ret, seconds_ret, err);
}

static gk_code take_static(gk_ctx *ctx, const json_t *credentials, char **text_ret,
	uint64_t *seconds_ret, gk_error *err)
{
	const char *token = gk_json_str_peek(credentials, "accessToken");

	(void)ctx;
	if (!token)
		return lacks("accessToken", err);
	*text_ret = strdup(token);
	*seconds_ret = GK_MAX_TOKEN_S;
	return *text_ret ? GK_OK : gk_error_no_memory(err);
}

/* --- on behalf of a service account --- */

/* How long a token holds that ends at `time`; 0: that is no time, or past. */
static uint64_t seconds_until(gk_ctx *ctx, const char *time)
{
	int64_t end = time ? gk_clock_read_iso(time) / 1000 : 0;
	int64_t now = (int64_t)gk_net_now_s(gk_ctx_app(ctx));

	return end > now ? (uint64_t)(end - now) : 0;
}

/* Exchanges a token for one of the service account at whose address it asks. */
static gk_code impersonate(gk_ctx *ctx, const json_t *credentials, const char *token,
	char **text_ret, uint64_t *seconds_ret, gk_error *err)
{
	const char *url = gk_json_str_peek(credentials, "service_account_impersonation_url");
	json_t *delegates = json_object_get(credentials, "delegates"), *answer = NULL;
	gk_auto_json json_t *body =
		json_pack("{s:[s], s:s}", "scope", GK_GOOGLE_SCOPE, "lifetime", "3600s");
	gk_auto_outgoing gk_outgoing out;
	const char *text;
	gk_code rc;

	gk_outgoing_init(&out, "POST");
	if (!url)
		return lacks("service_account_impersonation_url", err);
	if (json_array_size(delegates) && !gk_json_set(body, "delegates", delegates))
		return gk_error_no_memory(err);
	gk_outgoing_url(&out, "%s", url);
	gk_outgoing_secret(&out, "Authorization", "Bearer ", token);
	gk_outgoing_json(&out, body);
	rc = gk_token_ask(ctx, who, &out, &answer, err);
	if (rc != GK_OK)
		return rc;
	text = gk_json_str_peek(answer, "accessToken");
	*seconds_ret = seconds_until(ctx, gk_json_str_peek(answer, "expireTime"));
	*text_ret = text && *text && *seconds_ret ? strdup(text) : NULL;
	if (!*text_ret)
		rc = gk_error_set(err, GK_INTERNAL,
			"%s: the answer has no 'accessToken' with an 'expireTime' to come", who);
	gk_token_wipe(answer);
	return rc;
}

static gk_code ask_as_other(gk_ctx *ctx, const json_t *credentials, char **text_ret,
	uint64_t *seconds_ret, gk_error *err)
{
	const json_t *source = json_object_get(credentials, "source_credentials");
	gk_auto_secret char *token = NULL;
	uint64_t seconds;
	gk_code rc;

	if (!source)
		return lacks("source_credentials", err);
	if (gk_str_equal(gk_json_str_peek(source, "type"), "impersonated_service_account"))
		return gk_error_set(err, GK_INVALID_ARGUMENT,
			"%s: 'source_credentials' cannot be impersonated themselves", who);
	rc = gk_google_ask(ctx, source, &token, &seconds, err);
	return rc == GK_OK ? impersonate(ctx, credentials, token, text_ret, seconds_ret, err) : rc;
}

/* --- somebody for whom another service vouches --- */

/* What is read of a file or a service: as it is, or a member of it in JSON. */
static gk_code subject_in(const json_t *source, char *text_take, char **ret, gk_error *err)
{
	const char *kind = gk_json_str_peek(source, "format.type");
	const char *member = gk_json_str_peek(source, "format.subject_token_field_name");
	const char *value;
	json_t *parsed = NULL;
	gk_code rc;

	if (!gk_str_equal(kind, "json")) {
		*ret = text_take;
		return GK_OK;
	}
	rc = gk_google_parse("the subject's token", text_take, &parsed, err);
	gk_token_free(text_take);
	if (rc != GK_OK)
		return rc;
	value = member ? json_string_value(json_object_get(parsed, member)) : NULL;
	*ret = value ? strdup(value) : NULL;
	if (!*ret)
		rc = value ? gk_error_no_memory(err)
			   : gk_error_set(err, GK_INVALID_ARGUMENT,
				     "%s: the subject's token has no '%s'", who,
				     member ? member : "subject_token_field_name");
	gk_token_wipe(parsed);
	return rc;
}

static gk_code ask_subject(gk_ctx *ctx, const json_t *source, char **ret, gk_error *err)
{
	gk_auto_outgoing gk_outgoing out;

	gk_outgoing_init(&out, "GET");
	gk_outgoing_url(&out, "%s", gk_json_str_peek(source, "url"));
	gk_outgoing_headers(&out, json_object_get(source, "headers"));
	return gk_token_ask_text(ctx, who, &out, ret, err);
}

/* The token of the other service; it is renewed there, and so is read each time. What is at Amazon's addresses is none: it would
 * be a request that is signed with their keys. */
static gk_code find_subject(gk_ctx *ctx, const json_t *credentials, char **ret, gk_error *err)
{
	const json_t *source = json_object_get(credentials, "credential_source");
	const char *file = gk_json_str_peek(source, "file");
	char *text = NULL;
	gk_code rc;

	if (file)
		rc = gk_google_read(file, &text, err);
	else if (gk_json_str_peek(source, "url") && !json_object_get(source, "environment_id"))
		rc = ask_subject(ctx, source, &text, err);
	else
		return gk_error_set(err, GK_INVALID_ARGUMENT,
			"%s: 'credential_source' has neither a 'file' nor a 'url' that gives a token",
			who);
	return rc == GK_OK ? subject_in(source, text, ret, err) : rc;
}

static gk_code exchange(gk_ctx *ctx, const json_t *credentials, const char *subject,
	char **text_ret, uint64_t *seconds_ret, gk_error *err)
{
	static const char *const names[] = { "token_url", "audience", "subject_token_type" };
	gk_auto_outgoing gk_outgoing out;

	gk_outgoing_init(&out, "POST");
	for (size_t i = 0; i < 3; i++)
		if (!gk_json_str_peek(credentials, names[i]))
			return lacks(names[i], err);
	gk_outgoing_url(&out, "%s", gk_json_str_peek(credentials, "token_url"));
	gk_outgoing_field(&out, "grant_type", "urn:ietf:params:oauth:grant-type:token-exchange");
	gk_outgoing_field(&out, "audience", gk_json_str_peek(credentials, "audience"));
	gk_outgoing_field(&out, "scope", GK_GOOGLE_SCOPE);
	gk_outgoing_field(
		&out, "requested_token_type", "urn:ietf:params:oauth:token-type:access_token");
	gk_outgoing_secret_field(&out, "subject_token", subject);
	gk_outgoing_field(
		&out, "subject_token_type", gk_json_str_peek(credentials, "subject_token_type"));
	return gk_token_fetch(ctx, who, &out, text_ret, seconds_ret, err);
}

static gk_code ask_as_external(gk_ctx *ctx, const json_t *credentials, char **text_ret,
	uint64_t *seconds_ret, gk_error *err)
{
	gk_auto_secret char *subject = NULL, *token = NULL;
	gk_code rc = find_subject(ctx, credentials, &subject, err);

	if (rc == GK_OK)
		rc = exchange(ctx, credentials, subject, &token, seconds_ret, err);
	if (rc != GK_OK)
		return rc;
	if (json_object_get(credentials, "service_account_impersonation_url"))
		return impersonate(ctx, credentials, token, text_ret, seconds_ret, err);
	*text_ret = gk_steal(token);
	return GK_OK;
}

gk_code gk_google_ask(gk_ctx *ctx, const json_t *credentials, char **text_ret,
	uint64_t *seconds_ret, gk_error *err)
{
	static const struct {
		const char *type;
		gk_code (*ask)(gk_ctx *ctx, const json_t *credentials, char **text_ret,
			uint64_t *seconds_ret, gk_error *err);
	} types[] = {
		{ "service_account", ask_as_service },
		{ "authorized_user", ask_as_user },
		{ "impersonated_service_account", ask_as_other },
		{ "external_account", ask_as_external },
		{ "static", take_static },
	};
	const char *type = gk_json_str_peek(credentials, "type");

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (gk_str_equal(type, types[i].type))
			return types[i].ask(ctx, credentials, text_ret, seconds_ret, err);
	return gk_error_set(err, GK_INVALID_ARGUMENT,
		"%s: '%s' is no type that is known: service_account, authorized_user, "
		"impersonated_service_account, external_account",
		who, type ? type : "");
}
