/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "loop/fetch_internal.h"

#include "base/limits.h"
#include "base/str.h"

#include <stdio.h>
#include <strings.h>

/* A body up to this size is copied by curl and leaves together with the header. */
#define SMALL_BODY (64u << 10)

static const char *const schemes[2] = { "http", "https" };

/* --- headers --- */

static const bool is_token_char[256] = { ['a' ... 'z'] = true,
	['A' ... 'Z'] = true,
	['0' ... '9'] = true,
	['!'] = true,
	['#' ... '\''] = true,
	['*'] = true,
	['+'] = true,
	['-'] = true,
	['.'] = true,
	['^' ... '`'] = true,
	['|'] = true,
	['~'] = true };

static size_t token_length(const char *text)
{
	size_t len = 0;

	while (is_token_char[(unsigned char)text[len]])
		len++;
	return len;
}

static bool is_named(const char *header, size_t name_len, const char *name)
{
	return name_len == strlen(name) && strncasecmp(header, name, name_len) == 0;
}

static bool is_one_of(const char *header, size_t name_len, const char *const *names)
{
	for (; *names; names++)
		if (is_named(header, name_len, *names))
			return true;
	return false;
}

static bool append(gk_fetch_request *request, const char *header)
{
	gk_buf_put(&request->headers, header, strlen(header) + 1);
	request->header_count++;
	return !gk_buf_failed(&request->headers);
}

/* "Name:" would make curl leave the header out; it wants "Name;". */
static bool append_empty(gk_fetch_request *request, const char *header, size_t name_len)
{
	gk_buf_put(&request->headers, header, name_len);
	return append(request, ";");
}

static const char *end_of_headers(const gk_fetch_request *request)
{
	return request->headers.data + request->headers.len;
}

/* The framing of the message is curl's. */
static const char *const framing[] = { "content-length", "transfer-encoding", NULL };

static gk_code add_header(gk_fetch_request *request, const char *header, gk_error *err)
{
	size_t name_len = token_length(header);
	const char *value;
	bool ok;

	if (!name_len || header[name_len] != ':')
		return gk_error_set(err, GK_INVALID_ARGUMENT, "malformed request header");
	if (is_one_of(header, name_len, framing))
		return gk_error_set(err, GK_INVALID_ARGUMENT,
			"request header '%.*s' is not for the caller to set", (int)name_len,
			header);
	value = header + name_len + 1;
	if (!gk_str_is_clean(value, strlen(value)))
		return gk_error_set(err, GK_INVALID_ARGUMENT,
			"request header '%.*s' has a control character", (int)name_len, header);
	ok = value[strspn(value, " \t")] ? append(request, header)
					 : append_empty(request, header, name_len);
	return ok ? GK_OK : gk_error_no_memory(err);
}

static bool has_header(const gk_fetch_request *request, const char *name)
{
	size_t len = strlen(name);

	if (!request->header_count)
		return false;
	for (const char *header = request->headers.data; header < end_of_headers(request);
		header += strlen(header) + 1)
		if (strncasecmp(header, name, len) == 0 &&
			!is_token_char[(unsigned char)header[len]])
			return true;
	return false;
}

/* Waiting for "100 Continue" costs a second where the server does not know it; curl asks for it when a body has more than a
 * megabyte. And it would name a type for a body that has none. */
static gk_code add_refusals(gk_fetch_request *request, gk_error *err)
{
	if (request->body_len > SMALL_BODY && !has_header(request, "expect") &&
		!append(request, "Expect:"))
		return gk_error_no_memory(err);
	if ((request->body || gk_str_equal(request->method, "POST")) &&
		!has_header(request, "content-type") && !append(request, "Content-Type:"))
		return gk_error_no_memory(err);
	return GK_OK;
}

static gk_code add_headers(gk_fetch_request *request, const char *const *headers, gk_error *err)
{
	gk_code rc = GK_OK;

	for (; rc == GK_OK && headers && *headers; headers++)
		rc = add_header(request, *headers, err);
	return rc == GK_OK ? add_refusals(request, err) : rc;
}

/* --- the request --- */

static gk_code set_method(gk_fetch_request *request, const char *method, gk_error *err)
{
	size_t len = token_length(method);
	char *copy;

	if (!len || len > GK_MAX_METHOD || method[len])
		return gk_error_set(err, GK_INVALID_ARGUMENT, "malformed request method");
	copy = strdup(method);
	if (!copy)
		return gk_error_no_memory(err);
	free(request->method);
	request->method = copy;
	return GK_OK;
}

static void drop_url(gk_fetch_request *request)
{
	if (request->shared)
		gk_url_unref(gk_steal(request->shared));
	else
		gk_url_done(&request->url);
	request->url = (gk_url){ 0 };
}

