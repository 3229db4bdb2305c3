/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* The grammar of handlebars.js 4.7 by recursive descent; the comments show its rules. */
#include "dotprompt/template_parser.h"

/* What follows a body: {{else}}..., {{else name}}..., or nothing. */
typedef struct inverse {
	gk_tmpl_program *program;
	gk_tmpl_strip strip;
	bool is_chain;
} inverse;

static gk_code parse_program(gk_tmpl_parser *p, gk_tmpl_program **ret);
static gk_code parse_inverse_chain(gk_tmpl_parser *p, inverse *ret);

/* --- statements --- */

static gk_tmpl_node *new_node(gk_tmpl_parser *p, gk_tmpl_node_kind kind, size_t at)
{
	gk_tmpl_node *node = gk_arena_alloc(&p->tmpl->arena, sizeof(*node));

	if (!node)
		return NULL;
	node->kind = kind;
	node->call = gk_tmpl_new_call(p, at);
	return node->call ? node : NULL;
}

/* {{name ...}} up to its closer, whose kind is `close`. */
static gk_code parse_tag(gk_tmpl_parser *p, gk_tmpl_node *node, gk_tok_kind close)
{
	gk_tok open = gk_tmpl_advance(p), tok;
	gk_code rc = gk_tmpl_parse_name(p, &node->call->head);

	if (rc == GK_OK)
		rc = gk_tmpl_parse_args(p, node->call);
	if (rc == GK_OK)
		rc = gk_tmpl_expect(p, close, &tok);
	if (rc == GK_OK)
		node->strip = gk_tmpl_strip_of(p, &open, &tok);
	return rc;
}

static bool is_decorator(const gk_tmpl_parser *p, const gk_tok *open)
{
	return p->tmpl->source[open->end - 1] == '*';
}

static gk_code parse_mustache(gk_tmpl_parser *p, gk_tmpl_node **ret)
{
	gk_tmpl_node *node = new_node(
		p, is_decorator(p, &p->tok) ? GK_TMPL_DECORATOR : GK_TMPL_MUSTACHE, p->tok.at);
	size_t len = p->tok.end - p->tok.at;
	char last = len > 2 ? p->tmpl->source[p->tok.end - 1] : ' ';

	if (!node)
		return gk_tmpl_no_memory(p);
	node->is_escaped = last != '{' && last != '&';
	*ret = node;
	return parse_tag(
		p, node, p->tok.kind == GK_TOK_OPEN ? GK_TOK_CLOSE : GK_TOK_CLOSE_UNESCAPED);
}

/* partial: '{{>' partialName param* hash? '}}'; also the opening tag of a partial block */
static gk_code parse_partial_tag(gk_tmpl_parser *p, gk_tmpl_node **ret)
{
	gk_tmpl_node *node = new_node(p, GK_TMPL_PARTIAL, p->tok.at);
	gk_tok open, tok;
	gk_code rc;

	if (!node)
		return gk_tmpl_no_memory(p);
	open = gk_tmpl_advance(p);
	rc = gk_tmpl_parse_param(p, &node->call->head);
	if (rc == GK_OK)
		rc = gk_tmpl_parse_args(p, node->call);
	if (rc == GK_OK)
		rc = gk_tmpl_expect(p, GK_TOK_CLOSE, &tok);
	if (rc != GK_OK)
		return rc;
	node->strip = gk_tmpl_strip_of(p, &open, &tok);
	*ret = node;
	return GK_OK;
}

/* --- blocks --- */

/* What JavaScript compares when a block is closed: names and strings alike, numbers, booleans and so on not. */
static int name_class(const gk_tmpl_expr *name)
{
	if (name->kind == GK_TMPL_UNDEFINED || name->kind == GK_TMPL_CALL)
		return -1;
	return name->kind == GK_TMPL_PATH     ? (int)JSON_STRING
	       : json_is_number(name->value)  ? (int)JSON_REAL
	       : json_is_boolean(name->value) ? (int)JSON_TRUE
					      : (int)json_typeof(name->value);
}

