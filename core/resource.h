/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the process has used. */
#ifndef BA_CORE_RESOURCE_H
#define BA_CORE_RESOURCE_H

#include "brainalign/api.h"

/* Largest resident memory of the process so far, in bytes; 0 when the system does not
 * tell. */
size_t ba_peak_bytes(void);

/* Seconds of a clock that only goes forward. */
double ba_seconds(void);

/* The time now as "2026-01-31T12:00:00Z". */
void ba_utc_now(char text[32]);

#endif
