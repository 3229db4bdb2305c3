/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * From ECMAScript's pattern syntax (with the `u` flag, which is strict) to PCRE2's. What both write alike is passed
 * on; what PCRE2 would read otherwise is rewritten; what ECMAScript refuses is refused.
 */
#include "json/regex.h"

#include "base/limits.h"
#include "base/str.h"

/* ECMAScript's \s is wider than PCRE2's without Unicode properties; inside a class its complement must be spelt out. */
#define SPACES                                                                                     \
	"\\x{9}-\\x{d}\\x{20}\\x{a0}\\x{1680}\\x{2000}-\\x{200a}\\x{2028}\\x{2029}\\x{202f}"       \
	"\\x{205f}\\x{3000}\\x{feff}"
#define NO_SPACES                                                                                  \
	"\\x{0}-\\x{8}\\x{e}-\\x{1f}\\x{21}-\\x{9f}\\x{a1}-\\x{167f}\\x{1681}-\\x{1fff}"           \
	"\\x{200b}-\\x{2027}\\x{202a}-\\x{202e}\\x{2030}-\\x{205e}\\x{2060}-\\x{2fff}"             \
	"\\x{3001}-\\x{fefe}\\x{ff00}-\\x{10ffff}"
#define ANY     "[\\x{0}-\\x{10ffff}]"
#define NOTHING "[^\\x{0}-\\x{10ffff}]"
#define NO_EOL  "[^\\n\\r\\x{2028}\\x{2029}]"

#define SET (-2) /* a class escape, which stands for many characters */

enum group {
	GROUP,
	ASSERTION
};

typedef struct translator {
	const unsigned char *at, *end;
	gk_buf *out;
	const char *wrong;
	uint8_t open[GK_MAX_REGEX_DEPTH]; /* enum group */
	size_t n_open;
	bool repeatable; /* what stands before can take a quantifier */
} translator;

static int32_t fail(translator *t, const char *why)
{
	if (!t->wrong)
		t->wrong = why;
	t->at = t->end;
	return -1;
}

static int peek(const translator *t, size_t ahead)
{
	return (size_t)(t->end - t->at) > ahead ? t->at[ahead] : -1;
}

static bool take(translator *t, const char *text)
{
	size_t len = strlen(text);

	if ((size_t)(t->end - t->at) < len || memcmp(t->at, text, len) != 0)
		return false;
	t->at += len;
	return true;
}

static bool is_digit(int c)
{
	return c >= '0' && c <= '9';
}

