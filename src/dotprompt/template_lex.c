/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "dotprompt/template_lex.h"

#include "dotprompt/text.h"

static const char *const names[] = { "EOF", "CONTENT", "COMMENT", "OPEN", "OPEN_BLOCK",
	"OPEN_ENDBLOCK", "OPEN_INVERSE", "INVERSE", "OPEN_INVERSE_CHAIN", "OPEN_UNESCAPED",
	"CLOSE_UNESCAPED", "OPEN_PARTIAL", "OPEN_PARTIAL_BLOCK", "OPEN_RAW_BLOCK",
	"CLOSE_RAW_BLOCK", "END_RAW_BLOCK", "CLOSE", "OPEN_SEXPR", "CLOSE_SEXPR", "ID", "EQUALS",
	"OPEN_BLOCK_PARAMS", "CLOSE_BLOCK_PARAMS", "STRING", "NUMBER", "BOOLEAN", "UNDEFINED",
	"NULL", "DATA", "SEP", "INVALID" };

const char *gk_tok_name(gk_tok_kind kind)
{
	return kind < GK_TOK_LEXICAL_ERROR ? names[kind] : "INVALID";
}

/* --- what comes next --- */

static const char *here(const gk_tmpl_lexer *lexer)
{
	return lexer->tmpl->source + lexer->at;
}

static size_t left(const gk_tmpl_lexer *lexer)
{
	return lexer->tmpl->len - lexer->at;
}

/* The source ends in NUL, which none of these texts has. */
static bool comes(const char *text, const char *what)
{
	return strncmp(text, what, strlen(what)) == 0;
}

static bool ends_word(const char *text, size_t len, const char *set)
{
	return len > 0 && *text && (strchr(set, *text) || gk_text_space(text, len));
}

static gk_tok token(gk_tmpl_lexer *lexer, gk_tok_kind kind, size_t len)
{
	gk_tok tok = {
		.kind = kind, .at = lexer->at, .end = lexer->at + len, .text = { here(lexer), len }
	};

	lexer->at += len;
	return tok;
}

/* Does all of `text` but a run of blanks stand between here and `end`? */
static size_t skip_blanks(const char *text, const char *end)
{
	return gk_text_leading(text, (size_t)(end - text));
}

/* --- text between tags --- */

/* Up to `{{`, `\{{` or the end, at least two characters. */
static gk_tok lex_escaped(gk_tmpl_lexer *lexer)
{
	const char *text = here(lexer), *end = text + left(lexer), *at = text + 2;

	while (at < end && !comes(at, "{{") && !comes(at, "\\{{") && !comes(at, "\\\\{{"))
		at++;
	if (memchr(text, '\0', (size_t)(at - text)))
		return token(lexer, GK_TOK_LEXICAL_ERROR, 0);
	lexer->state = GK_LEX_TEXT;
	return token(lexer, GK_TOK_CONTENT, (size_t)(at - text));
}

/* Everything before the next tag; a token with no text means that there is none. */
static gk_tok lex_text(gk_tmpl_lexer *lexer)
{
	const char *text = here(lexer), *nul = memchr(text, '\0', left(lexer));
	size_t len = nul ? (size_t)(nul - text) : left(lexer), drop = 0;
	const char *tag = memmem(text, len, "{{", 2);
	gk_tok tok;

	if (len == 0)
		return token(lexer, GK_TOK_LEXICAL_ERROR, 0);
	if (!tag)
		return token(lexer, GK_TOK_CONTENT, len);
	len = (size_t)(tag - text);
	lexer->state = GK_LEX_TAG;
	if (len >= 1 && tag[-1] == '\\') {
		drop = 1;
		if (len < 2 || tag[-2] != '\\')
			lexer->state = GK_LEX_ESCAPED;
	}
	tok = token(lexer, GK_TOK_CONTENT, len);
	tok.text.len -= drop;
	return tok;
}

/* --- raw blocks --- */

/* A character of a name: not one of those that mean something in a tag. */
static size_t name_char(const char *text, size_t len)
{
	static const char others[] = "!\"#%&'()*+,./;<=>@[\\]^`{|}~";

	if (len == 0 || strchr(others, *text) || gk_text_space(text, len))
		return 0;
	return 1;
}