gk_code gk_fetch_request_init(
	gk_fetch_request *request, gk_url_cache *urls, const gk_fetch_opts *opts, gk_error *err)
{
	const char *method = opts->method;
	gk_code rc;

	*request = (gk_fetch_request){ .unix_socket = opts->unix_socket,
		.body = opts->body,
		.body_len = opts->body ? opts->body_len : 0 };
	if (!method)
		method = opts->body ? "POST" : "GET";
	rc = gk_url_cache_get(urls, opts->url, schemes, &request->shared, err);
	if (rc == GK_OK) {
		request->url = request->shared->url;
		rc = set_method(request, method, err);
	}
	if (rc == GK_OK && request->body && gk_str_equal(method, "HEAD"))
		rc = gk_error_set(err, GK_INVALID_ARGUMENT, "a HEAD request has no body");
	if (rc == GK_OK)
		rc = add_headers(request, opts->headers, err);
	if (rc != GK_OK)
		gk_fetch_request_done(request);
	return rc;
}

/* Those that the request has already stay as they are. */
gk_code gk_fetch_request_add_lines(gk_fetch_request *request, char *lines, gk_error *err)
{
	gk_code rc = GK_OK;
	char *rest, *line;

	for (line = strtok_r(lines, "\n", &rest); rc == GK_OK && line;
		line = strtok_r(NULL, "\n", &rest)) {
		gk_auto_str char *name = strndup(line, token_length(line));

		if (!name)
			return gk_error_no_memory(err);
		if (!has_header(request, name))
			rc = add_header(request, line, err);
	}
	return rc;
}

bool gk_fetch_request_name_agent(gk_fetch_request *request, const char *line)
{
	return has_header(request, "user-agent") || append(request, line);
}

/* Keys are among them. */
static void wipe(gk_buf *headers)
{
	if (headers->data)
		explicit_bzero(headers->data, headers->len);
	gk_buf_done(headers);
}

void gk_fetch_request_done(gk_fetch_request *request)
{
	drop_url(request);
	free(request->method);
	free(request->list);
	wipe(&request->headers);
	free(request->copy);
	*request = (gk_fetch_request){ 0 };
}

gk_code gk_fetch_request_keep_body(gk_fetch_request *request, gk_error *err)
{
	size_t rest = request->body_len - request->body_at;

	request->unix_socket = NULL;
	if (request->body_len > SMALL_BODY && rest) {
		request->copy = malloc(rest);
		if (!request->copy)
			return gk_error_no_memory(err);
		memcpy(request->copy, request->body + request->body_at, rest);
		request->body_len = rest;
		request->body_at = 0;
	}
	request->body = request->copy;
	return GK_OK;
}

/* --- redirects --- */

/* What goes along to another host: nothing that could be a credential. */
static const char *const harmless[] = { "accept", "accept-language", "content-type", "expect",
	"user-agent", NULL };
/* What belongs to a body that is not sent again. */
static const char *const of_body[] = { "content-encoding", "content-language", "content-location",
	"content-type", NULL };

static bool keep_headers(gk_fetch_request *request, bool same_origin, bool same_body)
{
	gk_buf before = request->headers;
	bool ok = true;

	gk_buf_init(&request->headers, 0);
	request->header_count = 0;
	for (size_t at = 0; ok && at < before.len; at += strlen(before.data + at) + 1) {
		const char *header = before.data + at;
		size_t name_len = token_length(header);

		if ((same_origin || is_one_of(header, name_len, harmless)) &&
			(same_body || !is_one_of(header, name_len, of_body)))
			ok = append(request, header);
	}
	wipe(&before);
	return ok;
}

gk_code gk_fetch_request_redirect(
	gk_fetch_request *request, int status, const char *location, gk_error *err)
{
	gk_auto_url gk_url target = { 0 };
	bool same_origin, same_body = true;
	gk_code rc = gk_url_resolve(&request->url, location, &target, err);

	if (rc == GK_INVALID_ARGUMENT) /* the server's fault, not the caller's */
		return gk_error_set(
			err, GK_UNAVAILABLE, "redirect to what is no http or https URL");
	if (rc != GK_OK)
		return rc;
	same_origin = gk_str_equal(request->url.origin, target.origin);
	if (!same_origin && request->unix_socket)
		return gk_error_set(err, GK_UNAVAILABLE, "redirect away from the unix socket");
	if (request->url.is_tls && !target.is_tls)
		return gk_error_set(err, GK_UNAVAILABLE, "redirect from https to http");
	if ((status == 303 && !gk_str_equal(request->method, "HEAD")) ||
		((status == 301 || status == 302) && gk_str_equal(request->method, "POST"))) {
		rc = set_method(request, "GET", err);
		if (rc != GK_OK)
			return rc;
		same_body = false;
		request->body = NULL;
		request->body_len = 0;
	}
	request->body_at = 0;
	if (!keep_headers(request, same_origin, same_body))
		return gk_error_no_memory(err);
	drop_url(request);
	request->url = target;
	target = (gk_url){ 0 };
	return GK_OK;
}

