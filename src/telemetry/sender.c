/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* The queue and its fiber: batches go out one after another (telemetry section 7.3). */
#include "telemetry/sender.h"

#include "base/clock.h"
#include "base/id.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/str.h"
#include "loop/url_shown.h"
#include "telemetry/gzip.h"

#include <inttypes.h>

typedef STAILQ_HEAD(gk_sender_items, gk_sender_item) gk_sender_items;

/* Who waits for the queue to be sent up to a place. */
typedef struct waiter {
	gk_fiber *fiber;
	uint64_t until;
	LIST_ENTRY(waiter) link;
} waiter;

struct gk_sender {
	unsigned refs; /* the owner's and the fiber's */
	gk_loop *loop;
	gk_sender_opts opts;
	char *name, *url;
	char *shown; /* the URL, for the log */
	char **headers;
	gk_scope *scope;
	gk_timer *timer; /* for the next batch, or the next try */
	gk_sender_items queue;
	size_t count, bytes;
	gk_fetch_client *client;
	uint64_t put, done; /* items ever queued, and ever sent or dropped */
	uint64_t due;       /* what was put before this leaves without waiting for more */
	bool is_running, is_closed;
	bool is_gone;
	unsigned failures; /* in a row */
	uint64_t lost;     /* while it was gone */
	uint64_t complained_ms;
	gk_sender_counts counts;
	LIST_HEAD(, waiter) waiters;
};

static void start(gk_sender *sender);

gk_sender *gk_sender_ref(gk_sender *sender)
{
	sender->refs++;
	return sender;
}

void gk_sender_unref(gk_sender *sender)
{
	if (--sender->refs)
		return;
	if (sender->opts.free_user)
		sender->opts.free_user(sender->opts.user);
	gk_fetch_client_free(sender->client);
	for (char **header = sender->headers; header && *header; header++)
		free(*header);
	free(sender->headers);
	free(sender->name);
	free(sender->url);
	free(sender->shown);
	free(sender);
}

/* --- the queue --- */

static void finish_items(gk_sender *sender, gk_sender_item **items, size_t count)
{
	waiter *one;

	for (size_t i = 0; i < count; i++)
		sender->opts.type->free(items[i]);
	sender->done += count;
	LIST_FOREACH (one, &sender->waiters, link)
		gk_fiber_wake(one->fiber);
}

static gk_sender_item *take_first(gk_sender *sender)
{
	gk_sender_item *item = STAILQ_FIRST(&sender->queue);

	STAILQ_REMOVE_HEAD(&sender->queue, link);
	sender->count--;
	sender->bytes -= item->size;
	return item;
}

static void make_room(gk_sender *sender, size_t size)
{
	while (sender->count && (sender->count >= sender->opts.max_items ||
					sender->bytes + size > sender->opts.max_bytes)) {
		gk_sender_item *oldest = take_first(sender);

		sender->counts.dropped_full++;
		sender->lost++;
		finish_items(sender, &oldest, 1);
	}
}

/* Full jitter: those who lost the same server do not come back together. */
static uint64_t jitter(uint64_t ms)
{
	uint32_t random;

	gk_random_bytes(&random, sizeof(random));
	return ms / 2 + (uint64_t)random * (ms - ms / 2) / UINT32_MAX;
}

/* What was not sent waits for more to come, or for the destination to come back. */
static void wait_for_more(gk_sender *sender)
{
	uint64_t pause_ms = sender->opts.retry_ms;

	for (unsigned i = 1; i < sender->failures && pause_ms < sender->opts.gone_ms; i++)
		pause_ms *= 2;
	if (pause_ms > sender->opts.gone_ms)
		pause_ms = sender->opts.gone_ms;
	if (!sender->failures)
		pause_ms = sender->opts.delay_ms;
	gk_timer_again(sender->timer, sender->failures ? jitter(pause_ms) : pause_ms);
}

