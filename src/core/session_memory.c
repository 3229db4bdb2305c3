/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * Sessions in memory. Three tables by realm and id: snapshots, sessions with their leaves, and how many children each
 * snapshot has, known or not yet known.
 */
#include "core/session_memory.h"

#include "base/clock.h"
#include "base/limits.h"
#include "base/str.h"

static gk_memory_sessions *memory_of(gk_session_store *store)
{
	return (gk_memory_sessions *)store;
}

/* The name of a thing in its table; NULL with `err` when memory ran out. */
static const char *name_it(
	gk_buf *buf, const gk_session_realm *realm, const char *session, const char *id)
{
	gk_buf_clear(buf);
	if (session)
		gk_buf_printf(buf, "%zu.", strlen(session));
	gk_realm_append(buf, realm, session ? session : "");
	gk_buf_puts(buf, id);
	return gk_buf_failed(buf) ? NULL : buf->data;
}

/* --- leaves --- */

static void add_leaf(gk_memory_row *row)
{
	gk_memory_row *at;

	TAILQ_FOREACH_REVERSE(at, &row->session->leaves, gk_memory_rows, leaf_link)
	if (at->created_ms < row->created_ms ||
		(at->created_ms == row->created_ms && at->sequence < row->sequence))
		break;
	if (at)
		TAILQ_INSERT_AFTER(&row->session->leaves, at, row, leaf_link);
	else
		TAILQ_INSERT_HEAD(&row->session->leaves, row, leaf_link);
	row->is_leaf = true;
}

static void drop_leaf(gk_memory_row *row)
{
	if (row->is_leaf)
		TAILQ_REMOVE(&row->session->leaves, row, leaf_link);
	row->is_leaf = false;
}

/* The counter of a snapshot's children in a session; made when there is none, unless `only_look`. */
static size_t *children_of(gk_memory_sessions *memory, const gk_session_realm *realm,
	const char *session, const char *id, bool only_look)
{
	const char *name = name_it(&memory->name, realm, session, id);
	size_t *count = name ? gk_table_get(memory->children, name) : NULL;

	if (count || only_look || !name)
		return count;
	count = calloc(1, sizeof(*count));
	if (count && gk_table_set(memory->children, name, count))
		return count;
	free(count);
	return NULL;
}

static gk_memory_row *find_row(
	gk_memory_sessions *memory, const gk_session_realm *realm, const char *id)
{
	const char *name = name_it(&memory->name, realm, NULL, id);

	return name ? gk_table_get(memory->rows, name) : NULL;
}

static void count_child(gk_memory_row *row, const char *parent, int by)
{
	gk_memory_sessions *memory = row->session->memory;
	const gk_session_realm *realm = &row->session->realm;
	size_t *count = children_of(memory, realm, row->session->id, parent, true);
	gk_memory_row *above = find_row(memory, realm, parent);

	if (!count)
		return;
	*count += (size_t)by;
	if (above && above->session == row->session) {
		if (*count && above->is_leaf)
			drop_leaf(above);
		else if (!*count && !above->is_leaf)
			add_leaf(above);
	}
	if (!*count)
		gk_table_remove(
			memory->children, name_it(&memory->name, realm, row->session->id, parent));
}

/* --- sessions --- */

static void free_session(void *it)
{
	gk_memory_session *session = it;

	json_decref(session->chat);
	free(session);
}

static gk_memory_session *new_session(const gk_session_realm *realm, const char *id)
{
	size_t store = strlen(realm->store) + 1, owner = strlen(realm->owner) + 1;
	gk_memory_session *ret = calloc(1, sizeof(*ret) + store + owner + strlen(id) + 1);

	if (!ret)
		return NULL;
	memcpy(ret->text, realm->store, store);
	memcpy(ret->text + store, realm->owner, owner);
	strcpy(ret->text + store + owner, id);
	ret->realm = (gk_session_realm){ .store = ret->text, .owner = ret->text + store };
	ret->id = ret->text + store + owner;
	TAILQ_INIT(&ret->leaves);
	TAILQ_INIT(&ret->rows);
	return ret;
}

