/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * The beginning of a conversation may be kept by the service: up to the last message with metadata.cache, under a name made
 * from its content, so that the next call finds it again.
 */
#include "plugins/googleai/googleai.h"

#include "base/str.h"
#include "json/uri_expand.h"

#include <openssl/evp.h>
#include <stdio.h>

#define DEFAULT_TTL 300

/* Where the beginning ends: the last message that is marked; its index, or -1. An answer is marked with the cache it stood on,
 * which ends at an earlier mark, unless that is gone. */
static long marked(const json_t *messages)
{
	long answer = -1;

	for (size_t i = json_array_size(messages); i-- > 0;) {
		const json_t *message = json_array_get(messages, i);
		const json_t *mark = gk_json_at_peek(message, "metadata.cache");

		if (!mark || json_is_false(mark) || json_is_null(mark))
			continue;
		if (gk_message_role(message) != GK_ROLE_MODEL || !gk_json_str_peek(mark, "name"))
			return (long)i;
		if (answer < 0)
			answer = (long)i;
	}
	return answer;
}

static gk_code ttl_of(const gk_vendor *vendor, const json_t *mark, json_int_t *ret, gk_error *err)
{
	*ret = gk_given_peek(mark, "ttlSeconds") ? gk_json_int_at(mark, "ttlSeconds", 0)
						 : DEFAULT_TTL;
	if (*ret > 0)
		return GK_OK;
	return gk_error_set(err, GK_INVALID_ARGUMENT,
		"%s: metadata.cache.ttlSeconds is a number of seconds from 1", vendor->name);
}

static void name_of(const char *model, const json_t *prefix, char ret[65])
{
	gk_auto_str char *text = gk_json_write(prefix, NULL);
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned len = 0;
	EVP_MD_CTX *md = EVP_MD_CTX_new();

	ret[0] = '\0';
	if (md && text && EVP_DigestInit_ex(md, EVP_sha256(), NULL) &&
		EVP_DigestUpdate(md, model, strlen(model) + 1) &&
		EVP_DigestUpdate(md, text, strlen(text)) && EVP_DigestFinal_ex(md, digest, &len))
		for (unsigned i = 0; i < 32; i++)
			sprintf(ret + (size_t)i * 2, "%02x", digest[i]);
	EVP_MD_CTX_free(md);
}

/* The cache of that name among those that the service has; `*ret` stays NULL when there is none. */
static gk_code find(gk_ctx *ctx, const gk_vendor *vendor, const json_t *config, const char *name,
	json_t **ret, gk_error *err)
{
	gk_auto_json json_t *page = NULL;

	for (int pages = 0; pages < GK_MAX_VENDOR_PAGES; pages++) {
		const char *token;
		gk_auto_json json_t *next = NULL,
				    *query = json_pack("{s:s, s:O*}", "pageSize", "100",
					    "pageToken", json_object_get(page, "nextPageToken"));
		gk_auto_outgoing gk_outgoing out;
		gk_auto_str char *path = NULL;
		json_t *one;
		size_t i;
		gk_code rc = query ? gk_uri_expand("cachedContents{?pageSize,pageToken}", query,
					     &path, err)
				   : gk_error_no_memory(err);

		gk_outgoing_init(&out, "GET");
		if (rc == GK_OK)
			rc = gk_googleai_prepare(vendor, config, &out, err, "%s", path);
		if (rc == GK_OK)
			rc = gk_googleai_ask(ctx, vendor, &out, &next, err);
		if (rc != GK_OK)
			return rc;
		json_array_foreach (json_object_get(next, "cachedContents"), i, one)
			if (gk_str_equal(gk_json_str_peek(one, "displayName"), name)) {
				*ret = json_incref(json_object_get(one, "name"));
				return GK_OK;
			}
		json_decref(page);
		page = gk_steal(next);
		token = gk_json_str_peek(page, "nextPageToken");
		if (!token || !*token)
			break;
	}
	return GK_OK;
}

