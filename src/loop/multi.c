/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "loop/multi.h"

#include <sys/socket.h>
#include <unistd.h>

/* One socket of curl's that is watched. */
typedef struct gk_multi_socket {
	gk_multi *multi;
	curl_socket_t fd;
	unsigned events; /* that are watched for */
	bool is_wanted;  /* a transfer uses it, as far as we were told */
	bool has_connected;
	gk_poll *poll;
} watched;

static void run(gk_multi *multi, curl_socket_t fd, int what)
{
	CURLMsg *msg;
	int running, left;

	curl_multi_socket_action(multi->curl, fd, what, &running);
	while (multi->curl && (msg = curl_multi_info_read(multi->curl, &left))) {
		if (msg->msg == CURLMSG_DONE)
			multi->done(msg->easy_handle, msg->data.result, multi->user);
	}
	if (multi->has_failed) {
		multi->has_failed = false;
		multi->failed(multi->user);
	}
}

static void watch_for(watched *socket, unsigned events)
{
	socket->events = events;
	gk_poll_update(socket->poll, events);
}

static void on_socket_ready(void *user, unsigned events)
{
	watched *socket = user;
	gk_multi *multi = socket->multi;
	curl_socket_t fd = socket->fd;
	int what = 0;

	if (!socket->is_wanted) { /* its server closes it: curl will see when it wants to use it */
		watch_for(socket, 0);
		return;
	}
	if (events & GK_POLL_READ)
		what |= CURL_CSELECT_IN;
	if (events & GK_POLL_WRITE)
		what |= CURL_CSELECT_OUT;
	if (events & GK_POLL_HANGUP) {
		what |= CURL_CSELECT_ERR;
		/* The poll has stopped; should curl want to go on, it does not say so again. */
		watch_for(socket, socket->events);
	}
	run(multi, fd, what);
}

/* --- sockets between transfers --- */

static watched *kept_peek(const gk_multi *multi, curl_socket_t fd)
{
	return (size_t)fd < multi->kept_size ? multi->kept[fd] : NULL;
}

static bool keep(gk_multi *multi, watched *socket)
{
	size_t size = (size_t)socket->fd + 1;

	if (size > multi->kept_size) {
		watched **kept = reallocarray(multi->kept, size += size / 2, sizeof(*kept));

		if (!kept)
			return false;
		memset(kept + multi->kept_size, 0, (size - multi->kept_size) * sizeof(*kept));
		multi->kept = kept;
		multi->kept_size = size;
	}
	multi->kept[socket->fd] = socket;
	return true;
}

static void forget(gk_multi *multi, watched *socket)
{
	if (socket == kept_peek(multi, socket->fd))
		multi->kept[socket->fd] = NULL;
	curl_multi_assign(multi->curl, socket->fd, NULL);
	gk_poll_stop(socket->poll);
	free(socket);
}

/* To stop watching and to begin again costs six system calls for each transfer. Only what has connected is told to
 * close_socket() when it is closed. */
static void rest(gk_multi *multi, watched *socket)
{
	if (!multi->keeps_watch || !socket->has_connected || !keep(multi, socket)) {
		forget(multi, socket);
		return;
	}
	socket->is_wanted = false;
	gk_poll_keep_loop(socket->poll, false);
	if (socket->events != GK_POLL_READ)
		watch_for(socket, GK_POLL_READ);
}

static int close_socket(void *user, curl_socket_t fd)
{
	gk_multi *multi = user;
	watched *socket = kept_peek(multi, fd);

	if (socket)
		forget(multi, socket);
	return close(fd);
}

/* --- what curl wants to hear of --- */

static bool watch(gk_multi *multi, curl_socket_t fd, unsigned events)
{
	watched *socket = malloc(sizeof(*socket));

	if (!socket)
		return false;
	*socket = (watched){ .multi = multi, .fd = fd, .events = events, .is_wanted = true };
	if (gk_poll_start(multi->loop, fd, events, on_socket_ready, socket, &socket->poll, NULL) !=
		GK_OK) {
		free(socket);
		return false;
	}
	curl_multi_assign(multi->curl, fd, socket);
	return true;
}

