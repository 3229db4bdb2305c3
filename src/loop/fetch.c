/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * A transfer and the fiber that waits for it.
 *
 *	start --> connecting --> head --> body --> ended
 *	                |          |       |  ^
 *	                |          |       v  | the reader has caught up
 *	                |          |     paused
 *	                '----------'-------'------> ended with a failure
 *
 * curl's callbacks only store and wake. Whatever ends a transfer comes through gk_fetch_finish(), which gives the easy
 * handle back: a connection whose transfer is incomplete is closed by that.
 */
#include "loop/fetch_internal.h"

#include "base/limits.h"
#include "base/str.h"

/* --- the end --- */

static void wake(gk_fetch *res)
{
	if (res->waiter)
		gk_fiber_wake(res->waiter);
}

static gk_code code_of(CURLcode result)
{
	switch (result) {
	case CURLE_OPERATION_TIMEDOUT:
		return GK_DEADLINE_EXCEEDED;
	case CURLE_OUT_OF_MEMORY:
		return GK_RESOURCE_EXHAUSTED;
	case CURLE_URL_MALFORMAT:
		return GK_INVALID_ARGUMENT;
	case CURLE_SSL_CACERT_BADFILE:
		return GK_FAILED_PRECONDITION;
	default:
		return GK_UNAVAILABLE;
	}
}

static void describe(gk_fetch *res, const gk_fetch_easy *easy, CURLcode result)
{
	const char *text = easy->reason[0] ? easy->reason : curl_easy_strerror(result);

	if (result == CURLE_OUT_OF_MEMORY)
		gk_error_no_memory(&res->failure);
	else if (result == CURLE_OPERATION_TIMEDOUT)
		gk_error_set(&res->failure, GK_DEADLINE_EXCEEDED,
			"%s: no connection within %llu ms", res->request.url.shown,
			(unsigned long long)res->connect_ms);
	else
		gk_error_set(
			&res->failure, code_of(result), "%s: %s", res->request.url.shown, text);
}

/* It ends before the answer does: the server must stop at once. curl closes the connection for that, unless others share
 * it, where it resets the stream. */
static void cut(gk_fetch *res)
{
	res->is_cut = true;
	curl_easy_setopt(res->easy->curl, CURLOPT_FORBID_REUSE, 1L);
}

static bool is_success(const gk_fetch *res)
{
	return res->status >= 200 && res->status < 300;
}

void gk_fetch_finish(gk_fetch *res, CURLcode result)
{
	gk_fetch_easy *easy = gk_steal(res->easy);
	bool is_whole = result == CURLE_OK && !res->is_cut;

	LIST_REMOVE(res, link);
	if (result == CURLE_OK && !res->has_head)
		result = CURLE_GOT_NOTHING; /* to curl, a head that breaks off is an answer */
	if (result != CURLE_OK && res->failure.code == GK_OK)
		describe(res, easy, result);
	if (is_whole) {
		/* What curl counts over several transfers, such as its tries, has counted nothing in this one. */
		easy->is_warm = easy->is_usual && easy->connects == 1 && is_success(res);
		gk_fetch_easy_leave(res->client, easy);
	} else {
		easy->is_warm = false;
		gk_multi_remove(&res->client->multi, easy->curl);
		if (res->is_cut && res->is_connected && res->request.url.is_tls)
			gk_fetch_client_flush(res->client, res->local_port);
		gk_fetch_easy_put(res->client, easy);
	}
	gk_timer_disarm(&res->timer);
	gk_scope_unlisten(&res->listener);
	wake(res);
	if (res->is_left)
		gk_fetch_free(res);
}

void gk_fetch_abort(gk_fetch *res, const gk_error *why)
{
	if (!res->easy)
		return;
	if (why && res->failure.code == GK_OK)
		gk_error_copy(&res->failure, why);
	cut(res);
	gk_fetch_finish(res, CURLE_OK);
}

