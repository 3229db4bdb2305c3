/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * The configuration: YAML files and --set, typed by one table of keys.
 *
 *	rc = gk_config_load(&sources, &config, err);	every mistake at once, a line each, in the error's message
 *	limit = gk_config_uint(config, "server.max_body");
 *
 * A key is written with dots: "server.listen" is listen below server in YAML. Scalars may hold ${NAME} (environment),
 * ${file:/path} and ${credential:name} (systemd); what they stand for is never printed.
 *
 * The library does not read the environment; this floor does.
 */
#ifndef GK_DAEMON_CONFIG_H
#define GK_DAEMON_CONFIG_H

#include <genkit/status.h>

typedef enum gk_config_type {
	GK_CONFIG_STRING,
	GK_CONFIG_BOOL,
	GK_CONFIG_UINT,
	GK_CONFIG_DURATION, /* milliseconds */
	GK_CONFIG_SIZE,     /* bytes */
	GK_CONFIG_ENUM,
	GK_CONFIG_STRINGS,  /* a list, or one string */
	GK_CONFIG_SECRETS,  /* the same, never printed */
	GK_CONFIG_SETTINGS, /* {name: string}, never printed */
	GK_CONFIG_SCHEMA,   /* of a value: Picoschema or JSON Schema, as text or as a mapping */
	GK_CONFIG_ENTRIES,  /* a list of mappings with keys of their own */
	GK_CONFIG_MAP,      /* free-form: somebody else types it; never printed */
	GK_CONFIG_TYPES
} gk_config_type;

enum {
	GK_CONFIG_REQUIRED = 1, /* of an entry */
	GK_CONFIG_ADDS = 2,     /* each file adds to the list of those before; --set replaces it */
	GK_CONFIG_RESERVED = 4, /* a part that is to come reads it */
	GK_CONFIG_RESTART = 8,  /* a reload does not change it */
};

typedef struct gk_config_key {
	const char *name; /* with dots */
	gk_config_type type;
	const char *fallback;                /* as text; NULL: nothing */
	const char *help;                    /* one line */
	const char *unset;                   /* what holds when it is not set, for the manual */
	const char *const *choices;          /* of an enum, NULL-terminated */
	uint64_t min, max;                   /* of numbers; max 0: none */
	const struct gk_config_key *entries; /* of entries; ends with a key without a name */
	json_t *(*members)(void); /* of a mapping: the schema of what it may have; NULL: anything */
	/* of a mapping: tells what is wrong in it, each with its place as a JSON Pointer; NULL: nothing is */
	void (*check)(const json_t *map,
		void (*tell)(void *user, const char *pointer, const char *text), void *user);
	unsigned flags;
} gk_config_key;

/** Ends with a key without a name. */
extern const gk_config_key gk_config_keys[];

typedef struct gk_config gk_config;

typedef struct gk_config_sources {
	const char *const
		*files; /* --config, NULL-terminated; NULL: the system's, if they are there */
	const char *const *assign; /* --set, "key=value", NULL-terminated; NULL: none */
	bool is_dev;               /* --dev and GENKIT_ENV=dev turn reflection on */
} gk_config_sources;

/** INVALID_ARGUMENT with all mistakes, a line each. */
GK_MUST_USE gk_code gk_config_load(
	const gk_config_sources *sources, gk_config **ret, gk_error *err);
void gk_config_free(gk_config *config);

static inline void gk_config_freep(gk_config **config)
{
	gk_config_free(*config);
}
#define gk_auto_config GK_CLEANUP(gk_config_freep)

/* Values; they live as long as the configuration. A name that is not in the table is a bug and ends the process. */
const char *gk_config_str(const gk_config *config, const char *key); /* NULL: not set */
bool gk_config_bool(const gk_config *config, const char *key);
uint64_t gk_config_uint(const gk_config *config, const char *key); /* also durations and sizes */
/** Array of strings, or of entries {key: typed value}; NULL: not set. Borrowed. */
json_t *gk_config_list_peek(const gk_config *config, const char *key);
json_t *gk_config_map_peek(const gk_config *config, const char *key);
/** Where it was given: "FILE:LINE:COLUMN", "--set", "$NAME"; NULL: nowhere, it has its default. */
const char *gk_config_where(const gk_config *config, const char *key);
/** True when both have the same value. */
bool gk_config_is_same(const gk_config *a, const gk_config *b, const char *key);
/** Where an entry of a list stands. */
const char *gk_config_entry_where(const json_t *entry);

/** All keys with what they are set to, as YAML, and where each was given. Secrets are left out. */
GK_MUST_USE char *gk_config_print(const gk_config *config);
/** JSON Schema (draft-07) of the file. New reference. */
json_t *gk_config_schema(void);
/** The keys as mdoc, for genkitd.yaml(5); the caller frees it. */
char *gk_config_manual(void);

/** Replaces ${...}; "$${" stands for "${". The caller frees it. Fails when something it names is not there. */
GK_MUST_USE gk_code gk_config_expand(const char *text, char **ret, gk_error *err);

#endif
