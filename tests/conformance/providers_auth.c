/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* The kinds "google-auth": credentials become tokens, kept for as long as they hold, and assertions are signed; and
 * "aws-auth": where credentials and a region are found. */
#include "providers.h"

#include "base/clock.h"
#include "base/str.h"
#include "json/edit.h"
#include "plugins/common/aws_auth.h"
#include "plugins/common/google_auth.h"
#include "plugins/common/media.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <stdio.h>

/* --- a key of this run's own --- */

static EVP_PKEY *key;

static char *make_key(void)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *data, *text;
	long len;

	if (!key)
		key = EVP_RSA_gen(2048);
	if (!bio || !key || !PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL))
		abort();
	len = BIO_get_mem_data(bio, &data);
	text = strndup(data, (size_t)len);
	BIO_free(bio);
	return text;
}

static bool is_signed(const char *text, size_t len, const char *signature)
{
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	gk_auto_str char *bytes = NULL;
	size_t bytes_len = 0;
	bool ok = md && gk_base64_decode(signature, strlen(signature), &bytes, &bytes_len) &&
		  EVP_DigestVerifyInit(md, NULL, EVP_sha256(), NULL, key) == 1 &&
		  EVP_DigestVerify(md, (unsigned char *)bytes, bytes_len,
			  (const unsigned char *)text, len) == 1;

	EVP_MD_CTX_free(md);
	return ok;
}

static json_t *segment(const char *text, size_t len)
{
	gk_auto_str char *bytes = NULL;
	json_t *value = NULL;
	size_t bytes_len;

	if (!gk_base64_decode(text, len, &bytes, &bytes_len) ||
		gk_json_parse(bytes, bytes_len, 0, &value, NULL) != GK_OK)
		return NULL;
	return value;
}

char *jwt_differs(const char *jwt, const json_t *wanted)
{
	size_t first = strcspn(jwt, "."), second;
	gk_auto_json json_t *header = segment(jwt, first), *claims = NULL;
	char *found;

	if (strpbrk(jwt, "+/=") || !jwt[first])
		return strdup("the assertion is no compact JWT");
	second = first + 1 + strcspn(jwt + first + 1, ".");
	claims = segment(jwt + first + 1, second - first - 1);
	found = result_differs(header, json_object_get(wanted, "header"), false, false);
	if (!found)
		found = result_differs(claims, json_object_get(wanted, "claims"), false, false);
	if (!found && (!jwt[second] || !is_signed(jwt, second, jwt + second + 1)))
		found = strdup("the signature of the assertion is wrong");
	return found;
}

/* --- the setting --- */

static uint64_t now_s;

static uint64_t tell_time(void *user)
{
	(void)user;
	return now_s;
}

static void set_time(const json_t *from)
{
	const char *text = gk_json_str_peek(from, "now");

	now_s = text ? (uint64_t)gk_clock_read_iso(text) / 1000 : 1767225600;
}

static const char mark[] = "{{rsa-2048}}";

char *play_fill(const char *text)
{
	const char *at = strstr(text, mark);
	gk_auto_str char *pem = at ? make_key() : NULL, *quoted = NULL;
	gk_auto_json json_t *value = json_string(pem ? pem : "");
	char *filled;

	if (!at)
		return strdup(text);
	quoted = gk_json_write(value, NULL);
	if (asprintf(&filled, "%.*s%.*s%s", (int)(at - text), text, (int)strlen(quoted) - 2,
		    quoted + 1, at + strlen(mark)) < 0)
		abort();
	return filled;
}

/* The credentials with this run's key, and with its home, wherever they name them. New reference. */
static json_t *settle(const play *it, json_t *value)
{
	const char *text = json_string_value(value), *name;
	json_t *own = json_is_object(value) ? json_object() : json_array(), *one;
	gk_auto_str char *put = NULL;
	size_t i;

	if (!gk_json_is_container(value)) {
		json_decref(own);
		put = gk_str_equal(text, mark)                ? make_key()
		      : text && gk_str_has_prefix(text, "~/") ? play_path(it, text)
							      : NULL;
		return put ? json_string(put) : json_incref(value);
	}
	json_object_foreach (value, name, one)
		json_object_set_new(own, name, settle(it, one));
	json_array_foreach (value, i, one)
		json_array_append_new(own, settle(it, one));
	return own;
}

