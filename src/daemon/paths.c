/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* The Makefile says GK_SYSCONFDIR and GK_LIBDIR, and compiles this file again when they change. */
#include "daemon/paths.h"

const char gk_path_config[] = GK_SYSCONFDIR "/genkitd/genkitd.yaml";
const char gk_path_config_folder[] = GK_SYSCONFDIR "/genkitd/conf.d";
const char gk_path_modules[] = GK_LIBDIR "/genkit/modules";
