/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* A role's credentials from the token service, for somebody for whom another service vouches. */
#include "plugins/common/aws_auth_internal.h"

#include "base/str.h"
#include "json/edit.h"
#include "json/uri_expand.h"
#include "plugins/common/net.h"
#include "plugins/common/token.h"

#include <stdio.h>

static const char who[] = GK_AWS_WHO;

/* What follows a tag; `*ret` stays NULL when it is not there, and is for gk_token_free(). The values that are looked for are
 * letters, digits and punctuation that XML does not escape. */
static gk_code element(const char *xml, const char *tag, char **ret, gk_error *err)
{
	const char *start = strstr(xml, tag);

	if (!start)
		return GK_OK;
	start += strlen(tag);
	*ret = strndup(start, strcspn(start, "<"));
	return *ret ? GK_OK : gk_error_no_memory(err);
}

static gk_code read_answer(const char *xml, json_t **ret, gk_error *err)
{
	static const char *const tags[] = { "<AccessKeyId>", "<SecretAccessKey>", "<SessionToken>",
		"<Expiration>" };
	char *values[4] = { NULL };
	gk_code rc = GK_OK;

	for (size_t i = 0; i < 4 && rc == GK_OK; i++)
		rc = element(xml, tags[i], &values[i], err);
	if (rc == GK_OK)
		rc = gk_aws_keys(values[0], values[1], values[2], values[3], ret, err);
	for (size_t i = 0; i < 4; i++)
		gk_token_free(values[i]);
	if (rc == GK_OK && !*ret)
		rc = gk_error_set(err, GK_INTERNAL,
			"%s: the answer has no AccessKeyId and SecretAccessKey", who);
	return rc;
}

static gk_code ask(gk_ctx *ctx, const char *region, const char *role, const char *session,
	const char *token, json_t **ret, gk_error *err)
{
	json_t *values = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "region", region, "Action",
		"AssumeRoleWithWebIdentity", "Version", "2011-06-15", "RoleArn", role,
		"RoleSessionName", session, "WebIdentityToken", token);
	gk_auto_secret char *url = NULL, *xml = NULL;
	gk_auto_outgoing gk_outgoing out;
	gk_code rc;

	gk_outgoing_init(&out, "GET");
	if (!values)
		return gk_error_no_memory(err);
	rc = gk_uri_expand("https://sts.{region}.amazonaws.com/"
			   "{?Action,Version,RoleArn,RoleSessionName,WebIdentityToken}",
		values, &url, err);
	gk_token_wipe(values);
	if (rc != GK_OK)
		return rc;
	gk_outgoing_url(&out, "%s", url);
	gk_outgoing_hide(&out, token);
	rc = gk_token_ask_text(ctx, who, &out, &xml, err);
	return rc == GK_OK ? read_answer(xml, ret, err) : rc;
}

gk_code gk_aws_web_identity(gk_ctx *ctx, const char *profile, json_t **ret, gk_error *err)
{
	gk_auto_str char *file = NULL, *role = NULL, *session = NULL, *region = NULL;
	gk_auto_secret char *token = NULL;
	gk_code rc = gk_aws_variable(ctx, "AWS_WEB_IDENTITY_TOKEN_FILE", &file, err);

	if (rc == GK_OK)
		rc = gk_aws_variable(ctx, "AWS_ROLE_ARN", &role, err);
	if (rc == GK_OK)
		rc = gk_aws_variable(ctx, "AWS_ROLE_SESSION_NAME", &session, err);
	if (rc != GK_OK || !file || !role)
		return rc;
	rc = gk_aws_region(ctx, profile, &region, err);
	if (rc == GK_OK)
		rc = gk_token_read_file(file, &token, err);
	return rc == GK_OK ? ask(ctx, region, role, session ? session : "genkitd", token, ret, err)
			   : rc;
}