void gk_sender_put(gk_sender *sender, gk_sender_item *item)
{
	if (sender->is_closed) {
		sender->opts.type->free(item);
		return;
	}
	make_room(sender, item->size);
	STAILQ_INSERT_TAIL(&sender->queue, item, link);
	sender->count++;
	sender->bytes += item->size;
	sender->put++;
	if (sender->is_running)
		return;
	if (!sender->is_gone &&
		(!sender->opts.delay_ms || sender->count >= sender->opts.batch_items))
		start(sender);
	else if (sender->count == 1)
		wait_for_more(sender);
}

/* --- one request --- */

typedef enum outcome {
	SENT,
	TRY_AGAIN,
	TOO_LARGE,
	REFUSED,
} outcome;

typedef struct job {
	gk_sender *sender;
	gk_sender_item **items;
	size_t count, refused;
	gk_buf body;
	uint64_t start_ms;
} job;

static gk_code pack(void *arg, gk_error *err)
{
	job *j = arg;
	gk_sender *sender = j->sender;

	gk_buf_clear(&j->body);
	if (!sender->opts.type->pack(&j->body, j->items, j->count, sender->opts.user) ||
		gk_buf_failed(&j->body))
		return gk_error_no_memory(err);
	return sender->opts.is_compressed ? gk_gzip(&j->body, err) : GK_OK;
}

/* A destination that refuses everything shall not fill the log. */
static bool may_complain(gk_sender *sender)
{
	uint64_t now_ms = gk_loop_now_ms(sender->loop);

	if (sender->complained_ms && now_ms - sender->complained_ms < sender->opts.complain_ms)
		return false;
	sender->complained_ms = now_ms;
	return true;
}

static void complain(gk_sender *sender, int status, size_t count)
{
	if (may_complain(sender))
		gk_log(GK_LOG_WARN, "telemetry", "%s: refused with HTTP status %d, %zu are dropped",
			sender->name, status, count);
}

static void complain_of_size(gk_sender *sender, size_t count)
{
	if (may_complain(sender))
		gk_log(GK_LOG_WARN, "telemetry",
			"%s: a request of more than %zu bytes, %zu are dropped", sender->name,
			sender->opts.max_body, count);
}

static outcome judge(int status)
{
	switch (status) {
	case 429:
	case 502:
	case 503:
	case 504:
		return TRY_AGAIN;
	case 413:
		return TOO_LARGE;
	default:
		return status >= 200 && status < 300 ? SENT : REFUSED;
	}
}

/* How long the destination wants us to wait; 0: it does not say. */
static uint64_t wanted_pause(const gk_fetch *res)
{
	const char *header = gk_fetch_header_peek(res, "Retry-After");
	uint64_t ms = 0;

	if (!header || !gk_retry_after_ms(header, gk_clock_wall_ns() / 1000000000u, &ms))
		return 0;
	return ms;
}

static uint64_t time_left(const job *j)
{
	uint64_t spent = gk_loop_now_ms(j->sender->loop) - j->start_ms;

	return spent < j->sender->opts.timeout_ms ? j->sender->opts.timeout_ms - spent : 0;
}

/* What is too long to be an answer of the protocol is not read to its end. */
static gk_code read_answer(gk_fetch *res, gk_buf *ret, gk_error *err)
{
	const char *data;
	size_t len;
	gk_code rc;

	while ((rc = gk_fetch_read(res, &data, &len, err)) == GK_OK && len) {
		if (ret->len + len > GK_EXPORT_ANSWER)
			return GK_OK;
		gk_buf_put(ret, data, len);
	}
	return rc;
}

/* A destination may take a batch and refuse parts of it: it would do so again. */
static void take_refused(job *j, const gk_fetch *res, const gk_buf *answer)
{
	gk_sender *sender = j->sender;
	gk_auto_str char *why = NULL;
	uint64_t count;

	if (!sender->opts.type->refused || !answer->len)
		return;
	count = sender->opts.type->refused(
		gk_fetch_header_peek(res, "Content-Type"), answer->data, answer->len, &why);
	j->refused = count < j->count ? (size_t)count : j->count;
	if ((count || why) && may_complain(sender))
		gk_log(GK_LOG_WARN, "telemetry", "%s: %zu of %zu were refused: %s", sender->name,
			j->refused, j->count, why ? why : "no reason is given");
}

