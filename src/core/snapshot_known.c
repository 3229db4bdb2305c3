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

/* The place of a snapshot; NULL: its id is none of ours, or there is no memory. */
static gk_known_snapshot *place_of(gk_app *app, const char *id)
{
	static const gk_app_slot slot = { make_slot, free };
	gk_known_snapshot *all;
	uint32_t hash = 2166136261u;

	if (!id || strlen(id) != GK_UUID_SIZE - 1)
		return NULL;
	all = gk_app_slot_peek(app, &slot);
	for (const char *c = id; *c; c++)
		hash = (hash ^ (unsigned char)*c) * 16777619u;
	return all ? &all[hash % REMEMBERED] : NULL;
}

const gk_known_snapshot *gk_snapshot_known_peek(gk_app *app, const char *id)
{
	const gk_known_snapshot *place = place_of(app, id);

	return place && strcmp(place->id, id) == 0 ? place : NULL;
}

void gk_snapshot_set_known(gk_app *app, const char *id, size_t bytes, bool names_resources)
{
	gk_known_snapshot *place = place_of(app, id);

	if (!place)
		return;
	memcpy(place->id, id, GK_UUID_SIZE);
	place->bytes = bytes;
	place->names_resources = names_resources;
}

void gk_snapshot_forget(gk_app *app, const char *id)
{
	gk_known_snapshot *place = place_of(app, id);

	if (place && strcmp(place->id, id) == 0)
		place->id[0] = '\0';
}
