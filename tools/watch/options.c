/* SPDX-License-Identifier: MIT */
#include "tools/watch/options.h"

bool options__route_is_visits(const struct options *options)
{
	return options->route == HAK_ROUTE_PREVIOUS || options->route == HAK_ROUTE_DEPOT ||
	       options->route == HAK_ROUTE_SPAN || options->route == HAK_ROUTE_CHECKED;
}