gk_memory_session *gk_memory_session_find(gk_memory_sessions *memory, gk_table *table,
	const gk_session_realm *realm, const char *id, bool only_look)
{
	const char *name = name_it(&memory->name, realm, NULL, id);
	gk_memory_session *session = name ? gk_table_get(table, name) : NULL;

	if (session || only_look || !name)
		return session;
	session = new_session(realm, id);
	if (session && gk_table_set(table, name, session)) {
		session->memory = memory;
		return session;
	}
	free(session);
	return NULL;
}

void gk_memory_session_drop(gk_table *table, gk_memory_session *session)
{
	gk_memory_sessions *memory = session->memory;

	gk_table_remove(table, name_it(&memory->name, &session->realm, NULL, session->id));
}

/* --- rows --- */

static void leave_session(gk_memory_row *row)
{
	gk_memory_session *session = row->session;
	const char *parent = gk_snapshot_parent_peek(row->document);

	if (!session)
		return;
	drop_leaf(row);
	if (parent)
		count_child(row, parent, -1);
	TAILQ_REMOVE(&session->rows, row, session_link);
	row->session = NULL;
	if (TAILQ_EMPTY(&session->rows))
		gk_memory_session_drop(session->memory->sessions, session);
}

/* All that may fail comes first: afterwards the row is where it belongs. */
static bool join_session(
	gk_memory_sessions *memory, const gk_session_realm *realm, gk_memory_row *row)
{
	const char *id = gk_snapshot_session_peek(row->document);
	const char *parent = gk_snapshot_parent_peek(row->document);
	gk_memory_session *session;
	gk_memory_row *at;
	size_t *children;

	if (!id)
		return true;
	session = gk_memory_session_find(memory, memory->sessions, realm, id, false);
	if (!session || (parent && !children_of(memory, realm, id, parent, false))) {
		if (session && TAILQ_EMPTY(&session->rows))
			gk_memory_session_drop(memory->sessions, session);
		return false;
	}
	row->session = session;
	TAILQ_FOREACH_REVERSE(at, &session->rows, gk_memory_rows, session_link)
	if (at->sequence < row->sequence)
		break;
	if (at)
		TAILQ_INSERT_AFTER(&session->rows, at, row, session_link);
	else
		TAILQ_INSERT_HEAD(&session->rows, row, session_link);
	if (parent)
		count_child(row, parent, 1);
	children = children_of(memory, realm, id,
		json_string_value(json_object_get(row->document, "snapshotId")), true);
	if (!children || !*children)
		add_leaf(row);
	return true;
}

/* Puts a document of its own (consumed; NULL: none) in the place of the one that it has. */
static void set_document(gk_memory_sessions *memory, gk_memory_row *row, json_t *own_take)
{
	json_t *messages = gk_snapshot_messages_peek(own_take);

	gk_held_add(&memory->held, messages);
	gk_held_drop(&memory->held, gk_snapshot_messages_peek(row->document));
	json_decref(row->document);
	row->document = own_take;
	row->count = json_array_size(messages);
}

json_t *gk_memory_row_document(gk_memory_sessions *memory, gk_memory_row *row)
{
	json_t *own;

	if (json_array_size(gk_snapshot_messages_peek(row->document)) > row->count) {
		own = gk_snapshot_until(row->document, row->count);
		if (!own)
			return NULL;
		set_document(memory, row, own); /* the list has gone on without it */
	}
	return gk_snapshot_until(row->document, row->count);
}

static void free_row(void *it)
{
	gk_memory_row *row = it;

	json_decref(row->document);
	free(row->agent);
	free(row);
}

void gk_memory_row_drop(gk_memory_sessions *memory, gk_memory_row *row)
{
	leave_session(row);
	gk_held_drop(&memory->held, gk_snapshot_messages_peek(row->document));
	TAILQ_REMOVE(&memory->all, row, link);
	free_row(gk_table_take(memory->rows, row->name));
}

