/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "core.h"
#include "server.h"

#include "base/limits.h"
#include "base/log.h"
#include "base/parse.h"
#include "server/http.h"
#include "telemetry/sender.h"

#include <pthread.h>
#include <stdio.h>
#include <zlib.h>

/* --- a destination that answers what it is told to --- */

#define MAX_REQUESTS 64

static gk_http_listener *listener;
static char url[128];
static struct {
	int statuses[MAX_REQUESTS]; /* of the answers, in order; 0: 200 */
	const char *retry_after, *answer;
	char *bodies[MAX_REQUESTS];
	size_t count;
	char encoding[16], type[64], extra[64];
} seen;

static void keep_header(gk_exchange *x, const char *name, char *ret, size_t size)
{
	const char *value = gk_exchange_header(x, name);

	snprintf(ret, size, "%s", value ? value : "");
}

static char *gunzip(const char *body, size_t len)
{
	char *plain = calloc(1, 4096);
	z_stream z = { .next_in = (unsigned char *)(uintptr_t)body,
		.avail_in = (unsigned)len,
		.next_out = (unsigned char *)plain,
		.avail_out = 4095 };

	ck_assert_int_eq(inflateInit2(&z, 15 + 16), Z_OK);
	ck_assert_int_eq(inflate(&z, Z_FINISH), Z_STREAM_END);
	inflateEnd(&z);
	return plain;
}

static void answer(gk_exchange *x, void *user)
{
	size_t len, at = seen.count++;
	const char *body = gk_exchange_body(x, &len);
	int status;

	(void)user;
	ck_assert_uint_lt(at, MAX_REQUESTS);
	keep_header(x, "Content-Encoding", seen.encoding, sizeof(seen.encoding));
	seen.bodies[at] = strcmp(seen.encoding, "gzip") ? strndup(body, len) : gunzip(body, len);
	keep_header(x, "Content-Type", seen.type, sizeof(seen.type));
	keep_header(x, "X-Extra", seen.extra, sizeof(seen.extra));
	status = seen.statuses[at] ? seen.statuses[at] : 200;
	if (status != 200 && seen.retry_after)
		gk_exchange_set_header(x, "Retry-After", seen.retry_after);
	gk_exchange_reply(x, status, "application/json", seen.answer ? seen.answer : "{}",
		seen.answer ? strlen(seen.answer) : 2);
}

static void listen_again(const char *address)
{
	ck_assert_int_eq(
		gk_http_listen(core_loop,
			GK_OPTS(gk_http_opts, .name = "fake", .address = address, .handle = answer),
			&listener, NULL),
		GK_OK);
}

/* --- what was said about it --- */

static unsigned warnings, infos;
static char line[256]; /* the last of either */

static void count_record(const gk_log_record *record, void *user)
{
	(void)user;
	if (strcmp(record->component, "telemetry") != 0)
		return;
	warnings += record->level == GK_LOG_WARN;
	infos += record->level == GK_LOG_INFO;
	snprintf(line, sizeof(line), "%s", record->message);
}

/* --- items that are numbers --- */

typedef struct number {
	gk_sender_item item;
	int value;
} number;

static size_t freed;

static void free_number(gk_sender_item *item)
{
	freed++;
	free(item);
}

static bool pack_numbers(gk_buf *body, gk_sender_item **items, size_t count, void *user)
{
	(void)user;
	for (size_t i = 0; i < count; i++)
		gk_buf_printf(body, "%d,", ((number *)items[i])->value);
	return true;
}

/* An answer that is a number refuses as many. */
static uint64_t read_refused(const char *content_type, const char *body, size_t len, char **why_ret)
{
	uint64_t count = 0;

	(void)content_type;
	if (gk_parse_u64(body, len, &count))
		*why_ret = strdup("too old");
	return count;
}

static const gk_sender_type numbers = {
	.pack = pack_numbers, .free = free_number, .refused = read_refused
};

static gk_sender *sender;

