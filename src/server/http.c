/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Listeners: libmicrohttpd in our loop, requests, draining and stopping. */
#include "server/http_internal.h"

#include "base/limits.h"
#include "base/log.h"
#include "server/address.h"

#include <limits.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define STARVED_MS   250  /* between tries to take a connection without a descriptor left */
#define STREAM_BLOCK 1024 /* libmicrohttpd's own buffer of a stream */
#define STOP_ROUNDS  8    /* of MHD_run(), for resumed connections to end */
/* libmicrohttpd counts milliseconds in 32 bits; one that lingers has a second more. */
#define MAX_IDLE_S (UINT_MAX / 1000 - 1)

/* --- running --- */

static void wake_up(void *user)
{
	gk_http_listener *listener = user;

	gk_poll_update(listener->poll, GK_POLL_READ);
}

/* No descriptor was left for a new connection. With connections of its own libmicrohttpd waits until one ends; without any
 * it would try again at once, for ever. */
static void rest(gk_http_listener *listener)
{
	listener->is_starved = false;
	if (listener->connection_count || listener->is_stopping)
		return;
	if (!listener->has_told)
		gk_log(GK_LOG_WARN, listener->name, "no descriptor is left for a new connection");
	listener->has_told = true;
	if (listener->rest)
		gk_timer_again(listener->rest, STARVED_MS);
	else if (gk_timer_start(listener->loop, STARVED_MS, 0, wake_up, listener, &listener->rest,
			 NULL) != GK_OK)
		return;
	gk_poll_update(listener->poll, 0);
}

/* Something it could not finish in one go, such as the second of two pipelined requests. It says so for an exchange that
 * lingers as well, which is none: what goes unseen then waits for that exchange's end, GK_HTTP_GRACE_MS at most. */
static bool has_more(gk_http_listener *listener)
{
	MHD_UNSIGNED_LONG_LONG wait_ms;
	bool is_owed = listener->owed > 0;

	listener->owed -= is_owed;
	if (listener->lingering)
		return is_owed;
	return MHD_get_timeout(listener->daemon, &wait_ms) == MHD_YES && wait_ms == 0;
}

void gk_http_owe_runs(gk_http_listener *listener, unsigned runs)
{
	if (listener->owed < runs)
		listener->owed = runs;
}

static void run(void *user)
{
	gk_http_listener *listener = user;

	GK_CHECK(listener, GK_LISTENER_MAGIC);
	MHD_run(listener->daemon);
	if (listener->is_starved)
		rest(listener);
	if (has_more(listener))
		gk_http_run_soon(listener);
}

static void on_ready(void *user, unsigned events)
{
	(void)events;
	run(user);
}

void gk_http_run_soon(gk_http_listener *listener)
{
	if (!listener->is_stopping)
		gk_loop_defer(listener->loop, &listener->run);
}

/* --- connections --- */

static void on_connection(void *user, struct MHD_Connection *mhd, void **context,
	enum MHD_ConnectionNotificationCode what)
{
	gk_http_listener *listener = user;
	gk_connection *connection = *context;

	if (what == MHD_CONNECTION_NOTIFY_STARTED) {
		connection = calloc(1, sizeof(*connection));
		*context = connection;
		if (!connection)
			return; /* its first request is refused */
		connection->listener = listener;
		connection->fd =
			MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
		connection->state = GK_CONNECTION_HEADERS;
		connection->since_ms = gk_loop_now_ms(listener->loop);
		TAILQ_INSERT_TAIL(&listener->connections[GK_CONNECTION_HEADERS], connection, link);
		listener->connection_count++;
		listener->has_told = false;
		gk_connections_watch(listener);
	} else if (connection) {
		TAILQ_REMOVE(&listener->connections[connection->state], connection, link);
		listener->connection_count--;
		free(connection);
	}
}

/* --- requests --- */

static uint64_t announced_length(struct MHD_Connection *mhd)
{
	const char *text =
		MHD_lookup_connection_value(mhd, MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_LENGTH);

	return text ? strtoull(text, NULL, 10) : 0; /* checked to be a number */
}

