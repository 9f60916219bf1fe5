/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "encode/fingerprint.h"

#include "core/alloc.h"

#include <stdlib.h>
#include <string.h>

static int
compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *) a, y = *(const uint64_t *) b;

    return (x > y) - (x < y);
}

/* A sorted copy of the fingerprints that stand once. */
static int
unique_of(const uint64_t *rows, size_t n, uint64_t **out, size_t *n_out)
{
    uint64_t *sorted = ba_malloc(n, sizeof *sorted);
    size_t kept = 0;

    if (!sorted) {
        return BA_NOMEM;
    }
    memcpy(sorted, rows, n * sizeof *sorted);
    qsort(sorted, n, sizeof *sorted, compare);
    for (size_t i = 0; i < n;) {
        size_t j = i + 1;
        uint64_t value = sorted[i];

        while (j < n && sorted[j] == value) {
            j++;
        }
        if (j == i + 1) {
            sorted[kept++] = value;
        }
        i = j;
    }
    *out = sorted;
    *n_out = kept;
    return BA_OK;
}

int
ba_fingerprint_count(const uint64_t *rows, size_t n, const uint64_t *known,
    size_t n_known, size_t *n_found)
{
    int status = BA_OK;
    uint64_t *a = NULL, *b = NULL;
    size_t n_a, n_b, i = 0, j = 0;

    *n_found = 0;
    BA_TRY(unique_of(rows, n, &a, &n_a));
    BA_TRY(unique_of(known, n_known, &b, &n_b));
    while (i < n_a && j < n_b) {
        *n_found += a[i] == b[j];
        if (a[i] < b[j]) {
            i++;
        } else if (a[i] > b[j]) {
            j++;
        } else {
            i++;
            j++;
        }
    }
out:
    ba_free(a);
    ba_free(b);
    return status;
}

typedef struct {
    uint64_t hash;
    int32_t fold;
} mark_t;

static int
compare_marks(const void *a, const void *b)
{
    const mark_t *x = a, *y = b;

    return (x->hash > y->hash) - (x->hash < y->hash);
}

int
ba_fingerprint_duplicates(
    const uint64_t *rows, const int32_t *fold, size_t n, size_t *n_found)
{
    mark_t *marks = ba_malloc(n, sizeof *marks);
    size_t n_marks = 0;

    *n_found = 0;
    if (!marks) {
        return BA_NOMEM;
    }
    for (size_t i = 0; i < n; i++) {
        if (fold[i] >= 0) {
            marks[n_marks++] = (mark_t){rows[i], fold[i]};
        }
    }
    qsort(marks, n_marks, sizeof *marks, compare_marks);
    for (size_t i = 0, next; i < n_marks; i = next) {
        for (next = i + 1; next < n_marks && marks[next].hash == marks[i].hash;) {
            next++;
        }
        if (next == i + 2 && marks[i].fold != marks[i + 1].fold) {
            *n_found += 2;
        }
    }
    ba_free(marks);
    return BA_OK;
}