/* --- a case --- */

typedef struct asking {
	const json_t *doc;
	gk_google *google;
	char *token;
	bool is_defined; /* the flow that asks */
} asking;

/* Whether a case asks the machine for its project, and before the token; a token alone is asked for alone. */
static bool asks_project(const json_t *doc, bool *is_first)
{
	json_t *exchange;
	size_t i;

	json_array_foreach (json_object_get(doc, "exchanges"), i, exchange) {
		const char *url = gk_json_str_peek(exchange, "request.url");

		if (url && strstr(url, "/project/project-id")) {
			*is_first = i == 0;
			return true;
		}
	}
	return false;
}

static gk_code ask(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	asking *it = gk_ctx_user(ctx);
	bool is_first = false, is_asked = asks_project(it->doc, &is_first);
	const char *project;
	gk_code rc = is_first ? gk_google_find_project(it->google, ctx, &project, err) : GK_OK;

	(void)input;
	(void)ret;
	if (rc == GK_OK)
		rc = gk_google_token(it->google, ctx, &it->token, err);
	return rc == GK_OK && is_asked && !is_first
		       ? gk_google_find_project(it->google, ctx, &project, err)
		       : rc;
}

static unsigned used(const play *it)
{
	unsigned count = 0;

	for (size_t i = 0; i < PLAY_EXCHANGES; i++)
		count += it->used[i];
	return count;
}

static char *differs(const char *what, const char *got, const json_t *wanted)
{
	char *text;

	if (!wanted || gk_str_equal(got, json_string_value(wanted)))
		return NULL;
	return asprintf(&text, "%s: %s, expected %s", what, got ? got : "none",
		       json_string_value(wanted)) < 0
		       ? NULL
		       : text;
}

static char *failure_differs(const json_t *wanted, gk_code rc, const gk_error *err)
{
	const char *part = gk_json_str_peek(wanted, "messageContains");
	const char *status = gk_json_str_peek(wanted, "status");
	char *text;

	if (wanted && rc != GK_OK && (!status || gk_str_equal(gk_code_name(rc), status)) &&
		(!part || (err->message && strcasestr(err->message, part))))
		return NULL;
	return asprintf(&text, "%s: %s", gk_code_name(rc), err->message ? err->message : "") < 0
		       ? NULL
		       : text;
}

static char *call_once(core_app *app, play *it, asking *own, const json_t *wanted, bool *failed)
{
	gk_auto_error gk_error err = { 0 };
	gk_auto_json json_t *nothing = NULL;
	const json_t *network = json_object_get(wanted, "network");
	unsigned before = used(it);
	gk_code rc = own->is_defined ? core_app_run_key(app, "/flow/case", NULL, &nothing, &err)
				     : core_app_run(app, ask, own, NULL, &nothing, &err);
	char *found = NULL;

	own->is_defined = true;
	*failed = rc != GK_OK || json_object_get(wanted, "error");
	if (*failed)
		return failure_differs(json_object_get(wanted, "error"), rc, &err);
	found = differs("token", own->token, json_object_get(wanted, "token"));
	if (!found)
		found = differs("project", gk_google_project(own->google),
			json_object_get(wanted, "projectId"));
	if (!found)
		found = differs("quota project", gk_google_quota_project(own->google),
			json_object_get(wanted, "quotaProject"));
	if (!found && network && (used(it) > before) != json_is_true(network))
		found = strdup("it asked when it should not, or the other way round");
	gk_token_free(gk_steal(own->token));
	return found;
}

