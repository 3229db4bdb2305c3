/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "plugins/common/aws_auth_internal.h"

#include "base/str.h"
#include "json/edit.h"
#include "loop/fiber.h"
#include "plugins/common/ask.h"
#include "plugins/common/token.h"

#include <stdio.h>

static const char who[] = GK_AWS_WHO;

gk_code gk_aws_variable(gk_ctx *ctx, const char *name, char **ret, gk_error *err)
{
	return gk_net_env(gk_ctx_app(ctx), (const char *const[]){ name, NULL }, ret, err);
}

gk_code gk_aws_keys(const char *id, const char *secret, const char *token, const char *expires,
	json_t **ret, gk_error *err)
{
	gk_auto_json json_t *keys = json_object();

	if (!id || !*id || !secret || !*secret)
		return GK_OK;
	if (!gk_json_set_str(keys, "accessKeyId", id) ||
		!gk_json_set_str(keys, "secretAccessKey", secret) ||
		(token && *token && !gk_json_set_str(keys, "sessionToken", token)) ||
		(expires && *expires && !gk_json_set_str(keys, "expiration", expires)))
		return gk_error_no_memory(err);
	*ret = gk_steal(keys);
	return GK_OK;
}

static gk_code from_environment(gk_ctx *ctx, json_t **ret, gk_error *err)
{
	gk_auto_secret char *id = NULL, *secret = NULL, *token = NULL;
	gk_code rc = gk_aws_variable(ctx, "AWS_ACCESS_KEY_ID", &id, err);

	if (rc == GK_OK)
		rc = gk_aws_variable(ctx, "AWS_SECRET_ACCESS_KEY", &secret, err);
	if (rc == GK_OK)
		rc = gk_aws_variable(ctx, "AWS_SESSION_TOKEN", &token, err);
	return rc == GK_OK ? gk_aws_keys(id, secret, token, NULL, ret, err) : rc;
}

/* --- shared files --- */

static char *trimmed(const char *text, size_t len)
{
	while (len && strchr(" \t\r", *text)) {
		text++;
		len--;
	}
	while (len && strchr(" \t\r", text[len - 1]))
		len--;
	return strndup(text, len);
}

/* Whether a line is "[section]". */
static bool is_section(const char *line, size_t len, const char *section)
{
	gk_auto_str char *name = NULL;

	if (len < 2 || *line != '[' || !memchr(line, ']', len))
		return false;
	name = trimmed(line + 1, (size_t)((const char *)memchr(line, ']', len) - line) - 1);
	return gk_str_equal(name, section);
}

/* The value of a key in a section; `*ret` stays NULL when there is none. */
static gk_code look_up(
	const char *text, const char *section, const char *key, char **ret, gk_error *err)
{
	bool is_inside = false;
	size_t len;

	for (; *text; text += len + (text[len] == '\n')) {
		const char *equals;
		gk_auto_str char *name = NULL;

		len = strcspn(text, "\n");
		if (*text == '[')
			is_inside = is_section(text, len, section);
		equals = memchr(text, '=', len);
		if (!is_inside || !equals || strchr("#;[ \t", *text))
			continue;
		name = trimmed(text, (size_t)(equals - text));
		if (name && !gk_str_equal(name, key))
			continue;
		*ret = trimmed(equals + 1, len - (size_t)(equals - text) - 1);
		return name && *ret ? GK_OK : gk_error_no_memory(err);
	}
	return GK_OK;
}

/* A file that a variable names, or `usual` below the home folder; `*ret` stays NULL when there is none. */
static gk_code load(gk_ctx *ctx, const char *name, const char *usual, char **ret, gk_error *err)
{
	gk_auto_error gk_error why = { 0 };
	gk_auto_str char *path = NULL, *home = NULL;
	gk_code rc = gk_aws_variable(ctx, name, &path, err);

	if (rc == GK_OK && !path)
		rc = gk_aws_variable(ctx, "HOME", &home, err);
	if (rc == GK_OK && !path && home && asprintf(&path, "%s/.aws/%s", home, usual) < 0) {
		path = NULL;
		rc = gk_error_no_memory(err);
	}
	if (rc != GK_OK || !path)
		return rc;
	rc = gk_token_read_file(path, ret, &why);
	return rc == GK_OK || rc == GK_NOT_FOUND ? GK_OK : gk_error_move(err, &why);
}

