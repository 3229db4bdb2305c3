/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* The provider that docs/adding-a-provider.md shows how to write. */
#ifndef TESTS_ACME_H
#define TESTS_ACME_H

#include "plugins/common/vendor.h"

extern const gk_vendor_type gk_plugin_acme;

#endif
