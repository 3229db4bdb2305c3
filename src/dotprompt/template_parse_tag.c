/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Tokens, mistakes, and what stands inside of a tag. */
#include "dotprompt/template_parser.h"
#include "dotprompt/text.h"

#include "base/limits.h"
#include "base/parse.h"
#include "json/edit.h"

#include <stdio.h>

/* --- mistakes --- */

gk_code gk_tmpl_no_memory(gk_tmpl_parser *p)
{
	return gk_error_no_memory(p->err);
}

void gk_tmpl_set_place(gk_tmpl_parser *p, size_t at)
{
	if (p->place)
		*p->place = gk_tmpl_place(p->tmpl, at);
}

gk_code gk_tmpl_mistake_at(gk_tmpl_parser *p, size_t at, const char *what, const char *name)
{
	unsigned line, column;

	gk_tmpl_set_place(p, at);
	gk_tmpl_where(p->tmpl, at, &line, &column);
	return gk_error_set(p->err, GK_INVALID_ARGUMENT, "%s%s - %u:%u", what, name, line, column);
}

/* The token that is there is not among those the grammar allows. */
gk_code gk_tmpl_unexpected(gk_tmpl_parser *p, const char *expected)
{
	bool is_lexical = p->tok.kind == GK_TOK_LEXICAL_ERROR;
	gk_auto_str char *shown = gk_tmpl_show_mistake(&p->lexer, &p->tok);
	unsigned line, column;

	if (!shown)
		return gk_tmpl_no_memory(p);
	gk_tmpl_set_place(p, p->tok.at);
	gk_tmpl_where(p->tmpl, is_lexical ? p->tok.at : p->accepted, &line, &column);
	if (is_lexical)
		return gk_error_set(p->err, GK_INVALID_ARGUMENT,
			"Lexical error on line %u. Unrecognized text.\n%s", line, shown);
	return gk_error_set(p->err, GK_INVALID_ARGUMENT,
		"Parse error on line %u:\n%s\nExpecting %s, got '%s'", line, shown, expected,
		gk_tok_name(p->tok.kind));
}

gk_code gk_tmpl_enter(gk_tmpl_parser *p)
{
	if (p->depth == GK_MAX_TEMPLATE_NESTING) {
		gk_tmpl_set_place(p, p->tok.at);
		return gk_error_set(p->err, GK_RESOURCE_EXHAUSTED,
			"a template nests more than %u levels", GK_MAX_TEMPLATE_NESTING);
	}
	p->depth++;
	return GK_OK;
}

/* --- tokens --- */

/* Takes the current token. */
gk_tok gk_tmpl_advance(gk_tmpl_parser *p)
{
	gk_tok taken = p->tok;

	p->accepted = taken.end;
	p->tok = p->has_next ? p->next : gk_tmpl_lex(&p->lexer);
	p->has_next = false;
	return taken;
}

static gk_tok_kind peek(gk_tmpl_parser *p)
{
	if (!p->has_next) {
		p->next = gk_tmpl_lex(&p->lexer);
		p->has_next = true;
	}
	return p->next.kind;
}

gk_code gk_tmpl_expect(gk_tmpl_parser *p, gk_tok_kind kind, gk_tok *ret)
{
	if (p->tok.kind != kind) {
		char expected[40];

		snprintf(expected, sizeof(expected), "'%s'", gk_tok_name(kind));
		return gk_tmpl_unexpected(p, expected);
	}
	*ret = gk_tmpl_advance(p);
	return GK_OK;
}

gk_tmpl_strip gk_tmpl_strip_of(const gk_tmpl_parser *p, const gk_tok *open, const gk_tok *close)
{
	const char *source = p->tmpl->source;

	return (gk_tmpl_strip){
		.open = open->end - open->at > 2 && source[open->at + 2] == '~',
		.close = close->end - close->at > 2 && source[close->end - 3] == '~',
	};
}

/* --- lists of unknown length, gathered in a buffer and then put into the arena --- */

static void *settle(gk_tmpl_parser *p, const gk_buf *list, size_t size, unsigned *count_ret)
{
	void *settled = gk_buf_failed(list) ? NULL : gk_arena_alloc(&p->tmpl->arena, list->len + 1);

	if (settled && list->len)
		memcpy(settled, list->data, list->len);
	*count_ret = (unsigned)(list->len / size);
	return settled;
}