/* Which profile; owned by the caller. */
static gk_code profile_of(gk_ctx *ctx, const char *given, char **ret, gk_error *err)
{
	gk_code rc = given ? GK_OK : gk_aws_variable(ctx, "AWS_PROFILE", ret, err);

	if (rc == GK_OK && !*ret)
		*ret = strdup(given ? given : "default");
	return rc == GK_OK && !*ret ? gk_error_no_memory(err) : rc;
}

/* In the configuration the sections of profiles are called [profile NAME], but for the default's. */
static gk_code from_config(
	gk_ctx *ctx, const char *profile, const char *key, char **ret, gk_error *err)
{
	gk_auto_secret char *text = NULL;
	gk_auto_str char *section = NULL;
	gk_code rc = load(ctx, "AWS_CONFIG_FILE", "config", &text, err);

	if (rc != GK_OK || !text)
		return rc;
	if (asprintf(&section, "%s%s", strcmp(profile, "default") == 0 ? "" : "profile ", profile) <
		0) {
		section = NULL;
		return gk_error_no_memory(err);
	}
	return look_up(text, section, key, ret, err);
}

static gk_code from_files(gk_ctx *ctx, const char *given, json_t **ret, gk_error *err)
{
	static const char *const keys[] = { "aws_access_key_id", "aws_secret_access_key",
		"aws_session_token" };
	gk_auto_secret char *text = NULL;
	gk_auto_str char *profile = NULL;
	char *values[3] = { NULL, NULL, NULL };
	gk_code rc = profile_of(ctx, given, &profile, err);

	if (rc == GK_OK)
		rc = load(ctx, "AWS_SHARED_CREDENTIALS_FILE", "credentials", &text, err);
	for (size_t i = 0; rc == GK_OK && i < 3; i++) {
		if (text)
			rc = look_up(text, profile, keys[i], &values[i], err);
		if (rc == GK_OK && !values[i])
			rc = from_config(ctx, profile, keys[i], &values[i], err);
	}
	if (rc == GK_OK)
		rc = gk_aws_keys(values[0], values[1], values[2], NULL, ret, err);
	for (size_t i = 0; i < 3; i++)
		gk_token_free(values[i]);
	return rc;
}

/* --- services of the platform --- */

/* {AccessKeyId, SecretAccessKey, Token, Expiration} */
static gk_code read_keys(const char *text, json_t **ret, gk_error *err)
{
	json_t *answer = NULL;
	gk_code rc = gk_ask_parse(who, text, strlen(text), &answer, err);

	if (rc == GK_OK)
		rc = gk_aws_keys(gk_json_str_peek(answer, "AccessKeyId"),
			gk_json_str_peek(answer, "SecretAccessKey"),
			gk_json_str_peek(answer, "Token"), gk_json_str_peek(answer, "Expiration"),
			ret, err);
	gk_token_wipe(answer);
	return rc;
}

static gk_code ask_text(gk_ctx *ctx, gk_outgoing *out, char **ret, gk_error *err)
{
	size_t len;

	out->timeout_ms = GK_METADATA_MS;
	return gk_ask_bytes(ctx, who, out, ret, &len, NULL, err);
}

