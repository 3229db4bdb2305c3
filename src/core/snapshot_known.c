/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* What is known of snapshots that were saved lately: a table of fixed size, in which a new one takes another's place. */
#include "base/limits.h"
#include "core/app.h"
#include "core/snapshot.h"

static void *make_slot(void)
{
	return calloc(GK_KNOWN_SNAPSHOTS, sizeof(gk_known_snapshot));
}

static void free_slot(void *slot)
{
	gk_known_snapshot *all = slot;

	for (size_t i = 0; i < GK_KNOWN_SNAPSHOTS; i++)
		free(all[i].name);
	free(all);
}

/* What a snapshot is told by; NULL when memory ran out. The caller frees it. */
static char *name_of(const gk_session_realm *realm, const char *id)
{
	gk_auto_buf gk_buf name = GK_BUF_INIT(0);

	gk_realm_append(&name, realm, id);
	return gk_buf_take(&name, NULL);
}

/* The place of a snapshot, whoever has it now; NULL: its id is none of ours, or there is no memory. */
static gk_known_snapshot *place_of(gk_app *app, const char *id)
{
	static const gk_app_slot slot = { make_slot, free_slot };
	gk_known_snapshot *all;
	uint32_t hash = 2166136261u;

	if (!id || strlen(id) != GK_UUID_SIZE - 1)
		return NULL;
	all = gk_app_slot_peek(app, &slot);
	for (const char *c = id; *c; c++)
		hash = (hash ^ (unsigned char)*c) * 16777619u;
	return all ? &all[hash % GK_KNOWN_SNAPSHOTS] : NULL;
}

static bool is_of(const gk_known_snapshot *known, const gk_session_store *store, const char *name)
{
	return known->store == store && strcmp(known->name, name) == 0;
}

const gk_known_snapshot *gk_snapshot_known_peek(
	gk_app *app, const gk_session_store *store, const gk_session_realm *realm, const char *id)
{
	const gk_known_snapshot *place = place_of(app, id);
	gk_auto_str char *name = place && place->name ? name_of(realm, id) : NULL;

	return name && is_of(place, store, name) ? place : NULL;
}

void gk_snapshot_set_known(gk_app *app, const gk_session_store *store,
	const gk_session_realm *realm, const char *id, size_t bytes, bool names_resources)
{
	gk_known_snapshot *place = place_of(app, id);
	char *name = place ? name_of(realm, id) : NULL;

	if (!name)
		return;
	free(place->name);
	*place = (gk_known_snapshot){ name, store, bytes, names_resources };
}

void gk_snapshot_forget(
	gk_app *app, const gk_session_store *store, const gk_session_realm *realm, const char *id)
{
	gk_known_snapshot *place = place_of(app, id);
	gk_auto_str char *name = place && place->name ? name_of(realm, id) : NULL;

	/* Without memory for its name it may be another's: nothing is lost by that. */
	if (place && place->name && (!name || is_of(place, store, name)))
		free(gk_steal(place->name));
}
