/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "plugins/common/tool_name.h"

#include "base/buf.h"
#include "base/limits.h"
#include "base/str.h"
#include "json/edit.h"

#define HASH_SIZE 9 /* "_" and eight digits */

/* Not isalnum(): of the locale there is nothing here. */
static bool is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_';
}

static bool is_taken(const gk_tool_grammar *grammar, char c)
{
	return is_word(c) || (c && strchr(grammar->also, c));
}

static bool begins_wrong(const gk_tool_grammar *grammar, const char *name)
{
	return grammar->begins_letter && (!is_word(*name) || (*name >= '0' && *name <= '9'));
}

static bool fits(const gk_tool_grammar *grammar, const char *name)
{
	size_t len = 0;

	while (is_taken(grammar, name[len]))
		len++;
	return !name[len] && len <= GK_MAX_VENDOR_TOOL_NAME &&
	       !(len && begins_wrong(grammar, name));
}

static uint32_t hash_of(const char *text)
{
	uint32_t hash = 0x811c9dc5u;

	for (; *text; text++)
		hash = (hash ^ (unsigned char)*text) * 0x01000193u;
	return hash;
}

char *gk_tool_name_sent(const gk_tool_grammar *grammar, const char *name)
{
	gk_auto_buf gk_buf out = GK_BUF_INIT(0);
	bool is_lossy = false;

	if (fits(grammar, name))
		return strdup(name);
	if (is_taken(grammar, *name) && begins_wrong(grammar, name))
		gk_buf_putc(&out, '_');
	for (const char *c = name; *c; c++) {
		if (*c == '/')
			gk_buf_puts(&out, "__");
		else
			gk_buf_putc(&out, is_taken(grammar, *c) ? *c : '_');
		is_lossy |= (unsigned char)*c >= 0x80;
	}
	if (out.len > GK_MAX_VENDOR_TOOL_NAME || is_lossy) {
		if (out.len > GK_MAX_VENDOR_TOOL_NAME - HASH_SIZE)
			out.len = GK_MAX_VENDOR_TOOL_NAME - HASH_SIZE;
		gk_buf_printf(&out, "_%08x", hash_of(name));
	}
	return gk_buf_take(&out, NULL);
}

json_t *gk_tool_name_json(const gk_tool_grammar *grammar, const char *name)
{
	gk_auto_str char *sent = gk_tool_name_sent(grammar, name ? name : "");

	return sent ? json_string(sent) : NULL;
}

const char *gk_tool_name_meant(
	const gk_tool_grammar *grammar, const json_t *request, const char *sent)
{
	json_t *tool;
	size_t i;

	json_array_foreach (gk_json_peek(request, "tools"), i, tool) {
		const char *own = gk_json_str_peek(tool, "name");
		bool is_other = own && !fits(grammar, own);
		gk_auto_str char *wire = is_other ? gk_tool_name_sent(grammar, own) : NULL;

		if (is_other && !wire)
			return NULL;
		if (gk_str_equal(is_other ? wire : own, sent))
			return own;
	}
	return sent;
}

bool gk_tool_name_restore(const gk_tool_grammar *grammar, const json_t *request, json_t *part)
{
	json_t *asked = gk_json_peek(part, "toolRequest");
	const char *sent = gk_json_str_peek(asked, "name");
	const char *own = sent ? gk_tool_name_meant(grammar, request, sent) : NULL;

	return !sent || gk_str_equal(own, sent) || (own && gk_json_set_str(asked, "name", own));
}

/* Only one that is sent under another name can meet another one. */
static bool may_meet(const gk_tool_grammar *grammar, const json_t *tools)
{
	json_t *tool;
	size_t i;

	json_array_foreach (tools, i, tool) {
		const char *name = gk_json_str_peek(tool, "name");

		if (name && !fits(grammar, name))
			return true;
	}
	return false;
}

gk_code gk_tool_names_check(
	const gk_tool_grammar *grammar, const char *who, const json_t *request, gk_error *err)
{
	const json_t *tools = gk_json_peek(request, "tools");
	gk_auto_json json_t *met = NULL;
	json_t *tool;
	size_t i;

	if (!may_meet(grammar, tools))
		return GK_OK;
	met = json_object();
	json_array_foreach (tools, i, tool) {
		const char *name = gk_json_str_peek(tool, "name"), *before;
		gk_auto_str char *sent = gk_tool_name_sent(grammar, name ? name : "");

		before = sent ? json_string_value(gk_json_peek(met, sent)) : NULL;
		if (before && !gk_str_equal(before, name))
			return gk_error_set(err, GK_INVALID_ARGUMENT,
				"%s: the tools '%s' and '%s' have one name for this service, '%s'",
				who, before, name, sent);
		if (!sent || !gk_json_set_str(met, sent, name ? name : ""))
			return gk_error_no_memory(err);
	}
	return GK_OK;
}
