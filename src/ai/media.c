/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "ai/media.h"

#include "ai/request.h"
#include "base/buf.h"
#include "base/limits.h"
#include "core/call.h"

#include <openssl/evp.h>

#include <limits.h>

json_t *gk_media_part_of_bytes(const char *type, const void *bytes, size_t len)
{
	gk_auto_buf gk_buf url = GK_BUF_INIT(0);
	size_t room = (len + 2) / 3 * 4 + 1;
	char *place;

	gk_buf_printf(&url, "data:%s;base64,", type);
	place = len < INT_MAX / 2 ? gk_buf_reserve(&url, room) : NULL;
	if (!place)
		return NULL;
	EVP_EncodeBlock((unsigned char *)place, bytes, (int)len);
	gk_buf_added(&url, room - 1);
	return json_pack("{s:{s:s, s:o}}", "media", "contentType", type, "url",
		json_stringn(url.data, url.len));
}

/* --- all of a request --- */

typedef struct media_job {
	const gk_media_fetcher *fetcher;
	size_t message, index; /* where it stands */
	json_t *part;          /* borrowed */
	json_t *fetched;
} media_job;

static gk_code fetch_one(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	media_job *job = gk_ctx_user(ctx);

	(void)input, (void)ret;
	return job->fetcher->fetch(ctx, job->part, job->fetcher->user, &job->fetched, err);
}

static size_t find_media(json_t *messages, const gk_media_fetcher *fetcher, media_job *jobs)
{
	json_t *message, *part;
	size_t count = 0, i, j;

	json_array_foreach (messages, i, message) {
		json_t *content = json_object_get(message, "content");

		json_array_foreach (content, j, part) {
			if (!fetcher->wants(part, fetcher->user))
				continue;
			if (jobs)
				jobs[count] = (media_job){ fetcher, i, j, part, NULL };
			count++;
		}
	}
	return count;
}

/* `messages` is ours; the messages in it are not. */
static bool put_back(json_t *messages, const media_job *job)
{
	json_t *message = json_array_get(messages, job->message), *own;
	gk_auto_json json_t *content = gk_json_array_with(
		json_object_get(message, "content"), job->index, json_incref(job->fetched));

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

gk_code gk_media_fetch(
	gk_ctx *ctx, json_t *request, const gk_media_fetcher *fetcher, json_t **ret, gk_error *err)
{
	json_t *messages = json_object_get(request, "messages");
	size_t count = find_media(messages, fetcher, NULL);
	gk_auto_json json_t *changed = NULL;
	media_job *jobs;
	gk_code rc;

	if (!count) {
		*ret = json_incref(request);
		return GK_OK;
	}
	jobs = calloc(count, sizeof(*jobs));
	if (!jobs)
		return gk_error_no_memory(err);
	find_media(messages, fetcher, jobs);
	rc = fetch_all(ctx, jobs, count, err);
	if (rc == GK_OK)
		changed = gk_json_array_copy(messages);
	for (size_t i = 0; i < count; i++) {
		if (rc == GK_OK && (!changed || !put_back(changed, &jobs[i])))
			rc = gk_error_no_memory(err);
		json_decref(jobs[i].fetched);
	}
	free(jobs);
	if (rc != GK_OK)
		return rc;
	*ret = gk_json_object_with(request, "messages", gk_steal(changed));
	return *ret ? GK_OK : gk_error_no_memory(err);
}