/* The request line is here, and its target still as it came. */
static void *on_target(void *user, const char *target, struct MHD_Connection *mhd)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	gk_connection *connection = info ? info->socket_context : NULL;

	(void)user;
	if (!connection)
		return NULL;
	gk_target_read(target ? target : "", &connection->target);
	if (connection->state != GK_CONNECTION_HEADERS) /* a new connection's time runs already */
		gk_connection_enter(connection, GK_CONNECTION_HEADERS);
	return NULL; /* no exchange yet */
}

/* The first call: headers only. */
static enum MHD_Result begin_request(gk_http_listener *listener, struct MHD_Connection *mhd,
	const char *path, const char *method, const char *version, void **request)
{
	gk_exchange *x = gk_exchange_new(listener, mhd, method, path);
	int refusal;

	if (!x)
		return MHD_NO;
	*request = x;
	refusal = gk_framing_check(mhd,
		&(gk_request_line){ method, path, version, x->connection->target.len },
		listener->knows_layout);
	if (refusal)
		return gk_exchange_refuse(
			x, refusal, "the request's framing is ambiguous or malformed");
	if (!gk_target_split(&x->connection->target, method, &x->path, &x->host))
		return gk_exchange_refuse(
			x, MHD_HTTP_BAD_REQUEST, "the request's target names no host");
	x->announced = announced_length(mhd);
	if (x->announced > listener->opts.max_body) {
		x->is_too_large = true;
		/* Reading it to its end lets any client see the answer, so that is done within reason. */
		if (x->announced > GK_HTTP_EARLY_REFUSAL ||
			MHD_lookup_connection_value(mhd, MHD_HEADER_KIND, MHD_HTTP_HEADER_EXPECT)) {
			gk_connection_enter(x->connection, GK_CONNECTION_BUSY);
			return gk_exchange_dispatch(x);
		}
	}
	gk_connection_enter(x->connection, GK_CONNECTION_BODY);
	return MHD_YES;
}

static void drop_body(gk_exchange *x)
{
	x->listener->coming -= x->body.len;
	gk_buf_done(&x->body);
}

/* Whoever sends it may be anybody: so much for one, and so much for all together. */
static void take_body(gk_exchange *x, const char *data, size_t len)
{
	gk_http_listener *listener = x->listener;
	size_t before = x->body.len;

	if (x->is_too_large || x->is_crowded_out)
		return;
	x->is_too_large = before + len > listener->opts.max_body;
	x->is_crowded_out = !x->is_too_large && listener->coming + len > listener->opts.max_coming;
	if (x->is_too_large || x->is_crowded_out) {
		drop_body(x);
		return;
	}
	gk_buf_put(&x->body, data, len);
	listener->coming += x->body.len - before;
}

static enum MHD_Result on_request(void *user, struct MHD_Connection *mhd, const char *path,
	const char *method, const char *version, const char *data, size_t *len, void **request)
{
	gk_http_listener *listener = user;
	gk_exchange *x = *request;

	/* The last rounds: a connection that is suspended now would be one too many. */
	if (listener->is_stopping && !(x && x->is_dispatched))
		return MHD_NO;
	if (!x)
		return begin_request(listener, mhd, path, method, version, request);
	GK_CHECK(x, GK_EXCHANGE_MAGIC);
	if (*len) {
		take_body(x, data, *len);
		*len = 0;
		if (x->body.len != x->announced)
			gk_http_owe_runs(listener, 1);
		return MHD_YES;
	}
	if (x->is_dispatched)
		return gk_exchange_continue(x);
	x->is_whole = true;
	gk_connection_enter(x->connection, GK_CONNECTION_BUSY);
	return gk_exchange_dispatch(x);
}

static void on_completed(
	void *user, struct MHD_Connection *mhd, void **request, enum MHD_RequestTerminationCode how)
{
	gk_exchange *x = *request;

	(void)user;
	(void)mhd;
	(void)how;
	if (!x)
		return;
	*request = NULL;
	gk_connection_enter(x->connection, GK_CONNECTION_IDLE);
	gk_http_owe_runs(x->listener, 1);
	if (x->listener->is_draining)
		shutdown(x->connection->fd,
			SHUT_RD); /* no keep-alive; what was sent still arrives */
	gk_exchange_complete(x);
}

/* libmicrohttpd's own words are about clients: worth having only when looking for something. That descriptors have run
 * out it says nowhere else. */
