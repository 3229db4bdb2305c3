/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "provider.h"

#include <genkit/plugins.h>
#include <strings.h>

static provider_fn *answer;

static void free_reply(void *it)
{
	free(((provider_reply *)it)->text);
	free(it);
}

static gk_code start(void *user, const gk_outgoing *out, void **ret, gk_error *err)
{
	provider_reply *reply = calloc(1, sizeof(*reply));
	gk_code rc;

	(void)user;
	if (!reply)
		return gk_error_set(err, GK_RESOURCE_EXHAUSTED, "out of memory");
	reply->status = 200;
	reply->fill = 'x';
	rc = answer(out, reply, err);
	if (rc == GK_OK)
		*ret = reply;
	else
		free_reply(reply);
	return rc;
}

static int status_of(void *it)
{
	return ((provider_reply *)it)->status;
}

static const char *header_of(void *it, const char *name)
{
	const char *header = ((provider_reply *)it)->header;
	size_t len = strlen(name);

	return header && strncmp(header, name, len) == 0 && strncmp(header + len, ": ", 2) == 0
		       ? header + len + 2
		       : NULL;
}

static gk_code read_some(void *it, const char **ret, size_t *len_ret, gk_error *err)
{
	static char block[1u << 20];
	provider_reply *reply = it;
	gk_code rc = reply->wait_ms ? gk_fiber_sleep(reply->wait_ms, err) : GK_OK;
	size_t left = (reply->text ? strlen(reply->text) : reply->filler) - reply->at;

	if (rc != GK_OK)
		return rc;
	if (reply->piece && left > reply->piece)
		left = reply->piece;
	if (!reply->text && left > sizeof(block))
		left = sizeof(block);
	memset(block, reply->fill, reply->text ? 0 : left);
	*ret = reply->text ? reply->text + reply->at : block;
	*len_ret = left;
	reply->at += left;
	return GK_OK;
}

static const gk_transport transport = { .start = start,
	.status = status_of,
	.header_peek = header_of,
	.read = read_some,
	.free = free_reply };

void provider_start(provider_fn *fn)
{
	answer = fn;
	ck_assert(gk_net_set_transport(core_app, &transport, NULL));
}

void provider_use(const char *name, const char *options)
{
	gk_auto_json json_t *all = json(options);

	ck_assert_int_eq(gk_use_plugin(core_app, name, all, NULL), GK_OK);
}

const char *provider_header(const gk_outgoing *out, const char *name)
{
	size_t len = strlen(name);

	for (size_t i = 0; i < out->header_count; i++)
		if (strncasecmp(out->headers[i], name, len) == 0 && out->headers[i][len] == ':')
			return out->headers[i] + len + 2;
	return NULL;
}

json_t *provider_hello(void)
{
	return json("{'messages':[{'role':'user','content':[{'text':'hi'}]}]}");
}