/* --- for curl --- */

static size_t read_body(char *room, size_t size, size_t count, void *user)
{
	gk_fetch_request *request = user;
	size_t rest = request->body_len - request->body_at;

	if (__builtin_mul_overflow(size, count, &size))
		return CURL_READFUNC_ABORT;
	if (size > rest)
		size = rest;
	if (size)
		memcpy(room, request->body + request->body_at, size);
	request->body_at += size;
	return size;
}

/* A kept connection turned out to be closed: the body is sent again over a new one. */
static int seek_body(void *user, curl_off_t offset, int origin)
{
	gk_fetch_request *request = user;

	if (origin != SEEK_SET || offset < 0 || (uint64_t)offset > request->body_len ||
		request->copy)
		return CURL_SEEKFUNC_FAIL;
	request->body_at = (size_t)offset;
	return CURL_SEEKFUNC_OK;
}

static bool apply_small_body(const gk_fetch_request *request, CURL *curl)
{
	return curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body_len) ==
		       CURLE_OK &&
	       curl_easy_setopt(curl, CURLOPT_COPYPOSTFIELDS,
		       request->body_len ? request->body : "") == CURLE_OK;
}

static bool apply_body(gk_fetch_request *request, CURL *curl)
{
	if (curl_easy_setopt(curl, CURLOPT_POST, 1L) != CURLE_OK)
		return false;
	if (request->body_len <= SMALL_BODY)
		return apply_small_body(request, curl);
	return curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body_len) ==
		       CURLE_OK &&
	       curl_easy_setopt(curl, CURLOPT_READFUNCTION, read_body) == CURLE_OK &&
	       curl_easy_setopt(curl, CURLOPT_READDATA, request) == CURLE_OK &&
	       curl_easy_setopt(curl, CURLOPT_SEEKFUNCTION, seek_body) == CURLE_OK &&
	       curl_easy_setopt(curl, CURLOPT_SEEKDATA, request) == CURLE_OK;
}

/* curl goes by the handle; the text, which it would write for itself each time, is for when it has to ask again. */
static bool apply_url(const gk_fetch_request *request, gk_fetch_easy *easy)
{
	gk_url_shared *shared = request->shared;
	const char *whole = shared ? shared->whole : NULL;

	if (easy->url && easy->url == shared)
		return true;
	gk_url_unref(gk_steal(easy->url));
	if (easy->is_usual)
		easy->url = gk_url_ref(shared);
	return (!whole || curl_easy_setopt(easy->curl, CURLOPT_URL, whole) == CURLE_OK) &&
	       curl_easy_setopt(easy->curl, CURLOPT_CURLU, request->url.curl) == CURLE_OK;
}

/* As curl_slist_append() would make it, at less cost. */
static bool apply_headers(gk_fetch_request *request, CURL *curl)
{
	size_t count = request->header_count;
	char *header = request->headers.data;

	free(request->list);
	request->list = NULL;
	if (count) {
		request->list = malloc(count * sizeof(*request->list));
		if (!request->list)
			return false;
	}
	for (size_t i = 0; i < count; i++, header += strlen(header) + 1)
		request->list[i] = (struct curl_slist){ .data = header,
			.next = i + 1 < count ? &request->list[i + 1] : NULL };
	return curl_easy_setopt(curl, CURLOPT_HTTPHEADER, request->list) == CURLE_OK;
}

bool gk_fetch_request_is_usual(const gk_fetch_request *request)
{
	return request->shared && request->shared->whole && !request->unix_socket &&
	       request->body && request->body_len <= SMALL_BODY &&
	       gk_str_equal(request->method, "POST");
}

bool gk_fetch_request_apply(gk_fetch_request *request, gk_fetch_easy *easy)
{
	const char *method = request->method;
	CURL *curl = easy->curl;
	bool ok = apply_url(request, easy) && apply_headers(request, curl);

	if (ok && easy->is_warm)
		return apply_small_body(request, curl);
	if (ok && request->unix_socket)
		ok = curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, request->unix_socket) ==
		     CURLE_OK;
	if (ok && (request->body || gk_str_equal(method, "POST")))
		ok = apply_body(request, curl);
	else if (ok && gk_str_equal(method, "HEAD"))
		return curl_easy_setopt(curl, CURLOPT_NOBODY, 1L) == CURLE_OK;
	return ok && curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method) == CURLE_OK;
}
