/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * genkitctl: a client of the reflection API. Each command is a row of the table in commands.c and a function that runs in
 * a fiber.
 */
#ifndef GK_CTL_CTL_H
#define GK_CTL_CTL_H

#include "base/buf.h"
#include "base/limits.h"
#include "loop/fetch.h"

#include <stdio.h>

/* Exit statuses, as sysexits(3) has them where it has one. */
enum {
	GK_EXIT_OK = 0,
	GK_EXIT_FAILED = 1, /* the action failed, or nobody answered */
	GK_EXIT_USAGE = 64,
	GK_EXIT_INTERRUPTED = 130,
};

/* What the command line says. Everything is borrowed from argv. */
typedef struct gk_ctl_options {
	const char *url; /* --url */
	const char *context, *label, *input;
	const char *action, *status, *since, *grep, *limit; /* of traces */
	const char *supports, *from_file;                   /* of test-model */
	const char *store, *owner;                          /* of sessions */
	const char *file;                                   /* of db */
	bool is_json, is_stream, is_verbose, is_follow, wants_help, wants_version;
	const char *command; /* NULL: none */
	const char *words[GK_CTL_MAX_WORDS];
	size_t word_count;
} gk_ctl_options;

typedef struct gk_ctl {
	const gk_ctl_options *options;
	gk_loop *loop;
	gk_scope *scope; /* called off by Ctrl-C */
	gk_fetch_client *client;
	char *url;         /* of the daemon, without a slash at the end */
	const char *key;   /* sent in the Authorization header; NULL: none */
	char trace_id[33]; /* of the run under way; "": none yet */
	bool tells_trace;  /* as soon as it is known, for whoever may want to cancel it */
	int status;        /* to exit with */
} gk_ctl;

typedef struct gk_ctl_command {
	const char *name, *arguments, *summary, *help;
	size_t min_words, max_words;
	GK_SUSPENDS gk_code (*run)(gk_ctl *ctl, gk_error *err);
} gk_ctl_command;

#define GK_CTL_MAX_COMMANDS 32
/** Ends with a command without a name. */
extern const gk_ctl_command gk_ctl_commands[];
const gk_ctl_command *gk_ctl_find_command(const char *name);

/** INVALID_ARGUMENT with what is wrong and where to look. Options may stand anywhere. */
GK_MUST_USE gk_code gk_ctl_parse(int argc, char **argv, gk_ctl_options *ret, gk_error *err);

/** Where the daemon listens: --url, $GENKITD_URL (`from_environment`), the newest runtime file of the project, else the
 * usual port. The caller frees it. */
GK_MUST_USE gk_code gk_ctl_find_daemon(
	const gk_ctl_options *options, const char *from_environment, char **ret, gk_error *err);

/** Asks, and gives the answer's body, parsed; a status that is not 2xx is an error with the body's text. */
GK_MUST_USE GK_SUSPENDS gk_code gk_ctl_ask(
	gk_ctl *ctl, const char *path, json_t *body, json_t **ret, gk_error *err);
/** Starts a request and leaves its answer to be read. */
GK_MUST_USE GK_SUSPENDS gk_code gk_ctl_open(
	gk_ctl *ctl, const char *path, json_t *body, gk_fetch **ret, gk_error *err);

/* --- files --- */
/** UNAVAILABLE with the path and what errno says. */
gk_code gk_ctl_fail_file(const char *path, gk_error *err);
/** For inputs and outputs: nobody else may read it, and nothing is overwritten. "-" is standard output. */
GK_MUST_USE gk_code gk_ctl_create_file(const char *path, FILE **ret, gk_error *err);
/** `rc` says how it went so far; is it not OK in the end, the file is gone. */
GK_MUST_USE gk_code gk_ctl_close_file(FILE *file, const char *path, gk_code rc, gk_error *err);

/* --- printing --- */
/** A value for people: pretty JSON. */
void gk_ctl_print(const json_t *value);
/** One compact line, flushed. */
void gk_ctl_print_line(const json_t *value);
/** JSON as it came, and a line end: control characters that it may have in texts become escapes of JSON's, those that it may
 * have between values become spaces. */
void gk_ctl_put_json(FILE *file, const char *text, size_t len);
/** Two columns, aligned; the second is cut to the terminal's width. `rows`: array of [left, right]. */
void gk_ctl_print_table(const json_t *rows);
/** Lines for people, of texts that others wrote: their line ends stay, other control characters are escaped. */
void gk_ctl_say(FILE *file, const char *format, ...) GK_PRINTF(2, 3);
/** A text, cut to so many columns: characters, a wide one counts as one. Control characters are escaped. */
void gk_ctl_put_cut(gk_buf *out, const char *text, size_t room);
size_t gk_ctl_columns(const char *text);
/** Of the terminal that standard output is; 0: it is none. */
unsigned gk_ctl_width(void);
/** The same as text, for a width in columns (0: any); the caller frees it. */
char *gk_ctl_table(const json_t *rows, unsigned width);

#endif
