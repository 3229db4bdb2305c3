/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* The machine's own identity: its metadata server gives tokens to whoever runs there. */
#include "plugins/common/google_auth_internal.h"

#include "base/str.h"
#include "loop/fiber.h"
#include "plugins/common/net.h"

#include <strings.h>

static const char who[] = GK_GOOGLE_WHO;

static gk_code no_credentials(gk_error *err)
{
	return gk_error_set(err, GK_UNAUTHENTICATED,
		"%s: there are none: set the option googleAuth, GCLOUD_SERVICE_ACCOUNT_CREDS or "
		"GOOGLE_APPLICATION_CREDENTIALS, or run gcloud auth application-default login",
		who);
}

static bool is_called_off(void)
{
	return gk_scope_reason(gk_fiber_scope(gk_fiber_self())) != GK_OK;
}

/* Asks one host; it shows by a header that it is a metadata server. */
static gk_code ask_host(gk_ctx *ctx, const char *host, const char *path, char **ret, gk_error *err)
{
	gk_auto_outgoing gk_outgoing out;
	gk_auto_reply gk_reply reply = { 0 };
	const char *flavor;
	size_t len;
	gk_code rc = GK_OK;

	gk_outgoing_init(&out, "GET");
	gk_outgoing_url(&out, "http://%s/computeMetadata/v1/%s", host, path);
	gk_outgoing_header(&out, "Metadata-Flavor", "Google");
	out.timeout_ms = GK_METADATA_MS;
	for (int tries = 0; rc == GK_OK && tries < GK_METADATA_TRIES; tries++) {
		rc = gk_net_send(gk_ctx_app(ctx), &out, &reply, err);
		if (rc != GK_DEADLINE_EXCEEDED || is_called_off())
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

/* What the metadata server says under a path. Its name may be unknown where its address answers. */
static gk_code ask_metadata(gk_ctx *ctx, const char *path, char **ret, gk_error *err)
{
	static const char *const names[] = { "GCE_METADATA_HOST", "GCE_METADATA_IP", NULL };
	gk_auto_str char *host = NULL;
	gk_code rc = gk_net_env(gk_ctx_app(ctx), names, &host, err);

	if (rc == GK_OK)
		rc = ask_host(ctx, host ? host : "metadata.google.internal", path, ret, err);
	return rc == GK_UNAVAILABLE && !host && !is_called_off()
		       ? ask_host(ctx, "169.254.169.254", path, ret, err)
		       : rc;
}

/* Whether this is not to be looked for at all. */
static gk_code is_ruled_out(gk_ctx *ctx, bool *ret, gk_error *err)
{
	static const char *const names[] = { "NO_GCE_CHECK", NULL };
	gk_auto_str char *off = NULL;
	gk_code rc = gk_net_env(gk_ctx_app(ctx), names, &off, err);

	*ret = gk_str_equal(off, "true");
	return rc;
}

gk_code gk_google_machine(gk_ctx *ctx, char **text_ret, uint64_t *seconds_ret, gk_error *err)
{
	gk_auto_secret char *text = NULL;
	json_t *answer = NULL;
	bool is_out;
	gk_code rc = is_ruled_out(ctx, &is_out, err);

	if (rc == GK_OK && is_out)
		return no_credentials(err);
	if (rc == GK_OK)
		rc = ask_metadata(ctx,
			"instance/service-accounts/default/token?scopes=" GK_GOOGLE_SCOPE, &text,
			err);
	if (rc == GK_UNAVAILABLE && !is_called_off())
		return no_credentials(err);
	if (rc == GK_OK)
		rc = gk_google_parse("the metadata server's answer", text, &answer, err);
	if (rc == GK_OK)
		rc = gk_token_read(ctx, who, answer, text_ret, seconds_ret, err);
	gk_token_wipe(answer);
	return rc;
}

gk_code gk_google_machine_project(gk_ctx *ctx, char **ret, gk_error *err)
{
	bool is_out;
	gk_code rc = is_ruled_out(ctx, &is_out, err);

	*ret = NULL;
	if (rc == GK_OK && !is_out)
		rc = ask_metadata(ctx, "project/project-id", ret, err);
	if (rc != GK_UNAVAILABLE || is_called_off())
		return rc;
	gk_error_clear(err);
	return GK_OK;
}
