/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* URLs as logs, errors and people may see them. What fetches already prints them so; this is for whoever else does. */
#ifndef GK_LOOP_URL_SHOWN_H
#define GK_LOOP_URL_SHOWN_H

/** Without user, password, query and fragment; owned by the caller. Of a text that is no http, https, ws or wss URL
 * nothing is shown: "(not a URL)". NULL: no memory. */
char *gk_url_shown(const char *text);

#endif
