/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* What other programs send: traces in Genkit's JSON, and OpenTelemetry's (telemetry sections 2.2 and 2.7). */
#include "server/traces_internal.h"

#include "base/limits.h"
#include "base/str.h"
#include "server/inflate.h"
#include "telemetry/otlp.h"

#include <genkit/json.h>
#include <strings.h>

#define OTLP_PREFIX "/api/otlp/"
#define OTLP_FAILED "An internal error occurred while processing the OTLP payload."

/* What is read of a body, where it holds up nobody. */
typedef struct reading {
	gk_trace_call *call;
	gk_otlp_source source; /* of OpenTelemetry's */
	gk_otlp_content content;
	struct posts {
		gk_trace_post **items;
		size_t count;
	} posts;
} reading;

static void free_posts(struct posts *posts)
{
	for (size_t i = 0; i < posts->count; i++)
		gk_trace_post_free(posts->items[i]);
	free(posts->items);
}

/* All or nothing: only what has been read whole is saved. */
static void save(gk_trace_store *store, struct posts *posts)
{
	for (size_t i = 0; i < posts->count; i++)
		gk_trace_store_save(store, gk_steal(posts->items[i]));
	posts->count = 0;
}

static gk_code add_post(struct posts *posts, const json_t *trace, unsigned flags, gk_error *err)
{
	gk_trace_post **items = reallocarray(posts->items, posts->count + 1, sizeof(*items));
	gk_code rc;

	if (!items)
		return gk_error_no_memory(err);
	posts->items = items;
	rc = gk_trace_post_read(trace, flags, &items[posts->count], err);
	posts->count += rc == GK_OK;
	return rc;
}

/* --- bodies --- */

static gk_code inflate_body(void *arg, gk_error *err)
{
	gk_trace_call *call = arg;
	char *text = NULL;
	size_t len = 0;
	gk_code rc = gk_inflate(
		call->encoding, call->body, call->len, GK_INGEST_INFLATED, &text, &len, err);

	if (rc != GK_OK)
		return rc;
	free(call->body);
	call->body = text;
	call->len = len;
	return GK_OK;
}

/* Small ones here and now. */
static gk_code run_where_it_fits(gk_work_fn *fn, void *arg, size_t len, gk_error *err)
{
	return len > GK_PARSE_ON_LOOP ? gk_work_run(fn, arg, err) : fn(arg, err);
}

static gk_code decode(gk_trace_call *call, gk_error *err)
{
	if (!call->encoding || !*call->encoding || strcasecmp(call->encoding, "identity") == 0)
		return GK_OK;
	if (call->len > GK_INGEST_BODY)
		return gk_error_set(err, GK_FAILED_PRECONDITION, "the request's body is too large");
	/* a small one may unfold to much */
	return gk_work_run(inflate_body, call, err);
}

/* --- Genkit's JSON --- */

static gk_code read_trace(void *arg, gk_error *err)
{
	reading *r = arg;
	gk_auto_json json_t *trace = NULL;
	gk_code rc = GK_OK;

	if (r->call->len)
		rc = gk_json_parse(r->call->body, r->call->len, r->call->len, &trace, err);
	return rc == GK_OK ? add_post(&r->posts, trace, 0, err) : rc;
}

static bool is_json(const char *type)
{
	static const char json[] = "application/json";

	return type && strncasecmp(type, json, sizeof(json) - 1) == 0;
}

static void ingest(gk_trace_call *call)
{
	gk_auto_error gk_error err = { 0 };
	reading r = { .call = call };
	gk_code rc = decode(call, &err);

	if (!is_json(call->type))
		call->len = 0; /* as the reference: it has read nothing then */
	if (rc == GK_OK)
		rc = run_where_it_fits(read_trace, &r, call->len, &err);
	if (rc == GK_OK) {
		save(call->traces->store, &r.posts);
		rc = gk_trace_store_flush(call->traces->store, &err);
	}
	free_posts(&r.posts);
	if (rc == GK_OK)
		gk_traces_reply_text(call, 200, "text/plain; charset=utf-8", "OK");
	else if (call->x)
		gk_traces_fail(call->x, &err);
}

void gk_traces_ingest(gk_exchange *x, void *user)
{
	gk_traces_door *door = user;

	if (gk_traces_admit(door, x))
		gk_traces_call(door, x, ingest);
}

