/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* One destination by OTLP, as an entry of telemetry.export or OpenTelemetry's variables describe it. */
#ifndef GK_DAEMON_DESTINATION_H
#define GK_DAEMON_DESTINATION_H

#include "daemon/config.h"
#include "telemetry/otlp_exporter.h"

/* Owns what its options point to. */
typedef struct gk_destination {
	gk_otlp_exporter_opts opts;
	char *name, *ca_file, *cert_file, *key_file;
	struct {
		char *url;
		char **headers;
	} signals[GK_OTLP_SIGNALS];
} gk_destination;

/** INVALID_ARGUMENT with what is wrong with it. */
GK_MUST_USE gk_code gk_destination_read(const json_t *entry, gk_destination *ret, gk_error *err);
/** *is_there_ret: false when the variables ask for nothing. */
GK_MUST_USE gk_code gk_destination_from_environment(
	gk_destination *ret, bool *is_there_ret, gk_error *err);
void gk_destination_done(gk_destination *destination);

#endif
