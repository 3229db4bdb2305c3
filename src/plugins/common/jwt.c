/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "plugins/common/jwt.h"

#include "base/buf.h"
#include "plugins/common/media.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <string.h>

static bool put_base64url(gk_buf *buf, const void *data, size_t len)
{
	gk_auto_str char *text = gk_base64_encode(data, len);

	for (char *c = text; c && *c && *c != '='; c++)
		gk_buf_putc(buf, *c == '+' ? '-' : *c == '/' ? '_' : *c);
	return text && !gk_buf_failed(buf);
}

static bool put_json(gk_buf *buf, const json_t *value)
{
	size_t len = 0;
	gk_auto_str char *text = gk_json_write(value, &len);

	return text && put_base64url(buf, text, len);
}

/* Appends ".SIGNATURE" of what is there. */
static bool sign(gk_buf *buf, EVP_PKEY *key)
{
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	unsigned char *signature = NULL;
	size_t len = 0;
	bool ok = md && EVP_DigestSignInit(md, NULL, EVP_sha256(), NULL, key) == 1 &&
		  EVP_DigestSign(md, NULL, &len, (const unsigned char *)buf->data, buf->len) == 1 &&
		  (signature = malloc(len)) != NULL &&
		  EVP_DigestSign(md, signature, &len, (const unsigned char *)buf->data, buf->len) ==
			  1;

	if (ok) {
		gk_buf_putc(buf, '.');
		ok = put_base64url(buf, signature, len);
	}
	free(signature);
	EVP_MD_CTX_free(md);
	return ok;
}

static EVP_PKEY *read_key(const char *pem)
{
	BIO *bio = BIO_new_mem_buf(pem, -1);
	EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, NULL, (void *)"") : NULL;

	BIO_free(bio);
	if (key && EVP_PKEY_base_id(key) != EVP_PKEY_RSA) {
		EVP_PKEY_free(key);
		key = NULL;
	}
	return key;
}

gk_code gk_jwt_sign(
	const json_t *header, const json_t *claims, const char *pem, char **ret, gk_error *err)
{
	gk_auto_buf gk_buf text = GK_BUF_INIT(0);
	EVP_PKEY *key = read_key(pem);
	bool ok;

	if (!key)
		return gk_error_set(
			err, GK_INVALID_ARGUMENT, "the private key is no RSA key in PEM");
	ok = put_json(&text, header);
	gk_buf_putc(&text, '.');
	ok = ok && put_json(&text, claims) && sign(&text, key);
	EVP_PKEY_free(key);
	*ret = ok ? gk_buf_take(&text, NULL) : NULL;
	return *ret ? GK_OK : gk_error_no_memory(err);
}
