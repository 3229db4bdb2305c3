/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Media of a request are fetched and put in as data: URLs (generate section 5.5). */
#include "ai/chain.h"
#include "ai/media.h"
#include "base/limits.h"
#include "base/str.h"
#include "core/app_client.h"

/* A user, a password and what is behind the path may be secrets. */
static gk_code refuse(const char *address, const char *body, gk_error *err)
{
	const char *host = strstr(address, "://");
	size_t scheme = host ? (size_t)(host + 3 - address) : 0, end = strcspn(address, "?#");
	size_t place = scheme + strcspn(address + scheme, "/?#");
	const char *at = memrchr(address + scheme, '@', place - scheme);
	const char *rest = at ? at + 1 : address + scheme;

	return gk_error_set_plain(err, "HTTP error downloading media '%.*s%.*s': %s", (int)scheme,
		address, (int)(address + end - rest), rest, body);
}

static gk_code fetch(gk_ctx *ctx, json_t *part, void *user, json_t **ret, gk_error *err)
{
	const gk_download_media_opts *opts = user;
	const char *address = gk_json_str_peek(part, "media.url");
	const char *type = gk_json_str_peek(part, "media.contentType");
	size_t max = opts && opts->max_bytes ? opts->max_bytes : GK_MAX_FETCH_BODY;
	gk_auto_fetch gk_fetch *res = NULL;
	gk_auto_str char *body = NULL;
	gk_fetch_client *client;
	size_t len = 0;
	gk_code rc = gk_app_client(gk_ctx_app(ctx), &client, err);

	if (rc == GK_OK)
		rc = gk_fetch_start(client,
			GK_OPTS(gk_fetch_opts, .url = address, .max_body = max,
				.redirects = GK_MEDIA_REDIRECTS),
			&res, err);
	if (rc == GK_OK)
		rc = gk_fetch_read_all(res, &body, &len, err);
	if (rc != GK_OK)
		return rc;
	if (gk_fetch_status(res) != 200)
		return refuse(address, body, err);
	if (!type)
		type = gk_fetch_header_peek(res, "content-type");
	*ret = gk_media_part_of_bytes(type ? type : "", body, len);
	return *ret ? GK_OK : gk_error_no_memory(err);
}

static bool is_wanted(json_t *part, void *user)
{
	const gk_download_media_opts *opts = user;
	const char *url = gk_json_str_peek(part, "media.url");

	return url && gk_str_has_prefix(url, "http") &&
	       (!opts || !opts->filter || opts->filter(part));
}

gk_code gk_download_request_media(
	gk_ctx *ctx, json_t *request, gk_next *next, void *user, json_t **ret, gk_error *err)
{
	const gk_media_fetcher fetcher = { is_wanted, fetch, user };
	gk_auto_json json_t *own = NULL;
	gk_code rc = gk_media_fetch(ctx, request, &fetcher, &own, err);

	return rc == GK_OK ? gk_next_run(ctx, next, own, ret, err) : rc;
}
