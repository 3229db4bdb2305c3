/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "unit.h"

#include "loop/fiber.h"

#include <semaphore.h>

static gk_loop *loop;
static char seen[256]; /* what happened, a letter each */

static void set_up(void)
{
	seen[0] = '\0';
	setenv("UV_THREADPOOL_SIZE", "1", 1); /* libuv reads it once, before the first work */
	ck_assert_int_eq(gk_loop_new(&loop, NULL), GK_OK);
}

static void tear_down(void)
{
	ck_assert_uint_eq(gk_fiber_count(loop), 0);
	gk_loop_free(loop);
}

static void note(void *user)
{
	strcat(seen, user);
}

static gk_scope *new_scope(gk_scope *parent)
{
	gk_scope *scope = gk_scope_new(loop, parent);

	ck_assert_ptr_nonnull(scope);
	return scope;
}

static void start(gk_scope *scope, gk_fiber_fn *fn, void *user)
{
	ck_assert_int_eq(gk_fiber_start(loop, "test", scope, fn, user, NULL, NULL), GK_OK);
}

/* --- reasons --- */

START_TEST(the_first_reason_stays)
{
	gk_scope *scope = new_scope(NULL);

	ck_assert_int_eq(gk_scope_reason(scope), GK_OK);
	gk_scope_cancel(scope, GK_CANCELLED);
	gk_scope_cancel(scope, GK_DEADLINE_EXCEEDED);
	ck_assert_int_eq(gk_scope_reason(scope), GK_CANCELLED);
	ck_assert_ptr_null(gk_scope_unref(scope));
	ck_assert_ptr_null(gk_scope_unref(NULL));
}
END_TEST

START_TEST(every_reason_has_its_text)
{
	static const struct {
		gk_code code;
		const char *text;
	} reasons[] = {
		{ GK_CANCELLED, "Action was cancelled" },
		{ GK_DEADLINE_EXCEEDED, "deadline exceeded" },
		{ GK_UNAVAILABLE, "server is shutting down" },
	};

	ck_assert_int_eq(gk_scope_check(NULL, NULL), GK_OK);
	for (size_t i = 0; i < 3; i++) {
		gk_auto_error gk_error err = { 0 };
		gk_scope *scope = new_scope(NULL);

		ck_assert_int_eq(gk_scope_check(scope, &err), GK_OK);
		gk_scope_cancel(scope, reasons[i].code);
		ck_assert_int_eq(gk_scope_check(scope, &err), reasons[i].code);
		ck_assert_str_eq(err.message, reasons[i].text);
		gk_scope_unref(scope);
	}
}
END_TEST

START_TEST(children_end_with_their_parent_and_not_the_other_way)
{
	gk_scope *parent = new_scope(NULL), *child = new_scope(parent), *late;
	gk_scope *sibling = new_scope(parent), *grandchild = new_scope(child);

	gk_scope_cancel(child, GK_DEADLINE_EXCEEDED);
	ck_assert_int_eq(gk_scope_reason(grandchild), GK_DEADLINE_EXCEEDED);
	ck_assert_int_eq(gk_scope_reason(sibling), GK_OK);
	ck_assert_int_eq(gk_scope_reason(parent), GK_OK);
	gk_scope_cancel(parent, GK_CANCELLED);
	ck_assert_int_eq(gk_scope_reason(sibling), GK_CANCELLED);
	ck_assert_int_eq(gk_scope_reason(child), GK_DEADLINE_EXCEEDED);
	late = new_scope(parent);
	ck_assert_int_eq(gk_scope_reason(late), GK_CANCELLED);
	gk_scope_unref(late);
	gk_scope_unref(parent); /* its children hold it */
	gk_scope_unref(child);
	gk_scope_unref(sibling);
	gk_scope_unref(grandchild);
}
END_TEST

START_TEST(depth_costs_no_stack)
{
	gk_scope *root = new_scope(NULL), *deepest = gk_scope_ref(root);

	for (int i = 0; i < 100000; i++) {
		gk_scope *child = new_scope(deepest);

		gk_scope_unref(deepest);
		deepest = child;
	}
	gk_scope_cancel(root, GK_CANCELLED);
	ck_assert_int_eq(gk_scope_reason(deepest), GK_CANCELLED);
	gk_scope_unref(root);
	gk_scope_unref(deepest);
}
END_TEST

