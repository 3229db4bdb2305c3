/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Scopes form a tree: a child holds its parent, a parent only knows its children. */
#include "loop/scope.h"

#include "loop/loop_internal.h"

#define GK_SCOPE_MAGIC 0x73636f70u

struct gk_scope {
	unsigned magic;
	unsigned refs;
	gk_code reason;
	gk_loop *loop;
	gk_scope *parent;
	LIST_HEAD(, gk_scope) children;
	LIST_ENTRY(gk_scope) sibling_link;
	LIST_HEAD(, gk_scope_listener) listeners;
	struct gk_scope_fibers fibers;
	gk_timer deadline;
	STAILQ_ENTRY(gk_scope) cancel_link;
};
STAILQ_HEAD(scope_list, gk_scope);

static void on_deadline(void *user)
{
	gk_scope_cancel(user, GK_DEADLINE_EXCEEDED);
}

gk_scope *gk_scope_new(gk_loop *loop, gk_scope *parent)
{
	gk_scope *scope = calloc(1, sizeof(*scope));

	if (!scope)
		return NULL;
	scope->magic = GK_SCOPE_MAGIC;
	scope->refs = 1;
	scope->loop = loop;
	LIST_INIT(&scope->children);
	LIST_INIT(&scope->listeners);
	LIST_INIT(&scope->fibers);
	gk_timer_init(&scope->deadline, loop, on_deadline, scope);
	gk_timer_unref(&scope->deadline);
	if (parent) {
		scope->parent = gk_scope_ref(parent);
		scope->reason = parent->reason;
		LIST_INSERT_HEAD(&parent->children, scope, sibling_link);
	}
	return scope;
}

gk_scope *gk_scope_ref(gk_scope *scope)
{
	GK_CHECK(scope, GK_SCOPE_MAGIC);
	scope->refs++;
	return scope;
}

gk_scope *gk_scope_unref(gk_scope *scope)
{
	while (scope) { /* up the parents whose last child this was */
		gk_scope *parent = scope->parent;

		GK_CHECK(scope, GK_SCOPE_MAGIC);
		if (--scope->refs)
			break;
		assert(LIST_EMPTY(&scope->children) && LIST_EMPTY(&scope->fibers));
		assert(LIST_EMPTY(&scope->listeners));
		gk_timer_disarm(&scope->deadline);
		if (parent)
			LIST_REMOVE(scope, sibling_link);
		scope->magic = 0;
		free(scope);
		scope = parent;
	}
	return NULL;
}

struct gk_scope_fibers *gk_scope_fibers_peek(gk_scope *scope)
{
	GK_CHECK(scope, GK_SCOPE_MAGIC);
	return &scope->fibers;
}

/* Marks one scope and wakes its fibers, which calls nobody back: the tree stands still. */
static void mark(gk_scope *scope, gk_code reason, struct scope_list *marked)
{
	gk_fiber *fiber;

	scope->reason = reason;
	gk_timer_disarm(&scope->deadline);
	gk_scope_ref(scope);
	STAILQ_INSERT_TAIL(marked, scope, cancel_link);
	LIST_FOREACH (fiber, &scope->fibers, scope_link)
		gk_fiber_wake(fiber);
}

static void call_listeners(gk_scope *scope)
{
	gk_scope_listener *listener;

	while ((listener = LIST_FIRST(&scope->listeners))) {
		gk_scope_unlisten(listener);
		listener->fn(listener->user); /* may free anything but this scope */
	}
}

/* Breadth first: the list of marked scopes is its own queue, so depth costs no stack. */
void gk_scope_cancel(gk_scope *scope, gk_code reason)
{
	struct scope_list marked = STAILQ_HEAD_INITIALIZER(marked);
	gk_scope *child;

	GK_CHECK(scope, GK_SCOPE_MAGIC);
	assert(reason != GK_OK);
	if (scope->reason != GK_OK)
		return;
	mark(scope, reason, &marked);
	STAILQ_FOREACH (scope, &marked, cancel_link)
		LIST_FOREACH (child, &scope->children, sibling_link)
			if (child->reason == GK_OK)
				mark(child, reason, &marked);
	while ((scope = STAILQ_FIRST(&marked))) {
		STAILQ_REMOVE_HEAD(&marked, cancel_link);
		call_listeners(scope);
		gk_scope_unref(scope);
	}
}

gk_code gk_scope_set_deadline(gk_scope *scope, uint64_t after_ms, gk_error *err)
{
	GK_CHECK(scope, GK_SCOPE_MAGIC);
	if (scope->reason != GK_OK)
		return gk_scope_check(scope, err);
	if (after_ms)
		gk_timer_arm(&scope->deadline, after_ms);
	else
		gk_timer_disarm(&scope->deadline);
	return GK_OK;
}

uint64_t gk_scope_left_ms(const gk_scope *scope)
{
	uint64_t left = UINT64_MAX;

	for (; scope; scope = scope->parent) {
		uint64_t now = gk_loop_now_ms(scope->loop), due = scope->deadline.due_ms;

		if (scope->deadline.is_armed && (due > now ? due - now : 0) < left)
			left = due > now ? due - now : 0;
	}
	return left;
}

gk_code gk_scope_reason(const gk_scope *scope)
{
	return scope ? scope->reason : GK_OK;
}

gk_code gk_scope_check(const gk_scope *scope, gk_error *err)
{
	gk_code reason = gk_scope_reason(scope);

	switch (reason) {
	case GK_OK:
		return GK_OK;
	case GK_DEADLINE_EXCEEDED:
		return gk_error_set(err, reason, "deadline exceeded");
	case GK_UNAVAILABLE:
		return gk_error_set(err, reason, "server is shutting down");
	default:
		return gk_error_set(err, reason, "Action was cancelled");
	}
}

void gk_scope_listen(gk_scope *scope, gk_scope_listener *listener)
{
	GK_CHECK(scope, GK_SCOPE_MAGIC);
	assert(!listener->is_listening);
	listener->is_listening = true;
	LIST_INSERT_HEAD(&scope->listeners, listener, link);
}

void gk_scope_unlisten(gk_scope_listener *listener)
{
	if (!listener->is_listening)
		return;
	listener->is_listening = false;
	LIST_REMOVE(listener, link);
}
