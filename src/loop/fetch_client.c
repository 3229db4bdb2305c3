/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "loop/fetch_internal.h"

#include "base/limits.h"
#include "config.h"

#include <stdio.h>

static void on_done(CURL *curl, CURLcode result, void *user)
{
	gk_fetch_easy *easy = NULL;

	(void)user;
	curl_easy_getinfo(curl, CURLINFO_PRIVATE, (char **)&easy);
	GK_CHECK(easy->res, GK_FETCH_MAGIC);
	gk_fetch_finish(easy->res, result);
}

static void on_failed(void *user)
{
	gk_fetch_client *client = user;
	gk_fetch *res;

	while ((res = LIST_FIRST(&client->running)))
		gk_fetch_finish(res, CURLE_OUT_OF_MEMORY);
}

/* Nobody has fetched for long: an idle process holds neither connections nor certificates. */
static void close_pool(void *user)
{
	gk_fetch_client *client = user;

	gk_fetch_easies_tidy(client);
	gk_fetch_easies_free(client);
	gk_multi_close(&client->multi);
}

static bool copy_text(char **ret, const char *text)
{
	*ret = text && *text ? strdup(text) : NULL;
	return *ret || !text || !*text;
}

static bool name_agent(gk_fetch_client *client, const char *user_agent)
{
	if (asprintf(&client->user_agent, GK_FETCH_AGENT "%s",
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

gk_code gk_fetch_client_open(gk_fetch_client *client, gk_error *err)
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

/* curl 7.88 keeps the reset of an HTTP/2 stream in a buffer until its connection has something else to send; a change of
 * what is paused sends what is there. What is paused itself stays as it is. */
void gk_fetch_client_flush(gk_fetch_client *client, int local_port)
{
	gk_fetch *other;

	LIST_FOREACH (other, &client->running, link) {
		if (other->local_port != local_port || !other->is_connected || other->is_paused)
			continue;
		curl_easy_pause(other->easy->curl, CURLPAUSE_SEND);
		curl_easy_pause(other->easy->curl, CURLPAUSE_CONT);
		return;
	}
}