/* --- fibers --- */

typedef struct parker {
	gk_scope *scope;
	gk_code rc;
	bool is_over;
} parker;

static void park_until_called_off(void *user)
{
	parker *self = user;

	while (self->rc == GK_OK)
		self->rc = gk_fiber_park(NULL);
	note("p");
	ck_assert_int_eq(gk_fiber_park(NULL), self->rc); /* at once, for ever */
	ck_assert_int_eq(gk_fiber_sleep(3600000, NULL), self->rc);
	ck_assert_int_eq(gk_fiber_yield(NULL), self->rc);
}

START_TEST(a_cancelled_scope_wakes_its_parked_fibers_and_those_below)
{
	gk_scope *parent = new_scope(NULL), *child = new_scope(parent);
	parker above = { 0 }, below = { 0 };

	start(parent, park_until_called_off, &above);
	start(child, park_until_called_off, &below);
	gk_scope_unref(child); /* its fiber holds it */
	gk_scope_cancel(parent, GK_CANCELLED);
	ck_assert_str_eq(seen, "");
	gk_loop_run(loop);
	ck_assert_str_eq(seen, "pp");
	ck_assert_int_eq(above.rc, GK_CANCELLED);
	ck_assert_int_eq(below.rc, GK_CANCELLED);
	gk_scope_unref(parent);
}
END_TEST

static void sleep_long(void *user)
{
	parker *self = user;

	self->rc = gk_fiber_sleep(3600000, NULL);
	note("s");
}

START_TEST(a_sleep_ends_with_the_scope)
{
	gk_scope *scope = new_scope(NULL);
	parker self = { 0 };

	start(scope, sleep_long, &self);
	gk_scope_cancel(scope, GK_UNAVAILABLE);
	gk_loop_run(loop);
	ck_assert_int_eq(self.rc, GK_UNAVAILABLE);
	gk_scope_unref(scope);
}
END_TEST

static void park_shielded(void *user)
{
	parker *self = user;

	while (!self->is_over)
		gk_fiber_park_shielded();
	note("s");
}

START_TEST(a_shielded_park_outlasts_its_scope)
{
	gk_scope *scope = new_scope(NULL);
	gk_fiber *fiber = NULL;
	parker self = { 0 };

	ck_assert_int_eq(
		gk_fiber_start(loop, "test", scope, park_shielded, &self, &fiber, NULL), GK_OK);
	gk_scope_cancel(scope, GK_CANCELLED);
	gk_loop_run(loop);
	ck_assert_str_eq(seen, "");
	self.is_over = true;
	gk_fiber_wake(fiber);
	gk_loop_run(loop);
	ck_assert_str_eq(seen, "s");
	gk_fiber_unref(fiber);
	gk_scope_unref(scope);
}
END_TEST

static void swap_scopes(void *user)
{
	parker *self = user;
	gk_fiber *fiber = gk_fiber_self();
	gk_scope *outer = gk_fiber_scope(fiber), *inner = gk_scope_new(loop, outer);

	ck_assert_ptr_eq(gk_fiber_swap_scope(inner), outer);
	ck_assert_ptr_eq(gk_fiber_swap_scope(inner), inner);
	self->scope = inner;
	while (self->rc == GK_OK)
		self->rc = gk_fiber_park(NULL);
	ck_assert_ptr_eq(gk_fiber_swap_scope(outer), inner);
	gk_scope_unref(inner);
	ck_assert_int_eq(gk_fiber_yield(NULL), GK_OK); /* outside it goes on */
	gk_fiber_swap_scope(NULL);
	ck_assert_ptr_null(gk_fiber_scope(fiber));
	note("x");
}

START_TEST(a_fiber_obeys_the_scope_it_is_in_now)
{
	gk_scope *scope = new_scope(NULL);
	parker self = { 0 };

	start(scope, swap_scopes, &self);
	gk_scope_cancel(self.scope, GK_CANCELLED);
	gk_loop_run(loop);
	ck_assert_str_eq(seen, "x");
	ck_assert_int_eq(gk_scope_reason(scope), GK_OK);
	gk_scope_unref(scope);
}
END_TEST

static void cancel_own(void *user)
{
	gk_scope *scope = gk_fiber_scope(gk_fiber_self());

	gk_scope_cancel(scope, GK_CANCELLED);
	ck_assert_int_eq(gk_fiber_yield(NULL), GK_CANCELLED);
	note(user);
}