static size_t name_len(const char *text, size_t len)
{
	size_t at = 0;

	while (name_char(text + at, len - at))
		at++;
	return at;
}

static gk_tok lex_raw(gk_tmpl_lexer *lexer)
{
	const char *text = here(lexer), *more;
	size_t name;
	gk_tok tok;

	if (comes(text, "{{{{") && left(lexer) > 4 && text[4] != '/') {
		lexer->raw_depth++;
		return token(lexer, GK_TOK_CONTENT, 4);
	}
	if (comes(text, "{{{{/")) {
		name = name_len(text + 5, left(lexer) - 5);
		if (name > 0 && comes(text + 5 + name, "}}}}")) {
			if (--lexer->raw_depth > 0)
				return token(lexer, GK_TOK_CONTENT, name + 9);
			lexer->state = GK_LEX_TEXT;
			tok = token(lexer, GK_TOK_END_RAW_BLOCK, name + 9);
			tok.text = (gk_tmpl_text){ text + 5, name };
			return tok;
		}
	}
	more = memmem(text + 1, left(lexer) - 1, "{{{{", 4);
	if (!more || memchr(text, '\0', (size_t)(more - text)))
		return token(lexer, GK_TOK_LEXICAL_ERROR, 0);
	return token(lexer, GK_TOK_CONTENT, (size_t)(more - text));
}

/* --- tags --- */

/* "{{" and what may stand behind it at once. */
static const struct {
	const char *text;
	gk_tok_kind kind;
} openers[] = {
	{ ">", GK_TOK_OPEN_PARTIAL },
	{ "#>", GK_TOK_OPEN_PARTIAL_BLOCK },
	{ "#*", GK_TOK_OPEN_BLOCK },
	{ "#", GK_TOK_OPEN_BLOCK },
	{ "/", GK_TOK_OPEN_ENDBLOCK },
	{ "^", GK_TOK_OPEN_INVERSE },
	{ "{", GK_TOK_OPEN_UNESCAPED },
	{ "&", GK_TOK_OPEN },
	{ "*", GK_TOK_OPEN },
	{ "", GK_TOK_OPEN },
};

/* A tag that is complete in itself: blanks, ~ and }} must follow. 0: they do not. */
static size_t closed_tag(const gk_tmpl_lexer *lexer, const char *at)
{
	const char *begin = here(lexer), *end = begin + left(lexer);

	at += skip_blanks(at, end);
	if (*at == '~')
		at++;
	return comes(at, "}}") ? (size_t)(at + 2 - begin) : 0;
}

static bool is_word_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_';
}

/* {{^}}, {{else}} and {{else name}}; GK_TOK_EOF: none of them. */
static gk_tok lex_inverse(gk_tmpl_lexer *lexer, const char *behind)
{
	const char *end = here(lexer) + left(lexer);
	const char *word = behind + skip_blanks(behind, end);
	size_t len = *behind == '^' ? closed_tag(lexer, behind + 1) : 0;

	if (len == 0 && comes(word, "else"))
		len = closed_tag(lexer, word + 4);
	if (len > 0) {
		lexer->state = GK_LEX_TEXT;
		return token(lexer, GK_TOK_INVERSE, len);
	}
	if (*behind != '^' && comes(word, "else") && !is_word_char(word[4]))
		return token(lexer, GK_TOK_OPEN_INVERSE_CHAIN, (size_t)(word + 4 - here(lexer)));
	return (gk_tok){ .kind = GK_TOK_EOF };
}

/* Where "--}}" or "--~}}" ends; NULL: nowhere. */
static const char *dashes_end(const char *text, const char *end)
{
	while ((text = memmem(text, (size_t)(end - text), "--", 2)) != NULL) {
		if (comes(text + 2, "}}"))
			return text + 4;
		if (comes(text + 2, "~}}"))
			return text + 5;
		text++;
	}
	return NULL;
}

