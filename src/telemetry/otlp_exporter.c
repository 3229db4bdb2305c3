/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "telemetry/otlp_exporter.h"

#include "base/limits.h"
#include "base/str.h"

#include <stdatomic.h>
#include <stdio.h>

/* Who speaks: the same for all signals. */
typedef struct shared {
	unsigned refs;
	gk_arena arena;
	GkOtlp__Resource resource;
} shared;

/* What the packing of one signal needs, on a worker: the sender's, for a worker may outlive the exporter. */
typedef struct outlet {
	gk_otlp_encoding encoding;
	gk_otlp_signal signal;
	shared *shared;
} outlet;

struct gk_otlp_exporter {
	gk_app *app;
	gk_span_observer observer;
	gk_otlp_style style;
	gk_sampler sampler;
	bool tells_deltas;
	gk_sender *senders[GK_OTLP_SIGNALS]; /* NULL: not sent */
	shared *shared;
	atomic_uint_fast64_t lost;
};

/* --- spans --- */

static void ended(const gk_span *span, void *user)
{
	gk_otlp_exporter *exporter = user;
	const char *version, *library = gk_span_library(span, &version);
	gk_otlp_item *item;
	GkOtlp__Span *made;

	if (!gk_sampler_takes(&exporter->sampler, span))
		return;
	item = gk_otlp_item_new(library, version);
	made = item ? gk_otlp_span(&item->arena, span, &exporter->style) : NULL;
	if (made && gk_otlp_item_set(item, &made->base)) {
		gk_sender_put(exporter->senders[GK_OTLP_TRACES], &item->item);
		return;
	}
	if (item)
		gk_otlp_item_free(&item->item);
	exporter->lost++;
}

/* --- log records --- */

typedef struct passing {
	gk_sender *sender;
	gk_otlp_item *item;
} passing;

static void put_passed(void *user)
{
	passing *p = user;

	gk_sender_put(p->sender, &p->item->item);
	gk_sender_unref(p->sender);
	free(p);
}

/* Whoever logs may be a worker; queues are the loop's. */
static bool put_record(gk_otlp_exporter *exporter, gk_sender *sender, gk_otlp_item *item)
{
	gk_loop *loop = gk_app_loop(exporter->app);
	passing *p;

	if (gk_loop_self() == loop) {
		gk_sender_put(sender, &item->item);
		return true;
	}
	p = malloc(sizeof(*p));
	if (!p)
		return false;
	*p = (passing){ gk_sender_ref(sender), item };
	if (gk_loop_post(loop, put_passed, p))
		return true;
	gk_sender_unref(sender);
	free(p);
	return false;
}

void gk_otlp_exporter_log(gk_otlp_exporter *exporter, const gk_log_record *record)
{
	gk_sender *sender = exporter->senders[GK_OTLP_LOGS];
	gk_otlp_item *item;
	GkOtlp__LogRecord *made;

	if (!sender)
		return;
	item = gk_otlp_item_new(gk_otlp_record_scope(record), NULL);
	made = item ? gk_otlp_record(&item->arena, record) : NULL;
	if (made && gk_otlp_item_set(item, &made->base) && put_record(exporter, sender, item))
		return;
	if (item)
		gk_otlp_item_free(&item->item);
	exporter->lost++;
}

/* --- sending --- */

static bool pack(gk_buf *body, gk_sender_item **items, size_t count, void *user)
{
	const outlet *out = user;

	return gk_otlp_pack(body, out->encoding, out->signal, &out->shared->resource, items, count);
}

static const gk_sender_type sender_type = {
	.pack = pack, .free = gk_otlp_item_free, .refused = gk_otlp_read_answer
};

static void unref_shared(shared *one)
{
	if (!one || --one->refs)
		return;
	gk_arena_done(&one->arena);
	free(one);
}

static void free_outlet(void *user)
{
	outlet *out = user;

	unref_shared(out->shared);
	free(out);
}

