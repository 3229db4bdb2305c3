/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * Helpers: functions that templates call by name, {{shout name}}, {{#list items sep=", "}}...{{/list}}.
 *
 *	#include <genkit/genkit.h>
 *
 *	static gk_code twice(gk_helper_call *call, gk_error *err)
 *	{
 *		gk_auto_str char *text = gk_helper_arg_text(call, 0, NULL);
 *		gk_code rc;
 *
 *		if (!text)
 *			return gk_error_no_memory(err);
 *		rc = gk_helper_write(call, text, strlen(text), err);
 *		return rc == GK_OK ? gk_helper_write(call, text, strlen(text), err) : rc;
 *	}
 *
 *	GK_MODULE(echoing, app, err)
 *	{
 *		gk_code rc = gk_define_helper(app, "twice", twice, NULL, err);
 *
 *		return rc == GK_OK ? gk_define_prompt(app, GK_OPTS(gk_prompt_opts, .name = "echo", .prompt = "{{twice word}}!"), err) : rc;
 *	}
 *
 * Running "/prompt/echo" with {"word": "hey"}
 * gives {"messages": [{"role": "user", "content": [{"text": "heyhey!"}]}],
 *	  "tools": "...", "resources": "...", "output": "..."}
 *
 * A helper writes text, renders the body of its block, or gives a value; it may do the first two as often as it likes.
 * It never suspends. An error ends the rendering and reaches the caller unchanged. Arguments are borrowed for the call
 * and must stay as they are; NULL is JavaScript's undefined.
 */
#ifndef GENKIT_HELPER_H
#define GENKIT_HELPER_H

#include <genkit/status.h>

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

typedef struct gk_helper_call gk_helper_call;
typedef gk_code gk_helper_fn(gk_helper_call *call, gk_error *err);

/* --- what it was called with --- */

/** The name as the template has it; lives as long as the call. */
const char *gk_helper_name_peek(const gk_helper_call *call);
/** What it was defined with. */
void *gk_helper_user(const gk_helper_call *call);
/** Positional arguments. */
size_t gk_helper_count(const gk_helper_call *call);
/** NULL: undefined, or there are not so many. */
json_t *gk_helper_arg_peek(const gk_helper_call *call, size_t index);
/** What JavaScript's String() makes of an argument: "undefined", "null", "1,2", "[object Object]". The last is also what
 * the place right behind the arguments gives, where JavaScript's helpers find their options. The caller frees it; NULL
 * when memory ran out. `len_ret` may be NULL. */
char *gk_helper_arg_text(gk_helper_call *call, size_t index, size_t *len_ret);
/** The value of name=value; NULL: undefined or not given. */
json_t *gk_helper_hash_peek(const gk_helper_call *call, const char *name);
/** name=value by its place, from 0 on; false: there are not so many. The name does not end in NUL, the value may be NULL:
 * undefined. Of several with one name only the first counts. */
bool gk_helper_hash_at(const gk_helper_call *call, size_t index, const char **name_ret,
	size_t *len_ret, json_t **value_ret);
/** All name=value, as an object without those that are undefined; lives as long as the call. NULL when memory ran out. */
json_t *gk_helper_hashes_peek(gk_helper_call *call);
/** The context the template is in; NULL: undefined. */
json_t *gk_helper_this_peek(const gk_helper_call *call);
/** A variable: "index" for {{@index}}. NULL: undefined. */
json_t *gk_helper_data_peek(gk_helper_call *call, const char *name);
/** True for {{#name}}...{{/name}}, also when the body is empty. */
bool gk_helper_is_block(const gk_helper_call *call);

/* --- what comes of it --- */

/** Appends text. Where the template escapes HTML, so is this. What is not UTF-8 becomes U+FFFD. */
GK_MUST_USE gk_code gk_helper_write(
	gk_helper_call *call, const char *text, size_t len, gk_error *err);
/** Appends text that is never escaped. */
GK_MUST_USE gk_code gk_helper_write_safe(
	gk_helper_call *call, const char *text, size_t len, gk_error *err);
/** The value the helper stands for: printed by {{name}}, kept as it is by (name) among arguments. Without it, what was
 * written is the value, or undefined when nothing was. `value_take` is consumed either way; NULL: undefined. */
GK_MUST_USE gk_code gk_helper_return_take(gk_helper_call *call, json_t *value_take, gk_error *err);

/* How to render a body. */
typedef struct gk_helper_body_opts {
	size_t size;
	json_t *context;   /* borrowed; NULL: that of the call, unless is_undefined */
	bool is_undefined; /* the body's context is undefined */
	json_t *data;      /* borrowed object: more variables, {"k": 1} for {{@k}}; NULL: none */
	json_t *const
		*params; /* values of the block parameters `as |a b|`; NULL in it: undefined */
	size_t n_params;
} gk_helper_body_opts;

/** Renders the block's body to where the helper writes; `opts` NULL: as it is. Nothing for an inline call: INTERNAL. */
GK_MUST_USE gk_code gk_helper_body(
	gk_helper_call *call, const gk_helper_body_opts *opts, gk_error *err);
/** The same for the part behind {{else}}; there may be none: then nothing is rendered. */
GK_MUST_USE gk_code gk_helper_inverse(
	gk_helper_call *call, const gk_helper_body_opts *opts, gk_error *err);
/** Renders the body into a text of its own, which the caller frees. */
GK_MUST_USE gk_code gk_helper_body_text(gk_helper_call *call, const gk_helper_body_opts *opts,
	char **ret, size_t *len_ret, gk_error *err);

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif
