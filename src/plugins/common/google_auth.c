/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "plugins/common/google_auth.h"

#include "base/str.h"
#include "json/edit.h"
#include "loop/fiber.h"
#include "plugins/common/ask.h"
#include "plugins/common/jwt.h"

#include <stdio.h>

#define SCOPE     "https://www.googleapis.com/auth/cloud-platform"
#define TOKEN_URI "https://oauth2.googleapis.com/token"
static const char who[] = "google credentials";

struct gk_google {
	gk_app *app;
	json_t *given;       /* NULL: what the environment has */
	json_t *credentials; /* NULL: not looked for yet, or the machine's */
	bool is_machine;
	char *project, *quota_project;
	gk_token_cache *tokens;
};

/* --- where they are --- */

static gk_code parse(const char *from, const char *text, json_t **ret, gk_error *err)
{
	gk_code rc = gk_json_parse(text, strlen(text), GK_MAX_SECRET, ret, NULL);

	if (rc == GK_OK && json_is_object(*ret))
		return GK_OK;
	if (rc == GK_OK)
		json_decref(gk_steal(*ret));
	return rc == GK_OK || rc == GK_INVALID_ARGUMENT
		       ? gk_error_set(
				 err, GK_INVALID_ARGUMENT, "%s: %s is no JSON object", who, from)
		       : gk_error_no_memory(err);
}

static gk_code load(const char *path, json_t **ret, gk_error *err)
{
	char *text = NULL;
	gk_code rc = gk_token_read_file(path, &text, err);

	if (rc == GK_OK)
		rc = parse(path, text, ret, err);
	else if (rc == GK_NOT_FOUND || rc == GK_UNAVAILABLE)
		gk_error_prefix(err, "%s: ", who);
	gk_token_free(text);
	return rc;
}

static gk_code variable(const gk_google *google, const char *name, char **ret, gk_error *err)
{
	return gk_net_env(google->app, (const char *const[]){ name, NULL }, ret, err);
}

/* Where gcloud leaves them; NOT_FOUND is none. */
static gk_code load_well_known(const gk_google *google, json_t **ret, gk_error *err)
{
	static const char name[] = "application_default_credentials.json";
	gk_auto_str char *folder = NULL, *home = NULL, *path = NULL;
	gk_code rc = variable(google, "CLOUDSDK_CONFIG", &folder, err);

	if (rc == GK_OK && !folder)
		rc = variable(google, "HOME", &home, err);
	if (rc != GK_OK || (!folder && !home))
		return rc;
	if (asprintf(&path, folder ? "%s/%s" : "%s/.config/gcloud/%s", folder ? folder : home,
		    name) < 0) {
		path = NULL;
		return gk_error_no_memory(err);
	}
	rc = load(path, ret, err);
	if (rc == GK_NOT_FOUND) {
		gk_error_clear(err);
		rc = GK_OK;
	}
	return rc;
}

static gk_code find_given(gk_google *google, gk_error *err)
{
	json_t *inner = json_object_get(google->given, "credentials");
	const char *file = gk_json_str_peek(google->given, "keyFile");

	if (file)
		return load(file, &google->credentials, err);
	google->credentials = json_incref(inner ? inner : google->given);
	return GK_OK;
}

static gk_code find(gk_google *google, gk_error *err)
{
	gk_auto_str char *text = NULL, *path = NULL;
	gk_code rc;

	if (google->given)
		return find_given(google, err);
	rc = variable(google, "GCLOUD_SERVICE_ACCOUNT_CREDS", &text, err);
	if (rc == GK_OK && text)
		return parse("GCLOUD_SERVICE_ACCOUNT_CREDS", text, &google->credentials, err);
	if (rc == GK_OK)
		rc = variable(google, "GOOGLE_APPLICATION_CREDENTIALS", &path, err);
	if (rc == GK_OK && path)
		return load(path, &google->credentials, err);
	if (rc == GK_OK)
		rc = load_well_known(google, &google->credentials, err);
	google->is_machine = rc == GK_OK && !google->credentials;
	return rc;
}

/* --- a service account --- */

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
	*claims_ret = json_pack("{s:s, s:s, s:s, s:I, s:I}", "iss", email, "scope", SCOPE, "aud",
		token_uri(credentials), "iat", (json_int_t)now_s, "exp", (json_int_t)now_s + 3600);
	if (!header || !*claims_ret)
		return gk_error_no_memory(err);
	*header_ret = gk_steal(header);
	return GK_OK;
}

