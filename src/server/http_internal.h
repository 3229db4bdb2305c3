/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * Behind the front: listeners, connections and exchanges as libmicrohttpd's callbacks see them.
 *
 *	            handler returned
 *	READING ---> ANSWERED                    the answer had ended: one response of known length
 *	   |    \--> FRESH (some suspended) ---> ANSWERED, if it ends within GK_HTTP_GRACE_MS
 *	   |    \--> STREAMING <--> (suspended)  begun: chunks, suspended while there are none
 *	   |    \--> WAITING (suspended) ------> ANSWERED or STREAMING, when it is begun later
 *	   '-------> REFUSED                     never reaches a handler
 *
 * An exchange lives until libmicrohttpd has completed it. Its owner forgets it earlier: at gk_exchange_end(), or at the
 * hang-up it is told of.
 */
#ifndef GK_SERVER_HTTP_INTERNAL_H
#define GK_SERVER_HTTP_INTERNAL_H

#include "base/buf.h"
#include "server/http.h"

#include <assert.h>
#include <microhttpd.h>
#include <sys/queue.h>

#define GK_LISTENER_MAGIC        0x6c73746eu
#define GK_EXCHANGE_MAGIC        0x78636867u
#define GK_CHECK(object, magic_) assert((object) && (object)->magic == (magic_))

typedef enum gk_connection_state {
	GK_CONNECTION_IDLE,    /* between requests, up to the end of the next request line */
	GK_CONNECTION_HEADERS, /* new, or amid headers */
	GK_CONNECTION_BODY,
	GK_CONNECTION_BUSY, /* ours to answer */
	GK_CONNECTION_STATES
} gk_connection_state;

/* A request's target, as it came. */
typedef struct gk_target {
	size_t len;                         /* with query and escapes */
	size_t authority_at, authority_len; /* of the absolute form; 0: it is in another one */
	bool is_bad;                        /* no authority can be told from the rest */
} gk_target;

/* One socket. Hangs in the list of its state, oldest first; each state but BUSY has a time limit. */
typedef struct gk_connection {
	gk_http_listener *listener;
	int fd;
	gk_connection_state state;
	uint64_t since_ms;
	gk_target target;  /* of the request under way */
	bool is_looked_at; /* idle, and its client's end has not been missed */
	TAILQ_ENTRY(gk_connection) link;
} gk_connection;
typedef TAILQ_HEAD(gk_connection_list, gk_connection) gk_connection_list;

typedef LIST_HEAD(gk_exchange_list, gk_exchange) gk_exchange_list;

struct gk_http_listener {
	unsigned magic;
	gk_loop *loop;
	gk_http_opts opts;
	char *name, *address;
	unsigned port;
	unsigned idle_s; /* libmicrohttpd's own time limit */
	int fd;          /* -1: closed */
	struct MHD_Daemon *daemon;
	gk_poll *poll;  /* libmicrohttpd's epoll descriptor */
	gk_defer run;   /* MHD_run() at the end of this turn */
	gk_timer *tick; /* looks for what takes too long, while there are connections */
	gk_timer *rest; /* no descriptor was left: until the next try */
	gk_connection_list connections[GK_CONNECTION_STATES];
	size_t connection_count, active;
	size_t coming;                   /* bytes of bodies that are not yet whole */
	size_t peak;                     /* connections since memory was given back */
	gk_exchange_list exchanges;      /* with a handler that has not ended its answer */
	TAILQ_HEAD(, gk_exchange) fresh; /* for GK_HTTP_GRACE_MS at most, oldest first */
	gk_timer *grace;                 /* while there are any */
	size_t lingering;   /* of the fresh: not suspended, libmicrohttpd asks each time it runs */
	unsigned owed;      /* runs for others, about whom it cannot be asked meanwhile */
	gk_exchange *spare; /* for the next request: spares an allocation and its buffers */
	bool is_retired, is_draining, is_stopping;
	bool knows_layout;         /* and ways, of this libmicrohttpd */
	bool is_starved, has_told; /* no descriptor is left, and the log says so */
};