static const char *name_text(const gk_tmpl_expr *name)
{
	return name->path ? name->path->original : "undefined";
}

static gk_code check_close(
	gk_tmpl_parser *p, const gk_tmpl_expr *open, int close_class, const char *close)
{
	const char *name = name_text(open);
	gk_auto_buf gk_buf text = GK_BUF_INIT(0);

	if (name_class(open) == close_class && strcmp(name, close) == 0)
		return GK_OK;
	gk_buf_printf(&text, "%s doesn't match %s", name, close);
	if (gk_buf_failed(&text))
		return gk_tmpl_no_memory(p);
	return gk_tmpl_mistake_at(p, open->path ? open->path->at : open->call->at, text.data, "");
}

/* '{{/' helperName '}}' */
static gk_code parse_close(gk_tmpl_parser *p, gk_tmpl_node *node)
{
	gk_tmpl_expr name;
	gk_tok open, close;
	gk_code rc = gk_tmpl_expect(p, GK_TOK_OPEN_ENDBLOCK, &open);

	if (rc == GK_OK)
		rc = gk_tmpl_parse_name(p, &name);
	if (rc == GK_OK)
		rc = gk_tmpl_expect(p, GK_TOK_CLOSE, &close);
	if (rc != GK_OK)
		return rc;
	node->close_strip = gk_tmpl_strip_of(p, &open, &close);
	return check_close(p, &node->call->head, name_class(&name), name_text(&name));
}

/* helperName param* hash? blockParams? '}}' behind the opener of any block */
static gk_code parse_open(
	gk_tmpl_parser *p, gk_tmpl_node *node, gk_tmpl_text **params_ret, unsigned *n_params_ret)
{
	gk_tok open = gk_tmpl_advance(p), close;
	gk_code rc = gk_tmpl_parse_name(p, &node->call->head);

	*params_ret = NULL;
	*n_params_ret = 0;
	if (rc == GK_OK)
		rc = gk_tmpl_parse_args(p, node->call);
	if (rc == GK_OK && p->tok.kind == GK_TOK_OPEN_BLOCK_PARAMS)
		rc = gk_tmpl_parse_block_params(p, params_ret, n_params_ret);
	if (rc == GK_OK)
		rc = gk_tmpl_expect(p, GK_TOK_CLOSE, &close);
	if (rc == GK_OK)
		node->strip = gk_tmpl_strip_of(p, &open, &close);
	return rc;
}

/* An open tag and its body. */
static gk_code parse_body(gk_tmpl_parser *p, gk_tmpl_node *node)
{
	gk_tmpl_text *params;
	unsigned n_params;
	gk_code rc = parse_open(p, node, &params, &n_params);

	if (rc == GK_OK)
		rc = parse_program(p, &node->body);
	if (rc != GK_OK)
		return rc;
	node->body->params = params;
	node->body->n_params = n_params;
	return GK_OK;
}

static void take_inverse(gk_tmpl_node *node, const inverse *it)
{
	node->inverse = it->program;
	node->inverse_strip = it->strip;
}

/* inverseAndProgram: '{{else}}' program */
static gk_code parse_inverse(gk_tmpl_parser *p, inverse *ret)
{
	gk_tok tok = gk_tmpl_advance(p);

	ret->strip = gk_tmpl_strip_of(p, &tok, &tok);
	return parse_program(p, &ret->program);
}

static gk_tmpl_program *program_of_one(gk_tmpl_parser *p, gk_tmpl_node *node)
{
	gk_tmpl_program *program = gk_arena_alloc(&p->tmpl->arena, sizeof(*program));

	if (program) {
		program->first = program->last = node;
		program->is_chained = true;
	}
	return program;
}

/* inverseChain: '{{else' helperName ... '}}' program inverseChain?: a block that closes where the outer one does. Its
 * closing ~ is that of the tag which ends it, or, further down the chain, of its own tag: so it is in the reference. */
