/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "unit.h"

#include "loop/channel.h"

#include <stdio.h>

static gk_loop *loop;
static gk_channel *channel;
static gk_scope *scope;
static char seen[256]; /* what was received and what happened, a letter each */
static size_t freed;

static void free_item(void *item)
{
	freed++;
	free(item);
}

static void set_up(void)
{
	seen[0] = '\0';
	freed = 0;
	ck_assert_int_eq(gk_loop_new(&loop, NULL), GK_OK);
	channel = gk_channel_new(2, free_item);
	ck_assert_ptr_nonnull(channel);
	scope = gk_scope_new(loop, NULL);
}

static void tear_down(void)
{
	ck_assert_uint_eq(gk_fiber_count(loop), 0);
	gk_scope_unref(scope);
	gk_channel_unref(channel);
	gk_loop_free(loop);
}

static void start(gk_fiber_fn *fn, void *user)
{
	ck_assert_int_eq(gk_fiber_start(loop, "test", scope, fn, user, NULL, NULL), GK_OK);
}

static gk_code put(const char *item)
{
	return gk_channel_try_send(channel, strdup(item), NULL);
}

static void send_all(void *user)
{
	for (const char *c = user; *c; c++) {
		const char item[2] = { *c, '\0' };

		ck_assert_int_eq(gk_channel_send(channel, strdup(item), NULL), GK_OK);
	}
	strcat(seen, "!");
}

static void receive_all(void *user)
{
	gk_auto_error gk_error err = { 0 };
	void *item = NULL;
	gk_code rc;

	while ((rc = gk_channel_receive(channel, &item, &err)) == GK_OK && item) {
		strcat(seen, item);
		free(item);
	}
	if (rc != GK_OK) {
		strcat(seen, "(");
		strcat(seen, err.message);
		strcat(seen, ")");
	}
	strcat(seen, user);
}

static void receive_one(void *user)
{
	gk_auto_str char *item = NULL;
	void *received = NULL;
	gk_code rc = gk_channel_receive(channel, &received, NULL);

	item = received;
	strcat(seen, user);
	strcat(seen, rc != GK_OK ? "-" : item ? item : "0");
}

START_TEST(items_arrive_in_order_and_a_full_channel_parks_the_sender)
{
	start(send_all, "abcdefgh");
	ck_assert_uint_eq(gk_channel_count(channel), 2);
	ck_assert_str_eq(seen, "");
	start(receive_all, ".");
	gk_loop_run(loop);
	ck_assert_str_eq(seen, "abcdef!gh");
	gk_channel_close(channel, NULL);
	gk_loop_run(loop);
	ck_assert_str_eq(seen, "abcdef!gh.");
}
END_TEST

START_TEST(a_callback_sends_until_the_channel_is_full)
{
	gk_auto_error gk_error err = { 0 };

	ck_assert_int_eq(put("a"), GK_OK);
	ck_assert_int_eq(put("b"), GK_OK);
	ck_assert_int_eq(gk_channel_try_send(channel, strdup("c"), &err), GK_RESOURCE_EXHAUSTED);
	ck_assert_str_eq(err.message, "the channel is full (2 items)");
	ck_assert_uint_eq(freed, 1);
	start(receive_one, "");
	ck_assert_str_eq(seen, "a");
	ck_assert_int_eq(put("d"), GK_OK);
}
END_TEST

START_TEST(the_end_comes_after_the_items_before_it)
{
	ck_assert_int_eq(put("a"), GK_OK);
	ck_assert(!gk_channel_is_closed(channel));
	gk_channel_close(channel, NULL);
	ck_assert(gk_channel_is_closed(channel));
	ck_assert_int_eq(put("b"), GK_FAILED_PRECONDITION);
	ck_assert_uint_eq(freed, 1);
	start(receive_all, ".");
	ck_assert_str_eq(seen, "a.");
	start(receive_all, "."); /* again: still the end */
	ck_assert_str_eq(seen, "a..");
}
END_TEST