/* GK_TOK_EOF: {{! without an end, which is no comment. */
static gk_tok lex_comment(gk_tmpl_lexer *lexer, const char *behind)
{
	const char *text = here(lexer), *end = text + left(lexer), *close;

	if (comes(behind, "!--")) {
		lexer->comments[lexer->n_comments++ % GK_TMPL_LEX_COMMENTS] = lexer->at;
		close = dashes_end(text, end);
		lexer->state = GK_LEX_TEXT;
		return close ? token(lexer, GK_TOK_COMMENT, (size_t)(close - text))
			     : token(lexer, GK_TOK_LEXICAL_ERROR, 0);
	}
	close = memmem(behind, (size_t)(end - behind), "}}", 2);
	if (!close)
		return (gk_tok){ .kind = GK_TOK_EOF };
	lexer->state = GK_LEX_TEXT;
	return token(lexer, GK_TOK_COMMENT, (size_t)(close + 2 - text));
}

static gk_tok lex_open(gk_tmpl_lexer *lexer)
{
	const char *text = here(lexer), *behind = text + 2 + (text[2] == '~');
	gk_tok tok;

	if (comes(text, "{{{{"))
		return token(lexer, GK_TOK_OPEN_RAW_BLOCK, 4);
	tok = lex_inverse(lexer, behind);
	if (tok.kind == GK_TOK_EOF && *behind == '!')
		tok = lex_comment(lexer, behind);
	if (tok.kind != GK_TOK_EOF)
		return tok;
	for (size_t i = 0;; i++)
		if (comes(behind, openers[i].text))
			return token(lexer, openers[i].kind,
				(size_t)(behind - text) + strlen(openers[i].text));
}

/* 0: no closer. */
static gk_tok lex_close(gk_tmpl_lexer *lexer)
{
	const char *text = here(lexer);

	if (comes(text, "}}}}")) {
		lexer->state = GK_LEX_RAW;
		lexer->raw_depth = 1;
		return token(lexer, GK_TOK_CLOSE_RAW_BLOCK, 4);
	}
	if (comes(text, "}}}") || comes(text, "}~}}")) {
		lexer->state = GK_LEX_TEXT;
		return token(lexer, GK_TOK_CLOSE_UNESCAPED, text[1] == '~' ? 4 : 3);
	}
	if (comes(text, "}}") || comes(text, "~}}")) {
		lexer->state = GK_LEX_TEXT;
		return token(lexer, GK_TOK_CLOSE, text[0] == '~' ? 3 : 2);
	}
	return (gk_tok){ .kind = GK_TOK_EOF };
}

/* Length of what ends in `quote`: a quote behind a backslash counts only when no other follows. 0: there is none. */
static size_t quoted_len(const char *text, size_t len, char quote)
{
	size_t last = 0;

	for (size_t at = 1; at < len; at++) {
		if (text[at] != quote)
			continue;
		if (at == 1 || text[at - 1] != '\\')
			return at + 1;
		last = at + 1;
	}
	return last;
}

/* Copies without the backslashes before the characters of `escaped`. */
static gk_tmpl_text unescape(gk_tmpl_lexer *lexer, gk_tmpl_text from, const char *escaped)
{
	char *copy, *to;

	if (!memchr(from.text, '\\', from.len))
		return from;
	copy = to = gk_arena_bytes(&lexer->tmpl->arena, from.len);
	if (!copy) {
		lexer->no_memory = true;
		return from;
	}
	for (size_t i = 0; i < from.len; i++) {
		if (from.text[i] == '\\' && i + 1 < from.len && from.text[i + 1] &&
			strchr(escaped, from.text[i + 1]))
			i++;
		*to++ = from.text[i];
	}
	return (gk_tmpl_text){ copy, (size_t)(to - copy) };
}

static gk_tok lex_string(gk_tmpl_lexer *lexer)
{
	char quote[2] = { *here(lexer), '\0' };
	size_t len = quoted_len(here(lexer), left(lexer), *quote);
	gk_tok tok;

	if (len == 0)
		return token(lexer, GK_TOK_INVALID, 1);
	tok = token(lexer, GK_TOK_STRING, len);
	tok.text.text++;
	tok.text.len -= 2;
	tok.text = unescape(lexer, tok.text, quote);
	return tok;
}

