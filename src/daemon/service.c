/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "daemon/service.h"

#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/parse.h"
#include "base/str.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define FIRST_FD 3 /* of inherited ones */

/* --- notification --- */

static bool notify_address(struct sockaddr_un *ret, socklen_t *len_ret)
{
	const char *path = getenv("NOTIFY_SOCKET");
	size_t len = path ? strlen(path) : 0;

	/* "@name" is in the abstract namespace: its first byte is NUL. */
	if (len < 2 || len >= sizeof(ret->sun_path) || (path[0] != '/' && path[0] != '@'))
		return false;
	*ret = (struct sockaddr_un){ .sun_family = AF_UNIX };
	memcpy(ret->sun_path, path, len);
	if (path[0] == '@')
		ret->sun_path[0] = '\0';
	*len_ret = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
	return true;
}

bool gk_service_notify(const char *format, ...)
{
	gk_auto_str char *text = NULL;
	struct sockaddr_un name;
	socklen_t len;
	va_list args;
	bool sent;
	int fd;

	if (!notify_address(&name, &len))
		return false;
	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		text = NULL;
	va_end(args);
	fd = text ? socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0) : -1;
	if (fd < 0)
		return false;
	sent = sendto(fd, text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT, (struct sockaddr *)&name,
		       len) >= 0;
	if (!sent)
		gk_log(GK_LOG_WARN, "service", "cannot tell the service manager: %s",
			strerror(errno));
	close(fd);
	return sent;
}

void gk_service_reloading(void)
{
	gk_service_notify("RELOADING=1\nMONOTONIC_USEC=%llu",
		(unsigned long long)(gk_clock_mono_ns() / 1000));
}

/* --- watchdog --- */

struct gk_service_watchdog {
	gk_timer *timer;
};

static void on_watchdog(void *user)
{
	(void)user;
	gk_service_notify("WATCHDOG=1");
}

/* True when the variable names this process, or is not there. */
static bool is_for_us(const char *variable, bool missing)
{
	const char *text = getenv(variable);
	uint64_t pid;

	if (!text)
		return missing;
	return gk_parse_u64(text, strlen(text), &pid) && pid == (uint64_t)getpid();
}

gk_code gk_service_watchdog_start(gk_loop *loop, gk_service_watchdog **ret, gk_error *err)
{
	const char *text = getenv("WATCHDOG_USEC");
	gk_service_watchdog *watchdog;
	uint64_t us, half_ms;
	gk_code rc;

	*ret = NULL;
	if (!text || !gk_parse_u64(text, strlen(text), &us) || !us ||
		!is_for_us("WATCHDOG_PID", true))
		return GK_OK;
	half_ms = us / 2000 ? us / 2000 : 1;
	watchdog = calloc(1, sizeof(*watchdog));
	if (!watchdog)
		return gk_error_no_memory(err);
	rc = gk_timer_start(loop, half_ms, half_ms, on_watchdog, watchdog, &watchdog->timer, err);
	if (rc != GK_OK) {
		free(watchdog);
		return rc;
	}
	gk_timer_unref(watchdog->timer);
	*ret = watchdog;
	return GK_OK;
}

void gk_service_watchdog_stop(gk_service_watchdog *watchdog)
{
	if (!watchdog)
		return;
	gk_timer_stop(watchdog->timer);
	free(watchdog);
}

/* --- inherited sockets --- */

static gk_code take_fd(int fd, gk_error *err)
{
	int is_listening = 0, type = 0, flags = fcntl(fd, F_GETFL);
	socklen_t len = sizeof(int);

	if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &is_listening, &len) < 0 || !is_listening ||
		getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) < 0 || type != SOCK_STREAM)
		return gk_error_set(err, GK_INVALID_ARGUMENT,
			"inherited descriptor %d is no listening stream socket (in a socket unit: ListenStream=, Accept=no)",
			fd);
	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ||
		fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
		return gk_error_set(
			err, GK_INTERNAL, "inherited descriptor %d: %s", fd, strerror(errno));
	return GK_OK;
}

/* The n-th of "a:b:c"; "" when there are fewer. */
static char *name_of(const char *names, size_t n)
{
	for (; n && *names; n--) {
		names += strcspn(names, ":");
		names += *names == ':';
	}
	return strndup(names, strcspn(names, ":"));
}

gk_code gk_service_sockets_take(gk_service_sockets *ret, gk_error *err)
{
	const char *text = getenv("LISTEN_FDS"), *names = getenv("LISTEN_FDNAMES");
	uint64_t count;
	gk_code rc = GK_OK;

	*ret = (gk_service_sockets){ 0 };
	if (!text || !is_for_us("LISTEN_PID", false))
		return GK_OK;
	if (!gk_parse_u64(text, strlen(text), &count) || count > GK_MAX_SOCKETS)
		return gk_error_set(
			err, GK_INVALID_ARGUMENT, "LISTEN_FDS: '%s' is no count of sockets", text);
	ret->items = calloc(count ? count : 1, sizeof(*ret->items));
	if (!ret->items)
		return gk_error_no_memory(err);
	for (int fd = FIRST_FD; rc == GK_OK && ret->count < count; fd++) {
		gk_service_socket *item = &ret->items[ret->count++];

		item->fd = fd;
		item->name = name_of(names ? names : "", (size_t)(fd - FIRST_FD));
		rc = item->name ? take_fd(fd, err) : gk_error_no_memory(err);
	}
	if (rc != GK_OK)
		gk_service_sockets_done(ret);
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDNAMES");
	return rc;
}

int gk_service_socket_next(gk_service_sockets *sockets, const char *name)
{
	for (size_t i = 0; i < sockets->count; i++) {
		gk_service_socket *item = &sockets->items[i];
		const char *own = gk_str_equal(item->name, "reflection") ? item->name : "flows";

		if (item->fd >= 0 && strcmp(own, name) == 0) {
			int fd = item->fd;

			item->fd = -1;
			return fd;
		}
	}
	return -1;
}

void gk_service_sockets_done(gk_service_sockets *sockets)
{
	for (size_t i = 0; i < sockets->count; i++) {
		if (sockets->items[i].fd >= 0)
			close(sockets->items[i].fd);
		free(sockets->items[i].name);
	}
	free(sockets->items);
	*sockets = (gk_service_sockets){ 0 };
}