/* --- names and literals --- */

static bool text_is(gk_tmpl_text text, const char *what)
{
	return text.len == strlen(what) && memcmp(text.text, what, text.len) == 0;
}

/* /^\.|this\b/ of the reference, which finds "this" anywhere. */
static bool is_scoped(const char *original)
{
	const char *at = original;

	if (*at == '.')
		return true;
	while ((at = strstr(at, "this")) != NULL) {
		at += 4;
		if (!((*at >= '0' && *at <= '9') || (*at >= 'a' && *at <= 'z') ||
			    (*at >= 'A' && *at <= 'Z') || *at == '_'))
			return true;
	}
	return false;
}

/* One segment of a path; `original` is what has been read of it. False: it may not stand here. */
static bool add_segment(gk_tmpl_path *path, const gk_tok *tok, gk_buf *original, gk_buf *parts)
{
	gk_buf_put(original, tok->text.text, tok->text.len);
	if (tok->is_bracketed || !(text_is(tok->text, "..") || text_is(tok->text, ".") ||
					 text_is(tok->text, "this")))
		gk_buf_put(parts, &tok->text, sizeof(tok->text));
	else if (parts->len > 0)
		return false;
	else if (tok->text.len == 2)
		path->depth++;
	return true;
}

/* The whole path was read, and what follows may follow a path; up to the end of what is wrong it is shown. */
static gk_code invalid_path(
	gk_tmpl_parser *p, const gk_tmpl_path *path, gk_buf *original, size_t end)
{
	gk_tok tok;

	if (p->tok.kind == GK_TOK_EQUALS || p->tok.kind == GK_TOK_CLOSE_BLOCK_PARAMS ||
		p->tok.kind == GK_TOK_INVALID || p->tok.kind == GK_TOK_EOF)
		return gk_tmpl_expect(p, GK_TOK_CLOSE, &tok);
	if (gk_buf_failed(original))
		return gk_tmpl_no_memory(p);
	original->data[end] = '\0';
	return gk_tmpl_mistake_at(p, path->at, "Invalid path: ", original->data);
}

/* path: ID (SEP ID)* */
static gk_code parse_path(gk_tmpl_parser *p, bool is_data, size_t at, gk_tmpl_expr *ret)
{
	gk_auto_buf gk_buf original = GK_BUF_INIT(0), parts = GK_BUF_INIT(0);
	gk_tmpl_path *path = gk_arena_alloc(&p->tmpl->arena, sizeof(*path));
	size_t wrong_end = 0;
	gk_tok tok;
	gk_code rc;

	if (!path)
		return gk_tmpl_no_memory(p);
	path->at = (uint32_t)at;
	path->is_data = is_data;
	if (is_data)
		gk_buf_putc(&original, '@');
	for (;;) {
		rc = gk_tmpl_expect(p, GK_TOK_ID, &tok);
		if (rc != GK_OK)
			return rc;
		if (!add_segment(path, &tok, &original, &parts) && !wrong_end)
			wrong_end = original.len;
		if (p->tok.kind != GK_TOK_SEP)
			break;
		tok = gk_tmpl_advance(p);
		gk_buf_put(&original, tok.text.text, tok.text.len);
	}
	gk_buf_put(&original, "", 0);
	if (wrong_end)
		return invalid_path(p, path, &original, wrong_end);
	path->parts = settle(p, &parts, sizeof(gk_tmpl_text), &path->n_parts);
	path->original = gk_buf_failed(&original)
				 ? NULL
				 : gk_arena_text(&p->tmpl->arena, original.data, original.len);
	if (!path->parts || !path->original)
		return gk_tmpl_no_memory(p);
	path->is_scoped = is_scoped(path->original);
	*ret = (gk_tmpl_expr){ .kind = GK_TMPL_PATH, .path = path };
	return GK_OK;
}

