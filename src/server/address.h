/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Addresses to listen on: "127.0.0.1:3400", "[::1]:0", "localhost:3400", "unix:/run/genkitd.sock". */
#ifndef GK_SERVER_ADDRESS_H
#define GK_SERVER_ADDRESS_H

#include <genkit/status.h>

/** A listening socket for it, close-on-exec and non-blocking; the first free port of `port_tries` above when it is taken.
 * An abandoned unix socket is replaced. INVALID_ARGUMENT for text that is no address, UNAVAILABLE when it cannot be had. */
GK_MUST_USE gk_code gk_address_listen(
	const char *address, unsigned port_tries, int *ret, gk_error *err);
/** What the sockets that it accepts inherit: small writes leave at once, and a client that vanishes without a word is
 * noticed within a minute. */
void gk_address_tune(int fd);
/** Where a socket listens, with the port the kernel chose; the caller frees it. NULL when memory ran out. */
char *gk_address_of(int fd, unsigned *port_ret);
/** True for text that gk_address_listen() understands. */
bool gk_address_is_valid(const char *address);
/** True when only this machine can reach it: 127.0.0.0/8, ::1, localhost, a unix socket. */
bool gk_address_is_local(const char *address);
/** Removes the file of a unix socket. */
void gk_address_cleanup(const char *address);

#endif