/* --- asking --- */

static gk_code ask_as_service(
	gk_google *google, gk_ctx *ctx, char **text_ret, uint64_t *seconds_ret, gk_error *err)
{
	const char *key = gk_json_str_peek(google->credentials, "private_key");
	gk_auto_json json_t *header = NULL, *claims = NULL;
	gk_auto_outgoing gk_outgoing out;
	char *assertion = NULL;
	gk_code rc;

	gk_outgoing_init(&out, "POST");
	if (!key)
		return lacks("private_key", err);
	rc = gk_google_assertion(
		google->credentials, gk_net_now_s(google->app), &header, &claims, err);
	if (rc == GK_OK)
		rc = gk_jwt_sign(header, claims, key, &assertion, err);
	if (rc != GK_OK)
		return gk_error_prefix(err, "%s: ", who);
	gk_outgoing_url(&out, "%s", token_uri(google->credentials));
	gk_outgoing_field(&out, "grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer");
	gk_outgoing_secret_field(&out, "assertion", assertion);
	gk_token_free(assertion);
	return gk_token_fetch(ctx, who, &out, text_ret, seconds_ret, err);
}

static gk_code ask_as_user(
	gk_google *google, gk_ctx *ctx, char **text_ret, uint64_t *seconds_ret, gk_error *err)
{
	static const char *const names[] = { "client_id", "client_secret", "refresh_token" };
	gk_auto_outgoing gk_outgoing out;

	gk_outgoing_init(&out, "POST");
	gk_outgoing_url(&out, "%s", TOKEN_URI);
	gk_outgoing_field(&out, "grant_type", "refresh_token");
	for (size_t i = 0; i < 3; i++) {
		const char *value = gk_json_str_peek(google->credentials, names[i]);

		if (!value)
			return lacks(names[i], err);
		if (i)
			gk_outgoing_secret_field(&out, names[i], value);
		else
			gk_outgoing_field(&out, names[i], value);
	}
	return gk_token_fetch(ctx, who, &out, text_ret, seconds_ret, err);
}

/* --- the machine --- */

static gk_code no_credentials(gk_error *err)
{
	return gk_error_set(err, GK_UNAUTHENTICATED,
		"%s: there are none: set the option googleAuth, GCLOUD_SERVICE_ACCOUNT_CREDS or "
		"GOOGLE_APPLICATION_CREDENTIALS, or run gcloud auth application-default login",
		who);
}

/* What the metadata server says under a path; it shows by a header that it is one. */
static gk_code ask_metadata(
	gk_google *google, gk_ctx *ctx, const char *path, char **ret, gk_error *err)
{
	static const char *const names[] = { "GCE_METADATA_HOST", "GCE_METADATA_IP", NULL };
	gk_auto_str char *host = NULL;
	gk_auto_outgoing gk_outgoing out;
	gk_auto_reply gk_reply reply = { 0 };
	const char *flavor;
	size_t len;
	gk_code rc = gk_net_env(google->app, names, &host, err);

	gk_outgoing_init(&out, "GET");
	gk_outgoing_url(&out, "http://%s/computeMetadata/v1/%s",
		host ? host : "metadata.google.internal", path);
	gk_outgoing_header(&out, "Metadata-Flavor", "Google");
	out.timeout_ms = GK_METADATA_MS;
	for (int tries = 0; rc == GK_OK && tries < GK_METADATA_TRIES; tries++) {
		rc = gk_net_send(gk_ctx_app(ctx), &out, &reply, err);
		if (rc != GK_DEADLINE_EXCEEDED ||
			gk_scope_reason(gk_fiber_scope(gk_fiber_self())) != GK_OK)
			break;
		rc = tries + 1 < GK_METADATA_TRIES ? GK_OK : GK_UNAVAILABLE;
	}
	if (rc != GK_OK)
		return rc;
	flavor = gk_reply_header_peek(&reply, "metadata-flavor");
	if (gk_reply_status(&reply) != 200 || !flavor || strcasecmp(flavor, "Google") != 0)
		return gk_error_set(
			err, GK_UNAVAILABLE, "%s: what answers is no metadata server", who);
	return gk_reply_read_all(&reply, GK_MAX_SECRET, ret, &len, err);
}