static gk_code try_to_make(const gk_sender_opts *more)
{
	static const char *const headers[] = { "X-Extra: yes", NULL };
	gk_sender_opts opts = *more;

	opts.type = &numbers;
	opts.name = "test";
	opts.url = url;
	opts.headers = headers;
	opts.content_type = "text/plain";
	return gk_sender_new(core_loop, &opts, &sender, NULL);
}

static void make(const gk_sender_opts *more)
{
	ck_assert_int_eq(try_to_make(more), GK_OK);
}

static void put(int value)
{
	number *n = calloc(1, sizeof(*n));

	n->item.size = sizeof(*n);
	n->value = value;
	gk_sender_put(sender, &n->item);
}

static void setup(void)
{
	core_start_unseen();
	memset(&seen, 0, sizeof(seen));
	warnings = infos = 0;
	freed = 0;
	gk_log_set_sink(count_record, NULL);
	listen_again("127.0.0.1:0");
	snprintf(url, sizeof(url), "http://%s/in", gk_http_address(listener));
}

static void teardown(void)
{
	gk_sender_free(sender);
	gk_http_free(listener);
	core_stop();
	gk_log_set_sink(NULL, NULL);
	for (size_t i = 0; i < seen.count; i++)
		free(seen.bodies[i]);
}

static bool is_idle(void *user)
{
	(void)user;
	return !gk_sender_is_busy(sender);
}

static bool has_requests(void *user)
{
	return seen.count >= *(size_t *)user && gk_fiber_count(core_loop) == 0;
}

static bool no_fibers(void *user)
{
	(void)user;
	return gk_fiber_count(core_loop) == 0;
}

static void wait_for_requests(size_t count)
{
	core_turn_until(has_requests, &count);
}

/* --- batches --- */

START_TEST(what_is_queued_goes_in_batches_in_its_order)
{
	make(GK_OPTS(gk_sender_opts, .batch_items = 3, .delay_ms = 1));
	for (int i = 0; i < 7; i++)
		put(i);
	core_turn_until(is_idle, NULL);
	ck_assert_uint_eq(seen.count, 3);
	ck_assert_str_eq(seen.bodies[0], "0,1,2,");
	ck_assert_str_eq(seen.bodies[1], "3,4,5,");
	ck_assert_str_eq(seen.bodies[2], "6,");
	ck_assert_str_eq(seen.type, "text/plain");
	ck_assert_str_eq(seen.extra, "yes");
	ck_assert_uint_eq(gk_sender_count(sender).sent, 7);
	ck_assert_uint_eq(freed, 7);
}
END_TEST

START_TEST(nothing_leaves_before_the_delay_unless_it_is_hurried)
{
	make(GK_OPTS(gk_sender_opts, .delay_ms = 60000));
	put(1);
	gk_loop_turn(core_loop, 5);
	gk_loop_turn(core_loop, 5);
	ck_assert_uint_eq(seen.count, 0);
	gk_sender_hurry(sender);
	core_turn_until(is_idle, NULL);
	ck_assert_uint_eq(seen.count, 1);
}
END_TEST

START_TEST(without_a_delay_each_leaves_at_once)
{
	make(GK_OPTS(gk_sender_opts, .batch_items = 1));
	put(1);
	put(2);
	core_turn_until(is_idle, NULL);
	ck_assert_uint_eq(seen.count, 2);
}
END_TEST

START_TEST(a_body_is_compressed_when_asked_for)
{
	make(GK_OPTS(gk_sender_opts, .is_compressed = true));
	put(12345);
	core_turn_until(is_idle, NULL);
	ck_assert_str_eq(seen.encoding, "gzip");
	ck_assert_str_eq(seen.bodies[0], "12345,");
}
END_TEST

START_TEST(a_full_queue_drops_its_oldest_and_counts_them)
{
	make(GK_OPTS(gk_sender_opts, .max_items = 3, .batch_items = 10, .delay_ms = 60000));
	for (int i = 0; i < 8; i++) /* the first three are on their way by then */
		put(i);
	core_turn_until(is_idle, NULL);
	ck_assert_uint_eq(gk_sender_count(sender).dropped_full, 2);
	ck_assert_str_eq(seen.bodies[0], "0,1,2,");
	ck_assert_str_eq(seen.bodies[1], "5,6,7,");
}
END_TEST