static gk_code parse_chained(gk_tmpl_parser *p, inverse *ret)
{
	gk_tmpl_node *node = new_node(p, GK_TMPL_BLOCK, p->tok.at);
	inverse more = { 0 };
	gk_code rc;

	if (!node)
		return gk_tmpl_no_memory(p);
	rc = gk_tmpl_enter(p);
	if (rc != GK_OK)
		return rc;
	rc = parse_body(p, node);
	if (rc == GK_OK)
		rc = parse_inverse_chain(p, &more);
	p->depth--;
	if (rc != GK_OK)
		return rc;
	take_inverse(node, &more);
	node->close_strip = more.strip;
	if (more.is_chain)
		more.program->first->close_strip = more.strip;
	ret->strip = node->strip;
	ret->is_chain = true;
	ret->program = program_of_one(p, node);
	return ret->program ? GK_OK : gk_tmpl_no_memory(p);
}

static gk_code parse_inverse_chain(gk_tmpl_parser *p, inverse *ret)
{
	if (p->tok.kind == GK_TOK_OPEN_INVERSE_CHAIN)
		return parse_chained(p, ret);
	return p->tok.kind == GK_TOK_INVERSE ? parse_inverse(p, ret) : GK_OK;
}

/* block: '{{#' ... '}}' program inverseChain? close */
static gk_code parse_block(gk_tmpl_parser *p, gk_tmpl_node **ret)
{
	bool decorates = is_decorator(p, &p->tok);
	gk_tmpl_node *node = new_node(p, decorates ? GK_TMPL_DECORATOR : GK_TMPL_BLOCK, p->tok.at);
	size_t at = p->tok.at;
	inverse more = { 0 };
	gk_code rc;

	if (!node)
		return gk_tmpl_no_memory(p);
	rc = parse_body(p, node);
	if (rc == GK_OK)
		rc = parse_inverse_chain(p, &more);
	if (rc == GK_OK)
		rc = parse_close(p, node);
	if (rc != GK_OK)
		return rc;
	if (decorates && more.program) {
		gk_tmpl_set_place(p, at);
		return gk_error_set(
			p->err, GK_INVALID_ARGUMENT, "Unexpected inverse block on decorator");
	}
	if (more.is_chain)
		more.program->first->close_strip = node->close_strip;
	take_inverse(node, &more);
	*ret = node;
	return GK_OK;
}

/* '{{^' ... '}}' program inverseAndProgram? close: the body is what else would be */
static gk_code parse_inverse_block(gk_tmpl_parser *p, gk_tmpl_node **ret)
{
	gk_tmpl_node *node = new_node(p, GK_TMPL_BLOCK, p->tok.at);
	inverse more = { 0 };
	gk_code rc;

	if (!node)
		return gk_tmpl_no_memory(p);
	rc = parse_body(p, node);
	if (rc == GK_OK && p->tok.kind == GK_TOK_INVERSE)
		rc = parse_inverse(p, &more);
	if (rc == GK_OK)
		rc = parse_close(p, node);
	if (rc != GK_OK)
		return rc;
	node->inverse = node->body;
	node->body = more.program;
	node->inverse_strip = more.strip;
	*ret = node;
	return GK_OK;
}

static gk_code parse_partial_block(gk_tmpl_parser *p, gk_tmpl_node **ret)
{
	gk_code rc = parse_partial_tag(p, ret);

	if (rc == GK_OK)
		rc = parse_program(p, &(*ret)->body);
	return rc == GK_OK ? parse_close(p, *ret) : rc;
}

static gk_tmpl_node *content_of(gk_tmpl_parser *p, const gk_tok *tok)
{
	gk_tmpl_node *node = gk_arena_alloc(&p->tmpl->arena, sizeof(*node));

	if (node) {
		node->kind = tok->kind == GK_TOK_COMMENT ? GK_TMPL_COMMENT : GK_TMPL_CONTENT;
		node->content = node->original = tok->text;
		node->strip = gk_tmpl_strip_of(p, tok, tok);
	}
	return node;
}

