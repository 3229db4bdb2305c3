/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* The Makefile compiles this file again when a path changes. */
#include "daemon/paths.h"

#ifndef GK_SYSCONFDIR
#define GK_SYSCONFDIR "/etc"
#endif
#ifndef GK_LIBDIR
#define GK_LIBDIR "/usr/lib"
#endif

const char gk_path_config[] = GK_SYSCONFDIR "/genkitd/genkitd.yaml";
const char gk_path_config_folder[] = GK_SYSCONFDIR "/genkitd/conf.d";
const char gk_path_modules[] = GK_LIBDIR "/genkit/modules";