START_TEST(a_fiber_may_call_off_its_own_scope)
{
	gk_scope *scope = new_scope(NULL);

	start(scope, cancel_own, "c");
	gk_scope_unref(scope);
	ck_assert_str_eq(seen, "c");
}
END_TEST

static gk_code never(void *arg, gk_error *err)
{
	(void)err;
	*(bool *)arg = true;
	return GK_OK;
}

static void work_in_vain(void *user)
{
	parker *self = user;

	self->rc = gk_work_run(never, &self->is_over, NULL);
}

START_TEST(work_is_not_begun_once_the_scope_is_called_off)
{
	gk_scope *scope = new_scope(NULL);
	parker self = { 0 };

	gk_scope_cancel(scope, GK_CANCELLED);
	start(scope, work_in_vain, &self);
	ck_assert_int_eq(self.rc, GK_CANCELLED);
	ck_assert(!self.is_over);
	gk_scope_unref(scope);
}
END_TEST

/* The only worker thread (see set_up) is held until `gate` is opened. */
static sem_t begun_work, gate;

static gk_code wait_at_gate(void *arg, gk_error *err)
{
	(void)err;
	sem_post(&begun_work);
	sem_wait(&gate);
	*(bool *)arg = true;
	return GK_OK;
}

static void work_at_gate(void *user)
{
	parker *self = user;

	self->rc = gk_work_run(wait_at_gate, &self->is_over, NULL);
	note("g");
}

START_TEST(work_that_a_thread_has_begun_is_waited_for_and_other_work_is_dropped)
{
	gk_scope *scope = new_scope(NULL);
	parker begun = { 0 }, queued = { 0 };

	sem_init(&begun_work, 0, 0);
	sem_init(&gate, 0, 0);
	start(scope, work_at_gate, &begun);
	sem_wait(&begun_work);
	start(scope, work_in_vain, &queued);
	gk_scope_cancel(scope, GK_CANCELLED);
	while (queued.rc == GK_OK)
		gk_loop_turn(loop, 1000);
	ck_assert_int_eq(queued.rc, GK_CANCELLED);
	ck_assert(!queued.is_over);
	ck_assert_str_eq(seen, "");
	sem_post(&gate);
	gk_loop_run(loop);
	ck_assert_str_eq(seen, "g");
	ck_assert(begun.is_over);
	ck_assert_int_eq(begun.rc, GK_OK);
	gk_scope_unref(scope);
	sem_destroy(&begun_work);
	sem_destroy(&gate);
}
END_TEST

/* --- deadlines --- */

START_TEST(a_deadline_calls_off)
{
	gk_scope *scope = new_scope(NULL);
	parker self = { 0 };

	ck_assert_int_eq(gk_scope_set_deadline(scope, 2, NULL), GK_OK);
	start(scope, sleep_long, &self);
	/* A deadline alone keeps no loop running; the sleep does. */
	gk_loop_run(loop);
	ck_assert_int_eq(self.rc, GK_DEADLINE_EXCEEDED);
	ck_assert_int_eq(gk_scope_set_deadline(scope, 2, NULL), GK_DEADLINE_EXCEEDED);
	gk_scope_unref(scope);
}
END_TEST

START_TEST(a_deadline_may_be_moved_and_taken_back)
{
	gk_scope *scope = new_scope(NULL);
	gk_timer *timer = NULL;

	ck_assert_int_eq(gk_scope_set_deadline(scope, 1, NULL), GK_OK);
	ck_assert_int_eq(gk_scope_set_deadline(scope, 0, NULL), GK_OK);
	ck_assert_int_eq(gk_timer_start(loop, 5, 0, note, "t", &timer, NULL), GK_OK);
	gk_loop_run(loop);
	ck_assert_int_eq(gk_scope_reason(scope), GK_OK);
	ck_assert_int_eq(gk_scope_set_deadline(scope, 3600000, NULL), GK_OK);
	gk_timer_stop(timer);
	gk_scope_unref(scope);
}
END_TEST

