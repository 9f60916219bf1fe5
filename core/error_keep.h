/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Carries a failure out of a parallel region: messages are per thread, so the first one
 * is kept and raised again outside. */
#ifndef BA_CORE_ERROR_KEEP_H
#define BA_CORE_ERROR_KEEP_H

#include "brainalign/error.h"

typedef struct {
    int status;
    char message[1024];
} ba_error_keep_t;

/* Remembers a failure of the calling thread, unless one is kept already. BA_OK is
 * ignored. Any thread. */
void ba_error_keep(ba_error_keep_t *keep, int status);

/* The kept status, its message made that of the calling thread. */
int ba_error_raise(const ba_error_keep_t *keep) BA_MUST_USE;

#endif
