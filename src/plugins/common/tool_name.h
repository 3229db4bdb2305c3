/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * The names of tools on the wire. Genkit's may have any character; services take some, and only so many. A name that would be
 * refused goes out as another one, and what comes back is told by the tools of the request: nothing is undone blindly.
 */
#ifndef GK_PLUGINS_TOOL_NAME_H
#define GK_PLUGINS_TOOL_NAME_H

#include <genkit/json.h>

/* What a service takes. */
typedef struct gk_tool_grammar {
	const char *also;   /* beside letters, digits and _ */
	bool begins_letter; /* or with _ */
} gk_tool_grammar;

/** A tool's name as the service takes it: the name itself when it does. Of another one, "/" is "__", and what else it does not take
 * is "_"; one that has more than ASCII, or is longer than GK_MAX_VENDOR_TOOL_NAME, ends in a hash of itself. The caller frees it;
 * NULL: memory ran out. */
char *gk_tool_name_sent(const gk_tool_grammar *grammar, const char *name);
/** The same as a string; a name that is NULL is "". New reference. */
json_t *gk_tool_name_json(const gk_tool_grammar *grammar, const char *name);
/** The tool of `request` that goes by this name there; the name itself when there is none. Borrowed; NULL: memory ran
 * out. */
const char *gk_tool_name_meant(
	const gk_tool_grammar *grammar, const json_t *request, const char *sent);
/** Gives a part that asks for a tool the name that the tool has in `request`. */
GK_MUST_USE bool gk_tool_name_restore(
	const gk_tool_grammar *grammar, const json_t *request, json_t *part);
/** INVALID_ARGUMENT: two of the request's tools would go by one name. `who` begins the error. */
GK_MUST_USE gk_code gk_tool_names_check(
	const gk_tool_grammar *grammar, const char *who, const json_t *request, gk_error *err);

#endif