START_TEST(a_parents_earlier_deadline_holds)
{
	gk_scope *parent = new_scope(NULL), *child = new_scope(parent);
	parker self = { 0 };

	ck_assert_int_eq(gk_scope_set_deadline(parent, 2, NULL), GK_OK);
	ck_assert_int_eq(gk_scope_set_deadline(child, 3600000, NULL), GK_OK);
	start(child, sleep_long, &self);
	gk_loop_run(loop);
	ck_assert_int_eq(self.rc, GK_DEADLINE_EXCEEDED);
	gk_scope_unref(child);
	gk_scope_unref(parent);
}
END_TEST

/* --- listeners --- */

START_TEST(listeners_are_told_at_once_and_once)
{
	gk_scope *parent = new_scope(NULL), *child = new_scope(parent);
	gk_scope_listener a = { .fn = note, .user = "a" }, b = { .fn = note, .user = "b" },
			  c = { .fn = note, .user = "c" };

	gk_scope_listen(parent, &a);
	gk_scope_listen(child, &b);
	gk_scope_listen(child, &c);
	gk_scope_unlisten(&c);
	gk_scope_unlisten(&c);
	gk_scope_cancel(parent, GK_CANCELLED);
	ck_assert_str_eq(seen, "ab");
	ck_assert(!a.is_listening);
	gk_scope_unlisten(&a);
	gk_scope_cancel(parent, GK_CANCELLED);
	ck_assert_str_eq(seen, "ab");
	gk_scope_unref(child);
	gk_scope_unref(parent);
}
END_TEST

typedef struct meddler {
	gk_scope_listener listener;
	gk_scope_listener *other;
	gk_scope *scope;
} meddler;

static void meddle(void *user)
{
	meddler *self = user;

	if (self->other)
		gk_scope_unlisten(self->other);
	self->scope = gk_scope_unref(self->scope);
	note("m");
}

START_TEST(a_listener_may_free_scopes_and_silence_others)
{
	gk_scope *root = new_scope(NULL);
	gk_scope_listener victim = { .fn = note, .user = "v" };
	meddler self = { .listener = { .fn = meddle, .user = &self }, .other = &victim };

	self.scope = gk_scope_new(loop, root);
	gk_scope_listen(self.scope, &victim);
	gk_scope_listen(root, &self.listener);
	gk_scope_cancel(root, GK_CANCELLED);
	ck_assert_str_eq(seen, "m");
	gk_scope_unref(root);
}
END_TEST

static bool with_scopes(void)
{
	gk_scope *parent = gk_scope_new(loop, NULL);
	gk_scope *child = parent ? gk_scope_new(loop, parent) : NULL;
	bool worked = child && gk_scope_set_deadline(child, 1000, NULL) == GK_OK;

	gk_scope_unref(child);
	gk_scope_unref(parent);
	return worked;
}

START_TEST(no_memory_is_an_error_and_leaks_nothing)
{
	fault_sweep(with_scopes);
}
END_TEST

static Suite *scope_suite(void)
{
	Suite *suite = suite_create("scope");
	TCase *tcase = tcase_create("scope");

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_test(tcase, the_first_reason_stays);
	tcase_add_test(tcase, every_reason_has_its_text);
	tcase_add_test(tcase, children_end_with_their_parent_and_not_the_other_way);
	tcase_add_test(tcase, depth_costs_no_stack);
	tcase_add_test(tcase, a_cancelled_scope_wakes_its_parked_fibers_and_those_below);
	tcase_add_test(tcase, a_sleep_ends_with_the_scope);
	tcase_add_test(tcase, a_shielded_park_outlasts_its_scope);
	tcase_add_test(tcase, a_fiber_obeys_the_scope_it_is_in_now);
	tcase_add_test(tcase, a_fiber_may_call_off_its_own_scope);
	tcase_add_test(tcase, work_is_not_begun_once_the_scope_is_called_off);
	tcase_add_test(tcase, work_that_a_thread_has_begun_is_waited_for_and_other_work_is_dropped);
	tcase_add_test(tcase, a_deadline_calls_off);
	tcase_add_test(tcase, a_deadline_may_be_moved_and_taken_back);
	tcase_add_test(tcase, a_parents_earlier_deadline_holds);
	tcase_add_test(tcase, listeners_are_told_at_once_and_once);
	tcase_add_test(tcase, a_listener_may_free_scopes_and_silence_others);
	tcase_add_test(tcase, no_memory_is_an_error_and_leaks_nothing);
	suite_add_tcase(suite, tcase);
	return suite;
}

UNIT_MAIN(scope_suite)
