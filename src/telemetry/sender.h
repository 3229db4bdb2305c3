/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * Sends what is queued to one address by HTTP, in batches, and never holds up who queued it: the queue is bounded and
 * drops its oldest; a destination that is gone costs a line in the log when it goes and one when it returns.
 *
 *	rc = gk_sender_new(loop, &opts, &sender, err);
 *	gk_sender_put(sender, &mine->item);		from then on the sender's
 *
 * Bodies are made and compressed on a worker. Its own requests are no part of any trace.
 */
#ifndef GK_TELEMETRY_SENDER_H
#define GK_TELEMETRY_SENDER_H

#include "base/buf.h"
#include "loop/fetch.h"

#include <sys/queue.h>

typedef struct gk_sender gk_sender;
typedef struct gk_sender_item gk_sender_item;

/* What is queued; embedded in its owner. */
struct gk_sender_item {
	STAILQ_ENTRY(gk_sender_item) link;
	size_t size; /* bytes that it holds in memory */
};

typedef struct gk_sender_type {
	/** How many of the `count` items at `items` one request takes (at least 1); NULL: all. On the loop. */
	size_t (*choose)(gk_sender_item **items, size_t count);
	/** Appends the body of a request. On a worker: no json_t, no loop. False when memory ran out. */
	bool (*pack)(gk_buf *body, gk_sender_item **items, size_t count, void *user);
	void (*free)(gk_sender_item *item);
	/** How many items an answer that was a success says were refused all the same; *why_ret: what it says (the caller
	 * frees it). NULL: answers say nothing. On the loop. */
	uint64_t (*refused)(const char *content_type, const char *body, size_t len, char **why_ret);
	const char *accept; /* of the answer; NULL: as the content */
} gk_sender_type;

typedef struct gk_sender_opts {
	size_t size;
	const gk_sender_type *type;
	void *user;
	void (*free_user)(
		void *user); /* when nothing uses it any more; also when this failed. NULL: nothing */
	const gk_fetch_client_opts *client; /* of its connections; NULL: all defaults */
	const char *name;                   /* for logs and metrics: "otlp traces" */
	const char *url;                    /* copied */
	const char *const *headers;         /* "Name: value", NULL-terminated; copied. NULL: none */
	const char *content_type;           /* static */
	bool is_compressed;                 /* gzip */
	unsigned max_items;                 /* 0: GK_EXPORT_QUEUE */
	size_t max_bytes;                   /* 0: GK_EXPORT_BYTES */
	unsigned batch_items;               /* 0: GK_EXPORT_BATCH */
	uint64_t delay_ms;   /* after the first item before they are sent; 0: at once */
	uint64_t timeout_ms; /* for a batch with its retries; 0: GK_EXPORT_TIMEOUT_MS */
	size_t max_body;     /* of a request, before compression; 0: GK_EXPORT_BODY */
	uint64_t retry_ms;   /* the first pause after a failure; 0: GK_EXPORT_RETRY_MS */
	uint64_t gone_ms;    /* the longest one; 0: GK_EXPORT_GONE_MS */
	uint64_t
		complain_ms; /* between two lines in the log on what it refuses; 0: GK_EXPORT_COMPLAIN_MS */
} gk_sender_opts;

GK_MUST_USE gk_code gk_sender_new(
	gk_loop *loop, const gk_sender_opts *opts, gk_sender **ret, gk_error *err);
/** What is queued is dropped, what is on its way is called off. NULL is allowed. */
void gk_sender_free(gk_sender *sender);

/** For those who may come when its owner has freed it: what they put is dropped then. */
gk_sender *gk_sender_ref(gk_sender *sender);
void gk_sender_unref(gk_sender *sender);

/** Queues it. Any time, on the loop's thread; costs no more than a list entry. */
void gk_sender_put(gk_sender *sender, gk_sender_item *item_take);
/** What is queued leaves at once. */
void gk_sender_hurry(gk_sender *sender);
/** Hurries, and waits until all that was queued has been sent or dropped: not longer than `limit_ms`, and not at all when
 * the destination is gone. Not ended by the scope. */
GK_SUSPENDS void gk_sender_flush(gk_sender *sender, uint64_t limit_ms);
/** Something is queued or on its way, and the destination is not gone. */
bool gk_sender_is_busy(const gk_sender *sender);

typedef struct gk_sender_counts {
	const char *name;
	uint64_t sent;         /* items */
	uint64_t dropped_full; /* for want of room in the queue */
	uint64_t dropped;      /* after all retries, or refused */
	uint64_t requests, retries, failures;
	size_t queued, queued_bytes;
	uint64_t unsent; /* those that are queued, and those on their way */
	bool is_gone;
} gk_sender_counts;
gk_sender_counts gk_sender_count(const gk_sender *sender);

/** What a Retry-After header says, in milliseconds from now; false: nothing that is understood. */
bool gk_retry_after_ms(const char *header, uint64_t now_s, uint64_t *ret);

#endif