static gk_code parse_content(gk_tmpl_parser *p, gk_tmpl_node **ret)
{
	gk_tok tok = gk_tmpl_advance(p);

	*ret = content_of(p, &tok);
	return *ret ? GK_OK : gk_tmpl_no_memory(p);
}

static void append(gk_tmpl_program *program, gk_tmpl_node *node)
{
	node->prev = program->last;
	if (program->last)
		program->last->next = node;
	else
		program->first = node;
	program->last = node;
}

/* rawBlock: '{{{{' ... '}}}}' content* '{{{{/name}}}}' */
static gk_code parse_raw_block(gk_tmpl_parser *p, gk_tmpl_node **ret)
{
	gk_tmpl_node *node = new_node(p, GK_TMPL_BLOCK, p->tok.at), *content;
	gk_tok tok;
	gk_code rc;
	gk_auto_str char *name = NULL;

	if (!node)
		return gk_tmpl_no_memory(p);
	node->body = gk_arena_alloc(&p->tmpl->arena, sizeof(*node->body));
	rc = node->body ? parse_tag(p, node, GK_TOK_CLOSE_RAW_BLOCK) : gk_tmpl_no_memory(p);
	node->strip = (gk_tmpl_strip){ 0 };
	while (rc == GK_OK && p->tok.kind == GK_TOK_CONTENT) {
		rc = parse_content(p, &content);
		if (rc == GK_OK)
			append(node->body, content);
	}
	if (rc == GK_OK)
		rc = gk_tmpl_expect(p, GK_TOK_END_RAW_BLOCK, &tok);
	if (rc != GK_OK)
		return rc;
	*ret = node;
	name = strndup(tok.text.text, tok.text.len);
	return name ? check_close(p, &node->call->head, JSON_STRING, name) : gk_tmpl_no_memory(p);
}

static const struct {
	gk_tok_kind begins_with;
	gk_code (*parse)(gk_tmpl_parser *p, gk_tmpl_node **ret);
} statements[] = {
	{ GK_TOK_CONTENT, parse_content },
	{ GK_TOK_COMMENT, parse_content },
	{ GK_TOK_OPEN, parse_mustache },
	{ GK_TOK_OPEN_UNESCAPED, parse_mustache },
	{ GK_TOK_OPEN_BLOCK, parse_block },
	{ GK_TOK_OPEN_INVERSE, parse_inverse_block },
	{ GK_TOK_OPEN_PARTIAL, parse_partial_tag },
	{ GK_TOK_OPEN_PARTIAL_BLOCK, parse_partial_block },
	{ GK_TOK_OPEN_RAW_BLOCK, parse_raw_block },
};

/* program: statement* */
static gk_code parse_program(gk_tmpl_parser *p, gk_tmpl_program **ret)
{
	gk_tmpl_program *program = gk_arena_alloc(&p->tmpl->arena, sizeof(*program));
	gk_code rc = program ? gk_tmpl_enter(p) : gk_tmpl_no_memory(p);
	size_t i = 0;

	while (rc == GK_OK && i < sizeof(statements) / sizeof(statements[0])) {
		gk_tmpl_node *node;

		if (statements[i].begins_with != p->tok.kind) {
			i++;
			continue;
		}
		rc = statements[i].parse(p, &node);
		if (rc == GK_OK)
			append(program, node);
		i = 0;
	}
	p->depth--;
	*ret = program;
	return rc;
}

gk_code gk_tmpl_parse(gk_template *tmpl, gk_template_place *place, gk_error *err)
{
	gk_tmpl_parser p = { .tmpl = tmpl, .lexer = { .tmpl = tmpl }, .place = place, .err = err };
	gk_code rc;

	p.tok = gk_tmpl_lex(&p.lexer);
	rc = parse_program(&p, &tmpl->root);
	if (rc == GK_OK && p.tok.kind != GK_TOK_EOF)
		rc = gk_tmpl_unexpected(&p, "'EOF'");
	return rc == GK_OK && p.lexer.no_memory ? gk_tmpl_no_memory(&p) : rc;
}
