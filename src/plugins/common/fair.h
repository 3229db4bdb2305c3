/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * Who is next, fairly: those who wait stand in groups (flows), in each of them in parties (runs). Groups take turns, in a
 * group its parties do, and in a party the first who came is first. So a flow with a thousand runs delays another by one
 * turn, and a run with a thousand calls another run of its flow by one.
 */
#ifndef GK_PLUGINS_FAIR_H
#define GK_PLUGINS_FAIR_H

#include "base/table.h"

#include <sys/queue.h>

typedef struct gk_fair_line gk_fair_line;
TAILQ_HEAD(gk_fair_lines, gk_fair_line);

/* Embedded in what waits. */
typedef struct gk_fair_item {
	gk_fair_line *party; /* NULL: it does not wait */
	TAILQ_ENTRY(gk_fair_item) link;
} gk_fair_item;

typedef struct gk_fair {
	struct gk_fair_lines groups; /* in order of their turns */
	gk_table *by_name;           /* groups, and parties under "GROUP\nPARTY" */
	size_t count;                /* of all that wait */
} gk_fair;

/** False when memory ran out. */
GK_MUST_USE bool gk_fair_init(gk_fair *fair);
/** Nobody may wait. */
void gk_fair_done(gk_fair *fair);
/** False when memory ran out. */
GK_MUST_USE bool gk_fair_add(
	gk_fair *fair, gk_fair_item *item, const char *group, const char *party);
/** How many of its own party come before it. */
size_t gk_fair_ahead(const gk_fair_item *item);
/** Takes out whose turn it is; NULL: nobody waits. */
gk_fair_item *gk_fair_next(gk_fair *fair);
/** Takes it out; nothing happens when it does not wait. */
void gk_fair_remove(gk_fair *fair, gk_fair_item *item);

#endif
