/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "daemon/doors.h"

#include "base/log.h"
#include "base/str.h"
#include "server/address.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define SWEEP_MS 100

void gk_doors_init(gk_doors *doors, gk_loop *loop)
{
	*doors = (gk_doors){ .loop = loop };
	TAILQ_INIT(&doors->open);
	TAILQ_INIT(&doors->closing);
}

/* --- one door --- */

static void door_free(gk_door *door)
{
	gk_http_free(door->listener);
	if (door->fd >= 0)
		close(door->fd);
	free((char *)door->spec.address);
	free(door);
}

static bool has_same_limits(const gk_door_spec *a, const gk_door_spec *b)
{
	return a->max_connections == b->max_connections && a->max_per_ip == b->max_per_ip &&
	       a->header_ms == b->header_ms && a->body_ms == b->body_ms &&
	       a->idle_ms == b->idle_ms && a->max_body == b->max_body;
}

/* The listener gets a descriptor of its own, so that the socket outlives it. */
static gk_code start_listener(gk_doors *doors, gk_door *door, gk_error *err)
{
	const gk_door_spec *spec = &door->spec;
	int fd = fcntl(door->fd, F_DUPFD_CLOEXEC, 3);

	if (fd < 0)
		return gk_error_set(err, GK_UNAVAILABLE, "%s: %s", spec->surface, strerror(errno));
	return gk_http_listen(doors->loop,
		GK_OPTS(gk_http_opts, .name = spec->surface, .fd = fd,
			.max_connections = spec->max_connections, .max_per_ip = spec->max_per_ip,
			.header_ms = spec->header_ms, .body_ms = spec->body_ms,
			.idle_ms = spec->idle_ms, .max_body = spec->max_body,
			.handle = gk_routes_handle, .too_large = gk_routes_too_large,
			.answered = gk_routes_answered, .user = spec->routes),
		&door->listener, err);
}

/* `old` (NULL: none) has the socket already. */
static gk_code open_door(
	gk_doors *doors, const gk_door_spec *spec, const gk_door *old, gk_error *err)
{
	gk_door *door = calloc(1, sizeof(*door));
	gk_code rc = GK_OK;

	if (!door)
		return gk_error_no_memory(err);
	door->spec = *spec;
	door->fd = -1;
	door->spec.address = spec->address ? strdup(spec->address) : NULL;
	if (spec->address && !door->spec.address)
		rc = gk_error_no_memory(err);
	else if (old)
		door->fd = fcntl(old->fd, F_DUPFD_CLOEXEC, 3);
	else if (spec->address)
		rc = gk_address_listen(spec->address, spec->port_tries, &door->fd, err);
	else
		door->fd = spec->fd;
	if (rc == GK_OK && door->fd < 0)
		rc = gk_error_set(err, GK_UNAVAILABLE, "%s: %s", spec->surface, strerror(errno));
	if (rc == GK_OK)
		rc = start_listener(doors, door, err);
	if (rc != GK_OK) {
		if (door->fd >= 0 && !old && spec->address)
			gk_address_cleanup(spec->address);
		door_free(door);
		return rc;
	}
	door->is_new = door->is_wanted = true;
	door->spec.fd = -1;
	TAILQ_INSERT_TAIL(&doors->open, door, link);
	return GK_OK;
}

/* --- a change of all --- */

static gk_door *find(gk_doors *doors, const gk_door_spec *spec)
{
	gk_door *door;

	TAILQ_FOREACH (door, &doors->open, link)
		if (!door->is_wanted && !door->is_replaced &&
			strcmp(door->spec.surface, spec->surface) == 0 &&
			(spec->address ? gk_str_equal(door->spec.address, spec->address)
				       : !door->spec.address))
			return door;
	return NULL;
}

gk_code gk_doors_prepare(gk_doors *doors, const gk_door_spec *specs, size_t count, gk_error *err)
{
	gk_code rc = GK_OK;
	size_t i;

	for (i = 0; rc == GK_OK && i < count; i++) {
		gk_door *old = find(doors, &specs[i]);

		if (old && has_same_limits(&old->spec, &specs[i]))
			old->is_wanted = true;
		else
			rc = open_door(doors, &specs[i], old, err);
		if (old)
			old->is_replaced = !old->is_wanted;
	}
	if (rc == GK_OK)
		return GK_OK;
	for (; i < count; i++)
		if (!specs[i].address && specs[i].fd >= 0)
			close(specs[i].fd);
	gk_doors_discard(doors);
	return rc;
}