static char *run_tokens(const json_t *doc)
{
	play it = { .doc = doc };
	gk_auto_json json_t *input = NULL;
	const json_t *calls = json_object_get(doc, "calls"), *call;
	char *found = NULL;
	asking own = { .doc = doc };
	core_app app;
	bool failed;
	size_t i;

	play_move_in(&it);
	input = settle(&it, json_object_get(doc, "input"));
	core_app_start(&app);
	set_time(doc);
	if (!gk_net_set_env(app.app, play_env, &it) ||
		!gk_net_set_transport(app.app, &play_transport, &it) ||
		!gk_net_set_clock(app.app, tell_time, NULL) ||
		!(own.google = gk_google_new(app.app, input)))
		abort();
	if (!calls)
		found = call_once(&app, &it, &own, json_object_get(doc, "expect"), &failed);
	json_array_foreach (calls, i, call) {
		set_time(call);
		if (!found)
			found = call_once(&app, &it, &own, call, &failed);
	}
	play_finish(&it);
	if (!found && it.complaint)
		found = gk_steal(it.complaint);
	gk_google_free(own.google);
	core_app_stop(&app);
	play_done(&it);
	return found;
}

static char *run_assertion(const json_t *doc)
{
	gk_auto_json json_t *header = NULL, *claims = NULL, *input = NULL, *got = NULL;
	gk_auto_error gk_error err = { 0 };

	input = settle(NULL, json_object_get(doc, "input"));
	set_time(doc);
	if (gk_google_assertion(input, now_s, &header, &claims, &err) != GK_OK)
		return failure_differs(gk_json_at_peek(doc, "expect.error"), err.code, &err);
	got = json_pack("{s:O, s:O}", "header", header, "claims", claims);
	return result_differs(got, json_object_get(doc, "expect"), false, false);
}

char *run_google_auth(const json_t *doc)
{
	bool is_signed_here =
		gk_json_at_peek(doc, "expect.header") || gk_json_at_peek(doc, "expect.claims");

	return is_signed_here ? run_assertion(doc) : run_tokens(doc);
}

/* --- Amazon --- */

/* Region first: it never asks anybody, and may be what is missing. */
static gk_code ask_aws(gk_ctx *ctx, json_t *doc, json_t **ret, gk_error *err)
{
	const char *profile = gk_json_str_peek(doc, "input.profile");
	gk_auto_json json_t *credentials = NULL;
	gk_auto_str char *region = NULL;
	gk_code rc = GK_OK;

	if (gk_json_at_peek(doc, "expect.region"))
		rc = gk_aws_region(ctx, profile, &region, err);
	if (rc == GK_OK && (gk_json_at_peek(doc, "expect.credentials") || !region))
		rc = gk_aws_credentials(ctx, profile, &credentials, err);
	if (rc == GK_OK)
		*ret = json_pack("{s:O?, s:s?}", "credentials", credentials, "region", region);
	return rc;
}

char *run_aws_auth(json_t *doc)
{
	const json_t *expect = json_object_get(doc, "expect");
	play it = { .doc = doc };
	gk_auto_error gk_error err = { 0 };
	gk_auto_json json_t *got = NULL;
	char *found = NULL;
	core_app app;
	gk_code rc;

	play_move_in(&it);
	core_app_start(&app);
	set_time(doc);
	if (!gk_net_set_env(app.app, play_env, &it) ||
		!gk_net_set_transport(app.app, &play_transport, &it) ||
		!gk_net_set_clock(app.app, tell_time, NULL))
		abort();
	rc = core_app_run(&app, ask_aws, NULL, doc, &got, &err);
	if (json_object_get(expect, "error") || rc != GK_OK)
		found = failure_differs(json_object_get(expect, "error"), rc, &err);
	else
		found = result_differs(got, expect, true, false);
	play_finish(&it);
	if (!found && it.complaint)
		found = gk_steal(it.complaint);
	core_app_stop(&app);
	play_done(&it);
	return found;
}