static gk_memory_row *add_row(
	gk_memory_sessions *memory, const gk_session_realm *realm, const char *id)
{
	const char *name = name_it(&memory->name, realm, NULL, id);
	gk_memory_row *row = name ? calloc(1, sizeof(*row) + memory->name.len + 1) : NULL;

	if (!row)
		return NULL;
	strcpy(row->name, name);
	if (!gk_table_set(memory->rows, name, row)) {
		free(row);
		return NULL;
	}
	row->sequence = ++memory->last;
	TAILQ_INSERT_TAIL(&memory->all, row, link);
	return row;
}

/* Also the row of a new id. */
static bool put(gk_memory_sessions *memory, const gk_session_realm *realm,
	const gk_snapshot_change *change, json_t *document)
{
	gk_memory_row *row = find_row(memory, realm, change->id);
	gk_auto_json json_t *own = gk_snapshot_until(document, SIZE_MAX), *before = NULL;
	bool is_new = !row;
	int64_t created_ms = row ? row->created_ms : 0;

	if (is_new && own)
		row = add_row(memory, realm, change->id);
	if (!row || !own)
		return false;
	before = json_incref(row->document);
	if (before)
		leave_session(row);
	set_document(memory, row, gk_steal(own));
	row->created_ms = gk_snapshot_time(document, "createdAt");
	if (!join_session(memory, realm, row)) {
		set_document(memory, row, gk_steal(before));
		row->created_ms = created_ms;
		if (is_new || !join_session(memory, realm, row))
			gk_memory_row_drop(memory, row);
		return false;
	}
	if (row->session)
		row->session->updated_ms = gk_clock_wall_ns() / 1000000;
	if (change->agent && !row->agent)
		row->agent = strdup(change->agent); /* for people only: without is well, too */
	return true;
}

/* --- what the store does --- */

static gk_code get(gk_ctx *ctx, gk_session_store *store, const gk_session_realm *realm,
	const char *id, json_t **ret, gk_error *err)
{
	gk_memory_row *row = find_row(memory_of(store), realm, id);

	(void)ctx;
	if (gk_buf_failed(&memory_of(store)->name))
		return gk_error_no_memory(err);
	*ret = row ? gk_memory_row_document(memory_of(store), row) : NULL;
	return *ret || !row ? GK_OK : gk_error_no_memory(err);
}

static gk_code latest(gk_ctx *ctx, gk_session_store *store, const gk_session_realm *realm,
	const char *id, json_t **ret, gk_error *err)
{
	gk_memory_sessions *memory = memory_of(store);
	gk_memory_session *session =
		gk_memory_session_find(memory, memory->sessions, realm, id, true);
	gk_memory_row *leaf;
	size_t leaves = 0;

	(void)ctx;
	if (gk_buf_failed(&memory->name))
		return gk_error_no_memory(err);
	if (!session) {
		*ret = NULL;
		return GK_OK;
	}
	leaf = TAILQ_LAST(&session->leaves, gk_memory_rows);
	if (leaf && (!realm->rejects_branches || leaf == TAILQ_FIRST(&session->leaves))) {
		*ret = gk_memory_row_document(memory, leaf);
		return *ret ? GK_OK : gk_error_no_memory(err);
	}
	TAILQ_FOREACH (leaf, &session->leaves, leaf_link)
		leaves++;
	return gk_snapshot_no_latest(id, leaves, err);
}

static gk_memory_row *parent_of(
	gk_memory_sessions *memory, const gk_session_realm *realm, const gk_memory_row *row)
{
	const char *parent = gk_snapshot_parent_peek(row->document);

	return parent ? find_row(memory, realm, parent) : NULL;
}

/* Whether the row's parents go in circles: then none of them is above the others. A mark that is set further and further up is met
 * again. */
static bool goes_in_circles(
	gk_memory_sessions *memory, const gk_session_realm *realm, const gk_memory_row *row)
{
	const gk_memory_row *mark = row;

	for (size_t n = 0, next = 1; row; n++) {
		row = parent_of(memory, realm, row);
		if (row && row == mark)
			return true;
		if (n == next) {
			mark = row;
			next *= 2;
		}
	}
	return false;
}

/* What is above the kept part of a chain. A circle has a parent that is younger than its child. */
static void prune(gk_memory_sessions *memory, const gk_session_realm *realm, const char *id)
{
	gk_memory_row *row = find_row(memory, realm, id);
	bool is_checked = false;

	for (unsigned kept = 0; row; kept++) {
		gk_memory_row *above = parent_of(memory, realm, row);

		if (above && above->sequence >= row->sequence && !is_checked) {
			if (goes_in_circles(memory, realm, row))
				return;
			is_checked = true;
		}
		if (kept >= realm->max_chain)
			gk_memory_row_drop(memory, row);
		row = above;
	}
}

static gk_code save(gk_ctx *ctx, gk_session_store *store, const gk_session_realm *realm,
	const gk_snapshot_change *change, gk_snapshot_saved *ret, gk_error *err)
{
	gk_memory_sessions *memory = memory_of(store);
	gk_memory_row *row = find_row(memory, realm, change->id);
	gk_auto_json json_t *document = NULL,
			    *current = row ? gk_memory_row_document(memory, row) : NULL;
	gk_auto_str char *id = NULL;
	gk_code rc;

	(void)ctx;
	if (row && !current)
		return gk_error_no_memory(err);
	rc = gk_snapshot_decide(change, current, &document, err);
	if (rc != GK_OK)
		return rc;
	ret->existed = row != NULL;
	ret->previous = gk_snapshot_status(current);
	if (!document)
		return GK_OK;
	id = strdup(change->id);
	if (!id || !put(memory, realm, change, document))
		return gk_error_no_memory(err);
	if (realm->max_chain)
		prune(memory, realm, id);
	while (memory->max_rows && gk_table_count(memory->rows) > memory->max_rows)
		gk_memory_row_drop(memory, TAILQ_FIRST(&memory->all));
	gk_watchers_tell(&memory->watchers, realm, id, gk_snapshot_status(document));
	ret->id = gk_steal(id);
	return GK_OK;
}

static gk_code watch(gk_session_store *store, gk_snapshot_watcher *watcher, gk_error *err)
{
	return gk_watchers_add(&memory_of(store)->watchers, watcher, err);
}

static void unwatch(gk_session_store *store, gk_snapshot_watcher *watcher)
{
	gk_watchers_remove(&memory_of(store)->watchers, watcher);
}

static size_t holds(gk_session_store *store, const json_t *messages)
{
	return gk_held_times(&memory_of(store)->held, messages);
}

static void free_memory(gk_session_store *store)
{
	gk_memory_sessions *memory = memory_of(store);

	gk_table_free(memory->rows);
	gk_table_free(memory->sessions);
	gk_table_free(memory->chats);
	gk_table_free(memory->children);
	gk_watchers_done(&memory->watchers);
	gk_held_done(&memory->held);
	gk_buf_done(&memory->name);
	free(memory);
}

static const gk_session_store_type type = {
	.abi = GK_SESSION_STORE_ABI,
	.name = "memory",
	.get = get,
	.latest = latest,
	.save = save,
	.watch = watch,
	.unwatch = unwatch,
	.chat_load = gk_memory_chat_load,
	.chat_save = gk_memory_chat_save,
	.list = gk_memory_list,
	.show = gk_memory_show,
	.remove = gk_memory_remove,
	.free = free_memory,
	.holds = holds,
};

gk_session_store *gk_session_store_new_memory(void)
{
	gk_memory_sessions *memory = calloc(1, sizeof(*memory));

	if (!memory)
		return NULL;
	memory->base.type = &type;
	memory->max_rows = GK_MAX_MEMORY_SNAPSHOTS;
	TAILQ_INIT(&memory->all);
	memory->rows = gk_table_new(free_row);
	memory->sessions = gk_table_new(free_session);
	memory->chats = gk_table_new(free_session);
	memory->children = gk_table_new(free);
	if (memory->rows && memory->sessions && memory->chats && memory->children)
		return &memory->base;
	free_memory(&memory->base);
	return NULL;
}
