/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Where things are installed, as `make prefix=...` said. */
#ifndef GK_DAEMON_PATHS_H
#define GK_DAEMON_PATHS_H

extern const char gk_path_config[];        /* /etc/genkitd/genkitd.yaml */
extern const char gk_path_config_folder[]; /* /etc/genkitd/conf.d */
extern const char gk_path_modules[];       /* /usr/lib/genkit/modules */

#endif