static void on_scope_off(void *user)
{
	gk_fetch *res = user;

	gk_scope_check(res->scope, &res->failure);
	gk_fetch_abort(res, NULL);
}

/* --- time limits --- */

static void arm_timer(gk_fetch *res)
{
	uint64_t now = gk_loop_now_ms(res->client->multi.loop);
	uint64_t due = res->started_ms + res->total_ms;

	if (res->is_connected && !res->is_paused && res->active_ms + res->idle_ms < due)
		due = res->active_ms + res->idle_ms;
	gk_timer_arm(&res->timer, due > now ? due - now : 0);
}

/* Bytes that come do not move the timer: it looks when it fires. */
static void on_time(void *user)
{
	gk_fetch *res = user;
	uint64_t now = gk_loop_now_ms(res->client->multi.loop);
	gk_auto_error gk_error why = { 0 };
	curl_off_t uploaded = 0;

	curl_easy_getinfo(res->easy->curl, CURLINFO_SIZE_UPLOAD_T, &uploaded);
	if (uploaded != res->uploaded) {
		res->uploaded = uploaded;
		res->active_ms = now;
	}
	if (now >= res->started_ms + res->total_ms)
		gk_error_set(&why, GK_DEADLINE_EXCEEDED, "%s: not finished within %llu ms",
			res->request.url.shown, (unsigned long long)res->total_ms);
	else if (res->is_connected && !res->is_paused && now >= res->active_ms + res->idle_ms)
		gk_error_set(&why, GK_DEADLINE_EXCEEDED, "%s: nothing came for %llu ms",
			res->request.url.shown, (unsigned long long)res->idle_ms);
	if (why.code == GK_OK)
		arm_timer(res);
	else
		gk_fetch_abort(res, &why);
}

static void note_activity(gk_fetch *res)
{
	res->active_ms = gk_loop_now_ms(res->client->multi.loop);
}

/* --- curl's callbacks --- */

static int on_connected(void *user, char *ip, char *local_ip, int port, int local_port)
{
	gk_fetch_easy *easy = user;
	gk_fetch *res = easy->res;

	(void)ip;
	(void)local_ip;
	(void)port;
	easy->connects++;
	res->local_port = local_port;
	res->is_connected = true;
	note_activity(res);
	arm_timer(res);
	return CURL_PREREQFUNC_OK;
}

static gk_code end_head(gk_fetch *res, gk_error *err)
{
	curl_off_t announced = -1;
	long status = 0;

	res->is_in_head = false;
	curl_easy_getinfo(res->easy->curl, CURLINFO_RESPONSE_CODE, &status);
	if (status >= 100 && status < 200)
		return GK_OK; /* interim: the next one may be the response */
	curl_easy_getinfo(res->easy->curl, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &announced);
	if (announced > 0 && (uint64_t)announced > res->max_body &&
		!gk_str_equal(res->request.method, "HEAD"))
		return gk_error_set(err, GK_RESOURCE_EXHAUSTED,
			"%s: the response has more than %zu bytes", res->request.url.shown,
			res->max_body);
	res->status = (int)status;
	res->has_head = true;
	wake(res);
	return GK_OK;
}

static size_t on_header(char *line, size_t size, size_t count, void *user)
{
	gk_fetch *res = ((gk_fetch_easy *)user)->res;
	size_t len = size * count;
	gk_code rc;

	note_activity(res);
	if (res->has_head) /* a trailer */
		return len;
	if (!res->is_in_head) { /* the status line, which curl has read */
		res->is_in_head = true;
		gk_fetch_head_restart(&res->head);
		return len;
	}
	if (len <= 2 && (len == 0 || line[len - 1] == '\n'))
		rc = end_head(res, &res->failure);
	else if ((rc = gk_fetch_head_add(&res->head, line, len, &res->failure)) != GK_OK)
		gk_error_prefix(&res->failure, "%s: ", res->request.url.shown);
	if (rc == GK_OK)
		return len;
	cut(res);
	return 0;
}

