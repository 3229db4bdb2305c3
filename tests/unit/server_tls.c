/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* TLS before a scripted server: bytes are pumped between the client and a pair of plain sockets. */
#include "server_internal.h"

#include <check.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static char ca_file[] = "/tmp/genkit-test-ca-XXXXXX";
static SSL_CTX *context;

static void remove_ca_file(void)
{
	unlink(ca_file);
}

static X509 *make_certificate(EVP_PKEY *key)
{
	X509 *cert = X509_new();
	X509_NAME *name = X509_get_subject_name(cert);
	X509_EXTENSION *names =
		X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, "DNS:localhost,IP:127.0.0.1");
	X509_EXTENSION *authority =
		X509V3_EXT_conf_nid(NULL, NULL, NID_basic_constraints, "critical,CA:TRUE");

	X509_set_version(cert, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
	X509_gmtime_adj(X509_getm_notBefore(cert), -3600);
	X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
	X509_NAME_add_entry_by_txt(
		name, "CN", MBSTRING_ASC, (const unsigned char *)"localhost", -1, -1, 0);
	X509_set_issuer_name(cert, name);
	X509_set_pubkey(cert, key);
	X509_add_ext(cert, names, -1);
	X509_add_ext(cert, authority, -1);
	X509_EXTENSION_free(names);
	X509_EXTENSION_free(authority);
	ck_assert_int_gt(X509_sign(cert, key, EVP_sha256()), 0);
	return cert;
}

static void make_context(void)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *cert = make_certificate(key);
	int fd = mkstemp(ca_file);
	FILE *file = fdopen(fd, "w");

	ck_assert_ptr_nonnull(file);
	PEM_write_X509(file, cert);
	fclose(file);
	atexit(remove_ca_file);
	context = SSL_CTX_new(TLS_server_method());
	ck_assert_int_eq(SSL_CTX_use_certificate(context, cert), 1);
	ck_assert_int_eq(SSL_CTX_use_PrivateKey(context, key), 1);
	X509_free(cert);
	EVP_PKEY_free(key);
}

const char *server_ca_file(void)
{
	if (!context)
		make_context();
	return ca_file;
}

SSL_CTX *server_tls_context(void)
{
	server_ca_file();
	return context;
}

static int choose_h2(SSL *tls, const unsigned char **ret, unsigned char *len,
	const unsigned char *offered, unsigned offered_len, void *user)
{
	static const unsigned char ours[] = "\x02h2";

	(void)tls;
	(void)user;
	return SSL_select_next_proto((unsigned char **)ret, len, ours, sizeof(ours) - 1, offered,
		       offered_len) == OPENSSL_NPN_NEGOTIATED
		       ? SSL_TLSEXT_ERR_OK
		       : SSL_TLSEXT_ERR_NOACK;
}

void server_tls_offer_h2(void)
{
	SSL_CTX_set_alpn_select_cb(server_tls_context(), choose_h2, NULL);
}

/* False at the end of either side. */
static bool pump_in(SSL *tls, int plain)
{
	char room[16384];

	do {
		int n = SSL_read(tls, room, sizeof(room));

		if (n <= 0)
			return SSL_get_error(tls, n) == SSL_ERROR_WANT_READ;
		if (send(plain, room, (size_t)n, MSG_NOSIGNAL) != n)
			return false;
	} while (SSL_pending(tls));
	return true;
}

static bool pump_out(SSL *tls, int plain)
{
	char room[16384];
	ssize_t n = recv(plain, room, sizeof(room), 0);

	return n > 0 && SSL_write(tls, room, (int)n) == n;
}

void server_pump_tls(int fd, int plain)
{
	SSL *tls = SSL_new(context);
	struct pollfd both[2] = { { .fd = fd, .events = POLLIN },
		{ .fd = plain, .events = POLLIN } };
	sigset_t broken_pipe;
	bool go_on;

	sigemptyset(&broken_pipe); /* OpenSSL writes without MSG_NOSIGNAL */
	sigaddset(&broken_pipe, SIGPIPE);
	pthread_sigmask(SIG_BLOCK, &broken_pipe, NULL);
	SSL_set_fd(tls, fd);
	go_on = SSL_accept(tls) == 1;
	while (go_on && poll(both, 2, -1) > 0) {
		if (both[0].revents)
			go_on = pump_in(tls, plain);
		if (go_on && both[1].revents)
			go_on = pump_out(tls, plain);
	}
	SSL_shutdown(tls);
	SSL_free(tls);
}