static gk_code make(gk_ctx *ctx, const gk_vendor *vendor, const json_t *config, json_t *body,
	json_t **ret, gk_error *err)
{
	gk_auto_error gk_error why = { 0 };
	gk_auto_json json_t *answer = NULL;
	gk_auto_outgoing gk_outgoing out;
	gk_code rc;

	gk_outgoing_init(&out, "POST");
	rc = gk_googleai_prepare(vendor, config, &out, err, "cachedContents");
	if (rc != GK_OK)
		return rc;
	gk_outgoing_json(&out, body);
	rc = gk_googleai_ask(ctx, vendor, &out, &answer, &why);
	if (rc == GK_CANCELLED || rc == GK_DEADLINE_EXCEEDED)
		return gk_error_move(err, &why);
	if (rc != GK_OK || !gk_json_str_peek(answer, "name"))
		return gk_error_set(err, GK_INTERNAL, "%s: the cache could not be made: %s",
			vendor->name, why.message ? why.message : "the answer has no 'name'");
	*ret = json_incref(json_object_get(answer, "name"));
	return GK_OK;
}

/* The contents of the body up to the marked message, and the others. */
static gk_code split(
	const gk_gemini_call *call, long last, json_t *prefix, json_t *rest, gk_error *err)
{
	json_t *messages = json_object_get(call->request, "messages"), *message;
	size_t i;

	json_array_foreach (messages, i, message) {
		json_t *one = NULL;
		gk_code rc;

		if (gk_message_role(message) == GK_ROLE_SYSTEM)
			continue;
		rc = gk_gemini_content(call, message, &one, err);
		if (rc != GK_OK)
			return rc;
		if (one && !gk_json_push_take((long)i <= last ? prefix : rest, one))
			return gk_error_no_memory(err);
	}
	return GK_OK;
}

static gk_code find_or_make(gk_ctx *ctx, const gk_vendor *vendor, const gk_gemini_call *call,
	const json_t *mark, json_t *prefix, json_t *system, json_t **ret, gk_error *err)
{
	const json_t *config = json_object_get(call->request, "config");
	gk_auto_json json_t *content = json_pack("{s:O}", "contents", prefix), *body = NULL;
	char name[65];
	json_int_t ttl;
	gk_code rc = ttl_of(vendor, mark, &ttl, err);

	if (rc != GK_OK)
		return rc;
	if (!content || (system && !gk_json_set(content, "systemInstruction", system)))
		return gk_error_no_memory(err);
	name_of(call->id, content, name);
	if (!*name)
		return gk_error_no_memory(err);
	rc = find(ctx, vendor, config, name, ret, err);
	if (rc != GK_OK || *ret)
		return rc;
	body = gk_json_merge(content, NULL);
	if (!gk_json_set_take(body, "model", json_sprintf("models/%s", call->id)) ||
		!gk_json_set_str(body, "displayName", name) ||
		!gk_json_set_take(body, "ttl", json_sprintf("%llds", (long long)ttl)))
		return gk_error_no_memory(err);
	return make(ctx, vendor, config, body, ret, err);
}

gk_code gk_googleai_cache(gk_ctx *ctx, const gk_vendor *vendor, const gk_gemini_call *call,
	json_t *body, json_t **ret, gk_error *err)
{
	json_t *messages = json_object_get(call->request, "messages");
	long last = marked(messages);
	const json_t *mark = last < 0 ? NULL
				      : gk_json_at_peek(json_array_get(messages, (size_t)last),
						"metadata.cache");
	gk_auto_json json_t *prefix = json_array(), *rest = json_array(), *name = NULL;
	gk_code rc;

	if (!mark)
		return GK_OK;
	if (json_array_size(json_object_get(body, "tools")))
		return gk_error_set(err, GK_INVALID_ARGUMENT,
			"%s: tools and code execution do not go with context caching",
			vendor->name);
	rc = prefix && rest ? split(call, last, prefix, rest, err) : gk_error_no_memory(err);
	if (rc != GK_OK)
		return rc;
	if (gk_json_str_peek(mark, "name"))
		name = json_incref(json_object_get(mark, "name"));
	else
		rc = find_or_make(ctx, vendor, call, mark, prefix,
			json_object_get(body, "systemInstruction"), &name, err);
	if (rc != GK_OK)
		return rc;
	json_object_del(body, "systemInstruction");
	if (!gk_json_set(body, "contents", rest) || !gk_json_set(body, "cachedContent", name))
		return gk_error_no_memory(err);
	*ret = gk_steal(name);
	return GK_OK;
}
