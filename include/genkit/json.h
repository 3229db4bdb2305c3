/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * JSON at the edges: text in, text out, and the way to a member deep inside. The values are jansson's.
 *
 *	#include <genkit/genkit.h>
 *
 *	static gk_code second_stop(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
 *	{
 *		const char *text = json_string_value(input);
 *		gk_auto_json json_t *doc = NULL;
 *		gk_code rc = gk_json_parse(text, strlen(text), GK_JSON_DEFAULT_MAX, &doc, err);
 *
 *		(void)ctx;
 *		if (rc == GK_OK)
 *			*ret = json_incref(gk_json_at_peek(doc, "trip.stops[1]"));
 *		return rc;
 *	}
 *
 *	GK_MODULE(trips, app, err)
 *	{
 *		return gk_define_flow(app, GK_OPTS(gk_flow_opts, .name = "secondStop", .input = "string", .run = second_stop), err);
 *	}
 *
 * Running "secondStop" with "{\"trip\": {\"stops\": [\"Rome\", \"Oslo\"]}}" gives "Oslo"
 * Running "secondStop" with "{" fails with "INVALID_ARGUMENT: unexpected end of input at line 1, column 2"
 *
 * Reading refuses what is deeper than 128 levels or longer than the caller allows. Integers that do not fit 64
 * bits are read as reals, \u0000 and lone surrogates are accepted (the latter as U+FFFD), of two members with one
 * name the last wins, at the place of the first. Writing prints what JavaScript's JSON.stringify prints, in ASCII
 * only: 0.1 as 0.1, 1.0 as 1, 1e21 as 1e+21, members in their order.
 */
#ifndef GENKIT_JSON_H
#define GENKIT_JSON_H

#include <genkit/status.h>

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

#define GK_JSON_MAX_DEPTH   128
#define GK_JSON_DEFAULT_MAX (30u << 20) /* bytes of text */

/**
 * Reads one JSON value; blanks around it are allowed, anything else is not. `text` need not end in NUL; `max` 0:
 * GK_JSON_DEFAULT_MAX. What a text unfolds to in memory is bounded too, at some times its size.
 * Errors: GK_INVALID_ARGUMENT with line and column, GK_RESOURCE_EXHAUSTED for size, depth and memory.
 */
GK_MUST_USE gk_code gk_json_parse(
	const char *text, size_t len, size_t max, json_t **ret, gk_error *err);

/** Compact text, NUL-terminated; the caller frees it. `len_ret` may be NULL. NULL when memory ran out or the
 * value is deeper than GK_JSON_MAX_DEPTH. A NULL value is written as `null`. */
GK_MUST_USE char *gk_json_write(const json_t *value, size_t *len_ret);
/** For people: line breaks, two blanks a level, and characters beyond ASCII as they are, as in JavaScript's
 * JSON.stringify(value, null, 2). */
GK_MUST_USE char *gk_json_write_pretty(const json_t *value, size_t *len_ret);

/* A path names members by dots and elements by brackets: "a.b[2].c". A member whose name has dots, brackets or
 * blanks is out of its reach: use a JSON Pointer. All of these take NULL for `root` and give their miss. */

/** Borrowed, lives as long as its parent; NULL when there is nothing. */
json_t *gk_json_at_peek(const json_t *root, const char *path);
/** Borrowed; NULL when it is missing or no string. */
const char *gk_json_str_peek(const json_t *root, const char *path);
int64_t gk_json_int_at(const json_t *root, const char *path, int64_t missing);
double gk_json_real_at(const json_t *root, const char *path, double missing);
bool gk_json_bool_at(const json_t *root, const char *path, bool missing);

/** RFC 6901: "" is the root, "/a/0/b~1c". Borrowed; NULL when there is nothing or the pointer is malformed. */
json_t *gk_json_pointer_peek(const json_t *root, const char *pointer);

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif
