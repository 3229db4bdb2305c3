/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "plugins/common/token.h"

#include "base/file.h"
#include "base/limits.h"
#include "base/parse.h"
#include "core/flight.h"
#include "plugins/common/ask.h"

struct gk_token_cache {
	gk_token_ask_fn *ask;
	void *user;
	void (*free_user)(void *user);
	char *text; /* NULL: none */
	uint64_t until_s;
	uint64_t again_s; /* renewing it failed, and is not tried before */
	gk_flight flight;
};

gk_token_cache *gk_token_cache_new(gk_token_ask_fn *ask, void *user, void (*free_user)(void *user))
{
	gk_token_cache *cache = calloc(1, sizeof(*cache));

	if (!cache)
		return NULL;
	cache->ask = ask;
	cache->user = user;
	cache->free_user = free_user;
	LIST_INIT(&cache->flight.waiters);
	return cache;
}

void gk_token_free(char *text)
{
	if (text)
		explicit_bzero(text, strlen(text));
	free(text);
}

void gk_token_cache_free(gk_token_cache *cache)
{
	if (!cache)
		return;
	gk_token_free(cache->text);
	if (cache->free_user)
		cache->free_user(cache->user);
	free(cache);
}

static bool is_valid(const gk_token_cache *cache, gk_ctx *ctx)
{
	uint64_t now = gk_net_now_s(gk_ctx_app(ctx));

	return cache->text && (now + GK_TOKEN_SPARE_S < cache->until_s ||
				      (now < cache->again_s && now < cache->until_s));
}

static gk_code renew(gk_token_cache *cache, gk_ctx *ctx, gk_error *err)
{
	uint64_t now = gk_net_now_s(gk_ctx_app(ctx)), seconds = 0;
	gk_auto_error gk_error why = { 0 };
	char *text = NULL;
	gk_code rc = cache->ask(ctx, cache->user, &text, &seconds, &why);

	if (rc != GK_OK) {
		gk_token_free(text);
		now = gk_net_now_s(gk_ctx_app(ctx));
		if (!cache->text || now >= cache->until_s ||
			gk_scope_reason(gk_fiber_scope(gk_fiber_self())) != GK_OK)
			return gk_error_move(err, &why);
		cache->again_s = now + GK_TOKEN_AGAIN_S; /* what there is still holds */
		return GK_OK;
	}
	gk_token_free(cache->text);
	cache->text = text;
	cache->until_s = now + (seconds < GK_MAX_TOKEN_S ? seconds : GK_MAX_TOKEN_S);
	cache->again_s = 0;
	return GK_OK;
}

gk_code gk_token_get(gk_token_cache *cache, gk_ctx *ctx, char **ret, gk_error *err)
{
	bool is_new = false;

	/* One that holds for less than it is spared is used all the same by those who waited for it. */
	while (!cache->text || (!is_new && !is_valid(cache, ctx))) {
		bool leads = false;
		gk_code rc = gk_flight_enter(&cache->flight, &leads, err);

		if (rc == GK_OK && leads)
			rc = gk_flight_leave(&cache->flight, renew(cache, ctx, err), err);
		if (rc != GK_OK)
			return rc;
		is_new = true;
	}
	*ret = strdup(cache->text);
	return *ret ? GK_OK : gk_error_no_memory(err);
}

void gk_token_drop(gk_token_cache *cache, const char *text)
{
	if (!cache->text || strcmp(cache->text, text) != 0)
		return;
	gk_token_free(cache->text);
	cache->text = NULL;
}

/* A number, which managed identities write as text; 0: there is none. */
static double number_in(const json_t *answer, const char *name)
{
	const json_t *value = json_object_get(answer, name);
	double number = json_number_value(value);

	if (json_is_string(value) &&
		!gk_parse_real(json_string_value(value), json_string_length(value), &number))
		return 0;
	return number;
}

