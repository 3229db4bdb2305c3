/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* What is known of snapshots that were saved lately: a table of fixed size, in which a new one takes another's place. */
#include "core/app.h"
#include "core/snapshot.h"

#define REMEMBERED 4096

static void *make_slot(void)
{
	return calloc(REMEMBERED, sizeof(gk_known_snapshot));
}

static void free_slot(void *slot)
{
	gk_known_snapshot *all = slot;

	for (size_t i = 0; i < REMEMBERED; i++)
		free(all[i].name);
	free(all);
}

/* What an id is looked for by; NULL: it is none of ours, or there is no memory. The caller frees it. */
static char *name_of(const gk_session_realm *realm, const char *id)
{
	gk_auto_buf gk_buf name = GK_BUF_INIT(0);

	if (!id || strlen(id) != GK_UUID_SIZE - 1)
		return NULL;
	gk_realm_append(&name, realm, id);
	return gk_buf_take(&name, NULL);
}

/* The place of a snapshot, whoever has it now; NULL: there is none, or no memory. */
static gk_known_snapshot *place_of(gk_app *app, const gk_session_store *store, const char *name)
{
	static const gk_app_slot slot = { make_slot, free_slot };
	gk_known_snapshot *all = name ? gk_app_slot_peek(app, &slot) : NULL;
	uint32_t hash = 2166136261u ^ (uint32_t)((uintptr_t)store >> 4);

	if (!all)
		return NULL;
	for (const char *c = name; *c; c++)
		hash = (hash ^ (unsigned char)*c) * 16777619u;
	return &all[hash % REMEMBERED];
}

/* Its own place; NULL: it is not known. */
static gk_known_snapshot *find(
	gk_app *app, const gk_session_store *store, const gk_session_realm *realm, const char *id)
{
	gk_auto_str char *name = name_of(realm, id);
	gk_known_snapshot *place = place_of(app, store, name);

	return place && place->name && place->store == store && strcmp(place->name, name) == 0
		       ? place
		       : NULL;
}

const gk_known_snapshot *gk_snapshot_known_peek(
	gk_app *app, const gk_session_store *store, const gk_session_realm *realm, const char *id)
{
	return find(app, store, realm, id);
}

void gk_snapshot_set_known(gk_app *app, const gk_session_store *store,
	const gk_session_realm *realm, const char *id, size_t bytes, bool names_resources)
{
	gk_auto_str char *name = name_of(realm, id);
	gk_known_snapshot *place = place_of(app, store, name);

	if (!place)
		return;
	free(place->name);
	*place = (gk_known_snapshot){ gk_steal(name), store, bytes, names_resources };
}

void gk_snapshot_forget(
	gk_app *app, const gk_session_store *store, const gk_session_realm *realm, const char *id)
{
	gk_known_snapshot *place = find(app, store, realm, id);

	if (place)
		free(gk_steal(place->name));
}
