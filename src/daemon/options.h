/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* The command line. */
#ifndef GK_DAEMON_OPTIONS_H
#define GK_DAEMON_OPTIONS_H

#include <genkit/status.h>

typedef enum gk_options_action {
	GK_ACTION_SERVE,
	GK_ACTION_CHECK,  /* --check-config */
	GK_ACTION_SCHEMA, /* --config-schema */
	GK_ACTION_MANUAL, /* --config-man */
	GK_ACTION_VERSION,
	GK_ACTION_HELP,
} gk_options_action;

/* Strings are argv's. */
typedef struct gk_options {
	gk_options_action action;
	const char **files, **assign, **modules; /* NULL-terminated; files NULL: none given */
	bool is_dev;                             /* also by GENKIT_ENV=dev */
	int ready_fd;                            /* -1: none */
} gk_options;

/** INVALID_ARGUMENT for what cannot be understood. */
GK_MUST_USE gk_code gk_options_parse(int argc, char **argv, gk_options *ret, gk_error *err);
void gk_options_done(gk_options *options);
/** The text of --help; the caller frees it. */
char *gk_options_help(const char *program);

#endif
