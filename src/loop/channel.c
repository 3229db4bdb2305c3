/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * A ring of pointers that grows up to its ceiling, and who waits on either side of it.
 *
 * One event wakes one waiter. A waiter that leaves, for whatever reason, wakes the next one when there is still
 * something for it: so nothing is lost when the woken one was called off meanwhile.
 */
#include "loop/channel.h"

#include "loop/loop_internal.h"

#define GK_CHANNEL_MAGIC 0x6368616eu
#define FIRST_CAPACITY   8

struct gk_channel {
	unsigned magic;
	unsigned refs;
	bool is_closed;
	gk_error why;
	gk_channel_free_fn *free_item;
	size_t max;
	void **items; /* items[first] is the oldest; it goes on at 0 */
	size_t first, count, capacity;
	struct gk_waiter_list senders, receivers;
};

gk_channel *gk_channel_new(size_t max_items, gk_channel_free_fn *free_item)
{
	gk_channel *channel = calloc(1, sizeof(*channel));

	assert(max_items);
	if (!channel)
		return NULL;
	channel->magic = GK_CHANNEL_MAGIC;
	channel->refs = 1;
	channel->max = max_items;
	channel->free_item = free_item;
	TAILQ_INIT(&channel->senders);
	TAILQ_INIT(&channel->receivers);
	return channel;
}

gk_channel *gk_channel_ref(gk_channel *channel)
{
	GK_CHECK(channel, GK_CHANNEL_MAGIC);
	channel->refs++;
	return channel;
}

static void free_item(gk_channel *channel, void *item)
{
	if (channel->free_item && item)
		channel->free_item(item);
}

static void *take(gk_channel *channel)
{
	void *item = channel->items[channel->first];

	channel->first = (channel->first + 1) % channel->capacity;
	channel->count--;
	return item;
}

gk_channel *gk_channel_unref(gk_channel *channel)
{
	if (!channel)
		return NULL;
	GK_CHECK(channel, GK_CHANNEL_MAGIC);
	if (--channel->refs)
		return NULL;
	assert(TAILQ_EMPTY(&channel->senders) && TAILQ_EMPTY(&channel->receivers));
	while (channel->count)
		free_item(channel, take(channel));
	free(channel->items);
	gk_error_clear(&channel->why);
	channel->magic = 0;
	free(channel);
	return NULL;
}

static void wake_first(struct gk_waiter_list *waiters)
{
	gk_waiter *waiter = TAILQ_FIRST(waiters);

	if (waiter)
		gk_fiber_wake(waiter->fiber);
}

static bool grow(gk_channel *channel)
{
	size_t capacity = channel->capacity ? channel->capacity * 2 : FIRST_CAPACITY;
	void **items;

	if (capacity > channel->max)
		capacity = channel->max;
	items = reallocarray(NULL, capacity, sizeof(*items));
	if (!items)
		return false;
	for (size_t i = 0; i < channel->count; i++)
		items[i] = channel->items[(channel->first + i) % channel->capacity];
	free(channel->items);
	channel->items = items;
	channel->capacity = capacity;
	channel->first = 0;
	return true;
}

gk_code gk_channel_try_send(gk_channel *channel, void *item_take, gk_error *err)
{
	gk_code rc = GK_OK;

	GK_CHECK(channel, GK_CHANNEL_MAGIC);
	assert(item_take); /* NULL is what a receiver gets at the end */
	if (channel->is_closed)
		rc = gk_error_set(err, GK_FAILED_PRECONDITION, "the channel is closed");
	else if (channel->count == channel->max)
		rc = gk_error_set(err, GK_RESOURCE_EXHAUSTED, "the channel is full (%zu items)",
			channel->max);
	else if (channel->count == channel->capacity && !grow(channel))
		rc = gk_error_no_memory(err);
	if (rc != GK_OK) {
		free_item(channel, item_take);
		return rc;
	}
	channel->items[(channel->first + channel->count++) % channel->capacity] = item_take;
	wake_first(&channel->receivers);
	return GK_OK;
}

static bool must_send_wait(const gk_channel *channel)
{
	return !channel->is_closed && channel->count == channel->max;
}

static bool must_receive_wait(const gk_channel *channel)
{
	return !channel->is_closed && !channel->count;
}

static gk_code wait_while(gk_channel *channel, bool (*must_wait)(const gk_channel *),
	struct gk_waiter_list *waiters, gk_error *err)
{
	gk_waiter self = { .fiber = gk_fiber_self() };
	gk_code rc;

	assert(self.fiber);
	rc = gk_scope_check(self.fiber->scope, err);
	if (rc != GK_OK || !must_wait(channel))
		return rc;
	TAILQ_INSERT_TAIL(waiters, &self, link);
	while (rc == GK_OK && must_wait(channel))
		rc = gk_fiber_park(err);
	TAILQ_REMOVE(waiters, &self, link);
	return rc;
}

gk_code gk_channel_send(gk_channel *channel, void *item_take, gk_error *err)
{
	gk_code rc;

	GK_CHECK(channel, GK_CHANNEL_MAGIC);
	rc = wait_while(channel, must_send_wait, &channel->senders, err);
	if (rc != GK_OK)
		free_item(channel, item_take);
	else
		rc = gk_channel_try_send(channel, item_take, err);
	if (!must_send_wait(channel))
		wake_first(&channel->senders);
	return rc;
}

gk_code gk_channel_receive(gk_channel *channel, void **ret, gk_error *err)
{
	gk_code rc;

	GK_CHECK(channel, GK_CHANNEL_MAGIC);
	rc = wait_while(channel, must_receive_wait, &channel->receivers, err);
	if (rc == GK_OK) {
		if (channel->count)
			*ret = take(channel);
		else if (channel->why.code != GK_OK)
			rc = gk_error_copy(err, &channel->why);
		else
			*ret = NULL;
		wake_first(&channel->senders);
	}
	if (!must_receive_wait(channel))
		wake_first(&channel->receivers);
	return rc;
}

void gk_channel_close(gk_channel *channel, const gk_error *why)
{
	gk_waiter *waiter;

	GK_CHECK(channel, GK_CHANNEL_MAGIC);
	if (channel->is_closed)
		return;
	channel->is_closed = true;
	if (why)
		gk_error_copy(&channel->why, why);
	TAILQ_FOREACH (waiter, &channel->senders, link)
		gk_fiber_wake(waiter->fiber);
	TAILQ_FOREACH (waiter, &channel->receivers, link)
		gk_fiber_wake(waiter->fiber);
}

bool gk_channel_is_closed(const gk_channel *channel)
{
	return channel->is_closed;
}

size_t gk_channel_count(const gk_channel *channel)
{
	return channel->count;
}