START_TEST(a_channel_closed_with_an_error_fails_its_receivers)
{
	gk_auto_error gk_error why = { 0 }, other = { 0 };

	gk_error_set(&why, GK_UNAVAILABLE, "gone");
	gk_error_set(&other, GK_INTERNAL, "later");
	start(receive_all, ".");
	ck_assert_int_eq(put("a"), GK_OK);
	gk_channel_close(channel, &why);
	gk_error_clear(&why);
	gk_channel_close(channel, &other);
	gk_loop_run(loop);
	ck_assert_str_eq(seen, "a(gone).");
}
END_TEST

static void send_in_vain(void *user)
{
	gk_auto_error gk_error err = { 0 };

	ck_assert_int_eq(gk_channel_send(channel, strdup("x"), &err), GK_FAILED_PRECONDITION);
	ck_assert_str_eq(err.message, "the channel is closed");
	strcat(seen, user);
}

START_TEST(a_close_fails_the_senders_that_wait)
{
	ck_assert_int_eq(put("a"), GK_OK);
	ck_assert_int_eq(put("b"), GK_OK);
	start(send_in_vain, "s");
	start(send_in_vain, "s");
	gk_channel_close(channel, NULL);
	gk_loop_run(loop);
	ck_assert_str_eq(seen, "ss");
	ck_assert_uint_eq(freed, 2);
}
END_TEST

static void send_one(void *user)
{
	gk_code rc = gk_channel_send(channel, strdup("x"), NULL);

	strcat(seen, user);
	strcat(seen, rc == GK_OK ? "+" : "-");
}

START_TEST(waiting_ends_with_the_scope_and_gives_the_item_back)
{
	start(receive_one, "r");
	gk_scope_cancel(scope, GK_CANCELLED);
	gk_loop_run(loop);
	ck_assert_str_eq(seen, "r-");
	ck_assert_int_eq(put("a"), GK_OK);
	start(receive_one, "r"); /* called off: it does not even take what is there */
	start(send_one, "s");
	ck_assert_str_eq(seen, "r-r-s-");
	ck_assert_uint_eq(freed, 1);
}
END_TEST

/* The one that an item woke is called off before it runs: the next one must have it. */
START_TEST(a_wake_given_to_a_receiver_called_off_goes_to_the_next)
{
	gk_scope *other = gk_scope_new(loop, NULL);

	ck_assert_int_eq(gk_fiber_start(loop, "first", other, receive_one, "1", NULL, NULL), GK_OK);
	start(receive_one, "2");
	ck_assert_int_eq(put("a"), GK_OK);
	gk_scope_cancel(other, GK_CANCELLED);
	gk_loop_run(loop);
	ck_assert_str_eq(seen, "1-2a");
	gk_scope_unref(other);
}
END_TEST

START_TEST(a_wake_given_to_a_sender_called_off_goes_to_the_next)
{
	gk_scope *other = gk_scope_new(loop, NULL);

	ck_assert_int_eq(put("a"), GK_OK);
	ck_assert_int_eq(put("b"), GK_OK);
	ck_assert_int_eq(gk_fiber_start(loop, "first", other, send_one, "1", NULL, NULL), GK_OK);
	start(send_one, "2");
	start(receive_one, "r");
	gk_scope_cancel(other, GK_CANCELLED);
	gk_loop_run(loop);
	ck_assert_str_eq(seen, "ra1-2+");
	gk_scope_unref(other);
}
END_TEST

START_TEST(several_receivers_share_the_items)
{
	start(receive_one, "1");
	start(receive_one, "2");
	start(receive_one, "3");
	ck_assert_int_eq(put("a"), GK_OK);
	ck_assert_int_eq(put("b"), GK_OK);
	gk_loop_run(loop);
	ck_assert_str_eq(seen, "1a2b");
	gk_channel_close(channel, NULL);
	gk_loop_run(loop);
	ck_assert_str_eq(seen, "1a2b30");
}
END_TEST