static bool has_line_end(gk_tmpl_text text)
{
	return memchr(text.text, '\n', text.len) || memchr(text.text, '\r', text.len) ||
	       memmem(text.text, text.len, "\xe2\x80\xa8", 3) ||
	       memmem(text.text, text.len, "\xe2\x80\xa9", 3);
}

/* [any name]: the brackets go, unless there is a line end between them. */
static gk_tok lex_bracketed(gk_tmpl_lexer *lexer)
{
	size_t len = quoted_len(here(lexer), left(lexer), ']');
	gk_tok tok;

	if (len == 0)
		return token(lexer, GK_TOK_INVALID, 1);
	tok = token(lexer, GK_TOK_ID, len);
	if (!has_line_end(tok.text)) {
		tok.is_bracketed = true;
		tok.text.text++;
		tok.text.len -= 2;
	}
	tok.text = unescape(lexer, tok.text, "\\]");
	return tok;
}

/* -?[0-9]+(\.[0-9]+)? */
static size_t number_len(const char *text)
{
	size_t at = *text == '-', digits = strspn(text + at, "0123456789"), fraction;

	if (digits == 0)
		return 0;
	at += digits;
	fraction = text[at] == '.' ? strspn(text + at + 1, "0123456789") : 0;
	return at + (fraction ? fraction + 1 : 0);
}

static const struct {
	const char *text;
	gk_tok_kind kind;
} words[] = {
	{ "true", GK_TOK_BOOLEAN },
	{ "false", GK_TOK_BOOLEAN },
	{ "undefined", GK_TOK_UNDEFINED },
	{ "null", GK_TOK_NULL },
};

/* Literals count only where nothing but the end of the word follows; GK_TOK_EOF: none. */
static gk_tok lex_literal(gk_tmpl_lexer *lexer)
{
	const char *text = here(lexer);
	size_t len;

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		len = strlen(words[i].text);
		if (comes(text, words[i].text) && ends_word(text + len, left(lexer) - len, "~})"))
			return token(lexer, words[i].kind, len);
	}
	len = number_len(text);
	if (len && ends_word(text + len, left(lexer) - len, "~})"))
		return token(lexer, GK_TOK_NUMBER, len);
	return (gk_tok){ .kind = GK_TOK_EOF };
}

/* "as |"; 0: it is not. */
static size_t as_len(const gk_tmpl_lexer *lexer)
{
	const char *text = here(lexer), *at = text + 2;

	if (!comes(text, "as"))
		return 0;
	at += skip_blanks(at, text + left(lexer));
	return at > text + 2 && *at == '|' ? (size_t)(at + 1 - text) : 0;
}

static gk_tok lex_word(gk_tmpl_lexer *lexer)
{
	const char *text = here(lexer);
	gk_tok tok = lex_literal(lexer);
	size_t len;

	if (tok.kind != GK_TOK_EOF)
		return tok;
	len = as_len(lexer);
	if (len)
		return token(lexer, GK_TOK_OPEN_BLOCK_PARAMS, len);
	if (*text == '|')
		return token(lexer, GK_TOK_CLOSE_BLOCK_PARAMS, 1);
	len = name_len(text, left(lexer));
	if (len && ends_word(text + len, left(lexer) - len, "=~}/.)|"))
		return token(lexer, GK_TOK_ID, len);
	if (*text == '[')
		return lex_bracketed(lexer);
	return token(lexer, GK_TOK_INVALID,
		gk_text_first_units(text, left(lexer), 2) > 1 && (unsigned char)*text >= 0x80
			? gk_text_first_units(text, left(lexer), 2)
			: 1);
}

