/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * JSON Patch (RFC 6902): what changed between two values, and the change applied.
 *
 *	rc = gk_json_diff(before, after, &patch, err);
 *	rc = gk_json_patch_apply(before, patch, GK_PATCH_LENIENT, &copy, err);
 *
 * No value is ever changed in place and none is copied that a reference saves: a result shares with what it was made from
 * all that the patch does not touch. So a value that was given here or came from here is to be replaced, not edited.
 */
#ifndef GK_JSON_PATCH_H
#define GK_JSON_PATCH_H

#include <genkit/json.h>

typedef enum gk_patch_rules {
	/* RFC 6902 to the letter: what an operation needs must be there. */
	GK_PATCH_STRICT,
	/* As Genkit applies the patches of an agent's state (sessions section 12): containers on the way are made, what
	 * is to be removed may be missing, a `value` left out is no value, and an index that is none is passed over.
	 * "__proto__", "prototype" and "constructor" are refused in paths. */
	GK_PATCH_LENIENT,
} gk_patch_rules;

/**
 * The document after all operations, or, on failure, an error that names the operation; `doc` is untouched either way.
 * Both are borrowed. NULL for `doc` and in `*ret` is no document, which removing "" leaves. Members keep their places.
 * `details` of an error are {operation, path}: the index, and the path unless there is none.
 * Errors: GK_INVALID_ARGUMENT (no patch), GK_FAILED_PRECONDITION (it does not fit the document, `test` included),
 * GK_RESOURCE_EXHAUSTED (GK_MAX_PATCH_*, a result deeper than GK_JSON_MAX_DEPTH, memory).
 */
GK_MUST_USE gk_code gk_json_patch_apply(
	json_t *doc, const json_t *patch, gk_patch_rules rules, json_t **ret, gk_error *err);

/**
 * The patch from `from` to `to`, of `add`, `remove` and `replace` alone, empty when they are equal. Members of `from` come
 * first, in their order, then those that `to` adds; elements are compared place by place. NULL is no value. A difference
 * beyond GK_MAX_PATCH_OPS or GK_MAX_PATCH_PATHS is told as one replacement of the whole.
 * Errors: GK_RESOURCE_EXHAUSTED (deeper than GK_JSON_MAX_DEPTH, memory).
 */
GK_MUST_USE gk_code gk_json_diff(json_t *from, json_t *to, json_t **ret, gk_error *err);

#endif
