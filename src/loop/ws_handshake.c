/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "loop/ws_handshake.h"

#include "base/id.h"
#include "base/limits.h"
#include "base/str.h"
#include "config.h"
#include "loop/fetch_head.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <strings.h>

#define GUID "258EAFA5-E914-47DA-95CA-C5AB0DC85B11" /* RFC 6455 section 1.3 */

static void encode(const void *data, size_t len, char *ret)
{
	EVP_EncodeBlock((unsigned char *)ret, data, (int)len);
}

void gk_ws_handshake_init(gk_ws_handshake *handshake)
{
	unsigned char nonce[16];

	*handshake = (gk_ws_handshake){ .answer = GK_BUF_INIT(0) };
	gk_random_bytes(nonce, sizeof(nonce));
	encode(nonce, sizeof(nonce), handshake->key);
}

void gk_ws_handshake_done(gk_ws_handshake *handshake)
{
	gk_buf_done(&handshake->answer);
}

bool gk_ws_handshake_accept(const char *key, char ret[GK_WS_ACCEPT_SIZE])
{
	char text[GK_WS_KEY_SIZE + sizeof(GUID)];
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned digest_len;
	int len = snprintf(text, sizeof(text), "%.24s" GUID, key);

	if (EVP_Digest(text, (size_t)len, digest, &digest_len, EVP_sha1(), NULL) != 1)
		return false;
	encode(digest, digest_len, ret);
	return true;
}

static gk_code ask_with_password(const char *user, const char *password, gk_buf *out, gk_error *err)
{
	gk_auto_str char *pair = NULL, *encoded = NULL;
	int len;

	if (!*user && !*password)
		return GK_OK;
	len = asprintf(&pair, "%s:%s", user, password);
	if (len < 0) {
		pair = NULL;
		return gk_error_no_memory(err);
	}
	encoded = malloc(((size_t)len + 2) / 3 * 4 + 1);
	if (!encoded)
		return gk_error_no_memory(err);
	encode(pair, (size_t)len, encoded);
	gk_buf_printf(out, "Authorization: Basic %s\r\n", encoded);
	return GK_OK;
}

gk_code gk_ws_handshake_ask(
	const gk_ws_handshake *handshake, const gk_url *url, gk_buf *out, gk_error *err)
{
	gk_auto_str char *host = gk_url_part(url, CURLUPART_HOST, 0);
	gk_auto_str char *port = gk_url_part(url, CURLUPART_PORT, 0);
	gk_auto_str char *path = gk_url_part(url, CURLUPART_PATH, 0);
	gk_auto_str char *query = gk_url_part(url, CURLUPART_QUERY, 0);
	gk_auto_str char *user = gk_url_part(url, CURLUPART_USER, CURLU_URLDECODE);
	gk_auto_str char *password = gk_url_part(url, CURLUPART_PASSWORD, CURLU_URLDECODE);
	gk_code rc;

	if (!host || !port || !path || !query || !user || !password)
		return gk_error_no_memory(err);
	gk_buf_printf(out, "GET %s%s%s HTTP/1.1\r\nHost: %s%s%s\r\n", path, *query ? "?" : "",
		query, host, *port ? ":" : "", port);
	gk_buf_printf(out,
		"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: %s\r\n"
		"Sec-WebSocket-Version: 13\r\nUser-Agent: genkitd/" PACKAGE_VERSION "\r\n",
		handshake->key);
	rc = ask_with_password(user, password, out, err);
	gk_buf_puts(out, "\r\n");
	if (rc == GK_OK && gk_buf_failed(out))
		rc = gk_error_no_memory(err);
	return rc;
}

/* --- the answer --- */

/* A comma-separated list of words has this one, in any case. */
static bool has_word(const char *list, const char *word)
{
	size_t len = strlen(word);

	while (list && *list) {
		list += strspn(list, " \t,");
		if (strncasecmp(list, word, len) == 0 && strchr(" \t,", list[len]))
			return true;
		list += strcspn(list, ",");
	}
	return false;
}

static gk_code check_status(const char *line, size_t len, gk_error *err)
{
	if (len < 12 || memcmp(line, "HTTP/1.", 7) != 0 || line[8] != ' ')
		return gk_error_set(err, GK_UNAVAILABLE, "the answer is not HTTP/1.1");
	if (memcmp(line, "HTTP/1.1 101", 12) != 0 || (len > 12 && line[12] != ' '))
		return gk_error_set(err, GK_UNAVAILABLE,
			"the upgrade is refused with HTTP status %.3s",
			strspn(line + 9, "0123456789") >= 3 ? line + 9 : "?");
	return GK_OK;
}

static gk_code check_fields(const gk_ws_handshake *handshake, gk_fetch_head *head, gk_error *err)
{
	char accept[GK_WS_ACCEPT_SIZE];

	if (!gk_ws_handshake_accept(handshake->key, accept))
		return gk_error_no_memory(err);
	if (!has_word(gk_fetch_head_peek(head, "upgrade"), "websocket") ||
		!has_word(gk_fetch_head_peek(head, "connection"), "upgrade"))
		return gk_error_set(err, GK_UNAVAILABLE, "the answer is no upgrade to WebSocket");
	if (!gk_str_equal(gk_fetch_head_peek(head, "sec-websocket-accept"), accept))
		return gk_error_set(err, GK_UNAVAILABLE, "the answer has a wrong accept key");
	if (gk_fetch_head_peek(head, "sec-websocket-extensions") ||
		gk_fetch_head_peek(head, "sec-websocket-protocol"))
		return gk_error_set(err, GK_UNAVAILABLE,
			"the answer has an extension or protocol that was not asked for");
	return GK_OK;
}

static gk_code read_answer(const gk_ws_handshake *handshake, size_t len, gk_error *err)
{
	const char *at = handshake->answer.data, *end = at + len;
	const char *line_end = memchr(at, '\n', len);
	gk_fetch_head head;
	gk_code rc = check_status(at, (size_t)(line_end - at - 1), err);

	gk_fetch_head_init(&head);
	for (at = line_end + 1; rc == GK_OK && at < end; at = line_end + 1) {
		line_end = memchr(at, '\n', (size_t)(end - at));
		rc = gk_fetch_head_add(&head, at, (size_t)(line_end + 1 - at), err);
	}
	if (rc == GK_OK)
		rc = check_fields(handshake, &head, err);
	gk_fetch_head_done(&head);
	return rc;
}

gk_code gk_ws_handshake_push(gk_ws_handshake *handshake, const char *data, size_t len,
	bool *granted_ret, size_t *used_ret, gk_error *err)
{
	gk_buf *answer = &handshake->answer;
	size_t before = answer->len, from = before > 3 ? before - 3 : 0, head_len;
	const char *end;
	gk_code rc;

	gk_buf_put(answer, data, len);
	if (gk_buf_failed(answer))
		return gk_error_no_memory(err);
	*granted_ret = false;
	*used_ret = len;
	end = memmem(answer->data + from, answer->len - from, "\r\n\r\n", 4);
	head_len = end ? (size_t)(end + 4 - answer->data) : answer->len;
	if (head_len > GK_MAX_WS_HANDSHAKE)
		return gk_error_set(err, GK_RESOURCE_EXHAUSTED,
			"the answer to the upgrade is longer than %u bytes", GK_MAX_WS_HANDSHAKE);
	if (!end)
		return GK_OK;
	rc = read_answer(handshake, head_len, err);
	*granted_ret = rc == GK_OK;
	*used_ret = head_len - before;
	return rc;
}
