/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "plugins/common/net.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/str.h"
#include "core/app_client.h"

typedef struct net {
	gk_net_env_fn *env;
	void *env_user;
	const gk_transport *transport; /* NULL: the application's HTTP client */
	void *transport_user;
	gk_net_clock_fn *clock; /* NULL: the system's */
	void *clock_user;
} net;

static void *make_net(void)
{
	return calloc(1, sizeof(net));
}

static const gk_app_slot slot = { .make = make_net, .free = free };

bool gk_net_set_env(gk_app *app, gk_net_env_fn *env, void *user)
{
	net *it = gk_app_slot_peek(app, &slot);

	if (!it)
		return false;
	it->env = env;
	it->env_user = user;
	return true;
}

bool gk_net_set_clock(gk_app *app, gk_net_clock_fn *clock, void *user)
{
	net *it = gk_app_slot_peek(app, &slot);

	if (!it)
		return false;
	it->clock = clock;
	it->clock_user = user;
	return true;
}

uint64_t gk_net_now_s(gk_app *app)
{
	const net *it = gk_app_slot_peek(app, &slot);

	return it && it->clock ? it->clock(it->clock_user) : gk_clock_wall_ns() / 1000000000u;
}

static uint64_t now_ms(const net *it)
{
	return it->clock ? it->clock(it->clock_user) * 1000 : gk_clock_wall_ns() / 1000000;
}

bool gk_net_set_transport(gk_app *app, const gk_transport *transport, void *user)
{
	net *it = gk_app_slot_peek(app, &slot);

	if (!it)
		return false;
	it->transport = transport;
	it->transport_user = user;
	return true;
}

/* --- environment --- */

/* White space, and what people copy along without seeing it. */
static bool is_invisible(uint32_t c)
{
	return c <= ' ' || c == 0xa0 || (c >= 0x200b && c <= 0x200f) || c == 0x2028 ||
	       c == 0x2029 || c == 0x2060 || c == 0xfeff;
}

char *gk_net_trim(const char *text)
{
	size_t len = strlen(text), first = 0, last = 0;
	bool seen = false;

	for (size_t i = 0, step; i < len; i += step) {
		uint32_t c = 0;

		step = gk_str_decode_utf8(text + i, len - i, &c);
		if (!step) { /* no UTF-8: the service will say so */
			step = 1;
			c = '?';
		}
		if (is_invisible(c))
			continue;
		if (!seen)
			first = i;
		seen = true;
		last = i + step;
	}
	return strndup(text + first, last - first);
}

gk_code gk_net_env(gk_app *app, const char *const *names, char **ret, gk_error *err)
{
	net *it = gk_app_slot_peek(app, &slot);

	if (!it)
		return gk_error_no_memory(err);
	for (; names && *names && it->env; names++) {
		const char *value = it->env(*names, it->env_user);
		char *text = value ? gk_net_trim(value) : NULL;

		if (value && !text)
			return gk_error_no_memory(err);
		if (text && *text) {
			*ret = text;
			return GK_OK;
		}
		free(text);
	}
	*ret = NULL;
	return GK_OK;
}

/* --- the HTTP client --- */

static gk_code fetch_start(void *user, const gk_outgoing *out, void **ret, gk_error *err)
{
	gk_fetch *res = NULL;
	gk_code rc = gk_fetch_start(user,
		GK_OPTS(gk_fetch_opts, .url = out->url, .method = out->method,
			.headers = (const char *const *)out->headers, .body = out->body,
			.body_len = out->body_len, .connect_ms = GK_VENDOR_CONNECT_MS,
			.total_ms = out->timeout_ms ? out->timeout_ms : GK_VENDOR_TOTAL_MS,
			.idle_ms = GK_VENDOR_IDLE_MS, .max_body = GK_MAX_VENDOR_BODY,
			.redirects = out->redirects),
		&res, err);

	if (rc == GK_OK)
		*ret = res;
	return rc;
}

static int fetch_status(void *reply)
{
	return gk_fetch_status(reply);
}

static const char *fetch_header(void *reply, const char *name)
{
	return gk_fetch_header_peek(reply, name);
}

static gk_code fetch_read(void *reply, const char **ret, size_t *len_ret, gk_error *err)
{
	return gk_fetch_read(reply, ret, len_ret, err);
}

static void fetch_free(void *reply)
{
	gk_fetch_free(reply);
}

static void fetch_leave(void *reply)
{
	gk_fetch_leave(reply);
}

static const gk_transport fetch_transport = {
	.start = fetch_start,
	.status = fetch_status,
	.header_peek = fetch_header,
	.read = fetch_read,
	.free = fetch_free,
	.leave = fetch_leave,
};

gk_code gk_net_send(gk_app *app, const gk_outgoing *out, gk_reply *ret, gk_error *err)
{
	net *it = gk_app_slot_peek(app, &slot);
	gk_fetch_client *client = NULL;
	gk_code rc = it ? gk_outgoing_check(out, err) : gk_error_no_memory(err);

	if (rc == GK_OK && !it->transport)
		rc = gk_app_client(app, &client, err);
	if (rc != GK_OK)
		return rc;
	ret->transport = it->transport ? it->transport : &fetch_transport;
	ret->reply = NULL;
	rc = ret->transport->start(
		it->transport ? it->transport_user : client, out, &ret->reply, err);
	ret->now_ms = now_ms(it);
	return rc;
}

void gk_reply_done(gk_reply *reply)
{
	if (reply->reply)
		reply->transport->free(reply->reply);
	reply->reply = NULL;
}

void gk_reply_leave(gk_reply *reply)
{
	if (reply->reply && reply->transport->leave)
		reply->transport->leave(gk_steal(reply->reply));
	gk_reply_done(reply);
}

gk_code gk_reply_read(gk_reply *reply, const char **ret, size_t *len_ret, gk_error *err)
{
	return reply->transport->read(reply->reply, ret, len_ret, err);
}

gk_code gk_reply_read_all(gk_reply *reply, size_t max, char **ret, size_t *len_ret, gk_error *err)
{
	gk_auto_buf gk_buf body = GK_BUF_INIT(max);
	const char *data;
	size_t len;
	char *text;
	gk_code rc;

	while ((rc = gk_reply_read(reply, &data, &len, err)) == GK_OK && len) {
		gk_buf_put(&body, data, len);
		if (gk_buf_failed(&body))
			return gk_error_set(err, GK_RESOURCE_EXHAUSTED,
				"the answer has more than %zu bytes, or memory ran out", max);
	}
	if (rc != GK_OK)
		return rc;
	gk_buf_puts(&body, "");
	text = gk_buf_take(&body, len_ret);
	if (!text)
		return gk_error_no_memory(err);
	*ret = text;
	return GK_OK;
}

size_t gk_body_start(const char *body, size_t len)
{
	static const char mark[] = "\xef\xbb\xbf";
	size_t mark_len = sizeof(mark) - 1;

	return len >= mark_len && memcmp(body, mark, mark_len) == 0 ? mark_len : 0;
}
