/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "base/id.h"

#include "base/clock.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

/* The kernel is asked for a pool at a time: a call for each of a request's three ids would cost more than the rest
 * of the span. A pool belongs to its thread, and what was handed out is wiped. */
#define POOL_SIZE  1024
#define TIME_BYTES 6

static _Thread_local struct {
	unsigned char bytes[POOL_SIZE];
	size_t left;
} pool;

static void fill_from_kernel(unsigned char *bytes, size_t len)
{
	while (len) {
		ssize_t got = getrandom(bytes, len, 0);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			abort(); /* a kernel without random numbers: nothing here would be safe */
		bytes += got;
		len -= (size_t)got;
	}
}

void gk_random_bytes(void *ret, size_t len)
{
	unsigned char *from;

	if (len > POOL_SIZE / 4) {
		fill_from_kernel(ret, len);
		return;
	}
	if (pool.left < len) {
		fill_from_kernel(pool.bytes, POOL_SIZE);
		pool.left = POOL_SIZE;
	}
	pool.left -= len;
	from = pool.bytes + pool.left;
	memcpy(ret, from, len);
	explicit_bzero(from, len);
}

static void put_hex(char *ret, const unsigned char *bytes, size_t len)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < len; i++) {
		*ret++ = digits[bytes[i] >> 4];
		*ret++ = digits[bytes[i] & 15];
	}
	*ret = '\0';
}

void gk_id_trace(char ret[GK_TRACE_ID_SIZE])
{
	unsigned char bytes[16];
	uint64_t ms = gk_clock_wall_ns() / 1000000;

	gk_random_bytes(bytes + TIME_BYTES, sizeof(bytes) - TIME_BYTES);
	for (int i = TIME_BYTES - 1; i >= 0; i--, ms >>= 8)
		bytes[i] = (unsigned char)ms;
	bytes[sizeof(bytes) - 1] |= bytes[0] == 0; /* OpenTelemetry forbids an id of zeros only */
	put_hex(ret, bytes, sizeof(bytes));
}

void gk_id_span(char ret[GK_SPAN_ID_SIZE])
{
	unsigned char bytes[8];

	gk_random_bytes(bytes, sizeof(bytes));
	bytes[0] |= bytes[0] == 0;
	put_hex(ret, bytes, sizeof(bytes));
}

void gk_id_uuid(char ret[GK_UUID_SIZE])
{
	static const unsigned char groups[] = { 4, 2, 2, 2, 6 };
	unsigned char bytes[16], *next = bytes;

	gk_random_bytes(bytes, sizeof(bytes));
	bytes[6] = (unsigned char)((bytes[6] & 0x0f) | 0x40);
	bytes[8] = (unsigned char)((bytes[8] & 0x3f) | 0x80);
	for (size_t i = 0; i < sizeof(groups); i++) {
		put_hex(ret, next, groups[i]);
		next += groups[i];
		ret += 2 * groups[i];
		*ret++ = i + 1 < sizeof(groups) ? '-' : '\0';
	}
}
