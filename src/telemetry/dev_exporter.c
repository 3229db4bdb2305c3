/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "telemetry/dev_exporter.h"

#include "base/limits.h"
#include "base/str.h"
#include "json/write.h"

#include <stdio.h>

struct gk_dev_exporter {
	gk_app *app;
	gk_dev_exporter_opts opts;
	gk_span_observer observer;
	gk_sender *sender;      /* NULL: nobody has said where */
	gk_otlp_exporter *logs; /* there when the sender is */
	char *url;
	bool is_slow; /* a run has waited in vain; since then so many were sent: */
	uint64_t sent;
};

/* A span as text, and what the trace around it says when it has no parent. */
typedef struct post {
	gk_sender_item item; /* first: the sender knows only this */
	char trace_id[GK_TRACE_ID_SIZE], id[GK_SPAN_ID_SIZE];
	size_t data_len; /* of SpanData, at the beginning of `text` */
	bool is_root;    /* more follows it: displayName and times of the trace */
	char *text;
} post;

static void free_post(gk_sender_item *item)
{
	post *p = (post *)item;

	free(p->text);
	free(p);
}

/* --- making --- */

/* Of a trace that goes on here the parent is elsewhere: what is here begins with this span. */
static bool has_parent(const gk_span *span)
{
	return span->parent_id[0] && !span->parent_is_remote;
}

static void put_trace(gk_buf *text, const gk_span *span)
{
	gk_buf_puts(text, ",\"displayName\":");
	gk_json_append_string(text, span->name, strlen(span->name));
	gk_buf_puts(text, ",\"startTime\":");
	gk_span_append_ms(text, span->start_ns);
	gk_buf_puts(text, ",\"endTime\":");
	gk_span_append_ms(text, span->end_ns);
}

static void put_span(gk_dev_exporter *exporter, const gk_span *span)
{
	gk_buf text = GK_BUF_INIT(0);
	post *p;

	if (!exporter->sender)
		return;
	p = calloc(1, sizeof(*p));
	if (!p)
		return; /* as if it had been dropped */
	gk_span_append_data(&text, span);
	p->data_len = text.len;
	p->is_root = !has_parent(span);
	if (p->is_root)
		put_trace(&text, span);
	p->item.size = sizeof(*p) + text.cap;
	p->text = gk_buf_take(&text, NULL);
	gk_buf_done(&text);
	memcpy(p->trace_id, span->trace_id, sizeof(p->trace_id));
	memcpy(p->id, span->id, sizeof(p->id));
	if (p->text)
		gk_sender_put(exporter->sender, &p->item);
	else
		free_post(&p->item);
}

static void started(const gk_span *span, void *user)
{
	put_span(user, span);
}

static void ended(const gk_span *span, void *user)
{
	put_span(user, span);
}

/* Tools read a run's trace as soon as they have its answer. A server that makes one run wait in vain does not make others
 * wait, until it answers again. */
static void settle(void *user)
{
	gk_dev_exporter *exporter = user;
	gk_loop *loop = gk_app_loop(exporter->app);
	uint64_t start_ms = gk_loop_now_ms(loop);

	if (!exporter->sender)
		return;
	if (exporter->is_slow && gk_sender_count(exporter->sender).sent == exporter->sent)
		return;
	gk_sender_flush(exporter->sender, GK_EXPORT_SETTLE_MS);
	exporter->is_slow = gk_loop_now_ms(loop) - start_ms >= GK_EXPORT_SETTLE_MS;
	if (exporter->sender)
		exporter->sent = gk_sender_count(exporter->sender).sent;
}

/* --- sending --- */

/* One span a request while the server keeps up. What has piled up goes together, as far as it is of one trace and no span
 * comes twice, for the end of a span must not come before its start. */
static size_t choose(gk_sender_item **items, size_t count)
{
	const post *first = (const post *)items[0];
	size_t taken = 1;

	if (count < GK_EXPORT_DEV_PILE)
		return 1;
	for (; taken < count; taken++) {
		const post *next = (const post *)items[taken];

		if (strcmp(next->trace_id, first->trace_id) != 0)
			break;
		for (size_t i = 0; i < taken; i++)
			if (strcmp(((const post *)items[i])->id, next->id) == 0)
				return taken;
	}
	return taken;
}

static bool pack(gk_buf *body, gk_sender_item **items, size_t count, void *user)
{
	const post *root = NULL;

	(void)user;
	gk_buf_printf(body, "{\"traceId\":\"%s\",\"spans\":{", ((const post *)items[0])->trace_id);
	for (size_t i = 0; i < count; i++) {
		const post *p = (const post *)items[i];

		gk_buf_printf(body, "%s\"%s\":", i ? "," : "", p->id);
		gk_buf_put(body, p->text, p->data_len);
		if (p->is_root)
			root = p;
	}
	gk_buf_putc(body, '}');
	if (root)
		gk_buf_puts(body, root->text + root->data_len);
	gk_buf_putc(body, '}');
	return true;
}