/* What a literal names where a name is wanted: its text. */
static gk_tmpl_path *path_of_text(gk_tmpl_parser *p, const char *text, size_t len, size_t at)
{
	gk_tmpl_path *path = gk_arena_alloc(&p->tmpl->arena, sizeof(*path));
	gk_tmpl_text *part = gk_arena_alloc(&p->tmpl->arena, sizeof(*part));
	char *copy = gk_arena_text(&p->tmpl->arena, text, len);

	if (!path || !part || !copy)
		return NULL;
	*part = (gk_tmpl_text){ copy, len };
	*path = (gk_tmpl_path){ .original = copy, .parts = part, .n_parts = 1, .at = (uint32_t)at };
	path->is_scoped = is_scoped(copy);
	return path;
}

static json_t *number_of(gk_tmpl_text text)
{
	int64_t integer;
	double real;

	if (gk_parse_i64(text.text, text.len, &integer) && (integer || *text.text != '-'))
		return json_integer(integer);
	return gk_parse_real(text.text, text.len, &real) ? json_real(real) : json_real(1e308);
}

static json_t *literal_value(const gk_tok *tok)
{
	switch (tok->kind) {
	case GK_TOK_STRING:
		return json_stringn_nocheck(tok->text.text, tok->text.len);
	case GK_TOK_NUMBER:
		return number_of(tok->text);
	case GK_TOK_BOOLEAN:
		return json_boolean(tok->text.text[0] == 't');
	default:
		return json_null();
	}
}

static gk_code parse_literal(gk_tmpl_parser *p, gk_tmpl_expr *ret)
{
	gk_tok tok = gk_tmpl_advance(p);
	gk_auto_buf gk_buf text = GK_BUF_INIT(0);

	*ret = (gk_tmpl_expr){ .kind = GK_TMPL_UNDEFINED };
	if (tok.kind != GK_TOK_UNDEFINED) {
		ret->kind = GK_TMPL_LITERAL;
		ret->value = literal_value(&tok);
		if (!gk_json_push_take(p->tmpl->literals, ret->value))
			return gk_tmpl_no_memory(p);
	}
	gk_text_put_value(&text, ret->value);
	if (gk_buf_failed(&text))
		return gk_tmpl_no_memory(p);
	ret->path = path_of_text(p, text.data, text.len, tok.at);
	return ret->path ? GK_OK : gk_tmpl_no_memory(p);
}

#define HELPER_NAME "'ID', 'STRING', 'NUMBER', 'BOOLEAN', 'UNDEFINED', 'NULL', 'DATA'"

/* helperName: path | '@' path | STRING | NUMBER | BOOLEAN | UNDEFINED | NULL */
gk_code gk_tmpl_parse_name(gk_tmpl_parser *p, gk_tmpl_expr *ret)
{
	size_t at = p->tok.at;

	switch (p->tok.kind) {
	case GK_TOK_ID:
		return parse_path(p, false, at, ret);
	case GK_TOK_DATA:
		gk_tmpl_advance(p);
		return parse_path(p, true, at, ret);
	case GK_TOK_STRING:
	case GK_TOK_NUMBER:
	case GK_TOK_BOOLEAN:
	case GK_TOK_UNDEFINED:
	case GK_TOK_NULL:
		return parse_literal(p, ret);
	default:
		return gk_tmpl_unexpected(p, HELPER_NAME);
	}
}

/* --- what a tag has --- */

gk_code gk_tmpl_parse_args(gk_tmpl_parser *p, gk_tmpl_call *call);

gk_tmpl_call *gk_tmpl_new_call(gk_tmpl_parser *p, size_t at)
{
	gk_tmpl_call *call = gk_arena_alloc(&p->tmpl->arena, sizeof(*call));

	if (call) {
		call->at = (uint32_t)at;
		call->helper = -1;
	}
	return call;
}

/* '(' helperName param* hash? ')' */
static gk_code parse_sexpr(gk_tmpl_parser *p, gk_tmpl_expr *ret)
{
	gk_tmpl_call *call = gk_tmpl_new_call(p, p->tok.at);
	gk_tok tok;
	gk_code rc;

	if (!call)
		return gk_tmpl_no_memory(p);
	rc = gk_tmpl_enter(p);
	if (rc != GK_OK)
		return rc;
	gk_tmpl_advance(p);
	call->is_sexpr = true;
	rc = gk_tmpl_parse_name(p, &call->head);
	if (rc == GK_OK)
		rc = gk_tmpl_parse_args(p, call);
	if (rc == GK_OK)
		rc = gk_tmpl_expect(p, GK_TOK_CLOSE_SEXPR, &tok);
	p->depth--;
	*ret = (gk_tmpl_expr){ .kind = GK_TMPL_CALL, .call = call };
	return rc;
}

