/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Who watches which snapshot: lists by realm and id. */
#include "base/limits.h"
#include "base/number.h"
#include "core/snapshot.h"

typedef struct list {
	gk_snapshot_watcher *first;
	bool is_told; /* its watchers are being called: it stays */
} list;

/* Every call comes by here several times: no printf. */
static void put_length(gk_buf *buf, size_t len)
{
	char digits[GK_NUMBER_SIZE];

	gk_buf_put(buf, digits, gk_format_i64((int64_t)len, digits));
	gk_buf_putc(buf, '.');
}

void gk_realm_append(gk_buf *buf, const gk_session_realm *realm, const char *id)
{
	size_t store = strlen(realm->store), owner = strlen(realm->owner);

	/* lengths first: no character of a name can be taken for the end of another */
	put_length(buf, store);
	put_length(buf, owner);
	gk_buf_put(buf, realm->store, store);
	gk_buf_put(buf, realm->owner, owner);
	gk_buf_puts(buf, id);
}

static void link_first(gk_snapshot_watcher **head, gk_snapshot_watcher *watcher)
{
	watcher->next = *head;
	watcher->link = head;
	if (*head)
		(*head)->link = &watcher->next;
	*head = watcher;
}

static void unlink_it(gk_snapshot_watcher *watcher)
{
	*watcher->link = watcher->next;
	if (watcher->next)
		watcher->next->link = watcher->link;
	watcher->link = NULL;
	watcher->next = NULL;
}

gk_code gk_watchers_add(gk_snapshot_watchers *watchers, gk_snapshot_watcher *watcher, gk_error *err)
{
	gk_auto_buf gk_buf name = GK_BUF_INIT(0);
	list *mine;

	if (watchers->count >= GK_MAX_SNAPSHOT_WATCHERS)
		return gk_error_set(err, GK_RESOURCE_EXHAUSTED,
			"more than %d snapshots are watched", GK_MAX_SNAPSHOT_WATCHERS);
	if (!watchers->lists)
		watchers->lists = gk_table_new(free);
	gk_realm_append(&name, &watcher->realm, watcher->id);
	if (!watchers->lists || gk_buf_failed(&name))
		return gk_error_no_memory(err);
	mine = gk_table_get(watchers->lists, name.data);
	if (!mine) {
		mine = calloc(1, sizeof(*mine));
		if (!mine || !gk_table_set(watchers->lists, name.data, mine)) {
			free(mine);
			return gk_error_no_memory(err);
		}
	}
	link_first(&mine->first, watcher);
	watchers->count++;
	return GK_OK;
}

void gk_watchers_remove(gk_snapshot_watchers *watchers, gk_snapshot_watcher *watcher)
{
	gk_auto_buf gk_buf name = GK_BUF_INIT(0);
	list *mine;

	if (!watcher->link)
		return;
	unlink_it(watcher);
	watchers->count--;
	gk_realm_append(&name, &watcher->realm, watcher->id);
	if (gk_buf_failed(&name)) /* the empty list stays until the next time */
		return;
	mine = gk_table_get(watchers->lists, name.data);
	if (mine && !mine->first && !mine->is_told)
		gk_table_remove(watchers->lists, name.data);
}

void gk_watchers_tell(gk_snapshot_watchers *watchers, const gk_session_realm *realm, const char *id,
	const char *status)
{
	gk_auto_buf gk_buf name = GK_BUF_INIT(0);
	gk_snapshot_watcher *rest, *watcher;
	list *mine;

	if (!watchers->count)
		return;
	gk_realm_append(&name, realm, id);
	mine = gk_buf_failed(&name) ? NULL : gk_table_get(watchers->lists, name.data);
	if (!mine || mine->is_told)
		return;
	/* each goes back before it is called, so that any of them may be removed meanwhile */
	rest = mine->first;
	if (rest)
		rest->link = &rest;
	mine->first = NULL;
	mine->is_told = true;
	while ((watcher = rest)) {
		unlink_it(watcher);
		link_first(&mine->first, watcher);
		watcher->changed(watcher, status);
	}
	mine->is_told = false;
	if (!mine->first)
		gk_table_remove(watchers->lists, name.data);
}

void gk_watchers_done(gk_snapshot_watchers *watchers)
{
	gk_table_free(watchers->lists);
	watchers->lists = NULL;
}