static const gk_sender_type sender_type = { .choose = choose, .pack = pack, .free = free_post };

static gk_code open_spans(
	gk_dev_exporter *exporter, const char *url, gk_sender **ret, gk_error *err)
{
	gk_auto_str char *target = NULL;

	if (asprintf(&target, "%s/api/traces", url) < 0) {
		target = NULL;
		return gk_error_no_memory(err);
	}
	return gk_sender_new(gk_app_loop(exporter->app),
		GK_OPTS(gk_sender_opts, .type = &sender_type, .name = "telemetry server",
			.client = &exporter->opts.client, .url = target,
			.content_type = "application/json", .delay_ms = exporter->opts.delay_ms),
		ret, err);
}

static gk_code open_logs(
	gk_dev_exporter *exporter, const char *url, gk_otlp_exporter **ret, gk_error *err)
{
	gk_otlp_exporter_opts opts = { .size = sizeof(opts),
		.name = "telemetry server",
		.resource = exporter->opts.resource,
		.client = exporter->opts.client };
	gk_auto_str char *target = NULL;

	if (asprintf(&target, "%s/api/otlp", url) < 0) {
		target = NULL;
		return gk_error_no_memory(err);
	}
	opts.endpoints[GK_OTLP_LOGS] = (gk_otlp_endpoint){
		.url = target, .encoding = GK_OTLP_JSON, .delay_ms = exporter->opts.delay_ms
	};
	return gk_otlp_exporter_new(exporter->app, &opts, ret, err);
}

/* What there is gives way. */
static void take_over(
	gk_dev_exporter *exporter, char *url_take, gk_sender *sender, gk_otlp_exporter *logs)
{
	gk_sender_free(exporter->sender);
	exporter->sender = sender;
	gk_otlp_exporter_free(exporter->logs);
	exporter->logs = logs;
	free(exporter->url);
	exporter->url = url_take;
}

gk_code gk_dev_exporter_set_url(gk_dev_exporter *exporter, const char *url, gk_error *err)
{
	gk_auto_str char *copy = NULL;
	gk_otlp_exporter *logs = NULL;
	gk_sender *sender;
	gk_code rc;

	if (gk_str_equal(exporter->url, url))
		return GK_OK;
	if (!url) {
		take_over(exporter, NULL, NULL, NULL);
		return GK_OK;
	}
	copy = strdup(url);
	if (!copy)
		return gk_error_no_memory(err);
	rc = open_logs(exporter, url, &logs, err);
	if (rc == GK_OK)
		rc = open_spans(exporter, url, &sender, err);
	if (rc == GK_OK)
		take_over(exporter, gk_steal(copy), sender, logs);
	else
		gk_otlp_exporter_free(logs);
	return rc;
}

/* --- life --- */

gk_code gk_dev_exporter_new(
	gk_app *app, const gk_dev_exporter_opts *opts, gk_dev_exporter **ret, gk_error *err)
{
	gk_dev_exporter *exporter = calloc(1, sizeof(*exporter));

	if (!exporter)
		return gk_error_no_memory(err);
	exporter->app = app;
	exporter->opts = *opts;
	exporter->observer = (gk_span_observer){ .ended = ended, .user = exporter };
	if (opts->is_realtime)
		exporter->observer.started = started;
	if (!opts->delay_ms)
		exporter->observer.settle = settle;
	if (!gk_app_add_observer(app, &exporter->observer)) {
		free(exporter);
		return gk_error_set(err, GK_RESOURCE_EXHAUSTED, "more than %d exporters of spans",
			GK_MAX_OBSERVERS);
	}
	*ret = exporter;
	return GK_OK;
}

void gk_dev_exporter_free(gk_dev_exporter *exporter)
{
	if (!exporter)
		return;
	gk_app_remove_observer(exporter->app, &exporter->observer);
	take_over(exporter, NULL, NULL, NULL);
	free(exporter);
}

const char *gk_dev_exporter_url_peek(const gk_dev_exporter *exporter)
{
	return exporter->url;
}

gk_sender *gk_dev_exporter_sender_peek(gk_dev_exporter *exporter)
{
	return exporter->sender;
}

gk_otlp_exporter *gk_dev_exporter_logs_peek(gk_dev_exporter *exporter)
{
	return exporter->logs;
}

/* The address may change any time, on the loop. */
void gk_dev_exporter_log(gk_dev_exporter *exporter, const gk_log_record *record)
{
	if (gk_loop_self() == gk_app_loop(exporter->app) && exporter->logs)
		gk_otlp_exporter_log(exporter->logs, record);
}
