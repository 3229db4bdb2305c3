/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* The formats of hosts, addresses and URIs. What is accepted beyond the RFCs, ajv-formats accepts. */
#include "json/format.h"

#include "json/format_scan.h"

#include <stdint.h>
#include <strings.h>

/* --- names --- */

/* Letters and digits, with hyphens inside; how long. */
static size_t take_label(scan *s)
{
	const char *start = s->at;

	while (!scan_ended(s) && (is_alnum(*s->at) || (*s->at == '-' && s->at > start)))
		s->at++;
	return s->at > start && s->at[-1] == '-' ? 0 : (size_t)(s->at - start);
}

bool gk_format_hostname(const char *text, size_t len)
{
	scan s = scan_of(text, len);

	if (len > 0 && text[len - 1] == '.')
		s.end--;
	if (scan_left(&s) > 253)
		return false;
	do {
		size_t label = take_label(&s);

		if (label == 0 || label > 63)
			return false;
	} while (take_char(&s, '.'));
	return scan_ended(&s);
}

static bool is_atom(char c)
{
	return is_alnum(c) || (c && strchr("!#$%&'*+/=?^_`{|}~-", c));
}

bool gk_format_email(const char *text, size_t len)
{
	scan s = scan_of(text, len);
	size_t labels = 0;

	do {
		if (!take_run(&s, is_atom, SIZE_MAX))
			return false;
	} while (take_char(&s, '.'));
	if (!take_char(&s, '@'))
		return false;
	do {
		if (!take_label(&s))
			return false;
		labels++;
	} while (take_char(&s, '.'));
	return labels > 1 && scan_ended(&s);
}

/* --- addresses --- */

/* A number up to 255; with or without zeros before it. */
static bool take_octet(scan *s, bool zeros)
{
	const char *start = s->at;
	size_t digits = take_run(s, is_digit, 3);
	int value = 0;

	for (size_t i = 0; i < digits; i++)
		value = value * 10 + (start[i] - '0');
	return digits > 0 && value <= 255 && (zeros || digits == 1 || *start != '0');
}

static bool take_ipv4(scan *s, bool zeros)
{
	for (int i = 0; i < 4; i++)
		if ((i > 0 && !take_char(s, '.')) || !take_octet(s, zeros))
			return false;
	return true;
}

bool gk_format_ipv4(const char *text, size_t len)
{
	scan s = scan_of(text, len);

	return take_ipv4(&s, false) && scan_ended(&s);
}

/* Eight groups, of which `::` stands for one or more; the last two may be written as an IPv4 address. */
static bool is_ipv6(scan s, bool zeros)
{
	unsigned groups = 0;
	bool gap = false;

	if (scan_left(&s) >= 2 && s.at[0] == ':' && s.at[1] == ':') {
		gap = true;
		s.at += 2;
	}
	while (!scan_ended(&s)) {
		scan group = s;

		if (!take_run(&s, is_hex, 4))
			return false;
		if (!scan_ended(&s) && *s.at == '.') {
			if (!take_ipv4(&group, zeros) || !scan_ended(&group))
				return false;
			groups += 2;
			break;
		}
		groups++;
		if (scan_ended(&s))
			break;
		if (!take_char(&s, ':') || scan_ended(&s))
			return false;
		if (take_char(&s, ':')) {
			if (gap)
				return false;
			gap = true;
		}
	}
	return gap ? groups <= 7 : groups == 8;
}

bool gk_format_ipv6(const char *text, size_t len)
{
	return is_ipv6(scan_of(text, len), false);
}

/* --- URIs --- */

typedef struct uri_kind {
	bool is_reference; /* the scheme may be missing, and so may all */
	const char *marks; /* beside letters, digits and %41 */
} uri_kind;

static const uri_kind reference = { true, "-._~!$&'\"()*+,;=:@" };
static const uri_kind absolute = { false, "-._~!$&'()*+,;=:@" };

static bool take_marked(scan *s, const char *marks)
{
	while (take_run(s, is_alnum, SIZE_MAX) || take_one(s, marks) || take_percent(s))
		;
	return true;
}

static bool is_scheme_char(char c)
{
	return is_alnum(c) || c == '+' || c == '-' || c == '.';
}

static bool take_scheme(scan *s)
{
	scan t = *s;

	if (scan_ended(&t) || !is_alpha(*t.at))
		return false;
	take_run(&t, is_scheme_char, SIZE_MAX);
	if (!take_char(&t, ':'))
		return false;
	*s = t;
	return true;
}

static bool is_future_address(scan s)
{
	if (!take_one(&s, "vV") || !take_run(&s, is_hex, SIZE_MAX) || !take_char(&s, '.') ||
		scan_ended(&s))
		return false;
	while (take_run(&s, is_alnum, SIZE_MAX) || take_one(&s, "-._~!$&'()*+,;=:"))
		;
	return scan_ended(&s);
}

/* /[::1]:80 and what stands before and after it. */
static bool take_bracketed(scan *s)
{
	const char *close;
	scan address, user = *s;

	if (!take_char(s, '/'))
		return false;
	(void)take_char(s, '/');
	user = *s;
	take_marked(&user, "-._~!$&'()*+,;=:");
	if (take_char(&user, '@'))
		*s = user;
	if (!take_char(s, '['))
		return false;
	close = memchr(s->at, ']', scan_left(s));
	if (!close)
		return false;
	address = (scan){ s->at, close };
	s->at = close + 1;
	if (!is_ipv6(address, true) && !is_future_address(address))
		return false;
	if (take_char(s, ':'))
		take_run(s, is_digit, SIZE_MAX);
	return scan_ended(s) || *s->at == '/' || *s->at == '?' || *s->at == '#';
}

static bool take_segments(scan *s, const uri_kind *kind)
{
	do
		take_marked(s, kind->marks);
	while (take_char(s, '/'));
	return true;
}

/* What follows path, query and fragment. */
static bool ends_well(scan s, const uri_kind *kind)
{
	static const char marks[] = "?#";

	for (const char *mark = marks; *mark; mark++) {
		if (!take_char(&s, *mark))
			continue;
		do
			take_marked(&s, kind->marks);
		while (take_one(&s, "/?"));
	}
	return scan_ended(&s);
}

static bool is_hierarchy(scan s, const uri_kind *kind)
{
	scan bracketed = s;
	const char *start = s.at;

	take_segments(&s, kind);
	if ((s.at > start || kind->is_reference) && ends_well(s, kind))
		return true;
	if (!take_bracketed(&bracketed))
		return false;
	take_segments(&bracketed, kind);
	return ends_well(bracketed, kind);
}

bool gk_format_uri(const char *text, size_t len)
{
	scan s = scan_of(text, len);

	return take_scheme(&s) && is_hierarchy(s, &absolute);
}

bool gk_format_uri_reference(const char *text, size_t len)
{
	scan s = scan_of(text, len);

	if (is_hierarchy(s, &reference))
		return true;
	return take_scheme(&s) && is_hierarchy(s, &reference);
}

/* --- URI templates --- */

static bool take_variable(scan *s)
{
	const char *start = s->at;

	while (take_run(s, is_alnum, SIZE_MAX) || take_char(s, '_') || take_percent(s))
		;
	if (s->at == start)
		return false;
	if (take_char(s, '*'))
		return true;
	if (!take_char(s, ':'))
		return true;
	return take_one(s, "123456789") && (take_run(s, is_digit, 3), true);
}

static bool take_expression(scan *s)
{
	(void)take_one(s, "+#./;?&=,!@|");
	do {
		if (!take_variable(s))
			return false;
	} while (take_char(s, ','));
	return take_char(s, '}');
}

bool gk_format_uri_template(const char *text, size_t len)
{
	scan s = scan_of(text, len);

	while (!scan_ended(&s)) {
		unsigned char c = (unsigned char)*s.at;

		if (take_percent(&s))
			continue;
		s.at++;
		if (c == '{') {
			if (!take_expression(&s))
				return false;
		} else if (c <= ' ' || strchr("\"'<>%\\^`|}", c)) {
			return false;
		}
	}
	return true;
}

/* --- URLs of the public net --- */

static uint32_t decode(const char **at, const char *end)
{
	const unsigned char *c = (const unsigned char *)*at;
	int more = *c >= 0xf0 ? 3 : *c >= 0xe0 ? 2 : *c >= 0xc0 ? 1 : 0;
	uint32_t value = more ? *c & (0x3fu >> more) : *c;

	(*at)++;
	for (; more && *at < end; more--, (*at)++)
		value = value << 6 | (**at & 0x3f);
	return value;
}

static bool is_space(uint32_t c)
{
	return (c >= 9 && c <= 13) || c == 32 || c == 0xa0 || c == 0x1680 ||
	       (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f ||
	       c == 0x205f || c == 0x3000 || c == 0xfeff;
}

static bool has_space(scan s)
{
	while (!scan_ended(&s))
		if (is_space(decode(&s.at, s.end)))
			return true;
	return false;
}

/* One character of a host name's label. */
static bool take_host_char(scan *s, bool digits)
{
	const char *at = s->at;
	uint32_t c;

	if (scan_ended(s))
		return false;
	c = decode(&at, s->end);
	if (c < 0x80 ? !(is_alpha((char)c) || (digits && is_digit((char)c)))
		     : c < 0xa1 || c > 0xffff)
		return false;
	s->at = at;
	return true;
}

/* Labels with single hyphens inside; the last one is letters only, two or more. */
static bool take_domain(scan *s)
{
	scan last;
	size_t labels = 0, letters = 0;

	do {
		last = *s;
		do {
			if (!take_host_char(s, true))
				return false;
			while (take_host_char(s, true))
				;
		} while (take_char(s, '-'));
		labels++;
	} while (take_char(s, '.'));
	while (take_host_char(&last, false))
		letters++;
	return labels > 1 && letters >= 2 && last.at == s->at;
}

static bool take_public_ipv4(scan *s)
{
	int octets[4];

	for (int i = 0; i < 4; i++) {
		const char *start;
		size_t digits;

		if (i > 0 && !take_char(s, '.'))
			return false;
		start = s->at;
		digits = take_run(s, is_digit, 3);
		if (!digits || ((i == 0 || i == 3) && *start == '0'))
			return false;
		octets[i] = 0;
		for (size_t j = 0; j < digits; j++)
			octets[i] = octets[i] * 10 + (start[j] - '0');
		if (octets[i] > 255 || (digits == 3 && *start == '0'))
			return false;
	}
	return octets[0] <= 223 && octets[3] <= 254 && octets[0] != 10 && octets[0] != 127 &&
	       !(octets[0] == 169 && octets[1] == 254) && !(octets[0] == 192 && octets[1] == 168) &&
	       !(octets[0] == 172 && octets[1] >= 16 && octets[1] <= 31);
}

/* Host, port and path to the end. */
static bool is_place(scan s)
{
	scan address = s;

	if (take_public_ipv4(&address) &&
		(scan_ended(&address) || *address.at == ':' || *address.at == '/'))
		s = address;
	else if (!take_domain(&s))
		return false;
	if (take_char(&s, ':') && take_run(&s, is_digit, 5) < 2)
		return false;
	return scan_ended(&s) || *s.at == '/';
}

bool gk_format_url(const char *text, size_t len)
{
	static const char *const schemes[] = { "http://", "https://", "ftp://" };
	scan s = scan_of(text, len);

	for (size_t i = 0; i < 3 && s.at == text; i++)
		if (len > strlen(schemes[i]) &&
			strncasecmp(text, schemes[i], strlen(schemes[i])) == 0)
			s.at += strlen(schemes[i]);
	if (s.at == text || has_space(s))
		return false;
	if (is_place(s))
		return true;
	/* Somebody may stand before any @, and there may be several. */
	for (const char *start = s.at; s.at < s.end; s.at++)
		if (*s.at == '@' && s.at > start && is_place((scan){ s.at + 1, s.end }))
			return true;
	return false;
}
