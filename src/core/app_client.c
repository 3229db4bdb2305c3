/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "core/app_client.h"

#include "core/internal.h"

#include <strings.h>

/* --- what a request tells of the trace --- */

/* "*.example" is any host that ends in ".example". */
static bool fits(const char *pattern, const char *host, size_t len)
{
	size_t end = strlen(pattern);

	if (pattern[0] != '*')
		return end == len && strncasecmp(pattern, host, len) == 0;
	end--;
	return !end || (len > end && strncasecmp(pattern + 1, host + len - end, end) == 0);
}

/* "https://host:443" */
static bool is_told(const json_t *hosts, const char *origin)
{
	const char *host = strstr(origin, "://"), *port = strrchr(origin, ':');
	json_t *item;
	size_t i;

	if (!hosts || !host || port < host + 3)
		return false;
	host += 3;
	json_array_foreach (hosts, i, item)
		if (fits(json_string_value(item), host, (size_t)(port - host)))
			return true;
	return false;
}

static void put_trace(gk_buf *lines, const char *origin, void *user)
{
	const gk_tracing *tracing = &((gk_app *)user)->tracing;
	const gk_ctx *ctx = gk_ctx_current();
	const gk_span *span = ctx ? ctx->span : NULL;
	char parent[GK_TRACEPARENT_SIZE];

	if (!span || !is_told(tracing->propagate_to, origin))
		return;
	gk_traceparent_write(parent, span->trace_id, span->id, span->trace_flags);
	if (!tracing->ignores_trace_context)
		gk_buf_printf(lines, "traceparent: %s\n", parent);
	if (!tracing->ignores_trace_context && span->trace_state)
		gk_buf_printf(lines, "tracestate: %s\n", span->trace_state);
	if (!tracing->ignores_baggage && span->baggage)
		gk_buf_printf(lines, "baggage: %s\n", span->baggage);
}

/* --- the client --- */

static void *make_slot(void)
{
	return calloc(1, sizeof(gk_fetch_client *));
}

static void free_slot(void *it)
{
	gk_fetch_client **client = it;

	gk_fetch_client_free(*client);
	free(it);
}

static const gk_app_slot slot = { make_slot, free_slot };

gk_code gk_app_set_client(gk_app *app, const gk_fetch_client_opts *opts, gk_error *err)
{
	gk_fetch_client **client = gk_app_slot_peek(app, &slot);
	gk_fetch_client_opts own = opts ? *opts : (gk_fetch_client_opts){ .size = sizeof(own) };

	if (!client)
		return gk_error_no_memory(err);
	if (*client)
		return gk_error_set(err, GK_FAILED_PRECONDITION,
			"the application's HTTP client is in use already");
	own.more_headers = put_trace;
	own.user = app;
	return gk_fetch_client_new(gk_app_loop(app), &own, client, err);
}

gk_code gk_app_client(gk_app *app, gk_fetch_client **ret, gk_error *err)
{
	gk_fetch_client **client = gk_app_slot_peek(app, &slot);
	gk_code rc = client ? GK_OK : gk_error_no_memory(err);

	if (rc == GK_OK && !*client)
		rc = gk_app_set_client(app, NULL, err);
	if (rc == GK_OK)
		*ret = *client;
	return rc;
}
