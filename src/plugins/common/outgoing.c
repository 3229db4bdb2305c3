/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "plugins/common/outgoing.h"

#include "base/buf.h"
#include "base/str.h"
#include "config.h"
#include "json/uri.h"

#include <ctype.h>
#include <openssl/evp.h>
#include <stdarg.h>
#include <stdio.h>
#include <strings.h>

/* Shorter ones would blot out ordinary words. */
#define MIN_SECRET 4

/* Not an optimiser's to leave out: the memory held a key. */
static void wipe(char *text)
{
	if (text)
		explicit_bzero(text, strlen(text));
	free(text);
}

void gk_outgoing_done(gk_outgoing *out)
{
	wipe(out->url);
	for (size_t i = 0; i < out->header_count; i++)
		wipe(out->headers[i]);
	for (size_t i = 0; i < out->secret_count; i++)
		wipe(out->secrets[i]);
	if (out->has_secret_body)
		wipe(out->body);
	else
		free(out->body);
	*out = (gk_outgoing){ 0 };
}

static void fail(gk_outgoing *out, gk_code code)
{
	if (out->failed == GK_OK)
		out->failed = code;
}

void gk_outgoing_url(gk_outgoing *out, const char *format, ...)
{
	va_list args;

	free(out->url);
	va_start(args, format);
	if (vasprintf(&out->url, format, args) < 0)
		out->url = NULL;
	va_end(args);
	if (!out->url)
		fail(out, GK_RESOURCE_EXHAUSTED);
}

static size_t find_header(const gk_outgoing *out, const char *name)
{
	size_t len = strlen(name), i;

	for (i = 0; i < out->header_count; i++)
		if (strncasecmp(out->headers[i], name, len) == 0 && out->headers[i][len] == ':')
			break;
	return i;
}

static void set_header(gk_outgoing *out, const char *name, const char *prefix, const char *value)
{
	size_t at = find_header(out, name);
	char *line;

	if (at == GK_MAX_VENDOR_HEADERS) {
		fail(out, GK_INVALID_ARGUMENT);
		return;
	}
	line = gk_str_join((const char *[]){ name, ": ", prefix, value, NULL });
	if (!line) {
		fail(out, GK_RESOURCE_EXHAUSTED);
		return;
	}
	if (at < out->header_count)
		wipe(out->headers[at]);
	else
		out->header_count++;
	out->headers[at] = line;
}

void gk_outgoing_init(gk_outgoing *out, const char *method)
{
	*out = (gk_outgoing){ .method = method };
	set_header(out, "User-Agent", "genkit-c/", PACKAGE_VERSION);
}

void gk_outgoing_header(gk_outgoing *out, const char *name, const char *value)
{
	size_t at = find_header(out, name);

	if (value) {
		set_header(out, name, "", value);
	} else if (at < out->header_count) {
		wipe(out->headers[at]);
		out->headers[at] = out->headers[--out->header_count];
		out->headers[out->header_count] = NULL;
	}
}

/* It is cut out of whatever is said of the request. */
void gk_outgoing_hide(gk_outgoing *out, const char *secret)
{
	char *copy;

	if (strlen(secret) < MIN_SECRET)
		return;
	if (out->secret_count == GK_MAX_VENDOR_SECRETS) {
		out->has_too_many_secrets = true;
		fail(out, GK_RESOURCE_EXHAUSTED);
		return;
	}
	copy = strdup(secret);
	if (copy)
		out->secrets[out->secret_count++] = copy;
	else
		fail(out, GK_RESOURCE_EXHAUSTED);
}

void gk_outgoing_secret(gk_outgoing *out, const char *name, const char *prefix, const char *secret)
{
	set_header(out, name, prefix, secret);
	gk_outgoing_hide(out, secret);
}

/* --- what an address holds that nobody may see --- */

/* Also what it stands for: whoever is told it says it in either form. */
static void hide_escaped(gk_outgoing *out, const char *text, size_t len)
{
	gk_auto_str char *copy = strndup(text, len);

	if (!copy) {
		fail(out, GK_RESOURCE_EXHAUSTED);
		return;
	}
	gk_outgoing_hide(out, copy);
	if (memchr(text, '%', len)) {
		gk_uri_unescape(copy);
		gk_outgoing_hide(out, copy);
	}
}

/* "user:password", of which Basic authentication makes something that anybody can read. */
static void hide_login(gk_outgoing *out, const char *login, size_t len)
{
	gk_auto_str char *plain = strndup(login, len), *coded = NULL;
	const char *colon = memchr(login, ':', len);

	if (colon)
		hide_escaped(out, colon + 1, len - (size_t)(colon + 1 - login));
	if (plain)
		coded = malloc((gk_uri_unescape(plain) + 2) / 3 * 4 + 1);
	if (!coded) {
		fail(out, GK_RESOURCE_EXHAUSTED);
		return;
	}
	EVP_EncodeBlock((unsigned char *)coded, (unsigned char *)plain, (int)strlen(plain));
	gk_outgoing_hide(out, coded);
}