static gk_tok lex_tag(gk_tmpl_lexer *lexer)
{
	const char *text;
	gk_tok tok;

	lexer->at += gk_text_leading(here(lexer), left(lexer));
	text = here(lexer);
	if (left(lexer) == 0)
		return token(lexer, GK_TOK_EOF, 0);
	if (comes(text, "{{"))
		return lex_open(lexer);
	tok = lex_close(lexer);
	if (tok.kind != GK_TOK_EOF)
		return tok;
	switch (*text) {
	case '(':
		return token(lexer, GK_TOK_OPEN_SEXPR, 1);
	case ')':
		return token(lexer, GK_TOK_CLOSE_SEXPR, 1);
	case '=':
		return token(lexer, GK_TOK_EQUALS, 1);
	case '@':
		return token(lexer, GK_TOK_DATA, 1);
	case '/':
		return token(lexer, GK_TOK_SEP, 1);
	case '.':
		if (text[1] == '.')
			return token(lexer, GK_TOK_ID, 2);
		return token(lexer,
			ends_word(text + 1, left(lexer) - 1, "=~}/.)|") ? GK_TOK_ID : GK_TOK_SEP,
			1);
	case '"':
	case '\'':
		return lex_string(lexer);
	default:
		return lex_word(lexer);
	}
}

gk_tok gk_tmpl_lex(gk_tmpl_lexer *lexer)
{
	gk_tok tok;

	if (left(lexer) == 0)
		return token(lexer, GK_TOK_EOF, 0);
	switch (lexer->state) {
	case GK_LEX_ESCAPED:
		return lex_escaped(lexer);
	case GK_LEX_RAW:
		return lex_raw(lexer);
	case GK_LEX_TAG:
		return lex_tag(lexer);
	default:
		tok = lex_text(lexer);
		return tok.kind == GK_TOK_CONTENT && tok.text.len == 0 ? gk_tmpl_lex(lexer) : tok;
	}
}

/* --- showing where --- */

/* What handlebars.js believes to have read: the opener of a comment {{!-- is in it twice, first without its last dash. */
static void put_past(const gk_tmpl_lexer *lexer, size_t at, size_t begin, gk_buf *buf)
{
	const char *source = lexer->tmpl->source;
	unsigned known =
		lexer->n_comments < GK_TMPL_LEX_COMMENTS ? lexer->n_comments : GK_TMPL_LEX_COMMENTS;

	for (unsigned i = lexer->n_comments - known; i < lexer->n_comments; i++) {
		size_t comment = lexer->comments[i % GK_TMPL_LEX_COMMENTS];

		if (comment < begin || comment > at)
			continue;
		gk_buf_put(buf, source + begin, comment - begin);
		gk_buf_put(buf, source + comment, source[comment + 2] == '~' ? 5 : 4);
		begin = comment;
	}
	gk_buf_put(buf, source + begin, at - begin);
}

static void put_without_line_ends(gk_buf *buf, const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (text[i] != '\n')
			gk_buf_putc(buf, text[i]);
}

char *gk_tmpl_show_mistake(const gk_tmpl_lexer *lexer, const gk_tok *tok)
{
	enum {
		SHOWN = 20,
		FAR = 200
	};
	gk_auto_buf gk_buf past = GK_BUF_INIT(0), text = GK_BUF_INIT(0);
	size_t begin = tok->at > FAR ? tok->at - FAR : 0, units, cut = 0, dashes;
	const char *next = lexer->tmpl->source + tok->at;

	while (begin > 0 && ((unsigned char)lexer->tmpl->source[begin] & 0xc0) == 0x80)
		begin--;
	put_past(lexer, tok->at, begin, &past);
	gk_buf_put(&past, "", 0);
	if (gk_buf_failed(&past))
		return NULL;
	units = gk_text_units(past.data, past.len);
	if (units > SHOWN)
		cut = gk_text_first_units(past.data, past.len, units - SHOWN);
	if (units > SHOWN || begin > 0)
		gk_buf_puts(&text, "...");
	put_without_line_ends(&text, past.data + cut, past.len - cut);
	dashes = gk_text_units(text.data ? text.data : "", text.len);
	put_without_line_ends(
		&text, next, gk_text_first_units(next, lexer->tmpl->len - tok->at, SHOWN));
	if (gk_text_units(next, tok->end - tok->at) > SHOWN)
		gk_buf_puts(&text, "...");
	gk_buf_putc(&text, '\n');
	while (dashes-- > 0)
		gk_buf_putc(&text, '-');
	gk_buf_putc(&text, '^');
	return gk_buf_take(&text, NULL);
}
