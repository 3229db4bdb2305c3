/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * The document that a patch is being applied to: one place of it read, set or removed. What others refer to is copied
 * before it changes, one container deep along the path; what the patch made itself is changed where it is.
 */
#ifndef GK_JSON_PATCH_DOC_H
#define GK_JSON_PATCH_DOC_H

#include <genkit/json.h>

typedef struct patch_path {
	size_t count;
	struct patch_token {
		const char *name; /* unescaped; not NUL-terminated */
		size_t len;
	} tokens[GK_JSON_MAX_DEPTH];
	const char *text; /* as it was given, for errors */
} patch_path;

typedef struct patch_doc {
	json_t *root; /* owned; NULL: no document */
	bool is_lenient;
	size_t work;   /* steps done so far */
	size_t copied; /* bytes that copies have added */
} patch_doc;

typedef enum patch_put {
	PATCH_ADD,
	PATCH_REPLACE,
	PATCH_COPY, /* PATCH_ADD of what stands elsewhere, too: it counts */
} patch_put;

/** Borrowed; NULL when there is nothing. */
json_t *gk_patch_doc_peek(const patch_doc *doc, const patch_path *path);
/** `value` is borrowed; NULL (lenient only): none, which in an array is null and elsewhere takes away what is there. */
GK_MUST_USE gk_code gk_patch_doc_put(
	patch_doc *doc, const patch_path *path, json_t *value, patch_put how, gk_error *err);
GK_MUST_USE gk_code gk_patch_doc_remove(patch_doc *doc, const patch_path *path, gk_error *err);

#endif
