/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Contents that are still in memory, the longest unused of which go first; and what a new state adds to one of them. */
#include "store/sessions_internal.h"

#include "json/edit.h"
#include "json/write.h"

#define ENTRY_BYTES 1024 /* what an entry takes besides its text, about */

bool gk_session_cache_init(gk_session_cache *cache)
{
	TAILQ_INIT(&cache->used);
	cache->max_bytes = GK_SESSION_CACHE;
	cache->entries = gk_table_new(NULL);
	cache->sessions = gk_table_new(free);
	return cache->entries && cache->sessions;
}

/* --- whose it is --- */

/* Puts a document of its own in the place of the one that it has. */
static void set_document(gk_session_cache *cache, gk_session_entry *entry, json_t *own_take)
{
	gk_held_add(&cache->held, gk_snapshot_messages_peek(own_take));
	gk_held_drop(&cache->held, gk_snapshot_messages_peek(entry->document));
	json_decref(entry->document);
	json_decref(entry->state);
	entry->document = own_take;
	entry->state = json_incref(json_object_get(own_take, "state"));
}

static size_t count_of(const gk_session_entry *entry)
{
	return entry->parts.count > 0 ? (size_t)entry->parts.count : 0;
}

json_t *gk_session_entry_document(gk_session_cache *cache, gk_session_entry *entry)
{
	json_t *own;

	if (json_array_size(gk_snapshot_messages_peek(entry->document)) > count_of(entry)) {
		own = gk_snapshot_until(entry->document, count_of(entry));
		if (!own)
			return NULL;
		set_document(cache, entry, own); /* the list has gone on without it */
	}
	return gk_snapshot_until(entry->document, count_of(entry));
}

bool gk_session_entry_is(gk_session_cache *cache, gk_session_entry *entry, const json_t *document)
{
	gk_auto_json json_t *own = entry->document ? gk_session_entry_document(cache, entry) : NULL;

	return own && json_equal(own, (json_t *)(uintptr_t)document);
}

/* --- entries --- */

static void drop(gk_session_cache *cache, gk_session_entry *entry)
{
	gk_table_remove(cache->entries, entry->name);
	TAILQ_REMOVE(&cache->used, entry, link);
	cache->bytes -= entry->bytes + ENTRY_BYTES;
	gk_held_drop(&cache->held, gk_snapshot_messages_peek(entry->document));
	json_decref(entry->document);
	json_decref(entry->state);
	free(entry);
}

void gk_session_cache_clear(gk_session_cache *cache)
{
	while (!TAILQ_EMPTY(&cache->used))
		drop(cache, TAILQ_FIRST(&cache->used));
	while (cache->sessions && gk_table_first(cache->sessions))
		gk_table_remove(
			cache->sessions, gk_table_entry_name(gk_table_first(cache->sessions)));
}

void gk_session_cache_done(gk_session_cache *cache)
{
	gk_session_cache_clear(cache);
	gk_table_free(cache->entries);
	gk_table_free(cache->sessions);
	gk_held_done(&cache->held);
	gk_buf_done(&cache->name);
}

static const char *name_of(
	gk_session_cache *cache, char kind, const gk_session_realm *realm, const char *id)
{
	gk_buf_clear(&cache->name);
	gk_buf_putc(&cache->name, kind);
	gk_realm_append(&cache->name, realm, id);
	return gk_buf_failed(&cache->name) ? NULL : cache->name.data;
}

gk_session_entry *gk_session_cache_get(
	gk_session_cache *cache, char kind, const gk_session_realm *realm, const char *id)
{
	const char *name = name_of(cache, kind, realm, id);
	gk_session_entry *entry = name ? gk_table_get(cache->entries, name) : NULL;

	if (!entry)
		return NULL;
	TAILQ_REMOVE(&cache->used, entry, link);
	TAILQ_INSERT_TAIL(&cache->used, entry, link);
	return entry;
}

gk_session_entry *gk_session_cache_put(gk_session_cache *cache, char kind,
	const gk_session_realm *realm, const char *id, const gk_session_entry *from)
{
	const char *name = name_of(cache, kind, realm, id);
	gk_session_entry *old = name ? gk_table_get(cache->entries, name) : NULL, *entry = NULL;
	gk_auto_json json_t *own =
		from->document ? gk_snapshot_until(from->document, count_of(from)) : NULL;

	if (name && from->bytes <= cache->max_bytes && (own || !from->document))
		entry = malloc(sizeof(*entry) + strlen(name) + 1);
	if (entry) {
		*entry = *from;
		strcpy(entry->name, name);
		entry->document = NULL;
		entry->state = json_incref(from->document ? NULL : from->state);
	}
	if (old)
		drop(cache, old);
	if (!entry)
		return NULL;
	if (!gk_table_set(cache->entries, entry->name, entry)) {
		json_decref(entry->state);
		free(entry);
		return NULL;
	}
	if (own)
		set_document(cache, entry, gk_steal(own));
	TAILQ_INSERT_TAIL(&cache->used, entry, link);
	cache->bytes += entry->bytes + ENTRY_BYTES;
	while (cache->bytes > cache->max_bytes && TAILQ_FIRST(&cache->used) != entry)
		drop(cache, TAILQ_FIRST(&cache->used));
	return entry;
}

void gk_session_cache_drop(
	gk_session_cache *cache, char kind, const gk_session_realm *realm, const char *id)
{
	gk_session_entry *entry = gk_session_cache_get(cache, kind, realm, id);

	if (entry)
		drop(cache, entry);
}

const char *gk_session_cache_last(
	gk_session_cache *cache, const gk_session_realm *realm, const char *session_id)
{
	const char *name = name_of(cache, 'l', realm, session_id);

	return name ? gk_table_get(cache->sessions, name) : NULL;
}

/* A hint: without memory it is left out. */
void gk_session_cache_set_last(gk_session_cache *cache, const gk_session_realm *realm,
	const char *session_id, const char *snapshot_id)
{
	const char *name = name_of(cache, 'l', realm, session_id);
	char *id = name ? strdup(snapshot_id) : NULL;

	if (!id)
		return;
	if (gk_table_count(cache->sessions) >= GK_SESSION_CACHE_HINTS)
		gk_table_remove(
			cache->sessions, gk_table_entry_name(gk_table_first(cache->sessions)));
	if (!gk_table_set(cache->sessions, name, id))
		free(id);
}

/* --- what is new --- */

static bool is_same(json_t *a, json_t *b)
{
	return a == b || json_equal(a, b);
}

/* The messages of the entry are the first ones of these. */
static bool continues(json_t *messages, json_t *before, int64_t count)
{
	if (count > (int64_t)json_array_size(messages))
		return false;
	if (messages == before)
		return true; /* one that has grown */
	for (int64_t i = count; i-- > 0;)
		if (!is_same(
			    json_array_get(messages, (size_t)i), json_array_get(before, (size_t)i)))
			return false;
	return true;
}

static bool put_messages(gk_body *body, gk_arena *arena, json_t *messages, size_t from)
{
	gk_auto_buf gk_buf text = GK_BUF_INIT(GK_MAX_SNAPSHOT);
	size_t count = json_array_size(messages);

	for (size_t i = from; i < count; i++) {
		if (i > from)
			gk_buf_putc(&text, ',');
		gk_json_append(&text, json_array_get(messages, i));
	}
	if (gk_buf_failed(&text))
		return false;
	body->has_messages = count > from;
	body->count = (int64_t)count;
	body->messages_len = text.len;
	body->bytes += text.len;
	body->messages = gk_arena_text(arena, text.data ? text.data : "", text.len);
	return body->messages != NULL;
}

/* All but the messages. */
static bool has_same_rest(const json_t *state, const json_t *before)
{
	const char *name;
	json_t *value;

	if (json_object_size(state) != json_object_size(before))
		return false;
	json_object_foreach ((json_t *)state, name, value) {
		json_t *other = json_object_get(before, name);

		if (!other || (strcmp(name, "messages") != 0 && !is_same(value, other)))
			return false;
	}
	return true;
}

/* The messages leave their place behind. */
static bool put_rest(gk_body *body, gk_arena *arena, const json_t *state, bool has_messages)
{
	gk_auto_json json_t *rest = has_messages ? gk_json_merge(state, NULL) : NULL;
	gk_auto_buf gk_buf text = GK_BUF_INIT(GK_MAX_SNAPSHOT);

	if (has_messages && !gk_json_set_take(rest, "messages", json_null()))
		return false;
	gk_json_append(&text, rest ? rest : state);
	if (gk_buf_failed(&text))
		return false;
	body->rest_len = text.len;
	body->bytes += text.len;
	body->rest = gk_arena_text(arena, text.data, text.len);
	return body->rest != NULL;
}

bool gk_body_of_state(gk_body *body, gk_arena *arena, const json_t *state,
	gk_session_entry *const entries[2], gk_session_entry **base_ret)
{
	json_t *messages = json_object_get(state, "messages");
	gk_session_entry *base = NULL;
	int64_t count = 0;

	*body = (gk_body){ .count = json_is_array(messages) ? 0 : -1 };
	*base_ret = NULL;
	if (!state)
		return true;
	for (size_t i = 0; i < 2; i++) {
		gk_session_entry *entry = entries[i];

		if (!entry || !entry->state || (base && entry->parts.count <= base->parts.count))
			continue;
		if (continues(messages, json_object_get(entry->state, "messages"),
			    entry->parts.count > 0 ? entry->parts.count : 0))
			base = entry;
	}
	if (base) {
		body->base = base->parts;
		body->bytes = base->bytes;
		count = base->parts.count > 0 ? base->parts.count : 0;
		*base_ret = base;
	}
	if (body->count == 0 && !put_messages(body, arena, messages, (size_t)count))
		return false;
	if (base && (base->parts.count < 0) == (body->count < 0) &&
		has_same_rest(state, base->state))
		return true;
	body->base.rest = 0;
	return put_rest(body, arena, state, json_is_array(messages));
}

bool gk_body_of_messages(
	gk_body *body, gk_arena *arena, const json_t *messages, gk_session_entry *entry)
{
	size_t count = 0;

	*body = (gk_body){ .count = 0 };
	if (entry && continues((json_t *)messages, entry->state, entry->parts.count)) {
		body->base = entry->parts;
		body->bytes = entry->bytes;
		count = (size_t)entry->parts.count;
	}
	return put_messages(body, arena, (json_t *)messages, count);
}