static bool is_alpha(int c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* The next character of the pattern, which is valid UTF-8. */
static int32_t take_char(translator *t)
{
	int32_t c = *t->at++;
	int more = c >= 0xf0 ? 3 : c >= 0xe0 ? 2 : c >= 0xc0 ? 1 : 0;

	if (!more)
		return c;
	c &= 0x3f >> more;
	while (more-- && t->at < t->end)
		c = c << 6 | (*t->at++ & 0x3f);
	return c;
}

static void put_char(translator *t, int32_t c)
{
	if (is_digit(c) || is_alpha(c))
		gk_buf_putc(t->out, (char)c);
	else
		gk_buf_printf(t->out, "\\x{%x}", (unsigned)c);
}

static bool is_surrogate(int32_t c)
{
	return c >= 0xd800 && c <= 0xdfff;
}

/* --- escapes --- */

static int32_t take_hex(translator *t, int digits)
{
	int32_t value = 0;

	for (int i = 0; i < digits; i++, t->at++) {
		int c = peek(t, 0);

		if (is_digit(c))
			value = value << 4 | (c - '0');
		else if (is_alpha(c) && (c | 32) <= 'f')
			value = value << 4 | ((c | 32) - 'a' + 10);
		else
			return fail(t, "Invalid escape");
	}
	return value;
}

/* After \u: four digits, two times four for a pair, or braces. */
static int32_t take_unicode(translator *t)
{
	int32_t high, low;
	const unsigned char *before;

	if (take(t, "{")) {
		int32_t value = 0;

		if (peek(t, 0) == '}')
			return fail(t, "Invalid Unicode escape");
		while (!t->wrong && !take(t, "}")) {
			value = value << 4 | take_hex(t, 1);
			if (value > 0x10ffff)
				return fail(t, "Invalid Unicode escape");
		}
		return value;
	}
	high = take_hex(t, 4);
	before = t->at;
	if (high < 0xd800 || high > 0xdbff || !take(t, "\\u") || peek(t, 0) == '{')
		return high;
	low = take_hex(t, 4);
	if (low >= 0xdc00 && low <= 0xdfff)
		return 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
	if (!t->wrong)
		t->at = before;
	return high;
}

/* Escapes that mean one character, inside and outside of classes; `c` is the character after the backslash. */
static int32_t character_escape(translator *t, int c)
{
	static const char controls[] = "t\tn\nv\vf\fr\r";
	const char *control = strchr("tnvfr", c) && c ? strchr(controls, c) : NULL;

	if (control)
		return control[1];
	switch (c) {
	case 'c':
		if (!is_alpha(peek(t, 0)))
			return fail(t, "Invalid unicode escape");
		return *t->at++ & 31;
	case '0':
		return is_digit(peek(t, 0)) ? fail(t, "Invalid decimal escape") : 0;
	case 'x':
		return take_hex(t, 2);
	case 'u':
		return take_unicode(t);
	default:
		if (c > 0 && strchr("^$\\.*+?()[]{}|/", c))
			return c;
		return fail(t, "Invalid escape");
	}
}

/* General categories by their long names; PCRE2 knows the short ones. */
static const char *const categories[][2] = {
	{ "Cased_Letter", "L&" },
	{ "Close_Punctuation", "Pe" },
	{ "Connector_Punctuation", "Pc" },
	{ "Control", "Cc" },
	{ "Currency_Symbol", "Sc" },
	{ "Dash_Punctuation", "Pd" },
	{ "Decimal_Number", "Nd" },
	{ "Enclosing_Mark", "Me" },
	{ "Final_Punctuation", "Pf" },
	{ "Format", "Cf" },
	{ "Initial_Punctuation", "Pi" },
	{ "LC", "L&" },
	{ "Letter", "L" },
	{ "Letter_Number", "Nl" },
	{ "Line_Separator", "Zl" },
	{ "Lowercase_Letter", "Ll" },
	{ "Mark", "M" },
	{ "Combining_Mark", "M" },
	{ "Math_Symbol", "Sm" },
	{ "Modifier_Letter", "Lm" },
	{ "Modifier_Symbol", "Sk" },
	{ "Nonspacing_Mark", "Mn" },
	{ "Number", "N" },
	{ "Open_Punctuation", "Ps" },
	{ "Other", "C" },
	{ "Other_Letter", "Lo" },
	{ "Other_Number", "No" },
	{ "Other_Punctuation", "Po" },
	{ "Other_Symbol", "So" },
	{ "Paragraph_Separator", "Zp" },
	{ "Private_Use", "Co" },
	{ "Punctuation", "P" },
	{ "punct", "P" },
	{ "Separator", "Z" },
	{ "Space_Separator", "Zs" },
	{ "Spacing_Mark", "Mc" },
	{ "Surrogate", "Cs" },
	{ "Symbol", "S" },
	{ "Titlecase_Letter", "Lt" },
	{ "Unassigned", "Cn" },
	{ "Uppercase_Letter", "Lu" },
	{ "digit", "Nd" },
	{ "cntrl", "Cc" },
};

static const char *short_category(const char *name)
{
	for (size_t i = 0; i < sizeof(categories) / sizeof(categories[0]); i++)
		if (strcmp(categories[i][0], name) == 0)
			return categories[i][1];
	return name;
}

/* After \p or \P. */
static void property(translator *t, char letter)
{
	static const char *const prefixes[][2] = {
		{ "General_Category=", "" },
		{ "gc=", "" },
		{ "Script=", "sc:" },
		{ "sc=", "sc:" },
		{ "Script_Extensions=", "scx:" },
		{ "scx=", "scx:" },
	};
	const char *prefix = "";
	char name[64];
	size_t len = 0;

	if (!take(t, "{")) {
		fail(t, "Invalid property name");
		return;
	}
	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++)
		if (take(t, prefixes[i][0])) {
			prefix = prefixes[i][1];
			break;
		}
	while (peek(t, 0) == '_' || is_alpha(peek(t, 0)) || is_digit(peek(t, 0))) {
		if (len + 1 >= sizeof(name))
			break;
		name[len++] = (char)*t->at++;
	}
	name[len] = '\0';
	if (!len || !take(t, "}")) {
		fail(t, "Invalid property name");
		return;
	}
	if (!*prefix && strcmp(name, "Assigned") == 0)
		gk_buf_printf(t->out, "\\%c{Cn}", letter == 'p' ? 'P' : 'p');
	else
		gk_buf_printf(t->out, "\\%c{%s%s}", letter, prefix,
			*prefix ? name : short_category(name));
}

/* Escapes that stand for a set of characters, inside and outside of classes. */
static bool set_escape(translator *t, int c, bool in_class)
{
	switch (c) {
	case 'd':
	case 'D':
	case 'w':
	case 'W':
		gk_buf_printf(t->out, "\\%c", c);
		return true;
	case 's':
		gk_buf_puts(t->out, in_class ? SPACES : "[" SPACES "]");
		return true;
	case 'S':
		gk_buf_puts(t->out, in_class ? NO_SPACES : "[" NO_SPACES "]");
		return true;
	case 'p':
	case 'P':
		property(t, (char)c);
		return true;
	default:
		return false;
	}
}

/* --- classes --- */

/* One member of a class: a character, SET (already written), or -1. */
static int32_t class_atom(translator *t)
{
	int c;

	if (t->at >= t->end)
		return fail(t, "Unterminated character class");
	if (!take(t, "\\"))
		return take_char(t);
	c = peek(t, 0);
	if (c < 0)
		return fail(t, "\\ at end of pattern");
	t->at++;
	if (set_escape(t, c, true))
		return SET;
	if (c == 'b')
		return '\b';
	if (c == '-')
		return '-';
	return character_escape(t, c);
}

/* UTF-8 has no surrogates, so nothing can match them: they are left out. */
static void put_range(translator *t, int32_t low, int32_t high)
{
	if (is_surrogate(low))
		low = 0xe000;
	if (is_surrogate(high))
		high = 0xd7ff;
	if (low > high)
		return;
	put_char(t, low);
	if (low == high)
		return;
	gk_buf_putc(t->out, '-');
	put_char(t, high);
}

static void class_members(translator *t)
{
	while (!take(t, "]")) {
		int32_t low = class_atom(t), high = low;

		if (t->wrong)
			return;
		if (peek(t, 0) == '-' && peek(t, 1) >= 0 && peek(t, 1) != ']') {
			t->at++;
			high = class_atom(t);
			if (t->wrong)
				return;
			if (low == SET || high == SET) {
				fail(t, "Invalid character class");
				return;
			}
			if (low > high) {
				fail(t, "Range out of order in character class");
				return;
			}
		}
		if (low != SET)
			put_range(t, low, high);
	}
}

static void character_class(translator *t)
{
	bool negated = take(t, "^");
	size_t start = t->out->len, body;

	gk_buf_puts(t->out, negated ? "[^" : "[");
	body = t->out->len;
	class_members(t);
	if (t->out->len == body && !gk_buf_failed(t->out)) { /* PCRE2 has no empty classes */
		t->out->len = start;
		gk_buf_puts(t->out, negated ? ANY : NOTHING);
	} else {
		gk_buf_putc(t->out, ']');
	}
	t->repeatable = true;
}

/* --- groups, quantifiers --- */

static void group_name(translator *t)
{
	const unsigned char *name = t->at;

	while (peek(t, 0) == '_' || is_alpha(peek(t, 0)) || (t->at > name && is_digit(peek(t, 0))))
		t->at++;
	gk_buf_put(t->out, name, (size_t)(t->at - name));
	if (t->at == name || !take(t, ">"))
		fail(t, "Invalid capture group name");
	gk_buf_putc(t->out, '>');
}

static void open_group(translator *t)
{
	static const struct {
		const char *text;
		enum group kind;
	} kinds[] = {
		{ "?:", GROUP },
		{ "?=", ASSERTION },
		{ "?!", ASSERTION },
		{ "?<=", ASSERTION },
		{ "?<!", ASSERTION },
		{ "?<", GROUP },
		{ "", GROUP },
	};
	size_t i = 0;

	if (t->n_open == GK_MAX_REGEX_DEPTH) {
		fail(t, "Regular expression too deep");
		return;
	}
	while (!take(t, kinds[i].text))
		i++;
	gk_buf_putc(t->out, '(');
	gk_buf_puts(t->out, kinds[i].text);
	if (strcmp(kinds[i].text, "?<") == 0)
		group_name(t);
	else if (!*kinds[i].text && peek(t, 0) == '?')
		fail(t, "Invalid group");
	t->open[t->n_open++] = kinds[i].kind;
	t->repeatable = false;
}

static void close_group(translator *t)
{
	if (!t->n_open) {
		fail(t, "Unmatched ')'");
		return;
	}
	gk_buf_putc(t->out, ')');
	t->repeatable = t->open[--t->n_open] == GROUP;
}

static bool take_count(translator *t, uint64_t *ret)
{
	*ret = 0;
	if (!is_digit(peek(t, 0)))
		return false;
	for (; is_digit(peek(t, 0)); t->at++)
		if (*ret <= GK_MAX_REGEX_REPEAT)
			*ret = *ret * 10 + (uint64_t)(*t->at - '0');
	return true;
}

/* After the first character of a quantifier. */
static void quantifier(translator *t, int c)
{
	uint64_t least, most;

	if (c == '{') {
		bool open = false;

		if (!take_count(t, &least)) {
			fail(t, t->repeatable ? "Incomplete quantifier" : "Nothing to repeat");
			return;
		}
		most = least;
		if (take(t, ","))
			open = !take_count(t, &most);
		if (!take(t, "}")) {
			fail(t, "Incomplete quantifier");
			return;
		}
		if (!open && most < least) {
			fail(t, "numbers out of order in {} quantifier");
			return;
		}
		if (least > GK_MAX_REGEX_REPEAT || (!open && most > GK_MAX_REGEX_REPEAT)) {
			fail(t, "more than 65535 repetitions");
			return;
		}
		gk_buf_printf(t->out, "{%u,", (unsigned)least);
		if (!open)
			gk_buf_printf(t->out, "%u", (unsigned)most);
		gk_buf_putc(t->out, '}');
	} else {
		gk_buf_putc(t->out, (char)c);
	}
	if (take(t, "?"))
		gk_buf_putc(t->out, '?');
	if (!t->repeatable)
		fail(t, "Nothing to repeat");
	t->repeatable = false;
}

/* --- the rest --- */

static void put_atom(translator *t, int32_t c)
{
	if (c < 0)
		return;
	if (is_surrogate(c))
		gk_buf_puts(t->out, NOTHING);
	else
		put_char(t, c);
	t->repeatable = true;
}

static void escape(translator *t)
{
	int c = peek(t, 0);

	if (c < 0) {
		fail(t, "\\ at end of pattern");
		return;
	}
	t->at++;
	t->repeatable = true;
	if (set_escape(t, c, false))
		return;
	if (c == 'b' || c == 'B') {
		gk_buf_printf(t->out, "\\%c", c);
		t->repeatable = false;
	} else if (c >= '1' && c <= '9') {
		uint64_t number;

		t->at--;
		take_count(t, &number);
		gk_buf_printf(t->out, "\\g{%u}", (unsigned)number);
	} else if (c == 'k') {
		if (!take(t, "<")) {
			fail(t, "Invalid named reference");
			return;
		}
		gk_buf_puts(t->out, "\\k<");
		group_name(t);
	} else {
		put_atom(t, character_escape(t, c));
	}
}

static void term(translator *t)
{
	int c = *t->at;

	if (c >= 0x80) {
		put_atom(t, take_char(t));
		return;
	}
	t->at++;
	switch (c) {
	case '^':
	case '$':
	case '|':
		gk_buf_putc(t->out, (char)c);
		t->repeatable = false;
		break;
	case '(':
		open_group(t);
		break;
	case ')':
		close_group(t);
		break;
	case '[':
		character_class(t);
		break;
	case '\\':
		escape(t);
		break;
	case '*':
	case '+':
	case '?':
	case '{':
		quantifier(t, c);
		break;
	case '}':
	case ']':
		fail(t, "Lone quantifier brackets");
		break;
	case '.':
		gk_buf_puts(t->out, NO_EOL);
		t->repeatable = true;
		break;
	default:
		put_atom(t, c);
	}
}

const char *gk_regex_translate(const char *pattern, size_t len, gk_buf *ret)
{
	translator t = {
		.at = (const unsigned char *)pattern,
		.end = (const unsigned char *)pattern + len,
		.out = ret,
	};

	if (gk_str_valid_utf8(pattern, len) != len)
		return "Invalid UTF-8";
	while (t.at < t.end)
		term(&t);
	if (!t.wrong && t.n_open)
		t.wrong = "Unterminated group";
	return t.wrong;
}
