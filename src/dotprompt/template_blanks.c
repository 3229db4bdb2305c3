/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * White space around tags, the way handlebars.js cuts it:
 *
 *	a {{~x}}          ~ takes all white space next to the tag
 *	  {{#if x}}\n     a block's tags, comments and partials alone on their line take the line
 *
 * Whether a tag is alone on its line is asked of the text as it was, the cutting is done to the text as it is by then.
 * The order of the steps matters: children before their parents, then from left to right.
 */
#include "dotprompt/template_tree.h"
#include "dotprompt/text.h"

/* What a statement asks of the text around it. */
typedef struct wish {
	bool open, close;             /* ~ outside */
	bool alone;                   /* may be alone on its line */
	bool open_alone, close_alone; /* the same for a block's two tags */
} wish;

static void strip_program(gk_tmpl_program *program, bool ignores_standalone, bool is_root);

/* --- questions: always about the original text --- */

static bool is_content(const gk_tmpl_node *node)
{
	return node && node->kind == GK_TMPL_CONTENT;
}

static bool has_line_end(const char *text, size_t len)
{
	return memchr(text, '\n', len) != NULL;
}

/* Does the line begin right before this place? `node` is what stands there; NULL: nothing. */
static bool line_begins_after(const gk_tmpl_node *node, bool is_root)
{
	size_t trimmed, len;

	if (!node)
		return is_root;
	if (!is_content(node))
		return false;
	len = node->original.len;
	trimmed = gk_text_trimmed(node->original.text, len);
	if (is_root && !node->prev && trimmed == 0)
		return true;
	return has_line_end(node->original.text + trimmed, len - trimmed);
}

static bool line_ends_before(const gk_tmpl_node *node, bool is_root)
{
	size_t leading;

	if (!node)
		return is_root;
	if (!is_content(node))
		return false;
	leading = gk_text_leading(node->original.text, node->original.len);
	if (is_root && !node->next && leading == node->original.len)
		return true;
	return has_line_end(node->original.text, leading);
}

/* --- cutting --- */

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* The beginning of a text: all white space, or once the rest of a line with its end. */
static void cut_beginning(gk_tmpl_node *node, bool all)
{
	const char *text;
	size_t len, cut = 0;

	if (!is_content(node) || (!all && node->right_stripped))
		return;
	text = node->content.text;
	len = node->content.len;
	if (all) {
		cut = gk_text_leading(text, len);
	} else {
		while (cut < len && is_blank(text[cut]))
			cut++;
		if (cut < len && text[cut] == '\r')
			cut++;
		if (cut < len && text[cut] == '\n')
			cut++;
	}
	node->content.text += cut;
	node->content.len -= cut;
	node->right_stripped = cut > 0;
}

/* The end of a text: all white space, or once the blanks that its last line begins with. True when there were any. */
static bool cut_end(gk_tmpl_node *node, bool all)
{
	size_t len;

	if (!is_content(node) || (!all && node->left_stripped))
		return false;
	len = node->content.len;
	if (all)
		len = gk_text_trimmed(node->content.text, len);
	else
		while (len > 0 && is_blank(node->content.text[len - 1]))
			len--;
	node->left_stripped = len < node->content.len;
	node->content.len = len;
	return node->left_stripped;
}

static gk_tmpl_text blanks_at_end(gk_tmpl_text text)
{
	size_t len = text.len;

	while (len > 0 && is_blank(text.text[len - 1]))
		len--;
	return (gk_tmpl_text){ text.text + len, text.len - len };
}

/* --- blocks --- */

/* The first {{else}} body: of a chained block its own. */
static gk_tmpl_program *first_inverse(gk_tmpl_program *inverse)
{
	return inverse && inverse->is_chained ? inverse->first->body : inverse;
}

static gk_tmpl_program *last_inverse(gk_tmpl_program *inverse)
{
	while (inverse && inverse->is_chained)
		inverse = inverse->last->body;
	return inverse;
}

static void strip_else(gk_tmpl_node *block, gk_tmpl_program *body, bool ignores_standalone)
{
	gk_tmpl_program *first = first_inverse(block->inverse);

	if (block->inverse_strip.open)
		cut_end(body->last, true);
	if (block->inverse_strip.close)
		cut_beginning(first->first, true);
	if (block->close_strip.open)
		cut_end(last_inverse(block->inverse)->last, true);
	if (!ignores_standalone && line_begins_after(body->last, false) &&
		line_ends_before(first->first, false)) {
		cut_end(body->last, false);
		cut_beginning(first->first, false);
	}
}

static wish strip_block(gk_tmpl_node *block, bool ignores_standalone)
{
	gk_tmpl_program *body = block->body ? block->body : block->inverse, *first;
	gk_tmpl_program *otherwise = block->body ? block->inverse : NULL;
	wish it;

	if (block->body)
		strip_program(block->body, ignores_standalone, false);
	if (block->inverse)
		strip_program(block->inverse, ignores_standalone, false);
	first = otherwise ? first_inverse(otherwise) : body;
	it = (wish){ .open = block->strip.open,
		.close = block->close_strip.close,
		.open_alone = line_ends_before(body->first, false),
		.close_alone = line_begins_after(first->last, false) };
	if (block->strip.close)
		cut_beginning(body->first, true);
	if (otherwise)
		strip_else(block, body, ignores_standalone);
	else if (block->close_strip.open)
		cut_end(body->last, true);
	return it;
}

static wish wish_of(gk_tmpl_node *node, bool ignores_standalone)
{
	if (node->kind == GK_TMPL_BLOCK || (node->body && node->kind != GK_TMPL_CONTENT))
		return strip_block(node, ignores_standalone);
	return (wish){ .open = node->strip.open,
		.close = node->strip.close,
		.alone = node->kind == GK_TMPL_PARTIAL || node->kind == GK_TMPL_COMMENT };
}

/* --- bodies --- */

static void strip_alone(gk_tmpl_node *node)
{
	cut_beginning(node->next, false);
	if (cut_end(node->prev, false) && node->kind == GK_TMPL_PARTIAL)
		node->indent = blanks_at_end(node->prev->original);
}

static void strip_around(gk_tmpl_node *node, bool ignores_standalone, bool is_root)
{
	wish it = wish_of(node, ignores_standalone);
	bool begins = line_begins_after(node->prev, is_root);
	bool ends = line_ends_before(node->next, is_root);
	gk_tmpl_program *otherwise = node->inverse ? node->inverse : node->body;

	if (it.close)
		cut_beginning(node->next, true);
	if (it.open)
		cut_end(node->prev, true);
	if (ignores_standalone)
		return;
	if (it.alone && begins && ends)
		strip_alone(node);
	if (it.open_alone && begins) {
		cut_beginning((node->body ? node->body : node->inverse)->first, false);
		cut_end(node->prev, false);
	}
	if (it.close_alone && ends) {
		cut_beginning(node->next, false);
		cut_end(otherwise->last, false);
	}
}

static void strip_program(gk_tmpl_program *program, bool ignores_standalone, bool is_root)
{
	for (gk_tmpl_node *node = program->first; node; node = node->next)
		if (!is_content(node))
			strip_around(node, ignores_standalone, is_root);
}

/* --- afterwards: what prints nothing goes --- */

static void unlink_silent(gk_tmpl_program *program)
{
	program->last = NULL;
	for (gk_tmpl_node *node = program->first, **link = &program->first; node;
		node = node->next) {
		if (node->body)
			unlink_silent(node->body);
		if (node->inverse)
			unlink_silent(node->inverse);
		if (node->kind == GK_TMPL_COMMENT || (is_content(node) && node->content.len == 0)) {
			*link = node->next;
			continue;
		}
		link = &node->next;
		node->prev = program->last;
		program->last = node;
	}
}

void gk_tmpl_strip_blanks(gk_template *tmpl)
{
	strip_program(tmpl->root, tmpl->opts.ignores_standalone, true);
	unlink_silent(tmpl->root);
}