static bool has_address(const gk_doors *doors, const char *address)
{
	const gk_door *door;

	TAILQ_FOREACH (door, &doors->open, link)
		if (gk_str_equal(door->spec.address, address))
			return true;
	return false;
}

/* Out of the open ones: nobody new comes in, and nothing is left behind. */
static void close_socket(gk_doors *doors, gk_door *door)
{
	if (door->spec.address && !has_address(doors, door->spec.address))
		gk_address_cleanup(door->spec.address);
	if (door->fd >= 0)
		close(door->fd);
	door->fd = -1;
}

void gk_doors_discard(gk_doors *doors)
{
	gk_door *door, *next;

	for (door = TAILQ_FIRST(&doors->open); door; door = next) {
		next = TAILQ_NEXT(door, link);
		if (door->is_new) {
			TAILQ_REMOVE(&doors->open, door, link);
			close_socket(doors, door);
			door_free(door);
			continue;
		}
		door->is_wanted = door->is_replaced = false;
	}
}

static void sweep(void *user)
{
	gk_doors *doors = user;
	gk_door *door, *next;

	for (door = TAILQ_FIRST(&doors->closing); door; door = next) {
		next = TAILQ_NEXT(door, link);
		if (gk_http_connections(door->listener))
			continue;
		TAILQ_REMOVE(&doors->closing, door, link);
		door_free(door);
	}
	if (TAILQ_EMPTY(&doors->closing))
		gk_timer_stop(gk_steal(doors->sweep));
}

/* Its connections go on. */
static void begin_closing(gk_doors *doors, gk_door *door)
{
	gk_log(GK_LOG_INFO, door->spec.surface, "no longer listening on %s",
		gk_http_address(door->listener));
	TAILQ_REMOVE(&doors->open, door, link);
	TAILQ_INSERT_TAIL(&doors->closing, door, link);
	gk_http_retire(door->listener);
	close_socket(doors, door);
	if (!doors->sweep && gk_timer_start(doors->loop, SWEEP_MS, SWEEP_MS, sweep, doors,
				     &doors->sweep, NULL) == GK_OK)
		gk_timer_unref(doors->sweep);
}

void gk_doors_commit(gk_doors *doors)
{
	gk_door *door, *next;

	for (door = TAILQ_FIRST(&doors->open); door; door = next) {
		next = TAILQ_NEXT(door, link);
		if (!door->is_wanted)
			begin_closing(doors, door);
		else if (door->is_new)
			gk_log(GK_LOG_INFO, door->spec.surface, "listening on %s",
				gk_http_address(door->listener));
		door->is_new = door->is_wanted = false;
	}
}

/* --- all of them --- */

void gk_doors_drain(gk_doors *doors)
{
	gk_door *door;

	while ((door = TAILQ_FIRST(&doors->open)) != NULL)
		begin_closing(doors, door);
	TAILQ_FOREACH (door, &doors->closing, link)
		gk_http_drain(door->listener);
}

size_t gk_doors_active(const gk_doors *doors)
{
	const gk_door *door;
	size_t active = 0;

	TAILQ_FOREACH (door, &doors->open, link)
		active += gk_http_active(door->listener);
	TAILQ_FOREACH (door, &doors->closing, link)
		active += gk_http_active(door->listener);
	return active;
}

const gk_door *gk_doors_next(const gk_doors *doors, const gk_door *door, const char *surface)
{
	door = door ? TAILQ_NEXT(door, link) : TAILQ_FIRST(&doors->open);
	while (door && strcmp(door->spec.surface, surface) != 0)
		door = TAILQ_NEXT(door, link);
	return door;
}

void gk_doors_done(gk_doors *doors)
{
	gk_door *door;

	gk_doors_drain(doors);
	while ((door = TAILQ_FIRST(&doors->closing)) != NULL) {
		TAILQ_REMOVE(&doors->closing, door, link);
		door_free(door);
	}
	if (doors->sweep)
		gk_timer_stop(gk_steal(doors->sweep));
}
