/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * Request targets in absolute form (RFC 9112 section 3.2.2), which clients send to proxies and any server must take:
 *
 *	http://host:port/path?query
 *	|      |        '--------- what the handler gets
 *	|      '------------------ replaces the header Host
 *	'------------------------- http or https: who asked over TLS asked somebody before us
 */
#include "server/http_internal.h"

#include "server/origin.h"

static size_t scheme_len(const char *text)
{
	return strncasecmp(text, "http://", 7) == 0    ? 7
	       : strncasecmp(text, "https://", 8) == 0 ? 8
						       : 0;
}

void gk_target_read(const char *text, gk_target *ret)
{
	*ret = (gk_target){ .len = strlen(text), .authority_at = scheme_len(text) };
	if (ret->authority_at)
		ret->authority_len = strcspn(text + ret->authority_at, "/?#");
	/* Before percent-escapes are decoded, which could move its end. */
	ret->is_bad = memchr(text + ret->authority_at, '%', ret->authority_len);
}

bool gk_target_split(
	const gk_target *target, const char *method, const char **path, char **host_ret)
{
	const char *authority = *path + target->authority_at;
	char *host;

	if (!target->authority_at)
		return true;
	host = strndup(authority, target->authority_len);
	if (target->is_bad || !host || !gk_host_is_wellformed(host)) {
		free(host);
		return false;
	}
	*host_ret = host;
	*path = authority + target->authority_len;
	if (!**path)
		*path = strcmp(method, "OPTIONS") == 0 ? "*" : "/";
	return true;
}