/* The version of an interface is none, and errors speak of it. */
static void hide_query(gk_outgoing *out, const char *query)
{
	static const char version[] = "api-version=";

	while (*query) {
		size_t len = strcspn(query, "&"), name = strcspn(query, "=&");

		if (!gk_str_has_prefix(query, version))
			hide_escaped(out, name < len ? query + name + 1 : query,
				name < len ? len - name - 1 : len);
		query += len + (query[len] == '&');
	}
}

static void hide_address(gk_outgoing *out, const char *base, const char *query)
{
	const char *host = strstr(base, "://");
	const char *at = host ? memrchr(host + 3, '@', strcspn(host + 3, "/?#")) : NULL;

	if (at)
		hide_login(out, host + 3, (size_t)(at - host) - 3);
	if (query)
		hide_query(out, query);
}

void gk_outgoing_finish_url(gk_outgoing *out)
{
	const char *base = gk_steal(out->base), *query = gk_steal(out->query);
	gk_auto_str char *url = NULL;

	if (base)
		hide_address(out, base, query);
	if (!base || !query || !out->url || !gk_str_has_prefix(out->url, base))
		return;
	url = gk_steal(out->url);
	gk_outgoing_url(out, "%s%c%s", url, strchr(url, '?') ? '&' : '?', query);
}

static void put_encoded(gk_buf *buf, const char *text)
{
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (isalnum(c) || strchr("-._~", c))
			gk_buf_putc(buf, *text);
		else
			gk_buf_printf(buf, "%%%02X", c);
	}
}

void gk_outgoing_field(gk_outgoing *out, const char *name, const char *value)
{
	gk_auto_buf gk_buf form = GK_BUF_INIT(0);

	if (out->body)
		gk_buf_printf(&form, "%s&", out->body);
	put_encoded(&form, name);
	gk_buf_putc(&form, '=');
	put_encoded(&form, value);
	wipe(out->body);
	out->body = gk_buf_take(&form, &out->body_len);
	if (!out->body)
		fail(out, GK_RESOURCE_EXHAUSTED);
	gk_outgoing_header(out, "Content-Type", "application/x-www-form-urlencoded");
}

void gk_outgoing_secret_field(gk_outgoing *out, const char *name, const char *secret)
{
	gk_outgoing_field(out, name, secret);
	out->has_secret_body = true;
	gk_outgoing_hide(out, secret);
}

void gk_outgoing_headers(gk_outgoing *out, const json_t *headers)
{
	const char *name;
	json_t *value;

	json_object_foreach ((json_t *)(uintptr_t)headers, name, value)
		if (json_is_string(value))
			gk_outgoing_secret(out, name, "", json_string_value(value));
}

void gk_outgoing_json(gk_outgoing *out, const json_t *body)
{
	free(out->body);
	out->body = gk_json_write(body, &out->body_len);
	if (!out->body)
		fail(out, GK_RESOURCE_EXHAUSTED);
	gk_outgoing_header(out, "Content-Type", "application/json");
}

gk_code gk_outgoing_check(const gk_outgoing *out, gk_error *err)
{
	if (out->failed == GK_INVALID_ARGUMENT)
		return gk_error_set(err, GK_INVALID_ARGUMENT, "more than %u request headers",
			GK_MAX_VENDOR_HEADERS);
	if (out->failed != GK_OK && out->has_too_many_secrets)
		return gk_error_set(err, GK_RESOURCE_EXHAUSTED,
			"more than %u secret headers and parts of an address in a request",
			GK_MAX_VENDOR_SECRETS);
	return out->failed == GK_OK ? GK_OK : gk_error_no_memory(err);
}

/* The longest secret that begins here, for one may begin like another; its length, 0: none. */
static size_t secret_at(const gk_outgoing *out, const char *text, size_t len)
{
	size_t longest = 0;

	for (size_t i = 0; out && i < out->secret_count; i++) {
		size_t secret_len = strlen(out->secrets[i]);

		if (secret_len > longest && secret_len <= len &&
			memcmp(text, out->secrets[i], secret_len) == 0)
			longest = secret_len;
	}
	return longest;
}

char *gk_outgoing_scrub(const gk_outgoing *out, const char *text, size_t len)
{
	gk_auto_buf gk_buf clean = GK_BUF_INIT(0);

	for (size_t i = 0; i < len;) {
		size_t hidden = secret_at(out, text + i, len - i);

		if (hidden) {
			gk_buf_printf(&clean, "<REDACTED> (%zu characters)", hidden);
			i += hidden;
		} else {
			gk_buf_putc(&clean, text[i++]);
		}
	}
	if (!len)
		gk_buf_puts(&clean, "");
	return gk_buf_take(&clean, NULL);
}