/* --- OpenTelemetry's --- */

static gk_otlp_signal signal_of(const char *path)
{
	const char *name = strrchr(path, '/');

	if (gk_str_equal(name, "/traces"))
		return GK_OTLP_TRACES;
	if (gk_str_equal(name, "/logs"))
		return GK_OTLP_LOGS;
	return gk_str_equal(name, "/metrics") ? GK_OTLP_METRICS : GK_OTLP_ANY;
}

/* "/api/otlp/TRACE/SPAN", but not "/api/otlp/v1/traces". Cuts the path into its parts. */
static void take_parents(gk_trace_call *call, gk_otlp_source *source)
{
	char *trace = call->path + sizeof(OTLP_PREFIX) - 1, *slash;

	if (!gk_str_has_prefix(call->path, OTLP_PREFIX) || gk_str_has_prefix(trace, "v1/"))
		return;
	slash = strchr(trace, '/');
	if (!slash)
		return;
	*slash = '\0';
	source->parent_trace_id = trace;
	source->parent_span_id = slash + 1;
}

static gk_code read_otlp(void *arg, gk_error *err)
{
	reading *r = arg;
	gk_code rc = GK_OK;
	json_t *trace;
	size_t i;

	if (r->source.parent_trace_id)
		rc = gk_trace_id_check(
			r->source.parent_trace_id, strlen(r->source.parent_trace_id), err);
	if (rc == GK_OK && r->call->len)
		rc = gk_otlp_read(&r->source, &r->content, err);
	json_array_foreach (r->content.traces, i, trace)
		if (rc == GK_OK)
			rc = add_post(&r->posts, trace, GK_POST_OTLP, err);
	return rc;
}

static void answer_otlp(gk_trace_call *call, const reading *r)
{
	gk_otlp_encoding encoding = r->source.encoding;

	if (!call->x)
		return;
	gk_exchange_begin(call->x, 200,
		encoding == GK_OTLP_JSON ? GK_TRACES_JSON : gk_otlp_content_type(encoding));
	gk_otlp_append_answer(gk_exchange_buffer(call->x), encoding, r->source.signal,
		r->content.rejected, r->content.rejected ? "spans without ids" : NULL);
	gk_exchange_wrote(call->x);
	gk_exchange_end(call->x);
}

/* The reference says the same of whatever went wrong, but for JSON that is none. */
static void fail_otlp(gk_trace_call *call, const gk_error *err)
{
	gk_error fixed = { .code = err->code, .message = (char *)OTLP_FAILED };

	if (call->x)
		gk_traces_fail(call->x,
			err->code == GK_UNAVAILABLE || err->code == GK_FAILED_PRECONDITION ||
					!gk_str_has_prefix(err->message ? err->message : "",
						"Invalid trace id")
				? err
				: &fixed);
}

static bool takes_type(gk_trace_call *call, reading *r)
{
	/* without a type it is JSON, if anything */
	if (!call->type)
		return true;
	return gk_otlp_encoding_of(call->type, &r->source.encoding);
}

static void ingest_otlp(gk_trace_call *call)
{
	gk_auto_error gk_error err = { 0 };
	reading r = { .call = call,
		.source = { .size = sizeof(r.source),
			.encoding = GK_OTLP_JSON,
			.signal = signal_of(call->path) } };
	gk_code rc = decode(call, &err);

	if (!takes_type(call, &r))
		call->len = 0;
	take_parents(call, &r.source);
	r.source.body = call->body;
	r.source.len = call->len;
	if (rc == GK_OK)
		rc = run_where_it_fits(read_otlp, &r, call->len, &err);
	if (rc == GK_OK) {
		save(call->traces->store, &r.posts);
		if (!gk_trace_store_save_logs(call->traces->store, r.content.logs))
			rc = gk_error_no_memory(&err);
	}
	if (rc == GK_OK)
		rc = gk_trace_store_flush(call->traces->store, &err);
	if (rc == GK_OK)
		answer_otlp(call, &r);
	else
		fail_otlp(call, &err);
	free_posts(&r.posts);
	gk_otlp_content_done(&r.content);
}

void gk_traces_ingest_otlp(gk_exchange *x, void *user)
{
	gk_traces_door *door = user;

	if (gk_traces_admit(door, x))
		gk_traces_call(door, x, ingest_otlp);
}