static outcome post(job *j, uint64_t *pause_ms, gk_error *err)
{
	gk_sender *sender = j->sender;
	gk_auto_fetch gk_fetch *res = NULL;
	gk_auto_buf gk_buf answer = GK_BUF_INIT(0);
	uint64_t left = time_left(j);
	gk_code rc;

	sender->counts.requests++;
	rc = gk_fetch_start(sender->client,
		GK_OPTS(gk_fetch_opts, .url = sender->url, .method = "POST",
			.headers = (const char *const *)sender->headers, .body = j->body.data,
			.body_len = j->body.len, .connect_ms = left, .total_ms = left ? left : 1,
			.max_body = SIZE_MAX),
		&res, err);
	if (rc == GK_OK) /* so that the connection can be used again */
		rc = read_answer(res, &answer, err);
	if (rc != GK_OK)
		return TRY_AGAIN;
	*pause_ms = wanted_pause(res);
	if (judge(gk_fetch_status(res)) != SENT)
		gk_error_set(err, GK_UNAVAILABLE, "HTTP status %d", gk_fetch_status(res));
	if (judge(gk_fetch_status(res)) == REFUSED)
		complain(sender, gk_fetch_status(res), j->count);
	if (judge(gk_fetch_status(res)) == SENT)
		take_refused(j, res, &answer);
	return judge(gk_fetch_status(res));
}

/* Tries until it works, time is over or it makes no sense. */
static outcome deliver(job *j, gk_error *err)
{
	gk_sender *sender = j->sender;
	unsigned tries = sender->is_gone ? 1 : GK_EXPORT_TRIES;
	uint64_t backoff_ms = sender->opts.retry_ms, pause_ms;
	outcome result = TRY_AGAIN;

	while (tries--) {
		pause_ms = 0;
		gk_error_clear(err);
		result = post(j, &pause_ms, err);
		if (result != TRY_AGAIN || !tries || sender->is_closed)
			break;
		if (!pause_ms)
			pause_ms = jitter(backoff_ms);
		if (pause_ms >= time_left(j) || gk_fiber_sleep(pause_ms, NULL) != GK_OK)
			break;
		sender->counts.retries++;
		backoff_ms = backoff_ms * 3 / 2;
	}
	return result;
}

/* --- batches --- */

static void tell_gone(gk_sender *sender, const gk_error *err)
{
	sender->counts.failures++;
	sender->failures++;
	if (sender->is_gone || sender->is_closed)
		return;
	sender->is_gone = true;
	gk_log(GK_LOG_WARN, "telemetry", "%s: no answer from %s: %s; trying again", sender->name,
		sender->shown, err->message ? err->message : "out of memory");
}

static void tell_back(gk_sender *sender)
{
	sender->failures = 0;
	if (!sender->is_gone)
		return;
	sender->is_gone = false;
	gk_log(GK_LOG_INFO, "telemetry", "%s: %s answers again; %" PRIu64 " were lost",
		sender->name, sender->shown, sender->lost);
	sender->lost = 0;
}

static bool send_items(gk_sender *sender, gk_sender_item **items, size_t count, bool may_split)
{
	job j = { .sender = sender,
		.items = items,
		.count = count,
		.body = GK_BUF_INIT(sender->opts.max_body),
		.start_ms = gk_loop_now_ms(sender->loop) };
	gk_auto_error gk_error err = { 0 };
	gk_code packed = gk_work_run(pack, &j, &err);
	outcome result = packed == GK_OK          ? deliver(&j, &err)
			 : packed == GK_CANCELLED ? TRY_AGAIN /* nobody will: the sender ends */
						  : TOO_LARGE;

	gk_buf_done(&j.body);
	if (result == TOO_LARGE && may_split && count > 1) {
		bool first = send_items(sender, items, count / 2, false);

		return send_items(sender, items + count / 2, count - count / 2, false) && first;
	}
	if (result == TOO_LARGE && packed == GK_OK)
		complain(sender, 413, count);
	else if (result == TOO_LARGE)
		complain_of_size(sender, count);
	if (result == TRY_AGAIN)
		tell_gone(sender, &err);
	else
		tell_back(sender);
	if (result == SENT)
		sender->counts.sent += count - j.refused;
	sender->counts.dropped += result == SENT ? j.refused : count;
	if (result != SENT)
		sender->lost += count;
	return result != TRY_AGAIN;
}

