/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "base/table.h"

#define HASH_NONFATAL_OOM          1
#define uthash_nonfatal_oom(entry) ((entry)->lost = true)
#include <uthash.h>

struct gk_table_entry {
	UT_hash_handle hh;
	void *value;
	bool lost; /* uthash found no memory for it */
	char name[];
};

struct gk_table {
	gk_table_entry *head;
	gk_table_free_fn *free_value;
};

gk_table *gk_table_new(gk_table_free_fn *free_value)
{
	gk_table *table = calloc(1, sizeof(*table));

	if (table)
		table->free_value = free_value;
	return table;
}

static void drop_value(gk_table *table, void *value)
{
	if (table->free_value && value)
		table->free_value(value);
}

void gk_table_free(gk_table *table)
{
	gk_table_entry *entry, *next;

	if (!table)
		return;
	HASH_ITER(hh, table->head, entry, next)
	{
		HASH_DEL(table->head, entry);
		drop_value(table, entry->value);
		free(entry);
	}
	free(table);
}

size_t gk_table_count(const gk_table *table)
{
	return HASH_COUNT(table->head);
}

static gk_table_entry *find(const gk_table *table, const char *name, size_t len)
{
	gk_table_entry *entry;

	HASH_FIND(hh, table->head, name, len, entry);
	return entry;
}

void *gk_table_get(const gk_table *table, const char *name)
{
	return gk_table_get_n(table, name, strlen(name));
}

void *gk_table_get_n(const gk_table *table, const char *name, size_t len)
{
	gk_table_entry *entry = find(table, name, len);

	return entry ? entry->value : NULL;
}

bool gk_table_set(gk_table *table, const char *name, void *value)
{
	size_t len = strlen(name);
	gk_table_entry *entry = find(table, name, len);

	if (entry) {
		if (entry->value != value)
			drop_value(table, entry->value);
		entry->value = value;
		return true;
	}
	entry = calloc(1, sizeof(*entry) + len + 1);
	if (!entry)
		return false;
	memcpy(entry->name, name, len);
	entry->value = value;
	HASH_ADD_KEYPTR(hh, table->head, entry->name, len, entry);
	if (entry->lost) {
		free(entry);
		return false;
	}
	return true;
}

void *gk_table_take(gk_table *table, const char *name)
{
	gk_table_entry *entry = find(table, name, strlen(name));
	void *value;

	if (!entry)
		return NULL;
	value = entry->value;
	HASH_DEL(table->head, entry);
	free(entry);
	return value;
}

bool gk_table_remove(gk_table *table, const char *name)
{
	gk_table_entry *entry = find(table, name, strlen(name));

	if (!entry)
		return false;
	HASH_DEL(table->head, entry);
	drop_value(table, entry->value);
	free(entry);
	return true;
}

gk_table_entry *gk_table_first(const gk_table *table)
{
	return table->head;
}

gk_table_entry *gk_table_next(gk_table_entry *entry)
{
	return entry->hh.next;
}

const char *gk_table_entry_name(const gk_table_entry *entry)
{
	return entry->name;
}

void *gk_table_entry_value(const gk_table_entry *entry)
{
	return entry->value;
}
