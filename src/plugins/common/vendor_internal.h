/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * What the files of plugins' instances share.
 *
 *	vendor.c          an instance: where its service is, with which key; and its requests
 *	vendor_options.c  its options
 *	vendor_actions.c  its models and embedders: registered, listed
 */
#ifndef GK_PLUGINS_VENDOR_INTERNAL_H
#define GK_PLUGINS_VENDOR_INTERNAL_H

#include "plugins/common/vendor.h"

/** A copy of `options` under the names of the tables, checked. INVALID_ARGUMENT: one that there is not, or that is not what it
 * must be. */
gk_code gk_vendor_read_options(
	const gk_vendor_type *type, json_t *options, json_t **ret, gk_error *err);
/** One of them: whether there is such an option, and what it is. `*ret` is its value under the type that it has (a new
 * reference), `*name_ret` its name in the tables (borrowed). */
gk_code gk_vendor_read_option(const gk_vendor_type *type, const char *name, json_t *value,
	const char **name_ret, json_t **ret, gk_error *err);
/** A name as configuration files spell it: baseURL is base_url. The caller frees it; NULL when memory ran out. */
char *gk_vendor_spelled(const char *name);
/** Another name of a common option, for i from 0; NULL after the last. */
const char *gk_vendor_alias_at(const char *name, size_t i);
/** Whether the plugin has an option of that name beyond the common ones. */
bool gk_vendor_has_option(const gk_vendor_type *type, const char *name);

gk_vendor *gk_vendor_ref(gk_vendor *vendor);
/** NULL is allowed. */
void gk_vendor_unref(gk_vendor *vendor);

#endif
