/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * The tokens of a template.
 *
 *	text           {{        name  "text"  key = 1   }}       text
 *	GK_TOK_CONTENT GK_TOK_OPEN GK_TOK_ID GK_TOK_STRING ... GK_TOK_CLOSE
 *
 * The states are those of handlebars.js: text, a tag, text behind a backslash, a comment, a raw block.
 */
#ifndef GK_DOTPROMPT_TEMPLATE_LEX_H
#define GK_DOTPROMPT_TEMPLATE_LEX_H

#include "dotprompt/template_tree.h"

/* In the order of the names in template_lex.c. */
typedef enum gk_tok_kind {
	GK_TOK_EOF,
	GK_TOK_CONTENT,
	GK_TOK_COMMENT,
	GK_TOK_OPEN,
	GK_TOK_OPEN_BLOCK,
	GK_TOK_OPEN_ENDBLOCK,
	GK_TOK_OPEN_INVERSE,
	GK_TOK_INVERSE,
	GK_TOK_OPEN_INVERSE_CHAIN,
	GK_TOK_OPEN_UNESCAPED,
	GK_TOK_CLOSE_UNESCAPED,
	GK_TOK_OPEN_PARTIAL,
	GK_TOK_OPEN_PARTIAL_BLOCK,
	GK_TOK_OPEN_RAW_BLOCK,
	GK_TOK_CLOSE_RAW_BLOCK,
	GK_TOK_END_RAW_BLOCK,
	GK_TOK_CLOSE,
	GK_TOK_OPEN_SEXPR,
	GK_TOK_CLOSE_SEXPR,
	GK_TOK_ID,
	GK_TOK_EQUALS,
	GK_TOK_OPEN_BLOCK_PARAMS,
	GK_TOK_CLOSE_BLOCK_PARAMS,
	GK_TOK_STRING,
	GK_TOK_NUMBER,
	GK_TOK_BOOLEAN,
	GK_TOK_UNDEFINED,
	GK_TOK_NULL,
	GK_TOK_DATA,
	GK_TOK_SEP,
	GK_TOK_INVALID,
	GK_TOK_LEXICAL_ERROR, /* nothing begins here */
} gk_tok_kind;

typedef struct gk_tok {
	gk_tok_kind kind;
	size_t at, end; /* in the source */
	gk_tmpl_text
		text; /* what it stands for: without quotes, brackets, backslashes that only escape */
	bool is_bracketed; /* [name]: a name whatever it is */
} gk_tok;

#define GK_TMPL_LEX_COMMENTS 4

typedef struct gk_tmpl_lexer {
	gk_template *tmpl;
	size_t at;
	enum {
		GK_LEX_TEXT,
		GK_LEX_TAG,
		GK_LEX_ESCAPED,
		GK_LEX_RAW,
	} state;
	unsigned raw_depth;
	bool no_memory;
	/* Where the latest comments {{!-- stood: error texts show their opener twice. */
	size_t comments[GK_TMPL_LEX_COMMENTS];
	unsigned n_comments;
} gk_tmpl_lexer;

gk_tok gk_tmpl_lex(gk_tmpl_lexer *lexer);
const char *gk_tok_name(gk_tok_kind kind);
/** The lines that show where in the source a mistake is; NULL when memory ran out. */
char *gk_tmpl_show_mistake(const gk_tmpl_lexer *lexer, const gk_tok *tok);

#endif
