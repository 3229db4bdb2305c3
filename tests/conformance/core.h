/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * The kind "core": files of `cases`, each with a name, an op (what to call), an input and what it gives. Every part of
 * the program has a table of ops in a file of its own (core_NAME.c), ended by an empty row; core.c joins them.
 */
#ifndef TESTS_CONFORMANCE_CORE_H
#define TESTS_CONFORMANCE_CORE_H

#include "conformance.h"

/** Runs one case and reports it (conformance_pass, _fail, _expect or core_expect_error). */
typedef void core_op_fn(conformance *run, const char *name, json_t *one);

typedef struct core_op {
	const char *op;
	core_op_fn *run;        /* NULL: not there yet */
	const char *comes_with; /* for those: what it comes with */
	const char *
		file; /* NULL: any; else only cases of this file, for ops that mean different things */
} core_op;

/* The tables. */
extern const core_op core_action_ops[];
extern const core_op core_extract_ops[];
extern const core_op core_format_ops[];
extern const core_op core_generate_ops[];
extern const core_op core_prompt_ops[];
extern const core_op core_middleware_ops[];
extern const core_op core_message_ops[];
extern const core_op core_rag_ops[];
extern const core_op core_schema_ops[];
extern const core_op core_tool_ops[];

/** Compares an error with the case's expectError {status?, message}; a plain error has no status. */
void core_expect_error(conformance *run, const char *name, const gk_error *err, const json_t *one);
/** What nearly every op ends with: expectError decides whether `rc` may be an error, else `got` (NULL: absent) is
 * compared with expect. */
void core_expect(conformance *run, const char *name, gk_code rc, const json_t *got,
	const gk_error *err, const json_t *one);

#endif
