/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * A table from names to pointers that remembers the order of insertion. (uthash inside.)
 *
 * Names are copied; values belong to the caller unless a free function is given.
 */
#ifndef GK_BASE_TABLE_H
#define GK_BASE_TABLE_H

#include <genkit/status.h>

typedef struct gk_table gk_table;
typedef struct gk_table_entry gk_table_entry;
typedef void gk_table_free_fn(void *value);

/** `free_value` is called for a value that is removed or replaced, and for all at the end; NULL: they are not ours. */
gk_table *gk_table_new(gk_table_free_fn *free_value);
void gk_table_free(gk_table *table);
size_t gk_table_count(const gk_table *table);
/** NULL when there is none of that name. */
void *gk_table_get(const gk_table *table, const char *name);
/** The same for a name that does not end in NUL. */
void *gk_table_get_n(const gk_table *table, const char *name, size_t len);
/** Adds, or replaces in place. False when memory ran out: `value` is then still the caller's. */
GK_MUST_USE bool gk_table_set(gk_table *table, const char *name, void *value);
/** True when there was one. */
bool gk_table_remove(gk_table *table, const char *name);
/** Takes the value out without freeing it; NULL when there is none. */
void *gk_table_take(gk_table *table, const char *name);

/* Walks in order of insertion. The entry just seen may be removed by its name; nothing else may change. */
gk_table_entry *gk_table_first(const gk_table *table);
gk_table_entry *gk_table_next(gk_table_entry *entry);
const char *gk_table_entry_name(const gk_table_entry *entry);
void *gk_table_entry_value(const gk_table_entry *entry);

#define gk_table_foreach(table, entry)                                                             \
	for (gk_table_entry *entry = gk_table_first(table), *entry##_next;                         \
		entry && (entry##_next = gk_table_next(entry), true); entry = entry##_next)

#endif