static gk_code from_container(gk_ctx *ctx, json_t **ret, gk_error *err)
{
	gk_auto_str char *relative = NULL, *full = NULL, *file = NULL;
	gk_auto_secret char *token = NULL, *text = NULL;
	gk_auto_outgoing gk_outgoing out;
	gk_code rc = gk_aws_variable(ctx, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", &relative, err);

	gk_outgoing_init(&out, "GET");
	if (rc == GK_OK)
		rc = gk_aws_variable(ctx, "AWS_CONTAINER_CREDENTIALS_FULL_URI", &full, err);
	if (rc == GK_OK)
		rc = gk_aws_variable(ctx, "AWS_CONTAINER_AUTHORIZATION_TOKEN", &token, err);
	if (rc == GK_OK && !token)
		rc = gk_aws_variable(ctx, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", &file, err);
	if (rc == GK_OK && file)
		rc = gk_token_read_file(file, &token, err);
	if (rc != GK_OK || (!relative && !full))
		return rc;
	gk_outgoing_url(
		&out, "%s%s", relative ? "http://169.254.170.2" : "", relative ? relative : full);
	if (token)
		gk_outgoing_secret(&out, "Authorization", "", token);
	rc = ask_text(ctx, &out, &text, err);
	return rc == GK_OK ? read_keys(text, ret, err) : rc;
}

static gk_code ask_machine(gk_ctx *ctx, const char *base, const char *token, const char *role,
	char **ret, gk_error *err)
{
	gk_auto_outgoing gk_outgoing out;

	gk_outgoing_init(&out, token ? "GET" : "PUT");
	gk_outgoing_url(&out, "%s/latest/%s%s", base,
		token ? "meta-data/iam/security-credentials/" : "api/token", role ? role : "");
	if (token)
		gk_outgoing_secret(&out, "X-aws-ec2-metadata-token", "", token);
	else
		gk_outgoing_header(&out, "X-aws-ec2-metadata-token-ttl-seconds", "21600");
	return ask_text(ctx, &out, ret, err);
}

/* A machine that has none, or is none of theirs, is no error. */
static gk_code from_machine(gk_ctx *ctx, json_t **ret, gk_error *err)
{
	gk_auto_str char *off = NULL, *base = NULL, *role = NULL;
	gk_auto_secret char *token = NULL, *text = NULL;
	gk_auto_error gk_error why = { 0 };
	gk_code rc = gk_aws_variable(ctx, "AWS_EC2_METADATA_DISABLED", &off, err);

	if (rc == GK_OK && !gk_str_equal(off, "true"))
		rc = gk_aws_variable(ctx, "AWS_EC2_METADATA_SERVICE_ENDPOINT", &base, err);
	if (rc != GK_OK || gk_str_equal(off, "true"))
		return rc;
	if (!base && !(base = strdup("http://169.254.169.254")))
		return gk_error_no_memory(err);
	for (size_t len = strlen(base); len && base[len - 1] == '/';)
		base[--len] = '\0';
	rc = ask_machine(ctx, base, NULL, NULL, &token, &why);
	if (rc == GK_OK)
		rc = ask_machine(ctx, base, token, NULL, &role, &why);
	if (rc == GK_OK) {
		role[strcspn(role, "\r\n")] = '\0';
		rc = ask_machine(ctx, base, token, role, &text, &why);
	}
	if (rc == GK_OK)
		return read_keys(text, ret, err);
	return gk_scope_reason(gk_fiber_scope(gk_fiber_self())) == GK_OK ? GK_OK
									 : gk_error_move(err, &why);
}

gk_code gk_aws_credentials(gk_ctx *ctx, const char *profile, json_t **ret, gk_error *err)
{
	gk_code rc = from_environment(ctx, ret, err);

	if (rc == GK_OK && !*ret)
		rc = gk_aws_web_identity(ctx, profile, ret, err);
	if (rc == GK_OK && !*ret)
		rc = from_files(ctx, profile, ret, err);
	if (rc == GK_OK && !*ret)
		rc = from_container(ctx, ret, err);
	if (rc == GK_OK && !*ret)
		rc = from_machine(ctx, ret, err);
	if (rc != GK_OK || *ret)
		return rc;
	return gk_error_set(err, GK_UNAUTHENTICATED,
		"%s: there are none: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a profile in "
		"~/.aws/credentials",
		who);
}

gk_code gk_aws_region(gk_ctx *ctx, const char *given, char **ret, gk_error *err)
{
	static const char *const names[] = { "AWS_REGION", "AWS_DEFAULT_REGION", NULL };
	gk_auto_str char *profile = NULL;
	gk_code rc = gk_net_env(gk_ctx_app(ctx), names, ret, err);

	if (rc == GK_OK && !*ret)
		rc = profile_of(ctx, given, &profile, err);
	if (rc == GK_OK && !*ret)
		rc = from_config(ctx, profile, "region", ret, err);
	if (rc != GK_OK || *ret)
		return rc;
	return gk_error_set(err, GK_FAILED_PRECONDITION,
		"%s: need a region: AWS_REGION, or 'region' of the profile in ~/.aws/config", who);
}