/* A fiber that waits for room. On its stack. */
typedef struct gk_room_waiter {
	gk_fiber *fiber;
	bool is_gone;
	TAILQ_ENTRY(gk_room_waiter) link;
} gk_room_waiter;

struct gk_exchange {
	unsigned magic;
	gk_http_listener *listener;
	gk_connection *connection;
	struct MHD_Connection *mhd;
	const char *method, *path; /* libmicrohttpd's, valid until completion */
	char *host;                /* of a target in absolute form; NULL: the header tells */
	const char *route;         /* static; NULL: none yet */
	uint64_t start_ns;         /* when the handler was called; 0: it was not */
	uint64_t announced;        /* of the body; 0: nothing, or not known */
	gk_buf body;
	/* The answer. */
	int status;
	const char *type; /* static, or a copy in `headers` */
	gk_buf headers;   /* "Name\0value\0"... */
	gk_buf out;       /* bytes from out_read on wait for the client */
	size_t out_read;
	void (*on_hangup)(gk_exchange *x, void *user);
	void *user;
	gk_poll *hangup;                      /* watches the socket while an answer is pending */
	TAILQ_HEAD(, gk_room_waiter) waiters; /* a run may produce in several fibers at once */
	bool is_dispatched, is_too_large, is_crowded_out, is_refused, is_begun, is_ended, is_queued,
		is_suspended, is_held, is_gone;
	bool is_whole; /* the request has come to its end */
	bool is_listed, is_fresh, was_fresh, is_lingering;
	LIST_ENTRY(gk_exchange) link;
	TAILQ_ENTRY(gk_exchange) fresh_link;
};

/* A request's first line, where libmicrohttpd has it. */
typedef struct gk_request_line {
	const char *method, *target, *version;
	size_t target_len; /* as it came, with query and escapes */
} gk_request_line;

/** Whether this libmicrohttpd lays requests out as gk_framing_check() expects. */
bool gk_framing_knows_layout(void);
/** 0: the request may go on; else the status that refuses it. */
int gk_framing_check(struct MHD_Connection *mhd, const gk_request_line *line, bool knows_layout);

/* target.c */
void gk_target_read(const char *text, gk_target *ret);
/** A target in absolute form, whose `*path` is whole but decoded, becomes a path and a host (owned by the caller); one in
 * another form stays as it is. False: its authority is none, or there is no memory. */
bool gk_target_split(
	const gk_target *target, const char *method, const char **path, char **host_ret);

/* exchange.c: between the handler and libmicrohttpd. */
gk_exchange *gk_exchange_new(gk_http_listener *listener, struct MHD_Connection *mhd,
	const char *method, const char *path);
/** libmicrohttpd has finished with it. */
void gk_exchange_complete(gk_exchange *x);
/** Calls the handler, then queues or suspends. */
enum MHD_Result gk_exchange_dispatch(gk_exchange *x);
/** Queues what has been begun since it was suspended. */
enum MHD_Result gk_exchange_continue(gk_exchange *x);
/** The client has gone: tells the owner, once, and lets libmicrohttpd find out. */
void gk_exchange_hang_up(gk_exchange *x);
/** Answers with an error of our own and closes the connection. */
enum MHD_Result gk_exchange_refuse(gk_exchange *x, int status, const char *text);

/* connection.c: the time limits of connections. */
void gk_connection_enter(gk_connection *connection, gk_connection_state state);
/** While there are connections. */
void gk_connections_watch(gk_http_listener *listener);
void gk_connections_unwatch(gk_http_listener *listener);

/* http.c */
void gk_http_run_soon(gk_http_listener *listener);
/** libmicrohttpd has more to do than it did in this run: so many more. */
void gk_http_owe_runs(gk_http_listener *listener, unsigned runs);

#endif