static void on_log(void *user, const char *format, va_list args) GK_PRINTF(2, 0);
static void on_log(void *user, const char *format, va_list args)
{
	gk_http_listener *listener = user;
	char text[256];
	size_t len;

	if (strstr(format, "system resource limit"))
		listener->is_starved = true;
	if (!gk_log_is_on(GK_LOG_DEBUG))
		return;
	vsnprintf(text, sizeof(text), format, args);
	len = strcspn(text, "\n");
	text[len] = '\0';
	gk_log(GK_LOG_DEBUG, "http", "%s", text);
}

/* --- listening --- */

/* A quarter of the descriptors stays for what answers need: files, children, requests of our own. */
static unsigned affordable(unsigned connections)
{
	struct rlimit limit;
	rlim_t most;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur == RLIM_INFINITY)
		return connections;
	most = limit.rlim_cur - limit.rlim_cur / 4;
	return connections < most ? connections : (unsigned)most;
}

static void set_defaults(gk_http_opts *opts)
{
	if (!opts->max_connections)
		opts->max_connections = GK_HTTP_MAX_CONNECTIONS;
	opts->max_connections = affordable(opts->max_connections);
	if (!opts->header_ms)
		opts->header_ms = GK_HTTP_HEADER_MS;
	if (!opts->body_ms)
		opts->body_ms = GK_HTTP_BODY_MS;
	if (!opts->idle_ms)
		opts->idle_ms = GK_HTTP_IDLE_MS;
	if (!opts->max_body)
		opts->max_body = GK_HTTP_FLOW_BODY;
	if (!opts->max_coming)
		opts->max_coming = GK_HTTP_COMING_BODIES;
}

static int hex(char c)
{
	return c >= '0' && c <= '9'   ? c - '0'
	       : c >= 'a' && c <= 'f' ? c - 'a' + 10
	       : c >= 'A' && c <= 'F' ? c - 'A' + 10
				      : -1;
}

/* Of paths and query values, in place. libmicrohttpd's own would end the text at %00. */
static size_t unescape(void *user, struct MHD_Connection *mhd, char *text)
{
	char *to = text;

	(void)user;
	(void)mhd;
	for (const char *from = text; *from; from++, to++) {
		int high = *from == '%' ? hex(from[1]) : -1;
		int low = high >= 0 ? hex(from[2]) : -1;

		*to = *from;
		if (low >= 0 && (high || low)) {
			*to = (char)(high << 4 | low);
			from += 2;
		}
	}
	*to = '\0';
	return (size_t)(to - text);
}

static gk_code start_daemon(gk_http_listener *listener, gk_error *err)
{
	const union MHD_DaemonInfo *info;
	uint64_t idle_s = (listener->opts.idle_ms + 999) / 1000;

	listener->idle_s = idle_s < MAX_IDLE_S ? (unsigned)idle_s : MAX_IDLE_S;
	listener->daemon = MHD_start_daemon(
		MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG, 0, NULL, NULL,
		on_request, listener, MHD_OPTION_EXTERNAL_LOGGER, on_log, listener,
		MHD_OPTION_LISTEN_SOCKET, listener->fd, MHD_OPTION_UNESCAPE_CALLBACK, unescape,
		NULL, MHD_OPTION_NOTIFY_COMPLETED, on_completed, NULL, MHD_OPTION_NOTIFY_CONNECTION,
		on_connection, listener, MHD_OPTION_CONNECTION_LIMIT,
		listener->opts.max_connections, MHD_OPTION_PER_IP_CONNECTION_LIMIT,
		listener->opts.max_per_ip, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
		(size_t)GK_HTTP_CONNECTION_MEMORY, MHD_OPTION_CONNECTION_MEMORY_INCREMENT,
		(size_t)STREAM_BLOCK, MHD_OPTION_CONNECTION_TIMEOUT, listener->idle_s,
		MHD_OPTION_URI_LOG_CALLBACK, on_target, NULL, MHD_OPTION_STRICT_FOR_CLIENT, 1,
		MHD_OPTION_END);
	if (!listener->daemon)
		return gk_error_set(
			err, GK_UNAVAILABLE, "cannot serve HTTP on %s", listener->address);
	listener->fd = -1; /* libmicrohttpd's until it is quiesced */
	info = MHD_get_daemon_info(listener->daemon, MHD_DAEMON_INFO_EPOLL_FD);
	if (!info)
		return gk_error_set(err, GK_UNAVAILABLE, "libmicrohttpd has no epoll here");
	return gk_poll_start(listener->loop, info->epoll_fd, GK_POLL_READ, on_ready, listener,
		&listener->poll, err);
}

