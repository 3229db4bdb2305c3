/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Bodies of requests, compressed. (zlib inside.) */
#ifndef GK_TELEMETRY_GZIP_H
#define GK_TELEMETRY_GZIP_H

#include "base/buf.h"

/** Replaces the bytes by their gzip form. On any thread. */
GK_MUST_USE gk_code gk_gzip(gk_buf *buf, gk_error *err);

#endif
