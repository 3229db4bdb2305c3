/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "loop/fetch_internal.h"

#include "base/limits.h"
#include "config.h"

#include <stdio.h>

#define AGENT "User-Agent: "

static void on_done(CURL *easy, CURLcode result, void *user)
{
	gk_fetch *res = NULL;

	(void)user;
	curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&res);
	GK_CHECK(res, GK_FETCH_MAGIC);
	gk_fetch_finish(res, result);
}

static void on_failed(void *user)
{
	gk_fetch_client *client = user;
	gk_fetch *res;

	while ((res = LIST_FIRST(&client->running)))
		gk_fetch_finish(res, CURLE_OUT_OF_MEMORY);
}

static void tidy(void *user)
{
	gk_fetch_client *client = user;
	CURL *easy;

	while (client->ended_count) {
		easy = client->ended[--client->ended_count];
		gk_multi_remove(&client->multi, easy);
		gk_fetch_client_put_easy(client, easy);
	}
}

void gk_fetch_client_leave_easy(gk_fetch_client *client, CURL *easy)
{
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, NULL); /* the transfer's, which goes */
	if (client->ended_count == GK_FETCH_IDLE_EASIES)
		tidy(client);
	client->ended[client->ended_count++] = easy;
	if (client->ended_count == 1)
		gk_loop_tidy(client->multi.loop, tidy, client);
}

/* Nobody has fetched for long: an idle process holds neither connections nor certificates. */
static void close_pool(void *user)
{
	gk_fetch_client *client = user;

	tidy(client);
	while (client->idle_count)
		curl_easy_cleanup(client->idle[--client->idle_count]);
	gk_multi_close(&client->multi);
}

static bool copy_text(char **ret, const char *text)
{
	*ret = text && *text ? strdup(text) : NULL;
	return *ret || !text || !*text;
}

static bool name_agent(gk_fetch_client *client, const char *user_agent)
{
	if (asprintf(&client->user_agent, AGENT "%s",
		    user_agent ? user_agent : "genkitd/" PACKAGE_VERSION) < 0)
		client->user_agent = NULL;
	return client->user_agent;
}

gk_code gk_fetch_client_new(
	gk_loop *loop, const gk_fetch_client_opts *opts, gk_fetch_client **ret, gk_error *err)
{
	static const gk_fetch_client_opts defaults = { .size = sizeof(defaults) };
	gk_fetch_client *client = calloc(1, sizeof(*client));

	if (!client)
		return gk_error_no_memory(err);
	if (!opts)
		opts = &defaults;
	client->magic = GK_FETCH_CLIENT_MAGIC;
	LIST_INIT(&client->running);
	gk_multi_init(&client->multi, loop);
	client->multi.keeps_watch = true;
	client->multi.done = on_done;
	client->multi.failed = on_failed;
	client->multi.user = client;
	gk_timer_init(&client->pool_timer, loop, close_pool, client);
	gk_timer_unref(&client->pool_timer);
	client->more_headers = opts->more_headers;
	client->user = opts->user;
	client->max_host_connections =
		opts->max_host_connections ? opts->max_host_connections : GK_FETCH_HOST_CONNS;
	client->max_idle_connections =
		opts->max_idle_connections ? opts->max_idle_connections : GK_FETCH_IDLE_CONNS;
	if (!copy_text(&client->ca_file, opts->ca_file) || !name_agent(client, opts->user_agent) ||
		!copy_text(&client->http_proxy, opts->http_proxy) ||
		!copy_text(&client->https_proxy, opts->https_proxy) ||
		!copy_text(&client->no_proxy, opts->no_proxy) ||
		!copy_text(&client->cert_file, opts->cert_file) ||
		!copy_text(&client->key_file, opts->key_file)) {
		gk_fetch_client_free(client);
		return gk_error_no_memory(err);
	}
	*ret = client;
	return GK_OK;
}

/* Those that end unseen need not. */
static void end_left(gk_fetch_client *client)
{
	gk_fetch *res = LIST_FIRST(&client->running), *next;

	for (; res; res = next) {
		next = LIST_NEXT(res, link);
		if (res->is_left)
			gk_fetch_abort(res, NULL);
	}
}

void gk_fetch_client_free(gk_fetch_client *client)
{
	if (!client)
		return;
	GK_CHECK(client, GK_FETCH_CLIENT_MAGIC);
	end_left(client);
	assert(LIST_EMPTY(&client->running));
	gk_loop_tidy_now(client->multi.loop);
	gk_timer_disarm(&client->pool_timer);
	close_pool(client);
	gk_url_cache_done(&client->urls);
	free(client->ca_file);
	free(client->cert_file);
	free(client->key_file);
	free(client->user_agent);
	free(client->http_proxy);
	free(client->https_proxy);
	free(client->no_proxy);
	client->magic = 0;
	free(client);
}

