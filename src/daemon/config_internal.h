/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* What the files of the configuration share: config.c knows the sources, config_read.c types what one says, config_check.c
 * sees what only makes sense together. */
#ifndef GK_DAEMON_CONFIG_INTERNAL_H
#define GK_DAEMON_CONFIG_INTERNAL_H

#include "base/buf.h"
#include "daemon/config.h"
#include "json/yaml.h"

/* Beside an entry's values: where it stands. No key can have this name. */
#define GK_ENTRY_WHERE "@"

struct gk_config {
	json_t *values; /* key: typed value */
	json_t *given;  /* key: where a source gave it */
	json_t *raw;    /* key: as it was written, before ${...} was replaced */
	json_t *wrong;  /* key: true; what was said of it is a mistake, which is reported */
};

/* One source while it is read. */
typedef struct gk_config_source {
	gk_config *config;
	const char *name;    /* "/etc/genkitd/genkitd.yaml", "--set", "$PORT" */
	const gk_yaml *doc;  /* NULL: places are not known */
	const gk_yaml *core; /* the same text, its scalars typed by YAML: for schemas */
	bool replaces;       /* lists that files add to */
	/* Where the walk is: as a JSON Pointer, and as people write it, "exec[0].timeout". */
	gk_buf pointer, label;
	gk_buf *mistakes;
	bool no_memory;
} gk_config_source;

/** What the buffer holds; "" when memory ran out. */
static inline const char *gk_config_text(const gk_buf *buf)
{
	return buf->data && !gk_buf_failed(buf) ? buf->data : "";
}

void gk_config_source_init(gk_config_source *source, gk_config *config, gk_buf *mistakes);
void gk_config_source_done(gk_config_source *source);
/** Reports a mistake where the walk is. */
void gk_config_mistake(gk_config_source *source, const char *format, ...) GK_PRINTF(2, 3);
/** The members of a file's root, or of a section. */
void gk_config_read_section(gk_config_source *source, json_t *members);
/** One key and its value, as text or as YAML gave it. */
void gk_config_read_value(gk_config_source *source, const gk_config_key *key, json_t *value);
/** Gives the keys that were not set their defaults. */
void gk_config_add_fallbacks(gk_config_source *source);
/** "error", "warn", ...; ends with NULL. */
extern const char *const gk_config_levels[];
const gk_config_key *gk_config_find(const gk_config_key *keys, const char *name, size_t len);
/** A mistake: no such key where the walk is. */
void gk_config_unknown(gk_config_source *source);
/** Reports what is wrong in a mapping that somebody else types (taken). NULL: something is. */
json_t *gk_config_checked_map(gk_config_source *source, const gk_config_key *key, json_t *map_take);
/** Reports what does not go together. What is known to be wrong is left out. */
void gk_config_check(const gk_config *config, gk_buf *mistakes);

#endif