/* param: helperName | sexpr; also a partial's name */
gk_code gk_tmpl_parse_param(gk_tmpl_parser *p, gk_tmpl_expr *ret)
{
	if (p->tok.kind == GK_TOK_OPEN_SEXPR)
		return parse_sexpr(p, ret);
	if (p->tok.kind != GK_TOK_DATA &&
		(p->tok.kind < GK_TOK_STRING || p->tok.kind > GK_TOK_NULL) &&
		p->tok.kind != GK_TOK_ID)
		return gk_tmpl_unexpected(p, "'OPEN_SEXPR', " HELPER_NAME);
	return gk_tmpl_parse_name(p, ret);
}

static bool begins_param(gk_tmpl_parser *p)
{
	return p->tok.kind == GK_TOK_OPEN_SEXPR || p->tok.kind == GK_TOK_DATA ||
	       (p->tok.kind >= GK_TOK_STRING && p->tok.kind <= GK_TOK_NULL) ||
	       (p->tok.kind == GK_TOK_ID && peek(p) != GK_TOK_EQUALS);
}

/* ID '=' param */
static gk_code parse_pair(gk_tmpl_parser *p, gk_tmpl_pair *ret)
{
	gk_tok equals;
	gk_code rc;

	ret->key = gk_tmpl_advance(p).text;
	rc = gk_tmpl_expect(p, GK_TOK_EQUALS, &equals);
	return rc == GK_OK ? gk_tmpl_parse_param(p, &ret->value) : rc;
}

/* hash: (ID '=' param)+ */
static gk_code parse_hash(gk_tmpl_parser *p, gk_tmpl_call *call)
{
	gk_auto_buf gk_buf pairs = GK_BUF_INIT(0);

	while (p->tok.kind == GK_TOK_ID) {
		gk_tmpl_pair pair = { 0 };
		gk_code rc = parse_pair(p, &pair);

		if (rc != GK_OK)
			return rc;
		call->has_hash = true;
		if (pair.value.kind != GK_TMPL_UNDEFINED)
			gk_buf_put(&pairs, &pair, sizeof(pair));
	}
	call->hash = settle(p, &pairs, sizeof(gk_tmpl_pair), &call->n_hash);
	return call->hash ? GK_OK : gk_tmpl_no_memory(p);
}

/* param* hash? */
gk_code gk_tmpl_parse_args(gk_tmpl_parser *p, gk_tmpl_call *call)
{
	gk_auto_buf gk_buf params = GK_BUF_INIT(0);

	while (begins_param(p)) {
		gk_tmpl_expr param;
		gk_code rc = gk_tmpl_parse_param(p, &param);

		if (rc != GK_OK)
			return rc;
		gk_buf_put(&params, &param, sizeof(param));
	}
	call->params = settle(p, &params, sizeof(gk_tmpl_expr), &call->n_params);
	return call->params ? parse_hash(p, call) : gk_tmpl_no_memory(p);
}

/* 'as |' ID+ '|' */
gk_code gk_tmpl_parse_block_params(gk_tmpl_parser *p, gk_tmpl_text **ret, unsigned *count_ret)
{
	gk_auto_buf gk_buf names = GK_BUF_INIT(0);
	gk_tok tok;
	gk_code rc;

	gk_tmpl_advance(p);
	do {
		rc = gk_tmpl_expect(p, GK_TOK_ID, &tok);
		if (rc != GK_OK)
			return rc;
		gk_buf_put(&names, &tok.text, sizeof(tok.text));
	} while (p->tok.kind == GK_TOK_ID);
	*ret = settle(p, &names, sizeof(gk_tmpl_text), count_ret);
	return *ret ? gk_tmpl_expect(p, GK_TOK_CLOSE_BLOCK_PARAMS, &tok) : gk_tmpl_no_memory(p);
}
