/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* The telemetry server's API against a recorded exchange, over HTTP (telemetry section 12.3). */
#ifndef TESTS_TELEMETRY_API_H
#define TESTS_TELEMETRY_API_H

#include "conformance.h"

void telemetry_api_run(conformance *run, const char *file, json_t *doc);

#endif