START_TEST(several_senders_all_get_through)
{
	size_t sent = 0, received = 0;

	for (int i = 0; i < 6; i++)
		start(send_one, "s");
	start(receive_all, ".");
	gk_loop_run(loop);
	for (const char *c = seen; *c; c++) {
		sent += *c == '+';
		received += *c == 'x';
	}
	ck_assert_uint_eq(sent, 6);
	ck_assert_uint_eq(received, 6);
	gk_channel_close(channel, NULL);
	gk_loop_run(loop);
}
END_TEST

START_TEST(what_nobody_received_is_freed_with_the_last_reference)
{
	ck_assert_int_eq(put("a"), GK_OK);
	gk_channel_ref(channel);
	gk_channel_unref(channel);
	ck_assert_uint_eq(freed, 0);
	channel = gk_channel_unref(channel);
	ck_assert_uint_eq(freed, 1);
	ck_assert_ptr_null(gk_channel_unref(NULL));
}
END_TEST

/* The ring grows while its oldest item stands anywhere in it, up to its ceiling. */
static void fill_and_take(void *user)
{
	static char items[400];
	gk_channel *ring = user;
	size_t sent = 0, received = 0;
	void *item = NULL;

	while (gk_channel_count(ring) < 100) {
		for (int i = 0; i < 7 && gk_channel_count(ring) < 100; i++)
			ck_assert_int_eq(gk_channel_try_send(ring, &items[sent++], NULL), GK_OK);
		for (int i = 0; i < 3; i++) {
			ck_assert_int_eq(gk_channel_receive(ring, &item, NULL), GK_OK);
			ck_assert_ptr_eq(item, &items[received++]);
		}
		if (sent > 200) /* no room is left to grow: fill it up */
			while (gk_channel_count(ring) < 100)
				ck_assert_int_eq(
					gk_channel_try_send(ring, &items[sent++], NULL), GK_OK);
	}
	while (received < sent) {
		ck_assert_int_eq(gk_channel_receive(ring, &item, NULL), GK_OK);
		ck_assert_ptr_eq(item, &items[received++]);
	}
}

START_TEST(a_long_channel_keeps_order_while_it_grows)
{
	gk_channel *ring = gk_channel_new(100, NULL);

	start(fill_and_take, ring);
	ck_assert_uint_eq(gk_channel_count(ring), 0);
	gk_channel_unref(ring);
}
END_TEST

static bool with_items(void)
{
	gk_channel *own = gk_channel_new(20, free_item);
	bool worked = own != NULL;

	for (int i = 0; own && i < 20; i++) {
		char *item = strdup("x");

		worked &= item && gk_channel_try_send(own, item, NULL) == GK_OK;
	}
	gk_channel_unref(own);
	return worked;
}

START_TEST(no_memory_is_an_error_and_leaks_nothing)
{
	fault_sweep(with_items);
}
END_TEST

static Suite *channel_suite(void)
{
	Suite *suite = suite_create("channel");
	TCase *tcase = tcase_create("channel");

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_test(tcase, items_arrive_in_order_and_a_full_channel_parks_the_sender);
	tcase_add_test(tcase, a_callback_sends_until_the_channel_is_full);
	tcase_add_test(tcase, the_end_comes_after_the_items_before_it);
	tcase_add_test(tcase, a_channel_closed_with_an_error_fails_its_receivers);
	tcase_add_test(tcase, a_close_fails_the_senders_that_wait);
	tcase_add_test(tcase, waiting_ends_with_the_scope_and_gives_the_item_back);
	tcase_add_test(tcase, a_wake_given_to_a_receiver_called_off_goes_to_the_next);
	tcase_add_test(tcase, a_wake_given_to_a_sender_called_off_goes_to_the_next);
	tcase_add_test(tcase, several_receivers_share_the_items);
	tcase_add_test(tcase, several_senders_all_get_through);
	tcase_add_test(tcase, what_nobody_received_is_freed_with_the_last_reference);
	tcase_add_test(tcase, a_long_channel_keeps_order_while_it_grows);
	tcase_add_test(tcase, no_memory_is_an_error_and_leaks_nothing);
	suite_add_tcase(suite, tcase);
	return suite;
}

UNIT_MAIN(channel_suite)
