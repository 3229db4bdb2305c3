/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * The configuration: YAML files and --set, typed by one table of keys.
 *
 *	rc = gk_config_load(&sources, &config, err);	every mistake at once, a line each, in the error's message
 *	limit = gk_config_uint(config, "server.max_body");
 *
 * A key is written with dots: "server.listen" is listen below server in YAML. Strings may hold ${NAME} (environment),
 * ${file:/path} and ${credential:name} (systemd); what they stand for is never printed.
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
	GK_CONFIG_STRINGS, /* a list, or one string */
	GK_CONFIG_SECRETS, /* the same, never printed */
	GK_CONFIG_TABLE,   /* a list of entries with keys of their own */
	GK_CONFIG_MAP,     /* free-form: somebody else's */
} gk_config_type;

typedef struct gk_config_key {
	const char *name; /* with dots */
	gk_config_type type;
	const char *fallback;                /* as YAML text; NULL: nothing */
	const char *help;                    /* one line */
	const char *choices;                 /* of an enum: "a|b|c" */
	uint64_t min, max;                   /* of numbers; max 0: none */
	const struct gk_config_key *entries; /* of a table; ends with a key without a name */
} gk_config_key;

/** Ends with a key without a name. */
extern const gk_config_key gk_config_keys[];

typedef struct gk_config gk_config;

typedef struct gk_config_sources {
	const char *file;          /* --config; NULL: the system's files, when they are there */
	const char *const *assign; /* --set, "key=value"; NULL-terminated */
	bool is_dev;               /* defaults of --dev: reflection on */
} gk_config_sources;

/** INVALID_ARGUMENT with all mistakes, a line each. */
GK_MUST_USE gk_code gk_config_load(
	const gk_config_sources *sources, gk_config **ret, gk_error *err);
void gk_config_free(gk_config *config);

/* Values; they live as long as the configuration. An unknown key is a bug and ends the process. */
const char *gk_config_str(const gk_config *config, const char *key); /* NULL: not set */
bool gk_config_bool(const gk_config *config, const char *key);
uint64_t gk_config_uint(const gk_config *config, const char *key); /* also durations and sizes */
json_t *gk_config_list(
	const gk_config *config, const char *key); /* array of strings, or of {key: typed value} */
json_t *gk_config_map(const gk_config *config, const char *key);
/** True when a file or --set gave it. */
bool gk_config_is_set(const gk_config *config, const char *key);

/** JSON Schema (draft-07) of the file. New reference. */
json_t *gk_config_schema(void);
/** The keys as mdoc, for genkitd.yaml(5); the caller frees it. */
char *gk_config_manual(void);

/** Replaces ${...}; the caller frees it. INVALID_ARGUMENT when something it names is not there. */
GK_MUST_USE gk_code gk_config_expand(const char *text, char **ret, gk_error *err);

#endif