static void watch_again(watched *socket, unsigned events)
{
	socket->has_connected |= socket->events & GK_POLL_WRITE && !(events & GK_POLL_WRITE);
	if (!socket->is_wanted) {
		socket->is_wanted = true;
		gk_poll_keep_loop(socket->poll, true);
	}
	if (socket->events != events)
		watch_for(socket, events);
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *user, void *socket_user)
{
	gk_multi *multi = user;
	watched *socket = socket_user ? socket_user : kept_peek(multi, fd);
	unsigned events = 0;

	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		if (socket)
			rest(multi, socket);
		return 0;
	}
	if (what != CURL_POLL_OUT)
		events |= GK_POLL_READ;
	if (what != CURL_POLL_IN)
		events |= GK_POLL_WRITE;
	if (socket) {
		watch_again(socket, events);
	} else if (!watch(multi, fd, events)) {
		multi->has_failed = true; /* -1 would end this multi handle for good */
		gk_loop_defer(multi->loop, &multi->kick);
	}
	return 0;
}

static int on_timeout(CURLM *curl, long ms, void *user)
{
	gk_multi *multi = user;

	(void)curl;
	gk_timer_disarm(&multi->timer);
	if (ms == 0) /* a fiber's request is on its way before the loop does anything else */
		gk_loop_defer_pressing(multi->loop, &multi->kick);
	else if (ms > 0)
		gk_timer_arm(&multi->timer, (uint64_t)ms);
	return 0;
}

static void on_time(void *user)
{
	run(user, CURL_SOCKET_TIMEOUT, 0);
}

void gk_multi_init(gk_multi *multi, gk_loop *loop)
{
	*multi = (gk_multi){ .loop = loop, .kick = { .fn = on_time, .user = multi } };
	gk_timer_init(&multi->timer, loop, on_time, multi);
}

static CURLcode global_result;

static void init_curl(void)
{
	global_result = curl_global_init(CURL_GLOBAL_DEFAULT);
}

gk_code gk_multi_open(gk_multi *multi, gk_error *err)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	CURLM *curl;

	if (multi->curl)
		return GK_OK;
	pthread_once(&once, init_curl);
	if (global_result != CURLE_OK)
		return gk_error_set(err, GK_INTERNAL, "curl does not start: %s",
			curl_easy_strerror(global_result));
	curl = curl_multi_init();
	if (!curl)
		return gk_error_no_memory(err);
	curl_multi_setopt(curl, CURLMOPT_SOCKETFUNCTION, on_socket);
	curl_multi_setopt(curl, CURLMOPT_SOCKETDATA, multi);
	curl_multi_setopt(curl, CURLMOPT_TIMERFUNCTION, on_timeout);
	curl_multi_setopt(curl, CURLMOPT_TIMERDATA, multi);
	multi->curl = curl;
	return GK_OK;
}

void gk_multi_close(gk_multi *multi)
{
	if (multi->curl)
		curl_multi_cleanup(multi->curl);
	multi->curl = NULL;
	free(gk_steal(multi->kept));
	multi->kept_size = 0;
	gk_timer_disarm(&multi->timer);
	gk_loop_undefer(multi->loop, &multi->kick);
}

gk_code gk_multi_add(gk_multi *multi, CURL *easy, gk_error *err)
{
	CURLMcode code = curl_multi_add_handle(multi->curl, easy);

	if (code == CURLM_OK)
		return GK_OK;
	if (code == CURLM_OUT_OF_MEMORY)
		return gk_error_no_memory(err);
	return gk_error_set(err, GK_INTERNAL, "curl: %s", curl_multi_strerror(code));
}

void gk_multi_remove(gk_multi *multi, CURL *easy)
{
	curl_multi_remove_handle(multi->curl, easy);
}

static curl_socket_t open_socket(void *user, curlsocktype purpose, struct curl_sockaddr *address)
{
	(void)user;
	(void)purpose;
	return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

bool gk_multi_prepare(gk_multi *multi, CURL *easy)
{
	/* Without CURLOPT_QUICK_EXIT the end of a transfer waits for the thread that asks a name server: the loop
	 * would stand still. An empty proxy keeps curl from looking into the environment. */
	return curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, close_socket) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, multi) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_PROXY, "") == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_NOPROXY, "") == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L) == CURLE_OK;
}