static size_t refuse_body(gk_fetch *res)
{
	cut(res);
	return 0;
}

static size_t on_body(char *data, size_t size, size_t count, void *user)
{
	gk_fetch *res = ((gk_fetch_easy *)user)->res;
	size_t len = size * count;

	note_activity(res);
	if (res->is_left) {
		res->received += len;
		return res->received <= GK_FETCH_LINGER ? len : refuse_body(res);
	}
	if (res->back.len && res->back.len + len > GK_FETCH_BUFFER) {
		res->is_paused = true;
		return CURL_WRITEFUNC_PAUSE;
	}
	if (len > res->max_body - res->received) {
		gk_error_set(&res->failure, GK_RESOURCE_EXHAUSTED,
			"%s: the response has more than %zu bytes", res->request.url.shown,
			res->max_body);
		return refuse_body(res);
	}
	gk_buf_put(&res->back, data, len);
	if (gk_buf_failed(&res->back)) {
		gk_error_no_memory(&res->failure);
		return refuse_body(res);
	}
	res->received += len;
	wake(res);
	return len;
}

/* --- the start --- */

static bool set_callbacks(gk_fetch_easy *easy)
{
	CURL *curl = easy->curl;

	return curl_easy_setopt(curl, CURLOPT_PRIVATE, easy) == CURLE_OK &&
	       curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, easy->reason) == CURLE_OK &&
	       curl_easy_setopt(curl, CURLOPT_PREREQFUNCTION, on_connected) == CURLE_OK &&
	       curl_easy_setopt(curl, CURLOPT_PREREQDATA, easy) == CURLE_OK &&
	       curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header) == CURLE_OK &&
	       curl_easy_setopt(curl, CURLOPT_HEADERDATA, easy) == CURLE_OK &&
	       curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body) == CURLE_OK &&
	       curl_easy_setopt(curl, CURLOPT_WRITEDATA, easy) == CURLE_OK;
}

static bool set_up(gk_fetch *res, gk_fetch_easy *easy)
{
	if (!easy->is_warm && !set_callbacks(easy))
		return false;
	if ((!easy->is_warm || easy->connect_ms != res->connect_ms) &&
		curl_easy_setopt(easy->curl, CURLOPT_CONNECTTIMEOUT_MS, (long)res->connect_ms) !=
			CURLE_OK)
		return false;
	easy->connect_ms = res->connect_ms;
	easy->res = res;
	return gk_fetch_request_apply(&res->request, easy);
}

static gk_code begin(gk_fetch *res, gk_error *err)
{
	gk_fetch_client *client = res->client;
	gk_fetch_easy *easy;
	gk_code rc = gk_fetch_easy_take(client, &res->request, &easy, err);

	if (rc != GK_OK)
		return rc;
	res->is_connected = res->is_paused = res->is_cut = res->is_in_head = res->has_head = false;
	res->uploaded = 0;
	rc = set_up(res, easy) ? gk_multi_add(&client->multi, easy->curl, err)
			       : gk_error_no_memory(err);
	if (rc != GK_OK) {
		easy->is_warm = false;
		gk_fetch_easy_put(client, easy);
		return rc;
	}
	res->easy = easy;
	LIST_INSERT_HEAD(&client->running, res, link);
	if (res->scope)
		gk_scope_listen(res->scope, &res->listener);
	arm_timer(res);
	return GK_OK;
}

static bool must_wait_for_head(const gk_fetch *res)
{
	return res->easy && !res->has_head;
}

static bool must_wait_for_body(const gk_fetch *res)
{
	return res->easy && !res->back.len;
}

static gk_code wait_while(gk_fetch *res, bool (*must_wait)(const gk_fetch *), gk_error *err)
{
	gk_fiber *self = gk_fiber_self();
	gk_code rc = gk_scope_check(gk_fiber_scope(self), err);

	assert(!res->waiter); /* one reader */
	res->waiter = self;
	while (rc == GK_OK && must_wait(res))
		rc = gk_fiber_park(err);
	res->waiter = NULL;
	return rc;
}