START_TEST(a_queue_is_bounded_by_its_bytes_too)
{
	make(GK_OPTS(gk_sender_opts, .max_bytes = 2 * sizeof(number), .delay_ms = 60000));
	for (int i = 0; i < 5; i++)
		put(i);
	ck_assert_uint_eq(gk_sender_count(sender).queued, 2);
	ck_assert_uint_eq(gk_sender_count(sender).dropped_full, 3);
}
END_TEST

/* --- the usual limits --- */

static size_t items_of(const char *body)
{
	size_t count = 0;

	for (; *body; body++)
		count += *body == ',';
	return count;
}

START_TEST(a_batch_and_a_queue_have_their_usual_sizes)
{
	make(GK_OPTS(gk_sender_opts, .delay_ms = 60000));
	for (unsigned i = 0; i < GK_EXPORT_BATCH - 1; i++)
		put(1);
	ck_assert_uint_eq(gk_fiber_count(core_loop), 0); /* it waits for more */
	put(1);
	ck_assert_uint_eq(gk_fiber_count(core_loop), 1);
	for (unsigned i = 0; i < GK_EXPORT_QUEUE + 5; i++) /* the batch is on its way by then */
		put(1);
	ck_assert_uint_eq(gk_sender_count(sender).dropped_full, 5);
	core_turn_until(is_idle, NULL);
	ck_assert_uint_eq(items_of(seen.bodies[0]), GK_EXPORT_BATCH);
	ck_assert_uint_eq(gk_sender_count(sender).sent, GK_EXPORT_BATCH + GK_EXPORT_QUEUE);
}
END_TEST

static void put_large(size_t size)
{
	number *n = calloc(1, sizeof(*n));

	n->item.size = size; /* so it says */
	gk_sender_put(sender, &n->item);
}

START_TEST(a_batch_and_a_queue_have_their_usual_bytes)
{
	make(GK_OPTS(gk_sender_opts, .delay_ms = 60000));
	for (int i = 0; i < 3; i++)
		put_large(GK_EXPORT_BYTES / 2);
	ck_assert_uint_eq(gk_sender_count(sender).queued, 2);
	ck_assert_uint_eq(gk_sender_count(sender).dropped_full, 1);
	gk_sender_hurry(sender);
	core_turn_until(is_idle, NULL);
	ck_assert_uint_gt(GK_EXPORT_BYTES / 2, GK_EXPORT_BATCH_BYTES);
	ck_assert_uint_eq(seen.count, 2); /* each is more than a request should hold */
}
END_TEST

/* --- trouble --- */

START_TEST(what_was_refused_for_the_moment_is_sent_again)
{
	static const int statuses[] = { 429, 503 };

	memcpy(seen.statuses, statuses, sizeof(statuses));
	seen.retry_after = "0";
	make(GK_OPTS(gk_sender_opts, .timeout_ms = 20000));
	put(1);
	core_turn_until(is_idle, NULL);
	ck_assert_uint_eq(seen.count, 3);
	ck_assert_str_eq(seen.bodies[2], "1,");
	ck_assert_uint_eq(gk_sender_count(sender).retries, 2);
	ck_assert_uint_eq(gk_sender_count(sender).sent, 1);
	ck_assert_uint_eq(warnings, 0);
}
END_TEST

START_TEST(what_is_refused_for_good_is_dropped_with_one_line_in_the_log)
{
	seen.statuses[0] = seen.statuses[1] = 401;
	make(GK_OPTS(gk_sender_opts, .batch_items = 1));
	put(1);
	put(2);
	put(3);
	core_turn_until(is_idle, NULL);
	ck_assert_uint_eq(seen.count, 3);
	ck_assert_uint_eq(gk_sender_count(sender).dropped, 2);
	ck_assert_uint_eq(gk_sender_count(sender).sent, 1);
	ck_assert_uint_eq(warnings, 1);
}
END_TEST

