/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/resource.h"

#include <sys/resource.h>
#include <time.h>

size_t
ba_peak_bytes(void)
{
    struct rusage usage;

    if (getrusage(RUSAGE_SELF, &usage) != 0 || usage.ru_maxrss < 0) {
        return 0;
    }
    return (size_t) usage.ru_maxrss * 1024;
}

double
ba_seconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double) t.tv_sec + 1e-9 * (double) t.tv_nsec;
}

void
ba_utc_now(char text[32])
{
    time_t seconds = time(NULL);
    struct tm utc;

    text[0] = '\0';
    if (gmtime_r(&seconds, &utc)) {
        strftime(text, 32, "%Y-%m-%dT%H:%M:%SZ", &utc);
    }
}
