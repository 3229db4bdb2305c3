/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* A key that there is not, and the one that was meant. */
#include "daemon/config_internal.h"

#include "base/str.h"

#include <stdio.h>

#define MAX_CANDIDATES 64
#define KEY_SIZE       64

/* The nearest of what may stand where `name` stands: below the same section, or in the same entry. "" when there is none. */
static void nearest_sibling(const gk_config_key *keys, const char *parent, size_t parent_len,
	const char *name, char ret[KEY_SIZE])
{
	char names[MAX_CANDIDATES][KEY_SIZE];
	const char *candidates[MAX_CANDIDATES + 1], *near;
	size_t n = 0;

	for (; keys->name && n < MAX_CANDIDATES; keys++) {
		const char *own = keys->name + parent_len;

		if (strncmp(keys->name, parent, parent_len) != 0)
			continue;
		snprintf(names[n], sizeof(names[n]), "%.*s", (int)strcspn(own, "."), own);
		candidates[n] = names[n];
		n++;
	}
	candidates[n] = NULL;
	near = gk_str_nearest(name, candidates);
	snprintf(ret, KEY_SIZE, "%s", near ? near : "");
}

/* The key of that last name, for one that stands in the wrong section. */
static const char *same_name_elsewhere(const char *name)
{
	for (const gk_config_key *key = gk_config_keys; key->name; key++) {
		const char *dot = strrchr(key->name, '.');

		if (dot && strcmp(dot + 1, name) == 0)
			return key->name;
	}
	return NULL;
}

void gk_config_unknown(gk_config_source *source)
{
	const char *label = gk_config_text(&source->label), *dot = strrchr(label, '.');
	size_t parent = dot ? (size_t)(dot + 1 - label) : 0;
	const gk_config_key *list =
		gk_config_find(gk_config_keys, label, strcspn(label, "[")); /* an entry's */
	bool is_entry = list && list->entries;
	const char *other = is_entry ? NULL : same_name_elsewhere(label + parent);
	char near[KEY_SIZE];

	if (is_entry)
		nearest_sibling(list->entries, "", 0, label + parent, near);
	else
		nearest_sibling(gk_config_keys, label, parent, label + parent, near);
	if (*near)
		gk_config_mistake(source, "unknown key '%s' (did you mean '%.*s%s'?)", label,
			(int)parent, label, near);
	else if (other)
		gk_config_mistake(source, "unknown key '%s' (did you mean '%s'?)", label, other);
	else
		gk_config_mistake(source, "unknown key '%s'", label);
}
