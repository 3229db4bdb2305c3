/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Media of a request are fetched and put in as data: URLs (generate section 5.5). */
#include "ai/chain.h"
#include "ai/request.h"
#include "base/buf.h"
#include "base/limits.h"
#include "base/str.h"
#include "core/app_client.h"
#include "core/call.h"
#include "json/edit.h"

#include <openssl/evp.h>

#include <limits.h>

/* --- one medium --- */

typedef struct media_job {
	const gk_download_media_opts *opts;
	size_t message, part; /* where it stands */
	json_t *media;        /* borrowed */
	json_t *fetched;      /* the part that comes in its place */
} media_job;

static json_t *part_of(const char *type, const char *body, size_t len)
{
	gk_auto_buf gk_buf url = GK_BUF_INIT(0);
	size_t room = (len + 2) / 3 * 4 + 1;
	char *place;

	gk_buf_printf(&url, "data:%s;base64,", type);
	place = len < INT_MAX / 2 ? gk_buf_reserve(&url, room) : NULL;
	if (!place)
		return NULL;
	EVP_EncodeBlock((unsigned char *)place, (const unsigned char *)body, (int)len);
	gk_buf_added(&url, room - 1);
	return json_pack("{s:{s:s, s:o}}", "media", "contentType", type, "url",
		json_stringn(url.data, url.len));
}

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

static gk_code fetch_one(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	media_job *job = gk_ctx_user(ctx);
	const char *address = json_string_value(json_object_get(job->media, "url"));
	const char *type = json_string_value(json_object_get(job->media, "contentType"));
	size_t max = job->opts && job->opts->max_bytes ? job->opts->max_bytes : GK_MAX_FETCH_BODY;
	gk_auto_fetch gk_fetch *res = NULL;
	gk_auto_str char *body = NULL;
	gk_fetch_client *client;
	size_t len = 0;
	gk_code rc = gk_app_client(gk_ctx_app(ctx), &client, err);

	(void)input, (void)ret;
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
	job->fetched = part_of(type ? type : "", body, len);
	return job->fetched ? GK_OK : gk_error_no_memory(err);
}

/* --- all of a request --- */

static bool is_wanted(json_t *part, const gk_download_media_opts *opts)
{
	const char *url = gk_json_str_peek(part, "media.url");

	return url && gk_str_has_prefix(url, "http") &&
	       (!opts || !opts->filter || opts->filter(part));
}

static size_t find_media(json_t *messages, const gk_download_media_opts *opts, media_job *jobs)
{
	json_t *message, *part;
	size_t count = 0, i, j;

	json_array_foreach (messages, i, message)
		json_array_foreach (json_object_get(message, "content"), j, part) {
			if (!is_wanted(part, opts))
				continue;
			if (jobs)
				jobs[count] = (media_job){ opts, i, j,
					json_object_get(part, "media"), NULL };
			count++;
		}
	return count;
}

/* `messages` is ours; the messages in it are not. */
static bool put_back(json_t *messages, const media_job *job)
{
	json_t *message = json_array_get(messages, job->message), *own;
	gk_auto_json json_t *content = gk_json_array_with(
		json_object_get(message, "content"), job->part, json_incref(job->fetched));

	if (!content)
		return false;
	own = gk_json_object_with(message, "content", json_incref(content));
	return own && json_array_set_new(messages, job->message, own) == 0;
}

static gk_code fetch_all(gk_ctx *ctx, media_job *jobs, size_t count, gk_error *err)
{
	gk_parallel items[GK_MEDIA_AT_ONCE];
	gk_code rc = GK_OK;

	for (size_t at = 0; rc == GK_OK && at < count; at += GK_MEDIA_AT_ONCE) {
		size_t many = count - at < GK_MEDIA_AT_ONCE ? count - at : GK_MEDIA_AT_ONCE;

		for (size_t i = 0; i < many; i++)
			items[i] = (gk_parallel){ .fn = fetch_one, .user = &jobs[at + i] };
		rc = gk_run_together(ctx, items, many, err);
		for (size_t i = 0; i < many; i++)
			gk_error_clear(&items[i].err);
	}
	return rc;
}

gk_code gk_download_request_media(
	gk_ctx *ctx, json_t *request, gk_next *next, void *user, json_t **ret, gk_error *err)
{
	json_t *messages = json_object_get(request, "messages");
	size_t count = find_media(messages, user, NULL);
	gk_auto_json json_t *changed = NULL, *own = NULL;
	media_job *jobs;
	gk_code rc;

	if (!count)
		return gk_next_run(ctx, next, request, ret, err);
	jobs = calloc(count, sizeof(*jobs));
	if (!jobs)
		return gk_error_no_memory(err);
	find_media(messages, user, jobs);
	rc = fetch_all(ctx, jobs, count, err);
	if (rc == GK_OK)
		changed = json_copy(messages);
	for (size_t i = 0; i < count; i++) {
		if (rc == GK_OK && (!changed || !put_back(changed, &jobs[i])))
			rc = gk_error_no_memory(err);
		json_decref(jobs[i].fetched);
	}
	free(jobs);
	if (rc != GK_OK)
		return rc;
	own = gk_json_object_with(request, "messages", gk_steal(changed));
	return own ? gk_next_run(ctx, next, own, ret, err) : gk_error_no_memory(err);
}
