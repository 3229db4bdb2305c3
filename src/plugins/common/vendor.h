/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * What all plugins for model providers have: a configured instance (where the service is, with which key, which headers go
 * along), and the actions that point to it.
 *
 * A plugin is a gk_vendor_type: what core needs to know of it, and what is read from its options. Options are those of
 * Genkit's plugins; case and underscores in their names do not matter: base_url is baseURL.
 */
#ifndef GK_PLUGINS_VENDOR_H
#define GK_PLUGINS_VENDOR_H

#include "plugins/common/gate.h"
#include "plugins/common/net.h"
#include "plugins/common/token.h"

#include <genkit/embedder.h>
#include <genkit/model.h>
#include <genkit/plugin.h>

typedef enum gk_option_type {
	GK_OPTION_STRING,
	GK_OPTION_SECRET, /* a string, never shown; false: only with each call */
	GK_OPTION_BOOL,
	GK_OPTION_NUMBER,
	GK_OPTION_STRINGS, /* {name: string}, such as headers */
	GK_OPTION_LIST,
	GK_OPTION_OBJECT,
} gk_option_type;

/* An option of a plugin: read, checked and documented from here. Ends with one without a name. */
typedef struct gk_vendor_option {
	const char *name; /* as Genkit's plugins spell it */
	gk_option_type type;
	const char *help;
} gk_vendor_option;

/* Those that every plugin has. */
extern const gk_vendor_option gk_vendor_common_options[];

typedef struct gk_vendor gk_vendor;

/* How a plugin finds its service. */
typedef struct gk_vendor_type {
	gk_plugin_type plugin; /* first: core knows no more */
	const char *base_url;  /* without a slash at the end; NULL: it must be given */
	const char *const *base_env,
		*const *key_env; /* environment variables, the first one set wins; NULL: none */
	bool key_optional;
	/** Makes the rest of an instance that has its options, address and key. NULL: there is no more. */
	gk_code (*setup)(gk_vendor *vendor, gk_error *err);
	/** Asks the service what there is: fills `listing` with gk_vendor_listed(). NULL: it cannot be asked. */
	gk_code (*list)(gk_ctx *ctx, gk_vendor *vendor, json_t *listing, gk_error *err);
	uint64_t listing_ms;             /* how long that is believed; 0: GK_VENDOR_LISTING_MS */
	const gk_vendor_option *options; /* beyond the common ones; NULL: none */
	const void *row;                 /* of the family's table */
	bool is_allocated;               /* freed with the plugin, name included */
} gk_vendor_type;

struct gk_vendor {
	unsigned refs;
	const gk_vendor_type *type;
	gk_app *app;
	char *name;                    /* prefix of its actions; begins its errors */
	json_t *options;               /* with the names of the tables */
	char *base_url;                /* without a slash at the end, without a query */
	char *base_query;              /* what was behind its question mark; NULL: nothing */
	char *api_key;                 /* NULL: none */
	bool key_per_call, has_warned; /* of what a model ignores */
	uint64_t timeout_ms;
	bool is_traced;         /* its requests are spans */
	gk_gate *gate;          /* before its requests */
	gk_token_cache *tokens; /* for requests without a key; NULL: there are none */
	json_t *listing;        /* what list() found; NULL: not asked yet */
	uint64_t listed_ms;
	json_t *memory; /* what the family remembers; NULL: nothing */
};

/* What an action of a provider has for gk_ctx_user(). */
typedef struct gk_vendor_model {
	gk_vendor *vendor;
	char *id;        /* without the prefix */
	const void *row; /* of the family's table of models; may be NULL */
} gk_vendor_model;

/** The instance of a plugin, made when it is first asked for: reads and checks the options, finds key and address.
 * FAILED_PRECONDITION: no key, no address; INVALID_ARGUMENT: an option that there is not. Borrowed, lives with the plugin. */