static gk_code ask_machine(
	gk_google *google, gk_ctx *ctx, char **text_ret, uint64_t *seconds_ret, gk_error *err)
{
	gk_auto_str char *off = NULL, *text = NULL;
	gk_auto_json json_t *answer = NULL;
	gk_code rc = variable(google, "NO_GCE_CHECK", &off, err);

	if (rc == GK_OK && gk_str_equal(off, "true"))
		return no_credentials(err);
	if (rc == GK_OK)
		rc = ask_metadata(google, ctx,
			"instance/service-accounts/default/token?scopes=" SCOPE, &text, err);
	if (rc == GK_UNAVAILABLE && gk_scope_reason(gk_fiber_scope(gk_fiber_self())) == GK_OK)
		return no_credentials(err);
	if (rc == GK_OK)
		rc = parse("the metadata server's answer", text, &answer, err);
	if (rc == GK_OK)
		rc = gk_token_read(who, answer, text_ret, seconds_ret, err);
	if (rc == GK_OK && !google->project)
		rc = ask_metadata(google, ctx, "project/project-id", &google->project, err);
	return rc;
}

/* --- tokens --- */

static gk_code find_project(gk_google *google, gk_error *err)
{
	static const char *const names[] = { "GCLOUD_PROJECT", "GOOGLE_CLOUD_PROJECT", NULL };
	const char *own = gk_json_str_peek(google->credentials, "project_id");
	const char *quota = gk_json_str_peek(google->credentials, "quota_project_id");
	gk_auto_str char *firebase = NULL;
	gk_auto_json json_t *config = NULL;
	gk_code rc =
		google->project ? GK_OK : gk_net_env(google->app, names, &google->project, err);

	if (rc == GK_OK && !google->project)
		rc = variable(google, "FIREBASE_CONFIG", &firebase, err);
	if (rc != GK_OK)
		return rc;
	if (firebase && gk_json_parse(firebase, strlen(firebase), 0, &config, NULL) == GK_OK &&
		gk_json_str_peek(config, "projectId"))
		own = gk_json_str_peek(config, "projectId");
	if ((!google->project && own && !(google->project = strdup(own))) ||
		(!google->quota_project && quota && !(google->quota_project = strdup(quota))))
		return gk_error_no_memory(err);
	return GK_OK;
}

static gk_code ask_token(
	gk_ctx *ctx, void *user, char **text_ret, uint64_t *seconds_ret, gk_error *err)
{
	gk_google *google = user;
	const char *type;
	gk_code rc = google->credentials || google->is_machine ? GK_OK : find(google, err);

	if (rc == GK_OK)
		rc = find_project(google, err);
	if (rc != GK_OK)
		return rc;
	if (google->is_machine)
		return ask_machine(google, ctx, text_ret, seconds_ret, err);
	type = gk_json_str_peek(google->credentials, "type");
	if (gk_str_equal(type, "service_account"))
		return ask_as_service(google, ctx, text_ret, seconds_ret, err);
	if (gk_str_equal(type, "authorized_user"))
		return ask_as_user(google, ctx, text_ret, seconds_ret, err);
	if (gk_str_equal(type, "static")) {
		type = gk_json_str_peek(google->credentials, "accessToken");
		if (!type)
			return lacks("accessToken", err);
		*text_ret = strdup(type);
		*seconds_ret = GK_MAX_TOKEN_S;
		return *text_ret ? GK_OK : gk_error_no_memory(err);
	}
	return gk_error_set(err, GK_INVALID_ARGUMENT,
		"%s: '%s' is no type that is known: service_account, authorized_user", who,
		type ? type : "");
}

gk_google *gk_google_new(gk_app *app, json_t *given)
{
	gk_google *google = calloc(1, sizeof(*google));

	if (!google)
		return NULL;
	google->app = app;
	google->tokens = gk_token_cache_new(ask_token, google, NULL);
	if (!google->tokens) {
		free(google);
		return NULL;
	}
	google->given = json_incref(given);
	return google;
}

void gk_google_free(gk_google *google)
{
	if (!google)
		return;
	gk_token_cache_free(google->tokens);
	json_decref(google->given);
	json_decref(google->credentials);
	free(google->project);
	free(google->quota_project);
	free(google);
}

gk_code gk_google_token(gk_google *google, gk_ctx *ctx, char **ret, gk_error *err)
{
	return gk_token_get(google->tokens, ctx, ret, err);
}

gk_token_cache *gk_google_tokens(gk_google *google)
{
	return gk_str_equal(gk_json_str_peek(google->given, "type"), "static") ? NULL
									       : google->tokens;
}

const char *gk_google_project(const gk_google *google)
{
	return google->project;
}

const char *gk_google_quota_project(const gk_google *google)
{
	return google->quota_project;
}
