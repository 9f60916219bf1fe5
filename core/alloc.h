/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Checked allocation. Every allocation of the library goes through here, so that tests
 * can make the n-th one fail. */
#ifndef BA_CORE_ALLOC_H
#define BA_CORE_ALLOC_H

#include "brainalign/error.h"

/* n * size bytes, zeroed, aligned to 64 bytes; NULL with the message set when it
 * overflows or fails. n = 0 gives a valid pointer. Free with ba_free(). */
void *ba_calloc(size_t n, size_t size) BA_MUST_USE;

/* The same without zeroing. */
void *ba_malloc(size_t n, size_t size) BA_MUST_USE;

/* As realloc(); the old block stays valid on failure. */
void *ba_realloc(void *block, size_t n, size_t size) BA_MUST_USE;

/* A copy of `text`. */
char *ba_strdup(const char *text) BA_MUST_USE;

/* A string printed into fresh memory. */
char *ba_asprintf(const char *format, ...) BA_PRINTF(1, 2) BA_MUST_USE;

/* Frees; NULL is fine. */
void ba_free(void *block);

/* *product = a * b; BA_TOO_LARGE when it overflows. */
int ba_multiply(size_t a, size_t b, size_t *product) BA_MUST_USE;

/* Gives what was freed back to the system, where it can and where that is much: between
 * phases that need memory in blocks of different sizes. */
void ba_alloc_trim(void);

/* Makes the n-th allocation from now fail (0 = never): for tests of error paths. */
void ba_alloc_fail_at(size_t n);

/* For BA_TRY: turns a NULL into BA_NOMEM. */
#define BA_TRY_ALLOC(pointer, expression)                                                \
    do {                                                                                 \
        (pointer) = (expression);                                                        \
        if (!(pointer)) {                                                                \
            status = BA_NOMEM;                                                           \
            goto out;                                                                    \
        }                                                                                \
    } while (0)

#endif
