/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * curl's handles between transfers. To reset one and to set it up again is as much work for curl as half of the request that
 * it then writes; so one that has done a usual request, as nearly all are, is left as it is for the next of that kind.
 */
#include "loop/fetch_internal.h"

#include "base/limits.h"

static gk_fetch_easy *new_easy(void)
{
	gk_fetch_easy *easy = calloc(1, sizeof(*easy));

	if (!easy)
		return NULL;
	easy->curl = curl_easy_init();
	if (easy->curl)
		return easy;
	free(easy);
	return NULL;
}

static void free_easy(gk_fetch_easy *easy)
{
	curl_easy_cleanup(easy->curl);
	gk_url_unref(easy->url);
	free(easy);
}

static bool set_up(gk_fetch_client *client, CURL *curl, bool is_tls)
{
	const char *proxy = is_tls ? client->https_proxy : client->http_proxy;

	/* Over TLS a transfer waits until a connection that is being made turns out to be for several, as HTTP/2 is:
	 * a burst of calls to a provider then shares it. */
	return gk_multi_prepare(&client->multi, curl) &&
	       curl_easy_setopt(curl, CURLOPT_PIPEWAIT, is_tls ? 1L : 0L) == CURLE_OK &&
	       /* Over TLS a record is as large as curl's usual buffer. */
	       curl_easy_setopt(curl, CURLOPT_BUFFERSIZE,
		       is_tls ? (long)CURL_MAX_WRITE_SIZE : (long)GK_FETCH_READ) == CURLE_OK &&
	       (!proxy || /* which is asked for a tunnel without the request's headers */
		       curl_easy_setopt(curl, CURLOPT_USERAGENT,
			       client->user_agent + sizeof(GK_FETCH_AGENT) - 1) == CURLE_OK) &&
	       curl_easy_setopt(curl, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L) == CURLE_OK &&
	       (!client->cert_file ||
		       curl_easy_setopt(curl, CURLOPT_SSLCERT, client->cert_file) == CURLE_OK) &&
	       (!client->key_file ||
		       curl_easy_setopt(curl, CURLOPT_SSLKEY, client->key_file) == CURLE_OK) &&
	       (!client->ca_file ||
		       curl_easy_setopt(curl, CURLOPT_CAINFO, client->ca_file) == CURLE_OK) &&
	       (!proxy || curl_easy_setopt(curl, CURLOPT_PROXY, proxy) == CURLE_OK) &&
	       (!client->no_proxy ||
		       curl_easy_setopt(curl, CURLOPT_NOPROXY, client->no_proxy) == CURLE_OK);
}

/* As if it were new. A transfer that never had a connection (its host has no address) leaves its buffer behind, and curl takes
 * no other size for one that is there: such a handle serves nobody any more. */
static bool reset(gk_fetch_easy *easy)
{
	easy->is_warm = false;
	curl_easy_reset(easy->curl);
	gk_url_unref(gk_steal(easy->url));
	return curl_easy_setopt(easy->curl, CURLOPT_BUFFERSIZE, (long)GK_FETCH_READ) == CURLE_OK;
}

/* The headers have gone with the request; of the body curl has a copy. */
static bool forget_request(gk_fetch_easy *easy)
{
	return curl_easy_setopt(easy->curl, CURLOPT_HTTPHEADER, NULL) == CURLE_OK &&
	       curl_easy_setopt(easy->curl, CURLOPT_COPYPOSTFIELDS, NULL) == CURLE_OK;
}

/* The last used one that fits as it is, or that one of all. */
static gk_fetch_easy *pick(gk_fetch_client *client, bool is_tls, bool is_usual)
{
	size_t last = client->idle_count - 1, at = last;
	gk_fetch_easy *easy;

	for (size_t i = client->idle_count; i-- > 0;) {
		easy = client->idle[i];
		if (is_usual ? easy->is_warm && easy->is_tls == is_tls : !easy->is_warm) {
			at = i;
			break;
		}
	}
	easy = client->idle[at];
	client->idle[at] = client->idle[last];
	client->idle_count = last;
	return easy;
}

gk_code gk_fetch_easy_take(gk_fetch_client *client, const gk_fetch_request *request,
	gk_fetch_easy **ret, gk_error *err)
{
	bool is_tls = request->url.is_tls, is_usual = gk_fetch_request_is_usual(request);
	gk_fetch_easy *easy = NULL;
	gk_code rc = gk_fetch_client_open(client, err);

	if (rc != GK_OK)
		return rc;
	if (!client->idle_count)
		gk_fetch_easies_tidy(client);
	gk_timer_disarm(&client->pool_timer); /* which tidying may have armed */
	if (client->idle_count)
		easy = pick(client, is_tls, is_usual);
	if (easy && easy->is_warm && !(is_usual && easy->is_tls == is_tls) && !reset(easy))
		free_easy(gk_steal(easy));
	if (!easy)
		easy = new_easy();
	if (!easy)
		return gk_error_no_memory(err);
	if (!easy->is_warm && !set_up(client, easy->curl, is_tls)) {
		free_easy(easy);
		return gk_error_no_memory(err);
	}
	easy->is_tls = is_tls;
	easy->is_usual = is_usual;
	easy->connects = 0;
	easy->reason[0] = '\0';
	*ret = easy;
	return GK_OK;
}

void gk_fetch_easy_put(gk_fetch_client *client, gk_fetch_easy *easy)
{
	easy->res = NULL;
	if (client->idle_count < GK_FETCH_IDLE_EASIES &&
		(easy->is_warm ? forget_request(easy) : reset(easy)))
		client->idle[client->idle_count++] = easy;
	else
		free_easy(easy);
	if (LIST_EMPTY(&client->running))
		gk_timer_arm(&client->pool_timer, GK_FETCH_POOL_MS);
}

static void tidy(void *user)
{
	gk_fetch_easies_tidy(user);
}

void gk_fetch_easies_tidy(gk_fetch_client *client)
{
	while (client->ended_count) {
		gk_fetch_easy *easy = client->ended[--client->ended_count];

		gk_multi_remove(&client->multi, easy->curl);
		gk_fetch_easy_put(client, easy);
	}
}

void gk_fetch_easy_leave(gk_fetch_client *client, gk_fetch_easy *easy)
{
	easy->res = NULL;
	if (client->ended_count == GK_FETCH_IDLE_EASIES)
		gk_fetch_easies_tidy(client);
	client->ended[client->ended_count++] = easy;
	if (client->ended_count == 1)
		gk_loop_tidy(client->multi.loop, tidy, client);
}

void gk_fetch_easies_free(gk_fetch_client *client)
{
	while (client->idle_count)
		free_easy(client->idle[--client->idle_count]);
}