/* The first items of the queue, as many as one request takes. They stay the queue's until they are taken. */
static size_t choose(gk_sender *sender, gk_sender_item **items)
{
	size_t count = 0, bytes = 0;
	gk_sender_item *item;

	STAILQ_FOREACH (item, &sender->queue, link) {
		bytes += item->size;
		if (count == sender->opts.batch_items || (count && bytes > GK_EXPORT_BATCH_BYTES))
			break;
		items[count++] = item;
	}
	if (count && sender->opts.type->choose)
		count = sender->opts.type->choose(items, count);
	return count;
}

static bool is_time(const gk_sender *sender)
{
	return sender->count && !sender->is_closed &&
	       (sender->done < sender->due || !sender->opts.delay_ms ||
		       sender->count >= sender->opts.batch_items);
}

static void run(void *user)
{
	gk_sender *sender = user;
	gk_sender_item **items = calloc(sender->opts.batch_items, sizeof(*items));
	bool goes_on = items != NULL;

	while (goes_on && is_time(sender)) {
		size_t count = choose(sender, items);

		for (size_t i = 0; i < count; i++)
			take_first(sender);
		goes_on = send_items(sender, items, count, true);
		finish_items(sender, items, count);
	}
	free(items);
	sender->is_running = false;
	if (!sender->is_closed && sender->count)
		wait_for_more(sender);
	finish_items(sender, NULL, 0);
	gk_sender_unref(sender);
}

/* Now, or, while it runs, without waiting for more. */
static void start(gk_sender *sender)
{
	sender->due = sender->put;
	if (sender->is_running || sender->is_closed || !sender->count)
		return;
	sender->is_running = true;
	sender->refs++;
	if (gk_fiber_start(sender->loop, "telemetry", sender->scope, run, sender, NULL, NULL) ==
		GK_OK)
		return;
	sender->is_running = false;
	sender->refs--;
	gk_timer_again(sender->timer, sender->opts.retry_ms);
}

static void on_timer(void *user)
{
	start(user);
}

void gk_sender_hurry(gk_sender *sender)
{
	if (!sender->is_gone)
		start(sender);
}

bool gk_sender_is_busy(const gk_sender *sender)
{
	return !sender->is_gone && sender->done < sender->put;
}

void gk_sender_flush(gk_sender *sender, uint64_t limit_ms)
{
	waiter self = { .fiber = gk_fiber_self(), .until = sender->put };
	gk_scope *scope, *before;

	gk_sender_hurry(sender);
	if (sender->is_gone || sender->done >= self.until)
		return;
	scope = gk_scope_new(sender->loop, NULL);
	if (!scope || gk_scope_set_deadline(scope, limit_ms, NULL) != GK_OK) {
		gk_scope_unref(scope);
		return;
	}
	before = gk_fiber_swap_scope(scope);
	LIST_INSERT_HEAD(&sender->waiters, &self, link);
	sender->refs++;
	while (sender->done < self.until && !sender->is_gone && !sender->is_closed)
		if (gk_fiber_park(NULL) != GK_OK)
			break;
	LIST_REMOVE(&self, link);
	gk_fiber_swap_scope(before);
	gk_scope_unref(scope);
	gk_sender_unref(sender);
}

/* --- life --- */

