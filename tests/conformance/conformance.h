/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * The conformance runner: `conformance KIND PATH...` replays vector files. A kind is one function, called for every
 * .json and .yaml file of the paths; it reports each case once.
 *
 *	static void run_widgets(conformance *run, const char *file, json_t *doc)
 *	{
 *		json_array_foreach(doc, i, one)
 *			conformance_expect(run, case_name(one), widget(one), json_object_get(one, "expected"));
 *	}
 *
 * A failure is one line, "KIND file case: what differed". A case that is answered differently on purpose is listed in
 * differs.txt with its reason: it then counts neither as passed nor as failed, and when it agrees after all, or is
 * never met, that is a failure.
 */
#ifndef TESTS_CONFORMANCE_H
#define TESTS_CONFORMANCE_H

#include <genkit/json.h>

typedef struct conformance conformance;

/** `file` is the path as it was found; `doc` is borrowed. */
typedef void conformance_file_fn(conformance *run, const char *file, json_t *doc);

/* One row a kind, in main.c. */
typedef struct conformance_kind {
	const char *name;
	conformance_file_fn *run;
} conformance_kind;

/* The kinds, one file each. */
conformance_file_fn conformance_agent;
conformance_file_fn conformance_core;
conformance_file_fn conformance_dotprompt;
conformance_file_fn conformance_dotprompt_docs;
conformance_file_fn conformance_generate;
conformance_file_fn conformance_handlebars;
conformance_file_fn conformance_json_patch;
conformance_file_fn conformance_json_schema;
conformance_file_fn conformance_picoschema;
conformance_file_fn conformance_providers;
conformance_file_fn conformance_sessions;
conformance_file_fn conformance_telemetry;
conformance_file_fn conformance_uritemplate;

/* --- outcomes: one of these for every case --- */

void conformance_pass(conformance *run, const char *name);
void conformance_fail(conformance *run, const char *name, const char *format, ...) GK_PRINTF(3, 4);
/** The reason must be one that a user would accept. */
void conformance_skip(conformance *run, const char *name, const char *format, ...) GK_PRINTF(3, 4);
/** Passes when `got` (NULL: absent) equals `expected` ("$absent" or NULL: absent) in every respect but the order of
 * members and 1 for 1.0; fails with both values shown. Both are borrowed. */
void conformance_expect(
	conformance *run, const char *name, const json_t *got, const json_t *expected);
/** The same for text; NULL: absent. */
void conformance_expect_text(
	conformance *run, const char *name, const char *got, const char *expected);

/* --- help --- */

/** The whole file, NUL-terminated; NULL with a line on stderr when it cannot be read. */
char *conformance_read(const char *file, size_t *len_ret);
/** A JSON or YAML (core schema) file as a value; NULL with a line on stderr when it cannot be read. */
json_t *conformance_load(const char *file);
/** As conformance_expect() compares: null is not absent, "$traceId" and "$spanId" stand for any text that is not
 * empty. */
bool conformance_equal(const json_t *got, const json_t *expected);
/** "17" for the 17th case of a file, counted from 0, that has no name. Good until the next call. */
const char *conformance_number(size_t index);
/** True when the path `file` ends in `tail`, whole names only: "core/schema.yaml". */
bool conformance_is_file(const char *file, const char *tail);

#endif
