/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * Outcomes: the canonical status codes and the error that goes with them.
 *
 *	#include <genkit/genkit.h>
 *
 *	static gk_code greet(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
 *	{
 *		const char *name = json_string_value(input);
 *
 *		(void)ctx;
 *		if (!name)
 *			return gk_error_set(err, GK_INVALID_ARGUMENT, "a name must be a string");
 *		*ret = json_sprintf("Hello, %s!", name);
 *		return GK_OK;
 *	}
 *
 *	GK_MODULE(greeting, app, err)
 *	{
 *		return gk_define_flow(app, GK_OPTS(gk_flow_opts, .name = "greet", .run = greet), err);
 *	}
 *
 * Running "greet" with "Ada" gives "Hello, Ada!"
 * Running "greet" with 5 fails with "INVALID_ARGUMENT: a name must be a string"
 *
 * A function that can fail for more than one reason returns gk_code and takes `gk_error *err` last. NULL means
 * that the caller does not care why. Outputs are untouched on failure. The innermost function that knows the
 * facts writes the message; those above it may put a prefix before it, never replace it.
 */
#ifndef GENKIT_STATUS_H
#define GENKIT_STATUS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

#define GK_MUST_USE              __attribute__((warn_unused_result))
#define GK_PRINTF(format_, args) __attribute__((format(printf, format_, args)))
#define GK_CLEANUP(fn)           __attribute__((cleanup(fn)))
#define GK_COLD                  __attribute__((cold)) /* hardly ever called: what leads to it stands apart */
#define GK_SUSPENDS              /* may park the calling fiber: call it from an action's code, never from a loop callback */

/** The canonical RPC codes; Genkit's wire formats carry the numbers and the names ("NOT_FOUND"). */
typedef enum gk_code {
	GK_OK = 0,
	GK_CANCELLED = 1,
	GK_UNKNOWN = 2,
	GK_INVALID_ARGUMENT = 3,
	GK_DEADLINE_EXCEEDED = 4,
	GK_NOT_FOUND = 5,
	GK_ALREADY_EXISTS = 6,
	GK_PERMISSION_DENIED = 7,
	GK_RESOURCE_EXHAUSTED = 8,
	GK_FAILED_PRECONDITION = 9,
	GK_ABORTED = 10,
	GK_OUT_OF_RANGE = 11,
	GK_UNIMPLEMENTED = 12,
	GK_INTERNAL = 13,
	GK_UNAVAILABLE = 14,
	GK_DATA_LOSS = 15,
	GK_UNAUTHENTICATED = 16,
} gk_code;

/** "NOT_FOUND" for GK_NOT_FOUND; "UNKNOWN" for a number that is no code. Static. */
const char *gk_code_name(gk_code code);
/** The code of a name; -1 when there is none of that name. */
int gk_code_from_name(const char *name);
/** The HTTP status that stands for the code: 404 for GK_NOT_FOUND, 499 for GK_CANCELLED (reflection section 3). */
int gk_code_http_status(gk_code code);

/**
 * What went wrong. Zero-initialise it: `gk_error err = {0};`, clear it with gk_error_clear().
 *
 * `is_plain` marks an error that carries no Genkit status of its own (an exception in the JavaScript SDK): the
 * reflection API sends its bare message with code 13, the flow server hides its text ("Internal Error").
 */
typedef struct gk_error {
	gk_code code;
	bool is_plain;
	char *message;   /* owned; NULL only when code is GK_OK or memory ran out; no secrets */
	json_t *details; /* owned; sent to callers of the flow server; NULL: none */
	char *source; /* owned; who says so, printed before the status; NULL: nobody in particular */
	char trace_id[33];   /* the trace in which it happened; empty: none */
	bool failure_marked; /* the innermost failing span carries it already */
	bool message_missing; /* something was thrown that had no message at all: the wire omits it */
} gk_error;

/** Fills `err` (NULL: does nothing), replacing what was there; returns `code`. */
GK_COLD gk_code gk_error_set(gk_error *err, gk_code code, const char *format, ...) GK_PRINTF(3, 4);
/** The same for an error without a status of its own; returns GK_INTERNAL. */
GK_COLD gk_code gk_error_set_plain(gk_error *err, const char *format, ...) GK_PRINTF(2, 3);
/** Memory ran out: GK_RESOURCE_EXHAUSTED, "out of memory". Allocates nothing when it need not. */
GK_COLD gk_code gk_error_no_memory(gk_error *err);
/** Puts text before the message; the code stays. Returns the code. */
GK_COLD gk_code gk_error_prefix(gk_error *err, const char *format, ...) GK_PRINTF(2, 3);
/** Attaches details for the caller (stolen); replaces older ones. Returns the code. */
GK_COLD gk_code gk_error_details_take(gk_error *err, json_t *details_take);
/** Hands the content of `from` to `to` and empties `from`. Returns the code. */
GK_COLD gk_code gk_error_move(gk_error *to, gk_error *from);
/** A deep copy; `to` is replaced. Returns the code. */
GK_COLD gk_code gk_error_copy(gk_error *to, const gk_error *from);
/** Frees what it holds and makes it GK_OK. */
void gk_error_clear(gk_error *err);
/** The text that logs and the reflection API show: "NOT_FOUND: no such widget", or the bare message of a plain
 * error. The caller frees it; NULL when memory ran out. */
char *gk_error_text(const gk_error *err);

/* Cleanup by attribute: `gk_auto_str char *text = NULL;` is freed when it leaves scope. gk_steal() hands a local
 * over: it gives the value and leaves NULL behind. */
static inline void gk_freep(void *p)
{
	void *q;

	memcpy(&q, p, sizeof(q));
	free(q);
}

static inline void gk_json_decrefp(json_t **value)
{
	json_decref(*value);
}

#define gk_auto_str   GK_CLEANUP(gk_freep)
#define gk_auto_json  GK_CLEANUP(gk_json_decrefp)
#define gk_auto_error GK_CLEANUP(gk_error_clear)
#define gk_steal(p)                                                                                \
	__extension__({                                                                            \
		__typeof__(p) gk_taken = (p);                                                      \
		(p) = NULL;                                                                        \
		gk_taken;                                                                          \
	})

/** A yes or no that may also be left unsaid, for options. */
typedef enum gk_choice {
	GK_UNSAID,
	GK_YES,
	GK_NO,
} gk_choice;

/** Options are structs whose zero is the default; `size` lets them grow without breaking old modules. */
#ifndef __cplusplus
#define GK_OPTS(type, ...) (&(const type){ .size = sizeof(type), __VA_ARGS__ })
#else /* C++20: members in their order; g++ wants -Wno-missing-field-initializers */
#define GK_OPTS(type, ...) gk_opts_of<type>(type{ .size = sizeof(type), __VA_ARGS__ })
extern "C++" {
template <typename T> inline const T *gk_opts_of(const T &opts)
{
	return &opts;
}
}
#endif

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif
