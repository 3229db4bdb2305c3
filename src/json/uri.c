/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "json/uri.h"

#include "base/buf.h"

#include <ctype.h>

typedef struct span {
	const char *at;
	size_t len;
	bool there;
} span;

/*	scheme:  //authority  path  ?query  #fragment	*/
typedef struct parts {
	span scheme, authority, path, query, fragment;
} parts;

static span take_until(const char **at, const char *stops)
{
	span s = { *at, strcspn(*at, stops), true };

	*at += s.len;
	return s;
}

static size_t scheme_length(const char *uri)
{
	size_t len = 0;

	if (!isalpha((unsigned char)*uri))
		return 0;
	while (isalnum((unsigned char)uri[len]) || (uri[len] && strchr("+-.", uri[len])))
		len++;
	return uri[len] == ':' ? len : 0;
}

static parts split(const char *uri)
{
	parts p = { 0 };
	size_t scheme = scheme_length(uri);

	if (scheme) {
		p.scheme = (span){ uri, scheme, true };
		uri += scheme + 1;
	}
	if (strncmp(uri, "//", 2) == 0) {
		uri += 2;
		p.authority = take_until(&uri, "/?#");
	}
	p.path = take_until(&uri, "?#");
	if (*uri == '?') {
		uri++;
		p.query = take_until(&uri, "#");
	}
	if (*uri == '#') {
		uri++;
		p.fragment = take_until(&uri, "");
	}
	return p;
}

static bool starts(const char *at, const char *end, const char *text)
{
	size_t len = strlen(text);

	return (size_t)(end - at) >= len && memcmp(at, text, len) == 0;
}

static bool is_all(const char *at, const char *end, const char *text)
{
	return (size_t)(end - at) == strlen(text) && starts(at, end, text);
}

/* Takes the last segment off what was put after `floor`. */
static void drop_segment(gk_buf *out, size_t floor)
{
	while (out->len > floor && out->data[out->len - 1] != '/')
		out->len--;
	if (out->len > floor)
		out->len--;
}

/* RFC 3986 section 5.2.4: the path without its . and .. */
static void put_clean_path(gk_buf *out, const char *at, size_t len)
{
	const char *end = at + len;
	size_t floor = out->len;

	while (at < end) {
		if (starts(at, end, "../")) {
			at += 3;
		} else if (starts(at, end, "./") || starts(at, end, "/./")) {
			at += 2;
		} else if (is_all(at, end, "/.")) {
			gk_buf_putc(out, '/');
			return;
		} else if (starts(at, end, "/../")) {
			at += 3;
			drop_segment(out, floor);
		} else if (is_all(at, end, "/..")) {
			drop_segment(out, floor);
			gk_buf_putc(out, '/');
			return;
		} else if (is_all(at, end, ".") || is_all(at, end, "..")) {
			return;
		} else {
			const char *next = memchr(at + 1, '/', (size_t)(end - at - 1));

			next = next ? next : end;
			gk_buf_put(out, at, (size_t)(next - at));
			at = next;
		}
	}
}

/* The base's path up to its last slash, then the reference's. */
static void put_merged_path(gk_buf *out, const parts *base, const span *path)
{
	gk_auto_buf gk_buf merged = GK_BUF_INIT(0);
	size_t keep = base->path.len;

	while (keep && base->path.at[keep - 1] != '/')
		keep--;
	if (base->authority.there && !base->path.len)
		gk_buf_putc(&merged, '/');
	else
		gk_buf_put(&merged, base->path.at, keep);
	gk_buf_put(&merged, path->at, path->len);
	if (gk_buf_failed(&merged))
		gk_buf_fail(out);
	else if (merged.len)
		put_clean_path(out, merged.data, merged.len);
}

static void put_part(gk_buf *out, const char *before, const span *s, const char *after)
{
	if (!s->there)
		return;
	gk_buf_puts(out, before);
	gk_buf_put(out, s->at, s->len);
	gk_buf_puts(out, after);
}

char *gk_uri_resolve(const char *base_uri, const char *reference)
{
	gk_buf out = GK_BUF_INIT(0);
	parts base = split(base_uri), ref = split(reference);
	bool same_place = !ref.scheme.there && !ref.authority.there;

	put_part(&out, "", ref.scheme.there ? &ref.scheme : &base.scheme, ":");
	put_part(&out, "//", same_place ? &base.authority : &ref.authority, "");
	if (same_place && !ref.path.len) {
		gk_buf_put(&out, base.path.at, base.path.len);
		put_part(&out, "?", ref.query.there ? &ref.query : &base.query, "");
	} else {
		if (same_place && *ref.path.at != '/')
			put_merged_path(&out, &base, &ref.path);
		else if (ref.scheme.there && !ref.authority.there && *ref.path.at != '/')
			gk_buf_put(&out, ref.path.at, ref.path.len); /* urn:..., genkit:NAME */
		else
			put_clean_path(&out, ref.path.at, ref.path.len);
		put_part(&out, "?", &ref.query, "");
	}
	put_part(&out, "#", &ref.fragment, "");
	return gk_buf_take(&out, NULL);
}

bool gk_uri_is_absolute(const char *uri)
{
	return scheme_length(uri) > 0;
}

static int hex_value(char c)
{
	return isdigit((unsigned char)c) ? c - '0' : tolower((unsigned char)c) - 'a' + 10;
}

size_t gk_uri_unescape(char *text)
{
	char *to = text;

	for (const char *from = text; *from; from++)
		if (*from == '%' && isxdigit((unsigned char)from[1]) &&
			isxdigit((unsigned char)from[2])) {
			*to++ = (char)(hex_value(from[1]) << 4 | hex_value(from[2]));
			from += 2;
		} else {
			*to++ = *from;
		}
	*to = '\0';
	return (size_t)(to - text);
}
