/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * Regular expressions as JavaScript has them (ECMAScript with the `u` flag), run by PCRE2.
 *
 *	rc = gk_regex_compile("^\\d{3}$", 7, &regex, err);
 *	if (gk_regex_match(regex, text, len, &work) == GK_REGEX_MATCH)
 *
 * Patterns match anywhere unless they are anchored. A compiled expression is immutable: any thread may run it, and
 * matching a short text allocates nothing once the thread has matched before. Matching is bounded: a pattern that
 * backtracks without end gives GK_REGEX_LIMIT.
 */
#ifndef GK_JSON_REGEX_H
#define GK_JSON_REGEX_H

#include "base/buf.h"

#include <genkit/status.h>

typedef struct gk_regex gk_regex;

typedef enum gk_regex_result {
	GK_REGEX_NONE,
	GK_REGEX_MATCH,
	GK_REGEX_LIMIT, /* gave up: too much backtracking, or no memory */
} gk_regex_result;

/** Errors are plain: "Invalid regular expression: /[/u: ...". */
GK_MUST_USE gk_code gk_regex_compile(
	const char *pattern, size_t len, gk_regex **ret, gk_error *err);
void gk_regex_free(gk_regex *regex);
/** Whether `text` (UTF-8; what is no UTF-8 matches nothing) has a match. `work` is what may still be spent on hard
 * cases by all matches that share it; NULL: GK_PCRE_MATCH_LIMIT for this one. */
gk_regex_result gk_regex_match(const gk_regex *regex, const char *text, size_t len, uint64_t *work);

/** True when it is a pattern; compiles and forgets it. */
bool gk_regex_is_valid(const char *pattern, size_t len);

/** The pattern in PCRE2's syntax. NULL, or what is wrong with it (static). */
const char *gk_regex_translate(const char *pattern, size_t len, gk_buf *ret);

#endif
