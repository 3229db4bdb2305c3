/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "server/address.h"

#include "base/limits.h"
#include "base/parse.h"
#include "base/str.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG     4096
#define UNIX_PREFIX "unix:"

static gk_code fail(gk_error *err, const char *address, const char *what)
{
	int why = errno;

	return gk_error_set(err, GK_UNAVAILABLE, "cannot listen on %s: %s%s%s", address, what,
		*what ? ": " : "", strerror(why));
}

/* --- unix sockets --- */

/* True when nobody answers behind the file: its daemon has gone. */
static bool is_abandoned(const struct sockaddr_un *name)
{
	int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool refused = probe >= 0 &&
		       connect(probe, (const struct sockaddr *)name, sizeof(*name)) < 0 &&
		       errno == ECONNREFUSED;

	if (probe >= 0)
		close(probe);
	return refused;
}

static bool is_unix_path(const char *path)
{
	return *path && strlen(path) < sizeof(((struct sockaddr_un *)NULL)->sun_path);
}

static gk_code listen_unix(const char *address, int *ret, gk_error *err)
{
	const char *path = address + strlen(UNIX_PREFIX);
	struct sockaddr_un name = { .sun_family = AF_UNIX };
	int fd;

	if (!is_unix_path(path))
		return gk_error_set(err, GK_INVALID_ARGUMENT,
			"'%s': the path of a unix socket has 1 to %zu bytes", address,
			sizeof(name.sun_path) - 1);
	strcpy(name.sun_path, path);
	if (is_abandoned(&name))
		unlink(path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return fail(err, address, "");
	if (bind(fd, (const struct sockaddr *)&name, sizeof(name)) < 0 || chmod(path, 0660) < 0 ||
		listen(fd, BACKLOG) < 0) {
		gk_code rc = fail(err, address, "");

		close(fd);
		return rc;
	}
	*ret = fd;
	return GK_OK;
}

/* --- TCP --- */

typedef struct host_port {
	char host[256];
	unsigned port;
} host_port;

static bool split(const char *address, host_port *ret)
{
	const char *colon = strrchr(address, ':'), *host = address;
	size_t len = colon ? (size_t)(colon - address) : 0;
	uint64_t port;

	if (!colon || !gk_parse_u64(colon + 1, strlen(colon + 1), &port) || port > 65535)
		return false;
	if (len >= 2 && host[0] == '[' && host[len - 1] == ']') {
		host++;
		len -= 2;
	} else if (memchr(host, ':', len)) {
		return false; /* IPv6 without brackets: where would the port begin? */
	}
	if (!len || len >= sizeof(ret->host))
		return false;
	memcpy(ret->host, host, len);
	ret->host[len] = '\0';
	ret->port = (unsigned)port;
	return true;
}

void gk_address_tune(int fd)
{
	const struct {
		int level, name, value;
	} options[] = {
		{ IPPROTO_TCP, TCP_NODELAY, 1 },
		{ SOL_SOCKET, SO_KEEPALIVE, 1 },
		{ IPPROTO_TCP, TCP_KEEPIDLE, GK_TCP_SILENCE_S },
		{ IPPROTO_TCP, TCP_KEEPINTVL, GK_TCP_PROBE_S },
		{ IPPROTO_TCP, TCP_KEEPCNT, GK_TCP_PROBES },
	};

	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		setsockopt(fd, options[i].level, options[i].name, &options[i].value,
			sizeof(options[i].value)); /* unix sockets have no such thing */
}

static int listen_on(const struct addrinfo *where, unsigned port)
{
	struct sockaddr_storage name;
	int fd, on = 1;

	memcpy(&name, where->ai_addr, where->ai_addrlen);
	if (where->ai_family == AF_INET6)
		((struct sockaddr_in6 *)&name)->sin6_port = htons((uint16_t)port);
	else
		((struct sockaddr_in *)&name)->sin_port = htons((uint16_t)port);
	fd = socket(where->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (where->ai_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&name, where->ai_addrlen) < 0 || listen(fd, BACKLOG) < 0) {
		int why = errno;

		close(fd);
		errno = why;
		return -1;
	}
	return fd;
}

gk_code gk_address_listen(const char *address, unsigned port_tries, int *ret, gk_error *err)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE },
			*found = NULL;
	host_port at;
	int status, fd = -1;

	if (gk_str_has_prefix(address, UNIX_PREFIX))
		return listen_unix(address, ret, err);
	if (!split(address, &at))
		return gk_error_set(err, GK_INVALID_ARGUMENT,
			"'%s' is no address: HOST:PORT, [IPv6]:PORT or unix:/path is expected",
			address);
	status = getaddrinfo(at.host, NULL, &hints, &found);
	if (status != 0)
		return gk_error_set(err, GK_UNAVAILABLE, "cannot listen on %s: %s", address,
			gai_strerror(status));
	for (unsigned i = 0; fd < 0 && i <= port_tries && at.port + i <= 65535; i++) {
		fd = listen_on(found, at.port ? at.port + i : 0);
		if (fd < 0 && errno != EADDRINUSE)
			break;
	}
	freeaddrinfo(found);
	if (fd < 0)
		return fail(err, address, port_tries ? "and the ports above" : "");
	*ret = fd;
	return GK_OK;
}

char *gk_address_of(int fd, unsigned *port_ret)
{
	struct sockaddr_storage name = { 0 };
	socklen_t len = sizeof(name);
	char host[INET6_ADDRSTRLEN] = "", *text = NULL;

	*port_ret = 0;
	if (getsockname(fd, (struct sockaddr *)&name, &len) < 0)
		return strdup("?");
	if (name.ss_family == AF_UNIX) {
		const char *path = ((struct sockaddr_un *)&name)->sun_path;

		return asprintf(&text, UNIX_PREFIX "%s", path) < 0 ? NULL : text;
	}
	if (name.ss_family == AF_INET6) {
		const struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&name;

		*port_ret = ntohs(in6->sin6_port);
		inet_ntop(AF_INET6, &in6->sin6_addr, host, sizeof(host));
		return asprintf(&text, "[%s]:%u", host, *port_ret) < 0 ? NULL : text;
	}
	*port_ret = ntohs(((struct sockaddr_in *)&name)->sin_port);
	inet_ntop(AF_INET, &((struct sockaddr_in *)&name)->sin_addr, host, sizeof(host));
	return asprintf(&text, "%s:%u", host, *port_ret) < 0 ? NULL : text;
}

bool gk_address_is_valid(const char *address)
{
	host_port at;

	if (gk_str_has_prefix(address, UNIX_PREFIX))
		return is_unix_path(address + strlen(UNIX_PREFIX));
	return split(address, &at);
}

bool gk_address_is_local(const char *address)
{
	struct in_addr in4;
	struct in6_addr in6;
	host_port at;

	if (gk_str_has_prefix(address, UNIX_PREFIX))
		return true;
	if (!split(address, &at))
		return false;
	if (inet_pton(AF_INET, at.host, &in4) == 1)
		return ntohl(in4.s_addr) >> 24 == 127;
	if (inet_pton(AF_INET6, at.host, &in6) == 1)
		return IN6_IS_ADDR_LOOPBACK(&in6);
	return strcmp(at.host, "localhost") == 0;
}

void gk_address_cleanup(const char *address)
{
	if (gk_str_has_prefix(address, UNIX_PREFIX))
		unlink(address + strlen(UNIX_PREFIX));
}