static bool has_passed_since(void *user)
{
	return gk_loop_now_ms(core_loop) >= *(uint64_t *)user;
}

/* The test above is what comes sooner, with the usual time. */
START_TEST(what_is_still_refused_after_a_while_is_told_again)
{
	uint64_t pause_ms = 20, then_ms;

	seen.statuses[0] = seen.statuses[1] = 401;
	make(GK_OPTS(gk_sender_opts, .batch_items = 1, .complain_ms = pause_ms));
	put(1);
	core_turn_until(is_idle, NULL);
	ck_assert_uint_eq(warnings, 1);
	then_ms = gk_loop_now_ms(core_loop) + pause_ms;
	core_turn_until(has_passed_since, &then_ms);
	put(2);
	core_turn_until(is_idle, NULL);
	ck_assert_uint_eq(warnings, 2);
}
END_TEST

START_TEST(what_is_refused_again_and_again_is_tried_so_often_and_then_dropped)
{
	for (size_t i = 0; i < GK_EXPORT_TRIES; i++)
		seen.statuses[i] = i % 2 ? 503 : 429;
	seen.retry_after = "0";
	make(GK_OPTS(gk_sender_opts, .timeout_ms = 20000));
	put(1);
	core_turn_until(is_idle, NULL);
	ck_assert_uint_eq(seen.count, GK_EXPORT_TRIES);
	ck_assert_uint_eq(gk_sender_count(sender).dropped, 1);
	ck_assert(gk_sender_count(sender).is_gone);
}
END_TEST

START_TEST(what_was_taken_in_part_is_said_and_not_sent_again)
{
	seen.answer = "2";
	make(GK_OPTS(gk_sender_opts, .delay_ms = 60000, .batch_items = 5));
	for (int i = 0; i < 5; i++)
		put(i);
	core_turn_until(is_idle, NULL);
	ck_assert_uint_eq(seen.count, 1);
	ck_assert_uint_eq(gk_sender_count(sender).sent, 3);
	ck_assert_uint_eq(gk_sender_count(sender).dropped, 2);
	ck_assert_str_eq(line, "test: 2 of 5 were refused: too old");
}
END_TEST

/* --- servers that are no servers --- */

static void never_answer(server *self, int fd)
{
	char room[8192];

	(void)self;
	while (server_hear(fd, room, sizeof(room)))
		;
}

static void answer_by_half(server *self, int fd)
{
	char room[8192];

	if (!server_hear(fd, room, sizeof(room)))
		return;
	if (server_accepted(self) == 1)
		server_say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{");
	else
		server_say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}");
}

static void answer_at_length(server *self, int fd)
{
	static char body[GK_EXPORT_ANSWER + 1];
	char room[8192];

	(void)self;
	if (!server_hear(fd, room, sizeof(room)))
		return;
	snprintf(room, sizeof(room), "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n",
		2 * sizeof(body));
	server_say(fd, room);
	memset(body, ' ', sizeof(body));
	server_say_bytes(fd, body, sizeof(body)); /* the rest is waited for in vain */
	while (server_hear(fd, room, sizeof(room)))
		;
}

START_TEST(a_server_that_never_answers_holds_up_nobody_and_makes_nothing_grow)
{
	server *slow = server_start(never_answer, NULL);
	gk_sender_counts counts;

	snprintf(url, sizeof(url), "%s", server_url(slow, "http", "/in"));
	make(GK_OPTS(gk_sender_opts, .timeout_ms = 100, .max_items = 10, .batch_items = 5));
	for (int i = 0; i < 1000; i++) {
		put(i);
		ck_assert_uint_le(gk_sender_count(sender).queued, 10);
		ck_assert_uint_ge(gk_sender_count(sender).unsent, gk_sender_count(sender).queued);
		if (i % 100 == 0)
			gk_loop_turn(core_loop, 1);
	}
	core_turn_until(is_idle, NULL);
	counts = gk_sender_count(sender);
	ck_assert(counts.is_gone);
	ck_assert_uint_eq(counts.sent, 0);
	ck_assert_uint_ge(counts.dropped_full, 980);
	ck_assert_uint_eq(counts.dropped + counts.dropped_full + counts.queued, 1000);
	ck_assert_uint_eq(warnings, 1);
	gk_sender_free(gk_steal(sender));
	core_turn_until(no_fibers, NULL);
	server_stop(slow);
}
END_TEST

