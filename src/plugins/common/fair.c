/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "plugins/common/fair.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A group has parties below it, a party has those who wait. It is there as long as it has any. */
struct gk_fair_line {
	gk_fair_line *group; /* NULL: it is one */
	struct gk_fair_lines parties;
	TAILQ_HEAD(, gk_fair_item) items;
	size_t count;
	TAILQ_ENTRY(gk_fair_line) link;
	char name[];
};

bool gk_fair_init(gk_fair *fair)
{
	TAILQ_INIT(&fair->groups);
	fair->count = 0;
	fair->by_name = gk_table_new(free);
	return fair->by_name != NULL;
}

void gk_fair_done(gk_fair *fair)
{
	assert(!fair->count);
	gk_table_free(fair->by_name);
	fair->by_name = NULL;
}

/* The line of that name, which joins its neighbours at their end when it is new. */
static gk_fair_line *find_line(gk_fair *fair, gk_fair_line *group, const char *name)
{
	gk_fair_line *line = gk_table_get(fair->by_name, name);
	size_t size = strlen(name) + 1;

	if (line)
		return line;
	line = calloc(1, sizeof(*line) + size);
	if (!line || !gk_table_set(fair->by_name, name, line)) {
		free(line);
		return NULL;
	}
	memcpy(line->name, name, size);
	line->group = group;
	TAILQ_INIT(&line->parties);
	TAILQ_INIT(&line->items);
	TAILQ_INSERT_TAIL(group ? &group->parties : &fair->groups, line, link);
	return line;
}

static void forget(gk_fair *fair, gk_fair_line *line)
{
	TAILQ_REMOVE(line->group ? &line->group->parties : &fair->groups, line, link);
	gk_table_remove(fair->by_name, line->name);
}

bool gk_fair_add(gk_fair *fair, gk_fair_item *item, const char *group_name, const char *party_name)
{
	gk_fair_line *group = find_line(fair, NULL, group_name), *party = NULL;
	char *name = NULL;

	if (group && asprintf(&name, "%s\n%s", group_name, party_name) >= 0) {
		party = find_line(fair, group, name);
		free(name);
	}
	if (!party) {
		if (group && TAILQ_EMPTY(&group->parties))
			forget(fair, group);
		return false;
	}
	TAILQ_INSERT_TAIL(&party->items, item, link);
	item->party = party;
	party->count++;
	fair->count++;
	return true;
}

size_t gk_fair_ahead(const gk_fair_item *item)
{
	return item->party->count - 1;
}

void gk_fair_remove(gk_fair *fair, gk_fair_item *item)
{
	gk_fair_line *party = item->party, *group;

	if (!party)
		return;
	group = party->group;
	TAILQ_REMOVE(&party->items, item, link);
	item->party = NULL;
	fair->count--;
	if (--party->count)
		return;
	forget(fair, party);
	if (TAILQ_EMPTY(&group->parties))
		forget(fair, group);
}

gk_fair_item *gk_fair_next(gk_fair *fair)
{
	gk_fair_line *group = TAILQ_FIRST(&fair->groups), *party;
	gk_fair_item *item;

	if (!group)
		return NULL;
	party = TAILQ_FIRST(&group->parties);
	item = TAILQ_FIRST(&party->items);
	/* Both go behind their neighbours, and then away when this was their last. */
	TAILQ_REMOVE(&fair->groups, group, link);
	TAILQ_INSERT_TAIL(&fair->groups, group, link);
	TAILQ_REMOVE(&group->parties, party, link);
	TAILQ_INSERT_TAIL(&group->parties, party, link);
	gk_fair_remove(fair, item);
	return item;
}
