/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * A bounded queue between fibers, and from loop callbacks to a fiber. Items are pointers whose ownership goes along.
 */
#ifndef GK_LOOP_CHANNEL_H
#define GK_LOOP_CHANNEL_H

#include "loop/fiber.h"

typedef struct gk_channel gk_channel;
typedef void gk_channel_free_fn(void *item);

/** `free_item` is for items nobody received. NULL when memory ran out. */
gk_channel *gk_channel_new(size_t max_items, gk_channel_free_fn *free_item);
gk_channel *gk_channel_ref(gk_channel *channel);
/** The last one closes it. */
gk_channel *gk_channel_unref(gk_channel *channel);

/** Parks while it is full. FAILED_PRECONDITION when it is closed. The item is consumed either way. */
GK_MUST_USE GK_SUSPENDS gk_code gk_channel_send(
	gk_channel *channel, void *item_take, gk_error *err);
/** Never parks: RESOURCE_EXHAUSTED when it is full. The item is consumed either way. */
GK_MUST_USE gk_code gk_channel_try_send(gk_channel *channel, void *item_take, gk_error *err);
/** The next item, or NULL at the end; the error it was closed with, after the items before it. */
GK_MUST_USE GK_SUSPENDS gk_code gk_channel_receive(gk_channel *channel, void **ret, gk_error *err);
/** `why` (copied) fails receivers once the queue is empty; NULL: a plain end. A second close does nothing. */
void gk_channel_close(gk_channel *channel, const gk_error *why);
bool gk_channel_is_closed(const gk_channel *channel);
size_t gk_channel_count(const gk_channel *channel);

#endif