static bool copy_headers(gk_sender *sender, const gk_sender_opts *opts)
{
	const char *accept = opts->type->accept ? opts->type->accept : opts->content_type;
	const char *const ours[][3] = { { "Content-Type: ", opts->content_type, NULL },
		{ "Accept: ", accept, NULL }, { "Content-Encoding: gzip", NULL, NULL } };
	size_t our_count = opts->is_compressed ? 3 : 2, count = 0;
	char **header;

	while (opts->headers && opts->headers[count])
		count++;
	header = sender->headers = calloc(our_count + count + 1, sizeof(*header));
	for (size_t i = 0; header && i < our_count; i++, header++)
		if (!(*header = gk_str_join(ours[i])))
			return false;
	for (size_t i = 0; header && i < count; i++, header++)
		if (!(*header = strdup(opts->headers[i])))
			return false;
	return header;
}

static void set_defaults(gk_sender_opts *opts)
{
	if (!opts->max_items)
		opts->max_items = GK_EXPORT_QUEUE;
	if (!opts->max_bytes)
		opts->max_bytes = GK_EXPORT_BYTES;
	if (!opts->batch_items)
		opts->batch_items = GK_EXPORT_BATCH;
	if (opts->batch_items > opts->max_items)
		opts->batch_items = opts->max_items;
	if (!opts->timeout_ms)
		opts->timeout_ms = GK_EXPORT_TIMEOUT_MS;
	if (!opts->max_body)
		opts->max_body = GK_EXPORT_BODY;
	if (!opts->retry_ms)
		opts->retry_ms = GK_EXPORT_RETRY_MS;
	if (!opts->gone_ms)
		opts->gone_ms = GK_EXPORT_GONE_MS;
	if (!opts->complain_ms)
		opts->complain_ms = GK_EXPORT_COMPLAIN_MS;
}

gk_code gk_sender_new(gk_loop *loop, const gk_sender_opts *opts, gk_sender **ret, gk_error *err)
{
	gk_sender *sender = calloc(1, sizeof(*sender));
	gk_code rc = GK_OK;

	if (!sender) {
		if (opts->free_user)
			opts->free_user(opts->user);
		return gk_error_no_memory(err);
	}
	sender->refs = 1;
	sender->loop = loop;
	sender->opts = *opts;
	set_defaults(&sender->opts);
	STAILQ_INIT(&sender->queue);
	LIST_INIT(&sender->waiters);
	sender->name = strdup(opts->name);
	sender->url = strdup(opts->url);
	sender->shown = gk_url_shown(opts->url);
	sender->scope = gk_scope_new(loop, NULL);
	if (!sender->name || !sender->url || !sender->shown || !sender->scope ||
		!copy_headers(sender, opts))
		rc = gk_error_no_memory(err);
	if (rc == GK_OK)
		rc = gk_fetch_client_new(loop, opts->client, &sender->client, err);
	if (rc == GK_OK)
		rc = gk_timer_start(loop, UINT32_MAX, 0, on_timer, sender, &sender->timer, err);
	if (rc != GK_OK) {
		gk_sender_free(sender);
		return rc;
	}
	gk_timer_unref(sender->timer);
	sender->opts.client = NULL; /* of the caller: not kept */
	*ret = sender;
	return GK_OK;
}

void gk_sender_free(gk_sender *sender)
{
	if (!sender)
		return;
	sender->is_closed = true;
	if (sender->scope)
		gk_scope_cancel(sender->scope, GK_CANCELLED);
	if (sender->timer)
		gk_timer_stop(sender->timer);
	while (sender->count) {
		gk_sender_item *item = take_first(sender);

		finish_items(sender, &item, 1);
	}
	gk_scope_unref(sender->scope);
	finish_items(sender, NULL, 0);
	gk_sender_unref(sender);
}

gk_sender_counts gk_sender_count(const gk_sender *sender)
{
	gk_sender_counts counts = sender->counts;

	counts.name = sender->name;
	counts.queued = sender->count;
	counts.queued_bytes = sender->bytes;
	counts.unsent = sender->put - sender->done;
	counts.is_gone = sender->is_gone;
	return counts;
}
