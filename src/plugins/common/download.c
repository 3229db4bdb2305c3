/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "plugins/common/download.h"

#include "base/str.h"
#include "json/edit.h"
#include "plugins/common/ask.h"
#include "plugins/common/media.h"

#include <stdio.h>

uint64_t gk_download_ms = GK_DOWNLOAD_MS;

static const char *remote_url(const json_t *part)
{
	const char *url = gk_json_str_peek(json_object_get(part, "media"), "url");

	return url && (gk_str_has_prefix(url, "http://") || gk_str_has_prefix(url, "https://"))
		       ? url
		       : NULL;
}

/* The part with what is at its address; everything else of it stays. */
static gk_code fetch_part(gk_ctx *ctx, json_t *part, void *user, json_t **ret, gk_error *err)
{
	const char *who = user;
	const char *own = gk_json_str_peek(json_object_get(part, "media"), "contentType");
	gk_auto_json json_t *changed = gk_json_copy(part), *inline_part = NULL;
	gk_auto_str char *bytes = NULL, *type = NULL, *name = NULL;
	gk_auto_outgoing gk_outgoing out;
	size_t len = 0;
	gk_code rc;

	if (asprintf(&name, "%s: download of a media part", who) < 0) {
		name = NULL;
		return gk_error_no_memory(err);
	}
	gk_outgoing_init(&out, "GET");
	gk_outgoing_url(&out, "%s", remote_url(part));
	out.redirects = GK_MAX_DOWNLOAD_REDIRECTS;
	out.timeout_ms = gk_download_ms;
	rc = gk_ask_bytes(ctx, name, &out, &bytes, &len, &type, err);
	if (rc != GK_OK)
		return rc;
	if (len > GK_MAX_DOWNLOAD)
		return gk_error_set(err, GK_RESOURCE_EXHAUSTED, "%s: more than %u bytes", name,
			GK_MAX_DOWNLOAD);
	if (type)
		type[strcspn(type, "; ")] = '\0';
	inline_part = gk_media_part_of_bytes(own    ? own
					     : type ? type
						    : "application/octet-stream",
		bytes, len);
	if (!inline_part || !gk_json_set(changed, "media", json_object_get(inline_part, "media")))
		return gk_error_no_memory(err);
	*ret = gk_steal(changed);
	return GK_OK;
}

static bool is_remote(json_t *part, void *user)
{
	(void)user;
	return remote_url(part) != NULL;
}

gk_code gk_download_media(
	gk_ctx *ctx, const char *who, json_t *request, json_t **ret, gk_error *err)
{
	const gk_media_fetcher fetcher = { is_remote, fetch_part, (void *)(uintptr_t)who };

	return gk_media_fetch(ctx, request, &fetcher, ret, err);
}