static bool is_on_its_way(void *user)
{
	(void)user;
	return gk_sender_count(sender).queued == 0;
}

START_TEST(what_is_on_its_way_is_not_sent_yet)
{
	server *slow = server_start(never_answer, NULL);

	snprintf(url, sizeof(url), "%s", server_url(slow, "http", "/in"));
	make(GK_OPTS(gk_sender_opts, .timeout_ms = 60000));
	put(1);
	ck_assert_uint_eq(gk_sender_count(sender).unsent, 1);
	core_turn_until(is_on_its_way, NULL);
	ck_assert_uint_eq(gk_sender_count(sender).unsent, 1);
	gk_sender_free(gk_steal(sender));
	core_turn_until(no_fibers, NULL);
	server_stop(slow);
}
END_TEST

/* Who answers so takes one batch in the end. */
static gk_sender_counts send_one(server_fn *fn)
{
	server *self = server_start(fn, NULL);
	gk_sender_counts counts;

	snprintf(url, sizeof(url), "%s", server_url(self, "http", "/in"));
	make(GK_OPTS(gk_sender_opts, .timeout_ms = 20000));
	put(1);
	core_turn_until(is_idle, NULL);
	counts = gk_sender_count(sender);
	gk_sender_free(gk_steal(sender));
	server_stop(self);
	ck_assert_uint_eq(counts.sent, 1);
	return counts;
}

START_TEST(half_an_answer_is_none_and_the_batch_is_sent_again)
{
	ck_assert_uint_eq(send_one(answer_by_half).retries, 1);
}
END_TEST

START_TEST(an_answer_that_is_too_long_to_be_read_counts_by_its_status)
{
	ck_assert_uint_eq(send_one(answer_at_length).requests, 1);
}
END_TEST

START_TEST(a_body_beyond_its_limit_is_split_and_what_cannot_be_is_dropped_and_told)
{
	make(GK_OPTS(gk_sender_opts, .delay_ms = 60000, .max_body = 8));
	for (int i = 0; i < 4; i++)
		put(i);
	gk_sender_hurry(sender);
	core_turn_until(is_idle, NULL);
	ck_assert_uint_eq(seen.count, 1);
	ck_assert_str_eq(seen.bodies[0], "0,1,2,3,");
	put(100);
	put(123456789);
	gk_sender_hurry(sender);
	core_turn_until(is_idle, NULL);
	ck_assert_uint_eq(seen.count, 2);
	ck_assert_str_eq(seen.bodies[1], "100,");
	ck_assert_uint_eq(gk_sender_count(sender).sent, 5);
	ck_assert_uint_eq(gk_sender_count(sender).dropped, 1);
	ck_assert_str_eq(line, "test: a request of more than 8 bytes, 1 are dropped");
	ck_assert_uint_gt(GK_EXPORT_BODY, 2 * GK_EXPORT_BATCH_BYTES); /* texts grow as JSON */
}
END_TEST

START_TEST(a_batch_that_is_too_large_is_split_once)
{
	seen.statuses[0] = 413;
	make(GK_OPTS(gk_sender_opts, .delay_ms = 60000));
	for (int i = 0; i < 4; i++)
		put(i);
	gk_sender_hurry(sender);
	core_turn_until(is_idle, NULL);
	ck_assert_uint_eq(seen.count, 3);
	ck_assert_str_eq(seen.bodies[1], "0,1,");
	ck_assert_str_eq(seen.bodies[2], "2,3,");
	ck_assert_uint_eq(gk_sender_count(sender).sent, 4);
}
END_TEST