static bool is_redirect(const gk_fetch *res)
{
	return (res->status >= 301 && res->status <= 303) || res->status == 307 ||
	       res->status == 308;
}

static gk_code follow(gk_fetch *res, const char *location, gk_error *err)
{
	gk_code rc;

	if (res->easy) {
		cut(res);
		gk_fetch_finish(res, CURLE_OK);
	}
	rc = gk_fetch_request_redirect(&res->request, res->status, location, err);
	if (rc != GK_OK)
		return gk_error_prefix(err, "%s: ", res->request.url.shown);
	gk_fetch_head_restart(&res->head);
	gk_error_clear(&res->failure);
	gk_buf_clear(&res->back);
	res->received = 0;
	return GK_OK;
}

/* From the request to the head of the answer, redirects included. */
static gk_code perform(gk_fetch *res, unsigned max_redirects, gk_error *err)
{
	unsigned followed = 0;
	const char *location;
	gk_code rc;

	for (;;) {
		rc = begin(res, err);
		if (rc == GK_OK)
			rc = wait_while(res, must_wait_for_head, err);
		if (rc != GK_OK)
			return rc;
		if (!res->has_head)
			return gk_error_copy(err, &res->failure);
		if (!max_redirects || !is_redirect(res) ||
			!(location = gk_fetch_header_peek(res, "location")))
			return GK_OK;
		if (followed++ == max_redirects)
			return gk_error_set(err, GK_UNAVAILABLE, "%s: more than %u redirects",
				res->request.url.shown, max_redirects);
		rc = follow(res, location, err);
		if (rc != GK_OK)
			return rc;
	}
}

/* No more than curl's integers and our sums can hold. */
static uint64_t time_limit(uint64_t value, uint64_t fallback)
{
	return value > INT32_MAX ? INT32_MAX : value ? value : fallback;
}

static gk_fetch *new_fetch(gk_fetch_client *client, const gk_fetch_opts *opts)
{
	gk_fetch *res = calloc(1, sizeof(*res));
	gk_scope *scope = gk_fiber_scope(gk_fiber_self());

	if (!res)
		return NULL;
	res->magic = GK_FETCH_MAGIC;
	res->client = client;
	res->scope = scope ? gk_scope_ref(scope) : NULL;
	res->listener = (gk_scope_listener){ .fn = on_scope_off, .user = res };
	gk_timer_init(&res->timer, client->multi.loop, on_time, res);
	gk_fetch_head_init(&res->head);
	res->connect_ms = time_limit(opts->connect_ms, GK_FETCH_CONNECT_MS);
	res->total_ms = time_limit(opts->total_ms, GK_FETCH_TOTAL_MS);
	res->idle_ms = time_limit(opts->idle_ms, GK_FETCH_IDLE_MS);
	res->max_body = opts->max_body ? opts->max_body : GK_MAX_FETCH_BODY;
	res->started_ms = gk_loop_now_ms(client->multi.loop);
	return res;
}

static gk_code add_more(gk_fetch_client *client, gk_fetch_request *request, gk_error *err)
{
	gk_auto_buf gk_buf lines = GK_BUF_INIT(0);

	client->more_headers(&lines, request->url.origin, client->user);
	if (gk_buf_failed(&lines))
		return gk_error_no_memory(err);
	return lines.len ? gk_fetch_request_add_lines(request, lines.data, err) : GK_OK;
}

