/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * A scope is a piece of work that can be called off: by gk_scope_cancel(), by its deadline, by its parent's end. Fibers
 * run inside one; every suspending call below it then returns the scope's code.
 */
#ifndef GK_LOOP_SCOPE_H
#define GK_LOOP_SCOPE_H

#include "loop/loop.h"

typedef struct gk_scope gk_scope;

/** `parent` may be NULL. Give it back with gk_scope_unref(). NULL when memory ran out. */
gk_scope *gk_scope_new(gk_loop *loop, gk_scope *parent);
gk_scope *gk_scope_ref(gk_scope *scope);
gk_scope *gk_scope_unref(gk_scope *scope);

/** Calls it off with GK_CANCELLED or GK_DEADLINE_EXCEEDED (or GK_UNAVAILABLE: the daemon goes down); the first reason
 * stays. Wakes what is parked in it and in its children; listeners are called at once. */
void gk_scope_cancel(gk_scope *scope, gk_code reason);
/** From now; 0: none. A parent's earlier deadline still holds. */
GK_MUST_USE gk_code gk_scope_set_deadline(gk_scope *scope, uint64_t after_ms, gk_error *err);
/** Milliseconds until its deadline or that of a scope above; UINT64_MAX: there is none. NULL is allowed. */
uint64_t gk_scope_left_ms(const gk_scope *scope);
/** GK_OK while it goes on. */
gk_code gk_scope_reason(const gk_scope *scope);
/** GK_OK, or the reason with its text: "Action was cancelled", "deadline exceeded", "server is shutting down". */
gk_code gk_scope_check(const gk_scope *scope, gk_error *err);

/* Told when the scope is called off; embedded in its owner. Not called if that happened before gk_scope_listen():
 * ask gk_scope_reason() first. */
typedef struct gk_scope_listener {
	gk_loop_fn *fn;
	void *user;
	bool is_listening;
	LIST_ENTRY(gk_scope_listener) link;
} gk_scope_listener;
void gk_scope_listen(gk_scope *scope, gk_scope_listener *listener);
void gk_scope_unlisten(gk_scope_listener *listener);

#endif
