/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "loop/url.h"

#include "base/limits.h"
#include "loop/url_shown.h"

#include <stdio.h>
#include <strings.h>

void gk_url_done(gk_url *url)
{
	curl_url_cleanup(url->curl);
	free(url->shown);
	free(url->origin);
	*url = (gk_url){ 0 };
}

static CURLUcode get(const gk_url *url, CURLUPart part, unsigned flags, char **ret)
{
	char *text = NULL;
	CURLUcode code = curl_url_get(url->curl, part, &text, flags);

	if (code == CURLUE_OK) {
		*ret = strdup(text); /* free() need not be curl's */
		curl_free(text);
		if (!*ret)
			code = CURLUE_OUT_OF_MEMORY;
	}
	return code;
}

char *gk_url_part(const gk_url *url, CURLUPart part, unsigned flags)
{
	char *text = NULL;
	CURLUcode code = get(url, part, flags, &text);

	return code == CURLUE_OK || code == CURLUE_OUT_OF_MEMORY ? text : strdup("");
}

static gk_code fail(CURLUcode code, gk_error *err)
{
	if (code == CURLUE_OUT_OF_MEMORY)
		return gk_error_no_memory(err);
	return gk_error_set(err, GK_INVALID_ARGUMENT, "not a URL");
}

static bool print(
	char **ret, const char *scheme, const char *host, const char *port, const char *path)
{
	if (asprintf(ret, "%s://%s%s%s%s", scheme, host, port ? ":" : "", port ? port : "", path) <
		0)
		*ret = NULL;
	return *ret;
}

static gk_code print_all(gk_url *url, const char *scheme, gk_error *err)
{
	gk_auto_str char *host = NULL, *port = NULL, *any_port = NULL, *path = NULL;
	CURLUcode code = get(url, CURLUPART_HOST, 0, &host);

	if (code == CURLUE_OK)
		code = get(url, CURLUPART_PATH, 0, &path);
	if (code == CURLUE_OK)
		code = get(url, CURLUPART_PORT, CURLU_DEFAULT_PORT, &any_port);
	if (code == CURLUE_OK)
		code = get(url, CURLUPART_PORT, 0, &port);
	if (code == CURLUE_NO_PORT)
		code = CURLUE_OK;
	if (code != CURLUE_OK)
		return fail(code, err);
	for (char *c = host; *c; c++)
		if (*c >= 'A' && *c <= 'Z')
			*c = (char)(*c - 'A' + 'a');
	if (!print(&url->shown, scheme, host, port, path) ||
		!print(&url->origin, scheme, host, any_port, ""))
		return gk_error_no_memory(err);
	return GK_OK;
}

/* The scheme becomes http or https. */
static gk_code finish(gk_url *url, const char *const schemes[2], gk_error *err)
{
	gk_auto_str char *scheme = NULL;
	CURLUcode code = get(url, CURLUPART_SCHEME, 0, &scheme);

	if (code != CURLUE_OK)
		return fail(code, err);
	url->is_tls = strcasecmp(scheme, schemes[1]) == 0;
	if (!url->is_tls && strcasecmp(scheme, schemes[0]) != 0)
		return gk_error_set(err, GK_INVALID_ARGUMENT,
			"the URL must begin with %s:// or %s://", schemes[0], schemes[1]);
	code = curl_url_set(url->curl, CURLUPART_SCHEME, url->is_tls ? "https" : "http", 0);
	return code == CURLUE_OK ? print_all(url, schemes[url->is_tls], err) : fail(code, err);
}

static const char *const http_schemes[2] = { "http", "https" };

static gk_code parse(const gk_url *base, const char *text, const char *const schemes[2],
	gk_url *ret, gk_error *err)
{
	gk_auto_url gk_url url = { .curl = base ? curl_url_dup(base->curl) : curl_url() };
	CURLUcode code;
	gk_code rc;

	if (!url.curl)
		return gk_error_no_memory(err);
	if (strlen(text) > GK_MAX_URL)
		return gk_error_set(
			err, GK_INVALID_ARGUMENT, "the URL is longer than %u bytes", GK_MAX_URL);
	code = curl_url_set(url.curl, CURLUPART_URL, text, CURLU_NON_SUPPORT_SCHEME);
	if (code != CURLUE_OK)
		return fail(code, err);
	rc = finish(&url, schemes, err);
	if (rc == GK_OK) {
		*ret = url;
		url = (gk_url){ 0 };
	}
	return rc;
}

gk_code gk_url_parse(const char *text, const char *const schemes[2], gk_url *ret, gk_error *err)
{
	/* curl takes one slash for two. */
	if (!strstr(text, "://"))
		return fail(CURLUE_MALFORMED_INPUT, err);
	return parse(NULL, text, schemes, ret, err);
}

gk_code gk_url_resolve(const gk_url *base, const char *location, gk_url *ret, gk_error *err)
{
	return parse(base, location, http_schemes, ret, err);
}

/* --- URLs that many requests go to --- */

gk_url_shared *gk_url_ref(gk_url_shared *shared)
{
	shared->refs++;
	return shared;
}

void gk_url_unref(gk_url_shared *shared)
{
	if (!shared || --shared->refs)
		return;
	gk_url_done(&shared->url);
	free(shared->whole);
	free(shared);
}

static unsigned place_of(const char *text, size_t len)
{
	unsigned hash = (unsigned)len;

	/* Of one provider they differ near their ends, of two in their hosts. */
	for (size_t i = 8; i < len; i += i < 24 ? 1 : 4)
		hash = hash * 31 + (unsigned char)text[i];
	for (size_t i = len > 8 ? len - 8 : 0; i < len; i++)
		hash = hash * 31 + (unsigned char)text[i];
	return hash % GK_URL_CACHE;
}

gk_code gk_url_cache_get(gk_url_cache *cache, const char *text, const char *const schemes[2],
	gk_url_shared **ret, gk_error *err)
{
	size_t len = strlen(text);
	gk_url_shared **place = &cache->urls[place_of(text, len)], *shared = *place;
	gk_code rc;

	if (shared && strcmp(shared->text, text) == 0) {
		*ret = gk_url_ref(shared);
		return GK_OK;
	}
	shared = malloc(sizeof(*shared) + len + 1);
	if (!shared)
		return gk_error_no_memory(err);
	*shared = (gk_url_shared){ .refs = 1 };
	memcpy(shared->text, text, len + 1);
	rc = gk_url_parse(text, schemes, &shared->url, err);
	if (rc != GK_OK) {
		free(shared);
		return rc;
	}
	if (!strpbrk(text, "?@#")) {
		get(&shared->url, CURLUPART_URL, 0, &shared->whole);
		gk_url_unref(*place);
		*place = gk_url_ref(shared);
	}
	*ret = shared;
	return GK_OK;
}

void gk_url_cache_done(gk_url_cache *cache)
{
	for (size_t i = 0; i < GK_URL_CACHE; i++)
		gk_url_unref(gk_steal(cache->urls[i]));
}

char *gk_url_shown(const char *text)
{
	static const char *const schemes[][2] = { { "http", "https" }, { "ws", "wss" } };

	for (size_t i = 0; i < 2; i++) {
		gk_auto_url gk_url url = { 0 };
		gk_code rc = gk_url_parse(text, schemes[i], &url, NULL);

		if (rc == GK_OK)
			return gk_steal(url.shown);
		if (rc != GK_INVALID_ARGUMENT)
			return NULL;
	}
	return strdup("(not a URL)");
}