gk_code gk_fetch_start(
	gk_fetch_client *client, const gk_fetch_opts *opts, gk_fetch **ret, gk_error *err)
{
	gk_auto_fetch gk_fetch *res = NULL;
	gk_code rc;

	GK_CHECK(client, GK_FETCH_CLIENT_MAGIC);
	assert(gk_fiber_self());
	rc = gk_scope_check(gk_fiber_scope(gk_fiber_self()), err);
	if (rc != GK_OK)
		return rc;
	res = new_fetch(client, opts);
	if (!res)
		return gk_error_no_memory(err);
	rc = gk_fetch_request_init(&res->request, &client->urls, opts, err);
	if (rc == GK_OK && client->more_headers)
		rc = add_more(client, &res->request, err);
	if (rc == GK_OK && !gk_fetch_request_name_agent(&res->request, client->user_agent))
		rc = gk_error_no_memory(err);
	if (rc == GK_OK)
		rc = perform(res, opts->redirects, err);
	if (rc == GK_OK && res->easy)
		rc = gk_fetch_request_keep_body(&res->request, err);
	if (rc == GK_OK)
		*ret = gk_steal(res);
	return rc;
}

/* --- the answer --- */

int gk_fetch_status(const gk_fetch *res)
{
	return res->status;
}

const char *gk_fetch_header_peek(const gk_fetch *res, const char *name)
{
	return gk_fetch_head_peek((gk_fetch_head *)&res->head, name);
}

static void go_on(gk_fetch *res)
{
	CURLcode result;

	if (!res->is_paused || !res->easy)
		return;
	res->is_paused = false;
	note_activity(res);
	arm_timer(res);
	result = curl_easy_pause(res->easy->curl, CURLPAUSE_CONT); /* may call back at once */
	if (result != CURLE_OK)
		gk_fetch_finish(res, result);
}

gk_code gk_fetch_read(gk_fetch *res, const char **ret, size_t *len_ret, gk_error *err)
{
	gk_buf taken;
	gk_code rc;

	GK_CHECK(res, GK_FETCH_MAGIC);
	rc = wait_while(res, must_wait_for_body, err);
	if (rc != GK_OK)
		return rc;
	gk_buf_clear(&res->front);
	if (!res->back.len && res->failure.code != GK_OK)
		return gk_error_copy(err, &res->failure);
	taken = res->back;
	res->back = res->front;
	res->front = taken;
	*ret = taken.len ? taken.data : "";
	*len_ret = taken.len;
	go_on(res);
	return GK_OK;
}

gk_code gk_fetch_read_all(gk_fetch *res, char **ret, size_t *len_ret, gk_error *err)
{
	gk_auto_buf gk_buf body = GK_BUF_INIT(0);
	const char *data;
	size_t len;
	char *text;
	gk_code rc;

	while ((rc = gk_fetch_read(res, &data, &len, err)) == GK_OK && len)
		gk_buf_put(&body, data, len);
	if (rc != GK_OK)
		return rc;
	text = gk_buf_take(&body, len_ret);
	if (!text)
		return gk_error_no_memory(err);
	*ret = text;
	return GK_OK;
}

void gk_fetch_free(gk_fetch *res)
{
	if (!res)
		return;
	GK_CHECK(res, GK_FETCH_MAGIC);
	assert(!res->waiter);
	gk_fetch_abort(res, NULL);
	gk_scope_unref(res->scope);
	gk_fetch_request_done(&res->request);
	gk_fetch_head_done(&res->head);
	gk_buf_done(&res->front);
	gk_buf_done(&res->back);
	gk_error_clear(&res->failure);
	res->magic = 0;
	free(res);
}

void gk_fetch_leave(gk_fetch *res)
{
	if (!res || !res->easy) {
		gk_fetch_free(res);
		return;
	}
	GK_CHECK(res, GK_FETCH_MAGIC);
	assert(!res->waiter);
	gk_scope_unlisten(&res->listener);
	res->scope = gk_scope_unref(res->scope);
	gk_buf_done(&res->front);
	gk_buf_done(&res->back);
	res->is_left = true;
	res->received = 0;
	res->started_ms = gk_loop_now_ms(res->client->multi.loop);
	res->total_ms = GK_FETCH_LINGER_MS;
	arm_timer(res);
	go_on(res);
}