gk_code gk_vendor_of(gk_plugin *plugin, gk_vendor **ret, gk_error *err);
/** For gk_plugin_type.done. */
void gk_vendor_plugin_done(gk_plugin *plugin);
/** For free_user. */
void gk_vendor_model_free(void *model);
/** NULL when memory ran out. */
gk_vendor_model *gk_vendor_model_new(gk_vendor *vendor, const char *id, const void *row);

/** An option by the name of the tables; borrowed; NULL: not set. */
json_t *gk_vendor_option_peek(const gk_vendor *vendor, const char *name);
const char *gk_vendor_option_str(const gk_vendor *vendor, const char *name);
/** A text of the options (`option` NULL: of none), else the first of the variables `env` that is not blank, without the
 * white space around it; the caller frees it. `*ret` NULL: there is none. */
GK_MUST_USE gk_code gk_vendor_find_text(const gk_vendor *vendor, const char *option,
	const char *const *env, char **ret, gk_error *err);

/** Registers a model of the plugin: `info` is its ModelInfo (borrowed), customOptions being the schema of its configuration. */
gk_code gk_vendor_define_model(gk_plugin *plugin, gk_vendor *vendor, const char *id,
	const void *row, json_t *info, gk_action_fn *run, gk_error *err);
/** The same for an embedder; `info` is its EmbedderInfo. */
gk_code gk_vendor_define_embedder(gk_plugin *plugin, gk_vendor *vendor, const char *id,
	const void *row, json_t *info, gk_action_fn *run, gk_error *err);

/** The key of a call: config.apiKey of `config` (a model's config, an embedder's options), else the instance's. `*ret` is
 * borrowed; NULL: none is needed. INVALID_ARGUMENT: there is none. */
gk_code gk_vendor_key(
	const gk_vendor *vendor, const json_t *config, const char **ret, gk_error *err);
/** INVALID_ARGUMENT: the name of a model (whoever calls chooses it) would lead elsewhere as a part of an address: it has a
 * query, a fragment, a segment of dots, or what no address has unescaped. */
gk_code gk_vendor_check_path(const gk_vendor *vendor, const char *id, gk_error *err);
/** What every request of an instance gets: the configured headers, the time limit, the gate, the query of the address. */
void gk_vendor_prepare(const gk_vendor *vendor, gk_outgoing *out);
/** Registers one of many; `row` is of the family's table, or the mapping (a json_t) that the administrator gave. */
typedef gk_code gk_vendor_define_fn(
	gk_plugin *plugin, gk_vendor *vendor, const void *row, const char *id, gk_error *err);
/** Registers each of `ids` (separated by blanks) that stands for itself, without *. */
gk_code gk_vendor_define_words(gk_plugin *plugin, gk_vendor *vendor, const char *ids,
	const void *row, gk_vendor_define_fn *define, gk_error *err);
/** Registers each that an option lists: names, or mappings with `name`, which are handed on. INVALID_ARGUMENT: it is neither. */
gk_code gk_vendor_define_given(gk_plugin *plugin, gk_vendor *vendor, const char *option,
	gk_vendor_define_fn *define, gk_error *err);

/** For gk_plugin_type.list: appends to `list` what gk_vendor_type.list found, now or not long ago. Nothing is asked without a
 * key: whoever calls has it then. */
GK_SUSPENDS gk_code gk_vendor_list(gk_ctx *ctx, gk_plugin *plugin, json_t *list, gk_error *err);
/** The items of an answer that should be a listing: it is an array, or has one as `member`, or null, which has none. An answer
 * with an error in it fails with that, any other with INTERNAL. `out` is what was asked. Borrowed. */
GK_MUST_USE gk_code gk_vendor_items(const gk_vendor *vendor, const gk_outgoing *out, json_t *answer,
	const char *member, json_t **ret, gk_error *err);
/** An item of a listing; `info` (borrowed) is told as metadata.KIND, as for a registered one; NULL when memory ran out. */
json_t *gk_vendor_listed(const char *type, const char *id, json_t *info);

/** Whether `id` is one of `words` (separated by blanks); one that begins or ends with * stands for what ends or begins with
 * the rest. */
bool gk_words_match(const char *words, const char *id);

#endif
