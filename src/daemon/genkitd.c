/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
int main(void)
{
	return 0;
}
