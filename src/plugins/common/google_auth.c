/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "plugins/common/google_auth_internal.h"

#include "base/str.h"
#include "plugins/common/net.h"

#include <stdio.h>

static const char who[] = GK_GOOGLE_WHO;

struct gk_google {
	gk_app *app;
	json_t *given;       /* NULL: what the environment has */
	json_t *credentials; /* NULL: not looked for yet, or the machine's */
	bool is_machine;
	char *project, *quota_project;
	gk_token_cache *tokens;
};

/* --- where they are --- */

gk_code gk_google_parse(const char *from, const char *text, json_t **ret, gk_error *err)
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

gk_code gk_google_read(const char *path, char **ret, gk_error *err)
{
	gk_code rc = gk_token_read_file(path, ret, err);

	if (rc == GK_NOT_FOUND || rc == GK_UNAVAILABLE)
		gk_error_prefix(err, "%s: ", who);
	return rc;
}

static gk_code load(const char *path, json_t **ret, gk_error *err)
{
	gk_auto_secret char *text = NULL;
	gk_code rc = gk_google_read(path, &text, err);

	return rc == GK_OK ? gk_google_parse(path, text, ret, err) : rc;
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

static gk_code find_given(const gk_google *google, json_t **ret, gk_error *err)
{
	json_t *inner = json_object_get(google->given, "credentials");
	const char *file = gk_json_str_peek(google->given, "keyFile");

	if (file)
		return load(file, ret, err);
	*ret = json_incref(inner ? inner : google->given);
	return GK_OK;
}

/* `*ret` NULL: there are none but the machine's. */
static gk_code find(const gk_google *google, json_t **ret, gk_error *err)
{
	gk_auto_secret char *text = NULL;
	gk_auto_str char *path = NULL;
	gk_code rc;

	if (google->given)
		return find_given(google, ret, err);
	rc = variable(google, "GCLOUD_SERVICE_ACCOUNT_CREDS", &text, err);
	if (rc == GK_OK && text)
		return gk_google_parse("GCLOUD_SERVICE_ACCOUNT_CREDS", text, ret, err);
	if (rc == GK_OK)
		rc = variable(google, "GOOGLE_APPLICATION_CREDENTIALS", &path, err);
	if (rc == GK_OK && path)
		return load(path, ret, err);
	return rc == GK_OK ? load_well_known(google, ret, err) : rc;
}

static bool is_known(const gk_google *google)
{
	return google->credentials || google->is_machine;
}

static gk_code find_once(gk_google *google, gk_error *err)
{
	json_t *found = NULL;
	gk_code rc = is_known(google) ? GK_OK : find(google, &found, err);

	if (rc != GK_OK || is_known(google)) { /* somebody else may have been faster */
		gk_token_wipe(found);
		return rc;
	}
	google->credentials = found;
	google->is_machine = !found;
	return GK_OK;
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
	gk_code rc = find_once(google, err);

	if (rc == GK_OK)
		rc = find_project(google, err);
	if (rc != GK_OK)
		return rc;
	return google->is_machine
		       ? gk_google_machine(ctx, text_ret, seconds_ret, err)
		       : gk_google_ask(ctx, google->credentials, text_ret, seconds_ret, err);
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
	gk_token_wipe(google->credentials);
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

gk_code gk_google_find_project(gk_google *google, gk_ctx *ctx, const char **ret, gk_error *err)
{
	char *own = NULL;
	gk_code rc = find_once(google, err);

	if (rc == GK_OK)
		rc = find_project(google, err);
	if (rc == GK_OK && !google->project && google->is_machine)
		rc = gk_google_machine_project(ctx, &own, err);
	if (own && !google->project)
		google->project = own;
	else
		free(own);
	if (rc == GK_OK)
		*ret = google->project;
	return rc;
}

const char *gk_google_project(const gk_google *google)
{
	return google->project;
}

const char *gk_google_quota_project(const gk_google *google)
{
	return google->quota_project;
}