static gk_code open_listener(gk_http_listener *listener, gk_error *err)
{
	const gk_http_opts *opts = &listener->opts;
	gk_code rc = GK_OK;

	if (opts->address)
		rc = gk_address_listen(opts->address, opts->port_tries, &listener->fd, err);
	else
		listener->fd = opts->fd;
	if (rc != GK_OK)
		return rc;
	gk_address_tune(listener->fd);
	listener->address = gk_address_of(listener->fd, &listener->port);
	listener->name = strdup(opts->name ? opts->name : "http");
	if (!listener->address || !listener->name)
		return gk_error_no_memory(err);
	return start_daemon(listener, err);
}

gk_code gk_http_listen(
	gk_loop *loop, const gk_http_opts *opts, gk_http_listener **ret, gk_error *err)
{
	gk_http_listener *listener = calloc(1, sizeof(*listener));
	gk_code rc;

	if (!listener)
		return gk_error_no_memory(err);
	listener->magic = GK_LISTENER_MAGIC;
	listener->loop = loop;
	listener->opts = *opts;
	listener->fd = -1;
	listener->run = (gk_defer){ .fn = run, .user = listener };
	for (size_t i = 0; i < GK_CONNECTION_STATES; i++)
		TAILQ_INIT(&listener->connections[i]);
	LIST_INIT(&listener->exchanges);
	TAILQ_INIT(&listener->fresh);
	listener->knows_layout = gk_framing_knows_layout();
	set_defaults(&listener->opts);
	rc = open_listener(listener, err);
	if (rc != GK_OK) {
		gk_http_free(listener);
		return rc;
	}
	*ret = listener;
	return GK_OK;
}

const char *gk_http_address(const gk_http_listener *listener)
{
	return listener->address;
}

unsigned gk_http_port(const gk_http_listener *listener)
{
	return listener->port;
}

size_t gk_http_connections(const gk_http_listener *listener)
{
	return listener->connection_count;
}

size_t gk_http_active(const gk_http_listener *listener)
{
	return listener->active;
}

/* --- ending --- */

void gk_http_retire(gk_http_listener *listener)
{
	MHD_socket fd;

	if (listener->is_retired)
		return;
	listener->is_retired = true;
	fd = MHD_quiesce_daemon(listener->daemon);
	if (fd != MHD_INVALID_SOCKET)
		close(fd);
	if (listener->opts.address) /* the file of an inherited socket is its owner's */
		gk_address_cleanup(listener->address);
}

void gk_http_drain(gk_http_listener *listener)
{
	gk_connection *connection, *next;

	if (listener->is_draining)
		return;
	gk_http_retire(listener);
	listener->is_draining = true;
	/* Entering the list again would walk it for ever. */
	for (connection = TAILQ_FIRST(&listener->connections[GK_CONNECTION_IDLE]); connection;
		connection = next) {
		next = TAILQ_NEXT(connection, link);
		shutdown(connection->fd, SHUT_RDWR);
	}
	gk_http_run_soon(listener);
}

void gk_http_free(gk_http_listener *listener)
{
	gk_exchange *x;

	if (!listener)
		return;
	if (listener->daemon) {
		gk_http_drain(listener);
		listener->is_stopping = true;
		/* libmicrohttpd aborts when it is stopped with suspended connections. */
		while ((x = LIST_FIRST(&listener->exchanges)) != NULL)
			gk_exchange_hang_up(x);
		for (int i = 0; i < STOP_ROUNDS; i++)
			MHD_run(listener->daemon);
		gk_poll_stop(listener->poll);
		MHD_stop_daemon(listener->daemon);
	}
	gk_loop_undefer(listener->loop, &listener->run);
	gk_connections_unwatch(listener);
	gk_timer_stop(listener->rest);
	gk_timer_stop(listener->grace);
	if (listener->fd >= 0)
		close(listener->fd);
	if (listener->spare) {
		gk_buf_done(&listener->spare->body);
		gk_buf_done(&listener->spare->out);
		gk_buf_done(&listener->spare->headers);
		free(listener->spare);
	}
	listener->magic = 0;
	free(listener->name);
	free(listener->address);
	free(listener);
}