static gk_code open_outlet(gk_otlp_exporter *exporter, const gk_otlp_exporter_opts *opts,
	gk_otlp_signal signal, gk_error *err)
{
	static const char *const signals[] = { "traces", "logs", "metrics" };
	const gk_otlp_endpoint *endpoint = &opts->endpoints[signal];
	gk_auto_str char *name = NULL;
	outlet *out;

	if (!endpoint->url)
		return GK_OK;
	if (asprintf(&name, "%s %s", opts->name, signals[signal]) < 0)
		name = NULL;
	out = malloc(sizeof(*out));
	if (!name || !out) {
		free(out);
		return gk_error_no_memory(err);
	}
	*out = (outlet){ endpoint->encoding, signal, exporter->shared };
	exporter->shared->refs++;
	return gk_sender_new(gk_app_loop(exporter->app),
		GK_OPTS(gk_sender_opts, .type = &sender_type, .user = out, .free_user = free_outlet,
			.name = name, .client = &opts->client, .url = endpoint->url,
			.headers = endpoint->headers,
			.content_type = gk_otlp_content_type(endpoint->encoding),
			.is_compressed = endpoint->is_compressed, .max_items = endpoint->queue,
			.batch_items = endpoint->batch, .delay_ms = endpoint->delay_ms,
			.timeout_ms = endpoint->timeout_ms),
		&exporter->senders[signal], err);
}

static gk_code make_shared(gk_otlp_exporter *exporter, const json_t *resource, gk_error *err)
{
	shared *made = calloc(1, sizeof(*made));
	gk_otlp_pairs pairs = { 0 };

	exporter->shared = made;
	if (!made)
		return gk_error_no_memory(err);
	made->refs = 1;
	gk_otlp__resource__init(&made->resource);
	gk_otlp_add_members(&made->arena, &pairs, resource);
	made->resource.attributes = pairs.items;
	made->resource.n_attributes = pairs.count;
	return made->arena.failed ? gk_error_no_memory(err) : GK_OK;
}

gk_code gk_otlp_exporter_new(
	gk_app *app, const gk_otlp_exporter_opts *opts, gk_otlp_exporter **ret, gk_error *err)
{
	gk_otlp_exporter *exporter = calloc(1, sizeof(*exporter));
	gk_code rc;

	if (!exporter)
		return gk_error_no_memory(err);
	exporter->app = app;
	exporter->style = opts->style;
	exporter->sampler = opts->sampler;
	exporter->tells_deltas = opts->tells_deltas;
	exporter->observer = (gk_span_observer){ .ended = ended, .user = exporter };
	rc = make_shared(exporter, opts->resource, err);
	for (gk_otlp_signal s = GK_OTLP_TRACES; rc == GK_OK && s < GK_OTLP_SIGNALS; s++)
		rc = open_outlet(exporter, opts, s, err);
	if (rc == GK_OK && exporter->senders[GK_OTLP_TRACES] &&
		!gk_app_add_observer(app, &exporter->observer))
		rc = gk_error_set(err, GK_RESOURCE_EXHAUSTED, "more than %d exporters of spans",
			GK_MAX_OBSERVERS);
	if (rc != GK_OK) {
		gk_otlp_exporter_free(exporter);
		return rc;
	}
	*ret = exporter;
	return GK_OK;
}

void gk_otlp_exporter_free(gk_otlp_exporter *exporter)
{
	if (!exporter)
		return;
	gk_app_remove_observer(exporter->app, &exporter->observer);
	for (gk_otlp_signal s = GK_OTLP_TRACES; s < GK_OTLP_SIGNALS; s++)
		gk_sender_free(exporter->senders[s]);
	unref_shared(exporter->shared);
	free(exporter);
}

/* --- all signals together --- */

void gk_otlp_exporter_retire(gk_otlp_exporter *exporter)
{
	gk_app_remove_observer(exporter->app, &exporter->observer);
}

void gk_otlp_exporter_hurry(gk_otlp_exporter *exporter)
{
	for (gk_otlp_signal s = GK_OTLP_TRACES; s < GK_OTLP_SIGNALS; s++)
		if (exporter->senders[s])
			gk_sender_hurry(exporter->senders[s]);
}

bool gk_otlp_exporter_is_busy(const gk_otlp_exporter *exporter)
{
	for (gk_otlp_signal s = GK_OTLP_TRACES; s < GK_OTLP_SIGNALS; s++)
		if (exporter->senders[s] && gk_sender_is_busy(exporter->senders[s]))
			return true;
	return false;
}

gk_sender *gk_otlp_exporter_sender_peek(gk_otlp_exporter *exporter, gk_otlp_signal signal)
{
	return exporter->senders[signal];
}

bool gk_otlp_exporter_tells_deltas(const gk_otlp_exporter *exporter)
{
	return exporter->tells_deltas;
}

uint64_t gk_otlp_exporter_lost(const gk_otlp_exporter *exporter)
{
	return exporter->lost;
}
