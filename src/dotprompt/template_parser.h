/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* The parser's state, and what it reads inside of a tag: names, literals, arguments. */
#ifndef GK_DOTPROMPT_TEMPLATE_PARSER_H
#define GK_DOTPROMPT_TEMPLATE_PARSER_H

#include "base/buf.h"
#include "dotprompt/template_lex.h"

typedef struct gk_tmpl_parser {
	gk_template *tmpl;
	gk_tmpl_lexer lexer;
	gk_tok tok, next; /* next: read ahead */
	bool has_next;
	size_t accepted; /* the end of the last token that was taken */
	unsigned depth;
	gk_template_place *place;
	gk_error *err;
} gk_tmpl_parser;

/* --- tokens --- */

/** Takes the current token. */
gk_tok gk_tmpl_advance(gk_tmpl_parser *p);
gk_code gk_tmpl_expect(gk_tmpl_parser *p, gk_tok_kind kind, gk_tok *ret);
/** The ~ of a tag from its first and last token. */
gk_tmpl_strip gk_tmpl_strip_of(const gk_tmpl_parser *p, const gk_tok *open, const gk_tok *close);

/* --- mistakes: each returns its code --- */

gk_code gk_tmpl_no_memory(gk_tmpl_parser *p);
void gk_tmpl_set_place(gk_tmpl_parser *p, size_t at);
/** "what name - line:column" */
gk_code gk_tmpl_mistake_at(gk_tmpl_parser *p, size_t at, const char *what, const char *name);
/** The token that is there is not among those the grammar allows. */
gk_code gk_tmpl_unexpected(gk_tmpl_parser *p, const char *expected);
/** One level deeper; whoever calls it counts `depth` down again. */
gk_code gk_tmpl_enter(gk_tmpl_parser *p);

/* --- inside of a tag --- */

gk_tmpl_call *gk_tmpl_new_call(gk_tmpl_parser *p, size_t at);
/** helperName: path | '@' path | STRING | NUMBER | BOOLEAN | UNDEFINED | NULL */
gk_code gk_tmpl_parse_name(gk_tmpl_parser *p, gk_tmpl_expr *ret);
/** param: helperName | sexpr; also a partial's name */
gk_code gk_tmpl_parse_param(gk_tmpl_parser *p, gk_tmpl_expr *ret);
/** param* hash? */
gk_code gk_tmpl_parse_args(gk_tmpl_parser *p, gk_tmpl_call *call);
/** 'as |' ID+ '|' */
gk_code gk_tmpl_parse_block_params(gk_tmpl_parser *p, gk_tmpl_text **ret, unsigned *count_ret);

#endif