static gk_code open_pool(gk_fetch_client *client, gk_error *err)
{
	CURLM *curl;
	gk_code rc;

	if (client->multi.curl)
		return GK_OK;
	rc = gk_multi_open(&client->multi, err);
	if (rc != GK_OK)
		return rc;
	curl = client->multi.curl;
	curl_multi_setopt(curl, CURLMOPT_MAX_HOST_CONNECTIONS, (long)client->max_host_connections);
	curl_multi_setopt(curl, CURLMOPT_MAXCONNECTS, (long)client->max_idle_connections);
	curl_multi_setopt(curl, CURLMOPT_PIPELINING, CURLPIPE_MULTIPLEX);
	return GK_OK;
}

static bool apply(gk_fetch_client *client, CURL *easy, bool is_tls)
{
	const char *proxy = is_tls ? client->https_proxy : client->http_proxy;

	/* Over TLS a transfer waits until a connection that is being made turns out to be for several, as HTTP/2 is:
	 * a burst of calls to a provider then shares it. */
	return gk_multi_prepare(&client->multi, easy) &&
	       curl_easy_setopt(easy, CURLOPT_PIPEWAIT, is_tls ? 1L : 0L) == CURLE_OK &&
	       /* Over TLS a record is as large as curl's usual buffer. */
	       curl_easy_setopt(easy, CURLOPT_BUFFERSIZE,
		       is_tls ? (long)CURL_MAX_WRITE_SIZE : (long)GK_FETCH_READ) == CURLE_OK &&
	       (!proxy || /* which is asked for a tunnel without the request's headers */
		       curl_easy_setopt(easy, CURLOPT_USERAGENT,
			       client->user_agent + sizeof(AGENT) - 1) == CURLE_OK) &&
	       curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L) == CURLE_OK &&
	       (!client->cert_file ||
		       curl_easy_setopt(easy, CURLOPT_SSLCERT, client->cert_file) == CURLE_OK) &&
	       (!client->key_file ||
		       curl_easy_setopt(easy, CURLOPT_SSLKEY, client->key_file) == CURLE_OK) &&
	       (!client->ca_file ||
		       curl_easy_setopt(easy, CURLOPT_CAINFO, client->ca_file) == CURLE_OK) &&
	       (!proxy || curl_easy_setopt(easy, CURLOPT_PROXY, proxy) == CURLE_OK) &&
	       (!client->no_proxy ||
		       curl_easy_setopt(easy, CURLOPT_NOPROXY, client->no_proxy) == CURLE_OK);
}

gk_code gk_fetch_client_take_easy(gk_fetch_client *client, bool is_tls, CURL **ret, gk_error *err)
{
	gk_code rc = open_pool(client, err);
	CURL *easy;

	if (rc != GK_OK)
		return rc;
	if (!client->idle_count)
		tidy(client);
	gk_timer_disarm(&client->pool_timer); /* which tidying may have armed */
	easy = client->idle_count ? client->idle[--client->idle_count] : curl_easy_init();
	if (!easy || !apply(client, easy, is_tls)) {
		curl_easy_cleanup(easy);
		return gk_error_no_memory(err);
	}
	*ret = easy;
	return GK_OK;
}

/* A transfer that never had a connection (its host has no address) leaves its buffer behind, and curl takes no other size
 * for one that is there: such a handle serves nobody any more. */
static bool is_of_use(CURL *easy)
{
	curl_easy_reset(easy);
	return curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, (long)GK_FETCH_READ) == CURLE_OK;
}

void gk_fetch_client_put_easy(gk_fetch_client *client, CURL *easy)
{
	if (client->idle_count < GK_FETCH_IDLE_EASIES && is_of_use(easy)) {
		client->idle[client->idle_count++] = easy;
	} else {
		curl_easy_cleanup(easy);
	}
	if (LIST_EMPTY(&client->running))
		gk_timer_arm(&client->pool_timer, GK_FETCH_POOL_MS);
}

/* curl 7.88 keeps the reset of an HTTP/2 stream in a buffer until its connection has something else to send; a change of
 * what is paused sends what is there. What is paused itself stays as it is. */
void gk_fetch_client_flush(gk_fetch_client *client, int local_port)
{
	gk_fetch *other;

	LIST_FOREACH (other, &client->running, link) {
		if (other->local_port != local_port || !other->is_connected || other->is_paused)
			continue;
		curl_easy_pause(other->easy, CURLPAUSE_SEND);
		curl_easy_pause(other->easy, CURLPAUSE_CONT);
		return;
	}
}
