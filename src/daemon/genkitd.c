/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include <genkit/module.h>

int main(int argc, char **argv)
{
	return gk_main(argc, argv, NULL);
}
