/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * Lists of messages that grow while a store holds them. A session's turns add to one list, each snapshot of it is the
 * beginning of that list, and a store that knows how long its beginning is need not have a copy. Whoever is given a snapshot
 * gets objects of his own around the list, so that its references tell who else looks at it: nobody adds to a list that
 * somebody holds who does not know how much of it is his.
 */
#ifndef GK_CORE_HELD_H
#define GK_CORE_HELD_H

#include <genkit/json.h>

/* Which lists a store holds, and how often. All zeroes is an empty one. */
typedef struct gk_held_slot {
	const json_t *list; /* borrowed; NULL: free */
	size_t times;
} gk_held_slot;
typedef struct gk_held {
	gk_held_slot *slots;
	size_t count, capacity; /* a power of two */
} gk_held;

void gk_held_done(gk_held *held);
/** NULL is no list. Without memory it is not noted: then the list is copied when somebody adds to it. */
void gk_held_add(gk_held *held, const json_t *list);
void gk_held_drop(gk_held *held, const json_t *list);
size_t gk_held_times(const gk_held *held, const json_t *list);

/** The messages of a snapshot's state; NULL: it has no such list. Borrowed. */
json_t *gk_snapshot_messages_peek(const json_t *document);
/** A state of its own with the first `count` messages: the same list when it has no more. New reference; NULL when memory ran
 * out. */
json_t *gk_state_until(const json_t *state, size_t count);
/** A document of its own, whose state (if it has one) is such a one. */
json_t *gk_snapshot_until(const json_t *document, size_t count);

#endif
