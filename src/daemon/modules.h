/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * Modules: shared objects with the three symbols of GK_MODULE(), loaded once and never unloaded while the daemon runs.
 */
#ifndef GK_DAEMON_MODULES_H
#define GK_DAEMON_MODULES_H

#include <genkit/module.h>

typedef struct gk_modules gk_modules;

/** NULL when memory ran out. */
gk_modules *gk_modules_new(gk_app *app);
/**
 * Loads it and lets it define what it has. A name with a slash is a path, one without is looked up in the module
 * directory, with or without ".so". Loading one a second time does nothing, also by another path; one that failed when it
 * was loaded fails again. Errors say which file and what to do.
 */
GK_MUST_USE gk_code gk_modules_load(gk_modules *modules, const char *name, gk_error *err);
/** Names of those that are loaded, in order; the array lives until the next load. */
json_t *gk_modules_names_peek(const gk_modules *modules);
/** After the application is freed: its actions run their code. NULL is allowed. */
void gk_modules_free(gk_modules *modules);

#endif