static bool is_gone(void *user)
{
	(void)user;
	return gk_sender_count(sender).is_gone;
}

static bool is_back(void *user)
{
	(void)user;
	return !gk_sender_count(sender).is_gone && gk_sender_count(sender).queued == 0;
}

START_TEST(a_destination_that_is_gone_costs_a_line_when_it_goes_and_one_when_it_returns)
{
	gk_auto_str char *address = strdup(gk_http_address(listener));

	gk_http_free(listener);
	listener = NULL;
	make(GK_OPTS(gk_sender_opts, .timeout_ms = 400));
	put(1);
	core_turn_until(is_gone, NULL);
	ck_assert(!gk_sender_is_busy(sender));
	put(2);
	put(3);
	ck_assert_uint_eq(warnings, 1);
	listen_again(address);
	core_turn_until(is_back, NULL);
	ck_assert_uint_eq(warnings, 1);
	ck_assert_uint_eq(infos, 1);
	ck_assert_uint_eq(gk_sender_count(sender).sent, 2);
	ck_assert_uint_eq(gk_sender_count(sender).dropped, 1);
}
END_TEST

static bool has_failed_often(void *user)
{
	return gk_sender_count(sender).failures >= *(uint64_t *)user;
}

START_TEST(a_destination_that_stays_away_is_looked_for_at_least_so_often)
{
	uint64_t times = 16, start_ms = gk_loop_now_ms(core_loop);

	gk_http_free(listener);
	listener = NULL;
	make(GK_OPTS(gk_sender_opts, .timeout_ms = 400, .retry_ms = 2, .gone_ms = 8));
	for (int i = 0; i < 100; i++)
		put(i);
	for (uint64_t i = 1; i <= times; i++) {
		put(0); /* each try drops what it had */
		core_turn_until(has_failed_often, &i);
	}
	/* If the pauses went on growing, the last alone would be half a minute. */
	ck_assert_uint_lt(gk_loop_now_ms(core_loop) - start_ms, 10000);
	ck_assert_uint_eq(warnings, 1);
}
END_TEST

START_TEST(a_destination_that_is_gone_is_left_alone_for_half_a_second_at_first)
{
	uint64_t start_ms;

	gk_http_free(listener);
	listener = NULL;
	make(GK_OPTS(gk_sender_opts, .timeout_ms = 50));
	put(1);
	core_turn_until(is_gone, NULL);
	start_ms = gk_loop_now_ms(core_loop);
	put(2);
	for (int i = 0; i < 20; i++) {
		gk_loop_turn(core_loop, 5);
		if (gk_loop_now_ms(core_loop) - start_ms >= GK_EXPORT_RETRY_MS / 2)
			break; /* it is time, though no more than a turn or two has passed */
		ck_assert_uint_eq(gk_sender_count(sender).failures, 1);
	}
	ck_assert_uint_ge(GK_EXPORT_GONE_MS, GK_EXPORT_RETRY_MS);
}
END_TEST

START_TEST(the_log_tells_of_a_destination_without_its_secrets)
{
	unsigned port = gk_http_port(listener);
	gk_auto_str char *address = strdup(gk_http_address(listener)), *shown = NULL;

	gk_http_free(listener);
	listener = NULL;
	snprintf(url, sizeof(url), "http://user:secret@127.0.0.1:%u/in?key=secret", port);
	ck_assert_int_gt(asprintf(&shown, " http://127.0.0.1:%u/in", port), 0);
	make(GK_OPTS(gk_sender_opts, .timeout_ms = 400));
	put(1);
	core_turn_until(is_gone, NULL);
	ck_assert_ptr_nonnull(strstr(line, shown));
	ck_assert_ptr_null(strstr(line, "secret"));
	put(2);
	listen_again(address);
	core_turn_until(is_back, NULL);
	ck_assert_ptr_nonnull(strstr(line, " answers again"));
	ck_assert_ptr_nonnull(strstr(line, shown));
	ck_assert_ptr_null(strstr(line, "secret"));
}
END_TEST

