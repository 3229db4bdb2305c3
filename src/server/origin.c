/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Host and Origin: is this request ours to answer? */
#include "server/origin.h"

#include "base/str.h"

#include <arpa/inet.h>
#include <strings.h>

/* A host without its port and brackets. */
typedef struct host {
	char text[256];
	bool is_number; /* an address, not a name */
	bool is_loopback, is_any;
} host;

static bool read_port(const char *text)
{
	size_t digits = strspn(text, "0123456789");

	return digits <= 5 && !text[digits];
}

static void look_at(host *h)
{
	struct in6_addr six;
	struct in_addr four;

	if (inet_pton(AF_INET, h->text, &four) == 1) {
		h->is_number = true;
		h->is_loopback = ntohl(four.s_addr) >> 24 == 127;
		h->is_any = four.s_addr == 0;
	} else if (inet_pton(AF_INET6, h->text, &six) == 1) {
		h->is_number = true;
		h->is_loopback = IN6_IS_ADDR_LOOPBACK(&six);
		h->is_any = IN6_IS_ADDR_UNSPECIFIED(&six);
	} else {
		h->is_loopback = strcasecmp(h->text, "localhost") == 0;
	}
}

/* "name", "name:1", "1.2.3.4:1", "[::1]", "[::1]:1"; nothing behind it. */
static bool read_host(const char *text, host *ret)
{
	size_t len;
	const char *rest;

	*ret = (host){ 0 };
	if (*text == '[') {
		text++;
		len = strcspn(text, "]");
		rest = text + len + 1;
		if (!text[len])
			return false;
	} else {
		len = strcspn(text, ":");
		rest = text + len;
	}
	if (!len || len >= sizeof(ret->text) || (*rest && (*rest != ':' || !read_port(rest + 1))))
		return false;
	memcpy(ret->text, text, len);
	look_at(ret);
	return true;
}

bool gk_host_is_wellformed(const char *text)
{
	static const char allowed[] =
		"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
		"-._~:[]";
	host any;

	return !text[strspn(text, allowed)] && read_host(text, &any) &&
	       (*text == '[' ? strchr(any.text, ':') && any.is_number : !strpbrk(text, "[]"));
}

bool gk_host_is_own(const char *text, const char *bound)
{
	host asked, own;

	if (gk_str_equal(text, bound))
		return true; /* what nearly every client sends */
	if (!text || !read_host(text, &asked))
		return false;
	if (asked.is_loopback)
		return true;
	if (!bound || !read_host(bound, &own))
		return false;
	return own.is_any ? asked.is_number : strcasecmp(asked.text, own.text) == 0;
}

bool gk_origin_is_own(const char *origin, const char *bound)
{
	size_t scheme = strncasecmp(origin, "http://", 7) == 0    ? 7
			: strncasecmp(origin, "https://", 8) == 0 ? 8
								  : 0;

	return scheme && gk_host_is_own(origin + scheme, bound);
}

bool gk_request_is_own(const gk_exchange *x, const char *bound)
{
	const char *origin;

	if (!gk_host_is_own(gk_exchange_header(x, "Host"), bound))
		return false;
	origin = gk_exchange_header(x, "Origin");
	if (origin)
		return gk_origin_is_own(origin, bound);
	/* An <img> or a link on any page makes a GET without Origin; browsers say at least this. */
	return !gk_str_equal(gk_exchange_header(x, "Sec-Fetch-Site"), "cross-site");
}
