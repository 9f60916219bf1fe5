/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/alloc.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef __GLIBC__
#include <malloc.h>
#endif

/* A cache line, and the widest vector register: tile kernels rely on it for speed, never
 * for correctness. */
#define ALIGNMENT 64

/* Free bytes that are worth giving back: what is given back is filled with zeros when it is
 * asked for again. */
#define TRIM_LEAST ((size_t) 12 << 20)

static atomic_size_t fail_countdown;

void
ba_alloc_fail_at(size_t n)
{
    atomic_store(&fail_countdown, n);
}

static int
allocation_must_fail(void)
{
    size_t left = atomic_load(&fail_countdown);

    while (left != 0) {
        if (atomic_compare_exchange_weak(&fail_countdown, &left, left - 1)) {
            return left == 1;
        }
    }
    return 0;
}

int
ba_multiply(size_t a, size_t b, size_t *product)
{
    if (__builtin_mul_overflow(a, b, product)) {
        return ba_fail(
            BA_TOO_LARGE, "memory: a block of %zu x %zu bytes cannot be addressed", a, b);
    }
    return BA_OK;
}

static int
no_memory(size_t n_bytes)
{
    return ba_fail(BA_NOMEM, "memory: a block of %.1f MiB could not be had",
        (double) n_bytes / 1048576);
}

void *
ba_malloc(size_t n, size_t size)
{
    size_t n_bytes;
    void *block = NULL;

    if (ba_multiply(n, size, &n_bytes) != BA_OK) {
        return NULL;
    }
    if (n_bytes > SIZE_MAX - ALIGNMENT || allocation_must_fail()) {
        no_memory(n_bytes);
        return NULL;
    }
    n_bytes = (n_bytes / ALIGNMENT + 1) * ALIGNMENT;
    block = aligned_alloc(ALIGNMENT, n_bytes);
    if (!block) {
        no_memory(n_bytes);
    }
    return block;
}

void *
ba_calloc(size_t n, size_t size)
{
    void *block = ba_malloc(n, size);

    if (block) {
        memset(block, 0, n * size);
    }
    return block;
}

void *
ba_realloc(void *block, size_t n, size_t size)
{
    size_t n_bytes;
    void *grown;

    if (ba_multiply(n, size, &n_bytes) != BA_OK) {
        return NULL;
    }
    grown = allocation_must_fail() ? NULL : realloc(block, n_bytes ? n_bytes : 1);
    if (!grown) {
        no_memory(n_bytes);
    }
    return grown;
}

char *
ba_strdup(const char *text)
{
    size_t n = strlen(text) + 1;
    char *copy = ba_malloc(n, 1);

    if (copy) {
        memcpy(copy, text, n);
    }
    return copy;
}

char *
ba_asprintf(const char *format, ...)
{
    va_list args;
    int n;
    char *text;

    va_start(args, format);
    n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (n < 0) {
        ba_fail(BA_VALUE, "text: '%s' could not be formatted", format);
        return NULL;
    }
    text = ba_malloc((size_t) n + 1, 1);
    if (text) {
        va_start(args, format);
        vsnprintf(text, (size_t) n + 1, format, args);
        va_end(args);
    }
    return text;
}

void
ba_free(void *block)
{
    free(block);
}

void
ba_alloc_trim(void)
{
#ifdef __GLIBC__
#if __GLIBC_PREREQ(2, 33)
    if (mallinfo2().fordblks < TRIM_LEAST) {
        return;
    }
#endif
    malloc_trim(0);
#endif
}
