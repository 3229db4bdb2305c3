/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* A mapping that somebody else types, and who knows what is wrong in it. */
#include "daemon/config_internal.h"

typedef struct listener {
	gk_config_source *source;
	bool is_wrong;
} listener;

static void hear(void *user, const char *pointer, const char *text)
{
	listener *it = user;
	gk_config_source *source = it->source;
	size_t before = source->pointer.len;

	it->is_wrong = true;
	gk_buf_puts(&source->pointer, pointer);
	gk_config_mistake(source, "%s: %s", gk_config_text(&source->label), text);
	if (gk_buf_failed(&source->pointer))
		return;
	source->pointer.len = before;
	source->pointer.data[before] = '\0';
}

json_t *gk_config_checked_map(gk_config_source *source, const gk_config_key *key, json_t *map_take)
{
	listener it = { .source = source };

	if (map_take && key->check)
		key->check(map_take, hear, &it);
	if (!it.is_wrong)
		return map_take;
	json_decref(map_take);
	return NULL;
}
