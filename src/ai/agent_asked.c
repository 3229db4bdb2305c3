/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "ai/agent_asked.h"

#include "base/limits.h"
#include "base/table.h"
#include "core/app.h"

#include <stdlib.h>

typedef struct left {
	json_t *messages; /* the session's list: what is left is of this one */
	gk_asked asked;
	size_t bytes;
} left;

typedef struct all_left {
	gk_table *table; /* by snapshot, the oldest first */
	size_t bytes;
} all_left;

void gk_asked_done(gk_asked *asked)
{
	json_decref(asked->list);
	*asked = (gk_asked){ .list = NULL };
}

bool gk_asked_cut(gk_asked *asked)
{
	if (!asked->list || asked->list->refcount > 1)
		return false;
	while (json_array_size(asked->list) > asked->from + asked->count)
		json_array_remove(asked->list, json_array_size(asked->list) - 1);
	for (size_t i = 0; i < asked->from; i++)
		json_array_set_new(asked->list, i, json_null());
	return true;
}

static void free_left(void *it)
{
	left *one = it;

	gk_asked_done(&one->asked);
	json_decref(one->messages);
	free(one);
}

static void *make_slot(void)
{
	all_left *all = calloc(1, sizeof(*all));

	if (!all)
		return NULL;
	all->table = gk_table_new(free_left);
	if (all->table)
		return all;
	free(all);
	return NULL;
}

static void free_slot(void *it)
{
	all_left *all = it;

	gk_table_free(all->table);
	free(all);
}

static all_left *all_of(gk_app *app)
{
	static const gk_app_slot slot = { make_slot, free_slot };

	return gk_app_slot_peek(app, &slot);
}

static left *take(all_left *all, const char *id)
{
	left *one = all ? gk_table_take(all->table, id) : NULL;

	if (one)
		all->bytes -= one->bytes;
	return one;
}

gk_asked gk_asked_take(gk_app *app, const char *snapshot_id, const json_t *messages)
{
	left *one = take(all_of(app), snapshot_id);
	gk_asked ret = { .list = NULL };

	if (!one)
		return ret;
	if (one->messages == messages) {
		ret = one->asked;
		one->asked = (gk_asked){ .list = NULL };
	}
	free_left(one);
	return ret;
}

static bool is_too_much(const all_left *all)
{
	return gk_table_count(all->table) > GK_MAX_AGENTS_ASKED ||
	       all->bytes > GK_AGENTS_ASKED_BYTES;
}

void gk_asked_leave(
	gk_app *app, const char *snapshot_id, json_t *messages, gk_asked *asked_take, size_t bytes)
{
	all_left *all = all_of(app);
	left *before = take(all, snapshot_id);
	left *one = gk_asked_cut(asked_take) ? calloc(1, sizeof(*one)) : NULL;

	if (before)
		free_left(before);
	if (!all || !one || !gk_table_set(all->table, snapshot_id, one)) {
		free(one);
		gk_asked_done(asked_take);
		return;
	}
	one->messages = json_incref(messages);
	one->asked = *asked_take;
	one->bytes = bytes;
	*asked_take = (gk_asked){ .list = NULL };
	all->bytes += bytes;
	while (is_too_much(all))
		free_left(take(all, gk_table_entry_name(gk_table_first(all->table))));
}