gk_code gk_token_read(gk_ctx *ctx, const char *who, const json_t *answer, char **text_ret,
	uint64_t *seconds_ret, gk_error *err)
{
	const char *text = gk_json_str_peek(answer, "access_token");
	double seconds = number_in(answer, "expires_in");

	/* Of an identity of App Service there is the time alone. */
	if (!(seconds > 0))
		seconds = number_in(answer, "expires_on") - (double)gk_net_now_s(gk_ctx_app(ctx));
	if (!text || !*text || !(seconds > 0))
		return gk_error_set(err, GK_INTERNAL,
			"%s: the answer has no 'access_token' with 'expires_in'", who);
	*text_ret = strdup(text);
	*seconds_ret = seconds < GK_MAX_TOKEN_S ? (uint64_t)seconds : GK_MAX_TOKEN_S;
	return *text_ret ? GK_OK : gk_error_no_memory(err);
}

/* A deadline of the service's own is nobody else's, unlike that of whoever asks, who may be called off amid the body of a
 * failure, too; a wrong clock looks like a wrong key. */
static gk_code explain(const gk_outgoing *out, gk_code rc, gk_error *err)
{
	gk_code told = rc;

	if (rc == GK_INVALID_ARGUMENT)
		told = GK_UNAUTHENTICATED;
	else if ((out->status >= 500 || rc == GK_DEADLINE_EXCEEDED) &&
		 gk_scope_reason(gk_fiber_scope(gk_fiber_self())) == GK_OK)
		told = GK_UNAVAILABLE;
	if (!err)
		return told;
	err->code = told;
	return told == GK_UNAUTHENTICATED && err->message && strstr(err->message, "invalid_grant")
		       ? gk_error_prefix(err, "refused; is the clock of this machine right? ")
		       : told;
}

/* Credentials hold others: it goes as deep as json_decref() does. What somebody else refers to stays. */
static void wipe(const json_t *value)
{
	const char *name;
	json_t *member;

	if (!value || value->refcount != 1)
		return;
	if (json_is_string(value))
		explicit_bzero(
			(char *)(uintptr_t)json_string_value(value), json_string_length(value));
	json_object_foreach ((json_t *)(uintptr_t)value, name, member)
		wipe(member);
}

void gk_token_wipe(json_t *object)
{
	wipe(object);
	json_decref(object);
}

gk_code gk_token_ask_text(gk_ctx *ctx, const char *who, gk_outgoing *out, char **ret, gk_error *err)
{
	size_t len;
	gk_code rc;

	out->timeout_ms = GK_TOKEN_MS;
	rc = gk_ask_bytes(ctx, who, out, ret, &len, NULL, err);
	return rc == GK_OK ? rc : explain(out, rc, err);
}

gk_code gk_token_ask(gk_ctx *ctx, const char *who, gk_outgoing *out, json_t **ret, gk_error *err)
{
	gk_auto_secret char *text = NULL;
	gk_code rc = gk_token_ask_text(ctx, who, out, &text, err);

	return rc == GK_OK ? gk_ask_parse(who, text, strlen(text), ret, err) : rc;
}

gk_code gk_token_fetch(gk_ctx *ctx, const char *who, gk_outgoing *out, char **text_ret,
	uint64_t *seconds_ret, gk_error *err)
{
	json_t *answer = NULL;
	gk_code rc = gk_token_ask(ctx, who, out, &answer, err);

	if (rc == GK_OK)
		rc = gk_token_read(ctx, who, answer, text_ret, seconds_ret, err);
	gk_token_wipe(answer);
	return rc;
}

static gk_code read_file(void *arg, gk_error *err)
{
	char **text = arg;
	gk_auto_str char *path = gk_steal(*text);
	size_t len;

	return gk_file_read(path, GK_MAX_SECRET, text, &len, err);
}

gk_code gk_token_read_file(const char *path, char **ret, gk_error *err)
{
	char *text = strdup(path), *end;
	gk_code rc = text ? gk_work_run(read_file, &text, err) : gk_error_no_memory(err);

	if (rc != GK_OK) {
		free(text);
		return rc;
	}
	end = text + strlen(text);
	while (end > text && strchr(" \t\r\n", end[-1]))
		*--end = '\0';
	*ret = text;
	return GK_OK;
}
