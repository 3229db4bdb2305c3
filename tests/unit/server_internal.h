/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#ifndef TESTS_SERVER_INTERNAL_H
#define TESTS_SERVER_INTERNAL_H

#include "server.h"

#include <openssl/ssl.h>

/** Made once. */
SSL_CTX *server_tls_context(void);
/** From now on a client that offers HTTP/2 gets it. */
void server_tls_offer_h2(void);
/** Bytes go to and fro until either side ends. */
void server_pump_tls(int fd, int plain);

#endif