START_TEST(a_sender_that_is_freed_while_it_sends_lets_go_of_all)
{
	make(GK_OPTS(gk_sender_opts, .batch_items = 2));
	for (int i = 0; i < 6; i++)
		put(i);
	gk_loop_turn(core_loop, 0);
	gk_sender_free(sender);
	sender = NULL;
	while (gk_fiber_count(core_loop))
		gk_loop_turn(core_loop, 10);
	ck_assert_uint_eq(freed, 6);
}
END_TEST

static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;

static gk_code wait_at_gate(void *arg, gk_error *err)
{
	(void)arg, (void)err;
	pthread_mutex_lock(&gate);
	pthread_mutex_unlock(&gate);
	return GK_OK;
}

static void has_passed(void *arg, gk_code rc, gk_error *err)
{
	(void)rc, (void)err;
	++*(unsigned *)arg;
}

START_TEST(a_sender_that_is_freed_before_a_worker_packs_complains_of_nothing)
{
	unsigned passed = 0, count = 64; /* more than there are workers */

	pthread_mutex_lock(&gate);
	for (unsigned i = 0; i < count; i++)
		ck_assert_int_eq(
			gk_work_start(core_loop, wait_at_gate, has_passed, &passed, NULL), GK_OK);
	make(GK_OPTS(gk_sender_opts, .delay_ms = 60000));
	put(1);
	put(2);
	gk_sender_hurry(sender);
	gk_loop_turn(core_loop, 0);
	gk_sender_free(sender);
	sender = NULL;
	while (gk_fiber_count(core_loop))
		gk_loop_turn(core_loop, 10);
	ck_assert_uint_eq(freed, 2);
	ck_assert_uint_eq(warnings, 0);
	pthread_mutex_unlock(&gate);
	while (passed < count)
		gk_loop_turn(core_loop, 10);
}
END_TEST

/* --- flushing --- */

static gk_code flush(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	(void)ctx, (void)input, (void)err;
	put(1);
	gk_sender_flush(sender, 5000);
	*ret = json_integer((json_int_t)seen.count);
	return GK_OK;
}

START_TEST(a_flush_waits_until_all_has_been_sent)
{
	json_t *result;

	make(GK_OPTS(gk_sender_opts, .delay_ms = 60000));
	core_flow("flush", flush, NULL);
	result = core_run("/flow/flush", NULL);
	ck_assert_int_eq(json_integer_value(result), 1);
	json_decref(result);
}
END_TEST

static void never(gk_exchange *x, void *user)
{
	(void)x, (void)user;
}

static gk_code flush_briefly(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	(void)ctx, (void)input, (void)ret, (void)err;
	put(1);
	gk_sender_flush(sender, 20);
	return GK_OK;
}

START_TEST(a_flush_does_not_wait_longer_than_it_may)
{
	gk_http_listener *silent;
	uint64_t start_ms = gk_loop_now_ms(core_loop);

	ck_assert_int_eq(gk_http_listen(core_loop,
				 GK_OPTS(gk_http_opts, .name = "silent", .address = "127.0.0.1:0",
					 .handle = never),
				 &silent, NULL),
		GK_OK);
	snprintf(url, sizeof(url), "http://%s/in", gk_http_address(silent));
	make(GK_OPTS(gk_sender_opts, .timeout_ms = 600000));
	core_flow("flush", flush_briefly, NULL);
	json_decref(core_run("/flow/flush", NULL));
	ck_assert_uint_lt(gk_loop_now_ms(core_loop) - start_ms, 10000);
	gk_sender_free(sender);
	sender = NULL;
	while (gk_fiber_count(core_loop))
		gk_loop_turn(core_loop, 10);
	gk_http_free(silent);
	wait_for_requests(0);
}
END_TEST

/* --- Retry-After --- */

START_TEST(retry_after_is_seconds_or_a_date)
{
	uint64_t ms = 7;

	ck_assert(gk_retry_after_ms("3", 0, &ms));
	ck_assert_uint_eq(ms, 3000);
	ck_assert(gk_retry_after_ms("Sun, 06 Nov 1994 08:49:37 GMT", 784111770, &ms));
	ck_assert_uint_eq(ms, 7000);
	ck_assert(gk_retry_after_ms("Sun, 06 Nov 1994 08:49:37 GMT", 984111770, &ms));
	ck_assert_uint_eq(ms, 0);
	ck_assert(!gk_retry_after_ms("soon", 0, &ms));
	ck_assert(!gk_retry_after_ms("Sun, 06 Xyz 1994 08:49:37 GMT", 0, &ms));
	ck_assert(!gk_retry_after_ms("", 0, &ms));
}
END_TEST

static bool make_and_free(void)
{
	gk_code rc = try_to_make(GK_OPTS(gk_sender_opts, .is_compressed = true));

	gk_sender_free(gk_steal(sender));
	return rc == GK_OK;
}

START_TEST(a_sender_without_memory_is_none)
{
	fault_sweep(make_and_free);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("sender");
	TCase *tc = tcase_create("sender");

	tcase_set_timeout(tc, 30);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, what_is_queued_goes_in_batches_in_its_order);
	tcase_add_test(tc, nothing_leaves_before_the_delay_unless_it_is_hurried);
	tcase_add_test(tc, without_a_delay_each_leaves_at_once);
	tcase_add_test(tc, a_body_is_compressed_when_asked_for);
	tcase_add_test(tc, a_full_queue_drops_its_oldest_and_counts_them);
	tcase_add_test(tc, a_queue_is_bounded_by_its_bytes_too);
	tcase_add_test(tc, a_batch_and_a_queue_have_their_usual_sizes);
	tcase_add_test(tc, a_batch_and_a_queue_have_their_usual_bytes);
	tcase_add_test(tc, what_was_refused_for_the_moment_is_sent_again);
	tcase_add_test(tc, what_is_refused_for_good_is_dropped_with_one_line_in_the_log);
	tcase_add_test(tc, what_is_still_refused_after_a_while_is_told_again);
	tcase_add_test(tc, what_is_refused_again_and_again_is_tried_so_often_and_then_dropped);
	tcase_add_test(tc, a_server_that_never_answers_holds_up_nobody_and_makes_nothing_grow);
	tcase_add_test(tc, what_is_on_its_way_is_not_sent_yet);
	tcase_add_test(tc, half_an_answer_is_none_and_the_batch_is_sent_again);
	tcase_add_test(tc, an_answer_that_is_too_long_to_be_read_counts_by_its_status);
	tcase_add_test(tc, what_was_taken_in_part_is_said_and_not_sent_again);
	tcase_add_test(tc, a_body_beyond_its_limit_is_split_and_what_cannot_be_is_dropped_and_told);
	tcase_add_test(tc, a_batch_that_is_too_large_is_split_once);
	tcase_add_test(
		tc, a_destination_that_is_gone_costs_a_line_when_it_goes_and_one_when_it_returns);
	tcase_add_test(tc, a_destination_that_stays_away_is_looked_for_at_least_so_often);
	tcase_add_test(tc, a_destination_that_is_gone_is_left_alone_for_half_a_second_at_first);
	tcase_add_test(tc, the_log_tells_of_a_destination_without_its_secrets);
	tcase_add_test(tc, a_sender_that_is_freed_while_it_sends_lets_go_of_all);
	tcase_add_test(tc, a_sender_that_is_freed_before_a_worker_packs_complains_of_nothing);
	tcase_add_test(tc, a_flush_waits_until_all_has_been_sent);
	tcase_add_test(tc, a_flush_does_not_wait_longer_than_it_may);
	tcase_add_test(tc, retry_after_is_seconds_or_a_date);
	tcase_add_test(tc, a_sender_without_memory_is_none);
	suite_add_tcase(s, tc);
	return s;
}

UNIT_MAIN(suite)
